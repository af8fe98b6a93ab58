"""The exchange behind the socket: counts calls, keeps the rate, strikes with faults, and writes down what the client did wrong.

Knows no venue (that is the dialect) and no socket (that is the server).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote

from ledger.sandbox.calls import OF_SOCKETS, Answer, BanningDialect, CallRecord, Dialect, ReceivedCall, Violation, ViolationKind
from ledger.sandbox.faults import CallTraits, Fault, FaultPlan
from ledger.sandbox.limits import Limiter

Edge = Callable[[str, bytes], bytes]  # what stands between venue and client: from path and body to the body that is sent

_HTML: Final = "text/html; charset=utf-8"
_PAGE: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr></body></html>\n"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_RETRY_AFTER_SECONDS: Final = 1
_GRACE_SECONDS: Final = 0.01  # clocks of two processes are read at two moments
_BAN_SECONDS: Final = 2
_JUMP_BACK_SECONDS: Final = -45.0
_SKEW_SECONDS: Final[Mapping[Fault, float]] = {
    Fault.CLOCK_AHEAD_2S: 2.0,
    Fault.CLOCK_AHEAD_40S: 40.0,
    Fault.CLOCK_AHEAD_1H: 3600.0,
    Fault.CLOCK_BEHIND_2S: -2.0,
    Fault.CLOCK_BEHIND_40S: -40.0,
    Fault.CLOCK_BEHIND_1H: -3600.0,
}
_RETRY_AFTER: Final[Mapping[Fault, int | None]] = {
    Fault.RATE_LIMITED: None,
    Fault.RATE_LIMITED_RETRY_AFTER: _RETRY_AFTER_SECONDS,
    Fault.RATE_LIMITED_RETRY_ZERO: 0,
}


def _page(status: int, title: str) -> Answer:
    return Answer(status=status, body=_PAGE.format(title).encode(), content_type=_HTML)


# what stands in the place of an answer that the venue never gave
_PAGES: Final[Mapping[Fault, Answer]] = {
    Fault.HTTP_500: _page(500, "500 Internal Server Error"),
    Fault.HTTP_502: _page(502, "502 Bad Gateway"),
    Fault.HTTP_503: _page(503, "503 Service Temporarily Unavailable"),
    Fault.HTTP_520: _page(520, "520: Web server is returning an unknown error"),
    Fault.HTTP_521: _page(521, "521: Web server is down"),
    Fault.HTTP_522: _page(522, "522: Connection timed out"),
    Fault.HTTP_523: _page(523, "523: Origin is unreachable"),
    Fault.HTTP_524: _page(524, "524: A timeout occurred"),
    Fault.FIREWALL_PAGE: _page(403, "Attention Required! Sorry, you have been blocked"),
    Fault.HTML_200: _page(200, "We are down for maintenance"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Where time comes from: `wall` in seconds since 1970, `monotonic` in seconds since whenever."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a call, and the faults that the wire has still to commit."""

    answer: Answer
    faults: tuple[Fault, ...] = ()
    nonce_key: str = ""


