"""The chain of one figure: disposal, lot, journal entry, event, and the very bytes that the source sent."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ledger.domain.amount import added, text_of
from ledger.domain.errors import InputError
from ledger.domain.event import Opening, Transfer
from ledger.domain.event_text import body_text, kind_of
from ledger.domain.facts import GainRow
from ledger.domain.ids import AccountId, DisposalId, EntryId, EventId, LotId, PayloadId
from ledger.domain.lot import Disposal, Lot
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.time.instant import instant_text
from ledger.pipeline.elections.proof import says
from ledger.pipeline.periods.filed import filed_rows, told
from ledger.storage.store import Reader, RegisteredElection, StoredEntry, StoredEvent

_UNKNOWN_PLACE = "(not known)"
_EXCERPT_MAX = 2_000  # characters of a source row that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One link of the chain: what it is, its id, what it says, and the links that it rests on."""

    kind: str
    ident: str
    says: tuple[tuple[str, str], ...]
    rests_on: tuple["Explanation", ...] = ()


def explain(reader: Reader, ident: str) -> tuple[Explanation, ...]:
    """Return the chain below an id: of a disposal, lot, entry, election, event, payload, or of a source's own row.

    Raises:
        InputError: when the book has nothing of that id, or an event's id is too short to be one event's.
    """
    found = tuple(_explained(reader, ident)) or tuple(_event_and_all(reader, event_id) for event_id in reader.events_matching(ident))
    if not found:
        raise InputError(
            f"nothing in this book has the id {ident!r}", mend="take an id from a report: a disposal, lot, event, entry or payload"
        )
    return found


def _explained(reader: Reader, ident: str) -> Iterator[Explanation]:
    if ident.startswith("D-"):
        pieces = list(reader.disposals(disposal_id=DisposalId(ident)))
        yield from (_disposal(reader, piece) for piece in pieces)
        yield from _disposal_as_filed(reader, DisposalId(ident), pieces)
    elif ident.startswith("L-"):
        lots = reader.lot(LotId(ident))
        yield from (_lot(reader, lot) for lot in lots)
        yield from _lot_as_filed(reader, LotId(ident)) if not lots else ()
    elif ident.startswith("E-") and (entry := reader.entry(EntryId(ident))):
        yield _entry(entry, (_event(reader, entry.entry.event_id),))
    elif ident.startswith("P-") and (payload := reader.payload(PayloadId(ident))):
        yield _payload(payload, "")
    else:
        yield from (_election(reader, one, with_disposals=True) for one in reader.registered([ident]).values())
        yield from (_event_and_all(reader, event_id) for event_id in reader.events_matching(ident))


def _disposal(reader: Reader, piece: Disposal) -> Explanation:
    parts = reader.lot(piece.lot_id) if piece.lot_id else []
    parts.sort(key=lambda lot: lot.wallet != piece.wallet)  # a lot may have gone through several wallets
    lots = [_lot(reader, lot) for lot in parts[:1]]
    money = (("proceeds", piece.proceeds), ("cost basis", piece.cost_basis))
    return Explanation(
        kind="disposal",
        ident=f"{piece.disposal_id} piece {piece.piece}",
        says=(
            ("what", f"{text_of(piece.quantity)} {piece.asset}, {piece.kind}"),
            ("when", instant_text(piece.disposed_at)),
            ("where", f"account {piece.account}, wallet {piece.wallet}"),
            *((name, "no price" if figure is None else text_of(figure)) for name, figure in money),
            ("lots picked by", piece.matched_by),
            *((name, str(told)) for name, told in (("may change until", piece.provisional_until), ("caveat", piece.caveat)) if told),
        ),
        rests_on=(*_electing(reader, piece), *lots, _event_and_all(reader, piece.event_id)),
    )


def _electing(reader: Reader, piece: Disposal) -> Iterator[Explanation]:
    by, _, ident = piece.matched_by.partition(":")
    if by in {"selection", "order"}:
        yield from (_election(reader, one, with_disposals=False) for one in reader.registered([ident]).values())


