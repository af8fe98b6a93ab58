"""Files -> payloads, events, entries: all files of one command in one database transaction, all or nothing."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from ledger.connectors.files.reading import read_file, read_table
from ledger.connectors.files.recognition import recognise
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.pipeline.interpret import Absorber, Attribution, Contradiction, Tally, Told
from ledger.pipeline.progress import Progress
from ledger.ports import FileFormat, FileRow, FileTerms
from ledger.storage.store import Store, Writer

_CHUNK_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What one file brought: its format, its number of data rows, and how many of its events were new, known and so on."""

    path: Path
    format_name: str
    rows: int
    tally: Tally


class _RolledBack(Exception):  # no error: it undoes a dry run
    """Undo what a dry run stored."""


@dataclass(slots=True, kw_only=True)
class FileImport:
    """One `lotwright import`: which formats are known, and what the command line says of all files."""

    store: Store
    formats: Sequence[FileFormat]
    terms: FileTerms
    attribution: Attribution
    recorded_at: datetime
    progress: Progress
    format_name: str | None = None
    _outcomes: list[FileOutcome] = field(default_factory=list)

    def run(self, paths: Sequence[Path], *, dry_run: bool = False) -> tuple[FileOutcome, ...]:
        """Import the files in the order given; with `dry_run` tell what would come of it and store nothing.

        Raises:
            InputError: for any fault in any file; then nothing of any file is stored. `faults` lists all bad rows.
        """
        with suppress(_RolledBack), self.store.write() as writer:
            for path in paths:
                self._outcomes.append(self._import(path, writer))
            if dry_run:
                raise _RolledBack
        return tuple(self._outcomes)

    def _import(self, path: Path, writer: Writer) -> FileOutcome:
        content = read_file(path)
        table = read_table(io.BytesIO(content), name=str(path))
        file_format = recognise(table.header, self.formats, name=str(path), wanted=self.format_name)
        payload = self._payload(path, content, file_format)
        payload_seq, _ = writer.add_payload(payload)
        absorber = Absorber(writer, recorded_at=self.recorded_at, attribution=self.attribution)
        rows = self._absorb(path, file_format.read(table.rows, table.header, self.terms), absorber, payload_seq)
        contradictions = [one.finding(payload.payload_id) for one in absorber.contradictions]
        writer.add_findings(f"payload:{payload.payload_id}", contradictions, self.recorded_at)
        return FileOutcome(path=path, format_name=file_format.name, rows=rows, tally=absorber.tally)

    def _absorb(self, path: Path, rows: Iterator[FileRow], absorber: Absorber, payload_seq: int) -> int:
        faults: list[RowFault] = []
        read = 0
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            read += len(chunk)
            faults += [fault for row in chunk for fault in row.faults]
            if not faults:  # after a fault the rest is read only to list all that is wrong
                absorber.absorb(_told(chunk), payload_seq)
            self.progress.advance(f"import {path.name}", read)
        faults += [_told_twice(one) for one in absorber.contradictions if one.same_payload]
        if faults:
            raise _bad_rows(path, faults)
        return read

    def _payload(self, path: Path, content: bytes, file_format: FileFormat) -> Payload:
        account = self.terms.account or AccountId("")
        digest = content_hash(content)
        return Payload(
            payload_id=payload_id(account=account, request="", content=digest),
            kind=PayloadKind.FILE,
            venue=file_format.venue,
            account=account,
            stream=file_format.name,
            symbol="",
            request="",
            name=path.name,
            content=content,
            content_hash=digest,
            fetched_at=self.recorded_at,
        )


def _told(rows: Sequence[FileRow]) -> list[Told]:
    return [(row.event, f"line {row.line}") for row in rows if row.event is not None]


def _told_twice(contradiction: Contradiction) -> RowFault:
    return RowFault(
        line=int(contradiction.locator.removeprefix("line ")),
        column="id",
        message=f"{contradiction.event.source_id!r} stands in this file twice with different content: {', '.join(contradiction.facts)}",
        mend="give each event an id of its own, or take the wrong row out",
    )


def _bad_rows(path: Path, faults: Sequence[RowFault]) -> InputError:
    lines = len({fault.line for fault in faults})
    what = "1 row is" if lines == 1 else f"{lines} rows are"
    ordered = sorted(faults, key=lambda fault: fault.line)
    return InputError(f"{path}: {what} bad; nothing was imported", mend="correct the file and import it again", faults=ordered)
