"""Where a fee goes: one table of places, from which cost, proceeds and fee disposals follow.

Source of the split: 26 CFR 1.1001-7(b)(2) and 1.1012-1(h)(2). It is a function of the event and no preference of the
user; a regime that splits otherwise brings its own.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import EXACT, ZERO, Amount, AssetCode, added, is_fiat, text_of
from ledger.domain.errors import UnsupportedCase
from ledger.tax.worths import share_of


class FeePlace(StrEnum):
    """In what a fee was paid, seen from the event."""

    NOTHING = "nothing"
    CASH = "cash"  # government money, also foreign
    RECEIVED = "received"  # the asset received: units withheld
    GIVEN = "given"  # the asset given up: more units went
    THIRD = "third"  # an asset that has no other part in the event


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLeg:
    """A fee as the law looks at it; a negative `amount` is a rebate.

    `worth` has the sign of the amount, in the book's currency; None: no price. `is_apart`: its units are a disposal of their own
    although they are of the asset given up.
    """

    place: FeePlace
    amount: Amount
    worth: Decimal | None
    is_apart: bool = False

    @property
    def is_rebate(self) -> bool:
        """Tell whether units came back instead of being paid."""
        return self.amount.quantity < 0

    @property
    def charged(self) -> Decimal | None:
        """What the fee adds to a cost or takes from proceeds: a rebate does the opposite.

        Nothing in the asset given up, where more units go for the same proceeds, unless they go apart; nothing for a rebate in a
        third asset, which is income of its own.
        """
        if (self.place is FeePlace.GIVEN and not self.is_apart) or (self.place is FeePlace.THIRD and self.is_rebate):
            return ZERO
        return self.worth


def fee_leg(
    fee: Amount | None,
    *,
    received: Amount | None,
    given: Amount | None,
    value: Decimal | None,
    fee_value: Decimal | None,
    currency: AssetCode,
    given_apart: bool = False,
) -> FeeLeg | None:
    """Return where a fee goes and what it is worth; None where there is none.

    `value` is that of the whole event, `fee_value` that of the fee's absolute amount, used only for an asset that has no other
    part in the event. `given_apart` as in `Treatment`; a rebate never stands apart. DECISIONS: fee-share.
    """
    if fee is None or not fee.quantity:
        return None
    worth = _worth(fee, legs=(received, given), value=value, fee_value=fee_value, currency=currency)
    place = _place(fee.asset, received, given)
    return FeeLeg(place=place, amount=fee, worth=worth, is_apart=given_apart and place is FeePlace.GIVEN and fee.quantity > 0)


def units_in(received: Amount, fee: FeeLeg | None) -> Decimal:
    """Return how many units came in: those received, and a rebate paid in the same asset."""
    if fee is not None and fee.place is FeePlace.RECEIVED and fee.is_rebate:
        return EXACT.subtract(received.quantity, fee.amount.quantity)
    return received.quantity


def units_out(given: Amount, fee: FeeLeg | None) -> Decimal:
    """Return how many units went out: those given up, and a fee paid in the same asset that does not go apart.

    Raises:
        UnsupportedCase: when a rebate gives back all that was given up, or more.
    """
    if fee is None or fee.place is not FeePlace.GIVEN or fee.is_apart:
        return given.quantity
    units = added(given.quantity, fee.amount.quantity)
    if units <= 0:
        raise UnsupportedCase(
            f"a rebate of {text_of(fee.amount.quantity.copy_abs())} {given.asset} is not less than the {given} given up",
            mend="correct the event; if it is right, record the rebate as income of its own",
        )
    return units


def _place(asset: AssetCode, received: Amount | None, given: Amount | None) -> FeePlace:
    if is_fiat(asset):
        return FeePlace.CASH
    if received is not None and received.asset == asset:
        return FeePlace.RECEIVED
    if given is not None and given.asset == asset:
        return FeePlace.GIVEN
    return FeePlace.THIRD


def _worth(
    fee: Amount, *, legs: tuple[Amount | None, ...], value: Decimal | None, fee_value: Decimal | None, currency: AssetCode
) -> Decimal | None:
    if fee.asset == currency:
        return fee.quantity
    for leg in legs:
        if leg is not None and leg.asset == fee.asset:
            return share_of(value, part=fee.quantity, whole=leg.quantity)
    if fee_value is None:
        return None
    return fee_value if fee.quantity > 0 else EXACT.minus(fee_value)
