"""A book's database, opened: the door to everything that is stored.

The pipeline takes `Store`, its `Reader` and `Writer`, and the nouns, from here and from nowhere else in this room.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import URL, Connection, insert, make_url
from sqlalchemy.exc import ArgumentError

from ledger.domain.errors import BookError
from ledger.domain.ids import hash_of
from ledger.domain.time.instant import instant_text
from ledger.storage import migrate
from ledger.storage.backend import Backend
from ledger.storage.faults import told_as_book_errors
from ledger.storage.nouns import (
    Attributable,
    BalanceAssertion,
    BotOrder,
    ClosedYear,
    Computation,
    CoverageWindow,
    KeyCheck,
    KnownEvent,
    NewEntry,
    NewEvent,
    PriceAsked,
    PriceSeries,
    RegisteredElection,
    State,
    StoredEntry,
    StoredEvent,
    StoredLine,
    StreamCoverage,
    StreamWalk,
)
from ledger.storage.reader import Reader
from ledger.storage.sqlite import SqliteBackend
from ledger.storage.tables import book
from ledger.storage.writer import Writer

__all__ = [
    "Attributable",
    "BalanceAssertion",
    "BotOrder",
    "ClosedYear",
    "Computation",
    "CoverageWindow",
    "KeyCheck",
    "KnownEvent",
    "NewEntry",
    "NewEvent",
    "PriceAsked",
    "PriceSeries",
    "Reader",
    "RegisteredElection",
    "State",
    "Store",
    "StoredEntry",
    "StoredEvent",
    "StoredLine",
    "StreamCoverage",
    "StreamWalk",
    "Writer",
]


class Store:
    """The database of one book. Use `create` or `open`, and `close` it.

    Every block of `hold`, `read` and `write` raises `BookError` when the disk is full, the file is read-only or damaged,
    or the server is gone, and `BookBusy` when another run is in the way.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @classmethod
    def create(cls, url: str, *, recorded_at: datetime, currency: str = "USD") -> "Store":
        """Make a new book at the newest schema and open it; the URL's file must not exist or be empty, its database exist.

        `currency` is written down for good: values that sources tell are told in it.

        Raises:
            BookError: when there is a book already, or anything else, or no place for one.
        """
        store = cls(_backend_of(url))
        with store._closed_on_failure(), store._told(), store._backend.prepare(), store._backend.migrating() as connection:
            if migrate.revision_of(connection) is not None:
                raise BookError(f"{store._backend.title} exists already", mend="open it, or name another place for the new one")
            if not migrate.is_empty(connection):
                raise BookError(
                    f"{store._backend.title} cannot be made: other tables are there", mend="give the book a database of its own"
                )
            migrate.upgrade(connection)
            _found(connection, recorded_at, currency)
        return store

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open a book, bringing an older schema up to the newest.

        Raises:
            BookError: when there is none, or a newer Lotwright wrote it.
            BookBusy: when its schema is old and another run holds it.
        """
        store = cls(_backend_of(url))
        with store._closed_on_failure(), store._told():
            store._bring_up_to_date()
        return store

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs from writing for the length of the block.

        Raises:
            BookBusy: at once, when another run holds the book.
        """
        with ExitStack() as held:
            with self._told():  # the taking only: the block may use other databases
                held.enter_context(self._backend.hold())
            yield

    def spare_memory(self) -> None:
        """Prepare for a long run of small writes, in which a large cache brings nothing; not while a read or write is under way."""
        self._backend.spare_memory()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Give one consistent snapshot of the book for the length of the block; iterators end with it."""
        with self._told(), self._backend.reading() as connection:
            reader = Reader(connection, self._backend)
            try:
                yield reader
            finally:
                reader.close()

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Give one write: all of it is stored when the block ends, none of it when the block fails."""
        with self._told(), self._backend.writing() as connection:
            writer = Writer(connection, self._backend)
            try:
                yield writer
            finally:
                writer.close()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the database is made of; none where a server keeps it."""
        return self._backend.files

    def close(self) -> None:
        """Close all connections."""
        self._backend.engine.dispose()

    def _told(self) -> AbstractContextManager[None]:
        return told_as_book_errors(self._backend.title, self._backend.raw_errors)

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _bring_up_to_date(self) -> None:
        if not self._backend.exists():
            raise BookError(f"{self._backend.title} does not exist", mend=_GONE)
        with self._backend.reading() as connection:
            revision = migrate.revision_of(connection)
        if revision is None:
            raise BookError(f"{self._backend.title} holds no book of Lotwright", mend=_GONE)
        known = migrate.revisions()
        if revision not in known:
            raise BookError(
                f"a newer Lotwright wrote {self._backend.title} (schema {revision}, this program knows {known[-1]})",
                mend="upgrade Lotwright: pip install --upgrade lotwright",
            )
        if revision != known[-1]:
            with self._backend.hold(), self._backend.migrating() as connection:
                migrate.upgrade(connection)


def _found(connection: Connection, recorded_at: datetime, currency: str) -> None:
    """Write the one row of the book itself; every hash of its journal goes back to the genesis in it."""
    genesis = hash_of("lotwright", "genesis", instant_text(recorded_at))
    founded = {"id": 1, "created_at": recorded_at, "version": version("lotwright"), "currency": currency, "genesis": genesis}
    connection.execute(insert(book), founded)


def _backend_of(url: str) -> Backend:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as refused:  # the second: a port that is no number
        raise BookError("the URL of the database cannot be read", mend=_URL_FORMS) from refused
    kind = parsed.get_backend_name()
    if kind not in _BACKENDS:
        raise BookError(f"a book cannot be kept in {kind}", mend=_URL_FORMS)
    return _BACKENDS[kind](parsed)


def _postgresql(url: URL) -> Backend:
    try:
        from ledger.storage.postgresql import PostgresqlBackend  # noqa: PLC0415  # its driver is an extra that most books do without
    except ImportError as absent:
        raise BookError("PostgreSQL needs a driver that is not installed", mend="pip install 'lotwright[postgres]'") from absent
    return PostgresqlBackend(url)


_GONE = "put it back, or correct `database` in lotwright.toml; a new book begins in another folder: lotwright init DIR"
_URL_FORMS = "write sqlite:///book.sqlite3 or postgresql+psycopg://user@host/name"
_BACKENDS = {"sqlite": SqliteBackend, "postgresql": _postgresql}
