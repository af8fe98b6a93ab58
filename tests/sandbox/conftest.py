"""Clients of the sandbox: one that calls the exchange in this thread, one over a real socket; both sign like a connector."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.calls import Answer, Credentials
from ledger.sandbox.coinbase_exchange.dialect import CoinbaseExchange
from ledger.sandbox.exchange import Clocks, Exchange
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox

# run by another interpreter, never imported here
collect_ignore = ["ccxt_client.py", "ccxt_kraken.py", "ccxt_binance_client.py", "ccxt_client_advanced.py"]

NOON = 1_780_000_000.0  # a moment of 2026, seconds since 1970


def signed_headers(credentials: Credentials, target: str, *, stamp: str, method: str = "GET", body: bytes = b"") -> dict[str, str]:
    """Sign the way the venue's documentation says, with code of the tests' own."""
    message = f"{stamp}{method}{target}".encode() + body
    digest = hmac.new(base64.b64decode(credentials.secret), message, hashlib.sha256).digest()
    return {
        "CB-ACCESS-KEY": credentials.key,
        "CB-ACCESS-SIGN": base64.b64encode(digest).decode(),
        "CB-ACCESS-TIMESTAMP": stamp,
        "CB-ACCESS-PASSPHRASE": credentials.passphrase,
        "User-Agent": "sandbox-tests/1",
    }


@dataclass
class Local:
    """An exchange without a socket, on a clock that the test turns."""

    account: SandboxAccount
    plan: FaultPlan = field(default_factory=FaultPlan)
    wall: float = NOON
    monotonic: float = 0.0
    seconds_per_call: float = 0.2
    client_skew: float = 0.0  # how far the client's clock is ahead of the true one

    def __post_init__(self) -> None:
        self.dialect = CoinbaseExchange(self.account)
        self.exchange = Exchange(self.dialect, self.plan, Clocks(wall=lambda: self.wall, monotonic=lambda: self.monotonic))

    def get(self, target: str, *, method: str = "GET", **changed: str) -> Answer:
        """Call, slowly enough for every bucket; `changed` replaces headers (underscores for dashes), empty removes them."""
        self.monotonic += self.seconds_per_call
        headers = signed_headers(self.dialect.credentials, target, stamp=f"{self.wall + self.client_skew:.3f}", method=method)
        headers |= {name.replace("_", "-"): text for name, text in changed.items()}
        lower = {name.lower(): text for name, text in headers.items() if text}
        return self.exchange.receive(method=method, target=target, headers=lower, body=b"").answer

    def rows(self, target: str) -> list[dict[str, object]]:
        answer = self.get(target)
        assert answer.status == 200, answer.body
        rows = json.loads(answer.body)
        assert isinstance(rows, list)
        return rows

    def account_id(self, asset: str) -> str:
        return next(str(row["id"]) for row in self.rows("/accounts") if row["currency"] == asset)


@dataclass
class Wired:
    """A signing client of a running sandbox."""

    sandbox: Sandbox
    http: httpx.Client

    def get(self, target: str, *, method: str = "GET") -> httpx.Response:
        stamp = f"{NOON:.3f}"
        credentials = Credentials(key=self.sandbox.key, secret=self.sandbox.secret, passphrase=self.sandbox.passphrase)
        return self.http.request(method, target, headers=signed_headers(credentials, target, stamp=stamp, method=method))


@pytest.fixture(scope="session")
def account() -> SandboxAccount:
    return seeded_account(1, 400)


@pytest.fixture
def local(account: SandboxAccount) -> Local:
    return Local(account)


@pytest.fixture
def faulty(account: SandboxAccount) -> Callable[..., Local]:
    """Return a maker of exchanges whose first call that goes to `path` (any, by default) is struck."""

    def make(fault: Fault, *, path: str = "/", times: int = 1) -> Local:
        return Local(account, plan=FaultPlan(steps=[FaultStep(fault=fault, path=f"GET {path}", times=times)]))

    return make


@pytest.fixture
def wired() -> Iterator[Callable[..., Wired]]:
    """Return a starter of sandboxes on real sockets; all are stopped in the end."""
    running: list[Wired] = []

    def start(**options: object) -> Wired:
        sandbox = Sandbox(**{"fills": 60, "wall": lambda: NOON, **options})  # type: ignore[arg-type] # options are the test's own
        sandbox.__enter__()
        http = httpx.Client(base_url=sandbox.rest_url, timeout=5)
        running.append(Wired(sandbox, http))
        return running[-1]

    yield start
    for one in running:
        one.http.close()
        one.sandbox.__exit__(None, None, None)
