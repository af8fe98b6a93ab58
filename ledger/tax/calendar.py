"""Calendar arithmetic of the law, on dates: years and anniversaries, never counts of days."""

from datetime import date
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from ledger.domain.period import Period

_ONE_YEAR = relativedelta(years=1)
_DAYS_REMEMBERED = 40_000  # more days than a century has


@lru_cache(maxsize=_DAYS_REMEMBERED)
def one_year_after(day: date) -> date:
    """Return the same day of the next year; of 29 February, 28 February.

    >>> one_year_after(date(2024, 2, 29))
    datetime.date(2025, 2, 28)
    """
    return day + _ONE_YEAR


def calendar_year(year: int) -> Period:
    """Return 1 January to 31 December.

    >>> str(calendar_year(2025))
    '2025-01-01 to 2025-12-31'
    """
    return Period(from_day=date(year, 1, 1), to_day=date(year, 12, 31))
