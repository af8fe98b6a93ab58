"""Lines of venues' ledgers as the book keeps them."""

from collections.abc import Callable
from dataclasses import replace

from ledger.domain.event import Fill
from ledger.domain.payload import Payload
from ledger.storage.store import Store, StoredLine, Writer


def test_lines_come_back_as_they_were_stored(store: Store, payload: Callable[..., Payload], ledger_line: Callable[..., StoredLine]) -> None:
    with store.write() as writer:
        seq, _ = writer.add_payload(payload())
        bare = replace(ledger_line(seq, "2"), sequence=None, balance=None, explains="")
        told = [bare, ledger_line(seq)]
        writer.add_ledger_lines(told)
    with store.read() as reader:
        assert sorted(reader.ledger_lines("main", "BTC"), key=lambda line: line.line_id, reverse=True) == told


def test_lines_of_a_stream_s_payloads_are_those_that_belong_to_events(
    store: Store, payload: Callable[..., Payload], ledger_line: Callable[..., StoredLine]
) -> None:
    with store.write() as writer:
        streams = ("ledger", "fills", "ledger", "ledger")
        places = [writer.add_payload(payload(content=f"[{number}]".encode(), stream=name))[0] for number, name in enumerate(streams)]
        lines = [ledger_line(place, str(number)) for number, place in enumerate(places)]
        bare = replace(ledger_line(places[3], "9"), explains="")
        writer.add_ledger_lines([bare, *reversed(lines)])
    with store.read() as reader:
        assert list(reader.lines_of_payloads("main", "ledger", after_seq=0)) == [lines[0], lines[2], lines[3]]
        assert list(reader.lines_of_payloads("main", "ledger", after_seq=places[0])) == [lines[2], lines[3]]
        assert list(reader.lines_of_payloads("other", "ledger", after_seq=0)) == []


def test_tellings_of_many_events_are_those_of_each(store: Store, fill: Callable[..., Fill], stored: Callable[..., list[int]]) -> None:
    fills = [fill(number) for number in range(1, 4)]
    with store.write() as writer:
        stored(writer, *fills)
        _told_again(writer, stored, fills[1])
    with store.read() as reader:
        asked = [one.event_id for one in fills]
        assert reader.events_as_told(asked) == {one: reader.event_as_told(one) for one in asked}
        assert [reader.events_as_told(asked)[one].revision for one in asked] == [0, 1, 0]
        assert reader.events_as_told([]) == {}


def _told_again(writer: Writer, stored: Callable[..., list[int]], told: Fill) -> None:
    stored(writer, replace(told, note="better"), revision=1)
