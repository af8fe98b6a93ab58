"""Averages in full: where their units are shown, what stands beside a pool, what a transfer carries from pool to pool."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AccountId, SourceId, WalletId, pool_id
from ledger.domain.lot import Caveat, Gap, Lot, LotOrigin, Movement
from ledger.domain.time.period import YearStart
from ledger.lots.average import MovingAverage, TotalAverage
from ledger.lots.matching import match
from ledger.lots.pools import timeline_order
from ledger.lots.rules import METHODS
from ledger.ports import BookTerms, MatchingRule

from .conftest import BTC, day, event_of, got, left, lot_named, moved, without_basis

D = Decimal


def by_wallet() -> MatchingRule:
    return MovingAverage(universal=False)


def universal() -> MatchingRule:
    return MovingAverage(universal=True)


def yearly(*, year_start: YearStart | None = None, zone: str = "UTC") -> MatchingRule:
    return TotalAverage(year_start=year_start or YearStart(), zone=ZoneInfo(zone))


def lots_of(rule: MatchingRule, *movements: Movement) -> tuple[Lot, ...]:
    return match(timeline_order(movements), rule).lots


def shown(lots: tuple[Lot, ...]) -> list[tuple[str, str, str, int, str]]:
    """Write each lot or row that is open as wallet, account, source, part, units."""
    return [
        (each.wallet, each.account, each.source_id, each.part, f"{each.quantity_open.normalize():f}") for each in lots if each.quantity_open
    ]


def test_a_row_of_a_pool_tells_its_first_acquisition_and_its_own_units_and_cost() -> None:
    (row,) = lots_of(universal(), got("A", 1, "1", "1", wallet="v", account="main"), got("B", 2, "2", "5", wallet="v", account="main"))
    assert row == Lot(
        lot_id=pool_id("BTC", None),
        part=0,
        event_id=event_of("A"),
        source_id=SourceId("A"),
        asset=BTC,
        account=AccountId("main"),
        wallet=WalletId("v"),
        acquired_at=day(1),
        origin=LotOrigin.POOL,
        quantity=D(3),
        cost_basis=D(6),
        quantity_open=D(3),
        cost_open=D(6),
    )


def test_an_empty_pool_leaves_a_row_where_it_began() -> None:
    (row,) = lots_of(universal(), got("A", 1, "1", "1", wallet="v", account="main"), left("S", 2, "1", wallet="v", account="main"))
    assert (row.wallet, row.account, row.part, row.quantity, row.cost_basis) == ("v", "main", 0, D(0), D(0))
    assert (row.lot_id, row.source_id) == (pool_id("BTC", None), "A")


def test_rows_of_one_wallet_are_numbered_and_those_of_another_begin_again() -> None:
    lots = lots_of(
        universal(),
        got("A", 1, "3", "7", wallet="v", account="one"),
        moved("T1", 2, "1", "v/one", "v/two"),
        moved("T2", 2, "1", "v/one", "u/main"),
    )
    assert shown(lots) == [("u", "main", "A", 0, "1"), ("v", "one", "A", 0, "1"), ("v", "two", "A", 1, "1")]
    assert [lot.cost_open for lot in lots] == [D("2." + "3" * 18), D("2." + "3" * 17 + "3"), D("2." + "3" * 17 + "4")]


@pytest.mark.parametrize("rule", [universal, yearly])
def test_units_of_a_pool_are_shown_in_the_accounts_that_hold_them(rule: Callable[[], MatchingRule]) -> None:
    lots = lots_of(
        rule(),
        got("A", 1, "4", "4", wallet="v", account="one"),
        moved("T", 2, "2", "v/one", "v/two"),
        left("S", 3, "1", wallet="v", account="one"),
    )
    assert shown(lots) == [("v", "one", "A", 0, "1"), ("v", "two", "A", 1, "2")]


def test_an_account_gives_no_more_than_it_had() -> None:
    lots = lots_of(
        universal(),
        got("A", 1, "2", "2", wallet="a"),
        left("S", 2, "1", wallet="b"),  # b never had any: nothing of it is owed later
        moved("T", 3, "1", "a", "b"),
    )
    assert shown(lots) == [("a", "a", "A", 0, "1")]


@pytest.mark.parametrize("rule", [universal, yearly])
def test_lots_beside_a_pool_stay_where_they_were_acquired_while_there_is_room(rule: Callable[[], MatchingRule]) -> None:
    lots = lots_of(
        rule(),
        got("P", 1, "2", None, wallet="a"),
        got("Q", 2, "2", None, wallet="a"),
        got("A", 3, "1", "9", wallet="z"),
        moved("T", 4, "3", "a", "b"),
    )
    assert shown(lots) == [("b", "b", "P", 0, "1"), ("a", "a", "P", 0, "1"), ("b", "b", "Q", 0, "2"), ("z", "z", "A", 0, "1")]
    assert [lot.serial for lot in lots if lot.source_id != "A"] == [0, 0, 1, 1]


def test_a_lot_beside_a_pool_keeps_its_numbers_in_another_account_of_its_wallet() -> None:
    lots = lots_of(universal(), got("P", 1, "2", None, wallet="a", account="one"), moved("T", 2, "1", "a/one", "a/two"))
    assert shown(lots) == [("a", "two", "P", 1, "1"), ("a", "one", "P", 0, "1")]


def test_what_leaves_a_wallet_leaves_the_account_that_sent_it() -> None:
    lots = lots_of(
        by_wallet(),
        got("A", 1, "2", "2", wallet="a", account="one"),
        got("B", 1, "2", "2", wallet="a", account="two"),
        moved("T", 2, "2", "a/one", "b/main"),
    )
    assert shown(lots) == [("a", "two", "A", 0, "2"), ("b", "main", "A", 0, "2")]


def test_a_pool_that_a_transfer_opens_is_named_by_where_its_units_came_from() -> None:
    (_, arrived) = lots_of(by_wallet(), got("A", 1, "2", "6", wallet="a"), moved("T", 2, "1", "a", "b"))
    assert (arrived.lot_id, arrived.source_id, arrived.acquired_at) == (pool_id("BTC", WalletId("b")), "A", day(1))
    assert (arrived.wallet, arrived.quantity, arrived.cost_basis) == ("b", D(1), D(3))


def test_lots_beside_a_pool_are_numbered_by_their_arrivals_in_another() -> None:
    lots = lots_of(
        by_wallet(),
        got("P", 1, "3", None, wallet="a"),
        moved("T1", 2, "1", "a", "b"),
        moved("T2", 3, "1", "a", "b"),
        moved("T3", 4, "1", "b", "a"),
    )
    assert shown(lots) == [("a", "a", "P", 0, "1"), ("a", "a", "P", 1, "1"), ("b", "b", "P", 1, "1")]


def test_a_lot_without_a_basis_is_carried_at_its_cost_of_nothing_and_not_as_one_without_a_price() -> None:
    lots = lots_of(by_wallet(), without_basis("O", 1, "2", wallet="a"), got("P", 2, "1", None, wallet="b"), moved("T", 3, "1", "a", "b"))
    arrived = next(lot for lot in lots if (lot.source_id, lot.wallet) == ("O", "b"))
    assert (arrived.cost_basis, arrived.cost_open, arrived.gap) == (D(0), D(0), Gap.MISSING_BASIS)
    assert [lot.source_id for lot in lots if lot.wallet == "b"] == ["P", "O"]  # without a price before without a basis


def test_units_carried_out_of_nowhere_are_a_lot_of_the_transfer_in_the_wallet_of_arrival() -> None:
    lots = lots_of(by_wallet(), got("A", 1, "1", "1", wallet="a"), moved("T", 2, "3", "a", "b/main"))
    arrived = next(lot for lot in lots if lot.source_id == "T")
    assert (arrived.lot_id, arrived.serial, arrived.account, arrived.wallet) == (lot_named("T"), 1, "main", "b")
    assert (arrived.origin, arrived.gap, arrived.quantity_open, arrived.cost_open) == (LotOrigin.UNKNOWN, Gap.MISSING_BASIS, D(2), D(0))


def test_a_transfer_that_takes_the_last_of_a_lot_beside_a_pool_gives_it_out_used_up() -> None:
    lots = lots_of(by_wallet(), got("P", 1, "1", None, wallet="a"), moved("T", 2, "1", "a", "b"))
    assert [(lot.wallet, lot.quantity, lot.quantity_open) for lot in lots] == [("a", D(1), D(0)), ("b", D(1), D(1))]


def test_pools_of_a_wallet_do_not_share_their_averages() -> None:
    result = match(
        timeline_order([got("A", 1, "1", "1", wallet="a"), got("B", 1, "1", "5", wallet="b"), left("S", 2, "1", "0", wallet="b")]),
        by_wallet(),
    )
    assert [piece.cost_basis for piece in result.disposals] == [D(5)]
    assert [lot.wallet for lot in result.lots] == ["a", "b"]


def test_units_beside_a_pool_make_it_incomplete_until_they_are_gone() -> None:
    movements = (without_basis("O", 1, "1"), got("A", 1, "3", "3"), left("S", 2, "4"), got("B", 3, "1", "1"), left("T", 4, "1"))
    pieces = match(timeline_order(movements), universal()).disposals
    assert [(piece.source_id, piece.caveat) for piece in pieces] == [
        ("S", Caveat.POOL_INCOMPLETE),
        ("S", Caveat.POOL_INCOMPLETE),
        ("T", None),
    ]
    assert {piece.provisional_until for piece in pieces} == {None}


def test_a_year_that_begins_in_april_averages_until_the_fifth() -> None:
    # days 94 and 95 of 2025 are 5 and 6 April
    movements = (got("A", 90, "1", "1"), left("S", 91, "1"), got("B", 94, "1", "3"), got("C", 95, "1", "9"))
    (piece,) = match(timeline_order(movements), yearly(year_start=YearStart(month=4, day=6))).disposals
    assert (piece.cost_basis, str(piece.provisional_until)) == (D(2), "2025-04-05")


@pytest.mark.parametrize(("zone", "cost"), [("UTC", 2), ("Asia/Tokyo", 1)])
def test_a_year_ends_at_midnight_of_the_zone(zone: str, cost: int) -> None:
    last_evening = day(364).replace(hour=16)  # 31 December 2025, 16:00 UTC: in Tokyo it is the next year
    bought = got("B", 364, "1", "3")
    late = replace(bought, occurred_at=last_evening)
    movements = (got("A", 1, "1", "1"), left("S", 2, "1"), late)
    (piece,) = match(timeline_order(movements), yearly(zone=zone)).disposals
    assert piece.cost_basis == D(cost)


def test_lots_beside_a_pool_that_a_year_uses_up_are_given_out() -> None:
    result = match(timeline_order([got("P", 1, "1", None), left("S", 2, "2")]), yearly())
    assert [(piece.lot_source_id, piece.matched_by, piece.cost_basis) for piece in result.disposals] == [
        ("P", "pool", None),
        (None, "missing", D(0)),
    ]
    assert [(lot.source_id, lot.quantity_open) for lot in result.lots] == [("P", D(0))]
    assert {str(piece.provisional_until) for piece in result.disposals} == {"2025-12-31"}


# --- the table of methods -----------------------------------------------------------------------------------------------


def terms(method: str, scope: str, *, year_start: YearStart | None = None, zone: str = "UTC") -> BookTerms:
    return BookTerms(currency=AssetCode("USD"), zone=ZoneInfo(zone), method=method, scope=scope, wallets={}, year_start=year_start)


POOLS = (
    ("average", "wallet", 9),
    ("average", "universal", 5),
    ("total-average", "universal", 5),
    ("fifo", "wallet", 9),
    ("fifo", "universal", 1),
    ("lofo", "universal-until-2025-01-11", 1),
    ("lofo", "universal-until-2025-01-04", 9),
)


@pytest.mark.parametrize(("method", "scope", "cost"), POOLS)
def test_the_rule_of_a_method_pools_as_the_scope_says(method: str, scope: str, cost: int) -> None:
    movements = (got("A", 1, "1", "1", wallet="a"), got("B", 2, "1", "9", wallet="b"), left("S", 3, "1", wallet="b"))
    (piece,) = match(timeline_order(movements), METHODS[method](terms(method, scope))).disposals
    assert piece.cost_basis == cost


def test_pools_end_at_midnight_of_the_zone() -> None:
    sale = replace(left("S", 9, "1", wallet="b"), occurred_at=day(9).replace(hour=15))  # 11 January, 00:00 in Tokyo
    movements = (got("A", 1, "1", "1", wallet="a"), got("B", 2, "1", "9", wallet="b"), sale)
    for zone, cost in (("UTC", 1), ("Asia/Tokyo", 9)):
        (piece,) = match(timeline_order(movements), METHODS["fifo"](terms("fifo", "universal-until-2025-01-11", zone=zone))).disposals
        assert piece.cost_basis == cost


def test_a_yearly_average_takes_year_and_zone_from_the_book() -> None:
    (piece,) = match((got("A", 1, "1", "1"), left("S", 2, "1")), METHODS["total-average"](terms("total-average", "universal"))).disposals
    assert str(piece.provisional_until) == "2025-12-31"
    april = terms("total-average", "universal", year_start=YearStart(month=4, day=6), zone="Asia/Tokyo")
    last = replace(left("S", 94, "1"), occurred_at=day(94).replace(hour=14))  # 5 April, 23:00 in Tokyo
    (piece,) = match((got("A", 1, "1", "1"), last), METHODS["total-average"](april)).disposals
    assert str(piece.provisional_until) == "2025-04-05"
    (piece,) = match(
        (got("A", 1, "1", "1"), replace(last, occurred_at=day(94).replace(hour=15))), METHODS["total-average"](april)
    ).disposals
    assert str(piece.provisional_until) == "2026-04-05"
