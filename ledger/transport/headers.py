"""What the headers of an answer say in numbers: counts of calls, and for how long to stay away. Nothing in them is believed unseen."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WISH_SECONDS_MAX = 7 * 86_400.0  # the longest bans are of 3 days; a wish beyond a week is a mistake, and would keep later runs away too
_COUNT_DIGITS_MAX = 9  # the largest allowance of any venue has 6


def count_of(headers: Mapping[str, str], name: str) -> int | None:
    """Return the count that a header holds; None where it is absent or anything but 1 to 9 digits.

    >>> count_of({"x-ratelimit-remaining": "28"}, "x-ratelimit-remaining")
    28
    """
    told = headers.get(name, "")
    return int(told) if len(told) <= _COUNT_DIGITS_MAX and _is_digits(told) else None


def seconds_wished(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3): whole seconds or a date; at most a week, None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if _is_digits(text):
        return min(float(text), WISH_SECONDS_MAX)
    try:
        wished_at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # no date, or one beyond any calendar
        return None
    if wished_at.tzinfo is None:
        wished_at = wished_at.replace(tzinfo=UTC)
    return min(max(0.0, (wished_at - now).total_seconds()), WISH_SECONDS_MAX)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
