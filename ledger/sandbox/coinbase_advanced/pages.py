"""How Coinbase Advanced Trade pages, newest first: a cursor in the body (v3), an address of the next page (v2); and how pages mislead.

Source: the venue's reference of List Fills (`cursor`) and its page on pagination of v2 (`next_uri`).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from ledger.sandbox.calls import Answer, ReceivedCall
from ledger.sandbox.coinbase_advanced.key import Refused, invalid
from ledger.sandbox.coinbase_advanced.rows import JsonRow, damaged
from ledger.sandbox.faults import Fault
from ledger.sandbox.history.rows import microseconds_of
from ledger.sandbox.paging import PageQuery, RowStream, cut_of, misled

CURSORS_FROM: Final = 2**53 + 114_994_851  # cursors are long texts of digits
_FIGURE_TEXT: Final = re.compile(r'"(price|size|commission|amount)":"(-?\d+\.\d{18})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Rows in rising order: `stream` has their ids and times, `content` writes the row of an index."""

    stream: RowStream
    content: Callable[[int], JsonRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCut:
    """The rows of a page, newest first, and the id after which older ones begin; None at the end."""

    rows: list[JsonRow]
    after: int | None


def page_of(history: History, asked: PageQuery, faults: tuple[Fault, ...], *, last_after: int | None) -> PageCut:
    """Cut a page, with such faults as were drawn for it; `last_after` is what the page before went on with.

    Raises:
        Refused: 400 when the cursor has expired.
    """
    if Fault.CURSOR_EXPIRED in faults and asked.after is not None:
        raise invalid("cursor is expired")
    stream = history.stream
    cut = misled(cut_of(stream, asked), stream, asked, faults)
    rows = [damaged(history.content(index), index=index, faults=faults) for index in range(cut.stop - 1, cut.start - 1, -1)]
    if not rows:
        return PageCut(rows=[], after=None)
    if Fault.SAME_CURSOR in faults and last_after is not None:
        return PageCut(rows=rows, after=last_after)
    goes_on = cut.has_older or Fault.CURSOR_AFTER_LAST in faults
    return PageCut(rows=rows, after=stream.ids[cut.start] if goes_on else None)


def page_answer(content: JsonRow, faults: tuple[Fault, ...]) -> Answer:
    """Write a page; one of the faults spells figures as JSON numbers."""
    text = json.dumps(content, separators=(",", ":"))
    if Fault.JSON_NUMBERS in faults:
        text = _FIGURE_TEXT.sub(r'"\1":\2', text)
    return Answer(status=200, body=text.encode())


def all_of(call: ReceivedCall, *names: str) -> list[str]:
    """Return every value of a parameter that may be repeated, under any of its names."""
    return [text for name, text in parse_qsl(call.target.partition("?")[2]) if name in names]


def limit_of(call: ReceivedCall, *, usual: int, most: int) -> int:
    """Return the page size asked for, at most `most`.

    Raises:
        Refused: 400 when it is no positive number.
    """
    text = call.query.get("limit", str(usual))
    if not text.isdecimal() or not text.isascii() or int(text) < 1:
        raise invalid("invalid limit")
    return min(most, int(text))


def microseconds_in(call: ReceivedCall, name: str) -> int | None:
    """Read an instant of RFC 3339 as microseconds since 1970; None when it was not given.

    Raises:
        Refused: 400 when it is none.
    """
    if name not in call.query:
        return None
    try:
        instant = datetime.fromisoformat(call.query[name])
    except ValueError:
        raise invalid(f"invalid {name}") from None
    if instant.tzinfo is None:
        raise invalid(f"invalid {name}")
    return microseconds_of(instant)


def refused_v2(status: int, code: str, message: str) -> Refused:
    """Return a refusal in the words of v2."""
    return Refused(status, {"errors": [{"id": code, "message": message}]})
