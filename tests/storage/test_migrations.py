"""The schema goes up and down with data in it, and the tables in the code are those in the database."""

import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from ledger.domain.errors import BookBusy, BookError
from ledger.storage import migrate
from ledger.storage.store import Store
from ledger.storage.tables import METADATA

SECOND = '''"""A later schema, for tests."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("finding") as batch:
        batch.add_column(sa.Column("seen", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("finding") as batch:
        batch.drop_column("seen")
'''


@pytest.fixture
def second_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later Lotwright, whose schema has one more column."""
    folder = tmp_path / "50% more migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_second.py").write_text(SECOND.replace("{newest}", migrate.revisions()[-1]))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)


def test_the_database_has_the_tables_of_the_code(store: Store) -> None:
    with store._backend.migrating() as connection:
        command.check(migrate.config(connection))


def test_the_database_has_the_checks_of_the_code(store: Store) -> None:
    backend = store._backend
    with backend.migrating() as connection:
        migrated = _checks(connection)
        migrate.downgrade(connection, "base")
        METADATA.create_all(connection)
        assert _checks(connection) == migrated
    assert {name for checks in migrated.values() for name, _ in checks} == {
        "ck_book_one_row",
        "ck_posting_amount_positive",
        "ck_posting_two_accounts",
    }


def test_the_database_has_the_indexes_of_the_code(store: Store) -> None:
    with store._backend.migrating() as connection:
        migrated = _indexes(connection)
        migrate.downgrade(connection, "base")
        METADATA.create_all(connection)
        assert _indexes(connection) == migrated
    assert sum("WHERE" in definition.upper() for definition in migrated) >= 7


def _indexes(connection: Connection) -> list[str]:
    """Return the definitions of all indexes that are not there for a key, as the database tells them."""
    asked = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    }
    return sorted(connection.execute(text(asked[connection.dialect.name])).scalars())


def _checks(connection: Connection) -> dict[str, list[tuple[str | None, str]]]:
    found = inspect(connection)
    return {table: sorted((check["name"], check["sqltext"]) for check in found.get_check_constraints(table)) for table in METADATA.tables}


def test_the_newest_revision_by_file_name_is_the_head_of_the_history(store: Store) -> None:
    with store._backend.migrating() as connection:
        script = ScriptDirectory.from_config(migrate.config(connection))
        assert script.get_heads() == [migrate.revisions()[-1]]
        assert migrate.revision_of(connection) == migrate.revisions()[-1]


def test_a_full_book_goes_down_to_nothing_and_up_again(full_store: Store) -> None:
    backend = full_store._backend
    with backend.migrating() as connection:
        migrate.downgrade(connection, "base")
    with backend.migrating() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        migrate.upgrade(connection)
    with full_store.read() as reader:
        assert set(reader.counts().values()) == {0}


def test_an_older_book_is_brought_up_when_it_is_opened(full_store: Store, database_url: str, second_schema: None) -> None:
    assert second_schema is None
    with full_store.read() as reader:
        before = [reader.findings(), list(reader.entries())]
    reopened = Store.open(database_url)
    with reopened.read() as reader:
        assert [reader.findings(), list(reader.entries())] == before
        assert "seen" in {column["name"] for column in inspect(reader._connection).get_columns("finding")}
    reopened.close()


def test_an_older_book_that_another_run_holds_is_left_alone(full_store: Store, database_url: str, second_schema: None) -> None:
    assert second_schema is None
    with full_store.hold(), pytest.raises(BookBusy):
        Store.open(database_url)


def test_a_book_of_a_newer_program_is_refused(full_store: Store, database_url: str) -> None:
    with full_store._backend.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BookError, match="a newer Lotwright wrote") as refused:
        Store.open(database_url)
    assert "upgrade" in refused.value.mend
