"""Reports of a closed year: as filed whatever came since, current where that is asked for, and the cover says which."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.book import Book, Selection, exporter, exporter_names
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, UnsupportedCase
from ledger.domain.ids import AccountId, BotId
from ledger.domain.time.period import Period

Row = dict[str, str]
Report = Callable[..., bytes]
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough
OF_FIGURES = ("gains", "summary", "form-8949", "income", "holdings", "lots", "bots")


def cover(book: Book, name: str, selection: Selection) -> dict[str, str]:
    with book.report(name, selection) as document:
        return dict(document.cover)


def rows_of(report: bytes, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in csv.DictReader(io.StringIO(report.decode()))]


def test_late_data_changes_no_byte_of_a_report_as_filed(traded: Book, late: Path, year_2025: Selection, report_of: Report) -> None:
    before = {name: report_of(traded, name, "csv", year_2025) for name in OF_FIGURES}
    traded.close_year(2025)
    filed = replace(year_2025, as_filed=True)
    at_closing = {(name, form): report_of(traded, name, form, filed) for name in OF_FIGURES for form in exporter_names()}
    assert {name: at_closing[name, "csv"] for name in OF_FIGURES} == before
    traded.import_files([late])
    assert {key: report_of(traded, *key, filed) for key in at_closing} == at_closing
    assert {name: report_of(traded, name, "csv", year_2025) for name in OF_FIGURES} == before
    now = replace(year_2025, as_filed=False)
    assert report_of(traded, "gains", "csv", now) != before["gains"]


def test_the_cover_says_which_figures_they_are(traded: Book, late: Path, year_2025: Selection) -> None:
    assert "Figures" not in cover(traded, "gains", year_2025)
    closed = traded.close_year(2025)
    told = f"2025, version 1, closed 2026-05-01 by Lotwright {closed.software}, hash {closed.hash[:16]}"
    assert cover(traded, "gains", year_2025)["Figures"] == f"as filed: {told}"
    assert cover(traded, "gains", replace(year_2025, as_filed=False))["Figures"] == f"as the book stands now, not as filed ({told})"
    assert "Figures" not in cover(traded, "gains", Selection(period=traded.period_of(2026)))
    traded.import_files([late])
    noted = f"as filed: {told} (THE BOOK NOW SAYS OTHERWISE: lotwright period diff 2025)"
    assert cover(traded, "gains", year_2025)["Figures"] == noted
    assert cover(traded, "gains", replace(year_2025, as_filed=True))["Figures"] == f"as filed: {told}"
    assert cover(traded, "summary", Selection())["Figures"] == f"{noted}; all other days as the book stands now"


@ON_SQLITE
def test_the_cover_of_a_later_year_says_that_its_lots_are_not_those_as_filed(traded: Book, late: Path, report_of: Report) -> None:
    after, before = Selection(period=traded.period_of(2026)), Selection(period=traded.period_of(2024))
    traded.close_year(2025)
    assert "Figures" not in cover(traded, "form-8949", after)
    traded.import_files([late])
    says = "as the book stands now; 2025 was filed with other figures, and the lots carried on are those of the book, not those as filed"
    assert cover(traded, "form-8949", after)["Figures"] == f"{says} (lotwright period diff 2025)"
    assert cover(traded, "gains", after)["Figures"].startswith(says)
    assert "Figures" not in cover(traded, "gains", before)
    assert rows_of(report_of(traded, "gains", "csv", after), "event", "lot_event", "cost_basis") == [("s2", "b1", "5000")]
    traded.close_year(2025, amend=True)
    assert "Figures" not in cover(traded, "form-8949", after)


@ON_SQLITE
@pytest.mark.parametrize("name", OF_FIGURES)
@pytest.mark.parametrize(
    "chosen",
    [
        {"asset": AssetCode("BTC")},
        {"asset": AssetCode("ETH")},
        {"account": AccountId("cold")},
        {"account": AccountId("main")},
        {"bot": BotId("grid")},
        {"bot": BotId("")},
    ],
    ids=str,
)
def test_filters_cut_filed_rows_as_they_cut_current_ones(
    traded: Book, year_2025: Selection, report_of: Report, name: str, chosen: dict[str, str]
) -> None:
    selection = replace(year_2025, **chosen)  # type: ignore[arg-type]  # values of their own types
    before = report_of(traded, name, "csv", selection)
    traded.close_year(2025)
    assert report_of(traded, name, "csv", selection) == before


@ON_SQLITE
def test_of_several_years_the_closed_ones_are_as_filed_and_the_others_current(traded: Book, late: Path, report_of: Report) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    found = rows_of(report_of(traded, "gains"), "event", "lot_event", "cost_basis")
    # 2026 follows from the book as it stands, in which the late lot was sold first: `period diff` says what does not fit together.
    assert found == [("s1", "b1", "5000"), ("s2", "b1", "5000")]
    summary = rows_of(report_of(traded, "summary"), "year", "gain")
    assert summary == [("2025", "4000"), ("2026", "4900")]
    current = Selection(as_filed=False)
    assert rows_of(report_of(traded, "summary", "csv", current), "year", "gain") == [("2025", "5900"), ("2026", "4900")]
    assert rows_of(report_of(traded, "income"), "event") == [("i1",)]


@ON_SQLITE
def test_part_of_a_closed_year_is_as_filed_too(traded: Book, late: Path, report_of: Report) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    june = Selection(period=Period(from_day=date(2025, 6, 1), to_day=date(2025, 6, 30)))
    assert rows_of(report_of(traded, "gains", "csv", june), "event", "cost_basis") == [("s1", "5000")]
    assert rows_of(report_of(traded, "gains", "csv", replace(june, period=Period(to_day=date(2025, 5, 31)))), "event") == []


@ON_SQLITE
def test_lots_at_the_end_of_a_closed_year_are_as_filed_however_the_period_begins(traded: Book, late: Path, report_of: Report) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    lots = {("b1", "0.5"), ("b2", "1"), ("i1", "2")}
    assert (
        set(rows_of(report_of(traded, "lots", "csv", Selection(period=Period(to_day=date(2025, 12, 31)))), "event", "quantity_open"))
        == lots
    )
    now = {("b1", "0.2"), ("b2", "1"), ("i1", "2")}
    assert set(rows_of(report_of(traded, "lots"), "event", "quantity_open")) == now


@ON_SQLITE
def test_each_closing_of_an_amended_year_can_be_looked_at(traded: Book, late: Path, year_2025: Selection, report_of: Report) -> None:
    traded.close_year(2025)
    first = report_of(traded, "gains", "csv", year_2025)
    traded.import_files([late])
    traded.close_year(2025, amend=True)
    second = report_of(traded, "gains", "csv", year_2025)
    assert second == report_of(traded, "gains", "csv", replace(year_2025, as_filed=True)) != first
    assert report_of(traded, "gains", "csv", replace(year_2025, closing=1)) == first
    assert report_of(traded, "gains", "csv", replace(year_2025, closing=2)) == second
    with pytest.raises(InputError, match="has 2 closings, no version 3"), traded.report("gains", replace(year_2025, closing=3)):
        pytest.fail("there is no third closing")


@ON_SQLITE
def test_figures_as_filed_of_what_was_never_closed_are_refused(traded: Book) -> None:
    traded.close_year(2025)
    for period in (traded.period_of(2026), Period(), Period(from_day=date(2025, 1, 1), to_day=date(2025, 6, 30))):
        with (
            pytest.raises(InputError, match="is no tax year that was closed") as error,
            traded.report("gains", Selection(period=period, as_filed=True)),
        ):
            pytest.fail("nothing is as filed")
        assert "2025 version 1" in error.value.mend


@ON_SQLITE
@pytest.mark.parametrize("name", ["journal", "balances"])
def test_reports_of_facts_show_the_book_and_cannot_be_as_filed(
    traded: Book, late: Path, year_2025: Selection, report_of: Report, name: str
) -> None:
    traded.close_year(2025)
    before = report_of(traded, name, "csv", year_2025)
    assert "Figures" not in cover(traded, name, year_2025)
    traded.import_files([late])
    assert report_of(traded, name, "csv", year_2025) != before
    with pytest.raises(InputError, match="facts of the book"), traded.report(name, replace(year_2025, as_filed=True)):
        pytest.fail("facts are not filed")


@ON_SQLITE
def test_a_year_stays_as_filed_when_the_settings_change(traded: Book, year_2025: Selection, report_of: Report) -> None:
    traded.close_year(2025)
    filed = replace(year_2025, as_filed=True)
    before = {form: report_of(traded, "form-8949", form, filed) for form in exporter_names()}
    settings = traded.settings.folder / "lotwright.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('"UTC"', '"Asia/Tokyo"').replace('"us"', '"generic"'), encoding="utf-8")
    with Book.open(traded.settings.folder) as changed:
        assert {form: report_of(changed, "form-8949", form, filed) for form in exporter_names()} == before
        assert {finding.code for finding in changed.findings()} == {"closed-year-differs"}  # there is no term and no box any more


def test_a_filed_disposal_and_a_filed_lot_are_explained_where_the_book_says_otherwise(traded: Book, late: Path, report_of: Report) -> None:
    ((disposal, lot),) = rows_of(report_of(traded, "gains", "csv", Selection(period=traded.period_of(2025))), "disposal", "lot")
    traded.close_year(2025)
    assert [link.kind for link in traded.explain(disposal)] == ["disposal"]
    traded.import_files([late])
    now, then = (links := traded.explain(disposal))[:2], links[2:]
    assert [link.kind for link in (*now, *then)] == ["disposal", "disposal", "disposal as filed"]
    says = dict(then[0].says)
    assert says["filed"].startswith("2025, version 1, closed 2026-05-01")
    assert (says["cost basis"], [link.kind for link in then[0].rests_on]) == ("5000", ["lot", "event"])
    with traded.store.write() as writer:
        writer.clear_matches(None)
    assert [link.kind for link in traded.explain(lot)] == ["lot as filed"]


# --- the year as filed and now ---------------------------------------------------------------------------------------


def test_the_difference_of_a_year_is_told_row_by_row_and_by_total(traded: Book, late: Path) -> None:
    traded.close_year(2025)
    traded.import_files([late])
    with traded.period_diff(2025) as document:
        tables = {table.name: list(table.rows()) for table in document.tables}
        assert dict(document.cover)["Figures"].startswith("as filed: 2025, version 1")
        names = [column.name for column in document.tables[0].columns]
    rows = [dict(zip(names, row, strict=True)) for row in tables["period-diff"]]
    told = [(row["change"], row["quantity_filed"], row["quantity_now"], row["cost_basis_filed"], row["cost_basis_now"]) for row in rows]
    assert told == [
        ("changed", Decimal("0.5"), Decimal("0.3"), Decimal(5000), Decimal(3000)),
        ("added", None, Decimal("0.2"), None, Decimal(100)),
    ]
    assert [row["gain_difference"] for row in rows] == [Decimal(-1600), Decimal(3500)]
    assert tables["period-diff-totals"] == [
        ("short", "I", "Proceeds", Decimal(9000), Decimal(9000), Decimal(0)),
        ("short", "I", "Cost basis", Decimal(5000), Decimal(3100), Decimal(-1900)),
        ("short", "I", "Adjustment", Decimal(0), Decimal(0), Decimal(0)),
        ("short", "I", "Gain or loss", Decimal(4000), Decimal(5900), Decimal(1900)),
    ]
    assert tables["period-diff-income"] == []
    assert [(row[0], row[4], row[5], row[6]) for row in tables["period-diff-lots"]] == [("changed", "b1", Decimal("0.5"), Decimal("0.7"))]


@ON_SQLITE
def test_a_year_that_is_as_filed_has_no_differences_in_any_format(traded: Book, report_of: Report, year_2025: Selection) -> None:
    traded.close_year(2025)
    for name in exporter_names():
        with traded.period_diff(2025) as document:
            exporter(name).write(document, target := io.BytesIO())
        assert target.getvalue()
    assert rows_of(report_of(traded, "period-diff", "csv", year_2025), "change") == []


@ON_SQLITE
def test_only_a_closed_year_has_a_difference(traded: Book) -> None:
    with pytest.raises(InputError, match="2025 is no tax year that was closed"), traded.period_diff(2025):
        pytest.fail("it was never closed")
    with pytest.raises(UnsupportedCase, match="no tax year that was closed"), traded.report("period-diff"):
        pytest.fail("all time is no year")
    traded.close_year(2025)
    with pytest.raises(InputError, match="2025 has 1 closings, no version 2"), traded.period_diff(2025, version=2):
        pytest.fail("it was closed once")
