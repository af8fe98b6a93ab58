"""Which quotes count: the shortest way, the policy's sources and gaps, stablecoins at par, and prices that come later."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError

Row = dict[str, str]
BTC, BNB, USD, USDT, EUR, GBP = map(AssetCode, ("BTC", "BNB", "USD", "USDT", "EUR", "GBP"))
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def priced(book: Book, tmp_path: Path) -> Callable[..., None]:
    """Return what takes quotes into the book, each written as time, pair, price and source."""

    def take(*quotes: str) -> None:
        lines = [f"{at},{pair.replace('/', ',')},{price},{source}" for at, pair, price, source in map(str.split, quotes)]
        path = tmp_path / "prices.csv"
        path.write_text("\n".join(["time,asset,currency,price,source", *lines, ""]), encoding="utf-8")
        book.import_prices([path])

    return take


@pytest.fixture
def receipt(book: Book, row: Callable[..., Row], write: Callable[..., Path]) -> Callable[[str], None]:
    """Return what books one unit of an asset received as income at noon."""

    def take(asset: str) -> None:
        book.import_files([write(row("i1", type="income", kind="staking", asset=asset, time="2025-03-01T12:00:30Z"))])

    return take


@pytest.fixture
def valuations(book: Book, report_of: Callable[..., bytes]) -> Callable[[], list[str]]:
    """Return what says value, way, and price and source of each step."""

    def shown() -> list[str]:
        lines = [line.split(",") for line in report_of(book, "valuations").decode().splitlines()[1:]]
        return [f"{cells[6]} {cells[7]} {cells[10]} {cells[11]}".strip() for cells in lines]

    return shown


def test_a_direct_quote_is_preferred_to_a_way_through_others(
    receipt: Callable[[str], None], priced: Callable[..., None], valuations: Callable[[], list[str]]
) -> None:
    receipt("BNB")
    priced("2025-03-01T12:00Z BNB/USDT 600 a", "2025-03-01T12:00Z USDT/USD 0.99 a")
    assert valuations() == ["594 BNB->USDT->USD 600 a", "594 BNB->USDT->USD 0.99 a"]
    priced("2025-03-01T11:30Z BNB/USD 590 b")
    assert valuations() == ["590 BNB->USD 590 b"]


def test_a_step_may_go_from_the_currency_to_the_asset_and_is_divided_once(
    receipt: Callable[[str], None], priced: Callable[..., None], valuations: Callable[[], list[str]]
) -> None:
    receipt("BNB")
    priced("2025-03-01T12:00Z USD/BNB 0.003 a")
    assert valuations() == ["333.333333333333333333 BNB->USD 0.003 a"]


@pytest.mark.parametrize(
    ("at", "found"),
    [("2025-03-01T11:00Z", 1), ("2025-03-01T10:59Z", 0), ("2025-03-01T12:00:30Z", 1), ("2025-03-01T12:00:31Z", 0)],
)
def test_a_quote_may_be_an_hour_old_and_not_of_the_future(
    receipt: Callable[[str], None], priced: Callable[..., None], valuations: Callable[[], list[str]], at: str, found: int
) -> None:
    receipt("BNB")
    priced(f"{at} BNB/USD 600 a")
    assert (valuations() == ["600 BNB->USD 600 a"]) == found


@pytest.mark.parametrize(("day", "found"), [("2025-02-22T12:00:30Z", 1), ("2025-02-22T12:00:29Z", 0)])
def test_between_currencies_a_rate_may_be_a_week_old(
    receipt: Callable[[str], None], priced: Callable[..., None], valuations: Callable[[], list[str]], day: str, found: int
) -> None:
    receipt("BNB")
    priced("2025-03-01T12:00Z BNB/EUR 500 a", f"{day} EUR/USD 1.04 ecb")
    assert (valuations() == ["520 BNB->EUR->USD 500 a", "520 BNB->EUR->USD 1.04 ecb"]) == found


def test_rates_between_currencies_come_on_top_of_three_markets(
    receipt: Callable[[str], None], priced: Callable[..., None], valuations: Callable[[], list[str]]
) -> None:
    receipt("ETH")
    markets = ("2025-03-01T12:00Z ETH/BTC 0.5 a", "2025-03-01T12:00Z BTC/USDT 900 a", "2025-03-01T12:00Z USDT/GBP 1 a")
    priced(*markets, "2025-03-01T00:00Z EUR/GBP 0.5 ecb", "2025-03-01T00:00Z EUR/USD 2 ecb")
    assert {told.rsplit(" ", 2)[0] for told in valuations()} == {"1800 ETH->BTC->USDT->GBP->EUR->USD"}


def test_no_way_goes_through_four_markets(
    receipt: Callable[[str], None], priced: Callable[..., None], valuations: Callable[[], list[str]]
) -> None:
    receipt("ETH")
    at = "2025-03-01T12:00Z"
    priced(f"{at} ETH/BTC 0.5 a", f"{at} BTC/BNB 9 a", f"{at} BNB/USDT 100 a", f"{at} USDT/USD 1 a")
    assert valuations() == [""]
    priced(f"{at} BTC/USDT 900 a")
    assert {told.rsplit(" ", 2)[0] for told in valuations()} == {"450 ETH->BTC->USDT->USD"}


def settings_changed(book: Book, text: str) -> Book:
    path = book.settings.folder / "lotwright.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return Book.open(book.settings.folder)


def test_the_policy_says_sources_gaps_and_par_and_a_change_of_it_values_all_anew(
    book: Book, receipt: Callable[[str], None], priced: Callable[..., None], report_of: Callable[..., bytes]
) -> None:
    receipt("BNB")
    priced("2025-03-01T12:00Z BNB/USDT 600 a", "2025-03-01T11:20Z BNB/USDT 650 best", "2025-03-01T12:00Z USDT/USD 0.99 a")
    assert b",594,BNB->USDT->USD,1," in report_of(book, "valuations")
    with settings_changed(book, '\n[prices]\nsources = ["best"]\nstablecoins = "par"\ngap_minutes = 45\n') as changed:
        told = report_of(changed, "valuations")
        assert b",650,BNB->USDT->USD,1,BNB/USDT,650,best," in told
        assert b",650,BNB->USDT->USD,2,USDT/USD,1,par," in told
        assert b",650," in report_of(changed, "lots")
        assert (
            "best, then others by name; gap 45 minutes, between currencies 7 days; stablecoins at par"
            in report_of(changed, "gains", "json").decode()
        )


def test_the_policy_in_force_stands_in_the_report_of_valuations_and_an_unusual_one_on_every_cover(
    book: Book, report_of: Callable[..., bytes]
) -> None:
    usual = "manual, then others by name; gap 60 minutes, between currencies 7 days; stablecoins at market"
    assert usual in report_of(book, "valuations", "json").decode()
    assert usual not in report_of(book, "summary", "json").decode()
    with settings_changed(book, '\n[prices]\nstablecoins = "par"\n') as changed:
        assert usual.replace("market", "par") in report_of(changed, "summary", "json").decode()


def test_a_quote_that_comes_later_and_is_nearer_changes_what_was_valued_before(
    book: Book, receipt: Callable[[str], None], priced: Callable[..., None], report_of: Callable[..., bytes]
) -> None:
    receipt("BNB")
    priced("2025-03-01T11:10Z BNB/USD 600 a")
    priced("2025-03-01T11:50Z BNB/USD 610 a")
    lots = report_of(book, "lots")
    assert b",610," in lots
    book.rebuild()
    assert report_of(book, "lots") == lots


def test_a_purchase_for_foreign_money_costs_what_that_money_was_worth(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], priced: Callable[..., None], report_of: Callable[..., bytes]
) -> None:
    book.import_files([write(row("b1", quote_asset="EUR", quote_amount="50000", time="2025-03-01T12:00:30Z"))])
    priced("2025-03-01T00:00Z EUR/USD 1.05 ecb", "2025-03-01T12:00Z BTC/USD 99999 a")
    assert b",52500," in report_of(book, "lots")


def test_a_price_by_hand_goes_first_and_stands(book: Book, receipt: Callable[[str], None], valuations: Callable[[], list[str]]) -> None:
    receipt("BNB")
    book.set_price(BNB, USD, NOON, Decimal("601.5"), evidence="a sheet")
    assert valuations() == ["601.5 BNB->USD 601.5 manual"]
    with pytest.raises(InputError, match=r"was given before: 601\.5"):
        book.set_price(BNB, USD, NOON, Decimal(700), evidence="another sheet")
    assert valuations() == ["601.5 BNB->USD 601.5 manual"]


@pytest.mark.parametrize(
    ("currency", "at", "price", "evidence", "message"),
    [
        (USD, NOON, "0", "x", "cannot be"),
        (BNB, NOON, "1", "x", "cannot be"),
        (USD, NOON.replace(tzinfo=None), "1", "x", "has no zone"),
        (USD, datetime(2999, 1, 1, tzinfo=UTC), "1", "x", "in the future"),
        (USD, NOON, "1", " ", "no evidence"),
    ],
)
def test_a_price_by_hand_that_cannot_be_is_refused(
    book: Book, currency: AssetCode, at: datetime, price: str, evidence: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        book.set_price(BNB, currency, at, Decimal(price), evidence=evidence)
    assert book.price_series() == ()


def test_of_several_files_all_or_none_are_taken_in(book: Book, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("time,asset,currency,price\n2025-03-01T12:00:00Z,BTC,USD,1\n", encoding="utf-8")
    bad.write_text("time,asset,currency,price\n2025-03-01T12:00:00Z,BTC,USD,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="1 row is bad") as refused:
        book.import_prices([good, bad])
    assert [fault.line for fault in refused.value.faults] == [2]
    assert book.price_series() == ()
    assert [outcome.new for outcome in book.import_prices([good])] == [1]
    assert [outcome.new for outcome in book.import_prices([good])] == [0]
