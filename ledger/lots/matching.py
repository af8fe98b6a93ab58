"""The sweep: one pass in time over the movements of one asset, which matches what leaves with what came in.

Every pool keeps its open lots on a shelf; a picker says for each departure which order or which named lots go. A transfer carries
pieces of lots from one wallet to another, dates and cost included. A result is given out as soon as it is final, a disposal
piece when it is matched and a lot when it is used up, so that memory follows the open lots and not the length of the history.

Pools are wallets, from the instant on that `universal_until` names; until then all wallets are one pool.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import assert_never

from ledger.domain.amount import AssetCode, units_of
from ledger.domain.election import Election, PickOrder
from ledger.domain.ids import AccountId, BotId, EventId, WalletId
from ledger.domain.lot import Acquisition, Caveat, Departure, DepartureKind, Disposal, Lot, Movement, Outcome, OwnTransfer
from ledger.lots.allocation import Placement, where_units_stand
from ledger.lots.carrying import carried_off, costs_added
from ledger.lots.elections import Brokers, Choice, Outgoing, Picker, SelectionUse, Unallocated
from ledger.lots.open_lots import Arrivals, OpenLot, acquired_lot, lot_of_nowhere
from ledger.lots.pieces import Piece, disposals_of, used_up
from ledger.lots.shelves import Shelf
from ledger.lots.standing import Standing
from ledger.ports import MatchingRule

BY_WALLET = datetime.min.replace(tzinfo=UTC)  # `universal_until` of a law that knows wallets only
UNIVERSAL = datetime.max.replace(tzinfo=UTC)  # and of one that pools all wallets for ever

_ALL_WALLETS = WalletId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What a timeline comes to: disposal pieces in the order of matching; lots as they ended, used up or open, all of them."""

    disposals: tuple[Disposal, ...]
    lots: tuple[Lot, ...]

    @property
    def lots_open(self) -> tuple[Lot, ...]:
        """The lots of which something is left, by wallet and in the rule's order."""
        return tuple(lot for lot in self.lots if lot.quantity_open)


def match(timeline: Iterable[Movement], rule: MatchingRule) -> Matched:
    """Match a whole timeline and hold the result in memory."""
    disposals: list[Disposal] = []
    lots: list[Lot] = []
    for outcome in rule.match(timeline):
        if isinstance(outcome, Disposal):
            disposals.append(outcome)
        else:
            lots.append(outcome)
    return Matched(disposals=tuple(disposals), lots=tuple(lots))


class Picking:
    """The rule that picks lots: in `order`, unless an election recorded in time says otherwise.

    `universal_until`: the first instant at which lots are pooled by wallet; `placement` says into which wallets the lots go that
    are left then. DECISIONS: universal-switch. `brokers`: wallets where from an instant on a choice must be made with the broker.
    `unallocated`: when no lots could be selected.
    """

    def __init__(
        self,
        order: PickOrder,
        *,
        universal_until: datetime = BY_WALLET,
        elections: Sequence[Election] = (),
        placement: Placement = where_units_stand,
        brokers: Brokers | None = None,
        unallocated: Unallocated | None = None,
    ) -> None:
        self.name = order.value
        self._order = order
        self._universal_until = universal_until
        self._elections = tuple(elections)
        self._placement = placement
        self.brokers = brokers
        self._unallocated = unallocated

    def with_brokers(self, brokers: Brokers) -> "Picking":
        """Return the same rule where brokers must be told of choices."""
        return Picking(
            self._order,
            universal_until=self._universal_until,
            elections=self._elections,
            placement=self._placement,
            brokers=brokers,
            unallocated=self._unallocated,
        )

    def choice_now(self, *, wallet: WalletId, asset: AssetCode, bot: BotId | None, instant: datetime) -> Choice:
        """Return the order in force for a sale that no selection is for."""
        return Picker(self._order, self._elections, self.brokers).in_force(wallet, asset, bot, instant)

    def pools_by_wallet(self, instant: datetime) -> bool:
        """Tell whether a sale at an instant takes lots of its own wallet only; else all wallets are one pool."""
        return instant >= self._universal_until

    def match(self, timeline: Iterable[Movement]) -> Iterator[Outcome]:
        """Yield disposal pieces as they are matched, lots as they are used up, and at last the open lots by wallet and order.

        `timeline` holds the movements of one asset over all wallets in the order of `ledger.lots.pools.timeline_order`.
        Each lot is given out once for every wallet and part that it had.
        """
        pools = _Pools(self._order, Picker(self._order, self._elections, self.brokers, self._unallocated))
        before, until = BY_WALLET, self._universal_until
        if until > BY_WALLET:
            pools.unite()
        for movement in timeline:
            assert movement.occurred_at >= before, movement
            before = movement.occurred_at
            if pools.standing is not None and before >= until:
                yield from pools.part(self._placement)
            match movement:
                case Departure():
                    yield from pools.depart(movement)
                case Acquisition():
                    pools.acquire(movement)
                case OwnTransfer():
                    yield from pools.carry(movement)
                case _:
                    assert_never(movement)
        if pools.standing is not None:
            yield from pools.part(self._placement)
        yield from pools.open_lots()


