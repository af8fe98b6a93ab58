"""One run at a time: the second one says so at once and changes nothing; readers are not kept away."""

from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT
from subprocess import Popen
from threading import Event

from ledger.sandbox.faults import CallTraits, Fault, FaultPlan
from ledger.sandbox.server import Sandbox

from .conftest import FILLS, VENUE, BookFolder, true_pieces

HELD_CALL = 3
BUSY = "lotwright: the book book.sqlite3 is held by another run\n  mend: wait until it has ended\n"
ROW = "t1,2025-03-01T12:00:00Z,deposit,cold,,USD,5,,,,,,,,"


class Gate(FaultPlan):
    """No fault, but a gate: the exchange does not answer call `HELD_CALL`, or any after it, until the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self._reached = Event()
        self._opened = Event()

    def draw(self, *, number: int, target: str, traits: CallTraits) -> tuple[Fault, ...]:
        if number >= HELD_CALL:
            self._reached.set()
            self._opened.wait()
        return super().draw(number=number, target=target, traits=traits)

    def wait(self, child: Popen[str]) -> None:
        """Wait until `child` has called; however long it takes on a busy machine, unless it ends before."""
        while not self._reached.wait(0.1):
            assert child.poll() is None, child.communicate()

    def open(self) -> None:
        """Answer it, and all that come."""
        self._opened.set()


@contextmanager
def gated_exchange() -> Iterator[tuple[Sandbox, Gate]]:
    """An exchange with a gate."""
    gate = Gate()
    with Sandbox(seed=5, fills=FILLS, faults=gate) as sandbox:
        try:
            yield sandbox, gate
        finally:
            gate.open()


def test_a_second_run_is_refused_at_once_and_the_first_ends_clean(book: BookFolder) -> None:
    with gated_exchange() as (sandbox, gate):
        book.connect(sandbox)
        settings = (book.folder / "lotwright.toml").read_bytes()
        with book.running("sync") as first:
            gate.wait(first)
            reading = book.run("status")
            others = (("sync",), ("connect", "add", "other", "--venue", VENUE), ("connect", "remove", "main"))
            refused = [*(book.run(*other) for other in others), book.import_rows(ROW)]
            assert first.poll() is None, "the first sync ended before the others were tried"
            gate.open()
            out, err = first.communicate()
        assert [(ran.code, ran.out, ran.err) for ran in refused] == [(5, "", BUSY)] * 4
        assert (book.folder / "lotwright.toml").read_bytes() == settings
        assert reading.code == 0, reading.out
        assert (first.returncode, "STOPPED" in out) == (0, False), err
        assert book.pieces() == true_pieces(sandbox)


def test_a_lock_that_a_killed_run_left_behind_is_no_obstacle(book: BookFolder) -> None:
    with gated_exchange() as (sandbox, gate):
        book.connect(sandbox)
        with book.running("sync") as first:
            gate.wait(first)
            first.kill()
        assert book.database.with_name("book.sqlite3.lock").exists()
        book.run("check").ok()


def test_an_interrupted_sync_says_so_and_the_next_one_goes_on(book: BookFolder) -> None:
    with gated_exchange() as (sandbox, gate):
        book.connect(sandbox)
        with book.running("sync") as first:
            gate.wait(first)
            first.send_signal(SIGINT)
            out, err = first.communicate()
        gate.open()
        assert (first.returncode, out) == (130, "")
        assert err.lstrip() == "lotwright: stopped; what was stored is kept, run it again to go on\n"
        book.run("sync").ok()
        assert book.pieces() == true_pieces(sandbox)
