"""`lotwright bots`: whose orders are whose, by rules of the settings and by the bots' own databases."""

from pathlib import Path

import click

from ledger.book import Selection
from ledger.cli.terminal.session import Session, pass_session, print_strange_names
from ledger.domain.ids import AccountId

_SHOWN_MAX = 20


@click.group()
def bots() -> None:
    """Bots: their databases, which say whose an order is, and the rules of the settings."""


@bots.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--account", required=True, metavar="NAME", help="The account that the bot traded in: the connection's name.")
@click.option("--bot", metavar="NAME", help="The bot of all orders in the files; else as the files name it.")
@pass_session
def import_databases(session: Session, files: tuple[Path, ...], account: str, bot: str | None) -> None:
    r"""Take in databases of freqtrade, hummingbot or jesse: whose an order is, never how much it was.

    \b
    Examples:
      lotwright bots import tradesv3.sqlite --account main
      lotwright bots import trades_conf_grid_1.csv --account main --bot grid-1
    """
    with session.book() as book:
        outcomes = book.import_bots(files, account=account, bot=bot)
        print_strange_names(session, book, Selection(account=AccountId(account)))
    for outcome in outcomes:
        click.echo(
            f"{outcome.path}: {outcome.format_name}, {outcome.rows} rows: {outcome.joined} joined, "
            f"{len(outcome.waiting)} wait for their events"
        )
        for line in outcome.disputed[:_SHOWN_MAX]:
            session.say(f"  claimed twice: {line}; a rule of [[bots]] goes before")
        if len(outcome.disputed) > _SHOWN_MAX:
            session.say(f"  ... and {len(outcome.disputed) - _SHOWN_MAX} more")
        for line in outcome.waiting[:_SHOWN_MAX]:
            session.say(f"  waits: {line}")
        if len(outcome.waiting) > _SHOWN_MAX:
            session.say(f"  ... and {len(outcome.waiting) - _SHOWN_MAX} more: see `lotwright bots list --waiting`")


@bots.command("list")
@click.option("--waiting", is_flag=True, help="List the orders that no event of the book has, instead.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="With --waiting: list no more than that.")
@pass_session
def list_databases(session: Session, waiting: bool, limit: int) -> None:
    r"""List the rules of the settings and the databases taken in: account, bot, how many orders.

    \b
    Examples:
      lotwright bots list
      lotwright bots list --waiting
    """
    with session.book() as book:
        if waiting:
            for one in book.waiting_orders(limit):
                click.echo("  ".join(one))
            return
        rules, databases = book.settings.bots, book.bot_databases()
    for number, rule in enumerate(rules, start=1):
        says = ("account", rule.account), ("client_order_id", rule.client_order_id), ("order_id", rule.order_id)
        click.echo(f"rule {number}  {rule.name}  {', '.join(f'{key} = {text}' for key, text in says if text)}")
    for name, format_name, account, bot, orders in databases:
        click.echo(f"{name}  {format_name}  {account}  {bot}  {orders}")
    if not rules and not databases:
        session.say("no rules and no databases yet; see [[bots]] in lotwright.toml and lotwright bots import FILE --account NAME")
