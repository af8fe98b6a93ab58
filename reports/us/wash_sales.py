"""What would be put off if the rule on wash sales held for digital assets: an analysis beside the return, not a part of it."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from ledger.domain.amount import ZERO, added
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="disposal", title="Disposal"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="date_disposed", title="Date disposed", kind=CellKind.DAY),
    Column(name="quantity", title="Units replaced", kind=CellKind.QUANTITY),
    Column(name="deferred", title="Loss put off", kind=CellKind.MONEY, total=True),
    Column(name="earlier", title="Of it put off before", kind=CellKind.MONEY),
    Column(name="lot", title="Replaced by lot"),
    Column(name="lot_event", title="Lot event", kind=CellKind.OUTSIDE),
    Column(name="date_replaced", title="Date bought", kind=CellKind.DAY),
    Column(name="held_since", title="Would count as held since", kind=CellKind.DAY),
)
_ASSET_COLUMNS = (
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Units replaced", kind=CellKind.QUANTITY),
    Column(name="deferred", title="Loss put off", kind=CellKind.MONEY, total=True),
)
_NOTES = (
    "Section 1091 covers stock and securities, not digital assets that are neither: this report changes no figure of any other.",
    "Losses in the order of sales; units bought within 30 days before or after, in the order of purchase, each once.",
    "The lot that was sold from replaces nothing, nor do units that came as income, gift or opening balance.",
)


class WashSales:
    """Losses with units bought within 30 days, and what the lots bought would carry."""

    name = "wash-sales"
    title = "Wash sales (analysis)"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row for each loss and lot that replaced units of it, and the totals by asset.

        Raises:
            InputError: when the book's settings leave the analysis off.
            UnsupportedCase: under a law that knows no wash sales.
        """
        source.deferred_losses()  # refused before the first row is written
        return document_of(
            self,
            source,
            tables=(
                Table(name="wash-sales", title="Losses that would be put off", columns=_COLUMNS, rows=partial(_rows, source)),
                Table(name="wash-sales-by-asset", title="Totals by asset", columns=_ASSET_COLUMNS, rows=partial(_by_asset, source)),
            ),
            notes=_NOTES,
        )


def _rows(source: ReportInput) -> Iterator[Row]:
    for loss in source.deferred_losses():
        piece = loss.piece
        yield (
            *(piece.disposal_id, piece.source_id, piece.asset, piece.account, loss.date_disposed),
            *(loss.quantity, loss.deferred, loss.earlier, loss.lot_id, loss.lot_source_id, loss.date_replaced, loss.held_since),
        )


def _by_asset(source: ReportInput) -> Iterator[Row]:
    totals: dict[str, tuple[Decimal, Decimal]] = {}
    for loss in source.deferred_losses():
        quantity, deferred = totals.get(loss.piece.asset, (ZERO, ZERO))
        totals[loss.piece.asset] = added(quantity, loss.quantity), added(deferred, loss.deferred)
    for asset, (quantity, deferred) in sorted(totals.items()):
        yield asset, quantity, deferred
