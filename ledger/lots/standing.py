"""Where units stand while the law pools them over all wallets: a plain first in, first out of each wallet, without money.

A pool over all wallets has no place. When it ends, or when somebody asks what each wallet holds, every lot that is left must
be given a place: first the wallet where this very lot stands, then wallets that hold units of lots the law has used up
elsewhere, by name. A wallet may be overdrawn, as the pool has units that it has not; what comes into it next makes that good.
So the units that stand anywhere, less those overdrawn, are at all times the units of the pool's lots.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from ledger.domain.ids import AccountId, WalletId
from ledger.lots.open_lots import OpenLot, place_of

_NOWHERE = -1  # the serial of units that were moved although they had never come in


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """So many units in one account of one wallet."""

    wallet: WalletId
    account: AccountId
    units: int


class _Stand:
    """Units of one lot in one account."""

    __slots__ = ("account", "acquired_at", "serial", "units", "wallet")

    def __init__(self, acquired_at: datetime, serial: int, units: int, wallet: WalletId, account: AccountId) -> None:
        self.acquired_at = acquired_at
        self.serial = serial
        self.units = units
        self.wallet = wallet
        self.account = account

    def give(self, units: int) -> int:
        """Take up to so many units off and return how many."""
        part = min(units, self.units)
        self.units -= part
        return part


_Queue = list[tuple[datetime, int, int, _Stand]]


class Standing:
    """Which units stand in which wallet, told movement by movement."""

    def __init__(self) -> None:
        self._queues: defaultdict[WalletId, _Queue] = defaultdict(list)
        self._overdrawn: defaultdict[WalletId, int] = defaultdict(int)
        self._arrivals = count()

    def arrive(self, opened: OpenLot) -> None:
        """Note units that were acquired."""
        self._put(_Stand(opened.source.acquired_at, opened.serial, opened.left, opened.wallet, opened.account))

    def turn_up(self, wallet: WalletId, account: AccountId, units: int, at: datetime) -> None:
        """Note units that are taken to be in a wallet although they had never come in."""
        self._put(_Stand(at, _NOWHERE, units, wallet, account))

    def leave(self, wallet: WalletId, units: int) -> None:
        """Note units of lots that left a wallet; those that it has not overdraw it."""
        queue = self._queues[wallet]
        while units and queue:
            stand = queue[0][3]
            if stand.units > units:
                stand.units -= units
                return
            units -= stand.units
            heappop(queue)
        self._overdrawn[wallet] += units

    def move(self, wallet: WalletId, units: int, *, to_wallet: WalletId, to_account: AccountId, moved_at: datetime) -> None:
        """Note units that moved to another wallet, dates and all; those that were not there arrive all the same and overdraw it."""
        queue = self._queues[wallet]
        moved: list[_Stand] = []
        while units and queue:
            stand = queue[0][3]
            part = stand.give(units)
            units -= part
            moved.append(_Stand(stand.acquired_at, stand.serial, part, to_wallet, to_account))
            if not stand.units:
                heappop(queue)
        for stand in moved:
            self._put(stand)
        if units:
            self._overdrawn[wallet] += units
            self.turn_up(to_wallet, to_account, units, moved_at)

    def units_by_account(self) -> dict[tuple[WalletId, AccountId], int]:
        """Return the units that each account of each wallet holds, those that hold none left out."""
        held: defaultdict[tuple[WalletId, AccountId], int] = defaultdict(int)
        for queue in self._queues.values():
            for *_, stand in queue:
                if stand.units:
                    held[stand.wallet, stand.account] += stand.units
        return dict(held)

    def placed(self, lots: Iterable[OpenLot]) -> Iterator[tuple[OpenLot, list[Place]]]:
        """Yield each open lot, first acquired first, with the places of all its units."""
        ordered = sorted(lots, key=place_of)
        stands = [entry[3] for wallet in sorted(self._queues) for entry in sorted(self._queues[wallet])]
        by_serial: defaultdict[int, list[_Stand]] = defaultdict(list)
        for each in stands:
            by_serial[each.serial].append(each)
        at_home = [_given(opened.left, by_serial.get(opened.serial, ())) for opened in ordered]
        spare = iter(stands)
        stand = next(spare, None)
        for opened, places in zip(ordered, at_home, strict=True):
            rest = opened.left - sum(place.units for place in places)
            while rest:
                assert stand is not None, opened.lot_id
                part = stand.give(rest)
                rest -= part
                if part:
                    places.append(Place(wallet=stand.wallet, account=stand.account, units=part))
                else:
                    stand = next(spare, None)
            yield opened, _merged(places)

    def _put(self, stand: _Stand) -> None:
        self._overdrawn[stand.wallet] -= stand.give(self._overdrawn[stand.wallet])
        if stand.units:
            heappush(self._queues[stand.wallet], (stand.acquired_at, stand.serial, next(self._arrivals), stand))


def _given(units: int, stands: Sequence[_Stand]) -> list[Place]:
    places = []
    for stand in stands:
        part = stand.give(units)
        units -= part
        if part:
            places.append(Place(wallet=stand.wallet, account=stand.account, units=part))
    return places


def _merged(places: Sequence[Place]) -> list[Place]:
    """Return one place per wallet and account, by name."""
    units: defaultdict[tuple[WalletId, AccountId], int] = defaultdict(int)
    for place in places:
        units[place.wallet, place.account] += place.units
    return [Place(wallet=wallet, account=account, units=units[wallet, account]) for wallet, account in sorted(units)]
