"""What Binance has to offer beside histories: coins and their networks, rates of fees, orders, and lists that are empty here.

Source: the venue's wallet reference (all coins, trade fee, funding wallet, user asset, system status), its margin reference (pairs),
and its REST reference for orders.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from ledger.domain.amount import ZERO, AssetCode, text_of
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.binance.rows import Identities, milliseconds
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.history.rows import SandboxOrder, SandboxTransfer, TransferKind

_MONEY: Final = frozenset({"USD", "EUR"})
_NOUGHT: Final = "0.00000000"


def coin_content(account: SandboxAccount, asset: AssetCode) -> dict[str, JsonValue]:
    """Return one row of ``/sapi/v1/capital/config/getall``, with the networks that the account's transfers went over."""
    transfers = [one for one in account.transfers if one.asset == asset and one.network != "wire"]
    networks = sorted({one.network for one in transfers})
    still: dict[str, JsonValue] = dict.fromkeys(("locked", "freeze", "withdrawing", "ipoing", "ipoable", "storage"), "0")
    return {
        "coin": asset,
        "name": asset,
        "depositAllEnable": True,
        "withdrawAllEnable": True,
        "free": text_of(account.balance(asset)),
        **still,
        "isLegalMoney": asset in _MONEY,
        "trading": True,
        "networkList": [_network_content(asset, name, transfers, is_default=name == networks[0]) for name in networks],
    }


def _network_content(asset: AssetCode, network: str, transfers: Iterable[SandboxTransfer], *, is_default: bool) -> dict[str, JsonValue]:
    fees = [one.fee for one in transfers if one.network == network and one.kind is TransferKind.WITHDRAWAL]
    return {
        "network": network,
        "coin": asset,
        "name": network,
        "isDefault": is_default,
        "depositEnable": True,
        "withdrawEnable": True,
        "withdrawIntegerMultiple": "0.00000001",
        "withdrawFee": text_of(fees[-1] if fees else ZERO),
        "withdrawMin": "0.00000001",
        "withdrawMax": "9999999",
        "minConfirm": 2,
        "unLockConfirm": 2,
    }


def fee_content(symbol: str) -> dict[str, JsonValue]:
    """Return one row of ``/sapi/v1/asset/tradeFee``: the rates that ``/api/v3/account`` tells in units of 1/10,000."""
    return {"symbol": symbol, "makerCommission": "0.001", "takerCommission": "0.001"}


def wallet_content(asset: AssetCode, held: Decimal) -> dict[str, JsonValue]:
    """Return one row of the funding wallet, or of the user's assets."""
    return {"asset": asset, "free": text_of(held), "locked": "0", "freeze": "0", "withdrawing": "0", "btcValuation": "0"}


def symbol_of(order: SandboxOrder) -> str:
    """Return the symbol that an order stands on: its base and the money that pays."""
    return f"{order.product.rsplit('-', 1)[0]}{order.money}"


def order_content(order: SandboxOrder, ids: Identities) -> dict[str, JsonValue]:
    """Return one row of ``/api/v3/allOrders``, completely filled."""
    opened, done = milliseconds(order.created_at), milliseconds(order.done_at)
    return {
        "symbol": symbol_of(order),
        "orderId": ids.order[order.order_id],
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": f"{order.limit_price or ZERO:.8f}",
        "origQty": f"{order.size:.8f}",
        "executedQty": f"{order.size:.8f}",
        "cummulativeQuoteQty": text_of(order.executed_value),
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": "MARKET" if order.limit_price is None else "LIMIT",
        "side": "BUY" if order.side is Side.BUY else "SELL",
        "stopPrice": _NOUGHT,
        "icebergQty": _NOUGHT,
        "time": opened,
        "updateTime": done,
        "isWorking": True,
        "workingTime": opened,
        "origQuoteOrderQty": _NOUGHT,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def market_content(now: float) -> dict[str, JsonValue]:
    """Return ``exchangeInfo`` of a market on which the account could trade and nothing is listed; `now` in seconds since 1970."""
    return {"timezone": "UTC", "serverTime": int(now * 1000), "rateLimits": [], "exchangeFilters": [], "assets": [], "symbols": []}
