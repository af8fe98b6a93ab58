"""Figures as filed: a closed year read from what was frozen, through the same questions as a book, so that every report works on it.

A report that asks for no figures in particular gets those of closed years as filed and all else as the book stands now, and its
cover says so: what went to a tax office is what its owner wants to see again, whatever arrived since.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import TypeVar

from ledger.domain.errors import BookError, InputError
from ledger.domain.facts import (
    BalanceRow,
    BookCover,
    BotActivity,
    BotResult,
    ElectionRow,
    FillActivity,
    GainRow,
    IncomeRow,
    JournalRow,
    OwnResult,
    ValuationRow,
)
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Lot
from ledger.domain.time.period import Period
from ledger.pipeline.bots.activity import NO_BOT, activity_of, results_of
from ledger.pipeline.periods.closed import CLOSED_YEAR_DIFFERS, closing_hash, newest_closings, period_of
from ledger.pipeline.periods.figures_text import FiguresReader, text_hash
from ledger.pipeline.report import BookInput, Selection
from ledger.ports import ReportInput
from ledger.storage.store import ClosedYear, Reader

Row = TypeVar("Row")

_HASH_SHOWN = 16  # characters: enough to compare by eye, and to find the closing in `lotwright period list`


def figures_of(reader: Reader, closed: ClosedYear) -> FiguresReader:
    """Return the frozen figures of a closing, after checking them against its hash.

    Raises:
        BookError: when they are not those that were closed.
    """
    content = reader.closed_content(closed.seq)
    if text_hash(content) != closed.content_hash or closing_hash(closed) != closed.hash:
        raise BookError(
            f"the closing of {closed.year}, version {closed.version}, is not what was stored: its figures do not give its hash",
            mend="restore the database from a backup; the book was changed behind Lotwright's back",
        )
    return FiguresReader(content)


@dataclass(slots=True, kw_only=True)
class _OfTheBook:
    """What a report asks of the book as it stands, also where figures are as filed: nothing of it is frozen."""

    current: BookInput

    @property
    def options(self) -> Mapping[str, str]:
        """Every option that the report has, with its choice."""
        return self.current.options

    def broker(self, account: AccountId) -> str:
        """Return the name of whoever holds an account."""
        return self.current.broker(account)

    def deferred_losses(self) -> Iterator[DeferredLoss]:
        """Return what a rule on wash sales would put off: an analysis, never filed."""
        return self.current.deferred_losses()

    def valuations(self) -> Iterator[ValuationRow]:
        """Yield what the book's prices valued."""
        return self.current.valuations()

    def basis_evidence(self) -> Mapping[EventId, str]:
        """Return what proves the cost and date of openings and gifts."""
        return self.current.basis_evidence()

    def elections(self) -> Iterator[ElectionRow]:
        """Yield the register of elections."""
        return self.current.elections()

    def entries(self) -> Iterator[JournalRow]:
        """Yield the journal entries of the book: facts, of which closing freezes none."""
        return self.current.entries()

    def balances(self) -> Iterable[BalanceRow]:
        """Return the balances of the book: facts, as `entries`."""
        return self.current.balances()

    def what_ifs(self) -> Mapping[str, Iterator[GainRow]]:
        """Return the gains under other orders of lots, of the book as it stands now."""
        return self.current.what_ifs()


