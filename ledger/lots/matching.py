"""The sweep: one pass in time over the movements of one asset, which matches what leaves with what came in.

Every wallet keeps its open lots in a heap under the rule's key. A transfer carries pieces of lots from one wallet's heap
to another's, dates and cost included. A result is given out as soon as it is final, a disposal piece when it is matched
and a lot when it is used up, so that memory follows the open lots and not the length of the history.

Inside, quantities and money are whole counts of 1e-18; domain words stand at the mouth and at the exit. A lot given away
in pieces gives each piece the difference of two cumulative floors, and the last piece what is left: nothing is lost.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import assert_never

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.ids import LotId, WalletId, disposal_id, lot_id
from ledger.domain.lot import (
    Acquisition,
    Departure,
    DepartureKind,
    Disposal,
    Gap,
    Lot,
    LotOrigin,
    Movement,
    OwnTransfer,
)
from ledger.ports import MatchingRule

Outcome = Disposal | Lot

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What a timeline comes to: disposal pieces in the order of matching; lots as they ended, used up or open, all of them."""

    disposals: tuple[Disposal, ...]
    lots: tuple[Lot, ...]

    @property
    def lots_open(self) -> tuple[Lot, ...]:
        """The lots of which something is left, by wallet and in the rule's order."""
        return tuple(lot for lot in self.lots if lot.quantity_open)


def match(timeline: Iterable[Movement], rule: MatchingRule) -> Matched:
    """Match a whole timeline and hold the result in memory; see `sweep`."""
    disposals: list[Disposal] = []
    lots: list[Lot] = []
    for outcome in sweep(timeline, rule):
        if isinstance(outcome, Disposal):
            disposals.append(outcome)
        else:
            lots.append(outcome)
    return Matched(disposals=tuple(disposals), lots=tuple(lots))


def sweep(timeline: Iterable[Movement], rule: MatchingRule) -> Iterator[Outcome]:
    """Yield disposal pieces as they are matched, lots as they are used up, and at last the open lots by wallet and rule.

    `timeline` holds the movements of one asset over all wallets in the order of `ledger.lots.pools.timeline_order`.
    Each lot is given out once for every wallet and part that it had.
    """
    pools = _Pools(rule)
    before = _LONG_AGO
    for movement in timeline:
        assert movement.occurred_at >= before, movement
        before = movement.occurred_at
        match movement:
            case Departure():
                yield from pools.depart(movement)
            case Acquisition():
                pools.acquire(movement)
            case OwnTransfer():
                yield from pools.carry(movement)
            case _:
                assert_never(movement)
    yield from pools.open_lots()


class _OpenLot:
    """An open lot in integers: `units` and `cost` are to be shared out; both shrink when a piece leaves at a cost of its own."""

    __slots__ = ("cost", "given", "home", "left", "lot", "serial", "units")

    def __init__(self, lot: Lot, *, units: int, cost: int | None, serial: int, home: WalletId) -> None:
        self.lot = lot
        self.units = units
        self.cost = cost
        self.serial = serial  # n-th acquisition of the timeline: decides between lots that the rule likes equally
        self.home = home  # the wallet that acquired it, where it is part 0
        self.left = units  # of `units`, so many are still there
        self.given = 0  # of `cost`, so much went with the others

    def take(self, units: int) -> int | None:
        """Take units off and return their share of the cost, by cumulative floors."""
        self.left -= units
        if self.cost is None:
            return None
        before, self.given = self.given, self.cost * (self.units - self.left) // self.units
        return self.given - before

    def take_at_cost(self, units: int, cost: int) -> int:
        """Take units off that carry a cost of their own; what is left shares the rest of the cost."""
        assert self.cost is not None, self.lot
        self.units = self.left = self.left - units
        self.cost, self.given = self.cost - self.given - cost, 0
        return cost

    def as_lot(self) -> Lot:
        """Return the lot as it stands now."""
        lot, left = self.lot, self.left
        quantity_open = decimal_of_units(left) if left else ZERO
        if quantity_open == lot.quantity:
            return lot
        cost_left = ZERO if self.cost == self.given else None if self.cost is None else decimal_of_units(self.cost - self.given)
        return Lot(
            lot_id=lot.lot_id,
            part=lot.part,
            event_id=lot.event_id,
            source_id=lot.source_id,
            asset=lot.asset,
            account=lot.account,
            wallet=lot.wallet,
            acquired_at=lot.acquired_at,
            origin=lot.origin,
            quantity=lot.quantity,
            cost_basis=lot.cost_basis,
            quantity_open=quantity_open,
            cost_open=cost_left,
            gap=lot.gap,
        )


