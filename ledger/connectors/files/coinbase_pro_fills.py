"""The fills export of Coinbase Pro and Coinbase Exchange, ``coinbase-pro-fills``.

Many books have years of trading only in this file. Its fills get the same event ids as those of the API, so that one fill told
by both is one event with two payloads as evidence. Rows stand in any order; trade ids are unique per product only.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, account_of, shown
from ledger.connectors.files.rows import read_rows
from ledger.domain.amount import EXACT, ZERO, Amount, added, multiplied, subtracted, text_of
from ledger.domain.errors import InputError, NumberRefused
from ledger.domain.event import Event, Fill, Side, SourceRank
from ledger.domain.ids import AccountId, SourceId, VenueName, coinbase_fill_id
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("coinbase-exchange")
_TRADE_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_TOTAL_DECIMALS_MIN = 8  # the export's own habit: it writes sizes with 8 decimals, and totals with as many as they need


class _Cells(NamedTuple):
    """The cells of one row, in the order of the export."""

    portfolio: str
    trade_id: str
    product: str
    side: str
    created_at: str
    size: str
    size_unit: str
    price: str
    fee: str
    total: str
    money_unit: str


_COLUMNS = (
    *("portfolio", "trade id", "product", "side", "created at", "size"),
    *("size unit", "price", "fee", "total", "price/fee/total unit"),
)


class CoinbaseProFills:
    """Reads the fills export: exactly its eleven columns, in any order.

    The account is that of the command line, else the row's portfolio. To meet the fills of the API, name the connection's.
    """

    name = "coinbase-pro-fills"
    title = "Coinbase Pro fills export"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS,)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return len(header) == len(_COLUMNS) and set(header) == set(_COLUMNS)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line's account or bot cannot be used.
        """
        assert self.recognises(header), header
        return read_rows(rows, header, columns=_COLUMNS, terms=terms, content_of=partial(_fill, terms=terms))


def _fill(cells: tuple[str, ...], reader: CellReader, *, terms: FileTerms) -> Event:
    """Sample: ``default,1042,BTC-USD,SELL,2021-11-27T18:25:30.797Z,0.50000000,BTC,40000.00,50,19950,USD``."""
    row = _Cells._make(cells)
    account = _account(row, reader, terms.account)
    trade_id = reader.take(_trade_id, row.trade_id, column="trade id", stand_in="0")
    side = reader.take(_side, row.side, column="side", stand_in=Side.BUY)
    occurred_at = reader.instant(row.created_at, column="created at")
    base = reader.amount(row.size, row.size_unit, columns=("size", "size unit"))
    price = reader.positive(row.price, column="price")
    fee = Amount(quantity=reader.number(row.fee, column="fee"), asset=reader.asset(row.money_unit, column="price/fee/total unit"))
    total = reader.number(row.total, column="total")
    quote = Amount(quantity=_product(base.quantity, price, reader), asset=fee.asset)
    if not reader.faults:
        _check_product(row, reader)
        _check_total(reader, side=side, quote=quote.quantity, fee=fee.quantity, total=total)
    return Fill(
        event_id=coinbase_fill_id(account=account, product=row.product, side=side.value, trade_id=trade_id),
        source_id=SourceId(trade_id),
        venue=_VENUE,
        account=account,
        occurred_at=occurred_at,
        rank=SourceRank.FILE,
        sequence=int(trade_id),
        bot=terms.bot,
        side=side,
        base=base,
        quote=quote,
        fee=fee if fee.quantity else None,
    )


def _account(row: _Cells, reader: CellReader, named: AccountId | None) -> AccountId:
    if named is not None:
        return named
    return reader.take(_portfolio, row.portfolio, column="portfolio", stand_in=AccountId(""))


def _portfolio(text: str) -> AccountId:
    try:
        return account_of(text)
    except InputError as error:
        raise InputError(error.message, mend="name the account with --account") from error


def _trade_id(text: str) -> str:
    if _TRADE_ID.fullmatch(text) is None:
        found = f"{shown(text)} is not a trade id (digits)" if text else "is empty"
        raise InputError(found, mend="use the file as exported: spreadsheets rewrite long numbers")
    return text


def _side(text: str) -> Side:
    side = _SIDES.get(text)
    if side is None:
        raise InputError(f"{shown(text)} is no side" if text else "is empty", mend="write BUY or SELL")
    return side


_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


def _product(size: Decimal, price: Decimal, reader: CellReader) -> Decimal:
    try:
        return multiplied(size, price)
    except NumberRefused as error:
        reader.refuse("price", f"size times price {error.reason}", "correct size or price")
        return price


def _check_product(row: _Cells, reader: CellReader) -> None:
    if row.product != f"{row.size_unit}-{row.money_unit}":
        units = f"{row.size_unit}-{row.money_unit}"
        reader.refuse("product", f"is {shown(row.product)}, the units say {shown(units)}", "use the file as exported")


def _check_total(reader: CellReader, *, side: Side, quote: Decimal, fee: Decimal, total: Decimal) -> None:
    """Refuse a total that is not what size, price and fee make, to the last decimal that it is written with.

    In a real export of 161 fills (2021, three products, up to 14 decimals) every total is exact. A total written with fewer
    decimals than the exact one may be cut or rounded off there, but not before its eighth decimal.
    """
    due = subtracted(ZERO, added(quote, fee)) if side is Side.BUY else subtracted(quote, fee)
    exponent = total.as_tuple().exponent
    assert isinstance(exponent, int), total
    decimals = max(_TOTAL_DECIMALS_MIN, -exponent)
    short = subtracted(due, total) if due >= 0 else subtracted(total, due)
    rounded_up_most, cut_most = EXACT.scaleb(Decimal(-5), -decimals - 1), EXACT.scaleb(Decimal(1), -decimals)
    if not rounded_up_most <= short < cut_most:
        told = f"is {text_of(total)}, size times price {'plus' if side is Side.BUY else 'less'} fee makes {text_of(due)}"
        reader.refuse("total", told, "use the file as exported: one of size, price, fee and total was changed")