@dataclass(slots=True, kw_only=True)
class FiledInput(_OfTheBook):
    """A closed year as filed; implements `ports.ReportInput`. `current` is the book as it stands, which alone knows the journal."""

    closed: ClosedYear
    frozen: FiguresReader
    selection: Selection
    note: str = ""

    @property
    def period(self) -> Period:
        """The days asked for."""
        return self.selection.period

    @property
    def cover(self) -> BookCover:
        """The cover of the day of closing, with the period and filters asked for; it says which closing this is."""
        (cover,) = self.frozen.rows("cover", BookCover)
        figures = f"as filed: {told(self.closed)}{self.note}"
        return replace(cover, period=str(self.period), filters=str(self.selection), figures=figures)

    def gains(self) -> Iterator[GainRow]:
        """Yield the frozen disposal pieces."""
        rows = self.frozen.rows("gain", GainRow)
        return (row for row in rows if row.date_disposed in self.period and self.selection.takes_piece(row.disposal))

    def income(self) -> Iterator[IncomeRow]:
        """Yield the frozen receipts."""
        return (row for row in self.frozen.rows("income", IncomeRow) if row.day in self.period and self._takes_receipt(row))

    def lots(self) -> Iterator[Lot]:
        """Yield the lots that were open at the end of the year."""
        asset, account = self.selection.asset, self.selection.account
        return (lot for lot in self.frozen.rows("lot", Lot) if asset in (None, lot.asset) and account in (None, lot.account))

    def bot_activity(self) -> Iterable[BotActivity]:
        """Return fills, volume and fees by bot, asset and month as they were at closing, what has no bot last."""
        return activity_of(self.fill_activity())

    def bot_results(self) -> Iterable[BotResult]:
        """Return the bots' own results as they were at closing."""
        return results_of(self.own_results())

    def fill_activity(self) -> Iterator[FillActivity]:
        """Yield the frozen fills of the period."""
        for row in self._of_bots("activity", FillActivity):
            if self.selection.asset in (None, *row.assets) and self._takes_doing(row):
                yield row

    def own_results(self) -> Iterator[OwnResult]:
        """Yield the frozen own results of the period."""
        for row in self._of_bots("own", OwnResult):
            if self.selection.asset in (None, row.asset) and self._takes_doing(row):
                yield row

    def findings(self) -> Iterable[Finding]:
        """Return the findings that were open at closing."""
        return tuple(self.frozen.rows("finding", Finding))

    def closing(self) -> tuple[ReportInput, ReportInput]:
        """Return the year as filed, and as the book has it now."""
        return self, self.current

    def _takes_receipt(self, row: IncomeRow) -> bool:
        chosen = self.selection
        mine = chosen.bot is None or chosen.bot == (row.bot or NO_BOT)
        return mine and chosen.asset in (None, row.asset) and chosen.account in (None, row.account)

    def _takes_doing(self, row: FillActivity | OwnResult) -> bool:
        chosen = self.selection
        mine = chosen.bot is None or chosen.bot == (row.bot or NO_BOT)
        return mine and chosen.account in (None, row.account) and row.day in self.period

    def _of_bots(self, kind: str, row: type[Row]) -> Iterator[Row]:
        if not self.frozen.tells_of(OwnResult):
            raise InputError(
                f"Lotwright {self.closed.software}, which closed {self.closed.year}, froze nothing by day of what bots did",
                mend="ask for what they did by the book as it stands now: --current",
            )
        return self.frozen.rows(kind, row)


