"""Nonces rise for all processes that share a key, whatever their clocks say, and only one call is under way at a time."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.domain.errors import TransientError
from ledger.transport.nonce import LEAP, NONCE_FOLDER, NonceKeeper
from ledger.transport.pace import Budget, ManualClock

START = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECONDS = int(START.timestamp()) * 1_000_000

TAKER = """
import sys
from pathlib import Path
from ledger.transport.nonce import NonceKeeper
from ledger.transport.pace import Budget, SystemClock

keeper = NonceKeeper(key="shared", folder=Path(sys.argv[1]), budget=Budget(clock=SystemClock(), deadline=None))
for _ in range(100):
    with keeper.turn() as nonce:
        with Path(sys.argv[1], "taken.txt").open("a") as target:
            target.write(f"{nonce}\\n")
"""


def keeper(folder: Path | None, *, at: datetime = START, key: str = "key", deadline: float | None = None) -> NonceKeeper:
    return NonceKeeper(key=key, folder=folder, budget=Budget(clock=ManualClock(start=at), deadline=deadline))


def taken(one: NonceKeeper, *, ahead: int = 0) -> int:
    with one.turn(ahead=ahead) as nonce:
        return nonce


@pytest.mark.parametrize("is_kept", [True, False])
def test_nonces_are_microseconds_and_rise_while_the_clock_stands_still(*, is_kept: bool, tmp_path: Path) -> None:
    one = keeper(tmp_path if is_kept else None)
    assert [taken(one) for _ in range(3)] == [MICROSECONDS, MICROSECONDS + 1, MICROSECONDS + 2]


def test_a_clock_that_was_set_back_does_not_lower_them(tmp_path: Path) -> None:
    last = taken(keeper(tmp_path))
    assert taken(keeper(tmp_path, at=START - timedelta(days=1))) == last + 1


def test_a_leap_goes_ahead_of_another_user_of_the_key_and_is_kept(tmp_path: Path) -> None:
    assert taken(keeper(tmp_path), ahead=LEAP) == MICROSECONDS + LEAP
    assert taken(keeper(tmp_path)) == MICROSECONDS + LEAP + 1


def test_each_key_has_its_own(tmp_path: Path) -> None:
    taken(keeper(tmp_path), ahead=LEAP)
    assert taken(keeper(tmp_path, key="other")) == MICROSECONDS


def test_two_processes_never_take_the_same_nonce_nor_a_lower_one(tmp_path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", TAKER, str(tmp_path)], env={"PATH": os.environ["PATH"]}) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    nonces = [int(line) for line in (tmp_path / "taken.txt").read_text(encoding="ascii").splitlines()]
    assert len(nonces) == 200
    assert nonces == sorted(set(nonces))


def test_while_one_holds_the_key_another_waits_and_gives_up_with_its_time(tmp_path: Path) -> None:
    with keeper(tmp_path).turn(), pytest.raises(TransientError, match="another process holds this key"):
        taken(keeper(tmp_path, deadline=0.2))


def test_the_file_is_the_owners_and_names_no_key(tmp_path: Path) -> None:
    taken(keeper(tmp_path, key="a-very-secret-key"))
    folder = tmp_path / NONCE_FOLDER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not any("a-very-secret-key" in path.name + path.read_text(encoding="ascii") for path in files)


@pytest.mark.parametrize("content", ["", "12x", "\\ud800"])
def test_a_file_that_cannot_be_read_is_begun_anew_by_the_clock(content: str, tmp_path: Path) -> None:
    taken(keeper(tmp_path))
    (path,) = [one for one in (tmp_path / NONCE_FOLDER).iterdir() if not one.suffix]
    path.write_text(content, encoding="ascii")
    assert taken(keeper(tmp_path)) == MICROSECONDS


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / NONCE_FOLDER).write_text("in the way", encoding="ascii")
    with pytest.raises(TransientError, match="cannot keep the nonce"):
        taken(keeper(tmp_path))
