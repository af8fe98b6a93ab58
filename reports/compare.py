"""What the same history would have given by other orders of lots: a what-if beside the book's own result, stored nowhere."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ledger.domain.amount import subtracted
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import GainRow
from ledger.domain.lot import HoldingTerm
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.totals import GAIN_COLUMNS, WITHOUT_PRICE_NOTE, GainTally

_COLUMNS = (
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="term", title="Term"),
    Column(name="method", title="Method"),
    *(replace(column, total=False) for column in GAIN_COLUMNS),  # a sum over methods means nothing
    Column(name="difference", title="Gain less that of the book", kind=CellKind.MONEY),
)
_OWN = "this book"

_WHAT_IF_NOTE = (
    "A what-if, not a choice that is still open: lots of a sale are chosen before it, by a record made in time (for the United States"
    " 26 CFR 1.1012-1(j)(2) and (j)(3)); without one its law decides which lots left. Nothing of this report is stored."
)
_METHOD_NOTE = (
    "A method's rows are matched anew over the whole history of the book, as if all lots had always gone in that order, without"
    f" elections. The rows of {_OWN} are those of the gains report: elections included, and as filed where a year was closed."
)

_Key = tuple[int, HoldingTerm | None]
_Tallies = dict[_Key, GainTally]


class Compare:
    """Gains by tax year and term under several orders of lots."""

    name = "compare"
    title = "Methods compared (what-if)"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return a row per tax year, term and method; the first of each is the book's own.

        Raises:
            InputError: when a method asked for is no order of lots.
        """
        by_method: dict[str, _Tallies] = {_OWN: _tallied(source.gains())}
        by_method |= {method: _tallied(gains) for method, gains in source.what_ifs().items()}
        return document_of(
            self,
            source,
            tables=(Table(name="compare", title="Gains by method", columns=_COLUMNS, rows=partial(_rows, by_method)),),
            notes=(_WHAT_IF_NOTE, _METHOD_NOTE, WITHOUT_PRICE_NOTE),
        )


def _tallied(gains: Iterator[GainRow]) -> _Tallies:
    tallies: _Tallies = {}
    for row in gains:
        tallies.setdefault((row.year, row.term), GainTally()).add(row)
    return tallies


def _rows(by_method: dict[str, _Tallies]) -> Iterator[Row]:
    keys = {key for tallies in by_method.values() for key in tallies}
    for key in sorted(keys, key=_short_first):
        own = by_method[_OWN].get(key, GainTally())
        for method, tallies in by_method.items():
            tally = tallies.get(key, GainTally())
            yield (*key, method, *tally.cells(), None if method == _OWN else subtracted(tally.gain, own.gain))


def _short_first(key: _Key) -> tuple[int, bool]:
    return key[0], key[1] is HoldingTerm.LONG
