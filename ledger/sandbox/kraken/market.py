"""What Kraken shows to everybody: assets, pairs, candles, and the trades of all users; and what an account is worth at these prices.

Source: the venue's REST reference for asset info, tradable pairs, OHLC, recent trades, trade balance and trade volume. Trades are
made of candles: open, low, high and close of each minute that is not silent, so that the last trade of a minute is its close.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from ledger.domain.amount import AssetCode, text_of
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.history.market import MARKET_OPENED_AT, PRODUCT_BY_NAME, SECONDS_PER_MINUTE, Candle, PricePath
from ledger.sandbox.kraken.key import Refused
from ledger.sandbox.kraken.names import Pair, asset_name, short_name

CANDLES_MAX: Final = 720
TRADES_MAX: Final = 1000
_TAKER_PERCENT, _MAKER_PERCENT = "0.25", "0.16"
_INTERVALS: Final = (1, 5, 15, 30, 60, 240, 1440, 10_080, 21_600)
_NANOSECONDS: Final = 1_000_000_000
_SECONDS_OF_TRADES: Final = (3, 17, 31, 58)


def asset_contents(assets: Sequence[AssetCode]) -> dict[str, JsonValue]:
    """Return the answer of ``Assets``."""
    return {
        asset_name(asset): {
            "aclass": "currency",
            "altname": short_name(asset),
            "decimals": 4 if asset == "USD" else 10,
            "display_decimals": 2 if asset == "USD" else 5,
            "status": "enabled",
        }
        for asset in assets
    }


def pair_contents(pairs: Sequence[Pair]) -> dict[str, JsonValue]:
    """Return the answer of ``AssetPairs``."""
    return {pair.name: _pair_content(pair) for pair in pairs}


def _pair_content(pair: Pair) -> JsonValue:
    price_decimals = max(0, -int(pair.product.price_step.as_tuple().exponent))
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": asset_name(pair.base),
        "aclass_quote": "currency",
        "quote": asset_name(pair.quote),
        "lot": "unit",
        "cost_decimals": pair.money_decimals,
        "pair_decimals": price_decimals,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, _TAKER_PERCENT]],
        "fees_maker": [[0, _MAKER_PERCENT]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{pair.product.size_min:f}",
        "costmin": "0.5",
        "tick_size": f"{pair.product.price_step:f}",
        "status": "online",
    }


def _pair_named(pairs: Sequence[Pair], form: Mapping[str, str]) -> Pair:
    return _pair_called(pairs, form.get("pair", ""))


def _pair_called(pairs: Sequence[Pair], name: str) -> Pair:
    for pair in pairs:
        if name in {pair.name, pair.altname, pair.wsname}:
            return pair
    raise Refused("EQuery:Unknown asset pair")


def _whole(form: Mapping[str, str], name: str, default: int) -> int:
    text = form.get(name) or str(default)
    if not text.isdecimal() or not text.isascii():
        raise Refused(f"EGeneral:Invalid arguments:{name}")
    return int(text)


def candle_rows(pairs: Sequence[Pair], prices: PricePath, form: Mapping[str, str], *, now: float) -> str:
    """Return the answer of ``OHLC``; its last row is the span that still runs."""
    pair, minutes = _pair_named(pairs, form), _whole(form, "interval", 1)
    if minutes not in _INTERVALS:
        raise Refused("EGeneral:Invalid arguments:interval")
    span = minutes * SECONDS_PER_MINUTE
    last = int(now) // span
    first = max(last - CANDLES_MAX + 1, _whole(form, "since", 0) // span + 1)
    candles = [candle for number in range(first, last + 1) if (candle := prices.candle_of_span(pair.product, number * minutes, minutes))]
    rows = ",".join(_candle_text(candle) for candle in candles)
    return f'{{"error":[],"result":{{"{pair.name}":[{rows}],"last":{(last - 1) * span}}}}}'


def _candle_text(candle: Candle) -> str:
    figures = (candle.open, candle.high, candle.low, candle.close, candle.close, candle.volume)
    texts = ",".join(f'"{text_of(figure)}"' for figure in figures)
    return f"[{candle.start},{texts},{len(_SECONDS_OF_TRADES)}]"


def trade_rows(pairs: Sequence[Pair], prices: PricePath, form: Mapping[str, str], *, now: float) -> str:
    """Return the answer of ``Trades``: those after `since`, oldest first, and the nanosecond of the last of them."""
    pair = _pair_named(pairs, form)
    since = max(_whole(form, "since", 0), int(MARKET_OPENED_AT.timestamp()) * _NANOSECONDS)
    rows: list[str] = []
    last = since
    for at, row in _trades(pair, prices, since=since, until=int(now)):
        if len(rows) == min(TRADES_MAX, _whole(form, "count", TRADES_MAX)):
            break
        rows.append(row)
        last = at
    return f'{{"error":[],"result":{{"{pair.name}":[{",".join(rows)}],"last":"{last}"}}}}'


def _trades(pair: Pair, prices: PricePath, *, since: int, until: int) -> Iterator[tuple[int, str]]:
    for minute in range(since // _NANOSECONDS // SECONDS_PER_MINUTE, until // SECONDS_PER_MINUTE + 1):
        candle = prices.candle(pair.product, minute)
        if candle is None:
            continue
        figures = (candle.open, candle.low, candle.high, candle.close)
        for number, (second, price) in enumerate(zip(_SECONDS_OF_TRADES, figures, strict=True)):
            at = candle.start + second
            if since < at * _NANOSECONDS and at <= until:
                size = text_of(candle.volume / len(figures))
                yield at * _NANOSECONDS, f'["{text_of(price)}","{size}",{at}.1234567,"b","l","",{minute * 10 + number}]'


# --- what the account is worth, and what its trades cost --------------------------------------------------------------


def worth_content(account: SandboxAccount, name: str, *, now: float) -> dict[str, JsonValue]:
    """Return the answer of ``TradeBalance`` in the asset that the venue calls `name`, at the last prices before `now`.

    Raises:
        Refused: for an asset that the account does not know.
    """
    assets = {venue_name: asset for asset in account.assets for venue_name in (asset_name(asset), short_name(asset))}
    if name not in assets:
        raise Refused("EQuery:Unknown asset")
    minute = int(now) // SECONDS_PER_MINUTE
    dollars = sum((account.balance(asset) * _dollars(account.prices, asset, minute) for asset in account.assets), start=Decimal(0))
    worth = f"{dollars / _dollars(account.prices, assets[name], minute):.4f}"
    nothing: dict[str, JsonValue] = dict.fromkeys(("m", "uv", "n", "c", "v"), "0.0000")
    return {"eb": worth, "tb": worth, **nothing, "e": worth, "mf": worth}


def _dollars(prices: PricePath, asset: AssetCode, minute: int) -> Decimal:
    return Decimal(1) if asset == "USD" else prices.price(PRODUCT_BY_NAME[f"{asset}-USD"], minute)


def fee_contents(pairs: Sequence[Pair], names: str) -> dict[str, JsonValue]:
    """Return the answer of ``TradeVolume`` for the pairs called `names`, with commas between; none: only currency and volume.

    Raises:
        Refused: for a pair that is not listed.
    """
    wanted = [_pair_called(pairs, name.strip()).name for name in names.split(",") if name.strip()]
    content: dict[str, JsonValue] = {"currency": "ZUSD", "volume": "0.0000"}
    if wanted:
        content["fees"] = {name: _fee_content(_TAKER_PERCENT) for name in wanted}
        content["fees_maker"] = {name: _fee_content(_MAKER_PERCENT) for name in wanted}
    return content


def _fee_content(percent: str) -> dict[str, JsonValue]:
    """Return the rate of the only tier there is."""
    rate = f"{Decimal(percent):.4f}"
    return {"fee": rate, "minfee": rate, "maxfee": rate, "nextfee": None, "tiervolume": "0.0000", "nextvolume": None}
