"""What pages say that are no ledger: trades, lists of transfers, balances; and that no page whatever stops a run."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.connectors.ccxt.recipes import recipe_of
from ledger.connectors.kraken.ids import VENUE
from ledger.connectors.kraken.markets import orders_of, rights_of
from ledger.connectors.kraken.parse import CARRIED, KNOWN_ABOVE, ORDERS, PAIRS, SHORT, TOLD_ABOVE, TOUCHED, interpret, micros_of
from ledger.connectors.kraken.rows import READERS, READERS_OF_ANY_SUBTYPE
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event, Fill, SourceRank, Transfer
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.json_text import Row
from ledger.domain.payload import Payload, PayloadKind
from ledger.ports import Interpretation

from .conftest import MAIN, START


class May(Protocol):
    """What two readers of one answer say in common."""

    @property
    def may_trade(self) -> bool | None: ...
    @property
    def may_withdraw(self) -> bool | None: ...


Rights = Callable[[Row], May]


def kraken_by_ccxt(result: Row) -> May:
    told = recipe_of("kraken").rights
    assert told is not None
    return told[1]({"result": result})


NOON = datetime(2024, 6, 10, 12, tzinfo=UTC)
TRADE = {
    "ordertxid": "OBK4QT-HX2WL-7YGZ3N", "postxid": "TKH2SE-M7IF5-CFI7LT", "pair": "XXBTZUSD", "aclass": "forex", "time": 1718040012.3478456,
    "type": "buy", "ordertype": "limit", "price": "69120.10000", "cost": "345.60050", "fee": "0.86400", "vol": "0.00500000",
    "margin": "0.00000", "leverage": "0", "misc": "", "trade_id": 71523344, "maker": True,
}  # fmt: skip
DEPOSIT = {
    "method": "Bitcoin", "aclass": "currency", "asset": "XXBT", "refid": "FTQcuak-V6Za8qrWnhzTx67yYHz8Tg", "txid": "6544b41b",
    "info": "2Myd4e",
    "amount": "0.78125000", "fee": "0.0000000000", "time": 1688992722, "status": "Success",
}  # fmt: skip


def page(stream: str, content: bytes | object, **context: str) -> Payload:
    body = content if isinstance(content, bytes) else json.dumps({"error": [], "result": content}).encode()
    return Payload(
        payload_id=payload_id(account=MAIN, request=stream, content=content_hash(body)),
        kind=PayloadKind.PAGE,
        venue=VENUE,
        account=AccountId(MAIN),
        stream=stream,
        symbol="",
        request=stream,
        name="",
        content=body,
        content_hash=content_hash(body),
        fetched_at=START,
        context=tuple(context.items()),
    )


def trades(*rows: dict[str, object], **context: str) -> Interpretation:
    return interpret(page("trades", {"trades": {f"T{number}": row for number, row in enumerate(rows)}, "count": len(rows)}, **context))


def only(said: Interpretation) -> Event:
    assert said.findings == ()
    ((event, _),) = said.events
    return event


def test_a_trade_tells_the_order_and_is_believed_less_than_the_ledger() -> None:
    fill = only(trades(TRADE, **{ORDERS: '{"OBK4QT-HX2WL-7YGZ3N": "grid-1-000007"}'}))
    assert isinstance(fill, Fill)
    assert (fill.order_id, fill.client_order_id, fill.sequence) == ("OBK4QT-HX2WL-7YGZ3N", "grid-1-000007", 71523344)
    assert (fill.rank, fill.provisional) == (SourceRank.VENUE_SUMMARY, True)
    assert (str(fill.base), str(fill.quote), str(fill.fee)) == ("0.005 BTC", "345.6005 USD", "0.864 USD")
    assert fill.occurred_at == datetime(2024, 6, 10, 17, 20, 12, 347845, tzinfo=UTC)


def test_a_pair_is_what_the_venue_lists_it_as_and_else_what_its_name_says() -> None:
    listed = only(trades(TRADE | {"pair": "WEIRD"}, **{PAIRS: '{"WEIRD": "SOL ZEUR"}'}))
    assert isinstance(listed, Fill)
    assert (listed.base.asset, listed.quote.asset) == ("SOL", "EUR")
    unknown = trades(TRADE | {"pair": "WEIRD"})  # the ledger tells it, without its order: that is lost, and said
    assert (unknown.events, [(finding.code, finding.severity) for finding in unknown.findings]) == ((), [("unknown-pair", "warning")])
    assert trades(TRADE | {"pair": "WEIRD", "margin": "1.44"}) == Interpretation()


@pytest.mark.parametrize("other", [{"margin": "1.44053"}, {"cost": "0.00000"}])
def test_what_is_no_exchange_of_what_is_held_is_left_to_the_ledger(other: dict[str, str]) -> None:
    assert trades(TRADE | other) == Interpretation()


@pytest.mark.parametrize("other", [{"type": "short"}, {"vol": "-1"}, {"time": "yesterday"}, {"fee": None}, {"trade_id": "x"}])
def test_a_trade_that_cannot_be_read_is_a_finding_and_the_others_are_kept(other: dict[str, object]) -> None:
    said = trades(TRADE | other, TRADE)
    assert [finding.code for finding in said.findings] == ["unreadable-row"]
    assert len(said.events) == 1


@pytest.mark.parametrize("content", [[DEPOSIT], {"deposit": [DEPOSIT], "next_cursor": "x"}, {"deposits": [DEPOSIT], "next_cursor": "x"}])
def test_a_list_of_deposits_tells_the_hash(content: object) -> None:
    told = only(interpret(page("deposits", content)))
    assert isinstance(told, Transfer)
    assert (told.chain_hash, told.address, told.to_account, str(told.amount), told.provisional) == (
        "6544b41b",
        "2Myd4e",
        MAIN,
        "0.78125 BTC",
        True,
    )


def test_a_list_under_an_unknown_name_is_no_empty_list() -> None:
    (finding,) = interpret(page("deposits", {"items": [DEPOSIT], "next_cursor": "x"})).findings
    assert finding.code == "unreadable-page"
    assert interpret(page("deposits", b'{"error":[]}')) == Interpretation()


@pytest.mark.parametrize("status", ["Initial", "Pending", "Settled", "Failure"])
def test_a_transfer_that_is_not_done_says_nothing(status: str) -> None:
    assert interpret(page("withdrawals", {"withdrawal": [DEPOSIT | {"status": status}]})) == Interpretation()


def test_balances_of_all_sub_wallets_are_one_balance() -> None:
    said = interpret(page("balances", {"XXBT": "1.5", "XBT.M": "0.25", "ZUSD": "3", "lower": "1"}))
    assert {str(event.balance) for event, _ in said.events if isinstance(event, BalanceSnapshot)} == {"1.75 BTC", "3 USD"}
    assert [finding.code for finding in said.findings] == ["unreadable-row"]
    assert interpret(page("balances", b'{"error":[]}')) == Interpretation()  # an account without anything has no result


@pytest.mark.parametrize("content", [b'{"error":[]}', b'{"error":[],"result":{"XXBT":"2"}}'])
def test_what_the_ledger_has_named_and_the_balances_do_not_is_not_held(content: bytes) -> None:
    said = interpret(page("balances", content, **{TOUCHED: "BTC USD"}))
    held = "2 BTC" if b"XXBT" in content else "0 BTC"
    assert [str(event.balance) for event, _ in said.events if isinstance(event, BalanceSnapshot)] == [held, "0 USD"]
    unreadable = interpret(page("balances", {"ZUSD": "much"}, **{TOUCHED: "USD"}))
    assert (unreadable.events, [finding.code for finding in unreadable.findings]) == ((), ["unreadable-row"])


def test_a_ledger_page_waits_for_the_rest_of_an_exchange_and_takes_what_was_carried() -> None:
    def leg(asset: str, amount: str, at: int, refid: str) -> dict[str, object]:
        return {"refid": refid, "time": at, "type": "trade", "subtype": "", "asset": asset, "amount": amount, "fee": "0", "balance": "1"}

    noon = int(NOON.timestamp())
    rows = {"L4": leg("XXBT", "1", noon + 9, "T2"), "L3": leg("ZUSD", "-1", noon + 9, "T2"), "L2": leg("XXBT", "1", noon, "T1")}
    first = interpret(page("ledger", {"ledger": rows, "count": 4}, **{TOLD_ABOVE: str(micros_of(NOON) + 2_000_000)}))
    assert [event.source_id for event, _ in first.events] == ["T2"]
    later = {"L3": rows["L3"], "L1": leg("ZUSD", "-1", noon, "T1")}
    context = {CARRIED: json.dumps({"L2": rows["L2"]}), KNOWN_ABOVE: str(micros_of(NOON) + 2_000_000)}
    second = interpret(page("ledger", {"ledger": later, "count": 4}, **context))
    assert [event.source_id for event, _ in second.events] == ["T1"]
    assert first.findings == second.findings == ()


def test_a_name_that_no_book_can_write_costs_its_own_row_and_not_the_page() -> None:
    cells = {"time": 1718040012, "type": "deposit", "subtype": "", "amount": "1", "fee": "0", "balance": "1"}
    rows = {"L1": {**cells, "refid": "R1", "asset": "odd name"}, "L2": {**cells, "refid": "R2", "asset": "ZUSD"}}
    said = interpret(page("ledger", {"ledger": rows, "count": 2}))
    assert [event.source_id for event, _ in said.events] == ["R2"]
    assert [(finding.code, finding.subject) for finding in said.findings] == [("unreadable-row", "main/ledger/L1")]


def test_a_history_that_gives_less_than_it_counts_is_a_finding() -> None:
    (finding,) = trades(**{SHORT: "9 counted, 7 given"}).findings
    assert (finding.code, finding.severity) == ("history-short", "warning")
    assert "9 counted, 7 given" in finding.message


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error":[],"result":7}', b'{"result":{"trades":[1]}}', b'{"result":null}'])
@pytest.mark.parametrize("stream", ["trades", "ledger", "deposits", "withdrawals", "balances", "surprise"])
def test_a_page_that_is_none_is_a_finding(stream: str, content: bytes) -> None:
    said = interpret(page(stream, content))
    assert said.events == ()
    assert len(said.findings) <= 1


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["XXBT", "ZUSD", "1.5", "-2", "trade", "Success"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*TRADE, *DEPOSIT, "amount", "balance", "subtype"]), inner, max_size=9)
    ),
    max_leaves=12,
)


@pytest.mark.fuzz
@settings(max_examples=150, deadline=None)
@given(row=ANY, stream=st.sampled_from(["trades", "ledger", "deposits", "withdrawals", "balances"]))
def test_no_row_whatever_stops_a_run(row: object, stream: str) -> None:
    base = {"ledger": {"refid": "T1", "type": "trade"}, "trades": TRADE}.get(stream, DEPOSIT)
    mixed = {**base, **row} if isinstance(row, dict) else row
    name = {"deposits": "deposit", "withdrawals": "withdrawal"}.get(stream, stream)
    for result in (row, {name: {"X": mixed}, "count": 1}, {name: [mixed]}):
        assert isinstance(interpret(page(stream, result)), Interpretation)


OPEN_TYPES = ("margin", "settled", "credit", "nfttrade", "nftcreatorfee", "nftrebate", "loyalty")
NUMBERS = st.sampled_from(["0", "1.5", "-2", "-0.0000000001", "1e-30", "9" * 40, "NaN", "", "x"])
LEDGER_ROW = st.fixed_dictionaries(
    {
        "refid": st.sampled_from(["R1", "R2"]),
        "time": st.sampled_from([1718040012, 1718040012.3478456, 0, "soon"]),
        "type": st.sampled_from([*sorted({kind for kind, _ in READERS}), *READERS_OF_ANY_SUBTYPE, *OPEN_TYPES]),
        "subtype": st.sampled_from(["", "reward", "spottostaking", "allocation", "surprise"]),
        "asset": st.sampled_from(["XXBT", "ZUSD", "DOT.S", "XABC", "KFEE", "SPCXx", ".S", "odd name"]),
        "amount": NUMBERS,
        "fee": NUMBERS,
        "balance": NUMBERS,
    }
)


@pytest.mark.fuzz
@settings(max_examples=150, deadline=None)
@given(rows=st.lists(LEDGER_ROW, max_size=5))
def test_rows_of_any_type_under_one_refid_are_events_lines_or_findings_and_none_is_lost(rows: list[dict[str, object]]) -> None:
    said = interpret(page("ledger", {"ledger": {f"L{number}": row for number, row in enumerate(rows)}, "count": len(rows)}))
    told = {line.line_id for line in said.lines} | {row_id for _, place in said.events for row_id in place.split()[1:]}
    found = {finding.subject.rpartition("/")[2] for finding in said.findings}
    booked = {(row["refid"], row["asset"], row["amount"]) for row in rows if row["balance"] != ""}
    for number, row in enumerate(rows):
        has_twin = (row["refid"], row["asset"], row["amount"]) in booked
        assert f"L{number}" in told | found or (row["balance"] == "" and (has_twin or row["type"] in {"deposit", "withdrawal"}))


def test_the_rights_of_a_key_are_read_in_either_spelling() -> None:
    read = rights_of({"permissions": ["query-funds", "query-closed-trades"], "validUntil": "0", "ip_allowlist": []})
    assert (read.may_trade, read.may_withdraw) == (False, False)
    for spelling in ("iplist", "ip_allowlist"):
        assert "the key works from any address: bind it to yours" in rights_of({"permissions": [], spelling: []}).notes
        assert "the key works from any address: bind it to yours" not in rights_of({"permissions": [], spelling: ["192.0.2.1"]}).notes
    for word, trade, withdraw in (("withdraw-funds", False, True), ("modify-trades", True, False), ("close-trades", True, False)):
        read = rights_of({"permissions": [word], "valid_until": 1767225600})
        assert (read.may_trade, read.may_withdraw) == (trade, withdraw)
        assert "the key expires at 2026-01-01T00:00:00.000000Z" in read.notes
    with pytest.raises(InputError, match="permissions"):
        rights_of({})


@pytest.mark.parametrize(
    ("word", "trade", "withdraw"),
    [
        *((word, False, False) for word in ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")),
        *((word, False, False) for word in ("export-data", "create-ws-token", "Query Ledger Entries", "query_closed_orders")),
        *((word, True, False) for word in ("modify-trades", "close-trades", "add-funds", "earn-funds", "cancel-orders")),
        *((word, True, False) for word in ("modify_trades", "Modify Orders", "create-orders", "trade", "query-modify", "7", "")),
        *((word, False, True) for word in ("withdraw-funds", "Withdraw_Funds", "WITHDRAW", "withdrawals", "add-withdraw-address")),
        *((word, False, True) for word in ("update-withdraw-address", "query-withdraw")),
    ],
)
@pytest.mark.parametrize("rights", [rights_of, kraken_by_ccxt])
def test_a_permission_that_is_not_known_to_read_only_is_more(rights: Rights, word: str, *, trade: bool, withdraw: bool) -> None:
    read = rights({"permissions": ["query-funds", word]})
    assert (read.may_trade, read.may_withdraw) == (trade, withdraw)


def test_an_order_has_the_name_that_its_client_gave_it() -> None:
    orders = {"O1": {"cl_ord_id": "grid-1", "userref": 7}, "O2": {"userref": 7}, "O3": {"userref": 0}, "O4": {"userref": None}}
    assert orders_of(orders) == {"O1": "grid-1", "O2": "7"}
