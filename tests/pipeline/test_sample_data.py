"""The sample year: its expected reports, byte by byte, and the arithmetic that its README shows, reckoned by other means."""

import ast
import csv
import json
import operator
import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from ledger.book import Book, Selection
from ledger.domain.event import ChargeKind, IncomeKind, OpeningKind

FOLDER = Path(__file__).parents[2] / "sample_data"
EXPECTED = FOLDER / "expected"

OPERATORS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

Row = dict[str, str]


@pytest.fixture
def sample(new_book: Callable[..., Book], sample_files: tuple[Path, ...]) -> Book:
    book = new_book(time_zone="America/New_York")
    book.import_files(sample_files)
    return book


@pytest.fixture
def year(sample: Book) -> Selection:
    return Selection(period=sample.period_of(2025))


def recorded(name: str, found: bytes) -> bytes:
    """Return what is expected; LOTWRIGHT_RECORD=1 writes it first, except under CI."""
    if os.environ.get("LOTWRIGHT_RECORD") == "1":
        assert os.environ.get("CI") is None, "goldens are never recorded in CI"
        (EXPECTED / name).write_bytes(found)
    return (EXPECTED / name).read_bytes()


def figure(expression: str) -> Fraction:
    """Reckon an expression of the README exactly: numbers, the four operations and brackets."""
    numbers = iter(re.findall(r"[0-9]+(?:\.[0-9]+)?", expression))

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        assert isinstance(node, ast.Constant), expression
        return Fraction(next(numbers))

    return value(ast.parse(expression, mode="eval").body)


def readme_rows(header: str) -> list[list[str]]:
    """Return the cells of the README's table of that header."""
    _, _, table = (FOLDER / "README.md").read_text(encoding="utf-8").partition(f"| {header} |")
    lines = table.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_gains_of_the_sample_year_are_as_expected(sample: Book, year: Selection, report_of: Callable[..., bytes]) -> None:
    found = report_of(sample, "gains", "csv", year)
    assert found.decode() == recorded("gains-2025.csv", found).decode()


def test_the_summary_of_the_sample_year_is_as_expected(sample: Book, year: Selection, report_of: Callable[..., bytes]) -> None:
    found = report_of(sample, "summary", "json", year)
    told, expected = json.loads(found), json.loads(recorded("summary-2025.json", found))
    assert [line["label"] for line in told["cover"]] == [line["label"] for line in expected["cover"]]
    for document in (told, expected):
        document["cover"] = [line for line in document["cover"] if line["label"] not in {"Software", "Book"}]
    assert told == expected


def test_every_line_of_the_readme_is_what_the_report_says(sample: Book, year: Selection, gains_of: Callable[..., list[Row]]) -> None:
    gains = {(gain["event"], gain["lot_event"], gain["asset"]): gain for gain in gains_of(sample, year)}
    pieces = {(event, lot): gain for (event, lot, _), gain in gains.items()}
    assert len(gains) == len(pieces) == 32
    for event, lot, proceeds, cost, _ in readme_rows("event | lot | proceeds | cost basis | why"):
        gain = pieces.pop((event, lot))
        reckoned = (figure(proceeds), figure(cost))
        assert (Fraction(gain["proceeds"]), Fraction(gain["cost_basis"])) == reckoned, (event, lot)
        assert Fraction(gain["gain"]) == reckoned[0] - reckoned[1]
    for event, proceeds, cost, _ in readme_rows("event | proceeds of all pieces | cost of all pieces | why"):
        split = [pieces.pop(key) for key in sorted(pieces) if key[0] == event]
        assert len(split) == 2
        assert sum(Fraction(gain["proceeds"]) for gain in split) == figure(proceeds)
        assert sum(Fraction(gain["cost_basis"]) for gain in split) == figure(cost)
    assert pieces == {}


def test_terms_and_days_of_the_sample_year_are_those_of_new_york(sample: Book, gains_of: Callable[..., list[Row]]) -> None:
    gains = {gain["event"]: (gain["date_disposed"], gain["term"]) for gain in gains_of(sample)}
    assert gains["s3"] == ("2025-06-15", "short")
    assert gains["s4"] == ("2025-06-15", "short")
    assert gains["s5"] == ("2025-06-16", "long")
    assert gains["s9"] == ("2025-12-31", "short")
    assert gains["s10"] == ("2026-01-01", "short")


def test_the_sample_year_has_every_type_of_row_and_kind_of_income(sample_rows: list[Row]) -> None:
    types = {"buy", "sell", "transfer", "deposit", "withdrawal", "income", *ChargeKind, *OpeningKind}
    assert {row["type"] for row in sample_rows} == types
    assert {row["kind"] for row in sample_rows if row["type"] == "income"} == set(IncomeKind)


def test_the_sample_book_is_clean_and_its_columns_add_up(sample: Book, year: Selection, gains_of: Callable[..., list[Row]]) -> None:
    assert sample.check() == ()
    totals = json.loads((EXPECTED / "summary-2025.json").read_bytes())["tables"][0]["totals"]
    gains = gains_of(sample, year)
    for column in ("proceeds", "cost_basis", "adjustment", "gain"):
        assert sum(Fraction(gain[column]) for gain in gains) == Fraction(totals[column])
    with (EXPECTED / "gains-2025.csv").open(encoding="utf-8", newline="") as expected:
        assert list(csv.DictReader(expected)) == gains
