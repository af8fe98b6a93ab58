"""No country in particular: gains by lots in any currency, without terms, boxes or a claim that some law agrees."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from ledger.domain.amount import AssetCode
from ledger.domain.event import Event, IncomeKind
from ledger.domain.law.allocation import Allocation
from ledger.domain.law.receipt import Receipt
from ledger.domain.law.statement import AsReported, Told
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, Disposal, HoldingTerm, Movement
from ledger.domain.price import Worth
from ledger.domain.time.period import CALENDAR_YEAR, Period
from ledger.lots.rules import ALL_WALLETS, METHODS, WALLET
from ledger.ports import BookTerms, MatchingRule
from ledger.tax.movements import movements_of
from ledger.tax.options import no_allocations, no_options, no_statements, no_wash_sales
from ledger.tax.terms import ANY_SWITCH, allowed_rule
from ledger.tax.treatment import USUAL
from ledger.tax.worths import priced_assets_of

_SCOPES = (WALLET, ALL_WALLETS, ANY_SWITCH)


class Generic:
    """Lots and gains by any method, with the movements that the United States use too, in tax years of the user's choice."""

    name = "generic"
    version = "1"
    methods: tuple[str, ...] = tuple(METHODS)
    first_values: Mapping[str, str] = MappingProxyType({"method": "fifo", "scope": "wallet"})
    taxable = USUAL.taxable
    forms: frozenset[str] = frozenset()

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the matching rule of the book's method and scope; elections count where the method picks lots.

        Raises:
            InputError: when the method or scope is not known, or options are set.
        """
        no_options(terms, regime=self.name)
        return allowed_rule(terms, regime=self.name, methods=self.methods, scopes=_SCOPES)

    def priced_assets(self, event: Event, terms: BookTerms) -> tuple[tuple[str, AssetCode, Decimal], ...]:
        """Return which prices an event needs: (``value`` or ``fee``, asset, quantity) for each worth that it lacks."""
        return priced_assets_of(event, terms.currency)

    def movements(self, event: Event, worth: Worth, terms: BookTerms) -> tuple[Movement, ...]:
        """Return what an event does to the pools.

        Raises:
            UnsupportedCase: when a rebate exceeds what was given up.
        """
        return movements_of(event, worth, terms)

    def receipt(self, kind: IncomeKind, asset: AssetCode, value: Decimal | None, terms: BookTerms) -> Receipt:  # noqa: ARG002  # the port
        """Return the market value, on no line in particular."""
        return Receipt(value=value)

    def term(self, acquired: date, disposed: date, terms: BookTerms) -> HoldingTerm | None:  # noqa: ARG002  # the port asks so
        """Return None: no law, no terms."""
        return None

    def year_of(self, day: date, terms: BookTerms) -> int:
        """Return the tax year of a day, named by the calendar year in which it begins."""
        return (terms.year_start or CALENDAR_YEAR).year_of(day)

    def period_of(self, year: int, terms: BookTerms) -> Period:
        """Return the days of a tax year, by the book's own start of it, else from 1 January."""
        return (terms.year_start or CALENDAR_YEAR).period_of(year)

    def as_reported(self, piece: Disposal, told: Told, *, term: HoldingTerm | None) -> AsReported:  # noqa: ARG002  # the port names them
        """Refuse: the law knows no statements of brokers."""
        raise no_statements(self.name)

    def deferred_losses(
        self,
        disposals: Iterable[Disposal],  # noqa: ARG002  # the port names them
        acquisitions: Iterable[Acquisition],  # noqa: ARG002  # as above
        terms: BookTerms,  # noqa: ARG002  # as above
    ) -> Iterator[DeferredLoss]:
        """Refuse: the law knows no wash sales."""
        raise no_wash_sales(self.name)

    def allocation_faults(
        self,
        allocation: Allocation,  # noqa: ARG002  # the port names them
        *,
        first_disposal: datetime | None,  # noqa: ARG002  # as above
        terms: BookTerms,  # noqa: ARG002  # as above
    ) -> Iterable[str]:
        """Refuse: the law knows no allocations."""
        raise no_allocations(self.name)

    def box(self, *, term: HoldingTerm | None, year: int, form: str) -> str:  # noqa: ARG002  # the port names them
        """Return nothing: no form, no boxes."""
        return ""
