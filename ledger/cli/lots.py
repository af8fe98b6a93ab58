"""`lotwright lots`: open lots; what chooses among them stands in `ledger.cli.elections` and `ledger.cli.allocations`."""

import sys

import click

from ledger.book import Selection, exporter
from ledger.cli.allocations import allocate, allocations
from ledger.cli.elections import elect, elections, preview
from ledger.cli.terminal.session import Session, asset_asked, pass_session, print_strange_names
from ledger.domain.ids import AccountId


@click.group()
def lots() -> None:
    """Lots: units acquired together, with their cost."""


@lots.command("list")
@click.option("--asset", metavar="A", help="Only this asset.")
@click.option("--account", metavar="N", help="Only this account.")
@click.option(
    "--format", "format_name", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to write them."
)
@pass_session
def list_lots(session: Session, asset: str | None, account: str | None, format_name: str) -> None:
    r"""List the open lots.

    \b
    Example:
      lotwright lots list --asset BTC
    """
    selection = Selection(asset=asset_asked(asset), account=None if account is None else AccountId(account))
    with session.book() as book:
        with book.report("lots", selection) as document:
            exporter(format_name).write(document, sys.stdout.buffer)
        print_strange_names(session, book, selection)


for _command in (elect, preview, elections, allocate, allocations):
    lots.add_command(_command)
