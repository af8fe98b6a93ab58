"""What Coinbase Exchange says over a socket: subscriptions, the user's orders and matches, heartbeats.

Source: the venue's WebSocket pages: overview, authentication, channels (heartbeat, matches, full, user), rate limits. The market of
the sandbox is the account's own orders, so the full channel tells what the user channel tells.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Final

from ledger.domain.amount import subtracted, text_of, unit_price
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import Credentials, JsonValue, ReceivedCall, ViolationKind
from ledger.sandbox.chance import noise
from ledger.sandbox.coinbase_exchange.key import Refused, admit
from ledger.sandbox.coinbase_exchange.rows import Identities
from ledger.sandbox.faults import SOCKET_FAULTS, Fault
from ledger.sandbox.history.rows import SandboxFill, SandboxOrder, instant_of, instant_text
from ledger.sandbox.limits import Rate
from ledger.sandbox.streams import Due, Rhythm, Saying, SocketSide, said_in, word_of, words_of
from ledger.sandbox.tail import Filled, Opened, Tail, tail_of

SIGNED_PATH: Final = "/users/self/verify"
_PRIVATE: Final = frozenset({"user", "full"})
_CHANNELS: Final = _PRIVATE | {"heartbeat", "matches"}
_SEQUENCES_FROM: Final = 5_641_953_000
_RATE_STEP: Final = Decimal("0.00000001")
_OPPOSITE: Final = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}

_Pair = tuple[str, str]  # channel and product
_Row = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A message about a product: how it reads for the user, and for everybody, who does not hear all of it.

    `trade_id` is that of the product's last trade by then; 0: there was none.
    """

    after_seconds: float
    sequence: int
    trade_id: int
    private: str
    public: str | None


class Feed:
    """The messages of the account's tail, by product."""

    def __init__(self, account: SandboxAccount, ids: Identities, rhythm: Rhythm) -> None:
        self.account = account
        self._ids = ids
        self._rhythm = rhythm

    @cached_property
    def tail(self) -> Tail:
        """Return what happens while a client listens."""
        return tail_of(self.account, fills=self._rhythm.fills, earlier=1, pause_seconds=self._rhythm.pause_seconds)

    @cached_property
    def products(self) -> frozenset[str]:
        """Return the products that can be subscribed to: those that are listed."""
        return frozenset(product.name for product in self.account.products if product.delisted_at is None)

    @cached_property
    def lines(self) -> Mapping[str, Sequence[_Line]]:
        """Return the messages about each product in order of time, their sequence without a gap; the first is before all others."""
        lines = {product: [self._first_line(product)] for product in self.products}
        for step in self.tail.steps:
            for private, public in self._rows(step.happening):
                told = lines.get(str(private["product_id"]))
                if told is None:
                    continue
                number, trade_id = told[-1].sequence + 1, private.get("trade_id", told[-1].trade_id)
                assert isinstance(trade_id, int), private
                told.append(
                    _Line(
                        after_seconds=step.after_seconds,
                        sequence=number,
                        trade_id=trade_id,
                        private=_text(private | {"sequence": number}),
                        public=None if public is None else _text(public | {"sequence": number}),
                    )
                )
        return lines

    def _first_line(self, product: str) -> _Line:
        """Return the match before those to come, as the venue tells it to whoever subscribes to matches."""
        number = _SEQUENCES_FROM + noise(self.account.seed, "sequence", product, below=1_000_000)
        fill = self._before.get(product)
        if fill is None:
            return _Line(after_seconds=0.0, sequence=number, trade_id=0, private="", public=None)
        public = _text(self._match(fill) | {"type": "last_match", "sequence": number})
        return _Line(after_seconds=0.0, sequence=number, trade_id=fill.trade_id, private=public, public=public)

    def _rows(self, happening: object) -> Iterator[tuple[_Row, _Row | None]]:
        mine: _Row = {"user_id": self._ids.user, "profile_id": self._ids.profile}
        match happening:
            case Opened(order=order):
                yield _received(order) | mine, None
                if order.is_maker:
                    yield _open(order) | mine, None
            case Filled(fill=fill, order=order):
                public = self._match(fill)
                is_told = (fill.product, fill.trade_id) in self._partners and not fill.is_maker
                yield public | mine | self._sides(fill), None if is_told else public
                if happening.is_last:
                    yield _done(order) | mine, None

    def _match(self, fill: SandboxFill) -> _Row:
        """Return a match as everybody sees it: its side is that of the maker."""
        pair = self._partners.get((fill.product, fill.trade_id), ())
        other = next((one for one in pair if one != fill.order_id), self._ids.uuid("counterpart", fill.product, str(fill.trade_id)))
        maker, taker = (fill.order_id, other) if fill.is_maker else (other, fill.order_id)
        return {
            "type": "match",
            "trade_id": fill.trade_id,
            "maker_order_id": maker,
            "taker_order_id": taker,
            "side": (fill.side if fill.is_maker else _OPPOSITE[fill.side]).value,
            "size": f"{fill.size:.8f}",
            "price": f"{fill.price:.8f}",
            "product_id": fill.product,
            "time": instant_text(fill.occurred_at),
        }

    def _sides(self, fill: SandboxFill) -> _Row:
        role = "maker" if fill.is_maker else "taker"
        rate = unit_price(fill.fee, fill.money_amount).quantize(_RATE_STEP, ROUND_HALF_UP)
        return {f"{role}_user_id": self._ids.user, f"{role}_profile_id": self._ids.profile, f"{role}_fee_rate": text_of(rate)}

    @cached_property
    def _coming(self) -> Sequence[SandboxFill]:
        return [step.happening.fill for step in self.tail.steps if isinstance(step.happening, Filled)]

    @cached_property
    def _before(self) -> Mapping[str, SandboxFill]:
        """The last fill of each product before those to come."""
        found: dict[str, SandboxFill] = {}
        for fill in reversed(self.account.fills[: len(self.account.fills) - len(self._coming)]):
            found.setdefault(fill.product, fill)
        return found

    @cached_property
    def _partners(self) -> Mapping[tuple[str, int], tuple[str, ...]]:
        """The orders of each trade that is told, if the account made it with itself."""
        told = {(fill.product, fill.trade_id) for fill in (*self._coming, *self._before.values())}
        orders: dict[tuple[str, int], tuple[str, ...]] = {}
        for fill in self.account.fills:
            trade = (fill.product, fill.trade_id)
            if trade in told:
                orders[trade] = (*orders.get(trade, ()), fill.order_id)
        return {trade: both for trade, both in orders.items() if len(both) > 1}


