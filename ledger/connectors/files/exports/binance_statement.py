"""Binance's transaction record, ``binance-statement``: every change of a balance, a row each, and no ids.

Rows of one account and second that trade are one exchange with its fees. Which operations there are the venue does not publish; one that is
not in the table is refused by its name. The header ``UTC_Time`` names the zone; ``Time`` does not, which is a finding.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.exports.binance_trades import VENUE
from ledger.connectors.files.exports.draft import (
    Draft,
    Meaning,
    Teller,
    Why,
    assumed_zone,
    file_row,
    has_columns,
    refuse_kind,
    with_finding,
)
from ledger.connectors.files.exports.grouped import Leg, Legs, exchange_of
from ledger.connectors.files.rows import account_named, said_of
from ledger.domain.amount import ZERO, Amount
from ledger.domain.errors import RowFault
from ledger.domain.event import ChargeKind, IncomeKind
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms

_clock = plain(UTC)
_SHORT_YEAR = 17  # characters of "24-03-01 12:00:00"
_MEND = "export the spot trade history of that time and import it, or book the rows from a lotwright-events file and take them out"


class _Cells(NamedTuple):
    """The cells of one row, in the order of the export."""

    user: str
    time: str
    account: str
    operation: str
    coin: str
    change: str
    remark: str


_COLUMNS = ("User_ID", "UTC_Time", "Account", "Operation", "Coin", "Change", "Remark")
_NEW = ("User_ID", "Time", "Account", "Operation", "Coin", "Change", "Remark")


class BinanceStatement:
    """Reads the transaction record, columns in any order."""

    name = "binance-statement"
    title = "Binance transaction record"
    venue = VENUE
    headers: tuple[tuple[str, ...], ...] = (_NEW, _COLUMNS)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns of one of the two generations, each once, and no others."""
        return has_columns(header, self.headers)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order, once all rows are read; an exchange stands in the first of its rows.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        teller = Teller(venue=VENUE, terms=terms, account=account_named(terms))
        legs = Legs()
        columns = _COLUMNS if "UTC_Time" in header else _NEW
        for line, leg, faults in said_of(rows, header, columns=columns, terms=terms, read=_leg):
            legs.add(line, leg, faults)
        told = _told(legs, teller)
        if "UTC_Time" in header:
            return told
        return with_finding(told, assumed_zone(terms.account, "UTC", why="the older record of this venue, which names its zone, is in UTC"))


def _leg(cells: tuple[str, ...], reader: CellReader) -> Leg | None:
    """Sample: ``1001,2024-03-01 12:00:00,Spot,Transaction Buy,BTC,0.00100000,``."""
    row = _Cells._make(cells)
    time = f"20{row.time}" if len(row.time) == _SHORT_YEAR else row.time
    occurred_at = reader.take(_clock, time, column="Time", stand_in=EPOCH)
    change = reader.number(row.change, column="Change")
    amount = Amount(quantity=change, asset=reader.asset(row.coin, column="Coin"))
    if row.account.lower() not in _ACCOUNTS:
        reader.refuse("Account", f"is {shown(row.account)}, an account of derivatives or loans, for which there is no rule", _MEND)
    if row.operation in _WITHIN or not change:
        return None
    is_fee = row.operation in _FEES
    group = _GROUPED.get(row.operation)
    if group is None and row.operation not in _ALONE:
        refuse_kind(reader, row.operation, column="Operation")
        return None
    return Leg(
        key=(group, row.account, row.time) if group else (),
        kind=row.operation,
        occurred_at=occurred_at,
        moved=Amount(quantity=ZERO, asset=amount.asset) if is_fee else amount,
        fee=-amount if is_fee else None,
        note=row.remark,
    )


def _told(legs: Legs, teller: Teller) -> Iterator[FileRow]:
    drafts: dict[int, list[Draft]] = {}
    for key, group in legs.groups.items():
        if key:
            drafts[group[0][0]] = _exchange(group[0][0], [leg for _, leg in group], legs)
        else:
            drafts |= {line: [_alone(leg)] for line, leg in group}
    for line, faults in legs.faults.items():
        yield from _rows_of(line, drafts.get(line, []), faults, teller)


def _rows_of(line: int, drafts: list[Draft], faults: tuple[RowFault, ...], teller: Teller) -> Iterator[FileRow]:
    if not drafts or faults:
        yield FileRow(line=line, event=None, faults=faults)
        return
    for draft in drafts:
        yield file_row(line, draft, (), teller)


