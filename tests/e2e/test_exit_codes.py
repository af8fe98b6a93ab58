"""Every way in which a run can end, by its exit code; each complaint says what is wrong, where, and how to mend it."""

import base64
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ledger.book.connections import CHECK_SECONDS_MAX
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox
from ledger.storage.migrate import revisions

from .conftest import FILLS, VENUE, BookFolder, Shell, true_pieces

SEED = 6
BUDGET_SECONDS = 1.5
QUICKLY_SECONDS = 20.0  # without a budget the attempts would take twice as long
WRONG_SECRET = base64.b64encode(b"another secret than the venue's").decode()
GO_ON = "run again to go on where this run stopped, or give more time with --budget"
TAKE_AN_ID = "take an id from a report: a disposal, lot, event, entry or payload"
KEY_MEND = "  mend: look at key, secret, passphrase and the key's rights and addresses at the venue\n"


@contextmanager
def answering(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """A server that answers everything alike; gives its address."""

    class Answerer(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answerer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert isinstance(port, int)
        return port


# --- the venue ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"SECRET": WRONG_SECRET}, "HTTP 401: invalid signature"),
        ({"KEY": "0" * 32}, "HTTP 401: Invalid API Key"),
        ({"PASSPHRASE": "not the passphrase"}, "HTTP 401: Invalid Passphrase"),
    ],
)
def test_a_refused_key_ends_with_3_and_the_words_of_the_venue(changed: dict[str, str], words: str, book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, parts=changed)
        ran = book.run("sync")
        assert ran.code == 3
        assert f"  {VENUE}: GET /accounts: {words}\n" in ran.err
        assert KEY_MEND in ran.err
        assert "STOPPED" in ran.out
        told = book.run("sync", "--json")
        assert (told.code, told.json()["exit_code"]) == (3, 3)
        checked = book.run("connect", "check", "main").refused(3)
        assert checked == f"lotwright: {VENUE}: GET /accounts: {words}\n{KEY_MEND}"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.KEY_REVOKED, "HTTP 401: Invalid API Key"),
        (Fault.PERMISSION_LACKING, "HTTP 403: Forbidden"),
    ],
)
def test_a_key_withdrawn_in_mid_run_ends_with_3_and_what_was_pulled_is_kept(fault: Fault, words: str, book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS, faults=FaultPlan(steps=[FaultStep(fault=fault, call=14)])) as sandbox:
        book.connect(sandbox)
        ran = book.run("sync")
        assert ran.code == 3
        assert words in ran.err
        assert len(sandbox.calls) == 14
    kept = book.counts()
    assert 0 < kept["payload"] < 14
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.point(sandbox)
        book.run("sync").ok()
        assert book.pieces() == true_pieces(sandbox)
    assert book.counts()["payload"] > kept["payload"]
    book.assert_whole()


def test_a_key_that_is_good_is_checked_with_0_and_told_what_it_may(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox)
        told = book.run("connect", "check").ok()
        assert [call.target for call in sandbox.calls] == ["/time", "/accounts"]
    assert re.fullmatch(
        rf"main at {VENUE}: read yes, trade unknown, withdraw unknown; our clock is [+-]\d\.\d s off the venue's\n", told.out
    )


def test_a_closed_port_ends_with_4_quickly_and_names_base_url(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, base_url=f"http://127.0.0.1:{closed_port()}")
    ran = book.run("sync", "--budget", str(BUDGET_SECONDS))
    assert ran.code == 4
    assert "Connection refused" in ran.err
    assert f"\n  mend: is base_url right, and the network up? If so, {GO_ON}\n" in ran.err
    assert ran.seconds < QUICKLY_SECONDS


def test_a_check_of_an_address_where_nobody_is_ends_with_4_within_ten_seconds(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, base_url=f"http://127.0.0.1:{closed_port()}")
    ran = book.run("connect", "check", "main")
    told = ran.refused(4)
    assert told.startswith(
        "lotwright: main gave no good answer within 10 seconds: the time budget ran out: another attempt was due after: "
    )
    assert "Connection refused" in told
    assert told.endswith("\n  mend: is base_url right, and the network up? If so, ask again later\n")
    assert ran.seconds < CHECK_SECONDS_MAX + QUICKLY_SECONDS


