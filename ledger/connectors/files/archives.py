"""Zip archives and Excel workbooks as venues deliver them, read in bounded memory and never believed.

Of an archive its one CSV file is read as a stream. A workbook is one itself: its sheet is read row by row as text, dates as ISO 8601
without a zone, numbers as the shortest text of the double that a cell is. What a formula comes to is not in the file for certain: it
is refused.
"""

import re
import warnings
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Real
from typing import IO, BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile, ZipInfo

from ledger.domain.errors import InputError

UNPACKED_BYTES_MAX = 512 * 1024 * 1024
WORKBOOK_BYTES_MAX = 128 * 1024 * 1024  # of XML; a sheet with a million short rows has less
STRINGS_BYTES_MAX = 64 * 1024 * 1024  # the only long part of a workbook that is held in memory
PART_BYTES_MAX = 4 * 1024 * 1024  # of XML that is neither sheet nor strings: styles and lists of sheets
ROW_BYTES_MAX = 1024 * 1024  # of XML; a row is held as a tree of many times its length
RATIO_MAX = 200  # CSV shrinks to a tenth or twentieth; what shrinks to less than this is a bomb

_WORKBOOK = "[Content_Types].xml"
_STRINGS = "xl/sharedStrings.xml"
_SHEETS = "xl/worksheets/"
_ROW_MARK = re.compile(rb"<(/?)(?:\w{1,20}:)?row[\s/>]")
_MARK_BYTES_MAX = 32
_CHUNK_BYTES = 256 * 1024
_BAD = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_BAD_WORKBOOK = (*_BAD, KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, ParseError)
_SAVE_AS_CSV = 'open it in a spreadsheet and save the sheet as "CSV UTF-8 (comma delimited)"'


class Archive:
    """A zip file: a workbook, or a package of exactly one CSV file that is read line by line."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._name = name
        self._stream = stream
        try:
            self._zip = ZipFile(stream)
        except _BAD as error:
            raise self._damaged() from error
        members = [one for one in self._zip.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX")]
        self.is_workbook = any(one.filename == _WORKBOOK for one in members)
        self._check_size(members)
        self.member_name = "" if self.is_workbook else self._only(members).filename
        self._lines = None if self.is_workbook else self._opened(members[0])

    def readline(self, limit: int) -> bytes:
        """Return the next line of the CSV file in the archive, at most `limit` bytes of it; empty at its end.

        Raises:
            InputError: when the archive is damaged.
        """
        assert self._lines is not None, self._name
        try:
            return self._lines.readline(limit)
        except _BAD as error:
            raise self._damaged() from error

    def sheet_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows of the workbook's one sheet as (number, cells), without rows that have no text.

        Raises:
            InputError: when there is not one sheet with rows, a cell holds a formula, or the workbook cannot be read.
        """
        try:
            self._check_rows()
            self._stream.seek(0)
            yield from self._sheet_rows()
        except _BAD_WORKBOOK as error:
            raise InputError(f"{self._name}: the workbook cannot be read", mend=_SAVE_AS_CSV) from error

    def _sheet_rows(self) -> Iterator[tuple[int, list[str]]]:
        from openpyxl import load_workbook  # noqa: PLC0415 - loads slowly, and most imports need none of it

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles that do not matter here
            book = load_workbook(self._stream, read_only=True, data_only=False, keep_links=False)
        if len(book.worksheets) != 1:
            names = ", ".join(repr(sheet.title) for sheet in book.worksheets[:5])
            raise InputError(f"{self._name}: the workbook has {len(book.worksheets)} sheets: {names}", mend=_SAVE_AS_CSV)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(), 1):
            for place, cell in enumerate(row, 1):
                if cell.data_type == "f":
                    found = f"{self._name}, line {number}: cell {place} holds a formula"
                    raise InputError(found, mend="paste the sheet as values, or use the file as exported")
            cells = [_text(cell.value) for cell in row]
            if any(cells):
                yield number, cells

    def _check_rows(self) -> None:
        """Refuse a row so long that it would fill the memory before anything of it can be looked at."""
        for member in self._zip.infolist():
            if member.filename.startswith(_SHEETS) and member.file_size > ROW_BYTES_MAX:
                with self._zip.open(member) as sheet:
                    endless = next((number for number, excess in _stretches(sheet) if excess > 0), None)
                if endless is not None:
                    found = f"{self._name}, line {max(endless, 1)}: the row, or what follows it, has more than {ROW_BYTES_MAX:,} bytes"
                    raise InputError(found, mend=_SAVE_AS_CSV)

    def _only(self, members: list[ZipInfo]) -> ZipInfo:
        if len(members) != 1 or not members[0].filename.lower().endswith((".csv", ".txt")):
            names = ", ".join(repr(one.filename[:60]) for one in members[:5]) or "nothing"
            raise InputError(
                f"{self._name}: the archive does not hold exactly one CSV file but {names}", mend="unpack it and import its files"
            )
        return members[0]

    def _opened(self, member: ZipInfo) -> BinaryIO:
        try:
            return self._zip.open(member)  # type: ignore[return-value]  # it reads bytes; zipfile calls that IO[bytes]
        except _BAD as error:
            raise InputError(f"{self._name}: the archive is locked or damaged", mend="unpack it and import the CSV file in it") from error

    def _check_size(self, members: list[ZipInfo]) -> None:
        """Refuse by what the archive says of itself: no more than that is ever unpacked."""
        total, packed = sum(one.file_size for one in members), sum(one.compress_size for one in members)
        allowed = WORKBOOK_BYTES_MAX if self.is_workbook else UNPACKED_BYTES_MAX
        held = self.is_workbook and any(one.file_size > _held_bytes_max(one.filename) for one in members)
        if total > allowed or held or total > RATIO_MAX * max(packed, 1024):
            found = f"{self._name}: unpacks from {packed:,} to {total:,} bytes, more than is read"
            raise InputError(found, mend="unpack it yourself and import the CSV file in it, in parts if need be")

    def _damaged(self) -> InputError:
        return InputError(
            f"{self._name}: is a damaged zip archive or workbook", mend="download it again, or unpack it and import the CSV file"
        )


def _held_bytes_max(part: str) -> int:
    if part.startswith(_SHEETS):
        return WORKBOOK_BYTES_MAX
    return STRINGS_BYTES_MAX if part == _STRINGS else PART_BYTES_MAX


def _stretches(sheet: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield (number of the last row, bytes more than are read at once) along a sheet's XML: of each row and of what is between two."""
    number, passed, kept = 0, 0, b""
    begins, allowed = 0, PART_BYTES_MAX
    while chunk := sheet.read(_CHUNK_BYTES):
        text, first = kept + chunk, passed - len(kept)
        for mark in _ROW_MARK.finditer(text):
            if mark.end() <= len(kept):
                continue  # seen in the chunk before
            yield number, first + mark.start() - begins - allowed
            begins = first + mark.start()
            number, allowed = (number, PART_BYTES_MAX) if mark[1] else (number + 1, ROW_BYTES_MAX)
        passed += len(chunk)
        yield number, passed - begins - allowed
        kept = text[-_MARK_BYTES_MAX:]


def _text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "TRUE" if cell else "FALSE"
        case datetime():
            return cell.isoformat(sep=" ")
        case date() | time():
            return cell.isoformat()
        case Real():
            return format(Decimal(repr(cell)), "f")
    return str(cell).strip()
