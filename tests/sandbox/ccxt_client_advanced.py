"""An unmodified third-party client at the sandbox of Coinbase Advanced Trade: reads where to log in, writes what it saw.

Run by an interpreter of its own that has ccxt; the project never depends on it. Only the base address is changed.
"""

import json
import sys
from typing import Any

import ccxt  # type: ignore[import-not-found] # lives in the client's own environment

PAGE = 90
Rows = list[dict[str, Any]]


def client_of(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - ccxt has no types of its own here
    client = ccxt.coinbase({"apiKey": ready["key"], "secret": ready["secret"]})
    client.urls["api"] = {"rest": ready["rest_url"]}
    client.number = str
    return client


def fills_of(client: Any) -> Rows:  # noqa: ANN401 - as above
    """Follow the cursor in the body, which this client hangs on the first row, until there is none."""
    names = ("id", "order", "side", "price", "amount", "timestamp", "takerOrMaker", "symbol")
    found: Rows = []
    cursor: dict[str, str] = {}
    while True:
        page = client.fetch_my_trades(None, limit=PAGE, params=cursor)
        found += [{**{name: row[name] for name in names}, "fee": row["fee"]["cost"], "entry": row["info"]["entry_id"]} for row in page]
        after = json.loads(client.last_http_response)["cursor"]
        if not page or not after:
            return found
        cursor = {"cursor": after}


def ledger_of(client: Any, account: dict[str, Any]) -> Rows:  # noqa: ANN401 - as above
    """Follow the id after which a wallet's history goes on."""
    names = ("id", "direction", "amount", "type", "timestamp", "status")
    found: Rows = []
    after: dict[str, str] = {}
    while True:
        page = client.fetch_ledger(account["code"], limit=PAGE, params={"account_id": account["id"], **after})
        found += [{**{name: row[name] for name in names}, "asset": account["code"]} for row in page]
        last = json.loads(client.last_http_response)["pagination"]["next_starting_after"]
        if not last:
            return found
        after = {"starting_after": last}


def main() -> None:
    """See everything, exact figures first."""
    ready = json.load(sys.stdin)
    client = client_of(ready)
    client.load_markets()
    accounts = client.fetch_accounts()
    balance = client.fetch_balance()
    kinds = ("id", "type", "status")
    seen = {
        "time": client.fetch_time(),
        "fees": [row["taker"] for row in client.fetch_trading_fees().values()],
        "open": client.fetch_open_orders(),
        "orders": [row["id"] for row in client.fetch_closed_orders("BTC/USD")],
        "bank": [{kind: row[kind] for kind in kinds} for row in (*client.fetch_deposits("USD"), *client.fetch_withdrawals("USD"))],
        "markets": sorted(market["id"] for market in client.markets.values()),
        "balances": {account["code"]: balance[account["code"]]["total"] for account in accounts},
        "fills": fills_of(client),
        "ledger": [row for account in accounts for row in ledger_of(client, account)],
        "candles": client.fetch_ohlcv("BTC/USD", "1m", since=client.parse8601("2024-05-02T09:00:00Z"), limit=60),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
