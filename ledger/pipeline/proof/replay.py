"""Replay: all payloads are interpreted again by the present parsers, in a book beside this one, and both are compared.

What comes out differently is told before anything is done. Taking it in adds events and revisions; nothing is changed or deleted.
Only what the reading of a page left to look at is told anew: a row that a newer parser understands is no finding any more.
"""

import io
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from ledger.connectors.files.reading import read_table
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event
from ledger.domain.event_text import body_text, facts_hash, kind_of
from ledger.domain.finding import Finding, origin_of_payload
from ledger.domain.ids import AccountId, EventId
from ledger.domain.payload import Payload, PayloadKind
from ledger.pipeline.bots.attribution import Attribution, attribute_anew
from ledger.pipeline.interpret import CONTRADICTION, Absorber, subjects_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.by_hand import settle_booked
from ledger.pipeline.proof.rows import stored_lines
from ledger.ports import FileFormat, FileTerms, Interpretation
from ledger.storage.store import Reader, Store, Writer

_CHUNK = 1_000

Noun = TypeVar("Noun", Event, Finding)
Interpreter = Callable[[Payload], Interpretation]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One fact of an event as the book has it and as it is read now, both in words."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change(Generic[Noun]):
    """What a replay makes of one noun: `then` None: it is new; `now` None: it is told no more."""

    then: Noun | None
    now: Noun | None

    @property
    def told(self) -> Noun:
        """The noun, as it is told now where it is."""
        told = self.now or self.then
        assert told is not None
        return told

    @property
    def kind(self) -> str:
        """``new``, ``gone`` or ``changed``."""
        if self.then is None:
            return "new"
        return "gone" if self.now is None else "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChange(_Change[Event]):
    """What a replay makes of one event."""

    @property
    def event(self) -> Event:
        """The event, as it is read now where it is."""
        return self.told

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The facts that differ; of an event that is new or gone none."""
        if self.then is None or self.now is None:
            return ()
        if type(self.then) is not type(self.now):
            return (FieldChange(name="kind", then=kind_of(self.then), now=kind_of(self.now)),)
        names = [item.name for item in fields(self.now) if getattr(self.then, item.name) != getattr(self.now, item.name)]
        return tuple(FieldChange(name=name, then=str(getattr(self.then, name)), now=str(getattr(self.now, name))) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange(_Change[Finding]):
    """What a replay makes of what the reading of one page left to look at."""

    payload_id: str

    @property
    def finding(self) -> Finding:
        """The finding, as it is told now where it is."""
        return self.told


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a replay makes of a book; false when nothing is read differently."""

    events: tuple[EventChange, ...] = ()
    findings: tuple[FindingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.events or self.findings)


