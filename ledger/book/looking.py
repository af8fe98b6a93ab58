"""Looking: what is in a book, what was pulled, what does not hold, and where a figure comes from."""

from ledger.book.core import SILENT, BookCore
from ledger.domain.finding import Finding
from ledger.domain.lot import Lot
from ledger.domain.period import Period
from ledger.journal.checks import Reconciliation
from ledger.pipeline.check import check_book
from ledger.pipeline.coverage import StreamCoverage, coverage_of
from ledger.pipeline.explain import Explanation, explain
from ledger.pipeline.names import strange_names
from ledger.pipeline.progress import Progress
from ledger.pipeline.report import Selection
from ledger.pipeline.status import BookStatus, status_of
from ledger.pipeline.sync import reconciliation
from ledger.pipeline.terms import terms_of


class Looking(BookCore):
    """What a book tells of itself."""

    def status(self) -> BookStatus:
        """Return what is in the book."""
        with self.store.read() as reader:
            return status_of(reader, self.settings)

    def coverage(self) -> tuple[StreamCoverage, ...]:
        """Return what was pulled of each stream."""
        with self.store.read() as reader:
            return coverage_of(reader)

    def reconcile(self) -> Reconciliation:
        """Compare the book's balances with the newest that the venues told."""
        with self.store.read() as reader:
            return reconciliation(reader)

    def check(self, *, progress: Progress = SILENT) -> tuple[Finding, ...]:
        """Run every invariant and return all open findings."""
        self._refresh()
        with self.store.hold():
            return check_book(self.store, self.settings, self.regime, now=self._now, progress=progress)

    def strange_names(self, selection: Selection) -> tuple[str, ...]:
        """Return a line for each bot, asset or account of a selection that the book has never seen: likely a typing error."""
        with self.store.read() as reader:
            return strange_names(reader, self.settings, selection)

    def findings(self) -> tuple[Finding, ...]:
        """Return the open findings by severity, code and subject."""
        with self.store.read() as reader:
            return tuple(finding for _, finding in reader.findings())

    def explain(self, ident: str) -> tuple[Explanation, ...]:
        """Return the chain from a disposal, lot, entry or event down to the bytes received."""
        with self.store.read() as reader:
            return explain(reader, ident)

    def period_of(self, year: int) -> Period:
        """Return the days of a tax year, named by the calendar year in which it begins."""
        return self.regime.period_of(year, terms_of(self.settings))

    def lots(self) -> tuple[Lot, ...]:
        """Return the open lots by asset, wallet and acquisition."""
        self._refresh()
        with self.store.read() as reader:
            return tuple(reader.lots())
