"""Opening, holding and writing a book, and what a person is told when the world is in the way."""

import gc
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ledger.domain.errors import BookBusy, BookError
from ledger.domain.event import Fill
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import EventId
from ledger.domain.payload import Payload
from ledger.storage.faults import told_as_book_errors
from ledger.storage.store import Store, Writer

FOUNDED_AT = datetime(2025, 1, 1, tzinfo=UTC)
NOBODY = 65534

HOLDER = """
import sys
from ledger.storage.store import Store
store = Store.open(sys.argv[1])
with store.hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite3"


@pytest.fixture
def sqlite_store(sqlite_path: Path) -> Iterator[Store]:
    store = Store.create(f"sqlite:///{sqlite_path}", recorded_at=FOUNDED_AT)
    yield store
    store.close()


# --- create and open ------------------------------------------------------------------------------------------------


def test_an_empty_book_has_a_genesis_that_follows_from_its_founding(store: Store, tmp_path: Path) -> None:
    twin = Store.create(f"sqlite:///{tmp_path / 'twin.sqlite3'}", recorded_at=FOUNDED_AT)
    with store.read() as reader, twin.read() as other:
        assert reader.chain_tip() == other.chain_tip()
        place, genesis = reader.chain_tip()
    twin.close()
    assert (place, len(genesis)) == (0, 64)


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_a_book_keeps_the_currency_that_it_was_created_in(database_url: str, currency: str) -> None:
    Store.create(database_url, recorded_at=FOUNDED_AT, currency=currency).close()
    reopened = Store.open(database_url)
    with reopened.read() as reader:
        assert reader.currency() == currency
    reopened.close()


def test_a_second_book_in_the_same_place_is_refused(store: Store, database_url: str) -> None:
    with pytest.raises(BookError, match="exists already"):
        Store.create(database_url, recorded_at=FOUNDED_AT)
    with store.read() as reader:
        assert reader.counts()["book"] == 1


def test_a_database_with_other_tables_is_left_alone(store: Store, database_url: str) -> None:
    with store._backend.migrating() as connection:
        connection.execute(text("ALTER TABLE alembic_version RENAME TO strange"))
    with pytest.raises(BookError, match="other tables are there"):
        Store.create(database_url, recorded_at=FOUNDED_AT)
    with pytest.raises(BookError, match="holds no book of Lotwright"):
        Store.open(database_url)


def test_a_book_is_found_again(full_store: Store, database_url: str) -> None:
    with full_store.read() as reader:
        counts = reader.counts()
    full_store.close()
    reopened = Store.open(database_url)
    with reopened.read() as reader:
        assert reader.counts() == counts
    reopened.close()


def test_a_book_that_could_not_be_founded_leaves_nothing_behind(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        Store.create(database_url, recorded_at=FOUNDED_AT.replace(tzinfo=None))
    assert list(tmp_path.iterdir()) == []
    Store.create(database_url, recorded_at=FOUNDED_AT).close()


def test_postgresql_without_its_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ledger.storage.postgresql", None)
    with pytest.raises(BookError, match="driver that is not installed") as refused:
        Store.open("postgresql://host/books")
    assert "lotwright[postgres]" in refused.value.mend


def test_the_files_of_a_book_are_for_its_owner_only(sqlite_store: Store, sqlite_path: Path) -> None:
    with sqlite_store.hold(), sqlite_store.write() as writer:
        writer.put_cursor("main", "fills", "", {}, FOUNDED_AT)
        names = ("book.sqlite3", "book.sqlite3-wal", "book.sqlite3-shm", "book.sqlite3.lock")
        assert {name: oct(mode_of(sqlite_path.with_name(name))) for name in names} == dict.fromkeys(names, "0o600")


def test_a_book_that_is_not_there_is_not_made_by_opening(sqlite_path: Path) -> None:
    with pytest.raises(BookError, match=r"the book book\.sqlite3 does not exist"):
        Store.open(f"sqlite:///{sqlite_path}")
    assert not sqlite_path.exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="cannot be created: No such file or directory"):
        Store.create(f"sqlite:///{tmp_path / 'nowhere' / 'book.sqlite3'}", recorded_at=FOUNDED_AT)


def test_a_file_that_is_no_database_is_said(sqlite_path: Path) -> None:
    sqlite_path.write_text("date,asset,amount\n" * 100)
    with pytest.raises(BookError, match="is not a database"):
        Store.open(f"sqlite:///{sqlite_path}")
    with pytest.raises(BookError, match="is not a database"):
        Store.create(f"sqlite:///{sqlite_path}", recorded_at=FOUNDED_AT)
    assert sqlite_path.read_text().startswith("date,")


def test_an_empty_file_is_no_book_but_a_place_for_one(sqlite_path: Path) -> None:
    sqlite_path.touch()
    with pytest.raises(BookError, match="holds no book of Lotwright"):
        Store.open(f"sqlite:///{sqlite_path}")
    Store.create(f"sqlite:///{sqlite_path}", recorded_at=FOUNDED_AT).close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "needs a database file"),
        ("sqlite:///:memory:", "needs a database file"),
        ("mysql://host/name", "cannot be kept in mysql"),
        ("book.sqlite3", "cannot be read"),
        ("postgresql+psycopg://keeper@host:port/books", "cannot be read"),
        ("postgresql+psycopg://keeper@host/books?nonsense=1", 'cannot be used: invalid connection option "nonsense"\n  mend'),
        ("sqlite:///book.sqlite3?nonsense=1", "has an option that SQLite does not take"),
        ("sqlite:///book.sqlite3?timeout=long", "has an option that SQLite does not take"),
    ],
)
def test_a_url_that_cannot_hold_a_book_is_refused(url: str, said: str) -> None:
    with pytest.raises(BookError, match=said):
        Store.open(url)


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(BookError, match="cannot be reached") as refused:
        Store.open("postgresql+psycopg://anna:hunter2@127.0.0.1:1/books")
    assert "hunter2" not in str(refused.value)
    assert "books" in str(refused.value)


def test_a_database_that_the_server_does_not_have_is_said(database_url: str) -> None:
    missing = f"{database_url}_missing" if database_url.startswith("sqlite") else database_url.replace("/book_", "/other_")
    with pytest.raises(BookError, match="does not exist"):
        Store.open(missing)


# --- one run at a time ----------------------------------------------------------------------------------------------


@contextmanager
def held_elsewhere(url: str) -> Iterator[None]:
    """Hold a book in another process, which is killed at the end."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.kill()


