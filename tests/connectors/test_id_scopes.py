"""Within what a venue's ids are unique is declared once, used by all its readers, and never changed: else all would be booked anew."""

import ast
from collections.abc import Mapping
from pathlib import Path
from string import Formatter

import pytest

from ledger.connectors.binance import ids as binance
from ledger.connectors.ccxt import ids as ccxt
from ledger.connectors.coinbase_advanced import ids as coinbase_advanced
from ledger.connectors.coinbase_exchange import ids as coinbase_exchange
from ledger.connectors.kraken import ids as kraken
from ledger.domain.ids import AccountId, IdScope, VenueName

ROOT = Path(__file__).parents[2]
MAIN, SPARE, VENUE = AccountId("main"), AccountId("spare"), VenueName("venue")
TABLES: dict[str, Mapping[str, IdScope]] = {
    "binance": binance.ID_SCOPES,
    "ccxt": ccxt.ID_SCOPES,
    "coinbase-advanced": coinbase_advanced.ID_SCOPES,
    "coinbase-exchange": coinbase_exchange.ID_SCOPES,
    "kraken": kraken.ID_SCOPES,
}
CASES = [pytest.param(scope, id=f"{venue}-{record}") for venue, table in TABLES.items() for record, scope in table.items()]

# Books hold ids that were made of these: a scope that is written otherwise is another venue's, or a fault.
DECLARED = {
    "binance": {
        "trade": "fill {symbol}/{side}",
        "payment": "fill payment",
        "conversion": "fill convert",
        "dust": "fill dust",
        "deposit": "transfer deposit",
        "withdrawal": "transfer withdrawal",
        "fiat": "transfer fiat",
        "payment-money": "transfer payment",
        "move": "transfer move",
        "sub-move": "transfer sub-move/{direction}",
        "income": "income {stream}/{asset}",
        "balance": "balance ",
    },
    "ccxt": {"trade": "fill {market}/{side}", "transfer": "transfer {direction}", "balance": "balance "},
    "coinbase-advanced": {
        "fill": "fill {order}/{side}",
        "purchase": "fill ",
        "payment": "payment ",
        "conversion": "conversion ",
        "transfer": "transfer ",
        "income": "income ",
        "charge": "charge ",
        "balance": "balance ",
    },
    "coinbase-exchange": {"fill": "fill {product}/{side}", "transfer": "transfer ", "rebate": "income {asset}", "balance": "balance "},
    "kraken": {"exchange": "fill ", "transfer": "transfer ", "income": "income ", "charge": "charge ", "balance": "balance "},
}


def parts_of(scope: IdScope) -> dict[str, str]:
    return {name: f"a-{name}" for _, name, _, _ in Formatter().parse(scope.within) if name}


def test_scopes_are_those_that_books_were_made_with() -> None:
    told = {venue: {record: f"{scope.kind} {scope.within}" for record, scope in table.items()} for venue, table in TABLES.items()}
    assert told == DECLARED


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_two_records_of_a_venue_share_a_scope(table: Mapping[str, IdScope]) -> None:
    assert len({(scope.kind, scope.within) for scope in table.values()}) == len(table)


@pytest.mark.parametrize("scope", CASES)
def test_one_id_of_two_scopes_is_two_events_and_of_one_scope_one(scope: IdScope) -> None:
    parts = parts_of(scope)
    first = scope.id_of(venue=VENUE, account=MAIN, source_id="1", **parts)
    assert scope.id_of(venue=VENUE, account=MAIN, source_id="1", **parts) == first
    others = [scope.id_of(venue=VENUE, account=MAIN, source_id="1", **(parts | {name: "another"})) for name in parts]
    others += [scope.id_of(venue=VENUE, account=account, source_id=one, **parts) for account, one in ((MAIN, "2"), (SPARE, "1"))]
    assert len({first, *others}) == 1 + len(others)


@pytest.mark.parametrize("venue", TABLES)
def test_no_reader_of_a_venue_makes_ids_past_its_table(venue: str) -> None:
    makers = {"event_id", "coinbase_fill_id", "hash_of"}
    for path in (ROOT / "ledger/connectors" / venue.replace("-", "_")).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in makers, f"{path.name}:{node.lineno}"
