"""What the reader's rows say, in our words: pure. Shapes are ccxt's unified structures (manual of ccxt 4.5: trade, transaction, ledger).

Unified rows say less than a venue does, so that nothing is guessed: only fills, deposits, withdrawals and balances are read. A ledger
row that tells of anything else becomes a finding.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ledger.connectors.ccxt.ids import ID_SCOPES
from ledger.domain.amount import Amount, AssetCode, added, asset_code, multiplied, text_of
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event, Fill, Side, SourceRank, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId, OrderId, SourceId, VenueName
from ledger.domain.json_text import (
    Json,
    Row,
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
from ledger.domain.time.instant import instant_of_millis, instant_text
from ledger.ports import Interpretation

VENUE = VenueName("ccxt")
EXCHANGE = "exchange"  # in a payload's context: ccxt's id of the venue
DOUBT = "doubt"  # in a payload's context: why a page may not be whole

_MEND_UNREADABLE = "look at the payload; a newer Lotwright may read it (nothing has to be pulled again)"
_MEND_UNKNOWN = "book what it means from a lotwright-events file; the payload is kept"
_MEND_DOUBT = "compare with the venue's export file, and import that where rows are missing"
_DOUBTS = {
    "cut": (Severity.ERROR, "page-cut", "a page is full of rows of one instant: there may be more of them, and ccxt cannot ask for those"),
    "unbounded": (Severity.WARNING, "pages-unbounded", "the venue passes over the time that is asked for: older rows may be missing"),
}
_MOVED = frozenset({"ok"})
_NOT_MOVED = frozenset({"pending", "canceled", "failed"})
_FUNDED_IN = {"coinbaseexchange": "funding_currency"}  # cells of a venue's own row: the money that was paid in, where it is not the quote
_TOLD_ELSEWHERE = frozenset({"trade", "fee", "transaction", "deposit", "withdrawal"})  # by fills and transfers


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands: what the payload knows and the row does not."""

    account: AccountId
    exchange: str
    stream: str
    symbol: str
    fetched_at: datetime

    @property
    def venue(self) -> VenueName:
        """The venue of its events: ids of this reader are none of the venue's own connector."""
        return VenueName(f"{VENUE}-{self.exchange}")

    def subject(self, row_id: str) -> str:
        """Name the row for a finding."""
        return "/".join(part for part in (self.account, self.stream, self.symbol, row_id) if part)

    def id_of(self, record: str, source_id: str, **parts: str) -> EventId:
        """Return the id of the event that this row tells of, a record of one of `ID_SCOPES`; `parts` are those of its scope."""
        return ID_SCOPES[record].id_of(venue=self.venue, account=self.account, source_id=source_id, **parts)


Reading = tuple[tuple[Event, ...], tuple[Finding, ...]]


def interpret(payload: Payload) -> Interpretation:
    """Return what a page says; events keep the order of the rows. Never raises for what a venue or ccxt gave."""
    context = dict(payload.context)
    place = Place(
        account=payload.account,
        exchange=context.get(EXCHANGE, ""),
        stream=payload.stream,
        symbol=payload.symbol,
        fetched_at=payload.fetched_at,
    )
    events: list[tuple[Event, str]] = []
    findings = list(_doubts(place, context.get(DOUBT, "")))
    for number, line in enumerate(payload.content.splitlines(), start=1):
        told, found = _reading(line, place, f"row {number} of {payload.payload_id}")
        events += [(event, f"row {number}") for event in told]
        findings += found
    return Interpretation(events=tuple(events), findings=tuple(findings))


def _reading(line: bytes, place: Place, where: str) -> Reading:
    reader, row = _READERS.get(place.stream), None
    if reader is None:
        return (), (_error("unreadable-page", place.subject(where), f"nobody reads rows of a stream {place.stream!r}", _MEND_UNREADABLE),)
    try:
        told = object_of(json_of(line))
        if "row" not in told:
            return (), ()
        row = told["row"]
        return reader(object_of(row), place)
    except InputError as refused:
        subject = place.subject(_shown_id(row) or where)
        return (), (_error("unreadable-row", subject, f"{where} cannot be read: {refused.message}", _MEND_UNREADABLE),)


