"""The reader's process: started with the user's other Python, spoken to through pipes, and ended with the connector.

The key goes through the pipe: never in an argument, never in the environment, of which the reader sees only what a network needs.
"""

import contextlib
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import cast

from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.json_text import Json, Row, json_of, object_of
from ledger.ports import CallCount

READER = Path(__file__).with_name("reader.py")
_ENVIRONMENT = frozenset(
    {
        *("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    }
)
_ANSWER_SECONDS_MAX = 180.0  # loading all markets of a slow venue takes a minute
_CLOSE_SECONDS = 3.0
_LINE_MAX = 4_000_000  # bytes; no row of any venue comes near
_ROWS_MAX = 50_000  # of one answer; the largest page that a venue gives has 3,000
_PAUSES = (2.0, 5.0, 15.0, 60.0)  # seconds before a call is tried again
_SECRET_LENGTH_MIN = 6  # a shorter text would be cut out of innocent words
_MEND_PYTHON = "make an environment (python3 -m venv DIR; DIR/bin/pip install ccxt) and name its python: --option python=DIR/bin/python"
_MEND_EXCHANGE = "see ccxt's list of exchanges, and set --option exchange=ID"
_MEND_BUDGET = "run again, or give --budget more seconds"
_MEND_READER = "run again; if it stays, run lotwright with -v and look at that Python and its ccxt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as received: all its lines, the rows in them, what its last line says, and what was asked, as a payload tells it."""

    content: bytes
    rows: tuple[Json, ...]
    end: Row
    request: str = ""


class ReaderClient:
    """One reader; started by the first call.

    `login` is the first request, `deadline` a value of the monotonic clock after which no call starts, or None.
    """

    def __init__(self, *, python: str, login: Row, deadline: float | None, pauses: Sequence[float] = _PAUSES) -> None:
        self._python = python
        self._login = login
        self._deadline = deadline
        self._pauses = pauses
        told = (login["secret"], login["passphrase"])
        self._hidden = tuple(text.encode() for text in told if isinstance(text, str) and len(text) >= _SECRET_LENGTH_MIN)
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._last_at: dict[str, float] = {}
        self._requests = self._waits = self._retries = 0
        self._seconds_waited = 0.0
        self._opened: Row | None = None

    def open(self) -> Row:
        """Start the reader, the first time only, and return what it says of itself and of the venue.

        Raises:
            TerminalError: when that Python, its ccxt or the exchange does not exist.
            TransientError: when it does not answer.
        """
        if self._opened is None:
            self._start()
            self._opened = self._asked(self._login).end
        return self._opened

    def call(self, method: str, *args: Json, token: Sequence[str] = (), seconds: float = 0.0) -> Reply:
        """Return the rows of one call, tried again while the venue is unavailable; `seconds` are the least since the last of its name.

        Raises:
            TransientError: when it stays so within tries and time budget.
            KeyRefused, TerminalError: when the venue will not answer.
        """
        for pause in (*self._pauses, None):
            try:
                self.open()
                self._keep_pace(method, seconds)
                return self._asked({"do": "call", "method": method, "args": list(args), "token": list(token)})
            except TransientError:
                if pause is None or self._process is None or not self._has_time(pause):
                    raise
                self._retries += 1
                self._pause(pause)
        raise AssertionError(method)

    def call_count(self) -> CallCount:
        """Return calls and waits so far."""
        return CallCount(requests=self._requests, waits=self._waits, retries=self._retries, seconds_waited=self._seconds_waited)

    def close(self) -> None:
        """End the reader."""
        process, self._process, self._opened = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # it ends when there is nothing more to read
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        environment = {name: text for name, text in os.environ.items() if name in _ENVIRONMENT}
        command = [self._python, "-I", "-u", str(READER)]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the user's own Python from the user's own settings
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise TerminalError(f"cannot run {self._python}: {error.strerror}", mend=_MEND_PYTHON) from error
        self._lines = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process, self._lines), daemon=True).start()

    def _asked(self, request: Row) -> Reply:
        if not self._has_time(0):
            raise TransientError("the time budget ran out before the next call", mend=_MEND_BUDGET)
        self._requests += 1
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise self._died() from error
        return self._reply()

    def _reply(self) -> Reply:
        lines: list[bytes] = []
        rows: list[Json] = []
        until = time.monotonic() + _ANSWER_SECONDS_MAX
        while True:
            line = self._next_line(until)
            said = self._read(line)
            lines.append(line)
            if "error" in said:
                raise _error_of(object_of(said["error"]))
            if "end" in said:
                return Reply(content=b"".join(lines), rows=tuple(rows), end=object_of(said["end"]))
            rows.append(said.get("row"))
            if len(rows) > _ROWS_MAX:
                raise self._broken(f"sent more than {_ROWS_MAX} rows in one answer")

    def _next_line(self, until: float) -> bytes:
        if self._deadline is not None:
            until = min(until, self._deadline)
        try:
            line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise self._broken("gave no answer in time") from None
        if not line:
            raise self._died()
        for secret in self._hidden:
            line = line.replace(secret, b"[redacted]")
        return line

    def _read(self, line: bytes) -> Row:
        try:
            said = object_of(json_of(line))
            if {"row", "end", "error"} & said.keys():
                return said
        except InputError as unreadable:
            raise self._broken("sent a line that is no answer") from unreadable
        raise self._broken("sent a line that is no answer")

    def _broken(self, what: str) -> TransientError:
        """End a reader whose next line could belong to any question."""
        process = self._process
        if process is not None:
            process.kill()
        self.close()
        return TransientError(f"the reader {what}", mend=_MEND_READER)

    def _died(self) -> TransientError:
        process = self._process
        assert process is not None
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        self.close()
        return TransientError(f"the reader ended without an answer (exit {process.returncode})", mend=_MEND_READER)

    def _keep_pace(self, method: str, seconds: float) -> None:
        wait = self._last_at.get(method, -seconds) + seconds - time.monotonic()
        if wait > 0:
            if not self._has_time(wait):
                raise TransientError("the time budget ran out: the venue's rate limit would have to be waited for", mend=_MEND_BUDGET)
            self._pause(wait)
        self._last_at[method] = time.monotonic()

    def _has_time(self, seconds: float) -> bool:
        return self._deadline is None or time.monotonic() + seconds < self._deadline

    def _pause(self, seconds: float) -> None:
        self._waits += 1
        self._seconds_waited += seconds
        time.sleep(seconds)


