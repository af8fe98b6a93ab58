"""A rate limit that counts weight within a sliding window, and believes the venue's own count where that is higher.

Some venues price each call and allow so much within a minute. Others may use the same allowance (a bot behind the same address),
and only the venue knows how much: it says so beside each answer.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.transport.pace import Budget

_MARGIN_SECONDS = 1.0  # a call may reach the venue later than it left: what we count must not leave the window before


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLimit:
    """So much weight within so many seconds."""

    weight: int
    seconds: float = 60.0


class WeightWindow:
    """Keeps our own weight within `share` of a limit, and the weight of all that we know of within the limit itself.

    A call that weighs more than our share goes out alone: else it could never be made.
    """

    def __init__(self, limit: WeightLimit, *, share: float, budget: Budget) -> None:
        assert 0 < share <= 1, share
        self._most = limit.weight
        self._ours_most = int(limit.weight * share)
        self._seconds = limit.seconds + min(_MARGIN_SECONDS, limit.seconds / 10)
        self._budget = budget
        self._ours: deque[tuple[float, int]] = deque()
        self._others: tuple[float, int] = (float("-inf"), 0)

    @property
    def used(self) -> int:
        """Return our own weight within the window that ends now."""
        self._forget(self._budget.clock.monotonic())
        return sum(weight for _, weight in self._ours)

    def take(self, weight: int = 1) -> None:
        """Wait until a call of this weight is allowed, and count it.

        Raises:
            BudgetSpent: when that would be after the deadline.
        """
        assert 0 < weight <= self._most, weight
        while (seconds := self._seconds_to_wait(weight)) > 0:
            self._budget.wait(seconds, reason="the venue's rate limit would have to be waited for")
        self._ours.append((self._budget.clock.monotonic(), weight))

    def drain(self) -> None:
        """Do nothing: a venue that counts weight says beside its refusal how much is used, and how long to stay away."""

    def observe(self, told: int) -> None:
        """Take the venue's count for the current window: what is above ours, others have used."""
        self._others = (self._budget.clock.monotonic(), max(0, told - self.used))

    def remember(self, weight: int, at: datetime) -> None:
        """Count weight that an earlier run of ours had used up to an instant."""
        now, age = self._budget.clock.monotonic(), self._budget.clock.now() - at
        if weight > self.used and timedelta(0) <= age < timedelta(seconds=self._seconds):
            self._ours.appendleft((now - age.total_seconds(), weight - self.used))

    def _seconds_to_wait(self, weight: int) -> float:
        now = self._budget.clock.monotonic()
        self._forget(now)
        ours = sum(one for _, one in self._ours)
        others_at, others = self._others
        if ours and ours + weight > max(self._ours_most, weight):
            return self._ours[0][0] + self._seconds - now
        if others and ours + others + weight > max(self._most, weight):
            oldest = min(others_at, self._ours[0][0] if self._ours else others_at)
            return oldest + self._seconds - now
        return 0.0

    def _forget(self, now: float) -> None:
        while self._ours and self._ours[0][0] + self._seconds <= now:
            self._ours.popleft()
        if self._others[0] + self._seconds <= now:
            self._others = (float("-inf"), 0)
