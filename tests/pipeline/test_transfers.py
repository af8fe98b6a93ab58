"""Lots travel with their date and cost as soon as both halves of a transfer are known, and only the assets concerned are swept anew."""

from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from ledger.book import Book, Selection, Silent
from ledger.domain.errors import InputError
from ledger.domain.ids import is_in_transit
from ledger.domain.lot import Lot
from ledger.pipeline.match import Rebuild

Row = dict[str, str]
NewBook = Callable[..., Book]
MakeRow = Callable[..., Row]
Write = Callable[..., Path]

BOUGHT, LEFT, CAME, SOLD = "2024-03-01T12:00:00Z", "2024-12-31T23:30:00Z", "2025-01-01T00:20:00Z", "2025-06-01T12:00:00Z"


def import_rows(book: Book, write: Write, *rows: Row) -> None:
    """Import every row as a file of its own, by a command of its own."""
    for one in rows:
        book.import_files([write(one)])


def withdrawal(row: MakeRow, ident: str = "w1", **cells: str) -> Row:
    return row(ident, **{"type": "withdrawal", "time": LEFT, **cells})


def deposit(row: MakeRow, ident: str = "d1", **cells: str) -> Row:
    return row(ident, **{"type": "deposit", "time": CAME, "account": "vault", **cells})


def sale(row: MakeRow, ident: str = "s1", **cells: str) -> Row:
    return row(ident, **{"type": "sell", "time": SOLD, "account": "vault", "quote_amount": "90000", **cells})


def purchase(row: MakeRow, ident: str = "b1", **cells: str) -> Row:
    return row(ident, **{"time": BOUGHT, "quote_amount": "20000", **cells})


def told(gains: Sequence[Row]) -> list[tuple[str, ...]]:
    return [tuple(gain[name] for name in ("event", "quantity", "wallet", "date_acquired", "cost_basis", "gain", "term")) for gain in gains]


def states(book: Book) -> list[tuple[str, str, str]]:
    return [(one.half.source_id, one.state, one.why) for one in book.transfers()]


def state_of(book: Book) -> tuple[object, ...]:
    """Return all that is derived."""
    with book.store.read() as reader:
        links, lots = reader.transfer_links(), list(reader.lots(include_closed=True))
        return links, lots, list(reader.disposals()), reader.findings()


TRAVELLED = [("s1", "1", "vault", "2024-03-01", "20000", "70000", "long")]


@pytest.fixture
def four(row: MakeRow) -> list[Row]:
    """A bitcoin that is bought in one account and sold in another, with both halves of its way told apart."""
    return [purchase(row), withdrawal(row), deposit(row), sale(row)]


