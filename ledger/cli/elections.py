"""`lotwright lots elect`, `preview` and `elections`: choosing lots before a sale, and the register of choices."""

import sys
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

import click

from ledger.book import exporter
from ledger.cli.session import Session, asset_asked, pass_session
from ledger.domain.amount import decimal_of
from ledger.domain.errors import InputError, NumberRefused

RULES = ("fifo", "lifo", "hifo", "lofo")
_INSTANT = "write it with its offset, like 2027-01-01T00:00:00-05:00"


class _Elected(TypedDict):
    rule: str | None
    effective_from: str | None
    bot: str | None
    sale: str | None
    order: str | None
    wallet: str | None
    asset: str | None


@click.command()
@click.option("--rule", type=click.Choice(RULES), help="A standing order: in which order lots go.")
@click.option("--effective-from", metavar="T", help="From when on the standing order holds, with offset; default: now. Never the past.")
@click.option("--bot", metavar="B", help="Only for sales of this bot (with --rule).")
@click.option("--sale", metavar="ID", help="A selection for the sale that the venue or the file will give this id.")
@click.option("--order", metavar="ID", help="A selection for all fills of the order of this id, the venue's or the bot's own.")
@click.option(
    "--lot", "lots", metavar="LOT=QUANTITY", multiple=True, help="So many units of this lot, by its id or the id of its purchase."
)
@click.option("--wallet", metavar="W", help="Only for sales out of this wallet.")
@click.option("--asset", metavar="A", help="Only for sales of this asset.")
@pass_session
def elect(session: Session, /, lots: tuple[str, ...], **said: Unpack[_Elected]) -> None:
    r"""Record a choice of lots, now, for sales to come; print the election's id.

    The law counts what was written down by the time of the sale: nothing is ever chosen for sales that are booked.

    \b
    Examples:
      lotwright lots elect --rule hifo --asset BTC
      lotwright lots elect --order grid-1-000042 --lot L-0ded87115205eb7d-1=0.25 --lot b7=0.1
    """
    with session.book() as book:
        ident = book.elect(
            rule=said["rule"],
            effective_from=_instant(said["effective_from"]),
            bot=said["bot"],
            lots=_units_by_lot(lots) if lots else None,
            sale=said["sale"],
            order=said["order"],
            wallet=said["wallet"],
            asset=asset_asked(said["asset"]),
        )
    click.echo(ident)


def _units_by_lot(lots: tuple[str, ...]) -> dict[str, Decimal]:
    named: dict[str, Decimal] = {}
    for text in lots:
        lot, sign, quantity = text.rpartition("=")
        if not sign or not lot:
            raise InputError(f"--lot {text!r} is not LOT=QUANTITY", mend="write it like --lot L-0ded87115205eb7d-1=0.25")
        if lot in named:
            raise InputError(f"--lot names {lot!r} twice", mend="name it once, with the sum")
        named[lot] = _number(quantity, f"--lot {lot}")
    return named


def _number(text: str, option: str) -> Decimal:
    try:
        return decimal_of(text)
    except NumberRefused as refused:
        raise InputError(f"{option}: {refused.message}", mend="write it like 1234.5678") from refused


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as refused:
        raise InputError(f"--effective-from: {text!r} is not a date and time", mend=_INSTANT) from refused


@click.command()
@click.option(
    "--format", "format_name", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to write it."
)
@pass_session
def elections(session: Session, format_name: str) -> None:
    r"""List the register of elections, and the disposals that each decided.

    \b
    Example:
      lotwright lots elections --format csv
    """
    with session.book() as book, book.report("elections") as document:
        exporter(format_name).write(document, sys.stdout.buffer)
