"""One history as rows that rise by id, and the cut of a page out of it; cursors are ids, pages run newest first."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.sandbox.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStream:
    """Rows in rising order: `ids`, `times` (microseconds since 1970) and the JSON `texts` of each.

    Two rows with one id (a self-trade) stand side by side.
    """

    ids: Sequence[int]
    times: Sequence[int]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """Rows with `before` < id < `after`, from `since` to `until` (both included), the newest `limit` of them."""

    limit: int
    before: int | None = None
    after: int | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Rows `start` to `stop` (excluded) of a stream; `has_older` when the query has rows below them."""

    start: int
    stop: int
    has_older: bool


def cut_of(stream: RowStream, query: PageQuery) -> Cut:
    """Return the newest page that the query allows; rows with one id are never put on two pages."""
    low = 0 if query.before is None else bisect_right(stream.ids, query.before)
    high = len(stream.ids) if query.after is None else bisect_left(stream.ids, query.after)
    if query.since is not None:
        low = max(low, bisect_left(stream.times, query.since))
    if query.until is not None:
        high = min(high, bisect_right(stream.times, query.until))
    high = max(low, high)
    start = max(low, high - query.limit)
    if low < start < high and stream.ids[start - 1] == stream.ids[start]:
        start += 1 if high - start > 1 else -1
    return Cut(start=start, stop=high, has_older=start > low)


def misled(cut: Cut, stream: RowStream, asked: PageQuery, faults: tuple[Fault, ...]) -> Cut:
    """Return the page as a paging fault leaves it."""
    rows = cut.stop - cut.start
    if Fault.EMPTY_PAGE in faults and asked.after is not None:
        return Cut(start=cut.start, stop=cut.start, has_older=False)
    if Fault.SHORT_PAGE in faults and rows > 1:
        return cut_of(stream, replace(asked, limit=rows // 2))
    if Fault.NEW_FILL in faults and rows > 1 and cut.stop == len(stream.ids):
        return Cut(start=cut.start, stop=cut.stop - 1, has_older=cut.has_older)
    if Fault.DUPLICATE_ROW in faults and asked.after is not None and rows and cut.stop < len(stream.ids):
        return Cut(start=cut.start, stop=cut.stop + 1, has_older=cut.has_older)
    return cut
