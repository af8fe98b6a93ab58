"""Whatever the venue does with its pages, a walk stores every row, once killed or not, and leaves no hole."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.errors import TerminalError, TransientError
from ledger.transport.walk import Ask, Leaf, Trail, Walk, Walker, trail_of


@dataclass
class Venue:
    """Rows are positions, newest first; the instant of a row is its position. Cursors are numeric ids or opaque."""

    rows: list[int]
    page: int = 3
    numeric: bool = True
    changing: frozenset[int] = frozenset()
    faults: dict[int, str] = field(default_factory=dict)  # call number -> what goes wrong
    asked: list[Ask] = field(default_factory=list)

    def fetch(self, ask: Ask) -> Leaf[tuple[int, ...]]:
        self.asked.append(ask)
        fault = self.faults.get(len(self.asked))
        if fault == "expired" and ask.after is not None:
            raise TerminalError("cursor expired", status=400)
        if fault == "down":
            raise TransientError("down")
        rows = self._rows(ask)
        if fault == "empty":
            rows = []
        if fault == "same page":
            rows = sorted(self.rows, reverse=True)[: self.page]
        if fault == "short":
            rows = rows[:1]
        if fault == "doubled" and rows:
            rows = [rows[0], *rows]
        after = self._cursor(rows[-1]) if rows else None
        return Leaf(
            received=tuple(rows),
            rows=len(rows),
            row_ids=tuple(map(str, rows)),
            positions=tuple(rows),
            changing=tuple(row for row in rows if row in self.changing),
            newest=max(rows, default=None),
            after=ask.after if fault == "same cursor" and ask.after else after,
        )

    def _cursor(self, row: int) -> str:
        return str(row) if self.numeric else f"opaque:{row}"

    def _rows(self, ask: Ask) -> list[int]:
        rows = sorted(self.rows, reverse=True)
        if ask.before is not None and self.numeric:
            rows = [row for row in rows if row > ask.before - ask.overlap]
        if ask.after is not None:
            limit = int(ask.after.removeprefix("opaque:"))
            rows = [row for row in rows if row < limit + (ask.overlap and self.numeric)]
        return rows[: self.page]


def walker(venue: Venue, *, expected: bool = False, margin: int = 0) -> Walker[tuple[int, ...]]:
    return Walker(venue.fetch, place="rows", overlaps=venue.numeric, expected=expected, margin=margin)


def pulled(venue: Venue, trail: Trail, *, since: int | None = None, pages: int | None = None) -> tuple[set[int], Trail]:
    """Walk, at most so many pages, and return rows and the last trail as it comes back from storage."""
    rows: set[int] = set()
    for number, (leaf, reached) in enumerate(walker(venue).leaves(trail, since=since), start=1):
        rows |= set(leaf.received)
        trail = trail_of(reached.state())
        if number == pages:
            break
    return rows, trail


def test_a_first_walk_gives_everything_and_ends_at_the_beginning() -> None:
    rows, trail = pulled(Venue(rows=list(range(1, 11))), Trail())
    assert rows == set(range(1, 11))
    assert trail == Trail(high=10)


def test_a_second_walk_asks_only_for_what_is_newer() -> None:
    venue = Venue(rows=list(range(1, 11)))
    _, trail = pulled(venue, Trail())
    venue.rows += [11, 12]
    venue.asked.clear()
    rows, trail = pulled(venue, trail)
    assert (rows, trail.high) == ({10, 11, 12}, 12)
    assert venue.asked == [Ask(before=10, overlap=True)]


def test_more_news_than_a_page_holds_are_walked_down_to_the_known_row() -> None:
    venue = Venue(rows=[1, 2])
    _, trail = pulled(venue, Trail())
    venue.rows += range(3, 20)
    assert pulled(venue, trail)[0] >= set(range(3, 20))


def test_an_empty_history_is_asked_for_once_and_leaves_an_empty_trail() -> None:
    venue = Venue(rows=[])
    assert pulled(venue, Trail()) == (set(), Trail())
    assert len(venue.asked) == 1


def test_an_empty_answer_is_not_believed_at_once_when_rows_are_expected() -> None:
    venue = Venue(rows=[1, 2], faults={1: "empty"})
    found = [leaf.received for leaf, _ in walker(venue, expected=True).leaves(Trail(), since=None)]
    assert found[0] == (2, 1)


@pytest.mark.parametrize("fault", ["empty", "same page", "same cursor", "short", "doubled", "expired"])
@pytest.mark.parametrize("numeric", [True, False], ids=["ids", "opaque"])
@pytest.mark.parametrize("call", range(2, 6))
def test_one_bad_page_loses_nothing(*, fault: str, call: int, numeric: bool) -> None:
    venue = Venue(rows=list(range(1, 12)), numeric=numeric, faults={call: fault})
    rows, trail = pulled(venue, Trail())
    assert rows == set(range(1, 12))
    assert trail == Trail(high=11)


def test_an_empty_page_that_stays_empty_ends_the_history() -> None:
    venue = Venue(rows=list(range(1, 12)), numeric=False, faults={2: "empty", 3: "empty"})
    rows, _ = pulled(venue, Trail())
    assert rows == {9, 10, 11}


def test_a_page_that_never_goes_down_ends_with_an_error() -> None:
    venue = Venue(rows=list(range(1, 12)), faults=dict.fromkeys(range(2, 99), "same page"))
    with pytest.raises(TransientError, match="rows: the venue gives the same page again for the cursor 9"):
        pulled(venue, Trail())


def test_a_stored_cursor_that_leads_back_up_loses_nothing() -> None:
    venue = Venue(rows=list(range(1, 12)), numeric=False)
    wrong = Trail(walk=Walk(top=11, low=6, after="opaque:10"))
    assert pulled(venue, wrong) == (set(range(1, 12)), Trail(high=11))


def test_a_stored_cursor_that_leads_in_circles_is_given_up_and_the_walk_begun_anew() -> None:
    class Circling(Venue):
        def fetch(self, ask: Ask) -> Leaf[tuple[int, ...]]:
            leaf = super().fetch(ask)
            return replace(leaf, after="opaque:wrong") if ask.after == "opaque:wrong" else leaf

        def _rows(self, ask: Ask) -> list[int]:
            return [8, 7, 6] if ask.after == "opaque:wrong" else super()._rows(ask)

    venue = Circling(rows=list(range(1, 12)), numeric=False)
    wrong = Trail(walk=Walk(top=11, low=6, after="opaque:wrong"))
    assert pulled(venue, wrong) == (set(range(1, 12)), Trail(high=11))


def test_a_cursor_that_expires_again_and_again_ends_with_the_venues_words() -> None:
    venue = Venue(rows=list(range(1, 12)), numeric=False, faults=dict.fromkeys(range(2, 20), "expired"))
    with pytest.raises(TerminalError, match="cursor expired"):
        pulled(venue, Trail())
    assert len(venue.asked) == 8


def test_a_venue_that_takes_no_cursor_but_its_own_is_asked_with_its_own() -> None:
    class Strict(Venue):
        def fetch(self, ask: Ask) -> Leaf[tuple[int, ...]]:
            if ask.overlap and (ask.after or ask.before):
                raise TerminalError("unknown cursor", status=400)
            return super().fetch(ask)

    venue = Strict(rows=list(range(1, 12)))
    rows, trail = pulled(venue, Trail())
    venue.rows += [12]
    assert rows | pulled(venue, trail)[0] == set(range(1, 13))


def test_a_refusal_of_the_newest_page_is_final() -> None:
    class Refusing(Venue):
        def fetch(self, ask: Ask) -> Leaf[tuple[int, ...]]:
            raise TerminalError(f"no such symbol {ask.after}", status=400)

    with pytest.raises(TerminalError, match="no such symbol"):
        pulled(Refusing(rows=[]), Trail())


def test_rows_that_may_change_are_read_again_until_they_are_settled() -> None:
    venue = Venue(rows=list(range(1, 11)), changing=frozenset({4, 9}))
    _, trail = pulled(venue, Trail())
    assert trail == Trail(high=10, recheck=4)
    venue.changing, venue.rows = frozenset({9}), [*venue.rows, 11]
    rows, trail = pulled(venue, trail)
    assert rows >= {4, 9, 11}
    assert trail == Trail(high=11, recheck=9)
    venue.changing = frozenset()
    rows, trail = pulled(venue, trail)
    assert (rows >= {9}, trail) == (True, Trail(high=11))


def test_two_rows_under_one_id_are_not_torn_apart_by_the_end_of_a_page() -> None:
    venue = Venue(rows=[1, 2, 3, 4, 4, 5, 6])
    seen = [row for leaf, _ in walker(venue).leaves(Trail(), since=None) for row in leaf.received]
    assert [leaf for leaf in seen if leaf == 4] == [4, 4, 4]


def test_since_ends_the_first_walk_and_an_earlier_since_goes_on_from_there() -> None:
    venue = Venue(rows=list(range(1, 31)))
    rows, trail = pulled(venue, Trail(), since=20)
    assert rows >= set(range(20, 31))
    assert (trail.high, trail.since, min(rows) >= 15) == (30, 20, True)
    older, trail = pulled(venue, trail, since=10)
    assert rows | older >= set(range(10, 31))
    assert trail.since == 10
    assert 30 in older
    assert 25 not in older
    rest, trail = pulled(venue, trail)
    assert rows | older | rest == set(range(1, 31))
    assert trail == Trail(high=30)


def test_a_later_since_leaves_no_hole_above_what_is_known() -> None:
    venue = Venue(rows=list(range(1, 11)))
    _, trail = pulled(venue, Trail())
    venue.rows += range(11, 31)
    rows, trail = pulled(venue, trail, since=28)
    assert rows >= set(range(11, 31))
    assert trail == Trail(high=30)


def test_the_margin_reaches_below_what_is_known() -> None:
    venue = Venue(rows=list(range(1, 31)), numeric=False)
    _, trail = pulled(venue, Trail())
    found = {row for leaf, _ in walker(venue, margin=7).leaves(trail, since=None) for row in leaf.received}
    assert found >= set(range(23, 31))
    assert 5 not in found


@settings(max_examples=150, deadline=None)
@given(
    rows=st.sets(st.integers(1, 60), max_size=40),
    page=st.integers(1, 6),
    numeric=st.booleans(),
    stops=st.lists(st.tuples(st.integers(1, 4), st.none() | st.integers(1, 60), st.integers(0, 4)), max_size=6),
    faults=st.dictionaries(st.integers(1, 40), st.sampled_from(["empty", "same page", "same cursor", "short", "doubled", "down"])),
)
def test_a_walk_killed_anywhere_and_run_again_has_every_row(
    *,
    rows: set[int],
    page: int,
    numeric: bool,
    stops: list[tuple[int, int | None, int]],
    faults: dict[int, str],
) -> None:
    lonely = {call: fault for call, fault in faults.items() if not any(call - step in faults for step in (1, 2, 3, 4))}
    venue = Venue(rows=sorted(rows), page=page, numeric=numeric, faults=lonely)
    stored, trail, fresh = set(), Trail(), 61
    for pages, since, news in stops:
        found, trail = quietly(venue, trail, since=since, pages=pages)
        stored |= found
        venue.rows += range(fresh, fresh + news)
        fresh += news
    venue.faults = {}
    found, trail = pulled(venue, trail)
    assert stored | found == set(venue.rows)
    assert trail == Trail(high=max(venue.rows, default=None))


def quietly(venue: Venue, trail: Trail, *, since: int | None, pages: int) -> tuple[set[int], Trail]:
    """Walk until stopped, by the number of pages or by a fault; what was yielded is stored."""
    rows: set[int] = set()
    leaves: Iterator[tuple[Leaf[tuple[int, ...]], Trail]] = walker(venue).leaves(trail, since=since)
    for _ in range(pages):
        try:
            leaf, reached = next(leaves)
        except (TransientError, StopIteration):
            break
        rows |= set(leaf.received)
        trail = trail_of(reached.state())
    return rows, trail


# --- rows out of their order ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dated:
    """A row: its id, and its time, which tells nothing of its place."""

    row_id: str
    at: int


@dataclass
class Shelf:
    """Rows in the venue's own order, the newest first; cursors are opaque, and ever new ones when `restless`."""

    rows: list[Dated]
    page: int = 3
    empty: frozenset[int] = frozenset()  # before the rows of these places comes a page without rows
    restless: bool = False
    sure: int | None = None
    calls: int = 0

    def fetch(self, ask: Ask) -> Leaf[tuple[Dated, ...]]:
        self.calls += 1
        start, _, skipped = (ask.after or "0").partition("/")
        first, is_skipped = int(start), skipped == "skipped"
        if first in self.empty and not is_skipped:
            return self._leaf([], after=f"{first}/skipped")
        if self.restless:
            return self._leaf(self.rows[: self.page], after=f"0/{self.calls}")
        rows = self.rows[first : first + self.page]
        return self._leaf(rows, after=str(first + self.page) if first + self.page < len(self.rows) else None)

    def _leaf(self, rows: list[Dated], *, after: str | None) -> Leaf[tuple[Dated, ...]]:
        times = tuple(row.at for row in rows)
        return Leaf(
            received=tuple(rows),
            rows=len(rows),
            row_ids=tuple(row.row_id for row in rows),
            positions=times,
            changing=(),
            newest=max(times, default=None),
            after=after,
        )

    def walk(self, trail: Trail, *, since: int | None = None, pages: int | None = None) -> tuple[set[str], Trail]:
        """Walk, at most so many pages, and return the ids of the rows and the last trail as it comes back from storage."""
        ids: set[str] = set()
        for number, (leaf, reached) in enumerate(self.walker().leaves(trail, since=since), start=1):
            ids |= {row.row_id for row in leaf.received}
            trail = trail_of(reached.state())
            if number == pages:
                break
        return ids, trail

    def walker(self) -> Walker[tuple[Dated, ...]]:
        return Walker(self.fetch, place="rows", overlaps=False, sure=self.sure)


