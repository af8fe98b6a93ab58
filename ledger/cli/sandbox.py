"""`lotwright sandbox serve`: the loopback exchange by itself."""

import json
import signal
import threading
from pathlib import Path
from typing import TypedDict, Unpack

import click

from ledger.cli.terminal.session import Session, pass_session
from ledger.domain.errors import InputError
from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import rows

_FILLS_DEFAULT = 2_000


class _Options(TypedDict):
    """The options that are those of `Sandbox`."""

    venue: str
    port: int
    seed: int
    fills: int
    faults: str
    key_kind: str
    tier: str
    nonce_window: int


@click.group()
def sandbox() -> None:
    """Serve an exchange on this machine: an invented account behind a real venue's dialect, with its rules and its faults."""


@sandbox.command()
@click.option("--venue", metavar="V", default="coinbase-exchange", show_default=True, help="Whose dialect to speak.")
@click.option("--port", metavar="P", type=click.IntRange(0, 65_535), default=0, show_default=True, help="0: any free port.")
@click.option("--seed", metavar="S", type=int, default=1, show_default=True, help="The same seed gives the same account.")
@click.option(
    "--fills", metavar="N", type=click.IntRange(0, 1_000_000), default=_FILLS_DEFAULT, show_default=True, help="Fills in the account."
)
@click.option("--faults", metavar="LIST", default="none", show_default=True, help="none, all, or names and group numbers with commas.")
@click.option("--key", "key_kind", metavar="KIND", default="", help="binance: hmac, ed25519 or rsa; coinbase-advanced: es256 or ed25519.")
@click.option("--tier", metavar="T", default="", help="kraken: whose rate limit to keep: pro, intermediate or starter.")
@click.option(
    "--nonce-window",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="kraken: by how much a nonce may lie below the highest one.",
)
@click.option("--truth", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write the account itself, as JSON lines.")
@pass_session
def serve(session: Session, truth: Path | None, **options: Unpack[_Options]) -> None:
    r"""Serve until interrupted; print one JSON line when ready.

    The line tells the addresses of calls (rest_url) and of WebSockets (ws_url), and how to log in. Over a WebSocket the newest fills
    of the account happen one after the other after each subscription; calls tell them from the start.

    \b
    Example:
      lotwright sandbox serve --seed 7 --fills 5000 --faults all --truth truth.jsonl
    """
    with Sandbox(**options) as exchange:
        if truth is not None:
            _write_truth(truth, exchange)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        click.echo(exchange.ready_line())  # who has read it may stop us at once
        stop.wait()
        for violation in exchange.violations:
            session.say(f"violation: {violation}")


def _write_truth(path: Path, exchange: Sandbox) -> None:
    try:
        with path.open("w", encoding="utf-8") as target:
            for row in rows(exchange.account):
                target.write(json.dumps(row) + "\n")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", mend="choose a folder that you may write to") from error
