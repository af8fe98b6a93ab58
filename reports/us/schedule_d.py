"""Schedule D: the lines that take the totals of Form 8949, the net results, and how much of a loss counts.

Source: Schedule D (Form 1040) 2025, lines 1a to 3, 7, 8a to 10, 15, 16 and 21; its instructions, "Capital Loss Carryover Worksheet".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from ledger.domain.amount import EXACT, ZERO, added, subtracted
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.us.form_8949 import rounding_note
from reports.us.options import AMOUNTS, EXCEPTION_1, FILING, ROWS, files_separately
from reports.us.rows import BOXES, NOTHING, Figures, summed
from reports.us.survey import Survey

_COLUMNS = (
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="part", title="Part"),
    Column(name="line", title="Line"),
    Column(name="what", title="What"),
    Column(name="proceeds", title="(d) Proceeds", kind=CellKind.MONEY),
    Column(name="cost_basis", title="(e) Cost or other basis", kind=CellKind.MONEY),
    Column(name="adjustment", title="(g) Adjustments", kind=CellKind.MONEY),
    Column(name="gain", title="(h) Gain or (loss)", kind=CellKind.MONEY),
)
_PARTS = {"I": ("1a", "1b", "2", "3"), "II": ("8a", "8b", "9", "10")}
_STRAIGHT = {"I": "1a", "II": "8a"}
_NET = {"I": ("7", "Net short-term capital gain or (loss)"), "II": ("15", "Net long-term capital gain or (loss)")}
_TITLES = {
    **dict.fromkeys(("1a", "8a"), "Basis reported, no adjustments, not on Form 8949"),
    "1b": "Totals of Form 8949, boxes A and G",
    "2": "Totals of Form 8949, boxes B and H",
    "3": "Totals of Form 8949, boxes C and I",
    "8b": "Totals of Form 8949, boxes D and J",
    "9": "Totals of Form 8949, boxes E and K",
    "10": "Totals of Form 8949, boxes F and L",
}
_LIMIT = Decimal(3_000)
_LIMIT_SEPARATE = Decimal(1_500)

_NOTES = (
    (
        "Lines 4 to 6 and 11 to 14 (other forms, partnerships, losses carried over from the year before) are not in these figures, and"
        " lines 17 to 20 and 22 (tax) are not computed. Only a report over the whole year, all accounts and all bots is a return's."
    ),
    "What is carried to the next year follows the Capital Loss Carryover Worksheet for a taxable income that is not below zero.",
)


class ScheduleD:
    """Capital gains and losses: the lines of Schedule D by tax year, from the same rows as Form 8949."""

    name = "schedule-d"
    title = "Schedule D"
    options = (ROWS, AMOUNTS, EXCEPTION_1, FILING)

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the lines of each tax year; reads the gains once.

        Raises:
            UnsupportedCase: when a disposal has no box of Form 8949, as under the regime of another country.
        """
        survey = Survey(source)
        lines = _lines(survey)
        limit = _LIMIT_SEPARATE if files_separately(source) else _LIMIT
        return document_of(
            self,
            source,
            tables=(Table(name="schedule-d", title="Lines", columns=_COLUMNS, rows=partial(_rows, lines, limit)),),
            notes=(*survey.notes(), rounding_note(source), *_NOTES),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What becomes of the year's results: all zero or positive.

    `deductible` is line 21; `short` and `long` are carried to the next year.
    """

    deductible: Decimal
    short: Decimal
    long: Decimal


def losses_of(*, short: Decimal, long: Decimal, limit: Decimal) -> Losses:
    """Return how much of a net loss counts this year, and how it is carried on.

    `short` and `long` are lines 7 and 15, losses negative. Source: Schedule D (2025) line 21, and the worksheet of its instructions.

    >>> losses_of(short=Decimal(-5000), long=Decimal(1000), limit=Decimal(3000))
    Losses(deductible=Decimal('3000'), short=Decimal('1000'), long=Decimal('0'))
    """
    deductible = min(limit, max(ZERO, EXACT.minus(added(short, long))))
    short_loss, long_loss = max(ZERO, EXACT.minus(short)), max(ZERO, EXACT.minus(long))
    short_left = subtracted(short_loss, added(deductible, max(ZERO, long)))
    used_by_short = min(deductible, short_loss)
    long_left = subtracted(long_loss, added(max(ZERO, short), subtracted(deductible, used_by_short)))
    return Losses(deductible=deductible, short=max(ZERO, short_left), long=max(ZERO, long_left))


def _lines(survey: Survey) -> dict[int, dict[str, Figures]]:
    """Return the totals of the lines that take some, by year."""
    years: dict[int, dict[str, Figures]] = {}
    for page in survey.pages():
        _add(years.setdefault(page.year, {}), BOXES[page.box][1], survey.total(page))
    for page, figures in survey.straight.items():
        _add(years.setdefault(page.year, {}), _STRAIGHT[page.part], figures)
    return dict(sorted(years.items()))


def _add(lines: dict[str, Figures], line: str, figures: Figures) -> None:
    lines[line] = summed(lines.get(line, NOTHING), figures)


def _rows(years: dict[int, dict[str, Figures]], limit: Decimal) -> Iterator[Row]:
    for year, lines in years.items():
        net = {part: added(*(lines.get(line, NOTHING)[3] for line in own)) for part, own in _PARTS.items()}
        for part, own in _PARTS.items():
            for line in own:
                yield (year, part, line, _TITLES[line], *_line_cells(line, lines.get(line, NOTHING)))
            yield _result(year, part, *_NET[part], net[part])
        yield _result(year, "III", "16", "Lines 7 and 15 together", added(*net.values()))
        yield from _loss_rows(year, losses_of(short=net["I"], long=net["II"], limit=limit))


def _line_cells(line: str, figures: Figures) -> tuple[Decimal | None, ...]:
    proceeds, cost, adjustment, gain = figures
    return proceeds, cost, None if line in _STRAIGHT.values() else adjustment, gain  # the form has no column (g) there


def _loss_rows(year: int, losses: Losses) -> Iterator[Row]:
    if losses.deductible:
        yield _result(year, "III", "21", "Loss that counts in this year", EXACT.minus(losses.deductible))
        yield _result(year, "", "", "Short-term loss carried to the next year", EXACT.minus(losses.short))
        yield _result(year, "", "", "Long-term loss carried to the next year", EXACT.minus(losses.long))


def _result(year: int, part: str, line: str, what: str, amount: Decimal) -> Row:
    return (year, part, line, what, None, None, None, amount)
