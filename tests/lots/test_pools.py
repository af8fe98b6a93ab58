"""The order of a timeline, at one instant too."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AccountId, EventId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, LotOrigin, Movement
from ledger.lots.pools import natural_order, ties_ordered, timeline_order

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def left(source: str, *, sequence: int | None = None, event: str = "e", leg: int = 1, second: int = 0) -> Departure:
    return Departure(
        event_id=EventId(event),
        source_id=SourceId(source),
        leg=leg,
        sequence=sequence,
        occurred_at=NOW + timedelta(seconds=second),
        asset=AssetCode("BTC"),
        quantity=Decimal(1),
        account=AccountId("main"),
        wallet=WalletId("main"),
        kind=DepartureKind.SALE,
        proceeds=Decimal(1),
    )


ORDERED: dict[str, list[Movement]] = {
    "time before all else": [left("b", sequence=9), left("a", sequence=1, second=1)],
    "the venue's sequence at one instant": [left("b", sequence=1), left("a", sequence=2), left("0", sequence=10)],
    "an absent sequence counts as 0": [left("b"), left("a", sequence=1)],
    "natural order of the source's id": [left("t2"), left("t10"), left("t010b"), left("t11")],
    "then the event": [left("a", event="1"), left("a", event="2")],
    "then the leg": [left("a", leg=1), left("a", leg=2), left("a", leg=10)],
}


def test_of_a_self_trade_the_purchase_comes_before_the_sale() -> None:
    sale = left("612", sequence=612, event="a")
    bought = Acquisition(
        event_id=EventId("b"),
        source_id=sale.source_id,
        leg=1,
        sequence=612,
        occurred_at=NOW,
        asset=sale.asset,
        quantity=Decimal(1),
        account=sale.account,
        wallet=sale.wallet,
        cost_basis=Decimal(1),
        acquired_at=NOW,
        origin=LotOrigin.PURCHASE,
    )
    assert list(timeline_order([sale, bought])) == [bought, sale]


@pytest.mark.parametrize("expected", ORDERED.values(), ids=ORDERED)
def test_timelines_come_out_the_same_in_whatever_order_rows_arrive(expected: list[Movement]) -> None:
    for arrival in permutations(expected):
        assert list(timeline_order(arrival)) == expected


def test_rows_in_order_of_time_need_only_their_ties_ordered() -> None:
    rows = [left("t10"), left("t9"), left("t1", second=1)]
    assert list(ties_ordered(iter(rows))) == [rows[1], rows[0], rows[2]]


def test_digit_runs_compare_as_numbers_of_any_length() -> None:
    nines, one_more = "9" * 5000, "1" + "0" * 5000
    assert natural_order(SourceId(f"a{nines}b")) < natural_order(SourceId(f"a{one_more}b"))
    assert natural_order(SourceId("007")) == natural_order(SourceId("7"))


def test_words_and_numbers_at_one_place_can_be_compared() -> None:
    ids = [SourceId(text) for text in ("7", "a", "a7", "7a", "", "-")]
    assert sorted(ids, key=natural_order) == ["", "7", "7a", "-", "a", "a7"]
