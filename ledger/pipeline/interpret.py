"""What sources tell -> events of the book: new, known, better told, or contradicted; each with its evidence."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from ledger.domain.event import BalanceSnapshot, Event, assets_of
from ledger.domain.event_text import body_text, facts_hash, kind_of
from ledger.domain.finding import Finding, Severity, origin_of_payload
from ledger.domain.ids import BotId, EventId, Hash
from ledger.domain.payload import Payload
from ledger.domain.telling import told_again
from ledger.domain.time.instant import instant_text
from ledger.pipeline.bots.attribution import NO_ATTRIBUTION, Attribution, Attributor
from ledger.pipeline.post import Poster
from ledger.ports import Interpretation
from ledger.storage.bulk.memory import memory_bytes
from ledger.storage.store import KnownEvent, NewEvent, StoredEvent, Writer

BALANCES = "balances"  # the stream of an instant; all others are histories
CONTRADICTION = "contradiction"
_HELD_PART = 8  # so much of the memory, as a divisor, is for events that are held
_EVENT_BYTES = 1_000  # an event in memory, roughly
_WAITING_MAX = 2_048  # new events; stored while the next ones are booked

Told = tuple[Event, str]  # an event and its place in the payload, such as "row 17"


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many events were new, known, told better than before (`revised`), or contradicted (`doubtful`).

    Balances that a venue told are not counted: every pull tells them anew, and nothing has happened.
    """

    new: int = 0
    known: int = 0
    revised: int = 0
    doubtful: int = 0

    def add(self, other: "Tally") -> None:
        """Count another tally in."""
        self.new += other.new
        self.known += other.known
        self.revised += other.revised
        self.doubtful += other.doubtful


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two tellings of one event that cannot both be true; the first stays."""

    event: Event
    locator: str
    facts: tuple[str, ...]
    same_payload: bool

    def finding(self, payload_id: str) -> Finding:
        """Say so to a person."""
        return Finding(
            code=CONTRADICTION,
            severity=Severity.ERROR,
            subject=subject_of(self.event),
            message=f"{payload_id} {self.locator} tells {kind_of(self.event)} {self.event.source_id} of "
            f"{instant_text(self.event.occurred_at)} otherwise than the book has it: {', '.join(self.facts)} differ",
            mend=f"compare both with `lotwright explain {self.event.event_id}`; the first telling stays booked",
        )


def subject_of(event: Event) -> str:
    """Return what a contradiction about an event is about."""
    return f"{event.account}/{event.source_id}"


def subjects_of(payload: Payload, said: Interpretation) -> set[str] | None:
    """Return what earlier findings may be about of which a page tells now; None: a page of balances tells all anew."""
    if payload.stream == BALANCES:
        return None
    rows = {event.source_id for event, _ in said.events} | {line.line_id for line in said.lines}
    place = "/".join(part for part in (payload.account, payload.stream, payload.symbol) if part)
    return {f"{place}/{row}" for row in rows} | {subject_of(event) for event, _ in said.events}


class HeldEvents:
    """The events that one write brings into an empty book, held so that matching in that write need not read them back.

    There are none to be had from a book that has others, after a better telling of one of them, and of more than would fill an eighth
    of the memory.
    """

    def __init__(self, writer: Writer) -> None:
        self._told: defaultdict[str, list[Event]] | None = None if writer.event_seq_last() else defaultdict(list)
        self._most = memory_bytes() // _HELD_PART // _EVENT_BYTES
        self._count = 0

    def add(self, new: NewEvent, bot: BotId | None) -> None:
        """Hold an event, in the order of arrival, as a reader would give it: decided by `bot`, if any."""
        if self._told is None:
            return
        self._count += 1
        if new.revision or self._count > self._most:
            self._told = None
            return
        event = new.event if bot is None else replace(new.event, bot=bot)
        for asset in new.assets:
            self._told[asset].append(event)

    def timeline(self, asset: str) -> Iterable[Event] | None:
        """Return what `Reader.timeline` would, or None where the book has to be asked."""
        return None if self._told is None else sorted(self._told[asset], key=attrgetter("occurred_at"))


class Absorber:
    """Takes events of one payload after another into the book, inside the caller's transaction; and into `held`, if given."""

    def __init__(
        self, writer: Writer, *, recorded_at: datetime, attribution: Attribution = NO_ATTRIBUTION, held: HeldEvents | None = None
    ) -> None:
        self._writer = writer
        self._recorded_at = recorded_at
        self._poster = Poster(writer, recorded_at=recorded_at)
        self._seq = writer.event_seq_last()
        self._attributor = Attributor(writer, attribution)
        self._held = held
        self._new: list[NewEvent] = []
        self._evidence: list[tuple[int, int, str]] = []
        self.tally = Tally()
        self.contradictions: list[Contradiction] = []

    def absorb(self, told: Sequence[Told], payload_seq: int) -> None:
        """Book what is new in `told` and note the payload as evidence of all of it; stored when it returns."""
        known: dict[EventId, KnownEvent | NewEvent] = {**self._writer.known([event.event_id for event, _ in told])}
        spelled = [(event, locator, body := body_text(event), facts_hash(event, body)) for event, locator in told]
        others = {event.event_id for event, _, _, facts in spelled if event.event_id in known and known[event.event_id].facts != facts}
        told_before = self._writer.events_as_told(sorted(others))
        for event, locator, body, facts in spelled:
            stored = known.get(event.event_id)
            if stored is None:
                known[event.event_id] = self._begin(event, body, facts)
                self.tally.new += not isinstance(event, BalanceSnapshot)
            elif stored.facts == facts:
                self.tally.known += 1
            else:
                before = told_before.pop(event.event_id, None)  # but what this payload itself has told by now is not among them
                known[event.event_id] = self._hear_again(stored, before, event, locator, payload_seq)
            self._evidence.append((known[event.event_id].seq, payload_seq, locator))
            if len(self._new) >= _WAITING_MAX:
                self._flush()
        self._flush()

    def tell_anew(self, event: Event, places: Sequence[tuple[int, str]]) -> None:
        """Book an event as it is read now, in place of what was read before, with its places (payload, locator).

        A bot that was told at import stays, because no payload says it. One that is told as it was stays as it is.
        """
        body = body_text(event)
        facts = facts_hash(event, body)
        before = self._writer.event_as_told(event.event_id)
        if before is None:
            kept = self._begin(event, body, facts)
        else:
            event = replace(event, bot=event.bot or before.event.bot)
            if (facts, event.bot) == (before.facts, before.event.bot):
                return
            self._poster.reverse(before.event, revision=before.revision, event_seq=before.seq, facts=before.facts)
            kept = self._keep(event, body, facts, revision=before.revision + 1)
        self._evidence += [(kept.seq, payload_seq, locator) for payload_seq, locator in places]
        self._flush()

    def _begin(self, event: Event, body: str, facts: Hash) -> NewEvent:
        return self._keep(event, body, facts, revision=0)

    def _keep(self, event: Event, body: str, facts: Hash, *, revision: int) -> NewEvent:
        self._seq += 1
        assets = assets_of(event)
        new = NewEvent(seq=self._seq, revision=revision, event=event, assets=assets, kind=kind_of(event), body=body, facts=facts)
        self._new.append(new)
        self._poster.post(event, revision=revision, event_seq=self._seq, facts=facts)
        return new

    def _hear_again(
        self, stored: KnownEvent | NewEvent, before: StoredEvent | None, event: Event, locator: str, payload_seq: int
    ) -> KnownEvent | NewEvent:
        if before is None:
            self._flush()
            before = self._writer.event_as_told(event.event_id)
        assert before is not None, event
        telling = told_again(before.event, event)
        if telling.conflicts:
            self._flush()
            # The same place is an earlier import of the same payload.
            same_payload = any(place != locator for place in self._writer.locators(event.event_id, payload_seq))
            if not same_payload and self._writer.is_newest_word(event.event_id, payload_seq):
                contradicted, telling = telling.conflicts, told_again(before.event, event, is_newer_word=True)
                if not telling.conflicts:
                    self._doubt_files(before.event, contradicted)
        if telling.conflicts:
            self.contradictions.append(
                Contradiction(event=event, locator=locator, facts=telling.conflicts, same_payload=same_payload),
            )
            self.tally.doubtful += 1
            return stored
        if telling.event is None:
            self.tally.known += 1
            return stored
        self.tally.revised += 1
        self._poster.reverse(before.event, revision=before.revision, event_seq=before.seq, facts=before.facts)
        body = body_text(telling.event)
        return self._keep(telling.event, body, facts_hash(telling.event, body), revision=before.revision + 1)

    def _doubt_files(self, event: Event, facts: tuple[str, ...]) -> None:
        """Say of each file that agreed with the venue's older word that it contradicts the newer one, as if it had come after both.

        Facts that were not told before are nothing that a file could have agreed with.
        """
        told = tuple(name for name in facts if getattr(event, name) is not None)
        for payload_id, locator in self._writer.places_in_files(event.event_id) if told else ():
            finding = Contradiction(event=event, locator=locator, facts=told, same_payload=False).finding(payload_id)
            self._writer.add_findings(origin_of_payload(payload_id), [finding], self._recorded_at)

    def _flush(self) -> None:
        if self._new:
            self._writer.add_events(self._new, self._recorded_at)
            bots = self._attributor.attribute([(new.seq, new.event) for new in self._new])
            if self._held is not None:
                for new in self._new:
                    self._held.add(new, bots.get(new.seq))
            self._new = []
        self._poster.flush()
        if self._evidence:
            self._writer.add_evidence(self._evidence)
            self._evidence = []
