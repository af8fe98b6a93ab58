"""Which stretches of which streams were pulled, from the windows that each page left behind; by month, and where holes are."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

from ledger.domain.amount import text_of
from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId
from ledger.journal.checks import BalanceComparison, Reconciliation
from ledger.pipeline.interpret import BALANCES
from ledger.pipeline.proof.balances import reconciliation
from ledger.pipeline.proof.rows import BREAKS, ledger_gaps
from ledger.ports import Connector, StreamFacts
from ledger.storage.store import Reader, Store, StreamCoverage, StreamWalk

_PLAIN = StreamFacts()
_FOUND_LATE = frozenset({*BREAKS, "balance-differs"})
_MEND_BY_HAND = "if anything was in it, book that from a lotwright-events file"
_GONE = "gone"  # the cursor that says which months of which streams a venue no longer gives

FactsOf = Callable[[str], Mapping[str, StreamFacts]]  # of a connection's streams, by its name


def coverage_of(reader: Reader) -> tuple[StreamCoverage, ...]:
    """Return the coverage of every stream, by connection, stream and symbol; that of one that nobody came to ask for is empty."""
    streams = {_key(walk): _unseen(walk) for walk in reader.stream_walks()} | {_key(one): one for one in reader.stream_coverage()}
    return tuple(streams[key] for key in sorted(streams))


def _key(one: StreamCoverage | StreamWalk) -> tuple[str, str, str]:
    return one.connection, one.stream, one.symbol


def _unseen(one: StreamWalk) -> StreamCoverage:
    return StreamCoverage(connection=one.connection, stream=one.stream, symbol=one.symbol)


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
    """All streams by month, and all holes.

    What the venues no longer give (`gone`) and what was not asked for (`left_out`) is a hole as long as the balances do not agree.
    """

    streams: tuple[StreamMonths, ...]
    holes: tuple[Hole, ...]
    gone: tuple[Hole, ...]
    left_out: tuple[Hole, ...]


def coverage_map(reader: Reader, connections: Iterable[str], facts_of: FactsOf) -> CoverageMap:
    """Return which months of which streams of the connections were pulled; `facts_of` tells what the venue of one gives."""
    pulled = [one for one in coverage_of(reader) if one.stream != BALANCES]
    compared, walks = reconciliation(reader), {_key(walk): walk for walk in _walks(reader)}
    holes = [hole for name in sorted({one.connection for one in pulled}) for hole in _proof_holes(reader, name, compared, facts_of)]
    holes += [*_unsynced(connections, pulled), *_unwalked(reader, pulled, facts_of)]
    unproven = {row.account for row in compared.rows if row.difference}
    left_out = list(_left_out(reader, facts_of))
    holes += [hole for hole in left_out if AccountId(hole.connection) in unproven]
    gone: list[Hole] = []
    pulls = _pulls(reader, facts_of)
    streams = []
    for one in pulled:
        facts = facts_of(one.connection).get(one.stream, _PLAIN)
        of_connection = [each for each in pulled if each.connection == one.connection]
        last = max((each.pulled_at for each in of_connection if each.pulled_at), default=None)
        first = min((each.from_at for each in of_connection if each.from_at), default=last)
        if first is None or last is None:  # nothing was pulled of the whole connection
            continue
        lost = _gone(one, first, facts, pulls.get(_key(one), ()))
        (holes if AccountId(one.connection) in unproven else gone).extend(lost)
        own = [hole for hole in holes if _is_of(hole, one)]
        months = tuple((f"{start:%Y-%m}", _month(start, one, walks.get(_key(one)), own, lost)) for start in _months(first, last))
        streams.append(StreamMonths(connection=one.connection, stream=one.stream, symbol=one.symbol, months=months))
    proven = [hole for hole in left_out if AccountId(hole.connection) not in unproven]
    return CoverageMap(streams=tuple(streams), holes=tuple(holes), gone=tuple(gone), left_out=tuple(proven))


def coverage_line(reader: Reader, connections: Iterable[str]) -> str:
    """Return what a report says of coverage: from and to which day all was pulled, or how many holes are known.

    It is empty of a book without connections, and says no first day where all goes back to the first rows that the venues give.
    """
    streams = coverage_of(reader)
    count = sum(finding.code in _FOUND_LATE and finding.severity is Severity.ERROR for _, finding in reader.findings())
    count += len([*_unsynced(connections, streams), *_unwalked(reader, streams, lambda _: {})])
    if count:
        return f"holes: {count}, see lotwright coverage"
    since = max((walk.since for walk in _walks(reader) if walk.since is not None), default=None)
    begin = "complete" if since is None else f"complete from {since:%Y-%m-%d}"
    pulls = [(one.connection, one.pulled_at) for one in streams if one.pulled_at is not None]
    newest = [max(run)[1] for _, run in groupby(pulls, key=itemgetter(0))]
    return f"{begin} to {min(newest):%Y-%m-%d}" if newest else ""


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
        told = {stream: f"{_spans(gone)}: {_fills_it(facts[stream])}" for stream, gone in months.items() if gone}
        if told != (writer.cursor(connection, _GONE, "") or {}):
            writer.put_cursor(connection, _GONE, "", told, now)


def _fills_it(facts: StreamFacts) -> str:
    return f"import {facts.export}" if facts.export else _MEND_BY_HAND


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


# --- what no walk has come to ------------------------------------------------------------------------------------------


def _unsynced(connections: Iterable[str], streams: Iterable[StreamCoverage]) -> Iterator[Hole]:
    """Yield the connections of which nobody knows even what streams they have."""
    for name in sorted(set(connections) - {one.connection for one in streams}):
        why, mend = "nothing was ever pulled of it", f"lotwright sync {name}"
        yield Hole(connection=name, stream="", symbol="", from_at=None, to_at=None, why=why, mend=mend)


def _unwalked(reader: Reader, streams: Iterable[StreamCoverage], facts_of: FactsOf) -> Iterator[Hole]:
    """Yield what lies between the last walk of a stream that came to its end and now, where the last run's did not."""
    unseen = {_key(one) for one in streams if one.pulled_at is None}
    refused = {finding.subject: finding for _, finding in reader.findings() if finding.code == "stream-refused"}
    for walk in _walks(reader):
        refusal = refused.get("/".join(_key(walk)))
        why = "it was never asked for" if _key(walk) in unseen else "the walk did not come to its end"
        hole = replace(_walk_hole(walk, facts_of, why=why, again=""), from_at=walk.walked_at)
        if refusal is not None:
            yield replace(hole, why=refusal.message, mend=refusal.mend)
        elif walk.walked_at is None or walk.is_under_way:
            yield hole


