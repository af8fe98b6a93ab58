"""Terms, boxes, years and settings of the regimes."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId
from ledger.domain.lot import DepartureKind, HoldingTerm
from ledger.domain.time.period import CALENDAR_YEAR, YearStart
from ledger.ports import BookTerms, TaxRegime
from ledger.tax.generic import Generic
from ledger.tax.uk import UnitedKingdom
from ledger.tax.us import UnitedStates

US, GENERIC, UK = UnitedStates(), Generic(), UnitedKingdom()
REGIMES: tuple[TaxRegime, ...] = (US, GENERIC, UK)
ZONE = ZoneInfo("UTC")


def terms(*, currency: str = "USD", method: str = "fifo", scope: str = "wallet") -> BookTerms:
    return BookTerms(currency=AssetCode(currency), zone=ZONE, method=method, scope=scope, wallets={})


def with_form(form: str, year: int) -> BookTerms:
    return replace(terms(), forms={AccountId("main"): {year: form}})


def uk_terms(*, currency: str = "GBP", method: str = "section-104", scope: str = "universal") -> BookTerms:
    return replace(terms(currency=currency, method=method, scope=scope), zone=ZoneInfo("Europe/London"))


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
    assert US.term(date.fromisoformat(acquired), date.fromisoformat(disposed), terms()) == HoldingTerm(expected)


MONTH_ENDS = (
    ("2023-02-28", "2024-02-29", "short"),  # long only from the first day of the 13th month after it
    ("2023-02-28", "2024-03-01", "long"),
    ("2024-02-29", "2025-02-28", "short"),
    ("2024-02-29", "2025-03-01", "long"),
    ("2023-02-27", "2024-02-28", "long"),  # no month's last day
    ("2024-12-31", "2026-01-01", "long"),
)


@pytest.mark.parametrize(("acquired", "disposed", "expected"), MONTH_ENDS)
def test_what_was_acquired_at_the_end_of_a_month_is_long_from_the_first_of_one_where_the_book_says_so(
    acquired: str, disposed: str, expected: str
) -> None:
    book = replace(terms(), law={"month_end": True})
    assert US.term(date.fromisoformat(acquired), date.fromisoformat(disposed), book) == HoldingTerm(expected)


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
    assert US.box(term=term, year=year, form="") == US.box(term=term, year=year, form="none") == box


FORM_BOXES = (
    ("1099-da", 2025, "H", "K"),
    ("1099-da-basis", 2026, "G", "J"),
    ("1099-b", 2025, "B", "E"),
    ("1099-b-basis", 2025, "A", "D"),
    ("1099-b", 2024, "B", "E"),
    ("1099-b-basis", 2024, "A", "D"),
)


@pytest.mark.parametrize(("form", "year", "short", "long"), FORM_BOXES)
def test_sales_on_a_brokers_form_have_the_boxes_of_that_form(form: str, year: int, short: str, long: str) -> None:
    assert US.box(term=HoldingTerm.SHORT, year=year, form=form) == short
    assert US.box(term=HoldingTerm.LONG, year=year, form=form) == long


YEARS: tuple[tuple[TaxRegime, YearStart | None, str, str], ...] = (
    (US, None, "2025-01-01", "2025-12-31"),
    (US, YearStart(month=4, day=6), "2025-01-01", "2025-12-31"),  # the law leaves no choice
    (GENERIC, None, "2025-01-01", "2025-12-31"),
    (GENERIC, CALENDAR_YEAR, "2025-01-01", "2025-12-31"),
    (GENERIC, YearStart(month=7, day=1), "2025-07-01", "2026-06-30"),
    (GENERIC, YearStart(month=3, day=1), "2025-03-01", "2026-02-28"),
    (UK, None, "2025-04-06", "2026-04-05"),
)


@pytest.mark.parametrize(("regime", "start", "first", "last"), YEARS)
def test_tax_years_begin_where_the_law_or_the_book_says(regime: TaxRegime, start: YearStart | None, first: str, last: str) -> None:
    book = replace(terms(), year_start=start)
    period = regime.period_of(2025, book)
    assert (str(period.from_day), str(period.to_day)) == (first, last)
    assert regime.year_of(date.fromisoformat(first), book) == regime.year_of(date.fromisoformat(last), book) == 2025
    assert regime.year_of(date.fromisoformat(first) - timedelta(days=1), book) == 2024


def test_a_year_that_begins_on_the_leap_day_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="day"):
        YearStart(month=2, day=29)


@pytest.mark.parametrize("regime", [GENERIC, UK], ids=lambda regime: regime.name)
def test_only_the_us_know_terms_and_boxes_of_a_row(regime: TaxRegime) -> None:
    assert regime.term(date(2020, 1, 1), date(2025, 1, 1), terms()) is None
    assert regime.box(term=HoldingTerm.LONG, year=2025, form="") == ""


ALLOWED: tuple[tuple[TaxRegime, BookTerms, str], ...] = (
    (US, terms(), "fifo"),
    (US, terms(scope="universal-until-2025-01-01"), "fifo"),
    (GENERIC, terms(currency="EUR"), "fifo"),
    (GENERIC, terms(method="lifo", scope="universal"), "lifo"),
    (GENERIC, terms(method="hifo", scope="universal-until-2019-07-01"), "hifo"),
    (GENERIC, terms(method="lofo"), "lofo"),
    (GENERIC, terms(method="average"), "average"),
    (GENERIC, terms(method="average", scope="universal"), "average"),
    (GENERIC, terms(method="total-average", scope="universal"), "total-average"),
    (GENERIC, replace(terms(method="total-average", scope="universal"), year_start=YearStart(month=7, day=1)), "total-average"),
    (US, replace(terms(), year_start=CALENDAR_YEAR), "fifo"),
    (US, with_form("1099-da", 2025), "fifo"),
    (US, with_form("none", 2024), "fifo"),
    (US, with_form("1099-b", 2020), "fifo"),
    (UK, uk_terms(), "section-104"),
    (UK, replace(uk_terms(), year_start=YearStart(month=4, day=6)), "section-104"),
)


@pytest.mark.parametrize(("regime", "book", "rule"), ALLOWED)
def test_methods_and_scopes_that_the_law_allows_give_their_rule(regime: TaxRegime, book: BookTerms, rule: str) -> None:
    assert regime.rule(book).name == rule


def test_a_law_without_brokers_knows_no_form_at_all() -> None:
    assert US.forms == {"none", "1099-da", "1099-da-basis", "1099-b", "1099-b-basis"}
    assert GENERIC.forms == UK.forms == frozenset()


REFUSED: tuple[tuple[TaxRegime, BookTerms, str], ...] = (
    (
        US,
        terms(method="hifo"),
        (
            "regime 'us' has no method 'hifo'\n"
            '  mend: keep `method = "fifo"`: another choice of lots counts only as a standing order that was written down '
            "before the sales that it covers (26 CFR 1.1012-1(j)): record one with `lotwright lots elect --rule hifo`, "
            "from when on it counts"
        ),
    ),
    (
        US,
        terms(method="average"),
        (
            "regime 'us' has no method 'average'\n"
            '  mend: set `method = "fifo"`: the law allows no average cost for digital assets (26 CFR 1.1012-1(j)(4))'
        ),
    ),
    (US, terms(method="dice"), "regime 'us' has no method 'dice'\n  mend: set `method` in lotwright.toml to one of: fifo"),
    (
        US,
        terms(scope="universal"),
        (
            "regime 'us' has no scope 'universal' with method 'fifo'\n"
            "  mend: set `scope` in lotwright.toml to one of: wallet, universal-until-2025-01-01"
        ),
    ),
    (
        US,
        terms(scope="universal-until-2026-01-01"),
        (
            "regime 'us' has no scope 'universal-until-2026-01-01' with method 'fifo'\n"
            "  mend: set `scope` in lotwright.toml to one of: wallet, universal-until-2025-01-01"
        ),
    ),
    (
        US,
        terms(currency="EUR"),
        'regime \'us\' reckons in USD, the book in EUR\n  mend: set `currency = "USD"` in lotwright.toml, or `regime = "generic"`',
    ),
    (
        US,
        replace(terms(), year_start=YearStart(month=10, day=1)),
        (
            "regime 'us' begins tax years on 01-01, the book on 10-01\n"
            '  mend: take `year_start` out of lotwright.toml, or set `regime = "generic"`'
        ),
    ),
    (
        UK,
        replace(uk_terms(), year_start=CALENDAR_YEAR),
        (
            "regime 'uk' begins tax years on 04-06, the book on 01-01\n"
            '  mend: take `year_start` out of lotwright.toml, or set `regime = "generic"`'
        ),
    ),
    (
        GENERIC,
        terms(method="dice"),
        (
            "regime 'generic' has no method 'dice'\n"
            "  mend: set `method` in lotwright.toml to one of: fifo, lifo, hifo, lofo, average, total-average"
        ),
    ),
    (
        GENERIC,
        terms(scope="universal-until-2025-02-30"),
        (
            "regime 'generic' has no scope 'universal-until-2025-02-30' with method 'fifo'\n"
            "  mend: set `scope` in lotwright.toml to one of: wallet, universal, universal-until-YYYY-MM-DD"
        ),
    ),
    (
        GENERIC,
        terms(method="average", scope="universal-until-2025-01-01"),
        (
            "regime 'generic' has no scope 'universal-until-2025-01-01' with method 'average'\n"
            "  mend: set `scope` in lotwright.toml to one of: wallet, universal"
        ),
    ),
    (
        GENERIC,
        terms(method="total-average"),
        "regime 'generic' has no scope 'wallet' with method 'total-average'\n  mend: set `scope` in lotwright.toml to one of: universal",
    ),
    (US, replace(terms(), law={"month_ends": True}), "regime 'us' has no option law.month_ends\n  mend: did you mean 'month_end'?"),
    (
        US,
        replace(terms(), law={"moon": True}),
        "regime 'us' has no option law.moon\n  mend: it knows: month_end, wash_sales, transfer_fee, spam, income_lines",
    ),
    (
        US,
        replace(terms(), law={"month_end": "yes"}),
        "law.month_end is 'yes'\n  mend: write month_end = true or month_end = false, without quotes",
    ),
    (
        US,
        replace(terms(), law={"wash_sales": True}),
        'law.wash_sales is True\n  mend: write it as text in quotes, such as wash_sales = "off"',
    ),
    (
        US,
        replace(terms(), law={"wash_sales": "on"}),
        "law.wash_sales is 'on'\n  mend: write one of: off, analysis, analysis-from-YYYY-MM-DD",
    ),
    (
        US,
        replace(terms(), law={"wash_sales": "analysis-from-2026-02-30"}),
        "law.wash_sales is 'analysis-from-2026-02-30'\n  mend: write one of: off, analysis, analysis-from-YYYY-MM-DD",
    ),
    (US, with_form("1099-ad", 2025), "connections.main.forms.2025 is '1099-ad'\n  mend: did you mean '1099-da'?"),
    (
        US,
        with_form("x", 2025),
        "connections.main.forms.2025 is 'x'\n  mend: write one of: none, 1099-da, 1099-da-basis, 1099-b, 1099-b-basis",
    ),
    (
        US,
        with_form("1099-da", 2024),
        "connections.main.forms.2024 is '1099-da': there is no such form for sales before 2025\n  mend: write none or a form 1099-b",
    ),
    (UK, replace(uk_terms(), law={"month_end": True}), "regime 'uk' has no option law.month_end\n  mend: take it out of lotwright.toml"),
    (
        GENERIC,
        with_form("1099-da", 2025),
        "regime 'generic' knows no forms of brokers\n  mend: take [connections.main.forms] out of lotwright.toml",
    ),
    (
        UK,
        uk_terms(currency="USD"),
        'regime \'uk\' reckons in GBP, the book in USD\n  mend: set `currency = "GBP"` in lotwright.toml, or `regime = "generic"`',
    ),
    (
        UK,
        uk_terms(method="fifo"),
        "regime 'uk' has method 'section-104', the book 'fifo'\n  mend: set `method = \"section-104\"` in lotwright.toml",
    ),
    (
        UK,
        uk_terms(scope="wallet"),
        "regime 'uk' has scope 'universal', the book 'wallet'\n  mend: set `scope = \"universal\"` in lotwright.toml",
    ),
    (
        UK,
        replace(uk_terms(), zone=ZONE),
        "regime 'uk' has time_zone 'Europe/London', the book 'UTC'\n  mend: set `time_zone = \"Europe/London\"` in lotwright.toml",
    ),
)


@pytest.mark.parametrize(("regime", "book", "message"), REFUSED)
def test_other_settings_are_refused_and_the_message_names_what_is_there(regime: TaxRegime, book: BookTerms, message: str) -> None:
    with pytest.raises(InputError) as refused:
        regime.rule(book)
    assert str(refused.value) == message


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_the_first_values_of_a_regime_are_settings_that_it_allows(regime: TaxRegime) -> None:
    first = {"currency": "USD", "time_zone": "UTC", **regime.first_values}
    book = terms(currency=first["currency"], method=first["method"], scope=first["scope"])
    assert regime.rule(replace(book, zone=ZoneInfo(first["time_zone"]))).name == first["method"]
    assert first["method"] in regime.methods


def test_gifts_are_taxed_where_the_law_says_so() -> None:
    assert UK.taxable - US.taxable == {DepartureKind.GIFT}
    assert US.taxable == GENERIC.taxable
    assert DepartureKind.DONATION not in UK.taxable
