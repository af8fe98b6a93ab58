"""Events as canonical text and back: what the book stores, hashes and compares.

The text of an event holds its facts only, not its attribution (`bot`) nor how far it is believed (`rank`,
`provisional`). The same facts give the same text, whatever source told them and in whatever order keys came.
"""

import json
from collections.abc import Callable
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
    return "{" + ",".join([f'"{name}":{_cell_text(cell)}' for name, cell in body_of(event).items()]) + "}"


def _cell_text(cell: str | list[str] | None) -> str:
    if cell is None:
        return "null"
    return _quoted(cell) if isinstance(cell, str) else f"[{_quoted(cell[0])},{_quoted(cell[1])}]"


def body_of(event: Event) -> Body:
    """Return the facts of an event that belong to its kind, by name."""
    return _BODIES[type(event)](event)


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
    """Return the facts of a fill; that it amends what nobody has told only where it does, so that other texts stay what they are."""
    body: Body = {
        "side": event.side.value,
        "base": _pair(event.base),
        "quote": _pair(event.quote),
        "fee": _pair(event.fee),
        "value": _number(event.value),
        "fee_value": _number(event.fee_value),
    }
    return body | {"amendment": "alone"} if event.is_amendment else body


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
    amendment: str


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
        is_amendment="amendment" in body,
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
