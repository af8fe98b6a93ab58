"""What Kraken's answers say, in our words: pure, so that a stored payload can be read again at any time.

One table leads from the stream to the reader of its pages; what rows of the ledger mean stands in `rows`, for the export has them
too. The ledger is what is booked. Trades and the lists of deposits and withdrawals tell of the same events what a ledger does not
know (order, order of trades, hash on the chain) with rounded amounts: their word is of a lower rank and provisional. A row that
cannot be read, or that nobody understands, becomes a finding that names it. Shapes are those of the REST reference of Kraken
(Get Trades History, Get Ledgers Info, Get Status of Recent Deposits and of Withdrawals, Get Account Balance), 2026.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.connectors.kraken.assets import asset_of, legs_of, wallet_of
from ledger.connectors.kraken.ids import VENUE, id_of
from ledger.connectors.kraken.row_ids import kept_id, refuse_stand_in
from ledger.connectors.kraken.rows import KrakenRow, Teller, held_back, oriented, read_rows
from ledger.connectors.kraken.spelling import findings_of_names
from ledger.domain.amount import EXACT, Amount, AssetCode, added
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event, Fill, Side, SourceRank, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, OrderId, SourceId
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
from ledger.domain.time.instant import instant_of_micros, instant_text, micros_of
from ledger.ports import Interpretation

PRICES = "prices"
# What a page's bytes lack: rows held back from the page before and above which instant the others are known from there; down to which
# instant the page is whole; pairs and names of orders; that the venue counts more than it gives; the assets that the ledger ever named;
# the venue's other names of assets whose spelling leaves a doubt; why it did not name the orders.
CARRIED, KNOWN_ABOVE, TOLD_ABOVE = "carried", "known_above", "told_above"
PAIRS, ORDERS, UNNAMED = "pairs", "orders", "unnamed"
SHORT, TOUCHED, LISTED = "short", "touched", "listed"

_MICRO_DIGITS = 6
_MICROS_MAX = 32_503_680_000 * 10**_MICRO_DIGITS  # the year 3000: what lies beyond could leave the calendar in another zone
_DONE = "Success"
_MEND_UNREADABLE = "look at the payload; if the venue changed its format, a newer Lotwright may read it (nothing has to be pulled again)"

_MEND_UNNAMED = "none is needed for the amounts; to know the bot, import the bot's own database"

Rows = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands: what the payload knows and the row does not."""

    account: AccountId
    stream: str
    context: Mapping[str, str]
    fetched_at: datetime


def interpret(payload: Payload) -> Interpretation:
    """Return what a page of any stream says. Never raises for what a venue sent."""
    if payload.stream == PRICES:
        return Interpretation()  # prices, no events
    reader = _READERS.get(payload.stream)
    if reader is None:
        return Interpretation(findings=(_unreadable_page(payload, f"nobody reads pages of a stream {payload.stream!r}"),))
    place = Place(account=payload.account, stream=payload.stream, context=dict(payload.context), fetched_at=payload.fetched_at)
    try:
        return reader(result_of(json_of(payload.content)), place)
    except InputError as unreadable:
        return Interpretation(findings=(_unreadable_page(payload, f"the page {unreadable.message}"),))


def result_of(said: Json) -> Json:
    """Return what an answer holds; an account without anything may have an answer without a result.

    Raises:
        InputError: when it is no answer of this venue.
    """
    return object_of(said).get("result", {})


def _unreadable_page(payload: Payload, message: str) -> Finding:
    return _error("unreadable-page", f"{payload.account}/{payload.stream}/{payload.payload_id}", message)


def _error(code: str, subject: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, subject=subject, message=message, mend=_MEND_UNREADABLE)


def _unreadable_row(place: Place, row_id: str, refused: InputError) -> Finding:
    subject = f"{place.account}/{place.stream}/{row_id}"
    return _error("unreadable-row", subject, f"row {row_id!r} of {place.stream} cannot be read: {refused.message}")


# --- ledger --------------------------------------------------------------------------------------------------------


