"""Koinly: the file that it imports, ``koinly-universal``, and the one that it exports, ``koinly``.

Both are in UTC (the export begins with a title line). A label without a rule is refused by its name. The export names the wallets of its
rows, and those become accounts; values and gains in it are Koinly's own reckoning and are left alone.
"""

import re
from collections.abc import Iterator
from datetime import UTC

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import EXPORTED, Draft, has_columns, read_drafts
from ledger.connectors.files.exports.movers import Told, draft_of
from ledger.domain.errors import InputError
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("koinly")
_clock = plain(UTC)
_NAMES = ("Sent Amount", "Received Amount", "Fee Amount", "Label")
_UNIVERSAL = (
    *("Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount", "Fee Currency"),
    *("Net Worth Amount", "Net Worth Currency", "Label", "Description", "TxHash"),
)
_PICKED = (
    *("Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount", "Fee Currency"),
    *("Label", "Description", "TxHash"),
)
_EXPORT = (
    *("Date", "Type", "Tag", "Sending Wallet", "Sent Amount", "Sent Currency", "Sent Cost Basis"),
    *("Receiving Wallet", "Received Amount", "Received Currency", "Received Cost Basis", "Fee Amount", "Fee Currency"),
    *("Gain (USD)", "Net Value (USD)", "Fee Value (USD)", "TxSrc", "TxDest", "TxHash", "Description"),
)
_IN_MONEY = re.compile(r"(Gain|Net Value|Fee Value) \(([A-Z]{3})\)")
_TYPES = frozenset({"buy", "sell", "exchange", "transfer", "fiat_deposit", "crypto_deposit", "fiat_withdrawal", "crypto_withdrawal"})


class KoinlyUniversal:
    """Reads Koinly's universal import file, columns in any order; its label may be called tag."""

    name = "koinly-universal"
    title = "Koinly universal file"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_UNIVERSAL, tuple(column.replace("Label", "Tag") for column in _UNIVERSAL))

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the file, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        columns = tuple("Tag" if column == "Label" and "Tag" in header else column for column in _PICKED)
        return read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=_universal)


def _universal(cells: tuple[str, ...], reader: CellReader) -> Draft | None:
    """Sample: ``2024-03-01 12:00 UTC,600,USD,0.01,BTC,1.5,USD,600,USD,,,``."""
    row = Told(*cells)
    occurred_at = reader.take(_clock, row.time, column="Date", stand_in=EPOCH)
    return draft_of(row, reader, occurred_at, columns=_NAMES)


class Koinly:
    """Reads Koinly's export of transactions in any currency, columns in any order; its tag was called label."""

    name = "koinly"
    title = "Koinly transactions export"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_EXPORT, tuple(column.replace("Tag", "Label") for column in _EXPORT))

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return has_columns(tuple(_IN_MONEY.sub(r"\1 (USD)", column) for column in header), self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names an account: the file has its own.
        """
        assert self.recognises(header), header
        _refuse_account(terms)
        label = "Tag" if "Tag" in header else "Label"
        columns = (*(label if column == "Label" else column for column in _PICKED), "Sending Wallet", "Receiving Wallet", "", "Type")
        return read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=_exported, needs_account=False)


def _refuse_account(terms: FileTerms) -> None:
    if terms.account is not None:
        raise InputError("the file names the wallets of its rows, which become accounts", mend="leave --account out")


def _exported(cells: tuple[str, ...], reader: CellReader) -> Draft | None:
    """Sample: ``2024-03-01 12:00:00 UTC,buy,,Kraken,600,USD,,Kraken,0.01,BTC,600,1.5,USD,0,600,1.5,,,,`` with columns as in the export."""
    row, kind = Told(*cells[:-1]), cells[-1]
    occurred_at = reader.take(_clock, row.time, column="Date", stand_in=EPOCH)
    if kind not in _TYPES:
        reader.refuse("Type", f"is {shown(kind)}, a type for which there is no rule", EXPORTED)
        return None
    if not row.sent_wallet and not row.received_wallet:
        reader.refuse("Sending Wallet", "is empty, and so is Receiving Wallet", "name the wallet of the row")
        return None
    return draft_of(row, reader, occurred_at, columns=_NAMES, is_moved=kind == "transfer")
