"""One rule of splitting: the shares that the sweep gives out are those of `allocate`, to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.amount import AssetCode, added, allocate, decimal_of_units
from ledger.domain.election import PickOrder
from ledger.domain.ids import AccountId, EventId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, LotOrigin
from ledger.lots.matching import Picking, match

START = datetime(2025, 1, 1, tzinfo=UTC)
ZERO = Decimal(0)

money = st.integers(-(10**24), 10**24).map(decimal_of_units)
costs = st.integers(0, 10**24).map(decimal_of_units)
quantities = st.lists(st.integers(1, 10**24).map(decimal_of_units), min_size=1, max_size=6)


class Head(TypedDict):
    event_id: EventId
    source_id: SourceId
    leg: int
    sequence: None
    occurred_at: datetime
    asset: AssetCode
    quantity: Decimal
    account: AccountId
    wallet: WalletId


def head(number: int, quantity: Decimal) -> Head:
    return Head(
        event_id=EventId(f"{number:032x}"),
        source_id=SourceId(f"t{number}"),
        leg=1,
        sequence=None,
        occurred_at=START + timedelta(minutes=number),
        asset=AssetCode("BTC"),
        quantity=quantity,
        account=AccountId("w"),
        wallet=WalletId("w"),
    )


def acquired(number: int, quantity: Decimal, cost: Decimal) -> Acquisition:
    fields = head(number, quantity)
    return Acquisition(cost_basis=cost, acquired_at=fields["occurred_at"], origin=LotOrigin.PURCHASE, **fields)


def sold(number: int, quantity: Decimal, proceeds: Decimal) -> Departure:
    return Departure(kind=DepartureKind.SALE, proceeds=proceeds, **head(number, quantity))


@settings(deadline=None)
@given(costs, quantities, st.integers(0, 10**24).map(decimal_of_units))
def test_pieces_of_a_lot_and_what_is_left_share_its_cost_as_allocated(cost: Decimal, pieces: list[Decimal], left: Decimal) -> None:
    lot = acquired(0, added(*pieces, left), cost)
    matched = match([lot, *(sold(number, piece, ZERO) for number, piece in enumerate(pieces, start=1))], Picking(PickOrder.FIFO))
    (after,) = matched.lots
    assert (*(piece.cost_basis for piece in matched.disposals), after.cost_open) == allocate(cost, [*pieces, left])


@settings(deadline=None)
@given(money, quantities, st.integers(0, 10**24).map(decimal_of_units))
def test_pieces_of_a_departure_share_its_proceeds_as_allocated(proceeds: Decimal, lots: list[Decimal], missing: Decimal) -> None:
    acquisitions = [acquired(number, units, ZERO) for number, units in enumerate(lots)]
    sale = sold(len(lots), added(*lots, missing), proceeds)
    weights = [*lots, missing] if missing else lots
    assert tuple(piece.proceeds for piece in match([*acquisitions, sale], Picking(PickOrder.FIFO)).disposals) == allocate(proceeds, weights)
