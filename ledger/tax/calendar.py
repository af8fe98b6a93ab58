"""Calendar arithmetic of the law, on dates: anniversaries, never counts of days."""

from datetime import date
from functools import lru_cache

from dateutil.relativedelta import relativedelta

_ONE_YEAR = relativedelta(years=1)
_MONTH_END = relativedelta(day=31)  # that day, or the last one that there is
_DAYS_REMEMBERED = 40_000  # more days than a century has


def last_day_of_month(day: date) -> date:
    """Return the last day of the month of a day.

    >>> last_day_of_month(date(2024, 2, 3))
    datetime.date(2024, 2, 29)
    """
    return day + _MONTH_END


@lru_cache(maxsize=_DAYS_REMEMBERED)
def one_year_after(day: date) -> date:
    """Return the same day of the next year; of 29 February, 28 February.

    >>> one_year_after(date(2024, 2, 29))
    datetime.date(2025, 2, 28)
    """
    return day + _ONE_YEAR
