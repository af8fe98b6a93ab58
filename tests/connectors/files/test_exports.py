"""One composed file per format and generation of its header, and what it says; a header that drifted is refused by name."""

import random
from collections.abc import Callable
from decimal import Decimal

import pytest

from ledger import plugins
from ledger.domain.amount import Amount, text_of
from ledger.domain.errors import InputError
from ledger.domain.event import Charge, Event, Fill, Income, Transfer
from ledger.ports import FileFormat, FileRow

from .composed import FILES, UNIVERSAL

ReadFile = Callable[..., list[FileRow]]

OWN_WALLETS = {"koinly", "cointracker", "cointracking"}
CASES = pytest.mark.parametrize(("name", "header", "lines", "said"), FILES, ids=[f"{one[0]}-{n}" for n, one in enumerate(FILES)])


def shown(amount: Amount) -> str:
    return f"{text_of(amount.quantity)} {amount.asset}"


def told(event: Event) -> str:
    at = event.occurred_at.isoformat().replace("+00:00", "Z")
    match event:
        case Fill():
            what = f"{event.side} {shown(event.base)} for {shown(event.quote)}"
        case Income() | Charge():
            what = f"{event.kind} {shown(event.amount)}"
        case Transfer(from_account=None):
            what = f"in {shown(event.amount)}"
        case Transfer(to_account=None):
            what = f"out {shown(event.amount)}"
        case Transfer():
            what = f"{event.from_account} to {event.to_account} {shown(event.amount)}"
        case _:
            raise AssertionError(event)
    fee = f" fee {shown(event.fee)}" if event.fee else ""
    return f"{at} {what}{fee}"


def content(header: str, lines: tuple[str, ...]) -> str:
    return "\n".join((header, *lines)) + "\n"


def read(name: str, text: str, read_file: ReadFile) -> list[FileRow]:
    return read_file(text, account=None if name in OWN_WALLETS else "main", wanted=name)


def said_by(rows: list[FileRow]) -> list[str]:
    assert not [str(fault) for row in rows for fault in row.faults]
    events = [told(row.event) for row in rows if row.event is not None]
    return events + [f"finding {finding.code}" for row in rows for finding in row.findings]


@CASES
def test_a_file_says_what_its_rows_say(name: str, header: str, lines: tuple[str, ...], said: tuple[str, ...], read_file: ReadFile) -> None:
    assert said_by(read(name, content(header, lines), read_file)) == list(said)


@CASES
def test_neither_the_order_of_rows_nor_of_columns_changes_an_event(
    name: str, header: str, lines: tuple[str, ...], said: tuple[str, ...], read_file: ReadFile
) -> None:
    whole = {row.event for row in read(name, content(header, lines), read_file)}
    for seed in range(3):
        mixed = random.Random(seed).sample(lines, len(lines))  # noqa: S311 - no secret
        assert {row.event for row in read(name, content(header, tuple(mixed)), read_file)} == whole
    assert len(whole) > 0, said


@CASES
def test_a_header_that_drifted_is_refused_with_the_nearest_format_and_the_difference(
    name: str, header: str, lines: tuple[str, ...], said: tuple[str, ...], read_file: ReadFile
) -> None:
    drifted = header.replace(",", ",drifted,", 1)
    with pytest.raises(InputError, match=r"the header is of no known format; nearest is .*unknown: 'drifted'"):
        read_file(content(drifted, lines), account="main")
    with pytest.raises(InputError, match=f"the header is not that of {name} .*unknown: 'drifted'"):
        read_file(content(drifted, lines), account="main", wanted=name)
    assert said


def test_every_format_and_generation_has_a_file() -> None:
    without = {"lotwright-events", "lotwright-elections", "lotwright-1099", "coinbase-pro-fills", "kraken-ledgers", "kraken-trades"}
    without |= {"binance-orders"}
    formats = {one.name: one for one in plugins.file_formats() if one.name not in without}
    assert {name for name, *_ in FILES} == set(formats)
    for one in formats.values():
        found = {frozenset(_plain(header)) for name, header, *_ in FILES if name == one.name}
        assert len(found) >= len(one.headers) or one.name == "bybit", one.name


