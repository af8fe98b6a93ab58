"""A venue that asked to be left alone is left alone by the next run too, and by no run for longer than any ban."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.domain.errors import TransientError
from ledger.transport.closures import CLOSURES_FOLDER, Closures
from ledger.transport.pace import ManualClock

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def closures(folder: Path, *, later: float = 0) -> Closures:
    """Return what another run knows, so many seconds after noon."""
    return Closures(folder=folder, clock=ManualClock(start=NOON + timedelta(seconds=later)))


def test_another_run_knows_how_long_a_venue_wants_to_be_left_alone(tmp_path: Path) -> None:
    closures(tmp_path).close("binance", None, seconds=90)
    assert [closures(tmp_path, later=later).seconds_left("binance", None) for later in (0, 89, 90, 91)] == [90, 1, 0, 0]


def test_a_closure_is_of_one_venue_at_one_address(tmp_path: Path) -> None:
    closures(tmp_path).close("binance", None, seconds=90)
    others = [("kraken", None), ("binance", "http://127.0.0.1:1")]
    assert [closures(tmp_path).seconds_left(*one) for one in others] == [0, 0]


def test_no_venue_is_left_alone_for_longer_than_any_ban(tmp_path: Path) -> None:
    closures(tmp_path).close("binance", None, seconds=10**9)
    assert closures(tmp_path).seconds_left("binance", None) == timedelta(days=7).total_seconds()
    assert closures(tmp_path, later=-1).seconds_left("binance", None) == 0  # written by a clock that was ahead


@pytest.mark.parametrize("text", ["", "soon", "-5", "9" * 40, "²"])
def test_what_is_no_instant_closes_nothing(tmp_path: Path, text: str) -> None:
    closures(tmp_path).close("binance", None, seconds=90)
    (file,) = (tmp_path / CLOSURES_FOLDER).iterdir()
    file.write_text(text, encoding="utf-8")
    assert closures(tmp_path).seconds_left("binance", None) == 0


def test_the_file_is_for_the_owner_only(tmp_path: Path) -> None:
    closures(tmp_path).close("binance", None, seconds=90)
    (file,) = (tmp_path / CLOSURES_FOLDER).iterdir()
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o700, 0o600]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / CLOSURES_FOLDER).write_text("a file in the way")
    with pytest.raises(TransientError, match="how long binance asked us to stay away"):
        closures(tmp_path).close("binance", None, seconds=90)
