"""An unmodified third-party client at the sandbox's sockets: reads where to log in from standard input, writes what it watched.

Run by an interpreter of its own that has ccxt; the project never depends on it. Only the addresses are changed.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro  # type: ignore[import-not-found] # lives in the client's own environment

SECONDS_MAX = 40
Rows = list[dict[str, Any]]
Watch = Callable[[str | None], Awaitable[Rows]]


def coinbase_exchange(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - ccxt has no types of its own here
    client = ccxt.pro.coinbaseexchange({"apiKey": ready["key"], "secret": ready["secret"], "password": ready["passphrase"]})
    client.urls["api"] = {"public": ready["rest_url"], "private": ready["rest_url"], "ws": ready["ws_url"]}
    return client


def kraken(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    client = ccxt.pro.kraken({"apiKey": ready["key"], "secret": ready["secret"]})
    sockets = dict.fromkeys(client.urls["api"]["ws"], ready["ws_url"])
    client.urls["api"] = {"public": ready["rest_url"], "private": ready["rest_url"], "ws": sockets}
    return client


def binance(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    client = ccxt.pro.binance({"apiKey": ready["key"], "secret": ready["secret"]})
    for name, url in client.urls["api"].items():
        if isinstance(url, str):
            client.urls["api"][name] = ready["rest_url"] + "/" + url.split("/", 3)[3]
    client.urls["api"]["ws"]["ws-api"]["spot"] = ready["ws_url"]
    return client


def coinbase_advanced(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    client = ccxt.pro.coinbase({"apiKey": ready["key"], "secret": ready["secret"]})
    client.urls["api"] = {"rest": ready["rest_url"], "ws": ready["ws_url"]}
    return client


CLIENTS = {"coinbase-exchange": coinbase_exchange, "kraken": kraken, "binance": binance, "coinbase-advanced": coinbase_advanced}


async def watched(watch: Watch, symbol: str | None, found: dict[str, dict[str, Any]]) -> None:
    """Watch for ever; rows of one id replace each other."""
    while True:
        for row in await watch(symbol):
            found[f"{row['symbol']} {row['id']} {row.get('order')}"] = dict(row)


async def enough(found: dict[str, dict[str, Any]], wanted: int, is_whole: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until as many rows as were announced are whole."""
    while sum(map(is_whole, found.values())) < wanted:  # noqa: ASYNC110 - the rows come one by one from other tasks
        await asyncio.sleep(0.05)


async def balances_watched(client: Any, found: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    """Watch balances for ever; the last ones stand."""
    while True:
        balance = await client.watch_balance()
        found.update({asset: row["total"] for asset, row in balance.items() if isinstance(row, dict) and row.get("total") is not None})


async def settled(found: dict[str, Any], wanted: dict[str, float]) -> None:
    """Wait until balances are what they were announced to become."""
    while any(found.get(asset) != total for asset, total in wanted.items()):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)


async def main() -> None:
    """Watch trades and orders until there are as many as were announced."""
    ready = json.load(sys.stdin)
    client = CLIENTS[ready["venue"]](ready)
    await client.load_markets()
    symbols = sorted(client.markets) if ready["venue"] == "coinbase-exchange" else [None]
    trades: dict[str, dict[str, Any]] = {}
    orders: dict[str, dict[str, Any]] = {}
    balances: dict[str, Any] = {}
    tasks = [asyncio.create_task(watched(client.watch_orders, symbol, orders)) for symbol in symbols]
    ends = [enough(orders, ready["orders"], lambda row: row["status"] == "closed")]
    if ready["trades"]:
        tasks += [asyncio.create_task(watched(client.watch_my_trades, symbol, trades)) for symbol in symbols]
        ends.append(enough(trades, ready["trades"], lambda _: True))
    if ready["balances"]:
        tasks.append(asyncio.create_task(balances_watched(client, balances)))
        ends.append(settled(balances, ready["balances"]))
    try:
        await asyncio.wait([asyncio.gather(*ends), *tasks], timeout=SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await client.close()
    json.dump({"trades": list(trades.values()), "orders": list(orders.values()), "balances": balances}, sys.stdout, default=str)


if __name__ == "__main__":
    asyncio.run(main())
