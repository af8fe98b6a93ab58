"""A clock that leaps over waits, shared by the sandbox and by the real `lotwright` processes that call it.

Such a process is the `lotwright` command, in which alone the system's clock is changed: whoever waits for the venue's rate does not
sleep, but moves the clock of client and venue forward by as much. All else takes the time that it takes. So every limit is counted
and kept as ever, and a history that takes hours at the venue's pace is read in the time that the work takes. The processes are
forked from one that has loaded the command already, so that hundreds of them need not.
"""

import mmap
import os
import struct
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from ledger.cli.main import main as lotwright
from ledger.transport.pace import SystemClock

_SECONDS = struct.Struct("=d")


class LeapClock:
    """Seconds that were leapt over, in a file that several processes map; only one of them may leap at a time."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_SECONDS.pack(0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _SECONDS.size)

    @property
    def leapt(self) -> float:
        """Return the seconds that were leapt over so far."""
        seconds: float = _SECONDS.unpack_from(self._shared)[0]
        return seconds

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic() + self.leapt

    def wall(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.leapt

    def now(self) -> datetime:
        """Return the current instant, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.leapt)

    def sleep(self, seconds: float) -> None:
        """Leap."""
        _SECONDS.pack_into(self._shared, 0, self.leapt + seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended: its exit code, None when it was killed, and what it printed."""

    code: int | None
    out: str
    err: str


FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    ["leap", *(f"ledger.connectors.{venue}.connector" for venue in ("binance", "coinbase_advanced", "coinbase_exchange", "kraken"))]
)


def run(clock: Path, *arguments: str, killed_after: float | None = None) -> Ended:
    """Run the command to its end in a process of its own, or kill it after some seconds if it is still there then."""
    out, err = clock.with_name("out"), clock.with_name("err")
    for path in (out, err):
        path.write_bytes(b"")
    process = FORKS.Process(target=be_command, args=(clock, out, err, arguments))
    process.start()
    process.join(killed_after)
    was_killed = process.is_alive()
    if was_killed:
        process.kill()
        process.join()
    code = None if was_killed else process.exitcode
    process.close()
    return Ended(code=code, out=out.read_text(encoding="utf-8"), err=err.read_text(encoding="utf-8"))


def be_command(clock_path: Path, out: Path, err: Path, arguments: tuple[str, ...]) -> None:
    """Be the command on a leaping clock, printing into files."""
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY), number)
    clock = LeapClock(clock_path)
    SystemClock.monotonic = lambda _: clock.monotonic()
    SystemClock.now = lambda _: clock.now()
    SystemClock.sleep = lambda _, seconds: clock.sleep(seconds)
    sys.argv = ["lotwright", *arguments]
    lotwright()
