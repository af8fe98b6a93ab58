"""What Binance says over a socket: answers to requests, and the events of the user's data stream.

Source: the venue's WebSocket API: request format, session authentication, user data stream requests and events.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from ledger.domain.amount import text_of
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.binance.key import Gate, Refused, denied
from ledger.sandbox.binance.rows import Identities, milliseconds
from ledger.sandbox.calls import JsonValue, ViolationKind
from ledger.sandbox.chance import noise
from ledger.sandbox.faults import SOCKET_FAULTS, Fault
from ledger.sandbox.history.rows import SandboxOrder
from ledger.sandbox.limits import WeightRate
from ledger.sandbox.streams import Due, Rhythm, Saying, SocketSide, said_in, word_of
from ledger.sandbox.tail import Filled, Moved, Opened, Step, Tail, moves_of, tail_of

_NOUGHT: Final = "0.00000000"
_EXECUTIONS_FROM: Final = 2_696_953_000
_CONNECTIONS_MAX: Final = 300
_CONNECTIONS_SECONDS: Final = 300.0
_WRITES: Final = frozenset(
    {
        *("order.place", "order.cancel", "order.cancelReplace", "order.amend.keepPriority", "openOrders.cancelAll", "sor.order.place"),
        *("orderList.place", "orderList.place.oco", "orderList.place.oto", "orderList.place.otoco", "orderList.cancel"),
    }
)

_Row = dict[str, JsonValue]


class Feed:
    """The events of the account's tail."""

    def __init__(self, account: SandboxAccount, ids: Identities, rhythm: Rhythm) -> None:
        self._account = account
        self._ids = ids
        self._rhythm = rhythm

    @cached_property
    def tail(self) -> Tail:
        """Return what happens while a client listens."""
        return tail_of(self._account, fills=self._rhythm.fills, earlier=1, pause_seconds=self._rhythm.pause_seconds)

    def events(self, step: Step) -> Iterator[_Row]:
        """Yield the events of a step, without the time at which they are told."""
        match step.happening:
            case Opened(order=order):
                yield self._report(order) | {"x": "NEW", "X": "NEW", "I": self._execution("new", order.order_id)}
            case Filled() as filled:
                yield self._trade(filled)
                yield _position(step, milliseconds(filled.fill.occurred_at))
            case Moved(transfer=transfer):
                at = milliseconds(transfer.moved_at or transfer.created_at)
                for asset, amount in moves_of(step.happening):
                    yield {"e": "balanceUpdate", "a": asset, "d": text_of(amount), "T": at}
                yield _position(step, at)

    def _report(self, order: SandboxOrder) -> _Row:
        created = milliseconds(order.created_at)
        return {
            "e": "executionReport",
            "s": f"{order.product.rsplit('-', 1)[0]}{order.money}",
            "c": order.client_order_id,
            "S": order.side.value.upper(),
            "o": "MARKET" if order.limit_price is None else "LIMIT",
            "f": "GTC",
            "q": f"{order.size:.8f}",
            "p": _NOUGHT if order.limit_price is None else f"{order.limit_price:.8f}",
            "P": _NOUGHT,
            "F": _NOUGHT,
            "g": -1,
            "C": "",
            "r": "NONE",
            "i": self._ids.order[order.order_id],
            "l": _NOUGHT,
            "z": _NOUGHT,
            "L": _NOUGHT,
            "n": "0",
            "N": None,
            "T": created,
            "t": -1,
            "w": True,
            "m": False,
            "M": False,
            "O": created,
            "Z": _NOUGHT,
            "Y": _NOUGHT,
            "Q": _NOUGHT,
            "W": created,
            "V": "NONE",
        }

    def _trade(self, filled: Filled) -> _Row:
        fill = filled.fill
        return self._report(filled.order) | {
            "x": "TRADE",
            "X": "FILLED" if filled.is_last else "PARTIALLY_FILLED",
            "I": self._execution(fill.product, str(fill.trade_id), fill.side.value),
            "l": f"{fill.size:.8f}",
            "z": f"{filled.size:.8f}",
            "L": f"{fill.price:.8f}",
            "n": text_of(fill.fee),
            "N": fill.money,
            "T": milliseconds(fill.occurred_at),
            "t": fill.trade_id,
            "w": not filled.is_last,
            "m": fill.is_maker,
            "Z": text_of(filled.value),
            "Y": text_of(fill.money_amount),
        }

    def _execution(self, *parts: str) -> int:
        return _EXECUTIONS_FROM + noise(self._account.seed, "execution", *parts, below=1 << 40)


