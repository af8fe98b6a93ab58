"""Moves between own wallets whose fee goes into the cost of what was moved: by its value, or by the cost of units spent on the way."""

from dataclasses import replace
from decimal import Decimal

from ledger.domain.election import PickOrder
from ledger.domain.lot import Disposal, Lot, Movement, OwnTransfer
from ledger.lots.matching import UNIVERSAL, Matched, Picking, match
from ledger.lots.pools import timeline_order

from .conftest import event_of, got, left, lot_named, moved

D = Decimal
LOTS = (got("A", 1, "2", "20"), got("B", 2, "3", "60"))


def costly(units: str, *, spent: str = "0", added: str | None = "0", to: str = "v/cold") -> OwnTransfer:
    return replace(moved("T", 5, units, "w/main", to), spent=D(spent), cost_added=None if added is None else D(added))


def matched(*movements: Movement, universal: bool = False) -> Matched:
    rule = Picking(PickOrder.FIFO, universal_until=UNIVERSAL) if universal else Picking(PickOrder.FIFO)
    return match(timeline_order(movements), rule)


def standing(lots: tuple[Lot, ...]) -> list[tuple[str, str, str, Decimal, Decimal | None]]:
    return [(str(lot.source_id), lot.wallet, lot.account, lot.quantity_open, lot.cost_open) for lot in lots]


def test_the_value_of_a_fee_is_shared_by_the_units_moved() -> None:
    lots = matched(*LOTS, costly("4", added="1")).lots_open
    assert standing(lots) == [("A", "v", "cold", D(2), D("20.5")), ("B", "v", "cold", D(2), D("40.5")), ("B", "w", "w", D(1), D(20))]
    assert [lot.carried_by for lot in lots] == [event_of("T"), event_of("T"), None]


def test_units_spent_on_the_way_give_their_cost_to_those_that_arrive() -> None:
    found = matched(*LOTS, costly("2", spent="1"))
    assert standing(found.lots_open) == [("A", "v", "cold", D(2), D(40)), ("B", "w", "w", D(2), D(40))]
    (piece,) = found.disposals
    assert (piece.event_id, piece.source_id, piece.quantity, piece.lot_id, piece.kind.value) == (
        event_of("T"), "T", D(1), lot_named("B"), "carried",
    )  # fmt: skip
    assert (piece.proceeds, piece.cost_basis, piece.wallet, piece.account, piece.disposed_at) == (
        D(0), D(0), "w", "main", costly("2").occurred_at,
    )  # fmt: skip


def test_a_fee_without_a_price_makes_the_cost_of_what_was_moved_unknown() -> None:
    lots = matched(*LOTS, costly("1", added=None)).lots_open
    assert standing(lots) == [("A", "v", "cold", D(1), None), ("A", "w", "w", D(1), D(10)), ("B", "w", "w", D(3), D(60))]


def test_units_spent_of_an_unknown_cost_leave_it_unknown_what_they_cost() -> None:
    found = matched(got("A", 1, "2", "20"), got("N", 2, "1", None), costly("2", spent="1"))
    assert standing(found.lots_open) == [("A", "v", "cold", D(2), D(20))]
    assert [piece.cost_basis for piece in found.disposals] == [None]


def test_within_one_wallet_the_units_take_up_the_cost_where_they_stand() -> None:
    found = matched(*LOTS, costly("2", spent="1", added="3", to="w/second"))
    assert standing(found.lots_open) == [("A", "w", "w", D(2), D(43)), ("B", "w", "w", D(2), D(40))]
    assert [lot.carried_by for lot in found.lots_open] == [None, None]


def test_in_a_pool_of_all_wallets_lots_take_up_the_cost_and_stand_where_they_went() -> None:
    found = matched(got("A", 1, "2", "20", account="main"), got("B", 2, "1", "60", account="main"), costly("2", spent="1"), universal=True)
    assert standing(found.lots_open) == [("A", "v", "cold", D(2), D(80))]


def test_units_that_nobody_has_arrive_without_a_basis_but_for_the_fee() -> None:
    found = matched(costly("2", added="3"))
    assert standing(found.lots_open) == [("T", "v", "cold", D(2), D(3))]
    gone = matched(costly("2", added="3"), left("S", 6, "2", "9", wallet="v"))
    assert [(piece.lot_id, piece.matched_by, piece.cost_basis) for piece in gone.disposals] == [(None, "missing", D(3))]


def test_cost_and_units_are_kept_whatever_moves() -> None:
    found = matched(*LOTS, costly("3", spent="1", added="0.1"), left("S", 6, "4", "9", wallet="v"))
    assert _total(found.disposals) + sum((lot.cost_open or D(0) for lot in found.lots_open), D(0)) == D("80.1")


def _total(pieces: tuple[Disposal, ...]) -> Decimal:
    return sum((piece.cost_basis or D(0) for piece in pieces), D(0))
