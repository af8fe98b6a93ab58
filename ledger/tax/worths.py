"""What the legs of an event are worth in the book's currency: one valuation an event, everything else follows from it.

An exchange has one value, that of what was received; cash is worth itself; a fee in an asset of the trade is worth its
share of that one value. A value that nobody knows is None and stays None: it never becomes zero.
"""

from collections.abc import Callable
from decimal import Decimal

from ledger.domain.amount import ZERO, Amount, AssetCode, added, decimal_of_units, is_fiat, subtracted, units_of
from ledger.domain.event import BalanceSnapshot, Charge, Event, Fill, Income, Opening, Transfer
from ledger.domain.price import Worth
from ledger.tax.treatment import USUAL, Treatment

NeededPrice = tuple[str, AssetCode, Decimal]  # "value" or "fee", asset, quantity


def plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the sum, None where either is not known."""
    return None if one is None or other is None else added(one, other)


def less(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return `one` minus `other`, None where either is not known."""
    return None if one is None or other is None else subtracted(one, other)


def told_or_priced(told: Decimal | None, priced: Decimal | None) -> Decimal | None:
    """Return what the source itself said, else what a price says."""
    return priced if told is None else told


def share_of(value: Decimal | None, *, part: Decimal, whole: Decimal) -> Decimal | None:
    """Return `part` / `whole` of a value, floored at 18 decimals; None where the value is not known or `whole` is nothing."""
    if value is None or not whole:
        return None
    return decimal_of_units(units_of(value) * units_of(part) // units_of(whole))


def value_of_fill(event: Fill, worth: Worth, currency: AssetCode) -> Decimal | None:
    """Return the one value of a trade: the cash of the book's currency that came or went, else that of what was received."""
    if event.received.asset == currency:
        return event.received.quantity
    if event.given.asset == currency:
        return event.given.quantity
    if not event.received.quantity:
        return ZERO
    return told_or_priced(event.value, worth.value)


def value_of_amount(amount: Amount, event: Income | Charge, worth: Worth, currency: AssetCode) -> Decimal | None:
    """Return what the units of an income or a charge are worth; cash of the book's currency is worth itself."""
    return amount.quantity if amount.asset == currency else told_or_priced(event.value, worth.value)


def priced_assets_of(event: Event, currency: AssetCode, treatment: Treatment = USUAL) -> tuple[NeededPrice, ...]:
    """Return which market values an event needs and does not tell: (``value`` or ``fee``, asset, positive quantity)."""
    return tuple(_NEEDS[type(event)](event, currency, treatment))


# --- what each kind needs --------------------------------------------------------------------------------------------


def _needs_of_fill(event: Fill, currency: AssetCode, _: Treatment) -> list[NeededPrice]:
    received, given = event.received, event.given
    if is_fiat(received.asset) and is_fiat(given.asset):
        return _needs_of_fee_units(event.fee, event.fee_value)
    cash = currency in (received.asset, given.asset)
    fee = _needs_of_fee(event.fee, event.fee_value, legs=(received, given), currency=currency)
    # DECISIONS: foreign-cash: what was paid in government money is worth that money, whichever way it went
    valued = given if is_fiat(given.asset) else received
    return (_needs_of_value(valued, event.value, currency) if not cash else []) + fee


def _needs_of_income(event: Income, currency: AssetCode, _: Treatment) -> list[NeededPrice]:
    fee = _needs_of_fee(event.fee, event.fee_value, legs=(event.amount,), currency=currency)
    return _needs_of_value(event.amount, event.value, currency) + fee


def _needs_of_charge(event: Charge, currency: AssetCode, treatment: Treatment) -> list[NeededPrice]:
    if is_fiat(event.amount.asset) or event.kind in treatment.untaxed:
        return _needs_of_fee_units(event.fee, event.fee_value)
    fee = _needs_of_fee(event.fee, event.fee_value, legs=(event.amount,), currency=currency)
    return _needs_of_value(event.amount, event.value, currency) + fee


def _needs_of_transfer(event: Transfer, _currency: AssetCode, _treatment: Treatment) -> list[NeededPrice]:
    return _needs_of_fee_units(event.fee, event.fee_value)


def _needs_nothing(_event: Opening | BalanceSnapshot, _currency: AssetCode, _treatment: Treatment) -> list[NeededPrice]:
    return []


_NEEDS: dict[type, Callable[..., list[NeededPrice]]] = {
    Fill: _needs_of_fill,
    Transfer: _needs_of_transfer,
    Income: _needs_of_income,
    Charge: _needs_of_charge,
    Opening: _needs_nothing,
    BalanceSnapshot: _needs_nothing,
}


def _needs_of_value(amount: Amount, told: Decimal | None, currency: AssetCode) -> list[NeededPrice]:
    needed = told is None and amount.asset != currency and amount.quantity > ZERO
    return [("value", amount.asset, amount.quantity)] if needed else []


def _needs_of_fee(fee: Amount | None, told: Decimal | None, *, legs: tuple[Amount, ...], currency: AssetCode) -> list[NeededPrice]:
    """Ask for a fee that counts in the trade, unless it is cash of the book's currency or in an asset that moved anyway."""
    if fee is None or fee.asset == currency or any(fee.asset == leg.asset for leg in legs):
        return []
    return _priced_fee(fee, told)


def _needs_of_fee_units(fee: Amount | None, told: Decimal | None) -> list[NeededPrice]:
    """Ask for a fee that stands by itself, where its units have lots."""
    return [] if fee is None or is_fiat(fee.asset) else _priced_fee(fee, told)


def _priced_fee(fee: Amount, told: Decimal | None) -> list[NeededPrice]:
    return [("fee", fee.asset, fee.quantity.copy_abs())] if fee.quantity and told is None else []
