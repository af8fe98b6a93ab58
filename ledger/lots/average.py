"""Averages: one cost for all units of a pool, moving with every acquisition or settled once a year.

A pool holds units and their total cost; what leaves takes its share, floored at 18 decimals, and the last unit takes what is left.
What has no figure cannot be averaged: units without a price or a basis stand beside the pool as lots of their own, go last, and
until they are gone every piece from the pool says that its cost will change.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import count, groupby

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.ids import AccountId, LotId, SourceId, WalletId, pool_id
from ledger.domain.lot import Acquisition, Caveat, Departure, Gap, Lot, LotOrigin, Movement, Outcome, OwnTransfer
from ledger.domain.time.period import YearStart, local_day
from ledger.lots.open_lots import Arrivals, OpenLot, acquired_lot, lot_of_nowhere
from ledger.lots.pieces import MISSING, Piece, disposals_of, used_up

POOL = "pool"

_Account = tuple[WalletId, AccountId]


class AveragePool:
    """Units that share one average cost; `wallet` None: those of all wallets. It is itself what its pieces are taken from."""

    lot_id = LotId("")  # until it has units
    source_id: SourceId | None = None
    acquired_at: datetime | None = None
    gap: Gap | None = None
    is_unknown = False

    def __init__(self, arrivals: Arrivals, wallet: WalletId | None = None) -> None:
        self.first: Acquisition | None = None  # gives the pool its name
        self._wallet = wallet
        self._units = 0
        self._cost = 0
        self._arrivals = arrivals
        self._unpriced: deque[OpenLot] = deque()
        self._unknown: deque[OpenLot] = deque()
        self._places: defaultdict[_Account, int] = defaultdict(int)

    def acquire(self, opened: OpenLot) -> None:
        """Add what an acquisition brought."""
        self.hold(opened.wallet, opened.account, opened.left)
        self.average_in(opened)

    def average_in(self, opened: OpenLot) -> None:
        """Add a whole lot to the average; its place is known already."""
        if opened.cost is not None and opened.gap is None:
            self.add(opened.left, opened.cost, opened.source)
        else:
            (self._unpriced if opened.cost is None else self._unknown).append(opened)

    def add(self, units: int, cost: int, first: Acquisition) -> None:
        """Add units and their cost to the average; `first` names the pool where it has no name yet."""
        if self.first is None:
            self.first = first
            self.lot_id = pool_id(first.asset, self._wallet)
        self._units += units
        self._cost += cost

    def hold(self, wallet: WalletId, account: AccountId, units: int) -> None:
        """Note units that came into an account, or left it when negative: no more than it had."""
        place = wallet, account
        self._places[place] = max(self._places[place] + units, 0)

    def take(self, units: int, provisional_until: date | None = None) -> list[Piece]:
        """Take units: of the average, then those without a price, then those without a basis; what is not there, from nothing."""
        pieces: list[Piece] = []
        caveat = Caveat.POOL_INCOMPLETE if self._unpriced or self._unknown else None
        part = min(units, self._units)
        if part:
            cost = self._cost * part // self._units
            self._units -= part
            self._cost -= cost
            units -= part
            pieces.append((self, part, cost, POOL, caveat, provisional_until))
        for beside in (self._unpriced, self._unknown):
            while units and beside:
                opened = beside[0]
                part = min(units, opened.left)
                units -= part
                pieces.append((opened, part, opened.take(part), POOL, caveat, provisional_until))
                if not opened.left:
                    beside.popleft()
        if units:
            pieces.append((None, units, 0, MISSING, None, provisional_until))
        return pieces

    def rows(self) -> Iterator[Lot]:
        """Yield what is left, by the accounts that hold it: the lots beside the pool, and a row of the pool for every account."""
        room = dict(self._places)
        for opened in (*self._unpriced, *self._unknown):
            yield from self._placed(opened, room)
        if self.first is not None:
            yield from self._pool_rows(self.first, room)

    def _placed(self, opened: OpenLot, room: dict[_Account, int]) -> Iterator[Lot]:
        """Place a lot beside the pool where it was acquired as far as there is room, else where there is."""
        home = opened.wallet, opened.account
        room[home] -= (stays := min(opened.left, room[home]))
        for wallet, account in sorted(room):
            moves = min(opened.left - stays, room[wallet, account])
            if moves:
                room[wallet, account] -= moves
                part = self._arrivals.part(opened, wallet)
                yield opened.arrived(moves, cost=opened.take(moves), wallet=wallet, account=account, part=part).as_lot()
        yield opened.as_lot()

    def _pool_rows(self, first: Acquisition, room: dict[_Account, int]) -> Iterator[Lot]:
        units, cost = self._units, self._cost
        if not units:
            yield _pool_row(first, self.lot_id, wallet=first.wallet, account=first.account, part=0, units=0, cost=0)
        parts: defaultdict[WalletId, Iterator[int]] = defaultdict(count)
        for wallet, account in sorted(room):
            here = min(units, room[wallet, account])
            if here:
                share = cost * here // units
                yield _pool_row(first, self.lot_id, wallet=wallet, account=account, part=next(parts[wallet]), units=here, cost=share)
                units, cost = units - here, cost - share
        assert not units, (self.lot_id, units)


class MovingAverage:
    """Every departure takes the average cost of what its pool holds at that instant; pools are wallets, or all of them one pool."""

    name = "average"

    def __init__(self, *, universal: bool) -> None:
        self._universal = universal

    def match(self, timeline: Iterable[Movement]) -> Iterator[Outcome]:
        """Yield disposal pieces, used-up lots that stood beside a pool, and at last the pools."""
        pools = _Pools(universal=self._universal)
        for movement in timeline:
            match movement:
                case Acquisition():
                    pools.of(movement.wallet).acquire(acquired_lot(movement, next(pools.serials)))
                case Departure():
                    yield from depart(pools.of(movement.wallet), movement)
                case OwnTransfer():
                    yield from pools.carry(movement)
        yield from pools.rows()


class _Pools:
    """The pools of a moving average while they move."""

    def __init__(self, *, universal: bool) -> None:
        self.serials = count()
        self._universal = universal
        self._arrivals = Arrivals()
        self._pools: dict[WalletId | None, AveragePool] = {}

    def of(self, wallet: WalletId) -> AveragePool:
        key = None if self._universal else wallet
        if key not in self._pools:
            self._pools[key] = AveragePool(self._arrivals, key)
        return self._pools[key]

    def carry(self, movement: OwnTransfer) -> list[Lot]:
        """Carry units from pool to pool at their average cost; return the lots beside the first that moved entirely."""
        pool, target = self.of(movement.wallet), self.of(movement.to_wallet)
        if pool is target:
            move_within(pool, movement)
            return []
        units, wallet, account = units_of(movement.quantity), movement.to_wallet, movement.to_account
        pool.hold(movement.wallet, movement.account, -units)
        target.hold(wallet, account, units)
        pieces = pool.take(units)
        for origin, part, cost, *_ in pieces:
            if isinstance(origin, AveragePool):
                assert cost is not None, movement
                assert origin.first is not None, movement
                target.add(part, cost, origin.first)
            elif isinstance(origin, OpenLot):
                number = self._arrivals.part(origin, wallet)
                carried = movement.event_id
                target.average_in(origin.arrived(part, cost=cost, wallet=wallet, account=account, part=number, carried_by=carried))
            else:
                target.average_in(lot_of_nowhere(movement, part, next(self.serials)))
        return used_up(pieces)

    def rows(self) -> Iterator[Lot]:
        for wallet in sorted(self._pools, key=lambda wallet: wallet or ""):
            yield from self._pools[wallet].rows()


class TotalAverage:
    """Every departure of a tax year takes the average cost of what was there when it began and of all that came in during it.

    One pool over all wallets. A piece is provisional until the year ends. Source: Japan, Order for Enforcement of the Income Tax
    Act, art. 119-2; DECISIONS: total-average.
    """

    name = "total-average"

    def __init__(self, *, year_start: YearStart, zone: tzinfo) -> None:
        self._year_start = year_start
        self._zone = zone

    def match(self, timeline: Iterable[Movement]) -> Iterator[Outcome]:
        """Yield the disposal pieces of each year when it is over, and at last the pool."""
        pool, serials = AveragePool(Arrivals()), count()
        for year, movements in groupby(timeline, key=self._year_of):
            departures: list[Departure] = []
            for movement in movements:
                match movement:
                    case Acquisition():
                        pool.acquire(acquired_lot(movement, next(serials)))
                    case Departure():
                        departures.append(movement)
                        pool.hold(movement.wallet, movement.account, -units_of(movement.quantity))
                    case OwnTransfer():
                        move_within(pool, movement)
            until = self._year_start.period_of(year).to_day
            for departure in departures:
                pieces = pool.take(units_of(departure.quantity), until)
                yield from disposals_of(departure, pieces)
                yield from used_up(pieces)
        yield from pool.rows()

    def _year_of(self, movement: Movement) -> int:
        return self._year_start.year_of(local_day(movement.occurred_at, self._zone))


def depart(pool: AveragePool, movement: Departure) -> Iterator[Outcome]:
    """Yield the pieces of a departure at the average of the instant, and the lots beside the pool that it used up."""
    units = units_of(movement.quantity)
    pool.hold(movement.wallet, movement.account, -units)
    pieces = pool.take(units)
    yield from disposals_of(movement, pieces)
    yield from used_up(pieces)


def move_within(pool: AveragePool, movement: OwnTransfer) -> None:
    """Note that units of one pool changed their account."""
    units = units_of(movement.quantity)
    pool.hold(movement.wallet, movement.account, -units)
    pool.hold(movement.to_wallet, movement.to_account, units)


def _pool_row(first: Acquisition, lot: LotId, *, wallet: WalletId, account: AccountId, part: int, units: int, cost: int) -> Lot:
    quantity, cost_basis = _decimal_of(units), _decimal_of(cost)
    return Lot(
        lot_id=lot,
        part=part,
        event_id=first.event_id,
        source_id=first.source_id,
        asset=first.asset,
        account=account,
        wallet=wallet,
        acquired_at=first.acquired_at,
        origin=LotOrigin.POOL,
        quantity=quantity,
        cost_basis=cost_basis,
        quantity_open=quantity,
        cost_open=cost_basis,
    )


def _decimal_of(units: int) -> Decimal:
    return decimal_of_units(units) if units else ZERO
