"""Files -> payloads, events, entries, elections: all files of one command in one database transaction, all or nothing."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ledger.connectors.files.reading import TextTable, read_file, read_table
from ledger.connectors.files.recognition import recognise
from ledger.domain.errors import InputError, RowFault
from ledger.domain.finding import Finding, origin_of_payload
from ledger.domain.ids import AccountId, VenueName, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.elections.register import Intake
from ledger.pipeline.interpret import Absorber, Contradiction, HeldEvents, Tally, Told
from ledger.pipeline.match import MatchResult
from ledger.pipeline.prices.files import price_format_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.by_hand import settle_booked
from ledger.pipeline.proof.covered import Covered
from ledger.ports import FileFormat, FileRow, FileTerms, PriceFile, SharedFormat
from ledger.storage.store import Store, Writer

_CHUNK_ROWS = 8_192
_SHOWN_MAX = 20

Derive = Callable[[Writer, HeldEvents], MatchResult]  # matches lots inside the import's own write


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What one file brought: its number of data rows, and how many of its events and elections were new, known and so on.

    `venue` is whose export it is; `accounts` are those that its events are in, sorted.
    """

    path: Path
    format_name: str
    venue: VenueName
    accounts: tuple[AccountId, ...]
    rows: int
    tally: Tally


class _RolledBack(Exception):  # no error: it undoes a dry run
    """Undo what a dry run stored."""


