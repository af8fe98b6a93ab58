"""Quotes: what the book has of prices, and what it asked for."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, exists, func, insert, select

from ledger.domain.amount import AssetCode
from ledger.domain.price import PriceQuote
from ledger.storage import rows
from ledger.storage.backend import Backend
from ledger.storage.nouns import PriceAsked, PriceSeries
from ledger.storage.tables import event, price, price_asked

_QUOTE = (price.c.asset, price.c.currency, price.c.observed_at, price.c.price, price.c.source)


class QuoteReader:
    """Questions about prices; part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def price_seq_last(self) -> int:
        """Return the place of the newest quote, 0 where there is none."""
        last: int = self._connection.execute(select(func.coalesce(func.max(price.c.seq), 0))).scalar_one()
        return last

    def prices(self, asset: str, currency: str, *, since: datetime | None = None, until: datetime | None = None) -> list[PriceQuote]:
        """Return the quotes of an asset by `observed_at`, then source; `since` included, `until` excluded."""
        statement = select(*_QUOTE).where(price.c.asset == asset, price.c.currency == currency)
        if since is not None:
            statement = statement.where(price.c.observed_at >= since)
        if until is not None:
            statement = statement.where(price.c.observed_at < until)
        return [rows.quote_of(row) for row in self._connection.execute(statement.order_by(price.c.observed_at, price.c.source))]

    def price_pairs(self) -> list[tuple[AssetCode, AssetCode]]:
        """Return the pairs (asset, currency) of which the book has a quote, sorted."""
        pairs = select(price.c.asset, price.c.currency).distinct().order_by(price.c.asset, price.c.currency)
        return [(row.asset, row.currency) for row in self._connection.execute(pairs)]

    def was_asked(self, asked: PriceAsked) -> bool:
        """Tell whether a source was asked for exactly this stretch of time."""
        same = (price_asked.c[name] == value for name, value in asdict(asked).items())
        return bool(self._connection.execute(select(exists().where(*same))).scalar())

    def price_span(self, *, after_seq: int) -> tuple[datetime, datetime] | None:
        """Return the first and last moment of the quotes stored after `after_seq`; None: there are none."""
        span = select(func.min(price.c.observed_at), func.max(price.c.observed_at)).where(price.c.seq > after_seq)
        first, last = self._connection.execute(span).one()
        return None if first is None else (first, last)

    def assets_between(self, since: datetime, until: datetime) -> set[str]:
        """Return the codes of all assets that events moved from `since` to `until`, both included."""
        moved = select(event.c.assets).distinct().where(event.c.occurred_at >= since, event.c.occurred_at <= until)
        return {asset for listed in self._connection.execute(moved).scalars() for asset in listed.split()}

    def quotes_of_payload(self, payload_seq: int) -> int:
        """Return how many quotes a payload brought that no other had told before."""
        found: int = self._connection.execute(select(func.count()).where(price.c.payload_seq == payload_seq)).scalar_one()
        return found

    def price_series(self) -> list[PriceSeries]:
        """Return what the book has of each pair and source, sorted."""
        key = price.c.asset, price.c.currency, price.c.source
        told = func.count().label("quotes"), func.min(price.c.observed_at).label("first_at"), func.max(price.c.observed_at).label("last_at")
        statement = select(*key, *told).group_by(*key).order_by(*key)
        return [PriceSeries(**row._mapping) for row in self._connection.execute(statement)]  # noqa: SLF001  # SQLAlchemy's public name


class QuoteWriter(QuoteReader):
    """Additions of prices; part of `Writer`."""

    def add_prices(self, quotes: Sequence[PriceQuote], payload_seq: int | None) -> None:
        """Store quotes with the payload that they came in; what a source said before of the same moment stays."""
        first = self.price_seq_last() + 1
        self._backend.insert_unknown(
            self._connection,
            price,
            [rows.price_row(seq, quote, payload_seq) for seq, quote in enumerate(quotes, first)],
        )

    def add_price_asked(self, asked: PriceAsked, asked_at: datetime) -> None:
        """Note that a source was asked for a stretch of time, whatever it had."""
        self._connection.execute(insert(price_asked).values(**asdict(asked), asked_at=asked_at))