_HeapEntry = tuple[tuple[object, ...], int, int, _OpenLot]  # the rule's key, serial, part: unique before the lot is reached
_Piece = tuple[_OpenLot | None, int, int | None]  # the lot it comes from, units, cost


class _Pools:
    """The open lots of all wallets while a sweep is under way."""

    def __init__(self, rule: MatchingRule) -> None:
        self._rule = rule
        self._heaps: defaultdict[WalletId, list[_HeapEntry]] = defaultdict(list)
        self._serials = count()
        self._newest: _OpenLot | None = None
        self._arrivals: dict[tuple[WalletId, LotId], int] = {}

    def acquire(self, movement: Acquisition) -> None:
        lot = Lot(
            lot_id=lot_id(movement.event_id, movement.leg),
            part=0,
            event_id=movement.event_id,
            source_id=movement.source_id,
            asset=movement.asset,
            account=movement.account,
            wallet=movement.wallet,
            acquired_at=movement.acquired_at,
            origin=movement.origin,
            quantity=movement.quantity,
            cost_basis=movement.cost_basis,
            quantity_open=movement.quantity,
            cost_open=movement.cost_basis,
            gap=movement.gap,
        )
        cost = None if movement.cost_basis is None else units_of(movement.cost_basis)
        opened = _OpenLot(lot, units=units_of(movement.quantity), cost=cost, serial=next(self._serials), home=lot.wallet)
        self._newest = opened
        self._push(opened)

    def depart(self, movement: Departure) -> list[Outcome]:
        units = units_of(movement.quantity)
        own = self._own_lot(movement)
        pieces = [] if own is None else [_withheld_piece(own, units, movement.proceeds)]
        rest = units - pieces[0][1] if pieces else units
        if rest:
            pieces += self._taken(movement.wallet, rest)
        outcomes: list[Outcome] = []
        for number, (piece, proceeds) in enumerate(zip(pieces, _shares(pieces, units, movement.proceeds), strict=True), start=1):
            matched_by = self._rule.name if own is None or piece[0] is not own else "withheld"
            quantity = movement.quantity if len(pieces) == 1 else decimal_of_units(piece[1])
            outcomes.append(_disposal(movement, piece, number, matched_by=matched_by, quantity=quantity, proceeds=proceeds))
        outcomes += _used_up(pieces)
        return outcomes

    def carry(self, movement: OwnTransfer) -> list[Lot]:
        if movement.wallet == movement.to_wallet:
            return []  # the law pools both accounts: no lot changes its place
        pieces = self._taken(movement.wallet, units_of(movement.quantity))
        for piece in pieces:
            self._arrive(movement, piece)
        return _used_up(pieces)

    def open_lots(self) -> Iterator[Lot]:
        for wallet in sorted(self._heaps):
            for *_, opened in sorted(self._heaps[wallet]):
                if opened.left:
                    yield opened.as_lot()

    def _push(self, opened: _OpenLot) -> None:
        lot = opened.lot
        heappush(self._heaps[lot.wallet], (self._rule.key(lot), opened.serial, lot.part, opened))

    def _own_lot(self, movement: Departure) -> _OpenLot | None:
        """Return the lot that the event itself has just acquired, where the departure is of units withheld from it."""
        if movement.kind is not DepartureKind.WITHHELD or self._newest is None or not self._newest.left:
            return None
        lot = self._newest.lot
        return self._newest if (lot.event_id, lot.wallet) == (movement.event_id, movement.wallet) else None

    def _taken(self, wallet: WalletId, units: int) -> list[_Piece]:
        """Take units from a wallet in the rule's order; units that are not there come last, from no lot and at no cost."""
        heap = self._heaps[wallet]
        pieces: list[_Piece] = []
        while units:
            if not heap:
                pieces.append((None, units, 0))
                break
            opened = heap[0][3]
            left = opened.left
            if left > units:
                pieces.append((opened, units, opened.take(units)))
                break
            heappop(heap)
            if left:  # a lot may have been emptied while it lay deeper in the heap
                pieces.append((opened, left, opened.take(left)))
                units -= left
        return pieces

    def _arrive(self, movement: OwnTransfer, piece: _Piece) -> None:
        origin, units, cost = piece
        if origin is None:
            lot = _lot_of_nowhere(movement, decimal_of_units(units))
            self._push(_OpenLot(lot, units=units, cost=0, serial=next(self._serials), home=lot.wallet))
            return
        lot = _carried_lot(movement, origin.lot, piece, part=self._part(origin, movement.to_wallet))
        self._push(_OpenLot(lot, units=units, cost=cost, serial=origin.serial, home=origin.home))

    def _part(self, opened: _OpenLot, wallet: WalletId) -> int:
        place = (wallet, opened.lot.lot_id)
        part = self._arrivals.get(place, 1 if wallet == opened.home else 0)
        self._arrivals[place] = part + 1
        return part


