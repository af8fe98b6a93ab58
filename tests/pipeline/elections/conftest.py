"""A book with lots at an instant, what sells out of it, and files of elections."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book

Row = dict[str, str]
NewBook = Callable[..., Book]
GainsOf = Callable[..., list[Row]]
Counts = Callable[[Book], dict[str, int]]
ELECTION_COLUMNS = (
    *("id", "recorded_at", "kind", "rule", "wallet", "asset", "bot", "effective_from", "sale", "order_id", "lot", "quantity", "evidence"),
)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
D = Decimal
ONE = D(1)
STANDING = {"id": "my-order", "recorded_at": "2026-05-01T00:00:00Z", "kind": "standing", "rule": "hifo", "evidence": "notary, no. 7"}
PICKED = {"id": "my-pick", "recorded_at": "2026-05-01T00:00:00Z", "kind": "selection", "sale": "s1", "evidence": "mail"}


@pytest.fixture
def write_elections(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of files of elections; the cells that a row leaves out are empty."""

    def written(*rows: Row) -> Path:
        path = tmp_path / f"elections-{len(list(tmp_path.glob('elections-*.csv')))}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            lines = csv.DictWriter(target, ELECTION_COLUMNS, restval="", lineterminator="\n")
            lines.writeheader()
            lines.writerows(rows)
        return path

    return written


def at(book: Book, instant: datetime) -> Book:
    """Let the book's clock stand at an instant."""
    book._now = lambda: instant
    return book


@pytest.fixture
def three_lots(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """A cheap, a dear and a middling bitcoin in one account, one ether beside them, and a bitcoin in another account."""
    return write(
        row("low", time="2026-01-01T12:00:00Z", quote_amount="20000"),
        row("high", time="2026-02-01T12:00:00Z", quote_amount="60000"),
        row("middle", time="2026-03-01T12:00:00Z", quote_amount="40000"),
        row("ether", time="2026-03-01T12:00:00Z", asset="ETH", quote_amount="3000"),
        row("cold", time="2026-03-02T12:00:00Z", account="vault", quote_amount="10000"),
    )


@pytest.fixture
def held(book: Book, three_lots: Path) -> Book:
    """A book with these lots, at noon of 1 June 2026."""
    at(book, NOON).import_files([three_lots])
    return book


@pytest.fixture
def sell(row: Callable[..., Row], write: Callable[..., Path]) -> Callable[..., None]:
    """Return what imports a sale of bitcoin, at one in the afternoon unless told otherwise."""

    def sold(book: Book, ident: str, amount: str = "1", **cells: str) -> None:
        cells = {"time": "2026-06-01T13:00:00Z", "quote_amount": "50000"} | cells
        book.import_files([write(row(ident, type="sell", amount=amount, **cells))])

    return sold


def cited(rows: list[Row]) -> list[tuple[str, str, str, str]]:
    return sorted((row["event"], row["lot_event"], row["quantity"], row["matched_by"]) for row in rows)
