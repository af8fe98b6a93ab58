"""What a key may do changes between two nights: noticed at every venue that tells, kept in the book, refused where it can withdraw."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from ledger.book import Book
from ledger.domain.finding import Severity
from ledger.domain.time.instant import instant_text
from ledger.storage.store import KeyCheck

from .test_holes import MAIN, book  # noqa: F401  # a fixture is used by its name
from .test_holes_at_the_edge import START, Edge, Row, Scene, commanded, scene

READING = ["query-closed-trades", "query-funds", "query-ledger", "query-open-trades"]
ASKED = {"binance": "enableReading", "coinbase-advanced": "can_view", "kraken": "permissions"}  # a cell of the answer that tells rights
TRADING = {
    "binance": {"enableSpotAndMarginTrading": True},
    "coinbase-advanced": {"can_trade": True},
    "kraken": {"permissions": [*READING, "modify-trades"]},
}
LEAVING = {
    "binance": {"enableWithdrawals": True},
    "coinbase-advanced": {"can_transfer": True},
    "kraken": {"permissions": [*READING, "withdraw-funds"]},
}
telling = pytest.mark.parametrize("venue", ASKED)


def give(at: Scene, rights: Mapping[str, object] | None) -> None:
    """Let the venue tell other rights from now on; None: nothing at all."""
    cell = ASKED[at.sandbox.venue]

    def altered(_path: str, row: Row) -> Row:
        if cell not in row or "symbol" in row:
            return row
        return {} if rights is None else row | rights

    at.edge.alters = altered


def kept(book: Book) -> list[KeyCheck]:  # noqa: F811
    with book.store.read() as reader:
        return reader.key_checks(MAIN)


def told(book: Book) -> dict[str, str]:  # noqa: F811
    return {one.code: one.message for one in book.findings() if one.subject == MAIN and one.code.startswith("key-")}


@telling
def test_a_key_that_comes_to_withdraw_is_refused_that_night_and_nothing_is_pulled(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        assert at.sync().exit_code == 0
        assert [one.may_withdraw for one in kept(book)] == [False]
        give(at, LEAVING[venue])
        night = at.sync()
        assert night.exit_code == 3
        assert "the key of main can withdraw; nothing was pulled with it" in str(night.outcomes[0].error)
        assert "lotwright connect check main --allow-withdraw" in str(night.outcomes[0].error)
        assert night.outcomes[0].windows == 0
        assert [one.may_withdraw for one in kept(book)] == [False, True]
        assert "withdraw was no, is yes" in told(book)["key-changed"]
        code, said = commanded(book, "check")
        assert (code, "warning: key-can-withdraw: the key of main can withdraw" in said) == (0, True)
        give(at, {})
        assert at.sync().exit_code == 0
        assert told(book) == {}
    assert [one.may_withdraw for one in kept(book)] == [False, True, False]


@telling
def test_a_key_that_comes_to_trade_is_a_warning_that_stays_until_its_owner_has_looked(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        at.sync()
        give(at, TRADING[venue])
        for _ in range(2):
            assert at.sync().exit_code == 0
            assert set(told(book)) == {"key-can-trade", "key-changed"}
            assert "trade was no, is yes" in told(book)["key-changed"]
    assert [one.may_trade for one in kept(book)] == [False, True]  # a night that brings nothing new adds no row
    assert {one.severity for one in book.findings() if one.subject == MAIN} == {Severity.WARNING}


def test_the_end_of_a_key_and_its_addresses_are_watched(book: Book) -> None:  # noqa: F811
    with scene(book, "kraken", Edge()) as at:
        give(at, {"ip_allowlist": ["192.0.2.1"]})
        at.sync()
        assert told(book) == {}
        give(at, {"ip_allowlist": ["192.0.2.7"], "valid_until": "1790000000"})
        at.sync()
        changed = told(book)["key-changed"]
        give(at, {"ip_allowlist": []})
        at.sync()
    assert "addresses was 1 (" in changed
    assert "192.0.2" not in changed
    assert "the key expires at was not told, is 2026-09-21T" in changed
    assert "addresses was 1 (" in told(book)["key-changed"]
    assert "is any" in told(book)["key-changed"]


@pytest.mark.parametrize(("days", "found"), [(14, {"key-ends-soon"}), (15, set())])
def test_a_key_that_ends_soon_is_told_each_night_until_another_is_there(book: Book, days: int, found: set[str]) -> None:  # noqa: F811
    with scene(book, "kraken", Edge()) as at:
        ends_at = START + timedelta(days=days)
        give(at, {"valid_until": str(int(ends_at.timestamp()))})
        for _ in range(2):
            assert at.sync().exit_code == 0
            assert set(told(book)) == found
        assert [f"the key of main ends at {instant_text(ends_at)}; nothing can be pulled with it then"] * len(found) == [
            *told(book).values()
        ]
        give(at, {})
        at.sync()
    assert set(told(book)) == {"key-changed"}


def test_a_venue_that_does_not_tell_leaves_unknown(book: Book) -> None:  # noqa: F811
    with scene(book, "coinbase-exchange", Edge()) as at:
        assert at.sync().exit_code == 0
    assert [(one.may_read, one.may_trade, one.may_withdraw) for one in kept(book)] == [(True, None, None)]
    assert told(book) == {}


@telling
def test_an_answer_about_rights_that_nobody_can_read_stops_no_night(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        give(at, None)
        night = at.sync()
        assert (night.exit_code, night.outcomes[0].error, night.outcomes[0].tally.doubtful) == (0, None, 0)
        assert night.outcomes[0].tally.new > 0
        assert (kept(book), set(told(book))) == ([], {"key-unknown"})
        give(at, LEAVING[venue])
        assert at.sync().exit_code == 3
        give(at, None)  # what was told last counts on
        assert at.sync().exit_code == 3
    assert set(told(book)) == {"key-unknown", "key-can-withdraw"}
