"""Allocations of unused basis in a book: weighed, stored once, weighed again when history arrives."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book, Selection
from ledger.cli.main import run
from ledger.domain.errors import InputError, UnsupportedCase
from ledger.domain.time.period import Period
from ledger.pipeline.match import is_current

Row = dict[str, str]
NewBook = Callable[..., Book]
Write = Callable[..., Path]
MakeRow = Callable[..., Row]
GainsOf = Callable[..., list[Row]]
UNIVERSAL = "universal-until-2025-01-01"
BEFORE = datetime(2024, 12, 30, 18, tzinfo=UTC)
D = Decimal


@pytest.fixture
def pooled(new_book: NewBook, row: MakeRow, write: Write) -> Book:
    """A cheap bitcoin bought on `main`, a dear one in the `vault`, while the law pooled them; nothing sold."""
    book = new_book(scope=UNIVERSAL)
    book._now = lambda: datetime(2026, 11, 23, tzinfo=UTC)
    book.import_files(
        [
            write(
                row("cheap", time="2021-01-01T12:00:00Z", quote_amount="10000"),
                row("dear", time="2022-01-01T12:00:00Z", account="vault", quote_amount="60000"),
            )
        ]
    )
    return book


@pytest.fixture
def document(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of allocation files."""

    def written(*lines: str, header: str = "asset,wallet,lot,quantity,cost_basis") -> Path:
        path = tmp_path / "allocation.csv"
        path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
        return path

    return written


def allocate(book: Book, path: Path, kind: str = "specific", at: datetime = BEFORE, **said: object) -> None:
    book.allocate(path, kind=kind, recorded_at=at, evidence="a letter", **said)  # type: ignore[arg-type]  # what a test says besides


SWAPPED = ("BTC,main,dear,1,60000", "BTC,vault,cheap,1,10000")


def sell(book: Book, row: MakeRow, write: Write, ident: str = "s1", **cells: str) -> None:
    sold = {"time": "2025-02-01T12:00:00Z", "type": "sell", "amount": "1", "quote_amount": "50000"} | cells
    book.import_files([write(row(ident, **sold))])


def found(book: Book) -> dict[str, str]:
    return {finding.code: finding.message for finding in book.findings()}


def test_lots_go_where_the_document_says_and_sales_take_them_there(
    pooled: Book, document: Callable[..., Path], row: MakeRow, write: Write, gains_of: GainsOf
) -> None:
    sell(pooled, row, write)
    assert [(piece["lot_event"], piece["gain"]) for piece in gains_of(pooled)] == [("cheap", "40000")]
    allocate(pooled, document(*SWAPPED))
    assert [(piece["lot_event"], piece["gain"]) for piece in gains_of(pooled)] == [("dear", "-10000")]
    with pooled.store.read() as reader:
        assert is_current(reader, pooled.settings, pooled.regime)


def test_lots_of_a_past_day_stand_as_allocated(pooled: Book, document: Callable[..., Path]) -> None:
    allocate(pooled, document(*SWAPPED))
    day = datetime(2025, 1, 1, tzinfo=UTC).date()
    with pooled.report("lots", Selection(period=Period(from_day=None, to_day=day))) as told:
        (table,) = told.tables
        names = [column.name for column in table.columns]
        lots = [dict(zip(names, cells, strict=True)) for cells in table.rows()]
    assert sorted((str(lot["wallet"]), str(lot["lot"])[-2:]) for lot in lots) == [("main", "-1"), ("vault", "-1")]
    assert {str(lot["wallet"]): lot["cost_open"] for lot in lots} == {"main": D(60000), "vault": D(10000)}


def test_a_dry_run_weighs_and_stores_nothing(pooled: Book, document: Callable[..., Path], counts: Callable[[Book], dict[str, int]]) -> None:
    before = counts(pooled)
    allocate(pooled, document(*SWAPPED), dry_run=True)
    assert counts(pooled) == before
    assert pooled.allocations() == ()


def test_an_asset_is_allocated_once(pooled: Book, document: Callable[..., Path], counts: Callable[[Book], dict[str, int]]) -> None:
    allocate(pooled, document(*SWAPPED))
    before = counts(pooled)
    with pytest.raises(InputError, match="BTC has an allocation already") as refused:
        allocate(pooled, document("BTC,main,cheap,1", "BTC,vault,dear,1", header="asset,wallet,lot,quantity"))
    assert "irrevocable" in (refused.value.mend or "")
    assert counts(pooled) == before


