"""Cells of price files: the few kinds that they have, refused in plain words."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from ledger.domain.amount import AssetCode, asset_code, decimal_of
from ledger.domain.errors import InputError, NumberRefused
from ledger.domain.time.instant import instant_of_micros

_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
_DAY_IN_WORDS = re.compile(rf"(\d\d?) ({'|'.join(_MONTHS)}) (\d{{4}})", re.ASCII)  # the ECB's file of the newest day
_YEAR_MIN, _YEAR_MAX = 1900, 2999
_SECONDS_MAX = 10**11  # above it a count since 1970 is of milliseconds, and so on by thousands


def check_width(cells: Sequence[str], header: Sequence[str]) -> None:
    """Refuse a row that has not the cells of its header: all of them would be read as something else."""
    if len(cells) != len(header):
        raise InputError(
            f"has {len(cells)} cells instead of {len(header)}", mend="write numbers with a point, or use the file as it was published"
        )


def price_of(text: str) -> Decimal:
    """Read a price, above zero: what would be valued at nothing has no price.

    Raises:
        InputError: when it is no plain number, negative or zero.
    """
    price = decimal_of(text)
    if price <= 0:
        raise InputError(f"{text!r} is negative" if price < 0 else f"{text!r} is no price", mend="correct the price, or leave the row out")
    return price


def code_of(text: str) -> AssetCode:
    """Read the code of an asset or currency; InputError for what is none."""
    try:
        return asset_code(text)
    except NumberRefused as error:
        raise InputError(error.message, mend="write a code such as BTC or USD") from error


def moment_of(text: str) -> datetime:
    """Read an instant with its offset, to the microsecond.

    Raises:
        InputError: when it is none, or does not say of which offset it is.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no instant", mend="write it like 2025-03-01T12:00:00Z") from error
    if moment.tzinfo is None or not _YEAR_MIN <= moment.year <= _YEAR_MAX:
        raise InputError(f"{text!r} has no offset, or is of another age", mend="write it like 2025-03-01T12:00:00Z")
    return moment.astimezone(UTC)


def count_moment_of(text: str) -> datetime:
    """Read a count of seconds, milliseconds or microseconds since 1970, told apart by its size.

    >>> count_moment_of("1700000000") == count_moment_of("1700000000000") == count_moment_of("1700000000000000")
    True
    """
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"{text!r} is no count of seconds since 1970", mend="use the file as it was published")
    count, parts = int(text), 1
    while count // parts >= _SECONDS_MAX:
        parts *= 1000
    try:
        return instant_of_micros(count * 1_000_000 // parts)
    except InputError as error:
        raise InputError(f"{text!r} is no count of seconds since 1970", mend="use the file as it was published") from error


def _iso_of(text: str) -> str:
    written = _DAY_IN_WORDS.fullmatch(text)
    return f"{written[3]}-{_MONTHS.index(written[2]) + 1:02}-{int(written[1]):02}" if written else text


def day_of(text: str) -> datetime:
    """Read a date and return its first instant, UTC: a rate of a day counts from its beginning. DECISIONS: rate-of-a-day.

    >>> day_of("23 November 2026") == day_of("2026-11-23")
    True
    """
    try:
        day = date.fromisoformat(_iso_of(text))
    except ValueError as error:
        raise InputError(f"{text!r} is no date", mend="use the file as it was published") from error
    if not _YEAR_MIN <= day.year <= _YEAR_MAX:
        raise InputError(f"{text!r} is of another age", mend="use the file as it was published")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
