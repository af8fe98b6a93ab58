"""Kraken's exports: the same events as its API, whatever the order of rows and the generation of the header."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from ledger.connectors.kraken.ledgers_file import KrakenLedgers
from ledger.connectors.kraken.rows import KrakenRow, Teller, read_rows
from ledger.domain.amount import Amount, AssetCode
from ledger.domain.event import Event, Fill, Side, SourceRank
from ledger.domain.ids import AccountId
from ledger.domain.telling import told_again
from ledger.ports import FileRow

ReadFile = Callable[..., list[FileRow]]
FaultsOf = Callable[..., list[str]]

HEADER = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance"
WAITS = '"","RWAIT1-AAAAAA-AAAAAA","2024-03-01 01:02:03","deposit","","currency","DOT.S",0.0100000000,0.0000000000,""'
STAKED = '"LSTAKE-AAAAA-AAAAAA","STAKE1-AAAAAA-AAAAAA","2024-03-01 07:26:30","staking","","currency","DOT.S",0.0100000000,0.0000000000,4.01'
PAID = '"LPAID1-AAAAA-AAAAAA","TRADE1-AAAAAA-AAAAAA","2024-03-02 11:00:05","trade","","currency","ZUSD",-50.0000,0.0800,949.9200'
GOT = (
    '"LGOT01-AAAAA-AAAAAA","TRADE1-AAAAAA-AAAAAA","2024-03-02 11:00:05","trade","","currency","XXBT",0.0010000000,0.0000000000,0.0010000000'
)
SOLD = '"LSOLD1-AAAAA-AAAAAA","TRADE2-AAAAAA-AAAAAA","2024-03-03 11:00:05","trade","","currency","XXBT",-0.0009000000,0.0001,0.0000000000'
TOOK = '"LTOOK1-AAAAA-AAAAAA","TRADE2-AAAAAA-AAAAAA","2024-03-03 11:00:05","trade","","currency","ZUSD",45.0000,0,994.9200'
ROWS = (WAITS, STAKED, PAID, GOT, SOLD, TOOK)
TRADES = "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol,margin,misc,ledgers"
TRADE = "TRADE1-AAAAAA-AAAAAA,OORDER-AAAAA-AAAAAA,XXBTZUSD,2024-03-02 11:00:05.1234,buy,limit,50000.0,50.00000,0.08000,0.00100000,0.00000,,"


def ledgers(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def events_of(rows: list[FileRow]) -> dict[str, Event]:
    assert not [fault for row in rows for fault in row.faults]
    return {row.event.event_id: row.event for row in rows if row.event is not None}


def findings_of(rows: list[FileRow]) -> list[tuple[str, str]]:
    return [(finding.code, finding.subject) for row in rows for finding in row.findings]


def test_rows_of_one_refid_are_one_swap_with_the_fee_in_its_own_asset(read_file: ReadFile) -> None:
    rows = read_file(ledgers(*ROWS), account="main", bot="grid")
    bought, sold = (row.event for row in rows if isinstance(row.event, Fill))
    assert isinstance(bought, Fill)
    assert isinstance(sold, Fill)
    assert (bought.side, bought.base, bought.quote, bought.fee, bought.bot) == (
        Side.BUY,
        Amount(quantity=Decimal("0.001"), asset=AssetCode("BTC")),
        Amount(quantity=Decimal(50), asset=AssetCode("USD")),
        Amount(quantity=Decimal("0.08"), asset=AssetCode("USD")),
        "grid",
    )
    assert (sold.side, sold.fee) == (Side.SELL, Amount(quantity=Decimal("0.0001"), asset=AssetCode("BTC")))
    assert [row.line for row in rows] == [2, 3, 4, 5, 6, 7]


def test_the_waiting_twin_of_a_booked_row_tells_nothing_and_balances_before_the_file_are_named(read_file: ReadFile) -> None:
    rows = read_file(ledgers(*ROWS), account="main")
    assert len(events_of(rows)) == 3
    assert findings_of(rows) == [("opening-balance", "main/opening/DOT.S"), ("opening-balance", "main/opening/USD")]
    told = [finding.message for row in rows for finding in row.findings]
    assert told[0].startswith("main held 4 DOT.S before the first row of the file, LSTAKE-AAAAA-AAAAAA of 2024-03-01T07:26:30")


def test_a_row_that_waits_and_is_booked_nowhere_is_a_finding(read_file: ReadFile) -> None:
    rows = read_file(ledgers(WAITS, PAID, GOT), account="main")
    assert ("pending-row", "main/pending/RWAIT1-AAAAAA-AAAAAA") in findings_of(rows)


def test_a_running_balance_that_jumps_is_a_finding(read_file: ReadFile) -> None:
    rows = read_file(ledgers(PAID, GOT, SOLD.replace("0.0000000000", "0.5"), TOOK), account="main")
    assert ("balance-break", "main/break/LSOLD1-AAAAA-AAAAAA") in findings_of(rows)


def test_the_order_of_rows_changes_nothing(read_file: ReadFile) -> None:
    whole = read_file(ledgers(*ROWS), account="main")
    for mixed in permutations(ROWS):
        rows = read_file(ledgers(*mixed), account="main")
        assert (events_of(rows), findings_of(rows)) == (events_of(whole), findings_of(whole))


@pytest.mark.parametrize("header", KrakenLedgers.headers)
def test_every_generation_of_the_header_tells_the_same_events(header: tuple[str, ...], read_file: ReadFile) -> None:
    oldest = dict(zip(HEADER.split(","), GOT.replace('"', "").split(","), strict=True))
    paid = dict(zip(HEADER.split(","), PAID.replace('"', "").split(","), strict=True))
    lines = [",".join(cells.get(column, "") for column in header) for cells in (oldest, paid)]
    assert events_of(read_file("\n".join((",".join(header), *lines)), account="main")) == events_of(
        read_file(ledgers(GOT, PAID), account="main")
    )


def test_file_and_api_tell_one_event(read_file: ReadFile) -> None:
    at = datetime(2024, 3, 2, 11, 0, 5, 347845, tzinfo=UTC)
    common = {"refid": "TRADE1-AAAAAA-AAAAAA", "occurred_at": at, "kind": "trade", "subtype": "", "balance": Decimal(0)}
    api = read_rows(
        [
            KrakenRow(row_id="LPAID1-AAAAA-AAAAAA", asset="ZUSD", amount=Decimal(-50), fee=Decimal("0.08"), **common),  # type: ignore[arg-type]  # a dict of mixed fields
            KrakenRow(row_id="LGOT01-AAAAA-AAAAAA", asset="XXBT", amount=Decimal("0.001"), fee=Decimal(0), **common),  # type: ignore[arg-type]  # the same
        ],
        Teller(account=AccountId("main"), rank=SourceRank.VENUE),
    ).events[0][0]
    (filed,) = events_of(read_file(ledgers(PAID, GOT), account="main")).values()
    assert filed.event_id == api.event_id
    assert told_again(filed, api).event == api
    assert told_again(api, filed) == told_again(api, api)


def test_trades_complete_the_ledger_with_their_order_and_contradict_nothing(read_file: ReadFile) -> None:
    (filed,) = events_of(read_file(ledgers(PAID, GOT), account="main")).values()
    (trade,) = events_of(read_file(f"{TRADES}\n{TRADE}\n", account="main")).values()
    assert trade.event_id == filed.event_id
    one, other = told_again(filed, trade).event, told_again(trade, filed).event
    assert one == other
    assert one is not None
    assert (one.order_id, one.occurred_at, one.rank) == ("OORDER-AAAAA-AAAAAA", filed.occurred_at, SourceRank.FILE)


@pytest.mark.parametrize("more", ["", ",postxid,posstatus,cprice,ccost,cfee,cvol,cmargin,net,trades"])
def test_trades_are_read_in_both_generations(more: str, read_file: ReadFile) -> None:
    assert len(events_of(read_file(f"{TRADES}{more}\n{TRADE}{',' * more.count(',')}\n", account="main"))) == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (ledgers(PAID.replace("949.9200", '""')), "column balance: is empty, txid is not"),
        (ledgers(WAITS.replace('"",', '"",', 1)[:-2] + "1"), "column txid: is empty, balance is not"),
        (ledgers(PAID, PAID.replace("-50", "-51")), "column txid: 'LPAID1-AAAAA-AAAAAA' stands in this file twice with different content"),
        (ledgers(PAID.replace("ZUSD", "z usd")), "column asset: 'z usd'"),
        (ledgers(PAID.replace("2024-03-02 11:00:05", "02/03/2024")), "column time: '02/03/2024' is no time as this export writes it"),
        (f"{TRADES}\n{TRADE.replace('50.00000', '5.00000')}\n", "column cost: is 5, which is not price times vol"),
        (f"{TRADES}\n{TRADE.replace('0.00000,,', '10.00000,,')}\n", "column margin: is of a margin position"),
        (f"{TRADES}\n{TRADE.replace('XXBTZUSD', 'ABCDEF')}\n", "column pair: 'ABCDEF' is no pair whose two assets are known"),
        (f"{TRADES}\n{TRADE.replace('buy', 'hold')}\n", "column type: is 'hold', neither buy nor sell"),
    ],
)
def test_a_bad_cell_is_a_fault(content: str, fault: str, faults_of: FaultsOf) -> None:
    assert any(fault in found for found in faults_of(content, account="main")), faults_of(content, account="main")
