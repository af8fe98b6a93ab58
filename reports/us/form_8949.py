"""Form 8949: disposals as the form's rows, by part and box, with the totals that go to Schedule D.

Rows keep cents; column (h) and every total are computed from the rounded figures of the rows, because a form that does
not add up as printed comes back. Source: Instructions for Form 8949 (2025), columns (a) to (h), boxes A to L.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from ledger.domain.amount import EXACT, ZERO, cents_half_up, subtracted, text_of
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.cover import document_of

# Box -> (part of the form, line of Schedule D that takes the box's totals).
BOXES = {
    **{box: ("I", line) for boxes, line in (("AG", "1b"), ("BH", "2"), ("CI", "3")) for box in boxes},
    **{box: ("II", line) for boxes, line in (("DJ", "8b"), ("EK", "9"), ("FL", "10")) for box in boxes},
}
PART_TITLES = {"I": "Part I, short-term", "II": "Part II, long-term"}

_PAGE = (
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="part", title="Part"),
    Column(name="box", title="Box"),
)
_COLUMNS = (
    *_PAGE,
    Column(name="description", title="(a) Description of property"),
    Column(name="date_acquired", title="(b) Date acquired"),
    Column(name="date_sold", title="(c) Date sold or disposed of"),
    Column(name="proceeds", title="(d) Proceeds", kind=CellKind.MONEY, total=True),
    Column(name="cost_basis", title="(e) Cost or other basis", kind=CellKind.MONEY, total=True),
    Column(name="adjustment_code", title="(f) Code(s)"),
    Column(name="adjustment", title="(g) Amount of adjustment", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="(h) Gain or (loss)", kind=CellKind.MONEY, total=True),
    Column(name="disposal", title="Disposal"),
    Column(name="matched_by", title="Lots picked by", kind=CellKind.OUTSIDE),
    Column(name="finding", title="Finding"),
)
_TOTAL_COLUMNS = (
    *_PAGE,
    Column(name="schedule_d_line", title="Schedule D line"),
    Column(name="rows", title="Rows", kind=CellKind.INTEGER, total=True),
    Column(name="proceeds", title="(d) Proceeds", kind=CellKind.MONEY, total=True),
    Column(name="cost_basis", title="(e) Cost or other basis", kind=CellKind.MONEY, total=True),
    Column(name="adjustment", title="(g) Amount of adjustment", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="(h) Gain or (loss)", kind=CellKind.MONEY, total=True),
)
_TIE_OUT_COLUMNS = (
    *_PAGE,
    Column(name="figure", title="Figure"),
    Column(name="form", title="Sum of the form's rows", kind=CellKind.MONEY),
    Column(name="exact", title="Exact sum", kind=CellKind.PRICE),
    Column(name="difference", title="Difference by rounding", kind=CellKind.PRICE),
)
_FIGURES = ("(d) Proceeds", "(e) Cost or other basis", "(g) Amount of adjustment", "(h) Gain or (loss)")

_ROUNDING_NOTE = (
    "Amounts are rounded to the cent in each row, halves away from zero; (h) = (d) - (e) + (g) and all totals are computed from"
    " the rounded figures. A row that rounds to 0.00 stays."
)
_BOX_NOTE = (
    "Boxes C and F (until 2024) and I and L (since 2025) say that no Form 1099-B or 1099-DA reports the sale."
    " Where a broker sent one, the row belongs into the box that the form calls for."
)

_Figures = tuple[Decimal, Decimal, Decimal, Decimal]  # proceeds, cost or other basis, adjustment, gain
_NOTHING: _Figures = (ZERO, ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Page:
    """Rows that stand together on the form: one year, part and box."""

    year: int
    part: str
    box: str


class Form8949:
    """Sales and other dispositions of capital assets, in the columns of Form 8949."""

    name = "form-8949"
    title = "Form 8949"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the form's rows by year, part and box, the totals by box, and what rounding changed; reads the gains once.

        The rows are read once more for each box while the document is written, so that none are kept.

        Raises:
            UnsupportedCase: when a disposal has no box of Form 8949, as under the regime of another country.
        """
        survey = _Survey()
        for row in source.gains():
            survey.add(row)
        pages = sorted(survey.totals)
        totals: tuple[Row, ...] = tuple(survey.total_row(page) for page in pages)
        tie_out: tuple[Row, ...] = tuple(row for page in pages for row in survey.tie_out_rows(page))
        return document_of(
            self,
            source,
            tables=(
                Table(name="form-8949", title="Rows by part and box", columns=_COLUMNS, rows=partial(_rows, source, pages)),
                Table(name="form-8949-totals", title="Totals by box", columns=_TOTAL_COLUMNS, rows=lambda: iter(totals)),
                Table(name="form-8949-tie-out", title="Tie-out to the exact figures", columns=_TIE_OUT_COLUMNS, rows=lambda: iter(tie_out)),
            ),
            notes=(*survey.notes(), _ROUNDING_NOTE, _BOX_NOTE),
        )


