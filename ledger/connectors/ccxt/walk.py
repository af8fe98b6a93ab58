"""Paging of our own: ccxt's loops skip rows of one instant, stop at an empty window, or trust a page's length; these do not.

By time, nothing is assumed of a venue's page: not its length, and not from which end it is cut. A window is narrowed from both
sides, ends included, until an answer brings nothing new; and an answer that lacks a row that is known to be in it was cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from ledger.connectors.ccxt.client import Reply
from ledger.domain.errors import TerminalError, TransientError
from ledger.domain.json_text import Json
from ledger.ports import CursorState

MS_DAY = 86_400_000
CUT = "cut"  # more rows of one instant than a page holds
UNBOUNDED = "unbounded"  # the venue passes over the ends that are asked for
_ROUNDING_MS = 2_000  # some venues know whole seconds only
_EDGE_MS = 1  # an end that a venue excludes is asked for all the same
_PAGE_ROWS_MIN = 25  # no venue gives smaller pages: one that holds fewer rows was not cut


class Ask(Protocol):
    """Makes one call."""

    def __call__(self, *, since: int | None = None, until: int | None = None, mark: str | None = None) -> Reply:
        """Return the rows from `since` to `until` (milliseconds since 1970), or those from `mark` on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A row's id and time, in milliseconds since 1970."""

    row_id: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """An answer, and the cursor after it; `doubt` says why rows may be missing at its ends, empty where they are not."""

    reply: Reply
    marks: tuple[Mark, ...]
    state: CursorState
    doubt: str = ""


def marks_of(rows: tuple[Json, ...]) -> tuple[Mark, ...]:
    """Return the marks of the rows that have an id and a time; what has none is told when it is read."""
    return tuple(
        Mark(row_id=str(row["id"]), at=at)
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("id"), (str, int)) and isinstance(at := row.get("timestamp"), int)
    )


# --- by time ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class TimeWalk:
    """Windows from `begin` to `now`. `span` is the length of a window, `overlap` how far a later run goes back (all milliseconds)."""

    ask: Ask
    begin: int
    now: int
    span: int
    overlap: int
    page_rows_min: int = _PAGE_ROWS_MIN
    _known: dict[str, int] = field(default_factory=dict)
    _most: int = 0

    def leaves(self, state: CursorState, *, since: int | None) -> Iterator[Leaf]:
        """Yield the answers that the cursor lacks."""
        bound: dict[str, str | int | None] = {} if since is None else {"since": since * 1000}
        start = _start_of(state, since, self.overlap)
        if start is None:
            start = self.begin if since is None else max(since, self.begin)
        else:
            bound = {name: state[name] for name in ("since",) if name in state}
        while start < self.now:
            end = min(start + self.span, self.now)
            done = {**bound, "reached": end} if end == self.now else {**bound, "walk_at": end}
            yield from _closed_with(self._window(start, end), before={**bound, "walk_at": start}, after=done)
            start = end

    def _window(self, start: int, end: int) -> Iterator[Leaf]:
        self._known = {}
        gaps = [(start, end)]
        while gaps:
            low, high = gaps.pop()
            leaf = self._answer(low, high)
            fresh = [mark for mark in leaf.marks if mark.row_id not in self._known]
            if not fresh and not self._is_plain(leaf, low, high):
                leaf = self._answer(low, high, edge=0)
                fresh = [mark for mark in leaf.marks if mark.row_id not in self._known]
            self._known |= {mark.row_id: mark.at for mark in leaf.marks}
            if fresh:
                times = [mark.at for mark in fresh]
                gaps += [(min(max(*times, low), high), high), (low, max(min(*times, high), low))]
            else:
                leaf = replace(leaf, doubt=self._doubt(leaf, low, high))
                gaps += _around(leaf.marks, low, high) if leaf.doubt == CUT else []
            yield leaf

    def _answer(self, low: int, high: int, *, edge: int = _EDGE_MS) -> Leaf:
        reply = self.ask(since=max(0, low - edge), until=high + edge)
        marks = marks_of(reply.rows)
        self._most = max(self._most, len(marks))
        return Leaf(reply=reply, marks=marks, state={})

    def _is_plain(self, leaf: Leaf, low: int, high: int) -> bool:
        """Tell whether an answer with nothing new is simply the end: it has all that is known to be in it, and nothing beside."""
        had = {mark.row_id for mark in leaf.marks}
        lacks = any(low <= at <= high and row_id not in had for row_id, at in self._known.items())
        return not lacks and all(low <= mark.at <= high for mark in leaf.marks)

    def _doubt(self, leaf: Leaf, low: int, high: int) -> str:
        """Return why a page with nothing new may still not be the end: it is as full as any, or the ends were passed over."""
        times = [mark.at for mark in leaf.marks]
        if len(times) >= max(self.page_rows_min, self._most) and max(times) - min(times) <= _ROUNDING_MS:
            return CUT
        is_bounded = all(low - _ROUNDING_MS <= at <= high + _ROUNDING_MS for at in times)
        return "" if is_bounded else UNBOUNDED


