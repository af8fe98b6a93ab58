"""What one event does to the books: postings with one cause.

A posting moves one positive amount of one asset from the credited account to the debited one, so an entry that does
not balance cannot be written down.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.ids import EntryId, EventId
from ledger.domain.values.quick import made_quickly

AccountName = NewType("AccountName", str)  # a place in the chart: "assets:main", "expenses:fees:trading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """`amount` (always positive) moves from `credit` to `debit`."""

    debit: AccountName
    credit: AccountName
    amount: Amount

    def __post_init__(self) -> None:
        assert self.amount.quantity > 0, self
        assert self.debit != self.credit, self

    def reversed(self) -> "Posting":
        """Return the posting that undoes this one."""
        return Posting(debit=self.credit, credit=self.debit, amount=self.amount)


PostingCells = tuple[AccountName, AccountName, AssetCode, str]  # debit, credit, asset, amount in canonical text


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """The postings of one event, in the order of the posting rule; `reverses` names the entry that this one cancels."""

    entry_id: EntryId
    event_id: EventId
    occurred_at: datetime
    postings: tuple[Posting, ...]
    reverses: EntryId | None = None
