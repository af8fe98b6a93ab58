"""Discovery, walks, prices and counts of the connector, over real sockets."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, TerminalError, TransientError
from ledger.ports import ConnectorFactory, CursorState, Page, PullWindow, StreamKey
from ledger.transport.pace import BudgetSpent, ManualClock

if TYPE_CHECKING:
    from conftest import Venue

ALL = PullWindow()
FILLS = StreamKey(stream="fills", symbol="ETH-USD")
LEDGER = StreamKey(stream="ledger", symbol="USD")
TRANSFERS = StreamKey(stream="transfers")
BALANCES = StreamKey(stream="balances")
BTC, USD = AssetCode("BTC"), AssetCode("USD")
Connect = Callable[..., CoinbaseExchange]


def account(currency: str, balance: str = "0.0000000000000000") -> dict[str, object]:
    return {"id": f"id-of-{currency}", "currency": currency, "balance": balance, "available": balance, "hold": "0"}


def product(name: str) -> dict[str, object]:
    base, quote = name.split("-")
    return {"id": name, "base_currency": base, "quote_currency": quote, "status": "online"}


def events_of(connector: CoinbaseExchange, pages: Iterable[Page]) -> set[tuple[str, bool]]:
    """Return source id and whether it is provisional of all events."""
    return {(event.source_id, event.provisional) for page in pages for event, _ in connector.interpret(page.payload).events}


def lines_of(connector: CoinbaseExchange, pages: Iterable[Page]) -> set[str]:
    return {line.line_id for page in pages for line in connector.interpret(page.payload).lines}


def test_the_connector_is_the_factory_of_its_entry_point() -> None:
    factory: ConnectorFactory = CoinbaseExchange
    assert factory.venue == "coinbase-exchange"


# --- discovery -----------------------------------------------------------------------------------------------------


def test_streams_are_ledgers_then_fills_then_transfers_then_balances(venue: "Venue", connect: Connect) -> None:
    venue.accounts = [account("USD"), account("BTC"), account("ETH")]
    venue.products = [product(name) for name in ("ETH-USD", "BTC-USD", "BTC-EUR", "ETH-BTC")]
    streams = connect().streams()
    assert [(stream.stream, stream.symbol) for stream in streams] == [
        ("ledger", "USD"),
        ("ledger", "BTC"),
        ("ledger", "ETH"),
        ("fills", "BTC-USD"),
        ("fills", "ETH-BTC"),
        ("fills", "ETH-USD"),
        ("transfers", ""),
        ("balances", ""),
    ]


def test_a_delisted_product_is_found_in_the_ledger_and_an_unused_account_leaves_the_list(
    venue: "Venue", connect: Connect, ledger_row: Callable
) -> None:
    venue.accounts = [account("USD"), account("REP"), account("ETH"), account("BTC", "1.0")]
    venue.products = [product("ETH-USD"), product("BTC-USD")]
    details = {"product_id": "REP-USD", "trade_id": "9"}
    venue.ledger = {f"id-of-{name}": [ledger_row(1, details=details)] for name in ("USD", "REP")}
    connector = connect()
    ledgers = [stream for stream in connector.streams() if stream.stream == "ledger"]
    cursors = {stream: [page.cursor for page in connector.pull(stream, cursor=None, window=ALL)][-1] for stream in ledgers}
    asked = len(venue.targets)
    assert [stream.symbol for stream in connector.streams() if stream.stream == "fills"] == ["BTC-USD", "REP-USD"]
    assert len(venue.targets) == asked

    later = connect()  # a new run knows the product from the cursor alone
    list(later.pull(ledgers[0], cursor=cursors[ledgers[0]], window=ALL))
    assert later.known_symbols == {"REP-USD"}


def test_symbols_that_the_caller_knows_are_streams(venue: "Venue", connect: Connect) -> None:
    venue.accounts = [account("USD")]
    connector = connect()
    connector.known_symbols.add("LTC-USD")
    assert StreamKey(stream="fills", symbol="LTC-USD") in connector.streams()


def test_a_list_of_accounts_that_cannot_be_read_stops_the_run(venue: "Venue", connect: Connect) -> None:
    venue.accounts = [account("USD"), {"id": "x"}]
    with pytest.raises(TransientError, match='the list of accounts or products cannot be read: "currency" is missing'):
        connect().streams()


def test_the_ledger_of_an_account_that_is_not_there_is_refused(venue: "Venue", connect: Connect) -> None:
    venue.accounts = [account("USD")]
    with pytest.raises(TerminalError, match="the profile of 'main' has no account of DOGE"):
        list(connect().pull(StreamKey(stream="ledger", symbol="DOGE"), cursor=None, window=ALL))


def test_a_stream_that_the_venue_does_not_have_is_refused(connect: Connect) -> None:
    with pytest.raises(InputError, match="coinbase-exchange has no stream 'orders'"):
        connect().pull(StreamKey(stream="orders"), cursor=None, window=ALL)


# --- fills ---------------------------------------------------------------------------------------------------------


def test_all_pages_of_fills_are_pulled_newest_first(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 9)]}
    connector = connect()
    pages = list(connector.pull(FILLS, cursor=None, window=ALL))
    assert events_of(connector, pages) == {(str(number), False) for number in range(1, 9)}
    assert (pages[0].rows, pages[0].first_id, pages[0].last_id) == (3, "8", "6")
    assert pages[0].to_at == datetime(2025, 6, 3, 14, 0, 8, 418273, tzinfo=UTC)
    assert pages[0].from_at == datetime(2025, 6, 3, 14, 0, 6, 418273, tzinfo=UTC)
    assert pages[0].payload.request == "GET /fills?product_id=ETH-USD&limit=1000"
    assert pages[-1].cursor == {"high": 8}
    assert (pages[-1].rows, pages[-1].first_id, pages[-1].from_at) == (0, None, None)


def test_a_second_pull_asks_for_newer_fills_with_the_known_one_as_proof(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 5)]}
    connector = connect()
    cursor = list(connector.pull(FILLS, cursor=None, window=ALL))[-1].cursor
    venue.fills["ETH-USD"] += [fill(number) for number in range(5, 11)]
    venue.targets.clear()
    pages = list(connector.pull(FILLS, cursor=cursor, window=ALL))
    assert {source for source, _ in events_of(connector, pages)} >= {str(number) for number in range(5, 11)}
    assert venue.targets[0] == "/fills?product_id=ETH-USD&before=3&limit=1000"
    assert "after=9" in venue.targets[1]
    assert pages[-1].cursor == {"high": 10}


def test_a_run_killed_after_any_page_goes_on_to_the_same_rows(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 12)]}
    connector = connect()
    pages = list(connector.pull(FILLS, cursor=None, window=ALL))
    whole = events_of(connector, pages)
    for kept in range(len(pages) + 1):
        cursor: CursorState | None = pages[kept - 1].cursor if kept else None
        rest = list(connector.pull(FILLS, cursor=cursor, window=ALL))
        assert events_of(connector, pages[:kept] + rest) == whole
        assert rest[-1].cursor == {"high": 11}


def test_fills_that_came_while_a_walk_lay_unfinished_are_walked_afterwards(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 12)]}
    connector = connect()
    first = next(connector.pull(FILLS, cursor=None, window=ALL))
    venue.fills["ETH-USD"] += [fill(number) for number in range(12, 20)]
    rest = list(connector.pull(FILLS, cursor=first.cursor, window=ALL))
    assert events_of(connector, [first, *rest]) == {(str(number), False) for number in range(1, 20)}


def test_unsettled_fills_are_read_again_until_they_are_settled(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number, settled=number != 4) for number in range(1, 12)]}
    connector = connect()
    pages = list(connector.pull(FILLS, cursor=None, window=ALL))
    assert ("4", True) in events_of(connector, pages)
    assert pages[-1].cursor == {"high": 11, "recheck": 4}
    venue.fills["ETH-USD"][3]["settled"] = True
    again = list(connector.pull(FILLS, cursor=pages[-1].cursor, window=ALL))
    assert ("4", False) in events_of(connector, again)
    assert again[-1].cursor == {"high": 11}


def test_both_sides_of_a_self_trade_survive_the_end_of_a_page(venue: "Venue", connect: Connect, fill: Callable) -> None:
    rows = [fill(1), fill(2), fill(3, side="buy"), fill(3, side="sell"), fill(4), fill(5)]
    venue.fills = {"ETH-USD": rows}
    connector = connect()
    pages = list(connector.pull(FILLS, cursor=None, window=ALL))
    sides = {(event.source_id, event.side) for page in pages for event, _ in connector.interpret(page.payload).events}
    assert {(source, side.value) for source, side in sides if source == "3"} == {("3", "buy"), ("3", "sell")}


def test_since_ends_the_first_walk_and_no_since_fetches_the_rest_later(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 31)]}
    connector = connect()
    since = datetime(2025, 6, 3, 14, 0, 20, tzinfo=UTC)
    pages = list(connector.pull(FILLS, cursor=None, window=PullWindow(since=since)))
    assert 14 <= min(int(source) for source, _ in events_of(connector, pages)) < 20  # to the first page that lies whole below
    rest = list(connector.pull(FILLS, cursor=pages[-1].cursor, window=ALL))
    assert events_of(connector, [*pages, *rest]) == {(str(number), False) for number in range(1, 31)}
    assert rest[-1].cursor == {"high": 30}


def test_a_lost_cursor_header_on_a_full_page_does_not_end_the_history(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.page = 100
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 151)]}

    def headless(server: "Venue") -> tuple[int, bytes, dict[str, str]]:
        server.faults = {}
        status, body, _ = server.answer(server.targets.pop(), server.headers_seen.pop())
        return status, body, {}

    venue.faults = {1: headless}
    connector = connect()
    assert len(events_of(connector, connector.pull(FILLS, cursor=None, window=ALL))) == 150


def test_a_cursor_header_of_another_page_is_not_followed(venue: "Venue", connect: Connect, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 12)]}
    rows = [fill(number) for number in (8, 7, 6)]
    venue.faults = {2: lambda _: (200, json.dumps(rows).encode(), {"CB-AFTER": "10"})}
    connector = connect()
    first, second = islice(connector.pull(FILLS, cursor=None, window=ALL), 2)
    assert second.cursor["walk_after"] == "6"
    rest = list(connector.pull(FILLS, cursor=second.cursor, window=ALL))
    assert events_of(connector, [first, second, *rest]) == {(str(number), False) for number in range(1, 12)}


FAULTS = {
    "empty-page": (200, b"[]", {}),
    "expired-cursor": (400, b'{"message":"cursor expired"}', {}),
    "rate": (429, b'{"message":"Private rate limit exceeded"}', {}),
    "rate-now": (429, b'{"message":"Private rate limit exceeded"}', {"Retry-After": "0"}),
    "outage": (503, b"<html></html>", {}),
    "html": (200, b"<html></html>", {}),
    "truncated": (200, b'[{"trade_id": 5, "prod', {}),
    "object": (200, b'{"message":"ok"}', {}),
}


@pytest.mark.parametrize("call", range(2, 6))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_walk_loses_nothing(venue: "Venue", connect: Connect, fill: Callable, fault: str, call: int) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 12)]}
    venue.faults = {call: lambda _: FAULTS[fault]}
    connector = connect()
    pages = list(connector.pull(FILLS, cursor=None, window=ALL))
    assert events_of(connector, pages) == {(str(number), False) for number in range(1, 12)}
    assert pages[-1].cursor == {"high": 11}


def test_a_product_without_fills_costs_one_call(venue: "Venue", connect: Connect) -> None:
    (page,) = connect().pull(FILLS, cursor=None, window=ALL)
    assert (page.rows, page.cursor, len(venue.targets)) == (0, {}, 1)


def test_a_refused_product_is_final_in_the_venues_words(venue: "Venue", connect: Connect) -> None:
    venue.faults = {1: lambda _: (400, b'{"message":"invalid product_id"}', {})}
    with pytest.raises(TerminalError, match=r"GET /fills\?product_id=ETH-USD&limit=1000: HTTP 400: invalid product_id"):
        list(connect().pull(FILLS, cursor=None, window=ALL))


# --- ledger, transfers, balances -----------------------------------------------------------------------------------


def test_the_ledger_is_walked_like_the_fills_and_knows_its_asset(venue: "Venue", connect: Connect, ledger_row: Callable) -> None:
    venue.accounts = [account("USD", "5")]
    venue.ledger = {"id-of-USD": [ledger_row(number) for number in range(1, 9)]}
    connector = connect()
    pages = list(connector.pull(LEDGER, cursor=None, window=ALL))
    assert len(lines_of(connector, pages)) == 8
    assert pages[0].payload.context == (("asset", "USD"),)
    assert pages[0].payload.request == "GET /accounts/id-of-USD/ledger?limit=1000"
    assert pages[-1].cursor == {"high": 20331545800, "products": "ETH-USD"}
    venue.ledger["id-of-USD"].append(ledger_row(9))
    again = list(connector.pull(LEDGER, cursor=pages[-1].cursor, window=ALL))
    assert lines_of(connector, again) == {"20331545800", "20331545801"}


def test_an_empty_ledger_of_an_account_with_a_balance_is_not_believed_at_once(
    venue: "Venue", connect: Connect, ledger_row: Callable
) -> None:
    venue.accounts = [account("USD", "5")]
    venue.ledger = {"id-of-USD": [ledger_row(1)]}
    venue.faults = {3: lambda _: (200, b"[]", {})}  # after the accounts and products
    connector = connect()
    assert lines_of(connector, connector.pull(LEDGER, cursor=None, window=ALL)) == {"20331545793"}


def test_a_transfer_that_was_pending_is_found_when_it_completes(venue: "Venue", connect: Connect, transfer: Callable) -> None:
    venue.page = 2
    pending = transfer(3, completed_at=None)
    venue.transfers = [pending if number == 3 else transfer(number) for number in range(1, 29)]
    connector = connect()
    pages = list(connector.pull(TRANSFERS, cursor=None, window=ALL))
    assert len(events_of(connector, pages)) == 27
    pending["completed_at"] = "2025-05-29 09:00:00+00"
    again = list(connector.pull(TRANSFERS, cursor=pages[-1].cursor, window=ALL))
    assert (pending["id"], False) in events_of(connector, again)
    third = list(connector.pull(TRANSFERS, cursor=again[-1].cursor, window=ALL))
    assert len(events_of(connector, third)) == 6  # the newest days only, in case a row appears late, and a page that lies whole below
    assert third[-1].cursor == {"high": pages[-1].cursor["high"]}


def test_transfers_resume_after_any_page(venue: "Venue", connect: Connect, transfer: Callable) -> None:
    venue.transfers = [transfer(number) for number in range(1, 12)]
    connector = connect()
    pages = list(connector.pull(TRANSFERS, cursor=None, window=ALL))
    for kept in range(len(pages)):
        rest = list(connector.pull(TRANSFERS, cursor=pages[kept].cursor, window=ALL))
        assert len(events_of(connector, pages[: kept + 1] + rest)) == 11


def test_balances_are_one_page_and_a_cursor_of_nothing(venue: "Venue", connect: Connect, clock: ManualClock) -> None:
    venue.accounts = [account("USD", "10.5"), account("BTC")]
    connector = connect()
    (page,) = connector.pull(BALANCES, cursor=None, window=ALL)
    assert (page.rows, page.cursor, page.payload.fetched_at) == (2, {}, clock.now())
    assert len(connector.interpret(page.payload).events) == 2


# --- time and rate -------------------------------------------------------------------------------------------------


def test_the_budget_ends_a_pull_between_pages_and_the_next_run_goes_on(
    venue: "Venue", connect: Connect, clock: ManualClock, fill: Callable
) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 31)]}
    connector = connect(deadline=0.35)
    pages = connector.pull(FILLS, cursor=None, window=ALL)
    kept = list(islice(pages, 4))
    with pytest.raises(BudgetSpent):
        next(pages)
    assert clock.monotonic() < 0.35
    rest = list(connect().pull(FILLS, cursor=kept[-1].cursor, window=ALL))
    assert events_of(connector, [*kept, *rest]) == {(str(number), False) for number in range(1, 31)}


def test_fills_keep_to_their_own_lower_rate(venue: "Venue", connect: Connect, clock: ManualClock, fill: Callable) -> None:
    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 82)]}
    connector = connect()
    list(connector.pull(FILLS, cursor=None, window=ALL))
    spent = connector.call_count()
    assert spent.requests == len(venue.targets)
    assert spent.requests / clock.monotonic() == pytest.approx(10, rel=0.05)
    assert (spent.retries, spent.seconds_waited) == (0, pytest.approx(clock.monotonic()))
    assert spent.waits == spent.requests - 1


def test_a_retry_is_counted(venue: "Venue", connect: Connect) -> None:
    venue.faults = {1: lambda _: FAULTS["outage"]}
    connector = connect()
    list(connector.pull(FILLS, cursor=None, window=ALL))
    assert (connector.call_count().requests, connector.call_count().retries) == (2, 1)


def test_the_key_report_tells_skew_and_what_cannot_be_known(venue: "Venue", connect: Connect) -> None:
    venue.skew = timedelta(seconds=12)
    report = connect().check_key()
    assert report.clock_skew_seconds == pytest.approx(12, abs=0.01)
    assert (report.may_read, report.may_trade, report.may_withdraw) == (True, None, None)
    assert "View permission only" in report.notes[0]


def test_a_venue_without_a_readable_time_is_a_passing_fault(venue: "Venue", connect: Connect) -> None:
    venue.faults = {1: lambda _: (200, b'{"iso": "soon"}', {})}
    with pytest.raises(TransientError, match="answered no time"):
        connect().check_key()


# --- prices --------------------------------------------------------------------------------------------------------

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def minutes(first: datetime, count: int) -> list[list[float]]:
    start = int(first.timestamp())
    return [[start + 60 * number, 1, 3, 2, 100.5 + number, 7] for number in range(count)]


def test_candles_come_in_windows_of_300_minutes_without_gap_or_overlap(venue: "Venue", connect: Connect) -> None:
    venue.candles = {"BTC-USD": minutes(NOON, 700)}
    source = connect().price_source()
    pages = list(source.quotes(BTC, USD, since=NOON, until=NOON + timedelta(minutes=650)))
    observed = [quote.observed_at for page in pages for quote in page.quotes]
    assert [len(page.quotes) for page in pages] == [300, 300, 50]
    assert observed == [NOON + timedelta(minutes=number) for number in range(650)]
    assert source.name == "coinbase-exchange"
    assert pages[0].quotes[0].price == 100.5
    assert "granularity=60" in pages[0].payload.request


def test_quotes_keep_to_the_window_asked_for(venue: "Venue", connect: Connect) -> None:
    venue.candles = {"BTC-USD": minutes(NOON, 10)}
    since, until = NOON + timedelta(minutes=2, seconds=30), NOON + timedelta(minutes=5)
    (page,) = connect().price_source().quotes(BTC, USD, since=since, until=until)
    assert [quote.observed_at.minute for quote in page.quotes] == [3, 4]


def test_a_minute_that_still_runs_has_no_close(venue: "Venue", connect: Connect, clock: ManualClock) -> None:
    now = clock.now().replace(second=0) + timedelta(minutes=3)
    venue.candles = {"BTC-USD": minutes(now - timedelta(minutes=3), 4)}
    clock.seconds = 190.0  # ten seconds into the fourth candle
    (page,) = connect().price_source().quotes(BTC, USD, since=now - timedelta(minutes=3), until=now + timedelta(minutes=1))
    assert len(page.quotes) == 3


def test_a_product_that_is_not_there_has_no_price_and_that_is_no_error(connect: Connect) -> None:
    assert list(connect().price_source().quotes(BTC, AssetCode("XXX"), since=NOON, until=NOON + timedelta(hours=1))) == []


def test_a_silent_window_is_evidence_too(venue: "Venue", connect: Connect) -> None:
    venue.candles = {"BTC-USD": []}
    (page,) = connect().price_source().quotes(BTC, USD, since=NOON, until=NOON + timedelta(minutes=1))
    assert (page.quotes, page.payload.content) == ((), b"[]")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((503, b"<html></html>", {}), TransientError),
        ((200, b"[[1, 2]]", {}), TransientError),
        ((400, b'{"message":"no"}', {}), TerminalError),
    ],
)
def test_a_venue_that_does_not_answer_is_never_taken_for_no_price(
    venue: "Venue", connect: Connect, answer: tuple[int, bytes, dict[str, str]], kind: type[Exception]
) -> None:
    venue.faults = {call: lambda _: answer for call in range(1, 20)}
    with pytest.raises(kind):
        list(connect().price_source().quotes(BTC, USD, since=NOON, until=NOON + timedelta(minutes=1)))
