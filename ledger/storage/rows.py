"""Domain values -> rows and back, one function a noun.

These functions run once a row for all rows of a book, so they read and write plain tuples in the order of the table's columns and
look enums up in tables. Bulk rows hold instants and numbers as canonical text, which both engines take.
"""

import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from ledger.domain.amount import Amount
from ledger.domain.election import ElectionWords, EvidenceGrade, election_of, words_of
from ledger.domain.entry import JournalEntry, Posting
from ledger.domain.event import Event, SourceRank
from ledger.domain.event_text import HeadFields, event_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.law.statement import BrokerForm, StatementRow
from ledger.domain.lot import Caveat, DepartureKind, Disposal, Gap, HoldingTerm, Lot, LotOrigin
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import instant_text
from ledger.domain.transfers.pairing import DecisionKind, PairDecision, PairEvidence, TransferLink
from ledger.storage.backend import BulkRow
from ledger.storage.columns import day_text_or_none, decimal_text, decimal_text_or_none, fitting, instant_text_or_none
from ledger.storage.nouns import KnownEvent, NewEntry, NewEvent, RegisteredElection, StoredEvent
from ledger.storage.tables import attribution, event, payload

AnyRow = Row[*tuple[Any, ...]]  # a row of some statement; who reads it knows its columns

_KEY_BYTES = 48  # a cost below 1e38 by the 256 bits of `rate_key`, and a sign
_MIDDLE = 1 << 383
_LAST = b"\xff" * (_KEY_BYTES + 1)
_COMPRESSION = 3  # JSON pages shrink to an eighth, in half the time of zlib's own middle
_RANKS = {rank.value: rank for rank in SourceRank}
_ORIGINS = {origin.value: origin for origin in LotOrigin}
_DEPARTURES = {kind.value: kind for kind in DepartureKind}
_GAPS: dict[str | None, Gap | None] = {None: None, **{gap.value: gap for gap in Gap}}
_CAVEATS: dict[str | None, Caveat | None] = {None: None, **{caveat.value: caveat for caveat in Caveat}}

_TOLD_FACTS = tuple(
    event.c[name]
    for name in (
        *("kind", "body", "event_id", "source_id", "venue", "account", "occurred_at"),
        *("rank", "sequence", "order_id", "client_order_id", "bot", "note", "provisional"),
    )
)
_DERIVED_BOT = select(attribution.c.bot).where(attribution.c.event_seq == event.c.seq).correlate(event).scalar_subquery()
BOT = func.coalesce(event.c.bot, _DERIVED_BOT)  # the source's word, else what was attributed
FACT_COLUMNS = tuple(BOT.label("bot") if column is event.c.bot else column for column in _TOLD_FACTS)
_PLACE = (event.c.seq, event.c.revision, event.c.facts, event.c.recorded_at)
EVENT_COLUMNS, TOLD_COLUMNS = (*_PLACE, *FACT_COLUMNS), (*_PLACE, *_TOLD_FACTS)
KNOWN_COLUMNS = (event.c.event_id, event.c.seq, event.c.revision, event.c.facts, event.c.rank, event.c.provisional)
PAYLOAD_COLUMNS = tuple(
    payload.c[name]
    for name in (
        *("seq", "payload_id", "kind", "venue", "account", "stream", "symbol", "request", "name", "content", "content_hash"),
        *("fetched_at", "context"),
    )
)


# --- payloads -------------------------------------------------------------------------------------------------------


def payload_values(seq: int, source: Payload) -> dict[str, object]:
    """Return the columns of a payload; its content compressed."""
    return {
        "seq": seq,
        "payload_id": source.payload_id,
        "kind": source.kind.value,
        "venue": source.venue,
        "account": source.account,
        "stream": source.stream,
        "symbol": source.symbol,
        "request": source.request,
        "name": source.name,
        "content": zlib.compress(source.content, _COMPRESSION),
        "content_hash": source.content_hash,
        "size": len(source.content),
        "fetched_at": source.fetched_at,
        "context": [list(pair) for pair in source.context],
    }


def payload_of(row: AnyRow) -> tuple[int, Payload]:
    """Read `PAYLOAD_COLUMNS`."""
    seq, payload_id, kind, venue, account, stream, symbol, request, name, content, content_hash, fetched_at, context = row
    return seq, Payload(
        payload_id=payload_id,
        kind=PayloadKind(kind),
        venue=venue,
        account=account,
        stream=stream,
        symbol=symbol,
        request=request,
        name=name,
        content=_unpacked(content),
        content_hash=content_hash,
        fetched_at=fetched_at,
        context=tuple((key, text) for key, text in context),
    )


