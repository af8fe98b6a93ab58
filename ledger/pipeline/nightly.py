"""The whole night: every connection in turn, then prices and lots. One connection's failure does not stop the others."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ledger.config import BookSettings, ConnectionSettings, resolve_secrets
from ledger.domain.errors import ConnectorError, InputError, LedgerError
from ledger.domain.finding import Severity
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.interpret import Tally
from ledger.pipeline.match import MatchResult, Rebuild, match_book
from ledger.pipeline.prices.worth import PriceFetch
from ledger.pipeline.progress import Progress
from ledger.pipeline.sync import ConnectionSync
from ledger.ports import CallCount, ConnectionTerms, Connector, ConnectorFactory, PriceSource, PullWindow, TaxRegime
from ledger.storage.store import Store

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
    _outcomes: list[ConnectionOutcome] = field(default_factory=list)
    _holders: dict[tuple[str, str | None, str], str] = field(default_factory=dict, repr=False)

    def run(self, connections: Sequence[ConnectionSettings]) -> NightSummary:
        """Sync, price and match; never raises for a venue's failure.

        Raises:
            InputError: when a connection cannot even be opened (no such venue, no secrets, a key that another connection
                has too); nothing was pulled then.
        """
        began = time.monotonic()
        deadline = None if self.budget_seconds is None else began + self.budget_seconds
        connectors = [(settings, self._opened(settings, deadline)) for settings in connections]
        sources = []
        try:
            for settings, connector in connectors:
                self._sync(settings, connector)
                source = connector.price_source()
                sources += [source] if source else []
            self._match(sources)
            self._count_calls([connector for _, connector in connectors])
        finally:
            for _, connector in connectors:
                connector.close()
        return NightSummary(
            outcomes=tuple(self._outcomes),
            findings=_finding_counts(self.store),
            seconds=time.monotonic() - began,
        )

    def _opened(self, settings: ConnectionSettings, deadline: float | None) -> Connector:
        secrets = resolve_secrets(settings, folder=self.settings.folder, environment=self.environment)
        if secrets is None:
            raise InputError(
                f"connection {settings.name} has no secrets",
                mend='name where they are kept: secrets = "env:PREFIX", keyring:, file: or cmd:',
            )
        self._check_key(settings, secrets.key)
        terms = ConnectionTerms(
            account=settings.name,
            secrets=secrets,
            share=settings.share,
            base_url=settings.base_url,
            deadline=deadline,
            tier=settings.tier,
            folder=self.settings.folder,
        )
        return self.factory_of(settings.venue)(terms)

    def _check_key(self, settings: ConnectionSettings, key: str) -> None:
        holder = self._holders.setdefault((settings.venue, settings.base_url, key), settings.name)
        if holder != settings.name:
            raise InputError(
                f"connections {holder} and {settings.name} have the same key; everything in it would be booked twice",
                mend=f"remove one of them: lotwright connect remove {settings.name}",
            )

    def _sync(self, settings: ConnectionSettings, connector: Connector) -> None:
        began, error = time.monotonic(), None
        run = ConnectionSync(
            store=self.store,
            connector=connector,
            settings=settings,
            attribution=Attribution.of_book(self.settings),
            window=self.window,
            now=self.now,
            progress=self.progress,
        )
        try:
            run.run()
        except ConnectorError as stopped:
            error = stopped
        self._outcomes.append(
            ConnectionOutcome(
                name=settings.name,
                venue=settings.venue,
                tally=run.tally,
                windows=run.windows,
                calls=connector.call_count(),
                seconds=time.monotonic() - began,
                error=error,
            ),
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
        return match_book(self.store, self.settings, self.regime, now=self.now, progress=self.progress, rebuild=rebuild)


def _finding_counts(store: Store) -> dict[str, int]:
    counts: dict[str, int] = {}
    with store.read() as reader:
        for _, finding in reader.findings():
            counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return counts
