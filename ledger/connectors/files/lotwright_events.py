"""The native CSV, ``lotwright-events``: one row per event, for whatever no connector and no other importer brings in.

The table `_ROW_TYPES` is the format: for each type of row, what makes its event and which columns it takes. A cell in a column
that its type does not take is a fault, because it would otherwise be lost without a word.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from operator import itemgetter
from typing import NamedTuple, TypedDict

from ledger.connectors.files.cells import CellReader, bare_day_of, shown
from ledger.connectors.files.rows import read_rows
from ledger.domain.amount import Amount
from ledger.domain.errors import InputError
from ledger.domain.event import Charge, ChargeKind, Event, Fill, Income, IncomeKind, Opening, OpeningKind, Side, SourceRank, Transfer
from ledger.domain.ids import AccountId, BotId, EventId, OrderId, SourceId, VenueName, event_id
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("file")
_NO_ACCOUNT = AccountId("")


class _Cells(NamedTuple):
    """The cells of one row, in the order of the format's columns."""

    id: str
    time: str
    type: str
    account: str
    to_account: str
    bot: str
    order_id: str
    note: str
    asset: str
    amount: str
    quote_asset: str
    quote_amount: str
    fee_asset: str
    fee_amount: str
    value: str
    fee_value: str
    kind: str
    acquired: str
    evidence: str


_COLUMNS = _Cells._fields
_REQUIRED = ("id", "time", "type", "asset", "amount")


class LotwrightEvents:
    """Reads the native CSV: columns in any order, optional ones may be missing, unknown ones are refused.

    The second header is the least that is recognised; `account` may be missing where the command line names the account.
    """

    name = "lotwright-events"
    title = "Lotwright's own events"
    venue = _VENUE
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
        return read_rows(rows, header, columns=_COLUMNS, terms=terms, content_of=partial(_event, terms=terms))


class _Head(TypedDict):
    event_id: EventId
    source_id: SourceId
    venue: VenueName
    account: AccountId
    occurred_at: datetime
    rank: SourceRank
    order_id: OrderId | None
    bot: BotId | None
    note: str | None


Build = Callable[[_Cells, CellReader, _Head, Amount], Event]


def _event(cells: tuple[str, ...], reader: CellReader, *, terms: FileTerms) -> Event | None:
    row = _Cells._make(cells)
    head = _head(row, reader, terms)
    moved = reader.amount(row.amount, row.asset, columns=("amount", "asset"))
    row_type = _ROW_TYPES.get(row.type)
    if row_type is None:
        _refuse_type(row, reader)
        return None
    if any(row_type.foreign_of(row)):
        _refuse_foreign(row, reader, row_type)
    return row_type.build(row, reader, head, moved)


def _head(row: _Cells, reader: CellReader, terms: FileTerms) -> _Head:
    source_id = SourceId(reader.label(row.id, column="id"))
    occurred_at = _occurred_at(row, reader)
    account = _account(row, reader, terms.account)
    return {
        "event_id": event_id(venue=_VENUE, account=account, product_line="spot", kind="event", scope="", source_id=source_id),
        "source_id": source_id,
        "venue": _VENUE,
        "account": account,
        "occurred_at": occurred_at,
        "rank": SourceRank.FILE,
        "order_id": OrderId(reader.label(row.order_id, column="order_id")) if row.order_id else None,
        "bot": reader.bot(row.bot, column="bot") if row.bot else terms.bot,
        "note": reader.note(row.note, column="note"),
    }


def _occurred_at(row: _Cells, reader: CellReader) -> datetime:
    if row.type == OpeningKind.OPENING.value:
        return reader.instant_or_day(row.time, column="time")
    return reader.instant(row.time, column="time")


def _account(row: _Cells, reader: CellReader, named: AccountId | None) -> AccountId:
    if row.account:
        account = reader.account(row.account, column="account")
        if named is not None and row.account != named:
            mend = "--account is for rows that name none: leave it out, or correct the row"
            reader.refuse("account", f"is {shown(row.account)}, the command line says {shown(named)}", mend)
        return account
    if named is None:
        reader.refuse("account", "is empty", "fill the cell, or name the account with --account")
        return _NO_ACCOUNT
    return named


# --- one builder for each kind of event; what refuses a cell also throws the event away ------------------------------


def _fill(row: _Cells, reader: CellReader, head: _Head, moved: Amount, *, side: Side) -> Event:
    """Sample: ``t1,2025-03-01T12:00:00Z,buy,main,,,,,BTC,0.5,USD,20000,USD,10,,,,``."""
    quote = reader.consideration(row.quote_amount, row.quote_asset, columns=("quote_amount", "quote_asset"))
    if row.quote_asset and row.quote_asset == row.asset:
        reader.refuse("quote_asset", f"is {shown(row.quote_asset)} like asset", "name what was paid or received for it")
    fee = _fee(row, reader)
    return Fill(
        **head,
        side=side,
        base=moved,
        quote=quote,
        fee=fee,
        value=reader.worth(row.value, column="value"),
        fee_value=_fee_value(row, reader, fee),
    )


