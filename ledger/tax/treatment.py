"""Where laws that treat an exchange as one sale and one purchase still differ about an event: switches as data.

A regime states its `Treatment` once; prices needed, movements and what counts as a taxable departure follow from it.
"""

from dataclasses import dataclass

from ledger.domain.event import ChargeKind
from ledger.domain.lot import DepartureKind

DEPARTURE_BY_CHARGE = {
    ChargeKind.SPEND: DepartureKind.SPENDING,
    ChargeKind.FEE: DepartureKind.FEE,
    ChargeKind.GIFT_OUT: DepartureKind.GIFT,
    ChargeKind.DONATION: DepartureKind.DONATION,
    ChargeKind.LOST: DepartureKind.LOSS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """`untaxed`: charges that are no disposal at market value: units leave for nothing and nobody asks for a price.

    `fee_given_apart`: a fee in the asset given up is a disposal of its own at its value, and that value a cost of the sale; else it
    only makes the quantity given up larger.
    """

    untaxed: frozenset[ChargeKind] = frozenset({ChargeKind.GIFT_OUT, ChargeKind.DONATION, ChargeKind.LOST})
    fee_given_apart: bool = False

    @property
    def taxable(self) -> frozenset[DepartureKind]:
        """The departures that make a gain or loss."""
        return frozenset(DepartureKind) - {DEPARTURE_BY_CHARGE[kind] for kind in self.untaxed}


USUAL = Treatment()
