"""An unmodified third-party client at the sandbox's Kraken: reads where to log in from standard input, writes what it saw.

Run by an interpreter of its own that has ccxt; the project never depends on it. Only the base address is changed.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import ccxt  # type: ignore[import-not-found] # lives in the client's own environment

Rows = list[dict[str, Any]]


def client_of(ready: dict[str, Any]) -> Any:  # noqa: ANN401 - ccxt has no types of its own here
    client = ccxt.kraken({"apiKey": ready["key"], "secret": ready["secret"]})
    client.urls["api"] = {"public": ready["rest_url"], "private": ready["rest_url"]}
    client.number = str
    return client


def all_pages(read: Callable[[dict[str, Any]], Rows]) -> Rows:
    """Go on by offset, which this client leaves to its caller, until a page brings nothing new."""
    rows: dict[str, dict[str, Any]] = {}
    while True:
        fresh = {row["id"]: row for row in read({"ofs": len(rows)}) if row["id"] not in rows}
        if not fresh:
            return list(rows.values())
        rows |= fresh


def main() -> None:
    """See everything, exact figures first."""
    client = client_of(json.load(sys.stdin))
    client.load_markets()
    balance = client.fetch_balance()
    trades = all_pages(lambda params: client.fetch_my_trades(params=params))
    ledger = all_pages(lambda params: client.fetch_ledger(params=params))
    of_trade, of_row = (
        ("id", "order", "side", "price", "amount", "timestamp"),
        ("id", "direction", "amount", "after", "timestamp", "currency"),
    )
    seen: dict[str, Any] = {
        "markets": sorted(client.markets),
        "balances": balance["total"],
        "fills": [{**{name: row[name] for name in of_trade}, "pair": row["info"]["pair"]} for row in trades],
        "ledger": [{**{name: row[name] for name in of_row}, "refid": row["info"]["refid"]} for row in ledger],
    }
    fee = client.fetch_trading_fee("BTC/USD")
    seen |= {
        "time": client.fetch_time(),
        "status": client.fetch_status()["status"],
        "fee": [fee["maker"], fee["taker"]],
        "positions": client.fetch_positions(),
    }
    client.number = float
    moved = (*client.fetch_deposits(), *client.fetch_withdrawals())
    seen["transfers"] = [{name: row[name] for name in ("id", "type", "currency", "status")} for row in moved]
    seen["candles"] = client.fetch_ohlcv("BTC/USD", "1m")
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