def _plain(header: str) -> list[str]:
    return header.split(",")


def test_equal_rows_of_one_file_are_several_and_of_two_files_the_same(read_file: ReadFile) -> None:
    name, header, (line, other), _ = next(one for one in FILES if one[0] == "binance-trades")
    twice = {row.event.event_id for row in read(name, content(header, (line, line, other)), read_file) if row.event}
    part = {row.event.event_id for row in read(name, content(header, (line,)), read_file) if row.event}
    assert len(twice) == 3
    assert part < twice


def test_an_order_history_is_refused_with_the_reason(read_file: ReadFile, formats: tuple[FileFormat, ...]) -> None:
    orders = next(one for one in formats if one.name == "binance-orders")
    with pytest.raises(InputError, match="an order history of Binance has no fees") as refused:
        read_file(",".join(orders.headers[0]) + "\n", account="main")
    assert "Transaction record" in refused.value.mend


@pytest.mark.parametrize("name", sorted({one[0] for one in FILES} - OWN_WALLETS))
def test_a_file_that_names_no_account_needs_one(name: str, read_file: ReadFile) -> None:
    _, header, lines, _ = next(one for one in FILES if one[0] == name)
    with pytest.raises(InputError, match="does not say which account it is of"):
        read_file(content(header, lines), wanted=name)


@pytest.mark.parametrize("name", sorted(OWN_WALLETS))
def test_a_file_that_names_its_wallets_takes_no_other(name: str, read_file: ReadFile) -> None:
    _, header, lines, _ = next(one for one in FILES if one[0] == name)
    with pytest.raises(InputError, match="leave --account out"):
        read_file(content(header, lines), account="main", wanted=name)


@pytest.mark.parametrize(
    ("name", "was", "now", "fault"),
    [
        ("coinbase", "$609.00", "$619.00", "column Total: is 619, the other columns make 609"),
        ("coinbase", ",Buy,", ",Staked Airdrop,", "column Transaction Type: 'Staked Airdrop' is a kind of row for which there is no rule"),
        ("coinbase", "for 996 USDC", "for 1004 USDC", "which contradicts the fee"),
        ("binance-trades", "600.00000000USDT", "601.00000000USDT", "column Amount: is 601, the other columns make 600"),
        ("binance-trades", "BTCUSDT", "BTCUSDC", "column Pair: is 'BTCUSDC', the amounts say"),
        (
            "binance-statement",
            "Simple Earn Flexible Interest",
            "Auto-Invest Thing",
            "column Operation: 'Auto-Invest Thing' is a kind of row",
        ),
        (
            "binance-statement",
            "1,2024-03-01 12:00:00,Spot,Transaction Buy,BTC,0.004",
            "1,2024-03-01 12:00:00,Spot,Buy,ETH,4",
            "no exchange of two",
        ),
        ("binance-statement", ",Earn,", ",Cross Margin,", "column Account: is 'Cross Margin', an account of derivatives or loans"),
        ("gemini", "BTCUSD", "ETHUSD", "column Symbol: is 'ETHUSD', the amounts say 'BTCUSD'"),
        ("bitstamp", "600.00", "660.00", "column Value: is 660, the other columns make 600"),
        ("bybit", "0.00999,0.00999", "0.01,0.00999", "column Change: is 0.01, the other columns make 0.00999"),
        ("okx", "Buy,0.01,BTC", "Buy,0.02,BTC", "column Amount: is 0.02, the other columns make 0.01"),
        ("kucoin", "0.01,600,", "0.01,660,", "column Filled Volume: is 660, the other columns make 600"),
        ("koinly-universal", "staking", "tax-free magic", "column Label: 'tax-free magic' is a kind of row"),
        ("cointracking", "Staking,", "Margin,", "column Type: is 'Margin', a type for which there is no rule"),
    ],
)
def test_a_contradiction_or_an_unknown_kind_is_a_fault(name: str, was: str, now: str, fault: str, read_file: ReadFile) -> None:
    _, header, lines, _ = next(one for one in FILES if one[0] == name)
    changed = content(header, tuple(line.replace(was, now) for line in lines))
    assert changed != content(header, lines)
    faults = [str(found) for row in read(name, changed, read_file) for found in row.faults]
    assert any(fault in found for found in faults), faults


