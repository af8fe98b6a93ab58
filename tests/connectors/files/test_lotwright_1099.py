"""The CSV of a broker's statement: what a row says, and what is refused."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from ledger.domain.errors import InputError
from ledger.domain.law.statement import BrokerForm, StatementRow
from ledger.domain.lot import HoldingTerm
from ledger.ports import FileRow

ReadFile = Callable[..., list[FileRow]]
FaultsOf = Callable[..., list[str]]

HEADER = "account,year,form,asset,quantity,acquired,sold,proceeds,basis,term,sale,code,adjustment,issued\n"


def statements(rows: list[FileRow]) -> list[StatementRow]:
    assert [row.faults for row in rows if row.faults] == []
    return [row.statement for row in rows if row.statement is not None]


def test_a_whole_row_is_read_as_it_says(read_file: ReadFile) -> None:
    line = "main,2026,1099-da-basis,BTC,0.5,2026-01-02,2026-06-01,50000.00,40000.5,short,s1,W,12.5,2027-02-15\n"
    (row,) = statements(read_file(HEADER + line))
    assert (row.account, row.year, row.form, row.asset, row.quantity) == ("main", 2026, BrokerForm.DIGITAL_BASIS, "BTC", Decimal("0.5"))
    assert (row.date_acquired, row.date_sold, row.issued) == (date(2026, 1, 2), date(2026, 6, 1), date(2027, 2, 15))
    assert (row.proceeds, row.cost_basis, row.adjustment) == (Decimal(50000), Decimal("40000.5"), Decimal("12.5"))
    assert (row.term, row.sale, row.code) == (HoldingTerm.SHORT, "s1", "W")


def test_what_a_form_does_not_say_is_not_known(read_file: ReadFile) -> None:
    (row,) = statements(read_file("sold,proceeds,quantity,asset,form,year\n2025-06-01,0,1,BTC,1099-da,2025\n", account="main"))
    assert (row.account, row.date_acquired, row.cost_basis, row.term, row.sale, row.code) == ("main", None, None, None, None, "")


def test_rows_alike_are_rows_of_their_own_and_the_same_in_another_file(read_file: ReadFile) -> None:
    line = "main,2025,1099-da,BTC,1,,2025-06-01,100,,,,,,\n"
    first, second = statements(read_file(HEADER + line + line))
    assert first.row_id != second.row_id
    assert statements(read_file(HEADER + line)) == [first]


GOOD = {"account": "main", "year": "2025", "form": "1099-da", "asset": "BTC", "quantity": "1", "sold": "2025-06-01", "proceeds": "100"}
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no such form": ({"form": "1099da"}, "column form: '1099da' is no form (did you mean 1099-da?)"),
    "a form like no other": (
        {"form": "x"},
        "column form: 'x' is no form (write one of 1099-da, 1099-da-basis, 1099-b, 1099-b-basis)",
    ),
    "a form before its time": (
        {"year": "2024", "sold": "2024-06-01"},
        "column form: is '1099-da': there is no such form for sales before 2025 (check form and year)",
    ),
    "a year that is none": ({"year": "25"}, "column year: '25' is no year (write it like 2025)"),
    "another year": ({"year": "2026"}, "column year: is 2026, but sold is 2025-06-01 (write the year of the sale)"),
    "a day that is none": ({"sold": "06/01/2025"}, "column sold: '06/01/2025' is not a day (write it like 2025-03-01)"),
    "a day outside the calendar": ({"sold": "2025-02-30"}, "column sold: '2025-02-30' is not in the calendar (check the day)"),
    "no day": ({"sold": ""}, "column sold: is empty (write it like 2025-03-01)"),
    "bought after it was sold": (
        {"acquired": "2025-06-02"},
        "column acquired: is 2025-06-02, after it was sold on 2025-06-01 (check both days; short sales are not covered)",
    ),
    "no proceeds": (
        {"proceeds": ""},
        "column proceeds: is empty (write what the form says, 0 where it says that nothing was received)",
    ),
    "money": ({"asset": "USD"}, "column asset: is 'USD', which is money (write what was sold)"),
    "a term that is none": (
        {"term": "G"},
        "column term: 'G' is no term (write short or long, or leave the cell empty where the form does not say)",
    ),
    "a code that is computed": ({"code": "B"}, "column code: code B follows from basis (leave the cell empty)"),
    "a code that is not read": ({"code": "Q"}, "column code: 'Q' is no code that is read (write L, O or W, or leave the cell empty)"),
    "a code without its amount": (
        {"code": "W"},
        "column adjustment: is empty, but code is W (write the amount of column (g), signed)",
    ),
    "an amount without a code": (
        {"adjustment": "5"},
        "column adjustment: is '5', but there is no code (write the code that the amount belongs to)",
    ),
    "a loss with the wrong sign": (
        {"code": "L", "adjustment": "-5"},
        "column adjustment: is '-5' (a loss that does not count is added back: write it above zero)",
    ),
    "no account": ({"account": ""}, "column account: is empty (fill the cell, or name the account with --account)"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_cannot_be_is_refused_with_the_way_to_mend_it(faults_of: FaultsOf, case: str) -> None:
    changes, message = REFUSED[case]
    cells = GOOD | changes
    line = ",".join(cells.get(column, "") for column in HEADER.strip().split(","))
    assert faults_of(HEADER + line + "\n") == [f"line 2, {message}"]


def test_a_file_without_accounts_needs_one_named(read_file: ReadFile) -> None:
    with pytest.raises(InputError, match="no column 'account'"):
        read_file("sold,proceeds,quantity,asset,form,year\n2025-06-01,0,1,BTC,1099-da,2025\n")