def test_lots_travel_with_date_and_cost_in_whatever_order_the_halves_arrive(
    new_book: NewBook, four: list[Row], write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    figures = set()
    for order in list(permutations(four))[::5]:
        book = new_book()
        import_rows(book, write, *order)
        assert told(gains_of(book)) == TRAVELLED
        assert (book.findings(), book.check()) == ((), ())
        before = state_of(book)
        book.rebuild()
        assert state_of(book) == before
        figures.add(repr(before))
    assert len(figures) == 1


def test_a_deposit_that_was_seen_before_its_withdrawal_is_there_for_a_sale_at_once(
    book: Book, row: MakeRow, write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    early = deposit(row, time="2024-12-31T23:20:00Z")
    import_rows(book, write, purchase(row), withdrawal(row), early, sale(row, time="2024-12-31T23:20:00.000001Z"))
    assert told(gains_of(book)) == [(*TRAVELLED[0][:-1], "short")]
    assert book.check() == ()


def test_halves_of_one_instant_leave_before_they_arrive(book: Book, row: MakeRow, write: Write) -> None:
    import_rows(book, write, purchase(row), withdrawal(row, "z9"), deposit(row, "a1", time=LEFT))
    assert [(lot.wallet, lot.source_id, lot.cost_open) for lot in book.lots()] == [("vault", "b1", 20000)]
    assert book.check() == ()


def test_what_is_under_way_at_the_end_of_a_year_is_shown_from_where_to_where(
    book: Book, four: list[Row], write: Write, report_of: Callable[..., bytes]
) -> None:
    import_rows(book, write, *four)
    year = Selection(period=book.period_of(2024))
    for report in ("lots", "holdings"):
        assert b"(in transit) main -> vault #" in report_of(book, report, "csv", year)
        assert b"(in transit)" not in report_of(book, report, "csv").split(b"\n", 1)[1]


def test_lots_of_two_transfers_under_way_never_mix(book: Book, row: MakeRow, write: Write) -> None:
    import_rows(
        book,
        write,
        purchase(row),
        purchase(row, "b2", time="2024-04-01T12:00:00Z", quote_amount="30000", amount="2"),
        withdrawal(row),
        withdrawal(row, "w2", amount="2"),
        deposit(row, "d2", amount="2", account="cold"),
        deposit(row, time="2025-01-01T01:00:00Z"),
    )
    assert [(lot.wallet, lot.source_id) for lot in book.lots()] == [("cold", "b2"), ("vault", "b1")]


def test_of_several_deposits_the_first_gets_what_the_rule_picks_first_whatever_their_names(book: Book, row: MakeRow, write: Write) -> None:
    import_rows(book, write, purchase(row), purchase(row, "b2", time="2024-04-01T12:00:00Z"), withdrawal(row, amount="2"))
    names = [f"d{number}" for number in range(6)]
    arrivals = [deposit(row, name, amount="0.3", time=f"2025-01-01T0{number}:00:00Z") for number, name in enumerate(names)]
    import_rows(book, write, *arrivals)
    book.match_transfers("main/w1", *(f"vault/{name}" for name in reversed(names)), rest_is_fee=True)
    assert [(str(lot.quantity_open), lot.source_id) for lot in book.lots()] == [
        *[("0.3", "b1")] * 3,
        ("0.1", "b1"),
        ("0.2", "b2"),
        *[("0.3", "b2")] * 2,
    ]
    before = state_of(book)
    book._derive(Silent(), Rebuild.UNPRICED)  # the lost units lack a price: swept again by the links as they are stored
    assert state_of(book) == before


def test_units_lost_on_the_way_are_a_fee_in_kind_and_stay_explained_in_the_clearing_account(
    book: Book, row: MakeRow, write: Write, report_of: Callable[..., bytes]
) -> None:
    price = row("x1", time=LEFT, account="other", amount="0.00000001", quote_amount="0.00093")
    import_rows(book, write, purchase(row), withdrawal(row), deposit(row, amount="0.999"), price)
    (finding,) = book.findings()
    assert (finding.code, finding.subject) == ("missing-price", "main/w1/fee")
    (fee,) = [piece for piece in disposals(book) if piece.kind == "fee"]
    assert (str(fee.quantity), fee.account, fee.source_id, str(fee.cost_basis)) == ("0.001", "main", "w1", "20")
    assert b"equity:clearing:transfers,BTC,0.001" in report_of(book, "balances")
    assert [one.code for one in book.check()] == ["missing-price"]


def disposals(book: Book) -> list[object]:
    with book.store.read() as reader:
        return list(reader.disposals())


def test_fees_of_both_halves_are_paid_by_their_own_accounts(book: Book, row: MakeRow, write: Write) -> None:
    fee = {"fee_asset": "BNB", "fee_amount": "1", "fee_value": "10"}
    bnb = [purchase(row, f"n-{account}", account=account, asset="BNB", quote_amount="4") for account in ("main", "vault")]
    import_rows(book, write, purchase(row), *bnb, withdrawal(row, **fee), deposit(row, **fee))
    paid = [(piece.source_id, piece.account, str(piece.proceeds)) for piece in disposals(book)]
    assert paid == [("w1", "main", "10"), ("d1", "vault", "10")]
    import_rows(book, write, deposit(row, "d0", time=LEFT))  # now it is not told which
    assert [(piece.source_id, piece.account) for piece in disposals(book)] == [("w1", "main"), ("d1", "vault")]
    before = state_of(book)
    book.rebuild()
    assert state_of(book) == before


# --- decisions ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def ambiguous(book: Book, row: MakeRow, write: Write) -> Book:
    """A book in which two deposits fit one withdrawal."""
    import_rows(book, write, purchase(row), withdrawal(row), deposit(row), deposit(row, "d2"), purchase(row, "e1", asset="ETH"))
    return book


def test_what_is_ambiguous_waits_until_it_is_matched(
    ambiguous: Book, gains_of: Callable[..., list[Row]], row: MakeRow, write: Write
) -> None:
    assert states(ambiguous) == [
        ("w1", "waiting", "several fit"),
        *((name, "waiting", "one fits, but that fits others too") for name in ("d1", "d2")),
    ]
    ambiguous.match_transfers("main/w1", "vault/d2")
    assert states(ambiguous) == [
        ("d1", "waiting", "nothing fits"),
        ("w1", "paired", "matched by hand"),
        ("d2", "paired", "matched by hand"),
    ]
    import_rows(ambiguous, write, sale(row))
    assert told(gains_of(ambiguous)) == TRAVELLED
    assert [finding.code for finding in ambiguous.check()] == ["unknown-acquisition", "unpaired-deposit"]


def test_a_decision_sweeps_its_own_asset_and_no_other(ambiguous: Book) -> None:
    with ambiguous.store.write() as writer:
        writer.clear_matches(["ETH"])  # so that a sweep of it would show
    ambiguous.match_transfers("main/w1", "vault/d1")
    assert {lot.asset for lot in ambiguous.lots()} == {"BTC"}
    ambiguous.rebuild()
    assert {lot.asset for lot in ambiguous.lots()} == {"BTC", "ETH"}


def test_a_link_that_numbers_the_disposals_of_two_assets_anew_takes_the_place_of_both(
    book: Book, row: MakeRow, write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    """The fee in ether is the second thing that the withdrawal alone does; with its deposit, what got lost on the way is."""
    fee = {"fee_asset": "ETH", "fee_amount": "0.01", "fee_value": "3"}
    import_rows(book, write, purchase(row), withdrawal(row, **fee), deposit(row, amount="0.997", time=LEFT))
    gains = gains_of(book)
    assert sorted((gain["asset"], gain["quantity"]) for gain in gains) == [("BTC", "0.003"), ("ETH", "0.01")]
    assert len({gain["disposal"] for gain in gains}) == 2


def test_a_split_pair_waits_again_and_lots_go_back(book: Book, four: list[Row], write: Write, gains_of: Callable[..., list[Row]]) -> None:
    import_rows(book, write, *four)
    book.split_transfer("vault/d1")
    assert [state for _, state, _ in states(book)] == ["waiting", "waiting"]
    assert [gain["finding"] for gain in gains_of(book)] == ["missing-basis"]
    assert [lot.wallet for lot in book.lots()] == ["(in transit)"]
    book.match_transfers("vault/d1", "main/w1")
    assert told(gains_of(book)) == TRAVELLED
    with book.store.read() as reader:
        assert [decision.kind.value for decision in reader.pair_decisions()] == ["split", "match"]


def test_a_dismissed_half_is_found_until_it_is_told_what_it_was(
    book: Book, four: list[Row], row: MakeRow, write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    import_rows(book, write, *four[2:])
    book.dismiss_transfer("vault/d1")
    assert [finding.code for finding in book.findings()] == ["missing-basis", "dismissed-deposit"]
    book.split_transfer("vault/d1")
    import_rows(book, write, row("g1", type="gift_in", account="outside", time="2020-01-01T00:00:00Z", value="500"))
    import_rows(book, write, withdrawal(row, account="outside"))
    assert [(gain["cost_basis"], gain["date_acquired"]) for gain in gains_of(book)] == [("500", "2020-01-01")]
    assert book.check() == ()


def test_a_dismissed_withdrawal_is_no_sale(book: Book, four: list[Row], write: Write, gains_of: Callable[..., list[Row]]) -> None:
    import_rows(book, write, *four[:2])
    book.dismiss_transfer("main/w1")
    assert gains_of(book) == []
    assert [finding.code for finding in book.check()] == ["dismissed-withdrawal"]
    assert [lot.wallet for lot in book.lots()] == ["(in transit)"]


def test_a_lone_deposit_gets_its_basis_from_an_account_of_its_own(
    book: Book, row: MakeRow, write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    import_rows(book, write, deposit(row), sale(row))
    (waiting,) = [finding for finding in book.findings() if finding.code == "unpaired-deposit"]
    assert "import in an account of its own how they were acquired (`opening` with `value` and `acquired`" in waiting.mend
    assert "a `withdrawal` of 1 BTC at 2025-01-01T00:20:00.000000Z, which will pair with it" in waiting.mend
    kept = row("o1", type="opening", account="old", time="2024-06-01", acquired="2024-03-01", value="20000")
    import_rows(book, write, kept, withdrawal(row, account="old", time="2025-01-01T00:20:00Z"))
    assert told(gains_of(book)) == TRAVELLED
    assert book.check() == ()


def test_bad_pairings_are_refused_and_nothing_is_written(ambiguous: Book, row: MakeRow, write: Write) -> None:
    import_rows(ambiguous, write, withdrawal(row, "w9", amount="9"), withdrawal(row, "e9", asset="ETH"), deposit(row, "m1", account="main"))
    ambiguous.dismiss_transfer("main/m1")
    before = state_of(ambiguous)
    for idents, said in (
        (("main/w1", "nobody/x"), "no half of a transfer has the id 'nobody/x'"),
        (("main/w1", ""), "no half of a transfer has the id ''"),
        (("main/w1", "main/b1"), "no half of a transfer has the id 'main/b1'"),
        (("main/w1", "main/w9"), "all halves named are withdrawals"),
        (("main/e9", "vault/d1"), "different assets: BTC, ETH"),
        (("main/w9", "vault/d1"), "8 BTC are missing"),
        (("main/w1", "main/m1"), "was dismissed"),
    ):
        with pytest.raises(InputError, match=said):
            ambiguous.match_transfers(*idents)
    with pytest.raises(InputError, match="is not paired"):
        ambiguous.split_transfer("main/w1")
    assert state_of(ambiguous) == before
    with ambiguous.store.read() as reader:
        assert reader.pair_decision_seq_last() == 1


def test_a_prefix_that_several_halves_share_is_refused(book: Book, row: MakeRow, write: Write) -> None:
    book.import_files([write(*(deposit(row, f"d{number}", amount=str(number + 1)) for number in range(17)))])
    firsts = [one.half.event_id[0] for one in book.transfers()]
    shared = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(InputError, match=f"'{shared}' is the beginning of"):
        book.dismiss_transfer(shared)


def test_settings_change_pairs_at_the_next_report(
    new_book: NewBook, four: list[Row], write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    book = new_book()
    import_rows(book, write, *four)
    path = book.settings.folder / "lotwright.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n[transfers]\nskew_minutes = 0\nwindow_hours = 0\n", encoding="utf-8")
    with Book.open(book.settings.folder) as changed:
        assert [gain["finding"] for gain in gains_of(changed)] == ["missing-basis"]
        before = state_of(changed)
        changed.rebuild()
        assert state_of(changed) == before


# --- other laws, and where a figure comes from --------------------------------------------------------------------------

LAWS: dict[str, dict[str, str]] = {
    "average": {"regime": "generic", "method": "average"},
    "average of all": {"regime": "generic", "method": "average", "scope": "universal"},
    "total average": {"regime": "generic", "method": "total-average", "scope": "universal"},
    "hifo of all": {"regime": "generic", "method": "hifo", "scope": "universal"},
    "until 2025": {"regime": "us", "scope": "universal-until-2025-01-01"},
}


@pytest.mark.parametrize("law", LAWS)
def test_units_travel_under_every_law(
    law: str, new_book: NewBook, four: list[Row], write: Write, gains_of: Callable[..., list[Row]]
) -> None:
    book = new_book(**LAWS[law])
    import_rows(book, write, *four)
    assert [(gain["cost_basis"], gain["finding"]) for gain in gains_of(book)] == [("20000", "")]
    assert book.check() == ()


def test_the_chain_of_a_figure_goes_through_the_transfer_to_the_purchase(book: Book, row: MakeRow, four: list[Row], write: Write) -> None:
    further = [
        withdrawal(row, "w2", account="vault", time="2025-02-01T00:00:00Z"),
        deposit(row, "d2", account="cold", time="2025-02-01T00:00:00Z"),
    ]
    import_rows(book, write, *four[:3], *further, sale(row, account="cold"))
    (piece,) = disposals(book)
    (chain,) = book.explain(piece.disposal_id)  # type: ignore[attr-defined]  # a disposal
    (lot, _) = chain.rests_on
    assert [(one.kind, one.ident) for one in lot.rests_on[:-1]] == [("transfer", "vault -> cold"), ("transfer", "main -> vault")]
    assert [dict(half.says)["source's id"] for one in lot.rests_on[:-1] for half in one.rests_on] == ["w2", "d2", "w1", "d1"]
    assert dict(lot.rests_on[-1].says)["source's id"] == "b1"


def test_a_transfer_that_was_told_whole_is_in_the_chain_too(book: Book, row: MakeRow, four: list[Row], write: Write) -> None:
    import_rows(book, write, four[0], row("t1", type="transfer", time=LEFT, to_account="vault"), four[3])
    (piece,) = disposals(book)
    (chain,) = book.explain(piece.disposal_id)  # type: ignore[attr-defined]  # a disposal
    assert [one.ident for one in chain.rests_on[0].rests_on[:-1]] == ["main -> vault"]


def test_no_account_can_be_named_like_a_place_of_units_under_way(book: Book, row: MakeRow, write: Write) -> None:
    with pytest.raises(InputError):
        import_rows(book, write, purchase(row, account="(in transit) main -> vault #1"))
    lots: list[Lot] = list(book.lots())
    assert not any(is_in_transit(lot.wallet) for lot in lots)