def _transfer(row: _Cells, reader: CellReader, head: _Head, moved: Amount) -> Event:
    """Sample: ``t2,2025-03-02T12:00:00Z,transfer,main,cold,,,,BTC,0.4,,,BTC,0.0001,,,,``."""
    receiver = reader.account(row.to_account, column="to_account")
    if receiver and receiver == head["account"]:
        reader.refuse("to_account", f"is {shown(receiver)}, the sending account", "name the account that receives")
    fee = _fee(row, reader)
    return Transfer(
        **head,
        from_account=head["account"],
        to_account=receiver,
        amount=moved,
        fee=fee,
        fee_value=_fee_value(row, reader, fee),
    )


def _deposit(row: _Cells, reader: CellReader, head: _Head, moved: Amount) -> Event:
    """Sample: ``t3,2025-03-03T12:00:00Z,deposit,main,,,,,USD,1000,,,,,,,,``."""
    fee = _fee(row, reader)
    fee_value = _fee_value(row, reader, fee)
    return Transfer(**head, from_account=None, to_account=head["account"], amount=moved, fee=fee, fee_value=fee_value)


def _withdrawal(row: _Cells, reader: CellReader, head: _Head, moved: Amount) -> Event:
    """Sample: ``t4,2025-03-04T12:00:00Z,withdrawal,main,,,,,BTC,0.1,,,BTC,0.0001,,,,``."""
    fee = _fee(row, reader)
    fee_value = _fee_value(row, reader, fee)
    return Transfer(**head, from_account=head["account"], to_account=None, amount=moved, fee=fee, fee_value=fee_value)


def _income(row: _Cells, reader: CellReader, head: _Head, moved: Amount) -> Event:
    """Sample: ``t5,2025-03-05T12:00:00Z,income,main,,,,,ETH,0.01,,,,,30.25,,staking,``."""
    fee = _fee(row, reader)
    return Income(
        **head,
        kind=reader.take(_income_kind, row.kind, column="kind", stand_in=IncomeKind.REWARD),
        amount=moved,
        value=reader.worth(row.value, column="value"),
        fee=fee,
        fee_value=_fee_value(row, reader, fee),
        controlled_at=reader.instant(row.acquired, column="acquired") if row.acquired else None,
    )


def _charge(row: _Cells, reader: CellReader, head: _Head, moved: Amount, *, kind: ChargeKind) -> Event:
    """Sample: ``t6,2025-03-06T12:00:00Z,spend,main,,,,,BTC,0.002,,,BTC,0.00001,170,0.85,,``."""
    fee = _fee(row, reader)
    return Charge(
        **head,
        kind=kind,
        amount=moved,
        value=reader.worth(row.value, column="value"),
        fee=fee,
        fee_value=_fee_value(row, reader, fee),
    )


def _paid_fee(row: _Cells, reader: CellReader, head: _Head, moved: Amount) -> Event:
    """Sample: ``t8,2025-03-08T12:00:00Z,fee,main,,,,,USD,9.99,,,,,9.99,,,``."""
    return Charge(**head, kind=ChargeKind.FEE, amount=moved, value=reader.worth(row.value, column="value"))


def _opening(row: _Cells, reader: CellReader, head: _Head, moved: Amount, *, kind: OpeningKind) -> Event:
    """Sample: ``t7,2025-01-01,opening,cold,,,,,BTC,2,,,,,15000,,,2021-05-04,bank statement``."""
    cost_basis = reader.worth(row.value, column="value")
    acquired_at, acquired_day = _acquired(row, reader, head["occurred_at"], kind)
    return Opening(
        **head,
        kind=kind,
        amount=moved,
        cost_basis=cost_basis,
        acquired_at=acquired_at,
        acquired_day=acquired_day,
        occurred_day=_day(row.time, reader),
        evidence=reader.note(row.evidence, column="evidence"),
    )


def _acquired(row: _Cells, reader: CellReader, occurred_at: datetime, kind: OpeningKind) -> tuple[datetime | None, date | None]:
    """Return the instant of the original acquisition, or the day where only that was told; neither where nobody told it."""
    if row.acquired:
        told, acquired_at = row.acquired, reader.instant_or_day(row.acquired, column="acquired")
    elif row.value and kind is OpeningKind.OPENING:
        told, acquired_at = row.time, occurred_at  # a cost without a date is of the opening day
    else:
        return None, None  # a gift keeps the giver's date, which its arrival does not tell
    if not reader.faults and acquired_at > occurred_at:
        reader.refuse("acquired", f"{shown(row.acquired)} is later than time, {shown(row.time)}", "correct one of the two")
    day = _day(told, reader)
    return (acquired_at, None) if day is None else (None, day)


