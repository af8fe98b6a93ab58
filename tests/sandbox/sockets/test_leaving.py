"""Sockets end with their server, and with their client; nothing is left behind and nothing is complained about."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable

import aiohttp
import httpx
import pytest

from ledger.sandbox.server import Sandbox

from .conftest import NOON, QUICK, Tongue, heard_all, run

Serve = Callable[..., Sandbox]


def test_a_server_that_is_left_does_not_wait_for_open_sockets(tongue: Tongue, caplog: pytest.LogCaptureFixture) -> None:
    before = threading.active_count()

    async def stay(sandbox: Sandbox) -> float:
        async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.ws_url) as line:
            for request in tongue.requests(sandbox):
                await line.send_json(request)
            await line.receive()
            begun = time.monotonic()
            await asyncio.to_thread(sandbox.__exit__, None, None, None)
            return time.monotonic() - begun

    sandbox = Sandbox(venue=tongue.venue, fills=60, wall=lambda: NOON, rhythm=QUICK)
    sandbox.__enter__()
    assert run(stay(sandbox)) < 5
    assert threading.active_count() <= before
    assert caplog.messages == []


def test_a_client_that_vanishes_is_no_fault_of_the_exchange(serve: Serve, tongue: Tongue, caplog: pytest.LogCaptureFixture) -> None:
    sandbox = serve(tongue.venue)

    async def vanish() -> None:
        async with aiohttp.ClientSession() as session:
            line = await session.ws_connect(sandbox.ws_url)
            for request in tongue.requests(sandbox):
                await line.send_json(request)
            await line.receive()
            own = line.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, as by a process that was killed
            assert line._response.connection is not None
            line._response.connection.transport.abort()

    run(vanish())
    assert heard_all(sandbox, tongue).told(tongue)
    assert caplog.messages == []


def test_calls_are_answered_while_sockets_are_open_and_are_counted_alone(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)

    async def both() -> int:
        async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.ws_url):
            return (await asyncio.to_thread(httpx.get, f"{sandbox.rest_url}/no/such/call")).status_code

    assert run(both()) in {200, 404}
    assert [call.number for call in sandbox.calls] == [1]
    assert sandbox.connections == [101]
