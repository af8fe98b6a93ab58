"""Events as text: written and read without loss, and compared when two sources tell of one event."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import permutations

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.event import (
    EVENT_TYPES,
    BalanceSnapshot,
    Charge,
    ChargeKind,
    Event,
    EventHead,
    Fill,
    Income,
    IncomeKind,
    Opening,
    OpeningKind,
    Side,
    SourceRank,
    Transfer,
    assets_of,
)
from ledger.domain.event_text import HeadFields, body_text, event_of, facts_hash, kind_of
from ledger.domain.ids import AccountId, BotId, EventId, OrderId, SourceId, VenueName
from ledger.domain.telling import Telling, told_again
from ledger.domain.time.instant import instant_of, instant_text

NOON = datetime(2025, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def head(**other: object) -> HeadFields:
    fields = HeadFields(
        event_id=EventId("e1"),
        source_id=SourceId("t1"),
        venue=VenueName("coinbase-exchange"),
        account=AccountId("main"),
        occurred_at=NOON,
        rank=SourceRank.VENUE,
        sequence=7,
        order_id=OrderId("o1"),
        client_order_id=OrderId("c1"),
        bot=BotId("grid"),
        note='a "note"\n',
        provisional=True,
    )
    return fields | other  # type: ignore[return-value]  # any field of a head


def amount(quantity: str, asset: str = "BTC") -> Amount:
    return Amount(quantity=Decimal(quantity), asset=AssetCode(asset))


FILL = Fill(side=Side.BUY, base=amount("0.5"), quote=amount("20000.10", "USD"), fee=amount("-1E-7"), value=Decimal("1.50"), **head())
GIFT = Opening(kind=OpeningKind.GIFT_IN, amount=amount("1"), cost_basis=Decimal("12.34"), acquired_at=NOON - timedelta(days=400), **head())
OPENED_ON_A_DAY = Opening(
    kind=OpeningKind.OPENING,
    amount=amount("1"),
    cost_basis=None,
    acquired_at=None,
    acquired_day=date(2024, 2, 29),
    occurred_day=date(2025, 3, 1),
    **head(),
)
EVENTS: tuple[Event, ...] = (
    FILL,
    Fill(side=Side.SELL, base=amount("0.5"), quote=amount("20000", "USD"), **head(sequence=None, order_id=None, note=None)),
    Transfer(from_account=AccountId("a"), to_account=None, amount=amount("1"), fee=amount("2", "ETH"), chain_hash="4f", **head()),
    Transfer(from_account=None, to_account=AccountId("b"), amount=amount("1"), fee_value=Decimal(3), address="bc1", **head()),
    Income(kind=IncomeKind.AIRDROP, amount=amount("1"), value=Decimal(0), **head()),
    Charge(kind=ChargeKind.GIFT_OUT, amount=amount("1"), fee=amount("0.1"), fee_value=Decimal(5), **head()),
    Fill(side=Side.SELL, base=amount("0"), quote=amount("0", "USD"), is_amendment=True, **head()),
    GIFT,
    OPENED_ON_A_DAY,
    Opening(kind=OpeningKind.OPENING, amount=amount("1"), cost_basis=None, acquired_at=None, **head()),
    BalanceSnapshot(balance=amount("0", "ZRX"), **head()),
)


def read_back(event: Event) -> Event:
    fields: dict[str, object] = {name: getattr(event, name) for name in EventHead.__dataclass_fields__}
    return event_of(kind_of(event), body_text(event), fields)  # type: ignore[arg-type]  # the fields of a head, by name


@pytest.mark.parametrize("event", EVENTS, ids=kind_of)
def test_an_event_is_read_back_as_it_was_written(event: Event) -> None:
    again = read_back(event)
    assert again == event
    assert body_text(again) == body_text(event)


def test_every_type_of_event_can_be_written() -> None:
    assert {type(event) for event in EVENTS} == set(EVENT_TYPES)


def test_the_text_of_an_event_is_canonical() -> None:
    expected = '{"side":"buy","base":["0.5","BTC"],"quote":["20000.1","USD"],"fee":["-0.0000001","BTC"],"value":"1.5","fee_value":null}'
    assert body_text(FILL) == expected
    padded = replace(FILL, base=amount("0.50"), quote=amount("2.00001E+4", "USD"))
    assert facts_hash(padded, body_text(padded)) == facts_hash(FILL, expected)


@pytest.mark.parametrize(
    "change",
    [
        {"source_id": "t2"},
        {"occurred_at": NOON + timedelta(microseconds=1)},
        {"sequence": None},
        {"order_id": None},
        {"client_order_id": "c2"},
        {"note": None},
        {"event_id": "e2"},
    ],
    ids=str,
)
def test_every_fact_of_the_head_counts_in_the_hash(change: dict[str, object]) -> None:
    changed = replace(FILL, **change)  # type: ignore[arg-type]  # any field of a head
    assert facts_hash(changed, body_text(changed)) != facts_hash(FILL, body_text(FILL))


def test_attribution_and_belief_are_no_facts() -> None:
    changed = replace(FILL, bot=None, rank=SourceRank.FILE, provisional=False)
    assert facts_hash(changed, body_text(changed)) == facts_hash(FILL, body_text(FILL))


def test_instants_are_written_in_utc_at_fixed_width() -> None:
    east = datetime(2025, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    assert instant_text(east) == "2025-03-01T12:00:00.000000Z"
    assert instant_of(instant_text(NOON)) == NOON
    with pytest.raises(AssertionError):
        instant_text(datetime(2025, 3, 1))  # noqa: DTZ001  # it is to be refused


def test_assets_of_an_event_are_all_that_it_moves_once_and_sorted() -> None:
    assert [assets_of(event) for event in EVENTS[:4]] == [("BTC", "USD"), ("BTC", "USD"), ("BTC", "ETH"), ("BTC",)]
    assert [assets_of(event) for event in EVENTS[-3:]] == [("BTC",), ("BTC",), ("ZRX",)]


# --- two tellings ----------------------------------------------------------------------------------------------------

VENUE = replace(FILL, provisional=False, fee=amount("5.1234567891", "USD"), value=None, note=None)
FILE = replace(
    VENUE,
    rank=SourceRank.FILE,
    occurred_at=NOON.replace(microsecond=123000),
    fee=amount("5.12345679", "USD"),
    order_id=None,
    client_order_id=None,
    bot=None,
)


def both_ways(one: Event, other: Event) -> tuple[Event, Event]:
    """Return what is kept of two tellings in either order of arrival."""
    first, second = told_again(one, other), told_again(other, one)
    assert (first.conflicts, second.conflicts) == ((), ())
    return first.event or one, second.event or other


def test_the_venue_s_facts_are_kept_whichever_came_first() -> None:
    assert both_ways(VENUE, FILE) == (VENUE, VENUE)


def test_what_only_the_file_knows_is_kept_too() -> None:
    told = replace(FILE, bot=BotId("dca"), note="hello")
    bare = replace(VENUE, bot=None, order_id=None)
    assert both_ways(bare, told) == (replace(bare, bot=BotId("dca"), note="hello"),) * 2
    assert both_ways(VENUE, told) == (replace(VENUE, note="hello"),) * 2


def test_a_value_that_only_one_source_tells_is_kept_in_either_order_and_of_either_rank() -> None:
    for valued in (replace(FILE, value=Decimal(7)), replace(VENUE, value=Decimal(7))):
        assert both_ways(VENUE, valued) == (replace(VENUE, value=Decimal(7)),) * 2
    assert told_again(replace(VENUE, value=Decimal(7)), replace(VENUE, value=Decimal(8))).conflicts == ("value",)


@pytest.mark.parametrize(
    ("change", "conflicts"),
    [
        ({"base": amount("0.4")}, ("base",)),
        ({"base": amount("0.5", "ETH")}, ("base",)),
        ({"side": Side.SELL}, ("side",)),
        ({"fee": amount("5.1234568", "USD")}, ("fee",)),
        ({"occurred_at": NOON.replace(microsecond=124000)}, ("occurred_at",)),
        ({"order_id": OrderId("o2"), "quote": amount("1", "USD")}, ("quote", "order_id")),
    ],
    ids=str,
)
def test_a_file_that_says_otherwise_contradicts_the_venue_in_either_order(change: dict[str, object], conflicts: tuple[str, ...]) -> None:
    other = replace(FILE, **change)  # type: ignore[arg-type]  # any field of a fill
    for telling in (told_again(VENUE, other), told_again(other, VENUE)):
        assert (telling.event, telling.conflicts) == (None, conflicts)


def test_two_sources_of_one_rank_must_agree_to_the_last_digit() -> None:
    assert told_again(VENUE, replace(VENUE, fee=amount("5.12345679", "USD"))).conflicts == ("fee",)
    assert told_again(VENUE, VENUE).event is None


def test_a_day_of_an_opening_is_the_same_fact_in_every_zone() -> None:
    known = replace(OPENED_ON_A_DAY, provisional=False)
    elsewhere = replace(known, occurred_at=NOON + timedelta(hours=5))
    telling = told_again(known, elsewhere)
    assert (telling.event, telling.conflicts) == (None, ())
    another_day = replace(known, occurred_day=date(2025, 3, 2))
    assert told_again(known, another_day).conflicts == ("occurred_day",)
    no_day = replace(elsewhere, occurred_day=None)
    assert told_again(known, no_day).conflicts == ("occurred_at", "occurred_day")


def test_an_instant_of_acquisition_is_told_otherwise_by_a_day() -> None:
    known = replace(GIFT, provisional=False)
    assert told_again(known, replace(known, acquired_at=None, acquired_day=date(2024, 1, 26))).conflicts == ("acquired_at", "acquired_day")


def test_another_type_of_event_is_a_contradiction() -> None:
    assert told_again(VENUE, EVENTS[4]).conflicts == ("kind",)


def test_a_provisional_telling_gives_way_to_the_next_of_its_rank_and_to_no_lower_one() -> None:
    provisional, settled = replace(VENUE, provisional=True), replace(VENUE, fee=amount("6", "USD"))
    assert told_again(provisional, settled).event == settled
    assert told_again(provisional, replace(VENUE, provisional=False)).event is None
    assert told_again(provisional, replace(FILE, fee=amount("6", "USD"))).conflicts == ("fee",)


def test_what_was_known_of_a_provisional_event_outlives_it() -> None:
    provisional = replace(VENUE, provisional=True, bot=BotId("grid"), note="seen")
    settled = replace(VENUE, fee=amount("6", "USD"), bot=None)
    assert told_again(provisional, settled).event == replace(settled, bot=BotId("grid"), note="seen")


def test_a_provisional_word_of_a_lower_rank_only_completes() -> None:
    booked = replace(VENUE, order_id=None, client_order_id=None, sequence=None)
    listed = replace(VENUE, rank=SourceRank.VENUE_SUMMARY, provisional=True, quote=amount("20000.1001", "USD"), fee=None)
    completed = replace(booked, order_id=listed.order_id, client_order_id=listed.client_order_id, sequence=listed.sequence)
    assert told_again(booked, listed).event == completed
    assert told_again(listed, booked).event == completed
    assert told_again(completed, listed).event is None
    assert told_again(booked, replace(listed, provisional=False)).conflicts == ("quote",)


AMENDED = replace(VENUE, source_id=SourceId("t1-corrected"), sequence=9, fee=amount("4", "USD"))


def test_a_later_row_of_the_venue_amends_the_earlier_one_in_either_order() -> None:
    assert both_ways(VENUE, AMENDED) == (AMENDED, AMENDED)
    taken_back = replace(AMENDED, source_id=SourceId("t1-reversed"), sequence=8, base=amount("0"), quote=amount("0", "USD"), fee=None)
    assert both_ways(VENUE, taken_back) == (taken_back, taken_back)
    assert both_ways(taken_back, AMENDED) == (AMENDED, AMENDED)


ALONE = replace(AMENDED, is_amendment=True)
TAKEN_BACK = replace(ALONE, source_id=SourceId("t1-reversed"), sequence=8, base=amount("0"), quote=amount("0", "USD"), fee=None)


@pytest.mark.parametrize("rows", list(permutations((VENUE, TAKEN_BACK, ALONE))))
def test_amendments_stand_alone_until_the_fill_itself_is_told_in_whatever_order(rows: tuple[Fill, ...]) -> None:
    known, told = rows[0], [rows[0]]
    for other in (*rows[1:], *rows):
        telling = told_again(known, other)
        assert telling.conflicts == ()
        known, told = telling.event or known, [*told, other]
        assert isinstance(known, Fill)
        assert known.is_amendment is (VENUE not in told)
    assert known == AMENDED


@pytest.mark.parametrize(
    "other",
    [
        replace(AMENDED, source_id=VENUE.source_id),
        replace(AMENDED, sequence=VENUE.sequence),
        replace(AMENDED, sequence=None),
        replace(AMENDED, rank=SourceRank.FILE),
    ],
)
def test_what_is_no_later_row_of_the_venue_amends_nothing(other: Fill) -> None:
    for telling in (told_again(VENUE, other), told_again(other, VENUE)):
        assert (telling.event, telling.conflicts) == (None, ("fee",))


GIVEN = replace(VENUE, base=amount("0", "USDC"), quote=amount("250", "USDC"), fee=None, provisional=True)
RECEIVED = replace(GIVEN, base=amount("0.003"), quote=amount("0"), occurred_at=NOON + timedelta(seconds=1))
SOLD_HALF = replace(RECEIVED, side=Side.SELL)
WHOLE = replace(GIVEN, base=amount("0.003"), provisional=False)


def test_two_halves_of_a_fill_become_one_in_either_order() -> None:
    assert both_ways(GIVEN, RECEIVED) == (WHOLE, WHOLE)
    assert [fill.is_half for fill in (GIVEN, RECEIVED, WHOLE, VENUE, replace(WHOLE, quote=amount("0")))] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_half_adds_nothing_to_the_whole_and_nothing_to_itself() -> None:
    for half in (GIVEN, RECEIVED):
        assert both_ways(WHOLE, half) == (WHOLE, WHOLE)
        assert told_again(half, half).event is None


def test_halves_that_tell_one_leg_differently_contradict_each_other() -> None:
    for one, other in (
        (GIVEN, replace(GIVEN, quote=amount("251", "USDC"))),
        (WHOLE, replace(RECEIVED, base=amount("1"))),
        (GIVEN, SOLD_HALF),
    ):
        for telling in (told_again(one, other), told_again(other, one)):
            assert (telling.event, telling.conflicts) == (None, ("base", "quote"))


def test_the_newer_word_of_a_source_corrects_its_amounts_and_takes_their_worths_along() -> None:
    known = replace(VENUE, fee=None, value=Decimal(7), fee_value=Decimal(3), note="seen")
    charged = replace(VENUE, fee=amount("5", "USD"), note=None)
    assert told_again(known, charged).conflicts == ("fee",)
    assert told_again(known, charged, is_newer_word=True).event == replace(charged, value=Decimal(7), fee_value=None, note="seen")
    larger = replace(VENUE, base=amount("0.6"))
    assert told_again(known, replace(larger, fee=None), is_newer_word=True).event == replace(
        larger, fee=None, value=None, fee_value=Decimal(3), note="seen"
    )
    moved = EVENTS[2]
    assert isinstance(moved, Transfer)
    again = replace(moved, provisional=False, amount=amount("9", moved.amount.asset))
    assert told_again(replace(moved, provisional=False), again, is_newer_word=True).event == again


@pytest.mark.parametrize(
    "other",
    [
        replace(VENUE, side=Side.SELL, fee=None),
        replace(VENUE, base=amount("0.6", "ETH")),
        replace(VENUE, occurred_at=NOON + timedelta(seconds=1), fee=None),
        replace(VENUE, order_id=OrderId("o2"), fee=None),
        replace(FILE, fee=amount("6", "USD")),
        EVENTS[4],
    ],
    ids=["side", "asset", "instant", "order", "rank", "kind"],
)
def test_a_newer_word_about_another_event_or_of_another_source_corrects_nothing(other: Event) -> None:
    telling = told_again(VENUE, other, is_newer_word=True)
    assert telling.event is None
    assert telling.conflicts


def test_the_newer_word_corrects_one_leg_of_a_fill_that_was_told_in_halves() -> None:
    corrected = replace(GIVEN, quote=amount("251", "USDC"))
    assert told_again(WHOLE, corrected, is_newer_word=True).event == replace(WHOLE, quote=amount("251", "USDC"))
    assert told_again(GIVEN, corrected, is_newer_word=True).event == corrected
    assert told_again(GIVEN, SOLD_HALF, is_newer_word=True).conflicts == ("base", "quote")


# --- transfers that came back ---------------------------------------------------------------------------------------

LEFT = Transfer(from_account=AccountId("a"), to_account=None, amount=amount("0.5"), fee=amount("0.001"), **head(provisional=False))


def came_back(quantity: str, **other: object) -> Transfer:
    later = LEFT.occurred_at + timedelta(days=400)
    return replace(LEFT, to_account=AccountId("a"), amount=amount(quantity), fee=None, occurred_at=later, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quantity", "fee"),
    [("0.501", None), ("0.5", amount("0.001"))],  # with its fee, or without
)
def test_a_transfer_that_came_back_is_one_whichever_row_was_first_and_however_often_they_are_told(
    quantity: str, fee: Amount | None
) -> None:
    back = came_back(quantity)
    whole = replace(back, occurred_at=LEFT.occurred_at, fee=fee)
    assert both_ways(LEFT, back) == (whole, whole)
    for told in (LEFT, back, whole):
        assert both_ways(whole, told) == (whole, whole)
        assert told_again(whole, told) == Telling()


@pytest.mark.parametrize("quantity", ["0.4", "0.5005", "0.502"])
def test_another_amount_than_left_does_not_come_back(quantity: str) -> None:
    for one, other in permutations((LEFT, came_back(quantity))):
        assert told_again(one, other) == Telling(conflicts=("amount",))
        assert told_again(one, other, is_newer_word=True) == Telling(conflicts=("amount",))
    assert told_again(came_back("0.5"), came_back("0.4")) == Telling(conflicts=("amount",))
    assert told_again(replace(LEFT, from_account=AccountId("b")), came_back("0.5")) == Telling(conflicts=("amount",))


def test_what_a_list_of_transfers_says_only_completes_a_transfer_that_came_back() -> None:
    back = came_back("0.501")
    listed = replace(LEFT, rank=SourceRank.VENUE_SUMMARY, provisional=True, chain_hash="4f")
    kept = replace(back, chain_hash="4f")
    assert both_ways(listed, back) == (kept, kept)
