"""Nonces of a key: numbers that only ever rise, for all processes of this computer that use the key, one call at a time.

The last one given out is kept in a file of the owner's, named by a hash of the key; a lock of the operating system beside it is
held from the making of a nonce until its call is answered, because calls that overtake each other are refused.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ledger.domain.errors import TransientError
from ledger.domain.time.instant import micros_of
from ledger.transport.keeping import keep, kept, place_of
from ledger.transport.pace import Budget

NONCE_FOLDER = ".nonces"
LEAP = 10_000_000  # microseconds: how far ahead of another user of the key a second attempt goes
_LOCK_SECONDS_MAX = 60.0
_OWNER_ONLY_FILE, _OWNER_ONLY_FOLDER = 0o600, 0o700  # of the lock


class NonceKeeper:
    """Gives out nonces in microseconds since 1970, each above all before it, also when the clock was set back.

    `folder` is where the file is kept; None: nonces rise within this process only.
    """

    def __init__(self, *, key: str, folder: Path | None, budget: Budget) -> None:
        self._budget = budget
        self._last = 0
        self._path = None if folder is None else place_of(folder, NONCE_FOLDER, key)

    @contextlib.contextmanager
    def turn(self, *, ahead: int = 0) -> Iterator[int]:
        """Hold the key for one call and give its nonce, `ahead` microseconds further than need be.

        Raises:
            TransientError: when another process holds the key for too long, or the file cannot be written.
        """
        with contextlib.ExitStack() as held:
            yield self._given(held, ahead)

    def _given(self, held: contextlib.ExitStack, ahead: int) -> int:
        if self._path is None:
            return self._next(self._last, ahead)
        try:
            self._path.parent.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
            held.enter_context(FileLock(f"{self._path}.lock", mode=_OWNER_ONLY_FILE, timeout=self._patience()))
            nonce = self._next(max(self._last, self._read()), ahead)
            keep(self._path, str(nonce))
        except Timeout as taken:
            raise TransientError("another process holds this key", mend="let that run end, then run again") from taken
        except OSError as failure:
            raise TransientError(f"cannot keep the nonce in {self._path}: {failure.strerror}", mend="look at the rights there") from failure
        return nonce

    def _next(self, last: int, ahead: int) -> int:
        now = micros_of(self._budget.clock.now())
        self._last = max(last + 1, now) + ahead
        return self._last

    def _patience(self) -> float:
        left = self._budget.seconds_left()
        return _LOCK_SECONDS_MAX if left is None else min(left, _LOCK_SECONDS_MAX)

    def _read(self) -> int:
        """Return the last nonce; 0 where nothing readable is kept, for the clock is then ahead of it anyway."""
        assert self._path is not None
        text = kept(self._path)
        return int(text) if text.isdigit() else 0