def _election(reader: Reader, registered: RegisteredElection, *, with_disposals: bool) -> Explanation:
    """Explain an election by the file that told of it, and where it was asked for, by what it decided."""
    head = registered.election
    payload = None if registered.payload_id is None else reader.payload(registered.payload_id)
    decided = reader.elected_disposals(head.election_id) if with_disposals else ()
    told = [
        (
            f"decided {piece.disposal_id} piece {piece.piece}",
            f"{text_of(piece.quantity)} {piece.asset} at {instant_text(piece.disposed_at)}",
        )
        for piece in decided
    ]
    return Explanation(
        kind="election",
        ident=head.election_id,
        says=(
            ("what", says(registered)),
            ("recorded", instant_text(head.recorded_at)),
            ("grade", head.grade + (f", {head.evidence}" if head.evidence else "")),
            ("place in the register", str(registered.seq)),
            ("hash", registered.hash),
            *told,
        ),
        rests_on=() if payload is None else (_payload(payload, ""),),
    )


def _disposal_as_filed(reader: Reader, ident: DisposalId, pieces: Sequence[Disposal]) -> Iterator[Explanation]:
    """Yield what a closed year says of a disposal, where the book no longer says the same."""
    filed = [(closed, row) for closed, row in filed_rows(reader, "gain", GainRow, ident) if row.disposal.disposal_id == ident]
    if [_figures(row.disposal) for _, row in filed] == [_figures(piece) for piece in pieces]:
        return
    for closed, row in filed:
        link = _disposal(reader, row.disposal)
        yield replace(link, kind="disposal as filed", says=(("filed", told(closed)), *link.says))


def _figures(piece: Disposal) -> tuple[object, ...]:
    return piece.lot_id, piece.quantity, piece.disposed_at, piece.proceeds, piece.cost_basis


def _lot_as_filed(reader: Reader, ident: LotId) -> Iterator[Explanation]:
    for closed, lot in filed_rows(reader, "lot", Lot, ident):
        if lot.lot_id == ident:
            link = _lot(reader, lot)
            yield replace(link, kind="lot as filed", says=(("filed", told(closed)), *link.says))


def _lot(reader: Reader, lot: Lot) -> Explanation:
    return Explanation(
        kind="lot",
        ident=lot.lot_id,
        says=(
            ("what", f"{text_of(lot.quantity)} {lot.asset}, {lot.origin}"),
            ("acquired", instant_text(lot.acquired_at)),
            ("cost basis", "no price" if lot.cost_basis is None else text_of(lot.cost_basis)),
            ("open", text_of(lot.quantity_open)),
            ("wallet", lot.wallet),
            *(
                ("evidence", told.event.evidence or "none told")
                for told in [reader.event(lot.event_id)]
                if told and isinstance(told.event, Opening)
            ),
        ),
        rests_on=(*_journey(reader, lot), _event_and_all(reader, lot.event_id)),
    )


