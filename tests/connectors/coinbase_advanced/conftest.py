"""A venue on a loopback socket that answers each path with what a test lays out; and payloads as the connector stores them."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from ledger.connectors.coinbase_advanced.connector import CoinbaseAdvanced
from ledger.connectors.coinbase_advanced.ids import VENUE
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms
from ledger.sandbox.coinbase_advanced.key import key_ring_of
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Timeouts

START = datetime(2026, 1, 1, tzinfo=UTC)
V3 = "/api/v3/brokerage"
KEY = key_ring_of("tests", 1).credentials

Json = object
Given = tuple[int, bytes, dict[str, str]]  # status, body, headers


class Venue(ThreadingHTTPServer):
    """What it answers: by path, the n-th answer to the n-th call, the last one again and again."""

    daemon_threads = False

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        millis = int(clock.now().timestamp() * 1000)
        self.answers: dict[str, list[Given]] = {f"{V3}/time": [said({"epochMillis": str(millis)})]}
        self.targets: list[str] = []
        self.headers_seen: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        return [urlsplit(target).path.removeprefix(V3) for target in self.targets]

    def answer(self, target: str, headers: dict[str, str]) -> Given:
        self.targets.append(target)
        self.headers_seen.append(headers)
        told = self.answers.get(urlsplit(target).path, [(404, b'{"error":"NOT_FOUND","message":"not found"}', {})])
        return told.pop(0) if len(told) > 1 else told[0]


def said(body: Json, headers: dict[str, str] | None = None) -> Given:
    return 200, json.dumps(body).encode(), headers or {}


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Venue

    def do_GET(self) -> None:
        status, body, headers = self.server.answer(self.path, {name.lower(): text for name, text in self.headers.items()})
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=START)


@pytest.fixture
def venue(clock: ManualClock) -> Iterator[Venue]:
    server = Venue(clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connect(venue: Venue, clock: ManualClock) -> Iterator[Callable[..., CoinbaseAdvanced]]:
    opened: list[CoinbaseAdvanced] = []

    def connected(*, share: float = 1.0, folder: Path | None = None) -> CoinbaseAdvanced:
        secrets = Secrets(key=KEY.key, secret=KEY.secret)
        terms = ConnectionTerms(account=AccountId("main"), secrets=secrets, share=share, base_url=venue.url, folder=folder)
        rng = Random(1)  # noqa: S311  # a seed makes the pauses the same in every run
        opened.append(CoinbaseAdvanced(terms, clock=clock, rng=rng, timeouts=Timeouts(connect=2, read=2)))
        return opened[-1]

    yield connected
    for connector in opened:
        connector.close()


@pytest.fixture
def page() -> Callable[..., Payload]:
    """Return a maker of payloads as the connector stores them."""

    def made(stream: str, answer: Json, *, symbol: str = "", content: bytes | None = None, **context: str) -> Payload:
        text = json.dumps(answer).encode() if content is None else content
        account = AccountId("main")
        return Payload(
            payload_id=payload_id(account=account, request=f"GET /{stream}", content=content_hash(text)),
            kind=PayloadKind.PAGE,
            venue=VENUE,
            account=account,
            stream=stream,
            symbol=symbol,
            request=f"GET /{stream}",
            name="",
            content=text,
            content_hash=content_hash(text),
            fetched_at=START,
            context=tuple(context.items()),
        )

    return made


@pytest.fixture
def fill() -> Callable[..., dict[str, Json]]:
    """Return a maker of rows of the fills as the venue sends them."""

    def made(number: int = 1, **other: Json) -> dict[str, Json]:
        at = f"2025-06-03T14:{number // 60 % 60:02d}:{number % 60:02d}"
        row: dict[str, Json] = {
            "entry_id": f"{number:064x}",
            "trade_id": f"6d1f2c33-7b0a-4f8e-9f60-{number:012d}",
            "order_id": "0b5c1f7e-9f26-4bb4-8f9a-3f5f6c7d8e90",
            "trade_time": f"{at}.418273490Z",
            "trade_type": "FILL",
            "price": "3412.55",
            "size": "0.75",
            "commission": "15.3564750000000000",
            "product_id": "ETH-USD",
            "sequence_timestamp": f"{at}.421020Z",
            "liquidity_indicator": "TAKER",
            "size_in_quote": False,
            "user_id": "1c2d",
            "side": "BUY",
            "retail_portfolio_id": "4b1d",
        }
        return row | other

    return made


@pytest.fixture
def moved() -> Callable[..., dict[str, Json]]:
    """Return a maker of rows of a wallet."""

    def made(kind: str, amount: str, currency: str, **other: Json) -> dict[str, Json]:
        row: dict[str, Json] = {
            "id": "a1794ecf-5693-55fa-70cf-ef731748ed82",
            "type": kind,
            "status": "completed",
            "amount": {"amount": amount, "currency": currency},
            "native_amount": {"amount": "1.23", "currency": "USD"},
            "description": None,
            "created_at": "2025-01-12T01:27:31Z",
            "resource": "transaction",
        }
        return row | other

    return made
