"""Elections over what a broker holds, and how they are looked at beforehand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError

from .conftest import NOON, ONE, PICKED, STANDING, Counts, D, GainsOf, NewBook, at, cited


@pytest.fixture
def brokered(held: Book) -> Iterator[Callable[..., Book]]:
    """Return what gives the book a connection `main` with settings of its own."""
    opened: list[Book] = []

    def with_connection(*lines: str) -> Book:
        path = held.settings.folder / "lotwright.toml"
        with path.open("a", encoding="utf-8") as settings:
            settings.write("\n".join(["", "[connections.main]", 'venue = "coinbase-exchange"', *lines, ""]))
        opened.append(at(Book.open(held.settings.folder), NOON))
        return opened[0]

    yield with_connection
    for book in opened:
        book.close()


LAST_OF_RELIEF, FIRST_AFTER = "2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"


def test_from_2027_on_own_elections_over_what_a_broker_holds_are_a_finding(
    brokered: Callable[..., Book], sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = brokered()
    ident = book.elect(rule="hifo")
    picked = book.elect(order="o", lots={"middle": D("0.25")})
    sell(book, "s1", "0.1", time=LAST_OF_RELIEF)
    assert book.check() == ()
    sell(book, "s2", "0.1", time=FIRST_AFTER)
    sell(book, "s3", "0.1", time=FIRST_AFTER, order_id="o")
    sell(book, "s4", "0.1", time=FIRST_AFTER, account="vault")
    assert {row["event"]: (row["matched_by"], row["finding"]) for row in gains_of(book)} == {
        "s1": (f"order:{ident}", ""),
        "s2": (f"order:{ident}", "election-not-with-broker"),
        "s3": (f"selection:{picked}", "election-not-with-broker"),
        "s4": (f"order:{ident}", ""),
    }
    assert [(finding.code, finding.severity, finding.subject) for finding in book.check()] == [
        ("election-not-with-broker", "warning", "main/BTC")
    ]


def test_what_a_broker_confirmed_and_what_no_broker_holds_is_no_finding(
    brokered: Callable[..., Book], sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    book = brokered()
    book.import_files([write_elections(STANDING, PICKED | {"lot": "middle", "quantity": "0.1"})])
    sell(book, "s1", "0.1", time=FIRST_AFTER)
    sell(book, "s2", "0.1", time=FIRST_AFTER)
    assert {row["matched_by"] for row in gains_of(book)} == {"selection:my-pick", "order:my-order"}
    assert book.check() == ()


def test_an_unhosted_wallet_goes_by_our_own_books_for_ever(
    brokered: Callable[..., Book], sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = brokered('custody = "unhosted"')
    ident = book.elect(rule="hifo", effective_from=datetime(2027, 6, 1, tzinfo=UTC))
    assert book.election_caution(ident) == ""
    sell(book, "s1", "0.1", time="2027-06-02T00:00:00Z")
    assert cited(gains_of(book)) == [("s1", "high", "0.1", f"order:{ident}")]
    assert book.check() == ()


def test_the_only_order_of_a_broker_decides_from_2027_on_and_not_before(
    brokered: Callable[..., Book], sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = brokered('broker_method = "hifo"')
    ident = book.elect(rule="lofo")
    book.elect(order="o", lots={"middle": D("0.25")})
    sell(book, "s1", "0.1", time=LAST_OF_RELIEF)
    sell(book, "s2", "0.1", time=FIRST_AFTER)
    sell(book, "s3", "0.1", time=FIRST_AFTER, order_id="o")
    assert {row["event"]: (row["lot_event"], row["matched_by"], row["finding"]) for row in gains_of(book)} == {
        "s1": ("low", f"order:{ident}", ""),
        "s2": ("high", "broker:hifo", ""),
        "s3": ("high", "broker:hifo", "election-not-with-broker"),
    }


def test_an_order_over_what_a_broker_holds_is_recorded_with_a_caution_from_2027_on(brokered: Callable[..., Book]) -> None:
    book = brokered()
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"rule": "hifo"}, ""),
        ({"rule": "lifo", "effective_from": datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)}, ""),
        ({"rule": "hifo", "effective_from": datetime(2027, 1, 1, tzinfo=UTC)}, "a broker holds wallet main"),
        ({"rule": "lofo", "wallet": "main", "effective_from": datetime(2027, 1, 1, tzinfo=UTC)}, "a broker holds wallet main"),
        ({"rule": "lofo", "wallet": "vault", "effective_from": datetime(2027, 1, 1, tzinfo=UTC)}, ""),
    )
    for asked, expected in cases:
        caution = book.election_caution(book.elect(**asked))
        assert caution.startswith(expected) if expected else not caution


def test_a_preview_tells_lots_gain_and_term_by_each_rule_and_writes_nothing(held: Book, counts: Counts) -> None:
    ident = held.elect(rule="lifo", asset="BTC", bot="grid")
    before = counts(held)
    views = {view.rule: view for view in held.preview("BTC", D("1.5"), wallet="main", price=D(50000), bot="grid")}
    assert {name: (view.matched_by, view.cost_basis, view.gain) for name, view in views.items()} == {
        "fifo": ("fifo", D(50000), D(25000)),
        "lifo": ("lifo", D(70000), D(5000)),
        "hifo": ("hifo", D(80000), D(-5000)),
        "lofo": ("lofo", D(40000), D(35000)),
        "elected": (f"order:{ident}", D(70000), D(5000)),
    }
    first, second = views["fifo"].pieces
    assert [(one.piece.lot and one.piece.lot.source_id, one.piece.quantity, one.gain, one.term) for one in (first, second)] == [
        ("low", D(1), D(30000), "short"),
        ("high", D("0.5"), D(-5000), "short"),
    ]
    later = at(held, datetime(2027, 1, 2, tzinfo=UTC)).preview("BTC", D("1.5"), wallet="main")
    assert [(one.term, one.gain) for one in later[0].pieces] == [("long", None), ("short", None)]
    assert counts(held) == before


def test_units_that_no_lot_has_are_shown_in_a_preview(held: Book) -> None:
    view = held.preview("BTC", D(4), wallet="main", proceeds=D(400))[0]
    assert [(one.piece.lot is None, one.piece.quantity, one.gain) for one in view.pieces[3:]] == [(True, D(1), D(100))]


def test_a_preview_that_cannot_be_is_refused(held: Book, new_book: NewBook) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"asset": "BTC", "quantity": ONE}, "lies in several wallets: main, vault"),
        ({"asset": "DOGE", "quantity": ONE}, "no open lot of DOGE"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "nowhere"}, "wallet 'nowhere' has no open lot"),
        ({"asset": "BTC", "quantity": D(0), "wallet": "main"}, "more than zero units"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "main", "price": D(-1)}, "more than zero units"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "main", "price": ONE, "proceeds": ONE}, "both given"),
        ({"asset": "BTC", "quantity": D("Infinity"), "wallet": "main"}, "is not a finite number"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "main", "price": D("1E+30")}, "has more than 20 integer digits"),
    )
    for asked, said in cases:
        with pytest.raises(InputError, match=said) as refused:
            held.preview(**asked)
        assert refused.value.mend
    with pytest.raises(InputError, match="does not choose among lots"):
        new_book(regime="uk").preview("BTC", ONE)


def test_an_order_for_what_the_book_does_not_know_is_recorded_with_a_caution(brokered: Callable[..., Book]) -> None:
    book = brokered()
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"rule": "hifo", "wallet": "main", "asset": "BTC"}, ""),
        ({"rule": "hifo", "wallet": "mian"}, "the book has no wallet 'mian' so far"),
        ({"rule": "hifo", "asset": "XBT", "bot": "gird"}, "the book has no asset 'XBT' and no bot 'gird' so far"),
        ({"sale": "s9", "lots": {"low": D("0.1")}, "wallet": "main"}, ""),
    )
    for asked, expected in cases:
        caution = book.election_scope_caution(book.elect(**asked))
        assert caution.startswith(expected) if expected else not caution
