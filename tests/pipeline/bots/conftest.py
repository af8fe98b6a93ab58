"""The fixtures of the pipeline serve here too; and settings that change under a book."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book

REPORTS = ("gains", "summary", "lots", "holdings", "balances", "journal", "bots")


@pytest.fixture
def with_rules() -> Callable[[Book, str], Book]:
    """Return what puts `[[bots]]` rules in the place of all that were there, and opens the book with them."""

    def changed(book: Book, rules: str) -> Book:
        path = Path(book.settings.folder) / "lotwright.toml"
        kept = path.read_text(encoding="utf-8").partition("[[bots]]")[0]
        path.write_text(kept + rules, encoding="utf-8")
        return Book.open(book.settings.folder)

    return changed


@pytest.fixture
def figures(report_of: Callable[..., bytes]) -> Callable[[Book], dict[str, bytes]]:
    """Return what writes the reports of a book that may depend on bots."""

    def written(book: Book) -> dict[str, bytes]:
        return {name: report_of(book, name) for name in REPORTS}

    return written
