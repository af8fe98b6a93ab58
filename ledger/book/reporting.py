"""Reports: documents over one snapshot of a book, and data frames of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ledger import __version__, plugins
from ledger.book.core import BookCore
from ledger.domain.document import ReportDocument, chosen_options
from ledger.pipeline.periods.filed import report_source
from ledger.pipeline.report import BookInput, Selection
from ledger.ports import TellsGains

if TYPE_CHECKING:
    import pandas as pd

EVERYTHING = Selection()


class Reporting(BookCore):
    """What a book hands out."""

    @contextmanager
    def report(self, name: str, selection: Selection = EVERYTHING, options: Mapping[str, str] | None = None) -> Iterator[ReportDocument]:
        """Yield a report over one snapshot of the book; its rows can be read until the block ends.

        `options` asks for it in another way than its first; see `report_options`.

        Raises:
            InputError: when no report of that name is installed, it has no such option or choice, or figures as filed are asked for
                that are not there; also when gains would hang on a missing basis and the book says that it stops there.
            BookError: when the figures of a closed year are not those that were closed.
        """
        generator = plugins.report(name)
        chosen = chosen_options(plugins.report_options(generator), options or {}, of=name)
        self._refresh()
        with self.store.read() as reader:
            book = BookInput(
                reader=reader,
                settings=self.settings,
                regime=self.regime,
                selection=selection,
                version=__version__,
                options=chosen,
            )
            if not isinstance(generator, TellsGains) or generator.shows_gains:
                book.refuse_missing_basis()
            yield generator.document(report_source(book, facts_only=getattr(generator, "facts_only", False)))

    def frame(self, name: str, selection: Selection = EVERYTHING, options: Mapping[str, str] | None = None) -> "pd.DataFrame":
        """Return a report's main table as a data frame; money and quantities stay exact (`Decimal` objects)."""
        import pandas as pd  # noqa: PLC0415  # takes half a second to load, which no command should pay

        with self.report(name, selection, options) as document:
            table = document.tables[0]
            return pd.DataFrame.from_records(list(table.rows()), columns=[column.name for column in table.columns])
