"""An unmodified third-party client at the sandbox's Binance: reads where to log in from standard input, writes what it saw.

Run by an interpreter of its own that has ccxt; the project never depends on it. Only the base address is changed.
"""

import json
import sys
from typing import Any

import ccxt  # type: ignore[import-not-found] # lives in the client's own environment

PAGE = 40
DAY = 86_400_000
Rows = list[dict[str, Any]]


def client_of(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - ccxt has no types of its own here
    client = ccxt.binance({"apiKey": ready["key"], "secret": ready["secret"]})
    for name, url in client.urls["api"].items():
        client.urls["api"][name] = ready["rest_url"] + "/" + url.split("/", 3)[3]
    client.number = str
    return client


def fills_of(client: Any, market_id: str) -> Rows:  # noqa: ANN401 - as above
    """Read the fills of a listed symbol through the unified call, of a delisted one through the raw one, by `fromId`."""
    found: Rows = []
    listed = {market["id"]: market["symbol"] for market in client.markets.values()}
    from_id = 0
    while True:
        params = {"fromId": from_id, "limit": PAGE}
        if market_id in listed:
            rows = [row["info"] for row in client.fetch_my_trades(listed[market_id], params=params)]
        else:
            rows = client.private_get_mytrades({"symbol": market_id, **params})
        found += [row for row in rows if row not in found]
        if len(rows) < PAGE:
            return found
        from_id = max(int(row["id"]) for row in rows)


def transfers_of(client: Any, ready: dict[str, Any]) -> Rows:  # noqa: ANN401 - as above
    """Read deposits and withdrawals of coins and money, window by window."""
    found: Rows = []
    for start in range(ready["since"], client.milliseconds(), 89 * DAY):
        params = {"until": start + 89 * DAY - 1}
        found += client.fetch_deposits(None, start, None, params)
        found += client.fetch_withdrawals(None, start, None, params)
    return found


def main() -> None:
    """See everything, exact figures first."""
    ready = json.load(sys.stdin)
    client = client_of(ready)
    client.load_markets()
    balance = client.fetch_balance()
    seen: dict[str, Any] = {
        "time": client.fetch_time(),
        "status": client.fetch_status()["status"],
        "currencies": {code: row["type"] for code, row in client.currencies.items() if row["type"]},  # one of its own has none
        "fees": {market: row["maker"] for market, row in client.fetch_trading_fees().items()},
        "orders": [row["info"]["orderId"] for row in client.fetch_orders("BTC/USD", limit=1000)],
        "markets": sorted(market["id"] for market in client.markets.values()),
        "balances": {row["asset"]: row["free"] for row in balance["info"]["balances"]},
        "fills": [row for symbol in ready["symbols"] for row in fills_of(client, symbol)],
    }
    seen["funding"] = client.fetch_balance({"type": "funding"})["info"]  # a call that reads by POST, signed in its body
    paged = {"paginate": True, "paginationCalls": 3}
    seen["paged_ids"] = [row["id"] for row in client.fetch_my_trades("BTC/USD", params=paged)]
    client.number = float  # this client compares the figures of transfers as floats
    names = ("id", "type", "currency", "status")
    seen["transfers"] = [{name: row[name] for name in names} for row in transfers_of(client, ready)]
    seen["candles"] = client.fetch_ohlcv("BTC/USD", "1m", since=client.parse8601("2024-05-02T09:00:00Z"), limit=60)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