@dataclass(slots=True, kw_only=True)
class MixedInput(_OfTheBook):
    """Days of closed years as filed, all other days as the book stands now; implements `ports.ReportInput`."""

    filed: Sequence[FiledInput]
    _closed: tuple[Period, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._closed = tuple(period_of(each.closed) for each in self.filed)

    @property
    def period(self) -> Period:
        """The days asked for."""
        return self.current.period

    @property
    def cover(self) -> BookCover:
        """The book's cover, which says which years are as filed."""
        closings = "; ".join(told(each.closed) + each.note for each in self.filed)
        return replace(self.current.cover, figures=f"as filed: {closings}; all other days as the book stands now")

    def gains(self) -> Iterator[GainRow]:
        """Yield frozen pieces of closed years and computed ones of all other days, in one order."""
        now = (row for row in self.current.gains() if not self._is_closed(row.date_disposed))
        return merge(now, *(each.gains() for each in self.filed), key=_place_of_piece)

    def income(self) -> Iterator[IncomeRow]:
        """Yield frozen receipts of closed years and those of all other days, in one order."""
        now = (row for row in self.current.income() if not self._is_closed(row.day))
        return merge(now, *(each.income() for each in self.filed), key=attrgetter("occurred_at", "source_id"))

    def lots(self) -> Iterator[Lot]:
        """Yield lots as filed where the period ends with a closed year, else as the book has them."""
        ended = next((each for each in self.filed if each.closed.to_day == self.period.to_day), None)
        return self.current.lots() if ended is None else ended.lots()

    def bot_activity(self) -> Iterable[BotActivity]:
        """Return what bots did, on closed days as filed."""
        now = (row for row in self.current.fill_activity() if not self._is_closed(row.day))
        return activity_of(chain(now, *(each.fill_activity() for each in self.filed)))

    def bot_results(self) -> Iterable[BotResult]:
        """Return the bots' own results, of closed days as filed."""
        now = (row for row in self.current.own_results() if not self._is_closed(row.day))
        return results_of(chain(now, *(each.own_results() for each in self.filed)))

    def findings(self) -> Iterable[Finding]:
        """Return the book's open findings."""
        return self.current.findings()

    def closing(self) -> None:
        """Return None: the period is more than a closed year, or less."""

    def _is_closed(self, day: date) -> bool:
        return any(day in period for period in self._closed)


def report_source(current: BookInput, *, facts_only: bool = False) -> ReportInput:
    """Return what a report is to be written from: as filed, as the book stands now, or both, as the selection asks.

    Raises:
        InputError: for figures as filed of what was never closed.
        BookError: when frozen figures are not those that were closed.
    """
    chosen = current.selection
    asked = chosen.as_filed or (chosen.closing is not None)
    if facts_only:
        if asked:
            raise InputError("entries and balances are facts of the book: closing a year freezes none of them", mend="leave --as-filed out")
        return current
    closings = current.reader.closed_years()
    if asked:
        return _filed(current, _asked_for(chosen, closings))
    touched = [each for each in newest_closings(closings).values() if _overlap(period_of(each), chosen.period)]
    if not touched:
        return replace(current, figures=_carried_on(current.reader, chosen.period, closings))
    if chosen.as_filed is False:
        return replace(current, figures=f"as the book stands now, not as filed ({'; '.join(map(told, touched))})")
    notes = _notes(current.reader)
    sources = [_filed(current, each, note=notes.get(each.year, "")) for each in touched]
    exactly = [each for each in sources if period_of(each.closed) == chosen.period]
    return exactly[0] if exactly else MixedInput(current=current, filed=sources)


def filed_year(current: BookInput, closings: Sequence[ClosedYear], *, year: int, version: int | None = None) -> FiledInput:
    """Return a closed year as filed; the newest closing unless a version is named.

    Raises:
        InputError: when there is no such closing.
    """
    of_year = [each for each in closings if each.year == year]
    found = [each for each in of_year if version in (None, each.version)]
    if not found:
        raise InputError(_never_closed(f"{year}", of_year, version), mend=_closed_so_far(closings))
    return _filed(current, found[-1])


def filed_rows(reader: Reader, kind: str, row: type[Row], ident: str) -> Iterator[tuple[ClosedYear, Row]]:
    """Yield the rows of a kind that name an id, of the newest closing of each year."""
    for closed in newest_closings(reader.closed_years()).values():
        for found in figures_of(reader, closed).rows(kind, row, naming=f'"{ident}"'):
            yield closed, found


def told(closed: ClosedYear) -> str:
    """Return a closing in words: the year, its version, when it was closed, and by which hash it is cited."""
    day = closed.closed_at.date()
    return f"{closed.year}, version {closed.version}, closed {day} by Lotwright {closed.software}, hash {closed.hash[:_HASH_SHOWN]}"


def _filed(current: BookInput, closed: ClosedYear, *, note: str = "") -> FiledInput:
    return FiledInput(closed=closed, frozen=figures_of(current.reader, closed), selection=current.selection, current=current, note=note)


def _asked_for(chosen: Selection, closings: Sequence[ClosedYear]) -> ClosedYear:
    of_period = [each for each in closings if period_of(each) == chosen.period]
    found = [each for each in of_period if chosen.closing in (None, each.version)]
    if not found:
        raise InputError(_never_closed(str(chosen.period), of_period, chosen.closing), mend=_closed_so_far(closings))
    return found[-1]


def _never_closed(asked: str, known: Sequence[ClosedYear], version: int | None) -> str:
    if known:
        return f"{asked} has {len(known)} closings, no version {version}"
    return f"{asked} is no tax year that was closed, so nothing is as filed"


def _closed_so_far(closings: Sequence[ClosedYear]) -> str:
    years = ", ".join(f"{each.year} version {each.version}" for each in closings) or "none"
    return f"close it first: lotwright period close YEAR; or ask with --year for one that is closed: {years}"


def _overlap(one: Period, other: Period) -> bool:
    begins_in_time = one.from_day is None or other.to_day is None or one.from_day <= other.to_day
    ends_in_time = one.to_day is None or other.from_day is None or other.from_day <= one.to_day
    return begins_in_time and ends_in_time


def _notes(reader: Reader) -> dict[int, str]:
    """Return what the cover adds of years whose figures the book no longer gives."""
    changed = {finding.subject for _, finding in reader.findings() if finding.code == CLOSED_YEAR_DIFFERS}
    return {year: f" (THE BOOK NOW SAYS OTHERWISE: lotwright period diff {year})" for year in sorted(map(int, changed))}


def _carried_on(reader: Reader, period: Period, closings: Sequence[ClosedYear]) -> str:
    """Return what the cover says of days after a year that was filed otherwise, empty where none was. DECISIONS: carry-after-filed."""
    changed = [year for year in _notes(reader) if _ends_before(newest_closings(closings).get(year), period)]
    if not changed:
        return ""
    years = ", ".join(map(str, changed))
    return (
        f"as the book stands now; {years} {'was' if len(changed) == 1 else 'were'} filed with other figures, and the lots carried on are"
        f" those of the book, not those as filed (lotwright period diff {changed[-1]})"
    )


def _ends_before(closed: ClosedYear | None, period: Period) -> bool:
    return closed is not None and period.from_day is not None and closed.to_day < period.from_day


def _place_of_piece(row: GainRow) -> tuple[object, ...]:
    piece = row.disposal
    return piece.disposed_at, piece.disposal_id, piece.lot_id is not None, piece.lot_id or "", piece.piece
