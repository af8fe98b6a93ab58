import csv
import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from ledger.connectors.files.reading import FILE_BYTES_MAX, LINE_BYTES_MAX, TextTable, read_file, read_table
from ledger.domain.errors import InputError

SEPARATOR_MEND = "save it with commas between cells and points in numbers (language English in most spreadsheets)"
ONE_A_LINE = "check that the file is a CSV file as it was exported, each row on a line of its own"
CSV_UTF8 = 'save it as "CSV UTF-8 (comma delimited)"'


def table(content: bytes) -> TextTable:
    return read_table(io.BytesIO(content), name="my.csv")


def rows(stream: BinaryIO) -> Iterator[object]:
    return read_table(stream, name="my.csv").rows


def refusal(content: bytes) -> str:
    with pytest.raises(InputError) as refused:
        list(table(content).rows)
    assert refused.value.exit_code == 2
    return str(refused.value)


def xlsx() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return target.getvalue()


def test_header_and_rows_come_without_surrounding_blanks() -> None:
    found = table(b" id , time\n 1 ,\t2 \n")
    assert found.header == ("id", "time")
    assert list(found.rows) == [(2, ["1", "2"])]


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,2\n", b"a,b\r\n1,2\r\n", b"a,b\n1,2", b"\xef\xbb\xbfa,b\n1,2\n", b'"a","b"\n"1","2"\n', b'\xef\xbb\xbf"a",b\r\n1,"2"\r\n'],
    ids=["lf", "crlf", "no-last-line-end", "bom", "quoted", "bom-quoted-crlf"],
)
def test_line_ends_quotes_and_byte_order_mark_do_not_change_what_is_read(content: bytes) -> None:
    found = table(content)
    assert found.header == ("a", "b")
    assert list(found.rows) == [(2, ["1", "2"])]


def test_blank_rows_are_left_out_and_lines_are_those_of_the_file() -> None:
    found = table(b'\n\na,b\n\n1,2\n,\n"x\ny",4\n5,6\n')
    assert found.header == ("a", "b")
    assert list(found.rows) == [(5, ["1", "2"]), (7, ["x\ny", "4"]), (9, ["5", "6"])]


def test_a_header_without_rows_is_a_table_without_rows() -> None:
    assert list(table(b"a,b\n").rows) == []


def test_rows_of_another_width_are_passed_on() -> None:
    assert list(table(b"a,b\n1\n1,2,3\n").rows) == [(2, ["1"]), (3, ["1", "2", "3"])]


def test_rows_are_read_one_at_a_time() -> None:
    stream = io.BytesIO(b"a,b\n1,2\n3,4\n")
    found = read_table(stream, name="my.csv")
    assert next(found.rows) == (2, ["1", "2"])
    assert stream.tell() == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "my.csv: is empty, there is no header row\n  mend: export the file again"),
        (b"\xef\xbb\xbf", "my.csv: is empty, there is no header row\n  mend: export the file again"),
        (b"\n\r\n,,\n", "my.csv: is empty, there is no header row\n  mend: export the file again"),
        ("id,time\n".encode("utf-16"), f"my.csv: seems to be UTF-16 text, not CSV\n  mend: {CSV_UTF8}"),
        (b"\xfe\xff\x00i", f"my.csv: seems to be UTF-16 text, not CSV\n  mend: {CSV_UTF8}"),
        ("id,time\n".encode("utf-16-le"), f"my.csv, line 1: has a NUL byte, so it is UTF-16 or no text at all\n  mend: {CSV_UTF8}"),
        (b"a,b\n1,\x00\n", f"my.csv, line 2: has a NUL byte, so it is UTF-16 or no text at all\n  mend: {CSV_UTF8}"),
        ("a,b\n1,2\n3,Zürich\n".encode("latin-1"), f"my.csv, line 3: byte 0xFC at position 4 is not UTF-8\n  mend: {CSV_UTF8}"),
        (b"a,b\n1,\xe2\x82", f"my.csv, line 2: byte 0xE2 at position 3 is not UTF-8\n  mend: {CSV_UTF8}"),
        (b"\x7fELF\x02\r\x00\x01\n", f"my.csv, line 1: has a NUL byte, so it is UTF-16 or no text at all\n  mend: {CSV_UTF8}"),
        (b"a,b\r1,2\r", f'my.csv: its lines end in carriage returns alone\n  mend: {CSV_UTF8}, not as "CSV (Macintosh)"'),
        (b"<!DOCTYPE html>\n", "my.csv: seems to be HTML or XML, not CSV\n  mend: export it as CSV"),
        (b'[{"id": 1}]', "my.csv: seems to be JSON, not CSV\n  mend: export it as CSV"),
        (b"\x1f\x8b\x08\x00", "my.csv: seems to be a gzip archive, not CSV\n  mend: unpack it and import the CSV file in it"),
        (
            xlsx(),
            "my.csv: the archive does not hold exactly one CSV file but 'xl/workbook.xml'\n  mend: unpack it and import its files",
        ),
        (
            b"id;time\n1;2\n",
            f"my.csv, line 1: the cells seem to be separated by semicolons, not commas\n  mend: {SEPARATOR_MEND}",
        ),
        (
            b"id\ttime\n1\t2\n",
            f"my.csv, line 1: the cells seem to be separated by tabs, not commas\n  mend: {SEPARATOR_MEND}",
        ),
        (b"a,,b\n", "my.csv, line 1: column 2 of the header has no name\n  mend: name the column, or delete it"),
        (
            ",".join(f"c{n}" for n in range(1001)).encode(),
            "my.csv, line 1: the header has 1,001 columns\n  mend: check that the file is a CSV file",
        ),
    ],
)
def test_what_is_no_csv_is_refused_by_what_it_seems_to_be(content: bytes, message: str) -> None:
    assert refusal(content) == message


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'a,b\n1,2\n3,"4\n5,6\n', 3),
        (b'a,b\n"1"x,2\n', 2),
        (b"a,b\n1,2\r3\n", 2),
        (b'a,b\n1,"' + b"x\n" * 70_000, 2),
    ],
    ids=["quote-never-closed", "text-after-quote", "stray-carriage-return", "endless-cell"],
)
def test_a_row_that_is_not_well_formed_is_refused_with_the_line_where_it_begins(content: bytes, line: int) -> None:
    limit = f"{csv.field_size_limit():,}"
    assert refusal(content) == (
        f"my.csv, line {line}: the row is not well-formed: quotes do not match, or a cell has more than {limit} characters\n"
        '  mend: put a cell in quotes as a whole, and write " in it twice'
    )


