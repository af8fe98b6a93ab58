"""The sandbox as a program: a real server of calls and sockets on loopback, in a thread and an event loop of its own."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from ledger.domain.errors import InputError
from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.binance.dialect import VENUE as BINANCE
from ledger.sandbox.binance.dialect import Binance
from ledger.sandbox.calls import CallRecord, Violation, json_answer
from ledger.sandbox.coinbase_advanced.dialect import VENUE as COINBASE_ADVANCED
from ledger.sandbox.coinbase_advanced.dialect import CoinbaseAdvanced
from ledger.sandbox.coinbase_exchange.dialect import VENUE as COINBASE_EXCHANGE
from ledger.sandbox.coinbase_exchange.dialect import CoinbaseExchange
from ledger.sandbox.exchange import Clocks, Edge, Exchange
from ledger.sandbox.faults import Fault, FaultPlan
from ledger.sandbox.key_terms import KeyTerms
from ledger.sandbox.kraken.dialect import VENUE as KRAKEN
from ledger.sandbox.kraken.dialect import Kraken
from ledger.sandbox.limits import Rate, WeightRate
from ledger.sandbox.sockets import can_connect, converse
from ledger.sandbox.streams import Rhythm, SocketDialect
from ledger.sandbox.switchboard import Line, Switchboard
from ledger.sandbox.wire import Patience, send

LOOPBACK: Final = "127.0.0.1"
_START_SECONDS_MAX: Final = 30.0
_SHUTDOWN_SECONDS: Final = 0.1

DIALECTS: Final[Mapping[str, Callable[[SandboxAccount, KeyTerms], SocketDialect]]] = {
    BINANCE: Binance,
    COINBASE_ADVANCED: CoinbaseAdvanced,
    COINBASE_EXCHANGE: CoinbaseExchange,
    KRAKEN: Kraken,
}


class Sandbox:
    """A loopback exchange over one seeded account; serves between entering and leaving its context.

    `port` 0 takes any free one. `faults` is a plan, or the text of one (``none``, ``all``, names and group numbers).
    `market` is the seed of the prices, the account's own when None. `rhythm` is how its sockets live. `wall` gives the
    server's idea of time in seconds since 1970, `monotonic` the seconds by which it counts rates. `edge` alters what the
    dialect answers to a call before it is sent. `key_kind` (Binance, Coinbase Advanced), `tier` and `nonce_window` (Kraken) are
    the terms of the key, the venue's usual ones when empty.

    Raises:
        InputError: for a venue, plan, key or number of fills that cannot be; for a port that is taken, on entering.
    """

    def __init__(
        self,
        *,
        venue: str = COINBASE_EXCHANGE,
        seed: int = 1,
        fills: int = 2000,
        faults: FaultPlan | str = "none",
        port: int = 0,
        market: int | None = None,
        patience: Patience | None = None,
        rhythm: Rhythm | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        edge: Edge | None = None,
        key_kind: str = "",
        tier: str = "",
        nonce_window: int = 0,
    ) -> None:
        if venue not in DIALECTS:
            raise InputError(f"the sandbox does not speak {venue!r}", mend=f"use one of: {', '.join(sorted(DIALECTS))}")
        plan = FaultPlan.parse(faults, seed=seed) if isinstance(faults, str) else faults
        self.venue = venue
        self.account = seeded_account(seed, fills, market=market)
        self._dialect = DIALECTS[venue](self.account, KeyTerms(kind=key_kind, tier=tier, nonce_window=nonce_window))
        self._exchange = Exchange(self._dialect, plan, Clocks(wall=wall, monotonic=monotonic), edge)
        self._patience = patience or Patience()
        self._rhythm = rhythm or Rhythm()
        self._board = Switchboard(self._dialect.socket_side(self._rhythm), self._exchange, plan)
        self._port = port
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def rest_url(self) -> str:
        """Return the address to use in place of the venue's own; valid once the context is entered."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Return the address to use in place of that of the venue's WebSocket; valid once the context is entered."""
        return f"ws://{LOOPBACK}:{self._port}{self._board.side.path}"

    @property
    def key(self) -> str:
        """Return the key that is accepted."""
        return self._dialect.credentials.key

    @property
    def secret(self) -> str:
        """Return the secret that goes with the key, in the venue's own form."""
        return self._dialect.credentials.secret

    @property
    def passphrase(self) -> str:
        """Return the passphrase that goes with the key."""
        return self._dialect.credentials.passphrase

    @property
    def violations(self) -> list[Violation]:
        """Return what the client did wrong so far."""
        return list(self._exchange.violations)

    @property
    def calls(self) -> list[CallRecord]:
        """Return all calls so far in the order of arrival."""
        return list(self._exchange.calls)

    @property
    def connections(self) -> list[int]:
        """Return with what status each client that wanted a socket was answered; 101: it got one."""
        return list(self._board.statuses)

    @property
    def rates(self) -> Mapping[str, Rate | WeightRate]:
        """Return what each bucket of calls is allowed."""
        return self._dialect.rates

    def fault_counts(self) -> Counter[Fault]:
        """Return how often each fault was injected."""
        return Counter([*(fault for call in self.calls for fault in call.faults), *self._board.faults])

    def ready_line(self) -> str:
        """Return one line of JSON that tells a client where and how to log in."""
        content = {
            "venue": self.venue,
            "rest_url": self.rest_url,
            "ws_url": self.ws_url,
            "key": self.key,
            "secret": self.secret,
            "passphrase": self.passphrase,
            "fills": len(self.account.fills),
            "products": [product.name for product in self.account.products],
        }
        return json.dumps(content)

    def __enter__(self) -> Self:
        self._thread.start()
        is_ready = self._ready.wait(_START_SECONDS_MAX)
        assert is_ready, "the sandbox's thread did not start"
        if self._failure is not None:
            self._thread.join()
            raise InputError(f"port {self._port} cannot be used: {self._failure.strerror}", mend="choose another port, or 0 for any")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._loop is not None and self._stop is not None, "entered before it is left"  # noqa: PT018 - one fact
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        runner = web.ServerRunner(web.Server(self._respond), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await self._listen(runner)
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.ServerRunner) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
        except OSError as failure:
            self._failure = failure
            self._ready.set()
            return
        self._port = int(runner.addresses[0][1])
        self._ready.set()
        await self._stop.wait()

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): content for name, content in request.headers.items()}
        if headers.get("upgrade", "").lower() == "websocket":
            return await self._connect(request, headers)
        try:
            body = await request.read()
        except ConnectionError:  # killed while it asked: the call did not arrive, and nobody waits for an answer
            return web.Response(status=400)
        reply = self._exchange.receive(method=request.method, target=request.raw_path, headers=headers, body=body)
        try:
            return await send(request, reply.answer, reply.faults, self._patience)
        finally:
            self._exchange.sent(reply)

    async def _connect(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        if not can_connect(request):
            return await send(request, json_answer({"message": "Bad Request"}, status=400), (), self._patience)
        found = self._board.connect(target=request.raw_path, headers=headers)
        if isinstance(found, Line):
            return await converse(request, found, self._board.side, self._rhythm)
        return await send(request, found, (), self._patience)
