"""Coinbase Pro's and Exchange's account statement, ``coinbase-pro-account``: deposits, withdrawals, and the legs of fills.

Legs of fills are those of the fills export, which has prices and fees in one row and the ids of the API: here they are passed over, so
that importing both files books nothing twice. The statement alone lacks the trades; a finding says so.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, instant_of, shown
from ledger.connectors.files.exports.draft import EXPORTED, Draft, Meaning, file_row, has_columns, refuse_kind, signed
from ledger.connectors.files.exports.draft import Teller as _Teller
from ledger.connectors.files.rows import account_named, said_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("coinbase-exchange")


class _Cells(NamedTuple):
    """The cells of one row, in the order of the export."""

    portfolio: str
    type: str
    time: str
    amount: str
    balance: str
    unit: str
    transfer_id: str
    trade_id: str
    order_id: str


_COLUMNS = ("portfolio", "type", "time", "amount", "balance", "amount/balance unit", "transfer id", "trade id", "order id")
_OF_FILLS = frozenset({"match", "fee", "rebate"})


class CoinbaseProAccount:
    """Reads the account statement, columns in any order."""

    name = "coinbase-pro-account"
    title = "Coinbase Pro account statement"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS,)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        account = account_named(terms)
        teller = _Teller(venue=_VENUE, terms=terms, account=account)
        has_legs = False
        for line, said, faults in said_of(rows, header, columns=_COLUMNS, terms=terms, read=_row):
            row = file_row(line, said if isinstance(said, Draft) else None, faults, teller)
            if said is _LEG and not has_legs:
                has_legs = True
                row = FileRow(line=line, event=None, findings=(_needs_fills(account),))
            yield row


_LEG = "leg"


def _row(cells: tuple[str, ...], reader: CellReader) -> "Draft | str | None":
    """Sample: ``default,deposit,2021-02-01T10:00:00.123Z,1000.0000000000000000,1000.0000000000000000,USD,4f1c1f7e,,``."""
    row = _Cells._make(cells)
    if row.type in _OF_FILLS:
        return _LEG
    occurred_at = reader.take(instant_of, row.time, column="time", stand_in=EPOCH)
    moved = signed(reader, row.amount, row.unit, columns=("amount", "amount/balance unit"))
    if row.type not in {"deposit", "withdrawal"}:
        refuse_kind(reader, row.type, column="type")
        return None
    inward = row.type == "deposit"
    if not moved.quantity or (moved.quantity > 0) != inward:
        reader.refuse("amount", f"is {shown(row.amount)}, the row is a {row.type}", EXPORTED)
    received, given = (moved, None) if inward else (None, -moved)
    return Draft(occurred_at=occurred_at, why=Meaning.TRANSFER, received=received, given=given, source_id=row.transfer_id)


def _needs_fills(account: AccountId) -> Finding:
    return Finding(
        code="fills-elsewhere",
        severity=Severity.WARNING,
        subject=f"{account}/statement",
        message="the account statement has legs of fills, which are read from the fills export and not from here",
        mend="import the fills export of the same time too, or pull the fills from the API",
    )
