"""The rows of Kraken as JSON text: trades, ledger, orders, transfers; written once, served many times.

Source: the venue's REST reference for trades history, ledgers, closed orders, deposit and withdrawal status. The ledger is exact;
cost and fee of a trade are rounded to the pair's decimals, as the venue rounds them.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ledger.domain.amount import EXACT, AssetCode, unit_price
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.faults import Fault
from ledger.sandbox.history.market import PRODUCT_BY_NAME
from ledger.sandbox.history.rows import SandboxFill, SandboxOrder, SandboxTransfer, TransferKind, microseconds_of
from ledger.sandbox.kraken.names import Identities, Pair, asset_name, pair_of

_DAMAGED_EVERY: Final = 25  # rows; the oldest rows of a stream are always among them
_NOUGHT: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a history: its id, its time in microseconds since 1970, its kind (type or pair) and asset, its JSON text."""

    row_id: str
    at: int
    kind: str
    asset: str
    text: str


def time_text(microseconds: int) -> str:
    """Write a time as the venue does: seconds since 1970, a JSON number."""
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def trade_entries(account: SandboxAccount, ids: Identities) -> Iterator[Entry]:
    """Yield the trades in order of time."""
    for fill in account.fills:
        pair = pair_of(fill)
        at = microseconds_of(fill.occurred_at)
        yield Entry(row_id=ids.trade(fill), at=at, kind=pair.name, asset="", text=_trade_text(fill, pair, ids, at))


def _trade_text(fill: SandboxFill, pair: Pair, ids: Identities, at: int) -> str:
    refid = ids.trade(fill)
    cost, fee = (rounded(figure, pair.money_decimals) for figure in (fill.money_amount, fill.fee))
    return (
        f'{{"ordertxid":"{ids.order(fill.order_id)}","postxid":"TKH2SE-M7IF5-CFI7LT","pair":"{pair.name}","aclass":"forex",'
        f'"time":{time_text(at)},"type":"{fill.side.value}","ordertype":"{"limit" if fill.is_maker else "market"}",'
        f'"price":"{fill.price:f}","cost":"{cost}","fee":"{fee}","vol":"{fill.size:.8f}","margin":"0.00000","leverage":"0",'
        f'"misc":"","trade_id":{fill.trade_id},"maker":{"true" if fill.is_maker else "false"},'
        f'"ledgers":["{ids.row(refid, fill.money)}","{ids.row(refid, fill.base)}"]}}'
    )


def rounded(figure: Decimal, decimals: int) -> str:
    """Write a figure as the venue does: with so many decimals, halves away from zero."""
    return f"{figure.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of a balance, before it has one: `amount` signed and without the fee, `fee` in the same asset, positive for paid."""

    refid: str
    at: datetime
    kind: str
    asset: AssetCode
    amount: Decimal
    fee: Decimal = _NOUGHT


def ledger_entries(account: SandboxAccount, ids: Identities) -> Iterator[Entry]:
    """Yield the rows of the ledger in order of time: two for a trade, the fee in that of the money; one for a transfer that was done."""
    moves = [move for fill in account.fills for move in moves_of_fill(fill, ids)]
    moves += [move for transfer in account.transfers for move in moves_of_transfer(transfer, ids)]
    balances: defaultdict[AssetCode, Decimal] = defaultdict(Decimal)
    for move in sorted(moves, key=lambda move: move.at):
        moved = EXACT.subtract(move.amount, move.fee)
        balances[move.asset] = EXACT.add(balances[move.asset], moved)
        at = microseconds_of(move.at)
        text = (
            f'{{"refid":"{move.refid}","time":{time_text(at)},"type":"{move.kind}","subtype":"","aclass":"currency",'
            f'"asset":"{asset_name(move.asset)}","amount":"{_padded(move.amount)}","fee":"{_padded(move.fee)}",'
            f'"balance":"{_padded(balances[move.asset])}"}}'
        )
        yield Entry(row_id=ids.row(move.refid, move.asset), at=at, kind=move.kind, asset=asset_name(move.asset), text=text)


def _padded(figure: Decimal) -> str:
    """Write a figure with ten decimals at least, and with more rather than lose one."""
    return max(f"{figure:.10f}", f"{figure.normalize(EXACT):f}", key=len)


