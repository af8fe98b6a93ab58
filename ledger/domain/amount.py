"""Exact money and quantities: text in, ``Decimal`` inside, text out.

Everything that touches an amount goes through this file: reading text, adding, splitting, rounding and writing.
The global decimal context is never touched; ``EXACT`` traps whatever would lose a digit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import NewType

from ledger.domain.errors import NumberRefused

AssetCode = NewType("AssetCode", str)

DECIMALS_MAX = 18
INTEGER_DIGITS_MAX = 20
PLAIN_LENGTH_SAFE = DECIMALS_MAX + len("0.")  # no plain number of this length has too many decimals or integer digits
UNITS_PER_ONE: int = 10**DECIMALS_MAX  # one whole unit of an asset, or of money, in scaled integers
ZERO = Decimal(0)

EXACT = Context(
    prec=80,
    Emin=-9999,
    Emax=9999,
    traps=[Inexact, InvalidOperation, DivisionByZero, FloatOperation, Overflow, Clamped],
)
_ROUNDING = Context(prec=80, traps=[InvalidOperation, DivisionByZero, FloatOperation, Overflow])
_UP, _DOWN = Decimal(DECIMALS_MAX), Decimal(-DECIMALS_MAX)
_scaled = EXACT.scaleb  # millions of calls: two of the three look-ups are saved

_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*|0[0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?", re.ASCII)
_ASSET_CODE = re.compile(r"[A-Z0-9][A-Z0-9.\-_$]{0,31}", re.ASCII)
_INTEGER_LIMIT = Decimal(10) ** INTEGER_DIGITS_MAX

# ISO 4217 codes of money that exchanges take; an asset of this list is cash and has no lots.
FIAT: frozenset[str] = frozenset(
    (
        *("AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF"),
        *("IDR", "ILS", "INR", "JPY", "KRW", "KZT", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PLN", "RON"),
        *("RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR"),
    ),
)


def decimal_of(text: str) -> Decimal:
    """Read a number exactly as written.

    Accepts an optional minus sign, digits, one point and a plain exponent (``1E-8``); no thousands separators, no
    spaces, no plus sign, no ``NaN``. At most 18 decimals and 20 integer digits.

    Raises:
        NumberRefused: when the text is no such number or exceeds the limits; the message says which.

    >>> decimal_of("0.10")
    Decimal('0.10')
    """
    match = _PLAIN_NUMBER.fullmatch(text)
    if match is None:
        raise NumberRefused(text, "is not a plain number (digits with at most one decimal point, no separators)")
    number = Decimal(text)
    if len(text) <= PLAIN_LENGTH_SAFE and match[2] is None:
        return number
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), text
    if exponent < -DECIMALS_MAX:
        raise NumberRefused(text, f"has more than {DECIMALS_MAX} decimals")
    if exponent > INTEGER_DIGITS_MAX or number.copy_abs() >= _INTEGER_LIMIT:
        raise NumberRefused(text, f"has more than {INTEGER_DIGITS_MAX} integer digits")
    return number


def exact_decimal(number: Decimal) -> Decimal:
    """Return `number` without trailing zeros after checking that it fits a book (18 decimals, 20 integer digits).

    For numbers that a venue sends with padding (``2559.4125000000000000000``) and for products of two numbers.

    Raises:
        NumberRefused: when it is not finite or does not fit.
    """
    if not number.is_finite():
        raise NumberRefused(str(number), "is not a finite number")
    trimmed = number.normalize(EXACT)
    exponent = trimmed.as_tuple().exponent
    assert isinstance(exponent, int), number
    if exponent < -DECIMALS_MAX:
        raise NumberRefused(str(number), f"has more than {DECIMALS_MAX} decimals")
    if trimmed.copy_abs() >= _INTEGER_LIMIT:
        raise NumberRefused(str(number), f"has more than {INTEGER_DIGITS_MAX} integer digits")
    return trimmed


def text_of(number: Decimal) -> str:
    """Write a number canonically: plain notation, no trailing zeros, no exponent, zero as ``0``.

    >>> text_of(Decimal("2.20E-7")), text_of(Decimal("-0.0")), text_of(Decimal("1E+2"))
    ('0.00000022', '0', '100')
    """
    text = str(number)  # quicker than a format, and plain but for exponents
    if "E" in text:
        text = format(number, "f")
    if text[-1] != "0":
        return text
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def asset_code(text: str) -> AssetCode:
    """Read an asset code: 1 to 32 characters of ``A-Z 0-9 . - _ $``, upper case, as venues write them.

    Raises:
        NumberRefused: when the text is not such a code.
    """
    if _ASSET_CODE.fullmatch(text) is None:
        raise NumberRefused(text, "is not an asset code (1 to 32 characters of A-Z, 0-9, '.', '-', '_', '$')")
    return AssetCode(text)


def is_fiat(asset: AssetCode) -> bool:
    """Tell whether an asset is government money (ISO 4217) and therefore held without lots."""
    return asset in FIAT


def units_of(number: Decimal) -> int:
    """Return a number as a whole count of 1e-18 units; exact, because a book keeps at most 18 decimals.

    >>> units_of(Decimal("0.5"))
    500000000000000000
    """
    scaled = _scaled(number, _UP)
    whole = int(scaled)
    assert whole == scaled, number
    return whole


def decimal_of_units(units: int) -> Decimal:
    """Return the number that `units` of 1e-18 make up; the inverse of `units_of`.

    >>> decimal_of_units(500000000000000000)
    Decimal('0.500000000000000000')
    """
    return _scaled(units, _DOWN)


def added(*numbers: Decimal) -> Decimal:
    """Return the exact sum; zero for none."""
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def subtracted(number: Decimal, less: Decimal) -> Decimal:
    """Return `number` minus `less`, exactly."""
    return EXACT.subtract(number, less)


def multiplied(one: Decimal, other: Decimal) -> Decimal:
    """Return the exact product.

    Raises:
        NumberRefused: when the product has more than 18 decimals or 20 integer digits.
    """
    return exact_decimal(EXACT.multiply(one, other))


def allocate(total: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Split `total` in proportion to `weights` so that the parts add up to it exactly.

    Part *i* is the difference of two cumulative floors at 18 decimals: no part depends on the order of arithmetic and
    the last part takes the remainder. Weights are positive or zero and not all zero. The sign of `total` is free.

    >>> [text_of(part) for part in allocate(Decimal(1), [Decimal(1), Decimal(1), Decimal(1)])]
    ['0.333333333333333333', '0.333333333333333333', '0.333333333333333334']
    """
    assert all(weight >= 0 for weight in weights), weights
    scaled_weights = [units_of(weight) for weight in weights]
    scaled_total, weight_total = units_of(total), sum(scaled_weights)
    assert weight_total > 0, weights
    parts, seen, given = [], 0, 0
    for weight in scaled_weights:
        seen += weight
        upto = scaled_total * seen // weight_total
        parts.append(decimal_of_units(upto - given))
        given = upto
    return tuple(parts)


