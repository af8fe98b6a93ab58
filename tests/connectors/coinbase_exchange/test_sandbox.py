"""The connector against the whole sandbox exchange: every row arrives, whatever goes wrong, and the venue has nothing to complain of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.domain.event import BalanceSnapshot, Event, Fill, Transfer
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.secrets import Secrets
from ledger.domain.telling import told_again
from ledger.ports import ConnectionTerms, CursorState, LedgerLine, PullWindow, StreamKey
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience

pytestmark = pytest.mark.usefixtures("leaping_clock")

ALL = PullWindow()
FILLS = 400


@dataclass
class Kept:
    """What a book would keep of some pulls."""

    cursors: dict[StreamKey, CursorState] = field(default_factory=dict)
    events: dict[EventId, Event] = field(default_factory=dict)
    lines: dict[str, LedgerLine] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def pull(self, connector: CoinbaseExchange, streams: list[StreamKey], *, pages_max: int | None = None) -> None:
        for stream in streams:
            pages = connector.pull(stream, cursor=self.cursors.get(stream), window=ALL)
            for number, page in enumerate(pages, start=1):
                said = connector.interpret(page.payload)
                for event, _ in said.events:
                    known = self.events.get(event.event_id)
                    assert known is None or told_again(known, event).conflicts == ()
                    self.events[event.event_id] = event
                self.lines |= {line.line_id: line for line in said.lines}
                self.findings += said.findings
                self.cursors[stream] = page.cursor
                if number == pages_max:
                    break

    def pull_all(self, connector: CoinbaseExchange, *, pages_max: int | None = None) -> None:
        self.pull(connector, [one for one in connector.streams() if one.stream == "ledger"], pages_max=pages_max)
        self.pull(connector, [one for one in connector.streams() if one.stream != "ledger"], pages_max=pages_max)


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[CoinbaseExchange]:
    secrets = Secrets(key=sandbox.key, secret=sandbox.secret, passphrase=sandbox.passphrase)
    terms = ConnectionTerms(account=AccountId("main"), secrets=secrets, share=1.0, base_url=sandbox.rest_url)
    connector = CoinbaseExchange(terms)
    yield connector
    connector.close()


def fill_rows(events: list[Event]) -> list[tuple[object, ...]]:
    return sorted(
        (
            fill.source_id,
            fill.base.asset,
            fill.quote.asset,
            fill.side,
            fill.base.quantity,
            fill.quote.quantity,
            fee_of(fill),
            fill.occurred_at,
        )
        for fill in events
        if isinstance(fill, Fill)
    )


def fee_of(fill: Fill) -> Decimal:
    return fill.fee.quantity if fill.fee else Decimal(0)


def true_fill_rows(account: SandboxAccount) -> list[tuple[object, ...]]:
    return sorted(
        (str(fill.trade_id), fill.base, fill.money, fill.side, fill.size, fill.money_amount, fill.fee, fill.occurred_at)
        for fill in account.fills
    )


def assert_complete(kept: Kept, account: SandboxAccount) -> None:
    events = list(kept.events.values())
    assert kept.findings == []
    assert fill_rows(events) == true_fill_rows(account)
    assert not any(event.provisional for event in events)
    assert all(set(cursor) <= {"high", "products"} for cursor in kept.cursors.values())
    moved = {transfer.transfer_id: transfer.moved_at for transfer in account.transfers if transfer.moved_at is not None}
    assert {event.source_id: event.occurred_at for event in events if isinstance(event, Transfer)} == moved
    assert {int(line_id) for line_id in kept.lines} == {row.row_id for rows in account.ledger.values() for row in rows}
    for line in kept.lines.values():
        assert any(event_id in kept.events for event_id in line.event_ids), line
    balances = {event.balance.asset: event.balance.quantity for event in events if isinstance(event, BalanceSnapshot)}
    assert {asset: balances[asset] for asset in account.assets} == {asset: account.balance(asset) for asset in account.assets}


def test_a_quiet_venue_is_read_whole_and_never_above_its_rate() -> None:
    with Sandbox(seed=3, fills=FILLS) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
            assert connector.call_count().retries == 0
            assert connector.call_count().requests == len(sandbox.calls)
        assert_complete(kept, sandbox.account)
        assert sandbox.violations == []


def test_whatever_goes_wrong_the_same_rows_arrive() -> None:
    patience = Patience(drip_seconds=0.05, stall_seconds=0.1)
    with Sandbox(seed=1, fills=FILLS, faults="all", patience=patience) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector, pages_max=1)  # as if killed after the first page of every stream
        for _ in range(2):  # what was unsettled, or came late, is there at the second pull
            with connected(sandbox) as connector:
                kept.pull_all(connector)
        assert sandbox.fault_counts()
        assert_complete(kept, sandbox.account)
        assert sandbox.violations == []


def test_rows_that_are_wrong_for_good_are_findings_and_the_others_are_kept() -> None:
    with Sandbox(seed=5, fills=FILLS, faults="null-field") as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
        assert {finding.code for finding in kept.findings} == {"unreadable-row"}
        fills = [event for event in kept.events.values() if isinstance(event, Fill)]
        assert 0 < len(fills) < FILLS
        assert set(fill_rows(fills)) < set(true_fill_rows(sandbox.account))
