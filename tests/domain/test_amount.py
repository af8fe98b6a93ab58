"""Exact numbers: what is read, what is refused, and that nothing is ever lost."""

from decimal import Decimal, Inexact, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.amount import (
    EXACT,
    Amount,
    AssetCode,
    added,
    allocate,
    asset_code,
    cents_half_up,
    decimal_of,
    decimal_of_units,
    exact_decimal,
    is_fiat,
    market_value,
    multiplied,
    subtracted,
    text_of,
    unit_price,
    units_of,
    whole_half_up,
)
from ledger.domain.errors import NumberRefused

UNITS_MAX = 10**38 - 1

units = st.integers(-UNITS_MAX, UNITS_MAX)
numbers = units.map(decimal_of_units)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("-0.00", "0"),
        ("007", "7"),
        ("1E-8", "0.00000001"),
        ("1.50e+2", "150"),
        ("-0.000000000000000001", "-0.000000000000000001"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ("1E19", "10000000000000000000"),
    ],
)
def test_numbers_are_read_as_written_and_written_canonically(text: str, canonical: str) -> None:
    assert text_of(decimal_of(text)) == canonical
    assert decimal_of(canonical) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a plain number"),
        ("+1", "is not a plain number"),
        (" 1", "is not a plain number"),
        ("1,5", "is not a plain number"),
        ("1.", "is not a plain number"),
        (".5", "is not a plain number"),
        ("1_000", "is not a plain number"),
        ("NaN", "is not a plain number"),
        ("Infinity", "is not a plain number"),
        ("\u0661", "is not a plain number"),
        ("1\n", "is not a plain number"),
        ("1e99999", "is not a plain number"),
        ("0.0000000000000000001", "has more than 18 decimals"),
        ("1E-19", "has more than 18 decimals"),
        ("100000000000000000000", "has more than 20 integer digits"),
        ("1E20", "has more than 20 integer digits"),
        ("0E21", "has more than 20 integer digits"),
        ("9" * 5000, "has more than 20 integer digits"),
    ],
)
def test_what_is_no_number_of_a_book_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NumberRefused, match=reason) as refused:
        decimal_of(text)
    assert refused.value.text == text
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("-Infinity"), Decimal("1E20"), Decimal("1E-19"), Decimal(10**20)])
def test_numbers_that_no_book_holds_are_refused(number: Decimal) -> None:
    with pytest.raises(NumberRefused):
        exact_decimal(number)


@pytest.mark.parametrize("text", ["BTC", "1INCH", "USD.HOLD", "A" * 32, "X-Y_Z$"])
def test_asset_codes_are_taken_as_venues_write_them(text: str) -> None:
    assert asset_code(text) == text


@pytest.mark.parametrize("text", ["", "btc", "B T", "-X", "A" * 33, "BTC\n", "ÅBC"])
def test_what_is_no_asset_code_is_refused(text: str) -> None:
    with pytest.raises(NumberRefused, match="is not an asset code"):
        asset_code(text)


def test_money_of_governments_is_cash_and_stablecoins_are_not() -> None:
    assert [is_fiat(AssetCode(code)) for code in ("USD", "EUR", "JPY", "USDC", "BTC", "usd")] == [True, True, True, False, False, False]


@given(numbers)
def test_text_and_units_give_the_number_back(number: Decimal) -> None:
    assert decimal_of(text_of(number)) == number
    assert decimal_of_units(units_of(number)) == number
    assert exact_decimal(number) == number
    assert "E" not in text_of(number)


@given(numbers, numbers)
def test_sums_are_exact_whatever_the_size(one: Decimal, other: Decimal) -> None:
    total = added(one, other)
    assert units_of(total) == units_of(one) + units_of(other)
    assert subtracted(total, other) == one


def test_the_exact_context_refuses_to_lose_a_digit() -> None:
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))
    with pytest.raises(Inexact):
        added(Decimal("1E60"), Decimal("1E-30"))


def test_products_are_exact_or_refused() -> None:
    assert multiplied(Decimal("123456789.123456789"), Decimal("0.000000001")) == Decimal("0.123456789123456789")
    with pytest.raises(NumberRefused, match="more than 18 decimals"):
        multiplied(Decimal("1E-10"), Decimal("1E-9"))
    with pytest.raises(NumberRefused, match="more than 20 integer digits"):
        multiplied(Decimal("1E10"), Decimal("1E10"))


@given(units.map(decimal_of_units), st.lists(st.integers(0, 10**24).map(decimal_of_units), min_size=1, max_size=8).filter(any))
def test_parts_add_up_to_the_whole_and_are_fair_to_the_last_unit(total: Decimal, weights: list[Decimal]) -> None:
    parts = allocate(total, weights)
    assert len(parts) == len(weights)
    assert added(*parts) == total
    share = sum(units_of(weight) for weight in weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(units_of(part) * share - units_of(total) * units_of(weight)) <= share


@given(units.map(decimal_of_units), st.lists(st.integers(1, 10**24).map(decimal_of_units), min_size=2, max_size=6))
def test_a_part_does_not_depend_on_how_the_rest_is_split(total: Decimal, weights: list[Decimal]) -> None:
    first, *_ = allocate(total, weights)
    assert allocate(total, [weights[0], added(*weights[1:])])[0] == first


def test_nothing_can_be_split_over_no_weight() -> None:
    for weights in ([], [Decimal(0)], [Decimal(1), Decimal(-1)]):
        with pytest.raises(AssertionError):
            allocate(Decimal(1), weights)


@pytest.mark.parametrize(
    ("price", "quantity", "value"),
    [("0.5", "3", "1.5"), ("0.000000000000000001", "0.5", "0"), ("1.000000000000000001", "1.5", "1.500000000000000001"), ("0", "5", "0")],
)
def test_market_values_are_floored_at_eighteen_decimals(price: str, quantity: str, value: str) -> None:
    assert market_value(Decimal(price), Decimal(quantity)) == Decimal(value)


def test_unit_prices_are_floored_too() -> None:
    assert text_of(unit_price(Decimal(2), Decimal(3))) == "0.666666666666666666"


@pytest.mark.parametrize(
    ("exact", "cents", "whole"), [("0.005", "0.01", "0"), ("-0.005", "-0.01", "0"), ("2.5", "2.50", "3"), ("-2.5", "-2.50", "-3")]
)
def test_forms_round_halves_away_from_zero(exact: str, cents: str, whole: str) -> None:
    assert str(cents_half_up(Decimal(exact))) == cents
    assert whole_half_up(Decimal(exact)) == Decimal(whole)


def test_amounts_of_one_asset_add_up_and_others_do_not() -> None:
    one, other = Amount(quantity=Decimal("1.50"), asset=AssetCode("BTC")), Amount(quantity=Decimal(2), asset=AssetCode("BTC"))
    assert (str(one + other), str(one - other), str(-one)) == ("3.5 BTC", "-0.5 BTC", "-1.5 BTC")
    dollars = Amount(quantity=Decimal(1), asset=AssetCode("USD"))
    for mixed in (one.__add__, one.__sub__):
        with pytest.raises(AssertionError):
            mixed(dollars)


def test_the_context_of_the_process_is_left_alone() -> None:
    before = getcontext().copy()
    allocate(Decimal(1), [Decimal(1), Decimal(2)])
    market_value(Decimal("1E-18"), Decimal("0.3"))
    assert (getcontext().prec, getcontext().flags) == (before.prec, before.flags)
