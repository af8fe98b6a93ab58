"""SA108, Capital gains summary: the boxes for cryptoassets of each tax year, with the exact figures behind them.

Boxes take whole pounds: proceeds and gains rounded down, costs and losses up, each once and from the exact total. Before the return
for 2024 to 2025 the form had no boxes of its own for cryptoassets: they were "other property, assets and gains".
Source: SA108 and its notes for 2023 to 2024 and 2024 to 2025.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO, added, whole_down, whole_up
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.uk.day_disposals import DayDisposal, day_disposals, refuse_other_regimes

CRYPTO_BOXES_FROM = 2024  # the year that began on 6 April 2024
_CRYPTO_BOXES = ("13.1", "13.2", "13.3", "13.4", "13.5")
_OTHER_BOXES = ("14", "15", "16", "17", "19")
# A year in which the rates changed: gains up to the day before and from that day on are stated apart.
RATE_CHANGES = {2024: date(2024, 10, 30)}

_BOX_COLUMNS = (
    Column(name="year", title="Tax year from 6 April", kind=CellKind.INTEGER),
    Column(name="box", title="Box of SA108"),
    Column(name="figure", title="What it asks for"),
    Column(name="amount", title="For the form", kind=CellKind.QUANTITY),
    Column(name="exact", title="Exact", kind=CellKind.PRICE),
)
_PART_COLUMNS = (
    Column(name="year", title="Tax year from 6 April", kind=CellKind.INTEGER),
    Column(name="from_day", title="From", kind=CellKind.DAY),
    Column(name="to_day", title="To", kind=CellKind.DAY),
    Column(name="disposals", title="Disposals", kind=CellKind.INTEGER, total=True),
    Column(name="gains", title="Gains", kind=CellKind.PRICE, total=True),
    Column(name="losses", title="Losses", kind=CellKind.PRICE, total=True),
)
_ROUNDING_NOTE = "Whole pounds: proceeds and gains are rounded down, costs and losses up, from the exact total of the box."
_RATE_NOTE = "Rates changed on 30 October 2024: the return for that year asks how much of the gains arose before and from that day."
_LIMIT_NOTE = "Brought-forward losses, the annual exempt amount, claims and elections are not computed; losses must be claimed to count."


@dataclass(slots=True)
class _Totals:
    """Sums over the disposals of one part of a year; gains and losses are of whole disposals, never set off against each other."""

    disposals: int = 0
    proceeds: Decimal = ZERO
    costs: Decimal = ZERO
    gains: Decimal = ZERO
    losses: Decimal = ZERO

    def add(self, *, proceeds: Decimal, costs: Decimal, gain: Decimal) -> None:
        self.disposals += 1
        self.proceeds = added(self.proceeds, proceeds)
        self.costs = added(self.costs, costs)
        if gain >= 0:
            self.gains = added(self.gains, gain)
        else:
            self.losses = EXACT.subtract(self.losses, gain)


class Sa108:
    """The figures for the cryptoassets boxes of SA108."""

    name = "sa108"
    title = "SA108 cryptoassets"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the boxes of each tax year, and gains and losses on both sides of a change of rates; reads the gains once.

        Raises:
            UnsupportedCase: when the disposals were not matched by the rules of the United Kingdom.
        """
        refuse_other_regimes(self, source)
        survey = _Survey()
        for disposal in day_disposals(source.gains()):
            survey.add(disposal)
        boxes = tuple(survey.box_rows())
        parts = tuple(survey.part_rows())
        return document_of(
            self,
            source,
            tables=(
                Table(name="sa108", title="Boxes", columns=_BOX_COLUMNS, rows=lambda: iter(boxes)),
                Table(name="sa108-rates", title="Before and after a change of rates", columns=_PART_COLUMNS, rows=lambda: iter(parts)),
            ),
            notes=(*survey.notes(), _ROUNDING_NOTE, *((_RATE_NOTE,) if parts else ()), _LIMIT_NOTE),
        )


class _Survey:
    """Totals by year and part of the year, and what is missing or provisional."""

    def __init__(self) -> None:
        self._totals: dict[int, tuple[_Totals, _Totals]] = {}
        self._without_price = 0
        self._without_basis = 0
        self._provisional: list[date] = []

    def add(self, disposal: DayDisposal) -> None:
        proceeds, costs, gain = disposal.proceeds, disposal.allowable_costs, disposal.gain
        if proceeds is None or costs is None or gain is None:
            self._without_price += 1
            return
        self._without_basis += "missing-basis" in disposal.findings
        change = RATE_CHANGES.get(disposal.year)
        before, since = self._totals.setdefault(disposal.year, (_Totals(), _Totals()))
        part = since if change is not None and disposal.day >= change else before
        part.add(proceeds=proceeds, costs=costs, gain=gain)
        if disposal.provisional_until is not None and disposal.provisional_until > disposal.day:
            self._provisional.append(disposal.provisional_until)

    def box_rows(self) -> Iterator[Row]:
        for year in sorted(self._totals):
            count, *others = _CRYPTO_BOXES if year >= CRYPTO_BOXES_FROM else _OTHER_BOXES
            before, since = self._totals[year]
            yield (year, count, "Number of disposals", Decimal(before.disposals + since.disposals), None)
            for box, (figure, total, rounded) in zip(others, _FIGURES, strict=True):
                exact = EXACT.add(total(before), total(since))
                yield (year, box, figure, rounded(exact), exact)

    def part_rows(self) -> Iterator[Row]:
        for year in sorted(RATE_CHANGES.keys() & self._totals.keys()):
            change = RATE_CHANGES[year]
            spans = ((date(year, 4, 6), date.fromordinal(change.toordinal() - 1)), (change, date(year + 1, 4, 5)))
            for (first, last), part in zip(spans, self._totals[year], strict=True):
                yield (year, first, last, part.disposals, part.gains, part.losses)

    def notes(self) -> Iterator[str]:
        if self._without_price:
            yield f"Left out of the boxes: {_disposals(self._without_price)} without a price. Add the missing prices before filing."
        if self._without_basis:
            yield f"In the boxes with units of cost 0: {_disposals(self._without_basis)} without a known acquisition of all units."
        if self._provisional:
            yield (
                f"Acquisitions up to {max(self._provisional)} can change {_disposals(len(self._provisional))}:"
                " the history must reach that far before filing."
            )


_FIGURES: tuple[tuple[str, Callable[[_Totals], Decimal], Callable[[Decimal], Decimal]], ...] = (
    ("Disposal proceeds", lambda part: part.proceeds, whole_down),
    ("Allowable costs (including purchase price)", lambda part: part.costs, whole_up),
    ("Gains in the year, before losses", lambda part: part.gains, whole_down),
    ("Losses in the year", lambda part: part.losses, whole_up),
)


def _disposals(count: int) -> str:
    return "1 disposal" if count == 1 else f"{count} disposals"
