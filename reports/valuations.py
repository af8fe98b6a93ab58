"""Every figure that came from a price: what was valued, by which quotes, of which source and moment, on which way."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import ValuationRow
from ledger.domain.lot import Gap
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="occurred_at", title="Occurred", kind=CellKind.INSTANT),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="role", title="For"),
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="value", title="Market value", kind=CellKind.MONEY),
    Column(name="path", title="Way"),
    Column(name="step", title="Step", kind=CellKind.INTEGER),
    Column(name="pair", title="Quote"),
    Column(name="price", title="Price", kind=CellKind.PRICE),
    Column(name="source", title="Source", kind=CellKind.OUTSIDE),
    Column(name="observed_at", title="Observed", kind=CellKind.INSTANT),
    Column(name="finding", title="Finding"),
)


class Valuations:
    """Valuations, one row a step of each."""

    name = "valuations"
    title = "Valuations"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row for each quote that a value went through; one row without a quote where there is no price."""
        table = Table(name="valuations", title="Valuations", columns=_COLUMNS, rows=partial(_rows, source))
        notes = (
            "Only what the source of an event did not value itself stands here.",
            f"Quotes count in this order and within these limits: {source.cover.prices}.",
            "A value is the quantity times the price of each step, or divided by it where the step goes from its currency to its asset.",
        )
        return document_of(self, source, tables=(table,), notes=notes)


def _rows(source: ReportInput) -> Iterator[Row]:
    for row in source.valuations():
        yield from _steps(row)


def _steps(row: ValuationRow) -> Iterator[Row]:
    head = (row.source_id, row.occurred_at, row.account, row.role, row.asset, row.quantity)
    if row.valuation is None:
        yield (*head, None, "", None, "", None, "", None, Gap.MISSING_PRICE.value)
        return
    for number, step in enumerate(row.valuation.steps, start=1):
        quote = step.quote
        told = (f"{quote.asset}/{quote.currency}", quote.price, quote.source, quote.observed_at)
        yield (*head, row.valuation.value, row.valuation.path, number, *told, "")
