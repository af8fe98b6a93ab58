"""From the settings of a book to its matching rule: a table of methods and the words for scopes.

A regime says which of them it offers; what a scope means is written down here once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from types import MappingProxyType

from ledger.domain.election import PickOrder
from ledger.domain.law.allocation import AllocationKind
from ledger.domain.time.period import CALENDAR_YEAR
from ledger.lots.allocation import placement_of
from ledger.lots.average import MovingAverage, TotalAverage
from ledger.lots.elections import Unallocated
from ledger.lots.matching import BY_WALLET, UNIVERSAL, Picking
from ledger.ports import BookTerms, MatchingRule

WALLET = "wallet"
ALL_WALLETS = "universal"
_SWITCH = re.compile(r"universal-until-(\d{4}-\d{2}-\d{2})", re.ASCII)


def switch_day(scope: str) -> date | None:
    """Return the first day on which a scope pools by wallet; None where the text names none.

    >>> switch_day("universal-until-2025-01-01"), switch_day("universal-until-2025-02-30"), switch_day("wallet")
    (datetime.date(2025, 1, 1), None, None)
    """
    found = _SWITCH.fullmatch(scope)
    try:
        return None if found is None else date.fromisoformat(found[1])
    except ValueError:
        return None


def _picking(terms: BookTerms) -> MatchingRule:
    return Picking(
        PickOrder(terms.method),
        universal_until=_universal_until(terms),
        elections=terms.elections,
        placement=placement_of(terms.allocations),
        unallocated=_unallocated(terms),
    )


def _unallocated(terms: BookTerms) -> Unallocated | None:
    until = {one.asset: one.recorded_at for one in terms.allocations if one.kind is AllocationKind.GLOBAL}
    return Unallocated(since=_universal_until(terms), until=until) if until else None


def _moving_average(terms: BookTerms) -> MatchingRule:
    return MovingAverage(universal=terms.scope == ALL_WALLETS)


def _total_average(terms: BookTerms) -> MatchingRule:
    return TotalAverage(year_start=terms.year_start or CALENDAR_YEAR, zone=terms.zone)


METHODS: Mapping[str, Callable[[BookTerms], MatchingRule]] = MappingProxyType(
    {
        **{order.value: _picking for order in PickOrder},
        MovingAverage.name: _moving_average,
        TotalAverage.name: _total_average,
    },
)


def _universal_until(terms: BookTerms) -> datetime:
    """Return the instant at which the pool of all wallets ends: the first of that day in the book's zone."""
    day = switch_day(terms.scope)
    if day is None:
        return UNIVERSAL if terms.scope == ALL_WALLETS else BY_WALLET
    return datetime.combine(day, time(), tzinfo=terms.zone)
