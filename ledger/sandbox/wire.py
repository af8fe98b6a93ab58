"""How an answer leaves: whole, spoilt, drop by drop, or never because the socket breaks.

With `server` and `sockets` the only file that knows of aiohttp.
"""

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from aiohttp import web

from ledger.sandbox.calls import Answer
from ledger.sandbox.faults import Fault

_DRIP_PIECES: Final = 8
_LENGTH_TOO_MUCH: Final = 64
_ABORT: Final = struct.pack("ii", 1, 0)  # linger for no time: the socket is reset, not closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long slow faults take, in seconds: a whole drip, and a stall before the line is cut."""

    drip_seconds: float = 0.4
    stall_seconds: float = 1.0


async def send(request: web.BaseRequest, answer: Answer, faults: tuple[Fault, ...], patience: Patience) -> web.StreamResponse:
    """Send an answer, or what the faults leave of it."""
    for fault in faults:
        if fault in _SENDERS:
            try:
                return await _SENDERS[fault](request, answer, patience)
            except ConnectionResetError:  # the client went away in the middle of it, and nobody hears the rest
                return _response(answer)
    return _response(_spoilt(request, answer, faults))


def cut(request: web.BaseRequest) -> None:
    """Reset the connection of a request, without a word."""
    transport = request.transport
    if transport is not None:
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        transport.abort()


def _response(answer: Answer) -> web.Response:
    headers = {**dict(answer.headers), "Content-Type": answer.content_type}
    return web.Response(status=answer.status, reason=_reason(answer.status), body=answer.body, headers=headers)


def _reason(status: int) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    return known.get(status, "Origin Error")


def _spoilt(request: web.BaseRequest, answer: Answer, faults: tuple[Fault, ...]) -> Answer:
    if Fault.TRUNCATED_JSON in faults:
        return replace(answer, body=answer.body[: len(answer.body) // 2])
    if Fault.GZIP in faults and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers = (*answer.headers, ("Content-Encoding", "gzip"))
        return replace(answer, body=gzip.compress(answer.body, mtime=0), headers=headers)
    return answer


async def _reset(request: web.BaseRequest, answer: Answer, _: Patience) -> web.StreamResponse:
    """Cut the line before the answer."""
    cut(request)
    return _response(answer)


async def _half_body(request: web.BaseRequest, answer: Answer, _: Patience) -> web.StreamResponse:
    """Send half of the body in chunks, then close without the last chunk."""
    response = _stream(answer)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2 + 1])
    return _closed(request, response)


async def _wrong_length(request: web.BaseRequest, answer: Answer, _: Patience) -> web.StreamResponse:
    """Promise more bytes than there are, then close."""
    response = _stream(answer)
    response.content_length = len(answer.body) + _LENGTH_TOO_MUCH
    await response.prepare(request)
    await response.write(answer.body)
    return _closed(request, response)


async def _slow_drip(request: web.BaseRequest, answer: Answer, patience: Patience) -> web.StreamResponse:
    """Send the body in small pieces, with pauses."""
    response = _stream(answer)
    response.content_length = len(answer.body)
    await response.prepare(request)
    size = len(answer.body) // _DRIP_PIECES + 1
    for start in range(0, len(answer.body), size):
        await response.write(answer.body[start : start + size])
        await asyncio.sleep(patience.drip_seconds / _DRIP_PIECES)
    return response


async def _stall(request: web.BaseRequest, answer: Answer, patience: Patience) -> web.StreamResponse:
    """Say nothing for a while, then cut the line."""
    await asyncio.sleep(patience.stall_seconds)
    return await _reset(request, answer, patience)


def _stream(answer: Answer) -> web.StreamResponse:
    headers = {**dict(answer.headers), "Content-Type": answer.content_type}
    return web.StreamResponse(status=answer.status, reason=_reason(answer.status), headers=headers)


def _closed(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return response


_Sender = Callable[[web.BaseRequest, Answer, Patience], Awaitable[web.StreamResponse]]
_SENDERS: Final[Mapping[Fault, _Sender]] = {
    Fault.RESET: _reset,
    Fault.HALF_BODY: _half_body,
    Fault.WRONG_LENGTH: _wrong_length,
    Fault.SLOW_DRIP: _slow_drip,
    Fault.STALL: _stall,
}
