"""What may be wrong with a key, at every venue: what it may do, from where and until when it works, and rights that come and go."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox

from .conftest import BookFolder

FILLS = 40
TERMS = {"coinbase-exchange": {}, "coinbase-advanced": {}, "binance": {}, "kraken": {"tier": "pro"}}
TELLING = ("coinbase-advanced", "binance", "kraken")  # these have a call that says what a key may do
ALL = tuple(TERMS)


def serve(venue: str, faults: str | FaultPlan = "none") -> Sandbox:
    return Sandbox(venue=venue, seed=8, fills=FILLS, faults=faults)


def connect(book: BookFolder, sandbox: Sandbox) -> None:
    book.connect(sandbox, venue=sandbox.venue, **TERMS[sandbox.venue])


@pytest.mark.parametrize("venue", ALL)
def test_a_key_that_can_only_view_is_told_as_such_and_what_the_venue_does_not_tell_is_unknown(book: BookFolder, venue: str) -> None:
    with serve(venue) as sandbox:
        connect(book, sandbox)
        told = book.run("connect", "check").ok()
    known = "no" if venue in TELLING else "unknown"
    assert f"read yes, trade {known}, withdraw {known}; our clock is" in told.out
    assert re.search(r"our clock is [+-]\d\.\d s off the venue's", told.out)


@pytest.mark.parametrize(("ahead", "warnings"), [(3600, 1), (2, 0)])
def test_a_clock_that_is_wrong_is_a_warning(book: BookFolder, ahead: int, warnings: int) -> None:
    with Sandbox(venue="binance", seed=8, fills=FILLS, wall=lambda: time.time() + ahead) as sandbox:
        connect(book, sandbox)
        told = book.run("connect", "check").ok()
    assert told.err.count("one of the two clocks is wrong") == warnings


@pytest.mark.parametrize("venue", TELLING)
def test_a_key_that_can_withdraw_is_refused_until_its_owner_allows_it(book: BookFolder, venue: str) -> None:
    with serve(venue, "key-can-withdraw") as sandbox:
        connect(book, sandbox)
        refused = book.run("connect", "check")
        assert (refused.code, "withdraw yes" in refused.out) == (3, True)
        assert "the key of main can withdraw" in refused.err
        book.run("connect", "check", "--allow-withdraw").ok()


@pytest.mark.parametrize("venue", ["coinbase-advanced", "kraken"])
def test_a_sync_refuses_a_key_that_can_withdraw_until_its_owner_has_allowed_it_in_the_book(book: BookFolder, venue: str) -> None:
    with serve(venue, "key-can-withdraw") as sandbox:
        connect(book, sandbox)
        refused = book.run("sync", "--json")
        assert (refused.code, refused.json()["new"]) == (3, 0)
        assert "the key of main can withdraw; nothing was pulled with it" in refused.json()["connections"][0]["error"]
        book.run("connect", "check", "--allow-withdraw").ok()
        allowed = book.run("sync", "--json").ok()
        assert allowed.json()["new"] >= FILLS
        assert book.run("connect", "check").code == 3  # it still can
        book.run("sync").ok()  # and one more look takes no permission back


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_the_end_of_a_key_is_told(book: BookFolder, venue: str) -> None:
    with serve(venue, "key-expires-soon") as sandbox:
        connect(book, sandbox)
        told = book.run("connect", "check").ok()
    day = re.search(r"(?:expires|ends) at (\d{4}-\d\d-\d\d)", told.err)
    assert day is not None, told.err
    ends = datetime.fromisoformat(day[1]).replace(tzinfo=UTC)
    assert timedelta(days=1) < ends - datetime.now(UTC) < timedelta(days=4)


@pytest.mark.parametrize("venue", ["coinbase-exchange", "coinbase-advanced", "kraken"])
def test_a_key_that_may_work_from_any_address_is_told(book: BookFolder, venue: str) -> None:
    with serve(venue) as sandbox:
        connect(book, sandbox)
        assert "bind it to your" in book.run("connect", "check").ok().err


@pytest.mark.parametrize("fault", ["ip-refused", "permission-lacking"])
@pytest.mark.parametrize("venue", ALL)
def test_a_key_of_another_address_or_without_a_right_ends_with_exit_3(book: BookFolder, venue: str, fault: str) -> None:
    with serve(venue, fault) as sandbox:
        connect(book, sandbox)
        refused = book.run("connect", "check").refused(3)
    assert "mend: " in refused
    assert sandbox.secret not in refused


@pytest.mark.parametrize("venue", ALL)
def test_a_key_that_is_revoked_in_the_night_ends_with_exit_3(book: BookFolder, venue: str) -> None:
    with serve(venue, FaultPlan(steps=[FaultStep(fault=Fault.KEY_REVOKED, call=5)])) as sandbox:
        connect(book, sandbox)
        stopped = book.run("sync", "--json")
    assert (stopped.code, sandbox.secret in stopped.err) == (3, False)


@pytest.mark.parametrize("venue", ["coinbase-exchange", "coinbase-advanced", "kraken"])  # a second run at Binance's pace takes minutes
def test_a_right_that_is_taken_away_ends_the_run_and_what_was_pulled_stays_until_it_is_given_back(book: BookFolder, venue: str) -> None:
    with serve(venue, FaultPlan(steps=[FaultStep(fault=Fault.PERMISSION_LACKING, call=7)])) as sandbox:
        connect(book, sandbox)
        stopped = book.run("sync", "--json")
        assert (stopped.code, stopped.json()["exit_code"]) == (3, 3)
        again = book.run("sync", "--json")
        assert again.json()["connections"][0]["error"] is None
        assert stopped.json()["new"] + again.json()["new"] >= FILLS
        assert book.run("sync", "--json").json()["new"] == 0


def test_a_file_of_secrets_that_others_may_read_is_refused(book: BookFolder) -> None:
    with serve("coinbase-exchange") as sandbox:
        connect(book, sandbox)
        (book.folder / "main.secrets.toml").chmod(0o644)
        refused = book.run("connect", "check").refused(2)
    assert "others may read" in refused
    assert "chmod 600" in refused


def test_one_key_in_two_connections_is_refused_before_anything_is_pulled(book: BookFolder) -> None:
    with serve("kraken") as sandbox:
        connect(book, sandbox)
        book.connect(sandbox, "second", venue="kraken")
        refused = book.run("sync").refused(2)
        assert "connections main and second have the same key" in refused
        assert len(sandbox.calls) == 0
