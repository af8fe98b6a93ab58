"""What Kraken says over a socket: executions, balances, heartbeats, pongs.

Source: the venue's WebSocket API v2: executions, balances, status, heartbeat, ping. Figures are JSON numbers; cost and fee of a trade
are rounded as the calls round them, the ledger is exact.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from ledger.domain.amount import EXACT, ZERO, AssetCode, unit_price
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import ViolationKind
from ledger.sandbox.chance import noise
from ledger.sandbox.faults import SOCKET_FAULTS, Fault
from ledger.sandbox.history.market import PRODUCT_BY_NAME, minute_of
from ledger.sandbox.history.rows import SandboxFill, SandboxOrder, instant_of, instant_text
from ledger.sandbox.kraken.key import Tokens
from ledger.sandbox.kraken.names import Identities, pair_of
from ledger.sandbox.kraken.rows import Move, moves_of_fill, moves_of_transfer, rounded
from ledger.sandbox.limits import WeightRate
from ledger.sandbox.streams import Due, Rhythm, Saying, SocketSide, said_in, word_of
from ledger.sandbox.tail import Filled, Moved, Opened, Step, Tail, tail_of

SNAPSHOT_FILLS: Final = 50
_EXECUTIONS, _BALANCES = "executions", "balances"
_WRITES: Final = frozenset(
    {
        *("add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after"),
        *("batch_add", "batch_cancel"),
    }
)

_Cell = str | int | bool | Decimal | list["_Cell"] | dict[str, "_Cell"] | None
_Row = dict[str, _Cell]


def _text(cell: _Cell) -> str:
    """Write JSON with numbers that are exact."""
    match cell:
        case Decimal():
            return f"{cell:f}"
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{_text(part)}" for name, part in cell.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, cell)) + "]"
        case _:
            return json.dumps(cell)


class Feed:
    """The messages of the account's tail."""

    def __init__(self, account: SandboxAccount, ids: Identities, rhythm: Rhythm) -> None:
        self._account = account
        self._ids = ids
        self._rhythm = rhythm

    @cached_property
    def tail(self) -> Tail:
        """Return what happens while a client listens."""
        return tail_of(self._account, fills=self._rhythm.fills, earlier=SNAPSHOT_FILLS, pause_seconds=self._rhythm.pause_seconds)

    def trades_before(self) -> list[_Row]:
        """Return the last 50 fills, newest first."""
        return [self._trade(filled) for filled in reversed(self.tail.earlier)]

    def orders_before(self) -> list[_Row]:
        """Return the orders that are open, filled in part."""
        return [self._order(one.order) | self._filled(one) | {"exec_type": "new"} for one in self.tail.open]

    def balances_before(self) -> list[_Row]:
        """Return all balances."""
        return [
            {
                "asset": asset,
                "asset_class": "currency",
                "balance": balance,
                "wallets": [{"type": "spot", "id": "main", "balance": balance}],
            }
            for asset, balance in self.tail.balances.items()
        ]

    def executions(self, step: Step, *, all_statuses: bool) -> Iterator[_Row]:
        """Yield what a step does to an order, one row a message."""
        match step.happening:
            case Opened(order=order):
                kinds = ("pending_new", "new") if all_statuses else ("new",)
                for kind in kinds:
                    yield self._order(order) | {"exec_type": kind, "order_status": kind, "cum_cost": ZERO, "fee_usd_equiv": ZERO}
            case Filled() as filled:
                yield self._trade(filled)
                if filled.is_last:
                    yield self._order(filled.order) | self._filled(filled) | {"exec_type": "filled"}
            case Moved():
                pass

    def entries(self, step: Step) -> list[_Row]:
        """Return the rows of the ledger that a step makes."""
        match step.happening:
            case Filled(fill=fill):
                moves = [*moves_of_fill(fill, self._ids)]
            case Moved(transfer=transfer):
                moves = [*moves_of_transfer(transfer, self._ids)]
            case Opened():
                moves = []
        return [self._entry(move, step.balances) for move in moves]

    def _entry(self, move: Move, balances: Mapping[AssetCode, Decimal]) -> _Row:
        return {
            "ledger_id": self._ids.row(move.refid, move.asset),
            "ref_id": move.refid,
            "timestamp": instant_text(move.at),
            "type": move.kind,
            "subtype": "",
            "asset": move.asset,
            "asset_class": "currency",
            "wallet_type": "spot",
            "wallet_id": "main",
            "amount": move.amount,
            "fee": move.fee,
            "balance": balances[move.asset],
        }

    def _order(self, order: SandboxOrder) -> _Row:
        row: _Row = {
            "order_id": self._ids.order(order.order_id),
            "cl_ord_id": order.client_order_id,
            "order_userref": 0,
            "symbol": f"{PRODUCT_BY_NAME[order.product].base}/{order.money}",
            "side": order.side.value,
            "order_type": "market" if order.limit_price is None else "limit",
            "order_qty": order.size,
            "time_in_force": "GTC",
            "fee_ccy_pref": "fciq",
            "timestamp": instant_text(order.created_at),
        }
        return row if order.limit_price is None else row | {"limit_price_type": "static", "limit_price": order.limit_price}

    def _trade(self, filled: Filled) -> _Row:
        fill = filled.fill
        decimals = pair_of(fill).money_decimals
        return {
            "order_id": self._ids.order(fill.order_id),
            "exec_id": self._ids.trade(fill),
            "exec_type": "trade",
            "trade_id": fill.trade_id,
            "symbol": f"{fill.base}/{fill.money}",
            "side": fill.side.value,
            "last_qty": fill.size,
            "last_price": fill.price,
            "liquidity_ind": "m" if fill.is_maker else "t",
            "cost": Decimal(rounded(fill.money_amount, decimals)),
            "order_userref": 0,
            "order_status": _status(filled),
            "order_type": "limit" if fill.is_maker else "market",
            "fee_usd_equiv": self._dollars(fill, fill.fee),
            "fees": [{"asset": fill.money, "qty": Decimal(rounded(fill.fee, decimals))}],
            "timestamp": instant_text(fill.occurred_at),
        }

    def _filled(self, filled: Filled) -> _Row:
        decimals = pair_of(filled.fill).money_decimals
        return {
            "order_status": _status(filled),
            "cum_qty": filled.size,
            "cum_cost": Decimal(rounded(filled.value, decimals)),
            "avg_price": Decimal(rounded(unit_price(filled.value, filled.size), 5)),
            "fee_usd_equiv": self._dollars(filled.fill, filled.fees),
            "fees": [{"asset": filled.fill.money, "qty": Decimal(rounded(filled.fees, decimals))}],
            "timestamp": instant_text(filled.fill.occurred_at),
        }

    def _dollars(self, fill: SandboxFill, fee: Decimal) -> Decimal:
        """Return what a fee is worth in dollars, to five decimals."""
        product = PRODUCT_BY_NAME.get(f"{fill.money}-USD")
        price = Decimal(1) if product is None else self._account.prices.price(product, minute_of(fill.occurred_at))
        return Decimal(rounded(EXACT.multiply(fee, price), 5))