def _exchange(line: int, legs: list[Leg], into: Legs) -> list[Draft]:
    found = exchange_of(legs)
    if isinstance(found, str):
        told = ", ".join(f"{leg.kind} {leg.moved if leg.fee is None else leg.fee}" for leg in legs[:8])
        message = f"rows of one second are no exchange of two assets but {found}: {told}"
        into.faults[line] = (RowFault(line=line, column="Operation", message=message, mend=_MEND),)
        return []
    received, given, fees = found
    at = legs[0].occurred_at
    first = Draft(occurred_at=at, why=Meaning.TRADE, received=received, given=given, fee=fees[0] if fees else None)
    return [first, *(Draft(occurred_at=at, why=ChargeKind.FEE, given=fee) for fee in fees[1:])]


def _alone(leg: Leg) -> Draft:
    why, inward = _ALONE[leg.kind], leg.moved.quantity > 0
    return Draft(
        occurred_at=leg.occurred_at,
        why=why,
        received=leg.moved if inward else None,
        given=None if inward else -leg.moved,
        note=leg.note,
    )


_ACCOUNTS = frozenset({"spot", "earn", "pool", "savings", "funding"})
_FEES = frozenset({"Fee", "Transaction Fee"})
_TRADING = (
    *("Buy", "Sell", "Fee", "Transaction Related", "Transaction Buy", "Transaction Fee", "Transaction Spend"),
    *("Transaction Sold", "Transaction Revenue"),
)
_PAIRED = (
    *("Binance Convert", "Large OTC trading", "Small assets exchange BNB", "Small Assets Exchange BNB", "Stablecoins Auto-Conversion"),
    *("Buy Crypto With Card", "BNB Fee Deduction", "ETH 2.0 Staking", "Leverage Token Redemption"),
)
_GROUPED: Mapping[str, str] = {**dict.fromkeys(_TRADING, "trade"), **{name: name for name in _PAIRED}}
_WITHIN = frozenset(
    {
        *("transfer_out", "transfer_in", "Savings purchase", "Savings Principal redemption", "POS savings purchase"),
        *("POS savings redemption", "Staking Purchase", "Staking Redemption", "Simple Earn Locked Subscription"),
        *("Simple Earn Locked Redemption", "Simple Earn Flexible Subscription", "Simple Earn Flexible Redemption"),
        *("Transfer Between Main and Funding Wallet", "Launchpool Subscription/Redemption", "Launchpad Subscribe"),
    }
)
_ALONE: Mapping[str, Why] = {
    **dict.fromkeys(("Deposit", "Fiat Deposit", "Withdraw", "Fiat Withdraw", "Fiat Withdrawal", "Send"), Meaning.TRANSFER),
    **dict.fromkeys(
        (
            *("Transfer Between Spot Account and UM Futures Account", "Transfer Between Spot Account and CM Futures Account"),
            "Transfer Between Main Account/Futures and Margin Account",
        ),
        Meaning.TRANSFER,
    ),
    **dict.fromkeys(
        (
            *("Commission History", "Referrer rebates", "Commission Rebate", "Commission Fee Shared With You"),
            *("Referral Kickback", "Referral Commission"),
        ),
        IncomeKind.REFERRAL,
    ),
    **dict.fromkeys(
        (
            *("Airdrop Assets", "Cash Voucher distribution", "Simple Earn Flexible Airdrop", "Campaign Related Reward"),
            *("Launchpool Airdrop", "HODLer Airdrops Distribution", "Megadrop Rewards", "Distribution"),
        ),
        IncomeKind.AIRDROP,
    ),
    "Super BNB Mining": IncomeKind.MINING,
    **dict.fromkeys(
        (
            *("Savings Interest", "Simple Earn Flexible Interest", "Pool Distribution", "Savings distribution"),
            *("Savings Distribution", "Launchpool Interest"),
        ),
        IncomeKind.INTEREST,
    ),
    **dict.fromkeys(
        (
            *("POS savings interest", "Staking Rewards", "ETH 2.0 Staking Rewards", "Simple Earn Locked Rewards"),
            *("DOT Slot Auction Rewards", "Launchpool Earnings Withdrawal", "BNB Vault Rewards"),
        ),
        IncomeKind.STAKING,
    ),
    "Binance Card Cashback": IncomeKind.REBATE,
}
