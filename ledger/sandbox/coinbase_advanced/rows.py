"""The rows of Coinbase Advanced Trade as JSON values: fills and accounts of v3, wallets and their rows of v2.

Source: the venue's reference for List Fills, List Accounts, List Products, Get Product Candles, List Orders, and Transactions (v2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID

from ledger.domain.amount import EXACT, AssetCode, subtracted, text_of
from ledger.domain.event import Side
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.chance import noise
from ledger.sandbox.faults import Fault
from ledger.sandbox.history.market import Candle, Product
from ledger.sandbox.history.rows import SandboxFill, SandboxOrder, SandboxTransfer, TransferKind, instant_of, instant_text

JsonRow = dict[str, JsonValue]
HISTORY_OPENED_AT: Final = datetime(2024, 1, 1, tzinfo=UTC)
_DAMAGED_EVERY: Final = 25  # rows; the oldest rows of a stream are always among them
_IN_QUOTE_ONE_IN: Final = 3  # of the fills of market purchases
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One row of the fills: a fill as the venue tells it at `sequence_at` (microseconds since 1970)."""

    fill: SandboxFill
    sequence_at: int
    trade_type: str = "FILL"
    commission: Decimal


class Identities:
    """The account's own ids at the venue, drawn from its seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.portfolio = self.uuid("portfolio")
        self.user = self.uuid("user")

    def wallet(self, asset: AssetCode) -> str:
        """Return the id of the wallet of one asset, which v3 calls an account."""
        return self.uuid("wallet", asset)

    def trade(self, fill: SandboxFill) -> str:
        """Return the id of a trade; both sides of a self-trade have one."""
        return self.uuid("trade", fill.product, str(fill.trade_id))

    def entry(self, fill: SandboxFill, trade_type: str = "FILL") -> str:
        """Return the id of a row of the fills: 64 hexadecimal digits."""
        parts = ("entry", fill.product, str(fill.trade_id), fill.side.value, trade_type)
        return "".join(f"{noise(self._seed, *parts, part, below=1 << 64):016x}" for part in range(4))

    def uuid(self, *parts: str) -> str:
        """Return a UUID that stands for `parts`."""
        high, low = (noise(self._seed, *parts, half, below=1 << 64) for half in ("high", "low"))
        return str(UUID(int=(high << 64) | low, version=4))


def product_id_of(fill: SandboxFill) -> str:
    """Return the market of a fill by the money that paid: dollar books have a twin in USDC."""
    return f"{fill.base}-{fill.money}"


def fill_content(row: FillRow, ids: Identities) -> JsonRow:
    """Return one row of the fills."""
    fill = row.fill
    is_of_funds = not fill.is_maker and fill.side is Side.BUY
    in_quote = is_of_funds and noise(fill.trade_id, "in quote", below=_IN_QUOTE_ONE_IN) == 0
    return {
        "entry_id": ids.entry(fill, row.trade_type),
        "trade_id": ids.trade(fill),
        "order_id": fill.order_id,
        "trade_time": f"{instant_text(fill.occurred_at)[:-1]}000Z",
        "trade_type": row.trade_type,
        "price": text_of(fill.price),
        "size": text_of(fill.money_amount if in_quote else fill.size),
        "commission": f"{row.commission:.16f}",
        "product_id": product_id_of(fill),
        "sequence_timestamp": instant_text(instant_of(row.sequence_at)),
        "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
        "size_in_quote": in_quote,
        "user_id": ids.user,
        "side": fill.side.value.upper(),
        "retail_portfolio_id": ids.portfolio,
    }


def order_product_id(order: SandboxOrder) -> str:
    """Return the market that an order stands on: its base and the money that pays."""
    return f"{order.product.rsplit('-', 1)[0]}-{order.money}"


def order_content(order: SandboxOrder, ids: Identities) -> JsonRow:
    """Return one row of the orders: filled."""
    return {
        "order_id": order.order_id,
        "product_id": order_product_id(order),
        "user_id": ids.user,
        "side": order.side.value.upper(),
        "client_order_id": order.client_order_id,
        "status": "FILLED",
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": instant_text(order.created_at),
        "completion_percentage": "100.00",
        "filled_size": text_of(order.size),
        "filled_value": text_of(order.executed_value),
        "total_fees": text_of(order.fees),
        "settled": True,
        "order_type": "MARKET" if order.limit_price is None else "LIMIT",
        "last_fill_time": instant_text(order.done_at),
        "retail_portfolio_id": ids.portfolio,
    }


def account_content(asset: AssetCode, balance: Decimal, ids: Identities) -> JsonRow:
    """Return one row of the accounts (v3); nothing is ever on hold."""
    return {
        "uuid": ids.wallet(asset),
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": text_of(balance), "currency": asset},
        "default": True,
        "active": True,
        "created_at": instant_text(HISTORY_OPENED_AT),
        "updated_at": instant_text(HISTORY_OPENED_AT),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if asset == "USD" else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": "0", "currency": asset},
        "retail_portfolio_id": ids.portfolio,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def wallet_content(asset: AssetCode, balance: Decimal, changed_at: datetime, ids: Identities) -> JsonRow:
    """Return one row of the wallets (v2 accounts)."""
    is_money = asset == "USD"
    return {
        "id": ids.wallet(asset),
        "name": f"{asset} Wallet",
        "primary": True,
        "type": "fiat" if is_money else "wallet",
        "currency": {"code": asset, "name": asset, "exponent": 2 if is_money else 8, "type": "fiat" if is_money else "crypto"},
        "balance": {"amount": text_of(balance), "currency": asset},
        "created_at": _seconds_text(HISTORY_OPENED_AT),
        "updated_at": _seconds_text(changed_at),
        "resource": "account",
        "resource_path": f"/v2/accounts/{ids.wallet(asset)}",
        "allow_deposits": True,
        "allow_withdrawals": True,
    }


def _seconds_text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


# --- the rows of a wallet ----------------------------------------------------------------------------------------------


def moved_by(fill: SandboxFill, asset: AssetCode) -> Decimal:
    """Return what a fill does to the wallet of one of its two assets, fee included."""
    sign = 1 if fill.side is Side.BUY else -1
    if asset == fill.base:
        return EXACT.multiply(fill.size, sign)
    return subtracted(EXACT.multiply(fill.money_amount, -sign), fill.fee)


def mirror_id(fill: SandboxFill, asset: AssetCode, ids: Identities) -> str:
    """Return the id of the row in which a wallet mirrors a fill."""
    return ids.uuid("mirror", fill.product, str(fill.trade_id), fill.side.value, asset)


def mirror_content(fill: SandboxFill, asset: AssetCode, ids: Identities) -> JsonRow:
    """Return the row in which a wallet mirrors a fill."""
    amount = moved_by(fill, asset)
    content = _wallet_row(mirror_id(fill, asset, ids), "advanced_trade_fill", ids, asset)
    return content | {
        "amount": {"amount": text_of(amount), "currency": asset},
        "native_amount": {"amount": text_of(_cents(fill.money_amount)), "currency": "USD"},
        "created_at": _seconds_text(fill.occurred_at),
        "advanced_trade_fill": {
            "fill_price": text_of(fill.price),
            "product_id": product_id_of(fill),
            "order_id": fill.order_id,
            "commission": text_of(fill.fee),
            "order_side": fill.side.value,
        },
    }


def transfer_content(transfer: SandboxTransfer, ids: Identities) -> JsonRow:
    """Return the row of a transfer; `amount` of what leaves includes the network's fee."""
    is_out, is_wire = transfer.kind is TransferKind.WITHDRAWAL, transfer.network == "wire"
    wire = "fiat_withdrawal" if is_out else "fiat_deposit"
    content = _wallet_row(transfer.transfer_id, wire if is_wire else "send", ids, transfer.asset)
    content |= {
        "status": "canceled" if transfer.canceled_at is not None else "completed",
        "amount": {"amount": text_of(EXACT.minus(transfer.amount) if is_out else transfer.amount), "currency": transfer.asset},
        "native_amount": {"amount": "0.00", "currency": "USD"},
        "created_at": _seconds_text(transfer.moved_at or transfer.created_at),
    }
    return content if is_wire else content | _network_content(transfer, is_out=is_out)


