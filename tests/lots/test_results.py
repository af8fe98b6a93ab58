"""Every field of what matching gives out: pieces of disposals, lots where they were bought, and lots that have moved."""

from dataclasses import replace
from decimal import Decimal

from ledger.domain.election import EvidenceGrade, LotPick, PickOrder, Selection
from ledger.domain.ids import AccountId, BotId, ElectionId, OrderId, SourceId, WalletId, disposal_id
from ledger.domain.lot import Departure, DepartureKind, Disposal, Gap, Lot, LotOrigin, Movement
from ledger.lots.matching import Matched, Picking, match
from ledger.lots.open_lots import rate_key
from ledger.lots.pools import timeline_order

from .conftest import BTC, day, event_of, got, left, lot_named, moved

D = Decimal
THIRDS = D("0." + "3" * 18)


def matched(*movements: Movement, order: PickOrder = PickOrder.FIFO, names: Selection | None = None) -> Matched:
    return match(timeline_order(movements), Picking(order, elections=() if names is None else (names,)))


def test_a_piece_tells_its_departure_and_its_lot() -> None:
    sold = left("S", 3, "1", "7", wallet="w", account="main", kind=DepartureKind.SPENDING, costs="2", bot="grid", order="O")
    (piece,) = matched(got("L", 1, "3", "1"), sold).disposals
    assert piece == Disposal(
        disposal_id=disposal_id(event_of("S"), 2),
        piece=1,
        event_id=event_of("S"),
        source_id=SourceId("S"),
        asset=BTC,
        quantity=D(1),
        account=AccountId("main"),
        wallet=WalletId("w"),
        bot=BotId("grid"),
        kind=DepartureKind.SPENDING,
        acquired_at=day(1),
        disposed_at=day(3),
        proceeds=D(7),
        cost_basis=THIRDS,
        lot_id=lot_named("L"),
        lot_source_id=SourceId("L"),
        matched_by="fifo",
        gap=None,
        selling_costs=D(2),
        provisional_until=None,
        caveat=None,
        order_id=OrderId("O"),
    )


def test_selling_costs_are_split_like_proceeds_and_nothing_is_split_into_nothing() -> None:
    lots = (got("A", 1, "1", "1"), got("B", 2, "2", "2"))
    costly = matched(*lots, left("S", 3, "3", "10", costs="1")).disposals
    assert [(piece.proceeds, piece.selling_costs) for piece in costly] == [
        (D("3." + "3" * 18), THIRDS),
        (D("6." + "6" * 17 + "7"), 1 - THIRDS),
    ]
    assert [piece.selling_costs for piece in matched(*lots, left("S", 3, "3", "10")).disposals] == [D(0), D(0)]


def test_an_open_lot_tells_what_it_had_and_what_is_left() -> None:
    _, lot = matched(got("first", 1, "1", "1"), got("L", 2, "3", "1", account="main"), left("S", 3, "2")).lots
    assert lot == Lot(
        lot_id=lot_named("L"),
        part=0,
        event_id=event_of("L"),
        source_id=SourceId("L"),
        asset=BTC,
        account=AccountId("main"),
        wallet=WalletId("w"),
        acquired_at=day(2),
        origin=LotOrigin.PURCHASE,
        quantity=D(3),
        cost_basis=D(1),
        quantity_open=D(2),
        cost_open=1 - THIRDS,
        gap=None,
        serial=1,
        rate_key=rate_key((1, 3)),
    )


def test_a_lot_that_has_moved_keeps_its_name_date_serial_and_rate_and_has_a_cost_of_its_own() -> None:
    lots = matched(got("first", 1, "1", "1", wallet="v"), got("L", 2, "3", "1"), moved("T", 3, "1", "w", "u/main")).lots
    assert next(lot for lot in lots if lot.wallet == "u") == Lot(
        lot_id=lot_named("L"),
        part=0,
        event_id=event_of("L"),
        source_id=SourceId("L"),
        asset=BTC,
        account=AccountId("main"),
        wallet=WalletId("u"),
        acquired_at=day(2),
        origin=LotOrigin.PURCHASE,
        quantity=D(1),
        cost_basis=THIRDS,
        quantity_open=D(1),
        cost_open=THIRDS,
        gap=None,
        serial=1,
        rate_key=rate_key((1, 3)),
        carried_by=event_of("T"),
    )


