"""What events were worth: look prices up where the source of an event gave none, and keep every quote as a fact.

The price of a moment is the close of the candle of its minute; where that minute was silent, of the last one before, at
most `GAP_MAX` earlier. A price that is not there is a finding, never zero.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.domain.amount import AssetCode, market_value
from ledger.domain.event import Charge, Event, Fill, Income, Transfer, moment_of
from ledger.domain.event_text import instant_text
from ledger.domain.finding import Finding, Severity
from ledger.domain.price import PriceQuote, Worth
from ledger.pipeline.progress import Progress
from ledger.ports import BookTerms, PriceSource, TaxRegime
from ledger.storage.store import Reader, Store

GAP_MAX = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
UNSAID = Worth()
_WINDOW_MAX = timedelta(minutes=300)  # what one call of the venues gives


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceNeed:
    """An event lacks the price of an asset at its moment, for its `role` ``value`` or ``fee``."""

    event: Event
    role: str
    asset: AssetCode


@dataclass(slots=True)
class PriceBook:
    """The stored quotes of a book, asset by asset, each read once."""

    reader: Reader
    currency: AssetCode
    _quotes: dict[AssetCode, tuple[list[datetime], list[PriceQuote]]] = field(default_factory=dict)

    def at(self, asset: AssetCode, instant: datetime) -> PriceQuote | None:
        """Return the quote that counts for `instant`, or None when there is none within the gap allowed."""
        moments, quotes = self._of(asset)
        place = bisect_right(moments, instant)
        if place == 0 or moments[place - 1] < minute_of(instant) - GAP_MAX:
            return None
        return quotes[place - 1]

    def _of(self, asset: AssetCode) -> tuple[list[datetime], list[PriceQuote]]:
        if asset not in self._quotes:
            quotes = self.reader.prices(asset, self.currency)
            self._quotes[asset] = ([quote.observed_at for quote in quotes], quotes)
        return self._quotes[asset]


def minute_of(instant: datetime) -> datetime:
    """Return the start of the minute of an instant."""
    return instant.replace(second=0, microsecond=0)


def worth_of(event: Event, *, regime: TaxRegime, terms: BookTerms, prices: PriceBook, needs: list[PriceNeed] | None = None) -> Worth:
    """Return what an event and its fee were worth: as its source says, else by the stored quotes, else None.

    What stays without a price is added to `needs`.
    """
    value, fee = _stated(event)
    lacking = regime.priced_assets(event, terms)
    if not lacking:
        return UNSAID if value is None and fee is None else Worth(value=value, fee=fee)
    found: dict[str, Decimal | None] = {"value": value, "fee": fee}
    for role, asset, quantity in lacking:
        quote = prices.at(asset, moment_of(event))
        if quote is not None:
            found[role] = market_value(quote.price, quantity)
        elif needs is not None:
            needs.append(PriceNeed(event=event, role=role, asset=asset))
    return Worth(value=found["value"], fee=found["fee"])


def _stated(event: Event) -> tuple[Decimal | None, Decimal | None]:
    match event:
        case Fill() | Income() | Charge():
            return event.value, event.fee_value
        case Transfer():
            return None, event.fee_value
        case _:
            return None, None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindow:
    """A stretch of time in which an asset's price is needed; `since` included, `until` excluded."""

    asset: AssetCode
    since: datetime
    until: datetime


def windows_of(needs: Iterable[PriceNeed]) -> tuple[PriceWindow, ...]:
    """Return the fewest windows that cover all needs, each short enough for one call; by asset and time."""
    moments = sorted({(need.asset, minute_of(moment_of(need.event))) for need in needs})
    windows: list[PriceWindow] = []
    for asset, minute in moments:
        last = windows[-1] if windows else None
        if last and last.asset == asset and minute + _MINUTE - last.since <= _WINDOW_MAX:
            windows[-1] = PriceWindow(asset=asset, since=last.since, until=minute + _MINUTE)
        else:
            windows.append(PriceWindow(asset=asset, since=minute - GAP_MAX, until=minute + _MINUTE))
    return tuple(windows)


def fetch_prices(
    store: Store,
    needs: Sequence[PriceNeed],
    sources: Sequence[PriceSource],
    *,
    currency: AssetCode,
    progress: Progress,
) -> None:
    """Ask the sources in order for what is needed and store each answer with its quotes; the first that has quotes wins.

    Raises:
        TransientError: a source stayed unavailable; what it answered before is kept.
    """
    windows = windows_of(needs)
    for number, window in enumerate(windows, start=1):
        for source in sources:
            if _fetch_window(store, window, source, currency):
                break
        progress.advance("prices", number, len(windows))


def _fetch_window(store: Store, window: PriceWindow, source: PriceSource, currency: AssetCode) -> bool:
    found = False
    for page in source.quotes(window.asset, currency, since=window.since, until=window.until):
        with store.write() as writer:
            payload_seq, _ = writer.add_payload(page.payload)
            writer.add_prices(page.quotes, payload_seq)
        found = found or bool(page.quotes)
    return found


def missing_price(need: PriceNeed) -> Finding:
    """Say that a price is lacking, of what and when."""
    what = "the fee of" if need.role == "fee" else "what came of"
    return Finding(
        code="missing-price",
        severity=Severity.ERROR,
        subject=f"{need.event.account}/{need.event.source_id}/{need.role}",
        message=f"no price of {need.asset} at {instant_text(moment_of(need.event))}, needed for {what} event {need.event.source_id}",
        mend="give `value` or `fee_value` in a lotwright-events file, or sync a connection whose venue quotes it",
    )
