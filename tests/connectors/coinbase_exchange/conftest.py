"""A small Coinbase Exchange on a loopback socket: checks signatures over the bytes it receives, pages newest first."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest

from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.connectors.coinbase_exchange.ids import VENUE
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Timeouts

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY, PASSPHRASE = "a-view-only-key", "open-sesame"
SECRET = base64.b64encode(b"thirty-two secret bytes, no more").decode()

Json = object
Given = tuple[int, bytes, dict[str, str]]  # status, body, headers


class Venue(ThreadingHTTPServer):
    """What the venue has, what it was asked, and what goes wrong at the n-th call."""

    daemon_threads = False

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.clock = clock
        self.skew = timedelta(0)  # how far this venue's clock is ahead
        self.page = 3
        self.accounts: list[dict[str, Json]] = []
        self.products: list[dict[str, Json]] = []
        self.fills: dict[str, list[dict[str, Json]]] = {}
        self.ledger: dict[str, list[dict[str, Json]]] = {}
        self.transfers: list[dict[str, Json]] = []
        self.candles: dict[str, list[list[float]]] = {}
        self.faults: dict[int, Callable[[Venue], Given | None]] = {}
        self.targets: list[str] = []
        self.headers_seen: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, target: str, headers: dict[str, str]) -> Given:
        self.targets.append(target)
        self.headers_seen.append(headers)
        fault = self.faults.get(len(self.targets))
        given = fault(self) if fault else None
        if given is not None:
            return given
        path, query = urlsplit(target).path, {name: cells[0] for name, cells in parse_qs(urlsplit(target).query).items()}
        if path.startswith(("/time", "/products")):
            return self._public(path, query)
        return self._refusal(target, headers) or self._private(path, query)

    def _public(self, path: str, query: dict[str, str]) -> Given:
        if path == "/time":
            now = self.clock.now() + self.skew
            return said({"iso": now.isoformat().replace("+00:00", "Z"), "epoch": now.timestamp()})
        if path == "/products":
            return said(self.products)
        rows = self.candles.get(path.split("/")[2])
        if rows is None:
            return 404, b'{"message":"NotFound"}', {}
        start, end = (datetime.fromisoformat(query[name]).timestamp() for name in ("start", "end"))
        found = [row for row in rows if start <= row[0] <= end]
        return said(sorted(found, reverse=True)) if len(found) <= 300 else (400, b'{"message":"granularity too small"}', {})

    def _refusal(self, target: str, headers: dict[str, str]) -> Given | None:
        stamp = headers.get("cb-access-timestamp", "")
        digest = hmac.digest(base64.b64decode(SECRET), f"{stamp}GET{target}".encode(), hashlib.sha256)
        if headers.get("cb-access-key") != KEY:
            return 401, b'{"message":"Invalid API Key"}', {}
        if headers.get("cb-access-passphrase") != PASSPHRASE:
            return 401, b'{"message":"Invalid Passphrase"}', {}
        if abs(float(stamp) - (self.clock.now() + self.skew).timestamp()) > 30:
            return 401, b'{"message":"request timestamp expired"}', {}
        if headers.get("cb-access-sign") != base64.b64encode(digest).decode():
            return 401, b'{"message":"invalid signature"}', {}
        return None

    def _private(self, path: str, query: dict[str, str]) -> Given:
        if path == "/accounts":
            return said(self.accounts)
        if path == "/fills":
            return self._paged(self.fills.get(query["product_id"], []), query, "trade_id")
        if path == "/transfers":
            return self._paged(self.transfers, query, "created_at")
        return self._paged(self.ledger.get(path.split("/")[2], []), query, "id")

    def _paged(self, rows: list[dict[str, Json]], query: dict[str, str], name: str) -> Given:
        def place(cell: Json) -> Json:
            return int(str(cell)) if str(cell).isdigit() else str(cell)

        found = sorted(rows, key=lambda row: place(row[name]), reverse=True)
        if "before" in query:
            found = [row for row in found if place(row[name]) > place(query["before"])]
        if "after" in query:
            found = [row for row in found if place(row[name]) < place(query["after"])]
        found = found[: min(self.page, int(query["limit"]))]
        return said(found, {"CB-BEFORE": str(found[0][name]), "CB-AFTER": str(found[-1][name])} if found else {})


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
def connect(venue: Venue, clock: ManualClock) -> Iterator[Callable[..., CoinbaseExchange]]:
    opened: list[CoinbaseExchange] = []

    def connected(*, key: str = KEY, deadline: float | None = None, passphrase: str = PASSPHRASE) -> CoinbaseExchange:
        terms = ConnectionTerms(
            account=AccountId("main"),
            secrets=Secrets(key=key, secret=SECRET, passphrase=passphrase),
            share=1.0,
            base_url=venue.url,
            deadline=deadline,
        )
        rng = Random(1)  # noqa: S311  # a seed makes the pauses the same in every run
        connector = CoinbaseExchange(terms, clock=clock, rng=rng, timeouts=Timeouts(connect=2, read=2))
        opened.append(connector)
        return connector

    yield connected
    for connector in opened:
        connector.close()


@pytest.fixture
def page() -> Callable[..., Payload]:
    """Return a maker of payloads as the connector stores them."""

    def made(stream: str, rows: Json, *, symbol: str = "", asset: str = "", content: bytes | None = None) -> Payload:
        text = json.dumps(rows).encode() if content is None else content
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
            context=(("asset", asset),) if asset else (),
        )

    return made


@pytest.fixture
def fill() -> Callable[..., dict[str, Json]]:
    """Return a maker of rows as the venue sends them."""

    def made(trade_id: int = 74, **other: Json) -> dict[str, Json]:
        row: dict[str, Json] = {
            "trade_id": trade_id,
            "product_id": "ETH-USD",
            "order_id": "7c2f0e55-2a41-4c37-9a5e-0b6a4f6a2d10",
            "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
            "liquidity": "M",
            "price": "3412.55000000",
            "size": "0.75000000",
            "fee": "6.3985312500000000",
            "side": "sell",
            "settled": True,
            "usd_volume": "2559.4125000000000000",
            "created_at": f"2025-06-03T14:{trade_id // 60 % 60:02d}:{trade_id % 60:02d}.418273Z",
            "funding_currency": "USD",
        }
        return row | other

    return made


@pytest.fixture
def transfer() -> Callable[..., dict[str, Json]]:
    def made(number: int = 1, **other: Json) -> dict[str, Json]:
        row: dict[str, Json] = {
            "id": f"19ac524d-8827-4246-a1b2-{number:012d}",
            "type": "withdraw",
            "created_at": f"2025-05-{number:02d} 09:14:55.120374+00",
            "completed_at": f"2025-05-{number:02d} 09:15:41.902111+00",
            "canceled_at": None,
            "processed_at": f"2025-05-{number:02d} 09:15:02.000000+00",
            "amount": "0.25000000",
            "currency": "BTC",
            "details": {
                "fee": "0.00008000",
                "subtotal": "0.24992000",
                "crypto_address": "bc1qexample",
                "crypto_transaction_hash": "4f1e55",
                "coinbase_payment_method_id": "",
            },
        }
        return row | other

    return made


@pytest.fixture
def ledger_row() -> Callable[..., dict[str, Json]]:
    def made(number: int = 1, **other: Json) -> dict[str, Json]:
        row: dict[str, Json] = {
            "id": str(20331545792 + number),
            "amount": "-6.3985312500000000",
            "balance": "10233.1187400000000000",
            "created_at": f"2025-06-03T14:{number // 60 % 60:02d}:{number % 60:02d}.431908Z",
            "type": "fee",
            "details": {"order_id": "7c2f0e55", "product_id": "ETH-USD", "trade_id": "74"},
        }
        return row | other

    return made
