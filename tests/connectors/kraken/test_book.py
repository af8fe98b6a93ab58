"""A whole sync of the sandbox's Kraken into a book: journal, gains and balances are the exchange's own, whatever went wrong."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from ledger.book import Book, exporter
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.amount import AssetCode
from ledger.domain.event import Side
from ledger.pipeline.nightly import Night, NightSummary
from ledger.pipeline.progress import Silent
from ledger.ports import ConnectionTerms, PullWindow
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.history.rows import LedgerKind, LedgerRow, microseconds_of
from ledger.sandbox.kraken.names import Identities
from ledger.sandbox.kraken.pages import KEY_WINDOW_FROM
from ledger.sandbox.truth import gains
from ledger.transport.reader import Timeouts

from .conftest import START, Bench, bench

SYNCS_MAX = 4
Piece = tuple[str, ...]


class Factory:
    """Makes connectors on the bench's clock."""

    venue = Kraken.venue

    def __init__(self, at: Bench) -> None:
        self._at = at

    def __call__(self, terms: ConnectionTerms) -> Kraken:
        told = replace(terms, base_url=self._at.sandbox.rest_url, share=1.0, tier="pro")
        return Kraken(told, clock=self._at.clock, rng=Random(2), timeouts=Timeouts(connect=5, read=5))  # noqa: S311 - the same pauses


def synced(book: Book, at: Bench) -> NightSummary:
    night = Night(
        store=book.store,
        settings=book.settings,
        regime=book.regime,
        factory_of=lambda _: Factory(at),
        environment={"MAIN_KEY": at.sandbox.key, "MAIN_SECRET": at.sandbox.secret},
        window=PullWindow(),
        budget_seconds=None,
        now=lambda: START + timedelta(seconds=at.clock.seconds),
        progress=Silent(),
    )
    with book.store.hold():
        return night.run(book.settings.connections)


def report(book: Book, name: str) -> str:
    target = io.BytesIO()
    with book.report(name) as document:
        exporter("csv").write(document, target)
    return target.getvalue().decode()


def pieces(book: Book) -> list[Piece]:
    lines = report(book, "gains").splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
    return sorted(tuple(row[name] for name in ("event", "asset", "quantity", "proceeds", "cost_basis", "gain")) for row in rows)


def true_pieces(account: SandboxAccount) -> list[Piece]:
    """Return the exchange's own pieces, named by the venue's ids; of a self-trade only the sale disposes of anything."""
    ids = Identities(account.seed)
    names = {one.transfer_id: ids.transfer(one.transfer_id) for one in account.transfers}
    for fill in sorted(account.fills, key=lambda fill: fill.side is Side.SELL):
        names[str(fill.trade_id)] = ids.trade(fill)
    columns = ("asset", "quantity", "proceeds", "cost", "gain")
    return sorted((names[row["event"]], *(row[name] for name in columns)) for row in gains(account))


@pytest.mark.parametrize(("seed", "faults"), [(5, "none"), (6, "all"), (7, "all")])
def test_the_book_equals_the_exchange_to_the_last_digit(seed: int, faults: str, book: Book) -> None:
    with bench(seed=seed, faults=faults) as at:
        for _ in range(SYNCS_MAX):
            (*outcomes,) = synced(book, at).outcomes
            assert [outcome.error for outcome in outcomes if outcome.error] == []
            assert all(outcome.tally.doubtful == 0 for outcome in outcomes)
            if not any(outcome.tally.new or outcome.tally.revised for outcome in outcomes):
                break
        else:
            raise AssertionError(outcomes)
        assert pieces(book) == true_pieces(at.sandbox.account)
        assert at.sandbox.violations == []
        assert book.reconcile().findings == ()
        assert [finding for finding in book.check() if finding.severity == "error"] == []


def test_whatever_goes_wrong_the_books_are_equal(tmp_path_factory: pytest.TempPathFactory) -> None:
    told = []
    for number, faults in enumerate(("none", "all", "1,2,5,6")):
        book = Book.create(tmp_path_factory.mktemp(f"book-{number}") / "book")
        book.add_connection("main", venue="kraken", secrets="env:MAIN")
        with bench(seed=9, faults=faults) as at:
            for _ in range(SYNCS_MAX):
                synced(book, at)
        told.append((report(book, "gains"), report(book, "balances"), report(book, "bots")))
        book.close()
    assert told[0] == told[1] == told[2]


def test_a_key_that_shows_no_row_before_a_day_is_found_by_the_balances_and_by_the_ledger(book: Book) -> None:
    with bench(seed=5, faults="key-window") as at:
        synced(book, at)
        account = at.sandbox.account
        found = {
            (finding.code, finding.subject.removeprefix("main/").removeprefix("main ").split("/")[0])
            for finding in book.reconcile().findings
        }
    # Deposits and withdrawals have a list of their own, which the key shows in full: only fills are lacking.
    unpulled = {asset for asset in account.assets if _traded_before_window(account, asset)}
    unseen = {asset for asset in account.assets if account.balance(asset) and not any(_is_shown(row) for row in account.ledger[asset])}
    assert unseen - unpulled
    assert found == {("balance-differs", asset) for asset in unpulled} | {("ledger-begins-late", asset) for asset in unpulled | unseen}


@pytest.mark.parametrize("lacks_all", [False, True])
def test_a_venue_that_names_no_balance_of_what_the_book_holds_is_a_break(book: Book, *, lacks_all: bool) -> None:
    def edge(path: str, body: bytes) -> bytes:
        if not path.endswith("/Balance"):
            return body
        held = {name: told for name, told in json.loads(body)["result"].items() if name != "ZUSD"}
        return json.dumps({"error": []} if lacks_all else {"error": [], "result": held}).encode()

    with bench(seed=5, edge=edge) as at:
        assert synced(book, at).exit_code == 1
        assets = {asset for asset in at.sandbox.account.assets if at.sandbox.account.balance(asset)}
    found = [finding for finding in book.reconcile().findings if finding.code == "balance-differs"]
    assert {finding.subject for finding in found} == {f"main {asset}" for asset in (assets if lacks_all else {"USD"})}


def _is_shown(row: LedgerRow) -> bool:
    return microseconds_of(row.occurred_at) >= KEY_WINDOW_FROM


def _traded_before_window(account: SandboxAccount, asset: AssetCode) -> Decimal:
    hidden = [row.amount for row in account.ledger[asset] if row.kind is not LedgerKind.TRANSFER and not _is_shown(row)]
    return sum(hidden, start=Decimal(0))
