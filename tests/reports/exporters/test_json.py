"""JSON: one document, amounts as text."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from ledger.domain.document import CellKind, Column, ReportDocument
from ledger.ports import ReportInput
from reports.exporters.json import JsonExporter
from reports.gains import Gains


def test_document_has_a_schema_number_and_every_table(book: ReportInput, written: Callable[..., bytes]) -> None:
    found = json.loads(written(JsonExporter(), Gains().document(book)))
    assert found["schema"] == 1
    assert [table["name"] for table in found["tables"]] == ["gains", "gains-by-asset"]
    assert found["findings"][0] == "2 errors: missing-basis"


def test_amounts_are_text_and_what_does_not_apply_is_null(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    columns = (
        Column(name="amount", title="", kind=CellKind.MONEY, total=True),
        Column(name="year", title="", kind=CellKind.INTEGER),
        Column(name="at", title="", kind=CellKind.INSTANT),
        Column(name="note", title="", kind=CellKind.OUTSIDE),
    )
    rows = [(Decimal("2.2E-7"), 2025, datetime(2025, 1, 1, tzinfo=UTC), '="x"'), (None, None, None, None)]
    (table,) = json.loads(written(JsonExporter(), document(rows, columns)))["tables"]
    assert table["rows"][0] == {"amount": "0.00000022", "year": 2025, "at": "2025-01-01T00:00:00.000000Z", "note": '="x"'}
    assert set(table["rows"][1].values()) == {None}
    assert table["totals"] == {"amount": "0.00000022"}


def test_table_without_rows_has_no_totals(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    (table,) = json.loads(written(JsonExporter(), column(CellKind.MONEY, total=True)))["tables"]
    assert (table["rows"], table["totals"]) == ([], None)


def test_empty_cells_add_nothing_to_a_total(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    (table,) = json.loads(written(JsonExporter(), column(CellKind.INTEGER, 2, None, 3, total=True)))["tables"]
    assert table["totals"] == {"c": 5}
