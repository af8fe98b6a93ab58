"""The end of the history as a socket lives through it: nothing is lost or doubled, and balances end where the account does."""

import json
from decimal import Decimal
from itertools import pairwise

import pytest

from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.coinbase_exchange.dialect import CoinbaseExchange
from ledger.sandbox.streams import Rhythm
from ledger.sandbox.tail import Filled, Moved, Opened, Tail, moves_of, tail_of

from .conftest import NOON


@pytest.fixture(scope="module")
def account() -> SandboxAccount:
    return seeded_account(5, 150)


SIZES = [0, 1, 24, 149, 150, 1000]


def tail(account: SandboxAccount, fills: int) -> Tail:
    return tail_of(account, fills=fills, earlier=50, pause_seconds=0.1)


@pytest.mark.parametrize("fills", SIZES)
def test_balances_before_and_all_changes_make_the_balances_of_the_account(account: SandboxAccount, fills: int) -> None:
    found = tail(account, fills)
    balances = dict(found.balances)
    for step in found.steps:
        for asset, amount in moves_of(step.happening):
            balances[asset] += amount
            assert balances[asset] == step.balances[asset] >= 0
    assert balances == {asset: account.balance(asset) for asset in account.assets}


@pytest.mark.parametrize("fills", SIZES)
def test_fills_before_and_to_come_are_those_of_the_account(account: SandboxAccount, fills: int) -> None:
    found = tail(account, fills)
    coming = [step.happening.fill for step in found.steps if isinstance(step.happening, Filled)]
    before = [one.fill for one in found.earlier]
    assert coming == list(account.fills[len(account.fills) - len(coming) :])
    assert len(coming) == min(fills, len(account.fills))
    assert [*before, *coming] == list(account.fills[-len(before) - len(coming) :] if before or coming else [])
    assert len(before) == min(50, len(account.fills) - len(coming))


@pytest.mark.parametrize("fills", SIZES[2:])
def test_things_happen_in_order_of_time_and_an_order_opens_before_its_first_fill(account: SandboxAccount, fills: int) -> None:
    found = tail(account, fills)
    assert all(earlier.after_seconds <= later.after_seconds for earlier, later in pairwise(found.steps))
    times = [
        step.happening.fill.occurred_at if isinstance(step.happening, Filled) else step.happening.transfer.moved_at
        for step in found.steps
        if not isinstance(step.happening, Opened)
    ]
    assert times == sorted(times)
    opened: set[str] = {one.fill.order_id for one in found.open}
    for step in found.steps:
        match step.happening:
            case Opened(order=order):
                assert order.order_id not in opened
                opened.add(order.order_id)
            case Filled(fill=fill):
                assert fill.order_id in opened
            case Moved():
                pass


def test_an_order_is_done_with_what_the_calls_tell_of_it(account: SandboxAccount) -> None:
    last = [step.happening for step in tail(account, 150).steps if isinstance(step.happening, Filled) and step.happening.is_last]
    assert {one.order.order_id for one in last} == {order.order_id for order in account.orders}
    assert all((one.value, one.fees) == (one.order.executed_value, one.order.fees) for one in last)


def test_the_same_seed_keeps_the_same_pace(account: SandboxAccount) -> None:
    assert tail(account, 24) == tail(seeded_account(5, 150), 24)
    pauses = [later.after_seconds - earlier.after_seconds for earlier, later in pairwise(tail(account, 150).steps)]
    assert all(0 <= pause <= 0.2 for pause in pauses)
    assert 0.05 < sum(pauses) / len(pauses) < 0.15


def test_a_trade_with_oneself_is_told_to_both_sides_and_once_to_the_public() -> None:
    account = seeded_account(1, 400)
    trades = [(fill.product, fill.trade_id) for fill in account.fills]
    twice = next(trade for trade in trades if trades.count(trade) == 2)
    side = CoinbaseExchange(account).socket_side(Rhythm(fills=400))
    request = {"type": "subscribe", "product_ids": [twice[0]], "channels": ["matches"]}
    public = side.session().hear(json.dumps(request), now=NOON, drawn=tuple).later
    matches = [json.loads(due.message(NOON)) for due in public]
    found = [one for one in matches if one["trade_id"] == twice[1]]
    mine = {fill.order_id: fill for fill in account.fills if (fill.product, fill.trade_id) == twice}
    assert len(found) == 1
    assert {found[0]["maker_order_id"], found[0]["taker_order_id"]} == set(mine)
    assert mine[found[0]["maker_order_id"]].is_maker
    assert Decimal(found[0]["size"]) == mine[found[0]["maker_order_id"]].size
