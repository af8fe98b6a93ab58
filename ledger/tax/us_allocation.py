"""Whether an allocation of unused basis was made in time: the two deadlines of Rev. Proc. 2024-28."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ledger.domain.law.allocation import Allocation, AllocationKind

FIRST_DAY = date(2025, 1, 1)  # from the first instant of it each wallet is a pool: sec. 3.10, the taxpayer's own day
DUE_DAY = date(2026, 10, 15)  # of the return of 2025 with the longest extension: sec. 5.02(4) and (5)


def faults_of(allocation: Allocation, *, first_disposal: datetime | None, zone: tzinfo) -> Iterator[str]:
    """Yield why an allocation does not count; nothing for one that does.

    `first_disposal` is the first sale, disposition or gift of the asset from 2025 on (a move between own wallets is none), None:
    there was none. Source: Rev. Proc. 2024-28, sec. 3.11, 5.02(4) for specific and 5.02(5) for global allocations.
    """
    switch = _start(FIRST_DAY, zone)
    due = _start(DUE_DAY + timedelta(days=1), zone)
    if allocation.kind is AllocationKind.SPECIFIC:
        if allocation.described_at is not None:
            yield "a specific allocation has no rule, so nothing was described"
        before = due if first_disposal is None else min(first_disposal, due)
        if allocation.recorded_at >= before:
            yield f"a specific allocation had to be complete before {_text(before)}, this one was on {_text(allocation.recorded_at)}"
        return
    if allocation.described_at is None or allocation.described_at >= switch:
        yield f"the rule of a global allocation had to be written down before {_text(switch)}"
    before = due if first_disposal is None else max(first_disposal, due)
    if allocation.recorded_at >= before:
        yield f"a global allocation had to be complete before {_text(before)}, this one was on {_text(allocation.recorded_at)}"


def _start(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _text(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