def _around(marks: tuple[Mark, ...], low: int, high: int) -> list[tuple[int, int]]:
    """Return what is left of a window before and after a page that was cut within one instant, or within one second."""
    oldest, newest = min(mark.at for mark in marks), max(mark.at for mark in marks)
    step = 1 if oldest == newest and low <= oldest <= high else _ROUNDING_MS
    parts = ((max(newest, low) + step, high), (low, min(oldest, high) - step))
    return [(start, end) for start, end in parts if start <= end]


def _start_of(state: CursorState, since: int | None, overlap: int) -> int | None:
    """Return where to go on; None: from the beginning, also because the user now asks for older rows than before."""
    stored = state.get("since")
    if since is not None and isinstance(stored, int) and since * 1000 < stored:
        return None
    at, reached = state.get("walk_at"), state.get("reached")
    if isinstance(at, int):
        return at
    return max(0, reached - overlap) if isinstance(reached, int) else None


def _closed_with(leaves: Iterator[Leaf], *, before: CursorState, after: CursorState) -> Iterator[Leaf]:
    """Yield leaves with the cursor `before`, the last of them with `after`."""
    held: Leaf | None = None
    for leaf in leaves:
        if held is not None:
            yield replace(held, state=before)
        held = leaf
    assert held is not None, "a window asks at least once"
    yield replace(held, state=after)


# --- by id -----------------------------------------------------------------------------------------------------------


def leaves_by_id(ask: Ask, state: CursorState) -> Iterator[Leaf]:
    """Yield pages oldest first, each from the last id of the one before, until a page brings nothing new.

    Raises:
        TerminalError: when ids are no whole numbers: nobody knows which is the last.
    """
    last = int(state.get("last_id") or 0)
    while True:
        reply = ask(mark=str(last))
        marks = marks_of(reply.rows)
        highest = max((_whole(mark.row_id) for mark in marks), default=last)
        if highest <= last:
            yield Leaf(reply=reply, marks=marks, state={"last_id": str(last)})
            return
        last = highest
        yield Leaf(reply=reply, marks=marks, state={"last_id": str(last), "walk_at": str(last)})


def _whole(row_id: str) -> int:
    if not (row_id.isascii() and row_id.isdigit()):
        raise TerminalError(f"the venue's id {row_id!r} is no whole number", mend="a newer Lotwright may walk this venue otherwise")
    return int(row_id)


# --- by token --------------------------------------------------------------------------------------------------------


def leaves_by_token(ask: Ask, state: CursorState, *, since: int | None, overlap: int) -> Iterator[Leaf]:
    """Yield pages newest first, until the venue has no more or what is known is reached.

    Raises:
        TransientError: when the venue's mark leads to itself.
    """
    stored, reached = state.get("since"), state.get("reached")
    if since is not None and isinstance(stored, int) and since * 1000 < stored:
        reached = None
    floor = reached - overlap if isinstance(reached, int) else since
    kept: dict[str, str | int | None] = {"since": since * 1000} if since is not None and not isinstance(reached, int) else {}
    kept |= {"since": stored} if isinstance(reached, int) and isinstance(stored, int) else {}
    held = {"reached": reached} if isinstance(reached, int) else {}
    token, top = state.get("walk_token"), state.get("walk_top")
    newest = max(at for at in (top, reached, 0) if isinstance(at, int))
    while True:
        reply = ask(mark=None if token is None else str(token))
        marks = marks_of(reply.rows)
        newest = max([newest, *(mark.at for mark in marks)])
        after = reply.end.get("token")
        if after is not None and after == token:
            raise TransientError(f"the venue's pages go in a circle at {token!r}", mend="run again later")
        is_below = floor is not None and any(mark.at < floor for mark in marks)
        if not isinstance(after, str) or is_below:
            yield Leaf(reply=reply, marks=marks, state={**kept, "reached": newest})
            return
        token = after
        yield Leaf(reply=reply, marks=marks, state={**kept, **held, "walk_token": token, "walk_top": newest})
