"""Unused basis put into wallets by the taxpayer's own document, where the pool of all wallets ends.

Source: Rev. Proc. 2024-28, sections 4 and 5.02.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AllocationId, WalletId


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
