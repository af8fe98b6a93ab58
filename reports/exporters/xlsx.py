"""XLSX: for accountants who go on working in a spreadsheet. Streamed, so that a million rows need no memory.

A spreadsheet's number is a double. Money is therefore written to the cent, a number of more than 15 digits as text, and the
totals are sums of the cells as written, so that a spreadsheet which computes them again finds the same. The CSV is the exact one.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import IO, Protocol

import xlsxwriter  # type: ignore[import-untyped]  # the package carries no types; `_Sheet` and `_Book` say what we use
from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]  # the same
from xlsxwriter.utility import (  # type: ignore[import-untyped]  # the same
    quote_sheetname,
    xl_range,
)

from ledger.domain.amount import EXACT, ZERO, cents_half_up, text_of
from ledger.domain.document import Cell, CellKind, Column, ReportDocument, Table
from reports.exporters.cells import NUMBERS, people_title, price_shown, starts_formula

SHEET_ROWS_MAX = 1_048_576  # of every version since Excel 2007

_DIGITS_MAX = 15  # a double returns any decimal number of up to 15 digits unchanged
_TEXT_MAX = 32_767  # characters in one cell
_CUT = " … (cut)"
_SHEET_NAME_MAX = 31
_ROWS_BESIDE_DATA = 4  # header, a gap that keeps the filter off the total, the total, the sum of the exact figures
_WIDTH_MAX = 46
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_CREATED = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # any fixed moment: the same document gives the same bytes
_ROUNDING_NOTE = (
    "Money on these sheets is rounded to the cent, numbers of more than 15 digits are text, and totals add up the cells as"
    " they stand, filters applied. Where rounding makes a difference, the sum of the exact figures stands below. The CSV export"
    " holds every figure exactly."
)
_NUMBER_FORMATS = {
    CellKind.MONEY: "#,##0.00;[Red]-#,##0.00",
    CellKind.PRICE: "#,##0.00######;[Red]-#,##0.00######",
    CellKind.QUANTITY: "#,##0.00################;[Red]-#,##0.00################",
    CellKind.INTEGER: "0",
    CellKind.DAY: "yyyy-mm-dd",
    CellKind.INSTANT: "yyyy-mm-dd hh:mm:ss.000",
}
_ROUNDINGS: Mapping[CellKind, Callable[[Decimal], Decimal]] = {CellKind.MONEY: cents_half_up, CellKind.PRICE: price_shown}
_WIDTHS = {CellKind.MONEY: 14, CellKind.PRICE: 16, CellKind.QUANTITY: 18, CellKind.INTEGER: 9, CellKind.DAY: 11, CellKind.INSTANT: 23}


class _Style(Protocol):
    """A cell format of the workbook."""


class _Sheet(Protocol):
    """What we use of a worksheet; rows and columns count from 0."""

    def write_string(self, row: int, col: int, string: str, cell_format: _Style | None = None) -> int: ...
    def write_number(self, row: int, col: int, number: float, cell_format: _Style | None = None) -> int: ...
    def write_datetime(self, row: int, col: int, date: date, cell_format: _Style | None = None) -> int: ...
    def write_formula(self, row: int, col: int, formula: str, cell_format: _Style | None, value: float) -> int: ...
    def write_url(self, row: int, col: int, url: str, cell_format: _Style | None, string: str) -> int: ...
    def write_blank(self, row: int, col: int, blank: None, cell_format: _Style | None) -> int: ...
    def set_column(self, first_col: int, last_col: int, width: float) -> int: ...
    def set_row(self, row: int, height: float) -> int: ...
    def autofilter(self, first_row: int, first_col: int, last_row: int, last_col: int) -> int: ...
    def freeze_panes(self, row: int, col: int) -> None: ...
    def repeat_rows(self, first_row: int) -> None: ...
    def set_landscape(self) -> None: ...
    def fit_to_pages(self, width: int, height: int) -> None: ...
    def set_footer(self, footer: str) -> None: ...
    def hide_gridlines(self, option: int) -> None: ...
    def ignore_errors(self, options: Mapping[str, str]) -> int: ...


class _Book(Protocol):
    """What we use of a workbook."""

    def add_worksheet(self, name: str) -> _Sheet: ...
    def add_format(self, properties: Mapping[str, object]) -> _Style: ...
    def set_properties(self, properties: Mapping[str, object]) -> None: ...
    def use_zip64(self) -> None: ...


class XlsxExporter:
    """A workbook: the cover, then one sheet per table, with filters, frozen headers and live totals.

    `sheet_rows_max` is the height of a sheet; a longer table goes on in a second one, and its total counts both.
    """

    name = "xlsx"
    suffix = ".xlsx"
    binary = True

    def __init__(self, *, sheet_rows_max: int = SHEET_ROWS_MAX) -> None:
        assert sheet_rows_max > _ROWS_BESIDE_DATA, sheet_rows_max
        self._data_rows_max = sheet_rows_max - _ROWS_BESIDE_DATA

    def write(self, document: ReportDocument, target: IO[bytes]) -> None:
        """Write the whole document; rows wait in temporary files of the owner, never in memory.

        Raises:
            OSError: when the target or a temporary file cannot be written.
        """
        patient = _Patient(target)
        try:
            self._write(document, patient)
        except FileCreateError as refused:
            (cause,) = refused.args
            patient.failure = patient.failure or OSError(cause.errno, cause.strerror)
        # Raised here and not there, where the package's own error would keep the half of an archive open.
        if patient.failure is not None:
            raise patient.failure

    def _write(self, document: ReportDocument, target: "_Patient") -> None:
        with TemporaryDirectory(prefix="lotwright-") as folder, xlsxwriter.Workbook(target, {**_OPTIONS, "tmpdir": folder}) as workbook:
            book: _Book = workbook
            book.use_zip64()
            book.set_properties({"title": document.title, "author": "Lotwright", "created": _CREATED})
            styles, names = _Styles(book), _SheetNames()
            cover = book.add_worksheet(names.free("Cover"))
            first_names = [names.free(table.title) for table in document.tables]
            _write_cover(cover, document, first_names, styles)
            for table, name in zip(document.tables, first_names, strict=True):
                _TableSheets(book, styles, names, table, name).write(self._data_rows_max)


class _Patient:
    """A target that keeps its first failure and takes all that follows, so that what the package has begun can be closed in peace."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.failure: OSError | None = None

    def write(self, content: bytes) -> int:
        return self._tried(lambda: self._target.write(content), otherwise=len(content))

    def seek(self, place: int, whence: int = 0) -> int:
        return self._tried(lambda: self._target.seek(place, whence), otherwise=0)

    def tell(self) -> int:
        return self._tried(self._target.tell, otherwise=0)

    def flush(self) -> None:
        self._tried(lambda: self._target.flush() or 0, otherwise=0)

    def _tried(self, step: Callable[[], int], *, otherwise: int) -> int:
        if self.failure is None:
            try:
                return step()
            except OSError as failure:
                self.failure = failure
        return otherwise


