"""Looking: what is in a book, what was pulled, what does not hold, and where a figure comes from."""

from collections.abc import Mapping
from dataclasses import replace

from ledger import plugins
from ledger.book.core import SILENT, BookCore
from ledger.domain.finding import Finding
from ledger.domain.lot import Lot
from ledger.domain.time.period import Period
from ledger.journal.checks import Reconciliation
from ledger.pipeline.check import check_book
from ledger.pipeline.explain import Explanation, explain
from ledger.pipeline.names import strange_names
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.balances import reconciliation
from ledger.pipeline.proof.coverage import CoverageMap, coverage_map, coverage_of
from ledger.pipeline.proof.rows import BREAKS
from ledger.pipeline.report import Selection
from ledger.pipeline.status import BookStatus, status_of
from ledger.pipeline.terms import terms_of
from ledger.ports import StreamFacts
from ledger.storage.store import StreamCoverage


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

    def coverage_map(self) -> CoverageMap:
        """Return which months of which streams were pulled, and every hole that is known."""
        with self.store.read() as reader:
            return coverage_map(reader, [one.name for one in self.settings.connections], self._stream_facts)

    def _stream_facts(self, connection: str) -> Mapping[str, StreamFacts]:
        venue = next((one.venue for one in self.settings.connections if one.name == connection), None)
        if venue is None or venue not in plugins.names("lotwright.connectors"):
            return {}
        facts: Mapping[str, StreamFacts] = getattr(plugins.connector(venue), "stream_facts", {})
        return facts

    def reconcile(self) -> Reconciliation:
        """Compare the book's balances with the newest that the venues told; with what is missing in the venues' own ledgers."""
        with self.store.read() as reader:
            compared = reconciliation(reader)
            breaks = tuple(finding for _, finding in reader.findings() if finding.code in BREAKS)
        return replace(compared, findings=(*compared.findings, *breaks))

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
