"""What a user may decide about the halves of transfers: each decision is checked here before it is written down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.domain.amount import ZERO, Amount, decimal_of_units, text_of, units_of
from ledger.domain.errors import InputError
from ledger.domain.event import Transfer
from ledger.domain.ids import EventId
from ledger.domain.time.instant import instant_text
from ledger.domain.transfers.pairing import DecisionKind, PairDecision, PairingLimits
from ledger.journal.candidates import holder_of, lost_at_most
from ledger.journal.pairing import SHORT_DIGITS, Pairing, lost_of

EARLY_MAX = timedelta(days=1)  # of a deposit before its withdrawal: clocks may be set to the wrong zone, but no further


def match_of(
    pairing: Pairing, halves: Sequence[Transfer], limits: PairingLimits, *, rest_is_fee: bool, decided_at: datetime
) -> PairDecision:
    """Return the decision that these halves are one transfer; `rest_is_fee`: what did not arrive was paid on the way, however much.

    Raises:
        InputError: when they cannot be one: of two assets, all of one side, of one account, already paired, dismissed, of sizes
            that do not tie, or the deposit long before the withdrawal.
    """
    sent, arrived = _sides(halves)
    for half in halves:
        _check_free(pairing, half)
    _check_alike(halves, sent, arrived)
    lost = lost_of(sent, arrived)
    _check_sizes(sent, arrived, lost, _allowed(sent, limits), rest_is_fee=rest_is_fee)
    return PairDecision(kind=DecisionKind.MATCH, withdrawals=_ids(sent), deposits=_ids(arrived), lost=lost, decided_at=decided_at)


def split_of(pairing: Pairing, half: Transfer, *, decided_at: datetime) -> PairDecision:
    """Return the decision that the pair of a half is none, or that a dismissed half is a transfer after all.

    Raises:
        InputError: when it is neither paired nor dismissed.
    """
    pair = pairing.pair_of(half.event_id)
    if pair is not None:
        sent, arrived = _sides_of_any(pair.halves)
    elif any(one.event_id == half.event_id for one in pairing.dismissed):
        sent, arrived = _sides_of_any([half])
    else:
        raise InputError(f"{_named(half)} is not paired: there is nothing to split", mend="see the pairs: lotwright transfers list --all")
    return PairDecision(kind=DecisionKind.SPLIT, withdrawals=_ids(sent), deposits=_ids(arrived), lost=ZERO, decided_at=decided_at)


def dismissal_of(pairing: Pairing, half: Transfer, *, decided_at: datetime) -> PairDecision:
    """Return the decision that a half is no transfer between own accounts.

    Raises:
        InputError: when it is paired, or dismissed already.
    """
    _check_free(pairing, half)
    sent, arrived = _sides_of_any([half])
    return PairDecision(kind=DecisionKind.DISMISS, withdrawals=_ids(sent), deposits=_ids(arrived), lost=ZERO, decided_at=decided_at)


def _ids(halves: Sequence[Transfer]) -> tuple[EventId, ...]:
    return tuple(half.event_id for half in halves)


def _sides_of_any(halves: Sequence[Transfer]) -> tuple[list[Transfer], list[Transfer]]:
    return [half for half in halves if half.to_account is None], [half for half in halves if half.to_account is not None]


def _sides(halves: Sequence[Transfer]) -> tuple[list[Transfer], list[Transfer]]:
    twice = next((half for number, half in enumerate(halves) if half in halves[:number]), None)
    if twice is not None:
        raise InputError(f"{_named(twice)} is named twice", mend="name each half once")
    sent, arrived = _sides_of_any(halves)
    if not sent or not arrived:
        what = "withdrawals" if sent else "deposits"
        raise InputError(
            f"all halves named are {what}: {', '.join(map(_named, halves))}",
            mend="name a withdrawal and a deposit; where one is no transfer of yours, say so: lotwright transfers dismiss ID",
        )
    if len(sent) > 1 and len(arrived) > 1:
        raise InputError(
            f"{len(sent)} withdrawals cannot be matched with {len(arrived)} deposits at once: which brought which is not told",
            mend="match one withdrawal with its deposits, or one deposit with its withdrawals",
        )
    return sent, arrived


def _check_free(pairing: Pairing, half: Transfer) -> None:
    pair = pairing.pair_of(half.event_id)
    if pair is not None:
        others = ", ".join(_named(one) for one in pair.halves if one.event_id != half.event_id)
        raise InputError(f"{_named(half)} is already paired with {others}", mend=f"take them apart first: {_split(half)}")
    if any(one.event_id == half.event_id for one in pairing.dismissed):
        raise InputError(f"{_named(half)} was dismissed as no transfer of yours", mend=f"take that back first: {_split(half)}")


def _split(half: Transfer) -> str:
    return f"lotwright transfers split {half.event_id[:SHORT_DIGITS]}"


def _check_alike(halves: Sequence[Transfer], sent: Sequence[Transfer], arrived: Sequence[Transfer]) -> None:
    assets = sorted({half.amount.asset for half in halves})
    if len(assets) > 1:
        raise InputError(f"the halves are of different assets: {', '.join(assets)}", mend="match halves of one asset")
    for one in sent:
        for other in arrived:
            if holder_of(one) == holder_of(other):
                raise InputError(
                    f"{_named(one)} and {_named(other)} are of one account",
                    mend="a transfer goes from one account to another: name the deposit where it arrived",
                )
            if other.occurred_at < one.occurred_at - EARLY_MAX:
                raise InputError(
                    f"{_named(other)} arrived at {instant_text(other.occurred_at)}, long before "
                    f"{_named(one)} left at {instant_text(one.occurred_at)}",
                    mend="name the deposit that came after it; if a source has the wrong date, correct the source",
                )


def _allowed(sent: Sequence[Transfer], limits: PairingLimits) -> Decimal:
    return decimal_of_units(lost_at_most(units_of(lost_of(sent, ())), limits))


def _check_sizes(sent: Sequence[Transfer], arrived: Sequence[Transfer], lost: Decimal, allowed: Decimal, *, rest_is_fee: bool) -> None:
    asset = sent[0].amount.asset
    left, came = Amount(quantity=lost_of(sent, ()), asset=asset), Amount(quantity=lost_of(arrived, ()), asset=asset)
    if lost < 0:
        raise InputError(
            f"{came} arrived but only {left} were sent",
            mend="name all withdrawals that went into the deposit; if a source has the wrong amount, correct the source",
        )
    if lost > allowed and not rest_is_fee:
        raise InputError(
            f"{left} were sent and {came} arrived: {text_of(lost)} {asset} are missing, more than the tolerance of {text_of(allowed)}",
            mend="name all deposits that the withdrawal went into; if the rest was paid on the way, say so: --rest-is-fee",
        )


def _named(half: Transfer) -> str:
    what = "withdrawal" if half.to_account is None else "deposit"
    return f"{what} {holder_of(half)}/{half.source_id}"
