"""Walks a history that Kraken gives newest first by offset, so that rows which shift between two pages are neither lost nor doubled.

A window has a fixed end, so that what happens meanwhile shifts nothing. Each page overlaps the one before by all its rows of the
two oldest instants: the order within an instant may change between calls; the venue's count is checked again on each page. A page that
lacks the overlap, or another count, is asked for again; if it stays so, rows came late or went, and the window is walked anew.

What is stored of a stream: every row from `high` down to `since` (microseconds; None: to the beginning), and a window under way.
A window ends where the venue's count ends, never at the first empty page. Rows of the ledger that may lack a row of the same exchange on
the next page are carried there; see `ledger.connectors.kraken.rows.held_back`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace

from ledger.connectors.kraken.client import PAGE_ROWS_MAX
from ledger.connectors.kraken.parse import Rows, count_of, result_of, rows_held_back, rows_of, text_of_rows, times_of
from ledger.connectors.kraken.rows import GROUP_SPAN
from ledger.domain.errors import InputError, TransientError
from ledger.domain.json_text import json_of, object_of
from ledger.ports import CursorState
from ledger.transport.reader import Answer

MARGIN = 60_000_000  # microseconds below the newest row seen that are asked for again: rows may appear a little late
RESTARTS_MAX = 3
_SPAN = GROUP_SPAN.seconds * 1_000_000
_OVERLAP_INSTANTS = 2  # of rows: one whose rows may go on, on the next page, and one that is whole
_ASKS_MAX = 4
_EMPTY_MAX = 4  # pages in a row that a venue counts and does not give, before nothing more is asked for
_AGAIN_MAX = 2  # so often the same doubt about a page makes it certain


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch under way: rows after `start` (None: the beginning) up to `end`, of which `offset` rows are stored.

    `count` is what the venue said; `tail` are the rows that must be seen again on the next page, `carried` those that wait for it
    (JSON) while all others above `known_above` are told. `top` is the newest instant seen, without those after `end`. `is_ground`:
    what lies below is not known.
    """

    start: int | None
    end: int
    is_ground: bool
    offset: int = 0
    count: int | None = None
    tail: str = ""
    carried: str = "{}"
    known_above: int | None = None
    top: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What is stored of one stream."""

    high: int | None = None
    since: int | None = None
    window: Window | None = None

    def state(self) -> dict[str, str | int | None]:
        """Return the trail as flat JSON values, without those that are None."""
        flat: dict[str, str | int | None] = {"high": self.high, "since": self.since}
        if self.window is not None:
            flat |= {f"window_{name}": getattr(self.window, name) for name in Window.__slots__}
        return {name: figure for name, figure in flat.items() if figure is not None}


def trail_of(state: CursorState) -> Trail:
    """Read what `Trail.state` wrote; an empty one is an empty trail."""
    return Trail(high=_whole(state, "high"), since=_whole(state, "since"), window=_window_of(state))


def _window_of(state: CursorState) -> Window | None:
    end = _whole(state, "window_end")
    if end is None:
        return None
    return Window(
        start=_whole(state, "window_start"),
        end=end,
        is_ground=bool(state.get("window_is_ground")),
        offset=_whole(state, "window_offset") or 0,
        count=_whole(state, "window_count"),
        tail=str(state.get("window_tail") or ""),
        carried=str(state.get("window_carried") or "{}"),
        known_above=_whole(state, "window_known_above"),
        top=_whole(state, "window_top"),
    )


def _whole(state: CursorState, name: str) -> int | None:
    figure = state.get(name)
    assert figure is None or isinstance(figure, int), (name, figure)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One page as the walk sees it: rows in the order of the answer, their times in microseconds, the venue's count.

    `carried` are rows held back from the page before, the others above `known_above` are known from there; `told_above` is the
    instant down to which the page is whole (None: all of it);
    `short` says in words that the venue counts more than it gives.
    """

    answer: Answer
    rows: Rows
    times: Mapping[str, int]
    count: int
    carried: str = "{}"
    known_above: int | None = None
    told_above: int | None = None
    short: str | None = None


class _Shifted(TransientError):
    """Rows came late, or went, in the middle of a window."""


Fetch = Callable[[Window], Answer]


