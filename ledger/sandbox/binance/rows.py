"""The rows of Binance as JSON text, with the venue's own names and padding: written once, served many times.

Source: the venue's REST reference for trades, symbols and candles, its wallet reference for deposits and withdrawals, its fiat
reference for orders of money.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from ledger.domain.amount import EXACT, AssetCode, text_of
from ledger.domain.event import Side
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.chance import noise
from ledger.sandbox.faults import Fault
from ledger.sandbox.history.market import Candle
from ledger.sandbox.history.rows import SandboxFill, SandboxTransfer, TransferKind, microseconds_of

HUGE_ID_SHIFT: Final = 2**53
_DAMAGED_EVERY: Final = 25  # rows; the oldest rows of a stream are always among them
_ORDER_IDS_FROM: Final = 17_543_219_876


class Identities:
    """The account's own ids at the venue, drawn from its seed."""

    def __init__(self, seed: int, order_ids: tuple[str, ...]) -> None:
        self.uid = 100_000_000 + noise(seed, "uid", below=900_000_000)
        self.order = {order_id: _ORDER_IDS_FROM + 7 * number for number, order_id in enumerate(order_ids)}


def milliseconds(instant: datetime) -> int:
    """Return an instant as the venue tells it, cut to the millisecond."""
    return microseconds_of(instant) // 1000


def trade_text(fill: SandboxFill, ids: Identities, *, in_microseconds: bool) -> str:
    """Write one row of ``/api/v3/myTrades``."""
    at = microseconds_of(fill.occurred_at) if in_microseconds else milliseconds(fill.occurred_at)
    buyer, maker = (str(flag).lower() for flag in (fill.side is Side.BUY, fill.is_maker))
    return (
        f'{{"symbol":"{fill.base}{fill.money}","id":{fill.trade_id},"orderId":{ids.order[fill.order_id]},"orderListId":-1,'
        f'"price":"{fill.price:.8f}","qty":"{fill.size:.8f}","quoteQty":"{text_of(fill.money_amount)}",'
        f'"commission":"{text_of(fill.fee)}","commissionAsset":"{fill.money}","time":{at},'
        f'"isBuyer":{buyer},"isMaker":{maker},"isBestMatch":true}}'
    )


def deposit_content(transfer: SandboxTransfer) -> dict[str, JsonValue]:
    """Return one row of ``/sapi/v1/capital/deposit/hisrec``."""
    return {
        "id": transfer.transfer_id,
        "amount": text_of(transfer.amount),
        "coin": transfer.asset,
        "network": transfer.network,
        "status": 2 if transfer.completed_at is None else 1,
        "address": transfer.address,
        "addressTag": "",
        "txId": transfer.chain_hash,
        "insertTime": milliseconds(transfer.created_at),
        "completeTime": None if transfer.completed_at is None else milliseconds(transfer.completed_at),
        "transferType": 0,
        "confirmTimes": "2/2",
        "unlockConfirm": 2,
        "walletType": 0,
    }


def withdrawal_content(transfer: SandboxTransfer) -> dict[str, JsonValue]:
    """Return one row of ``/sapi/v1/capital/withdraw/history``: the amount is net of the fee, times are UTC in words."""
    completed = transfer.completed_at
    return {
        "id": transfer.transfer_id,
        "amount": text_of(EXACT.subtract(transfer.amount, transfer.fee)),
        "transactionFee": text_of(transfer.fee),
        "coin": transfer.asset,
        "status": 1 if completed is None else 6,
        "address": transfer.address,
        "txId": transfer.chain_hash,
        "applyTime": f"{transfer.created_at:%Y-%m-%d %H:%M:%S}",
        "completeTime": "" if completed is None else f"{completed:%Y-%m-%d %H:%M:%S}",
        "network": transfer.network,
        "transferType": 0,
        "withdrawOrderId": "",
    }


