"""Pull what is new from one connection: pages -> payloads, events, entries, cursors, coverage; then prove it.

Each page is stored in one database transaction with all that it says and with the cursor after it, so that a run may be
killed at any instant and run again. Afterwards every line of the venue's own ledger must be explained by an event, and
every balance of the venue must equal the book's.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ledger.config import ConnectionSettings
from ledger.domain.errors import KeyRefused, TerminalError
from ledger.domain.finding import Finding, Severity, origin_of_payload
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.interpret import BALANCES, Absorber, Tally, Told, subjects_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.balances import BalanceProof
from ledger.pipeline.proof.by_hand import settle_booked
from ledger.pipeline.proof.explained import LedgerProof
from ledger.pipeline.proof.rows import stored_lines
from ledger.ports import Connector, Page, PullWindow, StreamKey
from ledger.storage.store import CoverageWindow, Store, StreamWalk

_ROUNDS_MAX = 3  # a bot that trades while we pull makes book and venue differ for a moment


@dataclass(slots=True, kw_only=True)
class ConnectionSync:
    """One connection's run. `now` gives our clock; `tally` and `windows` grow while it runs.

    `again`: every stream is walked anew from its newest row, as if nothing were known of it; what is in the book stays.
    """

    store: Store
    connector: Connector
    settings: ConnectionSettings
    attribution: Attribution
    window: PullWindow
    now: Callable[[], datetime]
    progress: Progress
    again: bool = False
    tally: Tally = field(default_factory=Tally)
    windows: int = 0
    _walks: dict[StreamKey, StreamWalk] = field(default_factory=dict)
    _walked: set[StreamKey] = field(default_factory=set)
    _balances_at: list[datetime] = field(default_factory=list)  # of each page of the newest look at them

    def run(self) -> None:
        """Pull all streams, explain the venue's ledger, compare the balances; findings are stored, not returned.

        Raises:
            ConnectorError: when the venue refuses the key or stays unavailable; what was pulled before is kept.
        """
        ledger = LedgerProof(store=self.store, connector=self.connector, account=self.settings.name, now=self.now)
        ledger.read_older_lines()
        for _ in range(_ROUNDS_MAX):
            self._pull_history(ledger)
            if self.window.until is not None:  # the venue's ledger and balances go further than what was asked for
                return
            if self._balances_agree():
                break
        ledger.prove_rows()
        with self.store.write() as writer:
            settle_booked(writer)

    def _pull_history(self, ledger: LedgerProof) -> None:
        pulled: set[StreamKey] = set()
        while fresh := [one for one in self._streams() if one.stream != BALANCES and one not in pulled]:
            for stream in fresh:  # what is pulled may name more to pull
                self._pull(stream)
            pulled.update(fresh)
        explained, until = ledger.explained(), self.window.until
        unasked = [line for line in explained.unasked if until is None or line.occurred_at < until]
        told_by = {line.told_by for line in unasked if line.told_by is not None}
        for stream in sorted(told_by):
            self._pull(stream)
        if until is None:
            ledger.keep(ledger.explained() if told_by else explained)

    def _balances_agree(self) -> bool:
        self._balances_at.clear()
        for stream in self._streams():
            if stream.stream == BALANCES:
                self._pull(stream)
        return BalanceProof(store=self.store, account=self.settings.name, now=self.now).keep(self._balances_at)

    def _streams(self) -> Sequence[StreamKey]:
        """Return the connection's streams; each is remembered as under way at once, so that one that nobody comes to is missed."""
        streams = self.connector.streams()
        with self.store.write() as writer:
            known = {StreamKey(stream=walk.stream, symbol=walk.symbol): walk for walk in writer.stream_walks(self.settings.name)}
            for one in streams:
                if one not in self._walks:
                    walk = known.get(one) or StreamWalk(connection=self.settings.name, stream=one.stream, symbol=one.symbol)
                    self._walks[one] = replace(walk, is_under_way=walk.is_under_way or self.window.until is None)
                    writer.put_stream_walk(self._walks[one])
        return streams

    # --- pages -------------------------------------------------------------------------------------------------------

    def _pull(self, stream: StreamKey) -> None:
        with self.store.read() as reader:
            cursor = reader.cursor(self.settings.name, stream.stream, stream.symbol)
        if self.again and stream not in self._walked:
            cursor = None
        self._walked.add(stream)
        told = None if cursor else set[str]()  # by a walk anew: what its pages find of the stream as a whole, and nothing else, is so
        walk = self._walks.get(stream) or StreamWalk(connection=self.settings.name, stream=stream.stream, symbol=stream.symbol)
        began_at, rows, since = self.now(), 0, walk.since
        try:
            for page in self.connector.pull(stream, cursor=cursor, window=self.window):
                rows, since = rows + page.rows, page.since
                self._keep(stream, page)
                if told is not None:
                    told.add(origin_of_payload(page.payload.payload_id))
                self.progress.advance(f"{self.settings.name} {stream.stream} {stream.symbol}".rstrip(), rows)
        except KeyRefused:
            raise
        except TerminalError as error:
            self._end(stream, [self._refused(stream, error)])
        else:
            self._end(stream, [], walk=_ended(walk, since=since, began_at=began_at, until=self.window.until), told_anew=told)

    def _keep(self, stream: StreamKey, page: Page) -> None:
        said = self.connector.interpret(page.payload)
        if stream.stream == BALANCES:  # a venue may tell when it looked
            told = [event.occurred_at for event, _ in said.events]
            self._balances_at.append(min(told, default=page.payload.fetched_at))
        now = self.now()
        with self.store.write() as writer:
            payload_seq, _ = writer.add_payload(page.payload)
            absorber = Absorber(writer, recorded_at=now, attribution=self.attribution)
            absorber.absorb(self._wanted(said.events), payload_seq)
            contradictions = [one.finding(page.payload.payload_id) for one in absorber.contradictions]
            writer.add_ledger_lines(stored_lines(said.lines, payload_seq))
            if self.window.until is None:  # else not all that the page says is booked
                writer.settle_findings(payload_seq, subjects_of(page.payload, said))
            writer.replace_findings(origin_of_payload(page.payload.payload_id), [*said.findings, *contradictions], now)
            if self.window.until is None:
                writer.put_cursor(self.settings.name, stream.stream, stream.symbol, page.cursor, now)
            writer.add_coverage([self._coverage(stream, page, payload_seq, now)])
        self.tally.add(absorber.tally)
        self.windows += 1

    def _wanted(self, told: Sequence[Told]) -> Sequence[Told]:
        """Leave out what happened at `until` or later; as no cursor is kept then, a later run pulls it again."""
        until = self.window.until
        return told if until is None else [(event, place) for event, place in told if event.occurred_at < until]

    def _coverage(self, stream: StreamKey, page: Page, payload_seq: int, now: datetime) -> CoverageWindow:
        return CoverageWindow(
            connection=self.settings.name,
            stream=stream.stream,
            symbol=stream.symbol,
            from_at=page.from_at,
            to_at=page.to_at,
            cursor=page.cursor,
            rows=page.rows,
            first_id=page.first_id,
            last_id=page.last_id,
            payload_seq=payload_seq,
            pulled_at=now,
        )

    def _refused(self, stream: StreamKey, error: TerminalError) -> Finding:
        return Finding(
            code="stream-refused",
            severity=Severity.ERROR,
            subject=f"{self.settings.name}/{stream.stream}/{stream.symbol}",
            message=f"the venue will not give {stream.stream} {stream.symbol}".rstrip() + f": {error.message}",
            mend=error.mend or "import the venue's export file for it",
        )

    def _end(
        self, stream: StreamKey, findings: Sequence[Finding], *, walk: StreamWalk | None = None, told_anew: Collection[str] | None = None
    ) -> None:
        """Keep what came of a pull: what was found, and how far the stream is walked now."""
        with self.store.write() as writer:
            writer.replace_findings(f"pull:{self.settings.name}/{stream.stream}/{stream.symbol}", findings, self.now())
            if walk is not None:
                writer.put_stream_walk(walk)
            if told_anew is not None and self.window.until is None:
                subject = "/".join(part for part in (self.settings.name, stream.stream, stream.symbol) if part)
                writer.settle_subject(subject, told_by=told_anew)


def _ended(walk: StreamWalk, *, since: datetime | None, began_at: datetime, until: datetime | None) -> StreamWalk:
    """Return how far a stream is walked after a pull that came to its end; one that left out what came after `until` leaves that open."""
    if until is None or until > began_at:
        return replace(walk, since=since, walked_at=began_at, is_under_way=False)
    if walk.walked_at is not None and walk.walked_at >= until:
        return walk
    return replace(walk, since=since, walked_at=until, is_under_way=True)
