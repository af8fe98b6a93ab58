"""The bots at work: carries out the plans of one account and writes down every fill, order, transfer and balance change.

Works in whole units of 1e-18, because a hundred thousand fills pass; what leaves are the rows of `rows`.
"""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, assert_never
from uuid import UUID

from ledger.domain.amount import UNITS_PER_ONE, AssetCode, added, decimal_of_units, units_of
from ledger.domain.event import Side
from ledger.sandbox.history.market import PRODUCT_BY_NAME, PricePath, Product, minute_of
from ledger.sandbox.history.plans import DCA_BOT, GRID_BOT, OrderPlan, Plan, Timeline, TransferPlan, timeline_of
from ledger.sandbox.history.rows import (
    LedgerKind,
    LedgerRow,
    SandboxFill,
    SandboxOrder,
    SandboxTransfer,
    TransferKind,
    instant_of,
)

_LEDGER_DELAY = 13_635  # microseconds from a fill to its ledger rows
_FEE_STEP = 100  # units of 1e-18: the venue keeps 16 decimals
_RATE_ONE = 100_000  # fee rates count hundred-thousandths
_SHARE_MAX = 3  # an order takes at most this part of what is there, and so never more than there is
_SHARE_LARGE = 16
_RESTING_MAX = 40 * 60 * 1_000_000  # microseconds in which a resting order fills
_BUDGET_DOLLARS = 40_000_000  # spread over all fills, so that long histories trade small orders
_ORDER_DOLLARS_MIN, _ORDER_DOLLARS_MAX = 30, 1_500

# from when (microseconds since 1970), what a maker and a taker pay
_FEE_RATES: Final = ((0, 400, 600), (1_719_792_000_000_000, 250, 400), (1_735_689_600_000_000, 60, 120), (1_751_328_000_000_000, 0, 50))
_REBATE_FROM = 1_719_792_000_000_000
_REBATE_RATE = -5
_TRADE_IDS_FROM: Final = {
    "AVAX-USD": 91_000_000,
    "BTC-USD": 612_345_678,
    "ETH-BTC": 41_200_311,
    "ETH-USD": 488_700_129,
    "LTC-USD": 97_450_266,
    "SOL-USD": 203_118_540,
    "USDC-USD": 7_400_912,
}
_LEDGER_IDS_FROM = 20_331_545_792


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that happened: fills, orders and transfers in order of time, ledger rows by asset in order of time."""

    fills: tuple[SandboxFill, ...]
    orders: tuple[SandboxOrder, ...]
    transfers: tuple[SandboxTransfer, ...]
    ledger: Mapping[AssetCode, tuple[LedgerRow, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticket:
    """An order with its ids."""

    order_id: str
    client_order_id: str
    bot: str
    product: Product
    side: Side
    money: AssetCode
    is_maker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One fill of an order to be; `at` in microseconds since 1970, the rest in units of 1e-18."""

    at: int
    price: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    """What a ledger row points at."""

    order_id: str | None = None
    product: str | None = None
    trade_id: int | None = None
    transfer_id: str | None = None
    transfer_kind: TransferKind | None = None