def bank_content(transfer: SandboxTransfer, ids: Identities) -> JsonRow:
    """Return a transfer of money as the lists of deposits and of withdrawals of a wallet tell it: `amount` is without the fee."""
    kind = "withdrawal" if transfer.kind is TransferKind.WITHDRAWAL else "deposit"
    wallet = f"/v2/accounts/{ids.wallet(transfer.asset)}"
    row: JsonRow = {"resource": "transaction", "resource_path": f"{wallet}/transactions/{transfer.transfer_id}"}
    figures = {"amount": EXACT.subtract(transfer.amount, transfer.fee), "subtotal": transfer.amount, "fee": transfer.fee}
    return {
        "id": transfer.transfer_id,
        "status": "canceled" if transfer.canceled_at is not None else "completed",
        "transaction": row | {"id": transfer.transfer_id},
        "resource": kind,
        "resource_path": f"{wallet}/{kind}s/{transfer.transfer_id}",
        "committed": transfer.canceled_at is None,
        "created_at": _seconds_text(transfer.created_at),
        "updated_at": _seconds_text(transfer.completed_at or transfer.created_at),
        "instant": False,
        **{name: {"amount": text_of(figure), "currency": transfer.asset} for name, figure in figures.items()},
    }


def _network_content(transfer: SandboxTransfer, *, is_out: bool) -> JsonRow:
    network: JsonRow = {"status": "confirmed", "hash": transfer.chain_hash, "network_name": transfer.network}
    if is_out:
        network["transaction_fee"] = {"amount": text_of(transfer.fee), "currency": transfer.asset}
    other: JsonRow = {"resource": "address", "address": transfer.address}
    return {"network": network, "to" if is_out else "from": other}


