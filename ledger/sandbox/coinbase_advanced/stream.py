"""What Coinbase Advanced Trade says over a socket: the user's orders as they fill, heartbeats, subscriptions.

Source: the venue's WebSocket overview and channels (user, heartbeats) of Advanced Trade. Orders are told, not fills.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Final

from ledger.domain.amount import EXACT, ZERO, added, subtracted, text_of, unit_price
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.coinbase_advanced.key import Gate, Refused
from ledger.sandbox.coinbase_advanced.rows import Identities, has_twin
from ledger.sandbox.faults import SOCKET_FAULTS, Fault
from ledger.sandbox.history.rows import SandboxOrder, instant_of, instant_text
from ledger.sandbox.limits import Rate
from ledger.sandbox.streams import Due, Rhythm, Saying, SocketSide, said_in, word_of, words_of
from ledger.sandbox.tail import Filled, Opened, Tail, tail_of

_USER, _HEARTBEATS = "user", "heartbeats"
_EVERY_PRODUCT: Final = ""
_HUNDREDTH: Final = Decimal("0.01")

_Row = dict[str, JsonValue]
_Place = tuple[str, str]  # channel and product


class Feed:
    """The messages of the account's tail."""

    def __init__(self, account: SandboxAccount, ids: Identities, rhythm: Rhythm) -> None:
        self._account = account
        self._ids = ids
        self._rhythm = rhythm

    @property
    def user(self) -> str:
        """Return the id under which the user channel is subscribed to."""
        return self._ids.user

    @cached_property
    def tail(self) -> Tail:
        """Return what happens while a client listens."""
        return tail_of(self._account, fills=self._rhythm.fills, earlier=1, pause_seconds=self._rhythm.pause_seconds)

    @cached_property
    def products(self) -> frozenset[str]:
        """Return the products that can be subscribed to: those that are listed, and their twins."""
        listed = [product for product in self._account.products if product.delisted_at is None]
        return frozenset(product.name for product in listed) | {f"{product.base}-USDC" for product in listed if has_twin(product)}

    def open_orders(self) -> Iterator[_Row]:
        """Yield the orders that are filled in part."""
        for filled in self.tail.open:
            yield self._order(filled.order, filled)

    def updates(self) -> Iterator[tuple[float, _Row]]:
        """Yield an order whenever it opens or is filled, and how many seconds after a subscription."""
        for step in self.tail.steps:
            match step.happening:
                case Opened(order=order):
                    yield step.after_seconds, self._order(order, None)
                case Filled(order=order) as filled:
                    yield step.after_seconds, self._order(order, filled)
                case _:
                    pass

    def _order(self, order: SandboxOrder, filled: Filled | None) -> _Row:
        size, value, fees = (filled.size, filled.value, filled.fees) if filled else (ZERO, ZERO, ZERO)
        done = unit_price(EXACT.multiply(size, Decimal(100)), order.size).quantize(_HUNDREDTH, ROUND_HALF_UP)
        row: _Row = {
            "order_id": order.order_id,
            "client_order_id": order.client_order_id,
            "cumulative_quantity": text_of(size),
            "leaves_quantity": text_of(subtracted(order.size, size)),
            "avg_price": text_of(unit_price(value, size)) if size else "0",
            "total_fees": text_of(fees),
            "status": "FILLED" if filled and filled.is_last else "OPEN",
            "product_id": _product_of(order),
            "product_type": "SPOT",
            "creation_time": instant_text(order.created_at),
            "order_side": order.side.value.upper(),
            "order_type": "Market" if order.limit_price is None else "Limit",
            "cancel_reason": "",
            "reject_reason": "",
            "limit_price": "" if order.limit_price is None else text_of(order.limit_price),
            "stop_price": "",
            "number_of_fills": str(filled.count if filled else 0),
            "filled_value": text_of(value),
            "completion_percentage": f"{done:f}",
            "outstanding_hold_amount": "0",
            "post_only": order.is_maker,
            "time_in_force": "GOOD_UNTIL_CANCELLED",
            "retail_portfolio_id": self._ids.portfolio,
            "total_value_after_fees": text_of(added(value, fees) if order.side is Side.BUY else subtracted(value, fees)),
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "trigger_status": "INVALID_ORDER_TYPE",
        }
        return row


def _product_of(order: SandboxOrder) -> str:
    return f"{order.product.rsplit('-', 1)[0]}-{order.money}"


