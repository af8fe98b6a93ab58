"""A broker's statement from its file to the form: what it changes, what it is compared with, and what it leaves alone."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.book import Book, Selection, exporter
from ledger.domain.errors import InputError

NewBook = Callable[..., Book]
Row = dict[str, str]
RowOf = Callable[..., Row]
Write = Callable[..., Path]
GainsOf = Callable[..., list[Row]]

HEADER = (
    *(
        "account",
        "year",
        "form",
        "asset",
        "quantity",
        "acquired",
        "sold",
        "proceeds",
        "basis",
        "term",
        "sale",
        "code",
        "adjustment",
        "issued",
    ),
)
SALE = {
    "account": "main",
    "year": "2026",
    "form": "1099-da-basis",
    "asset": "BTC",
    "quantity": "1",
    "sold": "2026-06-01",
    "proceeds": "60000",
}


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of statements: a sale of one bitcoin, unless told otherwise."""

    def written(*rows: Row) -> Path:
        path = tmp_path / f"form-{len(list(tmp_path.glob('form-*.csv')))}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            lines = csv.DictWriter(target, HEADER, restval="", lineterminator="\n")
            lines.writeheader()
            lines.writerows([SALE | row for row in rows])
        return path

    return written


@pytest.fixture
def traded(book: Book, row: RowOf, write: Write) -> Book:
    """Two bitcoins bought a year apart, one sold on 1 June 2026 with a fee of 100 dollars: 59,900 less 20,000, long."""
    bought = row("b1", time="2025-03-01T12:00:00Z", quote_amount="20000")
    later = row("b2", time="2026-03-01T12:00:00Z", quote_amount="50000")
    sold = row("s1", time="2026-06-01T12:00:00Z", type="sell", quote_amount="60000", fee_asset="USD", fee_amount="100")
    book.import_files([write(bought, later, sold)])
    return book


def figures(gain: Row) -> str:
    return " ".join(gain[column] or "-" for column in ("proceeds", "cost_basis", "adjustment_code", "adjustment", "gain", "term", "box"))


def codes(book: Book) -> dict[str, str]:
    return {finding.code: finding.severity.value for finding in book.findings()}


def test_without_a_statement_the_gain_is_that_of_the_book(traded: Book, gains_of: GainsOf) -> None:
    assert [figures(gain) for gain in gains_of(traded)] == ["59900 20000 - 0 39900 long L"]


def test_a_statement_gives_the_box_and_what_it_told_otherwise_is_corrected(traded: Book, tell: Write, gains_of: GainsOf) -> None:
    (outcome,) = traded.import_files([tell({"basis": "50000", "term": "short", "sale": "s1"})])
    assert (outcome.format_name, outcome.rows, outcome.tally.new, outcome.tally.known) == ("lotwright-1099", 1, 1, 0)
    assert [figures(gain) for gain in gains_of(traded)] == ["60000 50000 BET 29900 39900 long J"]
    assert codes(traded) == {"statement-code-b": "warning", "statement-code-e": "note", "statement-code-t": "note"}


def test_a_basis_that_was_not_reported_stays_ours(traded: Book, tell: Write, gains_of: GainsOf) -> None:
    traded.import_files([tell({"form": "1099-da", "basis": "50000", "proceeds": "59900"})])
    assert [figures(gain) for gain in gains_of(traded)] == ["59900 20000 B 0 39900 long K"]


def test_the_same_statement_again_is_known(traded: Book, tell: Write) -> None:
    traded.import_files([tell({})])
    (again,) = traded.import_files([tell({})])
    assert (again.tally.new, again.tally.known) == (0, 1)


