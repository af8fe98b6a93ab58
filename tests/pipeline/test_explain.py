"""Explaining a figure: from a disposal down to the very row of the file, and from any link of that chain."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.book import Book, Explanation
from ledger.domain.errors import InputError
from ledger.domain.ids import content_hash

Row = dict[str, str]


def chain(link: Explanation) -> Iterator[Explanation]:
    """Yield a link and all that it rests on, the first foundation first."""
    yield link
    for below in link.rests_on:
        yield from chain(below)


def says(link: Explanation, name: str) -> str:
    return dict(link.says)[name]


@pytest.fixture
def sample(book: Book, sample_files: tuple[Path, ...]) -> Book:
    book.import_files(sample_files)
    return book


def test_a_disposal_rests_on_lot_entry_event_and_the_exact_row_of_the_file(
    sample: Book, sample_files: tuple[Path, ...], gains_of: Callable[..., list[Row]]
) -> None:
    gain = next(gain for gain in gains_of(sample) if gain["event"] == "s1")
    (link,) = sample.explain(gain["disposal"])
    lines = sample_files[1].read_text(encoding="utf-8").splitlines()

    assert [one.kind for one in chain(link)] == ["disposal", "lot", *["event", "journal entry", "payload"] * 2]
    assert (says(link, "proceeds"), says(link, "cost basis"), says(link, "lots picked by")) == ("8991", "10010", "fifo")
    lot, bought, entry, payload, sold, _, payload_of_sale = (one for one in chain(link) if one is not link)
    assert (lot.ident, says(lot, "cost basis")) == (gain["lot"], "40040")
    assert (says(bought, "source's id"), says(sold, "source's id")) == ("b1", "s1")
    assert says(entry, "posting 1") == "debit assets:main, credit equity:trading:main, 0.4 BTC"
    assert says(payload, "line 7") == next(line for line in lines if line.startswith("b1,")) == lines[6]
    assert says(payload_of_sale, "line 9") == next(line for line in lines if line.startswith("s1,")) == lines[8]
    content = sample_files[1].read_bytes()
    assert says(payload, "bytes") == f"{len(content)}, SHA-256 {content_hash(content)}"
    assert says(payload, "from") == "file events-2025.csv"


def test_every_disposal_of_the_sample_year_leads_to_a_row_that_names_its_event(sample: Book, gains_of: Callable[..., list[Row]]) -> None:
    gains = gains_of(sample)
    assert len(gains) == 33
    for gain in gains:
        pieces = sample.explain(gain["disposal"])
        for link in pieces:
            rows = [text for one in chain(link) if one.kind == "payload" for name, text in one.says if name.startswith("line ")]
            assert any(gain["event"] in row.split(",")[:2] for row in rows), gain
        assert any(gain["lot"] == below.ident for link in pieces for below in link.rests_on)


def test_a_disposal_of_several_pieces_is_explained_piece_by_piece(sample: Book, gains_of: Callable[..., list[Row]]) -> None:
    pieces = sample.explain(next(gain["disposal"] for gain in gains_of(sample) if gain["event"] == "s2"))
    assert [link.ident.partition(" ")[2] for link in pieces] == ["piece 2", "piece 1"]
    assert [says(link, "cost basis") for link in pieces] == ["10010", "4800"]


def test_lot_entry_event_payload_and_the_source_s_own_id_lead_downwards_too(sample: Book, gains_of: Callable[..., list[Row]]) -> None:
    gain = next(gain for gain in gains_of(sample) if gain["event"] == "s1")
    with sample.store.read() as reader:
        event = next(stored.event for stored in reader.events() if stored.event.source_id == "s1")
        (entry,) = reader.entries_of(event.event_id)
        ((payload_id, _),) = reader.evidence(event.event_id)
    kinds = {
        gain["lot"]: ["lot", "event", "journal entry", "payload"],
        entry.entry.entry_id: ["journal entry", "event", "payload"],
        event.event_id: ["event", "journal entry", "payload"],
        event.event_id[:10]: ["event", "journal entry", "payload"],
        "s1": ["event", "journal entry", "payload"],
        payload_id: ["payload"],
    }
    assert {ident: [one.kind for one in chain(link)] for ident in kinds for link in sample.explain(ident)} == kinds


def test_an_id_that_two_accounts_use_is_explained_for_both(book: Book, row: Callable[..., Row], write: Callable[..., Path]) -> None:
    book.import_files([write(row("b1"), row("b1", account="other"))])
    assert sorted(says(link, "account") for link in book.explain("b1")) == ["main at file", "other at file"]


def test_a_row_that_goes_over_several_lines_is_shown_whole(book: Book, row: Callable[..., Row], write: Callable[..., Path]) -> None:
    book.import_files([write(row("b0"), row("b1", note='first\n\nthird "line"'), row("b2"))])
    (link,) = book.explain("b1")
    shown = ['b1,2025-03-01T12:00:00Z,buy,main,,,,"first', "", 'third ""line""",BTC,1,USD,50000,,,,,,,']
    assert says(link.rests_on[-1], "line 3").splitlines() == shown
    (after,) = book.explain("b2")
    assert says(after.rests_on[-1], "line 6").startswith("b2,")


def test_what_the_book_does_not_know_is_refused(sample: Book) -> None:
    for ident in ("D-0000000000000000-1", "L-none", "E-none", "P-none", "nothing", ""):
        with pytest.raises(InputError, match="nothing in this book has the id"):
            sample.explain(ident)