class Exchange:
    """One venue, open for calls. `calls` and `violations` grow in the order of arrival."""

    def __init__(self, dialect: Dialect, plan: FaultPlan, clocks: Clocks, edge: Edge | None = None) -> None:
        self._dialect = dialect
        self._edge = edge
        self._plan = plan
        self._clocks = clocks
        self._limiter = Limiter(dialect.rates)
        self._skew_seconds = 0.0
        self._closed_until: dict[bool, float] = {}  # by whether calls are private: a Retry-After that runs
        self._in_flight: Counter[str] = Counter()  # by key whose nonces must rise
        self._hidden = tuple({*dialect.credentials.texts, *(quote(text, safe="") for text in dialect.credentials.texts)})
        self.calls: list[CallRecord] = []
        self.violations: list[Violation] = []

    def receive(self, *, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take one call and return what to send."""
        call = ReceivedCall(number=len(self.calls) + 1, method=method, target=target, headers=headers, body=body)
        traits = self._dialect.traits_of(call)
        now = self._clocks.monotonic()
        self._inspect(call, traits, now=now)
        reply = self._reply(call, traits, now=now)
        if reply.answer.violation is not None:
            self._note(reply.answer.violation, call.number, "the signature does not fit the bytes received")
        shown = call.path if self._holds_secret(call.target) else call.target
        shown = "(hidden)" if self._holds_secret(shown) else shown
        self.calls.append(
            CallRecord(
                number=call.number,
                method=method,
                target=shown,
                status=reply.answer.status,
                faults=reply.faults,
                received_at=now,
                bucket=traits.bucket,
                cost=traits.cost,
                rows=traits.rows,
            ),
        )
        self._in_flight[traits.nonce_key] += 1
        return replace(reply, nonce_key=traits.nonce_key)

    def sent(self, reply: Reply) -> None:
        """Note that a reply has left: its call is no longer in flight."""
        self._in_flight[reply.nonce_key] -= 1

    def venue_now(self) -> float:
        """Return the venue's time in seconds since 1970, as wrong as faults have made it."""
        return self._clocks.wall() + self._skew_seconds

    def monotonic_now(self) -> float:
        """Return the time by which rates are counted, in seconds since whenever."""
        return self._clocks.monotonic()

    def inspect_address(self, target: str, headers: Mapping[str, str], call: int = OF_SOCKETS) -> None:
        """Write down a part of the key in path, query or User-Agent; header names are lower-case."""
        if self._holds_secret(target):
            self._note(ViolationKind.SECRET_IN_ADDRESS, call, "a part of the key stands in path or query")
        if self._holds_secret(headers.get("user-agent", "")):
            self._note(ViolationKind.SECRET_IN_USER_AGENT, call, "a part of the key stands in the User-Agent")

    def note_on_socket(self, kind: ViolationKind, message: str) -> None:
        """Write down what a client did wrong over a socket."""
        self._note(kind, OF_SOCKETS, message)

    def _inspect(self, call: ReceivedCall, traits: CallTraits, *, now: float) -> None:
        self.inspect_address(call.target, call.headers, call.number)
        if self._is_early(traits, now=now):
            self._note(ViolationKind.RETRY_TOO_EARLY, call.number, "came before the Retry-After of an earlier answer had passed")
        if traits.nonce_key and self._in_flight[traits.nonce_key] > 0:
            self._note(ViolationKind.CONCURRENT_CALLS, call.number, "came while another call of the same key was in flight")

    def _reply(self, call: ReceivedCall, traits: CallTraits, *, now: float) -> Reply:
        if call.method in _WRITES and not traits.is_read:
            self._note(ViolationKind.WRITE_CALL, call.number, f"{call.method} would change something")
            return Reply(answer=self._dialect.refusal_of_write())
        if isinstance(self._dialect, BanningDialect) and self._is_early(traits, now=now):
            return Reply(answer=self._banned(self._dialect, traits, now=now))
        if not self._limiter.allows(traits.bucket, now, traits.cost):
            self._note(ViolationKind.RATE_EXCEEDED, call.number, f"more calls than the {traits.bucket} rate allows")
            wait = _RETRY_AFTER_SECONDS if isinstance(self._dialect, BanningDialect) else None
            return Reply(answer=self._with_rate(self._too_many(traits, wait, now=now), traits, now=now))
        faults = self._plan.draw(number=call.number, target=f"{call.method} {traits.asked or call.target}", traits=traits)
        answer = self._answer(call, traits, faults, now=now)
        return Reply(answer=self._with_rate(answer, traits, now=now), faults=faults)

    def _with_rate(self, answer: Answer, traits: CallTraits, *, now: float) -> Answer:
        return replace(answer, headers=(*answer.headers, *self._limiter.headers(traits.bucket, now).items()))

    def _answer(self, call: ReceivedCall, traits: CallTraits, faults: tuple[Fault, ...], *, now: float) -> Answer:
        for fault in faults:
            if fault in _PAGES:
                return _PAGES[fault]
            if fault is Fault.BANNED and isinstance(self._dialect, BanningDialect):
                return self._banned(self._dialect, traits, now=now)
            if fault in _RETRY_AFTER:
                return self._too_many(traits, _RETRY_AFTER[fault], now=now)
            self._shift_clock(fault)
        answer = self._dialect.answer(call, now=self.venue_now(), faults=faults)
        return answer if self._edge is None else replace(answer, body=self._edge(call.path, answer.body))

    def _too_many(self, traits: CallTraits, retry_after: int | None, *, now: float) -> Answer:
        answer = self._dialect.refusal_of_rate(traits)
        if retry_after is None:
            return answer
        self._closed_until[traits.is_private] = now + retry_after
        return Answer(status=answer.status, body=answer.body, headers=(*answer.headers, ("Retry-After", str(retry_after))))

    def _is_early(self, traits: CallTraits, *, now: float) -> bool:
        return now + _GRACE_SECONDS < self._closed_until.get(traits.is_private, 0.0)

    def _banned(self, dialect: BanningDialect, traits: CallTraits, *, now: float) -> Answer:
        self._closed_until[traits.is_private] = now + _BAN_SECONDS
        return dialect.refusal_of_ban(seconds=_BAN_SECONDS, now=self.venue_now())

    def _shift_clock(self, fault: Fault) -> None:
        if fault is Fault.CLOCK_JUMP_BACK:
            self._skew_seconds += _JUMP_BACK_SECONDS
        else:
            self._skew_seconds = _SKEW_SECONDS.get(fault, self._skew_seconds)

    def _holds_secret(self, text: str) -> bool:
        return any(secret in text or secret in unquote(text) for secret in self._hidden)

    def _note(self, kind: ViolationKind, call: int, message: str) -> None:
        self.violations.append(Violation(kind=kind, call=call, message=message))