class _SheetNames:
    r"""Names that a spreadsheet accepts: at most 31 characters, none of ``[]:*?/\``, each once whatever the case."""

    def __init__(self) -> None:
        self._taken = {"history"}  # Excel keeps this name for itself

    def free(self, title: str) -> str:
        stem = re.sub(r"[\[\]:*?/\\]", " ", title).strip(" '")[:_SHEET_NAME_MAX] or "Table"
        name, number = stem, 1
        while name.lower() in self._taken:
            number += 1
            suffix = f" ({number})"
            name = stem[: _SHEET_NAME_MAX - len(suffix)] + suffix
        self._taken.add(name.lower())
        return name


class _Styles:
    """The formats of a workbook, made once."""

    def __init__(self, book: _Book) -> None:
        line = {"bottom": 1, "bottom_color": "#808080", "bg_color": "#F1EFE8", "bold": True, "text_wrap": True, "valign": "bottom"}
        total = {"bold": True, "top": 2}
        numbers = {kind: {"num_format": text, "align": "right"} for kind, text in _NUMBER_FORMATS.items()}
        text = {"align": "left", "indent": 1}  # keeps text off the figures of the column before
        self.header = book.add_format({**line, **text})
        self.header_number = book.add_format({**line, "align": "right"})
        self.cells = {kind: book.add_format(style) for kind, style in numbers.items()}
        self.totals = {kind: book.add_format({**style, **total}) for kind, style in numbers.items()}
        self.count = book.add_format({"num_format": "#,##0", "align": "right"})
        self.total_count = book.add_format({**total, "num_format": "#,##0", "align": "right"})
        self.total = book.add_format({**total, **text})
        self.digits = book.add_format({"align": "right"})
        self.total_digits = book.add_format({**total, "align": "right"})
        self.cell_text = book.add_format(text)
        # The prefix keeps text that begins like a formula text even when somebody edits the cell.
        self.cell_text_quoted = book.add_format({**text, "quote_prefix": True})
        self.title = book.add_format({"bold": True, "font_size": 18})
        self.heading = book.add_format({"bold": True, "font_size": 12})
        self.label = book.add_format({"font_color": "#606060", "valign": "top"})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.link = book.add_format({"font_color": "#24557A", "underline": 1})


