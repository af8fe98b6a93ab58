"""The published rate limit as the venue enforces it: token buckets that fill while nobody looks."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many calls per second a bucket refills, and how many it holds when full."""

    per_second: float
    burst: int


class TokenBucket:
    """One bucket; full at first."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._filled_at: float | None = None

    def take(self, now: float, cost: int = 1) -> bool:
        """Take `cost` tokens at `now` (seconds of a monotonic clock); False when they are not there: the call is one too many."""
        if self._filled_at is not None:
            gained = (now - self._filled_at) * self._rate.per_second
            self._tokens = min(float(self._rate.burst), self._tokens + gained)
        self._filled_at = now
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True


class Limiter:
    """All buckets of a venue, by name."""

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        self._buckets = {name: TokenBucket(rate) for name, rate in rates.items()}

    def allows(self, bucket: str, now: float, cost: int = 1) -> bool:
        """Count one call of some `cost` against a bucket at `now` (seconds of a monotonic clock) and tell whether it was allowed."""
        return self._buckets[bucket].take(now, cost)
