"""The rows of Coinbase Exchange as JSON text, with the venue's own padding: written once, served many times.

Source: the venue's REST reference for fills, account ledger, transfers, orders and candles.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

from ledger.domain.amount import EXACT, AssetCode, text_of
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.chance import noise
from ledger.sandbox.faults import Fault
from ledger.sandbox.history.market import Candle, Product
from ledger.sandbox.history.rows import LedgerRow, SandboxFill, SandboxOrder, SandboxTransfer, TransferKind, instant_text

HUGE_ID_SHIFT = 2**53
_DAMAGED_EVERY = 25  # rows; the oldest rows of a stream are always among them


class Identities:
    """The account's own ids at the venue, drawn from its seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.profile = self.uuid("profile")
        self.user = f"{noise(seed, 'user', 'high', below=1 << 48):012x}{noise(seed, 'user', 'low', below=1 << 48):012x}"

    def account(self, asset: AssetCode) -> str:
        """Return the id of the account of one asset."""
        return self.uuid("account", asset)

    def uuid(self, *parts: str) -> str:
        """Return a UUID that stands for `parts`."""
        high, low = (noise(self._seed, *parts, half, below=1 << 64) for half in ("high", "low"))
        return str(UUID(int=(high << 64) | low, version=4))


def fill_text(fill: SandboxFill, ids: Identities, *, usd_volume: Decimal) -> str:
    """Write one row of ``/fills``."""
    return (
        f'{{"created_at":"{instant_text(fill.occurred_at)}","trade_id":{fill.trade_id},"product_id":"{fill.product}",'
        f'"order_id":"{fill.order_id}","user_id":"{ids.user}","profile_id":"{ids.profile}",'
        f'"liquidity":"{"M" if fill.is_maker else "T"}","price":"{fill.price:.8f}","size":"{fill.size:.8f}",'
        f'"fee":"{fill.fee:.16f}","side":"{fill.side.value}","settled":true,"usd_volume":"{usd_volume:.16f}",'
        f'"funding_currency":"{fill.money}"}}'
    )


def ledger_text(row: LedgerRow) -> str:
    """Write one row of ``/accounts/{id}/ledger``."""
    if row.transfer_id is not None:
        details = f'{{"transfer_id":"{row.transfer_id}","transfer_type":"{_transfer_type(row.transfer_kind)}"}}'
    else:
        details = f'{{"order_id":"{row.order_id}","product_id":"{row.product}","trade_id":"{row.trade_id}"}}'
    return (
        f'{{"id":"{row.row_id}","amount":"{row.amount:.16f}","balance":"{row.balance:.16f}",'
        f'"created_at":"{instant_text(row.occurred_at)}","type":"{row.kind.value}","details":{details}}}'
    )


def transfer_text(transfer: SandboxTransfer, ids: Identities) -> str:
    """Write one row of ``/transfers``; its times have a space and ``+00``."""
    content = {
        "id": transfer.transfer_id,
        "type": _transfer_type(transfer.kind),
        "created_at": _space_text(transfer.created_at),
        "completed_at": _space_text(transfer.completed_at),
        "canceled_at": _space_text(transfer.canceled_at),
        "processed_at": _space_text(transfer.completed_at),
        "account_id": ids.account(transfer.asset),
        "user_id": ids.user,
        "user_nonce": None,
        "amount": f"{transfer.amount:.8f}",
        "currency": transfer.asset,
        "idem": ids.uuid("idem", transfer.transfer_id),
        "profile_id": ids.profile,
        "details": _transfer_details(transfer, ids),
    }
    return json.dumps(content, separators=(",", ":"))


def _transfer_type(kind: TransferKind | None) -> str:
    return "deposit" if kind is TransferKind.DEPOSIT else "withdraw"


def _space_text(instant: object) -> str | None:
    return None if instant is None else f"{instant:%Y-%m-%d %H:%M:%S.%f}+00"


def _transfer_details(transfer: SandboxTransfer, ids: Identities) -> dict[str, str]:
    if transfer.network == "wire":
        return {"coinbase_payment_method_id": ids.uuid("bank"), "coinbase_payment_method_type": "fedwire"}
    details = {
        "network": transfer.network,
        "crypto_address": transfer.address,
        "crypto_transaction_hash": transfer.chain_hash,
        "coinbase_transaction_id": ids.uuid("coinbase", transfer.transfer_id).replace("-", "")[:24],
        "coinbase_payment_method_id": "",
    }
    if transfer.kind is TransferKind.WITHDRAWAL:
        subtotal = EXACT.subtract(transfer.amount, transfer.fee)
        details |= {"fee": f"{transfer.fee:.8f}", "subtotal": f"{subtotal:.8f}", "sent_to_address": transfer.address}
    return details


