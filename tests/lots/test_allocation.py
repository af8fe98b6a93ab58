"""An allocation of the taxpayer's own: it must tie with lots and wallets, and then it says where every lot goes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.amount import AssetCode
from ledger.domain.election import PickOrder
from ledger.domain.ids import AccountId, AllocationId, EventId, SourceId, WalletId
from ledger.domain.law.allocation import Allocation, AllocationKind, Allotment
from ledger.domain.lot import Acquisition, Departure, DepartureKind, LotOrigin, Movement, OwnTransfer
from ledger.lots.allocation import AllocationUntied, placement_of
from ledger.lots.matching import Matched, Picking, match
from ledger.lots.pools import timeline_order

START = datetime(2024, 12, 1, tzinfo=UTC)
BTC = AssetCode("BTC")
D = Decimal


def got(name: str, on: int, units: str, cost: str, *, wallet: str, account: str = "") -> Acquisition:
    return Acquisition(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=START + timedelta(days=on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(account or wallet),
        wallet=WalletId(wallet),
        cost_basis=D(cost),
        acquired_at=START + timedelta(days=on),
        origin=LotOrigin.PURCHASE,
    )


def sold(name: str, on: int, units: str, *, wallet: str) -> Departure:
    return Departure(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=START + timedelta(days=on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        kind=DepartureKind.SALE,
        proceeds=D(10),
    )


def moved(name: str, on: int, units: str, sender: str, receiver: str) -> OwnTransfer:
    return OwnTransfer(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=START + timedelta(days=on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(sender),
        wallet=WalletId(sender),
        to_account=AccountId(receiver),
        to_wallet=WalletId(receiver),
    )


def allocation(*rows: str) -> Allocation:
    """Each row: wallet, lot, units, and the cost where the document says it."""
    allotments = []
    for wallet, lot, units, *cost in map(str.split, rows):
        basis = D(cost[0]) if cost else None
        allotments.append(Allotment(wallet=WalletId(wallet), lot=lot, quantity=D(units), cost_basis=basis))
    return Allocation(
        allocation_id=AllocationId("A"),
        asset=BTC,
        kind=AllocationKind.SPECIFIC,
        recorded_at=START,
        evidence="signed",
        allotments=tuple(allotments),
    )


def matched(document: Allocation, *movements: Movement) -> Matched:
    rule = Picking(PickOrder.FIFO, universal_until=START + timedelta(days=10), placement=placement_of([document]))
    return match(timeline_order(movements), rule)


def places(result: Matched) -> list[tuple[str, str, str, Decimal, Decimal | None]]:
    return sorted((lot.wallet, lot.account, lot.source_id, lot.quantity_open, lot.cost_open) for lot in result.lots_open)


BOUGHT = (got("A", 1, "2", "10", wallet="a"), got("B", 2, "2", "40", wallet="b"))


def test_lots_go_where_the_document_puts_them_whatever_wallet_bought_them() -> None:
    assert places(matched(allocation("a B 2 40.00", "b A 2 10"), *BOUGHT)) == [("a", "a", "B", D(2), D(40)), ("b", "b", "A", D(2), D(10))]


def test_a_lot_may_be_divided_between_wallets_and_its_cost_adds_up() -> None:
    result = matched(allocation("a A 1", "a B 1", "b A 1", "b B 1"), *BOUGHT)
    assert places(result) == [
        ("a", "a", "A", D(1), D(5)),
        ("a", "a", "B", D(1), D(20)),
        ("b", "b", "A", D(1), D(5)),
        ("b", "b", "B", D(1), D(20)),
    ]


def test_sales_after_the_switch_take_the_lots_that_were_allocated_to_their_wallet() -> None:
    result = matched(allocation("a B 2", "b A 2"), *BOUGHT, sold("S", 11, "1", wallet="a"))
    assert [(piece.lot_source_id, piece.cost_basis) for piece in result.disposals] == [("B", D(20))]


def test_units_of_a_wallet_with_two_accounts_fill_the_accounts_by_name() -> None:
    result = matched(
        allocation("w A 2", "w B 1"), got("A", 1, "2", "10", wallet="w", account="x"), got("B", 2, "1", "9", wallet="w", account="y")
    )
    assert places(result) == [("w", "x", "A", D(2), D(10)), ("w", "y", "B", D(1), D(9))]


def test_units_that_moved_before_the_switch_are_where_they_went() -> None:
    result = matched(allocation("a A 1", "c A 1", "b B 2"), *BOUGHT, moved("T", 3, "1", "a", "c"))
    assert places(result) == [("a", "a", "A", D(1), D(5)), ("b", "b", "B", D(2), D(40)), ("c", "c", "A", D(1), D(5))]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (("a A 2",), "wallet b holds 2, the document gives it 0"),
        (("a A 2", "b B 2", "c B 1"), "wallet c holds 0, the document gives it 1"),
        (("a A 1", "a B 1", "b B 2"), "lot A has 2 left, the document gives 1 of it"),
        (("a A 2", "b X 2"), "'X' is no lot that is open"),
        (("a A 2 11", "b B 2"), "2 of lot A cost 10, the document says 11"),
    ],
)
def test_a_document_that_does_not_tie_is_refused_with_all_that_is_wrong(rows: tuple[str, ...], fault: str) -> None:
    with pytest.raises(AllocationUntied) as refused:
        matched(allocation(*rows), *BOUGHT)
    assert fault in refused.value.faults


def test_basis_that_was_used_before_the_switch_cannot_be_allocated() -> None:
    with pytest.raises(AllocationUntied, match="'A' is no lot that is open"):
        matched(allocation("a A 2", "b B 2"), *BOUGHT, sold("S", 3, "2", wallet="a"))


def test_a_name_that_two_lots_have_is_refused() -> None:
    twin = got("A", 1, "1", "1", wallet="a")
    other = Acquisition(**{name: getattr(twin, name) for name in twin.__dataclass_fields__} | {"event_id": EventId("f" * 16)})
    with pytest.raises(AllocationUntied, match="is 2 lots"):
        matched(allocation("a A 2"), twin, other)


@given(st.permutations(["a", "a", "b", "c"]), st.lists(st.integers(1, 30), min_size=4, max_size=4))
def test_any_document_that_ties_keeps_all_units_and_all_cost(wallets: list[str], costs: list[int]) -> None:
    """Four lots of one unit, bought where four units stand; each goes to the wallet that the shuffled list says."""
    homes = ("a", "a", "b", "c")
    lots = [got(f"L{number}", number, "1", str(cost), wallet=home) for number, (home, cost) in enumerate(zip(homes, costs, strict=True))]
    result = matched(allocation(*(f"{wallet} L{number} 1" for number, wallet in enumerate(wallets))), *lots)
    assert sorted((lot.source_id, lot.wallet, lot.cost_open) for lot in result.lots_open) == [
        (f"L{number}", wallet, D(costs[number])) for number, wallet in enumerate(wallets)
    ]
