"""Candle dumps of exchanges: one file a pair, the pair in the file's name, the close of each candle the price of its last minute.

Kraken's OHLCVT archives have seven columns and no header, ``XBTUSD_1.csv``; Binance's archives have twelve, with a header in
some years, ``BTCUSDT-1m-2025-01.csv``, and count microseconds since 2025. A candle of more than an hour says nothing of a moment.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.price import PriceQuote
from ledger.ports import PriceRow
from ledger.prices.cells import code_of, count_moment_of, price_of

_CLOSE = 4  # the column of the closing price in both
_KRAKEN_WIDTH, _BINANCE_WIDTH = 7, 12
_MINUTES_MAX = 60
_KRAKEN_NAME = re.compile(r"([A-Z0-9.]{5,20})_(\d{1,5})\.csv", re.ASCII)
_BINANCE_NAME = re.compile(r"([A-Z0-9]{5,20})-(1s|\d{1,2}m|1h)-\d{4}-\d\d(?:-\d\d)?\.csv", re.ASCII)
_BINANCE_MINUTES = {"1s": 1, "1h": 60}
_KRAKEN_CODES = {"XBT": "BTC", "XDG": "DOGE"}
# What the second asset of a pair may be, longest first, so that BTCFDUSD is not taken for BTCFD in USD.
_KRAKEN_MONEY = ("USDT", "USDC", "USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "XBT", "ETH", "DAI")
_BINANCE_MONEY = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USD", "EUR", "GBP", "TRY", "BRL", "JPY", "BTC", "ETH", "BNB", "DAI")


class KrakenCandles:
    """Reads a file of Kraken's OHLCVT archive, of candles of one hour at most."""

    name = "kraken-candles"
    title = "Kraken OHLCVT archive"
    looks_like = "a name such as XBTUSD_1.csv and seven columns"

    def recognises(self, first: Sequence[str], file_name: str) -> bool:
        """Tell by name and width."""
        return _KRAKEN_NAME.fullmatch(file_name) is not None and len(first) == _KRAKEN_WIDTH

    def read(self, rows: Iterator[tuple[int, list[str]]], file_name: str) -> Iterator[PriceRow]:
        """Yield one quote a candle.

        Raises:
            InputError: when the name's pair cannot be parted, or the candles are too long.
        """
        named = _KRAKEN_NAME.fullmatch(file_name)
        assert named is not None, file_name
        minutes = _checked_minutes(int(named[2]), file_name)
        asset, currency = (code_of(_KRAKEN_CODES.get(code, code)) for code in _parted(named[1], _KRAKEN_MONEY, file_name))
        close_of = partial(_close, asset=asset, currency=currency, source=self.name, width=_KRAKEN_WIDTH, minutes=minutes)
        yield from _candles(rows, close_of)


class BinanceCandles:
    """Reads a file of Binance's archive of klines, of candles of one hour at most."""

    name = "binance-candles"
    title = "Binance archive of klines"
    looks_like = "a name such as BTCUSDT-1m-2025-01.csv and twelve columns"

    def recognises(self, first: Sequence[str], file_name: str) -> bool:
        """Tell by name and width."""
        return _BINANCE_NAME.fullmatch(file_name) is not None and len(first) == _BINANCE_WIDTH

    def read(self, rows: Iterator[tuple[int, list[str]]], file_name: str) -> Iterator[PriceRow]:
        """Yield one quote a candle.

        Raises:
            InputError: when the name's pair cannot be parted.
        """
        named = _BINANCE_NAME.fullmatch(file_name)
        assert named is not None, file_name
        asset, currency = map(code_of, _parted(named[1], _BINANCE_MONEY, file_name))
        minutes = _checked_minutes(_BINANCE_MINUTES.get(named[2]) or int(named[2][:-1]), file_name)
        source = f"{self.name}-1s" if named[2] == "1s" else self.name  # a second's close is another one than its minute's
        close_of = partial(_close, asset=asset, currency=currency, source=source, width=_BINANCE_WIDTH, minutes=minutes)
        yield from _candles((row for row in rows if row[1][0] != "open_time"), close_of)


def _checked_minutes(minutes: int, file_name: str) -> int:
    if not 1 <= minutes <= _MINUTES_MAX:
        raise InputError(f"{file_name}: candles of {minutes} minutes say nothing of a moment", mend="use the file of 1 minute")
    return minutes


def _candles(rows: Iterator[tuple[int, list[str]]], close_of: Callable[[list[str]], tuple[PriceQuote]]) -> Iterator[PriceRow]:
    for line, cells in rows:
        yield PriceRow.read(line, partial(close_of, cells))


def _close(cells: list[str], *, asset: AssetCode, currency: AssetCode, source: str, width: int, minutes: int) -> tuple[PriceQuote]:
    """Return the close of a candle as the price of its last minute: before, nobody knew it. DECISIONS: price-of-a-moment."""
    if len(cells) != width:
        raise InputError(f"has {len(cells)} cells instead of {width}", mend="use the file as it was published")
    price, moment = price_of(cells[_CLOSE]), count_moment_of(cells[0]) + timedelta(minutes=minutes - 1)
    return (PriceQuote(asset=asset, currency=currency, observed_at=moment, price=price, source=source),)


def _parted(pair: str, money: Sequence[str], file_name: str) -> tuple[str, str]:
    for second in money:
        if pair.endswith(second) and len(pair) > len(second):
            return pair.removesuffix(second), second
    raise InputError(f"{file_name}: nobody knows where {pair!r} parts into two assets", mend="bring the prices as lotwright-prices")
