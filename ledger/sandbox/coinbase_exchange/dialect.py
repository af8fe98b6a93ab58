"""Coinbase Exchange's dialect: which endpoints there are, who may call them, and what each answers.

Source: the venue's REST reference, endpoint by endpoint, and its page of rate limits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final

from ledger.domain.amount import EXACT, AssetCode
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import Answer, JsonValue, ReceivedCall, json_answer
from ledger.sandbox.coinbase_exchange.key import Refused, admit, credentials_of
from ledger.sandbox.coinbase_exchange.pages import BY_ID, BY_TIME, CB_AFTER, CursorForm, page_answer, seconds_in
from ledger.sandbox.coinbase_exchange.rows import (
    Identities,
    account_content,
    candle_text,
    currency_content,
    fill_text,
    ledger_text,
    order_text,
    product_content,
    transfer_text,
)
from ledger.sandbox.coinbase_exchange.stream import socket_side
from ledger.sandbox.faults import CallTraits, Fault
from ledger.sandbox.history.market import PRODUCT_BY_NAME, SECONDS_PER_MINUTE, Product, minute_of
from ledger.sandbox.history.rows import SandboxFill, instant_of, instant_text, microseconds_of
from ledger.sandbox.key_terms import USUAL, KeyChoices, KeyTerms
from ledger.sandbox.limits import Rate
from ledger.sandbox.paging import RowStream
from ledger.sandbox.streams import Rhythm, SocketSide

VENUE: Final = "coinbase-exchange"
CANDLES_MAX: Final = 300
_GRANULARITIES: Final = (60, 300, 900, 3600, 21_600, 86_400)
_UNUSED_ASSET: Final = AssetCode("DAI")  # every account lists currencies that it never held
_HISTORY_OPENED_AT: Final = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A call that was let in: `parts` are the variable pieces of its path, `now` the venue's time in seconds since 1970."""

    call: ReceivedCall
    parts: tuple[str, ...]
    now: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """An endpoint: the pattern of its path, who may ask, what answers; `rows` names the sort of rows of a paged one."""

    pattern: re.Pattern[str]
    serve: "Callable[[CoinbaseExchange, _Request], Answer]"
    is_private: bool = True
    rows: str = ""


