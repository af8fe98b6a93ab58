"""The sweep by example: order, pieces, transfers, withheld units and units whose lot nobody knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.election import PickOrder
from ledger.domain.ids import AccountId, EventId, LotId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Disposal, Gap, Lot, LotOrigin, Movement, OwnTransfer
from ledger.lots.matching import Picking, match
from ledger.lots.pools import timeline_order

START = datetime(2025, 1, 1, tzinfo=UTC)
BTC = AssetCode("BTC")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def lot_of(name: str, leg: int = 1) -> LotId:
    return LotId(f"L-{name:0>16}-{leg}")


def got(
    name: str,
    on: int,
    units: str,
    cost: str | None,
    *,
    wallet: str = "w",
    acquired: int | None = None,
    gap: Gap | None = None,
    leg: int = 1,
    origin: LotOrigin = LotOrigin.PURCHASE,
) -> Acquisition:
    return Acquisition(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=leg,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=Decimal(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        cost_basis=None if cost is None else Decimal(cost),
        acquired_at=day(on if acquired is None else acquired),
        origin=origin,
        gap=Gap.MISSING_PRICE if cost is None else gap,
    )


def left(
    name: str, on: int, units: str, proceeds: str | None = "0", *, wallet: str = "w", kind: DepartureKind = DepartureKind.SALE, leg: int = 1
) -> Departure:
    return Departure(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=leg,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=Decimal(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        kind=kind,
        proceeds=None if proceeds is None else Decimal(proceeds),
        gap=Gap.MISSING_PRICE if proceeds is None else None,
    )


def moved(name: str, on: int, units: str, sender: str, receiver: str) -> OwnTransfer:
    return OwnTransfer(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=Decimal(units),
        account=AccountId(sender),
        wallet=WalletId(sender),
        to_account=AccountId(receiver),
        to_wallet=WalletId(receiver),
    )


def matched(*movements: Movement) -> tuple[list[Disposal], list[Lot]]:
    result = match(timeline_order(movements), Picking(PickOrder.FIFO))
    return list(result.disposals), list(result.lots)


def pieces(disposals: Sequence[Disposal]) -> list[tuple[str, str | None, Decimal, Decimal | None, Decimal | None]]:
    return [(each.source_id, each.lot_source_id, each.quantity, each.proceeds, each.cost_basis) for each in disposals]


def still_open(lots: Sequence[Lot]) -> list[tuple[str, str, int, Decimal, Decimal | None]]:
    return [(each.wallet, each.source_id, each.part, each.quantity_open, each.cost_open) for each in lots if each.quantity_open]


D = Decimal


@dataclass(frozen=True)
class Picks:
    lots: tuple[tuple[str, int, str, str], ...]
    sold: tuple[tuple[str, str], ...]
    expected: tuple[tuple[str, str, str, str], ...]
    left: tuple[tuple[str, str, str], ...]


THREE_LOTS = (("L1", 2, "5", "555.55"), ("L2", 1, "4", "400"), ("L3", 3, "6", "733.32"))
TWO_LOTS = (("L1", 1, "50", "5750"), ("L2", 2, "50", "5800"))

FIFO_PICKS = {
    "part of the first lot": Picks(
        THREE_LOTS,
        (("S", "2"),),
        (("S", "L2", "2", "200"),),
        (("L2", "2", "200"), ("L1", "5", "555.55"), ("L3", "6", "733.32")),
    ),
    "the first lot": Picks(THREE_LOTS, (("S", "4"),), (("S", "L2", "4", "400"),), (("L1", "5", "555.55"), ("L3", "6", "733.32"))),
    "into the second lot": Picks(
        THREE_LOTS,
        (("S", "7"),),
        (("S", "L2", "4", "400"), ("S", "L1", "3", "333.33")),
        (("L1", "2", "222.22"), ("L3", "6", "733.32")),
    ),
    "into the third lot": Picks(
        THREE_LOTS,
        (("S", "12"),),
        (("S", "L2", "4", "400"), ("S", "L1", "5", "555.55"), ("S", "L3", "3", "366.66")),
        (("L3", "3", "366.66"),),
    ),
    "two sales, one after the other": Picks(
        TWO_LOTS,
        (("S1", "40"), ("S2", "35")),
        (("S1", "L1", "40", "4600"), ("S2", "L1", "10", "1150"), ("S2", "L2", "25", "2900")),
        (("L2", "25", "2900"),),
    ),
}


@pytest.mark.parametrize("case", FIFO_PICKS.values(), ids=FIFO_PICKS)
def test_fifo_takes_the_lots_acquired_first(case: Picks) -> None:
    acquired = [got(name, 5, units, cost, acquired=on) for name, on, units, cost in case.lots]
    disposals, lots = matched(*acquired, *(left(name, 9, units) for name, units in case.sold))
    assert [(each.source_id, each.lot_source_id, each.quantity, each.cost_basis) for each in disposals] == [
        (sale, lot, D(units), D(cost)) for sale, lot, units, cost in case.expected
    ]
    assert [(each.source_id, each.quantity_open, each.cost_open) for each in lots if each.quantity_open] == [
        (lot, D(units), D(cost)) for lot, units, cost in case.left
    ]


@pytest.mark.parametrize(("sold", "lots"), [(("16",), THREE_LOTS), (("40", "65"), TWO_LOTS)])
def test_more_than_there_is_is_matched_with_no_lot_at_no_cost(sold: tuple[str, ...], lots: tuple[tuple[str, int, str, str], ...]) -> None:
    disposals, _ = matched(
        *(got(name, 5, units, cost, acquired=on) for name, on, units, cost in lots),
        *(left(f"S{place}", 9, units) for place, units in enumerate(sold)),
    )
    last = disposals[-1]
    assert (last.lot_id, last.lot_source_id, last.acquired_at, last.matched_by, last.gap) == (
        None,
        None,
        None,
        "missing",
        Gap.MISSING_BASIS,
    )
    assert (last.quantity, last.cost_basis) == (sum(map(D, sold)) - sum(D(units) for _, _, units, _ in lots), D(0))


def test_lots_of_one_instant_go_in_the_order_of_the_timeline() -> None:
    disposals, _ = matched(got("t10", 1, "1", "10"), got("t9", 1, "1", "9"), left("S", 2, "2", "30"))
    assert [each.lot_source_id for each in disposals] == ["t9", "t10"]


def test_thirds_of_a_lot_add_up_to_its_cost_and_the_last_takes_the_remainder() -> None:
    disposals, lots = matched(got("L", 1, "3", "1"), *(left(f"S{number}", 2, "1") for number in range(3)))
    assert [each.cost_basis for each in disposals] == [D("0." + "3" * 18), D("0." + "3" * 18), D("0." + "3" * 17 + "4")]
    assert [(lot.quantity_open, lot.cost_open) for lot in lots] == [(D(0), D(0))]


def test_proceeds_of_one_sale_are_split_over_its_pieces_without_a_rest() -> None:
    disposals, _ = matched(*(got(f"L{number}", number, "1", "0") for number in range(3)), left("S", 5, "3", "1"))
    assert [each.proceeds for each in disposals] == [D("0." + "3" * 18), D("0." + "3" * 18), D("0." + "3" * 17 + "4")]
    assert [(each.piece, each.disposal_id) for each in disposals] == [
        (1, disposals[0].disposal_id),
        (2, disposals[0].disposal_id),
        (3, disposals[0].disposal_id),
    ]


def test_wallets_keep_their_lots_apart() -> None:
    disposals, _ = matched(got("A", 1, "1", "1", wallet="a"), got("B", 2, "1", "2", wallet="b"), left("S", 3, "1", wallet="b"))
    assert pieces(disposals) == [("S", "B", D(1), D(0), D(2))]


def test_lots_are_given_out_when_used_up_and_open_ones_at_last() -> None:
    outcomes = list(Picking(PickOrder.FIFO).match([got("A", 1, "1", "1"), got("B", 2, "2", "2"), left("S", 3, "1"), left("T", 4, "1")]))
    assert [(type(each), each.lot_id) for each in outcomes] == [
        (Disposal, lot_of("A")),
        (Lot, lot_of("A")),
        (Disposal, lot_of("B")),
        (Lot, lot_of("B")),
    ]


def test_a_timeline_out_of_order_is_a_fault_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        list(Picking(PickOrder.FIFO).match([got("A", 2, "1", "1"), got("B", 1, "1", "1")]))


@pytest.mark.parametrize("kind", [DepartureKind.GIFT, DepartureKind.DONATION, DepartureKind.LOSS])
def test_units_given_away_or_lost_use_lots_up_and_stay_visible(kind: DepartureKind) -> None:
    disposals, lots = matched(got("L", 1, "2", "10"), left("G", 2, "1", "0", kind=kind))
    assert pieces(disposals) == [("G", "L", D(1), D(0), D(5))]
    assert disposals[0].kind is kind
    assert still_open(lots) == [("w", "L", 0, D(1), D(5))]


# --- withheld units --------------------------------------------------------------------------------------------------


def withheld(name: str, on: int, units: str, proceeds: str | None) -> Departure:
    return left(name, on, units, proceeds, kind=DepartureKind.WITHHELD, leg=2)


def test_withheld_units_come_from_the_lot_just_received() -> None:
    disposals, lots = matched(got("old", 1, "100", "50"), got("X", 2, "50", "50"), withheld("X", 2, "3", "3"))
    assert pieces(disposals) == [("X", "X", D(3), D(3), D(3))]
    assert disposals[0].matched_by == "withheld"
    assert still_open(lots) == [("w", "old", 0, D(100), D(50)), ("w", "X", 0, D(47), D(47))]


def test_withheld_units_have_no_gain_and_leave_the_price_paid_to_the_rest() -> None:
    share = "14.285714285714285714"  # 100 / 7
    disposals, lots = matched(got("B", 1, "7", "114.285714285714285714"), withheld("B", 1, "1", share), left("S", 2, "3", "60"))
    assert pieces(disposals) == [("B", "B", D(1), D(share), D(share)), ("S", "B", D(3), D(60), D(50))]
    assert still_open(lots) == [("w", "B", 0, D(3), D(50))]


def test_withheld_units_beyond_the_lot_come_from_older_ones() -> None:
    disposals, lots = matched(got("old", 1, "5", "5"), got("X", 2, "1", "2"), withheld("X", 2, "2", "4"))
    assert pieces(disposals) == [("X", "X", D(1), D(2), D(2)), ("X", "old", D(1), D(2), D(1))]
    assert [each.matched_by for each in disposals] == ["withheld", "fifo"]
    assert [(lot.source_id, lot.quantity_open, lot.cost_open) for lot in lots] == [("X", D(0), D(0)), ("old", D(4), D(4))]


def test_withheld_units_that_are_the_whole_lot_carry_off_all_its_cost() -> None:
    disposals, lots = matched(got("B", 1, "1", "200"), withheld("B", 1, "1", "100"))
    assert pieces(disposals) == [("B", "B", D(1), D(100), D(200))]
    assert still_open(lots) == []


def test_withheld_units_without_a_price_are_of_that_lot_all_the_same() -> None:
    disposals, _ = matched(got("old", 1, "5", "5"), got("X", 2, "2", None), withheld("X", 2, "1", None))
    assert pieces(disposals) == [("X", "X", D(1), None, None)]
    assert (disposals[0].matched_by, disposals[0].gap) == ("withheld", Gap.MISSING_PRICE)


def test_units_withheld_from_nothing_received_follow_the_rule() -> None:
    disposals, _ = matched(got("old", 1, "5", "5"), left("X", 2, "1", "1", kind=DepartureKind.WITHHELD))
    assert [(each.lot_source_id, each.matched_by) for each in disposals] == [("old", "fifo")]


# --- transfers -------------------------------------------------------------------------------------------------------


def test_transfers_carry_lots_with_their_date_and_exact_cost() -> None:
    disposals, lots = matched(
        got("A", 1, "3", "1", wallet="a"),
        got("B", 2, "1", "9", wallet="b"),
        moved("T", 3, "1", "a", "b"),
        left("S", 4, "1", "5", wallet="b"),
    )
    assert pieces(disposals) == [("S", "A", D(1), D(5), D("0." + "3" * 18))]
    assert (disposals[0].acquired_at, disposals[0].matched_by, disposals[0].lot_id) == (day(1), "fifo", lot_of("A"))
    assert still_open(lots) == [("a", "A", 0, D(2), D("0." + "6" * 17 + "7")), ("b", "B", 0, D(1), D(9))]


def test_parts_count_the_arrivals_of_a_lot_in_a_wallet() -> None:
    _, lots = matched(
        got("A", 1, "4", "8", wallet="a"),
        moved("T1", 2, "1", "a", "b"),
        moved("T2", 3, "1", "a", "b"),
        moved("T3", 4, "1", "b", "a"),
        moved("T4", 5, "1", "b", "a"),
    )
    assert still_open(lots) == [("a", "A", 0, D(2), D(4)), ("a", "A", 1, D(1), D(2)), ("a", "A", 2, D(1), D(2))]
    used_up = [(lot.wallet, lot.part, lot.quantity) for lot in lots if not lot.quantity_open]
    assert used_up == [("b", 0, D(1)), ("b", 1, D(1))]
    assert len({(lot.lot_id, lot.wallet, lot.part) for lot in lots}) == len(lots)


def test_transfers_take_lots_in_the_rules_order() -> None:
    _, lots = matched(got("new", 2, "1", "2", wallet="a"), got("old", 3, "1", "1", wallet="a", acquired=0), moved("T", 4, "1", "a", "b"))
    assert still_open(lots) == [("a", "new", 0, D(1), D(2)), ("b", "old", 0, D(1), D(1))]


def test_lots_of_one_instant_keep_their_order_when_moved() -> None:
    disposals, _ = matched(
        got("t1", 1, "1", "1", wallet="a"), got("t2", 1, "1", "2", wallet="b"), moved("T", 2, "1", "a", "b"), left("S", 3, "1", wallet="b")
    )
    assert [each.lot_source_id for each in disposals] == ["t1"]


def test_transfers_within_one_wallet_move_no_lot() -> None:
    _, lots = matched(got("A", 1, "1", "1"), moved("T", 2, "1", "w", "w"))
    assert still_open(lots) == [("w", "A", 0, D(1), D(1))]


def test_units_moved_without_a_lot_arrive_with_a_missing_basis() -> None:
    disposals, lots = matched(got("A", 1, "1", "1", wallet="a"), moved("T", 2, "3", "a", "b"), left("S", 3, "2", "8", wallet="b"))
    assert pieces(disposals) == [("S", "A", D(1), D(4), D(1)), ("S", None, D(1), D(4), D(0))]
    assert [each.gap for each in disposals] == [None, Gap.MISSING_BASIS]
    arrived = next(lot for lot in lots if lot.source_id == "T")
    assert (arrived.lot_id, arrived.origin, arrived.gap, arrived.acquired_at) == (lot_of("T"), LotOrigin.UNKNOWN, Gap.MISSING_BASIS, day(2))
    assert (arrived.quantity, arrived.quantity_open, arrived.cost_open) == (D(2), D(1), D(0))


# --- gaps ------------------------------------------------------------------------------------------------------------


def test_units_of_unknown_origin_look_like_units_without_a_lot() -> None:
    disposals, _ = matched(got("U", 1, "1", "0", gap=Gap.MISSING_BASIS, origin=LotOrigin.UNKNOWN), left("S", 2, "1", "7"))
    (piece,) = disposals
    assert pieces(disposals) == [("S", None, D(1), D(7), D(0))]
    assert (piece.lot_id, piece.acquired_at, piece.matched_by, piece.gap) == (None, None, "missing", Gap.MISSING_BASIS)


def test_a_lot_of_which_only_the_cost_is_unknown_keeps_its_name_and_date() -> None:
    opened = got("O", 1, "2", "0", acquired=-700, gap=Gap.MISSING_BASIS, origin=LotOrigin.OPENING, wallet="a")
    disposals, lots = matched(opened, moved("T", 2, "1", "a", "b"), left("S", 3, "1", "7", wallet="b"), left("R", 4, "1", None, wallet="a"))
    assert pieces(disposals) == [("S", "O", D(1), D(7), D(0)), ("R", "O", D(1), None, D(0))]
    for piece in disposals:
        assert (piece.lot_id, piece.acquired_at, piece.matched_by, piece.gap) == (lot_of("O"), day(-700), "fifo", Gap.MISSING_BASIS)
    assert {lot.gap for lot in lots} == {Gap.MISSING_BASIS}


def test_a_lot_without_a_price_gives_pieces_of_unknown_cost() -> None:
    disposals, lots = matched(got("L", 1, "2", None), left("S", 2, "1", "7"))
    assert pieces(disposals) == [("S", "L", D(1), D(7), None)]
    assert (disposals[0].gap, lots[0].gap, lots[0].cost_open) == (Gap.MISSING_PRICE, Gap.MISSING_PRICE, None)


def test_a_sale_without_a_price_gives_pieces_of_unknown_proceeds() -> None:
    disposals, _ = matched(got("A", 1, "1", "1"), got("B", 2, "1", "2"), left("S", 3, "3", None))
    assert pieces(disposals) == [("S", "A", D(1), None, D(1)), ("S", "B", D(1), None, D(2)), ("S", None, D(1), None, D(0))]
    assert [each.gap for each in disposals] == [Gap.MISSING_PRICE, Gap.MISSING_PRICE, Gap.MISSING_BASIS]


def test_a_lot_without_a_price_stays_unknown_when_moved() -> None:
    _, lots = matched(got("L", 1, "2", None, wallet="a"), moved("T", 2, "1", "a", "b"))
    assert still_open(lots) == [("a", "L", 0, D(1), None), ("b", "L", 0, D(1), None)]
