"""Until when venues asked us to stay away: for every key and every run, since each call before that time makes a ban longer.

What is asked of one key holds for all at that address, and for the runs to come: a nightly job that is started again within the hour
must not begin by asking once more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ledger.domain.errors import TransientError
from ledger.domain.time.instant import instant_of_millis, millis_of
from ledger.transport.keeping import keep, kept, place_of
from ledger.transport.pace import Clock

CLOSURES_FOLDER = ".closed"
_MILLIS_DIGITS_MAX = 14  # of an instant before the year 5138
_LONGEST = timedelta(days=7)  # no ban is longer (the longest are of 3 days); what ends later was written by a clock that was wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Closures:
    """The closures that one book knows of; each is kept in a file below `folder` and nowhere else."""

    folder: Path
    clock: Clock

    def close(self, venue: str, base_url: str | None, *, seconds: float) -> None:
        """Remember that a venue (at `base_url`; None: its own address) asked to be left alone for so many seconds.

        Raises:
            TransientError: when that cannot be written down.
        """
        until = self.clock.now() + min(timedelta(seconds=seconds), _LONGEST)
        with self._told_as_passing(f"write how long {venue} asked us"):
            keep(self._place(venue, base_url), str(millis_of(until)))

    def seconds_left(self, venue: str, base_url: str | None) -> float:
        """Return for how many seconds a venue still wants to be left alone; 0: it may be asked.

        Raises:
            TransientError: when what is kept of it may not be read.
        """
        with self._told_as_passing(f"read how long {venue} asks us"):
            text = kept(self._place(venue, base_url))
        if not (text.isascii() and text.isdigit() and len(text) <= _MILLIS_DIGITS_MAX):
            return 0.0
        left = instant_of_millis(int(text)) - self.clock.now()
        return max(0.0, left.total_seconds()) if left <= _LONGEST else 0.0

    @contextmanager
    def _told_as_passing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            told = f"cannot {what} to stay away, in {self.folder}: {failure.strerror}"
            raise TransientError(told, mend="look at the rights there") from failure

    def _place(self, venue: str, base_url: str | None) -> Path:
        return place_of(self.folder, CLOSURES_FOLDER, venue, base_url or "")
