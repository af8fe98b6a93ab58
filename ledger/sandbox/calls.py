"""What passes between the server, which moves bytes, and a dialect, which knows a venue."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, Protocol, runtime_checkable
from urllib.parse import parse_qsl, unquote

from ledger.sandbox.faults import CallTraits, Fault
from ledger.sandbox.limits import Rate, WeightRate

Header = tuple[str, str]
JsonValue = str | int | bool | list["JsonValue"] | dict[str, "JsonValue"] | None


OF_SOCKETS: Final = 0  # no call has this number


class ViolationKind(StrEnum):
    """What a client must never do."""

    WRITE_CALL = "write-call"  # a call that could place, cancel, move or withdraw
    RATE_EXCEEDED = "rate-exceeded"
    RETRY_TOO_EARLY = "retry-too-early"  # before an injected Retry-After had passed
    SECRET_IN_ADDRESS = "secret-in-address"  # noqa: S105 - the name of a fault, no secret
    SECRET_IN_USER_AGENT = "secret-in-user-agent"  # noqa: S105 - the name of a fault, no secret
    SIGNATURE_MISMATCH = "signature-mismatch"  # the bytes signed are not the bytes received
    CONCURRENT_CALLS = "concurrent-calls"  # two calls in flight for a key whose nonces must rise


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One wrong of the client: at which call (`OF_SOCKETS`: over a socket), and what; never holds a secret."""

    kind: ViolationKind
    call: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The key that a sandbox accepts; drawn from its seed."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(default="", repr=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """Return what must appear in no address, log or User-Agent."""
        return tuple(text for text in (self.key, self.secret, self.passphrase) if text)


@dataclass(frozen=True, kw_only=True)
class ReceivedCall:
    """One request as it arrived: `target` is path and query exactly as received, header names are lower-case."""

    number: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """Return the path, decoded."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Return the decoded parameters; of a repeated one the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back; `violation` says what the dialect found wrong with the call."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[Header, ...] = ()
    violation: ViolationKind | None = None


def json_answer(content: JsonValue, *, status: int = 200, violation: ViolationKind | None = None) -> Answer:
    """Return an answer with compact JSON."""
    return Answer(status=status, body=json.dumps(content, separators=(",", ":")).encode(), violation=violation)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call as it went: `target` without secrets, `faults` as injected, `received_at` in seconds of a monotonic clock.

    `cost` is what it took of its `bucket`; `rows` is the sort of a history that it paged through, empty for other calls.
    """

    number: int
    method: str
    target: str
    status: int
    faults: tuple[Fault, ...]
    received_at: float
    bucket: str = ""
    cost: int = 1
    rows: str = ""


class Dialect(Protocol):
    """One venue's way of speaking over the account book."""

    venue: str
    credentials: Credentials

    @property
    def rates(self) -> Mapping[str, Rate | WeightRate]:
        """Return what each bucket of calls is allowed."""
        ...

    def traits_of(self, call: ReceivedCall) -> CallTraits:
        """Return what limiter and fault plan need to know of a call."""
        ...

    def answer(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        """Answer a call at the venue's time `now` (seconds since 1970), with such faults as only a dialect can commit."""
        ...

    def refusal_of_write(self) -> Answer:
        """Return the answer to a call that would change something."""
        ...

    def refusal_of_rate(self, traits: CallTraits) -> Answer:
        """Return the answer to one call too many."""
        ...


@runtime_checkable
class BanningDialect(Protocol):
    """A venue that bans who does not heed its Retry-After."""

    def refusal_of_ban(self, *, seconds: int, now: float) -> Answer:
        """Return the answer to whoever is banned for so many seconds from the venue's time `now` (seconds since 1970) on."""
        ...
