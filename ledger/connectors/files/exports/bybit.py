"""Bybit's transaction log of a unified account, ``bybit``: a row for each currency that an exchange moved.

`Change` is cash flow plus funding less fee (sheet of the venue, transaction log), which is checked in every row. Spot trades, and transfers
to and from other accounts of the user, are read; what belongs to derivatives is refused by its name.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import (
    EXPORTED,
    Draft,
    Meaning,
    Teller,
    Why,
    assumed_zone,
    check_sum,
    file_row,
    has_columns,
    refuse_kind,
    with_finding,
)
from ledger.connectors.files.exports.grouped import Leg, Legs, exchange_of
from ledger.connectors.files.rows import account_named, said_of
from ledger.domain.amount import Amount, added, subtracted
from ledger.domain.errors import RowFault
from ledger.domain.event import IncomeKind
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("bybit")
_clock = plain(UTC)


class _Cells(NamedTuple):
    """The cells of one row, in the order of the export."""

    time: str
    currency: str
    contract: str
    type: str
    direction: str
    quantity: str
    position: str
    price: str
    funding: str
    fee: str
    cash_flow: str
    change: str
    balance: str
    fee_rate: str
    trade_id: str
    order_id: str


_COLUMNS = (
    *("Time", "Currency", "Contract", "Type", "Direction", "Quantity", "Position", "Filled Price", "Funding", "Fee Paid"),
    *("Cash Flow", "Change", "Wallet Balance", "Fee Rate", "Trade ID", "Order ID"),
)


class Bybit:
    """Reads the transaction log, its time with or without the zone in the column's name, columns in any order."""

    name = "bybit"
    title = "Bybit unified account transaction log"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS, ("Time(UTC)", *_COLUMNS[1:]))

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order, once all rows are read; an exchange stands in the first of its rows.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        teller = Teller(venue=_VENUE, terms=terms, account=account_named(terms))
        legs = Legs()
        columns = _COLUMNS if "Time" in header else self.headers[1]
        for line, leg, faults in said_of(rows, header, columns=columns, terms=terms, read=_leg):
            legs.add(line, leg, faults)
        told = _told(legs, teller)
        return (
            told if "Time" not in header else with_finding(told, assumed_zone(terms.account, "UTC", why="so the venue's other exports say"))
        )


def _leg(cells: tuple[str, ...], reader: CellReader) -> Leg | None:
    """Sample: ``2024-07-31 12:16:01,BTC,BTCUSDT,TRADE,BUY,0.0015,0,67012.4,0,0.0000015,0.0015,0.0014985,0.0014985,0.001,21,17``."""
    row = _Cells._make(cells)
    occurred_at = reader.take(_clock, row.time, column="Time", stand_in=EPOCH)
    asset = reader.asset(row.currency, column="Currency")
    cash, funding, fee, change = (
        reader.number(text or "0", column=column)
        for column, text in (("Cash Flow", row.cash_flow), ("Funding", row.funding), ("Fee Paid", row.fee), ("Change", row.change))
    )
    kind = row.type.upper().replace(" ", "_")
    if funding:
        reader.refuse("Funding", f"is {shown(row.funding)}: derivatives, for which there is no rule", "take the rows of contracts out")
    if kind != "TRADE" and kind not in _ALONE:
        refuse_kind(reader, row.type, column="Type")
    if not reader.faults:
        check_sum(reader, column="Change", told=change, due=subtracted(added(cash, funding), fee))
    return Leg(
        key=(row.trade_id, row.order_id, row.contract, row.time) if kind == "TRADE" else (),
        kind=kind,
        occurred_at=occurred_at,
        moved=Amount(quantity=cash, asset=asset),
        fee=Amount(quantity=fee, asset=asset),
        order_id=row.order_id,
    )


def _told(legs: Legs, teller: Teller) -> Iterator[FileRow]:
    drafts: dict[int, Draft] = {}
    for key, group in legs.groups.items():
        if not key:
            drafts |= {line: _alone(leg) for line, leg in group}
            continue
        line = group[0][0]
        found = exchange_of([leg for _, leg in group])
        if isinstance(found, str) or len(found[2]) > 1:
            told = found if isinstance(found, str) else "fees in several assets"
            message = f"the rows of trade {shown(key[0])} of {shown(key[2])} are no spot exchange but {told}"
            legs.faults[line] = (RowFault(line=line, column="Trade ID", message=message, mend=f"{EXPORTED}; contracts have no rule"),)
            continue
        received, given, fees = found
        leg = group[0][1]
        drafts[line] = Draft(
            occurred_at=leg.occurred_at,
            why=Meaning.TRADE,
            received=received,
            given=given,
            fee=fees[0] if fees else None,
            source_id=f"{key[0]}/{key[1]}" if key[0] else "",
            scope=key[2],
            order_id=leg.order_id,
        )
    for line, faults in legs.faults.items():
        yield file_row(line, drafts.get(line), faults, teller)


def _alone(leg: Leg) -> Draft:
    inward = leg.moved.quantity > 0
    return Draft(
        occurred_at=leg.occurred_at,
        why=_ALONE[leg.kind],
        received=leg.moved if inward else None,
        given=None if inward else -leg.moved,
        fee=leg.fee,
    )


_ALONE: Mapping[str, Why] = {
    **dict.fromkeys(("TRANSFER_IN", "TRANSFER_OUT", "TRANSFERIN", "TRANSFEROUT", "DEPOSIT", "WITHDRAW"), Meaning.TRANSFER),
    "AIRDROP": IncomeKind.AIRDROP,
    "BONUS": IncomeKind.REWARD,
}