@dataclass(slots=True, kw_only=True)
class FileImport:
    """One `lotwright import`: which formats are known, and what the command line says of all files.

    `price_files` are formats that are told apart, and not read.
    """

    store: Store
    formats: Sequence[FileFormat]
    terms: FileTerms
    attribution: Attribution
    recorded_at: datetime
    progress: Progress
    format_name: str | None = None
    price_files: Sequence[PriceFile] = ()
    _outcomes: list[FileOutcome] = field(default_factory=list)
    _shared: dict[tuple[SharedFormat, AccountId], list[Finding]] = field(default_factory=dict)

    def run(self, paths: Sequence[Path], derive: Derive, *, dry_run: bool = False) -> tuple[FileOutcome, ...]:
        """Import the files in the order given and match lots; with `dry_run` tell what would come of it and store nothing.

        Raises:
            InputError: for any fault in any file, and for events that the law or the book has no place for; then nothing of
                any file is stored. `faults` lists all bad rows.
        """
        with suppress(_RolledBack), self.store.write() as writer:
            held = HeldEvents(writer)
            known = {finding.subject for _, finding in writer.findings()}
            for path in paths:
                self._outcomes.append(self._import(path, writer, held))
            for place, found in sorted(self._shared.items(), key=lambda item: (item[0][0].name, item[0][1])):
                self._settle(*place, found, writer)
            settle_booked(writer)
            refused = [finding for finding in derive(writer, held).refused if finding.subject not in known]
            if refused:
                raise _no_place(refused)
            if dry_run:
                raise _RolledBack
        return tuple(self._outcomes)

    def _import(self, path: Path, writer: Writer, held: HeldEvents) -> FileOutcome:
        content = self._content(path)
        table, file_format = self._table(path, io.BytesIO(content))
        payload = self._payload(path, content, file_format)
        _check_account(path, payload, writer)
        payload_seq, _ = writer.add_payload(payload)
        absorber = Absorber(writer, recorded_at=self.recorded_at, attribution=self.attribution, held=held)
        accounts: set[AccountId] = set()
        intake = Intake(writer, payload_id=payload.payload_id, stored_at=self.recorded_at)
        taker = _Taker(
            absorber=absorber, intake=intake, writer=writer, payload_seq=payload_seq, recorded_at=self.recorded_at, covered=Covered(writer)
        )
        rows = self._absorb(path, file_format.read(table.rows, table.header, self.terms), taker, accounts)
        absorber.tally.add(Tally(new=intake.new, known=intake.known))
        contradictions = [one.finding(payload.payload_id) for one in absorber.contradictions]
        found = taker.findings
        if isinstance(file_format, SharedFormat):
            self._shared[file_format, payload.account], found = found, []
        writer.replace_findings(origin_of_payload(payload.payload_id), [*found, *contradictions], self.recorded_at)
        return FileOutcome(
            path=path,
            format_name=file_format.name,
            venue=file_format.venue,
            accounts=tuple(sorted(accounts)),
            rows=rows,
            tally=absorber.tally,
        )

    def _content(self, path: Path) -> bytes:
        try:
            return read_file(path, partial(self._rows_in_advance, path))
        except InputError as refused:
            if known := price_format_of(path, self.price_files):
                raise InputError(f"{path}: holds prices ({known}), no events", mend=f"lotwright prices import {path}") from refused
            raise

    def _rows_in_advance(self, path: Path, stream: BinaryIO) -> Iterable[object]:
        table, _ = self._table(path, stream)
        return () if table.is_sheet else table.rows

    def _table(self, path: Path, stream: BinaryIO) -> tuple[TextTable, FileFormat]:
        table = read_table(stream, name=str(path), knows=self._knows)
        return table, recognise(table.header, self.formats, name=str(path), wanted=self.format_name)

    def _settle(self, file_format: SharedFormat, account: AccountId, found: Sequence[Finding], writer: Writer) -> None:
        """Find anew what all files of a format and an account lack together; `found` is what the only one lacks, if there is one."""
        files = [one for _, one in writer.payloads(account=account, stream=file_format.name) if one.kind is PayloadKind.FILE]
        if len(files) > 1:
            tables = (read_table(io.BytesIO(one.content), name=one.name, knows=self._knows) for one in files)
            found = file_format.lacking(((table.rows, table.header) for table in tables), self.terms)
        writer.replace_findings(f"files:{file_format.name}/{account}", found, self.recorded_at)

    def _knows(self, header: tuple[str, ...]) -> bool:
        return any(one.recognises(header) for one in self.formats if self.format_name in {None, one.name})

    def _absorb(self, path: Path, rows: Iterator[FileRow], taker: "_Taker", accounts: set[AccountId]) -> int:
        faults: list[RowFault] = []
        read = 0
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            read += len(chunk)
            faults += [fault for row in chunk for fault in row.faults]
            accounts |= {row.event.account for row in chunk if row.event is not None}
            if not faults:  # after a fault the rest is read only to list all that is wrong
                faults += taker.take(chunk)
            self.progress.advance(f"import {path.name}", read)
        faults += [_told_twice(one) for one in taker.absorber.contradictions if one.same_payload]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taker:
    """Takes in what the rows of one file say, each kind where it belongs."""

    absorber: Absorber
    intake: Intake
    writer: Writer
    payload_seq: int
    recorded_at: datetime
    covered: Covered
    findings: list[Finding] = field(default_factory=list)

    def take(self, chunk: Sequence[FileRow]) -> list[RowFault]:
        """Store what rows without faults say; return what is wrong with it all the same."""
        if twice := list(self._told_twice(chunk)):
            return twice
        self.absorber.absorb(_told(chunk), self.payload_seq)
        self.findings.extend(finding for row in chunk for finding in row.findings)
        statements = [(row.line, row.statement) for row in chunk if row.statement is not None]
        if statements:
            new = self.writer.add_statement_rows(statements, self.payload_seq, self.recorded_at)
            self.absorber.tally.add(Tally(new=new, known=len(statements) - new))
        return self.intake.take([(row.line, row.election) for row in chunk if row.election is not None])

    def _told_twice(self, chunk: Sequence[FileRow]) -> Iterator[RowFault]:
        """Yield the rows that a connection has told already, where no id could show that both are one."""
        told = [
            (row.line, row.event, stream) for row in chunk if row.event and not row.has_id and (stream := self.covered.stream_of(row.event))
        ]
        known = self.writer.known([event.event_id for _, event, _ in told])  # of this file, imported before
        for line, event, stream in told:
            if event.event_id not in known:
                yield RowFault(
                    line=line,
                    column="",
                    message=f"is of a time of which connection {event.account} has told all {stream}; the file has no ids of its rows, "
                    "so this one would be booked twice",
                    mend="take out the rows of that time; `lotwright coverage` tells which months a connection lacks",
                )


def _check_account(path: Path, payload: Payload, writer: Writer) -> None:
    """Refuse a file that is in the book under another account: all its events would be booked twice."""
    others = writer.accounts_of_file(payload.content_hash) - {payload.account}
    if others:
        named = ", ".join(sorted(other or "(none named)" for other in others))
        here = payload.account or "(none named)"
        raise InputError(
            f"{path}: is in the book already, imported with --account {named}; with {here} everything in it would be booked twice",
            mend="import it with the same account, or make a new book",
        )


def _no_place(refused: Sequence[Finding]) -> InputError:
    shown = "".join(f"\n  {finding.message}" for finding in refused[:_SHOWN_MAX])
    more = f"\n  ... and {len(refused) - _SHOWN_MAX} more" if len(refused) > _SHOWN_MAX else ""
    return InputError(f"nothing was imported; there is no place in the lots for:{shown}{more}", mend=refused[0].mend)


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
