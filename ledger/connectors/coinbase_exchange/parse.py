"""What Coinbase Exchange's answers say, in our words: pure, so that a stored payload can be read again at any time.

One table leads from the stream to the reader of its rows, one from the type of a ledger row to what it proves. A row that cannot
be read, or that nobody understands, becomes a finding that names it; the other rows of its page are kept. Shapes are those of the
REST reference of Coinbase Exchange (Get all fills, Get single account's ledger, Get all transfers, Get all accounts), 2026.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ledger.connectors.coinbase_exchange.ids import VENUE, id_of
from ledger.domain.amount import Amount, AssetCode, added, asset_code, multiplied, subtracted, text_of
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event, Fill, Income, IncomeKind, Side, SourceRank, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, OrderId, SourceId
from ledger.domain.json_text import (
    Json,
    Row,
    cell_instant,
    cell_number,
    cell_number_or_none,
    cell_positive,
    cell_text,
    cell_text_or_none,
    cell_whole,
    json_of,
    object_of,
    shown,
)
from ledger.domain.payload import Payload
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import instant_of_millis, instant_text, micros_of
from ledger.ports import Interpretation, LedgerLine, StreamKey
from ledger.ports.candles import CANDLES

_BASE_AND_QUOTE = 2
_CANDLE_CLOSE = 4
_CANDLE_CELLS = 6
_MEND_UNREADABLE = "look at the payload; if the venue changed its format, a newer Lotwright may read it (nothing has to be pulled again)"
_MEND_UNKNOWN = "book what it means from a lotwright-events file, or ask for a rule for this type; the payload is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the rows of a page stand: what the payload knows and a row does not."""

    account: AccountId
    stream: str
    symbol: str
    asset: str
    fetched_at: datetime

    def subject(self, row_id: str) -> str:
        """Name the row for a finding."""
        return "/".join(part for part in (self.account, self.stream, self.symbol, row_id) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one row says."""

    events: tuple[Event, ...] = ()
    lines: tuple[LedgerLine, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMark:
    """What a walk over pages must know of a row: its id, place in the order, time, product, and whether it may still change."""

    row_id: str
    position: int
    occurred_at: datetime
    product: str
    may_change: bool


def interpret(payload: Payload) -> Interpretation:
    """Return what a page of any stream says; events keep the order of the rows. Never raises for what a venue sent."""
    reader = _READERS.get(payload.stream)
    if payload.stream == CANDLES:
        return Interpretation()  # prices, no events
    if reader is None:
        return Interpretation(findings=(_unreadable_page(payload, f"nobody reads pages of a stream {payload.stream!r}"),))
    try:
        rows = json_of(payload.content)
    except InputError as unreadable:
        return Interpretation(findings=(_unreadable_page(payload, f"the page {unreadable.message}"),))
    if not isinstance(rows, list):
        return Interpretation(findings=(_unreadable_page(payload, "the page is no list of rows"),))
    place = Place(
        account=payload.account,
        stream=payload.stream,
        symbol=payload.symbol,
        asset=dict(payload.context).get("asset", ""),
        fetched_at=payload.fetched_at,
    )
    readings = [(number, _reading(payload, reader, row, place, number)) for number, row in enumerate(rows, start=1)]
    return Interpretation(
        events=tuple((event, f"row {number}") for number, reading in readings for event in reading.events),
        lines=tuple(line for _, reading in readings for line in reading.lines),
        findings=tuple(finding for _, reading in readings for finding in reading.findings),
    )


def _reading(payload: Payload, reader: Callable[[Row, Place], Reading], row: Json, place: Place, number: int) -> Reading:
    """Read one row; `number` counts the rows of a page from 1."""
    try:
        return reader(object_of(row), place)
    except InputError as refused:
        subject = place.subject(_shown_id(row) or f"{payload.payload_id} row {number}")
        message = f"row {number} of {payload.payload_id} cannot be read: {refused.message}"
        return Reading(findings=(_error("unreadable-row", subject, message, _MEND_UNREADABLE),))


def _unreadable_page(payload: Payload, message: str) -> Finding:
    return _error("unreadable-page", f"{payload.account}/{payload.stream}/{payload.payload_id}", message, _MEND_UNREADABLE)


def _error(code: str, subject: str, message: str, mend: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, subject=subject, message=message, mend=mend)


def _unknown_row(place: Place, row_id: str, message: str) -> Reading:
    return Reading(findings=(_error("unknown-row", place.subject(row_id), message, _MEND_UNKNOWN),))


# --- fills ---------------------------------------------------------------------------------------------------------


def _fill(row: Row, place: Place) -> Reading:
    """Read one execution. `fee` is positive when paid, in the money leg; `funding_currency` names that leg where it is not the quote.

    {"trade_id": 612345678, "product_id": "ETH-USD", "order_id": "7c2f...", "price": "3412.55000000", "size": "0.75000000",
     "fee": "6.3985312500000000", "side": "sell", "settled": true, "created_at": "2024-06-03T14:22:31.418273Z",
     "funding_currency": "USD"}
    """
    trade_id, product = _trade_id(row), cell_text(row, "product_id")
    base, quote = _legs(product)
    money = asset_code(cell_text_or_none(row, "funding_currency") or quote)
    side = _side(row)
    size, fee = cell_positive(row, "size"), cell_number(row, "fee")
    if money == base:
        raise InputError(f'"funding_currency" {money} is what is bought or sold')
    fill = Fill(
        event_id=id_of("fill", account=place.account, source_id=str(trade_id), product=product, side=side),
        source_id=SourceId(str(trade_id)),
        venue=VENUE,
        account=place.account,
        occurred_at=cell_instant(row, "created_at"),
        rank=SourceRank.VENUE,
        sequence=trade_id,
        order_id=_order_id(row),
        provisional=row.get("settled") is False,
        side=side,
        base=Amount(quantity=size, asset=base),
        quote=Amount(quantity=multiplied(size, cell_positive(row, "price")), asset=money),
        fee=Amount(quantity=fee, asset=money) if fee else None,
    )
    return Reading(events=(fill,))


def _side(row: Row) -> Side:
    side = cell_text(row, "side")
    if side not in {Side.BUY, Side.SELL}:
        raise InputError(f'"side" is {side!r}, neither buy nor sell')
    return Side(side)


def _legs(product: str) -> tuple[AssetCode, AssetCode]:
    """Split a product at its last hyphen into base and quote."""
    legs = product.rsplit("-", 1)
    if len(legs) != _BASE_AND_QUOTE or legs[0] == legs[1]:
        raise InputError(f"{product!r} is no product of two assets")
    return asset_code(legs[0]), asset_code(legs[1])


def _order_id(row: Row) -> OrderId | None:
    order = cell_text_or_none(row, "order_id")
    return None if order is None else OrderId(order)


# --- transfers -----------------------------------------------------------------------------------------------------


def _transfer(row: Row, place: Place) -> Reading:
    """Read one half of a transfer; one that is pending or canceled moved nothing and says nothing.

    `amount` is always positive and, of a withdrawal, includes the fee. The balance moves when a deposit is completed, but when a
    withdrawal is created: these are the times of the events, and of the venue's ledger rows.

    {"id": "19ac...", "type": "withdraw", "created_at": "2024-05-02 09:14:55.120374+00", "completed_at":
     "2024-05-02 09:15:41.902111+00", "canceled_at": null, "amount": "0.25000000", "currency": "BTC",
     "details": {"fee": "0.00008000", "subtotal": "0.24992000", "crypto_address": "bc1q..", "crypto_transaction_hash": "4f1e.."}}
    """
    transfer_id, kind = cell_text(row, "id"), cell_text(row, "type")
    if kind not in _DIRECTIONS:
        return _unknown_row(place, transfer_id, f"a transfer of the unknown type {kind!r}: {shown(row)}")
    if _is_pending(row) or row.get("canceled_at"):
        return Reading()
    details = _details(row)
    amount, fee = _DIRECTIONS[kind](row, details)
    outward = _DIRECTIONS[kind] is _outward
    transfer = Transfer(
        event_id=id_of("transfer", account=place.account, source_id=transfer_id),
        source_id=SourceId(transfer_id),
        venue=VENUE,
        account=place.account,
        occurred_at=cell_instant(row, "created_at" if outward else "completed_at"),
        rank=SourceRank.VENUE,
        from_account=place.account if outward else None,
        to_account=None if outward else place.account,
        amount=amount,
        fee=fee,
        chain_hash=cell_text_or_none(details, "crypto_transaction_hash"),
        address=cell_text_or_none(details, "crypto_address") or cell_text_or_none(details, "sent_to_address"),
    )
    return Reading(events=(transfer,))


def _inward(row: Row, _details: Row) -> tuple[Amount, Amount | None]:
    return Amount(quantity=cell_positive(row, "amount"), asset=_currency(row)), None


def _outward(row: Row, details: Row) -> tuple[Amount, Amount | None]:
    asset, left = _currency(row), cell_positive(row, "amount")
    fee, sent = cell_number_or_none(details, "fee"), cell_number_or_none(details, "subtotal")
    if fee is None:
        fee = Decimal(0) if sent is None else subtracted(left, sent)
    if sent is None:
        sent = subtracted(left, fee)
    if added(sent, fee) != left or sent <= 0 or fee < 0:
        raise InputError(f'"amount" {text_of(left)} is not subtotal {text_of(sent)} and fee {text_of(fee)}')
    return Amount(quantity=sent, asset=asset), Amount(quantity=fee, asset=asset) if fee else None


_DIRECTIONS: dict[str, Callable[[Row, Row], tuple[Amount, Amount | None]]] = {
    "deposit": _inward,
    "internal_deposit": _inward,
    "withdraw": _outward,
    "internal_withdraw": _outward,
}


def _is_pending(row: Row) -> bool:
    return not row.get("completed_at") and not row.get("canceled_at")


# --- ledger --------------------------------------------------------------------------------------------------------


def _ledger_row(row: Row, place: Place) -> Reading:
    """Read one movement of an account's balance: evidence of an event told elsewhere, save a rebate without a trade.

    {"id": "20331545792", "amount": "-6.3985312500000000", "balance": "10233.1187400000000000", "type": "fee",
     "created_at": "2024-06-03T14:22:31.431908Z",
     "details": {"order_id": "7c2f...", "product_id": "ETH-USD", "trade_id": "612345678"}}
    """
    row_id, kind = cell_whole(row, "id"), cell_text(row, "type")
    line = LedgerLine(
        line_id=str(row_id),
        account=place.account,
        asset=asset_code(place.asset),
        occurred_at=cell_instant(row, "created_at"),
        kind=kind,
        amount=cell_number(row, "amount"),
        balance=cell_number_or_none(row, "balance"),
        event_ids=(),
        sequence=row_id,
    )
    if kind not in _PROOFS:
        message = f"a ledger row of the type {kind!r}, for which there is no rule: {shown(row)} {line.asset}"
        return replace(_unknown_row(place, line.line_id, message), lines=(line,))
    return _PROOFS[kind](line, _details(row))


def _line_of_fill(line: LedgerLine, details: Row) -> Reading:
    """Both sides of a trade are named: which one a line of a self-trade belongs to, it does not say."""
    product, trade_id = cell_text(details, "product_id"), str(_trade_id(details))
    sides = tuple(id_of("fill", account=line.account, source_id=trade_id, product=product, side=side) for side in Side)
    return Reading(lines=(replace(line, event_ids=sides, told_by=StreamKey(stream="fills", symbol=product)),))


def _line_of_rebate(line: LedgerLine, details: Row) -> Reading:
    if cell_text_or_none(details, "product_id") is not None and details.get("trade_id") not in (None, ""):
        return _line_of_fill(line, details)
    if line.amount <= 0:
        raise InputError(f'"amount" of a rebate is {text_of(line.amount)}')
    rebate = Income(
        event_id=id_of("rebate", account=line.account, source_id=line.line_id, asset=line.asset),
        source_id=SourceId(line.line_id),
        venue=VENUE,
        account=line.account,
        occurred_at=line.occurred_at,
        rank=SourceRank.VENUE,
        kind=IncomeKind.REBATE,
        amount=Amount(quantity=line.amount, asset=line.asset),
    )
    return Reading(events=(rebate,), lines=(replace(line, event_ids=(rebate.event_id,)),))


def _line_of_transfer(line: LedgerLine, details: Row) -> Reading:
    told = cell_text_or_none(details, "transfer_id") or cell_text_or_none(details, "profile_transfer_id")
    if told is None:
        return Reading(lines=(line,))
    return Reading(
        lines=(replace(line, event_ids=(id_of("transfer", account=line.account, source_id=told),), told_by=StreamKey(stream="transfers")),)
    )


_PROOFS: dict[str, Callable[[LedgerLine, Row], Reading]] = {
    "match": _line_of_fill,
    "fee": _line_of_fill,
    "rebate": _line_of_rebate,
    "transfer": _line_of_transfer,
}


# --- balances ------------------------------------------------------------------------------------------------------


def _balance(row: Row, place: Place) -> Reading:
    """Read what an account holds, at the instant of asking: the venue does not say when it looked.

    {"id": "4aac...", "currency": "BTC", "balance": "0.0000000000000000", "available": "0", "hold": "0.0000000000000000"}
    """
    asset = _currency(row)
    source_id = f"{asset}@{instant_text(place.fetched_at)}"
    snapshot = BalanceSnapshot(
        event_id=id_of("balance", account=place.account, source_id=source_id),
        source_id=SourceId(source_id),
        venue=VENUE,
        account=place.account,
        occurred_at=place.fetched_at,
        rank=SourceRank.VENUE,
        balance=Amount(quantity=cell_number(row, "balance"), asset=asset),
    )
    return Reading(events=(snapshot,))


_READERS: dict[str, Callable[[Row, Place], Reading]] = {
    "fills": _fill,
    "transfers": _transfer,
    "ledger": _ledger_row,
    "balances": _balance,
}


# --- what a walk must know -----------------------------------------------------------------------------------------


def marks_of(stream: str, rows: Iterable[Json]) -> tuple[RowMark, ...]:
    """Return the marks of the rows of a page in their order, without those that cannot be read: `interpret` reports them."""
    marks = []
    for row in rows:
        try:
            marks.append(_MARKS[stream](object_of(row)))
        except InputError:
            continue  # a walk goes by the rows that it can read
    return tuple(marks)


def _fill_mark(row: Row) -> RowMark:
    trade_id = _trade_id(row)
    return RowMark(
        row_id=str(trade_id),
        position=trade_id,
        occurred_at=cell_instant(row, "created_at"),
        product=cell_text(row, "product_id"),
        may_change=row.get("settled") is False,
    )


def _ledger_mark(row: Row) -> RowMark:
    line_id, details = cell_whole(row, "id"), row.get("details")
    product = details.get("product_id") if isinstance(details, dict) else None
    return RowMark(
        row_id=str(line_id),
        position=line_id,
        occurred_at=cell_instant(row, "created_at"),
        product=product if isinstance(product, str) else "",
        may_change=False,
    )


def _transfer_mark(row: Row) -> RowMark:
    created_at = cell_instant(row, "created_at")
    return RowMark(
        row_id=cell_text(row, "id"),
        position=micros_of(created_at),
        occurred_at=created_at,
        product="",
        may_change=_is_pending(row),
    )


_MARKS: dict[str, Callable[[Row], RowMark]] = {"fills": _fill_mark, "ledger": _ledger_mark, "transfers": _transfer_mark}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """One account of the profile: its id at the venue, its currency, and whether its balance is not zero."""

    account_id: str
    currency: str
    has_balance: bool


def accounts_of(rows: Iterable[Json]) -> tuple[HeldAccount, ...]:
    """Return the accounts of a profile in the venue's order.

    Raises:
        InputError: when one cannot be read; without the list of accounts no history is complete.
    """
    return tuple(_held_account(object_of(row)) for row in rows)


def _held_account(row: Row) -> HeldAccount:
    return HeldAccount(account_id=cell_text(row, "id"), currency=_currency(row), has_balance=cell_number(row, "balance") != 0)


def products_of(rows: Iterable[Json]) -> tuple[tuple[str, str, str], ...]:
    """Return id, base and quote of all products listed now, in the venue's order.

    Raises:
        InputError: when one cannot be read.
    """
    fields = [object_of(row) for row in rows]
    return tuple((cell_text(row, "id"), cell_text(row, "base_currency"), cell_text(row, "quote_currency")) for row in fields)


def instant_of_venue(answer: Json) -> datetime:
    """Read the venue's clock: ``{"iso": "2024-06-03T14:22:31.418Z", "epoch": 1717424551.418}``.

    Raises:
        InputError: when the answer does not tell the time.
    """
    return cell_instant(object_of(answer), "iso")


def quotes_of(rows: Json, *, asset: AssetCode, currency: AssetCode) -> tuple[PriceQuote, ...]:
    """Return the quotes of a page of candles in order of time: a candle is quoted at its start with its close.

    A row is ``[1710327600, 73241.5, 73402.47, 73243.33, 73370.65, 1.56794406]``: time, low, high, open, close, volume.

    Raises:
        InputError: when a candle cannot be read; a price left out would look like a silent minute.
    """
    if not isinstance(rows, list):
        raise InputError("the answer is no list of candles")
    quotes = []
    for row in rows:
        if not isinstance(row, list) or len(row) != _CANDLE_CELLS:
            raise InputError(f"a candle is not {_CANDLE_CELLS} numbers: {shown(row)}")
        cells: Row = {"time": row[0], "close": row[_CANDLE_CLOSE]}
        observed_at, close = instant_of_millis(cell_whole(cells, "time") * 1000), cell_positive(cells, "close")
        quotes.append(PriceQuote(asset=asset, currency=currency, observed_at=observed_at, price=close, source=VENUE))
    return tuple(sorted(quotes, key=lambda quote: quote.observed_at))


def _currency(row: Row) -> AssetCode:
    return asset_code(cell_text(row, "currency"))


def _trade_id(row: Row) -> int:
    return cell_whole(row, "trade_id")


def _details(row: Row) -> Row:
    """Return the nested details; a row without any has none."""
    details = row.get("details")
    return {} if details is None else object_of(details)


def _shown_id(row: Json) -> str:
    """Return the id that a broken row still shows, or an empty text."""
    if not isinstance(row, dict):
        return ""
    for key in ("trade_id", "id"):
        raw = row.get(key)
        if isinstance(raw, (str, int)) and not isinstance(raw, bool) and raw != "":
            return shown(raw).strip("'")
    return ""
