"""How Coinbase Exchange pages: cursors in headers, newest first, "before" means newer; and how its pages can mislead.

Source: the venue's REST pagination page. ``CB-BEFORE`` is the cursor of the first row, ``CB-AFTER`` of the last; an empty
page has neither, the last page no ``CB-AFTER``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ledger.sandbox.calls import Answer, Header, ReceivedCall
from ledger.sandbox.coinbase_exchange.key import Refused
from ledger.sandbox.coinbase_exchange.rows import HUGE_ID_SHIFT, damaged, unsettled
from ledger.sandbox.faults import Fault
from ledger.sandbox.history.rows import instant_of, instant_text, microseconds_of
from ledger.sandbox.paging import Cut, PageQuery, RowStream, cut_of, misled

PAGE_MAX: Final = 1000
CB_AFTER: Final = "CB-AFTER"
_UNSETTLED_ROWS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorForm:
    """How a cursor is written and read; `shift` is what huge ids are shifted by."""

    read: Callable[[str], int]
    write: Callable[[int], str]
    shift: int


def _id_of(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise Refused(400, "invalid cursor")
    return int(text) % HUGE_ID_SHIFT


def _time_of(text: str) -> int:
    return microseconds_in(text, "cursor")


def _time_text(microseconds: int) -> str:
    return instant_text(instant_of(microseconds))


BY_ID: Final = CursorForm(read=_id_of, write=str, shift=HUGE_ID_SHIFT)
BY_TIME: Final = CursorForm(read=_time_of, write=_time_text, shift=0)


def page_answer(
    call: ReceivedCall, stream: RowStream, form: CursorForm, faults: tuple[Fault, ...], *, last_cursor: str | None, dated: bool = True
) -> Answer:
    """Return the page that a call asks for, with such faults as were drawn for it.

    `last_cursor` is the ``CB-AFTER`` given out last for this stream, which one of the faults gives out again. `dated`
    streams also heed ``start_date`` and ``end_date``, both included.

    Raises:
        Refused: 400 for a cursor, limit or date that cannot be read.
    """
    asked = _query_of(call, form, dated=dated)
    if Fault.CURSOR_EXPIRED in faults and asked.after is not None:
        raise Refused(400, "cursor is expired")
    cut = misled(cut_of(stream, asked), stream, asked, faults)
    texts = [damaged(stream.texts[index], index=index, faults=faults) for index in range(cut.stop - 1, cut.start - 1, -1)]
    if Fault.UNSETTLED in faults:
        texts[:_UNSETTLED_ROWS] = map(unsettled, texts[:_UNSETTLED_ROWS])
    headers = _cursors(stream, cut, form, faults, last_cursor=last_cursor)
    return Answer(status=200, body=f"[{','.join(texts)}]".encode(), headers=headers)


def _query_of(call: ReceivedCall, form: CursorForm, *, dated: bool) -> PageQuery:
    query = call.query
    before, after = (form.read(query[name]) if name in query else None for name in ("before", "after"))
    since, until = (microseconds_in(query[name], name) if dated and name in query else None for name in ("start_date", "end_date"))
    return PageQuery(limit=_limit(query.get("limit", str(PAGE_MAX))), before=before, after=after, since=since, until=until)


def _cursors(stream: RowStream, cut: Cut, form: CursorForm, faults: tuple[Fault, ...], *, last_cursor: str | None) -> tuple[Header, ...]:
    if cut.start == cut.stop:
        return ()
    shift = form.shift if Fault.HUGE_IDS in faults else 0
    headers = [("CB-BEFORE", form.write(stream.ids[cut.stop - 1] + shift))]
    if Fault.SAME_CURSOR in faults and last_cursor is not None:
        headers.append((CB_AFTER, last_cursor))
    elif cut.has_older or Fault.CURSOR_AFTER_LAST in faults:
        headers.append((CB_AFTER, form.write(stream.ids[cut.start] + shift)))
    return tuple(headers)


def _limit(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) < 1:
        raise Refused(400, "invalid limit")
    return min(PAGE_MAX, int(text))


def microseconds_in(text: str, name: str) -> int:
    """Read an instant as microseconds since 1970.

    ISO 8601 with ``T`` or a space; ``Z``, ``+00``, or `` 00`` where a plus sign was not escaped; a day is its midnight.

    Raises:
        Refused: 400 with the parameter's name.
    """
    spelled = re.sub(r"(:\d\d(?:\.\d+)?) (\d\d(?::?\d\d)?)$", r"\1+\2", text, flags=re.ASCII)
    try:
        instant = datetime.fromisoformat(spelled)
    except ValueError:
        raise Refused(400, f"invalid {name}") from None
    return microseconds_of(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def seconds_in(text: str, name: str) -> int:
    """Read an instant, or a count of seconds since 1970, as such a count.

    Raises:
        Refused: 400 with the parameter's name.
    """
    return int(text) if text.isdecimal() and text.isascii() else microseconds_in(text, name) // 1_000_000
