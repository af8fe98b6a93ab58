"""The separate command: run by a Python of its own that has ccxt, with nothing but the standard library besides.

It reads requests from standard input, one JSON object per line, and answers each on standard output: a line ``{"row": ...}`` for each
row, numbers as text and the venue's own row under ``info``, then a line ``{"end": ...}``; or one line ``{"error": ...}``. The key comes
through the same pipe in the first request, so that it stands in no argument and no environment. Calls that could change anything at
the venue are not among those that it makes. Paging is the caller's.
"""

import decimal
import importlib
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

Request = dict[str, Any]

READS = frozenset(
    {
        *("fetchBalance", "fetchDeposits", "fetchDepositsWithdrawals", "fetchLedger", "fetchMyTrades", "fetchTime", "fetchWithdrawals"),
        *("privatePostGetApiKeyInfo", "sapiGetAccountApiRestrictions", "v3PrivateGetBrokerageKeyPermissions"),
    }
)
_EXACT = decimal.Context(prec=80)  # no digit may be lost where a class subtracts
_STUMBLES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_KINDS = (  # the first that fits: ccxt's own names of errors
    ("refused", ("AuthenticationError",)),
    ("unavailable", ("NetworkError", "OperationFailed")),
    ("impossible", ("BaseError",)),
)


class Failure(Exception):
    """What is told instead of rows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Number(decimal.Decimal):
    """A number for those classes of ccxt that reckon: exact where they add and subtract."""

    def __add__(self, other: Any) -> "Number":  # noqa: ANN401  # as a number does
        return Number(_EXACT.add(self, other))

    def __sub__(self, other: Any) -> "Number":  # noqa: ANN401  # the same
        return Number(_EXACT.subtract(self, other))

    def __neg__(self) -> "Number":
        return Number(self.copy_negate())

    def __abs__(self) -> "Number":
        return Number(self.copy_abs())


def main(requests: Iterable[str], tell: Callable[[str], object]) -> None:
    """Answer requests until there are no more."""
    session = Session()
    for line in requests:
        try:
            for answer in session.answers(json.loads(line)):
                tell(json.dumps(answer, default=str, separators=(",", ":")))
        except Failure as failure:
            tell(json.dumps({"error": {"kind": failure.kind, "message": session.without_secrets(str(failure))}}))


class Session:
    """One key at one venue."""

    def __init__(self) -> None:
        self._ccxt: Any = None
        self._client: Any = None
        self._secrets: tuple[str, ...] = ()
        self._reckoning: set[str] = set()  # calls that reckon with their numbers

    def without_secrets(self, text: str) -> str:
        """Return a text in which no secret stands as it was given."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text

    def answers(self, request: Request) -> Iterable[dict[str, Any]]:
        """Return the lines that answer a request.

        Raises:
            Failure: when there are none.
        """
        if request["do"] == "open":
            return [self._opened(request)]
        try:
            return self._called(request)
        except Failure:
            raise
        except self._ccxt.BaseError as refused:
            raise _failure_of(self._ccxt, refused) from refused
        except _STUMBLES as broken:  # a class of ccxt stumbled over an answer: whatever it was, the caller must hear of it
            raise Failure("unavailable", f"{type(broken).__name__} while reading the answer: {broken}") from broken

    def _opened(self, request: Request) -> dict[str, Any]:
        self._secrets = tuple(text for text in (request["secret"], request["passphrase"], request["key"]) if text)
        try:
            self._ccxt = importlib.import_module("ccxt")
        except ImportError as missing:
            raise Failure("no-ccxt", f"{sys.executable} has no ccxt") from missing
        exchange = request["exchange"]
        if exchange not in self._ccxt.exchanges:
            raise Failure("no-exchange", f"ccxt {self._ccxt.__version__} knows no exchange {exchange!r}")
        self._client = _client_of(getattr(self._ccxt, exchange), request)
        features = ((self._client.features or {}).get("spot") or {}).get("fetchMyTrades") or {}
        return {
            "end": {
                "version": self._ccxt.__version__,
                "has": sorted(name for name, can in self._client.has.items() if can is True),
                "until_days": features.get("untilDays"),
                "symbol_required": bool(features.get("symbolRequired")),
            }
        }

    def _called(self, request: Request) -> list[dict[str, Any]]:
        method = request["method"]
        if method == "markets":
            return self._markets(request)
        if method not in READS:
            raise Failure("impossible", f"{method!r} is no call that only reads")
        result = self._result(method, request["args"])
        rows = result if isinstance(result, list) else [result]
        return [*({"row": row} for row in rows), {"end": {"token": self._token(request.get("token"))}}]

    def _result(self, method: str, arguments: list[Any]) -> Any:  # noqa: ANN401  # whatever ccxt returns
        """Call with numbers as text; where a class subtracts or compares them, anew with decimals: most of ccxt does not read those."""
        self._client.number = Number if method in self._reckoning else str
        try:
            return getattr(self._client, method)(*arguments)
        except TypeError:
            if method in self._reckoning:
                raise
            self._reckoning.add(method)
            return self._result(method, arguments)

    def _markets(self, request: Request) -> list[dict[str, Any]]:
        """Return the spot markets, and make those known that the venue has delisted: ``LTC/USD=LTC-USD``."""
        self._client.load_markets()
        for named in request["args"]:
            symbol, _, market_id = named.partition("=")
            if market_id and symbol not in self._client.markets:
                self._add_market(symbol, market_id)
        spot = [market for market in self._client.markets.values() if market.get("spot")]
        rows = [{"symbol": one["symbol"], "base": one["base"], "quote": one["quote"]} for one in spot]
        return [*({"row": row} for row in rows), {"end": {}}]

    def _add_market(self, symbol: str, market_id: str) -> None:
        base, _, quote = symbol.partition("/")
        ids = {"id": market_id, "symbol": symbol, "base": base, "quote": quote, "baseId": base, "quoteId": quote}
        market = self._client.safe_market_structure({**ids, "type": "spot", "spot": True, "active": False})
        self._client.markets[symbol] = market
        self._client.markets_by_id[market_id] = [market]

    def _token(self, place: list[str] | None) -> str | None:
        """Return what the venue wants to be shown for the next page: a header of its answer, or a cell of its body."""
        if not place:
            return None
        where, *path = place
        if where == "header":
            headers = {name.lower(): text for name, text in (self._client.last_response_headers or {}).items()}
            return headers.get(path[0]) or None
        cell = json.loads(self._client.last_http_response)
        for name in path:
            cell = cell.get(name) if isinstance(cell, dict) else None
        return str(cell) if cell else None


