"""Pull what is new from one connection: pages -> payloads, events, entries, cursors, coverage; then prove it.

Each page is stored in one database transaction with all that it says and with the cursor after it, so that a run may be
killed at any instant and run again. Afterwards every line of the venue's own ledger must be explained by an event, and
every balance of the venue must equal the book's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter

from ledger.config import ConnectionSettings
from ledger.domain.errors import KeyRefused, TerminalError
from ledger.domain.event import BalanceSnapshot, SourceRank
from ledger.domain.finding import Finding, Severity, origin_of_payload
from ledger.domain.ids import AccountId, EventId
from ledger.domain.time.instant import instant_of, instant_text
from ledger.journal.balances import balances_of
from ledger.journal.chart import assets_of_account
from ledger.journal.checks import Reconciliation, reconciled
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.interpret import BALANCES, Absorber, Tally, Told, subjects_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.narrowing import narrowed
from ledger.pipeline.proof.rows import assertions_of, ends_unlike_balances, fills_unlike_ledger, gaps_in_ledger, stored_lines
from ledger.ports import Connector, LedgerLine, Page, PullWindow, StreamKey
from ledger.storage.store import CoverageWindow, Reader, Store

LEDGER = "ledger"
_PROOF = "ledger-proof"  # the cursor that says up to which payload every ledger line is explained
_LINES = "ledger-lines"  # the cursor that says up to which payload the ledger's lines are stored, and proven
_BALANCES_PULLED = "balances-pulled"  # the cursor that says when the venue was last asked for its balances
_CLOCKS_APART_MAX = timedelta(minutes=1)  # a fill just before a snapshot may bear a later time of the venue's clock
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
    _walked: set[StreamKey] = field(default_factory=set)
    _balances_at: list[datetime] = field(default_factory=list)  # of each page of the newest look at them

    def run(self) -> None:
        """Pull all streams, explain the venue's ledger, compare the balances; findings are stored, not returned.

        Raises:
            ConnectorError: when the venue refuses the key or stays unavailable; what was pulled before is kept.
        """
        self._read_older_lines()
        for _ in range(_ROUNDS_MAX):
            self._pull_history()
            if self.window.until is not None:  # the venue's ledger and balances go further than what was asked for
                return
            if self._balances_agree(self.connector.streams()):
                break
        self._prove_rows()

    def _pull_history(self) -> None:
        pulled: set[StreamKey] = set()
        while fresh := [one for one in self.connector.streams() if one.stream != BALANCES and one not in pulled]:
            for stream in fresh:  # what is pulled may name more to pull
                self._pull(stream)
            pulled.update(fresh)
        proof, until = self._proof(), self.window.until
        unasked = [line for line in proof.unasked if until is None or line.occurred_at < until]
        told_by = {line.told_by for line in unasked if line.told_by is not None}
        for stream in sorted(told_by):
            self._pull(stream)
        if until is None:
            self._keep_proof(self._proof() if told_by else proof)

    # --- pages -------------------------------------------------------------------------------------------------------

    def _pull(self, stream: StreamKey) -> None:
        with self.store.read() as reader:
            cursor = reader.cursor(self.settings.name, stream.stream, stream.symbol)
        if self.again and stream not in self._walked:
            cursor = None
        self._walked.add(stream)
        origin = f"pull:{self.settings.name}/{stream.stream}/{stream.symbol}"
        rows = 0
        try:
            for page in self.connector.pull(stream, cursor=cursor, window=self.window):
                rows += page.rows
                self._keep(stream, page)
                self.progress.advance(f"{self.settings.name} {stream.stream} {stream.symbol}".rstrip(), rows)
        except KeyRefused:
            raise
        except TerminalError as error:
            self._replace_findings(origin, [self._refused(stream, error)])
        else:
            self._replace_findings(origin, [])

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

    def _replace_findings(self, origin: str, findings: Sequence[Finding]) -> None:
        with self.store.write() as writer:
            writer.replace_findings(origin, findings, self.now())

    # --- proof -------------------------------------------------------------------------------------------------------

    def _proof(self) -> "_Proof":
        """Hold every ledger line that is not proven yet against the events of the book."""
        proven, open_lines, unasked = 0, list[LedgerLine](), list[LedgerLine]()
        with self.store.read() as reader:
            state = reader.cursor(self.settings.name, _PROOF, "") or {}
            known_up_to = state.get("payload_seq")
            after = known_up_to if isinstance(known_up_to, int) else 0
            told = reader.lines_of_payloads(self.settings.name, LEDGER, after_seq=after)
            for payload_seq, lines in groupby(told, key=attrgetter("payload_seq")):
                explains = {(line.wallet, line.line_id): line.explains.split() for line in lines}
                known = reader.known([EventId(event) for events in explains.values() for event in events])
                by_venue = {event for event, one in known.items() if one.rank > SourceRank.FILE}
                wanted = {line for line, events in explains.items() if by_venue.isdisjoint(events)}
                if wanted:  # the page itself says who should have told of them
                    _, page = next(reader.payloads(account=self.settings.name, stream=LEDGER, after_seq=payload_seq - 1))
                    found = [line for line in self.connector.interpret(page).lines if (line.wallet or line.asset, line.line_id) in wanted]
                    unasked += found
                    open_lines += [line for line in found if known.keys().isdisjoint(line.event_ids)]
                proven = proven if open_lines else payload_seq
        return _Proof(proven=proven, open_lines=tuple(open_lines), unasked=tuple(unasked))

    def _keep_proof(self, proof: "_Proof") -> None:
        with self.store.write() as writer:
            writer.replace_findings(f"{_PROOF}:{self.settings.name}", [_unexplained_line(line) for line in proof.open_lines], self.now())
            if proof.proven:
                writer.put_cursor(self.settings.name, _PROOF, "", {"payload_seq": proof.proven}, self.now())

    def _read_older_lines(self) -> None:
        """Store the lines of pages that were pulled before a book kept them; once."""
        name = self.settings.name
        with self.store.write() as writer:
            if writer.cursor(name, _LINES, "") is not None:
                return
            for payload_seq, payload in writer.payloads(account=name, stream=LEDGER):
                writer.add_ledger_lines(stored_lines(self.connector.interpret(payload).lines, payload_seq))
            writer.put_cursor(name, _LINES, "", {"payload_seq": 0}, self.now())

    def _prove_rows(self) -> None:
        """Hold the venue's ledger together row by row, where it has new rows, and against the fills of the book."""
        name = self.settings.name
        with self.store.read() as reader:
            state = reader.cursor(name, _LINES, "") or {}
            proven = state.get("payload_seq")
            after = proven if isinstance(proven, int) else 0
            gaps = {wallet: gaps_in_ledger(reader, name, wallet) for wallet in reader.ledger_wallets(name, after_payload_seq=after)}
            unlike = fills_unlike_ledger(reader, name, after_payload_seq=after)
            last = reader.ledger_payload_last(name)
        with self.store.write() as writer:
            for wallet, found in gaps.items():
                writer.replace_findings(f"{_LINES}:{name}/{wallet}", found, self.now())
            writer.replace_findings(f"{_LINES}:{name}", unlike, self.now())
            if not unlike:
                writer.put_cursor(name, _LINES, "", {"payload_seq": last}, self.now())

    def _balances_agree(self, streams: Iterable[StreamKey]) -> bool:
        self._balances_at.clear()
        for stream in streams:
            if stream.stream == BALANCES:
                self._pull(stream)
        with self.store.write() as writer:
            if self._balances_at:
                state = {"since": instant_text(min(self._balances_at))}
                writer.put_cursor(self.settings.name, _BALANCES_PULLED, "", state, self.now())
            compared = reconciliation(writer, self.settings.name)
            found = [*compared.findings, *ends_unlike_balances(writer, self.settings.name, compared)]
            writer.add_assertions(assertions_of(compared, self.now()))
            writer.replace_findings(f"{BALANCES}:{self.settings.name}", found, self.now())
        return not found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """Lines of the venue's ledger that no event explains; `proven` is the place of the last payload before the first of them, or 0.

    `unasked` are these and those of which only a file told: the venue is asked all the same, as it knows more, such as orders.
    """

    proven: int
    open_lines: tuple[LedgerLine, ...]
    unasked: tuple[LedgerLine, ...]


