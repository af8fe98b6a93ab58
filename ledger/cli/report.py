"""`lotwright report`."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypedDict, Unpack

import click

from ledger.book import Book, Selection, exporter, exporter_names, report_titles
from ledger.cli.session import Session, pass_session
from ledger.domain.amount import asset_code
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId
from ledger.domain.period import Period

_OWNER_ONLY = 0o600


class _Asked(TypedDict):
    year: int | None
    from_day: datetime | None
    to_day: datetime | None
    bot: str | None
    asset: str | None
    account: str | None


@click.command()
@click.argument("name", metavar="NAME", required=False)
@click.option("--year", metavar="Y", type=click.IntRange(1900, 9998), help="The tax year, named by the calendar year in which it begins.")
@click.option("--from", "from_day", metavar="D", type=click.DateTime(["%Y-%m-%d"]), help="First day, in the book's zone.")
@click.option("--to", "to_day", metavar="D", type=click.DateTime(["%Y-%m-%d"]), help="Last day, in the book's zone.")
@click.option("--bot", metavar="B", help="Only this bot; an empty text asks for what no bot did.")
@click.option("--asset", metavar="A", help="Only this asset.")
@click.option("--account", metavar="N", help="Only this account.")
@click.option("--format", "format_name", metavar="F", help="table, csv, xlsx, html or json. Default: by the file's name, else table.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE instead of standard output."
)
@pass_session
def report(
    session: Session,
    /,
    name: str | None,
    format_name: str | None,
    output: Path | None,
    **asked: Unpack[_Asked],
) -> None:
    r"""Write the report NAME; without a name list the reports.

    \b
    Examples:
      lotwright report summary
      lotwright report gains --year 2025 --format csv -o gains-2025.csv
      lotwright report form-8949 --year 2025 -o form-8949.xlsx
    """
    if name is None:
        for known, title in report_titles().items():
            click.echo(f"{known:12} {title}")
        return
    writer = exporter(format_name or _format_of(output))
    if writer.binary and output is None and sys.stdout.isatty():
        raise InputError(f"{writer.name} is no format for a terminal", mend=f"name a file: -o {name}{writer.suffix}")
    with session.book() as book, book.report(name, _selection(book, asked)) as document, _target(output, binary=writer.binary) as target:
        writer.write(document, target)
    if output is not None:
        session.say(f"wrote {output}")


def _format_of(output: Path | None) -> str:
    if output is None:
        return "table"
    suffix = output.suffix.lower().removeprefix(".")
    return suffix if suffix in exporter_names() else "table"


def _selection(book: Book, asked: _Asked) -> Selection:
    bot, asset, account = asked["bot"], asked["asset"], asked["account"]
    return Selection(
        period=_period(book, asked["year"], from_day=asked["from_day"], to_day=asked["to_day"]),
        bot=None if bot is None else BotId(bot),
        asset=None if asset is None else asset_code(asset),
        account=None if account is None else AccountId(account),
    )


def _period(book: Book, year: int | None, *, from_day: datetime | None, to_day: datetime | None) -> Period:
    if year is not None:
        if from_day or to_day:
            raise InputError("--year goes without --from and --to", mend="give the year, or the days")
        return book.period_of(year)
    first, last = _day(from_day), _day(to_day)
    if first and last and first > last:
        raise InputError(f"--from {first} is after --to {last}", mend="turn them round")
    return Period(from_day=first, to_day=last)


def _day(read: datetime | None) -> date | None:
    return None if read is None else read.date()


@contextmanager
def _target(output: Path | None, *, binary: bool) -> Iterator[IO[bytes]]:
    """Give a stream to write to; a file is for the owner only and appears whole or not at all."""
    if output is None:
        with ExitStack() as stack:
            # A workbook is put together by going back in the file, which a pipe cannot: it gets the finished bytes.
            target = stack.enter_context(TemporaryFile()) if binary else sys.stdout.buffer
            yield target
            if binary:
                target.seek(0)
                shutil.copyfileobj(target, sys.stdout.buffer)
        return
    fresh = output.with_name(f".{output.name}.new")
    try:
        handle = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}", mend="choose a folder that you may write to") from error
    try:
        with os.fdopen(handle, "w+b") as target:
            yield target
        fresh.replace(output)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}", mend="free some room, or choose another folder") from error
    finally:
        with suppress(FileNotFoundError):
            fresh.unlink()
