"""The deadlines of Rev. Proc. 2024-28, to the instant, in the taxpayer's own zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AllocationId
from ledger.domain.law.allocation import Allocation, AllocationKind
from ledger.tax.us_allocation import faults_of

NEW_YORK = ZoneInfo("America/New_York")
SPECIFIC, GLOBAL = AllocationKind.SPECIFIC, AllocationKind.GLOBAL


def faults(kind: AllocationKind, recorded: str, *, described: str | None = None, sold: str | None = None) -> str:
    document = Allocation(
        allocation_id=AllocationId("A"),
        asset=AssetCode("BTC"),
        kind=kind,
        recorded_at=datetime.fromisoformat(recorded),
        described_at=None if described is None else datetime.fromisoformat(described),
        evidence="signed",
        allotments=(),
    )
    first = None if sold is None else datetime.fromisoformat(sold)
    return " / ".join(faults_of(document, first_disposal=first, zone=NEW_YORK))


@pytest.mark.parametrize(
    ("recorded", "sold", "fault"),
    [
        ("2024-12-31T12:00:00Z", None, ""),
        ("2026-10-16T03:59:59Z", None, ""),  # still the 15th in New York
        ("2026-10-16T04:00:00Z", None, "complete before 2026-10-16T04:00:00Z"),
        ("2025-02-01T11:59:59Z", "2025-02-01T12:00:00Z", ""),
        ("2025-02-01T12:00:00Z", "2025-02-01T12:00:00Z", "complete before 2025-02-01T12:00:00Z"),
        ("2026-10-17T00:00:00Z", "2026-12-01T12:00:00Z", "complete before 2026-10-16T04:00:00Z"),
    ],
)
def test_a_specific_allocation_ends_with_the_first_disposal_or_the_due_day_whichever_comes_first(
    recorded: str, sold: str | None, fault: str
) -> None:
    found = faults(SPECIFIC, recorded, sold=sold)
    assert fault in found
    assert bool(fault) is bool(found)


@pytest.mark.parametrize(
    ("recorded", "described", "sold", "fault"),
    [
        ("2025-06-01T00:00:00Z", "2025-01-01T04:59:59Z", "2025-02-01T12:00:00Z", ""),
        ("2025-06-01T00:00:00Z", "2025-01-01T05:00:00Z", None, "written down before 2025-01-01T05:00:00Z"),
        ("2025-06-01T00:00:00Z", None, None, "written down before"),
        ("2026-11-01T00:00:00Z", "2024-12-01T00:00:00Z", "2025-02-01T12:00:00Z", "complete before 2026-10-16T04:00:00Z"),
        ("2026-11-01T00:00:00Z", "2024-12-01T00:00:00Z", "2026-11-02T00:00:00Z", ""),
    ],
)
def test_a_global_allocation_needs_a_rule_from_before_and_has_until_the_later_of_both(
    recorded: str, described: str | None, sold: str | None, fault: str
) -> None:
    found = faults(GLOBAL, recorded, described=described, sold=sold)
    assert fault in found
    assert bool(fault) is bool(found)


def test_a_specific_allocation_describes_no_rule() -> None:
    assert "no rule" in faults(SPECIFIC, "2024-12-31T12:00:00Z", described="2024-12-01T00:00:00Z")


def test_instants_of_other_zones_are_compared_as_instants() -> None:
    assert faults(SPECIFIC, "2026-10-15T23:59:59-04:00") == ""
