"""A third-party client of Kraken, unmodified but for its base address, sees the account as it is; see `test_ccxt`."""

import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import instant_of, microseconds_of
from ledger.sandbox.kraken.names import Identities, pair_of
from ledger.sandbox.server import Sandbox

SCRIPT = Path(__file__).with_name("ccxt_kraken.py")
INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def visit() -> Iterator[tuple[Sandbox, Seen]]:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    with Sandbox(venue="kraken", fills=80, seed=11) as sandbox:
        ran = subprocess.run([python, str(SCRIPT)], input=sandbox.ready_line(), capture_output=True, text=True, timeout=240, check=False)
        assert ran.returncode == 0, ran.stderr
        yield sandbox, json.loads(ran.stdout)


@pytest.fixture
def account(visit: tuple[Sandbox, Seen]) -> SandboxAccount:
    return visit[0].account


@pytest.fixture
def seen(visit: tuple[Sandbox, Seen]) -> Seen:
    return visit[1]


def test_it_reads_the_same_balances(account: SandboxAccount, seen: Seen) -> None:
    assert {asset: Decimal(text) for asset, text in seen["balances"].items()} == {asset: account.balance(asset) for asset in account.assets}


def test_it_sees_the_listed_markets(seen: Seen) -> None:
    assert {"BTC/USD", "ETH/BTC", "BTC/USDC"} <= set(seen["markets"])
    assert "LTC/USD" not in seen["markets"]


def test_it_pages_through_the_same_trades(account: SandboxAccount, seen: Seen) -> None:
    ids = Identities(account.seed)
    found = sorted(
        (row["id"], row["order"], row["pair"], row["side"], Decimal(row["price"]), Decimal(row["amount"]), row["timestamp"])
        for row in seen["fills"]
    )
    expected = sorted(
        (ids.trade(fill), ids.order(fill.order_id), pair_of(fill).name, fill.side.value, fill.price, fill.size,
         microseconds_of(fill.occurred_at) // 1000)
        for fill in account.fills
    )  # fmt: skip
    assert found == expected


def test_it_pages_through_a_ledger_that_comes_to_the_same_balances(account: SandboxAccount, seen: Seen) -> None:
    moved = [one for one in account.transfers if one.moved_at is not None]
    assert len(seen["ledger"]) == 2 * len(account.fills) + len(moved)
    ids = Identities(account.seed)
    assert {row["refid"] for row in seen["ledger"]} == {ids.trade(one) for one in account.fills} | {
        ids.transfer(one.transfer_id) for one in moved
    }
    for asset in account.assets:
        newest = max((row for row in seen["ledger"] if row["currency"] == asset), key=lambda row: row["timestamp"])
        last_of_instant = [row for row in seen["ledger"] if row["currency"] == asset and row["timestamp"] == newest["timestamp"]]
        assert account.balance(asset) in {Decimal(row["after"]) for row in last_of_instant}


def test_it_sees_the_same_transfers(account: SandboxAccount, seen: Seen) -> None:
    ids = Identities(account.seed)
    found = sorted((row["id"], row["type"], row["currency"], row["status"]) for row in seen["transfers"])
    expected = [
        (ids.transfer(one.transfer_id), one.kind.value, one.asset, "failed" if one.canceled_at else "ok") for one in account.transfers
    ]
    assert found == sorted(expected)


def test_it_is_told_clock_status_and_fees(seen: Seen) -> None:
    assert instant_of(seen["time"] * 1000).year >= 2025
    assert (seen["status"], seen["fee"], seen["positions"]) == ("ok", ["0.0016", "0.0025"], [])


def test_it_reads_candles_that_agree_with_the_prices(account: SandboxAccount, seen: Seen) -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    assert 600 < len(seen["candles"]) <= 720
    for at, _open, _high, _low, close, _volume in seen["candles"]:
        assert Decimal(str(close)) == account.prices.price(bitcoin, minute_of(instant_of(at * 1000)))


def test_it_kept_every_rule(visit: tuple[Sandbox, Seen]) -> None:
    assert visit[0].violations == []
