"""One reading of the gains that tells what stands on Form 8949 before its first row is written.

Totals only, never rows: a million disposals need no more memory than ten. All totals are sums of rows as printed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from ledger.domain.amount import text_of
from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.us.options import rows_asked, straight_to_schedule_d
from reports.us.rows import (
    BASIS_REPORTED,
    NOTHING,
    Figures,
    Page,
    codes_of,
    exact_of,
    figures_of,
    is_priced,
    page_of,
    rounding_of,
    row_groups,
    summed,
)


class Survey:
    """What is on the form, by page and broker, and what is not.

    `totals` and `exact` are the sums of the rows as printed and before rounding, `rows` their number, `codes` their letters.
    `straight` are the totals by page of what goes to Schedule D without a row (Exception 1).
    """

    def __init__(self, source: ReportInput) -> None:
        self.totals: defaultdict[tuple[Page, str], Figures] = defaultdict(lambda: NOTHING)
        self.exact: defaultdict[tuple[Page, str], Figures] = defaultdict(lambda: NOTHING)
        self.rows: Counter[tuple[Page, str]] = Counter()
        self.codes: defaultdict[tuple[Page, str], set[str]] = defaultdict(set)
        self.straight: defaultdict[Page, Figures] = defaultdict(lambda: NOTHING)
        self.straight_rows: Counter[Page] = Counter()
        self._source = source
        self._without_price = 0
        self._without_acquisition = 0
        self._printed = rounding_of(source)
        self._read()

    def has_row(self, row: GainRow) -> bool:
        """Tell whether a priced piece stands on a row: under Exception 1 not where its basis was reported and nothing is adjusted."""
        skipped = straight_to_schedule_d(self._source) and row.box in BASIS_REPORTED and row.adjustment is None and not row.finding
        return not skipped

    def pages(self) -> list[Page]:
        """Return the pages that have rows, in order."""
        return sorted({page for page, _ in self.totals})

    def brokers(self, page: Page | None = None) -> list[str]:
        """Return the brokers of a page, None: of all."""
        return sorted({broker for on, broker in self.totals if page in (None, on)})

    def total(self, page: Page) -> Figures:
        """Return the totals of a page."""
        return self._sum(self.totals, page)

    def exact_total(self, page: Page) -> Figures:
        """Return the totals of a page before rounding."""
        return self._sum(self.exact, page)

    def row_count(self, page: Page) -> int:
        """Return the number of rows of a page."""
        return sum(count for (on, _), count in self.rows.items() if on == page)

    def notes(self) -> Iterator[str]:
        """Yield what must be known before filing."""
        if self._without_price:
            left_out = _counted(self._without_price, "disposal")
            yield f"Left out of the form: {left_out} without a price. Add the missing prices before filing."
        if self._without_acquisition:
            yield (
                f"On the form with a cost of 0 and an empty column (b): {_counted(self._without_acquisition, 'disposal')} without a known"
                " acquisition. Find the acquisition, or settle its date and basis, before filing."
            )
        for page, (proceeds, cost, _, gain) in sorted(self.straight.items()):
            yield (
                f"Exception 1: {_counted(self.straight_rows[page], 'piece')} of box {page.box}, {page.year}, on Schedule D only: proceeds"
                f" {text_of(proceeds)}, basis {text_of(cost)}, gain or loss {text_of(gain)}. The basis reported must be right."
            )

    def _read(self) -> None:
        for pieces in row_groups(self._on_rows(), rows_asked(self._source)):
            key = page_of(pieces[0]), self._source.broker(pieces[0].disposal.account)
            exact = exact_of(pieces)
            self.rows[key] += 1
            self.codes[key].update(codes_of(pieces))
            self.exact[key] = summed(self.exact[key], exact)
            self.totals[key] = summed(self.totals[key], self._printed(exact))

    def _on_rows(self) -> Iterator[GainRow]:
        """Yield the pieces that stand on rows, and count the others where they belong."""
        for row in self._source.gains():
            page = page_of(row)
            if not is_priced(row):
                self._without_price += 1
            elif self.has_row(row):
                self._without_acquisition += row.date_acquired is None
                yield row
            else:
                self.straight_rows[page] += 1
                self.straight[page] = summed(self.straight[page], self._printed(figures_of(row)))

    @staticmethod
    def _sum(totals: defaultdict[tuple[Page, str], Figures], page: Page) -> Figures:
        total = NOTHING
        for (on, _), figures in totals.items():
            if on == page:
                total = summed(total, figures)
        return total


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
