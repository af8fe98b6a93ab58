"""What stands on every report before its figures: whose book, which rules, and what is wrong with it.

No clock: the same book gives the same bytes on any day.
"""

from ledger.domain.document import ReportDocument, Table
from ledger.domain.facts import BookCover, FindingCount
from ledger.domain.finding import Severity
from ledger.ports import ReportGenerator, ReportInput

_SEVERITY_RANK = {severity.value: rank for rank, severity in enumerate(Severity)}
_DISCLAIMER = "Not tax advice. Whoever files answers for the return; have it checked by someone who knows the law."


def document_of(report: ReportGenerator, source: ReportInput, *, tables: tuple[Table, ...], notes: tuple[str, ...] = ()) -> ReportDocument:
    """Return the document of a report: its tables behind the book's cover; the first table is the main one."""
    return ReportDocument(
        name=report.name,
        title=report.title,
        cover=cover_lines(source.cover),
        tables=tables,
        notes=notes,
        findings=finding_lines(source.cover),
    )


def cover_lines(cover: BookCover) -> tuple[tuple[str, str], ...]:
    """Return (label, text) in reading order."""
    return (
        ("Book", cover.book),
        ("Period", cover.period),
        ("Filters", cover.filters or "none"),
        ("Currency", cover.currency),
        ("Time zone", cover.time_zone),
        ("Regime", cover.regime),
        ("Method", cover.method),
        ("Scope", cover.scope),
        *((("Prices", cover.prices),) if not cover.usual_prices else ()),
        *((("Figures", cover.figures),) if cover.figures else ()),
        *((("Unverified", f"coverage of {', '.join(cover.unverified)}"),) if cover.unverified else ()),
        ("Software", f"Lotwright {cover.version}"),
        *((("Coverage", cover.coverage),) if cover.coverage else ()),
        *((("No longer given", "; ".join(cover.gone)),) if cover.gone else ()),
        ("Findings", "; ".join(finding_lines(cover)) or "none"),
        ("Please note", _DISCLAIMER),
    )


def finding_lines(cover: BookCover) -> tuple[str, ...]:
    """Return one line per kind of open finding, gravest first: ``12 errors: missing-basis``."""
    return tuple(_finding_line(each) for each in sorted(cover.findings, key=_gravest_first) if each.count)


def _gravest_first(finding: FindingCount) -> tuple[int, str, str]:
    return _SEVERITY_RANK.get(finding.severity, len(_SEVERITY_RANK)), finding.severity, finding.code


def _finding_line(finding: FindingCount) -> str:
    return f"{finding.count} {finding.severity}{'' if finding.count == 1 else 's'}: {finding.code}"
