"""What section 1091 would put off if it held for digital assets: an analysis that changes no other figure.

Source: IRC sec. 1091(a) to (d); 26 CFR 1.1091-1(b) to (d), (f), 1.1091-2; Instructions for Form 1099-DA (2026), box 1i. Losses are taken in
the order of sales, units bought instead in the order of their purchase, unit for unit, each once. With a day from which it counts it is
ready to become a rule.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import groupby

from ledger.domain.amount import ZERO, added, allocate, subtracted
from ledger.domain.ids import LotId, SourceId, lot_id
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, DepartureKind, Disposal, LotOrigin

_WINDOW = timedelta(days=30)  # on both sides of the sale
_BOUGHT = frozenset({LotOrigin.PURCHASE, LotOrigin.EXCHANGE})  # sec. 1091(a): by purchase or taxable exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class WashRule:
    """`taxable` are the departures that can make a loss; losses before `since` are left alone (None: none is)."""

    taxable: frozenset[DepartureKind]
    zone: tzinfo
    since: date | None = None


def wash_sales(disposals: Iterable[Disposal], acquisitions: Iterable[Acquisition], rule: WashRule) -> Iterator[DeferredLoss]:
    """Yield what would be put off, for one asset over all wallets.

    `disposals` are all pieces, untaxed ones too, in order of time; `acquisitions` all that came in, in any order.
    """
    lots = _Lots(acquisitions, rule.zone)
    for _, tied in groupby(disposals, key=lambda piece: piece.disposal_id):
        parts = [part for piece in sorted(tied, key=_acquired_first) for part in lots.sold(piece)]  # all that is sold replaces nothing
        for part in parts:
            if part.piece.kind in rule.taxable and part.loss > 0 and (rule.since is None or part.day >= rule.since):
                yield from _deferred(part, lots)


def _acquired_first(piece: Disposal) -> tuple[bool, datetime, int]:
    """Put the pieces of one sale in the order of their acquisition: 26 CFR 1.1091-1(b)."""
    return piece.acquired_at is None, piece.acquired_at or piece.disposed_at, piece.piece


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Units of one piece that were held alike: `loss` counts what they carried from an earlier loss (`earlier`)."""

    piece: Disposal
    day: date
    quantity: Decimal
    loss: Decimal
    earlier: Decimal
    held_since: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Units of a lot that replaced others: the loss put off with them, and since when they count as held."""

    quantity: Decimal
    deferred: Decimal
    held_since: date


@dataclass(slots=True, kw_only=True)
class _Lot:
    """Units bought together, numbered from 0: those up to `gone` have left, those up to `claimed` have replaced others.

    `claims` are those that are still there, one after the other: the first begins where `gone` ends.
    """

    lot_id: LotId
    source_id: SourceId
    day: date
    quantity: Decimal
    bought: bool
    gone: Decimal = ZERO
    claimed: Decimal = ZERO
    claims: deque[_Claim] = field(default_factory=deque)

    @property
    def free(self) -> Decimal:
        """Units that are there and have replaced nothing yet."""
        return subtracted(self.quantity, max(self.gone, self.claimed))

    def claim(self, units: Decimal, *, deferred: Decimal, held_since: date) -> None:
        self.claimed = added(max(self.gone, self.claimed), units)
        self.claims.append(_Claim(quantity=units, deferred=deferred, held_since=held_since))

    def take(self, units: Decimal) -> Iterator[tuple[Decimal, Decimal, date]]:
        """Let units leave, the first first; yield (units, loss that they carry, since when they are held)."""
        left = units
        while left:
            if self.claims:
                taken, carried, since = self._taken_of_claim(left)
            else:
                taken, carried, since = left, ZERO, self.day
            self.gone = added(self.gone, taken)
            left = subtracted(left, taken)
            yield taken, carried, since

    def _taken_of_claim(self, units: Decimal) -> tuple[Decimal, Decimal, date]:
        claim = self.claims.popleft()
        taken = min(units, claim.quantity)
        rest = subtracted(claim.quantity, taken)
        carried, kept = allocate(claim.deferred, [taken, rest])
        if rest:
            self.claims.appendleft(_Claim(quantity=rest, deferred=kept, held_since=claim.held_since))
        return taken, carried, claim.held_since


class _Lots:
    """The lots of one asset as they are claimed and sold, in the order of their purchase."""

    def __init__(self, acquisitions: Iterable[Acquisition], zone: tzinfo) -> None:
        self._zone = zone
        came = sorted(acquisitions, key=lambda one: (one.occurred_at, one.event_id, one.leg))
        self._lots = [self._lot(one) for one in came]
        self._by_id = {lot.lot_id: lot for lot in self._lots}
        self._first = 0

    def sold(self, piece: Disposal) -> Iterator[_Part]:
        """Let the units of a piece leave their lot, and yield them in parts that were held alike."""
        day = piece.disposed_at.astimezone(self._zone).date()
        lot = None if piece.lot_id is None else self._by_id.get(piece.lot_id)
        taken = [(piece.quantity, ZERO, None)] if lot is None else list(lot.take(piece.quantity))
        acquired = None if piece.acquired_at is None else piece.acquired_at.astimezone(self._zone).date()
        units = [part[0] for part in taken]
        costs = [None] * len(taken) if piece.cost_basis is None else allocate(piece.cost_basis, units)
        proceeds = [None] * len(taken) if piece.proceeds is None else allocate(piece.proceeds, units)
        for (quantity, carried, since), cost, realized in zip(taken, costs, proceeds, strict=True):
            loss = ZERO if cost is None or realized is None else subtracted(added(cost, carried), realized)
            held_since = since if carried else acquired
            yield _Part(piece=piece, day=day, quantity=quantity, loss=loss, earlier=carried, held_since=held_since)

    def replacing(self, part: _Part) -> Iterator[_Lot]:
        """Yield the lots bought in the 61 days around a sale of which units are free; the lot sold from replaces nothing."""
        while self._first < len(self._lots) and (not self._lots[self._first].free or self._lots[self._first].day < part.day - _WINDOW):
            self._first += 1
        for place in range(self._first, len(self._lots)):
            lot = self._lots[place]
            if lot.day > part.day + _WINDOW:
                return
            if lot.bought and lot.free and lot.day >= part.day - _WINDOW and lot.lot_id != part.piece.lot_id:
                yield lot

    def _lot(self, came: Acquisition) -> _Lot:
        return _Lot(
            lot_id=lot_id(came.event_id, came.leg),
            source_id=came.source_id,
            day=came.occurred_at.astimezone(self._zone).date(),
            quantity=came.quantity,
            bought=came.origin in _BOUGHT,
        )


def _deferred(part: _Part, lots: _Lots) -> Iterator[DeferredLoss]:
    claims: list[tuple[_Lot, Decimal]] = []
    left = part.quantity
    for lot in lots.replacing(part):
        units = min(left, lot.free)
        claims.append((lot, units))
        left = subtracted(left, units)
        if not left:
            break
    yield from _claimed(part, claims, left)


def _claimed(part: _Part, claims: Sequence[tuple[_Lot, Decimal]], left: Decimal) -> Iterator[DeferredLoss]:
    if not claims:
        return
    weights = [*(units for _, units in claims), left]
    losses, earlier = allocate(part.loss, weights), allocate(min(part.earlier, part.loss), weights)
    held = timedelta(0) if part.held_since is None else part.day - part.held_since
    for (lot, units), deferred, before in zip(claims, losses, earlier, strict=False):
        held_since = lot.day - held
        lot.claim(units, deferred=deferred, held_since=held_since)
        yield DeferredLoss(
            piece=part.piece,
            date_disposed=part.day,
            quantity=units,
            deferred=deferred,
            earlier=before,
            lot_id=lot.lot_id,
            lot_source_id=lot.source_id,
            date_replaced=lot.day,
            held_since=held_since,
        )
