"""No country in particular: gains by lots in any currency, without terms, boxes or a claim that some law agrees."""

from datetime import date
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.event import Event
from ledger.domain.lot import HoldingTerm, Movement
from ledger.domain.period import Period
from ledger.domain.price import Worth
from ledger.ports import BookTerms, MatchingRule
from ledger.tax.calendar import calendar_year
from ledger.tax.movements import movements_of
from ledger.tax.terms import allowed_rule
from ledger.tax.worths import priced_assets_of


class Generic:
    """Lots and gains with the movements that the United States use too, in calendar years."""

    name = "generic"
    version = "1"
    methods: tuple[str, ...] = ("fifo",)

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the matching rule of the book's method.

        Raises:
            InputError: when the method or scope is not known.
        """
        return allowed_rule(terms, regime=self.name, methods=self.methods)

    def priced_assets(self, event: Event, terms: BookTerms) -> tuple[tuple[str, AssetCode, Decimal], ...]:
        """Return which prices an event needs: (``value`` or ``fee``, asset, quantity) for each worth that it lacks."""
        return priced_assets_of(event, terms.currency)

    def movements(self, event: Event, worth: Worth, terms: BookTerms) -> tuple[Movement, ...]:
        """Return what an event does to the pools.

        Raises:
            UnsupportedCase: when a rebate exceeds what was given up.
        """
        return movements_of(event, worth, terms)

    def term(self, acquired: date, disposed: date) -> HoldingTerm | None:  # noqa: ARG002  # the port asks with two dates
        """Return None: no law, no terms."""
        return None

    def year_of(self, day: date) -> int:
        """Return the calendar year."""
        return day.year

    def period_of(self, year: int) -> Period:
        """Return the calendar year."""
        return calendar_year(year)

    def box(self, *, term: HoldingTerm | None, year: int) -> str:  # noqa: ARG002  # the port names them
        """Return nothing: no form, no boxes."""
        return ""
