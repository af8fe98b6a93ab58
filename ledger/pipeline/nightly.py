"""The whole night: every connection in turn, then prices and lots. One connection's failure, ours too, does not stop the others.

But a venue that asked one connection to stay away is asked by no other before that time, neither in this run nor in one that
follows: it counts by address, and each call makes a ban longer.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ledger.config import BookSettings, ConnectionSettings
from ledger.domain.errors import ConnectorError, InputError, LedgerError, TransientError
from ledger.domain.finding import Finding, Severity
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.interpret import Tally
from ledger.pipeline.match import MatchResult, Rebuild
from ledger.pipeline.opening import closures_of, opened, secrets_of
from ledger.pipeline.periods.derive import derive_book
from ledger.pipeline.prices.worth import PriceFetch
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.coverage import keep_gone
from ledger.pipeline.proof.keys import watch_key
from ledger.pipeline.sync import ConnectionSync
from ledger.pipeline.unverified import origin_of, unverified_of
from ledger.ports import CallCount, Connector, ConnectorFactory, PriceSource, PullWindow, TaxRegime
from ledger.storage.store import Store
from ledger.transport.closures import Closures
from ledger.transport.pace import Budget, RetryTerms

SUMMARY_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOutcome:
    """What became of one connection; `error` is what stopped it, or None."""

    name: str
    venue: str
    tally: Tally
    windows: int
    calls: CallCount
    seconds: float
    error: LedgerError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSummary:
    """What the run did. `findings` counts the book's open findings by severity."""

    outcomes: tuple[ConnectionOutcome, ...]
    findings: Mapping[str, int]
    seconds: float

    @property
    def exit_code(self) -> int:
        """The contract's exit code: a refused key before an outage before wrong settings before findings."""
        stopped = {outcome.error.exit_code for outcome in self.outcomes if outcome.error}
        for code in (3, 4, 2):
            if code in stopped:
                return code
        return 1 if self.findings.get(Severity.ERROR, 0) else 0

    def as_json(self) -> dict[str, object]:
        """Return the summary as one JSON document."""
        total = Tally()
        for outcome in self.outcomes:
            total.add(outcome.tally)
        return {
            "schema": SUMMARY_SCHEMA,
            "exit_code": self.exit_code,
            **_tally_json(total),
            "findings": {severity.value: self.findings.get(severity, 0) for severity in Severity},
            "windows": sum(outcome.windows for outcome in self.outcomes),
            "requests": sum(outcome.calls.requests for outcome in self.outcomes),
            "waits": sum(outcome.calls.waits for outcome in self.outcomes),
            "retries": sum(outcome.calls.retries for outcome in self.outcomes),
            "seconds": round(self.seconds, 3),
            "connections": [_outcome_json(outcome) for outcome in self.outcomes],
        }


def _tally_json(tally: Tally) -> dict[str, object]:
    return {"new": tally.new, "known": tally.known, "revised": tally.revised, "doubtful": tally.doubtful}


def _outcome_json(outcome: ConnectionOutcome) -> dict[str, object]:
    return {
        "name": outcome.name,
        "venue": outcome.venue,
        **_tally_json(outcome.tally),
        "windows": outcome.windows,
        "requests": outcome.calls.requests,
        "waits": outcome.calls.waits,
        "retries": outcome.calls.retries,
        "seconds_waited": round(outcome.calls.seconds_waited, 3),
        "seconds": round(outcome.seconds, 3),
        "error": str(outcome.error) if outcome.error else None,
    }


