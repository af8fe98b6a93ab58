"""Elections in a book: recorded before the sale, refused after it, told by files, sealed, proved, and looked at beforehand."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.domain.errors import BookBusy, InputError
from ledger.pipeline.match import is_current
from ledger.storage.store import Writer

Row = dict[str, str]
NewBook = Callable[..., Book]
GainsOf = Callable[..., list[Row]]
Counts = Callable[[Book], dict[str, int]]
ELECTION_COLUMNS = (
    *("id", "recorded_at", "kind", "rule", "wallet", "asset", "bot", "effective_from", "sale", "order_id", "lot", "quantity", "evidence"),
)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
D = Decimal


@pytest.fixture
def write_elections(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of files of elections; the cells that a row leaves out are empty."""

    def written(*rows: Row) -> Path:
        path = tmp_path / f"elections-{len(list(tmp_path.glob('elections-*.csv')))}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            lines = csv.DictWriter(target, ELECTION_COLUMNS, restval="", lineterminator="\n")
            lines.writeheader()
            lines.writerows(rows)
        return path

    return written


def at(book: Book, instant: datetime) -> Book:
    """Let the book's clock stand at an instant."""
    book._now = lambda: instant
    return book


@pytest.fixture
def three_lots(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """A cheap, a dear and a middling bitcoin in one account, one ether beside them, and a bitcoin in another account."""
    return write(
        row("low", time="2026-01-01T12:00:00Z", quote_amount="20000"),
        row("high", time="2026-02-01T12:00:00Z", quote_amount="60000"),
        row("middle", time="2026-03-01T12:00:00Z", quote_amount="40000"),
        row("ether", time="2026-03-01T12:00:00Z", asset="ETH", quote_amount="3000"),
        row("cold", time="2026-03-02T12:00:00Z", account="vault", quote_amount="10000"),
    )


@pytest.fixture
def held(book: Book, three_lots: Path) -> Book:
    """A book with these lots, at noon of 1 June 2026."""
    at(book, NOON).import_files([three_lots])
    return book


@pytest.fixture
def sell(row: Callable[..., Row], write: Callable[..., Path]) -> Callable[..., None]:
    """Return what imports a sale of bitcoin, at one in the afternoon unless told otherwise."""

    def sold(book: Book, ident: str, amount: str = "1", **cells: str) -> None:
        cells = {"time": "2026-06-01T13:00:00Z", "quote_amount": "50000"} | cells
        book.import_files([write(row(ident, type="sell", amount=amount, **cells))])

    return sold


def cited(rows: list[Row]) -> list[tuple[str, str, str, str]]:
    return sorted((row["event"], row["lot_event"], row["quantity"], row["matched_by"]) for row in rows)


# --- recorded here ------------------------------------------------------------------------------------------------------


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


# --- refused ------------------------------------------------------------------------------------------------------------

ONE = D(1)
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


# --- told by files --------------------------------------------------------------------------------------------------------


STANDING = {"id": "my-order", "recorded_at": "2026-05-01T00:00:00Z", "kind": "standing", "rule": "hifo", "evidence": "notary, no. 7"}
PICKED = {"id": "my-pick", "recorded_at": "2026-05-01T00:00:00Z", "kind": "selection", "sale": "s1", "evidence": "mail"}


def test_elections_of_a_file_are_kept_with_their_evidence_and_change_the_sales_they_mean(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    sell(held, "s1")
    sell(held, "s2", "0.5", time="2026-06-01T13:30:00Z")
    path = write_elections(PICKED | {"lot": "middle", "quantity": "0.75"}, STANDING, PICKED | {"lot": "low", "quantity": "0.25"})
    (outcome,) = held.import_files([path])
    assert (outcome.format_name, outcome.rows, outcome.tally.new) == ("lotwright-elections", 3, 2)
    assert cited(gains_of(held)) == [
        ("s1", "low", "0.25", "selection:my-pick"),
        ("s1", "middle", "0.75", "selection:my-pick"),
        ("s2", "high", "0.5", "order:my-order"),
    ]
    with held.store.read() as reader:
        told = [(one.election.election_id, one.election.grade.value, one.election.evidence, one.stored_at) for one in reader.register()]
    assert told == [("my-pick", "imported", "mail", NOON), ("my-order", "imported", "notary, no. 7", NOON)]
    assert held.check() == ()


def test_a_file_of_elections_twice_is_known_and_other_content_under_an_id_is_refused(
    held: Book, write_elections: Callable[..., Path], counts: Counts
) -> None:
    held.import_files([write_elections(STANDING)])
    (outcome,) = held.import_files([write_elections({**STANDING, "recorded_at": "2026-04-30T20:00:00-04:00"})])
    assert (outcome.tally.new, outcome.tally.known) == (0, 1)
    before = counts(held)
    for change in ({"rule": "lifo"}, {"recorded_at": "2026-05-01T00:00:01Z"}, {"evidence": "another"}, {"bot": "b"}, {"asset": "BTC"}):
        with pytest.raises(InputError) as refused:
            held.import_files([write_elections(STANDING | change, STANDING | {"id": "new"})])
        assert [(fault.line, fault.column) for fault in refused.value.faults] == [(2, "id")]
    assert counts(held) == before


def test_an_own_election_is_not_told_again_by_a_file(held: Book, write_elections: Callable[..., Path]) -> None:
    ident = held.elect(rule="hifo")
    with pytest.raises(InputError) as refused:
        held.import_files([write_elections({**STANDING, "id": ident, "recorded_at": NOON.isoformat(), "evidence": ""})])
    assert "in the register with other content" in str(refused.value.faults[0])


def test_an_election_told_for_a_day_to_come_counts_from_then_as_events_of_such_days_do(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    held.import_files([write_elections(STANDING | {"recorded_at": "2026-06-02T12:00:00Z", "effective_from": "2026-06-02T12:00:00Z"})])
    sell(held, "s1", time="2026-06-02T11:59:59Z")
    sell(held, "s2", time="2026-06-02T12:00:00Z")
    assert [row[3] for row in cited(gains_of(held))] == ["fifo", "order:" + STANDING["id"]]


def test_a_dry_run_of_elections_stores_nothing(held: Book, write_elections: Callable[..., Path], counts: Counts) -> None:
    before = counts(held)
    (outcome,) = held.import_files([write_elections(STANDING)], dry_run=True)
    assert (outcome.tally.new, counts(held)) == (1, before)


def test_an_election_told_to_be_recorded_after_the_sale_is_void_for_it(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    sell(held, "s1", time="2026-04-01T13:00:00Z")
    held.import_files([write_elections(PICKED | {"lot": "high", "quantity": "1"}, STANDING)])
    assert cited(gains_of(held)) == [("s1", "low", "1", "fifo")]
    assert [finding.code for finding in held.findings()] == ["election-late"]


# --- what is matched anew ---------------------------------------------------------------------------------------------------


def computations(book: Book, counts: Counts) -> int:
    return counts(book)["computation"]


def test_an_election_that_means_no_sale_of_the_book_matches_nothing_anew(held: Book, counts: Counts, gains_of: GainsOf) -> None:
    done = computations(held, counts)
    for number in range(3):
        held.elect(order=f"o{number}", lots={"high": ONE})
    held.elect(rule="hifo")
    assert gains_of(held) == []
    with held.store.read() as reader:
        assert is_current(reader, held.settings, held.regime)
    assert computations(held, counts) == done


def test_only_the_assets_that_an_election_means_are_matched_anew(
    held: Book, sell: Callable[..., None], write_elections: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(held, "s1", order_id="o1")
    sell(held, "s2", "0.5", asset="ETH")
    cleared: list[str] = []
    plain = Writer.clear_matches
    monkeypatch.setattr(Writer, "clear_matches", lambda self, assets: (cleared.extend(assets), plain(self, assets))[1])
    held.import_files([write_elections(PICKED | {"sale": "", "order_id": "o1", "lot": "high", "quantity": "1"})])
    assert cleared == ["BTC"]
    held.import_files([write_elections(STANDING | {"asset": "ETH"})])
    assert cleared == ["BTC", "ETH"]
    held.import_files([write_elections(STANDING | {"id": "x", "effective_from": "2026-06-02T00:00:00Z"})])
    assert cleared == ["BTC", "ETH"]
    held.import_files([write_elections(STANDING | {"id": "y"})])
    assert cleared == ["BTC", "ETH", "BTC", "ETH"]


def test_a_book_that_elects_into_the_past_of_its_own_events_is_matched_anew_by_the_next_report(
    held: Book, sell: Callable[..., None], gains_of: GainsOf
) -> None:
    sell(held, "s1", "0.5")  # the venue's clock is an hour ahead of ours
    ident = held.elect(rule="hifo")
    assert cited(gains_of(held)) == [("s1", "high", "0.5", f"order:{ident}")]


# --- the chain and its proof ----------------------------------------------------------------------------------------------


@pytest.fixture
def elected(held: Book, sell: Callable[..., None], write_elections: Callable[..., Path]) -> Book:
    """A book with an own order, an own selection, an imported order, and a sale decided by each of the own ones."""
    held.elect(rule="hifo", asset="BTC", bot="grid, the „first“")
    at(held, NOON + timedelta(minutes=1)).elect(order="o", lots={"middle": D("0.5"), "high": D("0.25")})
    held.import_files([write_elections(STANDING | {"evidence": "two\nlines"})])
    sell(held, "s1", "0.75", order_id="o")
    sell(held, "s2", "0.25", bot="grid, the „first“", time="2026-06-01T14:00:00Z")
    return held


def broken_links(document: dict[str, Any]) -> list[str]:
    """Do what the recipe in a proof says, with nothing of ours."""
    names = ("election", "kind", "subject", "recorded_at", "grade", "evidence", "body", "file", "stored_at")
    assert ", ".join(names) in " ".join(document["how_to_verify"])
    previous, broken = document["genesis"], []
    for one in document["elections"]:
        previous = hashlib.sha256("\x1f".join([previous, *(one[name] for name in names)]).encode("utf-8")).hexdigest()
        broken += [one["election"]] if previous != one["hash"] else []
    return broken + (["newest"] if previous != document["newest_hash"] else [])


def test_an_auditor_can_compute_the_hashes_of_a_proof_and_sees_the_time_before_the_sale(elected: Book) -> None:
    proof = json.loads(elected.election_proof())
    assert broken_links(proof) == []
    assert proof["made_at"] == "2026-06-01T12:01:00.000000Z"
    own_order, selection, imported = proof["elections"]
    assert [one["event"] for one in own_order["decided"]] == ["s2"]
    assert [(one["event"], one["lot_event"], one["quantity"]) for one in selection["decided"]] == [
        ("s1", "middle", "0.5"),
        ("s1", "high", "0.25"),
    ]
    assert all(one["disposed_at"] > selection["recorded_at"] for one in selection["decided"])
    assert selection["says"] == "selection for order o: 0.5 of lot middle, 0.25 of lot high"
    assert (imported["grade"], imported["evidence"], imported["decided"]) == ("imported", "two\nlines", [])
    assert imported["file"].startswith("P-")


@pytest.mark.parametrize("name", ["subject", "recorded_at", "body", "evidence", "stored_at", "grade"])
def test_a_proof_that_was_touched_gives_itself_away(elected: Book, name: str) -> None:
    proof = json.loads(elected.election_proof())
    proof["elections"][1][name] += " "
    assert broken_links(proof) == [proof["elections"][1]["election"]] + [one["election"] for one in proof["elections"][2:]] + ["newest"]


def test_the_chain_of_one_book_is_not_that_of_another(new_book: NewBook) -> None:
    proofs = []
    for _ in range(2):
        book = at(new_book(), NOON)
        book.elect(rule="hifo")
        proofs.append(json.loads(book.election_proof()))
    assert proofs[0]["elections"][0]["election"] == proofs[1]["elections"][0]["election"]
    assert proofs[0]["newest_hash"] != proofs[1]["newest_hash"]


CHANGES = (
    ("UPDATE election SET recorded_at = '2026-05-30 12:00:00+00' WHERE seq = 1", 1),
    ("UPDATE election SET body = replace(body, 'hifo', 'fifo') WHERE seq = 1", 1),
    ("UPDATE election SET subject = 'order:p' WHERE seq = 2", 2),
    ("UPDATE election SET evidence = 'x' WHERE seq = 3", 3),
    ("DELETE FROM election WHERE seq = 2", 3),
)


@pytest.mark.parametrize(("statement", "seq"), CHANGES, ids=[statement[:45] for statement, _ in CHANGES])
def test_a_register_that_was_changed_is_found(elected: Book, statement: str, seq: int) -> None:
    with elected.store.read() as reader:
        idents = {one.seq: one.election.election_id for one in reader.register()}
    tamper(elected, statement)
    found = [(finding.code, finding.severity, finding.subject) for finding in elected.check() if finding.code == "broken-register"]
    assert found == [("broken-register", "error", idents[seq])]


def test_a_register_that_lost_its_end_is_found(elected: Book) -> None:
    assert elected.check() == ()
    tamper(elected, "DELETE FROM election WHERE seq = 3")
    assert [finding.code for finding in elected.check()] == ["broken-register"]


def tamper(book: Book, statement: str) -> None:
    """Change the register as somebody does who owns the database: first the triggers go, then the rows."""
    backend = book.store._backend
    if backend.engine.dialect.name == "sqlite":
        statement = statement.replace("2026-05-30 12:00:00+00", "2026-05-30T12:00:00.000000Z")
    with backend.writing() as connection:
        if backend.engine.dialect.name == "sqlite":
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER election_refuses_{change}"))
        else:
            connection.execute(text("DROP TRIGGER election_append_only ON election"))
        connection.execute(text(statement))


def test_an_election_is_explained_and_explains_its_disposals(elected: Book, gains_of: GainsOf) -> None:
    piece = next(row for row in gains_of(elected) if row["event"] == "s2")
    (disposal,) = elected.explain(piece["disposal"])
    election = disposal.rests_on[0]
    assert (election.kind, f"order:{election.ident}") == ("election", piece["matched_by"])
    assert ("recorded", "2026-06-01T12:00:00.000000Z") in election.says
    (same,) = elected.explain(election.ident)
    assert (f"decided {piece['disposal']} piece 1", "0.25 BTC at 2026-06-01T14:00:00.000000Z") in same.says
    (imported,) = elected.explain("my-order")
    assert [below.kind for below in imported.rests_on] == ["payload"]


def test_the_report_lists_the_register_and_what_each_election_decided(elected: Book, report_of: Callable[..., bytes]) -> None:
    register, decided = json.loads(report_of(elected, "elections", "json"))["tables"]
    assert [(row["kind"], row["pieces"], row["grade"]) for row in register["rows"]] == [
        ("standing", 0, "imported"),
        ("standing", 1, "own"),
        ("selection", 2, "own"),
    ]
    assert sorted((row["event"], row["lot_event"]) for row in decided["rows"]) == [("s1", "high"), ("s1", "middle"), ("s2", "high")]
    assert all(row["recorded_at"] < row["disposed_at"] for row in decided["rows"])


# --- brokers ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def brokered(held: Book) -> Iterator[Callable[..., Book]]:
    """Return what gives the book a connection `main` with settings of its own."""
    opened: list[Book] = []

    def with_connection(*lines: str) -> Book:
        path = held.settings.folder / "lotwright.toml"
        with path.open("a", encoding="utf-8") as settings:
            settings.write("\n".join(["", "[connections.main]", 'venue = "coinbase-exchange"', *lines, ""]))
        opened.append(at(Book.open(held.settings.folder), NOON))
        return opened[0]

    yield with_connection
    for book in opened:
        book.close()


LAST_OF_RELIEF, FIRST_AFTER = "2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"


def test_from_2027_on_own_elections_over_what_a_broker_holds_are_a_finding(
    brokered: Callable[..., Book], sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = brokered()
    ident = book.elect(rule="hifo")
    picked = book.elect(order="o", lots={"middle": D("0.25")})
    sell(book, "s1", "0.1", time=LAST_OF_RELIEF)
    assert book.check() == ()
    sell(book, "s2", "0.1", time=FIRST_AFTER)
    sell(book, "s3", "0.1", time=FIRST_AFTER, order_id="o")
    sell(book, "s4", "0.1", time=FIRST_AFTER, account="vault")
    assert {row["event"]: (row["matched_by"], row["finding"]) for row in gains_of(book)} == {
        "s1": (f"order:{ident}", ""),
        "s2": (f"order:{ident}", "election-not-with-broker"),
        "s3": (f"selection:{picked}", "election-not-with-broker"),
        "s4": (f"order:{ident}", ""),
    }
    assert [(finding.code, finding.severity, finding.subject) for finding in book.check()] == [
        ("election-not-with-broker", "warning", "main/BTC")
    ]


def test_what_a_broker_confirmed_and_what_no_broker_holds_is_no_finding(
    brokered: Callable[..., Book], sell: Callable[..., None], write_elections: Callable[..., Path], gains_of: GainsOf
) -> None:
    book = brokered()
    book.import_files([write_elections(STANDING, PICKED | {"lot": "middle", "quantity": "0.1"})])
    sell(book, "s1", "0.1", time=FIRST_AFTER)
    sell(book, "s2", "0.1", time=FIRST_AFTER)
    assert {row["matched_by"] for row in gains_of(book)} == {"selection:my-pick", "order:my-order"}
    assert book.check() == ()


def test_an_unhosted_wallet_goes_by_our_own_books_for_ever(
    brokered: Callable[..., Book], sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = brokered('custody = "unhosted"')
    ident = book.elect(rule="hifo", effective_from=datetime(2027, 6, 1, tzinfo=UTC))
    assert book.election_caution(ident) == ""
    sell(book, "s1", "0.1", time="2027-06-02T00:00:00Z")
    assert cited(gains_of(book)) == [("s1", "high", "0.1", f"order:{ident}")]
    assert book.check() == ()


def test_the_only_order_of_a_broker_decides_from_2027_on_and_not_before(
    brokered: Callable[..., Book], sell: Callable[..., None], gains_of: GainsOf
) -> None:
    book = brokered('broker_method = "hifo"')
    ident = book.elect(rule="lofo")
    book.elect(order="o", lots={"middle": D("0.25")})
    sell(book, "s1", "0.1", time=LAST_OF_RELIEF)
    sell(book, "s2", "0.1", time=FIRST_AFTER)
    sell(book, "s3", "0.1", time=FIRST_AFTER, order_id="o")
    assert {row["event"]: (row["lot_event"], row["matched_by"], row["finding"]) for row in gains_of(book)} == {
        "s1": ("low", f"order:{ident}", ""),
        "s2": ("high", "broker:hifo", ""),
        "s3": ("high", "broker:hifo", "election-not-with-broker"),
    }


def test_an_order_over_what_a_broker_holds_is_recorded_with_a_caution_from_2027_on(brokered: Callable[..., Book]) -> None:
    book = brokered()
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"rule": "hifo"}, ""),
        ({"rule": "lifo", "effective_from": datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)}, ""),
        ({"rule": "hifo", "effective_from": datetime(2027, 1, 1, tzinfo=UTC)}, "a broker holds wallet main"),
        ({"rule": "lofo", "wallet": "main", "effective_from": datetime(2027, 1, 1, tzinfo=UTC)}, "a broker holds wallet main"),
        ({"rule": "lofo", "wallet": "vault", "effective_from": datetime(2027, 1, 1, tzinfo=UTC)}, ""),
    )
    for asked, expected in cases:
        caution = book.election_caution(book.elect(**asked))
        assert caution.startswith(expected) if expected else not caution


def test_an_order_for_what_the_book_does_not_know_is_recorded_with_a_caution(brokered: Callable[..., Book]) -> None:
    book = brokered()
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"rule": "hifo", "wallet": "main", "asset": "BTC"}, ""),
        ({"rule": "hifo", "wallet": "mian"}, "the book has no wallet 'mian' so far"),
        ({"rule": "hifo", "asset": "XBT", "bot": "gird"}, "the book has no asset 'XBT' and no bot 'gird' so far"),
        ({"sale": "s9", "lots": {"low": D("0.1")}, "wallet": "main"}, ""),
    )
    for asked, expected in cases:
        caution = book.election_scope_caution(book.elect(**asked))
        assert caution.startswith(expected) if expected else not caution


