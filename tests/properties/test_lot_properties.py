"""What holds of every history: conservation, indifference to the order of arrival, and a naive model that agrees."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.amount import ZERO, AssetCode, added, decimal_of_units, units_of
from ledger.domain.election import EvidenceGrade, PickOrder, StandingOrder
from ledger.domain.ids import AccountId, DisposalId, ElectionId, EventId, LotId, SourceId, WalletId, disposal_id, lot_id
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Gap, LotOrigin, Movement, OwnTransfer
from ledger.domain.time.period import YearStart
from ledger.lots.average import MovingAverage, TotalAverage
from ledger.lots.checks import lots_unlike_balances, lots_used_too_early, unconserved
from ledger.lots.matching import BY_WALLET, UNIVERSAL, Matched, Picking, match
from ledger.lots.pools import timeline_order
from ledger.ports import MatchingRule
from ledger.tax.uk_matching import ShareMatching

START = datetime(2025, 1, 1, tzinfo=UTC)
BTC = AssetCode("BTC")
WALLETS = ("a", "b", "c")
PACE = timedelta(days=4, hours=1)  # twelve steps are 49 days: more than the 30 that one rule looks ahead


class Head(TypedDict):
    event_id: EventId
    source_id: SourceId
    leg: int
    sequence: int | None
    occurred_at: datetime
    asset: AssetCode
    quantity: Decimal
    account: AccountId
    wallet: WalletId


@dataclass(frozen=True)
class Step:
    """One drawn movement before it has an id: `cost` per step is a total; `back` days moves the acquisition into the past."""

    kind: str
    minute: int
    units: int
    money: int | None
    wallet: int
    target: int
    back: int


def steps(*, fine: bool) -> st.SearchStrategy[list[Step]]:
    """Draw histories: `fine` ones in any 18-decimal figures, others in whole units at whole unit costs."""
    largest = 10**24 if fine else 6
    money = st.none() | st.integers(0, 10**24) if fine else st.integers(0, 9)
    step = st.builds(
        Step,
        kind=st.sampled_from(["get", "get", "get", "sell", "sell", "move", "give", "unknown", "open"]),
        minute=st.integers(0, 12),
        units=st.integers(1, largest),
        money=money,
        wallet=st.integers(0, 2),
        target=st.integers(1, 2),
        back=st.sampled_from([0, 0, 0, 400]),
    )
    return st.lists(step, min_size=1, max_size=25)


def history(drawn: list[Step], *, unit: int, pace: timedelta = timedelta(minutes=1)) -> list[Movement]:
    return [_movement(number, step, unit=unit, pace=pace) for number, step in enumerate(drawn)]


def _movement(number: int, step: Step, *, unit: int, pace: timedelta) -> Movement:
    at = START + step.minute * pace
    wallet = WALLETS[step.wallet]
    head = Head(
        event_id=EventId(f"{number:016x}" * 2),
        source_id=SourceId(f"t{number}"),
        leg=1,
        sequence=None,
        occurred_at=at,
        asset=BTC,
        quantity=decimal_of_units(step.units * unit),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
    )
    figure = None if step.money is None else decimal_of_units(step.money * (1 if unit == 1 else unit * step.units))
    gap = Gap.MISSING_PRICE if figure is None else None
    match step.kind:
        case "get":
            acquired_at = at - timedelta(days=step.back)
            return Acquisition(cost_basis=figure, acquired_at=acquired_at, origin=LotOrigin.PURCHASE, gap=gap, **head)
        case "unknown":
            return Acquisition(cost_basis=ZERO, acquired_at=at, origin=LotOrigin.UNKNOWN, gap=Gap.MISSING_BASIS, **head)
        case "open":
            acquired_at = at - timedelta(days=step.back)
            return Acquisition(cost_basis=ZERO, acquired_at=acquired_at, origin=LotOrigin.OPENING, gap=Gap.MISSING_BASIS, **head)
        case "sell":
            return Departure(kind=DepartureKind.SALE, proceeds=figure, gap=gap, **head)
        case "give":
            return Departure(kind=DepartureKind.GIFT, proceeds=ZERO, **head)
        case _:
            target = WALLETS[(step.wallet + step.target) % len(WALLETS)]
            return OwnTransfer(to_account=AccountId(target), to_wallet=WalletId(target), **head)


def with_policy(movements: list[Movement], *, spent: int, added_cost: int | None) -> list[Movement]:
    """Return the same history where every move spends units on the way whose cost stays, or takes up cost."""
    cost = None if added_cost is None else decimal_of_units(added_cost)
    return [replace(one, spent=decimal_of_units(spent), cost_added=cost) if isinstance(one, OwnTransfer) else one for one in movements]


RULES: dict[str, MatchingRule] = {
    **{order.value: Picking(order) for order in PickOrder},
    **{f"{order.value}, universal": Picking(order, universal_until=UNIVERSAL) for order in PickOrder},
    "hifo, until the switch": Picking(PickOrder.HIFO, universal_until=START + 6 * PACE),
    "average": MovingAverage(universal=False),
    "average, universal": MovingAverage(universal=True),
    "total-average": TotalAverage(year_start=YearStart(month=2, day=1), zone=UTC),
    "section-104": ShareMatching(UTC),
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def outcome(movements: list[Movement], rule: MatchingRule = RULES["fifo"]) -> Matched:
    return match(timeline_order(movements), rule)


def balances(movements: list[Movement]) -> dict[tuple[WalletId, AssetCode], Decimal]:
    held: defaultdict[tuple[WalletId, AssetCode], Decimal] = defaultdict(lambda: ZERO)
    for each in movements:
        sign = 1 if isinstance(each, Acquisition) else -1
        held[each.wallet, BTC] = added(held[each.wallet, BTC], each.quantity if sign > 0 else -each.quantity)
        if isinstance(each, OwnTransfer):
            held[each.to_wallet, BTC] = added(held[each.to_wallet, BTC], each.quantity)
    return held


@every_rule
@settings(deadline=None, max_examples=50)
@given(drawn=steps(fine=True))
def test_acquired_is_disposed_plus_open_to_the_last_digit(rule: MatchingRule, drawn: list[Step]) -> None:
    movements = history(drawn, unit=1, pace=PACE)
    matched = outcome(movements, rule)
    assert len({(lot.lot_id, lot.wallet, lot.part) for lot in matched.lots}) == len(matched.lots)
    assert unconserved(movements, matched.disposals, matched.lots) == []
    assert lots_used_too_early(matched.disposals) == []


PICKING = [rule for rule in RULES.values() if isinstance(rule, Picking)]


@pytest.mark.parametrize("rule", PICKING, ids=[name for name, rule in RULES.items() if isinstance(rule, Picking)])
@settings(deadline=None, max_examples=50)
@given(drawn=steps(fine=True), spent=st.integers(0, 10**24), cost=st.none() | st.integers(0, 10**24))
def test_moves_that_take_up_cost_conserve_all_units_and_all_cost(
    rule: MatchingRule, drawn: list[Step], spent: int, cost: int | None
) -> None:
    movements = with_policy(history(drawn, unit=1, pace=PACE), spent=spent, added_cost=cost)
    matched = outcome(movements, rule)
    assert len({(lot.lot_id, lot.wallet, lot.part) for lot in matched.lots}) == len(matched.lots)
    assert unconserved(movements, matched.disposals, matched.lots) == []
    assert all(not piece.cost_basis for piece in matched.disposals if piece.kind is DepartureKind.CARRIED)


@settings(deadline=None, max_examples=150)
@given(steps(fine=True))
def test_every_single_lot_and_departure_is_conserved(drawn: list[Step]) -> None:
    movements = history(drawn, unit=1)
    matched = outcome(movements)
    for each in movements:
        if isinstance(each, Acquisition) and each.origin is not LotOrigin.UNKNOWN:
            name = lot_id(each.event_id, each.leg)
            gone = [piece for piece in matched.disposals if piece.lot_id == name]
            left = [lot for lot in matched.lots if lot.lot_id == name]
            assert each.quantity == added(*(piece.quantity for piece in gone), *(lot.quantity_open for lot in left))
            costs = [*(piece.cost_basis for piece in gone), *(lot.cost_open for lot in left)]
            assert all((cost is None) == (each.cost_basis is None) for cost in costs)
            assert (each.cost_basis or ZERO) == added(*(cost or ZERO for cost in costs))
        elif isinstance(each, Departure):
            pieces = [piece for piece in matched.disposals if piece.disposal_id == disposal_id(each.event_id, each.leg)]
            assert each.quantity == added(*(piece.quantity for piece in pieces))
            assert (each.proceeds or ZERO) == added(*(piece.proceeds or ZERO for piece in pieces))
            assert [piece.piece for piece in pieces] == list(range(1, len(pieces) + 1))


@every_rule
@settings(deadline=None, max_examples=30)
@given(drawn=steps(fine=True), data=st.data())
def test_the_order_of_arrival_changes_nothing(rule: MatchingRule, drawn: list[Step], data: st.DataObject) -> None:
    movements = history(drawn, unit=1, pace=PACE)
    assert outcome(data.draw(st.permutations(movements)), rule) == outcome(movements, rule)


@every_rule
@settings(deadline=None, max_examples=40)
@given(drawn=steps(fine=True))
def test_open_lots_are_the_balance_of_the_wallet_when_nothing_is_missing(rule: MatchingRule, drawn: list[Step]) -> None:
    funded = [replace(step, minute=step.minute + 1) for step in drawn]
    plenty = [Step(kind="get", minute=0, units=10**26, money=1, wallet=wallet, target=1, back=0) for wallet in range(len(WALLETS))]
    movements = history([*plenty, *funded], unit=1, pace=PACE)
    assert lots_unlike_balances(outcome(movements, rule).lots, balances(movements)) == []


# --- a naive model: one unit at a time, each a row in a list ---------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    acquired_at: datetime
    serial: int
    arrival: int
    lot: LotId | None
    cost: Fraction


Pieces = dict[tuple[DisposalId, LotId | None], tuple[int, Fraction]]  # units and cost of a departure from one lot


SHELF_ORDERS: dict[PickOrder, Callable[[Unit], tuple[object, ...]]] = {
    PickOrder.FIFO: lambda unit: (unit.acquired_at, unit.serial, unit.arrival),
    PickOrder.LIFO: lambda unit: (-unit.acquired_at.timestamp(), -unit.serial, unit.arrival),
    PickOrder.HIFO: lambda unit: (-unit.cost, unit.acquired_at, unit.serial, unit.arrival),
    PickOrder.LOFO: lambda unit: (unit.cost, unit.acquired_at, unit.serial, unit.arrival),
}


def naive(movements: list[Movement], order_for: Callable[[Movement], PickOrder], *, universal: bool) -> tuple[Pieces, dict[object, int]]:
    wallets: defaultdict[str, list[Unit]] = defaultdict(list)
    pieces: defaultdict[tuple[DisposalId, LotId | None], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    for serial, each in enumerate(timeline_order(movements)):
        count, wallet = int(each.quantity), "" if universal else each.wallet
        if isinstance(each, Acquisition):
            assert each.cost_basis is not None
            lot = None if each.origin is LotOrigin.UNKNOWN else lot_id(each.event_id, each.leg)
            unit = Unit(each.acquired_at, serial, serial, lot, Fraction(each.cost_basis) / count)
            wallets[wallet] += [unit] * count
            continue
        if isinstance(each, OwnTransfer) and universal:
            continue
        for _ in range(count):
            shelf = sorted(wallets[wallet], key=SHELF_ORDERS[order_for(each)])
            unit = shelf.pop(0) if shelf else Unit(each.occurred_at, serial, serial, None, Fraction(0))
            wallets[wallet] = shelf
            if isinstance(each, OwnTransfer):
                wallets[each.to_wallet].append(replace(unit, arrival=serial))
            else:
                place = disposal_id(each.event_id, each.leg), unit.lot
                units, cost = pieces[place]
                pieces[place] = units + 1, cost + unit.cost
    left: defaultdict[object, int] = defaultdict(int)
    for wallet, shelf in wallets.items():
        for unit in shelf:
            left[wallet, unit.lot] += 1
    return dict(pieces), dict(left)


def counted(matched: Matched, *, universal: bool) -> tuple[Pieces, dict[object, int]]:
    pieces: defaultdict[tuple[DisposalId, LotId | None], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    for piece in matched.disposals:
        assert piece.cost_basis is not None
        units, cost = pieces[piece.disposal_id, piece.lot_id]
        pieces[piece.disposal_id, piece.lot_id] = units + int(piece.quantity), cost + Fraction(piece.cost_basis)
    left: defaultdict[object, int] = defaultdict(int)
    for lot in matched.lots_open:
        left["" if universal else lot.wallet, None if lot.origin is LotOrigin.UNKNOWN else lot.lot_id] += int(lot.quantity_open)
    return dict(pieces), dict(left)


ONE = units_of(Decimal(1))


@pytest.mark.parametrize("universal", [False, True])
@pytest.mark.parametrize("order", PickOrder)
@settings(deadline=None, max_examples=60)
@given(drawn=steps(fine=False))
def test_picking_agrees_with_a_model_that_counts_single_units(order: PickOrder, universal: bool, drawn: list[Step]) -> None:  # noqa: FBT001  # a parameter of the test
    movements = history(drawn, unit=ONE)
    matched = outcome(movements, Picking(order, universal_until=UNIVERSAL if universal else BY_WALLET))
    assert counted(matched, universal=universal) == naive(movements, lambda _: order, universal=universal)


def standing_orders() -> st.SearchStrategy[list[StandingOrder]]:
    minute = st.integers(0, 12).map(lambda number: START + timedelta(minutes=number))
    order = st.builds(
        StandingOrder,
        election_id=st.sampled_from([ElectionId("e1"), ElectionId("e2"), ElectionId("e3")]),
        recorded_at=minute,
        grade=st.just(EvidenceGrade.OWN),
        order=st.sampled_from(PickOrder),
        effective_from=minute,
        wallet=st.sampled_from([None, WalletId("a"), WalletId("b")]),
        asset=st.sampled_from([None, BTC, AssetCode("ETH")]),
    )
    return st.lists(order, max_size=3, unique_by=lambda one: one.election_id)


def in_force(orders: list[StandingOrder], movement: Movement) -> PickOrder:
    """The order for a departure, read off the list: no time line, no table."""
    fitting = [
        (int(one.wallet is not None) + int(one.asset is not None), one.recorded_at, one.effective_from, one.election_id, one.order)
        for one in orders
        if one.recorded_at <= movement.occurred_at
        and one.effective_from <= movement.occurred_at
        and one.wallet in (None, movement.wallet)
        and one.asset in (None, movement.asset)
    ]
    return max(fitting)[4] if fitting else PickOrder.FIFO


@settings(deadline=None, max_examples=100)
@given(drawn=steps(fine=False), orders=standing_orders())
def test_standing_orders_agree_with_a_model_that_reads_the_whole_list(drawn: list[Step], orders: list[StandingOrder]) -> None:
    movements = history(drawn, unit=ONE)
    matched = outcome(movements, Picking(PickOrder.FIFO, elections=orders))
    assert counted(matched, universal=False) == naive(movements, lambda each: in_force(orders, each), universal=False)


# --- naive averages: exact fractions, day by day ---------------------------------------------------------------------

DUST = Fraction(1, 10**18)  # what one floor may take from a figure


def naive_average(movements: list[Movement], *, universal: bool) -> dict[DisposalId, Fraction]:
    pools: defaultdict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    unknown: defaultdict[str, Fraction] = defaultdict(Fraction)
    costs: dict[DisposalId, Fraction] = {}
    for each in timeline_order(movements):
        wallet, target, units = each.wallet, "", Fraction(each.quantity)
        if isinstance(each, OwnTransfer):
            target = each.to_wallet
            if universal:
                continue
        wallet = WalletId("") if universal else wallet
        if isinstance(each, Acquisition):
            if each.gap:
                unknown[wallet] += units
            else:
                pools[wallet] = [pools[wallet][0] + units, pools[wallet][1] + Fraction(each.cost_basis or 0)]
            continue
        held, worth = pools[wallet]
        part = min(units, held)
        cost = worth * part / held if held else Fraction(0)
        pools[wallet] = [held - part, worth - cost]
        unknown[wallet] -= min(units - part, unknown[wallet])
        if isinstance(each, OwnTransfer):
            pools[target] = [pools[target][0] + part, pools[target][1] + cost]
            unknown[target] += units - part
        else:
            costs[disposal_id(each.event_id, each.leg)] = cost
    return costs


def costs_of(matched: Matched) -> dict[DisposalId, Fraction]:
    costs: defaultdict[DisposalId, Fraction] = defaultdict(Fraction)
    for piece in matched.disposals:
        assert piece.cost_basis is not None
        costs[piece.disposal_id] += Fraction(piece.cost_basis)
    return dict(costs)


@pytest.mark.parametrize("universal", [False, True])
@settings(deadline=None, max_examples=80)
@given(drawn=steps(fine=False))
def test_moving_averages_agree_with_fractions(universal: bool, drawn: list[Step]) -> None:  # noqa: FBT001  # a parameter of the test
    movements = history(drawn, unit=ONE)
    costs = costs_of(outcome(movements, MovingAverage(universal=universal)))
    expected = naive_average(movements, universal=universal)
    assert costs.keys() == expected.keys()
    assert all(abs(costs[each] - expected[each]) <= len(movements) * DUST for each in costs)


@dataclass
class Token:
    """One unit acquired on a day, with its share of that day's cost."""

    day: date
    cost: Fraction
    is_claimed: bool = False


