"""What each bot did by asset and month: fills, volume, fees; and its own result, as if it had a wallet of its own.

Both are first told by day and account, as a closed year freezes them, and then added up for reports.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO, AssetCode
from ledger.domain.event import Fill, assets_of
from ledger.domain.facts import BotActivity, BotResult, FillActivity, OwnResult
from ledger.domain.ids import AccountId, BotId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Movement
from ledger.domain.time.period import local_day
from ledger.lots.own_wallet import OwnSale, OwnWallet

NO_BOT = BotId("")  # the filter value that asks for what no bot did
_Key = tuple[BotId, AssetCode, str]  # bot, asset, month
_Assets = tuple[AssetCode, ...]
_Amounts = Iterable[tuple[AssetCode, Decimal]]


def fill_activity(fills: Iterable[Fill], zone: tzinfo) -> Iterator[FillActivity]:
    """Yield fills taken together by bot, account, base asset, day and all assets that they move."""
    found: defaultdict[tuple[BotId, AccountId, AssetCode, date, _Assets], _Activity] = defaultdict(_Activity)
    for fill in fills:
        assets = tuple(sorted(map(AssetCode, assets_of(fill))))
        fees = () if fill.fee is None else ((fill.fee.asset, fill.fee.quantity),)
        one = found[fill.bot or NO_BOT, fill.account, fill.base.asset, local_day(fill.occurred_at, zone), assets]
        one.add(1, [(fill.quote.asset, fill.quote.quantity)], fees)
    for key in sorted(found):
        (bot, account, asset, day, assets), one = key, found[key]
        yield FillActivity(
            bot=bot or None,
            account=account,
            assets=assets,
            asset=asset,
            day=day,
            fills=one.fills,
            volumes=_pairs(one.volumes),
            fees=_pairs(one.fees),
        )


def activity_of(days: Iterable[FillActivity]) -> Iterator[BotActivity]:
    """Yield what fills come to by bot, base asset and month, what has no bot last."""
    found: defaultdict[_Key, _Activity] = defaultdict(_Activity)
    for row in days:
        found[_key_of(row)].add(row.fills, row.volumes, row.fees)
    for key in sorted(found, key=_no_bot_last):
        (bot, asset, month), one = key, found[key]
        yield BotActivity(bot=bot or None, asset=asset, month=month, fills=one.fills, volumes=_pairs(one.volumes), fees=_pairs(one.fees))


def own_results(
    movements: Iterable[Movement], shown: Callable[[Departure], bool], taxable: frozenset[DepartureKind], zone: tzinfo
) -> Iterator[OwnResult]:
    """Yield the own results of bots with one asset by account and day.

    `movements` are all of the asset, in order; `shown` says which departures count.
    """
    wallets: defaultdict[BotId, OwnWallet] = defaultdict(OwnWallet)
    found: defaultdict[tuple[BotId, AccountId, AssetCode, date], _Result] = defaultdict(_Result)
    for movement in movements:
        bot = movement.bot or NO_BOT
        if isinstance(movement, Acquisition):
            wallets[bot].take_in(movement)
        elif isinstance(movement, Departure):
            sale = wallets[bot].take_out(movement)
            if movement.kind in taxable and shown(movement):
                found[bot, movement.account, movement.asset, local_day(movement.occurred_at, zone)].add_sale(sale)
    for key in sorted(found):
        (bot, account, asset, day), one = key, found[key]
        yield OwnResult(
            bot=bot or None,
            account=account,
            asset=asset,
            day=day,
            gain=one.gain,
            without_price=one.without_price,
            quantity_not_bought=one.quantity_not_bought,
            proceeds_not_bought=one.proceeds_not_bought,
        )


def results_of(days: Iterable[OwnResult]) -> Iterator[BotResult]:
    """Yield own results by bot, asset and month, what has no bot last."""
    found: defaultdict[_Key, _Result] = defaultdict(_Result)
    for row in days:
        found[_key_of(row)].add(row.gain, row.without_price, row.quantity_not_bought, row.proceeds_not_bought)
    for key in sorted(found, key=_no_bot_last):
        (bot, asset, month), one = key, found[key]
        yield BotResult(
            bot=bot or None,
            asset=asset,
            month=month,
            gain=one.gain,
            without_price=one.without_price,
            quantity_not_bought=one.quantity_not_bought,
            proceeds_not_bought=one.proceeds_not_bought,
        )


def _key_of(row: FillActivity | OwnResult) -> _Key:
    return row.bot or NO_BOT, row.asset, f"{row.day:%Y-%m}"


def _no_bot_last(key: _Key) -> tuple[bool, _Key]:
    return not key[0], key


def _pairs(sums: Mapping[AssetCode, Decimal]) -> tuple[tuple[AssetCode, Decimal], ...]:
    return tuple(sorted(sums.items()))


@dataclass(slots=True)
class _Activity:
    fills: int = 0
    volumes: dict[AssetCode, Decimal] = field(default_factory=dict)
    fees: dict[AssetCode, Decimal] = field(default_factory=dict)

    def add(self, fills: int, volumes: _Amounts, fees: _Amounts) -> None:
        self.fills += fills
        for sums, amounts in ((self.volumes, volumes), (self.fees, fees)):
            for asset, quantity in amounts:
                sums[asset] = EXACT.add(sums.get(asset, ZERO), quantity)


@dataclass(slots=True)
class _Result:
    gain: Decimal = ZERO
    without_price: int = 0
    quantity_not_bought: Decimal = ZERO
    proceeds_not_bought: Decimal = ZERO

    def add_sale(self, sale: OwnSale) -> None:
        unknown = sale.proceeds is None or sale.cost_basis is None
        gain = ZERO if sale.proceeds is None or sale.cost_basis is None else EXACT.subtract(sale.proceeds, sale.cost_basis)
        self.add(gain, int(unknown), sale.quantity_not_bought, sale.proceeds_not_bought or ZERO)

    def add(self, gain: Decimal, without_price: int, quantity: Decimal, proceeds: Decimal) -> None:
        self.gain = EXACT.add(self.gain, gain)
        self.without_price += without_price
        self.quantity_not_bought = EXACT.add(self.quantity_not_bought, quantity)
        self.proceeds_not_bought = EXACT.add(self.proceeds_not_bought, proceeds)
