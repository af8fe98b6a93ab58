"""What is in the book, in a few lines."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.config import BookSettings
from ledger.pipeline.proof.coverage import coverage_of
from ledger.storage.store import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class BookStatus:
    """`rows` counts the rows of each table, `findings` the open findings by severity; `last_pulled` by connection."""

    settings: BookSettings
    rows: Mapping[str, int]
    findings: Mapping[str, int]
    last_pulled: Mapping[str, datetime | None]
    chain_length: int
    chain_hash: str


def status_of(reader: Reader, settings: BookSettings) -> BookStatus:
    """Return what the book holds at this moment."""
    length, tip = reader.chain_tip()
    pulled: dict[str, datetime | None] = {connection.name: None for connection in settings.connections}
    for stream in coverage_of(reader):
        told = (pulled.get(stream.connection), stream.pulled_at)
        pulled[stream.connection] = max((instant for instant in told if instant is not None), default=None)
    return BookStatus(
        settings=settings,
        rows=reader.counts(),
        findings=Counter(finding.severity.value for _, finding in reader.findings()),
        last_pulled=pulled,
        chain_length=length,
        chain_hash=tip,
    )
