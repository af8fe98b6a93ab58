"""Which stretches of which streams were pulled, from the windows that each page left behind; by month, and where holes are."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId
from ledger.domain.time.instant import instant_of_micros
from ledger.journal.checks import BalanceComparison, Reconciliation
from ledger.pipeline.interpret import BALANCES
from ledger.pipeline.proof.rows import BREAKS, ledger_gaps
from ledger.pipeline.sync import reconciliation
from ledger.ports import Connector, StreamFacts
from ledger.storage.store import CoverageWindow, Reader, Store

_PLAIN = StreamFacts()
_FOUND_LATE = frozenset({*BREAKS, "balance-differs", "stream-refused"})
_GONE = "gone"  # the cursor that says which months of which streams a venue no longer gives

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
    GONE = "gone"  # out of the venue's reach when it was asked for


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
    """All streams by month, all holes, and what the venues no longer give, which is a hole as long as the balances do not agree."""

    streams: tuple[StreamMonths, ...]
    holes: tuple[Hole, ...]
    gone: tuple[Hole, ...]


def coverage_map(reader: Reader, facts_of: FactsOf) -> CoverageMap:
    """Return which months of which streams were pulled; `facts_of` tells what the venue of a connection gives."""
    pulled = coverage_of(reader)
    compared = reconciliation(reader)
    holes = [
        hole for connection in sorted({one.connection for one in pulled}) for hole in _proof_holes(reader, connection, compared, facts_of)
    ]
    gone: list[Hole] = []
    unproven = {row.account for row in compared.rows if row.difference}
    pulls = _pulls(reader, facts_of)
    streams = []
    for one in pulled:
        if one.stream == BALANCES:
            continue
        facts = facts_of(one.connection).get(one.stream, _PLAIN)
        since, is_whole = _reach(reader, one)
        if not is_whole or since is not None:
            holes.append(_unpulled(one, since, facts, is_whole=is_whole))
        first = min((each.from_at for each in pulled if each.connection == one.connection and each.from_at), default=one.pulled_at)
        lost = _gone(one, first, facts, pulls.get((one.connection, one.stream, one.symbol), ()))
        (holes if AccountId(one.connection) in unproven else gone).extend(lost)
        own = [hole for hole in holes if _is_of(hole, one)]
        months = tuple((f"{start:%Y-%m}", _month(start, one, since, own, lost)) for start in _months(first, one.pulled_at))
        streams.append(StreamMonths(connection=one.connection, stream=one.stream, symbol=one.symbol, months=months))
    return CoverageMap(streams=tuple(streams), holes=tuple(holes), gone=tuple(gone))


def coverage_line(reader: Reader) -> str:
    """Return what a report says of coverage: up to which day all was pulled, or how many holes are known; empty without connections."""
    pulled = coverage_of(reader)
    if not pulled:
        return ""
    count = sum(finding.code in _FOUND_LATE and finding.severity is Severity.ERROR for _, finding in reader.findings())
    count += sum(one.stream != BALANCES and not _reach(reader, one)[1] for one in pulled)  # walks that did not come to their end
    newest = {one.connection: one.pulled_at for one in sorted(pulled, key=lambda one: one.pulled_at)}
    return f"holes: {count}, see lotwright coverage" if count else f"complete to {min(newest.values()):%Y-%m-%d}"


def keep_gone(store: Store, connector: Connector, connection: str, *, now: datetime) -> None:
    """Keep which whole months a venue no longer gives of a connection's streams, so that a cover can tell them without its connector."""
    facts: Mapping[str, StreamFacts] = getattr(connector, "stream_facts", {})
    with store.write() as writer:
        pulls = _pulls(writer, lambda name: facts if name == connection else {})
        pulled = [one for one in coverage_of(writer) if one.connection == connection]
        first = min((one.from_at for one in pulled if one.from_at), default=now)
        months: dict[str, set[str]] = {}
        for one in pulled:
            lost = _gone(one, first, facts.get(one.stream, _PLAIN), pulls.get((connection, one.stream, one.symbol), ()))
            months.setdefault(one.stream, set()).update(_whole_months(lost))
        told = {stream: f"{_spans(gone)}: import {facts[stream].export or 'an export file'}" for stream, gone in months.items() if gone}
        if told != (writer.cursor(connection, _GONE, "") or {}):
            writer.put_cursor(connection, _GONE, "", told, now)


def gone_lines(reader: Reader) -> tuple[str, ...]:
    """Return what a cover says of months that venues no longer give: of which streams, and which export file would fill them."""
    kept = reader.cursors_of(_GONE)
    return tuple(f"{connection} {stream} {told}" for connection, state in kept.items() for stream, told in sorted(state.items()))


def _whole_months(lost: Sequence[Hole]) -> Iterator[str]:
    for hole in lost:
        assert hole.from_at is not None, hole
        assert hole.to_at is not None, hole
        yield from (f"{start:%Y-%m}" for start in _months(hole.from_at, hole.to_at) if _following(start) <= hole.to_at)


