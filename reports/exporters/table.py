"""Plain aligned text for terminals and mails: no colours, no control codes, no figure ever cut."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from textwrap import wrap
from typing import IO

from rich.cells import cell_len, set_cell_size

from ledger.domain.document import Column, ReportDocument, Row, Table
from reports.exporters.cells import NUMBERS, ColumnSums, people_text, people_title

SAMPLE_ROWS = 1000  # widths are taken from so many rows, so that a long table streams

_GAP = "  "
_NOTE_WIDTH = 100  # a comfortable line
_TOTAL_RESERVE = 4  # a sum over a thousand times as many rows as were sampled has three digits more, and a separator
# Control characters and the marks that turn the direction of writing: a terminal would obey them.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class TableExporter:
    """Cover, tables and notes as text in columns.

    A table is as wide as it takes: ids that are cut could not be given to `explain`. Columns that are empty throughout a table
    of up to `SAMPLE_ROWS` rows are left out.
    """

    name = "table"
    suffix = ".txt"
    binary = False

    def write(self, document: ReportDocument, target: IO[bytes]) -> None:
        """Write the whole document as UTF-8 text."""
        for line in self._lines(document):
            target.write(line.rstrip().encode() + b"\n")

    def _lines(self, document: ReportDocument) -> Iterator[str]:
        yield from _headed(document.title, "=")
        label_width = max((cell_len(label) for label, _ in document.cover), default=0)
        for label, value in document.cover:
            yield f"{set_cell_size(label, label_width)}{_GAP}{_printable(value)}"
        for table in document.tables:
            yield ""
            yield from _headed(table.title, "-")
            yield from self._table_lines(table)
        if document.notes:
            yield ""
        for note in document.notes:
            yield from wrap(_printable(note), _NOTE_WIDTH, initial_indent="* ", subsequent_indent="  ")

    def _table_lines(self, table: Table) -> Iterator[str]:
        sums = ColumnSums(table.columns)
        rows = _texts(table, sums)
        sample = list(islice(rows, SAMPLE_ROWS + 1))
        if not sample:
            yield "(no rows)"
            return
        complete = len(sample) <= SAMPLE_ROWS
        layout = _Layout(table.columns, sample, total=sums.row(), complete=complete)
        yield layout.line([people_title(column) for column in table.columns])
        yield layout.rule()
        for texts in chain(sample, rows):
            yield layout.line(texts)
        total = sums.row()
        if total is not None:
            yield layout.rule()
            yield layout.line(_total_texts(table.columns, total))


class _Layout:
    """Which columns are shown, and how wide."""

    def __init__(self, columns: tuple[Column, ...], sample: list[list[str]], *, total: Row | None, complete: bool) -> None:
        self._places = [place for place in range(len(columns)) if not complete or any(texts[place] for texts in sample)]
        self._numeric = [column.kind in NUMBERS for column in columns]
        lines = [[people_title(column) for column in columns], *sample]
        if total is not None:
            lines.append(_total_texts(columns, total))
        self._widths = [max(cell_len(texts[place]) for texts in lines) for place in range(len(columns))]
        if not complete:
            self._widths = [each + column.total * _TOTAL_RESERVE for each, column in zip(self._widths, columns, strict=True)]

    def line(self, texts: list[str]) -> str:
        return _GAP.join(self._padded(place, texts[place]) for place in self._places)

    def rule(self) -> str:
        return _GAP.join("-" * self._widths[place] for place in self._places)

    def _padded(self, place: int, text: str) -> str:
        room = " " * (self._widths[place] - cell_len(text))
        return room + text if self._numeric[place] else text + room


def _headed(title: str, line: str) -> Iterator[str]:
    yield title
    yield line * cell_len(title)


def _texts(table: Table, sums: ColumnSums) -> Iterator[list[str]]:
    shown = [people_text(column) for column in table.columns]
    for row in table.rows():
        sums.add(row)
        yield [_printable(text(cell)) for text, cell in zip(shown, row, strict=True)]


def _total_texts(columns: tuple[Column, ...], total: Row) -> list[str]:
    texts = [_printable(people_text(column)(cell)) for column, cell in zip(columns, total, strict=True)]
    return [texts[0] or "Total", *texts[1:]]


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
