"""Instants as canonical text and as whole numbers since 1970: what the book stores and hashes, and what venues and our cursors have."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ledger.domain.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(maxsize=8_192)  # an event's instant is written for its facts, its entry and its row, soon one after another
def instant_text(instant: datetime) -> str:
    """Write an aware instant as UTC with six decimals and ``Z``: fixed width, so that text order is time order.

    >>> instant_text(datetime(2025, 3, 1, 12, tzinfo=UTC))
    '2025-03-01T12:00:00.000000Z'
    """
    assert instant.tzinfo is not None, instant
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat("T", "microseconds")[:26] + "Z"  # quicker than a format


def instant_of(text: str) -> datetime:
    """Read what `instant_text` wrote."""
    return datetime.fromisoformat(text)


def micros_of(instant: datetime) -> int:
    """Return an instant as whole microseconds since 1970 UTC, exactly."""
    return (instant - EPOCH) // _MICROSECOND


def millis_of(instant: datetime) -> int:
    """Return an instant as whole milliseconds since 1970 UTC, cut."""
    return (instant - EPOCH) // _MILLISECOND


def instant_of_micros(micros: int) -> datetime:
    """Return the instant so many microseconds after 1970 UTC.

    Raises:
        InputError: when no calendar has it.

    >>> instant_of_micros(1717424551418273).isoformat()
    '2024-06-03T14:22:31.418273+00:00'
    """
    try:
        return EPOCH + micros * _MICROSECOND
    except OverflowError as refused:
        raise InputError(f"{micros} microseconds after 1970 are no instant") from refused


def instant_of_millis(millis: int) -> datetime:
    """Return the instant so many milliseconds after 1970 UTC.

    Raises:
        InputError: when no calendar has it.
    """
    return instant_of_micros(millis * 1000)
