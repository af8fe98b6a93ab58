"""The command as its users run it: real processes, real books in folders of their own, real sockets of the sandbox exchange."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from csv import DictReader
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ledger.config import ConnectionSettings, add_connection, load_settings, write_private
from ledger.domain.ids import AccountId
from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import gains
from ledger.sandbox.wire import Patience

COMMAND = str(Path(sys.executable).with_name("lotwright"))
VENUE = "coinbase-exchange"
TIME_ZONE = "America/New_York"
FILLS = 400
SECONDS_MAX = 90
QUICK = Patience(drip_seconds=0.05, stall_seconds=0.1)
HEADER = "id,time,type,account,to_account,asset,amount,quote_asset,quote_amount,fee_asset,fee_amount,value,fee_value,kind,acquired"

_DROP_FROM_BOUNDING_SET = 24  # PR_CAPBSET_DROP of Linux
_RIGHTS_THAT_PASS_OVER_MODES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

Piece = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command that has ended: exit code, standard output (as bytes too) and error, and seconds from start to end."""

    code: int
    raw: bytes = field(repr=False)
    err: str
    seconds: float

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8", "replace")

    def ok(self) -> "Ran":
        """Return itself when the command ended clean."""
        assert self.code == 0, (self, self.out)
        return self

    def json(self) -> dict[str, Any]:
        """Return standard output as one JSON document."""
        read = json.loads(self.out)
        assert isinstance(read, dict), read
        return read

    def rows(self) -> list[dict[str, str]]:
        """Return standard output as rows of CSV."""
        return list(DictReader(StringIO(self.out)))

    def refused(self, code: int) -> str:
        """Return standard error of a command that ended with `code`, printed no result and no traceback."""
        assert self.code == code, (self, self.out)
        assert self.out == "", self
        assert "Traceback" not in self.err, self
        return self.err


@dataclass(frozen=True, slots=True)
class Shell:
    """A person's shell: a home, a clean environment, and the command."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        cwd: Path | None = None,
    ) -> Ran:
        """Run a command to its end; `before` runs in the child before the command is loaded."""
        # A child whose files may not grow would leave half a compiled module behind, for all others to stumble over.
        fragile = {"PYTHONDONTWRITEBYTECODE": "1"} if before else {}
        began = time.monotonic()
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
            cwd=cwd or self.home,
            env={**self._all(), **fragile, **(environment or {})},
            preexec_fn=before,
        )
        return Ran(code=done.returncode, raw=done.stdout, err=done.stderr.decode(), seconds=time.monotonic() - began)

    @contextmanager
    def running(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Start a command and let it run beside the block; it is killed if it is still there at the end."""
        child = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.home,
            env=self._all(),
        )
        with child:
            try:
                yield child
            finally:
                if child.poll() is None:
                    child.kill()

    def _all(self) -> dict[str, str]:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.home), "LC_ALL": "C.UTF-8"}
        return {**base, "PYTHONWARNINGS": "error", **self.environment}