def test_a_page_of_html_in_the_place_of_an_answer_ends_with_4(book: BookFolder) -> None:
    with answering(200, "text/html", b"<html>parked</html>") as url, Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, base_url=url)
        ran = book.run("sync", "--budget", str(BUDGET_SECONDS))
    assert ran.code == 4
    assert f"GET /time: answered HTML instead of JSON\n  mend: is base_url right? If so, {GO_ON}\n" in ran.err
    assert ran.seconds < QUICKLY_SECONDS


def test_an_address_that_is_not_the_venue_ends_with_2(book: BookFolder) -> None:
    with answering(404, "application/json", b'{"message": "no such page"}') as url, Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, base_url=url)
        ran = book.run("sync")
    assert ran.code == 2
    assert f"  {VENUE}: GET /accounts: HTTP 404: no such page\n" in ran.err
    assert book.counts()["payload"] == 0


def test_a_base_url_with_a_path_ends_with_2_before_any_call(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, base_url=f"{sandbox.rest_url}/api/v3")
        told = book.run("sync").refused(2)
        assert sandbox.calls == []
    assert told == (
        "lotwright: base_url of host '127.0.0.1' holds more than scheme, host and port\n"
        "  mend: give scheme and host only, as in https://api.exchange.coinbase.com\n"
    )


def test_a_spent_budget_ends_with_4_and_the_next_run_goes_on(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox)
        ran = book.run("sync", "--json", "--budget", "1")
        assert ran.code == 4
        assert ran.seconds < QUICKLY_SECONDS
        (outcome,) = ran.json()["connections"]
        assert "the time budget ran out" in outcome["error"]
        kept = book.counts()["payload"]
        assert 0 < kept == ran.json()["windows"]
        book.run("sync").ok()
        assert book.pieces() == true_pieces(sandbox)
        assert sandbox.violations == []


def test_one_connection_that_fails_does_not_stop_the_others(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox, Sandbox(seed=SEED + 1, fills=FILLS, market=SEED) as other:
        book.connect(other, "broken", parts={"SECRET": WRONG_SECRET})
        book.connect(sandbox, "main")
        ran = book.run("sync", "--json")
        assert ran.code == 3
        broken, main = ran.json()["connections"]
        assert broken["error"].startswith(f"{VENUE}: GET /accounts: HTTP 401: invalid signature")
        assert (main["error"], main["new"] > 0) == (None, True)
        assert book.pieces() == true_pieces(sandbox)


# --- settings and options ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("sync",),
            "this book has no connection with secrets\n  mend: add one: lotwright connect add NAME --venue VENUE --secrets env:PREFIX",
        ),
        (
            ("connect", "add", "main", "--venue", "coinbase-exchang"),
            (
                "no connector named 'coinbase-exchang' is installed\n"
                "  mend: did you mean 'coinbase-exchange'? "
                "installed: binance, binance-us, ccxt, coinbase-advanced, coinbase-exchange, kraken"
            ),
        ),
        (
            ("connect", "check"),
            "this book has no connection\n  mend: add one: lotwright connect add NAME --venue VENUE --secrets env:PREFIX",
        ),
        (
            ("report", "gains", "--format", "cvs"),
            "no exporter named 'cvs' is installed\n  mend: did you mean 'csv'? installed: csv, html, json, table, xlsx",
        ),
        (
            ("explain", "D-0000000000000000-1"),
            f"nothing in this book has the id 'D-0000000000000000-1'\n  mend: {TAKE_AN_ID}",
        ),
        (
            ("report", "gains", "--year", "2025", "--from", "2025-01-01"),
            "--year goes without --from and --to\n  mend: give the year, or the days",
        ),
        (
            ("report", "gains", "--from", "2025-02-01", "--to", "2025-01-01"),
            "--from 2025-02-01 is after --to 2025-01-01\n  mend: turn them round",
        ),
        (
            ("lots", "preview", "btc", "1"),
            "ASSET: 'btc' is not an asset code (1 to 32 characters of A-Z, 0-9, '.', '-', '_', '$')\n  mend: did you mean BTC?",
        ),
    ],
)
def test_what_a_book_does_not_have_ends_with_2(arguments: tuple[str, ...], told: str, book: BookFolder) -> None:
    before = book.database.read_bytes()
    assert book.run(*arguments).refused(2) == f"lotwright: {told}\n"
    assert book.database.read_bytes() == before


