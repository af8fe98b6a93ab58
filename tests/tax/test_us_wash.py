"""The analysis of wash sales: the example of the authority, and what each rule of section 1091 says of units and days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, EventId, SourceId, WalletId, lot_id
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Disposal, LotOrigin, Movement
from ledger.lots.matching import match
from ledger.lots.pools import timeline_order
from ledger.ports import BookTerms
from ledger.tax.treatment import USUAL
from ledger.tax.us import UnitedStates
from ledger.tax.us_wash import WashRule, wash_sales

D = Decimal
RULE = WashRule(taxable=USUAL.taxable, zone=ZoneInfo("UTC"))
TERMS = BookTerms(currency=AssetCode("USD"), zone=ZoneInfo("UTC"), method="fifo", scope="wallet", wallets={})


ORIGINS = {"b": LotOrigin.PURCHASE, "i": LotOrigin.INCOME, "o": LotOrigin.OPENING}


def moved(number: int, row: str) -> Movement:
    """``b 2026-03-01 100 1000``: bought, units, cost (``-``: no price); ``s``: sold, for; ``i``: income; ``g``: given away;
    ``o``: brought in, and acquired on the first day of that year.
    """
    kind, day, units, figure = row.split()
    common = {
        "event_id": EventId(f"{number:016x}" * 2),
        "source_id": SourceId(f"{kind}{number}"),
        "leg": 1,
        "sequence": number,
        "occurred_at": datetime.fromisoformat(f"{day}T12:00:00+00:00"),
        "asset": AssetCode("X"),
        "quantity": D(units),
        "account": AccountId("main"),
        "wallet": WalletId("main"),
    }
    known = None if figure == "-" else D(figure)
    if kind in ORIGINS:
        acquired = datetime.fromisoformat(f"{day[:4]}-01-01T12:00:00+00:00") if kind == "o" else common["occurred_at"]
        return Acquisition(**common, cost_basis=known, acquired_at=acquired, origin=ORIGINS[kind])  # type: ignore[arg-type]  # as listed
    departure = DepartureKind.SALE if kind == "s" else DepartureKind.GIFT
    return Departure(**common, kind=departure, proceeds=known)  # type: ignore[arg-type]  # as above


def found_in(rows: Sequence[str], rule: WashRule = RULE) -> list[DeferredLoss]:
    timeline = list(timeline_order(moved(number, row) for number, row in enumerate(rows, start=1)))
    outcomes = match(iter(timeline), UnitedStates().rule(TERMS)).disposals
    return list(wash_sales(outcomes, [one for one in timeline if isinstance(one, Acquisition)], rule))


def shown(losses: Sequence[DeferredLoss]) -> list[str]:
    """``sale > lot units deferred held-since``."""
    return [f"{loss.piece.source_id} > {loss.lot_source_id} {loss.quantity} {loss.deferred} {loss.held_since}" for loss in losses]


CASES: dict[str, tuple[list[str], list[str]]] = {
    # Instructions for Form 1099-DA (2026), box 1i: 100 bought for 1,000, sold for 600, 75 bought back: 300 of 400 do not count
    "the example of the form": (
        ["b 2026-01-10 100 1000", "s 2026-03-01 100 600", "b 2026-03-20 75 500"],
        ["s2 > b3 75.000000000000000000 300.000000000000000000 2026-01-29"],
    ),
    "bought on the 30th day after": (["b 2026-01-01 1 10", "s 2026-03-01 1 4", "b 2026-03-31 1 4"], ["s2 > b3 1 6 2026-01-31"]),
    "bought on the 31st day after": (["b 2026-01-01 1 10", "s 2026-03-01 1 4", "b 2026-04-01 1 4"], []),
    "bought on the 30th day before": (["b 2025-01-01 1 10", "b 2026-01-30 1 5", "s 2026-03-01 1 4"], ["s3 > b2 1 6 2024-12-02"]),
    "bought on the 31st day before": (["b 2025-01-01 1 10", "b 2026-01-29 1 5", "s 2026-03-01 1 4"], []),
    "a gain": (["b 2026-01-01 1 10", "s 2026-03-01 1 11", "b 2026-03-02 1 4"], []),
    "income replaces nothing": (["b 2026-01-01 1 10", "s 2026-03-01 1 4", "i 2026-03-02 1 4"], []),
    "a gift is no loss": (["b 2026-01-01 1 10", "g 2026-03-01 1 0", "b 2026-03-02 1 4"], []),
    "the rest of the lot sold from replaces nothing": (["b 2026-02-20 2 20", "s 2026-03-01 1 4"], []),
    "what is sold in the same sale replaces nothing": (["b 2025-01-01 1 10", "b 2026-02-20 1 10", "s 2026-03-01 2 4"], []),
    "what was sold before replaces nothing": (
        ["b 2026-02-10 1 10", "s 2026-02-12 1 12", "b 2025-01-01 1 10", "s 2026-03-01 1 4"],
        [],
    ),
    "units replace once, the earliest first": (
        ["b 2026-01-01 2 20", "s 2026-03-01 1 4", "s 2026-03-02 1 5", "b 2026-03-03 1 4", "b 2026-03-04 3 9"],
        ["s2 > b4 1 6 2026-01-03", "s3 > b5 1 5 2026-01-03"],
    ),
    "one loss over two lots": (
        ["b 2026-01-01 3 30", "s 2026-03-01 3 21", "b 2026-03-03 1 7", "b 2026-03-04 1 7"],
        [
            "s2 > b3 1 3.000000000000000000 2026-01-03",
            "s2 > b4 1 3.000000000000000000 2026-01-04",
        ],
    ),
    "a loss put off comes back with the units, and may be put off again": (
        ["b 2026-01-01 1 10", "s 2026-03-01 1 4", "b 2026-03-02 1 5", "s 2026-03-20 1 6", "b 2026-03-25 1 6"],
        # 6 put off; 5 + 6 - 6 = 5 put off again, held since 1 January plus the 5 days and the day between
        ["s2 > b3 1 6 2026-01-02", "s4 > b5 1 5.000000000000000000 2026-01-07"],
    ),
    "a small loss": (["b 2026-01-01 1 10", "s 2026-03-01 1 9.5", "b 2026-03-02 1 9"], ["s2 > b3 1 0.500000000000000000 2026-01-02"]),
    "a sale without gain or loss takes no replacement from the next": (
        ["b 2026-01-01 2 20", "s 2026-03-01 1 10", "s 2026-03-02 1 4", "b 2026-03-03 1 4"],
        ["s3 > b4 1 6 2026-01-02"],
    ),
    "a lot bought first may replace units of one that is older in law": (
        ["b 2026-02-20 1 5", "o 2026-02-25 1 10", "s 2026-03-01 1 4"],
        ["s3 > b1 1 6 2025-12-23"],  # the opening was acquired on 1 January: 59 days before the sale
    ),
    "units sold in several sales are all gone": (
        ["b 2026-01-01 3 30", "b 2026-02-01 3 12", "s 2026-02-02 4 40", "s 2026-02-03 1 4", "o 2026-03-01 1 10", "s 2026-03-02 1 1"],
        ["s6 > b2 1 9 2025-12-03"],  # of the second lot one unit is left
    ),
    "a sale takes units that carry a loss, and then others": (
        ["b 2026-01-01 1 10", "s 2026-03-01 1 4", "b 2026-03-02 3 15", "s 2026-03-20 2 4", "b 2026-03-25 3 6"],
        # of two units that cost 10 one carries 6: its loss is 5 + 6 - 2, that of the other 5 - 2
        ["s2 > b3 1 6 2026-01-02", "s4 > b5 1 9 2026-01-07", "s4 > b5 1 3 2026-03-07"],
    ),
    "units that carry a loss may go one by one": (
        ["b 2026-01-01 2 20", "s 2026-03-01 2 8", "b 2026-03-02 2 10", "s 2026-03-20 1 4", "s 2026-03-21 1 4", "b 2026-03-25 2 8"],
        ["s2 > b3 2 12 2026-01-02", "s4 > b6 1 7 2026-01-07", "s5 > b6 1 7 2026-01-06"],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_losses_are_put_off_by_units_and_days(case: str) -> None:
    rows, expected = CASES[case]

    def plain(text: str) -> str:
        return text.replace(".000000000000000000", "")

    assert [plain(line) for line in shown(found_in(rows))] == [plain(line) for line in expected]


def test_losses_of_one_sale_go_in_the_order_of_acquisition() -> None:
    rows = ["b 2026-01-01 1 10", "b 2026-01-20 1 6", "s 2026-03-10 2 4", "b 2026-03-20 1 3"]
    timeline = list(timeline_order(moved(number, row) for number, row in enumerate(rows, start=1)))
    pieces = list(match(iter(timeline), UnitedStates().rule(TERMS)).disposals)
    came = [one for one in timeline if isinstance(one, Acquisition)]
    for told in (pieces, pieces[::-1]):  # a database yields the pieces of a sale by the ids of their lots
        (loss,) = wash_sales(told, came, RULE)
        assert (loss.piece.lot_source_id, loss.deferred, loss.held_since) == ("b1", D(8), date(2026, 1, 11))


def test_losses_before_the_day_from_which_the_rule_counts_are_left_alone() -> None:
    rows = ["b 2026-01-01 2 20", "s 2026-03-01 1 4", "s 2026-03-02 1 4", "b 2026-03-03 2 9"]
    later = WashRule(taxable=USUAL.taxable, zone=ZoneInfo("UTC"), since=date(2026, 3, 2))
    assert [loss.piece.source_id for loss in found_in(rows, later)] == ["s3"]


def test_days_are_counted_in_the_zone_of_the_book() -> None:
    bought = moved(1, "b 2026-01-01 1 10")
    sold = Departure(**{**_fields(moved(2, "s 2026-03-01 1 4")), "occurred_at": datetime(2026, 3, 2, 2, tzinfo=UTC)})  # type: ignore[arg-type]  # the same
    again = moved(3, "b 2026-03-31 1 4")
    new_york = WashRule(taxable=USUAL.taxable, zone=ZoneInfo("America/New_York"))
    disposals: list[Disposal] = match(iter([bought, sold, again]), UnitedStates().rule(TERMS)).disposals
    (loss,) = wash_sales(disposals, [one for one in (bought, again) if isinstance(one, Acquisition)], new_york)
    assert (loss.date_disposed, loss.date_replaced) == (date(2026, 3, 1), date(2026, 3, 31))


def test_a_deferred_loss_tells_both_sides_in_full() -> None:
    rows = ["b 2026-01-01 1 10", "s 2026-03-01 1 4", "b 2026-03-02 1 5", "s 2026-03-20 1 6", "b 2026-03-25 2 12"]
    _, again = found_in(rows)
    assert again == DeferredLoss(
        piece=again.piece,
        date_disposed=date(2026, 3, 20),
        quantity=D(1),
        deferred=D(5),
        earlier=D(5),  # of the 6 put off before no more than the loss is put off again
        lot_id=lot_id(EventId(f"{5:016x}" * 2), 1),
        lot_source_id=SourceId("b5"),
        date_replaced=date(2026, 3, 25),
        held_since=date(2026, 1, 7),
    )
    assert again.piece.source_id == "s4"


@pytest.mark.parametrize("rows", [["b 2026-01-01 1 -", "s 2026-03-01 1 4"], ["b 2026-01-01 1 10", "s 2026-03-01 1 -"]])
def test_what_has_no_price_has_no_loss_that_is_known(rows: list[str]) -> None:
    assert found_in([*rows, "b 2026-03-02 1 5"]) == []


def test_a_loss_of_units_that_nobody_knows_the_origin_of_is_held_from_the_day_of_replacement() -> None:
    (loss,) = found_in(["s 2026-03-01 1 -3", "b 2026-03-05 1 5"])  # the fee was above the price
    assert (loss.deferred, loss.held_since) == (D(3), date(2026, 3, 5))


def test_the_days_of_lots_and_of_holding_are_those_of_the_zone() -> None:
    bought = _at(moved(1, "b 2026-01-01 1 10"), "2026-01-02T02:00:00+00:00")  # in New York still the day before
    sold = moved(2, "s 2026-03-01 1 4")
    again = _at(moved(3, "b 2026-03-31 1 4"), "2026-04-01T02:00:00+00:00")
    losses = UnitedStates().deferred_losses(
        match((bought, sold, again), UnitedStates().rule(TERMS)).disposals,
        [one for one in (bought, again) if isinstance(one, Acquisition)],
        replace(TERMS, zone=ZoneInfo("America/New_York"), law={"wash_sales": "analysis"}),
    )
    assert [(loss.date_replaced, loss.held_since) for loss in losses] == [(date(2026, 3, 31), date(2026, 1, 31))]


def test_the_analysis_is_made_where_the_book_asks_for_it_and_from_the_day_that_it_names() -> None:
    timeline = list(timeline_order(moved(number, row) for number, row in enumerate(CASES["a small loss"][0], start=1)))
    disposals = match(iter(timeline), UnitedStates().rule(TERMS)).disposals
    bought = [one for one in timeline if isinstance(one, Acquisition)]

    def found(law: dict[str, str]) -> int:
        return len(list(UnitedStates().deferred_losses(disposals, bought, replace(TERMS, law=law))))

    assert found({"wash_sales": "analysis"}) == found({"wash_sales": "analysis-from-2026-03-01"}) == 1
    assert found({"wash_sales": "analysis-from-2026-03-02"}) == 0
    for law in ({}, {"wash_sales": "off"}):
        with pytest.raises(InputError) as refused:
            found(law)
        assert str(refused.value) == (
            'wash sales are not analysed in this book\n  mend: set `wash_sales = "analysis"` under [law] in lotwright.toml'
        )


def _at(movement: Movement, instant: str) -> Movement:
    at = datetime.fromisoformat(instant)
    return replace(movement, occurred_at=at, acquired_at=at) if isinstance(movement, Acquisition) else replace(movement, occurred_at=at)


def _fields(movement: Movement) -> dict[str, object]:
    return {name: getattr(movement, name) for name in Departure.__dataclass_fields__}


HISTORIES = st.lists(st.tuples(st.sampled_from("bs"), st.integers(0, 40), st.integers(1, 5), st.integers(1, 100)), max_size=25)


@given(HISTORIES)
def test_no_unit_replaces_twice_and_no_more_is_put_off_than_was_lost(drawn: list[tuple[str, int, int, int]]) -> None:
    ordered = sorted(drawn, key=lambda row: row[1])
    rows = [f"{kind} {date.fromordinal(739000 + day)} {units} {figure}" for kind, day, units, figure in ordered]
    found = found_in(rows)
    bought = {f"{row[0]}{number}": D(row.split()[2]) for number, row in enumerate(rows, start=1)}
    for lot in {loss.lot_source_id for loss in found}:
        assert sum(loss.quantity for loss in found if loss.lot_source_id == lot) <= bought[lot]
    for loss in found:
        assert abs((loss.date_replaced - loss.date_disposed).days) <= 30
        assert loss.deferred > 0
        assert loss.quantity <= loss.piece.quantity
    fresh = sum(loss.deferred - loss.earlier for loss in found)
    sold = {(loss.piece.disposal_id, loss.piece.piece): loss.piece for loss in found}.values()
    assert fresh <= sum(max(D(0), (piece.cost_basis or D(0)) - (piece.proceeds or D(0))) for piece in sold)
