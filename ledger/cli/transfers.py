"""`lotwright transfers`: the two halves of a transfer: which wait, and what is to become of them."""

import sys

import click

from ledger.book import exporter
from ledger.cli.terminal.session import Session, pass_session


@click.group()
def transfers() -> None:
    """Transfers between own accounts: halves that wait for their other half, pairs, and how to mend them."""


@transfers.command("list")
@click.option("--all", "everything", is_flag=True, help="Also list pairs, with how they were found, and what was dismissed.")
@click.option(
    "--format", "format_name", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to write them."
)
@pass_session
def list_transfers(session: Session, everything: bool, format_name: str) -> None:
    r"""List the halves that wait, what would fit them, and why they wait.

    \b
    Example:
      lotwright transfers list --all
    """
    with session.book() as book:
        exporter(format_name).write(book.transfers_document(everything=everything), sys.stdout.buffer)


@transfers.command()
@click.argument("idents", metavar="ID...", nargs=-1, required=True)
@click.option("--rest-is-fee", is_flag=True, help="What did not arrive was paid on the way, however much it is.")
@pass_session
def match(session: Session, idents: tuple[str, ...], rest_is_fee: bool) -> None:
    r"""Say that halves are one transfer: a withdrawal and its deposits, or a deposit and its withdrawals.

    ID is the beginning of an id that `transfers list` shows, or ACCOUNT/SOURCE-ID.

    \b
    Example:
      lotwright transfers match main/w17 vault/d4 --rest-is-fee
    """
    with session.book() as book:
        decision = book.match_transfers(*idents, rest_is_fee=rest_is_fee)
    sent, arrived = len(decision.withdrawals), len(decision.deposits)
    session.say(f"matched {_count(sent, 'withdrawal')} with {_count(arrived, 'deposit')}; their lots have moved")


@transfers.command()
@click.argument("ident", metavar="ID")
@pass_session
def split(session: Session, ident: str) -> None:
    r"""Take the pair of a half apart, or take a dismissal back: the halves wait again.

    Halves that were split are never paired with each other again, but by hand.

    \b
    Example:
      lotwright transfers split main/w17
    """
    with session.book() as book:
        decision = book.split_transfer(ident)
    session.say(f"{_count(len(decision.withdrawals) + len(decision.deposits), 'half', 'halves')} waiting again")


@transfers.command()
@click.argument("ident", metavar="ID")
@pass_session
def dismiss(session: Session, ident: str) -> None:
    r"""Say that a half is no transfer between own accounts; `lotwright check` then says how to tell what it was.

    \b
    Example:
      lotwright transfers dismiss vault/d4
    """
    with session.book() as book:
        book.dismiss_transfer(ident)
    session.say("dismissed; what it was is still to be told: see `lotwright check`")


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
