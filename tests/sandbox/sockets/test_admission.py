"""Who may connect and subscribe: answered the way the venue does, and written down where a call is written down too."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import aiohttp
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.sandbox.account import seeded_account
from ledger.sandbox.calls import OF_SOCKETS, Answer, ViolationKind
from ledger.sandbox.exchange import Clocks, Exchange
from ledger.sandbox.faults import FaultPlan
from ledger.sandbox.limits import Rate
from ledger.sandbox.server import DIALECTS, Sandbox
from ledger.sandbox.streams import SocketSide
from ledger.sandbox.switchboard import Line, Switchboard

from .conftest import NOON, QUICK, TONGUES, Heard, Message, OfCoinbaseAdvanced, OfKraken, Tongue, conversation, heard_all, run, talk

Serve = Callable[..., Sandbox]

EXCHANGE, KRAKEN, BINANCE, ADVANCED = "coinbase-exchange", "kraken", "binance", "coinbase-advanced"
HANGS_UP = {EXCHANGE}


def refused(sandbox: Sandbox, requests: list[Message]) -> Message:
    """Return the refusal of what is asked; a venue that hangs up then must do so."""
    tongue = TONGUES[sandbox.venue]
    heard = talk(sandbox, requests, until=lambda heard: sandbox.venue not in HANGS_UP and any(map(tongue.is_refusal, heard.messages)))
    assert (heard.closed_with == 1000) is (sandbox.venue in HANGS_UP)
    assert heard.told(tongue) == []
    return next(message for message in heard.messages if tongue.is_refusal(message))


def violations(sandbox: Sandbox) -> list[ViolationKind]:
    assert all(one.call == OF_SOCKETS for one in sandbox.violations)
    return [one.kind for one in sandbox.violations]


WRONG_SECRETS = {EXCHANGE: base64.b64encode(b"another").decode(), BINANCE: "another"}


@pytest.mark.parametrize("venue", WRONG_SECRETS)
def test_a_wrong_signature_is_refused_and_a_violation(serve: Serve, venue: str) -> None:
    sandbox = serve(venue)
    message = refused(sandbox, TONGUES[venue].requests(sandbox, secret=WRONG_SECRETS[venue]))
    said = {EXCHANGE: message.get("reason"), BINANCE: message.get("error", {}).get("code")}[venue]
    assert said == {EXCHANGE: '{"message":"invalid signature"}', BINANCE: -1022}[venue]
    assert violations(sandbox) == [ViolationKind.SIGNATURE_MISMATCH]


def test_a_token_of_nothing_but_brackets_is_refused(serve: Serve) -> None:
    sandbox, tongue = serve(ADVANCED), OfCoinbaseAdvanced()
    part = base64.urlsafe_b64encode(b"[" * 15_000).decode()
    assert refused(sandbox, tongue.requests(sandbox, jwt=f"{part}.{part}.{part}"))["message"] == "authentication failure"
    assert violations(sandbox) == []


@pytest.mark.parametrize("made_for", ["uri", "another key"])
def test_a_token_that_is_made_for_a_call_or_by_another_key_is_refused_and_a_violation(serve: Serve, made_for: str) -> None:
    sandbox, tongue = serve(ADVANCED), OfCoinbaseAdvanced()
    token = tongue.token(sandbox, uri=f"GET {sandbox.ws_url.removeprefix('ws://')}")
    if made_for == "another key":
        head, claims, _ = tongue.token(sandbox).split(".")
        token = f"{head}.{claims}.{tongue.token(serve(ADVANCED, seed=2)).split('.')[2]}"
    assert refused(sandbox, tongue.requests(sandbox, jwt=token)) == {"type": "error", "message": "authentication failure"}
    assert violations(sandbox) == [ViolationKind.SIGNATURE_MISMATCH]


LATE: dict[str, Callable[[Tongue, Sandbox, float], list[Message]]] = {
    EXCHANGE: lambda tongue, sandbox, late: tongue.requests(sandbox, stamp=str(NOON - late)),
    BINANCE: lambda tongue, sandbox, late: tongue.requests(sandbox, timestamp=int((NOON - late) * 1000)),
    ADVANCED: lambda tongue, sandbox, late: tongue.requests(sandbox, jwt=OfCoinbaseAdvanced().token(sandbox, at=NOON - late)),
}
TOLERATED = {EXCHANGE: (-29.0, 29.0), BINANCE: (-0.9, 5.0), ADVANCED: (-1.0, 119.0)}
NOT_TOLERATED = {EXCHANGE: (-31.0, 31.0), BINANCE: (-1.0, 5.1), ADVANCED: (-2.0, 120.0)}


@pytest.mark.parametrize(("venue", "late"), [(venue, late) for venue, both in NOT_TOLERATED.items() for late in both])
def test_a_login_out_of_time_is_refused_and_no_violation(serve: Serve, venue: str, late: float) -> None:
    sandbox = serve(venue)
    message = refused(sandbox, LATE[venue](TONGUES[venue], sandbox, late))
    words = {EXCHANGE: "request timestamp expired", BINANCE: "-1021", ADVANCED: "authentication failure"}
    assert words[venue] in json.dumps(message)
    assert violations(sandbox) == []


@pytest.mark.parametrize(("venue", "late"), [(venue, late) for venue, both in TOLERATED.items() for late in both])
def test_a_login_within_the_time_that_the_venue_tolerates_is_admitted(serve: Serve, venue: str, late: float) -> None:
    sandbox, tongue = serve(venue), TONGUES[venue]
    heard = talk(sandbox, LATE[venue](tongue, sandbox, late), until=lambda heard: bool(heard.told(tongue)))
    assert heard.told(tongue)


@pytest.mark.parametrize(("age", "is_good"), [(900.0, True), (900.1, False)])
def test_a_token_of_kraken_can_be_used_for_900_seconds(serve: Serve, age: float, is_good: bool) -> None:  # noqa: FBT001 - a case
    now = [NOON]
    sandbox, tongue = serve(KRAKEN, wall=lambda: now[0]), OfKraken()
    given = tongue.call(sandbox, "GetWebSocketsToken")
    assert given["expires"] == 900
    now[0] += age
    requests = tongue.requests(sandbox, token=given["token"])
    answer = talk(sandbox, requests, until=lambda heard: len(heard.messages) > 1).messages[1]
    assert (answer["success"], answer.get("error")) == ((True, None) if is_good else (False, "ESession:Invalid session"))
    assert answer["req_id"] == 7
    assert violations(sandbox) == []


def test_a_token_of_kraken_lives_on_with_the_subscription_for_which_it_was_used(serve: Serve) -> None:
    now = [NOON]
    sandbox, tongue = serve(KRAKEN, wall=lambda: now[0]), OfKraken()
    request = tongue.requests(sandbox)[0]
    balances = request | {"params": {"channel": "balances", "token": request["params"]["token"]}}

    async def visit() -> list[bool]:
        answers = []
        async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.ws_url) as socket:
            for asked in (request, balances):
                await socket.send_json(asked)
                while (answer := await socket.receive_json()).get("method") != "subscribe":
                    pass
                answers.append(answer["success"])
                now[0] += 1000
        return answers

    assert run(visit()) == [True, True]
    assert refused(sandbox, [balances])["error"] == "ESession:Invalid session"


def test_a_token_that_was_never_given_out_is_refused(serve: Serve) -> None:
    sandbox = serve(KRAKEN)
    assert refused(sandbox, OfKraken().requests(sandbox, token="invented"))["error"] == "ESession:Invalid session"


@pytest.mark.parametrize("fault", ["ip-refused", "permission-lacking"])
def test_a_key_that_lacks_a_right_gets_no_subscription(serve: Serve, tongue: Tongue, fault: str) -> None:
    good = serve(tongue.venue)
    sandbox = serve(tongue.venue, faults=fault)
    requests = OfKraken().requests(good) if tongue.venue == KRAKEN else tongue.requests(sandbox)
    refused(sandbox, requests)
    assert violations(sandbox) == []


@pytest.mark.parametrize("venue", [EXCHANGE, ADVANCED])
def test_who_does_not_subscribe_in_time_is_hung_up_on(serve: Serve, venue: str) -> None:
    sandbox = serve(venue, rhythm=replace(QUICK, silence_seconds=0.2))
    heard = talk(sandbox, [])
    assert (heard.messages, heard.closed_with) == ([], 1000)
    assert violations(sandbox) == []
    assert QUICK.silence_seconds == 5.0


@pytest.mark.parametrize("venue", [EXCHANGE, ADVANCED])
def test_who_subscribes_in_time_is_not_hung_up_on(serve: Serve, venue: str) -> None:
    sandbox = serve(venue, rhythm=replace(QUICK, silence_seconds=1.0))
    heard = talk(sandbox, TONGUES[venue].requests(sandbox), seconds=1.3)
    assert heard.closed_with is None


@pytest.mark.parametrize("venue", [KRAKEN, BINANCE])
def test_other_venues_wait(serve: Serve, venue: str) -> None:
    sandbox = serve(venue, rhythm=replace(QUICK, silence_seconds=0.05))
    assert talk(sandbox, [], seconds=0.3).closed_with is None


WRITES: dict[str, Message] = {
    KRAKEN: {"method": "add_order", "params": {"order_type": "limit", "symbol": "BTC/USD", "order_qty": 1}, "req_id": 3},
    BINANCE: {"id": 3, "method": "order.place", "params": {"symbol": "BTCUSD", "side": "BUY", "type": "MARKET", "quantity": "1"}},
}


@pytest.mark.parametrize("venue", WRITES)
def test_an_order_is_refused_and_a_violation(serve: Serve, venue: str) -> None:
    sandbox = serve(venue)
    message = refused(sandbox, [WRITES[venue]])
    assert message.get("error") in ("EGeneral:Permission denied", {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})
    assert violations(sandbox) == [ViolationKind.WRITE_CALL]


def test_a_secret_in_the_address_is_a_violation(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sandbox.ws_url}?key={sandbox.key}"):
            pass

    run(visit())
    assert violations(sandbox) == [ViolationKind.SECRET_IN_ADDRESS]
    assert sandbox.key not in str(sandbox.violations)


def test_there_is_no_socket_elsewhere(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)

    async def visit() -> int:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as failure:
                await session.ws_connect(f"{sandbox.rest_url}/elsewhere")
            return failure.value.status

    assert run(visit()) == 404
    assert sandbox.connections == [404]


def test_a_handshake_without_a_key_is_a_bad_request(serve: Serve, tongue: Tongue, caplog: pytest.LogCaptureFixture) -> None:
    sandbox = serve(tongue.venue)
    answer = httpx.get(sandbox.ws_url.replace("ws://", "http://"), headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    assert answer.status_code == 400
    assert sandbox.connections == []
    assert caplog.messages == []


CONNECTIONS = {EXCHANGE: 20, ADVANCED: 750, KRAKEN: 150, BINANCE: 300}


@pytest.mark.parametrize("venue", CONNECTIONS)
def test_a_storm_of_connections_is_refused_and_a_violation(venue: str) -> None:
    now = [0.0]
    dialect, plan = DIALECTS[venue](seeded_account(1, 60)), FaultPlan()
    exchange = Exchange(dialect, plan, Clocks(wall=lambda: NOON, monotonic=lambda: now[0]))
    board = Switchboard(dialect.socket_side(QUICK), exchange, plan)
    answers = [board.connect(target=board.side.path, headers={}) for _ in range(CONNECTIONS[venue] + 1)]
    assert all(isinstance(answer, Line) for answer in answers[:-1])
    assert isinstance(answers[-1], Answer)
    assert answers[-1].status == 429
    assert [one.kind for one in exchange.violations] == [ViolationKind.RATE_EXCEEDED]
    now[0] += 1.0 if isinstance(board.side.rate, Rate) else board.side.rate.seconds
    assert isinstance(board.connect(target=board.side.path, headers={}), Line)


def test_a_storm_is_seen_on_the_wire(serve: Serve) -> None:
    sandbox = serve(EXCHANGE, monotonic=lambda: 0.0)

    async def storm() -> int:
        for _ in range(20):
            await conversation(sandbox, [], until=lambda _: True)
        with pytest.raises(aiohttp.WSServerHandshakeError) as failure:
            await conversation(sandbox, [], until=lambda _: True)
        return failure.value.status

    assert run(storm()) == 429
    assert sandbox.connections == [101] * 20 + [429]
    assert violations(sandbox) == [ViolationKind.RATE_EXCEEDED]


NONSENSE = [
    "",
    "[]",
    "null",
    "7",
    '"x"',
    "{",
    "{}",
    "[" * 20_000,
    '{"method":{}}',
    '{"type":[]}',
    '{"id":1e999,"method":"ping"}',
    "\U0001f600",
    '{"method":"\\ud83d","type":"\\ud83d"}',
]


def is_answered(heard: Heard) -> bool:
    return any(message.get("channel") != "status" for message in heard.messages)


def test_nonsense_is_answered_and_breaks_nothing(serve: Serve, tongue: Tongue, caplog: pytest.LogCaptureFixture) -> None:
    sandbox = serve(tongue.venue)
    for text in NONSENSE:
        assert talk(sandbox, [text], until=is_answered, seconds=5).messages, text
    assert heard_all(sandbox, tongue).told(tongue)
    assert caplog.messages == []


def test_a_message_that_is_too_long_ends_the_connection(serve: Serve, tongue: Tongue, caplog: pytest.LogCaptureFixture) -> None:
    sandbox = serve(tongue.venue)
    assert talk(sandbox, ["x" * 70_000]).closed_with == 1009
    assert caplog.messages == []


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["user", "executions", "BTC-USD", "subscribe"]) | st.text()
)
CELLS = st.recursive(LEAVES, lambda cells: st.lists(cells, max_size=3) | st.dictionaries(st.text(max_size=9), cells, max_size=3))
NAMES = ("method", "type", "params", "id", "req_id", "channel", "channels", "product_ids", "signature", "jwt", "timestamp", "apiKey")
METHODS = ["subscribe", "unsubscribe", "ping", "session.logon", "userDataStream.subscribe.signature", "userDataStream.unsubscribe"]


@settings(max_examples=60, deadline=None)
@given(
    said=st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, CELLS)),
    method=st.sampled_from(METHODS),
    params=st.dictionaries(st.sampled_from(["apiKey", "timestamp", "signature", "recvWindow", "channel", "token"]), CELLS),
)
@pytest.mark.parametrize("side", [make(seeded_account(1, 60)).socket_side(QUICK) for make in DIALECTS.values()], ids=list(DIALECTS))
def test_whatever_is_sent_is_answered_in_json(side: SocketSide, said: Message, method: str, params: Message) -> None:
    session = side.session()
    for text in (json.dumps(said), json.dumps(said | {"method": method, "type": method}), json.dumps({"method": method, "params": params})):
        saying = session.hear(text, now=NOON, drawn=tuple)
        assert saying.texts
        assert all(isinstance(json.loads(text), dict) for text in saying.texts)


ENDS: dict[str, Message] = {
    EXCHANGE: {"type": "unsubscribe"},
    KRAKEN: {"method": "unsubscribe"},
    BINANCE: {"method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}},
    ADVANCED: {"type": "unsubscribe"},
}


def test_who_has_unsubscribed_is_told_nothing_more(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)
    request = tongue.requests(sandbox)[0]
    line = sandbox._board.connect(target=sandbox._board.side.path, headers={})
    assert isinstance(line, Line)
    dues = line.hear(json.dumps(request)).later
    assert line.is_subscribed
    assert line.tell(dues[0]) is not None
    ended = line.hear(json.dumps(request | ENDS[tongue.venue])).texts
    assert not any(tongue.is_refusal(json.loads(text)) for text in ended)
    assert not line.is_subscribed
    assert [line.tell(due) for due in dues[1:]] == [None] * (len(dues) - 1)


def test_what_is_subscribed_to_twice_is_told_once(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue)
    request = json.dumps(tongue.requests(sandbox)[0])
    line = sandbox._board.connect(target=sandbox._board.side.path, headers={})
    assert isinstance(line, Line)
    assert line.hear(request).later
    assert line.hear(request).later == ()
