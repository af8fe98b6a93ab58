"""Gemini's export of transactions, ``gemini``: beside fixed columns three for every asset, so that its header grows with the account.

Amounts of what came in are positive, of what went out negative. The last row, without a date, holds totals and says nothing. Times are
UTC by their header.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import EXPORTED, Draft, Meaning, optional, read_drafts, refuse_kind, signed
from ledger.domain.amount import Amount
from ledger.domain.event import Side
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("gemini")
_clock = plain(UTC)
_FIXED = (
    *("Date", "Time (UTC)", "Type", "Symbol", "Specification", "Liquidity Indicator", "Trading Fee Rate (bps)"),
    *("Trade ID", "Order ID", "Order Date", "Order Time", "Client Order ID", "API Session"),
    *("Tx Hash", "Deposit Destination", "Deposit Tx Output", "Withdrawal Destination", "Withdrawal Tx Output"),
)
_PICKED = ("Date", "Time (UTC)", "Type", "Symbol", "Trade ID", "Order ID", "Client Order ID", "Tx Hash", "Withdrawal Destination")
_GROUPS = re.compile(r"(?:(?P<amount>\S+) Amount (?P=amount)|Fee \((?P<fee>\S+)\) (?P=fee)|(?P<balance>\S+) Balance (?P=balance))")


class Gemini:
    """Reads the export, whatever assets its header has, columns in any order."""

    name = "gemini"
    title = "Gemini transaction history"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_FIXED,)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the fixed columns, and besides them only whole groups of an asset's amount, fee and balance."""
        more = [column for column in header if column not in _FIXED]
        return len(set(header)) == len(header) and set(_FIXED) <= set(header) and _are_groups(more)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        assets = _assets(header)
        columns = (*_PICKED, *(column for asset in assets for column in _group(asset)[:2]))
        return read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=partial(_row, assets=assets))


def _group(asset: str) -> tuple[str, str, str]:
    return f"{asset} Amount {asset}", f"Fee ({asset}) {asset}", f"{asset} Balance {asset}"


def _are_groups(columns: list[str]) -> bool:
    found = [_GROUPS.fullmatch(column) for column in columns]
    counted = Counter(match["amount"] or match["fee"] or match["balance"] for match in found if match)
    return bool(columns) and None not in found and set(counted.values()) == {3}


def _assets(header: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(match["amount"] for column in header if (match := _GROUPS.fullmatch(column)) and match["amount"])


def _row(cells: tuple[str, ...], reader: CellReader, *, assets: tuple[str, ...]) -> Draft | None:
    """Sample: ``2024-06-03,14:22:31.418,Buy,BTCUSD,2840140956529623,73797746498585286,bot-17,,,-840.63,-3.36,0.0125,`` as picked."""
    fixed = len(_PICKED)
    date, time, kind, symbol, trade_id, order_id, client, chain_hash, address = cells[:fixed]
    if not date and not kind:
        return None
    occurred_at = reader.take(_clock, date if ":" in date else f"{date} {time}", column="Date", stand_in=EPOCH)
    pairs = list(zip(assets, cells[fixed::2], cells[fixed + 1 :: 2], strict=True))
    moved = [signed(reader, _bare(amount), asset, columns=(f"{asset} Amount {asset}", "")) for asset, amount, _ in pairs if amount]
    fees = [fee for asset, _, cell in pairs if (fee := optional(reader, _bare(cell), asset, columns=(f"Fee ({asset}) {asset}", "")))]
    moved = [amount for amount in moved if amount.quantity]
    if len(fees) > 1:
        reader.refuse("", "has fees in several assets", EXPORTED)
    if kind in {"Buy", "Sell"}:
        head = Draft(
            occurred_at=occurred_at,
            why=Meaning.TRADE,
            order_id=order_id,
            client_order_id=client,
            source_id=trade_id,
            scope=f"{symbol}/{kind}",
        )
        return _trade(head, moved, fees, reader, symbol=symbol, side=Side(kind.lower()))
    if kind not in {"Credit", "Debit"}:
        refuse_kind(reader, kind, column="Type")
        return None
    return _transfer(occurred_at, moved, fees, reader, inward=kind == "Credit", chain_hash=chain_hash, address=address)


def _bare(text: str) -> str:
    """Return the number of a cell: workbooks write ``($1,234.50)`` for one below zero, and the asset behind it."""
    plain_text = text.replace(",", "").replace("$", "").split(" ")[0]
    return f"-{plain_text[1:].rstrip(')')}" if plain_text.startswith("(") else plain_text


def _trade(head: Draft, moved: list[Amount], fees: list[Amount], reader: CellReader, *, symbol: str, side: Side) -> Draft | None:
    received = [amount for amount in moved if amount.quantity > 0]
    given = [-amount for amount in moved if amount.quantity < 0]
    if len(received) != 1 or len(given) != 1:
        reader.refuse("", f"a trade that moves {len(moved)} assets", EXPORTED)
        return None
    base, quote = (received[0], given[0]) if side is Side.BUY else (given[0], received[0])
    if symbol != f"{base.asset}{quote.asset}":
        reader.refuse("Symbol", f"is {shown(symbol)}, the amounts say {shown(base.asset + quote.asset)}", EXPORTED)
    return replace(head, received=received[0], given=given[0], fee=fees[0] if fees else None, side=side)


def _transfer(
    occurred_at: datetime,
    moved: list[Amount],
    fees: list[Amount],
    reader: CellReader,
    *,
    inward: bool,
    chain_hash: str,
    address: str,
) -> Draft | None:
    if len(moved) != 1 or (moved[0].quantity > 0) != inward:
        reader.refuse("Type", "says another direction than the amounts", EXPORTED)
        return None
    return Draft(
        occurred_at=occurred_at,
        why=Meaning.TRANSFER,
        received=moved[0] if inward else None,
        given=None if inward else -moved[0],
        fee=fees[0] if fees else None,
        chain_hash=chain_hash,
        address=address,
    )
