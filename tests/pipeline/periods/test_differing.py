"""When the book comes to say something else than a closed year, a finding says so; what cannot touch the year costs no look at it."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book, Selection
from ledger.domain.amount import AssetCode
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import instant_of
from ledger.pipeline.match import Rebuild
from ledger.pipeline.periods import derive
from ledger.pipeline.progress import Silent

Row = dict[str, str]
Make = Callable[..., Row]
Write = Callable[..., Path]
NewBook = Callable[..., Book]
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough


def told(book: Book) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.severity, finding.subject) for finding in book.findings()]


def test_late_data_is_a_warning_that_goes_when_the_year_is_amended(traded: Book, late: Path) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    (finding,) = traded.findings()
    assert told(traded) == [("closed-year-differs", "warning", "2025")]
    assert "(disposals, lots at its end) for 2025 than were filed with version 1" in finding.message
    assert "lotwright period diff 2025" in finding.mend
    assert traded.check() == (finding,)
    traded.close_year(2025, amend=True)
    assert told(traded) == []
    assert traded.check() == ()


@ON_SQLITE
@pytest.mark.parametrize(
    ("cells", "says"),
    [
        # as filed 0.5 of b1 for 5,000 were sold; with the late lot it is 0.2 for 100 and 0.3 of b1 for 3,000
        ({"amount": "0.2", "quote_amount": "100"}, "2025 is amended, 1900 USD of cost that it used up as filed counts a second time"),
        (
            {"amount": "0.2", "quote_amount": "4000"},
            "2025 is amended, 2000 USD of cost counts in no year: 2025 used it up only in the book",
        ),
        ({"amount": "0.2", "quote_amount": "2000"}, "later years follow from the book as it stands"),  # the same cost per unit
    ],
)
def test_the_finding_says_what_becomes_of_cost_until_the_year_is_amended(
    traded: Book, row: Make, write: Write, cells: Row, says: str
) -> None:
    traded.close_year(2025)
    traded.import_files([write(row("b0", time="2025-01-05T12:00:00Z", **cells))])
    (finding,) = traded.findings()
    assert says in finding.message
    assert ("of cost" in finding.message) == ("of cost" in says)


@ON_SQLITE
def test_cost_that_counts_twice_is_that_of_the_sales_of_both_years(
    traded: Book, late: Path, gains_of: Callable[..., list[Row]], report_of: Callable[..., bytes]
) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    sold = sum(Decimal(gain["cost_basis"]) for gain in gains_of(traded))
    lots = csv.DictReader(io.StringIO(report_of(traded, "lots").decode()))
    still_open = sum(Decimal(lot["cost_open"]) for lot in lots if (lot["wallet"], lot["asset"]) == ("main", "BTC"))
    assert sold + still_open - (10000 + 100) == 1900


@ON_SQLITE
@pytest.mark.parametrize(
    ("cells", "differs"),
    [
        ({"time": "2025-12-31T23:59:59Z"}, True),  # a lot more at the end of the year
        ({"time": "2026-01-01T00:00:00Z"}, False),
        ({"time": "2026-04-01T00:00:00Z"}, False),
        ({"time": "2024-04-01T00:00:00Z", "account": "cold"}, True),
        ({"time": "2025-04-01T00:00:00Z", "type": "income", "kind": "staking", "value": "5"}, True),
    ],
)
def test_what_happened_in_the_year_or_before_makes_it_differ(traded: Book, row: Make, write: Write, cells: Row, *, differs: bool) -> None:
    traded.close_year(2025)
    traded.import_files([write(row("late", amount="0.001", quote_amount="1", **cells) if "type" not in cells else row("late", **cells))])
    assert bool(told(traded)) is differs
    assert bool(traded.check()) is differs


@ON_SQLITE
def test_a_finding_stays_until_the_figures_agree_again(traded: Book, late: Path, row: Make, write: Write) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    for number, day in enumerate(("2026-01-15", "2026-06-01")):  # just after the year, when its lots need no look, and long after
        traded.import_files([write(row(f"n{number}", time=f"{day}T12:00:00Z"))])
        assert [code for code, *_ in told(traded)] == ["closed-year-differs"]


@ON_SQLITE
def test_what_comes_long_after_a_year_costs_no_look_at_it(traded: Book, row: Make, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    traded.close_year(2025)
    looked: list[object] = []
    monkeypatch.setattr("ledger.pipeline.periods.closed.differing", lambda *_, **__: looked.append(1))
    traded.import_files([write(row("n1", time="2026-03-01T12:00:00Z"))])
    assert looked == []
    traded.import_files([write(row("n2", time="2025-03-01T12:00:00Z"))])
    assert looked == [1]


def test_a_price_that_comes_late_makes_the_year_differ(traded: Book, row: Make, write: Write) -> None:
    traded.import_files([write(row("i2", type="income", kind="staking", asset="SOL", time="2025-08-01T12:00:00Z"))])
    traded.close_year(2025, with_findings=True)
    quote = PriceQuote(
        asset=AssetCode("SOL"), currency=AssetCode("USD"), observed_at=instant_of("2025-08-01T12:00:00Z"), price=Decimal(150), source="s"
    )
    with traded.store.write() as writer:
        writer.add_prices([quote], None)
    derive.derive_book(traded.store, traded.settings, traded.regime, now=traded._now, progress=Silent(), rebuild=Rebuild.UNPRICED)
    assert told(traded) == [("closed-year-differs", "warning", "2025")]


def test_a_uk_purchase_within_thirty_days_of_the_last_sale_changes_the_closed_year_and_not_its_report(
    new_book: NewBook, row: Make, write: Write, on_day: Callable[..., Book], report_of: Callable[..., bytes]
) -> None:
    book = on_day(new_book(regime="uk"), "2025-06-01")
    pounds = {"quote_asset": "GBP"}
    bought = row("b1", time="2025-03-01T12:00:00Z", amount="2", quote_amount="20000", **pounds)
    sold = row("s1", time="2025-04-05T12:00:00Z", type="sell", quote_amount="30000", **pounds)
    book.import_files([write(bought, sold)])
    book.close_year(2024)
    year = Selection(period=book.period_of(2024))
    before = {name: report_of(book, name, "csv", year) for name in ("sa108", "uk-disposals", "gains", "lots")}
    book.import_files([write(row("b3", time="2025-05-06T12:00:00Z", quote_amount="25000", **pounds))])  # day 31
    assert told(book) == []
    book.import_files([write(row("b2", time="2025-05-05T12:00:00Z", quote_amount="25000", **pounds))])  # day 30
    assert told(book) == [("closed-year-differs", "warning", "2024")]
    assert {name: report_of(book, name, "csv", year) for name in before} == before
    assert b"same-day" not in before["gains"]
    assert b"30-day" in report_of(book, "gains", "csv", Selection(period=year.period, as_filed=False))
