"""How Binance pages: trades upwards from an id that is included, other histories newest first within windows of time.

And how its pages can mislead. Source: the venue's REST reference for account trades; its wallet, convert, fiat and simple earn
references for the windows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.sandbox.binance.key import Refused
from ledger.sandbox.binance.rows import HUGE_ID_SHIFT, damaged
from ledger.sandbox.calls import ReceivedCall
from ledger.sandbox.faults import Fault
from ledger.sandbox.paging import RowStream

PAGE_MAX: Final = 1000
_TRADES_DEFAULT: Final = 500
DAY: Final = 86_400_000  # milliseconds
_HORIZON: Final = 90 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One row of a history by time: its time in milliseconds, and its text."""

    at: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How a history by time may be asked: names of the ends, the longest window, the page, and the most rows of one."""

    since: str = "startTime"
    until: str = "endTime"
    days: int | None = None
    window_code: int = -1127
    page: str = ""  # counts from 1; ``offset`` counts rows from 0; empty: only the first page exists
    size: str = "limit"
    rows_default: int = PAGE_MAX
    rows_max: int = PAGE_MAX
    needs_window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page: its rows, and how many the whole window has."""

    texts: list[str]
    total: int


# --- trades --------------------------------------------------------------------------------------------------------


def trade_page(call: ReceivedCall, stream: RowStream, faults: tuple[Fault, ...], *, last_from: int, now: float) -> list[str]:
    """Return the trades that a call asks for, with such faults as were drawn for it.

    `last_from` is the id from which the stream was asked for the last time, which one of the faults answers again.

    Raises:
        Refused: 400 for parameters that do not go together, or windows of more than a day.
    """
    query = call.query
    limit = _limit_in(query)
    low, high = _bounds(query, stream)
    if "fromId" not in query and "startTime" not in query:
        low = max(low, high - limit)
    if Fault.PAST_HORIZON in faults:
        low = max(low, bisect_left(stream.times, int(now * 1_000_000) - _HORIZON * 1000))
    low, high = _misled(stream, low, min(high, low + limit), faults, is_continued="fromId" in query and query["fromId"] != "0")
    if Fault.SAME_CURSOR in faults and low > 0:
        low, high = (start := bisect_left(stream.ids, last_from)), min(len(stream.ids), start + limit)
    return [damaged(stream.texts[index], index=index, faults=faults) for index in range(low, max(low, high))]


def order_page(call: ReceivedCall, stream: RowStream) -> list[str]:
    """Return the orders that a call asks for: from an id that is included, within times, or the newest.

    Raises:
        Refused: 400 for parameters that cannot be read, or windows of more than a day.
    """
    query, limit = call.query, _limit_in(call.query)
    low, high = _bounds_of_time(query, stream)
    if "orderId" in query:
        low = max(low, bisect_left(stream.ids, number_in(query, "orderId")))
    elif "startTime" not in query:
        low = max(low, high - limit)
    return list(stream.texts[low : min(high, low + limit)])


def _limit_in(query: Mapping[str, str]) -> int:
    limit = number_in(query, "limit", default=_TRADES_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
    return limit


def _bounds(query: Mapping[str, str], stream: RowStream) -> tuple[int, int]:
    if "fromId" in query:
        if "startTime" in query or "endTime" in query:
            raise Refused(-1128, "Combination of optional parameters invalid.")
        return bisect_left(stream.ids, number_in(query, "fromId") % HUGE_ID_SHIFT), len(stream.ids)
    return _bounds_of_time(query, stream)


def _bounds_of_time(query: Mapping[str, str], stream: RowStream) -> tuple[int, int]:
    low, high = 0, len(stream.ids)
    if "startTime" in query:
        low = bisect_left(stream.times, number_in(query, "startTime") * 1000)
    if "endTime" in query:
        high = bisect_right(stream.times, number_in(query, "endTime") * 1000 + 999)
    if {"startTime", "endTime"} <= set(query) and number_in(query, "endTime") - number_in(query, "startTime") > DAY:
        raise Refused(-1127, "More than 24 hours between startTime and endTime.")
    return low, high


def _misled(stream: RowStream, low: int, high: int, faults: tuple[Fault, ...], *, is_continued: bool) -> tuple[int, int]:
    rows = high - low
    if Fault.EMPTY_PAGE in faults and is_continued:
        return low, low
    if Fault.SHORT_PAGE in faults and rows > 1:
        return low, low + rows // 2
    if Fault.NEW_FILL in faults and rows > 1 and high == len(stream.ids):
        return low, high - 1
    if Fault.DUPLICATE_ROW in faults and is_continued and low > 0:
        return low - 1, high
    return low, high


# --- histories by time ---------------------------------------------------------------------------------------------


def window_page(call: ReceivedCall, history: Sequence[Happened], rule: WindowRule, faults: tuple[Fault, ...], *, now: float) -> Sheet:
    """Return one page of a window, newest first; `history` is in order of time.

    Raises:
        Refused: 400 for a window that is missing or too long, or for a page that cannot be.
    """
    since, until = _window_of(call.query, rule, now=now)
    if Fault.PAST_HORIZON in faults:
        since = max(since, int(now * 1000) - _HORIZON)
    found = [(number, one) for number, one in enumerate(history) if since <= one.at <= until][::-1]
    size = min(rule.rows_max, max(1, number_in(call.query, rule.size, default=rule.rows_default)))
    offset = _offset_of(call.query, rule, size)
    page = found[offset : offset + size]
    if Fault.EMPTY_PAGE in faults and offset:
        page = []
    if Fault.SHORT_PAGE in faults and len(page) > 1:
        page = page[: len(page) // 2]
    if Fault.DUPLICATE_ROW in faults and offset:
        page = found[offset - 1 : offset + size]
    return Sheet(texts=[damaged(one.text, index=number, faults=faults) for number, one in page], total=len(found))


def _window_of(query: Mapping[str, str], rule: WindowRule, *, now: float) -> tuple[int, int]:
    if rule.needs_window and not {rule.since, rule.until} <= set(query):
        raise Refused(-1102, f"Mandatory parameter '{rule.since}' was not sent, was empty/null, or malformed.")
    until = number_in(query, rule.until, default=int(now * 1000))
    longest = until + 1 if rule.days is None else rule.days * DAY
    since = number_in(query, rule.since, default=max(0, until - longest + 1))
    if until - since > longest:
        raise Refused(rule.window_code, f"More than {rule.days} days between {rule.since} and {rule.until}.")
    return since, until


def _offset_of(query: Mapping[str, str], rule: WindowRule, size: int) -> int:
    if rule.page == "offset":
        return number_in(query, "offset", default=0)
    return (max(1, number_in(query, rule.page, default=1)) - 1) * size if rule.page else 0


def number_in(query: Mapping[str, str], name: str, *, default: int = 0) -> int:
    """Read a whole number of a query.

    Raises:
        Refused: 400 when it is none.
    """
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not text.isascii():
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)
