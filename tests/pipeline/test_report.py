"""What reports are written from: income with its rebates, lots as of a day, days that stay days, terms of units without a lot."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book, Selection
from ledger.domain.amount import AssetCode
from ledger.domain.event import Fill
from ledger.domain.ids import AccountId, EventId, SourceId
from ledger.domain.time.period import Period
from ledger.pipeline.interpret import Absorber, Tally

Row = dict[str, str]
Make = Callable[..., Row]
Write = Callable[..., Path]
Report = Callable[..., bytes]
Gains = Callable[..., list[Row]]
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough


def rows_of(report: bytes, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in csv.DictReader(io.StringIO(report.decode()))]


def until(day: str, **chosen: str) -> Selection:
    asset, account = chosen.get("asset"), chosen.get("account")
    return Selection(
        period=Period(to_day=date.fromisoformat(day)),
        asset=None if asset is None else AssetCode(asset),
        account=None if account is None else AccountId(account),
    )


def in_zone(book: Book, zone: str) -> Book:
    """Change the zone in the settings file by hand, as a user does, and open the book again."""
    path = book.settings.folder / "lotwright.toml"
    old = f'time_zone = "{book.settings.time_zone}"'
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, f'time_zone = "{zone}"'), encoding="utf-8")
    return Book.open(book.settings.folder)


# --- income ----------------------------------------------------------------------------------------------------------

INCOME = ("event", "kind", "asset", "quantity", "account", "bot", "value", "finding")


@pytest.fixture
def rebated(book: Book, row: Make, write: Write) -> Book:
    """Rebates in a third asset (priced, unpriced, of a transfer), in an asset of the trade and in money; and two incomes."""
    rebate = {"fee_asset": "BNB", "fee_amount": "-0.5"}
    staked = {"type": "income", "kind": "staking", "asset": "ETH", "amount": "1", "value": "3000"}
    book.import_files(
        [
            write(
                row("t5", time="2025-03-05T12:00:00Z", **rebate, fee_value="300", bot="grid"),
                row("t3", time="2025-03-03T12:00:00Z", type="sell", amount="0.25", quote_amount="9000", **rebate),
                row("t4", time="2025-03-04T12:00:00Z", type="transfer", to_account="cold", amount="0.1", **rebate, fee_value="7"),
                row("c1", fee_asset="USD", fee_amount="-3"),
                row("c2", fee_asset="BTC", fee_amount="-0.001"),
                row("i5", time="2025-03-05T12:00:00Z", **staked),
                row("i1", time="2025-03-01T12:00:00Z", **staked | {"kind": "rebate", "value": "5"}),
                row("i2", time="2025-03-02T12:00:00Z", **staked, **rebate, fee_value="8"),
                row("old", time="2024-03-02T12:00:00Z", **rebate, fee_value="9"),
            )
        ]
    )
    return book


def test_a_rebate_in_a_third_asset_is_a_receipt_at_the_cost_of_its_lot(rebated: Book, report_of: Report) -> None:
    year = Selection(period=rebated.period_of(2025))
    assert rows_of(report_of(rebated, "income", "csv", year), *INCOME) == [
        ("i1", "rebate", "ETH", "1", "main", "", "5", ""),
        ("i2", "staking", "ETH", "1", "main", "", "3000", ""),
        ("i2", "rebate", "BNB", "0.5", "main", "", "8", ""),
        ("t3", "rebate", "BNB", "0.5", "main", "", "", "missing-price"),
        ("t4", "rebate", "BNB", "0.5", "main", "", "7", ""),
        ("i5", "staking", "ETH", "1", "main", "", "3000", ""),
        ("t5", "rebate", "BNB", "0.5", "main", "grid", "300", ""),
    ]
    costs = {lot.source_id: lot.cost_basis for lot in rebated.lots() if lot.asset == "BNB"}
    assert costs == {"i2": 8, "t3": None, "t4": 7, "t5": 300, "old": 9}


@ON_SQLITE
@pytest.mark.parametrize(
    ("chosen", "events"),
    [
        (Selection(asset=AssetCode("BNB")), ["old", "i2", "t3", "t4", "t5"]),
        (Selection(asset=AssetCode("BTC")), []),
        (Selection(account=AccountId("cold")), []),
        (until("2025-03-02"), ["old", "i1", "i2", "i2"]),
    ],
    ids=str,
)
def test_receipts_of_rebates_are_cut_like_all_others(rebated: Book, report_of: Report, chosen: Selection, events: list[str]) -> None:
    assert [event for (event,) in rows_of(report_of(rebated, "income", "csv", chosen), "event")] == events


@ON_SQLITE
def test_a_rebate_that_the_law_cannot_place_is_a_finding_and_no_receipt(book: Book, row: Make, write: Write, report_of: Report) -> None:
    book.import_files([write(row("s1", type="sell"))])
    with book.store.write() as writer:
        (stored,) = writer.events()
        assert isinstance(stored.event, Fill)
        pulled = replace(stored.event, event_id=EventId("f" * 32), source_id=SourceId("s2"), fee=-stored.event.base)
        Absorber(writer, recorded_at=pulled.occurred_at).absorb([(pulled, "row 1")], 1)
    book.rebuild()
    assert rows_of(report_of(book, "income"), "event") == []
    assert ("unsupported-case", "main/s2") in {(finding.code, finding.subject) for finding in book.findings()}


# --- lots as of a day ------------------------------------------------------------------------------------------------

LOTS = ("asset", "wallet", "event", "quantity_open", "cost_open")


@pytest.fixture
def traded(book: Book, row: Make, write: Write) -> Book:
    """Two purchases, half a sale, a transfer and the rest of the sale, each in a month of its own."""
    book.import_files(
        [
            write(
                row("b1", time="2025-01-10T12:00:00Z", quote_amount="100"),
                row("b2", time="2025-02-10T12:00:00Z", quote_amount="200"),
                row("s1", time="2025-02-28T23:59:59.999999Z", type="sell", amount="0.5", quote_amount="99"),
                row("e1", time="2025-03-01T00:00:00Z", asset="ETH", amount="2", quote_amount="10"),
                row("m1", time="2025-04-01T12:00:00Z", type="transfer", to_account="cold"),
                row("s2", time="2025-05-01T12:00:00Z", type="sell", amount="0.5", quote_amount="99", account="cold"),
            )
        ]
    )
    return book


AS_OF: dict[str, tuple[Selection, list[tuple[str, ...]]]] = {
    "before anything": (until("2025-01-09"), []),
    "with part of a lot gone": (until("2025-02-28"), [("BTC", "main", "b1", "0.5", "50"), ("BTC", "main", "b2", "1", "200")]),
    "with the first instant of the next day left out": (until("2025-02-28", asset="ETH"), []),
    "with that day in": (until("2025-03-01", asset="ETH"), [("ETH", "main", "e1", "2", "10")]),
    "with lots moved": (
        until("2025-04-30"),
        [
            ("BTC", "cold", "b1", "0.5", "50"),
            ("BTC", "cold", "b2", "0.5", "100"),
            ("BTC", "main", "b2", "0.5", "100"),
            ("ETH", "main", "e1", "2", "10"),
        ],
    ),
    "of one account": (until("2025-04-30", account="main", asset="BTC"), [("BTC", "main", "b2", "0.5", "100")]),
    "of money": (until("2025-04-30", asset="USD"), []),
}


@ON_SQLITE
@pytest.mark.parametrize(("chosen", "lots"), AS_OF.values(), ids=AS_OF)
def test_lots_are_those_open_at_the_end_of_the_period(
    traded: Book, report_of: Report, chosen: Selection, lots: list[tuple[str, ...]]
) -> None:
    assert rows_of(report_of(traded, "lots", "csv", chosen), *LOTS) == lots


def test_holdings_are_those_at_the_end_of_the_period(traded: Book, report_of: Report) -> None:
    held = report_of(traded, "holdings", "csv", until("2025-02-28"))
    assert rows_of(held, "wallet", "asset", "lots", "quantity", "cost_basis") == [("main", "BTC", "2", "1.5", "250")]


def test_lots_at_the_end_of_a_day_after_all_are_those_of_the_book(traded: Book, report_of: Report) -> None:
    stored = rows_of(report_of(traded, "lots"), *LOTS)
    assert rows_of(report_of(traded, "lots", "csv", until("2030-12-31")), *LOTS) == stored
    assert [row[2] for row in stored] == ["b2", "b2", "e1"]


# --- days that stay days ---------------------------------------------------------------------------------------------


@pytest.fixture
def opened_by_days(row: Make, write: Write) -> Path:
    """Openings with bare days and the sales of them; o2 says its day of acquisition by its day of opening."""
    return write(
        row("o1", time="2025-01-01", type="opening", value="100", acquired="2024-06-17"),
        row("o2", time="2024-06-17", type="opening", value="100", asset="ETH"),
        row("o3", time="2024-06-17", type="opening", asset="SOL"),
        row("s1", time="2025-06-17T20:00:00Z", type="sell", quote_amount="300"),
        row("s2", time="2025-06-17T20:00:00Z", type="sell", quote_amount="300", asset="ETH"),
        row("s3", time="2025-06-17T20:00:00Z", type="sell", quote_amount="300", asset="SOL"),
    )


@ON_SQLITE
@pytest.mark.parametrize("zone", ["America/New_York", "America/Los_Angeles", "Europe/Berlin"])
def test_a_bare_day_of_acquisition_is_the_same_day_in_another_zone(book: Book, opened_by_days: Path, gains_of: Gains, zone: str) -> None:
    book.import_files([opened_by_days])
    acquired = {(gain["event"], gain["date_acquired"], gain["term"]) for gain in gains_of(book)}
    assert acquired == {(sale, "2024-06-17", "short") for sale in ("s1", "s2", "s3")}
    with in_zone(book, zone) as moved:
        assert {(gain["event"], gain["date_acquired"], gain["term"]) for gain in gains_of(moved)} == acquired


def test_bare_days_read_in_another_zone_are_known(book: Book, opened_by_days: Path, gains_of: Gains) -> None:
    book.import_files([opened_by_days])
    with in_zone(book, "America/New_York") as moved:
        gains = gains_of(moved)
        (outcome,) = moved.import_files([opened_by_days])
        assert outcome.tally == Tally(known=6)
        assert gains_of(moved) == gains
        assert {finding.code for finding in moved.findings()} == {"missing-basis"}


# --- units without a lot, lots without a cost ------------------------------------------------------------------------


@ON_SQLITE
def test_units_without_a_lot_are_held_short(book: Book, row: Make, write: Write, gains_of: Gains) -> None:
    book.import_files([write(row("s1", type="sell"))])
    (gain,) = gains_of(book)
    assert (gain["lot"], gain["date_acquired"], gain["term"], gain["box"]) == ("", "", "short", "I")


@ON_SQLITE
def test_a_lot_without_a_cost_is_sold_with_its_date_and_term(book: Book, row: Make, write: Write, gains_of: Gains) -> None:
    opening = row("o1", time="2025-01-01", type="opening", acquired="2021-05-04")
    book.import_files([write(opening, row("s1", type="sell", quote_amount="900"))])
    (gain,) = gains_of(book)
    assert (gain["lot_event"], gain["date_acquired"], gain["term"], gain["box"]) == ("o1", "2021-05-04", "long", "L")
    assert (gain["cost_basis"], gain["gain"], gain["matched_by"], gain["finding"]) == ("0", "900", "fifo", "missing-basis")
    assert Decimal(gain["proceeds"]) == 900
    assert "lots-not-conserved" not in {finding.code for finding in book.check()}
