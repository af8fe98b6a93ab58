"""Events as canonical text and back: what the book stores, hashes and compares.

The text of an event holds its facts only, not its attribution (`bot`) nor how far it is believed (`rank`,
`provisional`). The same facts give the same text, whatever source told them and in whatever order keys came.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import TypedDict

from ledger.domain.amount import Amount, AssetCode, text_of
from ledger.domain.event import (
    BalanceSnapshot,
    Charge,
    ChargeKind,
    Event,
    Fill,
    Income,
    IncomeKind,
    Opening,
    OpeningKind,
    Side,
    SourceRank,
    Transfer,
)
from ledger.domain.ids import AccountId, BotId, EventId, Hash, OrderId, SourceId, VenueName, hash_of
from ledger.domain.time.instant import instant_of, instant_text
from ledger.domain.transfers.coming_back import come_back

_quoted = encode_basestring  # what an encoder that leaves characters as they are comes to for a text

Body = dict[str, str | list[str] | None]


class HeadFields(TypedDict):
    """The fields of `EventHead` by name, to build any event with."""

    event_id: EventId
    source_id: SourceId
    venue: VenueName
    account: AccountId
    occurred_at: datetime
    rank: SourceRank
    sequence: int | None
    order_id: OrderId | None
    client_order_id: OrderId | None
    bot: BotId | None
    note: str | None
    provisional: bool


def body_text(event: Event) -> str:
    """Return the facts of an event that belong to its kind, as canonical JSON."""
    # Written piece by piece: a general JSON encoder takes four times as long, and every event passes here.
    return "{" + ",".join([f'"{name}":{_cell_text(cell)}' for name, cell in _BODIES[type(event)](event).items()]) + "}"


def _cell_text(cell: str | list[str] | None) -> str:
    if cell is None:
        return "null"
    return _quoted(cell) if isinstance(cell, str) else f"[{_quoted(cell[0])},{_quoted(cell[1])}]"


def kind_of(event: Event) -> str:
    """Return the stored name of an event's type: ``fill``, ``transfer``, ``income``, ``charge``, ``opening``, ``balance``."""
    return _KINDS[type(event)]


def facts_hash(event: Event, body: str) -> Hash:
    """Return the hash over all facts of an event; `body` is its `body_text`. Equal hash, equal facts."""
    return hash_of(
        event.event_id,
        kind_of(event),
        event.source_id,
        instant_text(event.occurred_at),
        "" if event.sequence is None else str(event.sequence),
        event.order_id or "",
        event.client_order_id or "",
        event.note or "",
        body,
    )


def event_of(kind: str, body: str, head: HeadFields) -> Event:
    """Build an event from its stored parts; the inverse of `kind_of` and `body_text`."""
    return _READERS[kind](json.loads(body), head)


# --- one writer and one reader a kind -------------------------------------------------------------------------------


def _pair(amount: Amount | None) -> list[str] | None:
    return None if amount is None else [text_of(amount.quantity), amount.asset]


def _number(number: Decimal | None) -> str | None:
    return None if number is None else text_of(number)


def _day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _fill_body(event: Fill) -> Body:
    return {
        "side": event.side.value,
        "base": _pair(event.base),
        "quote": _pair(event.quote),
        "fee": _pair(event.fee),
        "value": _number(event.value),
        "fee_value": _number(event.fee_value),
    }


def _transfer_body(event: Transfer) -> Body:
    return {
        "from": event.from_account,
        "to": event.to_account,
        "amount": _pair(event.amount),
        "fee": _pair(event.fee),
        "fee_value": _number(event.fee_value),
        "chain_hash": event.chain_hash,
        "address": event.address,
    }


def _valued_body(event: Income | Charge) -> Body:
    return {
        "kind": event.kind.value,
        "amount": _pair(event.amount),
        "value": _number(event.value),
        "fee": _pair(event.fee),
        "fee_value": _number(event.fee_value),
    }


def _income_body(event: Income) -> Body:
    """Return the facts of income; the instant of control only where it is another one."""
    control = {} if event.controlled_at is None else {"controlled_at": instant_text(event.controlled_at)}
    return {**_valued_body(event), **control}


def _opening_body(event: Opening) -> Body:
    """Return the facts of an opening; the evidence only where there is one, so that older texts stay what they are."""
    evidence = {} if event.evidence is None else {"evidence": event.evidence}
    return {
        "kind": event.kind.value,
        "amount": _pair(event.amount),
        "cost_basis": _number(event.cost_basis),
        "acquired_at": None if event.acquired_at is None else instant_text(event.acquired_at),
        "acquired_day": _day_text(event.acquired_day),
        "occurred_day": _day_text(event.occurred_day),
        **evidence,
    }


