"""Terms, boxes, years and settings of the regimes."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.lot import HoldingTerm
from ledger.ports import BookTerms, TaxRegime
from ledger.tax.generic import Generic
from ledger.tax.us import UnitedStates

US, GENERIC = UnitedStates(), Generic()
REGIMES: tuple[TaxRegime, ...] = (US, GENERIC)
ZONE = ZoneInfo("UTC")


def terms(*, currency: str = "USD", method: str = "fifo", scope: str = "wallet") -> BookTerms:
    return BookTerms(currency=AssetCode(currency), zone=ZONE, method=method, scope=scope, wallets={})


HOLDING_PERIODS = (
    ("2024-06-17", "2025-06-17", "short"),  # Pub. 544 chapter 4: exactly one year is not more than one
    ("2024-06-17", "2025-06-18", "long"),
    ("2024-06-17", "2025-06-19", "long"),
    ("2023-06-17", "2024-06-16", "short"),  # 365 days with a leap day inside
    ("2023-06-17", "2024-06-17", "short"),  # 366 days
    ("2023-06-17", "2024-06-18", "long"),
    ("2025-06-17", "2026-06-17", "short"),  # 365 days
    ("2024-02-29", "2025-02-28", "short"),
    ("2024-02-29", "2025-03-01", "long"),
    ("2023-02-28", "2024-02-29", "long"),  # plain anniversary reading
    ("2024-12-31", "2025-12-31", "short"),
    ("2024-12-31", "2026-01-01", "long"),
    ("2026-04-01", "2027-06-15", "long"),
    ("2026-08-01", "2027-06-15", "short"),
    ("2025-01-01", "2025-01-01", "short"),
)


@pytest.mark.parametrize(("acquired", "disposed", "expected"), HOLDING_PERIODS)
def test_long_is_more_than_one_year_by_calendar_dates(acquired: str, disposed: str, expected: str) -> None:
    assert US.term(date.fromisoformat(acquired), date.fromisoformat(disposed)) == HoldingTerm(expected)


BOXES = (
    (HoldingTerm.SHORT, 2025, "I"),
    (HoldingTerm.LONG, 2025, "L"),
    (HoldingTerm.SHORT, 2026, "I"),
    (HoldingTerm.SHORT, 2024, "C"),
    (HoldingTerm.LONG, 2024, "F"),
    (None, 2025, ""),
)


@pytest.mark.parametrize(("term", "year", "box"), BOXES)
def test_sales_without_a_broker_form_have_the_boxes_of_their_year(term: HoldingTerm | None, year: int, box: str) -> None:
    assert US.box(term=term, year=year) == box


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_tax_years_are_calendar_years(regime: TaxRegime) -> None:
    period = regime.period_of(2025)
    assert (period.from_day, period.to_day) == (date(2025, 1, 1), date(2025, 12, 31))
    assert regime.year_of(date(2025, 12, 31)) == 2025


def test_generic_knows_neither_terms_nor_boxes() -> None:
    assert GENERIC.term(date(2020, 1, 1), date(2025, 1, 1)) is None
    assert GENERIC.box(term=HoldingTerm.LONG, year=2025) == ""


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_fifo_by_wallet_is_allowed(regime: TaxRegime) -> None:
    assert regime.rule(terms()).name == "fifo"
    assert regime.methods == ("fifo",)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (terms(method="average"), r"has no method 'average'\n  mend: .*: fifo$"),
        (terms(scope="universal"), r"has no scope 'universal'\n  mend: .*: wallet$"),
    ],
    ids=["method", "scope"],
)
def test_other_settings_are_refused_and_the_message_names_what_is_there(regime: TaxRegime, refused: BookTerms, message: str) -> None:
    with pytest.raises(InputError, match=message):
        regime.rule(refused)


def test_us_reckons_in_dollars_and_generic_in_any_money() -> None:
    with pytest.raises(InputError, match="EUR"):
        US.rule(terms(currency="EUR"))
    assert GENERIC.rule(terms(currency="EUR")).name == "fifo"
