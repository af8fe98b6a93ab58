"""Importing files: all or nothing, once or often, whole or in pieces, in any order: the same book."""

import shutil
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from ledger.book import Book, Selection
from ledger.cli.main import run
from ledger.config import BookSettings
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import BotId
from ledger.pipeline.import_files import FileOutcome
from ledger.pipeline.interpret import HeldEvents, Tally
from ledger.pipeline.match import MatchResult
from ledger.pipeline.periods.derive import derive_into
from ledger.pipeline.progress import Progress
from ledger.ports import TaxRegime
from ledger.storage.store import Writer

Row = dict[str, str]
SAMPLE = Path(__file__).parents[2] / "sample_data"
FIGURES = ("gains", "summary", "lots", "holdings", "journal", "balances")
REPORTS = (*FIGURES, "income", "bots", "form-8949")
FORMATS = ("csv", "json", "html")


def every_report(book: Book, report_of: Callable[..., bytes]) -> dict[str, bytes]:
    return {f"{name}.{suffix}": report_of(book, name, suffix) for name in REPORTS for suffix in FORMATS}


def tally_of(outcomes: tuple[FileOutcome, ...]) -> Tally:
    total = Tally()
    for outcome in outcomes:
        total.add(outcome.tally)
    return total


def bought_and_sold(row: Callable[..., Row]) -> list[Row]:
    return [
        row("b1", time="2025-03-01T12:00:00Z"),
        row("s1", time="2025-03-02T12:00:00Z", type="sell", amount="0.25", quote_amount="15000"),
    ]


