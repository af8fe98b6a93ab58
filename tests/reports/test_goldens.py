"""Every report of the invented book, as text: what a change does to a page is seen in the diff of these files."""

import io
from collections.abc import Callable
from importlib.metadata import entry_points

import pytest
from openpyxl import load_workbook

from ledger.ports import Exporter, ReportGenerator, ReportInput

REPORTS = (
    "gains",
    "summary",
    "bots",
    "holdings",
    "lots",
    "income",
    "missing-basis",
    "journal",
    "balances",
    "form-8949",
    "schedule-d",
    "wash-sales",
)


def plugged_in(group: str, name: str) -> object:
    (found,) = entry_points(group=group, name=name)
    return found.load()()


def written(book: ReportInput, report: str, exporter: str) -> bytes:
    generator: ReportGenerator = plugged_in("lotwright.reports", report)
    writer: Exporter = plugged_in("lotwright.exporters", exporter)
    target = io.BytesIO()
    writer.write(generator.document(book), target)
    return target.getvalue()


@pytest.mark.parametrize("report", REPORTS)
def test_report_as_csv(book: ReportInput, golden: Callable[[str, bytes], None], report: str) -> None:
    golden(f"{report}.csv", written(book, report, "csv"))


@pytest.mark.parametrize("report", REPORTS)
def test_report_as_text_table(book: ReportInput, golden: Callable[[str, bytes], None], report: str) -> None:
    golden(f"{report}.txt", written(book, report, "table"))


@pytest.mark.parametrize("report", ["gains", "summary"])
def test_report_as_json(book: ReportInput, golden: Callable[[str, bytes], None], report: str) -> None:
    golden(f"{report}.json", written(book, report, "json"))


@pytest.mark.parametrize("report", ["summary", "form-8949"])
def test_report_as_html(book: ReportInput, golden: Callable[[str, bytes], None], report: str) -> None:
    golden(f"{report}.html", written(book, report, "html"))


@pytest.mark.parametrize("report", ["gains", "lots"])
def test_report_as_workbook_cell_by_cell(book: ReportInput, golden: Callable[[str, bytes], None], report: str) -> None:
    workbook = load_workbook(io.BytesIO(written(book, report, "xlsx")))
    lines = [
        f"{sheet.title}!{cell.coordinate} {cell.data_type} {cell.value!r} {cell.number_format}"
        for sheet in workbook
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]
    golden(f"{report}.xlsx.txt", ("\n".join(lines) + "\n").encode())


@pytest.mark.parametrize("exporter", ["csv", "xlsx", "html", "json", "table"])
@pytest.mark.parametrize("report", REPORTS)
def test_same_book_gives_the_same_bytes(book: ReportInput, report: str, exporter: str) -> None:
    assert written(book, report, exporter) == written(book, report, exporter)


@pytest.mark.parametrize("exporter", ["csv", "xlsx", "html", "json", "table"])
@pytest.mark.parametrize("report", REPORTS)
def test_empty_book_has_every_report_in_every_format(book_of: Callable[..., ReportInput], report: str, exporter: str) -> None:
    assert written(book_of(), report, exporter)


@pytest.mark.parametrize("report", REPORTS)
def test_report_is_named_as_its_entry_point(report: str) -> None:
    assert plugged_in("lotwright.reports", report).name == report


@pytest.mark.parametrize("report", REPORTS)
def test_every_row_has_a_cell_for_each_column(book: ReportInput, report: str) -> None:
    for table in plugged_in("lotwright.reports", report).document(book).tables:
        assert {len(row) for row in table.rows()} <= {len(table.columns)}


@pytest.mark.parametrize("report", REPORTS)
def test_rows_can_be_read_again(book: ReportInput, report: str) -> None:
    for table in plugged_in("lotwright.reports", report).document(book).tables:
        assert list(table.rows()) == list(table.rows())
