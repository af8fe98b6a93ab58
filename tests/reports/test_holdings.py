"""Open lots and what they add up to."""

from collections.abc import Callable
from decimal import Decimal

from ledger.domain.document import Row
from ledger.domain.ids import IN_TRANSIT
from ledger.domain.lot import Gap, Lot
from ledger.ports import ReportInput
from reports.holdings import Holdings
from reports.lots import Lots


def holdings_of(book: ReportInput) -> dict[Row, Row]:
    return {row[:2]: row[2:] for row in Holdings().document(book).tables[0].rows()}


def test_lots_of_one_wallet_and_asset_are_one_holding(book_of: Callable[..., ReportInput], open_lot: Callable[..., Lot]) -> None:
    book = book_of(lot_rows=(open_lot(quantity="1", cost="100"), open_lot(quantity="3", cost="500")))
    assert holdings_of(book) == {("coinbase", "BTC"): (2, 4, 600, 150, 0, 0)}


def test_units_with_missing_basis_are_counted_at_cost_zero(book_of: Callable[..., ReportInput], open_lot: Callable[..., Lot]) -> None:
    book = book_of(lot_rows=(open_lot(quantity="1", cost="100"), open_lot(quantity="3", cost="0", gap=Gap.MISSING_BASIS)))
    assert holdings_of(book)["coinbase", "BTC"] == (2, 4, 100, 25, 3, 0)


def test_holding_with_an_unpriced_lot_has_no_cost(book_of: Callable[..., ReportInput], open_lot: Callable[..., Lot]) -> None:
    book = book_of(lot_rows=(open_lot(), open_lot(cost=None, gap=Gap.MISSING_PRICE)))
    assert holdings_of(book)["coinbase", "BTC"] == (2, 2, None, None, 0, 1)


def test_units_in_transit_stand_last(book: ReportInput) -> None:
    assert list(holdings_of(book))[-1] == (IN_TRANSIT, "BTC")


def test_lot_shows_its_cost_per_unit_for_display(book: ReportInput) -> None:
    unit_costs = [row[10] for row in Lots().document(book).tables[0].rows()]
    assert unit_costs[0] == Decimal("6666.666666666666666666")
    assert unit_costs[-1] is None
