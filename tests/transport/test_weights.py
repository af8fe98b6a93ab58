"""Weight within a window: what is held in memory and in the diary does not grow with the calls."""

from datetime import UTC, datetime
from pathlib import Path

from ledger.transport.pace import Budget, ManualClock
from ledger.transport.weights import WeightDiary, WeightLimit, WeightWindow

HOUR = WeightLimit(weight=1_000, seconds=3_600)


def window(clock: ManualClock, folder: Path) -> WeightWindow:
    diary = WeightDiary(folder=folder, key="k", allowance="all")
    return WeightWindow(HOUR, share=1.0, budget=Budget(clock=clock, deadline=None), diary=diary)


def test_calls_close_together_are_one_line_of_the_diary_at_the_instant_of_the_last(tmp_path: Path) -> None:
    clock = ManualClock(start=datetime(2026, 1, 1, tzinfo=UTC))
    hour = window(clock, tmp_path)
    taken_at = []
    for _ in range(1_500):
        clock.seconds += 1
        hour.take()
        taken_at.append(clock.seconds)
    (diary,) = (tmp_path / ".weights").iterdir()
    assert len(diary.read_text(encoding="ascii").splitlines()) <= 240
    for first, last in zip(taken_at, taken_at[1_000:], strict=False):
        assert last - first > HOUR.seconds  # at no instant have more than a thousand calls gone out within the hour before
    assert sum(clock.sleeps) <= 2_600 + 16 * len(clock.sleeps)  # and no call waits longer than for its part of the window
    assert window(clock, tmp_path).used == hour.used
