"""Small documents to export."""

import io
from collections.abc import Callable

import pytest

from ledger.domain.document import CellKind, Column, ReportDocument, Table


def document_of(
    rows: object, columns: tuple[Column, ...], *, notes: tuple[str, ...] = (), findings: tuple[str, ...] = ()
) -> ReportDocument:
    """A document of one table."""
    table = Table(name="things", title="Things", columns=columns, rows=lambda: iter(rows))
    return ReportDocument(name="test", title="Test", cover=(("Book", "b"),), tables=(table,), notes=notes, findings=findings)


@pytest.fixture(scope="session")
def document() -> Callable[..., ReportDocument]:
    return document_of


@pytest.fixture(scope="session")
def column() -> Callable[..., ReportDocument]:
    """Make a document of one column."""

    def make(kind: CellKind, *cells: object, total: bool = False) -> ReportDocument:
        return document_of([(cell,) for cell in cells], (Column(name="c", title="C", kind=kind, total=total),))

    return make


@pytest.fixture(scope="session")
def written() -> Callable[..., bytes]:
    """Export a document into bytes."""

    def write(exporter: object, exported: ReportDocument) -> bytes:
        target = io.BytesIO()
        exporter.write(exported, target)
        return target.getvalue()

    return write
