"""Prices: looked up where an event tells none, asked for once, kept with their payload, and never guessed."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.amount import AssetCode
from ledger.domain.errors import TransientError
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, SourceId, VenueName, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.price import PriceQuote
from ledger.pipeline.nightly import Night, NightSummary
from ledger.pipeline.prices.worth import MARKET_MONEY, PriceNeed, PriceWindow, windows_of
from ledger.pipeline.progress import Silent
from ledger.ports import CallCount, ConnectionTerms, Connector, Interpretation, KeyReport, Page, PricePage, PullWindow, StreamKey

VENUE = VenueName("quiet")
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
USD = AssetCode("USD")
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough

Row = dict[str, str]


@dataclass
class Quotes:
    """A price source of one market's money that holds its quotes in memory and remembers what it was asked for in that money."""

    name: str = "quotes"
    money: str = "USD"
    prices: dict[tuple[str, datetime], str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    asked: list[PriceWindow] = field(default_factory=list)

    def quotes(self, asset: AssetCode, currency: AssetCode, *, since: datetime, until: datetime) -> Iterator[PricePage]:
        if currency != self.money:
            return
        self.asked.append(PriceWindow(asset=asset, since=since, until=until))
        if asset in self.down:
            raise TransientError(f"{self.name} does not answer")
        found = sorted((at, price) for (code, at), price in self.prices.items() if code == asset and since <= at < until)
        quotes = [PriceQuote(asset=asset, currency=currency, observed_at=at, price=Decimal(price), source=self.name) for at, price in found]
        yield PricePage(payload=self._payload(asset, since, found), quotes=tuple(quotes))

    def _payload(self, asset: str, since: datetime, found: list[tuple[datetime, str]]) -> Payload:
        content = json.dumps([[at.isoformat(), price] for at, price in found]).encode()
        request = f"GET /candles/{asset}?since={since.isoformat()}"
        return Payload(
            payload_id=payload_id(account=AccountId("main"), request=request, content=content_hash(content)),
            kind=PayloadKind.PAGE,
            venue=VENUE,
            account=AccountId("main"),
            stream="candles",
            symbol=asset,
            request=request,
            name="",
            content=content,
            content_hash=content_hash(content),
            fetched_at=NOON,
        )


@dataclass
class QuietVenue:
    """A venue at which nothing happened and which quotes prices."""

    source: Quotes
    venue: VenueName = VENUE

    def streams(self) -> tuple[StreamKey, ...]:
        return ()

    def pull(self, stream: StreamKey, *, cursor: object, window: PullWindow) -> Iterator[Page]:
        raise AssertionError((stream, cursor, window))

    def interpret(self, payload: Payload) -> Interpretation:
        raise AssertionError(payload)

    def check_key(self) -> KeyReport:
        return KeyReport(
            venue=self.venue,
            account=AccountId("quiet"),
            clock_skew_seconds=0.0,
            may_read=True,
            may_trade=None,
            may_withdraw=None,
            notes=(),
        )

    def price_source(self) -> Quotes:
        return self.source

    def call_count(self) -> CallCount:
        return CallCount()

    def close(self) -> None:
        self.source.prices.setdefault(("(closed)", NOON), "0")


@dataclass
class QuietFactory:
    """Makes the quiet venues of one night, one for each source."""

    sources: list[Quotes]
    venue: VenueName = VENUE

    def __call__(self, terms: ConnectionTerms) -> Connector:
        return QuietVenue(self.sources[int(terms.account.removeprefix("venue-"))])


@pytest.fixture
def night() -> Callable[..., NightSummary]:
    """Return what runs a night over connections that only quote prices, one for each source."""

    def run(book: Book, *sources: Quotes, now: datetime = NOON) -> NightSummary:
        for number in range(len(book.settings.connections), len(sources)):
            book.add_connection(f"venue-{number}", venue="coinbase-exchange", secrets=f"env:QUIET_{number}")
        factory = QuietFactory(list(sources))
        return Night(
            store=book.store,
            settings=book.settings,
            regime=book.regime,
            factory_of=lambda _: factory,
            environment={f"QUIET_{number}_{name}": f"{name}-{number}" for number in range(len(sources)) for name in ("KEY", "SECRET")},
            window=PullWindow(),
            budget_seconds=None,
            now=lambda: now,
            progress=Silent(),
        ).run(book.settings.connections)

    return run


@pytest.fixture
def swap(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """A file of a purchase, and of an exchange of which nobody told the value."""
    exchange = {"type": "buy", "asset": "ETH", "amount": "2", "quote_asset": "BTC", "quote_amount": "0.5"}
    return write(row("b1", time="2025-02-01T12:00:00Z"), row("x1", time="2025-03-01T12:00:42Z", **exchange))


def lacking(book: Book) -> list[str]:
    return [finding.subject for finding in book.findings() if finding.code == "missing-price"]


# --- without a price -------------------------------------------------------------------------------------------------


def test_a_price_that_is_not_there_is_a_finding_and_never_zero(
    book: Book, swap: Path, gains_of: Callable[..., list[Row]], report_of: Callable[..., bytes]
) -> None:
    book.import_files([swap])
    assert book.findings() == (
        Finding(
            code="missing-price",
            severity=book.findings()[0].severity,
            subject="main/x1/value",
            message="no price of ETH at 2025-03-01T12:00:42.000000Z, needed for what came of event x1",
            mend="lotwright prices import FILE with that time in it, lotwright prices set ETH ..., or `value` in the file",
        ),
    )
    assert book.findings()[0].severity == "error"
    (gain,) = gains_of(book)
    assert (gain["proceeds"], gain["cost_basis"], gain["gain"], gain["finding"]) == ("", "25000", "", "missing-price")
    assert b"main,ETH,1,2,,,0,1" in report_of(book, "holdings")


def test_income_without_a_price_has_no_value(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], report_of: Callable[..., bytes]
) -> None:
    book.import_files([write(row("i1", type="income", kind="staking", asset="SOL"))])
    (_, line) = report_of(book, "income").decode().splitlines()
    assert line.endswith(',,missing-price,"Schedule 1, line 8v"')


# --- fetched ---------------------------------------------------------------------------------------------------------


def test_a_price_is_asked_for_once_kept_with_its_payload_and_used_again(
    book: Book,
    swap: Path,
    night: Callable[..., NightSummary],
    gains_of: Callable[..., list[Row]],
    counts: Callable[[Book], dict[str, int]],
) -> None:
    source = Quotes(prices={("ETH", NOON): "2200.10"})
    book.import_files([swap])
    assert night(book, source).exit_code == 0
    assert source.asked == [PriceWindow(asset=AssetCode("ETH"), since=NOON - timedelta(hours=1), until=NOON + timedelta(minutes=1))]
    (gain,) = gains_of(book)
    assert (gain["proceeds"], gain["gain"], gain["finding"]) == ("4400.2", "-20599.8", "")
    assert lacking(book) == []
    kept = counts(book)
    assert (kept["price"], kept["payload"]) == (1, 2)
    night(book, source)
    book.rebuild()
    assert gains_of(book) == [gain]
    assert (len(source.asked), counts(book)["price"]) == (1, 1)
    assert book.check() == ()


def test_a_price_that_stays_away_is_asked_for_again_while_its_hour_is_not_over(
    book: Book, swap: Path, night: Callable[..., NightSummary], gains_of: Callable[..., list[Row]]
) -> None:
    source = Quotes()
    book.import_files([swap])
    assert [night(book, source).exit_code for _ in range(2)] == [1, 1]
    assert (len(source.asked), lacking(book)) == (2, ["main/x1/value"])
    source.prices["ETH", NOON] = "2000"
    assert night(book, source).exit_code == 0
    assert (len(source.asked), lacking(book)) == (3, [])
    assert [gain["proceeds"] for gain in gains_of(book)] == ["4000"]


def test_a_source_that_had_no_price_of_the_past_is_not_asked_again(
    book: Book, swap: Path, night: Callable[..., NightSummary], counts: Callable[[Book], dict[str, int]]
) -> None:
    source, tomorrow = Quotes(), NOON + timedelta(days=1)
    book.import_files([swap])
    assert [night(book, source, now=tomorrow).exit_code for _ in range(3)] == [1, 1, 1]
    assert (len(source.asked), lacking(book)) == (1, ["main/x1/value"])
    assert counts(book)["price_asked"] == len({source.money, *MARKET_MONEY})


def test_where_nobody_quotes_in_dollars_other_money_and_its_price_are_asked_for_once(
    book: Book, swap: Path, night: Callable[..., NightSummary], report_of: Callable[..., bytes]
) -> None:
    coins = Quotes(name="coins", money="USDT", prices={("ETH", NOON): "2000"})
    dollars = Quotes(name="dollars", prices={("USDT", NOON - timedelta(minutes=5)): "0.999"})
    book.import_files([swap])
    assert night(book, coins, dollars, now=NOON + timedelta(days=1)).exit_code == 0
    night(book, coins, dollars, now=NOON + timedelta(days=2))
    assert ([window.asset for window in coins.asked], [window.asset for window in dollars.asked]) == (["ETH"], ["ETH", "USDT"])
    _, first, second = report_of(book, "valuations").decode().splitlines()
    assert first == (
        "x1,2025-03-01T12:00:42.000000Z,main,value,ETH,2,3996,ETH->USDT->USD,1,ETH/USDT,2000,coins,2025-03-01T12:00:00.000000Z,"
    )
    assert second.endswith(",3996,ETH->USDT->USD,2,USDT/USD,0.999,dollars,2025-03-01T11:55:00.000000Z,")


@ON_SQLITE
@pytest.mark.parametrize(
    ("observed_at", "proceeds"),
    [
        pytest.param(NOON, "4000", id="the minute itself"),
        pytest.param(NOON - timedelta(minutes=60), "4000", id="an hour before"),
        pytest.param(NOON - timedelta(minutes=61), "", id="more than an hour before"),
        pytest.param(NOON + timedelta(minutes=1), "", id="the minute after"),
    ],
)
def test_the_last_price_of_at_most_an_hour_before_counts(
    book: Book,
    swap: Path,
    night: Callable[..., NightSummary],
    gains_of: Callable[..., list[Row]],
    observed_at: datetime,
    proceeds: str,
) -> None:
    book.import_files([swap])
    night(book, Quotes(prices={("ETH", observed_at): "2000"}))
    assert [gain["proceeds"] for gain in gains_of(book)] == [proceeds]


def test_the_first_source_that_has_a_price_is_believed(
    book: Book, swap: Path, night: Callable[..., NightSummary], gains_of: Callable[..., list[Row]]
) -> None:
    without, first, second = Quotes(name="none"), Quotes(name="one"), Quotes(name="two")
    first.prices["ETH", NOON], second.prices["ETH", NOON] = "2000", "9999"
    book.import_files([swap])
    night(book, without, first, second)
    assert [len(source.asked) for source in (without, first, second)] == [1, 1, 0]
    assert [gain["proceeds"] for gain in gains_of(book)] == ["4000"]


def test_a_source_that_is_down_is_an_outage_and_what_others_answered_is_kept(
    book: Book,
    row: Callable[..., Row],
    write: Callable[..., Path],
    night: Callable[..., NightSummary],
) -> None:
    income = {"type": "income", "kind": "staking", "time": "2025-03-01T12:00:00Z"}
    source = Quotes(prices={("ADA", NOON): "1", ("SOL", NOON): "150"}, down={"SOL"})
    book.import_files([write(row("i1", asset="ADA", **income), row("i2", asset="SOL", **income))])
    summary = night(book, source)
    assert [(outcome.name, str(outcome.error)) for outcome in summary.outcomes if outcome.error] == [("prices", "quotes does not answer")]
    assert summary.exit_code == 4
    assert lacking(book) == ["main/i2/value"]
    source.down.clear()
    assert night(book, source).exit_code == 0
    assert [window.asset for window in source.asked] == ["ADA", "SOL", "SOL"]


# --- whatever lacks the price ----------------------------------------------------------------------------------------

LACKING: dict[str, list[Row]] = {
    "a transfer's fee in a third asset": [
        {"id": "b1", "time": "2025-02-01T12:00:00Z"},
        {"id": "b2", "time": "2025-02-01T12:00:00Z", "asset": "ETH"},
        {"id": "t1", "type": "transfer", "amount": "0.5", "to_account": "cold", "fee_asset": "ETH", "fee_amount": "0.01"},
    ],
    "spending of units without a lot": [{"id": "p1", "type": "spend", "asset": "ETH", "amount": "2"}],
    "a fee in foreign money of an exchange": [
        {"id": "b1", "time": "2025-02-01T12:00:00Z", "asset": "ETH", "amount": "5"},
        {"id": "x1", "amount": "0.1", "quote_asset": "ETH", "quote_amount": "2", "value": "5000", "fee_asset": "EUR", "fee_amount": "3"},
    ],
    "a sale for foreign money": [
        {"id": "b1", "time": "2025-02-01T12:00:00Z"},
        {"id": "s1", "type": "sell", "quote_asset": "EUR"},
    ],
    "a rebate in a third asset": [{"id": "b1", "fee_asset": "ETH", "fee_amount": "-0.01"}],
    "a gift's fee in a third asset": [
        {"id": "b1", "time": "2025-02-01T12:00:00Z"},
        {"id": "g1", "type": "gift_out", "fee_asset": "ETH", "fee_amount": "0.01"},
    ],
}


@ON_SQLITE
@pytest.mark.parametrize("rows", [pytest.param(rows, id=name) for name, rows in LACKING.items()])
def test_whatever_lacks_a_price_is_asked_for_until_it_comes_and_is_then_whole(
    book: Book,
    row: Callable[..., Row],
    write: Callable[..., Path],
    night: Callable[..., NightSummary],
    report_of: Callable[..., bytes],
    rows: list[Row],
) -> None:
    told = [row(**{"ident": cells["id"], **{name: cell for name, cell in cells.items() if name != "id"}}) for cells in rows]
    source = Quotes()
    book.import_files([write(*told)])
    assert len(lacking(book)) == 1
    night(book, source)
    night(book, source)
    assert (len(source.asked), len(lacking(book))) == (2, 1)
    source.prices |= {("ETH", NOON): "2000", ("EUR", NOON): "1.10"}
    night(book, source)
    assert lacking(book) == []
    reports = [report_of(book, name) for name in ("gains", "lots", "summary")]
    book.rebuild()
    assert [report_of(book, name) for name in ("gains", "lots", "summary")] == reports
    assert lacking(book) == []


# --- windows ---------------------------------------------------------------------------------------------------------


def need(asset: str, at: datetime) -> PriceNeed:
    return PriceNeed(account=AccountId("main"), source_id=SourceId("s"), needed_at=at, role="value", asset=AssetCode(asset))


def test_needs_within_one_call_share_a_window_and_others_do_not() -> None:
    minutes = (0, 0, 239, 240, 900)
    needs = [need("ETH", NOON + timedelta(minutes=minute, seconds=59)) for minute in minutes] + [need("BTC", NOON)]

    def window(asset: str, first: int, last: int) -> PriceWindow:
        code = AssetCode(asset)
        return PriceWindow(asset=code, since=NOON + timedelta(minutes=first - 60), until=NOON + timedelta(minutes=last + 1))

    expected = (window("BTC", 0, 0), window("ETH", 0, 239), window("ETH", 240, 240), window("ETH", 900, 900))
    assert windows_of(reversed(needs)) == expected
    assert all(each.until - each.since <= timedelta(minutes=300) for each in expected)
