"""Walks a history that a venue gives newest first, page by page, so that a killed run loses nothing and a hole is never left.

A `Trail` says what is stored: everything from `high` down to `since`. A walk goes from the newest row down to what the trail has
already; each page comes with the trail to store beside it, and an unfinished walk is part of that trail. So the next run finishes
the old walk first and then walks what has become newer since.

Pages are not trusted. An answer without rows where rows were promised is asked for again, and so is a page that tells of no row that
this walk has not seen. Cursors of rows with numeric ids are asked for with one row of overlap first: an answer that lacks the known row
is a false one, and two rows under one id (a self-trade) are never torn apart by the end of a page.

Times are not trusted either. Where positions are times, a row may stand out of its order: a walk has come down only where a whole page
lies below, and whether a page is new is told by the ids of its rows.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from ledger.domain.errors import TerminalError, TransientError
from ledger.domain.time.instant import instant_of_micros

Received = TypeVar("Received")

EMPTY_PAGES_MAX = 10  # in a row: so many are followed to what they say comes after them
RESTARTS_MAX = 3  # cursors that expire, or lead nowhere, more often in one walk are no accident
_ASKS_MAX = 4
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which page is wanted: rows `before` (newer than) a position, or `after` (older than) a cursor; both None: the newest.

    `overlap`: let the answer begin, or end, with the row that the cursor names.
    """

    before: int | None = None
    after: str | None = None
    overlap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(Generic[Received]):
    """One page as the walk sees it.

    `rows` counts all rows, `row_ids` names them, also those that cannot be read; `positions` holds those of readable rows in the order
    of the answer (ids, or microseconds of a time); `changing` the positions that the venue may still change; `newest` the newest instant
    in microseconds since 1970; `after` the cursor to what is older, None at the end: a page without rows that has a cursor is none.
    """

    received: Received
    rows: int
    row_ids: tuple[str, ...]
    positions: tuple[int, ...]
    changing: tuple[int, ...]
    newest: int | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk under way: from `top` it has come down to `low` and goes on at the cursor `after` until `floor` or `since`.

    `recheck` is the lowest position seen that may still change. Without a `floor` it walks unknown ground, to `since` or to the end.
    """

    floor: int | None = None
    since: int | None = None
    top: int | None = None
    low: int | None = None
    recheck: int | None = None
    after: str | None = None


State = Mapping[str, str | int | None]
_WALK_PREFIX = "walk_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What is stored of one stream.

    Every row from position `high` down to the instant `since` (microseconds; None: to the beginning) is stored, except that those
    at `recheck` and above may have changed. `low_after` is the cursor at which older rows begin. `walk` is unfinished. All None:
    nothing has been seen.
    """

    high: int | None = None
    since: int | None = None
    low_after: str | None = None
    recheck: int | None = None
    walk: Walk | None = None

    def state(self) -> dict[str, str | int | None]:
        """Return the trail as flat JSON values, without those that are None."""
        flat = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "walk"}
        if self.walk is not None:
            flat |= {_WALK_PREFIX + item.name: getattr(self.walk, item.name) for item in fields(self.walk)}
        return {name: figure for name, figure in flat.items() if figure is not None}


def trail_of(state: State | None) -> Trail:
    """Read what `Trail.state` wrote; keys of others are left alone, None is an empty trail."""
    known = state or {}
    walk = Walk(
        floor=_whole(known, "walk_floor"),
        since=_whole(known, "walk_since"),
        top=_whole(known, "walk_top"),
        low=_whole(known, "walk_low"),
        recheck=_whole(known, "walk_recheck"),
        after=_words(known, "walk_after"),
    )
    return Trail(
        high=_whole(known, "high"),
        since=_whole(known, "since"),
        low_after=_words(known, "low_after"),
        recheck=_whole(known, "recheck"),
        walk=None if walk.after is None else walk,
    )


def since_of(state: State) -> datetime | None:
    """Return the instant down to which a state says that all is stored, as `Page.since` tells it."""
    since = _whole(state, "since")
    return None if since is None else instant_of_micros(since)


