"""Form 8949: disposals as the form's rows, by part and box, with the totals that go to Schedule D.

Rows keep cents unless whole dollars are asked for; column (h) and every total are computed from the rounded figures of the rows,
because a form that does not add up as printed comes back. Source: Instructions for Form 8949 (2025), columns (a) to (h), boxes A
to L, Exceptions 1 and 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ledger.domain.amount import subtracted
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.us.options import AMOUNTS, EXCEPTION_1, EXCEPTION_2, ROWS, in_dollars, with_statements
from reports.us.rows import BOXES, FormRow, Page, rounding_of, rows_on
from reports.us.survey import Survey

_PAGE = (
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="part", title="Part"),
    Column(name="box", title="Box"),
)
_COLUMNS = (
    *_PAGE,
    Column(name="description", title="(a) Description of property", kind=CellKind.OUTSIDE),
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
    Column(name="sheets", title="Sheets", kind=CellKind.INTEGER, total=True),
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

_ROWS_OF_A_PART = 11  # in the form of 2025
_ROWS_OF_A_PART_BEFORE = 14
_FIRST_YEAR_OF_THE_LONGER_ROWS = 2025

_ROUNDING_NOTE = (
    "Amounts are rounded to the {unit} in each row, halves away from zero; (h) = (d) - (e) + (g) and all totals are computed from"
    " the rounded figures. A row that rounds to {nothing} stays."
)
_BOX_NOTE = (
    "Boxes follow the forms that the settings of the connections name for the year. Boxes C and F (until 2024) and I and L (since"
    " 2025) say that no Form 1099-B or 1099-DA reports the sale."
)
_STATEMENT_NOTE = "Exception 2: attach the statements, which have the columns of the form, to the return; code M says that there is one."


class Form8949:
    """Sales and other dispositions of capital assets, in the columns of Form 8949."""

    name = "form-8949"
    title = "Form 8949"
    options = (ROWS, AMOUNTS, EXCEPTION_1, EXCEPTION_2)

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the form's rows by year, part and box, the totals by box, and what rounding changed; reads the gains once.

        The rows are read once more for each box while the document is written, so that none are kept. With Exception 2 the form has
        one row for each box and broker, and a statement of the rows for each broker follows it.

        Raises:
            UnsupportedCase: when a disposal has no box of Form 8949, as under the regime of another country.
        """
        survey = Survey(source)
        form = _Form(source=source, survey=survey)
        statements = with_statements(source)
        rows = form.summary_rows if statements else form.rows
        return document_of(
            self,
            source,
            tables=(
                Table(name="form-8949", title="Rows by part and box", columns=_COLUMNS, rows=rows),
                *(form.statement(number, broker) for number, broker in enumerate(survey.brokers(), start=1) if statements),
                Table(name="form-8949-totals", title="Totals by box", columns=_TOTAL_COLUMNS, rows=form.total_rows),
                Table(name="form-8949-tie-out", title="Tie-out to the exact figures", columns=_TIE_OUT_COLUMNS, rows=form.tie_out_rows),
            ),
            notes=(*survey.notes(), rounding_note(source), _BOX_NOTE, *([_STATEMENT_NOTE] if statements else ())),
        )


def rounding_note(source: ReportInput) -> str:
    """Return how the amounts of a form are rounded."""
    return _ROUNDING_NOTE.format(unit="dollar", nothing="0") if in_dollars(source) else _ROUNDING_NOTE.format(unit="cent", nothing="0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """The tables of the form, made while they are read."""

    source: ReportInput
    survey: Survey

    def rows(self) -> Iterator[Row]:
        printed = rounding_of(self.source)
        for page in self.survey.pages():
            for row in self._rows_on(page):
                yield row.cells(printed(row.exact))

    def summary_rows(self) -> Iterator[Row]:
        for page, broker in sorted(self.survey.totals):
            proceeds, cost, adjustment, gain = self.survey.totals[page, broker]
            codes = "".join(sorted({"M", *self.survey.codes[page, broker]}))
            named = f"{broker}, see attached statement"
            yield (*page.cells(), named, None, None, proceeds, cost, codes, adjustment, gain, None, None, None)

    def statement(self, number: int, broker: str) -> Table:
        return Table(
            name=f"statement-{number}",
            title=f"Statement attached to Form 8949: {broker}",
            columns=_COLUMNS,
            rows=partial(self._statement_rows, broker),
        )

    def total_rows(self) -> Iterator[Row]:
        for page in self.survey.pages():
            count = len(self.survey.brokers(page)) if with_statements(self.source) else self.survey.row_count(page)
            yield (*page.cells(), BOXES[page.box][1], count, _sheets(page.year, count), *self.survey.total(page))

    def tie_out_rows(self) -> Iterator[Row]:
        for page in self.survey.pages():
            for figure, form, exact in zip(_FIGURES, self.survey.total(page), self.survey.exact_total(page), strict=True):
                yield (*page.cells(), figure, form, exact, subtracted(form, exact))

    def _statement_rows(self, broker: str) -> Iterator[Row]:
        printed = rounding_of(self.source)
        for page in self.survey.pages():
            for row in self._rows_on(page):
                if self.source.broker(row.account) == broker:
                    yield row.cells(printed(row.exact))

    def _rows_on(self, page: Page) -> Iterator[FormRow]:
        return rows_on(self.source, page, self.survey.has_row)


def _sheets(year: int, rows: int) -> int:
    """Return how many copies of the form's part the rows of one box fill."""
    fit = _ROWS_OF_A_PART if year >= _FIRST_YEAR_OF_THE_LONGER_ROWS else _ROWS_OF_A_PART_BEFORE
    return -(-rows // fit)
