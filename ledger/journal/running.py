"""Running balances: a venue's own ledger says what it had after each row, so a row that is missing leaves a gap between two others.

Each row leads from one balance to the next (`balance - amount` to `balance`). Rows of one instant come in any order: they hold
together when what they begin with and what they end with cancel out, but for one beginning and one end.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from ledger.domain.amount import ZERO, added, subtracted

_UNORDERED = timedelta(seconds=2)  # rows written together may bear times in another order than that of their balances


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRow:
    """A row of a venue's ledger of one wallet: `amount` signed, `balance` what was there after it; `sequence` the venue's own order.

    `explains` names the events that it belongs to, empty when it explains itself.
    """

    line_id: str
    kind: str
    occurred_at: datetime
    sequence: int | None
    amount: Decimal
    balance: Decimal
    explains: str = ""

    @property
    def start(self) -> Decimal:
        """What was there before it."""
        return subtracted(self.balance, self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The smallest interval in which rows are missing: after the row `after` (None: before the first) and before `before`.

    `missing` is what they moved in sum, signed.
    """

    after: RunningRow | None
    before: RunningRow
    missing: Decimal


def gaps_of(rows: Iterable[RunningRow]) -> Iterator[Gap]:
    """Yield the gaps in the rows of one wallet, given in the venue's order; a history begins with nothing."""
    told = (list(group) for _, group in groupby(rows, key=lambda row: (row.sequence, row.occurred_at)))
    waiting: deque[list[RunningRow]] = deque()
    balance, after = ZERO, None
    while group := _next(waiting, told):
        _look_ahead(waiting, told, group)
        reached = _settled(balance, group, waiting)
        if reached is None:
            missing, reached = _missing(balance, group, waiting[0] if waiting else ())
            yield Gap(after=after, before=group[0], missing=missing)
        balance, after = reached, group[-1]


def end_of(rows: Sequence[RunningRow]) -> Decimal | None:
    """Return what is there after rows that hold together; None where they do not, or end as they began."""
    _, ends = _open_ends(rows)
    return ends[0] if len(ends) == 1 else None


def _next(waiting: deque[list[RunningRow]], told: Iterator[list[RunningRow]]) -> list[RunningRow]:
    return waiting.popleft() if waiting else next(told, [])


def _look_ahead(waiting: deque[list[RunningRow]], told: Iterator[list[RunningRow]], group: Sequence[RunningRow]) -> None:
    """Let what follows within a moment wait, and one group more."""
    while not waiting or waiting[-1][0].occurred_at - group[0].occurred_at <= _UNORDERED:
        following = next(told, None)
        if following is None:
            return
        waiting.append(following)


def _settled(balance: Decimal, group: list[RunningRow], waiting: deque[list[RunningRow]]) -> Decimal | None:
    """Return what is there after a group, joined with as many of the next as it takes, which then wait no longer; None: a gap."""
    reached, taken = _reached(balance, group), 0
    while reached is None and taken < len(waiting) and waiting[taken][0].occurred_at - group[0].occurred_at <= _UNORDERED:
        group.extend(waiting[taken])
        taken += 1
        reached = _reached(balance, group)
    if reached is None:
        del group[len(group) - sum(len(following) for following in list(waiting)[:taken]) :]
        return None
    for _ in range(taken):
        waiting.popleft()
    return reached


def _reached(balance: Decimal, rows: Sequence[RunningRow]) -> Decimal | None:
    if len(rows) == 1:  # the usual case, at a tenth of the price
        return rows[0].balance if rows[0].start == balance else None
    starts, ends = _open_ends(rows)
    if not starts:
        return balance if any(row.start == balance for row in rows) else None
    return ends[0] if starts == [balance] else None


def _open_ends(rows: Sequence[RunningRow]) -> tuple[list[Decimal], list[Decimal]]:
    """Return the balances that rows begin with and no other ends with, and the reverse; sorted."""
    starts, ends = Counter(row.start for row in rows), Counter(row.balance for row in rows)
    return sorted((starts - ends).elements()), sorted((ends - starts).elements())


def _missing(balance: Decimal, rows: Sequence[RunningRow], following: Sequence[RunningRow]) -> tuple[Decimal, Decimal]:
    """Return what rows that do not continue from a balance lack in sum, and what is there after them."""
    starts, ends = _open_ends(rows)
    if not starts:
        starts, ends = [rows[0].start], [rows[0].start]
    wanted = {row.start for row in following}
    last = next((end for end in ends if end in wanted), rows[-1].balance if rows[-1].balance in ends else ends[-1])
    missing = subtracted(_sum(starts), added(balance, subtracted(_sum(ends), last)))
    return missing, last


def _sum(quantities: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for quantity in quantities:
        total = added(total, quantity)
    return total
