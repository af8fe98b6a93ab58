"""Kraken's dialect: which endpoints there are, who may call them, and what each answers.

Source: the venue's REST reference, endpoint by endpoint, and its page of rate limits. Private calls are POSTs; those that read are
named here, also those that this key may not make; any other one would change something.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from email.utils import formatdate
from functools import cached_property
from typing import Final
from urllib.parse import urlencode

from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import Answer, JsonValue, ReceivedCall, json_answer
from ledger.sandbox.faults import CallTraits, Fault
from ledger.sandbox.history.rows import TransferKind
from ledger.sandbox.key_terms import USUAL, KeyChoices, KeyTerms
from ledger.sandbox.kraken.key import TOKEN_SECONDS, Gate, Refused, Tokens, credentials_of, form_of
from ledger.sandbox.kraken.market import asset_contents, candle_rows, fee_contents, pair_contents, trade_rows, worth_content
from ledger.sandbox.kraken.names import Identities, Pair, asset_name, pairs_of
from ledger.sandbox.kraken.pages import KEY_WINDOW_FROM, PAGE_MAX, History, page_answer
from ledger.sandbox.kraken.rows import Entry, ledger_entries, order_content, trade_entries, transfer_content
from ledger.sandbox.kraken.stream import socket_side
from ledger.sandbox.limits import Rate
from ledger.sandbox.streams import Rhythm, SocketSide

VENUE: Final = "kraken"
_PUBLIC, _PRIVATE = "/0/public/", "/0/private/"
# Maximum and decay of the counter that every key has, by the user's tier.
_TIERS: Final = {
    "pro": Rate(per_second=1, burst=20),
    "intermediate": Rate(per_second=0.5, burst=20),
    "starter": Rate(per_second=0.33, burst=15),
}
_CHOICES: Final = KeyChoices(tiers=tuple(_TIERS), has_nonce_window=True)
_IDS_MAX: Final = {"QueryLedgers": 20, "QueryTrades": 20, "QueryOrders": 50}
_THROTTLED_SECONDS: Final = 2
_READING: Final = ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")
# Calls that read and that this key has no right to. Not among them: DepositAddresses, which can make a new one.
_WITHHELD: Final = (
    *("AddExport", "ExportStatus", "RetrieveExport", "OrderAmends", "CreditLines", "ListWalletAccounts"),
    *("DepositMethods", "WithdrawMethods", "WithdrawAddresses", "WithdrawInfo"),
    *("Earn/Strategies", "Earn/Allocations", "Earn/AllocateStatus", "Earn/DeallocateStatus"),
)
_LIMIT_DEFAULT: Final = 25
_THREE_DAYS: Final = 259_200  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A call that was let in: `form` is what it asks for, `now` the venue's time in seconds since 1970."""

    form: Mapping[str, str]
    now: float
    faults: tuple[Fault, ...]

    def ids(self, name: str, most: int) -> list[str]:
        """Return the ids that are asked for."""
        found = [one.strip() for one in self.form.get(name, "").split(",") if one.strip()]
        if not found or len(found) > most:
            raise Refused("EGeneral:Invalid arguments")
        return found


