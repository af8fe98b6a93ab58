"""A lot while it is being used up: whole counts of 1e-18 inside, a `Lot` at the exit.

A lot given away in pieces gives each piece the difference of two cumulative floors of its cost, and the last piece what is
left: nothing is rounded away, and no unit price is ever formed.
"""

from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.ids import AccountId, EventId, LotId, SourceId, WalletId, lot_id
from ledger.domain.lot import Acquisition, Gap, Lot, LotOrigin, OwnTransfer
from ledger.domain.values.quick import made_in_order

# Quantities are below 10**38, so two different costs per unit differ by more than 10**-76: scaled by more than that, their
# whole parts differ too and have the same order. One whole number is therefore as exact as multiplying crosswise.
_RATE_BITS = 256
_made = made_in_order(Lot)  # a million pass here


class OpenLot:
    """What one acquisition brought into one wallet: `units` and `cost` are to be shared out, `left` units are still there.

    `cost` None: no price. `rate` is (cost, units) of the whole acquisition: its cost per unit, which pieces in other wallets
    keep. `serial` counts the acquisitions of a timeline, `part` the arrivals of this lot in this wallet.
    """

    __slots__ = (
        "account",
        "acquired_at",
        "carried_by",
        "cost",
        "gap",
        "given",
        "home",
        "is_unknown",
        "left",
        "lot_id",
        "part",
        "quantity",
        "rate",
        "serial",
        "source",
        "source_id",
        "units",
        "wallet",
    )

    def __init__(
        self,
        source: Acquisition,
        *,
        serial: int,
        units: int,
        cost: int | None,
        rate: tuple[int, int] | None,
        wallet: WalletId,
        account: AccountId,
        home: WalletId,
        part: int = 0,
        carried_by: EventId | None = None,
    ) -> None:
        self.source = source
        self.lot_id: LotId = lot_id(source.event_id, source.leg)  # the same in every wallet
        self.source_id: SourceId | None = source.source_id
        self.acquired_at: datetime | None = source.acquired_at
        self.gap = source.gap
        self.is_unknown = source.origin is LotOrigin.UNKNOWN
        self.serial = serial
        self.units = units
        self.cost = cost
        self.rate = rate
        self.wallet = wallet
        self.account = account
        self.home = home  # the wallet that acquired it, where it is part 0
        self.part = part
        self.carried_by = carried_by
        self.quantity = units
        self.left = units
        self.given = 0  # of `cost`, so much went with units that are gone

    def take(self, units: int) -> int | None:
        """Take units off and return their share of the cost, by cumulative floors."""
        self.left -= units
        if self.cost is None:
            return None
        before, self.given = self.given, self.cost * (self.units - self.left) // self.units
        return self.given - before

    def take_at_cost(self, units: int, cost: int) -> int:
        """Take units off a whole lot that carry a cost of their own; what is left shares the rest of the cost."""
        assert self.cost is not None, self.lot_id
        self.units = self.left = self.left - units
        self.cost -= cost
        self.rate = (self.cost, self.units)
        return cost

    def take_up(self, cost: int | None) -> None:
        """Add cost to a lot of which nothing is gone yet; None: there is no price, so the whole cost is not known."""
        assert (self.left, self.given) == (self.units, 0), self.lot_id
        if self.cost is None or cost is None:
            self.cost, self.rate, self.gap = None, None, self.gap or Gap.MISSING_PRICE
        else:
            self.cost += cost
            self.rate = (self.cost, self.units)

    def arrived(
        self, units: int, *, cost: int | None, wallet: WalletId, account: AccountId, part: int, carried_by: EventId | None = None
    ) -> "OpenLot":
        """Return units of this lot, taken off before, as they stand in the wallet where `carried_by` brought them."""
        return OpenLot(
            self.source,
            serial=self.serial,
            units=units,
            cost=cost,
            rate=self.rate,
            wallet=wallet,
            account=account,
            home=self.home,
            part=part,
            carried_by=carried_by,
        )

    def as_lot(self) -> Lot:
        """Return the lot as it stands now."""
        source, untouched = self.source, self.left == self.quantity
        if self.part == 0 and self.wallet == self.home:
            quantity, cost_basis = source.quantity, source.cost_basis
        else:
            quantity, cost_basis = decimal_of_units(self.quantity), None if self.cost is None else decimal_of_units(self.cost)
        return _made(
            self.lot_id,
            self.part,
            source.event_id,
            source.source_id,
            source.asset,
            self.account,
            self.wallet,
            source.acquired_at,
            source.origin,
            quantity,
            cost_basis,
            quantity if untouched else decimal_of_units(self.left) if self.left else ZERO,
            cost_basis if untouched else self._cost_open(),
            self.gap,
            self.serial,
            rate_key(self.rate) if self.left and self.rate else None,
            self.carried_by,
        )

    def _cost_open(self) -> Decimal | None:
        if self.cost is None:
            return None
        return ZERO if self.cost == self.given else decimal_of_units(self.cost - self.given)


def rate_key(rate: tuple[int, int]) -> int:
    """Return a whole number that orders exact costs per unit: equal for equal ones, greater for greater ones.

    >>> rate_key((1, 3)) == rate_key((2, 6)), rate_key((1, 3)) < rate_key((10**37 + 1, 3 * 10**37))
    (True, True)
    """
    cost, units = rate
    return (cost << _RATE_BITS) // units


def acquired_lot(movement: Acquisition, serial: int) -> OpenLot:
    """Return the lot that an acquisition opens."""
    units = units_of(movement.quantity)
    cost = None if movement.cost_basis is None else units_of(movement.cost_basis)
    return OpenLot(
        movement,
        serial=serial,
        units=units,
        cost=cost,
        rate=None if cost is None else (cost, units),
        wallet=movement.wallet,
        account=movement.account,
        home=movement.wallet,
    )


def lot_of_nowhere(movement: OwnTransfer, units: int, serial: int, cost: int | None = 0) -> OpenLot:
    """Return the lot of units that were moved although no lot of them was there: a missing basis, in the wallet of arrival.

    `cost` is what the move itself added.
    """
    arrival = Acquisition(
        event_id=movement.event_id,
        source_id=movement.source_id,
        leg=movement.leg,
        sequence=movement.sequence,
        occurred_at=movement.occurred_at,
        asset=movement.asset,
        quantity=decimal_of_units(units),
        account=movement.to_account,
        wallet=movement.to_wallet,
        cost_basis=decimal_of_units(cost) if cost else ZERO,
        acquired_at=movement.occurred_at,
        origin=LotOrigin.UNKNOWN,
        gap=Gap.MISSING_BASIS,
    )
    return acquired_lot(arrival, serial)


class Arrivals:
    """Numbers the parts of a lot: how often it has arrived in a wallet, from 0; in the wallet that acquired it, that was part 0."""

    def __init__(self) -> None:
        self._next: dict[tuple[WalletId, LotId], int] = {}

    def part(self, opened: OpenLot, wallet: WalletId) -> int:
        """Return the number of the next part of a lot in a wallet."""
        place = (wallet, opened.lot_id)
        part = self._next.get(place, 1 if wallet == opened.home else 0)
        self._next[place] = part + 1
        return part


LotPlace = tuple[datetime, int]  # acquired at, serial: the place of a lot among those of its asset, first acquired first


def place_of(opened: OpenLot) -> LotPlace:
    """Return the place of a lot in the queue of first in, first out."""
    return opened.source.acquired_at, opened.serial
