"""The books themselves: every posting in order of time, reversals included."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="occurred_at", title="Time", kind=CellKind.INSTANT),
    Column(name="entry", title="Entry"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="kind", title="Kind"),
    Column(name="debit", title="Debit", kind=CellKind.OUTSIDE),
    Column(name="credit", title="Credit", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="amount", title="Amount", kind=CellKind.QUANTITY),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="bot", title="Bot", kind=CellKind.OUTSIDE),
    Column(name="reverses", title="Reverses"),
    Column(name="note", title="Note", kind=CellKind.OUTSIDE),
)


class Journal:
    """Journal, one row per posting."""

    name = "journal"
    title = "Journal"
    facts_only = True
    shows_gains = False

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per posting: `amount`, always positive, moves from `credit` to `debit`."""
        return document_of(
            self,
            source,
            tables=(Table(name="journal", title="Postings", columns=_COLUMNS, rows=partial(_rows, source)),),
            notes=("Each row moves its amount from the credited account to the debited one; a reversal names the entry that it cancels.",),
        )


def _rows(source: ReportInput) -> Iterator[Row]:
    for row in source.entries():
        entry = row.entry
        for posting in entry.postings:
            yield (
                entry.occurred_at,
                entry.entry_id,
                row.source_id,
                row.kind,
                posting.debit,
                posting.credit,
                posting.amount.asset,
                posting.amount.quantity,
                row.account,
                row.bot,
                entry.reverses,
                row.note or None,
            )
