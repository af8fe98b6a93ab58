"""`lotwright prices`: files of prices, prices given by hand, and what the book has."""

from datetime import datetime
from pathlib import Path

import click

from ledger.cli.terminal.session import Session, code_asked, findings_code, pass_session, print_findings
from ledger.domain.amount import decimal_of
from ledger.domain.errors import InputError
from ledger.domain.time.instant import instant_text


@click.group()
def prices() -> None:
    """Prices of what no source valued: files, prices given by hand, what is there and what is missing."""


@prices.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@pass_session
def import_files(session: Session, files: tuple[Path, ...]) -> int:
    r"""Take in price files, all of them or none: own CSV, candle archives of Kraken and Binance, rates of the ECB and the Fed.

    \b
    Examples:
      lotwright prices import BTCUSDT-1m-2025-01.csv XBTUSD_1.csv
      lotwright prices import eurofxref-hist.csv
    """
    with session.book() as book, session.progress() as progress:
        outcomes = book.import_prices(files, progress=progress)
        findings = book.findings()
    for outcome in outcomes:
        click.echo(f"{outcome.path}: {outcome.format_name}, {outcome.quotes} quotes: {outcome.new} new")
    print_findings(session, findings, everything=False)
    return findings_code(findings)


@prices.command("set")
@click.argument("asset")
@click.argument("currency")
@click.argument("time", metavar="TIME")
@click.argument("price")
@click.option("--evidence", metavar="TEXT", required=True, help="Where the price is from; kept with it.")
@pass_session
def set_price(session: Session, asset: str, currency: str, time: str, price: str, evidence: str) -> None:
    r"""Give a price by hand: one ASSET was worth PRICE units of CURRENCY at TIME.

    \b
    Example:
      lotwright prices set XYZ USD 2025-03-01T12:00:00Z 0.0142 --evidence "mean of three pools, sheet of 2025-03-02"
    """
    first, second = code_asked(asset, "ASSET"), code_asked(currency, "CURRENCY")
    try:
        at = datetime.fromisoformat(time)
    except ValueError as error:
        raise InputError(f"{time!r} is no instant", mend="write it like 2025-03-01T12:00:00Z") from error
    with session.book() as book:
        book.set_price(first, second, at, decimal_of(price), evidence=evidence)
    session.say(f"one {first} was worth {price} {second} at {instant_text(at)}")


@prices.command("list")
@pass_session
def list_series(session: Session) -> None:
    r"""List the pairs of which the book has prices: source, how many, from when to when.

    \b
    Example:
      lotwright prices list
    """
    with session.book() as book:
        series = book.price_series()
    for one in series:
        click.echo(f"{one.asset}/{one.currency}  {one.source}  {one.quotes}  {instant_text(one.first_at)}  {instant_text(one.last_at)}")
    if not series:
        session.say("no prices yet; bring some: lotwright prices import FILE")


@prices.command("missing")
@pass_session
def list_missing(session: Session) -> int:
    r"""List what lacks a price, with the event; exits with 1 when there is any.

    \b
    Example:
      lotwright prices missing
    """
    with session.book() as book:
        lacking = tuple(finding for finding in book.findings() if finding.code == "missing-price")
    print_findings(session, lacking, everything=True)
    return findings_code(lacking)
