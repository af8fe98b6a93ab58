"""Books on both databases, filled from text that looks like a user's files, and what their reports say, as bytes."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.book import Book, Selection, exporter

EVERYTHING = Selection()
COLUMNS = (
    *("id", "time", "type", "account", "to_account", "bot", "order_id", "note", "asset", "amount", "quote_asset", "quote_amount"),
    *("fee_asset", "fee_amount", "value", "fee_value", "kind", "acquired", "evidence"),
)
SAMPLE = Path(__file__).parents[2] / "sample_data"

Row = dict[str, str]
NewBook = Callable[..., Book]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewBook]:
    """Return a maker of empty books, each in a database of its own, all in folders of one name."""
    made: list[tuple[Book, str]] = []

    def create(**values: str) -> Book:
        url = request.getfixturevalue("postgres_server").new() if request.param == "postgresql" else ""
        if url:
            values["database"] = url.replace(":@", "@")  # an empty password is none
        book = Book.create(tmp_path / f"place-{len(made)}" / "book", **values)
        made.append((book, url))
        return book

    yield create
    for book, url in made:
        book.close()
        if url:
            request.getfixturevalue("postgres_server").drop(url)


@pytest.fixture
def book(new_book: NewBook) -> Book:
    """An empty book in UTC and dollars, by FIFO."""
    return new_book()


@pytest.fixture
def row() -> Callable[..., Row]:
    """Return a maker of native rows: a purchase of one bitcoin, unless told otherwise."""

    def made(ident: str, **cells: str) -> Row:
        plain = {"id": ident, "time": "2025-03-01T12:00:00Z", "type": "buy", "account": "main", "asset": "BTC", "amount": "1"}
        if cells.get("type", "buy") in {"buy", "sell"}:
            plain |= {"quote_asset": "USD", "quote_amount": "50000"}
        return plain | cells

    return made


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of native files; without a name, each gets one of its own."""

    def written(*rows: Row, name: str = "") -> Path:
        path = tmp_path / (name or f"events-{len(list(tmp_path.glob('events-*.csv')))}.csv")
        with path.open("w", encoding="utf-8", newline="") as target:
            lines = csv.DictWriter(target, COLUMNS, restval="", lineterminator="\n")
            lines.writeheader()
            lines.writerows(rows)
        return path

    return written


@pytest.fixture
def report_of() -> Callable[..., bytes]:
    """Return what writes a report of a book in a format."""

    def written(book: Book, name: str, format_name: str = "csv", selection: Selection = EVERYTHING) -> bytes:
        target = io.BytesIO()
        with book.report(name, selection) as document:
            exporter(format_name).write(document, target)
        return target.getvalue()

    return written


@pytest.fixture
def gains_of(report_of: Callable[..., bytes]) -> Callable[..., list[Row]]:
    """Return what reads the gains of a book as rows of text."""

    def read(book: Book, selection: Selection = EVERYTHING) -> list[Row]:
        return list(csv.DictReader(io.StringIO(report_of(book, "gains", "csv", selection).decode())))

    return read


@pytest.fixture
def counts() -> Callable[[Book], dict[str, int]]:
    """Return what counts the rows of every table."""

    def counted(book: Book) -> dict[str, int]:
        with book.store.read() as reader:
            return reader.counts()

    return counted


@pytest.fixture
def sample_rows() -> list[Row]:
    """The rows of the sample year's native file."""
    with (SAMPLE / "events-2025.csv").open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture
def sample_files() -> tuple[Path, ...]:
    """The files of the sample year."""
    return tuple(sorted(SAMPLE.glob("*.csv")))
