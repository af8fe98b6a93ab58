"""Which stretches of which streams were pulled, from the windows that each page left behind; by month, and where holes are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId
from ledger.pipeline.proof.rows import BREAKS, ledger_gaps
from ledger.ports import StreamFacts
from ledger.storage.store import CoverageWindow, Reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = StreamFacts()
_FOUND_LATE = frozenset({*BREAKS, "balance-differs", "stream-refused"})
_BALANCES = "balances"  # an instant, no history

FactsOf = Callable[[str], Mapping[str, StreamFacts]]  # of a connection's streams, by its name


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCoverage:
    """What was pulled of one stream: `from_at` and `to_at` are the oldest and newest row seen, None when there was none."""

    connection: str
    stream: str
    symbol: str
    windows: int
    rows: int
    from_at: datetime | None
    to_at: datetime | None
    pulled_at: datetime


def coverage_of(reader: Reader) -> tuple[StreamCoverage, ...]:
    """Return the coverage of every stream, by connection, stream and symbol."""
    streams: dict[tuple[str, str, str], StreamCoverage] = {}
    for window in reader.coverage():
        key = (window.connection, window.stream, window.symbol)
        streams[key] = _with(streams.get(key), window)
    return tuple(streams[key] for key in sorted(streams))


def _with(before: StreamCoverage | None, window: CoverageWindow) -> StreamCoverage:
    starts = [instant for instant in (before and before.from_at, window.from_at) if instant]
    ends = [instant for instant in (before and before.to_at, window.to_at) if instant]
    return StreamCoverage(
        connection=window.connection,
        stream=window.stream,
        symbol=window.symbol,
        windows=(before.windows if before else 0) + 1,
        rows=(before.rows if before else 0) + window.rows,
        from_at=min(starts, default=None),
        to_at=max(ends, default=None),
        pulled_at=max(before.pulled_at, window.pulled_at) if before else window.pulled_at,
    )


# --- by month --------------------------------------------------------------------------------------------------------


class MonthCover(StrEnum):
    """How much of a month of a stream is in the book."""

    FULL = "full"
    PART = "part"
    HOLE = "hole"
    NEVER = "never asked"
    GONE = "gone"  # never asked, and the venue no longer gives it


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """What is missing between two instants (None: the beginning, or now), why it is thought to be, and what would fill it."""

    connection: str
    stream: str
    symbol: str
    from_at: datetime | None
    to_at: datetime | None
    why: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMonths:
    """A stream by month: pairs of the month (``2025-03``) and how much of it is there."""

    connection: str
    stream: str
    symbol: str
    months: tuple[tuple[str, MonthCover], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageMap:
    """All streams by month, and all holes."""

    streams: tuple[StreamMonths, ...]
    holes: tuple[Hole, ...]


def coverage_map(reader: Reader, facts_of: FactsOf) -> CoverageMap:
    """Return which months of which streams were pulled; `facts_of` tells what the venue of a connection gives."""
    pulled = coverage_of(reader)
    holes = [hole for connection in sorted({one.connection for one in pulled}) for hole in _ledger_holes(reader, connection, facts_of)]
    streams = []
    for one in pulled:
        if one.stream == _BALANCES:
            continue
        facts = facts_of(one.connection).get(one.stream, _PLAIN)
        since, is_whole = _reach(reader, one)
        if not is_whole or since is not None:
            holes.append(_unpulled(one, since, facts, is_whole=is_whole))
        first = min((each.from_at for each in pulled if each.connection == one.connection and each.from_at), default=one.pulled_at)
        own = [hole for hole in holes if _is_of(hole, one)]
        months = tuple((f"{start:%Y-%m}", _month(start, one, since, own, facts)) for start in _months(first, one.pulled_at))
        streams.append(StreamMonths(connection=one.connection, stream=one.stream, symbol=one.symbol, months=months))
    return CoverageMap(streams=tuple(streams), holes=tuple(holes))


def coverage_line(reader: Reader) -> str:
    """Return what a report says of coverage: up to which day all was pulled, or how many holes are known; empty without connections."""
    pulled = coverage_of(reader)
    if not pulled:
        return ""
    count = sum(finding.code in _FOUND_LATE and finding.severity is Severity.ERROR for _, finding in reader.findings())
    newest = {one.connection: one.pulled_at for one in sorted(pulled, key=lambda one: one.pulled_at)}
    return f"holes: {count}, see lotwright coverage" if count else f"complete to {min(newest.values()):%Y-%m-%d}"


def _is_of(hole: Hole, one: StreamCoverage) -> bool:
    """Tell whether a hole is one of a stream's: a ledger without a symbol is that of all wallets."""
    same = (hole.connection, hole.stream) == (one.connection, one.stream)
    return same and (not one.symbol or hole.symbol in {"", one.symbol})


def _reach(reader: Reader, one: StreamCoverage) -> tuple[datetime | None, bool]:
    """Return since when a stream is stored (None: from its first row), and whether the walk down to there came to its end."""
    state = reader.cursor(one.connection, one.stream, one.symbol) or {}
    since = state.get("since")
    is_whole = bool(state) and not any(name.startswith(("walk_", "window_")) for name in state)
    return (_EPOCH + timedelta(microseconds=since) if isinstance(since, int) else None), is_whole or not one.rows


def _unpulled(one: StreamCoverage, since: datetime | None, facts: StreamFacts, *, is_whole: bool) -> Hole:
    why = "was left out by --since" if is_whole else "the walk did not come to its end"
    again = f"lotwright sync {one.connection} --again"
    return Hole(
        connection=one.connection,
        stream=one.stream,
        symbol=one.symbol,
        from_at=None,
        to_at=since if is_whole else one.pulled_at,
        why=why,
        mend=(again if is_whole else f"lotwright sync {one.connection}") + (f"; else import {facts.export}" if facts.export else ""),
    )


def _ledger_holes(reader: Reader, connection: str, facts_of: FactsOf) -> Iterator[Hole]:
    export = facts_of(connection).get("ledger", _PLAIN).export
    for wallet in reader.ledger_wallets(connection):
        for gap in ledger_gaps(reader, AccountId(connection), wallet):
            yield Hole(
                connection=connection,
                stream="ledger",
                symbol=wallet,
                from_at=None if gap.after is None else gap.after.occurred_at,
                to_at=gap.before.occurred_at,
                why=f"running balances lack {gap.missing:f} {wallet}",
                mend=f"lotwright sync {connection} --again" + (f"; else import {export}" if export else ""),
            )


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    start = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while start <= last:
        yield start
        start = _following(start)


def _following(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)


def _month(start: datetime, one: StreamCoverage, since: datetime | None, holes: Sequence[Hole], facts: StreamFacts) -> MonthCover:
    end = _following(start)
    if since is not None and since >= end:
        is_gone = facts.horizon is not None and end < one.pulled_at - facts.horizon
        return MonthCover.GONE if is_gone else MonthCover.NEVER
    if any((hole.from_at is None or hole.from_at < end) and (hole.to_at is None or hole.to_at >= start) for hole in holes):
        return MonthCover.HOLE
    return MonthCover.FULL if one.pulled_at >= end and (since is None or since <= start) else MonthCover.PART
