"""Streams, walks, rights and prices of Coinbase Advanced Trade, where the venue misbehaves in ways of its own."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import entry_points
from urllib.parse import parse_qs, urlsplit

import pytest

from ledger.connectors.coinbase_advanced.connector import CoinbaseAdvanced
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.time.instant import instant_of_micros, micros_of
from ledger.ports import PullWindow, StreamKey
from ledger.transport.pace import ManualClock

from .conftest import START, V3, Given, Venue, said

ALL = PullWindow()
FILLS, BALANCES = StreamKey(stream="fills"), StreamKey(stream="balances")
FILLS_PATH, ORDERS_PATH = f"{V3}/orders/historical/fills", f"{V3}/orders/historical/batch"
Connect = Callable[..., CoinbaseAdvanced]
MakeRow = Callable[..., dict[str, object]]


def wallets(*names: str, next_uri: str | None = None) -> Given:
    rows = [{"id": f"w-{name}", "currency": {"code": name}, "balance": {"amount": "1", "currency": name}} for name in names]
    return said({"data": rows, "pagination": {"next_uri": next_uri}})


def history(*rows: dict[str, object], next_uri: str | None = None) -> Given:
    return said({"data": list(rows), "pagination": {"next_uri": next_uri}})


def fills(*rows: dict[str, object], cursor: str = "") -> Given:
    return said({"fills": list(rows), "cursor": cursor})


def query(target: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(target).query)


# --- streams -------------------------------------------------------------------------------------------------------


def test_the_connector_is_the_factory_of_its_entry_point() -> None:
    (found,) = entry_points(group="lotwright.connectors", name="coinbase-advanced")
    assert found.load() is CoinbaseAdvanced
    assert CoinbaseAdvanced.venue == "coinbase-advanced"


def test_streams_are_wallets_then_fills_then_balances_and_asked_for_once(venue: Venue, connect: Connect) -> None:
    venue.answers["/v2/accounts"] = [wallets("BTC", "USD", next_uri="/v2/accounts?starting_after=w-USD"), wallets("ETH")]
    connector = connect()
    symbols = [(stream.stream, stream.symbol) for stream in connector.streams()]
    assert symbols == [("ledger", "BTC/w-BTC"), ("ledger", "USD/w-USD"), ("ledger", "ETH/w-ETH"), ("fills", ""), ("balances", "")]
    assert connector.streams() == connector.streams()
    assert venue.targets == ["/v2/accounts?limit=100", "/v2/accounts?starting_after=w-USD"]


def test_a_wallet_whose_currency_no_book_can_hold_costs_no_other(venue: Venue, connect: Connect) -> None:
    odd = {"id": "w-odd", "currency": {"code": "\u5e01\u5b89"}, "balance": {"amount": "0", "currency": "\u5e01\u5b89"}}
    answer = json.loads(wallets("BTC")[1])
    venue.answers["/v2/accounts"] = [said({**answer, "data": [odd, *answer["data"]]})]
    assert [stream.symbol for stream in connect().streams() if stream.stream == "ledger"] == ["BTC/w-BTC"]


def test_accounts_of_one_currency_add_up_over_pages(venue: Venue, connect: Connect) -> None:
    def accounts(held: str, *, has_next: bool) -> Given:
        amounts = {"available_balance": {"value": held, "currency": "BTC"}, "hold": {"value": "0", "currency": "BTC"}}
        return said({"accounts": [{"uuid": f"a-{held}", "currency": "BTC", **amounts}], "has_next": has_next, "cursor": f"after-{held}"})

    venue.answers |= {
        "/v2/accounts": [wallets("BTC")],
        f"{V3}/accounts": [accounts("1", has_next=True), accounts("2", has_next=True), accounts("0.5", has_next=False)],
    }
    connector = connect()
    pages = list(connector.pull(StreamKey(stream="balances"), cursor=None, window=PullWindow()))
    told = [event.balance.quantity for page in pages for event, _ in connector.interpret(page.payload).events]
    assert told == [Decimal(1), Decimal(3), Decimal("3.5")]


def test_a_list_of_wallets_that_goes_in_circles_ends_with_those_it_has(venue: Venue, connect: Connect) -> None:
    venue.answers["/v2/accounts"] = [wallets("BTC", next_uri="/v2/accounts?starting_after=w-BTC")]
    assert len(connect().streams()) == 3
    assert len(venue.targets) == 3  # the same page twice more, and no wallet that is not known


@pytest.mark.parametrize(
    "answer",
    [
        said({"data": []}),
        said({"pagination": {"next_uri": None}}),
        said({"data": [{"id": "w"}], "pagination": {"next_uri": None}}),
        said({"data": [], "pagination": {"next_uri": "https://elsewhere.example/v2/accounts?x=1"}}),
        said({"data": [], "pagination": {"next_uri": "/v2/user?x=1"}}),
        said({"data": [], "pagination": {"next_uri": "/v2/accounts?x=\u00e9"}}),
    ],
)
def test_a_list_of_wallets_that_cannot_be_read_stops_the_run(venue: Venue, connect: Connect, answer: Given) -> None:
    venue.answers["/v2/accounts"] = [answer]
    with pytest.raises(TransientError):
        connect().streams()


def test_a_wallet_that_is_not_there_and_a_stream_that_does_not_exist_are_refused(venue: Venue, connect: Connect) -> None:
    venue.answers["/v2/accounts"] = [wallets("BTC")]
    with pytest.raises(TerminalError, match="has no wallet DOGE/w-DOGE"):
        list(connect().pull(StreamKey(stream="ledger", symbol="DOGE/w-DOGE"), cursor=None, window=ALL))
    with pytest.raises(InputError, match="has no stream 'loans'"):
        connect().pull(StreamKey(stream="loans"), cursor=None, window=ALL)


DAI = StreamKey(stream="ledger", symbol="DAI/w-DAI")
DAI_PATH = "/v2/accounts/w-DAI/transactions"


def held(name: str, balance: str = "0", *, updated_at: str = "x") -> dict[str, object]:
    return {
        "id": f"w-{name}",
        "currency": name,
        "balance": {"amount": balance, "currency": name},
        "created_at": "x",
        "updated_at": updated_at,
    }


def test_a_wallet_that_seems_never_touched_is_asked_and_then_rests_for_a_week(venue: Venue, connect: Connect, clock: ManualClock) -> None:
    venue.answers |= {"/v2/accounts": [history(held("DAI"))], DAI_PATH: [history()]}
    (page,) = connect().pull(DAI, cursor=None, window=ALL)
    assert page.rows == 0
    assert venue.targets.count(f"{DAI_PATH}?limit=100&order=desc") == 2  # an empty answer may be a false one
    clock.sleep(timedelta(days=7, minutes=-1).total_seconds())
    assert list(connect().pull(DAI, cursor=page.cursor, window=ALL)) == []
    clock.sleep(120)
    assert [again.rows for again in connect().pull(DAI, cursor=page.cursor, window=ALL)] == [0]


def test_a_wallet_that_seems_never_touched_and_has_a_history_is_asked_every_night(venue: Venue, connect: Connect, moved: MakeRow) -> None:
    venue.answers |= {"/v2/accounts": [history(held("DAI"))], DAI_PATH: [history(), history(moved("send", "1", "DAI"))]}
    (page,) = connect().pull(DAI, cursor=None, window=ALL)
    assert (page.rows, set(page.cursor)) == (1, {"high"})
    assert [again.rows for again in connect().pull(DAI, cursor=page.cursor, window=ALL)] == [1]


@pytest.mark.parametrize(
    "wallets_later",
    [[held("DAI", "1")], [held("DAI", updated_at="y")], [held("DAI"), held("BTC", "1")]],
    ids=["it holds", "it was changed", "stamps that are false"],
)
def test_a_wallet_without_rows_is_asked_where_its_stamps_or_its_balance_speak_against_rest(
    venue: Venue, connect: Connect, wallets_later: list[dict[str, object]]
) -> None:
    venue.answers |= {"/v2/accounts": [history(held("DAI"))], DAI_PATH: [history()]}
    (page,) = connect().pull(DAI, cursor=None, window=ALL)
    venue.answers["/v2/accounts"] = [history(*wallets_later)]
    assert [again.rows for again in connect().pull(DAI, cursor=page.cursor, window=ALL)] == [0]


# --- fills ---------------------------------------------------------------------------------------------------------


def test_a_cursor_is_followed_until_there_is_none(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [fills(fill(9), fill(8), cursor="12345"), fills(fill(7))]
    pages = list(connect().pull(FILLS, cursor=None, window=ALL))
    assert [page.rows for page in pages] == [2, 1]
    asked = [query(target) for target in venue.targets if target.startswith(FILLS_PATH)]
    assert asked == [{"limit": ["250"]}, {"limit": ["250"], "cursor": ["12345"]}]
    assert (pages[0].first_id, pages[0].last_id) == (f"{9:064x}", f"{8:064x}")
    assert set(pages[-1].cursor) == {"high"}


def test_a_cursor_after_the_last_page_leads_to_an_empty_one_and_that_is_the_end(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [fills(fill(9), cursor="12345"), fills(cursor="12345")]
    assert [page.rows for page in connect().pull(FILLS, cursor=None, window=ALL)] == [1, 0]


def test_a_page_without_the_field_of_the_cursor_is_no_end(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [said({"fills": [fill(9)]})]
    with pytest.raises(TransientError, match='has no "cursor"'):
        list(connect().pull(FILLS, cursor=None, window=ALL))


def test_a_later_pull_asks_on_every_page_for_what_was_written_since(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [fills(fill(9))]
    (first,) = connect().pull(FILLS, cursor=None, window=ALL)
    high = first.cursor["high"]
    assert isinstance(high, int)
    venue.targets.clear()
    venue.answers[FILLS_PATH] = [fills(fill(12), fill(11), cursor="77"), fills(fill(10), fill(9))]
    pages = list(connect().pull(FILLS, cursor=first.cursor, window=ALL))
    assert [page.rows for page in pages] == [2, 2]
    asked = [query(target) for target in venue.targets if target.startswith(FILLS_PATH)]
    since = f"{instant_of_micros(high) - timedelta(minutes=10):%Y-%m-%dT%H:%M:%S.%fZ}"
    assert [one["start_sequence_timestamp"] for one in asked] == [[since], [since]]
    assert [one.get("cursor") for one in asked] == [None, ["77"]]
    again = list(connect().pull(FILLS, cursor=pages[0].cursor, window=ALL))  # as if killed after the first page
    assert again[0].rows == 2


def test_since_ends_the_first_walk(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [fills(fill(120), fill(60), cursor="5"), fills(fill(50), fill(30), cursor="4"), fills(fill(20))]
    window = PullWindow(since=datetime(2025, 6, 3, 14, 1, 30, tzinfo=UTC))
    rows = [page.rows for page in connect().pull(FILLS, cursor=None, window=window)]
    assert rows == [2, 2]  # one row may be out of its order, a page is not


def test_orders_are_asked_for_by_their_ids_and_their_names_kept_with_the_page(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    rows = [fill(number, order_id=f"o{number // 2}") for number in range(5)]
    venue.answers[FILLS_PATH] = [fills(*rows)]
    orders = [
        {"order_id": "o0", "client_order_id": "grid-1"},
        {"order_id": "o1", "client_order_id": ""},
        {"order_id": "x", "client_order_id": "y"},
    ]
    venue.answers[ORDERS_PATH] = [said({"orders": orders})]
    (page,) = connect().pull(FILLS, cursor=None, window=ALL)
    assert dict(page.payload.context) == {"client_order_ids": '{"o0": "grid-1"}'}
    assert query(venue.targets[-1])["order_ids"] == ["o0", "o1", "o2"]


def test_more_orders_than_fit_into_one_call_are_asked_for_in_several(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [fills(*(fill(number, order_id=f"o{number:03d}") for number in range(230)))]
    venue.answers[ORDERS_PATH] = [said({"orders": []})]
    (page,) = connect().pull(FILLS, cursor=None, window=ALL)
    assert [len(query(target)["order_ids"]) for target in venue.targets[1:]] == [100, 100, 30]
    assert page.payload.context == ()


def test_a_venue_that_does_not_tell_of_orders_leaves_them_without_names(venue: Venue, connect: Connect, fill: MakeRow) -> None:
    venue.answers[FILLS_PATH] = [fills(fill(9))]
    (page,) = connect().pull(FILLS, cursor=None, window=ALL)
    assert (page.rows, page.payload.context) == (1, ())
    venue.answers[ORDERS_PATH] = [(403, b'{"error":"PERMISSION_DENIED","message":"missing required scopes"}', {})]
    with pytest.raises(KeyRefused):
        list(connect().pull(FILLS, cursor=None, window=ALL))


def test_fills_that_wallets_tell_of_must_be_there(venue: Venue, connect: Connect, fill: MakeRow, moved: MakeRow) -> None:
    venue.answers["/v2/accounts"] = [wallets("ETH")]
    venue.answers["/v2/accounts/w-ETH/transactions"] = [
        history(moved("advanced_trade_fill", "1", "ETH", advanced_trade_fill={"order_id": "o1"}))
    ]
    venue.answers[FILLS_PATH] = [fills(), fills(fill(9))]
    connector = connect()
    list(connector.pull(StreamKey(stream="ledger", symbol="ETH/w-ETH"), cursor=None, window=ALL))
    assert [page.rows for page in connector.pull(FILLS, cursor=None, window=ALL)] == [1]


# --- wallets -------------------------------------------------------------------------------------------------------


def test_what_was_pending_is_found_when_it_completes(venue: Venue, connect: Connect, moved: MakeRow) -> None:
    stream, path = StreamKey(stream="ledger", symbol="BTC/w-BTC"), "/v2/accounts/w-BTC/transactions"
    venue.answers["/v2/accounts"] = [wallets("BTC")]
    old = moved("send", "-1", "BTC", status="pending", created_at="2025-01-01T00:00:00Z")
    new = moved("send", "2", "BTC", id="n", created_at="2025-03-01T00:00:00Z")
    venue.answers[path] = [history(new, old)]
    (first,) = connect().pull(stream, cursor=None, window=ALL)
    venue.answers[path] = [history(new, next_uri=f"{path}?starting_after=n"), history(old | {"status": "completed"})]
    pages = list(connect().pull(stream, cursor=first.cursor, window=ALL))
    assert [len(connect().interpret(page.payload).events) for page in pages] == [1, 1]
    assert set(pages[-1].cursor) == {"high"}


WALLET, WALLET_PATH = StreamKey(stream="ledger", symbol="BTC/w-BTC"), "/v2/accounts/w-BTC/transactions"


def test_rows_of_a_wallet_that_are_out_of_their_order_or_cannot_be_read_end_no_walk(venue: Venue, connect: Connect, moved: MakeRow) -> None:
    def row(name: str, created_at: object) -> dict[str, object]:
        return moved("send", "2", "BTC", id=name, created_at=created_at)

    venue.answers["/v2/accounts"] = [wallets("BTC")]
    venue.answers[WALLET_PATH] = [
        history(row("d", "2025-04-01T00:00:00Z"), row("c", "2019-01-01T00:00:00Z"), next_uri=f"{WALLET_PATH}?starting_after=c"),
        history(row("b", None), next_uri=f"{WALLET_PATH}?starting_after=b"),
        history(row("a", None), row("z", "2025-03-01T00:00:00Z")),
    ]
    assert [page.rows for page in connect().pull(WALLET, cursor=None, window=ALL)] == [2, 1, 2]


def test_a_fill_or_a_row_of_a_wallet_that_is_yet_to_come_hides_nothing(
    venue: Venue, connect: Connect, fill: MakeRow, moved: MakeRow
) -> None:
    venue.answers["/v2/accounts"] = [wallets("BTC")]
    ahead = moved("send", "2", "BTC", id="ahead", created_at="2027-01-01T00:00:00Z")
    venue.answers[WALLET_PATH] = [history(ahead, moved("send", "1", "BTC"))]
    (page,) = connect().pull(WALLET, cursor=None, window=ALL)
    assert (page.rows, page.cursor) == (2, {"high": micros_of(datetime(2025, 1, 12, 1, 27, 31, tzinfo=UTC))})
    venue.answers[FILLS_PATH] = [fills(fill(9, sequence_timestamp="2027-01-01T00:00:00Z"), fill(8))]
    (page,) = connect().pull(FILLS, cursor=None, window=ALL)
    assert (page.rows, page.cursor) == (2, {"high": micros_of(datetime(2025, 6, 3, 14, 0, 8, 421020, tzinfo=UTC))})


def test_an_empty_page_in_the_middle_of_a_wallet_is_not_its_end(venue: Venue, connect: Connect, moved: MakeRow) -> None:
    venue.answers["/v2/accounts"] = [wallets("BTC")]
    hollow = history(next_uri=f"{WALLET_PATH}?starting_after=x")
    first = history(moved("send", "2", "BTC"), next_uri=f"{WALLET_PATH}?starting_after=a")
    venue.answers[WALLET_PATH] = [first, hollow, hollow, history(moved("send", "1", "BTC", id="z"))]
    assert [page.rows for page in connect().pull(WALLET, cursor=None, window=ALL)] == [1, 0, 1]


def test_a_wallet_of_one_row_under_ever_new_addresses_is_a_passing_fault(venue: Venue, connect: Connect, moved: MakeRow) -> None:
    row = moved("send", "2", "BTC")
    venue.answers["/v2/accounts"] = [wallets("BTC")]
    venue.answers[WALLET_PATH] = [history(row, next_uri=f"{WALLET_PATH}?starting_after={number}") for number in range(99)]
    with pytest.raises(TransientError, match="gives the same page again"):
        list(connect().pull(WALLET, cursor=None, window=ALL))
    assert len(venue.targets) < 20


# --- balances and rights ---------------------------------------------------------------------------------------------


def account(uuid: str, currency: str) -> dict[str, object]:
    return {
        "uuid": uuid,
        "currency": currency,
        "available_balance": {"value": "1", "currency": currency},
        "hold": {"value": "0", "currency": currency},
    }


def test_balances_come_page_by_page(venue: Venue, connect: Connect) -> None:
    venue.answers[f"{V3}/accounts"] = [
        said({"accounts": [account("a", "BTC")], "has_next": True, "cursor": "a"}),
        said({"accounts": [account("b", "ETH")], "has_next": False, "cursor": "b"}),
    ]
    pages = list(connect().pull(BALANCES, cursor=None, window=ALL))
    assert [(page.rows, dict(page.cursor), page.from_at == page.payload.fetched_at) for page in pages] == [(1, {}, True)] * 2
    assert [query(target).get("cursor") for target in venue.targets] == [None, ["a"]]


def test_a_list_of_accounts_that_goes_in_circles_is_a_passing_fault(venue: Venue, connect: Connect) -> None:
    venue.answers[f"{V3}/accounts"] = [said({"accounts": [account("a", "BTC")], "has_next": True, "cursor": "a"})]
    with pytest.raises(TransientError, match="the same cursor again"):
        list(connect().pull(BALANCES, cursor=None, window=ALL))


@pytest.mark.parametrize("rights", [(True, False, False), (True, True, False), (True, True, True), (False, False, False)])
def test_the_key_report_tells_what_the_venue_says(venue: Venue, connect: Connect, rights: tuple[bool, bool, bool]) -> None:
    names = ("can_view", "can_trade", "can_transfer")
    venue.answers[f"{V3}/key_permissions"] = [said(dict(zip(names, rights, strict=True)))]
    report = connect().check_key()
    assert (report.may_read, report.may_trade, report.may_withdraw) == rights
    assert report.clock_skew_seconds == 0
    assert report.notes


@pytest.mark.parametrize("told", [{}, {"epochMillis": "soon"}, {"epochMillis": "9" * 18}])
def test_a_venue_without_a_readable_time_is_a_passing_fault(venue: Venue, connect: Connect, told: object) -> None:
    venue.answers[f"{V3}/time"] = [said(told)]
    with pytest.raises(TransientError, match="answered no time"):
        connect().check_key()


# --- prices --------------------------------------------------------------------------------------------------------

CANDLES_PATH = f"{V3}/products/BTC-USD/candles"
BTC, USD = AssetCode("BTC"), AssetCode("USD")


def test_candles_come_in_windows_of_350_minutes_and_quotes_keep_to_what_was_asked_for(venue: Venue, connect: Connect) -> None:
    since = datetime(2025, 6, 3, 12, 0, 30, tzinfo=UTC)
    first = int(since.timestamp()) - 30
    rows = [{"start": str(first + 60 * minute), "close": str(100 + minute)} for minute in range(3)]
    venue.answers[CANDLES_PATH] = [said({"candles": rows[::-1]}), said({"candles": []})]
    pages = list(connect().price_source().quotes(BTC, USD, since=since, until=since + timedelta(minutes=400)))
    assert [(quote.price, quote.observed_at.minute) for quote in pages[0].quotes] == [(Decimal(101), 1), (Decimal(102), 2)]
    asked = [query(target) for target in venue.targets]
    assert [(int(one["start"][0]) - first, int(one["end"][0]) - first) for one in asked] == [(0, 349 * 60), (350 * 60, 400 * 60 + 30)]


@pytest.mark.parametrize(
    ("answer", "is_none"),
    [
        ((404, b'{"error":"NOT_FOUND","message":"product not found"}', {}), True),
        ((400, b'{"error":"INVALID_ARGUMENT","message":"ProductID is invalid"}', {}), True),
        ((400, b'{"error":"INVALID_ARGUMENT","message":"start is required"}', {}), False),
        (said({"candles": [{"start": "1"}]}), False),
    ],
)
def test_only_a_market_that_is_not_there_has_no_price(venue: Venue, connect: Connect, answer: Given, *, is_none: bool) -> None:
    venue.answers[CANDLES_PATH] = [answer]
    quotes = connect().price_source().quotes(BTC, USD, since=START - timedelta(hours=2), until=START)
    if is_none:
        assert list(quotes) == []
    else:
        with pytest.raises((TerminalError, TransientError)):
            list(quotes)


def test_a_minute_that_still_runs_has_no_close(venue: Venue, connect: Connect) -> None:
    at = int(START.timestamp())
    venue.answers[CANDLES_PATH] = [said({"candles": [{"start": str(at + seconds), "close": "1"} for seconds in (0, -60, -120)]})]
    (page,) = connect().price_source().quotes(BTC, USD, since=START - timedelta(minutes=3), until=START + timedelta(minutes=3))
    assert [quote.observed_at for quote in page.quotes] == [START - timedelta(minutes=2), START - timedelta(minutes=1)]


def test_calls_are_counted(venue: Venue, connect: Connect) -> None:
    venue.answers["/v2/accounts"] = [(503, b"<html>", {}), wallets("BTC")]
    connector = connect()
    connector.streams()
    assert (connector.call_count().requests, connector.call_count().retries) == (2, 1)
