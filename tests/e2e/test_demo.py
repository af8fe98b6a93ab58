"""The two commands of the quick start that need no key: the demo, and the exchange by itself."""

import json
import signal
from pathlib import Path

from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import rows

from .conftest import FILLS, BookFolder, Shell, new_book


def test_the_demo_proves_itself_and_leaves_a_whole_book(shell: Shell) -> None:
    told = shell.run("demo", "--out", "demo-book", "--fills", "400").ok().out
    assert " pieces equal the exchanges' own account of 2 bots, to the last digit\n" in told
    assert "DIFFER" not in told
    book = BookFolder(shell, shell.home / "demo-book")
    written = [Path(line.strip()) for line in told.splitlines() if line.startswith("  ")]
    assert [path.name for path in written] == ["gains.csv", "gains.xlsx", "summary.html", "bots.csv", "holdings.csv", "form-8949.xlsx"]
    assert (book.folder / "gains.csv").read_text(encoding="utf-8") == book.csv("gains")["gains"]
    book.assert_whole()
    book.run("reconcile").ok()


def test_the_demo_does_not_write_into_a_folder_that_is_in_use(shell: Shell) -> None:
    (shell.home / "mine.txt").write_text("mine", encoding="utf-8")
    told = shell.run("demo", "--out", ".").refused(2)
    assert told == f"lotwright: {shell.home} is not empty\n  mend: name a new folder with --out\n"


def test_a_sandbox_of_its_own_is_synced_by_what_its_ready_line_tells(shell: Shell) -> None:
    arguments = ("sandbox", "serve", "--seed", "12", "--fills", str(FILLS), "--truth", "truth.jsonl")
    book = new_book(shell)
    with shell.running(*arguments) as child:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        secrets = {f"MAIN_{part.upper()}": ready[part] for part in ("key", "secret", "passphrase")}
        options = ("--venue", ready["venue"], "--base-url", ready["rest_url"], "--secrets", "env:MAIN", "--share", "1")
        book.run("connect", "add", "main", *options).ok()
        book.run("sync", environment=secrets).ok()
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=30)
    assert (child.returncode, complaints) == (0, "")
    truth = [json.loads(line) for line in (shell.home / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert truth == list(rows(Sandbox(seed=12, fills=FILLS).account))
    traded = {row["id"] for row in truth if row["kind"] == "fill"}
    booked = {row["event"] for row in book.run("report", "journal", "--format", "csv").ok().rows() if row["kind"] == "fill"}
    assert booked == traded
    assert ready["fills"] == FILLS