# --- looking beforehand -------------------------------------------------------------------------------------------------------


def test_a_preview_tells_lots_gain_and_term_by_each_rule_and_writes_nothing(held: Book, counts: Counts) -> None:
    ident = held.elect(rule="lifo", asset="BTC", bot="grid")
    before = counts(held)
    views = {view.rule: view for view in held.preview("BTC", D("1.5"), wallet="main", price=D(50000), bot="grid")}
    assert {name: (view.matched_by, view.cost_basis, view.gain) for name, view in views.items()} == {
        "fifo": ("fifo", D(50000), D(25000)),
        "lifo": ("lifo", D(70000), D(5000)),
        "hifo": ("hifo", D(80000), D(-5000)),
        "lofo": ("lofo", D(40000), D(35000)),
        "elected": (f"order:{ident}", D(70000), D(5000)),
    }
    first, second = views["fifo"].pieces
    assert [(one.piece.lot and one.piece.lot.source_id, one.piece.quantity, one.gain, one.term) for one in (first, second)] == [
        ("low", D(1), D(30000), "short"),
        ("high", D("0.5"), D(-5000), "short"),
    ]
    later = at(held, datetime(2027, 1, 2, tzinfo=UTC)).preview("BTC", D("1.5"), wallet="main")
    assert [(one.term, one.gain) for one in later[0].pieces] == [("long", None), ("short", None)]
    assert counts(held) == before


