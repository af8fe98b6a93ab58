"""What the two engines do differently, as one protocol; everything else of storage is written once."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Engine, Table

Cell = str | int | bytes | None
BulkRow = Sequence[Cell]  # one cell a column, in the order of the table; instants and numbers as canonical text


class Backend(Protocol):
    """One book's database as its engine wants to be treated."""

    title: str  # how messages name the book; no password in it
    engine: Engine
    raw_errors: tuple[type[Exception], ...]
    files: tuple[Path, ...]  # those that it is made of, where they are the user's to lose

    def exists(self) -> bool:
        """Tell whether there is a database, with or without a book in it."""
        ...

    def prepare(self) -> AbstractContextManager[None]:
        """Make place for a new book; undone when the block fails."""
        ...

    def hold(self) -> AbstractContextManager[None]:
        """Keep every other run from writing.

        Raises:
            BookBusy: at once, when another run holds the book.
        """
        ...

    def spare_memory(self) -> None:
        """Hold no more of the database in memory than many small writes need; for connections that are opened from now on."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection inside one consistent snapshot that cannot write."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection inside the one open write; committed at the end, rolled back on any exception."""
        ...

    def migrating(self) -> AbstractContextManager[Connection]:
        """Give a connection like `writing`, fit for changes of tables."""
        ...

    def insert(self, connection: Connection, table: Table, rows: Iterable[BulkRow]) -> None:
        """Insert many rows the quickest way."""
        ...

    def insert_unknown(self, connection: Connection, table: Table, rows: Iterable[BulkRow]) -> None:
        """Insert the rows whose keys are not there yet."""
        ...

    def damage(self, connection: Connection) -> list[str]:
        """Return what the engine finds broken in its own files, in its words; empty where it finds nothing, or looks by itself."""
        ...

    def among(self, column: ColumnElement[str] | ColumnElement[int], keys: Collection[str] | Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a column has one of many keys; one parameter, however many keys."""
        ...
