"""A Binance account synced into a book: the book equals the exchange's own account, whatever goes wrong on the way."""

import csv
import io
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.book import Book, Selection, exporter
from ledger.connectors.binance import client
from ledger.domain.errors import TransientError
from ledger.pipeline.nightly import NightSummary
from ledger.sandbox import exchange
from ledger.sandbox.binance import dialect
from ledger.sandbox.binance.key import ed25519_credentials_of
from ledger.sandbox.binance.sundries import REWARDS
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox
from ledger.sandbox.truth import gains
from ledger.sandbox.wire import Patience
from ledger.transport.pace import Clock, RetryTerms

pytestmark = pytest.mark.usefixtures("leaping_clock")

QUICK = Patience(drip_seconds=0.05, stall_seconds=0.1)
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
SUNDRY_SKEW = datetime(2025, 12, 1, tzinfo=UTC).timestamp() - time.time()  # moves between wallets are told for half a year only
SYNCS_MAX = 3


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sandbox]]:
    """Return a starter of sandboxes, where a minute of the allowances lasts a moment, for the client a longer one."""
    monkeypatch.setattr(client, "MINUTE_SECONDS", 0.6)
    monkeypatch.setattr(dialect, "MINUTE_SECONDS", 0.3)
    running: list[Sandbox] = []

    def start(**options: object) -> Sandbox:
        sandbox = Sandbox(**({"venue": "binance", "fills": 200, "patience": QUICK} | options))  # type: ignore[arg-type] # the test's own
        sandbox.__enter__()
        running.append(sandbox)
        return sandbox

    yield start
    for sandbox in running:
        sandbox.__exit__(None, None, None)


def synced(book: Book, sandbox: Sandbox, *, venue: str = "binance") -> NightSummary:
    if not book.settings.connections:
        book.add_connection("main", venue=venue, secrets="env:MAIN", base_url=sandbox.rest_url, share=1.0, bot="grid-1")
    return book.sync(since=SINCE, environment={"MAIN_KEY": sandbox.key, "MAIN_SECRET": sandbox.secret, "MAIN_PASSPHRASE": ""})


def pieces_of(book: Book) -> list[tuple[str, ...]]:
    target = io.BytesIO()
    with book.report("gains", Selection()) as document:
        exporter("csv").write(document, target)
    names = ("event", "asset", "quantity", "proceeds", "cost_basis", "gain")
    return sorted(tuple(row[name] for name in names) for row in csv.DictReader(io.StringIO(target.getvalue().decode())))


def true_pieces(sandbox: Sandbox) -> list[tuple[str, ...]]:
    names = ("event", "asset", "quantity", "proceeds", "cost", "gain")
    return sorted(tuple(row[name] for name in names) for row in gains(sandbox.account))


def test_a_quiet_exchange_is_synced_once_and_the_second_sync_finds_nothing_new(book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=7)
    first = synced(book, sandbox).as_json()
    assert (first["exit_code"], first["doubtful"], first["revised"]) == (0, 0, 0)
    assert pieces_of(book) == true_pieces(sandbox)
    second = synced(book, sandbox).as_json()
    assert (second["exit_code"], second["new"], second["revised"], second["doubtful"]) == (0, 0, 0, 0)
    assert sandbox.violations == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_goes_wrong_the_book_equals_the_exchange_to_the_last_digit(seed: int, book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=seed, faults="all")
    for _ in range(SYNCS_MAX):
        told = synced(book, sandbox).as_json()
        assert (told["exit_code"], told["doubtful"]) == (0, 0), told
    assert told["new"] == 0
    assert sandbox.fault_counts()
    assert sandbox.violations == []
    assert pieces_of(book) == true_pieces(sandbox)
    assert book.reconcile().findings == ()


def test_every_other_kind_of_row_is_booked_once_and_the_balances_agree(book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=4, faults="sundry-rows", wall=lambda: time.time() + SUNDRY_SKEW)
    told = synced(book, sandbox).as_json()
    assert book.reconcile().findings == ()
    balances = {row.asset: row.balance_book for row in book.reconcile().rows}
    assert {asset: balances[asset] for asset in ("DOGE", "EUR", "XRP")} == {
        "DOGE": Decimal("3596.5"),
        "EUR": Decimal(100),
        "XRP": Decimal("99.2875"),
    }
    assert told["new"] == sum(1 for one in sandbox.account.transfers if one.moved_at) + len(sandbox.account.fills) + REWARDS + 13
    assert sandbox.violations == []


def test_a_ban_stops_the_run_at_once_and_a_run_after_its_end_goes_on(
    book: Book, serve: Callable[..., Sandbox], leaping_clock: Clock
) -> None:
    sandbox = serve(seed=5, faults=FaultPlan(steps=[FaultStep(fault=Fault.BANNED, call=9)]))
    summary = synced(book, sandbox)
    error = summary.outcomes[0].error
    assert isinstance(error, TransientError)
    assert "our address is banned until " in error.message
    assert (summary.exit_code, len(sandbox.calls), sandbox.calls[-1].status) == (4, 9, 418)
    leaping_clock.sleep(error.retry_after_seconds or 0)
    assert synced(book, sandbox).exit_code == 0
    assert pieces_of(book) == true_pieces(sandbox)
    assert sandbox.violations == []


