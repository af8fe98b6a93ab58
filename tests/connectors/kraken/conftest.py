"""Kraken's connector at the sandbox's Kraken, both on one clock that only waiting moves: no test waits for the venue's slow rates."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from ledger.book import Book
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.event import Event
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.payload import Payload
from ledger.domain.secrets import Secrets
from ledger.domain.telling import told_again
from ledger.ports import ConnectionTerms, CursorState, LedgerLine, PullWindow, StreamKey
from ledger.sandbox.exchange import Edge
from ledger.sandbox.faults import FaultPlan
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Timeouts

START = datetime(2026, 1, 1, tzinfo=UTC)
MAIN = AccountId("main")
ALL = PullWindow()


@dataclass
class Bench:
    """A sandbox and the clock that it shares with its clients."""

    sandbox: Sandbox
    clock: ManualClock

    @contextmanager
    def connected(
        self, *, folder: Path | None = None, tier: str = "pro", share: float = 1.0, secret: str | None = None
    ) -> Iterator[Kraken]:
        secrets = Secrets(key=self.sandbox.key, secret=secret or self.sandbox.secret)
        terms = ConnectionTerms(account=MAIN, secrets=secrets, share=share, base_url=self.sandbox.rest_url, tier=tier, folder=folder)
        rng = Random(1)  # noqa: S311 - a seed makes the pauses the same in every run
        connector = Kraken(terms, clock=self.clock, rng=rng, timeouts=Timeouts(connect=5, read=5))
        yield connector
        connector.close()


@contextmanager
def bench(
    *, seed: int = 1, fills: int = 120, faults: FaultPlan | str = "none", venue: str = "kraken", edge: Edge | None = None
) -> Iterator[Bench]:
    clock = ManualClock(start=START)
    patience = Patience(drip_seconds=0.02, stall_seconds=0.05)
    sandbox = Sandbox(
        venue=venue,
        seed=seed,
        fills=fills,
        faults=faults,
        patience=patience,
        wall=lambda: START.timestamp() + clock.seconds,
        monotonic=lambda: clock.seconds,
        edge=edge,
    )
    with sandbox:
        yield Bench(sandbox, clock)
    time.sleep(0)  # let the server's thread end before the next one starts


@dataclass
class Kept:
    """What a book would keep of some pulls."""

    cursors: dict[StreamKey, CursorState] = field(default_factory=dict)
    events: dict[EventId, Event] = field(default_factory=dict)
    lines: dict[str, LedgerLine] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)

    def pull(self, connector: Kraken, *, pages_max: int | None = None, window: PullWindow = ALL, only: str | None = None) -> None:
        for stream in connector.streams():
            if only in {None, stream.stream}:
                self._pull_stream(connector, stream, pages_max, window)

    def _pull_stream(self, connector: Kraken, stream: StreamKey, pages_max: int | None, window: PullWindow) -> None:
        pages = connector.pull(stream, cursor=self.cursors.get(stream), window=window)
        for number, page in enumerate(pages, start=1):
            self.payloads.append(page.payload)
            self.keep(connector, page.payload)
            self.cursors[stream] = page.cursor
            if number == pages_max:
                break

    def keep(self, connector: Kraken, payload: Payload) -> None:
        said = connector.interpret(payload)
        for event, _ in said.events:
            known = self.events.get(event.event_id)
            if known is None:
                self.events[event.event_id] = event
                continue
            telling = told_again(known, event)
            assert telling.conflicts == (), (known, event)
            self.events[event.event_id] = telling.event or known
        self.lines |= {line.line_id: line for line in said.lines}
        self.findings += said.findings


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """An empty book with one connection to Kraken, on each database."""
    url = request.getfixturevalue("postgres_server").new() if request.param == "postgresql" else ""
    made = Book.create(tmp_path / "book", **({"database": url.replace(":@", "@")} if url else {}))
    made.add_connection(MAIN, venue="kraken", secrets="env:MAIN")
    yield made
    made.close()
    if url:
        request.getfixturevalue("postgres_server").drop(url)
