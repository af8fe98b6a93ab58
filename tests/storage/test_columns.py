"""Numbers, instants and keys come back from both engines exactly as they went in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ledger.domain.amount import DECIMALS_MAX, INTEGER_DIGITS_MAX, decimal_of_units, text_of
from ledger.domain.errors import NumberRefused
from ledger.domain.ids import LotId
from ledger.domain.lot import Lot
from ledger.domain.time.instant import instant_of, instant_text
from ledger.storage import tables
from ledger.storage.columns import decimal_text
from ledger.storage.store import Store

UNITS_MAX = 10 ** (INTEGER_DIGITS_MAX + DECIMALS_MAX) - 1
UNITS = st.integers(-UNITS_MAX, UNITS_MAX) | st.integers(-(10**9), 10**9) | st.integers(-(10**6), 10**6).map(lambda cents: cents * 10**16)
NUMBERS = UNITS.map(decimal_of_units)
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants them naive

same_book = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_numbers_come_back_with_every_digit(store: Store, lot: Callable[..., Lot]) -> None:
    texts = ["0", "123456789.123456789012345678", "99999999999999999999.999999999999999999", "0.000000000000000001", "-5", "100"]
    with store.write() as writer:
        writer.add_lots([lot(f"L-{place}", cost_basis=Decimal(text)) for place, text in enumerate(texts)])
        found = [one.cost_basis for one in writer.lots()]
    assert [str(number) for number in found] == [str(Decimal(text)) for text in texts]


@given(facts=st.lists(st.tuples(NUMBERS, INSTANTS), min_size=1, max_size=20))
@same_book
def test_any_number_and_instant_come_back(store: Store, lot: Callable[..., Lot], facts: list[tuple[Decimal, datetime]]) -> None:
    lots = [lot(f"L-{place:02}", cost_basis=number, acquired_at=at) for place, (number, at) in enumerate(facts)]
    with store.write() as writer:
        writer.clear_matches(None)
        writer.add_lots(lots)
        found = {one.lot_id: one for one in writer.lots()}
    assert [found[LotId(one.lot_id)] for one in lots] == lots
    for one in lots:
        assert one.cost_basis is not None
        assert str(found[one.lot_id].cost_basis) == str(Decimal(text_of(one.cost_basis)))
        assert found[one.lot_id].acquired_at.tzinfo is UTC


def test_a_number_that_would_lose_a_digit_is_refused(store: Store, lot: Callable[..., Lot]) -> None:
    for text in ("0.0000000000000000001", "100000000000000000000", "-1E+20", "NaN", "-NaN12", "sNaN7", "Infinity", "-Infinity", "1E-19"):
        with pytest.raises(NumberRefused), store.write() as writer:
            writer.add_lots([lot(quantity=Decimal(text))])
    with store.read() as reader:
        assert reader.counts()["lot"] == 0


def test_a_number_is_refused_before_it_is_compared(store: Store) -> None:
    tiny = Decimal("0.0000000000000000001")
    with pytest.raises(NumberRefused), store.read() as reader:
        reader._connection.execute(select(tables.lot).where(tables.lot.c.quantity == tiny))


@given(st.decimals(allow_nan=True, allow_infinity=True) | NUMBERS)
@settings(deadline=None)
def test_a_number_is_refused_exactly_when_it_does_not_fit(number: Decimal) -> None:
    whole, _, decimals = format(number, "f").lstrip("-").partition(".")
    fits = number.is_finite() and len(decimals.rstrip("0")) <= DECIMALS_MAX and len(whole.lstrip("0")) <= INTEGER_DIGITS_MAX
    if fits:
        assert decimal_text(number) == text_of(number)
    else:
        with pytest.raises(NumberRefused):
            decimal_text(number)


@given(INSTANTS, st.integers(min_value=-720, max_value=720))
@settings(deadline=None)
def test_the_text_of_an_instant_is_of_one_width_and_the_same_from_every_zone(instant: datetime, minutes: int) -> None:
    text = instant_text(instant)
    assert (len(text), instant_of(text)) == (27, instant)
    if datetime(1971, 1, 1, tzinfo=UTC) < instant < datetime(9999, 1, 1, tzinfo=UTC):
        assert instant_text(instant.astimezone(timezone(timedelta(minutes=minutes)))) == text


def test_instants_of_other_zones_come_back_in_utc(store: Store, lot: Callable[..., Lot]) -> None:
    tokyo = datetime(2025, 3, 1, 21, 0, 0, 1, tzinfo=timezone(timedelta(hours=9)))
    with store.write() as writer:
        writer.add_lots([lot(acquired_at=tokyo)])
    with store.read() as reader:
        (found,) = reader.lots()
    assert (found.acquired_at, found.acquired_at.tzinfo) == (datetime(2025, 3, 1, 12, 0, 0, 1, tzinfo=UTC), UTC)


def test_keys_are_sorted_by_code_point_on_both_engines(store: Store, lot: Callable[..., Lot]) -> None:
    names = [
        "b",
        "B",
        "a",
        "A",
        "10",
        "9",
        "_",
        "-",
        "é",
        "e",
        "z",
        "\U0001f600",
        "a-1",
        "a_1",
        "aa",
        "",
        "~",
        " ",
    ]  # as servers' locales would not
    with store.write() as writer:
        writer.add_lots([lot(name) for name in names])
    with store.read() as reader:
        assert [one.lot_id for one in reader.lots()] == sorted(names)
