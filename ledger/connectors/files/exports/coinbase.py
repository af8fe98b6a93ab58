"""Coinbase's history of transactions, ``coinbase``: retail and Advanced in one, in five generations of its header.

The newest rows stand first, after some lines of preamble; money cells carry the sign of their currency. A trade for another asset than
the price's currency tells its quote in the notes only. Times are UTC and say so.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, number_of, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.draft import EXPORTED, Draft, Meaning, Why, check_sum, has_columns, read_drafts, refuse_kind
from ledger.domain.amount import ZERO, Amount, added, multiplied, subtracted
from ledger.domain.errors import InputError
from ledger.domain.event import ChargeKind, IncomeKind, Side
from ledger.domain.ids import VenueName
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_VENUE = VenueName("coinbase-advanced")  # whose API tells transfers and income under the same ids
_clock = plain(None)
_HEAD = ("Timestamp", "Transaction Type", "Asset", "Quantity Transacted")
_NEW = ("Subtotal", "Total (inclusive of fees and/or spread)", "Fees and/or Spread", "Notes")
_OLD = ("Subtotal", "Total (inclusive of fees)", "Fees", "Notes")
_FIRST = re.compile(r"([A-Z]{3}) Spot Price at Transaction")
_CENT = Decimal("0.01")
_SIGNS = re.compile(r"[^0-9.,()E+-]")  # currency signs and letters around a number
_NOTE = re.compile(
    r"(?:Bought|Sold) [0-9,.]+ \S+ for \D?([0-9,]+(?:\.[0-9]+)?) ([A-Z0-9]+)(?: on (\S+)-(\S+) at ([0-9,]+(?:\.[0-9]+)?) \S+)?"
)
_CONVERTED = re.compile(r"Converted [0-9,.]+ \S+ to ([0-9,]+(?:\.[0-9]+)?) (\S+)")


class _Cells(NamedTuple):
    """The cells of one row, whatever its generation calls them."""

    id: str
    time: str
    kind: str
    asset: str
    quantity: str
    currency: str
    price: str
    subtotal: str
    total: str
    fees: str
    notes: str


def _first(currency: str) -> tuple[str, ...]:
    money = ("Spot Price at Transaction", "Subtotal", "Total (inclusive of fees)", "Fees")
    return (*_HEAD, *(f"{currency} {column}" for column in money), "Notes")


class Coinbase:
    """Reads the history of transactions, columns in any order."""

    name = "coinbase"
    title = "Coinbase transaction history"
    venue = _VENUE
    headers: tuple[tuple[str, ...], ...] = (
        ("ID", *_HEAD, "Price Currency", "Price at Transaction", *_NEW),
        (*_HEAD, "Price Currency", "Price at Transaction", *_NEW),
        (*_HEAD, "Spot Price Currency", "Spot Price at Transaction", *_NEW),
        (*_HEAD, "Spot Price Currency", "Spot Price at Transaction", *_OLD),
        _first("USD"),
    )

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header is of one of the five generations, the first of them in any currency."""
        return has_columns(header, (*self.headers, _first(_currency_in(header))))

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; all faults of a row are given.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        read = partial(_row, currency=_currency_in(header))
        return read_drafts(rows, header, columns=_columns(header), terms=terms, venue=_VENUE, read=read)


def _currency_in(header: tuple[str, ...]) -> str:
    return next((found[1] for column in header if (found := _FIRST.fullmatch(column))), "")


def _columns(header: tuple[str, ...]) -> tuple[str, ...]:
    """Return the file's own names of the cells, in the order of `_Cells`."""
    currency = _currency_in(header)
    if currency:
        first = _first(currency)
        return ("ID", *first[:4], "", *first[4:])
    price = next(column for column in header if column.endswith("rice Currency"))
    totals = _NEW if _NEW[1] in header else _OLD
    return ("ID", *_HEAD, price, price.replace("Currency", "at Transaction"), *totals)


def _row(cells: tuple[str, ...], reader: CellReader, *, currency: str) -> Draft | None:
    """Sample: ``65f0c1,2024-03-01 12:00:00 UTC,Buy,BTC,0.01,USD,$60000.00,$600.00,$608.99,$8.99,Bought 0.01 BTC for 608.99 USD``."""
    row = _Cells._make(cells)
    row = row._replace(currency=row.currency or currency)
    reader.take(_clock, row.time, column="Timestamp", stand_in=EPOCH)
    if row.kind in _TRADES:
        return _trade(row, reader, bought=_TRADES[row.kind])
    if row.kind == "Convert":
        return _converted(row, reader)
    if row.kind in _WITHIN:
        return None
    moved = _moved(row, reader)
    why = _RECEIVED.get(row.kind)
    if why is None and row.kind not in _SENT:
        refuse_kind(reader, row.kind, column="Transaction Type")
        return None
    if row.kind == "Receive":
        why = _received(row.notes)
    if why is not None:
        return _draft(row, why, received=moved)
    return _draft(row, _SENT[row.kind], given=moved)


def _draft(
    row: _Cells,
    why: Why,
    *,
    received: Amount | None = None,
    given: Amount | None = None,
    fee: Amount | None = None,
    side: Side | None = None,
) -> Draft:
    try:
        occurred_at = _clock(row.time)
    except InputError:
        occurred_at = EPOCH  # refused by `_row`
    return Draft(
        occurred_at=occurred_at, why=why, received=received, given=given, fee=fee, side=side, source_id=row.id, note=row.notes[:2000]
    )


def _moved(row: _Cells, reader: CellReader) -> Amount:
    return Amount(quantity=abs(_number(row.quantity, reader, column="Quantity Transacted")), asset=reader.asset(row.asset, column="Asset"))


