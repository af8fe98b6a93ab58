"""CSV: exact, plain, harmless."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.document import CellKind, Column, ReportDocument, Row
from ledger.ports import ReportInput
from reports.exporters.csv import CsvExporter
from reports.gains import Gains

PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")

numbers = st.integers(-(10**38), 10**38).flatmap(lambda digits: st.integers(-18, 3).map(lambda power: Decimal(digits).scaleb(power)))


def cells_of(content: bytes) -> list[str]:
    return [row[0] for row in csv.reader(io.StringIO(content.decode(), newline=""))][1:]


@given(numbers)
def test_number_is_written_in_plain_notation_and_reads_back_exactly(
    written: Callable[..., bytes], column: Callable[..., ReportDocument], number: str
) -> None:
    (text,) = cells_of(written(CsvExporter(), column(CellKind.MONEY, number)))
    assert PLAIN_NUMBER.fullmatch(text)
    assert Decimal(text) == number


@pytest.mark.parametrize(("number", "text"), [("2.2E-7", "0.00000022"), ("0E-8", "0"), ("-0.0", "0"), ("1E+3", "1000"), ("1.50", "1.5")])
def test_number_has_neither_exponent_nor_padding(
    written: Callable[..., bytes], column: Callable[..., ReportDocument], number: str, text: str
) -> None:
    assert cells_of(written(CsvExporter(), column(CellKind.QUANTITY, Decimal(number)))) == [text]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", '=HYPERLINK("http://x","y")'])
def test_text_from_outside_is_never_a_formula(written: Callable[..., bytes], column: Callable[..., ReportDocument], text: str) -> None:
    assert cells_of(written(CsvExporter(), column(CellKind.OUTSIDE, text))) == ["'" + text]


@pytest.mark.parametrize("text", ["a=1", "", "1-2", "'=quoted", " =1"])
def test_harmless_text_from_outside_is_left_as_it_is(
    written: Callable[..., bytes], column: Callable[..., ReportDocument], text: str
) -> None:
    assert cells_of(written(CsvExporter(), column(CellKind.OUTSIDE, text))) == [text]


def test_negative_number_of_ours_is_no_formula(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    assert cells_of(written(CsvExporter(), column(CellKind.MONEY, Decimal("-1.5")))) == ["-1.5"]


@given(st.lists(st.tuples(st.text(), st.text(min_size=1)), max_size=5))
def test_any_text_reads_back(written: Callable[..., bytes], document: Callable[..., ReportDocument], rows: list[Row]) -> None:
    columns = (Column(name="a", title="A"), Column(name="b", title="B"))
    content = written(CsvExporter(), document(rows, columns)).decode()
    assert [tuple(row) for row in csv.reader(io.StringIO(content, newline=""))] == [("a", "b"), *rows]


def test_instant_is_utc_to_the_microsecond_and_day_is_iso(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    instant = datetime(2025, 3, 1, 7, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert cells_of(written(CsvExporter(), column(CellKind.INSTANT, instant))) == ["2025-03-01T12:00:00.000000Z"]
    assert cells_of(written(CsvExporter(), column(CellKind.DAY, instant.date()))) == ["2025-03-01"]


def test_what_does_not_apply_is_an_empty_field(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    columns = tuple(Column(name=kind.value, title=kind.value, kind=kind) for kind in CellKind)
    content = written(CsvExporter(), document([(None,) * len(columns)], columns))
    assert content.splitlines()[1] == b"," * (len(columns) - 1)


def test_lines_end_in_a_single_newline(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    assert written(CsvExporter(), column(CellKind.TEXT, "x")) == b"c\nx\n"


def test_further_tables_can_be_written_one_by_one(book: ReportInput) -> None:
    second = Gains().document(book).tables[1]
    target = io.BytesIO()
    CsvExporter().write_table(second, target)
    assert target.getvalue().splitlines()[0] == b"asset,quantity,disposals,without_price,proceeds,cost_basis,adjustment,gain"


def test_rows_beyond_one_batch_are_all_written(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    moments = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=count) for count in range(1201)]
    assert len(cells_of(written(CsvExporter(), column(CellKind.INSTANT, *moments)))) == 1201
