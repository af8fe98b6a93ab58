"""The connector against the whole sandbox exchange: every row arrives, whatever goes wrong, and the venue has nothing to complain of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest

from ledger.connectors.coinbase_advanced.connector import CoinbaseAdvanced
from ledger.domain.event import BalanceSnapshot, Event, Fill, Transfer
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.secrets import Secrets
from ledger.domain.telling import told_again
from ledger.ports import ConnectionTerms, CursorState, LedgerLine, PullWindow, StreamKey
from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.calls import Credentials
from ledger.sandbox.coinbase_advanced.key import key_ring_of
from ledger.sandbox.coinbase_advanced.rows import Identities, moved_by
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience

pytestmark = pytest.mark.usefixtures("leaping_clock")

ALL = PullWindow()
FILLS = 1200
VENUE = "coinbase-advanced"
PATIENCE = Patience(drip_seconds=0.05, stall_seconds=0.1)
FILLS_PATH = "GET /api/v3/brokerage/orders/historical/fills"


@dataclass
class Kept:
    """What a book would keep of some pulls."""

    cursors: dict[StreamKey, CursorState] = field(default_factory=dict)
    events: dict[EventId, Event] = field(default_factory=dict)
    lines: dict[str, LedgerLine] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def pull_all(self, connector: CoinbaseAdvanced, *, pages_max: int | None = None) -> None:
        for stream in connector.streams():
            pages = connector.pull(stream, cursor=self.cursors.get(stream), window=ALL)
            for number, page in enumerate(pages, start=1):
                said = connector.interpret(page.payload)
                for event, _ in said.events:
                    self._hear(event)
                self.lines |= {line.line_id: line for line in said.lines}
                self.findings += said.findings
                self.cursors[stream] = page.cursor
                if number == pages_max:
                    break

    def _hear(self, event: Event) -> None:
        known = self.events.get(event.event_id)
        telling = None if known is None else told_again(known, event)
        assert telling is None or telling.conflicts == ()
        if known is None or (telling is not None and telling.event is not None):
            self.events[event.event_id] = event if telling is None or telling.event is None else telling.event


@contextmanager
def connected(sandbox: Sandbox, credentials: Credentials | None = None) -> Iterator[CoinbaseAdvanced]:
    key, secret = (sandbox.key, sandbox.secret) if credentials is None else (credentials.key, credentials.secret)
    terms = ConnectionTerms(
        account=AccountId("main"),
        secrets=Secrets(key=key, secret=secret),
        share=1.0,
        base_url=sandbox.rest_url,
    )
    connector = CoinbaseAdvanced(terms)
    yield connector
    connector.close()


def fill_rows(events: list[Event]) -> list[tuple[object, ...]]:
    return sorted(
        (fill.order_id, fill.client_order_id, fill.base.asset, fill.quote.asset, fill.side,
         fill.base.quantity, fill.quote.quantity, fill.fee.quantity if fill.fee else Decimal(0), fill.occurred_at)
        for fill in events
        if isinstance(fill, Fill)
    )  # fmt: skip


def true_fill_rows(account: SandboxAccount) -> list[tuple[object, ...]]:
    return sorted(
        (fill.order_id, fill.client_order_id, fill.base, fill.money, fill.side, fill.size, fill.money_amount, fill.fee, fill.occurred_at)
        for fill in account.fills
    )


def assert_complete(kept: Kept, account: SandboxAccount) -> None:
    events = list(kept.events.values())
    assert kept.findings == []
    assert fill_rows(events) == true_fill_rows(account)
    assert not any(event.provisional for event in events)
    assert all(set(cursor) in ({"high"}, {"asked_at"}, set()) for cursor in kept.cursors.values())  # nothing is under way
    moved = {one.transfer_id: one.moved_at.replace(microsecond=0) for one in account.transfers if one.moved_at is not None}
    assert {event.source_id: event.occurred_at for event in events if isinstance(event, Transfer)} == moved
    ids = Identities(account.seed)
    mirrors = {
        ids.uuid("mirror", fill.product, str(fill.trade_id), fill.side.value, asset): moved_by(fill, asset)
        for fill in account.fills
        for asset in {fill.base, fill.money}
    }
    assert {line.line_id: line.amount for line in kept.lines.values() if line.kind == "advanced_trade_fill"} == mirrors
    balances = {event.balance.asset: event.balance.quantity for event in events if isinstance(event, BalanceSnapshot)}
    assert {asset: balances[asset] for asset in account.assets} == {asset: account.balance(asset) for asset in account.assets}


def test_a_quiet_venue_is_read_whole_and_never_above_its_rate() -> None:
    with Sandbox(venue=VENUE, seed=3, fills=FILLS) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
            assert connector.call_count().retries == 0
            assert connector.call_count().requests == len(sandbox.calls)
        assert_complete(kept, sandbox.account)
        assert sandbox.violations == []


def test_a_second_pull_asks_for_no_more_than_it_lacks() -> None:
    with Sandbox(venue=VENUE, seed=3, fills=FILLS) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
        before = len(sandbox.calls)
        with connected(sandbox) as connector:
            kept.pull_all(connector)
        again = [call.target for call in sandbox.calls[before:] if "/fills?" in call.target]
        assert len(again) == 1
        assert "start_sequence_timestamp=" in again[0]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_whatever_goes_wrong_the_same_rows_arrive(seed: int) -> None:
    with Sandbox(venue=VENUE, seed=seed, fills=FILLS, faults="all", patience=PATIENCE) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector, pages_max=1)  # as if killed after the first page of every stream
        for _ in range(2):  # what came late or was amended is there at the second pull
            with connected(sandbox) as connector:
                kept.pull_all(connector)
        assert sandbox.fault_counts()
        assert_complete(kept, sandbox.account)
        assert sandbox.violations == []


PAGING = (
    Fault.CURSOR_EXPIRED,
    Fault.SAME_CURSOR,
    Fault.EMPTY_PAGE,
    Fault.SHORT_PAGE,
    Fault.DUPLICATE_ROW,
    Fault.CURSOR_AFTER_LAST,
    Fault.NEW_FILL,
    Fault.UNSETTLED,
)


@pytest.fixture(scope="module")
def quiet_calls() -> list[str]:
    """What a pull asks for when nothing goes wrong."""
    with Sandbox(venue=VENUE, seed=3, fills=600) as sandbox, connected(sandbox) as connector:
        Kept().pull_all(connector)
        return [f"GET {call.target}" for call in sandbox.calls]


@pytest.mark.parametrize("fault", PAGING)
@pytest.mark.parametrize(
    "which", ["fills, first page", "fills, second page", "fills, last page", "wallet, first page", "wallet, second page"]
)
def test_a_page_that_misleads_loses_nothing(fault: Fault, which: str, quiet_calls: list[str]) -> None:
    pages = [number for number, call in enumerate(quiet_calls, start=1) if FILLS_PATH in call]
    others = [number for number, call in enumerate(quiet_calls, start=1) if "/transactions?" in call]
    onward = [number for number in others if "starting_after" in quiet_calls[number - 1]]
    places = dict(zip(("fills, first page", "fills, second page", "fills, last page"), pages, strict=True))
    places |= {"wallet, first page": others[1], "wallet, second page": onward[0]}
    plan = FaultPlan(steps=[FaultStep(fault=fault, call=places[which])])
    with Sandbox(venue=VENUE, seed=3, fills=600, faults=plan) as sandbox:
        kept = Kept()
        for _ in range(2):
            with connected(sandbox) as connector:
                kept.pull_all(connector)
        assert sandbox.fault_counts() == {fault: 1}
        assert_complete(kept, sandbox.account)
        assert sandbox.violations == []


def test_an_ed25519_key_opens_the_same_account() -> None:
    with Sandbox(venue=VENUE, seed=3, fills=60) as sandbox:
        kept = Kept()
        with connected(sandbox, key_ring_of(VENUE, 3).ed25519) as connector:
            assert connector.check_key().may_read
            kept.pull_all(connector)
        assert_complete(kept, sandbox.account)
        assert sandbox.violations == []


@pytest.mark.parametrize("fault", ["null-field", "missing-field", "empty-field", "unknown-ledger-type"])
def test_rows_that_are_wrong_for_good_are_findings_and_the_others_are_kept(fault: str) -> None:
    with Sandbox(venue=VENUE, seed=5, fills=400, faults=fault) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
        assert {finding.code for finding in kept.findings} == {"unknown-row" if fault == "unknown-ledger-type" else "unreadable-row"}
        fills = [event for event in kept.events.values() if isinstance(event, Fill)]
        assert 0 < len(fills) < 400
        assert set(fill_rows(fills)) < set(true_fill_rows(sandbox.account))


@pytest.mark.parametrize("fault", ["exponents", "json-numbers"])
def test_figures_in_another_spelling_are_the_same_figures(fault: str) -> None:
    with Sandbox(venue=VENUE, seed=5, fills=300, faults=fault) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
        assert_complete(kept, sandbox.account)


def test_fills_at_one_instant_keep_the_venue_s_order() -> None:
    account = seeded_account(3, FILLS)
    with Sandbox(venue=VENUE, seed=3, fills=FILLS) as sandbox:
        kept = Kept()
        with connected(sandbox) as connector:
            kept.pull_all(connector)
    told = sorted((event for event in kept.events.values() if isinstance(event, Fill)), key=lambda fill: fill.sequence or 0)
    assert [fill.order_id for fill in told] == [fill.order_id for fill in account.fills]
    assert all(one.occurred_at <= other.occurred_at for one, other in pairwise(told))
