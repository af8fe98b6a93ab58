"""A bot's own wallet: first in, first out within the bot, costs shared by whole units, units that it never bought apart."""

from decimal import Decimal

from ledger.lots.own_wallet import OwnSale, OwnWallet

from .conftest import got, left

D = Decimal


def sale(proceeds: str | None, cost: str | None, missing: str = "0", beyond: str | None = "0") -> OwnSale:
    return OwnSale(
        proceeds=None if proceeds is None else D(proceeds),
        cost_basis=None if cost is None else D(cost),
        quantity_not_bought=D(missing),
        proceeds_not_bought=None if beyond is None else D(beyond),
    )


def wallet(*bought: tuple[str, str | None]) -> OwnWallet:
    own = OwnWallet()
    for number, (units, cost) in enumerate(bought):
        own.take_in(got(f"b{number}", number, units, cost))
    return own


def test_the_oldest_units_go_first_and_a_lot_keeps_the_rest_of_its_cost() -> None:
    own = wallet(("3", "10"), ("2", "8"))
    assert own.take_out(left("s1", 5, "1", "7")) == sale("7", "3." + "3" * 18)
    assert own.take_out(left("s2", 6, "2", "9")) == sale("9", "6." + "6" * 17 + "7")
    assert own.take_out(left("s3", 7, "2", "5")) == sale("5", "8")
    assert own.take_out(left("s4", 8, "1", "4")) == sale("0", "0", "1", "4")


def test_a_sale_over_several_lots_adds_their_costs() -> None:
    own = wallet(("1", "10"), ("2", "8"), ("1", "3"))
    assert own.take_out(left("s1", 5, "2", "20")) == sale("20", "14")
    assert own.take_out(left("s2", 6, "2", "6")) == sale("6", "7")


def test_units_that_were_never_bought_have_their_share_of_the_proceeds() -> None:
    assert wallet(("1", "10")).take_out(left("s1", 5, "4", "20")) == sale("5", "10", "3", "15")


def test_what_has_no_price_is_not_known_while_the_units_go_on() -> None:
    own = wallet(("2", None), ("1", "4"))
    assert own.take_out(left("s1", 5, "1", "7")) == sale("7", None)
    assert own.take_out(left("s2", 6, "2", "9")) == sale("9", None)
    assert own.take_out(left("s3", 7, "1", None)) == sale(None, "0", "1", None)
