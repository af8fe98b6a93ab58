"""CoinTracking's export of trades, ``cointracking``: its trade group, where users put their bots, is the bot of a row.

Its times are those of the user's own clock there and name no zone; they are read in the book's zone, and a finding says so.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import partial

from ledger.connectors.files.cells import CellReader, bot_of, shown
from ledger.connectors.files.clocks import day_first, plain
from ledger.connectors.files.exports.draft import EXPORTED, Draft, assumed_zone, has_columns, read_drafts, with_finding
from ledger.connectors.files.exports.movers import RECEIVED, SENT, Told, draft_of
from ledger.domain.errors import InputError
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("cointracking")
_NAMES = ("Sell Amount", "Buy Amount", "Fee", "Type")
_COLUMNS = (
    *("Type", "Buy Amount", "Buy Currency", "Sell Amount", "Sell Currency", "Fee", "Fee Currency", "Exchange", "Trade-Group"),
    *("Comment", "Date", "Tx-ID", "Buy Value in Account Currency", "Sell Value in Account Currency", "Liquidity pool"),
)
_PICKED = (
    *("Date", "Sell Amount", "Sell Currency", "Buy Amount", "Buy Currency", "Fee", "Fee Currency", "Type", "Comment", ""),
    *("Exchange", "Exchange", "Tx-ID", "Trade-Group"),
)


class Cointracking:
    """Reads the export, columns in any order; the exchange of a row is its account."""

    name = "cointracking"
    title = "CoinTracking trades export"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS,)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names an account: the file has its own.
        """
        assert self.recognises(header), header
        if terms.account is not None:
            raise InputError("the file names the exchanges of its rows, which become accounts", mend="leave --account out")
        read = partial(_row, zone=terms.zone)
        told = read_drafts(rows, header, columns=_PICKED, terms=terms, venue=_VENUE, read=read, needs_account=False)
        return with_finding(told, assumed_zone(None, str(terms.zone), why="the export writes the user's own clock"))


def _row(cells: tuple[str, ...], reader: CellReader, *, zone: tzinfo) -> Draft | None:
    """Sample: ``01.03.2024 12:00:00,600,USD,0.01,BTC,1.5,USD,Trade,,,Kraken,Kraken,TX1,grid-1`` as picked."""
    row, group = Told(*cells[:-1]), cells[-1]
    occurred_at = reader.take(partial(_instant, zone=zone), row.time, column="Date", stand_in=EPOCH)
    kind = row.label.lower()
    if (kind != "trade" and kind not in {**RECEIVED, **SENT}) or not kind:
        reader.refuse("Type", f"is {shown(row.label)}, a type for which there is no rule", EXPORTED)
        return None
    if not row.sent_wallet:
        reader.refuse("Exchange", "is empty", "name the exchange or wallet of the row")
        return None
    draft = draft_of(row, reader, occurred_at, columns=_NAMES)
    bot = reader.take(bot_of, group, column="Trade-Group", stand_in=None) if group else None
    return None if draft is None else replace(draft, bot=bot)


def _instant(text: str, zone: tzinfo) -> datetime:
    return day_first(zone)(text) if "." in text[:3] else plain(zone)(text)
