"""Wallets that a broker holds: whose order decides from the day on which a choice must be made with the broker."""

from decimal import Decimal

import pytest

from ledger.domain.election import Election, EvidenceGrade, LotPick, PickOrder, Selection, StandingOrder
from ledger.domain.ids import BotId, ElectionId, OrderId, SourceId, WalletId
from ledger.domain.lot import Caveat, Movement
from ledger.lots.elections import Brokers, Choice
from ledger.lots.matching import BY_WALLET, UNIVERSAL, Picking, match
from ledger.lots.pools import timeline_order

from .conftest import BTC, day, got, left, moved

W = WalletId("w")
SINCE = day(10)
LOTS = (got("low", 1, "3", "3"), got("high", 2, "3", "30"), got("middle", 3, "3", "15"))
ANY = Brokers(methods={W: None}, since=SINCE)
ONLY_LIFO = Brokers(methods={W: PickOrder.LIFO}, since=SINCE)
OTHERS = Brokers(methods={WalletId("v"): None}, since=SINCE)
NONE = Brokers(methods={}, since=SINCE)


def standing(grade: EvidenceGrade = EvidenceGrade.OWN, *, bot: str | None = None) -> StandingOrder:
    bots = None if bot is None else BotId(bot)
    return StandingOrder(
        election_id=ElectionId("e"), recorded_at=day(4), grade=grade, order=PickOrder.HIFO, effective_from=day(4), bot=bots, asset=BTC
    )


def selection(grade: EvidenceGrade = EvidenceGrade.OWN, *, order: str | None = None) -> Selection:
    return Selection(
        election_id=ElectionId("s"),
        recorded_at=day(4),
        grade=grade,
        picks=(LotPick(lot="high", quantity=Decimal(2)),),
        sale=SourceId("S") if order is None else None,
        order_id=None if order is None else OrderId(order),
    )


def told(rule: Picking, *movements: Movement) -> list[tuple[str | None, str, Caveat | None]]:
    return [(each.lot_source_id, each.matched_by, each.caveat) for each in match(timeline_order((*LOTS, *movements)), rule).disposals]


def under(brokers: Brokers, *elections: Election) -> Picking:
    return Picking(PickOrder.FIFO, elections=elections).with_brokers(brokers)


NOT_WITH_BROKER = Caveat.ELECTION_NOT_WITH_BROKER
CASES: dict[str, tuple[Brokers, tuple[Election, ...], int, tuple[str, str, Caveat | None]]] = {
    "no election": (ANY, (), 10, ("low", "fifo", None)),
    "an order of our own, the day before": (ANY, (standing(),), 9, ("high", "order:e", None)),
    "an order of our own, from that instant on": (ANY, (standing(),), 10, ("high", "order:e", NOT_WITH_BROKER)),
    "an order that the broker was given": (ANY, (standing(EvidenceGrade.IMPORTED),), 10, ("high", "order:e", None)),
    "an order, a broker of other wallets": (
        OTHERS,
        (standing(),),
        10,
        ("high", "order:e", None),
    ),
    "an order, no brokers at all": (NONE, (standing(),), 10, ("high", "order:e", None)),
    "the broker's only order, the day before": (ONLY_LIFO, (), 9, ("low", "fifo", None)),
    "the broker's only order": (ONLY_LIFO, (), 10, ("middle", "broker:lifo", None)),
    "the broker's only order against one of our own": (ONLY_LIFO, (standing(),), 10, ("middle", "broker:lifo", None)),
    "a selection of our own, the day before": (ANY, (selection(),), 9, ("high", "selection:s", None)),
    "a selection of our own": (ANY, (selection(),), 10, ("high", "selection:s", NOT_WITH_BROKER)),
    "a selection that the broker was given": (ANY, (selection(EvidenceGrade.IMPORTED),), 10, ("high", "selection:s", None)),
    "a selection of our own where there is one order": (ONLY_LIFO, (selection(),), 10, ("middle", "broker:lifo", NOT_WITH_BROKER)),
    "a selection given where there is one order": (
        ONLY_LIFO,
        (selection(EvidenceGrade.IMPORTED),),
        10,
        ("middle", "broker:lifo", NOT_WITH_BROKER),
    ),
    "a selection where there is one order, the day before": (ONLY_LIFO, (selection(),), 9, ("high", "selection:s", None)),
}


@pytest.mark.parametrize(("brokers", "elections", "on", "expected"), CASES.values(), ids=CASES)
def test_a_choice_over_what_a_broker_holds_counts_as_the_broker_takes_it(
    brokers: Brokers, elections: tuple[Election, ...], on: int, expected: tuple[str, str, Caveat | None]
) -> None:
    assert told(under(brokers, *elections), left("S", on, "2")) == [expected]


def test_units_moved_away_from_a_broker_are_picked_by_its_order_and_then_by_the_books_own() -> None:
    assert told(under(ONLY_LIFO), moved("T", 10, "1", "w", "v"), left("S", 11, "1", wallet="v")) == [("middle", "fifo", None)]


def test_the_order_in_force_now_is_told_for_a_wallet_an_asset_a_bot_and_an_instant() -> None:
    rule = under(ANY, standing(bot="grid"))
    book, elected = Choice(order=PickOrder.FIFO, matched_by="fifo"), Choice(order=PickOrder.HIFO, matched_by="order:e")
    grid = BotId("grid")
    assert rule.choice_now(wallet=W, asset=BTC, bot=grid, instant=day(9)) == elected
    assert rule.choice_now(wallet=W, asset=BTC, bot=grid, instant=day(3)) == book
    assert rule.choice_now(wallet=W, asset=BTC, bot=None, instant=day(9)) == book
    assert rule.choice_now(wallet=W, asset=type(BTC)("ETH"), bot=grid, instant=day(9)) == book
    assert rule.choice_now(wallet=WalletId("v"), asset=BTC, bot=grid, instant=day(10)) == elected
    held = Choice(order=PickOrder.HIFO, matched_by="order:e", caveat=NOT_WITH_BROKER)
    assert rule.choice_now(wallet=W, asset=BTC, bot=grid, instant=day(10)) == held
    only = under(ONLY_LIFO).choice_now(wallet=W, asset=BTC, bot=None, instant=day(10))
    assert only == Choice(order=PickOrder.LIFO, matched_by="broker:lifo")


def test_a_rule_with_brokers_keeps_all_else() -> None:
    plain = Picking(PickOrder.HIFO, universal_until=UNIVERSAL, elections=[selection(order="O")])
    rule = plain.with_brokers(ANY)
    assert (rule.name, rule.brokers, plain.brokers) == ("hifo", ANY, None)
    sold = left("X", 5, "1", wallet="v", order="O")
    assert told(rule, sold) == told(plain, sold) == [("high", "selection:s", None)]


def test_a_sale_takes_lots_of_its_own_wallet_from_the_switch_on() -> None:
    switching = Picking(PickOrder.FIFO, universal_until=day(10))
    assert [switching.pools_by_wallet(day(number)) for number in (9, 10, 11)] == [False, True, True]
    assert Picking(PickOrder.FIFO).pools_by_wallet(BY_WALLET)
    assert not Picking(PickOrder.FIFO, universal_until=UNIVERSAL).pools_by_wallet(day(10))
