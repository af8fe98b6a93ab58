"""`lotwright connect`: add, list, check and remove connections."""

import click

from ledger.book import SHARE_DEFAULT
from ledger.cli.terminal.session import Session, pass_session
from ledger.domain.errors import InputError, KeyRefused

_SKEW_SECONDS_MAX = 60.0  # a venue that takes stamps of 30 seconds and its slowest answer lie within


@click.group()
def connect() -> None:
    """Add, list, check and remove connections: one per API key.

    Settings name where a secret is kept, never the secret.
    """


@connect.command()
@click.argument("name")
@click.option("--venue", metavar="V", required=True, help="The venue's connector; see `lotwright plugins`.")
@click.option("--bot", metavar="B", help="Every fill of this key belongs to this bot.")
@click.option("--wallet", metavar="W", help="Lots are pooled per wallet and asset. Default: the connection's own name.")
@click.option("--secrets", metavar="REF", help="env:PREFIX, keyring:SERVICE, file:PATH or cmd:COMMAND.")
@click.option("--base-url", metavar="U", help="Only for a sandbox or a proxy.")
@click.option("--share", metavar="S", type=float, default=SHARE_DEFAULT, show_default=True, help="Part of the venue's rate limit to use.")
@click.option("--tier", metavar="T", default="", help="Your tier of rates at the venue, where it has tiers. Default: its lowest.")
@click.option("--symbol", "symbols", metavar="S", multiple=True, help="A market that the venue has delisted; may be given again.")
@click.option("--option", "options", metavar="NAME=VALUE", multiple=True, help="What only this connector knows; may be given again.")
@pass_session
def add(session: Session, /, name: str, share: float, symbols: tuple[str, ...], options: tuple[str, ...], **named: str) -> None:
    r"""Add a connection.

    A reference gives KEY and SECRET, and PASSPHRASE where the venue has one; at Kraken that is the password which a key may have as
    its second factor.

    \b
    Example:
      export COINBASE_MAIN_KEY=... COINBASE_MAIN_SECRET=... COINBASE_MAIN_PASSPHRASE=...
      lotwright connect add main --venue coinbase-exchange --bot grid-1 --secrets env:COINBASE_MAIN
      lotwright connect add more --venue ccxt --option exchange=bitstamp --option python=ccxt-env/bin/python --secrets env:BITSTAMP
    """
    with session.book() as book:
        book.add_connection(name, share=share, symbols=symbols, options=_pairs(options), **named)
    session.say(f"added {name}; next: lotwright connect check {name}")


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    for option in options:
        if not all(option.partition("=")):
            raise InputError(f"--option {option}: no NAME=VALUE", mend="such as --option exchange=bitstamp")
    return {name: text for name, _, text in (option.partition("=") for option in options)}


@connect.command("list")
@pass_session
def list_connections(session: Session) -> None:
    r"""List the connections of the book.

    \b
    Example:
      lotwright connect list
    """
    with session.book() as book:
        for one in book.settings.connections:
            parts = (one.name, one.venue, f"bot {one.bot or '-'}", f"wallet {one.wallet or one.name}", f"secrets {one.secrets or '-'}")
            click.echo("  ".join((*parts, f"share {one.share:g}")))
        if not book.settings.connections:
            session.say("no connection yet; add one: lotwright connect add NAME --venue VENUE --secrets env:PREFIX")


@connect.command()
@click.argument("names", nargs=-1)
@click.option("--allow-withdraw", is_flag=True, help="Accept a key that can withdraw, in later syncs too.")
@pass_session
def check(session: Session, names: tuple[str, ...], allow_withdraw: bool) -> None:
    r"""Sign a call with each key (or the named ones), show the clock skew and what the key may do.

    Each sync asks too, and tells what is not as it was here.

    \b
    Example:
      lotwright connect check main
    """
    with session.book() as book:
        chosen = names or tuple(one.name for one in book.settings.connections)
        if not chosen:
            raise InputError("this book has no connection", mend="add one: lotwright connect add NAME --venue VENUE --secrets env:PREFIX")
        for name in chosen:
            report = book.check_connection(name, allow_withdraw=allow_withdraw, environment=session.environment)
            rights = (("read", report.may_read), ("trade", report.may_trade), ("withdraw", report.may_withdraw))
            told = ", ".join(f"{right} {_word(may=may)}" for right, may in rights)
            click.echo(f"{report.account} at {report.venue}: {told}; our clock is {report.clock_skew_seconds:+.1f} s off the venue's")
            for note in report.notes:
                session.say(f"  {note}")
            if abs(report.clock_skew_seconds) > _SKEW_SECONDS_MAX:
                session.say("  warning: one of the two clocks is wrong; elections and balances are dated by this computer's: set it")
            if report.may_trade:
                session.say(f"  warning: the key of {name} can trade; Lotwright only reads: make a key that can only view")
            if report.may_withdraw and not allow_withdraw:
                raise KeyRefused(f"the key of {name} can withdraw", mend="use a key that can only view; or say --allow-withdraw")


def _word(*, may: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[may]


@connect.command()
@click.argument("name")
@pass_session
def remove(session: Session, name: str) -> None:
    r"""Take a connection out of the settings; what it brought stays in the book.

    \b
    Example:
      lotwright connect remove main
    """
    with session.book() as book:
        book.remove_connection(name)
    session.say(f"removed {name}; its events stay in the book")