def test_a_book_held_by_another_process_is_busy_until_that_ends(store: Store, database_url: str) -> None:
    with held_elsewhere(database_url), pytest.raises(BookBusy, match="held by another run"), store.hold():
        pytest.fail("two runs held one book")
    _wait_until_free(store)


def _wait_until_free(store: Store) -> None:
    """Hold a book whose last holder was killed: a server may notice that a moment later."""
    for _ in range(100):
        try:
            with store.hold():
                return
        except BookBusy:
            time.sleep(0.05)
    pytest.fail("the lock outlived its holder")


def test_a_book_is_free_again_after_the_block(store: Store) -> None:
    for _ in range(2):
        with store.hold(), pytest.raises(BookBusy), store.hold():
            pytest.fail("held twice")


def test_a_fault_inside_the_held_block_is_not_taken_for_the_lock(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError), store.hold():
        sqlite3.connect("file:nowhere?mode=ro", uri=True)


def test_readers_see_one_snapshot_while_another_writes(store: Store, fill: Callable[..., Fill], stored: Callable[..., list[int]]) -> None:
    with store.read() as reader:
        before = reader.counts()
        with store.write() as writer:
            stored(writer, fill())
        assert reader.counts() == before
    with store.read() as reader:
        assert reader.event_seq_last() == 1


# --- all or nothing -------------------------------------------------------------------------------------------------


def test_a_failing_block_stores_nothing(store: Store, fill: Callable[..., Fill], booked: Callable[..., None]) -> None:
    def fail() -> None:
        with store.write() as writer:
            booked(writer, fill())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with store.read() as reader:
        assert reader.counts()["event"] == reader.counts()["posting"] == 0


def test_a_fault_of_ours_is_not_dressed_up_as_one_of_the_world(
    store: Store,
    fill: Callable[..., Fill],
    stored: Callable[..., list[int]],
) -> None:
    with pytest.raises((IntegrityError, psycopg.errors.UniqueViolation)), store.write() as writer:
        stored(writer, fill(1), fill(1))


