"""Which halves of transfers fit together: a search among many that stays quick where thousands are alike.

Halves are kept by account and sorted by size and by time; a question looks at the smaller of the two stretches that may hold an
answer, and stops as soon as it has as many as were asked for.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from ledger.domain.amount import UNITS_PER_ONE, units_of
from ledger.domain.event import SourceRank, Transfer
from ledger.domain.ids import AccountId, EventId
from ledger.domain.time.instant import micros_of
from ledger.domain.transfers.pairing import PairEvidence, PairingLimits

_MICROSECOND = timedelta(microseconds=1)
_ALWAYS = 10**18  # microseconds; longer than any history

Banned = Collection[tuple[EventId, EventId]]  # (withdrawal, deposit) that a user has split


class Half:
    """One half as the search sees it: whole counts of 1e-18 units and of microseconds.

    `low` is the least that may arrive of a withdrawal; of a deposit it is what arrived.
    """

    __slots__ = ("account", "at", "chain_hash", "event_id", "leaves", "low", "transfer", "units")

    def __init__(self, transfer: Transfer, limits: PairingLimits) -> None:
        self.transfer = transfer
        self.account = holder_of(transfer)
        self.event_id = transfer.event_id
        self.leaves = transfer.to_account is None
        self.at = micros_of(transfer.occurred_at)
        self.units = units_of(transfer.amount.quantity)
        self.low = self.units - lost_at_most(self.units, limits) if self.leaves else self.units
        self.chain_hash = normal_hash(transfer.chain_hash)


def holder_of(half: Transfer) -> AccountId:
    """Return the account that a half left or came into."""
    account = half.from_account or half.to_account
    assert account is not None, half
    return account


def normal_hash(text: str | None) -> str | None:
    """Return a hash as it can be compared: venues write one with or without ``0x`` and in either case.

    >>> normal_hash(" 0x4F1E "), normal_hash("")
    ('4f1e', None)
    """
    plain = (text or "").strip().lower().removeprefix("0x")
    return plain or None


def lost_at_most(units: int, limits: PairingLimits) -> int:
    """Return how much of what was sent on need not arrive; both in whole counts of 1e-18."""
    return max(units_of(limits.tolerance), units * units_of(limits.tolerance_share) // UNITS_PER_ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One kind of evidence. `key_of` gives what both halves must have alike, None: no evidence; `exact`: to the last digit."""

    evidence: PairEvidence
    key_of: Callable[[Half], Hashable]
    exact: bool


def _address(half: Half) -> str | None:
    return half.transfer.address or None


def _venue_id(half: Half) -> tuple[str, str] | None:
    """Return the id under which a venue's own interface told a half; ids of files are anybody's."""
    told = half.transfer
    return (told.venue, told.source_id) if told.rank is SourceRank.VENUE else None


def _nothing(_: Half) -> tuple[()]:
    return ()


def _chain_hash(half: Half) -> str | None:
    return half.chain_hash


TESTS: tuple[Test, ...] = (
    *(Test(evidence=PairEvidence.CHAIN_HASH, key_of=_chain_hash, exact=exact) for exact in (True, False)),
    *(Test(evidence=PairEvidence.VENUE_ID, key_of=_venue_id, exact=exact) for exact in (True, False)),
    *(Test(evidence=PairEvidence.ADDRESS, key_of=_address, exact=exact) for exact in (True, False)),
    Test(evidence=PairEvidence.AMOUNT, key_of=_nothing, exact=True),
    Test(evidence=PairEvidence.TOLERANCE, key_of=_nothing, exact=False),
)


