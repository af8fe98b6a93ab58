"""Which stretches of which streams were pulled, from the windows that each page left behind."""

from dataclasses import dataclass
from datetime import datetime

from ledger.storage.store import CoverageWindow, Reader


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
