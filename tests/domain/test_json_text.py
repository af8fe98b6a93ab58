"""A cell's number is the same whichever way it is read: the quick one of a plain text, or the one that looks at everything."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.domain.amount import DECIMALS_MAX, INTEGER_DIGITS_MAX, PLAIN_LENGTH_SAFE, exact_decimal
from ledger.domain.errors import InputError, NumberRefused
from ledger.domain.json_text import Json, cell_number, cell_number_or_none, cell_positive, json_of

SIGNS = st.sampled_from(["", "-"])
DIGITS = st.text("0123456789", min_size=1, max_size=INTEGER_DIGITS_MAX + 4)
FRACTIONS = st.text("0123456789", max_size=DECIMALS_MAX + 6)
EXPONENTS = st.one_of(st.just(""), st.integers(-30, 30).map(lambda power: f"e{power}"), st.just("E+5"))


def _written(sign: str, digits: str, fraction: str, exponent: str) -> str:
    return f"{sign}{digits}.{fraction}{exponent}" if fraction else f"{sign}{digits}{exponent}"


def _exact(text: str) -> Decimal | None:
    try:
        return exact_decimal(Decimal(text))
    except NumberRefused:
        return None


def _read(raw: Json) -> Decimal | None:
    try:
        return cell_number({"amount": raw}, "amount")
    except NumberRefused:
        return None


@given(st.builds(_written, SIGNS, DIGITS, FRACTIONS, EXPONENTS))
@example("0." + "0" * (DECIMALS_MAX - 1) + "1")  # as long as a text of the quick way may be, and the smallest number of a book
@example("0." + "0" * DECIMALS_MAX + "1")  # one decimal more
@example("-0." + "0" * (DECIMALS_MAX - 1) + "1")
@example("9" * INTEGER_DIGITS_MAX)  # as long, and the largest number without decimals
@example("9" * (INTEGER_DIGITS_MAX + 1))  # one digit more
@example("0" * PLAIN_LENGTH_SAFE + "1")  # longer, for leading zeros alone
@example("2559.4125000000000000000")  # longer, for padding alone
@example("-0")
@example("-0.000")
@example("100")
@example("1e18")
@example("1e20")
@example("1e-18")
@example("1e-19")
def test_a_number_as_text_is_read_as_the_decimal_that_it_writes_or_refused_with_it(text: str) -> None:
    assert repr(_read(text)) == repr(_exact(text))  # digit for digit, and with the same exponent


@given(st.builds(_written, SIGNS, st.integers(0, 10**INTEGER_DIGITS_MAX).map(str), FRACTIONS, EXPONENTS))
def test_a_number_of_json_is_read_as_its_text(text: str) -> None:
    assert _read(json_of(text.encode())) == _read(text)


@pytest.mark.parametrize(
    "raw", ["1_000", "1,5", ".5", "5.", "+1", " 1", "1\n", "\u0661", "0x1f", "NaN", "Infinity", "1e99999", True, False, [], {}, "-"]
)
def test_what_is_no_number_is_refused_with_its_cell(raw: Json) -> None:
    with pytest.raises(InputError, match='"amount"'):
        cell_number({"amount": raw}, "amount")


@pytest.mark.parametrize("row", [{}, {"amount": None}, {"amount": ""}])
def test_a_number_that_is_absent_is_none_and_refused_where_it_must_stand(row: dict[str, Json]) -> None:
    assert cell_number_or_none(row, "amount") is None
    with pytest.raises(InputError, match='"amount" is missing or empty'):
        cell_number(row, "amount")


@pytest.mark.parametrize("raw", ["0", "-0", "0.00", "-0.01", 0, Decimal(-1)])
def test_zero_and_less_are_refused_where_a_number_must_be_above_zero(raw: Json) -> None:
    with pytest.raises(InputError, match="not above zero"):
        cell_positive({"amount": raw}, "amount")