class _Survey:
    """What must be known before the first row is written: pages, their totals, and what is missing."""

    def __init__(self) -> None:
        self.totals: dict[_Page, _Figures] = {}
        self.exact: dict[_Page, _Figures] = {}
        self.rows: dict[_Page, int] = {}
        self.without_price = 0
        self.without_acquisition = 0

    def add(self, row: GainRow) -> None:
        exact = _exact_figures(row)
        if exact is None:
            self.without_price += 1
            return
        page = _page_of(row)
        self.without_acquisition += row.date_acquired is None
        self.rows[page] = self.rows.get(page, 0) + 1
        self.exact[page] = _sum(self.exact.get(page, _NOTHING), exact)
        self.totals[page] = _sum(self.totals.get(page, _NOTHING), _rounded(exact))

    def total_row(self, page: _Page) -> Row:
        return (page.year, PART_TITLES[page.part], page.box, BOXES[page.box][1], self.rows[page], *self.totals[page])

    def tie_out_rows(self, page: _Page) -> Iterator[Row]:
        for figure, form, exact in zip(_FIGURES, self.totals[page], self.exact[page], strict=True):
            yield (page.year, PART_TITLES[page.part], page.box, figure, form, exact, subtracted(form, exact))

    def notes(self) -> Iterator[str]:
        if self.without_price:
            yield f"Left out of the form: {_disposals(self.without_price)} without a price. Add the missing prices before filing."
        if self.without_acquisition:
            yield (
                f"On the form with a cost of 0 and an empty column (b): {_disposals(self.without_acquisition)} without a known"
                " acquisition. Find the acquisition, or settle its date and basis, before filing."
            )


def _disposals(count: int) -> str:
    return "1 disposal" if count == 1 else f"{count} disposals"


def _page_of(row: GainRow) -> _Page:
    if row.box not in BOXES:
        raise UnsupportedCase(
            f"form-8949: disposal {row.disposal.disposal_id} has {f'box {row.box!r}' if row.box else 'no box'}; Form 8949 knows A to L",
            mend='Form 8949 needs the boxes of the regime "us"; use the reports gains and summary for other countries',
        )
    return _Page(year=row.year, part=BOXES[row.box][0], box=row.box)


def _exact_figures(row: GainRow) -> _Figures | None:
    proceeds, cost, gain = row.disposal.proceeds, row.disposal.cost_basis, row.gain
    if proceeds is None or cost is None or gain is None:
        return None
    return proceeds, cost, row.adjustment.amount if row.adjustment else ZERO, gain


def _rounded(exact: _Figures) -> _Figures:
    proceeds, cost, adjustment = (cents_half_up(figure) for figure in exact[:3])
    return proceeds, cost, adjustment, EXACT.add(EXACT.subtract(proceeds, cost), adjustment)


def _sum(one: _Figures, other: _Figures) -> _Figures:
    return EXACT.add(one[0], other[0]), EXACT.add(one[1], other[1]), EXACT.add(one[2], other[2]), EXACT.add(one[3], other[3])


def _rows(source: ReportInput, pages: list[_Page]) -> Iterator[Row]:
    for page in pages:
        for row in source.gains():
            exact = _exact_figures(row)
            if exact is not None and row.year == page.year and row.box == page.box:
                yield _form_row(page, row, _rounded(exact))


def _form_row(page: _Page, row: GainRow, figures: _Figures) -> Row:
    proceeds, cost, adjustment, gain = figures
    return (
        page.year,
        PART_TITLES[page.part],
        page.box,
        f"{text_of(row.disposal.quantity)} {row.disposal.asset}",
        None if row.date_acquired is None else _form_date(row.date_acquired),
        _form_date(row.date_disposed),
        proceeds,
        cost,
        row.adjustment.codes if row.adjustment else None,
        adjustment if row.adjustment else None,
        gain,
        row.disposal.disposal_id,
        row.disposal.matched_by,
        row.finding,
    )


def _form_date(day: date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year:04}"
