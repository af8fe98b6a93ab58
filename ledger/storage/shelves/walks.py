"""How far the streams of connections are pulled: cursors to go on from, the page behind each, and what their walks have reached."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, delete, func, insert, select

from ledger.domain.time.instant import instant_text
from ledger.storage.backend import Backend, BulkRow
from ledger.storage.columns import instant_text_or_none, json_text
from ledger.storage.nouns import CoverageWindow, State, StreamCoverage, StreamWalk
from ledger.storage.tables import coverage, cursor, stream_walk

_WINDOWS = 2_000  # fetched at a time
_KEY = ("connection", "stream", "symbol")
_WINDOW = [column for column in coverage.columns if column.name != "seq"]


class WalkReader:
    """Questions about pulling; part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def cursor(self, connection: str, stream: str, symbol: str) -> State | None:
        """Return the place from which a stream goes on; None: it was never pulled."""
        told = select(cursor.c.state).where(cursor.c.connection == connection, cursor.c.stream == stream, cursor.c.symbol == symbol)
        state: State | None = self._connection.execute(told).scalar_one_or_none()
        return state

    def cursors_of(self, stream: str) -> dict[str, State]:
        """Return the places of streams of a name without symbols, by connection, sorted."""
        told = select(cursor.c.connection, cursor.c.state).where(cursor.c.stream == stream, cursor.c.symbol == "")
        return {row.connection: row.state for row in self._connection.execute(told.order_by(cursor.c.connection))}

    def coverage(self) -> Iterator[CoverageWindow]:
        """Yield the pages pulled, by connection, stream and symbol, each in the order of pulling."""
        ordered = select(*_WINDOW).order_by(*(coverage.c[name] for name in _KEY), coverage.c.seq)
        for row in self._connection.execute(ordered.execution_options(yield_per=_WINDOWS)):
            yield CoverageWindow(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for a row as a mapping

    def stream_coverage(self) -> list[StreamCoverage]:
        """Return what was pulled of every stream, by connection, stream and symbol."""
        key, seen = [coverage.c[name] for name in _KEY], coverage.c
        summed = {
            "windows": func.count(),
            "rows": func.sum(seen.rows),
            "from_at": func.min(seen.from_at),
            "to_at": func.max(seen.to_at),
            "pulled_at": func.max(seen.pulled_at),
        }
        told = select(*key, *(sum_.label(name) for name, sum_ in summed.items())).group_by(*key).order_by(*key)
        return [StreamCoverage(**row._mapping) for row in self._connection.execute(told)]  # noqa: SLF001  # as above

    def stream_walks(self, connection: str | None = None) -> list[StreamWalk]:
        """Return how far every stream is walked, by connection, stream and symbol; of one connection, or of all (None)."""
        told = select(stream_walk).order_by(*(stream_walk.c[name] for name in _KEY))
        wanted = told if connection is None else told.where(stream_walk.c.connection == connection)
        return [StreamWalk(**row._mapping) for row in self._connection.execute(wanted)]  # noqa: SLF001  # as above


class WalkWriter(WalkReader):
    """Additions of what was pulled, and the progress that takes the place of earlier progress; part of `Writer`."""

    def put_cursor(self, connection: str, stream: str, symbol: str, state: State, stored_at: datetime) -> None:
        """Remember the place from which a stream goes on, in place of what was remembered before."""
        self._put(cursor, {"connection": connection, "stream": stream, "symbol": symbol}, {"state": dict(state), "stored_at": stored_at})

    def put_stream_walk(self, walk: StreamWalk) -> None:
        """Remember how far a stream is walked, in place of what was remembered before."""
        key = {name: getattr(walk, name) for name in _KEY}
        self._put(stream_walk, key, {"since": walk.since, "walked_at": walk.walked_at, "is_under_way": walk.is_under_way})

    def add_coverage(self, windows: Sequence[CoverageWindow]) -> None:
        """Remember the pages that were pulled."""
        last: int = self._connection.execute(select(func.coalesce(func.max(coverage.c.seq), 0))).scalar_one()
        told = (_window_row(seq, window) for seq, window in enumerate(windows, last + 1))
        self._backend.insert(self._connection, coverage, told)

    def _put(self, table: Table, key: dict[str, str], rest: dict[str, object]) -> None:
        self._connection.execute(delete(table).where(*(table.c[name] == part for name, part in key.items())))
        self._connection.execute(insert(table), key | rest)


def _window_row(seq: int, window: CoverageWindow) -> BulkRow:
    return (
        seq,
        window.connection,
        window.stream,
        window.symbol,
        instant_text_or_none(window.from_at),
        instant_text_or_none(window.to_at),
        json_text(dict(window.cursor)),
        window.rows,
        window.first_id,
        window.last_id,
        window.payload_seq,
        instant_text(window.pulled_at),
    )
