"""The register of elections: who chose which lots when, and the disposals that each choice decided."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.amount import text_of
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.election import SELECTION, STANDING, StandingOrder
from ledger.domain.facts import ElectionRow
from ledger.ports import ReportInput
from reports.cover import document_of

_COLUMNS = (
    Column(name="election", title="Election", kind=CellKind.OUTSIDE),
    Column(name="recorded_at", title="Recorded", kind=CellKind.INSTANT),
    Column(name="kind", title="Kind"),
    Column(name="rule", title="Rule"),
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="bot", title="Bot", kind=CellKind.OUTSIDE),
    Column(name="effective_from", title="Effective from", kind=CellKind.INSTANT),
    Column(name="sale", title="Sale", kind=CellKind.OUTSIDE),
    Column(name="order_id", title="Order", kind=CellKind.OUTSIDE),
    Column(name="lots", title="Lots", kind=CellKind.OUTSIDE),
    Column(name="grade", title="Grade"),
    Column(name="evidence", title="Evidence", kind=CellKind.OUTSIDE),
    Column(name="pieces", title="Pieces decided", kind=CellKind.INTEGER, total=True),
    Column(name="first_disposed_at", title="First disposal", kind=CellKind.INSTANT),
)
_DECIDED = (
    Column(name="election", title="Election", kind=CellKind.OUTSIDE),
    Column(name="recorded_at", title="Recorded", kind=CellKind.INSTANT),
    Column(name="disposed_at", title="Disposed", kind=CellKind.INSTANT),
    Column(name="disposal", title="Disposal"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="lot", title="Lot"),
    Column(name="lot_event", title="Lot event", kind=CellKind.OUTSIDE),
)


class Elections:
    """Standing orders and selections in the order in which they were recorded."""

    name = "elections"
    title = "Elections"
    shows_gains = False

    def document(self, source: ReportInput) -> ReportDocument:
        """Return one row per election, and one per disposal piece that an election decided."""
        return document_of(
            self,
            source,
            tables=(
                Table(name="elections", title="Register", columns=_COLUMNS, rows=partial(_rows, source)),
                Table(name="decided", title="Disposals decided", columns=_DECIDED, rows=partial(_decided_rows, source)),
            ),
            notes=("Pieces are those of the period. The dated proof with its hashes: lotwright lots elections --proof.",),
        )


def _rows(source: ReportInput) -> Iterator[Row]:
    return map(_row, source.elections())


def _row(row: ElectionRow) -> Row:
    election = row.election
    scope = (election.wallet, election.asset)
    says: Row
    if isinstance(election, StandingOrder):
        says = (STANDING, election.order.value, *scope, election.bot, election.effective_from, None, None, None)
    else:
        lots = ", ".join(f"{pick.lot}={text_of(pick.quantity)}" for pick in election.picks)
        says = (SELECTION, None, *scope, None, None, election.sale, election.order_id, lots)
    first = row.decided[0].disposed_at if row.decided else None
    return (election.election_id, election.recorded_at, *says, election.grade.value, election.evidence, len(row.decided), first)


def _decided_rows(source: ReportInput) -> Iterator[Row]:
    for row in source.elections():
        election = row.election
        for piece in row.decided:
            when = (election.recorded_at, piece.disposed_at)
            what = (piece.disposal_id, piece.source_id, piece.asset, piece.quantity, piece.wallet, piece.lot_id, piece.lot_source_id)
            yield (election.election_id, *when, *what)
