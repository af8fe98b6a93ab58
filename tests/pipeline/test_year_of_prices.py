"""A year of a bot that trades coins for coins and pays its fees in a third: every value by candle files and daily rates."""

import csv
import io
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.book import Book
from ledger.domain.amount import EXACT, text_of
from ledger.storage.shelves.quotes import QuoteReader

Row = dict[str, str]
FILLS, SILENT_EVERY = 120, 12
START, MINUTE, DAY = datetime(2024, 12, 30, tzinfo=UTC), timedelta(minutes=1), timedelta(days=1)
FILES = {
    "BTCUSDT-1m-2025-01.csv": "BTC/USDT",
    "ETHBTC-5m-2025-01.csv": "ETH/BTC",
    "BNBUSDT-1m-2025-01.csv": "BNB/USDT",
    "USDTUSD_1.csv": "USDT/USD",
}
LEVELS = {"BTC/USDT": (90_000, 2), "ETH/BTC": (4, 5), "BNB/USDT": (600, 2), "USDT/USD": (1, 4)}
WAYS = {"ETH": ["ETH/BTC", "BTC/USDT", "USDT/USD"], "BTC": ["BTC/USDT", "USDT/USD"], "BNB": ["BNB/USDT", "USDT/USD"], "USDT": ["USDT/USD"]}
Series = dict[str, dict[datetime, Decimal]]


