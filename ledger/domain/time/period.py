"""Days and tax years. A day is a date in the book's time zone; instants stay UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


def local_day(instant: datetime, zone: tzinfo) -> date:
    """Return the calendar date of an aware instant in the book's zone."""
    assert instant.tzinfo is not None, instant
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of a day in the book's zone, in UTC.

    >>> start_of_day(date(2025, 3, 1), UTC)
    datetime.datetime(2025, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days from `from_day` to `to_day`, both included; None leaves that end open."""

    from_day: date | None = None
    to_day: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.from_day is None or self.from_day <= day) and (self.to_day is None or day <= self.to_day)

    def __str__(self) -> str:
        if self.from_day is None and self.to_day is None:
            return "all time"
        return f"{self.from_day or 'the beginning'} to {self.to_day or 'now'}"


ALL_TIME = Period()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class YearStart:
    """The day on which tax years begin; 29 February cannot be one.

    >>> str(YearStart(month=4, day=6).period_of(2024)), YearStart(month=4, day=6).year_of(date(2025, 4, 5))
    ('2024-04-06 to 2025-04-05', 2024)
    >>> str(YearStart(month=4, day=6))
    '04-06'
    """

    month: int = 1
    day: int = 1

    def __post_init__(self) -> None:
        assert date(1999, self.month, self.day), self

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"

    def year_of(self, day: date) -> int:
        """Return the tax year of a day, named by the calendar year in which it begins."""
        return day.year if (day.month, day.day) >= (self.month, self.day) else day.year - 1

    def period_of(self, year: int) -> Period:
        """Return the days of a tax year."""
        return Period(
            from_day=date(year, self.month, self.day),
            to_day=date(year + 1, self.month, self.day) - timedelta(days=1),
        )


CALENDAR_YEAR = YearStart()
_MONTH_AND_DAY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)


def year_start_of(text: str) -> YearStart | None:
    """Return the start of tax years that a text names; None where it names no day that can be one.

    >>> str(year_start_of("07-01")), year_start_of("02-29"), year_start_of("7-1")
    ('07-01', None, None)
    """
    found = _MONTH_AND_DAY.fullmatch(text)
    try:
        return None if found is None else YearStart(month=int(found[1]), day=int(found[2]))
    except ValueError:
        return None