class _Ledger:
    """Balances, and a row for each change of one."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last_id = _LEDGER_IDS_FROM
        self._last_at = 0
        self.balances: defaultdict[AssetCode, int] = defaultdict(int)
        self.rows: defaultdict[AssetCode, list[LedgerRow]] = defaultdict(list)

    def move(self, asset: AssetCode, units: int, kind: LedgerKind, *, at: int, cause: _Cause) -> None:
        """Change a balance by signed units of 1e-18."""
        balance = self.balances[asset] + units
        assert balance >= 0, (asset, units, balance)
        self.balances[asset] = balance
        self._last_id += 1 + self._rng.getrandbits(3)
        self._last_at = max(self._last_at, at)
        self.rows[asset].append(
            LedgerRow(
                row_id=self._last_id,
                asset=asset,
                kind=kind,
                amount=decimal_of_units(units),
                balance=decimal_of_units(balance),
                occurred_at=instant_of(self._last_at),
                order_id=cause.order_id,
                product=cause.product,
                trade_id=cause.trade_id,
                transfer_id=cause.transfer_id,
                transfer_kind=cause.transfer_kind,
            ),
        )


def traded(seed: int, fills: int, prices: PricePath) -> History:
    """Return the history of `fills` fills that a seed stands for.

    Raises:
        InputError: when `fills` is too small for the cases that every history holds.
    """
    rng = random.Random(seed)  # noqa: S311 - a history, not a secret
    return _Floor(rng, prices, dollars=_order_dollars(fills)).history(timeline_of(rng, fills))


def _order_dollars(fills: int) -> int:
    return min(_ORDER_DOLLARS_MAX, max(_ORDER_DOLLARS_MIN, _BUDGET_DOLLARS // fills))


class _Floor:
    """The trading floor: carries out one plan after the other."""

    def __init__(self, rng: random.Random, prices: PricePath, *, dollars: int) -> None:
        self._rng = rng
        self._prices = prices
        self._dollars = dollars
        self._book = _Ledger(rng)
        self._trade_ids = dict(_TRADE_IDS_FROM)
        self._orders_by_bot: defaultdict[str, int] = defaultdict(int)
        self._fills: list[SandboxFill] = []
        self._orders: list[SandboxOrder] = []
        self._transfers: list[SandboxTransfer] = []

    def history(self, timeline: Timeline) -> History:
        """Carry out all plans; each ends before the next begins."""
        ends = [at for at, _ in timeline[1:]] + [timeline[-1][0] + _RESTING_MAX]
        for (at, plan), until in zip(timeline, ends, strict=True):
            self._carry_out(plan, at, until)
        self._transfers.sort(key=lambda transfer: transfer.created_at)
        return History(
            fills=tuple(self._fills),
            orders=tuple(self._orders),
            transfers=tuple(self._transfers),
            ledger={asset: tuple(rows) for asset, rows in sorted(self._book.rows.items())},
        )

    def _carry_out(self, plan: Plan, at: int, until: int) -> None:
        match plan:
            case TransferPlan():
                self._transfer(plan, at)
            case OrderPlan(against_itself=True):
                self._trade_with_itself(plan, at)
            case OrderPlan():
                self._order(plan, at, until)
            case _:
                assert_never(plan)

    # --- orders

    def _order(self, plan: OrderPlan, at: int, until: int) -> None:
        product = PRODUCT_BY_NAME[plan.product]
        price = self._price(product, at)
        side, size = self._side_and_size(plan, product, price, at)
        ticket = self._ticket(plan, product, side)
        parts = self._parts(plan, product, side, size=size, price=price, times=self._times(plan, at, until))
        done = [self._fill(ticket, part, self._next_trade_id(product)) for part in parts]
        self._close(ticket, done, limit=done[0].price if plan.is_maker else None, at=at)

    def _trade_with_itself(self, plan: OrderPlan, at: int) -> None:
        """Let one bot's resting order meet the other's: two rows, one trade id."""
        product = PRODUCT_BY_NAME[plan.product]
        price = self._price(product, at)
        _, size = self._side_and_size(plan, product, price, at)
        part = _Part(at=at, price=price, size=size)
        trade_id = self._next_trade_id(product)
        resting = OrderPlan(bot=GRID_BOT, product=plan.product, parts=1, is_maker=True)
        meeting = OrderPlan(bot=DCA_BOT, product=plan.product, parts=1, is_maker=False)
        for side, one in ((Side.SELL, resting), (Side.BUY, meeting)):
            ticket = self._ticket(one, product, side)
            done = self._fill(ticket, part, trade_id)
            self._close(ticket, [done], limit=done.price, at=at)

    def _price(self, product: Product, at: int) -> int:
        return units_of(self._prices.price(product, minute_of(instant_of(at))))

    def _side_and_size(self, plan: OrderPlan, product: Product, price: int, at: int) -> tuple[Side, int]:
        """Return a side on which there is enough to trade, and how much, in units of 1e-18."""
        money = plan.money or product.quote
        wanted = self._wanted(plan, product, at)
        preferred = plan.side or self._preferred_side(money)
        for side in (preferred, Side.SELL if preferred is Side.BUY else Side.BUY):
            there = self._book.balances[money] * UNITS_PER_ONE // price if side is Side.BUY else self._book.balances[product.base]
            step = units_of(product.size_step) * (plan.parts if plan.twins else 1)
            size = min(wanted, there // (_SHARE_LARGE if plan.is_large else _SHARE_MAX)) // step * step
            if size >= units_of(product.size_min):
                return side, size
        raise AssertionError(f"nothing left to trade on {product.name}")

    def _wanted(self, plan: OrderPlan, product: Product, at: int) -> int:
        """Return the size that the bot would like, in units of 1e-18 of the base."""
        if plan.is_large:
            return UNITS_PER_ONE * UNITS_PER_ONE
        dollars = self._dollars * self._rng.randrange(20, 200) * UNITS_PER_ONE // 100
        return dollars * UNITS_PER_ONE // self._price(PRODUCT_BY_NAME[f"{product.base}-USD"], at)

    def _preferred_side(self, money: AssetCode) -> Side:
        """Buy rather while there is much money, sell rather when it runs low."""
        is_rich = self._book.balances[money] > 60 * self._dollars * UNITS_PER_ONE if money == "USD" else self._rng.random() < 0.5  # noqa: PLR2004 - a coin
        return Side.BUY if self._rng.random() < (0.6 if is_rich else 0.35) else Side.SELL

    def _times(self, plan: OrderPlan, at: int, until: int) -> list[int]:
        """Return when the parts fill: a resting order over some time, one that sweeps the book at one microsecond."""
        if not plan.is_maker:
            return [at] * plan.parts
        return sorted(at + self._rng.randrange(min(until - at, _RESTING_MAX)) for _ in range(plan.parts))

    def _parts(self, plan: OrderPlan, product: Product, side: Side, *, size: int, price: int, times: list[int]) -> list[_Part]:
        if plan.twins:
            return [_Part(at=at, price=price, size=size // plan.parts) for at in times]
        sizes = self._shares(size, plan.parts, units_of(product.size_step))
        worse = 0
        parts = []
        for at, share in zip(times, sizes, strict=True):
            parts.append(_Part(at=at, price=price + worse, size=share))
            if not plan.is_maker:
                worse += self._slip(product, side, price)
        return parts

    def _shares(self, size: int, count: int, step: int) -> list[int]:
        weights = [self._rng.randrange(1, 100) for _ in range(count)]
        shares = [max(step, size * weight // sum(weights) // step * step) for weight in weights[1:]]
        return [size - sum(shares), *shares]

    def _slip(self, product: Product, side: Side, price: int) -> int:
        """Return how much worse the next part of a sweeping order pays, on the price step."""
        step = units_of(product.price_step)
        slip = price * self._rng.randrange(60) // 1_000_000 // step * step
        return slip if side is Side.BUY else -slip

    def _ticket(self, plan: OrderPlan, product: Product, side: Side) -> _Ticket:
        self._orders_by_bot[plan.bot] += 1
        return _Ticket(
            order_id=self._uuid(),
            client_order_id=f"{plan.bot}-{self._orders_by_bot[plan.bot]:06d}",
            bot=plan.bot,
            product=product,
            side=side,
            money=plan.money or product.quote,
            is_maker=plan.is_maker,
        )

    def _fill(self, ticket: _Ticket, part: _Part, trade_id: int) -> SandboxFill:
        paid = part.size * part.price // UNITS_PER_ONE
        fee = _fee(ticket, paid, part.at)
        self._settle(ticket, part, paid=paid, fee=fee, trade_id=trade_id)
        fill = SandboxFill(
            trade_id=trade_id,
            product=ticket.product.name,
            order_id=ticket.order_id,
            client_order_id=ticket.client_order_id,
            bot=ticket.bot,
            side=ticket.side,
            size=decimal_of_units(part.size),
            price=decimal_of_units(part.price),
            fee=decimal_of_units(fee),
            money=ticket.money,
            is_maker=ticket.is_maker,
            occurred_at=instant_of(part.at),
        )
        self._fills.append(fill)
        return fill

    def _settle(self, ticket: _Ticket, part: _Part, *, paid: int, fee: int, trade_id: int) -> None:
        cause = _Cause(order_id=ticket.order_id, product=ticket.product.name, trade_id=trade_id)
        at = part.at + _LEDGER_DELAY
        sign = 1 if ticket.side is Side.BUY else -1
        self._book.move(ticket.product.base, sign * part.size, LedgerKind.MATCH, at=at, cause=cause)
        self._book.move(ticket.money, -sign * paid, LedgerKind.MATCH, at=at, cause=cause)
        if fee:
            kind = LedgerKind.FEE if fee > 0 else LedgerKind.REBATE
            self._book.move(ticket.money, -fee, kind, at=at, cause=cause)

    def _close(self, ticket: _Ticket, fills: list[SandboxFill], *, limit: Decimal | None, at: int) -> None:
        self._orders.append(
            SandboxOrder(
                order_id=ticket.order_id,
                client_order_id=ticket.client_order_id,
                bot=ticket.bot,
                product=ticket.product.name,
                side=ticket.side,
                is_maker=ticket.is_maker,
                money=ticket.money,
                limit_price=limit,
                size=added(*(fill.size for fill in fills)),
                executed_value=added(*(fill.money_amount for fill in fills)),
                fees=added(*(fill.fee for fill in fills)),
                created_at=instant_of(at),
                done_at=fills[-1].occurred_at,
            ),
        )

    def _next_trade_id(self, product: Product) -> int:
        self._trade_ids[product.name] += 1 + self._rng.getrandbits(5)
        return self._trade_ids[product.name]

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    # --- transfers

    def _transfer(self, plan: TransferPlan, at: int) -> None:
        later = at + plan.minutes * 60_000_000 + self._rng.randrange(60_000_000)
        is_deposit = plan.kind is TransferKind.DEPOSIT
        earlier = at - plan.minutes * 60_000_000 - self._rng.randrange(60_000_000)
        units = self._transfer_units(plan)
        transfer = SandboxTransfer(
            transfer_id=self._uuid(),
            kind=plan.kind,
            asset=plan.asset,
            amount=decimal_of_units(units),
            fee=plan.fee,
            created_at=instant_of(earlier if is_deposit else at),
            completed_at=None if plan.is_canceled else instant_of(at if is_deposit else later),
            canceled_at=instant_of(later) if plan.is_canceled else None,
            network=plan.network,
            address="" if plan.network == "wire" else f"{plan.asset.lower()}1{self._rng.getrandbits(160):040x}",
            chain_hash="" if plan.network == "wire" or plan.is_canceled else f"{self._rng.getrandbits(256):064x}",
        )
        self._transfers.append(transfer)
        if not plan.is_canceled:
            cause = _Cause(transfer_id=transfer.transfer_id, transfer_kind=plan.kind)
            self._book.move(plan.asset, units if is_deposit else -units, LedgerKind.TRANSFER, at=at, cause=cause)

    def _transfer_units(self, plan: TransferPlan) -> int:
        if plan.amount is not None:
            return units_of(plan.amount)
        assert plan.divisor is not None, plan
        step = units_of(plan.step)
        return max(self._book.balances[plan.asset] // plan.divisor // step * step, 2 * units_of(plan.fee))


def _fee(ticket: _Ticket, paid: int, at: int) -> int:
    """Return the fee in units of 1e-18 of the money, floored at 16 decimals; negative: a rebate."""
    rate = _fee_rate(ticket, at)
    size = paid * abs(rate) // _RATE_ONE // _FEE_STEP * _FEE_STEP
    return size if rate >= 0 else -size


def _fee_rate(ticket: _Ticket, at: int) -> int:
    if ticket.product.name == "USDC-USD":
        return 0
    if ticket.is_maker and ticket.product.name == "SOL-USD" and at >= _REBATE_FROM:
        return _REBATE_RATE
    _, maker, taker = next(row for row in reversed(_FEE_RATES) if at >= row[0])
    return maker if ticket.is_maker else taker
