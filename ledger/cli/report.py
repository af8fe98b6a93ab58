"""`lotwright report`."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TypedDict, Unpack

import click

from ledger.book import Book, Exporter, Selection, exporter, exporter_names, report_options, report_titles
from ledger.cli.terminal.output import opened
from ledger.cli.terminal.session import YEAR_MAX, YEAR_MIN, Session, asset_asked, check_year, pass_session, print_strange_names
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId
from ledger.domain.time.period import Period

STANDARD_OUTPUT = Path("-")
_SUFFIX_OF_TABLES = "txt"
_COMPARE = "compare"
_GAPS = ("Unverified", "No longer given")  # labels of a cover that stand there only when something is lacking


class _Asked(TypedDict):
    year: int | None
    from_day: datetime | None
    to_day: datetime | None
    bot: str | None
    asset: str | None
    account: str | None
    as_filed: bool | None
    closing: int | None
    methods: str | None


@click.command()
@click.argument("name", metavar="NAME", required=False)
@click.option(
    "--year", metavar="Y", type=click.IntRange(YEAR_MIN, YEAR_MAX), help="The tax year, named by the calendar year in which it begins."
)
@click.option("--from", "from_day", metavar="D", type=click.DateTime(["%Y-%m-%d"]), help="First day, in the book's zone.")
@click.option("--to", "to_day", metavar="D", type=click.DateTime(["%Y-%m-%d"]), help="Last day, in the book's zone.")
@click.option("--bot", metavar="B", help="Only this bot; an empty text asks for what no bot did.")
@click.option("--asset", metavar="A", help="Only this asset.")
@click.option("--account", metavar="N", help="Only this account.")
@click.option(
    "--as-filed/--current",
    default=None,
    help="The figures of a closed year, or those of the book as it stands. Default: of closed years as filed, of all others current.",
)
@click.option("--closing", metavar="N", type=click.IntRange(1), help="Of a year closed more than once: which version. Default: the newest.")
@click.option("--methods", metavar="M,M", help="For the report compare: which orders of lots. Default: fifo,lifo,hifo,lofo.")
@click.option("--format", "format_name", metavar="F", help="table, csv, xlsx, html or json. Default: by the file's name, else table.")
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True),
    help="Write to FILE instead of standard output (-).",
)
@click.option("--set", "options", metavar="OPTION=CHOICE", multiple=True, help="Ask for the report in another way; may be repeated.")
@click.option("--options", "list_options", is_flag=True, help="List the options of the report, the usual choice first.")
@pass_session
def report(
    session: Session,
    /,
    name: str | None,
    format_name: str | None,
    output: Path | None,
    options: tuple[str, ...],
    list_options: bool,
    **asked: Unpack[_Asked],
) -> None:
    r"""Write the report NAME; without a name list the reports.

    \b
    Examples:
      lotwright report summary
      lotwright report gains --year 2025 --format csv -o gains-2025.csv
      lotwright report form-8949 --year 2025 --set rows=sale -o form-8949.xlsx
      lotwright report compare --methods fifo,hifo --year 2025
    """
    if name is None:
        _list_reports()
        return
    if list_options:
        _list_options(name)
        return
    if asked["methods"] is not None and name != _COMPARE:
        raise InputError(f"--methods is for the report {_COMPARE}, not for {name}", mend=f"lotwright report {_COMPARE} --methods fifo,hifo")
    output = None if output == STANDARD_OUTPUT else output
    writer = writer_asked(format_name, output, name=name)
    with session.book() as book:
        selection = _selection(book, asked)
        with book.report(name, selection, _options(options)) as document, opened(output, binary=writer.binary, own=book.files()) as target:
            writer.write(document, target)
            if not getattr(writer, "has_cover", True):
                _say_gaps(session, document.cover)
        print_strange_names(session, book, selection)
    if output is not None:
        session.say(f"wrote {output}")


def _say_gaps(session: Session, cover: Sequence[tuple[str, str]]) -> None:
    """Say what a cover would tell of a history that is not whole."""
    for label, text in cover:
        if label in _GAPS or (label == "Coverage" and not text.startswith("complete")):
            session.say(f"{label.lower()}: {text}")


def _list_reports() -> None:
    for known, title in report_titles().items():
        names = ", ".join(option.name for option in report_options(known))
        click.echo(f"{known:12} {title}{f' (--set {names})' if names else ''}")


def _list_options(name: str) -> None:
    for option in report_options(name):
        click.echo(f"{option.name}={'|'.join(option.choices)}: {option.title}")


def _options(told: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    for text in told:
        name, sign, choice = text.partition("=")
        if not sign or name in options:
            found = f"is asked for twice, with {options[name]!r} and {choice!r}" if sign else "has no choice"
            raise InputError(f"--set {text}: option {name!r} {found}", mend="write --set OPTION=CHOICE, once for each option")
        options[name] = choice
    return options


def writer_asked(format_name: str | None, output: Path | None, *, name: str) -> Exporter:
    """Return what writes a document in the format asked for, else in that of the file's name.

    Raises:
        InputError: when there is no such format, or it is none for a terminal.
    """
    writer = exporter(format_name or _format_of(output))
    if writer.binary and output is None and sys.stdout.isatty():
        raise InputError(f"{writer.name} is no format for a terminal", mend=f"name a file: -o {name}{writer.suffix}")
    return writer


def _format_of(output: Path | None) -> str:
    if output is None:
        return "table"
    suffix, known = output.suffix.lower().removeprefix("."), exporter_names()
    if suffix in ("", _SUFFIX_OF_TABLES):
        return "table"
    if suffix not in known:
        suffixes = sorted({*known, _SUFFIX_OF_TABLES} - {"table"})
        raise InputError(
            f"{output}: no format has names that end in .{suffix}", mend=f"use .{', .'.join(suffixes)}, or name the format with --format"
        )
    return suffix


def _selection(book: Book, asked: _Asked) -> Selection:
    bot, account = asked["bot"], asked["account"]
    return Selection(
        period=_period(book, asked["year"], from_day=asked["from_day"], to_day=asked["to_day"]),
        bot=None if bot is None else BotId(bot),
        asset=asset_asked(asked["asset"]),
        account=None if account is None else AccountId(account),
        as_filed=asked["as_filed"],
        closing=asked["closing"],
        methods=tuple(dict.fromkeys(asked["methods"].split(","))) if asked["methods"] is not None else (),
    )


def _period(book: Book, year: int | None, *, from_day: datetime | None, to_day: datetime | None) -> Period:
    if year is not None:
        if from_day or to_day:
            raise InputError("--year goes without --from and --to", mend="give the year, or the days")
        return book.period_of(year)
    first, last = _day(from_day, "--from"), _day(to_day, "--to")
    if first and last and first > last:
        raise InputError(f"--from {first} is after --to {last}", mend="turn them round")
    return Period(from_day=first, to_day=last)


def _day(read: datetime | None, option: str) -> date | None:
    if read is None:
        return None
    check_year(read.year, f"{option} is {read.date()}")
    return read.date()
