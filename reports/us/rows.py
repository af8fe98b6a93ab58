"""Gains -> rows of Form 8949: which pieces stand on one row, what its columns say, and how they are rounded.

Source: Instructions for Form 8949 (2025), columns (a) to (h), "Rounding off to whole dollars".
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from itertools import groupby

from ledger.domain.amount import EXACT, ZERO, added, cents_half_up, text_of, whole_half_up
from ledger.domain.document import Row
from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import GainRow
from ledger.domain.ids import AccountId
from ledger.ports import ReportInput
from reports.us.options import ORDER, PIECE, in_dollars, rows_asked

# Box -> (part of the form, line of Schedule D that takes the box's totals).
BOXES = {
    **{box: ("I", line) for boxes, line in (("AG", "1b"), ("BH", "2"), ("CI", "3")) for box in boxes},
    **{box: ("II", line) for boxes, line in (("DJ", "8b"), ("EK", "9"), ("FL", "10")) for box in boxes},
}
BASIS_REPORTED = frozenset("ADGJ")
PART_TITLES = {"I": "Part I, short-term", "II": "Part II, long-term"}
VARIOUS = "VARIOUS"

Figures = tuple[Decimal, Decimal, Decimal, Decimal]  # proceeds, cost or other basis, adjustment, gain
NOTHING: Figures = (ZERO, ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Page:
    """Rows that stand together on the form: one year, part and box."""

    year: int
    part: str
    box: str

    def cells(self) -> tuple[int, str, str]:
        """Return what stands before each row."""
        return self.year, PART_TITLES[self.part], self.box


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow:
    """One row of the form before it is rounded. `date_acquired` None: not known. `codes` empty: no adjustment."""

    page: Page
    account: AccountId
    description: str
    date_acquired: str | None
    date_sold: str
    exact: Figures
    codes: str
    disposal: str
    matched_by: str
    finding: str

    def cells(self, printed: Figures) -> Row:
        """Return columns (a) to (h) with the figures as rounded, behind year, part and box."""
        proceeds, cost, adjustment, gain = printed
        change = (self.codes, adjustment) if self.codes else (None, None)
        dates = (self.date_acquired, self.date_sold)
        return (*self.page.cells(), self.description, *dates, proceeds, cost, *change, gain, self.disposal, self.matched_by, self.finding)


def is_priced(row: GainRow) -> bool:
    """Tell whether a piece can stand on the form: nobody files a row without figures."""
    return row.gain is not None


def page_of(row: GainRow) -> Page:
    """Return where a piece stands.

    Raises:
        UnsupportedCase: when it has no box of Form 8949, as under the regime of another country.
    """
    if row.box not in BOXES:
        raise UnsupportedCase(
            f"form-8949: disposal {row.disposal.disposal_id} has {f'box {row.box!r}' if row.box else 'no box'}; Form 8949 knows A to L",
            mend='Form 8949 needs the boxes of the regime "us"; use the reports gains and summary for other countries',
        )
    return Page(year=row.year, part=BOXES[row.box][0], box=row.box)


def form_rows(gains: Iterable[GainRow], asked: str) -> Iterator[FormRow]:
    """Yield the rows of priced pieces, in the order of the first piece of each; `asked` says what makes one row.

    A sale or order that is in several boxes or terms is one row in each.
    """
    for pieces in row_groups(gains, asked):
        yield _form_row(pieces, asked)


def rounding_of(source: ReportInput) -> Callable[[Figures], Figures]:
    """Return how figures are printed: (d), (e) and (g) rounded as asked, halves away from zero, (h) computed from them."""
    policy = whole_half_up if in_dollars(source) else cents_half_up

    def printed(exact: Figures) -> Figures:
        proceeds, cost, adjustment = policy(exact[0]), policy(exact[1]), policy(exact[2])
        return proceeds, cost, adjustment, EXACT.add(EXACT.subtract(proceeds, cost), adjustment)

    return printed


def rows_on(source: ReportInput, page: Page, wanted: Callable[[GainRow], bool]) -> Iterator[FormRow]:
    """Yield the rows of one page made of the pieces that are wanted."""
    here = (row for row in source.gains() if row.year == page.year and row.box == page.box and is_priced(row) and wanted(row))
    return form_rows(here, rows_asked(source))


def figures_of(row: GainRow) -> Figures:
    """Return the exact figures of a priced piece."""
    proceeds, cost, gain = row.disposal.proceeds, row.disposal.cost_basis, row.gain
    assert proceeds is not None, row
    assert cost is not None, row
    assert gain is not None, row
    return proceeds, cost, row.adjustment.amount if row.adjustment else ZERO, gain


def exact_of(pieces: Sequence[GainRow]) -> Figures:
    """Return the exact figures of one row."""
    return figures_of(pieces[0]) if len(pieces) == 1 else reduce(summed, map(figures_of, pieces))


def summed(one: Figures, other: Figures) -> Figures:
    """Return the sums of figures."""
    return EXACT.add(one[0], other[0]), EXACT.add(one[1], other[1]), EXACT.add(one[2], other[2]), EXACT.add(one[3], other[3])


def row_groups(gains: Iterable[GainRow], asked: str) -> Iterator[list[GainRow]]:
    """Yield the pieces of each row, in the order of the first piece of each."""
    if asked == PIECE:
        yield from ([row] for row in gains)
    elif asked == ORDER:
        for _, day in groupby(gains, key=lambda row: row.date_disposed):
            yield from _parted(day, _order_key)
    else:
        for _, sale in groupby(gains, key=lambda row: row.disposal.disposal_id):
            yield from _parted(sale, page_of)


def _parted(rows: Iterable[GainRow], key: Callable[[GainRow], Hashable]) -> Iterator[list[GainRow]]:
    parts: dict[Hashable, list[GainRow]] = {}
    for row in rows:
        parts.setdefault(key(row), []).append(row)
    yield from parts.values()


def _order_key(row: GainRow) -> Hashable:
    piece = row.disposal
    return page_of(row), piece.account, piece.asset, piece.kind, piece.order_id or piece.disposal_id


def _form_row(pieces: list[GainRow], asked: str) -> FormRow:
    first = pieces[0]
    return FormRow(
        page=page_of(first),
        account=first.disposal.account,
        description=_description(pieces, asked),
        date_acquired=_date_acquired(pieces),
        date_sold=_form_date(first.date_disposed),
        exact=exact_of(pieces),
        codes=codes_of(pieces),
        disposal=first.disposal.disposal_id,
        matched_by=" ".join(sorted({row.disposal.matched_by for row in pieces})),
        finding=" ".join(sorted({row.finding for row in pieces} - {""})),
    )


def codes_of(pieces: Sequence[GainRow]) -> str:
    """Return column (f): the letters of all pieces, in alphabetical order without separator."""
    if not any(row.adjustment for row in pieces):
        return ""
    return "".join(sorted({letter for row in pieces if row.adjustment for letter in row.adjustment.codes}))


def _description(pieces: list[GainRow], asked: str) -> str:
    """Return column (a): units and symbol, and the id of the sale, or of the order whose fills stand together."""
    first = pieces[0].disposal
    units = f"{text_of(added(*(row.disposal.quantity for row in pieces)))} {first.asset}"
    return f"{units}, order {first.order_id}" if asked == ORDER and first.order_id else f"{units}, sale {first.source_id}"


def _date_acquired(pieces: list[GainRow]) -> str | None:
    day = pieces[0].date_acquired
    if any(row.date_acquired != day for row in pieces):
        return VARIOUS
    return None if day is None else _form_date(day)


def _form_date(day: date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year:04}"
