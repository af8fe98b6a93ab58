"""``lotwright-allocation``: which lots of an asset went into which wallet, for `lotwright lots allocate`; one row per lot and wallet.

It is no format of `lotwright import`: an allocation has dates and a proof besides, and is made once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader
from ledger.connectors.files.rows import said_of
from ledger.domain.amount import AssetCode, is_fiat
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import WalletId
from ledger.domain.law.allocation import Allotment
from ledger.ports import FileTerms

NAME = "lotwright-allocation"


class _Cells(NamedTuple):
    """The cells of one row, in the order of the format's columns."""

    asset: str
    wallet: str
    lot: str
    quantity: str
    cost_basis: str


_COLUMNS = _Cells._fields
_REQUIRED = ("asset", "wallet", "lot", "quantity")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllotmentRow:
    """What one row says: an allotment of an asset, or what is wrong with the row."""

    line: int
    asset: AssetCode
    allotment: Allotment | None
    faults: tuple[RowFault, ...] = ()


def allotment_rows(rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], *, name: str, zone: tzinfo) -> Iterator[AllotmentRow]:
    """Yield one item per row, in file order; columns in any order, `cost_basis` may be missing. `name` is the file's, for messages.

    Raises:
        InputError: at once, for another header.
    """
    if not set(_REQUIRED) <= set(header) <= set(_COLUMNS) or len(set(header)) != len(header):
        raise InputError(
            f"{name}: the header is {','.join(header)[:200]!r}", mend=f"write {','.join(_COLUMNS)}; cost_basis may be left out"
        )
    terms = FileTerms(account=None, bot=None, zone=zone)
    return (
        AllotmentRow(line=line, asset=AssetCode("") if said is None else said[0], allotment=said and said[1], faults=faults)
        for line, said, faults in said_of(rows, header, columns=_COLUMNS, terms=terms, read=_allotment)
    )


def _allotment(cells: tuple[str, ...], reader: CellReader) -> tuple[AssetCode, Allotment]:
    """Sample: ``BTC,cold,L-0ded87115205eb7d-1,0.5,15000``; the lot may also be the source's id of the event that acquired it."""
    row = _Cells._make(cells)
    asset = reader.asset(row.asset, column="asset")
    if is_fiat(asset):
        reader.refuse("asset", f"{asset} is money and has no lots", "take the row out")
    return asset, Allotment(
        wallet=WalletId(reader.label(row.wallet, column="wallet")),
        lot=reader.label(row.lot, column="lot"),
        quantity=reader.positive(row.quantity, column="quantity"),
        cost_basis=reader.worth(row.cost_basis, column="cost_basis"),
    )