def _number(text: str, reader: CellReader, *, column: str) -> Decimal:
    return reader.take(money_of, text, column=column, stand_in=Decimal(1))


def money_of(text: str) -> Decimal:
    """Read a money cell: a sign of a currency and commas between thousands may stand in it.

    Raises:
        InputError: when the rest is no number.

    >>> money_of("-$1,234.50")
    Decimal('-1234.50')
    """
    bare = _SIGNS.sub("", text).replace(",", "")
    return number_of(f"-{bare[1:-1]}" if bare.startswith("(") and bare.endswith(")") else bare)


def _received(notes: str) -> Why:
    """Return why units came in: what older exports call a receipt is a reward where the notes say so."""
    if "Coinbase Referral" in notes:
        return IncomeKind.REFERRAL
    return IncomeKind.REWARD if "Coinbase Earn" in notes or "Coinbase Rewards" in notes else Meaning.TRANSFER


def _trade(row: _Cells, reader: CellReader, *, bought: bool) -> Draft | None:
    moved = _moved(row, reader)
    note = _NOTE.fullmatch(row.notes.strip())
    if note is None and row.kind not in {"Buy", "Sell"}:
        reader.refuse("Notes", f"is {shown(row.notes)}, which does not tell the pair of the trade", EXPORTED)
        return None
    in_currency = note is None or note[2] == row.currency
    paid = (
        _in_currency(row, reader, bought=bought)
        if note is None or in_currency
        else _in_notes(row, reader, note, moved.quantity, bought=bought)
    )
    if paid is None:
        return None
    quote, fee = paid
    received, given = (moved, quote) if bought else (quote, moved)
    side = Side.BUY if bought else Side.SELL
    return _draft(row, Meaning.TRADE, received=received, given=given, fee=fee, side=side)


def _in_currency(row: _Cells, reader: CellReader, *, bought: bool) -> tuple[Amount, Amount]:
    """Return what was paid or received and the fee, from the money columns, checked against their total."""
    subtotal, total, fees = (
        abs(_number(text, reader, column=column)) for column, text in (("Subtotal", row.subtotal), ("Total", row.total), ("Fees", row.fees))
    )
    asset = reader.asset(row.currency, column="Price Currency")
    if not reader.faults:
        due = added(subtotal, fees) if bought else subtracted(subtotal, fees)
        check_sum(reader, column="Total", told=total, due=due, within=_CENT)
    return Amount(quantity=subtotal, asset=asset), Amount(quantity=fees, asset=asset)


def _in_notes(row: _Cells, reader: CellReader, note: re.Match[str], quantity: Decimal, *, bought: bool) -> tuple[Amount, Amount] | None:
    """Return quote and fee of a trade whose quote is not the price's currency: the rate tells the one, the difference the other."""
    asset = reader.asset(note[2], column="Notes")
    paid = _number(note[1], reader, column="Notes")
    if note[5] is None or note[4] != note[2]:
        reader.refuse("Notes", f"is {shown(row.notes)}, which does not tell price and fee in {note[2]}", "pull this trade from the API")
        return None
    rate = _number(note[5], reader, column="Notes")
    quote = reader.take(lambda _: multiplied(quantity, rate), "", column="Notes", stand_in=paid)
    fee = subtracted(paid, quote) if bought else subtracted(quote, paid)
    told = _number(row.fees, reader, column="Fees") if row.fees else ZERO
    if fee < 0 or (not fee and told):
        reader.refuse("Notes", f"is {shown(row.notes)}, which contradicts the fee of {shown(row.fees)}", "pull this trade from the API")
        return None
    return Amount(quantity=quote, asset=asset), Amount(quantity=fee, asset=asset)


def _converted(row: _Cells, reader: CellReader) -> Draft | None:
    note = _CONVERTED.fullmatch(row.notes.strip())
    if note is None:
        reader.refuse("Notes", f"is {shown(row.notes)}, which does not tell what it was converted into", EXPORTED)
        return None
    received = Amount(quantity=_number(note[1], reader, column="Notes"), asset=reader.asset(note[2], column="Notes"))
    return _draft(row, Meaning.TRADE, received=received, given=_moved(row, reader))


_TRADES: Mapping[str, bool] = {
    f"{prefix}{word}": word == "Buy" for prefix in ("", "Advanced Trade ", "Advance Trade ") for word in ("Buy", "Sell")
}
_WITHIN = frozenset({"Vault Withdrawal", "Cash to Savings", "Staking Transfer", "Unstaking Transfer", "Retail Staking Transfer"})
_RECEIVED: Mapping[str, Why] = {
    "Receive": Meaning.TRANSFER,
    "Deposit": Meaning.TRANSFER,
    "Exchange Withdrawal": Meaning.TRANSFER,
    "Pro Withdrawal": Meaning.TRANSFER,
    "Coinbase Earn": IncomeKind.REWARD,
    "Learning Reward": IncomeKind.REWARD,
    "Rewards Income": IncomeKind.REWARD,
    "Reward Income": IncomeKind.REWARD,
    "Inflation Reward": IncomeKind.STAKING,
    "Staking Income": IncomeKind.STAKING,
    "Interest payout": IncomeKind.INTEREST,
    "Subscription Rebate": IncomeKind.REBATE,
    "Subscription Rebates (24 Hours)": IncomeKind.REBATE,
}
_SENT: Mapping[str, Why] = {
    "Send": Meaning.TRANSFER,
    "Withdrawal": Meaning.TRANSFER,
    "Exchange Deposit": Meaning.TRANSFER,
    "Pro Deposit": Meaning.TRANSFER,
    "Donation": ChargeKind.DONATION,
    "Admin Debit": ChargeKind.SPEND,
}