class CoinbaseExchange:
    """The dialect over one account.

    Raises:
        InputError: for any terms of a key, of which the venue leaves none open.
    """

    venue = VENUE
    rates: Mapping[str, Rate] = {
        "public": Rate(per_second=10, burst=15),
        "private": Rate(per_second=15, burst=30),
        "fills": Rate(per_second=10, burst=20),
    }

    def __init__(self, account: SandboxAccount, terms: KeyTerms = USUAL) -> None:
        KeyChoices().settled(terms, VENUE)
        self.credentials = credentials_of(VENUE, account.seed)
        self._account = account
        self._ids = Identities(account.seed)
        self._streams: dict[str, RowStream] = {}
        self._last_cursors: dict[str, str] = {}
        self._asset_by_account = {self._ids.account(asset): asset for asset in self._assets}

    # --- the face towards the server

    def traits_of(self, call: ReceivedCall) -> CallTraits:
        """Return the bucket of a call, and what history it pages through."""
        route, _ = _route_of(call.path)
        if route is None or not route.is_private:
            return CallTraits(bucket="public", is_private=False)
        if not route.rows:
            return CallTraits(bucket="private", is_private=True)
        scope = "/".join(f"{name}={call.query[name]}" for name in ("order_id", "product_id", "status", "type") if name in call.query)
        bucket = "fills" if route.rows == "fills" else "private"
        stream = f"{call.path}?{scope}"
        return CallTraits(bucket=bucket, is_private=True, stream=stream, rows=route.rows, continues="after" in call.query)

    def answer(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        """Answer a call as the venue does."""
        try:
            return self._served(call, now=now, faults=faults)
        except Refused as refused:
            return refused.answer

    def _served(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        route, parts = _route_of(call.path)
        if not call.headers.get("user-agent"):
            raise Refused(403, "User-Agent header is required.")
        if route is None or call.method != "GET":
            raise Refused(404, "NotFound")
        if route.is_private:
            admit(call, self.credentials, now=now, faults=faults)
        return route.serve(self, _Request(call=call, parts=parts, now=now, faults=faults))

    def refusal_of_write(self) -> Answer:
        """Return 403: this account is for looking only."""
        return json_answer({"message": "Forbidden"}, status=403)

    def refusal_of_rate(self, traits: CallTraits) -> Answer:
        """Return 429 in the venue's words; it has no Retry-After."""
        word = "Private" if traits.is_private else "Public"
        return json_answer({"message": f"{word} rate limit exceeded"}, status=429)

    def socket_side(self, rhythm: Rhythm) -> SocketSide:
        """Return the venue's sockets."""
        return socket_side(self._account, self._ids, self.credentials, rhythm)

    # --- public endpoints

    def time(self, request: _Request) -> Answer:
        """Answer ``GET /time``."""
        microseconds = int(request.now * 1_000_000)
        iso = instant_text(instant_of(microseconds))
        return _text_answer(f'{{"iso":"{iso}","epoch":{EXACT.scaleb(Decimal(microseconds), -6):.6f}}}')

    def products(self, _: _Request) -> Answer:
        """Answer ``GET /products``: what is delisted has vanished."""
        return json_answer([product_content(product) for product in self._listed])

    def product(self, request: _Request) -> Answer:
        """Answer ``GET /products/{id}``."""
        return json_answer(product_content(self._listed_product(request.parts[0])))

    def candles(self, request: _Request) -> Answer:
        """Answer ``GET /products/{id}/candles``: newest first, silent minutes are missing; history of delisted ones stays."""
        product = PRODUCT_BY_NAME.get(request.parts[0])
        if product is None:
            raise Refused(404, "NotFound")
        query = request.call.query
        granularity = _granularity(query.get("granularity", "60"))
        end = seconds_in(query["end"], "end") if "end" in query else int(request.now)
        start = seconds_in(query["start"], "start") if "start" in query else end - (CANDLES_MAX - 1) * granularity
        if end - start > CANDLES_MAX * granularity:
            wanted = f"Count of aggregations requested exceeds {CANDLES_MAX}"
            raise Refused(400, f"granularity too small for the requested time range. {wanted}")
        texts = self._candle_texts(product, start=start, end=min(end, int(request.now)), granularity=granularity)
        return _text_answer(f"[{','.join(texts[:CANDLES_MAX])}]")

    def currencies(self, _: _Request) -> Answer:
        """Answer ``GET /currencies``."""
        return json_answer([currency_content(asset) for asset in self._assets])

    def currency(self, request: _Request) -> Answer:
        """Answer ``GET /currencies/{id}``."""
        if request.parts[0] not in self._assets:
            raise Refused(404, "NotFound")
        return json_answer(currency_content(AssetCode(request.parts[0])))

    def _candle_texts(self, product: Product, *, start: int, end: int, granularity: int) -> list[str]:
        span = granularity // SECONDS_PER_MINUTE
        first, last = -(-start // granularity), end // granularity
        prices = self._account.prices
        found = (
            prices.candle(product, number) if span == 1 else prices.candle_of_span(product, number * span, span)
            for number in range(last, first - 1, -1)
        )
        return [candle_text(candle) for candle in found if candle is not None]

    # --- private endpoints

    def accounts(self, _: _Request) -> Answer:
        """Answer ``GET /accounts``: one row per currency, also for what was delisted or never held."""
        return json_answer([self._account_content(asset) for asset in self._assets])

    def account(self, request: _Request) -> Answer:
        """Answer ``GET /accounts/{id}``."""
        return json_answer(self._account_content(self._asset(request.parts[0])))

    def ledger(self, request: _Request) -> Answer:
        """Answer ``GET /accounts/{id}/ledger``; the cursor is the row's id."""
        stream = self._ledger_stream(self._asset(request.parts[0]))
        return self._page(request, stream, BY_ID)

    def account_transfers(self, request: _Request) -> Answer:
        """Answer ``GET /accounts/{id}/transfers``."""
        return self._transfer_page(request, asset=self._asset(request.parts[0]))

    def transfers(self, request: _Request) -> Answer:
        """Answer ``GET /transfers``; the cursor is the time of creation."""
        return self._transfer_page(request, asset=None)

    def fills(self, request: _Request) -> Answer:
        """Answer ``GET /fills``, by order or by product, also for a product that was delisted; the cursor is the trade's id."""
        query = request.call.query
        if "order_id" in query:
            stream = self._fill_stream([fill for fill in self._account.fills if fill.order_id == query["order_id"]])
        elif "product_id" not in query:
            raise Refused(400, "either order_id or product_id is required")
        elif query["product_id"] in PRODUCT_BY_NAME:
            stream = self._product_fills(query["product_id"])
        else:
            raise Refused(404, "NotFound")
        return self._page(request, stream, BY_ID)

    def orders(self, request: _Request) -> Answer:
        """Answer ``GET /orders``: none is open; ``status`` done, settled or all gives the filled ones."""
        query = request.call.query
        has_done = query.get("status", "open") in {"all", "done", "settled"}
        name = f"orders/{query.get('product_id', '')}" if has_done else "orders open"
        if name not in self._streams:
            wanted = [order for order in self._account.orders if has_done and query.get("product_id", order.product) == order.product]
            self._streams[name] = RowStream(
                ids=range(1, len(wanted) + 1),
                times=[microseconds_of(order.created_at) for order in wanted],
                texts=[order_text(order, self._ids) for order in wanted],
            )
        return self._page(request, self._streams[name], BY_ID)

    def order(self, request: _Request) -> Answer:
        """Answer ``GET /orders/{id}`` and ``GET /orders/client:{client_oid}``."""
        name = request.parts[0]
        is_client_id = name.startswith("client:")
        for order in self._account.orders:
            if (order.client_order_id if is_client_id else order.order_id) == name.removeprefix("client:"):
                return _text_answer(order_text(order, self._ids))
        raise Refused(404, "NotFound")

    def conversions(self, _: _Request) -> Answer:
        """Answer ``GET /conversions``: there were none."""
        return json_answer([])

    def profiles(self, _: _Request) -> Answer:
        """Answer ``GET /profiles``: the one that the key is bound to."""
        profile: dict[str, JsonValue] = {
            "id": self._ids.profile,
            "user_id": self._ids.user,
            "name": "default",
            "active": True,
            "is_default": True,
            "has_margin": False,
            "created_at": instant_text(_HISTORY_OPENED_AT),
        }
        return json_answer([profile])

    def fees(self, _: _Request) -> Answer:
        """Answer ``GET /fees``: the rates of the last fills."""
        return json_answer({"taker_fee_rate": "0.0005", "maker_fee_rate": "0.0000", "usd_volume": "0.00"})

    # --- histories

    @cached_property
    def _assets(self) -> tuple[AssetCode, ...]:
        return tuple(sorted({*self._account.assets, _UNUSED_ASSET}))

    @cached_property
    def _listed(self) -> tuple[Product, ...]:
        return tuple(product for product in self._account.products if product.delisted_at is None)

    def _listed_product(self, name: str) -> Product:
        for product in self._listed:
            if product.name == name:
                return product
        raise Refused(404, "NotFound")

    def _asset(self, account_id: str) -> AssetCode:
        if account_id not in self._asset_by_account:
            raise Refused(404, "NotFound")
        return self._asset_by_account[account_id]

    def _account_content(self, asset: AssetCode) -> dict[str, JsonValue]:
        return account_content(asset, self._account.balance(asset), self._ids)

    def _product_fills(self, product: str) -> RowStream:
        name = f"fills/{product}"
        if name not in self._streams:
            self._streams[name] = self._fill_stream(self._account.fills_of(product))
        return self._streams[name]

    def _fill_stream(self, fills: Sequence[SandboxFill]) -> RowStream:
        return RowStream(
            ids=[fill.trade_id for fill in fills],
            times=[microseconds_of(fill.occurred_at) for fill in fills],
            texts=[fill_text(fill, self._ids, usd_volume=self._usd_volume(fill)) for fill in fills],
        )

    def _usd_volume(self, fill: SandboxFill) -> Decimal:
        if not fill.product.endswith("-BTC"):
            return fill.money_amount
        price = self._account.prices.price(PRODUCT_BY_NAME[f"{fill.base}-USD"], minute_of(fill.occurred_at))
        return EXACT.multiply(fill.size, price)

    def _ledger_stream(self, asset: AssetCode) -> RowStream:
        name = f"ledger/{asset}"
        if name not in self._streams:
            rows = self._account.ledger.get(asset, ())
            self._streams[name] = RowStream(
                ids=[row.row_id for row in rows],
                times=[microseconds_of(row.occurred_at) for row in rows],
                texts=[ledger_text(row) for row in rows],
            )
        return self._streams[name]

    def _transfer_page(self, request: _Request, *, asset: AssetCode | None) -> Answer:
        wanted = request.call.query.get("type", "")
        if wanted not in {"", "deposit", "withdraw", "internal_deposit", "internal_withdraw"}:
            raise Refused(400, "invalid transfer type")
        found = [
            (microseconds_of(transfer.created_at), text)
            for transfer, text in zip(self._account.transfers, self._transfer_texts, strict=True)
            if asset in {None, transfer.asset} and (not wanted or f'"type":"{wanted}"' in text)
        ]
        times = [at for at, _ in found]
        stream = RowStream(ids=times, times=times, texts=[text for _, text in found])
        return self._page(request, stream, BY_TIME, dated=False)

    def _page(self, request: _Request, stream: RowStream, form: CursorForm, *, dated: bool = True) -> Answer:
        place = self.traits_of(request.call).stream
        last_cursor = self._last_cursors.get(place)
        answer = page_answer(request.call, stream, form, request.faults, last_cursor=last_cursor, dated=dated)
        self._last_cursors.update((place, cursor) for name, cursor in answer.headers if name == CB_AFTER)
        return answer

    @cached_property
    def _transfer_texts(self) -> list[str]:
        return [transfer_text(transfer, self._ids) for transfer in self._account.transfers]


def _granularity(text: str) -> int:
    if text not in map(str, _GRANULARITIES):
        raise Refused(400, "Unsupported granularity")
    return int(text)


def _text_answer(text: str) -> Answer:
    return Answer(status=200, body=text.encode())


def _route(template: str, serve: Callable[[CoinbaseExchange, _Request], Answer], *, public: bool = False, rows: str = "") -> _Route:
    pattern = re.compile(template.replace("*", "([^/]+)"))
    return _Route(pattern=pattern, serve=serve, is_private=not public, rows=rows)


_ROUTES: Final = (
    _route("/time", CoinbaseExchange.time, public=True),
    _route("/products", CoinbaseExchange.products, public=True),
    _route("/products/*", CoinbaseExchange.product, public=True),
    _route("/products/*/candles", CoinbaseExchange.candles, public=True),
    _route("/currencies", CoinbaseExchange.currencies, public=True),
    _route("/currencies/*", CoinbaseExchange.currency, public=True),
    _route("/accounts", CoinbaseExchange.accounts),
    _route("/accounts/*", CoinbaseExchange.account),
    _route("/accounts/*/ledger", CoinbaseExchange.ledger, rows="ledger"),
    _route("/accounts/*/transfers", CoinbaseExchange.account_transfers, rows="transfers"),
    _route("/transfers", CoinbaseExchange.transfers, rows="transfers"),
    _route("/fills", CoinbaseExchange.fills, rows="fills"),
    _route("/orders", CoinbaseExchange.orders, rows="orders"),
    _route("/orders/*", CoinbaseExchange.order),
    _route("/conversions", CoinbaseExchange.conversions),
    _route("/profiles", CoinbaseExchange.profiles),
    _route("/fees", CoinbaseExchange.fees),
)


def _route_of(path: str) -> tuple[_Route | None, tuple[str, ...]]:
    for route in _ROUTES:
        found = route.pattern.fullmatch(path)
        if found is not None:
            return route, found.groups()
    return None, ()
