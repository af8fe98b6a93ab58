"""The summary: by year and term, by asset, and income."""

from collections.abc import Callable

from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.summary import Summary


def test_short_stands_before_long_within_a_year(book: ReportInput) -> None:
    rows = list(Summary().document(book).tables[0].rows())
    assert [row[:2] for row in rows] == [(2024, "short"), (2024, "long"), (2025, "short"), (2025, "long")]


def test_disposals_without_a_price_are_counted_beside_the_totals(book: ReportInput) -> None:
    document = Summary().document(book)
    counts = {row[:2]: (row[2], row[3]) for row in document.tables[0].rows()}
    assert counts[2025, "short"] == (5, 1)
    assert any("without a price" in note for note in document.notes)


def test_book_with_all_prices_has_no_note_of_missing_ones(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    document = Summary().document(book_of(gain_rows=(gain(),)))
    assert not any("without a price" in note for note in document.notes)


def test_income_is_totalled_by_year_and_kind(book: ReportInput) -> None:
    rows = list(Summary().document(book).tables[2].rows())
    assert [(year, kind, receipts, unpriced, str(value)) for year, kind, receipts, unpriced, value in rows] == [
        (2025, "airdrop", 1, 1, "0"),
        (2025, "staking", 2, 0, "25.0099"),
    ]


def test_what_is_known_of_a_disposal_without_a_price_counts(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    book = book_of(gain_rows=(gain(), gain(proceeds=None, cost="7"), gain(proceeds="5", cost=None)))
    (row,) = Summary().document(book).tables[0].rows()
    assert [str(cell) for cell in row] == ["2025", "short", "3", "2", "105", "67", "0", "40"]
