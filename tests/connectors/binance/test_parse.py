"""What each kind of row says: row by row from the venue's own samples, and what is never guessed."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.connectors.binance import parse
from ledger.domain.amount import Amount, AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Fill, Income, IncomeKind, Side, Transfer
from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId, VenueName, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.ports import Interpretation

START = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, object]

TRADE: Row = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "orderListId": -1,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}
DEPOSIT: Row = {
    "amount": "0.01844487",
    "coin": "BCH",
    "status": 1,
    "address": "1NYx",
    "txId": "bafc59",
    "insertTime": 1610784980000,
    "transferType": 0,
}
WITHDRAWAL: Row = {
    "id": "69e53a",
    "amount": "28.75",
    "transactionFee": "0.25",
    "coin": "XRP",
    "status": 6,
    "address": "r3T7",
    "txId": "19A5",
    "applyTime": "2021-04-15 12:09:16",
}
FIAT: Row = {
    "orderNo": "CJW7",
    "fiatCurrency": "GBP",
    "indicatedAmount": "101.50",
    "amount": "100.00",
    "totalFee": "1.50",
    "status": "Successful",
    "createTime": 1620037745000,
}
US_FIAT: Row = {
    "orderId": "25ced3",
    "paymentChannel": "TRUST",
    "paymentMethod": "ACH",
    "orderStatus": "Successful",
    "fiatCurrency": "USD",
    "amount": "250.00",
    "transactionFee": "0.00",
    "platformFee": "0.00",
    "createTime": 1620037745000,
}
PAYMENT: Row = {
    "orderNo": "353f",
    "sourceAmount": "20.0",
    "fiatCurrency": "EUR",
    "obtainAmount": "4.462",
    "cryptoCurrency": "LUNA",
    "totalFee": "0.2",
    "status": "Completed",
    "paymentMethod": "Credit Card",
    "createTime": 1624529919000,
}
CONVERSION: Row = {
    "orderId": 940708407462087195,
    "orderStatus": "SUCCESS",
    "fromAsset": "USDT",
    "fromAmount": "20",
    "toAsset": "BNB",
    "toAmount": "0.06154036",
    "createTime": 1624248872184,
}
GRAIN: Row = {
    "fromAsset": "LTC",
    "amount": "0.000006",
    "transferedAmount": "0.00000267",
    "serviceChargeAmount": "0.00000005",
    "operateTime": "1627575731000",
    "transId": "70899815863",
}
DIVIDEND: Row = {"id": 1637366104, "amount": "10", "asset": "BHFT", "divTime": 1563189166000, "enInfo": "BHFT distribution", "tranId": 2968}
REWARD: Row = {"asset": "BUSD", "rewards": "0.00006408", "projectId": "USDT001", "type": "REALTIME", "time": 1577233578000}
MOVE: Row = {"asset": "USDT", "amount": "1", "type": "MAIN_UMFUTURE", "status": "CONFIRMED", "tranId": 11415, "timestamp": 1544433328000}

SUB_MOVE: Row = {
    "counterParty": "master",
    "email": "master@test.com",
    "type": 1,
    "asset": "BTC",
    "qty": "1",
    "fromAccountType": "SPOT",
    "toAccountType": "SPOT",
    "status": "SUCCESS",
    "tranId": 11798835829,
    "time": 1544433325000,
}


def amount(text: str, asset: str) -> Amount:
    return Amount(quantity=Decimal(text), asset=AssetCode(asset))


def said(
    stream: str, answer: object, *, symbol: str = "", context: tuple[tuple[str, str], ...] = (), venue: str = "binance"
) -> Interpretation:
    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    account = AccountId("main")
    return parse.interpret(
        Payload(
            payload_id=payload_id(account=account, request=f"GET /{stream}", content=content_hash(content)),
            kind=PayloadKind.PAGE,
            venue=VenueName(venue),
            account=account,
            stream=stream,
            symbol=symbol,
            request=f"GET /{stream}",
            name="",
            content=content,
            content_hash=content_hash(content),
            fetched_at=START,
            context=context,
        )
    )


def trades(*rows: Row) -> Interpretation:
    return said("fills", list(rows), symbol="BNBBTC", context=(("base", "BNB"), ("quote", "BTC")))


def only(found: Interpretation) -> object:
    assert found.findings == ()
    assert len(found.events) == 1
    return found.events[0][0]


def finding_of(found: Interpretation) -> tuple[str, str]:
    assert found.events == ()
    (finding,) = found.findings
    return finding.code, finding.subject


# --- trades --------------------------------------------------------------------------------------------------------


def test_a_trade_is_a_fill_with_its_fee_in_whatever_asset() -> None:
    fill = only(trades(TRADE))
    assert isinstance(fill, Fill)
    assert (fill.source_id, fill.order_id, fill.side, fill.sequence) == ("28457", "100234", Side.BUY, 28457)
    assert (fill.base, fill.quote, fill.fee) == (amount("12", "BNB"), amount("48.000012", "BTC"), amount("10.1", "BNB"))
    assert fill.occurred_at == datetime(2017, 7, 12, 13, 19, 9, 590000, tzinfo=UTC)


def test_a_fee_of_a_third_asset_and_a_rebate_keep_asset_and_sign() -> None:
    third = only(trades({**TRADE, "commissionAsset": "USDT"}))
    rebate = only(trades({**TRADE, "commission": "-0.5"}))
    free = only(trades({**TRADE, "commission": "0.00000000", "commissionAsset": None}))
    assert isinstance(third, Fill) and isinstance(rebate, Fill) and isinstance(free, Fill)  # noqa: PT018 - one kind
    assert (third.fee, rebate.fee, free.fee) == (amount("10.1", "USDT"), amount("-0.5", "BNB"), None)


def test_sixteen_digits_of_time_are_microseconds() -> None:
    fill = only(trades({**TRADE, "time": 1499865549590123}))
    assert isinstance(fill, Fill)
    assert fill.occurred_at.microsecond == 590123


def test_both_sides_of_a_self_trade_are_two_fills_and_one_id_of_two_symbols_too() -> None:
    bought, sold = trades(TRADE, {**TRADE, "isBuyer": False}).events
    other = said("fills", [{**TRADE, "symbol": "BNBETH"}], symbol="BNBETH", context=(("base", "BNB"), ("quote", "ETH"))).events[0]
    assert len({one.event_id for one, _ in (bought, sold, other)}) == 3


def test_equal_trades_of_one_millisecond_stay_two() -> None:
    assert len({event.event_id for event, _ in trades(TRADE, {**TRADE, "id": 28458}).events}) == 2


@pytest.mark.parametrize(
    "wrong",
    [{"price": None}, {"qty": ""}, {"qty": "0"}, {"isBuyer": "yes"}, {"time": 10**18}, {"symbol": "ETHBTC"}, {"commissionAsset": ""}],
)
def test_a_trade_that_cannot_be_read_is_a_finding_and_the_others_are_kept(wrong: Row) -> None:
    found = trades({**TRADE, **wrong}, {**TRADE, "id": 28458})
    assert [event.source_id for event, _ in found.events] == ["28458"]
    assert [(finding.code, finding.subject) for finding in found.findings] == [("unreadable-row", "main/fills/BNBBTC/28457")]


def test_a_symbol_that_the_venue_has_forgotten_is_a_warning_that_says_what_to_import() -> None:
    (finding,) = said("fills", {"code": -1121, "msg": "Invalid symbol."}, symbol="LTCUSD").findings
    assert (finding.code, finding.severity, finding.subject) == ("symbol-unreachable", Severity.WARNING, "main/LTCUSD")


# --- transfers -----------------------------------------------------------------------------------------------------


def test_a_deposit_arrives_when_it_is_complete_and_has_the_id_of_its_chain_where_the_venue_gives_none() -> None:
    old = only(said("deposits", [DEPOSIT]))
    new = only(said("deposits", [{**DEPOSIT, "id": "4615", "completeTime": 1610785012000}]))
    assert isinstance(old, Transfer) and isinstance(new, Transfer)  # noqa: PT018 - one kind
    assert (old.source_id, old.amount, old.to_account, old.from_account) == ("bafc59", amount("0.01844487", "BCH"), "main", None)
    assert (new.source_id, new.occurred_at) == ("4615", datetime(2021, 1, 16, 8, 16, 52, tzinfo=UTC))


@pytest.mark.parametrize(("status", "events"), [(0, 0), (1, 1), (2, 0), (6, 1), (7, 0), (8, 0)])
def test_only_a_deposit_that_arrived_is_booked(status: int, events: int) -> None:
    found = said("deposits", [{**DEPOSIT, "status": status}])
    assert (len(found.events), found.findings) == (events, ())
    assert all(event.provisional == (status == 6) for event, _ in found.events)


def test_a_withdrawal_leaves_with_its_fee_at_a_time_that_is_utc() -> None:
    left = only(said("withdrawals", [WITHDRAWAL]))
    assert isinstance(left, Transfer)
    assert (left.amount, left.fee, left.from_account, left.to_account) == (amount("28.75", "XRP"), amount("0.25", "XRP"), "main", None)
    assert left.occurred_at == datetime(2021, 4, 15, 12, 9, 16, tzinfo=UTC)


@pytest.mark.parametrize(("wallet", "account"), [(0, "main"), (1, "main-funding"), ("1", "main-funding"), ("", "main"), (None, "main")])
def test_what_comes_into_or_leaves_the_funding_wallet_is_not_in_the_spot_wallet(wallet: object, account: str) -> None:
    came, left = (
        only(said("deposits", [{**DEPOSIT, "walletType": wallet}])),
        only(said("withdrawals", [{**WITHDRAWAL, "walletType": wallet}])),
    )
    assert isinstance(came, Transfer) and isinstance(left, Transfer)  # noqa: PT018 - one kind
    assert (came.to_account, left.from_account) == (account, account)
    assert finding_of(said("deposits", [{**DEPOSIT, "walletType": 7}]))[0] == "unreadable-row"


@pytest.mark.parametrize("status", range(6))
def test_a_withdrawal_that_is_not_done_says_nothing(status: int) -> None:
    assert said("withdrawals", [{**WITHDRAWAL, "status": status}]) == Interpretation()


def test_money_comes_in_net_of_a_fee_that_the_order_explains() -> None:
    came, left = only(said("fiat", {"data": [FIAT]}, symbol="0")), only(said("fiat", {"data": [FIAT]}, symbol="1"))
    assert isinstance(came, Transfer) and isinstance(left, Transfer)  # noqa: PT018 - one kind
    assert (came.amount, came.fee, came.to_account) == (amount("100", "GBP"), None, "main")
    assert (left.amount, left.fee, left.from_account) == (amount("100", "GBP"), amount("1.5", "GBP"), "main")
    assert said("fiat", {"code": "000000", "total": 0}, symbol="0") == Interpretation()
    assert said("fiat", {"data": [{**FIAT, "status": "Failed"}]}, symbol="0") == Interpretation()


def test_dollars_of_binance_us_come_and_go_by_the_stream_and_a_fee_is_never_guessed() -> None:
    came, left = (only(said(stream, {"assetLogRecordList": [US_FIAT]})) for stream in ("fiat-deposits", "fiat-withdrawals"))
    assert isinstance(came, Transfer) and isinstance(left, Transfer)  # noqa: PT018 - one kind
    assert (came.to_account, came.from_account, came.amount, came.source_id) == ("main", None, amount("250", "USD"), "25ced3")
    assert (left.to_account, left.from_account, left.amount) == (None, "main", amount("250", "USD"))
    assert said("fiat-deposits", {"assetLogRecordList": [{**US_FIAT, "orderStatus": "Failed"}]}) == Interpretation()
    for odd in ({"orderStatus": "Returned"}, {"transactionFee": "1.50"}, {"platformFee": 0.5}):
        assert finding_of(said("fiat-deposits", {"assetLogRecordList": [{**US_FIAT, **odd}]})) == (
            "unknown-row",
            "main/fiat-deposits/25ced3",
        )


def test_a_purchase_with_a_card_brings_its_money_along() -> None:
    (paid_in, _), (fill, _) = said("payments", {"data": [PAYMENT]}, symbol="0").events
    assert isinstance(paid_in, Transfer) and isinstance(fill, Fill)  # noqa: PT018 - one row
    assert paid_in.amount == amount("20", "EUR")
    assert (fill.base, fill.quote, fill.fee) == (amount("4.462", "LUNA"), amount("19.8", "EUR"), amount("0.2", "EUR"))
    of_wallet = only(said("payments", {"data": [{**PAYMENT, "paymentMethod": "Cash Balance"}]}, symbol="0"))
    assert isinstance(of_wallet, Fill)


@pytest.mark.parametrize("indicated", ["10001.50", "100.00", None])
def test_money_whose_fee_is_in_none_of_its_amounts_is_booked_with_a_warning(indicated: str | None) -> None:
    for symbol, account in (("0", (None, "main")), ("1", ("main", None))):
        found = said("fiat", {"data": [{**FIAT, "indicatedAmount": indicated}], "total": 39, "success": True}, symbol=symbol)
        ((moved, _),) = found.events
        assert isinstance(moved, Transfer)
        assert (moved.from_account, moved.to_account, moved.amount, moved.fee) == (*account, amount("100", "GBP"), None)
        (warning,) = found.findings
        assert (warning.code, warning.severity, warning.subject) == ("fee-unexplained", Severity.WARNING, f"main/fiat/{symbol}/CJW7")


@pytest.mark.parametrize(
    ("price", "traded", "paid_out"),
    [
        (None, "20", "19.8"),
        ("4.6", "20", "19.8"),  # of too few digits to decide
        ("4.482295", "20", "19.8"),  # of the whole amount
        ("4.437472", "20", "19.8"),  # of what is left after the fee
        ("4.527117", "20.2", "20"),  # of an amount from which the fee is gone already
    ],
)
def test_a_sale_by_card_sends_its_money_out_after_the_fee(price: str | None, traded: str, paid_out: str) -> None:
    (fill, _), (sent, _) = said("payments", {"data": [{**PAYMENT, "price": price}]}, symbol="1").events
    assert isinstance(fill, Fill) and isinstance(sent, Transfer)  # noqa: PT018 - one row
    assert (fill.side, fill.base) == (Side.SELL, amount("4.462", "LUNA"))
    assert (fill.quote, fill.fee) == (amount(traded, "EUR"), amount("0.2", "EUR"))
    assert (sent.from_account, sent.to_account, sent.amount) == ("main", None, amount(paid_out, "EUR"))


def test_a_sale_for_the_cash_balance_leaves_its_money_in_the_account() -> None:
    fill = only(said("payments", {"data": [{**PAYMENT, "paymentMethod": "Cash Balance"}]}, symbol="1"))
    assert isinstance(fill, Fill)
    assert (fill.side, fill.quote, fill.fee) == (Side.SELL, amount("20", "EUR"), amount("0.2", "EUR"))
    assert said("payments", {"data": [{**PAYMENT, "status": "Refunded"}]}, symbol="1") == Interpretation()


def test_a_move_goes_to_another_account_of_ours() -> None:
    move = only(said("moves", {"rows": [MOVE], "total": 1}, symbol="MAIN_UMFUTURE"))
    assert isinstance(move, Transfer)
    assert (move.from_account, move.to_account, move.amount) == ("main", "main-umfuture", amount("1", "USDT"))
    back = only(said("moves", {"rows": [{**MOVE, "type": "PORTFOLIO_MARGIN_MAIN"}], "total": 1}))
    assert isinstance(back, Transfer)
    assert (back.from_account, back.to_account) == ("main-portfolio_margin", "main")


@pytest.mark.parametrize("wallet", ["PORTFOLIO_MARGIN", "ISOLATED_MARGIN"])
def test_a_move_to_a_margin_wallet_is_read_whatever_the_parts_of_its_name(wallet: str) -> None:
    move = only(said("moves", {"rows": [{**MOVE, "type": f"MAIN_{wallet}"}], "total": 1}))
    assert isinstance(move, Transfer)
    assert (move.from_account, move.to_account) == ("main", f"main-{wallet.lower()}")


def test_a_move_of_a_sub_account_is_half_a_transfer_that_names_the_other_side() -> None:
    came = only(said("sub-moves", [SUB_MOVE], symbol="1"))
    left = only(said("sub-moves", [{**SUB_MOVE, "type": 2, "fromAccountType": "USDT_FUTURE", "counterParty": "subAccount"}], symbol="2"))
    assert isinstance(came, Transfer) and isinstance(left, Transfer)  # noqa: PT018 - one kind
    assert (came.source_id, came.from_account, came.to_account, came.amount) == ("11798835829", None, "main", amount("1", "BTC"))
    assert (left.source_id, left.from_account, left.to_account) == ("11798835829", "main-umfuture", None)
    assert (came.note, left.note) == ("from master master@test.com", "to subAccount master@test.com")
    assert came.event_id != left.event_id


@pytest.mark.parametrize("status", ["PROCESS", "FAILURE"])
def test_a_move_of_a_sub_account_that_is_not_done_says_nothing(status: str) -> None:
    assert said("sub-moves", [{**SUB_MOVE, "status": status}], symbol="1") == Interpretation()


# --- conversions, dust, income -------------------------------------------------------------------------------------


def test_a_conversion_buys_what_came_with_what_went() -> None:
    fill = only(said("conversions", {"list": [CONVERSION], "moreData": False}))
    assert isinstance(fill, Fill)
    assert (fill.side, fill.base, fill.quote, fill.fee) == (Side.BUY, amount("0.06154036", "BNB"), amount("20", "USDT"), None)
    us = {name.replace("Asset", "Coin"): cell for name, cell in CONVERSION.items()}
    assert only(said("conversions", {"rows": [us], "total": 1})) == fill


@pytest.mark.parametrize(
    "status", ["PROCESS", "PENDING", "CREATED", "FAIL", "FAILED", "EXPIRED", "CANCELED", "CANCELLED", "REJECTED", "Expired"]
)
def test_a_conversion_that_moved_nothing_says_nothing(status: str) -> None:
    assert said("conversions", {"list": [{**CONVERSION, "orderStatus": status}], "moreData": False}) == Interpretation()


def test_dust_is_bought_with_the_charge_withheld_and_each_coin_is_a_fill_of_its_own() -> None:
    batch = {"transId": 70899815863, "operateTime": 1627575731000, "userAssetDribbletDetails": [GRAIN, {**GRAIN, "fromAsset": "GBP"}]}
    (fill, _), (other, _) = said("dust", {"total": 1, "userAssetDribblets": [batch]}).events
    assert isinstance(fill, Fill)
    assert (fill.base, fill.quote, fill.fee) == (amount("0.00000267", "BNB"), amount("0.000006", "LTC"), amount("0.00000005", "BNB"))
    assert (fill.source_id, other.source_id) == ("70899815863/LTC", "70899815863/GBP")


def test_a_coin_of_a_batch_that_cannot_be_read_leaves_the_others_of_its_batch() -> None:
    details = [{**GRAIN, "transferedAmount": "0"}, {**GRAIN, "fromAsset": "GBP"}]
    found = said("dust", {"total": 1, "userAssetDribblets": [{"transId": 1, "userAssetDribbletDetails": details}]})
    assert [event.source_id for event, _ in found.events] == ["70899815863/GBP"]
    assert [(finding.code, finding.subject) for finding in found.findings] == [("unreadable-row", "main/dust/70899815863/LTC")]


def test_dust_of_binance_us_becomes_the_asset_that_it_names_and_no_other() -> None:
    grain = {name: GRAIN[name] for name in ("fromAsset", "amount", "transferedAmount", "serviceChargeAmount")}
    batch = {"tranId": 7, "operateTime": 1627575731000, "toAsset": "USDT", "userAssetDribbletDetails": [grain]}
    answer = {"userDustConvertHistory": [batch], "total": 200}
    fill = only(said("dust", answer, venue="binance-us"))
    assert isinstance(fill, Fill)
    assert (fill.source_id, fill.base.asset, fill.quote.asset) == ("7/LTC", "USDT", "LTC")
    (mark,) = parse.marks_of("dust", parse.rows_of("dust", json.loads(json.dumps(answer))))
    assert (mark.row_id, mark.assets) == ("7", ("BNB", "USDT", "LTC"))
    unnamed = {"userDustConvertHistory": [{**batch, "toAsset": None}]}
    assert finding_of(said("dust", unnamed, venue="binance-us")) == ("unreadable-row", "main/dust/7/LTC")


def test_more_dust_than_the_venue_gives_is_a_finding() -> None:
    assert finding_of(said("dust", {"total": 101, "userAssetDribblets": []})) == ("dust-unreachable", "main/dust")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("BHFT distribution", IncomeKind.AIRDROP),
        ("Locked Staking Rewards", IncomeKind.STAKING),
        ("Flexible Savings Interest", IncomeKind.INTEREST),
        ("Launchpool", IncomeKind.REWARD),
        ("Referral Kickback", IncomeKind.REFERRAL),
        ("Trading fee rebate", IncomeKind.REBATE),
        ("RWUSD rewards distribution", IncomeKind.REWARD),
        ("Cash Voucher", IncomeKind.AIRDROP),
        ("Learn and Earn", IncomeKind.REWARD),
        ("Trading Competition", IncomeKind.REWARD),
        ("LUCKY_DRAW", IncomeKind.REWARD),
        ("Activity", IncomeKind.REWARD),
    ],
)
def test_a_distribution_is_income_of_the_kind_that_its_words_name(words: str, kind: IncomeKind) -> None:
    income = only(said("dividends", {"rows": [{**DIVIDEND, "enInfo": words}], "total": 1}))
    assert isinstance(income, Income)
    assert (income.kind, income.amount, income.note, income.source_id) == (kind, amount("10", "BHFT"), words, "1637366104")


def test_binance_us_says_what_a_distribution_is_for_under_another_name() -> None:
    row = {name: cell for name, cell in DIVIDEND.items() if name != "enInfo"} | {"category": "Staking Rewards"}
    income = only(said("dividends", {"rows": [row], "total": 1}, venue="binance-us"))
    assert isinstance(income, Income)
    assert (income.kind, income.note) == (IncomeKind.STAKING, "Staking Rewards")


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        ("Token Swap - Distribution", "book both as one trade"),
        ("LEND rebranding", "book both as one trade"),
        ("Launchpad token distribution", "book what was paid"),
        ("Crypto Box", "as gift_in if somebody gave it to you"),
        ("Refund of a subscription", "find the payment that it takes back"),
        ("something never heard of", "ask for a rule for these words"),
    ],
)
def test_a_distribution_that_may_be_no_income_is_a_finding_and_never_a_guess(words: str, mend: str) -> None:
    found = said("dividends", {"rows": [{**DIVIDEND, "enInfo": words}], "total": 1})
    assert finding_of(found) == ("unknown-row", "main/dividends/1637366104")
    assert mend in found.findings[0].mend
    assert words in found.findings[0].message


def test_a_distribution_that_left_the_account_is_no_income_whatever_it_is_called() -> None:
    came, left = ({**DIVIDEND, "direction": direction} for direction in (1, -1))
    assert isinstance(only(said("dividends", {"rows": [came], "total": 1})), Income)
    found = said("dividends", {"rows": [left], "total": 1})
    assert finding_of(found) == ("unknown-row", "main/dividends/1637366104")
    assert "it left the account" in found.findings[0].message


def test_a_reward_of_earn_is_booked_where_no_distribution_tells_of_it() -> None:
    income = only(said("rewards", {"rows": [REWARD], "total": 1}))
    assert isinstance(income, Income)
    assert (income.kind, income.amount) == (IncomeKind.INTEREST, amount("0.00006408", "BUSD"))
    assert said("rewards", {"rows": [{**REWARD, "type": "BONUS"}], "total": 1}) == Interpretation()


def test_rewards_of_one_instant_that_differ_in_their_amount_are_two() -> None:
    answer = {"rows": [REWARD, {**REWARD, "rewards": "0.00010"}], "total": 2}
    assert len({event.event_id for event, _ in said("rewards", answer).events}) == 2
    assert len({mark.row_id for mark in parse.marks_of("rewards", parse.rows_of("rewards", json.loads(json.dumps(answer))))}) == 2


def test_rewards_that_say_the_same_are_as_many_as_the_venue_counts() -> None:
    def ids(total: object) -> list[str]:
        answer = {"rows": [REWARD, {**REWARD, "rewards": "0.000064080"}], "total": total}
        return [str(event.source_id) for event, _ in said("rewards", answer).events]

    assert len(set(ids(2))) == 2
    assert ids(2)[0] == ids(1)[0] == ids(1)[1]
    assert ids(2)[1] == f"{ids(2)[0]}#2"


def test_a_page_of_fewer_rows_than_there_should_be_is_a_finding() -> None:
    (told,) = said("rewards", {"rows": [], "total": 2}, context=((parse.SHORT, "2 counted, 0 given"),)).findings
    assert (told.code, told.severity, told.subject) == ("history-short", Severity.WARNING, "main/rewards")
    assert told.message == "binance gives fewer rows of rewards than there should be: 2 counted, 0 given"


@pytest.mark.parametrize(
    ("stream", "symbol", "answer"),
    [
        ("deposits", "", [{**DEPOSIT, "status": 99}]),
        ("withdrawals", "", [{**WITHDRAWAL, "status": 99}]),
        ("fiat", "0", {"data": [{**FIAT, "status": "Reversed"}]}),
        ("payments", "1", {"data": [{**PAYMENT, "price": "17.123456"}]}),
        ("conversions", "", {"list": [{**CONVERSION, "orderStatus": "PARTLY"}]}),
        ("rewards", "", {"rows": [{**REWARD, "type": "SURPRISE"}]}),
        ("moves", "", {"rows": [{**MOVE, "type": "FUNDING_UMFUTURE"}]}),
        ("sub-moves", "1", [{**SUB_MOVE, "status": "REVERSED"}]),
        ("sub-moves", "2", [SUB_MOVE]),
        ("sub-moves", "1", [{**SUB_MOVE, "toAccountType": "SAFE"}]),
    ],
)
def test_a_row_that_nobody_understands_is_a_finding_and_never_dropped(stream: str, symbol: str, answer: object) -> None:
    assert finding_of(said(stream, answer, symbol=symbol))[0] == "unknown-row"


# --- balances ------------------------------------------------------------------------------------------------------


def test_balances_count_what_is_locked_and_what_earn_mirrors() -> None:
    rows = [
        {"asset": "BTC", "free": "1.5", "locked": "0.25"},
        {"asset": "LDBTC", "free": "0.5", "locked": "0"},
        {"asset": "LDO", "free": "3", "locked": "0"},
        {"asset": "ETH", "free": "0", "locked": "0"},
        {"asset": "DOGE", "free": "0", "locked": "0"},
    ]
    answer = {"balances": rows}
    earn = parse.earn_balances(json.loads(json.dumps(answer)), listed=frozenset({"BTC", "LDO", "O"}))
    assert earn == (("LDBTC", "0.5"),)
    found = said("balances", answer, context=(*earn, ("touched", "BTC ETH")))
    told = {event.balance.asset: event.balance.quantity for event, _ in found.events if isinstance(event, BalanceSnapshot)}
    assert told == {"BTC": Decimal("2.25"), "LDO": Decimal(3), "ETH": Decimal(0)}


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"<html>", b"{}", b'"text"', b"null", b'{"rows": 5}', b"\xff"])
@pytest.mark.parametrize("stream", ["fills", "dividends", "conversions", "dust", "balances", "nobody"])
def test_a_page_that_is_none_is_a_finding(content: bytes, stream: str) -> None:
    assert finding_of(said(stream, content))[0] == "unreadable-page"


@pytest.mark.parametrize("stream", ["fiat", "payments", "moves", "dividends", "dust"])
def test_an_answer_that_says_that_the_call_failed_is_no_empty_page(stream: str) -> None:
    for failed in ({"code": "100001", "message": "busy"}, {"success": False}, {"code": -1003, "msg": "busy", "data": [], "rows": []}):
        (finding,) = said(stream, failed, symbol="0").findings
        assert (finding.code, "the call failed" in finding.message) == ("unreadable-page", True)


def test_a_trade_whose_id_is_no_number_is_no_mark_to_walk_by() -> None:
    rows: list[parse.Json] = [{**TRADE, "id": number} for number in (28457, "28457x", 2**63)]  # type: ignore[dict-item] # plain cells
    assert [mark.row_id for mark in parse.marks_of("fills", rows)] == ["28457"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(["1E-8", "1e999", "0.5", "SUCCESS", "BTC"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SAMPLES = (
    ("fills", TRADE, ""),
    ("deposits", DEPOSIT, ""),
    ("withdrawals", WITHDRAWAL, ""),
    ("fiat", FIAT, "data"),
    ("fiat-withdrawals", US_FIAT, "assetLogRecordList"),
    ("payments", PAYMENT, "data"),
    ("conversions", CONVERSION, "list"),
    ("dust", {"transId": 1, "operateTime": 1, "userAssetDribbletDetails": [GRAIN]}, "userAssetDribblets"),
    ("dividends", DIVIDEND, "rows"),
    ("rewards", REWARD, "rows"),
    ("moves", MOVE, "rows"),
    ("sub-moves", SUB_MOVE, ""),
    ("balances", {"asset": "BTC", "free": "1", "locked": "0"}, "balances"),
)


@pytest.mark.fuzz
@given(sample=st.sampled_from(SAMPLES), changes=st.lists(st.tuples(st.integers(0, 12), JSON), max_size=3))
def test_whatever_stands_in_a_row_nothing_is_raised(sample: tuple[str, Row, str], changes: list[tuple[int, object]]) -> None:
    stream, row, key = sample
    names = sorted(row)
    spoilt = row | {names[place % len(names)]: cell for place, cell in changes}
    found = said(stream, {key: [spoilt]} if key else [spoilt], symbol="BNBBTC", context=(("base", "BNB"), ("quote", "BTC")))
    assert found.events or found.findings or spoilt != row
    parse.marks_of(stream, [json.loads(json.dumps(spoilt))])


def test_a_candle_is_quoted_at_its_start_with_its_close_and_a_silent_one_not_at_all() -> None:
    rows: list[parse.Json] = [
        [1710327600000, "1", "3", "1", "2.5", "10.5", 1710327659999],
        [1710327660000, "2.5", "2.5", "2.5", "2.5", "0.00000000", 1710327719999],
    ]
    (quote,) = parse.quotes_of(rows, asset=AssetCode("BTC"), currency=AssetCode("USD"), source="binance")
    assert (quote.observed_at, quote.price) == (datetime(2024, 3, 13, 11, tzinfo=UTC), Decimal("2.5"))


def test_a_trade_for_less_than_nothing_cannot_be_read() -> None:
    assert finding_of(trades({**TRADE, "quoteQty": "-5"})) == ("unreadable-row", "main/fills/BNBBTC/28457")


@pytest.mark.parametrize("symbol", ["0", "1"])
@pytest.mark.parametrize("fee", ["20.0", "21", "-20"])
def test_a_payment_whose_fee_is_all_of_its_money_is_never_guessed(symbol: str, fee: str) -> None:
    found = said("payments", {"data": [{**PAYMENT, "totalFee": fee, "price": None}]}, symbol=symbol)
    moved = [event.quote if isinstance(event, Fill) else event.amount for event, _ in found.events if isinstance(event, (Fill, Transfer))]
    assert all(one.quantity > 0 for one in moved)
    assert {one.code for one in found.findings} <= {"unknown-row"}
    assert bool(found.events) != bool(found.findings)


@pytest.mark.parametrize("total", ["²", "-1", 10**19, "9" * 20, True, None, 1.5, []])
def test_a_count_that_is_none_is_as_good_as_no_count(total: object) -> None:
    assert parse.total_of({"total": total}) is None
    assert (parse.total_of({"total": "12"}), parse.total_of({"total": 12})) == (12, 12)


def test_a_symbol_that_cannot_be_read_costs_no_other() -> None:
    good = {"symbol": "BNBBTC", "baseAsset": "BNB", "quoteAsset": "BTC"}
    odd = [{**good, "symbol": None}, {"symbol": "X"}, None, [], {**good, "baseAsset": ""}]
    assert [one.name for one in parse.symbols_of({"symbols": [*odd, good]})] == ["BNBBTC"]
    with pytest.raises(InputError, match="no symbol that can be read"):
        parse.symbols_of({"symbols": odd})
