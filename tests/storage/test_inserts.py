"""Rows that a second thread inserts: in their order, seen by the next question, and none of them when one fails."""

import sqlite3
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.exc import IntegrityError

from ledger.storage.bulk.inserts import Inserts

NUMBERS = Table("numbers", MetaData(), Column("number", Integer, primary_key=True), Column("name", Text))


@pytest.fixture
def driver() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    yield connection
    connection.close()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert "inserts" not in {thread.name for thread in threading.enumerate()}


def rows(first: int, last: int) -> Iterator[tuple[int, str]]:
    return ((number, f"n{number}") for number in range(first, last + 1))


def stored(driver: sqlite3.Connection) -> list[tuple[int, str]]:
    return driver.execute("SELECT number, name FROM numbers ORDER BY number").fetchall()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1023, 1024, 8191, 8192, 8193, 20_000])
def test_however_many_rows_all_are_there_when_it_is_asked_for(driver: sqlite3.Connection, count: int) -> None:
    with Inserts(driver) as inserts:
        inserts.add(NUMBERS, rows(1, count))
        inserts.finish()
        assert stored(driver) == list(rows(1, count))


def test_they_are_there_when_the_block_has_ended(driver: sqlite3.Connection) -> None:
    with Inserts(driver) as inserts:
        inserts.add(NUMBERS, rows(1, 30_000))
    assert stored(driver) == list(rows(1, 30_000))


def test_they_are_inserted_in_the_order_in_which_they_were_added(driver: sqlite3.Connection) -> None:
    with Inserts(driver) as inserts:
        inserts.add(NUMBERS, rows(1, 3))
        inserts.add(NUMBERS, [(3, "told later"), (4, "n4")], then="ON CONFLICT DO NOTHING")
    assert stored(driver) == list(rows(1, 4))


def test_an_older_library_that_takes_few_parameters_is_given_few(driver: sqlite3.Connection) -> None:
    driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
    with Inserts(driver) as inserts:
        inserts.add(NUMBERS, rows(1, 3000))
    assert stored(driver) == list(rows(1, 3000))


@pytest.mark.parametrize(("cells_max", "lengths"), [(8, [4, 4, 2, 1]), (7, [2, 2, 2, 2, 2, 1]), (2, [1] * 11)])
def test_a_statement_takes_no_more_cells_than_it_is_let(driver: sqlite3.Connection, cells_max: int, lengths: list[int]) -> None:
    seen: list[str] = []
    driver.set_trace_callback(seen.append)
    with Inserts(driver, cells_max=cells_max) as inserts:
        inserts.add(NUMBERS, rows(1, 11))
    driver.set_trace_callback(None)
    assert [text.count("'n") for text in seen if text.startswith("INSERT")] == lengths
    assert stored(driver) == list(rows(1, 11))


def test_a_row_that_is_refused_is_told_at_the_next_question_and_what_follows_it_is_left_undone(driver: sqlite3.Connection) -> None:
    def add_twice(inserts: Inserts) -> None:
        inserts.add(NUMBERS, rows(1, 1))
        inserts.add(NUMBERS, rows(1, 1))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            inserts.finish()
        inserts.add(NUMBERS, rows(2, 2))

    with pytest.raises(IntegrityError, match="UNIQUE"), Inserts(driver) as inserts:
        add_twice(inserts)
    assert stored(driver) == list(rows(1, 1))


def test_a_row_that_is_refused_is_told_at_the_end_at_the_latest(driver: sqlite3.Connection) -> None:
    with pytest.raises(IntegrityError, match="NOT NULL"), Inserts(driver) as inserts:
        inserts.add(NUMBERS, [(1, None)])


def test_a_block_that_fails_tells_its_own_fault(driver: sqlite3.Connection) -> None:
    def numbered() -> Iterator[tuple[int, str]]:
        yield from rows(1, 20_000)
        raise KeyError("our own")

    with pytest.raises(KeyError, match="our own"), Inserts(driver) as inserts:
        inserts.add(NUMBERS, numbered())


def test_nothing_to_insert_starts_no_thread(driver: sqlite3.Connection) -> None:
    with Inserts(driver) as inserts:
        inserts.add(NUMBERS, [])
        assert "inserts" not in {thread.name for thread in threading.enumerate()}