def reconciliation(reader: Reader, account: AccountId | None = None) -> Reconciliation:
    """Compare the book's balances with the newest that the venues told, as of then: of one account, or of all (None).

    What a venue told of an asset before it was last asked for its balances counts no more: the asset is one that it does not name.
    """
    snapshots = [stored.event for stored in reader.snapshots() if isinstance(stored.event, BalanceSnapshot)]
    asked = {AccountId(name): instant_of(str(state["since"])) for name, state in reader.cursors_of(_BALANCES_PULLED).items()}
    parts = []
    for told in sorted(one for one in {*asked, *(snapshot.account for snapshot in snapshots)} if account in (None, one)):
        newest = [one for one in snapshots if one.account == told and (told not in asked or one.occurred_at >= asked[told])]
        until = max([*(one.occurred_at for one in newest), *([asked[told]] if told in asked else [])]) + _CLOCKS_APART_MAX
        balances = balances_of(reader.postings(account=assets_of_account(told), until=until))
        parts.append(reconciled(balances, newest, partial(narrowed, reader), told_accounts={told}))
    return Reconciliation(
        rows=tuple(row for part in parts for row in part.rows),
        findings=tuple(finding for part in parts for finding in part.findings),
    )


def _teller(line: LedgerLine) -> str:
    return "event" if line.told_by is None else f"{line.told_by.stream} {line.told_by.symbol}".rstrip()


def _unexplained_line(line: LedgerLine) -> Finding:
    return Finding(
        code="unexplained-ledger-line",
        severity=Severity.ERROR,
        subject=f"{line.account}/{line.asset}/{line.line_id}",
        message=f"the venue's ledger has {line.kind} {line.amount:f} {line.asset} at {instant_text(line.occurred_at)}, "
        f"and no {_teller(line)} of the book explains it",
        mend="sync again; if it stays, import the venue's export file for that day",
    )