@dataclass(slots=True, kw_only=True)
class Night:
    """One run over some connections of a book, which the caller holds."""

    store: Store
    settings: BookSettings
    regime: TaxRegime
    factory_of: Callable[[str], ConnectorFactory]
    environment: Mapping[str, str]
    window: PullWindow
    budget_seconds: float | None
    now: Callable[[], datetime]
    progress: Progress
    again: bool = False
    _outcomes: list[ConnectionOutcome] = field(default_factory=list)
    _faults: list[Exception] = field(default_factory=list)
    _holders: dict[tuple[str, str | None, str], str] = field(default_factory=dict, repr=False)

    def run(self, connections: Sequence[ConnectionSettings]) -> NightSummary:
        """Sync, price and match; never raises for a venue's failure. A fault of ours is raised when all the others are done.

        Raises:
            InputError: when a connection cannot even be opened (no such venue, no secrets, a key that another connection
                has too); nothing was pulled then.
        """
        began = time.monotonic()
        deadline = None if self.budget_seconds is None else began + self.budget_seconds
        connectors = [(settings, self._opened(settings, deadline)) for settings in connections]
        patience = Budget(clock=self._closures.clock, deadline=deadline)
        self.store.spare_memory()
        try:
            self._sync_all(connectors, patience)
            sources = [connector.price_source() for settings, connector in connectors if not self._seconds_closed(settings)]
            self._match([source for source in sources if source])
            self._count_calls([connector for _, connector in connectors])
        finally:
            for _, connector in connectors:
                connector.close()
        if self._faults:
            raise self._faults[0]
        return NightSummary(
            outcomes=tuple(self._outcomes),
            findings=_finding_counts(self.store),
            seconds=time.monotonic() - began,
        )

    @property
    def _closures(self) -> Closures:
        return closures_of(self.settings.folder)

    def _opened(self, settings: ConnectionSettings, deadline: float | None) -> Connector:
        secrets = secrets_of(settings, folder=self.settings.folder, environment=self.environment)
        self._check_key(settings, secrets.key)
        return opened(settings, self.factory_of(settings.venue), secrets, folder=self.settings.folder, deadline=deadline)

    def _check_key(self, settings: ConnectionSettings, key: str) -> None:
        holder = self._holders.setdefault((settings.venue, settings.base_url, key), settings.name)
        if holder != settings.name:
            raise InputError(
                f"connections {holder} and {settings.name} have the same key; everything in it would be booked twice",
                mend=f"remove one of them: lotwright connect remove {settings.name}",
            )

    def _sync_all(self, connectors: Sequence[tuple[ConnectionSettings, Connector]], patience: Budget) -> None:
        """Sync one after another; those of a venue that wants to be left alone come last, and wait for it."""
        outcomes: dict[str, ConnectionOutcome] = {}
        waiting = []
        for settings, connector in connectors:
            if self._seconds_closed(settings):
                waiting.append((settings, connector))
            else:
                outcomes[settings.name] = self._synced(settings, connector)
        for settings, connector in waiting:
            began = time.monotonic()
            try:
                self._await_opening(settings, patience)
            except TransientError as closed:
                outcomes[settings.name] = _not_synced(settings, connector, closed, seconds=time.monotonic() - began)
            else:
                outcomes[settings.name] = self._synced(settings, connector)
        self._outcomes += [outcomes[settings.name] for settings, _ in connectors]

    def _seconds_closed(self, settings: ConnectionSettings) -> float:
        return self._closures.seconds_left(settings.venue, settings.base_url)

    def _await_opening(self, settings: ConnectionSettings, patience: Budget) -> None:
        """Wait until the venue may be asked again.

        Raises:
            TransientError: when the time budget, or without one our patience, is shorter.
        """
        seconds = self._seconds_closed(settings)
        if not seconds:
            return
        why = f"{settings.name} was not synced: {settings.venue} asked us to stay away, for {seconds:.0f} s more"
        if patience.deadline is None and seconds > RetryTerms().patience_seconds:
            raise TransientError(why, mend="run again after that time", retry_after_seconds=seconds)
        patience.wait(seconds, reason=why)

    def _synced(self, settings: ConnectionSettings, connector: Connector) -> ConnectionOutcome:
        began, error = time.monotonic(), None
        run = ConnectionSync(
            store=self.store,
            connector=connector,
            settings=settings,
            attribution=Attribution.of_book(self.settings),
            window=self.window,
            now=self.now,
            progress=self.progress,
            again=self.again,
        )
        with self.store.write() as writer:
            writer.replace_findings(origin_of(settings.name), unverified_of(connector, settings.name), self.now())
            writer.replace_findings(origin_of_run(settings.name), [_unfinished(settings.name)], self.now())
        try:
            watch_key(self.store, connector, settings.name, now=self.now())
            run.run()
        except ConnectorError as stopped:
            error = stopped
        except Exception as fault:  # noqa: BLE001  # raised again by `run`: what one connection breaks must not keep the others back
            self._faults.append(fault)
        else:
            with self.store.write() as writer:
                writer.replace_findings(origin_of_run(settings.name), [], self.now())
        keep_gone(self.store, connector, settings.name, now=self.now())
        if isinstance(error, TransientError) and error.retry_after_seconds:
            self._closures.close(settings.venue, settings.base_url, seconds=error.retry_after_seconds)
        return ConnectionOutcome(
            name=settings.name,
            venue=settings.venue,
            tally=run.tally,
            windows=run.windows,
            calls=connector.call_count(),
            seconds=time.monotonic() - began,
            error=error,
        )

    def _count_calls(self, connectors: Sequence[Connector]) -> None:
        """Count the calls again: prices were asked for through the same connectors after their pulls had ended."""
        for number, connector in enumerate(connectors):
            self._outcomes[number] = replace(self._outcomes[number], calls=connector.call_count())

    def _match(self, sources: Sequence[PriceSource]) -> None:
        lacking = self._matched(Rebuild.UNPRICED).lacking
        if not lacking or not sources:
            return
        began, error = time.monotonic(), None
        try:
            fetch = PriceFetch(
                store=self.store, sources=sources, currency=self.settings.currency, policy=self.settings.prices, now=self.now
            )
            fetch.run(lacking, self.progress)
        except ConnectorError as stopped:
            error = stopped
        self._matched(Rebuild.CHANGED)
        if error:
            seconds = time.monotonic() - began
            self._outcomes.append(
                ConnectionOutcome(name="prices", venue="", tally=Tally(), windows=0, calls=CallCount(), seconds=seconds, error=error),
            )

    def _matched(self, rebuild: Rebuild) -> MatchResult:
        return derive_book(self.store, self.settings, self.regime, now=self.now, progress=self.progress, rebuild=rebuild)


def _not_synced(settings: ConnectionSettings, connector: Connector, error: TransientError, *, seconds: float) -> ConnectionOutcome:
    return ConnectionOutcome(
        name=settings.name,
        venue=settings.venue,
        tally=Tally(),
        windows=0,
        calls=connector.call_count(),
        seconds=seconds,
        error=error,
    )


def origin_of_run(connection: str) -> str:
    """Return the origin of the finding that the last run of a connection did not come to its end."""
    return f"run:{connection}"


def _unfinished(connection: str) -> Finding:
    """Tell that a run has begun; it is taken back when the run comes to its end, so that one that was killed is told too."""
    return Finding(
        code="sync-unfinished",
        severity=Severity.WARNING,  # while another run is at work it is no error; `coverage` tells the holes
        subject=connection,
        message=f"the last sync of {connection} did not come to its end: what else is missing here may only not have come yet",
        mend=f"lotwright sync {connection}",
    )


def _finding_counts(store: Store) -> dict[str, int]:
    counts: dict[str, int] = {}
    with store.read() as reader:
        for _, finding in reader.findings():
            counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return counts
