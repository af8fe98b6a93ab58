"""What the readers of all streams share: where a row stands, what it says, and what is found of a row that cannot be booked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.domain.event import Event
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId
from ledger.ports import LedgerLine

MEND_UNKNOWN = "book what it means from a lotwright-events file, or ask for a rule for this type; the payload is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands: what the payload knows and the row does not."""

    account: AccountId
    stream: str
    symbol: str
    fetched_at: datetime
    client_order_ids: Mapping[str, str]

    def subject(self, row_id: str) -> str:
        """Name the row for a finding."""
        return "/".join(part for part in (self.account, self.stream, self.symbol, row_id) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one row says. `explained_by` are the events whose line it is; empty: its own."""

    events: tuple[Event, ...] = ()
    lines: tuple[LedgerLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    explained_by: tuple[EventId, ...] = ()


def error(code: str, subject: str, message: str, mend: str) -> Finding:
    """Return a finding that a person must look at."""
    return Finding(code=code, severity=Severity.ERROR, subject=subject, message=message, mend=mend)


def unknown_row(place: Place, row_id: str, message: str, *, mend: str = MEND_UNKNOWN) -> Reading:
    """Return the reading of a row for which there is no rule."""
    return Reading(findings=(error("unknown-row", place.subject(row_id), message, mend),))
