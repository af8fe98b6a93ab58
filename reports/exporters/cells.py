"""How a single cell reads: plain for programs, shown for people. What the formats share, and nothing of any format.

Every function here takes a cell of the kind that its column says; what does not apply (None) reads as nothing.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from ledger.domain.amount import EXACT, ZERO, cents_half_up, text_of
from ledger.domain.document import Cell, CellKind, Column, Row
from ledger.domain.time.instant import instant_text

CellText = Callable[[Cell], str]

NUMBERS = frozenset({CellKind.MONEY, CellKind.PRICE, CellKind.QUANTITY, CellKind.INTEGER})

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_PRICE_STEP = Decimal("0.00000001")  # eight decimals: the finest step in which exchanges quote
_PRICE_DECIMALS_MIN = 2
_ROUNDING = Context(prec=80)


def starts_formula(text: str) -> bool:
    """Tell whether a spreadsheet might take the text for a formula (contract: "Bad input").

    >>> starts_formula("=1+1"), starts_formula("a=1")
    (True, False)
    """
    return text.startswith(FORMULA_STARTS)


def guarded(text: str) -> str:
    """Return text from outside so that a spreadsheet takes it for text: with an apostrophe before a formula's first sign."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def people_title(column: Column) -> str:
    """Return the header for people; instants say that they are UTC."""
    return f"{column.title} (UTC)" if column.kind is CellKind.INSTANT else column.title


def price_shown(number: Decimal) -> Decimal:
    """Round money for one unit to 8 decimals, halves away from zero: for display only, never read back."""
    return number.quantize(_PRICE_STEP, ROUND_HALF_UP, _ROUNDING)


def _plain_number(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, Decimal), cell
    return text_of(cell)


def _plain_instant(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, datetime), cell
    return instant_text(cell)


def _plain_day(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, date), cell
    return cell.isoformat()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, str), cell
    return cell


def _plain_integer(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, int), cell
    return str(cell)


def _shown_money(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, Decimal), cell
    cents = cents_half_up(cell)
    return f"{cents or cents.copy_abs():,.2f}"


def _shown_price(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, Decimal), cell
    whole, _, decimals = _shown_quantity(price_shown(cell)).partition(".")
    return f"{whole}.{decimals.ljust(_PRICE_DECIMALS_MIN, '0')}"


def _shown_quantity(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, Decimal), cell
    whole, point, decimals = text_of(cell).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{point}{decimals}"


def _shown_count(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, int), cell
    return f"{cell:,}"


def _shown_instant(cell: Cell) -> str:
    if cell is None:
        return ""
    assert isinstance(cell, datetime), cell
    return cell.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


PLAIN: Mapping[CellKind, CellText] = {
    CellKind.TEXT: _text,
    CellKind.OUTSIDE: _text,
    CellKind.MONEY: _plain_number,
    CellKind.PRICE: _plain_number,
    CellKind.QUANTITY: _plain_number,
    CellKind.INTEGER: _plain_integer,
    CellKind.DAY: _plain_day,
    CellKind.INSTANT: _plain_instant,
}
"""Kind -> exact text for programs: plain notation, ISO 8601, UTC to the microsecond."""

_SHOWN: Mapping[CellKind, CellText] = {
    CellKind.TEXT: _text,
    CellKind.OUTSIDE: _text,
    CellKind.MONEY: _shown_money,
    CellKind.PRICE: _shown_price,
    CellKind.QUANTITY: _shown_quantity,
    CellKind.INTEGER: _plain_integer,
    CellKind.DAY: _plain_day,
    CellKind.INSTANT: _shown_instant,
}


def people_text(column: Column) -> CellText:
    """Return how the cells of a column are shown to people: money to the cent with thousands separators, quantities in full."""
    if column.kind is CellKind.INTEGER and column.total:
        return _shown_count  # what adds up is a count; other whole numbers are years and ordinals
    return _SHOWN[column.kind]


class ColumnSums:
    """Running sums of the columns whose total means something; exact, one figure per column."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._width = len(columns)
        self._decimals = {place: ZERO for place, column in enumerate(columns) if column.total and column.kind is not CellKind.INTEGER}
        self._integers = {place: 0 for place, column in enumerate(columns) if column.total and column.kind is CellKind.INTEGER}
        self.rows = 0

    def add(self, row: Row) -> None:
        """Count a row in; empty cells add nothing."""
        self.rows += 1
        for place in self._decimals:
            cell = row[place]
            if cell is not None:
                assert isinstance(cell, Decimal), cell
                self._decimals[place] = EXACT.add(self._decimals[place], cell)
        for place in self._integers:
            cell = row[place]
            if cell is not None:
                assert isinstance(cell, int), cell
                self._integers[place] += cell

    def row(self) -> Row | None:
        """Return the sums in their columns and None in all others; None when there is nothing to add up."""
        if not self.rows or not (self._decimals or self._integers):
            return None
        return tuple(self._decimals.get(place, self._integers.get(place)) for place in range(self._width))
