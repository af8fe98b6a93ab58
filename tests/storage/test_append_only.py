"""What is a raw fact cannot be changed, by whatever program."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError

from ledger.storage import tables
from ledger.storage.store import Store

FACTS = (
    "book",
    "payload",
    "event",
    "evidence",
    "entry",
    "posting",
    "price",
    "coverage",
    "assertion",
    "broker_statement",
    "election",
    "allocation",
    "pair_decision",
    "closed_year",
    "key_check",
)


def test_the_book_under_test_has_a_row_in_every_table(full_store: Store) -> None:
    with full_store.read() as reader:
        assert {name: count for name, count in reader.counts().items() if count < 1} == {}


def test_rows_of_facts_cannot_be_updated_or_deleted(full_store: Store) -> None:
    for table in FACTS:
        column = tables.METADATA.tables[table].columns.keys()[-1]
        _append_only(full_store, table, f'UPDATE {table} SET "{column}" = "{column}"')  # noqa: S608  # names of our own tables
        _append_only(full_store, table, f"DELETE FROM {table}")  # noqa: S608  # as above


def test_tables_of_facts_cannot_be_emptied_at_once(full_store: Store) -> None:
    for table in FACTS:
        statements = {
            "sqlite": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",  # noqa: S608  # it has no TRUNCATE, but this deletes too
            "postgresql": f"TRUNCATE {table}, {', '.join(FACTS)}, attribution, bot_order, ledger_line",
        }
        _append_only(full_store, table, statements[full_store._backend.engine.dialect.name])


def _append_only(store: Store, table: str, statement: str) -> None:
    with pytest.raises(IntegrityError, match=f"lotwright: {table} is append-only"), store._backend.writing() as connection:
        connection.execute(text(statement))


def test_a_refused_change_leaves_the_facts_as_they_were(full_store: Store) -> None:
    with full_store.read() as reader:
        before = [*reader.events(), *reader.entries()]
    with pytest.raises(IntegrityError), full_store.write() as writer:
        writer._connection.execute(text("DELETE FROM posting"))
    with full_store.read() as reader:
        assert [*reader.events(), *reader.entries()] == before


def test_what_is_derived_may_be_deleted(full_store: Store) -> None:
    with full_store.write() as writer:
        writer.clear_matches(None)
    with full_store.read() as reader:
        assert (reader.counts()["lot"], reader.counts()["disposal"]) == (0, 0)


def test_a_posting_that_is_not_positive_is_refused_by_the_database(full_store: Store) -> None:
    for amount in ("0", "-1", "0.000", "NaN", "", "1e5x"):
        _refused(full_store, debit="a", credit="b", amount=amount)


def test_a_posting_from_an_account_to_itself_is_refused_by_the_database(full_store: Store) -> None:
    _refused(full_store, debit="a", credit="a", amount="1")


def test_a_posting_without_an_entry_is_refused_by_the_database(full_store: Store) -> None:
    _refused(full_store, debit="a", credit="b", amount="1", entry_seq=99)


def _refused(store: Store, *, debit: str, credit: str, amount: str, entry_seq: int = 1) -> None:
    statement = f"INSERT INTO posting VALUES ({entry_seq}, 9, '{debit}', '{credit}', 'BTC', '{amount}')"  # noqa: S608  # values of these tests
    # PostgreSQL refuses what is no number at all by the type of the column, before any check.
    with pytest.raises((IntegrityError, DataError)), store._backend.writing() as connection:
        connection.execute(text(statement))
    with store.read() as reader:
        assert reader.counts()["posting"] == 2
