"""Walks histories that a venue gives oldest first by id, or only within windows of time, so that no hole is left.

As in `walk`, each page comes with the state to store beside it, and pages are not trusted. By id (`IdAscent`) each page begins with
the last row known: an answer that lacks it is a false one, and two rows under one id (a self-trade) are never torn apart. By time
(`WindowWalk`) every instant from the first to now lies in a window that was asked for, also where nothing happened.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ledger.domain.errors import TerminalError, TransientError
from ledger.domain.time.instant import instant_of_millis

Received = TypeVar("Received")
State = Mapping[str, str | int | None]
Flat = dict[str, str | int | None]

_ASKS_MAX = 4
_WALKS_MAX = 3
_PAGES_MAX = 200  # of one span, which are held in memory until it is whole; a span of more is halved


# --- by id ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IdLeaf(Generic[Received]):
    """One page of rows with rising ids: `rows` counts all of them, `ids` holds those that can be read.

    `short` says in words that a row which the venue gave before is gone.
    """

    received: Received
    rows: int
    ids: tuple[int, ...]
    short: str | None = None


class _RowGone(TransientError):
    """The last row known is not given, however often it is asked for: the page is a false one, or the row is gone."""

    def __init__(self, place: str, row: int) -> None:
        super().__init__(f"{place}: the venue gives pages that do not begin with row {row}, which it gave before")
        self.row = row


class IdAscent(Generic[Received]):
    """Walks rows upwards by id with `fetch(lowest id wanted)`, the id included. `place` names the stream in errors."""

    def __init__(self, fetch: Callable[[int], IdLeaf[Received]], *, place: str) -> None:
        self._fetch = fetch
        self._place = place

    def leaves(self, state: State) -> Iterator[tuple[IdLeaf[Received], Flat]]:
        """Yield the pages that the state lacks, each with the state to store with it.

        A walk ends at a page without a new row, however full the page before was; such a page is yielded only if it is the first.
        When the last row known is not given any more, the walk begins anew, once; the page on which that row should be says so.

        Raises:
            TransientError: when the venue gives false pages again and again.
            TerminalError: when no id on a page can be read: what follows is out of reach.
        """
        try:
            yield from self._ascent(_whole(state, "high"), sought=None)
        except _RowGone as gone:
            missing = gone.row
        else:
            return
        yield from self._ascent(None, sought=missing)

    def _ascent(self, high: int | None, *, sought: int | None) -> Iterator[tuple[IdLeaf[Received], Flat]]:
        """Yield the pages above an id; the one on which the row `sought` should be says so when it is not there."""
        is_first = True
        while True:
            leaf = self._leaf(high)
            is_news = any(high is None or one > high for one in leaf.ids)
            high = max((one for one in (high, *leaf.ids) if one is not None), default=None)
            known = sought if high is None else high
            if sought is not None and (not is_news or sought <= max(leaf.ids)):
                short = None if sought in leaf.ids else f"row {sought}, which it gave before, is no longer among them"
                leaf, sought = replace(leaf, short=short), None
            if is_news or is_first or leaf.short:
                yield leaf, {} if known is None else {"high": known}
            if leaf.rows and not leaf.ids:
                raise TerminalError(f"{self._place}: no row of a page has an id that can be read, so its next page cannot be asked for")
            if not is_news:
                return
            is_first = False

    def _leaf(self, high: int | None) -> IdLeaf[Received]:
        for _ in range(_ASKS_MAX):
            leaf = self._fetch(0 if high is None else high)
            if high is None or (high in leaf.ids and min(leaf.ids) == high):
                return leaf
        assert high is not None, "any page is a first one"
        raise _RowGone(self._place, high)


# --- by time -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Milliseconds since 1970, both ends included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which page of a span is wanted: its number from 0, and how many rows came before it."""

    span: Span
    page: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheaf(Generic[Received]):
    """One page of a span: `ids` names its rows, also those that cannot be read.

    `total` is the venue's own count of the rows of the span, None where it tells none. `is_cut`: there are more rows, and only a
    shorter span can show them. `is_full`: as many rows as were asked for; `is_whole`: no other page exists. `short` says in words that
    the venue counts more rows of a span than it gives.
    """

    received: Received
    ids: tuple[str, ...]
    total: int | None = None
    is_cut: bool = False
    is_full: bool = False
    is_whole: bool = False
    short: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walked(Generic[Received]):
    """The pages of one span as they came: `given` rows, `told` by the venue's own count; see `Sheaf`."""

    leaves: list[Sheaf[Received]]
    given: int
    told: int | None
    is_cut: bool


