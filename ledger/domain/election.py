"""Choices of lots that the taxpayer recorded: standing orders, selections for one sale or order, and allocations to wallets.

The law looks at when a choice was written down; so every election carries that instant and how well it is proved.
Source: 26 CFR 1.1012-1(j)(2) and (j)(3)(ii); Notices 2025-7 and 2026-20; of allocations Rev. Proc. 2024-28, sections 4 and 5.02.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AllocationId, BotId, ElectionId, OrderId, SourceId, WalletId


class PickOrder(StrEnum):
    """Which open lot of a pool goes first. Cost means cost per unit, fees included."""

    FIFO = "fifo"  # acquired first
    LIFO = "lifo"  # acquired last
    HIFO = "hifo"  # highest cost
    LOFO = "lofo"  # lowest cost


class EvidenceGrade(StrEnum):
    """Who vouches for the instant of recording."""

    OWN = "own"  # recorded here: the book's own chain proves when
    IMPORTED = "imported"  # recorded elsewhere; `evidence` names the proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionHead:
    """What every election carries: when it was written down, who vouches for that, and the proof in words."""

    election_id: ElectionId
    recorded_at: datetime
    grade: EvidenceGrade
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder(ElectionHead):
    """Lots go in this `order` from `effective_from` on, wherever `wallet`, `asset` and `bot` fit; None fits all."""

    order: PickOrder
    effective_from: datetime
    wallet: WalletId | None = None
    asset: AssetCode | None = None
    bot: BotId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPick:
    """So many units of one lot, named by its id or by the source's id of the event that acquired it."""

    lot: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(ElectionHead):
    """The lots of one sale or transfer, named by the source's id, or of all fills of one order; taken in the order given.

    `wallet` and `asset` narrow it where an id alone is not unique. A fee leg of the sale is meant only where `asset` names it.
    """

    picks: tuple[LotPick, ...]
    sale: SourceId | None = None
    order_id: OrderId | None = None
    wallet: WalletId | None = None
    asset: AssetCode | None = None

    def __post_init__(self) -> None:
        assert (self.sale is None) != (self.order_id is None), self
        assert self.picks, self


Election = StandingOrder | Selection


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
