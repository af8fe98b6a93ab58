"""CoinTracker: the file that it imports, ``cointracker-import``, and the one that it exports, ``cointracker``. Both are in UTC.

The export names the wallets of its rows, and those become accounts; cost and return in it are CoinTracker's own reckoning.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import month_first, plain
from ledger.connectors.files.exports.draft import EXPORTED, Draft, has_columns, read_drafts
from ledger.connectors.files.exports.movers import Told, draft_of
from ledger.domain.errors import InputError
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("cointracker")
_plain, _american = plain(UTC), month_first(UTC)
_NAMES = ("Sent Quantity", "Received Quantity", "Fee Amount", "Tag")
_PICKED = ("Date", "Sent Quantity", "Sent Currency", "Received Quantity", "Received Currency", "Fee Amount", "Fee Currency")
_IMPORT = (
    *("Date", "Received Quantity", "Received Currency", "Sent Quantity", "Sent Currency", "Fee Amount", "Fee Currency"),
    *("Tag", "Transaction ID"),
)
_EXPORT = (
    *("Date", "Type", "Transaction ID", "Received Quantity", "Received Currency", "Received Cost Basis (USD)", "Received Wallet"),
    *("Received Address", "Received Comment", "Sent Quantity", "Sent Currency", "Sent Cost Basis (USD)", "Sent Wallet"),
    *("Sent Address", "Sent Comment", "Fee Amount", "Fee Currency", "Fee Cost Basis (USD)", "Realized Return (USD)"),
    *("Fee Realized Return (USD)", "Transaction Hash"),
)
_IN_MONEY = re.compile(r"\([A-Z]{3}\)")
_TYPES = frozenset({"buy", "sell", "trade", "receive", "send", "transfer"})


class CointrackerImport:
    """Reads CoinTracker's import file, columns in any order; its transaction id, where filled, is the row's own."""

    name = "cointracker-import"
    title = "CoinTracker import file"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_IMPORT, _IMPORT[:-1])

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the file, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        columns = (*_PICKED, "Tag", "", "", "", "", "Transaction ID")
        return read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=_imported)


def _instant(text: str) -> datetime:
    return _american(text) if "/" in text[:3] else _plain(text)


def _imported(cells: tuple[str, ...], reader: CellReader) -> Draft | None:
    """Sample: ``03/01/2024 12:00:00,0.01,BTC,600,USD,1.5,USD,,``."""
    row = Told(*cells)
    occurred_at = reader.take(_instant, row.time, column="Date", stand_in=EPOCH)
    return draft_of(row, reader, occurred_at, columns=_NAMES)


class Cointracker:
    """Reads CoinTracker's export in any currency, columns in any order."""

    name = "cointracker"
    title = "CoinTracker transactions export"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_EXPORT,)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return has_columns(tuple(_IN_MONEY.sub("(USD)", column) for column in header), self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names an account: the file has its own.
        """
        assert self.recognises(header), header
        if terms.account is not None:
            raise InputError("the file names the wallets of its rows, which become accounts", mend="leave --account out")
        columns = (*_PICKED, "", "", "Transaction Hash", "Sent Wallet", "Received Wallet", "Transaction ID", "Type")
        return read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=_exported, needs_account=False)


def _exported(cells: tuple[str, ...], reader: CellReader) -> Draft | None:
    """Sample: ``2024-03-01 12:00:00,600,USD,0.01,BTC,1.5,USD,,,,Kraken,Kraken,77,Buy`` as picked."""
    row, kind = Told(*cells[:-1]), cells[-1]
    occurred_at = reader.take(_instant, row.time, column="Date", stand_in=EPOCH)
    if kind.lower() not in _TYPES:
        reader.refuse("Type", f"is {shown(kind)}, a type for which there is no rule", EXPORTED)
        return None
    if not row.sent_wallet and not row.received_wallet:
        reader.refuse("Sent Wallet", "is empty, and so is Received Wallet", "name the wallet of the row")
        return None
    return draft_of(row, reader, occurred_at, columns=_NAMES, is_moved=kind.lower() == "transfer")
