"""The open lots: what is still held, when it came, and what it cost."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.amount import unit_price
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.lot import Lot
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="asset", title="Asset"),
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="lot", title="Lot"),
    Column(name="part", title="Part", kind=CellKind.INTEGER),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="origin", title="Origin"),
    Column(name="acquired_at", title="Acquired", kind=CellKind.INSTANT),
    Column(name="quantity_open", title="Quantity open", kind=CellKind.QUANTITY),
    Column(name="cost_open", title="Cost open", kind=CellKind.MONEY, total=True),
    Column(name="unit_cost", title="Cost per unit", kind=CellKind.PRICE),
    Column(name="quantity", title="Quantity acquired", kind=CellKind.QUANTITY),
    Column(name="cost_basis", title="Cost acquired", kind=CellKind.MONEY, total=True),
    Column(name="finding", title="Finding"),
    Column(name="evidence", title="Evidence", kind=CellKind.OUTSIDE),
)


class Lots:
    """Open lots at the end of the period, one row each."""

    name = "lots"
    title = "Open lots"
    shows_gains = False

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per open lot and wallet; the cost per unit is for display only."""
        return document_of(
            self,
            source,
            tables=(Table(name="lots", title="Lots by asset and wallet", columns=_COLUMNS, rows=partial(_rows, source)),),
            notes=(
                "Lots are those open at the end of the period, with what was left of them then.",
                "A lot of which parts came into one wallet at several times has a row for each part.",
            ),
        )


def _rows(source: ReportInput) -> Iterator[Row]:
    evidence = source.basis_evidence()
    return (_row(lot, evidence.get(lot.event_id, "")) for lot in source.lots())


def _row(lot: Lot, evidence: str) -> Row:
    return (
        lot.asset,
        lot.wallet,
        lot.lot_id,
        lot.part,
        lot.source_id,
        lot.account,
        lot.origin,
        lot.acquired_at,
        lot.quantity_open,
        lot.cost_open,
        None if lot.cost_open is None else unit_price(lot.cost_open, lot.quantity_open),
        lot.quantity,
        lot.cost_basis,
        lot.gap,
        evidence,
    )
