"""What is told over sockets is what the calls tell: same ids, same amounts, in every dialect."""

import json
from collections.abc import Callable

from ledger.sandbox.server import Sandbox

from .conftest import TAIL, Tongue, heard_all

Serve = Callable[..., Sandbox]


def test_the_ready_line_tells_the_address_of_the_socket(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)
    ready = json.loads(sandbox.ready_line())
    assert ready["ws_url"] == sandbox.ws_url
    assert ready["ws_url"].startswith(ready["rest_url"].replace("http://", "ws://"))


def test_every_fill_told_live_is_one_that_the_calls_tell(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, fills=150, seed=3)
    told = heard_all(sandbox, tongue).told(tongue)
    expected = tongue.by_calls(sandbox)
    assert len(expected) == TAIL or tongue.venue == "coinbase-advanced"
    assert sorted(told, key=str) == sorted(expected, key=str)
    assert sandbox.violations == []
    assert sandbox.connections == [101]


def test_another_connection_lives_through_the_same(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)
    first, second = (heard_all(sandbox, tongue).told(tongue) for _ in range(2))
    assert first == second
