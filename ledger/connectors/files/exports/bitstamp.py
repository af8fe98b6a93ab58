"""Bitstamp's export of transactions, ``bitstamp``: today's with a currency column beside each amount, and the old one without.

Times are UTC (sheet of the venue: user transactions; the old export writes ``Jan. 05, 2021, 03:06 PM``).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader
from ledger.connectors.files.clocks import plain, worded
from ledger.connectors.files.exports.draft import Draft, Meaning, Why, check_sum, has_columns, optional, read_drafts, refuse_kind
from ledger.domain.amount import EXACT
from ledger.domain.event import IncomeKind, Side
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("bitstamp")
_ROUNDING = Decimal("0.01")  # the value is rounded to cents
_clock = plain(UTC)


class _Cells(NamedTuple):
    """The cells of one row, in the order of today's export."""

    id: str
    account: str
    type: str
    subtype: str
    time: str
    amount: str
    amount_currency: str
    value: str
    value_currency: str
    rate: str
    rate_currency: str
    fee: str
    fee_currency: str
    order_id: str


_COLUMNS = (
    *("ID", "Account", "Type", "Subtype", "Datetime", "Amount", "Amount currency", "Value", "Value currency"),
    *("Rate", "Rate currency", "Fee", "Fee currency", "Order ID"),
)
_OLD = ("Type", "Datetime", "Account", "Amount", "Value", "Rate", "Fee", "Sub Type")
_OLD_PICKED = ("", "Account", "Type", "Sub Type", "Datetime", "Amount", "", "Value", "", "Rate", "", "Fee", "", "")


class Bitstamp:
    """Reads both generations of the export, columns in any order."""

    name = "bitstamp"
    title = "Bitstamp transactions export"
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
        columns = _COLUMNS if "ID" in header else _OLD_PICKED
        return read_drafts(rows, header, columns=columns, terms=terms, venue=_VENUE, read=_row)


def _row(cells: tuple[str, ...], reader: CellReader) -> Draft | None:
    """Sample: ``331982440,Main Account,Market,Buy,2024-06-03T14:22:31Z,0.015,BTC,1008.77,USD,67251.33,USD,2.13,USD,1754321987654321``."""
    row = _parted(_Cells._make(cells))
    occurred_at = reader.take(_instant, row.time, column="Datetime", stand_in=EPOCH)
    if row.type == "Market":
        return _market(row, reader, occurred_at)
    if row.type in _WITHIN:
        return None
    if row.type not in _MOVED:
        refuse_kind(reader, row.type, column="Type")
        return None
    why, inward = _MOVED[row.type]
    amount = reader.amount(row.amount, row.amount_currency, columns=("Amount", "Amount currency"))
    fee = optional(reader, row.fee, row.fee_currency, columns=("Fee", "Fee currency"))
    received, given = (amount, None) if inward else (None, amount)
    return Draft(occurred_at=occurred_at, why=why, received=received, given=given, fee=fee, source_id=row.id)


def _parted(row: _Cells) -> _Cells:
    """Part ``0.015 BTC`` of the old export into its two cells."""
    parts: dict[str, str] = {}
    for name in ("amount", "value", "rate", "fee"):
        number, _, currency = getattr(row, name).partition(" ")
        if currency:
            parts |= {name: number, f"{name}_currency": currency}
    return row._replace(**parts)


def _instant(text: str) -> datetime:
    return worded(text) if text.endswith(("AM", "PM")) else _clock(text)


def _market(row: _Cells, reader: CellReader, occurred_at: datetime) -> Draft:
    base = reader.amount(row.amount, row.amount_currency, columns=("Amount", "Amount currency"))
    quote = reader.amount(row.value, row.value_currency, columns=("Value", "Value currency"))
    rate = reader.positive(row.rate, column="Rate")
    side = reader.take(Side, row.subtype.lower(), column="Subtype", stand_in=Side.BUY) if row.subtype in _SIDES else None
    if side is None:
        reader.refuse("Subtype", f"is {row.subtype!r}, neither Buy nor Sell", "use the file as exported")
    if not reader.faults:
        check_sum(reader, column="Value", told=quote.quantity, due=EXACT.multiply(base.quantity, rate), within=_ROUNDING)
    received, given = (base, quote) if side is Side.BUY else (quote, base)
    fee = optional(reader, row.fee, row.fee_currency, columns=("Fee", "Fee currency"))
    return Draft(
        occurred_at=occurred_at,
        why=Meaning.TRADE,
        received=received,
        given=given,
        fee=fee,
        side=side,
        source_id=row.id,
        order_id=row.order_id,
    )


_SIDES = frozenset({"Buy", "Sell"})
_WITHIN = frozenset({"Sub Account Transfer", "Sent assets to staking", "Credited with staked assets"})
_MOVED: Mapping[str, tuple[Why, bool]] = {
    "Deposit": (Meaning.TRANSFER, True),
    "Ripple deposit": (Meaning.TRANSFER, True),
    "Withdrawal": (Meaning.TRANSFER, False),
    "Ripple payment": (Meaning.TRANSFER, False),
    "Staking reward": (IncomeKind.STAKING, True),
    "Referral reward": (IncomeKind.REFERRAL, True),
}
