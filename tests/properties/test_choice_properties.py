"""What holds of every choice of lots: a naive model of selections agrees, and the dearest lots never show the larger gain."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.amount import AssetCode, added, subtracted
from ledger.domain.election import EvidenceGrade, LotPick, PickOrder, Selection
from ledger.domain.ids import AccountId, ElectionId, EventId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, LotOrigin, Movement
from ledger.lots.matching import Picking, match
from ledger.lots.pools import timeline_order

START = datetime(2026, 1, 1, tzinfo=UTC)
BTC = AssetCode("BTC")
WALLETS = ("a", "b")


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


def head(number: int, units: int, wallet: str = "a") -> Head:
    return Head(
        event_id=EventId(f"{number:016x}" * 2),
        source_id=SourceId(f"t{number}"),
        leg=1,
        sequence=None,
        occurred_at=START + timedelta(hours=number),
        asset=BTC,
        quantity=Decimal(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
    )


def bought(number: int, units: int, cost: int, wallet: str = "a") -> Acquisition:
    told = head(number, units, wallet)
    return Acquisition(cost_basis=Decimal(cost), acquired_at=told["occurred_at"], origin=LotOrigin.PURCHASE, **told)


def sold(number: int, units: int, proceeds: int, wallet: str = "a") -> Departure:
    return Departure(kind=DepartureKind.SALE, proceeds=Decimal(proceeds), **head(number, units, wallet))


def gain(movements: Sequence[Movement], order: PickOrder) -> Decimal:
    total = Decimal(0)
    for piece in match(timeline_order(movements), Picking(order)).disposals:
        assert piece.proceeds is not None
        assert piece.cost_basis is not None
        total = added(total, subtracted(piece.proceeds, piece.cost_basis))
    return total


PURCHASES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 500)), min_size=1, max_size=8)


@settings(deadline=None)
@given(purchases=PURCHASES, units=st.integers(1, 80), proceeds=st.integers(0, 3000))
def test_of_one_sale_the_dearest_lots_show_the_smallest_gain_and_the_cheapest_the_largest(
    purchases: list[tuple[int, int]], units: int, proceeds: int
) -> None:
    held = sum(count for count, _ in purchases)
    lots = [bought(number, count, cost) for number, (count, cost) in enumerate(purchases)]
    gains = {order: gain([*lots, sold(99, min(units, held), proceeds)], order) for order in PickOrder}
    assert gains[PickOrder.HIFO] == min(gains.values())
    assert gains[PickOrder.LOFO] == max(gains.values())


# --- selections: each unit a number in a list --------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """`late`: recorded a second after the sale; `picks`: (place of a purchase among all steps, units)."""

    late: bool
    picks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Step:
    """A purchase, or a sale with or without a choice."""

    buys: bool
    units: int
    money: int
    wallet: str
    choice: Choice | None


PICKS = st.dictionaries(st.integers(0, 7), st.integers(1, 4), min_size=1, max_size=3).map(lambda picked: tuple(picked.items()))
STEPS = st.lists(
    st.builds(
        Step,
        buys=st.booleans(),
        units=st.integers(1, 6),
        money=st.integers(0, 9),
        wallet=st.sampled_from(WALLETS),
        choice=st.none() | st.builds(Choice, late=st.booleans(), picks=PICKS),
    ),
    min_size=2,
    max_size=12,
)

Taken = dict[tuple[int, int | None], tuple[int, Fraction]]  # (sale, purchase; None: from nothing) -> units and cost


def naive(steps: Sequence[Step]) -> Taken:
    wallets: dict[str, list[int]] = {wallet: [] for wallet in WALLETS}  # one entry a unit: the purchase that brought it
    taken: Taken = defaultdict(lambda: (0, Fraction(0)))
    for number, step in enumerate(steps):
        shelf = wallets[step.wallet]
        if step.buys:
            shelf += [number] * step.units
            continue
        wanted: list[int] = []
        if step.choice is not None and not step.choice.late and all(shelf.count(lot) >= units for lot, units in step.choice.picks):
            wanted = [lot for lot, units in step.choice.picks for _ in range(units)][: step.units]
        for _ in range(step.units):
            lot = wanted.pop(0) if wanted else (min(shelf) if shelf else None)
            if lot is not None:
                shelf.remove(lot)
            units, cost = taken[number, lot]
            taken[number, lot] = units + 1, cost + (Fraction(0) if lot is None else Fraction(steps[lot].money))
    return dict(taken)


def matched(steps: Sequence[Step]) -> Taken:
    movements: list[Movement] = []
    choices: list[Selection] = []
    for number, step in enumerate(steps):
        made = bought if step.buys else sold
        movements.append(made(number, step.units, step.money * step.units, step.wallet))
        if step.choice is None or step.buys:
            continue
        choices.append(
            Selection(
                election_id=ElectionId(f"e{number}"),
                recorded_at=START + timedelta(hours=number, seconds=1 if step.choice.late else 0),
                grade=EvidenceGrade.OWN,
                picks=tuple(LotPick(lot=f"t{lot}", quantity=Decimal(units)) for lot, units in step.choice.picks),
                sale=SourceId(f"t{number}"),
            )
        )
    taken: Taken = defaultdict(lambda: (0, Fraction(0)))
    for piece in match(timeline_order(movements), Picking(PickOrder.FIFO, elections=choices)).disposals:
        assert piece.cost_basis is not None
        place = int(piece.source_id[1:]), None if piece.lot_source_id is None else int(piece.lot_source_id[1:])
        units, cost = taken[place]
        taken[place] = units + int(piece.quantity), cost + Fraction(piece.cost_basis)
    return dict(taken)


@settings(deadline=None, max_examples=200)
@given(steps=STEPS)
def test_selections_agree_with_a_model_that_counts_single_units(steps: list[Step]) -> None:
    assert matched(steps) == naive(steps)
