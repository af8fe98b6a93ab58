"""The walk by offset over pages made by hand: rows that are repeated, and rows of one instant that change places."""

import json

import pytest

from ledger.connectors.kraken.walk import OffsetWalker, Trail, Window
from ledger.domain.json_text import json_of, object_of
from ledger.transport.reader import Answer

PAGE = 50
FIRST_AT = 1_700_000_000  # seconds since 1970


class Venue:
    """Rows newest first, so many at a time in one second.

    `repeats`: each further page begins with the row before it as well. `shuffles`: every other page has the rows of each second in
    the contrary order.
    """

    def __init__(self, rows: int, *, at_once: int = 1, repeats: bool = False, shuffles: bool = False) -> None:
        self.row_ids = [f"L{number:05}" for number in range(rows)]
        self.asked: list[int] = []
        self._at_once, self._repeats, self._shuffles = at_once, repeats, shuffles

    def page(self, window: Window) -> Answer:
        self.asked.append(window.offset)
        ordered = self._shuffled() if self._shuffles and len(self.asked) % 2 else self.row_ids
        told = ordered[max(0, window.offset - self._repeats) : window.offset + PAGE]
        times = {row: FIRST_AT - self.row_ids.index(row) // self._at_once for row in told}
        result = {"ledger": {row: {"time": at} for row, at in times.items()}, "count": len(self.row_ids)}
        content = json.dumps({"error": [], "result": result}).encode()
        return Answer(request="Ledgers", headers={}, content=content, json=json_of(content))

    def _shuffled(self) -> list[str]:
        starts = range(0, len(self.row_ids), self._at_once)
        return [row for start in starts for row in reversed(self.row_ids[start : start + self._at_once])]


def assert_walked_once(venue: Venue) -> None:
    walker = OffsetWalker(venue.page, name="ledger", place="kraken: ledger")
    leaves = list(walker.leaves(Trail(), since=None, now=(FIRST_AT + 1) * 1_000_000))
    assert {row for leaf, _ in leaves for row in leaf.rows} == set(venue.row_ids)
    assert [leaf.short for leaf, _ in leaves] == [None] * len(leaves)
    assert venue.asked == sorted(set(venue.asked)), "no page was asked for again, and none was left out"
    assert leaves[-1][1].window is None, "the walk came to its end"


@pytest.mark.parametrize("rows", [1, 50, 51, 98, 99, 100, 101, 146, 147, 148, 149, 150, 1_000])
def test_a_row_told_twice_on_every_page_costs_no_call_and_no_row(rows: int) -> None:
    assert_walked_once(Venue(rows, repeats=True))


@pytest.mark.parametrize("at_once", [2, 3, 4, 7])
def test_rows_of_one_instant_may_change_places_between_any_two_pages(at_once: int) -> None:
    assert_walked_once(Venue(1_000, at_once=at_once, shuffles=True))


@pytest.mark.parametrize("hidden", [range(60, 70), range(52, 98), range(40, 140), range(60, 160), range(100, 1_000)])
def test_rows_that_are_counted_and_never_given_hide_no_row_below_them(hidden: range) -> None:
    venue = Venue(400)
    given = [row for number, row in enumerate(venue.row_ids) if number not in hidden]

    def page(window: Window) -> Answer:
        told = venue.page(window)
        result = object_of(object_of(told.json)["result"])
        result["ledger"] = {row: cell for row, cell in object_of(result["ledger"]).items() if row in given}
        return told

    walker = OffsetWalker(page, name="ledger", place="kraken: ledger")
    leaves = list(walker.leaves(Trail(), since=None, now=(FIRST_AT + 1) * 1_000_000))
    assert {row for leaf, _ in leaves for row in leaf.rows} == set(given)
    assert any(leaf.short for leaf, _ in leaves)
    assert (leaves[-1][1].window, len(venue.asked) < 60) == (None, True)


def test_a_row_that_is_dated_in_the_future_hides_none_that_come_before_its_time() -> None:
    venue, now = Venue(3), (FIRST_AT + 1) * 1_000_000

    def page(window: Window) -> Answer:
        told = venue.page(window)
        object_of(object_of(object_of(told.json)["result"])["ledger"])["L00000"] = {"time": FIRST_AT + 30 * 86_400}
        return told

    walker = OffsetWalker(page, name="ledger", place="kraken: ledger")
    *_, (_, trail) = walker.leaves(Trail(), since=None, now=now)
    assert trail.high is not None
    assert trail.high <= now
