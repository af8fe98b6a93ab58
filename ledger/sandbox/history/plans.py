"""What the bots and their owner intend to do, and when: a timeline drawn from the seed before anything is traded.

The dates are fixed and hold everything that a client may stumble over: partial fills at one instant, a self-trade, twins
that differ by id only, orders funded by another asset, a delisting, transfers of every sort. How much is traded is
decided when the plan is carried out (`bots`), because a bot never sells what it does not have.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import Side
from ledger.sandbox.history.market import LTC_DELISTED_AT
from ledger.sandbox.history.rows import TransferKind, microseconds_of

FILLS_MIN = 40  # fewer leave no room for the cases that every history holds

_DOLLAR = AssetCode("USD")
_CENT = Decimal("0.01")

GRID_BOT = "grid-1"
DCA_BOT = "dca-eth"

_TRADING_FROM = datetime(2024, 1, 2, 11, tzinfo=UTC)
TRADING_UNTIL = datetime(2025, 10, 31, 20, tzinfo=UTC)
_SECOND = 1_000_000
_SESSION_SECONDS = 4 * 3600
_SESSION_COUNT = 22  # one a month: swaps keep together, so that a client's valuations need few candle pages
_SESSION_SHARE_PERCENT = 8
_PARTS = (1, 1, 1, 2, 2, 3, 4, 5)
_MARKETS = (
    *((GRID_BOT, "BTC-USD"),) * 9,
    *((GRID_BOT, "SOL-USD"),) * 5,
    *((GRID_BOT, "LTC-USD"),) * 3,
    *((DCA_BOT, "ETH-USD"),) * 8,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """An order to place: `side` None lets the balances decide; `money` None means the product's quote.

    `parts` is the number of fills. `twins` makes them equal but for their ids, `against_itself` makes the account its
    own counterparty (then `parts` is 2: both rows of the one trade). `is_large` spends a fixed part of what is there.
    """

    bot: str
    product: str
    parts: int
    is_maker: bool
    side: Side | None = None
    money: AssetCode | None = None
    twins: bool = False
    against_itself: bool = False
    is_large: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """A transfer to make: `amount` as given, or the balance divided by `divisor` on `step`; `fee` is the network's."""

    kind: TransferKind
    asset: AssetCode
    amount: Decimal | None = None
    divisor: int | None = None
    step: Decimal = Decimal("0.00000001")
    fee: Decimal = Decimal(0)
    network: str
    minutes: int
    is_canceled: bool = False


Plan = OrderPlan | TransferPlan
Timeline = list[tuple[int, Plan]]


