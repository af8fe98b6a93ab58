"""Methods compared: a row of the book's own beside each what-if, and never more than a what-if."""

from collections.abc import Callable

from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.compare import Compare


def test_each_year_and_term_has_the_book_first_and_then_the_methods(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]
) -> None:
    short, long = gain(cost="60"), gain(cost="10", box="L")
    book = book_of(gain_rows=(long, short), what_if_rows={"hifo": (gain(cost="95"),), "fifo": (short, long)})
    (table,) = Compare().document(book).tables
    rows = [[None if cell is None else str(cell) for cell in row] for row in table.rows()]
    assert [(row[1], row[2], row[3], row[5], row[6], row[8], row[9]) for row in rows] == [
        ("short", "this book", "1", "100", "60", "40", None),
        ("short", "hifo", "1", "100", "95", "5", "-35"),
        ("short", "fifo", "1", "100", "60", "40", "0"),
        ("long", "this book", "1", "100", "10", "90", None),
        ("long", "hifo", "0", "0", "0", "0", "-90"),
        ("long", "fifo", "1", "100", "10", "90", "0"),
    ]
    assert not any(column.total for column in table.columns)


def test_the_page_says_that_it_is_no_choice(book: ReportInput) -> None:
    document = Compare().document(book)
    assert "what-if" in document.title
    assert "26 CFR 1.1012-1(j)" in document.notes[0]
