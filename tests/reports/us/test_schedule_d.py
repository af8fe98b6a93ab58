"""Schedule D: lines from the totals of Form 8949, and what becomes of a loss."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.us.form_8949 import Form8949
from reports.us.schedule_d import ScheduleD, losses_of

BookOf = Callable[..., ReportInput]
Gain = Callable[..., GainRow]
D = Decimal
FIRST = {"rows": "piece", "amounts": "cents", "exception_1": "no", "exception_2": "no", "filing": "other"}


def lines(book: ReportInput) -> dict[str, list[str]]:
    """Columns (d), (e), (g), (h) by line; what has no line by its title."""
    (table,) = ScheduleD().document(book).tables
    return {str(row[2] or row[3]): ["" if cell is None else f"{cell:f}" for cell in row[4:]] for row in table.rows()}  # type: ignore[str-format]  # all are numbers


def test_boxes_go_to_their_lines_and_parts_to_their_results(book_of: BookOf, gain: Gain) -> None:
    rows = tuple(gain(box=box, proceeds="10", cost="1") for box in "AGBHCIDJEKFL")
    found = lines(book_of(gain_rows=rows))
    assert {line: cells for line, cells in found.items() if line not in ("7", "15", "16")} == {
        "1a": ["0", "0", "", "0"],
        "8a": ["0", "0", "", "0"],
        **{line: ["20.00", "2.00", "0.00", "18.00"] for line in ("1b", "2", "3", "8b", "9", "10")},
    }
    assert [found[line][3] for line in ("7", "15", "16")] == ["54.00", "54.00", "108.00"]


def test_exception_1_puts_totals_on_the_first_lines(book_of: BookOf, gain: Gain) -> None:
    rows = (
        gain(box="G", proceeds="10", cost="1"),
        gain(box="G", proceeds="10", cost="1", adjustment=("B", "-2")),
        gain(box="J", proceeds="30", cost="4"),
    )
    found = lines(book_of(gain_rows=rows, options=FIRST | {"exception_1": "yes"}))
    assert found["1a"] == ["10.00", "1.00", "", "9.00"]
    assert found["1b"] == ["10.00", "1.00", "-2.00", "7.00"]
    assert found["8a"] == ["30.00", "4.00", "", "26.00"]
    assert found["16"][3] == "42.00"


# line 7, line 15, limit -> line 21, short and long carried on; by the Capital Loss Carryover Worksheet of the instructions
LOSSES = (
    ("-5000", "1000", 3000, ("3000", "1000", "0")),
    ("-5000", "0", 3000, ("3000", "2000", "0")),
    ("-5000", "0", 1500, ("1500", "3500", "0")),
    ("-1000", "0", 3000, ("1000", "0", "0")),
    ("0", "-5000", 3000, ("3000", "0", "2000")),
    ("1000", "-5000", 3000, ("3000", "0", "1000")),
    ("-2000", "-5000", 3000, ("3000", "0", "4000")),
    ("-4000", "-5000", 3000, ("3000", "1000", "5000")),
    ("-5000", "6000", 3000, ("0", "0", "0")),
    ("5000", "6000", 3000, ("0", "0", "0")),
)


@pytest.mark.parametrize(("short", "long", "limit", "expected"), LOSSES)
def test_a_loss_counts_up_to_the_limit_and_the_rest_is_carried_on_by_term(
    short: str, long: str, limit: int, expected: tuple[str, ...]
) -> None:
    found = losses_of(short=D(short), long=D(long), limit=D(limit))
    assert tuple(f"{amount:f}" for amount in (found.deductible, found.short, found.long)) == expected


@given(st.integers(-9999, 9999), st.integers(-9999, 9999), st.sampled_from([1500, 3000]))
def test_no_loss_is_lost_or_counted_twice(short: int, long: int, limit: int) -> None:
    found = losses_of(short=D(short), long=D(long), limit=D(limit))
    assert found.deductible + found.short + found.long == max(0, -(short + long))


@pytest.mark.parametrize(("filing", "deductible", "carried"), [("other", "-3000", "-1000.00"), ("separate", "-1500", "-2500.00")])
def test_the_limit_depends_on_how_one_files(book_of: BookOf, gain: Gain, filing: str, deductible: str, carried: str) -> None:
    found = lines(book_of(gain_rows=(gain(proceeds="0", cost="4000"),), options=FIRST | {"filing": filing}))
    assert found["21"][3] == deductible
    assert found["Short-term loss carried to the next year"][3] == carried
    assert float(found["Long-term loss carried to the next year"][3]) == 0


DRAWN = st.lists(st.tuples(*[st.decimals(-1000, 1000, places=4).map(str)] * 2, st.sampled_from("ABCDEFGHIJKL"), st.booleans()), max_size=12)


@given(DRAWN, st.sampled_from(["cents", "dollars"]), st.sampled_from(["piece", "sale", "order"]))
def test_lines_are_the_totals_of_form_8949_asked_for_alike(
    book_of: BookOf, gain: Gain, drawn: list[tuple[str, str, str, bool]], amounts: str, rows: str
) -> None:
    pieces = tuple(
        gain(proceeds=proceeds, cost=cost, box=box, adjustment=("O", "1.005") if adjusted else None)
        for proceeds, cost, box, adjusted in drawn
    )
    book = book_of(gain_rows=pieces, options=FIRST | {"amounts": amounts, "rows": rows})
    totals: dict[str, Decimal] = {}
    for row in Form8949().document(book).tables[1].rows():
        totals[str(row[3])] = totals.get(str(row[3]), D(0)) + row[-1]  # type: ignore[operator]  # a gain
    found = lines(book)
    assert {line: D(found[line][3]) for line in totals} == totals
    if drawn:
        assert D(found["16"][3]) == D(found["7"][3]) + D(found["15"][3]) == sum(totals.values())
