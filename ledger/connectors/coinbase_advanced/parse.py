"""What Coinbase Advanced Trade's answers say, in our words: pure, so that a stored payload can be read again at any time.

One table leads from the type of a fill and one from the type of a wallet's row (v2) to what it means. A row that cannot be read, or
that nobody understands, becomes a finding that names it; the other rows of its page are kept. Shapes are those of List Fills, List
Accounts and Get Product Candles (v3) and of Transactions (v2), 2026.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from ledger.connectors.coinbase_advanced.cells import amount_in, sum_of
from ledger.connectors.coinbase_advanced.ids import VENUE, id_of
from ledger.connectors.coinbase_advanced.rows import MEND_UNKNOWN, Place, Reading, error, unknown_row
from ledger.connectors.coinbase_advanced.wallets import deposits_unsent, wallet_row
from ledger.domain.amount import ZERO, Amount, added, asset_code, multiplied, quantity_at
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event, Fill, Side, SourceRank
from ledger.domain.finding import Finding
from ledger.domain.ids import EventId, OrderId, SourceId
from ledger.domain.json_text import (
    Json,
    Row,
    cell_instant,
    cell_number,
    cell_positive,
    cell_text,
    cell_text_or_none,
    json_of,
    object_of,
    shown,
)
from ledger.domain.payload import Payload
from ledger.domain.time.instant import instant_text, micros_of
from ledger.ports import Interpretation
from ledger.ports.candles import CANDLES

FILLS, LEDGER, BALANCES = "fills", "ledger", "balances"
EARLIER = "earlier"  # in the context of a page of balances: what the pages before it told, as JSON
CLIENT_ORDER_IDS = "client_order_ids"  # in the context of a page of fills: what the bot called the orders, as JSON
ROWS_KEYS: Mapping[str, str] = {FILLS: "fills", LEDGER: "data", BALANCES: "accounts"}  # where an answer keeps its rows

_BASE_AND_QUOTE = 2
_SPOT_PLATFORMS = frozenset({None, "ACCOUNT_PLATFORM_CONSUMER", "ACCOUNT_PLATFORM_UNSPECIFIED"})
_MEND_UNREADABLE = "look at the payload; if the venue changed its format, a newer Lotwright may read it (nothing has to be pulled again)"


def interpret(payload: Payload) -> Interpretation:
    """Return what a page of any stream says; events keep the order of the rows. Never raises for what a venue sent."""
    if payload.stream == CANDLES:
        return Interpretation()  # prices, no events
    try:
        place = _place_of(payload)
        rows = rows_of(payload.stream, json_of(payload.content))
    except InputError as unreadable:
        subject = f"{payload.account}/{payload.stream}/{payload.payload_id}"
        return Interpretation(findings=(error("unreadable-page", subject, f"the page {unreadable.message}", _MEND_UNREADABLE),))
    readings = [_reading(payload, place, row, number) for number, row in enumerate(rows, start=1)]
    events = tuple((event, f"row {number}") for number, reading in enumerate(readings, start=1) for event in reading.events)
    lines = tuple(line for reading in readings for line in reading.lines)
    return Interpretation(
        events=_summed(events, earlier=dict(payload.context).get(EARLIER, "{}")) if payload.stream == BALANCES else events,
        lines=lines,
        findings=(
            *(finding for reading in readings for finding in reading.findings),
            *_told_twice(place, zip(rows, readings, strict=True)),
            *deposits_unsent(place, lines),
        ),
    )


def _told_twice(place: Place, told: Iterable[tuple[Json, Reading]]) -> tuple[Finding, ...]:
    """Find fills of one trade that no reversal or correction parts: of these only the last one is booked."""
    kinds: defaultdict[EventId, dict[str, str]] = defaultdict(dict)
    for row, reading in told if place.stream == FILLS else ():
        for fill in reading.events:
            kinds[fill.event_id][fill.source_id] = cell_text(object_of(row), "trade_type")
    twice = [sorted(of_one) for of_one in kinds.values() if len(of_one) > 1 and set(of_one.values()) == {_FILL}]
    mend = "compare with the venue's statement; book the fill that is missing from a lotwright-events file"
    message = "{} are fills of one trade, order and side, and no row takes one back: only the last one is booked"
    return tuple(error("fill-told-twice", place.subject(ids[0]), message.format(" and ".join(ids)), mend) for ids in twice)


def _place_of(payload: Payload) -> Place:
    if payload.stream not in _READERS:
        raise InputError(f"belongs to a stream {payload.stream!r} that nobody reads")
    return Place(
        account=payload.account,
        stream=payload.stream,
        symbol=payload.symbol,
        fetched_at=payload.fetched_at,
        client_order_ids=json.loads(dict(payload.context).get(CLIENT_ORDER_IDS, "{}")),
    )


def rows_of(stream: str, answer: Json) -> list[Json]:
    """Return the rows of an answer.

    Raises:
        InputError: when it holds none: a page without them is no page.
    """
    rows = object_of(answer).get(ROWS_KEYS[stream])
    if not isinstance(rows, list):
        raise InputError(f'has no list of "{ROWS_KEYS[stream]}"')
    return rows


def _reading(payload: Payload, place: Place, row: Json, number: int) -> Reading:
    try:
        return _READERS[payload.stream](object_of(row), place)
    except InputError as refused:
        subject = place.subject(_shown_id(row) or f"{payload.payload_id} row {number}")
        message = f"row {number} of {payload.payload_id} cannot be read: {refused.message}"
        return Reading(findings=(error("unreadable-row", subject, message, _MEND_UNREADABLE),))


# --- fills ---------------------------------------------------------------------------------------------------------


def _fill_row(row: Row, place: Place) -> Reading:
    entry_id, kind = cell_text(row, "entry_id"), cell_text(row, "trade_type")
    if kind not in _TRADE_TYPES:
        mend = _MEND_SYNTHETIC if kind == _SYNTHETIC else MEND_UNKNOWN
        return unknown_row(place, entry_id, f"a fill of the type {kind!r}, for which there is no rule: {shown(row)}", mend=mend)
    product = cell_text(row, "product_id")
    if len(product.split("-")) != _BASE_AND_QUOTE:
        return unknown_row(place, entry_id, f"a fill of {product!r}, which is no spot market: {shown(row)}")
    fill = _TRADE_TYPES[kind](row, place)
    return Reading(events=(fill if kind == _FILL else replace(fill, is_amendment=True),))


def _fill(row: Row, place: Place) -> Fill:
    """Read one execution, or its correction. With `size_in_quote` the size is money, else it is units of the base.

    The event is the execution (trade, order and side), the row is its source: a correction is a row of its own of the same event, and
    the later row stands. `commission` is positive when paid, in the quote.

    {"entry_id": "a41c1a0d...", "trade_id": "6d1f2c33-...", "order_id": "0b5c1f7e-...", "trade_time": "2024-06-03T14:22:31.418273490Z",
     "trade_type": "FILL", "price": "3412.55", "size": "0.75", "commission": "15.356475", "product_id": "ETH-USD",
     "sequence_timestamp": "2024-06-03T14:22:31.421020Z", "liquidity_indicator": "TAKER", "size_in_quote": false, "side": "BUY"}
    """
    taken_back = _reversal(row, place)
    price, size, fee = cell_positive(row, "price"), cell_positive(row, "size"), cell_number(row, "commission")
    in_quote = row.get("size_in_quote", False)
    if not isinstance(in_quote, bool):
        raise InputError(f'"size_in_quote" is neither true nor false: {shown(in_quote)}')
    base, quote = (quantity_at(size, price), size) if in_quote else (size, multiplied(size, price))
    if not base:
        raise InputError(f'"size" of the quote is too small for the price: {shown(row)}')
    return replace(
        taken_back,
        base=Amount(quantity=base, asset=taken_back.base.asset),
        quote=Amount(quantity=quote, asset=taken_back.quote.asset),
        fee=Amount(quantity=fee, asset=taken_back.quote.asset) if fee else None,
    )


def _reversal(row: Row, place: Place) -> Fill:
    """Read a row by which the venue takes an execution back: the same event, and nothing moved.

    {"entry_id": "f00d...", "trade_id": "6d1f2c33-...", "order_id": "0b5c1f7e-...", "trade_type": "REVERSAL", "side": "BUY", ...}
    """
    order_id, trade_id, side = cell_text(row, "order_id"), cell_text(row, "trade_id"), _side(row)
    base, quote = (asset_code(leg) for leg in cell_text(row, "product_id").split("-"))
    client_order_id = place.client_order_ids.get(order_id)
    return Fill(
        event_id=id_of("fill", account=place.account, source_id=trade_id, order=order_id, side=side),
        source_id=SourceId(cell_text(row, "entry_id")),
        venue=VENUE,
        account=place.account,
        occurred_at=cell_instant(row, "trade_time"),
        rank=SourceRank.VENUE,
        sequence=micros_of(cell_instant(row, "sequence_timestamp")),
        order_id=OrderId(order_id),
        client_order_id=None if client_order_id is None else OrderId(client_order_id),
        side=side,
        base=Amount(quantity=ZERO, asset=base),
        quote=Amount(quantity=ZERO, asset=quote),
    )


_FILL, _SYNTHETIC = "FILL", "SYNTHETIC"
_MEND_SYNTHETIC = (
    "the venue does not say what such a row stands for: compare the order and the balances there; if units moved, book `buy` or `sell` "
    "with the amounts of the row from a lotwright-events file"
)
_TRADE_TYPES: dict[str, Callable[[Row, Place], Fill]] = {_FILL: _fill, "CORRECTION": _fill, "REVERSAL": _reversal}


def _side(row: Row) -> Side:
    side = cell_text(row, "side").lower()
    if side not in {Side.BUY, Side.SELL}:
        raise InputError(f'"side" is {side!r}, neither BUY nor SELL')
    return Side(side)


# --- balances ------------------------------------------------------------------------------------------------------


def _balance(row: Row, place: Place) -> Reading:
    """Read what an account holds, free and on hold, at the instant of asking: the venue does not say when it looked.

    {"uuid": "8bfc20d7-...", "currency": "BTC", "available_balance": {"value": "1.23", "currency": "BTC"},
     "hold": {"value": "0.005", "currency": "BTC"}}
    """
    held = sum_of(amount_in(row, "available_balance", number="value"), amount_in(row, "hold", number="value"))
    platform = cell_text_or_none(row, "platform")
    if platform not in _SPOT_PLATFORMS and held.quantity:
        return unknown_row(
            place, cell_text(row, "uuid"), f"{held} in an account of {platform}, of which no history is pulled: {shown(row)}"
        )
    source_id = f"{held.asset}@{instant_text(place.fetched_at)}"
    snapshot = BalanceSnapshot(
        event_id=id_of("balance", account=place.account, source_id=source_id),
        source_id=SourceId(source_id),
        venue=VENUE,
        account=place.account,
        occurred_at=place.fetched_at,
        rank=SourceRank.VENUE,
        balance=held,
    )
    return Reading(events=(snapshot,))


def _summed(told: Iterable[tuple[Event, str]], *, earlier: str) -> tuple[tuple[Event, str], ...]:
    """Add up the balances of several accounts of one currency, those of `earlier` pages (JSON: asset to quantity) among them."""
    sums: dict[EventId, tuple[BalanceSnapshot, str]] = {}
    before = {asset: Decimal(quantity) for asset, quantity in json.loads(earlier).items()}
    for event, locator in told:
        assert isinstance(event, BalanceSnapshot), event
        if event.event_id in sums:
            known, first = sums[event.event_id]
            sums[event.event_id] = replace(known, balance=known.balance + event.balance), first
        else:
            asset, quantity = event.balance.asset, event.balance.quantity
            whole = Amount(quantity=added(quantity, before.get(asset, ZERO)), asset=asset)
            sums[event.event_id] = replace(event, balance=whole), locator
    return tuple(sums.values())


_READERS: dict[str, Callable[[Row, Place], Reading]] = {FILLS: _fill_row, LEDGER: wallet_row, BALANCES: _balance}


def _shown_id(row: Json) -> str:
    """Return the id that a broken row still shows, or an empty text."""
    if not isinstance(row, dict):
        return ""
    for key in ("entry_id", "id", "uuid"):
        raw = row.get(key)
        if isinstance(raw, str) and raw:
            return shown(raw).strip("'")
    return ""
