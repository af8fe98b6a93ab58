"""Elections recorded here: before the sale, by our own clock, refused where they could not count."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.book import Book
from ledger.domain.errors import BookBusy, InputError

from .conftest import NOON, ONE, Counts, D, GainsOf, NewBook, Row, at, cited


def test_a_standing_order_picks_the_lots_of_later_sales_and_is_cited(held: Book, sell: Callable[..., None], gains_of: GainsOf) -> None:
    sell(held, "before", "0.5", time="2026-06-01T11:59:59Z")
    ident = held.elect(rule="hifo", asset="BTC")
    sell(held, "after", "0.5")
    assert cited(gains_of(held)) == [("after", "high", "0.5", f"order:{ident}"), ("before", "low", "0.5", "fifo")]
    assert held.check() == ()


def test_a_standing_order_that_begins_later_leaves_the_sales_until_then(held: Book, sell: Callable[..., None], gains_of: GainsOf) -> None:
    ident = held.elect(rule="hifo", effective_from=NOON + timedelta(hours=2))
    sell(held, "s1", "0.5")
    sell(held, "s2", "0.5", time="2026-06-01T14:00:00Z")
    assert cited(gains_of(held)) == [("s1", "low", "0.5", "fifo"), ("s2", "high", "0.5", f"order:{ident}")]


def test_lots_chosen_before_an_order_is_sent_are_used_fill_by_fill(held: Book, sell: Callable[..., None], gains_of: GainsOf) -> None:
    ident = held.elect(order="grid-7", lots={"middle": D("0.4"), "high": D("0.2")})
    sell(held, "f1", "0.3", order_id="grid-7")
    sell(held, "f2", "0.3", order_id="grid-7", time="2026-06-01T13:00:01Z")
    by = f"selection:{ident}"
    assert cited(gains_of(held)) == [("f1", "middle", "0.3", by), ("f2", "high", "0.2", by), ("f2", "middle", "0.1", by)]
    assert held.check() == ()


def test_a_lot_is_named_by_its_own_id_too(held: Book, sell: Callable[..., None], gains_of: GainsOf) -> None:
    (lot,) = [lot.lot_id for lot in held.lots() if lot.source_id == "high"]
    ident = held.elect(sale="s1", lots={lot: D(1)}, wallet="main", asset="BTC")
    sell(held, "s1")
    assert cited(gains_of(held)) == [("s1", "high", "1", f"selection:{ident}")]


def test_a_later_selection_takes_the_place_of_an_earlier_one(held: Book, sell: Callable[..., None], gains_of: GainsOf) -> None:
    held.elect(order="o", lots={"high": D(1)})
    ident = at(held, NOON + timedelta(minutes=1)).elect(order="o", lots={"middle": D(1)})
    sell(held, "s1", order_id="o")
    assert cited(gains_of(held)) == [("s1", "middle", "1", f"selection:{ident}")]


def test_lots_of_an_own_transfer_are_chosen_by_the_same_rules(
    held: Book, sell: Callable[..., None], row: Callable[..., Row], write: Callable[..., Path], gains_of: GainsOf
) -> None:
    held.elect(sale="move", lots={"middle": D("0.5")})
    moved = row("move", type="transfer", time="2026-06-01T12:30:00Z", to_account="ledger", amount="0.5")
    held.import_files([write(moved)])
    sell(held, "s1", "0.5", account="ledger")
    assert cited(gains_of(held)) == [("s1", "middle", "0.5", "fifo")]


def test_units_withheld_come_from_what_was_just_received_against_a_standing_order(
    held: Book, row: Callable[..., Row], write: Callable[..., Path], gains_of: GainsOf
) -> None:
    held.elect(rule="hifo")
    bought = row("b9", time="2026-06-01T13:00:00Z", quote_amount="50000", fee_asset="BTC", fee_amount="0.001", fee_value="50")
    held.import_files([write(bought)])
    assert cited(gains_of(held)) == [("b9", "b9", "0.001", "withheld")]


def test_recorded_at_is_our_clock_and_nobody_can_say_it(held: Book) -> None:
    ident = held.elect(rule="lifo")
    with held.store.read() as reader:
        (one,) = reader.registered([ident]).values()
    assert (one.election.recorded_at, one.stored_at, one.election.grade.value) == (NOON, NOON, "own")
    with pytest.raises(TypeError):
        held.elect(rule="fifo", recorded_at=NOON)  # type: ignore[call-arg]  # that there is no such argument is the point


def test_an_election_waits_for_no_other_run(held: Book) -> None:
    with held.store.hold():
        held.elect(rule="hifo")
        held.elect(order="o", lots={"high": D(1)})
        assert held.preview("BTC", D(1), wallet="main")
        with pytest.raises(BookBusy):
            held.rebuild()


def test_a_clock_that_went_back_is_refused(held: Book) -> None:
    held.elect(rule="hifo")
    with pytest.raises(InputError, match="this machine's clock says 2026-06-01T11:58:59"):
        at(held, NOON - timedelta(seconds=61)).elect(rule="lofo")
    at(held, NOON - timedelta(seconds=59)).elect(rule="lofo")  # another machine of the same book


BAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("unknown lot", {"order": "o", "lots": {"nowhere": ONE}}, "the book has no lot 'nowhere'"),
    ("unknown lot id", {"order": "o", "lots": {"L-0000000000000000-1": ONE}}, "the book has no lot"),
    ("more than open", {"order": "o", "lots": {"high": D("1.000000000000000001")}}, r"1\.000000000000000001 units .* 1 are open"),
    ("huge", {"order": "o", "lots": {"high": D("9" * 20)}}, "are named, 1 are open in wallet main"),
    ("beyond all numbers", {"order": "o", "lots": {"high": D("1E+40")}}, "has more than 20 integer digits"),
    ("too fine", {"order": "o", "lots": {"high": D("1E-19")}}, "has more than 18 decimals"),
    ("no number", {"order": "o", "lots": {"high": D("NaN")}}, "is not a finite number"),
    ("nothing", {"order": "o", "lots": {"high": D(0)}}, "0 units of lot 'high' are none"),
    ("less than nothing", {"order": "o", "lots": {"high": D(-1)}}, "are none"),
    ("no lots", {"order": "o", "lots": {}}, "names no lot"),
    ("other wallet", {"order": "o", "lots": {"cold": ONE}, "wallet": "main"}, "lot 'cold' is in wallet vault, not in main"),
    ("two wallets", {"order": "o", "lots": {"cold": ONE, "high": ONE}}, "no wallet has all the lots named"),
    ("two assets", {"order": "o", "lots": {"ether": ONE, "high": ONE}}, "of BTC and ETH"),
    ("other asset", {"order": "o", "lots": {"ether": ONE}, "asset": "BTC"}, "lot 'ether' is of ETH, not of BTC"),
    ("sold already", {"sale": "sold", "lots": {"high": ONE}}, "sale 'sold' is in the book already .BTC in account main."),
    ("order filled", {"order": "filled", "lots": {"high": ONE}}, "order 'filled' is in the book already"),
    ("used up", {"order": "o", "lots": {"gone": ONE}}, "nothing is left of lot 'gone'"),
    ("the past", {"rule": "hifo", "effective_from": NOON - timedelta(microseconds=1)}, "cannot take effect in the past"),
    ("no offset", {"rule": "hifo", "effective_from": datetime(2027, 1, 1)}, "has no offset"),  # noqa: DTZ001  # what is refused
    ("money", {"rule": "hifo", "asset": "USD"}, "USD is money"),
    ("no asset", {"rule": "hifo", "asset": "btc"}, "is not an asset code"),
    ("no rule", {"rule": "average"}, "'average' is no rule for lots"),
    ("neither", {"asset": "BTC"}, "either a rule or a list of lots"),
    ("both", {"rule": "hifo", "lots": {"high": ONE}}, "either a rule or a list of lots"),
    ("for nothing", {"lots": {"high": ONE}}, "for one sale or for one order"),
    ("for two", {"lots": {"high": ONE}, "sale": "a", "order": "b"}, "for one sale or for one order"),
    ("rule for a sale", {"rule": "hifo", "sale": "a"}, "sale does not go with it"),
    ("lots for a bot", {"lots": {"high": ONE}, "sale": "a", "bot": "b"}, "bot does not go with it"),
    ("control characters", {"order": "o\x1f", "lots": {"high": ONE}}, "the order's id is"),
    ("half a character", {"sale": "\udc80", "lots": {"high": ONE}}, "the sale's id is"),
    ("long", {"sale": "x" * 201, "lots": {"high": ONE}}, "the sale's id is"),
    ("empty", {"sale": "", "lots": {"high": ONE}}, "the sale's id is"),
    ("lot of blanks", {"sale": "a", "lots": {" high": ONE}}, "a lot's id is"),
    ("bot with a colon", {"rule": "hifo", "bot": "a:b"}, "the bot is 'a:b'"),
)


def test_a_bad_election_is_refused_with_a_way_to_mend_it_and_writes_nothing(
    held: Book, sell: Callable[..., None], row: Callable[..., Row], write: Callable[..., Path], counts: Counts
) -> None:
    gone = row("gone", asset="SOL", time="2026-01-01T12:00:00Z")
    held.import_files([write(gone, row("left", asset="SOL", type="sell", time="2026-01-02T12:00:00Z"))])
    sell(held, "sold", "0.1", time="2026-05-01T12:00:00Z", order_id="filled", account="vault")
    sell(held, "sold", "0.1", time="2026-05-01T12:00:00Z", account="main")
    before = counts(held)
    for name, asked, said in BAD:
        with pytest.raises(InputError, match=said) as refused:
            held.elect(**asked)
        assert refused.value.exit_code == 2, name
        assert refused.value.mend, name
    assert counts(held) == before


def test_the_same_election_twice_is_refused(held: Book, counts: Counts) -> None:
    held.elect(rule="hifo", asset="BTC")
    held.elect(order="o", lots={"high": ONE, "low": D("0.5")})
    at(held, NOON + timedelta(hours=1))
    with pytest.raises(InputError, match="has this order already: EL-"):
        held.elect(rule="hifo", asset="BTC")
    with pytest.raises(InputError, match="has this selection already: EL-"):
        held.elect(order="o", lots={"high": D("1.0"), "low": D("0.50")})
    assert counts(held)["election"] == 2
    held.elect(rule="hifo", asset="ETH")
    held.elect(rule="lifo", asset="BTC")
    held.elect(rule="hifo", asset="BTC")


def test_ids_of_other_scripts_are_ids(held: Book, sell: Callable[..., None], gains_of: GainsOf) -> None:
    ident = held.elect(order="注文-№7 🂡", lots={"high": ONE})
    sell(held, "s1", order_id="注文-№7 🂡")
    assert cited(gains_of(held)) == [("s1", "high", "1", f"selection:{ident}")]
    assert held.check() == ()


def test_where_no_lots_are_picked_nothing_can_be_elected(new_book: NewBook) -> None:
    for values in ({"regime": "uk"}, {"regime": "generic", "method": "average"}):
        book = new_book(**values)
        with pytest.raises(InputError, match="does not choose among lots"):
            book.elect(rule="hifo")


def test_in_one_pool_of_all_wallets_lots_of_several_wallets_may_be_named(
    new_book: NewBook, three_lots: Path, sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = at(new_book(regime="generic", scope="universal"), NOON)
    book.import_files([three_lots])
    with pytest.raises(InputError, match="2 units of lot 'cold' are named, 1 are open"):
        book.elect(sale="s1", lots={"cold": D(2)})
    ident = book.elect(sale="s1", lots={"cold": ONE, "high": ONE})
    sell(book, "s1", "2")
    assert {row["lot_event"]: row["matched_by"] for row in gains_of(book)} == dict.fromkeys(("cold", "high"), f"selection:{ident}")