def test_a_connection_that_is_not_there_ends_with_2_and_the_nearest_name(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, "main")
    told = book.run("sync", "mian").refused(2)
    assert told == f"lotwright: no connection named 'mian' in {book.folder / 'lotwright.toml'}\n  mend: did you mean 'main'?\n"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NOT_THERE", "connection main: env:NOT_THERE gives no KEY\n  mend: set the environment variable NOT_THERE_KEY"),
        ("cmd:false", "connection main: the secrets command ended with exit 1\n  mend: run it by hand and mend it"),
        (
            "cmd:echo 'KEY = hunter2hunter2'",
            'connection main: the secrets command\'s output is not valid TOML\n  mend: write lines such as KEY = "..." and SECRET = "..."',
        ),
    ],
)
def test_secrets_that_are_not_there_end_with_2_and_nothing_is_pulled(reference: str, told: str, book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox, secrets=reference)
        assert book.run("sync").refused(2) == f"lotwright: {told}\n"
        assert sandbox.calls == []


def test_a_file_of_secrets_that_others_may_read_ends_with_2(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS) as sandbox:
        book.connect(sandbox)
        path = book.folder / "main.secrets.toml"
        path.chmod(0o644)
        told = book.run("sync").refused(2)
        assert sandbox.calls == []
    assert told == f"lotwright: connection main: others may read {path} (mode 0644)\n  mend: chmod 600 {path}\n"


@pytest.mark.parametrize("secret", ["hunter2hunter2hunter2", "AKIA:hunter2hunter2hunter2"])
def test_a_key_in_the_place_of_its_reference_ends_with_2_and_is_not_repeated(secret: str, book: BookFolder) -> None:
    told = book.run("connect", "add", "main", "--venue", VENUE, "--secrets", secret).refused(2)
    assert told == (
        "lotwright: the secrets reference is no reference to secrets\n"
        "  mend: use env:PREFIX, keyring:SERVICE, file:PATH or cmd:COMMAND; a key itself must never stand in settings or options\n"
    )


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("[book\n", " is not valid TOML: "),
        ('[book]\ncurency = "USD"\n', ": book.curency is no setting\n  mend: did you mean 'currency'?\n"),
        ('[book]\nregime = "us"\nmethod = "best"\n', "'best'"),
        ('[book]\nregime = "mars"\n', "no tax regime named 'mars' is installed\n  mend: installed: "),
        ('[book]\ntime_zone = "Mars/Olympus"\n', ": book.time_zone is 'Mars/Olympus'\n  mend: use an IANA name"),
        ('[book]\ndatabase = "postgresql+psycopg://me:hunter2@host/db"\n', ": book.database holds a password\n  mend: take it out"),
        ('[connections.main]\nvenue = "coinbase-exchange"\nshare = 2\n', ": connections.main.share is 2\n  mend: use a number above 0"),
    ],
)
def test_settings_that_cannot_be_used_end_with_2_and_name_file_and_key(settings: str, found: str, book: BookFolder) -> None:
    (book.folder / "lotwright.toml").write_text(settings, encoding="utf-8")
    told = book.run("status").refused(2)
    assert found in told
    assert "mend: " in told
    assert "hunter2" not in told


def test_a_book_of_a_newer_schema_ends_with_2_and_stays_as_it_was(book: BookFolder) -> None:
    with closing(sqlite3.connect(book.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    told = book.run("status").refused(2)
    assert told == (
        f"lotwright: a newer Lotwright wrote the book book.sqlite3 (schema 9999, this program knows {revisions()[-1]})\n"
        "  mend: upgrade Lotwright: pip install --upgrade lotwright\n"
    )


def test_where_no_book_is_a_command_ends_with_2(shell: Shell) -> None:
    for command in (("status",), ("sync",)):
        told = shell.run(*command).refused(2)
        assert told == (
            f"lotwright: no book here: no lotwright.toml in {shell.home} or above it\n"
            "  mend: make one with `lotwright init`, or name one with --book DIR or LOTWRIGHT_BOOK\n"
        )
    told = shell.run("--book", shell.home / "none", "status").refused(2)
    assert told.startswith(f"lotwright: --book names {shell.home / 'none'}, which holds no lotwright.toml\n")


def test_a_book_whose_database_is_gone_ends_with_2_and_no_empty_one_takes_its_place(book: BookFolder) -> None:
    book.database.unlink()
    assert book.run("status").refused(2) == (
        "lotwright: the book book.sqlite3 does not exist\n"
        "  mend: put it back, or correct `database` in lotwright.toml; a new book begins in another folder: lotwright init DIR\n"
    )
    assert not book.database.exists()


@pytest.mark.parametrize("arguments", [("sync", "--budget", "0"), ("nothing",), ("import",)])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], book: BookFolder) -> None:
    told = book.run(*arguments).refused(2)
    assert told.startswith("Usage: lotwright ")
    assert "\nError: " in told


