"""What each wallet holds, at cost: the open lots added up by wallet and asset."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.amount import EXACT, ZERO, AssetCode, unit_price
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.ids import IN_TRANSIT, WalletId, is_in_transit
from ledger.domain.lot import Gap, Lot
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="lots", title="Lots", kind=CellKind.INTEGER, total=True),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY, total=True),
    Column(name="unit_cost", title="Average cost per unit", kind=CellKind.PRICE),
    Column(name="quantity_missing_basis", title="Units with missing basis", kind=CellKind.QUANTITY),
    Column(name="lots_missing_price", title="Lots without price", kind=CellKind.INTEGER, total=True),
)


class Holdings:
    """Holdings at cost by wallet and asset, at the end of the period."""

    name = "holdings"
    title = "Holdings at cost"
    shows_gains = False

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per wallet and asset; the cost basis is empty while any of its lots lacks a price."""
        return document_of(
            self,
            source,
            tables=(Table(name="holdings", title="Holdings by wallet and asset", columns=_COLUMNS, rows=partial(_rows, source)),),
            notes=(
                "Holdings are those at the end of the period; cost is what open lots carry, not what they are worth.",
                "Units with a missing basis are held at cost 0 and bring the average down.",
                f"{IN_TRANSIT} holds units that left one wallet and have not come into another; with two accounts named, they did later.",
            ),
        )


class _Holding:
    """The open lots of one wallet and asset, added up."""

    __slots__ = ("cost", "lots", "missing_basis", "missing_price", "quantity")

    def __init__(self) -> None:
        self.lots = 0
        self.quantity = ZERO
        self.cost = ZERO
        self.missing_basis = ZERO
        self.missing_price = 0

    def add(self, lot: Lot) -> None:
        self.lots += 1
        self.quantity = EXACT.add(self.quantity, lot.quantity_open)
        if lot.gap is Gap.MISSING_BASIS:
            self.missing_basis = EXACT.add(self.missing_basis, lot.quantity_open)
        if lot.cost_open is None:
            self.missing_price += 1
        else:
            self.cost = EXACT.add(self.cost, lot.cost_open)

    def row(self, wallet: WalletId, asset: AssetCode) -> Row:
        cost = None if self.missing_price else self.cost
        average = None if cost is None else unit_price(cost, self.quantity)
        return (wallet, asset, self.lots, self.quantity, cost, average, self.missing_basis, self.missing_price)


def _rows(source: ReportInput) -> Iterator[Row]:
    holdings: dict[tuple[WalletId, AssetCode], _Holding] = {}
    for lot in source.lots():
        holdings.setdefault((lot.wallet, lot.asset), _Holding()).add(lot)
    for wallet, asset in sorted(holdings, key=_in_transit_last):
        yield holdings[wallet, asset].row(wallet, asset)


def _in_transit_last(key: tuple[WalletId, AssetCode]) -> tuple[bool, WalletId, AssetCode]:
    return is_in_transit(key[0]), *key
