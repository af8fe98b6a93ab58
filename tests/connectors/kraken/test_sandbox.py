"""The connector against the whole sandbox exchange: every row arrives, whatever goes wrong, and the venue has nothing to complain of."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, KeyRefused
from ledger.domain.event import BalanceSnapshot, Event, Fill, Transfer
from ledger.ports import PullWindow, StreamKey
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import SandboxFill
from ledger.sandbox.kraken.names import Identities

from .conftest import START, Bench, Kept, bench

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
    booked = {event_id for line in kept.lines.values() for event_id in line.event_ids}
    assert {event.event_id for event in events if not isinstance(event, BalanceSnapshot)} == booked  # the ledger told them all
    moved = {ids.transfer(one.transfer_id): (one.moved_at, one.chain_hash or None) for one in account.transfers if one.moved_at}
    assert {event.source_id: (event.occurred_at, event.chain_hash) for event in events if isinstance(event, Transfer)} == moved
    assert len(kept.lines) == 2 * len(account.fills) + len(moved)
    for line in kept.lines.values():
        assert any(event_id in kept.events for event_id in line.event_ids), line
    balances = {event.balance.asset: event.balance.quantity for event in events if isinstance(event, BalanceSnapshot)}
    assert balances == {asset: account.balance(asset) for asset in account.assets}
    assert all(set(cursor) <= {"high", "since", "assets"} for cursor in kept.cursors.values())


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


def test_a_killed_pull_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with bench(seed=4, fills=300) as at:
        kept, pulls = Kept(), 0
        while pulls < 40:
            with at.connected(folder=tmp_path) as connector:
                kept.pull(connector, pages_max=1)
            pulls += 1
            if kept.cursors and all("window_end" not in cursor for cursor in kept.cursors.values()) and pulls > 15:
                break
        synced(at, kept)
        assert_complete(kept, at.sandbox.account)


@pytest.mark.parametrize(
    "fault",
    [Fault.OFFSET_SHIFT, Fault.EMPTY_PAGE, Fault.SHORT_PAGE, Fault.DUPLICATE_ROW, Fault.EQUAL_TIMES_SHUFFLED, Fault.MISSING_RESULT],
)
@pytest.mark.parametrize("call", ["TradesHistory", "Ledgers"])
def test_one_bad_page_loses_nothing_and_doubles_nothing(fault: Fault, call: str) -> None:
    for place in (1, 2, 3):
        steps = [FaultStep(fault=fault, path=f"POST /0/private/{call}?end", times=1)] if place == 1 else []
        steps += [FaultStep(fault=fault, call=number) for number in range(place + 8, place + 20, 5)]
        with bench(seed=2, fills=150, faults=FaultPlan(steps=steps)) as at:
            kept = Kept()
            synced(at, kept)
            assert at.sandbox.fault_counts()[fault] > 0
            assert_complete(kept, at.sandbox.account)


def test_a_row_that_comes_late_shifts_the_offsets_and_the_window_is_walked_anew() -> None:
    steps = [FaultStep(fault=Fault.NEW_FILL, path="POST /0/private/Trades")]
    with bench(seed=2, fills=150, faults=FaultPlan(steps=steps)) as at:
        kept = Kept()
        synced(at, kept)
        assert at.sandbox.fault_counts()[Fault.NEW_FILL] == 1
        assert_complete(kept, at.sandbox.account)
        begun = [page.request for page in kept.payloads if page.stream == "trades" and page.request.endswith("ofs=0")]
        assert len(begun) == 2


def test_a_count_that_is_never_reached_is_a_finding_and_no_endless_walk() -> None:
    with bench(seed=2, faults="count-too-high") as at:
        kept = Kept()
        synced(at, kept)
        assert {finding.code for finding in kept.findings} == {"history-short"}
        assert fill_rows(kept.events.values()) == true_fill_rows(at.sandbox.account)


@pytest.mark.parametrize("fault", ["exponents", "json-numbers"])
def test_figures_in_any_spelling_are_the_same(fault: str) -> None:
    with bench(seed=2, faults=fault) as at:
        kept = Kept()
        synced(at, kept)
        assert_complete(kept, at.sandbox.account)


@pytest.mark.parametrize("fault", ["null-field", "missing-field", "empty-field", "unknown-ledger-type"])
def test_rows_that_are_wrong_for_good_are_findings_and_the_others_are_kept(fault: str) -> None:
    with bench(seed=5, faults=fault) as at:
        kept = Kept()
        synced(at, kept)
        assert {finding.code for finding in kept.findings} <= {"unreadable-row", "unsupported-exchange", "unknown-row"}
        assert kept.findings
        whole = [event for event in kept.events.values() if isinstance(event, Fill) and not event.provisional]
        assert 0 < len(whole) < len(at.sandbox.account.fills)
        amounts = {row[:7] for row in true_fill_rows(at.sandbox.account)}  # without what only a readable trade tells
        assert {row[:7] for row in fill_rows(whole)} < amounts


def test_since_limits_the_first_pull_and_an_earlier_since_goes_on_from_there() -> None:
    with bench(seed=3) as at:
        kept = Kept()
        for since in (datetime(2025, 3, 1, tzinfo=UTC), datetime(2024, 8, 1, tzinfo=UTC)):
            with at.connected() as connector:
                kept.pull(connector, window=PullWindow(since=since))
            fills = [event for event in kept.events.values() if isinstance(event, Fill)]
            wanted = [fill for fill in at.sandbox.account.fills if fill.occurred_at >= since]
            assert 0 < len(wanted) < len(at.sandbox.account.fills)
            assert {row[0] for row in fill_rows(fills)} == {Identities(3).trade(fill) for fill in wanted}
            assert len({line.line_id for line in kept.lines.values() if line.kind == "trade"}) == 2 * len(wanted)
        synced(at, kept)
        assert_complete(kept, at.sandbox.account)


def test_a_second_pull_asks_for_what_is_new_only() -> None:
    with bench(seed=3, fills=200) as at:
        kept = Kept()
        synced(at, kept)
        before = len(at.sandbox.calls)
        synced(at, kept)
        assert len(at.sandbox.calls) - before <= 8
        assert_complete(kept, at.sandbox.account)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.KEY_REVOKED, "EAPI:Invalid key"),
        (Fault.PERMISSION_LACKING, "EGeneral:Permission denied"),
        (Fault.IP_REFUSED, "Permission denied"),
    ],
)
def test_a_refused_key_stops_the_pull(fault: Fault, words: str) -> None:
    with bench(faults=FaultPlan(steps=[FaultStep(fault=fault, call=9)])) as at, at.connected() as connector:
        with pytest.raises(KeyRefused, match=words) as refused:
            Kept().pull(connector)
        assert at.sandbox.key not in str(refused.value)
        assert at.sandbox.secret not in str(refused.value)


def test_a_wrong_secret_is_told_and_not_shown() -> None:
    with bench() as at, at.connected(secret="d3Jvbmc=") as connector, pytest.raises(KeyRefused, match="EAPI:Invalid signature") as refused:
        connector.check_key()
    assert "d3Jvbmc" not in str(refused.value)


def test_a_nonce_that_somebody_else_was_ahead_of_is_tried_once_more_and_no_further() -> None:
    once = FaultPlan(steps=[FaultStep(fault=Fault.NONCE_USED, path="POST /0/private/Balance", times=1)])
    with bench(faults=once) as at, at.connected() as connector:
        connector.check_key()
    twice = FaultPlan(steps=[FaultStep(fault=Fault.NONCE_USED, path="POST /0/private/Balance", times=2)])
    with bench(faults=twice) as at, at.connected() as connector, pytest.raises(KeyRefused, match="another program uses this key"):
        connector.check_key()


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.RATE_LIMITED_RETRY_AFTER, Fault.THROTTLED, Fault.SERVICE_UNAVAILABLE])
def test_words_of_refusal_with_status_200_are_waited_out(fault: Fault) -> None:
    with bench(faults=FaultPlan(steps=[FaultStep(fault=fault, path="POST /0/private/Ledgers", times=2)])) as at:
        kept, before = Kept(), at.clock.seconds
        synced(at, kept)
        assert_complete(kept, at.sandbox.account)
        assert at.sandbox.violations == []
        assert at.clock.seconds > before + 2


@pytest.mark.parametrize(("tier", "seconds"), [("", 6.0), ("starter", 6.0), ("intermediate", 4.0), ("pro", 2.0)])
def test_a_long_history_goes_at_the_pace_of_the_tier(tier: str, seconds: float) -> None:
    with bench(fills=1200) as at, at.connected(tier=tier) as connector:
        kept = Kept()
        kept.pull(connector, only="ledger")
        times = [call.received_at for call in at.sandbox.calls if call.target.endswith("Ledgers")]
        paces = [later - earlier for earlier, later in pairwise(times[20:])]
        assert len(times) > 45
        assert all(seconds <= pace < seconds * 1.05 for pace in paces)


def test_half_the_share_takes_twice_the_time() -> None:
    with bench(fills=600) as at, at.connected(share=0.5) as connector:
        Kept().pull(connector, only="ledger")
        times = [call.received_at for call in at.sandbox.calls if call.target.endswith("Ledgers")]
        assert times[-1] - times[-2] == pytest.approx(4.0)


def test_the_rights_of_a_key_are_told() -> None:
    with bench() as at, at.connected() as connector:
        report = connector.check_key()
        assert (report.may_read, report.may_trade, report.may_withdraw) == (True, False, False)
        assert abs(report.clock_skew_seconds) <= 1
        assert "permissions: query-closed-trades, query-funds, query-ledger, query-open-trades" in report.notes
    with bench(faults="key-can-withdraw,key-window") as at, at.connected() as connector:
        report = connector.check_key()
        assert report.may_withdraw
        assert "no rows before 2025-01-01T00:00:00.000000Z" in report.notes


def test_prices_are_the_closes_of_the_minutes() -> None:
    since = datetime(2024, 5, 2, 9, tzinfo=UTC)
    until = since + timedelta(hours=11)
    with bench() as at, at.connected() as connector:
        source = connector.price_source()
        pages = list(source.quotes(AssetCode("BTC"), AssetCode("USD"), since=since, until=until))
        product = PRODUCT_BY_NAME["BTC-USD"]
        minutes = [since + timedelta(minutes=number) for number in range(11 * 60)]
        candles = {minute: at.sandbox.account.prices.candle(product, minute_of(minute)) for minute in minutes}
        found = {quote.observed_at: quote.price for page in pages for quote in page.quotes}
        assert len(pages) == 3
        assert found == {minute: candle.close for minute, candle in candles.items() if candle is not None}
        assert sum(len(page.quotes) for page in pages) == len(found)
        assert list(source.quotes(AssetCode("LTC"), AssetCode("USD"), since=since, until=until)) == []
        running = list(
            source.quotes(AssetCode("BTC"), AssetCode("USD"), since=START - timedelta(minutes=3), until=START + timedelta(hours=1))
        )
        assert max(quote.observed_at for page in running for quote in page.quotes) < START + timedelta(seconds=at.clock.seconds)


def test_an_unknown_stream_is_refused() -> None:
    with bench() as at, at.connected() as connector, pytest.raises(InputError, match="no stream 'fills'"):
        connector.pull(StreamKey(stream="fills"), cursor=None, window=PullWindow())
