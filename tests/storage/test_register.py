"""The register and the open lots in order: stored, read back, asked for in the ways that electing needs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.domain.election import EvidenceGrade, LotPick, PickOrder, Selection, StandingOrder, election_of, words_of
from ledger.domain.event import Event
from ledger.domain.ids import ElectionId, OrderId, SourceId
from ledger.domain.lot import Lot
from ledger.storage.store import RegisteredElection, Store

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SELECTION = Selection(
    election_id=ElectionId("e-2"),
    recorded_at=NOON,
    grade=EvidenceGrade.IMPORTED,
    evidence='line\nbreak, "quotes", №',
    picks=(LotPick(lot="b", quantity=Decimal("0.000000000000000001")), LotPick(lot="a", quantity=Decimal(99999999999999999999))),
    order_id=OrderId("sale:o"),
)


def test_elections_of_both_kinds_come_back_as_they_were(store: Store, registered: Callable[..., RegisteredElection]) -> None:
    sale = replace(SELECTION, election_id=ElectionId("e-3"), order_id=None, sale=SourceId("order:s"), evidence="")
    rows = [registered(1), registered(2, election=SELECTION), registered(3, election=sale, stored_at=NOON + timedelta(microseconds=1))]
    with store.write() as writer:
        writer.add_elections(rows)
        assert list(writer.register()) == rows
        assert writer.elections() == tuple(row.election for row in rows)
        assert (writer.election_seq_last(), writer.register_tip()) == (3, rows[2])
        assert writer.elections(subject="order:sale:o") == (SELECTION,)
        assert [one.election_id for one in writer.elections(subject="")] == ["EL-1"]
        assert set(writer.registered(["e-2", "e-9"])) == {"e-2"}
        assert [one.election_id for one in writer.elections_to_weigh(after_seq=1)] == ["e-2", "e-3"]


def test_an_election_says_the_same_in_words_and_back() -> None:
    order = StandingOrder(
        election_id=ElectionId("e"), recorded_at=NOON, grade=EvidenceGrade.OWN, order=PickOrder.LOFO, effective_from=NOON, asset=None
    )
    for one in (order, SELECTION):
        head = {"election_id": one.election_id, "recorded_at": one.recorded_at, "grade": one.grade, "evidence": one.evidence}
        assert election_of(words_of(one), **head) == one  # type: ignore[arg-type]  # the head as it stands


def test_booked_sales_and_orders_are_found_by_any_of_their_names(
    store: Store, stored: Callable[..., list[int]], fill: Callable[..., Event]
) -> None:
    with store.write() as writer:
        stored(writer, fill(1, order_id="o", client_order_id="c"), fill(2, account="other"))
        assert writer.booked([]) == set()
        assert writer.booked(["sale:t-1"]) == writer.booked(["order:o"]) == writer.booked(["order:c"]) == {("main", "BTC"), ("main", "USD")}
        assert writer.booked(["sale:o", "order:t-1", "order:nothing"]) == set()
        assert {account for account, _ in writer.booked(["sale:t-2", "order:o"])} == {"main", "other"}
        assert writer.assets_moved_since(NOON) == {"BTC", "USD"}
        assert writer.assets_moved_since(NOON + timedelta(microseconds=1)) == set()


def test_open_lots_come_in_each_order_with_exact_ties(store: Store, lot: Callable[..., Lot]) -> None:
    dear, cheap, odd = 10**80 + 1, 10**80, -5
    lots = [
        lot("L-1", serial=2, rate_key=cheap, acquired_at=NOON),
        lot("L-2", serial=1, rate_key=dear, acquired_at=NOON),
        lot("L-3", serial=3, rate_key=cheap, acquired_at=NOON - timedelta(microseconds=1)),
        lot("L-4", serial=4, cost_basis=None, cost_open=None),
        lot("L-5", serial=5, rate_key=odd, acquired_at=NOON + timedelta(1)),
        lot("L-6", serial=6, rate_key=None, quantity_open=Decimal(0)),
        lot("L-7", serial=7, rate_key=dear, wallet="other"),
    ]
    with store.write() as writer:
        writer.add_lots(lots)
        assert list(writer.lots(include_closed=True)) == sorted(lots, key=lambda one: (one.wallet, one.acquired_at, one.lot_id))
        found = {order: [one.lot_id for one in writer.lots_in_order(order, asset="BTC", wallet="coinbase")] for order in PickOrder}
        assert found == {
            PickOrder.FIFO: ["L-3", "L-2", "L-1", "L-4", "L-5"],
            PickOrder.LIFO: ["L-5", "L-4", "L-1", "L-2", "L-3"],
            PickOrder.HIFO: ["L-2", "L-3", "L-1", "L-5", "L-4"],
            PickOrder.LOFO: ["L-5", "L-3", "L-1", "L-2", "L-4"],
        }
        assert (writer.wallets_holding("BTC"), writer.wallets_holding("ETH")) == (["coinbase", "other"], [])