@dataclass(frozen=True, slots=True)
class BookFolder:
    """A book in a folder, and the shell that works on it."""

    shell: Shell
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "book.sqlite3"

    def run(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> Ran:
        """Run a command on this book."""
        return self.shell.run("--book", self.folder, *arguments, environment=environment, before=before)

    @contextmanager
    def running(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Start a command on this book and let it run beside the block."""
        with self.shell.running("--book", self.folder, *arguments) as child:
            yield child

    def connect(self, sandbox: Sandbox, name: str = "main", *, parts: Mapping[str, str] | None = None, **changed: str | float) -> None:
        """Add a connection to a sandbox, its key in a file for the owner only; `parts` and `changed` replace what is right."""
        told = {"KEY": sandbox.key, "SECRET": sandbox.secret, "PASSPHRASE": sandbox.passphrase} | dict(parts or {})
        path = self.folder / f"{name}.secrets.toml"
        write_private(path, "".join(f"{part} = {json.dumps(text)}\n" for part, text in told.items()))
        usual = {"venue": VENUE, "base_url": sandbox.rest_url, "share": 1.0, "bot": f"{name}-bot", "secrets": f"file:{path.name}"}
        settings = load_settings(self.folder)
        add_connection(settings, ConnectionSettings(name=AccountId(name), **(usual | changed)))  # type: ignore[arg-type] # as told

    def point(self, sandbox: Sandbox) -> None:
        """Let every connection of the book call another sandbox of the same key."""
        settings = self.folder / "lotwright.toml"
        told = re.sub(r"http://[0-9.:]+", sandbox.rest_url, settings.read_text(encoding="utf-8"))
        settings.write_text(told, encoding="utf-8")

    def import_rows(self, *rows: str, header: str = HEADER) -> Ran:
        """Import a file of these rows."""
        path = self.shell.home / "rows.csv"
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return self.run("import", path)

    def pieces(self) -> list[Piece]:
        """Return what the book says of every disposal piece: event, asset, quantity, proceeds, cost, gain; sorted."""
        rows = self.run("report", "gains", "--format", "csv").ok().rows()
        names = ("event", "asset", "quantity", "proceeds", "cost_basis", "gain")
        return sorted(tuple(row[name] for name in names) for row in rows)

    def csv(self, *names: str) -> dict[str, str]:
        """Return some reports as CSV, by their names."""
        return {name: self.run("report", name, "--format", "csv").ok().out for name in names}

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has, read past the command."""
        with closing(sqlite3.connect(self.database)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608 - our own tables

    def assert_whole(self) -> None:
        """Assert that no invariant of the book is broken; warnings may stand."""
        checked = self.run("check", "--all")
        assert checked.code == 0, checked
        assert "error: " not in checked.err, checked


def true_pieces(sandbox: Sandbox) -> list[Piece]:
    """Return what the exchange itself says of every disposal piece, as `BookFolder.pieces` does."""
    names = ("event", "asset", "quantity", "proceeds", "cost", "gain")
    return sorted(tuple(row[name] for name in names) for row in gains(sandbox.account))


def obey_modes() -> None:
    """Make the rights of files count for the superuser too, in the child that is about to run a command."""
    if os.geteuid() != 0:
        return
    import ctypes  # noqa: PLC0415 - only where tests run as the superuser

    libc = ctypes.CDLL(None, use_errno=True)
    for right in _RIGHTS_THAT_PASS_OVER_MODES:
        if libc.prctl(_DROP_FROM_BOUNDING_SET, right, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up a right of the superuser")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let commands be interrupted as at a terminal, also where the tests run in the background and inherit that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in an empty home."""
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a book that nobody has written into."""
    return new_book(Shell(tmp_path_factory.mktemp("blank"))).folder


@pytest.fixture
def book(shell: Shell, blank: Path) -> BookFolder:
    """A new book, its days in New York."""
    return BookFolder(shell, Path(shutil.copytree(blank, shell.home / "book")))


def new_book(shell: Shell) -> BookFolder:
    """Make a book below the shell's home, by the command."""
    shell.run("init", "book", "--time-zone", TIME_ZONE).ok()
    return BookFolder(shell, shell.home / "book")


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> BookFolder:
    """A book of two accounts, one synced and one imported, for tests that only look."""
    book = new_book(Shell(tmp_path_factory.mktemp("synced")))
    with Sandbox(seed=11, fills=FILLS) as sandbox:
        book.connect(sandbox)
        book.run("sync").ok()
    book.import_rows(
        "o1,2024-01-01,opening,cold,,LTC,12,,,,,840,,,2023-05-01",
        "s1,2025-02-03T08:00:00Z,income,cold,,LTC,0.5,,,,,60.25,,staking,",
        "g1,2025-06-30T15:00:00-04:00,sell,cold,,LTC,7.25,USD,725,USD,1.5,,,,",
    ).ok()
    return book
