"""What each bot did by asset and month: fills, volume, fees; and its own result, as if it had a wallet of its own."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO, AssetCode
from ledger.domain.event import Fill
from ledger.domain.facts import BotActivity, BotResult
from ledger.domain.ids import BotId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Movement
from ledger.domain.period import local_day
from ledger.lots.own_wallet import OwnSale, OwnWallet

NO_BOT = BotId("")  # the filter value that asks for what no bot did
Key = tuple[BotId, AssetCode, str]  # bot, asset, month


def month_of(instant: datetime, zone: tzinfo) -> str:
    """Return the month of an instant in a zone, as ``2025-03``."""
    return f"{local_day(instant, zone):%Y-%m}"


def activity_of(fills: Iterable[Fill], zone: tzinfo) -> Iterator[BotActivity]:
    """Yield what fills come to by bot, base asset and month, what has no bot last."""
    found: defaultdict[Key, _Activity] = defaultdict(_Activity)
    for fill in fills:
        found[fill.bot or NO_BOT, fill.base.asset, month_of(fill.occurred_at, zone)].add(fill)
    for bot, asset, month in sorted(found, key=_no_bot_last):
        one = found[bot, asset, month]
        yield BotActivity(bot=bot or None, asset=asset, month=month, fills=one.fills, volumes=_pairs(one.volumes), fees=_pairs(one.fees))


def results_of(
    movements: Iterable[Movement], shown: Callable[[Departure], bool], taxable: frozenset[DepartureKind], zone: tzinfo
) -> Iterator[BotResult]:
    """Yield the own results of bots with one asset by month; `movements` are all in order, `shown` says which departures count."""
    wallets: defaultdict[BotId, OwnWallet] = defaultdict(OwnWallet)
    found: defaultdict[Key, _Result] = defaultdict(_Result)
    for movement in movements:
        bot = movement.bot or NO_BOT
        if isinstance(movement, Acquisition):
            wallets[bot].take_in(movement)
        elif isinstance(movement, Departure):
            sale = wallets[bot].take_out(movement)
            if movement.kind in taxable and shown(movement):
                found[bot, movement.asset, month_of(movement.occurred_at, zone)].add(sale)
    for bot, asset, month in sorted(found, key=_no_bot_last):
        one = found[bot, asset, month]
        yield BotResult(
            bot=bot or None,
            asset=asset,
            month=month,
            gain=one.gain,
            without_price=one.without_price,
            quantity_not_bought=one.quantity_not_bought,
            proceeds_not_bought=one.proceeds_not_bought,
        )


def _no_bot_last(key: Key) -> tuple[bool, Key]:
    return not key[0], key


def _pairs(sums: Mapping[AssetCode, Decimal]) -> tuple[tuple[AssetCode, Decimal], ...]:
    return tuple(sorted(sums.items()))


@dataclass(slots=True)
class _Activity:
    fills: int = 0
    volumes: dict[AssetCode, Decimal] = field(default_factory=dict)
    fees: dict[AssetCode, Decimal] = field(default_factory=dict)

    def add(self, fill: Fill) -> None:
        self.fills += 1
        for sums, amount in ((self.volumes, fill.quote), (self.fees, fill.fee)):
            if amount is not None:
                sums[amount.asset] = EXACT.add(sums.get(amount.asset, ZERO), amount.quantity)


@dataclass(slots=True)
class _Result:
    gain: Decimal = ZERO
    without_price: int = 0
    quantity_not_bought: Decimal = ZERO
    proceeds_not_bought: Decimal = ZERO

    def add(self, sale: OwnSale) -> None:
        if sale.proceeds is None or sale.cost_basis is None:
            self.without_price += 1
        else:
            self.gain = EXACT.add(self.gain, EXACT.subtract(sale.proceeds, sale.cost_basis))
        self.quantity_not_bought = EXACT.add(self.quantity_not_bought, sale.quantity_not_bought)
        self.proceeds_not_bought = EXACT.add(self.proceeds_not_bought, sale.proceeds_not_bought or ZERO)