def test_a_corrected_statement_takes_the_place_of_the_first_in_whatever_order_they_come(
    new_book: NewBook, traded: Book, row: RowOf, write: Write, tell: Write, gains_of: GainsOf
) -> None:
    first, corrected = tell({"basis": "50000"}), tell({"basis": "20000", "issued": "2027-04-01"})
    traded.import_files([first])
    traded.import_files([corrected])
    other = new_book()
    rows = [
        row("b1", time="2025-03-01T12:00:00Z", quote_amount="20000"),
        row("s1", time="2026-06-01T12:00:00Z", type="sell", quote_amount="60000", fee_asset="USD", fee_amount="100"),
    ]
    other.import_files([corrected, write(*rows)])
    other.import_files([first])
    expected = ["60000 20000 E -100 39900 long J"]
    assert [figures(gain) for gain in gains_of(traded)] == [figures(gain) for gain in gains_of(other)] == expected


def test_what_either_side_has_alone_is_found(traded: Book, tell: Write, gains_of: GainsOf) -> None:
    traded.import_files([tell({"quantity": "2"})])
    assert codes(traded) == {"statement-units-differ": "error", "sale-not-on-statement": "warning"}
    assert [gain["box"] for gain in gains_of(traded)] == ["L"]  # it is on no form
    (units,) = (finding.message for finding in traded.findings() if finding.code == "statement-units-differ")
    assert units.endswith("tells of 2 BTC sold on 2026-06-01 for 60000; of that day the book has 1 BTC of which no row tells (s1)")


def test_a_row_of_a_day_without_a_sale_is_alone(traded: Book, tell: Write) -> None:
    traded.import_files([tell({}, {"sold": "2026-08-01"})])
    assert codes(traded) == {"statement-code-e": "note", "statement-row-alone": "error"}


def test_lots_of_a_day_that_differ_are_said_side_by_side(traded: Book, tell: Write, gains_of: GainsOf) -> None:
    halves = [
        {"quantity": "0.5", "proceeds": "30000", "basis": basis, "acquired": day} for basis, day in (("10000", "2025-03-01"), ("25000", ""))
    ]
    traded.import_files([tell(*halves)])
    (finding,) = (finding for finding in traded.findings() if finding.code == "statement-lots-differ")
    book_says = "; the book: 1 acquired 2025-03-01 for 20000"
    assert finding.message.endswith(f"the form: 0.5 acquired 2025-03-01 for 10000, 0.5 acquired (not said) for 25000{book_says}")
    assert [figures(gain) for gain in gains_of(traded)] == ["60000 20000 E -100 39900 long J"]


def test_what_a_form_parts_into_other_lots_stays_on_rows_under_exception_1(traded: Book, tell: Write, gains_of: GainsOf) -> None:
    halves = [{"quantity": "0.5", "proceeds": "29950", "basis": basis} for basis in ("10000", "25000")]
    traded.import_files([tell(*halves)])
    (gain,) = gains_of(traded)
    assert (figures(gain), gain["finding"]) == ("59900 20000 - 0 39900 long J", "statement-lots-differ")
    (form,) = csv_of(traded, "form-8949", exception_1="yes")
    assert (form["box"], form["cost_basis"], form["finding"]) == ("J", "20000", "statement-lots-differ")


def test_another_day_of_acquisition_is_noted(traded: Book, tell: Write) -> None:
    traded.import_files([tell({"acquired": "2026-05-20", "proceeds": "59900"})])
    assert codes(traded) == {"statement-acquired-differs": "note"}
    (finding,) = traded.findings()
    assert finding.message.endswith("(s1, BTC): 2025-03-01 in the book, 2026-05-20 on the statement")


