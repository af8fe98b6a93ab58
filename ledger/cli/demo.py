"""`lotwright demo`: the whole job on a loopback exchange, held against the exchange's own account of it."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click

from ledger.book import Book, NightSummary, exporter
from ledger.cli.terminal.session import Session, pass_session
from ledger.domain.amount import added, text_of
from ledger.domain.errors import InputError
from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import gains

VENUE = "coinbase-exchange"
TIME_ZONE = "America/New_York"
FAULTS = "rate-limited,http-503,half-body,truncated-json,short-page,duplicate-row"
BOTS = ("grid", "dca")
REPORTS = (
    ("gains", "csv"),
    ("gains", "xlsx"),
    ("summary", "html"),
    ("bots", "csv"),
    ("holdings", "csv"),
    ("form-8949", "xlsx"),
)
_OWNER_ONLY = 0o600

_FIGURES = ("quantity", "proceeds", "cost_basis", "gain")

Piece = tuple[str, ...]  # account, event, asset, quantity, proceeds, cost, gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The book's gain rows beside the exchanges' own: how many there are, their sums, and how many differ."""

    rows: int
    proceeds: str
    cost: str
    gain: str
    differing: int


@click.command()
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), default="demo-book", show_default=True, help="A new folder."
)
@click.option(
    "--fills", metavar="N", type=click.IntRange(400, 200_000), default=4_000, show_default=True, help="Fills of both bots together."
)
@click.option("--seed", metavar="S", type=int, default=1, show_default=True, help="The same seed gives the same history.")
@pass_session
def demo(session: Session, out: Path, fills: int, seed: int) -> int:
    r"""Show the whole job: two bots trade on a loopback exchange, and their fills are synced, booked, matched, reported.

    The exchange checks every signature and keeps to its rate limits, and it misbehaves now and then.

    \b
    Example:
      lotwright demo --out demo-book --fills 20000
    """
    out = out.resolve()
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty", mend="name a new folder with --out")
    with ExitStack() as stack:
        exchanges = [
            stack.enter_context(Sandbox(venue=VENUE, seed=seed + number, fills=fills // len(BOTS), faults=FAULTS, market=seed))
            for number in range(len(BOTS))
        ]
        with session.progress() as progress:
            book = stack.enter_context(Book.create(out, time_zone=TIME_ZONE))
            for bot, exchange in zip(BOTS, exchanges, strict=True):
                _connect(book, bot, exchange)
            summary = book.sync(progress=progress)
            files = [_write(book, name, format_name) for name, format_name in REPORTS]
        compared = _compare(book, dict(zip(BOTS, exchanges, strict=True)))
        violations = [violation for exchange in exchanges for violation in exchange.violations]
    _tell(summary, exchanges, compared, files)
    for violation in violations:
        session.complain(f"the exchange complains of its client: {violation}")
    return 70 if compared.differing or violations else summary.exit_code


def _connect(book: Book, bot: str, exchange: Sandbox) -> None:
    """Add a connection with its key in a file for the owner only, as a user would."""
    path = book.settings.folder / f"{bot}.secrets.toml"
    path.touch(mode=_OWNER_ONLY)
    names = {"KEY": exchange.key, "SECRET": exchange.secret, "PASSPHRASE": exchange.passphrase}
    path.write_text("".join(f"{name} = {json.dumps(text)}\n" for name, text in names.items()), encoding="utf-8")
    book.add_connection(bot, venue=VENUE, bot=f"{bot}-bot", secrets=f"file:{path.name}", base_url=exchange.rest_url, share=1.0)


def _write(book: Book, name: str, format_name: str) -> Path:
    writer = exporter(format_name)
    path = book.settings.folder / f"{name}{writer.suffix}"
    with book.report(name) as document, path.open("w+b") as target:
        path.chmod(_OWNER_ONLY)
        writer.write(document, target)
    return path


def _compare(book: Book, exchanges: dict[str, Sandbox]) -> Comparison:
    with book.report("gains") as document:
        table = document.tables[0]
        names = [column.name for column in table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in table.rows()]
    mine: Counter[Piece] = Counter(
        (str(row["account"]), str(row["event"]), str(row["asset"]), *(_figure(row[name]) for name in _FIGURES)) for row in rows
    )
    theirs: Counter[Piece] = Counter(
        (bot, row["event"], row["asset"], row["quantity"], row["proceeds"], row["cost"], row["gain"])
        for bot, exchange in exchanges.items()
        for row in gains(exchange.account)
    )
    return Comparison(
        rows=len(rows),
        proceeds=_sum([piece[4] for piece in mine.elements()]),
        cost=_sum([piece[5] for piece in mine.elements()]),
        gain=_sum([piece[6] for piece in mine.elements()]),
        differing=sum(((mine - theirs) + (theirs - mine)).values()),
    )


def _figure(cell: object) -> str:
    return text_of(cell) if isinstance(cell, Decimal) else "no price"


def _sum(figures: Sequence[str]) -> str:
    return text_of(added(*(Decimal(figure) for figure in figures if figure != "no price")))


def _tell(summary: NightSummary, exchanges: Sequence[Sandbox], compared: Comparison, files: Sequence[Path]) -> None:
    told = summary.as_json()
    click.echo(f"synced   {told['new']} events over {told['requests']} signed calls; {told['retries']} were asked again")
    click.echo(f"booked   {told['new']} events once each; {told['windows']} pages kept as received")
    click.echo(f"matched  {compared.rows} disposal pieces: proceeds {compared.proceeds}, cost {compared.cost}, gain {compared.gain}")
    if compared.differing:
        click.echo(f"compared {compared.differing} pieces DIFFER from the exchanges' own account")
    else:
        click.echo(f"compared all {compared.rows} pieces equal the exchanges' own account of {len(exchanges)} bots, to the last digit")
    click.echo("wrote")
    for path in files:
        click.echo(f"  {path}")
    book = files[0].parent
    click.echo(f"look further: lotwright --book {book} report summary; lotwright --book {book} check")