def _pump(process: "subprocess.Popen[bytes]", lines: "queue.SimpleQueue[bytes]") -> None:
    """Hand on what the reader prints; an empty text is its end."""
    assert process.stdout is not None
    with process.stdout as source:
        while line := source.readline(_LINE_MAX):
            lines.put(line)
    lines.put(b"")


def _refused(message: str) -> ConnectorError:
    return KeyRefused(message, mend="check the key, its rights and the addresses that it works from")


_ERRORS: dict[str, Callable[[str], ConnectorError]] = {
    "refused": _refused,
    "unavailable": lambda message: TransientError(message, mend="run again later"),
    "impossible": lambda message: TerminalError(message, mend="import the venue's export file for it"),
    "no-ccxt": lambda message: TerminalError(message, mend=_MEND_PYTHON),
    "no-exchange": lambda message: TerminalError(message, mend=_MEND_EXCHANGE),
}


def _error_of(told: Row) -> ConnectorError:
    make = _ERRORS.get(str(told.get("kind")), _ERRORS["unavailable"])
    return make(_short(str(told.get("message"))))


def _short(message: str, most: int = 300) -> str:
    """Return one printable line: a venue's page of HTML would fill the screen."""
    line = "".join(character if character.isprintable() else " " for character in message)
    return line if len(line) <= most else line[: most - 3] + "..."


def texts_of(cell: Json) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(str(one) for one in cast("Iterable[Json]", cell)) if isinstance(cell, list) else ()
