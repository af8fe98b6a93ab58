"""Allocations: unused basis put into wallets by the taxpayer's own document, as the pool of all wallets ended."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ledger.book.core import SILENT, BookCore
from ledger.domain.errors import InputError
from ledger.domain.law.allocation import Allocation, AllocationKind
from ledger.pipeline.allocations.taking import AllocationTold, allocate
from ledger.pipeline.match import match_into
from ledger.pipeline.progress import Progress
from ledger.pipeline.terms import terms_of

_EVIDENCE_CHARACTERS_MAX = 2_000


class _RolledBack(Exception):  # no error: it undoes a dry run
    """Undo what a dry run stored."""


class Allocations(BookCore):
    """Rev. Proc. 2024-28 in a book."""

    def allocate(
        self,
        path: Path,
        *,
        kind: str,
        recorded_at: datetime,
        evidence: str,
        described_at: datetime | None = None,
        dry_run: bool = False,
        progress: Progress = SILENT,
    ) -> tuple[Allocation, ...]:
        """Store the allocations of a file, for good, and match lots; return them by asset. `dry_run` weighs them only.

        `kind` is ``specific`` or ``global``; `recorded_at` (aware) is when the allocation was complete, `described_at` when the rule of
        a global one was written down; `evidence` names the proof of both.

        Raises:
            InputError: for a bad file or date, an asset that has one already, units or basis that do not tie, a deadline missed;
                nothing is stored then.
            UnsupportedCase: when the book's law or scope knows no allocations.
        """
        told = AllocationTold(
            kind=_kind(kind),
            recorded_at=_utc(recorded_at, "recorded-at"),
            evidence=_evidence(evidence),
            described_at=None if described_at is None else _utc(described_at, "described-at"),
        )
        made: list[Allocation] = []
        with self.store.hold(), suppress(_RolledBack), self.store.write() as writer:
            terms, now = terms_of(self.settings, writer.elections()), self._now()
            made += allocate(writer, path, told, terms=terms, regime=self.regime, now=now)
            if dry_run:
                raise _RolledBack
            match_into(writer, self.settings, self.regime, now=now, progress=progress)
        return tuple(made)

    def allocations(self) -> tuple[Allocation, ...]:
        """Return the allocations of the book, by asset."""
        with self.store.read() as reader:
            return reader.allocations()


def _kind(text: str) -> AllocationKind:
    try:
        return AllocationKind(text)
    except ValueError:
        raise InputError(f"{text!r} is no kind of allocation", mend=f"use one of {', '.join(AllocationKind)}") from None


def _utc(instant: datetime, name: str) -> datetime:
    if instant.tzinfo is None:
        raise InputError(f"--{name} {instant} has no offset", mend="say in which zone: an instant such as 2024-12-30T18:00:00-05:00")
    return instant.astimezone(UTC)


def _evidence(text: str) -> str:
    if not text.strip() or len(text) > _EVIDENCE_CHARACTERS_MAX or not text.isprintable():
        raise InputError(
            f"the evidence is {text[:60]!r}", mend="name the proof of when the allocation was made, in 1 to 2,000 printable characters"
        )
    return text
