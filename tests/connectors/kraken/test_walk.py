"""The walk by offset over pages made by hand: what is repeated above the overlap was counted with the page before."""

import json

import pytest

from ledger.connectors.kraken.walk import OffsetWalker, Trail, Window
from ledger.domain.json_text import json_of
from ledger.transport.reader import Answer

PAGE = 50
FIRST_AT = 1_700_000_000  # seconds since 1970


class Venue:
    """Rows newest first, a second apart; each further page begins with the row before it as well."""

    def __init__(self, rows: int) -> None:
        self.row_ids = [f"L{number:05}" for number in range(rows)]
        self.asked: list[int] = []

    def page(self, window: Window) -> Answer:
        self.asked.append(window.offset)
        first = max(0, window.offset - 1)
        told = self.row_ids[first : window.offset + PAGE]
        times = {row: FIRST_AT - self.row_ids.index(row) for row in told}
        result = {"ledger": {row: {"time": at} for row, at in times.items()}, "count": len(self.row_ids)}
        content = json.dumps({"error": [], "result": result}).encode()
        return Answer(request="Ledgers", headers={}, content=content, json=json_of(content))


@pytest.mark.parametrize("rows", [1, 50, 51, 98, 99, 100, 101, 146, 147, 148, 149, 150, 1_000])
def test_a_row_told_twice_on_every_page_costs_no_call_and_no_row(rows: int) -> None:
    venue = Venue(rows)
    walker = OffsetWalker(venue.page, name="ledger", place="kraken: ledger")
    leaves = list(walker.leaves(Trail(), since=None, now=(FIRST_AT + 1) * 1_000_000))
    assert {row for leaf, _ in leaves for row in leaf.rows} == set(venue.row_ids)
    assert [leaf.short for leaf, _ in leaves] == [None] * len(leaves)
    assert venue.asked == sorted(set(venue.asked)), "no page was asked for again, and none was left out"
    assert leaves[-1][1].window is None, "the walk came to its end"
