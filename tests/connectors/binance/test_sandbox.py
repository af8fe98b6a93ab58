"""The connector against the whole sandbox exchange: every row arrives, whatever goes wrong, and the venue has nothing to complain of."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.connectors.binance.connector import Binance
from ledger.domain.event import BalanceSnapshot, Event, Fill, Transfer
from ledger.domain.finding import Severity
from ledger.domain.secrets import Secrets
from ledger.ports import StreamKey
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.binance.key import ed25519_credentials_of
from ledger.sandbox.server import Sandbox

from .conftest import WALL, Kept

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


def test_an_ed25519_key_logs_in_too(serve: Serve, connect: Connect) -> None:
    sandbox = serve(seed=2, fills=60)
    pair = ed25519_credentials_of("binance", 2)
    report = connect(sandbox, secrets=Secrets(key=pair.key, secret=pair.secret)).check_key()
    assert (report.may_read, report.may_trade, report.may_withdraw, report.notes) == (True, False, False, ())
    assert sandbox.violations == []


@pytest.mark.parametrize(
    ("fault", "trade", "withdraw", "note"),
    [("key-can-withdraw", False, True, ""), ("key-expires-soon", True, False, "the key's right to trade ends at 2025-12-04 00:00 UTC")],
)
def test_the_rights_of_a_key_are_told(fault: str, trade: bool, withdraw: bool, note: str, serve: Serve, connect: Connect) -> None:  # noqa: FBT001 - a table of cases
    report = connect(serve(seed=2, fills=60, faults=fault)).check_key()
    assert (report.may_trade, report.may_withdraw) == (trade, withdraw)
    assert note in (*report.notes, "")


def test_a_symbol_out_of_reach_is_remembered_with_a_warning_and_not_asked_for_again(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=3, fills=60, faults="delisted"), Kept()
    kept.pull_all(connect(sandbox, symbols=("LTC/USD",)))
    assert [(one.code, one.severity) for one in kept.findings.values()] == [("symbol-unreachable", Severity.WARNING)]
    assert kept.cursors[StreamKey(stream="fills", symbol="LTCUSD")] == {"unknown": 1}
    asked = len(sandbox.calls)
    kept.pull(connect(sandbox, symbols=("LTC/USD",)), StreamKey(stream="fills", symbol="LTCUSD"))
    assert all("myTrades" not in call.target for call in sandbox.calls[asked:])


def test_rows_that_are_wrong_for_good_are_findings_and_the_others_are_kept(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=5, faults="null-field,unknown-ledger-type"), Kept()
    kept.pull_all(connect(sandbox))
    assert {finding.code for finding in kept.findings.values()} == {"unreadable-row", "unknown-row"}
    fills = [event for event in kept.events.values() if isinstance(event, Fill)]
    assert 0 < len(fills) < 400
    assert set(fill_rows(list(fills))) < set(true_fill_rows(sandbox.account))


@pytest.mark.parametrize("spelling", ["exponents", "json-numbers"])
def test_numbers_in_any_spelling_keep_every_digit(spelling: str, serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=5, fills=80, faults=spelling), Kept()
    kept.pull_all(connect(sandbox))
    assert_complete(kept, sandbox.account)


def test_ids_beyond_what_a_double_holds_are_walked(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=5, fills=80, faults="huge-ids"), Kept()
    kept.pull_all(connect(sandbox))
    ids = sorted(int(event.source_id) - 2**53 for event in kept.events.values() if isinstance(event, Fill))
    assert ids == sorted(fill.trade_id for fill in sandbox.account.fills)


def test_rows_beyond_the_venues_horizon_are_missed_by_the_balances(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=5, fills=80, faults="past-horizon"), Kept()
    kept.pull_all(connect(sandbox))
    fills = [event for event in kept.events.values() if isinstance(event, Fill)]
    assert len(fills) < 80
    assert kept.findings == {}


def test_every_window_is_remembered_as_coverage(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=5, fills=60), Kept()
    kept.pull_all(connect(sandbox))
    since = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
    for stream in ("deposits", "withdrawals", "conversions", "dividends", "rewards"):
        cursor = kept.cursors[StreamKey(stream=stream)]
        assert cursor["low"] == since
        assert int(str(cursor["high"])) >= int(WALL * 1000)


def test_the_list_of_moves_of_sub_accounts_is_refused_to_this_key_and_nothing_comes_of_it(serve: Serve, connect: Connect) -> None:
    sandbox, kept = serve(seed=5, fills=60), Kept()
    kept.pull_all(connect(sandbox))
    assert [call.status for call in sandbox.calls if "subUserHistory" in call.target] == [400, 400]
    assert (kept.findings, sandbox.violations) == ({}, [])