@dataclass(slots=True, kw_only=True)
class Replay:
    """One replay of a book. `interpreter_of` gives the reader of a venue's pages; formats are found by the names in the payloads.

    `venues` are those whose connectors are installed. A payload that nobody can read is passed over if it told of no event (prices).
    """

    store: Store
    venues: Collection[str]
    interpreter_of: Callable[[str], Interpreter]
    formats: Sequence[FileFormat]
    terms: FileTerms
    attribution: Attribution
    recorded_at: datetime
    progress: Progress

    def run(self, *, take_in: bool) -> Changes:
        """Return what would change, by kind, instant and id; `take_in` books what is new or changed, by revisions, and tells findings anew.

        Events that no payload tells of any more stay booked: what a source once told is not unsaid by a parser.

        Raises:
            InputError: when the connector or format of a payload that told of events is not installed. Nothing is changed then: an
                event that several payloads tell would lose what only this one knew.
        """
        with tempfile.TemporaryDirectory(prefix="lotwright-replay-") as folder:
            beside = Store.create(f"sqlite:///{Path(folder) / 'beside.sqlite3'}", recorded_at=self.recorded_at)
            try:
                pages = self._replay_into(beside)
                with self.store.read() as book, beside.read() as again:
                    events = sorted(_changes(book, again), key=lambda one: (one.kind, one.event.occurred_at, one.event.event_id))
                    changes = Changes(events=tuple(events), findings=tuple(_finding_changes(book, again, pages)))
                if take_in:
                    self._take_in(beside, changes)
            finally:
                beside.close()
        return changes

    def _replay_into(self, beside: Store) -> set[str]:
        """Fill a book beside this one, and return the pages that were read."""
        places: dict[int, int] = {}
        pages = set[str]()
        with self.store.read() as book, beside.write() as writer:
            orders = list(book.all_bot_orders())
            databases = {one.payload_seq for one in orders}
            absorber = Absorber(writer, recorded_at=self.recorded_at, attribution=self.attribution)
            for number, (place, payload) in enumerate(book.payloads(), start=1):
                if place not in databases and not self._is_readable(payload):
                    if book.is_evidence(place):
                        raise _unreadable(payload)
                    continue
                places[place] = seq = writer.add_payload(payload)[0]
                if place in databases:
                    continue
                if payload.kind is PayloadKind.PAGE:
                    pages.add(payload.payload_id)
                for told in self._told(payload, writer, seq):
                    absorber.absorb(told, seq)
                self.progress.advance("replay", number)
            settle_booked(writer)
            writer.add_bot_orders([replace(one, payload_seq=places[one.payload_seq]) for one in orders])
            attribute_anew(writer, self.attribution, whole=True)
        return pages

    def _is_readable(self, payload: Payload) -> bool:
        if payload.kind is PayloadKind.PAGE:
            return payload.venue in self.venues
        return any(one.name == payload.stream for one in self.formats)

    def _told(self, payload: Payload, writer: Writer, seq: int) -> Iterator[list[tuple[Event, str]]]:
        if payload.kind is PayloadKind.PAGE:
            said = self.interpreter_of(payload.venue)(payload)
            writer.add_ledger_lines(stored_lines(said.lines, seq))
            writer.settle_findings(seq, subjects_of(payload, said))
            writer.replace_findings(origin_of_payload(payload.payload_id), said.findings, self.recorded_at)
            yield list(said.events)
            return
        file_format = next(one for one in self.formats if one.name == payload.stream)
        table = read_table(io.BytesIO(payload.content), name=payload.name)
        terms = FileTerms(account=AccountId(payload.account) if payload.account else None, bot=None, zone=self.terms.zone)
        rows = ((row.event, f"line {row.line}") for row in file_format.read(table.rows, table.header, terms) if row.event is not None)
        while chunk := list(islice(rows, _CHUNK)):
            yield chunk

    def _take_in(self, beside: Store, changes: Changes) -> None:
        with self.store.write() as writer, beside.read() as again:
            absorber = Absorber(writer, recorded_at=self.recorded_at, attribution=self.attribution)
            for change in changes.events:
                told = None if change.now is None else again.event_as_told(change.now.event_id)
                if told is not None:
                    absorber.tell_anew(told.event, _evidence(writer, again, told.event.event_id))
            kept: dict[str, list[Finding]] = {origin_of_payload(change.payload_id): [] for change in changes.findings}
            for book, is_of_reading in ((writer, False), (again, True)):
                for origin, one in book.findings():
                    if origin in kept and (one.code != CONTRADICTION) is is_of_reading:
                        kept[origin].append(one)
            for origin, findings in kept.items():
                writer.replace_findings(origin, findings, self.recorded_at)


def _unreadable(payload: Payload) -> InputError:
    is_page = payload.kind is PayloadKind.PAGE
    lacking = f"connector named {payload.venue!r}" if is_page else f"file format named {payload.stream!r}"
    return InputError(
        f"{payload.request or payload.name} told of events and cannot be read again: no {lacking} is installed; nothing was changed",
        mend="install the package that brought it (lotwright plugins lists what is there); without it the book stays as it is",
    )


def _evidence(writer: Writer, again: Reader, event_id: EventId) -> list[tuple[int, str]]:
    return [(writer.payload_seq(payload_id), locator) for payload_id, locator in again.evidence(event_id)]


def _changes(book: Reader, again: Reader) -> Iterator[EventChange]:
    now = (stored.event for stored in again.events() if not isinstance(stored.event, BalanceSnapshot))
    while chunk := list(islice(now, _CHUNK)):
        names = [event.event_id for event in chunk]
        known, decided = book.known(names), book.decided(names)
        for event in chunk:
            told, bot = decided.get(event.event_id, (None, None))
            same_bot = told is not None or bot == event.bot  # of a bot that was told at import payloads know nothing
            if event.event_id not in known or known[event.event_id].facts != facts_hash(event, body_text(event)) or not same_bot:
                stored = book.event(event.event_id)
                yield EventChange(then=None if stored is None else stored.event, now=event)
    then = (stored.event for stored in book.events() if not isinstance(stored.event, BalanceSnapshot))
    while chunk := list(islice(then, _CHUNK)):
        known = again.known([event.event_id for event in chunk])
        yield from (EventChange(then=event, now=None) for event in chunk if event.event_id not in known)


def _finding_changes(book: Reader, again: Reader, pages: Collection[str]) -> Iterator[FindingChange]:
    """Yield what reading the pages leaves to look at now, where it is not what it left then; contradictions are not of the reading."""
    payload_ids = {origin_of_payload(payload_id): payload_id for payload_id in pages}
    then, now = (
        {(payload_ids[origin], one.code, one.subject): one for origin, one in told.findings() if origin in payload_ids}
        for told in (book, again)
    )
    for place in sorted({*then, *now}):
        payload_id, code, _ = place
        if code != CONTRADICTION and then.get(place) != now.get(place):
            yield FindingChange(payload_id=payload_id, then=then.get(place), now=now.get(place))
