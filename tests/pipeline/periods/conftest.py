"""Books whose years are over: the clock of a test is a day that it names."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.book import Book, Selection

Row = dict[str, str]


@pytest.fixture
def on_day() -> Callable[..., Book]:
    """Return what sets the clock of a book to noon of a day."""

    def told(book: Book, day: str) -> Book:
        book._now = lambda: datetime.fromisoformat(f"{day}T12:00:00+00:00").astimezone(UTC)
        return book

    return told


@pytest.fixture
def traded(book: Book, row: Callable[..., Row], write: Callable[..., Path], on_day: Callable[..., Book]) -> Book:
    """Two purchases, a sale of part and an income in 2025, a sale in 2026; seen in May 2026."""
    on_day(book, "2026-05-01")
    book.import_files(
        [
            write(
                row("b1", time="2025-02-01T12:00:00Z", quote_amount="10000", bot="grid"),
                row("b2", time="2025-03-01T12:00:00Z", quote_amount="20000", fee_asset="USD", fee_amount="10", account="cold"),
                row("s1", time="2025-06-01T12:00:00Z", type="sell", amount="0.5", quote_amount="9000", bot="grid"),
                row("i1", time="2025-07-01T12:00:00Z", type="income", kind="staking", asset="ETH", amount="2", value="4000"),
                row("s2", time="2026-02-01T12:00:00Z", type="sell", amount="0.5", quote_amount="9900"),
            )
        ]
    )
    return book


@pytest.fixture
def late(write: Callable[..., Path], row: Callable[..., Row]) -> Path:
    """A purchase before all others, cheaper than they are."""
    return write(row("b0", time="2025-01-05T12:00:00Z", amount="0.2", quote_amount="100"))


@pytest.fixture
def year_2025(book: Book) -> Selection:
    return Selection(period=book.period_of(2025))
