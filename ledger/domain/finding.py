"""Something that a person should look at, with a way to mend it: a value beside the result, never a log line."""

from dataclasses import dataclass
from enum import StrEnum

ORIGIN_OF_PAYLOADS = "payload:"  # so begin the origins of what the reading of a payload found


class Severity(StrEnum):
    """`ERROR`: figures may be wrong or incomplete (exit 1). `WARNING`: look at it. `NOTE`: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`code` is the stable kebab-case name, `subject` what it is about (an id, a connection, a file and line)."""

    code: str
    severity: Severity
    subject: str
    message: str
    mend: str


def origin_of_payload(payload_id: str) -> str:
    """Return the origin under which a book keeps what the reading of one payload found."""
    return f"{ORIGIN_OF_PAYLOADS}{payload_id}"
