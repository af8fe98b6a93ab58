"""Time as a run spends it: the clock, the time budget, the venue's rate, and when to try again.

Nothing here knows HTTP. Whoever waits, waits through `Budget`, so that no wait passes the deadline and every wait is counted.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Protocol, TypeVar

from ledger.domain.errors import TransientError

Result = TypeVar("Result")

BURST_RESERVE = 2.0  # tokens of the venue's burst left unused, so that uneven network delays never show us above its rate
MEND_BUDGET = "run again to go on where this run stopped, or give more time with --budget"


class Clock(Protocol):
    """Where time comes from, so that tests need not wait for it."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def now(self) -> datetime:
        """Return the current instant, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The computer's own clock."""

    def monotonic(self) -> float:
        """Return seconds of the system's monotonic clock."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the current instant, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait in this thread."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only by what is slept and by hand: with it a connector's test needs no waiting.

    `step` seconds pass at every look at `monotonic`; `sleeps` keeps what was asked for.
    """

    def __init__(self, *, start: datetime, step: float = 0.0) -> None:
        self.start = start
        self.step = step
        self.seconds = 0.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Return the seconds passed since the start."""
        self.seconds += self.step
        return self.seconds

    def now(self) -> datetime:
        """Return the start plus the seconds passed."""
        return self.start + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass at once."""
        self.sleeps.append(seconds)
        self.seconds += seconds


class BudgetSpent(TransientError):
    """The time given to this run is over; trying again within it is useless."""


class Budget:
    """What a run may spend of time, and what it has spent of calls and waits.

    `deadline` is a value of the clock's `monotonic`, or None for no limit.
    """

    def __init__(self, *, clock: Clock, deadline: float | None) -> None:
        self.clock = clock
        self.deadline = deadline
        self.requests = 0
        self.waits = 0
        self.retries = 0
        self.seconds_waited = 0.0

    def seconds_left(self) -> float | None:
        """Return the seconds until the deadline, at least 0; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock.monotonic())

    def begin_call(self) -> None:
        """Count a call that is about to be sent.

        Raises:
            BudgetSpent: when the deadline has come; then nothing is counted.
        """
        if self.deadline is not None and self.clock.monotonic() >= self.deadline:
            raise BudgetSpent("the time budget ran out before the next call", mend=MEND_BUDGET)
        self.requests += 1

    def wait(self, seconds: float, *, reason: str, mend: str = "", wished: float | None = None) -> None:
        """Wait, if the deadline allows it.

        Raises:
            BudgetSpent: at once, when the wait would end at the deadline or after it; the message holds `reason`, and `mend` is
                told before the budget's own. `wished` is the time for which the venue asked to be left alone.
        """
        if self.deadline is not None and self.clock.monotonic() + seconds >= self.deadline:
            raise BudgetSpent(
                f"the time budget ran out: {reason}",
                mend=f"{mend} If so, {MEND_BUDGET}" if mend else MEND_BUDGET,
                retry_after_seconds=wished,
            )
        if seconds <= 0:
            return
        self.clock.sleep(seconds)
        self.waits += 1
        self.seconds_waited += seconds


class VenueClosed(TransientError):
    """The venue asked us to stay away for longer than a run should wait; trying again within it makes matters worse."""


class Limit(Protocol):
    """What a call must pass before it goes out."""

    def take(self, weight: int = 1) -> None:
        """Wait until a call of this weight is allowed, and count it."""
        ...

    def drain(self) -> None:
        """Count all as used: the venue has refused a call that we thought allowed."""
        ...


class TokenBucket:
    """Keeps calls within `share` of a venue's token bucket of `rate` calls a second and `burst` calls at once.

    A new bucket holds one token only: the run before this one may have emptied the venue's bucket a moment ago.
    """

    def __init__(self, *, rate: float, burst: float, share: float, budget: Budget) -> None:
        assert rate > 0, rate
        assert 0 < share <= 1, share
        self.rate = rate * share
        self._share = share
        self._is_told = False
        self.capacity = max(1.0, burst * share - BURST_RESERVE)
        self._budget = budget
        self._tokens = 1.0
        self._filled_at = budget.clock.monotonic()

    def take(self, weight: int = 1) -> None:
        """Wait until a call of this weight is allowed, and take its tokens; one that outweighs the bucket goes out when it is full.

        Raises:
            BudgetSpent: when the tokens would come after the deadline.
        """
        needed = min(float(weight), self.capacity)
        self._fill()
        if self._tokens < needed:
            self._budget.wait((needed - self._tokens) / self.rate, reason="the venue's rate limit would have to be waited for")
            self._fill()
        self._tokens -= weight

    def drain(self) -> None:
        """Take all tokens: the venue counts more calls than we did."""
        self._fill()
        self._tokens = min(self._tokens, 0.0)

    def heed(self, remaining: int) -> None:
        """Hear from the venue how many calls remain of its own bucket.

        The first word says how full the bucket is that the run before this one left; later ones only take tokens away.
        """
        self._fill()
        level = max(0.0, min(self.capacity, remaining * self._share - BURST_RESERVE))
        self._tokens = min(self._tokens, level) if self._is_told else level
        self._is_told = True

    def _fill(self) -> None:
        now = self._budget.clock.monotonic()
        self._tokens = min(self.capacity, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What one call costs: its weight in one limit."""

    limit: Limit
    weight: int

    def take(self, weight: int = 1) -> None:
        """Wait for the weight of so many calls and take it."""
        self.limit.take(self.weight * weight)

    def drain(self) -> None:
        """Count all as used."""
        self.limit.drain()


