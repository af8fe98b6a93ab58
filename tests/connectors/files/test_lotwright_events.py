import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.connectors.files.lotwright_events import LotwrightEvents
from ledger.domain.amount import Amount, AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import ChargeKind, Event, Fill, Opening, Side, SourceRank, Transfer
from ledger.domain.event_text import body_text, kind_of
from ledger.domain.ids import AccountId, SourceId, VenueName, event_id
from ledger.domain.time.instant import instant_text
from ledger.ports import FileRow

ReadFile = Callable[..., list[FileRow]]
FaultsOf = Callable[..., list[str]]

GOLDEN = Path(__file__).parent / "golden"
CONTRACT_HEADER = "id,time,type,account,to_account,asset,amount,quote_asset,quote_amount,fee_asset,fee_amount,value,fee_value,kind,acquired"
NUMBER = "write it like 1234.5678: at most 20 digits before the point and 18 after it"
PLAIN = "is not a plain number (digits with at most one decimal point, no separators)"
INSTANT = "write it like 2025-03-01T12:00:00Z or 2025-03-01T12:00:00.123456-05:00"
POSITIVE = "write the amount without sign; the type of the row says which way it goes"
CODE = "is not an asset code (1 to 32 characters of A-Z, 0-9, '.', '-', '_', '$')"
TYPES = "buy, sell, transfer, deposit, withdrawal, income, spend, fee, gift_in, gift_out, donation, lost, opening"
WORTH = "write a value of zero or more, or leave it empty if it is not known"
FILLED = {
    "buy": {"quote_asset": "USD", "quote_amount": "20000"},
    "sell": {"quote_asset": "USD", "quote_amount": "20000"},
    "transfer": {"to_account": "cold"},
    "income": {"kind": "staking"},
}


