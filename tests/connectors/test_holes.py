"""Holes made on purpose, in whatever the venue is asked: found, located to the interval between two rows, and exit 1."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.book import Book, MonthCover
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.secrets import Secrets
from ledger.domain.time.instant import instant_text
from ledger.pipeline.nightly import Night, NightSummary
from ledger.pipeline.progress import Silent
from ledger.ports import ConnectionTerms, Connector, CursorState, Page, PullWindow, StreamKey
from ledger.transport.reader import Timeouts

from .kraken.conftest import START, Bench, bench

MAIN = "main"
ConnectorClass = type[CoinbaseExchange] | type[Kraken]
Row = tuple[str, dict[str, Any]]  # id and fields


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """An empty book on each database."""
    url = request.getfixturevalue("postgres_server").new() if request.param == "postgresql" else ""
    made = Book.create(tmp_path / "book", **({"database": url.replace(":@", "@")} if url else {}))
    yield made
    made.close()
    if url:
        request.getfixturevalue("postgres_server").drop(url)


@dataclass(kw_only=True)
class Hole:
    """What is taken out of what the venue says: all rows of pages by their numbers in a sync, whole streams, rows."""

    stream: str
    symbol: str = ""
    pages: frozenset[int] = frozenset()
    is_dropped: bool = False
    rows: Callable[[Row], bool] = field(default=lambda _: False)

    def fits(self, key: StreamKey) -> bool:
        return key.stream == self.stream and self.symbol in {"", key.symbol}


class Lossy:
    """A connector whose answers have holes; whatever venue it is of."""

    def __init__(self, inner: Connector, hole: Hole) -> None:
        self._inner, self._hole = inner, hole
        self._pages = 0
        self.venue = inner.venue

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        pages = self._inner.pull(stream, cursor=cursor, window=window)
        if not self._hole.fits(stream):
            yield from pages
            return
        if self._hole.is_dropped:
            return
        for page in pages:
            self._pages += 1
            yield self._without_rows(page, everything=self._pages in self._hole.pages)

    def _without_rows(self, page: Page, *, everything: bool) -> Page:
        said = json.loads(page.payload.content, parse_float=Decimal)
        if isinstance(said, list):
            said = [row for row in said if not everything and not self._hole.rows((str(row.get("id") or row.get("trade_id")), row))]
        else:
            result = said["result"]
            for name, rows in result.items():
                if isinstance(rows, dict):
                    result[name] = {ident: row for ident, row in rows.items() if not everything and not self._hole.rows((ident, row))}
        content = json.dumps(said, default=str).encode()
        digest = content_hash(content)
        ident = payload_id(account=page.payload.account, request=page.payload.request, content=digest)
        return replace(page, payload=replace(page.payload, payload_id=ident, content=content, content_hash=digest))


@dataclass
class Scene:
    """A book and an exchange, and the syncs between them."""

    book: Book
    at: Bench
    make: Callable[[ConnectionTerms], Connector]

    def sync(self, hole: Hole | None = None, *, again: bool = False) -> NightSummary:
        def factory(terms: ConnectionTerms) -> Connector:
            inner = self.make(replace(terms, base_url=self.at.sandbox.rest_url, share=1.0))
            return inner if hole is None else Lossy(inner, hole)  # type: ignore[return-value]  # what it lacks it hands on

        sandbox = self.at.sandbox
        night = Night(
            store=self.book.store,
            settings=self.book.settings,
            regime=self.book.regime,
            factory_of=lambda _: factory,  # type: ignore[arg-type, return-value]  # a factory in all but its name
            environment={"MAIN_KEY": sandbox.key, "MAIN_SECRET": sandbox.secret, "MAIN_PASSPHRASE": sandbox.passphrase or ""},
            window=PullWindow(),
            budget_seconds=None,
            now=lambda: START + timedelta(seconds=self.at.clock.seconds),
            progress=Silent(),
            again=again,
        )
        with self.book.store.hold():
            return night.run(self.book.settings.connections)

    def found(self) -> dict[str, list[Finding]]:
        findings: dict[str, list[Finding]] = {}
        for finding in self.book.reconcile().findings:
            findings.setdefault(finding.code, []).append(finding)
        return findings


@contextmanager
def scene(book: Book, venue: ConnectorClass, *, fills: int = 300, faults: str = "none", seed: int = 4) -> Iterator[Scene]:
    book.add_connection(MAIN, venue=venue.venue, secrets="env:MAIN", **({"tier": "pro"} if venue is Kraken else {}))
    with bench(seed=seed, fills=fills, faults=faults, venue=venue.venue) as at:

        def made(terms: ConnectionTerms) -> Connector:
            return venue(terms, clock=at.clock, rng=Random(2), timeouts=Timeouts(connect=5, read=5))  # noqa: S311 - the same pauses

        yield Scene(book, at, made)


VENUES = {"coinbase-exchange": CoinbaseExchange, "kraken": Kraken}
venues = pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())


@venues
def test_a_whole_history_leaves_no_break(book: Book, venue: ConnectorClass) -> None:
    with scene(book, venue) as at:
        assert at.sync().exit_code == 0
        assert at.found() == {}


def _symbol(venue: ConnectorClass) -> tuple[str, int]:
    """Return what the ledger of dollars is asked for by, and for how many fills it has three pages."""
    return ("USD", 1_800) if venue is CoinbaseExchange else ("", 150)


@venues
def test_a_skipped_page_of_the_ledger_is_located_between_two_rows(book: Book, venue: ConnectorClass) -> None:
    symbol, fills = _symbol(venue)
    with scene(book, venue, fills=fills) as at:
        assert at.sync(Hole(stream="ledger", symbol=symbol, pages=frozenset({2}))).exit_code == 1
        found = at.found()
        gaps = [one for one in found["ledger-gap"] if one.subject.startswith("main/USD/")]
        assert len(gaps) == 1
        assert "are missing after" in gaps[0].message
        assert "and before" in gaps[0].message
        assert "likely cause: missing trade" in gaps[0].message
        (hole,) = [one for one in book.coverage_map().holes if one.symbol == "USD"]
        assert hole.from_at is not None
        assert hole.to_at is not None
        assert instant_text(hole.from_at) in gaps[0].message
        assert instant_text(hole.to_at) in gaps[0].message
        months = {cover for one in book.coverage_map().streams if one.symbol in {"", "USD"} for _, cover in one.months}
        assert MonthCover.HOLE in months
        assert at.sync(again=True).exit_code == 0
        assert (at.found(), book.coverage_map().holes) == ({}, ())


@venues
def test_the_newest_page_that_is_skipped_is_missed_before_the_balance(book: Book, venue: ConnectorClass) -> None:
    symbol, fills = _symbol(venue)
    with scene(book, venue, fills=fills) as at:
        assert at.sync(Hole(stream="ledger", symbol=symbol, pages=frozenset({1}))).exit_code == 1
        found = at.found()
        # The next round asks with a row of overlap where the venue has such cursors: then the hole has two sides.
        missed = [*found.get("ledger-gap", ()), *found.get("ledger-ends-early", ())]
        assert any(one.subject.startswith("main/USD") for one in missed)


def test_a_dropped_symbol_is_found_line_by_line(book: Book) -> None:
    with scene(book, CoinbaseExchange) as at:
        products = {fill.product for fill in at.at.sandbox.account.fills}
        dropped = min(products)
        assert at.sync(Hole(stream="fills", symbol=dropped, is_dropped=True)).exit_code == 1
        told = at.found()["unexplained-ledger-line"]
        assert {f"no fills {dropped} of the book" in one.message for one in told} == {True}
        assert at.sync().exit_code == 0
        assert at.found() == {}


def test_trades_that_were_never_pulled_are_no_hole_where_the_ledger_books_them(book: Book) -> None:
    with scene(book, Kraken) as at:
        assert at.sync(Hole(stream="trades", is_dropped=True)).exit_code == 0


def test_a_lost_fee_row_is_named_with_its_fill(book: Book) -> None:
    with scene(book, CoinbaseExchange) as at:
        rows = at.at.sandbox.account.ledger["USD"]
        lost = [row for row in rows if row.kind == "fee"][5]
        assert at.sync(Hole(stream="ledger", symbol="USD", rows=lambda row: row[0] == str(lost.row_id))).exit_code == 1
        (gap,) = at.found()["ledger-gap"]
        assert "likely cause: missing fee: the rows of fill" in gap.message
        assert f"{lost.amount:f}".rstrip("0") in gap.message


def test_a_lost_leg_of_a_trade_is_located(book: Book) -> None:
    with scene(book, Kraken) as at:
        whole: list[str] = []

        def is_lost(row: Row) -> bool:
            if row[1]["asset"] == "ZUSD" and row[1]["type"] == "trade":
                whole.append(row[0])
            return bool(whole) and row[0] == whole[0]

        assert at.sync(Hole(stream="ledger", rows=is_lost)).exit_code == 1
        assert at.found()


@venues
def test_an_expired_window_is_a_ledger_that_begins_late(book: Book, venue: ConnectorClass) -> None:
    symbol, fills = _symbol(venue)
    with scene(book, venue, fills=fills) as at:
        last = _pages_of_ledger(at, venue)
        assert at.sync(Hole(stream="ledger", symbol=symbol, pages=frozenset({last}))).exit_code == 1
        assert any("what came earlier was not pulled" in one.message for one in at.found()["ledger-begins-late"])


def _pages_of_ledger(at: Scene, venue: ConnectorClass) -> int:
    """Count the pages of the ledger that hold more than a row of overlap: the last of them is the oldest."""
    connector = at.make(_terms(at))
    try:
        pages = connector.pull(StreamKey(stream="ledger", symbol=_symbol(venue)[0]), cursor=None, window=PullWindow())
        return sum(page.rows > 1 for page in pages)
    finally:
        connector.close()


def _terms(at: Scene) -> ConnectionTerms:
    sandbox = at.at.sandbox
    secrets = Secrets(key=sandbox.key, secret=sandbox.secret, passphrase=sandbox.passphrase)
    return ConnectionTerms(account=AccountId(MAIN), secrets=secrets, base_url=sandbox.rest_url, share=1.0, tier="pro")


@venues
def test_every_comparison_is_a_row_of_the_book_and_narrows_the_next_break(book: Book, venue: ConnectorClass) -> None:
    with scene(book, venue, fills=60) as at:
        at.sync()
        with book.store.read() as reader:
            first = list(reader.assertions())
        assert {(one.account, one.difference) for one in first} == {(MAIN, Decimal(0))}
        assert {one.asset for one in first} >= {"USD", "BTC"}
        with book.store.read() as reader:
            assert reader.agreed_at(first[0].account, first[0].asset) == first[0].observed_at
