"""A server of real sockets that answers with exactly the bytes that a test gives it."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import pytest

from ledger.transport.pace import Budget, ManualClock, RetryTerms
from ledger.transport.reader import HttpReader, Judge, Timeouts
from ledger.transport.redaction import Redactor

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Bytes to send; `reset` breaks the connection hard afterwards, `stall` keeps silent first, `keep` leaves it open.

    `drip` is sent again and again afterwards, for half a minute unless the client leaves.
    """

    content: bytes = b""
    reset: bool = False
    stall: float = 0.0
    keep: bool = False
    drip: bytes = b""


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Answers the n-th request with the n-th reply; the last one again and again."""

    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.replies = replies
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_reply(self, head: bytes) -> Reply:
        self.heads.append(head)
        return self.replies[min(len(self.heads), len(self.replies)) - 1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has left is no error of the server."""


class _Answering(socketserver.StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        while head := self._head():
            reply = self.server.next_reply(head)
            time.sleep(reply.stall)
            self.wfile.write(reply.content)
            for _ in range(1_500 if reply.drip else 0):
                self.wfile.write(reply.drip)
                time.sleep(0.02)
            if reply.reset:
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if not reply.keep:
                return

    def _head(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        return b"".join(lines)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=START)


@pytest.fixture
def reply() -> Callable[..., Reply]:
    def made(
        body: bytes = b"[]",
        *,
        status: str = "200 OK",
        headers: tuple[str, ...] = ("Content-Type: application/json",),
        length: int | None = None,
        keep: bool = False,
        reset: bool = False,
        stall: float = 0.0,
    ) -> Reply:
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}"]
        lines += [] if keep else ["Connection: close"]
        head = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return Reply(content=head + body, keep=keep, reset=reset, stall=stall)

    return made


@pytest.fixture
def dripping() -> Callable[[bytes, bytes], Reply]:
    def made(content: bytes, drip: bytes) -> Reply:
        return Reply(content=content, drip=drip)

    return made


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    running: list[tuple[ScriptedServer, threading.Thread]] = []

    def started(*replies: Reply) -> ScriptedServer:
        server = ScriptedServer(list(replies))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield started
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def open_reader(clock: ManualClock) -> Iterator[Callable[..., tuple[HttpReader, Budget]]]:
    readers: list[HttpReader] = []

    def opened(
        url: str,
        *,
        deadline: float | None = None,
        secrets: tuple[str, ...] = (),
        on_clock: ManualClock | None = None,
        attempts: int = 8,
        judge: Judge | None = None,
        whole: float = 60,
    ) -> tuple[HttpReader, Budget]:
        budget = Budget(clock=on_clock or clock, deadline=deadline)
        reader = HttpReader(
            venue="somewhere",
            base_url=url,
            budget=budget,
            rng=Random(1),  # noqa: S311  # a seed makes the pauses the same in every run
            redactor=Redactor(secrets),
            timeouts=Timeouts(connect=2, read=0.2, whole=whole),
            retry=RetryTerms(attempts=attempts),
            judge=judge,
        )
        readers.append(reader)
        return reader, budget

    yield opened
    for reader in readers:
        reader.close()