def _write_cover(sheet: _Sheet, document: ReportDocument, names: list[str], styles: _Styles) -> None:
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, document.title, styles.title)
    line = 2
    for label, value in document.cover:
        sheet.write_string(line, 0, label, styles.label)
        sheet.write_string(line, 1, _cell_text(value), styles.text)
        line += 1
    sheet.write_string(line + 1, 0, "Sheets", styles.heading)
    line += 2
    for name in names:
        sheet.write_url(line, 1, f"internal:{quote_sheetname(name)}!A1", styles.link, name)
        line += 1
    sheet.write_string(line + 1, 0, "Notes", styles.heading)
    line += 2
    for note in (_ROUNDING_NOTE, *document.notes):
        sheet.write_string(line, 1, _cell_text(note), styles.text)
        line += 1


class _TableSheets:
    """One table on as many sheets as it takes."""

    def __init__(self, book: _Book, styles: _Styles, names: _SheetNames, table: Table, name: str) -> None:
        self._book = book
        self._styles = styles
        self._names = names
        self._table = table
        self._columns = [_ColumnCells(place, column, styles) for place, column in enumerate(table.columns)]
        self._name = name
        self._sheet = self._opened()
        self._line = 1  # the next line to write; line 0 is the header

    def write(self, data_rows_max: int) -> None:
        for row in self._table.rows():
            if self._line > data_rows_max:
                self._close()
                self._name = self._names.free(self._table.title)
                self._sheet = self._opened()
                self._line = 1
            for column, cell in zip(self._columns, row, strict=True):
                if cell is not None:
                    column.write(self._sheet, self._line, cell)
            self._line += 1
        written = self._line > 1
        self._close()
        if written and any(column.total for column in self._table.columns):
            self._write_totals(self._line + 1)

    def _opened(self) -> _Sheet:
        sheet = self._book.add_worksheet(self._name)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&RPage &P of &N")
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        sheet.set_row(0, 32)
        for place, column in enumerate(self._table.columns):
            style = self._styles.header_number if column.kind in NUMBERS else self._styles.header
            sheet.write_string(0, place, people_title(column), style)
        return sheet

    def _close(self) -> None:
        for column in self._columns:
            self._sheet.set_column(column.place, column.place, column.width())
            if self._line > 1:
                column.ranges.append(f"{quote_sheetname(self._name)}!{xl_range(1, column.place, self._line - 1, column.place)}")
        if self._line > 1:
            self._sheet.autofilter(0, 0, self._line - 1, len(self._columns) - 1)

    def _write_totals(self, line: int) -> None:
        for column in self._columns:
            if column.column.total:
                column.write_total(self._sheet, line)
            elif column.place == 0:
                self._sheet.write_string(line, 0, "Total", self._styles.total)
            else:
                self._sheet.write_blank(line, column.place, None, self._styles.total)
        if any(column.rounded() for column in self._columns):
            self._sheet.write_string(line + 1, 0, "Exact sum", self._styles.cell_text)
            for column in self._columns:
                if column.rounded():
                    column.write_exact_sum(self._sheet, line + 1)


