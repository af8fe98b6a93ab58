"""United States, federal, individuals who hold digital assets as capital assets.

Where each rule comes from stands in DECISIONS.md beside this file. Spot trades, transfers and income only: margin,
derivatives, section 988 and the wash-sale rules are not computed.
"""

from datetime import date
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import Event
from ledger.domain.lot import HoldingTerm, Movement
from ledger.domain.period import Period
from ledger.domain.price import Worth
from ledger.ports import BookTerms, MatchingRule
from ledger.tax.calendar import calendar_year, one_year_after
from ledger.tax.movements import movements_of
from ledger.tax.terms import allowed_rule
from ledger.tax.worths import priced_assets_of

_DOLLAR = AssetCode("USD")
_FIRST_YEAR_OF_DIGITAL_BOXES = 2025  # Form 8949 of that year is the first with boxes G to L

# Boxes for sales of which no broker form was issued: before 2025, and since.
_BOXES_BEFORE = {HoldingTerm.SHORT: "C", HoldingTerm.LONG: "F"}
_BOXES_DIGITAL = {HoldingTerm.SHORT: "I", HoldingTerm.LONG: "L"}


class UnitedStates:
    """US federal income tax on digital assets: lots by wallet, first in first out, short and long term by dates."""

    name = "us"
    version = "1"
    methods: tuple[str, ...] = ("fifo",)

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the matching rule of the book's method. Source: 26 CFR 1.1012-1(j).

        Raises:
            InputError: when the currency is not the dollar, or the method or scope is not allowed.
        """
        if terms.currency != _DOLLAR:
            raise InputError(
                f"regime 'us' reckons in USD, the book in {terms.currency}",
                mend='set `currency = "USD"` in lotwright.toml, or `regime = "generic"`',
            )
        return allowed_rule(terms, regime=self.name, methods=self.methods)

    def priced_assets(self, event: Event, terms: BookTerms) -> tuple[tuple[str, AssetCode, Decimal], ...]:
        """Return which prices an event needs: (``value`` or ``fee``, asset, quantity) for each worth that it lacks."""
        return priced_assets_of(event, terms.currency)

    def movements(self, event: Event, worth: Worth, terms: BookTerms) -> tuple[Movement, ...]:
        """Return what an event does to the pools. Source: 26 CFR 1.1001-7(b) and 1.1012-1(h).

        Raises:
            UnsupportedCase: when a rebate exceeds what was given up.
        """
        return movements_of(event, worth, terms)

    def term(self, acquired: date, disposed: date) -> HoldingTerm:
        """Return long when held for more than one year, counted from the day after `acquired`.

        Source: Pub. 544 chapter 4, "Holding period"; Instructions for Form 8949.
        """
        return HoldingTerm.LONG if disposed > one_year_after(acquired) else HoldingTerm.SHORT

    def year_of(self, day: date) -> int:
        """Return the calendar year."""
        return day.year

    def period_of(self, year: int) -> Period:
        """Return the calendar year."""
        return calendar_year(year)

    def box(self, *, term: HoldingTerm | None, year: int) -> str:
        """Return the box of Form 8949 for a sale without a broker's form: I or L, before 2025 C or F; empty without a term."""
        boxes = _BOXES_DIGITAL if year >= _FIRST_YEAR_OF_DIGITAL_BOXES else _BOXES_BEFORE
        return "" if term is None else boxes[term]
