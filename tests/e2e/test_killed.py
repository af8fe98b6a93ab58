"""Runs killed at any instant, against an exchange with faults, leave a book that the next run completes as if nothing had happened."""

import re
import subprocess
import sys
from pathlib import Path

KILL = Path(__file__).parents[2] / "benchmarks" / "kill.py"
KILLS = 6


def test_a_book_whose_runs_were_killed_ends_as_the_undisturbed_one() -> None:
    ran = subprocess.run([sys.executable, str(KILL), "--kills", str(KILLS)], capture_output=True, text=True, timeout=170, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    books = rf"{KILLS} runs killed in (\d+) books: \1 books equal the undisturbed one, 0 differ"
    found = re.fullmatch(rf"{books}; the exchange misbehaved (\d+) times and complains 0 times\n", ran.stdout)
    assert found, ran.stdout
    assert int(found[2]) > 0
