"""The command at the sandbox's Kraken, in real time: at the pace of the highest tier, and with the smallest of histories."""

import json
import signal
import stat
import time
from pathlib import Path

from ledger.domain.event import Side
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.kraken.names import Identities
from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import gains

from .conftest import QUICK, BookFolder, Piece, Shell, new_book
from .test_secrecy import contents, spellings

FILLS = 40
PRO = {"venue": "kraken", "tier": "pro"}


def true_pieces(sandbox: Sandbox) -> list[Piece]:
    """Return what the exchange itself says of every disposal piece, by the venue's ids; only the sale of a self-trade disposes."""
    account, ids = sandbox.account, Identities(sandbox.account.seed)
    names = {one.transfer_id: ids.transfer(one.transfer_id) for one in account.transfers}
    names |= {str(one.trade_id): ids.trade(one) for one in sorted(account.fills, key=lambda fill: fill.side is Side.SELL)}
    return sorted(
        (names[row["event"]], *(row[name] for name in ("asset", "quantity", "proceeds", "cost", "gain"))) for row in gains(account)
    )


def assert_silent(book: BookFolder, sandbox: Sandbox, *texts: str) -> None:
    parts = {"KEY": sandbox.key, "SECRET": sandbox.secret}
    found = [*((str(number), text.encode()) for number, text in enumerate(texts)), *contents(book)]
    assert any(b"/0/private/Ledgers" in text for _, text in found), "nothing of the calls is there to be searched"
    assert {where for where, text in found for form in spellings(parts) if form in text} == set()


def test_a_killed_sync_is_run_again_and_the_book_equals_the_exchange(book: BookFolder) -> None:
    with Sandbox(venue="kraken", seed=8, fills=FILLS, faults="2,3,5", patience=QUICK) as sandbox:
        book.connect(sandbox, **PRO)
        with book.running("sync") as child:
            while len(sandbox.calls) < 6:
                time.sleep(0.05)
            child.kill()
            child.wait()
        ran = book.run("-vv", "sync", "--json").ok()
        assert book.pieces() == true_pieces(sandbox)
        assert sandbox.violations == []
        assert_silent(book, sandbox, ran.out, ran.err)
    assert ran.json()["doubtful"] == 0
    book.run("reconcile").ok()
    book.assert_whole()
    files = list((book.folder / ".nonces").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_key_that_can_withdraw_is_refused_and_a_refusal_tells_no_secret(book: BookFolder) -> None:
    with Sandbox(venue="kraken", seed=8, fills=FILLS, faults="key-can-withdraw") as sandbox:
        book.connect(sandbox, **PRO)
        refused = book.run("connect", "check")
        assert refused.code == 3
        assert "withdraw yes" in refused.out
        assert "can withdraw" in refused.err
        allowed = book.run("connect", "check", "--allow-withdraw").ok()
        assert sandbox.key not in refused.out + refused.err + allowed.out + allowed.err
    with Sandbox(venue="kraken", seed=8, fills=FILLS, faults=FaultPlan(steps=[FaultStep(fault=Fault.KEY_REVOKED, call=10)])) as sandbox:
        book.point(sandbox)
        stopped = book.run("-vv", "sync")
        assert stopped.code == 3
        assert "EAPI:Invalid key" in stopped.err
        assert_silent(book, sandbox, stopped.out, stopped.err)


def test_a_tier_is_taken_in_any_spelling_and_one_that_the_venue_has_not_is_refused_before_it_is_written(book: BookFolder) -> None:
    add = ("connect", "add", "main", "--venue", "kraken", "--secrets", "env:MAIN")
    refused = book.run(*add, "--tier", "Gold")
    assert refused.code == 2
    assert "connection main: kraken has no tier 'Gold'" in refused.err
    assert "use one of: starter, intermediate, pro" in refused.err
    assert "kraken" not in (book.folder / "lotwright.toml").read_text(encoding="utf-8")
    book.run(*add, "--tier", " Pro").ok()
    assert 'tier = "pro"' in (book.folder / "lotwright.toml").read_text(encoding="utf-8")


def test_a_sandbox_of_its_own_speaks_kraken(shell: Shell) -> None:
    book = new_book(shell)
    with shell.running("sandbox", "serve", "--venue", "kraken", "--fills", str(FILLS), "--truth", "truth.jsonl") as child:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        secrets = {"MAIN_KEY": ready["key"], "MAIN_SECRET": ready["secret"]}
        options = ("--venue", ready["venue"], "--base-url", ready["rest_url"], "--secrets", "env:MAIN", "--share", "1", "--tier", "pro")
        book.run("connect", "add", "main", *options).ok()
        checked = book.run("connect", "check", environment=secrets).ok()
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=30)
    assert "read yes, trade no, withdraw no" in checked.out
    assert (child.returncode, complaints) == (0, "")
    assert len(Path(shell.home / "truth.jsonl").read_text(encoding="utf-8").splitlines()) > FILLS
