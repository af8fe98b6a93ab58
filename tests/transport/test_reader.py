"""What each kind of answer becomes; over real sockets."""

import gzip
import logging
import time
import traceback
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest

from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.transport.pace import Budget, BudgetSpent, ManualClock, TokenBucket
from ledger.transport.reader import HttpReader, Reply, checked_base_url
from ledger.transport.redaction import Redactor

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"
HTML_TYPE = ("Content-Type: text/html; charset=UTF-8",)


def test_numbers_arrive_exactly_and_the_bytes_are_kept(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    body = b'[{"price": 0.123456789012345678, "id": 9007199254740993, "size": 1E-8}]'
    reader, budget = open_reader(serve(reply(body)).url)
    answer = reader.get("/fills?limit=1", limits=())
    assert answer.rows() == [{"price": Decimal("0.123456789012345678"), "id": 9007199254740993, "size": Decimal("1E-8")}]
    assert (answer.content, answer.request, budget.requests) == (body, "GET /fills?limit=1", 1)


def test_the_target_goes_out_as_given_with_our_user_agent(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    server = serve(reply())
    reader, _ = open_reader(server.url)
    reader.get("/fills?product_id=A%2FB&after=2025-01-01+00%3A00", limits=())
    lines = server.heads[0].decode().splitlines()
    assert lines[0] == "GET /fills?product_id=A%2FB&after=2025-01-01+00%3A00 HTTP/1.1"
    assert any(line.startswith("User-Agent: lotwright/") for line in lines)


@pytest.mark.parametrize(
    ("coding", "packed"), [("gzip", gzip.compress(b"[1]", mtime=0)), ("X-GZIP ", gzip.compress(b"[1]", mtime=0)), ("identity", b"[1]")]
)
def test_a_packed_body_is_unpacked(serve: Callable, reply: Callable, open_reader: Callable, coding: str, packed: bytes) -> None:
    server = serve(reply(packed, headers=("Content-Type: application/json", f"Content-Encoding: {coding}")))
    reader, _ = open_reader(server.url)
    assert reader.get("/", limits=()).content == b"[1]"
    assert b"Accept-Encoding: gzip\r\n" in server.heads[0]


def test_a_refusal_without_a_body_may_say_that_it_is_packed(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    reader, _ = open_reader(serve(reply(b"", status="404 Not Found", headers=("Content-Encoding: gzip",))).url)
    with pytest.raises(TerminalError, match="HTTP 404: nothing"):
        reader.get("/x", limits=())


PASSING = {
    "http-429": {"body": b'{"message":"Private rate limit exceeded"}', "status": "429 Too Many Requests"},
    "http-408": {"body": b"", "status": "408 Request Timeout"},
    "http-500": {"body": HTML, "status": "500 Internal Server Error", "headers": HTML_TYPE},
    "http-502": {"body": HTML, "status": "502 Bad Gateway", "headers": HTML_TYPE},
    "http-503": {"body": b'{"message":"maintenance"}', "status": "503 Service Unavailable"},
    "http-522": {"body": HTML, "status": "522 ", "headers": HTML_TYPE},
    "firewall-403": {"body": HTML, "status": "403 Forbidden", "headers": HTML_TYPE},
    "proxy-401": {"body": b"who are you", "status": "401 Unauthorized", "headers": ("Content-Type: text/plain",)},
    "reset": {"body": b"", "length": 10, "reset": True},
    "half-body": {"body": b'[{"trade_id"', "length": 500},
    "wrong-length": {"body": b'[{"trade_id": 1}]', "length": 9},
    "stalled": {"stall": 0.4},
    "html-200": {"body": HTML, "headers": HTML_TYPE},
    "broken-json": {"body": b'[{"trade_id": 1}, '},
    "broken-refusal": {"body": b'{"code":-1121,"msg"', "status": "400 Bad Request"},
    "no-utf-8": {"body": b'["\xff"]'},
    "empty-200": {"body": b""},
    "object-for-list": {"body": b'{"message": "ok"}'},
    "bad-gzip": {"body": b"no gzip at all", "headers": ("Content-Encoding: gzip",)},
    "half-gzip": {"body": gzip.compress(b"[1]", mtime=0)[:-5], "headers": ("Content-Encoding: gzip",)},
    "more-than-gzip": {"body": gzip.compress(b"[1]", mtime=0) + b"]", "headers": ("Content-Encoding: gzip",)},
    "gzip-twice": {"body": gzip.compress(gzip.compress(b"[1]", mtime=0)), "headers": ("Content-Encoding: gzip, gzip",)},
    "gzip-twice-in-two-headers": {
        "body": gzip.compress(gzip.compress(b"[1]", mtime=0)),
        "headers": ("Content-Encoding: gzip", "Content-Encoding: gzip"),
    },
    "deflate": {"body": zlib.compress(b"[1]"), "headers": ("Content-Encoding: deflate",)},
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_tried_again(serve: Callable, reply: Callable, open_reader: Callable, fault: str) -> None:
    reader, budget = open_reader(serve(reply(**PASSING[fault]), reply(b"[7]")).url)
    assert reader.get("/x", limits=()).rows() == [7]
    assert (budget.requests, budget.retries) == (2, 1)


def test_a_connection_that_is_reset_when_used_again_is_tried_again(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    reader, budget = open_reader(serve(reply(b"[1]", keep=True), reply(b"", length=5, reset=True), reply(b"[2]")).url)
    assert reader.get("/a", limits=()).rows() == [1]
    assert reader.get("/b", limits=()).rows() == [2]
    assert budget.retries == 1


def test_bytes_left_over_by_a_wrong_length_spoil_no_later_answer(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    reader, _ = open_reader(serve(reply(b'[{"trade_id": 1}]', length=9, keep=True), reply(b"[7]")).url)
    assert reader.get("/a", limits=()).rows() == [7]
    assert reader.get("/b", limits=()).rows() == [7]


LASTING = {
    "http-502": (PASSING["http-502"], "somewhere: GET /x: HTTP 502: an HTML page (tried 2 times)"),
    "http-503": (PASSING["http-503"], "somewhere: GET /x: HTTP 503: maintenance (tried 2 times)"),
    "firewall-403": (
        PASSING["firewall-403"],
        "somewhere: GET /x: HTTP 403: an HTML page (not the venue's own words: a firewall or a proxy in between) (tried 2 times)",
    ),
    "html-200": (PASSING["html-200"], "somewhere: GET /x: answered HTML instead of JSON (tried 2 times)"),
    "broken-json": (
        PASSING["broken-json"],
        "somewhere: GET /x: answered what is not readable as JSON (JSONDecodeError in 18 bytes) (tried 2 times)",
    ),
    "object-for-list": (PASSING["object-for-list"], "somewhere: GET /x: answered no JSON that is a list: ok (tried 2 times)"),
    "empty-error": ({"body": b"", "status": "500 Internal Server Error"}, "somewhere: GET /x: HTTP 500: nothing (tried 2 times)"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_lasts_is_named(serve: Callable, reply: Callable, open_reader: Callable, fault: str) -> None:
    given, message = LASTING[fault]
    reader, _ = open_reader(serve(reply(**given)).url, attempts=2)
    with pytest.raises(TransientError) as raised:
        reader.get("/x", limits=())
    assert raised.value.message == message


def test_an_address_where_nobody_listens_is_a_passing_fault(open_reader: Callable) -> None:
    reader, _ = open_reader("http://127.0.0.1:1", attempts=2)
    with pytest.raises(TransientError, match=r"ConnectError: .*tried 2 times"):
        reader.get("/x", limits=())


FINAL = {
    "bad-request": ("400 Bad Request", b'{"message":"invalid product_id"}', TerminalError, "HTTP 400: invalid product_id"),
    "not-found": ("404 Not Found", b'{"message":"NotFound"}', TerminalError, "HTTP 404: NotFound"),
    "not-found-html": ("404 Not Found", HTML, TerminalError, "HTTP 404: an HTML page"),
    "gone-text": ("410 Gone", b"no more\x1b[31m of this\n", TerminalError, "HTTP 410: no more [31m of this"),
    "bad-key": ("401 Unauthorized", b'{"message":"Invalid API Key"}', KeyRefused, "HTTP 401: Invalid API Key"),
    "forbidden": ("403 Forbidden", b'{"message":"Forbidden"}', KeyRefused, "HTTP 403: Forbidden"),
    "redirect": ("302 Found", b"", TerminalError, "HTTP 302: nothing (redirects are not followed)"),
}


@pytest.mark.parametrize("case", FINAL)
def test_a_refusal_is_final_and_in_the_venues_words(serve: Callable, reply: Callable, open_reader: Callable, case: str) -> None:
    status, body, kind, words = FINAL[case]
    reader, budget = open_reader(serve(reply(body, status=status)).url)
    with pytest.raises(TerminalError) as raised:
        reader.get("/x", limits=())
    assert type(raised.value) is kind
    assert raised.value.message == f"somewhere: GET /x: {words}"
    assert (raised.value.status, budget.requests) == (int(status[:3]), 1)


LOCATIONS = ["/", "javascript:1", "http://xn--a/", "http://xn--zzzzzzzzzzzzzzzzzz/", "http://[::1", "\xff", "/" + "a" * 70_000]


@pytest.mark.parametrize("location", LOCATIONS)
def test_wherever_a_redirect_points_to_it_is_only_refused(serve: Callable, reply: Callable, open_reader: Callable, location: str) -> None:
    server = serve(reply(b"", status="302 Found", headers=(f"Location: {location}",)))
    reader, _ = open_reader(server.url)
    with pytest.raises(TerminalError, match="HTTP 302: nothing"):
        reader.get("/x", limits=())
    assert len(server.heads) == 1


@pytest.mark.parametrize("cookie", ["session=1", "\xff=\xff", "a=b; max-age=" + "9" * 5_000])
def test_a_cookie_is_not_kept(serve: Callable, reply: Callable, open_reader: Callable, cookie: str) -> None:
    server = serve(reply(headers=(f"Set-Cookie: {cookie}",)), reply(b"[2]"))
    reader, _ = open_reader(server.url)
    reader.get("/x", limits=())
    assert reader.get("/x", limits=()).rows() == [2]
    assert b"cookie" not in server.heads[1].lower()


def test_an_address_that_is_too_long_is_no_call_and_its_error_is_short(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    server = serve(reply())
    reader, _ = open_reader(server.url)
    with pytest.raises(TerminalError, match=r"^somewhere: GET /x\?ids=1,1.*: no such call can be made: URL too long$") as raised:
        reader.get("/x?ids=" + "1," * 40_000, limits=())
    assert (len(raised.value.message) < 500, server.heads) == (True, [])


def judged(reply: Reply) -> ConnectorError | None:
    """Stand for a venue that refuses keys in plain text, and says "later" by a code in an answer of any status."""
    if reply.content.strip() == b"Unauthorized":
        return KeyRefused(reply.said, status=reply.status)
    if isinstance(reply.json, dict) and reply.json.get("code") == "later":
        return TransientError(reply.said, retry_after_seconds=reply.wished_seconds)
    return None


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        ("401 Unauthorized", b"Unauthorized\n", KeyRefused, "HTTP 401: Unauthorized"),
        ("401 Unauthorized", b"Unauthorized by the proxy", TransientError, "not the venue's own words"),
        ("400 Bad Request", b'{"code":"later","message":"slow"}', TransientError, "HTTP 400: slow"),
        ("200 OK", b'{"code":"later","message":"slow"}', TransientError, "HTTP 200: slow"),
        ("400 Bad Request", b'{"code":"never","message":"later"}', TerminalError, "HTTP 400: later"),
    ],
)
def test_a_venue_judges_its_answers_before_the_status_does(
    serve: Callable, reply: Callable, open_reader: Callable, status: str, body: bytes, kind: type, words: str
) -> None:
    reader, _ = open_reader(serve(reply(body, status=status)).url, attempts=1, judge=judged)
    with pytest.raises(ConnectorError, match=f"^somewhere: GET /x: .*{words}") as raised:
        reader.get("/x", limits=(), shape=dict)
    assert type(raised.value) is kind


def test_what_a_judge_does_not_mind_is_an_answer(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    reader, _ = open_reader(serve(reply(b'{"code":"fine"}')).url, judge=judged)
    assert reader.get("/x", limits=(), shape=dict).json == {"code": "fine"}


def test_a_judge_cannot_tell_a_secret_and_has_the_wish_of_the_venue(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    later = reply(b'{"code":"later","message":"not you, tokenABC"}', headers=("Retry-After: 7",))
    reader, _ = open_reader(serve(later).url, attempts=1, judge=judged, secrets=("tokenABC",))
    with pytest.raises(TransientError) as raised:
        reader.get("/x", limits=(), shape=dict)
    assert "tokenABC" not in str(raised.value)
    assert raised.value.__cause__.retry_after_seconds == 7


RETRY_AFTER = {
    "seconds": ("7", 7.0),
    "zero": ("0", 0.0),
    "date": ("Thu, 01 Jan 2026 00:00:09 GMT", 9.0),
    "past-date": ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
    "date-without-zone": ("Thu, 01 Jan 2026 00:00:09 -0000", 9.0),
}


@pytest.mark.parametrize("case", RETRY_AFTER)
def test_retry_after_is_honoured(serve: Callable, reply: Callable, open_reader: Callable, clock: ManualClock, case: str) -> None:
    header, seconds = RETRY_AFTER[case]
    busy = reply(b"{}", status="429 Too Many Requests", headers=(f"Retry-After: {header}",))
    reader, budget = open_reader(serve(busy, reply()).url)
    reader.get("/x", limits=())
    assert (clock.seconds, budget.retries) == (seconds, 1)


def test_an_unreadable_retry_after_is_as_none(serve: Callable, reply: Callable, open_reader: Callable, clock: ManualClock) -> None:
    busy = reply(b"{}", status="503 Service Unavailable", headers=("Retry-After: soon",))
    reader, _ = open_reader(serve(busy, reply()).url)
    reader.get("/x", limits=())
    assert 0.25 <= clock.seconds <= 0.5


@pytest.mark.parametrize("header", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wish_of_ages_is_told_as_one_of_a_week(serve: Callable, reply: Callable, open_reader: Callable, header: str) -> None:
    busy = reply(b"{}", status="429 Too Many Requests", headers=(f"Retry-After: {header}",))
    reader, _ = open_reader(serve(busy).url)
    with pytest.raises(TransientError, match="the venue asks to wait 604800 s") as raised:
        reader.get("/x", limits=())
    assert raised.value.retry_after_seconds == 604_800


def test_a_wish_beyond_any_calendar_is_as_none(serve: Callable, reply: Callable, open_reader: Callable, clock: ManualClock) -> None:
    busy = reply(b"{}", status="503 Service Unavailable", headers=("Retry-After: Thu, 01 Jan 99999999999999999999 00:00:00 GMT",))
    reader, _ = open_reader(serve(busy, reply()).url)
    reader.get("/x", limits=())
    assert 0.25 <= clock.seconds <= 0.5


def test_a_wish_that_a_judge_reads_from_the_words_is_at_most_a_week_too(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    def closed_for_ages(reply: Reply) -> ConnectorError:
        return TransientError(reply.said, retry_after_seconds=1e300)

    reader, _ = open_reader(serve(reply()).url, judge=closed_for_ages)
    with pytest.raises(TransientError) as raised:
        reader.get("/x", limits=())
    assert raised.value.retry_after_seconds == 604_800


def test_a_429_empties_the_bucket(serve: Callable, reply: Callable, open_reader: Callable, clock: ManualClock) -> None:
    busy = reply(b"{}", status="429 Too Many Requests", headers=("Retry-After: 0",))
    reader, budget = open_reader(serve(busy, reply()).url)
    bucket = TokenBucket(rate=10, burst=20, share=1, budget=budget)
    clock.seconds = 100.0
    reader.get("/x", limits=(bucket,))
    assert clock.sleeps == [pytest.approx(0.1)]


def test_a_body_without_end_is_cut_off(serve: Callable, reply: Callable, open_reader: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.transport.reader.ANSWER_BYTES_MAX", 10_000)
    reader, budget = open_reader(serve(reply(b" " * 1_000_000)).url)
    with pytest.raises(TerminalError, match="the answer exceeds 10000 bytes"):
        reader.get("/x", limits=())
    assert budget.requests == 1


def test_a_packed_body_without_end_is_cut_off_as_it_is_unpacked(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    bomb = gzip.compress(bytes(80 * 2**20))
    reader, budget = open_reader(serve(reply(bomb, headers=("Content-Encoding: gzip",))).url)
    tracemalloc.start()
    with pytest.raises(TerminalError, match=f"the answer exceeds {64 * 2**20} bytes"):
        reader.get("/x", limits=())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (budget.requests, most < 150 * 2**20) == (1, True)


def test_a_packed_body_that_gives_nothing_is_cut_off_by_what_has_arrived(
    serve: Callable, reply: Callable, open_reader: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.transport.reader.ANSWER_BYTES_MAX", 10_000)
    endless_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 1_000_000
    reader, _ = open_reader(serve(reply(endless_name, headers=("Content-Encoding: gzip",))).url)
    with pytest.raises(TerminalError, match="the answer exceeds 10000 bytes"):
        reader.get("/x", limits=())


ENDLESS = {
    "header": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Slow: x\r\n"),
    "early-hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[]", b" "),
    "body-that-ends-with-the-connection": (b"HTTP/1.1 200 OK\r\n\r\n[]", b" "),
    "refusal": (b"HTTP/1.1 400 Bad Request\r\n\r\n{}", b" "),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk-size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;", b"x"),
    "trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nX-Slow: ", b"x"),
    "packed-name": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08" + bytes(6), b"n"),
}


@pytest.mark.parametrize("where", ENDLESS)
def test_an_answer_that_drips_is_given_up_wherever_it_drips(serve: Callable, dripping: Callable, open_reader: Callable, where: str) -> None:
    reader, budget = open_reader(serve(dripping(*ENDLESS[where])).url, whole=0.4, attempts=2)
    began = time.monotonic()
    with pytest.raises(TransientError, match=r"^somewhere: GET /x: the answer was not complete after 0.4 s \(tried 2 times\)"):
        reader.get("/x", limits=())
    assert budget.requests == 2
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("where", ENDLESS)
def test_an_answer_in_progress_ends_with_the_budget(serve: Callable, dripping: Callable, open_reader: Callable, where: str) -> None:
    reader, budget = open_reader(serve(dripping(*ENDLESS[where])).url, deadline=0.4)
    began = time.monotonic()
    with pytest.raises(BudgetSpent, match=r"^somewhere: GET /x: the time budget ran out in the middle of an answer") as raised:
        reader.get("/x", limits=())
    assert (budget.requests, "give more time with --budget" in raised.value.mend) == (1, True)
    assert time.monotonic() - began < 10


def test_a_connection_that_is_used_again_is_watched_too(
    serve: Callable, reply: Callable, dripping: Callable, open_reader: Callable
) -> None:
    reader, _ = open_reader(serve(reply(b"[1]", keep=True), dripping(*ENDLESS["header"]), reply(b"[2]")).url, whole=0.4)
    assert reader.get("/a", limits=()).rows() == [1]
    assert reader.get("/b", limits=()).rows() == [2]


def test_no_call_starts_after_the_deadline(serve: Callable, reply: Callable, open_reader: Callable, clock: ManualClock) -> None:
    server = serve(reply())
    reader, budget = open_reader(server.url, deadline=10.0)
    clock.seconds = 10.0
    with pytest.raises(BudgetSpent):
        reader.get("/x", limits=())
    assert (server.heads, budget.requests) == ([], 0)


def test_a_fault_that_lasts_ends_with_the_budget(serve: Callable, reply: Callable, open_reader: Callable, clock: ManualClock) -> None:
    reader, _ = open_reader(serve(reply(**PASSING["http-503"])).url, deadline=6.0)
    with pytest.raises(BudgetSpent, match=r"the time budget ran out: .*HTTP 503: maintenance"):
        reader.get("/x", limits=())
    assert clock.seconds < 6.0


# --- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "500 Internal Server Error", "200 OK"])
def test_a_secret_that_the_venue_repeats_never_stands_in_an_error_or_a_log(
    serve: Callable, reply: Callable, open_reader: Callable, caplog: pytest.LogCaptureFixture, status: str
) -> None:
    body = b'{"message":"no key hunter22 known"}'
    reader, _ = open_reader(serve(reply(body, status=status)).url, secrets=("hunter22",), attempts=1)
    with caplog.at_level(logging.DEBUG), pytest.raises((TransientError, TerminalError)) as raised:
        reader.get("/x?k=hunter22", limits=())
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + caplog.text
    assert "no key [redacted] known" in shown
    assert "GET" in caplog.text
    for line in shown.splitlines():
        assert "hunter22" not in line or "reader.get(" in line  # the test's own source stands in the traceback


@pytest.mark.parametrize("status", ["400 Bad Request", "503 Service Unavailable", "200 OK"])
@pytest.mark.parametrize("spelled", ["hunter22/+", "hunter22\\/\\u002b"])
@pytest.mark.parametrize("shape", ['{"message":"%s"}', '"%s"', "%s"])
def test_no_part_of_a_secret_stands_where_a_message_is_cut(
    serve: Callable, reply: Callable, open_reader: Callable, status: str, spelled: str, shape: str
) -> None:
    for before in (270, 285, 292, 296):
        body = (shape % ("x" * before + spelled + "y" * 1_000)).encode()
        reader, _ = open_reader(serve(reply(body, status=status)).url, secrets=("hunter22/+",), attempts=1)
        with pytest.raises(ConnectorError) as raised:
            reader.get("/x", limits=())
        assert "hun" not in raised.value.message


def test_what_a_judge_says_in_the_venues_words_is_short_and_printable(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    def quoting(reply: Reply) -> ConnectorError:
        return TerminalError(reply.content.decode())

    words = "x" * 290 + "hunter22" + "\x1b[2J\u202e" * 100_000
    reader, _ = open_reader(serve(reply(words.encode(), status="400 Bad Request")).url, judge=quoting, secrets=("hunter22",))
    with pytest.raises(TerminalError) as raised:
        reader.get("/x", limits=())
    assert raised.value.message == "somewhere: GET /x: " + "x" * 290 + "[redacted]"


def test_a_secret_in_a_broken_header_stands_in_no_error_and_no_traceback(serve: Callable, reply: Callable, open_reader: Callable) -> None:
    reader, _ = open_reader(serve(reply(headers=("hunter22 " + "x" * 1_000,))).url, secrets=("hunter22",), attempts=1)
    with pytest.raises(TransientError, match="RemoteProtocolError: illegal header line") as raised:
        reader.get("/x", limits=())
    assert len(raised.value.message) < 400
    assert not any("hunter22" in line and "reply(" not in line for line in traceback.format_exception(raised.value))


def test_the_signature_of_a_call_stands_in_no_log(
    serve: Callable, reply: Callable, open_reader: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    reader, _ = open_reader(serve(reply()).url)
    with caplog.at_level(logging.DEBUG):
        reader.get("/x?a=1&signature=5ec2e7", limits=())
    assert "/x?a=1&signature=[redacted]" in caplog.text
    assert "5ec2e7" not in caplog.text


# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["https://api.example.com", "http://127.0.0.1:80", "http://localhost:8080/", "http://[::1]:90"])
def test_an_address_of_scheme_and_host_is_taken(url: str) -> None:
    assert checked_base_url(url) == url.rstrip("/")


ADDRESSES = {
    "no-scheme": ("api.example.com", "is not an address of http or https"),
    "file": ("file:///etc/passwd", "is not an address of http or https"),
    "path": ("https://api.example.com/v2", "holds more than scheme, host and port"),
    "query": ("https://api.example.com?a=1", "holds more than scheme, host and port"),
    "userinfo": ("https://me:pw@api.example.com", "holds more than scheme, host and port"),
    "unencrypted": ("http://api.example.com", "would send the key unencrypted"),
    "bad-port": ("https://api.example.com:port", "is not an address"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_any_other_address_is_refused(case: str) -> None:
    url, message = ADDRESSES[case]
    with pytest.raises(InputError, match=message) as raised:
        checked_base_url(url)
    assert "pw" not in str(raised.value).replace("passwd", "")
    budget = Budget(clock=ManualClock(start=datetime(2026, 1, 1, tzinfo=UTC)), deadline=None)
    with pytest.raises(InputError):
        HttpReader(venue="x", base_url=url, budget=budget, rng=Random(1), redactor=Redactor(()))  # noqa: S311  # never drawn from
