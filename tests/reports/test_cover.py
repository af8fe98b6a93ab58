"""What stands on every report before its figures."""

from dataclasses import replace

from ledger.domain.facts import FindingCount
from ledger.ports import ReportInput
from reports.cover import cover_lines, finding_lines


def test_findings_are_counted_by_code_gravest_first(book: ReportInput) -> None:
    assert finding_lines(book.cover) == ("2 errors: missing-basis", "1 error: missing-price", "1 warning: coverage-gap")


def test_finding_that_was_mended_is_not_counted(book: ReportInput) -> None:
    mended = FindingCount(code="missing-basis", severity="error", count=0)
    assert finding_lines(replace(book.cover, findings=(mended,))) == ()


def test_clean_book_says_that_there_are_no_findings(book: ReportInput) -> None:
    lines = dict(cover_lines(replace(book.cover, findings=())))
    assert (lines["Findings"], lines["Filters"]) == ("none", "none")


def test_cover_says_whose_book_which_rules_and_that_it_is_no_advice(book: ReportInput) -> None:
    lines = dict(cover_lines(book.cover))
    assert lines["Regime"] == "us 2025.1"
    assert lines["Software"] == "Lotwright 0.1.0"
    assert lines["Please note"].startswith("Not tax advice.")
