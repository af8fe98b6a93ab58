"""A rate limit that counts weight within a sliding window, and believes the venue's own count where that is higher.

Some venues price each call and allow so much within a minute. Others may use the same allowance (a bot behind the same address),
and only the venue knows how much: it says so beside each answer. But a call that goes out before the first answer may be one too
many already: what an earlier run of ours has used, also one that was killed, is known from its diary.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ledger.domain.errors import TransientError
from ledger.domain.time.instant import instant_of_millis, millis_of
from ledger.transport.keeping import keep, kept, place_of
from ledger.transport.pace import Budget

WEIGHTS_FOLDER = ".weights"
_MARGIN_SECONDS = 1.0  # a call may reach the venue later than it left: what we count must not leave the window before
_GRAINS = 240  # into which a window is cut; a diary of one line a call would hold ten thousand


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLimit:
    """So much weight within so many seconds."""

    weight: int
    seconds: float = 60.0


class WeightDiary:
    """What one allowance of a key was used for, from run to run; kept below `folder`, None: not at all."""

    def __init__(self, *, folder: Path | None, key: str, allowance: str) -> None:
        self._path = None if folder is None else place_of(folder, WEIGHTS_FOLDER, key, allowance)

    def calls(self) -> Iterator[tuple[datetime, int]]:
        """Yield instant and weight of each call that was written down, in order of time.

        Raises:
            TransientError: when the file may not be read.
        """
        with self._told_as_passing("read"):
            words = [] if self._path is None else kept(self._path).split()
        if all(word.isdigit() for word in words):
            for at, weight in zip(words[::2], words[1::2], strict=False):
                yield instant_of_millis(int(at)), int(weight)

    def write(self, calls: Iterable[tuple[datetime, int]]) -> None:
        """Write down the calls that still count.

        Raises:
            TransientError: when the file cannot be written.
        """
        if self._path is None:
            return
        with self._told_as_passing("write down"):
            keep(self._path, "".join(f"{millis_of(at)} {weight}\n" for at, weight in calls))

    @contextmanager
    def _told_as_passing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            raise TransientError(
                f"cannot {what} in {self._path} what we use of the venue's rate: {failure.strerror}", mend="look at the rights there"
            ) from failure


class WeightWindow:
    """Keeps our own weight within `share` of a limit, and the weight of all that we know of within the limit itself.

    A call that weighs more than our share goes out alone: else it could never be made. Each is in the `diary` before it goes out.
    Calls close together are counted as one, at the instant of the last.
    """

    def __init__(self, limit: WeightLimit, *, share: float, budget: Budget, diary: WeightDiary) -> None:
        assert 0 < share <= 1, share
        self._most = limit.weight
        self._ours_most = int(limit.weight * share)
        self._seconds = limit.seconds + min(_MARGIN_SECONDS, limit.seconds / 10)
        self._budget = budget
        self._diary = diary
        self._ours: deque[tuple[float, int]] = deque(self._remembered())
        self._grain_until = float("-inf")
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
        now = self._budget.clock.monotonic()
        if self._ours and now < self._grain_until:
            weight += self._ours.pop()[1]
        else:
            self._grain_until = now + self._seconds / _GRAINS
        self._ours.append((now, weight))
        here = self._budget.clock.now()
        self._diary.write((here - timedelta(seconds=now - at), one) for at, one in self._ours)

    def drain(self) -> None:
        """Do nothing: a venue that counts weight says beside its refusal how much is used, and how long to stay away."""

    def observe(self, told: int) -> None:
        """Take the venue's count for the current window: what is above ours, others have used."""
        self._others = (self._budget.clock.monotonic(), max(0, told - self.used))

    def _remembered(self) -> Iterator[tuple[float, int]]:
        """Yield what earlier runs have used of the window that ends now, by the seconds of our clock."""
        now, here = self._budget.clock.monotonic(), self._budget.clock.now()
        for at, weight in self._diary.calls():
            age = (here - at).total_seconds()
            if 0 <= age < self._seconds:
                yield now - age, weight

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
