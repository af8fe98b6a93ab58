"""Which symbols are probed: every one that could have been traded, once, and again only when the books do not agree."""

import pytest

from ledger.connectors.binance.markets import Markets
from ledger.connectors.binance.parse import Symbol
from ledger.domain.errors import InputError

LISTED = tuple(
    Symbol(name=f"{base}{quote}", base=base, quote=quote)
    for base, quote in (("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC"), ("DOGE", "USDT"), ("XRP", "ETH"), ("BTC", "EUR"))
)


def markets(*touched: str, wanted: tuple[str, ...] = ()) -> Markets:
    made = Markets(venue="binance", wanted=wanted)
    made.open(LISTED)
    made.touch(touched)
    return made


def searched(found: Markets, cursor: dict[str, str | int | None], *, traded: tuple[str, ...] = (), stop: int = 99) -> list[str]:
    """Search, with trades in the symbols named; the cursor becomes what would be stored."""
    probed = []
    for number, (symbol, state) in enumerate(found.search(cursor), start=1):
        probed.append(symbol.name)
        if symbol.name in traded:
            found.has_traded(symbol)
        cursor.clear()
        cursor.update(state())
        if number == stop:
            break
    return probed


def test_every_symbol_with_a_touched_asset_on_one_side_is_probed_once() -> None:
    cursor: dict[str, str | int | None] = {}
    assert searched(markets("USDT"), cursor) == ["BTCUSDT", "DOGEUSDT", "ETHUSDT"]
    assert searched(markets("USDT"), cursor) == []


def test_what_a_probe_finds_widens_the_search() -> None:
    found, cursor = markets("USDT"), {}
    probed = searched(found, cursor, traded=("ETHUSDT", "XRPETH"))
    assert {"XRPETH", "ETHBTC"} <= set(probed)
    assert found.names() == ("ETHUSDT", "XRPETH")
    assert cursor["traded"] == "ETH/USDT XRP/ETH"


def test_symbols_that_are_no_longer_listed_are_probed_under_the_names_that_they_may_have_had() -> None:
    assert {"LTCUSDT", "LTCBTC"} <= set(searched(markets("LTC", "USDT", "BTC"), {}))
    assert "LTCBUSD" in searched(markets("LTC", "BUSD"), {})


def test_a_traded_symbol_is_known_in_the_next_run_though_nothing_of_it_is_held() -> None:
    cursor: dict[str, str | int | None] = {}
    searched(markets("USDT"), cursor, traded=("DOGEUSDT",))
    later = markets("USDT")
    searched(later, cursor)
    assert "DOGEUSDT" in later.names()
    assert later.symbol("DOGEUSDT") == LISTED[3]


def test_a_search_that_was_broken_off_goes_on_after_its_last_symbol() -> None:
    cursor: dict[str, str | int | None] = {}
    first = searched(markets("USDT"), cursor, stop=2)
    assert first + searched(markets("USDT"), cursor) == ["BTCUSDT", "DOGEUSDT", "ETHUSDT"]


def test_a_second_search_of_one_run_begins_from_nothing() -> None:
    found, cursor = markets("USDT"), {}
    assert searched(found, cursor) == searched(found, cursor)
    assert searched(found, cursor) == []


@pytest.mark.parametrize(("word", "symbol"), [("LTC/BTC", Symbol(name="LTCBTC", base="LTC", quote="BTC")), ("BTCUSDT", LISTED[0])])
def test_the_users_own_symbols_are_asked_for(word: str, symbol: Symbol) -> None:
    found = markets(wanted=(word,))
    assert found.names() == (symbol.name,)
    assert found.symbol(symbol.name) == symbol


def test_a_symbol_of_one_word_that_is_gone_is_split_by_what_prices_others() -> None:
    assert markets().symbol("LTCUSDT") == Symbol(name="LTCUSDT", base="LTC", quote="USDT")
    with pytest.raises(InputError, match="'NOTHING' is no symbol of binance"):
        markets(wanted=("NOTHING",))


@pytest.mark.parametrize(("word", "legs"), [("BTCBUSD", ("BTC", "BUSD")), ("ABCUSD", ("ABC", "USD"))])
def test_a_symbol_whose_money_is_gone_is_not_split_before_a_part_of_its_name(word: str, legs: tuple[str, str]) -> None:
    markets = Markets(venue="binance-us", wanted=(word,))
    markets.open([Symbol(name="BTCUSD", base="BTC", quote="USD")])
    symbol = markets.symbol(word)
    assert (symbol.base, symbol.quote) == legs


def test_a_symbol_that_may_be_two_is_not_guessed() -> None:
    markets = Markets(venue="binance-us", wanted=("ABCBUSD",))
    with pytest.raises(InputError, match="no symbol of binance-us, but may be ABC/BUSD or ABCB/USD"):
        markets.open([Symbol(name="BTCUSD", base="BTC", quote="USD")])
