"""Closings of tax years: their chain of hashes, which of them count, and whether the book still says what they say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ledger import __version__
from ledger.config import BookSettings
from ledger.domain.amount import ZERO, added, cents_half_up, subtracted, text_of
from ledger.domain.facts import BookCover, GainRow, gain_figures, income_figures, lot_figures
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import Hash, hash_of
from ledger.domain.time.instant import instant_text
from ledger.domain.time.period import Period, start_of_day
from ledger.pipeline.periods.figures_text import FiguresHash, FiguresReader, text_hash
from ledger.pipeline.report import BookInput, Selection
from ledger.ports import TaxRegime
from ledger.storage.store import ClosedYear, Reader

CLOSED_YEAR_DIFFERS = "closed-year-differs"
_LOOK_AHEAD = timedelta(days=31)  # no rule on offer lets a year depend on what comes more than 30 days after its end


def origin_of(year: int) -> str:
    """Return the origin under which the finding about a closed year is kept."""
    return f"closed:{year}"


def period_of(closed: ClosedYear) -> Period:
    """Return the days of a closed year."""
    return Period(from_day=closed.from_day, to_day=closed.to_day)


def newest_closings(closings: Iterable[ClosedYear]) -> Mapping[int, ClosedYear]:
    """Return of each closed year the closing that counts: the newest."""
    return {each.year: each for each in closings}


def closing_hash(closed: ClosedYear) -> Hash:
    """Return the hash that seals a closing together with all closings before it."""
    numbers = (closed.seq, closed.year, closed.version, closed.disposals, closed.receipts, closed.lots)
    return hash_of(
        closed.previous_hash,
        closed.amends or "",
        *map(str, numbers),
        closed.from_day.isoformat(),
        closed.to_day.isoformat(),
        instant_text(closed.closed_at),
        closed.software,
        closed.regime,
        closed.regime_version,
        closed.options,
        closed.input_hash,
        text_of(closed.gain),
        closed.gains_hash,
        closed.income_hash,
        closed.lots_hash,
        closed.content_hash,
    )


def broken_closings(reader: Reader) -> Iterator[Finding]:
    """Find closings that are not what was stored, or are no longer in the chain of all closings."""
    tip = reader.genesis()
    for place, closed in enumerate(reader.closed_years(), start=1):
        sealed = closed.seq == place and closed.previous_hash == tip and closing_hash(closed) == closed.hash
        if not sealed or text_hash(reader.closed_content(closed.seq)) != closed.content_hash:
            yield _broken(closed)
        tip = closed.hash


def differing(current: BookInput, closed: ClosedYear, *, lots: bool = True) -> Finding | None:
    """Return what is to be said when the book no longer gives the figures of a closing; `current` is cut to the year, unfiltered."""
    what = [
        name
        for name, filed, now in (
            ("disposals", closed.gains_hash, FiguresHash().over(current.gains(), gain_figures)),
            ("income", closed.income_hash, FiguresHash().over(current.income(), income_figures)),
            *((("lots at its end", closed.lots_hash, FiguresHash().over(current.lots(), lot_figures)),) if lots else ()),
        )
        if filed != now
    ]
    return _differs(current, closed, what) if what else None


def differing_years(
    reader: Reader, settings: BookSettings, regime: TaxRegime, *, since: datetime | None = None
) -> dict[int, Sequence[Finding]]:
    """Return, for each closed year that what happened at or after `since` can touch (None: for all), what differs now."""
    found: dict[int, Sequence[Finding]] = {}
    known = {finding.subject for _, finding in reader.findings() if finding.code == CLOSED_YEAR_DIFFERS}
    for year, closed in newest_closings(reader.closed_years()).items():
        ended = start_of_day(closed.to_day + timedelta(days=1), settings.zone)
        if since is not None and since >= ended + _LOOK_AHEAD:
            continue
        chosen = Selection(period=period_of(closed))
        current = BookInput(reader=reader, settings=settings, regime=regime, selection=chosen, version=__version__)
        # What happens after the end of a year cannot change what was open then, so that the costly look at lots is left out.
        difference = differing(current, closed, lots=since is None or since < ended or str(year) in known)
        found[year] = [] if difference is None else [difference]
    return found


def _differs(current: BookInput, closed: ClosedYear, what: Sequence[str]) -> Finding:
    return Finding(
        code=CLOSED_YEAR_DIFFERS,
        severity=Severity.WARNING,
        subject=str(closed.year),
        message=f"the book now gives other figures ({', '.join(what)}) for {closed.year} than were filed with version {closed.version};"
        f" later years follow from the book as it stands{_counted_wrongly(current, closed)}",
        mend=f"look at `lotwright period diff {closed.year}`; if an amended return is filed: lotwright period close {closed.year} --amend",
    )


def _counted_wrongly(current: BookInput, closed: ClosedYear) -> str:
    """Return what becomes of cost while a year stays as filed and later ones do not follow from it. DECISIONS: carry-after-filed."""
    currency, filed = _filed_cost(current.reader.closed_content(closed.seq), closed)
    now = _cost_used_up(current.gains())
    if currency != current.settings.currency or filed is None or now is None or not (again := cents_half_up(subtracted(filed, now))):
        return ""
    amount = f"{text_of(again.copy_abs())} {currency}"
    if again > 0:
        return f", so that, until {closed.year} is amended, {amount} of cost that it used up as filed counts a second time in them"
    return f", so that, until {closed.year} is amended, {amount} of cost counts in no year: {closed.year} used it up only in the book"


def _filed_cost(content: bytes, closed: ClosedYear) -> tuple[str, Decimal | None]:
    """Return the currency and the cost of what was filed; nothing of a closing that is not what was stored."""
    if text_hash(content) != closed.content_hash:
        return "", None
    frozen = FiguresReader(content)
    (cover,) = frozen.rows("cover", BookCover)
    return cover.currency, _cost_used_up(frozen.rows("gain", GainRow))


def _cost_used_up(rows: Iterable[GainRow]) -> Decimal | None:
    """Return the cost of all pieces, unknown ones as 0; None where a broker's figures stand in the place of the book's."""
    total = ZERO
    for row in rows:
        if row.adjustment is not None:
            return None
        total = added(total, row.disposal.cost_basis or ZERO)
    return total


def _broken(closed: ClosedYear) -> Finding:
    return Finding(
        code="changed-closed-year",
        severity=Severity.ERROR,
        subject=f"{closed.year}/{closed.version}",
        message=f"the closing of {closed.year}, version {closed.version}, is not what was stored: its content does not give its hash",
        mend="restore the database from a backup; the book was changed behind Lotwright's back",
    )