def _unpacked(content: bytes) -> bytes:
    """Return the bytes received; those that were damaged in the database as they are, because their hash then tells."""
    try:
        return zlib.decompress(content)
    except zlib.error:
        return content


# --- events ---------------------------------------------------------------------------------------------------------


def event_rows(events: Sequence[NewEvent], recorded_at: datetime) -> Iterator[BulkRow]:
    """Yield the rows of new events."""
    recorded = instant_text(recorded_at)
    for new in events:
        told = new.event
        yield (
            new.seq,
            told.event_id,
            new.revision,
            told.venue,
            told.account,
            new.kind,
            told.source_id,
            instant_text(told.occurred_at),
            told.sequence,
            told.order_id,
            told.client_order_id,
            told.bot,
            told.rank.value,
            int(told.provisional),
            told.note,
            f" {' '.join(new.assets)} ",
            new.body,
            new.facts,
            recorded,
        )


def event_of_row(row: Sequence[Any]) -> Event:
    """Read `FACT_COLUMNS`."""
    kind, body, event_id, source_id, venue, account, occurred_at, rank, sequence, order_id, client_order_id, bot, note, provisional = row
    head = HeadFields(
        event_id=event_id,
        source_id=source_id,
        venue=venue,
        account=account,
        occurred_at=occurred_at,
        rank=_RANKS[rank],
        sequence=sequence,
        order_id=order_id,
        client_order_id=client_order_id,
        bot=bot,
        note=note,
        provisional=provisional,
    )
    return event_of(kind, body, head)


def stored_event(row: AnyRow) -> StoredEvent:
    """Read `EVENT_COLUMNS`."""
    seq, revision, facts, recorded_at, *told = row
    return StoredEvent(seq=seq, revision=revision, event=event_of_row(told), facts=facts, recorded_at=recorded_at)


def known_event(row: AnyRow) -> KnownEvent:
    """Read `KNOWN_COLUMNS`."""
    _, seq, revision, facts, rank, provisional = row
    return KnownEvent(seq=seq, revision=revision, facts=facts, rank=_RANKS[rank], provisional=provisional)


# --- the journal ----------------------------------------------------------------------------------------------------


def entry_rows(entries: Sequence[NewEntry], recorded_at: datetime) -> Iterator[BulkRow]:
    """Yield the rows of new entries."""
    recorded = instant_text(recorded_at)
    for new in entries:
        entry = new.entry
        yield (
            new.seq,
            entry.entry_id,
            new.event_seq,
            instant_text(entry.occurred_at),
            entry.reverses,
            new.previous_hash,
            new.hash,
            recorded,
        )


def posting_rows(entries: Sequence[NewEntry]) -> Iterator[BulkRow]:
    """Yield the rows of the postings of new entries."""
    for new in entries:
        for line, (debit, credit, asset, amount) in enumerate(new.cells, start=1):
            yield new.seq, line, debit, credit, asset, fitting(amount)


def posting_of(row: AnyRow) -> Posting:
    """Read ``entry_seq, debit, credit, asset, amount``."""
    _, debit, credit, asset, quantity = row
    return Posting(debit=debit, credit=credit, amount=Amount(quantity=quantity, asset=asset))


def entry_of(row: AnyRow, postings: Sequence[Posting]) -> JournalEntry:
    """Read a row that begins with ``seq, entry_id, event_id, occurred_at, reverses``."""
    _, entry_id, event_id, occurred_at, reverses, *_ = row
    return JournalEntry(entry_id=entry_id, event_id=event_id, occurred_at=occurred_at, postings=tuple(postings), reverses=reverses)


# --- the register of elections --------------------------------------------------------------------------------------


def election_row(registered: RegisteredElection) -> BulkRow:
    """Return the row of an election."""
    election, words = registered.election, words_of(registered.election)
    return (
        registered.seq,
        election.election_id,
        words.kind,
        words.subject,
        instant_text(election.recorded_at),
        election.grade.value,
        election.evidence,
        words.body,
        registered.payload_id,
        instant_text(registered.stored_at),
        registered.previous_hash,
        registered.hash,
    )


