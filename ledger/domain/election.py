"""Choices of lots that the taxpayer recorded: standing orders, and selections for one sale or order.

The law looks at when a choice was written down; so every election carries that instant and how well it is proved.
Source: 26 CFR 1.1012-1(j)(2) and (j)(3)(ii); Notices 2025-7 and 2026-20.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from ledger.domain.amount import AssetCode, text_of
from ledger.domain.ids import BotId, ElectionId, Hash, OrderId, PayloadId, SourceId, WalletId, hash_of
from ledger.domain.time.instant import instant_of, instant_text

STANDING, SELECTION = "standing", "selection"  # the kinds of elections, as files and the register name them
SALE, ORDER = "sale:", "order:"  # what a selection is for, before the id of the sale or order


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

    `order_id` is the venue's id of the order or the bot's own name for it: the latter is known before the order is sent.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionWords:
    """An election's own words as the register keeps them: `subject` is the sale or order it is for, `body` canonical JSON."""

    kind: str
    subject: str
    body: str


def words_of(election: Election) -> ElectionWords:
    """Return what an election says, the same text for the same choice whoever recorded it and whenever.

    >>> words_of(StandingOrder(election_id=ElectionId("e"), recorded_at=instant_of("2026-01-01T00:00:00Z"), grade=EvidenceGrade.OWN,
    ...     order=PickOrder.HIFO, effective_from=instant_of("2026-01-01T00:00:00Z"), asset=AssetCode("BTC"))).body
    '{"asset":"BTC","bot":null,"effective_from":"2026-01-01T00:00:00.000000Z","rule":"hifo","wallet":null}'
    """
    match election:
        case StandingOrder():
            effective = instant_text(election.effective_from)
            scope = {"wallet": election.wallet, "asset": election.asset, "bot": election.bot}
            return ElectionWords(kind=STANDING, subject="", body=_json({"rule": election.order, "effective_from": effective, **scope}))
        case Selection():
            lots = [[pick.lot, text_of(pick.quantity)] for pick in election.picks]
            subject = f"{ORDER}{election.order_id}" if election.sale is None else f"{SALE}{election.sale}"
            return ElectionWords(
                kind=SELECTION, subject=subject, body=_json({"lots": lots, "wallet": election.wallet, "asset": election.asset})
            )
        case _:
            assert_never(election)


def election_of(words: ElectionWords, *, election_id: ElectionId, recorded_at: datetime, grade: EvidenceGrade, evidence: str) -> Election:
    """Return the election that the register's words make; the inverse of `words_of`."""
    told = json.loads(words.body)
    if words.kind == STANDING:
        return StandingOrder(
            election_id=election_id,
            recorded_at=recorded_at,
            grade=grade,
            evidence=evidence,
            order=PickOrder(told["rule"]),
            effective_from=instant_of(told["effective_from"]),
            wallet=told["wallet"],
            asset=told["asset"],
            bot=told["bot"],
        )
    return Selection(
        election_id=election_id,
        recorded_at=recorded_at,
        grade=grade,
        evidence=evidence,
        picks=tuple(LotPick(lot=lot, quantity=Decimal(quantity)) for lot, quantity in told["lots"]),
        sale=SourceId(words.subject.removeprefix(SALE)) if words.subject.startswith(SALE) else None,
        order_id=OrderId(words.subject.removeprefix(ORDER)) if words.subject.startswith(ORDER) else None,
        wallet=told["wallet"],
        asset=told["asset"],
    )


def own_election_id(words: ElectionWords, recorded_at: datetime) -> ElectionId:
    """Return the id of an election recorded here: of what it says and when."""
    return ElectionId(f"EL-{hash_of(words.kind, words.subject, words.body, instant_text(recorded_at))[:16]}")


def seal(previous: Hash, election: Election, *, payload_id: PayloadId | None, stored_at: datetime) -> Hash:
    """Return the hash of an election's row: SHA-256 over the hash of the row before and everything the row says.

    Ten fields joined by the ASCII unit separator, which none of them can hold. `payload_id` is the file that told of it,
    `stored_at` our clock when it came into this register: for an own election the same as `recorded_at`.
    """
    words = words_of(election)
    told = (election.election_id, words.kind, words.subject, instant_text(election.recorded_at), election.grade.value, election.evidence)
    return hash_of(previous, *told, words.body, payload_id or "", instant_text(stored_at))


def _json(told: dict[str, object]) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
