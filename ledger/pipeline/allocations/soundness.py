"""Whether an allocation counts: it ties with the lots and wallets of the book as it is now, and was made in time.

What arrives later may untie a document or show an earlier sale. Then its lots go where their units stand, as without it, and a finding
says so: an allocation is irrevocable, so the book's history is what has to be mended.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from ledger.domain.amount import AssetCode
from ledger.domain.errors import UnsupportedCase
from ledger.domain.finding import Finding, Severity
from ledger.domain.law.allocation import Allocation
from ledger.domain.lot import Departure, Lot, Movement
from ledger.lots.allocation import AllocationUntied
from ledger.lots.matching import Picking
from ledger.lots.pools import ties_ordered
from ledger.ports import BookTerms, TaxRegime

Movements = Callable[[], Iterable[Movement]]  # of one asset, by time, ties in no order


def sound(terms: BookTerms, regime: TaxRegime, asset: AssetCode, movements: Movements) -> tuple[BookTerms, list[Finding]]:
    """Return the terms with the asset's allocation left out where it does not count, and why it does not."""
    allocation = next((one for one in terms.allocations if one.asset == asset), None)
    faults = [] if allocation is None else faults_of(allocation, terms, regime, movements())
    if allocation is None or not faults:
        return terms, []
    others = tuple(one for one in terms.allocations if one != allocation)
    return replace(terms, allocations=others), [_untied(allocation, faults)]


def faults_of(allocation: Allocation, terms: BookTerms, regime: TaxRegime, movements: Iterable[Movement]) -> list[str]:
    """Return all that keeps an allocation from counting; nothing for one that does."""
    rule = regime.rule(replace(terms, allocations=(allocation,)))
    history = _History(ties_ordered(movements), rule) if isinstance(rule, Picking) else None
    faults = [] if history is None else history.faults(allocation.asset)
    try:
        first = None if history is None else history.first_disposal
        faults += regime.allocation_faults(allocation, first_disposal=first, terms=terms)
    except UnsupportedCase as refused:
        faults.append(refused.message)
    return faults


class _History:
    """The movements of one asset, swept as far as the end of the pool of all wallets, and looked through to the first disposal after."""

    def __init__(self, timeline: Iterable[Movement], rule: Picking) -> None:
        self._timeline = timeline
        self._rule = rule
        self.first_disposal: datetime | None = None

    def faults(self, asset: AssetCode) -> list[str]:
        """Return what does not tie."""
        try:
            left = [one for one in self._rule.match(self._pooled()) if isinstance(one, Lot) and one.quantity_open]
        except AllocationUntied as untied:
            return list(untied.faults)
        return [] if left else [f"the book holds no {asset} at the end of the pool of all wallets"]

    def _pooled(self) -> Iterator[Movement]:
        """Yield the movements of before; then note when the first units left for good."""
        for movement in self._timeline:
            if not self._rule.pools_by_wallet(movement.occurred_at):
                yield movement
            elif isinstance(movement, Departure):
                self.first_disposal = movement.occurred_at
                return


def _untied(allocation: Allocation, faults: Iterable[str]) -> Finding:
    return Finding(
        code="allocation-untied",
        severity=Severity.ERROR,
        subject=allocation.asset,
        message=f"allocation {allocation.allocation_id} of {allocation.asset} does not count, so its lots went where their units stood: "
        + "; ".join(faults),
        mend="an allocation is irrevocable: import the history that is missing, or correct what was imported since",
    )
