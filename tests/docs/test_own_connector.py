"""The guide's connector is taken out of the guide, installed as a stranger's package, and a book is synced with it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "ledger/connectors/YOUR_OWN.md"
COMMAND = str(Path(sys.executable).with_name("lotwright"))
KEY = "a-key-that-can-only-view"
PAGE = 3
LINES_MAX = 60


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


def fill(number: int, **changed: object) -> dict[str, object]:
    row = {"id": number, "time": f"2025-03-{number:02d}T12:00:00Z", "market": "BTC-USD", "side": "buy", "size": "0.5", "price": "20000.10"}
    return {**row, "fee": "1.25", **changed}


@dataclass
class Venue:
    """What Tiny Exchange has, and what it answers instead."""

    fills: list[dict[str, object]] = field(default_factory=lambda: [fill(number) for number in range(1, 8)])
    balances: list[dict[str, object]] = field(default_factory=lambda: [{"asset": "BTC", "amount": "3.5"}])
    instead: tuple[int, bytes] | None = None
    targets: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, target: str, key: str | None) -> tuple[int, bytes]:
        self.targets.append(target)
        if key != KEY:
            return 401, b"who are you?"
        if self.instead:
            return self.instead
        after = parse_qs(urlsplit(target).query).get("after")
        rows = self.balances if after is None else [row for row in self.fills if int(str(row["id"])) > int(after[0])][:PAGE]
        return 200, json.dumps(rows).encode()


@contextmanager
def served(venue: Venue) -> Iterator[Venue]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = venue.answer(self.path, self.headers["X-Key"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        venue.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield venue
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages in which the guide's is installed."""
    source, site = tmp_path_factory.mktemp("tiny"), tmp_path_factory.mktemp("site")
    (source / "lotwright_tiny.py").write_text(block("python"), encoding="utf-8")
    (source / "pyproject.toml").write_text(block("toml"), encoding="utf-8")
    options = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True, capture_output=True)
    return site


@dataclass
class Book:
    site: Path
    folder: Path
    key: str = KEY

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(self.site), "LC_ALL": "C.UTF-8"}
        environment |= {"TINY_KEY": self.key, "TINY_SECRET": "unused", "PYTHONWARNINGS": "error"}
        command = [COMMAND, "--book", str(self.folder), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, env=environment, check=False)


@pytest.fixture
def book(site: Path, tmp_path: Path) -> Book:
    book = Book(site, tmp_path / "book")
    made = subprocess.run([COMMAND, "init", str(book.folder)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return book


def connected(book: Book, venue: Venue) -> None:
    added = book.run("connect", "add", "main", "--venue", "tiny", "--secrets", "env:TINY", "--base-url", venue.url)
    assert added.returncode == 0, added.stderr


def test_it_has_no_more_lines_than_the_guide_promises() -> None:
    assert GUIDE.read_text(encoding="utf-8").startswith(f"# Your own connector in {LINES_MAX} lines\n")
    told = [line for line in block("python").splitlines() if line and not line.startswith(("import ", "from ", '"""'))]
    assert len(told) <= LINES_MAX


def test_it_imports_the_ports_and_the_words_only() -> None:
    imported = re.findall(r"^(?:from|import) (ledger\S*)", block("python"), re.MULTILINE)
    assert imported
    assert [name for name in imported if not name.startswith(("ledger.ports", "ledger.domain."))] == []


def test_it_is_found_like_ours(book: Book) -> None:
    assert re.search(r"connector +tiny +lotwright-tiny +0\.1", book.run("plugins").stdout)


def test_it_syncs_a_book_to_the_venue_s_balances_and_goes_on_where_it_stopped(book: Book) -> None:
    with served(Venue()) as venue:
        connected(book, venue)
        checked = book.run("connect", "check", "main")
        assert (checked.returncode, "withdraw unknown" in checked.stdout) == (0, True), checked.stderr
        first = book.run("sync", "--json")
        assert (first.returncode, json.loads(first.stdout)["new"]) == (0, 7), first.stderr
        assert [one for one in venue.targets if "fills" in one][:4] == [f"/fills?after={last}" for last in (0, 3, 6, 7)]
        venue.fills.append(fill(8, side="sell", size="3.5", price="30000", fee="0"))
        venue.balances = [{"asset": "BTC", "amount": "0"}, {"asset": "USD", "amount": "34990.9"}]
        second = book.run("sync", "--json")
        assert json.loads(second.stdout)["new"] == 1
    gains = book.run("report", "gains", "--format", "csv").stdout.splitlines()
    assert len(gains) == 1 + 7
    summary = book.run("report", "gains", "--format", "csv", "--asset", "BTC")
    assert "15000" in summary.stdout


def test_a_row_that_it_cannot_read_is_a_finding_and_the_others_are_booked(book: Book) -> None:
    with served(Venue(fills=[fill(1), fill(2, side="hold"), fill(3, market="BTCUSD"), fill(4, size=None), fill(5)])) as venue:
        connected(book, venue)
        ran = book.run("sync", "--json")
    assert (ran.returncode, json.loads(ran.stdout)["new"]) == (1, 2)
    assert book.run("check", "--all").stderr.count("unreadable-row") == 3


@pytest.mark.parametrize(
    ("instead", "code"), [((403, b"no"), 3), ((500, b"oops"), 4), ((200, b"<html>"), 4), ((200, b"{}"), 4), ((200, b"[1]"), 4)]
)
def test_what_it_cannot_use_ends_with_the_exit_code_of_the_contract(book: Book, instead: tuple[int, bytes], code: int) -> None:
    with served(Venue(instead=instead)) as venue:
        connected(book, venue)
        ran = book.run("sync")
    assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stderr


def test_a_key_that_the_venue_does_not_know_and_a_venue_that_is_not_there(book: Book) -> None:
    with served(Venue()) as venue:
        connected(book, venue)
        book.key = "another-key"
        refused = book.run("connect", "check")
        assert (refused.returncode, "another-key" in refused.stderr) == (3, False)
    assert book.run("sync", "--budget", "5").returncode == 4