def _client_of(venue: Callable[[Request], Any], request: Request) -> Any:  # noqa: ANN401  # ccxt has no types here
    options = {"defaultType": "spot", "adjustForTimeDifference": True, **request["options"]}
    client = venue({"apiKey": request["key"], "secret": request["secret"], "password": request["passphrase"], "options": options})
    client.number = str
    client.on_json_response = _exact
    client.rateLimit = client.rateLimit / float(request["share"])  # milliseconds between calls: no money
    if request["base_url"]:
        client.urls["api"] = _moved(client.urls["api"], request["base_url"].rstrip("/"))
    return client


def _exact(text: str) -> Any:  # noqa: ANN401  # JSON is anything
    return json.loads(text, parse_float=str)


def _moved(urls: Any, base_url: str) -> Any:  # noqa: ANN401  # one address, or groups of them
    """Put another host before the paths of all addresses."""
    if isinstance(urls, dict):
        return {name: _moved(url, base_url) for name, url in urls.items()}
    _, _, path = urls.split("://", 1)[1].partition("/")
    return f"{base_url}/{path}" if path else base_url


def _failure_of(ccxt: Any, refused: Exception) -> Failure:  # noqa: ANN401  # a module without types
    kind = next(kind for kind, names in _KINDS if any(isinstance(refused, getattr(ccxt, name)) for name in names))
    return Failure(kind, f"{type(refused).__name__}: {refused}")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.stdin, _line)
