"""Binance's dialect: which endpoints there are, who may call them, what they weigh, and what each answers.

Source: the venue's REST reference, endpoint by endpoint, and its limits: 6,000 of weight a minute by address below ``/api``; below
``/sapi`` 12,000 by address or 180,000 by account a minute, each endpoint by itself. Futures and margin have no markets here.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ledger.domain.amount import ZERO, AssetCode, added
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.binance.catalog import coin_content, fee_content, market_content, order_content, symbol_of, wallet_content
from ledger.sandbox.binance.key import KEY_KINDS, Gate, Refused, with_parameters_of_body
from ledger.sandbox.binance.pages import DAY, Happened, WindowRule, number_in, order_page, trade_page, window_page
from ledger.sandbox.binance.rows import (
    Identities,
    candle_content,
    deposit_content,
    fiat_content,
    is_deposit,
    milliseconds,
    symbol_content,
    text,
    trade_text,
    withdrawal_content,
)
from ledger.sandbox.binance.stream import socket_side
from ledger.sandbox.binance.sundries import MARKETS, Sundries
from ledger.sandbox.calls import Answer, JsonValue, ReceivedCall, json_answer
from ledger.sandbox.faults import CallTraits, Fault
from ledger.sandbox.history.market import PRODUCT_BY_NAME, SECONDS_PER_MINUTE, Candle, Product
from ledger.sandbox.history.rows import SandboxFill, SandboxTransfer, microseconds_of
from ledger.sandbox.key_terms import USUAL, KeyChoices, KeyTerms
from ledger.sandbox.limits import Rate, WeightRate
from ledger.sandbox.paging import RowStream
from ledger.sandbox.streams import Rhythm, SocketSide

VENUE: Final = "binance"
MINUTE_SECONDS: Final = 60.0
_OF_ONE_ATTEMPT: Final = re.compile(r"[?&](?:timestamp|signature)=[^&]*")  # what differs when the same call is made again
_CHOICES: Final = KeyChoices(kinds=tuple(KEY_KINDS))
_USED: Final = "X-MBX-USED-WEIGHT"
_API_WEIGHT: Final = 6000
_FUTURES_WEIGHT: Final = 2400
_ADDRESS_WEIGHT: Final = 12_000
_ACCOUNT_WEIGHT: Final = 180_000
_CANDLES_MAX: Final = 1000
_CANDLES_DEFAULT: Final = 500
_UNUSED_ASSET: Final = AssetCode("DAI")  # every account lists assets that it never held
_INTERVALS: Final = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "1d": 1440}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A call that was let in: `now` is the venue's time in seconds since 1970."""

    call: ReceivedCall
    now: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """An endpoint: who may ask, what it weighs and by whom that is counted, what answers; `rows` names the rows of a paged one.

    A private one without `is_signed` asks for a key and for no signature. One by POST reads all the same.
    """

    serve: "Callable[[Binance, _Request], Answer]"
    weight: int
    is_private: bool = True
    is_signed: bool = True
    method: str = "GET"
    by_account: bool = False
    rows: str = ""
    scope: str = ""


