"""Rules of the settings: applied to the whole book whenever they change, without touching a fact."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.storage.store import Writer

GRID = '[[bots]]\nname = "grid"\norder_id = "g-*"\n'
DCA = '[[bots]]\nname = "dca"\naccount = "main"\n'
Row = dict[str, str]


@pytest.fixture
def traded(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """Purchases and sales of two assets, by several orders, one of which the source itself gives to a bot."""
    return write(
        row("b1", order_id="g-1"),
        row("b2", order_id="g-2", asset="ETH", time="2025-03-01T13:00:00Z"),
        row("b3", order_id="x-1", bot="told", time="2025-03-01T14:00:00Z"),
        row("s1", order_id="x-2", type="sell", amount="0.5", time="2025-03-02T12:00:00Z"),
        row("s2", order_id="g-3", type="sell", amount="0.5", asset="ETH", time="2025-03-02T13:00:00Z"),
    )


def bots(book: Book) -> dict[str, str | None]:
    with book.store.read() as reader:
        return {stored.event.source_id: stored.event.bot for stored in reader.events()}


def facts(book: Book) -> tuple[object, ...]:
    with book.store.read() as reader:
        told = [reader.event_as_told(stored.event.event_id) for stored in reader.events()]
        return tuple(told), tuple(reader.entries()), reader.chain_tip()


def test_rules_that_change_are_applied_to_the_whole_book_and_to_no_fact(
    book: Book, traded: Path, with_rules: Callable[[Book, str], Book], figures: Callable[[Book], dict[str, bytes]]
) -> None:
    book.import_files([traded])
    before, without = facts(book), figures(book)
    with with_rules(book, GRID + DCA) as ruled:
        figures(ruled)
        assert bots(ruled) == {"b1": "grid", "b2": "grid", "b3": "told", "s1": "dca", "s2": "grid"}
        assert facts(ruled) == before
        assert ruled.check() == ()
    with with_rules(book, "") as again:
        assert figures(again) == without
        assert bots(again) == {"b1": None, "b2": None, "b3": "told", "s1": None, "s2": None}


def test_changed_rules_give_what_a_book_that_always_had_them_gives(
    new_book: Callable[..., Book], traded: Path, with_rules: Callable[[Book, str], Book], figures: Callable[[Book], dict[str, bytes]]
) -> None:
    late, early = new_book(), new_book()
    late.import_files([traded])
    with with_rules(late, GRID + DCA) as changed, with_rules(early, GRID + DCA) as always:
        always.import_files([traded])
        assert figures(changed) == figures(always)
        assert bots(changed) == bots(always)


def test_only_assets_whose_bot_is_another_are_matched_anew(
    book: Book,
    traded: Path,
    with_rules: Callable[[Book, str], Book],
    figures: Callable[[Book], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book.import_files([traded])
    cleared: list[str] = []
    clear = Writer.clear_matches

    def counted(writer: Writer, assets: list[str] | None) -> None:
        cleared.extend(assets or ())
        clear(writer, assets)

    monkeypatch.setattr(Writer, "clear_matches", counted)
    with with_rules(book, '[[bots]]\nname = "eth"\norder_id = "g-3"\n') as ruled:
        figures(ruled)
    assert cleared == ["ETH"]


def test_all_that_a_rule_says_must_fit_and_the_first_rule_wins(book: Book, traded: Path, with_rules: Callable[[Book, str], Book]) -> None:
    narrow = (
        '[[bots]]\nname = "none"\naccount = "other"\norder_id = "*"\n[[bots]]\nname = "one"\norder_id = "g-?"\nclient_order_id = "*-1"\n'
    )
    with with_rules(book, narrow + DCA + GRID) as ruled:
        ruled.import_files([traded])
        assert bots(ruled) == {"b1": "one", "b2": "dca", "b3": "told", "s1": "dca", "s2": "dca"}


def test_an_explanation_says_by_which_rule_an_event_is_a_bot_s(book: Book, traded: Path, with_rules: Callable[[Book, str], Book]) -> None:
    with with_rules(book, GRID) as ruled:
        ruled.import_files([traded])
        assert "grid (rule 1 of [[bots]])" in str(ruled.explain("b1"))
