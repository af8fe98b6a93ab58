"""Paging by time, by id and by token over small venues of every habit: nothing is lost, and what may be is told."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.connectors.ccxt.client import Reply
from ledger.connectors.ccxt.walk import CUT, UNBOUNDED, Leaf, Mark, TimeWalk, leaves_by_id, leaves_by_token
from ledger.domain.errors import TerminalError, TransientError
from ledger.domain.json_text import Json

DAY = 86_400_000


def reply_of(rows: list[Mark], *, token: str | None = None) -> Reply:
    told: list[Json] = [{"id": row.row_id, "timestamp": row.at} for row in rows]
    return Reply(content=json.dumps(told).encode(), rows=tuple(told), end={"token": token})


class Venue:
    """Rows in order of time; a page is cut from one end, ends of a window may be passed over, excluded, or known by the second only."""

    def __init__(self, times: list[int], *, page: int, newest_first: bool = False, bounded: bool = True, exclusive: bool = False) -> None:
        self.rows = [Mark(row_id=f"r{number}", at=at) for number, at in enumerate(sorted(times))]
        self.page, self.newest_first, self.bounded, self.exclusive = page, newest_first, bounded, exclusive
        self.calls = 0

    def ask(self, *, since: int | None = None, until: int | None = None, mark: str | None = None) -> Reply:
        assert since is not None
        assert until is not None
        assert mark is None
        self.calls += 1
        inner = 1 if self.exclusive else 0
        found = [row for row in self.rows if not self.bounded or since + inner <= row.at <= until - inner]
        return reply_of(found[-self.page :] if self.newest_first else found[: self.page])


def walked(venue: Venue, *, now: int, span: int = 10 * DAY, state: dict[str, int] | None = None, since: int | None = None) -> list[Leaf]:
    walk = TimeWalk(ask=venue.ask, begin=0, now=now, span=span, overlap=DAY, page_rows_min=10)
    return list(walk.leaves(state or {}, since=since))


def ids_of(leaves: list[Leaf]) -> set[str]:
    return {mark.row_id for leaf in leaves for mark in leaf.marks}


@given(
    times=st.lists(st.integers(0, 60), max_size=60).map(lambda small: [700 + at * 700 for at in small]),
    page=st.integers(10, 14),
    newest_first=st.booleans(),
    exclusive=st.booleans(),
    span=st.sampled_from([9_000, 25_000, 100_000]),
)
@settings(max_examples=300, deadline=None)
def test_every_row_comes_from_whichever_end_pages_are_cut(
    *, times: list[int], page: int, newest_first: bool, exclusive: bool, span: int
) -> None:
    venue = Venue(times, page=page, newest_first=newest_first, exclusive=exclusive)
    leaves = walked(venue, now=60_000, span=span)
    missing = [row for row in venue.rows if row.row_id not in ids_of(leaves)]
    assert not missing or any(leaf.doubt == CUT for leaf in leaves)
    crowded = {at for at in times if times.count(at) >= page}
    assert {row.at for row in missing} <= crowded  # only rows of an instant that fills a page can be out of reach


def test_rows_of_one_instant_that_go_over_a_page_are_all_found() -> None:
    venue = Venue([1000] * 6 + [2000] * 8 + [3000] * 5, page=10, newest_first=True)
    leaves = walked(venue, now=DAY)
    assert len(ids_of(leaves)) == 19
    assert [leaf for leaf in leaves if leaf.doubt] == []


def test_a_page_full_of_one_instant_is_doubted_and_what_lies_before_and_after_it_still_comes() -> None:
    venue = Venue([1000, *[2000] * 30, 3000], page=12, newest_first=True)
    leaves = walked(venue, now=DAY)
    assert {"r0", "r31"} <= ids_of(leaves)
    assert CUT in {leaf.doubt for leaf in leaves}


def test_an_empty_window_is_not_the_end() -> None:
    venue = Venue([5, 95 * DAY], page=10)
    leaves = walked(venue, now=100 * DAY)
    assert ids_of(leaves) == {"r0", "r1"}


def test_a_venue_that_passes_over_the_ends_is_doubted() -> None:
    venue = Venue([number * DAY for number in range(8)], page=5, newest_first=True, bounded=False)
    assert UNBOUNDED in {leaf.doubt for leaf in walked(venue, now=9 * DAY)}


def test_a_cursor_moves_on_only_when_a_window_is_done_and_the_next_run_overlaps() -> None:
    venue = Venue([number * 1000 for number in range(30)], page=10)
    leaves = walked(venue, now=20 * DAY)
    assert [leaf.state.get("walk_at") for leaf in leaves[:3]] == [0, 0, 0]
    assert leaves[-1].state == {"reached": 20 * DAY}
    venue.rows.append(Mark(row_id="late", at=20 * DAY - 5))
    assert ids_of(walked(venue, now=21 * DAY, state={"reached": 20 * DAY})) == {"late"}


def test_a_killed_walk_goes_on_with_its_window() -> None:
    venue = Venue([5, 15 * DAY], page=10)
    assert ids_of(walked(venue, now=20 * DAY, state={"walk_at": 10 * DAY})) == {"r1"}


def test_what_since_left_out_is_kept_in_the_cursor_and_fetched_when_an_earlier_since_asks_for_it() -> None:
    venue = Venue([5, 15 * DAY], page=10)
    leaves = walked(venue, now=20 * DAY, since=12 * DAY)
    assert ids_of(leaves) == {"r1"}
    assert leaves[-1].state == {"since": 12 * DAY * 1000, "reached": 20 * DAY}
    kept = {"since": 12 * DAY * 1000, "reached": 20 * DAY}
    assert walked(venue, now=20 * DAY, state=kept)[-1].state == kept
    assert ids_of(walked(venue, now=20 * DAY, state=kept, since=0)) == {"r0", "r1"}


def test_ids_are_walked_from_the_last_one_seen() -> None:
    def ask(*, since: int | None = None, until: int | None = None, mark: str | None = None) -> Reply:
        assert (since, until) == (None, None)
        return reply_of([Mark(row_id=str(number), at=number) for number in range(1, 26) if number >= int(mark or "")][:10])

    leaves = list(leaves_by_id(ask, {}))
    assert ids_of(leaves) == {str(number) for number in range(1, 26)}
    assert leaves[-1].state == {"last_id": "25"}
    assert len(list(leaves_by_id(ask, {"last_id": "25"}))) == 1


def test_an_id_that_is_no_number_ends_the_walk() -> None:
    with pytest.raises(TerminalError, match="no whole number"):
        list(leaves_by_id(lambda **_: reply_of([Mark(row_id="T-1", at=1)]), {}))


class Book:
    """25 rows newest first; the token is how many were seen."""

    def __init__(self) -> None:
        self.rows = [Mark(row_id=str(number), at=number * DAY) for number in range(25, 0, -1)]

    def ask(self, *, since: int | None = None, until: int | None = None, mark: str | None = None) -> Reply:
        assert (since, until) == (None, None)
        start = int(mark or 0)
        stop = start + 10
        return reply_of(self.rows[start:stop], token=str(stop) if stop < len(self.rows) else None)


def test_tokens_are_followed_to_the_end_and_later_only_to_what_is_known() -> None:
    book = Book()
    leaves = list(leaves_by_token(book.ask, {}, since=None, overlap=DAY))
    assert ids_of(leaves) == {str(number) for number in range(1, 26)}
    assert leaves[0].state == {"walk_token": "10", "walk_top": 25 * DAY}
    assert leaves[-1].state == {"reached": 25 * DAY}
    assert len(list(leaves_by_token(book.ask, {"reached": 25 * DAY}, since=None, overlap=DAY))) == 1


def test_a_killed_walk_by_token_goes_on_and_remembers_where_it_began() -> None:
    leaves = list(leaves_by_token(Book().ask, {"walk_token": "10", "walk_top": 99 * DAY}, since=None, overlap=DAY))
    assert ids_of(leaves) == {str(number) for number in range(1, 16)}
    assert leaves[-1].state == {"reached": 99 * DAY}


def test_a_token_that_leads_to_itself_is_an_error() -> None:
    with pytest.raises(TransientError, match="circle"):
        list(leaves_by_token(lambda **_: reply_of([Mark(row_id="1", at=1)], token="7"), {}, since=None, overlap=DAY))