def _journey(reader: Reader, lot: Lot) -> Iterator[Explanation]:
    """Yield the transfers that carried a lot into this wallet, the last one first, back to the account that acquired it."""
    parts = reader.lot(lot.lot_id)
    seen: set[EventId] = set()
    while lot.carried_by is not None and lot.carried_by not in seen:
        carried = _carriage(reader, lot.carried_by)
        seen |= {*carried.events, lot.carried_by}
        yield carried.explanation
        came = [part for part in parts if part.account == carried.sender]
        if not came:
            return
        lot = came[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carriage:
    """One transfer: its explanation, its events, and the account that it left; None where halves of a filed lot were split since."""

    explanation: Explanation
    events: tuple[EventId, ...]
    sender: AccountId | None


def _carriage(reader: Reader, event_id: EventId) -> _Carriage:
    links = reader.transfer_links(event_id)
    events = tuple(sorted({half for link in links for half in (link.withdrawal, link.deposit)})) or (event_id,)
    halves = {half: reader.event(half) for half in events}
    told = [stored.event for stored in halves.values() if stored is not None and isinstance(stored.event, Transfer)]
    sender = next((half.from_account for half in told if half.from_account is not None), None)
    receiver = next((half.to_account for half in told if half.to_account is not None), None)
    whole = "told as one by its source" if sender and receiver else "nothing any more"
    ordered = sorted(told, key=lambda half: (half.from_account is None, half.occurred_at, half.event_id))
    return _Carriage(
        explanation=Explanation(
            kind="transfer",
            ident=f"{sender or _UNKNOWN_PLACE} -> {receiver or _UNKNOWN_PLACE}",
            says=(
                ("moved", text_of(added(*(link.quantity for link in links))) if links else text_of(told[0].amount.quantity)),
                ("lost on the way", text_of(added(*(link.lost for link in links)))),
                ("halves paired by", links[0].evidence.value if links else whole),
            ),
            rests_on=tuple(_event_and_all(reader, half.event_id) for half in ordered),
        ),
        events=events,
        sender=sender,
    )


def _event_and_all(reader: Reader, event_id: EventId) -> Explanation:
    event = _event(reader, event_id)
    entries = tuple(_entry(entry, ()) for entry in reader.entries_of(event_id))
    return Explanation(kind=event.kind, ident=event.ident, says=event.says, rests_on=(*entries, *event.rests_on))


def _entry(stored: StoredEntry, rests_on: tuple[Explanation, ...]) -> Explanation:
    postings = [
        (f"posting {number}", f"debit {one.debit}, credit {one.credit}, {one.amount}")
        for number, one in enumerate(stored.entry.postings, start=1)
    ]
    reverses = [("reverses", str(stored.entry.reverses))] if stored.entry.reverses else []
    says = (*postings, *reverses, ("place in the chain", str(stored.seq)), ("hash", stored.hash))
    return Explanation(kind="journal entry", ident=stored.entry.entry_id, says=says, rests_on=rests_on)


def _event(reader: Reader, event_id: EventId) -> Explanation:
    stored = reader.event(event_id)
    assert stored is not None, event_id
    payloads = []
    for payload_id, locator in reader.evidence(event_id):
        payload = reader.payload(payload_id)
        assert payload is not None, payload_id
        payloads.append(_payload(payload, locator))
    return Explanation(kind="event", ident=event_id, says=_event_says(stored, reader.why_attributed(event_id)), rests_on=tuple(payloads))


def _event_says(stored: StoredEvent, why: str | None) -> tuple[tuple[str, str], ...]:
    event = stored.event
    return (
        ("what", f"{kind_of(event)} {body_text(event)}"),
        ("source's id", event.source_id),
        ("when", instant_text(event.occurred_at)),
        ("account", f"{event.account} at {event.venue}"),
        ("bot", f"{event.bot or '(none)'}{f' ({why})' if why else ''}"),
        ("order", event.order_id or "(none)"),
        ("revision", str(stored.revision)),
        ("recorded", instant_text(stored.recorded_at)),
        ("facts' hash", stored.facts),
    )


def _payload(payload: Payload, locator: str) -> Explanation:
    came_from = payload.request if payload.kind is PayloadKind.PAGE else f"file {payload.name}"
    row = [(locator, excerpt(payload, locator))] if locator else []
    return Explanation(
        kind="payload",
        ident=payload.payload_id,
        says=(
            ("from", came_from),
            ("fetched", instant_text(payload.fetched_at)),
            ("bytes", f"{len(payload.content)}, SHA-256 {payload.content_hash}"),
            *row,
        ),
    )


def excerpt(payload: Payload, locator: str) -> str:
    """Return the part of a payload that a locator names, exactly as received: ``line 17`` of a text, ``row 17`` of a JSON list."""
    if b"\0" in payload.content[:16]:
        return f"(a database of {len(payload.content)} bytes)"
    unit, _, number = locator.partition(" ")
    text = payload.content.decode("utf-8", errors="replace")
    if unit == "line" and number.isdigit():
        found = _csv_row(text, int(number))
    else:
        found = _json_row(text, int(number)) if number.isdigit() else text
    return found if len(found) <= _EXCERPT_MAX else found[:_EXCERPT_MAX] + " ..."


def _csv_row(text: str, line: int) -> str:
    """Return the text of the row that begins on a physical line (from 1); a cell in quotes may go over several."""
    row: list[str] = []
    for part in text.split("\n")[line - 1 :]:
        row.append(part)
        if sum(one.count('"') for one in row) % 2 == 0:
            break
    return "\n".join(row).rstrip("\r")


def _json_row(text: str, number: int) -> str:
    """Return the text of the n-th element (from 1) of a JSON list."""
    decoder, place = json.JSONDecoder(), text.find("[") + 1
    found = ""
    for _ in range(number):
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        _, end = decoder.raw_decode(text, place)
        found, place = text[place:end], end
    return found
