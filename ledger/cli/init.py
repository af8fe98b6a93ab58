"""`lotwright init`."""

from pathlib import Path

import click

from ledger.book import FIRST_VALUES, Book
from ledger.cli.terminal.session import Session, pass_session


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--database", metavar="URL", default=FIRST_VALUES["database"], show_default=True, help="Or postgresql+psycopg://user@host/name."
)
@click.option("--regime", metavar="R", default=FIRST_VALUES["regime"], show_default=True, help="Tax regime; see `lotwright plugins`.")
@click.option("--currency", metavar="C", help="Reporting currency, ISO 4217.  [default: the regime's, else USD]")
@click.option("--time-zone", metavar="Z", help="IANA zone in which tax dates are taken.  [default: the regime's, else UTC]")
@click.option("--method", metavar="M", help="Which lot goes first when no election says.  [default: the regime's]")
@click.option("--scope", metavar="S", help="Which accounts share one pool of lots.  [default: the regime's]")
@pass_session
def init(session: Session, /, folder: Path, **values: str | None) -> None:
    r"""Make a new book in DIR (default: here).

    \b
    Example:
      lotwright init my-book --currency USD --time-zone America/New_York
    """
    with Book.create(folder.resolve(), **{name: value for name, value in values.items() if value is not None}) as book:
        session.say(f"made a book in {book.settings.folder}")
        session.say("next: lotwright import FILE, or lotwright connect add NAME --venue coinbase-exchange --secrets env:PREFIX")
