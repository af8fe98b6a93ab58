"""What a broker's Form 1099-DA or 1099-B says, as CSV: one row per sale or lot, as the form has it.

Nothing of it is booked: it is kept and compared with the sales that are in the book. A corrected statement is imported as a whole
with the day on which it was issued, and stands in the place of the one before.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, bare_day_of, shown
from ledger.connectors.files.rows import read_rows
from ledger.domain.amount import ZERO, is_fiat
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, SourceId, StatementRowId, VenueName, hash_of
from ledger.domain.law.statement import BrokerForm, StatementRow
from ledger.domain.lot import HoldingTerm
from ledger.ports import FileRow, FileTerms

_NO_DAY = date(1970, 1, 1)
_YEAR_DIGITS = 4
_WITH_AMOUNT = frozenset("OW")
_COMPUTED = {"B": "basis", "E": "proceeds", "T": "term", "M": "the layout of the form"}


class _Cells(NamedTuple):
    """The cells of one row, in the order of the format's columns."""

    account: str
    year: str
    form: str
    asset: str
    quantity: str
    acquired: str
    sold: str
    proceeds: str
    basis: str
    term: str
    sale: str
    code: str
    adjustment: str
    issued: str


_COLUMNS = _Cells._fields
_REQUIRED = ("year", "form", "asset", "quantity", "sold", "proceeds")


class Lotwright1099:
    """Reads a broker's statement: columns in any order, optional ones may be missing, unknown ones are refused."""

    name = "lotwright-1099"
    title = "a broker's Form 1099-DA or 1099-B"
    venue = VenueName("file")
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS, _REQUIRED)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the required columns, each column once, and none that is unknown."""
        return set(_REQUIRED) <= set(header) <= set(_COLUMNS) and len(set(header)) == len(header)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when neither file nor command line names an account, or the command line's names cannot be used.
        """
        assert self.recognises(header), header
        if "account" not in header and terms.account is None:
            raise InputError("the file has no column 'account'", mend="add the column, or name the account with --account")
        seen: Counter[tuple[str, ...]] = Counter()
        return read_rows(rows, header, columns=_COLUMNS, terms=terms, content_of=partial(_row, terms=terms, seen=seen))


def _row(cells: tuple[str, ...], reader: CellReader, *, terms: FileTerms, seen: Counter[tuple[str, ...]]) -> StatementRow:
    """Sample: ``main,2025,1099-da,BTC,0.5,2024-03-01,2025-06-01,50000.00,,long,s1,,,``."""
    row = _Cells._make(cells)
    sold = _day(row.sold, reader, "sold")
    year = reader.take(_year_of, row.year, column="year", stand_in=sold.year)
    if not reader.faults and year != sold.year:
        reader.refuse("year", f"is {year}, but sold is {row.sold}", "write the year of the sale")
    acquired = _day(row.acquired, reader, "acquired") if row.acquired else None
    if acquired is not None and not reader.faults and acquired > sold:
        reader.refuse("acquired", f"is {row.acquired}, after it was sold on {row.sold}", "check both days; short sales are not covered")
    form = reader.take(_form_of, row.form, column="form", stand_in=BrokerForm.SECURITIES)
    if year < form.first_year:
        reader.refuse("form", f"is {shown(row.form)}: there is no such form for sales before {form.first_year}", "check form and year")
    account = reader.account(row.account, column="account") if row.account else _named(reader, terms)
    asset = reader.asset(row.asset, column="asset")
    if is_fiat(asset):
        reader.refuse("asset", f"is {shown(row.asset)}, which is money", "write what was sold")
    facts = (account, *cells[1:])
    seen[facts] += 1
    return StatementRow(
        row_id=StatementRowId("S-" + hash_of(*facts, str(seen[facts]))[:32]),
        account=account,
        year=year,
        form=form,
        asset=asset,
        quantity=reader.positive(row.quantity, column="quantity"),
        date_acquired=acquired,
        date_sold=sold,
        proceeds=_proceeds(row, reader),
        cost_basis=reader.worth(row.basis, column="basis"),
        term=reader.take(_term_of, row.term, column="term", stand_in=None) if row.term else None,
        sale=SourceId(reader.label(row.sale, column="sale")) if row.sale else None,
        code=reader.take(_code_of, row.code, column="code", stand_in="") if row.code else "",
        adjustment=_adjustment(row, reader),
        issued=_day(row.issued, reader, "issued") if row.issued else None,
    )


def _named(reader: CellReader, terms: FileTerms) -> AccountId:
    if terms.account is None:
        reader.refuse("account", "is empty", "fill the cell, or name the account with --account")
        return AccountId("")
    return terms.account


def _proceeds(row: _Cells, reader: CellReader) -> Decimal:
    proceeds = reader.worth(row.proceeds, column="proceeds")
    if not row.proceeds:
        reader.refuse("proceeds", "is empty", "write what the form says, 0 where it says that nothing was received")
    return proceeds or ZERO


def _adjustment(row: _Cells, reader: CellReader) -> Decimal | None:
    if not row.adjustment:
        if row.code in _WITH_AMOUNT:
            reader.refuse("adjustment", f"is empty, but code is {row.code}", "write the amount of column (g), signed")
        return None
    amount = reader.number(row.adjustment, column="adjustment")
    if not row.code:
        reader.refuse("adjustment", f"is {shown(row.adjustment)}, but there is no code", "write the code that the amount belongs to")
    if row.code in ("L", "W") and amount <= 0:
        reader.refuse("adjustment", f"is {shown(row.adjustment)}", "a loss that does not count is added back: write it above zero")
    return amount


def _day(text: str, reader: CellReader, column: str) -> date:
    return reader.take(_day_of, text, column=column, stand_in=_NO_DAY)


def _day_of(text: str) -> date:
    try:
        day = bare_day_of(text)
    except ValueError as error:
        raise InputError(f"{shown(text)} is not in the calendar", mend="check the day") from error
    if day is None:
        raise InputError(f"{shown(text)} is not a day" if text else "is empty", mend="write it like 2025-03-01")
    return day


def _year_of(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == _YEAR_DIGITS):
        raise InputError(f"{shown(text)} is no year" if text else "is empty", mend="write it like 2025")
    return int(text)


def _form_of(text: str) -> BrokerForm:
    names = [form.value for form in BrokerForm]
    if text not in names:
        close = get_close_matches(text.lower(), names, n=1)
        mend = f"did you mean {close[0]}?" if close else "write one of " + ", ".join(names)
        raise InputError(f"{shown(text)} is no form" if text else "is empty", mend=mend)
    return BrokerForm(text)


def _term_of(text: str) -> HoldingTerm | None:
    if text not in {term.value for term in HoldingTerm}:
        raise InputError(f"{shown(text)} is no term", mend="write short or long, or leave the cell empty where the form does not say")
    return HoldingTerm(text)


def _code_of(text: str) -> str:
    if text in _COMPUTED:
        raise InputError(f"code {text} follows from {_COMPUTED[text]}", mend="leave the cell empty")
    if text not in ("L", *_WITH_AMOUNT):
        raise InputError(f"{shown(text)} is no code that is read", mend="write L, O or W, or leave the cell empty")
    return text
