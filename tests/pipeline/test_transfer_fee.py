"""What a move between own wallets costs, by the policy of its year: a disposal, one that adds to basis, or none."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ledger.book import Book
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.finding import Severity
from ledger.domain.lot import Disposal, Lot
from ledger.ports import BookTerms
from ledger.tax.us import UnitedStates

Row = dict[str, str]
NewBook = Callable[..., Book]
UNIVERSAL = "universal-until-2025-01-01"
D = Decimal


@pytest.fixture
def moved(new_book: NewBook, row: Callable[..., Row], write: Callable[..., Path]) -> Callable[..., Book]:
    """Return a maker of books: 2 bitcoin for 20,000 and 1 for 40,000, of which 2 move in 2024 (another time as told) for a fee of 0.5."""

    def made(policy: str, *, scope: str = "wallet", **cells: str) -> Book:
        book = new_book(scope=scope)
        place = book.settings.folder / "lotwright.toml"
        place.write_text(place.read_text(encoding="utf-8") + f"\n[law]\ntransfer_fee = {policy}\n", encoding="utf-8")
        book = Book.open(book.settings.folder)
        fee = {"fee_asset": "BTC", "fee_amount": "0.5", "fee_value": "30000"} | cells
        book.import_files(
            [
                write(
                    row("cheap", time="2023-01-01T12:00:00Z", amount="2", quote_amount="20000"),
                    row("dear", time="2023-02-01T12:00:00Z", quote_amount="40000"),
                    row("gas", time="2023-02-01T12:00:00Z", asset="ETH", quote_amount="1000"),
                    row("t1", **({"time": "2024-03-01T12:00:00Z", "type": "transfer", "to_account": "cold", "amount": "2"} | fee)),
                )
            ]
        )
        return book

    return made


def matched(book: Book) -> tuple[list[Disposal], dict[str, list[tuple[Decimal, Decimal | None]]]]:
    with book.store.read() as reader:
        disposals, lots = list(reader.disposals()), list(reader.lots(asset="BTC"))
    book.close()
    return disposals, {wallet: [_open(lot) for lot in lots if lot.wallet == wallet] for wallet in ("main", "cold")}


def _open(lot: Lot) -> tuple[Decimal, Decimal | None]:
    return lot.quantity_open, lot.cost_open


def test_a_disposal_is_the_rule_and_the_value_goes_nowhere(moved: Callable[..., Book]) -> None:
    (fee,), lots = matched(moved('{ "2023" = "ignore" }'))
    assert (fee.kind, fee.proceeds, fee.cost_basis) == ("fee", D(30000), D(20000))
    assert lots == {"main": [(D("0.5"), D(20000))], "cold": [(D(2), D(20000))]}


def test_the_value_adds_to_the_basis_of_the_units_moved(moved: Callable[..., Book]) -> None:
    (fee,), lots = matched(moved('{ "2024" = "disposal+basis" }'))
    assert (fee.kind, fee.proceeds, fee.cost_basis) == ("fee", D(30000), D(20000))
    assert lots == {"main": [(D("0.5"), D(20000))], "cold": [(D(2), D(50000))]}


def test_the_value_of_a_fee_in_another_asset_adds_to_the_basis_too(moved: Callable[..., Book]) -> None:
    (fee,), lots = matched(moved('{ "2024" = "disposal+basis" }', fee_asset="ETH", fee_amount="0.1", fee_value="300"))
    assert (fee.asset, fee.proceeds, fee.cost_basis) == ("ETH", D(300), D(100))
    assert lots["cold"] == [(D(2), D(20300))]


def test_ignored_units_leave_and_their_cost_goes_with_the_units_moved(
    moved: Callable[..., Book], gains_of: Callable[..., list[Row]]
) -> None:
    book = moved('{ "2024" = "ignore" }', fee_value="")
    assert gains_of(book) == []
    assert [one for one in book.findings() if one.severity is Severity.ERROR] == []  # nobody needs a price
    assert book.check() == ()
    (fee,), lots = matched(book)
    assert (fee.kind, fee.quantity, fee.proceeds, fee.cost_basis, fee.lot_source_id) == ("carried", D("0.5"), D(0), D(0), "dear")
    assert lots == {"main": [(D("0.5"), D(20000))], "cold": [(D(2), D(40000))]}


def test_in_the_pool_of_all_wallets_the_units_moved_take_up_the_cost_as_well(moved: Callable[..., Book]) -> None:
    book = moved('{ "2024" = "ignore" }', scope=UNIVERSAL)
    assert book.check() == ()
    (fee,), lots = matched(book)
    assert fee.kind == "carried"
    assert sum(cost or 0 for wallet in lots.values() for _, cost in wallet) == D(60000)
    assert sum(units for wallet in lots.values() for units, _ in wallet) == D("2.5")


def test_a_fee_in_another_asset_has_nobody_to_take_up_its_cost_and_stays_a_disposal(moved: Callable[..., Book]) -> None:
    (fee,), lots = matched(moved('{ "2024" = "ignore" }', fee_asset="ETH", fee_amount="0.1", fee_value="300"))
    assert (fee.kind, fee.proceeds) == ("fee", D(300))
    assert lots["cold"] == [(D(2), D(20000))]


def test_a_basis_that_needs_a_price_is_unknown_without_it(moved: Callable[..., Book]) -> None:
    book = moved('{ "2024" = "disposal+basis" }', fee_value="")
    assert "missing-price" in {finding.code for finding in book.findings()}
    assert "lots-not-conserved" not in {finding.code for finding in book.check()}
    _, lots = matched(book)
    assert lots["cold"] == [(D(2), None)]


def test_years_are_those_of_the_books_zone(moved: Callable[..., Book]) -> None:
    (fee,), _ = matched(moved('{ "2024" = "ignore" }', time="2025-01-01T00:00:00Z"))
    assert fee.kind == "fee"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("ignore", "law.transfer_fee is 'ignore'"),
        ({"2024": "never"}, "law.transfer_fee says 'never' of '2024'"),
        ({"24": "ignore"}, "says 'ignore' of '24'"),
    ],
)
def test_other_policies_are_refused(option: str | dict[str, str], said: str, us_terms: Callable[..., BookTerms]) -> None:
    with pytest.raises(InputError) as refused:
        UnitedStates().rule(us_terms(transfer_fee=option))
    assert said in refused.value.message
    assert 'transfer_fee = { "2024" = "ignore" }' in (refused.value.mend or "")


@pytest.fixture
def us_terms() -> Callable[..., BookTerms]:
    """Return a maker of terms with options of the law."""
    return lambda **law: BookTerms(currency=AssetCode("USD"), zone=ZoneInfo("UTC"), method="fifo", scope="wallet", wallets={}, law=law)
