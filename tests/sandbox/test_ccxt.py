"""A third-party client of the venue, unmodified but for its base address, sees the account as it is.

The client lives in an environment of its own, named by ``LOTWRIGHT_CCXT_PYTHON``; without it there is nothing to run, but
where everything must run (``CI=true``) its absence is a failure.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.amount import AssetCode
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import LedgerKind, TransferKind, instant_of, microseconds_of
from ledger.sandbox.server import Sandbox

SCRIPT = Path(__file__).with_name("ccxt_client.py")
INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def visit() -> Iterator[tuple[Sandbox, Seen]]:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    with Sandbox(fills=300, seed=11) as sandbox:
        ran = subprocess.run([python, str(SCRIPT)], input=sandbox.ready_line(), capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stderr
        yield sandbox, json.loads(ran.stdout)


@pytest.fixture
def account(visit: tuple[Sandbox, Seen]) -> SandboxAccount:
    return visit[0].account


@pytest.fixture
def seen(visit: tuple[Sandbox, Seen]) -> Seen:
    return visit[1]


def milliseconds(instant: datetime) -> int:
    return microseconds_of(instant) // 1000


def test_it_reads_the_same_balances(account: SandboxAccount, seen: Seen) -> None:
    found = {asset: Decimal(text) for asset, text in seen["balances"].items()}
    assert found == {str(asset): account.balance(asset) for asset in (*account.assets, AssetCode("DAI"))}


def test_it_sees_the_listed_markets(account: SandboxAccount, seen: Seen) -> None:
    assert seen["markets"] == sorted(product.name for product in account.products if product.delisted_at is None)


def test_it_pages_through_the_same_fills(account: SandboxAccount, seen: Seen) -> None:
    found = sorted(
        (row["product"], int(row["id"]), row["order"], row["side"], Decimal(row["price"]), Decimal(row["amount"]), Decimal(row["fee"]),
         row["takerOrMaker"], row["timestamp"])
        for row in seen["fills"]
    )  # fmt: skip
    expected = sorted(
        (fill.product, fill.trade_id, fill.order_id, fill.side.value, fill.price, fill.size, fill.fee,
         "maker" if fill.is_maker else "taker", milliseconds(fill.occurred_at))
        for fill in account.fills
    )  # fmt: skip
    assert found == expected


def test_it_pages_through_the_same_ledger(account: SandboxAccount, seen: Seen) -> None:
    words = {LedgerKind.MATCH: "trade", LedgerKind.FEE: "fee", LedgerKind.REBATE: "rebate", LedgerKind.TRANSFER: "transfer"}
    found = sorted(
        (row["asset"], int(row["id"]), row["direction"], Decimal(row["amount"]), Decimal(row["after"]), row["type"], row["timestamp"])
        for row in seen["ledger"]
    )
    expected = sorted(
        (asset, row.row_id, "in" if row.amount > 0 else "out", abs(row.amount), row.balance, words[row.kind], milliseconds(row.occurred_at))
        for asset, ledger in account.ledger.items()
        for row in ledger
    )
    assert found == expected


def test_it_sees_the_same_transfers(account: SandboxAccount, seen: Seen) -> None:
    found = sorted((row["id"], row["type"], row["currency"], row["status"]) for row in seen["transfers"])
    words = {TransferKind.DEPOSIT: "deposit", TransferKind.WITHDRAWAL: "withdrawal"}
    expected = [(one.transfer_id, words[one.kind], one.asset, "canceled" if one.canceled_at else "ok") for one in account.transfers]
    assert found == sorted(expected)


def test_it_tells_deposits_from_withdrawals(account: SandboxAccount, seen: Seen) -> None:
    kinds = (TransferKind.DEPOSIT, TransferKind.WITHDRAWAL)
    assert [sorted(ids) for ids in seen["by_way"]] == [
        sorted(one.transfer_id for one in account.transfers if one.kind is kind) for kind in kinds
    ]


def test_it_is_told_clock_fees_and_orders(account: SandboxAccount, seen: Seen) -> None:
    assert instant_of(seen["time"] * 1000).year >= 2025
    assert (len(seen["fees"]), set(seen["fees"])) == (len(seen["markets"]), {"0.0005"})
    assert sorted(seen["orders"]) == sorted(one.order_id for one in account.orders if one.product == "BTC-USD")


def test_it_reads_candles_that_agree_with_the_prices(account: SandboxAccount, seen: Seen) -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    assert len(seen["candles"]) > 45
    for at, _open, _high, _low, close, _volume in seen["candles"]:
        assert Decimal(str(close)) == account.prices.price(bitcoin, minute_of(instant_of(at * 1000)))


def test_it_kept_every_rule(visit: tuple[Sandbox, Seen]) -> None:
    assert visit[0].violations == []
