"""What something was worth, and who said so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from ledger.domain.amount import AssetCode, decimal_of_units, units_of

# What each stablecoin stands for, where a book takes stablecoins at par.
STABLECOINS: Mapping[AssetCode, AssetCode] = MappingProxyType(
    {
        **{
            AssetCode(code): AssetCode("USD") for code in ("BUSD", "DAI", "FDUSD", "GUSD", "PYUSD", "RLUSD", "TUSD", "USDC", "USDP", "USDT")
        },
        **{AssetCode(code): AssetCode("EUR") for code in ("EURC", "EURI", "EURT")},
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceQuote:
    """One unit of `asset` was worth `price` units of `currency` at `observed_at`, says `source`.

    A candle is quoted at the start of its minute with its closing price; a rate of a day at the start of that day, UTC.
    """

    asset: AssetCode
    currency: AssetCode
    observed_at: datetime
    price: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """A quote as one step on the way from an asset to money; `inverted`: walked from its currency to its asset."""

    quote: PriceQuote
    inverted: bool = False

    @property
    def reaches(self) -> AssetCode:
        """The asset at which the step ends."""
        return self.quote.asset if self.inverted else self.quote.currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What `quantity` units of `asset` were worth in money, and the quotes that say so, in order."""

    asset: AssetCode
    quantity: Decimal
    steps: tuple[PriceStep, ...]

    @property
    def value(self) -> Decimal:
        """Quantity times all prices walked forward, divided by all walked back, floored once at 18 decimals.

        >>> step = PriceStep(inverted=True, quote=PriceQuote(asset=AssetCode("EUR"), currency=AssetCode("GBP"), price=Decimal("0.8"),
        ...     observed_at=datetime(2025, 1, 1), source="x"))
        >>> Valuation(asset=AssetCode("GBP"), quantity=Decimal("1"), steps=(step,)).value == Decimal("1.25")
        True
        """
        units, parts = units_of(self.quantity), 1
        for step in self.steps:
            price = units_of(step.quote.price)
            units, parts = (units * _ONE, parts * price) if step.inverted else (units * price, parts * _ONE)
        return decimal_of_units(units // parts)

    @property
    def path(self) -> str:
        """The assets on the way, such as ``BNB->USDT->USD``."""
        return "->".join([self.asset, *(step.reaches for step in self.steps)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """The one fair market value of an event in the book's currency, and that of its fee.

    `value`: of what was received (fill, income) or given away (charge). `fee`: of the fee's absolute amount. None means
    that there is no price; it never means zero.
    """

    value: Decimal | None = None
    fee: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePolicy:
    """Which quotes count. `gap` is how much older than the moment a quote may be, `gap_fiat` the same between currencies.

    Of several quotes of one pair the source that stands first in `sources` counts, then any other by its name; of one source the
    newest. `at_par`: stablecoins are worth the money that they stand for, without asking a market.
    """

    gap: timedelta = timedelta(hours=1)
    gap_fiat: timedelta = timedelta(days=7)
    sources: tuple[str, ...] = ("manual",)
    at_par: bool = False

    def __str__(self) -> str:
        stable = "at par" if self.at_par else "at market"
        gaps = f"gap {self.gap // timedelta(minutes=1)} minutes, between currencies {self.gap_fiat.days} days"
        return f"{', '.join(self.sources)}, then others by name; {gaps}; stablecoins {stable}"


USUAL_PRICES = PricePolicy()
_ONE = units_of(Decimal(1))
