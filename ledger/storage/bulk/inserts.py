"""Many rows into SQLite by a second thread, while the first computes the next rows.

SQLite lets go of the interpreter while a statement runs, so that both threads are at work on two cores. A statement takes many rows:
with one row a statement the threads would do little but wait for each other.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Self

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from ledger.storage.backend import BulkRow, Cell

CELLS_MAX = 32_000  # a statement; more hold more memory, fewer make the threads wait for each other more often
CELLS_SPARING = 8_000  # where memory counts: dozens of prepared statements are kept, and smaller ones took 17 MiB off 187
_WAITING_MAX = 8  # statements
_FAILURES = (sqlite3.Error, OverflowError, UnicodeError, MemoryError)  # all that the driver raises of a statement and its parameters

_Statement = tuple[str, list[Cell]]  # its text and its parameters


class Inserts:
    """The inserts of one write, done in the order in which they are added; a context that ends before the write does.

    Nobody else may use the connection before `finish` has returned. A statement takes at most `cells_max` cells.
    """

    def __init__(self, driver: sqlite3.Connection, *, cells_max: int = CELLS_MAX) -> None:
        self._driver = driver
        self._cells_max = min(cells_max, driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))
        self._waiting: Queue[_Statement | None] = Queue(_WAITING_MAX)
        self._thread: Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait for the end of the thread; where the write has failed, what waits is left undone."""
        self._failure = self._failure or error
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
        if error is None:
            self._raise_failure()

    def add(self, table: Table, rows: Iterable[BulkRow], *, then: str = "") -> None:
        """Have rows inserted; `then` ends the statement. Waits while too many wait."""
        for portion in _portions(rows, most=self._cells_max // len(table.columns)):
            self._raise_failure()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="inserts")
                self._thread.start()
            self._waiting.put((f"{_insert_text(table, len(portion))} {then}", list(chain.from_iterable(portion))))

    def finish(self) -> None:
        """Return when all that was added is inserted.

        Raises:
            DBAPIError: what one of the inserts failed with; those after it are left undone.
        """
        self._waiting.join()
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while (statement := self._waiting.get()) is not None:
            if self._failure is None:
                try:
                    self._driver.execute(*statement).close()
                except _FAILURES as failure:
                    self._failure = DBAPIError.instance(statement[0].partition(" VALUES")[0], None, failure, sqlite3.Error)
            self._waiting.task_done()


def _portions(rows: Iterable[BulkRow], *, most: int) -> Iterator[list[BulkRow]]:
    """Cut rows into portions whose lengths are powers of two: so few statements that each is prepared once and kept."""
    waiting = iter(rows)
    most = 1 << most.bit_length() - 1
    while batch := list(islice(waiting, most)):
        while batch:
            length = 1 << len(batch).bit_length() - 1
            yield batch[:length]
            batch = batch[length:]


@lru_cache
def _insert_text(table: Table, rows: int) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    places = ", ".join("?" for _ in table.columns)
    return f'INSERT INTO "{table.name}" ({names}) VALUES {", ".join([f"({places})"] * rows)}'  # noqa: S608  # names of our own tables