def _balance_body(event: BalanceSnapshot) -> Body:
    return {"balance": _pair(event.balance)}


def _amount(pair: list[str]) -> Amount:
    return Amount(quantity=Decimal(pair[0]), asset=AssetCode(pair[1]))


def _amount_or_none(pair: list[str] | None) -> Amount | None:
    return None if pair is None else _amount(pair)


def _decimal_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


class _StoredBody(TypedDict, total=False):
    side: str
    kind: str
    base: list[str]
    quote: list[str]
    amount: list[str]
    balance: list[str]
    fee: list[str] | None
    value: str | None
    fee_value: str | None
    cost_basis: str | None
    acquired_at: str | None
    acquired_day: str | None
    occurred_day: str | None
    evidence: str | None
    controlled_at: str | None
    chain_hash: str | None
    address: str | None


def _day_or_none(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _fill_of(body: _StoredBody, head: HeadFields) -> Event:
    return Fill(
        side=Side(body["side"]),
        base=_amount(body["base"]),
        quote=_amount(body["quote"]),
        fee=_amount_or_none(body["fee"]),
        value=_decimal_or_none(body["value"]),
        fee_value=_decimal_or_none(body["fee_value"]),
        **head,
    )


def _transfer_of(body: dict[str, str | None], head: HeadFields) -> Event:
    stored: _StoredBody = body  # type: ignore[assignment]  # "from" is no Python name, so the two keys are read apart
    sender, receiver = body["from"], body["to"]
    return Transfer(
        from_account=None if sender is None else AccountId(sender),
        to_account=None if receiver is None else AccountId(receiver),
        amount=_amount(stored["amount"]),
        fee=_amount_or_none(stored["fee"]),
        fee_value=_decimal_or_none(stored["fee_value"]),
        chain_hash=stored["chain_hash"],
        address=stored["address"],
        **head,
    )


def _income_of(body: _StoredBody, head: HeadFields) -> Event:
    controlled_at = body.get("controlled_at")
    return Income(
        controlled_at=None if controlled_at is None else instant_of(controlled_at),
        kind=IncomeKind(body["kind"]),
        amount=_amount(body["amount"]),
        value=_decimal_or_none(body["value"]),
        fee=_amount_or_none(body["fee"]),
        fee_value=_decimal_or_none(body["fee_value"]),
        **head,
    )


def _charge_of(body: _StoredBody, head: HeadFields) -> Event:
    return Charge(
        kind=ChargeKind(body["kind"]),
        amount=_amount(body["amount"]),
        value=_decimal_or_none(body["value"]),
        fee=_amount_or_none(body["fee"]),
        fee_value=_decimal_or_none(body["fee_value"]),
        **head,
    )


def _opening_of(body: _StoredBody, head: HeadFields) -> Event:
    acquired_at = body["acquired_at"]
    return Opening(
        kind=OpeningKind(body["kind"]),
        amount=_amount(body["amount"]),
        cost_basis=_decimal_or_none(body["cost_basis"]),
        acquired_at=None if acquired_at is None else instant_of(acquired_at),
        acquired_day=_day_or_none(body["acquired_day"]),
        occurred_day=_day_or_none(body["occurred_day"]),
        evidence=body.get("evidence"),
        **head,
    )


def _balance_of(body: _StoredBody, head: HeadFields) -> Event:
    return BalanceSnapshot(balance=_amount(body["balance"]), **head)


_KINDS: dict[type, str] = {
    Fill: "fill",
    Transfer: "transfer",
    Income: "income",
    Charge: "charge",
    Opening: "opening",
    BalanceSnapshot: "balance",
}
_BODIES: dict[type, Callable[..., Body]] = {
    Fill: _fill_body,
    Transfer: _transfer_body,
    Income: _income_body,
    Charge: _valued_body,
    Opening: _opening_body,
    BalanceSnapshot: _balance_body,
}
_READERS: dict[str, Callable[..., Event]] = {
    "fill": _fill_of,
    "transfer": _transfer_of,
    "income": _income_of,
    "charge": _charge_of,
    "opening": _opening_of,
    "balance": _balance_of,
}


# Facts that a source may leave open and tell later; names of one group are told together.
_TOLD_LATER = (
    ("value",),
    ("fee_value",),
    ("cost_basis",),
    ("acquired_at", "acquired_day"),
    ("evidence",),
    ("controlled_at",),
    ("chain_hash",),
    ("address",),
)


# --- two tellings of one event --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What comes of a second telling of a known event.

    `event` is the event to keep from now on, None when the known one stays. `conflicts` names the facts in which the two
    contradict each other; then nothing changes and a person must look.
    """

    event: Event | None = None
    conflicts: tuple[str, ...] = ()


# What a source may tell otherwise of an event later on. With another kind, side, asset, instant or order it is another event.
_CORRECTABLE = frozenset({"base", "quote", "amount", "fee", "value", "fee_value", "chain_hash", "address"})
_LEGS = ("base", "quote", "amount")


def told_again(known: Event, told: Event, *, is_newer_word: bool = False) -> Telling:
    """Compare two tellings of one event (same `event_id`) and say which facts to keep.

    A venue's own later word replaces a provisional one. Otherwise the source of the higher rank gives the facts, provided that
    the lower one agrees as far as it goes: numbers to its own decimals, instants to its own seconds or milliseconds, absent facts not
    at all.
    A provisional word of a lower rank contradicts nothing, it only completes. What only one of them knows is kept, whichever came
    first: orders, sequence, bot, note, values, cost and date of acquisition. Two halves of a fill become one, and a venue that tells
    a fill again in a later row of its own has amended it. A transfer of which one row says that it came back did, whichever was first.
    `is_newer_word`: the very source of the known event tells it now, later, and where only amounts differ it has corrected itself.
    """
    in_parts = _told_in_parts(known, told, is_newer_word=is_newer_word)
    if in_parts is not None:
        return in_parts
    if known.provisional and told.rank >= known.rank:
        return _kept_instead(known, _completed(told, known))
    if told.provisional and told.rank < known.rank and type(told) is type(known):
        return _kept_instead(known, _completed(known, told))
    finer, coarser = (told, known) if told.rank > known.rank else (known, told)
    conflicts = _contradictions(finer, coarser)
    if conflicts and not (is_newer_word and _is_correctable(known, told, conflicts)):
        return Telling(conflicts=conflicts)
    return _kept_instead(known, _corrected(known, told, conflicts) if conflicts else _completed(finer, coarser))


def _told_in_parts(known: Event, told: Event, *, is_newer_word: bool) -> Telling | None:
    """Return what two rows come to of which each may tell a part of the event only; None where each tells all that it knows."""
    if isinstance(known, Fill) and isinstance(told, Fill):
        if known.is_half or told.is_half:
            return _joined(known, told, is_newer_word=is_newer_word)
        if _amends(known, told):
            earlier, later = sorted((known, told), key=lambda fill: fill.sequence or 0)
            return _kept_instead(known, _completed(later, earlier))
    if isinstance(known, Transfer) and isinstance(told, Transfer) and _is_of_return(known, told):
        back = come_back(known, told)
        return Telling(conflicts=("amount",)) if back is None else _kept_instead(known, _completed(_completed(back, known), told))
    return None


def _is_of_return(known: Transfer, told: Transfer) -> bool:
    return (known.has_come_back or told.has_come_back) and not (known.provisional or told.provisional)


def _is_correctable(known: Event, told: Event, conflicts: tuple[str, ...]) -> bool:
    if known.rank is not told.rank or not _CORRECTABLE.issuperset(conflicts):
        return False  # the facts are another source's, or the source may have used an id twice
    return all(getattr(known, leg).asset == getattr(told, leg).asset for leg in _LEGS if hasattr(known, leg))


def _corrected(known: Event, told: Event, conflicts: tuple[str, ...]) -> Event:
    """Return the newer word with what only the older one knew, without worths that were told of other amounts."""
    stale = ["fee_value"] if "fee" in conflicts else []
    stale += ["value"] if hasattr(told, "value") and not set(_LEGS).isdisjoint(conflicts) else []
    return replace(_completed(told, known), **{name: getattr(told, name) for name in stale})


def _joined(known: Fill, told: Fill, *, is_newer_word: bool) -> Telling:
    """Join two halves of one fill, or a half and the whole; the earlier instant stays."""
    legs = [_leg_of(one, other, is_newer_word=is_newer_word) for one, other in ((known.base, told.base), (known.quote, told.quote))]
    if None in legs or known.side is not told.side:
        return Telling(conflicts=("base", "quote"))
    base, quote = (leg for leg in legs if leg is not None)
    whole = _completed(known, told)
    assert isinstance(whole, Fill), whole
    is_whole = base.quantity != 0 and quote.quantity != 0
    first_at = min(known.occurred_at, told.occurred_at)
    return _kept_instead(known, replace(whole, base=base, quote=quote, occurred_at=first_at, provisional=not is_whole))


def _leg_of(known: Amount, told: Amount, *, is_newer_word: bool) -> Amount | None:
    """Return the leg that is told; None where two are told that differ, unless the newer word corrects the amount."""
    if not known.quantity or not told.quantity:
        return told if not known.quantity else known
    return told if known == told or (is_newer_word and known.asset == told.asset) else None


def _amends(known: Fill, told: Fill) -> bool:
    is_of_venue = known.rank is told.rank is SourceRank.VENUE
    is_later = None not in (known.sequence, told.sequence) and known.sequence != told.sequence
    return is_of_venue and is_later and known.source_id != told.source_id


def _kept_instead(known: Event, kept: Event) -> Telling:
    return Telling(event=None if known.bot == kept.bot and _same_facts(known, kept) else kept)


def _same_facts(one: Event, other: Event) -> bool:
    return facts_hash(one, body_text(one)) == facts_hash(other, body_text(other))


def _completed(finer: Event, coarser: Event) -> Event:
    return replace(
        finer,
        sequence=coarser.sequence if finer.sequence is None else finer.sequence,
        order_id=finer.order_id or coarser.order_id,
        client_order_id=finer.client_order_id or coarser.client_order_id,
        bot=finer.bot or coarser.bot,
        note=finer.note or coarser.note,
        **{name: getattr(coarser, name) for name in _learned(finer, coarser)},
    )


def _learned(one: Event, other: Event) -> tuple[str, ...]:
    """Return the facts that `one` does not know and `other` does, of those that a source may tell later."""
    if type(one) is not type(other):
        return ()
    groups = [names for names in _TOLD_LATER if all(hasattr(one, name) and getattr(one, name) is None for name in names)]
    return tuple(name for names in groups for name in names if getattr(other, name) is not None)


def _contradictions(finer: Event, coarser: Event) -> tuple[str, ...]:
    if type(finer) is not type(coarser):
        return ("kind",)
    found = [] if _same_instant(finer, coarser) else ["occurred_at"]
    mine, other = _BODIES[type(finer)](finer), _BODIES[type(coarser)](coarser)
    one_sided = {*_learned(finer, coarser), *_learned(coarser, finer)}
    exact = finer.rank == coarser.rank
    found += [name for name in mine if name not in one_sided and not _agrees(mine[name], other[name], exact=exact)]
    for name in ("order_id", "client_order_id"):
        one, two = getattr(finer, name), getattr(coarser, name)
        if one is not None and two is not None and one != two:
            found.append(name)
    return tuple(found)


_CLOCK_STEPS = (1_000_000, 1_000)  # microseconds: sources cut an instant to the second or to the millisecond


def _same_instant(finer: Event, coarser: Event) -> bool:
    if isinstance(finer, Opening) and isinstance(coarser, Opening) and finer.occurred_day == coarser.occurred_day is not None:
        return True  # one day, of which another zone has other instants
    if finer.rank == coarser.rank:
        return finer.occurred_at == coarser.occurred_at
    micros = finer.occurred_at.microsecond
    kept = next((step for step in _CLOCK_STEPS if coarser.occurred_at.microsecond % step == 0), 1)
    return finer.occurred_at.replace(microsecond=micros // kept * kept) == coarser.occurred_at


def _agrees(finer: str | list[str] | None, coarser: str | list[str] | None, *, exact: bool) -> bool:
    if finer == coarser:
        return True
    if exact:
        return False
    if coarser is None:
        return True
    if isinstance(finer, list) and isinstance(coarser, list):
        return finer[1] == coarser[1] and _rounds_to(finer[0], coarser[0])
    if isinstance(finer, str) and isinstance(coarser, str):
        return _rounds_to(finer, coarser)
    return False


def _rounds_to(finer: str, coarser: str) -> bool:
    """Tell whether `coarser` is `finer` with its last decimals cut or rounded off."""
    try:
        one, two = Decimal(finer), Decimal(coarser)
    except ArithmeticError:
        return False
    step = Decimal(1).scaleb(-max(len(coarser.partition(".")[2]), 8))
    return abs(one - two) < step
