"""Income in a book: dated and priced by control, spam at zero, lines of the return by kind, gifts and forks."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError
from ledger.domain.lot import Lot

Row = dict[str, str]
MakeRow = Callable[..., Row]
Write = Callable[..., Path]
ReportOf = Callable[..., bytes]
D = Decimal


def with_law(book: Book, lines: str) -> Book:
    place = book.settings.folder / "lotwright.toml"
    place.write_text(place.read_text(encoding="utf-8") + f"\n[law]\n{lines}\n", encoding="utf-8")
    return Book.open(book.settings.folder)


def received(book: Book, report_of: ReportOf) -> list[Row]:
    text = report_of(book, "income").decode()
    return list(csv.DictReader(io.StringIO(text.split("\n\n")[0])))


def lots(book: Book) -> list[Lot]:
    return list(book.lots())


@pytest.fixture
def reward(row: MakeRow) -> MakeRow:
    """Return a maker of income rows: an ether of staking worth 3,000, in December 2025, unless told otherwise."""

    def made(ident: str, **cells: str) -> Row:
        plain = {"time": "2025-12-20T12:00:00Z", "type": "income", "asset": "ETH", "kind": "staking", "value": "3000"}
        return row(ident, **(plain | cells))

    return made


def test_income_is_of_the_day_on_which_control_begins(book: Book, reward: MakeRow, write: Write, report_of: ReportOf) -> None:
    book.import_files([write(reward("r1", acquired="2026-01-10T12:00:00Z"), reward("r2"))])
    found = {one["event"]: (one["received_at"][:10], one["date_received"], one["year"]) for one in received(book, report_of)}
    assert found == {"r1": ("2025-12-20", "2026-01-10", "2026"), "r2": ("2025-12-20", "2025-12-20", "2025")}
    assert sorted(lot.acquired_at.date().isoformat() for lot in lots(book)) == ["2025-12-20", "2026-01-10"]


def test_a_telling_of_control_later_completes_the_event(book: Book, reward: MakeRow, write: Write, report_of: ReportOf) -> None:
    book.import_files([write(reward("r1"))])
    book.import_files([write(reward("r1", acquired="2026-01-10T12:00:00Z"))])
    (found,) = received(book, report_of)
    assert found["year"] == "2026"
    book.import_files([write(reward("r1"))])
    (found,) = received(book, report_of)
    assert found["year"] == "2026"


def test_a_price_that_lacks_is_one_of_the_moment_of_control(book: Book, reward: MakeRow, write: Write) -> None:
    book.import_files([write(reward("r1", value="", acquired="2026-01-10T12:00:00Z"))])
    (finding,) = book.findings()
    assert finding.message.startswith("no price of ETH at 2026-01-10T12:00:00")


def test_spam_is_worth_nothing_until_it_is_disposed_of(
    book: Book, row: MakeRow, reward: MakeRow, write: Write, report_of: ReportOf, gains_of: Callable[..., list[Row]]
) -> None:
    with with_law(book, 'spam = ["SCAM"]') as strict:
        sold = row("s1", type="sell", time="2025-12-24T12:00:00Z", asset="SCAM", amount="10", quote_amount="7")
        drops = (reward("r1", asset="SCAM", amount="10", value="", kind="airdrop"), reward("r2", asset="SCAM", amount="5", value="900"))
        strict.import_files([write(*drops, sold)])
        assert [(one["event"], one["value"], one["finding"]) for one in received(strict, report_of)] == [("r1", "0", ""), ("r2", "0", "")]
        assert [(one["cost_basis"], one["gain"]) for one in gains_of(strict)] == [("0", "7")]
        assert strict.findings() == ()


def test_lines_of_the_return_follow_the_kind_and_the_user_may_name_others(
    book: Book, reward: MakeRow, write: Write, report_of: ReportOf
) -> None:
    book.import_files([write(reward("r1"), reward("r2", kind="mining"))])
    assert {one["line"] for one in received(book, report_of)} == {"Schedule 1, line 8v"}
    with with_law(book, 'income_lines = { mining = "Schedule C, line 1" }') as told:
        lines = {one["event"]: one["line"] for one in received(told, report_of)}
    assert lines == {"r1": "Schedule 1, line 8v", "r2": "Schedule C, line 1"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('spam = "SCAM"', "law.spam is 'SCAM'"),
        ('income_lines = { stake = "x" }', "law.income_lines has no 'stake'"),
        ('income_lines = "x"', "law.income_lines is 'x'"),
    ],
)
def test_other_words_are_refused(book: Book, line: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        with_law(book, line)
    assert said in refused.value.message


def test_a_fork_without_units_is_no_event_and_one_with_units_is_income(
    book: Book, row: MakeRow, reward: MakeRow, write: Write, report_of: ReportOf
) -> None:
    book.import_files([write(row("b1"), reward("f1", asset="BCH", kind="fork", value="250"))])
    assert [(one["kind"], one["value"]) for one in received(book, report_of)] == [("fork", "250")]
    assert {lot.asset: lot.cost_basis for lot in lots(book)} == {"BTC": D(50000), "BCH": D(250)}


def test_a_gift_keeps_the_givers_basis_and_date_and_giving_or_losing_is_no_gain(
    book: Book, row: MakeRow, write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    gift = row("g1", type="gift_in", value="8000", acquired="2021-05-04")
    gone = [row(kind, type=kind, time="2025-04-01T12:00:00Z", amount="0.1") for kind in ("gift_out", "donation", "lost")]
    sold = row("s1", type="sell", time="2025-05-01T12:00:00Z", amount="0.5", quote_amount="30000")
    book.import_files([write(gift, *gone, sold)])
    (only,) = gains_of(book)
    assert (only["date_acquired"], only["cost_basis"], only["gain"], only["term"]) == ("2021-05-04", "4000", "26000", "long")
    (left,) = lots(book)
    assert (left.quantity_open, left.cost_open) == (D("0.2"), D(1600))


def test_spending_is_a_disposal_at_its_value(book: Book, row: MakeRow, write: Write, gains_of: Callable[..., list[Row]]) -> None:
    spent = row("p1", type="spend", time="2025-04-01T12:00:00Z", amount="0.1", value="6000", fee_asset="USD", fee_amount="10")
    book.import_files([write(row("b1"), spent)])
    (only,) = gains_of(book)
    assert (only["proceeds"], only["cost_basis"]) == ("5990", "5000")
