"""The connector against the whole sandbox exchange: every row arrives, whatever goes wrong, and the venue has nothing to complain of."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.domain.errors import KeyRefused, TransientError
from ledger.domain.event import BalanceSnapshot, Event, Fill, SourceRank, Transfer
from ledger.ports import PullWindow
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.history.rows import SandboxFill
from ledger.sandbox.kraken.names import Identities

from .conftest import Bench, Kept, bench

Row = tuple[object, ...]


def fill_rows(events: Iterable[Event]) -> list[Row]:
    return sorted(
        (
            fill.source_id,
            fill.received.asset,
            fill.received.quantity,
            fill.given.asset,
            fill.given.quantity,
            fill.fee.quantity if fill.fee else Decimal(0),
            fill.occurred_at,
            fill.sequence,
            fill.client_order_id,
        )
        for fill in events
        if isinstance(fill, Fill)
    )


def true_row(fill: SandboxFill, ids: Identities) -> Row:
    received, given = (fill.base, fill.size), (fill.money, fill.money_amount)
    legs = (*received, *given) if fill.side == "buy" else (*given, *received)
    return (ids.trade(fill), *legs, fill.fee, fill.occurred_at, fill.trade_id, fill.client_order_id)


def true_fill_rows(account: SandboxAccount) -> list[Row]:
    ids = Identities(account.seed)
    return sorted(true_row(fill, ids) for fill in account.fills)


def assert_complete(kept: Kept, account: SandboxAccount) -> None:
    events, ids = list(kept.events.values()), Identities(account.seed)
    assert kept.findings == []
    assert fill_rows(events) == true_fill_rows(account)
    assert all(event.rank is SourceRank.VENUE and not event.provisional for event in events)
    moved = {ids.transfer(one.transfer_id): (one.moved_at, one.chain_hash or None) for one in account.transfers if one.moved_at}
    assert {event.source_id: (event.occurred_at, event.chain_hash) for event in events if isinstance(event, Transfer)} == moved
    assert len(kept.lines) == 2 * len(account.fills) + len(moved)
    for line in kept.lines.values():
        assert any(event_id in kept.events for event_id in line.event_ids), line
    balances = {event.balance.asset: event.balance.quantity for event in events if isinstance(event, BalanceSnapshot)}
    assert balances == {asset: account.balance(asset) for asset in account.assets}
    assert all(set(cursor) <= {"high", "since"} for cursor in kept.cursors.values())


def synced(at: Bench, kept: Kept, **options: int) -> None:
    with at.connected() as connector:
        kept.pull(connector, **options)


def test_a_quiet_venue_is_read_whole_and_never_above_its_rate() -> None:
    with bench(seed=3) as at:
        kept = Kept()
        with at.connected() as connector:
            kept.pull(connector)
            assert connector.call_count().retries == 0
            assert connector.call_count().requests == len(at.sandbox.calls)
        assert_complete(kept, at.sandbox.account)
        assert at.sandbox.violations == []


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_goes_wrong_the_same_rows_arrive(seed: int, tmp_path: Path) -> None:
    with bench(seed=seed, fills=150, faults="all") as at:
        kept = Kept()
        for pages_max in (1, 2, None, None):  # as if killed after some pages of every stream; what came late is there at the end
            with at.connected(folder=tmp_path) as connector:
                kept.pull(connector, pages_max=pages_max)
        assert at.sandbox.fault_counts()
        assert_complete(kept, at.sandbox.account)
        assert at.sandbox.violations == []
