"""The sandbox's own account of everything, reckoned in its own plain way.

Nothing here is shared with the rest of the house but the reading and writing of numbers: a client's books that agree
with these rows to the last digit were made twice, by different code.

The rules: one wallet, first in first out, dollars. Fees for a dollar trade go to cost or proceeds. A swap has one value,
that of what was received, at the close of its minute (or of the last minute before it that traded). Fee units given
up with the given asset are disposed of with it; fee units withheld from what was received leave that very lot at no
gain. Coins sent out take their lots along, their network fee is a disposal at market value. Every share is the
difference of two cumulative floors at 18 decimals.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import UNITS_PER_ONE, AssetCode, decimal_of_units, text_of, units_of
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import LedgerRow, SandboxFill, SandboxTransfer, TransferKind, instant_text

_DOLLAR = AssetCode("USD")

Row = dict[str, str | None]


# --- what happened -------------------------------------------------------------------------------------------------


def rows(account: SandboxAccount) -> Iterator[Row]:
    """Yield every fill, then every transfer, then every ledger row by asset, each in order of time, in neutral words."""
    yield from map(_fill_row, account.fills)
    yield from map(_transfer_row, account.transfers)
    for asset in account.assets:
        yield from map(_ledger_row, account.ledger[asset])


def _fill_row(fill: SandboxFill) -> Row:
    return {
        "kind": "fill",
        "id": str(fill.trade_id),
        "product": fill.product,
        "order_id": fill.order_id,
        "client_order_id": fill.client_order_id,
        "bot": fill.bot,
        "side": fill.side.value,
        "size": text_of(fill.size),
        "price": text_of(fill.price),
        "fee": text_of(fill.fee),
        "fee_asset": fill.money,
        "liquidity": "maker" if fill.is_maker else "taker",
        "time": instant_text(fill.occurred_at),
    }


def _transfer_row(transfer: SandboxTransfer) -> Row:
    moved_at = transfer.moved_at
    return {
        "kind": "transfer",
        "id": transfer.transfer_id,
        "direction": transfer.kind.value,
        "asset": transfer.asset,
        "amount": text_of(transfer.amount),
        "fee": text_of(transfer.fee),
        "fee_asset": transfer.asset,
        "time": instant_text(transfer.created_at) if moved_at is None else instant_text(moved_at),
        "status": "canceled" if moved_at is None else "completed",
    }


def _ledger_row(row: LedgerRow) -> Row:
    return {
        "kind": "ledger",
        "id": str(row.row_id),
        "asset": row.asset,
        "type": row.kind.value,
        "amount": text_of(row.amount),
        "balance": text_of(row.balance),
        "product": row.product,
        "order_id": row.order_id,
        "trade_id": None if row.trade_id is None else str(row.trade_id),
        "transfer_id": row.transfer_id,
        "time": instant_text(row.occurred_at),
    }


# --- what was gained -----------------------------------------------------------------------------------------------


def gains(account: SandboxAccount) -> list[dict[str, str]]:
    """Return one row per piece of a disposal and lot, in the order in which they happened.

    Keys: ``event`` (the venue's trade or transfer id), ``asset``, ``quantity``, ``acquired``, ``disposed``,
    ``proceeds``, ``cost``, ``gain``; amounts are exact text, in dollars but for the quantity.
    """
    books = _Books(account)
    happenings: list[SandboxFill | SandboxTransfer] = [*account.fills, *account.transfers]
    for happening in sorted(happenings, key=_order_of):
        if isinstance(happening, SandboxFill):
            books.fill(happening)
        else:
            books.transfer(happening)
    return books.gains


def totals(rows_of_gains: list[dict[str, str]]) -> dict[str, str]:
    """Return the number of rows and the exact sums of their proceeds, cost and gain."""
    sums = {name: sum(units_of(Decimal(row[name])) for row in rows_of_gains) for name in ("proceeds", "cost", "gain")}
    return {"rows": str(len(rows_of_gains)), **{name: _text(units) for name, units in sums.items()}}


def _order_of(happening: SandboxFill | SandboxTransfer) -> tuple[datetime, int, bool]:
    """Order by time, then the trade's number; of a self-trade the purchase comes first."""
    if isinstance(happening, SandboxFill):
        return happening.occurred_at, happening.trade_id, happening.side is Side.SELL
    return happening.moved_at or happening.created_at, 0, False


def _text(units: int) -> str:
    return text_of(decimal_of_units(units))


@dataclass(slots=True)
class _Lot:
    """Units bought together; `quantity`, `cost` and `used` in units of 1e-18."""

    acquired_at: datetime
    quantity: int
    cost: int
    used: int = 0

    def take(self, units: int) -> int:
        """Use up some units and return what they cost."""
        before = self.cost * self.used // self.quantity
        self.used += units
        assert self.used <= self.quantity, self
        return self.cost * self.used // self.quantity - before

    @property
    def left(self) -> int:
        """Return the units not used yet."""
        return self.quantity - self.used


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sale:
    """Units that go: `quantity` and `proceeds` in units of 1e-18."""

    event: str
    asset: AssetCode
    at: datetime
    quantity: int
    proceeds: int


class _Books:
    """Lots by asset, oldest first, and the gains made so far."""

    def __init__(self, account: SandboxAccount) -> None:
        self._account = account
        self._lots: defaultdict[AssetCode, list[_Lot]] = defaultdict(list)
        self._first: defaultdict[AssetCode, int] = defaultdict(int)
        self.gains: list[dict[str, str]] = []

    def fill(self, fill: SandboxFill) -> None:
        """Book one execution."""
        size, paid, fee = units_of(fill.size), units_of(fill.money_amount), units_of(fill.fee)
        if fill.money != _DOLLAR:
            self._swap(fill, size=size, paid=paid, fee=fee)
        elif fill.side is Side.BUY:
            self._acquire(fill.base, fill.occurred_at, size, paid + fee)
        else:
            self._dispose(_Sale(event=str(fill.trade_id), asset=fill.base, at=fill.occurred_at, quantity=size, proceeds=paid - fee))

    def transfer(self, transfer: SandboxTransfer) -> None:
        """Book one transfer; money and what was canceled leave no trace."""
        moved_at = transfer.moved_at
        if moved_at is None or transfer.asset == _DOLLAR:
            return
        amount, fee = units_of(transfer.amount), units_of(transfer.fee)
        if transfer.kind is TransferKind.DEPOSIT:
            self._acquire(transfer.asset, moved_at, amount, 0)
            return
        self._consume(transfer.asset, amount - fee)
        value = self._value(transfer.asset, fee, moved_at)
        self._dispose(_Sale(event=transfer.transfer_id, asset=transfer.asset, at=moved_at, quantity=fee, proceeds=value))

    def _swap(self, fill: SandboxFill, *, size: int, paid: int, fee: int) -> None:
        event, at = str(fill.trade_id), fill.occurred_at
        if fill.side is Side.BUY:
            value = self._value(fill.base, size, at)
            self._dispose(_Sale(event=event, asset=fill.money, at=at, quantity=paid + fee, proceeds=value))
            self._acquire(fill.base, at, size, value)
            return
        value = self._value(fill.money, paid, at)
        lot = self._acquire(fill.money, at, paid, value)
        share = lot.take(fee)
        self._dispose(_Sale(event=event, asset=fill.base, at=at, quantity=size, proceeds=value - share))
        if fee:
            withheld = _Sale(event=event, asset=fill.money, at=at, quantity=fee, proceeds=share)
            self._write(withheld, acquired_at=at, quantity=fee, proceeds=share, cost=share)

    def _acquire(self, asset: AssetCode, at: datetime, quantity: int, cost: int) -> _Lot:
        lot = _Lot(at, quantity, cost)
        self._lots[asset].append(lot)
        return lot

    def _dispose(self, sale: _Sale) -> None:
        gone = 0
        for lot, units, cost in self._consume(sale.asset, sale.quantity):
            proceeds = sale.proceeds * (gone + units) // sale.quantity - sale.proceeds * gone // sale.quantity
            gone += units
            self._write(sale, acquired_at=lot.acquired_at, quantity=units, proceeds=proceeds, cost=cost)

    def _consume(self, asset: AssetCode, quantity: int) -> list[tuple[_Lot, int, int]]:
        """Take units out of the oldest lots; return each lot with the units taken and their cost."""
        lots, pieces = self._lots[asset], []
        while quantity:
            lot = lots[self._first[asset]]
            units = min(lot.left, quantity)
            if units:
                pieces.append((lot, units, lot.take(units)))
            quantity -= units
            if not lot.left:
                self._first[asset] += 1
        return pieces

    def _value(self, asset: AssetCode, units: int, at: datetime) -> int:
        """Return what units are worth in dollars at the close of the minute, or of the last one before that traded."""
        product, minute = PRODUCT_BY_NAME[f"{asset}-USD"], minute_of(at)
        while (candle := self._account.prices.candle(product, minute)) is None:
            minute -= 1
        return units * units_of(candle.close) // UNITS_PER_ONE

    def _write(self, sale: _Sale, *, acquired_at: datetime, quantity: int, proceeds: int, cost: int) -> None:
        self.gains.append(
            {
                "event": sale.event,
                "asset": sale.asset,
                "quantity": _text(quantity),
                "acquired": instant_text(acquired_at),
                "disposed": instant_text(sale.at),
                "proceeds": _text(proceeds),
                "cost": _text(cost),
                "gain": _text(proceeds - cost),
            },
        )
