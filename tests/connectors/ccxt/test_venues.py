"""Unmodified ccxt at the sandbox: the reader's fills are those of our own connectors, row for row, and it keeps the venue's rules."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from ledger.connectors.binance.connector import Binance
from ledger.connectors.ccxt.connector import Ccxt
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.event import Event, Fill, Transfer
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, Connector, CursorState, Page, PullWindow, StreamKey
from ledger.sandbox.history.rows import instant_of, microseconds_of
from ledger.sandbox.server import Sandbox

SEED = 11
EDGE_MS = 2_000
ALL = PullWindow()

Row = tuple[object, ...]


@dataclass(frozen=True)
class Case:
    venue: str
    exchange: str
    own: Callable[[ConnectionTerms], Connector]
    symbols: tuple[str, ...]
    own_symbols: tuple[str, ...] = ()
    fills: int = 200
    streams: tuple[str, ...] = ("deposits", "transfers", "ledger", "fills", "balances")
    tier: str = ""
    own_streams: tuple[str, ...] = ("ledger", "deposits", "fills", "trades")


CASES = (
    Case("coinbase-exchange", "coinbaseexchange", CoinbaseExchange, ("LTC/USD=LTC-USD",)),
    Case("binance", "binance", Binance, ("LTC/USD=LTCUSD",), own_symbols=("LTCUSD",), streams=("deposits", "fills", "balances")),
    Case("kraken", "kraken", Kraken, ("LTC/USD=XLTCZUSD",), fills=40, streams=("fills",), tier="pro", own_streams=("trades",)),
)


@pytest.fixture(params=CASES, ids=lambda case: case.exchange)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def terms_of(sandbox: Sandbox, python: str, case: Case) -> ConnectionTerms:
    return ConnectionTerms(
        account=AccountId("main"),
        secrets=Secrets(key=sandbox.key, secret=sandbox.secret, passphrase=sandbox.passphrase),
        share=1.0,
        base_url=sandbox.rest_url,
        symbols=case.symbols,
        options={"exchange": case.exchange, "python": python},
    )


@dataclass
class Pulled:
    events: dict[EventId, Event]
    findings: list[Finding]
    pages: dict[StreamKey, list[Page]]

    @property
    def fills(self) -> list[Row]:
        return sorted(row_of(event) for event in self.events.values() if isinstance(event, Fill))


def pulled(connector: Connector, wanted: Iterable[str], cursors: dict[StreamKey, CursorState] | None = None) -> Pulled:
    found, done = Pulled({}, [], {}), set[StreamKey]()
    while fresh := [one for one in connector.streams() if one not in done and one.stream in wanted]:
        for stream in fresh:
            done.add(stream)
            found.pages[stream] = list(connector.pull(stream, cursor=(cursors or {}).get(stream), window=ALL))
            for page in found.pages[stream]:
                said = connector.interpret(page.payload)
                found.events |= {event.event_id: event for event, _ in said.events}
                found.findings += said.findings
    return found


def is_of_its_call(page: Page) -> bool:
    """Tell whether the rows of a page lie within the times that its payload says were asked for, give or take the reader's overlap."""
    asked = {name: int(figure) for name, figure in re.findall(r"(since|until)=(\d+)", page.payload.request)}
    bounds = [microseconds_of(at) // 1000 for at in (page.from_at, page.to_at) if at is not None]
    return all(asked.get("since", 0) - EDGE_MS <= at <= asked.get("until", at) + EDGE_MS for at in bounds)


def row_of(fill: Fill) -> Row:
    """What a unified trade tells too: its times are cut to milliseconds."""
    fee = (fill.fee.quantity, fill.fee.asset) if fill.fee else None
    at = instant_of(microseconds_of(fill.occurred_at) // 1000 * 1000)
    legs = (fill.base.asset, fill.base.quantity, fill.quote.asset, fill.quote.quantity)
    return (str(fill.source_id), fill.side.value, str(fill.order_id), at, *legs, fee)


def test_its_fills_are_those_of_the_own_connector_and_a_second_run_finds_nothing_new(case: Case, ccxt_python: str) -> None:
    with Sandbox(venue=case.venue, fills=case.fills, seed=SEED) as sandbox:
        theirs = Ccxt(terms_of(sandbox, ccxt_python, case))
        try:
            found = pulled(theirs, case.streams)
            again = pulled(theirs, ("fills",), {stream: pages[-1].cursor for stream, pages in found.pages.items()})
        finally:
            theirs.close()
        assert sandbox.violations == []
        assert [page for pages in found.pages.values() for page in pages if not is_of_its_call(page)] == []
        assert len(found.fills) == case.fills
        assert found.findings == []
        assert set(again.events) <= set(found.events)
    with Sandbox(venue=case.venue, fills=case.fills, seed=SEED) as sandbox:
        base = terms_of(sandbox, ccxt_python, case)
        own = case.own(ConnectionTerms(account=base.account, secrets=base.secrets, share=1.0, base_url=base.base_url, tier=case.tier,
                                       symbols=case.own_symbols))  # fmt: skip
        expected = pulled(own, case.own_streams)
        own.close()
    assert found.fills == expected.fills


def test_its_transfers_are_those_of_the_own_connector(ccxt_python: str) -> None:
    case = CASES[0]
    with Sandbox(venue=case.venue, fills=60, seed=SEED) as sandbox:
        theirs = Ccxt(terms_of(sandbox, ccxt_python, case))
        base = terms_of(sandbox, ccxt_python, case)
        own = CoinbaseExchange(ConnectionTerms(account=base.account, secrets=base.secrets, share=1.0, base_url=base.base_url))
        told = [
            sorted(
                (str(one.source_id), one.to_account is None, one.amount.quantity, one.amount.asset, one.fee.quantity if one.fee else 0)
                for one in pulled(connector, ("transfers",)).events.values()
                if isinstance(one, Transfer)
            )
            for connector in (theirs, own)
        ]
        theirs.close()
        own.close()
    assert told[0] == told[1] != []


@pytest.mark.parametrize("faults", ["none", "key-can-withdraw"])
def test_a_right_to_withdraw_is_told_where_the_venue_tells(ccxt_python: str, faults: str) -> None:
    case = CASES[1]
    with Sandbox(venue=case.venue, fills=60, seed=SEED, faults=faults) as sandbox:
        theirs = Ccxt(terms_of(sandbox, ccxt_python, case))
        report = theirs.check_key()
        theirs.close()
    assert report.may_withdraw is (faults == "key-can-withdraw")
    assert abs(report.clock_skew_seconds) < 5


def test_a_right_that_the_venue_does_not_tell_is_unknown_and_a_note_says_so(ccxt_python: str) -> None:
    case = CASES[0]
    with Sandbox(venue=case.venue, fills=60, seed=SEED) as sandbox:
        theirs = Ccxt(terms_of(sandbox, ccxt_python, case))
        report = theirs.check_key()
        theirs.close()
    assert (report.may_trade, report.may_withdraw) == (None, None)
    assert "only view" in report.notes[0]
