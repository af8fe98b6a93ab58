"""What rows of the ledger mean, type by type: one row or group as Kraken sends it, and what is booked of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest

from ledger.connectors.kraken.assets import asset_of, legs_of, wallet_of
from ledger.connectors.kraken.parse import ledger_row
from ledger.connectors.kraken.rows import READERS, READERS_OF_ANY_SUBTYPE, KrakenRow, RowsRead, Teller, held_back, read_rows
from ledger.domain.errors import InputError
from ledger.domain.event import Charge, ChargeKind, Event, Fill, Income, IncomeKind, Side, SourceRank, Transfer
from ledger.domain.ids import AccountId
from ledger.domain.json_text import json_of, object_of
from ledger.domain.telling import told_again

MAIN = AccountId("main")
TELLER = Teller(account=MAIN, rank=SourceRank.VENUE)
NOON = datetime(2024, 6, 10, 12, tzinfo=UTC)


def row(asset: str, amount: str, **other: object) -> KrakenRow:
    """Return a row as the API gives it: a leg of a trade, unless told otherwise."""
    row_id = str(other.pop("row_id", f"L-{asset}-{amount}"))
    cells = {
        "refid": "TQ7LPW-5NV3C-XJ2K4A",
        "time": NOON.timestamp(),
        "type": "trade",
        "subtype": "",
        "aclass": "currency",
        "asset": asset,
        "amount": amount,
        "fee": "0.0000000000",
        "balance": "1.0000000000",
    }
    return ledger_row(row_id, object_of(json_of(json.dumps(cells | other).encode())))


def read(*rows: KrakenRow) -> RowsRead:
    return read_rows(rows, TELLER)


def event_of(*rows: KrakenRow) -> Event:
    said = read(*rows)
    assert said.findings == ()
    assert len(said.lines) == len(rows)
    ((event, ids),) = said.events
    assert set(ids) == {one.row_id for one in rows}
    assert {line.event_ids for line in said.lines} == {(event.event_id,)}
    return event


def codes(*rows: KrakenRow) -> set[str]:
    said = read(*rows)
    assert said.events == ()
    assert {line.line_id for line in said.lines} == {one.row_id for one in rows}  # the movement is not lost for the proof
    assert all(line.event_ids == () for line in said.lines)
    return {finding.code for finding in said.findings}


def text(amount: object) -> str:
    return str(amount)


# --- exchanges -----------------------------------------------------------------------------------------------------


def test_two_rows_of_a_trade_are_one_fill_with_the_fee_of_the_money() -> None:
    fill = event_of(row("ZUSD", "-345.6005", fee="0.8640"), row("XXBT", "0.0050000000"))
    assert isinstance(fill, Fill)
    assert (fill.side, text(fill.base), text(fill.quote), text(fill.fee)) == (Side.BUY, "0.005 BTC", "345.6005 USD", "0.864 USD")
    assert (fill.source_id, fill.occurred_at, fill.provisional) == ("TQ7LPW-5NV3C-XJ2K4A", NOON, False)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((("XXBT", "-0.1", "0"), ("ZEUR", "5000", "13")), ("sell", "0.1 BTC", "5000 EUR", "13 EUR")),
        ((("XETH", "1", "0.002"), ("XXBT", "-0.05", "0")), ("buy", "1 ETH", "0.05 BTC", "0.002 ETH")),  # the fee is paid in what is bought
        ((("ZUSD", "100", "0"), ("ZEUR", "-90", "0.2")), ("sell", "90 EUR", "100 USD", "0.2 EUR")),
        ((("SOL", "2", "0"), ("ZUSD", "-300", "-0.15")), ("buy", "2 SOL", "300 USD", "-0.15 USD")),  # a rebate
    ],
)
def test_an_exchange_has_one_direction_whoever_tells_of_it(rows: tuple[tuple[str, str, str], ...], told: tuple[str, ...]) -> None:
    fill = event_of(*(row(asset, amount, fee=fee) for asset, amount, fee in rows))
    assert isinstance(fill, Fill)
    assert (fill.side.value, text(fill.base), text(fill.quote), text(fill.fee)) == told


def test_fee_credits_are_the_fee_however_the_row_tells_them() -> None:
    legs = (row("ZUSD", "-100", fee="0"), row("XXBT", "0.002"))
    for told in (row("KFEE", "0", fee="26.5"), row("KFEE", "-26.5")):
        fill = event_of(*legs, told)
        assert isinstance(fill, Fill)
        assert text(fill.fee) == "26.5 KFEE"


def test_rows_that_cancel_each_other_are_no_leg() -> None:
    rows = (row("ZUSD", "-100"), row("GOLD.T", "1"), row("PAXG", "1"), row("PAXG", "-1"))
    fill = event_of(*rows)
    assert isinstance(fill, Fill)
    assert (text(fill.base), text(fill.quote)) == ("1 GOLD.T", "100 USD")


def test_a_tokenized_share_is_sold_for_what_does_not_cancel() -> None:
    sold = (row("SPCXx", "-2", type="spend", aclass="tokenized_asset"), row("ZEUR", "171.5", type="receive", fee="0.4"))
    settled = (row("ZUSD", "-200", type="spend"), row("ZUSD", "200", type="receive"))
    fill = event_of(*sold, *settled)
    assert isinstance(fill, Fill)
    assert (fill.side, text(fill.base), text(fill.quote), text(fill.fee)) == (Side.SELL, "2 SPCXX", "171.5 EUR", "0.4 EUR")


@pytest.mark.parametrize(("kind", "subtype"), [("trade", "tradespot"), ("conversion", "")])
def test_other_words_for_an_exchange_are_one_too(kind: str, subtype: str) -> None:
    fill = event_of(row("USDT", "-10", type=kind, subtype=subtype), row("USDC", "9.99", type=kind, subtype=subtype))
    assert isinstance(fill, Fill)
    assert (text(fill.received), text(fill.given)) == ("9.99 USDC", "10 USDT")


@pytest.mark.parametrize(
    ("given", "received"), [(("spend", ""), ("receive", "")), (("spend", "dustsweeping"), ("receive", "dustsweeping"))]
)
def test_a_spend_and_a_receive_are_one_exchange(given: tuple[str, str], received: tuple[str, str]) -> None:
    later = (NOON + timedelta(milliseconds=20)).timestamp()
    fill = event_of(
        row("ZUSD", "-50", type=given[0], subtype=given[1], fee="0.75"),
        row("XXDG", "400", type=received[0], subtype=received[1], time=later),
    )
    assert isinstance(fill, Fill)
    assert (text(fill.base), text(fill.quote), text(fill.fee), fill.occurred_at) == ("400 DOGE", "50 USD", "0.75 USD", NOON)


@pytest.mark.parametrize(
    "rows",
    [
        (row("XXBT", "0.00000001"),),
        (row("SOL", "-0.001", type="spend", subtype="dustsweeping"), row("XTZ", "-0.02", type="spend", subtype="dustsweeping"),
         row("ZUSD", "0.15", type="receive", subtype="dustsweeping")),
        (row("ZUSD", "-100", fee="0.1"), row("XXBT", "0.002", fee="0.00001")),
    ],
)  # fmt: skip
def test_an_exchange_that_is_none_of_two_assets_is_a_finding_and_never_a_guess(rows: tuple[KrakenRow, ...]) -> None:
    assert codes(*rows) == {"unsupported-exchange"}


@pytest.mark.parametrize(
    ("rows", "mend"),
    [
        ((row("ZUSD", "-100"),), "with a quote_amount of 0"),
        ((row("ZUSD", "-100", fee="0.1"), row("XXBT", "0.002", fee="-0.00001")), "with what `reconcile` lacks"),
        ((row("ZUSD", "30"), row("XXBT", "-0.002"), row("XETH", "-0.1")), "one buy or sell for each asset"),
    ],
)
def test_the_mend_of_an_exchange_that_is_none_of_two_assets_says_what_to_book(rows: tuple[KrakenRow, ...], mend: str) -> None:
    (finding,) = read(*rows).findings
    assert mend in finding.mend


@pytest.mark.parametrize(
    ("given", "received"), [("spend", "sale"), ("sale", "receive"), ("spend", "receive"), ("trade", "trade"), ("conversion", "conversion")]
)
@pytest.mark.parametrize("subtype", ["", "surprise"])
def test_whatever_an_exchange_is_called_it_is_what_was_given_for_what_was_received(given: str, received: str, subtype: str) -> None:
    fill = event_of(row("ZUSD", "-50", type=given, subtype=subtype, fee="0.75"), row("SOL", "2", type=received, subtype=subtype))
    assert isinstance(fill, Fill)
    assert (fill.side, text(fill.base), text(fill.quote), text(fill.fee)) == (Side.BUY, "2 SOL", "50 USD", "0.75 USD")


def test_an_adjustment_is_an_exchange_where_both_assets_are_under_its_refid_and_else_open() -> None:
    legs = (row("XICN", "-12", type="adjustment"), row("XETH", "0.0412", type="adjustment"))
    fill = event_of(*legs)
    assert isinstance(fill, Fill)
    assert (text(fill.given), text(fill.received)) == ("12 ICN", "0.0412 ETH")
    assert [codes(leg) for leg in legs] == [{"unknown-row"}] * 2
    assert codes(*legs, row("ZUSD", "1", type="adjustment")) == {"unknown-row"}


def test_the_order_of_rows_is_no_fact() -> None:
    rows = [
        row("ZUSD", "-1", refid="T1", row_id="a"),
        row("XXBT", "1", refid="T1", row_id="b"),
        row("ZUSD", "9", type="deposit", refid="D"),
    ]
    rows += [row("ZUSD", "-1", refid="T2", row_id="c"), row("XXBT", "1", refid="T2", row_id="d")]
    first = read(*rows)
    for seed in range(5):
        Random(seed).shuffle(rows)  # noqa: S311 - any order will do
        assert read(*rows) == first


# --- transfers -----------------------------------------------------------------------------------------------------


def test_a_deposit_comes_in_and_a_withdrawal_leaves_with_its_fee() -> None:
    came = event_of(row("ZUSD", "250000", type="deposit", fee="5"))
    left = event_of(row("XXBT", "-0.24992", type="withdrawal", fee="0.00008"))
    assert isinstance(came, Transfer)
    assert isinstance(left, Transfer)
    assert (came.from_account, came.to_account, text(came.amount), text(came.fee)) == (None, MAIN, "250000 USD", "5 USD")
    assert (left.from_account, left.to_account, text(left.amount), text(left.fee)) == (MAIN, None, "0.24992 BTC", "0.00008 BTC")


def test_a_row_without_a_balance_is_pending_and_moved_nothing() -> None:
    pending = row("ZUSD", "100", type="deposit", balance="", row_id="p")
    assert read(pending) == RowsRead()
    assert isinstance(event_of(row("ZUSD", "100", type="deposit", row_id="d")), Transfer)
    said = read(pending, row("ZUSD", "100", type="deposit", row_id="d"))
    assert [ids for _, ids in said.events] == [("d",)]


@pytest.mark.parametrize("balance", [None, "absent"])
@pytest.mark.parametrize(("kind", "amount"), [("deposit", "100"), ("withdrawal", "-100")])
def test_a_transfer_that_does_not_tell_whether_it_is_pending_is_a_finding(kind: str, amount: str, balance: str | None) -> None:
    cells = {"refid": "R", "time": 1718040012, "type": kind, "asset": "ZUSD", "amount": amount, "fee": "0"}
    odd = ledger_row("L1", cells | ({} if balance else {"balance": None}))
    assert codes(odd) == {"unreadable-row"}


def test_a_reward_that_is_announced_is_income_only_once_it_has_a_balance() -> None:
    waiting = row("DOT.S", "0.0123", type="staking", balance="", refid="R1", row_id="w")
    booked = row("DOT.S", "0.0123", type="staking", refid="R2", row_id="b")
    said = read(waiting, booked)
    assert [ids for _, ids in said.events] == [("b",)]
    assert [(finding.code, finding.severity, finding.subject) for finding in said.findings] == [("pending-row", "warning", "main/ledger/w")]


@pytest.mark.parametrize(
    ("back", "whole"),
    [
        ((("0.24992", "-0.00008"),), ("0.25 BTC", "None")),
        ((("0.24992", "0"),), ("0.24992 BTC", "0.00008 BTC")),  # the fee did not come back
        ((("0.1", "0"), ("0.15", "0")), ("0.25 BTC", "None")),
    ],
)
def test_a_withdrawal_that_came_back_moved_nothing_but_the_fee_that_did_not(
    back: tuple[tuple[str, str], ...], whole: tuple[str, str]
) -> None:
    out = row("XXBT", "-0.24992", type="withdrawal", fee="0.00008", row_id="out")
    later = (NOON + timedelta(days=3)).timestamp()
    returned = [row("XXBT", amount, type="withdrawal", fee=fee, row_id=amount, time=later) for amount, fee in back]
    together = event_of(out, *returned)
    assert isinstance(together, Transfer)
    assert (together.from_account, together.to_account, together.occurred_at) == (MAIN, MAIN, NOON)
    assert (text(together.amount), text(together.fee)) == whole
    left, came = event_of(out), event_of(*returned)
    for first, second in permutations((left, came)):  # one page tells of each
        assert told_again(first, second).event == together


def test_a_withdrawal_that_came_back_in_part_is_told_and_what_left_stays_booked() -> None:
    out = row("XXBT", "-0.25", type="withdrawal", fee="0", row_id="out")
    back = row("XXBT", "0.2", type="withdrawal", row_id="back")
    said = read(out, back)
    assert [event for event, _ in said.events] == [event_of(out)]
    assert [(finding.code, finding.subject) for finding in said.findings] == [("partly-returned", "main/ledger/back")]
    assert {line.line_id: line.event_ids for line in said.lines} == {"out": (event_of(out).event_id,), "back": ()}


@pytest.mark.parametrize("fee", ["0.1", "0.0000001"])
def test_a_withdrawal_of_which_nothing_comes_back_is_a_finding(fee: str) -> None:
    assert codes(row("XXBT", "0.0000001", type="withdrawal", fee=fee)) == {"unreadable-row"}
    assert codes(row("XXBT", "1", type="withdrawal"), row("XETH", "1", type="withdrawal")) == {"unreadable-row"}


def test_moves_between_sub_wallets_book_nothing_and_stay_lines_of_their_own_balance() -> None:
    said = read(
        row("DOT", "-10", type="transfer", subtype="spottostaking", refid="B1"),
        row("DOT.S", "10", type="transfer", subtype="stakingfromspot", refid="R1"),
        row("ETH", "-1", type="earn", subtype="allocation", refid="E1"),
        row("ETH.F", "1", type="earn", subtype="allocation", refid="E1"),
    )
    assert said.events == ()
    assert said.findings == ()
    assert sorted((line.wallet, line.amount) for line in said.lines) == [("DOT", -10), ("DOT.S", 10), ("ETH", -1), ("ETH.F", 1)]
    assert {line.asset for line in said.lines} == {"DOT", "ETH"}


@pytest.mark.parametrize(("kind", "subtype"), sorted(key for key, reader in READERS.items() if reader is READERS["earn", "allocation"]))
def test_every_move_between_sub_wallets_books_nothing(kind: str, subtype: str) -> None:
    said = read(row("DOT", "-10", type=kind, subtype=subtype), row("DOT.F", "10", type=kind, subtype=subtype))
    assert (said.events, said.findings) == ((), ())
    assert {line.wallet for line in said.lines} == {"DOT", "DOT.F"}
    assert codes(row("DOT", "-10", type=kind, subtype=subtype, fee="0.1")) == {"unreadable-row"}


@pytest.mark.parametrize(("subtype", "amount", "inward"), [("spotfromfutures", "5", True), ("spottofutures", "-5", False)])
def test_what_goes_to_futures_leaves_the_account(subtype: str, amount: str, *, inward: bool) -> None:
    moved = event_of(row("ZUSD", amount, type="transfer", subtype=subtype))
    assert isinstance(moved, Transfer)
    assert (moved.to_account == MAIN, moved.from_account == MAIN) == (inward, not inward)


@pytest.mark.parametrize(("kind", "amount"), [("deposit", "5"), ("withdrawal", "-5"), ("custodytransfer", "5"), ("custodytransfer", "-5")])
@pytest.mark.parametrize("subtype", ["", "surprise"])
def test_a_move_from_or_to_elsewhere_is_one_whatever_its_subtype(kind: str, amount: str, subtype: str) -> None:
    moved = event_of(row("XXBT", amount, type=kind, subtype=subtype))
    assert isinstance(moved, Transfer)
    assert (moved.to_account == MAIN, moved.from_account == MAIN) == (amount == "5", amount == "-5")


def test_two_moves_to_custody_under_one_refid_may_be_the_same_and_are_open() -> None:
    assert codes(row("XXBT", "-5", type="custodytransfer"), row("XBT.S", "5", type="custodytransfer")) == {"unknown-row"}


@pytest.mark.parametrize(("kind", "code"), [("custodytransfer", "pending-row"), ("rollover", "pending-row"), ("dividend", "pending-row")])
def test_what_waits_to_be_booked_is_told_and_not_booked(kind: str, code: str) -> None:
    said = read(row("ZUSD", "0" if kind == "rollover" else "5", type=kind, balance="", fee="0.1"))
    assert (said.events, said.lines, [finding.code for finding in said.findings]) == ((), (), [code])


@pytest.mark.parametrize(("given", "received"), [("spend", "receive"), ("trade", "trade"), ("adjustment", "adjustment"), ("sale", "sale")])
def test_an_exchange_that_waits_to_be_booked_is_told_and_not_booked(given: str, received: str) -> None:
    waiting = [
        row("ZUSD", "-50", type=given, fee="0.75", balance="", row_id="w1"),
        row("SOL", "2", type=received, balance="", row_id="w2"),
    ]
    said = read(*waiting)
    assert (said.events, said.lines) == ((), ())
    assert [(finding.code, finding.subject) for finding in said.findings] == [
        ("pending-row", "main/ledger/w1"),
        ("pending-row", "main/ledger/w2"),
    ]
    booked = [row("ZUSD", "-50", type=given, fee="0.75", row_id="b1"), row("SOL", "2", type=received, row_id="b2")]
    assert read(*waiting, *booked) == read(*booked)
    assert [ids for _, ids in read(*waiting, *booked).events] == [("b1", "b2")]


# --- income --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "subtype", "told"),
    [
        *((("staking", subtype, IncomeKind.STAKING)) for subtype in ("", "reward")),
        ("earn", "reward", IncomeKind.REWARD),
        *((("reward", subtype, IncomeKind.REWARD)) for subtype in ("", "welcome")),
        ("dividend", "", IncomeKind.REWARD),
        ("invite bonus", "", IncomeKind.REFERRAL),
    ],
)
def test_a_reward_is_income_in_the_asset_that_lies_in_the_sub_wallet(kind: str, subtype: str, told: IncomeKind) -> None:
    earned = event_of(row("DOT.S", "0.0123", type=kind, subtype=subtype, fee="0.0020", row_id="LREWARD"))
    assert isinstance(earned, Income)
    assert (earned.kind, text(earned.amount), text(earned.fee), earned.source_id) == (told, "0.0123 DOT", "0.002 DOT", "LREWARD")


def test_a_dividend_says_so_in_its_note() -> None:
    assert event_of(row("ZUSD", "12.5", type="dividend")).note == "dividend"


# --- charges -------------------------------------------------------------------------------------------------------


def test_a_rollover_is_the_fee_that_the_venue_charges_for_a_position() -> None:
    charge = event_of(row("ZEUR", "0.0000", type="rollover", fee="0.0550", row_id="LROLL"))
    assert isinstance(charge, Charge)
    assert (charge.kind, text(charge.amount), charge.source_id, charge.note) == (ChargeKind.FEE, "0.055 EUR", "LROLL", "rollover")


@pytest.mark.parametrize(("amount", "fee"), [("0", "0"), ("0", "-0.055"), ("-1", "0.055")])
def test_a_rollover_that_is_none_of_a_fee_alone_is_a_finding(amount: str, fee: str) -> None:
    assert codes(row("ZEUR", amount, type="rollover", fee=fee)) == {"margin-row"}


# --- what nobody understands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "subtype", "code", "mend"),
    [
        ("margin", "", "margin-row", "a gain as income, a loss or a fee as fee"),
        ("margin", "liquidation", "margin-row", "a gain as income, a loss or a fee as fee"),
        ("rollover", "", "margin-row", "what was charged as fee"),  # an amount, where only a fee is charged
        ("settled", "", "margin-row", "at the price at which the position was opened"),
        ("adjustment", "", "unknown-row", "books both as one buy or sell"),
        ("credit", "", "unknown-row", "a loan as deposit"),
        ("nfttrade", "", "unknown-row", "a code of your own"),
        ("nftcreatorfee", "", "unknown-row", "what left as fee"),
        ("nftrebate", "", "unknown-row", "income of kind rebate"),
        ("transfer", "", "unknown-row", "an airdrop or a fork as income of that kind, a move as deposit or withdrawal"),
        ("transfer", "surprise", "unknown-row", "a move as deposit or withdrawal"),
        ("earn", "surprise", "unknown-row", "a move within the account is not booked"),
        ("staking", "surprise", "unknown-row", "income of kind staking"),
        ("loyalty", "", "unknown-row", "ask for a rule for this type"),
        ("deposit", "", "unreadable-row", "lotwright-events"),
        ("sale", "", "unsupported-exchange", "a quote_amount of 0"),
        ("dividend", "", "unreadable-row", "lotwright-events"),
    ],
)
def test_a_row_without_a_rule_is_a_finding_that_says_what_it_holds_and_how_to_book_it(
    kind: str, subtype: str, code: str, mend: str
) -> None:
    odd = row("ZEUR", "-12.5", type=kind, subtype=subtype)
    assert codes(odd) == {code}
    (finding,) = read(odd).findings
    assert "-12.5 ZEUR" in finding.message
    assert odd.row_id in finding.subject
    assert mend in finding.mend


def test_open_rows_of_one_refid_are_a_finding_of_each_type() -> None:
    said = read(row("ZUSD", "5", type="credit"), row("ZEUR", "-1", type="nfttrade"), row("ZEUR", "-2", type="nfttrade"))
    assert [finding.message.partition(",")[0] for finding in said.findings] == [
        "a trade of an NFT",
        "a credit",
    ]
    assert len(said.lines) == 3


def test_every_reader_has_a_row_in_these_tests() -> None:
    assert {kind for kind, _ in READERS} == {"transfer", "earn", "staking"}
    exchanges = {"trade", "spend", "receive", "conversion", "sale", "adjustment"}
    others = {"deposit", "withdrawal", "custodytransfer", "reward", "dividend", "invite bonus", "rollover"}
    assert set(READERS_OF_ANY_SUBTYPE) == exchanges | others


def test_a_running_balance_moves_by_amount_less_fee() -> None:
    (line,) = read(row("ZUSD", "250", type="deposit", fee="5", balance="245")).lines
    assert (line.amount, line.balance) == (Decimal(245), Decimal(245))


def test_a_group_is_held_back_as_a_whole() -> None:
    early, late = row("ZUSD", "-1", refid="T1", row_id="a"), row("XXBT", "1", refid="T1", row_id="b", time=NOON.timestamp() + 1)
    other = row("ZUSD", "9", refid="D", row_id="c", time=NOON.timestamp() + 1)
    assert held_back([early, late, other], told_above=NOON) == {"a", "b"}
    assert held_back([early, late, other], told_above=NOON - timedelta(microseconds=1)) == frozenset()


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asset", "wallet"),
    [
        ("XXBT", "BTC", "BTC"), ("XBT", "BTC", "BTC"), ("ZUSD", "USD", "USD"), ("XXDG", "DOGE", "DOGE"), ("XDG", "DOGE", "DOGE"),
        ("XDAO", "DAO", "DAO"),
        ("XTZ", "XTZ", "XTZ"), ("ZRX", "ZRX", "ZRX"), ("ZEC", "ZEC", "ZEC"), ("XZEC", "ZEC", "ZEC"), ("SOL", "SOL", "SOL"),
        ("SPCXx", "SPCXX", "SPCXX"),
        ("XBT.M", "BTC", "BTC.M"), ("USD.F", "USD", "USD.F"), ("ETH2.S", "ETH", "ETH.S"), ("DOT28.S", "DOT", "DOT28.S"),
        ("DOT.P", "DOT", "DOT.P"), ("USD.B", "USD", "USD.B"), ("EUR.HOLD", "EUR", "EUR.HOLD"), ("GOLD.T", "GOLD.T", "GOLD.T"),
    ],
)  # fmt: skip
def test_old_names_and_sub_wallets_stand_for_an_asset(name: str, asset: str, wallet: str) -> None:
    assert (asset_of(name), wallet_of(name)) == (asset, wallet)


@pytest.mark.parametrize(
    ("listed", "severity", "told"),
    [
        ({}, "warning", "was not asked, or lacks it"),
        ({"XABC": "ABC"}, "error", "the venue lists it as ABC"),
    ],
)
def test_a_name_that_may_be_an_old_one_is_booked_as_it_is_and_told_once(listed: dict[str, str], severity: str, told: str) -> None:
    rows = [row("XABC", "5", type="deposit", refid="D1"), row("XABC.S", "5", type="deposit", refid="D2")]
    said = read_rows(rows, replace(TELLER, listed=listed))
    assert [event.amount.asset for event, _ in said.events if isinstance(event, Transfer)] == ["XABC", "XABC"]
    ((finding),) = said.findings
    assert (finding.code, finding.severity, finding.subject) == ("unknown-asset", severity, "main/asset/XABC")
    assert told in finding.message


def test_a_name_that_the_venue_lists_as_it_is_or_that_is_not_spelled_like_an_old_one_is_no_finding() -> None:
    rows = [
        row(name, "5", type="deposit", refid=name) for name in ("ZETA", "XXBT", "XDAO", "XTZ", "ZRX", "SOL", "XBT.M", "ETH2.S", "XCAD1")
    ]
    assert read_rows(rows, replace(TELLER, listed={"ZETA": "ZETA"})).findings == ()


@pytest.mark.parametrize(
    ("pair", "legs"),
    [
        ("XXBTZUSD", ("BTC", "USD")), ("XBTUSD", ("BTC", "USD")), ("XBT/USD", ("BTC", "USD")), ("XETHXXBT", ("ETH", "BTC")),
        ("XLTCZUSD", ("LTC", "USD")), ("XTZUSD", ("XTZ", "USD")), ("XTZETH", ("XTZ", "ETH")), ("USDTZUSD", ("USDT", "USD")),
        ("SOLUSD", ("SOL", "USD")), ("ETHUSDT", ("ETH", "USDT")), ("ZRXXBT", ("ZRX", "BTC")), ("DOTEUR", ("DOT", "EUR")),
        ("XRPRLUSD", ("XRP", "RLUSD")), ("PYUSDUSD", ("PYUSD", "USD")),
    ],
)  # fmt: skip
def test_a_delisted_pair_is_read_by_its_name(pair: str, legs: tuple[str, str]) -> None:
    assert legs_of(pair) == legs


def test_a_pair_of_unknown_money_is_not_guessed() -> None:
    with pytest.raises(InputError, match="no pair whose two assets are known"):
        legs_of("ABCXYZ")
