"""Prices of Kraken's own market, from its public trades.

The venue's candles (OHLC) reach 720 minutes back and no further, whatever is asked for; its public trades reach back to the
beginning. The price of a minute is that of its last trade, which is the close of its candle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ledger.connectors.kraken.client import KrakenClient
from ledger.connectors.kraken.ids import VENUE
from ledger.connectors.kraken.markets import last_of, public_trades, quotes_of
from ledger.connectors.kraken.parse import PRICES, result_of
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, TerminalError, TransientError
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import micros_of
from ledger.ports import PricePage
from ledger.transport.payloads import Payloads
from ledger.transport.reader import Answer

_PAGE_FULL = 1000  # rows in one answer at most
_NANOSECONDS = 1_000  # in a microsecond
_UNKNOWN_PAIR = "EQuery:Unknown asset pair"
_VENUE_NAMES = {"BTC": "XBT", "DOGE": "XDG"}  # in the names of pairs


class KrakenTrades:
    """Prices by minute of pairs named asset and currency."""

    name = str(VENUE)

    def __init__(self, *, client: KrakenClient, payloads: Payloads) -> None:
        self._client = client
        self._payloads = payloads

    def quotes(self, asset: AssetCode, currency: AssetCode, *, since: datetime, until: datetime) -> Iterator[PricePage]:
        """Yield pages of quotes in order of time; nothing where the venue lists no such pair. Minutes without a trade have none.

        The minute in which a page breaks off is told with the next page, once it is whole.

        Raises:
            TransientError: when the venue stays unavailable or its trades cannot be read.
        """
        pair = f"{_VENUE_NAMES.get(asset, asset)}{_VENUE_NAMES.get(currency, currency)}"
        start = since.replace(second=0, microsecond=0)
        place, broken_off = _nanoseconds(start) - 1, dict[datetime, PriceQuote]()
        while place < _nanoseconds(until):
            try:
                answer = self._client.public_trades(pair, since=place)
                page = _read(answer, asset, currency)
            except TerminalError as refused:
                if _UNKNOWN_PAIR in refused.message:
                    return
                raise
            except InputError as unreadable:
                raise TransientError(f"{self.name}: trades of {pair} cannot be read: {unreadable.message}") from unreadable
            payload = self._payloads.of(answer, PRICES, pair)
            is_end = page.rows < _PAGE_FULL or page.last <= place
            minutes = broken_off | page.quotes
            whole_until = min(until, _minute_of(payload.fetched_at), *([] if is_end else [max(minutes, default=until)]))
            yield PricePage(payload=payload, quotes=tuple(minutes[at] for at in sorted(minutes) if start <= at < whole_until))
            if is_end:
                return
            broken_off = {at: quote for at, quote in minutes.items() if at >= whole_until}
            start, place = max(start, whole_until), page.last


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trades:
    """One page of public trades: quotes by minute, the number of rows, and the nanosecond from which the next page goes on."""

    quotes: dict[datetime, PriceQuote]
    rows: int
    last: int


def _read(answer: Answer, asset: AssetCode, currency: AssetCode) -> _Trades:
    result = result_of(answer.json)
    return _Trades(
        quotes={quote.observed_at: quote for quote in quotes_of(result, asset=asset, currency=currency)},
        rows=sum(len(rows) for _, rows in public_trades(result)),
        last=last_of(result),
    )


def _nanoseconds(instant: datetime) -> int:
    return micros_of(instant) * _NANOSECONDS


def _minute_of(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