def _ledger(result: Json, place: Place) -> Interpretation:
    """Read a page of the ledger with what was held back of the page before, without what is not whole yet."""
    carried, known_above, told_above = _carried(place), _instant(place, KNOWN_ABOVE), _instant(place, TOLD_ABOVE)
    rows, findings = _ledger_rows(rows_of(result, "ledger") | carried, place)
    if known_above is not None:
        rows = [row for row in rows if row.row_id in carried or row.occurred_at <= known_above]
    back = frozenset() if told_above is None else held_back(rows, told_above=told_above)
    teller = Teller(account=place.account, rank=SourceRank.VENUE, listed=_names(place, LISTED))
    read = read_rows([row for row in rows if row.row_id not in back], teller)
    return Interpretation(
        events=tuple((event, f"row {' '.join(ids)}") for event, ids in read.events),
        lines=read.lines,
        findings=(*findings, *read.findings, *_of_page(place)),
    )


def _carried(place: Place) -> Rows:
    return object_of(json_of(place.context.get(CARRIED, "{}").encode()))


def _instant(place: Place, key: str) -> datetime | None:
    micros = place.context.get(key)
    return None if micros is None else instant_of_micros(int(micros))


_OF_PAGE = {  # what the venue keeps back of a page: code, words and mend
    SHORT: (
        "history-short",
        "counts more rows than it gives",
        "sync again; if it stays, compare with the venue's own export of this history",
    ),
    UNNAMED: ("orders-unnamed", "does not tell what its clients called some orders", _MEND_UNNAMED),
}


def _of_page(place: Place) -> tuple[Finding, ...]:
    subject, told = f"{place.account}/{place.stream}", place.context
    return tuple(
        Finding(
            code=code,
            severity=Severity.WARNING,
            subject=subject,
            message=f"the venue {words} in its history of {place.stream}: {shown(told[key])}",
            mend=mend,
        )
        for key, (code, words, mend) in _OF_PAGE.items()
        if key in told
    )


def _ledger_rows(rows: Rows, place: Place) -> tuple[list[KrakenRow], list[Finding]]:
    read, findings = [], []
    for row_id, row in rows.items():
        try:
            read.append(ledger_row(row_id, object_of(row)))
        except InputError as refused:
            findings.append(_unreadable_row(place, row_id, refused))
    return read, findings


def ledger_row(row_id: str, row: Row) -> KrakenRow:
    """Return a row of the ledger in neutral form; see `ledger.connectors.kraken.rows` for rows as they look.

    Raises:
        InputError: when a cell is missing or is not what it should be.
    """
    refuse_stand_in(row_id)
    asset = cell_text(row, "asset")
    wallet_of(asset)  # refused here, so that a name that no book can write costs its own row and not the page
    return KrakenRow(
        row_id=row_id,
        refid=cell_text(row, "refid"),
        occurred_at=instant_in(row, "time"),
        kind=cell_text(row, "type"),
        subtype=cell_text_or_none(row, "subtype") or "",
        asset=asset,
        amount=cell_number(row, "amount"),
        fee=cell_number(row, "fee"),
        balance=cell_number_or_none(row, "balance"),
        is_pending=row.get("balance") == "",
    )


# --- trades --------------------------------------------------------------------------------------------------------


def _trades(result: Json, place: Place) -> Interpretation:
    rows = rows_of(result, "trades")
    read = _read_each([(txid, row, told_trade) for txid, row in rows.items()], place)
    unnamed = [_unnamed_pair(txid, row, place) for txid, row in rows.items() if _is_of_unknown_pair(row, place)]
    return Interpretation(events=read.events, findings=(*read.findings, *unnamed, *_of_page(place)))


def _is_of_unknown_pair(row: Json, place: Place) -> bool:
    try:
        trade = object_of(row)
        return not cell_number_or_none(trade, "margin") and _legs(cell_text(trade, "pair"), place) is None
    except InputError:
        return False  # told as a row that cannot be read


