"""What a sale would take of open lots: the order of several wallets, and cost and proceeds shared as the sweep shares them."""

from dataclasses import replace
from decimal import Decimal
from itertools import repeat

import pytest

from ledger.domain.election import PickOrder
from ledger.domain.ids import SourceId
from ledger.domain.lot import DepartureKind, Gap, Lot, LotOrigin, Movement
from ledger.lots.matching import Picking, match
from ledger.lots.pools import timeline_order
from ledger.lots.preview import PreviewPiece, pieces_of_sale, pool_in_order

from .conftest import got, left, moved

D = Decimal


def open_lots(order: PickOrder, *movements: Movement) -> list[Lot]:
    return list(match(timeline_order(movements), Picking(order)).lots_open)


def taken(lots: list[Lot], units: str, proceeds: str | None = None) -> list[tuple[str | None, Decimal, Decimal | None, Decimal | None]]:
    pieces = pieces_of_sale(lots, D(units), None if proceeds is None else D(proceeds))
    return [(each.lot and each.lot.source_id, each.quantity, each.cost_basis, each.proceeds) for each in pieces]


TWO = (got("A", 1, "2", "20"), got("B", 2, "3", "60"))


def test_a_sale_takes_lots_as_they_come_and_no_more_than_it_needs() -> None:
    first, second = open_lots(PickOrder.FIFO, *TWO)
    assert pieces_of_sale(iter((first, second)), D(1), D(15)) == (PreviewPiece(lot=first, quantity=D(1), cost_basis=D(10), proceeds=D(15)),)
    lots = iter((first, second))
    assert len(pieces_of_sale(lots, D(2), None)) == 1
    assert next(lots) is second


def test_proceeds_are_shared_by_units_and_left_out_where_nobody_says_them() -> None:
    lots = open_lots(PickOrder.FIFO, *TWO)
    assert taken(lots, "4", "8") == [("A", D(2), D(20), D(4)), ("B", D(2), D(40), D(4))]
    assert taken(lots, "4") == [("A", D(2), D(20), None), ("B", D(2), D(40), None)]
    assert taken(lots, "3", "1") == [("A", D(2), D(20), D("0." + "6" * 18)), ("B", D(1), D(20), D("0." + "3" * 17 + "4"))]


def test_units_that_no_lot_has_come_last_at_no_cost() -> None:
    assert taken(open_lots(PickOrder.FIFO, *TWO), "6", "12") == [
        ("A", D(2), D(20), D(4)),
        ("B", D(3), D(60), D(6)),
        (None, D(1), D(0), D(2)),
    ]
    assert taken([], "1") == [(None, D(1), D(0), None)]


def test_units_of_a_lot_without_a_price_have_no_cost_that_is_known() -> None:
    assert taken(open_lots(PickOrder.FIFO, got("P", 1, "2", None)), "1", "5") == [("P", D(1), None, D(5))]


SOLD_BEFORE = {
    "a whole lot": (got("L", 1, "3", "1"),),
    "a lot of which a third is gone": (got("L", 1, "3", "1"), left("R", 2, "1")),
    "a lot of which so little cost is left that floors show": (got("L", 1, "4", "0.000000000000000002"), left("R", 2, "1")),
    "a lot of which units were withheld at a cost of their own": (
        got("L", 1, "7", "114.285714285714285714"),
        left("L", 1, "1", "14.285714285714285714", kind=DepartureKind.WITHHELD),
    ),
    "such a lot after another sale": (
        got("L", 1, "7", "114.285714285714285714"),
        left("L", 1, "1", "14.285714285714285714", kind=DepartureKind.WITHHELD),
        left("R", 2, "3"),
    ),
    "a lot that came in parts": (got("L", 1, "7", "10", wallet="v"), moved("M", 2, "3", "v", "w")),
}


