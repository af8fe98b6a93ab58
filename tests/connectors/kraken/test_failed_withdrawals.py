"""A withdrawal that failed leaves no trace in gains, lots and findings: its two rows cancel, wherever and whenever they are told."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book, exporter

from .small_venue import PAGE_ROWS, SmallVenue, small_venue

HOUR, YEAR = 3_600, 366 * 86_400
FEES = [("0", "0"), ("0.001", "-0.001")]
Row = tuple[str, str, int, str, str, str, str]


@pytest.fixture
def venue() -> Iterator[SmallVenue]:
    with small_venue() as server:
        yield server


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book.create(tmp_path / "book")
    made.add_connection("main", venue="kraken", secrets="env:MAIN")
    yield made
    made.close()


def bought(ago: int) -> list[Row]:
    return [
        ("LA", "D1", ago + 2 * HOUR, "deposit", "ZUSD", "100", "0"),
        ("LB", "T1", ago + HOUR, "trade", "ZUSD", "-50", "0"),
        ("LC", "T1", ago + HOUR, "trade", "XXBT", "1", "0"),
    ]


def sent(ago: int, fee: str) -> Row:
    return ("LD", "W1", ago, "withdrawal", "XXBT", "-0.5", fee)


def returned(ago: int, fee: str) -> Row:
    return ("LE", "W1", ago, "withdrawal", "XXBT", "0.5", fee)


def sold(ago: int) -> list[Row]:
    return [("LF", "T2", ago, "trade", "XXBT", "-1", "0"), ("LG", "T2", ago, "trade", "ZUSD", "80", "0")]


def gains(book: Book) -> list[dict[str, str]]:
    target = io.BytesIO()
    with book.report("gains") as document:
        exporter("csv").write(document, target)
    return list(csv.DictReader(target.getvalue().decode().splitlines()))


def assert_nothing_happened(book: Book) -> None:
    told = [(row["event"], Decimal(row["quantity"]), Decimal(row["gain"]), row["lot_event"], row["finding"]) for row in gains(book)]
    assert told == [("T2", 1, 30, "T1", "")]
    assert (book.reconcile().findings, list(book.check())) == ((), [])


@pytest.mark.parametrize(("fee", "fee_back"), FEES)
def test_a_withdrawal_that_failed_is_as_if_nothing_had_happened(venue: SmallVenue, book: Book, fee: str, fee_back: str) -> None:
    venue.book(*bought(5 * HOUR), sent(4 * HOUR, fee), returned(3 * HOUR, fee_back), *sold(HOUR))
    assert venue.synced(book).exit_code == 0
    assert_nothing_happened(book)


@pytest.mark.parametrize(("fee", "fee_back"), FEES)
def test_a_withdrawal_that_fails_a_year_later_is_as_if_nothing_had_happened(venue: SmallVenue, book: Book, fee: str, fee_back: str) -> None:
    venue.book(*bought(YEAR + HOUR), sent(YEAR, fee))
    venue.synced(book)
    assert {finding.code for finding in book.check()} >= {"unpaired-withdrawal"}
    venue.book(returned(3 * HOUR, fee_back), *sold(HOUR))
    for _ in range(2):
        assert venue.synced(book).exit_code == 0
        assert_nothing_happened(book)


@pytest.mark.parametrize(("fee", "fee_back"), FEES)
def test_a_withdrawal_that_failed_cancels_over_the_end_of_a_page(venue: SmallVenue, book: Book, fee: str, fee_back: str) -> None:
    between = [(f"M{number:03}", f"M{number:03}", 3 * HOUR + 60 * number, "deposit", "ZEUR", "1", "0") for number in range(PAGE_ROWS)]
    venue.book(*bought(6 * HOUR), sent(5 * HOUR, fee), *between, returned(2 * HOUR, fee_back), *sold(HOUR))
    assert venue.synced(book).exit_code == 0
    assert venue.asked.count("Ledgers") > 1
    assert_nothing_happened(book)


def test_what_comes_back_in_part_is_found_and_never_guessed(venue: SmallVenue, book: Book) -> None:
    venue.book(*bought(5 * HOUR), sent(4 * HOUR, "0"), ("LE", "W1", 3 * HOUR, "withdrawal", "XXBT", "0.3", "0"))
    assert venue.synced(book).exit_code == 1
    codes = {finding.code for finding in book.check()}
    assert codes >= {"balance-differs", "unpaired-withdrawal"}
    assert codes & {"partly-returned", "contradiction"}  # together with what left, or on a page of its own
