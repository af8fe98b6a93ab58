"""Exporters stream: twice as many rows need no more memory."""

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import Exporter
from reports.exporters.csv import CsvExporter
from reports.exporters.html import HtmlExporter
from reports.exporters.json import JsonExporter
from reports.exporters.table import TableExporter
from reports.exporters.xlsx import XlsxExporter

COLUMNS = tuple(Column(name=kind.value, title=kind.value, kind=kind, total=kind is CellKind.MONEY) for kind in CellKind)
CELLS = {
    CellKind.TEXT: "D-0000000000000001-1",
    CellKind.OUTSIDE: "fill",
    CellKind.MONEY: Decimal("1.25"),
    CellKind.PRICE: Decimal("0.00001714"),
    CellKind.QUANTITY: Decimal("0.00000022"),
    CellKind.INTEGER: 1,
    CellKind.DAY: date(2025, 1, 1),
    CellKind.INSTANT: datetime(2025, 1, 1, tzinfo=UTC),
}


class Counter:
    """Counts bytes and keeps none; what a ZIP archive needs of a file."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, content: bytes) -> int:
        self.size += len(content)
        return len(content)

    def flush(self) -> None:
        pass


def peak_bytes(exporter: Exporter, count: int) -> int:
    """The most memory that Python objects took while so many rows were written."""

    def rows() -> Iterator[Row]:
        for number in range(count):
            yield tuple(f"{CELLS[kind]}-{number}" if kind in {CellKind.TEXT, CellKind.OUTSIDE} else CELLS[kind] for kind in CellKind)

    table = Table(name="things", title="Things", columns=COLUMNS, rows=rows)
    exported = ReportDocument(name="test", title="Test", cover=(), tables=(table,))
    tracemalloc.start()
    exporter.write(exported, Counter())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("exporter", [CsvExporter, JsonExporter, HtmlExporter, TableExporter, XlsxExporter])
def test_memory_does_not_grow_with_the_rows(exporter: Callable[[], Exporter]) -> None:
    few, many = peak_bytes(exporter(), 2_000), peak_bytes(exporter(), 8_000)
    assert many < few * 1.2 + 50_000
