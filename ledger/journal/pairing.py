"""Two halves -> one transfer: a function of all halves, of the user's decisions and of the limits, and of nothing else.

In whatever order halves arrive, the same pairs come out. What a user decided stands; of the rest a withdrawal and a deposit of two
accounts are one transfer when they fit each other and neither fits any other, by the strongest evidence at which anything fits
(`ledger.journal.candidates.TESTS`). Where several fit, nothing is guessed: they wait.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from ledger.domain.amount import ZERO, AssetCode, added, is_fiat, subtracted
from ledger.domain.event import Transfer
from ledger.domain.ids import EventId
from ledger.domain.transfers.pairing import DecisionKind, PairDecision, PairEvidence, PairingLimits, TransferLink
from ledger.journal.candidates import TESTS, Half, Search

CANDIDATES_SHOWN = 5
SHORT_DIGITS = 12  # of an event id: enough to name it in any book

_in_order = attrgetter("occurred_at", "event_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Halves that are one transfer: several on one side at most, each side by time."""

    withdrawals: tuple[Transfer, ...]
    deposits: tuple[Transfer, ...]
    evidence: PairEvidence

    @property
    def halves(self) -> tuple[Transfer, ...]:
        """All of them, what was sent first."""
        return *self.withdrawals, *self.deposits


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A half without its other half; `candidates` are those that fit, at most `CANDIDATES_SHOWN`, by time."""

    half: Transfer
    candidates: tuple[EventId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """What all halves come to, each list by time; every half stands in one of the three. `void` are decisions that no longer fit."""

    pairs: tuple[Pair, ...]
    waiting: tuple[Waiting, ...]
    dismissed: tuple[Transfer, ...]
    void: tuple[PairDecision, ...]

    def pair_of(self, event_id: EventId) -> Pair | None:
        """Return the pair that a half is in."""
        return next((pair for pair in self.pairs if any(half.event_id == event_id for half in pair.halves)), None)

    def links(self) -> list[TransferLink]:
        """Return what moved from which withdrawal to which deposit."""
        return [link for pair in self.pairs for link in links_of(pair)]


def is_half(transfer: Transfer) -> bool:
    """Tell whether one side of a transfer is not known. Of government money it is a bank, and nothing is missing."""
    return None in (transfer.from_account, transfer.to_account) and not is_fiat(transfer.amount.asset)


def paired(transfers: Iterable[Transfer], decisions: Sequence[PairDecision], limits: PairingLimits) -> Pairing:
    """Return the pairs of the halves among all transfers; `decisions` in the order in which they were made."""
    known = {half.event_id: half for half in sorted(filter(is_half, transfers), key=_in_order)}
    decided = _Decided()
    for decision in decisions:
        decided.take(decision)
    pairs, void = decided.pairs(known)
    done = {half.event_id for pair in pairs for half in pair.halves} | decided.dismissed
    open_halves = [half for event_id, half in known.items() if event_id not in done]
    found, waiting = _found(open_halves, limits, decided.split)
    return Pairing(
        pairs=tuple(sorted([*pairs, *found], key=lambda pair: _in_order(pair.halves[0]))),
        waiting=tuple(sorted(waiting, key=lambda one: _in_order(one.half))),
        dismissed=tuple(half for event_id, half in known.items() if event_id in decided.dismissed),
        void=tuple(void),
    )


def lost_of(withdrawals: Iterable[Transfer], deposits: Iterable[Transfer]) -> Decimal:
    """Return how much more was sent on than arrived; negative: more arrived."""
    sent, arrived = (added(*(half.amount.quantity for half in side)) for side in (withdrawals, deposits))
    return subtracted(sent, arrived)


def links_of(pair: Pair) -> list[TransferLink]:
    """Return who brought what. Several withdrawals fill their deposit in order of time, and what is left over was lost on the way."""
    if len(pair.withdrawals) == 1:
        (sent,), lost = pair.withdrawals, lost_of(pair.withdrawals, pair.deposits)
        shares = [lost, *(ZERO for _ in pair.deposits[1:])]
        return [_link(pair, sent, one, one.amount.quantity, lost=share) for one, share in zip(pair.deposits, shares, strict=True)]
    (deposit,) = pair.deposits
    links, missing = [], deposit.amount.quantity
    for sent in pair.withdrawals:
        part = min(sent.amount.quantity, missing)
        missing = subtracted(missing, part)
        links.append(_link(pair, sent, deposit, part, lost=subtracted(sent.amount.quantity, part)))
    return links


def _link(pair: Pair, sent: Transfer, arrived: Transfer, quantity: Decimal, *, lost: Decimal) -> TransferLink:
    return TransferLink(
        withdrawal=sent.event_id,
        deposit=arrived.event_id,
        asset=sent.amount.asset,
        quantity=quantity,
        lost=lost,
        at_once=arrived.occurred_at <= sent.occurred_at,
        evidence=pair.evidence,
    )


# --- what was decided ------------------------------------------------------------------------------------------------


class _Decided:
    """The decisions, taken one after the other: the last word on each half is left."""

    def __init__(self) -> None:
        self._matches: dict[EventId, PairDecision] = {}  # by every half in them
        self.split: set[tuple[EventId, EventId]] = set()
        self.dismissed: set[EventId] = set()

    def take(self, decision: PairDecision) -> None:
        """Let a decision count, and nothing that was decided before of the same halves."""
        halves = *decision.withdrawals, *decision.deposits
        for half in halves:
            before = self._matches.get(half)
            for one in (*before.withdrawals, *before.deposits) if before else ():
                del self._matches[one]
        self.dismissed -= set(halves)
        match decision.kind:
            case DecisionKind.MATCH:
                self._matches |= dict.fromkeys(halves, decision)
            case DecisionKind.SPLIT:
                self.split |= {(sent, arrived) for sent in decision.withdrawals for arrived in decision.deposits}
            case DecisionKind.DISMISS:
                self.dismissed |= set(halves)

    def pairs(self, known: Mapping[EventId, Transfer]) -> tuple[list[Pair], list[PairDecision]]:
        """Return the matches that the halves still bear out, and those that they do not."""
        self.dismissed &= set(known)
        pairs, void = [], []
        for decision in {id(one): one for one in self._matches.values()}.values():
            pair = _pair_decided(decision, known)
            if pair is None:
                void.append(decision)
            else:
                pairs.append(pair)
        return pairs, void


def _pair_decided(decision: PairDecision, known: Mapping[EventId, Transfer]) -> Pair | None:
    """Return the pair that was decided; None where a venue has told one of the halves otherwise since."""
    if not {*decision.withdrawals, *decision.deposits} <= set(known):
        return None
    sent, arrived = (tuple(sorted((known[half] for half in side), key=_in_order)) for side in (decision.withdrawals, decision.deposits))
    fits = all(half.to_account is None for half in sent) and all(half.from_account is None for half in arrived)
    one_asset = len({half.amount.asset for half in (*sent, *arrived)}) == 1
    if not fits or not one_asset or lost_of(sent, arrived) != decision.lost:
        return None
    return Pair(withdrawals=sent, deposits=arrived, evidence=PairEvidence.HAND)


# --- what can be found -----------------------------------------------------------------------------------------------


def _found(
    halves: Iterable[Transfer], limits: PairingLimits, banned: Collection[tuple[EventId, EventId]]
) -> tuple[list[Pair], list[Waiting]]:
    by_asset: defaultdict[AssetCode, list[Half]] = defaultdict(list)
    for half in halves:
        by_asset[half.amount.asset].append(Half(half, limits))
    pairs: list[Pair] = []
    waiting: list[Waiting] = []
    for of_asset in by_asset.values():
        left = of_asset
        for test in TESTS:
            alike = _alike(Search(left, test, limits, banned), left)
            pairs += [Pair(withdrawals=(sent.transfer,), deposits=(arrived.transfer,), evidence=test.evidence) for sent, arrived in alike]
            done = {half.event_id for both in alike for half in both}
            left = [half for half in left if half.event_id not in done]
        waiting += _waiting(left, limits, banned)
    return pairs, waiting


def _alike(search: Search, halves: Iterable[Half]) -> list[tuple[Half, Half]]:
    """Return the withdrawals and deposits that fit each other and nothing else."""
    alike = []
    for sent in halves:
        if sent.leaves:
            fitting = search.fitting(sent, most=2)
            if len(fitting) == 1 and len(search.fitting(fitting[0], most=2)) == 1:
                alike.append((sent, fitting[0]))
    return alike


def _waiting(halves: Sequence[Half], limits: PairingLimits, banned: Collection[tuple[EventId, EventId]]) -> list[Waiting]:
    searches = [Search(halves, test, limits, banned) for test in TESTS]
    waiting = []
    for half in halves:
        fitting = next(filter(None, (search.fitting(half, most=CANDIDATES_SHOWN) for search in searches)), [])
        fitting.sort(key=lambda one: (one.at, one.event_id))
        waiting.append(Waiting(half=half.transfer, candidates=tuple(one.event_id for one in fitting)))
    return waiting
