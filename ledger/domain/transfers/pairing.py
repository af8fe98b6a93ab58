"""How the two halves of a transfer belong together: what the user decided, within what limits the rest is found, what came of it.

A withdrawal and a deposit are events of their own, each told by its venue. That both are one transfer is no fact of any source:
it is derived from all halves, the settings and the user's decisions, and may be derived anew at any time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import AssetCode
from ledger.domain.ids import EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingLimits:
    """How far two halves may differ and still be one transfer.

    A deposit counts from `skew` before its withdrawal (two clocks) until `window` after it. What arrives may be less than
    what was sent on by `tolerance` units of the asset or by `tolerance_share` of what was sent, whichever is more; never more.
    """

    window: timedelta = timedelta(hours=24)
    skew: timedelta = timedelta(minutes=15)
    tolerance: Decimal = Decimal("0.00000001")
    tolerance_share: Decimal = Decimal("0.005")


USUAL_LIMITS = PairingLimits()


class DecisionKind(StrEnum):
    """What a user may decide about halves."""

    MATCH = "match"  # they are one transfer
    SPLIT = "split"  # they are not: they wait again and are never paired with each other automatically; also takes a dismissal back
    DISMISS = "dismiss"  # it is no transfer between own accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDecision:
    """One decision; of several about one half the last counts, and all are kept.

    `lost` is what left and was agreed never to have arrived, in units of the asset: the decision is void when the halves come to
    say otherwise.
    """

    kind: DecisionKind
    withdrawals: tuple[EventId, ...]
    deposits: tuple[EventId, ...]
    lost: Decimal
    decided_at: datetime


class PairEvidence(StrEnum):
    """Why two halves are taken for one transfer, the strongest reason first."""

    HAND = "hand"  # the user said so
    CHAIN_HASH = "chain-hash"  # both name the same transaction of the chain
    VENUE_ID = "venue-id"  # one venue told both under one id
    ADDRESS = "address"  # both name the same address
    AMOUNT = "amount"  # what arrived is what was sent on, to the last digit
    TOLERANCE = "tolerance"  # a little less arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLink:
    """Units that left with one withdrawal and arrived with one deposit.

    `lost` are units of the withdrawal that arrived nowhere: a fee paid in kind on the way; of several links of a withdrawal one
    has them. `at_once`: the deposit was seen no later than the withdrawal, so that nothing is ever in transit.
    """

    withdrawal: EventId
    deposit: EventId
    asset: AssetCode
    quantity: Decimal
    lost: Decimal
    at_once: bool
    evidence: PairEvidence