def test_an_endless_line_is_refused_after_one_mebibyte() -> None:
    stream = io.BytesIO(b"a,b\n" + b"1" * (3 * LINE_BYTES_MAX))
    found = read_table(stream, name="my.csv")
    with pytest.raises(InputError) as refused:
        list(found.rows)
    assert str(refused.value) == f"my.csv, line 2: has more than 1,048,576 bytes\n  mend: {ONE_A_LINE}"
    assert stream.tell() <= LINE_BYTES_MAX + 5


def test_an_endless_row_of_many_lines_is_refused_after_one_mebibyte() -> None:
    row = b",".join(b'"' + b"1" * 100_000 + b'\n"' for _ in range(40))
    stream = io.BytesIO(b"a,b\n1,2\n" + row)
    with pytest.raises(InputError) as refused:
        list(read_table(stream, name="my.csv").rows)
    assert str(refused.value) == f"my.csv, line 3: the row that goes on to line 13 has more than 1,048,576 bytes\n  mend: {ONE_A_LINE}"
    assert stream.tell() <= 2 * LINE_BYTES_MAX


def test_rows_of_many_lines_may_be_many() -> None:
    assert len(list(table(b"a\n" + b'"x\n\ny"\n' * LINE_BYTES_MAX).rows)) == LINE_BYTES_MAX


def test_all_bytes_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "fills.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\n")
    assert read_file(path, rows) == b"\xef\xbb\xbfa,b\r\n1,2\n"


def test_a_file_is_not_held_before_its_rows_were_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "fills.csv"
    path.touch()
    os.truncate(path, FILE_BYTES_MAX)  # a hole: takes no room on the disk
    tracemalloc.start()
    with pytest.raises(InputError, match="line 1: has more than 1,048,576 bytes"):
        read_file(path, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * LINE_BYTES_MAX


def test_a_file_over_the_size_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    path.touch()
    os.truncate(path, FILE_BYTES_MAX + 1)  # a hole: takes no room on the disk
    with pytest.raises(InputError) as refused:
        read_file(path, rows)
    assert str(refused.value) == (
        f"{path}: has 536,870,913 bytes, more than the 536,870,912 that one import takes\n"
        "  mend: split it into several files with the same header row"
    )


def make_nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_nothing, "cannot be read (No such file or directory)\n  mend: check the path and its rights"),
        (Path.mkdir, "is not a regular file\n  mend: name one CSV file"),
        (os.mkfifo, "is not a regular file\n  mend: name one CSV file"),
    ],
    ids=["missing", "folder", "pipe"],
)
def test_what_is_no_file_is_refused(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    path = tmp_path / "fills.csv"
    make(path)
    with pytest.raises(InputError) as refused:
        read_file(path, rows)
    assert refused.value.exit_code == 2
    assert str(refused.value) == f"{path}: {message}"


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fills.csv"
    path.write_bytes(b"a,b\n")

    def refuse(_path: Path, _mode: str) -> BinaryIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # rights do not stop a superuser, who may run the tests
    with pytest.raises(InputError) as refused:
        read_file(path, rows)
    assert str(refused.value) == f"{path}: cannot be read (Permission denied)\n  mend: check the path and its rights"
