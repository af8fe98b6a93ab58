"""A bot's database -> which orders and fills are whose: freqtrade (SQLite), hummingbot (SQLite, CSV), jesse (CSV, JSON).

Their amounts are lossy (floats; six decimals; estimated fees), so none is read. What is joined is the venue's order id, the bot's
own name for the order, or the venue's trade id with its market. Source: `trades` and `orders` of freqtrade's trade_model.py,
`TradeFill` and `Order` of hummingbot's model/trade_fill.py and order.py, `Order` and `ClosedTrade` of jesse's models (read 2026-05).
"""

import io
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from ledger.connectors.files.cells import shown
from ledger.connectors.files.reading import read_table
from ledger.domain.errors import InputError
from ledger.domain.json_text import json_of

ROWS_MAX = 5_000_000
JSON_BYTES_MAX = 32 * 1024 * 1024  # all of it is held, at some ten times its length
TEXT_MAX = 500  # characters of an id or a name
_START_BYTES = 4096
_SQLITE = b"SQLite format 3\x00"
_STEPS = 1_000_000  # of SQLite's machine between two looks at how much it has done
_LOOKS_MAX = 5_000
_CELL_BYTES_MAX = 16 * 1024 * 1024
_VERSIONS = slice(18, 20)  # of the header: 2 means a write-ahead log, which a copy in memory cannot have

Cells = Mapping[str, object]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRow:
    """One row: the ids of its order, its trade (base, quote, id) where it tells of one fill, and its bot, empty where none is named."""

    locator: str
    orders: tuple[str, ...]
    trade: tuple[str, str, str] | None
    bot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotDatabase:
    """What a file is, and its rows, which are read while they are asked for."""

    format_name: str
    rows: Iterator[BotRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """One kind of database: the columns it must have by table, the question that joins them, and how a row is read."""

    name: str
    tables: Mapping[str, tuple[str, ...]]
    query: str
    read: Callable[[Cells, str], BotRow]


def read_database(content: bytes, *, name: str) -> BotDatabase:
    """Recognise a bot's database by its tables or columns; `name` stands in messages.

    Raises:
        InputError: here, or while rows are read, for a file that is of no known kind, is damaged, or asks for too much.
    """
    if content.startswith(_SQLITE):
        return _sqlite(content, name)
    if _is_json(content):
        return BotDatabase(format_name="jesse-json", rows=_json_rows(content, name))
    table = read_table(io.BytesIO(content), name=name)
    for format_name, needed, read in _CSV:
        if set(needed) <= set(table.header):
            cells = ((line, dict(zip(table.header, row, strict=False))) for line, row in table.rows)
            return BotDatabase(format_name=format_name, rows=(read(row, f"line {line}") for line, row in _bounded(cells, name)))
    raise InputError(
        f"{name}: is no table of a bot; its columns are {', '.join(map(shown, table.header[:30]))}", mend=f"expected are {_expected()}"
    )


def rows_in_advance(stream: BinaryIO, *, name: str) -> Iterable[object]:
    """Return the rows of a file that is neither SQLite nor JSON, for a look at it before all of it is held; `name` stands in messages.

    Raises:
        InputError: for JSON that is too long; here, or while rows are read, for what is no CSV file.
    """
    start = stream.read(_START_BYTES)
    length = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if _is_json(start) and length > JSON_BYTES_MAX:
        found = f"{name}: is JSON of {length:,} bytes, more than the {JSON_BYTES_MAX:,} that are read as one"
        raise InputError(found, mend="split it, or export the orders as CSV")
    return () if start.startswith(_SQLITE) or _is_json(start) else read_table(stream, name=name).rows


def _is_json(content: bytes) -> bool:
    return content[:_START_BYTES].lstrip()[:1] in (b"[", b"{")


def _expected() -> str:
    files = [f"{format_name} with {', '.join(needed)}" for format_name, needed, _ in _CSV]
    databases = [
        f"{one.name} (SQLite) with " + " and ".join(f"{table}({', '.join(columns)})" for table, columns in one.tables.items())
        for one in _LAYOUTS
    ]
    return "; ".join([*databases, *files])


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _sqlite(content: bytes, name: str) -> BotDatabase:
    """Open a copy in memory: whatever is in the file, nothing on the disk is read or written for it."""
    copy = bytearray(content)
    copy[_VERSIONS] = b"\x01\x01"
    with closing(sqlite3.connect(":memory:")) as connection:
        layout = _told(name, lambda: _layout_of(_opened(connection, copy), name))
    return BotDatabase(format_name=layout.name, rows=_sqlite_rows(copy, layout, name))


def _opened(connection: sqlite3.Connection, copy: bytearray) -> sqlite3.Connection:
    looks = iter(range(_LOOKS_MAX))
    connection.set_progress_handler(lambda: int(next(looks, None) is None), _STEPS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_BYTES_MAX)
    connection.deserialize(copy)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    return connection


def _layout_of(connection: sqlite3.Connection, name: str) -> _Layout:
    # A view or a virtual table of the same name may run anything.
    plain = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' AND sql NOT LIKE '%GENERATED%'"
    tables = [str(row["name"]) for row in connection.execute(plain).fetchmany(1_000)]
    for layout in _LAYOUTS:
        if all(table in tables and set(columns) <= _columns(connection, table) for table, columns in layout.tables.items()):
            return layout
    found = ", ".join(shown(table) for table in tables[:30]) or "none"
    raise InputError(f"{name}: is no database of a bot that is known; its tables are {found}", mend=f"expected are {_expected()}")


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row["name"]) for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _sqlite_rows(copy: bytearray, layout: _Layout, name: str) -> Iterator[BotRow]:
    with closing(sqlite3.connect(":memory:")) as connection:
        rows = _told(name, lambda: iter(_opened(connection, copy).execute(layout.query)))
        counted = _bounded(enumerate(iter(lambda: _told(name, lambda: next(rows, None)), None), 1), name)
        for _, row in counted:
            cells = dict(row)
            yield layout.read(cells, f"{next(iter(layout.tables))} row {cells['place']}")


