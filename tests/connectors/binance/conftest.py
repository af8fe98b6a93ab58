"""The sandbox's Binance on a clock on which nobody waits, and what a book would keep of some pulls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from ledger.connectors.binance import client
from ledger.connectors.binance.connector import Binance
from ledger.domain.event import Event
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.secrets import Secrets
from ledger.domain.telling import told_again
from ledger.ports import ConnectionTerms, CursorState, PullWindow, StreamKey
from ledger.sandbox.binance import dialect
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience
from ledger.transport.pace import Clock, SystemClock

WALL = datetime(2025, 12, 1, tzinfo=UTC).timestamp()
QUICK = Patience(drip_seconds=0.05, stall_seconds=0.1)
SINCE = PullWindow(since=datetime(2024, 1, 1, tzinfo=UTC))


class DecemberClock(SystemClock):
    """The clock on which nobody waits, in December 2025."""

    def __init__(self) -> None:
        self._began = self.monotonic()

    def wall(self) -> float:
        """Return seconds since 1970."""
        return WALL + self.monotonic() - self._began

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall(), UTC)


@dataclass
class Kept:
    """What a book would keep of some pulls."""

    cursors: dict[StreamKey, CursorState] = field(default_factory=dict)
    events: dict[EventId, Event] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    pages: list[tuple[StreamKey, int]] = field(default_factory=list)

    def pull_all(self, connector: Binance, *, pages_max: int | None = None, window: PullWindow = SINCE) -> None:
        """Pull as a sync does: streams that appear on the way are pulled too; None: every page, else so many of each stream."""
        pulled: set[StreamKey] = set()
        while fresh := [one for one in connector.streams() if one not in pulled and one.stream != "balances"]:
            for stream in fresh:
                self.pull(connector, stream, pages_max=pages_max, window=window)
            pulled.update(fresh)
        self.pull(connector, StreamKey(stream="balances"), window=window)

    def pull(self, connector: Binance, stream: StreamKey, *, pages_max: int | None = None, window: PullWindow = SINCE) -> None:
        pages = connector.pull(stream, cursor=self.cursors.get(stream), window=window)
        for number, page in enumerate(pages, start=1):
            said = connector.interpret(page.payload)
            for event, _ in said.events:
                known = self.events.get(event.event_id)
                assert known is None or told_again(known, event).conflicts == (), (known, event)
                self.events[event.event_id] = event
            self.findings |= {finding.subject: finding for finding in said.findings}
            self.cursors[stream] = page.cursor
            self.pages.append((stream, page.rows))
            if number == pages_max:
                break


@pytest.fixture
def december(leaping_clock: Clock) -> DecemberClock:
    assert leaping_clock is not None
    return DecemberClock()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, december: DecemberClock) -> Iterator[Callable[..., Sandbox]]:
    """Return a starter of sandboxes in December 2025; all are stopped in the end.

    A minute of the allowances lasts a moment, for the client a longer one: no late answer makes a violation.
    """
    monkeypatch.setattr(client, "MINUTE_SECONDS", 0.6)
    monkeypatch.setattr(dialect, "MINUTE_SECONDS", 0.3)
    running: list[Sandbox] = []

    def start(**options: object) -> Sandbox:
        usual: dict[str, object] = {
            "venue": "binance",
            "fills": 400,
            "patience": QUICK,
            "wall": december.wall,
        }
        sandbox = Sandbox(**(usual | options))  # type: ignore[arg-type] # options are the test's own
        sandbox.__enter__()
        running.append(sandbox)
        return sandbox

    yield start
    for sandbox in running:
        sandbox.__exit__(None, None, None)


@pytest.fixture
def connect(december: DecemberClock) -> Iterator[Callable[..., Binance]]:
    """Return a maker of connectors; all are closed in the end."""
    opened: list[Binance] = []

    def connected(sandbox: Sandbox, *, secrets: Secrets | None = None, symbols: tuple[str, ...] = ()) -> Binance:
        terms = ConnectionTerms(
            account=AccountId("main"),
            secrets=secrets or Secrets(key=sandbox.key, secret=sandbox.secret),
            share=1.0,
            base_url=sandbox.rest_url,
            symbols=symbols,
        )
        connector = Binance(terms, clock=december)
        opened.append(connector)
        return connector

    yield connected
    for connector in opened:
        connector.close()