@pytest.mark.parametrize("history", SOLD_BEFORE.values(), ids=SOLD_BEFORE)
@pytest.mark.parametrize("units", ["0.7", "1", "2"])
def test_the_cost_previewed_is_the_cost_that_the_sale_then_has(history: tuple[Movement, ...], units: str) -> None:
    before = [lot for lot in open_lots(PickOrder.FIFO, *history) if lot.wallet == "w"]
    sold = match(timeline_order((*history, left("S", 9, units, "100"))), Picking(PickOrder.FIFO)).disposals[-1]
    assert taken(before, units, "100") == [("L", D(units), sold.cost_basis, sold.proceeds)]


MIXED = (
    got("a1", 1, "1", "5", wallet="a"),
    got("b1", 1, "1", "7", wallet="b"),  # of one instant with a1
    got("b2", 2, "1", "1", wallet="b"),
    got("a2", 3, "2", "18", wallet="a"),
    got("b3", 4, "1", "5", wallet="b"),
    got("a3", 5, "1", None, wallet="a"),
    got("b4", 6, "1", None, wallet="b"),
)
MERGED = {
    PickOrder.FIFO: ["a1", "b1", "b2", "a2", "b3", "a3", "b4"],
    PickOrder.LIFO: ["b4", "a3", "b3", "a2", "b2", "b1", "a1"],
    PickOrder.HIFO: ["a2", "b1", "a1", "b3", "b2", "a3", "b4"],
    PickOrder.LOFO: ["b2", "a1", "b3", "b1", "a2", "a3", "b4"],
}


@pytest.mark.parametrize(("order", "names"), MERGED.items())
def test_wallets_of_one_pool_are_merged_in_the_order_of_the_sweep(order: PickOrder, names: list[str]) -> None:
    lots = open_lots(order, *MIXED)
    wallets = [[lot for lot in lots if lot.wallet == wallet] for wallet in ("b", "a")]
    assert [lot.source_id for lot in pool_in_order(order, [iter(each) for each in wallets])] == names
    pieces = match(timeline_order([*(replace(one, wallet=lots[0].wallet) for one in MIXED), left("S", 9, "8", wallet="a")]), Picking(order))
    assert [piece.lot_source_id for piece in pieces.disposals] == names


@pytest.mark.parametrize("order", PickOrder)
def test_parts_of_one_lot_go_in_the_order_of_their_arrival(order: PickOrder) -> None:
    (lot,) = open_lots(order, got("L", 1, "1", "5"))
    parts = [replace(lot, part=number, source_id=SourceId(str(number))) for number in range(4)]
    merged = pool_in_order(order, [iter([parts[1], parts[3]]), iter([parts[0], parts[2]])])
    assert [each.source_id for each in merged] == ["0", "1", "2", "3"]


def test_one_wallet_is_read_as_it_comes_and_only_as_far_as_needed() -> None:
    (lot,) = open_lots(PickOrder.FIFO, got("L", 1, "1", "5"))
    without_end = pool_in_order(PickOrder.HIFO, [repeat(lot)])
    assert next(without_end) is lot


def test_parts_of_a_lot_that_follow_one_another_are_one_piece() -> None:
    lots = open_lots(PickOrder.FIFO, got("A", 1, "3", "10"), moved("T", 2, "1", "w", "v"), got("B", 3, "1", "2"))
    pool = list(pool_in_order(PickOrder.FIFO, [iter([lot for lot in lots if lot.wallet == wallet]) for wallet in ("v", "w")]))
    assert [(lot.source_id, lot.wallet) for lot in pool] == [("A", "v"), ("A", "w"), ("B", "w")]
    assert taken(pool, "4", "8") == [("A", D(3), D(10), D(6)), ("B", D(1), D(2), D(2))]


def test_what_nobody_told_the_origin_of_is_no_lot() -> None:
    unknown = replace(got("U", 0, "2", "0"), origin=LotOrigin.UNKNOWN, gap=Gap.MISSING_BASIS)
    assert taken(open_lots(PickOrder.FIFO, unknown, *TWO), "3", "9") == [(None, D(2), D(0), D(6)), ("A", D(1), D(10), D(3))]
