from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.event import Event, Fill, Side, SourceRank
from ledger.domain.ids import AccountId, BotId, SourceId, VenueName, coinbase_fill_id
from ledger.ports import FileRow

ReadFile = Callable[..., list[FileRow]]
FaultsOf = Callable[..., list[str]]

HEADER = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit"
BUY = "default,1042,BTC-USD,BUY,2021-11-23T19:56:36.505Z,0.50000000,BTC,40000.00,50.25,-20050.25,USD"
SELL = "default,1043,BTC-USD,SELL,2021-11-27T18:25:30.797Z,0.10000001,BTC,50000.01,12.5000025,4987.5014975001,USD"
EXPORTED = "use the file as exported"
CHANGED = f"{EXPORTED}: one of size, price, fee and total was changed"


def only_event(rows: list[FileRow]) -> Event:
    (row,) = rows
    assert row.event is not None, row.faults
    return row.event


def test_a_row_is_a_fill_with_the_exact_product_as_its_quote(read_file: ReadFile) -> None:
    assert only_event(read_file(f"{HEADER}\n{SELL}\n")) == Fill(
        event_id=coinbase_fill_id(account=AccountId("default"), product="BTC-USD", side="sell", trade_id="1043"),
        source_id=SourceId("1043"),
        venue=VenueName("coinbase-exchange"),
        account=AccountId("default"),
        occurred_at=datetime(2021, 11, 27, 18, 25, 30, 797000, tzinfo=UTC),
        rank=SourceRank.FILE,
        sequence=1043,
        side=Side.SELL,
        base=Amount(quantity=Decimal("0.10000001"), asset=AssetCode("BTC")),
        quote=Amount(quantity=Decimal("5000.0015000001"), asset=AssetCode("USD")),
        fee=Amount(quantity=Decimal("12.5000025"), asset=AssetCode("USD")),
    )


def test_the_command_line_names_account_and_bot(read_file: ReadFile) -> None:
    event = only_event(read_file(f"{HEADER}\n{BUY}\n", account="main", bot="grid-1"))
    assert event.event_id == coinbase_fill_id(account=AccountId("main"), product="BTC-USD", side="buy", trade_id="1042")
    assert (event.account, event.bot) == (AccountId("main"), BotId("grid-1"))


def test_rows_in_any_order_give_the_same_events(read_file: ReadFile) -> None:
    one = [row.event for row in read_file(f"{HEADER}\n{BUY}\n{SELL}\n")]
    other = [row.event for row in read_file(f"{HEADER}\n{SELL}\n{BUY}\n")]
    assert one == other[::-1]


def test_columns_in_another_order_give_the_same_events(read_file: ReadFile) -> None:
    turned = "\n".join(",".join(reversed(line.split(","))) for line in (HEADER, BUY, SELL))
    assert read_file(turned) == read_file(f"{HEADER}\n{BUY}\n{SELL}\n")


def test_one_trade_id_in_two_products_or_on_two_sides_is_several_fills(read_file: ReadFile) -> None:
    rows = [
        "default,7,BTC-USD,BUY,2021-11-23T19:56:36.505Z,1,BTC,2,0,-2,USD",
        "default,7,BTC-USD,SELL,2021-11-23T19:56:36.505Z,1,BTC,2,0,2,USD",
        "default,7,ETH-USD,BUY,2021-11-23T19:56:36.505Z,1,ETH,2,0,-2,USD",
    ]
    events = [row.event for row in read_file("\n".join([HEADER, *rows]))]
    assert len({event.event_id for event in events if event is not None}) == 3


@pytest.mark.parametrize(("fee", "total"), [("0", "-20000"), ("0.00000000", "-20000.00")])
def test_a_fee_of_zero_is_no_fee(fee: str, total: str, read_file: ReadFile) -> None:
    event = only_event(read_file(f"{HEADER}\n{BUY.replace('50.25,-20050.25', f'{fee},{total}')}\n"))
    assert isinstance(event, Fill)
    assert event.fee is None


def test_a_negative_fee_is_a_rebate(read_file: ReadFile) -> None:
    event = only_event(read_file(f"{HEADER}\n{BUY.replace('50.25,-20050.25', '-1.5,-19998.5')}\n"))
    assert isinstance(event, Fill)
    assert event.fee == Amount(quantity=Decimal("-1.5"), asset=AssetCode("USD"))


@pytest.mark.parametrize("total", ["4987.5014975001", "4987.50149750010000", "4987.50149750", "4987.501497500", "4987.5014975"])
def test_a_total_is_exact_or_cut_after_its_eighth_decimal(total: str, read_file: ReadFile) -> None:
    assert only_event(read_file(f"{HEADER}\n{SELL.replace('4987.5014975001', total)}\n")).source_id == "1043"