class Binance:
    """The dialect over one account; it accepts a key of every kind, and `credentials` is that of the kind asked for.

    Raises:
        InputError: for terms that the venue does not know.
    """

    venue = VENUE

    def __init__(self, account: SandboxAccount, terms: KeyTerms = USUAL) -> None:
        self._gate = Gate(VENUE, account.seed)
        self.credentials = KEY_KINDS[_CHOICES.settled(terms, VENUE).kind](VENUE, account.seed)
        self.rates: Mapping[str, Rate | WeightRate] = _rates()
        self._account = account
        self._ids = Identities(account.seed, tuple(order.order_id for order in account.orders))
        self._sundries = Sundries(account.seed)
        self._streams: dict[tuple[str, bool], RowStream] = {}
        self._asked_from: dict[str, int] = {}

    # --- the face towards the server

    def traits_of(self, call: ReceivedCall) -> CallTraits:
        """Return bucket and weight of a call, and what history it pages through."""
        call = with_parameters_of_body(call)
        endpoint = _ENDPOINTS.get(call.path)
        if endpoint is None:
            return CallTraits(bucket="/api", is_private=False, is_weighed=True)
        bucket = call.path if call.path.startswith("/sapi/") else f"/{call.path.split('/')[1]}"
        is_probe = call.query.get("limit") == "1"
        stream = f"{call.path}?{call.query.get(endpoint.scope, '')}" if endpoint.rows and not is_probe else ""
        places = (call.query.get(name, "") for name in ("fromId", "offset", "page", "current"))
        continues = any(place not in {"", "0", "1"} for place in places)
        return CallTraits(
            bucket=bucket,
            is_private=endpoint.is_private,
            stream=stream,
            rows=endpoint.rows if stream else "",
            continues=continues,
            asked=_OF_ONE_ATTEMPT.sub("", call.target),
            cost=endpoint.weight,
            is_weighed=True,
            is_read=call.method == endpoint.method == "POST",
        )

    def answer(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        """Answer a call as the venue does."""
        endpoint = _ENDPOINTS.get(call.path)
        if endpoint is None or call.method != endpoint.method:
            return json_answer({"code": -1000, "msg": "Path not found."}, status=404)
        try:
            if endpoint.is_private and endpoint.is_signed:
                self._gate.admit(call, now=now, faults=faults)
            elif endpoint.is_private:
                self._gate.admit_key(call, faults=faults)
            return endpoint.serve(self, _Request(call=with_parameters_of_body(call), now=now, faults=faults))
        except Refused as refused:
            return refused.answer

    def refusal_of_write(self) -> Answer:
        """Return 401: this key is for looking only."""
        return json_answer({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, status=401)

    def refusal_of_rate(self, _: CallTraits) -> Answer:
        """Return 429 in the venue's words."""
        return json_answer(
            {"code": -1003, "msg": "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."}, status=429
        )

    def refusal_of_ban(self, *, seconds: int, now: float) -> Answer:
        """Return 418, with the end of the ban in its text."""
        until = int((now + seconds) * 1000)
        words = f"Way too much request weight used; IP banned until {until}. Please use WebSocket Streams to avoid bans."
        answer = json_answer({"code": -1003, "msg": words}, status=418)
        return Answer(status=418, body=answer.body, headers=(("Retry-After", str(seconds)),))

    def socket_side(self, rhythm: Rhythm) -> SocketSide:
        """Return the venue's sockets."""
        return socket_side(self._account, self._ids, self._gate, rhythm)

    # --- public endpoints

    def ping(self, _: _Request) -> Answer:
        """Answer ``GET /api/v3/ping``."""
        return json_answer({})

    def time(self, request: _Request) -> Answer:
        """Answer ``GET /api/v3/time``."""
        return json_answer({"serverTime": int(request.now * 1000)})

    def exchange_info(self, request: _Request) -> Answer:
        """Answer ``GET /api/v3/exchangeInfo``: what is delisted has vanished."""
        limit: dict[str, JsonValue] = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": _API_WEIGHT}
        symbols: list[JsonValue] = [symbol_content(*pair) for _, pair in self._listed_symbols(request)]
        return json_answer(
            {"timezone": "UTC", "serverTime": int(request.now * 1000), "rateLimits": [limit], "exchangeFilters": [], "symbols": symbols}
        )

    def exchange_info_elsewhere(self, request: _Request) -> Answer:
        """Answer ``exchangeInfo`` of ``/fapi/v1`` and ``/dapi/v1``: the account has no futures, and none are listed."""
        return json_answer(market_content(request.now))

    def system_status(self, _: _Request) -> Answer:
        """Answer ``GET /sapi/v1/system/status``: all is well."""
        return json_answer({"status": 0, "msg": "normal"})

    def margin_pairs(self, _: _Request) -> Answer:
        """Answer ``GET /sapi/v1/margin/allPairs`` and ``/margin/isolated/allPairs``: nothing is traded on margin."""
        return json_answer([])

    def klines(self, request: _Request) -> Answer:
        """Answer ``GET /api/v3/klines``: oldest first, silent minutes have no volume; history of delisted symbols stays."""
        query = request.call.query
        pair = self._symbols(request).get(query.get("symbol", ""))
        product = _product_of(pair)
        if product is None:
            raise Refused(-1121, "Invalid symbol.")
        minutes = _INTERVALS.get(query.get("interval", ""))
        if minutes is None:
            raise Refused(-1120, "Invalid interval.")
        limit = min(_CANDLES_MAX, number_in(query, "limit", default=_CANDLES_DEFAULT))
        last = min(number_in(query, "endTime", default=int(request.now * 1000)), int(request.now * 1000)) // (60_000 * minutes)
        first = -(-number_in(query, "startTime") // (60_000 * minutes)) if "startTime" in query else last - limit + 1
        candles = (self._candle(product, number * minutes, minutes) for number in range(first, min(last, first + limit - 1) + 1))
        return json_answer([candle_content(candle) for candle in candles if candle is not None])

    def _candle(self, product: Product, minute: int, minutes: int) -> Candle | None:
        prices = self._account.prices
        found = prices.candle(product, minute) if minutes == 1 else prices.candle_of_span(product, minute, minutes)
        if found is not None:
            return found
        before = next((candle for back in range(1, 6) if (candle := prices.candle(product, minute - back)) is not None), None)
        if before is None:
            return None
        price = before.close
        return Candle(start=minute * SECONDS_PER_MINUTE, low=price, high=price, open=price, close=price, volume=ZERO)

    # --- account and key

    def account(self, request: _Request) -> Answer:
        """Answer ``GET /api/v3/account``: one row per asset, also for what was never held."""
        extra = self._sundries.balances if Fault.SUNDRY_ROWS in request.faults else {}
        balances: list[JsonValue] = [
            {"asset": asset, "free": f"{added(self._account.balance(asset), extra.get(asset, ZERO)):.18f}", "locked": "0.00000000"}
            for asset in sorted({*self._account.assets, _UNUSED_ASSET, *extra})
        ]
        return json_answer(
            {
                "makerCommission": 10,
                "takerCommission": 10,
                "canTrade": True,
                "canWithdraw": True,
                "canDeposit": True,
                "updateTime": int(request.now * 1000),
                "accountType": "SPOT",
                "balances": balances,
                "permissions": ["SPOT"],
                "uid": self._ids.uid,
            }
        )

    def restrictions(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/account/apiRestrictions``: a key for reading, unless a fault gives it more."""
        content: dict[str, JsonValue] = {
            "ipRestrict": True,
            "createTime": 1_704_000_000_000,
            "enableReading": True,
            "enableWithdrawals": Fault.KEY_CAN_WITHDRAW in request.faults,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": Fault.KEY_EXPIRES_SOON in request.faults,
            "enablePortfolioMarginTrading": False,
        }
        if Fault.KEY_EXPIRES_SOON in request.faults:
            content["tradingAuthorityExpirationTime"] = int(request.now * 1000) + 3 * DAY
        return json_answer(content)

    def coins(self, _: _Request) -> Answer:
        """Answer ``GET /sapi/v1/capital/config/getall``: every coin that the account knows, and what it holds of it."""
        return json_answer([coin_content(self._account, asset) for asset in sorted({*self._account.assets, _UNUSED_ASSET})])

    def trade_fees(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/asset/tradeFee``, of one symbol or of all that are listed."""
        wanted = request.call.query.get("symbol", "")
        return json_answer([fee_content(name) for name, _ in self._listed_symbols(request) if wanted in {"", name}])

    def funding_wallet(self, request: _Request) -> Answer:
        """Answer ``POST /sapi/v1/asset/get-funding-asset``, of one asset or of all: what was moved there, where anything was."""
        return self._wallet(request, self._sundries.funding if Fault.SUNDRY_ROWS in request.faults else {})

    def user_assets(self, request: _Request) -> Answer:
        """Answer ``POST /sapi/v3/asset/getUserAsset``, of one asset or of all: what the account holds, without what it does not."""
        extra = self._sundries.balances if Fault.SUNDRY_ROWS in request.faults else {}
        assets = {*self._account.assets, *extra}
        return self._wallet(request, {asset: added(self._account.balance(asset), extra.get(asset, ZERO)) for asset in assets})

    def _wallet(self, request: _Request, held: Mapping[AssetCode, Decimal]) -> Answer:
        wanted = request.call.query.get("asset", "")
        return json_answer([wallet_content(asset, held[asset]) for asset in sorted(held) if held[asset] and wanted in {"", asset}])

    # --- trades and orders

    def trades(self, request: _Request) -> Answer:
        """Answer ``GET /api/v3/myTrades``, also for a delisted symbol, unless a fault has put it out of reach."""
        symbol = self._symbol_in(request)
        in_microseconds = request.call.headers.get("x-mbx-time-unit", "").upper() == "MICROSECOND"
        stream = self._trade_stream(symbol, request, in_microseconds=in_microseconds)
        place = self.traits_of(request.call).stream
        texts = trade_page(request.call, stream, request.faults, last_from=self._asked_from.get(place, 0), now=request.now)
        self._asked_from[place] = number_in(request.call.query, "fromId")
        return _text_answer(f"[{','.join(texts)}]")

    def orders(self, request: _Request) -> Answer:
        """Answer ``GET /api/v3/allOrders``, also for a delisted symbol: upwards, the newest of them when nothing says from where."""
        symbol = self._symbol_in(request)
        orders = sorted((self._ids.order[one.order_id], one) for one in self._account.orders if symbol_of(one) == symbol)
        stream = RowStream(
            ids=[number for number, _ in orders],
            times=[microseconds_of(order.created_at) for _, order in orders],
            texts=[text(order_content(order, self._ids)) for _, order in orders],
        )
        return _text_answer(f"[{','.join(order_page(request.call, stream))}]")

    def _symbol_in(self, request: _Request) -> str:
        symbol = request.call.query.get("symbol", "")
        if not symbol:
            raise Refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        if symbol not in self._symbols(request):
            raise Refused(-1121, "Invalid symbol.")
        return symbol

    def _trade_stream(self, symbol: str, request: _Request, *, in_microseconds: bool) -> RowStream:
        if (symbol, in_microseconds) not in self._streams:
            fills = sorted((fill for fill in self._account.fills if f"{fill.base}{fill.money}" == symbol), key=_trade_order)
            self._streams[symbol, in_microseconds] = RowStream(
                ids=[fill.trade_id for fill in fills],
                times=[microseconds_of(fill.occurred_at) for fill in fills],
                texts=[trade_text(fill, self._ids, in_microseconds=in_microseconds) for fill in fills],
            )
        has_sundries = Fault.SUNDRY_ROWS in request.faults
        return self._sundries.trades(symbol) if has_sundries and symbol in MARKETS else self._streams[symbol, in_microseconds]

    def _symbols(self, request: _Request) -> dict[str, tuple[AssetCode, AssetCode]]:
        """Return the symbols that exist, by name."""
        pairs = {(one.base, one.quote) for one in self._account.products} | {(fill.base, fill.money) for fill in self._account.fills}
        found = {f"{base}{quote}": (base, quote) for base, quote in pairs}
        if Fault.DELISTED in request.faults:
            found = {name: pair for name, pair in found.items() if not any(_is_delisted(one, pair) for one in self._account.products)}
        return found | (MARKETS if Fault.SUNDRY_ROWS in request.faults else {})

    def _listed_symbols(self, request: _Request) -> list[tuple[str, tuple[AssetCode, AssetCode]]]:
        gone = {f"{one.base}{one.quote}" for one in self._account.products if one.delisted_at is not None}
        return sorted((name, pair) for name, pair in self._symbols(request).items() if name not in gone)

    # --- histories by time

    def deposits(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/capital/deposit/hisrec``."""
        rule = WindowRule(days=90, page="offset")
        return self._listed(request, "deposits", self._transfers(deposit_content, is_in=True, is_wire=False), rule)

    def withdrawals(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/capital/withdraw/history``."""
        rule = WindowRule(days=90, page="offset")
        return self._listed(request, "withdrawals", self._transfers(withdrawal_content, is_in=False, is_wire=False), rule)

    def fiat_orders(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/fiat/orders``: type 0 came in, 1 went out."""
        kind = _kind_in(request.call)
        rule = WindowRule(since="beginTime", page="page", size="rows", rows_default=100, rows_max=500)
        return self._boxed(request, f"fiat {kind}", self._transfers(fiat_content, is_in=kind == "0", is_wire=True), rule, key="data")

    def fiat_payments(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/fiat/payments``: the list is missing where it would be empty."""
        rule = WindowRule(since="beginTime", page="page", size="rows", rows_default=100, rows_max=500)
        return self._boxed(request, f"payments {_kind_in(request.call)}", [], rule, key="data", lacks_empty=True)

    def conversions(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/convert/tradeFlow``."""
        rule = WindowRule(days=30, rows_default=100, needs_window=True)
        return self._boxed(request, "conversions", [], rule, key="list", tells_more=True)

    def dust(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/asset/dribblet``: the newest hundred."""
        return self._boxed(request, "dust", [], WindowRule(rows_default=100, rows_max=100, size=""), key="userAssetDribblets")

    def dividends(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/asset/assetDividend``."""
        return self._boxed(request, "dividends", [], WindowRule(days=180, rows_default=20, rows_max=500), key="rows")

    def rewards(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/simple-earn/flexible/history/rewardsRecord``."""
        rule = WindowRule(days=30, window_code=-6021, page="current", size="size", rows_default=10, rows_max=100)
        return self._boxed(request, "rewards", [], rule, key="rows")

    def moves(self, request: _Request) -> Answer:
        """Answer ``GET /sapi/v1/asset/transfer``: moves of one kind between two wallets."""
        kind = request.call.query.get("type", "")
        if not kind:
            raise Refused(-1102, "Mandatory parameter 'type' was not sent, was empty/null, or malformed.")
        rule = WindowRule(days=30, page="current", size="size", rows_default=10, rows_max=100)
        return self._boxed(request, f"moves {kind}", [], rule, key="rows", lacks_empty=True)

    def sub_moves(self, _: _Request) -> Answer:
        """Answer ``GET /sapi/v1/sub-account/transfer/subUserHistory``: a list that only the key of a sub-account gets, and this is none.

        Raises:
            Refused: always. The reference tells no code for it; this is the one of calls that a key is not authorised for.
        """
        raise Refused(-1002, "You are not authorized to execute this request.")

    def _transfers(self, write: Callable[[SandboxTransfer], dict[str, JsonValue]], *, is_in: bool, is_wire: bool) -> list[Happened]:
        wanted = [one for one in self._account.transfers if is_deposit(one) is is_in and (one.network == "wire") is is_wire]
        happened = [
            Happened(at=milliseconds((one.moved_at if is_wire else None) or one.created_at), text=text(write(one))) for one in wanted
        ]
        return sorted(happened, key=lambda one: one.at)

    def _history(self, request: _Request, name: str, own: list[Happened]) -> list[Happened]:
        extra = self._sundries.history(name) if Fault.SUNDRY_ROWS in request.faults else []
        return sorted((*own, *extra), key=lambda one: one.at)

    def _listed(self, request: _Request, name: str, own: list[Happened], rule: WindowRule) -> Answer:
        sheet = window_page(request.call, self._history(request, name, own), rule, request.faults, now=request.now)
        return _text_answer(f"[{','.join(sheet.texts)}]")

    def _boxed(
        self,
        request: _Request,
        name: str,
        own: list[Happened],
        rule: WindowRule,
        *,
        key: str,
        lacks_empty: bool = False,
        tells_more: bool = False,
    ) -> Answer:
        sheet = window_page(request.call, self._history(request, name, own), rule, request.faults, now=request.now)
        rows = f'"{key}":[{",".join(sheet.texts)}],' if sheet.texts or not lacks_empty else ""
        more = f'"moreData":{json.dumps(sheet.total > len(sheet.texts))}' if tells_more else f'"total":{sheet.total}'
        return _text_answer(f'{{"code":"000000","message":"success",{rows}{more}}}')


def _trade_order(fill: SandboxFill) -> tuple[int, int]:
    return fill.trade_id, microseconds_of(fill.occurred_at)


def _is_delisted(product: Product, pair: tuple[AssetCode, AssetCode]) -> bool:
    return product.delisted_at is not None and (product.base, product.quote) == pair


def _product_of(pair: tuple[AssetCode, AssetCode] | None) -> Product | None:
    return None if pair is None else PRODUCT_BY_NAME.get(f"{pair[0]}-{pair[1]}")


def _kind_in(call: ReceivedCall) -> str:
    kind = call.query.get("transactionType", "")
    if kind not in {"0", "1"}:
        raise Refused(-1102, "Mandatory parameter 'transactionType' was not sent, was empty/null, or malformed.")
    return kind


def _text_answer(content: str) -> Answer:
    return Answer(status=200, body=content.encode())


_FIAT: Final = _Endpoint(serve=Binance.fiat_orders, weight=90_000, by_account=True, rows="transfers", scope="transactionType")
_CONVERT: Final = _Endpoint(serve=Binance.conversions, weight=3000, by_account=True, rows="conversions")
_FUTURES: Final = _Endpoint(serve=Binance.exchange_info_elsewhere, weight=1, is_private=False)
_MARGIN: Final = _Endpoint(serve=Binance.margin_pairs, weight=1, is_signed=False)
_ENDPOINTS: Final[Mapping[str, _Endpoint]] = {
    "/api/v3/ping": _Endpoint(serve=Binance.ping, weight=1, is_private=False),
    "/api/v3/time": _Endpoint(serve=Binance.time, weight=1, is_private=False),
    "/api/v3/exchangeInfo": _Endpoint(serve=Binance.exchange_info, weight=20, is_private=False),
    "/api/v3/klines": _Endpoint(serve=Binance.klines, weight=2, is_private=False),
    "/fapi/v1/exchangeInfo": _FUTURES,
    "/dapi/v1/exchangeInfo": _FUTURES,
    "/api/v3/account": _Endpoint(serve=Binance.account, weight=20),
    "/api/v3/myTrades": _Endpoint(serve=Binance.trades, weight=20, rows="fills", scope="symbol"),
    "/api/v3/allOrders": _Endpoint(serve=Binance.orders, weight=20),
    "/sapi/v1/system/status": _Endpoint(serve=Binance.system_status, weight=1, is_private=False),
    "/sapi/v1/margin/allPairs": _MARGIN,
    "/sapi/v1/margin/isolated/allPairs": _MARGIN,
    "/sapi/v1/capital/config/getall": _Endpoint(serve=Binance.coins, weight=10),
    "/sapi/v1/asset/get-funding-asset": _Endpoint(serve=Binance.funding_wallet, weight=1, method="POST"),
    "/sapi/v3/asset/getUserAsset": _Endpoint(serve=Binance.user_assets, weight=5, method="POST"),
    "/sapi/v1/asset/tradeFee": _Endpoint(serve=Binance.trade_fees, weight=1),
    "/sapi/v1/account/apiRestrictions": _Endpoint(serve=Binance.restrictions, weight=1),
    "/sapi/v1/capital/deposit/hisrec": _Endpoint(serve=Binance.deposits, weight=1, rows="transfers"),
    "/sapi/v1/capital/withdraw/history": _Endpoint(serve=Binance.withdrawals, weight=18_000, by_account=True, rows="transfers"),
    "/sapi/v1/fiat/orders": _FIAT,
    "/sapi/v1/fiat/payments": _Endpoint(serve=Binance.fiat_payments, weight=1, rows="payments", scope="transactionType"),
    "/sapi/v1/convert/tradeFlow": _CONVERT,
    "/sapi/v1/asset/dribblet": _Endpoint(serve=Binance.dust, weight=1),
    "/sapi/v1/asset/assetDividend": _Endpoint(serve=Binance.dividends, weight=10, rows="dividends"),
    "/sapi/v1/simple-earn/flexible/history/rewardsRecord": _Endpoint(serve=Binance.rewards, weight=150, rows="rewards"),
    "/sapi/v1/asset/transfer": _Endpoint(serve=Binance.moves, weight=1, rows="moves", scope="type"),
    "/sapi/v1/sub-account/transfer/subUserHistory": _Endpoint(serve=Binance.sub_moves, weight=1),
}


def _rates() -> dict[str, Rate | WeightRate]:
    limits = {"/api": _API_WEIGHT, "/fapi": _FUTURES_WEIGHT, "/dapi": _FUTURES_WEIGHT}
    rates: dict[str, Rate | WeightRate] = {
        place: WeightRate(limit=limit, seconds=MINUTE_SECONDS, header=f"{_USED}-1M", header_besides=_USED)
        for place, limit in limits.items()
    }
    for path, endpoint in _ENDPOINTS.items():
        if path.startswith("/sapi/"):
            word, limit = ("UID", _ACCOUNT_WEIGHT) if endpoint.by_account else ("IP", _ADDRESS_WEIGHT)
            rates[path] = WeightRate(limit=limit, seconds=MINUTE_SECONDS, header=f"X-SAPI-USED-{word}-WEIGHT-1M")
    return rates