def file_of(**cells: str) -> str:
    """Return a file of one row: a good one of its type but for the cells given."""
    row = {"id": "t1", "time": "2025-03-01T12:00:00Z", "account": "main", "asset": "BTC", "amount": "0.5"}
    row |= FILLED.get(cells.get("type", "buy"), {})
    row |= {"type": "buy"} | cells
    target = io.StringIO()
    writer = csv.DictWriter(target, LotwrightEvents.headers[0], lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return target.getvalue()


def only_event(rows: list[FileRow]) -> Event:
    (row,) = rows
    assert row.event is not None, row.faults
    return row.event


def test_the_row_of_the_contract_is_a_fill_with_its_fee(read_file: ReadFile) -> None:
    text = f"{CONTRACT_HEADER}\nt1,2025-03-01T12:00:00Z,buy,main,,BTC,0.5,USD,20000,USD,10,,,,\n"
    (row,) = read_file(text)
    assert row.line == 2
    assert row.event == Fill(
        event_id=event_id(venue=VenueName("file"), account=AccountId("main"), product_line="spot", kind="event", scope="", source_id="t1"),
        source_id=SourceId("t1"),
        venue=VenueName("file"),
        account=AccountId("main"),
        occurred_at=datetime(2025, 3, 1, 12, tzinfo=UTC),
        rank=SourceRank.FILE,
        side=Side.BUY,
        base=Amount(quantity=Decimal("0.5"), asset=AssetCode("BTC")),
        quote=Amount(quantity=Decimal(20000), asset=AssetCode("USD")),
        fee=Amount(quantity=Decimal(10), asset=AssetCode("USD")),
    )


def test_every_type_of_row_is_read_as_the_golden_file_says(read_file: ReadFile) -> None:
    rows = read_file((GOLDEN / "every_type.csv").read_bytes())
    assert [row.faults for row in rows] == [()] * len(rows)
    told = [
        "|".join(
            (
                event.source_id,
                kind_of(event),
                instant_text(event.occurred_at),
                event.account,
                event.bot or "",
                event.order_id or "",
                event.note or "",
                body_text(event),
            ),
        )
        for event in (row.event for row in rows)
        if event is not None
    ]
    assert told == (GOLDEN / "every_type.events").read_text().splitlines()


@given(order=st.permutations(range(18)))
def test_columns_in_any_order_give_equal_events(order: list[int], read_file: ReadFile) -> None:
    table = list(csv.reader(io.StringIO((GOLDEN / "every_type.csv").read_text())))
    target = io.StringIO()
    csv.writer(target).writerows([row[place] for place in order] for row in table)
    assert read_file(target.getvalue()) == read_file((GOLDEN / "every_type.csv").read_bytes())


def test_a_missing_optional_column_reads_as_empty_cells(read_file: ReadFile) -> None:
    event = only_event(read_file("id,time,type,account,asset,amount\nt1,2025-03-01T12:00:00Z,deposit,main,USD,5\n"))
    assert isinstance(event, Transfer)
    assert (event.from_account, event.to_account, event.fee, event.bot, event.note) == (None, "main", None, None, None)


def test_ids_are_unique_per_account_only(read_file: ReadFile) -> None:
    one, other = (only_event(read_file(file_of(account=account))) for account in ("main", "cold"))
    assert one.event_id != other.event_id


def test_the_command_line_names_account_and_bot_of_rows_that_do_not(read_file: ReadFile) -> None:
    event = only_event(read_file(file_of(account=""), account="main", bot="grid-1"))
    assert (event.account, event.bot) == ("main", "grid-1")
    assert event.event_id == only_event(read_file(file_of(account="main"))).event_id
    assert only_event(read_file(file_of(bot="dca"), bot="grid-1")).bot == "dca"
    missing = "id,time,type,asset,amount\nt1,2025-03-01T12:00:00Z,deposit,USD,5\n"
    assert only_event(read_file(missing, account="main")).account == "main"


def test_a_file_without_account_column_needs_an_account_on_the_command_line(read_file: ReadFile) -> None:
    with pytest.raises(InputError) as refused:
        read_file("id,time,type,asset,amount\n")
    assert refused.value.exit_code == 2
    assert str(refused.value) == "the file has no column 'account'\n  mend: add the column, or name the account with --account"


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"account": "a:b"}, "--account: 'a:b' has a colon\n  mend: leave colons out of the names of accounts"),
        ({"account": ""}, "--account: is empty\n  mend: write a name"),
        ({"bot": ""}, "--bot: is empty\n  mend: write a name"),
        ({"bot": "b\x1b"}, "--bot: 'b\\x1b' has characters that cannot be printed\n  mend: type the text again"),
    ],
)
def test_names_of_the_command_line_are_checked_before_any_row(terms: dict[str, str], message: str, read_file: ReadFile) -> None:
    with pytest.raises(InputError) as refused:
        read_file(file_of(), **terms)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-03-01T12:00:00Z", datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ("2025-03-01 12:00Z", datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ("2025-03-01T12:00:00.1Z", datetime(2025, 3, 1, 12, 0, 0, 100000, tzinfo=UTC)),
        ("2025-03-01T12:00:00.123456-05:00", datetime(2025, 3, 1, 17, 0, 0, 123456, tzinfo=UTC)),
        ("2025-03-01T01:00:00+0530", datetime(2025, 2, 28, 19, 30, tzinfo=UTC)),
        ("2024-02-29T23:59:59+14", datetime(2024, 2, 29, 9, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_is_kept_in_utc_to_the_microsecond(text: str, instant: datetime, read_file: ReadFile) -> None:
    assert only_event(read_file(file_of(time=text))).occurred_at == instant


@pytest.mark.parametrize(
    ("day", "begins_at"),
    [
        ("2025-01-01", datetime(2025, 1, 1, 5, tzinfo=UTC)),
        ("2025-07-01", datetime(2025, 7, 1, 4, tzinfo=UTC)),
        ("2025-03-09", datetime(2025, 3, 9, 5, tzinfo=UTC)),
    ],
)
def test_a_bare_day_of_an_opening_begins_in_the_zone_of_the_book(day: str, begins_at: datetime, read_file: ReadFile) -> None:
    event = only_event(read_file(file_of(type="opening", time=day, acquired=day, value="1")))
    assert isinstance(event, Opening)
    assert event.occurred_at == begins_at


def test_a_bare_day_stays_a_day(read_file: ReadFile) -> None:
    day, told = date(2025, 1, 1), {"type": "opening", "time": "2025-01-01", "value": "1"}
    for cells in (told, told | {"acquired": "2025-01-01"}):
        event = only_event(read_file(file_of(**cells)))
        assert isinstance(event, Opening)
        assert (event.occurred_day, event.acquired_day, event.acquired_at) == (day, day, None)


@pytest.mark.parametrize("column", ["time", "acquired"])
def test_a_bare_day_that_is_not_in_the_calendar_is_refused(column: str, faults_of: FaultsOf) -> None:
    cells = {"type": "opening", "time": "2025-03-01", "value": "1", "acquired": "2025-01-01"} | {column: "2025-02-30"}
    (fault,) = faults_of(file_of(**cells))
    assert f"{column}: '2025-02-30' is not in the calendar" in fault


@pytest.mark.parametrize(
    ("cells", "cost_basis", "acquired"),
    [
        ({"type": "opening"}, None, None),
        ({"type": "opening", "time": "2025-03-01"}, None, None),
        ({"type": "opening", "value": "0"}, Decimal(0), datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ({"type": "opening", "value": "9"}, Decimal(9), datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ({"type": "opening", "acquired": "2020-01-01T00:00:00Z"}, None, datetime(2020, 1, 1, tzinfo=UTC)),
        ({"type": "gift_in", "value": "9"}, Decimal(9), None),
        ({"type": "gift_in", "value": "9", "acquired": "2020-01-01"}, Decimal(9), date(2020, 1, 1)),
    ],
)
def test_a_basis_or_date_that_is_not_told_stays_unknown(
    cells: dict[str, str], cost_basis: Decimal | None, acquired: datetime | date | None, read_file: ReadFile
) -> None:
    event = only_event(read_file(file_of(**cells)))
    assert isinstance(event, Opening)
    assert (event.cost_basis, event.acquired_at or event.acquired_day) == (cost_basis, acquired)


@pytest.mark.parametrize("fee_amount", ["0", "0.00", "-0"])
def test_a_fee_of_zero_is_no_fee(fee_amount: str, read_file: ReadFile) -> None:
    event = only_event(read_file(file_of(fee_asset="USD", fee_amount=fee_amount, fee_value="0")))
    assert isinstance(event, Fill)
    assert event.fee is None


def test_the_largest_number_that_fits_a_book_is_read_exactly(read_file: ReadFile) -> None:
    event = only_event(read_file(file_of(amount="99999999999999999999.999999999999999999")))
    assert isinstance(event, Fill)
    assert str(event.base.quantity) == "99999999999999999999.999999999999999999"


def test_a_note_may_have_line_breaks(read_file: ReadFile) -> None:
    assert only_event(read_file(file_of(note="one\ntwo"))).note == "one\ntwo"


def test_charges_keep_what_kind_they_are(read_file: ReadFile) -> None:
    for kind in ChargeKind:
        event = only_event(read_file(file_of(type=kind.value)))
        assert f'"kind":"{kind.value}"' in body_text(event)


# --- bad input: one line for each message ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("", f"is empty ({NUMBER})"),
        ("1,000.5", f"'1,000.5' {PLAIN} ({NUMBER})"),
        ("1.000,5", f"'1.000,5' {PLAIN} ({NUMBER})"),
        ("--5", f"'--5' {PLAIN} ({NUMBER})"),
        ("+5", f"'+5' {PLAIN} ({NUMBER})"),
        ("NaN", f"'NaN' {PLAIN} ({NUMBER})"),
        ("-Infinity", f"'-Infinity' {PLAIN} ({NUMBER})"),
        ("$5", f"'$5' {PLAIN} ({NUMBER})"),
        ("1_000", f"'1_000' {PLAIN} ({NUMBER})"),
        ("0x10", f"'0x10' {PLAIN} ({NUMBER})"),
        (".5", f"'.5' {PLAIN} ({NUMBER})"),
        ("٣", f"'٣' {PLAIN} ({NUMBER})"),
        ("=1+1", f"'=1+1' {PLAIN} ({NUMBER})"),
        ("#REF!", f"'#REF!' {PLAIN} ({NUMBER})"),
        ("1e400", f"'1e400' has more than 20 integer digits ({NUMBER})"),
        ("1e99999", f"'1e99999' {PLAIN} ({NUMBER})"),
        ("1e-400", f"'1e-400' has more than 18 decimals ({NUMBER})"),
        ("100000000000000000000", f"'100000000000000000000' has more than 20 integer digits ({NUMBER})"),
        ("0.1234567890123456789", f"'0.1234567890123456789' has more than 18 decimals ({NUMBER})"),
        ("9" * 80, "'" + "9" * 57 + f"...' has more than 20 integer digits ({NUMBER})"),
        ("-5", f"'-5' is negative ({POSITIVE})"),
        ("0", "'0' is zero (an amount is above zero; leave out rows that move nothing)"),
        ("-0.0", "'-0.0' is zero (an amount is above zero; leave out rows that move nothing)"),
    ],
)
def test_a_bad_amount_is_a_fault_wherever_it_stands(amount: str, message: str, faults_of: FaultsOf) -> None:
    assert faults_of(file_of(amount=amount)) == [f"line 2, column amount: {message}"]
    assert faults_of(file_of(quote_amount=amount, quote_asset="ETH")) == [f"line 2, column quote_amount: {message}"]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_units_may_go_or_come_for_no_money_at_all(side: str, read_file: ReadFile) -> None:
    event = only_event(read_file(file_of(type=side, quote_asset="USD", quote_amount="0")))
    assert isinstance(event, Fill)
    assert event.quote == Amount(quantity=Decimal(0), asset=AssetCode("USD"))


def test_a_price_in_money_may_not_be_negative(faults_of: FaultsOf) -> None:
    assert faults_of(file_of(quote_asset="USD", quote_amount="-5")) == [f"line 2, column quote_amount: '-5' is negative ({POSITIVE})"]


@pytest.mark.parametrize("column", ["time", "acquired"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2025-03-01T12:00:00", "'2025-03-01T12:00:00' has no UTC offset (add Z for UTC, or the offset of the clock, like -05:00)"),
        (
            "2025-03-01T12:00:00.1234567Z",
            "'2025-03-01T12:00:00.1234567Z' is finer than a microsecond (write at most six decimals of a second)",
        ),
        ("2025-02-30T12:00:00Z", "'2025-02-30T12:00:00Z' is not in the calendar (check day, hour and offset)"),
        ("2025-03-01T25:00:00Z", "'2025-03-01T25:00:00Z' is not in the calendar (check day, hour and offset)"),
        ("2025-03-01T12:00:00+24:00", "'2025-03-01T12:00:00+24:00' is not in the calendar (check day, hour and offset)"),
        ("0001-01-01T00:00:00+14:00", "'0001-01-01T00:00:00+14:00' lies outside the years 1900 to 2999 (check the year)"),
        ("9999-12-31T23:59:59-14:00", "'9999-12-31T23:59:59-14:00' lies outside the years 1900 to 2999 (check the year)"),
        ("03/01/2025 12:00", f"'03/01/2025 12:00' is not a date and time ({INSTANT})"),
        ("1740830400", f"'1740830400' is not a date and time ({INSTANT})"),
        ("2025-W09-6T12:00:00Z", f"'2025-W09-6T12:00:00Z' is not a date and time ({INSTANT})"),
    ],
)
def test_a_bad_instant_is_a_fault(column: str, text: str, message: str, faults_of: FaultsOf) -> None:
    assert faults_of(file_of(type="opening", value="1", **{column: text})) == [f"line 2, column {column}: {message}"]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"time": ""}, f"time: is empty ({INSTANT})"),
        ({"time": "2025-03-01"}, f"time: '2025-03-01' is a day without a time ({INSTANT})"),
        ({"type": "gift_in", "time": "2025-03-01"}, f"time: '2025-03-01' is a day without a time ({INSTANT})"),
        ({"type": "opening", "time": "2025-02-29"}, "time: '2025-02-29' is not in the calendar (check day, hour and offset)"),
        ({"id": ""}, "id: is empty (fill the cell)"),
        ({"id": "a\x1fb"}, "id: 'a\\x1fb' has characters that cannot be printed (type the text again)"),
        ({"id": "x" * 201}, "id: '" + "x" * 57 + "...' has 201 characters (write at most 200)"),
        ({"order_id": "a\nb"}, "order_id: 'a\\nb' has characters that cannot be printed (type the text again)"),
        ({"bot": "b" * 65}, "bot: '" + "b" * 57 + "...' has 65 characters (write at most 64)"),
        ({"note": "a\x07"}, "note: 'a\\x07' has characters that cannot be printed (type the text again)"),
        ({"note": "n" * 2001}, "note: '" + "n" * 57 + "...' has 2,001 characters (write at most 2,000)"),
        ({"account": ""}, "account: is empty (fill the cell, or name the account with --account)"),
        ({"account": "a:b"}, "account: 'a:b' has a colon (leave colons out of the names of accounts)"),
        (
            {"account": "(in transit)"},
            "account: '(in transit)' is kept for units on their way between wallets (choose another name)",
        ),
        (
            {"type": ""},
            f"type: is empty (write one of {TYPES})",
        ),
        ({"type": "Buy"}, "type: 'Buy' is no type of row (did you mean buy?)"),
        ({"type": "withdraw"}, "type: 'withdraw' is no type of row (did you mean withdrawal?)"),
        ({"asset": ""}, "asset: is empty (write the code of the asset, like BTC)"),
        ({"asset": "btc"}, f"asset: 'btc' {CODE} (did you mean BTC?)"),
        (
            {"asset": "₿"},
            f"asset: '₿' {CODE} (write the code as the venue does, like BTC)",
        ),
        ({"quote_asset": ""}, "quote_asset: is empty (write the code of the asset, like BTC)"),
        ({"quote_asset": "BTC"}, "quote_asset: is 'BTC' like asset (name what was paid or received for it)"),
        ({"fee_asset": "USD"}, "fee_amount: is empty, fee_asset is not (fill both, or neither)"),
        ({"fee_amount": "1"}, "fee_asset: is empty, fee_amount is not (fill both, or neither)"),
        ({"fee_amount": "x", "fee_asset": "USD", "fee_value": "1"}, f"fee_amount: 'x' {PLAIN} ({NUMBER})"),
        ({"fee_value": "1"}, "fee_value: is '1', but there is no fee (fill fee_asset and fee_amount, or leave it empty)"),
        (
            {"fee_amount": "0", "fee_asset": "USD", "fee_value": "1"},
            "fee_value: is '1', but there is no fee (fill fee_asset and fee_amount, or leave it empty)",
        ),
        ({"fee_amount": "1", "fee_asset": "USD", "fee_value": "-1"}, f"fee_value: '-1' is negative ({WORTH})"),
        ({"value": "-1"}, f"value: '-1' is negative ({WORTH})"),
        ({"value": "none"}, f"value: 'none' {PLAIN} ({NUMBER})"),
        ({"type": "transfer", "to_account": ""}, "to_account: is empty (fill the cell)"),
        ({"type": "transfer", "to_account": "main"}, "to_account: is 'main', the sending account (name the account that receives)"),
        (
            {"type": "income", "kind": ""},
            "kind: is empty (write one of staking, airdrop, fork, mining, interest, reward, referral, rebate)",
        ),
        (
            {"type": "income", "kind": "gift"},
            "kind: 'gift' is no kind of income (write one of staking, airdrop, fork, mining, interest, reward, referral, rebate)",
        ),
        (
            {"type": "opening", "value": "1", "acquired": "2025-03-02"},
            "acquired: '2025-03-02' is later than time, '2025-03-01T12:00:00Z' (correct one of the two)",
        ),
        ({"type": "deposit", "quote_amount": "5"}, "quote_amount: '5' does not belong to a deposit row (leave the cell empty)"),
        ({"type": "deposit", "value": "5"}, "value: '5' does not belong to a deposit row (leave the cell empty)"),
        ({"type": "withdrawal", "to_account": "cold"}, "to_account: 'cold' does not belong to a withdrawal row (leave the cell empty)"),
        ({"type": "buy", "kind": "staking"}, "kind: 'staking' does not belong to a buy row (leave the cell empty)"),
        ({"type": "fee", "fee_value": "5"}, "fee_value: '5' does not belong to a fee row (leave the cell empty)"),
        ({"type": "spend", "acquired": "2025-03-01"}, "acquired: '2025-03-01' does not belong to a spend row (leave the cell empty)"),
    ],
)
def test_a_bad_cell_is_a_fault_with_column_and_mend(cells: dict[str, str], fault: str, faults_of: FaultsOf) -> None:
    assert faults_of(file_of(**cells)) == [f"line 2, column {fault}"]