class _Pools:
    """The open lots of all pools while a sweep is under way; `standing` is kept while all wallets are one pool."""

    def __init__(self, order: PickOrder, picker: Picker) -> None:
        self.standing: Standing | None = None
        self._order = order
        self._picker = picker
        self._shelves: dict[WalletId, Shelf] = {}
        self._serials = count()
        self._newest: OpenLot | None = None  # not on its shelf yet: units withheld from it may leave at a cost of their own
        self._arrivals = Arrivals()

    def unite(self) -> None:
        """Begin with one pool of all wallets."""
        self.standing = Standing()

    def part(self, placement: Placement) -> Iterator[Lot]:
        """End the pool of all wallets: give every lot that is left its places; yield those that moved out of theirs entirely."""
        self._shelve_newest()
        standing, self.standing = self.standing, None
        assert standing is not None
        united = self._shelves.pop(_ALL_WALLETS, None)
        for opened, places in placement(united.lots() if united else (), standing):
            assert sum(place.units for place in places) == opened.left, opened.lot_id
            for place in places:
                if (place.wallet, place.account) != (opened.wallet, opened.account):
                    self._arrive(opened, place.units, opened.take(place.units), wallet=place.wallet, account=place.account)
            if opened.left:
                self._shelf(opened.wallet).put(opened)
            else:
                yield opened.as_lot()

    def acquire(self, movement: Acquisition) -> None:
        """Open a lot."""
        self._shelve_newest()
        self._newest = acquired_lot(movement, next(self._serials))
        if self.standing is not None:
            self.standing.arrive(self._newest)

    def depart(self, movement: Departure) -> list[Outcome]:
        """Match units that leave."""
        units = units_of(movement.quantity)
        pieces = self._withheld(movement, units) if movement.kind is DepartureKind.WITHHELD else []
        self._shelve_newest()
        rest = units - pieces[0][1] if pieces else units
        if rest:
            pieces += self._picked(movement, rest)
        if self.standing is not None:
            self.standing.leave(movement.wallet, _units_of_lots(pieces))
        return [*disposals_of(movement, pieces), *used_up(pieces)]

    def carry(self, movement: OwnTransfer) -> list[Outcome]:
        """Move lots to another wallet; where cost is added, units change it even in their own."""
        self._shelve_newest()
        units = units_of(movement.quantity)
        if self.standing is not None:
            there = movement.to_wallet, movement.to_account
            self.standing.move(movement.wallet, units, to_wallet=there[0], to_account=there[1], moved_at=movement.occurred_at)
        stays = self.standing is not None or movement.wallet == movement.to_wallet  # the law pools both accounts
        if stays and not movement.spent and movement.cost_added == 0:
            return []
        moved = self._picked(movement, units)
        spent = self._picked(movement, units_of(movement.spent)) if movement.spent else []
        if self.standing is not None:
            self.standing.turn_up(movement.wallet, movement.account, units - _units_of_lots(moved), movement.occurred_at)
            self.standing.leave(movement.wallet, _units_of_lots(spent))
        for (origin, part, cost, *_), more in zip(moved, costs_added(movement, moved, spent), strict=True):
            if origin is None:
                self._put(lot_of_nowhere(movement, part, next(self._serials), more))
                continue
            assert isinstance(origin, OpenLot), origin
            carried_by = None if stays else movement.event_id
            place = (origin.wallet, origin.account) if stays else (movement.to_wallet, movement.to_account)
            self._arrive(origin, part, cost, wallet=place[0], account=place[1], more=more, carried_by=carried_by)
        return [*carried_off(movement, spent), *used_up([*moved, *spent])]

    def open_lots(self) -> Iterator[Lot]:
        """Yield what is left."""
        self._shelve_newest()
        for wallet in sorted(self._shelves):
            for opened in self._shelves[wallet].lots():
                yield opened.as_lot()

    def _withheld(self, movement: Departure, units: int) -> list[Piece]:
        """Return units withheld from what the event itself has just acquired, as a piece of that very lot.

        Its cost is its proceeds, so that the gain is 0 exactly; where nothing of the lot is left, it carries off all its cost.
        """
        own = self._newest
        if own is None or (own.source.event_id, own.wallet) != (movement.event_id, movement.wallet):
            return []
        taken = min(units, own.left)
        cost: int | None
        if movement.proceeds is None or own.cost is None or taken == own.left:
            cost = own.take(taken)
        else:
            cost = own.take_at_cost(taken, units_of(movement.proceeds) * taken // units)
        return [(own, taken, cost, "withheld", None, None)]

    def _picked(self, movement: Outgoing, units: int) -> list[Piece]:
        """Take units as the elections say, else in the book's order; units that are not there come last, from no lot."""
        shelf = self._shelf(movement.wallet)
        choice = self._picker.choice(movement)
        found = self._picker.selection(movement) if self._picker.names else None
        if not isinstance(found, SelectionUse):
            return shelf.take(choice.order, units, choice.matched_by, found or choice.caveat)
        caveat = self._picker.caveat_of(found.selection, movement)
        if self._picker.is_deemed(movement):
            return shelf.take(choice.order, units, choice.matched_by, caveat)
        wanted = found.wanted(units)
        pieces = shelf.take_named(wanted, found.matched_by, caveat)
        if pieces is None:
            return shelf.take(choice.order, units, choice.matched_by, Caveat.ELECTION_NOT_OPEN)
        found.use(wanted)
        rest = units - sum(part for _, part in wanted)
        return [*pieces, *shelf.take(choice.order, rest, choice.matched_by, Caveat.ELECTION_SHORT)] if rest else pieces

    def _arrive(
        self,
        origin: OpenLot,
        units: int,
        cost: int | None,
        *,
        wallet: WalletId,
        account: AccountId,
        more: int | None = 0,
        carried_by: EventId | None = None,
    ) -> None:
        part = self._arrivals.part(origin, wallet)
        arrived = origin.arrived(units, cost=cost, wallet=wallet, account=account, part=part, carried_by=carried_by)
        if more != 0:
            arrived.take_up(more)
        self._put(arrived)

    def _shelve_newest(self) -> None:
        opened, self._newest = self._newest, None
        if opened is not None and opened.left:
            self._put(opened)

    def _put(self, opened: OpenLot) -> None:
        self._shelf(opened.wallet).put(opened)

    def _shelf(self, wallet: WalletId) -> Shelf:
        pool = wallet if self.standing is None else _ALL_WALLETS
        shelf = self._shelves.get(pool)
        if shelf is None:
            shelf = self._shelves[pool] = Shelf(self._order, names=self._picker.names)
        return shelf


def _units_of_lots(pieces: Iterable[Piece]) -> int:
    return sum(units for origin, units, *_ in pieces if origin is not None)