def test_a_row_that_is_refused_takes_its_whole_write_with_it(
    store: Store,
    fill: Callable[..., Fill],
    stored: Callable[..., list[int]],
) -> None:
    def store_one_twice(writer: Writer) -> None:
        stored(writer, *(fill(number) for number in range(3000)))
        stored(writer, fill(2999))
        writer.counts()

    with pytest.raises((IntegrityError, psycopg.errors.UniqueViolation)), store.write() as writer:
        store_one_twice(writer)
    with store.read() as reader:
        assert reader.counts()["event"] == 0


def test_an_iterator_left_unread_does_not_outlive_its_block(
    store: Store,
    fill: Callable[..., Fill],
    stored: Callable[..., list[int]],
) -> None:
    with store.write() as writer:
        stored(writer, *(fill(number) for number in range(5000)))
    with store.read() as reader:
        events = reader.events()
        assert next(events).seq == 1
    assert reader._open == {}
    store.close()


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(BookError, match="read-only"), store.read() as reader:
        reader._connection.execute(text("DELETE FROM lot"))


def test_a_full_disk_is_said_and_leaves_the_book_whole(sqlite_store: Store, payload: Callable[..., Payload]) -> None:
    with sqlite_store.write() as writer:
        writer.add_payload(payload(b"first"))
        before = writer.counts()
        pages = writer._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        writer._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")  # of this connection, which the pool gives again
    with pytest.raises(BookError, match="the disk is full") as refused, sqlite_store.write() as writer:
        writer.add_payload(payload(os.urandom(100_000)))
    assert "free some space" in refused.value.mend
    with sqlite_store.write() as writer:
        assert writer.counts() == before
        assert writer._connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        writer._connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert writer.add_payload(payload(b"second")) == (2, True)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be a user for whom rights count, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter and write to."""
    folder = Path(tempfile.mkdtemp(prefix="lotwright-"))
    folder.chmod(0o777)  # the test takes another user's place
    yield folder
    shutil.rmtree(folder)


def test_a_file_without_the_right_to_write_is_said(open_folder: Path) -> None:
    path = open_folder / "book.sqlite3"
    url = f"sqlite:///{path}"
    store = Store.create(url, recorded_at=FOUNDED_AT)
    store.close()
    path.chmod(0o444)
    with without_privileges():
        reader_only = Store.open(url)
        with pytest.raises(BookError, match="read-only"), reader_only.write() as writer:
            writer.put_cursor("main", "fills", "", {}, FOUNDED_AT)
        reader_only.close()


def test_a_folder_without_the_right_to_write_cannot_be_locked(open_folder: Path) -> None:
    store = Store.create(f"sqlite:///{open_folder / 'book.sqlite3'}", recorded_at=FOUNDED_AT)
    open_folder.chmod(0o555)
    with without_privileges(), pytest.raises(BookError, match="cannot be locked"), store.hold():
        pytest.fail("held without a lock")
    open_folder.chmod(0o755)
    store.close()


def test_a_file_locked_by_another_program_is_busy(sqlite_store: Store, sqlite_path: Path) -> None:
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with sqlite_store._backend.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    with pytest.raises(BookBusy, match="locked by another run"), sqlite_store.write():
        pytest.fail("two programs wrote")
    other.close()


def test_a_server_that_goes_away_is_said(postgresql_url: str) -> None:
    store = Store.create(postgresql_url, recorded_at=FOUNDED_AT)

    def be_cut_off() -> None:
        with store.write() as writer:
            writer.put_cursor("main", "fills", "", {}, FOUNDED_AT)
            writer._connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(BookError, match="cannot be reached"):
        be_cut_off()
    with store.read() as reader:
        assert reader.counts()["cursor"] == 0
    store.close()


def _sqlite_error(name: str) -> sqlite3.DatabaseError:
    raised = sqlite3.DatabaseError("database disk image is malformed")
    raised.sqlite_errorname = name
    return raised


@pytest.mark.parametrize(
    ("raised", "error", "said"),
    [
        (psycopg.errors.DiskFull("could not extend file"), BookError, "the disk is full"),
        (psycopg.errors.ReadOnlySqlTransaction("read-only"), BookError, "read-only"),
        (psycopg.errors.InsufficientPrivilege("permission denied"), BookError, "read-only"),
        (psycopg.errors.LockNotAvailable("lock timeout"), BookBusy, "locked by another run"),
        (psycopg.errors.InvalidPassword("password authentication failed"), BookError, "refuses the login"),
        (psycopg.OperationalError("connection refused"), BookError, "cannot be reached"),
        (psycopg.errors.DataCorrupted("invalid page"), BookError, "damaged"),
        (_sqlite_error("SQLITE_IOERR_WRITE"), BookError, "the disk reports an error"),
        (_sqlite_error("SQLITE_CANTOPEN"), BookError, "cannot be opened"),
    ],
)
def test_faults_of_the_world_are_told_with_a_way_to_mend_them(raised: Exception, error: type[BookError], said: str) -> None:
    with pytest.raises(error, match=f"^the book .*{said}") as told, told_as_book_errors("the book", (sqlite3.Error, psycopg.Error)):
        raise raised
    assert told.value.mend
    assert told.value.__cause__ is raised


@pytest.mark.parametrize("raised", [psycopg.errors.UniqueViolation("duplicate key"), sqlite3.IntegrityError("UNIQUE"), KeyError("x")])
def test_what_is_no_fault_of_the_world_passes_through(raised: Exception) -> None:
    with pytest.raises(type(raised)), told_as_book_errors("the book", (sqlite3.Error, psycopg.Error)):
        raise raised


def test_a_store_that_spares_memory_keeps_a_small_part_of_the_file_in_it_and_sorts_on_the_disk(sqlite_store: Store) -> None:
    def told(pragma: str) -> int:
        with sqlite_store.read() as reader:
            return int(reader._connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())

    on_disk, in_memory = 1, 2
    assert (told("cache_size"), told("temp_store")) == (-128 * 1024, in_memory)
    sqlite_store.spare_memory()
    assert (told("cache_size"), told("temp_store")) == (-8 * 1024, on_disk)


def test_a_store_that_spares_memory_inserts_by_smaller_statements(sqlite_store: Store) -> None:
    def most(origin: str) -> int:
        """Insert 4,096 rows of seven cells, and return how many of them one statement took."""
        seen: list[str] = []
        found = [
            Finding(code="odd", severity=Severity.ERROR, subject=str(number), message="odd", mend="look at it") for number in range(4_096)
        ]
        with sqlite_store.write() as writer:
            driver = writer._connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_trace_callback(seen.append)
            writer.add_findings(origin, found, datetime(2026, 1, 1, tzinfo=UTC))
        driver.set_trace_callback(None)
        return max(text.count(f"'{origin}'") for text in seen)

    assert most("before") == 4_096
    sqlite_store.spare_memory()
    assert most("after") == 1_024


def test_a_question_about_many_keys_leaves_nothing_to_the_search_for_garbage(store: Store) -> None:
    """A batch job looks for garbage rarely: what refers to itself would stay in memory, a question's keys with it."""
    ids = [EventId(f"{number:032x}") for number in range(500)]
    with store.read() as reader:
        reader.known(ids)  # what is made once
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                reader.known(ids)
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_a_new_book_has_small_pages_and_one_of_large_pages_goes_on_with_them(sqlite_path: Path) -> None:
    def page_size() -> int:
        with closing(sqlite3.connect(sqlite_path)) as connection:
            return int(connection.execute("PRAGMA page_size").fetchone()[0])

    Store.create(f"sqlite:///{sqlite_path}", recorded_at=FOUNDED_AT).close()
    assert page_size() == 4096
    with closing(sqlite3.connect(sqlite_path)) as earlier:
        for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 16384", "VACUUM"):
            earlier.execute(statement)
    assert page_size() == 16384
    store = Store.open(f"sqlite:///{sqlite_path}")
    with store.write() as writer:
        writer.add_findings(
            "test", [Finding(code="odd", severity=Severity.ERROR, subject="1", message="odd", mend="look at it")], FOUNDED_AT
        )
    with store.read() as reader:
        assert len(list(reader.findings())) == 1
    store.close()
    assert page_size() == 16384


def test_a_store_that_spares_memory_reads_and_writes_as_before(store: Store) -> None:
    with store.read() as reader:
        tip = reader.chain_tip()
    with store.hold():
        store.spare_memory()
        with store.write() as writer:
            assert writer.chain_tip() == tip
