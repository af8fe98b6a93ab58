"""Running totals of gains: what every breakdown of the same rows is made of, so that all of them add up alike.

Only totals are held, never rows: a million disposals need no more memory than ten.
"""

from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO
from ledger.domain.document import Cell, CellKind, Column
from ledger.domain.facts import GainRow

GAIN_COLUMNS = (
    Column(name="disposals", title="Disposals", kind=CellKind.INTEGER, total=True),
    Column(name="without_price", title="Without price", kind=CellKind.INTEGER, total=True),
    Column(name="proceeds", title="Proceeds", kind=CellKind.MONEY, total=True),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY, total=True),
    Column(name="adjustment", title="Adjustment", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
)

WITHOUT_PRICE_NOTE = (
    "A disposal without a price has no gain. What is known of it counts in the other columns, so that with such disposals the"
    " total gain is not proceeds - cost basis + adjustment."
)


class GainTally:
    """Totals of disposal pieces: each the exact sum of what the gains report shows in the column of that name.

    `without_price` counts pieces whose gain is not known; whatever is known of them is in the other totals.
    """

    __slots__ = ("adjustment", "cost_basis", "disposals", "gain", "proceeds", "without_price")

    def __init__(self) -> None:
        self.disposals = 0
        self.without_price = 0
        self.proceeds = ZERO
        self.cost_basis = ZERO
        self.adjustment = ZERO
        self.gain = ZERO

    def add(self, row: GainRow) -> None:
        """Count one disposal piece in."""
        piece = row.disposal
        self.disposals += 1
        if piece.proceeds is not None:
            self.proceeds = EXACT.add(self.proceeds, piece.proceeds)
        if piece.cost_basis is not None:
            self.cost_basis = EXACT.add(self.cost_basis, piece.cost_basis)
        if row.adjustment is not None:
            self.adjustment = EXACT.add(self.adjustment, row.adjustment.amount)
        if row.gain is None:
            self.without_price += 1
        else:
            self.gain = EXACT.add(self.gain, row.gain)

    def cells(self) -> tuple[Cell, ...]:
        """Return the totals under `GAIN_COLUMNS`."""
        return (self.disposals, self.without_price, *self.figures())

    def figures(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Return proceeds, cost basis, adjustment and gain."""
        return self.proceeds, self.cost_basis, self.adjustment, self.gain
