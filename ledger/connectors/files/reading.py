"""A file -> its bytes; bytes -> header and rows of text, one row at a time.

Users bring what their spreadsheet saved. What is no comma-separated UTF-8 is refused here, by what it seems to be and with how
to mend it, so that no importer ever sees half-decoded text. What the cells mean is left to the formats.
"""

import csv
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ledger.connectors.files.archives import Archive
from ledger.domain.errors import InputError

FILE_BYTES_MAX = 512 * 1024 * 1024
LINE_BYTES_MAX = 1024 * 1024
COLUMNS_MAX = 1000
PREAMBLE_ROWS_MAX = 12

_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # an archive with something in it, and one with nothing

_UTF8_BOM = b"\xef\xbb\xbf"
_SAVE_AS_UTF8 = 'save it as "CSV UTF-8 (comma delimited)"'
_SAVE_AS_CSV = 'open it in a spreadsheet and save the sheet as "CSV UTF-8 (comma delimited)"'
_UNPACK = "unpack it and import the CSV file in it"
_EXPORT_AS_CSV = "export it as CSV"

# First bytes -> what the file seems to be, and how to mend it.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\xfe", "UTF-16 text", _SAVE_AS_UTF8),
    (b"\xfe\xff", "UTF-16 text", _SAVE_AS_UTF8),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", _SAVE_AS_CSV),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7-Zip archive", _UNPACK),
    (b"%PDF", "a PDF document", _EXPORT_AS_CSV),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT_AS_CSV),
    (b"<", "HTML or XML", _EXPORT_AS_CSV),
    (b"{", "JSON", _EXPORT_AS_CSV),
    (b"[", "JSON", _EXPORT_AS_CSV),
)
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A file as text: `header` holds distinct names, `rows` yields (line, cells) once, in file order.

    Cells carry no surrounding blanks; rows without any text are left out. A line is the physical one on which the row begins,
    counted from 1. Rows may have more or fewer cells than the header: the formats say so row by row. Those of a workbook's sheet
    (`is_sheet`) are slow to come by, and few enough to need no look in advance.
    """

    name: str
    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]
    is_sheet: bool = False


def read_file(path: Path, rows_of: Callable[[BinaryIO], Iterable[object]]) -> bytes:
    """Return all bytes of a file: a book keeps them as the source document of its events.

    What `rows_of` yields of the file on the disk is passed over first, so that what it refuses never fills the memory.

    Raises:
        InputError: as `opened`, and what `rows_of` raises.
    """
    with opened(path) as stream:
        deque(rows_of(stream), maxlen=0)
        stream.seek(0)
        return stream.read()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be read within the block.

    Raises:
        InputError: when there is no such file, it may not be read, is no regular file or has more than 512 MiB.
    """
    try:
        _check_file(path)
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", mend="check the path and its rights") from error


def read_table(stream: BinaryIO, *, name: str, knows: Callable[[tuple[str, ...]], bool] | None = None) -> TextTable:
    """Read the header of a CSV file, of a zip archive with one in it or of an Excel workbook, and return it with the rows still to be read.

    `name` stands in messages. Some venues write lines above the header: of the first rows, the one that `knows` is the header; where it
    knows none, the first row is.

    Raises:
        InputError: here, or while rows are read, when the bytes are no CSV in UTF-8 with commas, a line has more than 1 MiB, an archive
            has not exactly one CSV file or unpacks to too much, or a workbook has formulas or several sheets.
    """
    rows, is_sheet = _rows_of(stream, _archive_of(stream, name), name)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{name}: is empty, there is no header row", mend="export the file again")
    (line, header), rest = _header_row(first, rows, knows)
    _check_header(header, f"{name}, line {line}")
    return TextTable(name=name, header=_numbered(header), rows=_widened(rest, len(header)) if is_sheet else rest, is_sheet=is_sheet)


Rows = Iterator[tuple[int, list[str]]]


def _archive_of(stream: BinaryIO, name: str) -> Archive | None:
    start = stream.read(len(_ZIPS[0]))
    stream.seek(0)
    return Archive(stream, name) if start in _ZIPS else None


def _rows_of(stream: BinaryIO, archive: Archive | None, name: str) -> tuple[Rows, bool]:
    if archive is not None and archive.is_workbook:
        return archive.sheet_rows(), True
    return _rows(archive or stream, name), False


def _header_row(
    first: tuple[int, list[str]], rows: Rows, knows: Callable[[tuple[str, ...]], bool] | None
) -> tuple[tuple[int, list[str]], Rows]:
    if knows is None or knows(_numbered(first[1])):
        return first, rows
    seen = [first]
    try:
        for row in islice(rows, PREAMBLE_ROWS_MAX):
            if knows(_numbered(row[1])):
                return row, rows
            seen.append(row)
    except InputError:
        pass  # what is wrong further down matters less than a header that nobody knows
    return first, chain(seen[1:], rows)


def _widened(rows: Rows, width: int) -> Rows:
    """Give rows of a workbook, which leaves empty cells at the end out or has too many, the width of the header."""
    for line, cells in rows:
        filled = cells[:width] if not any(cells[width:]) else cells
        yield line, [*filled, *[""] * (width - len(filled))]


