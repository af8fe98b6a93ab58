"""KuCoin's export of spot orders by their fills, ``kucoin``: the zone of its times stands in the name of their column."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain, zone_in
from ledger.connectors.files.exports.draft import EXPORTED, Draft, Meaning, check_sum, has_columns, optional, read_drafts
from ledger.domain.amount import EXACT
from ledger.domain.event import Side
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("kucoin")
_ROUNDING = Decimal("0.0001")  # of the volume: the average price is rounded
_TIME = "Filled Time"


class _Cells(NamedTuple):
    """The cells that matter, in the order in which they are picked."""

    time: str
    order_id: str
    symbol: str
    side: str
    price: str
    amount: str
    volume: str
    fee: str
    tax: str
    fee_currency: str


_COLUMNS = (
    *("UID", "Account Type", "Order ID", "Symbol", "Side", "Order Type", "Avg. Filled Price", "Filled Amount", "Filled Volume"),
    *("Filled Volume (USDT)", "Filled Time(UTC+08:00)", "Fee", "Tax", "Maker/Taker", "Fee Currency"),
)
_PICKED = ("Order ID", "Symbol", "Side", "Avg. Filled Price", "Filled Amount", "Filled Volume", "Fee", "Tax", "Fee Currency")


class Kucoin:
    """Reads the export, with or without the mode of the account, columns in any order."""

    name = "kucoin"
    title = "KuCoin spot fills export"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = ((*_COLUMNS, "Account Mode"), _COLUMNS)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, the time in any zone that its column names."""
        return zone_in(_time_column(header)) is not None and has_columns(_in_one_zone(header), self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        column = _time_column(header)
        read = partial(_row, clock=plain(zone_in(column)))
        return read_drafts(rows, header, columns=(column, *_PICKED), terms=terms, venue=_VENUE, read=read)


def _time_column(header: tuple[str, ...]) -> str:
    return next((column for column in header if column.startswith(_TIME)), "")


def _in_one_zone(header: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("Filled Time(UTC+08:00)" if column.startswith(_TIME) else column for column in header)


def _row(cells: tuple[str, ...], reader: CellReader, *, clock: Callable[[str], datetime]) -> Draft | None:
    """Sample: ``2024-07-31 12:16:01,66a9c5d1e0f3,BTC-USDT,BUY,67012.4,0.0015,100.5186,0.1005186,0,USDT`` as picked."""
    row = _Cells._make(cells)
    occurred_at = reader.take(clock, row.time, column=_TIME, stand_in=EPOCH)
    base_asset, _, quote_asset = row.symbol.partition("-")
    base = reader.amount(row.amount, base_asset, columns=("Filled Amount", "Symbol"))
    quote = reader.amount(row.volume, quote_asset, columns=("Filled Volume", "Symbol"))
    price = reader.positive(row.price, column="Avg. Filled Price")
    if row.side not in {"BUY", "SELL"}:
        reader.refuse("Side", f"is {shown(row.side)}, neither BUY nor SELL", EXPORTED)
    if row.tax and reader.number(row.tax, column="Tax"):
        reader.refuse("Tax", f"is {shown(row.tax)}, and no rule says in which asset it is", "ask for a rule")
    if not reader.faults:
        within = EXACT.multiply(quote.quantity, _ROUNDING)
        check_sum(reader, column="Filled Volume", told=quote.quantity, due=EXACT.multiply(base.quantity, price), within=within)
    side = Side.BUY if row.side == "BUY" else Side.SELL
    received, given = (base, quote) if side is Side.BUY else (quote, base)
    fee = optional(reader, row.fee, row.fee_currency, columns=("Fee", "Fee Currency"))
    return Draft(occurred_at=occurred_at, why=Meaning.TRADE, received=received, given=given, fee=fee, side=side, order_id=row.order_id)
