"""United States, federal, individuals who hold digital assets as capital assets.

Where each rule comes from stands in DECISIONS.md beside this file. Spot trades, transfers and income only: margin,
derivatives, section 988 and the wash-sale rules are not computed.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from ledger.domain.amount import AssetCode
from ledger.domain.event import Event
from ledger.domain.lot import HoldingTerm, Movement
from ledger.domain.period import CALENDAR_YEAR, Period, start_of_day
from ledger.domain.price import Worth
from ledger.lots.elections import Brokers
from ledger.lots.matching import Picking
from ledger.ports import BookTerms, MatchingRule
from ledger.tax.calendar import one_year_after
from ledger.tax.movements import movements_of
from ledger.tax.terms import allowed_rule, reckoned_in, years_begin
from ledger.tax.treatment import USUAL
from ledger.tax.worths import priced_assets_of

_DOLLAR = AssetCode("USD")
_FIRST_YEAR_OF_DIGITAL_BOXES = 2025  # Form 8949 of that year is the first with boxes G to L

_BROKERS_DECIDE_FROM = date(2027, 1, 1)  # DECISIONS: us-election-broker

_SCOPES = ("wallet", "universal-until-2025-01-01")
_STANDING_ORDER = (
    'keep `method = "fifo"`: another choice of lots counts only as a standing order that was written down before the sales'
    " that it covers (26 CFR 1.1012-1(j)): record one with `lotwright lots elect --rule hifo`, from when on it counts"
)
_INSTEAD = {
    **dict.fromkeys(("lifo", "hifo", "lofo"), _STANDING_ORDER),
    "average": 'set `method = "fifo"`: the law allows no average cost for digital assets (26 CFR 1.1012-1(j)(4))',
}

# Boxes for sales of which no broker form was issued: before 2025, and since.
_BOXES_BEFORE = {HoldingTerm.SHORT: "C", HoldingTerm.LONG: "F"}
_BOXES_DIGITAL = {HoldingTerm.SHORT: "I", HoldingTerm.LONG: "L"}


class UnitedStates:
    """US federal income tax on digital assets: lots by wallet, first in first out, short and long term by dates."""

    name = "us"
    version = "1"
    methods: tuple[str, ...] = ("fifo",)
    first_values: Mapping[str, str] = MappingProxyType({"currency": "USD", "method": "fifo", "scope": "wallet"})
    taxable = USUAL.taxable

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the matching rule: first in, first out, where no election recorded in time says otherwise.

        Source: 26 CFR 1.1012-1(j). Pools are wallets; before 2025 they may have been all wallets together. Of what a broker holds,
        from 2027 on the choice must have been given to the broker: Notices 2025-7 and 2026-20 end with 2026.

        Raises:
            InputError: when the currency is not the dollar, tax years begin elsewhere, or the method or scope is not allowed.
        """
        reckoned_in(terms, _DOLLAR, regime=self.name)
        years_begin(terms, CALENDAR_YEAR, regime=self.name)
        rule = allowed_rule(terms, regime=self.name, methods=self.methods, scopes=_SCOPES, instead=_INSTEAD)
        assert isinstance(rule, Picking), rule
        return rule.with_brokers(Brokers(methods=terms.brokers, since=start_of_day(_BROKERS_DECIDE_FROM, terms.zone)))

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

    def year_of(self, day: date, terms: BookTerms) -> int:  # noqa: ARG002  # the port asks with the settings
        """Return the calendar year."""
        return CALENDAR_YEAR.year_of(day)

    def period_of(self, year: int, terms: BookTerms) -> Period:  # noqa: ARG002  # the port asks with the settings
        """Return the calendar year."""
        return CALENDAR_YEAR.period_of(year)

    def box(self, *, term: HoldingTerm | None, year: int) -> str:
        """Return the box of Form 8949 for a sale without a broker's form: I or L, before 2025 C or F; empty without a term."""
        boxes = _BOXES_DIGITAL if year >= _FIRST_YEAR_OF_DIGITAL_BOXES else _BOXES_BEFORE
        return "" if term is None else boxes[term]