def _unnamed_pair(txid: str, row: Json, place: Place) -> Finding:
    return Finding(
        code="unknown-pair",
        severity=Severity.WARNING,
        subject=f"{place.account}/{place.stream}/{txid}",
        message=f"nobody knows the two assets of the pair of {txid}: the ledger books it, without order and bot: {shown(row)}",
        mend=_MEND_UNNAMED,
    )


def told_trade(txid: str, row: Row, place: Place, *, rank: SourceRank = SourceRank.VENUE_SUMMARY) -> Event | None:
    """Read one execution, of which the ledger tells the exact amounts and the asset of the fee.

    What belongs to a margin position is no exchange of what is held; the ledger's own rows say so. A pair of which nobody knows the
    assets is left to the ledger too.

    {"ordertxid": "OBK4QT-HX2WL-7YGZ3N", "postxid": "TKH2SE-M7IF5-CFI7LT", "pair": "XXBTZUSD", "aclass": "forex",
     "time": 1718040012.3478456, "type": "buy", "ordertype": "limit", "price": "69120.10000", "cost": "345.60050",
     "fee": "0.86400", "vol": "0.00500000", "margin": "0.00000", "leverage": "0", "misc": "", "trade_id": 71523344, "maker": true}
    """
    if cell_number_or_none(row, "margin"):
        return None
    legs = _legs(cell_text(row, "pair"), place)
    volume, cost = cell_positive(row, "vol"), cell_number(row, "cost")
    if legs is None or cost <= 0:
        return None
    base, quote = (Amount(quantity=quantity, asset=asset) for quantity, asset in zip((volume, cost), legs, strict=True))
    bought = _side(row) is Side.BUY
    side, base, quote = oriented(*((base, quote) if bought else (quote, base)))
    order = cell_text_or_none(row, "ordertxid")
    client = _names(place, ORDERS).get(order or "")
    fee = cell_number(row, "fee")
    return Fill(
        event_id=id_of("exchange", account=place.account, source_id=txid),
        source_id=SourceId(txid),
        venue=VENUE,
        account=place.account,
        occurred_at=instant_in(row, "time"),
        rank=rank,
        sequence=cell_whole(row, "trade_id") if row.get("trade_id") is not None else None,
        order_id=OrderId(order) if order else None,
        client_order_id=OrderId(client) if client else None,
        provisional=True,
        side=side,
        base=base,
        quote=quote,
        fee=Amount(quantity=fee, asset=legs[1]) if fee else None,
    )


def _side(row: Row) -> Side:
    side = cell_text(row, "type")
    if side not in {Side.BUY, Side.SELL}:
        raise InputError(f'"type" is {side!r}, neither buy nor sell')
    return Side(side)


def _legs(pair: str, place: Place) -> tuple[AssetCode, AssetCode] | None:
    """Return base and quote: as the venue lists the pair, else by its name; None when neither tells."""
    listed = _names(place, PAIRS).get(pair)
    if listed is not None:
        base, _, quote = listed.partition(" ")
        return asset_of(base), asset_of(quote)
    try:
        return legs_of(pair)
    except InputError:
        return None


def _names(place: Place, key: str) -> dict[str, str]:
    told = object_of(json_of(place.context.get(key, "{}").encode()))
    return {name: text for name, text in told.items() if isinstance(text, str)}


# --- deposits and withdrawals --------------------------------------------------------------------------------------


def _deposits(result: Json, place: Place) -> Interpretation:
    return _read_each([(refid_of(row), row, _told_deposit) for row in list_of(result, "deposit")], place)


def _withdrawals(result: Json, place: Place) -> Interpretation:
    return _read_each([(refid_of(row), row, _told_withdrawal) for row in list_of(result, "withdrawal")], place)


def refid_of(row: Json) -> str:
    """Return the id of a deposit or withdrawal, or what stands for it; empty: it has none."""
    told = row.get("refid") if isinstance(row, dict) else None
    return kept_id(told) if isinstance(told, str) and told else ""


