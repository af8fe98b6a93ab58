"""A Kraken of a few rows, which answers each call by hand: what it says is the test's, and may be anything."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qsl, urlsplit

from ledger.book import Book
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.secrets import Secrets
from ledger.pipeline.nightly import Night, NightSummary
from ledger.pipeline.progress import Silent
from ledger.ports import ConnectionTerms, PullWindow
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Timeouts

from .conftest import MAIN, START

NOW = int(START.timestamp())
PAGE_ROWS = 50
_SECRET = "c2VjcmV0"
Cells = dict[str, object]


class SmallVenue(ThreadingHTTPServer):
    """Serves `ledger` and `trades` (rows by id) by pages, newest first; `results` and `words` by the name of a call go before."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = ManualClock(start=START)
        self.ledger: dict[str, Cells] = {}
        self.trades: dict[str, Cells] = {}
        self.results: dict[str, object] = {
            "Time": {"unixtime": NOW},
            "AssetPairs": {"XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD"}},
            "GetApiKeyInfo": {"permissions": ["query-funds", "query-ledger"], "iplist": ["192.0.2.1"], "validUntil": "0"},
            "DepositStatus": {"deposit": []},
            "WithdrawStatus": {"withdrawal": []},
            "QueryOrders": {},
            "Trades": {"XXBTZUSD": [], "last": "0"},
            "Balance": {},
        }
        self.words: dict[str, str] = {}
        self.asked: list[str] = []

    def book(self, *rows: tuple[str, str, int, str, str, str, str]) -> None:
        """Add rows of the ledger: id, refid, seconds before now, type, asset, amount, fee; balances run as the amounts say."""
        for row_id, refid, ago, kind, asset, amount, fee in rows:
            cells: Cells = {"refid": refid, "time": NOW - ago, "type": kind, "subtype": "", "asset": asset, "amount": amount, "fee": fee}
            self.ledger[row_id] = cells
        held: defaultdict[str, Decimal] = defaultdict(Decimal)
        for cells in sorted(self.ledger.values(), key=lambda cells: str(cells["time"])):
            asset = str(cells["asset"])
            held[asset] += Decimal(str(cells["amount"])) - Decimal(str(cells["fee"]))
            cells["balance"] = str(held[asset])
        self.results["Balance"] = {asset: str(quantity) for asset, quantity in held.items()}

    def answer(self, name: str, query: Mapping[str, str]) -> Cells:
        """Return what is said to a call."""
        self.asked.append(name)
        if name in self.words:
            return {"error": [self.words[name]]}
        paged = {"Ledgers": ("ledger", self.ledger), "TradesHistory": ("trades", self.trades)}
        if name in paged and name not in self.results:
            return {"error": [], "result": _page(*paged[name], query)}
        told = self.results[name]
        return {"error": [], "result": told(query) if callable(told) else told}

    @contextmanager
    def connected(self) -> Iterator[Kraken]:
        """Give a connector of this venue."""
        connector = self._kraken(ConnectionTerms(account=MAIN, secrets=Secrets(key="key", secret=_SECRET)))
        yield connector
        connector.close()

    def synced(self, book: Book) -> NightSummary:
        """Pull all into a book, on the venue's own clock."""
        night = Night(
            store=book.store,
            settings=book.settings,
            regime=book.regime,
            factory_of=lambda _: _Factory(self._kraken),
            environment={"MAIN_KEY": "key", "MAIN_SECRET": _SECRET},
            window=PullWindow(),
            budget_seconds=None,
            now=lambda: START + timedelta(seconds=self.clock.seconds),
            progress=Silent(),
        )
        with book.store.hold():
            return night.run(book.settings.connections)

    def _kraken(self, terms: ConnectionTerms) -> Kraken:
        url = f"http://127.0.0.1:{self.server_port}"
        told = ConnectionTerms(account=terms.account, secrets=terms.secrets, folder=terms.folder, base_url=url, share=1.0, tier="pro")
        return Kraken(told, clock=self.clock, rng=Random(1), timeouts=Timeouts(connect=5, read=5))  # noqa: S311 - the same pauses


class _Factory:
    venue = Kraken.venue

    def __init__(self, make: Callable[[ConnectionTerms], Kraken]) -> None:
        self._make = make

    def __call__(self, terms: ConnectionTerms) -> Kraken:
        return self._make(terms)


def _page(name: str, rows: dict[str, Cells], query: Mapping[str, str]) -> Cells:
    since, until = float(query.get("start", "0")), float(query["end"])
    told = {row_id: row for row_id, row in rows.items() if since < float(str(row["time"])) <= until}
    newest_first = sorted(told, key=lambda row_id: (-float(str(told[row_id]["time"])), row_id))
    offset = int(query.get("ofs", "0"))
    return {name: {row_id: told[row_id] for row_id in newest_first[offset : offset + PAGE_ROWS]}, "count": len(told)}


class _Handler(BaseHTTPRequestHandler):
    server: SmallVenue

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, form: str) -> None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        body = json.dumps(self.server.answer(name, dict(parse_qsl(form)))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def small_venue() -> Iterator[SmallVenue]:
    """Give a venue that serves until the test is over."""
    server = SmallVenue()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
