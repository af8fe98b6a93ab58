"""What events were worth: look prices up where the source of an event gave none, and keep every quote as a fact.

The price of a moment is the close of the candle of its minute; where that minute was silent, of the last one before, at
most `GAP_MAX` earlier. A price that is not there is a finding, never zero.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.event import Charge, Event, Fill, Income, Transfer, moment_of
from ledger.domain.facts import ValuationRow
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, SourceId
from ledger.domain.price import STABLECOINS, PricePolicy, Worth
from ledger.domain.time.instant import instant_text
from ledger.pipeline.prices.valuation import PriceBook
from ledger.pipeline.progress import Progress
from ledger.ports import BookTerms, PriceSource, TaxRegime
from ledger.storage.store import PriceAsked, Store

GAP_MAX = timedelta(hours=1)
MARKET_MONEY = tuple(map(AssetCode, ("USD", "USDT", "USDC", "EUR", "BTC")))  # what markets quote in, most usual first
_SETTLED_AFTER = timedelta(hours=1)  # a candle of the last hour may still change
_MINUTE = timedelta(minutes=1)
UNSAID = Worth()
_WINDOW_MAX = timedelta(minutes=300)  # what one call of the venues gives


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceNeed:
    """An event lacks the price of an asset at its moment, for its `role` ``value`` or ``fee``.

    There may be one for every fill, so it does not hold the event itself.
    """

    account: AccountId
    source_id: SourceId
    needed_at: datetime
    role: str
    asset: AssetCode


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
        valuation = prices.value(asset, quantity, moment_of(event))
        if valuation is not None:
            found[role] = valuation.value
        elif needs is not None:
            needed_at = moment_of(event)
            needs.append(PriceNeed(account=event.account, source_id=event.source_id, needed_at=needed_at, role=role, asset=asset))
    return Worth(value=found["value"], fee=found["fee"])


def valuations_of(event: Event, *, regime: TaxRegime, terms: BookTerms, prices: PriceBook) -> Iterator[ValuationRow]:
    """Yield what an event needed prices for, each with the quotes that gave them."""
    for role, asset, quantity in regime.priced_assets(event, terms):
        yield ValuationRow(
            source_id=event.source_id,
            occurred_at=event.occurred_at,
            account=event.account,
            bot=event.bot,
            role=role,
            asset=asset,
            quantity=quantity,
            valuation=prices.value(asset, quantity, moment_of(event)),
        )


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
    moments = sorted({(need.asset, minute_of(need.needed_at)) for need in needs})
    windows: list[PriceWindow] = []
    for asset, minute in moments:
        last = windows[-1] if windows else None
        if last and last.asset == asset and minute + _MINUTE - last.since <= _WINDOW_MAX:
            windows[-1] = PriceWindow(asset=asset, since=last.since, until=minute + _MINUTE)
        else:
            windows.append(PriceWindow(asset=asset, since=minute - GAP_MAX, until=minute + _MINUTE))
    return tuple(windows)


@dataclass(slots=True, kw_only=True)
class PriceFetch:
    """Asks sources for what is needed, each for the same stretch of the past only once, and stores every answer with its quotes.

    Where no source quotes an asset in the book's currency, other money that markets quote in is tried, and then that money's price.
    """

    store: Store
    sources: Sequence[PriceSource]
    currency: AssetCode
    policy: PricePolicy
    now: Callable[[], datetime]

    def run(self, needs: Sequence[PriceNeed], progress: Progress) -> None:
        """Ask the sources in order for what is needed; the first that has quotes wins.

        Raises:
            TransientError: a source stayed unavailable, which is never taken for "no price"; what it answered before is kept.
        """
        windows = windows_of(needs)
        for number, window in enumerate(windows, start=1):
            self._priced(window)
            progress.advance("prices", number, len(windows))

    def _priced(self, window: PriceWindow) -> None:
        if self._found(window, self.currency):
            return
        for money in MARKET_MONEY:
            if money not in (window.asset, self.currency) and self._found(window, money):
                if not (self.policy.at_par and STABLECOINS.get(money) == self.currency):
                    self._found(replace(window, asset=money), self.currency)
                return

    def _found(self, window: PriceWindow, currency: AssetCode) -> bool:
        return any(self._asked(source, window, currency) for source in self.sources)

    def _asked(self, source: PriceSource, window: PriceWindow, currency: AssetCode) -> bool:
        """Tell whether a source has quotes; ask it only where it has not said so before."""
        asked = PriceAsked(source=source.name, asset=window.asset, currency=currency, since=window.since, until=window.until)
        with self.store.read() as reader:
            if reader.was_asked(asked):
                told = reader.prices(window.asset, currency, since=window.since, until=window.until)
                return any(quote.source == source.name for quote in told)
        found = False
        for page in source.quotes(window.asset, currency, since=window.since, until=window.until):
            with self.store.write() as writer:
                payload_seq, _ = writer.add_payload(page.payload)
                writer.add_prices(page.quotes, payload_seq)
            found = found or bool(page.quotes)
        now = self.now()
        if now - window.until >= _SETTLED_AFTER:
            with self.store.write() as writer:
                writer.add_price_asked(asked, now)
        return found


def missing_price(need: PriceNeed) -> Finding:
    """Say that a price is lacking, of what and when."""
    what = "the fee of" if need.role == "fee" else "what came of"
    return Finding(
        code="missing-price",
        severity=Severity.ERROR,
        subject=f"{need.account}/{need.source_id}/{need.role}",
        message=f"no price of {need.asset} at {instant_text(need.needed_at)}, needed for {what} event {need.source_id}",
        mend=f"lotwright prices import FILE with that time in it, lotwright prices set {need.asset} ..., or `value` in the file",
    )
