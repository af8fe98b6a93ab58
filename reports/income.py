"""Units received as income, at the value that they had when they came."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from ledger.domain.amount import EXACT, ZERO
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import IncomeRow
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="received_at", title="Received", kind=CellKind.INSTANT),
    Column(name="date_received", title="Date received", kind=CellKind.DAY),
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="kind", title="Kind"),
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="bot", title="Bot", kind=CellKind.OUTSIDE),
    Column(name="value", title="Market value", kind=CellKind.MONEY, total=True),
    Column(name="finding", title="Finding"),
    Column(name="line", title="Form line"),
)

_TOTAL_COLUMNS = (
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="kind", title="Kind"),
    Column(name="receipts", title="Receipts", kind=CellKind.INTEGER, total=True),
    Column(name="without_price", title="Without price", kind=CellKind.INTEGER, total=True),
    Column(name="value", title="Market value", kind=CellKind.MONEY, total=True),
)


class Income:
    """Income, one row per receipt."""

    name = "income"
    title = "Income"
    shows_gains = False

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per receipt, and the totals by tax year and kind."""
        return document_of(
            self,
            source,
            tables=(
                Table(name="income", title="Receipts", columns=_COLUMNS, rows=partial(_rows, source)),
                income_totals("income-by-kind", source),
            ),
            notes=("A receipt without a price has no value yet and is not in the total.",),
        )


def income_totals(name: str, source: ReportInput) -> Table:
    """Return the totals of all receipts by tax year and kind."""
    return Table(name=name, title="Income by kind", columns=_TOTAL_COLUMNS, rows=partial(_total_rows, source))


def _total_rows(source: ReportInput) -> Iterator[Row]:
    counts: dict[tuple[int, str], int] = {}
    unpriced: dict[tuple[int, str], int] = {}
    values: dict[tuple[int, str], Decimal] = {}
    for row in source.income():
        key = (row.year, row.kind)
        counts[key] = counts.get(key, 0) + 1
        unpriced[key] = unpriced.get(key, 0) + (row.value is None)
        values[key] = EXACT.add(values.get(key, ZERO), row.value or ZERO)
    for key in sorted(counts):
        yield (*key, counts[key], unpriced[key], values[key])


def _rows(source: ReportInput) -> Iterator[Row]:
    return map(_row, source.income())


def _row(row: IncomeRow) -> Row:
    return (
        row.source_id,
        row.occurred_at,
        row.day,
        row.year,
        row.kind,
        row.asset,
        row.quantity,
        row.account,
        row.bot,
        row.value,
        row.finding,
        row.line,
    )