def _doubts(place: Place, doubt: str) -> Iterable[Finding]:
    if doubt in _DOUBTS:
        severity, code, message = _DOUBTS[doubt]
        subject = place.subject("")
        yield Finding(code=code, severity=severity, subject=subject, message=f"{subject}: {message}", mend=_MEND_DOUBT)


def _error(code: str, subject: str, message: str, mend: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, subject=subject, message=message, mend=mend)


# --- fills -----------------------------------------------------------------------------------------------------------


def _fill(row: Row, place: Place) -> Reading:
    """Read a unified trade. A fee is positive when paid.

    {"id": "612345678", "timestamp": 1717424551418, "symbol": "ETH/USD", "order": "7c2f...", "side": "sell", "price": "3412.55",
     "amount": "0.75", "cost": "2559.4125", "fee": {"cost": "6.39853125", "currency": "USD"}, "info": {...}}
    """
    source_id, symbol, side = cell_text(row, "id"), cell_text(row, "symbol"), cell_text(row, "side")
    if side not in {Side.BUY, Side.SELL}:
        raise InputError(f'"side" is {side!r}, neither buy nor sell')
    base, quote = _legs(symbol)
    money = _funded_in(row, place) or quote
    size, cost = cell_positive(row, "amount"), cell_number_or_none(row, "cost")
    order, fee = cell_text_or_none(row, "order"), _fee(row)
    fill = Fill(
        event_id=place.id_of("trade", source_id, market=symbol, side=side),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=_instant(row),
        rank=SourceRank.VENUE,
        order_id=None if order is None else OrderId(order),
        side=Side(side),
        base=Amount(quantity=size, asset=base),
        quote=Amount(quantity=cost or multiplied(size, cell_positive(row, "price")), asset=money),
        fee=None if fee is None else replace(fee, asset=money if fee.asset == quote else fee.asset),
    )
    return (fill,), ()


def _funded_in(row: Row, place: Place) -> AssetCode | None:
    raw, name = row.get("info"), _FUNDED_IN.get(place.exchange)
    told = cell_text_or_none(raw, name) if isinstance(raw, dict) and name else None
    return None if told is None else asset_code(told)


def _legs(symbol: str) -> tuple[AssetCode, AssetCode]:
    base, slash, quote = symbol.partition("/")
    if ":" in symbol:
        raise InputError(f"{symbol!r} is no spot market: derivatives are not read")
    if not slash:
        raise InputError(f'ccxt no longer lists the market {symbol!r}: name it in the settings, such as symbols = ["LTC/USD={symbol}"]')
    return asset_code(base), asset_code(quote)


def _fee(row: Row) -> Amount | None:
    """Return the fee of a row; ccxt tells one as ``fee``, several as ``fees``."""
    told = row.get("fees") or [row.get("fee")]
    parts = [object_of(one) for one in told if one] if isinstance(told, list) else []
    amounts: dict[str, Decimal] = {}
    for part in parts:
        paid = cell_number_or_none(part, "cost")
        if paid:
            asset = cell_text(part, "currency")
            amounts[asset] = added(amounts.get(asset, Decimal(0)), paid)
    if len(amounts) > 1:
        raise InputError(f"fees in {' and '.join(sorted(amounts))}: an event has one")
    return next((Amount(quantity=paid, asset=asset_code(asset)) for asset, paid in amounts.items() if paid), None)


# --- transfers -------------------------------------------------------------------------------------------------------


def _transfer(row: Row, place: Place) -> Reading:
    """Read a unified transaction; one that is pending, canceled or failed moved nothing and says nothing.

    {"id": "19ac...", "txid": "4f1e..", "timestamp": 1714641295120, "type": "withdrawal", "currency": "BTC", "amount": "0.24992",
     "status": "ok", "address": "bc1q..", "fee": {"cost": "0.00008", "currency": "BTC"}, "info": {...}}
    """
    source_id, kind, status = cell_text(row, "id"), cell_text(row, "type"), cell_text_or_none(row, "status")
    if kind not in {"deposit", "withdrawal"} or status not in _MOVED | _NOT_MOVED:
        message = f"a transfer of the type {kind!r} and the status {status!r}, for which there is no rule: {shown(row)}"
        return (), (_error("unknown-row", place.subject(source_id), message, _MEND_UNKNOWN),)
    if status in _NOT_MOVED:
        return (), ()
    outward = kind == "withdrawal"
    transfer = Transfer(
        event_id=place.id_of("transfer", source_id, direction=kind),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=_instant(row),
        rank=SourceRank.VENUE,
        from_account=place.account if outward else None,
        to_account=None if outward else place.account,
        amount=Amount(quantity=cell_positive(row, "amount"), asset=asset_code(cell_text(row, "currency"))),
        fee=_fee(row),
        chain_hash=cell_text_or_none(row, "txid"),
        address=cell_text_or_none(row, "address"),
    )
    return (transfer,), ()


