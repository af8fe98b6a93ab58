"""The connector against the whole sandbox exchange: every row arrives, whatever goes wrong, and the venue has nothing to complain of."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from ledger.connectors.binance.connector import Binance
from ledger.domain.event import BalanceSnapshot, Event, Fill, Transfer
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.server import Sandbox

from .conftest import Kept

Serve = Callable[..., Sandbox]
Connect = Callable[..., Binance]


def fill_rows(events: list[Event]) -> list[tuple[object, ...]]:
    return sorted(
        (
            fill.source_id,
            fill.base.asset,
            fill.quote.asset,
            fill.side,
            fill.base.quantity,
            fill.quote.quantity,
            fill.fee.quantity if fill.fee else Decimal(0),
            fill.occurred_at,
        )
        for fill in events
        if isinstance(fill, Fill)
    )


def true_fill_rows(account: SandboxAccount) -> list[tuple[object, ...]]:
    return sorted(
        (str(fill.trade_id), fill.base, fill.money, fill.side, fill.size, fill.money_amount, fill.fee, fill.occurred_at)
        for fill in account.fills
    )


def assert_complete(kept: Kept, account: SandboxAccount) -> None:
    events = list(kept.events.values())
    assert kept.findings == {}
    assert fill_rows(events) == true_fill_rows(account)
    moved = {(one.transfer_id, one.kind.value, one.asset, one.amount, one.fee) for one in account.transfers if one.moved_at is not None}
    assert {told_transfer(event) for event in events if isinstance(event, Transfer)} == moved
    balances = {event.balance.asset: event.balance.quantity for event in events if isinstance(event, BalanceSnapshot)}
    assert {asset: balances[asset] for asset in account.assets} == {asset: account.balance(asset) for asset in account.assets}


def told_transfer(event: Transfer) -> tuple[object, ...]:
    fee = event.fee.quantity if event.fee else Decimal(0)
    kind = "withdrawal" if event.to_account is None else "deposit"
    return str(event.source_id), kind, event.amount.asset, event.amount.quantity + fee, fee


def test_a_quiet_venue_is_read_whole_and_never_above_its_rate(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=3), Kept()
    connector = connect(sandbox)
    kept.pull_all(connector)
    assert connector.call_count().retries == 0
    assert connector.call_count().requests == len(sandbox.calls)
    assert sandbox.violations == []
    assert_complete(kept, sandbox.account)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_goes_wrong_the_same_rows_arrive(seed: int, serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=seed, faults="all"), Kept()
    kept.pull_all(connect(sandbox), pages_max=1)  # as if killed after the first page of every stream
    for _ in range(2):  # what came late is there at the second pull
        kept.pull_all(connect(sandbox))
    assert sandbox.fault_counts()
    assert sandbox.violations == []
    assert_complete(kept, sandbox.account)
