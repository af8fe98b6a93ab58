"""Binance.US's export, ``binance-us``: primary asset for what moved alone, base and quote for what was exchanged.

Its times name no zone and are read as UTC, which a finding says. Of convert and quick buys the base is what was given (read in exports of
users); of spot trades it is what was bought or sold.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import (
    Draft,
    Meaning,
    Why,
    assumed_zone,
    has_columns,
    optional,
    read_drafts,
    refuse_kind,
    signed,
    with_finding,
)
from ledger.domain.event import ChargeKind, IncomeKind, Side
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("binance-us")
_clock = plain(UTC)


class _Cells(NamedTuple):
    """The cells that matter, in the order in which they are picked."""

    time: str
    category: str
    operation: str
    order_id: str
    id: str
    primary_asset: str
    primary: str
    base_asset: str
    base: str
    quote_asset: str
    quote: str
    fee_asset: str
    fee: str
    note: str


_COLUMNS = (
    *("User ID", "Time", "Category", "Operation", "Order ID", "Transaction ID", "Primary Asset", "Realized Amount For Primary Asset"),
    *("Realized Amount for Primary Asset in USD", "Base Asset", "Realized Amount For Base Asset"),
    *("Realized Amount For Base Asset In USD", "Quote Asset", "Realized Amount for Quote Asset"),
    *("Realized Amount for Quote Asset in USD", "Fee Asset", "Realized Amount for Fee Asset"),
    *("Realized Amount for Fee Asset in USD", "Payment Method", "Withdraw Method", "Additional Note"),
)
_OLD = (
    *("User_Id", "Time", "Category", "Operation", "Order_Id", "Transaction_Id", "Primary_Asset", "Realized_Amount_For_Primary_Asset"),
    *("Realized_Amount_For_Primary_Asset_In_USD_Value", "Base_Asset", "Realized_Amount_For_Base_Asset"),
    *("Realized_Amount_For_Base_Asset_In_USD_Value", "Quote_Asset", "Realized_Amount_For_Quote_Asset"),
    *("Realized_Amount_For_Quote_Asset_In_USD_Value", "Fee_Asset", "Realized_Amount_For_Fee_Asset"),
    *("Realized_Amount_For_Fee_Asset_In_USD_Value", "Payment_Method", "Withdrawal_Method", "Additional_Note"),
)
_PLACES = (1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 15, 16, 20)


class BinanceUs:
    """Reads both generations of the export, columns in any order."""

    name = "binance-us"
    title = "Binance.US transactions export"
    venue = _VENUE
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
        version = _COLUMNS if "User ID" in header else _OLD
        columns = tuple(version[place] for place in _PLACES)
        told = read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=_row)
        return with_finding(told, assumed_zone(terms.account, "UTC", why="the export does not say"))


def _row(cells: tuple[str, ...], reader: CellReader) -> Draft | None:
    """Sample: ``2024-03-01 12:00:00.123,Spot Trading,Buy,71,81,,,BTC,0.01,USD,600,BNB,0.001,`` as picked."""
    row = _Cells._make(cells)
    occurred_at = reader.take(_clock, row.time, column="Time", stand_in=EPOCH)
    if row.category == "Spot Trading" and row.operation in {"Buy", "Sell"}:
        return _exchange(row, reader, occurred_at, is_bought=row.operation == "Buy", side=Side(row.operation.lower()))
    if row.category in {"Buy", "Sell", "Quick Buy", "Quick Sell", "Convert"}:
        return _exchange(row, reader, occurred_at, is_bought=False, side=None)
    why = _MOVED.get((row.category, row.operation)) or _MOVED.get((row.category, ""))
    if why is None:
        refuse_kind(reader, f"{row.category} {row.operation}", column="Category")
        return None
    moved = signed(reader, row.primary, row.primary_asset, columns=("Realized Amount For Primary Asset", "Primary Asset"))
    inward = moved.quantity > 0 and row.category != "Withdrawal"
    if isinstance(why, IncomeKind) and not inward:
        why = ChargeKind.FEE  # the venue's commission on a reward, a row of its own
    amount = moved if moved.quantity > 0 else -moved
    return Draft(
        occurred_at=occurred_at,
        why=why,
        received=amount if inward else None,
        given=None if inward else amount,
        fee=optional(reader, row.fee, row.fee_asset, columns=("Realized Amount for Fee Asset", "Fee Asset")),
        source_id=row.id,
        scope=row.category,
        note=row.note,
    )


def _exchange(row: _Cells, reader: CellReader, occurred_at: datetime, *, is_bought: bool, side: Side | None) -> Draft:
    base = reader.amount(row.base, row.base_asset, columns=("Realized Amount For Base Asset", "Base Asset"))
    quote = reader.amount(row.quote, row.quote_asset, columns=("Realized Amount for Quote Asset", "Quote Asset"))
    return Draft(
        occurred_at=occurred_at,
        why=Meaning.TRADE,
        received=base if is_bought else quote,
        given=quote if is_bought else base,
        fee=optional(reader, row.fee, row.fee_asset, columns=("Realized Amount for Fee Asset", "Fee Asset")),
        side=side,
        source_id=row.id,
        scope=f"{row.base_asset}{row.quote_asset}/{row.operation}",
        order_id=row.order_id,
        note=row.note,
    )


_MOVED: Mapping[tuple[str, str], Why] = {
    ("Deposit", ""): Meaning.TRANSFER,
    ("Withdrawal", ""): Meaning.TRANSFER,
    ("Distribution", "Referral Commission"): IncomeKind.REFERRAL,
    ("Distribution", "Staking Rewards"): IncomeKind.STAKING,
    ("Distribution", "Others"): IncomeKind.AIRDROP,
}
