"""Rules of the settings: applied to the whole book whenever they change, without touching a fact."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.book import Book, Changes, Selection
from ledger.domain.errors import InputError
from ledger.domain.facts import OwnResult
from ledger.pipeline.periods.figures_text import FiguresReader
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


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_replay_tells_whose_bot_is_another_and_attributes_anew_without_a_revision(
    book: Book, traded: Path, with_rules: Callable[[Book, str], Book], counts: Callable[[Book], dict[str, int]]
) -> None:
    book.import_files([traded])
    before = counts(book)
    with with_rules(book, GRID) as ruled:
        changes = ruled.rebuild_diff()
        assert [(one.event.source_id, one.kind) for one in changes.events] == [("b1", "changed"), ("b2", "changed"), ("s2", "changed")]
        assert {(field.name, field.then, field.now) for one in changes.events for field in one.fields} == {("bot", "None", "grid")}
        assert bots(ruled)["b1"] is None
        assert ruled.rebuild() == changes
        assert bots(ruled) == {"b1": "grid", "b2": "grid", "b3": "told", "s1": None, "s2": "grid"}
        assert ruled.rebuild_diff() == Changes()
        assert counts(ruled)["event"] == before["event"]


def test_a_replay_keeps_what_bots_databases_and_the_import_told(book: Book, traded: Path, tmp_path: Path) -> None:
    book.import_files([traded], bot="named")
    database = tmp_path / "orders.json"
    database.write_text('[{"id": "x-2", "exchange_id": "g-1", "strategy_name": "Snail"}]', encoding="utf-8")
    book.import_bots([database], account="main")
    before = bots(book)
    assert book.rebuild_diff() == Changes()
    assert book.rebuild() == Changes()
    assert bots(book) == before


def test_a_replay_gives_orders_of_databases_their_bots_again(book: Book, traded: Path, tmp_path: Path) -> None:
    book.import_files([traded])
    database = tmp_path / "orders.json"
    database.write_text('[{"id": "x-2", "exchange_id": "g-1", "strategy_name": "Snail"}]', encoding="utf-8")
    book.import_bots([database], account="main")
    before = bots(book)
    assert before["b1"] == before["s1"] == "Snail"
    with book.store.write() as writer:
        writer.replace_attributions([1, 4], [])
    assert {one.event.source_id for one in book.rebuild_diff().events} == {"b1", "s1"}
    book.rebuild()
    assert bots(book) == before


# --- closed years -----------------------------------------------------------------------------------------------------


def test_a_closed_year_keeps_the_attribution_that_it_was_filed_with(
    book: Book,
    traded: Path,
    row: Callable[..., Row],
    write: Callable[..., Path],
    with_rules: Callable[[Book, str], Book],
    report_of: Callable[..., bytes],
) -> None:
    later = write(row("s9", order_id="x-9", type="sell", amount="0.5", time="2026-03-01T12:00:00Z"))
    with with_rules(book, GRID) as filed:
        filed._now = lambda: datetime(2026, 5, 1, tzinfo=UTC)
        filed.import_files([traded, later])
        year = Selection(period=filed.period_of(2025))
        before = report_of(filed, "bots", "json", year)
        filed.close_year(2025)
    with with_rules(book, DCA) as ruled:
        assert bots(ruled)["b1"] == "grid"  # nothing was asked for yet
        assert _tables(report_of(ruled, "bots", "json", year)) == _tables(before)
        assert bots(ruled)["b1"] == "dca"
        assert ruled.check() == ()
        whole = _tables(report_of(ruled, "bots", "json"))
    months = {(one["bot"], one["asset"], one["month"]) for one in whole["bot-months"]}
    assert ("grid", "ETH", "2025-03") in months
    assert ("dca", "BTC", "2026-03") in months
    assert not any(bot == "dca" and month < "2026" for bot, _, month in months)
    assert {one["bot"] for one in whole["bot-own"]} == {"dca", "grid", "told", "(no bot)"}


def test_a_closing_from_before_own_results_were_frozen_refuses_the_report_and_says_how_to_ask(
    book: Book, traded: Path, report_of: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    book._now = lambda: datetime(2026, 5, 1, tzinfo=UTC)
    book.import_files([traded])
    book.close_year(2025)
    monkeypatch.setattr(FiguresReader, "tells_of", lambda _, row: row is not OwnResult)
    with pytest.raises(InputError, match="froze nothing by day of what bots did") as refused:
        report_of(book, "bots", "json", Selection(period=book.period_of(2025)))
    assert "--current" in refused.value.mend
    assert report_of(book, "bots", "json", Selection(period=book.period_of(2025), as_filed=False))


def _tables(written: bytes) -> dict[str, list[dict[str, str]]]:
    return {table["name"]: table["rows"] for table in json.loads(written)["tables"]}