def dated(*times: int, name: str = "") -> list[Dated]:
    return [Dated(f"{name}{number}", at) for number, at in enumerate(times)]


def ids_of(rows: list[Dated]) -> set[str]:
    return {row.row_id for row in rows}


@pytest.mark.parametrize("place", range(7))
def test_an_old_dated_row_among_new_ones_ends_no_walk_to_what_is_known(place: int) -> None:
    known, fresh = dated(20, 19, 18), dated(30, 29, 28, 27, 26, 25, 24, name="new")
    fresh[place] = replace(fresh[place], at=1)
    ids, trail = Shelf(rows=fresh + known).walk(Trail(high=20))
    assert ids >= ids_of(fresh)
    assert trail == Trail(high=max(row.at for row in fresh))


@pytest.mark.parametrize("pages", [None, 1])
def test_an_old_dated_row_blocks_no_first_walk_killed_or_not(pages: int | None) -> None:
    shelf, trail, ids = Shelf(rows=dated(30, 29, 1, 28, 27, 26, 25)), Trail(), set[str]()
    for _ in range(4):
        found, trail = shelf.walk(trail, pages=pages)
        ids |= found
    assert ids == ids_of(shelf.rows)
    assert trail == Trail(high=30)


def test_an_old_dated_row_is_not_taken_for_the_place_of_since() -> None:
    shelf = Shelf(rows=dated(30, 2, 29, 28, 27, 26, 5, 4, 3, 2))
    assert shelf.walk(Trail(), since=20)[0] >= {"0", "1", "2", "3", "4", "5"}


