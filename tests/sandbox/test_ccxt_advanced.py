"""A third-party client of Coinbase Advanced Trade, unmodified but for its base address, sees the account as it is, with either key.

The client lives in an environment of its own, named by ``LOTWRIGHT_CCXT_PYTHON``, as for `test_ccxt`.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.amount import AssetCode
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.coinbase_advanced.dialect import VENUE
from ledger.sandbox.coinbase_advanced.key import key_ring_of
from ledger.sandbox.coinbase_advanced.rows import Identities, has_twin, moved_by, product_id_of
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import instant_of, microseconds_of
from ledger.sandbox.server import Sandbox

SCRIPT = Path(__file__).with_name("ccxt_client_advanced.py")
INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"
SEED = 11

Seen = dict[str, Any]


@pytest.fixture(scope="module", params=["curve P-256", "Ed25519"])
def visit(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Seen]]:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    ring = key_ring_of(VENUE, SEED)
    key = ring.ed25519 if request.param == "Ed25519" else ring.credentials
    with Sandbox(venue=VENUE, fills=300, seed=SEED) as sandbox:
        ready = json.dumps(json.loads(sandbox.ready_line()) | {"key": key.key, "secret": key.secret})
        ran = subprocess.run([python, str(SCRIPT)], input=ready, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stderr
        yield sandbox, json.loads(ran.stdout)


@pytest.fixture
def account(visit: tuple[Sandbox, Seen]) -> SandboxAccount:
    return visit[0].account


@pytest.fixture
def seen(visit: tuple[Sandbox, Seen]) -> Seen:
    return visit[1]


def test_it_reads_the_same_balances(account: SandboxAccount, seen: Seen) -> None:
    found = {asset: Decimal(text) for asset, text in seen["balances"].items()}
    assert found == {str(asset): account.balance(asset) for asset in (*account.assets, AssetCode("DAI"))}


def test_it_sees_the_listed_markets_and_their_twins(account: SandboxAccount, seen: Seen) -> None:
    listed = [product for product in account.products if product.delisted_at is None]
    assert seen["markets"] == sorted([product.name for product in listed] + [f"{one.base}-USDC" for one in listed if has_twin(one)])


def test_it_pages_through_the_same_fills(account: SandboxAccount, seen: Seen) -> None:
    ids = Identities(account.seed)
    found = sorted(
        (row["entry"], row["id"], row["order"], row["symbol"], row["side"], Decimal(row["price"]), Decimal(row["amount"]),
         Decimal(row["fee"]), row["takerOrMaker"], row["timestamp"])
        for row in seen["fills"]
    )  # fmt: skip
    expected = sorted(
        (ids.entry(fill), ids.trade(fill), fill.order_id, product_id_of(fill).replace("-", "/"), fill.side.value, fill.price, fill.size,
         fill.fee, "maker" if fill.is_maker else "taker", microseconds_of(fill.occurred_at) // 1000)
        for fill in account.fills
    )  # fmt: skip
    assert found == expected


def test_it_pages_through_the_same_history_of_wallets(account: SandboxAccount, seen: Seen) -> None:
    ids = Identities(account.seed)
    found = sorted((row["asset"], row["id"], Decimal(row["amount"]) * (1 if row["direction"] == "in" else -1)) for row in seen["ledger"])
    mirrors = [
        (str(asset), ids.uuid("mirror", fill.product, str(fill.trade_id), fill.side.value, asset), moved_by(fill, asset))
        for fill in account.fills
        for asset in {fill.base, fill.money}
    ]
    moves = [(str(one.asset), one.transfer_id, one.amount * (1 if one.kind.value == "deposit" else -1)) for one in account.transfers]
    assert found == sorted(mirrors + moves)


def test_it_is_told_the_clock_and_the_fees(seen: Seen) -> None:
    assert instant_of(seen["time"] * 1000).year >= 2025
    assert (len(seen["fees"]), set(seen["fees"])) == (len(seen["markets"]), {"0.0005"})


def test_it_sees_the_orders_that_are_done_and_none_that_is_open(account: SandboxAccount, seen: Seen) -> None:
    assert seen["open"] == []
    assert sorted(seen["orders"]) == sorted(one.order_id for one in account.orders if (one.product, one.money) == ("BTC-USD", "USD"))


def test_it_sees_what_came_from_a_bank_and_what_went_there(account: SandboxAccount, seen: Seen) -> None:
    wires = [one for one in account.transfers if one.network == "wire"]
    expected = [(one.transfer_id, one.kind.value, "canceled" if one.canceled_at else "ok") for one in wires]
    assert sorted((row["id"], row["type"], row["status"]) for row in seen["bank"]) == sorted(expected)


def test_it_reads_candles_that_agree_with_the_prices(account: SandboxAccount, seen: Seen) -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    assert len(seen["candles"]) > 45
    for at, _open, _high, _low, close, _volume in seen["candles"]:
        assert Decimal(str(close)) == account.prices.price(bitcoin, minute_of(instant_of(at * 1000)))


def test_it_kept_every_rule(visit: tuple[Sandbox, Seen]) -> None:
    assert visit[0].violations == []
