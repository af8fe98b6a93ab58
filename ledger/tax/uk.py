"""United Kingdom, individuals who hold tokens as investments: capital gains by share matching, in sterling and UK dates.

Where each rule comes from stands in DECISIONS.md beside this file. Trading as a business, transfers between spouses, rates, the
annual exempt amount and the set-off of losses are not computed.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.event import ChargeKind, Event, IncomeKind
from ledger.domain.law.allocation import Allocation
from ledger.domain.law.receipt import Receipt
from ledger.domain.law.statement import AsReported, Told
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, Disposal, HoldingTerm, Movement
from ledger.domain.price import Worth
from ledger.domain.time.period import Period, YearStart
from ledger.ports import BookTerms, MatchingRule
from ledger.tax.movements import movements_of
from ledger.tax.options import no_allocations, no_options, no_statements, no_wash_sales
from ledger.tax.terms import reckoned_in, years_begin
from ledger.tax.treatment import Treatment
from ledger.tax.uk_matching import ShareMatching
from ledger.tax.worths import priced_assets_of

_STERLING = AssetCode("GBP")
_ZONE = "Europe/London"
_TAX_YEAR = YearStart(month=4, day=6)
_SCOPE = "universal"

# Gifts are disposals at market value (TCGA s17), those to charities and losses are not. DECISIONS: uk-gift, uk-fee-tokens.
_TREATMENT = Treatment(untaxed=frozenset({ChargeKind.DONATION, ChargeKind.LOST}), fee_given_apart=True)


class UnitedKingdom:
    """UK capital gains tax on tokens: same day, 30 days, section 104 pool over all wallets; years from 6 April."""

    name = "uk"
    version = "1"
    methods: tuple[str, ...] = (ShareMatching.name,)
    first_values: Mapping[str, str] = MappingProxyType(
        {"currency": _STERLING, "time_zone": _ZONE, "method": ShareMatching.name, "scope": _SCOPE},
    )
    taxable = _TREATMENT.taxable
    forms: frozenset[str] = frozenset()

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the share matching of the law, which leaves no choice of method, scope or lots.

        Raises:
            InputError: when the book is not in sterling, UK dates and UK tax years, or asks for another method or scope.
        """
        reckoned_in(terms, _STERLING, regime=self.name)
        years_begin(terms, _TAX_YEAR, regime=self.name)
        no_options(terms, regime=self.name)
        wanted = {"time_zone": (str(terms.zone), _ZONE), "method": (terms.method, ShareMatching.name), "scope": (terms.scope, _SCOPE)}
        for setting, (found, law) in wanted.items():
            if found != law:
                raise InputError(
                    f"regime 'uk' has {setting} {law!r}, the book {found!r}",
                    mend=f'set `{setting} = "{law}"` in lotwright.toml',
                )
        return ShareMatching(ZoneInfo(_ZONE))

    def priced_assets(self, event: Event, terms: BookTerms) -> tuple[tuple[str, AssetCode, Decimal], ...]:
        """Return which prices an event needs: (``value`` or ``fee``, asset, quantity) for each worth that it lacks."""
        return priced_assets_of(event, terms.currency, _TREATMENT)

    def movements(self, event: Event, worth: Worth, terms: BookTerms) -> tuple[Movement, ...]:
        """Return what an event does to the pools. Source: CRYPTO22150, CRYPTO22280.

        Raises:
            UnsupportedCase: when a rebate exceeds what was given up.
        """
        return movements_of(event, worth, terms, _TREATMENT)

    def receipt(self, kind: IncomeKind, asset: AssetCode, value: Decimal | None, terms: BookTerms) -> Receipt:  # noqa: ARG002  # the port
        """Return the market value, on no line in particular."""
        return Receipt(value=value)

    def term(self, acquired: date, disposed: date, terms: BookTerms) -> HoldingTerm | None:  # noqa: ARG002  # the port asks so
        """Return None: the law knows no holding period."""
        return None

    def year_of(self, day: date, terms: BookTerms) -> int:  # noqa: ARG002  # the port asks with the settings
        """Return the tax year of a day: 2024 is 6 April 2024 to 5 April 2025."""
        return _TAX_YEAR.year_of(day)

    def period_of(self, year: int, terms: BookTerms) -> Period:  # noqa: ARG002  # the port asks with the settings
        """Return 6 April to 5 April."""
        return _TAX_YEAR.period_of(year)

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
        """Return nothing: the boxes of SA108 take totals and not disposals; see the report ``sa108``."""
        return ""
