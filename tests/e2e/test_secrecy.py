"""A key, its secret and its passphrase are nowhere but where the user keeps them: not in logs, output, files, book or process list."""

import base64
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox

from .conftest import FILLS, QUICK, SECONDS_MAX, BookFolder, Ran
from .test_busy import gated_exchange

WRONG = {
    "KEY": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "SECRET": base64.b64encode(b"a secret of sixty-four bytes, wrong for the venue it is sent to.").decode(),
    "PASSPHRASE": "pass/phrase+with=signs",
}


def spellings(parts: dict[str, str]) -> list[bytes]:
    """Return each secret as it is, as an address would hold it, and as the bytes of a decoded secret."""
    found = [form for text in parts.values() for form in (text, quote(text), quote(text, safe=""))]
    return [*(form.encode() for form in found), base64.b64decode(parts["SECRET"])]


def unpacked(cell: bytes) -> bytes:
    """What was compressed, as it was before; other bytes (sort keys of lots) as they are."""
    try:
        return zlib.decompress(cell)
    except zlib.error:
        return cell


def contents(book: BookFolder) -> Iterator[tuple[str, bytes]]:
    """Yield what every file below the book's home holds, and every cell of the database, unpacked."""
    for path in sorted(book.shell.home.rglob("*")):
        if path.is_file() and not path.name.endswith(".secrets.toml"):
            yield path.name, path.read_bytes()
    with closing(sqlite3.connect(book.database)) as connection:
        for table in book.counts():
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - our own tables
                for cell in row:
                    yield table, unpacked(cell) if isinstance(cell, bytes) else str(cell).encode()


def assert_silent(book: BookFolder, parts: dict[str, str], *ran: Ran) -> None:
    texts = [("output", one.out.encode()) for one in ran] + [("errors", one.err.encode()) for one in ran] + list(contents(book))
    assert any(b"/accounts" in text for _, text in texts), "nothing of the calls is there to be searched"
    told = {where for where, text in texts for form in spellings(parts) if form in text}
    assert told == set()


def test_a_sync_with_many_faults_and_the_whole_log_tells_no_secret(book: BookFolder) -> None:
    with Sandbox(seed=8, fills=FILLS, faults="http-503,reset,truncated-json,clock-ahead-40s", patience=QUICK) as sandbox:
        book.connect(sandbox)
        ran = book.run("-vv", "sync")
        assert ran.code == 0
        assert "DEBUG" in ran.err
        assert "GET /accounts" in ran.err
        listed = book.run("connect", "list").ok()
        right = {"KEY": sandbox.key, "SECRET": sandbox.secret, "PASSPHRASE": sandbox.passphrase}
        assert_silent(book, right, ran, listed, book.run("-vv", "status"), book.run("-vv", "connect", "check"))
        assert sandbox.violations == []


@pytest.mark.parametrize("fault", [Fault.KEY_REVOKED, Fault.IP_REFUSED])
def test_a_refused_key_is_not_told_in_the_refusal(fault: Fault, book: BookFolder) -> None:
    with Sandbox(seed=8, fills=FILLS, faults=FaultPlan(steps=[FaultStep(fault=fault, call=6)])) as sandbox:
        book.connect(sandbox)
        ran = book.run("-vv", "sync")
        assert ran.code == 3
        right = {"KEY": sandbox.key, "SECRET": sandbox.secret, "PASSPHRASE": sandbox.passphrase}
        assert_silent(book, right, ran)


@pytest.mark.parametrize("wrong", ["KEY", "SECRET", "PASSPHRASE"])
def test_a_wrong_key_is_not_told_either(wrong: str, book: BookFolder) -> None:
    book.import_rows(*(f"t{number},2025-03-01T12:00:00Z,deposit,cold,,USD,5,,,,,,,," for number in range(20))).ok()
    with Sandbox(seed=8, fills=FILLS) as sandbox:
        book.connect(sandbox, parts={wrong: WRONG[wrong]})
        tried = [book.run("-vv", "sync"), book.run("-vv", "connect", "check")]
        assert [ran.code for ran in tried] == [3, 3]
        assert_silent(book, WRONG, *tried)
        assert sandbox.violations == [] or wrong == "SECRET"


@pytest.mark.parametrize("secret", [f"{WRONG['SECRET']}\u00a0", WRONG["SECRET"][:-3], "not base64 at all: hunter2"])
def test_a_secret_that_cannot_be_used_is_not_repeated(secret: str, book: BookFolder) -> None:
    with Sandbox(seed=8, fills=FILLS) as sandbox:
        book.connect(sandbox, parts={"SECRET": secret})
        told = book.run("-vv", "sync").refused(2)
        assert sandbox.calls == []
    assert secret not in told
    assert secret[:12] not in told


def test_the_process_list_tells_no_secret_of_a_running_sync(book: BookFolder) -> None:
    with gated_exchange() as (sandbox, gate):
        book.connect(sandbox)
        with book.running("-vv", "sync") as child:
            gate.wait(child)
            seen = b" ".join(Path(f"/proc/{child.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            assert b"sync" in seen
            gate.open()
            out, err = child.communicate(timeout=SECONDS_MAX)
        seen += out.encode() + err.encode()
        for text in (sandbox.key, sandbox.secret, sandbox.passphrase):
            assert text.encode() not in seen
            assert text not in os.environ.values()
