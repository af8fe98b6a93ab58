"""The open lots of one pool, in as many orders as are asked for.

One heap per order in use. A lot that one order has used up stays in the heaps of the others until it comes to their top, or
until such lots are the greater part of a heap and are swept out: memory follows the open lots.
"""

from bisect import insort_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import cast

from ledger.domain.election import PickOrder
from ledger.domain.lot import Caveat
from ledger.lots.open_lots import OpenLot, place_of
from ledger.lots.orders import ENTRIES, Entry
from ledger.lots.pieces import Piece

_DEAD_MAX = 64  # used-up lots that a heap may hold whatever its size

NamedUnits = tuple[str, int]  # a lot's id or its source's id, and so many units of it


class Shelf:
    """The open lots of a pool. `names` are the lots that a selection may name: only these can be taken by name."""

    __slots__ = ("_entry", "_first", "_heap", "_heaps", "_live", "_named", "_names")

    def __init__(self, order: PickOrder, *, names: frozenset[str] = frozenset()) -> None:
        self._first = order
        self._entry = ENTRIES[order]
        self._heap: list[Entry] = []
        self._heaps: dict[PickOrder, list[Entry]] = {order: self._heap}
        self._live = 0
        self._names = names
        self._named: defaultdict[str | None, list[OpenLot]] = defaultdict(list)  # in the order of acquisition

    def put(self, opened: OpenLot) -> None:
        """Add a lot of which something is left."""
        self._live += 1
        heappush(self._heap, self._entry(opened))
        if len(self._heaps) > 1:
            for order, heap in self._heaps.items():
                if heap is not self._heap:
                    heappush(heap, ENTRIES[order](opened))
        if self._names:
            for name in (opened.lot_id, opened.source_id):
                if name in self._names:
                    insort_right(self._named[name], opened, key=place_of)

    def take(self, order: PickOrder, units: int, matched_by: str, caveat: Caveat | None = None) -> list[Piece]:
        """Take units in an order; units that are not there come last, from no lot and at no cost."""
        heap = self._heaps.get(order) or self._heap_of(order)
        pieces: list[Piece] = []
        while units:
            if not heap:
                pieces.append((None, units, 0, matched_by, caveat, None))
                break
            opened = _lot_in(heap[0])
            left = opened.left
            if left > units:
                pieces.append((opened, units, opened.take(units), matched_by, caveat, None))
                break
            heappop(heap)
            if left:  # else another order or a selection has used it up
                self._live -= 1
                pieces.append((opened, left, opened.take(left), matched_by, caveat, None))
                units -= left
        if len(self._heaps) > 1:
            self._sweep_out()
        return pieces

    def take_named(self, wanted: Sequence[NamedUnits], matched_by: str, caveat: Caveat | None = None) -> list[Piece] | None:
        """Take units of named lots, each in the order of acquisition; None, and nothing is taken, where they are not all there."""
        plan: dict[OpenLot, int] = {}
        for name, units in wanted:
            rest = units
            for opened in self._open_named(name):
                planned = plan.get(opened, 0)
                part = min(rest, opened.left - planned)
                if part:
                    plan[opened] = planned + part
                    rest -= part
                if not rest:
                    break
            if rest:
                return None
        pieces: list[Piece] = []
        for opened, units in plan.items():
            pieces.append((opened, units, opened.take(units), matched_by, caveat, None))
            if not opened.left:
                self._live -= 1
        self._sweep_out()
        return pieces

    def lots(self) -> Iterator[OpenLot]:
        """Yield the open lots in the order given first."""
        return (opened for opened in _lots_in(sorted(self._heap)) if opened.left)

    def _open_named(self, name: str) -> list[OpenLot]:
        """Return the lots of a name that may have units left; those at the beginning that have none are forgotten."""
        lots = self._named.get(name, [])
        while lots and not lots[0].left:
            del lots[0]
        return lots

    def _heap_of(self, order: PickOrder) -> list[Entry]:
        if order not in self._heaps:
            entry = ENTRIES[order]
            heap = [entry(opened) for opened in _lots_in(self._heap) if opened.left]
            heapify(heap)
            self._heaps[order] = heap
        return self._heaps[order]

    def _sweep_out(self) -> None:
        for heap in self._heaps.values():
            if len(heap) > 2 * self._live + _DEAD_MAX:
                heap[:] = [entry for entry in heap if _lot_in(entry).left]
                heapify(heap)


def _lots_in(heap: Iterable[Entry]) -> Iterator[OpenLot]:
    return map(_lot_in, heap)


def _lot_in(entry: Entry) -> OpenLot:
    return cast("OpenLot", entry[-1])