def _told(name: str, ask: Callable[[], Found]) -> Found:
    try:
        return ask()
    except (sqlite3.Error, OverflowError) as error:
        raise InputError(
            f"{name}: cannot be read as an SQLite database ({error})", mend="stop the bot, or copy the file with `.backup`, and try again"
        ) from error


def _bounded(rows: Iterator[Found], name: str) -> Iterator[Found]:
    for number, row in enumerate(rows):
        if number >= ROWS_MAX:
            raise InputError(f"{name}: has more than {ROWS_MAX:,} rows", mend="split it")
        yield row


# --- rows of each kind --------------------------------------------------------------------------------------------------


def _text(cells: Cells, *names: str) -> str:
    """Return the first of these cells that says something; what is no text or whole number says nothing."""
    for name in names:
        cell = cells.get(name)
        if isinstance(cell, (str, int)) and not isinstance(cell, bool) and str(cell).strip():
            return str(cell).strip()[:TEXT_MAX]
    return ""


def _ids(cells: Cells, *names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for name in names if (text := _text(cells, name))))


def _freqtrade(cells: Cells, locator: str) -> BotRow:
    return BotRow(locator=locator, orders=_ids(cells, "order_id"), trade=None, bot=_text(cells, "strategy"))


def _hummingbot(cells: Cells, locator: str) -> BotRow:
    """Read a row of `TradeFill`: `order_id` is hummingbot's own name for the order; `config_file_path` is the bot."""
    base, _, quote = _text(cells, "symbol").partition("-")
    market = _text(cells, "base_asset") or base, _text(cells, "quote_asset") or quote
    trade = _text(cells, "exchange_trade_id")
    return BotRow(
        locator=locator,
        orders=_ids(cells, "order_id", "exchange_order_id"),
        trade=(*market, trade) if trade and all(market) else None,
        bot=_text(cells, "config_file_path", "strategy"),
    )


def _jesse(cells: Cells, locator: str) -> BotRow:
    """Read a row of `Order`: `exchange_id` is the venue's id, `id` jesse's own; a dump may be joined with `strategy_name`."""
    return BotRow(locator=locator, orders=_ids(cells, "exchange_id", "id"), trade=None, bot=_text(cells, "strategy_name"))


def _json_rows(content: bytes, name: str) -> Iterator[BotRow]:
    rows = json_of(content)
    orders = rows.get("orders") if isinstance(rows, dict) else rows
    if not isinstance(orders, list) or not all(isinstance(row, dict) and "exchange_id" in row for row in orders):
        raise InputError(f"{name}: is no list of orders with exchange_id", mend=f"expected are {_expected()}")
    for number, row in enumerate(orders, 1):
        assert isinstance(row, dict), row
        yield _jesse(row, f"row {number}")


_TRADE_FILL = ("exchange_trade_id", "config_file_path", "strategy", "symbol", "order_id")
_CSV: tuple[tuple[str, tuple[str, ...], Callable[[Cells, str], BotRow]], ...] = (
    ("hummingbot-csv", _TRADE_FILL, _hummingbot),
    ("jesse-csv", ("id", "exchange_id", "symbol"), _jesse),
)
_FILLS = """
    SELECT f.rowid AS place, f.exchange_trade_id, f.config_file_path, f.strategy, f.symbol, f.order_id {} FROM "TradeFill" f {}
    ORDER BY f.rowid
"""
_LAYOUTS = (
    _Layout(
        name="freqtrade",
        tables={"orders": ("id", "ft_trade_id", "order_id"), "trades": ("id", "strategy")},
        query="SELECT o.id AS place, o.order_id, t.strategy FROM orders o LEFT JOIN trades t ON t.id = o.ft_trade_id ORDER BY o.id",
        read=_freqtrade,
    ),
    _Layout(
        name="hummingbot",
        tables={"TradeFill": _TRADE_FILL, "Order": ("id", "exchange_order_id")},
        query=_FILLS.format(", o.exchange_order_id", 'LEFT JOIN "Order" o ON o.id = f.order_id'),
        read=_hummingbot,
    ),
    _Layout(name="hummingbot", tables={"TradeFill": _TRADE_FILL}, query=_FILLS.format("", ""), read=_hummingbot),
)