def _whole(state: State, name: str) -> int | None:
    figure = state.get(name)
    assert figure is None or isinstance(figure, int), (name, figure)
    return figure


def _words(state: State, name: str) -> str | None:
    words = state.get(name)
    assert words is None or isinstance(words, str), (name, words)
    return words


class _GoesInCircles(TransientError):
    """The cursor leads to nothing new; it may have been wrong when it was stored, so the walk is begun anew."""


class _Verdict(Enum):
    GOOD = "good"
    EMPTY = "empty"  # no rows where there should be some
    ALONE = "alone"  # the overlap and nothing else: the end, or a page cut short
    STUCK = "stuck"  # rows, but none that are new


class Walker(Generic[Received]):
    """Walks one stream with `fetch`.

    `overlaps` tells whether cursors are numeric ids, so that an overlap can be asked for. `margin` is added below the floor, in the
    unit of positions. `expected`: there must be rows, whatever the first answer says. `place` names the stream in errors. `sure`, where
    positions are times, is now by our own clock: what a row dates later never counts as reached, and a trail that says so is not believed.
    """

    def __init__(
        self,
        fetch: Callable[[Ask], Leaf[Received]],
        *,
        place: str,
        overlaps: bool,
        margin: int = 0,
        expected: bool = False,
        sure: int | None = None,
    ) -> None:
        self._fetch = fetch
        self._place = place
        self._overlaps = overlaps
        self._margin = margin
        self._expected = expected
        self._sure = sure

    def leaves(self, trail: Trail, *, since: int | None) -> Iterator[tuple[Leaf[Received], Trail]]:
        """Yield the pages that the trail lacks, each with the trail to store with it.

        `since` (microseconds) limits only how far down unknown ground is walked: between the newest row and a known one no hole is left.

        Raises:
            TransientError: when the venue gives the same page again and again, or pages without rows and no end.
            TerminalError: when the venue refuses, or its cursors expire too often.
        """
        if self._is_ahead(trail):
            trail = Trail()
        if trail.walk is not None:
            unfinished = trail.walk if trail.walk.floor is not None else replace(trail.walk, since=_earlier(trail.walk.since, since))
            trail = yield from self._descent(replace(trail, walk=None), unfinished)
        floor = _lowest(trail.high, trail.recheck)
        newest = Walk(since=since) if floor is None else Walk(floor=floor - self._margin)
        trail = yield from self._descent(trail, newest)
        if trail.since is not None and trail.low_after is not None and (since is None or since < trail.since):
            yield from self._descent(trail, Walk(since=since, after=trail.low_after))

    def _descent(self, trail: Trail, walk: Walk) -> Generator[tuple[Leaf[Received], Trail], None, Trail]:
        restarts, empty, seen = 0, 0, set[str]()
        while True:
            try:
                leaf = self._leaf(walk, seen)
            except (TerminalError, _GoesInCircles) as refused:
                is_cursor_bad = isinstance(refused, _GoesInCircles) or refused.status == _BAD_REQUEST
                if not is_cursor_bad or walk.after is None or restarts == RESTARTS_MAX:
                    raise
                restarts += 1
                seen.clear()
                walk = replace(walk, after=trail.low_after if trail.high is not None and walk.floor is None else None, low=None)
                continue
            at_since = _is_below(leaf.newest, walk.since)
            at_floor = walk.floor is not None and _is_below(self._reached(leaf), walk.floor + 1)
            walk = self._advanced(walk, leaf)
            seen.update(leaf.row_ids)
            if leaf.after is None or at_floor or at_since:
                done = _finished(trail, walk, cut_by_since=at_since and leaf.after is not None)
                yield leaf, done
                return done
            yield leaf, replace(trail, walk=walk)
            empty = 0 if leaf.rows else empty + 1
            if empty == EMPTY_PAGES_MAX:
                raise TransientError(
                    f"{self._place}: the venue gives {empty} pages without rows, one after the other, and says that more follow"
                )

    def _is_ahead(self, trail: Trail) -> bool:
        known = (trail.high, None if trail.walk is None else trail.walk.top, None if trail.walk is None else trail.walk.floor)
        return any(_is_below(self._sure, figure) for figure in known)

    def _advanced(self, walk: Walk, leaf: Leaf[Received]) -> Walk:
        return replace(
            walk,
            top=_highest(walk.top, *(one for one in leaf.positions if not _is_below(self._sure, one))),
            low=_lowest(walk.low, *leaf.positions),
            recheck=_lowest(walk.recheck, *(one for one in leaf.changing if not _is_below(self._sure, one))),
            after=leaf.after,
        )

    def _reached(self, leaf: Leaf[Received]) -> int | None:
        """Return the position down to which a page shows that all is told: an id is in its order, a time alone may be out of it."""
        return _lowest(*leaf.positions) if self._overlaps else _highest(*leaf.positions)

    def _leaf(self, walk: Walk, seen: set[str]) -> Leaf[Received]:
        """Return the next page once it is believable; `seen` are the rows that this walk has told of."""
        verdicts = dict.fromkeys(_Verdict, 0)
        for attempt in range(_ASKS_MAX):
            overlap = self._overlaps and attempt == 0
            leaf = self._fetched(walk, overlap=overlap)
            verdict = _Verdict.ALONE if leaf is None else self._verdict(walk, leaf, seen)
            verdicts[verdict] += 1
            if leaf is not None and (verdict is _Verdict.GOOD or verdicts[_Verdict.EMPTY] > 1):
                return leaf
            if verdicts[_Verdict.STUCK] > 1:
                break
        raise _GoesInCircles(f"{self._place}: the venue gives the same page again for the cursor {walk.after}")

    def _fetched(self, walk: Walk, *, overlap: bool) -> Leaf[Received] | None:
        """Fetch a page; None when the venue does not take a cursor with overlap, which may be no id of its own."""
        before = walk.floor if walk.after is None else None
        try:
            return self._fetch(Ask(before=before, after=walk.after, overlap=overlap))
        except TerminalError as refused:
            if not overlap or refused.status != _BAD_REQUEST or (before is None and walk.after is None):
                raise
            return None

    def _verdict(self, walk: Walk, leaf: Leaf[Received], seen: set[str]) -> _Verdict:
        if leaf.rows == 0:
            promised = walk.after is not None or walk.floor is not None or self._expected
            return _Verdict.EMPTY if promised else _Verdict.GOOD
        if walk.after is None:
            return _Verdict.GOOD
        if self._overlaps and leaf.positions and all(one == walk.low for one in leaf.positions):
            return _Verdict.ALONE
        if leaf.after == walk.after or seen.issuperset(leaf.row_ids):
            return _Verdict.STUCK
        goes_down = not self._overlaps or not leaf.positions or walk.low is None or min(leaf.positions) < walk.low
        return _Verdict.GOOD if goes_down else _Verdict.STUCK


def _finished(trail: Trail, walk: Walk, *, cut_by_since: bool) -> Trail:
    """Return the trail after a walk that came to its end."""
    was_above = trail.recheck is not None and (walk.top is None or trail.recheck > walk.top)
    done = replace(
        trail,
        high=_highest(trail.high, walk.top),
        recheck=_lowest(walk.recheck, trail.recheck if was_above else None),
        walk=None,
    )
    if walk.floor is not None:
        return done
    return replace(done, since=walk.since if cut_by_since else None, low_after=walk.after if cut_by_since else None)


def _is_below(figure: int | None, limit: int | None) -> bool:
    return figure is not None and limit is not None and figure < limit


def _earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two beginnings; None is the beginning of all."""
    return None if one is None or other is None else min(one, other)


def _lowest(*figures: int | None) -> int | None:
    return min((figure for figure in figures if figure is not None), default=None)


def _highest(*figures: int | None) -> int | None:
    return max((figure for figure in figures if figure is not None), default=None)
