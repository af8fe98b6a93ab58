"""Files of prices as they come: zipped, twice, with two prices of one moment; refused as a whole or stored as a whole."""

import io
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from ledger.book import Book
from ledger.domain.errors import InputError

HEADER = "time,asset,currency,price"
ECB = "Date,USD,JPY,GBP,\n2025-01-03,1.03,162,0.8,\n2025-01-02,1.02,161,0.8,\n"
KRAKEN = "1735812000,3400,3401,3399,3450.25,10,5\n1735812060,3400,3401,3399,3451,10,5\n"


@pytest.fixture
def take(book: Book, tmp_path: Path) -> Callable[..., str]:
    """Return what imports a file by its name and content, and says what came of it."""

    def taken(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        (outcome,) = book.import_prices([path])
        return f"{outcome.format_name} {outcome.quotes} {outcome.new}"

    return taken


def zipped(**members: str) -> bytes:
    target = io.BytesIO()
    with ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"folder/{name}.csv", content)
    return target.getvalue()


def test_an_archive_with_one_file_is_known_by_that_file_s_name(take: Callable[..., str]) -> None:
    assert take("eurofxref-hist.zip", zipped(rates=ECB)) == "ecb 6 6"
    assert take("candles.zip", zipped(XBTUSD_1=KRAKEN)) == "kraken-candles 2 2"
    assert take("XBTUSD_1.csv", KRAKEN) == "kraken-candles 2 0"


def test_a_workbook_of_own_prices_is_read(take: Callable[..., str]) -> None:
    sheet = Workbook()
    assert sheet.active is not None
    sheet.active.append((*HEADER.split(","), "source"))
    sheet.active.append(("2025-01-02T10:00:00Z", "BTC", "USD", 95000.5))
    target = io.BytesIO()
    sheet.save(target)
    assert take("mine.xlsx", target.getvalue()) == "lotwright-prices 1 1"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.zip", zipped(a=ECB, b=ECB), "does not hold exactly one CSV file"),
        ("e.csv", ECB.replace(",", ";"), "line 1: the cells seem to be separated by semicolons"),
        ("e.csv", "", "is empty"),
        ("e.csv", "Date,USD,JPY,GBP,\n", "holds no price of an asset or currency that is known"),
        ("e.csv", "Date,USD,JPY,GBP,\n2025-01-03,N/A,N/A,N/A,\n", "holds no price"),
    ],
)
def test_what_has_no_price_to_give_is_refused(name: str, content: str | bytes, told: str, book: Book, take: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=told) as refused:
        take(name, content)
    assert refused.value.mend
    assert book.price_series() == ()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "mine.csv",
            f"{HEADER}\n2025-01-02T10:00:00Z,BTC,USD,95\n2025-01-02T11:00:00+01:00,BTC,USD,95.5\n",
            "line 3: BTC/USD at 2025-01-02T10:00:00.000000Z: is 95.5 here and 95 in line 2, both by lotwright-prices (leave one out;",
        ),
        (
            "e.csv",
            ECB.replace("01-02", "01-03"),
            "line 3: EUR/USD at 2025-01-03T00:00:00.000000Z: is 1.02 here and 1.03 in line 2, both by ecb",
        ),
        (
            "e.csv",
            ECB.replace("GBP,", "GBP,USD").replace("0.8,", "0.8,162"),
            "line 2: EUR/USD at 2025-01-03T00:00:00.000000Z: is 162 here and 1.03 in line 2, both by ecb",
        ),
        ("mine.csv", f"{HEADER}\n2025-01-02T10:00:00Z,BTC,BTC,1\n", "line 2: BTC/BTC at 2025-01-02T10:00:00.000000Z: is a price of itself"),
        ("mine.csv", f"{HEADER}\n2999-01-02T10:00:00Z,BTC,USD,1\n", "line 2: BTC/USD at 2999-01-02T10:00:00.000000Z: is to come"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault_by_its_line(name: str, content: str, told: str, book: Book, take: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="nothing was imported") as refused:
        take(name, content)
    assert str(refused.value.faults[0]).startswith(told)
    assert book.price_series() == ()


def test_a_second_file_may_repeat_the_book_and_not_contradict_it_in_whatever_order_they_come(
    new_book: Callable[..., Book], tmp_path: Path
) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text(ECB.replace("1.03,", "1.030,"), encoding="utf-8")
    other.write_text(ECB.replace("1.03,", "1.04,") + "2025-01-01,1.01,160,0.8,\n", encoding="utf-8")
    for first, second in ((one, other), (other, one)):
        book = new_book()
        book.import_prices([first])
        before = book.price_series()
        with pytest.raises(InputError, match="1 row is bad; nothing was imported") as refused:
            book.import_prices([second])
        assert "in the book, both by ecb (leave one out; a price in the book stays" in str(refused.value.faults[0])
        assert book.price_series() == before
    again = tmp_path / "again.csv"
    again.write_text(ECB.replace("2025-01-03,1.03", "2025-01-04,1.05"), encoding="utf-8")
    assert [one.new for one in book.import_prices([again])] == [3]
