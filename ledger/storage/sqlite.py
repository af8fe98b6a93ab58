"""A book in one SQLite file: write-ahead log, foreign keys, every commit on the disk before it returns."""

import os
import sqlite3
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, ColumnElement, Connection, Engine, String, Table, create_engine, event, func, literal, literal_column, select
from sqlalchemy.exc import SAWarning
from sqlalchemy.pool import ConnectionPoolEntry

from ledger.domain.errors import BookBusy, BookError
from ledger.storage.backend import BulkRow
from ledger.storage.bulk.inserts import CELLS_MAX, CELLS_SPARING, Inserts
from ledger.storage.columns import json_text

_PRAGMAS = (
    "page_size = 4096",  # bytes; of a new file only: ids are hashes, and each that is new writes a page of an index
    "journal_mode = WAL",
    "wal_autocheckpoint = 16000",  # pages: such a page is written by many commits, and moved into the book once
    "synchronous = FULL",
    "foreign_keys = ON",
    "recursive_triggers = ON",  # else INSERT OR REPLACE would delete rows without asking their triggers
    "busy_timeout = 5000",  # milliseconds; the book's own lock keeps other runs away, so this is for readers of the file
    "temp_store = MEMORY",
    "cache_size = -131072",  # 128 MiB
)
_SPARING = (
    "cache_size = -8192",  # 8 MiB: pages of one write of some thousand rows, and those that it looks up
    "temp_store = FILE",  # what is sorted beyond the cache: the lines of a long ledger would fill half a GiB
)
_FILE_SUFFIXES = ("", "-wal", "-shm")  # a write that fails may leave all three
_LOCK_SUFFIX = ".lock"
_DAMAGE_MAX = 20  # places told of a broken file
_BEGIN = "lotwright_begin"
_INSERTS = "lotwright_inserts"


class SqliteBackend:
    """See `Backend`."""

    raw_errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise BookError("a book needs a database file, not a database in memory", mend="name it: sqlite:///book.sqlite3")
        self.path = Path(url.database)
        self.files = tuple(Path(f"{self.path}{suffix}") for suffix in (*_FILE_SUFFIXES, _LOCK_SUFFIX))
        self.title = f"the book {self.path.name}"
        self.engine = _engine(url)
        self._cells_max = CELLS_MAX

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return self.path.exists()

    @contextmanager
    def prepare(self) -> Iterator[None]:
        """Create the file, for the owner only, where there is none; take it away again when the block fails."""
        created = not self.path.exists()
        if created:
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except OSError as refused:
                raise BookError(
                    f"{self.title} cannot be created: {refused.strerror}", mend="check that its folder exists and is yours"
                ) from refused
        try:
            yield
        except BaseException:
            self.engine.dispose()
            if created:
                for suffix in _FILE_SUFFIXES:
                    Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            raise

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold ``<file>.lock``; the system lets go of it even when the run is killed."""
        lock = FileLock(f"{self.path}{_LOCK_SUFFIX}", timeout=0, mode=0o600)
        try:
            lock.acquire()
        except Timeout as busy:
            raise BookBusy(f"{self.title} is held by another run", mend="wait until it has ended") from busy
        except OSError as refused:
            raise BookError(f"{self.title} cannot be locked: {refused.strerror}", mend="check the rights of its folder") from refused
        try:
            yield
        finally:
            lock.release()

    def spare_memory(self) -> None:
        """Open connections anew, with a small page cache and smaller statements: whatever is committed is in the file."""
        self._cells_max = CELLS_SPARING
        event.listen(self.engine, "connect", _spare)
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that refuses to write; its snapshot begins with the first question."""
        with self.engine.connect() as connection:
            _pragma(connection, "query_only = ON")
            try:
                with connection.begin():
                    yield connection
            finally:
                _pragma(connection, "query_only = OFF")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one writing connection; other writers wait from its beginning, not from its first row."""
        with (
            self.engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}) as connection,
            connection.begin(),
            Inserts(_driver(connection), cells_max=self._cells_max) as inserts,
        ):
            yield connection.execution_options(**{_INSERTS: inserts})

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Write with foreign keys off, because a batch migration replaces tables; they are checked before the commit."""
        with self.engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}) as connection:
            _pragma(connection, "foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    assert not broken, broken
            finally:
                _pragma(connection, "foreign_keys = ON")

    def insert(self, connection: Connection, table: Table, rows: Iterable[BulkRow]) -> None:
        """Insert in a second thread while the caller goes on; what fails is raised by the next statement or the end of the write."""
        _inserts(connection).add(table, rows)

    def insert_unknown(self, connection: Connection, table: Table, rows: Iterable[BulkRow]) -> None:
        """Insert as `insert` does, passing over keys that are there."""
        _inserts(connection).add(table, rows, then="ON CONFLICT DO NOTHING")

    def damage(self, connection: Connection) -> list[str]:
        """Look through every page, and hold every index against its table."""
        told = list(connection.exec_driver_sql(f"PRAGMA integrity_check({_DAMAGE_MAX})").scalars())
        return [] if told == ["ok"] else told

    def among(self, column: ColumnElement[str] | ColumnElement[int], keys: Collection[str] | Collection[int]) -> ColumnElement[bool]:
        """Compare with a JSON array: SQLite limits the number of parameters.

        The array is no `table_valued` of SQLAlchemy's: such a one refers to itself, and would hold its keys until garbage is looked for.
        """
        listed = func.json_each(literal(json_text(list(keys)), String()))
        return column.in_(select(literal_column("value")).select_from(listed))


def _engine(url: URL) -> Engine:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SAWarning)  # of options that the driver does not know and would pass over
        try:
            engine = create_engine(url)
        except (SAWarning, ValueError) as refused:
            raise BookError("the URL of the database has an option that SQLite does not take", mend="leave out what follows ?") from refused

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the module would begin by itself, and only before some statements
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    @event.listens_for(engine, "before_cursor_execute")
    def finish_inserts(connection: Connection, *_: object) -> None:
        if _INSERTS in connection.get_execution_options():
            _inserts(connection).finish()

    return engine


def _inserts(connection: Connection) -> Inserts:
    inserts = connection.get_execution_options()[_INSERTS]
    assert isinstance(inserts, Inserts), inserts
    return inserts


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection), driver
    return driver


def _spare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in _SPARING:
        connection.execute(f"PRAGMA {pragma}").close()


def _pragma(connection: Connection, pragma: str) -> None:
    """Set a pragma outside of any begun write, where alone some of them work."""
    _driver(connection).execute(f"PRAGMA {pragma}").close()
