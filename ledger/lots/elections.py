"""Which order or selection decides for a departure: elections that were recorded in time, else the book's own order.

A standing order is in force for a departure iff it was recorded and effective by then and its wallet, asset and bot fit. Of several
the one that names more of these three decides; of those the one recorded last, then effective last, then the greater id.
A selection names the sale or its order; of several recorded by the instant of the sale the one recorded last counts, and one
that names the sale before one that names its order. It is void for a sale when its lots are not open in that wallet with
enough units, or when it was recorded later; then the standing order in force decides, and the piece says why.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from operator import attrgetter

from ledger.domain.amount import AssetCode, units_of
from ledger.domain.election import Election, EvidenceGrade, PickOrder, Selection, StandingOrder
from ledger.domain.ids import BotId, WalletId
from ledger.domain.lot import Caveat, Departure, DepartureKind, OwnTransfer
from ledger.lots.shelves import NamedUnits

_FEES = (DepartureKind.FEE, DepartureKind.WITHHELD)

Outgoing = Departure | OwnTransfer

_recorded_at = attrgetter("selection.recorded_at")
_recorded = attrgetter("selection.recorded_at", "selection.election_id")


class SelectionUse:
    """A selection while its units are being used: of an order, over all its fills."""

    __slots__ = ("_first", "_left", "matched_by", "names", "selection")

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.matched_by = f"selection:{selection.election_id}"
        self.names = [pick.lot for pick in selection.picks]
        self._left = [units_of(pick.quantity) for pick in selection.picks]
        self._first = 0  # the picks before it are used

    def wanted(self, units: int) -> list[NamedUnits]:
        """Return which units it names for a sale of so many, fewer where it names fewer."""
        wanted: list[NamedUnits] = []
        place = self._first
        while units and place < len(self._left):
            part = min(units, self._left[place])
            wanted.append((self.names[place], part))
            units -= part
            place += 1
        return wanted

    def use(self, wanted: Sequence[NamedUnits]) -> None:
        """Take note that these units, the first it names, are used."""
        for _, units in wanted:
            self._left[self._first] -= units
            if not self._left[self._first]:
                self._first += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The order in which lots go, and whose it is: the book's own, that of a standing order, or the broker's only one."""

    order: PickOrder
    matched_by: str
    caveat: Caveat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """Wallets that a broker holds, with the one order it offers (None: it takes any): from `since` on a choice must be made with it.

    Where there is but one order, that order decides against all elections; elsewhere those that only our own books know of decide, and
    the piece says so. Imported elections name their evidence, and are taken to have been given to the broker.
    """

    methods: Mapping[WalletId, PickOrder | None]
    since: datetime

    def hold(self, wallet: WalletId, instant: datetime) -> bool:
        """Tell whether a choice for a wallet had to be made with a broker at an instant."""
        return instant >= self.since and wallet in self.methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Unallocated:
    """Stretches of time in which lots cannot be selected, and only standing orders count: of an asset from `since` until an instant.

    Source: Rev. Proc. 2024-28, sec. 5.02(5): before a global allocation is complete nobody can say which lots a wallet has.
    """

    since: datetime
    until: Mapping[AssetCode, datetime]

    def covers(self, movement: Outgoing) -> bool:
        """Tell whether a departure falls into the stretch of its asset."""
        return movement.asset in self.until and self.since <= movement.occurred_at < self.until[movement.asset]


