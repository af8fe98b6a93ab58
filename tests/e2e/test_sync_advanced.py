"""`lotwright sync` against Coinbase Advanced Trade's dialect: whatever goes wrong, the book equals the exchange's own account."""

import json
import signal
from collections import Counter

import pytest

from ledger.sandbox.coinbase_advanced.rows import Identities
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import gains

from .conftest import QUICK, BookFolder, Piece, Shell, new_book

VENUE = "coinbase-advanced"
FILLS = 900
SYNCS_MAX = 4
RULES = '\n[[bots]]\nname = "grid"\nclient_order_id = "grid-1-*"\n\n[[bots]]\nname = "dca"\nclient_order_id = "dca-eth-*"\n'


def told_otherwise(book: BookFolder, sandbox: Sandbox) -> list[Piece]:
    """Return the book's pieces with the trade's own number in the place of the id of the row that told of it."""
    ids = Identities(sandbox.account.seed)
    by_entry = {ids.entry(fill, kind): str(fill.trade_id) for fill in sandbox.account.fills for kind in ("FILL", "REVERSAL", "CORRECTION")}
    return sorted((by_entry.get(piece[0], piece[0]), *piece[1:]) for piece in book.pieces())


def true_pieces(sandbox: Sandbox) -> list[Piece]:
    names = ("event", "asset", "quantity", "proceeds", "cost", "gain")
    return sorted(tuple(row[name] for name in names) for row in gains(sandbox.account))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_goes_wrong_the_book_equals_the_exchange_to_the_last_digit(seed: int, book: BookFolder) -> None:
    with Sandbox(venue=VENUE, seed=seed, fills=FILLS, faults="all", patience=QUICK) as sandbox:
        book.connect(sandbox, venue=VENUE)
        first = book.run("sync", "--json").ok().json()
        assert (first["exit_code"], first["doubtful"]) == (0, 0)
        assert first["requests"] == len(sandbox.calls)
        syncs = 1
        while (last := book.run("sync", "--json").ok().json())["new"] or last["revised"]:
            syncs += 1
            assert syncs < SYNCS_MAX, last
        assert len(sandbox.fault_counts()) > 3
        assert sandbox.violations == []
        assert told_otherwise(book, sandbox) == true_pieces(sandbox)
    book.run("reconcile").ok()
    book.assert_whole()


def test_fills_that_the_venue_takes_back_and_tells_again_are_booked_as_told_last(book: BookFolder) -> None:
    strike = FaultStep(fault=Fault.UNSETTLED, path="GET /api/v3/brokerage/orders/historical/fills")
    with Sandbox(venue=VENUE, seed=3, fills=60, faults=FaultPlan(steps=[strike])) as sandbox:
        book.connect(sandbox, venue=VENUE)
        first, second = (book.run("sync", "--json").ok().json() for _ in range(2))
        assert sandbox.fault_counts() == {Fault.UNSETTLED: 1}
        assert (first["revised"], first["doubtful"]) == (3, 0)  # the balances differed by the fees, so it pulled again
        assert (second["new"], second["revised"], second["doubtful"]) == (0, 0, 0)
        assert told_otherwise(book, sandbox) == true_pieces(sandbox)
    book.assert_whole()


def test_a_bot_is_known_by_the_names_that_it_gave_its_orders(book: BookFolder) -> None:
    settings = book.folder / "lotwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + RULES, encoding="utf-8")
    with Sandbox(venue=VENUE, seed=5, fills=400) as sandbox:
        book.connect(sandbox, venue=VENUE, bot="")
        book.run("sync").ok()
        expected = Counter("grid" if fill.bot == "grid-1" else "dca" for fill in sandbox.account.fills)
    told = {row["bot"]: int(row["fills"]) for row in book.run("report", "bots", "--format", "csv").ok().rows()}
    assert told == {**expected, "(no bot)": 0}


@pytest.mark.parametrize("form", ["lines", "written out", "joined"])
def test_a_key_of_many_lines_comes_in_by_the_environment_and_by_a_command(form: str, shell: Shell) -> None:
    book = new_book(shell)
    arguments = ("sandbox", "serve", "--venue", VENUE, "--seed", "12", "--fills", "60")
    with shell.running(*arguments) as child:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        assert ready["secret"].startswith("-----BEGIN EC PRIVATE KEY-----\n")
        secret = {
            "lines": ready["secret"],
            "written out": ready["secret"].replace("\n", "\\n"),
            "joined": ready["secret"].replace("\n", " "),
        }[form]
        options = ("--venue", ready["venue"], "--base-url", ready["rest_url"], "--share", "1")
        script = shell.home / "secrets.toml"
        script.write_text(f"KEY = {json.dumps(ready['key'])}\nSECRET = {json.dumps(secret)}\n", encoding="utf-8")
        book.run("connect", "add", "one", *options, "--secrets", "env:MAIN").ok()
        told = book.run("connect", "check", "one", environment={"MAIN_KEY": ready["key"], "MAIN_SECRET": secret}).ok()
        assert "one at coinbase-advanced: read yes, trade no, withdraw no" in told.out
        book.run("connect", "remove", "one").ok()
        book.run("connect", "add", "two", *options, "--secrets", f"cmd:cat {script}").ok()
        book.run("sync").ok()
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=30)
    assert (child.returncode, complaints) == (0, "")
    assert len([row for row in book.run("report", "journal", "--format", "csv").ok().rows() if row["kind"] == "fill"]) >= 60


def test_a_key_that_can_withdraw_is_refused(book: BookFolder) -> None:
    with Sandbox(venue=VENUE, seed=1, fills=60, faults="key-can-withdraw") as sandbox:
        book.connect(sandbox, venue=VENUE)
        refused = book.run("connect", "check", "main")
        assert refused.code == 3
        assert "read yes, trade yes, withdraw yes" in refused.out
        assert "the key of main can withdraw" in refused.err
        book.run("connect", "check", "main", "--allow-withdraw").ok()
        assert sandbox.violations == []
