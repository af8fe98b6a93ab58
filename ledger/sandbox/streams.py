"""What passes between the server, which keeps sockets open, and a dialect, which knows what a venue says over one.

A socket lives a little behind the account: its newest fills are yet to happen when a client subscribes (see `tail`).
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.sandbox.calls import Dialect, ViolationKind
from ledger.sandbox.faults import SOCKET_FAULTS, Fault
from ledger.sandbox.limits import Rate, WeightRate

SECONDS_PER_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a socket lives: what it is told live, and when it is spoken to or hung up on, in seconds.

    The newest `fills` fills happen after a client has subscribed, some `pause_seconds` apart. `silence_seconds` is how long a
    venue that wants to be subscribed to waits for it; it pings every `ping_seconds` and gives up `pong_seconds` after a ping that
    found no answer. `farewell_seconds` lie between the word that it shuts down and the end.
    """

    fills: int = 50
    pause_seconds: float = 0.25
    heartbeat_seconds: float = 1.0
    silence_seconds: float = 5.0
    ping_seconds: float = 20.0
    pong_seconds: float = 60.0
    life_seconds: float = SECONDS_PER_DAY
    farewell_seconds: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A message to come: how many seconds from now, of which subscription, and how it reads at the venue's time by then."""

    after_seconds: float
    topic: int
    message: Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a venue answers to one message: at once, and in time; `is_end`: and then it hangs up."""

    texts: tuple[str, ...] = ()
    later: tuple[Due, ...] = ()
    is_end: bool = False
    violation: ViolationKind | None = None


class SocketSession(Protocol):
    """One connection, from the venue's side."""

    @property
    def topics(self) -> Collection[int]:
        """Return the subscriptions that run, by number."""
        ...

    def greeting(self, now: float) -> Sequence[str]:
        """Return what the venue says when a client has connected."""
        ...

    def hear(self, text: str, *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> Saying:
        """Answer a message at the venue's time `now` (seconds since 1970); `drawn` gives the faults of a login and is asked once."""
        ...

    def pulse(self, now: float) -> Sequence[str]:
        """Return what the venue says every second or so."""
        ...

    def notice(self, fault: Fault, topic: int, now: float) -> Sequence[str]:
        """Return what the venue says when it shuts down, or ends a subscription."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSide:
    """What a venue's sockets are like: their path, how often one may connect, what the venue does, what can go wrong.

    `awaits_subscription`: it hangs up on who does not subscribe in time; `pings`: on who does not answer its pings.
    """

    path: str
    rate: Rate | WeightRate
    session: Callable[[], SocketSession]
    awaits_subscription: bool = False
    pings: bool = False
    faults: frozenset[Fault] = SOCKET_FAULTS


class SocketDialect(Dialect, Protocol):
    """A venue that speaks over sockets too."""

    def socket_side(self, rhythm: Rhythm) -> SocketSide:
        """Return the venue's sockets."""
        ...


def said_in(text: str) -> Mapping[str, object]:
    """Read a message as a JSON object; what is none is read as an empty one."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def word_of(said: Mapping[str, object], name: str) -> str:
    """Return a text out of a message; empty when it is none."""
    word = said.get(name)
    return word if isinstance(word, str) else ""


def words_of(said: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return a list of texts out of a message; what is no text is left out."""
    words = said.get(name)
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str))) if isinstance(words, list) else ()