def order_text(order: SandboxOrder, ids: Identities) -> str:
    """Write one row of ``/orders``: done, filled and settled."""
    content: dict[str, JsonValue] = {"id": order.order_id}
    if order.limit_price is not None:
        content["price"] = f"{order.limit_price:.8f}"
    content |= {
        "size": f"{order.size:.8f}",
        "product_id": order.product,
        "profile_id": ids.profile,
        "side": order.side.value,
        "type": "market" if order.limit_price is None else "limit",
        "time_in_force": "GTC",
        "post_only": order.is_maker,
        "created_at": instant_text(order.created_at),
        "done_at": instant_text(order.done_at),
        "done_reason": "filled",
        "fill_fees": f"{order.fees:.16f}",
        "filled_size": f"{order.size:.8f}",
        "executed_value": f"{order.executed_value:.16f}",
        "market_type": "spot",
        "status": "done",
        "settled": True,
        "client_oid": order.client_order_id,
        "funding_currency": order.money,
    }
    return json.dumps(content, separators=(",", ":"))


def candle_text(candle: Candle) -> str:
    """Write one candle: ``[time, low, high, open, close, volume]``, all of them JSON numbers, low before high."""
    figures = (candle.low, candle.high, candle.open, candle.close, candle.volume)
    return f"[{candle.start},{','.join(text_of(figure) for figure in figures)}]"


def account_content(asset: AssetCode, balance: Decimal, ids: Identities) -> dict[str, JsonValue]:
    """Return one row of ``/accounts``; nothing is ever on hold."""
    return {
        "id": ids.account(asset),
        "currency": asset,
        "balance": f"{balance:.16f}",
        "hold": f"{Decimal(0):.16f}",
        "available": f"{balance:.16f}",
        "profile_id": ids.profile,
        "trading_enabled": True,
    }


def product_content(product: Product) -> dict[str, JsonValue]:
    """Return one row of ``/products``."""
    return {
        "id": product.name,
        "base_currency": product.base,
        "quote_currency": product.quote,
        "quote_increment": f"{product.price_step:f}",
        "base_increment": f"{product.size_step:f}",
        "display_name": product.name.replace("-", "/"),
        "min_market_funds": "1" if product.quote == "USD" else "0.000016",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": product.name == "USDC-USD",
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }


def currency_content(asset: AssetCode) -> dict[str, JsonValue]:
    """Return one row of ``/currencies``."""
    precision = "0.01" if asset == "USD" else "0.00000001"
    details: dict[str, JsonValue] = {
        "type": "fiat" if asset == "USD" else "crypto",
        "symbol": None,
        "network_confirmations": 0,
        "sort_order": 0,
        "crypto_address_link": "",
        "crypto_transaction_link": "",
        "push_payment_methods": [],
        "group_types": [],
        "display_name": None,
        "processing_time_seconds": None,
        "min_withdrawal_amount": None,
        "max_withdrawal_amount": None,
    }
    return {
        "id": asset,
        "name": asset,
        "min_size": precision,
        "status": "delisted" if asset == "LTC" else "online",
        "message": "",
        "max_precision": precision,
        "convertible_to": [],
        "details": details,
        "default_network": "",
        "supported_networks": [],
        "display_name": asset,
    }


# --- rows that are wrong on purpose --------------------------------------------------------------------------------


def _figures(convert: Callable[[str], str]) -> Callable[[str], str]:
    pattern = re.compile(r'"(price|size|fee|amount|balance|usd_volume)":"(-?[0-9.]+)"')
    return lambda text: pattern.sub(lambda found: f'"{found[1]}":{convert(found[2])}', text)


def _first_figure(replacement: str) -> Callable[[str], str]:
    pattern = re.compile(r'"(price|amount)":"[^"]*",')
    return lambda text: pattern.sub(lambda found: replacement.format(found[1]), text, count=1)


def _exponent(number: str) -> str:
    return f'"{Decimal(number).normalize(EXACT):E}"'


def _eighteen_decimals(number: str) -> str:
    return f"{Decimal(number):.18f}"


def _with_huge_ids(text: str) -> str:
    shifted = re.sub(r'"trade_id":("?)(\d+)', lambda found: f'"trade_id":{found[1]}{int(found[2]) + HUGE_ID_SHIFT}', text)
    return re.sub(r'^\{"id":"(\d+)"', lambda found: f'{{"id":"{int(found[1]) + HUGE_ID_SHIFT}"', shifted)


def _of_unknown_type(text: str) -> str:
    return re.sub(r'"type":"(match|fee|rebate|transfer)"', '"type":"vip_adjustment"', text)


_EVERY_ROW: Final[Mapping[Fault, Callable[[str], str]]] = {
    Fault.EXPONENTS: _figures(_exponent),
    Fault.JSON_NUMBERS: _figures(_eighteen_decimals),
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

    Faults of spelling touch every row; the others the first few rows of each 25, one fault each, so that a row that is
    bad stays bad however often it is read. `index` counts from the oldest row.
    """
    for fault in faults:
        if fault in _EVERY_ROW:
            text = _EVERY_ROW[fault](text)
        elif fault in _SOME_ROWS and index % _DAMAGED_EVERY == list(_SOME_ROWS).index(fault):
            text = _SOME_ROWS[fault](text)
    return text


def unsettled(text: str) -> str:
    """Return a fill as it looks for a moment: not settled, its fee not yet known."""
    return re.sub(r'"fee":"[^"]*"', f'"fee":"{Decimal(0):.16f}"', text).replace('"settled":true', '"settled":false')