class Kraken:
    """The dialect over one account; its key has the rates of the tier Pro, unless another is asked for.

    Raises:
        InputError: for terms that the venue does not know.
    """

    venue = VENUE

    def __init__(self, account: SandboxAccount, terms: KeyTerms = USUAL) -> None:
        self._terms = _CHOICES.settled(terms, VENUE)
        self.rates: Mapping[str, Rate] = {"public": Rate(per_second=1, burst=3), "private": _TIERS[self._terms.tier]}
        self.credentials = credentials_of(VENUE, account.seed)
        self._account = account
        self._ids = Identities(account.seed)
        self._gate = Gate(self.credentials, nonce_window=self._terms.nonce_window)
        self._tokens = Tokens(account.seed)
        self._trades = History(list(trade_entries(account, self._ids)))
        self._ledger = History(list(ledger_entries(account, self._ids)))
        self._orders = self._order_contents()
        self._filtered: dict[tuple[str, str], History] = {}

    # --- the face towards the server

    def traits_of(self, call: ReceivedCall) -> CallTraits:
        """Return what a call takes of its key's counter, and what history it pages through."""
        name = call.path.removeprefix(_PRIVATE)
        if name == call.path:
            return CallTraits(bucket="public", is_private=False)
        form = {field: text for field, text in form_of(call).items() if field != "nonce"}
        rows = {"TradesHistory": "fills", "Ledgers": "ledger"}.get(name, "")
        return CallTraits(
            bucket="private",
            is_private=True,
            stream=f"{name}?{form.get('asset', '')}&{form.get('type', '')}" if rows else "",
            rows=rows,
            continues=form.get("ofs", "0") not in {"", "0"},
            is_read=name in _PRIVATE_CALLS,
            asked=f"{call.target}?{urlencode(form)}" if form else "",
            nonce_key=call.headers.get("api-key", ""),
            is_offset=bool(rows),
            cost=2 if rows or name in {"QueryLedgers", "QueryTrades"} else 1,
        )

    def answer(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        """Answer a call as the venue does: an error has status 200 too."""
        try:
            return self._served(call, now=now, faults=faults)
        except Refused as refused:
            return refused.answer

    def _served(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> Answer:
        if Fault.THROTTLED in faults:
            raise Refused(f"EService: Throttled: {int(now) + _THROTTLED_SECONDS}")
        if Fault.SERVICE_UNAVAILABLE in faults:
            raise Refused("EService:Unavailable")
        if call.method == "GET" and call.path.startswith(_PUBLIC):
            serve = _PUBLIC_CALLS.get(call.path.removeprefix(_PUBLIC))
            form = call.query
        else:
            serve = _PRIVATE_CALLS.get(call.path.removeprefix(_PRIVATE)) if call.method == "POST" else None
            form = form_of(call)
        if serve is None:
            raise Refused("EGeneral:Unknown method")
        if call.path.startswith(_PRIVATE):
            self._gate.admit(call, faults)
        return serve(self, _Request(form=form, now=now, faults=faults))

    def refusal_of_write(self) -> Answer:
        """Return the words for a key that may only look."""
        return Refused("EGeneral:Permission denied").answer

    def refusal_of_rate(self, traits: CallTraits) -> Answer:
        """Return the words for one call too many; the status is 200 and there is no header."""
        return Refused("EAPI:Rate limit exceeded" if traits.is_private else "EGeneral:Too many requests").answer

    def socket_side(self, rhythm: Rhythm) -> SocketSide:
        """Return the venue's sockets."""
        return socket_side(self._account, self._ids, self._tokens, rhythm)

    # --- public endpoints

    def time(self, request: _Request) -> Answer:
        """Answer ``Time``."""
        return _result({"unixtime": int(request.now), "rfc1123": formatdate(int(request.now), usegmt=True)})

    def system_status(self, _: _Request) -> Answer:
        """Answer ``SystemStatus``."""
        return _result({"status": "online", "timestamp": "2026-01-01T00:00:00Z"})

    def assets(self, _: _Request) -> Answer:
        """Answer ``Assets``: what is delisted stays an asset."""
        return _result(asset_contents(self._account.assets))

    def pairs(self, _: _Request) -> Answer:
        """Answer ``AssetPairs``: what is delisted has vanished."""
        return _result(pair_contents(self._listed))

    def candles(self, request: _Request) -> Answer:
        """Answer ``OHLC``: the last 720 spans and no more, whatever `since` says."""
        return Answer(status=200, body=candle_rows(self._listed, self._account.prices, request.form, now=request.now).encode())

    def trades(self, request: _Request) -> Answer:
        """Answer ``Trades``: up to 1000 trades of all users after a nanosecond."""
        return Answer(status=200, body=trade_rows(self._listed, self._account.prices, request.form, now=request.now).encode())

    # --- private endpoints

    def balance(self, _: _Request) -> Answer:
        """Answer ``Balance``."""
        return _result({asset_name(asset): _text(self._account.balance(asset)) for asset in self._account.assets})

    def extended_balance(self, _: _Request) -> Answer:
        """Answer ``BalanceEx``: nothing is ever on hold."""
        found: dict[str, JsonValue] = {
            asset_name(asset): {"balance": _text(self._account.balance(asset)), "hold_trade": "0.0000000000"}
            for asset in self._account.assets
        }
        return _result(found)

    def trade_balance(self, request: _Request) -> Answer:
        """Answer ``TradeBalance``: what all is worth in one asset; nothing is borrowed."""
        return _result(worth_content(self._account, request.form.get("asset") or "ZUSD", now=request.now))

    def trade_volume(self, request: _Request) -> Answer:
        """Answer ``TradeVolume``: the rates of fees on the pairs that are asked for."""
        return _result(fee_contents(self._listed, request.form.get("pair", "")))

    def positions(self, request: _Request) -> Answer:
        """Answer ``OpenPositions``: there are none; put together by market they are a list."""
        return _result([] if request.form.get("consolidation") == "market" else {})

    def withheld(self, _: _Request) -> Answer:
        """Refuse a call that reads what this key may not see."""
        raise Refused("EGeneral:Permission denied")

    def trades_history(self, request: _Request) -> Answer:
        """Answer ``TradesHistory``."""
        return page_answer(request.form, self._seen(self._trades, request), "trades", request.faults)

    def ledgers(self, request: _Request) -> Answer:
        """Answer ``Ledgers``, of all or some assets and types."""
        asset, kind = request.form.get("asset", "all"), request.form.get("type", "all")
        if (asset, kind) not in self._filtered:
            names = None if asset in {"", "all"} else {asset_name(one) for one in asset.split(",")} | set(asset.split(","))
            wanted = [row for row in self._ledger.entries if (names is None or row.asset in names) and kind in {"", "all", row.kind}]
            self._filtered[asset, kind] = History(wanted)
        return page_answer(request.form, self._seen(self._filtered[asset, kind], request), "ledger", request.faults)

    def query_trades(self, request: _Request) -> Answer:
        """Answer ``QueryTrades``."""
        return _by_id(self._trades, request.ids("txid", _IDS_MAX["QueryTrades"]))

    def query_ledgers(self, request: _Request) -> Answer:
        """Answer ``QueryLedgers``."""
        return _by_id(self._ledger, request.ids("id", _IDS_MAX["QueryLedgers"]))

    def query_orders(self, request: _Request) -> Answer:
        """Answer ``QueryOrders``."""
        wanted = request.ids("txid", _IDS_MAX["QueryOrders"])
        return _result({order: self._orders[order] for order in wanted if order in self._orders})

    def closed_orders(self, request: _Request) -> Answer:
        """Answer ``ClosedOrders``, newest first."""
        offset = int(request.form.get("ofs", "0") or "0")
        newest = list(reversed(self._orders))[offset : offset + PAGE_MAX]
        return _result({"closed": {order: self._orders[order] for order in newest}, "count": len(self._orders)})

    def open_orders(self, _: _Request) -> Answer:
        """Answer ``OpenOrders``: there are none."""
        return _result({"open": {}})

    def deposits(self, request: _Request) -> Answer:
        """Answer ``DepositStatus``."""
        return self._transfers(request, TransferKind.DEPOSIT, "deposit")

    def withdrawals(self, request: _Request) -> Answer:
        """Answer ``WithdrawStatus``: one that was canceled has failed."""
        return self._transfers(request, TransferKind.WITHDRAWAL, "withdrawal")

    def key_info(self, request: _Request) -> Answer:
        """Answer ``GetApiKeyInfo``."""
        rights = [*_READING, *(["withdraw-funds"] if Fault.KEY_CAN_WITHDRAW in request.faults else [])]
        told: dict[str, JsonValue] = {
            "api_key_name": "sandbox",
            "permissions": list[JsonValue](rights),
            "ip_allowlist": [],
            "nonce_window": str(self._terms.nonce_window),
            "valid_until": str(int(request.now) + _THREE_DAYS) if Fault.KEY_EXPIRES_SOON in request.faults else "0",
            "query_from": str(KEY_WINDOW_FROM // 1_000_000) if Fault.KEY_WINDOW in request.faults else "0",
            "query_to": "0",
        }
        return _result(told)

    def token(self, request: _Request) -> Answer:
        """Answer ``GetWebSocketsToken``."""
        return _result({"token": self._tokens.issue(now=request.now), "expires": TOKEN_SECONDS})

    def _transfers(self, request: _Request, kind: TransferKind, name: str) -> Answer:
        """Answer a plain list of recent rows without a cursor; with one an object, and where older rows begin."""
        found = [one for one in reversed(self._account.transfers) if one.kind is kind]
        asset = request.form.get("asset")
        rows = [row for row in (transfer_content(one, self._ids) for one in found) if asset in {None, "", row["asset"]}]
        cursor = request.form.get("cursor", "")
        if not cursor or cursor == "false":
            return _result(list[JsonValue](rows[:_LIMIT_DEFAULT]))
        start = int(cursor.removeprefix("after-")) if cursor != "true" else 0
        stop = start + min(500, int(request.form.get("limit", str(_LIMIT_DEFAULT))))
        more = f"after-{stop}" if stop < len(rows) else ""
        return _result({name: list[JsonValue](rows[start:stop]), "next_cursor": more})

    def _seen(self, history: History, request: _Request) -> History:
        return history.since(KEY_WINDOW_FROM) if Fault.KEY_WINDOW in request.faults else history

    # --- histories

    @cached_property
    def _listed(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in pairs_of(self._account) if pair.product.delisted_at is None)

    def _order_contents(self) -> dict[str, JsonValue]:
        trades: dict[str, list[str]] = {}
        for fill in self._account.fills:
            trades.setdefault(fill.order_id, []).append(self._ids.trade(fill))
        return {self._ids.order(order.order_id): order_content(order, trades[order.order_id]) for order in self._account.orders}


def _text(balance: Decimal) -> str:
    return f"{balance:f}"


def _result(content: JsonValue) -> Answer:
    return json_answer({"error": [], "result": content})


def _by_id(history: History, ids: Sequence[str]) -> Answer:
    found: list[Entry] = [history.by_id[one] for one in ids if one in history.by_id]
    return Answer(
        status=200, body=f'{{"error":[],"result":{{{",".join(f"{json.dumps(row.row_id)}:{row.text}" for row in found)}}}}}'.encode()
    )


_Serve = Callable[[Kraken, _Request], Answer]
_PUBLIC_CALLS: Final[Mapping[str, _Serve]] = {
    "Time": Kraken.time,
    "SystemStatus": Kraken.system_status,
    "Assets": Kraken.assets,
    "AssetPairs": Kraken.pairs,
    "OHLC": Kraken.candles,
    "Trades": Kraken.trades,
}
_PRIVATE_CALLS: Final[Mapping[str, _Serve]] = {
    "Balance": Kraken.balance,
    "BalanceEx": Kraken.extended_balance,
    "TradeBalance": Kraken.trade_balance,
    "TradeVolume": Kraken.trade_volume,
    "OpenPositions": Kraken.positions,
    "TradesHistory": Kraken.trades_history,
    "QueryTrades": Kraken.query_trades,
    "Ledgers": Kraken.ledgers,
    "QueryLedgers": Kraken.query_ledgers,
    "ClosedOrders": Kraken.closed_orders,
    "OpenOrders": Kraken.open_orders,
    "QueryOrders": Kraken.query_orders,
    "DepositStatus": Kraken.deposits,
    "WithdrawStatus": Kraken.withdrawals,
    "GetApiKeyInfo": Kraken.key_info,
    "GetWebSocketsToken": Kraken.token,
    **dict.fromkeys(_WITHHELD, Kraken.withheld),
}
