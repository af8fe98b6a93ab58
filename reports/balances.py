"""What every ledger account holds: the trial balance, asset by asset."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="account", title="Ledger account", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="balance", title="Balance", kind=CellKind.QUANTITY),
)


class Balances:
    """Balances of all ledger accounts at the end of the period."""

    name = "balances"
    title = "Balances"
    facts_only = True
    shows_gains = False

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per ledger account and asset with a balance other than zero; debit positive."""
        return document_of(
            self,
            source,
            tables=(Table(name="balances", title="Ledger accounts", columns=_COLUMNS, rows=partial(_rows, source)),),
            notes=("Debit balances are positive, credit balances negative; each asset adds up to zero over all accounts.",),
        )


def _rows(source: ReportInput) -> Iterator[Row]:
    for row in source.balances():
        yield (row.account, row.asset, row.balance)
