"""Closing a tax year: its figures are frozen as they are, or refused as long as they may still change by themselves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from ledger import __version__
from ledger.config import BookSettings
from ledger.domain.amount import ZERO, added
from ledger.domain.errors import InputError
from ledger.domain.facts import GainRow, YearTotal, gain_figures, income_figures, lot_figures
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import EventId, Hash
from ledger.domain.lot import HoldingTerm
from ledger.domain.time.period import Period, local_day, start_of_day
from ledger.pipeline.match import inputs_hash, options_text
from ledger.pipeline.periods.closed import closing_hash, differing, newest_closings, origin_of, period_of
from ledger.pipeline.periods.figures_text import FiguresHash, FiguresWriter, WrittenFigures
from ledger.pipeline.report import BookInput, Selection
from ledger.pipeline.terms import terms_of
from ledger.pipeline.transfers.pair import pairing_text
from ledger.ports import TaxRegime
from ledger.storage.store import ClosedYear, Reader, Writer

_SHOWN_MAX = 5  # findings that a refusal repeats
_CLEARING_ORIGIN = "clearing"  # of findings about transfers that are still open


def close_year(
    writer: Writer,
    settings: BookSettings,
    regime: TaxRegime,
    *,
    year: int,
    now: datetime,
    amend: bool = False,
    with_findings: bool = False,
) -> ClosedYear:
    """Freeze a tax year as the book has it now, inside the caller's transaction; lots must be up to date.

    Raises:
        InputError: when the year is not over, closed already (or, with `amend`, never closed or as filed), or may still change:
            by days that a matching rule waits for, or by findings, which `with_findings` freezes with it.
    """
    terms = terms_of(settings, writer.elections(), writer.allocations())
    options, pairing = options_text(terms), pairing_text(writer, settings.transfers)
    period = regime.period_of(year, terms)
    closings = writer.closed_years()
    before = _version_before(closings, year=year, period=period, amend=amend)
    chosen = Selection(period=period)
    source = BookInput(reader=writer, settings=settings, regime=regime, selection=chosen, version=__version__)
    _refuse_unfinished(writer, period, settings.zone, year=year, today=local_day(now, settings.zone))
    if not with_findings:
        _refuse_findings(writer, period, settings, year=year)
    if before is not None and differing(source, before) is None:
        raise InputError(f"{year} is as filed with version {before.version}: there is nothing to amend", mend="leave it as it is")
    writer.replace_findings(origin_of(year), [], now)
    frozen = _Freezer(source)
    written = frozen.written()
    unsealed = ClosedYear(
        seq=len(closings) + 1,
        year=year,
        version=1 if before is None else before.version + 1,
        from_day=_day(period.from_day),
        to_day=_day(period.to_day),
        closed_at=now,
        software=__version__,
        regime=regime.name,
        regime_version=regime.version,
        options=options,
        input_hash=inputs_hash(writer, regime=regime.name, version=regime.version, options=options, pairing=pairing),
        disposals=frozen.gains.rows,
        receipts=frozen.income.rows,
        lots=frozen.lots.rows,
        gain=frozen.tally.gain,
        gains_hash=frozen.gains.value,
        income_hash=frozen.income.value,
        lots_hash=frozen.lots.value,
        content_hash=written.content_hash,
        amends=None if before is None else before.hash,
        previous_hash=closings[-1].hash if closings else writer.genesis(),
        hash=Hash(""),
    )
    closed = replace(unsealed, hash=closing_hash(unsealed))
    writer.add_closed_year(closed, written.content)
    return closed


# --- what is frozen --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sums:
    disposals: int = 0
    figures: tuple[Decimal, Decimal, Decimal, Decimal] = (ZERO, ZERO, ZERO, ZERO)


@dataclass(slots=True)
class _Tally:
    """Sums of gain rows by term and box while they pass."""

    sums: defaultdict[tuple[HoldingTerm | None, str], _Sums] = field(default_factory=lambda: defaultdict(_Sums))

    def through(self, rows: Iterable[GainRow]) -> Iterator[GainRow]:
        for row in rows:
            own, piece = self.sums[row.term, row.box], row.disposal
            adjustment = row.adjustment.amount if row.adjustment else ZERO
            known = (piece.proceeds or ZERO, piece.cost_basis or ZERO, adjustment, row.gain or ZERO)
            one, two, three, four = (added(total, figure) for total, figure in zip(own.figures, known, strict=True))
            own.disposals, own.figures = own.disposals + 1, (one, two, three, four)
            yield row

    @property
    def gain(self) -> Decimal:
        return added(*(own.figures[-1] for own in self.sums.values()))

    def totals(self) -> Iterator[YearTotal]:
        for term, box in sorted(self.sums, key=lambda key: (key[0] or "", key[1])):
            own = self.sums[term, box]
            proceeds, cost_basis, adjustment, gain = own.figures
            yield YearTotal(
                term=term, box=box, disposals=own.disposals, proceeds=proceeds, cost_basis=cost_basis, adjustment=adjustment, gain=gain
            )


@dataclass(slots=True)
class _Freezer:
    """Writes all that a year consists of, in one pass over each kind of row."""

    source: BookInput
    gains: FiguresHash = field(default_factory=FiguresHash)
    income: FiguresHash = field(default_factory=FiguresHash)
    lots: FiguresHash = field(default_factory=FiguresHash)
    tally: _Tally = field(default_factory=_Tally)

    def written(self) -> WrittenFigures:
        source, text = self.source, FiguresWriter()
        text.add("cover", [source.cover])
        text.add("gain", self.tally.through(self.gains.through(source.gains(), gain_figures)))
        receipts, lots = self.income.through(source.income(), income_figures), self.lots.through(source.lots(), lot_figures)
        text.add("income", receipts)
        text.add("lot", lots)
        text.add("activity", source.fill_activity())
        text.add("own", source.own_results())
        text.add("finding", source.findings())
        text.add("total", self.tally.totals())
        return text.finished()


# --- what is refused -------------------------------------------------------------------------------------------------


def _version_before(closings: Sequence[ClosedYear], *, year: int, period: Period, amend: bool) -> ClosedYear | None:
    of_year = [each for each in closings if each.year == year]
    if amend and not of_year:
        raise InputError(f"{year} was never closed, so there is nothing to amend", mend=f"lotwright period close {year}")
    if of_year and not amend:
        last = of_year[-1]
        raise InputError(
            f"{year} is closed already (version {last.version}, {last.closed_at.date()})",
            mend=f"look at `lotwright period diff {year}`; for an amended return add --amend",
        )
    for each in newest_closings(closings).values():
        was, shares = period_of(each), each.from_day <= _day(period.to_day) and _day(period.from_day) <= each.to_day
        if shares and was != period:
            raise InputError(
                f"{year} ({period}) shares days with {each.year}, which was closed as {was}",
                mend="set `year_start` in lotwright.toml back to what it was then",
            )
    return of_year[-1] if of_year else None


def _refuse_unfinished(reader: Reader, period: Period, zone: tzinfo, *, year: int, today: date) -> None:
    last = _day(period.to_day)
    if today <= last:
        raise InputError(f"{year} is not over before the end of {last}", mend=f"close it on {last + timedelta(days=1)} or later")
    final = reader.final_after(since=start_of_day(_day(period.from_day), zone), until=start_of_day(last + timedelta(days=1), zone))
    if final is not None and today <= final:
        raise InputError(
            f"disposals of {year} may still be matched with what happens up to {final}",
            mend=f"close it on {final + timedelta(days=1)} or later, with the history up to that day in the book",
        )


def _refuse_findings(reader: Reader, period: Period, settings: BookSettings, *, year: int) -> None:
    touching = list(_touching(reader, period, settings))
    if touching:
        shown = "\n".join(f"    {finding.severity}: {finding.code}: {finding.message}" for finding in touching[:_SHOWN_MAX])
        more = f"\n    ... and {len(touching) - _SHOWN_MAX} more" if len(touching) > _SHOWN_MAX else ""
        raise InputError(
            f"{year} may still change: {len(touching)} findings touch it\n{shown}{more}",
            mend="mend them (`lotwright check` says how), or freeze them with the year: --with-findings",
        )


def _touching(reader: Reader, period: Period, settings: BookSettings) -> Iterator[Finding]:
    """Yield errors and open transfers, but for those of events that happened after the year.

    Of a finding that names no event of the book nobody knows which years it touches, so it touches all.
    """
    grave = [finding for origin, finding in reader.findings() if finding.severity is Severity.ERROR or origin == _CLEARING_ORIGIN]
    named = [tuple(finding.subject.split("/")[:2]) for finding in grave]
    moments = reader.first_told({name[1] for name in named if len(name) > 1}) if grave else {}
    ended = start_of_day(_day(period.to_day) + timedelta(days=1), settings.zone)
    for finding, (account, *source_id) in zip(grave, named, strict=True):
        moment = moments.get((account, source_id[0])) if source_id else _moment_of(reader, finding)
        if moment is None or moment < ended:
            yield finding


def _moment_of(reader: Reader, about: Finding) -> datetime | None:
    """Return the instant of the half that a finding is about; None where its subject is no event."""
    stored = reader.event(EventId(about.subject))
    return None if stored is None else stored.event.occurred_at


def _day(day: date | None) -> date:
    assert day is not None, "a tax year has a first and a last day"
    return day