def timeline_of(rng: random.Random, fills: int) -> Timeline:
    """Return all plans with the microsecond (since 1970) at which each begins, rising strictly.

    The parts of all orders add up to `fills`.

    Raises:
        InputError: when there is no room for the cases that every history holds.
    """
    if fills < FILLS_MIN:
        raise InputError(f"a sandbox history needs at least {FILLS_MIN} fills, {fills} were asked for", mend=f"ask for {FILLS_MIN} or more")
    scripted = [*_warm_up(), *_set_pieces(), *_funded_orders()]
    free = fills - sum(plan.parts for _, plan in scripted)
    in_sessions = max(4, free * _SESSION_SHARE_PERCENT // 100)
    dated: list[tuple[int, Plan]] = [*_transfers(), *scripted]
    dated += _session_orders(rng, in_sessions)
    dated += _ordinary_orders(rng, free - in_sessions)
    dated.sort(key=lambda item: item[0])
    return list(_strictly_rising(dated))


def _strictly_rising(dated: Iterable[tuple[int, Plan]]) -> Iterator[tuple[int, Plan]]:
    last = 0
    for at, plan in dated:
        last = max(at, last + 1)
        yield last, plan


def _parts(rng: random.Random, total: int) -> Iterator[int]:
    while total > 0:
        parts = min(total, rng.choice(_PARTS))
        total -= parts
        yield parts


def _ordinary_orders(rng: random.Random, fills: int) -> Iterator[tuple[int, Plan]]:
    sizes = list(_parts(rng, fills))
    start, end = microseconds_of(_TRADING_FROM), microseconds_of(TRADING_UNTIL)
    delisted = microseconds_of(LTC_DELISTED_AT - timedelta(hours=1))
    for parts, at in zip(sizes, sorted(rng.randrange(start, end) for _ in sizes), strict=True):
        bot, product = rng.choice(_MARKETS)
        if product == "LTC-USD" and at >= delisted:
            product = "BTC-USD"
        yield at, OrderPlan(bot=bot, product=product, parts=parts, is_maker=rng.random() < 0.6)  # noqa: PLR2004 - grid bots mostly make


def _session_orders(rng: random.Random, fills: int) -> Iterator[tuple[int, Plan]]:
    """Yield the swaps of ether and bitcoin; the first two go one way each, whatever the balances say."""
    sides: list[Side | None] = [Side.BUY, Side.SELL]
    for parts in _parts(rng, fills):
        start = microseconds_of(_session(rng.randrange(_SESSION_COUNT)))
        at = start + rng.randrange(_SESSION_SECONDS * _SECOND)
        side = sides.pop() if sides else None
        yield at, OrderPlan(bot=DCA_BOT, product="ETH-BTC", parts=parts, is_maker=rng.random() < 0.5, side=side)  # noqa: PLR2004 - half and half


def _session(index: int) -> datetime:
    year, month = divmod(index, 12)
    return datetime(2024 + year, month + 1, 17, 13, tzinfo=UTC)


def _at(text: str) -> int:
    return microseconds_of(datetime.fromisoformat(text).replace(tzinfo=UTC))


def _warm_up() -> Iterator[tuple[int, OrderPlan]]:
    """Yield the first purchases: one of each asset."""
    first = (
        ("2024-01-02T10:02:11.418273", GRID_BOT, "BTC-USD"),
        ("2024-01-02T10:05:40.000917", DCA_BOT, "ETH-USD"),
        ("2024-01-02T10:09:03.551200", GRID_BOT, "SOL-USD"),
        ("2024-01-02T10:14:27.900001", GRID_BOT, "LTC-USD"),
        ("2024-01-02T10:21:59.047733", DCA_BOT, "USDC-USD"),
    )
    for text, bot, product in first:
        yield _at(text), OrderPlan(bot=bot, product=product, parts=1, is_maker=False, side=Side.BUY, is_large=True)


def _set_pieces() -> Iterator[tuple[int, OrderPlan]]:
    """Yield the self-trade and the twins."""
    yield (
        _at("2024-08-21T15:30:12.700345"),
        OrderPlan(bot=GRID_BOT, product="BTC-USD", parts=2, is_maker=True, side=Side.SELL, against_itself=True),
    )
    yield (
        _at("2024-10-08T03:17:44.250000"),
        OrderPlan(bot=GRID_BOT, product="SOL-USD", parts=2, is_maker=False, side=Side.BUY, twins=True),
    )


def _funded_orders() -> Iterator[tuple[int, OrderPlan]]:
    """Yield orders on a dollar book whose money is USDC; they lie within the sessions."""
    orders = (
        ("2024-03-17T13:21:08.114209", Side.BUY, 2),
        ("2024-09-17T14:02:51.300018", Side.SELL, 1),
        ("2025-03-17T15:45:33.871150", Side.BUY, 1),
    )
    for text, side, parts in orders:
        plan = OrderPlan(bot=GRID_BOT, product="BTC-USD", parts=parts, is_maker=False, side=side, money=AssetCode("USDC"), is_large=True)
        yield _at(text), plan


def _transfers() -> Iterator[tuple[int, TransferPlan]]:
    bitcoin, ether = AssetCode("BTC"), AssetCode("ETH")
    plans = (
        ("2024-01-02T09:41:02.902111", _wire_in(250_000, minutes=27)),
        ("2024-05-02T09:14:55.120374", _coins_out(bitcoin, divisor=5, fee="0.00008", network="bitcoin")),
        ("2024-06-20T18:03:29.015500", _coins_in(AssetCode("AVAX"), amount="120.5", network="avalanche")),
        ("2024-07-11T14:20:10.661903", _wire_in(100_000, minutes=95)),
        ("2024-09-30T12:00:44.303117", _wire_out(divisor=8, minutes=180)),
        ("2024-11-19T20:11:07.480256", _coins_out(ether, divisor=9, fee="0.0011", network="ethereum", is_canceled=True)),
        ("2025-01-23T07:55:18.004821", _coins_out(bitcoin, divisor=4, fee="0.00012", network="bitcoin")),
        ("2025-02-18T16:32:50.719444", _wire_in(120_000, minutes=61)),
        ("2025-06-05T22:40:31.256078", _coins_out(ether, divisor=6, fee="0.0009", network="ethereum")),
        ("2025-09-09T10:10:10.101010", _wire_out(divisor=10, minutes=240)),
    )
    for text, plan in plans:
        yield _at(text), plan


def _wire_in(dollars: int, *, minutes: int) -> TransferPlan:
    return TransferPlan(kind=TransferKind.DEPOSIT, asset=_DOLLAR, amount=Decimal(dollars), network="wire", minutes=minutes)


def _wire_out(*, divisor: int, minutes: int) -> TransferPlan:
    return TransferPlan(kind=TransferKind.WITHDRAWAL, asset=_DOLLAR, divisor=divisor, step=_CENT, network="wire", minutes=minutes)


def _coins_in(asset: AssetCode, *, amount: str, network: str) -> TransferPlan:
    return TransferPlan(kind=TransferKind.DEPOSIT, asset=asset, amount=Decimal(amount), network=network, minutes=4)


def _coins_out(asset: AssetCode, *, divisor: int, fee: str, network: str, is_canceled: bool = False) -> TransferPlan:
    return TransferPlan(
        kind=TransferKind.WITHDRAWAL,
        asset=asset,
        divisor=divisor,
        fee=Decimal(fee),
        network=network,
        minutes=2,
        is_canceled=is_canceled,
    )