def test_a_loss_put_off_comes_back_by_code_o_when_the_units_bought_instead_are_sold(
    book: Book, row: RowOf, write: Write, tell: Write, gains_of: GainsOf
) -> None:
    rows = [
        row("b1", time="2025-03-01T12:00:00Z", quote_amount="50000"),
        row("s1", time="2026-06-01T12:00:00Z", type="sell", quote_amount="40000"),
        row("b2", time="2026-06-10T12:00:00Z", quote_amount="41000"),
        row("s2", time="2026-09-01T12:00:00Z", type="sell", quote_amount="60000"),
    ]
    form = {"form": "1099-b-basis"}
    loss = form | {"proceeds": "40000", "basis": "50000", "code": "W", "adjustment": "10000"}
    later = form | {"sold": "2026-09-01", "proceeds": "60000", "basis": "51000", "code": "O", "adjustment": "-10000"}
    book.import_files([write(*rows), tell(loss, later)])
    assert [figures(gain) for gain in gains_of(book)] == ["40000 50000 W 10000 0 long D", "60000 51000 BO 0 9000 short A"]
    assert "code O with the loss as adjustment, below zero" in next(one.mend for one in book.findings() if one.code == "statement-code-w")


def test_findings_go_when_the_missing_sale_comes(traded: Book, row: RowOf, write: Write, tell: Write) -> None:
    traded.import_files([tell({}, {"sold": "2026-07-01", "proceeds": "70000"})])
    assert "statement-row-alone" in codes(traded)
    traded.import_files([write(row("s2", time="2026-07-01T12:00:00Z", type="sell", quote_amount="70000"))])
    assert codes(traded) == {"statement-code-e": "note"}


def test_a_filter_does_not_change_what_a_statement_tells(traded: Book, tell: Write, gains_of: GainsOf) -> None:
    traded.import_files([tell({"basis": "50000"})])
    year = Selection(period=traded.period_of(2026))
    assert gains_of(traded, year) == gains_of(traded)


def test_gains_add_up_with_corrections(traded: Book, tell: Write, gains_of: GainsOf, report_of: Callable[..., bytes]) -> None:
    traded.import_files([tell({"basis": "50000", "term": "short"})])
    (gain,) = gains_of(traded)
    assert float(gain["gain"]) == float(gain["proceeds"]) - float(gain["cost_basis"]) + float(gain["adjustment"])
    (total,) = csv.DictReader(io.StringIO(report_of(traded, "summary").decode()))
    assert (total["adjustment"], total["gain"]) == (gain["adjustment"], gain["gain"])


def test_a_bad_row_leaves_the_book_as_it_was(traded: Book, tell: Write, counts: Callable[[Book], dict[str, int]]) -> None:
    before = counts(traded)
    with pytest.raises(InputError, match="1 row is bad"):
        traded.import_files([tell({}, {"form": "1099-dx"})])
    assert counts(traded) == before


def test_under_another_law_statements_are_kept_and_said_to_be_of_no_use(
    new_book: NewBook, row: RowOf, write: Write, tell: Write, gains_of: GainsOf
) -> None:
    book = new_book(regime="generic")
    book.import_files([write(row("b1"), row("s1", time="2026-06-01T12:00:00Z", type="sell", quote_amount="60000")), tell({})])
    assert codes(book) == {"statement-unused": "warning"}
    assert [figures(gain) for gain in gains_of(book)] == ["60000 50000 - 0 10000 - -"]


# --- the other reports -------------------------------------------------------------------------------------------------


def csv_of(book: Book, name: str, **options: str) -> list[Row]:
    target = io.BytesIO()
    with book.report(name, options=options) as document:
        exporter("csv").write(document, target)
    return list(csv.DictReader(io.StringIO(target.getvalue().decode())))


def test_the_form_of_a_year_that_the_settings_name_decides_the_box(traded: Book, gains_of: GainsOf) -> None:
    settings = traded.settings.folder / "lotwright.toml"
    main = '\n[connections.main]\nvenue = "coinbase-exchange"\nforms.2026 = "1099-da"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + main, encoding="utf-8")
    with Book.open(traded.settings.folder) as book:
        assert [gain["box"] for gain in gains_of(book)] == ["K"]
        (row,) = csv_of(book, "form-8949", exception_2="yes")
        assert (row["box"], row["description"], row["adjustment_code"]) == ("K", "coinbase-exchange, see attached statement", "M")
    settings.write_text(settings.read_text(encoding="utf-8").replace('"1099-da"', '"1099-dx"'), encoding="utf-8")
    with pytest.raises(InputError, match=r"connections\.main\.forms\.2026 is '1099-dx'"):
        Book.open(traded.settings.folder)


