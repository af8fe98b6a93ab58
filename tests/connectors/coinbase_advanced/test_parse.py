"""Every kind of row of Coinbase Advanced Trade, read into events, evidence or findings."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.connectors.coinbase_advanced import answers, parse
from ledger.connectors.coinbase_advanced.ids import VENUE
from ledger.domain.amount import Amount, AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Charge, ChargeKind, Event, Fill, Income, IncomeKind, Side, Transfer
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.telling import told_again

from .conftest import START

Row = dict[str, object]
MakePage = Callable[..., Payload]
MakeRow = Callable[..., Row]


def amount(quantity: str, asset: str) -> Amount:
    return Amount(quantity=Decimal(quantity), asset=AssetCode(asset))


def fills(page: MakePage, *rows: Row, **context: str) -> tuple[Event, ...]:
    said = parse.interpret(page("fills", {"fills": list(rows), "cursor": ""}, **context))
    assert said.findings == ()
    return tuple(event for event, _ in said.events)


def one_fill(page: MakePage, row: Row, **context: str) -> Fill:
    (event,) = fills(page, row, **context)
    assert isinstance(event, Fill)
    return event


def wallet(page: MakePage, row: Row) -> tuple[Event, ...]:
    said = parse.interpret(page("ledger", {"data": [row], "pagination": {"next_uri": None}}, symbol="BTC/w1"))
    assert said.findings == ()
    return tuple(event for event, _ in said.events)


def one_finding(page: MakePage, stream: str, key: str, row: object) -> Finding:
    said = parse.interpret(page(stream, {key: [row]}))
    assert said.events == ()
    (finding,) = said.findings
    assert finding.mend
    return finding


def finding_of(page: MakePage, stream: str, key: str, row: object) -> tuple[str, str]:
    finding = one_finding(page, stream, key, row)
    return finding.code, finding.message


# --- fills ---------------------------------------------------------------------------------------------------------


def test_a_fill_is_read(page: MakePage, fill: MakeRow) -> None:
    told = one_fill(page, fill(31))
    assert (told.side, told.base, told.quote) == (Side.BUY, amount("0.75", "ETH"), amount("2559.4125", "USD"))
    assert told.fee == amount("15.356475", "USD")
    assert told.source_id == f"{31:064x}"
    assert told.order_id == "0b5c1f7e-9f26-4bb4-8f9a-3f5f6c7d8e90"
    assert told.occurred_at == datetime(2025, 6, 3, 14, 0, 31, 418273, tzinfo=UTC)
    assert told.sequence == 1748959231421020
    assert (told.client_order_id, told.provisional) == (None, False)


def test_a_fill_bears_the_name_that_the_bot_gave_its_order(page: MakePage, fill: MakeRow) -> None:
    named = json.dumps({"0b5c1f7e-9f26-4bb4-8f9a-3f5f6c7d8e90": "grid-000017"})
    assert one_fill(page, fill(), client_order_ids=named).client_order_id == "grid-000017"


def test_a_size_in_the_quote_is_money(page: MakePage, fill: MakeRow) -> None:
    told = one_fill(page, fill(size="2559.4125", size_in_quote=True))
    assert (told.base, told.quote) == (amount("0.75", "ETH"), amount("2559.4125", "USD"))
    endless = one_fill(page, fill(price="21220.64", size="0.0046830664333996", size_in_quote=True, product_id="BTC-USDT"))
    assert (endless.base, endless.quote) == (amount("0.000000220684504963", "BTC"), amount("0.0046830664333996", "USDT"))


@pytest.mark.parametrize(
    ("commission", "fee"), [("0", None), ("-0.51", amount("-0.51", "USD")), ("0.0000000000000001", amount("1E-16", "USD"))]
)
def test_a_commission_is_a_fee_a_rebate_or_nothing(page: MakePage, fill: MakeRow, commission: str, fee: Amount | None) -> None:
    assert one_fill(page, fill(commission=commission)).fee == fee


def test_both_sides_of_a_self_trade_are_two_fills(page: MakePage, fill: MakeRow) -> None:
    one, other = fills(page, fill(1), fill(1, entry_id="e2", side="SELL", order_id="another"))
    assert one.event_id != other.event_id


def test_fills_alike_but_for_their_trade_are_two(page: MakePage, fill: MakeRow) -> None:
    one, other = fills(page, fill(1), fill(1, entry_id="e2", trade_id="t2"))
    assert one.event_id != other.event_id


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1), (0, 2, 1), (1, 2, 0)])
def test_a_fill_taken_back_and_told_again_ends_as_told_last_in_any_order(page: MakePage, fill: MakeRow, order: tuple[int, ...]) -> None:
    at = "2025-06-04T09:00:00.00000{}Z"
    rows = (
        fill(1, commission="0"),
        fill(1, entry_id="r1", trade_type="REVERSAL", sequence_timestamp=at.format(1)),
        fill(1, entry_id="c1", trade_type="CORRECTION", sequence_timestamp=at.format(2), size="0.5"),
    )
    told = fills(page, *(rows[number] for number in order))
    known = told[0]
    for event in told[1:]:
        telling = told_again(known, event)
        assert telling.conflicts == ()
        known = telling.event or known
    assert isinstance(known, Fill)
    assert replace(known, is_amendment=True) == one_fill(page, rows[2])
    assert not known.is_amendment
    assert (known.base, known.fee) == (amount("0.5", "ETH"), amount("15.356475", "USD"))


def test_a_reversal_leaves_an_event_that_moves_nothing(page: MakePage, fill: MakeRow) -> None:
    first, taken_back = fills(page, fill(1), fill(1, entry_id="r1", trade_type="REVERSAL", sequence_timestamp="2025-06-04T09:00:00Z"))
    kept = told_again(first, taken_back).event
    assert isinstance(kept, Fill)
    assert isinstance(taken_back, Fill)
    assert (taken_back.is_amendment, kept.is_amendment) == (True, False)
    assert (kept.base, kept.quote, kept.fee, kept.is_half) == (amount("0", "ETH"), amount("0", "USD"), None, False)


def test_two_fills_of_one_trade_are_told_of_as_only_one_is_booked(page: MakePage, fill: MakeRow) -> None:
    later = fill(1, entry_id="e2", size="0.5", sequence_timestamp="2025-06-04T09:00:00Z")
    said = parse.interpret(page("fills", {"fills": [later, fill(1), fill(1), fill(2)], "cursor": ""}))
    assert [(finding.code, finding.subject.rpartition("/")[2] in {"e2", fill(1)["entry_id"]}) for finding in said.findings] == [
        ("fill-told-twice", True)
    ]


@pytest.mark.parametrize("kind", ["SYNTHETIC", "ADJUSTMENT"])
def test_a_fill_of_a_type_without_a_rule_is_a_finding(page: MakePage, fill: MakeRow, kind: str) -> None:
    code, message = finding_of(page, "fills", "fills", fill(trade_type=kind))
    assert code == "unknown-row"
    assert kind in message


@pytest.mark.parametrize("product", ["ADA-PERP-INTX", "BIT-28JUN24-CDE", "ETHUSD"])
def test_a_fill_of_no_spot_market_is_a_finding(page: MakePage, fill: MakeRow, product: str) -> None:
    code, message = finding_of(page, "fills", "fills", fill(product_id=product))
    assert (code, f"{product!r}, which is no spot market" in message) == ("unknown-row", True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"entry_id": ""}, '"entry_id" is missing'),
        ({"trade_id": None}, '"trade_id" is missing'),
        ({"order_id": ""}, '"order_id" is missing'),
        ({"side": "UNKNOWN_ORDER_SIDE"}, "neither BUY nor SELL"),
        ({"price": "0"}, '"price" is 0'),
        ({"price": "1e400"}, "out of range"),
        ({"size": None}, '"size" is missing'),
        ({"size": "-1"}, '"size" is -1'),
        ({"commission": "n/a"}, '"commission" is no number'),
        ({"size_in_quote": "yes"}, "neither true nor false"),
        ({"size": "1E-18", "size_in_quote": True}, "too small for the price"),
        ({"trade_time": "yesterday"}, '"trade_time" is no instant'),
        ({"sequence_timestamp": "2025-06-03T14:22:31"}, "no time zone"),
        ({"product_id": "ETH-"}, "is not an asset code"),
    ],
)
def test_a_fill_that_cannot_be_read_is_a_finding(page: MakePage, fill: MakeRow, changed: Row, words: str) -> None:
    code, message = finding_of(page, "fills", "fills", fill() | changed)
    assert code == "unreadable-row"
    assert words in message


# --- the history of a wallet -----------------------------------------------------------------------------------------

FILL_PART = {"fill_price": "3412.55", "product_id": "ETH-USD", "order_id": "o1", "commission": "15.36", "order_side": "buy"}


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("advanced_trade_fill", {"advanced_trade_fill": FILL_PART}),
        ("transfer", {}),
        ("vault_withdrawal", {}),
        ("staking_transfer", {}),
        ("unstaking_transfer", {}),
    ],
)
def test_a_row_that_mirrors_another_is_evidence_and_books_nothing(page: MakePage, moved: MakeRow, kind: str, other: Row) -> None:
    said = parse.interpret(page("ledger", {"data": [moved(kind, "0.75", "ETH", **other)]}))
    assert (said.events, said.findings) == ((), ())
    (line,) = said.lines
    assert (line.kind, line.asset, line.amount, line.event_ids) == (kind, "ETH", Decimal("0.75"), ())


@pytest.mark.parametrize(("moves", "turn"), [("-2574.76", "`sell` 2574.76 USDC for as much"), ("9.5", "`buy` 9.5 USDC for as much")])
def test_a_fill_that_was_settled_in_another_asset_is_found_with_the_exchange_that_mends_it(
    page: MakePage, moved: MakeRow, moves: str, turn: str
) -> None:
    said = parse.interpret(page("ledger", {"data": [moved("advanced_trade_fill", moves, "USDC", advanced_trade_fill=FILL_PART)]}))
    (found,), (line,) = said.findings, said.lines
    assert (found.code, found.severity, said.events) == ("settled-otherwise", "error", ())
    assert f"a fill of ETH-USD, order o1, moved {moves} USDC" in found.message
    assert f"{turn} USD, at 2025-01-12T01:27:31Z" in found.mend
    assert (line.asset, line.amount) == ("USDC", Decimal(moves))


def test_what_is_sent_leaves_without_the_network_s_fee(page: MakePage, moved: MakeRow) -> None:
    network = {"status": "confirmed", "hash": "4f1e55", "transaction_fee": {"amount": "4.008308", "currency": "USDC"}}
    network |= {"transaction_amount": {"amount": "10.000000", "currency": "USDC"}}
    (told,) = wallet(page, moved("send", "-14.008308", "USDC", network=network, to={"address": "0x9abc"}))
    assert isinstance(told, Transfer)
    assert (told.from_account, told.to_account) == ("main", None)
    assert (told.amount, told.fee) == (amount("10", "USDC"), amount("4.008308", "USDC"))
    assert (told.chain_hash, told.address) == ("4f1e55", "0x9abc")


@pytest.mark.parametrize("kind", ["send", "receive", "request", "fiat_deposit", "exchange_withdrawal", "pro_withdrawal", "intx_withdrawal"])
def test_what_comes_in_is_half_a_transfer(page: MakePage, moved: MakeRow, kind: str) -> None:
    (told,) = wallet(page, moved(kind, "0.5", "BTC", **{"from": {"address": "bc1q"}}))
    assert isinstance(told, Transfer)
    assert (told.from_account, told.to_account, told.amount, told.fee) == (None, "main", amount("0.5", "BTC"), None)
    assert told.address == "bc1q"


@pytest.mark.parametrize("kind", ["send", "request", "fiat_withdrawal", "pro_deposit", "intx_deposit"])
def test_what_goes_out_is_half_a_transfer(page: MakePage, moved: MakeRow, kind: str) -> None:
    (told,) = wallet(page, moved(kind, "-0.5", "BTC"))
    assert isinstance(told, Transfer)
    assert (told.from_account, told.to_account, told.amount, told.fee) == ("main", None, amount("0.5", "BTC"), None)


@pytest.mark.parametrize("turned", [False, True])
def test_a_move_to_the_exchange_that_repeats_a_send_is_booked_once(page: MakePage, moved: MakeRow, *, turned: bool) -> None:
    send = moved("send", "-1", "BTC", id="s1", created_at="2025-01-12T01:27:33Z")
    rows = [send, moved("exchange_deposit", "-1", "BTC", id="d1")]
    said = parse.interpret(page("ledger", {"data": rows[::-1] if turned else rows}, symbol="BTC/w1"))
    assert ([event.source_id for event, _ in said.events], said.findings) == (["s1"], ())
    assert {line.line_id for line in said.lines} == {"s1", "d1"}


@pytest.mark.parametrize(
    "others",
    [(), ({"created_at": "2025-01-12T01:27:34Z"},), ({"amount": {"amount": "-2", "currency": "BTC"}},), ({}, {})],
    ids=["no send", "another instant", "another amount", "two moves and one send"],
)
def test_a_move_to_the_exchange_that_repeats_no_send_is_found_and_not_booked(
    page: MakePage, moved: MakeRow, others: tuple[Row, ...]
) -> None:
    deposits = [moved("exchange_deposit", "-1", "BTC", id=f"d{number}") for number in range(max(len(others), 1))]
    sends = [moved("send", "-1", "BTC", id="s1") | other for other in others[:1]]
    said = parse.interpret(page("ledger", {"data": [*deposits, *sends]}, symbol="BTC/w1"))
    assert len(said.events) == len(sends)
    (found,) = said.findings
    assert (found.code, found.severity, found.subject) == ("deposit-unsent", "error", f"main/ledger/BTC/w1/d{len(deposits) - 1}")
    assert "book `withdrawal` 1 BTC" in found.mend


@pytest.mark.parametrize(
    ("kind", "income"),
    [
        ("staking_reward", IncomeKind.STAKING),
        ("inflation_reward", IncomeKind.STAKING),
        ("interest", IncomeKind.INTEREST),
        ("earn_payout", IncomeKind.REWARD),
        ("incentives_rewards_payout", IncomeKind.REWARD),
        ("subscription_rebate", IncomeKind.REBATE),
    ],
)
def test_what_is_given_is_income(page: MakePage, moved: MakeRow, kind: str, income: IncomeKind) -> None:
    (told,) = wallet(page, moved(kind, "0.00012", "ETH"))
    assert isinstance(told, Income)
    assert (told.kind, told.amount, told.value) == (income, amount("0.00012", "ETH"), None)


def test_a_subscription_is_a_charge(page: MakePage, moved: MakeRow) -> None:
    (told,) = wallet(page, moved("subscription", "-29.99", "USD"))
    assert isinstance(told, Charge)
    assert (told.kind, told.amount) == (ChargeKind.FEE, amount("29.99", "USD"))


@pytest.mark.parametrize("turned", [False, True])
def test_the_two_legs_of_a_conversion_are_one_fill(page: MakePage, moved: MakeRow, *, turned: bool) -> None:
    trade = {"id": "77ab", "fee": {"amount": "1.25", "currency": "USDC"}}
    (given_up,) = wallet(page, moved("trade", "-250", "USDC", trade=trade, created_at="2025-01-12T01:27:30Z"))
    (received,) = wallet(page, moved("trade", "0.0031", "BTC", trade=trade, id="another"))
    assert given_up.event_id == received.event_id
    assert isinstance(given_up, Fill)
    assert given_up.is_half
    first, second = (received, given_up) if turned else (given_up, received)
    whole = told_again(first, second).event
    assert isinstance(whole, Fill)
    assert (whole.side, whole.base, whole.quote, whole.fee) == (Side.BUY, amount("0.0031", "BTC"), amount("250", "USDC"), None)
    assert (whole.provisional, whole.source_id, whole.occurred_at) == (False, "77ab", datetime(2025, 1, 12, 1, 27, 30, tzinfo=UTC))
    for half in (given_up, received):
        assert told_again(whole, half).event is None
        assert told_again(whole, half).conflicts == ()


def sent(fee: str, asset: str) -> Row:
    return {"amount": {"amount": "-1", "currency": "BTC"}, "network": {"transaction_fee": {"amount": fee, "currency": asset}}}


def purchase(side: str, coins: str, *, subtotal: str, fee: str, total: str) -> Row:
    money = {name: {"amount": figure, "currency": "USD"} for name, figure in (("subtotal", subtotal), ("fee", fee), ("total", total))}
    return {"type": side, "amount": {"amount": coins, "currency": "BTC"}, side: {"id": "9e14", **money}}


@pytest.mark.parametrize(
    ("side", "coins", "total"),
    [(Side.BUY, "0.5", "100.00"), (Side.SELL, "-0.5", "97.02")],
)
def test_a_simple_purchase_or_sale_is_a_fill_of_the_wallet_of_coins(
    page: MakePage, moved: MakeRow, side: Side, coins: str, total: str
) -> None:
    row = purchase(side.value, coins, subtotal="98.51", fee="1.49", total=total)
    told, _ = wallet(page, moved(side.value, coins, "BTC") | row)
    assert isinstance(told, Fill)
    assert (told.side, told.base, told.quote) == (side, amount("0.5", "BTC"), amount("98.51", "USD"))
    assert (told.fee, told.source_id) == (amount("1.49", "USD"), "9e14")


@pytest.mark.parametrize(
    ("side", "coins", "total", "pays"),
    [(Side.BUY, "0.5", "100.00", "-100"), (Side.SELL, "-0.5", "97.02", "97.02")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_money_of_a_purchase_or_sale_comes_from_outside_unless_a_wallet_of_money_pays(
    page: MakePage, moved: MakeRow, side: Side, coins: str, total: str, pays: str, *, turned: bool
) -> None:
    row = purchase(side.value, coins, subtotal="98.51", fee="1.49", total=total)
    fill, outside = wallet(page, moved(side.value, coins, "BTC") | row)
    assert isinstance(outside, Transfer)
    assert outside.amount == amount(total, "USD")
    assert (outside.from_account, outside.to_account) == ((None, "main") if side is Side.BUY else ("main", None))
    money = row | {"id": "another", "amount": {"amount": pays, "currency": "USD"}, "created_at": "2025-01-12T01:27:33Z"}
    said = parse.interpret(page("ledger", {"data": [moved(side.value, pays, "USD") | money]}))
    ((inside, _),) = said.events
    assert said.lines[0].event_ids == (fill.event_id,)
    first, second = (inside, outside) if turned else (outside, inside)
    kept = told_again(first, second).event or first
    assert isinstance(kept, Transfer)
    assert (kept.amount, kept.provisional) == (amount("0", "USD"), False)
    assert [told_again(kept, other).event for other in (outside, inside)] == [None, None]


def test_coins_that_pay_for_others_come_from_no_card(page: MakePage, moved: MakeRow) -> None:
    row = purchase("buy", "0.5", subtotal="98.51", fee="1.49", total="100")
    paid = json.loads(json.dumps(row).replace("USD", "USDC"))
    (fill,) = wallet(page, moved("buy", "0.5", "BTC") | paid)
    assert isinstance(fill, Fill)
    assert wallet(page, moved("buy", "-100", "USDC") | paid | {"amount": {"amount": "-100", "currency": "USDC"}}) == ()


@pytest.mark.parametrize("status", ["pending", "created", "waiting_for_clearing", "failed", "expired", "canceled"])
def test_what_is_not_completed_moved_nothing(page: MakePage, moved: MakeRow, status: str) -> None:
    said = parse.interpret(page("ledger", {"data": [moved("send", "-1", "BTC", status=status)]}))
    assert (said.events, said.lines, said.findings) == ((), (), ())


@pytest.mark.parametrize(
    ("kind", "mend"),
    [
        ("tx", "book what it was (`deposit`, `withdrawal`, `income`, `fee`, ...) from a lotwright-events file"),
        ("retail_simple_dust", "book `sell` with that as the quote, if nothing, `lost`, from a lotwright-events file"),
        ("derivatives_settlement", "book the move as `deposit` or `withdrawal` from a lotwright-events file"),
        ("vip_adjustment", "ask for a rule for this type"),
    ],
)
def test_what_the_venue_does_not_explain_is_found_with_what_its_owner_can_book(
    page: MakePage, moved: MakeRow, kind: str, mend: str
) -> None:
    assert mend in one_finding(page, "ledger", "data", moved(kind, "-0.1", "BTC")).mend


def test_a_synthetic_fill_is_found_with_what_its_owner_can_book(page: MakePage, fill: MakeRow) -> None:
    found = one_finding(page, "fills", "fills", fill(trade_type="SYNTHETIC"))
    assert "if units moved, book `buy` or `sell` with the amounts of the row from a lotwright-events file" in found.mend


@pytest.mark.parametrize("kind", ["tx", "retail_simple_dust", "derivatives_settlement", "vip_adjustment"])
def test_a_row_of_a_type_without_a_rule_is_a_finding_whatever_its_status(page: MakePage, moved: MakeRow, kind: str) -> None:
    for status in ("completed", "pending"):
        code, message = finding_of(page, "ledger", "data", moved(kind, "1", "BTC", status=status))
        assert (code, repr(kind) in message) == ("unknown-row", True)


def test_an_unknown_status_is_a_finding(page: MakePage, moved: MakeRow) -> None:
    code, message = finding_of(page, "ledger", "data", moved("send", "1", "BTC", status="frozen"))
    assert (code, "unknown status 'frozen'" in message) == ("unknown-row", True)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"amount": None}, '"amount" is missing'),
        ({"amount": "5 BTC"}, "it is no object"),
        ({"amount": {"amount": "x", "currency": "BTC"}}, '"amount" is no number'),
        ({"amount": {"amount": "1", "currency": "btc!"}}, "is not an asset code"),
        ({"amount": {"amount": "0", "currency": "BTC"}}, "leaves nothing to move"),
        ({"created_at": None}, '"created_at" is missing'),
        ({"status": None}, '"status" is missing'),
        (sent("1", "BTC"), "leaves nothing"),
        (sent("1", "ETH"), "no part of"),
        (sent("-1", "BTC"), "no part of"),
        ({"amount": {"amount": "-1", "currency": "BTC"}, "network": {"transaction_fee": {"amount": "0.1", "currency": "BTC"},
          "transaction_amount": {"amount": "1", "currency": "BTC"}}}, 'do not leave the "transaction_amount"'),
        ({"type": "interest", "amount": {"amount": "-1", "currency": "BTC"}}, "did not come in"),
        ({"type": "subscription"}, "did not leave"),
        ({"type": "trade"}, '"id" is missing'),
        ({"type": "trade", "trade": {"id": "t"}, "amount": {"amount": "0", "currency": "BTC"}}, "is nothing"),
        ({"type": "buy"}, '"subtotal" is missing'),
        (purchase("buy", "0.5", subtotal="98.51", fee="1.49", total="101"), "are no buy"),
        (purchase("buy", "-0.5", subtotal="98.51", fee="1.49", total="100"), "are no buy"),
        (purchase("buy", "0.5", subtotal="98.51", fee="1.49", total="100") | {"amount": {"amount": "-101", "currency": "USD"}},
         "moved 1 USD more than the total"),
        (purchase("sell", "-0.5", subtotal="98.51", fee="1.49", total="100"), "are no sell"),
        (purchase("buy", "0.5", subtotal="1", fee="1", total="2") | {"buy": {"id": "9", "subtotal": {"amount": "1", "currency": "USD"},
          "fee": {"amount": "1", "currency": "EUR"}, "total": {"amount": "2", "currency": "USD"}}}, "cannot be added"),
    ],
)  # fmt: skip
def test_a_row_of_a_wallet_that_cannot_be_read_is_a_finding(page: MakePage, moved: MakeRow, row: Row, words: str) -> None:
    code, message = finding_of(page, "ledger", "data", moved("send", "1", "BTC") | row)
    assert code == "unreadable-row"
    assert words in message


# --- balances, pages, what a walk must know ---------------------------------------------------------------------------


def account(uuid: str, currency: str, available: str, hold: str, *, held: str | None = None) -> Row:
    return {
        "uuid": uuid,
        "currency": currency,
        "available_balance": {"value": available, "currency": currency},
        "hold": {"value": hold, "currency": held or currency},
    }


def test_a_balance_is_what_is_free_and_on_hold_in_all_accounts_of_a_currency(page: MakePage) -> None:
    rows = [account("a", "BTC", "1.23", "0.07"), account("b", "USD", "10", "0"), account("c", "BTC", "2", "0")]
    said = parse.interpret(page("balances", {"accounts": rows, "cursor": ""}))
    balances = [event.balance for event, _ in said.events if isinstance(event, BalanceSnapshot)]
    assert balances == [amount("3.3", "BTC"), amount("10", "USD")]
    assert {event.occurred_at for event, _ in said.events} == {START}
    code, message = finding_of(page, "balances", "accounts", account("a", "BTC", "1", "1", held="ETH"))
    assert (code, "cannot be added" in message) == ("unreadable-row", True)


def test_what_lies_with_another_product_of_the_venue_is_told_and_not_added_to_the_spot_balance(page: MakePage) -> None:
    spot = account("a", "USD", "10", "0") | {"platform": "ACCOUNT_PLATFORM_CONSUMER"}
    empty, futures = (
        account(uuid, "USD", held, "0") | {"platform": "ACCOUNT_PLATFORM_CFM_CONSUMER"} for uuid, held in (("b", "0"), ("c", "5"))
    )
    said = parse.interpret(page("balances", {"accounts": [spot, empty, futures], "cursor": ""}))
    assert [event.balance for event, _ in said.events if isinstance(event, BalanceSnapshot)] == [amount("10", "USD")]
    assert [(finding.code, finding.subject) for finding in said.findings] == [("unknown-row", "main/balances/c")]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b"{}", b'{"fills":{}}', b'{"fills":null,"cursor":""}'])
def test_a_page_that_is_none_is_a_finding(page: MakePage, content: bytes) -> None:
    said = parse.interpret(page("fills", None, content=content))
    assert [finding.code for finding in said.findings] == ["unreadable-page"]


def test_a_page_of_an_unknown_stream_is_a_finding(page: MakePage) -> None:
    assert [finding.code for finding in parse.interpret(page("loans", {"loans": []})).findings] == ["unreadable-page"]


def test_candles_tell_no_events(page: MakePage) -> None:
    assert parse.interpret(page("candles", {"candles": []})) == parse.Interpretation()


def test_one_bad_row_leaves_the_others(page: MakePage, fill: MakeRow) -> None:
    said = parse.interpret(page("fills", {"fills": [fill(1), "nonsense", fill(3, price=None), fill(4)]}))
    assert [place for _, place in said.events] == ["row 1", "row 4"]
    assert [finding.subject.split("/")[:2] for finding in said.findings] == [["main", "fills"]] * 2


def test_marks_are_those_of_the_rows_that_can_be_read(fill: MakeRow, moved: MakeRow) -> None:
    rows = [fill(31), {"entry_id": "x"}, 7]
    (mark,) = answers.marks_of("fills", rows)  # type: ignore[arg-type] # rows as JSON gives them
    assert (mark.row_id, mark.position, mark.may_change) == (f"{31:064x}", 1748959231421020, False)
    pending = moved("advanced_trade_fill", "1", "ETH", status="pending", advanced_trade_fill=FILL_PART)
    (mark,) = answers.marks_of("ledger", [pending])  # type: ignore[list-item] # as above
    assert (mark.order_id, mark.may_change, mark.occurred_at) == ("o1", True, datetime(2025, 1, 12, 1, 27, 31, tzinfo=UTC))


def held(**other: object) -> Row:
    row: Row = {
        "id": "w1",
        "currency": {"code": "BTC"},
        "balance": {"amount": "0", "currency": "BTC"},
        "created_at": "a",
        "updated_at": "b",
    }
    return row | other


@pytest.mark.parametrize(
    ("row", "is_empty", "is_changed"),
    [
        (held(), True, True),
        (held(updated_at="a"), True, False),
        (held(updated_at="a", balance={"amount": "0.1", "currency": "BTC"}), False, False),
        (held(currency="BTC", created_at=None, updated_at=None), True, True),
    ],
)
def test_a_wallet_tells_whether_it_holds_anything_and_was_ever_changed(row: Row, *, is_empty: bool, is_changed: bool) -> None:
    (wallet,) = answers.wallets_of({"data": [row]})  # type: ignore[dict-item] # as JSON gives it
    assert (wallet.wallet_id, wallet.currency, wallet.is_empty, wallet.is_changed) == ("w1", "BTC", is_empty, is_changed)


def test_a_candle_is_quoted_at_its_start_with_its_close() -> None:
    rows = [{"start": start, "close": close} for start, close in (("1710327660", "73370.65"), ("1710327600", "73300.5"))]
    quotes = answers.quotes_of({"candles": rows}, asset=AssetCode("BTC"), currency=AssetCode("USD"))  # type: ignore[dict-item] # as above
    assert [(quote.observed_at, quote.price) for quote in quotes] == [
        (datetime(2024, 3, 13, 11, 0, tzinfo=UTC), Decimal("73300.5")),
        (datetime(2024, 3, 13, 11, 1, tzinfo=UTC), Decimal("73370.65")),
    ]


@pytest.mark.parametrize("told", [{}, {"candles": [{}]}, {"candles": [{"start": "9" * 18, "close": "1"}]}, {"candles": ["x"]}])
def test_a_candle_that_cannot_be_read_is_an_error(told: dict[str, object]) -> None:
    with pytest.raises(InputError):
        answers.quotes_of(told, asset=AssetCode("BTC"), currency=AssetCode("USD"))  # type: ignore[arg-type] # as above


# --- whatever comes ----------------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(["", "0", "1", "-1", "1e5", "1E-18", "99999999999999999999", "BTC", "ETH-USD", "BUY", "SELL", "FILL", "REVERSAL",
                     "CORRECTION", "send", "trade", "buy", "sell", "interest", "subscription", "completed", "pending",
                     "2025-06-03T14:22:31Z", "advanced_trade_fill", "exchange_deposit", "tx",
                     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999-14:00"]),
    st.text(max_size=8),
)  # fmt: skip
KEYS = st.sampled_from(
    ["entry_id", "trade_id", "order_id", "trade_time", "trade_type", "price", "size", "commission", "product_id", "sequence_timestamp",
     "size_in_quote", "side", "id", "type", "status", "amount", "currency", "created_at", "network", "transaction_fee", "trade",
     "buy", "sell", "subtotal", "total", "fee", "value", "available_balance", "hold", "uuid", "to", "from", "address", "hash",
     "advanced_trade_fill"],
)  # fmt: skip
ROWS = st.dictionaries(
    KEYS, st.recursive(CELLS, lambda cells: st.dictionaries(KEYS, cells, max_size=4) | st.lists(cells, max_size=2), max_leaves=8)
)


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(stream=st.sampled_from(["fills", "ledger", "balances"]), rows=st.lists(ROWS | CELLS, max_size=4), base=st.integers(0, 2))
def test_no_row_whatever_is_in_it_raises_or_vanishes(stream: str, rows: list[object], base: int) -> None:
    usual: Row = {
        "entry_id": "e", "trade_id": "t", "order_id": "o", "trade_time": "2025-06-03T14:22:31Z", "trade_type": "FILL", "price": "2",
        "size": "3", "commission": "1", "product_id": "ETH-USD", "sequence_timestamp": "2025-06-03T14:22:31Z", "side": "BUY", "id": "i",
        "type": "send",
        "status": "completed", "amount": {"amount": "1", "currency": "BTC"}, "created_at": "2025-06-03T14:22:31Z",
        "available_balance": {"value": "1", "currency": "BTC"}, "hold": {"value": "1", "currency": "BTC"},
    }  # fmt: skip
    told = [usual | row if base and isinstance(row, dict) else row for row in rows]
    content = json.dumps({parse.ROWS_KEYS[stream]: told}).encode()
    payload = Payload(
        payload_id=payload_id(account=AccountId("main"), request="GET /", content=content_hash(content)),
        kind=PayloadKind.PAGE,
        venue=VENUE,
        account=AccountId("main"),
        stream=stream,
        symbol="",
        request="GET /",
        name="",
        content=content,
        content_hash=content_hash(content),
        fetched_at=START,
    )
    said = parse.interpret(payload)
    quiet = [row for row in told if isinstance(row, dict) and (row.get("status") == "pending" or stream == "balances")]
    assert len(said.events) + len(said.lines) + len(said.findings) + len(quiet) >= len(told)
    if stream != "balances":
        answers.marks_of(stream, told)  # type: ignore[arg-type] # as above
