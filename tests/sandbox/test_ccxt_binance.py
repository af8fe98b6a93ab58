"""A third-party client of Binance, unmodified but for its base address, sees the account as it is.

The client lives in an environment of its own, named by ``LOTWRIGHT_CCXT_PYTHON``; without it there is nothing to run, but
where everything must run (``CI=true``) its absence is a failure.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.event import Side
from ledger.sandbox.binance.rows import Identities
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import instant_of, microseconds_of
from ledger.sandbox.server import Sandbox

SCRIPT = Path(__file__).with_name("ccxt_binance_client.py")
INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"
SINCE = datetime(2025, 4, 1, tzinfo=UTC)  # withdrawals weigh so much that ten windows are a minute's allowance

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def visit() -> Iterator[tuple[Sandbox, Seen]]:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    with Sandbox(venue="binance", fills=300, seed=11) as sandbox:
        symbols = sorted({f"{fill.base}{fill.money}" for fill in sandbox.account.fills})
        ready = {**json.loads(sandbox.ready_line()), "symbols": symbols, "since": int(SINCE.timestamp() * 1000)}
        ran = subprocess.run([python, str(SCRIPT)], input=json.dumps(ready), capture_output=True, text=True, timeout=150, check=False)
        assert ran.returncode == 0, ran.stderr
        yield sandbox, json.loads(ran.stdout)


def test_it_sees_the_listed_markets_and_the_balances(visit: tuple[Sandbox, Seen]) -> None:
    account, seen = visit[0].account, visit[1]
    traded = {f"{fill.base}{fill.money}" for fill in account.fills}
    listed = {f"{one.base}{one.quote}" for one in account.products} | traded
    assert seen["markets"] == sorted(listed - {"LTCUSD"})
    assert {asset: Decimal(text) for asset, text in seen["balances"].items() if asset != "DAI"} == {
        str(asset): account.balance(asset) for asset in account.assets
    }


def test_it_pages_through_the_same_fills(visit: tuple[Sandbox, Seen]) -> None:
    found = sorted(
        (row["symbol"], int(row["id"]), row["isBuyer"], Decimal(row["price"]), Decimal(row["qty"]), Decimal(row["commission"]), row["time"])
        for row in visit[1]["fills"]
    )
    expected = sorted(
        (f"{fill.base}{fill.money}", fill.trade_id, fill.side is Side.BUY, fill.price, fill.size, fill.fee,
         microseconds_of(fill.occurred_at) // 1000)
        for fill in visit[0].account.fills
    )  # fmt: skip
    assert [(*row[:6], int(row[6])) for row in found] == expected


def test_its_own_paging_comes_to_the_same_fills(visit: tuple[Sandbox, Seen]) -> None:
    ids = {fill.trade_id for fill in visit[0].account.fills if (fill.base, fill.money) == ("BTC", "USD")}
    assert {int(one) for one in visit[1]["paged_ids"]} == ids


def test_it_sees_the_same_orders(visit: tuple[Sandbox, Seen]) -> None:
    account = visit[0].account
    ids = Identities(account.seed, tuple(order.order_id for order in account.orders))
    expected = [ids.order[one.order_id] for one in account.orders if (one.product, one.money) == ("BTC-USD", "USD")]
    assert sorted(map(int, visit[1]["orders"])) == sorted(expected)


def test_it_is_told_coins_clock_and_fees(visit: tuple[Sandbox, Seen]) -> None:
    account, seen = visit[0].account, visit[1]
    assert seen["status"] == "ok"
    assert seen["funding"] == []
    assert seen["time"] > SINCE.timestamp() * 1000
    assert seen["currencies"] == {asset: "fiat" if asset == "USD" else "crypto" for asset in (*account.assets, "DAI")}
    assert (len(seen["fees"]), set(seen["fees"].values())) == (len(seen["markets"]), {"0.001"})


def test_it_sees_the_same_transfers_of_coins(visit: tuple[Sandbox, Seen]) -> None:
    found = sorted((row["id"], row["type"], row["currency"], row["status"]) for row in visit[1]["transfers"])
    coins = [one for one in visit[0].account.transfers if one.network != "wire" and one.created_at >= SINCE]
    assert coins
    assert found == sorted((one.transfer_id, one.kind.value, one.asset, "canceled" if one.canceled_at else "ok") for one in coins)


def test_it_reads_candles_that_agree_with_the_prices(visit: tuple[Sandbox, Seen]) -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    assert len(visit[1]["candles"]) == 60
    traded = [row for row in visit[1]["candles"] if Decimal(str(row[5])) > 0]
    assert len(traded) > 45
    for at, _open, _high, _low, close, _volume in traded:
        assert Decimal(str(close)) == visit[0].account.prices.price(bitcoin, minute_of(instant_of(at * 1000)))


def test_it_kept_every_rule(visit: tuple[Sandbox, Seen]) -> None:
    assert visit[0].violations == []
