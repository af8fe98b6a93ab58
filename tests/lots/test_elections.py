"""Elections by example: which order or selection decides, when one is void, and what the piece then says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.election import Election, EvidenceGrade, LotPick, PickOrder, Selection, StandingOrder
from ledger.domain.ids import AccountId, BotId, ElectionId, EventId, OrderId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Caveat, Departure, DepartureKind, Disposal, LotOrigin, Movement, OwnTransfer
from ledger.lots.matching import Picking, match
from ledger.lots.pools import timeline_order

START = datetime(2025, 1, 1, tzinfo=UTC)
BTC = AssetCode("BTC")
D = Decimal


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def got(name: str, on: int, units: str, cost: str, *, wallet: str = "w", leg: int = 1) -> Acquisition:
    return Acquisition(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=leg,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        cost_basis=D(cost),
        acquired_at=day(on),
        origin=LotOrigin.PURCHASE,
    )


def left(
    name: str,
    on: int,
    units: str,
    *,
    wallet: str = "w",
    bot: str | None = None,
    order: str | None = None,
    kind: DepartureKind = DepartureKind.SALE,
) -> Departure:
    return Departure(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=2,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
        bot=None if bot is None else BotId(bot),
        order_id=None if order is None else OrderId(order),
        kind=kind,
        proceeds=D(0),
    )


def moved(name: str, on: int, units: str, sender: str, receiver: str) -> OwnTransfer:
    return OwnTransfer(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=D(units),
        account=AccountId(sender),
        wallet=WalletId(sender),
        to_account=AccountId(receiver),
        to_wallet=WalletId(receiver),
    )


def standing(ident: str, order: str, on: int, *, since: int | None = None, **scope: str) -> StandingOrder:
    return StandingOrder(
        election_id=ElectionId(ident),
        recorded_at=day(on),
        grade=EvidenceGrade.OWN,
        order=PickOrder(order),
        effective_from=day(on if since is None else since),
        wallet=WalletId(scope["wallet"]) if "wallet" in scope else None,
        asset=AssetCode(scope["asset"]) if "asset" in scope else None,
        bot=BotId(scope["bot"]) if "bot" in scope else None,
    )


def selected(ident: str, on: int, *picks: tuple[str, str], **names: str) -> Selection:
    return Selection(
        election_id=ElectionId(ident),
        recorded_at=day(on),
        grade=EvidenceGrade.IMPORTED,
        evidence="mail of that day",
        picks=tuple(LotPick(lot=lot, quantity=D(units)) for lot, units in picks),
        sale=SourceId(names["sale"]) if "sale" in names else None,
        order_id=OrderId(names["order"]) if "order" in names else None,
        wallet=WalletId(names["wallet"]) if "wallet" in names else None,
        asset=AssetCode(names["asset"]) if "asset" in names else None,
    )


def matched(elections: Sequence[Election], *movements: Movement) -> tuple[Disposal, ...]:
    return match(timeline_order(movements), Picking(PickOrder.FIFO, elections=elections)).disposals


def told(disposals: Sequence[Disposal]) -> list[tuple[str, str | None, str, str, Caveat | None]]:
    return [(each.source_id, each.lot_source_id, f"{each.quantity.normalize():f}", each.matched_by, each.caveat) for each in disposals]


LOTS = (got("low", 1, "2", "2"), got("high", 2, "2", "20"), got("middle", 3, "2", "10"))


# --- standing orders -------------------------------------------------------------------------------------------------

ORDERS = {
    "none": ((), "low", "fifo"),
    "in force": ((standing("e1", "hifo", 4),), "high", "order:e1"),
    "recorded at the instant of the sale": ((standing("e1", "hifo", 5),), "high", "order:e1"),
    "recorded later": ((standing("e1", "hifo", 6, since=1),), "low", "fifo"),
    "recorded, but effective later": ((standing("e1", "hifo", 1, since=6),), "low", "fifo"),
    "the newer of two": ((standing("e1", "hifo", 4), standing("e2", "lifo", 5)), "middle", "order:e2"),
    "the newer of two, given first": ((standing("e2", "lifo", 5), standing("e1", "hifo", 4)), "middle", "order:e2"),
    "a wallet's before a newer general one": ((standing("e1", "hifo", 1, wallet="w"), standing("e2", "lifo", 5)), "high", "order:e1"),
    "one of two scopes before one of one": (
        (standing("e1", "hifo", 1, wallet="w", asset="BTC"), standing("e2", "lifo", 5, bot="grid")),
        "high",
        "order:e1",
    ),
    "of another wallet": ((standing("e1", "hifo", 1, wallet="v"),), "low", "fifo"),
    "of another asset": ((standing("e1", "hifo", 1, asset="ETH"),), "low", "fifo"),
    "of another bot": ((standing("e1", "hifo", 1, bot="dca"),), "low", "fifo"),
    "of this bot": ((standing("e1", "hifo", 1, bot="grid"),), "high", "order:e1"),
    "back to the first lot": ((standing("e1", "hifo", 1), standing("e2", "fifo", 4)), "low", "order:e2"),
}


@pytest.mark.parametrize(("orders", "lot", "matched_by"), ORDERS.values(), ids=ORDERS)
def test_the_standing_order_in_force_decides(orders: tuple[StandingOrder, ...], lot: str, matched_by: str) -> None:
    disposals = matched(orders, *LOTS, left("S", 5, "1", bot="grid"))
    assert told(disposals) == [("S", lot, "1", matched_by, None)]


def test_a_standing_order_covers_sales_from_then_on_and_not_before() -> None:
    disposals = matched([standing("e1", "hifo", 6)], *LOTS, left("S1", 5, "1"), left("S2", 6, "1"), left("S3", 7, "2"))
    assert told(disposals) == [
        ("S1", "low", "1", "fifo", None),
        ("S2", "high", "1", "order:e1", None),
        ("S3", "high", "1", "order:e1", None),
        ("S3", "middle", "1", "order:e1", None),
    ]


def test_transfers_follow_the_standing_order_too() -> None:
    disposals = matched([standing("e1", "hifo", 4, wallet="w")], *LOTS, moved("T", 5, "1", "w", "v"), left("S", 6, "1", wallet="v"))
    assert told(disposals) == [("S", "high", "1", "fifo", None)]


def test_units_withheld_come_from_the_lot_just_received_against_any_order() -> None:
    disposals = matched([standing("e1", "hifo", 1)], *LOTS, got("X", 5, "1", "1"), left("X", 5, "0.5", kind=DepartureKind.WITHHELD))
    assert told(disposals) == [("X", "X", "0.5", "withheld", None)]


def test_lots_that_one_order_used_up_are_gone_for_the_others() -> None:
    many = [got(f"L{number:03}", number, "1", str(number)) for number in range(300)]
    disposals = matched(
        [standing("e1", "hifo", 400), standing("e2", "lofo", 600)],
        *many,
        *(left(f"H{number:03}", 400, "1") for number in range(200)),
        *(left(f"L{number:03}", 600, "1") for number in range(200, 299)),
        left("Z", 601, "2"),
    )
    assert [each.lot_source_id for each in disposals[-2:]] == ["L099", None]
    assert len({each.lot_id for each in disposals}) == 301


# --- selections ------------------------------------------------------------------------------------------------------

SELECTIONS = {
    "of the sale": ((selected("s", 4, ("high", "1"), sale="S"),), [("high", "1", "selection:s", None)]),
    "recorded at the instant of the sale": ((selected("s", 5, ("high", "1"), sale="S"),), [("high", "1", "selection:s", None)]),
    "recorded later": ((selected("s", 6, ("high", "1"), sale="S"),), [("low", "1", "fifo", Caveat.ELECTION_LATE)]),
    "of more units than the lot has": ((selected("s", 4, ("high", "3"), sale="S"),), [("high", "1", "selection:s", None)]),
    "of a lot that is not there": (
        (selected("s", 4, ("nowhere", "1"), sale="S"),),
        [("low", "1", "fifo", Caveat.ELECTION_NOT_OPEN)],
    ),
    "of two lots, the second not there": (
        (selected("s", 4, ("high", "0.5"), ("nowhere", "0.5"), sale="S"),),
        [("low", "1", "fifo", Caveat.ELECTION_NOT_OPEN)],
    ),
    "of fewer units": (
        (selected("s", 4, ("high", "0.25"), sale="S"),),
        [("high", "0.25", "selection:s", None), ("low", "0.75", "fifo", Caveat.ELECTION_SHORT)],
    ),
    "of two lots in the order given": (
        (selected("s", 4, ("middle", "0.5"), ("high", "0.5"), sale="S"),),
        [("middle", "0.5", "selection:s", None), ("high", "0.5", "selection:s", None)],
    ),
    "of another sale": ((selected("s", 4, ("high", "1"), sale="T"),), [("low", "1", "fifo", None)]),
    "of another wallet": ((selected("s", 4, ("high", "1"), sale="S", wallet="v"),), [("low", "1", "fifo", None)]),
    "of another asset": ((selected("s", 4, ("high", "1"), sale="S", asset="ETH"),), [("low", "1", "fifo", None)]),
    "of another wallet, recorded later": ((selected("s", 6, ("high", "1"), sale="S", wallet="v"),), [("low", "1", "fifo", None)]),
    "of the order, recorded later": ((selected("s", 6, ("high", "1"), order="O"),), [("low", "1", "fifo", Caveat.ELECTION_LATE)]),
    "of the order, where that of the sale is void": (
        (selected("s", 6, ("middle", "1"), sale="S"), selected("t", 4, ("high", "1"), order="O")),
        [("high", "1", "selection:t", None)],
    ),
    "the last of this wallet": (
        (selected("t", 4, ("high", "1"), sale="S", wallet="v"), selected("s", 3, ("middle", "1"), sale="S")),
        [("middle", "1", "selection:s", None)],
    ),
    "of the order": ((selected("s", 4, ("high", "1"), order="O"),), [("high", "1", "selection:s", None)]),
    "of the sale before that of the order": (
        (selected("s", 3, ("middle", "1"), sale="S"), selected("t", 4, ("high", "1"), order="O")),
        [("middle", "1", "selection:s", None)],
    ),
    "the one recorded last": (
        (selected("t", 4, ("high", "1"), sale="S"), selected("s", 3, ("middle", "1"), sale="S")),
        [("high", "1", "selection:t", None)],
    ),
    "the last in time, where a later one is void": (
        (selected("t", 6, ("high", "1"), sale="S"), selected("s", 3, ("middle", "1"), sale="S")),
        [("middle", "1", "selection:s", None)],
    ),
    "before a standing order, which takes the rest": (
        (standing("e1", "lifo", 1), selected("s", 4, ("high", "0.5"), sale="S")),
        [("high", "0.5", "selection:s", None), ("middle", "0.5", "order:e1", Caveat.ELECTION_SHORT)],
    ),
    "void, with a standing order": (
        (standing("e1", "lifo", 1), selected("s", 4, ("nowhere", "1"), sale="S")),
        [("middle", "1", "order:e1", Caveat.ELECTION_NOT_OPEN)],
    ),
    "by the id of the lot": ((selected("s", 4, (f"L-{'high':0>16}-1", "1"), sale="S"),), [("high", "1", "selection:s", None)]),
}


@pytest.mark.parametrize(("elections", "expected"), SELECTIONS.values(), ids=SELECTIONS)
def test_a_selection_recorded_in_time_decides_if_its_lots_are_there(
    elections: tuple[Election, ...], expected: list[tuple[str, str, str, Caveat | None]]
) -> None:
    disposals = matched(elections, *LOTS, left("S", 5, "1", order="O"))
    assert told(disposals) == [("S", *each) for each in expected]


def test_a_selection_of_an_order_is_used_fill_by_fill() -> None:
    elections = [selected("s", 4, ("high", "1.5"), ("middle", "1"), order="O")]
    disposals = matched(elections, *LOTS, *(left(f"S{number}", 5 + number, "1", order="O") for number in range(3)))
    assert told(disposals) == [
        ("S0", "high", "1", "selection:s", None),
        ("S1", "high", "0.5", "selection:s", None),
        ("S1", "middle", "0.5", "selection:s", None),
        ("S2", "middle", "0.5", "selection:s", None),
        ("S2", "low", "0.5", "fifo", Caveat.ELECTION_SHORT),
    ]


@pytest.mark.parametrize(("venues", "bots", "lot"), [(3, 4, "middle"), (4, 3, "high")])
def test_of_selections_by_the_venues_id_and_by_the_bots_own_the_one_recorded_last_counts(venues: int, bots: int, lot: str) -> None:
    elections = [selected("v", venues, ("high", "1"), order="O"), selected("b", bots, ("middle", "1"), order="bot-1")]
    sale = replace(left("S", 5, "1", order="O"), client_order_id=OrderId("bot-1"))
    (piece,) = matched(elections, *LOTS, sale)
    assert piece.lot_source_id == lot


@pytest.mark.parametrize("order", ["O", "bot-1", None])
def test_a_selection_may_name_the_order_as_the_bot_does(order: str | None) -> None:
    elections = [selected("s", 4, ("high", "1.5"), order="bot-1")]
    sales = [replace(left(name, 5, "1", order=order), client_order_id=OrderId("bot-1")) for name in ("S", "T")]
    assert told(matched(elections, *LOTS, *sales)) == [
        ("S", "high", "1", "selection:s", None),
        ("T", "high", "0.5", "selection:s", None),
        ("T", "low", "0.5", "fifo", Caveat.ELECTION_SHORT),
    ]


def test_of_lots_under_one_name_the_one_acquired_first_goes_first_whenever_it_came() -> None:
    lots = got("g", 1, "1", "5", wallet="v"), got("g", 2, "1", "7", leg=2)
    elections = [selected("s", 4, ("g", "0.5"), sale="S"), selected("t", 4, ("g", "1"), sale="T")]
    disposals = matched(elections, *lots, moved("M", 3, "1", "v", "w"), left("S", 5, "0.5"), left("T", 6, "1"))
    assert [(each.source_id, each.lot_id, each.quantity) for each in disposals] == [
        ("S", f"L-{'g':0>16}-1", D("0.5")),
        ("T", f"L-{'g':0>16}-1", D("0.5")),
        ("T", f"L-{'g':0>16}-2", D("0.5")),
    ]


def test_of_selections_recorded_at_one_instant_the_greater_id_counts() -> None:
    elections = [selected("b", 4, ("high", "1"), order="O"), selected("a", 4, ("middle", "1"), order="bot-1")]
    (piece,) = matched(elections, *LOTS, replace(left("S", 5, "1", order="O"), client_order_id=OrderId("bot-1")))
    assert (piece.lot_source_id, piece.matched_by) == ("high", "selection:b")


def test_a_selection_of_one_lot_twice_needs_the_units_of_both() -> None:
    elections = [selected("s", 4, ("high", "1.5"), ("high", "1"), sale="S")]
    assert told(matched(elections, *LOTS, left("S", 5, "2"))) == [("S", "high", "2", "selection:s", None)]
    assert told(matched(elections, *LOTS, left("S", 5, "2.5"))) == [
        ("S", "low", "2", "fifo", Caveat.ELECTION_NOT_OPEN),
        ("S", "high", "0.5", "fifo", Caveat.ELECTION_NOT_OPEN),
    ]


def test_lots_that_have_left_the_wallet_are_not_open_in_it() -> None:
    elections = [selected("s", 4, ("low", "1"), sale="S")]
    disposals = matched(elections, *LOTS, moved("T", 4, "1.5", "w", "v"), left("S", 5, "1"))
    assert told(disposals) == [
        ("S", "low", "0.5", "fifo", Caveat.ELECTION_NOT_OPEN),
        ("S", "high", "0.5", "fifo", Caveat.ELECTION_NOT_OPEN),
    ]
    assert told(matched(elections, *LOTS, moved("T", 4, "1.5", "w", "v"), left("S", 5, "1", wallet="v"))) == [
        ("S", "low", "1", "selection:s", None)
    ]


def test_a_transfer_may_be_selected_for() -> None:
    disposals = matched([selected("s", 4, ("middle", "1"), sale="T")], *LOTS, moved("T", 5, "1", "w", "v"), left("S", 6, "1", wallet="v"))
    assert told(disposals) == [("S", "middle", "1", "fifo", None)]


def test_fees_of_a_sale_are_meant_only_where_the_asset_is_named_and_units_withheld_never() -> None:
    sale = selected("s", 4, ("high", "1"), sale="S")
    named = selected("s", 4, ("high", "1"), sale="S", asset="BTC")
    fee, withheld = left("S", 5, "1", kind=DepartureKind.FEE), left("S", 5, "1", kind=DepartureKind.WITHHELD)
    assert told(matched([sale], *LOTS, fee)) == [("S", "low", "1", "fifo", None)]
    assert told(matched([named], *LOTS, fee)) == [("S", "high", "1", "selection:s", None)]
    assert told(matched([named], *LOTS, withheld)) == [("S", "low", "1", "fifo", None)]


def test_a_lot_used_up_by_a_selection_is_given_out_once() -> None:
    elections = [selected("s", 4, ("low", "1"), sale="S")]
    lots = match(timeline_order([*LOTS, left("S", 5, "2")]), Picking(PickOrder.FIFO, elections=elections)).lots
    assert [(lot.source_id, lot.quantity_open) for lot in lots] == [("low", D(0)), ("high", D(2)), ("middle", D(2))]


def test_a_rule_may_be_used_for_many_timelines() -> None:
    rule = Picking(PickOrder.FIFO, elections=[selected("s", 4, ("high", "1"), order="O")])
    timeline: list[Movement] = [*LOTS, left("S", 5, "1", order="O")]
    assert match(timeline, rule) == match(timeline, rule)


def test_a_selection_names_a_sale_or_an_order_and_at_least_one_lot() -> None:
    for names, picks in (({}, [("high", "1")]), ({"sale": "S", "order": "O"}, [("high", "1")]), ({"sale": "S"}, [])):
        with pytest.raises(AssertionError):
            selected("s", 4, *picks, **names)
