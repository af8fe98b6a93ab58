"""Lots follow the book and its settings: whatever changed is matched anew, and nothing else is left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError
from ledger.pipeline.match import is_current
from ledger.storage.store import Store

Row = dict[str, str]


def with_settings(book: Book, old: str, new: str) -> Book:
    """Change the settings file by hand, as a user does, and open the book again."""
    path = book.settings.folder / "lotwright.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return Book.open(book.settings.folder)


def computations(store: Store) -> int:
    with store.read() as reader:
        return reader.counts()["computation"]


@pytest.fixture
def two_accounts(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """A cheap bitcoin in one account, and a dear one that is sold in the other."""
    return write(
        row("b1", time="2024-03-01T12:00:00Z", quote_amount="20000"),
        row("b2", time="2024-06-01T12:00:00Z", account="other", quote_amount="60000"),
        row("s1", time="2025-01-01T02:00:00Z", account="other", type="sell", quote_amount="90000"),
    )


def test_wallets_that_become_one_are_matched_anew_at_the_next_report(
    book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]]
) -> None:
    book.import_files([two_accounts])
    assert [(gain["lot_event"], gain["gain"]) for gain in gains_of(book)] == [("b2", "30000")]
    joined = '[connections.main]\nvenue = "coinbase-exchange"\nwallet = "one"\n\n'
    joined += '[connections.other]\nvenue = "coinbase-exchange"\nwallet = "one"\n\n'
    with with_settings(book, "[book]", joined + "[book]") as changed:
        assert [(gain["lot_event"], gain["wallet"], gain["gain"]) for gain in gains_of(changed)] == [("b1", "one", "70000")]
        assert changed.check() == ()


def test_another_zone_moves_days_and_years_at_the_next_report(book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]]) -> None:
    book.import_files([two_accounts])
    assert [(gain["date_disposed"], gain["box"]) for gain in gains_of(book)] == [("2025-01-01", "I")]
    with with_settings(book, '"UTC"', '"America/New_York"') as changed:
        assert [(gain["date_disposed"], gain["box"]) for gain in gains_of(changed)] == [("2024-12-31", "C")]


def test_another_regime_is_reckoned_anew_at_the_next_report(book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]]) -> None:
    book.import_files([two_accounts])
    assert [(gain["term"], gain["box"]) for gain in gains_of(book)] == [("short", "I")]
    with with_settings(book, 'regime    = "us"', 'regime    = "generic"') as changed:
        with changed.store.read() as reader:
            assert not is_current(reader, changed.settings, changed.regime)
        assert [(gain["term"], gain["box"]) for gain in gains_of(changed)] == [("", "")]


def test_another_currency_needs_other_prices(book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]]) -> None:
    book.import_files([two_accounts])
    with with_settings(book, 'regime    = "us"', 'regime    = "generic"') as generic, with_settings(generic, '"USD"', '"EUR"') as changed:
        assert [(gain["proceeds"], gain["finding"]) for gain in gains_of(changed)] == [("", "missing-price")]
        assert {finding.subject for finding in changed.findings()} == {"main/b1/value", "other/b2/value", "other/s1/value"}
        with with_settings(changed, '"EUR"', '"USD"') as back:
            assert [gain["gain"] for gain in gains_of(back)] == ["30000"]
            assert back.findings() == ()


@pytest.mark.parametrize(("old", "new"), [('"fifo"', '"hifo"'), ('"wallet"', '"universal"'), ('"USD"', '"EUR"')])
def test_settings_that_the_regime_does_not_allow_are_refused_on_opening(book: Book, old: str, new: str) -> None:
    with pytest.raises(InputError, match="regime 'us'"):
        with_settings(book, old, new)


def test_settings_as_they_were_match_nothing_anew(book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]]) -> None:
    book.import_files([two_accounts])
    gains, done = gains_of(book), computations(book.store)
    assert gains_of(book) == gains
    book.import_files([two_accounts])
    assert computations(book.store) == done
    book.rebuild()
    assert (computations(book.store), gains_of(book)) == (done + 1, gains)


def test_a_run_killed_between_booking_and_matching_is_finished_by_the_next_report(
    book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ledger.book.match_book", lambda *_, **__: ())
        book.import_files([two_accounts])
    assert computations(book.store) == 0
    assert [gain["gain"] for gain in gains_of(book)] == ["30000"]


def test_missing_history_that_comes_later_replaces_the_missing_basis(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    sale = row("s1", time="2025-03-02T12:00:00Z", type="sell", amount="2", quote_amount="120000")
    book.import_files([write(sale, row("b1"))])
    pieces = [(gain["lot_event"], gain["quantity"], gain["cost_basis"], gain["finding"]) for gain in gains_of(book)]
    assert sorted(pieces) == [("", "1", "0", "missing-basis"), ("b1", "1", "50000", "")]
    assert [(finding.code, finding.severity) for finding in book.findings()] == [("missing-basis", "error")]
    book.import_files([write(row("b0", time="2025-01-01T00:00:00Z", quote_amount="10000"))])
    assert {gain["lot_event"]: gain["gain"] for gain in gains_of(book)} == {"b0": "50000", "b1": "10000"}
    assert book.findings() == ()


def test_units_of_an_unpaired_deposit_are_named_until_they_are_sold(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    book.import_files([write(row("d1", type="deposit", amount="3"))])
    (finding,) = book.findings()
    assert (finding.code, finding.severity) == ("unknown-acquisition", "warning")
    book.import_files([write(row("s1", time="2025-03-02T12:00:00Z", type="sell", amount="3", quote_amount="9"))])
    assert [finding.code for finding in book.findings()] == ["missing-basis"]
    assert [(gain["lot"], gain["matched_by"], gain["date_acquired"]) for gain in gains_of(book)] == [("", "missing", "")]