@pytest.fixture
def match_held(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Compare, at each import, the events held for matching with those of the book; return whether there were any."""
    were_held: list[bool] = []

    def compared(
        writer: Writer,
        settings: BookSettings,
        regime: TaxRegime,
        *,
        now: datetime,
        progress: Progress,
        held: HeldEvents,
        touched: Collection[AssetCode],
    ) -> MatchResult:
        assets = sorted(writer.changed_assets(after_event_seq=0))
        held_by_asset = [held.timeline(asset) for asset in assets]
        were_held.append(None not in held_by_asset)
        for asset, events in zip(assets, held_by_asset, strict=True):
            assert events is None or list(events) == list(writer.timeline(asset))
        return derive_into(writer, settings, regime, now=now, progress=progress, held=held, touched=touched)

    monkeypatch.setattr("ledger.book.core.derive_into", compared)
    return were_held


# --- the same file, the same facts -----------------------------------------------------------------------------------


def test_a_file_imported_twice_changes_no_byte_of_any_report(
    book: Book, sample_files: tuple[Path, ...], report_of: Callable[..., bytes], counts: Callable[[Book], dict[str, int]]
) -> None:
    first = book.import_files(sample_files)
    assert [(one.format_name, one.rows) for one in first] == [("coinbase-pro-fills", 16), ("lotwright-events", 41)]
    assert tally_of(first) == Tally(new=57)
    reports, rows = every_report(book, report_of), counts(book)
    assert tally_of(book.import_files(sample_files)) == Tally(known=57)
    assert every_report(book, report_of) == reports
    assert counts(book) == rows


def test_rows_in_any_order_give_the_same_bytes(
    new_book: Callable[..., Book],
    sample_files: tuple[Path, ...],
    sample_rows: list[Row],
    write: Callable[..., Path],
    report_of: Callable[..., bytes],
) -> None:
    fills, events = sample_files
    expected, found = new_book(), new_book()
    expected.import_files([events, fills])
    Random(7).shuffle(sample_rows)  # noqa: S311  # a seed makes the order the same in every run
    header, *lines = fills.read_text(encoding="utf-8").splitlines(keepends=True)
    backwards = write(name="backwards.csv")
    backwards.write_text("".join([header, *reversed(lines)]), encoding="utf-8")
    assert tally_of(found.import_files([backwards, write(*sample_rows)])) == Tally(new=57)
    assert every_report(found, report_of) == every_report(expected, report_of)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 4, 0, 3, 1)])
def test_a_history_split_into_five_files_gives_the_same_figures_in_any_order(
    new_book: Callable[..., Book],
    sample_rows: list[Row],
    write: Callable[..., Path],
    report_of: Callable[..., bytes],
    order: tuple[int, ...],
) -> None:
    whole, split = new_book(), new_book()
    whole.import_files([write(*sample_rows)])
    pieces = [write(*sample_rows[number::5]) for number in range(5)]
    for number in order:
        split.import_files([pieces[number]])
    assert {name: report_of(split, name) for name in FIGURES} == {name: report_of(whole, name) for name in FIGURES}


def test_events_of_one_instant_come_in_one_order_whichever_arrived_first(
    new_book: Callable[..., Book], row: Callable[..., Row], write: Callable[..., Path], report_of: Callable[..., bytes]
) -> None:
    income = {"type": "income", "kind": "staking", "value": "5"}
    rows = [
        *(row(ident, time="2025-03-01T12:00:00Z", **income) for ident in ("i1", "i2")),
        *(row(ident, time="2025-03-02T12:00:00Z", type="sell", amount="0.5") for ident in ("s1", "s2")),
    ]
    one, other = new_book(), new_book()
    one.import_files([write(*rows)])
    other.import_files([write(*reversed(rows))])
    assert every_report(one, report_of) == every_report(other, report_of)


def test_a_row_that_stands_twice_in_a_file_is_known_the_second_time(
    book: Book, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    (outcome,) = book.import_files([write(row("b1"), row("b1"))])
    assert (outcome.rows, outcome.tally) == (2, Tally(new=1, known=1))
    with book.store.read() as reader:
        (stored,) = reader.events()
        assert [place for _, place in reader.evidence(stored.event.event_id)] == ["line 2", "line 3"]


def test_overlapping_files_tell_each_event_once_and_leave_both_as_evidence(
    book: Book, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    one, two, three = (row(f"b{number}", time=f"2025-03-0{number}T12:00:00Z") for number in (1, 2, 3))
    first, second = book.import_files([write(one, two), write(two, three)])
    assert (first.tally, second.tally) == (Tally(new=2), Tally(new=1, known=1))
    with book.store.read() as reader:
        evidence = {stored.event.source_id: len(reader.evidence(stored.event.event_id)) for stored in reader.events()}
    assert evidence == {"b1": 1, "b2": 2, "b3": 1}


# --- all or nothing --------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_would_come_of_it_and_stores_nothing(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], counts: Callable[[Book], dict[str, int]]
) -> None:
    path, before = write(*bought_and_sold(row)), counts(book)
    (outcome,) = book.import_files([path], dry_run=True)
    assert (outcome.rows, outcome.tally) == (2, Tally(new=2))
    assert counts(book) == before
    (outcome,) = book.import_files([path])
    assert outcome.tally == Tally(new=2)


def test_a_dry_run_of_known_rows_says_so(book: Book, row: Callable[..., Row], write: Callable[..., Path]) -> None:
    path = write(*bought_and_sold(row))
    book.import_files([path])
    (outcome,) = book.import_files([path], dry_run=True)
    assert outcome.tally == Tally(known=2)


def test_one_bad_row_keeps_all_files_out_and_every_bad_row_is_listed(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], counts: Callable[[Book], dict[str, int]]
) -> None:
    good = write(*bought_and_sold(row))
    bad = write(row("b3", amount="1,5"), row("b4"), row("b5", time="yesterday", asset="btc"))
    before = counts(book)
    with pytest.raises(InputError, match=r"2 rows are bad; nothing was imported") as refused:
        book.import_files([good, bad])
    assert [(fault.line, fault.column) for fault in refused.value.faults] == [(2, "amount"), (4, "time"), (4, "asset")]
    assert counts(book) == before


def test_a_file_that_is_not_there_keeps_the_others_out(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], counts: Callable[[Book], dict[str, int]], tmp_path: Path
) -> None:
    before = counts(book)
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read"):
        book.import_files([write(row("b1")), tmp_path / "nowhere.csv"])
    assert counts(book) == before


def test_one_id_with_two_contents_in_one_file_is_a_bad_row(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], counts: Callable[[Book], dict[str, int]]
) -> None:
    before = counts(book)
    with pytest.raises(InputError, match=r"1 row is bad") as refused:
        book.import_files([write(row("b1"), row("b2"), row("b1", amount="2"))])
    assert refused.value.faults == (
        RowFault(
            line=4,
            column="id",
            message="'b1' stands in this file twice with different content: base",
            mend="give each event an id of its own, or take the wrong row out",
        ),
    )
    assert counts(book) == before


def test_one_id_in_two_accounts_is_two_events(book: Book, row: Callable[..., Row], write: Callable[..., Path]) -> None:
    (outcome,) = book.import_files([write(row("b1"), row("b1", account="other", amount="2"))])
    assert outcome.tally == Tally(new=2)


# --- contradictions between files ------------------------------------------------------------------------------------


def test_another_content_in_a_second_file_is_a_finding_and_the_first_telling_stays(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], report_of: Callable[..., bytes]
) -> None:
    book.import_files([write(*bought_and_sold(row))])
    gains = report_of(book, "gains")
    (outcome,) = book.import_files([write(row("b1", amount="2", time="2025-03-01T12:00:01Z"))])
    assert outcome.tally == Tally(doubtful=1)
    (finding,) = book.findings()
    assert (finding.code, finding.severity, finding.subject) == ("contradiction", "error", "main/b1")
    assert "line 2 tells fill b1 of 2025-03-01T12:00:01.000000Z otherwise than the book has it: occurred_at, base differ" in finding.message
    assert report_of(book, "gains") == gains


def test_a_contradicting_file_says_the_same_each_time_it_is_imported(
    book: Book, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    book.import_files([write(row("b1"))])
    other = write(row("b1", amount="2"))
    first, findings = book.import_files([other]), book.findings()
    assert (book.import_files([other]), book.findings()) == (first, findings)


def test_the_command_ends_with_1_on_a_contradiction_and_with_2_on_a_bad_file(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(book.settings.folder)
    assert run(["--book", folder, "import", str(write(row("b1")))]) == 0
    assert run(["--book", folder, "import", str(write(row("b1", amount="2")))]) == 1
    assert "contradiction" in capsys.readouterr().err
    assert run(["--book", folder, "import", str(write(row("b2", amount="-1")))]) == 2
    assert "line 2, column amount: '-1' is negative" in capsys.readouterr().err


# --- accounts, bots, formats -----------------------------------------------------------------------------------------


def test_the_command_line_names_the_account_of_rows_that_name_none(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    path = write(*(one | {"account": ""} for one in bought_and_sold(row)))
    with pytest.raises(InputError, match="2 rows are bad"):
        book.import_files([path])
    book.import_files([path], account="kraken")
    assert [gain["account"] for gain in gains_of(book)] == ["kraken"]


def test_the_bot_of_a_row_goes_before_that_of_the_command_line_and_that_before_an_order_pattern(
    new_book: Callable[..., Book],
    row: Callable[..., Row],
    write: Callable[..., Path],
    report_of: Callable[..., bytes],
) -> None:
    made = new_book()
    rules = '[[bots]]\nname = "dca"\nclient_order_id = "dca-*"\n\n[[bots]]\nname = "late"\nclient_order_id = "*"\n'
    settings = made.settings.folder / "lotwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + rules, encoding="utf-8")
    path = write(
        row("b1", bot="grid", order_id="dca-1"),
        row("b2", order_id="dca-2"),
        row("b3", order_id="hand"),
        row("b4"),
    )
    with Book.open(made.settings.folder) as book:
        book.import_files([path])
        with book.store.read() as reader:
            by_pattern = {stored.event.source_id: stored.event.bot for stored in reader.events()}
    assert by_pattern == {"b1": "grid", "b2": "dca", "b3": "late", "b4": None}
    other = new_book()
    other.import_files([path], bot="night")
    with other.store.read() as reader:
        named = {stored.event.source_id: stored.event.bot for stored in reader.events()}
    assert named == {"b1": "grid", "b2": "night", "b3": "night", "b4": "night"}
    assert b"night,3," in report_of(other, "bots")


def test_gains_by_bot_are_those_of_the_fills_that_sold(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: Callable[..., list[Row]]
) -> None:
    sold = {"type": "sell", "amount": "0.25", "quote_amount": "15000"}
    book.import_files([write(row("b1", bot="grid"), row("s1", time="2025-03-02T12:00:00Z", bot="dca", **sold))])
    assert [gain["event"] for gain in gains_of(book, Selection(bot=BotId("dca")))] == ["s1"]
    assert gains_of(book, Selection(bot=BotId("grid"))) == []


def test_a_format_can_be_named_and_must_then_fit(book: Book, row: Callable[..., Row], write: Callable[..., Path]) -> None:
    path = write(row("b1"))
    with pytest.raises(InputError, match="coinbase-pro-fills"):
        book.import_files([path], format_name="coinbase-pro-fills")
    (outcome,) = book.import_files([path], format_name="lotwright-events")
    assert outcome.tally == Tally(new=1)


def test_the_bytes_of_a_file_are_kept_as_they_were(book: Book, sample_files: tuple[Path, ...], tmp_path: Path) -> None:
    fills = sample_files[0]
    moved = Path(shutil.copy(fills, tmp_path / "renamed.csv"))
    book.import_files([fills])
    book.import_files([moved])
    with book.store.read() as reader:
        (payload,) = [payload for _, payload in reader.payloads()]
    assert (payload.name, payload.content) == (fills.name, fills.read_bytes())


def test_a_file_that_is_in_the_book_is_refused_under_another_account(book: Book) -> None:
    fills = SAMPLE / "coinbase-pro-fills-2025.csv"
    book.import_files([fills], account="main")
    events = book.status().rows["event"]
    with pytest.raises(InputError, match="imported with --account main; with other everything in it would be booked twice"):
        book.import_files([fills], account="other")
    assert book.status().rows["event"] == events


# --- events held for matching ----------------------------------------------------------------------------------------


def test_the_events_of_a_first_import_are_matched_as_the_book_would_tell_them(
    book: Book, sample_files: tuple[Path, ...], match_held: list[bool]
) -> None:
    book.import_files(sample_files)
    assert match_held == [True]


def test_a_book_that_has_events_is_read_for_matching(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], match_held: list[bool]
) -> None:
    book.import_files([write(row("b1"))])
    book.import_files([write(row("b2"))])
    assert match_held == [True, False]


def test_more_events_than_memory_is_for_are_read_for_matching(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], match_held: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.pipeline.interpret.memory_bytes", lambda: 16_000)  # for two events
    book.import_files([write(row("b1"), row("b2"), row("b3"))])
    assert match_held == [False]
    assert len(book.lots()) == 3


def test_events_of_which_one_was_told_better_are_read_for_matching(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], match_held: list[bool]
) -> None:
    income = row("i1", type="income", kind="staking", value="")
    book.import_files([write(row("b1"), income), write(income | {"value": "30"})])
    assert match_held == [False]
    assert sorted(lot.cost_basis for lot in book.lots() if lot.cost_basis is not None) == [30, 50000]
