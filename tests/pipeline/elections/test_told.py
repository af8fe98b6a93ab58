"""Elections told by files, and what is matched anew for an election."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError
from ledger.pipeline.match import is_current
from ledger.storage.store import Writer

from .conftest import NOON, ONE, PICKED, STANDING, Counts, GainsOf, cited


def test_elections_of_a_file_are_kept_with_their_evidence_and_change_the_sales_they_mean(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    sell(held, "s1")
    sell(held, "s2", "0.5", time="2026-06-01T13:30:00Z")
    path = write_elections(PICKED | {"lot": "middle", "quantity": "0.75"}, STANDING, PICKED | {"lot": "low", "quantity": "0.25"})
    (outcome,) = held.import_files([path])
    assert (outcome.format_name, outcome.rows, outcome.tally.new) == ("lotwright-elections", 3, 2)
    assert cited(gains_of(held)) == [
        ("s1", "low", "0.25", "selection:my-pick"),
        ("s1", "middle", "0.75", "selection:my-pick"),
        ("s2", "high", "0.5", "order:my-order"),
    ]
    with held.store.read() as reader:
        told = [(one.election.election_id, one.election.grade.value, one.election.evidence, one.stored_at) for one in reader.register()]
    assert told == [("my-pick", "imported", "mail", NOON), ("my-order", "imported", "notary, no. 7", NOON)]
    assert held.check() == ()


def test_a_file_of_elections_twice_is_known_and_other_content_under_an_id_is_refused(
    held: Book, write_elections: Callable[..., Path], counts: Counts
) -> None:
    held.import_files([write_elections(STANDING)])
    (outcome,) = held.import_files([write_elections({**STANDING, "recorded_at": "2026-04-30T20:00:00-04:00"})])
    assert (outcome.tally.new, outcome.tally.known) == (0, 1)
    before = counts(held)
    for change in ({"rule": "lifo"}, {"recorded_at": "2026-05-01T00:00:01Z"}, {"evidence": "another"}, {"bot": "b"}, {"asset": "BTC"}):
        with pytest.raises(InputError) as refused:
            held.import_files([write_elections(STANDING | change, STANDING | {"id": "new"})])
        assert [(fault.line, fault.column) for fault in refused.value.faults] == [(2, "id")]
    assert counts(held) == before


def test_an_own_election_is_not_told_again_by_a_file(held: Book, write_elections: Callable[..., Path]) -> None:
    ident = held.elect(rule="hifo")
    with pytest.raises(InputError) as refused:
        held.import_files([write_elections({**STANDING, "id": ident, "recorded_at": NOON.isoformat(), "evidence": ""})])
    assert "in the register with other content" in str(refused.value.faults[0])


def test_an_election_told_for_a_day_to_come_counts_from_then_as_events_of_such_days_do(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    held.import_files([write_elections(STANDING | {"recorded_at": "2026-06-02T12:00:00Z", "effective_from": "2026-06-02T12:00:00Z"})])
    sell(held, "s1", time="2026-06-02T11:59:59Z")
    sell(held, "s2", time="2026-06-02T12:00:00Z")
    assert [row[3] for row in cited(gains_of(held))] == ["fifo", "order:" + STANDING["id"]]


def test_a_dry_run_of_elections_stores_nothing(held: Book, write_elections: Callable[..., Path], counts: Counts) -> None:
    before = counts(held)
    (outcome,) = held.import_files([write_elections(STANDING)], dry_run=True)
    assert (outcome.tally.new, counts(held)) == (1, before)


def test_an_election_told_to_be_recorded_after_the_sale_is_void_for_it(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    sell(held, "s1", time="2026-04-01T13:00:00Z")
    held.import_files([write_elections(PICKED | {"lot": "high", "quantity": "1"}, STANDING)])
    assert cited(gains_of(held)) == [("s1", "low", "1", "fifo")]
    assert [finding.code for finding in held.findings()] == ["election-late"]


def computations(book: Book, counts: Counts) -> int:
    return counts(book)["computation"]


def test_an_election_that_means_no_sale_of_the_book_matches_nothing_anew(held: Book, counts: Counts, gains_of: GainsOf) -> None:
    done = computations(held, counts)
    for number in range(3):
        held.elect(order=f"o{number}", lots={"high": ONE})
    held.elect(rule="hifo")
    assert gains_of(held) == []
    with held.store.read() as reader:
        assert is_current(reader, held.settings, held.regime)
    assert computations(held, counts) == done


def test_only_the_assets_that_an_election_means_are_matched_anew(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(held, "s1", order_id="o1")
    sell(held, "s2", "0.5", asset="ETH")
    cleared: list[str] = []
    plain = Writer.clear_matches
    monkeypatch.setattr(Writer, "clear_matches", lambda self, assets: (cleared.extend(assets), plain(self, assets))[1])
    held.import_files([write_elections(PICKED | {"sale": "", "order_id": "o1", "lot": "high", "quantity": "1"})])
    assert cleared == ["BTC"]
    held.import_files([write_elections(STANDING | {"asset": "ETH"})])
    assert cleared == ["BTC", "ETH"]
    held.import_files([write_elections(STANDING | {"id": "x", "effective_from": "2026-06-02T00:00:00Z"})])
    assert cleared == ["BTC", "ETH"]
    held.import_files([write_elections(STANDING | {"id": "y"})])
    assert cleared == ["BTC", "ETH", "BTC", "ETH"]


def test_a_book_that_elects_into_the_past_of_its_own_events_is_matched_anew_by_the_next_report(
    held: Book, sell: Callable[..., None], gains_of: GainsOf
) -> None:
    sell(held, "s1", "0.5")  # the venue's clock is an hour ahead of ours
    ident = held.elect(rule="hifo")
    assert cited(gains_of(held)) == [("s1", "high", "0.5", f"order:{ident}")]