def take_all(limits: Sequence[Limit]) -> None:
    """Take one call's part of each limit, in their order."""
    for limit in limits:
        limit.take()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTerms:
    """How often and how patiently a call is tried again; all in seconds.

    The pause doubles from `first_seconds` to `longest_seconds`, and a random half of it is left out. A venue that asks for more
    than `patience_seconds` ends the run. One that counts too many calls again and again, and does not say for how long it wants to be
    left alone, is left alone for `rest_seconds`.
    """

    attempts: int = 8
    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    patience_seconds: float = 300.0
    rest_seconds: float = 60.0  # venues count calls within a minute at most, but for bans, of which they tell the end

    def pause(self, *, attempt: int, wished: float | None, rng: Random) -> float:
        """Return the seconds to wait after a failed attempt, counted from 1; the venue's own wish goes first, also zero."""
        if wished is not None:
            return wished
        return min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1)) * rng.uniform(0.5, 1)


def retried(call: Callable[[], Result], *, terms: RetryTerms, budget: Budget, rng: Random) -> Result:
    """Return what `call` returns, trying again after a `TransientError`.

    Raises:
        BudgetSpent: when the next attempt would come after the deadline; the message holds the last failure.
        VenueClosed: at once, when the venue asked us to stay away.
        TransientError: when the attempts are used up, or the venue asks for more patience than we have; its last wish goes with it.
    """
    for attempt in count(1):
        try:
            return call()
        except (BudgetSpent, VenueClosed):
            raise
        except TransientError as failure:
            if attempt >= terms.attempts:
                tried = f"{failure.message} (tried {attempt} times)"
                rest = failure.retry_after_seconds or (terms.rest_seconds if failure.is_overload else None)
                raise TransientError(tried, mend=failure.mend, retry_after_seconds=rest) from failure
            wished = failure.retry_after_seconds
            pause = terms.pause(attempt=attempt, wished=wished, rng=rng)
            if pause > terms.patience_seconds:
                raise TransientError(
                    f"{failure.message} (the venue asks to wait {pause:.0f} s)",
                    mend="run again after that time",
                    retry_after_seconds=pause,
                ) from failure
            budget.wait(pause, reason=f"another attempt was due after: {failure.message}", mend=failure.mend, wished=wished)
            budget.retries += 1
    raise AssertionError(terms)
