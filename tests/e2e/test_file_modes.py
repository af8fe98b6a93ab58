"""What commands write is for the owner only, whatever the user's umask allows to others."""

import os
import stat
from pathlib import Path

from ledger.sandbox.server import Sandbox

from .conftest import FILLS, TIME_ZONE, BookFolder, Shell
from .test_busy import gated_exchange


def generous() -> None:
    """Allow others to read new files, as most systems do."""
    os.umask(0o022)


def mode_of(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def test_every_new_file_is_for_the_owner_only_and_so_is_every_new_folder(shell: Shell) -> None:
    home = shell.home
    shell.run("init", "deep/book", "--time-zone", TIME_ZONE, before=generous).ok()
    book = BookFolder(shell, home / "deep" / "book")
    with Sandbox(seed=9, fills=FILLS) as sandbox:
        for command in (
            ("connect", "add", "main", "--venue", sandbox.venue, "--base-url", sandbox.rest_url, "--secrets", "env:MAIN", "--share", "1"),
            ("sync",),
            ("check",),
            ("report", "summary", "-o", str(home / "summary.csv")),
            ("report", "gains", "-o", str(home / "gains.xlsx")),
            ("report", "gains", "-o", str(home / "gains.html")),
        ):
            secrets = {"MAIN_KEY": sandbox.key, "MAIN_SECRET": sandbox.secret, "MAIN_PASSPHRASE": sandbox.passphrase}
            book.run(*command, environment=secrets, before=generous).ok()
    files = {str(path.relative_to(home)): mode_of(path) for path in home.rglob("*") if path.is_file()}
    assert files == dict.fromkeys(files, "0600")
    names = {"deep/book/book.sqlite3", "deep/book/book.sqlite3.lock", "deep/book/lotwright.toml", "summary.csv", "gains.xlsx", "gains.html"}
    assert set(files) == names
    assert mode_of(book.folder) == "0700"


def test_the_log_of_a_database_in_use_is_for_the_owner_only(book: BookFolder) -> None:
    with gated_exchange() as (sandbox, gate):
        book.connect(sandbox)
        with book.running("sync") as child:
            gate.wait(child)
            seen = {path.name: mode_of(path) for path in book.folder.iterdir()}
            child.kill()
    names = {"book.sqlite3", "book.sqlite3-shm", "book.sqlite3-wal", "book.sqlite3.lock", "lotwright.toml", "main.secrets.toml"}
    assert seen == dict.fromkeys(names, "0600")


def test_a_report_over_a_file_that_others_may_read_closes_it_to_them(synced: BookFolder, tmp_path: Path) -> None:
    target = tmp_path / "summary.csv"
    target.touch(mode=0o644)
    synced.run("report", "summary", "-o", target, before=generous).ok()
    assert mode_of(target) == "0600"
