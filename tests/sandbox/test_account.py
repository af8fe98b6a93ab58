"""The seeded account: what must hold for every seed, and what every history must contain."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.errors import InputError
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.history.market import LTC_DELISTED_AT, minute_of
from ledger.sandbox.history.market import PRODUCT_BY_NAME as PRODUCTS
from ledger.sandbox.history.rows import LedgerKind, SandboxFill, TransferKind
from ledger.sandbox.truth import gains, rows

histories = st.builds(seeded_account, st.integers(0, 10**6), st.integers(40, 250))


@settings(max_examples=25, deadline=None)
@given(histories)
def test_no_balance_is_ever_negative_and_every_change_is_a_ledger_row(account: SandboxAccount) -> None:
    for asset, ledger in account.ledger.items():
        balance = Decimal(0)
        for row in ledger:
            balance += row.amount
            assert row.asset == asset
            assert row.balance == balance >= 0


@settings(max_examples=25, deadline=None)
@given(histories)
def test_fills_and_transfers_explain_every_balance(account: SandboxAccount) -> None:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in account.fills:
        sign = 1 if fill.side is Side.BUY else -1
        found[fill.base] += sign * fill.size
        found[fill.money] -= sign * fill.size * fill.price + fill.fee
    for transfer in account.transfers:
        if transfer.canceled_at is None:
            found[transfer.asset] += transfer.amount if transfer.kind is TransferKind.DEPOSIT else -transfer.amount
    assert dict(found) == {asset: account.balance(asset) for asset in account.assets}


@settings(max_examples=15, deadline=None)
@given(histories)
def test_time_and_ids_rise(account: SandboxAccount) -> None:
    times = [fill.occurred_at for fill in account.fills]
    assert times == sorted(times)
    for product in PRODUCTS:
        ids = [fill.trade_id for fill in account.fills_of(product)]
        assert ids == sorted(ids)
    ledger = sorted((row.row_id, row.occurred_at) for found in account.ledger.values() for row in found)
    assert len({row_id for row_id, _ in ledger}) == len(ledger)
    assert [at for _, at in ledger] == sorted(at for _, at in ledger)


@pytest.mark.parametrize("fills", [40, 41, 137, 400])
def test_the_number_of_fills_is_exact(fills: int) -> None:
    assert len(seeded_account(3, fills).fills) == fills


def test_too_few_fills_are_refused() -> None:
    with pytest.raises(InputError, match="at least 40 fills, 39 were asked for"):
        seeded_account(1, 39)


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    script = (
        "import json, sys; from ledger.sandbox import account, truth; a = account.seeded_account(5, 60);"
        "json.dump([*truth.rows(a), *truth.gains(a)], sys.stdout)"
    )
    ran = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": "77"}, capture_output=True, check=True)
    account = seeded_account(5, 60)
    here = json.dumps([*rows(account), *gains(account)]).encode()
    assert hashlib.sha256(ran.stdout).hexdigest() == hashlib.sha256(here).hexdigest()


def test_another_seed_gives_another_history() -> None:
    assert [fill.price for fill in seeded_account(1, 40).fills] != [fill.price for fill in seeded_account(2, 40).fills]


def _same_instant_in_one_order(fills: tuple[SandboxFill, ...]) -> bool:
    return max(Counter((fill.order_id, fill.occurred_at) for fill in fills).values()) > 1


def _self_trade(fills: tuple[SandboxFill, ...]) -> bool:
    pairs = [key for key, count in Counter((fill.product, fill.trade_id) for fill in fills).items() if count > 1]
    both = [{fill.side for fill in fills if (fill.product, fill.trade_id) == pair} for pair in pairs]
    return both == [{Side.BUY, Side.SELL}]


def _twins(fills: tuple[SandboxFill, ...]) -> bool:
    return max(Counter((f.order_id, f.size, f.price, f.fee, f.occurred_at) for f in fills).values()) > 1


CASES: dict[str, Callable[[tuple[SandboxFill, ...]], bool]] = {
    "rebates": lambda fills: any(fill.fee < 0 for fill in fills),
    "free fills": lambda fills: any(fill.fee == 0 for fill in fills),
    "makers and takers": lambda fills: {fill.is_maker for fill in fills} == {True, False},
    "two bots": lambda fills: {fill.bot for fill in fills} == {"grid-1", "dca-eth"},
    "swaps both ways": lambda fills: {fill.side for fill in fills if fill.product == "ETH-BTC"} == {Side.BUY, Side.SELL},
    "orders funded by another asset": lambda fills: sum(f.money == "USDC" and f.product == "BTC-USD" for f in fills) == 4,
    "partial fills at one microsecond": _same_instant_in_one_order,
    "one self-trade": _self_trade,
    "twins but for the id": _twins,
    "a delisted product": lambda fills: max(f.occurred_at for f in fills if f.product == "LTC-USD") < LTC_DELISTED_AT,
    "eight decimals": lambda fills: any(fill.size.normalize().as_tuple().exponent == -8 for fill in fills),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_history_holds(case: str, seed: int) -> None:
    assert CASES[case](seeded_account(seed, 300).fills)


def test_each_bot_names_its_own_orders(account: SandboxAccount) -> None:
    for order in account.orders:
        assert order.client_order_id.startswith(f"{order.bot}-")
    assert len({order.client_order_id for order in account.orders}) == len(account.orders)


def test_an_order_is_the_sum_of_its_fills(account: SandboxAccount) -> None:
    for order in account.orders:
        fills = [fill for fill in account.fills if fill.order_id == order.order_id]
        assert order.size == sum(fill.size for fill in fills)
        assert order.executed_value == sum(fill.money_amount for fill in fills)
        assert order.fees == sum(fill.fee for fill in fills)


def test_a_canceled_withdrawal_moves_nothing(account: SandboxAccount) -> None:
    canceled = [transfer for transfer in account.transfers if transfer.canceled_at is not None]
    moved = {row.transfer_id for ledger in account.ledger.values() for row in ledger}
    assert [(transfer.kind, transfer.completed_at, transfer.moved_at) for transfer in canceled] == [(TransferKind.WITHDRAWAL, None, None)]
    assert canceled[0].transfer_id not in moved


def test_a_withdrawal_takes_its_network_fee_out_of_its_amount(account: SandboxAccount) -> None:
    withdrawal = next(transfer for transfer in account.transfers if transfer.asset == "BTC")
    row = next(row for row in account.ledger[withdrawal.asset] if row.transfer_id == withdrawal.transfer_id)
    assert withdrawal.fee == Decimal("0.00008")
    assert row.amount == -withdrawal.amount
    assert row.occurred_at == withdrawal.created_at


def test_a_rebate_is_a_positive_row_of_its_own_kind(account: SandboxAccount) -> None:
    by_kind = {row.kind: row for row in account.ledger[account.fills[0].money]}
    assert by_kind[LedgerKind.REBATE].amount > 0 > by_kind[LedgerKind.FEE].amount


def test_a_free_fill_has_no_fee_row(account: SandboxAccount) -> None:
    free = {(fill.product, fill.trade_id) for fill in account.fills if not fill.fee}
    charged = {
        (row.product, row.trade_id)
        for ledger in account.ledger.values()
        for row in ledger
        if row.kind in {LedgerKind.FEE, LedgerKind.REBATE}
    }
    assert free
    assert not free & charged


def test_fills_are_made_near_the_market(account: SandboxAccount) -> None:
    for fill in account.fills:
        market = account.prices.price(PRODUCTS[fill.product], minute_of(fill.occurred_at))
        assert abs(fill.price - market) <= market * Decimal("0.03")
