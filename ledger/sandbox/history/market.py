"""The sandbox's products and what they cost in any minute: a pure function of seed and minute.

Bots trade near these prices and dialects serve them as candles, so that a client's valuations and the sandbox's own
truth start from the same figures. Some minutes are silent, as on a real market.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ledger.domain.amount import EXACT, AssetCode, added
from ledger.sandbox.chance import noise

SECONDS_PER_MINUTE = 60
PRICE_DECIMALS = 8
MARKET_OPENED_AT = datetime(2024, 1, 1, tzinfo=UTC)
_FIRST_MINUTE = int(MARKET_OPENED_AT.timestamp()) // SECONDS_PER_MINUTE
_PRICE_UNITS: int = 10**PRICE_DECIMALS
_MILLION = 1_000_000
_SILENT_ONE_IN = 16
_LOUD_EVERY = 5  # minutes; no silence is longer, so that a last price is never far away
_SPREAD_PPM = 400  # how far a candle's wicks reach beyond its body
_VOLUME_MAX = 900_000_000  # of 1e-8 units

# (minutes from one anchor to the next, swing in millionths): the slow path first, the noise of the minute last
_OCTAVES: Final = ((43_200, 260_000), (10_080, 70_000), (1_440, 25_000), (60, 6_000), (1, 700))


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One market: its two assets, its steps of size and price, its smallest order; `delisted_at` ends it.

    `level` is the price in the quote around which the path swings; zero for a market that follows two others.
    """

    name: str
    base: AssetCode
    quote: AssetCode
    size_step: Decimal
    size_min: Decimal
    price_step: Decimal
    level: Decimal
    swing_percent: int = 100
    delisted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One span of trading, named by the second in which it begins (since 1970)."""

    start: int
    low: Decimal
    high: Decimal
    open: Decimal
    close: Decimal
    volume: Decimal


def _product(name: str, *, level: str, steps: tuple[str, str, str], swing_percent: int = 100, until: datetime | None = None) -> Product:
    base, quote = name.rsplit("-", 1)
    size_step, size_min, price_step = map(Decimal, steps)
    return Product(
        name=name,
        base=AssetCode(base),
        quote=AssetCode(quote),
        size_step=size_step,
        size_min=size_min,
        price_step=price_step,
        level=Decimal(level),
        swing_percent=swing_percent,
        delisted_at=until,
    )


LTC_DELISTED_AT = datetime(2025, 3, 14, 17, 0, tzinfo=UTC)

PRODUCTS: Final[tuple[Product, ...]] = (
    _product("AVAX-USD", level="28.50", steps=("0.00000001", "0.01", "0.01"), swing_percent=130),
    _product("BTC-USD", level="68400", steps=("0.00000001", "0.00001", "0.01")),
    _product("ETH-BTC", level="0", steps=("0.00000001", "0.0001", "0.00001")),
    _product("ETH-USD", level="3150", steps=("0.00000001", "0.0001", "0.01"), swing_percent=115),
    _product("LTC-USD", level="84", steps=("0.00000001", "0.001", "0.01"), until=LTC_DELISTED_AT),
    _product("SOL-USD", level="152", steps=("0.00000001", "0.001", "0.01"), swing_percent=135),
    _product("USDC-USD", level="1", steps=("0.000001", "0.1", "0.0001")),
)
PRODUCT_BY_NAME: Final = {product.name: product for product in PRODUCTS}


def minute_of(instant: datetime) -> int:
    """Return the number of the minute (since 1970) that contains an instant."""
    return int(instant.timestamp()) // SECONDS_PER_MINUTE


def minute_is_silent(seed: int, product: str, minute: int) -> bool:
    """Tell whether nothing traded in a minute: one in sixteen, never more than four in a row."""
    return minute % _LOUD_EVERY != 0 and noise(seed, product, "silent", minute, below=_SILENT_ONE_IN) == 0


class PricePath:
    """What every product costs in every minute, from one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._anchor = lru_cache(maxsize=65_536)(self._anchor_now)

    def price(self, product: Product, minute: int) -> Decimal:
        """Return the last price of a minute, on the product's price step, in units of its quote."""
        return _decimal(self._units(product, minute))

    def candle(self, product: Product, minute: int) -> Candle | None:
        """Return the candle of one minute; None when it is silent or lies outside the product's life."""
        if not self._trades(product, minute) or minute_is_silent(self._seed, product.name, minute):
            return None
        opening, close = self._units(product, minute - 1), self._units(product, minute)
        reach = noise(self._seed, product.name, "wick", minute, below=_SPREAD_PPM)
        step = int(product.price_step.scaleb(PRICE_DECIMALS))
        low = _on_step(min(opening, close) * (_MILLION - reach) // _MILLION, step)
        high = _on_step(max(opening, close) * (_MILLION + reach) // _MILLION, step)
        volume = 1 + noise(self._seed, product.name, "volume", minute, below=_VOLUME_MAX)
        if product.name == "USDC-USD":
            low, high = min(opening, close), max(opening, close)
        return Candle(
            start=minute * SECONDS_PER_MINUTE,
            low=_decimal(low),
            high=_decimal(high),
            open=_decimal(opening),
            close=_decimal(close),
            volume=_decimal(volume),
        )

    def candle_of_span(self, product: Product, minute: int, minutes: int) -> Candle | None:
        """Return the candle of `minutes` minutes that begin with `minute`; None when none of them traded.

        Longer spans are drawn from at most a dozen of their minutes and the last one: a chart, not a tape.
        """
        sampled = sorted({*range(minute, minute + minutes, max(1, minutes // 12)), minute + minutes - 1})
        found = [candle for one in sampled if (candle := self.candle(product, one)) is not None]
        if not found:
            return None
        return Candle(
            start=minute * SECONDS_PER_MINUTE,
            low=min(candle.low for candle in found),
            high=max(candle.high for candle in found),
            open=found[0].open,
            close=found[-1].close,
            volume=added(*(candle.volume for candle in found)),
        )

    def _trades(self, product: Product, minute: int) -> bool:
        ends = product.delisted_at
        return minute >= _FIRST_MINUTE and (ends is None or minute < minute_of(ends))

    def _units(self, product: Product, minute: int) -> int:
        """Return the price in units of 1e-8."""
        step = int(product.price_step.scaleb(PRICE_DECIMALS))
        if product.name == "ETH-BTC":
            ether, bitcoin = PRODUCT_BY_NAME["ETH-USD"], PRODUCT_BY_NAME["BTC-USD"]
            return _on_step(self._units(ether, minute) * _PRICE_UNITS // self._units(bitcoin, minute), step)
        if product.name == "USDC-USD":
            return _PRICE_UNITS + (noise(self._seed, product.name, minute, below=5) - 2) * step
        level = int(product.level.scaleb(PRICE_DECIMALS))
        swing = sum(self._swing(product.name, octave, minute) for octave in range(len(_OCTAVES)))
        return _on_step(level * (_MILLION + swing * product.swing_percent // 100) // _MILLION, step)

    def _swing(self, product: str, octave: int, minute: int) -> int:
        """Return one octave's part in millionths, on the straight line between two anchors."""
        period = _OCTAVES[octave][0]
        index, past = divmod(minute, period)
        if past == 0:
            return self._anchor(product, octave, index)
        return (self._anchor(product, octave, index) * (period - past) + self._anchor(product, octave, index + 1) * past) // period

    def _anchor_now(self, product: str, octave: int, index: int) -> int:
        reach = _OCTAVES[octave][1]
        return noise(self._seed, product, octave, index, below=2 * reach + 1) - reach


def _on_step(units: int, step: int) -> int:
    return max(step, units // step * step)


def _decimal(units: int) -> Decimal:
    return EXACT.scaleb(EXACT.create_decimal(units), -PRICE_DECIMALS)