def test_a_lot_that_came_home_is_a_part_with_figures_of_its_own() -> None:
    lots = matched(got("L", 1, "3", "1"), moved("T1", 2, "1", "w", "v"), moved("T2", 3, "1", "v", "w")).lots
    assert [(lot.wallet, lot.part, lot.quantity, lot.cost_basis) for lot in lots if lot.quantity_open] == [
        ("w", 0, D(3), D(1)),
        ("w", 1, D(1), THIRDS),
    ]


def test_a_lot_used_up_has_nothing_left_and_no_rate() -> None:
    (lot,) = matched(got("L", 1, "3", "1"), left("S", 2, "3")).lots
    assert (lot.quantity, lot.cost_basis, lot.quantity_open, lot.cost_open, lot.rate_key) == (D(3), D(1), D(0), D(0), None)
    (unpriced,) = matched(got("L", 1, "3", None), left("S", 2, "3")).lots
    assert (unpriced.quantity, unpriced.cost_basis, unpriced.quantity_open, unpriced.cost_open) == (D(3), None, D(0), None)


def test_units_that_came_out_of_nowhere_are_a_lot_of_the_transfer() -> None:
    transfer = replace(moved("T", 3, "2", "v", "u/main"), bot=BotId("grid"), sequence=5)
    lots = matched(got("first", 1, "1", "1"), transfer).lots
    assert next(lot for lot in lots if lot.wallet == "u") == Lot(
        lot_id=lot_named("T"),
        part=0,
        event_id=event_of("T"),
        source_id=SourceId("T"),
        asset=BTC,
        account=AccountId("main"),
        wallet=WalletId("u"),
        acquired_at=day(3),
        origin=LotOrigin.UNKNOWN,
        quantity=D(2),
        cost_basis=D(0),
        quantity_open=D(2),
        cost_open=D(0),
        gap=Gap.MISSING_BASIS,
        serial=1,
        rate_key=0,
    )


def test_units_out_of_nowhere_may_go_on_and_stay_without_a_lot() -> None:
    lots = matched(moved("T1", 1, "2", "a", "b"), moved("T2", 2, "1", "b", "c")).lots
    assert [(lot.wallet, lot.source_id, lot.quantity_open) for lot in lots] == [("b", "T1", D(1)), ("c", "T1", D(1))]


# --- units taken by name ------------------------------------------------------------------------------------------------


def selected(*picks: tuple[str, str], sale: str = "S") -> Selection:
    return Selection(
        election_id=ElectionId("s"),
        recorded_at=day(0),
        grade=EvidenceGrade.OWN,
        picks=tuple(LotPick(lot=lot, quantity=D(units)) for lot, units in picks),
        sale=SourceId(sale),
    )


def test_lots_of_one_name_go_in_the_order_of_their_acquisition() -> None:
    late = got("late", 2, "1", "2")
    early = replace(got("early", 3, "1", "1"), acquired_at=day(1), source_id=late.source_id)
    result = matched(late, early, left("S", 4, "1"), names=selected(("late", "1")), order=PickOrder.LIFO)
    assert [(piece.lot_id, piece.matched_by) for piece in result.disposals] == [(lot_named("early"), "selection:s")]
    both = matched(late, early, left("S", 4, "1.5"), names=selected(("late", "1.5")), order=PickOrder.LIFO)
    assert [(piece.lot_id, piece.quantity) for piece in both.disposals] == [(lot_named("early"), D(1)), (lot_named("late"), D("0.5"))]