def read_rows(stream: BinaryIO, *, name: str) -> tuple[str, Iterator[tuple[int, list[str]]]]:
    """Return a file's own name and (line, cells) from its first row on, for files that have no header; `name` is its path.

    The own name of an archive is that of the file in it. Rows of a workbook are as wide as the first.

    Raises:
        InputError: here, or while rows are read, as `read_table`.
    """
    archive = _archive_of(stream, name)
    rows, is_sheet = _rows_of(stream, archive, name)
    own_name = Path(name if archive is None or is_sheet else archive.member_name).name
    first = next(rows, None)
    if first is None:
        raise InputError(f"{name}: is empty", mend="export the file again")
    if len(first[1]) == 1:
        _check_separator(first[1][0], f"{name}, line {first[0]}")
    return own_name, chain([first], _widened(rows, len(first[1])) if is_sheet else rows)


def _check_file(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is not a regular file", mend="name one CSV file")
    if status.st_size > FILE_BYTES_MAX:
        found = f"has {status.st_size:,} bytes, more than the {FILE_BYTES_MAX:,} that one import takes"
        raise InputError(f"{path}: {found}", mend="split it into several files with the same header row")


@dataclass(slots=True)
class _Lines:
    """The physical lines of a stream as text, each with its end; a row may have several, of no more bytes than one line may have."""

    stream: BinaryIO | Archive
    name: str
    row_begins: int = 1
    row_bytes: int = 0

    def begin_row(self, line: int) -> None:
        """Say that the next row begins on this line."""
        self.row_begins, self.row_bytes = line, 0

    def __iter__(self) -> Iterator[str]:
        for number, raw in enumerate(iter(partial(self.stream.readline, LINE_BYTES_MAX + 1), b""), 1):
            line = _checked_first(raw, self.name) if number == 1 else raw
            self.row_bytes += len(line)
            if self.row_bytes > LINE_BYTES_MAX:
                raise self._endless(number)
            if b"\x00" in line:
                raise InputError(f"{self.name}, line {number}: has a NUL byte, so it is UTF-16 or no text at all", mend=_SAVE_AS_UTF8)
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                found = f"byte 0x{line[error.start]:02X} at position {error.start + 1} is not UTF-8"
                raise InputError(f"{self.name}, line {number}: {found}", mend=_SAVE_AS_UTF8) from error
            yield text

    def _endless(self, number: int) -> InputError:
        row = "" if number == self.row_begins else f"the row that goes on to line {number} "
        found = f"{self.name}, line {self.row_begins}: {row}has more than {LINE_BYTES_MAX:,} bytes"
        return InputError(found, mend="check that the file is a CSV file as it was exported, each row on a line of its own")


def _checked_first(line: bytes, name: str) -> bytes:
    """Return the first line without byte order mark after a look at what kind of file it begins."""
    for signature, kind, mend in _SIGNATURES:
        if line.startswith(signature):
            raise InputError(f"{name}: seems to be {kind}, not CSV", mend=mend)
    if b"\r" in line.rstrip(b"\r\n") and b"\x00" not in line:
        raise InputError(f"{name}: its lines end in carriage returns alone", mend=f'{_SAVE_AS_UTF8}, not as "CSV (Macintosh)"')
    return line.removeprefix(_UTF8_BOM)


def _rows(stream: BinaryIO | Archive, name: str) -> Iterator[tuple[int, list[str]]]:
    lines = _Lines(stream, name)
    reader = csv.reader(lines, strict=True)
    line_next = 1
    try:
        for cells in reader:
            line, line_next = line_next, reader.line_num + 1
            lines.begin_row(line_next)
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed):
                yield line, trimmed
    except csv.Error as error:
        found = f"the row is not well-formed: quotes do not match, or a cell has more than {csv.field_size_limit():,} characters"
        raise InputError(f"{name}, line {line_next}: {found}", mend='put a cell in quotes as a whole, and write " in it twice') from error


def _check_header(header: list[str], where: str) -> None:
    if len(header) == 1:
        _check_separator(header[0], where)
    if len(header) > COLUMNS_MAX:
        raise InputError(f"{where}: the header has {len(header):,} columns", mend="check that the file is a CSV file")
    for number, column in enumerate(header, 1):
        if not column:
            raise InputError(f"{where}: column {number} of the header has no name", mend="name the column, or delete it")


def _numbered(header: list[str]) -> tuple[str, ...]:
    """Return the names of the columns; one that stands there again gets its number: some venues give two columns one name.

    >>> _numbered(["Amount", "Unit", "Unit"])
    ('Amount', 'Unit', 'Unit (2)')
    """
    seen: Counter[str] = Counter()
    names = []
    for column in header:
        seen[column] += 1
        names.append(column if seen[column] == 1 else f"{column} ({seen[column]})")
    return tuple(names)


def _check_separator(only_cell: str, where: str) -> None:
    for separator, named in _OTHER_SEPARATORS.items():
        if separator in only_cell:
            raise InputError(
                f"{where}: the cells seem to be separated by {named}, not commas",
                mend="save it with commas between cells and points in numbers (language English in most spreadsheets)",
            )
