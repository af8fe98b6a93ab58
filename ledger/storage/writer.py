"""Additions to a book: nouns in, inside one write that is committed as a whole. Nothing here changes a raw fact."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, insert, select

from ledger.domain.finding import ORIGIN_OF_PAYLOADS, Finding, origin_of_payload
from ledger.domain.ids import EventId
from ledger.domain.law.statement import StatementRow
from ledger.domain.lot import Disposal, Lot
from ledger.domain.payload import Payload
from ledger.domain.transfers.pairing import PairDecision, TransferLink
from ledger.storage import rows
from ledger.storage.nouns import ClosedYear, Computation, NewEntry, NewEvent
from ledger.storage.reader import Reader
from ledger.storage.shelves.allocations import AllocationWriter
from ledger.storage.shelves.bots import BotWriter
from ledger.storage.shelves.keys import KeyWriter
from ledger.storage.shelves.proof import ProofWriter
from ledger.storage.shelves.quotes import QuoteWriter
from ledger.storage.shelves.register import RegisterWriter
from ledger.storage.shelves.walks import WalkWriter
from ledger.storage.tables import (
    broker_statement,
    closed_year,
    computation,
    disposal,
    entry,
    event,
    evidence,
    finding,
    lot,
    pair_decision,
    payload,
    posting,
    transfer_link,
)


class Writer(Reader, QuoteWriter, RegisterWriter, AllocationWriter, ProofWriter, BotWriter, KeyWriter, WalkWriter):
    """What may be added to a book, and what is derived may be replaced. Made by `Store.write`."""

    def add_payload(self, source: Payload) -> tuple[int, bool]:
        """Store a payload once; return its place and whether it is new."""
        known = self._connection.execute(select(payload.c.seq).where(payload.c.payload_id == source.payload_id)).scalar_one_or_none()
        if known is not None:
            return known, False
        seq = self._seq_last(payload) + 1
        self._connection.execute(insert(payload), rows.payload_values(seq, source))
        return seq, True

    def add_events(self, events: Sequence[NewEvent], recorded_at: datetime) -> None:
        """Store events and revisions of events; their places go on from `event_seq_last`."""
        self._backend.insert(self._connection, event, rows.event_rows(events, recorded_at))

    def add_evidence(self, evidences: Sequence[tuple[int, int, str]]) -> None:
        """Store (event's place, payload's place, locator): which payload tells of which event; known ones are passed over."""
        self._backend.insert_unknown(self._connection, evidence, evidences)

    def add_entries(self, entries: Sequence[NewEntry], recorded_at: datetime) -> None:
        """Store journal entries with their postings at the end of the chain."""
        self._backend.insert(self._connection, entry, rows.entry_rows(entries, recorded_at))
        self._backend.insert(self._connection, posting, rows.posting_rows(entries))

    def add_findings(self, origin: str, findings: Sequence[Finding], found_at: datetime) -> None:
        """Store findings of one origin; one of the same code and subject stays as it was first found."""
        self._backend.insert_unknown(self._connection, finding, [rows.finding_row(origin, found, found_at) for found in findings])

    def replace_findings(self, origin: str, findings: Iterable[Finding], found_at: datetime) -> None:
        """Make these the only findings of an origin; those found before keep the instant at which they were."""
        before = select(finding.c.code, finding.c.subject, finding.c.found_at).where(finding.c.origin == origin)
        first = {(row.code, row.subject): row.found_at for row in self._connection.execute(before)}
        self._connection.execute(delete(finding).where(finding.c.origin == origin))
        kept = (rows.finding_row(origin, found, first.get((found.code, found.subject), found_at)) for found in findings)
        self._backend.insert_unknown(self._connection, finding, kept)

    def settle_subject(self, subject: str, *, told_by: Collection[str]) -> None:
        """Take away what payloads left to look at about one subject, but for what these origins tell of it."""
        of_payloads = finding.c.origin.startswith(ORIGIN_OF_PAYLOADS)
        told = select(finding.c.origin).distinct().where(finding.c.subject == subject, of_payloads)
        for origin in set(self._connection.execute(told).scalars()) - set(told_by):
            self._connection.execute(delete(finding).where(finding.c.origin == origin, finding.c.subject == subject))

    def settle_findings(self, payload_seq: int, subjects: Collection[str] | None) -> None:
        """Take away what earlier pages of the stream of a page left to look at about some subjects (None: about any).

        What a later page says of them counts, its own findings too.
        """
        told = select(finding.c.origin, finding.c.subject).where(finding.c.origin.startswith(ORIGIN_OF_PAYLOADS))
        if self._connection.execute(told.limit(1)).first() is None:  # the usual case, without a list of a thousand subjects
            return
        if subjects is not None:
            told = told.where(self._backend.among(finding.c.subject, sorted(subjects)))
        open_ones = [tuple(row) for row in self._connection.execute(told)]
        if not open_ones:
            return
        this, listed = payload.alias(), sorted({origin.removeprefix(ORIGIN_OF_PAYLOADS) for origin, _ in open_ones})
        same = [payload.c[name] == this.c[name] for name in ("kind", "venue", "account", "stream", "symbol")]
        earlier = (
            select(payload.c.payload_id)
            .join(this, this.c.seq == payload_seq)
            .where(self._backend.among(payload.c.payload_id, listed), payload.c.seq < payload_seq, *same)
        )
        origins = {origin_of_payload(payload_id) for payload_id in self._connection.execute(earlier).scalars()}
        for origin, subject in open_ones:
            if origin in origins:
                self._connection.execute(delete(finding).where(finding.c.origin == origin, finding.c.subject == subject))

    def add_statement_rows(self, told: Sequence[tuple[int, StatementRow]], payload_seq: int, recorded_at: datetime) -> int:
        """Store rows of a broker's statement with their lines in the file; return how many of them were new."""
        listed = self._backend.among(broker_statement.c.row_id, [row.row_id for _, row in told])
        known = set(self._connection.execute(select(broker_statement.c.row_id).where(listed)).scalars())
        fresh = [(line, row) for line, row in told if row.row_id not in known]
        first = self._seq_last(broker_statement) + 1
        self._backend.insert(self._connection, broker_statement, rows.statement_rows(first, fresh, payload_seq, recorded_at))
        return len(fresh)

    def add_pair_decision(self, decision: PairDecision) -> None:
        """Store what a user decided about halves of transfers."""
        self._connection.execute(insert(pair_decision), rows.decision_values(self._seq_last(pair_decision) + 1, decision))

    def replace_links(self, gone: Sequence[TransferLink], new: Sequence[TransferLink]) -> None:
        """Put new links of transfers in the place of those that hold no longer; they are derived."""
        if gone:
            keys = {(link.withdrawal, link.deposit) for link in gone}
            within = self._backend.among(transfer_link.c.withdrawal, sorted({withdrawal for withdrawal, _ in keys}))
            kept = [
                link for link in map(rows.link_of, self._connection.execute(select(transfer_link).where(within))) if _key(link) not in keys
            ]
            self._connection.execute(delete(transfer_link).where(within))
            new = [*kept, *new]
        self._backend.insert(self._connection, transfer_link, map(rows.link_row, new))

    def clear_matches(self, assets: Sequence[str] | None) -> None:
        """Delete the lots and disposals of these assets, None: of all; they are derived and can be built again."""
        for table in (lot, disposal):
            statement = delete(table)
            self._connection.execute(statement if assets is None else statement.where(self._backend.among(table.c.asset, assets)))

    def add_lots(self, lots: Sequence[Lot]) -> None:
        """Store lots."""
        self._backend.insert(self._connection, lot, rows.lot_rows(lots))

    def add_disposals(self, disposals: Sequence[Disposal]) -> None:
        """Store disposals."""
        self._backend.insert(self._connection, disposal, rows.disposal_rows(disposals))

    def add_closed_year(self, closed: ClosedYear, content: bytes) -> None:
        """Store a closing with its compressed figures; its place goes on from the last one."""
        self._connection.execute(insert(closed_year), {**asdict(closed), "content": content})

    def put_computation(self, done: Computation) -> None:
        """Say what the stored lots and disposals stand for from now on."""
        self._connection.execute(
            insert(computation),
            {
                "seq": self._seq_last(computation) + 1,
                "regime": done.regime,
                "version": done.version,
                "options": done.options,
                "event_seq": done.event_seq,
                "price_seq": done.price_seq,
                "election_seq": done.election_seq,
                "computed_at": done.computed_at,
                "pairing": done.pairing,
                "input_hash": done.input_hash,
            },
        )


def _key(link: TransferLink) -> tuple[EventId, EventId]:
    return link.withdrawal, link.deposit