def test_a_row_of_the_future_is_told_and_hides_none_of_the_rows_that_come_before_its_time() -> None:
    shelf = Shelf(rows=dated(900, 20, 19, 18), sure=25)
    ids, trail = shelf.walk(Trail())
    assert (ids, trail) == (ids_of(shelf.rows), Trail(high=20))
    shelf.rows = [*dated(30, 29, 28, 27, 26, name="new"), *shelf.rows]
    assert replace(shelf, sure=31).walk(trail)[0] >= {"new0", "new1", "new2", "new3", "new4"}


@pytest.mark.parametrize("wrong", [Trail(high=900), Trail(walk=Walk(floor=900, after="3")), Trail(high=5, walk=Walk(top=900, after="6"))])
def test_a_trail_that_reaches_into_the_future_is_not_believed(wrong: Trail) -> None:
    shelf = Shelf(rows=dated(*range(20, 0, -1)), sure=25)
    assert shelf.walk(wrong) == (ids_of(shelf.rows), Trail(high=20))


def test_one_time_for_all_rows_is_walked_through() -> None:
    shelf = Shelf(rows=dated(*[7] * 20))
    assert shelf.walk(Trail()) == (ids_of(shelf.rows), Trail(high=7))


def test_the_same_rows_under_ever_new_cursors_are_no_endless_walk() -> None:
    shelf = Shelf(rows=dated(9), restless=True)
    with pytest.raises(TransientError, match="gives the same page again"):
        shelf.walk(Trail())
    assert shelf.calls < 20


