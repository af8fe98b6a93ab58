"""What an amended return would say: a closed year as filed beside the year as the book has it now, row by row and in total.

Both sides come in the same order of time, so that they are walked side by side and only one disposal is in memory at a time.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from functools import partial
from itertools import groupby, zip_longest
from typing import TypeVar

from ledger.domain.amount import ZERO, subtracted
from ledger.domain.document import Cell, CellKind, Column, ReportDocument, Row, Table
from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import GainRow, IncomeRow, gain_figures, income_figures, lot_figures
from ledger.domain.lot import Lot
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.totals import GainTally


def _then_and_now(name: str, title: str, kind: CellKind = CellKind.TEXT) -> tuple[Column, Column]:
    return (
        Column(name=f"{name}_filed", title=f"{title}, as filed", kind=kind),
        Column(name=f"{name}_now", title=f"{title}, now", kind=kind),
    )


_CHANGE = Column(name="change", title="Change")
_ASSET = Column(name="asset", title="Asset")
_GAIN_COLUMNS = (
    _CHANGE,
    Column(name="disposal", title="Disposal"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    _ASSET,
    Column(name="date_disposed", title="Date disposed", kind=CellKind.DAY),
    *_then_and_now("quantity", "Quantity", CellKind.QUANTITY),
    *_then_and_now("lot", "Lot"),
    *_then_and_now("date_acquired", "Date acquired", CellKind.DAY),
    *_then_and_now("term", "Term"),
    *_then_and_now("box", "Box"),
    *_then_and_now("proceeds", "Proceeds", CellKind.MONEY),
    *_then_and_now("cost_basis", "Cost basis", CellKind.MONEY),
    *_then_and_now("adjustment", "Adjustment", CellKind.MONEY),
    *_then_and_now("gain", "Gain or loss", CellKind.MONEY),
    Column(name="gain_difference", title="Difference of gain", kind=CellKind.MONEY, total=True),
)
_TOTAL_COLUMNS = (
    Column(name="term", title="Term"),
    Column(name="box", title="Box"),
    Column(name="figure", title="Figure"),
    Column(name="filed", title="As filed", kind=CellKind.MONEY),
    Column(name="now", title="Now", kind=CellKind.MONEY),
    Column(name="difference", title="Difference", kind=CellKind.MONEY),
)
_INCOME_COLUMNS = (
    _CHANGE,
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="date_received", title="Date received", kind=CellKind.DAY),
    Column(name="kind", title="Kind"),
    _ASSET,
    *_then_and_now("quantity", "Quantity", CellKind.QUANTITY),
    *_then_and_now("value", "Market value", CellKind.MONEY),
    Column(name="value_difference", title="Difference of value", kind=CellKind.MONEY, total=True),
)
_LOT_COLUMNS = (
    _CHANGE,
    _ASSET,
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="lot", title="Lot"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    *_then_and_now("quantity_open", "Quantity open", CellKind.QUANTITY),
    *_then_and_now("cost_open", "Cost open", CellKind.MONEY),
)
_FIGURES = ("Proceeds", "Cost basis", "Adjustment", "Gain or loss")
_NOTE = (
    "A disposal that was matched with other lots has a row for each piece: pieces of one lot stand beside each other, the others in"
    " their order. Totals hold all rows of the year, changed or not; figures that are not known count as 0."
    " They are exact sums: a form whose rows are rounded one by one may differ from them by cents (a report of the form `--as-filed` and"
    " `--current` shows them)."
)

_Fact = TypeVar("_Fact")
_Pair = tuple[_Fact | None, _Fact | None]  # as filed, now
_Key = tuple[str | int, ...]


class PeriodDiff:
    """A closed year: what was filed, and what the book says of it now."""

    name = "period-diff"
    title = "A closed year as filed and as the book has it now"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the disposals, receipts and open lots that changed, came or went, and the totals by term and box.

        Raises:
            UnsupportedCase: when the period is no closed tax year.
        """
        sides = source.closing()
        if sides is None:
            raise UnsupportedCase(
                f"{self.name}: {source.cover.period} is no tax year that was closed",
                mend="name one: lotwright period diff YEAR; `lotwright period list` shows them",
            )
        return document_of(
            self,
            source,
            tables=(
                Table(name=self.name, title="Disposals that differ", columns=_GAIN_COLUMNS, rows=partial(_gain_rows, *sides)),
                Table(
                    name=f"{self.name}-totals", title="Totals by term and box", columns=_TOTAL_COLUMNS, rows=partial(_total_rows, *sides)
                ),
                Table(
                    name=f"{self.name}-income", title="Receipts that differ", columns=_INCOME_COLUMNS, rows=partial(_income_rows, *sides)
                ),
                Table(
                    name=f"{self.name}-lots",
                    title="Lots open at the end of the year that differ",
                    columns=_LOT_COLUMNS,
                    rows=partial(_lot_rows, *sides),
                ),
            ),
            notes=(_NOTE,),
        )


# --- side by side ----------------------------------------------------------------------------------------------------


