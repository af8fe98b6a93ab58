"""The reader's process: what it is told, what stays secret, and what becomes of a reader that fails in every way."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.connectors.ccxt.client import READER, ReaderClient
from ledger.connectors.ccxt.connector import Ccxt
from ledger.domain.errors import InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.ids import AccountId
from ledger.domain.json_text import Row
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms

StandIn = Callable[[str], str]

KEY, SECRET, PASSPHRASE = "key-of-the-books", "a-secret-of-many-letters", "open-sesame"
LOGIN: Row = {"do": "open", "exchange": "bitstamp", "key": KEY, "secret": SECRET, "passphrase": PASSPHRASE, "base_url": None, "share": "1"}
ANSWERING = """
for line in requests:
    request = json.loads(line)
    {body}
"""


def client_of(python: str, *, deadline: float | None = None) -> ReaderClient:
    return ReaderClient(python=python, login=LOGIN | {"options": {}}, deadline=deadline, pauses=(0.01, 0.01))


def answering(stand_in: StandIn, body: str) -> ReaderClient:
    return client_of(stand_in(ANSWERING.format(body=body.replace("\n", "\n    "))))


def test_secrets_stand_in_no_argument_and_no_environment(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITSTAMP_SECRET", SECRET)
    seen = tmp_path / "seen"
    code = (
        f"open({str(seen)!r}, 'w').write(json.dumps([sys.argv, dict(os.environ), open('/proc/self/cmdline').read()]))\n"
        'tell(json.dumps({"end": {"has": []}}))'
    )
    reader = answering(stand_in, code)
    reader.open()
    reader.close()
    text = seen.read_text()
    assert json.loads(text)[0][1:] == ["-I", "-u", str(READER)]
    assert "PATH" in json.loads(text)[1]
    assert [word for word in (KEY, SECRET, PASSPHRASE) if word in text] == []


def test_rows_are_kept_as_they_came_and_a_secret_in_them_is_not(stand_in: StandIn) -> None:
    reader = answering(stand_in, f'tell(\'{{"row":{{"n":0.10,"s":"{SECRET}"}}}}\'); tell(\'{{"end":{{}}}}\')')
    reply = reader.call("fetchBalance")
    reader.close()
    assert reply.content == b'{"row":{"n":0.10,"s":"[redacted]"}}\n{"end":{}}\n'


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit(3)", "ended without an answer"),
        ("requests.readline(); sys.exit(3)", "exit 3"),
        ("requests.readline(); os.kill(os.getpid(), 9)", "exit -9"),
        ("tell('Hello!'); time.sleep(60)", "no answer"),
        ("tell('[1]'); time.sleep(60)", "no answer"),
        ("tell('{}'); time.sleep(60)", "no answer"),
        ("sys.stdout.write('x' * 5_000_000); time.sleep(60)", "no answer"),
        ("while True: tell('{\"row\":1}')", "more than 50000 rows"),
    ],
)
def test_a_reader_that_dies_or_babbles_is_a_venue_that_gave_nothing(stand_in: StandIn, code: str, said: str) -> None:
    reader = client_of(stand_in(code))
    with pytest.raises(TransientError, match=said):
        reader.open()
    reader.close()


def test_a_reader_that_is_silent_is_ended_at_the_deadline(stand_in: StandIn) -> None:
    reader = client_of(stand_in("time.sleep(60)"), deadline=time.monotonic() + 0.4)
    began = time.monotonic()
    with pytest.raises(TransientError, match="no answer in time"):
        reader.call("fetchBalance")
    assert time.monotonic() - began < 10
    assert reader.call_count().requests == 1


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [("refused", KeyRefused, 3), ("impossible", TerminalError, 2), ("no-exchange", TerminalError, 2), ("unavailable", TransientError, 4)],
)
def test_each_kind_of_failure_has_its_exit_code(stand_in: StandIn, kind: str, error: type[Exception], code: int) -> None:
    reader = answering(stand_in, f'tell(json.dumps({{"error": {{"kind": "{kind}", "message": "no"}}}}))')
    with pytest.raises(error) as refused:
        reader.open()
    assert getattr(refused.value, "exit_code", None) == code
    reader.close()


def test_a_venue_that_is_away_for_a_moment_is_asked_again(stand_in: StandIn) -> None:
    body = 'count = globals().get("count", 0) + 1\nif count == 2: tell(\'{"error":{"kind":"unavailable"}}\')\nelse: tell(\'{"end":{}}\')'
    reader = answering(stand_in, body)
    assert reader.call("fetchBalance").rows == ()
    assert (reader.call_count().requests, reader.call_count().retries) == (3, 1)
    reader.close()


def test_calls_of_one_name_keep_the_pace_that_is_asked_for(stand_in: StandIn) -> None:
    reader = answering(stand_in, "tell('{\"end\":{}}')")
    began = time.monotonic()
    for _ in range(3):
        reader.call("fetchBalance", seconds=0.2)
    assert time.monotonic() - began >= 0.4
    reader.close()


def test_a_python_without_ccxt_says_so_and_how_to_get_it() -> None:
    reader = client_of(sys.executable)
    with pytest.raises(TerminalError, match="has no ccxt") as refused:
        reader.open()
    assert "pip install ccxt" in str(refused.value)
    reader.close()


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("text")
    with pytest.raises(TerminalError, match="cannot run"):
        client_of(str(path)).open()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "no option 'exchange'"),
        ({"exchange": "bitstamp"}, "no option 'python'"),
        ({"exchange": "bitstamp", "python": "nowhere/python"}, "which is no file"),
        ({"exchange": "bitstamp", "python": sys.executable, "window_days": "many"}, "window_days is 'many'"),
    ],
)
def test_terms_that_cannot_work_are_refused_before_anything_is_run(options: dict[str, str], said: str) -> None:
    secrets = Secrets(key=KEY, secret=SECRET)
    with pytest.raises(InputError, match=said):
        Ccxt(ConnectionTerms(account=AccountId("main"), secrets=secrets, options=options))


def test_the_reader_makes_no_call_that_could_change_anything(ccxt_python: str) -> None:
    asked = [json.dumps(LOGIN | {"options": {}}), json.dumps({"do": "call", "method": "createOrder", "args": []}), ""]
    environment = {"PATH": os.environ["PATH"]}
    ran = subprocess.run([ccxt_python, "-I", READER], input="\n".join(asked), capture_output=True, text=True, env=environment, check=True)
    opened, refused = map(json.loads, ran.stdout.splitlines())
    assert opened["end"]["symbol_required"] is False
    assert refused["error"]["kind"] == "impossible"


def test_an_exchange_that_ccxt_does_not_know_is_named(ccxt_python: str) -> None:
    reader = ReaderClient(python=ccxt_python, login=LOGIN | {"exchange": "bitstump", "options": {}}, deadline=None)
    with pytest.raises(TerminalError, match="knows no exchange 'bitstump'"):
        reader.open()
    reader.close()