def test_units_that_no_lot_has_are_shown_in_a_preview(held: Book) -> None:
    view = held.preview("BTC", D(4), wallet="main", proceeds=D(400))[0]
    assert [(one.piece.lot is None, one.piece.quantity, one.gain) for one in view.pieces[3:]] == [(True, D(1), D(100))]


def test_a_preview_that_cannot_be_is_refused(held: Book, new_book: NewBook) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"asset": "BTC", "quantity": ONE}, "lies in several wallets: main, vault"),
        ({"asset": "DOGE", "quantity": ONE}, "no open lot of DOGE"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "nowhere"}, "wallet 'nowhere' has no open lot"),
        ({"asset": "BTC", "quantity": D(0), "wallet": "main"}, "more than zero units"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "main", "price": D(-1)}, "more than zero units"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "main", "price": ONE, "proceeds": ONE}, "both given"),
        ({"asset": "BTC", "quantity": D("Infinity"), "wallet": "main"}, "is not a finite number"),
        ({"asset": "BTC", "quantity": ONE, "wallet": "main", "price": D("1E+30")}, "has more than 20 integer digits"),
    )
    for asked, said in cases:
        with pytest.raises(InputError, match=said) as refused:
            held.preview(**asked)
        assert refused.value.mend
    with pytest.raises(InputError, match="does not choose among lots"):
        new_book(regime="uk").preview("BTC", ONE)
