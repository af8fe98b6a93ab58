"""Events -> journal: book each new event once, reverse what a better telling replaces, and link every entry to the last."""

from datetime import datetime

from ledger.domain.entry import JournalEntry
from ledger.domain.event import Event
from ledger.domain.ids import Hash
from ledger.journal.chain import cells_of, link_cells
from ledger.journal.posting_rules import entry_of, reversal_of
from ledger.storage.store import NewEntry, Writer


class Poster:
    """Books events in the order in which it is given them; nothing is stored before `flush`."""

    def __init__(self, writer: Writer, *, recorded_at: datetime) -> None:
        self._writer = writer
        self._recorded_at = recorded_at
        self._seq, self._tip = writer.chain_tip()
        self._waiting: list[NewEntry] = []

    def post(self, event: Event, *, revision: int, event_seq: int, facts: Hash) -> None:
        """Book an event, or the better telling of one; a balance snapshot books nothing."""
        entry = entry_of(event, revision)
        if entry is not None:
            self._append(entry, event_seq=event_seq, facts=facts)

    def reverse(self, event: Event, *, revision: int, event_seq: int, facts: Hash) -> None:
        """Cancel the entry of an earlier telling by its mirror."""
        entry = entry_of(event, revision)
        if entry is not None:
            self._append(reversal_of(entry, event.event_id, revision), event_seq=event_seq, facts=facts)

    def flush(self) -> None:
        """Store what was booked since the last flush; the events must be stored before."""
        if self._waiting:
            self._writer.add_entries(self._waiting, self._recorded_at)
            self._waiting = []

    def _append(self, entry: JournalEntry, *, event_seq: int, facts: Hash) -> None:
        previous, self._seq = self._tip, self._seq + 1
        cells = cells_of(entry)
        self._tip = link_cells(previous, entry, facts, cells)
        self._waiting.append(NewEntry(seq=self._seq, entry=entry, cells=cells, event_seq=event_seq, previous_hash=previous, hash=self._tip))
