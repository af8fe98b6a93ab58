"""Pages against a plain list of rows."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.sandbox.paging import PageQuery, RowStream, cut_of

ids = st.lists(st.integers(1, 60), unique=True, max_size=40).map(sorted)


def stream_of(numbers: list[int]) -> RowStream:
    return RowStream(ids=numbers, times=[number * 10 for number in numbers], texts=[str(number) for number in numbers])


def page(numbers: list[int], query: PageQuery) -> list[int]:
    cut = cut_of(stream_of(numbers), query)
    return numbers[cut.start : cut.stop][::-1]


@given(ids, st.integers(1, 7), st.none() | st.integers(0, 61), st.none() | st.integers(0, 61))
def test_a_page_is_the_newest_rows_between_the_cursors(numbers: list[int], limit: int, before: int | None, after: int | None) -> None:
    between = [n for n in numbers if (before is None or n > before) and (after is None or n < after)]
    cut = cut_of(stream_of(numbers), PageQuery(limit=limit, before=before, after=after))
    assert numbers[cut.start : cut.stop] == between[-limit:]
    assert cut.has_older == (len(between) > limit)


@given(ids, st.integers(1, 7))
def test_walking_after_the_last_row_meets_every_row_once(numbers: list[int], limit: int) -> None:
    seen: list[int] = []
    rows = page(numbers, PageQuery(limit=limit))
    while rows:
        seen += rows
        rows = page(numbers, PageQuery(limit=limit, after=rows[-1]))
    assert seen == numbers[::-1]


@given(ids, st.integers(0, 650), st.integers(0, 650))
def test_dates_include_both_ends(numbers: list[int], since: int, until: int) -> None:
    expected = [n for n in numbers if since <= n * 10 <= until]
    assert page(numbers, PageQuery(limit=100, since=since, until=until)) == expected[::-1]


def test_before_gives_the_newest_page_above_not_the_next_one() -> None:
    assert page([1, 2, 3, 4, 5, 6], PageQuery(limit=2, before=2)) == [6, 5]


def test_rows_with_one_id_are_never_torn_apart() -> None:
    numbers = [1, 2, 2, 3, 4]
    assert page(numbers, PageQuery(limit=3)) == [4, 3]
    assert page(numbers, PageQuery(limit=2, after=3)) == [2, 2]
    assert page(numbers, PageQuery(limit=1, after=3)) == [2, 2]
    assert page(numbers, PageQuery(limit=2, after=2)) == [1]
