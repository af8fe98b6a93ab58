"""Odd answers of single calls: what they cost, and that nothing else is lost with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import KeyRefused, TransientError
from ledger.domain.event import Fill
from ledger.ports import StreamKey

from .conftest import Kept
from .small_venue import NOW, SmallVenue, small_venue

DAY = 86_400
TRADE = {"ordertxid": "O1", "pair": "XXBTZUSD", "time": NOW - 9_000, "type": "buy", "price": "100", "cost": "100", "fee": "0.1", "vol": "1",
         "margin": "0", "trade_id": 5}  # fmt: skip


@pytest.fixture
def venue() -> Iterator[SmallVenue]:
    with small_venue() as server:
        yield server


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book.create(tmp_path / "book")
    made.add_connection("main", venue="kraken", secrets="env:MAIN")
    yield made
    made.close()


def pulled(venue: SmallVenue, only: str) -> Kept:
    kept = Kept()
    with venue.connected() as connector:
        kept.pull(connector, only=only)
    return kept


@pytest.mark.parametrize("odd", [[], {}, [["O1"]], 7, None])
def test_an_order_of_an_odd_type_costs_its_own_row(venue: SmallVenue, odd: object) -> None:
    venue.results["QueryOrders"] = {"O1": {"cl_ord_id": "grid-1"}}
    venue.trades = {"T1": TRADE | {"ordertxid": odd}, "T2": TRADE}
    kept = pulled(venue, "trades")
    named = {event.source_id: event.client_order_id for event in kept.events.values() if isinstance(event, Fill)}
    assert named.pop("T2") == "grid-1"
    assert (named, len(kept.findings)) in (({"T1": None}, 0), ({}, 1))


@pytest.mark.parametrize("told", [2**62, 253_402_300_799, 10**30, -NOW, "soon", "\ud800", [], None, 1.5])
def test_what_is_no_time_stops_the_run_for_now_and_no_history_ends_there(venue: SmallVenue, told: object) -> None:
    venue.results["Time"] = {"unixtime": told}
    with venue.connected() as connector, pytest.raises(TransientError, match="Time"):
        connector.check_key()
    with pytest.raises(TransientError, match="Time"):
        pulled(venue, "ledger")
    assert "Ledgers" not in venue.asked


@pytest.mark.parametrize("ahead", [-DAY // 2, 0, DAY // 2, -400 * DAY, 400 * DAY])
def test_a_clock_that_is_wrong_is_told_and_harms_nothing(venue: SmallVenue, ahead: int) -> None:
    venue.results["Time"] = {"unixtime": NOW + ahead}
    with venue.connected() as connector:
        assert connector.check_key().clock_skew_seconds == pytest.approx(ahead, abs=60)


def deposit(refid: str, ago: int) -> dict[str, object]:
    return {"refid": refid, "time": NOW - ago, "type": "deposit", "subtype": "", "asset": "ZUSD", "amount": "1", "fee": "0", "balance": "1"}


@pytest.mark.parametrize("odd", ["\ud800", "A B", "", "x" * 600])
def test_an_id_that_no_book_can_keep_costs_its_own_row(venue: SmallVenue, book: Book, odd: str) -> None:
    venue.ledger = {f"L{number:03}": deposit(f"R{number}", 9_000 + number) for number in range(120)}
    venue.ledger[odd] = deposit("R-odd", 9_060)
    venue.trades = {"T1": TRADE | {"ordertxid": odd}, odd: TRADE}
    venue.results["DepositStatus"] = {"deposit": [{"refid": odd, "asset": "ZUSD", "amount": "1", "time": NOW - 9, "status": "Success"}]}
    venue.results["Balance"] = {"ZUSD": "120", odd: "1"}
    assert [outcome.error for outcome in venue.synced(book).outcomes] == [None]
    unread = {finding.subject.split("/")[1] for finding in book.findings() if finding.code == "unreadable-row"}
    assert unread >= {"ledger", "trades", "deposits", "balances"}
    with venue.connected() as connector:
        kept = Kept()
        kept.pull(connector, only="ledger")
    assert len(kept.events) == 120
    assert len({finding.subject for finding in kept.findings}) == 1


def test_a_list_that_goes_on_at_what_cannot_be_sent_is_asked_again_another_time(venue: SmallVenue) -> None:
    venue.results["DepositStatus"] = {"deposit": [], "next_cursor": "\ud800"}
    with pytest.raises(TransientError, match="cannot be sent"):
        pulled(venue, "deposits")


def test_a_pair_and_an_order_that_cannot_be_read_cost_no_other(venue: SmallVenue) -> None:
    venue.results["AssetPairs"] = {"ODD": {"base": None}, "WORSE": 7, "NEWPAIR": {"base": "XXBT", "quote": "ZUSD"}}
    venue.results["QueryOrders"] = {"O0": 7, "O1": {"cl_ord_id": "grid-1"}, "O2": {"userref": "\ud800"}, "O3": {"cl_ord_id": "\x00"}}
    venue.trades = {f"T{number}": TRADE | {"ordertxid": f"O{number}", "pair": "NEWPAIR"} for number in range(4)}
    kept = pulled(venue, "trades")
    named = {event.source_id: event.client_order_id for event in kept.events.values() if isinstance(event, Fill)}
    assert (named, kept.findings) == ({"T0": None, "T1": "grid-1", "T2": None, "T3": None}, [])


def test_an_asset_whose_row_cannot_be_read_is_as_if_it_were_not_listed(venue: SmallVenue) -> None:
    venue.results |= {"Balance": {"ZETA": "3", "ZABC": "1"}, "Assets": {"ZETA": 7, "ZABC": {"altname": "ZABC"}}}
    kept = pulled(venue, "balances")
    assert [(finding.code, finding.severity, finding.subject) for finding in kept.findings] == [
        ("unknown-asset", "warning", "main/asset/ZETA")
    ]


def test_a_row_of_another_millennium_costs_itself(venue: SmallVenue) -> None:
    venue.results["Ledgers"] = {"ledger": {"L1": deposit("R1", 9_000), "L2": deposit("R2", NOW - 253_402_300_799)}, "count": 2}
    kept = pulled(venue, "ledger")
    assert [event.source_id for event in kept.events.values()] == ["R1"]
    assert {finding.code for finding in kept.findings} == {"unreadable-row"}


def test_orders_that_the_venue_refuses_to_tell_cost_only_their_names(venue: SmallVenue, book: Book) -> None:
    venue.trades = {"T1": TRADE}
    venue.words["QueryOrders"] = "EOrder:Unknown order"
    assert [outcome.error for outcome in venue.synced(book).outcomes] == [None]
    kept = pulled(venue, "trades")
    assert [event.source_id for event in kept.events.values()] == ["T1"]
    assert {(finding.code, finding.severity) for finding in kept.findings} == {("orders-unnamed", "warning")}
    assert "Unknown order" in kept.findings[0].message


def test_a_key_that_may_not_ask_for_orders_is_refused(venue: SmallVenue) -> None:
    venue.trades = {"T1": TRADE}
    venue.words["QueryOrders"] = "EGeneral:Permission denied"
    with pytest.raises(KeyRefused):
        pulled(venue, "trades")


@pytest.mark.parametrize("only", ["ledger", "trades", "deposits"])
def test_a_row_dated_in_the_future_hides_no_later_row(venue: SmallVenue, only: str) -> None:
    later = -30 * DAY

    def told(*rows: tuple[str, int]) -> None:
        ledger = {row_id: deposit(f"R{row_id}", ago) for row_id, ago in rows}
        trades = {row_id: TRADE | {"time": NOW - ago} for row_id, ago in rows}
        venue.results["Ledgers"] = {"ledger": ledger, "count": len(rows)}
        venue.results["TradesHistory"] = {"trades": trades, "count": len(rows)}
        listed = [{"refid": row_id, "asset": "XXBT", "amount": "1", "time": NOW - ago, "status": "Success"} for row_id, ago in rows]
        venue.results["DepositStatus"] = {"deposit": listed}

    kept = Kept()
    for rows in ((("odd", later), ("L1", 9_000)), (("L1", 9_000),)):
        told(*rows)
        with venue.connected() as connector:
            kept.pull(connector, only=only)
        (cursor,) = kept.cursors.values()
        assert cursor["high"] == (NOW - 9_000) * 1_000_000


def test_a_place_that_was_stored_in_the_future_is_taken_back(venue: SmallVenue) -> None:
    venue.ledger = {"L1": deposit("R1", 9_000)}
    for only in ("ledger", "deposits"):
        kept = Kept(cursors={StreamKey(stream=only): {"high": (NOW + 30 * DAY) * 1_000_000}})
        with venue.connected() as connector:
            kept.pull(connector, only=only)
        (cursor,) = kept.cursors.values()
        assert int(cursor["high"] or 0) <= (NOW + 60) * 1_000_000


def test_a_list_whose_cursors_go_in_a_circle_ends(venue: SmallVenue) -> None:
    circle = {"true": "c0", "c0": "c1", "c1": "c0"}
    venue.results["DepositStatus"] = lambda query: {"deposit": [], "next_cursor": circle[query["cursor"]]}
    kept = pulled(venue, "deposits")
    assert (venue.asked.count("DepositStatus"), len(kept.payloads)) == (3, 3)
