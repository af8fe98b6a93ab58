"""Where laws that treat an exchange as one sale and one purchase still differ about an event: switches as data.

A regime states its `Treatment` once; prices needed, movements and what counts as a taxable departure follow from it.
"""

from dataclasses import dataclass
from enum import StrEnum

from ledger.domain.event import ChargeKind
from ledger.domain.lot import DepartureKind

DEPARTURE_BY_CHARGE = {
    ChargeKind.SPEND: DepartureKind.SPENDING,
    ChargeKind.FEE: DepartureKind.FEE,
    ChargeKind.GIFT_OUT: DepartureKind.GIFT,
    ChargeKind.DONATION: DepartureKind.DONATION,
    ChargeKind.LOST: DepartureKind.LOSS,
}


class TransferFee(StrEnum):
    """What the units are that a move between own wallets costs."""

    DISPOSAL = "disposal"  # disposed of at their value
    BASIS = "disposal+basis"  # the same, and their value adds to the cost of the units moved
    IGNORE = "ignore"  # no disposal: the units moved take over their cost, where they are of the same asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """`untaxed`: charges that are no disposal at market value: units leave for nothing and nobody asks for a price.

    `fee_given_apart`: a fee in the asset given up is a disposal of its own at its value, and that value a cost of the sale; else it
    only makes the quantity given up larger. `transfer_fee`: see there.
    """

    untaxed: frozenset[ChargeKind] = frozenset({ChargeKind.GIFT_OUT, ChargeKind.DONATION, ChargeKind.LOST})
    fee_given_apart: bool = False
    transfer_fee: TransferFee = TransferFee.DISPOSAL

    @property
    def taxable(self) -> frozenset[DepartureKind]:
        """The departures that make a gain or loss."""
        return frozenset(DepartureKind) - {DEPARTURE_BY_CHARGE[kind] for kind in self.untaxed} - {DepartureKind.CARRIED}


USUAL = Treatment()
