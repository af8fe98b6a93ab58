"""`lotwright coverage`: what was pulled, by month and stream, and where holes are."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

import click

from ledger.book import CoverageMap, Hole, MonthCover, StreamCoverage
from ledger.cli.terminal.output import print_columns
from ledger.cli.terminal.session import Session, pass_session

_SCHEMA = 1
_HOLE_NAMES = ("connection", "stream", "symbol", "from", "to", "why", "mend")


@click.command()
@click.option(
    "--format", "format_name", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to print it."
)
@pass_session
def coverage(session: Session, format_name: str) -> int:
    r"""Tell which months of which streams were pulled, and where holes are; exit 1 when there is one.

    \b
    Example:
      lotwright coverage --format csv
    """
    with session.book() as book:
        streams, told, unverified = book.coverage(), book.coverage_map(), book.unverified()
    if not streams and not told.holes:
        session.say("nothing was pulled yet: lotwright sync")
    if format_name == "json":
        click.echo(json.dumps(_document(streams, told) | {"unverified": unverified}, indent=2))
    elif format_name == "csv":
        click.echo(_csv(told), nl=False)
    else:
        _print(session, streams, told)
        for name in unverified:
            click.echo(f"unverified: {name}")
    return 1 if told.holes else 0


def _print(session: Session, streams: Sequence[StreamCoverage], told: CoverageMap) -> None:
    if streams:
        head = ("connection", "stream", "symbol", "windows", "rows", "oldest row", "newest row", "last pulled")
        print_columns([head, *map(_stream, streams)])
        click.echo()
        months = [(one.connection, one.stream, one.symbol, _spans(one.months)) for one in told.streams]
        print_columns([("connection", "stream", "symbol", "months"), *months])
    for place, hole in _folded(told.holes):
        session.complain(f"hole: {place}: {_span(hole)}: {hole.why}\n  mend: {hole.mend}")
    for place, hole in _folded(told.gone):
        session.say(f"gone: {place}: {_span(hole)}: {hole.why}\n  mend: {hole.mend}")
    for place, hole in _folded(told.left_out):
        session.say(f"left out: {place}: {_span(hole)}: {hole.why}, and the balances agree\n  mend: {hole.mend}")


def _folded(holes: Sequence[Hole]) -> Iterator[tuple[str, Hole]]:
    """Yield holes with their places; those that differ in nothing but their symbols as one."""
    alike: dict[Hole, list[str]] = {}
    for hole in holes:
        alike.setdefault(replace(hole, symbol=""), []).append(hole.symbol)
    for hole, symbols in alike.items():
        yield " ".join(part for part in (hole.connection, hole.stream, ", ".join(symbols)) if part), hole


def _stream(one: StreamCoverage) -> tuple[str, ...]:
    counts = (str(one.windows), str(one.rows))
    return (one.connection, one.stream, one.symbol, *counts, _instant(one.from_at), _instant(one.to_at), _instant(one.pulled_at))


def _instant(instant: datetime | None) -> str:
    return "-" if instant is None else instant.isoformat(timespec="seconds")


def _spans(months: Sequence[tuple[str, MonthCover]]) -> str:
    """Write runs of months: ``2024-01..2025-02 full, 2025-03 part``."""
    runs = [(cover, [month for month, _ in run]) for cover, run in groupby(months, key=lambda pair: pair[1])]
    return ", ".join(f"{run[0]}..{run[-1]} {cover}" if len(run) > 1 else f"{run[0]} {cover}" for cover, run in runs)


def _span(hole: Hole) -> str:
    since = "the beginning" if hole.from_at is None else hole.from_at.isoformat()
    return f"from {since} to {'now' if hole.to_at is None else hole.to_at.isoformat()}"


def _cells(hole: Hole) -> tuple[str, ...]:
    instants = ("" if at is None else at.isoformat() for at in (hole.from_at, hole.to_at))
    return (hole.connection, hole.stream, hole.symbol, *instants, hole.why, hole.mend)


def _csv(told: CoverageMap) -> str:
    """Write a row for each stream and month, and one for each hole, whose month is empty."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(("connection", "stream", "symbol", "month", "cover", "from", "to", "why", "mend"))
    writer.writerows(_month_rows(told))
    for cover, holes in ((MonthCover.HOLE, told.holes), (MonthCover.GONE, told.gone), (MonthCover.NEVER, told.left_out)):
        for hole in holes:
            connection, stream, symbol, *rest = _cells(hole)
            writer.writerow((connection, stream, symbol, "", cover.value, *rest))
    return target.getvalue()


def _month_rows(told: CoverageMap) -> Iterator[tuple[str, ...]]:
    for one in told.streams:
        for month, cover in one.months:
            yield (one.connection, one.stream, one.symbol, month, cover.value, "", "", "", "")


def _document(streams: Sequence[StreamCoverage], told: CoverageMap) -> dict[str, object]:
    months = {(one.connection, one.stream, one.symbol): dict(one.months) for one in told.streams}
    return {
        "schema": _SCHEMA,
        "streams": [
            {
                "connection": one.connection,
                "stream": one.stream,
                "symbol": one.symbol,
                "windows": one.windows,
                "rows": one.rows,
                "oldest_row": None if one.from_at is None else one.from_at.isoformat(),
                "newest_row": None if one.to_at is None else one.to_at.isoformat(),
                "pulled_at": None if one.pulled_at is None else one.pulled_at.isoformat(),
                "months": months.get((one.connection, one.stream, one.symbol), {}),
            }
            for one in streams
        ],
        "holes": [dict(zip(_HOLE_NAMES, _cells(hole), strict=True)) for hole in told.holes],
        "gone": [dict(zip(_HOLE_NAMES, _cells(hole), strict=True)) for hole in told.gone],
        "left_out": [dict(zip(_HOLE_NAMES, _cells(hole), strict=True)) for hole in told.left_out],
    }