# --- ledger and balances ---------------------------------------------------------------------------------------------


def _ledger_row(row: Row, place: Place) -> Reading:
    """Read a unified ledger entry: what fills and transfers tell needs no more; anything else is for a person.

    {"id": "L4UESK-...", "timestamp": 1688667796000, "direction": "in", "type": "trade", "currency": "BTC", "amount": "0.5", "info": {...}}
    """
    kind = cell_text_or_none(row, "type") or ""
    if kind in _TOLD_ELSEWHERE or _is_told_elsewhere(row, place, kind):
        return (), ()
    amount, asset = text_of(cell_number(row, "amount")), cell_text_or_none(row, "currency")
    message = f"a ledger row of the type {kind!r} ({row.get('direction')} {amount} {asset}), for which there is no rule: {shown(row)}"
    return (), (_error("unknown-row", place.subject(cell_text_or_none(row, "id") or ""), message, _MEND_UNKNOWN),)


def _is_told_elsewhere(row: Row, place: Place, kind: str) -> bool:
    """Tell whether Coinbase Exchange has it among its transfers, or as the fee of a fill."""
    raw = row.get("info")
    details = raw.get("details") if isinstance(raw, dict) else None
    is_of_fill = kind == "rebate" and isinstance(details, dict) and bool(details.get("trade_id"))
    return place.exchange == "coinbaseexchange" and (kind == "transfer" or is_of_fill)


def _balance(row: Row, place: Place) -> Reading:
    """Read a unified balance, at the instant of asking: ``{"total": {"BTC": "1.5", "USD": "0"}, "free": {...}, "info": {...}}``."""
    total = object_of(row.get("total"))
    return tuple(_snapshot(total, asset, place) for asset in sorted(total) if total[asset] is not None), ()


def _snapshot(total: Row, asset: str, place: Place) -> BalanceSnapshot:
    source_id = f"{asset}@{instant_text(place.fetched_at)}"
    return BalanceSnapshot(
        event_id=place.id_of("balance", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=place.fetched_at,
        rank=SourceRank.VENUE,
        balance=Amount(quantity=cell_number(total, asset), asset=asset_code(asset)),
    )


_READERS: dict[str, Callable[[Row, Place], Reading]] = {
    "fills": _fill,
    "transfers": _transfer,
    "deposits": _transfer,
    "withdrawals": _transfer,
    "ledger": _ledger_row,
    "balances": _balance,
}


def assets_named(rows: Iterable[Json]) -> set[str]:
    """Return the codes of all assets that rows of transfers, ledgers and fills name: their markets may have been traded on."""
    found: set[str] = set()
    for row in rows:
        if isinstance(row, dict):
            symbol = row.get("symbol")
            found |= set(symbol.split("/")) if isinstance(symbol, str) and "/" in symbol else set()
            found |= {code} if isinstance(code := row.get("currency"), str) else set()
    return found


def assets_held(rows: Iterable[Json]) -> set[str]:
    """Return the codes of all assets of which a unified balance is not zero.

    Raises:
        InputError: when it is no balance.
    """
    totals = [object_of(object_of(row).get("total")) for row in rows]
    return {asset for total in totals for asset in total if cell_number_or_none(total, asset)}


def _instant(row: Row) -> datetime:
    return instant_of_millis(cell_whole(row, "timestamp"))


def _shown_id(row: Json) -> str:
    raw = row.get("id") if isinstance(row, dict) else None
    return shown(raw).strip("'") if isinstance(raw, (str, int)) and raw != "" else ""