class Year:
    """The fills of a year, and what candles and rates were told of it, by a seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        self.moments = sorted(START + timedelta(days=2) + self.dice.random() * timedelta(days=360) for _ in range(FILLS))
        self.candles: Series = {pair: {} for pair in LEVELS}
        for number, at in enumerate(self.moments):
            for pair in LEVELS:
                self._tell(pair, at, silent=number % SILENT_EVERY == 0 and pair == "USDT/USD")
        days = [START.date() + timedelta(days=day) for day in range(370)]
        self.rates = {day: Decimal(self.dice.randrange(10_000, 12_000)).scaleb(-4, EXACT) for day in days if day.weekday() < 5}

    def _tell(self, pair: str, at: datetime, *, silent: bool) -> None:
        """Quote a pair in some of the minutes around a moment, or not within two hours."""
        begin = at.replace(second=0, microsecond=0)
        begin -= timedelta(minutes=begin.minute % 5)
        level, digits = LEVELS[pair]
        known = self.candles[pair]
        if silent:
            for told in [one for one in known if at - timedelta(hours=2) < one <= at]:
                del known[told]
            return
        for minutes in [*self.dice.sample(range(-55, 5, 5), 3), -55]:
            price = level * self.dice.randrange(90_000, 110_000)
            known[begin + minutes * MINUTE] = Decimal(price).scaleb(-digits - 3, EXACT)

    def write(self, folder: Path) -> list[Path]:
        """Write the files that exchanges and the central bank publish."""
        for name, pair in FILES.items():
            lines = []
            for at, close in sorted(self.candles[pair].items()):
                begins = at - 4 * MINUTE if "-5m-" in name else at
                cells = [str(int(begins.timestamp()) * (1 if "_" in name else 1_000_000)), "1", "1", "1", str(close), "1"]
                lines.append(",".join([*cells, *(["1"] if "_" in name else ["1"] * 6)]))
            (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
        rates = [f"{day},{rate},160,0.8," for day, rate in sorted(self.rates.items(), reverse=True)]
        (folder / "eurofxref-hist.csv").write_text("\n".join(["Date,USD,JPY,GBP,", *rates, ""]), encoding="utf-8")
        return [folder / name for name in (*FILES, "eurofxref-hist.csv")]

    def rows(self, row: Callable[..., Row]) -> list[Row]:
        """Return the fills, all with a fee in a third asset."""
        kinds = [("BTC", "USDT", "buy"), ("ETH", "BTC", "buy"), ("BTC", "USDT", "sell"), ("ETH", "BTC", "sell")]
        made = []
        for number, at in enumerate(self.moments):
            asset, quote, kind = kinds[number % 4]
            cells = {"asset": asset, "amount": f"0.{number + 100}", "quote_asset": quote, "quote_amount": f"{number + 1}.5", "type": kind}
            made.append(row(f"f{number}", time=at.isoformat(), **cells, fee_asset="BNB", fee_amount="0.0123"))
        return made

    def quote(self, pair: str, at: datetime) -> tuple[str, str, datetime] | None:
        """Return price, source and moment that count: of the minute or the newest before, at most an hour old."""
        told = [one for one in self.candles[pair] if at.replace(second=0, microsecond=0) - 60 * MINUTE <= one <= at]
        source = next("kraken-candles" if "_" in name else "binance-candles" for name, listed in FILES.items() if listed == pair)
        return (text_of(self.candles[pair][max(told)]), source, max(told)) if told else None

    def rate(self, at: datetime) -> tuple[str, str, datetime]:
        """Return the rate of the day, or of the last one before that has one."""
        day = max(one for one in self.rates if one <= at.date())
        return text_of(self.rates[day]), "ecb", midnight(day)

    def steps(self, asset: str, at: datetime) -> list[tuple[str, tuple[str, str, datetime] | None]]:
        """Return the quotes on the way of an asset to euros."""
        return [*((pair, self.quote(pair, at)) for pair in WAYS[asset]), ("EUR/USD", self.rate(at))]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_value_of_a_year_shows_price_source_time_and_way_and_what_is_too_old_is_found(
    seed: int,
    new_book: Callable[..., Book],
    row: Callable[..., Row],
    write: Callable[..., Path],
    report_of: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    year, book = Year(seed), new_book(currency="EUR", regime="generic")
    fills = year.rows(row)
    book.import_prices(year.write(tmp_path))
    book.import_files([write(*fills)])
    asked: Counter[tuple[object, ...]] = Counter()
    prices = QuoteReader.prices

    def counted(self: QuoteReader, asset: str, currency: str, **span: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
        asked[asset, currency, *span.values()] += 1
        return prices(self, asset, currency, **span)

    monkeypatch.setattr(QuoteReader, "prices", counted)
    told: dict[tuple[str, str], list[Row]] = {}
    for line in csv.DictReader(io.StringIO(report_of(book, "valuations").decode())):
        told.setdefault((line["event"], line["role"]), []).append(line)
    assert set(asked.values()) == {1}
    missing = set()
    for fill in fills:
        at = datetime.fromisoformat(fill["time"])
        received = fill["asset"] if fill["type"] == "buy" else fill["quote_asset"]
        units = fill["amount"] if fill["type"] == "buy" else fill["quote_amount"]
        for role, asset, quantity in (("value", received, units), ("fee", "BNB", "0.0123")):
            lines = told[fill["id"], role]
            steps = year.steps(asset, at)
            if any(quote is None for _, quote in steps):
                assert [(line["value"], line["path"], line["finding"]) for line in lines] == [("", "", "missing-price")]
                missing.add(fill["id"])
                continue
            assert lines[0]["path"] == "->".join([asset, *(pair.split("/")[1] for pair, _ in steps[:-1]), "EUR"])
            found = [(line["pair"], (line["price"], line["source"], datetime.fromisoformat(line["observed_at"]))) for line in lines]
            assert found == steps
            assert lines[0]["value"] == value_of(quantity, [Decimal(quote[0]) for _, quote in steps if quote])
    assert len(missing) >= FILLS // SILENT_EVERY
    lacking = [finding for finding in book.findings() if finding.code == "missing-price"]
    assert {ident for finding in lacking for ident in missing if finding.message.endswith(f"event {ident}")} == missing
    assert all("lotwright prices" in finding.mend for finding in lacking)


def value_of(quantity: str, prices: list[Decimal]) -> str:
    """Multiply by all prices but the last, divide by that, and cut after 18 decimals: with whole numbers."""
    scale = 10**18
    units, *factors = (int(Decimal(figure).scaleb(18, EXACT)) for figure in (quantity, *prices))
    for factor in factors[:-1]:
        units *= factor
    whole = units * scale // (factors[-1] * scale ** len(factors[:-1]))
    return text_of(Decimal(whole).scaleb(-18, EXACT))
