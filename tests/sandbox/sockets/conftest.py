"""Clients of the sandbox's sockets: a plain one for each dialect, which signs like the venue's documentation says."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import aiohttp
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.sandbox.history.rows import SandboxFill
from ledger.sandbox.server import Sandbox
from ledger.sandbox.streams import Rhythm

collect_ignore = ["ccxt_pro_client.py"]  # run by another interpreter, never imported here

NOON = 1_780_000_000.0  # a moment of 2026, seconds since 1970
TAIL = 24  # fills that are told live
QUICK = Rhythm(fills=TAIL, pause_seconds=0.004, heartbeat_seconds=0.1, farewell_seconds=0.05)

Message = dict[str, Any]
Known = tuple[object, ...]  # what a fill, or a filled order, is known by
Found = TypeVar("Found")


class Tongue(Protocol):
    """How a test speaks a dialect."""

    venue: str

    def requests(self, sandbox: Sandbox, **changed: object) -> list[Message]:
        """Return what to send to hear of every fill; `changed` replaces parts of what is signed or sent."""
        ...

    def told(self, message: Message) -> list[Known]:
        """Return the fills (or filled orders) that a live message tells."""
        ...

    def by_calls(self, sandbox: Sandbox) -> list[Known]:
        """Return the same of what the calls tell of the newest fills, in order of time."""
        ...

    def is_refusal(self, message: Message) -> bool:
        """Tell whether a message refuses what was asked."""
        ...


def newest(sandbox: Sandbox) -> Sequence[SandboxFill]:
    return sandbox.account.fills[-TAIL:]


# --- Coinbase Exchange


class OfCoinbaseExchange:
    venue = "coinbase-exchange"

    def listed(self, sandbox: Sandbox) -> list[str]:
        return [product.name for product in sandbox.account.products if product.delisted_at is None]

    def requests(self, sandbox: Sandbox, **changed: object) -> list[Message]:
        stamp, secret = str(changed.pop("stamp", f"{NOON:.3f}")), str(changed.pop("secret", sandbox.secret))
        sign = hmac.digest(base64.b64decode(secret), f"{stamp}GET/users/self/verify".encode(), "sha256")
        request: Message = {"type": "subscribe", "product_ids": self.listed(sandbox), "channels": ["user"], "timestamp": stamp}
        request |= {"signature": base64.b64encode(sign).decode(), "key": sandbox.key, "passphrase": sandbox.passphrase}
        return [request | changed]

    def told(self, message: Message) -> list[Known]:
        if message["type"] != "match":
            return []
        role, side = (
            ("maker", message["side"]) if "maker_fee_rate" in message else ("taker", {"buy": "sell", "sell": "buy"}[message["side"]])
        )
        names = ("product_id", "trade_id", f"{role}_order_id", "price", "size", "time", "user_id", "profile_id")
        return [(*(message[name] for name in names), side, role[0].upper())]

    def by_calls(self, sandbox: Sandbox) -> list[Known]:
        wanted = {(fill.product, fill.trade_id) for fill in newest(sandbox)}
        names = ("product_id", "trade_id", "order_id", "price", "size", "created_at", "user_id", "profile_id", "side", "liquidity")
        rows: list[Message] = []
        for product in self.listed(sandbox):
            target = f"/fills?product_id={product}"
            sign = hmac.digest(base64.b64decode(sandbox.secret), f"{NOON}GET{target}".encode(), "sha256")
            headers = {"CB-ACCESS-KEY": sandbox.key, "CB-ACCESS-SIGN": base64.b64encode(sign).decode(), "CB-ACCESS-TIMESTAMP": str(NOON)}
            rows += answered(sandbox, target, headers | {"CB-ACCESS-PASSPHRASE": sandbox.passphrase})
        found = [row for row in rows if (row["product_id"], row["trade_id"]) in wanted]
        return [tuple(row[name] for name in names) for row in sorted(found, key=lambda row: str(row["created_at"]))]

    def is_refusal(self, message: Message) -> bool:
        return bool(message["type"] == "error")


# --- Kraken


class OfKraken:
    venue = "kraken"

    def call(self, sandbox: Sandbox, name: str, **form: str) -> Message:
        nonce, path = str(time.time_ns()), f"/0/private/{name}"
        body = urlencode({"nonce": nonce, **form}).encode()
        inner = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
        sign = hmac.digest(base64.b64decode(sandbox.secret), inner, "sha512")
        headers = {"API-Key": sandbox.key, "API-Sign": base64.b64encode(sign).decode(), "Content-Type": "application/x-www-form-urlencoded"}
        told = httpx.post(f"{sandbox.rest_url}{path}", content=body, headers=headers).json()
        assert told["error"] == []
        result = told["result"]
        assert isinstance(result, dict)
        return result

    def requests(self, sandbox: Sandbox, **changed: object) -> list[Message]:
        token = changed.pop("token", None) or self.call(sandbox, "GetWebSocketsToken")["token"]
        params = {"channel": "executions", "token": token, "snap_trades": True, "snap_orders": True}
        return [{"method": "subscribe", "params": params | changed, "req_id": 7}]

    def told(self, message: Message) -> list[Known]:
        if message.get("channel") != "executions" or message["type"] != "update":
            return []
        return [self.known(row) for row in message["data"] if row["exec_type"] == "trade"]

    def known(self, row: Message) -> Known:
        names = ("exec_id", "order_id", "trade_id", "side", "last_price", "last_qty", "cost")
        return (*(row[name] for name in names), row["fees"][0]["qty"], row["liquidity_ind"] == "m")

    def by_calls(self, sandbox: Sandbox) -> list[Known]:
        rows = self.call(sandbox, "TradesHistory")["trades"]
        names = ("ordertxid", "trade_id", "type", "price", "vol", "cost", "fee", "maker")
        found = [(row["time"], (name, *(number_in(row[one]) for one in names))) for name, row in rows.items()]
        return [known for _, known in reversed(found[:TAIL])]

    def is_refusal(self, message: Message) -> bool:
        return message.get("success") is False


def number_in(cell: object) -> object:
    """Return a figure that is a text as the number that a socket would tell."""
    return Decimal(cell) if isinstance(cell, str) and cell.replace(".", "").replace("-", "").isdecimal() else cell


# --- Binance


class OfBinance:
    venue = "binance"

    def requests(self, sandbox: Sandbox, **changed: object) -> list[Message]:
        secret = str(changed.pop("secret", sandbox.secret))
        method = changed.pop("method", "userDataStream.subscribe.signature")
        params: Message = {"timestamp": int(NOON * 1000), "apiKey": sandbox.key, "recvWindow": 5000} | changed
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        return [{"id": "one", "method": method, "params": params}]

    def told(self, message: Message) -> list[Known]:
        event = message.get("event", {})
        names = ("s", "t", "i", "L", "l", "Y", "n", "N", "T", "m")
        return [(*(event[name] for name in names), event["S"] == "BUY")] if event.get("x") == "TRADE" else []

    def by_calls(self, sandbox: Sandbox) -> list[Known]:
        wanted = {(f"{fill.base}{fill.money}", fill.trade_id) for fill in newest(sandbox)}
        names = ("symbol", "id", "orderId", "price", "qty", "quoteQty", "commission", "commissionAsset", "time", "isMaker", "isBuyer")
        rows: list[Message] = []
        for symbol in sorted({symbol for symbol, _ in wanted}):
            query = f"symbol={symbol}&timestamp={int(NOON * 1000)}"
            sign = hmac.new(sandbox.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
            rows += answered(sandbox, f"/api/v3/myTrades?{query}&signature={sign}", {"X-MBX-APIKEY": sandbox.key})
        found = [row for row in rows if (row["symbol"], row["id"]) in wanted]
        return [tuple(row[name] for name in names) for row in sorted(found, key=lambda row: int(row["time"]))]

    def is_refusal(self, message: Message) -> bool:
        return "error" in message


# --- Coinbase Advanced Trade


class OfCoinbaseAdvanced:
    venue = "coinbase-advanced"

    def token(self, sandbox: Sandbox, *, uri: str | None = None, at: float = NOON, nonce: str = "abc") -> str:
        key = load_pem_private_key(sandbox.secret.encode(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        head = {"alg": "ES256", "typ": "JWT", "kid": sandbox.key, "nonce": nonce}
        claims = {"sub": sandbox.key, "iss": "cdp", "nbf": int(at), "exp": int(at) + 120} | ({} if uri is None else {"uri": uri})
        message = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        one, other = decode_dss_signature(key.sign(message.encode(), ECDSA(SHA256())))
        return f"{message}.{encoded(one.to_bytes(32) + other.to_bytes(32))}"

    def requests(self, sandbox: Sandbox, **changed: object) -> list[Message]:
        return [{"type": "subscribe", "channel": "user", "product_ids": [], "jwt": self.token(sandbox)} | changed]

    def told(self, message: Message) -> list[Known]:
        if message.get("channel") != "user":
            return []
        return [self.known(order) for event in message["events"] for order in event["orders"] if order["status"] == "FILLED"]

    def known(self, order: Message) -> Known:
        filled = order.get("cumulative_quantity", order.get("filled_size"))
        side = order.get("order_side", order.get("side"))
        names = ("order_id", "client_order_id", "product_id", "filled_value", "total_fees", "completion_percentage")
        return (*(order[name] for name in names), filled, side)

    def by_calls(self, sandbox: Sandbox) -> list[Known]:
        path = "/api/v3/brokerage/orders/historical/batch"
        token = self.token(sandbox, uri=f"GET {sandbox.rest_url.removeprefix('http://')}{path}", nonce=str(time.time_ns()))
        rows = answered(sandbox, f"{path}?limit=1000", {"Authorization": f"Bearer {token}"}, name="orders")
        wanted = {fill.order_id for fill in newest(sandbox)}
        return [self.known(row) for row in reversed(rows) if row["order_id"] in wanted]

    def is_refusal(self, message: Message) -> bool:
        return message.get("type") == "error"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def answered(sandbox: Sandbox, target: str, headers: Mapping[str, str], *, name: str = "") -> list[Message]:
    answer = httpx.get(f"{sandbox.rest_url}{target}", headers={**headers, "User-Agent": "sandbox-tests/1"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    rows = said[name] if name else said
    assert isinstance(rows, list)
    return rows


TONGUES: Mapping[str, Tongue] = {tongue.venue: tongue for tongue in (OfCoinbaseExchange(), OfKraken(), OfBinance(), OfCoinbaseAdvanced())}


# --- a connection


@dataclass
class Heard:
    """What a client heard on one connection: messages in order, pings, how many frames in all, how it was closed."""

    messages: list[Message] = field(default_factory=list)
    pings: int = 0
    closed_with: int | None = None

    def told(self, tongue: Tongue) -> list[Known]:
        return [known for message in self.messages for known in tongue.told(message)]


async def conversation(
    sandbox: Sandbox,
    requests: Sequence[Message | str],
    *,
    until: Callable[[Heard], bool],
    seconds: float = 15.0,
    answers_pings: bool = True,
) -> Heard:
    """Connect, ask, and listen until it is enough, until the connection ends, or for some seconds."""
    heard = Heard()
    async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.ws_url, autoping=False) as socket:
        for request in requests:
            await socket.send_str(request if isinstance(request, str) else json.dumps(request))
        end = time.monotonic() + seconds
        while not until(heard) and time.monotonic() < end:
            try:
                message = await socket.receive(timeout=max(0.01, end - time.monotonic()))
            except TimeoutError:
                break
            if message.type is aiohttp.WSMsgType.TEXT:
                heard.messages.append(json.loads(message.data, parse_float=Decimal))
            elif message.type is aiohttp.WSMsgType.PING:
                heard.pings += 1
                if answers_pings:
                    with suppress(ConnectionResetError):  # cut off in between; the next receive tells
                        await socket.pong(message.data)
            else:
                heard.closed_with = socket.close_code
                break
    return heard


def talk(
    sandbox: Sandbox,
    requests: Sequence[Message | str],
    *,
    until: Callable[[Heard], bool] = lambda _: False,
    seconds: float = 15.0,
    answers_pings: bool = True,
) -> Heard:
    return run(conversation(sandbox, requests, until=until, seconds=seconds, answers_pings=answers_pings))


def run(work: Awaitable[Found]) -> Found:
    async def together() -> Found:
        return await work

    return asyncio.run(together())


def heard_all(sandbox: Sandbox, tongue: Tongue, *, seconds: float = 15.0, answers_pings: bool = True) -> Heard:
    """Subscribe and listen until as many different fills were told as the calls tell."""
    wanted = len(tongue.by_calls(sandbox))
    until = partial(has_heard, tongue=tongue, wanted=wanted)
    return talk(sandbox, tongue.requests(sandbox), until=until, seconds=seconds, answers_pings=answers_pings)


def has_heard(heard: Heard, *, tongue: Tongue, wanted: int) -> bool:
    return len(set(heard.told(tongue))) >= wanted


@pytest.fixture(params=sorted(TONGUES))
def tongue(request: pytest.FixtureRequest) -> Tongue:
    return TONGUES[request.param]


@pytest.fixture
def serve() -> Iterator[Callable[..., Sandbox]]:
    """Return a starter of sandboxes; all are stopped in the end."""
    running: list[Sandbox] = []

    def start(venue: str, **options: object) -> Sandbox:
        sandbox = Sandbox(venue=venue, **{"fills": 60, "wall": lambda: NOON, "rhythm": QUICK, **options})  # type: ignore[arg-type] # options are the test's own
        sandbox.__enter__()
        running.append(sandbox)
        return sandbox

    yield start
    for one in running:
        one.__exit__(None, None, None)
