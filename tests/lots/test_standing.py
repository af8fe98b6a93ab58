"""Where units stand while all wallets are one pool: each wallet first in, first out, and lots placed by what is there."""

from ledger.domain.amount import units_of
from ledger.domain.ids import AccountId, WalletId
from ledger.domain.lot import Acquisition
from ledger.lots.open_lots import OpenLot, acquired_lot
from ledger.lots.standing import Standing

from .conftest import day, got

A, B, C = WalletId("a"), WalletId("b"), WalletId("c")


def lots(*movements: Acquisition) -> list[OpenLot]:
    return [acquired_lot(movement, serial) for serial, movement in enumerate(movements)]


def standing_of(*arrived: OpenLot) -> Standing:
    standing = Standing()
    for opened in arrived:
        standing.arrive(opened)
    return standing


def move(standing: Standing, sender: WalletId, units: int, receiver: str, *, on: int = 9) -> None:
    wallet, _, account = receiver.partition("/")
    standing.move(sender, units, to_wallet=WalletId(wallet), to_account=AccountId(account or wallet), moved_at=day(on))


def placed(standing: Standing, *opened: OpenLot) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Write each lot with its places: wallet, account, units."""
    return [
        (lot.source.source_id, [(place.wallet, place.account, place.units) for place in places]) for lot, places in standing.placed(opened)
    ]


def units(text: str) -> int:
    return units_of(got("x", 0, text, "0").quantity)


ONE = units("1")


def test_units_stand_where_they_were_acquired_in_the_order_of_acquisition() -> None:
    late, early = lots(got("late", 2, "1", "1", wallet="b"), got("early", 1, "2", "1", wallet="a", account="main"))
    assert placed(standing_of(late, early), late, early) == [("early", [("a", "main", 2 * ONE)]), ("late", [("b", "b", ONE)])]


def test_a_move_takes_exactly_its_units_of_the_first_that_came() -> None:
    first, second = lots(got("1", 1, "3", "1", wallet="a"), got("2", 2, "3", "1", wallet="a"))
    standing = standing_of(first, second)
    move(standing, A, ONE, "b")
    assert placed(standing, first, second) == [("1", [("a", "a", 2 * ONE), ("b", "b", ONE)]), ("2", [("a", "a", 3 * ONE)])]


def test_a_move_goes_on_to_the_next_lot_and_names_the_account_of_arrival() -> None:
    first, second = lots(got("1", 1, "1", "1", wallet="a"), got("2", 2, "3", "1", wallet="a"))
    standing = standing_of(first, second)
    move(standing, A, 2 * ONE, "b/main")
    assert placed(standing, first, second) == [("1", [("b", "main", ONE)]), ("2", [("a", "a", 2 * ONE), ("b", "main", ONE)])]


def test_units_moved_keep_their_place_in_the_queue_of_the_wallet_of_arrival() -> None:
    old, new = lots(got("old", 1, "1", "1", wallet="a"), got("new", 2, "1", "1", wallet="b"))
    standing = standing_of(old, new)
    move(standing, A, ONE, "b")
    standing.leave(B, ONE)  # takes the older of the two
    move(standing, B, ONE, "c")
    assert placed(standing, new) == [("new", [("c", "c", ONE)])]


def test_lots_of_one_instant_leave_in_the_order_of_their_serials() -> None:
    first, second = lots(got("1", 1, "1", "1", wallet="b"), got("2", 1, "1", "1", wallet="a"))
    standing = standing_of(second, first)
    move(standing, A, ONE, "b")
    standing.leave(B, ONE)
    assert placed(standing, second) == [("2", [("b", "b", ONE)])]


def test_what_leaves_takes_no_more_than_its_units_and_no_more_than_the_wallet_has() -> None:
    first, second = lots(got("1", 1, "2", "1", wallet="a"), got("2", 2, "2", "1", wallet="a"))
    standing = standing_of(first, second)
    standing.leave(A, 3 * ONE)
    second.take(ONE)
    assert placed(standing, second) == [("2", [("a", "a", ONE)])]
    emptied = standing_of(first)
    emptied.leave(A, 9 * ONE)
    emptied.leave(C, ONE)
    assert placed(emptied) == []


def test_what_leaves_may_be_part_of_a_lot_and_the_next_leaves_after_it() -> None:
    first, second = lots(got("1", 1, "3", "1", wallet="a"), got("2", 2, "2", "1", wallet="a"))
    standing = standing_of(first, second)
    standing.leave(A, ONE)
    standing.leave(A, ONE)
    first.take(2 * ONE)
    assert placed(standing, first, second) == [("1", [("a", "a", ONE)]), ("2", [("a", "a", 2 * ONE)])]


def test_units_moved_out_of_nothing_are_room_that_comes_after_what_was_there() -> None:
    (lot,) = lots(got("1", 1, "3", "1", wallet="a"))
    standing = standing_of(lot)
    move(standing, B, 2 * ONE, "c", on=2)
    standing.leave(A, 2 * ONE)
    assert placed(standing, lot) == [("1", [("a", "a", ONE), ("c", "c", 2 * ONE)])]


def test_units_out_of_nothing_come_before_a_lot_of_the_same_instant_and_after_older_ones() -> None:
    old, same = lots(got("old", 1, "1", "1", wallet="c"), got("same", 2, "1", "1", wallet="c"))
    standing = standing_of(old, same)
    move(standing, B, ONE, "c", on=2)
    standing.leave(C, 2 * ONE)  # the old one, and those out of nothing
    assert placed(standing, same) == [("same", [("c", "c", ONE)])]


def test_a_lot_of_which_units_are_gone_elsewhere_takes_places_by_wallet_that_no_lot_has() -> None:
    first, second, third = lots(got("1", 1, "2", "1", wallet="c"), got("2", 2, "2", "1", wallet="b"), got("3", 3, "2", "1", wallet="a"))
    standing = standing_of(first, second, third)
    standing.leave(C, 2 * ONE)  # while the law used up units of 2 and 3
    second.take(ONE)
    third.take(ONE)
    assert placed(standing, first, second, third) == [
        ("1", [("a", "a", ONE), ("b", "b", ONE)]),
        ("2", [("b", "b", ONE)]),
        ("3", [("a", "a", ONE)]),
    ]


def test_places_in_one_account_are_one() -> None:
    first, second = lots(got("1", 1, "2", "1", wallet="b"), got("2", 2, "2", "1", wallet="a"))
    standing = standing_of(first, second)
    move(standing, B, ONE, "a")
    second.take(ONE)
    standing.leave(B, ONE)
    assert placed(standing, first, second) == [("1", [("a", "a", 2 * ONE)]), ("2", [("a", "a", ONE)])]


def test_a_lot_that_stands_in_two_wallets_takes_the_places_of_its_own_first_and_no_more_than_it_has() -> None:
    (lot,) = lots(got("1", 1, "4", "1", wallet="b"))
    standing = standing_of(lot)
    move(standing, B, 2 * ONE, "a")
    lot.take(ONE)
    assert placed(standing, lot) == [("1", [("a", "a", 2 * ONE), ("b", "b", ONE)])]


def test_what_comes_into_an_overdrawn_wallet_makes_it_good_first() -> None:
    first, second, third = lots(got("1", 1, "1", "1", wallet="a"), got("2", 3, "2", "1", wallet="b"), got("3", 4, "2", "1", wallet="b"))
    standing = standing_of(first)
    standing.leave(B, ONE)  # the pool gives the unit that stands in a
    first.take(ONE)
    standing.arrive(second)
    standing.arrive(third)
    assert placed(standing, second, third) == [("2", [("a", "a", ONE), ("b", "b", ONE)]), ("3", [("b", "b", 2 * ONE)])]


def test_a_move_makes_good_what_was_overdrawn_in_the_wallet_of_arrival_and_overdraws_its_own() -> None:
    (lot,) = lots(got("1", 5, "3", "1", wallet="a"))
    standing = Standing()
    move(standing, B, ONE, "c", on=1)
    move(standing, A, ONE, "b", on=2)
    standing.arrive(lot)
    assert standing.units_by_account() == {(C, AccountId("c")): ONE, (A, AccountId("a")): 2 * ONE}
    assert placed(standing, lot) == [("1", [("a", "a", 2 * ONE), ("c", "c", ONE)])]


def test_units_that_turn_up_in_an_overdrawn_wallet_are_there_no_more() -> None:
    standing = Standing()
    standing.leave(A, 2 * ONE)
    standing.turn_up(A, AccountId("a"), 3 * ONE, day(2))
    assert standing.units_by_account() == {(A, AccountId("a")): ONE}
