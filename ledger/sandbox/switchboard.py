"""The exchange behind its open sockets: lets clients connect, strikes with faults, and writes down what a client did wrong.

Knows no venue (that is the dialect) and no socket (that is `sockets`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.sandbox.calls import Answer, ViolationKind, json_answer
from ledger.sandbox.exchange import Exchange
from ledger.sandbox.faults import Fault, FaultPlan, Moment
from ledger.sandbox.limits import Limiter
from ledger.sandbox.streams import Due, Saying, SocketSession, SocketSide

_CONNECTIONS: Final = "connections"
_WITH_WORDS: Final = frozenset({Fault.SERVER_SHUTDOWN, Fault.STREAM_TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A live message, what the venue says after it, and the faults that the wire has still to commit."""

    text: str
    faults: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = ()


class Switchboard:
    """All sockets of one venue. `statuses` and `faults` grow in the order in which clients connect and faults strike."""

    def __init__(self, side: SocketSide, exchange: Exchange, plan: FaultPlan) -> None:
        self._side = side
        self._exchange = exchange
        self._plan = plan
        self._limiter = Limiter({_CONNECTIONS: side.rate})
        self.statuses: list[int] = []
        self.faults: list[Fault] = []

    @property
    def side(self) -> SocketSide:
        """Return what the venue's sockets are like."""
        return self._side

    def connect(self, *, target: str, headers: Mapping[str, str]) -> "Line | Answer":
        """Take one client that wants to connect: return its line, or the refusal. Header names are lower-case."""
        self._exchange.inspect_address(target, headers)
        found = self._refusal(target)
        self.statuses.append(101 if found is None else found.status)
        return Line(self._side.session(), self) if found is None else found

    def _refusal(self, target: str) -> Answer | None:
        if target.partition("?")[0] != self._side.path:
            return json_answer({"message": "NotFound"}, status=404)
        if not self._limiter.allows(_CONNECTIONS, self._exchange.monotonic_now()):
            self.note(ViolationKind.RATE_EXCEEDED, "more connections than the venue allows")
            return _TOO_MANY
        return _TOO_MANY if Fault.RECONNECT_STORM in self.drawn(Moment.CONNECTING) else None

    def drawn(self, moment: Moment) -> tuple[Fault, ...]:
        """Draw the faults of a moment and write them down."""
        faults = self._plan.draw_on_socket(moment, self._side.faults)
        self.faults += faults
        return faults

    def now(self) -> float:
        """Return the venue's time in seconds since 1970."""
        return self._exchange.venue_now()

    def note(self, kind: ViolationKind, message: str) -> None:
        """Write down what a client did wrong."""
        self._exchange.note_on_socket(kind, message)


_TOO_MANY: Final = json_answer({"message": "Too many connections"}, status=429)


class Line:
    """One connection."""

    def __init__(self, session: SocketSession, board: Switchboard) -> None:
        self._session = session
        self._board = board

    @property
    def is_subscribed(self) -> bool:
        """Tell whether the client has subscribed to anything."""
        return bool(self._session.topics)

    def greeting(self) -> Sequence[str]:
        """Return what the venue says first."""
        return self._session.greeting(self._board.now())

    def hear(self, text: str) -> Saying:
        """Answer a message."""
        saying = self._session.hear(text, now=self._board.now(), drawn=lambda: self._board.drawn(Moment.LOGIN))
        if saying.violation is ViolationKind.WRITE_CALL:
            self._board.note(saying.violation, "a message would change something")
        elif saying.violation is not None:
            self._board.note(saying.violation, "the signature does not fit what was to be signed")
        return saying

    def tell(self, due: Due) -> Telling | None:
        """Return a live message whose time has come, or None when nobody wants it any more."""
        if due.topic not in self._session.topics:
            return None
        faults = self._board.drawn(Moment.MESSAGE)
        text = due.message(self._board.now())
        notices = [word for fault in faults if fault in _WITH_WORDS for word in self._session.notice(fault, due.topic, self._board.now())]
        return Telling(text=text, faults=faults, notices=tuple(notices))

    def pulse(self) -> Sequence[str]:
        """Return what the venue says every second or so."""
        return self._session.pulse(self._board.now())
