"""The published rate limit as the venue enforces it: token buckets that fill while nobody looks, or weight within a window."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many calls per second a bucket refills, and how many it holds when full."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRate:
    """How much weight calls may have within any `seconds`; `header` tells the client how much of it is used."""

    limit: int
    seconds: float
    header: str


class TokenBucket:
    """One bucket; full at first."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._filled_at: float | None = None

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


class WeightBucket:
    """The weight of the calls within the window that ends now."""

    def __init__(self, rate: WeightRate) -> None:
        self.rate = rate
        self._calls: deque[tuple[float, int]] = deque()

    def take(self, now: float, weight: int) -> bool:
        """Count a call; False when it is one too many, and then not counted."""
        if self.used(now) + weight > self.rate.limit:
            return False
        self._calls.append((now, weight))
        return True

    def used(self, now: float) -> int:
        """Return the weight within the window."""
        while self._calls and self._calls[0][0] + self.rate.seconds <= now:
            self._calls.popleft()
        return sum(weight for _, weight in self._calls)


class Limiter:
    """All buckets of a venue, by name."""

    def __init__(self, rates: Mapping[str, Rate | WeightRate]) -> None:
        self._buckets = {name: TokenBucket(rate) for name, rate in rates.items() if isinstance(rate, Rate)}
        self._weights = {name: WeightBucket(rate) for name, rate in rates.items() if isinstance(rate, WeightRate)}

    def allows(self, bucket: str, now: float, *, weight: int = 1) -> bool:
        """Count one call against a bucket at `now` (seconds of a monotonic clock) and tell whether it was allowed."""
        if bucket in self._weights:
            return self._weights[bucket].take(now, weight)
        return self._buckets[bucket].take(now)

    def headers(self, bucket: str, now: float) -> tuple[tuple[str, str], ...]:
        """Return what the venue tells of a bucket beside an answer."""
        if bucket not in self._weights:
            return ()
        weights = self._weights[bucket]
        return ((weights.rate.header, str(weights.used(now))),)