def _position(step: Step, at: int) -> _Row:
    balances: list[JsonValue] = [{"a": asset, "f": f"{left:.18f}", "l": _NOUGHT} for asset, left in step.balances.items()]
    return {"e": "outboundAccountPosition", "u": at, "B": balances}


class Session:
    """One connection."""

    def __init__(self, feed: Feed, gate: Gate) -> None:
        self._feed = feed
        self._gate = gate
        self._topics: list[int] = []
        self._begun = 0
        self._key: str | None = None
        self._connected_at = 0
        self._authorized_at: int | None = None

    @property
    def topics(self) -> Collection[int]:
        """Return the subscriptions that run, by number."""
        return self._topics

    def greeting(self, now: float) -> Sequence[str]:
        """Say nothing."""
        self._connected_at = int(now * 1000)
        return ()

    def hear(self, text: str, *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> Saying:
        """Answer a request."""
        said = said_in(text)
        method = word_of(said, "method")
        if method in _WRITES:
            return _refused(said, denied(), ViolationKind.WRITE_CALL)
        if method not in _METHODS:
            unknown = Refused(-1000, f"Unknown method: {method[:50]}") if method else Refused(-1135, "Invalid JSON Request")
            return _refused(said, unknown)
        params = _params_in(said)
        try:
            if method in _SIGNED:
                self._gate.admit_request(params, now=now, faults=drawn())
            return _METHODS[method](self, said, params, now)
        except Refused as refused:
            return _refused(said, refused, refused.answer.violation)

    def pulse(self, _: float) -> Sequence[str]:
        """Say nothing: the venue pings instead."""
        return ()

    def notice(self, fault: Fault, topic: int, now: float) -> Sequence[str]:
        """Tell that the server will shut down, or that a subscription has ended, which it has from now on."""
        if fault is Fault.STREAM_TERMINATED:
            self._topics.remove(topic)
            return [_text({"subscriptionId": topic, "event": {"e": "eventStreamTerminated", "E": int(now * 1000)}})]
        return [_text({"event": {"e": "serverShutdown", "E": int(now * 1000)}})]

    # --- requests

    def ping(self, said: Mapping[str, object], _params: Mapping[str, str], _now: float) -> Saying:
        """Answer ``ping``."""
        return _result(said, {})

    def time(self, said: Mapping[str, object], _params: Mapping[str, str], now: float) -> Saying:
        """Answer ``time``."""
        return _result(said, {"serverTime": int(now * 1000)})

    def logon(self, said: Mapping[str, object], params: Mapping[str, str], now: float) -> Saying:
        """Answer ``session.logon``, which is for Ed25519 keys only."""
        self._gate.check_can_log_on(params["apiKey"])
        self._key, self._authorized_at = params["apiKey"], int(now * 1000)
        return self.status(said, params, now)

    def status(self, said: Mapping[str, object], _params: Mapping[str, str], now: float) -> Saying:
        """Answer ``session.status``."""
        state: _Row = {
            "apiKey": self._key,
            "authorizedSince": self._authorized_at,
            "connectedSince": self._connected_at,
            "returnRateLimits": False,
            "serverTime": int(now * 1000),
            "userDataStream": bool(self._topics),
        }
        return _result(said, state)

    def logout(self, said: Mapping[str, object], params: Mapping[str, str], now: float) -> Saying:
        """Answer ``session.logout``."""
        self._key = self._authorized_at = None
        return self.status(said, params, now)

    def subscribe_after_logon(self, said: Mapping[str, object], params: Mapping[str, str], now: float) -> Saying:
        """Answer ``userDataStream.subscribe``, of a session that has logged on."""
        if self._key is None:
            raise denied()
        return self.subscribe(said, params, now)

    def subscribe(self, said: Mapping[str, object], _params: Mapping[str, str], _now: float) -> Saying:
        """Answer ``userDataStream.subscribe.signature``: one subscription at a time."""
        if self._topics:
            raise Refused(-2035, "Subscription already active")
        topic = self._begun
        self._begun += 1
        self._topics.append(topic)
        later = [_due(topic, step, event) for step in self._feed.tail.steps for event in self._feed.events(step)]
        return Saying(texts=_result(said, {"subscriptionId": topic}).texts, later=tuple(later))

    def unsubscribe(self, said: Mapping[str, object], params: Mapping[str, str], _now: float) -> Saying:
        """Answer ``userDataStream.unsubscribe``, of one subscription or of all."""
        wanted = params.get("subscriptionId")
        self._topics = [topic for topic in self._topics if wanted is not None and str(topic) != wanted]
        return _result(said, {})


def _due(topic: int, step: Step, event: _Row) -> Due:
    def tell(now: float) -> str:
        return _text({"subscriptionId": topic, "event": {"e": event["e"], "E": int(now * 1000), **event}})

    return Due(after_seconds=step.after_seconds, topic=topic, message=tell)


def _params_in(said: Mapping[str, object]) -> Mapping[str, str]:
    """Return the parameters as they are signed: texts as they are, the rest as JSON."""
    params = said.get("params")
    if not isinstance(params, dict):
        return {}
    return {name: cell if isinstance(cell, str) else json.dumps(cell) for name, cell in params.items()}


def _result(said: Mapping[str, object], content: _Row) -> Saying:
    return Saying(texts=(_text({"id": _id_in(said), "status": 200, "result": content}),))


def _refused(said: Mapping[str, object], refused: Refused, violation: ViolationKind | None = None) -> Saying:
    error: JsonValue = json.loads(refused.answer.body)
    return Saying(texts=(_text({"id": _id_in(said), "status": refused.answer.status, "error": error}),), violation=violation)


def _id_in(said: Mapping[str, object]) -> str | int | None:
    found = said.get("id")
    return found if isinstance(found, str | int) else None


def _text(row: _Row) -> str:
    return json.dumps(row, separators=(",", ":"))


_Answer = Callable[[Session, Mapping[str, object], Mapping[str, str], float], Saying]
_METHODS: Final[Mapping[str, _Answer]] = {
    "ping": Session.ping,
    "time": Session.time,
    "session.logon": Session.logon,
    "session.status": Session.status,
    "session.logout": Session.logout,
    "userDataStream.subscribe": Session.subscribe_after_logon,
    "userDataStream.subscribe.signature": Session.subscribe,
    "userDataStream.unsubscribe": Session.unsubscribe,
}
_SIGNED: Final = frozenset({"session.logon", "userDataStream.subscribe.signature"})


def socket_side(account: SandboxAccount, ids: Identities, gate: Gate, rhythm: Rhythm) -> SocketSide:
    """Return the venue's sockets over one account."""
    feed = Feed(account, ids, rhythm)
    return SocketSide(
        path="/ws-api/v3",
        rate=WeightRate(limit=_CONNECTIONS_MAX, seconds=_CONNECTIONS_SECONDS, header=""),
        session=lambda: Session(feed, gate),
        pings=True,
        faults=SOCKET_FAULTS - {Fault.TOKEN_EXPIRED},
    )
