"""The computation that goes with a UK return: every disposal with its matches, same day, 30 days and pool."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.uk.day_disposals import DayDisposal, Match, day_disposals, refuse_other_regimes

_HEAD = (
    Column(name="year", title="Tax year from 6 April", kind=CellKind.INTEGER),
    Column(name="date_disposed", title="Date", kind=CellKind.DAY),
    Column(name="asset", title="Token"),
)
_MONEY = (
    Column(name="proceeds", title="Disposal proceeds", kind=CellKind.MONEY, total=True),
    Column(name="allowable_costs", title="Allowable costs", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
)
_TAIL = (
    Column(name="provisional_until", title="Provisional until", kind=CellKind.DAY),
    Column(name="finding", title="Finding"),
)
_MATCH_COLUMNS = (
    *_HEAD,
    Column(name="matched_by", title="Matched by"),
    Column(name="date_acquired", title="Acquired", kind=CellKind.DAY),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="proceeds", title="Disposal proceeds", kind=CellKind.MONEY, total=True),
    Column(name="cost", title="Cost of acquisition", kind=CellKind.MONEY, total=True),
    Column(name="selling_costs", title="Costs of disposal", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
    *_TAIL,
)
_DISPOSAL_COLUMNS = (*_HEAD, Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY), *_MONEY, *_TAIL)

_ONE_NOTE = (
    "All disposals of a token on one day are one disposal, all acquisitions on one day one acquisition. A row of the first table is"
    " what one rule matched: the same day, the 30 days after it, or the section 104 pool over all wallets."
)
_FINAL_NOTE = "What happens up to the day named as provisional can still change a match: the history must reach that far before filing."


class UkDisposals:
    """Disposals by day and token with their matches, exact to the last digit."""

    name = "uk-disposals"
    title = "Disposals and their matches (UK)"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the matches and the disposals that they add up to; rows are made while they are read.

        Raises:
            UnsupportedCase: when the disposals were not matched by the rules of the United Kingdom.
        """
        refuse_other_regimes(self, source)
        return document_of(
            self,
            source,
            tables=(
                Table(name="uk-disposals", title="Matches", columns=_MATCH_COLUMNS, rows=partial(_match_rows, source)),
                Table(name="uk-disposals-by-day", title="Disposals", columns=_DISPOSAL_COLUMNS, rows=partial(_disposal_rows, source)),
            ),
            notes=(_ONE_NOTE, _FINAL_NOTE),
        )


def _match_rows(source: ReportInput) -> Iterator[Row]:
    for disposal in day_disposals(source.gains()):
        for match in disposal.matches:
            yield _match_row(disposal, match)


def _match_row(disposal: DayDisposal, match: Match) -> Row:
    return (
        disposal.year,
        disposal.day,
        disposal.asset,
        match.matched_by,
        match.date_acquired,
        match.quantity,
        match.proceeds,
        match.cost,
        match.selling_costs,
        match.gain,
        match.provisional_until,
        " ".join(match.findings),
    )


def _disposal_rows(source: ReportInput) -> Iterator[Row]:
    for disposal in day_disposals(source.gains()):
        yield (
            disposal.year,
            disposal.day,
            disposal.asset,
            disposal.quantity,
            disposal.proceeds,
            disposal.allowable_costs,
            disposal.gain,
            disposal.provisional_until,
            " ".join(disposal.findings),
        )
