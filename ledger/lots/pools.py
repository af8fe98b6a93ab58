"""The timeline of an asset: in which order movements happened, written down once.

Venues give many events the same instant, and rows arrive in any order. What is decided here decides which lot a sale
takes, so it looks at nothing but the facts of the movements themselves.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from ledger.domain.ids import SourceId
from ledger.domain.lot import Acquisition, Movement

_DIGITS = re.compile(r"([0-9]+)")
_occurred_at = attrgetter("occurred_at")

NaturalKey = tuple[str | tuple[int, str], ...]


def timeline_order(movements: Iterable[Movement]) -> Iterator[Movement]:
    """Return the movements of one asset, over all wallets and given in any order, as a timeline.

    By instant; at one instant by the venue's sequence (absent counts as 0), then natural order of the source's id, then
    account; what comes in before what goes out (a self-trade is two events of one id); then event id, then leg.
    """
    return ties_ordered(sorted(movements, key=_occurred_at))


def ties_ordered(movements: Iterable[Movement]) -> Iterator[Movement]:
    """Return movements that come in order of time already as a timeline, holding only those of one instant in memory."""
    for _, group in groupby(movements, key=_occurred_at):
        tied = list(group)
        if len(tied) > 1:
            tied.sort(key=_order_at_one_instant)
        yield from tied


def natural_order(source_id: SourceId) -> NaturalKey:
    """Return a sort key in which runs of digits compare as numbers, so that ``t9`` comes before ``t10``.

    A number is compared by its count of digits, then by its digits: exact at any length.
    """
    parts = _DIGITS.split(source_id)
    return tuple(_number_key(part) if place % 2 else part for place, part in enumerate(parts))


def _number_key(digits: str) -> tuple[int, str]:
    plain = digits.lstrip("0")
    return len(plain), plain


def _order_at_one_instant(movement: Movement) -> tuple[int, NaturalKey, str, bool, str, int]:
    goes_out = not isinstance(movement, Acquisition)
    return movement.sequence or 0, natural_order(movement.source_id), movement.account, goes_out, movement.event_id, movement.leg
