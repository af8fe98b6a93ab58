"""Coinbase Advanced Trade's dialect: which endpoints there are, who may call them, and what each answers.

Source: the venue's reference of Advanced Trade (v3) and of accounts and transactions (v2), and its pages of rate limits.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from ledger.domain.amount import ZERO, AssetCode
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import Answer, Header, ReceivedCall, json_answer
from ledger.sandbox.coinbase_advanced.key import Gate, Refused, invalid, key_ring_of, not_found
from ledger.sandbox.coinbase_advanced.pages import (
    CURSORS_FROM,
    History,
    PageCut,
    all_of,
    limit_of,
    microseconds_in,
    page_answer,
    page_of,
    refused_v2,
)
from ledger.sandbox.coinbase_advanced.rows import (
    HISTORY_OPENED_AT,
    FillRow,
    Identities,
    JsonRow,
    account_content,
    bank_content,
    candle_content,
    fill_content,
    has_twin,
    mirror_content,
    mirror_id,
    order_content,
    order_product_id,
    product_content,
    product_id_of,
    transfer_content,
    wallet_content,
)
from ledger.sandbox.coinbase_advanced.stream import socket_side
from ledger.sandbox.faults import CallTraits, Fault
from ledger.sandbox.history.market import PRODUCT_BY_NAME, SECONDS_PER_MINUTE, minute_of
from ledger.sandbox.history.rows import SandboxFill, SandboxOrder, SandboxTransfer, TransferKind, instant_of, microseconds_of
from ledger.sandbox.key_terms import USUAL, KeyChoices, KeyTerms
from ledger.sandbox.limits import Rate, WeightRate
from ledger.sandbox.paging import PageQuery, RowStream
from ledger.sandbox.streams import Rhythm, SocketSide

VENUE: Final = "coinbase-advanced"
_CHOICES: Final = KeyChoices(kinds=("es256", "ed25519"))
_REMAINING: Final = "x-ratelimit-remaining"
CANDLES_MAX: Final = 350
ROWS_MAX: Final = 250
WALLET_ROWS_MAX: Final = 100
_GRANULARITIES: Final = {"ONE_MINUTE": 1, "FIVE_MINUTE": 5, "FIFTEEN_MINUTE": 15, "ONE_HOUR": 60, "SIX_HOUR": 360, "ONE_DAY": 1440}
_UNUSED_ASSET: Final = AssetCode("DAI")  # every user has wallets that were never used
_SEQUENCE_DELAY: Final = 2_747  # microseconds from a trade to its row
_AMENDED_ROWS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A call that was let in: `parts` are the variable pieces of its path, `now` the venue's time in seconds since 1970."""

    call: ReceivedCall
    parts: tuple[str, ...]
    now: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """An endpoint: the pattern of its path, its bucket, what answers; `rows` and `cursor` are those of a paged one."""

    pattern: re.Pattern[str]
    serve: "Callable[[CoinbaseAdvanced, _Request], Answer]"
    bucket: str
    rows: str = ""
    cursor: str = ""