def test_fills_of_an_order_stand_on_one_row_when_asked(book: Book, row: RowOf, write: Write) -> None:
    sold = {"time": "2025-06-01T12:00:00Z", "type": "sell", "amount": "0.5", "quote_amount": "30000", "order_id": "o-1"}
    book.import_files([write(row("b1"), row("s1", **sold), row("s2", **sold))])
    assert {form["description"] for form in csv_of(book, "form-8949")} == {"0.5 BTC, sale s1", "0.5 BTC, sale s2"}
    assert [form["description"] for form in csv_of(book, "form-8949", rows="order")] == ["1 BTC, order o-1"]


def test_schedule_d_has_the_totals_of_the_form(traded: Book, tell: Write) -> None:
    traded.import_files([tell({"basis": "50000"})])
    lines = {line["line"]: line for line in csv_of(traded, "schedule-d")}
    (form,) = csv_of(traded, "form-8949")
    assert [lines["8b"][column] for column in ("proceeds", "cost_basis", "adjustment", "gain")] == [
        form[column] for column in ("proceeds", "cost_basis", "adjustment", "gain")
    ]
    assert lines["16"]["gain"] == "39900"


@pytest.mark.parametrize(
    ("report", "options", "message"),
    [
        ("form-8949", {"row": "sale"}, r"has no option 'row'\n  mend: did you mean 'rows'"),
        ("form-8949", {"rows": "sales"}, r"option rows cannot be 'sales'\n  mend: did you mean 'sale'"),
        ("form-8949", {"rows": "x"}, r"mend: choose one of: piece, sale, order"),
        ("form-8949", {"zzz": "x"}, r"mend: it has: rows, amounts, exception_1, exception_2"),
        ("gains", {"rows": "sale"}, r"report gains has no option 'rows'\n  mend: leave --set out"),
    ],
)
def test_options_that_a_report_does_not_have_are_refused(book: Book, report: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message), book.report(report, options=options):
        pass


def with_law(book: Book, line: str) -> Book:
    settings = book.settings.folder / "lotwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + f"\n[law]\n{line}\n", encoding="utf-8")
    return Book.open(book.settings.folder)


def test_wash_sales_are_analysed_when_the_settings_say_so_and_change_no_other_figure(
    book: Book, row: RowOf, write: Write, gains_of: GainsOf
) -> None:
    sold = row("s1", time="2025-05-01T12:00:00Z", type="sell", quote_amount="40000", bot="dca")
    book.import_files([write(row("b1"), sold, row("b2", time="2025-05-10T12:00:00Z", amount="0.75", quote_amount="30000"))])
    before = gains_of(book)
    with pytest.raises(InputError, match="not analysed"), book.report("wash-sales"):
        pass
    with with_law(book, 'wash_sales = "analysis"') as analysed:
        (loss,) = csv_of(analysed, "wash-sales")
        assert gains_of(analysed) == before
        with analysed.report("wash-sales", Selection(period=analysed.period_of(2024))) as document:
            assert list(document.tables[0].rows()) == []
    assert (loss["event"], loss["lot_event"], loss["quantity"], loss["deferred"]) == ("s1", "b2", "0.75", "7500")
    assert (loss["date_replaced"], loss["held_since"]) == ("2025-05-10", "2025-03-10")


def test_an_option_of_the_law_is_reckoned_at_the_next_report(book: Book, row: RowOf, write: Write, gains_of: GainsOf) -> None:
    bought = row("b1", time="2023-02-28T12:00:00Z")
    book.import_files([write(bought, row("s1", time="2024-02-29T12:00:00Z", type="sell"))])
    assert [gain["term"] for gain in gains_of(book)] == ["long"]
    with with_law(book, "month_end = true") as strict:
        assert [gain["term"] for gain in gains_of(strict)] == ["short"]