def _told_deposit(refid: str, row: Row, place: Place) -> Event | None:
    """Read a deposit, of which this list alone knows hash and address; one that is not done says nothing.

    {"method": "Bitcoin", "aclass": "currency", "asset": "XXBT", "refid": "FTQcuak-V6Za8qrWnhzTx67yYHz8Tg",
     "txid": "6544b41b607d8b2512baf801755a3a87b6890eacdb451be8a94059fb11f0a8d9", "info": "2Myd4eaAW96ojk38A2uDK4FbioCayvkEgVq",
     "amount": "0.78125000", "fee": "0.0000000000", "time": 1688992722, "status": "Success"}
    """
    return _told_transfer(refid, row, place, inward=True)


def _told_withdrawal(refid: str, row: Row, place: Place) -> Event | None:
    """Read a withdrawal; `amount` is without the fee.

    {"method": "Bitcoin", "network": "Bitcoin", "aclass": "currency", "asset": "XXBT", "refid": "AGBSO6T-UFMTTQ-I7KGS6",
     "txid": "29323ce235cee8dae22503caba7....8ad3a506879a03b1e87992923d80428", "info": "bc1qm32pq....3ewt0j37s2g",
     "amount": "0.72485000", "fee": "0.00020000", "time": 1688014586, "status": "Success"}
    """
    return _told_transfer(refid, row, place, inward=False)


def _told_transfer(refid: str, row: Row, place: Place, *, inward: bool) -> Event | None:
    if cell_text(row, "status") != _DONE:
        return None
    if not refid:
        raise InputError('"refid" is missing or empty')
    asset, fee = asset_of(cell_text(row, "asset")), cell_number_or_none(row, "fee")
    return Transfer(
        event_id=id_of("transfer", account=place.account, source_id=refid),
        source_id=SourceId(refid),
        venue=VENUE,
        account=place.account,
        occurred_at=instant_in(row, "time"),
        rank=SourceRank.VENUE_SUMMARY,
        provisional=True,
        from_account=None if inward else place.account,
        to_account=place.account if inward else None,
        amount=Amount(quantity=cell_positive(row, "amount"), asset=asset),
        fee=Amount(quantity=fee, asset=asset) if fee else None,
        chain_hash=cell_text_or_none(row, "txid"),
        address=cell_text_or_none(row, "info"),
    )


_Telling = Callable[[str, Row, Place], Event | None]


def _read_each(told: Iterable[tuple[str, Json, _Telling]], place: Place) -> Interpretation:
    events: list[tuple[Event, str]] = []
    findings = []
    for row_id, row, reader in told:
        try:
            refuse_stand_in(row_id)
            event = reader(row_id, object_of(row), place)
        except InputError as refused:
            findings.append(_unreadable_row(place, row_id, refused))
            continue
        if event is not None:
            events.append((event, f"row {row_id}"))
    return Interpretation(events=tuple(events), findings=tuple(findings))


# --- balances ------------------------------------------------------------------------------------------------------


def _balances(result: Json, place: Place) -> Interpretation:
    """Read what the account holds, all sub-wallets of an asset together, at the instant of asking.

    The venue names what is held, and an account without anything has no result at all: of an asset that the ledger named (`touched`)
    and this answer does not, nothing is held.

    {"ZUSD": "171288.6158", "XXBT": "1.2435678900", "DOT.S": "10.0123456789"}
    """
    held: dict[AssetCode, Decimal] = {}
    unreadable: dict[str, InputError] = {}
    row = object_of(result)
    for name in row:
        try:
            asset = asset_of(name)
            held[asset] = added(held.get(asset, Decimal(0)), cell_number(row, name))
        except InputError as refused:
            unreadable[name] = refused
    if not unreadable:
        held |= {AssetCode(asset): Decimal(0) for asset in place.context.get(TOUCHED, "").split() if asset not in held}
    snapshots = tuple((_snapshot(Amount(quantity=held[asset], asset=asset), place), f"row {asset}") for asset in sorted(held))
    doubtful = findings_of_names(row.keys() - unreadable.keys(), listed=_names(place, LISTED), account=place.account)
    unread = (_unreadable_row(place, kept_id(name), unreadable[name]) for name in sorted(unreadable))
    return Interpretation(events=snapshots, findings=(*unread, *doubtful))


