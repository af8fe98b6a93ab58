"""`lotwright lots elect`, `preview` and `elections`: choosing lots before a sale, and the register of choices."""

import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, Unpack

import click

from ledger.book import RulePreview, exporter
from ledger.cli.terminal.output import opened
from ledger.cli.terminal.session import Session, asset_asked, code_asked, pass_session
from ledger.domain.amount import added, decimal_of
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.errors import InputError, NumberRefused

RULES = ("fifo", "lifo", "hifo", "lofo")
_INSTANT = "write it with its offset, like 2027-01-01T00:00:00-05:00"


class _Previewed(TypedDict):
    wallet: str | None
    price: str | None
    proceeds: str | None
    bot: str | None


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
        cautions = book.election_scope_caution(ident), book.election_caution(ident)
    click.echo(ident)
    for caution in filter(None, cautions):
        session.say(f"caution: {caution}")


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
@click.argument("asset")
@click.argument("quantity")
@click.option("--wallet", metavar="W", help="The wallet it would be sold out of; needed where several have the asset.")
@click.option("--price", metavar="P", help="What one unit would bring, net of costs.")
@click.option("--proceeds", metavar="P", help="What all of it would bring, net of costs.")
@click.option("--bot", metavar="B", help="The bot that would sell; standing orders may be for one bot.")
@click.option("--format", "format_name", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to write it.")
@pass_session
def preview(session: Session, /, asset: str, quantity: str, format_name: str, **said: Unpack[_Previewed]) -> None:
    r"""Tell which lots a sale of QUANTITY units of ASSET would take now, and its gain, by each rule; write nothing.

    \b
    Example:
      lotwright lots preview BTC 0.5 --price 61000
    """
    with session.book() as book:
        views = book.preview(
            code_asked(asset, "ASSET"),
            _number(quantity, "QUANTITY"),
            wallet=said["wallet"],
            price=None if said["price"] is None else _number(said["price"], "--price"),
            proceeds=None if said["proceeds"] is None else _number(said["proceeds"], "--proceeds"),
            bot=said["bot"],
        )
        facts = (("Book", book.settings.folder.name), ("Asset", asset), ("Quantity", quantity), ("Currency", book.settings.currency))
    exporter(format_name).write(_preview_document(views, facts), sys.stdout.buffer)


def _preview_document(views: tuple[RulePreview, ...], cover: tuple[tuple[str, str], ...]) -> ReportDocument:
    return ReportDocument(
        name="preview",
        title="A sale that is not made",
        cover=cover,
        tables=(
            Table(name="rules", title="By rule", columns=_RULE_COLUMNS, rows=lambda: map(_rule_row, views)),
            Table(name="pieces", title="Lots", columns=_PIECE_COLUMNS, rows=lambda: (row for view in views for row in _piece_rows(view))),
        ),
        notes=("Nothing was written. `elected` is what the book would do now: its standing orders, else its method.",),
    )


def _rule_row(view: RulePreview) -> Row:
    proceeds = [one.piece.proceeds for one in view.pieces]
    known = [figure for figure in proceeds if figure is not None]
    return view.rule, view.matched_by, len(view.pieces), added(*known) if known else None, view.cost_basis, view.gain


def _piece_rows(view: RulePreview) -> Iterator[Row]:
    for one in view.pieces:
        piece, lot = one.piece, one.piece.lot
        named = ("", None, None) if lot is None else (lot.lot_id, lot.source_id, lot.acquired_at)
        gap = "missing-basis" if lot is None else lot.gap
        yield view.rule, *named, piece.quantity, piece.proceeds, piece.cost_basis, one.gain, one.term, gap


_RULE_COLUMNS = (
    Column(name="rule", title="Rule"),
    Column(name="matched_by", title="Matched by", kind=CellKind.OUTSIDE),
    Column(name="pieces", title="Lots", kind=CellKind.INTEGER),
    Column(name="proceeds", title="Proceeds", kind=CellKind.MONEY),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY),
)
_PIECE_COLUMNS = (
    Column(name="rule", title="Rule"),
    Column(name="lot", title="Lot"),
    Column(name="lot_event", title="Lot event", kind=CellKind.OUTSIDE),
    Column(name="acquired_at", title="Acquired", kind=CellKind.INSTANT),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="proceeds", title="Proceeds", kind=CellKind.MONEY),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY),
    Column(name="term", title="Term"),
    Column(name="finding", title="Finding"),
)


@click.command()
@click.option(
    "--format", "format_name", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to write it."
)
@click.option("--proof", is_flag=True, help="Write the dated document with all hashes and how to verify them (JSON).")
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="With --proof: write to FILE instead of standard output.",
)
@pass_session
def elections(session: Session, format_name: str, proof: bool, output: Path | None) -> None:
    r"""List the register of elections, and the disposals that each decided; or prove it.

    \b
    Examples:
      lotwright lots elections --format csv
      lotwright lots elections --proof -o elections.json
    """
    if output is not None and not proof:
        raise InputError("-o goes with --proof", mend="add --proof, or use lotwright report elections -o FILE")
    with session.book() as book:
        if not proof:
            with book.report("elections") as document:
                exporter(format_name).write(document, sys.stdout.buffer)
            return
        text, own = book.election_proof(), book.files()
    with opened(output, binary=False, own=own) as target:
        target.write(text.encode())
    if output is not None:
        session.say(f"wrote {output}")
