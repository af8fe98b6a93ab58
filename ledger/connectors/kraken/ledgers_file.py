"""Kraken's export of ledgers, ``kraken-ledgers``: the same rows as the API's ledger, and so the same events.

Rows of one exchange share a ``refid`` and may stand anywhere, so the file is read whole before the first event is told. A row
without ``txid`` and balance is one that was not booked yet when the file was made; it moved nothing, and its booked twin tells the
event. Times are UTC, cut to the second (Kraken support, How to interpret ledger history fields).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import NamedTuple

from ledger.connectors.files.cells import CellReader, number_of, shown
from ledger.connectors.files.clocks import plain
from ledger.connectors.files.rows import account_named, said_of
from ledger.connectors.kraken.assets import wallet_of
from ledger.connectors.kraken.ids import VENUE
from ledger.connectors.kraken.rows import KrakenRow, RowsRead, Teller, read_rows, row_subject
from ledger.connectors.kraken.running import Running, findings_of, unbooked_of
from ledger.domain.errors import RowFault
from ledger.domain.event import SourceRank
from ledger.domain.finding import Finding
from ledger.domain.time.instant import EPOCH
from ledger.ports import FileRow, FileTerms


class _Cells(NamedTuple):
    """The cells that matter, in the order in which they are picked."""

    txid: str
    refid: str
    time: str
    type: str
    asset: str
    amount: str
    fee: str
    balance: str
    subtype: str
    wallet: str


_NEEDED = ("txid", "refid", "time", "type", "aclass", "asset", "amount", "fee", "balance")
_ORDERED = ("txid", "refid", "time", "type", "subtype", "aclass", "subclass", "asset", "wallet", "amount", "amountusd", "fee", "balance")


_clock = plain(UTC)


def _without(*names: str) -> tuple[str, ...]:
    return tuple(column for column in _ORDERED if column not in names)


class KrakenLedgers:
    """Reads the export of ledgers in all its generations, columns in any order."""

    name = "kraken-ledgers"
    title = "Kraken ledgers export"
    venue = VENUE
    headers: tuple[tuple[str, ...], ...] = (
        _without("amountusd"),
        _ORDERED,
        _without("amountusd", "subclass"),
        _without("subclass"),
        _without("amountusd", "subclass", "wallet"),
        _without("subclass", "wallet"),
        _NEEDED,
    )

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header has the columns that every generation has, each once, and none that is unknown."""
        return set(_NEEDED) <= set(header) <= set(_ORDERED) and len(set(header)) == len(header)

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per row, in file order, once all rows are read.

        Raises:
            InputError: when the command line names no account, or one that cannot be used.
        """
        assert self.recognises(header), header
        account = account_named(terms)
        said = said_of(rows, header, columns=_Cells._fields, terms=terms, read=_row)
        return _told(said, Teller(account=account, rank=SourceRank.FILE), terms)

    def lacking(self, files: Iterable[tuple[Iterator[tuple[int, list[str]]], tuple[str, ...]]], terms: FileTerms) -> tuple[Finding, ...]:
        """Return what is missing in several exports of one account, each of which `read` took for sound."""
        pool = _Pool(teller=Teller(account=account_named(terms), rank=SourceRank.FILE))
        for rows, header in files:
            said = said_of(rows, header, columns=_Cells._fields, terms=terms, read=_row)
            pool.add([running for _, running, _ in said if running is not None], has_wallets="wallet" in header)
        return pool.findings()


def _row(cells: tuple[str, ...], reader: CellReader) -> Running:
    """Sample: ``"L4UESK-KG3EQ-UFO4T5","TJKLXX-PGMUI-4NTLXU","2024-03-01 11:00:05","trade","","currency","ZUSD",-50.0,0.08,949.92``."""
    row = _Cells._make(cells)
    is_booked = bool(row.txid)
    if is_booked != bool(row.balance):
        column, other = ("balance", "txid") if is_booked else ("txid", "balance")
        reader.refuse(column, f"is empty, {other} is not", "use the file as exported: a row has both, or, not booked yet, neither")
    reader.take(wallet_of, row.asset, column="asset", stand_in=None)
    return Running(
        wallet=row.wallet,
        row=KrakenRow(
            row_id=reader.label(row.txid, column="txid") if is_booked else "",
            refid=reader.label(row.refid, column="refid"),
            occurred_at=reader.take(_clock, row.time, column="time", stand_in=EPOCH),
            kind=reader.label(row.type, column="type"),
            subtype=row.subtype,
            asset=row.asset,
            amount=reader.number(row.amount, column="amount"),
            fee=reader.number(row.fee, column="fee"),
            balance=reader.take(number_of, row.balance, column="balance", stand_in=None) if row.balance else None,
        ),
    )


def _told(said: Iterator[tuple[int, Running | None, tuple[RowFault, ...]]], teller: Teller, terms: FileTerms) -> Iterator[FileRow]:
    faults: dict[int, tuple[RowFault, ...]] = {}
    lines: dict[str, int] = {}
    booked: dict[str, Running] = {}
    pending: list[tuple[int, Running]] = []
    for line, running, found in said:
        faults[line] = found
        if running is None:
            continue
        row_id = running.row.row_id
        if not row_id:
            pending.append((line, running))
        elif booked.setdefault(row_id, running) != running:
            faults[line] = (_twice(line, row_id),)
        lines.setdefault(row_id, line)
    if any(faults.values()):
        return iter([FileRow(line=line, event=None, faults=found) for line, found in faults.items()])
    read = read_rows((running.row for running in booked.values()), teller)
    findings = (*read.findings, *findings_of(list(booked.values()), [running for _, running in pending], teller.account))
    return _file_rows(read, lines, list(faults), terms, findings)


@dataclass(slots=True, kw_only=True)
class _Pool:
    """Rows of several exports, each once. Balances run by wallet in some exports and over all wallets in others: those stay apart."""

    teller: Teller
    booked: defaultdict[bool, dict[str, Running]] = field(default_factory=lambda: defaultdict(dict))
    pending: set[Running] = field(default_factory=set)
    told: set[str] = field(default_factory=set)  # rows of which one of the files makes an event
    unread: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(self, rows: list[Running], *, has_wallets: bool) -> None:
        """Take in the rows of one file."""
        known = self.booked[has_wallets]
        own = {running.row.row_id: running for running in rows if running.row.row_id}
        for row_id, running in own.items():
            known[row_id] = min(known.get(row_id, running), running, key=repr)
        self.pending.update(running for running in rows if not running.row.row_id)
        read = read_rows((running.row for running in own.values()), self.teller)
        self.told.update(row_id for _, ids in read.events for row_id in ids)
        for finding in read.findings:
            place = (finding.code, finding.subject)
            self.unread[place] = min(self.unread.get(place, finding), finding, key=repr)

    def findings(self) -> tuple[Finding, ...]:
        """Return what no file answers."""
        account = self.teller.account
        answered = {row_subject(account, row_id) for row_id in self.told}
        unread = [finding for _, finding in sorted(self.unread.items()) if finding.subject not in answered]
        balances = [finding for _, rows in sorted(self.booked.items()) for finding in findings_of(list(rows.values()), (), account)]
        every = {row_id: running for _, rows in sorted(self.booked.items()) for row_id, running in rows.items()}
        return (*unread, *balances, *unbooked_of(list(every.values()), self.pending, account))


def _twice(line: int, row_id: str) -> RowFault:
    message = f"{shown(row_id)} stands in this file twice with different content"
    return RowFault(line=line, column="txid", message=message, mend="use the file as exported")


def _file_rows(
    read: RowsRead, lines: dict[str, int], all_lines: list[int], terms: FileTerms, findings: tuple[Finding, ...]
) -> Iterator[FileRow]:
    """Tell each event in the first of its rows, and all findings in the first row of the file."""
    events = {min(lines[row_id] for row_id in ids): event for event, ids in read.events}
    assert len(events) == len(read.events), read
    for place, line in enumerate(all_lines):
        event = events.get(line)
        yield FileRow(
            line=line,
            event=replace(event, bot=terms.bot) if event is not None and terms.bot else event,
            findings=findings if place == 0 else (),
        )
