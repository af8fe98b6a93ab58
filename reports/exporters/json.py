"""JSON: the whole document for programs. Amounts are strings, because a JSON number becomes a float in most readers."""

import json
from typing import IO

from ledger.domain.document import Cell, CellKind, Column, ReportDocument, Row, Table
from reports.exporters.cells import PLAIN, ColumnSums

SCHEMA = 1

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_JsonValue = str | int | None


class JsonExporter:
    """One JSON document, UTF-8, written row by row.

    ``{"schema": 1, "name", "title", "cover": [{"label", "value"}], "findings": [], "notes": [], "tables": [{"name", "title",
    "columns": [{"name", "title", "kind", "total"}], "rows": [{column: value}], "totals": {column: sum} or null}]}``.
    Amounts are decimal strings in plain notation, instants ISO 8601 in UTC, days ISO 8601, what does not apply is null.
    """

    name = "json"
    suffix = ".json"
    binary = False

    def write(self, document: ReportDocument, target: IO[bytes]) -> None:
        """Write the whole document; one line per row."""
        head = {
            "schema": SCHEMA,
            "name": document.name,
            "title": document.title,
            "cover": [{"label": label, "value": value} for label, value in document.cover],
            "findings": list(document.findings),
            "notes": list(document.notes),
        }
        target.write(_text(head).removesuffix("}").encode() + b',"tables":[')
        for number, table in enumerate(document.tables):
            target.write(b",\n" if number else b"\n")
            _write_table(table, target)
        target.write(b"\n]}\n")


def _write_table(table: Table, target: IO[bytes]) -> None:
    columns = [{"name": each.name, "title": each.title, "kind": each.kind.value, "total": each.total} for each in table.columns]
    head = _text({"name": table.name, "title": table.title, "columns": columns})
    target.write(head.removesuffix("}").encode() + b',"rows":[')
    sums = ColumnSums(table.columns)
    for row in table.rows():
        target.write((",\n" if sums.rows else "\n").encode() + _text(_json_row(table.columns, row)).encode())
        sums.add(row)
    total = sums.row()
    totals = (
        None
        if total is None
        else {each.name: _json_value(each, cell) for each, cell in zip(table.columns, total, strict=True) if each.total}
    )
    target.write(b'\n],"totals":' + _text(totals).encode() + b"}")


def _json_row(columns: tuple[Column, ...], row: Row) -> dict[str, _JsonValue]:
    return {column.name: _json_value(column, cell) for column, cell in zip(columns, row, strict=True)}


def _json_value(column: Column, cell: Cell) -> _JsonValue:
    if cell is None:
        return None
    if column.kind is CellKind.INTEGER:
        assert isinstance(cell, int), cell
        return cell
    return PLAIN[column.kind](cell)


def _text(value: object) -> str:
    return _ENCODER.encode(value)
