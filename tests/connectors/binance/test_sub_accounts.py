"""Lists that not every account gets: a refusal of one is the venue's word, and no fault of the key."""

import json
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from ledger.connectors.binance.connector import Binance
from ledger.domain.errors import KeyRefused
from ledger.domain.event import Transfer
from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, Page, PullWindow, StreamKey
from ledger.transport.pace import ManualClock

from .test_client import KEY, SECRET, START, Server, clock, server

__all__ = ["clock", "server"]

IN = StreamKey(stream="sub-moves", symbol="1")
MOVE = {"counterParty": "master", "email": "m@x.test", "type": 1, "asset": "BTC", "qty": "1", "status": "SUCCESS"}
MOVE |= {"fromAccountType": "SPOT", "toAccountType": "SPOT"}


@pytest.fixture
def connector(server: Server, clock: ManualClock) -> Iterator[Binance]:
    terms = ConnectionTerms(account=AccountId("sub"), secrets=Secrets(key=KEY, secret=SECRET), share=1.0, base_url=server.url)
    connector = Binance(terms, clock=clock, rng=Random(1))  # noqa: S311  # the same pauses in every run
    yield connector
    connector.close()


def pulled(connector: Binance, stream: StreamKey, *, days: int = 10, cursor: dict[str, str | int | None] | None = None) -> list[Page]:
    return list(connector.pull(stream, cursor=cursor, window=PullWindow(since=START - timedelta(days=days))))


def test_moves_of_a_sub_account_are_asked_for_in_windows_by_their_direction(server: Server, connector: Binance) -> None:
    at = int((START - timedelta(days=3)).timestamp() * 1000)
    rows = [{**MOVE, "tranId": number, "time": at + number} for number in range(200)]
    server.answers = [(200, part, {}) for part in ([], rows, rows[:120], rows[120:])]
    pages = pulled(connector, IN, days=40)
    assert [page.rows for page in pages] == [0, 120, 80]
    events = [event for page in pages for event, _ in connector.interpret(page.payload).events]
    assert len({event.event_id for event in events if isinstance(event, Transfer)}) == 200
    asked = [target for target in server.targets if "subUserHistory" in target]
    assert all("type=1" in target and "limit=200" in target and "startTime=" in target for target in asked)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": -1002, "msg": "You are not authorized to execute this request."}),
        (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
        (400, {"code": 100001002, "msg": "Unsupported operation"}),
        (400, {"code": -12999, "msg": "This is not a sub account."}),
        (400, {"msg": "Sub-account function is not enabled.", "success": False}),
        (200, {"msg": "Sub-account function is not enabled.", "success": False}),
        (404, {"code": -1000, "msg": "Path not found."}),
        (404, b"<html>not found</html>"),
    ],
)
def test_a_key_of_no_sub_account_gets_no_such_list_and_that_is_no_finding(
    status: int, body: object, server: Server, connector: Binance
) -> None:
    known: dict[str, str | int | None] = {"low": 5, "high": int(START.timestamp() * 1000)}
    server.answers = [(status, body, {})]
    (page,) = pulled(connector, IN, cursor=known)
    said = connector.interpret(page.payload)
    assert (page.rows, page.cursor, said.events, said.findings) == (0, known, (), ())
    assert page.payload.content == (body if isinstance(body, bytes) else json.dumps(body).encode())
    assert len([target for target in server.targets if "subUserHistory" in target]) == 1


@pytest.mark.parametrize(("code", "severity"), [(-12999, Severity.NOTE), (-1130, Severity.WARNING)])
def test_a_refusal_in_other_words_is_told_and_is_no_error(code: int, severity: Severity, server: Server, connector: Binance) -> None:
    for stream in (IN, StreamKey(stream="moves", symbol="MAIN_ISOLATED_MARGIN")):
        server.answers = [(400, {"code": code, "msg": "never heard of"}, {})]
        (page,) = pulled(connector, stream)
        (finding,) = connector.interpret(page.payload).findings
        assert (finding.code, finding.severity) == ("list-not-given", severity)
        assert "never heard of" in finding.message


def test_a_key_that_is_refused_is_refused_for_these_lists_too(server: Server, connector: Binance) -> None:
    server.answers = [(400, {"code": -1022, "msg": "Signature for this request is not valid."}, {})]
    with pytest.raises(KeyRefused):
        pulled(connector, IN)
    server.answers = [(401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, {})]
    with pytest.raises(KeyRefused):
        pulled(connector, StreamKey(stream="moves", symbol="MAIN_FUNDING"))


def test_a_busy_venue_is_asked_again_for_these_lists_too(server: Server, connector: Binance) -> None:
    server.answers = [(400, {"code": -1008, "msg": "busy"}, {}), (200, [{**MOVE, "tranId": 1, "time": int(START.timestamp() * 1000)}], {})]
    assert [page.rows for page in pulled(connector, IN)] == [1]