def market_value(price: Decimal, quantity: Decimal) -> Decimal:
    """Return what `quantity` units are worth at `price` each, floored at 18 decimals: the policy of every valuation.

    >>> market_value(Decimal("0.5"), Decimal("3"))
    Decimal('1.5')
    """
    product = _ROUNDING.multiply(price, quantity)
    exponent = product.as_tuple().exponent
    assert isinstance(exponent, int), product
    if exponent < -DECIMALS_MAX:
        product = product.quantize(Decimal(1).scaleb(-DECIMALS_MAX), ROUND_FLOOR, _ROUNDING)
    return exact_decimal(product)


def quantity_at(total: Decimal, price: Decimal) -> Decimal:
    """Return how many units `total` buys at `price`, floored at 18 decimals: for a venue that tells a fill in money only.

    >>> quantity_at(Decimal("50"), Decimal("12.5"))
    Decimal('4')
    """
    return exact_decimal(unit_price(total, price))


def unit_price(total: Decimal, quantity: Decimal) -> Decimal:
    """Return `total` for one unit, floored at 18 decimals: for display only, never read back."""
    return _ROUNDING.divide(total, quantity).quantize(Decimal(1).scaleb(-DECIMALS_MAX), ROUND_FLOOR, _ROUNDING)


def cents_half_up(number: Decimal) -> Decimal:
    """Round to cents, halves away from zero: the policy of a printed form row (tax-form rows keep cents)."""
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP, _ROUNDING)


def whole_half_up(number: Decimal) -> Decimal:
    """Round to whole units of money, halves away from zero (Form 8949 instructions 2025, "Rounding off to dollars")."""
    return number.quantize(Decimal(1), ROUND_HALF_UP, _ROUNDING)


def whole_down(number: Decimal) -> Decimal:
    """Round down to whole units of money: income and gains on a UK return, in the taxpayer's favour.

    >>> whole_down(Decimal("429.67"))
    Decimal('429')
    """
    return number.quantize(Decimal(1), ROUND_FLOOR, _ROUNDING)


def whole_up(number: Decimal) -> Decimal:
    """Round up to whole units of money: costs and losses on a UK return, in the taxpayer's favour.

    >>> whole_up(Decimal("258.01"))
    Decimal('259')
    """
    return number.quantize(Decimal(1), ROUND_CEILING, _ROUNDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So much of one asset.

    `quantity` is in the asset's own unit, at most 18 decimals; its sign means what the holder of the amount says.
    """

    quantity: Decimal
    asset: AssetCode

    def __add__(self, other: "Amount") -> "Amount":
        assert self.asset == other.asset, (self, other)
        return Amount(quantity=EXACT.add(self.quantity, other.quantity), asset=self.asset)

    def __sub__(self, other: "Amount") -> "Amount":
        assert self.asset == other.asset, (self, other)
        return Amount(quantity=EXACT.subtract(self.quantity, other.quantity), asset=self.asset)

    def __neg__(self) -> "Amount":
        return Amount(quantity=EXACT.minus(self.quantity), asset=self.asset)

    def __str__(self) -> str:
        return f"{text_of(self.quantity)} {self.asset}"