def _walked(filed: Iterator[_Fact], now: Iterator[_Fact], place: Callable[[_Fact], _Key]) -> Iterator[tuple[list[_Fact], list[_Fact]]]:
    """Yield the rows of each place on both sides; both come in the order of `place`."""
    left, right = groupby(filed, place), groupby(now, place)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield list(one[1]), []
            one = next(left, None)
        elif one is None or other[0] < one[0]:
            yield [], list(other[1])
            other = next(right, None)
        else:
            yield list(one[1]), list(other[1])
            one, other = next(left, None), next(right, None)


def _pairs(filed: list[_Fact], now: list[_Fact], alike: Callable[[_Fact], Hashable]) -> Iterator[_Pair[_Fact]]:
    """Pair rows that are alike, in order; what is left is paired as it comes."""
    waiting: dict[Hashable, deque[_Fact]] = {}
    for row in now:
        waiting.setdefault(alike(row), deque()).append(row)
    lonely = []
    for row in filed:
        partners = waiting.get(alike(row))
        if partners:
            yield row, partners.popleft()
        else:
            lonely.append(row)
    yield from zip_longest(lonely, [row for rows in waiting.values() for row in rows])


def _change(filed: object, now: object) -> str:
    if filed is None:
        return "added"
    return "gone" if now is None else "changed"


def _difference(filed: Decimal | None, now: Decimal | None) -> Decimal:
    return subtracted(now or ZERO, filed or ZERO)


def _sides(pair: _Pair[_Fact], *figures: Callable[[_Fact], Cell]) -> Iterator[Cell]:
    for figure in figures:
        for row in pair:
            yield None if row is None else figure(row)


# --- disposals -------------------------------------------------------------------------------------------------------


def _gain_rows(filed: ReportInput, now: ReportInput) -> Iterator[Row]:
    for then, today in _walked(filed.gains(), now.gains(), _place_of_gain):
        for pair in _pairs(then, today, lambda row: row.disposal.lot_id):
            row = pair[1] or pair[0]
            assert row is not None
            if None in pair or gain_figures(row) != gain_figures(pair[0] or row):
                yield _gain_row(row, pair)


def _place_of_gain(row: GainRow) -> _Key:
    return row.disposal.disposed_at.isoformat(timespec="microseconds"), row.disposal.disposal_id


def _gain_row(row: GainRow, pair: _Pair[GainRow]) -> Row:
    gains = [None if each is None else each.gain for each in pair]
    return (
        _change(*pair),
        row.disposal.disposal_id,
        row.disposal.source_id,
        row.disposal.asset,
        row.date_disposed,
        *_sides(
            pair,
            lambda each: each.disposal.quantity,
            lambda each: each.disposal.lot_id,
            lambda each: each.date_acquired,
            lambda each: each.term,
            lambda each: each.box,
            lambda each: each.disposal.proceeds,
            lambda each: each.disposal.cost_basis,
            lambda each: each.adjustment.amount if each.adjustment else ZERO,
            lambda each: each.gain,
        ),
        _difference(*gains),
    )


def _total_rows(filed: ReportInput, now: ReportInput) -> Iterator[Row]:
    tallies: dict[tuple[str, str], tuple[GainTally, GainTally]] = {}
    for side, source in enumerate((filed, now)):
        for row in source.gains():
            tallies.setdefault((row.term or "", row.box), (GainTally(), GainTally()))[side].add(row)
    for term, box in sorted(tallies, key=lambda key: (key[0] != "short", key)):
        for figure, then, today in zip(_FIGURES, *(tally.figures() for tally in tallies[term, box]), strict=True):
            yield (term or None, box or None, figure, then, today, subtracted(today, then))


# --- income and lots -------------------------------------------------------------------------------------------------


def _income_rows(filed: ReportInput, now: ReportInput) -> Iterator[Row]:
    for then, today in _walked(filed.income(), now.income(), _place_of_receipt):
        for pair in _pairs(then, today, lambda row: (row.kind, row.asset, row.account)):
            row = pair[1] or pair[0]
            assert row is not None
            if None in pair or income_figures(row) != income_figures(pair[0] or row):
                figures = _sides(pair, lambda each: each.quantity, lambda each: each.value)
                values = [None if each is None else each.value for each in pair]
                yield (_change(*pair), row.source_id, row.day, row.kind, row.asset, *figures, _difference(*values))


def _place_of_receipt(row: IncomeRow) -> _Key:
    return row.occurred_at.isoformat(timespec="microseconds"), row.source_id


def _lot_rows(filed: ReportInput, now: ReportInput) -> Iterator[Row]:
    for then, today in _walked(filed.lots(), now.lots(), _place_of_lot):
        for pair in _pairs(then, today, lambda lot: lot.lot_id):
            lot = pair[1] or pair[0]
            assert lot is not None
            if None in pair or lot_figures(lot) != lot_figures(pair[0] or lot):
                figures = _sides(pair, lambda each: each.quantity_open, lambda each: each.cost_open)
                yield (_change(*pair), lot.asset, lot.wallet, lot.lot_id, lot.source_id, *figures)


def _place_of_lot(lot: Lot) -> _Key:
    return lot.asset, lot.wallet, lot.acquired_at.isoformat(timespec="microseconds"), lot.lot_id, lot.part
