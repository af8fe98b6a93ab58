"""The hash chain of the journal: each entry is sealed together with all entries before it.

Whoever keeps the newest hash can tell later whether any entry, posting or event fact of the past was changed, removed,
added or moved.
"""

from collections.abc import Iterable
from hashlib import sha256

from ledger.domain.amount import text_of
from ledger.domain.entry import JournalEntry, PostingCells
from ledger.domain.ids import Hash
from ledger.domain.time.instant import instant_text

_SEPARATOR = "\x1f"


def link(previous: Hash, entry: JournalEntry, facts: Hash) -> Hash:
    """Return the hash of an entry: SHA-256 over `previous`, everything the entry says and the hash of its event's facts.

    Six fields of the head and four of each posting are joined by the ASCII unit separator, numbers in canonical text, so
    that no two entries give the same text.
    """
    return link_cells(previous, entry, facts, cells_of(entry))


def cells_of(entry: JournalEntry) -> tuple[PostingCells, ...]:
    """Return the postings of an entry as they are sealed and stored."""
    return tuple(
        [(posting.debit, posting.credit, posting.amount.asset, text_of(posting.amount.quantity)) for posting in entry.postings],
    )


def link_cells(previous: Hash, entry: JournalEntry, facts: Hash, cells: Iterable[PostingCells]) -> Hash:
    """Return `link`, where `cells_of` the entry are at hand."""
    parts = [previous, entry.entry_id, entry.reverses or "", entry.event_id, instant_text(entry.occurred_at), facts]
    for posting in cells:
        parts += posting
    return Hash(sha256(_SEPARATOR.join(parts).encode()).hexdigest())
