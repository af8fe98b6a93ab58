"""Balances that a venue tells in part, or not at all: what it told on another night proves nothing of this one."""

from decimal import Decimal

import pytest

from ledger.book import Book

from .test_holes import book  # noqa: F401  # a fixture is used by its name
from .test_holes_at_the_edge import Edge, Row, commanded, scene

BALANCES = {  # by venue: the path, a cell of each row that tells its asset, dollars and coins as the venue spells them
    "binance": ("/account", "asset", ("USD", "BTC")),
    "coinbase-advanced": ("/accounts", "currency", ("USD", "BTC")),
    "coinbase-exchange": ("/accounts", "currency", ("USD", "BTC")),
}
rows_apart = pytest.mark.parametrize("venue", BALANCES)


def told(book: Book) -> dict[str, str]:  # noqa: F811
    return {one.code: one.subject for one in book.reconcile().findings}


def venue_balances(book: Book) -> dict[str, Decimal | None]:  # noqa: F811
    return {row.asset: row.balance_venue for row in book.reconcile().rows}


def _balance_row(path: str, row: Row, venue: str) -> object:
    wanted, cell, _ = BALANCES[venue]
    is_balance = row.keys() & {"free", "available_balance", "available"}
    return row.get(cell) if wanted in path and is_balance and cell in row else None


@rows_apart
def test_an_asset_that_is_named_no_more_is_not_proven_by_an_older_night(book: Book, venue: str) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, venue, edge) as at:
        at.sync()
        assert (told(book), venue_balances(book)["BTC"] is None) == ({}, False)
        at.clock.seconds += 86_400
        edge.alters = lambda path, row: _named_otherwise(path, row, venue)
        at.sync()
        assert told(book)["balance-not-told"] == "main BTC"
        assert venue_balances(book)["BTC"] is None
        assert "the venue's balances do not name the asset" in commanded(book, "reconcile")[1]
        edge.is_open = True
        at.clock.seconds += 86_400
        assert at.sync().exit_code == 0
        assert told(book) == {}


def _named_otherwise(path: str, row: Row, venue: str) -> Row:
    """Call coins by a name that the book does not know, with none of them: the row is there, its asset is not."""
    if _balance_row(path, row, venue) != "BTC":
        return row
    nothing = {name: "0" for name in ("free", "locked", "balance", "available", "hold") if isinstance(row.get(name), str)}
    parts = {name: {"value": "0", "currency": "XYZ"} for name in ("available_balance", "hold") if isinstance(row.get(name), dict)}
    return row | nothing | parts | {BALANCES[venue][1]: "XYZ"}


def test_kraken_that_names_less_or_nothing_says_that_the_rest_is_gone_and_what_it_named_once_does_not_stay(book: Book) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, "kraken", edge) as at:
        edge.alters = lambda path, row: row | {"DAO": "5.0"} if path.endswith("/Balance") and "ZUSD" in row else row
        assert at.sync().exit_code == 1
        assert told(book) == {"balance-differs": "main DAO", "ledger-begins-late": "main/DAO"}
        at.clock.seconds += 86_400
        edge.alters = lambda path, row: _without(row, "XXBT") if path.endswith("/Balance") else row
        assert at.sync().exit_code == 1
        assert told(book) == {"balance-differs": "main BTC", "ledger-ends-early": "main/BTC"}
        at.clock.seconds += 86_400
        edge.alters = lambda path, row: {} if path.endswith("/Balance") and "ZUSD" in row else row
        assert at.sync().exit_code == 1
        assert told(book).keys() == {"balance-differs", "ledger-ends-early"}
        assert set(venue_balances(book).values()) == {Decimal(0)}
        edge.is_open = True
        at.clock.seconds += 86_400
        assert at.sync().exit_code == 0
        assert told(book) == {}


def _without(row: Row, name: str) -> Row:
    return {key: told for key, told in row.items() if key != name}
