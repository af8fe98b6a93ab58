"""Comparing methods: each what-if is what a book of that method would give, and nothing of it is stored."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.book import Book, Selection
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError

Row = dict[str, str]
NewBook = Callable[..., Book]
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough
METHODS = ("fifo", "lifo", "hifo", "lofo")


def figures(report: bytes) -> list[tuple[str, ...]]:
    """Return (method or nothing, year, term, disposals, proceeds, cost basis, gain) of the main table."""
    names = ("method", "year", "term", "disposals", "proceeds", "cost_basis", "gain")
    return [tuple(str(row.get(name, "")) for name in names) for row in json.loads(report)["tables"][0]["rows"]]


def test_every_what_if_is_what_a_book_of_that_method_gives(
    new_book: NewBook, sample_files: tuple[Path, ...], report_of: Callable[..., bytes], counts: Callable[[Book], dict[str, int]]
) -> None:
    book = new_book(regime="generic", method="lofo")
    book.import_files(sample_files)
    before = counts(book)
    compared = figures(report_of(book, "compare", "json"))
    assert counts(book) == before
    assert [row[0] for row in compared] == ["this book", *METHODS] * (len(compared) // 5)
    assert [row[1:] for row in compared if row[0] == "this book"] == [row[1:] for row in compared if row[0] == "lofo"]
    for method in METHODS:
        other = new_book(regime="generic", method=method)
        other.import_files(sample_files)
        assert [row[1:] for row in compared if row[0] == method] == [row[1:] for row in figures(report_of(other, "summary", "json"))]


@ON_SQLITE
@pytest.mark.parametrize("regime", ["us", "uk"])
def test_any_regime_can_be_asked_what_if(
    new_book: NewBook, row: Callable[..., Row], write: Callable[..., Path], report_of: Callable[..., bytes], regime: str
) -> None:
    book = new_book(regime=regime)
    money = {"quote_asset": str(book.settings.currency)}
    book.import_files(
        [
            write(
                row("b1", time="2025-03-01T12:00:00Z", quote_amount="100", **money),
                row("b2", time="2025-03-02T12:00:00Z", quote_amount="200", **money),
                row("s1", time="2025-03-03T12:00:00Z", type="sell", quote_amount="300", **money),
            )
        ]
    )
    chosen = Selection(methods=("hifo", "fifo"))
    assert [(row[0], row[-1]) for row in figures(report_of(book, "compare", "json", chosen))] == [
        ("this book", "200" if regime == "us" else "150"),
        ("hifo", "100"),
        ("fifo", "200"),
    ]
    for cut in (replace(chosen, asset=AssetCode("ETH")), Selection(period=book.period_of(2020))):
        assert figures(report_of(book, "compare", "json", cut)) == []


@ON_SQLITE
@pytest.mark.parametrize("method", ["average", "best", ""])
def test_only_orders_of_lots_are_compared(book: Book, method: str) -> None:
    with (
        pytest.raises(InputError, match=f"cannot be compared by method '{method}'") as refused,
        book.report("compare", Selection(methods=(method,))),
    ):
        pytest.fail("no such order")
    assert refused.value.mend == "choose from: fifo, lifo, hifo, lofo"
