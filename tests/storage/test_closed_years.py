"""Closed years in the database, and what was stored since as far back as it reaches."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from ledger.domain.amount import AssetCode
from ledger.domain.event import Fill
from ledger.domain.lot import Disposal
from ledger.domain.price import PriceQuote
from ledger.storage.nouns import ClosedYear
from ledger.storage.store import Store

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_closings_come_back_as_they_were_in_their_order(store: Store, closed_year: Callable[..., ClosedYear]) -> None:
    first = closed_year(gain=Decimal("-0.000000000000000001"))
    second = replace(first, seq=2, version=2, amends=first.hash)
    with store.write() as writer:
        writer.add_closed_year(first, b"one")
        writer.add_closed_year(second, b"\x00two")
    with store.read() as reader:
        assert reader.closed_years() == [first, second]
        assert [reader.closed_content(seq) for seq in (1, 2)] == [b"one", b"\x00two"]


def test_one_version_of_a_year_is_stored_once(store: Store, closed_year: Callable[..., ClosedYear]) -> None:
    with store.write() as writer:
        writer.add_closed_year(closed_year(), b"")
    with pytest.raises(IntegrityError), store.write() as writer:
        writer.add_closed_year(closed_year(seq=2), b"")


def test_the_earliest_change_is_that_of_events_their_older_tellings_and_prices(
    store: Store, fill: Callable[..., Fill], stored: Callable[..., list[int]]
) -> None:
    quote = PriceQuote(asset=AssetCode("BTC"), currency=AssetCode("USD"), observed_at=NOON - 9 * DAY, price=Decimal(1), source="s")
    with store.write() as writer:
        assert writer.earliest_change(after_event_seq=0, after_price_seq=0) is None
        stored(writer, fill(1), fill(2, occurred_at=NOON + DAY))
        assert writer.earliest_change(after_event_seq=0, after_price_seq=0) == NOON
        assert writer.earliest_change(after_event_seq=1, after_price_seq=0) == NOON + DAY
        stored(writer, fill(1, occurred_at=NOON + 5 * DAY), revision=1)
        assert writer.earliest_change(after_event_seq=2, after_price_seq=0) == NOON  # where it was before
        writer.add_prices([quote], None)
        assert writer.earliest_change(after_event_seq=2, after_price_seq=0) == NOON - 9 * DAY
        assert writer.earliest_change(after_event_seq=3, after_price_seq=1) is None


def test_source_ids_are_told_by_account_at_their_earliest(
    store: Store, fill: Callable[..., Fill], stored: Callable[..., list[int]]
) -> None:
    with store.write() as writer:
        stored(writer, fill(1), fill(2, source_id="t-1", occurred_at=NOON - DAY), fill(3, source_id="t-1", account="cold"), fill(4))
        assert writer.first_told({"t-1", "t-9"}) == {("main", "t-1"): NOON - DAY, ("cold", "t-1"): NOON}


def test_the_last_day_on_which_a_match_can_change_is_that_of_the_stretch_asked_for(store: Store, disposal: Callable[..., Disposal]) -> None:
    piece = replace(disposal(), disposed_at=NOON, provisional_until=date(2025, 3, 31))
    with store.write() as writer:
        writer.add_disposals(
            [piece, replace(piece, piece=2, provisional_until=None), replace(piece, piece=3, provisional_until=date(2025, 3, 5))]
        )
        assert writer.final_after(since=NOON, until=NOON + DAY) == date(2025, 3, 31)
        assert writer.final_after(since=NOON + DAY, until=NOON + 2 * DAY) is None
