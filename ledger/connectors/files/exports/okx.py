"""OKX's export of trading, ``okx``: a row for each leg of an exchange; its column ``Unit`` stands twice.

The first unit is that of the amount, the second that of the balance. `Balance Change` holds the fee, which is negative where it was paid
(sheet of the venue: bills), so the amount is checked against the two in every row. Legs share an id, or else an order and an instant.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import (
    EXPORTED,
    Draft,
    Meaning,
    Teller,
    assumed_zone,
    check_sum,
    file_row,
    has_columns,
    refuse_kind,
    with_finding,
)
from ledger.connectors.files.exports.grouped import Leg, Legs, exchange_of
from ledger.connectors.files.rows import account_named, said_of
from ledger.domain.amount import Amount, subtracted
from ledger.domain.errors import RowFault
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("okx")
_clock = plain(UTC)


class _Cells(NamedTuple):
    """The cells of one row, in the order of the export."""

    id: str
    order_id: str
    time: str
    trade_type: str
    instrument: str
    type: str
    amount: str
    unit: str
    pl: str
    fee: str
    position_change: str
    position_balance: str
    change: str
    balance: str
    balance_unit: str


_COLUMNS = (
    *("id", "Order id", "Time", "Trade Type", "Instrument", "Type", "Amount", "Unit", "PL", "Fee", "Position Change"),
    *("Position Balance", "Balance Change", "Balance", "Unit (2)"),
)


class Okx:
    """Reads the export of trading; columns in any order, but the first ``Unit`` is that of the amount."""

    name = "okx"
    title = "OKX trading history"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS,)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of the export and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order, once all rows are read; an exchange stands in the first of its rows.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        teller = Teller(venue=_VENUE, terms=terms, account=account_named(terms))
        legs = Legs()
        for line, leg, faults in said_of(rows, header, columns=_COLUMNS, terms=terms, read=_leg):
            legs.add(line, leg, faults)
        return with_finding(_told(legs, teller), assumed_zone(terms.account, "UTC", why="nothing in the file says another zone"))


def _leg(cells: tuple[str, ...], reader: CellReader) -> Leg | None:
    """Sample: ``61,71,2024-07-31 12:16:01,Spot,BTC-USDT,Buy,0.0015,BTC,0,-0.0000015,0,0,0.0014985,0.0014985,BTC``."""
    row = _Cells._make(cells)
    occurred_at = reader.take(_clock, row.time, column="Time", stand_in=EPOCH)
    if row.trade_type == "Transfer":
        return None
    if row.trade_type != "Spot" or row.type not in {"Buy", "Sell"}:
        refuse_kind(reader, f"{row.trade_type} {row.type}", column="Trade Type")
        return None
    if row.unit != row.balance_unit:
        reader.refuse("Unit (2)", f"is {shown(row.balance_unit)}, the amount is in {shown(row.unit)}", EXPORTED)
    asset = reader.asset(row.unit, column="Unit")
    amount, fee, change = (
        reader.number(text or "0", column=column)
        for column, text in (("Amount", row.amount), ("Fee", row.fee), ("Balance Change", row.change))
    )
    moved = subtracted(change, fee)
    if not reader.faults:
        check_sum(reader, column="Amount", told=abs(amount), due=abs(moved))
    return Leg(
        key=(row.id, row.order_id, row.time),
        kind=row.type,
        occurred_at=occurred_at,
        moved=Amount(quantity=moved, asset=asset),
        fee=-Amount(quantity=fee, asset=asset),
        order_id=row.order_id,
        note=row.instrument,
    )


Group = list[tuple[int, Leg]]


def _joined(groups: dict[tuple[str, ...], Group]) -> list[Group]:
    """Return the rows of each id; where both legs have ids of their own, the rows of each order and instant."""
    whole: list[Group] = []
    rest: defaultdict[tuple[str, ...], Group] = defaultdict(list)
    for key, group in groups.items():
        if isinstance(exchange_of([leg for _, leg in group]), str):
            rest[key[1:]] += group
        else:
            whole.append(group)
    return [*whole, *(sorted(group, key=lambda row: row[0]) for group in rest.values())]


def _told(legs: Legs, teller: Teller) -> Iterator[FileRow]:
    drafts: dict[int, Draft] = {}
    for group in _joined(legs.groups):
        line, leg = group[0]
        found = exchange_of([leg for _, leg in group])
        if isinstance(found, str) or len(found[2]) > 1:
            told = found if isinstance(found, str) else "fees in several assets"
            message = f"the rows of order {shown(leg.order_id)} are no exchange of two assets but {told}"
            legs.faults[line] = (RowFault(line=line, column="Order id", message=message, mend=EXPORTED),)
            continue
        received, given, fees = found
        fee = fees[0] if fees else None
        drafts[line] = Draft(
            occurred_at=leg.occurred_at,
            why=Meaning.TRADE,
            received=received,
            given=given,
            fee=fee,
            source_id=min(part.key[0] for _, part in group),
            scope=leg.note,
            order_id=leg.order_id,
        )
    for line, faults in legs.faults.items():
        yield file_row(line, drafts.get(line), faults, teller)
