"""Numbers in headers are read or passed over, whatever a venue writes there."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transport.headers import WISH_SECONDS_MAX, count_of, seconds_wished

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("told", "count"), [("0", 0), ("28", 28), ("007", 7), ("9" * 9, 999_999_999)])
def test_a_count_is_read(told: str, count: int) -> None:
    assert count_of({"used": told}, "used") == count


@pytest.mark.parametrize("told", ["", " 1", "-1", "+1", "1.0", "1e3", "²", "\u0661", "1_000", "1" * 10, "1" * 5_000, "many"])
def test_what_is_no_count_of_at_most_nine_digits_is_passed_over(told: str) -> None:
    assert count_of({"used": told}, "used") is None


def test_an_absent_count_is_none() -> None:
    assert count_of({}, "used") is None


ABSURD = {
    "year-of-twenty-digits": "Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
    "year-of-five-thousand-digits": f"Thu, 01 Jan {'9' * 5_000} 00:00:00 GMT",
    "year-ten-thousand": "Thu, 01 Jan 10000 00:00:00 GMT",
    "zone-of-twenty-digits": "Thu, 01 Jan 2026 00:00:00 +99999999999999999999",
    "no-such-day": "Thu, 31 Feb 2026 00:00:00 GMT",
    "negative": "-5",
    "empty": "",
}


@pytest.mark.parametrize("case", ABSURD)
def test_a_wish_beyond_any_calendar_is_as_none(case: str) -> None:
    assert seconds_wished({"retry-after": ABSURD[case]}, now=NOW) is None


@pytest.mark.parametrize("told", ["9" * 400, "9" * 5_000, "604801", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 08 Jan 2026 00:00:01 GMT"])
def test_a_wish_of_more_than_a_week_is_one_of_a_week(told: str) -> None:
    assert seconds_wished({"retry-after": told}, now=NOW) == WISH_SECONDS_MAX


PIECES = ["Thu,", "1", "Jan", "9999", "0", "00:00:00", ":", "-", "+2400", "GMT", "²", ","]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_no_wish_is_beyond_reading(told: str) -> None:
    wished = seconds_wished({"retry-after": told}, now=NOW)
    assert wished is None or 0 <= wished <= WISH_SECONDS_MAX