def _snapshot(balance: Amount, place: Place) -> BalanceSnapshot:
    source_id = f"{balance.asset}@{instant_text(place.fetched_at)}"
    return BalanceSnapshot(
        event_id=id_of("balance", account=place.account, source_id=source_id),
        source_id=SourceId(source_id),
        venue=VENUE,
        account=place.account,
        occurred_at=place.fetched_at,
        rank=SourceRank.VENUE,
        balance=balance,
    )


_READERS: dict[str, Callable[[Json, Place], Interpretation]] = {
    "trades": _trades,
    "ledger": _ledger,
    "deposits": _deposits,
    "withdrawals": _withdrawals,
    "balances": _balances,
}


# --- what a walk must know -----------------------------------------------------------------------------------------


def rows_of(result: Json, name: str) -> Rows:
    """Return the rows of a paged history by their ids, or what stands for them, in the order of the answer.

    Raises:
        InputError: when the answer is no page of this history.
    """
    return {kept_id(row_id): row for row_id, row in object_of(object_of(result).get(name, {})).items()}


def list_of(result: Json, name: str) -> list[Json]:
    """Return the rows of a list of transfers: an object with a cursor to more of them, or a bare list; no result, no rows.

    In the object the list stands under `name` or its plural: the reference does not say.

    Raises:
        InputError: when it is neither.
    """
    if isinstance(result, list):
        return result
    told = object_of(result) or {name: []}
    rows = next((told[key] for key in (name, f"{name}s") if key in told), None)
    if not isinstance(rows, list):
        raise InputError(f"{name!r} is no list but {shown(rows)}")
    return rows


def count_of(result: Json) -> int:
    """Return how many rows the venue has in the window asked for.

    Raises:
        InputError: when it does not say.
    """
    return cell_whole(object_of(result), "count")


def times_of(rows: Rows) -> dict[str, int]:
    """Return the microsecond of each row by its id, without rows that have no readable time: `interpret` reports them."""
    times = {}
    for row_id, row in rows.items():
        try:
            times[row_id] = micros_of(instant_in(object_of(row), "time"))
        except InputError:
            continue  # a walk goes by the rows that it can read
    return times


def rows_held_back(rows: Rows, *, told_above: int) -> frozenset[str]:
    """Return the ids of the ledger's rows that `interpret` leaves to the next page; `told_above` in microseconds since 1970."""
    read = []
    for row_id, row in rows.items():
        try:
            read.append(ledger_row(row_id, object_of(row)))
        except InputError:
            continue  # interpreted, and reported, with its own page
    return held_back(read, told_above=instant_of_micros(told_above))


def text_of_rows(rows: Rows) -> str:
    """Write rows as JSON without losing a digit."""
    return json.dumps(rows, separators=(",", ":"), default=str)


def instant_in(row: Row, key: str) -> datetime:
    """Return a time given as seconds since 1970 with up to seven decimals; what is finer than a microsecond is cut off.

    Raises:
        InputError: when there is none.

    >>> instant_in({"time": Decimal("1688667796.8802451")}, "time").isoformat()
    '2023-07-06T18:23:16.880245+00:00'
    """
    micros = int(EXACT.scaleb(cell_positive(row, key), _MICRO_DIGITS))
    if micros >= _MICROS_MAX:
        raise InputError(f'"{key}" is no instant of this millennium: {shown(row[key])}')
    return instant_of_micros(micros)


def seconds_text(micros: int) -> str:
    """Write microseconds since 1970 as the venue takes a time: seconds with six decimals.

    >>> seconds_text(1718040012347845)
    '1718040012.347845'
    """
    return f"{micros // 10**_MICRO_DIGITS}.{micros % 10**_MICRO_DIGITS:06d}"
