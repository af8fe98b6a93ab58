"""Days and tax years. A day is a date in the book's time zone; instants stay UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo


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
