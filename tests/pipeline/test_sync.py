"""A sync as a whole, against the sandbox: what is asked for, what is refused, and what is proven afterwards."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.domain.errors import InputError
from ledger.pipeline.proof.coverage import coverage_line
from ledger.sandbox.server import Sandbox

Row = dict[str, str]
UNTIL = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A small account behind the real dialect, without faults."""
    with Sandbox(fills=60) as sandbox:
        yield sandbox


@pytest.fixture
def connected(book: Book, exchange: Sandbox) -> Book:
    """A book with one connection, `main`, to the sandbox."""
    book.add_connection("main", venue="coinbase-exchange", secrets="env:MAIN", base_url=exchange.rest_url, share=1.0)
    return book


def keys_of(exchange: Sandbox, *names: str) -> dict[str, str]:
    parts = {"KEY": exchange.key, "SECRET": exchange.secret, "PASSPHRASE": exchange.passphrase}
    return {f"{name}_{part}": text for name in names for part, text in parts.items()}


def events_of(book: Book) -> int:
    with book.store.read() as reader:
        return sum(1 for stored in reader.events(kinds=("fill", "transfer")) if stored.event)


def test_one_key_in_two_connections_is_refused_before_anything_is_pulled(connected: Book, exchange: Sandbox) -> None:
    connected.add_connection("second", venue="coinbase-exchange", secrets="env:SECOND", base_url=exchange.rest_url)
    with pytest.raises(InputError, match="connections main and second have the same key"):
        connected.sync(environment=keys_of(exchange, "MAIN", "SECOND"))
    assert (exchange.calls, events_of(connected)) == ([], 0)


def test_a_connection_without_secrets_names_a_wallet_and_is_passed_over(connected: Book, exchange: Sandbox) -> None:
    connected.add_connection("cold", venue="coinbase-exchange", wallet="vault")
    assert [one.name for one in connected.sync(environment=keys_of(exchange, "MAIN")).outcomes] == ["main"]
    with pytest.raises(InputError, match="connection cold has no secrets"):
        connected.sync(["cold"], environment={})


def test_until_leaves_out_what_came_later_and_a_run_without_it_goes_on(connected: Book, exchange: Sandbox) -> None:
    environment = keys_of(exchange, "MAIN")
    moved = [transfer.moved_at for transfer in exchange.account.transfers if transfer.moved_at is not None]
    instants = [*(fill.occurred_at for fill in exchange.account.fills), *moved]
    assert connected.sync(until=UNTIL, environment=environment).exit_code == 0
    assert events_of(connected) == sum(instant < UNTIL for instant in instants) < len(instants)
    assert connected.sync(environment=environment).exit_code == 0
    assert events_of(connected) == len(instants)
    assert connected.reconcile().findings == ()


def test_a_history_whose_walk_did_not_end_is_no_complete_one_on_a_cover(connected: Book, exchange: Sandbox) -> None:
    environment = keys_of(exchange, "MAIN")
    connected.sync(until=UNTIL, environment=environment)  # keeps no cursor, as a run that was cut short has none of its end
    with connected.store.read() as reader:
        assert re.fullmatch("holes: [1-9][0-9]*, see lotwright coverage", coverage_line(reader, ["main"]))
    connected.sync(environment=environment)
    with connected.store.read() as reader:
        assert coverage_line(reader, ["main"]).startswith("complete to ")


def test_what_happens_after_a_snapshot_does_not_break_the_balance(
    connected: Book, exchange: Sandbox, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    connected.sync(environment=keys_of(exchange, "MAIN"))
    connected.import_files([write(row("later", time="2050-01-01T00:00:00Z"))])
    assert connected.reconcile().findings == ()
    connected.import_files([write(row("earlier", time="2025-01-01T00:00:00Z"))])
    assert [finding.code for finding in connected.reconcile().findings] == ["balance-differs", "balance-differs"]


def test_a_fault_of_ours_at_one_connection_keeps_no_other_back(connected: Book, exchange: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CoinbaseExchange, "interpret", staticmethod(lambda _: 1 / 0))
    with Sandbox(venue="coinbase-advanced", fills=40, seed=2) as other:
        connected.add_connection("other", venue="coinbase-advanced", secrets="env:OTHER", base_url=other.rest_url, share=1.0)
        with pytest.raises(ZeroDivisionError):
            connected.sync(environment=keys_of(exchange, "MAIN") | keys_of(other, "OTHER"))
    with connected.store.read() as reader:
        assert {stored.event.account for stored in reader.events()} == {"other"}
    assert [one.subject for one in connected.findings() if one.code == "sync-unfinished"] == ["main"]