def test_an_empty_page_in_the_middle_is_followed() -> None:
    shelf = Shelf(rows=dated(*range(20, 9, -1)), empty=frozenset({0, 3, 6}))
    assert shelf.walk(Trail()) == (ids_of(shelf.rows), Trail(high=20))


def test_a_walk_killed_at_an_empty_page_goes_on_behind_it() -> None:
    shelf = Shelf(rows=dated(*range(20, 9, -1)), empty=frozenset({3}))
    found, trail = shelf.walk(Trail(), pages=2)
    assert trail.walk is not None
    assert found | shelf.walk(trail)[0] == ids_of(shelf.rows)


def test_empty_pages_without_an_end_are_no_end() -> None:
    class Hollow(Shelf):
        def fetch(self, ask: Ask) -> Leaf[tuple[Dated, ...]]:
            self.calls += 1
            return self._leaf([], after=str(self.calls)) if ask.after else super().fetch(ask)

    shelf, kept = Hollow(rows=dated(*range(20, 9, -1))), list[Trail]()
    with pytest.raises(TransientError, match="10 pages without rows, one after the other, and says that more follow"):
        kept.extend(reached for _, reached in shelf.walker().leaves(Trail(), since=None))
    assert kept[-1].walk is not None
    assert shelf.calls < 30


@settings(max_examples=150, deadline=None)
@given(
    times=st.lists(st.integers(1, 50), max_size=25),
    page=st.integers(2, 6),
    stops=st.lists(st.integers(1, 3), max_size=3),
    news=st.lists(st.booleans(), max_size=20),
    empty=st.frozensets(st.integers(0, 30)),
)
def test_rows_in_any_order_are_all_told_at_first_and_later(
    *, times: list[int], page: int, stops: list[int], news: list[bool], empty: frozenset[int]
) -> None:
    shelf, trail, ids = Shelf(rows=dated(*times), page=page, empty=empty), Trail(), set[str]()
    for pages in [*stops, None]:
        found, trail = shelf.walk(trail, pages=pages)
        ids |= found
    assert ids == ids_of(shelf.rows)
    fresh = dated(*(1 if is_old and number % 2 else 100 - number for number, is_old in enumerate(news)), name="new")
    shelf.rows = fresh + shelf.rows
    assert shelf.walk(trail)[0] >= ids_of(fresh)
