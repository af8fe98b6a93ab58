"""Running balances: whole whatever the order within an instant, and a gap where a row is missing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ledger.journal.running import RunningRow, end_of, gaps_of

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def history(amounts: Sequence[int], *, a_second: int = 1) -> list[RunningRow]:
    """Return rows that move these amounts, so many in each ten seconds."""
    rows, balance = [], 0
    for number, amount in enumerate(amounts):
        balance += amount
        at = NOON + timedelta(seconds=10 * (number // a_second))
        rows.append(
            RunningRow(line_id=f"L{number}", kind="trade", occurred_at=at, sequence=None, amount=Decimal(amount), balance=Decimal(balance))
        )
    return rows


steps = st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=30)


@given(steps, st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_whole_history_has_no_gap_in_whatever_order_an_instant_is_told(amounts: list[int], a_second: int, chance: Random) -> None:
    rows = history(amounts, a_second=a_second)
    chance.shuffle(rows)
    assert list(gaps_of(sorted(rows, key=lambda row: row.occurred_at))) == []


@given(steps.filter(lambda amounts: len(amounts) > 2), st.data())
def test_a_lost_row_is_located_between_its_neighbours(amounts: list[int], data: st.DataObject) -> None:
    rows = history(amounts)
    lost = data.draw(st.integers(0, len(rows) - 2))
    (gap,) = gaps_of([*rows[:lost], *rows[lost + 1 :]])
    assert (gap.after, gap.before, gap.missing) == (rows[lost - 1] if lost else None, rows[lost + 1], rows[lost].amount)


@given(steps.filter(lambda amounts: len(amounts) > 5), st.data())
def test_what_several_lost_rows_moved_is_told_in_sum(amounts: list[int], data: st.DataObject) -> None:
    rows = history(amounts)
    first = data.draw(st.integers(0, len(rows) - 3))
    last = data.draw(st.integers(first, len(rows) - 2))
    missing = sum(row.amount for row in rows[first : last + 1])
    assert [gap.missing for gap in gaps_of([*rows[:first], *rows[last + 1 :]])] == ([missing] if missing else [])


def test_rows_of_one_moment_with_times_the_wrong_way_round_are_whole() -> None:
    first, second = history([5, 3])
    swapped = [
        RunningRow(line_id=row.line_id, kind=row.kind, occurred_at=at, sequence=None, amount=row.amount, balance=row.balance)
        for row, at in ((second, NOON), (first, NOON + timedelta(seconds=1)))
    ]
    assert list(gaps_of(swapped)) == []
    assert end_of(swapped) == Decimal(8)


def test_rows_that_end_as_they_began_have_no_end_of_their_own() -> None:
    assert end_of(history([5, -5])) is None
