"""Memory follows the open lots: lots that one order has used up do not stay in the heaps of the others."""

import gc
from collections.abc import Callable

import pytest

from ledger.domain.election import PickOrder
from ledger.lots.open_lots import OpenLot, acquired_lot
from ledger.lots.shelves import Shelf

from .conftest import got

MANY = 400
DEAD_MAX = 64


def filled(*, names: frozenset[str] = frozenset()) -> tuple[Shelf, list[OpenLot]]:
    """Return a shelf of two orders with lots of one unit, the first the cheapest."""
    shelf = Shelf(PickOrder.FIFO, names=names)
    lots = [acquired_lot(got(f"L{number:03}", number, "1", str(number + 1)), number) for number in range(MANY)]
    for lot in lots:
        shelf.put(lot)
    taken = shelf.take(PickOrder.HIFO, lots[-1].left, "hifo")
    assert [piece[0] for piece in taken] == [lots[-1]]
    return shelf, lots


def entries_of(lots: list[OpenLot]) -> int:
    """Count the entries of heaps in which lots stand that are used up."""
    used_up = [lot for lot in lots if not lot.left]
    return sum(type(holder) is tuple and holder[-1] in used_up for holder in gc.get_referrers(*used_up))


def by_order(shelf: Shelf, lots: list[OpenLot]) -> None:
    for lot in lots:
        shelf.take(PickOrder.HIFO, lot.left, "hifo")


def by_name(shelf: Shelf, lots: list[OpenLot]) -> None:
    for lot in lots:
        assert shelf.take_named([(str(lot.source_id), lot.left)], "selection:s") is not None


@pytest.mark.parametrize("take", [by_order, by_name])
def test_lots_that_another_order_or_a_selection_used_up_are_swept_out(take: Callable[[Shelf, list[OpenLot]], None]) -> None:
    shelf, lots = filled(names=frozenset(f"L{number:03}" for number in range(MANY)))
    take(shelf, lots[10:-1][::-1])
    assert len(list(shelf.lots())) == 10
    assert entries_of(lots) <= 2 * (2 * 10 + DEAD_MAX)


def test_what_is_swept_out_changes_no_order() -> None:
    shelf, lots = filled(names=frozenset({"L005"}))
    by_order(shelf, lots[10:-1][::-1])
    shelf.take_named([("L005", lots[5].left)], "selection:s")
    assert list(shelf.lots()) == [*lots[:5], *lots[6:10]]
    assert [piece[0] for piece in shelf.take(PickOrder.LOFO, 2 * 10**18, "lofo")] == lots[:2]
    assert [piece[0] for piece in shelf.take(PickOrder.HIFO, 2 * 10**18, "hifo")] == [lots[9], lots[8]]


def test_few_lots_that_are_used_up_may_stay() -> None:
    shelf, lots = filled()
    by_order(shelf, lots[-40:-1][::-1])
    assert entries_of(lots) == 40  # each in the heap of first in, first out
