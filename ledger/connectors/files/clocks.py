"""Times as exports write them -> instants in UTC.

An export that writes no offset is read only where its header or its venue names the zone; a format that knows of none refuses.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from ledger.connectors.files.cells import YEAR_MAX, YEAR_MIN, instant_of, shown
from ledger.domain.errors import InputError

_MICRO_DIGITS = 6
_MEND = "use the file as exported: spreadsheets rewrite times"
_WRITE_OFFSET = "export it with times in the zone of the book, or write each with its offset, like 2025-03-01 12:00:00-05:00"
_PLAIN = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ](?P<hour>\d\d?):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?(?: ?(?P<zone>UTC|GMT|Z|[+-]\d\d:?\d\d))?",
    re.ASCII,
)
_MONTH_FIRST = re.compile(
    r"(?P<month>\d\d?)/(?P<day>\d\d?)/(?P<year>\d{4}) (?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?P<zone>)(?P<fraction>)",
    re.ASCII,
)
_DAY_FIRST = re.compile(
    r"(?P<day>\d\d)[.](?P<month>\d\d)[.](?P<year>\d{4}) (?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?P<zone>)(?P<fraction>)",
    re.ASCII,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDED = re.compile(r"([A-Z][a-z]{2,8})\.? (\d\d?), (\d{4}), (\d\d?):(\d\d) (AM|PM)", re.ASCII)
_IN_HEADER = re.compile(r"\((?:UTC|GMT)(?:([+-])(\d\d?)(?::?(\d\d))?)?\)")


def plain(zone: tzinfo | None) -> Callable[[str], datetime]:
    """Return a reader of ``2025-03-01 12:00:00``, with or without fraction and offset, where the venue's clock is in `zone`.

    What is finer than a microsecond is cut off. `zone` None: the cell has to name its offset.

    >>> plain(UTC)("2025-03-01 12:00:00.5")
    datetime.datetime(2025, 3, 1, 12, 0, 0, 500000, tzinfo=datetime.timezone.utc)
    """
    return lambda text: _read(_PLAIN, text, zone)


def month_first(zone: tzinfo | None) -> Callable[[str], datetime]:
    """Return a reader of ``03/01/2025 12:00:00``, the month first."""
    return lambda text: _read(_MONTH_FIRST, text, zone)


def day_first(zone: tzinfo | None) -> Callable[[str], datetime]:
    """Return a reader of ``01.03.2025 12:00:00``, the day first."""
    return lambda text: _read(_DAY_FIRST, text, zone)


def worded(text: str) -> datetime:
    """Read ``Mar. 01, 2025, 12:05 PM`` of a venue whose clock is UTC.

    Raises:
        InputError: when it is not so written.

    >>> worded("Jan. 05, 2021, 12:05 AM").isoformat()
    '2021-01-05T00:05:00+00:00'
    """
    found = _WORDED.fullmatch(text)
    month = found[1][:3].lower() if found else ""
    if found is None or month not in _MONTHS:
        raise _unreadable(text)
    hour = int(found[4]) % 12 + (12 if found[6] == "PM" else 0)
    return _instant(text, f"{found[3]}-{_MONTHS.index(month) + 1:02}-{int(found[2]):02}T{hour:02}:{found[5]}:00", UTC)


def zone_in(column: str) -> tzinfo | None:
    """Return the zone that a column's name tells of, None where it names none.

    >>> zone_in("Filled Time(UTC+08:00)"), zone_in("Date(UTC)")
    (datetime.timezone(datetime.timedelta(seconds=28800)), datetime.timezone.utc)
    """
    found = _IN_HEADER.search(column)
    if found is None:
        return None
    if found[1] is None:
        return UTC
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if offset >= timedelta(hours=24):
        return None
    return UTC if not offset else timezone(-offset if found[1] == "-" else offset)


def _read(shape: re.Pattern[str], text: str, zone: tzinfo | None) -> datetime:
    found = shape.fullmatch(text)
    if found is None:
        raise _unreadable(text)
    told = found["zone"] or ""
    fraction = (found["fraction"] or "")[:_MICRO_DIGITS]
    day = f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}"
    written = f"{day}T{int(found['hour']):02}:{found['minute']}:{found['second'] or '00'}" + (
        f".{fraction.ljust(_MICRO_DIGITS, '0')}" if fraction else ""
    )
    if told and told not in {"UTC", "GMT", "Z"}:
        return instant_of(written + told)
    if not told and zone is None:
        raise InputError(f"{shown(text)} has no UTC offset", mend="export the file with times in UTC")
    return _instant(text, written, UTC if told or zone is None else zone)


def _instant(text: str, written: str, zone: tzinfo) -> datetime:
    try:
        told = datetime.fromisoformat(written)
    except ValueError as error:
        raise InputError(f"{shown(text)} is not in the calendar", mend=_MEND) from error
    if not YEAR_MIN <= told.year <= YEAR_MAX:
        raise InputError(f"{shown(text)} lies outside the years {YEAR_MIN} to {YEAR_MAX}", mend="check the year")
    here = told.replace(tzinfo=zone)
    if here.utcoffset() != here.replace(fold=1).utcoffset():
        raise _no_one_moment(text, here)
    return here.astimezone(UTC)


def _no_one_moment(text: str, here: datetime) -> InputError:
    """Refuse what the clock of a zone showed twice, when it was set back, or never, when it was set forward."""
    offsets = " or ".join(one.isoformat(sep=" ", timespec="seconds") for one in (here, here.replace(fold=1)))
    if here.astimezone(UTC).astimezone(here.tzinfo).replace(tzinfo=None) != here.replace(tzinfo=None):
        return InputError(f"{shown(text)} was on no clock in {here.tzinfo}", mend=f"the file is of another zone: {_WRITE_OFFSET}")
    return InputError(f"{shown(text)} came twice in {here.tzinfo}", mend=f"write which: {offsets}")


def _unreadable(text: str) -> InputError:
    return InputError(f"{shown(text)} is no time as this export writes it" if text else "is empty", mend=_MEND)
