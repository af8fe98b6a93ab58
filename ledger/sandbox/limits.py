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

    @property
    def left(self) -> int:
        """Return the whole tokens that are there."""
        return int(self._tokens)

    def take(self, now: float) -> bool:
        """Take a token at `now` (seconds of a monotonic clock); False when the bucket is empty: the call is one too many."""
        if self._filled_at is not None:
            gained = (now - self._filled_at) * self._rate.per_second
            self._tokens = min(float(self._rate.burst), self._tokens + gained)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Limiter:
    """All buckets of a venue, by name."""

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        self._buckets = {name: TokenBucket(rate) for name, rate in rates.items()}

    def left(self, bucket: str) -> int:
        """Return how many more calls a bucket allowed when it was last asked."""
        return self._buckets[bucket].left

    def allows(self, bucket: str, now: float) -> bool:
        """Count one call against a bucket at `now` (seconds of a monotonic clock) and tell whether it was allowed."""
        return self._buckets[bucket].take(now)