def tokens_of(timeline: list[Movement]) -> tuple[list[Token], list[Token]]:
    """Tokens of each day at the day's average, and tokens acquired before the day on which they enter; none without a basis."""
    by_day: defaultdict[date, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    old: list[Token] = []
    for each in timeline:
        day = each.occurred_at.date()
        if not isinstance(each, Acquisition) or each.gap:
            continue
        if each.acquired_at.date() < day:
            old += [Token(day, Fraction(each.cost_basis or 0) / int(each.quantity)) for _ in range(int(each.quantity))]
        else:
            by_day[day] = [by_day[day][0] + int(each.quantity), by_day[day][1] + Fraction(each.cost_basis or 0)]
    fresh = [Token(day, cost / units) for day, (units, cost) in sorted(by_day.items()) for _ in range(int(units))]
    return fresh, old


class NaiveShareMatching:
    """Units and cost by day and rule: passes over all days, one token at a time."""

    def __init__(self, movements: list[Movement]) -> None:
        timeline = list(timeline_order(movements))
        self.fresh, self.old = tokens_of(timeline)
        self.beside = [each for each in timeline if isinstance(each, Acquisition) and each.gap]  # go last, in this order
        self.sold: defaultdict[date, int] = defaultdict(int)
        self.found: defaultdict[tuple[date, str], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
        for each in timeline:
            if isinstance(each, Departure):
                self.sold[each.occurred_at.date()] += int(each.quantity)
        self.look("same-day", 0, 0)
        self.look("30-day", 1, 30)
        self.average()

    def claim(self, day: date, rule: str, cost: Fraction) -> None:
        self.sold[day] -= 1
        units, costs = self.found[day, rule]
        self.found[day, rule] = units + 1, costs + cost

    def look(self, rule: str, first: int, last: int) -> None:
        for day in sorted(self.sold):
            for token in self.fresh:
                if self.sold[day] and not token.is_claimed and first <= (token.day - day).days <= last:
                    token.is_claimed = True
                    self.claim(day, rule, token.cost)

    def average(self) -> None:
        pooled = [*self.old, *(token for token in self.fresh if not token.is_claimed)]
        units, cost = 0, Fraction(0)
        for day in sorted({*self.sold, *(token.day for token in pooled)}):
            joining = [token for token in pooled if token.day == day]
            units, cost = units + len(joining), cost + sum(token.cost for token in joining)
            while self.sold.get(day) and units:
                self.claim(day, "pool", cost / units)
                units, cost = units - 1, cost - cost / units
            self.without_cost(day)

    def without_cost(self, day: date) -> None:
        """Units beside the pool: those of a known lot are of the pool, the others and what is not there at all are missing."""
        for each in [each for each in self.beside if each.occurred_at.date() <= day]:
            units = min(self.sold.get(day, 0), int(each.quantity))
            self.beside[self.beside.index(each)] = replace(each, quantity=each.quantity - units)
            for _ in range(units):
                self.claim(day, "missing" if each.origin is LotOrigin.UNKNOWN else "pool", Fraction(0))
        while self.sold.get(day):
            self.claim(day, "missing", Fraction(0))


@settings(deadline=None, max_examples=150)
@given(drawn=steps(fine=False))
def test_share_matching_agrees_with_a_model_that_claims_single_tokens(drawn: list[Step]) -> None:
    movements = history(drawn, unit=ONE, pace=PACE)
    found: defaultdict[tuple[date, str], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    for piece in outcome(movements, ShareMatching(UTC)).disposals:
        assert piece.cost_basis is not None
        place = piece.disposed_at.date(), piece.matched_by
        found[place] = found[place][0] + int(piece.quantity), found[place][1] + Fraction(piece.cost_basis)
    expected = NaiveShareMatching(movements).found
    assert {place: units for place, (units, _) in found.items()} == {place: units for place, (units, _) in expected.items()}
    assert all(abs(found[place][1] - expected[place][1]) <= len(movements) * DUST for place in found)
