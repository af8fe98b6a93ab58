"""SA108 and the computation behind it: days, boxes, rounding, the change of rates, and what is not final."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ledger.domain.document import ReportDocument
from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import BookCover, GainRow
from ledger.ports import ReportGenerator, ReportInput
from reports.uk.disposals import UkDisposals
from reports.uk.sa108 import Sa108

D = Decimal
MakeGain = Callable[..., GainRow]
MakeBook = Callable[..., ReportInput]


@pytest.fixture
def row(gain: MakeGain) -> MakeGain:
    """A piece of a UK disposal: day, rule, units, net proceeds, cost of acquisition; `acquired` only where a day was matched."""

    def make(
        day: str,
        matched_by: str,
        units: str,
        proceeds: str | None,
        cost: str | None,
        *,
        asset: str = "BTC",
        acquired: str | None = None,
        selling_costs: str = "0",
        until: str | None = None,
        finding: str = "",
    ) -> GainRow:
        disposed = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
        made = gain(disposed=disposed, quantity=units, asset=asset, proceeds=proceeds, cost=cost, box="")
        day_of_year = disposed.date()
        return replace(
            made,
            disposal=replace(
                made.disposal,
                matched_by=matched_by,
                selling_costs=D(selling_costs),
                provisional_until=None if until is None else date.fromisoformat(until),
            ),
            date_acquired=None if acquired is None else date.fromisoformat(acquired),
            year=day_of_year.year if (day_of_year.month, day_of_year.day) >= (4, 6) else day_of_year.year - 1,
            finding=finding,
        )

    return make


@pytest.fixture
def document(book: ReportInput, book_of: MakeBook) -> Callable[..., ReportDocument]:
    """The document of a report over rows, in a UK book."""

    def make(report: ReportGenerator, *rows: GainRow, regime: str = "uk 1") -> ReportDocument:
        cover: BookCover = replace(book.cover, regime=regime)
        return report.document(book_of(cover=cover, gain_rows=rows))

    return make


Report = Callable[..., ReportDocument]


def boxes(document: ReportDocument) -> list[tuple[object, ...]]:
    return [(row[0], row[1], *row[3:]) for row in document.tables[0].rows()]


def test_all_disposals_of_a_token_on_one_day_are_one(row: MakeGain, document: Report) -> None:
    rows = (
        row("2024-05-01", "same-day", "1", "60", "50", acquired="2024-05-01"),
        row("2024-05-01", "pool", "1", "40", "70", until="2024-05-31"),
        row("2024-05-01", "pool", "3", "9", "3", asset="ETH", until="2024-05-31"),
        row("2024-05-02", "pool", "1", "10", "70", until="2024-06-01"),
    )
    assert boxes(document(Sa108(), *rows)) == [
        (2024, "13.1", 3, None),
        (2024, "13.2", D(119), D(119)),
        (2024, "13.3", D(193), D(193)),
        (2024, "13.4", D(6), D(6)),  # of ETH; the gain of 10 and the loss of 30 of BTC are one loss of 20
        (2024, "13.5", D(80), D(80)),
    ]


def test_proceeds_are_before_selling_costs_and_these_are_allowable(row: MakeGain, document: Report) -> None:
    sale = row("2024-05-01", "pool", "1", "98", "70", selling_costs="2")
    assert boxes(document(Sa108(), sale))[1:4] == [
        (2024, "13.2", D(100), D(100)),
        (2024, "13.3", D(72), D(72)),
        (2024, "13.4", D(28), D(28)),
    ]
    (match,) = document(UkDisposals(), sale).tables[0].rows()
    assert match[5:10] == (D(1), D(100), D(70), D(2), D(28))


def test_boxes_are_whole_pounds_in_favour_of_the_taxpayer(row: MakeGain, document: Report) -> None:
    rows = (row("2024-05-01", "pool", "1", "100.99", "70.01"), row("2024-05-02", "pool", "1", "1.50", "2.75"))
    assert boxes(document(Sa108(), *rows)) == [
        (2024, "13.1", 2, None),
        (2024, "13.2", D(102), D("102.49")),
        (2024, "13.3", D(73), D("72.76")),
        (2024, "13.4", D(30), D("30.98")),
        (2024, "13.5", D(2), D("1.25")),
    ]


def test_before_cryptoassets_had_boxes_they_were_other_property(row: MakeGain, document: Report) -> None:
    rows = (row("2024-04-05", "pool", "1", "5", "3"), row("2024-04-06", "pool", "1", "5", "3"))
    assert [(year, box) for year, box, *_ in boxes(document(Sa108(), *rows))] == [
        *((2023, box) for box in ("14", "15", "16", "17", "19")),
        *((2024, box) for box in ("13.1", "13.2", "13.3", "13.4", "13.5")),
    ]


def test_gains_of_the_year_in_which_rates_changed_are_split_at_that_day(row: MakeGain, document: Report) -> None:
    rows = (
        row("2024-10-29", "pool", "1", "5", "3"),
        row("2024-10-30", "pool", "1", "9", "3"),
        row("2025-04-05", "pool", "1", "1", "3"),
        row("2025-04-06", "pool", "1", "100", "3"),
    )
    made = document(Sa108(), *rows)
    assert list(made.tables[1].rows()) == [
        (2024, date(2024, 4, 6), date(2024, 10, 29), 1, D(2), D(0)),
        (2024, date(2024, 10, 30), date(2025, 4, 5), 2, D(6), D(2)),
    ]
    assert any("30 October 2024" in note for note in made.notes)
    assert not any("30 October 2024" in note for note in document(Sa108(), row("2025-05-01", "pool", "1", "5", "3")).notes)


def test_what_is_not_known_or_not_final_is_said(row: MakeGain, document: Report) -> None:
    rows = (
        row("2024-05-01", "pool", "1", None, "3", until="2024-05-31", finding="missing-price"),
        row("2024-05-02", "missing", "1", "5", "0", until="2024-06-01", finding="missing-basis"),
        row("2024-05-03", "pool", "1", "5", "3", until="2024-06-02"),
        row("2024-05-04", "same-day", "1", "5", "3", acquired="2024-05-04", until="2024-05-04"),
    )
    made = document(Sa108(), *rows)
    assert [note for note in made.notes if "disposal" in note][:3] == [
        "Left out of the boxes: 1 disposal without a price. Add the missing prices before filing.",
        "In the boxes with units of cost 0: 1 disposal without a known acquisition of all units.",
        "Acquisitions up to 2024-06-02 can change 2 disposals: the history must reach that far before filing.",
    ]
    assert boxes(made)[0] == (2024, "13.1", 3, None)


@pytest.mark.parametrize("report", [Sa108(), UkDisposals()], ids=lambda report: report.name)
def test_a_book_of_another_regime_has_no_uk_reports(report: ReportGenerator, row: MakeGain, document: Report) -> None:
    with pytest.raises(UnsupportedCase, match=f"^{report.name}: .* regime 'generic 1'"):
        document(report, row("2024-05-01", "pool", "1", "5", "3"), regime="generic 1")


def test_matches_stand_in_the_order_of_the_rules_and_add_up_to_their_disposal(row: MakeGain, document: Report) -> None:
    rows = (
        row("2024-05-01", "same-day", "1", "6", "5", acquired="2024-05-01", until="2024-05-01"),
        row("2024-05-01", "30-day", "1", "6", "4", acquired="2024-05-09", until="2024-05-09"),
        row("2024-05-01", "30-day", "2", "12", "9", acquired="2024-05-03", until="2024-05-03"),
        row("2024-05-01", "same-day", "1", "7", "5", acquired="2024-05-01", until="2024-05-01"),
        row("2024-05-01", "missing", "1", "7", "0", until="2024-05-31", finding="missing-basis"),
        row("2024-05-01", "pool", "1", "7", "2", until="2024-05-31", finding="pool-incomplete"),
    )
    made = document(UkDisposals(), *rows)
    assert [(row[3], row[4], *row[5:8], *row[9:]) for row in made.tables[0].rows()] == [
        ("same-day", date(2024, 5, 1), D(2), D(13), D(10), D(3), date(2024, 5, 1), ""),
        ("30-day", date(2024, 5, 3), D(2), D(12), D(9), D(3), date(2024, 5, 3), ""),
        ("30-day", date(2024, 5, 9), D(1), D(6), D(4), D(2), date(2024, 5, 9), ""),
        ("pool", None, D(1), D(7), D(2), D(5), date(2024, 5, 31), "pool-incomplete"),
        ("missing", None, D(1), D(7), D(0), D(7), date(2024, 5, 31), "missing-basis"),
    ]
    (disposal,) = made.tables[1].rows()
    assert disposal == (2024, date(2024, 5, 1), "BTC", D(7), D(45), D(25), D(20), date(2024, 5, 31), "missing-basis pool-incomplete")


def test_a_match_without_a_price_has_no_gain(row: MakeGain, document: Report) -> None:
    made = document(UkDisposals(), row("2024-05-01", "pool", "1", None, "3"), row("2024-05-02", "pool", "1", "3", None))
    assert [(row[6], row[7], row[9]) for row in made.tables[0].rows()] == [(None, D(3), None), (D(3), None, None)]
    assert [row[4:7] for row in made.tables[1].rows()] == [(None, D(3), None), (D(3), None, None)]


def test_an_empty_book_has_empty_reports(document: Report) -> None:
    for report in (Sa108(), UkDisposals()):
        assert [list(table.rows()) for table in document(report).tables] == [[], []]
