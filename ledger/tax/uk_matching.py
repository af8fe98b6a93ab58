"""How the United Kingdom identifies tokens: same day, then the 30 days after the disposal, then the section 104 pool.

All wallets are one holding. All acquisitions of a day are one acquisition and all disposals of a day one disposal; days are dates of
the book's zone. A disposal waits for the days that it may look ahead to, so memory follows 31 days and not the history.
Source: TCGA 1992 s104, s105, s106A; HMRC Cryptoassets Manual CRYPTO22200 to 22257.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from itertools import count, groupby

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.ids import LotId, SourceId
from ledger.domain.lot import Acquisition, Caveat, Departure, Gap, Lot, Movement, Outcome, OwnTransfer
from ledger.domain.time.period import local_day
from ledger.lots.average import AveragePool, move_within
from ledger.lots.open_lots import Arrivals, OpenLot, acquired_lot
from ledger.lots.pieces import Piece, disposals_of, used_up

SAME_DAY = "same-day"
THIRTY_DAYS = "30-day"
_WINDOW = timedelta(days=30)  # the 30th day after a disposal counts, the 31st does not


class _DayLot:
    """The acquisitions of one day that have a figure, as one: units and cost are what no disposal has claimed yet."""

    lot_id = LotId("")  # this and the next two: of the first acquisition
    source_id: SourceId | None = None
    acquired_at: datetime | None = None
    gap: Gap | None = None
    is_unknown = False

    def __init__(self) -> None:
        self.units = 0
        self.cost = 0
        self.first: OpenLot | None = None
        self._claimed_units = 0
        self._claimed_cost = 0

    def add(self, opened: OpenLot, cost: int) -> None:
        """Add an acquisition; the day takes the name of the first and has a source id where that is the only one."""
        if self.first is None:
            self.first, self.lot_id, self.acquired_at = opened, opened.lot_id, opened.acquired_at
        self.source_id = opened.source_id if self.first is opened else None
        self.units += opened.left
        self.cost += cost

    def claim(self, units: int) -> int:
        """Take units off for a disposal and return their share of the cost."""
        cost = self.cost * units // self.units
        self.units -= units
        self.cost -= cost
        self._claimed_units += units
        self._claimed_cost += cost
        return cost

    def claimed(self) -> Iterator[Lot]:
        """Yield what disposals have claimed as a lot that is used up; what they have not joins the pool."""
        if self.first is None or not self._claimed_units:
            return
        source = self.first.source
        yield Lot(
            lot_id=self.lot_id,
            part=0,
            event_id=source.event_id,
            source_id=source.source_id,
            asset=source.asset,
            account=source.account,
            wallet=source.wallet,
            acquired_at=source.acquired_at,
            origin=source.origin,
            quantity=decimal_of_units(self._claimed_units),
            cost_basis=decimal_of_units(self._claimed_cost),
            quantity_open=ZERO,
            cost_open=ZERO,
        )


class _Sale:
    """A departure, the units of it that are not matched yet, and the pieces that are."""

    __slots__ = ("left", "movement", "pieces")

    def __init__(self, movement: Departure) -> None:
        self.movement = movement
        self.left = units_of(movement.quantity)
        self.pieces: list[Piece] = []


class _Day:
    """One day of one token."""

    def __init__(self, day: date) -> None:
        self.day = day
        self.lot = _DayLot()
        self.aside: list[OpenLot] = []  # what no disposal can claim: it joins the pool at the end of the day, or stands beside it
        self.is_incomplete = False  # some of that has no price or basis
        self.sales: list[_Sale] = []
        self.waiting: list[_Sale] = []  # those that are not matched with the last unit

    def acquire(self, opened: OpenLot, acquired: date) -> None:
        """Count an acquisition in; one of an earlier day, as openings are, is none of this day. DECISIONS: uk-opening."""
        if opened.cost is None or opened.gap is not None:
            self.is_incomplete = True
            self.aside.append(opened)
        elif acquired < self.day:
            self.aside.append(opened)
        else:
            self.lot.add(opened, opened.cost)

    def sell(self, sale: _Sale) -> None:
        """Count a departure in."""
        self.sales.append(sale)
        self.waiting.append(sale)

    def match(self, other: "_Day", matched_by: str, caveat: Caveat | None) -> None:
        """Match what is left of this day's disposal with what is left of a day's acquisition, sales in the order of the timeline."""
        for sale in self.waiting:
            part = min(sale.left, other.lot.units)
            if part:
                sale.pieces.append((other.lot, part, other.lot.claim(part), matched_by, caveat, other.day))
                sale.left -= part
        self.waiting = [sale for sale in self.waiting if sale.left]


class ShareMatching:
    """Same day, 30 days, section 104 pool. DECISIONS: uk-same-day, uk-thirty-days, uk-pool."""

    name = "section-104"

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def match(self, timeline: Iterable[Movement]) -> Iterator[Outcome]:
        """Yield the disposal pieces of each day when the 30 days after it are known, and at last the pool."""
        pool = AveragePool(Arrivals())
        serials = count()
        waiting: deque[_Day] = deque()
        for day, movements in groupby(timeline, key=self._day_of):
            while waiting and waiting[0].day + _WINDOW < day:
                yield from _closed(waiting.popleft(), waiting, pool)
            opened = _Day(day)
            waiting.append(opened)
            self._fill(opened, movements, pool, serials)
        while waiting:
            yield from _closed(waiting.popleft(), waiting, pool)
        yield from pool.rows()

    def _fill(self, day: _Day, movements: Iterable[Movement], pool: AveragePool, serials: Iterator[int]) -> None:
        """Fill a day and match its own disposal and acquisition: that comes before any claim of an earlier day."""
        for movement in movements:
            match movement:
                case Acquisition():
                    day.acquire(acquired_lot(movement, next(serials)), local_day(movement.acquired_at, self._zone))
                    pool.hold(movement.wallet, movement.account, units_of(movement.quantity))
                case Departure():
                    sale = _Sale(movement)
                    day.sell(sale)
                    pool.hold(movement.wallet, movement.account, -sale.left)
                case OwnTransfer():
                    move_within(pool, movement)
        day.match(day, SAME_DAY, Caveat.POOL_INCOMPLETE if day.is_incomplete else None)

    def _day_of(self, movement: Movement) -> date:
        return local_day(movement.occurred_at, self._zone)


def _closed(day: _Day, later: Iterable[_Day], pool: AveragePool) -> Iterator[Outcome]:
    """Yield the matched disposal of a day: earlier ones have claimed what they may, and no later day is in reach but `later`."""
    caveat = Caveat.POOL_INCOMPLETE if day.is_incomplete else None
    for other in later:
        if not day.waiting:
            break
        if other.is_incomplete:
            caveat = Caveat.POOL_INCOMPLETE
        day.match(other, THIRTY_DAYS, caveat)
    if day.lot.units and day.lot.first is not None:
        pool.add(day.lot.units, day.lot.cost, day.lot.first.source)
    for opened in day.aside:
        pool.average_in(opened)
    for sale in day.sales:
        if sale.left:
            sale.pieces += _from_pool(pool, sale.left, day.day + _WINDOW, caveat)
        yield from disposals_of(sale.movement, sale.pieces)
        yield from used_up(sale.pieces)
    yield from day.lot.claimed()


def _from_pool(pool: AveragePool, units: int, until: date, caveat: Caveat | None) -> list[Piece]:
    pieces = pool.take(units, until)
    if caveat is None:
        return pieces
    return [(origin, part, cost, matched_by, caveat, day) for origin, part, cost, matched_by, _, day in pieces]
