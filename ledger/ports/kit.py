"""What a small connector would write all the same: the head of an event, and the reading of a page row by row. Pure.

A connector need not use it; ours of many row types have more to say in their findings.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypedDict

from ledger.domain.errors import InputError, TransientError
from ledger.domain.event import Event, SourceRank
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId, SourceId, VenueName, event_id
from ledger.domain.json_text import Row, json_of
from ledger.domain.payload import Payload
from ledger.ports import Interpretation

_STUMBLES = (InputError, LookupError, TypeError, ValueError, ArithmeticError)  # what code that trusts a row runs into
_MEND = "look at the payload; a newer connector may read it (nothing has to be pulled again)"


class Head(TypedDict):
    """The fields that every event must have, for ``Fill(**head, ...)``."""

    event_id: EventId
    source_id: SourceId
    venue: VenueName
    account: AccountId
    occurred_at: datetime
    rank: SourceRank


def head_of(payload: Payload, *, kind: str, source_id: str, occurred_at: datetime, scope: str = "") -> Head:
    """Return the head of an event that a page tells of; `kind` and `scope` are those within which the venue's ids are unique."""
    ident = event_id(venue=payload.venue, account=payload.account, product_line="spot", kind=kind, scope=scope, source_id=source_id)
    return Head(
        event_id=ident,
        source_id=SourceId(source_id),
        venue=payload.venue,
        account=payload.account,
        occurred_at=occurred_at,
        rank=SourceRank.VENUE,
    )


def rows_of(payload: Payload) -> list[Row]:
    """Return the rows of a page that is a list of objects, numbers exact.

    Raises:
        TransientError: when it is none; to be called before the page is handed on, so that it is asked for again and not stored.
    """
    try:
        rows = json_of(payload.content)
    except InputError as unreadable:
        raise TransientError(f"{payload.venue}: {payload.request} {unreadable.message}", mend="run again later") from unreadable
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientError(f"{payload.venue}: {payload.request} is no list of rows", mend="run again later")
    return [row for row in rows if isinstance(row, dict)]


def read_rows(payload: Payload, reader: Callable[[Row, Payload], Event | None]) -> Interpretation:
    """Return what the rows of a page say, one event each or none; a row over which the reader stumbles becomes a finding."""
    events: list[tuple[Event, str]] = []
    findings: list[Finding] = []
    for number, row in enumerate(rows_of(payload), start=1):
        place = f"row {number}"
        try:
            event = reader(row, payload)
        except _STUMBLES as refused:
            message = f"{place} of {payload.payload_id} cannot be read: {refused!s}"
            subject = f"{payload.account}/{payload.stream}/{payload.payload_id} {place}"
            findings.append(Finding(code="unreadable-row", severity=Severity.ERROR, subject=subject, message=message, mend=_MEND))
            continue
        events += [] if event is None else [(event, place)]
    return Interpretation(events=tuple(events), findings=tuple(findings))
