"""A venue through ccxt, by the command: booked, marked as unverified everywhere, and every failure of the reader by its exit code."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.sandbox.faults import Fault
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.server import Sandbox

from .conftest import BookFolder, true_pieces
from .test_secrecy import contents, spellings

FILLS = 120
INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"


@pytest.fixture(scope="module")
def python() -> str:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    return python


def connect(book: BookFolder, sandbox: Sandbox, python: str, exchange: str = "coinbaseexchange", symbol: str = "LTC/USD=LTC-USD") -> None:
    options = {"exchange": exchange, "python": python}
    book.connect(sandbox, venue="ccxt", options=options, symbols=(symbol,))  # type: ignore[arg-type] # whatever a connection has


def prices_of(sandbox: Sandbox, path: Path) -> Path:
    """Write the market's price of every asset at every instant of the history: the reader brings none."""
    account = sandbox.account
    times = {one.occurred_at for one in account.fills} | {at for one in account.transfers if (at := one.moved_at)}
    rows = set()
    for at in times:
        for asset in set(account.assets) - {"USD"}:
            product, minute = PRODUCT_BY_NAME[f"{asset}-USD"], minute_of(at)
            while minute and (candle := account.prices.candle(product, minute)) is None:
                minute -= 1
            assert candle is not None
            rows.add(f"{datetime.fromtimestamp(minute * 60, UTC).isoformat()},{asset},USD,{candle.close}")
    path.write_text("\n".join(["time,asset,currency,price", *sorted(rows), ""]), encoding="utf-8")
    return path


def test_a_book_through_ccxt_has_the_venue_s_own_gains_and_says_everywhere_that_nobody_vouches_for_it(
    book: BookFolder, python: str
) -> None:
    with Sandbox(fills=FILLS, seed=11) as sandbox:
        connect(book, sandbox, python)
        told = book.run("connect", "check").ok()
        book.run("prices", "import", prices_of(sandbox, book.folder / "prices.csv")).ok()
        ran = book.run("-vv", "sync", "--json").ok()
        again = book.run("sync", "--json").ok()
        assert sandbox.violations == []
        expected = true_pieces(sandbox)
        parts = {"KEY": sandbox.key, "SECRET": sandbox.secret, "PASSPHRASE": sandbox.passphrase}
    assert "withdraw unknown" in told.out
    assert (ran.json()["findings"]["error"], ran.json()["doubtful"], again.json()["new"]) == (0, 0, 0)
    assert book.pieces() == expected
    book.run("reconcile").ok()
    for report in ("gains", "summary", "form-8949", "holdings", "journal", "balances"):
        shown = book.run("report", report, "--format", "json").json()
        assert {"label": "Unverified", "value": "coverage of main"} in shown["cover"], report
    assert "unverified: main" in book.run("coverage").out
    assert ["coverage", "of", "main", "unverified"] in [line.split() for line in book.run("status").out.splitlines()]
    assert "read through ccxt" in book.run("check", "--all").err
    found = [*((str(number), text.encode()) for number, text in enumerate((told.out, told.err, ran.out, ran.err))), *contents(book)]
    assert {where for where, text in found for form in spellings(parts) if form in text} == set()


def test_books_of_our_own_connectors_are_not_marked(synced: BookFolder) -> None:
    assert "Unverified" not in [line["label"] for line in synced.run("report", "summary", "--format", "json").json()["cover"]]
    assert "unverified" not in synced.run("coverage").out + synced.run("status").out


def test_a_key_that_can_withdraw_is_refused_where_the_venue_tells(book: BookFolder, python: str) -> None:
    with Sandbox(venue="binance", fills=60, seed=11, faults="key-can-withdraw") as sandbox:
        connect(book, sandbox, python, exchange="binance", symbol="LTC/USD=LTCUSD")
        refused = book.run("connect", "check")
        assert refused.code == 3
        assert "withdraw yes" in refused.out
        book.run("connect", "check", "--allow-withdraw").ok()


def test_a_key_that_the_venue_refuses_ends_with_exit_3(book: BookFolder, python: str) -> None:
    with Sandbox(fills=60, seed=11, faults=Fault.KEY_REVOKED.value) as sandbox:
        connect(book, sandbox, python)
        assert book.run("sync").code == 3
        assert sandbox.secret not in book.run("sync").err


def test_a_venue_that_is_not_there_ends_with_exit_4(book: BookFolder, python: str) -> None:
    with Sandbox(fills=60, seed=11) as sandbox:
        connect(book, sandbox, python)
    assert book.run("sync", "--budget", "20").code == 4


def test_an_exchange_that_ccxt_does_not_know_ends_with_exit_2(book: BookFolder, python: str) -> None:
    with Sandbox(fills=60, seed=11) as sandbox:
        connect(book, sandbox, python, exchange="coinbaseexchanger")
        ran = book.run("sync")
    assert ran.code == 2
    assert "knows no exchange 'coinbaseexchanger'" in ran.err


def test_a_python_without_ccxt_ends_with_exit_2_and_says_how_to_get_it(book: BookFolder) -> None:
    with Sandbox(fills=60, seed=11) as sandbox:
        connect(book, sandbox, sys.executable)
        ran = book.run("sync")
    assert ran.code == 2
    assert "has no ccxt" in ran.err
    assert "pip install ccxt" in ran.err


@pytest.mark.parametrize("code", ["exit 3", "echo hello; sleep 60", "kill -9 $$"])
def test_a_reader_that_dies_or_babbles_ends_with_exit_4(book: BookFolder, tmp_path: Path, code: str) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nread line\n{code}\n")
    program.chmod(0o700)
    with Sandbox(fills=60, seed=11) as sandbox:
        connect(book, sandbox, str(program))
        ran = book.run("sync")
    assert ran.code == 4
    assert "the reader" in ran.err


def test_an_option_that_no_connector_knows_is_refused_with_the_nearest_name(book: BookFolder) -> None:
    refused = book.run("connect", "add", "more", "--venue", "ccxt", "--option", "exchnage=bitstamp").refused(2)
    assert "did you mean 'exchange'?" in refused
    assert "no NAME=VALUE" in book.run("connect", "add", "more", "--venue", "ccxt", "--option", "bitstamp").refused(2)
    assert "kraken has no options" in book.run("connect", "add", "more", "--venue", "kraken", "--option", "exchange=kraken").refused(2)
    settings = book.folder / "lotwright.toml"
    written = settings.read_text() + '\n[connections.x]\nvenue = "kraken"\nsecrets = "env:X"\n[connections.x.options]\nspeed = "high"\n'
    settings.write_text(written)
    secrets = {"X_KEY": "k", "X_SECRET": "c2VjcmV0"}
    assert "there is no option 'speed'" in book.run("sync", environment=secrets).refused(2)


def test_options_are_written_into_the_settings(book: BookFolder) -> None:
    add = (
        "connect",
        "add",
        "more",
        "--venue",
        "ccxt",
        "--secrets",
        "env:B",
        "--option",
        "exchange=bitstamp",
        "--option",
        "python=e/bin/python",
    )
    book.run(*add).ok()
    assert '[connections.more.options]\nexchange = "bitstamp"\npython = "e/bin/python"' in (book.folder / "lotwright.toml").read_text()
