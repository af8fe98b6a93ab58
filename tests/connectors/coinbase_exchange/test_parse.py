"""What each row of the venue means, and that no row stops the others."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.connectors.coinbase_exchange.ids import VENUE
from ledger.connectors.coinbase_exchange.parse import interpret, marks_of, quotes_of
from ledger.domain.amount import Amount, AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Fill, Income, IncomeKind, Side, SourceRank, Transfer
from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId, OrderId, SourceId, coinbase_fill_id, event_id
from ledger.domain.telling import told_again
from ledger.ports import LedgerLine, StreamKey

MAIN = AccountId("main")


def amount(quantity: str, asset: str) -> Amount:
    return Amount(quantity=Decimal(quantity), asset=AssetCode(asset))


def fill_id(side: str, trade_id: str = "74", product: str = "ETH-USD") -> str:
    return coinbase_fill_id(account=MAIN, product=product, side=side, trade_id=trade_id)


# --- fills ---------------------------------------------------------------------------------------------------------


def test_a_fill_is_read_exactly(page: Callable, fill: Callable) -> None:
    said = interpret(page("fills", [fill(74)], symbol="ETH-USD"))
    assert said.findings == ()
    assert said.events == (
        (
            Fill(
                event_id=fill_id("sell"),
                source_id=SourceId("74"),
                venue=VENUE,
                account=MAIN,
                occurred_at=datetime(2025, 6, 3, 14, 1, 14, 418273, tzinfo=UTC),
                rank=SourceRank.VENUE,
                sequence=74,
                order_id=OrderId("7c2f0e55-2a41-4c37-9a5e-0b6a4f6a2d10"),
                side=Side.SELL,
                base=amount("0.75", "ETH"),
                quote=amount("2559.4125", "USD"),
                fee=amount("6.39853125", "USD"),
            ),
            "row 1",
        ),
    )


FILLS = {
    "rebate": ({"fee": "-0.25"}, {"fee": amount("-0.25", "USD")}),
    "no-fee": ({"fee": "0.0000000000000000"}, {"fee": None}),
    "funded-by-another-coin": ({"funding_currency": "USDC"}, {"quote": amount("2559.4125", "USDC"), "fee": amount("6.39853125", "USDC")}),
    "no-funding-told": ({"funding_currency": None}, {"quote": amount("2559.4125", "USD")}),
    "funding-empty": ({"funding_currency": ""}, {"quote": amount("2559.4125", "USD")}),
    "unsettled": ({"settled": False}, {"provisional": True}),
    "settled-not-told": ({"settled": None}, {"provisional": False}),
    "json-numbers": ({"size": 0.75, "price": 3412.55, "fee": 6.39853125}, {"quote": amount("2559.4125", "USD")}),
    "exponents": ({"size": "1E-8", "price": "1e3", "fee": "1e-8"}, {"base": amount("1E-8", "ETH"), "quote": amount("0.00001", "USD")}),
    "padded": ({"size": "0.750000000000000000000000"}, {"base": amount("0.75", "ETH")}),
    "id-above-2**53": ({"trade_id": 2**53 + 1}, {"sequence": 2**53 + 1, "source_id": "9007199254740993"}),
    "id-as-text": ({"trade_id": "0074"}, {"sequence": 74, "source_id": "74", "event_id": fill_id("sell")}),
    "crypto-quoted": (
        {"product_id": "ETH-BTC", "funding_currency": "BTC", "price": "0.05"},
        {"quote": amount("0.0375", "BTC"), "fee": amount("6.39853125", "BTC")},
    ),
    "base-with-hyphen": ({"product_id": "A-B-USD"}, {"base": amount("0.75", "A-B"), "quote": amount("2559.4125", "USD")}),
    "no-order": ({"order_id": None}, {"order_id": None}),
    "three-decimals-of-a-second": (
        {"created_at": "2019-11-21T01:38:23.878Z"},
        {"occurred_at": datetime(2019, 11, 21, 1, 38, 23, 878000, UTC)},
    ),
    "something-new": ({"brand_new_field": {"a": [1]}}, {"note": None}),
}


@pytest.mark.parametrize("case", FILLS)
def test_a_fill_says(page: Callable, fill: Callable, case: str) -> None:
    cells, expected = FILLS[case]
    said = interpret(page("fills", [fill(74) | cells]))
    assert said.findings == ()
    ((event, _),) = said.events
    assert {name: getattr(event, name) for name in expected} == expected


def test_a_self_trade_is_two_fills_under_one_trade_id(page: Callable, fill: Callable) -> None:
    said = interpret(page("fills", [fill(74, side="buy", order_id="one"), fill(74, side="sell", order_id="two")]))
    assert [(event.source_id, event.side) for event, _ in said.events] == [("74", Side.BUY), ("74", Side.SELL)]
    assert [event.event_id for event, _ in said.events] == [fill_id("buy"), fill_id("sell")]
    assert fill_id("buy") != fill_id("sell")


def test_one_trade_id_on_two_products_is_two_fills(page: Callable, fill: Callable) -> None:
    said = interpret(page("fills", [fill(74), fill(74, product_id="ETH-EUR", funding_currency="EUR")]))
    assert len({event.event_id for event, _ in said.events}) == 2


def test_two_fills_alike_but_for_the_id_stay_two(page: Callable, fill: Callable) -> None:
    when = {"created_at": "2025-06-03T14:22:31.418273Z"}
    said = interpret(page("fills", [fill(75, **when), fill(74, **when)]))
    assert [event.source_id for event, _ in said.events] == ["75", "74"]


def test_a_settled_fee_replaces_the_unsettled_one(page: Callable, fill: Callable) -> None:
    ((before, _),) = interpret(page("fills", [fill(74, settled=False, fee="7.00")])).events
    ((after, _),) = interpret(page("fills", [fill(74)])).events
    assert told_again(before, after).event == after
    assert told_again(after, after).event is None


def test_a_delisted_product_is_read_like_any_other(page: Callable, fill: Callable) -> None:
    said = interpret(page("fills", [fill(74, product_id="REP-USD")], symbol="REP-USD"))
    assert [event.base for event, _ in said.events] == [amount("0.75", "REP")]


BROKEN_FILLS = {
    "missing-price": ({"price": None}, '"price" is missing or empty'),
    "empty-size": ({"size": ""}, '"size" is missing or empty'),
    "missing-fee": ({"fee": None}, '"fee" is missing or empty'),
    "price-in-words": ({"price": "1,000.5"}, "\"price\" is no number: '1,000.5'"),
    "nan": ({"price": "NaN"}, "\"price\" is no number: 'NaN'"),
    "true-size": ({"size": True}, '"size" is no number: True'),
    "huge": ({"size": "1e400"}, '"\'1e400\'" is out of range as "size"'),
    "infinite": ({"size": float("inf")}, "'Infinity' is not a finite number"),
    "not-a-number": ({"fee": float("nan")}, "'NaN' is not a finite number"),
    "integer-of-600-digits": ({"size": 10**600}, "'Infinity' is not a finite number"),
    "id-of-600-digits": ({"trade_id": 10**600}, '"trade_id" is no whole number of at most 63 bits: Infinity'),
    "19-decimals": ({"size": "0.1234567890123456789"}, "'0.1234567890123456789' has more than 18 decimals"),
    "product-with-19-decimals": (
        {"size": "0.0000000001", "price": "0.0000000001"},
        "'1E-20' has more than 18 decimals",
    ),
    "no-size": ({"size": "0"}, '"size" is 0, not above zero'),
    "negative-price": ({"price": "-1"}, '"price" is -1, not above zero'),
    "side": ({"side": "hold"}, "\"side\" is 'hold', neither buy nor sell"),
    "no-product": ({"product_id": "ETHUSD"}, "'ETHUSD' is no product of two assets"),
    "one-asset": ({"product_id": "USD-USD"}, "'USD-USD' is no product of two assets"),
    "funded-by-itself": ({"funding_currency": "ETH"}, '"funding_currency" ETH is what is bought or sold'),
    "lower-case": ({"product_id": "eth-USD"}, "'eth' is not an asset code (1 to 32 characters of A-Z, 0-9, '.', '-', '_', '$')"),
    "no-time-zone": ({"created_at": "2025-06-03T14:22:31"}, "\"created_at\" has no time zone: '2025-06-03T14:22:31'"),
    "no-time": ({"created_at": "yesterday"}, "\"created_at\" is no instant: 'yesterday'"),
    "before-time": ({"created_at": "0001-01-01T00:00:00+14:00"}, "\"created_at\" is no instant: '0001-01-01T00:00:00+14:00'"),
    "id-of-64-bits": ({"trade_id": 2**63}, '"trade_id" is no whole number of at most 63 bits: 9223372036854775808'),
    "id-with-fraction": ({"trade_id": 1.5}, '"trade_id" is no whole number of at most 63 bits: 1.5'),
    "text-with-escape": ({"order_id": "a\x1b[31m"}, "\"order_id\" is no plain text: 'a\\x1b[31m'"),
    "half-a-letter": ({"order_id": "\ud800"}, "\"order_id\" is no plain text: '\\ud800'"),
}


@pytest.mark.parametrize("case", BROKEN_FILLS)
def test_a_broken_row_is_a_finding_and_the_others_are_kept(page: Callable, fill: Callable, case: str) -> None:
    cells, fault = BROKEN_FILLS[case]
    payload = page("fills", [fill(76), fill(75) | cells, fill(74)], symbol="ETH-USD")
    said = interpret(payload)
    assert [(event.source_id, place) for event, place in said.events] == [("76", "row 1"), ("74", "row 3")]
    (finding,) = said.findings
    assert (finding.code, finding.severity) == ("unreadable-row", Severity.ERROR)
    no_id = {"id-with-fraction", "id-of-600-digits"}
    shown_id = f"{payload.payload_id} row 2" if case in no_id else str(cells.get("trade_id", 75))
    assert finding.subject == f"main/fills/ETH-USD/{shown_id}"
    assert finding.message == f"row 2 of {payload.payload_id} cannot be read: {fault}"
    assert finding.mend


@pytest.mark.parametrize("row", [None, 7, "text", [], [1, 2], True])
def test_a_row_that_is_no_object_is_a_finding(page: Callable, fill: Callable, row: object) -> None:
    said = interpret(page("fills", [row, fill(74)]))
    assert [event.source_id for event, _ in said.events] == ["74"]
    assert [finding.code for finding in said.findings] == ["unreadable-row"]
    assert "it is no object but" in said.findings[0].message


# --- transfers -----------------------------------------------------------------------------------------------------


def test_a_withdrawal_leaves_when_it_is_created_and_arrives_without_its_fee(page: Callable, transfer: Callable) -> None:
    ((event, _),) = interpret(page("transfers", [transfer(2)])).events
    assert event == Transfer(
        event_id=event_id(
            venue=VENUE, account=MAIN, product_line="spot", kind="transfer", scope="", source_id="19ac524d-8827-4246-a1b2-000000000002"
        ),
        source_id=SourceId("19ac524d-8827-4246-a1b2-000000000002"),
        venue=VENUE,
        account=MAIN,
        occurred_at=datetime(2025, 5, 2, 9, 14, 55, 120374, tzinfo=UTC),
        rank=SourceRank.VENUE,
        from_account=MAIN,
        to_account=None,
        amount=amount("0.24992", "BTC"),
        fee=amount("0.00008", "BTC"),
        chain_hash="4f1e55",
        address="bc1qexample",
    )


def test_a_deposit_arrives_when_it_is_completed(page: Callable, transfer: Callable) -> None:
    ((event, _),) = interpret(page("transfers", [transfer(2, type="deposit", details={"crypto_transaction_hash": "aa"})])).events
    assert (event.from_account, event.to_account) == (None, MAIN)
    assert (event.amount, event.fee) == (amount("0.25", "BTC"), None)
    assert event.occurred_at == datetime(2025, 5, 2, 9, 15, 41, 902111, tzinfo=UTC)
    assert (event.chain_hash, event.address) == ("aa", None)


TRANSFERS = {
    "fiat": ({"type": "withdraw", "currency": "USD", "amount": "50.00", "details": {}}, ("50", None)),
    "details-null": ({"type": "withdraw", "details": None}, ("0.25", None)),
    "internal-out": ({"type": "internal_withdraw", "details": {}}, ("0.25", None)),
    "internal-in": ({"type": "internal_deposit", "details": {}}, ("0.25", None)),
    "fee-only": ({"details": {"fee": "0.01"}}, ("0.24", "0.01")),
    "subtotal-only": ({"details": {"subtotal": "0.2"}}, ("0.2", "0.05")),
    "free": ({"details": {"fee": "0.00000000"}}, ("0.25", None)),
}


@pytest.mark.parametrize("case", TRANSFERS)
def test_a_transfer_says(page: Callable, transfer: Callable, case: str) -> None:
    cells, (arrives, fee) = TRANSFERS[case]
    said = interpret(page("transfers", [transfer(2, **cells)]))
    assert said.findings == ()
    ((event, _),) = said.events
    assert event.amount.quantity == Decimal(arrives)
    assert (event.fee and event.fee.quantity) == (None if fee is None else Decimal(fee))


@pytest.mark.parametrize("cells", [{"completed_at": None}, {"completed_at": None, "canceled_at": "2025-05-02 10:00:00+00"}])
def test_a_transfer_that_is_pending_or_canceled_moved_nothing(page: Callable, transfer: Callable, cells: dict[str, object]) -> None:
    said = interpret(page("transfers", [transfer(2, **cells)]))
    assert (said.events, said.findings) == ((), ())


BROKEN_TRANSFERS = {
    "sum": ({"details": {"fee": "0.01", "subtotal": "0.25"}}, "unreadable-row", '"amount" 0.25 is not subtotal 0.25 and fee 0.01'),
    "fee-above-amount": ({"details": {"fee": "0.3"}}, "unreadable-row", '"amount" 0.25 is not subtotal -0.05 and fee 0.3'),
    "negative-fee": ({"details": {"fee": "-0.1"}}, "unreadable-row", '"amount" 0.25 is not subtotal 0.35 and fee -0.1'),
    "negative": ({"amount": "-1"}, "unreadable-row", '"amount" is -1, not above zero'),
    "details-list": ({"details": []}, "unreadable-row", "it is no object but [...]"),
    "unknown-type": ({"type": "teleport"}, "unknown-row", "a transfer of the unknown type 'teleport': "),
}


@pytest.mark.parametrize("case", BROKEN_TRANSFERS)
def test_a_transfer_that_nobody_understands_is_a_finding(page: Callable, transfer: Callable, case: str) -> None:
    cells, code, words = BROKEN_TRANSFERS[case]
    said = interpret(page("transfers", [transfer(2, **cells), transfer(1)]))
    assert len(said.events) == 1
    (finding,) = said.findings
    assert (finding.code, finding.subject) == (code, "main/transfers/19ac524d-8827-4246-a1b2-000000000002")
    assert words in finding.message


# --- ledger --------------------------------------------------------------------------------------------------------


def test_a_fee_row_is_explained_by_either_side_of_its_trade(page: Callable, ledger_row: Callable) -> None:
    said = interpret(page("ledger", [ledger_row(1)], symbol="USD", asset="USD"))
    assert (said.events, said.findings) == ((), ())
    assert said.lines == (
        LedgerLine(
            line_id="20331545793",
            account=MAIN,
            asset=AssetCode("USD"),
            occurred_at=datetime(2025, 6, 3, 14, 0, 1, 431908, tzinfo=UTC),
            kind="fee",
            amount=Decimal("-6.39853125"),
            balance=Decimal("10233.11874"),
            event_ids=(fill_id("buy"), fill_id("sell")),
            told_by=StreamKey(stream="fills", symbol="ETH-USD"),
            sequence=20331545793,
        ),
    )


LINES = {
    "match": ({"type": "match"}, (fill_id("buy"), fill_id("sell"))),
    "rebate-of-a-trade": ({"type": "rebate", "amount": "0.5"}, (fill_id("buy"), fill_id("sell"))),
    "transfer": (
        {"type": "transfer", "details": {"transfer_id": "t-1", "transfer_type": "deposit"}},
        (event_id(venue=VENUE, account=MAIN, product_line="spot", kind="transfer", scope="", source_id="t-1"),),
    ),
    "between-profiles": (
        {"type": "transfer", "details": {"from": "a", "to": "b", "profile_transfer_id": "p-1"}},
        (event_id(venue=VENUE, account=MAIN, product_line="spot", kind="transfer", scope="", source_id="p-1"),),
    ),
    "transfer-without-id": ({"type": "transfer", "details": {}}, ()),
    "id-as-number": ({"id": 20331545793, "type": "match"}, (fill_id("buy"), fill_id("sell"))),
}


@pytest.mark.parametrize("case", LINES)
def test_a_ledger_row_names_its_proof(page: Callable, ledger_row: Callable, case: str) -> None:
    cells, proofs = LINES[case]
    said = interpret(page("ledger", [ledger_row(1, **cells)], asset="USD"))
    assert said.findings == ()
    (line,) = said.lines
    assert line.event_ids == proofs
    assert line.line_id == "20331545793"


def test_a_rebate_without_a_trade_is_income(page: Callable, ledger_row: Callable) -> None:
    said = interpret(page("ledger", [ledger_row(1, type="rebate", amount="12.5", details={})], asset="USD"))
    ((event, _),) = said.events
    assert isinstance(event, Income)
    assert (event.kind, event.amount, event.source_id) == (IncomeKind.REBATE, amount("12.5", "USD"), "20331545793")
    assert said.lines[0].event_ids == (event.event_id,)


BROKEN_LINES = {
    "conversion": ({"type": "conversion"}, "unknown-row", "a ledger row of the type 'conversion', for which there is no rule"),
    "unheard-of": ({"type": "stake"}, "unknown-row", "a ledger row of the type 'stake', for which there is no rule"),
    "negative-rebate": ({"type": "rebate", "details": {}}, "unreadable-row", '"amount" of a rebate is -6.39853125'),
    "no-amount": ({"amount": None}, "unreadable-row", '"amount" is missing or empty'),
    "no-trade": ({"details": {"product_id": "ETH-USD"}}, "unreadable-row", '"trade_id" is no whole number of at most 63 bits: None'),
    "no-details": ({"details": None}, "unreadable-row", '"product_id" is missing or empty'),
}


@pytest.mark.parametrize("case", BROKEN_LINES)
def test_a_ledger_row_without_a_rule_is_a_finding_and_never_a_guess(page: Callable, ledger_row: Callable, case: str) -> None:
    cells, code, words = BROKEN_LINES[case]
    said = interpret(page("ledger", [ledger_row(1, **cells), ledger_row(2)], symbol="USD", asset="USD"))
    assert said.events == ()
    assert len(said.lines) == (2 if code == "unknown-row" else 1)  # a row of an unknown type still moves the balance
    (finding,) = said.findings
    assert (finding.code, finding.subject) == (code, "main/ledger/USD/20331545793")
    assert words in finding.message


# --- balances and prices -------------------------------------------------------------------------------------------


def test_a_balance_is_a_snapshot_of_the_instant_of_asking(page: Callable) -> None:
    rows = [{"id": "a", "currency": "BTC", "balance": "0.5000000000000000", "available": "0.4", "hold": "0.1"}]
    ((event, _),) = interpret(page("balances", rows)).events
    assert isinstance(event, BalanceSnapshot)
    assert (event.balance, event.source_id) == (amount("0.5", "BTC"), "BTC@2026-01-01T00:00:00.000000Z")
    later = replace(page("balances", rows), fetched_at=event.occurred_at + timedelta(seconds=1))
    assert interpret(later).events[0][0].event_id != event.event_id


def test_a_candle_is_quoted_at_its_start_with_its_close() -> None:
    close = Decimal("73370.65")
    rows = [[1710327660, 1, 2, 1, close, 5], [1710327600, Decimal("73241.5"), 1, 1, Decimal("73243.33"), 1]]
    quotes = quotes_of(rows, asset=AssetCode("BTC"), currency=AssetCode("USD"))
    assert [(quote.observed_at, quote.price) for quote in quotes] == [
        (datetime(2024, 3, 13, 11, 0, tzinfo=UTC), Decimal("73243.33")),
        (datetime(2024, 3, 13, 11, 1, tzinfo=UTC), close),
    ]
    assert quotes[0].source == "coinbase-exchange"


@pytest.mark.parametrize("row", [[], {}, [1, 2, 3], [None] * 6, [1710327600, 1, 1, 1, 0, 1], [1710327600, 1, 1, 1, "x", 1]])
def test_a_candle_that_cannot_be_read_is_refused_and_no_silent_minute(row: object) -> None:
    with pytest.raises(InputError):
        quotes_of([row], asset=AssetCode("BTC"), currency=AssetCode("USD"))


def test_pages_of_candles_tell_of_no_event(page: Callable) -> None:
    said = interpret(page("candles", [[1, 2, 3, 4, 5, 6]], symbol="BTC-USD"))
    assert (said.events, said.findings) == ((), ())


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"message": "ok"}', "the page is no list of rows"),
        (b"null", "the page is no list of rows"),
        (b"[{", "the page is not readable as JSON (JSONDecodeError in 2 bytes)"),
        (b"", "the page is not readable as JSON (JSONDecodeError in 0 bytes)"),
        (b"\xff\xfe", "the page is not readable as JSON (UnicodeDecodeError in 2 bytes)"),
        (b"[" * 100_000, "the page is not readable as JSON (RecursionError in 100000 bytes)"),
    ],
)
@pytest.mark.parametrize("stream", ["fills", "ledger", "transfers", "balances"])
def test_a_page_that_cannot_be_read_is_one_finding(page: Callable, stream: str, content: bytes, words: str) -> None:
    payload = page(stream, None, content=content)
    (finding,) = interpret(payload).findings
    assert (finding.code, finding.severity, finding.message) == ("unreadable-page", Severity.ERROR, words)
    assert finding.subject == f"main/{stream}/{payload.payload_id}"


def test_a_number_beyond_reading_costs_its_own_row_only(page: Callable, fill: Callable) -> None:
    content = json.dumps([fill(75, fee="HERE"), fill(74)]).replace('"HERE"', "1e99999999999999999999").encode()
    said = interpret(page("fills", None, content=content))
    assert [event.source_id for event, _ in said.events] == ["74"]
    assert "'Infinity' is not a finite number" in said.findings[0].message


def test_a_page_of_a_stream_that_nobody_reads_is_a_finding(page: Callable) -> None:
    (finding,) = interpret(page("orders", [])).findings
    assert finding.message == "nobody reads pages of a stream 'orders'"


def test_an_empty_page_says_nothing(page: Callable) -> None:
    said = interpret(page("fills", []))
    assert (said.events, said.lines, said.findings) == ((), (), ())


TEXTS = ["1", "-0", "1e-8", "BTC-USD", "match"]
CELLS = [
    "trade_id",
    "id",
    "product_id",
    "price",
    "size",
    "fee",
    "side",
    "created_at",
    "completed_at",
    "type",
    "amount",
    "details",
    "currency",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1", "-0", "1e-8", "BTC-USD", "match"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
STREAMS = st.sampled_from(["fills", "ledger", "transfers", "balances", "candles", "other"])
SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]


@pytest.mark.fuzz
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW_FIXTURES)  # the fixture is a pure function
@given(stream=STREAMS, content=st.binary(max_size=200))
def test_no_bytes_stop_the_reader(page: Callable, stream: str, content: bytes) -> None:
    said = interpret(page(stream, None, content=content, asset="BTC"))
    assert said.findings or stream == "candles" or not said.events


@pytest.mark.fuzz
@settings(max_examples=400, deadline=None, suppress_health_check=SLOW_FIXTURES)  # the fixtures are pure functions
@given(
    stream=STREAMS,
    changed=st.dictionaries(st.sampled_from(CELLS), JSON, max_size=4),
    inner=st.dictionaries(st.sampled_from(["product_id", "trade_id", "fee", "subtotal", "transfer_id"]), JSON, max_size=2),
)
def test_no_cell_stops_the_reader(page: Callable, fill: Callable, transfer: Callable, ledger_row: Callable, **drawn: object) -> None:
    stream, changed, inner = str(drawn["stream"]), dict(drawn["changed"]), dict(drawn["inner"])
    sound = {"ledger": ledger_row(1), "transfers": transfer(1), "balances": {"currency": "BTC", "balance": "1"}}.get(stream, fill(1))
    details = sound.get("details")
    broken = sound | ({"details": details | inner} if isinstance(details, dict) else {}) | changed
    payload = page(stream, [broken, sound], asset="BTC")
    said = interpret(payload)
    if stream in {"fills", "ledger", "transfers", "balances"}:
        assert len(said.events) + len(said.lines) >= 1
        marks_of("fills" if stream == "balances" else stream, [broken, sound])
    assert interpret(payload) == said