class _ColumnCells:
    """Writes the cells of one column, and keeps what its total and its width need."""

    def __init__(self, place: int, column: Column, styles: _Styles) -> None:
        self.place = place
        self.column = column
        self.ranges: list[str] = []
        self.write: Callable[[_Sheet, int, Cell], None] = {
            CellKind.TEXT: self._write_text,
            CellKind.OUTSIDE: self._write_text,
            CellKind.MONEY: self._write_amount,
            CellKind.PRICE: self._write_amount,
            CellKind.QUANTITY: self._write_amount,
            CellKind.INTEGER: self._write_integer,
            CellKind.DAY: self._write_day,
            CellKind.INSTANT: self._write_instant,
        }[column.kind]
        self._rounding = _ROUNDINGS.get(column.kind, _unrounded)
        self._styles = styles
        counts = column.kind is CellKind.INTEGER and column.total
        self._style = styles.count if counts else styles.cells.get(column.kind)
        self._total_style = styles.total_count if counts else styles.totals.get(column.kind)
        self._widest = 0
        self._sum = ZERO
        self._exact_sum = ZERO
        self._decimals = 0
        self._all_numbers = True

    def width(self) -> float:
        """Return the width for the widest text so far and a header of two lines, with room for the filter's button."""
        title = people_title(self.column)
        header = max(len(title) // 2 + 4, *(len(word) + 4 for word in title.split()))
        return min(max(header, self._widest + 3, _WIDTHS.get(self.column.kind, 0)), _WIDTH_MAX)

    def write_total(self, sheet: _Sheet, line: int) -> None:
        """Write a formula with its result; a sum that no double holds, or of cells that are text, stands as text."""
        if not self._all_numbers or not _fits_double(self._sum):
            sheet.write_string(line, self.place, text_of(self._sum), self._styles.total_digits)
            return
        sums = "+".join(f"SUBTOTAL(109,{each})" for each in self.ranges)
        formula = f"=ROUND({sums},{self._decimals})"
        sheet.write_formula(line, self.place, formula, self._total_style, _double(self._sum))

    def rounded(self) -> bool:
        """Tell whether the total of the cells as written differs from the exact sum, written the same way."""
        return self._sum != self._rounding(self._exact_sum)

    def write_exact_sum(self, sheet: _Sheet, line: int) -> None:
        """Write the sum of the exact figures, rounded once."""
        self._write_number(sheet, line, self._rounding(self._exact_sum))

    def _write_text(self, sheet: _Sheet, line: int, cell: Cell) -> None:
        assert isinstance(cell, str), cell
        if not cell:
            return
        text = _cell_text(cell)
        self._widest = max(self._widest, len(text))
        style = self._styles.cell_text_quoted if starts_formula(text) else self._styles.cell_text
        sheet.write_string(line, self.place, text, style)

    def _write_amount(self, sheet: _Sheet, line: int, cell: Cell) -> None:
        assert isinstance(cell, Decimal), cell
        number = self._rounding(cell)
        if self.column.total:
            self._sum = EXACT.add(self._sum, number)
            self._exact_sum = EXACT.add(self._exact_sum, cell)
            self._decimals = max(self._decimals, _decimals(number))
        self._write_number(sheet, line, number)

    def _write_integer(self, sheet: _Sheet, line: int, cell: Cell) -> None:
        assert isinstance(cell, int), cell
        self._write_amount(sheet, line, Decimal(cell))

    def _write_number(self, sheet: _Sheet, line: int, number: Decimal) -> None:
        if _fits_double(number):
            sheet.write_number(line, self.place, _double(number), self._style)
            return
        text = text_of(number)
        self._all_numbers = False
        self._widest = max(self._widest, len(text))
        sheet.write_string(line, self.place, text, self._styles.digits)

    def _write_day(self, sheet: _Sheet, line: int, cell: Cell) -> None:
        assert isinstance(cell, date), cell
        sheet.write_datetime(line, self.place, cell, self._style)

    def _write_instant(self, sheet: _Sheet, line: int, cell: Cell) -> None:
        assert isinstance(cell, datetime), cell
        sheet.write_datetime(line, self.place, cell.astimezone(UTC).replace(tzinfo=None), self._style)


def _unrounded(number: Decimal) -> Decimal:
    return number


def _double(number: Decimal) -> float:
    """Return the cell's number: a spreadsheet knows nothing else. Only here does an amount become a float, on its way out."""
    return float(number)


def _fits_double(number: Decimal) -> bool:
    return len(number.normalize(EXACT).as_tuple().digits) <= _DIGITS_MAX


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), number
    return max(0, -exponent)


def _cell_text(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - len(_CUT)] + _CUT