def fiat_content(transfer: SandboxTransfer) -> dict[str, JsonValue]:
    """Return one row of ``/sapi/v1/fiat/orders``; a deposit is told at the time at which it arrived."""
    at = transfer.moved_at or transfer.created_at
    return {
        "orderNo": transfer.transfer_id,
        "fiatCurrency": transfer.asset,
        "indicatedAmount": text_of(transfer.amount),
        "amount": text_of(EXACT.subtract(transfer.amount, transfer.fee)),
        "totalFee": text_of(transfer.fee),
        "method": "Wire",
        "status": "Failed" if transfer.canceled_at else "Successful",
        "createTime": milliseconds(at),
        "updateTime": milliseconds(at),
    }


def is_deposit(transfer: SandboxTransfer) -> bool:
    """Tell which way a transfer went."""
    return transfer.kind is TransferKind.DEPOSIT


def symbol_content(base: AssetCode, quote: AssetCode) -> dict[str, JsonValue]:
    """Return one row of the symbols of ``/api/v3/exchangeInfo``."""
    return {
        "symbol": f"{base}{quote}",
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.00000001", "maxPrice": "1000000.00000000", "tickSize": "0.00000001"},
            {"filterType": "LOT_SIZE", "minQty": "0.00000001", "maxQty": "9000000.00000000", "stepSize": "0.00000001"},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def candle_content(candle: Candle) -> list[JsonValue]:
    """Return one row of ``/api/v3/klines``: open time, open, high, low, close, volume, close time and the rest."""
    figures: list[JsonValue] = [f"{one:.8f}" for one in (candle.open, candle.high, candle.low, candle.close, candle.volume)]
    is_traded = candle.volume > 0
    rest: list[JsonValue] = [candle.start * 1000 + 59_999, "0.00000000", int(is_traded), "0.00000000", "0.00000000", "0"]
    return [candle.start * 1000, *figures, *rest]


# --- rows that are wrong on purpose --------------------------------------------------------------------------------


def _figures(convert: Callable[[str], str]) -> Callable[[str], str]:
    pattern = re.compile(r'"(price|qty|quoteQty|commission|amount|transactionFee)":"(-?[0-9.]+)"')
    return lambda text: pattern.sub(lambda found: f'"{found[1]}":{convert(found[2])}', text)


def _first_figure(replacement: str) -> Callable[[str], str]:
    pattern = re.compile(r'"(price|amount)":"[^"]*",')
    return lambda text: pattern.sub(lambda found: replacement.format(found[1]), text, count=1)


def _with_huge_ids(text: str) -> str:
    return re.sub(r'"id":(\d+)', lambda found: f'"id":{int(found[1]) + HUGE_ID_SHIFT}', text)


def _of_unknown_type(text: str) -> str:
    return re.sub(r'"status":(\d+)', '"status":99', re.sub(r'"status":"Successful"', '"status":"Reversed"', text))


_EVERY_ROW: Final[Mapping[Fault, Callable[[str], str]]] = {
    Fault.EXPONENTS: _figures(lambda number: f'"{Decimal(number).normalize(EXACT):E}"'),
    Fault.JSON_NUMBERS: _figures(lambda number: f"{Decimal(number):.18f}"),
    Fault.HUGE_IDS: _with_huge_ids,
}
_SOME_ROWS: Final[Mapping[Fault, Callable[[str], str]]] = {
    Fault.NULL_FIELD: _first_figure('"{}":null,'),
    Fault.MISSING_FIELD: _first_figure(""),
    Fault.EMPTY_FIELD: _first_figure('"{}":"",'),
    Fault.UNKNOWN_LEDGER_TYPE: _of_unknown_type,
}


def damaged(text: str, *, index: int, faults: tuple[Fault, ...]) -> str:
    """Return a row as data faults spoil it.

    Faults of spelling touch every row; the others the first few rows of each 25, one fault each, so that a row that is bad stays
    bad however often it is read. `index` counts from the oldest row.
    """
    for fault in faults:
        if fault in _EVERY_ROW:
            text = _EVERY_ROW[fault](text)
        elif fault in _SOME_ROWS and index % _DAMAGED_EVERY == list(_SOME_ROWS).index(fault):
            text = _SOME_ROWS[fault](text)
    return text


def text(content: Mapping[str, JsonValue]) -> str:
    """Write a row."""
    return json.dumps(content, separators=(",", ":"))
