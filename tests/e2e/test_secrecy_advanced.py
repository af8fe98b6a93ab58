"""A private key of many lines is nowhere but where the user keeps it: no line of it, whole or in part."""

import base64

import pytest

from ledger.sandbox.coinbase_advanced.key import key_ring_of
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox

from .conftest import QUICK, BookFolder, Ran
from .test_secrecy import contents

VENUE = "coinbase-advanced"


def pieces(secret: str, key: str) -> list[bytes]:
    """Return the name, each line of the key, its lines joined, and the raw number or seed in it."""
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    joined = "".join(lines)
    bare = base64.b64decode(joined)
    return [key.encode(), joined.encode(), *(line.encode() for line in lines), bare, bare[7:39], bare[:32]]


def assert_silent(book: BookFolder, sandbox: Sandbox, *ran: Ran) -> None:
    texts = [("output", one.out.encode()) for one in ran] + [("errors", one.err.encode()) for one in ran] + list(contents(book))
    assert any(b"/v2/accounts" in text for _, text in texts), "nothing of the calls is there to be searched"
    assert {where for where, text in texts for form in pieces(sandbox.secret, sandbox.key) if form in text} == set()
    assert not any(b"Bearer" in text for _, text in texts)


def test_a_sync_with_many_faults_and_the_whole_log_tells_no_part_of_a_private_key(book: BookFolder) -> None:
    with Sandbox(venue=VENUE, seed=8, fills=400, faults="http-503,reset,truncated-json,clock-ahead-1h", patience=QUICK) as sandbox:
        book.connect(sandbox, venue=VENUE)
        ran = book.run("-vv", "sync")
        assert ran.code == 0
        assert "DEBUG" in ran.err
        listed = book.run("connect", "list").ok()
        assert_silent(book, sandbox, ran, listed, book.run("-vv", "status"), book.run("-vv", "connect", "check"))
        assert sandbox.violations == []


@pytest.mark.parametrize("fault", [Fault.KEY_REVOKED, Fault.IP_REFUSED])
def test_a_refused_key_is_not_told_in_the_refusal(fault: Fault, book: BookFolder) -> None:
    with Sandbox(venue=VENUE, seed=8, fills=400, faults=FaultPlan(steps=[FaultStep(fault=fault, call=4)])) as sandbox:
        book.connect(sandbox, venue=VENUE)
        ran = book.run("-vv", "sync")
        assert ran.code == 3
        assert_silent(book, sandbox, ran)


@pytest.mark.parametrize("wrong", ["another key", "cut short"])
def test_a_wrong_private_key_is_not_told_either(wrong: str, book: BookFolder) -> None:
    other = key_ring_of(VENUE, 99).credentials.secret
    with Sandbox(venue=VENUE, seed=8, fills=60) as sandbox:
        secret = other if wrong == "another key" else sandbox.secret[:-60]
        book.connect(sandbox, venue=VENUE, parts={"SECRET": secret})
        ran = book.run("-vv", "sync")
        assert ran.code == (3 if wrong == "another key" else 2)
        for line in secret.splitlines()[1:-1]:
            assert line not in ran.out + ran.err
