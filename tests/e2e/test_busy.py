"""One run at a time: the second one says so at once and changes nothing; readers are not kept away."""

from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT
from time import monotonic, sleep

from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience

from .conftest import FILLS, BookFolder, true_pieces

STALL_SECONDS = 5.0
START_SECONDS_MAX = 20.0
BUSY = "lotwright: the book book.sqlite3 is held by another run\n  mend: wait until it has ended\n"
ROW = "t1,2025-03-01T12:00:00Z,deposit,cold,,USD,5,,,,,,,,"


@contextmanager
def slow_exchange() -> Iterator[Sandbox]:
    """An exchange that lets its third caller wait."""
    plan = FaultPlan(steps=[FaultStep(fault=Fault.STALL, call=3)])
    with Sandbox(seed=5, fills=FILLS, faults=plan, patience=Patience(stall_seconds=STALL_SECONDS)) as sandbox:
        yield sandbox


def wait_for_calls(sandbox: Sandbox, calls: int) -> None:
    deadline = monotonic() + START_SECONDS_MAX
    while len(sandbox.calls) < calls:
        assert monotonic() < deadline, "the sync did not begin"
        sleep(0.02)


def test_a_second_run_is_refused_at_once_and_the_first_ends_clean(book: BookFolder) -> None:
    with slow_exchange() as sandbox:
        book.connect(sandbox)
        with book.running("sync") as first:
            wait_for_calls(sandbox, 3)
            reading = book.run("status")
            refused = [book.run("sync"), book.import_rows(ROW)]
            assert first.poll() is None, "the first sync ended before the others were tried"
            out, err = first.communicate()
        assert [(ran.code, ran.out, ran.err) for ran in refused] == [(5, "", BUSY)] * 2
        assert reading.code == 0, reading.out
        assert (first.returncode, "STOPPED" in out) == (0, False), err
        assert book.pieces() == true_pieces(sandbox)


def test_a_lock_that_a_killed_run_left_behind_is_no_obstacle(book: BookFolder) -> None:
    with slow_exchange() as sandbox:
        book.connect(sandbox)
        with book.running("sync") as first:
            wait_for_calls(sandbox, 3)
            first.kill()
        assert book.database.with_name("book.sqlite3.lock").exists()
        book.run("check").ok()


def test_an_interrupted_sync_says_so_and_the_next_one_goes_on(book: BookFolder) -> None:
    with slow_exchange() as sandbox:
        book.connect(sandbox)
        with book.running("sync") as first:
            wait_for_calls(sandbox, 3)
            first.send_signal(SIGINT)
            out, err = first.communicate()
        assert (first.returncode, out) == (130, "")
        assert err.lstrip() == "lotwright: stopped; what was stored is kept, run it again to go on\n"
        book.run("sync").ok()
        assert book.pieces() == true_pieces(sandbox)