def _left_out(reader: Reader, facts_of: FactsOf) -> Iterator[Hole]:
    """Yield what lies before the instant from which on a stream was asked for."""
    for walk in _walks(reader):
        if walk.since is not None:
            yield replace(_walk_hole(walk, facts_of, why="was left out by --since", again=" --again"), to_at=walk.since)


def _walks(reader: Reader) -> list[StreamWalk]:
    return [walk for walk in reader.stream_walks() if walk.stream != BALANCES]


def _walk_hole(walk: StreamWalk, facts_of: FactsOf, *, why: str, again: str) -> Hole:
    export = facts_of(walk.connection).get(walk.stream, _PLAIN).export
    return Hole(
        connection=walk.connection,
        stream=walk.stream,
        symbol=walk.symbol,
        from_at=None,
        to_at=None,
        why=why,
        mend=f"lotwright sync {walk.connection}{again}" + (f"; else import {export}" if export else ""),
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
        mend=f"{_fills_it(facts)} of that time, if there is anything in it" if facts.export else _MEND_BY_HAND,
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
        why=f"the book has {text_of(row.difference.copy_abs())} {row.asset} too {'much' if row.difference > 0 else 'little'}",
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
                why=f"running balances lack {text_of(gap.missing)} {wallet}",
                mend=f"lotwright sync {connection} --again" + (f"; else import {export}" if export else ""),
            )


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    start = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while start <= last:
        yield start
        start = _following(start)


def _following(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)


def _month(start: datetime, one: StreamCoverage, walk: StreamWalk | None, holes: Sequence[Hole], gone: Sequence[Hole]) -> MonthCover:
    end = _following(start)
    since, walked_at = (walk.since, walk.walked_at) if walk else (None, None)
    reached = max((at for at in (one.pulled_at, walked_at) if at), default=None)
    if any(hole.to_at is not None and hole.to_at >= end for hole in gone if hole.from_at is not None and hole.from_at < end):
        return MonthCover.GONE
    if reached is None or (since is not None and since >= end):
        return MonthCover.NEVER
    if any((hole.from_at is None or hole.from_at < end) and (hole.to_at is None or hole.to_at >= start) for hole in holes):
        return MonthCover.HOLE
    return MonthCover.FULL if reached >= end else MonthCover.PART