class Search:
    """The halves of one asset, ready to be asked which fit one of the other side by one test."""

    def __init__(self, halves: Iterable[Half], test: Test, limits: PairingLimits, banned: Banned) -> None:
        self._test = test
        self._banned = banned
        by_hash = test.evidence is PairEvidence.CHAIN_HASH
        self._by_hash = by_hash
        self._skew = limits.skew // _MICROSECOND
        self._window = _ALWAYS if by_hash else limits.window // _MICROSECOND
        by_key: defaultdict[Hashable, list[Half]] = defaultdict(list)
        for half in halves:
            key = test.key_of(half)
            if key is not None:
                by_key[key].append(half)
        self._fields: dict[tuple[bool, Hashable], list[tuple[AccountId, bool, _Field]]] = {}
        for key, alike in by_key.items():
            if len({half.leaves for half in alike}) > 1:
                for leaves in (True, False):
                    self._fields[leaves, key] = _fields(half for half in alike if half.leaves is leaves)

    def fitting(self, half: Half, *, most: int) -> list[Half]:
        """Return up to `most` halves that fit; there may be more."""
        return list(islice(self._fitting(half), most))

    def _fitting(self, half: Half) -> Iterator[Half]:
        key = self._test.key_of(half)
        hashed = half.chain_hash is not None
        for account, other_hashed, field in self._fields.get((not half.leaves, key), ()):
            # Where both name a transaction of the chain, that decides and nothing else.
            if account == half.account or (hashed and other_hashed and not self._by_hash):
                continue
            for other in self._near(half, field):
                pair = (half.event_id, other.event_id) if half.leaves else (other.event_id, half.event_id)
                if pair not in self._banned:
                    yield other

    def _near(self, half: Half, field: "_Field") -> Iterator[Half]:
        if half.leaves:
            since, until = half.at - self._skew, half.at + self._window
        else:
            since, until = half.at - self._window, half.at + self._skew
        if self._test.exact:
            return field.alike(half.units, since, until)
        return field.within(half, since, until)


def _fields(halves: Iterable[Half]) -> list[tuple[AccountId, bool, "_Field"]]:
    """Return halves by account and by whether they name a transaction of the chain."""
    parts: defaultdict[tuple[AccountId, bool], list[Half]] = defaultdict(list)
    for half in halves:
        parts[half.account, half.chain_hash is not None].append(half)
    return [(account, hashed, _Field(part)) for (account, hashed), part in parts.items()]


class _Field:
    """Halves of one side and account, sorted by size and by time."""

    __slots__ = ("_by_size", "_by_time", "_lows", "_sizes", "_times")

    def __init__(self, halves: Sequence[Half]) -> None:
        self._by_size = sorted(halves, key=lambda half: (half.units, half.at, half.event_id))
        self._by_time = sorted(halves, key=lambda half: (half.at, half.event_id))
        self._sizes = [(half.units, half.at) for half in self._by_size]
        self._lows = [half.low for half in self._by_size]  # grow with the sizes: what may be lost grows no faster
        self._times = [half.at for half in self._by_time]

    def alike(self, units: int, since: int, until: int) -> Iterator[Half]:
        """Yield those of one size in a stretch of time."""
        first, last = bisect_left(self._sizes, (units, since)), bisect_right(self._sizes, (units, until))
        return map(self._by_size.__getitem__, range(first, last))

    def within(self, half: Half, since: int, until: int) -> Iterator[Half]:
        """Yield those in a stretch of time of which one side may have become the other."""
        if half.leaves:
            first, last = bisect_left(self._sizes, (half.low, -_ALWAYS)), bisect_right(self._sizes, (half.units, _ALWAYS))
        else:
            first, last = bisect_left(self._sizes, (half.units, -_ALWAYS)), bisect_right(self._lows, half.units)
        early, late = bisect_left(self._times, since), bisect_right(self._times, until)
        if last - first <= late - early:
            near = map(self._by_size.__getitem__, range(first, last))
        else:
            near = map(self._by_time.__getitem__, range(early, late))
        return (one for one in near if since <= one.at <= until and _ties(half, one))


def _ties(half: Half, other: Half) -> bool:
    sent, arrived = (half, other) if half.leaves else (other, half)
    return sent.low <= arrived.units <= sent.units
