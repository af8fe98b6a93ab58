"""Prices are a function of seed and minute, and candles agree with them."""

from decimal import Decimal
from itertools import groupby

import pytest

from ledger.sandbox.history.market import LTC_DELISTED_AT, MARKET_OPENED_AT, PRODUCT_BY_NAME, PRODUCTS, PricePath, Product, minute_of

PATH = PricePath(1)
NOON = minute_of(MARKET_OPENED_AT) + 100_000


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.name))
def test_a_candle_holds_its_prices(product: Product) -> None:
    for minute in range(NOON, NOON + 200):
        candle = PATH.candle(product, minute)
        if candle is not None:
            assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
            assert candle.close == PATH.price(product, minute)
            assert candle.start == minute * 60
            assert candle.volume > 0


def test_some_minutes_are_silent_but_never_more_than_four_in_a_row() -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    silent = [PATH.candle(bitcoin, minute) is None for minute in range(NOON, NOON + 3000)]
    runs = [len(list(group)) for is_silent, group in groupby(silent) if is_silent]
    assert 100 < sum(silent) < 300
    assert max(runs) <= 4


def test_the_dollar_coin_stays_near_one_dollar() -> None:
    coin = PRODUCT_BY_NAME["USDC-USD"]
    closes = {PATH.price(coin, minute) for minute in range(NOON, NOON + 300)}
    assert closes == {Decimal(text) for text in ("0.9998", "0.9999", "1.0000", "1.0001", "1.0002")}


def test_ether_in_bitcoin_follows_both_in_dollars() -> None:
    ether, bitcoin, cross = (PRODUCT_BY_NAME[name] for name in ("ETH-USD", "BTC-USD", "ETH-BTC"))
    for minute in range(NOON, NOON + 50):
        expected = PATH.price(ether, minute) / PATH.price(bitcoin, minute)
        assert 0 <= expected - PATH.price(cross, minute) < cross.price_step


def test_a_delisted_product_has_no_candle_after_its_end() -> None:
    coin, end = PRODUCT_BY_NAME["LTC-USD"], minute_of(LTC_DELISTED_AT)
    assert any(PATH.candle(coin, minute) for minute in range(end - 5, end))
    assert not any(PATH.candle(coin, minute) for minute in range(end, end + 5))


def test_nothing_traded_before_the_market_opened() -> None:
    assert PATH.candle(PRODUCT_BY_NAME["BTC-USD"], minute_of(MARKET_OPENED_AT) // 5 * 5 - 5) is None


def test_another_seed_gives_other_prices() -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    assert PATH.price(bitcoin, NOON) == PricePath(1).price(bitcoin, NOON) != PricePath(2).price(bitcoin, NOON)


def test_a_longer_candle_ends_with_the_close_of_its_last_minute() -> None:
    bitcoin = PRODUCT_BY_NAME["BTC-USD"]
    last = PATH.candle(bitcoin, NOON // 5 * 5 + 60)
    span = PATH.candle_of_span(bitcoin, NOON // 5 * 5 + 1, 60)
    assert last is not None
    assert span is not None
    assert span.close == last.close
    assert span.low <= span.open <= span.high