@pytest.mark.parametrize("arguments", [("import", "b\udce4d.csv"), ("explain", "b\udce4d"), ("report", "gains", "--bot", "b\udce4d")])
def test_an_argument_that_is_no_utf_8_ends_with_2(arguments: tuple[str, ...], book: BookFolder) -> None:
    argument = arguments[-1].replace("\udce4", "\\xe4")
    told = (
        f"lotwright: the argument '{argument}' is not UTF-8\n  mend: write it in UTF-8; rename a file whose name is in another encoding\n"
    )
    assert book.run(*arguments).refused(2) == told


@pytest.mark.parametrize(
    "values", [("--currency", "usd"), ("--method", "hifo"), ("--database", "sqlite:////nowhere/book.sqlite3")], ids=lambda values: values[0]
)
def test_a_book_that_is_refused_leaves_no_folder(values: tuple[str, ...], shell: Shell) -> None:
    before = sorted(shell.home.iterdir())
    shell.run("init", "deep/book", *values).refused(2)
    assert sorted(shell.home.iterdir()) == before


def test_a_budget_that_is_no_number_ends_with_2(book: BookFolder) -> None:
    told = book.run("sync", "--budget", "nan").refused(2)
    assert told == "lotwright: the time budget is nan seconds\n  mend: give a number above 0\n"


def test_a_book_is_found_by_option_environment_and_folder_in_this_order(book: BookFolder) -> None:
    below = book.folder / "a" / "b"
    below.mkdir(parents=True)
    shell = book.shell
    told = [
        shell.run("status", cwd=below),
        shell.run("status", environment={"LOTWRIGHT_BOOK": str(book.folder)}),
        shell.run("--book", "book", "status", environment={"LOTWRIGHT_BOOK": "/nowhere"}),
    ]
    assert [ran.ok().out.splitlines()[0].split() for ran in told] == [["book", str(book.folder)]] * 3


# --- faults of ours ----------------------------------------------------------------------------------------------------

BROKEN_REPORT = """
class Broken:
    name = "broken"
    title = "A report that fails"

    def document(self, source):
        return [][0]
"""


def test_a_fault_of_ours_ends_with_70_and_names_a_log_file_for_the_owner_only(book: BookFolder) -> None:
    plugin = book.shell.home / "plugin"
    metadata = plugin / "lotwright_broken-2.5.dist-info"
    metadata.mkdir(parents=True)
    (plugin / "lotwright_broken.py").write_text(BROKEN_REPORT, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lotwright-broken\nVersion: 2.5\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[lotwright.reports]\nbroken = lotwright_broken:Broken\n", encoding="utf-8")
    seen = {"PYTHONPATH": str(plugin)}

    assert re.search(r"(?m)broken +lotwright-broken +2\.5 +lotwright_broken:Broken$", book.run("plugins", environment=seen).ok().out)
    told = book.run("report", "broken", environment=seen).refused(70)

    named = re.fullmatch(
        r"lotwright: a fault of ours: IndexError\n  the book is as it was after the last step; please report (\S+\.log)\n", told
    )
    assert named, told
    log = Path(named[1])
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text(encoding="utf-8")
    assert "Traceback (most recent call last):" in text
    assert "IndexError: list index out of range" in text
    book.assert_whole()


def test_json_is_the_only_thing_on_standard_output(book: BookFolder) -> None:
    with Sandbox(seed=SEED, fills=FILLS, faults="unknown-ledger-type") as sandbox:
        book.connect(sandbox)
        ran = book.run("-vv", "sync", "--json")
    assert json.loads(ran.out)["exit_code"] == ran.code == 1