class Session:
    """One connection; its messages are numbered from nought over all channels."""

    def __init__(self, feed: Feed, gate: Gate) -> None:
        self._feed = feed
        self._gate = gate
        self._topics: dict[_Place, int] = {}
        self._begun = 0
        self._told = 0
        self._beats = 0

    @property
    def topics(self) -> Collection[int]:
        """Return the subscriptions that run, by number."""
        return self._topics.values()

    def greeting(self, _: float) -> Sequence[str]:
        """Say nothing."""
        return ()

    def hear(self, text: str, *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> Saying:
        """Answer ``subscribe`` and ``unsubscribe``."""
        said = said_in(text)
        channel, products = word_of(said, "channel"), words_of(said, "product_ids")
        if channel not in {_USER, _HEARTBEATS} or said.get("type") not in {"subscribe", "unsubscribe"}:
            return _refused("invalid message or channel")
        if not self._feed.products.issuperset(products):
            return _refused("invalid product id")
        places = [(channel, product) for product in products or (_EVERY_PRODUCT,)] if channel == _USER else [(channel, _EVERY_PRODUCT)]
        if said["type"] == "unsubscribe":
            for place in places:
                self._topics.pop(place, None)
            return Saying(texts=(self._subscriptions(now),))
        if channel == _USER:
            try:
                self._gate.admit_subscription(word_of(said, "jwt"), now=now, faults=drawn())
            except Refused as refused:
                return Saying(texts=_refused("authentication failure").texts, violation=refused.answer.violation)
        return self._subscribed(places, now=now)

    def pulse(self, now: float) -> Sequence[str]:
        """Tell a heartbeat to whoever has subscribed to them."""
        if (_HEARTBEATS, _EVERY_PRODUCT) not in self._topics:
            return ()
        self._beats += 1
        current = f"{instant_of(int(now * 1_000_000)):%Y-%m-%d %H:%M:%S.%f} +0000 UTC"
        return [self._message(_HEARTBEATS, {"current_time": current, "heartbeat_counter": self._beats}, now)]

    def notice(self, _fault: Fault, _topic: int, _now: float) -> Sequence[str]:
        """Say nothing: the venue hangs up without a word."""
        return ()

    def _subscribed(self, places: Sequence[_Place], *, now: float) -> Saying:
        has_all = (_USER, _EVERY_PRODUCT) in self._topics
        fresh = [place for place in places if place not in self._topics and not (has_all and place[0] == _USER)]
        for place in fresh:
            self._begun += 1
            self._topics[place] = self._begun
        texts = [self._subscriptions(now)]
        topics = {product: self._topics[channel, product] for channel, product in fresh if channel == _USER}
        if not topics:
            return Saying(texts=tuple(texts))
        orders: list[JsonValue] = [order for order in self._feed.open_orders() if _topic_of(order, topics) is not None]
        texts.append(self._message(_USER, {"type": "snapshot", "orders": orders, "positions": {}}, now))
        later = [
            Due(after_seconds=after, topic=topic, message=self._teller(order))
            for after, order in self._feed.updates()
            if (topic := _topic_of(order, topics)) is not None
        ]
        return Saying(texts=tuple(texts), later=tuple(later))

    def _teller(self, order: _Row) -> Callable[[float], str]:
        return lambda now: self._message(_USER, {"type": "update", "orders": [order], "positions": {}}, now)

    def _subscriptions(self, now: float) -> str:
        subscriptions: _Row = {channel: [self._feed.user if channel == _USER else channel] for channel, _ in self._topics}
        return self._message("subscriptions", {"subscriptions": subscriptions}, now)

    def _message(self, channel: str, event: _Row, now: float) -> str:
        number, self._told = self._told, self._told + 1
        at = instant_text(instant_of(int(now * 1_000_000)))
        return json.dumps({"channel": channel, "client_id": "", "timestamp": at, "sequence_num": number, "events": [event]})


def _topic_of(order: _Row, topics: Mapping[str, int]) -> int | None:
    return topics.get(str(order["product_id"]), topics.get(_EVERY_PRODUCT))


def _refused(words: str) -> Saying:
    return Saying(texts=(json.dumps({"type": "error", "message": words}),))


def socket_side(account: SandboxAccount, ids: Identities, gate: Gate, rhythm: Rhythm) -> SocketSide:
    """Return the venue's sockets over one account."""
    feed = Feed(account, ids, rhythm)
    return SocketSide(
        path="/",
        rate=Rate(per_second=750, burst=750),
        session=lambda: Session(feed, gate),
        awaits_subscription=True,
        faults=SOCKET_FAULTS - {Fault.STREAM_TERMINATED},
    )
