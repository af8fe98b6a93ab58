"""What exports of one account lack is found of all of them together: one may hold what another misses, in whatever order they come."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from ledger.book import Book

NewBook = Callable[..., Book]

HEADER = "txid,refid,time,type,subtype,aclass,asset,wallet,amount,fee,balance"
OPENED = "LMONEY,RMONEY,2024-03-01 10:00:00,deposit,,currency,ZUSD,spot,1000,0,1000"
PAID = "LPAID1,TRADE1,2024-03-02 11:00:05,trade,,currency,ZUSD,spot,-50,0.08,949.92"
GOT = "LGOT01,TRADE1,2024-03-02 11:00:05,trade,,currency,XXBT,spot,0.001,0,0.001"
WAITS = ",RCOINS,2024-03-03 09:00:00,deposit,,currency,XXBT,spot,0.01,0,"
CAME = "LCAME1,RCOINS,2024-03-04 11:00:00,deposit,,currency,XXBT,spot,0.01,0,0.011"
SOLD = "LSOLD1,TRADE2,2024-03-05 11:00:05,trade,,currency,XXBT,spot,-0.0009,0.0001,0.01"
TOOK = "LTOOK1,TRADE2,2024-03-05 11:00:05,trade,,currency,ZUSD,spot,45,0,994.92"
ROWS = (OPENED, PAID, GOT, WAITS, CAME, SOLD, TOOK)

DOLLARS = tuple(line for line in ROWS if ",ZUSD," in line)
COINS = tuple(line for line in ROWS if ",XXBT," in line)
BEGINNING, MIDDLE, END = (OPENED, PAID, GOT, WAITS), (CAME,), (SOLD, TOOK)
OLDER = 8  # the place of the column that older exports have not


@pytest.fixture
def lacking(new_book: NewBook, tmp_path: Path) -> Callable[..., list[tuple[str, str]]]:
    """Return what imports files, given as rows, one after another into a book of its own, and tells what they lack in the end."""

    def found(*files: tuple[str, ...], together: bool = False, header: str = HEADER) -> list[tuple[str, str]]:
        book = new_book()
        paths = [tmp_path / f"ledgers-{number}.csv" for number in range(len(files))]
        for path, lines in zip(paths, files, strict=True):
            path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
        for batch in [paths] if together else [[path] for path in paths]:
            book.import_files(batch, account="kraken")
        with book.store.read() as reader:
            assert reader.counts()["payload"] == len(files)
            return [(one.code, one.subject) for origin, one in reader.findings() if origin.startswith(("files:", "payload:"))]

    return found


LacksOf = Callable[..., list[tuple[str, str]]]


def test_what_one_asset_alone_lacks_is_answered_by_the_export_of_all(lacking: LacksOf) -> None:
    assert {code for code, _ in lacking(DOLLARS)} == {"unsupported-exchange"}
    assert {code for code, _ in lacking(COINS)} == {"unsupported-exchange"}
    for order in permutations((DOLLARS, COINS, ROWS)):
        assert lacking(*order) == []


def test_two_exports_of_one_asset_each_still_lack_the_exchange_in_either_order(lacking: LacksOf) -> None:
    halves = [f"kraken/ledger/{row_id}" for row_id in ("LGOT01", "LPAID1", "LSOLD1", "LTOOK1")]
    expected = [("unsupported-exchange", subject) for subject in halves]
    assert lacking(DOLLARS, COINS) == lacking(COINS, DOLLARS) == lacking(DOLLARS, COINS, together=True) == expected


def test_exports_of_parts_of_a_time_lack_nothing_once_all_are_there(lacking: LacksOf) -> None:
    for order in permutations((BEGINNING, MIDDLE, END)):
        assert lacking(*order) == lacking(*order, together=True) == []


def test_what_no_export_has_is_found_whatever_came_first(lacking: LacksOf) -> None:
    without_middle = [("balance-break", "kraken/break/LSOLD1"), ("pending-row", "kraken/pending/RCOINS")]
    assert lacking(BEGINNING, END) == lacking(END, BEGINNING) == without_middle
    opening = [("opening-balance", f"kraken/opening/{asset} (spot)") for asset in ("BTC", "USD")]
    assert lacking(MIDDLE, END) == lacking(END, MIDDLE) == opening


def test_the_only_export_lacks_the_same_when_it_is_imported_again(lacking: LacksOf, book: Book, tmp_path: Path) -> None:
    once = lacking(END)
    again = tmp_path / "again.csv"
    again.write_text("\n".join([HEADER, *END, ""]), encoding="utf-8")
    for _ in range(2):
        book.import_files([again], account="kraken")
        with book.store.read() as reader:
            assert [(one.code, one.subject) for origin, one in reader.findings() if origin.startswith("files:")] == once


def test_balances_of_exports_with_and_without_wallets_run_apart(lacking: LacksOf, new_book: NewBook, tmp_path: Path) -> None:
    assert lacking(ROWS) == []
    book = new_book()
    older = [",".join(cell for place, cell in enumerate(line.split(","), 1) if place != OLDER) for line in (HEADER, *ROWS)]
    files = {"older": older, "newer": [HEADER, *MIDDLE]}
    for name, lines in files.items():
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        book.import_files([path], account="kraken")
    with book.store.read() as reader:
        found = [(one.code, one.subject) for origin, one in reader.findings() if origin.startswith("files:")]
    assert found == [("opening-balance", "kraken/opening/BTC (spot)")]
