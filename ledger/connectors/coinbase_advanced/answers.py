"""What the connector itself must know of an answer: marks of rows to walk by, wallets, rights of a key, orders, time and prices."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger.connectors.coinbase_advanced.cells import amount_in, part_of
from ledger.connectors.coinbase_advanced.ids import VENUE
from ledger.connectors.coinbase_advanced.parse import FILLS, LEDGER, rows_of
from ledger.connectors.coinbase_advanced.wallets import STATUS_OPEN
from ledger.domain.amount import AssetCode, asset_code
from ledger.domain.errors import InputError
from ledger.domain.json_text import (
    Json,
    Row,
    cell_instant,
    cell_positive,
    cell_text,
    cell_text_or_none,
    cell_whole,
    object_of,
    shown,
)
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import instant_of_micros, micros_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMark:
    """What a walk over pages must know of a row: its id, place in the order, time, order, and whether it may still change."""

    row_id: str
    position: int
    occurred_at: datetime
    order_id: str
    may_change: bool


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
    return RowMark(
        row_id=cell_text(row, "entry_id"),
        position=micros_of(cell_instant(row, "sequence_timestamp")),
        occurred_at=cell_instant(row, "trade_time"),
        order_id=cell_text(row, "order_id"),
        may_change=False,
    )


def _wallet_mark(row: Row) -> RowMark:
    created_at = cell_instant(row, "created_at")
    return RowMark(
        row_id=cell_text(row, "id"),
        position=micros_of(created_at),
        occurred_at=created_at,
        order_id=cell_text_or_none(part_of(row, "advanced_trade_fill"), "order_id") or "",
        may_change=cell_text(row, "status") in STATUS_OPEN,
    )


_MARKS: dict[str, Callable[[Row], RowMark]] = {FILLS: _fill_mark, LEDGER: _wallet_mark}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWallet:
    """One wallet of the user: its id and currency, whether it holds anything, and whether it was changed since it was made.

    A venue that does not tell when a wallet was made and changed leaves it among those that were.
    """

    wallet_id: str
    currency: AssetCode
    is_empty: bool
    is_changed: bool


def wallets_of(answer: Json) -> tuple[HeldWallet, ...]:
    """Return the wallets of a page of v2 accounts in the venue's order. `currency` is a code, or an object with one.

    One whose currency has a code that no book can hold is passed over: the list of balances tells what is in it.

    Raises:
        InputError: when one cannot be read; without the list of wallets no history is complete.
    """
    wallets = (_held_wallet(object_of(row)) for row in rows_of(LEDGER, answer))
    return tuple(wallet for wallet in wallets if wallet is not None)


def _held_wallet(row: Row) -> HeldWallet | None:
    currency = row.get("currency")
    code = cell_text(currency, "code") if isinstance(currency, dict) else cell_text(row, "currency")
    if not code.isascii():
        return None
    made_at, changed_at = cell_text_or_none(row, "created_at"), cell_text_or_none(row, "updated_at")
    return HeldWallet(
        wallet_id=cell_text(row, "id"),
        currency=asset_code(code),
        is_empty=amount_in(row, "balance").quantity == 0,
        is_changed=made_at is None or made_at != changed_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What a key may do."""

    may_view: bool
    may_trade: bool
    may_transfer: bool


def rights_of(answer: Json) -> KeyRights:
    """Read ``{"can_view": true, "can_trade": false, "can_transfer": false, "portfolio_uuid": "...", "portfolio_type": "DEFAULT"}``.

    Raises:
        InputError: when the answer does not say all three.
    """
    row = object_of(answer)
    told = [row.get(name) for name in ("can_view", "can_trade", "can_transfer")]
    if not all(isinstance(right, bool) for right in told):
        raise InputError(f"does not tell what the key may do: {shown(row)}")
    return KeyRights(may_view=bool(told[0]), may_trade=bool(told[1]), may_transfer=bool(told[2]))


def client_order_ids_of(answer: Json) -> dict[str, str]:
    """Return what the bot called its orders, by the venue's order id, out of an answer of List Orders.

    Raises:
        InputError: when the answer holds no orders.
    """
    orders = object_of(answer).get("orders")
    if not isinstance(orders, list):
        raise InputError('has no list of "orders"')
    rows = [object_of(order) for order in orders]
    named = ((cell_text(row, "order_id"), cell_text_or_none(row, "client_order_id")) for row in rows)
    return {order_id: client_order_id for order_id, client_order_id in named if client_order_id is not None}


def instant_of_venue(answer: Json) -> datetime:
    """Read the venue's clock: ``{"iso": "2024-06-03T14:22:31Z", "epochSeconds": "1717424551", "epochMillis": "1717424551418"}``.

    Raises:
        InputError: when the answer does not tell the time.
    """
    return instant_of_micros(cell_whole(object_of(answer), "epochMillis") * 1000)


def quotes_of(answer: Json, *, asset: AssetCode, currency: AssetCode) -> tuple[PriceQuote, ...]:
    """Return the quotes of a page of candles in order of time: a candle is quoted at its start with its close.

    A row is ``{"start": "1710327600", "low": "73241.5", "high": "73402.47", "open": "73243.33", "close": "73370.65", "volume": "1.5"}``.

    Raises:
        InputError: when a candle cannot be read; a price left out would look like a silent minute.
    """
    rows = object_of(answer).get("candles")
    if not isinstance(rows, list):
        raise InputError('has no list of "candles"')
    quotes = []
    for row in map(object_of, rows):
        observed_at = instant_of_micros(cell_whole(row, "start") * 1_000_000)
        quotes.append(
            PriceQuote(asset=asset, currency=currency, observed_at=observed_at, price=cell_positive(row, "close"), source=VENUE),
        )
    return tuple(sorted(quotes, key=lambda quote: quote.observed_at))
