"""Form 8949: figures of the Instructions for Form 8949 (2025), and what must not go onto the form."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.document import Row
from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.us.form_8949 import Form8949


def figures_of(row: Row) -> tuple[str, ...]:
    """Columns (d), (e), (g) and (h) of a row as text."""
    return tuple(str(row[place]) for place in (6, 7, 9, 10))


# Column (h) = (d) - (e) + (g): the instructions' examples for columns (g) and (h).
COLUMN_H = [
    ("6000", "2000", None, "4000.00"),
    ("6000", "8000", None, "-2000.00"),
    ("6000", "2000", ("L", "-1000"), "3000.00"),
    ("1000", "900", ("B", "800"), "900.00"),
    ("320000", "100000", ("EH", "-220000"), "0.00"),
]


@pytest.mark.parametrize(("proceeds", "cost", "adjustment", "expected"), COLUMN_H)
def test_column_h_is_d_less_e_plus_g(
    book_of: Callable[..., ReportInput],
    gain: Callable[..., GainRow],
    proceeds: str,
    cost: str,
    adjustment: tuple[str, str] | None,
    expected: str,
) -> None:
    book = book_of(gain_rows=(gain(proceeds=proceeds, cost=cost, adjustment=adjustment),))
    (row,) = Form8949().document(book).tables[0].rows()
    assert str(row[10]) == expected


ROUNDING = [
    ("1.494", "1.49"),
    ("1.495", "1.50"),
    ("1.4949999999", "1.49"),
    ("0.005", "0.01"),
    ("0.004999999999999999", "0.00"),
]


@pytest.mark.parametrize(("exact", "printed"), ROUNDING)
def test_cents_are_rounded_half_up_in_each_row(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow], exact: str, printed: str
) -> None:
    book = book_of(gain_rows=(gain(proceeds=exact, cost="0"),))
    (row,) = Form8949().document(book).tables[0].rows()
    assert figures_of(row) == (printed, "0.00", "None", printed)


def test_gain_is_computed_from_the_rounded_figures(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    book = book_of(gain_rows=(gain(proceeds="1.005", cost="0.994"),))  # the exact gain is 0.011
    (row,) = Form8949().document(book).tables[0].rows()
    assert figures_of(row) == ("1.01", "0.99", "None", "0.02")


def test_totals_are_sums_of_the_printed_rows(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    book = book_of(gain_rows=tuple(gain(proceeds="0.005", cost="0") for _ in range(3)))
    _, totals, _ = Form8949().document(book).tables
    (row,) = totals.rows()
    assert [str(cell) for cell in row] == ["2025", "Part I, short-term", "I", "3", "3", "1", "0.03", "0.00", "0.00", "0.03"]


def test_tie_out_shows_what_rounding_changed(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    book = book_of(gain_rows=tuple(gain(proceeds="0.005", cost="0") for _ in range(3)))
    _, _, tie_out = Form8949().document(book).tables
    first = next(tie_out.rows())
    assert [str(cell) for cell in first[3:]] == ["(d) Proceeds", "0.03", "0.015", "0.015"]


@given(
    st.lists(st.tuples(*[st.decimals(min_value=-(10**6), max_value=10**6, places=4).map(str)] * 3, st.sampled_from("CFIL")), max_size=25)
)
def test_totals_by_box_are_those_of_the_rows_and_add_up_across(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow], drawn: list[tuple[str, ...]]
) -> None:
    rows = tuple(gain(proceeds=proceeds, cost=cost, adjustment=("O", change), box=box) for proceeds, cost, change, box in drawn)
    main, totals, _ = Form8949().document(book_of(gain_rows=rows)).tables
    printed = list(main.rows())
    assert len(printed) == len(drawn)
    for year, _, box, _, count, _, *figures in totals.rows():
        page = [row for row in printed if (row[0], row[2]) == (year, box)]
        assert count == len(page)
        assert figures == [sum(row[place] for row in page) for place in (6, 7, 9, 10)]
        assert figures[3] == figures[0] - figures[1] + figures[2]


BOX_LINES = [("A", "1b"), ("B", "2"), ("C", "3"), ("D", "8b"), ("E", "9"), ("F", "10")]
BOX_LINES += [("G", "1b"), ("H", "2"), ("I", "3"), ("J", "8b"), ("K", "9"), ("L", "10")]


@pytest.mark.parametrize(("box", "line"), BOX_LINES)
def test_box_belongs_to_a_part_and_a_line_of_schedule_d(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow], box: str, line: str
) -> None:
    _, totals, _ = Form8949().document(book_of(gain_rows=(gain(box=box),))).tables
    (row,) = totals.rows()
    part = "Part I, short-term" if box in "ABCGHI" else "Part II, long-term"
    assert row[1:4] == (part, box, line)


def test_rows_stand_by_year_part_and_box(book: ReportInput) -> None:
    rows = Form8949().document(book).tables[0].rows()
    assert [row[0:3:2] for row in rows] == [(2024, "C"), (2024, "F"), (2025, "I"), (2025, "I"), (2025, "I"), (2025, "I"), (2025, "L")]


def test_description_has_the_exact_units_and_dates_are_american(book: ReportInput) -> None:
    row = next(Form8949().document(book).tables[0].rows())
    assert row[3:6] == ("0.5 BTC, sale s-1", "01/05/2024", "05/06/2024")


def test_row_that_rounds_to_nothing_stays(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    book = book_of(gain_rows=(gain(proceeds="0.00000022", cost="0.00000022", quantity="1E-8"),))
    (row,) = Form8949().document(book).tables[0].rows()
    assert row[3] == "0.00000001 BTC, sale sale-1"
    assert figures_of(row) == ("0.00", "0.00", "None", "0.00")


def test_disposal_without_price_is_left_out_and_said_so(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    document = Form8949().document(book_of(gain_rows=(gain(), gain(proceeds=None), gain(cost=None))))
    assert len(list(document.tables[0].rows())) == 1
    assert document.notes[0] == "Left out of the form: 2 disposals without a price. Add the missing prices before filing."


def test_disposal_without_acquisition_has_no_date_acquired_and_is_noted(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]
) -> None:
    document = Form8949().document(book_of(gain_rows=(gain(acquired=None, cost="0"),)))
    (row,) = document.tables[0].rows()
    assert (row[4], row[13]) == (None, "missing-basis")
    assert document.notes[0].startswith("On the form with a cost of 0 and an empty column (b): 1 disposal without a known acquisition.")


def test_regime_without_boxes_is_refused(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    book = book_of(gain_rows=(gain(box=""),))
    with pytest.raises(UnsupportedCase, match="D-0000000000000001-1 has no box") as refusal:
        Form8949().document(book)
    assert 'regime "us"' in refusal.value.mend
