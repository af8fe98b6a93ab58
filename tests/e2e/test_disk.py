"""A full disk, a read-only file, a read-only folder: a clear word, exit 2, and a book that is whole and goes on afterwards."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.sandbox.server import Sandbox

from .conftest import FILLS, BookFolder, Shell, new_book, obey_modes, true_pieces

ROW = "t1,2025-03-01T12:00:00Z,deposit,cold,,USD,5,,,,,,,,"


def files_of_at_most(size: int) -> Callable[[], None]:
    """Return what lets no file of the child grow beyond a size, as a full disk or a quota would."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [150_000, 600_000])
def test_a_sync_that_fills_the_disk_is_told_and_the_next_one_goes_on(size: int, book: BookFolder) -> None:
    with Sandbox(seed=4, fills=FILLS) as sandbox:
        book.connect(sandbox)
        told = book.run("sync", before=files_of_at_most(size)).refused(2)
        assert told.startswith("lotwright: the book book.sqlite3 cannot ")
        assert "\n  mend: " in told
        book.assert_whole()
        book.run("sync").ok()
        assert book.pieces() == true_pieces(sandbox)
    book.assert_whole()


def test_an_import_that_fills_the_disk_leaves_the_book_as_it_was(book: BookFolder) -> None:
    path = book.shell.home / "many.csv"
    rows = (f"r{number},2025-03-01T12:00:00Z,deposit,cold,USD,5" for number in range(5_000))
    path.write_text("\n".join(["id,time,type,account,asset,amount", *rows]), encoding="utf-8")
    before = book.counts()
    told = book.run("import", path, before=files_of_at_most(500_000)).refused(2)
    assert told.startswith("lotwright: the book book.sqlite3 cannot ")
    assert book.counts() == before
    book.assert_whole()
    assert book.run("import", path).ok().out.endswith("5000 rows: 5000 new, 0 known, 0 revised, 0 doubtful\n")


def test_a_report_that_fills_the_disk_leaves_the_older_file(synced: BookFolder, tmp_path: Path) -> None:
    target = tmp_path / "journal.csv"
    target.write_text("the older one", encoding="utf-8")
    told = synced.run("report", "journal", "-o", target, before=files_of_at_most(40_000)).refused(2)
    assert told == f"lotwright: cannot write {target}: File too large\n  mend: free some room, or choose another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["journal.csv"]
    assert target.read_text(encoding="utf-8") == "the older one"


def test_a_workbook_that_fills_the_disk_is_told_as_any_other_file(synced: BookFolder, tmp_path: Path) -> None:
    target = tmp_path / "journal.xlsx"
    before = {path.name for path in synced.shell.home.iterdir()}
    told = synced.run("report", "journal", "-o", target, before=files_of_at_most(40_000)).refused(2)
    assert told.startswith(f"lotwright: cannot write {target}: File too large\n  mend: free some room, or choose another folder\n")
    told = synced.run("report", "journal", "--format", "xlsx", before=files_of_at_most(40_000)).refused(2)
    assert told.startswith(f"lotwright: cannot write by way of {synced.shell.home}: File too large\n  mend: ")
    assert list(tmp_path.iterdir()) == []
    assert {path.name for path in synced.shell.home.iterdir()} == before, "temporary files were left behind"


def test_a_book_that_finds_no_room_is_not_made(shell: Shell) -> None:
    told = shell.run("init", "book", before=files_of_at_most(20_000)).refused(2)
    assert "book.sqlite3 cannot " in told
    assert not (shell.home / "book").exists()
    new_book(shell).assert_whole()


def test_a_read_only_file_is_told_and_stays_as_it_was(book: BookFolder) -> None:
    with Sandbox(seed=4, fills=FILLS) as sandbox:
        book.connect(sandbox)
        book.run("sync").ok()
        before = book.database.read_bytes()
        book.database.chmod(0o400)
        for command in ("sync", "check"):
            told = book.run(command, before=obey_modes).refused(2)
            assert told.startswith("lotwright: the book book.sqlite3 cannot be written: it is read-only")
        assert book.database.read_bytes() == before
        book.database.chmod(0o600)
        book.run("sync").ok()
        assert book.pieces() == true_pieces(sandbox)


def test_a_read_only_folder_is_told_and_the_book_stays_as_it_was(book: BookFolder) -> None:
    book.import_rows(ROW).ok()
    before = book.database.read_bytes()
    book.folder.chmod(0o500)
    try:
        for command in (("check",), ("import", str(book.shell.home / "rows.csv")), ("connect", "remove", "main")):
            told = book.run(*command, before=obey_modes).refused(2)
            assert "mend: " in told
    finally:
        book.folder.chmod(0o700)
    assert book.database.read_bytes() == before
    book.assert_whole()


def test_a_folder_that_may_not_be_written_takes_no_book_and_no_report(synced: BookFolder, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    shell = Shell(tmp_path)
    told = shell.run("init", closed / "book", before=obey_modes).refused(2)
    assert told.startswith(f"lotwright: cannot write {closed / 'book' / 'lotwright.toml'}: Permission denied\n  mend: ")
    told = synced.run("report", "summary", "-o", closed / "summary.csv", before=obey_modes).refused(2)
    assert told.startswith(f"lotwright: cannot write {closed / 'summary.csv'}: Permission denied\n  mend: ")
    assert list(closed.iterdir()) == []


def test_a_damaged_file_is_told(book: BookFolder) -> None:
    book.database.write_bytes(b"no database" * 1000)
    told = book.run("status").refused(2)
    assert told.startswith("lotwright: the book book.sqlite3 is not a database (file is not a database)\n  mend: restore the file")


def test_a_folder_in_the_place_of_the_database_is_told(book: BookFolder) -> None:
    book.database.unlink()
    book.database.mkdir()
    told = book.run("status").refused(2)
    assert told.startswith("lotwright: the book book.sqlite3 cannot be opened")
