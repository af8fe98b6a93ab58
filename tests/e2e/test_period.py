"""Closing a year as its owner does: at the terminal, with its refusals, and reports before and after late data."""

from pathlib import Path

import pytest

from .conftest import BookFolder

LATE = "late,2025-01-02T08:00:00Z,buy,cold,,BTC,0.1,USD,10,,,,,,"


@pytest.fixture
def traded(book: BookFolder) -> BookFolder:
    book.import_rows(
        "b1,2025-02-03T08:00:00Z,buy,cold,,BTC,1,USD,100,,,,,,",
        "s1,2025-06-30T15:00:00Z,sell,cold,,BTC,0.5,USD,90,,,,,,",
    ).ok()
    return book


def test_a_year_is_closed_listed_amended_and_compared(traded: BookFolder) -> None:
    closed = traded.run("period", "close", "2025").ok()
    first, frozen, sealed = closed.out.splitlines()
    assert first == "closed 2025 (2025-01-01 to 2025-12-31), version 1"
    assert frozen == "frozen 1 disposals, 0 receipts, 1 lots open at its end; gain 40"
    gains = traded.run("report", "gains", "--year", "2025", "--format", "csv").ok().raw
    assert traded.run("period", "diff", "2025", "--format", "csv").ok().out.count("\n") == 1
    traded.import_rows(LATE).ok()
    assert traded.run("report", "gains", "--year", "2025", "--format", "csv").ok().raw == gains
    assert traded.run("report", "gains", "--year", "2025", "--as-filed", "--format", "csv").ok().raw == gains
    assert traded.run("report", "gains", "--year", "2025", "--current", "--format", "csv").ok().raw != gains
    checked = traded.run("check").ok()
    assert "warning: closed-year-differs" in checked.err
    assert "Gain or loss" in traded.run("period", "diff", "2025").ok().out
    assert "version 2" in traded.run("period", "close", "2025", "--amend").ok().out
    listed = traded.run("period", "list").ok().out.splitlines()
    assert [line.split()[:2] for line in listed] == [["year", "version"], ["2025", "1"], ["2025", "2"]]
    assert listed[1].endswith(sealed.split()[1])
    assert traded.run("report", "gains", "--year", "2025", "--closing", "1", "--format", "csv").ok().raw == gains


def test_a_difference_goes_into_a_file_by_its_name(traded: BookFolder, tmp_path: Path) -> None:
    traded.run("period", "close", "2025").ok()
    traded.import_rows(LATE).ok()
    for name in ("diff.xlsx", "diff.html", "diff.json"):
        assert f"wrote {tmp_path / name}" in traded.run("period", "diff", "2025", "-o", str(tmp_path / name)).ok().err
        assert (tmp_path / name).stat().st_size > 500


def test_nothing_closed_yet_is_said(book: BookFolder) -> None:
    assert "no year was closed yet" in book.run("period", "list").ok().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["period", "close", "9000"], "9000 is not over before the end of 9000-12-31"),
        (["period", "close", "2025", "--amend"], "2025 was never closed"),
        (["period", "diff", "2025"], "2025 is no tax year that was closed"),
        (["report", "gains", "--year", "2025", "--as-filed"], "2025-01-01 to 2025-12-31 is no tax year that was closed"),
        (["report", "gains", "--as-filed"], "all time is no tax year that was closed"),
        (["report", "journal", "--year", "2025", "--as-filed"], "facts of the book"),
        (["report", "gains", "--methods", "fifo"], "--methods is for the report compare"),
        (["report", "compare", "--methods", "fifo,best"], "lots cannot be compared by method 'best'"),
        (["period", "close", "next"], "'next' is not a valid integer"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_says_why(traded: BookFolder, arguments: list[str], complaint: str) -> None:
    ran = traded.run(*arguments)
    assert ran.code == 2, ran
    assert complaint in ran.err
    assert "mend: " in ran.err or "Usage" in ran.err