def test_amounts_keep_every_digit(read_file: ReadFile) -> None:
    (row,) = read_file(f"{UNIVERSAL}\n2024-03-01 12:00 UTC,,,0.123456789012345678,ETH,,,,,,,\n", account="main")
    assert isinstance(row.event, Transfer)
    assert row.event.amount.quantity == Decimal("0.123456789012345678")


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("03.11.2024 00:59:59", "2024-11-03T04:59:59+00:00"),
        ("03.11.2024 01:00:00", "came twice in America/New_York (write which: 2024-11-03 01:00:00-04:00 or 2024-11-03 01:00:00-05:00)"),
        ("2024-11-03 01:30:00", "came twice in America/New_York"),
        ("2024-11-03 01:30:00-05:00", "2024-11-03T06:30:00+00:00"),
        ("03.11.2024 02:00:00", "2024-11-03T07:00:00+00:00"),
        ("10.03.2024 02:30:00", "was on no clock in America/New_York (the file is of another zone: "),
        ("10.03.2024 03:00:00", "2024-03-10T07:00:00+00:00"),
    ],
)
def test_what_a_clock_showed_twice_or_never_is_no_moment(time: str, told: str, read_file: ReadFile) -> None:
    header, (line, *_) = next((one[1], one[2]) for one in FILES if one[0] == "cointracking")
    (row,) = read("cointracking", content(header, (line.replace("01.03.2024 07:00:00", time),)), read_file)
    assert told in (row.event.occurred_at.isoformat() if row.event else str(row.faults[0]))


def test_the_trade_group_of_a_row_is_its_bot_and_other_rows_take_that_of_the_command_line(read_file: ReadFile) -> None:
    header, lines = next((one[1], one[2]) for one in FILES if one[0] == "cointracking")
    rows = read_file(content(header, lines), wanted="cointracking", bot="mine")
    assert [row.event.bot for row in rows if row.event] == ["grid-1", "mine"]
    (bad,) = read("cointracking", content(header, (lines[0].replace("grid-1", "g" * 65),)), read_file)
    assert [fault.column for fault in bad.faults] == ["Trade-Group"]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ("-600,USD,0.01,BTC,,,", "line 2, column Sent Amount: '-600' is negative"),
        ("600,USD,-0.01,BTC,,,", "line 2, column Received Amount: '-0.01' is negative"),
        ("600,USD,0.01,BTC,-1,USD,", "line 2, column Fee Amount: '-1' is negative"),
        ("600,USD,0,BTC,,,", "line 2, column Received Amount: is zero, and the row says of what"),
        ("0.00,USD,0.01,BTC,,,", "line 2, column Sent Amount: is zero, and the row says of what"),
        ("600,USD,0,,,,", ""),
        ("0,ETH,,,0.001,ETH,", ""),
        ("0,ETH,0.001,ETH,,,staking", ""),
    ],
)
def test_a_sign_or_a_zero_that_may_mean_two_things_is_a_fault(cells: str, fault: str, read_file: ReadFile) -> None:
    sent, sent_asset, received, received_asset, fee, fee_asset, label = cells.split(",")
    line = f"2024-03-01 12:00 UTC,{sent},{sent_asset},{received},{received_asset},{fee},{fee_asset},,,{label},,"
    (row,) = read("koinly-universal", content(UNIVERSAL, (line,)), read_file)
    assert [str(one).startswith(fault) for one in row.faults] == ([True] if fault else [])
