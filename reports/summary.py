"""The page that goes into the return: gains by tax year and term, the same by asset, and income by kind."""

from collections.abc import Mapping
from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.income import income_totals
from reports.totals import GAIN_COLUMNS, WITHOUT_PRICE_NOTE, GainTally

_YEAR = Column(name="year", title="Tax year", kind=CellKind.INTEGER)
_COLUMNS = (_YEAR, Column(name="term", title="Term"), *GAIN_COLUMNS)
_ASSET_COLUMNS = (
    _YEAR,
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    *GAIN_COLUMNS,
)
_SUM_NOTE = "Every total is the exact sum of the same column of the gains report for the same period and filters."


class Summary:
    """Totals of a period: what the gains report adds up to."""

    name = "summary"
    title = "Summary"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return totals by year and term, by year and asset, and income by year and kind; reads the gains once."""
        by_term: dict[tuple[int, str], GainTally] = {}
        by_asset: dict[tuple[int, str], GainTally] = {}
        quantities: dict[tuple[int, str], Decimal] = {}
        for row in source.gains():
            by_term.setdefault((row.year, row.term or ""), GainTally()).add(row)
            asset = (row.year, row.disposal.asset)
            by_asset.setdefault(asset, GainTally()).add(row)
            quantities[asset] = EXACT.add(quantities.get(asset, ZERO), row.disposal.quantity)
        return document_of(
            self,
            source,
            tables=(
                _table("summary", "Gains and losses by tax year and term", _COLUMNS, _term_rows(by_term)),
                _table("summary-by-asset", "Gains and losses by asset", _ASSET_COLUMNS, _asset_rows(by_asset, quantities)),
                income_totals("summary-income", source),
            ),
            notes=(_SUM_NOTE, WITHOUT_PRICE_NOTE) if any(tally.without_price for tally in by_term.values()) else (_SUM_NOTE,),
        )


def _table(name: str, title: str, columns: tuple[Column, ...], rows: tuple[Row, ...]) -> Table:
    return Table(name=name, title=title, columns=columns, rows=lambda: iter(rows))


def _term_rows(tallies: Mapping[tuple[int, str], GainTally]) -> tuple[Row, ...]:
    # Backwards by term within a year: short stands before long, as on the form (Part I, Part II).
    keys = sorted(sorted(tallies, key=lambda key: key[1], reverse=True), key=lambda key: key[0])
    return tuple((year, term or None, *tallies[year, term].cells()) for year, term in keys)


def _asset_rows(tallies: Mapping[tuple[int, str], GainTally], quantities: Mapping[tuple[int, str], Decimal]) -> tuple[Row, ...]:
    return tuple((*key, quantities[key], *tallies[key].cells()) for key in sorted(tallies))
