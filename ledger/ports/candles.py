"""Prices of a venue's own market from its candles of minutes, for every venue that lists them by time. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, TerminalError, TransientError
from ledger.domain.json_text import Json, json_of
from ledger.domain.payload import Payload
from ledger.domain.price import PriceQuote
from ledger.ports.prices import PricePage

CANDLES = "candles"  # the stream of their payloads
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteCandles:
    """Prices by minute of markets named asset, `separator`, currency: a `PriceSource`.

    `fetch` asks the venue for the candles of a market from one instant to another, both included, of which one answer has
    `rows_max` at most. `read` gives its quotes, a candle at its start with its close, and refuses (InputError) a candle that it
    cannot read, as a price left out would look like a silent minute. `is_unknown` tells whether the venue has no such market.
    """

    name: str
    separator: str
    rows_max: int
    fetch: Callable[[str, datetime, datetime], Payload]
    read: Callable[[Json, AssetCode, AssetCode], tuple[PriceQuote, ...]]
    is_unknown: Callable[[TerminalError], bool]

    def quotes(self, asset: AssetCode, currency: AssetCode, *, since: datetime, until: datetime) -> Iterator[PricePage]:
        """Yield windows in order of time; nothing where the venue has no such market. Minutes without a trade have no quote.

        Raises:
            TransientError: when the venue stays unavailable or its candles cannot be read.
        """
        market = f"{asset}{self.separator}{currency}"
        start = since.replace(second=0, microsecond=0)
        while start < until:
            end = min(start + (self.rows_max - 1) * _MINUTE, until)
            try:
                payload = self.fetch(market, start, end)
                found = self.read(json_of(payload.content), asset, currency)
            except TerminalError as refused:
                if self.is_unknown(refused):
                    return
                raise
            except InputError as unreadable:
                raise TransientError(f"{self.name}: candles of {market} cannot be read: {unreadable.message}") from unreadable
            settled_until = min(until, payload.fetched_at - _MINUTE + _INSTANT)  # the close of a running minute is none yet
            wanted = tuple(quote for quote in found if max(since, start) <= quote.observed_at < settled_until)
            yield PricePage(payload=payload, quotes=wanted)
            start = end + _MINUTE
