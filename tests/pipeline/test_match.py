"""Lots follow the book and its settings: whatever changed is matched anew, and nothing else is left behind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book, Selection
from ledger.domain.election import Election, EvidenceGrade, LotPick, PickOrder, StandingOrder
from ledger.domain.election import Selection as LotSelection
from ledger.domain.errors import InputError
from ledger.domain.ids import ElectionId, SourceId
from ledger.pipeline.match import MatchResult, is_current, options_text
from ledger.pipeline.terms import terms_of
from ledger.ports import BookTerms, MatchingRule
from ledger.storage.store import Store
from ledger.tax.generic import Generic

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


def test_a_book_stays_in_the_currency_in_which_it_was_made(book: Book, two_accounts: Path, gains_of: Callable[..., list[Row]]) -> None:
    book.import_files([two_accounts])
    with with_settings(book, 'regime    = "us"', 'regime    = "generic"') as generic:
        assert [gain["gain"] for gain in gains_of(generic)] == ["30000"]
        with pytest.raises(InputError, match=r"book\.currency is EUR, the book was made in USD"):
            with_settings(generic, '"USD"', '"EUR"')


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
        patch.setattr("ledger.book.core.derive_into", lambda *_, **__: MatchResult())
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
    assert [(one.code, one.severity) for one in book.findings()] == [("unknown-acquisition", "warning"), ("unpaired-deposit", "warning")]
    book.import_files([write(row("s1", time="2025-03-02T12:00:00Z", type="sell", amount="3", quote_amount="9"))])
    assert [finding.code for finding in book.findings()] == ["missing-basis", "unpaired-deposit"]
    assert [(gain["lot"], gain["matched_by"], gain["date_acquired"]) for gain in gains_of(book)] == [("", "missing", "")]


def test_an_event_without_a_place_in_the_lots_is_refused_and_the_book_stays_as_it_was(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    book.import_files([write(row("b1", time="2025-02-01T12:00:00Z"))])
    rebate = write(row("s1", type="sell", fee_asset="BTC", fee_amount="-2"))
    too_dear = write(row("b2", quote_amount="9" * 20, fee_asset="USD", fee_amount="9" * 20))
    for path, said in ((rebate, "a rebate of 2 BTC"), (too_dear, "has more than 20 integer digits")):
        for dry_run in (True, False):
            with pytest.raises(InputError, match=said):
                book.import_files([path], dry_run=dry_run)
    assert book.status().rows["event"] == 1
    assert (gains_of(book), book.check()) == ([], ())


def test_an_event_without_a_place_in_the_lots_is_a_finding_when_a_venue_told_it(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # booked without being matched, as a sync books pages
        patch.setattr("ledger.book.core.derive_into", lambda *_, **__: MatchResult())
        book.import_files([write(row("b1", time="2025-02-01T12:00:00Z"), row("s1", type="sell", fee_asset="BTC", fee_amount="-2"))])
    assert [lot.quantity_open for lot in book.lots()] == [1]
    (finding,) = book.findings()
    assert (finding.code, finding.severity, finding.subject) == ("unsupported-case", "error", "main/s1")
    book.import_files([write(row("b3", time="2025-02-02T12:00:00Z"))])
    assert len(book.lots()) == 2


def test_what_a_check_found_goes_when_the_book_is_matched_anew(
    book: Book, two_accounts: Path, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    book.import_files([two_accounts])
    with book.store.write() as writer:
        writer.clear_matches(None)
    assert "lots-not-conserved" in {finding.code for finding in book.check()}
    book.import_files([write(*(row(f"n{number}", account=account) for number, account in enumerate(("main", "other"))))])
    assert (book.findings(), book.check()) == ((), ())


def test_a_check_matches_first_when_settings_have_changed(book: Book, two_accounts: Path) -> None:
    book.import_files([two_accounts])
    joined = '[connections.other]\nvenue = "coinbase-exchange"\nwallet = "main"\n\n'
    with with_settings(book, "[book]", joined + "[book]") as changed:
        assert changed.check() == ()


def test_a_value_that_is_told_later_completes_the_event(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    kept = row("o1", type="opening", time="2024-01-01", acquired="2020-05-05")
    sold = row("s1", type="sell", quote_amount="90000")
    book.import_files([write(kept, sold)])
    assert [(gain["lot_event"], gain["term"], gain["gain"], gain["finding"]) for gain in gains_of(book)] == [
        ("o1", "long", "90000", "missing-basis")
    ]
    assert [finding.mend for finding in book.findings()] == ["import row o1 again with its total cost as `value`"]
    (outcome,) = book.import_files([write(kept | {"value": "400"})])
    assert (outcome.tally.revised, outcome.tally.doubtful) == (1, 0)
    assert [(gain["gain"], gain["finding"]) for gain in gains_of(book)] == [("89600", "")]
    assert (book.findings(), book.check()) == ((), ())
    (outcome,) = book.import_files([write(kept)])
    assert (outcome.tally.known, outcome.tally.revised) == (1, 0)


# --- years, pools and elections ----------------------------------------------------------------------------------------


@pytest.fixture
def dear_later(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """A cheap bitcoin, one of two sold in June, and a dear one bought in August."""
    return write(
        row("b1", time="2025-03-01T12:00:00Z", quote_amount="20000"),
        row("b2", time="2025-04-01T12:00:00Z", quote_amount="30000"),
        row("s1", time="2025-06-01T12:00:00Z", type="sell", quote_amount="90000"),
        row("b3", time="2025-08-01T12:00:00Z", quote_amount="70000"),
    )


def test_another_start_of_the_year_is_reckoned_anew_at_the_next_report(
    new_book: Callable[..., Book], dear_later: Path, gains_of: Callable[..., list[Row]]
) -> None:
    book = new_book(regime="generic", method="total-average", scope="universal")
    book.import_files([dear_later])
    assert [(gain["matched_by"], gain["cost_basis"]) for gain in gains_of(book)] == [("pool", "40000")]
    assert len(gains_of(book, Selection(period=book.period_of(2025)))) == 1
    with with_settings(book, "[book]", '[book]\nyear_start = "07-01"') as changed:
        assert [(gain["matched_by"], gain["cost_basis"]) for gain in gains_of(changed)] == [("pool", "25000")]
        assert gains_of(changed, Selection(period=changed.period_of(2025))) == []
        assert len(gains_of(changed, Selection(period=changed.period_of(2024)))) == 1
        assert changed.check() == ()


def test_what_will_change_a_pool_is_found_once_and_marked_in_every_row(
    new_book: Callable[..., Book], dear_later: Path, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    book = new_book(regime="generic", method="average", scope="universal")
    later = row("s2", time="2025-09-01T12:00:00Z", type="sell", amount="0.5", quote_amount="50000")
    kept = row("o1", time="2025-02-01", type="opening")
    book.import_files([dear_later, write(kept, later)])
    assert [(gain["event"], gain["finding"]) for gain in gains_of(book)] == [("s1", "pool-incomplete"), ("s2", "pool-incomplete")]
    found = {finding.code: finding for finding in book.findings()}
    assert sorted(found) == ["pool-incomplete", "unknown-cost"]
    assert (found["pool-incomplete"].severity, found["pool-incomplete"].subject) == ("error", "BTC")
    assert "from 2025-06-01T12:00:00.000000Z on (sale s1)" in found["pool-incomplete"].message
    book.import_files([write(kept | {"value": "10000"})])
    assert [(gain["event"], gain["cost_basis"], gain["finding"]) for gain in gains_of(book)] == [
        ("s1", "20000", ""),
        ("s2", "18333.333333333333333333", ""),
    ]
    assert (book.findings(), book.check()) == ((), ())


class Elected(Generic):
    """No country in particular, with elections that its author wrote down."""

    def __init__(self, *elections: Election) -> None:
        self._elections = elections

    def rule(self, terms: BookTerms) -> MatchingRule:
        return super().rule(replace(terms, elections=self._elections))


def noted(ident: str, recorded: str, *picks: tuple[str, str], sale: str = "s1") -> LotSelection:
    return LotSelection(
        election_id=ElectionId(ident),
        recorded_at=datetime.fromisoformat(recorded).replace(tzinfo=UTC),
        grade=EvidenceGrade.OWN,
        picks=tuple(LotPick(lot=lot, quantity=Decimal(quantity)) for lot, quantity in picks),
        sale=SourceId(sale),
    )


IN_TIME, TOO_LATE = "2025-05-31T00:00:00", "2025-06-02T00:00:00"
VOID: tuple[tuple[str, LotSelection, str, list[tuple[str, str]]], ...] = (
    ("late", noted("e1", TOO_LATE, ("b2", "1")), "election-late", [("b1", "election-late")]),
    ("not-open", noted("e1", IN_TIME, ("b3", "1")), "election-lots-not-open", [("b1", "election-lots-not-open")]),
    ("short", noted("e1", IN_TIME, ("b2", "0.25")), "election-short", [("b1", "election-short"), ("b2", "")]),
)


@pytest.mark.parametrize(("selection", "code", "rows"), [case[1:] for case in VOID], ids=[case[0] for case in VOID])
def test_a_selection_that_does_not_count_is_found_and_marked_in_its_rows(
    new_book: Callable[..., Book],
    dear_later: Path,
    gains_of: Callable[..., list[Row]],
    selection: LotSelection,
    code: str,
    rows: list[tuple[str, str]],
) -> None:
    book = new_book(regime="generic")
    book.regime = Elected(selection)
    book.import_files([dear_later])
    assert sorted((gain["lot_event"], gain["finding"]) for gain in gains_of(book)) == rows
    (finding,) = book.findings()
    assert (finding.code, finding.severity) == (code, "warning")
    assert finding.subject.startswith("main/s1/D-")
    assert "(sale s1) by fifo: the " in finding.message


def test_a_selection_in_time_picks_its_lot_and_finds_nothing(
    new_book: Callable[..., Book], dear_later: Path, gains_of: Callable[..., list[Row]]
) -> None:
    book = new_book(regime="generic")
    book.regime = Elected(noted("e1", IN_TIME, ("b2", "1")))
    book.import_files([dear_later])
    assert [(gain["lot_event"], gain["matched_by"]) for gain in gains_of(book)] == [("b2", "selection:e1")]
    assert book.check() == ()


def test_elections_are_no_options_of_a_computation(book: Book) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    order = StandingOrder(
        election_id=ElectionId("e1"), recorded_at=start, grade=EvidenceGrade.OWN, order=PickOrder.HIFO, effective_from=start
    )
    assert options_text(terms_of(book.settings)) == options_text(terms_of(book.settings, [order]))
