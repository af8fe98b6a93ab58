"""Pairing of many halves agrees with a model that looks at every two of them; neither order nor company changes a pair's parts."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.amount import Amount, AssetCode, added
from ledger.domain.event import SourceRank, Transfer
from ledger.domain.ids import AccountId, EventId, SourceId, VenueName
from ledger.domain.transfers.pairing import USUAL_LIMITS, DecisionKind, PairDecision, PairEvidence
from ledger.journal.pairing import Pairing, lost_of, paired

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
Found = set[tuple[str, str, PairEvidence]]


@st.composite
def halves(draw: st.DrawFn) -> list[Transfer]:
    """Some halves of few sizes, times, accounts, hashes and addresses, so that many fit one another."""
    return [_half(draw, number) for number in range(draw(st.integers(0, 12)))]


def _half(draw: st.DrawFn, number: int) -> Transfer:
    account = AccountId(draw(st.sampled_from(["main", "vault", "cold"])))
    leaves = draw(st.booleans())
    return Transfer(
        event_id=EventId(f"{number:032x}"),
        source_id=SourceId(str(draw(st.integers(0, 3)))),
        venue=VenueName("v"),
        account=account,
        occurred_at=START + timedelta(minutes=draw(st.sampled_from([0, 10, 20, 1450, 1480]))),
        rank=draw(st.sampled_from([SourceRank.FILE, SourceRank.FILE, SourceRank.VENUE])),
        from_account=account if leaves else None,
        to_account=None if leaves else account,
        amount=Amount(quantity=Decimal(draw(st.sampled_from(["1", "1", "0.996", "2"]))), asset=AssetCode("BTC")),
        chain_hash=draw(st.sampled_from([None, None, "0xAA", "aa", "bb"])),
        address=draw(st.sampled_from([None, None, "x", "y"])),
    )


def naive(transfers: Sequence[Transfer]) -> Found:
    """Try every withdrawal with every deposit, kind of evidence by kind, and take those that have one way only."""
    found: Found = set()
    left = list(transfers)
    for evidence in (PairEvidence.CHAIN_HASH, PairEvidence.VENUE_ID, PairEvidence.ADDRESS, None):
        for exact in (True, False):
            edges = [(sent, came) for sent in left for came in left if _fits(sent, came, evidence, exact=exact)]
            degrees = Counter(half.event_id for edge in edges for half in edge)
            sure = [edge for edge in edges if {degrees[half.event_id] for half in edge} == {1}]
            named = evidence or (PairEvidence.AMOUNT if exact else PairEvidence.TOLERANCE)
            found |= {(sent.event_id, came.event_id, named) for sent, came in sure}
            done = {half.event_id for edge in sure for half in edge}
            left = [half for half in left if half.event_id not in done]
    return found


def _fits(sent: Transfer, came: Transfer, evidence: PairEvidence | None, *, exact: bool) -> bool:
    if sent.to_account is not None or came.from_account is not None or sent.account == came.account:
        return False
    lost = sent.amount.quantity - came.amount.quantity
    if not 0 <= lost <= (0 if exact else max(Decimal("1e-8"), sent.amount.quantity * Decimal("0.005"))):
        return False
    took = came.occurred_at - sent.occurred_at
    hashes = [half.chain_hash and half.chain_hash.lower().removeprefix("0x") for half in (sent, came)]
    if evidence is PairEvidence.CHAIN_HASH:
        return None not in hashes and hashes[0] == hashes[1] and took >= -timedelta(minutes=15)
    if None not in hashes or not -timedelta(minutes=15) <= took <= timedelta(hours=24):
        return False
    if evidence is PairEvidence.VENUE_ID:
        return sent.rank is came.rank is SourceRank.VENUE and sent.source_id == came.source_id
    return evidence is None or (sent.address is not None and sent.address == came.address)


def pairs_of(pairing: Pairing) -> Found:
    return {(pair.withdrawals[0].event_id, pair.deposits[0].event_id, pair.evidence) for pair in pairing.pairs}


@settings(max_examples=500, deadline=None)
@given(halves(), st.integers())
def test_pairs_are_those_of_a_model_that_looks_at_every_two(transfers: list[Transfer], seed: int) -> None:
    pairing = paired(transfers, [], USUAL_LIMITS)
    assert pairs_of(pairing) == naive(transfers)
    shuffled = random.Random(seed).sample(transfers, len(transfers))  # noqa: S311  # an order, not a secret
    assert paired(shuffled, [], USUAL_LIMITS) == pairing
    for one in pairing.waiting:
        fitting = {candidate for candidate in one.candidates if naive([one.half, *(t for t in transfers if t.event_id == candidate)])}
        assert fitting == set(one.candidates)


@st.composite
def decisions(draw: st.DrawFn) -> list[PairDecision]:
    """Decisions about halves of any sort, sensible or not, as a register may hold them after its events were told anew."""
    ids = st.integers(0, 12).map(lambda number: EventId(f"{number:032x}"))
    sides = st.lists(ids, min_size=1, max_size=2, unique=True).map(tuple)
    made = []
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(DecisionKind))
        sent, came = draw(sides), draw(sides)
        one_sided = kind is not DecisionKind.MATCH and draw(st.booleans())
        made.append(
            PairDecision(
                kind=kind,
                withdrawals=sent[:1],
                deposits=() if one_sided else tuple(half for half in came if half not in sent),
                lost=Decimal(draw(st.sampled_from(["0", "0.004", "1"]))),
                decided_at=START,
            )
        )
    return [one for one in made if one.kind is not DecisionKind.MATCH or one.deposits]


@settings(max_examples=300, deadline=None)
@given(halves(), decisions())
def test_every_half_is_in_one_place_and_every_unit_is_accounted_for(transfers: list[Transfer], decided: list[PairDecision]) -> None:
    pairing = paired(transfers, decided, USUAL_LIMITS)
    places = [half for pair in pairing.pairs for half in pair.halves]
    places += [*(one.half for one in pairing.waiting), *pairing.dismissed]
    assert sorted(half.event_id for half in places) == sorted(half.event_id for half in transfers)
    links = pairing.links()
    for pair in pairing.pairs:
        assert lost_of(pair.withdrawals, pair.deposits) == added(
            *(link.lost for link in links if link.withdrawal in {half.event_id for half in pair.withdrawals})
        )
        for half in pair.halves:
            mine = [link for link in links if half.event_id in {link.withdrawal, link.deposit}]
            lost = [link.lost for link in mine] if half.to_account is None else []
            assert added(*(link.quantity for link in mine), *lost) == half.amount.quantity
            assert min((link.quantity for link in mine), default=Decimal(0)) >= 0
