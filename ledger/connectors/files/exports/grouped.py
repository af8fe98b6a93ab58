"""Exports with several rows for one exchange: legs and fees, told apart by sign and asset, put together again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import Amount, AssetCode, added
from ledger.domain.errors import RowFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One row of an exchange: `moved` signed, positive came in; `fee` a further debit, zero where the row is none of a fee.

    `key` says which rows belong together, `kind` what the row calls itself.
    """

    key: tuple[str, ...]
    kind: str
    occurred_at: datetime
    moved: Amount
    fee: Amount | None = None
    order_id: str = ""
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Legs:
    """The rows of a file: those that tell one thing each, and those that are put together; all faults by line."""

    faults: dict[int, tuple[RowFault, ...]] = field(default_factory=dict)
    groups: defaultdict[tuple[str, ...], list[tuple[int, Leg]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line: int, leg: Leg | None, faults: tuple[RowFault, ...]) -> None:
        """Take in a row."""
        self.faults[line] = faults
        if leg is not None and not faults:
            self.groups[leg.key].append((line, leg))


def summed(amounts: Iterable[Amount]) -> list[Amount]:
    """Return the sums by asset, sorted by asset, without what comes to nothing."""
    totals: defaultdict[AssetCode, Decimal] = defaultdict(Decimal)
    for amount in amounts:
        totals[amount.asset] = added(totals[amount.asset], amount.quantity)
    return amounts_of(totals)


def amounts_of(totals: Mapping[AssetCode, Decimal]) -> list[Amount]:
    """Return amounts sorted by asset, without zeros."""
    return [Amount(quantity=quantity, asset=asset) for asset, quantity in sorted(totals.items()) if quantity]


def exchange_of(legs: list[Leg]) -> tuple[Amount, Amount, list[Amount]] | str:
    """Return what was received, what was given and the fees; of rows that are no exchange of two assets, what they are, in words."""
    moved = summed(leg.moved for leg in legs)
    fees = summed(leg.fee for leg in legs if leg.fee is not None)
    received = [amount for amount in moved if amount.quantity > 0]
    given = [-amount for amount in moved if amount.quantity < 0]
    if len(received) != 1 or len(given) != 1:
        return f"{len(given)} assets given and {len(received)} received"
    return received[0], given[0], fees