def _received(order: SandboxOrder) -> _Row:
    row = _about(order, "received", instant_text(order.created_at)) | {"client_oid": order.client_order_id, "size": f"{order.size:.8f}"}
    if order.limit_price is None:
        return row | {"order_type": "market"}
    return row | {"order_type": "limit", "price": f"{order.limit_price:.8f}"}


def _open(order: SandboxOrder) -> _Row:
    assert order.limit_price is not None, order
    row = _about(order, "open", instant_text(order.created_at))
    return row | {"price": f"{order.limit_price:.8f}", "remaining_size": f"{order.size:.8f}"}


def _done(order: SandboxOrder) -> _Row:
    row = _about(order, "done", instant_text(order.done_at)) | {"reason": "filled"}
    if order.limit_price is None:
        return row
    return row | {"price": f"{order.limit_price:.8f}", "remaining_size": f"{subtracted(order.size, order.size):.8f}"}


def _about(order: SandboxOrder, kind: str, time: str) -> _Row:
    return {"type": kind, "time": time, "product_id": order.product, "order_id": order.order_id, "side": order.side.value}


def _text(row: Mapping[str, JsonValue]) -> str:
    return json.dumps(row, separators=(",", ":"))


class Session:
    """One connection."""

    def __init__(self, feed: Feed, credentials: Credentials) -> None:
        self._feed = feed
        self._credentials = credentials
        self._topics: dict[_Pair, int] = {}
        self._begun = 0
        self._last: dict[str, _Line] = {}

    @property
    def topics(self) -> Collection[int]:
        """Return the subscriptions that run, by number."""
        return self._topics.values()

    def greeting(self, _: float) -> Sequence[str]:
        """Say nothing."""
        return ()

    def hear(self, text: str, *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> Saying:
        """Answer ``subscribe`` and ``unsubscribe``; after an error the venue hangs up."""
        said = said_in(text)
        pairs = _pairs_in(said)
        try:
            match said.get("type"):
                case "subscribe":
                    self._check(said, pairs, now=now, drawn=drawn)
                    return self._subscribed(pairs)
                case "unsubscribe":
                    for pair in pairs:
                        self._topics.pop(pair, None)
                    return Saying(texts=(self._subscriptions(),))
                case _:
                    return _refused("Failed to subscribe", "Type has to be either subscribe or unsubscribe")
        except Refused as refused:
            return _refused("Authentication Failed", _text({"message": str(refused)}), refused.answer.violation)
        except _NoSubscription as refused:
            return _refused("Failed to subscribe", str(refused))

    def pulse(self, now: float) -> Sequence[str]:
        """Tell the heartbeat of each product that is subscribed to with it."""
        time = instant_text(instant_of(int(now * 1_000_000)))
        lasts = {
            product: self._last.get(product, self._feed.lines[product][0]) for channel, product in self._topics if channel == "heartbeat"
        }
        return [
            _text(
                {"type": "heartbeat", "sequence": last.sequence, "last_trade_id": last.trade_id, "product_id": product, "time": time},
            )
            for product, last in lasts.items()
        ]

    def notice(self, _fault: Fault, _topic: int, _now: float) -> Sequence[str]:
        """Say nothing: the venue hangs up without a word."""
        return ()

    def _check(self, said: Mapping[str, object], pairs: Sequence[_Pair], *, now: float, drawn: Callable[[], tuple[Fault, ...]]) -> None:
        for channel, product in pairs:
            if channel not in _CHANNELS:
                raise _NoSubscription(f"{channel} is not a valid channel")
            if product not in self._feed.products:
                raise _NoSubscription(f"{product} is not a valid product")
        if not pairs:
            raise _NoSubscription("no channels or products provided")
        if word_of(said, "signature"):
            admit(_call_of(said), self._credentials, now=now, faults=drawn())
        elif wanted := sorted(channel for channel, _ in pairs if channel in _PRIVATE):
            raise _NoSubscription(f"{wanted[0]} channel requires authentication")

    def _subscribed(self, pairs: Iterable[_Pair]) -> Saying:
        fresh = [pair for pair in pairs if pair not in self._topics]
        later: list[Due] = []
        last: list[str] = []
        for channel, product in fresh:
            self._begun += 1
            self._topics[channel, product] = self._begun
            first, *coming = self._feed.lines[product]
            if channel == "matches" and first.public is not None:
                last.append(first.public)
            if channel != "heartbeat":
                later += self._dues(product, coming, is_private=channel in _PRIVATE)
        return Saying(texts=(self._subscriptions(), *last), later=tuple(later))

    def _dues(self, product: str, coming: Iterable[_Line], *, is_private: bool) -> Iterator[Due]:
        for line in coming:
            text = line.private if is_private else line.public
            if text is not None:
                yield Due(after_seconds=line.after_seconds, topic=self._begun, message=self._teller(product, line, text))

    def _teller(self, product: str, line: _Line, text: str) -> Callable[[float], str]:
        def tell(_: float) -> str:
            self._last[product] = line
            return text

        return tell

    def _subscriptions(self) -> str:
        channels: dict[str, list[JsonValue]] = {}
        for channel, product in self._topics:
            channels.setdefault(channel, []).append(product)
        told: list[JsonValue] = [{"name": name, "product_ids": products, "account_ids": None} for name, products in channels.items()]
        return _text({"type": "subscriptions", "channels": told})


class _NoSubscription(Exception):
    """A message that asks for what there is not."""


def _refused(message: str, reason: str, violation: ViolationKind | None = None) -> Saying:
    return Saying(texts=(_text({"type": "error", "message": message, "reason": reason}),), is_end=True, violation=violation)


def _pairs_in(said: Mapping[str, object]) -> list[_Pair]:
    """Return what is asked for: channels by name for all products named, or objects with products of their own."""
    common = words_of(said, "product_ids")
    channels = said.get("channels")
    pairs: list[_Pair] = []
    for channel in channels if isinstance(channels, list) else ():
        if isinstance(channel, dict):
            pairs += [(word_of(channel, "name"), product) for product in words_of(channel, "product_ids") or common]
        else:
            pairs += [(str(channel), product) for product in common]
    return list(dict.fromkeys(pairs))


def _call_of(said: Mapping[str, object]) -> ReceivedCall:
    """Return the call whose signature a subscription bears."""
    names = {
        "cb-access-key": "key",
        "cb-access-sign": "signature",
        "cb-access-timestamp": "timestamp",
        "cb-access-passphrase": "passphrase",
    }
    headers = {header: str(said.get(name, "")) for header, name in names.items()}
    return ReceivedCall(number=0, method="GET", target=SIGNED_PATH, headers=headers)


def socket_side(account: SandboxAccount, ids: Identities, credentials: Credentials, rhythm: Rhythm) -> SocketSide:
    """Return the venue's sockets over one account."""
    feed = Feed(account, ids, rhythm)
    return SocketSide(
        path="/",
        rate=Rate(per_second=8, burst=20),
        session=lambda: Session(feed, credentials),
        awaits_subscription=True,
        faults=SOCKET_FAULTS - {Fault.TOKEN_EXPIRED, Fault.STREAM_TERMINATED},
    )
