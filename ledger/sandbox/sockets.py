"""How an open socket runs: what is said at once and in time, pings and pongs, the end; whole, in fragments, or cut off.

With `server` and `wire` the only file that knows of aiohttp.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from ledger.sandbox.faults import Fault
from ledger.sandbox.streams import Due, Rhythm, SocketSide
from ledger.sandbox.switchboard import Line
from ledger.sandbox.wire import cut

_MESSAGE_BYTES_MAX: Final = 65_536
_CLOSING_SECONDS: Final = 1.0  # how long a close frame waits for its answer
_WAIT_SECONDS_MIN: Final = 0.001
_FRAGMENTS: Final = 3
_TEXT, _FURTHER, _LAST = 0x01, 0x00, 0x80  # first byte of a frame: opcode, and whether it is the last
_ONE_BYTE_MAX, _TWO_BYTES_MAX = 125, 65_535  # lengths, RFC 6455 section 5.2


def can_connect(request: web.BaseRequest) -> bool:
    """Tell whether a request that wants a socket is a good handshake (RFC 6455 section 4.2.1)."""
    return web.WebSocketResponse().can_prepare(request).ok


async def converse(request: web.BaseRequest, line: Line, side: SocketSide, rhythm: Rhythm) -> web.StreamResponse:
    """Keep a connection open until one side ends it."""
    socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_MESSAGE_BYTES_MAX, timeout=_CLOSING_SECONDS)
    await socket.prepare(request)
    with suppress(ConnectionResetError):  # the client went away while something was said
        await _Conversation(request, socket, line, side, rhythm).run()
    return socket


class _Conversation:
    """One connection while it lasts."""

    def __init__(self, request: web.BaseRequest, socket: web.WebSocketResponse, line: Line, side: SocketSide, rhythm: Rhythm) -> None:
        self._request = request
        self._socket = socket
        self._line = line
        self._side = side
        self._rhythm = rhythm
        self._clock = asyncio.get_running_loop().time
        self._order = count()
        self._plans: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._is_over = False
        self._answered_at = self._clock()

    async def run(self) -> None:
        """Speak and listen by turns."""
        self._plan(self._rhythm.heartbeat_seconds, self._pulse)
        self._plan(self._rhythm.life_seconds, lambda: self._end(WSCloseCode.GOING_AWAY))
        if self._side.awaits_subscription:
            self._plan(self._rhythm.silence_seconds, self._end_if_not_subscribed)
        if self._side.pings:
            self._plan(self._rhythm.ping_seconds, self._ping)
        for text in self._line.greeting():
            await self._socket.send_str(text)
        while not self._socket.closed and not self._is_over:
            wait = max(_WAIT_SECONDS_MIN, self._plans[0][0] - self._clock())
            try:
                message = await self._socket.receive(timeout=wait)
            except TimeoutError:
                pass
            else:
                await self._hear(message)
            await self._carry_out_plans()

    def _plan(self, after_seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        self._plan_at(self._clock() + after_seconds, act)

    def _plan_at(self, at: float, act: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self._plans, (at, next(self._order), act))

    async def _carry_out_plans(self) -> None:
        now = self._clock()
        while not self._socket.closed and not self._is_over and self._plans[0][0] <= now:
            await heapq.heappop(self._plans)[2]()

    async def _hear(self, message: WSMessage) -> None:
        match message.type:
            case WSMsgType.TEXT | WSMsgType.BINARY:
                await self._answer(message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace"))
            case WSMsgType.PING:
                await self._socket.pong(message.data)
            case WSMsgType.PONG:
                self._answered_at = self._clock()
            case _:
                self._is_over = True

    async def _answer(self, text: str) -> None:
        saying = self._line.hear(text)
        for answer in saying.texts:
            await self._socket.send_str(answer)
        heard_at = self._clock()
        for due in saying.later:
            self._plan_at(heard_at + due.after_seconds, partial(self._tell, due))
        if saying.is_end:
            await self._end(WSCloseCode.OK)

    async def _tell(self, due: Due) -> None:
        telling = self._line.tell(due)
        if telling is None:
            return
        if Fault.SOCKET_DROPPED in telling.faults:
            cut(self._request)
            self._is_over = True
            return
        if Fault.PING_UNCHECKED in telling.faults:
            await self._socket.ping(b"are you there")
        if Fault.MESSAGE_IN_FRAGMENTS in telling.faults:
            self._send_in_fragments(telling.text)
        elif Fault.MESSAGE_MISSED not in telling.faults:
            for _ in range(2 if Fault.MESSAGE_TWICE in telling.faults else 1):
                await self._socket.send_str(telling.text)
        for notice in telling.notices:
            await self._socket.send_str(notice)
        if Fault.SERVER_SHUTDOWN in telling.faults:
            self._plan(self._rhythm.farewell_seconds, lambda: self._end(WSCloseCode.GOING_AWAY))

    def _send_in_fragments(self, text: str) -> None:
        assert self._request.transport is not None, "open while it is spoken over"
        content = text.encode()
        size = len(content) // _FRAGMENTS + 1
        pieces = [content[start : start + size] for start in range(0, len(content), size)]
        for number, piece in enumerate(pieces):
            first = (_TEXT if number == 0 else _FURTHER) | (_LAST if number == len(pieces) - 1 else 0)
            self._request.transport.write(bytes([first]) + _length(len(piece)) + piece)

    async def _pulse(self) -> None:
        for text in self._line.pulse():
            await self._socket.send_str(text)
        self._plan(self._rhythm.heartbeat_seconds, self._pulse)

    async def _ping(self) -> None:
        await self._socket.ping(str(int(self._clock() * 1000)).encode())
        asked_at = self._clock()
        self._plan(self._rhythm.pong_seconds, lambda: self._end_unless_answered(asked_at))
        self._plan(self._rhythm.ping_seconds, self._ping)

    async def _end_unless_answered(self, asked_at: float) -> None:
        if self._answered_at < asked_at:
            await self._end(WSCloseCode.POLICY_VIOLATION)

    async def _end_if_not_subscribed(self) -> None:
        if not self._line.is_subscribed:
            await self._end(WSCloseCode.OK)

    async def _end(self, code: WSCloseCode) -> None:
        self._is_over = True
        await self._socket.close(code=code)


def _length(size: int) -> bytes:
    if size <= _ONE_BYTE_MAX:
        return bytes([size])
    return bytes([126]) + size.to_bytes(2) if size <= _TWO_BYTES_MAX else bytes([127]) + size.to_bytes(8)
