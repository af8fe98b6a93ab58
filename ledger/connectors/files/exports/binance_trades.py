"""Binance's export of spot trades, ``binance-trades``, and that of orders, which is refused.

The present export writes each amount with its asset behind it (``0.0010BTC``, and of an asset that begins with a digit ``10.00001INCH``);
the pair tells where the number ends. Rows have no id, so they meet those of the API nowhere. Times are UTC by their header.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, number_of, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import EXPORTED, Draft, Meaning, check_sum, has_columns, read_drafts
from ledger.domain.amount import EXACT, ZERO, Amount, AssetCode, asset_code
from ledger.domain.errors import InputError, NumberRefused
from ledger.domain.event import Side
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

VENUE = VenueName("binance")
_clock = plain(UTC)
_ROUNDING = Decimal("0.00000001")  # the export's amounts have eight decimals
_SIDES: Mapping[str, Side] = {"BUY": Side.BUY, "SELL": Side.SELL}
_ZERO_AMOUNT = Amount(quantity=Decimal(1), asset=AssetCode("X"))
_SUFFIXED = re.compile(r"(-?[0-9][0-9,]*(?:\.[0-9]*)?(?:[eE]-?[0-9]+)?)([A-Z0-9]*[A-Z][A-Z0-9]*)")
_QUOTES = (
    *("USDT", "BUSD", "USDC", "TUSD", "FDUSD", "USDP", "USDS", "PAX", "UST", "DAI", "VAI", "IDRT", "BIDR", "BKRW", "BVND"),
    *("BTC", "ETH", "BNB", "TRX", "XRP", "DOGE", "DOT", "SOL", "EUR", "GBP", "AUD", "BRL", "TRY", "RUB", "UAH", "NGN", "ZAR", "JPY"),
    *("ARS", "MXN", "PLN", "RON", "CZK", "COP", "USD"),
)


class _Cells(NamedTuple):
    """The cells of one row, of either generation."""

    time: str
    pair: str
    side: str
    price: str
    base: str
    quote: str
    fee: str
    fee_asset: str


_COLUMNS = ("Date(UTC)", "Pair", "Side", "Price", "Executed", "Amount", "Fee")
_OLD = ("Date(UTC)", "Market", "Type", "Price", "Amount", "Total", "Fee", "Fee Coin")


class BinanceTrades:
    """Reads the export of spot trades, columns in any order."""

    name = "binance-trades"
    title = "Binance spot trades export"
    venue = VENUE
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS, _OLD)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of one of the two generations, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        columns = _OLD if "Market" in header else (*_COLUMNS, "")
        return read_drafts(rows, header, columns=columns, terms=terms, venue=VENUE, read=partial(_row, is_old="Market" in header))


def _row(cells: tuple[str, ...], reader: CellReader, *, is_old: bool) -> Draft | None:
    """Sample: ``2024-03-01 12:00:00,BTCUSDT,BUY,60000.00,0.0010000000BTC,60.00000000USDT,0.0000010000BTC``."""
    row = _Cells._make(cells)
    occurred_at = reader.take(_clock, row.time, column="Date(UTC)", stand_in=EPOCH)
    legs = reader.take(_legs if is_old else partial(_suffixed, row=row), row.pair, column="Pair", stand_in=None)
    side = _SIDES.get(row.side)
    if side is None:
        reader.refuse("Side", f"is {shown(row.side)}, neither BUY nor SELL", EXPORTED)
    price = reader.take(_number, row.price, column="Price", stand_in=ZERO)
    if legs is None or side is None:
        return None
    base, quote = (
        _amount(text, asset, reader, column=column)
        for text, asset, column in ((row.base, legs[0], "Executed"), (row.quote, legs[1], "Amount"))
    )
    if not reader.faults:
        check_sum(reader, column="Amount", told=quote.quantity, due=EXACT.multiply(base.quantity, price), within=_ROUNDING)
    received, given = (base, quote) if side is Side.BUY else (quote, base)
    fee = _fee(row, legs, reader)
    return Draft(occurred_at=occurred_at, why=Meaning.TRADE, received=received, given=given, fee=fee, side=side)


def _number(text: str) -> Decimal:
    return number_of(text.replace(",", ""))


def _legs(pair: str) -> tuple[str, str]:
    """Return base and quote of a glued pair by the quotes that the venue has had."""
    if "/" in pair:
        base, _, quote = pair.partition("/")
        return base, quote
    quotes = [quote for quote in _QUOTES if pair.endswith(quote) and pair != quote]
    if not quotes:
        raise InputError(f"{shown(pair)} is no pair whose two assets are known", mend=EXPORTED)
    quote = max(quotes, key=len)
    return pair.removesuffix(quote), quote


def _suffixed(pair: str, row: _Cells) -> tuple[str, str]:
    """Return base and quote of the present export: the ends of the two amounts, which together are the pair."""
    glued = pair.replace("/", "")
    found = [(one, other) for one in _suffixes(row.base) for other in _suffixes(row.quote) if one + other == glued]
    if len(found) != 1:
        raise InputError(f"is {shown(pair)}, the amounts say {shown(row.base)} and {shown(row.quote)}", mend=EXPORTED)
    return found[0]


def _suffixes(text: str) -> list[str]:
    """Return the assets that an amount may end in: all ends that begin after a digit or point and are a code."""
    places = [place for place in range(1, len(text)) if text[place - 1].isdigit() or text[place - 1] == "."]
    return [text[place:] for place in places if any(sign.isalpha() for sign in text[place:])]


def _amount(text: str, asset: str, reader: CellReader, *, column: str) -> Amount:
    amount = reader.take(lambda cell: _split(cell, asset), text, column=column, stand_in=_ZERO_AMOUNT)
    if amount.quantity <= 0:
        reader.refuse(column, f"is {shown(text)}, not above zero", EXPORTED)
    return amount


def _split(text: str, asset: str) -> Amount:
    try:
        return Amount(quantity=_number(text.removesuffix(asset)), asset=asset_code(asset))
    except NumberRefused as error:
        raise InputError(error.message, mend=EXPORTED) from error


def _fee(row: _Cells, legs: tuple[str, str], reader: CellReader) -> Amount | None:
    if not row.fee:
        return None
    if row.fee_asset:
        return reader.take(lambda cell: _split(cell, row.fee_asset), row.fee, column="Fee", stand_in=None)
    known = [asset for asset in (*legs, "BNB") if row.fee.endswith(asset) and asset in _suffixes(row.fee)]
    suffix = max(known, key=len) if known else ""
    found = _SUFFIXED.fullmatch(row.fee)
    if not suffix and found is None:
        reader.refuse("Fee", f"is {shown(row.fee)}, not an amount with its asset", EXPORTED)
        return None
    suffix = suffix or (found[2].lstrip("0123456789") if found else "")
    return reader.take(lambda cell: _split(cell, suffix), row.fee, column="Fee", stand_in=None)


class BinanceOrders:
    """Recognises the export of orders, and refuses it: it has no fees."""

    name = "binance-orders"
    title = "Binance order history export"
    venue = VENUE
    headers: tuple[tuple[str, ...], ...] = (
        (
            *("Date(UTC)", "OrderNo", "Pair", "Type", "Side", "Order Price", "Order Amount", "Time", "Executed", "Average Price"),
            *("Trading total", "Status"),
        ),
    )

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:  # noqa: ARG002  # the protocol's
        """Read nothing.

        Raises:
            InputError: always: an order history names no fee, so what was paid cannot be booked from it.
        """
        raise InputError(
            "an order history of Binance has no fees, so cost and proceeds cannot be booked from it",
            mend='export "Spot trade history" or the "Transaction record" of the same time and import that',
        )
