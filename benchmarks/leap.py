"""A clock that leaps over waits, shared by the sandbox and by the real `lotwright` processes that call it.

Such a process is the `lotwright` command, in which alone the system's clock is changed: whoever waits for the venue's rate does not
sleep, but moves the clock of client and venue forward by as much. All else takes the time that it takes. So every limit is counted
and kept as ever, and a history that takes hours at the venue's pace is read in the time that the work takes. The processes are
forked from one that has loaded the command already, so that hundreds of them need not.
"""

import mmap
import os
import resource
import struct
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from ledger.cli.main import main as lotwright
from ledger.transport.pace import SystemClock

_FACE = struct.Struct("=ddd")
_KIB_OF_MAXRSS = 1024 if sys.platform == "darwin" else 1  # macOS counts bytes


class LeapClock:
    """Seconds that were leapt over, in a file that several processes map; only one of them may leap at a time.

    Between leaps time passes as ever. With `of_work` it passes only while the one process that leaps is at work, by its own CPU
    time: so a machine that others use too, or a venue that answers slowly, does not count against it.
    """

    def __init__(self, path: Path, *, of_work: bool = False) -> None:
        if not path.exists():
            path.write_bytes(_FACE.pack(0.0, 0.0, time.time() if of_work else 0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _FACE.size)
        self._works = False

    def work(self) -> None:
        """Let the time of this process be what passes."""
        self._works = self._face()[2] > 0

    @property
    def leapt(self) -> float:
        """Return the seconds that were leapt over so far."""
        return self._face()[0]

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        leapt, worked, began = self._face()
        return leapt + (worked if began else time.monotonic())

    def wall(self) -> float:
        """Return seconds since 1970."""
        leapt, worked, began = self._face()
        return leapt + (began + worked if began else time.time())

    def now(self) -> datetime:
        """Return the current instant, UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def sleep(self, seconds: float) -> None:
        """Leap."""
        leapt, worked, began = self._face()
        _FACE.pack_into(self._shared, 0, leapt + seconds, worked, began)

    def _face(self) -> tuple[float, float, float]:
        """Return seconds leapt and worked so far, and when a clock of work began; zero: it is none."""
        leapt, worked, began = _FACE.unpack_from(self._shared)
        if self._works:
            worked = time.process_time()
            _FACE.pack_into(self._shared, 0, leapt, worked, began)
        return leapt, worked, began


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended: its exit code, None when it was killed, what it printed and, if it ended by itself, what it took."""

    code: int | None
    out: str
    err: str
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0


FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    ["leap", *(f"ledger.connectors.{venue}.connector" for venue in ("binance", "coinbase_advanced", "coinbase_exchange", "kraken"))]
)


def run_command(clock: Path, *arguments: str, killed_after: float | None = None) -> Ended:
    """Run the command to its end in a process of its own, or kill it after some seconds if it is still there then."""
    out, err, cost = (clock.with_name(name) for name in ("out", "err", "cost"))
    for path in (out, err):
        path.write_bytes(b"")
    cost.write_text("0 0", encoding="ascii")
    process = FORKS.Process(target=be_command, args=(clock, out, err, cost, arguments))
    process.start()
    process.join(killed_after)
    was_killed = process.is_alive()
    if was_killed:
        process.kill()
        process.join()
    code = None if was_killed else process.exitcode
    process.close()
    cpu, peak = cost.read_text(encoding="ascii").split()
    return Ended(
        code=code,
        out=out.read_text(encoding="utf-8"),
        err=err.read_text(encoding="utf-8"),
        cpu_seconds=float(cpu),
        peak_mib=int(peak) / _KIB_OF_MAXRSS / 1024,
    )


def be_command(clock_path: Path, out: Path, err: Path, cost: Path, arguments: tuple[str, ...]) -> None:
    """Be the command on a leaping clock, printing into files."""
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY), number)
    clock = LeapClock(clock_path)
    clock.work()
    SystemClock.monotonic = lambda _: clock.monotonic()
    SystemClock.now = lambda _: clock.now()
    SystemClock.sleep = lambda _, seconds: clock.sleep(seconds)
    sys.argv = ["lotwright", *arguments]
    try:
        lotwright()
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        cost.write_text(f"{used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss}", encoding="ascii")
