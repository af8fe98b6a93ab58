"""What a sale would take of the lots that are open now: pure, over lots that come in the order in which they would go.

It reads no more lots than the sale needs, and shares cost and proceeds as the sweep does: by cumulative floors.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from itertools import groupby
from types import MappingProxyType

from ledger.domain.amount import added, decimal_of_units, units_of
from ledger.domain.election import PickOrder
from ledger.domain.ids import LotId
from ledger.domain.lot import Lot, LotOrigin
from ledger.domain.time.instant import micros_of
from ledger.lots.pieces import shares

_UNPRICED = 1 << 512  # above every rate: lots without a price are the last to be dear or cheap

LotKey = Callable[[Lot], tuple[object, ...]]
_Part = tuple[Lot | None, int]  # of a lot as it stands in a wallet, so many units


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPiece:
    """Units of one lot that a sale would take, of all its parts that follow one another; `cost_basis` None: no price.

    `lot` None: units that no open lot has, or of which nobody told how they came to be owned.
    """

    lot: Lot | None
    quantity: Decimal
    cost_basis: Decimal | None
    proceeds: Decimal | None


def pool_in_order(order: PickOrder, wallets: Sequence[Iterator[Lot]]) -> Iterator[Lot]:
    """Return the open lots of one pool in an order, lazily, from those of its wallets, each of which comes in that order."""
    return wallets[0] if len(wallets) == 1 else merge(*wallets, key=_KEYS[order])


def pieces_of_sale(lots: Iterable[Lot], quantity: Decimal, proceeds: Decimal | None) -> tuple[PreviewPiece, ...]:
    """Return what a sale of `quantity` takes of open lots that come in its order; `proceeds` are the whole sale's, None: not said."""
    taken = [list(parts) for _, parts in groupby(_taken(lots, units_of(quantity)), key=_lot_of_part)]
    units = [sum(part for _, part in parts) for parts in taken]
    proceeds_of = [None] * len(taken) if proceeds is None else shares(proceeds, units)
    return tuple(
        PreviewPiece(lot=_told(parts[0][0]), quantity=decimal_of_units(count), cost_basis=_cost_of(parts), proceeds=share)
        for parts, count, share in zip(taken, units, proceeds_of, strict=True)
    )


def _taken(lots: Iterable[Lot], units: int) -> Iterator[_Part]:
    for lot in lots:
        part = min(units, units_of(lot.quantity_open))
        yield lot, part
        units -= part
        if not units:
            return
    yield None, units


def _lot_of_part(part: _Part) -> LotId | None:
    lot = _told(part[0])
    return None if lot is None else lot.lot_id


def _told(lot: Lot | None) -> Lot | None:
    return None if lot is None or lot.origin is LotOrigin.UNKNOWN else lot


def _cost_of(parts: Sequence[_Part]) -> Decimal | None:
    costs = [_cost(lot, units) for lot, units in parts]
    known = [cost for cost in costs if cost is not None]
    return added(*known) if len(known) == len(costs) else None


def _cost(lot: Lot | None, units: int) -> Decimal | None:
    """Return the cost that these units would carry off.

    A lot shares its whole cost by cumulative floors; one of which units were withheld at a cost of their own, what was left then.
    """
    if lot is None:
        return Decimal(0)
    if lot.cost_basis is None or lot.cost_open is None:
        return None
    whole, cost, left = units_of(lot.quantity), units_of(lot.cost_basis), units_of(lot.quantity_open)
    given = cost - units_of(lot.cost_open)
    if cost * (whole - left) // whole != given:
        whole, cost, given = left, units_of(lot.cost_open), 0
    return decimal_of_units(cost * (whole - left + units) // whole - given)


def _by_rate(lot: Lot, sign: int) -> tuple[object, ...]:
    rate = _UNPRICED if lot.rate_key is None else sign * lot.rate_key
    return rate, lot.acquired_at, lot.serial, lot.part


# The same orders as those of the sweep (`ledger.lots.orders`), of lots that are stored.
_KEYS: Mapping[PickOrder, LotKey] = MappingProxyType(
    {
        PickOrder.FIFO: lambda lot: (lot.acquired_at, lot.serial, lot.part),
        PickOrder.LIFO: lambda lot: (-micros_of(lot.acquired_at), -lot.serial, lot.part),
        PickOrder.HIFO: lambda lot: _by_rate(lot, -1),
        PickOrder.LOFO: lambda lot: _by_rate(lot, 1),
    },
)