def with_two_keys(book: Book, sandbox: Sandbox) -> dict[str, str]:
    """Connect ``main`` and ``spare``, two keys of one sandbox, and return where their secrets are."""
    spare = ed25519_credentials_of("binance", sandbox.account.seed)
    for name in ("main", "spare"):
        book.add_connection(name, venue="binance", secrets=f"env:{name.upper()}", base_url=sandbox.rest_url, share=1.0)
    return {"MAIN_KEY": sandbox.key, "MAIN_SECRET": sandbox.secret, "SPARE_KEY": spare.key, "SPARE_SECRET": spare.secret}


def test_a_ban_is_waited_for_by_every_connection_of_the_venue(book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=5, faults=FaultPlan(steps=[FaultStep(fault=Fault.BANNED, call=9)]))
    summary = book.sync(since=SINCE, budget_seconds=300, environment=with_two_keys(book, sandbox))
    main, spare = summary.outcomes
    assert isinstance(main.error, TransientError)
    assert (summary.exit_code, sandbox.calls[8].status, spare.error, spare.tally.new > 0) == (4, 418, None, True)
    assert sandbox.calls[9].received_at - sandbox.calls[8].received_at >= main.error.retry_after_seconds
    assert sandbox.violations == []


@pytest.mark.parametrize("budget_seconds", [None, 300])
def test_a_ban_that_is_too_long_leaves_only_its_venue_alone(
    budget_seconds: float | None, book: Book, serve: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BAN_SECONDS", 400)
    sandbox = serve(seed=5, faults=FaultPlan(steps=[FaultStep(fault=Fault.BANNED, call=9)]))
    secrets = with_two_keys(book, sandbox)
    other = serve(venue="coinbase-exchange", seed=6)
    book.add_connection("other", venue="coinbase-exchange", secrets="env:OTHER", base_url=other.rest_url, share=1.0)
    secrets |= {"OTHER_KEY": other.key, "OTHER_SECRET": other.secret, "OTHER_PASSPHRASE": other.passphrase}
    summary = book.sync(since=SINCE, budget_seconds=budget_seconds, environment=secrets)
    main, spare, third = summary.outcomes
    assert (main.name, spare.name, third.name) == ("main", "spare", "other")
    assert "spare was not synced: binance asked us to stay away, for " in str(spare.error)
    assert (summary.exit_code, spare.calls.requests, len(sandbox.calls)) == (4, 0, 9)
    assert (third.error, third.tally.new > 0) == (None, True)
    assert sandbox.violations == []


def test_symbols_of_the_settings_are_asked_for_though_the_venue_does_not_list_them(book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=7)
    book.add_connection("main", venue="binance", secrets="env:MAIN", base_url=sandbox.rest_url, share=1.0, symbols=["OLD/USD"])
    assert synced(book, sandbox).outcomes[0].error is None
    assert any("/api/v3/myTrades?symbol=OLDUSD&" in call.target for call in sandbox.calls)


def test_a_symbol_that_cannot_be_is_the_fault_of_its_connection_only(book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=7)
    book.add_connection("main", venue="binance", secrets="env:MAIN", base_url=sandbox.rest_url, share=1.0, symbols=["NOTHING"])
    summary = synced(book, sandbox)
    assert summary.exit_code == 2
    assert str(summary.outcomes[0].error) == (
        "connection main: 'NOTHING' is no symbol of binance\n  mend: in its `symbols`: write it as BASE/QUOTE, such as LTC/BTC"
    )


def test_fills_out_of_reach_are_found_and_no_figure_is_guessed(book: Book, serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(seed=6, faults="delisted")
    assert synced(book, sandbox).exit_code == 1
    breaks = [finding for finding in book.findings() if finding.code == "balance-differs"]
    assert {finding.subject for finding in breaks} == {"main LTC", "main USD"}


def test_a_ban_is_kept_by_the_run_that_follows_and_by_connect_check(
    book: Book, serve: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BAN_SECONDS", 400)
    sandbox = serve(seed=5, faults=FaultPlan(steps=[FaultStep(fault=Fault.BANNED, call=9)]))
    secrets = with_two_keys(book, sandbox)
    book.sync(["main"], since=SINCE, environment=secrets)
    assert len(sandbox.calls) == 9
    again = book.sync(["spare"], since=SINCE, environment=secrets)
    assert "spare was not synced: binance asked us to stay away, for " in str(again.outcomes[0].error)
    with pytest.raises(TransientError, match="binance asked us to stay away, for "):
        book.check_connection("spare", environment=secrets)
    assert len(sandbox.calls) == 9


def test_calls_that_are_too_many_again_and_again_stop_every_connection_of_the_venue(book: Book, serve: Callable[..., Sandbox]) -> None:
    steps = [FaultStep(fault=Fault.RATE_LIMITED, call=call) for call in range(3, 11)]  # as often as a call is tried
    sandbox = serve(seed=5, faults=FaultPlan(steps=steps))
    summary = book.sync(since=SINCE, budget_seconds=300, environment=with_two_keys(book, sandbox))
    main, spare = summary.outcomes
    assert isinstance(main.error, TransientError)
    assert main.error.retry_after_seconds == RetryTerms().rest_seconds
    assert spare.error is None
    assert sandbox.calls[10].received_at - sandbox.calls[9].received_at >= RetryTerms().rest_seconds
