"""Closing a year: what is frozen and how it is sealed, what is refused, and that a killed run leaves nothing."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.book import Book, Selection
from ledger.domain.errors import BookError, InputError
from ledger.domain.ids import Hash
from ledger.pipeline.periods.closed import closing_hash

Row = dict[str, str]
Make = Callable[..., Row]
Write = Callable[..., Path]
OnDay = Callable[..., Book]
NewBook = Callable[..., Book]
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough

DIES = """
import os, signal, sys
from pathlib import Path
from ledger.book import Book
from ledger.storage.writer import Writer

stored = Writer.add_closed_year

def die(self, closed, content):
    stored(self, closed, content)
    os.kill(os.getpid(), signal.SIGKILL)

Writer.add_closed_year = die
with Book.open(Path(sys.argv[1])) as book:
    book.close_year(2025)
"""


def refused(book: Book, year: int, **how: bool) -> InputError:
    """Close a year in vain; nothing may be stored."""
    before = book.closed_years()
    with pytest.raises(InputError) as error:
        book.close_year(year, **how)
    assert book.closed_years() == before
    return error.value


# --- what is frozen --------------------------------------------------------------------------------------------------


def test_a_closing_says_what_it_stands_for_and_is_sealed_with_the_book(traded: Book) -> None:
    closed = traded.close_year(2025)
    assert traded.closed_years() == (closed,)
    assert (closed.year, closed.version, str(closed.from_day), str(closed.to_day)) == (2025, 1, "2025-01-01", "2025-12-31")
    assert (closed.disposals, closed.receipts, closed.lots, closed.gain) == (1, 1, 3, 4000)
    assert (closed.regime, closed.regime_version, closed.amends) == ("us", "1", None)
    with traded.store.read() as reader:
        computation = reader.computation()
        assert closed.previous_hash == reader.genesis()
    assert computation is not None
    assert (closed.input_hash, closed.options) == (computation.input_hash, computation.options)
    assert closed.hash == closing_hash(closed)


def test_every_part_of_a_closing_is_under_its_hash(traded: Book) -> None:
    closed = traded.close_year(2025)
    for name in closed.__slots__:
        told = getattr(closed, name)
        if name != "hash":
            other = "x" if isinstance(told, str) or told is None else told.replace(year=2020) if hasattr(told, "replace") else told + 1
            assert closing_hash(replace(closed, **{name: other})) != closed.hash, name


def test_an_amended_closing_names_the_one_before_and_both_stay(traded: Book, late: Path) -> None:
    first = traded.close_year(2025)
    other = traded.close_year(2024)
    traded.import_files([late])
    second = traded.close_year(2025, amend=True)
    assert (second.version, second.amends, second.previous_hash) == (2, first.hash, other.hash)
    assert second.input_hash != first.input_hash
    assert second.gain == 5900  # 9000 less 100 for 0.2 of the late lot and 3000 for 0.3 of the first, in place of 5000
    assert traded.closed_years() == (first, other, second)
    assert traded.check() == ()


@ON_SQLITE
def test_an_empty_year_can_be_closed(traded: Book) -> None:
    closed = traded.close_year(2023)
    assert (closed.disposals, closed.receipts, closed.lots, closed.gain) == (0, 0, 0, 0)


# --- what is refused -------------------------------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize(
    ("zone", "day", "is_over"), [("UTC", "2026-01-01", True), ("Pacific/Kiritimati", "2025-12-31", True), ("UTC", "2025-12-31", False)]
)
def test_a_year_is_over_when_it_is_over_in_the_zone_of_the_book(
    new_book: NewBook, on_day: OnDay, *, zone: str, day: str, is_over: bool
) -> None:
    book = on_day(new_book(time_zone=zone), day)
    if is_over:
        assert book.close_year(2025).year == 2025
    else:
        error = refused(book, 2025)
        assert (error.message, error.mend) == ("2025 is not over before the end of 2025-12-31", "close it on 2026-01-01 or later")


@ON_SQLITE
def test_a_year_is_closed_once_and_amended_only_when_the_book_says_something_else(traded: Book) -> None:
    assert "was never closed" in refused(traded, 2025, amend=True).message
    traded.close_year(2025)
    error = refused(traded, 2025)
    assert error.message == "2025 is closed already (version 1, 2026-05-01)"
    assert "period diff 2025" in error.mend
    assert "there is nothing to amend" in refused(traded, 2025, amend=True).message


@ON_SQLITE
def test_findings_that_touch_the_year_are_mended_or_frozen_with_it(traded: Book, row: Make, write: Write, on_day: OnDay) -> None:
    traded.import_files([write(row("s9", type="sell", account="other", time="2025-08-01T12:00:00Z"))])
    error = refused(traded, 2025)
    assert "2025 may still change: 1 findings touch it" in error.message
    assert "missing-basis" in error.message
    assert "--with-findings" in error.mend
    assert on_day(traded, "2026-05-02").close_year(2025, with_findings=True).disposals == 2
    with traded.report("summary", Selection(period=traded.period_of(2025), as_filed=True)) as document:
        assert document.findings == ("1 error: missing-basis",)


@ON_SQLITE
def test_findings_of_what_happened_after_the_year_do_not_keep_it_open(traded: Book, row: Make, write: Write) -> None:
    traded.import_files([write(row("s9", type="sell", account="other", time="2026-01-01T00:00:00Z"))])
    assert {finding.code for finding in traded.findings()} == {"missing-basis"}
    assert traded.close_year(2025).version == 1


@ON_SQLITE
def test_transfers_that_are_open_and_missing_prices_keep_a_year_open(traded: Book, row: Make, write: Write) -> None:
    traded.import_files([write(row("w1", type="withdrawal", amount="0.1", time="2025-09-01T12:00:00Z"))])
    assert "unpaired-withdrawal" in refused(traded, 2025).message
    traded.import_files([write(row("i2", type="income", kind="staking", asset="ETH", time="2025-09-01T12:00:00Z"))])
    assert "2 findings" in (message := refused(traded, 2025).message)
    assert "missing-price" in message


def test_a_uk_year_waits_for_the_thirty_days_after_its_last_sale(new_book: NewBook, row: Make, write: Write, on_day: OnDay) -> None:
    book = on_day(new_book(regime="uk"), "2025-05-01")
    pounds = {"quote_asset": "GBP"}
    bought = row("b1", time="2025-03-01T12:00:00Z", amount="2", quote_amount="20000", **pounds)
    sold = row("s1", time="2025-04-05T12:00:00Z", type="sell", quote_amount="30000", **pounds)
    again = row("b2", time="2025-05-05T12:00:00Z", quote_amount="25000", **pounds)
    book.import_files([write(bought, sold)])
    error = refused(book, 2024, with_findings=True)
    assert error.message == "disposals of 2024 may still be matched with what happens up to 2025-05-05"
    assert error.mend.startswith("close it on 2025-05-06 or later")
    on_day(book, "2025-05-06")
    book.import_files([write(again)])
    closed = book.close_year(2024)
    assert (str(closed.from_day), str(closed.to_day), closed.gain) == ("2024-04-06", "2025-04-05", 5000)


@ON_SQLITE
def test_a_year_that_shares_days_with_a_closed_one_is_refused(new_book: NewBook, on_day: OnDay) -> None:
    book = on_day(new_book(regime="generic"), "2026-05-01")
    book.close_year(2024)
    settings = book.settings.folder / "lotwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + 'year_start = "07-01"\n', encoding="utf-8")
    with Book.open(book.settings.folder) as moved:
        on_day(moved, "2026-05-01")
        assert "shares days with 2024" in refused(moved, 2023).message
        assert "shares days with 2024" in refused(moved, 2024, amend=True).message


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_run_that_is_killed_while_it_closes_leaves_the_book_as_it_was(traded: Book) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(traded.settings.folder)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert traded.closed_years() == ()
    assert traded.check() == ()
    assert traded.close_year(2025).seq == 1


def tamper(book: Book, statement: str, **values: object) -> None:
    backend = book.store._backend
    with backend.writing() as connection:
        if backend.engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER closed_year_refuses_update"))
            connection.execute(text("DROP TRIGGER closed_year_refuses_delete"))
        else:
            connection.execute(text("DROP TRIGGER closed_year_append_only ON closed_year"))
        connection.execute(text(statement), values)


@pytest.mark.parametrize(
    "change", ["content = :junk", "gain = 1", "closed_at = '2020-01-01T00:00:00.000000Z'", "content_hash = 'x'", "hash = 'x'"]
)
def test_a_closing_that_was_changed_is_found_and_no_report_shows_it(traded: Book, change: str, year_2025: Selection) -> None:
    traded.close_year(2025)
    tamper(traded, f"UPDATE closed_year SET {change}", **({"junk": b"x\x9cjunk"} if ":junk" in change else {}))  # noqa: S608  # changes of this test
    (finding,) = traded.check()
    assert (finding.code, finding.severity, finding.subject) == ("changed-closed-year", "error", "2025/1")
    with pytest.raises(BookError, match="is not what was stored"), traded.report("gains", year_2025):
        pytest.fail("figures that were changed are not shown")


def test_a_closing_that_was_taken_away_is_missed_by_the_next(traded: Book) -> None:
    for year in (2023, 2024, 2025):
        traded.close_year(year)
    tamper(traded, "DELETE FROM closed_year WHERE year = 2024")
    assert {(finding.code, finding.subject) for finding in traded.check()} == {("changed-closed-year", "2025/1")}


def test_a_computation_is_cited_by_a_hash_that_changes_with_what_goes_in(traded: Book, late: Path) -> None:
    def cited() -> Hash | None:
        with traded.store.read() as reader:
            computation = reader.computation()
        assert computation is not None
        return computation.input_hash

    first = cited()
    traded.rebuild()
    assert cited() == first
    traded.import_files([late])
    assert cited() not in (None, first)
