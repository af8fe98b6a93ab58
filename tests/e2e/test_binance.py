"""A Binance of its own, served and synced by the commands: the same fills, and no word of the key anywhere."""

import json
import re
import signal

import pytest

from ledger.sandbox.binance.key import ed25519_credentials_of
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox

from .conftest import FILLS, QUICK, BookFolder, Shell, new_book
from .test_secrecy import contents

WINDOW = ("--since", "2025-12-01", "--until", "2026-01-01")  # of what is asked for by time; trades are always pulled from the first


def test_a_sandbox_of_its_own_is_synced_by_what_its_ready_line_tells(shell: Shell) -> None:
    book = new_book(shell)
    with shell.running("sandbox", "serve", "--venue", "binance", "--seed", "12", "--fills", str(FILLS)) as child:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        options = (
            "--venue",
            ready["venue"],
            "--base-url",
            ready["rest_url"],
            "--secrets",
            "env:MAIN",
            "--share",
            "1",
            "--symbol",
            "OLD/USD",
            "--symbol",
            "GONE/BTC",
        )
        book.run("connect", "add", "main", *options).ok()
        assert 'symbols = ["OLD/USD", "GONE/BTC"]' in (book.folder / "lotwright.toml").read_text(encoding="utf-8")
        secrets = {"MAIN_KEY": ready["key"], "MAIN_SECRET": ready["secret"]}
        told = book.run("connect", "check", "main", environment=secrets).ok().out
        assert told.startswith("main at binance: read yes, trade no, withdraw no; our clock is ")
        book.run("sync", *WINDOW, environment=secrets)
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=30)
    assert (child.returncode, complaints) == (0, "")
    booked = {row["event"] for row in book.run("report", "journal", "--format", "csv").rows() if row["kind"] == "fill"}
    assert booked == {str(fill.trade_id) for fill in Sandbox(seed=12, fills=FILLS).account.fills}


def test_a_key_that_can_withdraw_is_refused(book: BookFolder) -> None:
    with Sandbox(venue="binance", seed=8, fills=60, faults="key-can-withdraw") as sandbox:
        book.connect(sandbox, venue="binance")
        refused = book.run("connect", "check")
        assert (refused.code, "the key of main can withdraw" in refused.err) == (3, True)
        assert book.run("connect", "check", "--allow-withdraw").code == 0


def spoken(texts: list[str]) -> list[str]:
    """Return each secret, and each line of one that has several."""
    return [line for text in texts for line in (text, *text.splitlines()) if line and not line.startswith("-----")]


@pytest.mark.parametrize("is_pem", [False, True])
def test_a_sync_with_faults_and_the_whole_log_tells_no_secret(book: BookFolder, is_pem: bool) -> None:  # noqa: FBT001 - two cases
    deposits, trades = "GET /sapi/v1/capital/deposit", "GET /api/v3/myTrades"
    struck = ((Fault.HTTP_503, deposits), (Fault.RESET, trades), (Fault.CLOCK_AHEAD_40S, "GET /sapi/v1/asset/dribblet"))
    plan = FaultPlan(steps=[FaultStep(fault=fault, path=path) for fault, path in struck])
    with Sandbox(venue="binance", seed=8, fills=60, faults=plan, patience=QUICK) as sandbox:
        pair = ed25519_credentials_of("binance", 8)
        key, secret = (pair.key, pair.secret) if is_pem else (sandbox.key, sandbox.secret)
        book.connect(sandbox, venue="binance", parts={"KEY": key, "SECRET": secret, "PASSPHRASE": ""})
        ran = book.run("-vv", "sync", *WINDOW)
        assert "GET /api/v3/myTrades" in ran.err
        texts = [ran.out.encode(), ran.err.encode(), *(text for _, text in contents(book))]
        assert sandbox.violations == []
    assert not [hidden for hidden in spoken([key, secret]) for text in texts if hidden.encode() in text]


@pytest.mark.parametrize("fault", [Fault.KEY_REVOKED, Fault.IP_REFUSED, Fault.PERMISSION_LACKING])
def test_a_refused_key_is_not_told_in_the_refusal(fault: Fault, book: BookFolder) -> None:
    with Sandbox(venue="binance", seed=8, fills=60, faults=FaultPlan(steps=[FaultStep(fault=fault, call=6)])) as sandbox:
        book.connect(sandbox, venue="binance")
        ran = book.run("-vv", "sync", *WINDOW)
        assert ran.code == 3
        assert re.search(r"HTTP 401: .*-2015", ran.err)
        assert not [hidden for hidden in (sandbox.key, sandbox.secret) if hidden in ran.out + ran.err]
