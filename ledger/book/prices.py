"""Prices: taking in files of them, giving one by hand, and what the book has."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from ledger import plugins
from ledger.book.core import SILENT, BookCore
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.price import PriceQuote
from ledger.pipeline.prices.files import MANUAL, PriceOutcome, import_prices, set_price
from ledger.pipeline.progress import Progress
from ledger.storage.store import PriceSeries


class Prices(BookCore):
    """What a book does with prices."""

    def import_prices(self, paths: Sequence[Path], *, progress: Progress = SILENT) -> tuple[PriceOutcome, ...]:
        """Take in price files, all of them or none, and value anew what they concern.

        Raises:
            InputError: for any fault in any file; `faults` lists the bad rows.
        """
        with self.store.hold():
            outcomes = import_prices(self.store, paths, plugins.price_files(), recorded_at=self._now(), progress=progress)
            self._derive(progress)
        return outcomes

    def set_price(self, asset: AssetCode, currency: AssetCode, at: datetime, price: Decimal, *, evidence: str) -> None:
        """Give a price by hand: one unit of `asset` was worth `price` units of `currency` at an instant; `evidence` says who says so.

        Raises:
            InputError: when the price is not above zero, the instant has no zone or is in the future, or another price was given
                for the same moment.
        """
        if price <= 0 or asset == currency:
            raise InputError(f"a price of {price} {currency} for {asset} cannot be", mend="give a price above zero in another currency")
        if at.tzinfo is None or at > self._now():
            raise InputError(f"{at.isoformat()} has no zone or is in the future", mend="write it like 2025-03-01T12:00:00Z")
        if not evidence.strip():
            raise InputError("the price has no evidence", mend="say where it is from: --evidence TEXT")
        quote = PriceQuote(asset=asset, currency=currency, observed_at=at, price=price, source=MANUAL)
        with self.store.hold():
            set_price(self.store, quote, evidence=evidence, recorded_at=self._now())
            self._derive(SILENT)

    def price_series(self) -> tuple[PriceSeries, ...]:
        """Return what the book has of each pair and source."""
        with self.store.read() as reader:
            return tuple(reader.price_series())