REFUSED = (
    (SWAPPED[:1], {}, "wallet vault holds 1, the document gives it 0"),
    (("BTC,main,dear,1,50000", SWAPPED[1]), {}, "1 of lot dear cost 60000, the document says 50000"),
    (("BTC,main,nobody,1,", SWAPPED[1]), {}, "'nobody' is no lot that is open"),
    (("BTC,main,dear,0,", SWAPPED[1]), {}, "1 row is bad"),
    (("USD,main,dear,1,",), {}, "1 row is bad"),
    (("ETH,main,dear,1,",), {}, "the book holds no ETH at the end"),
    ((), {}, "has no rows"),
    (SWAPPED, {"at": datetime(2026, 10, 16, tzinfo=UTC)}, "had to be complete before 2026-10-16T00:00:00Z"),
    (SWAPPED, {"at": datetime(2027, 1, 1, tzinfo=UTC)}, "is to come"),
    (SWAPPED, {"kind": "global"}, "the rule of a global allocation had to be written down before"),
    (SWAPPED, {"kind": "global", "described_at": datetime(2024, 12, 31, tzinfo=UTC)}, "after the allocation was complete"),
    (SWAPPED, {"kind": "weekly"}, "no kind of allocation"),
    (SWAPPED, {"at": datetime(2024, 12, 30)}, "has no offset"),  # noqa: DTZ001  # that is the case
)


@pytest.mark.parametrize(("lines", "said", "fault"), REFUSED)
def test_what_does_not_count_is_refused_and_nothing_is_written(
    pooled: Book,
    document: Callable[..., Path],
    counts: Callable[[Book], dict[str, int]],
    lines: tuple[str, ...],
    said: dict[str, object],
    fault: str,
) -> None:
    before = counts(pooled)
    with pytest.raises(InputError) as refused:
        allocate(pooled, document(*lines), **said)  # type: ignore[arg-type]  # as the table has it
    assert fault in refused.value.message
    assert counts(pooled) == before


def test_a_sale_of_2025_ends_the_time_of_a_specific_allocation(
    pooled: Book, document: Callable[..., Path], row: MakeRow, write: Write
) -> None:
    sell(pooled, row, write, amount="0.5")
    with pytest.raises(InputError, match="had to be complete before 2025-02-01T12:00:00Z"):
        allocate(pooled, document(*SWAPPED), at=datetime(2025, 2, 1, 12, tzinfo=UTC))
    allocate(pooled, document(*SWAPPED), at=datetime(2025, 2, 1, 11, tzinfo=UTC))


def test_a_move_between_own_wallets_does_not_end_it(pooled: Book, document: Callable[..., Path], row: MakeRow, write: Write) -> None:
    sell(pooled, row, write, type="transfer", to_account="vault", quote_amount="", amount="0.5")
    allocate(pooled, document(*SWAPPED), at=datetime(2025, 3, 1, tzinfo=UTC))


def test_a_file_with_another_header_is_refused(pooled: Book, document: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="the header is 'asset,lot'"):
        allocate(pooled, document("BTC,dear", header="asset,lot"))


def test_a_book_that_never_pooled_has_nothing_to_allocate(new_book: NewBook, document: Callable[..., Path]) -> None:
    for values in ({"scope": "wallet"}, {"regime": "generic", "scope": UNIVERSAL}):
        with pytest.raises(UnsupportedCase):
            allocate(new_book(**values), document(*SWAPPED))


def test_history_that_arrives_later_unties_it_and_lots_stand_where_their_units_are(
    pooled: Book, document: Callable[..., Path], row: MakeRow, write: Write, gains_of: GainsOf
) -> None:
    allocate(pooled, document(*SWAPPED))
    sell(pooled, row, write)
    pooled.import_files([write(row("more", time="2022-05-01T12:00:00Z", account="vault", quote_amount="30000"))])
    assert "wallet vault holds 2, the document gives it 1" in found(pooled)["allocation-untied"]
    assert [piece["lot_event"] for piece in gains_of(pooled)] == ["cheap"]


def test_an_earlier_sale_that_arrives_later_makes_it_late(
    pooled: Book, document: Callable[..., Path], row: MakeRow, write: Write, gains_of: GainsOf
) -> None:
    allocate(pooled, document(*SWAPPED), at=datetime(2025, 2, 10, tzinfo=UTC))
    assert found(pooled) == {}
    sell(pooled, row, write)
    assert "had to be complete before 2025-02-01T12:00:00Z" in found(pooled)["allocation-untied"]
    assert [piece["lot_event"] for piece in gains_of(pooled)] == ["cheap"]


# --- global: Rev. Proc. 2024-28, sec. 6.04 and 6.05 ----------------------------------------------------------------------


@pytest.fixture
def examples(new_book: NewBook, row: MakeRow, write: Write) -> Book:
    """Units of the examples: 4 bought for 20 and 10 for 50 in 2020, 10 for 10 in 2019; 4 stand in XYZ, 20 in GHI."""
    book = new_book(scope=UNIVERSAL)
    book._now = lambda: datetime(2026, 11, 23, tzinfo=UTC)
    book.import_files(
        [
            write(
                row("X5", time="2020-09-01T00:00:00Z", account="XYZ", asset="DE", amount="4", quote_amount="20"),
                row("G5", time="2020-09-01T00:00:00Z", account="GHI", asset="DE", amount="10", quote_amount="50"),
                row("G1", time="2019-07-01T00:00:00Z", account="GHI", asset="DE", amount="10", quote_amount="10"),
            )
        ]
    )
    return book


