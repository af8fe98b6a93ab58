"""Unused basis put into wallets by the taxpayer's own document, where the pool of all wallets ends.

Source: Rev. Proc. 2024-28, sections 4 and 5.02.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import AssetCode, text_of
from ledger.domain.ids import AllocationId, WalletId, hash_of
from ledger.domain.time.instant import instant_text


class AllocationKind(StrEnum):
    """How the document was made: unit by unit, or by a rule written down before the pool ended."""

    SPECIFIC = "specific"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """So many units of one lot, named by its id or by the source's id of the event that acquired it, in one wallet.

    `cost_basis` is what the document says that they cost in total, in the book's currency; None: it does not say.
    """

    wallet: WalletId
    lot: str
    quantity: Decimal
    cost_basis: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Which lots of one asset went into which wallet when the pool of all wallets ended: the taxpayer's own document, made once.

    `recorded_at` is when it was complete, `described_at` when its rule was written down (global only), `evidence`
    names the proof of both.
    """

    allocation_id: AllocationId
    asset: AssetCode
    kind: AllocationKind
    recorded_at: datetime
    evidence: str
    allotments: tuple[Allotment, ...]
    described_at: datetime | None = None


def allotments_text(allotments: tuple[Allotment, ...]) -> str:
    """Return what a document gives to whom as canonical JSON; the rows stay in its own order.

    >>> allotments_text((Allotment(wallet=WalletId("cold"), lot="b1", quantity=Decimal("0.50")),))
    '[["cold","b1","0.5",null]]'
    """
    rows = [[one.wallet, one.lot, text_of(one.quantity), None if one.cost_basis is None else text_of(one.cost_basis)] for one in allotments]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def allotments_of(text: str) -> tuple[Allotment, ...]:
    """Return what a text of `allotments_text` says."""
    return tuple(
        Allotment(wallet=wallet, lot=lot, quantity=Decimal(quantity), cost_basis=None if cost is None else Decimal(cost))
        for wallet, lot, quantity, cost in json.loads(text)
    )


def allocation_id(
    *, asset: AssetCode, kind: AllocationKind, recorded_at: datetime, described_at: datetime | None, allotments: tuple[Allotment, ...]
) -> AllocationId:
    """Return the id of a document: of what it says and when."""
    described = "" if described_at is None else instant_text(described_at)
    return AllocationId(f"AL-{hash_of(asset, kind, instant_text(recorded_at), described, allotments_text(allotments))[:16]}")
