"""Tax years that were closed: freezing one, listing them, and what an amended return would say."""

from collections.abc import Iterator
from contextlib import contextmanager

from ledger import __version__, plugins
from ledger.book.core import SILENT, BookCore
from ledger.domain.document import ReportDocument
from ledger.pipeline.periods.closed import period_of
from ledger.pipeline.periods.closing import close_year
from ledger.pipeline.periods.filed import filed_year
from ledger.pipeline.report import BookInput, Selection
from ledger.storage.store import ClosedYear

DIFF_REPORT = "period-diff"


class Periods(BookCore):
    """What can be done with a tax year as a whole."""

    def close_year(self, year: int, *, amend: bool = False, with_findings: bool = False) -> ClosedYear:
        """Freeze the figures of a tax year for good; `amend` adds a version to a year that is closed already.

        Raises:
            InputError: when the year is not over, closed already, or may still change; nothing is stored then.
        """
        with self.store.hold(), self.store.write() as writer:
            self._derived(writer, SILENT)
            return close_year(writer, self.settings, self.regime, year=year, now=self._now(), amend=amend, with_findings=with_findings)

    def closed_years(self) -> tuple[ClosedYear, ...]:
        """Return all closings in the order in which they were made."""
        with self.store.read() as reader:
            return tuple(reader.closed_years())

    @contextmanager
    def period_diff(self, year: int, *, version: int | None = None) -> Iterator[ReportDocument]:
        """Yield what differs between a closed year as filed (the newest version, unless one is named) and as the book has it now.

        Raises:
            InputError: when there is no such closing.
            BookError: when the frozen figures are not those that were closed.
        """
        self._refresh()
        with self.store.read() as reader:
            closings = reader.closed_years()
            of_year = [each for each in closings if each.year == year]
            chosen = Selection(period=period_of(of_year[-1])) if of_year else Selection()
            current = BookInput(reader=reader, settings=self.settings, regime=self.regime, selection=chosen, version=__version__)
            yield plugins.report(DIFF_REPORT).document(filed_year(current, closings, year=year, version=version))