class WindowWalk(Generic[Received]):
    """Walks a history in windows of at most `longest` milliseconds with `fetch`; all figures are milliseconds.

    The last `margin` before the end of an earlier walk is asked for again: rows may appear late, or change.
    """

    def __init__(self, fetch: Callable[[Turn], Sheaf[Received]], *, place: str, longest: int, margin: int) -> None:
        self._fetch = fetch
        self._place = place
        self._longest = longest
        self._margin = margin

    def leaves(self, state: State, *, since: int, until: int, sure: int) -> Iterator[tuple[Sheaf[Received], Flat]]:
        """Yield the pages of all windows from `since` to `until` that the state lacks, each with the state to store with it.

        `until` is now by the venue's clock, which may be wrong: beyond `sure`, now by ours, no window counts as walked, and a state
        that says so is not believed.
        Where a window's pages never add up to the venue's own count, its last page says so.

        Raises:
            TerminalError: when one millisecond holds more rows than the venue can give.
        """
        low, high = _whole(state, "low"), _whole(state, "high")
        low = since if low is None else low
        high = low if high is None or high > sure else high
        while low > since:
            span = Span(start=max(since, low - self._longest), end=low - 1)
            yield from self._stored(span, before={"low": low, "high": high}, after={"low": span.start, "high": high})
            low = span.start
        start = max(low, high - self._margin)
        while start <= until:
            span = Span(start=start, end=min(start + self._longest - 1, until))
            reached = max(high, min(span.end, sure))
            yield from self._stored(span, before={"low": low, "high": high}, after={"low": low, "high": reached})
            start, high = span.end + 1, reached

    def _stored(self, span: Span, *, before: Flat, after: Flat) -> Iterator[tuple[Sheaf[Received], Flat]]:
        """Yield the pages of a span: only with its last one the span is covered."""
        *leaves, last = self._pages(span)
        for leaf in leaves:
            yield leaf, before
        yield last, after

    def _pages(self, span: Span) -> Iterator[Sheaf[Received]]:
        """Yield the pages of one span, at least one; a span that cannot show all its rows is halved."""
        for _ in range(_WALKS_MAX):
            walked = self._walked(span)
            if walked.is_cut:
                yield from self._halves(span)
                return
            if walked.told is None or walked.given >= walked.told:
                yield from walked.leaves
                return
        yield from walked.leaves[:-1]
        days = f"from {instant_of_millis(span.start):%Y-%m-%d} to {instant_of_millis(span.end):%Y-%m-%d}"
        yield replace(walked.leaves[-1], short=f"{walked.told} counted, {walked.given} given {days}")

    def _walked(self, span: Span) -> _Walked[Received]:
        """Ask for page after page as long as each tells of a row that was not yet given; rows that say the same are counted each."""
        leaves: list[Sheaf[Received]] = []
        seen, is_cut, is_more = Counter[str](), False, False
        while True:
            leaf = self._believed(Turn(span=span, page=len(leaves), offset=seen.total()), seen, is_more=is_more)
            is_news = bool(Counter(leaf.ids) - seen)
            # A full page, and then its rows again: a venue that gives no page but the first, of which a shorter span holds all.
            is_stuck = is_more and bool(leaf.ids) and not is_news and leaf.total is None
            is_cut = leaf.is_cut or is_stuck or len(leaves) == _PAGES_MAX
            if is_news or not leaves:
                leaves.append(leaf)
            seen |= Counter(leaf.ids)
            is_more = leaf.is_full
            is_counted = leaf.total is not None and seen.total() >= leaf.total
            if not is_news or is_cut or leaf.is_whole or is_counted:
                break
        told = max((leaf.total for leaf in leaves if leaf.total is not None), default=None)
        return _Walked(leaves=leaves, given=seen.total(), told=told, is_cut=is_cut)

    def _believed(self, turn: Turn, seen: Counter[str], *, is_more: bool) -> Sheaf[Received]:
        """Return a page; one that tells of nothing new where rows are promised is asked for again."""
        leaf = self._fetch(turn)
        if not Counter(leaf.ids) - seen and (is_more or (leaf.total or 0) > turn.offset):
            leaf = self._fetch(turn)
        return leaf

    def _halves(self, span: Span) -> Iterator[Sheaf[Received]]:
        if span.start >= span.end:
            raise TerminalError(f"{self._place}: the millisecond {span.start} holds more rows than one answer of the venue")
        middle = (span.start + span.end) // 2
        yield from self._pages(Span(start=span.start, end=middle))
        yield from self._pages(Span(start=middle + 1, end=span.end))


def _whole(state: State, name: str) -> int | None:
    figure = state.get(name)
    assert figure is None or isinstance(figure, int), (name, figure)
    return figure
