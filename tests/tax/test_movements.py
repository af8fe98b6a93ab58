"""What each kind of event does to the pools, fees and rebates in every mode."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.errors import UnsupportedCase
from ledger.domain.event import (
    BalanceSnapshot,
    ChargeKind,
    Event,
    Fill,
    Income,
    IncomeKind,
    Opening,
    OpeningKind,
)
from ledger.domain.ids import IN_TRANSIT, AccountId, BotId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Gap, LotOrigin, OwnTransfer
from ledger.domain.price import Worth
from ledger.tax.generic import Generic
from ledger.tax.us import UnitedStates

from .conftest import HEAD, MAIN, NOW, TERMS, US, Line, amount, buy, charge, income, lines, movements, sell, transfer

FEE_MODES: dict[str, tuple[Event, list[Line]]] = {
    "purchase without fee": (buy("2 BTC", "100 USD"), [("+purchase", "BTC", "2", "100")]),
    "purchase, fee in cash adds to cost": (buy("2 BTC", "100 USD", "1 USD"), [("+purchase", "BTC", "2", "101")]),
    "purchase, rebate in cash reduces cost": (buy("2 BTC", "100 USD", "-1 USD"), [("+purchase", "BTC", "2", "99")]),
    "purchase, fee in a third asset adds its value to cost and is a disposal": (
        buy("2 BTC", "100 USD", "0.5 BNB", fee_value="3"),
        [("+purchase", "BTC", "2", "103"), ("-fee", "BNB", "0.5", "3")],
    ),
    "purchase, fee in units bought: those left carry the money paid": (
        buy("2 BTC", "100 USD", "0.5 BTC"),
        [("+purchase", "BTC", "2", "125"), ("-withheld", "BTC", "0.5", "25")],
    ),
    "purchase, rebate in units bought: more units for the money paid": (
        buy("2 BTC", "100 USD", "-0.5 BTC"),
        [("+purchase", "BTC", "2.5", "100")],
    ),
    "purchase, rebate in a third asset is income": (
        buy("2 BTC", "100 USD", "-0.5 BNB", fee_value="3"),
        [("+purchase", "BTC", "2", "100"), ("+rebate", "BNB", "0.5", "3")],
    ),
    "sale, fee in cash reduces proceeds": (sell("2 BTC", "100 USD", "1 USD"), [("-sale", "BTC", "2", "99")]),
    "sale, rebate in cash increases proceeds": (sell("2 BTC", "100 USD", "-1 USD"), [("-sale", "BTC", "2", "101")]),
    "sale, fee in units sold: more units for the same proceeds": (sell("2 BTC", "100 USD", "0.1 BTC"), [("-sale", "BTC", "2.1", "100")]),
    "sale, rebate in units sold: fewer units for the same proceeds": (
        sell("2 BTC", "100 USD", "-0.1 BTC"),
        [("-sale", "BTC", "1.9", "100")],
    ),
    "sale, fee in a third asset": (
        sell("2 BTC", "100 USD", "0.5 BNB", fee_value="3"),
        [("-sale", "BTC", "2", "97"), ("-fee", "BNB", "0.5", "3")],
    ),
    "sale, rebate in a third asset is income and comes in first": (
        sell("2 BTC", "100 USD", "-0.5 BNB", fee_value="3"),
        [("+rebate", "BNB", "0.5", "3"), ("-sale", "BTC", "2", "100")],
    ),
    "sale with a fee above the price has negative proceeds": (sell("2 BTC", "1 USD", "3 USD"), [("-sale", "BTC", "2", "-2")]),
    "exchange, fee in cash belongs to the asset given up": (
        buy("4 ETH", "2 BTC", "1 USD", value="100"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "2", "99")],
    ),
    "exchange, rebate in cash": (
        buy("4 ETH", "2 BTC", "-1 USD", value="100"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "2", "101")],
    ),
    "exchange for a stablecoin is an exchange": (
        sell("2 BTC", "100 USDC", "1 USD", value="100"),
        [("+exchange", "USDC", "100", "100"), ("-exchange", "BTC", "2", "99")],
    ),
    "exchange, fee in a third asset": (
        sell("2 BTC", "4 ETH", "0.5 BNB", value="100", fee_value="3"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "2", "97"), ("-fee", "BNB", "0.5", "3")],
    ),
    "exchange, fee in the asset given up": (
        sell("2 BTC", "4 ETH", "0.1 BTC", value="100"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "2.1", "100")],
    ),
    "exchange, fee withheld from the asset received": (
        sell("2 BTC", "4 ETH", "1 ETH", value="100"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "2", "75"), ("-withheld", "ETH", "1", "25")],
    ),
    "exchange, a told value of withheld units is their share all the same": (
        sell("2 BTC", "4 ETH", "1 ETH", value="100", fee_value="26"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "2", "75"), ("-withheld", "ETH", "1", "25")],
    ),
    "exchange, rebate in the asset received: all that came in is realized and is cost": (
        sell("2 BTC", "4 ETH", "-1 ETH", value="100"),
        [("+exchange", "ETH", "5", "125"), ("-exchange", "BTC", "2", "125")],
    ),
    "exchange, rebate in the asset given up: fewer units went": (
        sell("2 BTC", "4 ETH", "-0.5 BTC", value="100"),
        [("+exchange", "ETH", "4", "100"), ("-exchange", "BTC", "1.5", "100")],
    ),
    "purchase with foreign money, fee in it by its share": (
        buy("2 BTC", "50 EUR", "1 EUR", value="60"),
        [("+purchase", "BTC", "2", "61.2")],
    ),
    "sale for foreign money, fee in it by its share": (sell("2 BTC", "50 EUR", "1 EUR", value="60"), [("-sale", "BTC", "2", "58.8")]),
    "sale for foreign money, fee in the book's money": (sell("2 BTC", "50 EUR", "1 USD", value="60"), [("-sale", "BTC", "2", "59")]),
    "sale for the book's money, fee in foreign money": (
        sell("2 BTC", "60 USD", "1 EUR", fee_value="1.2"),
        [("-sale", "BTC", "2", "58.8")],
    ),
    "money for money has no lots": (sell("50 EUR", "60 USD", "1 USD"), []),
    "money for money with a fee in units": (sell("50 EUR", "60 USD", "0.5 BNB", fee_value="3"), [("-fee", "BNB", "0.5", "3")]),
    "a fee of nothing is no fee": (sell("2 BTC", "100 USD", "0 BNB"), [("-sale", "BTC", "2", "100")]),
    "units sold for nothing": (sell("2 BTC", "0 EUR"), [("-sale", "BTC", "2", "0")]),
}


@pytest.mark.parametrize(("event", "expected"), FEE_MODES.values(), ids=FEE_MODES)
def test_fees_and_rebates_of_fills_go_where_the_table_says(event: Event, expected: list[Line]) -> None:
    assert lines(event) == expected


OTHER_EVENTS: dict[str, tuple[Event, list[Line]]] = {
    "income is a lot at its value": (income("2 ETH", "100"), [("+income", "ETH", "2", "100")]),
    "income with a fee withheld": (income("2 ETH", "100", "0.5 ETH"), [("+income", "ETH", "2", "100"), ("-withheld", "ETH", "0.5", "25")]),
    "income with a fee in cash keeps its value as cost": (income("2 ETH", "100", "5 USD"), [("+income", "ETH", "2", "100")]),
    "income in money has no lot": (income("5 USD"), []),
    "income with a fee withheld is shared to the last digit": (
        income("3 ETH", "100", "1 ETH"),
        [("+income", "ETH", "3", "100"), ("-withheld", "ETH", "1", "33." + "3" * 18)],
    ),
    "income with a fee in a third asset, which is a disposal": (
        income("2 ETH", "100", "1 BNB", "3"),
        [("+income", "ETH", "2", "100"), ("-fee", "BNB", "1", "3")],
    ),
    "income with a rebate in the same asset is more income": (income("2 ETH", "100", "-0.5 ETH"), [("+income", "ETH", "2.5", "125")]),
    "income with a rebate in a third asset": (
        income("2 ETH", "100", "-1 BNB", "3"),
        [("+income", "ETH", "2", "100"), ("+rebate", "BNB", "1", "3")],
    ),
    "spending is a disposal net of its fee": (
        charge(ChargeKind.SPEND, "2 ETH", "100", "5 USD"),
        [("-spending", "ETH", "2", "95")],
    ),
    "spending with a fee in the same asset": (
        charge(ChargeKind.SPEND, "2 ETH", "100", "0.5 ETH"),
        [("-spending", "ETH", "2.5", "100")],
    ),
    "spending with a fee in a third asset": (
        charge(ChargeKind.SPEND, "2 ETH", "100", "1 BNB", "3"),
        [("-spending", "ETH", "2", "97"), ("-fee", "BNB", "1", "3")],
    ),
    "spending with a rebate in a third asset": (
        charge(ChargeKind.SPEND, "2 ETH", "100", "-1 BNB", "3"),
        [("+rebate", "BNB", "1", "3"), ("-spending", "ETH", "2", "100")],
    ),
    "spending with a rebate in the same asset": (
        charge(ChargeKind.SPEND, "2 ETH", "100", "-0.5 ETH"),
        [("-spending", "ETH", "1.5", "100")],
    ),
    "a fee by itself is a disposal": (charge(ChargeKind.FEE, "2 ETH", "100"), [("-fee", "ETH", "2", "100")]),
    "a gift is no sale; its fee is a disposal": (
        charge(ChargeKind.GIFT_OUT, "2 ETH", "100", "0.5 ETH", "25"),
        [("-gift", "ETH", "2", "0"), ("-fee", "ETH", "0.5", "25")],
    ),
    "a donation is no sale": (charge(ChargeKind.DONATION, "2 ETH"), [("-donation", "ETH", "2", "0")]),
    "a loss is no sale": (charge(ChargeKind.LOST, "2 ETH"), [("-loss", "ETH", "2", "0")]),
    "money spent has no lots": (charge(ChargeKind.SPEND, "5 USD"), []),
    "a transfer moves lots, its fee is a disposal": (
        transfer("main", "vault", "2 ETH", "0.1 ETH", "5"),
        [(">vault", "ETH", "2", None), ("-fee", "ETH", "0.1", "5")],
    ),
    "a lone withdrawal is in transit, not sold": (transfer("main", None, "2 ETH"), [(">(in transit)", "ETH", "2", None)]),
    "a lone deposit has no basis": (
        transfer(None, "main", "2 ETH", "0.1 ETH", "5"),
        [("+unknown", "ETH", "2", "0"), ("-fee", "ETH", "0.1", "5")],
    ),
    "money transferred has no lots": (transfer("main", None, "5 USD", "1 USD"), []),
    "a rebate on a transfer is income": (
        transfer("main", "vault", "2 ETH", "-1 BNB", "3"),
        [("+rebate", "BNB", "1", "3"), (">vault", "ETH", "2", None)],
    ),
    "a balance moves nothing": (BalanceSnapshot(balance=amount("2 ETH"), **HEAD), []),
}


@pytest.mark.parametrize(("event", "expected"), OTHER_EVENTS.values(), ids=OTHER_EVENTS)
def test_other_events_move_what_the_table_says(event: Event, expected: list[Line]) -> None:
    assert lines(event) == expected


UNPRICED: dict[str, tuple[Event, list[Line]]] = {
    "exchange": (sell("2 BTC", "4 ETH"), [("+exchange", "ETH", "4", None), ("-exchange", "BTC", "2", None)]),
    "exchange, withheld fee": (
        sell("2 BTC", "4 ETH", "1 ETH"),
        [("+exchange", "ETH", "4", None), ("-exchange", "BTC", "2", None), ("-withheld", "ETH", "1", None)],
    ),
    "fee in a third asset makes the cost unknown": (
        buy("2 BTC", "100 USD", "0.5 BNB"),
        [("+purchase", "BTC", "2", None), ("-fee", "BNB", "0.5", None)],
    ),
    "foreign money": (buy("2 BTC", "50 EUR"), [("+purchase", "BTC", "2", None)]),
    "rebate in a third asset": (
        sell("2 BTC", "100 USD", "-0.5 BNB"),
        [("+rebate", "BNB", "0.5", None), ("-sale", "BTC", "2", "100")],
    ),
    "income": (income("2 ETH"), [("+income", "ETH", "2", None)]),
    "spending": (charge(ChargeKind.SPEND, "2 ETH"), [("-spending", "ETH", "2", None)]),
}


@pytest.mark.parametrize(("event", "expected"), UNPRICED.values(), ids=UNPRICED)
def test_what_has_no_price_is_unknown_and_never_zero(event: Event, expected: list[Line]) -> None:
    assert lines(event) == expected
    for movement in movements(event):
        assert not isinstance(movement, OwnTransfer)
        figure = movement.cost_basis if isinstance(movement, Acquisition) else movement.proceeds
        assert (figure is None) == (movement.gap is Gap.MISSING_PRICE)


def test_looked_up_prices_fill_what_the_event_does_not_tell() -> None:
    worth = Worth(value=Decimal(100), fee=Decimal(3))
    assert lines(sell("2 BTC", "4 ETH", "0.5 BNB"), worth) == [
        ("+exchange", "ETH", "4", "100"),
        ("-exchange", "BTC", "2", "97"),
        ("-fee", "BNB", "0.5", "3"),
    ]
    assert lines(sell("2 BTC", "4 ETH", value="90"), worth) == [("+exchange", "ETH", "4", "90"), ("-exchange", "BTC", "2", "90")]


def test_looked_up_prices_fill_the_fees_of_every_kind_of_event() -> None:
    worth = Worth(value=Decimal(100), fee=Decimal(3))
    assert lines(income("2 ETH", fee="1 BNB"), worth) == [("+income", "ETH", "2", "100"), ("-fee", "BNB", "1", "3")]
    assert lines(charge(ChargeKind.SPEND, "2 ETH", fee="1 BNB"), worth) == [("-spending", "ETH", "2", "97"), ("-fee", "BNB", "1", "3")]
    assert lines(transfer("main", "vault", "2 ETH", "1 BNB"), worth) == [(">vault", "ETH", "2", None), ("-fee", "BNB", "1", "3")]


def test_a_token_that_is_the_books_currency_is_worth_itself_and_has_lots() -> None:
    book = replace(TERMS, currency=AssetCode("USDC"))
    for event, figure in ((income("2 USDC", "9"), "2"), (charge(ChargeKind.SPEND, "3 USDC", "9"), "3")):
        (movement,) = US.movements(event, Worth(value=Decimal(8)), book)
        assert not isinstance(movement, OwnTransfer)
        assert (movement.cost_basis if isinstance(movement, Acquisition) else movement.proceeds) == Decimal(figure)
        assert US.priced_assets(event, book) == ()
    assert US.priced_assets(income("2 USDC"), book) == US.priced_assets(charge(ChargeKind.SPEND, "3 USDC"), book) == ()


SELLING_COSTS: dict[str, tuple[Event, str]] = {
    "sale without fee": (sell("2 BTC", "100 USD"), "0"),
    "sale, fee in cash": (sell("2 BTC", "100 USD", "1 USD"), "1"),
    "sale, rebate in cash": (sell("2 BTC", "100 USD", "-1 USD"), "-1"),
    "sale, fee in units sold": (sell("2 BTC", "100 USD", "0.1 BTC"), "0"),
    "sale, fee in a third asset": (sell("2 BTC", "100 USD", "1 BNB", fee_value="3"), "3"),
    "sale, rebate in a third asset": (sell("2 BTC", "100 USD", "-1 BNB", fee_value="3"), "0"),
    "sale, fee without a price": (sell("2 BTC", "100 USD", "1 BNB"), "0"),
    "sale without a price, fee in cash": (sell("2 BTC", "50 EUR", "1 USD"), "0"),
    "exchange, fee withheld": (sell("2 BTC", "4 ETH", "1 ETH", value="100"), "25"),
    "spending, fee in cash": (charge(ChargeKind.SPEND, "2 ETH", "100", "5 USD"), "5"),
    "gift, fee in a third asset": (charge(ChargeKind.GIFT_OUT, "2 ETH", "100", "1 BNB", "3"), "0"),
}


@pytest.mark.parametrize(("event", "costs"), SELLING_COSTS.values(), ids=SELLING_COSTS)
def test_what_was_taken_off_to_make_proceeds_net_is_told_apart(event: Event, costs: str) -> None:
    first = next(each for each in movements(event) if isinstance(each, Departure))
    assert first.selling_costs == Decimal(costs)


def test_cash_of_the_book_counts_as_paid_whatever_value_is_told() -> None:
    assert lines(buy("2 BTC", "100 USD", value="90"), Worth(value=Decimal(80))) == [("+purchase", "BTC", "2", "100")]


def test_generic_moves_the_same_units_and_asks_for_the_same_prices() -> None:
    for event, _ in FEE_MODES.values():
        assert Generic().movements(event, Worth(), TERMS) == movements(event)
        assert Generic().priced_assets(event, TERMS) == US.priced_assets(event, TERMS)


def test_a_rebate_of_all_that_was_given_up_is_refused() -> None:
    with pytest.raises(UnsupportedCase) as refused:
        movements(sell("2 BTC", "100 USD", "-2 BTC"))
    assert str(refused.value) == (
        "a rebate of 2 BTC is not less than the 2 BTC given up\n"
        "  mend: correct the event; if it is right, record the rebate as income of its own"
    )
    (sold,) = movements(sell("2 BTC", "100 USD", "-1.5 BTC"))
    assert sold.quantity == Decimal("0.5")


def test_nothings_are_not_written() -> None:
    assert movements(transfer("main", "vault", "0 ETH")) == ()
    assert movements(income("0 ETH")) == ()
    assert movements(charge(ChargeKind.SPEND, "0 ETH")) == ()


def test_legs_carry_wallet_bot_and_order_and_number_what_comes_in_first() -> None:
    received, given, withheld = movements(sell("2 BTC", "4 ETH", "1 ETH", value="100"))
    assert [movement.leg for movement in (received, given, withheld)] == [1, 2, 3]
    assert {(each.account, each.wallet, each.bot, each.sequence) for each in (received, given, withheld)} == {
        (MAIN, WalletId("coinbase"), BotId("grid-1"), 7)
    }


def test_units_in_transit_belong_to_no_account() -> None:
    (movement,) = movements(transfer("main", None, "2 ETH"))
    assert isinstance(movement, OwnTransfer)
    assert (movement.account, movement.to_wallet) == (MAIN, IN_TRANSIT)
    assert movement.to_account == AccountId("(in transit)")


def test_openings_bring_cost_and_date_from_elsewhere() -> None:
    then = datetime(2020, 1, 1, tzinfo=UTC)
    (movement,) = movements(Opening(kind=OpeningKind.GIFT_IN, amount=amount("2 ETH"), cost_basis=Decimal(50), acquired_at=then, **HEAD))
    assert isinstance(movement, Acquisition)
    assert (movement.cost_basis, movement.acquired_at, movement.origin, movement.gap) == (Decimal(50), then, LotOrigin.GIFT, None)


@pytest.mark.parametrize(
    ("zone", "acquired_at"),
    [
        ("UTC", datetime(2024, 6, 17, tzinfo=UTC)),
        ("America/New_York", datetime(2024, 6, 17, 4, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2024, 6, 16, 15, tzinfo=UTC)),
    ],
)
def test_a_bare_day_of_acquisition_begins_in_the_zone_of_the_book(zone: str, acquired_at: datetime) -> None:
    terms = replace(TERMS, zone=ZoneInfo(zone))
    opening = Opening(kind=OpeningKind.OPENING, amount=amount("2 ETH"), cost_basis=Decimal(50), acquired_at=None, **HEAD)
    for told in (replace(opening, acquired_day=date(2024, 6, 17)), replace(opening, occurred_day=date(2024, 6, 17))):
        (movement,) = US.movements(told, Worth(), terms)
        assert isinstance(movement, Acquisition)
        assert (movement.acquired_at, movement.occurred_at) == (acquired_at, NOW)


def test_an_opening_without_cost_has_a_missing_basis_and_keeps_its_date() -> None:
    (movement,) = movements(Opening(kind=OpeningKind.OPENING, amount=amount("2 ETH"), cost_basis=None, acquired_at=None, **HEAD))
    assert isinstance(movement, Acquisition)
    assert (movement.cost_basis, movement.acquired_at, movement.gap) == (Decimal(0), NOW, Gap.MISSING_BASIS)


def test_income_from_rebates_is_known_as_such() -> None:
    (movement,) = movements(Income(kind=IncomeKind.REBATE, amount=amount("2 ETH"), value=Decimal(5), **HEAD))
    assert isinstance(movement, Acquisition)
    assert movement.origin is LotOrigin.REBATE


def test_kinds_of_charges_that_are_not_taxed_have_no_proceeds() -> None:
    for kind in (ChargeKind.GIFT_OUT, ChargeKind.DONATION, ChargeKind.LOST):
        (movement,) = movements(charge(kind, "2 ETH", "100"))
        assert isinstance(movement, Departure)
        assert movement.proceeds == 0
        assert movement.kind in {DepartureKind.GIFT, DepartureKind.DONATION, DepartureKind.LOSS}


@pytest.mark.parametrize("regime", [US, Generic()])
def test_a_fill_that_the_venue_took_back_moves_nothing(regime: Generic | UnitedStates) -> None:
    assert regime.movements(buy("0 BTC", "0 USD"), Worth(), TERMS) == ()
    assert regime.movements(sell("0 BTC", "0 ETH"), Worth(), TERMS) == ()


@pytest.mark.parametrize("half", [buy("0 USDC", "250 USDC"), buy("0.1 BTC", "0 BTC")])
def test_half_a_fill_is_never_matched(half: Fill) -> None:
    with pytest.raises(UnsupportedCase, match="only one of its two legs"):
        US.movements(replace(half, provisional=True), Worth(value=Decimal(1)), TERMS)
