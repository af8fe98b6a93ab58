"""A bot's own result, as if it had a wallet of its own: first in, first out within the bot, whatever lots the tax took."""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.lot import Acquisition, Departure
from ledger.lots.pieces import shares


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSale:
    """A departure out of a bot's own wallet.

    `proceeds` and `cost_basis` are of the units that it had, None without a price; `quantity_not_bought` of `proceeds_not_bought`
    it never had.
    """

    proceeds: Decimal | None
    cost_basis: Decimal | None
    quantity_not_bought: Decimal
    proceeds_not_bought: Decimal | None


class OwnWallet:
    """What one bot bought of one asset and has not sold: units and cost as whole numbers, oldest first."""

    def __init__(self) -> None:
        self._lots: deque[tuple[int, int | None]] = deque()

    def take_in(self, bought: Acquisition) -> None:
        """Add units at their cost."""
        cost = None if bought.cost_basis is None else units_of(bought.cost_basis)
        self._lots.append((units_of(bought.quantity), cost))

    def take_out(self, sold: Departure) -> OwnSale:
        """Take units out, oldest first; a lot that is used in part gives its share of the cost, rounded down, and keeps the rest."""
        wanted = left = units_of(sold.quantity)
        cost: int | None = 0
        while left and self._lots:
            units, worth = self._lots.popleft()
            taken = min(units, left)
            part = None if worth is None else worth * taken // units
            if taken < units:
                self._lots.appendleft((units - taken, None if worth is None or part is None else worth - part))
            cost = None if cost is None or part is None else cost + part
            left -= taken
        had, rest = (None, None) if sold.proceeds is None else shares(sold.proceeds, [wanted - left, left])
        return OwnSale(
            proceeds=had,
            cost_basis=None if cost is None else decimal_of_units(cost),
            quantity_not_bought=decimal_of_units(left) if left else ZERO,
            proceeds_not_bought=rest,
        )
