"""Every disposal piece with its lot: the report that all other figures can be traced to."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from ledger.domain.amount import EXACT, ZERO, AssetCode
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.totals import GAIN_COLUMNS, WITHOUT_PRICE_NOTE, GainTally

COLUMNS = (
    Column(name="disposal", title="Disposal"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="bot", title="Bot", kind=CellKind.OUTSIDE),
    Column(name="acquired_at", title="Acquired", kind=CellKind.INSTANT),
    Column(name="date_acquired", title="Date acquired", kind=CellKind.DAY),
    Column(name="disposed_at", title="Disposed", kind=CellKind.INSTANT),
    Column(name="date_disposed", title="Date disposed", kind=CellKind.DAY),
    Column(name="proceeds", title="Proceeds", kind=CellKind.MONEY, total=True),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY, total=True),
    Column(name="adjustment_code", title="Code"),
    Column(name="adjustment", title="Adjustment", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
    Column(name="term", title="Term"),
    Column(name="box", title="Box"),
    Column(name="lot", title="Lot"),
    Column(name="lot_event", title="Lot event", kind=CellKind.OUTSIDE),
    Column(name="matched_by", title="Matched by"),
    Column(name="finding", title="Finding"),
)

_ASSET_COLUMNS = (
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    *GAIN_COLUMNS,
)


class Gains:
    """Gains and losses, one row per disposal piece, exact to the last digit."""

    name = "gains"
    title = "Gains and losses"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per disposal piece, and the totals by asset; rows are made while they are read."""
        return document_of(
            self,
            source,
            tables=(
                Table(name="gains", title="Disposals", columns=COLUMNS, rows=partial(_rows, source)),
                Table(name="gains-by-asset", title="Totals by asset", columns=_ASSET_COLUMNS, rows=partial(_rows_by_asset, source)),
            ),
            notes=(WITHOUT_PRICE_NOTE,),
        )


def _rows(source: ReportInput) -> Iterator[Row]:
    return map(_row, source.gains())


def _row(row: GainRow) -> Row:
    piece, adjustment = row.disposal, row.adjustment
    return (
        piece.disposal_id,
        piece.source_id,
        piece.asset,
        piece.quantity,
        piece.account,
        piece.wallet,
        piece.bot,
        piece.acquired_at,
        row.date_acquired,
        piece.disposed_at,
        row.date_disposed,
        piece.proceeds,
        piece.cost_basis,
        adjustment.codes if adjustment else None,
        adjustment.amount if adjustment else ZERO,
        row.gain,
        row.term,
        row.box,
        piece.lot_id,
        piece.lot_source_id,
        piece.matched_by,
        row.finding,
    )


def _rows_by_asset(source: ReportInput) -> Iterator[Row]:
    tallies: dict[AssetCode, GainTally] = {}
    quantities: dict[AssetCode, Decimal] = {}
    for row in source.gains():
        asset = row.disposal.asset
        tallies.setdefault(asset, GainTally()).add(row)
        quantities[asset] = EXACT.add(quantities.get(asset, ZERO), row.disposal.quantity)
    for asset in sorted(tallies):
        yield (asset, quantities[asset], *tallies[asset].cells())
