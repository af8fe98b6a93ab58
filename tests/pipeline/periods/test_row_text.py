"""Rows as text and back, also by a program that has other fields than the one that wrote them."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NewType

import pytest

from ledger.domain.errors import BookError
from ledger.domain.lot import HoldingTerm
from ledger.pipeline.periods import figures_text
from ledger.pipeline.periods.figures_text import FiguresReader, FiguresWriter
from ledger.pipeline.periods.row_text import RowReader, RowWriter, cells_of, fields_of

Name = NewType("Name", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something inside a row."""

    name: Name
    size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Every type that a cell can have."""

    part: Part
    other: Part | None
    at: datetime
    day: date | None
    term: HoldingTerm | None
    count: int
    is_open: bool
    parts: tuple[Part, ...]
    fees: tuple[tuple[Name, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """A row of one cell."""

    text: str


FULL = Whole(
    part=Part(name=Name('a "b"\n'), size=Decimal("1E+2")),
    other=Part(name=Name(""), size=Decimal("-0.000000000000000001")),
    at=datetime(2025, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
    day=date(2025, 3, 1),
    term=HoldingTerm.LONG,
    count=3,
    is_open=True,
    parts=(Part(name=Name("ü"), size=Decimal(2)),),
    fees=((Name("BTC"), Decimal("0.1")),),
)
EMPTY = Whole(part=FULL.part, other=None, at=FULL.at, day=None, term=None, count=0, is_open=False, parts=(), fees=())


@pytest.mark.parametrize("row", [FULL, EMPTY, Single(text="x")], ids=lambda row: type(row).__name__)
def test_a_row_comes_back_as_it_was(row: object) -> None:
    names = fields_of(type(row))
    kind, cells = cells_of(RowWriter(names).line("row", row))
    assert kind == "row"
    assert RowReader(json.loads(json.dumps(names))).row(type(row), cells) == row


def test_the_text_of_a_row_is_canonical() -> None:
    line = RowWriter(fields_of(Part)).line("part", Part(name=Name("ü"), size=Decimal("1.50")))
    assert line == '["part",["ü","1.5"]]'


def test_a_field_that_an_old_document_lacks_reads_as_its_default() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Part:  # a later program's
        name: str
        size: Decimal
        note: str
        place: date | None
        share: Decimal
        tags: tuple[str, ...]
        kind: str = "plain"

    found = RowReader({"Part": ["name", "size"]}).row(Part, ["a", "1"])
    assert found == Part(name="a", size=Decimal(1), note="", place=None, share=Decimal(0), tags=(), kind="plain")


def test_a_field_that_a_later_program_has_dropped_is_passed_over() -> None:
    assert RowReader({"Single": ["gone", "text", "gone_too"]}).row(Single, ["1", "x", ["2"]]) == Single(text="x")


def test_a_document_of_a_newer_schema_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(figures_text, "SCHEMA", 2)
        written = FiguresWriter().finished()
    with pytest.raises(BookError, match="a newer Lotwright closed this year"):
        FiguresReader(written.content)