def registered_election(row: AnyRow) -> RegisteredElection:
    """Read all columns of an election."""
    seq, election_id, kind, subject, recorded_at, grade, evidence, body, payload_id, stored_at, previous_hash, own_hash = row
    words = ElectionWords(kind=kind, subject=subject, body=body)
    told = election_of(words, election_id=election_id, recorded_at=recorded_at, grade=EvidenceGrade(grade), evidence=evidence)
    return RegisteredElection(
        seq=seq, election=told, payload_id=payload_id, stored_at=stored_at, previous_hash=previous_hash, hash=own_hash
    )


# --- findings, prices -----------------------------------------------------------------------------------------------


def finding_row(origin: str, finding: Finding, found_at: datetime) -> BulkRow:
    """Return the row of a finding."""
    return origin, finding.code, finding.subject, finding.severity.value, finding.message, finding.mend, instant_text(found_at)


def finding_of(row: AnyRow) -> Finding:
    """Read a row with the columns of a finding."""
    return Finding(code=row.code, severity=Severity(row.severity), subject=row.subject, message=row.message, mend=row.mend)


def price_row(seq: int, quote: PriceQuote, payload_seq: int | None) -> BulkRow:
    """Return the row of a quote."""
    return seq, quote.asset, quote.currency, instant_text(quote.observed_at), decimal_text(quote.price), quote.source, payload_seq


def quote_of(row: AnyRow) -> PriceQuote:
    """Read ``asset, currency, observed_at, price, source``."""
    asset, currency, observed_at, price, source = row
    return PriceQuote(asset=asset, currency=currency, observed_at=observed_at, price=price, source=source)


# --- transfers ------------------------------------------------------------------------------------------------------


def decision_values(seq: int, decision: PairDecision) -> dict[str, object]:
    """Return the columns of a decision about halves of transfers."""
    return {
        "seq": seq,
        "kind": decision.kind.value,
        "withdrawals": list(decision.withdrawals),
        "deposits": list(decision.deposits),
        "lost": decision.lost,
        "decided_at": decision.decided_at,
    }


def decision_of(row: AnyRow) -> PairDecision:
    """Read a row with the columns of a decision."""
    return PairDecision(
        kind=DecisionKind(row.kind),
        withdrawals=tuple(row.withdrawals),
        deposits=tuple(row.deposits),
        lost=row.lost,
        decided_at=row.decided_at,
    )


def link_row(link: TransferLink) -> BulkRow:
    """Return the row of a link."""
    quantity, lost = decimal_text(link.quantity), decimal_text(link.lost)
    return link.withdrawal, link.deposit, link.asset, quantity, lost, int(link.at_once), link.evidence.value


def link_of(row: AnyRow) -> TransferLink:
    """Read all columns of a link."""
    withdrawal, deposit, asset, quantity, lost, at_once, found_by = row
    return TransferLink(
        withdrawal=withdrawal,
        deposit=deposit,
        asset=asset,
        quantity=quantity,
        lost=lost,
        at_once=at_once,
        evidence=PairEvidence(found_by),
    )


# --- lots and disposals ---------------------------------------------------------------------------------------------


def lot_rows(lots: Sequence[Lot]) -> Iterator[BulkRow]:
    """Yield the rows of lots."""
    for lot in lots:
        yield (
            lot.lot_id,
            lot.part,
            lot.event_id,
            lot.source_id,
            lot.asset,
            lot.account,
            lot.wallet,
            instant_text(lot.acquired_at),
            lot.origin.value,
            decimal_text(lot.quantity),
            decimal_text_or_none(lot.cost_basis),
            decimal_text(lot.quantity_open),
            decimal_text_or_none(lot.cost_open),
            None if lot.gap is None else lot.gap.value,
            lot.serial,
            *(cost_keys(lot.rate_key) if lot.quantity_open else (None, None)),
            lot.carried_by,
        )


def cost_keys(rate_key: int | None) -> tuple[bytes, bytes]:
    """Return the bytes that sort open lots by cost per unit, lowest first and highest first; lots without a price last in both."""
    if rate_key is None:
        return _LAST, _LAST
    return (_MIDDLE + rate_key).to_bytes(_KEY_BYTES, "big"), (_MIDDLE - 1 - rate_key).to_bytes(_KEY_BYTES, "big")