def _status(filled: Filled) -> str:
    return "filled" if filled.is_last else "partially_filled"


@dataclass(slots=True)
class _Topic:
    """A subscription: its number, and that of its last message."""

    number: int
    sequence: int = 0


class Session:
    """One connection."""

    def __init__(self, feed: Feed, tokens: Tokens, number: int) -> None:
        self._feed = feed
        self._tokens = tokens
        self._number = number
        self._topics: dict[str, _Topic] = {}
        self._held: set[str] = set()  # tokens that live as long as this connection and a subscription
        self._begun = 0
        self._is_idle = True

    @property
    def topics(self) -> Collection[int]:
        """Return the subscriptions that run, by number."""
        return [topic.number for topic in self._topics.values()]

    def greeting(self, _: float) -> Sequence[str]:
        """Tell that the system is online."""
        return [self._state("online")]

    def hear(self, text: str, *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> Saying:
        """Answer a request."""
        said = said_in(text)
        method = word_of(said, "method")
        if method == "ping":
            return Saying(texts=(_answer(said, now, {"method": "pong"}),))
        if method in _WRITES:
            return _refused(said, now, "EGeneral:Permission denied", ViolationKind.WRITE_CALL)
        asked = said.get("params")
        if method not in {"subscribe", "unsubscribe"} or not isinstance(asked, dict):
            return _refused(said, now, "EGeneral:Unknown method")
        refusal = self._refusal(asked, now=now, drawn=drawn)
        if refusal:
            return _refused(said, now, refusal)
        channel = word_of(asked, "channel")
        if method == "unsubscribe":
            self._topics.pop(channel, None)
            return Saying(texts=(_answer(said, now, {"method": method, "result": {"channel": channel}, "success": True}),))
        return self._subscribed(said, asked, channel, now=now)

    def pulse(self, _: float) -> Sequence[str]:
        """Tell a heartbeat to a subscriber who has heard nothing else since the last one."""
        is_idle, self._is_idle = self._is_idle, True
        return [_text({"channel": "heartbeat"})] if is_idle and self._topics else []

    def notice(self, _fault: Fault, _topic: int, _now: float) -> Sequence[str]:
        """Tell that the system goes down."""
        return [self._state("maintenance")]

    def _refusal(self, asked: Mapping[str, object], *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> str:
        """Return why there is no such subscription for this client; empty: there is."""
        if word_of(asked, "channel") not in {_EXECUTIONS, _BALANCES}:
            return "EGeneral:Invalid arguments:channel"
        return "" if self._is_admitted(word_of(asked, "token"), now=now, faults=drawn()) else "ESession:Invalid session"

    def _is_admitted(self, token: str, *, now: float, faults: tuple[Fault, ...]) -> bool:
        is_barred = any(fault in faults for fault in (Fault.TOKEN_EXPIRED, Fault.KEY_REVOKED, Fault.IP_REFUSED, Fault.PERMISSION_LACKING))
        is_good = self._tokens.is_good(token, now=now) or (bool(self._topics) and token in self._held)
        if is_good and not is_barred:
            self._held.add(token)
        return is_good and not is_barred

    def _subscribed(self, said: Mapping[str, object], asked: Mapping[str, object], channel: str, *, now: float) -> Saying:
        if channel in self._topics:
            return _refused(said, now, "Already subscribed")
        self._begun += 1
        topic = self._topics[channel] = _Topic(self._begun)
        result: _Row = {"channel": channel, "snapshot": True}
        if channel == _BALANCES:
            updates = [(step, rows) for step in self._feed.tail.steps if (rows := self._feed.entries(step))]
            snapshots = [self._feed.balances_before()]
        else:
            statuses = asked.get("order_status", True) is True
            updates = [(step, [row]) for step in self._feed.tail.steps for row in self._feed.executions(step, all_statuses=statuses)]
            snapshots = self._executions_before(asked)
            result = {"channel": channel, "maxratecount": 180, "snapshot": True}
        answer = _answer(said, now, {"method": "subscribe", "result": result, "success": True})
        told = [self._message(topic, channel, "snapshot", rows) for rows in snapshots]
        return Saying(texts=(answer, *told), later=tuple(self._due(topic, channel, step, rows) for step, rows in updates))

    def _executions_before(self, asked: Mapping[str, object]) -> list[list[_Row]]:
        """Return trades and open orders apart, as far as they are asked for: some clients take a message by its first row."""
        parts = []
        if asked.get("snap_trades") is True:
            parts.append(self._feed.trades_before())
        if asked.get("snap_orders", True) is True:
            parts.append(self._feed.orders_before())
        return [part for part in parts if part] or [[]]

    def _due(self, topic: _Topic, channel: str, step: Step, rows: Sequence[_Row]) -> Due:
        def tell(_: float) -> str:
            self._is_idle = False
            return self._message(topic, channel, "update", rows)

        return Due(after_seconds=step.after_seconds, topic=topic.number, message=tell)

    def _message(self, topic: _Topic, channel: str, kind: str, rows: Sequence[_Row]) -> str:
        topic.sequence += 1
        return _text({"channel": channel, "type": kind, "data": [*rows], "sequence": topic.sequence})

    def _state(self, system: str) -> str:
        state: _Row = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": self._number}
        return _text({"channel": "status", "type": "update", "data": [state]})


def _answer(said: Mapping[str, object], now: float, content: _Row) -> str:
    at = instant_text(instant_of(int(now * 1_000_000)))
    number = said.get("req_id")
    asked: _Row = {"req_id": number} if isinstance(number, int) else {}
    return _text(content | asked | {"time_in": at, "time_out": at})


def _refused(said: Mapping[str, object], now: float, words: str, violation: ViolationKind | None = None) -> Saying:
    content: _Row = {"error": words, "method": word_of(said, "method"), "success": False}
    return Saying(texts=(_answer(said, now, content),), violation=violation)


def socket_side(account: SandboxAccount, ids: Identities, tokens: Tokens, rhythm: Rhythm) -> SocketSide:
    """Return the venue's sockets over one account; the front of the venue lets an address connect 150 times in ten minutes."""
    feed = Feed(account, ids, rhythm)
    numbers = iter(range(noise(account.seed, "connection", below=1 << 60), 1 << 62))
    return SocketSide(
        path="/v2",
        rate=WeightRate(limit=150, seconds=600, header=""),
        session=lambda: Session(feed, tokens, next(numbers)),
        faults=SOCKET_FAULTS - {Fault.STREAM_TERMINATED},
    )
