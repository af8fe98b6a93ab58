"""A book in a PostgreSQL database, one book a database: repeatable-read snapshots, COPY for many rows."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import make_conninfo
from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Table,
    Text,
    create_engine,
    event,
    func,
    literal,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from ledger.domain.errors import BookBusy, BookError
from ledger.storage.backend import BulkRow
from ledger.storage.tables import METADATA

_BATCH = 10_000  # rows a statement where COPY cannot pass over known keys
_SESSION = "SET TIME ZONE 'UTC'; SET datestyle = 'ISO, YMD'; SET lock_timeout = '5s'; SET client_encoding = 'UTF8'"
_MISSING_DATABASE = "3D000"  # SQLSTATE invalid_catalog_name

# Advisory locks are per database; the two numbers tell ours from other programs' ("LOTW" and what is locked).
_HOLD = text("SELECT pg_try_advisory_lock(1280267351, 1)")
_RELEASE = text("SELECT pg_advisory_unlock(1280267351, 1)")
_WRITE = text("SELECT pg_advisory_xact_lock(1280267351, 2)")

for _index in (index for table in METADATA.tables.values() for index in table.indexes):
    _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]


class PostgresqlBackend:
    """See `Backend`."""

    raw_errors: tuple[type[Exception], ...] = (psycopg.Error,)
    files: tuple[Path, ...] = ()

    def __init__(self, url: URL) -> None:
        self.title = f"the book at {url.render_as_string(hide_password=True)}"
        _check_options(url)
        self.engine = _engine(url.set(drivername="postgresql+psycopg"))

    def exists(self) -> bool:
        """Tell whether the database is there."""
        try:
            with self.engine.connect():
                return True
        except OperationalError as refused:
            if getattr(refused.orig, "sqlstate", None) == _MISSING_DATABASE:
                return False
            raise

    @contextmanager
    def prepare(self) -> Iterator[None]:
        """Do nothing: the database must be there, and a failed migration takes its tables back by itself."""
        yield

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold an advisory lock on a connection of its own; the server lets go of it when the run dies."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(_HOLD).scalar_one():
                raise BookBusy(f"{self.title} is held by another run", mend="wait until it has ended")
            try:
                yield
            finally:
                connection.execute(_RELEASE)

    def spare_memory(self) -> None:
        """Do nothing: the pages are in the server's memory."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a snapshot: repeatable read, read only."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one writing connection: writers of one book go one after another, as on SQLite."""
        with self.engine.begin() as connection:
            connection.execute(_WRITE)
            yield connection

    def migrating(self) -> AbstractContextManager[Connection]:
        """Give a writing connection; this engine changes tables like rows."""
        return self.writing()

    def insert(self, connection: Connection, table: Table, rows: Iterable[BulkRow]) -> None:
        """Insert by COPY, the only quick way in."""
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _names(table))
        with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def insert_unknown(self, connection: Connection, table: Table, rows: Iterable[BulkRow]) -> None:
        """Insert from one array a column, passing over keys that are there."""
        arrays = sql.SQL(", ").join(sql.SQL("%s::{}[]").format(_type(column, connection.dialect)) for column in table.columns)
        statement = sql.SQL("INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT DO NOTHING")
        query = statement.format(sql.Identifier(table.name), _names(table), arrays)
        waiting = iter(rows)
        with _driver(connection).cursor() as cursor:
            while batch := list(islice(waiting, _BATCH)):
                cursor.execute(query, [list(cells) for cells in zip(*batch, strict=True)])

    def damage(self, connection: Connection) -> list[str]:  # noqa: ARG002  # the server keeps checksums of its pages
        """Return nothing: the server's files are looked after by the server."""
        return []

    def among(self, column: ColumnElement[str] | ColumnElement[int], keys: Collection[str] | Collection[int]) -> ColumnElement[bool]:
        """Compare with one array.

        It stands in a function of that name, as SQLAlchemy's own `any_` would make the array refer to itself: see `SqliteBackend.among`.
        """
        kind = BigInteger() if isinstance(column.type, BigInteger) else Text()
        return column == func.any(literal(list(keys), ARRAY(kind)))


class _CanonicalNumber(Loader):
    """Numbers as SQLite's text gives them: NUMERIC(38,18) pads with zeros, which carry no meaning."""

    def load(self, data: Buffer) -> Decimal:
        digits = bytes(data).decode()
        return Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits)


class _UtcInstant(Loader):
    """Instants in `datetime.UTC`; the session's zone is UTC, so the text ends in ``+00``."""

    def load(self, data: Buffer) -> datetime:
        return datetime.fromisoformat(bytes(data).decode())


def _check_options(url: URL) -> None:
    try:
        make_conninfo(**{name: str(value) for name, value in url.query.items()})
    except psycopg.ProgrammingError as refused:
        raise BookError(
            f"the URL of the database cannot be used: {str(refused).strip()}", mend="correct or leave out what follows ?"
        ) from refused


def _engine(url: URL) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def set_up(connection: psycopg.Connection, _: ConnectionPoolEntry) -> None:
        connection.adapters.register_loader("numeric", _CanonicalNumber)
        connection.adapters.register_loader("timestamptz", _UtcInstant)
        connection.execute(_SESSION)
        connection.commit()

    return engine


def _driver(connection: Connection) -> "psycopg.Connection[tuple[object, ...]]":
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection), driver
    return driver


def _names(table: Table) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)


def _type(column: "Column[object]", dialect: Dialect) -> sql.SQL:
    return sql.SQL(column.type.compile(dialect).partition(" COLLATE")[0])
