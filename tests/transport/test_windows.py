"""Walks by id and by time: every row once, whatever the pages look like, and every window asked for."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.errors import TerminalError, TransientError
from ledger.transport.windows import IdAscent, IdLeaf, Sheaf, Turn, WindowWalk

State = dict[str, str | int | None]


# --- by id ---------------------------------------------------------------------------------------------------------


class Trades:
    """Rows by id, three to a page, the lowest id included; `lies` are answers to the calls of those numbers."""

    def __init__(self, *ids: int, lies: dict[int, list[int]] | None = None) -> None:
        self.ids = list(ids)
        self.lies = lies or {}
        self.asked: list[int] = []

    def __call__(self, from_id: int) -> IdLeaf[list[int]]:
        self.asked.append(from_id)
        found = self.lies.get(len(self.asked), [one for one in self.ids if one >= from_id][:3])
        return IdLeaf(received=found, rows=len(found), ids=tuple(found))

    def walk(self, state: State) -> tuple[set[int], State]:
        seen: set[int] = set()
        for leaf, reached in IdAscent(self, place="fills BTCUSD").leaves(state):
            seen |= set(leaf.received)
            state = reached
        return seen, state


def test_every_id_is_seen_and_the_walk_ends_at_a_page_without_news() -> None:
    trades = Trades(4, 5, 9, 12, 15)
    assert trades.walk({}) == ({4, 5, 9, 12, 15}, {"high": 15})
    assert trades.asked == [0, 9, 15]


def test_two_rows_of_one_id_are_never_torn_apart() -> None:
    trades = Trades(1, 2, 3, 3, 4)
    seen, state = trades.walk({})
    assert (seen, state) == ({1, 2, 3, 4}, {"high": 4})
    assert 3 in trades.asked


def test_a_later_walk_begins_with_the_last_row_known_and_finds_what_is_new() -> None:
    trades = Trades(1, 2, 3, 7)
    assert trades.walk({"high": 3}) == ({3, 7}, {"high": 7})
    assert trades.asked[0] == 3


def test_an_empty_stream_is_one_call_and_leaves_no_state() -> None:
    trades = Trades()
    assert trades.walk({}) == (set(), {})
    assert trades.asked == [0]


@pytest.mark.parametrize("lie", [[], [1, 2, 3], [6, 7]])
def test_a_page_that_does_not_begin_with_the_known_row_is_asked_for_again(lie: list[int]) -> None:
    trades = Trades(1, 2, 3, 6, 7, lies={2: lie})
    assert trades.walk({}) == ({1, 2, 3, 6, 7}, {"high": 7})


def test_a_venue_that_keeps_lying_is_not_believed() -> None:
    with pytest.raises(TransientError, match="do not begin with row 3"):
        Trades(1, 2, 3, 4, lies={2: [], 3: [], 4: [], 5: [], 7: [], 8: [], 9: [], 10: []}).walk({})


def told_short(trades: Trades, state: State) -> tuple[set[int], list[str], State]:
    leaves = [(leaf, reached) for leaf, reached in IdAscent(trades, place="fills BTCUSD").leaves(state)]
    return {one for leaf, _ in leaves for one in leaf.received}, [leaf.short for leaf, _ in leaves if leaf.short], leaves[-1][1]


@pytest.mark.parametrize("ids", [(1, 2, 4, 5, 6, 7), (1, 2), (5, 6, 7), (1, 2, 4)])
def test_a_walk_whose_last_known_row_is_gone_begins_anew_and_says_so(ids: tuple[int, ...]) -> None:
    words = "row 3, which it gave before, is no longer among them"
    assert told_short(Trades(*ids), {"high": 3}) == (set(ids), [words], {"high": max(ids)})


def test_a_row_that_goes_while_it_is_walked_is_missed_too() -> None:
    trades = Trades(1, 2, 4, 5, lies={1: [1, 2, 3]})
    assert told_short(trades, {}) == ({1, 2, 3, 4, 5}, ["row 3, which it gave before, is no longer among them"], {"high": 5})


def test_a_history_that_is_gone_whole_is_told_each_time() -> None:
    for _ in range(2):
        assert told_short(Trades(), {"high": 3}) == (set(), ["row 3, which it gave before, is no longer among them"], {"high": 3})


def test_a_row_that_was_only_held_back_is_not_told_as_gone() -> None:
    trades = Trades(1, 2, 3, 6, lies={call: [6] for call in range(1, 5)})
    assert told_short(trades, {"high": 3}) == ({1, 2, 3, 6}, [], {"high": 6})


def test_a_page_without_a_readable_id_stops_the_walk_after_it_is_kept() -> None:
    pages: list[object] = []
    ascent = IdAscent(lambda _: IdLeaf(received="kept", rows=2, ids=()), place="fills BTCUSD")
    with pytest.raises(TerminalError, match="no row of a page has an id"):
        pages.extend(leaf.received for leaf, _ in ascent.leaves({}))
    assert pages == ["kept"]


# --- by time -------------------------------------------------------------------------------------------------------


class History:
    """Rows at milliseconds, `size` to a page, newest first; `paging` as a venue may have it."""

    def __init__(self, *times: int, size: int = 3, paging: str = "offset") -> None:
        self.times = sorted(times, reverse=True)
        self.size = size
        self.paging = paging
        self.turns: list[Turn] = []

    def __call__(self, turn: Turn) -> Sheaf[list[int]]:
        self.turns.append(turn)
        rows = [one for one in self.times if turn.span.start <= one <= turn.span.end]
        first = {"offset": turn.offset, "first page only": 0}.get(self.paging, turn.page * self.size)
        page = rows[first : first + self.size]
        return Sheaf(
            received=page,
            ids=tuple(map(str, page)),
            total=len(rows) if self.paging == "page" else None,
            is_cut=self.paging == "cut" and len(rows) > self.size,
            is_full=len(page) == self.size,
            is_whole=self.paging == "cut",
        )

    def walk(self, state: State, *, since: int = 0, until: int = 99, sure: int = 0) -> tuple[list[int], State]:
        seen: list[int] = []
        for sheaf, reached in WindowWalk(self, place="deposits", longest=30, margin=10).leaves(
            state, since=since, until=until, sure=sure or until
        ):
            seen += sheaf.received
            state = reached
        return sorted(seen), state

    def spans(self) -> list[tuple[int, int]]:
        return list(dict.fromkeys((turn.span.start, turn.span.end) for turn in self.turns))


@pytest.mark.parametrize("paging", ["offset", "page", "cut"])
def test_every_row_is_seen_once_and_every_window_is_asked_for(paging: str) -> None:
    times = (0, 1, 2, 3, 4, 5, 29, 30, 31, 88, 99)
    history = History(*times, paging=paging)
    assert history.walk({}) == (list(times), {"low": 0, "high": 99})
    assert {(0, 29), (30, 59), (60, 89), (90, 99)} <= set(history.spans())


def test_an_empty_window_is_remembered_as_asked_for() -> None:
    assert History().walk({}) == ([], {"low": 0, "high": 99})


def test_a_later_walk_asks_again_for_the_margin_only() -> None:
    history = History(50, 95, 120)
    assert history.walk({"low": 0, "high": 99}, until=125) == ([95, 120], {"low": 0, "high": 125})
    assert history.spans() == [(89, 118), (119, 125)]


def test_an_earlier_since_walks_down_to_it_and_only_there() -> None:
    history = History(5, 45, 99)
    assert history.walk({"low": 40, "high": 99}, since=0) == ([5, 99], {"low": 0, "high": 99})
    assert history.spans() == [(10, 39), (0, 9), (89, 99)]


def test_what_is_yet_to_come_never_counts_as_walked() -> None:
    history = History(5, 45)
    seen, state = history.walk({}, until=500, sure=60)
    assert (seen, state) == ([5, 45], {"low": 0, "high": 60})
    history.times = [70, 45, 5]
    assert history.walk(state, until=80) == ([70], {"low": 0, "high": 80})


def test_a_state_that_reaches_into_the_future_is_not_believed() -> None:
    history = History(5, 45, 70)
    assert history.walk({"low": 0, "high": 500}, until=80) == ([5, 45, 70], {"low": 0, "high": 80})


def test_a_walk_killed_after_any_page_and_run_again_has_every_row() -> None:
    times = tuple(range(0, 100, 3))
    for killed_after in range(1, 20):
        state: State = {}
        seen: set[int] = set()
        for run in range(2):
            history = History(*times)
            walk = WindowWalk(history, place="deposits", longest=30, margin=10).leaves(state, since=0, until=99, sure=99)
            seen |= set(kept_of(walk, state, pages_max=killed_after if run == 0 else None))
        assert seen == set(times)


def kept_of(walk: Iterator[tuple[Sheaf[list[int]], State]], state: State, *, pages_max: int | None) -> Iterator[int]:
    for number, (sheaf, reached) in enumerate(walk, start=1):
        yield from sheaf.received
        state.update(reached)
        if number == pages_max:
            return


def test_a_full_page_followed_by_a_false_empty_one_loses_nothing() -> None:
    history = History(*range(1, 8))
    honest = history.__call__
    answers = iter(range(100))

    def lying(turn: Turn) -> Sheaf[list[int]]:
        return Sheaf(received=[], ids=()) if next(answers) == 1 else honest(turn)

    walk = WindowWalk(lying, place="deposits", longest=30, margin=10)
    assert sorted(one for sheaf, _ in walk.leaves({}, since=0, until=20, sure=20) for one in sheaf.received) == list(range(1, 8))


def test_a_count_that_stays_wrong_is_told_with_the_last_page_and_ends_no_walk() -> None:
    asked: list[Turn] = []

    def counting(turn: Turn) -> Sheaf[int]:
        asked.append(turn)
        return Sheaf(received=1, ids=("1",), total=2) if turn.span.start == 0 else Sheaf(received=0, ids=(), total=0)

    walk = WindowWalk(counting, place="deposits", longest=30, margin=10)
    pages = [(sheaf.short, reached["high"]) for sheaf, reached in walk.leaves({}, since=0, until=50, sure=50)]
    assert pages == [("2 counted, 1 given from 1970-01-01 to 1970-01-01", 29), (None, 50)]
    assert len({turn.page for turn in asked}) == 2
    assert len(asked) > 4  # it was asked again before


def test_rows_that_say_the_same_are_counted_each() -> None:
    walk = WindowWalk(lambda _: Sheaf(received=[1, 1], ids=("1", "1"), total=2), place="rewards", longest=30, margin=10)
    assert [sheaf.short for sheaf, _ in walk.leaves({}, since=0, until=20, sure=20)] == [None]


def test_a_venue_that_gives_one_row_whatever_page_is_asked_for_ends() -> None:
    asked: list[Turn] = []

    def always(turn: Turn) -> Sheaf[int]:
        asked.append(turn)
        return Sheaf(received=1, ids=("1",))

    walk = WindowWalk(always, place="deposits", longest=30, margin=10)
    assert [sheaf.received for sheaf, _ in walk.leaves({}, since=0, until=20, sure=20)] == [1]
    assert len(asked) == 2


def test_a_venue_that_gives_one_full_page_whatever_is_asked_for_ends() -> None:
    walk = WindowWalk(lambda _: Sheaf(received=1, ids=("1",), is_full=True), place="deposits", longest=30, margin=10)
    with pytest.raises(TerminalError, match="the millisecond 0 holds more rows"):
        list(walk.leaves({}, since=0, until=2**40, sure=2**40))


def test_a_page_of_the_rows_before_it_is_asked_for_again() -> None:
    history = History(*range(1, 8))
    first = history.__call__
    answers = iter(range(100))

    def lying(turn: Turn) -> Sheaf[list[int]]:
        return first(Turn(span=turn.span, page=0, offset=0) if next(answers) == 1 else turn)

    walk = WindowWalk(lying, place="deposits", longest=30, margin=10)
    assert [one for sheaf, _ in walk.leaves({}, since=0, until=20, sure=20) for one in sheaf.received] == list(range(7, 0, -1))


def test_a_span_of_very_many_pages_is_halved() -> None:
    history = History(*range(1000), size=1)
    seen, state = history.walk({}, until=999)
    assert set(seen) == set(range(1000))
    assert state == {"low": 0, "high": 999}
    assert max(turn.page for turn in history.turns) <= 200


@settings(max_examples=100, deadline=None)
@given(
    times=st.sets(st.integers(0, 99), max_size=40),
    size=st.integers(2, 5),
    paging=st.sampled_from(["offset", "page", "cut", "first page only"]),
    stops=st.lists(st.integers(1, 5), max_size=4),
)
def test_every_row_comes_however_a_venue_pages_and_wherever_a_run_ends(
    *, times: set[int], size: int, paging: str, stops: list[int]
) -> None:
    state: State = {}
    seen: set[int] = set()
    for pages in [*stops, None]:
        history = History(*times, size=size, paging=paging)
        walk = WindowWalk(history, place="deposits", longest=30, margin=10).leaves(dict(state), since=0, until=99, sure=99)
        seen |= set(kept_of(walk, state, pages_max=pages))
    assert seen == times
    assert state == {"low": 0, "high": 99}


def test_a_millisecond_that_holds_too_many_rows_is_told() -> None:
    walk = WindowWalk(
        lambda turn: Sheaf(received=turn, ids=("1",), is_cut=turn.span.start <= 5 <= turn.span.end, is_whole=True),
        place="deposits",
        longest=30,
        margin=10,
    )
    with pytest.raises(TerminalError, match="the millisecond 5 holds more rows"):
        list(walk.leaves({}, since=0, until=20, sure=20))
