"""Halves are paired where only one way fits, wait where several do, and what a user decided stands."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from time import process_time

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import SourceRank, Transfer
from ledger.domain.ids import AccountId, EventId, SourceId, VenueName, hash_of
from ledger.domain.transfers.pairing import USUAL_LIMITS, DecisionKind, PairDecision, PairEvidence, PairingLimits, TransferLink
from ledger.journal.pair_choices import dismissal_of, match_of, split_of
from ledger.journal.pairing import Pairing, links_of, paired

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=30)


def half(
    name: str,
    quantity: str = "1",
    *,
    account: str = "",
    minutes: float = 0,
    asset: str = "BTC",
    chain_hash: str | None = None,
    address: str | None = None,
    venue: str = "",
) -> Transfer:
    """Return a half: of a name that begins with ``w`` a withdrawal of `main`, else a deposit of `vault`; `venue`: told by its interface."""
    leaves = name.startswith("w")
    held = AccountId(account or ("main" if leaves else "vault"))
    return Transfer(
        event_id=EventId(hash_of("half", held, name)[:32]),
        source_id=SourceId(name if not venue else name[1:]),
        venue=VenueName(venue or "file"),
        account=held,
        occurred_at=NOON + timedelta(minutes=minutes),
        rank=SourceRank.VENUE if venue else SourceRank.FILE,
        from_account=held if leaves else None,
        to_account=None if leaves else held,
        amount=Amount(quantity=Decimal(quantity), asset=AssetCode(asset)),
        chain_hash=chain_hash,
        address=address,
    )


def pairing(*transfers: Transfer, decisions: Sequence[PairDecision] = (), limits: PairingLimits = USUAL_LIMITS) -> Pairing:
    return paired(transfers, decisions, limits)


def names(found: Pairing) -> list[str]:
    """Return each pair as ``w1+d1 amount``, then what waits as ``w1?``, what was dismissed as ``w1!``."""
    pairs = [f"{'+'.join(one.source_id for one in pair.halves)} {pair.evidence}" for pair in found.pairs]
    return [*pairs, *(f"{one.half.source_id}?" for one in found.waiting), *(f"{one.source_id}!" for one in found.dismissed)]


CASES: dict[str, tuple[list[Transfer], list[str]]] = {
    "equal amounts of two accounts are one transfer": ([half("w1"), half("d1", minutes=40)], ["w1+d1 amount"]),
    "a deposit may be seen before its withdrawal, as far as clocks differ": ([half("w1"), half("d1", minutes=-15)], ["w1+d1 amount"]),
    "but no further": ([half("w1"), half("d1", minutes=-15.1)], ["d1?", "w1?"]),
    "a deposit at the end of the window counts": ([half("w1"), half("d1", minutes=24 * 60)], ["w1+d1 amount"]),
    "one after it does not": ([half("w1"), half("d1", minutes=24 * 60 + 0.1)], ["w1?", "d1?"]),
    "a little less may arrive": ([half("w1"), half("d1", "0.995", minutes=1)], ["w1+d1 tolerance"]),
    "not less than the tolerance": ([half("w1"), half("d1", "0.994999999999999999", minutes=1)], ["w1?", "d1?"]),
    "of a small amount a fixed number of units may be lost": (
        [half("w1", "0.00000002"), half("d1", "0.00000001", minutes=1)],
        ["w1+d1 tolerance"],
    ),
    "more than was sent never arrives": ([half("w1"), half("d1", "1.000000000000000001", minutes=1)], ["w1?", "d1?"]),
    "an account does not send to itself": ([half("w1"), half("d1", account="main", minutes=1)], ["w1?", "d1?"]),
    "assets are kept apart": ([half("w1"), half("d1", minutes=1, asset="ETH")], ["w1?", "d1?"]),
    "money goes to banks and is no half": ([half("w1", asset="USD"), half("d1", minutes=1, asset="USD")], []),
    "two equal deposits are ambiguous": ([half("w1"), half("d1", minutes=1), half("d2", minutes=2)], ["w1?", "d1?", "d2?"]),
    "two equal withdrawals are ambiguous": ([half("w1"), half("w2", minutes=1), half("d1", minutes=2)], ["w1?", "w2?", "d1?"]),
    "of two chains the one without another way is not guessed": (
        [half("w1"), half("d1", minutes=1), half("w2", minutes=60), half("d2", minutes=61)],
        ["w1?", "d1?", "w2?", "d2?"],
    ),
    "an exact amount is better evidence than a tolerance": (
        [half("w1"), half("d1", minutes=1), half("d2", "0.999", minutes=1), half("w2", "0.9995")],
        ["w2+d2 tolerance", "w1+d1 amount"],
    ),
    "the chain's hash decides between equals": (
        [half("w1", chain_hash="0xAB"), half("d1", minutes=1), half("d2", minutes=2, chain_hash=" ab")],
        ["w1+d2 chain-hash", "d1?"],
    ),
    "the chain's hash needs no window": (
        [half("w1", chain_hash="ab"), half("d1", minutes=60 * 24 * 9, chain_hash="AB")],
        ["w1+d1 chain-hash"],
    ),
    "two hashes are two transfers": ([half("w1", chain_hash="ab"), half("d1", minutes=1, chain_hash="cd")], ["w1?", "d1?"]),
    "one transaction with two outputs is told apart by amount": (
        [
            *(half("w1", chain_hash="ab"), half("w2", "2", chain_hash="ab")),
            *(half("d2", "2", minutes=1, chain_hash="ab", account="other"), half("d1", minutes=1, chain_hash="ab")),
        ],
        ["w1+d1 chain-hash", "w2+d2 chain-hash"],
    ),
    "an address decides between equals": (
        [half("w1", address="bc1q"), half("d1", minutes=1), half("d2", minutes=2, address="bc1q")],
        ["w1+d2 address", "d1?"],
    ),
    "a venue's own id decides between equals": (
        [half("w77", venue="v"), half("d77", minutes=1, venue="v"), half("d78", minutes=1, venue="v")],
        ["77+77 venue-id", "78?"],
    ),
    "equal ids of two files say nothing": (
        [replace(half("w1"), source_id=half("d1").source_id), half("d1", minutes=1), half("d2", minutes=1)],
        ["d1?", "d1?", "d2?"],
    ),
}


@pytest.mark.parametrize(("halves", "expected"), CASES.values(), ids=list(CASES))
def test_halves_are_paired_as_far_as_only_one_way_fits(halves: list[Transfer], expected: list[str]) -> None:
    assert sorted(names(pairing(*halves))) == sorted(expected)


@pytest.mark.parametrize("halves", [halves for halves, _ in CASES.values()], ids=list(CASES))
def test_the_order_of_arrival_decides_nothing(halves: list[Transfer]) -> None:
    assert len({pairing(*order) for order in permutations(halves)}) == 1


def test_settings_move_the_limits() -> None:
    halves = half("w1"), half("d1", "0.9", minutes=60)
    for changed, expected in (
        (PairingLimits(tolerance_share=Decimal("0.1")), 1),
        (PairingLimits(tolerance=Decimal("0.1")), 1),
        (PairingLimits(tolerance=Decimal("0.1"), window=timedelta(minutes=59)), 0),
        (PairingLimits(tolerance=Decimal(0), tolerance_share=Decimal(0)), 0),
    ):
        assert len(pairing(*halves, limits=changed).pairs) == expected


def test_what_waits_names_what_would_fit() -> None:
    w1, d1, d2, d3 = half("w1"), half("d1", minutes=1), half("d2", minutes=2), half("d3", "0.9", minutes=3)
    waiting = {one.half.source_id: one.candidates for one in pairing(w1, d1, d2, d3).waiting}
    assert waiting == {"w1": (d1.event_id, d2.event_id), "d1": (w1.event_id,), "d2": (w1.event_id,), "d3": ()}


# --- links ------------------------------------------------------------------------------------------------------------


def link(sent: Transfer, arrived: Transfer, quantity: str, *, lost: str = "0", at_once: bool = False) -> TransferLink:
    return TransferLink(
        withdrawal=sent.event_id,
        deposit=arrived.event_id,
        asset=AssetCode("BTC"),
        quantity=Decimal(quantity),
        lost=Decimal(lost),
        at_once=at_once,
        evidence=PairEvidence.HAND,
    )


def by_hand(*halves: Transfer, rest_is_fee: bool = False) -> PairDecision:
    return match_of(pairing(*halves, limits=NOTHING), halves, USUAL_LIMITS, rest_is_fee=rest_is_fee, decided_at=LATER)


NOTHING = PairingLimits(window=timedelta(0), skew=timedelta(0), tolerance=Decimal(0), tolerance_share=Decimal(0))


def test_one_withdrawal_may_go_into_several_deposits() -> None:
    w1, d1, d2 = half("w1", "3"), half("d1", "1", minutes=-1), half("d2", "1.5", minutes=1)
    (pair,) = pairing(w1, d1, d2, decisions=[by_hand(w1, d2, d1, rest_is_fee=True)]).pairs
    assert links_of(pair) == [link(w1, d1, "1", lost="0.5", at_once=True), link(w1, d2, "1.5")]


def test_several_withdrawals_may_go_into_one_deposit() -> None:
    w1, w2, d1 = half("w1", "1"), half("w2", "2", minutes=5), half("d1", "2.5", minutes=5)
    (pair,) = pairing(w1, w2, d1, decisions=[by_hand(d1, w2, w1, rest_is_fee=True)]).pairs
    assert links_of(pair) == [link(w1, d1, "1"), link(w2, d1, "1.5", lost="0.5", at_once=True)]


# --- decisions ---------------------------------------------------------------------------------------------------------


def test_a_match_stands_whatever_else_would_fit() -> None:
    w1, d1, d2 = half("w1"), half("d1", minutes=1), half("d2", minutes=2)
    assert names(pairing(w1, d1, d2, decisions=[by_hand(w1, d2)])) == ["w1+d2 hand", "d1?"]


def test_a_split_pair_waits_and_is_never_paired_again_by_itself() -> None:
    w1, d1 = half("w1"), half("d1", minutes=1)
    split = split_of(pairing(w1, d1), d1, decided_at=LATER)
    assert (split.withdrawals, split.deposits) == ((w1.event_id,), (d1.event_id,))
    assert names(pairing(w1, d1, decisions=[split])) == ["w1?", "d1?"]
    d2 = half("d2", minutes=2)
    assert names(pairing(w1, d1, d2, decisions=[split])) == ["w1+d2 amount", "d1?"]
    again = match_of(pairing(w1, d1, decisions=[split]), [w1, d1], USUAL_LIMITS, rest_is_fee=False, decided_at=LATER)
    assert names(pairing(w1, d1, decisions=[split, again])) == ["w1+d1 hand"]
    assert names(pairing(w1, d1, decisions=[split, again, split])) == ["w1?", "d1?"]


def test_a_dismissed_half_is_nobodys_other_half_until_that_is_taken_back() -> None:
    w1, d1 = half("w1"), half("d1", minutes=1)
    dismissed = dismissal_of(pairing(w1), w1, decided_at=LATER)
    assert names(pairing(w1, d1, decisions=[dismissed])) == ["d1?", "w1!"]
    back = split_of(pairing(w1, d1, decisions=[dismissed]), w1, decided_at=LATER)
    assert names(pairing(w1, d1, decisions=[dismissed, back])) == ["w1+d1 amount"]


def test_a_later_match_takes_a_half_out_of_an_earlier_one() -> None:
    w1, d1, d2 = half("w1"), half("d1", minutes=1), half("d2", minutes=2)
    assert names(pairing(w1, d1, d2, decisions=[by_hand(w1, d1), by_hand(w1, d2)])) == ["w1+d2 hand", "d1?"]


def test_a_match_whose_halves_were_told_otherwise_since_is_void() -> None:
    w1, d1 = half("w1", "3"), half("d1", "2.9", minutes=1)
    decided = by_hand(w1, d1, rest_is_fee=True)
    for changed in (half("w1", "4"), half("w1", "3", asset="ETH"), replace(w1, to_account=d1.account)):
        found = pairing(changed, d1, decisions=[decided])
        assert (found.pairs, found.void) == ((), (decided,))
    assert pairing(w1, d1, decisions=[decided]).void == ()


W1, W2, D1 = half("w1"), half("w2", "2"), half("d1", minutes=1)
PAIRED = pairing(W1, D1)
DISMISSED = pairing(
    W1, D1, decisions=[PairDecision(kind=DecisionKind.DISMISS, withdrawals=(), deposits=(D1.event_id,), lost=Decimal(0), decided_at=LATER)]
)
REFUSED: dict[str, tuple[Pairing, list[Transfer], str, str]] = {
    "two withdrawals": (pairing(), [W1, W2], "all halves named are withdrawals: withdrawal main/w1, withdrawal main/w2", "dismiss"),
    "two deposits": (pairing(), [D1, half("d2")], "all halves named are deposits", "name a withdrawal and a deposit"),
    "one half": (pairing(), [D1], "all halves named are deposits: deposit vault/d1", "name a withdrawal and a deposit"),
    "one half twice": (pairing(), [W1, D1, W1], "withdrawal main/w1 is named twice", "once"),
    "several on both sides": (pairing(), [W1, W2, D1, half("d2")], "2 withdrawals cannot be matched with 2 deposits", "one withdrawal"),
    "two assets": (pairing(), [W1, half("d1", asset="ETH")], "different assets: BTC, ETH", "of one asset"),
    "one account": (pairing(), [W1, half("d1", account="main")], "withdrawal main/w1 and deposit main/d1 are of one account", "from one"),
    "more arrived": (pairing(), [W1, half("d1", "1.1")], "1.1 BTC arrived but only 1 BTC were sent", "name all withdrawals"),
    "too little arrived": (pairing(), [W1, half("d1", "0.9")], "0.1 BTC are missing, more than the tolerance of 0.005", "--rest-is-fee"),
    "days too early": (pairing(), [W1, half("d1", minutes=-1441)], "deposit vault/d1 arrived at 2025-02-28T11:59", "came after it"),
    "paired already": (PAIRED, [W1, half("d2")], "withdrawal main/w1 is already paired with deposit vault/d1", "transfers split "),
    "dismissed": (DISMISSED, [W1, D1], "deposit vault/d1 was dismissed", "transfers split "),
}


@pytest.mark.parametrize(("found", "halves", "said", "mend"), REFUSED.values(), ids=list(REFUSED))
def test_a_bad_match_is_refused_with_a_way_to_mend_it(found: Pairing, halves: list[Transfer], said: str, mend: str) -> None:
    with pytest.raises(InputError) as refused:
        match_of(found, halves, USUAL_LIMITS, rest_is_fee=False, decided_at=LATER)
    assert said in refused.value.message
    assert mend in refused.value.mend


def test_what_did_not_arrive_may_be_declared_a_fee_but_never_what_was_not_sent() -> None:
    assert by_hand(W1, half("d1", "0.1"), rest_is_fee=True).lost == Decimal("0.9")
    with pytest.raises(InputError, match="only 1 BTC were sent"):
        by_hand(W1, half("d1", "1.1"), rest_is_fee=True)


def test_what_is_not_paired_cannot_be_split_and_what_is_cannot_be_dismissed() -> None:
    with pytest.raises(InputError, match="withdrawal main/w1 is not paired"):
        split_of(pairing(W1), W1, decided_at=LATER)
    with pytest.raises(InputError, match="withdrawal main/w1 is already paired with deposit vault/d1"):
        dismissal_of(PAIRED, W1, decided_at=LATER)
    with pytest.raises(InputError, match="deposit vault/d1 was dismissed"):
        dismissal_of(DISMISSED, D1, decided_at=LATER)


# --- many --------------------------------------------------------------------------------------------------------------


def _seconds(halves: list[Transfer]) -> float:
    began = process_time()
    paired(halves, [], USUAL_LIMITS)
    return process_time() - began


def _crowds(count: int) -> dict[str, list[Transfer]]:
    sides = [(f"{side}{number}", number) for number in range(count) for side in "wd"]
    return {
        "all alike at once": [half(name) for name, _ in sides],
        "all alike, one a minute": [half(name, minutes=number) for name, number in sides],
        "all alike, each with a hash of its own": [half(name, chain_hash=name) for name, _ in sides],
        "all alike in one account": [half(name, account="main") for name, _ in sides],
        "nearly alike at once": [half(name, f"1.{number:06}" if name[0] == "w" else f"0.999{number:06}") for name, number in sides],
        "all different": [half(name, f"{number + 1}", minutes=number) for name, number in sides],
    }


@pytest.mark.parametrize("crowd", list(_crowds(0)))
def test_a_crowd_is_paired_in_little_more_than_its_share_of_time(crowd: str) -> None:
    few, many = _crowds(500)[crowd], _crowds(4_000)[crowd]
    assert _seconds(many) < 24 * max(_seconds(few), 0.02)  # eight times as many; quadratic would be 64 times