class Picker:
    """Decides for the departures of one timeline, which come in order of time; keeps count of the units that selections name."""

    def __init__(
        self,
        order: PickOrder,
        elections: Iterable[Election] = (),
        brokers: Brokers | None = None,
        unallocated: Unallocated | None = None,
    ) -> None:
        self._default = Choice(order=order, matched_by=order.value)
        self._brokers = brokers if brokers is not None and brokers.methods else None
        self._unallocated = unallocated
        orders: list[StandingOrder] = []
        self._by_sale: defaultdict[str | None, list[SelectionUse]] = defaultdict(list)
        self._by_order: defaultdict[str | None, list[SelectionUse]] = defaultdict(list)
        for election in sorted(elections, key=attrgetter("recorded_at", "election_id")):
            if isinstance(election, StandingOrder):
                orders.append(election)
            elif election.sale is None:
                self._by_order[election.order_id].append(SelectionUse(election))
            else:
                self._by_sale[election.sale].append(SelectionUse(election))
        self._orders = tuple(orders)
        self._own = frozenset(f"order:{order.election_id}" for order in orders if order.grade is EvidenceGrade.OWN)
        self._in_force: dict[tuple[WalletId, AssetCode, BotId | None], _Reign] = {}
        uses = chain.from_iterable((*self._by_sale.values(), *self._by_order.values()))
        self.names = frozenset(chain.from_iterable(use.names for use in uses))

    def choice(self, movement: Outgoing) -> Choice:
        """Return the order in force for lots that no selection names."""
        if not self._orders and self._brokers is None:
            return self._default
        return self.in_force(movement.wallet, movement.asset, movement.bot, movement.occurred_at)

    def in_force(self, wallet: WalletId, asset: AssetCode, bot: BotId | None, instant: datetime) -> Choice:
        """Return the order in force for units that a bot sells out of a wallet at an instant."""
        scope = wallet, asset, bot
        if scope not in self._in_force:
            self._in_force[scope] = _Reign(self._default, [order for order in self._orders if _fits(order, *scope)])
        choice = self._in_force[scope].at(instant)
        if self._brokers is None or not self._brokers.hold(wallet, instant):
            return choice
        method = self._brokers.methods[wallet]
        if method is not None:
            return Choice(order=method, matched_by=f"broker:{method}")
        return replace(choice, caveat=Caveat.ELECTION_NOT_WITH_BROKER) if choice.matched_by in self._own else choice

    def caveat_of(self, selection: Selection, movement: Outgoing) -> Caveat | None:
        """Return what is wrong with a selection that came in time: a broker holds the units, and was not told."""
        if self._brokers is None or not self._brokers.hold(movement.wallet, movement.occurred_at):
            return None
        told = selection.grade is EvidenceGrade.IMPORTED and self._brokers.methods[movement.wallet] is None
        return None if told else Caveat.ELECTION_NOT_WITH_BROKER

    def is_deemed(self, movement: Outgoing) -> bool:
        """Tell whether a broker's only order decides, whatever was selected."""
        brokers = self._brokers
        return brokers is not None and brokers.hold(movement.wallet, movement.occurred_at) and brokers.methods[movement.wallet] is not None

    def selection(self, movement: Outgoing) -> SelectionUse | Caveat | None:
        """Return the selection that counts; a caveat where all that mean this departure came too late; None where none does."""
        by_sale = self._by_sale.get(movement.source_id, ())
        by_order, by_own_name = self._by_order.get(movement.order_id, ()), self._by_order.get(movement.client_order_id, ())
        if not by_sale and not by_order and not by_own_name:
            return None
        if by_order and by_own_name and by_order is not by_own_name:  # two names of one order
            by_order = sorted((*by_order, *by_own_name), key=_recorded)
        by_order = by_order or by_own_name
        counts = _last_in_time(by_sale, movement) or _last_in_time(by_order, movement)
        if counts is None:
            late = any(_means(use.selection, movement) for use in (*by_sale, *by_order))
            return Caveat.ELECTION_LATE if late else None
        if self._unallocated is not None and self._unallocated.covers(movement):
            return Caveat.ELECTION_BEFORE_ALLOCATION
        return counts


class _Reign:
    """The standing orders that fit one wallet, asset and bot, as who decides from when on."""

    def __init__(self, default: Choice, orders: Sequence[StandingOrder]) -> None:
        starts = sorted({_start(order) for order in orders})
        self._starts = starts
        self._choices = [default]
        for start in starts:
            strongest = max((order for order in orders if _start(order) <= start), key=_strength)
            self._choices.append(Choice(order=strongest.order, matched_by=f"order:{strongest.election_id}"))

    def at(self, instant: datetime) -> Choice:
        return self._choices[bisect_right(self._starts, instant)]


def _last_in_time(uses: Sequence[SelectionUse], movement: Outgoing) -> SelectionUse | None:
    """Return the one recorded last by the instant of a departure that it means; `uses` come in the order of recording."""
    for place in range(bisect_right(uses, movement.occurred_at, key=_recorded_at) - 1, -1, -1):
        if _means(uses[place].selection, movement):
            return uses[place]
    return None


def _start(order: StandingOrder) -> datetime:
    return max(order.recorded_at, order.effective_from)


def _strength(order: StandingOrder) -> tuple[int, datetime, datetime, str]:
    named = sum(part is not None for part in (order.wallet, order.asset, order.bot))
    return named, order.recorded_at, order.effective_from, order.election_id


def _fits(order: StandingOrder, wallet: WalletId, asset: AssetCode, bot: BotId | None) -> bool:
    return order.wallet in (None, wallet) and order.asset in (None, asset) and order.bot in (None, bot)


def _means(selection: Selection, movement: Outgoing) -> bool:
    """Tell whether a selection means this leg: one of a fee only where it names the asset, units withheld never."""
    if isinstance(movement, Departure) and movement.kind in _FEES and (selection.asset is None or movement.kind is DepartureKind.WITHHELD):
        return False
    return selection.wallet in (None, movement.wallet) and selection.asset in (None, movement.asset)
