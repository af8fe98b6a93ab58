"""A third-party client's sockets, unmodified but for their addresses, log in and see the same fills; see `sandbox/test_ccxt`."""

import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.sandbox.binance.rows import Identities as BinanceIdentities
from ledger.sandbox.history.rows import SandboxFill, microseconds_of
from ledger.sandbox.kraken.names import Identities as KrakenIdentities
from ledger.sandbox.server import DIALECTS, Sandbox
from ledger.sandbox.streams import Rhythm

SCRIPT = Path(__file__).with_name("ccxt_pro_client.py")
INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"
TAIL = 30

BALANCES = {"binance", "kraken"}  # whose sockets tell them

Seen = dict[str, Any]


@pytest.fixture(scope="module", params=sorted(DIALECTS))
def visit(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Seen]]:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    with Sandbox(venue=request.param, fills=120, seed=11, rhythm=Rhythm(fills=TAIL, pause_seconds=0.02)) as sandbox:
        fills = sandbox.account.fills[-TAIL:]
        watches_trades = request.param != "coinbase-advanced"  # where orders are told, not fills
        ready = json.loads(sandbox.ready_line()) | {"trades": TAIL * watches_trades, "orders": len({fill.order_id for fill in fills})}
        ready["balances"] = {asset: float(total) for asset, total in moved_balances(sandbox).items()} if request.param in BALANCES else {}
        ran = subprocess.run([python, str(SCRIPT)], input=json.dumps(ready), capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stderr
        yield sandbox, json.loads(ran.stdout)


def newest(sandbox: Sandbox) -> tuple[SandboxFill, ...]:
    return sandbox.account.fills[-TAIL:]


def moved_balances(sandbox: Sandbox) -> dict[str, Decimal]:
    """Return the balances of what is moved while the client watches."""
    assets = {asset for fill in newest(sandbox) for asset in (fill.base, fill.money)}
    return {asset: sandbox.account.balance(asset) for asset in sorted(assets)}


def number(figure: object) -> Decimal:
    return Decimal(str(figure))


def trade_id_of(sandbox: Sandbox, fill: SandboxFill) -> str:
    return KrakenIdentities(sandbox.account.seed).trade(fill) if sandbox.venue == "kraken" else str(fill.trade_id)


def order_id_of(sandbox: Sandbox, order_id: str) -> str:
    if sandbox.venue == "kraken":
        return KrakenIdentities(sandbox.account.seed).order(order_id)
    if sandbox.venue == "binance":
        ids = BinanceIdentities(sandbox.account.seed, tuple(order.order_id for order in sandbox.account.orders))
        return str(ids.order[order_id])
    return order_id


def symbol_of(sandbox: Sandbox, fill: SandboxFill) -> str:
    return fill.product.replace("-", "/") if sandbox.venue == "coinbase-exchange" else f"{fill.base}/{fill.money}"


def test_it_watches_the_same_fills(visit: tuple[Sandbox, Seen]) -> None:
    sandbox, seen = visit
    if sandbox.venue == "coinbase-advanced":
        assert seen["trades"] == []
        return
    found = [
        (
            row["id"],
            row["order"],
            row["symbol"],
            row["side"],
            number(row["price"]),
            number(row["amount"]),
            row["timestamp"],
            row["takerOrMaker"],
        )
        for row in seen["trades"]
    ]
    expected = [
        (trade_id_of(sandbox, fill), order_id_of(sandbox, fill.order_id), symbol_of(sandbox, fill), fill.side.value, fill.price, fill.size,
         microseconds_of(fill.occurred_at) // 1000, "maker" if fill.is_maker else "taker")
        for fill in newest(sandbox)
    ]  # fmt: skip
    live = {row[0] for row in expected}
    assert sorted(row for row in found if row[0] in live) == sorted(expected)
    assert len(found) == TAIL or sandbox.venue == "kraken"  # which tells the fifty before them too


def test_it_watches_the_same_fees(visit: tuple[Sandbox, Seen]) -> None:
    sandbox, seen = visit
    fees = {(row["id"], row["order"]): number(row["fee"]["cost"]) for row in seen["trades"]}
    for fill in newest(sandbox) if seen["trades"] else ():
        told = fees[trade_id_of(sandbox, fill), order_id_of(sandbox, fill.order_id)]
        assert abs(told - fill.fee) <= Decimal("0.000005"), fill  # rounded by the venue, or reckoned from a rate by the client


def test_it_watches_the_same_orders(visit: tuple[Sandbox, Seen]) -> None:
    sandbox, seen = visit
    wanted = {fill.order_id for fill in newest(sandbox)}
    expected = {order_id_of(sandbox, one.order_id): (one.side.value, "closed") for one in sandbox.account.orders if one.order_id in wanted}
    found = {row["id"]: (row["side"], row["status"]) for row in seen["orders"]}
    assert found == expected


def test_it_watches_balances_become_those_of_the_account(visit: tuple[Sandbox, Seen]) -> None:
    sandbox, seen = visit
    wanted = {asset: float(total) for asset, total in moved_balances(sandbox).items()} if sandbox.venue in BALANCES else {}
    assert wanted.items() <= seen["balances"].items()
    assert bool(seen["balances"]) is (sandbox.venue in BALANCES)


def test_it_kept_every_rule(visit: tuple[Sandbox, Seen]) -> None:
    sandbox, _ = visit
    assert sandbox.violations == []
    assert set(sandbox.connections) == {101}