def _withheld_piece(own: _OpenLot, units: int, proceeds: Decimal | None) -> _Piece:
    """Return the withheld units as a piece of their own lot whose cost is its proceeds: the gain on them is 0 exactly.

    Where nothing of the lot is left, they carry off all its cost.
    """
    taken = min(units, own.left)
    if proceeds is None or own.cost is None or taken == own.left:
        return own, taken, own.take(taken)
    return own, taken, own.take_at_cost(taken, units_of(proceeds) * taken // units)


def _shares(pieces: list[_Piece], units: int, proceeds: Decimal | None) -> list[Decimal | None]:
    """Return each piece's share of the proceeds of `units`, by cumulative floors."""
    if proceeds is None or len(pieces) == 1:
        return [proceeds] * len(pieces)
    total, seen, given = units_of(proceeds), 0, 0
    shares: list[Decimal | None] = []
    for _, piece_units, _ in pieces:
        seen += piece_units
        upto = total * seen // units
        shares.append(decimal_of_units(upto - given))
        given = upto
    return shares


def _used_up(pieces: list[_Piece]) -> list[Lot]:
    return [opened.as_lot() for opened, _, _ in pieces if opened is not None and not opened.left]


def _disposal(movement: Departure, piece: _Piece, number: int, *, matched_by: str, quantity: Decimal, proceeds: Decimal | None) -> Disposal:
    opened, _, cost = piece
    lot = None if opened is None or opened.lot.origin is LotOrigin.UNKNOWN else opened.lot
    unpriced = Gap.MISSING_PRICE if proceeds is None or cost is None else None
    return Disposal(
        disposal_id=disposal_id(movement.event_id, movement.leg),
        piece=number,
        event_id=movement.event_id,
        source_id=movement.source_id,
        asset=movement.asset,
        quantity=quantity,
        account=movement.account,
        wallet=movement.wallet,
        bot=movement.bot,
        kind=movement.kind,
        acquired_at=None if lot is None else lot.acquired_at,
        disposed_at=movement.occurred_at,
        proceeds=proceeds,
        cost_basis=None if cost is None else decimal_of_units(cost),
        lot_id=None if lot is None else lot.lot_id,
        lot_source_id=None if lot is None else lot.source_id,
        matched_by="missing" if lot is None else matched_by,
        gap=Gap.MISSING_BASIS if lot is None or lot.gap is Gap.MISSING_BASIS else unpriced,
    )


def _lot_of_nowhere(movement: OwnTransfer, quantity: Decimal) -> Lot:
    """Return the lot of units that were moved although no lot of them was there."""
    return Lot(
        lot_id=lot_id(movement.event_id, movement.leg),
        part=0,
        event_id=movement.event_id,
        source_id=movement.source_id,
        asset=movement.asset,
        account=movement.to_account,
        wallet=movement.to_wallet,
        acquired_at=movement.occurred_at,
        origin=LotOrigin.UNKNOWN,
        quantity=quantity,
        cost_basis=ZERO,
        quantity_open=quantity,
        cost_open=ZERO,
        gap=Gap.MISSING_BASIS,
    )


def _carried_lot(movement: OwnTransfer, lot: Lot, piece: _Piece, *, part: int) -> Lot:
    """Return the piece of a lot as it stands in the wallet where it has just arrived."""
    quantity = decimal_of_units(piece[1])
    cost_basis = None if piece[2] is None else decimal_of_units(piece[2])
    return Lot(
        lot_id=lot.lot_id,
        part=part,
        event_id=lot.event_id,
        source_id=lot.source_id,
        asset=lot.asset,
        account=movement.to_account,
        wallet=movement.to_wallet,
        acquired_at=lot.acquired_at,
        origin=lot.origin,
        quantity=quantity,
        cost_basis=cost_basis,
        quantity_open=quantity,
        cost_open=cost_basis,
        gap=lot.gap,
    )
