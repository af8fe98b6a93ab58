"""A book of the United Kingdom from its first settings to the boxes of the form: the sample year, in sterling."""

import csv
import io
import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from ledger.book import Book, Selection, exporter_names

NewBook = Callable[..., Book]
ReportOf = Callable[..., bytes]
Row = dict[str, str]


@pytest.fixture
def sterling(sample_files: tuple[Path, ...], tmp_path: Path) -> tuple[Path, ...]:
    """The sample year as if all its dollars were pounds."""
    copies = []
    for source in sample_files:
        copies.append(tmp_path / source.name)
        copies[-1].write_text(re.sub(r"\bUSD\b", "GBP", source.read_text(encoding="utf-8")), encoding="utf-8")
    return tuple(copies)


@pytest.fixture
def uk(new_book: NewBook, sterling: tuple[Path, ...]) -> Book:
    """A book with the settings that the regime begins with."""
    book = new_book(regime="uk")
    book.import_files(sterling)
    return book


def tables(report: bytes) -> list[dict[str, object]]:
    """Return the tables of a report in JSON."""
    found: list[dict[str, object]] = json.loads(report)["tables"]
    return found


def test_a_new_uk_book_begins_with_what_the_law_has(new_book: NewBook) -> None:
    settings = new_book(regime="uk").settings
    assert (settings.currency, settings.time_zone, settings.method, settings.scope) == ("GBP", "Europe/London", "section-104", "universal")


def test_the_sample_year_is_matched_by_day_thirty_days_and_pool_and_every_invariant_holds(
    uk: Book, gains_of: Callable[..., list[Row]]
) -> None:
    assert uk.check() == ()
    assert {gain["matched_by"] for gain in gains_of(uk)} == {"same-day", "30-day", "pool"}


def test_disposals_and_boxes_add_up_to_the_gains_of_the_year(uk: Book, gains_of: Callable[..., list[Row]], report_of: ReportOf) -> None:
    year = Selection(period=uk.period_of(2025))
    gain = sum(Fraction(row["gain"]) for row in gains_of(uk, year))
    matches = list(csv.DictReader(io.StringIO(report_of(uk, "uk-disposals", "csv", year).decode())))
    assert sum(Fraction(match["gain"]) for match in matches) == gain
    boxes = {row["box"]: row for row in csv.DictReader(io.StringIO(report_of(uk, "sa108", "csv", year).decode()))}
    assert list(boxes) == ["13.1", "13.2", "13.3", "13.4", "13.5"]
    assert Fraction(boxes["13.4"]["exact"]) - Fraction(boxes["13.5"]["exact"]) == gain
    assert Fraction(boxes["13.2"]["exact"]) - Fraction(boxes["13.3"]["exact"]) == gain
    by_day = {(match["date_disposed"], match["asset"]) for match in matches}
    assert (boxes["13.1"]["amount"], boxes["13.1"]["exact"]) == (str(len(by_day)), "")


def test_costs_of_a_sale_are_told_apart_from_what_the_units_cost(uk: Book, report_of: ReportOf) -> None:
    matches = csv.DictReader(io.StringIO(report_of(uk, "uk-disposals").decode()))
    (sale,) = (match for match in matches if (match["date_disposed"], match["asset"]) == ("2025-05-22", "BTC"))
    assert (sale["proceeds"], sale["selling_costs"], sale["provisional_until"]) == ("3330", "13.32", "2025-06-21")


def test_what_is_open_at_the_end_of_a_year_is_matched_as_if_nothing_came_after_it(
    new_book: NewBook, row: Callable[..., Row], write: Callable[..., Path], report_of: ReportOf
) -> None:
    book = new_book(regime="uk")
    pounds = {"quote_asset": "GBP"}
    bought = row("b1", time="2025-03-01T12:00:00Z", amount="2", quote_amount="20000", **pounds)
    sold = row("s1", time="2025-04-01T12:00:00Z", type="sell", quote_amount="30000", **pounds)
    again = row("b2", time="2025-04-10T12:00:00Z", quote_amount="25000", **pounds)
    book.import_files([write(bought, sold, again)])

    def held(selection: Selection) -> list[tuple[str, str]]:
        found = csv.DictReader(io.StringIO(report_of(book, "lots", "csv", selection).decode()))
        return [(lot["quantity_open"], lot["cost_open"]) for lot in found]

    assert held(Selection(period=book.period_of(2024))) == [("1", "10000")]
    assert held(Selection()) == [("2", "20000")]  # the sale took the bitcoin bought again within 30 days
    assert book.check() == ()


@pytest.mark.parametrize("name", ["sa108", "uk-disposals"])
def test_every_format_takes_the_uk_reports(uk: Book, report_of: ReportOf, name: str) -> None:
    for format_name in exporter_names():
        assert report_of(uk, name, format_name)
    assert all(table["rows"] for table in tables(report_of(uk, name, "json")))


def test_a_disposal_is_explained_with_the_day_until_which_it_may_change(uk: Book, gains_of: Callable[..., list[Row]]) -> None:
    gain = next(gain for gain in gains_of(uk) if gain["event"] == "5004")
    (link,) = uk.explain(gain["disposal"])
    assert dict(link.says)["may change until"] == "2025-06-21"
    assert [below.kind for below in link.rests_on] == ["lot", "event"]


def test_units_without_a_price_mark_the_matches_that_they_could_change(
    new_book: NewBook, sample_files: tuple[Path, ...], gains_of: Callable[..., list[Row]]
) -> None:
    book = new_book(regime="uk")
    book.import_files(sample_files)  # in dollars, of which a book in sterling has no price
    marked = {gain["finding"] for gain in gains_of(book)}
    assert marked == {"", "missing-price", "pool-incomplete"}
    assert {finding.code for finding in book.findings()} == {"missing-price", "pool-incomplete"}
