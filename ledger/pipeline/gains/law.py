"""One disposal piece -> one gain row, by a regime and by what a broker's statement told of the piece."""

from dataclasses import replace
from datetime import date
from functools import lru_cache

from ledger.domain.amount import ZERO, added, subtracted
from ledger.domain.facts import GainRow
from ledger.domain.ids import AccountId
from ledger.domain.law.statement import Told
from ledger.domain.lot import Disposal, HoldingTerm
from ledger.lots.statements import Comparison
from ledger.ports import BookTerms, TaxRegime

LOTS_DIFFER = "statement-lots-differ"
_NO_FORM = ""


class GainsLaw:
    """Applies a regime to disposals; remembers days and terms, of which there are few."""

    def __init__(self, regime: TaxRegime, terms: BookTerms, statements: Comparison | None = None) -> None:
        self._regime = regime
        self._terms = terms
        self._zone = terms.zone
        self._statements = statements or Comparison()
        self._words = lru_cache(maxsize=65_536)(self._words_of)

    def gain(self, disposal: Disposal) -> GainRow:
        """Return what the law says of a piece; its proceeds and cost basis are those of the official form."""
        disposed = disposal.disposed_at.astimezone(self._zone).date()
        acquired = None if disposal.acquired_at is None else disposal.acquired_at.astimezone(self._zone).date()
        year, term, box = self._words(acquired, disposed, disposal.account)
        proceeds, cost_basis = disposal.proceeds, disposal.cost_basis
        why = disposal.gap or disposal.caveat
        row = GainRow(
            disposal=disposal,
            date_acquired=acquired,
            date_disposed=disposed,
            year=year,
            term=term,
            box=box,
            adjustment=None,
            gain=None if proceeds is None or cost_basis is None else subtracted(proceeds, cost_basis),
            finding="" if why is None else why.value,
        )
        told = self._statements.told.get((disposal.disposal_id, disposal.piece)) if self._statements.told else None
        return row if told is None else self._as_reported(row, told)

    def _as_reported(self, row: GainRow, told: Told) -> GainRow:
        said = self._regime.as_reported(row.disposal, told, term=row.term)
        proceeds, cost_basis = said.proceeds, said.cost_basis
        change = said.adjustment.amount if said.adjustment else ZERO
        return replace(
            row,
            disposal=replace(row.disposal, proceeds=proceeds, cost_basis=cost_basis),
            box=self._regime.box(term=row.term, year=row.year, form=told.form),
            adjustment=said.adjustment,
            finding=row.finding or (LOTS_DIFFER if told.lots_differ else ""),
            gain=None if proceeds is None or cost_basis is None else added(subtracted(proceeds, cost_basis), change),
        )

    def _words_of(self, acquired: date | None, disposed: date, account: AccountId) -> tuple[int, HoldingTerm | None, str]:
        """Return tax year, term and box."""
        year = self._regime.year_of(disposed, self._terms)
        # DECISIONS: units-without-lot: nobody knows how long such units were held, so the term is the shorter one
        term = self._regime.term(acquired or disposed, disposed, self._terms)
        return year, term, self._box_of(term, year, account)

    def _box_of(self, term: HoldingTerm | None, year: int, account: AccountId) -> str:
        """Return the box of what no statement tells: of an account with a statement it is on no form."""
        form = _NO_FORM if (account, year) in self._statements.covered else self._terms.form_of(account, year)
        return self._regime.box(term=term, year=year, form=form)
