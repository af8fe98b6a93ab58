"""United States, federal, individuals who hold digital assets as capital assets.

Where each rule comes from stands in DECISIONS.md beside this file. Spot trades, transfers and income only: margin, derivatives
and section 988 are not computed, and of wash sales there is an analysis only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from ledger.domain.amount import ZERO, AssetCode
from ledger.domain.errors import InputError, UnsupportedCase
from ledger.domain.event import Event, Income, IncomeKind, Transfer
from ledger.domain.law.allocation import Allocation
from ledger.domain.law.receipt import Receipt
from ledger.domain.law.statement import AsReported, Told
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, Disposal, HoldingTerm, Movement
from ledger.domain.price import Worth
from ledger.domain.time.period import CALENDAR_YEAR, Period, local_day, start_of_day
from ledger.lots.elections import Brokers
from ledger.lots.matching import Picking
from ledger.ports import BookTerms, MatchingRule
from ledger.tax.calendar import last_day_of_month, one_year_after
from ledger.tax.movements import movements_of
from ledger.tax.terms import allowed_rule, reckoned_in, years_begin
from ledger.tax.treatment import USUAL, TransferFee, Treatment
from ledger.tax.us_allocation import faults_of
from ledger.tax.us_forms import FORMS, as_reported, box_of, check_forms
from ledger.tax.us_options import us_options
from ledger.tax.us_wash import WashRule, wash_sales
from ledger.tax.worths import priced_assets_of

_DOLLAR = AssetCode("USD")

_BROKERS_DECIDE_FROM = date(2027, 1, 1)  # DECISIONS: us-election-broker

_UNTIL_2025 = "universal-until-2025-01-01"
_SCOPES = ("wallet", _UNTIL_2025)
_STANDING_ORDER = (
    'keep `method = "fifo"`: another choice of lots counts only as a standing order that was written down before the sales'
    " that it covers (26 CFR 1.1012-1(j)): record one with `lotwright lots elect --rule hifo`, from when on it counts"
)
_INSTEAD = {
    **dict.fromkeys(("lifo", "hifo", "lofo"), _STANDING_ORDER),
    "average": 'set `method = "fifo"`: the law allows no average cost for digital assets (26 CFR 1.1012-1(j)(4))',
}


class UnitedStates:
    """US federal income tax on digital assets: lots by wallet, first in first out, short and long term by dates."""

    name = "us"
    version = "1"
    methods: tuple[str, ...] = ("fifo",)
    first_values: Mapping[str, str] = MappingProxyType({"currency": "USD", "method": "fifo", "scope": "wallet"})
    taxable = USUAL.taxable
    forms = frozenset(FORMS)

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the matching rule: first in, first out, where no election recorded in time says otherwise.

        Source: 26 CFR 1.1012-1(j). Pools are wallets; before 2025 they may have been all wallets together. Of what a broker holds,
        from 2027 on the choice must have been given to the broker: Notices 2025-7 and 2026-20 end with 2026.

        Raises:
            InputError: when the currency is not the dollar, tax years begin elsewhere, the method or scope is not allowed, or an
                option or a broker's form is not known.
        """
        reckoned_in(terms, _DOLLAR, regime=self.name)
        years_begin(terms, CALENDAR_YEAR, regime=self.name)
        us_options(terms)
        check_forms(terms)
        rule = allowed_rule(terms, regime=self.name, methods=self.methods, scopes=_SCOPES, instead=_INSTEAD)
        assert isinstance(rule, Picking), rule
        return rule.with_brokers(Brokers(methods=terms.brokers, since=start_of_day(_BROKERS_DECIDE_FROM, terms.zone)))

    def priced_assets(self, event: Event, terms: BookTerms) -> tuple[tuple[str, AssetCode, Decimal], ...]:
        """Return which prices an event needs: (``value`` or ``fee``, asset, quantity) for each worth that it lacks."""
        event = _without_spam(event, terms)
        if _treatment(event, terms).transfer_fee is TransferFee.IGNORE:
            return tuple(need for need in priced_assets_of(event, terms.currency) if _is_third(need[1], event))
        return priced_assets_of(event, terms.currency)

    def movements(self, event: Event, worth: Worth, terms: BookTerms) -> tuple[Movement, ...]:
        """Return what an event does to the pools. Source: 26 CFR 1.1001-7(b) and 1.1012-1(h).

        Raises:
            UnsupportedCase: when a rebate exceeds what was given up.
        """
        return movements_of(_without_spam(event, terms), worth, terms, _treatment(event, terms))

    def receipt(self, kind: IncomeKind, asset: AssetCode, value: Decimal | None, terms: BookTerms) -> Receipt:
        """Return the market value, nothing for tokens that the book calls spam, and the line of the return by kind.

        Source: Notice 2014-21; Rev. Rul. 2019-24 and 2023-14 (income where there is dominion and control). DECISIONS: us-spam.
        """
        options = us_options(terms)
        return Receipt(value=ZERO if asset in options.spam else value, line=options.income_lines[kind])

    def term(self, acquired: date, disposed: date, terms: BookTerms) -> HoldingTerm:
        """Return long when held for more than one year, counted from the day after `acquired`.

        Source: Pub. 544 chapter 4, "Holding period"; Instructions for Form 8949. With the option `month_end`, what was acquired on the
        last day of a month is long from the first day of the 13th month after it: Rev. Rul. 66-7.
        """
        last_day_short = one_year_after(acquired)
        if acquired == last_day_of_month(acquired) and us_options(terms).month_end:
            last_day_short = last_day_of_month(last_day_short)
        return HoldingTerm.LONG if disposed > last_day_short else HoldingTerm.SHORT

    def year_of(self, day: date, terms: BookTerms) -> int:  # noqa: ARG002  # the port asks with the settings
        """Return the calendar year."""
        return CALENDAR_YEAR.year_of(day)

    def period_of(self, year: int, terms: BookTerms) -> Period:  # noqa: ARG002  # the port asks with the settings
        """Return the calendar year."""
        return CALENDAR_YEAR.period_of(year)

    def as_reported(self, piece: Disposal, told: Told, *, term: HoldingTerm | None) -> AsReported:
        """Return columns (d) to (g) of Form 8949 for a piece of which a broker's form tells."""
        assert term is not None, piece
        return as_reported(piece, told, term=term)

    def deferred_losses(
        self, disposals: Iterable[Disposal], acquisitions: Iterable[Acquisition], terms: BookTerms
    ) -> Iterator[DeferredLoss]:
        """Return what section 1091 would put off, for one asset: an analysis that the settings must ask for.

        Raises:
            InputError: at once, when they do not.
        """
        asked = us_options(terms).wash_sales
        if not asked.analysed:
            raise InputError("wash sales are not analysed in this book", mend='set `wash_sales = "analysis"` under [law] in lotwright.toml')
        return wash_sales(disposals, acquisitions, WashRule(taxable=self.taxable, zone=terms.zone, since=asked.since))

    def allocation_faults(self, allocation: Allocation, *, first_disposal: datetime | None, terms: BookTerms) -> Iterable[str]:
        """Return what Rev. Proc. 2024-28 has against the dates of an allocation.

        Raises:
            UnsupportedCase: at once, when the book never pooled all wallets.
        """
        if terms.scope != _UNTIL_2025:
            raise UnsupportedCase(
                f"scope {terms.scope!r} keeps lots by wallet all along, so there is no unused basis to allocate",
                mend=f'it belongs to a book with scope = "{_UNTIL_2025}" (Rev. Proc. 2024-28)',
            )
        return faults_of(allocation, first_disposal=first_disposal, zone=terms.zone)

    def box(self, *, term: HoldingTerm | None, year: int, form: str) -> str:
        """Return the box of Form 8949; empty without a term."""
        return "" if term is None else box_of(term=term, year=year, form=form)


def _treatment(event: Event, terms: BookTerms) -> Treatment:
    """Return how an event is looked at: fees of moves between own wallets by the policy of their year."""
    if not isinstance(event, Transfer) or event.fee is None or "transfer_fee" not in terms.law:
        return USUAL
    policies = us_options(terms).transfer_fee
    policy = policies.get(CALENDAR_YEAR.year_of(local_day(event.occurred_at, terms.zone)), TransferFee.DISPOSAL)
    return replace(USUAL, transfer_fee=policy)


def _without_spam(event: Event, terms: BookTerms) -> Event:
    """Return income in tokens that the book calls spam at a value of zero, other events as they are."""
    if not isinstance(event, Income) or "spam" not in terms.law or event.amount.asset not in us_options(terms).spam:
        return event
    return replace(event, value=ZERO)


def _is_third(asset: AssetCode, event: Event) -> bool:
    """Tell whether a fee's asset is another than that which is moved; of a lone deposit every fee is a disposal."""
    return isinstance(event, Transfer) and (event.from_account is None or event.amount.asset != asset)