def lot_of(row: AnyRow) -> Lot:
    """Read all columns of a lot."""
    lot_id, part, event_id, source_id, asset, account, wallet, acquired_at, origin, *sizes, gap, serial, lowest_first, _, carried_by = row
    quantity, cost_basis, quantity_open, cost_open = sizes
    return Lot(
        lot_id=lot_id,
        part=part,
        event_id=event_id,
        source_id=source_id,
        asset=asset,
        account=account,
        wallet=wallet,
        acquired_at=acquired_at,
        origin=_ORIGINS[origin],
        quantity=quantity,
        cost_basis=cost_basis,
        quantity_open=quantity_open,
        cost_open=cost_open,
        gap=_GAPS[gap],
        serial=serial,
        rate_key=None if lowest_first in (None, _LAST) else int.from_bytes(lowest_first, "big") - _MIDDLE,
        carried_by=carried_by,
    )


def statement_rows(first: int, told: Sequence[tuple[int, StatementRow]], payload_seq: int, recorded_at: datetime) -> Iterator[BulkRow]:
    """Yield the rows of a broker's statement, given with their lines in the file."""
    recorded = instant_text(recorded_at)
    for seq, (line, row) in enumerate(told, first):
        yield (
            seq,
            row.row_id,
            payload_seq,
            line,
            row.account,
            row.year,
            row.form.value,
            row.asset,
            decimal_text(row.quantity),
            day_text_or_none(row.date_acquired),
            row.date_sold.isoformat(),
            decimal_text(row.proceeds),
            decimal_text_or_none(row.cost_basis),
            None if row.term is None else row.term.value,
            row.sale,
            row.code,
            decimal_text_or_none(row.adjustment),
            day_text_or_none(row.issued),
            recorded,
        )


def statement_row_of(row: AnyRow) -> StatementRow:
    """Read all columns of a row of a broker's statement."""
    return StatementRow(
        row_id=row.row_id,
        account=row.account,
        year=row.year,
        form=BrokerForm(row.form),
        asset=row.asset,
        quantity=row.quantity,
        date_acquired=row.date_acquired,
        date_sold=row.date_sold,
        proceeds=row.proceeds,
        cost_basis=row.cost_basis,
        term=None if row.term is None else HoldingTerm(row.term),
        sale=row.sale,
        code=row.code,
        adjustment=row.adjustment,
        issued=row.issued,
    )


def disposal_rows(disposals: Sequence[Disposal]) -> Iterator[BulkRow]:
    """Yield the rows of disposals."""
    for piece in disposals:
        yield (
            piece.disposal_id,
            piece.piece,
            piece.event_id,
            piece.source_id,
            piece.asset,
            decimal_text(piece.quantity),
            piece.account,
            piece.wallet,
            piece.bot,
            piece.kind.value,
            instant_text_or_none(piece.acquired_at),
            instant_text(piece.disposed_at),
            decimal_text_or_none(piece.proceeds),
            decimal_text_or_none(piece.cost_basis),
            piece.lot_id,
            piece.lot_source_id,
            piece.matched_by,
            None if piece.gap is None else piece.gap.value,
            decimal_text(piece.selling_costs),
            day_text_or_none(piece.provisional_until),
            None if piece.caveat is None else piece.caveat.value,
            piece.order_id,
        )


def disposal_of(row: AnyRow) -> Disposal:
    """Read all columns of a disposal."""
    disposal_id, number, event_id, source_id, asset, quantity, account, wallet, bot, kind, *rest = row
    acquired_at, disposed_at, proceeds, cost_basis, lot_id, lot_source_id, matched_by, gap, *told = rest
    selling_costs, provisional_until, caveat, order_id = told
    return Disposal(
        disposal_id=disposal_id,
        piece=number,
        event_id=event_id,
        source_id=source_id,
        asset=asset,
        quantity=quantity,
        account=account,
        wallet=wallet,
        bot=bot,
        kind=_DEPARTURES[kind],
        acquired_at=acquired_at,
        disposed_at=disposed_at,
        proceeds=proceeds,
        cost_basis=cost_basis,
        lot_id=lot_id,
        lot_source_id=lot_source_id,
        matched_by=matched_by,
        gap=_GAPS[gap],
        selling_costs=selling_costs,
        provisional_until=provisional_until,
        caveat=_CAVEATS[caveat],
        order_id=order_id,
    )
