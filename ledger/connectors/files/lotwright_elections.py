"""``lotwright-elections``: choices of lots that were written down elsewhere, before Lotwright was there to record them.

One row is a standing order, or one lot of a selection: rows of one selection share their `id`. Who vouches for `recorded_at` is
the `evidence` that the row names; such elections are kept with the grade *imported*.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import NamedTuple, TypedDict

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.rows import said_of
from ledger.domain.amount import AssetCode
from ledger.domain.election import SELECTION, STANDING, Election, EvidenceGrade, LotPick, PickOrder, Selection, StandingOrder
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import ElectionId, OrderId, SourceId, VenueName, WalletId
from ledger.ports import FileRow, FileTerms


class _Cells(NamedTuple):
    """The cells of one row, in the order of the format's columns."""

    id: str
    recorded_at: str
    kind: str
    rule: str
    wallet: str
    asset: str
    bot: str
    effective_from: str
    sale: str
    order_id: str
    lot: str
    quantity: str
    evidence: str


_COLUMNS = _Cells._fields
_REQUIRED = ("id", "recorded_at", "kind")


class LotwrightElections:
    """Reads elections: columns in any order, optional ones may be missing, unknown ones are refused."""

    name = "lotwright-elections"
    title = "Elections recorded elsewhere"
    venue = VenueName("file")
    headers: tuple[tuple[str, ...], ...] = (_COLUMNS, _REQUIRED)

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the required columns, each column once, and none that is unknown."""
        return set(_REQUIRED) <= set(header) <= set(_COLUMNS) and len(set(header)) == len(header)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order; a selection stands in the first of its rows, all of which are read first.

        Raises:
            InputError: when the command line's names cannot be used.
        """
        assert self.recognises(header), header
        said: list[tuple[int, Election | None, tuple[RowFault, ...]]]
        said = list(said_of(rows, header, columns=_COLUMNS, terms=terms, read=_election))
        groups: dict[str, list[tuple[int, Election]]] = {}
        for line, election, _ in said:
            if election is not None:
                groups.setdefault(election.election_id, []).append((line, election))
        joined = {lines[0][0]: _joined(lines) for lines in groups.values()}
        unlike = {fault.line: (fault,) for _, faults in joined.values() for fault in faults}
        for line, _, faults in said:
            whole = joined[line][0] if line in joined else None
            yield FileRow(line=line, event=None, election=whole, faults=(*faults, *unlike.get(line, ())))


def _joined(lines: list[tuple[int, Election]]) -> tuple[Election, list[RowFault]]:
    """Return the election that the rows of one id make, and a fault for each row that does not belong to the first."""
    (first_line, first), *others = lines
    picks = list(first.picks) if isinstance(first, Selection) else []
    faults = []
    for line, other in others:
        if not isinstance(first, Selection) or not isinstance(other, Selection) or replace(other, picks=first.picks) != first:
            message = f"{shown(other.election_id)} is not as in line {first_line}, where it begins"
            faults.append(RowFault(line=line, column="id", message=message, mend="rows of one selection differ in lot and quantity only"))
        elif other.picks[0].lot in {pick.lot for pick in picks}:
            message = f"{shown(other.picks[0].lot)} stands twice in selection {shown(other.election_id)}"
            faults.append(RowFault(line=line, column="lot", message=message, mend="write one row with the sum"))
        else:
            picks += other.picks
    return replace(first, picks=tuple(picks)) if isinstance(first, Selection) else first, faults


# --- one row ----------------------------------------------------------------------------------------------------------


class _Head(TypedDict):
    election_id: ElectionId
    recorded_at: datetime
    grade: EvidenceGrade
    evidence: str
    wallet: WalletId | None
    asset: AssetCode | None


def _election(cells: tuple[str, ...], reader: CellReader) -> Election | None:
    row = _Cells._make(cells)
    head: _Head = {
        "election_id": ElectionId(reader.label(row.id, column="id")),
        "recorded_at": reader.instant(row.recorded_at, column="recorded_at"),
        "grade": EvidenceGrade.IMPORTED,
        "evidence": reader.note(row.evidence, column="evidence") or "" if row.evidence else "",
        "wallet": WalletId(reader.account(row.wallet, column="wallet")) if row.wallet else None,
        "asset": reader.asset(row.asset, column="asset") if row.asset else None,
    }
    if row.kind not in _KINDS:
        reader.refuse("kind", f"{shown(row.kind)} is no kind of election" if row.kind else "is empty", "write standing or selection")
        return None
    build, foreign = _KINDS[row.kind]
    for column in foreign:
        if text := getattr(row, column):
            reader.refuse(column, f"{shown(text)} does not belong to a {row.kind} row", "leave the cell empty")
    return build(row, reader, head)


def _standing(row: _Cells, reader: CellReader, head: _Head) -> Election:
    """Sample: ``e1,2026-01-01T09:00:00Z,standing,hifo,coinbase,BTC,,2026-01-02,,,,,mail to myself``."""
    effective = reader.instant_or_day(row.effective_from, column="effective_from") if row.effective_from else head["recorded_at"]
    order = reader.take(_order_of, row.rule, column="rule", stand_in=PickOrder.FIFO)
    return StandingOrder(**head, order=order, effective_from=effective, bot=reader.bot(row.bot, column="bot"))


def _selection(row: _Cells, reader: CellReader, head: _Head) -> Election | None:
    """Sample: ``e2,2026-03-01T09:00:00Z,selection,,,,,,s1,,b7,0.5,log of the bot``."""
    pick = LotPick(lot=reader.label(row.lot, column="lot"), quantity=reader.positive(row.quantity, column="quantity"))
    if bool(row.sale) == bool(row.order_id):
        found = "and order_id are both filled" if row.sale else "and order_id are both empty"
        reader.refuse("sale", found, "name the sale, or the order whose fills are meant: one of the two")
        return None
    return Selection(
        **head,
        picks=(pick,),
        sale=SourceId(reader.label(row.sale, column="sale")) if row.sale else None,
        order_id=OrderId(reader.label(row.order_id, column="order_id")) if row.order_id else None,
    )


def _order_of(text: str) -> PickOrder:
    try:
        return PickOrder(text)
    except ValueError:
        close = get_close_matches(text.lower(), list(PickOrder), n=1)
        mend = f"did you mean {close[0]}?" if close else "write one of " + ", ".join(PickOrder)
        raise InputError(f"{shown(text)} is no rule for lots" if text else "is empty", mend=mend) from None


# What makes the election of a row of each kind, and the columns that such a row does not take.
_KINDS: Mapping[str, tuple[Callable[[_Cells, CellReader, _Head], Election | None], tuple[str, ...]]] = {
    STANDING: (_standing, ("sale", "order_id", "lot", "quantity")),
    SELECTION: (_selection, ("rule", "bot", "effective_from")),
}
