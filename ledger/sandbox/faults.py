"""Which fault strikes which call: by plan, by call number, or by seed; the same plan strikes the same calls.

How a fault looks is the business of `wire` (answers and sockets) and of the dialects (cursors, rows, keys). Group numbers
are those of the sandbox's fault list: 1 rate, 2 outage, 3 transport, 4 clock, 5 nonce, 6 paging, 7 data, 8 horizon, 9 key,
10 sockets. What strikes sockets never strikes a call, and draws no chance from what strikes calls.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

from ledger.domain.errors import InputError
from ledger.sandbox.chance import noise


class Fault(StrEnum):
    """What can go wrong."""

    RATE_LIMITED = "rate-limited"
    RATE_LIMITED_RETRY_AFTER = "rate-limited-retry-after"
    RATE_LIMITED_RETRY_ZERO = "rate-limited-retry-zero"
    HTTP_500 = "http-500"
    HTTP_502 = "http-502"
    HTTP_503 = "http-503"
    HTTP_520 = "http-520"
    HTTP_521 = "http-521"
    HTTP_522 = "http-522"
    HTTP_523 = "http-523"
    HTTP_524 = "http-524"
    FIREWALL_PAGE = "firewall-page"
    RESET = "reset"
    HALF_BODY = "half-body"
    SLOW_DRIP = "slow-drip"
    STALL = "stall"
    WRONG_LENGTH = "wrong-length"
    GZIP = "gzip"
    TRUNCATED_JSON = "truncated-json"
    HTML_200 = "html-200"
    CLOCK_AHEAD_2S = "clock-ahead-2s"
    CLOCK_AHEAD_40S = "clock-ahead-40s"
    CLOCK_AHEAD_1H = "clock-ahead-1h"
    CLOCK_BEHIND_2S = "clock-behind-2s"
    CLOCK_BEHIND_40S = "clock-behind-40s"
    CLOCK_BEHIND_1H = "clock-behind-1h"
    CLOCK_JUMP_BACK = "clock-jump-back"
    NEW_FILL = "new-fill"
    CURSOR_EXPIRED = "cursor-expired"
    SAME_CURSOR = "same-cursor"
    EMPTY_PAGE = "empty-page"
    SHORT_PAGE = "short-page"
    DUPLICATE_ROW = "duplicate-row"
    CURSOR_AFTER_LAST = "cursor-after-last"
    UNSETTLED = "unsettled"
    UNKNOWN_LEDGER_TYPE = "unknown-ledger-type"
    NULL_FIELD = "null-field"
    MISSING_FIELD = "missing-field"
    EMPTY_FIELD = "empty-field"
    EXPONENTS = "exponents"
    JSON_NUMBERS = "json-numbers"
    HUGE_IDS = "huge-ids"
    KEY_REVOKED = "key-revoked"
    PERMISSION_LACKING = "permission-lacking"
    IP_REFUSED = "ip-refused"
    BANNED = "banned"
    DELISTED = "delisted"
    SUNDRY_ROWS = "sundry-rows"
    PAST_HORIZON = "past-horizon"
    KEY_EXPIRES_SOON = "key-expires-soon"
    THROTTLED = "throttled"
    SERVICE_UNAVAILABLE = "service-unavailable"
    NONCE_USED = "nonce-used"
    OFFSET_SHIFT = "offset-shift"
    EQUAL_TIMES_SHUFFLED = "equal-times-shuffled"
    COUNT_TOO_HIGH = "count-too-high"
    MISSING_RESULT = "missing-result"
    KEY_WINDOW = "key-window"
    KEY_CAN_WITHDRAW = "key-can-withdraw"
    RECONNECT_STORM = "reconnect-storm"
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - the name of a fault, no secret
    SOCKET_DROPPED = "socket-dropped"
    MESSAGE_MISSED = "message-missed"
    MESSAGE_TWICE = "message-twice"
    MESSAGE_IN_FRAGMENTS = "message-in-fragments"
    PING_UNCHECKED = "ping-unchecked"
    SERVER_SHUTDOWN = "server-shutdown"
    STREAM_TERMINATED = "stream-terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTraits:
    """What a call is, as far as faults and limits care.

    `stream` names the history that a paged call walks, empty for other calls; `rows` is its sort (fills, ledger,
    transfers, orders); `continues` says that the call goes on from where another ended. `is_read` says of a POST that it changes
    nothing. `asked` is what the call asks for without nonce, time stamp and signature, so the same at every attempt; empty: its
    target. `nonce_key` names the key whose nonces must rise, with no two calls in flight; `is_offset` a history paged by offset.
    `cost` is what the call takes from its bucket; `is_weighed` says that this is a weight within a window of time, at a venue that
    pages by ids and times and bans who asks too much.
    """

    bucket: str
    is_private: bool
    stream: str = ""
    rows: str = ""
    continues: bool = False
    is_read: bool = False
    asked: str = ""
    nonce_key: str = ""
    is_offset: bool = False
    cost: int = 1
    is_weighed: bool = False


class Habit(Enum):
    """How often a fault strikes when it is left to the seed."""

    PASSING = auto()  # now and then
    ONCE_PER_CALL = auto()  # now and then, but never twice for one and the same target
    ONCE_PER_STREAM = auto()  # now and then, but once in the life of a stream
    CLOCK = auto()  # a few times in the life of a server, well apart
    FIRST_READ = auto()  # when a stream is read for the first time, or never
    LATCHED = auto()  # now and then; from then on always
    STANDING = auto()  # at every call
    OF_SOCKETS = auto()  # never at a call; now and then at its moment in the life of a socket


class Moment(Enum):
    """When a fault of sockets can strike."""

    CONNECTING = "connecting"
    LOGIN = "login"
    MESSAGE = "message"  # one of those that are told live


def _any(_: CallTraits) -> bool:
    return True


def _private(traits: CallTraits) -> bool:
    return traits.is_private


def _paged(traits: CallTraits) -> bool:
    return bool(traits.stream)


def _paged_by_cursor(traits: CallTraits) -> bool:
    return bool(traits.stream) and not _weighed(traits)


def _continued(traits: CallTraits) -> bool:
    return bool(traits.stream) and traits.continues


def _continued_by_cursor(traits: CallTraits) -> bool:
    return _continued(traits) and not _weighed(traits)


def _weighed(traits: CallTraits) -> bool:
    return traits.is_weighed


def _unsettled_fills(traits: CallTraits) -> bool:
    return _top_of_fills(traits) and not _weighed(traits)


def _top_of_fills(traits: CallTraits) -> bool:
    return traits.rows == "fills" and not traits.continues


def _with_nonce(traits: CallTraits) -> bool:
    return bool(traits.nonce_key)


def _by_offset(traits: CallTraits) -> bool:
    return traits.is_offset


def _further_by_offset(traits: CallTraits) -> bool:
    return traits.is_offset and traits.continues


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """A fault, its group in the fault list, its habit, and which calls, or which `moment` of a socket, it can strike.

    `is_mended` says that a correct client ends with the same book, some of them (`NEW_FILL`, `UNSETTLED`) after its next pull.
    """

    fault: Fault
    group: int
    habit: Habit = Habit.PASSING
    fits: Callable[[CallTraits], bool] = _any
    is_mended: bool = True
    moment: Moment | None = None


def _kinds() -> Iterable[FaultKind]:
    names = list(Fault)
    for fault in names[: names.index(Fault.HTTP_500)]:
        yield FaultKind(fault=fault, group=1)
    for fault in names[names.index(Fault.HTTP_500) : names.index(Fault.RESET)]:
        yield FaultKind(fault=fault, group=2)
    for fault in names[names.index(Fault.RESET) : names.index(Fault.CLOCK_AHEAD_2S)]:
        yield FaultKind(fault=fault, group=3)
    for fault in names[names.index(Fault.CLOCK_AHEAD_2S) : names.index(Fault.NEW_FILL)]:
        yield FaultKind(fault=fault, group=4, habit=Habit.CLOCK)
    yield FaultKind(fault=Fault.NEW_FILL, group=6, habit=Habit.FIRST_READ, fits=_top_of_fills)
    yield FaultKind(fault=Fault.CURSOR_EXPIRED, group=6, habit=Habit.ONCE_PER_STREAM, fits=_continued_by_cursor)
    for fault in (Fault.SAME_CURSOR, Fault.EMPTY_PAGE, Fault.DUPLICATE_ROW):
        yield FaultKind(fault=fault, group=6, habit=Habit.ONCE_PER_CALL, fits=_continued)
    yield FaultKind(fault=Fault.SHORT_PAGE, group=6, habit=Habit.ONCE_PER_CALL, fits=_paged)
    yield FaultKind(fault=Fault.CURSOR_AFTER_LAST, group=6, habit=Habit.ONCE_PER_CALL, fits=_paged_by_cursor)
    yield FaultKind(fault=Fault.UNSETTLED, group=7, habit=Habit.FIRST_READ, fits=_unsettled_fills)
    for fault in names[names.index(Fault.UNKNOWN_LEDGER_TYPE) : names.index(Fault.KEY_REVOKED)]:
        yield FaultKind(fault=fault, group=7, habit=Habit.STANDING, fits=_paged, is_mended=False)
    yield FaultKind(fault=Fault.KEY_REVOKED, group=9, habit=Habit.LATCHED, fits=_private, is_mended=False)
    for fault in (Fault.PERMISSION_LACKING, Fault.IP_REFUSED, Fault.KEY_CAN_WITHDRAW):
        yield FaultKind(fault=fault, group=9, habit=Habit.STANDING, fits=_private, is_mended=False)
    yield from _nonce_and_offset_kinds()
    yield from _weighed_kinds()
    yield from _socket_kinds()


def _nonce_and_offset_kinds() -> Iterable[FaultKind]:
    """Yield what only venues with nonces, or with histories by offset, can commit."""
    yield FaultKind(fault=Fault.THROTTLED, group=1, fits=_with_nonce)
    yield FaultKind(fault=Fault.SERVICE_UNAVAILABLE, group=2, fits=_with_nonce)
    yield FaultKind(fault=Fault.NONCE_USED, group=5, habit=Habit.ONCE_PER_CALL, fits=_with_nonce)
    for fault in (Fault.OFFSET_SHIFT, Fault.EQUAL_TIMES_SHUFFLED):
        yield FaultKind(fault=fault, group=6, habit=Habit.ONCE_PER_CALL, fits=_further_by_offset)
    yield FaultKind(fault=Fault.COUNT_TOO_HIGH, group=6, habit=Habit.STANDING, fits=_by_offset, is_mended=False)
    yield FaultKind(fault=Fault.MISSING_RESULT, group=7, fits=_by_offset)
    yield FaultKind(fault=Fault.KEY_WINDOW, group=8, habit=Habit.STANDING, fits=_with_nonce, is_mended=False)


def _telling_expiry(traits: CallTraits) -> bool:
    """Tell whether the venue has a call that says when a key ends."""
    return _weighed(traits) or _with_nonce(traits)


def _weighed_kinds() -> Iterable[FaultKind]:
    """Yield what only venues that price their calls by weight can commit."""
    yield FaultKind(fault=Fault.BANNED, group=1, fits=_weighed, is_mended=False)
    for fault, group in (
        (Fault.DELISTED, 7),
        (Fault.SUNDRY_ROWS, 7),
        (Fault.PAST_HORIZON, 8),
    ):
        yield FaultKind(fault=fault, group=group, habit=Habit.STANDING, fits=_weighed, is_mended=False)
    yield FaultKind(fault=Fault.KEY_EXPIRES_SOON, group=9, habit=Habit.STANDING, fits=_telling_expiry, is_mended=False)


def _socket_kinds() -> Iterable[FaultKind]:
    """Yield what only a socket can commit."""
    moments = {Fault.RECONNECT_STORM: Moment.CONNECTING, Fault.TOKEN_EXPIRED: Moment.LOGIN}
    names = list(Fault)
    for fault in names[names.index(Fault.RECONNECT_STORM) :]:
        yield FaultKind(fault=fault, group=10, habit=Habit.OF_SOCKETS, moment=moments.get(fault, Moment.MESSAGE))


KIND_BY_FAULT: Final = {kind.fault: kind for kind in _kinds()}
SOCKET_FAULTS: Final = frozenset(fault for fault, kind in KIND_BY_FAULT.items() if kind.moment is not None)
_ENDING: Final = frozenset({Fault.SOCKET_DROPPED, Fault.SERVER_SHUTDOWN, Fault.STREAM_TERMINATED})

_RATE_PERCENT = 12  # of all calls
_STREAK_MAX = 2  # faults in a row for one and the same target
_CLOCK_CHANGES_MAX = 3
_CLOCK_CALLS_APART = 40
_PAGED_CALLS_APART = 4  # of one stream
_FIRST_READ_ONE_IN = 2
_ENDINGS_MAX = 3  # how often messages break off in the life of a server


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStep:
    """A fault at call number `call` (from 1), or at the first `times` calls whose path begins with `path`.

    A fault of sockets counts connections, logins or live messages, whichever it strikes, of all sockets together.
    """

    fault: Fault
    call: int | None = None
    path: str | None = None
    times: int = 1


class FaultPlan:
    """Decides call by call; remembers what it did, so that no call is beyond a patient client."""

    def __init__(self, *, seed: int = 0, kinds: Iterable[FaultKind] = (), steps: Iterable[FaultStep] = ()) -> None:
        self._seed = seed
        self._kinds = tuple(kinds)
        self._steps = tuple(steps)
        self._steps_done: Counter[FaultStep] = Counter()
        self._streaks: Counter[str] = Counter()
        self._struck: set[tuple[Fault, str]] = set()
        self._paged_targets: set[str] = set()
        self._calls_by_stream: Counter[str] = Counter()
        self._paged_at: dict[str, int] = {}  # by stream: the number, in that stream, of the call last misled
        self._latched: list[Fault] = []
        self._clock_changes = 0
        self._clock_changed_at = -_CLOCK_CALLS_APART
        self._moments: Counter[Moment] = Counter()
        self._moments_struck: Counter[Moment] = Counter()  # in a row
        self._endings = 0

    @classmethod
    def parse(cls, text: str, *, seed: int) -> "FaultPlan":
        """Read ``none``, ``all`` (whatever a correct client recovers from) or a list of names and group numbers.

        Raises:
            InputError: for a name or group that is not known.
        """
        if text == "none":
            return cls(seed=seed)
        if text == "all":
            return cls(seed=seed, kinds=[kind for kind in KIND_BY_FAULT.values() if kind.is_mended])
        named = [kind for word in text.split(",") for kind in _named(word.strip())]
        return cls(seed=seed, kinds=dict.fromkeys(named))

    def draw(self, *, number: int, target: str, traits: CallTraits) -> tuple[Fault, ...]:
        """Return the faults of call `number`: at most one that passes, and all that stand."""
        scripted = self._scripted(number, target)
        standing = [kind.fault for kind in self._kinds if kind.habit is Habit.STANDING and kind.fits(traits)]
        latched = [fault for fault in self._latched if KIND_BY_FAULT[fault].fits(traits)]
        chosen = scripted or self._chosen(number, target, traits)
        return tuple(dict.fromkeys([*latched, *standing, *chosen]))

    def draw_on_socket(self, moment: Moment, able: Collection[Fault]) -> tuple[Fault, ...]:
        """Return the fault that strikes a moment in the life of sockets, one of those that the venue is `able` to commit, if any.

        At a login also those that stand, or will stand from now on, for every private call.
        """
        self._moments[moment] += 1
        number = self._moments[moment]
        scripted = [step.fault for step in self._steps if step.call == number and KIND_BY_FAULT[step.fault].moment is moment]
        chosen = scripted or self._chosen_on_socket(moment, number, able)
        self._moments_struck[moment] = self._moments_struck[moment] + 1 if chosen else 0
        self._endings += any(fault in _ENDING for fault in chosen)
        return (*(self._standing_of_keys() if moment is Moment.LOGIN else ()), *(fault for fault in chosen if fault in able))

    def _chosen_on_socket(self, moment: Moment, number: int, able: Collection[Fault]) -> list[Fault]:
        kinds = [kind for kind in self._kinds if kind.moment is moment and kind.fault in able]
        if self._endings >= _ENDINGS_MAX:
            kinds = [kind for kind in kinds if kind.fault not in _ENDING]
        is_enough = moment is not Moment.MESSAGE and self._moments_struck[moment] >= _STREAK_MAX
        if not kinds or is_enough or noise(self._seed, "socket", moment.value, number, below=100) >= _RATE_PERCENT:
            return []
        return [kinds[noise(self._seed, "socket which", moment.value, number, below=len(kinds))].fault]

    def _standing_of_keys(self) -> list[Fault]:
        key_call = CallTraits(bucket="", is_private=True)
        standing = [kind.fault for kind in self._kinds if kind.habit is Habit.STANDING and kind.fits(key_call)]
        return [*self._latched, *standing]

    def _scripted(self, number: int, target: str) -> list[Fault]:
        found = []
        for step in self._steps:
            if KIND_BY_FAULT[step.fault].moment is not None:
                continue
            on_path = step.path is not None and target.startswith(step.path) and self._steps_done[step] < step.times
            if step.call == number or on_path:
                self._steps_done[step] += 1
                found.append(step.fault)
                if KIND_BY_FAULT[step.fault].habit is Habit.LATCHED:
                    self._latched.append(step.fault)
        return found

    def _chosen(self, number: int, target: str, traits: CallTraits) -> list[Fault]:
        self._calls_by_stream[traits.stream] += 1
        is_first_read = bool(traits.stream) and self._calls_by_stream[traits.stream] == 1
        if self._streaks[target] >= _STREAK_MAX:
            del self._streaks[target]
            return []
        kinds = self._first_read_kinds(traits) if is_first_read else []
        if not kinds and noise(self._seed, "strike", number, below=100) < _RATE_PERCENT:
            kinds = [kind for kind in self._kinds if self._may_strike(kind, number, target, traits)]
        if not kinds:
            del self._streaks[target]
            return []
        kind = kinds[noise(self._seed, "which", number, below=len(kinds))]
        self._remember(kind, number, target, traits)
        return [kind.fault]

    def _first_read_kinds(self, traits: CallTraits) -> list[FaultKind]:
        if noise(self._seed, "first read", traits.stream, below=_FIRST_READ_ONE_IN):
            return []
        return [kind for kind in self._kinds if kind.habit is Habit.FIRST_READ and kind.fits(traits)]

    def _may_strike(self, kind: FaultKind, number: int, target: str, traits: CallTraits) -> bool:
        if not kind.fits(traits):
            return False
        match kind.habit:
            case Habit.PASSING | Habit.LATCHED:
                return True
            case Habit.ONCE_PER_CALL:
                return self._may_mislead(target, traits)
            case Habit.ONCE_PER_STREAM:
                return (kind.fault, traits.stream) not in self._struck and self._may_mislead(target, traits)
            case Habit.CLOCK:
                is_apart = number - self._clock_changed_at >= _CLOCK_CALLS_APART
                return is_apart and self._clock_changes < _CLOCK_CHANGES_MAX and not self._streaks[target]
            case Habit.FIRST_READ | Habit.STANDING | Habit.OF_SOCKETS:
                return False

    def _may_mislead(self, target: str, traits: CallTraits) -> bool:
        """Leave a client that doubts a page the next few calls to find out, whatever cursor it asks with."""
        last = self._paged_at.get(traits.stream, -_PAGED_CALLS_APART)
        return target not in self._paged_targets and self._calls_by_stream[traits.stream] - last >= _PAGED_CALLS_APART

    def _remember(self, kind: FaultKind, number: int, target: str, traits: CallTraits) -> None:
        self._streaks[target] += 1
        match kind.habit:
            case Habit.ONCE_PER_CALL | Habit.ONCE_PER_STREAM:
                self._paged_targets.add(target)
                self._paged_at[traits.stream] = self._calls_by_stream[traits.stream]
                self._struck.add((kind.fault, traits.stream))
            case Habit.CLOCK:
                self._clock_changes += 1
                self._clock_changed_at = number
            case Habit.LATCHED:
                self._latched.append(kind.fault)
            case Habit.PASSING | Habit.FIRST_READ | Habit.STANDING | Habit.OF_SOCKETS:
                pass


def _named(word: str) -> list[FaultKind]:
    if word.isdecimal():
        found = [kind for kind in KIND_BY_FAULT.values() if kind.group == int(word)]
    else:
        found = [kind for kind in KIND_BY_FAULT.values() if kind.fault.value == word]
    if not found:
        known = ", ".join(Fault)
        raise InputError(f"{word!r} is no fault of the sandbox", mend=f"use none, all, group numbers 1 to 10, or names of: {known}")
    return found