def moves_of_fill(fill: SandboxFill, ids: Identities) -> Iterator[Move]:
    """Yield the two changes that a fill makes, the fee in that of the money."""
    sign = 1 if fill.side is Side.BUY else -1
    refid, at = ids.trade(fill), fill.occurred_at
    yield Move(refid=refid, at=at, kind="trade", asset=fill.money, amount=-sign * fill.money_amount, fee=fill.fee)
    yield Move(refid=refid, at=at, kind="trade", asset=fill.base, amount=sign * fill.size)


def moves_of_transfer(transfer: SandboxTransfer, ids: Identities) -> Iterator[Move]:
    """Yield the change that a transfer makes; one that was canceled makes none."""
    at, refid = transfer.moved_at, ids.transfer(transfer.transfer_id)
    if at is None:
        return
    if transfer.kind is TransferKind.DEPOSIT:
        yield Move(refid=refid, at=at, kind="deposit", asset=transfer.asset, amount=transfer.amount)
        return
    sent = EXACT.subtract(transfer.amount, transfer.fee)
    yield Move(refid=refid, at=at, kind="withdrawal", asset=transfer.asset, amount=-sent, fee=transfer.fee)


def transfer_content(transfer: SandboxTransfer, ids: Identities) -> dict[str, JsonValue]:
    """Return one row of ``DepositStatus`` or ``WithdrawStatus``."""
    amount = EXACT.subtract(transfer.amount, transfer.fee) if transfer.kind is TransferKind.WITHDRAWAL else transfer.amount
    return {
        "method": "Bank Frick (SWIFT)" if transfer.network == "wire" else transfer.network.capitalize(),
        "aclass": "currency",
        "asset": asset_name(transfer.asset),
        "refid": ids.transfer(transfer.transfer_id),
        "txid": transfer.chain_hash,
        "info": transfer.address,
        "amount": _padded(amount),
        "fee": _padded(transfer.fee),
        "time": microseconds_of(transfer.moved_at or transfer.created_at) // 1_000_000,
        "status": "Failure" if transfer.canceled_at else "Success",
    }


def order_content(order: SandboxOrder, trades: list[str]) -> dict[str, JsonValue]:
    """Return one order, closed; prices are averages."""
    pair = Pair(base=PRODUCT_BY_NAME[order.product].base, quote=order.money, product=PRODUCT_BY_NAME[order.product])
    kind = "market" if order.limit_price is None else "limit"
    price = rounded(order.limit_price or unit_price(order.executed_value, order.size), 5)
    opened, closed = (microseconds_of(at) for at in (order.created_at, order.done_at))
    return {
        "refid": None,
        "userref": 0,
        "cl_ord_id": order.client_order_id,
        "status": "closed",
        "opentm": time_text(opened),
        "starttm": "0",
        "expiretm": "0",
        "descr": {
            "pair": pair.altname,
            "type": order.side.value,
            "ordertype": kind,
            "price": price,
            "price2": "0",
            "leverage": "none",
            "order": f"{order.side.value} {order.size:.8f} {pair.altname} @ {kind}",
            "close": "",
        },
        "vol": f"{order.size:.8f}",
        "vol_exec": f"{order.size:.8f}",
        "cost": rounded(order.executed_value, pair.money_decimals),
        "fee": rounded(order.fees, pair.money_decimals),
        "price": price,
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "fciq",
        "trades": list[JsonValue](trades),
        "reason": None,
        "closetm": time_text(closed),
    }


# --- rows that are wrong on purpose --------------------------------------------------------------------------------


def _figures(convert: Callable[[str], str]) -> Callable[[str], str]:
    pattern = re.compile(r'"(price|cost|vol|fee|amount|balance)":"(-?[0-9.]+)"')
    return lambda text: pattern.sub(lambda found: f'"{found[1]}":{convert(found[2])}', text)


def _first_figure(replacement: str) -> Callable[[str], str]:
    pattern = re.compile(r'"(vol|amount)":"[^"]*",')
    return lambda text: pattern.sub(lambda found: replacement.format(found[1]), text, count=1)


def _exponent(number: str) -> str:
    return f'"{Decimal(number).normalize(EXACT):E}"'


def _eighteen_decimals(number: str) -> str:
    return f"{Decimal(number):.18f}"


def _of_unknown_type(text: str) -> str:
    return re.sub(r'"type":"(trade|deposit|withdrawal)"', '"type":"loyalty"', text)


_EVERY_ROW: Final[Mapping[Fault, Callable[[str], str]]] = {
    Fault.EXPONENTS: _figures(_exponent),
    Fault.JSON_NUMBERS: _figures(_eighteen_decimals),
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
