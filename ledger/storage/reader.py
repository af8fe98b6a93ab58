"""Questions to a book: nouns out, inside one snapshot. Iterators stream; ask for them and use them inside `Store.read`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    FromClause,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    literal_column,
    select,
)

from ledger.domain.entry import Posting
from ledger.domain.event import Event, Transfer
from ledger.domain.facts import JournalRow
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import EntryId, EventId, Hash, LotId, PayloadId
from ledger.domain.law.statement import StatementRow
from ledger.domain.lot import Disposal, Lot
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.transfers.pairing import PairDecision, TransferLink
from ledger.storage import rows, tables
from ledger.storage.backend import Backend
from ledger.storage.nouns import Computation, KnownEvent, StoredEntry, StoredEvent
from ledger.storage.rows import AnyRow
from ledger.storage.shelves.allocations import AllocationReader
from ledger.storage.shelves.bots import BotReader
from ledger.storage.shelves.closed_years import ClosedYearReader
from ledger.storage.shelves.keys import KeyReader
from ledger.storage.shelves.proof import ProofReader
from ledger.storage.shelves.quotes import QuoteReader
from ledger.storage.shelves.register import RegisterReader
from ledger.storage.shelves.walks import WalkReader
from ledger.storage.tables import (
    attribution,
    bot_order,
    broker_statement,
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

_ROWS = 2_000  # rows fetched at a time: flat memory, few round trips
_PAYLOADS = 8  # payloads fetched at a time; each may hold megabytes
_KEYS = 5_000  # keys asked for at a time
_MATCHES_MAX = 20
_NEGATIVE_FEE = '"fee":["-'  # as the text of an event has it; a quotation mark inside its strings is escaped
_SEVERITIES = case({severity.value: rank for rank, severity in enumerate(Severity)}, value=finding.c.severity)
_ENTRY = (entry.c.seq, entry.c.entry_id, event.c.event_id, entry.c.occurred_at, entry.c.reverses)

Condition = ColumnElement[bool] | None
AnySelect = Select[*tuple[Any, ...]]


class Reader(ClosedYearReader, QuoteReader, RegisterReader, AllocationReader, ProofReader, BotReader, KeyReader, WalkReader):
    """What a book says. Made by `Store.read`."""

    def __init__(self, connection: Connection, backend: Backend) -> None:
        self._connection = connection
        self._backend = backend
        self._open: dict[int, CursorResult[*tuple[Any, ...]]] = {}

    def close(self) -> None:
        """Close what was asked for and not read to the end."""
        for result in self._open.values():
            result.close()
        self._open.clear()

    # --- places -----------------------------------------------------------------------------------------------------

    def event_seq_last(self) -> int:
        """Return the place of the newest event, 0 where there is none."""
        return self._seq_last(event)

    def chain_tip(self) -> tuple[int, Hash]:
        """Return place and hash of the last entry; 0 and the book's genesis where there is none."""
        last = self._one(select(entry.c.seq, entry.c.hash).order_by(entry.c.seq.desc()).limit(1))
        return (0, self.genesis()) if last is None else (last.seq, last.hash)

    def genesis(self) -> Hash:
        """Return what the first entry of this book is linked to."""
        genesis: Hash = self._connection.execute(select(tables.book.c.genesis)).scalar_one()
        return genesis

    def currency(self) -> str:
        """Return the currency that the book was created in: the one of every value that its sources told."""
        currency: str = self._connection.execute(select(tables.book.c.currency)).scalar_one()
        return currency

    def damage(self) -> list[str]:
        """Return what is broken in the files of the database itself, in its engine's words."""
        return self._backend.damage(self._connection)

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table, by name."""
        return {
            table.name: self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.METADATA.sorted_tables
        }

    # --- payloads ---------------------------------------------------------------------------------------------------

    def payload(self, payload_id: PayloadId) -> Payload | None:
        """Return one payload."""
        row = self._one(select(*rows.PAYLOAD_COLUMNS).where(payload.c.payload_id == payload_id))
        return None if row is None else rows.payload_of(row)[1]

    def payloads(
        self,
        *,
        account: str | None = None,
        stream: str | None = None,
        after_seq: int = 0,
    ) -> Iterator[tuple[int, Payload]]:
        """Yield payloads with their places, in order of arrival; only those of an account, of a stream, after a place."""
        statement = _where(
            select(*rows.PAYLOAD_COLUMNS),
            None if account is None else payload.c.account == account,
            None if stream is None else payload.c.stream == stream,
            payload.c.seq > after_seq if after_seq else None,
        )
        yield from map(rows.payload_of, self._stream(statement.order_by(payload.c.seq), size=_PAYLOADS))

    def accounts_of_file(self, content: Hash) -> set[str]:
        """Return the accounts under which a file of this content was imported; empty text: none was named."""
        statement = select(payload.c.account).where(payload.c.kind == PayloadKind.FILE.value, payload.c.content_hash == content)
        return set(self._connection.execute(statement).scalars())

    # --- events -----------------------------------------------------------------------------------------------------

    def known(self, ids: Sequence[EventId]) -> dict[EventId, KnownEvent]:
        """Return what the book knows of the events asked for; the unknown are missing."""
        found: dict[EventId, KnownEvent] = {}
        waiting = iter(ids)
        while asked := list(islice(waiting, _KEYS)):
            statement = select(*rows.KNOWN_COLUMNS).where(self._backend.among(event.c.event_id, asked))
            # Of several revisions the last one stays in the dictionary.
            found |= {row[0]: rows.known_event(row) for row in self._connection.execute(statement.order_by(event.c.revision)).all()}
        return found

    def event(self, event_id: EventId) -> StoredEvent | None:
        """Return the live revision of an event."""
        return self._live_event(event_id, rows.EVENT_COLUMNS)

    def event_as_told(self, event_id: EventId) -> StoredEvent | None:
        """Return the live revision of an event with no other bot than its sources named."""
        return self._live_event(event_id, rows.TOLD_COLUMNS)

    def events_as_told(self, ids: Sequence[EventId]) -> dict[EventId, StoredEvent]:
        """Return what `event_as_told` would of each of these events; the unknown are missing."""
        found: dict[EventId, StoredEvent] = {}
        waiting = iter(ids)
        while asked := list(islice(waiting, _KEYS)):
            statement = select(*rows.TOLD_COLUMNS).where(self._backend.among(event.c.event_id, asked)).order_by(event.c.revision)
            found |= {one.event.event_id: one for one in map(rows.stored_event, self._connection.execute(statement))}
        return found

    def tellings(self) -> Iterator[StoredEvent]:
        """Yield all revisions of all events in order of arrival, also those that a better telling has replaced."""
        yield from map(rows.stored_event, self._stream(select(*rows.EVENT_COLUMNS).order_by(event.c.seq)))

    def events(
        self,
        *,
        asset: str | None = None,
        kinds: Sequence[str] | None = None,
        after_seq: int = 0,
        rebates_only: bool = False,
    ) -> Iterator[StoredEvent]:
        """Yield live events by `occurred_at`, then `seq`; only those that move `asset`, are of `kinds`, arrived after `after_seq`.

        `rebates_only` asks for those whose fee is negative.
        """
        conditions = (
            None if asset is None else _moves(asset),
            None if kinds is None else event.c.kind.in_(kinds),
            event.c.seq > after_seq if after_seq else None,
            event.c.body.contains(_NEGATIVE_FEE) if rebates_only else None,
        )
        statement = _where(select(*rows.EVENT_COLUMNS).where(_live()), *conditions)
        yield from map(rows.stored_event, self._stream(statement.order_by(event.c.occurred_at, event.c.seq)))

    def fills_for_nothing(self, account: str, asset: str) -> list[str]:
        """Return the source's ids of the live fills of an account in which nothing of an asset was paid or received, in order of time."""
        conditions = (event.c.account == account, event.c.kind == "fill", event.c.body.contains(f'"quote":["0","{asset}"]'))
        told = select(event.c.source_id).where(_live(), *conditions).order_by(event.c.occurred_at, event.c.seq)
        return list(self._connection.execute(told).scalars())

    def accounts(self) -> set[str]:
        """Return the accounts that events or lots are in."""
        return {name for column in (event.c.account, lot.c.account) for (name,) in self._connection.execute(select(column).distinct())}

    def bots(self) -> set[str]:
        """Return the bots that events were decided by, or that a bot's database tells of."""
        columns = event.c.bot, attribution.c.bot, bot_order.c.bot
        return {name for column in columns for (name,) in self._connection.execute(select(column).distinct()) if name is not None}

    def assets(self) -> set[str]:
        """Return the assets that events move."""
        return {asset for (assets,) in self._connection.execute(select(event.c.assets).distinct()) for asset in assets.split()}

    def half_transfers(self) -> Iterator[Transfer]:
        """Yield the live transfers of which one side is not known, by `occurred_at`, then arrival."""
        transfers = event.c.kind == literal_column("'transfer'")  # spelled out, so that its index serves
        statement = select(*rows.FACT_COLUMNS).where(transfers, _live()).order_by(event.c.occurred_at, event.c.seq)
        for told in map(rows.event_of_row, self._stream(statement)):
            if isinstance(told, Transfer) and None in (told.from_account, told.to_account):
                yield told

    def timeline(self, asset: str) -> Iterator[Event]:
        """Yield the live events that move an asset by `occurred_at`, without what only storage knows of them: for long sweeps."""
        statement = select(*rows.FACT_COLUMNS).where(_live(), _moves(asset)).order_by(event.c.occurred_at, event.c.seq)
        yield from map(rows.event_of_row, self._stream(statement))

    def snapshots(self) -> Iterator[StoredEvent]:
        """Yield the newest balance that a venue told, by account and asset."""
        newest = func.row_number().over(
            partition_by=(event.c.account, event.c.assets),
            order_by=(event.c.occurred_at.desc(), event.c.seq.desc()),
        )
        balances = select(event.c.seq, newest.label("age")).where(event.c.kind == literal_column("'balance'"), _live()).subquery()
        statement = select(*rows.EVENT_COLUMNS).join(balances, balances.c.seq == event.c.seq).where(balances.c.age == 1)
        yield from map(rows.stored_event, self._stream(statement.order_by(event.c.account, event.c.assets)))

    def events_matching(self, prefix: str) -> list[EventId]:
        """Return at most 20 ids that begin with `prefix` or whose source's own id it is, sorted."""
        if not prefix:
            return []
        begins = and_(event.c.event_id >= prefix, event.c.event_id < prefix[:-1] + chr(ord(prefix[-1]) + 1))
        statement = select(event.c.event_id).distinct().where(begins | (event.c.source_id == prefix))
        return list(self._connection.execute(statement.order_by(event.c.event_id).limit(_MATCHES_MAX)).scalars())

    def evidence(self, event_id: EventId) -> list[tuple[PayloadId, str]]:
        """Return the payloads that tell of an event, of all its revisions, with the place in each; in order of arrival."""
        statement = (
            select(payload.c.payload_id, evidence.c.locator, payload.c.seq)
            .distinct()
            .select_from(evidence.join(event).join(payload))
            .where(event.c.event_id == event_id)
        )
        ordered = statement.order_by(payload.c.seq, evidence.c.locator)
        return [(row.payload_id, row.locator) for row in self._connection.execute(ordered)]

    def locators(self, event_id: EventId, payload_seq: int) -> list[str]:
        """Return the places in one payload that tell of an event, of any of its revisions, sorted."""
        statement = select(evidence.c.locator).distinct().join(event)
        told = statement.where(event.c.event_id == event_id, evidence.c.payload_seq == payload_seq)
        return list(self._connection.execute(told.order_by(evidence.c.locator)).scalars())

    def changed_assets(self, *, after_event_seq: int) -> set[str]:
        """Return the assets that events stored after a place move, or moved as they were told before."""
        new = event.c.seq > after_event_seq
        revised = select(event.c.event_id).where(new, event.c.revision > 0)
        statements = (select(event.c.assets).distinct().where(which) for which in (new, event.c.event_id.in_(revised)))
        return {code for statement in statements for assets in self._connection.execute(statement).scalars() for code in assets.split()}

    # --- the journal ------------------------------------------------------------------------------------------------

    def entries(self) -> Iterator[StoredEntry]:
        """Yield the journal in the order of its hash chain."""
        yield from self._stored_entries(_chain().order_by(entry.c.seq))

    def entry(self, entry_id: EntryId) -> StoredEntry | None:
        """Return one journal entry."""
        return next(self._stored_entries(_chain().where(entry.c.entry_id == entry_id)), None)

    def entries_of(self, event_id: EventId) -> list[StoredEntry]:
        """Return the entries of all revisions of an event, reversals too, in the order of the chain."""
        return list(self._stored_entries(_chain().where(event.c.event_id == event_id).order_by(entry.c.seq)))

    def journal(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        account: str | None = None,
        bot: str | None = None,
        asset: str | None = None,
    ) -> Iterator[JournalRow]:
        """Yield entries by `occurred_at`, then `entry_id`; `since` included, `until` excluded; whole entries, whatever is asked for."""
        touching = exists().where(posting.c.entry_seq == entry.c.seq, posting.c.asset == asset)
        statement = _where(
            select(*_ENTRY, event.c.source_id, event.c.kind, event.c.account, rows.BOT, event.c.note).join(event),
            None if since is None else entry.c.occurred_at >= since,
            None if until is None else entry.c.occurred_at < until,
            None if account is None else event.c.account == account,
            _decided_by(rows.BOT, bot),
            None if asset is None else touching,
        )
        for row, postings in self._with_postings(statement.order_by(entry.c.occurred_at, entry.c.entry_id)):
            *_, source_id, kind, held_by, decided_by, note = row
            booked = rows.entry_of(row, postings)
            yield JournalRow(entry=booked, source_id=source_id, kind=kind, account=held_by, bot=decided_by, note=note or "")

    def postings(self, *, until: datetime | None = None, account: str | None = None) -> Iterator[tuple[str, str, str, Decimal]]:
        """Yield (debit, credit, asset, amount) of postings in the order of the chain.

        Only of entries before `until`; only those that move the ledger account `account`.
        """
        source: FromClause = posting if until is None else posting.join(entry)
        statement = select(posting.c.debit, posting.c.credit, posting.c.asset, posting.c.amount).select_from(source)
        earlier = None if until is None else entry.c.occurred_at < until
        touching = None if account is None else (posting.c.debit == account) | (posting.c.credit == account)
        ordered = _where(statement, earlier, touching).order_by(posting.c.entry_seq, posting.c.line)
        for row in self._stream(ordered):
            yield tuple(row)

    def _live_event(self, event_id: EventId, columns: tuple[ColumnElement[Any], ...]) -> StoredEvent | None:
        row = self._one(select(*columns).where(event.c.event_id == event_id).order_by(event.c.revision.desc()).limit(1))
        return None if row is None else rows.stored_event(row)

    def _stored_entries(self, statement: AnySelect) -> Iterator[StoredEntry]:
        for row, postings in self._with_postings(statement):
            seq, *_, event_seq, facts, previous_hash, own_hash = row
            booked = rows.entry_of(row, postings)
            yield StoredEntry(seq=seq, entry=booked, event_seq=event_seq, facts=facts, previous_hash=previous_hash, hash=own_hash)

    def _with_postings(self, statement: AnySelect) -> Iterator[tuple[AnyRow, list[Posting]]]:
        """Yield entries with their postings, which are fetched for many entries at a time."""
        waiting = self._stream(statement)
        while entries := list(islice(waiting, _ROWS)):
            postings: dict[int, list[Posting]] = {row[0]: [] for row in entries}
            asked = (
                select(posting.c.entry_seq, posting.c.debit, posting.c.credit, posting.c.asset, posting.c.amount)
                .where(self._backend.among(posting.c.entry_seq, list(postings)))
                .order_by(posting.c.entry_seq, posting.c.line)
            )
            for row in self._connection.execute(asked).all():
                postings[row[0]].append(rows.posting_of(row))
            for row in entries:
                yield row, postings[row[0]]

    # --- findings ---------------------------------------------------------------------------------------------------

    def findings(self) -> list[tuple[str, Finding]]:
        """Return the open findings with their origins: errors first, then by code, subject, origin."""
        ordered = select(finding).order_by(_SEVERITIES, finding.c.code, finding.c.subject, finding.c.origin)
        return [(row.origin, rows.finding_of(row)) for row in self._connection.execute(ordered)]

    # --- transfers --------------------------------------------------------------------------------------------------

    def pair_decisions(self) -> list[PairDecision]:
        """Return what was decided about halves of transfers, in order."""
        return [rows.decision_of(row) for row in self._connection.execute(select(pair_decision).order_by(pair_decision.c.seq))]

    def pair_decision_seq_last(self) -> int:
        """Return the place of the newest decision, 0 where there is none."""
        return self._seq_last(pair_decision)

    def transfer_links(self, half: EventId | None = None) -> list[TransferLink]:
        """Return by which links lots were carried, by withdrawal and deposit; only those of one half."""
        statement = _where(
            select(transfer_link),
            None if half is None else (transfer_link.c.withdrawal == half) | (transfer_link.c.deposit == half),
        )
        ordered = statement.order_by(transfer_link.c.withdrawal, transfer_link.c.deposit)
        return [rows.link_of(row) for row in self._connection.execute(ordered)]

    # --- lots and disposals -----------------------------------------------------------------------------------------

    def computation(self) -> Computation | None:
        """Return what the stored lots and disposals stand for; None: never computed."""
        names = [column for column in computation.columns if column.name != "seq"]
        row = self._one(select(*names).order_by(computation.c.seq.desc()).limit(1))
        return None if row is None else Computation(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public name

    def assets_without_price(self) -> set[str]:
        """Return the assets of which a lot or a disposal lacks a price."""
        lacking = (lot.c.cost_basis.is_(None), disposal.c.cost_basis.is_(None) | disposal.c.proceeds.is_(None))
        statements = (select(table.c.asset).distinct().where(which) for table, which in zip((lot, disposal), lacking, strict=True))
        return {asset for statement in statements for asset in self._connection.execute(statement).scalars()}

    def lots(
        self,
        *,
        asset: str | None = None,
        wallet: str | None = None,
        account: str | None = None,
        include_closed: bool = False,
    ) -> Iterator[Lot]:
        """Yield lots by asset, wallet, `acquired_at`, lot id, part; those with nothing left only if asked for."""
        statement = _where(
            select(lot),
            None if asset is None else lot.c.asset == asset,
            None if wallet is None else lot.c.wallet == wallet,
            None if account is None else lot.c.account == account,
            None if include_closed else lot.c.quantity_open != Decimal(0),
        )
        ordered = statement.order_by(lot.c.asset, lot.c.wallet, lot.c.acquired_at, lot.c.lot_id, lot.c.part)
        yield from map(rows.lot_of, self._stream(ordered))

    def lot(self, lot_id: LotId) -> list[Lot]:
        """Return a lot in all wallets that it came into, by wallet and part."""
        statement = select(lot).where(lot.c.lot_id == lot_id).order_by(lot.c.wallet, lot.c.part)
        return [rows.lot_of(row) for row in self._connection.execute(statement)]

    def disposals(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        asset: str | None = None,
        account: str | None = None,
        bot: str | None = None,
        kinds: Sequence[str] | None = None,
        disposal_id: str | None = None,
        event_id: str | None = None,
    ) -> Iterator[Disposal]:
        """Yield pieces by `disposed_at`, disposal id, lot id (none first), piece; `since` included, `until` excluded."""
        statement = _where(
            select(disposal),
            None if since is None else disposal.c.disposed_at >= since,
            None if until is None else disposal.c.disposed_at < until,
            None if asset is None else disposal.c.asset == asset,
            None if account is None else disposal.c.account == account,
            _decided_by(disposal.c.bot, bot),
            None if kinds is None else disposal.c.kind.in_([str(kind) for kind in kinds]),
            None if disposal_id is None else disposal.c.disposal_id == disposal_id,
            None if event_id is None else disposal.c.event_id == event_id,
        )
        ordered = statement.order_by(disposal.c.disposed_at, disposal.c.disposal_id, disposal.c.lot_id.nulls_first(), disposal.c.piece)
        yield from map(rows.disposal_of, self._stream(ordered))

    def statement_rows(self) -> list[StatementRow]:
        """Return all rows of brokers' statements, by id."""
        statement = select(broker_statement).order_by(broker_statement.c.row_id)
        return [rows.statement_row_of(row) for row in self._connection.execute(statement)]

    # --- how questions are put --------------------------------------------------------------------------------------

    def _seq_last(self, table: Table) -> int:
        last: int = self._connection.execute(select(func.coalesce(func.max(table.c.seq), 0))).scalar_one()
        return last

    def _one(self, statement: AnySelect) -> AnyRow | None:
        return self._connection.execute(statement).one_or_none()

    def _stream(self, statement: AnySelect, *, size: int = _ROWS) -> Iterator[AnyRow]:
        result = self._connection.execute(statement, execution_options={"yield_per": size})
        self._open[id(result)] = result
        try:
            yield from result
        finally:
            result.close()
            self._open.pop(id(result), None)


def _live() -> ColumnElement[bool]:
    """Return the condition that no later telling of the event is stored."""
    later = event.alias("later")
    return ~exists().where(later.c.event_id == event.c.event_id, later.c.revision > event.c.revision)


def _decided_by(column: ColumnElement[str], bot: str | None) -> Condition:
    """Return the condition for a bot: None asks for all, an empty text for what no bot did."""
    if bot is None:
        return None
    return column == bot if bot else column.is_(None)


def _moves(asset: str) -> ColumnElement[bool]:
    return event.c.assets.contains(f" {asset} ", autoescape=True)


def _chain() -> AnySelect:
    return select(*_ENTRY, entry.c.event_seq, event.c.facts, entry.c.previous_hash, entry.c.hash).join(event)


def _where(statement: AnySelect, *conditions: Condition) -> AnySelect:
    """Return the statement with those conditions that there are."""
    return statement.where(*(condition for condition in conditions if condition is not None))
