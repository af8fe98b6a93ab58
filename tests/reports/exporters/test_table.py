"""Text tables: aligned, complete, safe in a terminal."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from ledger.domain.document import CellKind, Column, ReportDocument
from reports.exporters.table import SAMPLE_ROWS, TableExporter

NAME = Column(name="name", title="Name", kind=CellKind.OUTSIDE)
MONEY = Column(name="money", title="Money", kind=CellKind.MONEY, total=True)


def lines_of(content: bytes) -> list[str]:
    """The lines of the table itself, after its heading."""
    lines = content.decode().splitlines()
    return lines[lines.index("Things") + 2 :]


def test_figures_are_right_aligned_and_added_up(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    rows = [("first", Decimal("1234.5")), ("second", Decimal("-0.25"))]
    assert lines_of(written(TableExporter(), document(rows, (NAME, MONEY)))) == [
        "Name       Money",
        "------  --------",
        "first   1,234.50",
        "second     -0.25",
        "------  --------",
        "Total   1,234.25",
    ]


def test_wide_characters_take_two_places(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    lines = lines_of(written(TableExporter(), document([("日本", Decimal(1)), ("abcd", Decimal(2))], (NAME, MONEY))))
    assert lines[2:4] == ["日本    1.00", "abcd    2.00"]


@pytest.mark.parametrize(
    ("text", "shown"), [("\x1b[31mred", "\\x1b[31mred"), ("a\nb", "a\\nb"), ("\u202eevil", "\\u202eevil"), ("\x9b1m", "\\x9b1m")]
)
def test_control_characters_never_reach_the_terminal(
    written: Callable[..., bytes], document: Callable[..., ReportDocument], text: str, shown: str
) -> None:
    assert lines_of(written(TableExporter(), document([(text, Decimal(1))], (NAME, MONEY))))[2].startswith(shown)


def test_ids_and_figures_are_complete_however_wide_the_table(
    written: Callable[..., bytes], document: Callable[..., ReportDocument]
) -> None:
    name = "a name that is long " * 20
    lines = lines_of(written(TableExporter(), document([(name.strip(), Decimal("123456789.12"))], (NAME, MONEY))))
    assert lines[2] == f"{name.strip()}  123,456,789.12"


def test_empty_column_is_left_out(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    empty = Column(name="empty", title="Empty")
    assert lines_of(written(TableExporter(), document([("x", None, Decimal(1))], (NAME, empty, MONEY))))[0] == "Name   Money"


def test_table_without_rows_says_so(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    assert lines_of(written(TableExporter(), document([], (NAME, MONEY)))) == ["(no rows)"]


def test_long_table_is_shown_whole_and_stays_aligned(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    rows = [(f"row {number}", Decimal("9.99")) for number in range(3 * SAMPLE_ROWS)]
    lines = lines_of(written(TableExporter(), document(rows, (NAME, MONEY))))
    assert len(lines) == 3 * SAMPLE_ROWS + 4
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].split() == ["Total", "29,970.00"]


def test_text_longer_than_the_sample_is_not_cut(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    rows = [("short", Decimal(1))] * (SAMPLE_ROWS + 1) + [("a longer name than before", Decimal(1))]
    assert any(line.startswith("a longer name than before  ") for line in lines_of(written(TableExporter(), document(rows, (NAME, MONEY)))))


def test_notes_are_wrapped(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    content = written(TableExporter(), document([("x", Decimal(1))], (NAME, MONEY), notes=("a word " * 50,)))
    notes = [line for line in content.decode().splitlines() if line.startswith(("* ", "  a", "  w"))]
    assert len(notes) > 2
    assert max(map(len, notes)) <= 100
