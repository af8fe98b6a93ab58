"""What something was worth, and who said so."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import AssetCode


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceQuote:
    """One unit of `asset` was worth `price` units of `currency` at `observed_at`, says `source`.

    A candle is quoted at the start of its minute with its closing price.
    """

    asset: AssetCode
    currency: AssetCode
    observed_at: datetime
    price: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """The one fair market value of an event in the book's currency, and that of its fee.

    `value`: of what was received (fill, income) or given away (charge). `fee`: of the fee's absolute amount. None means
    that there is no price; it never means zero.
    """

    value: Decimal | None = None
    fee: Decimal | None = None