class OffsetWalker:
    """Walks one stream with `fetch`; `name` is that of its rows in an answer, `place` names it in errors."""

    def __init__(self, fetch: Fetch, *, name: str, place: str) -> None:
        self._fetch = fetch
        self._name = name
        self._place = place

    def leaves(self, trail: Trail, *, since: int | None, now: int) -> Iterator[tuple[Leaf, Trail]]:
        """Yield the pages that the trail lacks, each with the trail to store with it.

        `since` (microseconds) limits only how far down unknown ground is walked: between the newest row and a known one no hole is
        left. `now` is the venue's time.

        Raises:
            TransientError: when rows go on shifting.
            TerminalError: when the venue refuses.
        """
        ground = None if since is None else since - _SPAN - 1
        if trail.high is not None:
            trail = replace(trail, high=min(trail.high, now))  # what is dated later says nothing of the rows before it
        if trail.window is not None:
            trail = yield from self._descent(replace(trail, window=None), trail.window)
        if trail.high is None:
            newest = Window(start=ground, end=now, is_ground=True)
        else:
            newest = Window(start=trail.high - MARGIN, end=now, is_ground=False)
        trail = yield from self._descent(trail, newest)
        if trail.high is not None and trail.since is not None and (ground is None or ground < trail.since):
            yield from self._descent(trail, Window(start=ground, end=trail.since + MARGIN, is_ground=True))

    def _descent(self, trail: Trail, window: Window) -> Generator[tuple[Leaf, Trail], None, Trail]:
        restarts = empty = 0
        while True:
            try:
                leaf = self._believed(window)
            except _Shifted:
                restarts += 1
                if restarts > RESTARTS_MAX:
                    raise
                window = Window(start=window.start, end=window.end, is_ground=window.is_ground)
                continue
            empty = 0 if leaf.rows else empty + 1
            is_last = _is_last(window, leaf, empty=empty)
            told_above = _told_above(window, leaf, is_last=is_last)
            leaf = replace(leaf, carried=window.carried, known_above=window.known_above, told_above=told_above)
            window = _advanced(window, leaf)
            if is_last:
                done = _finished(trail, window)
                yield leaf, done
                return done
            yield leaf, replace(trail, window=window)

    def _believed(self, window: Window) -> Leaf:
        """Return the next page once it is believable."""
        doubts: dict[str, int] = {}
        for _ in range(_ASKS_MAX):
            leaf = self._leaf(window)
            doubt = _UNREADABLE if leaf is None else _doubt(window, leaf)
            if leaf is not None and doubt is None:
                return leaf
            assert doubt is not None, window
            doubts[doubt] = doubts.get(doubt, 0) + 1
            if doubts[doubt] >= _AGAIN_MAX and doubt != _ENDS_EARLY:
                break
            if leaf is not None and doubts[doubt] > _AGAIN_MAX:
                return replace(leaf, short=f"{leaf.count} counted, {_reached(window, leaf)} given")
        raise _Shifted(f"{self._place}: rows shift while they are read, or cannot be read: {', '.join(sorted(doubts))}")

    def _leaf(self, window: Window) -> Leaf | None:
        """Return the page that the venue gives; None when it is none."""
        answer = self._fetch(window)
        try:
            result = result_of(answer.json)
            rows = rows_of(result, self._name)
            return Leaf(answer=answer, rows=rows, times=times_of(rows), count=count_of(result))
        except InputError:
            return None


_UNREADABLE = "an answer that is no page"
_ENDS_EARLY = "rows end before their count"


def _doubt(window: Window, leaf: Leaf) -> str | None:
    """Return why a page is not to be believed at once; None when it is."""
    if window.count is not None and leaf.count != window.count:
        return "another count"
    tail = window.tail.split()
    if not set(tail) <= set(leaf.rows):
        return "a page without the overlap" if leaf.rows else _ENDS_EARLY
    reached = _reached(window, leaf)
    return _ENDS_EARLY if reached <= window.offset + len(tail) and reached < leaf.count else None


def _is_last(window: Window, leaf: Leaf, *, empty: int) -> bool:
    """Tell whether nothing lies below a page; pages of rows that are counted and not given are stepped over, `empty` ones so far."""
    is_over = empty > _EMPTY_MAX or window.offset + PAGE_ROWS_MAX >= leaf.count
    return _reached(window, leaf) >= leaf.count or (leaf.short is not None and is_over)


def _reached(window: Window, leaf: Leaf) -> int:
    """Return how many rows of the window are known with a page; rows above the overlap were on the page before, which counts them."""
    return window.offset + len(leaf.rows) - _repeated(window, leaf)


def _repeated(window: Window, leaf: Leaf) -> int:
    """Return how many rows of a page stand above the overlap: one that a page repeats, or more where rows were counted and not given."""
    ids = list(leaf.rows)
    return min((ids.index(row) for row in window.tail.split() if row in leaf.rows), default=0)


def _told_above(window: Window, leaf: Leaf, *, is_last: bool) -> int | None:
    if is_last:
        return None if window.start is None else window.start + _SPAN
    carried = times_of(object_of(json_of(window.carried.encode())))
    times = [*leaf.times.values(), *carried.values()]
    return min(times) + _SPAN if times else None


def _advanced(window: Window, leaf: Leaf) -> Window:
    ids, times = list(leaf.rows), leaf.times
    oldest = sorted(set(times.values()))[:_OVERLAP_INSTANTS]
    overlap = min(max(1, sum(times.get(row) in oldest for row in ids)), len(ids) // 2)
    merged = object_of(json_of(window.carried.encode())) | leaf.rows
    back = frozenset[str]() if leaf.told_above is None else rows_held_back(merged, told_above=leaf.told_above)
    is_stepped_over = leaf.short is not None
    return replace(
        window,
        offset=window.offset + (PAGE_ROWS_MAX if is_stepped_over else len(ids) - overlap - min(1, _repeated(window, leaf))),
        count=leaf.count,
        tail="" if is_stepped_over else " ".join(ids[len(ids) - overlap :]),
        carried=text_of_rows({row_id: merged[row_id] for row_id in merged if row_id in back}),
        known_above=leaf.told_above,
        top=max([*([] if window.top is None else [window.top]), *(at for at in times.values() if at <= window.end)], default=None),
    )


def _finished(trail: Trail, window: Window) -> Trail:
    """Return the trail after a window that came to its end."""
    tops = [top for top in (trail.high, window.top) if top is not None]
    since = window.start if window.is_ground else trail.since
    return Trail(high=max(tops, default=None), since=since)
