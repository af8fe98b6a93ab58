"""What may be a million rows is read in order from an index: nothing is sorted as a whole, so memory stays flat."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from ledger.storage.store import Reader, Store

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)

READINGS: dict[str, Callable[[Reader], Iterator[object]]] = {
    "payloads": lambda reader: reader.payloads(),
    "events": lambda reader: reader.events(),
    "events of an asset": lambda reader: reader.events(asset="BTC", kinds=["fill"], after_seq=1),
    "entries": lambda reader: reader.entries(),
    "journal": lambda reader: reader.journal(),
    "journal of a period": lambda reader: reader.journal(since=NOON, until=NOON, account="main", asset="BTC"),
    "postings": lambda reader: reader.postings(),
    "postings until": lambda reader: reader.postings(until=NOON),
    "lots": lambda reader: reader.lots(),
    "lots of a wallet": lambda reader: reader.lots(asset="BTC", wallet="main"),
    "disposals": lambda reader: reader.disposals(),
    "disposals of a period": lambda reader: reader.disposals(since=NOON, until=NOON, bot="grid-1"),
    "coverage": lambda reader: reader.coverage(),
    "ledger by payload": lambda reader: reader.lines_of_payloads("main", "ledger", after_seq=1),
}


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    store = Store.create(f"sqlite:///{tmp_path / 'book.sqlite3'}", recorded_at=NOON)
    yield store
    store.close()


def test_long_readings_are_not_sorted_as_a_whole(sqlite_store: Store) -> None:
    for name, reading in READINGS.items():
        plan = _plan(sqlite_store, reading)
        assert plan, name
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan, (name, plan)


def _plan(store: Store, reading: Callable[[Reader], Iterator[object]]) -> list[str]:
    """Return SQLite's plan of the first question that a reading puts."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        asked.append((statement, parameters))

    with store.read() as reader:
        event.listen(store._backend.engine, "before_cursor_execute", note)
        assert list(reading(reader)) == list(reading(reader))
        event.remove(store._backend.engine, "before_cursor_execute", note)
        statement, parameters = asked[0]
        return [row[3] for row in reader._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
