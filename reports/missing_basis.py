"""Units of which nobody knows what they cost, what hangs on them, and how to mend it."""

from collections.abc import Iterator
from functools import partial

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import GainRow
from ledger.domain.lot import Caveat, Gap, Lot, LotOrigin
from ledger.ports import ReportInput
from reports.cover import document_of

_OPEN_COLUMNS = (
    Column(name="asset", title="Asset"),
    Column(name="wallet", title="Wallet", kind=CellKind.OUTSIDE),
    Column(name="lot", title="Lot"),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="origin", title="Origin"),
    Column(name="acquired_at", title="Came in", kind=CellKind.INSTANT),
    Column(name="quantity_open", title="Quantity open", kind=CellKind.QUANTITY),
    Column(name="evidence", title="Evidence", kind=CellKind.OUTSIDE),
    Column(name="mend", title="How to mend", kind=CellKind.OUTSIDE),
)
_GONE_COLUMNS = (
    Column(name="date_disposed", title="Date sold", kind=CellKind.DAY),
    Column(name="year", title="Tax year", kind=CellKind.INTEGER),
    Column(name="event", title="Event", kind=CellKind.OUTSIDE),
    Column(name="disposal", title="Disposal"),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="proceeds", title="Proceeds", kind=CellKind.MONEY, total=True),
    Column(name="cost_basis", title="Cost basis", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
    Column(name="box", title="Box"),
    Column(name="lot_event", title="Lot event", kind=CellKind.OUTSIDE),
    Column(name="finding", title="Finding"),
    Column(name="mend", title="How to mend", kind=CellKind.OUTSIDE),
)
_HISTORY = "import the history that brought them in, or an opening row dated before, with cost, date and evidence"
_POOL = "mend the units without basis of this asset: the average waits for them"


class MissingBasis:
    """Open and sold units without a basis, one row per lot and per disposal piece."""

    name = "missing-basis"
    title = "Units without a basis"
    shows_gains = False  # although it does: it is there to mend them

    def document(self, source: ReportInput) -> ReportDocument:
        """Return what is open, and which disposals hang on a missing basis."""
        return document_of(
            self,
            source,
            tables=(
                Table(name="sold", title="Disposals that hang on a missing basis", columns=_GONE_COLUMNS, rows=partial(_gone, source)),
                Table(name="open", title="Open units without a basis", columns=_OPEN_COLUMNS, rows=partial(_open, source)),
            ),
            notes=("Units without a basis count as having cost 0 until it is told.",),
        )


def _open(source: ReportInput) -> Iterator[Row]:
    evidence = source.basis_evidence()
    return (_open_row(lot, evidence.get(lot.event_id, "")) for lot in source.lots() if lot.gap is Gap.MISSING_BASIS)


def _open_row(lot: Lot, evidence: str) -> Row:
    mend = _HISTORY if lot.origin is LotOrigin.UNKNOWN else _again(lot.source_id)
    return lot.asset, lot.wallet, lot.lot_id, lot.source_id, lot.origin, lot.acquired_at, lot.quantity_open, evidence, mend


def _gone(source: ReportInput) -> Iterator[Row]:
    return (_gone_row(row) for row in source.gains() if row.finding in (Gap.MISSING_BASIS, Caveat.POOL_INCOMPLETE))


def _gone_row(row: GainRow) -> Row:
    piece = row.disposal
    return (
        row.date_disposed,
        row.year,
        piece.source_id,
        f"{piece.disposal_id}-{piece.piece}",
        piece.account,
        piece.asset,
        piece.quantity,
        piece.proceeds,
        piece.cost_basis,
        row.gain,
        row.box,
        piece.lot_source_id,
        row.finding,
        _mend_of(row),
    )


def _mend_of(row: GainRow) -> str:
    if row.finding == Caveat.POOL_INCOMPLETE:
        return _POOL
    named = row.disposal.lot_source_id
    return _HISTORY if named is None else _again(named)


def _again(source_id: str) -> str:
    return f"import row {source_id} again with its total cost as value"