def _wallet_row(row_id: str, kind: str, ids: Identities, asset: AssetCode) -> JsonRow:
    return {
        "id": row_id,
        "type": kind,
        "status": "completed",
        "resource": "transaction",
        "resource_path": f"/v2/accounts/{ids.wallet(asset)}/transactions/{row_id}",
        "description": None,
        "idem": "",
    }


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


# --- the market --------------------------------------------------------------------------------------------------------


def product_content(product: Product, *, money: str, price: Decimal) -> JsonRow:
    """Return one row of the products; a dollar book names its twin."""
    name = f"{product.base}-{money}"
    return {
        "product_id": name,
        "price": text_of(price),
        "base_increment": text_of(product.size_step),
        "quote_increment": text_of(product.price_step),
        "price_increment": text_of(product.price_step),
        "quote_min_size": "1",
        "quote_max_size": "1000000000",
        "base_min_size": text_of(product.size_min),
        "base_max_size": "1000000",
        "base_name": product.base,
        "quote_name": money,
        "is_disabled": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": money,
        "base_currency_id": product.base,
        "alias": product.name if name != product.name else "",
        "alias_to": [f"{product.base}-USDC"] if name == product.name and has_twin(product) else [],
        "display_name": name,
        "view_only": False,
    }


def has_twin(product: Product) -> bool:
    """Tell whether a market is also served under the name of USDC."""
    return product.quote == "USD" and product.base != "USDC"


def candle_content(candle: Candle) -> JsonRow:
    """Return one candle: all figures are texts."""
    figures = {"low": candle.low, "high": candle.high, "open": candle.open, "close": candle.close, "volume": candle.volume}
    return {"start": str(candle.start), **{name: text_of(figure) for name, figure in figures.items()}}


# --- rows that are wrong on purpose --------------------------------------------------------------------------------


_FIGURES: Final = ("price", "size", "commission")


def _figures_rewritten(row: JsonRow, write: Callable[[Decimal], str]) -> JsonRow:
    told = {name: row[name] for name in _FIGURES if name in row}
    written: JsonRow = {name: write(Decimal(str(figure))) for name, figure in told.items()}
    amount = row.get("amount")
    if isinstance(amount, dict):
        written["amount"] = amount | {"amount": write(Decimal(str(amount["amount"])))}
    return row | written


def _exponent(number: Decimal) -> str:
    return f"{number.normalize(EXACT):E}"


def _eighteen_decimals(number: Decimal) -> str:
    return f"{number:.18f}"


def _of_unknown_type(row: JsonRow) -> JsonRow:
    return row | ({"trade_type": "ADJUSTMENT"} if "trade_type" in row else {"type": "vip_adjustment"})


def _first_figure(row: JsonRow) -> str:
    return "price" if "price" in row else "amount"


def _without_figure(row: JsonRow) -> JsonRow:
    return {name: cell for name, cell in row.items() if name != _first_figure(row)}


_EVERY_ROW: Final[Mapping[Fault, Callable[[JsonRow], JsonRow]]] = {
    Fault.EXPONENTS: lambda row: _figures_rewritten(row, _exponent),
    Fault.JSON_NUMBERS: lambda row: _figures_rewritten(row, _eighteen_decimals),
}
_SOME_ROWS: Final[Mapping[Fault, Callable[[JsonRow], JsonRow]]] = {
    Fault.NULL_FIELD: lambda row: row | {_first_figure(row): None},
    Fault.MISSING_FIELD: _without_figure,
    Fault.EMPTY_FIELD: lambda row: row | {_first_figure(row): ""},
    Fault.UNKNOWN_LEDGER_TYPE: _of_unknown_type,
}


def damaged(row: JsonRow, *, index: int, faults: tuple[Fault, ...]) -> JsonRow:
    """Return a row as data faults spoil it.

    Faults of spelling touch every row; the others the first few rows of each 25, one fault each, so that a row that is
    bad stays bad however often it is read. `index` counts from the oldest row.
    """
    for fault in faults:
        if fault in _EVERY_ROW:
            row = _EVERY_ROW[fault](row)
        elif fault in _SOME_ROWS and index % _DAMAGED_EVERY == list(_SOME_ROWS).index(fault):
            row = _SOME_ROWS[fault](row)
    return row