def _spans(months: Collection[str]) -> str:
    """Write runs of months: ``2024-03 to 2025-06, 2025-09``."""
    runs: list[list[datetime]] = []
    for start in sorted(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC) for month in months):
        if runs and _following(runs[-1][-1]) == start:
            runs[-1].append(start)
        else:
            runs.append([start])
    return ", ".join(f"{run[0]:%Y-%m} to {run[-1]:%Y-%m}" if len(run) > 1 else f"{run[0]:%Y-%m}" for run in runs)


def _is_of(hole: Hole, one: StreamCoverage) -> bool:
    """Tell whether a hole is one of a stream's: a ledger without a symbol is that of all wallets."""
    same = (hole.connection, hole.stream) == (one.connection, one.stream)
    return same and (not one.symbol or hole.symbol in {"", one.symbol})


def _reach(reader: Reader, one: StreamCoverage) -> tuple[datetime | None, bool]:
    """Return since when a stream is stored (None: from its first row), and whether the walk down to there came to its end."""
    state = reader.cursor(one.connection, one.stream, one.symbol) or {}
    since = state.get("since")
    is_whole = bool(state) and not any(name.startswith(("walk_", "window_")) for name in state)
    return (instant_of_micros(since) if isinstance(since, int) else None), is_whole or not one.rows


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


# --- what a venue no longer gives --------------------------------------------------------------------------------------

_Pull = tuple[datetime, int, datetime | None]  # when a page was pulled, its rows, the oldest of them


def _pulls(reader: Reader, facts_of: FactsOf) -> dict[tuple[str, str, str], list[_Pull]]:
    """Return the pages of the streams that do not go all the way back, by stream."""
    found: dict[tuple[str, str, str], list[_Pull]] = {}
    for window in reader.coverage():
        facts = facts_of(window.connection).get(window.stream, _PLAIN)
        if facts.horizon or facts.since or facts.rows_max:
            key = (window.connection, window.stream, window.symbol)
            found.setdefault(key, []).append((window.pulled_at, window.rows, window.from_at))
    return found


def _gone(one: StreamCoverage, first: datetime, facts: StreamFacts, pulls: Sequence[_Pull]) -> list[Hole]:
    """Return the stretches of a stream that were out of the venue's reach when it was pulled, from the connection's first row on."""
    found, reached = [], first
    for pulled_at, rows, oldest_at in sorted(pulls, key=lambda pull: pull[0]):
        starts = [facts.since] if facts.since is not None else []
        starts += [pulled_at - facts.horizon] if facts.horizon is not None else []
        starts += [oldest_at] if oldest_at is not None and facts.rows_max is not None and rows >= facts.rows_max else []
        start = max(starts, default=reached)
        if start > reached:
            found.append(_out_of_reach(one, reached, start, facts))
        reached = max(reached, pulled_at)
    return found


def _out_of_reach(one: StreamCoverage, from_at: datetime, to_at: datetime, facts: StreamFacts) -> Hole:
    reach = [] if facts.horizon is None else [f"of the last {facts.horizon.days} days"]
    reach += [] if facts.since is None else [f"since {facts.since:%Y-%m-%d}"]
    reach += [] if facts.rows_max is None else [f"of which there are no more than {facts.rows_max}"]
    return Hole(
        connection=one.connection,
        stream=one.stream,
        symbol=one.symbol,
        from_at=from_at,
        to_at=to_at,
        why=f"the venue gives rows {' and '.join(reach)} only",
        mend=f"import {facts.export or 'an export file'} of that time, if there is anything in it",
    )


# --- what the proof found ----------------------------------------------------------------------------------------------


def _proof_holes(reader: Reader, connection: str, compared: Reconciliation, facts_of: FactsOf) -> list[Hole]:
    """Return what running balances lack; where the venue tells none that break, what its balances lack in the end."""
    found = list(_ledger_holes(reader, connection, facts_of))
    return found or [_balance_hole(row, connection) for row in compared.rows if row.account == connection and row.difference]


def _balance_hole(row: BalanceComparison, connection: str) -> Hole:
    assert row.difference is not None, row
    return Hole(
        connection=connection,
        stream=BALANCES,
        symbol=row.asset,
        from_at=row.since,
        to_at=row.until,
        why=f"the book has {row.difference.copy_abs():f} {row.asset} too {'much' if row.difference > 0 else 'little'}",
        mend=f"lotwright sync {connection} --again; else import the venue's export file of that time (lotwright reconcile tells more)",
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


def _month(start: datetime, one: StreamCoverage, since: datetime | None, holes: Sequence[Hole], gone: Sequence[Hole]) -> MonthCover:
    end = _following(start)
    if any(hole.to_at is not None and hole.to_at >= end for hole in gone if hole.from_at is not None and hole.from_at < end):
        return MonthCover.GONE
    if since is not None and since >= end:
        return MonthCover.NEVER
    if any((hole.from_at is None or hole.from_at < end) and (hole.to_at is None or hole.to_at >= start) for hole in holes):
        return MonthCover.HOLE
    return MonthCover.FULL if one.pulled_at >= end and (since is None or since <= start) else MonthCover.PART
