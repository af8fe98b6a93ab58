"""An unmodified third-party client at the sandbox: reads where to log in from standard input, writes what it saw to standard output.

Run by an interpreter of its own that has ccxt; the project never depends on it. Only the base address is changed.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import ccxt  # type: ignore[import-not-found] # lives in the client's own environment

PAGE = 40
Rows = list[dict[str, Any]]


def client_of(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - ccxt has no types of its own here
    client = ccxt.coinbaseexchange({"apiKey": ready["key"], "secret": ready["secret"], "password": ready["passphrase"]})
    client.urls["api"] = {"public": ready["rest_url"], "private": ready["rest_url"]}
    client.number = str
    return client


def all_pages(client: Any, read: Callable[[dict[str, Any]], Rows]) -> list[Rows]:  # noqa: ANN401 - as above
    """Follow the venue's own cursor until there is none."""
    pages: list[Rows] = []
    cursor: dict[str, str] = {}
    while True:
        pages.append(read({"limit": PAGE, **cursor}))
        headers = {name.lower(): text for name, text in client.last_response_headers.items()}
        if "cb-after" not in headers:
            return pages
        cursor = {"after": headers["cb-after"]}


def fills_of(client: Any, product: str) -> Rows:  # noqa: ANN401 - as above
    """Read the fills of a listed product through the unified call, of a delisted one through the raw one."""
    symbol = product.replace("-", "/")
    if symbol in client.markets:
        pages = all_pages(client, lambda params: client.fetch_my_trades(symbol, params=params))
    else:
        pages = all_pages(client, lambda params: client.parse_trades(client.private_get_fills({"product_id": product, **params})))
    names = ("id", "order", "side", "price", "amount", "timestamp", "takerOrMaker")
    return [{**{name: row[name] for name in names}, "product": product, "fee": row["fee"]["cost"]} for page in pages for row in page]


def ledger_of(client: Any, asset: str) -> Rows:  # noqa: ANN401 - as above
    pages = all_pages(client, lambda params: client.fetch_ledger(asset, params=params))
    names = ("id", "direction", "amount", "after", "type", "timestamp")
    return [{**{name: row[name] for name in names}, "asset": asset} for page in pages for row in page]


def main() -> None:
    """See everything, exact figures first."""
    ready = json.load(sys.stdin)
    client = client_of(ready)
    client.load_markets()
    balance = client.fetch_balance()
    assets = [row["currency"] for row in balance["info"]]
    seen = {
        "time": client.fetch_time(),
        "fees": [row["taker"] for row in client.fetch_trading_fees().values()],
        "orders": [row["id"] for row in client.fetch_closed_orders("BTC/USD")],
        "markets": sorted(market["id"] for market in client.markets.values()),
        "balances": {asset: balance[asset]["total"] for asset in assets},
        "fills": [row for product in ready["products"] for row in fills_of(client, product)],
        "ledger": [row for asset in assets for row in ledger_of(client, asset)],
    }
    client.number = float  # this client subtracts fees of transfers as floats, whatever numbers it was told to use
    names = ("id", "type", "currency", "status")
    seen["transfers"] = [{name: row[name] for name in names} for row in client.fetch_deposits_withdrawals()]
    seen["candles"] = client.fetch_ohlcv("BTC/USD", "1m", since=client.parse8601("2024-05-02T09:00:00Z"), limit=60)
    seen["by_way"] = [[row["id"] for row in rows] for rows in (client.fetch_deposits(), client.fetch_withdrawals())]
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
