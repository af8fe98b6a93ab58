"""Kraken's export of trades, ``kraken-trades``: the events of the ledgers again, rounded, and with their orders.

As with the API, the export of ledgers is what tells exact amounts and the asset of a fee; this one is believed until a ledger is
there, and completes it with the order. Times are UTC, cut to the second or finer.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.rows import account_named, read_rows
from ledger.connectors.kraken.assets import legs_of
from ledger.connectors.kraken.ids import VENUE
from ledger.connectors.kraken.parse import Place, seconds_text, told_trade
from ledger.domain.amount import EXACT, multiplied, subtracted, text_of
from ledger.domain.errors import InputError, NumberRefused
from ledger.domain.event import Event, SourceRank
from ledger.domain.json_text import Row
from ledger.domain.time.instant import EPOCH, micros_of
from ledger.ports import FileRow, FileTerms

_COLUMNS = ("txid", "ordertxid", "pair", "time", "type", "ordertype", "price", "cost", "fee", "vol", "margin", "misc", "ledgers")
_POSITION = ("postxid", "posstatus", "cprice", "ccost", "cfee", "cvol", "cmargin", "net", "trades")
_CLASSES = ("aclass", "subclass")
_TOLERANCE = Decimal("0.01")  # of the cost: the export rounds price and cost, so only a swapped column or digit is seen
_clock = plain(UTC)


class _Cells(NamedTuple):
    """The cells that matter, in the order in which they are picked."""

    txid: str
    ordertxid: str
    pair: str
    time: str
    type: str
    price: str
    cost: str
    fee: str
    vol: str
    margin: str


class KrakenTrades:
    """Reads the export of trades with or without the columns of positions, columns in any order."""

    name = "kraken-trades"
    title = "Kraken trades export"
    venue = VENUE
    headers: tuple[tuple[str, ...], ...] = ((*_COLUMNS[:3], *_CLASSES, *_COLUMNS[3:]), (*_COLUMNS, *_POSITION), _COLUMNS)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns that every generation has, each once, and none that is unknown."""
        return set(_COLUMNS) <= set(header) <= {*_COLUMNS, *_POSITION, *_CLASSES} and len(set(header)) == len(header)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        place = Place(account=account_named(terms), stream=self.name, context={}, fetched_at=EPOCH)
        return read_rows(rows, header, columns=_Cells._fields, terms=terms, content_of=partial(_trade, place=place, terms=terms))


def _trade(cells: tuple[str, ...], reader: CellReader, *, place: Place, terms: FileTerms) -> Event | None:
    """Sample: ``TJKLXX-PGMUI-4NTLXU,OB5VMB-B4U2U-DK2WRW,XXBTZUSD,2024-03-01 11:00:05.1234,buy,limit,50000.0,50.0,0.08,0.001,0.0,,``."""
    row = _Cells._make(cells)
    occurred_at = reader.take(_clock, row.time, column="time", stand_in=EPOCH)
    reader.label(row.txid, column="txid")
    price, cost, volume = (
        reader.positive(text, column=column) for column, text in (("price", row.price), ("cost", row.cost), ("vol", row.vol))
    )
    reader.number(row.fee, column="fee")
    if row.type not in {"buy", "sell"}:
        reader.refuse("type", f"is {shown(row.type)}, neither buy nor sell", "use the file as exported")
    if reader.number(row.margin or "0", column="margin"):
        reader.refuse(
            "margin", "is of a margin position, for which there is no rule", "import the export of ledgers, which lists such rows"
        )
    reader.take(legs_of, row.pair, column="pair", stand_in=None)
    if reader.faults:
        return None
    _check_cost(reader, price=price, volume=volume, cost=cost)
    told: Row = {**row._asdict(), "time": seconds_text(micros_of(occurred_at))}
    try:
        event = told_trade(row.txid, told, place, rank=SourceRank.FILE_SUMMARY)
    except InputError as refused:
        reader.refuse("", refused.message, "use the file as exported")
        return None
    return replace(event, bot=terms.bot) if event is not None and terms.bot else event


def _check_cost(reader: CellReader, *, price: Decimal, volume: Decimal, cost: Decimal) -> None:
    try:
        apart, allowed = abs(subtracted(EXACT.multiply(price, volume), cost)), multiplied(cost, _TOLERANCE)
    except NumberRefused:
        return  # finer than a book keeps: far below any cent
    if apart > allowed and apart > _TOLERANCE:
        reader.refuse("cost", f"is {text_of(cost)}, which is not price times vol", "use the file as exported: one of them was changed")