GLOBAL = ("DE,XYZ,X5,4,20", "DE,GHI,G5,10,50", "DE,GHI,G1,10,10")


def select_lots(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "elections.csv"
    head = "id,recorded_at,kind,sale,lot,quantity,evidence"
    path.write_text(f"{head}\ne1,2025-03-01T11:00:00Z,selection,S1,G1,1,x\ne1,2025-03-01T11:00:00Z,selection,S1,G5,1,x\n")
    book.import_files([path])


@pytest.mark.parametrize("kind", ["sell", "gift_out"])
def test_until_a_global_allocation_is_complete_lots_cannot_be_selected(
    examples: Book, document: Callable[..., Path], row: MakeRow, write: Write, tmp_path: Path, kind: str
) -> None:
    select_lots(examples, tmp_path)
    quote = {"quote_amount": "20"} if kind == "sell" else {}
    examples.import_files([write(row("S1", time="2025-03-01T12:00:00Z", type=kind, account="GHI", asset="DE", amount="2", **quote))])
    allocate(
        examples,
        document(*GLOBAL),
        kind="global",
        at=datetime(2025, 6, 1, tzinfo=UTC),
        described_at=datetime(2024, 12, 1, tzinfo=UTC),
    )
    with examples.store.read() as reader:
        assert [(one.lot_source_id, one.quantity, one.cost_basis) for one in reader.disposals()] == [("G1", D(2), D(2))]
        lots = {(lot.wallet, lot.source_id): (lot.quantity_open, lot.cost_open) for lot in reader.lots()}
    assert lots == {("XYZ", "X5"): (D(4), D(20)), ("GHI", "G5"): (D(10), D(50)), ("GHI", "G1"): (D(8), D(8))}
    assert "only standing orders count" in found(examples)["election-before-allocation"]


def test_a_standing_order_counts_while_the_allocation_is_under_way(
    examples: Book, document: Callable[..., Path], row: MakeRow, write: Write, tmp_path: Path
) -> None:
    path = tmp_path / "elections.csv"
    path.write_text("id,recorded_at,kind,rule,evidence\ne1,2024-12-01T00:00:00Z,standing,hifo,x\n")
    examples.import_files([path])
    sell(examples, row, write, "S1", time="2025-03-01T12:00:00Z", account="GHI", asset="DE", amount="2", quote_amount="20")
    said = {"described_at": datetime(2024, 12, 1, tzinfo=UTC)}
    allocate(examples, document(*GLOBAL), kind="global", at=datetime(2025, 6, 1, tzinfo=UTC), **said)
    with examples.store.read() as reader:
        assert [(one.lot_source_id, one.matched_by) for one in reader.disposals()] == [("G5", "order:e1")]


def test_selections_count_again_once_it_is_complete(
    examples: Book, document: Callable[..., Path], row: MakeRow, write: Write, tmp_path: Path
) -> None:
    select_lots(examples, tmp_path)
    sell(examples, row, write, "S1", time="2025-03-01T12:00:00Z", account="GHI", asset="DE", amount="2", quote_amount="20")
    said = {"described_at": datetime(2024, 12, 1, tzinfo=UTC)}
    allocate(examples, document(*GLOBAL), kind="global", at=datetime(2025, 3, 1, 12, tzinfo=UTC), **said)
    with examples.store.read() as reader:
        assert sorted(str(one.lot_source_id) for one in reader.disposals()) == ["G1", "G5"]


# --- the command ----------------------------------------------------------------------------------------------------------


def test_the_command_stores_lists_and_refuses_a_second_time(
    pooled: Book, document: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--book", str(pooled.settings.folder), "lots"]
    said = ["--kind", "specific", "--recorded-at", "2024-12-30T18:00:00-05:00", "--evidence", "a letter"]
    path = str(document(*SWAPPED))
    assert run([*words, "allocate", path, *said, "--dry-run"]) == 0
    assert "BTC: 2 rows tie, nothing was stored" in capsys.readouterr().out
    assert run([*words, "allocate", path, *said]) == 0
    assert "BTC: 2 rows tie\n" in capsys.readouterr().out
    assert run([*words, "allocations", "--format", "csv"]) == 0
    assert "BTC,specific,2024-12-30T23:00:00.000000Z,,main,dear,1,60000,a letter" in capsys.readouterr().out
    assert run([*words, "allocate", path, *said]) == 2
    assert "mend: an allocation is irrevocable" in capsys.readouterr().err
    assert run([*words, "allocate", path, "--kind", "specific", "--recorded-at", "once", "--evidence", "x"]) == 2
    assert "is not a date and time" in capsys.readouterr().err
