"""Halves of transfers are paired by what comes after a year as well: a closed year is held against every link that changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError

Row = dict[str, str]
Make = Callable[..., Row]
Write = Callable[..., Path]

LEFT, CAME = "2025-12-31T23:30:00Z", "2026-01-01T00:20:00Z"
DIFFERS = ("closed-year-differs", "2025")


def told(book: Book) -> list[tuple[str, str]]:
    return [(finding.code, finding.subject) for finding in book.findings() if finding.code == DIFFERS[0]]


def citation(book: Book) -> str:
    with book.store.read() as reader:
        computation = reader.computation()
    assert computation is not None
    assert computation.input_hash is not None
    return computation.input_hash


@pytest.fixture
def sent(traded: Book, row: Make, write: Write) -> Book:
    """A withdrawal in the last hour of 2025."""
    traded.import_files([write(row("w1", type="withdrawal", amount="0.1", time=LEFT))])
    return traded


@pytest.fixture
def arrival(row: Make, write: Write) -> Path:
    """Its deposit, in the first hour of 2026."""
    return write(row("d1", type="deposit", amount="0.1", account="vault", time=CAME))


def test_a_deposit_after_the_year_that_pairs_with_a_withdrawal_in_it_makes_the_year_differ(sent: Book, arrival: Path) -> None:
    sent.close_year(2025, with_findings=True)
    sent.import_files([arrival])
    assert told(sent) == [DIFFERS]
    sent.check()
    assert told(sent) == [DIFFERS]
    sent.close_year(2025, amend=True)
    assert told(sent) == []


def test_a_decision_about_halves_makes_the_year_differ_until_it_is_taken_back(sent: Book, arrival: Path) -> None:
    sent.import_files([arrival])
    first = sent.close_year(2025)
    assert first.input_hash == citation(sent)
    sent.split_transfer("vault/d1")
    assert told(sent) == [DIFFERS]
    assert citation(sent) != first.input_hash
    sent.match_transfers("main/w1", "vault/d1")
    assert told(sent) == []


def test_a_decision_about_halves_long_after_the_year_costs_no_look_at_it(
    traded: Book, row: Make, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = {"amount": "0.1", "time": "2026-03-01T12:00:00Z"}
    traded.import_files([write(row("w1", type="withdrawal", **late), row("d1", type="deposit", account="vault", **late))])
    traded.close_year(2025)
    looked: list[object] = []
    monkeypatch.setattr("ledger.pipeline.periods.closed.differing", lambda *_, **__: looked.append(1))
    traded.split_transfer("vault/d1")
    assert looked == []


def test_a_half_that_waits_keeps_its_own_year_open_and_none_before(sent: Book, arrival: Path, row: Make, write: Write) -> None:
    with pytest.raises(InputError, match="unpaired-withdrawal"):
        sent.close_year(2025)
    sent.import_files([arrival, write(row("d2", type="deposit", account="cold", asset="SOL", time=CAME))])
    assert "unpaired-deposit" in {finding.code for finding in sent.findings()}
    assert sent.close_year(2025).version == 1


def test_a_filed_lot_of_halves_that_were_split_since_is_still_explained(traded: Book, row: Make, write: Write) -> None:
    """Nobody told how the coins were acquired; then somebody did, and the lot of unknown origin is in the closed year only."""
    halves = {"amount": "3", "asset": "SOL"}
    left = row("w1", type="withdrawal", account="hot", time="2025-09-01T12:00:00Z", **halves)
    came = row("d1", type="deposit", account="vault", time="2025-09-01T12:30:00Z", **halves)
    traded.import_files([write(left, came)])
    (lot,) = (lot for lot in traded.lots() if lot.asset == "SOL")
    assert (lot.wallet, lot.carried_by is not None) == ("vault", True)
    traded.close_year(2025, with_findings=True)
    traded.split_transfer("vault/d1")
    traded.import_files([write(row("b9", account="hot", time="2025-08-01T12:00:00Z", quote_amount="300", **halves))])
    (link,) = traded.explain(lot.lot_id)
    assert link.kind == "lot as filed"
    journey = link.rests_on[0]
    assert (journey.kind, journey.ident) == ("transfer", "(not known) -> vault")
    assert dict(journey.says)["halves paired by"] == "nothing any more"
