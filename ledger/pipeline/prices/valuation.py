"""Which stored quotes say what something was worth at a moment: the shortest way from an asset to the book's currency.

The quote of a moment is that of its minute; where that minute was silent, the last one before, at most so much earlier as the
policy allows. Between currencies of governments there is one rate a day, and none on holidays. A way may go through other
assets, forward or back: ``BNB->USDT->USD``. At most three of its steps go through markets; rates between currencies come on top.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.domain.amount import AssetCode, is_fiat
from ledger.domain.price import STABLECOINS, USUAL_PRICES, PricePolicy, PriceQuote, PriceStep, Valuation
from ledger.storage.store import Reader

PAR = "par"  # the source of a price that nobody observed: a stablecoin taken for its money
MARKETS_MAX = 3  # steps of a way from market to market
RATES_MAX = 2  # and those between currencies of governments, such as dollars to euros to pounds by the rates of the ECB

_DAYS_KEPT = 64
_ONE = Decimal(1)

Pair = tuple[AssetCode, AssetCode]


@dataclass(slots=True, kw_only=True)
class PriceBook:
    """The stored quotes of a book as a policy looks at them; a day of a pair is read once while it is asked for."""

    reader: Reader
    currency: AssetCode
    policy: PricePolicy = USUAL_PRICES
    _days: OrderedDict[tuple[Pair, int], list[PriceQuote]] = field(default_factory=OrderedDict)
    _ways: dict[AssetCode, list[tuple[tuple[Pair, bool], ...]]] = field(default_factory=dict)
    _edges: dict[AssetCode, list[tuple[AssetCode, Pair, bool]]] | None = None

    def value(self, asset: AssetCode, quantity: Decimal, instant: datetime) -> Valuation | None:
        """Return what units were worth at an instant, by the shortest way of which every step has a quote; None: there is none.

        Of ways of one length the first by the names of the assets on it counts.
        """
        for way in self._ways_from(asset):
            steps = [self._step(pair, inverted, instant) for pair, inverted in way]
            known = tuple(step for step in steps if step is not None)
            if len(known) == len(steps):
                return Valuation(asset=asset, quantity=quantity, steps=known)
        return None

    def _step(self, pair: Pair, inverted: bool, instant: datetime) -> PriceStep | None:  # noqa: FBT001  # as the way has it
        quote = self._par(pair, instant) or self._quote(pair, instant)
        if quote is None or (inverted and not quote.price):
            return None
        return PriceStep(quote=quote, inverted=inverted)

    def _par(self, pair: Pair, instant: datetime) -> PriceQuote | None:
        asset, currency = pair
        if not self.policy.at_par or STABLECOINS.get(asset) != currency:
            return None
        return PriceQuote(asset=asset, currency=currency, observed_at=_minute_of(instant), price=_ONE, source=PAR)

    def _quote(self, pair: Pair, instant: datetime) -> PriceQuote | None:
        """Return the quote of a pair that counts at an instant: by source first, then the newest."""
        since = self._since(pair, instant)
        newest: dict[str, PriceQuote] = {}
        for day in range(since.toordinal(), instant.toordinal() + 1):
            for quote in self._of_day(pair, day):
                if since <= quote.observed_at <= instant:
                    newest[quote.source] = quote
        ranks = {source: rank for rank, source in enumerate(self.policy.sources)}
        return min(newest.values(), key=lambda quote: (ranks.get(quote.source, len(ranks)), quote.source), default=None)

    def _since(self, pair: Pair, instant: datetime) -> datetime:
        if all(map(is_fiat, pair)):
            return instant - self.policy.gap_fiat
        return _minute_of(instant) - self.policy.gap

    def _of_day(self, pair: Pair, day: int) -> list[PriceQuote]:
        key = (pair, day)
        if key not in self._days:
            start = datetime.fromordinal(day).replace(tzinfo=UTC)
            self._days[key] = self.reader.prices(*pair, since=start, until=start + timedelta(days=1))
            if len(self._days) > _DAYS_KEPT:
                self._days.popitem(last=False)
        return self._days[key]

    # --- ways --------------------------------------------------------------------------------------------------------

    def _ways_from(self, asset: AssetCode) -> list[tuple[tuple[Pair, bool], ...]]:
        if asset not in self._ways:
            found = sorted(self._walks(asset), key=lambda walk: (len(walk[0]), walk[0]))
            self._ways[asset] = [way for _, way in found]
        return self._ways[asset]

    def _walks(self, asset: AssetCode) -> Iterator[tuple[tuple[AssetCode, ...], tuple[tuple[Pair, bool], ...]]]:
        """Yield every way to the book's currency that visits no asset twice: the assets on it, and its steps."""
        edges = self._all_edges()
        walks: list[tuple[tuple[AssetCode, ...], tuple[tuple[Pair, bool], ...]]] = [((asset,), ())]
        while walks:
            visited, way = walks.pop()
            for reached, pair, inverted in edges.get(visited[-1], ()):
                longer = (*visited, reached), (*way, (pair, inverted))
                if reached in visited or not _short_enough(longer[1]):
                    continue
                if reached == self.currency:
                    yield longer
                else:
                    walks.append(longer)

    def _all_edges(self) -> dict[AssetCode, list[tuple[AssetCode, Pair, bool]]]:
        if self._edges is None:
            edges = defaultdict(list)
            pairs = set(self.reader.price_pairs())
            for asset, currency in sorted(pairs | (set(STABLECOINS.items()) if self.policy.at_par else set())):
                edges[asset].append((currency, (asset, currency), False))
                edges[currency].append((asset, (asset, currency), True))
            self._edges = dict(edges)
        return self._edges


def _short_enough(way: tuple[tuple[Pair, bool], ...]) -> bool:
    rates = sum(all(map(is_fiat, pair)) for pair, _ in way)
    return rates <= RATES_MAX and len(way) - rates <= MARKETS_MAX


def _minute_of(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
