"""Which pieces stand on one row of Form 8949, in cents or dollars, and its two exceptions."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from ledger.domain.document import Row
from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.us.form_8949 import Form8949

BookOf = Callable[..., ReportInput]
Gain = Callable[..., GainRow]

FIRST = {"rows": "piece", "amounts": "cents", "exception_1": "no", "exception_2": "no", "filing": "other"}
EARLY = datetime(2025, 1, 2, 15, tzinfo=UTC)
LATER = datetime(2025, 2, 3, 15, tzinfo=UTC)
OTHER_SALE = "0000000000000002"


def asked(**options: str) -> Mapping[str, str]:
    return FIRST | options


def columns(row: Row) -> str:
    """Box and columns (a) to (h) as text."""
    return " | ".join("-" if cell is None else str(cell) for cell in row[2:11])


def rows_of(book: ReportInput) -> list[str]:
    return [columns(row) for row in Form8949().document(book).tables[0].rows()]


def test_the_lots_of_a_sale_are_one_row_with_various_dates(book_of: BookOf, gain: Gain) -> None:
    pieces = (
        gain(proceeds="10.005", cost="4", acquired=EARLY, quantity="0.1"),
        gain(proceeds="20.004", cost="5", acquired=LATER, quantity="0.25"),
        gain("sale-2", proceeds="1", cost="2", number=OTHER_SALE),
    )
    assert rows_of(book_of(gain_rows=pieces, options=asked(rows="sale"))) == [
        "I | 0.35 BTC, sale sale-1 | VARIOUS | 03/01/2025 | 30.01 | 9.00 | - | - | 21.01",
        "I | 1 BTC, sale sale-2 | 01/02/2025 | 03/01/2025 | 1.00 | 2.00 | - | - | -1.00",
    ]


def test_a_sale_in_two_terms_is_a_row_in_each_part(book_of: BookOf, gain: Gain) -> None:
    pieces = (gain(proceeds="10", cost="4"), gain(proceeds="20", cost="5", box="L"), gain(proceeds="30", cost="6"))
    assert rows_of(book_of(gain_rows=pieces, options=asked(rows="sale"))) == [
        "I | 2 BTC, sale sale-1 | 01/02/2025 | 03/01/2025 | 40.00 | 10.00 | - | - | 30.00",
        "L | 1 BTC, sale sale-1 | 01/02/2025 | 03/01/2025 | 20.00 | 5.00 | - | - | 15.00",
    ]


def test_fills_of_an_order_are_one_row_for_each_day_of_sale(book_of: BookOf, gain: Gain) -> None:
    next_day = datetime(2025, 3, 2, 12, tzinfo=UTC)
    pieces = (
        gain("f1", order="o1", number="0000000000000001"),
        gain("f2", order="o2", number="0000000000000002"),
        gain("f3", order="o1", number="0000000000000003"),
        gain("f4", number="0000000000000004"),
        gain("f5", order="o1", number="0000000000000005", disposed=next_day),
        gain("f6", order="o1", number="0000000000000006", disposed=next_day, asset="BNB"),
    )
    assert rows_of(book_of(gain_rows=pieces, options=asked(rows="order"))) == [
        "I | 2 BTC, order o1 | 01/02/2025 | 03/01/2025 | 200.00 | 120.00 | - | - | 80.00",
        "I | 1 BTC, order o2 | 01/02/2025 | 03/01/2025 | 100.00 | 60.00 | - | - | 40.00",
        "I | 1 BTC, sale f4 | 01/02/2025 | 03/01/2025 | 100.00 | 60.00 | - | - | 40.00",
        "I | 1 BTC, order o1 | 01/02/2025 | 03/02/2025 | 100.00 | 60.00 | - | - | 40.00",
        "I | 1 BNB, order o1 | 01/02/2025 | 03/02/2025 | 100.00 | 60.00 | - | - | 40.00",
    ]


def test_codes_and_adjustments_of_one_row_are_taken_together(book_of: BookOf, gain: Gain) -> None:
    pieces = (gain(adjustment=("T", "0"), box="H"), gain(adjustment=("E", "-1.5"), box="H"), gain(box="H"))
    assert rows_of(book_of(gain_rows=pieces, options=asked(rows="sale"))) == [
        "H | 3 BTC, sale sale-1 | 01/02/2025 | 03/01/2025 | 300.00 | 180.00 | ET | -1.50 | 118.50"
    ]


def test_units_without_an_acquisition_make_the_dates_of_a_row_various_and_keep_their_finding(book_of: BookOf, gain: Gain) -> None:
    pieces = (gain(), gain(acquired=None, cost="0"))
    (row,) = Form8949().document(book_of(gain_rows=pieces, options=asked(rows="sale"))).tables[0].rows()
    assert (row[4], row[13]) == ("VARIOUS", "missing-basis")


# Instructions for Form 8949 (2025), "Rounding off to whole dollars": 1.49 is 1, 1.50 is 2; all amounts or none.
DOLLARS = [("1.49", "1"), ("1.50", "2"), ("-1.50", "-2"), ("1.4999", "1")]


@pytest.mark.parametrize(("exact", "printed"), DOLLARS)
def test_whole_dollars_are_rounded_half_up_in_each_row(book_of: BookOf, gain: Gain, exact: str, printed: str) -> None:
    book = book_of(gain_rows=(gain(proceeds=exact, cost="0"),), options=asked(amounts="dollars"))
    assert rows_of(book) == [f"I | 1 BTC, sale sale-1 | 01/02/2025 | 03/01/2025 | {printed} | 0 | - | - | {printed}"]


def test_whole_dollars_add_up_as_printed(book_of: BookOf, gain: Gain) -> None:
    book = book_of(gain_rows=tuple(gain(proceeds="1.50", cost="0.49") for _ in range(3)), options=asked(amounts="dollars"))
    document = Form8949().document(book)
    (total,) = document.tables[1].rows()
    assert [str(cell) for cell in total[6:]] == ["6", "0", "0", "6"]
    assert any("rounded to the dollar" in note for note in document.notes)


ON_FORMS = (
    ("G", None, "main", "10"),
    ("G", ("B", "5"), "main", "20"),
    ("J", None, "main", "30"),
    ("H", None, "main", "40"),
    ("I", None, "cold", "50"),
)


def on_forms(gain: Gain) -> tuple[GainRow, ...]:
    return tuple(
        gain(box=box, adjustment=adjustment, account=account, proceeds=proceeds, cost="1", number=f"{number:016}")
        for number, (box, adjustment, account, proceeds) in enumerate(ON_FORMS, start=1)
    )


def test_exception_1_leaves_out_what_was_reported_with_its_basis_and_needs_no_adjustment(book_of: BookOf, gain: Gain) -> None:
    document = Form8949().document(book_of(gain_rows=on_forms(gain), options=asked(exception_1="yes")))
    assert [(row[2], str(row[6])) for row in document.tables[0].rows()] == [("G", "20.00"), ("H", "40.00"), ("I", "50.00")]
    assert [note.split(", 2025, ")[0] for note in document.notes[:2]] == ["Exception 1: 1 piece of box G", "Exception 1: 1 piece of box J"]
    assert "proceeds 30, basis 1, gain or loss 29" in document.notes[1]


def test_exception_2_gives_a_row_for_each_box_and_broker_and_a_statement_for_each_broker(book_of: BookOf, gain: Gain) -> None:
    book = book_of(gain_rows=on_forms(gain), options=asked(exception_2="yes"), brokers={"main": "coinbase-exchange"})
    form, first, second, totals, _ = Form8949().document(book).tables
    assert [columns(row) for row in form.rows()] == [
        "G | coinbase-exchange, see attached statement | - | - | 30.00 | 2.00 | BM | 5.00 | 33.00",
        "H | coinbase-exchange, see attached statement | - | - | 40.00 | 1.00 | M | 0.00 | 39.00",
        "I | cold, see attached statement | - | - | 50.00 | 1.00 | M | 0.00 | 49.00",
        "J | coinbase-exchange, see attached statement | - | - | 30.00 | 1.00 | M | 0.00 | 29.00",
    ]
    assert [table.title for table in (first, second)] == [
        "Statement attached to Form 8949: coinbase-exchange",
        "Statement attached to Form 8949: cold",
    ]
    assert first.columns == form.columns
    attached = [*first.rows(), *second.rows()]
    assert sum(row[10] for row in attached) == sum(row[10] for row in form.rows()) == sum(row[-1] for row in totals.rows())
    assert [row[2] for row in attached] == ["G", "G", "H", "J", "I"]


def test_totals_say_how_many_sheets_the_rows_of_a_box_fill(book_of: BookOf, gain: Gain) -> None:
    old = datetime(2024, 3, 1, 12, tzinfo=UTC)
    rows = (*(gain(box="C", disposed=old) for _ in range(15)), *(gain() for _ in range(22)))
    totals = Form8949().document(book_of(gain_rows=rows)).tables[1].rows()
    assert [(row[0], row[4], row[5]) for row in totals] == [(2024, 15, 2), (2025, 22, 2)]
