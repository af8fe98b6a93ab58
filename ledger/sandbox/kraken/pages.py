"""How Kraken pages: 50 rows newest first from an offset, and how many there are in all; and how its pages can mislead.

Source: the venue's REST reference for ledgers and trades history: `start` is exclusive, `end` inclusive, both seconds since 1970
with decimals, or the id of a row.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import groupby
from typing import Final

from ledger.domain.amount import EXACT
from ledger.sandbox.calls import Answer
from ledger.sandbox.faults import Fault
from ledger.sandbox.kraken.key import Refused
from ledger.sandbox.kraken.rows import Entry, damaged

PAGE_MAX: Final = 50
_COUNTED_TOO_MANY: Final = 3
KEY_WINDOW_FROM: Final = 1_735_689_600_000_000  # 2025-01-01, in microseconds: the key of that fault shows nothing older


class History:
    """Rows in order of time."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries

    @cached_property
    def times(self) -> list[int]:
        """Return the times of all rows, in microseconds since 1970."""
        return [entry.at for entry in self.entries]

    @cached_property
    def by_id(self) -> Mapping[str, Entry]:
        """Return the rows by id."""
        return {entry.row_id: entry for entry in self.entries}

    def since(self, at: int) -> "History":
        """Return the rows from an instant on."""
        return History([entry for entry in self.entries if entry.at >= at])


def page_answer(form: Mapping[str, str], history: History, name: str, faults: tuple[Fault, ...]) -> Answer:
    """Return the page that a form asks for, with such faults as were drawn for it; `name` is that of the rows in the answer.

    Raises:
        Refused: for an offset or a bound that cannot be read.
    """
    if Fault.MISSING_RESULT in faults:
        return Answer(status=200, body=b'{"error":[]}')
    low, high = _bounds(form, history)
    offset = _offset(form)
    if Fault.NEW_FILL in faults and high == len(history.entries):
        high = max(low, high - 1)
    count = high - low
    indexes = _order(history, low, high, faults)
    shift = 1 if Fault.OFFSET_SHIFT in faults else 0
    chosen = indexes[max(0, offset - shift) : offset - shift + PAGE_MAX]
    if Fault.DUPLICATE_ROW in faults and 0 < offset <= len(indexes):
        chosen = [indexes[offset - 1], *chosen]
    if Fault.EMPTY_PAGE in faults:
        chosen = []
    if Fault.SHORT_PAGE in faults and len(chosen) > 1:
        chosen = chosen[: len(chosen) // 2]
    told = count + shift + (_COUNTED_TOO_MANY if Fault.COUNT_TOO_HIGH in faults else 0)
    texts = [f'"{history.entries[at].row_id}":{damaged(history.entries[at].text, index=at, faults=faults)}' for at in chosen]
    return Answer(status=200, body=f'{{"error":[],"result":{{"{name}":{{{",".join(texts)}}},"count":{told}}}}}'.encode())


def _order(history: History, low: int, high: int, faults: tuple[Fault, ...]) -> Sequence[int]:
    """Return the indexes from the newest row down; of rows of one instant in another order where that fault was drawn."""
    newest_first = range(high - 1, low - 1, -1)
    if Fault.EQUAL_TIMES_SHUFFLED not in faults:
        return newest_first
    blocks = groupby(newest_first, key=lambda at: history.times[at])
    return [at for _, block in blocks for at in reversed(list(block))]


def _bounds(form: Mapping[str, str], history: History) -> tuple[int, int]:
    start, end = form.get("start"), form.get("end")
    low = bisect_right(history.times, _instant(start, history)) if start else 0
    high = bisect_right(history.times, _instant(end, history)) if end else len(history.entries)
    return low, max(low, high)


def _instant(text: str, history: History) -> int:
    if text in history.by_id:
        return history.by_id[text].at
    try:
        return int(EXACT.scaleb(Decimal(text), 6))
    except (InvalidOperation, ArithmeticError, ValueError):
        raise Refused("EGeneral:Invalid arguments") from None


def _offset(form: Mapping[str, str]) -> int:
    text = form.get("ofs", "0") or "0"
    if not text.isdecimal() or not text.isascii():
        raise Refused("EGeneral:Invalid arguments:ofs")
    return int(text)
