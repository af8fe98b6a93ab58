"""CSV: the exact format. Every digit in plain notation, nothing rounded, nothing that a spreadsheet would execute."""

from collections.abc import Iterable
from itertools import islice
from typing import IO

from ledger.domain.document import Cell, CellKind, Column, ReportDocument, Table
from reports.exporters.cells import FORMULA_STARTS, PLAIN, guarded

_BATCH_ROWS = 500
_FIELD_BREAKS = (",", '"', "\r", "\n")
_JOINT = "\x1f"  # the unit separator: not to be expected in a field, and harmless there
_FORMULAS = tuple(_JOINT + sign for sign in FORMULA_STARTS)
_EMPTY_LINE = '""'  # of a table with one column: readers skip a line that is altogether empty
_TEXTS = frozenset({CellKind.TEXT, CellKind.OUTSIDE})


class CsvExporter:
    r"""UTF-8, ``\n`` line ends, one header row; the main table of a document, or any one table."""

    name = "csv"
    suffix = ".csv"
    binary = False
    has_cover = False

    def write(self, document: ReportDocument, target: IO[bytes]) -> None:
        """Write the main table; the cover and further tables have no place in one CSV file."""
        self.write_table(document.tables[0], target)

    def write_table(self, table: Table, target: IO[bytes]) -> None:
        """Write one table with its header row. An empty field is a cell that does not apply or is not known."""
        target.write(_lines([_separable([column.name]) for column in table.columns]))
        # Column by column within a batch: three times as fast as cell by cell, and the batch bounds the memory.
        rows = table.rows()
        while batch := list(islice(rows, _BATCH_ROWS)):
            cells_by_column = zip(*batch, strict=True)
            target.write(_lines([_fields(column, cells) for column, cells in zip(table.columns, cells_by_column, strict=True)]))


def _lines(fields_by_column: list[Iterable[str]]) -> bytes:
    return "".join([f"{line or _EMPTY_LINE}\n" for line in map(",".join, zip(*fields_by_column, strict=True))]).encode()


def _fields(column: Column, cells: tuple[Cell, ...]) -> Iterable[str]:
    texts = map(PLAIN[column.kind], cells)
    if column.kind not in _TEXTS:
        return texts  # numbers, days and instants have nothing to quote
    return _separable(_harmless(list(texts)) if column.kind is CellKind.OUTSIDE else list(texts))


def _harmless(texts: list[str]) -> list[str]:
    joined = _JOINT + _JOINT.join(texts)
    return [guarded(text) for text in texts] if any(sign in joined for sign in _FORMULAS) else texts


def _separable(texts: list[str]) -> list[str]:
    joined = _JOINT.join(texts)
    return [_quoted(text) for text in texts] if any(sign in joined for sign in _FIELD_BREAKS) else texts


def _quoted(text: str) -> str:
    if not any(sign in text for sign in _FIELD_BREAKS):
        return text
    return '"' + text.replace('"', '""') + '"'