def test_a_lot_named_twice_gives_the_units_of_both_and_their_cost() -> None:
    names = selected(("L", "1.5"), ("L", "0.5"))
    (piece,) = matched(got("other", 0, "5", "5"), got("L", 1, "4", "8"), left("S", 2, "2"), names=names).disposals
    assert (piece.lot_source_id, piece.quantity, piece.cost_basis) == ("L", D(2), D(4))


def test_a_lot_may_be_taken_by_name_to_its_last_unit_and_not_beyond() -> None:
    lots = (got("other", 0, "5", "5"), got("L", 1, "2", "8"))
    whole = matched(*lots, left("S", 2, "2"), names=selected(("L", "2")))
    assert [(piece.lot_source_id, piece.cost_basis) for piece in whole.disposals] == [("L", D(8))]
    assert [(lot.source_id, lot.quantity_open) for lot in whole.lots] == [("L", D(0)), ("other", D(5))]
    beyond = matched(*lots, left("S", 2, "2.5"), names=selected(("L", "2.5")))
    assert [(piece.lot_source_id, piece.cost_basis) for piece in beyond.disposals] == [("other", D("2.5"))]


def test_what_a_selection_leaves_untouched_stays_open() -> None:
    lots = (got("A", 1, "2", "2"), got("B", 2, "2", "4"))
    result = matched(*lots, left("S", 3, "1"), left("R", 4, "3"), names=selected(("B", "1")))
    assert [(piece.source_id, piece.lot_source_id, piece.quantity, piece.cost_basis) for piece in result.disposals] == [
        ("S", "B", D(1), D(2)),
        ("R", "A", D(2), D(2)),
        ("R", "B", D(1), D(2)),
    ]


# --- units withheld -----------------------------------------------------------------------------------------------------


def withheld(name: str, on: int, units: str, proceeds: str | None, *, leg: int = 2) -> Departure:
    return replace(left(name, on, units, proceeds, kind=DepartureKind.WITHHELD), leg=leg)


def figures(result: Matched) -> list[tuple[str | None, Decimal, Decimal | None, Decimal | None, str]]:
    return [(each.lot_source_id, each.quantity, each.proceeds, each.cost_basis, each.matched_by) for each in result.disposals]


def test_units_withheld_without_a_price_take_their_share_of_a_lot_that_has_one() -> None:
    assert figures(matched(got("L", 1, "4", "8"), withheld("L", 1, "1", None))) == [("L", D(1), None, D(2), "withheld")]


def test_units_withheld_when_the_lot_just_received_is_gone_or_on_its_shelf_follow_the_rule() -> None:
    gone = (got("old", 1, "5", "5"), got("L", 2, "1", "8"), withheld("L", 2, "1", "8"), withheld("L", 2, "1", "8", leg=3))
    assert figures(matched(*gone)) == [("L", D(1), D(8), D(8), "withheld"), ("old", D(1), D(8), D(1), "fifo")]
    shelved = (got("old", 1, "5", "5"), left("S", 2, "1"), withheld("X", 3, "1", "8"))
    assert figures(matched(*shelved)) == [("old", D(1), D(0), D(1), "fifo"), ("old", D(1), D(8), D(1), "fifo")]


def test_units_withheld_beyond_the_lot_share_proceeds_by_units() -> None:
    movements = (got("old", 1, "5", "5"), got("L", 2, "2", "8"), withheld("L", 2, "3", "9"))
    assert figures(matched(*movements)) == [("L", D(2), D(6), D(8), "withheld"), ("old", D(1), D(3), D(1), "fifo")]


def test_units_withheld_in_another_wallet_are_not_of_the_lot_just_received() -> None:
    movements = (got("old", 1, "5", "5"), got("L", 2, "2", "8", wallet="v"), withheld("L", 2, "1", "9"))
    assert figures(matched(*movements)) == [("old", D(1), D(9), D(1), "fifo")]
