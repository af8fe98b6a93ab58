"""Orders, scopes and averages by example: ties, exact costs per unit, the switch between pools, and units without a figure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.amount import AssetCode
from ledger.domain.election import PickOrder
from ledger.domain.ids import AccountId, EventId, SourceId, WalletId, pool_id
from ledger.domain.lot import Acquisition, Caveat, Departure, DepartureKind, Disposal, Gap, Lot, LotOrigin, Movement, OwnTransfer
from ledger.domain.time.period import YearStart
from ledger.lots.average import MovingAverage, TotalAverage
from ledger.lots.matching import UNIVERSAL, Matched, Picking, match
from ledger.lots.open_lots import rate_key
from ledger.lots.pools import timeline_order
from ledger.lots.rules import METHODS
from ledger.ports import BookTerms, MatchingRule

START = datetime(2024, 12, 1, tzinfo=UTC)
BTC = AssetCode("BTC")
D = Decimal


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def got(
    name: str,
    on: int,
    units: str,
    cost: str | None,
    *,
    wallet: str = "w",
    acquired: int | None = None,
    gap: Gap | None = None,
    origin: LotOrigin = LotOrigin.PURCHASE,
) -> Acquisition:
    return Acquisition(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        cost_basis=None if cost is None else D(cost),
        acquired_at=day(on if acquired is None else acquired),
        origin=origin,
        gap=Gap.MISSING_PRICE if cost is None else gap,
    )


def left(name: str, on: int, units: str, *, wallet: str = "w", kind: DepartureKind = DepartureKind.SALE, proceeds: str = "0") -> Departure:
    return Departure(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=2,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        kind=kind,
        proceeds=D(proceeds),
    )


def moved(name: str, on: int, units: str, sender: str, receiver: str) -> OwnTransfer:
    return OwnTransfer(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(sender),
        wallet=WalletId(sender),
        to_account=AccountId(receiver),
        to_wallet=WalletId(receiver),
    )


def matched(rule: MatchingRule, *movements: Movement) -> Matched:
    return match(timeline_order(movements), rule)


def told(disposals: Sequence[Disposal]) -> list[tuple[str, str | None, Decimal, Decimal | None]]:
    return [(each.source_id, each.lot_source_id, each.quantity, each.cost_basis) for each in disposals]


def still_open(lots: Sequence[Lot]) -> list[tuple[str, str, Decimal, Decimal | None]]:
    return [(each.wallet, each.source_id, each.quantity_open, each.cost_open) for each in lots if each.quantity_open]


# --- orders ----------------------------------------------------------------------------------------------------------

EQUALS = (got("t10", 2, "1", "5"), got("t9", 2, "1", "5"), got("old", 1, "2", "10"), got("young", 3, "3", "15"))
ORDERS = {
    "fifo": ["old", "t9", "t10", "young"],
    "lifo": ["young", "t10", "t9", "old"],
    "hifo": ["old", "t9", "t10", "young"],
    "lofo": ["old", "t9", "t10", "young"],
}


@pytest.mark.parametrize(("order", "lots"), ORDERS.items())
def test_lots_of_equal_cost_go_by_acquisition_then_by_the_timeline(order: str, lots: list[str]) -> None:
    disposals = matched(Picking(PickOrder(order)), *EQUALS, left("S", 9, "7")).disposals
    assert [each.lot_source_id for each in disposals] == lots
    assert {each.matched_by for each in disposals} == {order}


@pytest.mark.parametrize(("order", "first"), [("hifo", "dear"), ("lofo", "cheap")])
def test_costs_per_unit_are_compared_exactly(order: str, first: str) -> None:
    lots = (got("dear", 2, "3", "1.000000000000000001"), got("cheap", 1, "3", "1"))  # a third of 1e-18 a unit between them
    (piece,) = matched(Picking(PickOrder(order)), *lots, left("S", 9, "1")).disposals
    assert piece.lot_source_id == first


@given(*(st.integers(0, 10**38) for _ in range(2)), *(st.integers(1, 10**38 - 1) for _ in range(2)))
def test_the_key_of_a_cost_per_unit_orders_like_cross_multiplication(cost: int, other_cost: int, units: int, other_units: int) -> None:
    one, other = rate_key((cost, units)), rate_key((other_cost, other_units))
    assert (one < other, one == other) == (cost * other_units < other_cost * units, cost * other_units == other_cost * units)


@pytest.mark.parametrize("order", ["hifo", "lofo"])
def test_lots_without_a_price_are_no_candidates_for_highest_or_lowest(order: str) -> None:
    disposals = matched(Picking(PickOrder(order)), got("unpriced", 1, "1", None), got("priced", 2, "1", "7"), left("S", 9, "2")).disposals
    assert told(disposals) == [("S", "priced", D(1), D(7)), ("S", "unpriced", D(1), None)]


def test_units_of_a_lot_keep_its_cost_per_unit_when_moved() -> None:
    disposals = matched(
        Picking(PickOrder.HIFO),
        got("third", 1, "3", "1", wallet="v"),
        got("same", 2, "6", "2"),
        moved("T", 3, "1", "v", "w"),  # carries 0.333333333333333333, less than a third
        left("S", 9, "1"),
    ).disposals
    assert told(disposals) == [("S", "third", D(1), D("0." + "3" * 18))]


def test_a_lot_that_paid_a_fee_out_of_itself_goes_by_what_the_rest_cost() -> None:
    bought = got("B", 2, "10", "101")  # 100 paid, and a tenth of a unit withheld that is worth 1
    other = got("other", 1, "1", "10.101")  # a unit left of B costs 100 / 9.9 = 10.1010...
    withheld = left("B", 2, "0.1", kind=DepartureKind.WITHHELD, proceeds="1")
    _, piece = matched(Picking(PickOrder.HIFO), other, bought, withheld, left("S", 9, "1")).disposals
    assert piece.lot_source_id == "B"


# --- scopes ----------------------------------------------------------------------------------------------------------

TWO_WALLETS = (got("A", 1, "1", "1", wallet="a"), got("B", 2, "1", "2", wallet="b"))


def test_a_universal_pool_takes_lots_of_other_wallets_and_places_the_rest_where_units_stand() -> None:
    result = matched(Picking(PickOrder.FIFO, universal_until=UNIVERSAL), *TWO_WALLETS, left("S", 3, "1", wallet="b"))
    assert told(result.disposals) == [("S", "A", D(1), D(1))]
    assert still_open(result.lots) == [("a", "B", D(1), D(2))]


def test_transfers_move_no_lots_of_a_universal_pool_but_decide_where_they_end() -> None:
    result = matched(
        Picking(PickOrder.FIFO, universal_until=UNIVERSAL), *TWO_WALLETS, moved("T", 3, "1", "a", "c"), left("S", 4, "0.25", wallet="b")
    )
    assert told(result.disposals) == [("S", "A", D("0.25"), D("0.25"))]
    assert still_open(result.lots) == [
        ("b", "B", D("0.75"), D("1.5")),
        ("c", "A", D("0.75"), D("0.75")),
        ("c", "B", D("0.25"), D("0.5")),
    ]


def switched(*movements: Movement) -> Matched:
    return matched(Picking(PickOrder.FIFO, universal_until=day(10)), *movements)


def test_from_the_switch_on_every_wallet_has_its_own_lots() -> None:
    result = switched(*TWO_WALLETS, left("S1", 9, "0.5", wallet="b"), left("S2", 10, "0.5", wallet="b"), left("S3", 11, "1", wallet="a"))
    assert told(result.disposals) == [
        ("S1", "A", D("0.5"), D("0.5")),
        ("S2", "B", D("0.5"), D(1)),
        ("S3", "A", D("0.5"), D("0.5")),
        ("S3", "B", D("0.5"), D(1)),
    ]
    assert still_open(result.lots) == []
    assert len({(lot.lot_id, lot.wallet, lot.part) for lot in result.lots}) == len(result.lots)


def test_a_sale_at_the_instant_of_the_switch_is_after_it() -> None:
    assert told(switched(*TWO_WALLETS, left("S", 10, "1", wallet="b")).disposals) == [("S", "B", D(1), D(2))]


def test_a_switch_before_any_movement_and_one_after_all_of_them_do_no_harm() -> None:
    assert told(switched(got("A", 20, "1", "1"), left("S", 21, "1")).disposals) == [("S", "A", D(1), D(1))]
    assert still_open(switched(got("A", 1, "1", "1", wallet="a"), moved("T", 2, "1", "a", "b")).lots) == [("b", "A", D(1), D(1))]
    assert switched().lots == ()


def test_a_wallet_that_sold_more_than_it_had_gets_no_lots_at_the_switch() -> None:
    result = switched(got("A", 1, "3", "3", wallet="a"), left("S1", 2, "2", wallet="b"), left("S2", 11, "2", wallet="a"))
    assert told(result.disposals) == [("S1", "A", D(2), D(2)), ("S2", "A", D(1), D(1)), ("S2", None, D(1), D(0))]


def test_units_that_came_from_nowhere_are_room_for_lots_at_the_switch() -> None:
    result = switched(got("A", 1, "2", "2", wallet="a"), moved("T", 2, "1", "b", "c"), left("S", 3, "1", wallet="a"))
    assert still_open(result.lots) == [("a", "A", D(1), D(1))]
    result = switched(got("A", 1, "2", "2", wallet="a"), left("S", 2, "1", wallet="b"), moved("T", 3, "2", "a", "c"))
    assert still_open(result.lots) == [("c", "A", D(1), D(1))]


# --- averages --------------------------------------------------------------------------------------------------------

WALLET_AVERAGE, UNIVERSAL_AVERAGE = MovingAverage(universal=False), MovingAverage(universal=True)


def test_a_pool_is_named_by_its_first_acquisition_and_its_pieces_have_no_date() -> None:
    result = matched(UNIVERSAL_AVERAGE, got("A", 1, "1", "1"), got("B", 2, "2", "5"), left("S", 3, "1"))
    (piece,), (row,) = result.disposals, result.lots
    assert (piece.matched_by, piece.lot_id, piece.lot_source_id, piece.acquired_at) == ("pool", pool_id("BTC", None), None, None)
    assert (row.lot_id, row.source_id, row.origin, row.quantity_open, row.cost_open) == (piece.lot_id, "A", LotOrigin.POOL, D(2), D(4))


def test_the_last_units_of_a_pool_take_all_that_is_left_of_its_cost() -> None:
    result = matched(UNIVERSAL_AVERAGE, got("A", 1, "3", "1"), *(left(f"S{number}", 2, "1") for number in range(3)))
    assert sum(each.cost_basis or 0 for each in result.disposals) == 1
    assert [(lot.quantity_open, lot.cost_open) for lot in result.lots] == [(D(0), D(0))]


def test_transfers_carry_the_average_of_one_wallet_into_another() -> None:
    result = matched(
        WALLET_AVERAGE,
        got("A", 1, "2", "2", wallet="a"),
        got("B", 2, "2", "6", wallet="a"),
        got("C", 3, "1", "8", wallet="c"),
        moved("T", 4, "1", "a", "c"),
        left("S", 5, "1", wallet="c"),
    )
    assert told(result.disposals) == [("S", None, D(1), D(5))]
    assert still_open(result.lots) == [("a", "A", D(3), D(6)), ("c", "C", D(1), D(5))]
    assert result.disposals[0].lot_id == pool_id("BTC", WalletId("c"))


def test_a_pool_over_all_wallets_is_shown_by_the_accounts_that_hold_it() -> None:
    result = matched(UNIVERSAL_AVERAGE, got("A", 1, "3", "3", wallet="a"), moved("T", 2, "1", "a", "b"), left("S", 3, "1", wallet="a"))
    assert still_open(result.lots) == [("a", "A", D(1), D(1)), ("b", "A", D(1), D(1))]


def test_what_has_no_figure_stands_beside_the_pool_and_goes_last() -> None:
    result = matched(
        UNIVERSAL_AVERAGE,
        got("O", 1, "1", "0", gap=Gap.MISSING_BASIS, origin=LotOrigin.OPENING),
        got("U", 1, "1", "0", gap=Gap.MISSING_BASIS, origin=LotOrigin.UNKNOWN),
        got("P", 2, "1", None),
        got("A", 3, "2", "6"),
        left("S", 4, "1"),
        left("T", 5, "5"),
    )
    found = [(each.quantity, each.cost_basis, each.lot_source_id, each.matched_by, each.gap, each.caveat) for each in result.disposals]
    assert found == [
        (D(1), D(3), None, "pool", None, Caveat.POOL_INCOMPLETE),
        (D(1), D(3), None, "pool", None, Caveat.POOL_INCOMPLETE),
        (D(1), None, "P", "pool", Gap.MISSING_PRICE, Caveat.POOL_INCOMPLETE),
        (D(1), D(0), "O", "pool", Gap.MISSING_BASIS, Caveat.POOL_INCOMPLETE),
        (D(1), D(0), None, "missing", Gap.MISSING_BASIS, Caveat.POOL_INCOMPLETE),
        (D(1), D(0), None, "missing", Gap.MISSING_BASIS, None),
    ]


def test_lots_beside_a_pool_move_with_it_and_are_shown_where_they_are() -> None:
    movements = (got("P", 1, "2", None, wallet="a"), moved("T", 2, "1", "a", "b"), moved("N", 3, "2", "c", "b"))
    for rule in (WALLET_AVERAGE, UNIVERSAL_AVERAGE):
        shown = sorted(lot[:3] for lot in still_open(matched(rule, *movements).lots) if lot[1] == "P")
        assert shown == [("a", "P", D(1)), ("b", "P", D(1))]
    arrived = [lot for lot in matched(WALLET_AVERAGE, *movements).lots if lot.source_id == "N"]
    assert [(lot.wallet, lot.gap, lot.quantity_open) for lot in arrived] == [("b", Gap.MISSING_BASIS, D(2))]


def test_withheld_units_leave_a_pool_at_its_average() -> None:
    withheld = left("B", 2, "1", kind=DepartureKind.WITHHELD, proceeds="7")
    assert told(matched(UNIVERSAL_AVERAGE, got("A", 1, "1", "1"), got("B", 2, "3", "7"), withheld).disposals) == [("B", None, D(1), D(2))]


YEARLY = TotalAverage(year_start=YearStart(), zone=ZoneInfo("Asia/Tokyo"))  # 1 January there begins at 15:00 of 31 December UTC


def test_a_yearly_average_counts_what_came_in_later_in_the_year_and_is_provisional_until_it_ends() -> None:
    sale, late = left("S", 1, "1"), got("B", 20, "1", "9")
    result = matched(YEARLY, got("A", 0, "1", "1"), sale, late)
    assert told(result.disposals) == [("S", None, D(1), D(5))]
    assert str(result.disposals[0].provisional_until) == "2024-12-31"


def test_a_yearly_average_ends_with_the_year_of_the_zone() -> None:
    next_year = got("B", 31, "1", "9")  # 1 January 2025, 00:00 UTC
    result = matched(YEARLY, got("A", 0, "1", "1"), left("S", 1, "1"), next_year, left("T", 40, "1"))
    assert told(result.disposals) == [("S", None, D(1), D(1)), ("T", None, D(1), D(9))]


def test_every_method_of_the_table_makes_the_rule_of_its_name() -> None:
    for method, rule in METHODS.items():
        terms = BookTerms(currency=AssetCode("EUR"), zone=UTC, method=method, scope="universal", wallets={})
        assert rule(terms).name == method