def test_a_row_of_another_account_than_the_command_line_names_is_a_fault(faults_of: FaultsOf) -> None:
    mend = "--account is for rows that name none: leave it out, or correct the row"
    assert faults_of(file_of(account="cold"), account="main") == [
        f"line 2, column account: is 'cold', the command line says 'main' ({mend})",
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            "t1,2025-03-01T12:00:00Z,deposit,main,USD,1,000.5",
            "has 7 cells, the header has 6 (put text with commas in quotes, and write numbers without separators)",
        ),
        ("t1,2025-03-01T12:00:00Z,deposit", "has 3 cells, the header has 6 (fill up the row with commas)"),
    ],
)
def test_a_row_of_another_width_than_the_header_is_a_fault(row: str, fault: str, faults_of: FaultsOf) -> None:
    assert faults_of(f"id,time,type,account,asset,amount\n{row}\n") == [f"line 2: {fault}"]


def test_all_faults_of_a_row_are_given_and_the_next_row_starts_clean(read_file: ReadFile) -> None:
    header = "id,time,type,account,asset,amount,quote_asset,quote_amount\n"
    bad, good = ",2025-03-01,buy,main,btc,-1,USD,\n", "t2,2025-03-01T12:00:00Z,buy,main,BTC,1,USD,9\n"
    first, second = read_file(header + bad + good)
    assert first.event is None
    assert [fault.column for fault in first.faults] == ["id", "time", "amount", "asset", "quote_amount"]
    assert second.event is not None
    assert (second.line, second.faults) == (3, ())


def test_an_unknown_type_still_has_its_other_cells_checked(read_file: ReadFile) -> None:
    (row,) = read_file(file_of(type="trade", amount="x"))
    assert [fault.column for fault in row.faults] == ["amount", "type"]
