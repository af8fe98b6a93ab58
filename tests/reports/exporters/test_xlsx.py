"""XLSX: real numbers and dates, live totals, nothing executable."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from openpyxl.cell import Cell as OpenpyxlCell
from openpyxl.worksheet.worksheet import Worksheet

from ledger.domain.document import CellKind, Column, ReportDocument
from reports.exporters.xlsx import XlsxExporter


def sheet_of(content: bytes, name: str = "Things", *, data_only: bool = False) -> Worksheet:
    return load_workbook(io.BytesIO(content), data_only=data_only)[name]


def only_cell(written: Callable[..., bytes], exported: ReportDocument) -> OpenpyxlCell:
    return sheet_of(written(XlsxExporter(), exported))["A2"]


def test_money_is_a_number_to_the_cent(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    cell = only_cell(written, column(CellKind.MONEY, Decimal("1234.565")))
    assert (cell.data_type, cell.value, cell.number_format) == ("n", 1234.57, "#,##0.00;[Red]-#,##0.00")


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("0.00000022", 2.2e-7),
        ("0.123456789012345", 0.123456789012345),
        ("0.1234567890123456", "0.1234567890123456"),
        ("123456789.123456789012345678", "123456789.123456789012345678"),
        ("100000000000000000000", 1e20),
    ],
)
def test_number_of_more_than_fifteen_digits_is_text(
    written: Callable[..., bytes], column: Callable[..., ReportDocument], quantity: str, value: str | float
) -> None:
    assert only_cell(written, column(CellKind.QUANTITY, Decimal(quantity))).value == value


def test_day_and_instant_are_real_dates_and_the_header_says_utc(
    written: Callable[..., bytes], column: Callable[..., ReportDocument]
) -> None:
    assert only_cell(written, column(CellKind.DAY, date(2025, 3, 1))).value == datetime(2025, 3, 1)  # noqa: DTZ001 -- a sheet has no zones
    sheet = sheet_of(written(XlsxExporter(), column(CellKind.INSTANT, datetime(2025, 3, 1, 12, 0, 0, 250000, tzinfo=UTC))))
    assert sheet["A2"].value == datetime(2025, 3, 1, 12, 0, 0, 250000)  # noqa: DTZ001 -- the same
    assert sheet["A1"].value == "C (UTC)"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "http://example.org", "1234", "{=1}"])
def test_text_from_outside_stays_text(written: Callable[..., bytes], column: Callable[..., ReportDocument], text: str) -> None:
    cell = only_cell(written, column(CellKind.OUTSIDE, text))
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text, None)
    assert cell.quotePrefix == text.startswith(("=", "+", "-", "@"))


def test_text_that_no_cell_holds_is_cut_visibly(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    text = only_cell(written, column(CellKind.TEXT, "x" * 40_000)).value
    assert len(text) == 32_767
    assert text.endswith(" … (cut)")


def total_of(content: bytes, *, data_only: bool) -> object:
    return sheet_of(content, data_only=data_only)["A5"].value


def test_total_is_a_formula_whose_result_is_the_sum_of_the_written_cells(
    written: Callable[..., bytes], column: Callable[..., ReportDocument]
) -> None:
    content = written(XlsxExporter(), column(CellKind.MONEY, Decimal("0.105"), Decimal("0.105"), total=True))
    assert total_of(content, data_only=False) == "=ROUND(SUBTOTAL(109,Things!A2:A3),2)"
    assert total_of(content, data_only=True) == 0.22


def test_exact_sum_stands_below_where_rounding_makes_a_difference(
    written: Callable[..., bytes], column: Callable[..., ReportDocument]
) -> None:
    content = written(XlsxExporter(), column(CellKind.MONEY, Decimal("0.105"), Decimal("0.105"), total=True))
    assert sheet_of(content)["A6"].value == 0.21


def test_exact_sum_is_not_repeated_where_rounding_makes_none(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    content = written(XlsxExporter(), column(CellKind.MONEY, Decimal("0.10"), Decimal("0.10"), total=True))
    assert sheet_of(content).max_row == 5


def test_total_over_cells_that_are_text_is_text_and_exact(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    content = written(XlsxExporter(), column(CellKind.QUANTITY, Decimal(1), Decimal("0.1234567890123456"), total=True))
    assert total_of(content, data_only=False) == "1.1234567890123456"


def test_count_is_totalled_without_decimals(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    content = written(XlsxExporter(), column(CellKind.INTEGER, 2, 3, total=True))
    assert total_of(content, data_only=True) == 5


def test_long_table_goes_on_in_a_second_sheet_and_its_total_counts_both(
    written: Callable[..., bytes], column: Callable[..., ReportDocument]
) -> None:
    exported = column(CellKind.MONEY, *[Decimal(number) for number in range(1, 6)], total=True)
    content = written(XlsxExporter(sheet_rows_max=7), exported)  # three rows of data fit
    workbook = load_workbook(io.BytesIO(content))
    assert workbook.sheetnames == ["Cover", "Things", "Things (2)"]
    assert [workbook["Things (2)"][place].value for place in ("A1", "A2", "A3")] == ["C", 4, 5]
    assert workbook["Things (2)"]["A5"].value == "=ROUND(SUBTOTAL(109,Things!A2:A4)+SUBTOTAL(109,'Things (2)'!A2:A3),2)"
    assert sheet_of(content, "Things (2)", data_only=True)["A5"].value == 15


def test_header_is_frozen_and_filtered(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    sheet = sheet_of(written(XlsxExporter(), column(CellKind.MONEY, Decimal(1), Decimal(2), total=True)))
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:A3")


def test_cover_has_the_facts_the_notes_and_a_link_to_each_sheet(
    written: Callable[..., bytes], document: Callable[..., ReportDocument]
) -> None:
    exported = document([("x",)], (Column(name="c", title="C"),), notes=("=a note",))
    cover = sheet_of(written(XlsxExporter(), exported), "Cover")
    texts = [cell.value for row in cover.iter_rows() for cell in row if cell.value is not None]
    assert texts[:3] == ["Test", "Book", "b"]
    assert texts[-1] == "=a note"
    assert [cell.hyperlink.location for row in cover.iter_rows() for cell in row if cell.hyperlink] == ["Things!A1"]


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["a/b", "a b"], ["a b", "a b (2)"]),
        (["Cover", "history"], ["Cover (2)", "history (2)"]),
        (["x" * 40, "X" * 40], ["x" * 31, "X" * 27 + " (2)"]),
        (["[]"], ["Table"]),
    ],
)
def test_sheet_names_are_such_as_a_spreadsheet_accepts(
    written: Callable[..., bytes], document: Callable[..., ReportDocument], titles: list[str], names: list[str]
) -> None:
    exported = document([], (Column(name="c", title="C"),))
    tables = tuple(replace(exported.tables[0], title=title) for title in titles)
    workbook = load_workbook(io.BytesIO(written(XlsxExporter(), replace(exported, tables=tables))))
    assert workbook.sheetnames == ["Cover", *names]


def test_file_carries_no_clock(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    archive = zipfile.ZipFile(io.BytesIO(written(XlsxExporter(), column(CellKind.TEXT, "x"))))
    assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
    assert b"2000-01-01T00:00:00Z" in archive.read("docProps/core.xml")
