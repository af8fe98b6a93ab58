"""What goes wrong with sockets on purpose: each fault as the client meets it, and what a patient client makes of them all."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import aiohttp
import pytest

from ledger.sandbox.calls import JsonValue
from ledger.sandbox.faults import KIND_BY_FAULT, SOCKET_FAULTS, CallTraits, Fault, FaultPlan, FaultStep, Moment
from ledger.sandbox.server import Sandbox

from .conftest import QUICK, TONGUES, Heard, Known, OfKraken, Tongue, heard_all, run, talk

Serve = Callable[..., Sandbox]

EXCHANGE, KRAKEN, BINANCE, ADVANCED = "coinbase-exchange", "kraken", "binance", "coinbase-advanced"


def struck(*steps: tuple[Fault, int]) -> FaultPlan:
    return FaultPlan(steps=[FaultStep(fault=fault, call=number) for fault, number in steps])


def all_told(serve: Serve, tongue: Tongue) -> list[Known]:
    """Return what a connection without faults is told, in order."""
    return heard_all(serve(tongue.venue), tongue).told(tongue)


def sequences(heard: Heard, venue: str) -> list[int]:
    """Return the numbers of the messages, in order, at a venue that numbers them; at Coinbase Exchange of one product."""
    match venue:
        case "kraken":
            return [message["sequence"] for message in heard.messages if message.get("channel") == "executions"]
        case "coinbase-advanced":
            return [message["sequence_num"] for message in heard.messages]
        case _:
            return [message["sequence"] for message in heard.messages if message.get("product_id") == "BTC-USD"]


def test_a_line_that_breaks_has_no_close_frame_and_the_next_one_is_well(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, faults=struck((Fault.SOCKET_DROPPED, 5)))
    broken, whole = (heard_all(sandbox, tongue) for _ in range(2))
    assert broken.closed_with in {None, 1006}
    assert len(broken.told(tongue)) < len(whole.told(tongue))
    assert whole.told(tongue) == all_told(serve, tongue)
    assert sandbox.fault_counts() == {Fault.SOCKET_DROPPED: 1}
    assert sandbox.violations == []


def first_fill(serve: Serve, tongue: Tongue) -> int:
    """Return the place, among the live messages, of the first that tells a fill and is not the first about its product."""
    heard = heard_all(serve(tongue.venue), tongue)
    live = [message for message in heard.messages if is_live(message)]
    told = [place for place, message in enumerate(live, start=1) if tongue.told(message) and is_numbered(message)]
    return next(place for place in told if place > 6)


def is_live(message: dict[str, JsonValue]) -> bool:
    """Tell whether a message is one of those that happen after a subscription."""
    is_news = message.get("type") in {"received", "open", "match", "done", "update"} or "event" in message
    events = message.get("events")
    is_of_user = isinstance(events, list) and isinstance(events[0], dict) and events[0].get("type") == "update"
    return (is_news and message.get("channel") != "status") or is_of_user


def is_numbered(message: dict[str, JsonValue]) -> bool:
    return message.get("product_id", "BTC-USD") == "BTC-USD"


def test_a_message_that_is_missed_leaves_a_gap_where_messages_are_numbered(serve: Serve, tongue: Tongue) -> None:
    place = first_fill(serve, tongue)
    sandbox = serve(tongue.venue, faults=struck((Fault.MESSAGE_MISSED, place)))
    wanted = len(tongue.by_calls(sandbox)) - 1
    heard = talk(sandbox, tongue.requests(sandbox), until=lambda heard: len(heard.told(tongue)) >= wanted)
    known = all_told(serve, tongue)
    lost = [one for one in known if one not in heard.told(tongue)]
    assert len(lost) == 1
    assert heard.told(tongue) == [one for one in known if one not in lost]
    steps = Counter(later - earlier for earlier, later in pairwise(sequences(heard, tongue.venue)))
    assert steps[2] == (0 if tongue.venue == BINANCE else 1)
    assert set(steps) <= {1, 2}
    assert sandbox.fault_counts() == {Fault.MESSAGE_MISSED: 1}


def test_a_message_that_comes_twice_is_the_same_message(serve: Serve, tongue: Tongue) -> None:
    place = first_fill(serve, tongue)
    sandbox = serve(tongue.venue, faults=struck((Fault.MESSAGE_TWICE, place)))
    heard = heard_all(sandbox, tongue)
    known = all_told(serve, tongue)
    doubled = [one for one, times in Counter(heard.told(tongue)).items() if times == 2]
    assert len(doubled) == 1
    assert list(dict.fromkeys(heard.told(tongue))) == known
    live = [str(message) for message in heard.messages if is_live(message)]
    assert live[place - 1] == live[place]


def frames(sandbox: Sandbox, tongue: Tongue) -> list[tuple[bool, int]]:
    """Return of each frame from the server whether it is the last of its message, and its opcode."""

    async def read() -> list[tuple[bool, int]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.rest_url.rpartition(":")[2]))
        path = sandbox.ws_url.partition("127.0.0.1")[2].partition("/")[2]
        lines = (f"GET /{path} HTTP/1.1", "Host: sandbox", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        writer.write("\r\n".join([*lines, "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "", ""]).encode())
        await reader.readuntil(b"\r\n\r\n")
        for request in tongue.requests(sandbox):
            content = json.dumps(request).encode()
            writer.write(bytes([0x81, 0xFE]) + len(content).to_bytes(2) + bytes(4) + content)  # masked with noughts
        found: list[tuple[bool, int]] = []
        while sum(opcode == 0 for _, opcode in found) < 2:
            head, size = await reader.readexactly(2)
            size = int.from_bytes(await reader.readexactly(2)) if size == 126 else size
            await reader.readexactly(size)
            found.append((bool(head & 0x80), head & 0x0F))
        writer.close()
        await writer.wait_closed()
        return found

    return run(asyncio.wait_for(read(), 15))


def test_a_message_in_fragments_arrives_whole(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, faults=struck((Fault.MESSAGE_IN_FRAGMENTS, 3)))
    heard = heard_all(sandbox, tongue)
    assert heard.told(tongue) == all_told(serve, tongue)
    assert sandbox.fault_counts() == {Fault.MESSAGE_IN_FRAGMENTS: 1}


def test_a_message_in_fragments_is_three_frames_on_the_wire(serve: Serve, tongue: Tongue) -> None:
    found = frames(serve(tongue.venue, faults=struck((Fault.MESSAGE_IN_FRAGMENTS, 3))), tongue)
    assert found[-3:] == [(False, 1), (False, 0), (True, 0)]
    assert set(found[:-3]) == {(True, 1)}


def test_a_ping_that_nobody_answers_changes_nothing_where_it_is_not_checked(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, faults=struck((Fault.PING_UNCHECKED, 2)))
    heard = heard_all(sandbox, tongue, answers_pings=False)
    assert heard.pings == 1
    assert heard.told(tongue) == all_told(serve, tongue)


def test_the_pings_of_binance_are_checked(serve: Serve) -> None:
    sandbox = serve(BINANCE, rhythm=replace(QUICK, ping_seconds=0.3, pong_seconds=0.9))
    silent = talk(sandbox, [], answers_pings=False)
    assert silent.closed_with == 1008
    assert silent.pings >= 2
    polite = talk(sandbox, [], seconds=2.0)
    assert (polite.closed_with, polite.pings >= 3) == (None, True)


@pytest.mark.parametrize("venue", [EXCHANGE, KRAKEN, ADVANCED])
def test_other_venues_do_not_ping(serve: Serve, venue: str) -> None:
    sandbox = serve(venue, rhythm=replace(QUICK, ping_seconds=0.05, pong_seconds=0.05))
    heard = talk(sandbox, TONGUES[venue].requests(sandbox), seconds=0.4, answers_pings=False)
    assert (heard.pings, heard.closed_with) == (0, None)


def test_a_connection_ends_with_its_life(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, rhythm=replace(QUICK, life_seconds=0.2))
    assert talk(sandbox, tongue.requests(sandbox)).closed_with == 1001
    assert QUICK.life_seconds == 24 * 3600


NOTICES = {KRAKEN: "'system': 'maintenance'", BINANCE: "'e': 'serverShutdown'"}


def test_a_shutdown_is_announced_where_the_venue_has_a_word_for_it(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, faults=struck((Fault.SERVER_SHUTDOWN, 4)))
    heard, after = talk(sandbox, tongue.requests(sandbox)), heard_all(sandbox, tongue)
    assert (heard.closed_with, after.closed_with) == (1001, None)
    notice = NOTICES.get(tongue.venue, "")
    assert sum(notice in str(message) for message in heard.messages if notice) == bool(notice)
    live = [is_live(message) for message in heard.messages]
    assert sum(live) >= 4
    assert after.told(tongue) == all_told(serve, tongue)


def test_a_stream_that_is_terminated_says_so_and_can_be_subscribed_to_again(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE, faults=struck((Fault.STREAM_TERMINATED, 4))), TONGUES[BINANCE]
    request = tongue.requests(sandbox)[0]

    async def visit() -> list[dict[str, JsonValue]]:
        heard = []
        async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.ws_url) as socket:
            await socket.send_json(request)
            while '"eventStreamTerminated"' not in (text := await socket.receive_str()):
                heard.append(json.loads(text))
            await asyncio.sleep(0.05)
            await socket.send_json(request)
            while len(heard) < 12:
                heard.append(await socket.receive_json())
        return heard

    heard = run(asyncio.wait_for(visit(), 15))
    first, second = heard[:5], heard[5:]
    assert (first[0]["result"], second[0]["result"]) == ({"subscriptionId": 0}, {"subscriptionId": 1})
    assert {message["subscriptionId"] for message in first[1:]} == {0}
    assert {message["subscriptionId"] for message in second[1:]} == {1}
    assert sum(map(is_live, first)) == 4


def test_a_storm_of_others_keeps_a_client_out_for_a_moment(serve: Serve, tongue: Tongue) -> None:
    sandbox = serve(tongue.venue, faults=struck((Fault.RECONNECT_STORM, 1)))
    with pytest.raises(aiohttp.WSServerHandshakeError) as failure:
        talk(sandbox, [])
    assert failure.value.status == 429
    assert heard_all(sandbox, tongue).told(tongue)
    assert sandbox.connections == [429, 101]
    assert sandbox.violations == []


@pytest.mark.parametrize("venue", [KRAKEN, ADVANCED])
def test_a_token_expires_before_its_time_and_a_new_one_is_good(serve: Serve, venue: str) -> None:
    sandbox, tongue = serve(venue, faults=struck((Fault.TOKEN_EXPIRED, 1))), TONGUES[venue]
    refused = talk(sandbox, tongue.requests(sandbox), until=lambda heard: any(map(tongue.is_refusal, heard.messages)))
    assert refused.told(tongue) == []
    assert heard_all(sandbox, tongue).told(tongue)
    assert sandbox.fault_counts() == {Fault.TOKEN_EXPIRED: 1}
    assert sandbox.violations == []


def test_what_a_venue_does_not_know_does_not_strike(serve: Serve) -> None:
    unknown = {EXCHANGE: Fault.TOKEN_EXPIRED, BINANCE: Fault.TOKEN_EXPIRED, KRAKEN: Fault.STREAM_TERMINATED}
    for venue, fault in unknown.items():
        sandbox = serve(venue, faults=struck((fault, 1)))
        assert heard_all(sandbox, TONGUES[venue]).told(TONGUES[venue])
        assert sandbox.fault_counts() == {}


# --- plans


def moments(plan: FaultPlan, moment: Moment, times: int) -> list[tuple[Fault, ...]]:
    return [plan.draw_on_socket(moment, SOCKET_FAULTS) for _ in range(times)]


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_strikes_the_same_messages(seed: int) -> None:
    once, again = (moments(FaultPlan.parse("10", seed=seed), Moment.MESSAGE, 400) for _ in range(2))
    assert once == again
    assert 25 <= sum(map(bool, once)) <= 75
    assert once != moments(FaultPlan.parse("10", seed=seed + 10), Moment.MESSAGE, 400)


@pytest.mark.parametrize("moment", [Moment.CONNECTING, Moment.LOGIN])
def test_nobody_is_kept_out_more_than_twice_in_a_row(moment: Moment) -> None:
    found = moments(FaultPlan.parse("10", seed=1), moment, 2000)
    assert any(found)
    assert not any(one and two and three for one, two, three in zip(found, found[1:], found[2:], strict=False))


@pytest.mark.parametrize("text", ["10", "all"])
def test_messages_break_off_three_times_in_the_life_of_a_server(text: str) -> None:
    found = Counter(fault for faults in moments(FaultPlan.parse(text, seed=2), Moment.MESSAGE, 3000) for fault in faults)
    assert sum(found[fault] for fault in (Fault.SOCKET_DROPPED, Fault.SERVER_SHUTDOWN, Fault.STREAM_TERMINATED)) == 3
    assert {fault for fault in found if KIND_BY_FAULT[fault].moment is not Moment.MESSAGE} == set()


@pytest.mark.parametrize("seed", range(3))
def test_what_strikes_calls_is_the_same_whether_sockets_are_open_or_not(seed: int) -> None:
    kinds = [kind for kind in KIND_BY_FAULT.values() if kind.is_mended and kind.group != 10]
    traits = CallTraits(bucket="fills", is_private=True, stream="/fills", rows="fills", continues=True)
    alone, beside = FaultPlan(seed=seed, kinds=kinds), FaultPlan.parse("all", seed=seed)
    found = []
    for number in range(1, 600):
        expected = alone.draw(number=number, target=f"GET /fills?{number % 50}", traits=traits)
        moments(beside, Moment.MESSAGE, 3)
        moments(beside, Moment.LOGIN, 1)
        assert beside.draw(number=number, target=f"GET /fills?{number % 50}", traits=traits) == expected
        found += expected
    assert found
    assert not SOCKET_FAULTS.intersection(found)


def test_a_scripted_fault_of_sockets_strikes_no_call() -> None:
    plan = struck((Fault.SOCKET_DROPPED, 1), (Fault.HTTP_500, 1))
    assert plan.draw(number=1, target="GET /", traits=CallTraits(bucket="public", is_private=False)) == (Fault.HTTP_500,)
    assert plan.draw_on_socket(Moment.MESSAGE, SOCKET_FAULTS) == (Fault.SOCKET_DROPPED,)


# --- all at once


@pytest.mark.parametrize("seed", [2, 3])
def test_whatever_goes_wrong_nothing_is_told_that_the_calls_do_not_tell(serve: Serve, tongue: Tongue, seed: int) -> None:
    sandbox = serve(tongue.venue, faults="10", seed=seed)
    by_calls = tongue.by_calls(sandbox)
    told: set[Known] = set()
    visits = 0
    while visits < 30 and not (visits >= 4 and told == set(by_calls)):
        told.update(one_visit(sandbox, tongue, len(by_calls)).told(tongue))
        visits += 1
    assert told == set(by_calls)
    assert sum(sandbox.fault_counts().values()) >= 3
    assert sandbox.violations == []


def one_visit(sandbox: Sandbox, tongue: Tongue, wanted: int) -> Heard:
    """Connect and listen for as long as things happen; who is kept out or refused hears nothing and tries again."""

    def is_enough(heard: Heard) -> bool:
        return len(set(heard.told(tongue))) == wanted or any(map(tongue.is_refusal, heard.messages))

    try:
        return talk(sandbox, tongue.requests(sandbox), until=is_enough, seconds=0.6)
    except aiohttp.WSServerHandshakeError:
        return Heard()


def test_kraken_counts_its_messages_from_the_snapshot_on(serve: Serve) -> None:
    heard = heard_all(serve(KRAKEN), OfKraken())
    numbers = sequences(heard, KRAKEN)
    assert numbers == list(range(1, len(numbers) + 1))
