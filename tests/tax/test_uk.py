"""The United Kingdom by example: what events do to the pool, days, windows, and what stays provisional."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.event import Charge, ChargeKind, Event, Fill, Opening, OpeningKind, Side, SourceRank, Transfer
from ledger.domain.ids import AccountId, EventId, SourceId, VenueName, WalletId, lot_id
from ledger.domain.lot import Acquisition, Caveat, Departure, DepartureKind, Disposal, Gap, Lot, LotOrigin, Movement
from ledger.domain.price import Worth
from ledger.lots.matching import Matched, match
from ledger.lots.pools import timeline_order
from ledger.ports import BookTerms
from ledger.tax.uk import UnitedKingdom

UK = UnitedKingdom()
TERMS = BookTerms(currency=AssetCode("GBP"), zone=ZoneInfo("Europe/London"), method="section-104", scope="universal", wallets={})
D = Decimal


def amount(text: str) -> Amount:
    quantity, asset = text.split()
    return Amount(quantity=D(quantity), asset=AssetCode(asset))


def fill(name: str, at: str, side: str, base: str, quote: str, *, fee: str | None = None, account: str = "main") -> Fill:
    return Fill(
        event_id=EventId(f"{name:0>32}"),
        source_id=SourceId(name),
        venue=VenueName("v"),
        account=AccountId(account),
        occurred_at=datetime.fromisoformat(at).astimezone(UTC),
        rank=SourceRank.VENUE,
        side=Side(side),
        base=amount(base),
        quote=amount(quote),
        fee=None if fee is None else amount(fee),
    )


def buy(name: str, day: str, base: str, cost: str, **more: str) -> Fill:
    return fill(name, f"{day}T12:00:00+00:00", "buy", base, f"{cost} GBP", **more)


def sell(name: str, day: str, base: str, proceeds: str, **more: str) -> Fill:
    return fill(name, f"{day}T13:00:00+00:00", "sell", base, f"{proceeds} GBP", **more)


def charge(kind: ChargeKind, text: str, value: str | None = None) -> Charge:
    head = buy("C", "2024-05-01", "1 X", "1")
    return Charge(
        event_id=head.event_id,
        source_id=head.source_id,
        venue=head.venue,
        account=head.account,
        occurred_at=head.occurred_at,
        rank=head.rank,
        kind=kind,
        amount=amount(text),
        value=None if value is None else D(value),
    )


def opening(name: str, day: str, text: str, cost: str | None, acquired: str) -> Opening:
    head = buy(name, day, "1 X", "1")
    return Opening(
        event_id=head.event_id,
        source_id=head.source_id,
        venue=head.venue,
        account=head.account,
        occurred_at=head.occurred_at,
        rank=head.rank,
        kind=OpeningKind.OPENING,
        amount=amount(text),
        cost_basis=None if cost is None else D(cost),
        acquired_at=datetime.fromisoformat(acquired).replace(tzinfo=UTC),
    )


def movements(*events: Event) -> list[Movement]:
    return [movement for event in events for movement in UK.movements(event, Worth(), TERMS)]


def matched(*events: Event, asset: str = "BTC") -> Matched:
    return match(timeline_order(each for each in movements(*events) if each.asset == asset), UK.rule(TERMS))


def told(result: Matched) -> list[tuple[str, str, Decimal, Decimal | None, str | None]]:
    return [_told(each) for each in result.disposals]


def _told(each: Disposal) -> tuple[str, str, Decimal, Decimal | None, str | None]:
    until = None if each.provisional_until is None else str(each.provisional_until)
    return each.source_id, each.matched_by, each.quantity, each.cost_basis, until


# --- events ----------------------------------------------------------------------------------------------------------


def test_a_fee_in_the_tokens_sold_is_a_disposal_of_its_own_and_a_cost_of_the_sale() -> None:
    sale = sell("S", "2020-08-01", "1000 T", "5000", fee="1 T")  # CRYPTO22280
    sold, fee = (each for each in movements(sale) if isinstance(each, Departure))
    assert (sold.quantity, sold.proceeds, sold.selling_costs, sold.kind) == (D(1000), D(4995), D(5), DepartureKind.SALE)
    assert (fee.quantity, fee.proceeds, fee.selling_costs, fee.kind) == (D(1), D(5), D(0), DepartureKind.FEE)
    result = matched(buy("P", "2019-01-01", "10000 T", "20000"), sale, asset="T")
    gains = [(each.proceeds or D(0)) - (each.cost_basis or D(0)) for each in result.disposals]
    assert sum(gains) == D(2998)
    assert [(lot.quantity_open, lot.cost_open) for lot in result.lots_open] == [(D(8999), D(17998))]


def test_a_rebate_in_the_tokens_sold_makes_the_quantity_sold_smaller() -> None:
    (sold,) = movements(sell("S", "2020-08-01", "10 T", "50", fee="-1 T"))
    assert (sold.quantity, sold.leg) == (D(9), 1)


def test_a_fee_withheld_from_tokens_bought_is_a_cost_and_a_disposal_matched_with_the_same_day() -> None:
    result = matched(buy("old", "2024-01-01", "1 BTC", "1"), buy("B", "2024-05-01", "10 BTC", "100", fee="1 BTC"))
    assert told(result) == [("B", "same-day", D(1), D(11), "2024-05-01")]
    assert result.disposals[0].proceeds == D(10)
    assert sum(lot.cost_open or D(0) for lot in result.lots_open) == D(100)


def test_a_fee_in_money_is_a_cost_of_the_sale() -> None:
    (sold,) = movements(sell("S", "2024-05-01", "1 BTC", "100", fee="2 GBP"))
    assert isinstance(sold, Departure)
    assert (sold.proceeds, sold.selling_costs) == (D(98), D(2))


CHARGES = {
    "a gift is a disposal at market value": (ChargeKind.GIFT_OUT, DepartureKind.GIFT, "70", True),
    "spending is": (ChargeKind.SPEND, DepartureKind.SPENDING, "70", True),
    "a donation to charity is not": (ChargeKind.DONATION, DepartureKind.DONATION, "0", False),
    "a loss is not": (ChargeKind.LOST, DepartureKind.LOSS, "0", False),
}


@pytest.mark.parametrize(("kind", "departure", "proceeds", "taxable"), CHARGES.values(), ids=CHARGES)
def test_charges_are_disposals_as_the_law_says(kind: ChargeKind, departure: DepartureKind, proceeds: str, taxable: bool) -> None:  # noqa: FBT001  # a column
    (left,) = movements(charge(kind, "1 BTC", "70"))
    assert isinstance(left, Departure)
    assert (left.kind, left.proceeds, left.kind in UK.taxable) == (departure, D(proceeds), taxable)
    assert bool(UK.priced_assets(charge(kind, "1 BTC"), TERMS)) is taxable


def test_moving_tokens_matches_nothing_and_its_fee_is_a_disposal_that_costs_nobody_else_anything() -> None:
    head = buy("T", "2024-05-01", "1 X", "1")
    move = Transfer(
        event_id=head.event_id,
        source_id=head.source_id,
        venue=head.venue,
        account=head.account,
        occurred_at=head.occurred_at,
        rank=head.rank,
        from_account=AccountId("main"),
        to_account=AccountId("cold"),
        amount=amount("1 BTC"),
        fee=amount("0.5 BTC"),
        fee_value=D(9),
    )
    result = matched(buy("B", "2024-01-01", "4 BTC", "40"), move)
    assert told(result) == [("T", "pool", D("0.5"), D(5), "2024-05-31")]
    assert (result.disposals[0].proceeds, result.disposals[0].selling_costs) == (D(9), D(0))
    assert [(lot.wallet, lot.quantity_open, lot.cost_open) for lot in result.lots_open] == [
        ("cold", D(1), D(10)),
        ("main", D("2.5"), D(25)),
    ]


# --- days ------------------------------------------------------------------------------------------------------------


def test_days_are_dates_in_london() -> None:
    summer = (
        fill("S", "2024-06-01T23:30:00+00:00", "sell", "1 BTC", "50 GBP"),  # 2 June, 00:30 in London
        fill("B", "2024-06-02T12:00:00+00:00", "buy", "1 BTC", "40 GBP"),
    )
    assert told(matched(*summer)) == [("S", "same-day", D(1), D(40), "2024-06-02")]
    winter = (
        fill("S", "2024-01-01T23:30:00+00:00", "sell", "1 BTC", "50 GBP"),
        fill("B", "2024-01-02T12:00:00+00:00", "buy", "1 BTC", "40 GBP"),
    )
    assert told(matched(*winter)) == [("S", "30-day", D(1), D(40), "2024-01-02")]


WINDOW = [("2024-05-31", "30-day", 5, "2024-05-31"), ("2024-06-01", "pool", 1, "2024-05-31")]


@pytest.mark.parametrize(("bought", "matched_by", "cost", "until"), WINDOW)
def test_the_thirtieth_day_is_in_the_window_and_the_next_is_not(bought: str, matched_by: str, cost: int, until: str) -> None:
    result = matched(buy("P", "2024-01-01", "9 BTC", "9"), sell("S", "2024-05-01", "1 BTC", "7"), buy("B", bought, "1 BTC", "5"))
    assert told(result) == [("S", matched_by, D(1), D(cost), until)]


def test_matches_of_a_day_go_to_its_sales_in_the_order_of_the_timeline() -> None:
    result = matched(
        buy("P", "2024-01-01", "10 BTC", "10"),
        sell("S1", "2024-05-01", "2 BTC", "8"),
        sell("S2", "2024-05-01", "2 BTC", "9"),
        buy("B1", "2024-05-01", "1 BTC", "3"),
        buy("B2", "2024-05-03", "2 BTC", "10"),
    )
    assert told(result) == [
        ("S1", "same-day", D(1), D(3), "2024-05-01"),
        ("S1", "30-day", D(1), D(5), "2024-05-03"),
        ("S2", "30-day", D(1), D(5), "2024-05-03"),
        ("S2", "pool", D(1), D(1), "2024-05-31"),
    ]
    assert [each.proceeds for each in result.disposals] == [D(4), D(4), D("4.5"), D("4.5")]


def test_wallets_are_one_holding() -> None:
    result = matched(buy("B", "2024-01-01", "1 BTC", "5", account="cold"), sell("S", "2024-05-01", "1 BTC", "7", account="main"))
    assert told(result) == [("S", "pool", D(1), D(5), "2024-05-31")]


def test_a_matched_day_names_its_only_acquisition_and_is_given_out_as_a_used_up_lot() -> None:
    result = matched(sell("S", "2024-05-01", "2 BTC", "7"), buy("B", "2024-05-02", "3 BTC", "9"))
    (piece,) = result.disposals
    used_up = [lot for lot in result.lots if lot.lot_id == piece.lot_id]
    assert (piece.lot_source_id, piece.acquired_at) == ("B", datetime(2024, 5, 2, 12, tzinfo=UTC))
    assert [(lot.quantity, lot.cost_basis, lot.quantity_open) for lot in used_up] == [(D(2), D(6), D(0))]
    two = matched(sell("S", "2024-05-01", "2 BTC", "7"), buy("B1", "2024-05-02", "1 BTC", "9"), buy("B2", "2024-05-02", "1 BTC", "9"))
    assert [piece.lot_source_id for piece in two.disposals] == [None]


def test_openings_of_an_earlier_day_join_the_pool_and_match_no_sale_of_the_day_they_are_entered() -> None:
    result = matched(
        sell("S0", "2024-04-30", "1 BTC", "7"),
        opening("O", "2024-05-01", "2 BTC", "8", "2020-01-01"),
        sell("S", "2024-05-01", "1 BTC", "7"),
    )
    assert told(result) == [("S0", "missing", D(1), D(0), "2024-05-30"), ("S", "pool", D(1), D(4), "2024-05-31")]


def test_an_opening_of_the_day_itself_is_an_acquisition_of_that_day() -> None:
    result = matched(opening("O", "2024-05-01", "2 BTC", "8", "2024-05-01"), sell("S", "2024-05-01", "1 BTC", "7"))
    assert told(result) == [("S", "same-day", D(1), D(4), "2024-05-01")]


def test_tokens_that_never_came_in_have_no_cost_and_say_so() -> None:
    result = matched(buy("B", "2024-01-01", "1 BTC", "5"), sell("S", "2024-05-01", "2 BTC", "8"))
    assert told(result) == [("S", "pool", D(1), D(5), "2024-05-31"), ("S", "missing", D(1), D(0), "2024-05-31")]
    assert [each.gap for each in result.disposals] == [None, Gap.MISSING_BASIS]


def test_what_disposals_claimed_of_a_day_is_one_lot_that_is_used_up_and_its_thirds_add_up() -> None:
    result = matched(
        sell("S1", "2024-05-01", "1 BTC", "7"),
        sell("S2", "2024-05-01", "1 BTC", "7"),
        buy("B", "2024-05-02", "3 BTC", "1", account="cold"),
    )
    third = D("0." + "3" * 18)
    assert [piece.cost_basis for piece in result.disposals] == [third, third]
    claimed, rest = result.lots
    assert claimed == Lot(
        lot_id=lot_id(EventId(f"{'B':0>32}"), 1),
        part=0,
        event_id=EventId(f"{'B':0>32}"),
        source_id=SourceId("B"),
        asset=AssetCode("BTC"),
        account=AccountId("cold"),
        wallet=WalletId("cold"),
        acquired_at=datetime(2024, 5, 2, 12, tzinfo=UTC),
        origin=LotOrigin.PURCHASE,
        quantity=D(2),
        cost_basis=2 * third,
        quantity_open=D(0),
        cost_open=D(0),
    )
    assert (rest.origin, rest.quantity_open, rest.cost_open) == (LotOrigin.POOL, D(1), 1 - 2 * third)
    assert {piece.lot_id for piece in result.disposals} == {claimed.lot_id}


def test_a_day_of_which_all_is_claimed_gives_the_pool_no_name() -> None:
    result = matched(
        buy("B1", "2024-05-01", "1 BTC", "5"), sell("S", "2024-05-01", "1 BTC", "7"), buy("B2", "2024-06-30", "1 BTC", "9", account="cold")
    )
    (row,) = result.lots_open
    assert (row.source_id, row.wallet, row.acquired_at) == ("B2", "cold", datetime(2024, 6, 30, 12, tzinfo=UTC))


def test_what_is_left_of_a_day_waits_for_later_days_whichever_of_its_sales_it_is() -> None:
    result = matched(
        buy("P", "2024-01-01", "9 BTC", "9"),
        sell("S1", "2024-05-01", "2 BTC", "8"),
        sell("S2", "2024-05-01", "1 BTC", "4"),
        buy("B1", "2024-05-01", "1 BTC", "3"),
        buy("B2", "2024-05-03", "2 BTC", "10"),
    )
    assert told(result) == [
        ("S1", "same-day", D(1), D(3), "2024-05-01"),
        ("S1", "30-day", D(1), D(5), "2024-05-03"),
        ("S2", "30-day", D(1), D(5), "2024-05-03"),
    ]


def test_acquisitions_of_a_day_go_to_its_own_disposal_before_that_of_an_earlier_day() -> None:
    result = matched(
        buy("P", "2024-01-01", "9 BTC", "9"),
        sell("S1", "2024-05-01", "1 BTC", "8"),
        buy("B", "2024-05-02", "1 BTC", "3"),
        sell("S2", "2024-05-02", "1 BTC", "4"),
        buy("C", "2024-05-03", "1 BTC", "6"),
        buy("D", "2024-05-04", "1 BTC", "7"),
    )
    assert told(result) == [("S1", "30-day", D(1), D(6), "2024-05-03"), ("S2", "same-day", D(1), D(3), "2024-05-02")]


def test_the_day_of_an_opening_is_the_date_in_london() -> None:
    opened = replace(opening("O", "2024-06-02", "2 BTC", "8", "2024-06-01"), acquired_at=datetime(2024, 6, 1, 23, 30, tzinfo=UTC))
    result = matched(opened, sell("S", "2024-06-02", "1 BTC", "7"))
    assert told(result) == [("S", "same-day", D(1), D(4), "2024-06-02")]


def test_an_opening_without_a_cost_stands_beside_the_pool_and_makes_matches_of_its_day_doubtful() -> None:
    result = matched(
        buy("B", "2024-05-01", "1 BTC", "5"),
        opening("O", "2024-05-01", "1 BTC", None, "2024-05-01"),
        sell("S", "2024-05-01", "2 BTC", "8"),
    )
    assert [(each.matched_by, each.cost_basis, each.gap, each.caveat) for each in result.disposals] == [
        ("same-day", D(5), None, Caveat.POOL_INCOMPLETE),
        ("pool", D(0), Gap.MISSING_BASIS, Caveat.POOL_INCOMPLETE),
    ]


def test_a_match_of_a_later_day_is_doubtful_where_that_day_or_one_before_it_is_incomplete() -> None:
    timeline = [
        *movements(buy("P", "2024-01-01", "9 BTC", "9"), sell("S", "2024-05-01", "2 BTC", "7"), buy("B", "2024-05-02", "1 BTC", "5")),
        *unpriced(buy("U", "2024-05-03", "1 BTC", "1")),
        *movements(buy("C", "2024-05-03", "1 BTC", "6")),
    ]
    result = match(timeline_order(timeline), UK.rule(TERMS))
    assert [(each.matched_by, each.cost_basis, each.caveat) for each in result.disposals] == [
        ("30-day", D(5), None),
        ("30-day", D(6), Caveat.POOL_INCOMPLETE),
    ]


def test_a_match_of_a_later_day_is_doubtful_where_the_day_of_the_sale_is_incomplete() -> None:
    timeline = [
        *movements(sell("S", "2024-05-01", "2 BTC", "7"), buy("A", "2024-05-01", "1 BTC", "4"), buy("B", "2024-05-02", "1 BTC", "5")),
        *unpriced(buy("U", "2024-05-01", "1 BTC", "1")),
    ]
    doubtful = match(timeline_order(timeline), UK.rule(TERMS)).disposals
    assert [(each.matched_by, each.caveat) for each in doubtful] == [
        ("same-day", Caveat.POOL_INCOMPLETE),
        ("30-day", Caveat.POOL_INCOMPLETE),
    ]
    sure = match(timeline_order(timeline[:-1]), UK.rule(TERMS)).disposals
    assert [(each.matched_by, each.caveat) for each in sure] == [("same-day", None), ("30-day", None)]


def test_what_is_sold_leaves_its_account() -> None:
    result = matched(
        buy("B1", "2024-01-01", "2 BTC", "2", account="cold"),
        buy("B2", "2024-01-02", "1 BTC", "1"),
        sell("S", "2024-05-01", "1 BTC", "7", account="cold"),
    )
    assert [(lot.wallet, lot.quantity_open) for lot in result.lots_open] == [("cold", D(1)), ("main", D(1))]


def test_lots_beside_the_pool_are_shown_where_they_are_and_keep_their_serials() -> None:
    timeline = [*movements(buy("P", "2024-01-01", "1 BTC", "9")), *unpriced(buy("U", "2024-01-02", "2 BTC", "1", account="cold"))]
    moved = Transfer(
        **{name: getattr(buy("T", "2024-01-03", "1 X", "1"), name) for name in ("event_id", "source_id", "venue", "occurred_at", "rank")},
        account=AccountId("cold"),
        from_account=AccountId("cold"),
        to_account=AccountId("main"),
        amount=amount("1 BTC"),
    )
    lots = match(timeline_order([*timeline, *movements(moved, sell("S", "2024-05-01", "1 BTC", "9"))]), UK.rule(TERMS)).lots_open
    assert [(lot.wallet, lot.source_id, lot.serial, lot.quantity_open) for lot in lots] == [("main", "U", 1, D(1)), ("cold", "U", 1, D(1))]


def test_fees_in_the_token_spent_are_a_disposal_of_their_own() -> None:
    spent = replace(charge(ChargeKind.SPEND, "2 BTC", "70"), fee=amount("1 BTC"))
    left, fee = movements(spent)
    assert isinstance(left, Departure)
    assert isinstance(fee, Departure)
    assert (left.quantity, left.proceeds, left.selling_costs) == (D(2), D(35), D(35))
    assert (fee.kind, fee.quantity, fee.proceeds) == (DepartureKind.FEE, D(1), D(35))


def test_prices_are_asked_for_in_sterling() -> None:
    assert UK.priced_assets(buy("B", "2024-05-01", "1 BTC", "5"), TERMS) == ()
    dollars = fill("S", "2024-05-01T12:00:00+00:00", "sell", "1 BTC", "50 USD")
    assert UK.priced_assets(dollars, TERMS) == (("value", "USD", D(50)),)


def unpriced(event: Fill) -> list[Movement]:
    (movement,) = movements(event)
    assert isinstance(movement, Acquisition)
    return [replace(movement, cost_basis=None, gap=Gap.MISSING_PRICE)]


UNPRICED = {
    "on the day of the sale": ("2024-05-01", ["pool"], [Caveat.POOL_INCOMPLETE]),
    "within 30 days": ("2024-05-20", ["pool"], [Caveat.POOL_INCOMPLETE]),
    "in the pool": ("2024-02-01", ["pool"], [Caveat.POOL_INCOMPLETE]),
    "after the window": ("2024-08-01", ["pool"], [None]),
}


@pytest.mark.parametrize(("day", "matched_by", "caveats"), UNPRICED.values(), ids=UNPRICED)
def test_a_match_says_that_an_acquisition_without_a_price_could_change_it(
    day: str, matched_by: list[str], caveats: list[Caveat | None]
) -> None:
    timeline = [
        *movements(buy("P", "2024-01-01", "9 BTC", "9"), sell("S", "2024-05-01", "1 BTC", "7")),
        *unpriced(buy("U", day, "1 BTC", "1")),
    ]
    result = match(timeline_order(timeline), UK.rule(TERMS))
    assert ([each.matched_by for each in result.disposals], [each.caveat for each in result.disposals]) == (matched_by, caveats)
    (beside,) = [lot for lot in result.lots_open if lot.gap is Gap.MISSING_PRICE]
    assert (beside.source_id, beside.quantity_open, beside.cost_open) == ("U", D(1), None)


def test_a_disposal_is_given_out_when_its_window_is_over_and_not_before() -> None:
    later = (buy(f"B{number}", f"2024-06-0{number}", "1 BTC", "1") for number in (1, 2))
    history = movements(buy("P", "2024-01-01", "9 BTC", "9"), sell("S", "2024-05-01", "1 BTC", "7"), *later)
    read: list[str] = []

    def watched() -> Iterator[Movement]:
        for movement in history:
            read.append(movement.source_id)
            yield movement

    first = next(iter(UK.rule(TERMS).match(watched())))
    assert isinstance(first, Disposal)
    assert read == ["P", "S", "B1"]
    assert first.provisional_until == date(2024, 5, 31)
