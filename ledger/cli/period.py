"""`lotwright period`: tax years that were filed."""

from pathlib import Path

import click

from ledger.book import ClosedYear
from ledger.cli.report import STANDARD_OUTPUT, writer_asked
from ledger.cli.terminal.output import opened, print_columns
from ledger.cli.terminal.session import YEAR_MAX, YEAR_MIN, Session, pass_session
from ledger.domain.amount import text_of

_YEAR = click.IntRange(YEAR_MIN, YEAR_MAX)
_COLUMNS = ("year", "version", "days", "closed", "software", "law", "disposals", "receipts", "lots", "gain", "hash")


@click.group()
def period() -> None:
    """Tax years: freeze the figures that were filed, and see what came after."""


@period.command("close")
@click.argument("year", metavar="YEAR", type=_YEAR)
@click.option("--amend", is_flag=True, help="Add a version to a year that is closed already: an amended return was filed.")
@click.option("--with-findings", is_flag=True, help="Freeze the year although findings touch it; they are frozen with it.")
@pass_session
def close(session: Session, year: int, amend: bool, with_findings: bool) -> None:
    r"""Freeze the figures of a tax year as filed, for good; named by the calendar year in which it begins.

    \b
    Example:
      lotwright period close 2025
    """
    with session.book() as book:
        closed = book.close_year(year, amend=amend, with_findings=with_findings)
    click.echo(f"closed {year} ({closed.from_day} to {closed.to_day}), version {closed.version}")
    click.echo(f"frozen {closed.disposals} disposals, {closed.receipts} receipts, {closed.lots} lots open at its end; ", nl=False)
    click.echo(f"gain {text_of(closed.gain)}")
    click.echo(f"hash   {closed.hash}")
    session.say(f"keep the hash with the return; reports of {year} now show these figures, whatever arrives later")


@period.command("list")
@pass_session
def list_closings(session: Session) -> None:
    r"""List the closings, oldest first, with the hash by which each is cited.

    \b
    Example:
      lotwright period list
    """
    with session.book() as book:
        closings = book.closed_years()
    if not closings:
        session.say("no year was closed yet: lotwright period close YEAR")
        return
    print_columns([_COLUMNS, *map(_cells, closings)])


@period.command("diff")
@click.argument("year", metavar="YEAR", type=_YEAR)
@click.option("--closing", metavar="N", type=click.IntRange(1), help="Of a year closed more than once: which version. Default: the newest.")
@click.option("--format", "format_name", metavar="F", help="table, csv, xlsx, html or json. Default: by the file's name, else table.")
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True),
    help="Write to FILE instead of standard output (-).",
)
@pass_session
def diff(session: Session, year: int, closing: int | None, format_name: str | None, output: Path | None) -> None:
    r"""Show what an amended return of a closed year would say: rows that differ, and totals by term and box.

    \b
    Example:
      lotwright period diff 2025 -o amended-2025.xlsx
    """
    output = None if output == STANDARD_OUTPUT else output
    writer = writer_asked(format_name, output, name=f"period-diff-{year}")
    with (
        session.book() as book,
        book.period_diff(year, version=closing) as document,
        opened(output, binary=writer.binary, own=book.files()) as target,
    ):
        writer.write(document, target)
    if output is not None:
        session.say(f"wrote {output}")


def _cells(closed: ClosedYear) -> tuple[str, ...]:
    return (
        str(closed.year),
        str(closed.version),
        f"{closed.from_day} to {closed.to_day}",
        closed.closed_at.isoformat(timespec="seconds"),
        closed.software,
        f"{closed.regime} {closed.regime_version}",
        *map(str, (closed.disposals, closed.receipts, closed.lots)),
        text_of(closed.gain),
        closed.hash,
    )