@pytest.mark.parametrize(("price", "total"), [("0.00001", "-0.000000005"), ("0.000015", "-0.00000001"), ("0.000015", "0")])
def test_a_total_rounded_to_its_eighth_decimal_is_taken(price: str, total: str, read_file: ReadFile) -> None:
    row = BUY.replace("0.50000000", "0.0005").replace("40000.00,50.25,-20050.25", f"{price},0,{total}")
    total_exact = Decimal("0.0005") * Decimal(price)
    event = only_event(read_file(f"{HEADER}\n{row}\n"))
    assert isinstance(event, Fill)
    assert event.quote.quantity == total_exact


@pytest.mark.parametrize("total", ["4987.5014975002", "4987.50", "4987.50149751", "4987.50149748", "-4987.5014975001", "5012.5015025001"])
def test_a_total_that_differs_in_any_written_digit_is_a_fault(total: str, faults_of: FaultsOf) -> None:
    told = total.removesuffix("0") if total == "4987.50" else total
    assert faults_of(f"{HEADER}\n{SELL.replace('4987.5014975001', total)}\n") == [
        f"line 2, column total: is {told}, size times price less fee makes 4987.5014975001 ({CHANGED})"
    ]


@pytest.mark.parametrize(
    ("was", "found", "fault"),
    [
        ("-20050.25", "-20050.24", f"total: is -20050.24, size times price plus fee makes -20050.25 ({CHANGED})"),
        ("-20050.25", "", "total: is empty (write it like 1234.5678: at most 20 digits before the point and 18 after it)"),
        ("default", "", "portfolio: is empty (name the account with --account)"),
        ("default", "a:b", "portfolio: 'a:b' has a colon (name the account with --account)"),
        ("1042", "", f"trade id: is empty ({EXPORTED}: spreadsheets rewrite long numbers)"),
        ("1042", "1.04E+03", f"trade id: '1.04E+03' is not a trade id (digits) ({EXPORTED}: spreadsheets rewrite long numbers)"),
        ("1042", "01042", f"trade id: '01042' is not a trade id (digits) ({EXPORTED}: spreadsheets rewrite long numbers)"),
        ("BTC-USD", "BTC/USD", f"product: is 'BTC/USD', the units say 'BTC-USD' ({EXPORTED})"),
        ("BTC-USD", "BTC-EUR", f"product: is 'BTC-EUR', the units say 'BTC-USD' ({EXPORTED})"),
        (",BTC,", ",ETH,", f"product: is 'BTC-USD', the units say 'ETH-USD' ({EXPORTED})"),
        ("BUY", "buy", "side: 'buy' is no side (write BUY or SELL)"),
        ("BUY", "", "side: is empty (write BUY or SELL)"),
        (
            "0.50000000",
            "-0.50000000",
            "size: '-0.50000000' is negative (write the amount without sign; the type of the row says which way it goes)",
        ),
        ("40000.00", "0", "price: '0' is zero (an amount is above zero; leave out rows that move nothing)"),
        (
            "0.50000000",
            "0.00000000000001",
            "price: size times price has more than 18 decimals (correct size or price)",
        ),
        (
            "2021-11-23T19:56:36.505Z",
            "2021-11-23T19:56:36.505",
            "created at: '2021-11-23T19:56:36.505' has no UTC offset (add Z for UTC, or the offset of the clock, like -05:00)",
        ),
    ],
)
def test_a_bad_cell_is_a_fault_with_column_and_mend(was: str, found: str, fault: str, faults_of: FaultsOf) -> None:
    row = BUY.replace(was, found, 1)
    if "size times price has" in fault:
        row = row.replace("40000.00", "0.00001")
    assert faults_of(f"{HEADER}\n{row}\n") == [f"line 2, column {fault}"]


def test_a_row_of_another_width_than_the_header_is_a_fault(faults_of: FaultsOf) -> None:
    assert faults_of(f"{HEADER}\n{BUY},\n") == [
        "line 2: has 12 cells, the header has 11 (put text with commas in quotes, and write numbers without separators)"
    ]


def test_all_faults_of_a_row_are_given(read_file: ReadFile) -> None:
    (row,) = read_file(f"{HEADER}\n,x,BTC-USD,hold,today,-1,btc,free,?,,usd\n")
    assert row.event is None
    assert [fault.column for fault in row.faults] == [
        *("portfolio", "trade id", "side", "created at", "size", "size unit", "price", "fee", "price/fee/total unit", "total"),
    ]
