"""Replay: an unchanged program reads every payload as before; a changed one says what would change, then books it as revisions."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoints
from pathlib import Path

import pytest

from ledger import plugins
from ledger.book import Book, Changes
from ledger.connectors.coinbase_exchange import parse
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.errors import InputError
from ledger.domain.event import Fill
from ledger.domain.finding import Finding, Severity
from ledger.domain.payload import Payload
from ledger.ports import Interpretation

from .test_holes import MAIN, ConnectorClass, book, scene, venues  # noqa: F401  # a fixture is used by its name


@venues
@pytest.mark.parametrize(("seed", "faults"), [(5, "none"), (6, "all")])
def test_an_unchanged_program_reads_nothing_differently(book: Book, venue: ConnectorClass, seed: int, faults: str) -> None:  # noqa: F811
    with scene(book, venue, fills=60, faults=faults, seed=seed) as at:
        at.sync()
        at.sync()
    assert book.rebuild_diff() == Changes()
    before = _counts(book)
    assert book.rebuild() == Changes()
    assert {name: count for name, count in _counts(book).items() if name != "computation"} == {
        name: count for name, count in before.items() if name != "computation"
    }


Altered = Callable[[Payload], Interpretation]


@pytest.fixture
def without_fees(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what puts a parser in place that knows of no fees, and of no fill before the fifth."""
    whole: Altered = parse.interpret

    def read(payload: Payload) -> Interpretation:
        said = whole(payload)
        told = [(replace(one, fee=None) if isinstance(one, Fill) else one, place) for one, place in said.events]
        return replace(said, events=tuple(pair for pair in told if not pair[0].source_id.endswith("7")))

    return lambda: monkeypatch.setattr(parse, "interpret", read)


def test_what_a_better_parser_reads_is_told_before_it_is_booked(
    book: Book,  # noqa: F811
    without_fees: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scene(book, CoinbaseExchange, fills=60) as at, monkeypatch.context():
        without_fees()
        at.sync()
        monkeypatch.undo()
    before = _counts(book)
    changes = book.rebuild_diff()
    assert _counts(book) == before
    assert {change.kind for change in changes.events} == {"new", "changed"}
    changed = next(change for change in changes.events if change.kind == "changed")
    assert [(field.name, field.then) for field in changed.fields] == [("fee", "None")]
    assert book.rebuild() == changes
    assert book.rebuild_diff() == Changes()
    assert [one for one in book.reconcile().findings if one.code == "balance-differs"] == []
    assert [one.code for one in book.check() if one.code in {"chain-broken", "not-one-live-entry", "reversal-not-mirrored"}] == []


def test_what_is_no_longer_told_is_named_and_stays_booked(book: Book, without_fees: Callable[[], None]) -> None:  # noqa: F811
    with scene(book, CoinbaseExchange, fills=60) as at:
        at.sync()
    without_fees()
    gone = [change.event.event_id for change in book.rebuild_diff().events if change.kind == "gone"]
    assert gone
    book.rebuild()
    with book.store.read() as reader:
        assert set(reader.known(gone)) == set(gone)


@pytest.mark.parametrize(("seed", "faults"), [(5, "none"), (6, "all")])
def test_a_row_that_a_newer_parser_understands_is_no_finding_any_more(
    book: Book,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    faults: str,
) -> None:
    with scene(book, CoinbaseExchange, fills=60, faults=faults, seed=seed) as at, monkeypatch.context() as older:
        older.delitem(parse._PROOFS, "fee")
        at.sync()
        older.undo()
        at.sync()  # the pages with fees are not pulled again
    unknown = _findings(book)
    assert {code for _, code, _ in unknown} == {"unknown-row"}
    changes = book.rebuild_diff()
    assert _findings(book) == unknown
    assert [(change.kind, change.payload_id, change.finding.subject) for change in changes.findings] == sorted(
        ("gone", origin.removeprefix("payload:"), subject) for origin, _, subject in unknown
    )
    assert book.rebuild() == changes
    assert _findings(book) == set()
    assert book.rebuild_diff() == Changes()


def test_what_an_older_parser_passed_over_is_a_finding_after_a_replay_and_a_contradiction_stays_one(
    book: Book,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scene(book, CoinbaseExchange, fills=60) as at:
        at.sync()
    with book.store.write() as writer:
        page = next(one for _, one in writer.payloads(account=MAIN, stream="ledger") if one.symbol == "USD")
        doubt = Finding(code="contradiction", severity=Severity.ERROR, subject="main/1", message="told otherwise", mend="look at both")
        writer.replace_findings(f"payload:{page.payload_id}", [doubt], page.fetched_at)
    assert book.rebuild_diff() == Changes()
    monkeypatch.delitem(parse._PROOFS, "fee")
    changes = book.rebuild_diff()
    assert {(change.kind, change.finding.code) for change in changes.findings} == {("new", "unknown-row")}
    assert page.payload_id in {change.payload_id for change in changes.findings}
    book.rebuild()
    told = {(f"payload:{change.payload_id}", change.finding.code, change.finding.subject) for change in changes.findings}
    assert _findings(book) == {*told, (f"payload:{page.payload_id}", "contradiction", "main/1")}


@pytest.fixture
def uninstall(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what takes an entry point away, as its package does when it goes."""
    every = plugins._points

    def without(name: str) -> None:
        monkeypatch.setattr(plugins, "_points", lambda group: EntryPoints(one for one in every(group) if one.name != name))

    return without


def test_without_its_connector_nothing_of_a_book_is_read_again(book: Book, uninstall: Callable[[str], None]) -> None:  # noqa: F811
    with scene(book, CoinbaseExchange, fills=60) as at:
        at.sync()
    before = _counts(book)
    uninstall(CoinbaseExchange.venue)
    for again in (book.rebuild, book.rebuild_diff):
        with pytest.raises(InputError, match="told of events and cannot be read again: no connector named 'coinbase-exchange' is inst"):
            again()
    assert _counts(book) == before


def test_without_its_format_nothing_of_a_book_is_read_again(
    book: Book,  # noqa: F811
    uninstall: Callable[[str], None],
    tmp_path: Path,
) -> None:
    rows = tmp_path / "rows.csv"
    told = {"id": "b1", "time": "2025-01-02T12:00:00Z", "type": "buy", "account": MAIN, "asset": "BTC", "amount": "1"}
    paid = {"quote_asset": "USD", "quote_amount": "20000"}
    rows.write_text(f"{','.join([*told, *paid])}\n{','.join([*told.values(), *paid.values()])}\n", encoding="utf-8")
    book.import_files([rows])
    uninstall("lotwright-events")
    with pytest.raises(InputError, match=r"rows\.csv told of events and cannot be read again: no file format named 'lotwright-events'"):
        book.rebuild()


def test_every_connector_of_ours_reads_without_a_key() -> None:
    for connector in (CoinbaseExchange, Kraken):
        assert isinstance(vars(connector)["interpret"], staticmethod)


def _findings(book: Book) -> set[tuple[str, str, str]]:  # noqa: F811
    with book.store.read() as reader:
        return {(origin, one.code, one.subject) for origin, one in reader.findings() if origin.startswith("payload:")}


def _counts(book: Book) -> dict[str, int]:  # noqa: F811
    with book.store.read() as reader:
        return reader.counts()