def _day(text: str, reader: CellReader) -> date | None:
    """Return a day that was told without a time. It stays a day: the book may be in another zone later."""
    return None if reader.faults else bare_day_of(text)


def _fee(row: _Cells, reader: CellReader) -> Amount | None:
    """Return the fee, negative for a rebate; None for a row without one, or with one of zero."""
    if not row.fee_amount and not row.fee_asset:
        return None
    for column, text, other in (("fee_amount", row.fee_amount, "fee_asset"), ("fee_asset", row.fee_asset, "fee_amount")):
        if not text:
            reader.refuse(column, f"is empty, {other} is not", "fill both, or neither")
            return None
    fee = Amount(quantity=reader.number(row.fee_amount, column="fee_amount"), asset=reader.asset(row.fee_asset, column="fee_asset"))
    return fee if fee.quantity else None


def _fee_value(row: _Cells, reader: CellReader, fee: Amount | None) -> Decimal | None:
    if not row.fee_value:
        return None
    worth = reader.worth(row.fee_value, column="fee_value")
    if fee is None and worth:
        reader.refuse("fee_value", f"is {shown(row.fee_value)}, but there is no fee", "fill fee_asset and fee_amount, or leave it empty")
    return worth


def _income_kind(text: str) -> IncomeKind:
    kind = _INCOME_KINDS.get(text)
    if kind is None:
        raise InputError(f"{shown(text)} is no kind of income" if text else "is empty", mend="write one of " + ", ".join(_INCOME_KINDS))
    return kind


_INCOME_KINDS = {kind.value: kind for kind in IncomeKind}


# --- the table of the format ------------------------------------------------------------------------------------------

_ALWAYS = frozenset({"id", "time", "type", "account", "bot", "order_id", "note", "asset", "amount"})
_QUOTE = frozenset({"quote_asset", "quote_amount"})
_FEE = frozenset({"fee_asset", "fee_amount", "fee_value"})
_VALUE = frozenset({"value"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowType:
    """What makes the event of a row, and the columns that the row takes besides those of every row."""

    build: Build
    takes: frozenset[str]
    foreign: tuple[str, ...] = field(init=False)
    foreign_of: Callable[[tuple[str, ...]], tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        places = [place for place, column in enumerate(_COLUMNS) if column not in _ALWAYS | self.takes]
        object.__setattr__(self, "foreign", tuple(_COLUMNS[place] for place in places))
        object.__setattr__(self, "foreign_of", itemgetter(*places))


_ROW_TYPES: Mapping[str, _RowType] = {
    "buy": _RowType(build=partial(_fill, side=Side.BUY), takes=_QUOTE | _FEE | _VALUE),
    "sell": _RowType(build=partial(_fill, side=Side.SELL), takes=_QUOTE | _FEE | _VALUE),
    "transfer": _RowType(build=_transfer, takes=_FEE | {"to_account"}),
    "deposit": _RowType(build=_deposit, takes=_FEE),
    "withdrawal": _RowType(build=_withdrawal, takes=_FEE),
    "income": _RowType(build=_income, takes=_FEE | _VALUE | {"kind", "acquired"}),
    "spend": _RowType(build=partial(_charge, kind=ChargeKind.SPEND), takes=_FEE | _VALUE),
    "fee": _RowType(build=_paid_fee, takes=_VALUE),
    "gift_in": _RowType(build=partial(_opening, kind=OpeningKind.GIFT_IN), takes=_VALUE | {"acquired", "evidence"}),
    "gift_out": _RowType(build=partial(_charge, kind=ChargeKind.GIFT_OUT), takes=_FEE | _VALUE),
    "donation": _RowType(build=partial(_charge, kind=ChargeKind.DONATION), takes=_FEE | _VALUE),
    "lost": _RowType(build=partial(_charge, kind=ChargeKind.LOST), takes=_FEE | _VALUE),
    "opening": _RowType(build=partial(_opening, kind=OpeningKind.OPENING), takes=_VALUE | {"acquired", "evidence"}),
}


def _refuse_type(row: _Cells, reader: CellReader) -> None:
    close = get_close_matches(row.type.lower(), _ROW_TYPES, n=1)
    mend = f"did you mean {close[0]}?" if close else "write one of " + ", ".join(_ROW_TYPES)
    reader.refuse("type", f"{shown(row.type)} is no type of row" if row.type else "is empty", mend)


def _refuse_foreign(row: _Cells, reader: CellReader, row_type: _RowType) -> None:
    for column, text in zip(row_type.foreign, row_type.foreign_of(row), strict=True):
        if text:
            reader.refuse(column, f"{shown(text)} does not belong to a {row.type} row", "leave the cell empty")
