"""Lots into wallets as the taxpayer's own document has it, at the instant at which the pool of all wallets ends.

Source: Rev. Proc. 2024-28, section 4.02: all unused basis goes to the same number of units that are left, and no basis that was
used before. So the document must tie twice: with the lots that are open, and with the units that stand in each wallet.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from ledger.domain.amount import AssetCode, decimal_of_units, text_of, units_of
from ledger.domain.errors import UnsupportedCase
from ledger.domain.ids import AccountId, WalletId
from ledger.domain.law.allocation import Allocation, Allotment
from ledger.lots.open_lots import OpenLot, place_of
from ledger.lots.standing import Place, Standing

Placement = Callable[[Iterable[OpenLot], Standing], Iterable[tuple[OpenLot, Sequence[Place]]]]

_Room = dict[tuple[WalletId, AccountId], int]  # units that each account holds
_APART_MAX = Decimal("0.005")  # a document tells cents


class AllocationUntied(UnsupportedCase):
    """A document does not say of every unit that is left where it stands; `faults` says all that does not tie."""

    def __init__(self, asset: AssetCode, faults: Sequence[str]) -> None:
        super().__init__(
            f"the allocation of {asset} does not tie with the book at the end of the pool of all wallets: {'; '.join(faults)}",
            mend="import the history that is missing; the document itself must name every unit that is left, and no other",
        )
        self.faults = tuple(faults)


def where_units_stand(lots: Iterable[OpenLot], standing: Standing) -> Iterable[tuple[OpenLot, Sequence[Place]]]:
    """Place lots where their units stand: what happens without an allocation of the taxpayer's own."""
    return standing.placed(lots)


def placement_of(allocations: Iterable[Allocation]) -> Placement:
    """Return what places the lots of an asset as its document says; where there is none, where their units stand.

    The placement raises `AllocationUntied` when document and book do not tie.
    """
    by_asset = {allocation.asset: allocation for allocation in allocations}

    def placed(lots: Iterable[OpenLot], standing: Standing) -> Iterable[tuple[OpenLot, Sequence[Place]]]:
        left = sorted(lots, key=place_of)
        allocation = by_asset.get(left[0].source.asset) if left else None
        return where_units_stand(left, standing) if allocation is None else _as_documented(allocation, left, standing)

    return placed


def _as_documented(allocation: Allocation, lots: Sequence[OpenLot], standing: Standing) -> Iterator[tuple[OpenLot, Sequence[Place]]]:
    room = standing.units_by_account()
    named, faults = _named(allocation, lots)
    faults += _wallet_faults(allocation, room)
    for opened in lots:
        faults += _lot_faults(opened, named[opened])
    if faults:
        raise AllocationUntied(allocation.asset, faults)
    return ((opened, _places(named[opened], room)) for opened in lots)


def _named(allocation: Allocation, lots: Sequence[OpenLot]) -> tuple[defaultdict[OpenLot, list[Allotment]], list[str]]:
    """Return what the document says of each lot, and names in it that mean no lot or several."""
    by_name: defaultdict[str, list[OpenLot]] = defaultdict(list)
    for opened in lots:
        for name in {str(opened.lot_id), str(opened.source.source_id)}:
            by_name[name].append(opened)
    named: defaultdict[OpenLot, list[Allotment]] = defaultdict(list)
    faults = []
    for allotment in allocation.allotments:
        meant = by_name[allotment.lot]
        if len(meant) == 1:
            named[meant[0]].append(allotment)
        else:
            what = "no lot that is open" if not meant else f"{len(meant)} lots ({', '.join(lot.lot_id for lot in meant)})"
            faults.append(f"{allotment.lot!r} is {what}")
    return named, faults


def _wallet_faults(allocation: Allocation, room: _Room) -> Iterator[str]:
    told: defaultdict[WalletId, int] = defaultdict(int)
    for allotment in allocation.allotments:
        told[allotment.wallet] += units_of(allotment.quantity)
    held: defaultdict[WalletId, int] = defaultdict(int)
    for (wallet, _), units in room.items():
        held[wallet] += units
    for wallet in sorted({*told, *held}):
        if told[wallet] != held[wallet]:
            yield f"wallet {wallet} holds {_units(held[wallet])}, the document gives it {_units(told[wallet])}"


def _lot_faults(opened: OpenLot, allotments: Sequence[Allotment]) -> Iterator[str]:
    told = sum(units_of(allotment.quantity) for allotment in allotments)
    if told != opened.left:
        yield f"lot {opened.source.source_id} has {_units(opened.left)} left, the document gives {_units(told)} of it"
    elif opened.cost is not None:
        for allotment in allotments:
            share = decimal_of_units((opened.cost - opened.given) * units_of(allotment.quantity) // opened.left)
            if allotment.cost_basis is not None and abs(share - allotment.cost_basis) > _APART_MAX:
                yield (
                    f"{text_of(allotment.quantity)} of lot {opened.source.source_id} cost {text_of(share)}, "
                    f"the document says {text_of(allotment.cost_basis)}"
                )


def _places(allotments: Sequence[Allotment], room: _Room) -> list[Place]:
    """Take the units of one lot off the room that the accounts of its wallets have, by name."""
    places = []
    for allotment in allotments:
        rest = units_of(allotment.quantity)
        for wallet, account in sorted(room):
            part = min(rest, room[wallet, account]) if wallet == allotment.wallet else 0
            if part:
                places.append(Place(wallet=wallet, account=account, units=part))
                room[wallet, account] -= part
                rest -= part
        assert not rest, allotment
    return places


def _units(units: int) -> str:
    return text_of(decimal_of_units(units))
