"""Worked figures of the US forms and their instructions: they come out of the library, and of the command line from files.

`us_forms.json` says whose figures they are and what its columns mean.
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TypedDict, cast
from zoneinfo import ZoneInfo

import pytest

from ledger.book import Book, exporter
from ledger.cli.main import run
from ledger.domain.amount import AssetCode, whole_half_up
from ledger.domain.ids import AccountId, EventId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, HoldingTerm, LotOrigin
from ledger.lots.matching import match
from ledger.ports import BookTerms, ReportInput
from ledger.tax.us import UnitedStates
from reports.us.rows import rounding_of

D = Decimal
US = UnitedStates()
HERE = Path(__file__).parent


class Sale(TypedDict):
    id: str
    events: list[str]
    statement: list[str]
    form: list[str]


class Cases(TypedDict):
    columns: list[list[str]]
    rounding: list[list[str]]
    terms: list[list[str]]
    terms_at_month_ends: list[list[str]]
    boxes: list[tuple[str, int, str, str]]
    wash: list[list[str]]
    events_header: str
    statement_header: str
    sales: list[Sale]


CASES: Cases = json.loads((HERE / "us_forms.json").read_text(encoding="utf-8"))


def terms(**law: bool | str) -> BookTerms:
    return BookTerms(currency=AssetCode("USD"), zone=ZoneInfo("UTC"), method="fifo", scope="wallet", wallets={}, law=law)


@pytest.mark.parametrize(("exact", "printed"), CASES["rounding"])
def test_dollars_are_rounded_as_published(exact: str, printed: str) -> None:
    assert whole_half_up(D(exact)) == D(printed)


@pytest.mark.parametrize(("acquired", "disposed", "term"), CASES["terms"])
def test_holding_periods_are_as_published(acquired: str, disposed: str, term: str) -> None:
    assert US.term(date.fromisoformat(acquired), date.fromisoformat(disposed), terms()) is HoldingTerm(term)


@pytest.mark.parametrize(("acquired", "disposed", "term"), CASES["terms_at_month_ends"])
def test_holding_periods_at_the_end_of_a_month_are_as_the_ruling_reads(acquired: str, disposed: str, term: str) -> None:
    assert US.term(date.fromisoformat(acquired), date.fromisoformat(disposed), terms(month_end=True)) is HoldingTerm(term)


@pytest.mark.parametrize(("term", "year", "form", "box"), CASES["boxes"])
def test_boxes_are_as_published(term: str, year: int, form: str, box: str) -> None:
    assert US.box(term=HoldingTerm(term), year=year, form=form) == box


@pytest.mark.parametrize(("cost", "proceeds", "sold", "rebought", "deferred"), CASES["wash"])
def test_the_loss_of_a_wash_sale_is_as_published(cost: str, proceeds: str, sold: str, rebought: str, deferred: str) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    lot = Acquisition(
        **head(1, start, sold),  # type: ignore[arg-type]  # the head of a movement
        cost_basis=D(cost),
        acquired_at=start,
        origin=LotOrigin.PURCHASE,
    )
    sale = Departure(**head(2, start + timedelta(days=60), sold), kind=DepartureKind.SALE, proceeds=D(proceeds))  # type: ignore[arg-type]  # as above
    later = start + timedelta(days=80)
    again = Acquisition(
        **head(3, later, rebought),  # type: ignore[arg-type]  # as above
        cost_basis=D(1),
        acquired_at=later,
        origin=LotOrigin.PURCHASE,
    )
    pieces = match(iter([lot, sale, again]), US.rule(terms())).disposals
    (loss,) = US.deferred_losses(pieces, [lot, again], terms(wash_sales="analysis"))
    assert (loss.deferred, loss.quantity) == (D(deferred), D(rebought))


def head(number: int, at: datetime, units: str) -> dict[str, object]:
    return {
        "event_id": EventId(f"{number:016x}" * 2),
        "source_id": SourceId(str(number)),
        "leg": 1,
        "sequence": None,
        "occurred_at": at,
        "asset": AssetCode("X"),
        "quantity": D(units),
        "account": AccountId("main"),
        "wallet": WalletId("main"),
    }


# --- sales and statements, from files to the form ----------------------------------------------------------------------


def files_of(case: Sale, folder: Path) -> Iterator[Path]:
    for name, header in (("events", CASES["events_header"]), ("statement", CASES["statement_header"])):
        lines = case["events"] if name == "events" else case["statement"]
        if lines:
            path = folder / f"{name}.csv"
            path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
            yield path


def form_of(text: str) -> list[str]:
    """Box, dates and columns (d) to (h) of each row; ``-`` where a cell is empty."""
    columns = ("box", "date_acquired", "date_sold", "proceeds", "cost_basis", "adjustment_code", "adjustment", "gain")
    return [" ".join(row[column] or "-" for column in columns) for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize("case", CASES["sales"], ids=lambda case: case["id"])
def test_sales_stand_on_the_form_as_published(case: Sale, tmp_path: Path) -> None:
    target = io.BytesIO()
    with Book.create(tmp_path / "book") as book:
        book.import_files(list(files_of(case, tmp_path)))
        with book.report("form-8949") as document:
            exporter("csv").write(document, target)
    assert form_of(target.getvalue().decode()) == case["form"]


@pytest.mark.parametrize("case", [CASES["sales"][0], CASES["sales"][1]], ids=lambda case: case["id"])
def test_sales_stand_on_the_form_as_published_from_the_command_line(case: Sale, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "book")
    assert run(["init", folder]) == 0
    assert run(["--book", folder, "import", *map(str, files_of(case, tmp_path))]) == 0
    output = tmp_path / "form.csv"
    assert run(["--book", folder, "report", "form-8949", "--set", "amounts=dollars", "-o", str(output)]) == 0
    capsys.readouterr()
    assert form_of(output.read_text(encoding="utf-8")) == case["form"]


@pytest.mark.parametrize(("proceeds", "basis", "codes", "adjustment", "gain"), CASES["columns"])
def test_column_h_is_as_published(proceeds: str, basis: str, codes: str, adjustment: str, gain: str) -> None:
    asked = cast("ReportInput", SimpleNamespace(options={"amounts": "cents"}))
    printed = rounding_of(asked)((D(proceeds), D(basis), D(adjustment), D("NaN")))
    assert printed[3] == D(gain), codes
