"""Zip archives, workbooks and lines above the header: read as the CSV in them would be, or refused in bounded memory."""

import io
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from openpyxl import Workbook

from ledger.domain.errors import InputError
from ledger.domain.event import Fill
from ledger.ports import FileRow

INLINE = b'<c t="inlineStr"><is><t>%s</t></is></c>'
ROW = b"<row>" + INLINE % b"a" + b"</row>"
ReadFile = Callable[..., list[FileRow]]

HEADER = (
    *("Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount", "Fee Currency"),
    *("Net Worth Amount", "Net Worth Currency", "Label", "Description", "TxHash"),
)
CELLS = ("2024-03-01 12:00:00", "600.5", "USD", "0.01", "BTC", "9", "USD", "", "", "", "", "")
CSV = f"{','.join(HEADER)}\n{','.join(CELLS)}\n"


def zipped(**members: str | bytes) -> bytes:
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return target.getvalue()


def workbook(*rows: tuple[object, ...], sheets: int = 1) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    for _ in range(sheets - 1):
        book.create_sheet()
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def sheet_of(rows: bytes, **parts: bytes) -> bytes:
    """Return a workbook with this XML as rows of its sheet, and other parts replaced."""
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>' + rows
    replaced = {"xl/worksheets/sheet1.xml": sheet + b"</sheetData></worksheet>", **parts}
    target = io.BytesIO()
    with ZipFile(io.BytesIO(workbook(("a",)))) as source, ZipFile(target, "w", ZIP_STORED) as archive:
        for name in source.namelist():
            archive.writestr(name, replaced.get(name, source.read(name)))
    return target.getvalue()


def test_a_sheet_of_many_ordinary_rows_is_read(read_file: ReadFile) -> None:
    cells = b"".join(INLINE % cell.encode() for cell in HEADER)
    header, good = b"<row>" + cells + b"</row>", b"<row>" + b"".join(INLINE % cell.encode() for cell in CELLS) + b"</row>"
    rows = read_file(sheet_of(header + good * 8_000), account="main")
    assert len(rows) == 8_000
    assert not any(row.faults for row in rows)


def test_a_zipped_file_says_what_the_file_in_it_says(read_file: ReadFile) -> None:
    assert read_file(zipped(my_csv=CSV), account="main") == read_file(CSV, account="main")


def test_a_workbook_says_what_its_rows_say(read_file: ReadFile) -> None:
    cells = (datetime(2024, 3, 1, 12), 600.5, "USD", 0.01, "BTC", 9, "USD")  # noqa: DTZ001 - a workbook knows no zones
    (row,) = read_file(workbook(("My export",), HEADER, cells), account="main")
    (plain,) = read_file(CSV, account="main")
    assert isinstance(row.event, Fill)
    assert row.event == plain.event
    assert row.event.occurred_at == datetime(2024, 3, 1, 12, tzinfo=UTC)


def test_lines_above_the_header_are_passed_over(read_file: ReadFile) -> None:
    above = 'Transactions\nUser,"Somebody",abc\n\n'
    rows = read_file(above + CSV, account="main")
    assert [(row.line, row.event) for row in rows] == [(5, read_file(CSV, account="main")[0].event)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(a_csv=CSV, b_csv=CSV), "does not hold exactly one CSV file but 'a.csv', 'b.csv'"),
        (zipped(), "does not hold exactly one CSV file but nothing"),
        (zipped(a_exe="x"), "does not hold exactly one CSV file but 'a.exe'"),
        (zipped(a_csv=b"0" * 30_000_000), "unpacks from"),
        (b"PK\x03\x04" + b"x" * 50, "is a damaged zip archive or workbook"),
        (zipped(a_csv=CSV)[:-30], "is a damaged zip archive or workbook"),
        (workbook(HEADER, ("=1+1",)), "line 2: cell 1 holds a formula"),
        (workbook(HEADER, sheets=2), "the workbook has 2 sheets"),
        (sheet_of(ROW + b"<row>" + b"<c/>" * 300_000 + b"</row>"), "line 2: the row, or what follows it, has more than 1,048,576 bytes"),
        (sheet_of(ROW * 3_000 + b"<row>" + INLINE % (b"x" * 1_100_000) + b"</row>"), "line 3001: the row, or what follows it"),
        (sheet_of(ROW + b"<row/>" + b"<c/>" * 2_000_000), "line 2: the row, or what follows it, has more than"),
        (sheet_of(ROW, **{"xl/styles.xml": b"<a/>" * 2_000_000}), "unpacks from"),
        (b"a" * 2_000_000, "line 1: has more than 1,048,576 bytes"),
        (zipped(a_csv="\n".join(f"{n},{n * 7919}" * 9 for n in range(40_000)).replace("\n", " ")), "line 1: has more than 1,048,576 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_in_bounded_memory(content: bytes, message: str, read_file: ReadFile) -> None:
    tracemalloc.start()
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as refused:
        read_file(content, account="main")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.mend
    assert peak < 20_000_000
