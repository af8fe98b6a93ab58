"""What holds of every history: conservation, indifference to the order of arrival, and a naive model that agrees."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.amount import ZERO, AssetCode, added, decimal_of_units, units_of
from ledger.domain.ids import AccountId, DisposalId, EventId, LotId, SourceId, WalletId, disposal_id, lot_id
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Gap, LotOrigin, Movement, OwnTransfer
from ledger.lots.checks import lots_unlike_balances, lots_used_too_early, unconserved
from ledger.lots.matching import Matched, match
from ledger.lots.pools import timeline_order
from ledger.lots.rules import Fifo

START = datetime(2025, 1, 1, tzinfo=UTC)
BTC = AssetCode("BTC")
WALLETS = ("a", "b", "c")


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


def history(drawn: list[Step], *, unit: int) -> list[Movement]:
    return [_movement(number, step, unit=unit) for number, step in enumerate(drawn)]


def _movement(number: int, step: Step, *, unit: int) -> Movement:
    at = START + timedelta(minutes=step.minute)
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


def outcome(movements: list[Movement]) -> Matched:
    return match(timeline_order(movements), Fifo())


def balances(movements: list[Movement]) -> dict[tuple[WalletId, AssetCode], Decimal]:
    held: defaultdict[tuple[WalletId, AssetCode], Decimal] = defaultdict(lambda: ZERO)
    for each in movements:
        sign = 1 if isinstance(each, Acquisition) else -1
        held[each.wallet, BTC] = added(held[each.wallet, BTC], each.quantity if sign > 0 else -each.quantity)
        if isinstance(each, OwnTransfer):
            held[each.to_wallet, BTC] = added(held[each.to_wallet, BTC], each.quantity)
    return held


@settings(deadline=None, max_examples=150)
@given(steps(fine=True))
def test_acquired_is_disposed_plus_open_to_the_last_digit(drawn: list[Step]) -> None:
    movements = history(drawn, unit=1)
    matched = outcome(movements)
    assert unconserved(movements, matched.disposals, matched.lots) == []
    assert lots_used_too_early(matched.disposals) == []


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


@settings(deadline=None, max_examples=100)
@given(steps(fine=True), st.data())
def test_the_order_of_arrival_changes_nothing(drawn: list[Step], data: st.DataObject) -> None:
    movements = history(drawn, unit=1)
    assert outcome(data.draw(st.permutations(movements))) == outcome(movements)


@settings(deadline=None, max_examples=100)
@given(steps(fine=True))
def test_open_lots_are_the_balance_of_the_wallet_when_nothing_is_missing(drawn: list[Step]) -> None:
    funded = [replace(step, minute=step.minute + 1) for step in drawn]
    plenty = [Step(kind="get", minute=0, units=10**26, money=1, wallet=wallet, target=1, back=0) for wallet in range(len(WALLETS))]
    movements = history([*plenty, *funded], unit=1)
    assert lots_unlike_balances(outcome(movements).lots, balances(movements)) == []


# --- a naive model: one unit at a time, each a row in a list ---------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    acquired_at: datetime
    serial: int
    arrival: int
    lot: LotId | None
    cost: Fraction


Pieces = dict[tuple[DisposalId, LotId | None], tuple[int, Fraction]]  # units and cost of a departure from one lot


def naive(movements: list[Movement]) -> tuple[Pieces, dict[tuple[str, LotId | None], int]]:
    wallets: dict[str, list[Unit]] = {wallet: [] for wallet in WALLETS}
    pieces: defaultdict[tuple[DisposalId, LotId | None], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    for serial, each in enumerate(timeline_order(movements)):
        count = int(each.quantity)
        if isinstance(each, Acquisition):
            assert each.cost_basis is not None
            lot = None if each.origin is LotOrigin.UNKNOWN else lot_id(each.event_id, each.leg)
            unit = Unit(each.acquired_at, serial, serial, lot, Fraction(each.cost_basis) / count)
            wallets[each.wallet] += [unit] * count
            continue
        for _ in range(count):
            shelf = sorted(wallets[each.wallet], key=lambda unit: (unit.acquired_at, unit.serial, unit.arrival))
            unit = shelf.pop(0) if shelf else Unit(each.occurred_at, serial, serial, None, Fraction(0))
            wallets[each.wallet] = shelf
            if isinstance(each, OwnTransfer):
                wallets[each.to_wallet].append(replace(unit, arrival=serial))
            else:
                place = disposal_id(each.event_id, each.leg), unit.lot
                units, cost = pieces[place]
                pieces[place] = units + 1, cost + unit.cost
    left: defaultdict[tuple[str, LotId | None], int] = defaultdict(int)
    for wallet, shelf in wallets.items():
        for unit in shelf:
            left[wallet, unit.lot] += 1
    return dict(pieces), dict(left)


@settings(deadline=None, max_examples=150)
@given(steps(fine=False))
def test_fifo_agrees_with_a_model_that_counts_single_units(drawn: list[Step]) -> None:
    movements = history(drawn, unit=units_of(Decimal(1)))
    matched = outcome(movements)
    pieces: defaultdict[tuple[DisposalId, LotId | None], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    for piece in matched.disposals:
        assert piece.cost_basis is not None
        units, cost = pieces[piece.disposal_id, piece.lot_id]
        pieces[piece.disposal_id, piece.lot_id] = units + int(piece.quantity), cost + Fraction(piece.cost_basis)
    left: defaultdict[tuple[str, LotId | None], int] = defaultdict(int)
    for lot in matched.lots_open:
        left[lot.wallet, None if lot.origin is LotOrigin.UNKNOWN else lot.lot_id] += int(lot.quantity_open)
    assert (dict(pieces), dict(left)) == naive(movements)
