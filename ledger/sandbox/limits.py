"""The published rate limit as the venue enforces it: token buckets that fill while nobody looks, or weight within a window."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many calls per second a bucket refills, and how many it holds when full; `header` tells the client how many are left."""

    per_second: float
    burst: int
    header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRate:
    """How much weight calls may have within any `seconds`; `header` tells the client how much is used, or is left (`tells_left`).

    `header_besides` tells the same under another name.
    """

    limit: int
    seconds: float
    header: str
    header_besides: str = ""
    tells_left: bool = False


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

    def headers(self, _now: float) -> Mapping[str, str]:
        """Return how many calls are left, where the venue tells it."""
        return {self._rate.header: str(int(self._tokens))} if self._rate.header else {}


class WeightBucket:
    """The weight of the calls within the window that ends now."""

    def __init__(self, rate: WeightRate) -> None:
        self._rate = rate
        self._calls: deque[tuple[float, int]] = deque()
        self._used = 0

    def take(self, now: float, cost: int = 1) -> bool:
        """Count a call; False when it is one too many, and then not counted."""
        self._forget(now)
        if self._used + cost > self._rate.limit:
            return False
        self._calls.append((now, cost))
        self._used += cost
        return True

    def headers(self, now: float) -> Mapping[str, str]:
        """Return how much weight is used or left, as the venue tells it."""
        self._forget(now)
        told = str(self._rate.limit - self._used if self._rate.tells_left else self._used)
        return {name: told for name in (self._rate.header, self._rate.header_besides) if name}

    def _forget(self, now: float) -> None:
        while self._calls and self._calls[0][0] + self._rate.seconds <= now:
            self._used -= self._calls.popleft()[1]


class Limiter:
    """All buckets of a venue, by name."""

    def __init__(self, rates: Mapping[str, Rate | WeightRate]) -> None:
        self._buckets = {name: TokenBucket(rate) if isinstance(rate, Rate) else WeightBucket(rate) for name, rate in rates.items()}

    def allows(self, bucket: str, now: float, cost: int = 1) -> bool:
        """Count one call of some `cost` against a bucket at `now` (seconds of a monotonic clock) and tell whether it was allowed."""
        return self._buckets[bucket].take(now, cost)

    def headers(self, bucket: str, now: float) -> Mapping[str, str]:
        """Return what the venue tells of a bucket beside an answer."""
        return self._buckets[bucket].headers(now)
