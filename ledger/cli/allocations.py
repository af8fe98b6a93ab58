"""`lotwright lots allocate` and `allocations`: unused basis put into wallets as of 2025-01-01."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from ledger.book import exporter
from ledger.cli.terminal.session import Session, pass_session
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.errors import InputError
from ledger.domain.law.allocation import Allocation

_INSTANT = "write it with its offset, like 2024-12-30T18:00:00-05:00"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--kind", type=click.Choice(["specific", "global"]), required=True, help="Unit by unit, or by a rule written down before 2025."
)
@click.option("--recorded-at", metavar="T", required=True, help="When the allocation was complete, with offset.")
@click.option("--described-at", metavar="T", help="When the rule of a global allocation was written down, with offset.")
@click.option("--evidence", metavar="TEXT", required=True, help="What proves it: where the dated document lies.")
@click.option("--dry-run", is_flag=True, help="Weigh it and store nothing.")
@pass_session
def allocate(
    session: Session, /, file: Path, *, kind: str, recorded_at: str, described_at: str | None, evidence: str, dry_run: bool
) -> None:
    r"""Store the document that says which lots went into which wallet when 2025 began (Rev. Proc. 2024-28). It is irrevocable.

    FILE is CSV with the columns asset,wallet,lot,quantity,cost_basis: one row for each lot and wallet, the lot named by its id or by
    the id of its purchase. Units must tie with the wallets and lots of the book, and the dates with the deadlines.

    \b
    Example:
      lotwright lots allocate allocation.csv --kind specific --recorded-at 2024-12-30T18:00:00-05:00 --evidence "mail to my accountant"
    """
    with session.book() as book:
        made = book.allocate(
            file,
            kind=kind,
            recorded_at=_instant(recorded_at, "--recorded-at"),
            described_at=None if described_at is None else _instant(described_at, "--described-at"),
            evidence=evidence,
            dry_run=dry_run,
        )
    for one in made:
        click.echo(f"{one.allocation_id} {one.asset}: {len(one.allotments)} rows tie{', nothing was stored' if dry_run else ''}")


@click.command()
@click.option(
    "--format", "format_name", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to write them."
)
@pass_session
def allocations(session: Session, format_name: str) -> None:
    r"""List the allocations of the book: which lots went into which wallet, by whose document.

    \b
    Example:
      lotwright lots allocations --format csv
    """
    with session.book() as book:
        document = _document(book.allocations(), (("Book", book.settings.folder.name), ("Currency", book.settings.currency)))
    exporter(format_name).write(document, sys.stdout.buffer)


def _instant(text: str, option: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as refused:
        raise InputError(f"{option}: {text!r} is not a date and time", mend=_INSTANT) from refused


def _document(found: tuple[Allocation, ...], cover: tuple[tuple[str, str], ...]) -> ReportDocument:
    return ReportDocument(
        name="allocations",
        title="Allocations of unused basis",
        cover=cover,
        tables=(
            Table(name="allocations", title="Lots by wallet", columns=_COLUMNS, rows=lambda: (row for one in found for row in _rows(one))),
        ),
        notes=("Rev. Proc. 2024-28: made once for each asset, irrevocable.",),
    )


def _rows(one: Allocation) -> Iterator[Row]:
    for allotment in one.allotments:
        head = one.allocation_id, one.asset, one.kind.value, one.recorded_at, one.described_at
        yield *head, allotment.wallet, allotment.lot, allotment.quantity, allotment.cost_basis, one.evidence


_COLUMNS = (
    Column(name="allocation", title="Allocation"),
    Column(name="asset", title="Asset", kind=CellKind.OUTSIDE),
    Column(name="kind", title="Kind"),
    Column(name="recorded_at", title="Recorded", kind=CellKind.INSTANT),
    Column(name="described_at", title="Rule described", kind=CellKind.INSTANT),
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="lot", title="Lot", kind=CellKind.OUTSIDE),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY),
    Column(name="evidence", title="Evidence", kind=CellKind.OUTSIDE),
)
