"""Units without a basis: what hangs on them is listed, a book may stop at them, and an opening with evidence mends it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError

Row = dict[str, str]
MakeRow = Callable[..., Row]
Write = Callable[..., Path]
ReportOf = Callable[..., bytes]


@pytest.fixture
def lacking(book: Book, row: MakeRow, write: Write) -> Book:
    """A bitcoin sold that never came in, and an ether of which an opening tells no cost."""
    opening = row("o1", time="2025-01-01", type="opening", asset="ETH", account="vault")
    book.import_files([write(row("s1", type="sell"), opening)])
    return book


def stopping(book: Book) -> Book:
    place = book.settings.folder / "lotwright.toml"
    place.write_text(place.read_text(encoding="utf-8").replace("[book]", '[book]\nmissing_basis = "stop"'), encoding="utf-8")
    return Book.open(book.settings.folder)


def test_the_report_names_what_hangs_on_a_missing_basis_and_how_to_mend_it(lacking: Book) -> None:
    with lacking.report("missing-basis") as document:
        sold, still_open = (
            [dict(zip([c.name for c in one.columns], cells, strict=True)) for cells in one.rows()] for one in document.tables
        )
    assert [(one["event"], one["gain"], one["box"], one["finding"]) for one in sold] == [("s1", 50000, "I", "missing-basis")]
    assert "an opening row" in str(sold[0]["mend"])
    assert [(one["event"], one["quantity_open"], one["origin"]) for one in still_open] == [("o1", 1, "opening")]
    assert still_open[0]["mend"] == "import row o1 again with its total cost as value"


def test_a_book_that_stops_shows_no_gain_of_such_units(lacking: Book, report_of: ReportOf) -> None:
    assert b"50000" in report_of(lacking, "gains")
    with stopping(lacking) as strict:
        for report in ("gains", "summary", "form-8949", "schedule-d", "bots"):
            with pytest.raises(InputError, match="1 BTC of main, sale s1") as refused:
                report_of(strict, report)
            assert "report missing-basis" in (refused.value.mend or "")
        for report in ("missing-basis", "lots", "holdings", "income", "journal", "balances", "elections"):
            assert report_of(strict, report)


def test_a_book_that_stops_goes_on_once_the_basis_is_there(lacking: Book, row: MakeRow, write: Write, report_of: ReportOf) -> None:
    opening = row("o2", time="2025-01-01", type="opening", value="9000", evidence="statement of 2021, page 3")
    with stopping(lacking) as strict:
        strict.import_files([write(opening, row("b9", time="2025-04-01T12:00:00Z"))])
        assert b"41000" in report_of(strict, "gains")
        assert b"s1" not in report_of(strict, "missing-basis")


def test_evidence_stands_beside_the_lot_and_below_the_figure(lacking: Book, row: MakeRow, write: Write, report_of: ReportOf) -> None:
    told = row("o1", time="2025-01-01", type="opening", asset="ETH", account="vault", value="2000", evidence="statement, page 3")
    lacking.import_files([write(told)])
    (lot,) = list(csv.DictReader(io.StringIO(report_of(lacking, "lots").decode())))
    assert (lot["cost_open"], lot["finding"], lot["evidence"]) == ("2000", "", "statement, page 3")
    (found,) = lacking.explain(lot["lot"])
    assert ("evidence", "statement, page 3") in found.says


def test_other_words_than_zero_and_stop_are_refused(lacking: Book) -> None:
    place = lacking.settings.folder / "lotwright.toml"
    place.write_text(place.read_text(encoding="utf-8").replace("[book]", '[book]\nmissing_basis = "guess"'), encoding="utf-8")
    with pytest.raises(InputError, match=r"book\.missing_basis is 'guess'"):
        Book.open(lacking.settings.folder)
