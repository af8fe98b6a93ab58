"""What unified rows say: exact figures, and a finding for all that is not plain."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.connectors.ccxt.parse import DOUBT, EXCHANGE, VENUE, interpret
from ledger.domain.event import BalanceSnapshot, Fill, Side, Transfer
from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId, Hash, PayloadId
from ledger.domain.payload import Payload, PayloadKind
from ledger.ports import Interpretation

TRADE = {
    "id": "612345678",
    "timestamp": 1717424551418,
    "symbol": "ETH/USD",
    "order": "7c2f",
    "side": "sell",
    "price": "3412.55",
    "amount": "0.75",
    "cost": "2559.4125",
    "fee": {"cost": "6.39853125", "currency": "USD"},
    "info": {"anything": 1.5},
}
MOVE = {"id": "19ac", "timestamp": 1714641295120, "type": "withdrawal", "currency": "BTC", "amount": "0.24992", "status": "ok"}
LINE = {"id": "L1", "timestamp": 1714641295120, "direction": "in", "type": "reward", "currency": "ETH", "amount": "0.01", "info": {}}


def page(stream: str, *rows: object, exchange: str = "bitstamp", doubt: str = "") -> Payload:
    lines = [json.dumps({"row": row}) for row in rows] + [json.dumps({"end": {}})]
    return Payload(
        payload_id=PayloadId("P-1"),
        kind=PayloadKind.PAGE,
        venue=VENUE,
        account=AccountId("main"),
        stream=stream,
        symbol="",
        request="",
        name="",
        content="\n".join(lines).encode(),
        content_hash=Hash("0" * 64),
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        context=((EXCHANGE, exchange), (DOUBT, doubt)),
    )


def said(stream: str, row: object, **changed: str) -> Interpretation:
    return interpret(page(stream, row, **changed))


def test_a_trade_is_read_to_the_last_digit() -> None:
    ((fill, locator),) = said("fills", TRADE).events
    assert isinstance(fill, Fill)
    assert (fill.side, fill.base.asset, fill.quote.asset, locator) == (Side.SELL, "ETH", "USD", "row 1")
    assert (fill.base.quantity, fill.quote.quantity) == (Decimal("0.75"), Decimal("2559.4125"))
    assert fill.fee is not None
    assert (fill.fee.quantity, fill.fee.asset) == (Decimal("6.39853125"), "USD")
    assert fill.occurred_at == datetime(2024, 6, 3, 14, 22, 31, 418000, tzinfo=UTC)
    assert fill.venue == "ccxt-bitstamp"


def test_a_trade_without_its_cost_costs_price_times_amount() -> None:
    ((fill, _),) = said("fills", TRADE | {"cost": None, "price": 3412.55}).events
    assert isinstance(fill, Fill)
    assert fill.quote.quantity == Decimal("2559.4125")


def test_money_that_the_raw_row_names_is_what_was_paid() -> None:
    ((fill, _),) = said("fills", TRADE | {"info": {"funding_currency": "USDC"}}, exchange="coinbaseexchange").events
    assert isinstance(fill, Fill)
    assert fill.fee is not None
    assert (fill.quote.asset, fill.fee.asset) == ("USDC", "USDC")


def test_fees_of_one_asset_are_added_and_a_rebate_is_negative() -> None:
    fees = [{"cost": "1", "currency": "USD"}, {"cost": "-3", "currency": "USD"}]
    ((fill, _),) = said("fills", TRADE | {"fees": fees}).events
    assert isinstance(fill, Fill)
    assert fill.fee is not None
    assert fill.fee.quantity == -2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"symbol": "BTC/USDT:USDT"}, "derivatives are not read"),
        ({"symbol": "XLTCZUSD"}, 'symbols = ["LTC/USD=XLTCZUSD"]'),
        ({"side": None}, '"side" is missing'),
        ({"side": "short"}, "neither buy nor sell"),
        ({"id": None}, '"id" is missing'),
        ({"amount": "0"}, "not above zero"),
        ({"timestamp": None}, "timestamp"),
        ({"timestamp": 2**62}, "no instant"),
        ({"fee": {"cost": "1"}}, '"currency" is missing'),
        ({"fees": [{"cost": "1", "currency": "USD"}, {"cost": "1", "currency": "BNB"}]}, "fees in BNB and USD"),
    ],
)
def test_a_trade_that_is_not_plain_is_a_finding(changed: dict[str, object], words: str) -> None:
    told = said("fills", TRADE | changed)
    assert told.events == ()
    assert [finding.severity for finding in told.findings] == [Severity.ERROR]
    assert words in told.findings[0].message


def test_a_withdrawal_leaves_and_its_fee_with_it() -> None:
    ((move, _),) = said("withdrawals", MOVE | {"fee": {"cost": "0.00008", "currency": "BTC"}, "txid": "4f1e"}).events
    assert isinstance(move, Transfer)
    assert (move.from_account, move.to_account, move.chain_hash) == ("main", None, "4f1e")
    assert move.fee is not None
    assert (move.amount.quantity, move.fee.quantity) == (Decimal("0.24992"), Decimal("0.00008"))


@pytest.mark.parametrize("status", ["pending", "canceled", "failed"])
def test_what_did_not_move_says_nothing(status: str) -> None:
    assert said("transfers", MOVE | {"status": status}) == Interpretation()


@pytest.mark.parametrize("changed", [{"status": None}, {"status": "maybe"}, {"type": "internal"}])
def test_a_transfer_that_nobody_understands_is_a_finding(changed: dict[str, object]) -> None:
    told = said("transfers", MOVE | changed)
    assert told.events == ()
    assert [finding.code for finding in told.findings] == ["unknown-row"]


def test_a_ledger_row_is_a_finding_unless_fills_or_transfers_tell_of_it() -> None:
    assert [finding.code for finding in said("ledger", LINE).findings] == ["unknown-row"]
    assert said("ledger", LINE | {"type": "trade"}) == Interpretation()
    assert said("ledger", LINE | {"type": "transfer"}, exchange="coinbaseexchange") == Interpretation()
    assert said("ledger", LINE | {"type": "transfer"}, exchange="kraken").findings
    rebate = LINE | {"type": "rebate", "info": {"details": {"trade_id": "7"}}}
    assert said("ledger", rebate, exchange="coinbaseexchange") == Interpretation()
    assert said("ledger", LINE | {"type": "rebate", "info": {"details": {}}}, exchange="coinbaseexchange").findings


def test_balances_are_those_of_the_moment_of_asking() -> None:
    events = said("balances", {"total": {"USD": "1.50", "BTC": "0", "XRP": None}}).events
    assert [
        (event.balance.asset, event.balance.quantity, event.occurred_at.year) for event, _ in events if isinstance(event, BalanceSnapshot)
    ] == [("BTC", Decimal(0), 2026), ("USD", Decimal("1.5"), 2026)]


@pytest.mark.parametrize(("doubt", "severity"), [("cut", Severity.ERROR), ("unbounded", Severity.WARNING)])
def test_a_page_that_may_not_be_whole_is_a_finding(doubt: str, severity: Severity) -> None:
    assert [finding.severity for finding in interpret(page("fills", doubt=doubt)).findings] == [severity]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=8)
    | st.sampled_from(["ok", "sell", "BTC/USD", "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TRADE, *MOVE, "total", "fees"]), inner, max_size=8),
    max_leaves=12,
)


@given(stream=st.sampled_from(["fills", "transfers", "ledger", "balances", "other"]), row=anything)
def test_no_row_of_any_kind_breaks_the_reader(stream: str, row: object) -> None:
    told = interpret(page(stream, row))
    assert told.events or told.findings or stream in {"transfers", "ledger", "balances"}


def test_bytes_that_are_no_lines_of_json_are_findings() -> None:
    broken = page("fills")
    object.__setattr__(broken, "content", b"\xff\n{}\n[]\n")
    assert len(interpret(broken).findings) == 2