class CoinbaseAdvanced:
    """The dialect over one account; it accepts a key of either kind, and `credentials` is that of the kind asked for.

    Raises:
        InputError: for terms that the venue does not know.
    """

    venue = VENUE
    rates: Mapping[str, Rate | WeightRate] = {
        "public": Rate(per_second=10, burst=10, header=_REMAINING),
        "private": Rate(per_second=30, burst=30, header=_REMAINING),
        "v2": WeightRate(limit=10_000, seconds=3_600, header=_REMAINING, tells_left=True),
    }

    def __init__(self, account: SandboxAccount, terms: KeyTerms = USUAL) -> None:
        is_ed25519 = _CHOICES.settled(terms, VENUE).kind == "ed25519"
        self.key_ring = key_ring_of(VENUE, account.seed)
        self.credentials = self.key_ring.ed25519 if is_ed25519 else self.key_ring.credentials
        self._gate = Gate(self.key_ring)
        self._account = account
        self._ids = Identities(account.seed)
        self._histories: dict[str, History] = {}
        self._last_after: dict[str, int] = {}
        self._amended = 0  # how many of the newest fills were told wrong at first
        self._asset_by_wallet = {self._ids.wallet(asset): asset for asset in self._assets}
        self._moves = self._moves_by_asset()
        self._ordinals = {
            asset: {self._row_id(move, asset): number for number, move in enumerate(moves, start=1)} for asset, moves in self._moves.items()
        }

    # --- the face towards the server

    def traits_of(self, call: ReceivedCall) -> CallTraits:
        """Return the bucket of a call, and what history it pages through."""
        route, _ = _route_of(call.path)
        if route is None:
            return CallTraits(bucket="public", is_private=False)
        if not route.rows:
            return CallTraits(bucket=route.bucket, is_private=route.bucket != "public")
        scope = "/".join(all_of(call, "product_id", "product_ids", "order_ids"))
        stream = f"{call.path}?{scope}"
        return CallTraits(bucket=route.bucket, is_private=True, stream=stream, rows=route.rows, continues=route.cursor in call.query)

    def answer(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        """Answer a call as the venue does."""
        try:
            answer = self._served(call, now=now, faults=faults)
        except Refused as refused:
            answer = refused.answer
        return replace(answer, headers=(*answer.headers, *self._told(self.traits_of(call).bucket)))

    def _told(self, bucket: str) -> tuple[Header, ...]:
        rate = self.rates[bucket]
        limit = rate.burst if isinstance(rate, Rate) else rate.limit
        return ("x-ratelimit-limit", str(limit)), ("x-ratelimit-reset", "1")

    def _served(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        route, parts = _route_of(call.path)
        if route is None or call.method != "GET":
            raise not_found()
        if route.bucket != "public":
            self._gate.admit(call, now=now, faults=faults)
        return route.serve(self, _Request(call=call, parts=parts, now=now, faults=faults))

    def refusal_of_write(self) -> Answer:
        """Return 403: this account is for looking only."""
        return json_answer({"error": "PERMISSION_DENIED", "code": 7, "message": "missing required scopes"}, status=403)

    def refusal_of_rate(self, traits: CallTraits) -> Answer:
        """Return 429 in the words of v2 or v3, with the limit that was passed."""
        of_v2: JsonRow = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
        of_v3: JsonRow = {"error": "rate_limit_exceeded", "code": 8, "message": "too many requests"}
        answer = json_answer(of_v2 if traits.bucket == "v2" else of_v3, status=429)
        return replace(answer, headers=self._told(traits.bucket))

    def socket_side(self, rhythm: Rhythm) -> SocketSide:
        """Return the venue's sockets."""
        return socket_side(self._account, self._ids, self._gate, rhythm)

    # --- public endpoints

    def time(self, request: _Request) -> Answer:
        """Answer ``GET /time``."""
        milliseconds = int(request.now * 1_000)
        return json_answer({"iso": _iso_text(request.now), "epochSeconds": str(milliseconds // 1_000), "epochMillis": str(milliseconds)})

    def time_of_v2(self, request: _Request) -> Answer:
        """Answer ``GET /v2/time``."""
        return json_answer({"data": {"iso": _iso_text(request.now), "epoch": int(request.now)}})

    def products(self, request: _Request) -> Answer:
        """Answer ``GET /products``, private and public: what is delisted has vanished; there are no futures."""
        found = self._products if request.call.query.get("product_type", "SPOT") == "SPOT" else []
        return json_answer({"products": [*found], "num_products": len(found)})

    def product(self, request: _Request) -> Answer:
        """Answer ``GET /products/{id}``."""
        for product in self._products:
            if product["product_id"] == request.parts[0]:
                return json_answer(product)
        raise not_found("product not found")

    def candles(self, request: _Request) -> Answer:
        """Answer ``GET /products/{id}/candles``: newest first, silent minutes are missing; history of delisted ones stays."""
        product = PRODUCT_BY_NAME.get(_book_of(request.parts[0]))
        if product is None:
            raise not_found("product not found")
        query = request.call.query
        minutes = _GRANULARITIES.get(query.get("granularity", ""), 0)
        if not minutes or not query.get("start", "").isdecimal() or not query.get("end", "").isdecimal():
            raise invalid("start, end and granularity are required")
        seconds = minutes * SECONDS_PER_MINUTE
        start, end = int(query["start"]), min(int(query["end"]), int(request.now))
        first, last = -(-start // seconds), end // seconds
        if last - first >= CANDLES_MAX:
            raise invalid(f"number of candles requested should be less than {CANDLES_MAX}")
        prices = self._account.prices
        found = (
            prices.candle(product, number) if minutes == 1 else prices.candle_of_span(product, number * minutes, minutes)
            for number in range(last, first - 1, -1)
        )
        return json_answer({"candles": [candle_content(candle) for candle in found if candle is not None]})

    def currencies(self, _: _Request) -> Answer:
        """Answer ``GET /v2/currencies``: money only."""
        return json_answer({"data": [{"id": "USD", "name": "United States Dollar", "min_size": "0.01"}]})

    def coins(self, _: _Request) -> Answer:
        """Answer ``GET /v2/currencies/crypto``."""
        coins = [asset for asset in self._assets if asset != "USD"]
        return json_answer({"data": [{"code": coin, "name": coin, "type": "crypto", "exponent": 8, "asset_id": coin} for coin in coins]})

    def rates_of_exchange(self, _: _Request) -> Answer:
        """Answer ``GET /v2/exchange-rates``: nothing."""
        return json_answer({"data": {"currency": "USD", "rates": {}}})

    # --- private endpoints of v3

    def permissions(self, request: _Request) -> Answer:
        """Answer ``GET /key_permissions``."""
        can_withdraw = Fault.KEY_CAN_WITHDRAW in request.faults
        rights: JsonRow = {"can_view": True, "can_trade": can_withdraw, "can_transfer": can_withdraw}
        return json_answer(rights | {"portfolio_uuid": self._ids.portfolio, "portfolio_type": "DEFAULT"})

    def fee_tier(self, _: _Request) -> Answer:
        """Answer ``GET /transaction_summary``: the rates of the last fills."""
        return json_answer({"total_volume": 0, "total_fees": 0, "fee_tier": {"taker_fee_rate": "0.0005", "maker_fee_rate": "0.0000"}})

    def accounts(self, request: _Request) -> Answer:
        """Answer ``GET /accounts``, page by page; the cursor is the last account's id."""
        wallets = [self._ids.wallet(asset) for asset in self._assets]
        cursor = request.call.query.get("cursor", "")
        if cursor and cursor not in wallets:
            raise invalid("invalid cursor")
        start = wallets.index(cursor) + 1 if cursor else 0
        stop = start + limit_of(request.call, usual=49, most=ROWS_MAX)
        rows = [account_content(asset, self._account.balance(asset), self._ids) for asset in self._assets[start:stop]]
        has_next = stop < len(wallets)
        return json_answer({"accounts": [*rows], "has_next": has_next, "cursor": wallets[stop - 1] if has_next else "", "size": len(rows)})

    def fills(self, request: _Request) -> Answer:
        """Answer ``GET /orders/historical/fills``: of all products, or of some; the cursor is a number in digits."""
        call = request.call
        products, orders = all_of(call, "product_id", "product_ids"), all_of(call, "order_id", "order_ids")
        cursor = call.query.get("cursor", "")
        if cursor and not (cursor.isdecimal() and cursor.isascii()):
            raise invalid("invalid cursor")
        asked = PageQuery(
            limit=limit_of(call, usual=100, most=ROWS_MAX),
            after=int(cursor) if cursor else None,
            since=microseconds_in(call, "start_sequence_timestamp"),
            until=microseconds_in(call, "end_sequence_timestamp"),
        )
        page = self._page(request, self._fill_history(products, orders), asked)
        if Fault.UNSETTLED in request.faults and not self._amended:
            self._amended = _AMENDED_ROWS
            self._histories.clear()
            page = self._page(replace(request, faults=()), self._first_telling(), asked)
        return page_answer({"fills": [*page.rows], "cursor": "" if page.after is None else str(page.after)}, request.faults)

    def orders(self, request: _Request) -> Answer:
        """Answer ``GET /orders/historical/batch``, by ids or newest first: all are filled, so none has another status."""
        wanted, statuses = all_of(request.call, "order_ids"), all_of(request.call, "order_status")
        if statuses and "FILLED" not in statuses:
            return json_answer({"orders": [], "has_next": False, "cursor": ""})
        limit = limit_of(request.call, usual=100, most=1_000)
        found = [self._order_by_id[name] for name in wanted if name in self._order_by_id]
        products = all_of(request.call, "product_id", "product_ids")
        newest = [one for one in reversed(self._account.orders) if not products or order_product_id(one) in products]
        orders = found if wanted else newest
        return json_answer({"orders": [order_content(order, self._ids) for order in orders[:limit]], "has_next": False, "cursor": ""})

    # --- private endpoints of v2

    def wallets(self, request: _Request) -> Answer:
        """Answer ``GET /v2/accounts``, page by page."""
        return _page_of_v2(request.call, [self._wallet_content(asset) for asset in self._assets])

    def deposits(self, request: _Request) -> Answer:
        """Answer ``GET /v2/accounts/{id}/deposits``: money that came from a bank, newest first."""
        return self._of_bank(request, TransferKind.DEPOSIT)

    def withdrawals(self, request: _Request) -> Answer:
        """Answer ``GET /v2/accounts/{id}/withdrawals``: money that went to a bank, newest first."""
        return self._of_bank(request, TransferKind.WITHDRAWAL)

    def _of_bank(self, request: _Request, kind: TransferKind) -> Answer:
        asset = self._asset_of(request)
        moved = [one for one in self._account.transfers if (one.asset, one.kind, one.network) == (asset, kind, "wire")]
        return _page_of_v2(request.call, [bank_content(one, self._ids) for one in reversed(moved)])

    def _asset_of(self, request: _Request) -> AssetCode:
        asset = self._asset_by_wallet.get(request.parts[0])
        if asset is None:
            raise refused_v2(404, "not_found", "Not found")
        return asset

    def transactions(self, request: _Request) -> Answer:
        """Answer ``GET /v2/accounts/{id}/transactions``; what comes next is after a row's id."""
        asset = self._asset_of(request)
        history = self._wallet_history(asset)
        asked_after = request.call.query.get("starting_after")
        limit = limit_of(request.call, usual=25, most=WALLET_ROWS_MAX)
        ordinals = self._ordinals[asset]
        if asked_after is not None and asked_after not in ordinals:
            raise refused_v2(400, "invalid_request", "starting_after is unknown")
        asked = PageQuery(limit=limit, after=None if asked_after is None else ordinals[asked_after])
        page = self._page(request, history, asked)
        last = None if page.after is None else self._row_id(self._moves[asset][bisect_left(history.stream.ids, page.after)], asset)
        content: JsonRow = {"pagination": _pagination(request.call.path, limit, last), "data": [*page.rows]}
        return page_answer(content, request.faults)

    # --- histories

    def _page(self, request: _Request, history: History, asked: PageQuery) -> PageCut:
        place = self.traits_of(request.call).stream
        page = page_of(history, asked, request.faults, last_after=self._last_after.get(place))
        if page.after is not None:
            self._last_after[place] = page.after
        return page

    @cached_property
    def _assets(self) -> tuple[AssetCode, ...]:
        return tuple(sorted({*self._account.assets, _UNUSED_ASSET}))

    @cached_property
    def _products(self) -> list[JsonRow]:
        minute = minute_of(self._account.fills[-1].occurred_at)
        return [
            product_content(product, money=money, price=self._account.prices.price(product, minute))
            for product in self._account.products
            if product.delisted_at is None
            for money in ((product.quote, "USDC") if has_twin(product) else (product.quote,))
        ]

    @cached_property
    def _order_by_id(self) -> Mapping[str, SandboxOrder]:
        return {order.order_id: order for order in self._account.orders}

    def _fill_history(self, products: Sequence[str], orders: Sequence[str]) -> History:
        name = f"fills/{'/'.join(products)}/{'/'.join(orders)}"
        if name not in self._histories:
            numbered = [
                (number, row)
                for number, row in enumerate(self._fill_rows(amended=self._amended), start=CURSORS_FROM)
                if (not products or product_id_of(row.fill) in products) and (not orders or row.fill.order_id in orders)
            ]
            self._histories[name] = self._history_of(numbered)
        return self._histories[name]

    def _first_telling(self) -> History:
        """Return the fills as they stood before the venue amended its newest: their commission was not right yet."""
        rows = self._fill_rows(amended=self._amended)[: len(self._account.fills)]
        return self._history_of(list(enumerate(rows, start=CURSORS_FROM)))

    def _history_of(self, numbered: Sequence[tuple[int, FillRow]]) -> History:
        stream = RowStream(ids=[number for number, _ in numbered], times=[row.sequence_at for _, row in numbered], texts=())
        return History(stream=stream, content=lambda index: fill_content(numbered[index][1], self._ids))

    def _fill_rows(self, *, amended: int) -> list[FillRow]:
        """Return all fills in order; the newest `amended` ones wrong, taken back, and told again."""
        rows: list[FillRow] = []
        at, first_wrong = 0, len(self._account.fills) - amended
        for number, fill in enumerate(self._account.fills):
            at = max(at + 1, microseconds_of(fill.occurred_at) + _SEQUENCE_DELAY)
            rows.append(FillRow(fill=fill, sequence_at=at, commission=fill.fee if number < first_wrong else ZERO))
        for kind in ("REVERSAL", "CORRECTION") if amended else ():
            for row in rows[first_wrong : len(self._account.fills)]:
                at += _SEQUENCE_DELAY
                rows.append(replace(row, trade_type=kind, sequence_at=at, commission=row.fill.fee))
        return rows

    def _wallet_history(self, asset: AssetCode) -> History:
        name = f"wallet/{asset}"
        if name not in self._histories:
            moves = self._moves[asset]
            times = [_moved_at(move) for move in moves]
            stream = RowStream(ids=range(1, len(moves) + 1), times=times, texts=())
            self._histories[name] = History(stream=stream, content=lambda index: self._wallet_row(moves[index], asset))
        return self._histories[name]

    def _row_id(self, move: SandboxFill | SandboxTransfer, asset: AssetCode) -> str:
        return mirror_id(move, asset, self._ids) if isinstance(move, SandboxFill) else move.transfer_id

    def _wallet_row(self, move: SandboxFill | SandboxTransfer, asset: AssetCode) -> JsonRow:
        if isinstance(move, SandboxFill):
            return mirror_content(move, asset, self._ids)
        return transfer_content(move, self._ids)

    def _moves_by_asset(self) -> Mapping[AssetCode, list[SandboxFill | SandboxTransfer]]:
        """Return what happened to each wallet, in order of time."""
        moves: dict[AssetCode, list[SandboxFill | SandboxTransfer]] = {asset: [] for asset in self._assets}
        every: Iterable[SandboxFill | SandboxTransfer] = (*self._account.fills, *self._account.transfers)
        for move in sorted(every, key=_moved_at):
            assets = {move.base, move.money} if isinstance(move, SandboxFill) else {move.asset}
            for asset in assets:
                moves[asset].append(move)
        return moves

    def _wallet_content(self, asset: AssetCode) -> JsonRow:
        moves = self._moves[asset]
        changed_at = instant_of(_moved_at(moves[-1])) if moves else HISTORY_OPENED_AT
        return wallet_content(asset, self._account.balance(asset), changed_at, self._ids)


def _iso_text(now: float) -> str:
    return f"{instant_of(int(now) * 1_000_000):%Y-%m-%dT%H:%M:%SZ}"


def _moved_at(move: SandboxFill | SandboxTransfer) -> int:
    at = move.occurred_at if isinstance(move, SandboxFill) else move.moved_at or move.created_at
    return microseconds_of(at)


def _book_of(product_id: str) -> str:
    """Return the market behind a name: twins in USDC share the book of dollars."""
    return product_id.removesuffix("C") if product_id.endswith("-USDC") else product_id


def _page_of_v2(call: ReceivedCall, rows: Sequence[JsonRow]) -> Answer:
    ids = [str(row["id"]) for row in rows]
    after = call.query.get("starting_after")
    if after is not None and after not in ids:
        raise refused_v2(400, "invalid_request", "starting_after is unknown")
    start = 0 if after is None else ids.index(after) + 1
    limit = limit_of(call, usual=25, most=WALLET_ROWS_MAX)
    stop = min(start + limit, len(rows))
    last = ids[stop - 1] if stop < len(rows) else None
    return json_answer({"pagination": _pagination(call.path, limit, last), "data": [*rows[start:stop]]})


def _pagination(path: str, limit: int, last_id: str | None) -> JsonRow:
    return {
        "ending_before": None,
        "starting_after": None,
        "previous_ending_before": None,
        "next_starting_after": last_id,
        "limit": limit,
        "order": "desc",
        "previous_uri": None,
        "next_uri": None if last_id is None else f"{path}?limit={limit}&order=desc&starting_after={last_id}",
    }


def _route(
    template: str, serve: Callable[[CoinbaseAdvanced, _Request], Answer], *, bucket: str = "private", rows: str = "", cursor: str = ""
) -> _Route:
    return _Route(pattern=re.compile(template.replace("*", "([^/]+)")), serve=serve, bucket=bucket, rows=rows, cursor=cursor)


_V3: Final = "/api/v3/brokerage"
_ROUTES: Final = (
    _route(f"{_V3}/time", CoinbaseAdvanced.time, bucket="public"),
    _route(f"{_V3}/market/products", CoinbaseAdvanced.products, bucket="public"),
    _route(f"{_V3}/market/products/*", CoinbaseAdvanced.product, bucket="public"),
    _route(f"{_V3}/market/products/*/candles", CoinbaseAdvanced.candles, bucket="public"),
    _route("/v2/time", CoinbaseAdvanced.time_of_v2, bucket="public"),
    _route("/v2/currencies", CoinbaseAdvanced.currencies, bucket="public"),
    _route("/v2/currencies/crypto", CoinbaseAdvanced.coins, bucket="public"),
    _route("/v2/exchange-rates", CoinbaseAdvanced.rates_of_exchange, bucket="public"),
    _route(f"{_V3}/key_permissions", CoinbaseAdvanced.permissions),
    _route(f"{_V3}/transaction_summary", CoinbaseAdvanced.fee_tier),
    _route(f"{_V3}/accounts", CoinbaseAdvanced.accounts),
    _route(f"{_V3}/products", CoinbaseAdvanced.products),
    _route(f"{_V3}/products/*", CoinbaseAdvanced.product),
    _route(f"{_V3}/products/*/candles", CoinbaseAdvanced.candles),
    _route(f"{_V3}/orders/historical/fills", CoinbaseAdvanced.fills, rows="fills", cursor="cursor"),
    _route(f"{_V3}/orders/historical/batch", CoinbaseAdvanced.orders),
    _route("/v2/accounts", CoinbaseAdvanced.wallets, bucket="v2"),
    _route("/v2/accounts/*/deposits", CoinbaseAdvanced.deposits, bucket="v2"),
    _route("/v2/accounts/*/withdrawals", CoinbaseAdvanced.withdrawals, bucket="v2"),
    _route("/v2/accounts/*/transactions", CoinbaseAdvanced.transactions, bucket="v2", rows="ledger", cursor="starting_after"),
)


def _route_of(path: str) -> tuple[_Route | None, tuple[str, ...]]:
    for route in _ROUTES:
        found = route.pattern.fullmatch(path)
        if found is not None:
            return route, found.groups()
    return None, ()
