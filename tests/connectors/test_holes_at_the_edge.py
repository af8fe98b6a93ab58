"""Holes made on purpose between the exchange and us, in every dialect: found, located, exit 1, and filled by the next full walk.

The rows are taken out of the answers of the real sandbox, again and again as long as the hole is there: cursors, counts and balances
stay as they are, as when a venue forgets, or a proxy does.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from ledger.book import Book, Changes, Hole, MonthCover
from ledger.cli.main import run
from ledger.cli.terminal.session import FINDINGS_SHOWN
from ledger.connectors.binance.connector import Binance
from ledger.connectors.coinbase_advanced.connector import CoinbaseAdvanced
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.amount import AssetCode, text_of
from ledger.domain.event import Fill
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import EventId
from ledger.pipeline.nightly import Night, NightSummary
from ledger.pipeline.progress import Silent
from ledger.ports import ConnectionTerms, Connector, PullWindow
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.history.rows import LedgerRow
from ledger.sandbox.kraken.names import Identities
from ledger.sandbox.server import Sandbox
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Timeouts

from .test_holes import MAIN, START, book  # noqa: F401  # a fixture is used by its name

FILLS = 160
MOMENT = timedelta(milliseconds=50)  # times of one fill differ so much between streams
LATER = datetime(2026, 1, 2, tzinfo=UTC)
USD, LTC = AssetCode("USD"), AssetCode("LTC")
SINCE = PullWindow(since=datetime(2024, 1, 1, tzinfo=UTC))
VENUES: dict[str, Callable[..., Connector]] = {
    "binance": Binance,
    "coinbase-advanced": CoinbaseAdvanced,
    "coinbase-exchange": CoinbaseExchange,
    "kraken": Kraken,
}
venues = pytest.mark.parametrize("venue", VENUES)

Row = dict[str, object]
TIMES = ("trade_time", "completed_at", "created_at", "time", "insertTime", "applyTime", "createTime")
_MICROSECONDS = 10**14  # milliseconds of our time are less, microseconds more
_NUMBER = re.compile(r'"\\u0000([^"]*)\\u0000"')


@dataclass
class Edge:
    """What stands between the exchange and us. `hides` says of a path and a row whether it is not let through; `alters` what else."""

    hides: Callable[[str, Row], bool] = field(default=lambda _path, _row: False)
    alters: Callable[[str, Row], Row] = field(default=lambda _path, row: row)
    is_open: bool = False

    def __call__(self, path: str, body: bytes) -> bytes:
        """Return what is let through of an answer; numbers stay as they are written."""
        if self.is_open:
            return body
        said = json.loads(body, parse_float=lambda text: f"\0{text}\0")
        return _NUMBER.sub(r"\1", json.dumps(self._through(path, said))).encode()

    def _through(self, path: str, said: object) -> object:
        if isinstance(said, list):
            return [self._through(path, one) for one in said if not self._is_hidden(path, one)]
        if isinstance(said, dict):
            row = self.alters(path, said)
            return {name: self._through(path, one) for name, one in row.items() if not self._is_hidden(path, one)}
        return said

    def _is_hidden(self, path: str, one: object) -> bool:
        return isinstance(one, dict) and instant_of(one) is not None and self.hides(path, one)


def instant_of(row: Row) -> datetime | None:
    """Return when a row of a history happened; None for whatever is no such row."""
    if not row.keys() & {"amount", "size", "coin", "qty", "vol", "indicatedAmount"}:
        return None
    told = next((row[name] for name in TIMES if row.get(name) is not None), None)
    if isinstance(told, int):
        return datetime.fromtimestamp(told / (1_000_000 if told > _MICROSECONDS else 1_000), tz=UTC)
    if isinstance(told, str) and told.startswith("\0"):
        return datetime.fromtimestamp(float(told.strip("\0")), tz=UTC)
    return _read(told) if isinstance(told, str) else None


def _read(told: str) -> datetime:
    text = re.sub(r"(\.\d{6})\d*", r"\1", told.replace(" ", "T").replace("+00", "").replace("Z", ""))
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Scene:
    """A book and an exchange, with an edge between them."""

    book: Book
    sandbox: Sandbox
    clock: ManualClock
    edge: Edge
    make: Callable[..., Connector]
    window: PullWindow

    def sync(self, *, again: bool = False) -> NightSummary:
        def factory(terms: ConnectionTerms) -> Connector:
            told = replace(terms, base_url=self.sandbox.rest_url, share=1.0)
            return self.make(told, clock=self.clock, rng=Random(2), timeouts=Timeouts(connect=5, read=5))  # noqa: S311 - the same pauses

        sandbox = self.sandbox
        night = Night(
            store=self.book.store,
            settings=self.book.settings,
            regime=self.book.regime,
            factory_of=lambda _: factory,  # type: ignore[arg-type, return-value]  # a factory in all but its name
            environment={"MAIN_KEY": sandbox.key, "MAIN_SECRET": sandbox.secret, "MAIN_PASSPHRASE": sandbox.passphrase},
            window=self.window,
            budget_seconds=None,
            now=lambda: START + timedelta(seconds=self.clock.seconds),
            progress=Silent(),
            again=again,
        )
        with self.book.store.hold():
            return night.run(self.book.settings.connections)

    def found(self) -> tuple[dict[str, list[Finding]], list[Hole]]:
        """Sync through the hole; return what is told of it, findings by code. The commands tell the same and exit 1."""
        night = self.sync()
        assert [one.error for one in night.outcomes if one.error] == []
        assert night.exit_code == 1
        findings: dict[str, list[Finding]] = {}
        for one in self.book.reconcile().findings:
            findings.setdefault(one.code, []).append(one)
        holes = list(self.book.coverage_map().holes)
        self._assert_commands_tell([one for found in findings.values() for one in found], holes)
        return findings, holes

    def _assert_commands_tell(self, findings: list[Finding], holes: list[Hole]) -> None:
        code, said = commanded(self.book, "coverage")
        assert (code, _HOLE_LINE.findall(said)) == (1, list(dict.fromkeys(told_line(one, alike=holes) for one in holes)))
        code, said = commanded(self.book, "reconcile")
        assert code == 1
        assert all(one.message in said for one in findings[:FINDINGS_SHOWN])

    def fill(self) -> None:
        """Open the edge: a walk from the beginning fills the hole, and nothing is told of it any more."""
        self.edge.is_open = True
        again = self.sync(again=True)
        assert (self.book.reconcile().findings, self.book.coverage_map().holes) == ((), ())
        assert again.exit_code == 0, self.book.findings()
        assert [commanded(self.book, command)[0] for command in ("coverage", "reconcile")] == [0, 0]


_HOLE_LINE = re.compile(r"^hole: (.+?): from (.+?) to (.+?): ", re.MULTILINE)


def told_line(hole: Hole, *, alike: list[Hole]) -> tuple[str, str, str]:
    """Return the line of a hole, which tells all those at once that differ only in their symbols."""
    symbols = ", ".join(one.symbol for one in alike if replace(one, symbol="") == replace(hole, symbol=""))
    place = " ".join(part for part in (hole.connection, hole.stream, symbols) if part)
    from_at, to_at = (None if at is None else at.isoformat() for at in (hole.from_at, hole.to_at))
    return place, from_at or "the beginning", to_at or "now"


def commanded(book: Book, *arguments: str) -> tuple[int, str]:  # noqa: F811
    """Run a command as its user would; return its exit code and all that it said."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = run(["--book", str(book.settings.folder), *arguments])
    return code, said.getvalue()


@contextmanager
def scene(book: Book, venue: str, edge: Edge) -> Iterator[Scene]:  # noqa: F811
    book.add_connection(MAIN, venue=venue, secrets="env:MAIN", **({"tier": "pro"} if venue == "kraken" else {}))
    clock = ManualClock(start=START)
    with Sandbox(
        venue=venue,
        seed=4,
        fills=FILLS,
        wall=lambda: START.timestamp() + clock.seconds,
        monotonic=lambda: clock.seconds,
        edge=edge,
    ) as sandbox:
        yield Scene(book, sandbox, clock, edge, VENUES[venue], SINCE if venue == "binance" else PullWindow())


def around(account: SandboxAccount, asset: AssetCode, is_hidden: Callable[[LedgerRow], bool]) -> tuple[datetime, datetime]:
    """Return the instants of the rows just before and just after all rows of an asset that are hidden, by the exchange's own account."""
    rows = account.ledger[asset]
    hidden = [number for number, row in enumerate(rows) if is_hidden(row)]
    before, after = hidden[0] - 1, hidden[-1] + 1
    first = rows[before].occurred_at if before >= 0 else datetime(2017, 1, 1, tzinfo=UTC)
    return first - MOMENT, (rows[after].occurred_at if after < len(rows) else LATER) + MOMENT


def assert_located(holes: list[Hole], venue: str, asset: AssetCode, interval: tuple[datetime, datetime]) -> None:
    """Holes of the asset lie between the rows around it; a venue that has no ledger tells only its balances of today."""
    found = [(one.from_at, one.to_at) for one in holes if one.symbol == asset]
    assert found
    if venue == "binance":
        assert [from_at for from_at, _ in found] == [None]
        return
    assert all(from_at is not None and interval[0] <= from_at for from_at, _ in found)
    assert all(to_at is not None and to_at <= interval[1] for _, to_at in found)


def messages(findings: list[Finding], asset: AssetCode) -> str:
    return "\n".join(one.message for one in findings if asset in one.subject)


PAGE = {
    "binance": ("/myTrades", "balance-differs", "missing trades with"),
    "coinbase-advanced": ("/historical/fills", "balance-differs", "missing trades with"),
    "coinbase-exchange": ("/ledger", "ledger-gap", "missing trade: the rows of fill"),
    "kraken": ("/Ledgers", "ledger-gap", "missing trade: the rows of fill"),
}


@venues
def test_a_skipped_page_is_found_between_the_rows_around_it(book: Book, venue: str) -> None:  # noqa: F811
    path, code, cause = PAGE[venue]
    edge = Edge()
    with scene(book, venue, edge) as at:
        first, last = (at.sandbox.account.fills[number].occurred_at for number in (60, 80))
        edge.hides = lambda asked, row: path in asked and first - MOMENT <= instant_of(row) < last - MOMENT
        findings, holes = at.found()
        at.fill()
        interval = around(at.sandbox.account, USD, lambda row: first <= row.occurred_at < last)
    assert cause in messages(findings[code], USD)
    assert_located(holes, venue, USD, interval)


PRODUCT = {
    "binance": ("balance-differs", "missing trades with USD"),
    "coinbase-advanced": ("balance-differs", "missing trades with USD"),
    "coinbase-exchange": ("unexplained-ledger-line", "no fills LTC-USD of the book explains it"),
    "kraken": ("ledger-begins-late", "no row of the venue's ledger of LTC in main was pulled"),
}


@venues
def test_a_dropped_product_is_found_and_named(book: Book, venue: str) -> None:  # noqa: F811
    code, cause = PRODUCT[venue]
    edge = Edge()
    with scene(book, venue, edge) as at:
        account = at.sandbox.account
        ids = Identities(account.seed)
        trades = {ids.trade(fill) for fill in account.fills if fill.base == LTC}
        names = ("product_id", "pair", "symbol")
        edge.hides = lambda _, row: row.get("refid") in trades or any("LTC" in str(row.get(name)) for name in names)
        findings, holes = at.found()
        at.fill()
        interval = around(at.sandbox.account, USD, lambda row: "LTC" in (row.product or ""))
    assert cause in messages(findings[code], LTC)
    assert_located(holes, venue, USD, interval)


FEE = {
    "binance": ("balance-differs", "missing fee, withdrawal or trade"),
    "coinbase-advanced": ("balance-differs", "missing fee, withdrawal or trade"),
    "coinbase-exchange": ("ledger-gap", "missing fee: the rows of fill"),
    "kraken": ("ledger-gap", "missing fee: that of fill"),
}


@venues
def test_a_lost_fee_is_found_to_the_last_digit(book: Book, venue: str) -> None:  # noqa: F811
    code, cause = FEE[venue]
    edge = Edge()
    with scene(book, venue, edge) as at:
        fill = next(one for one in at.sandbox.account.fills[70:] if one.fee > 0 and one.money == USD)

        def is_of_fill(row: Row) -> bool:
            at = instant_of(row)
            return at is not None and abs(at - fill.occurred_at) < MOMENT

        if venue == "coinbase-exchange":  # its fees are rows of their own
            edge.hides = lambda asked, row: "/ledger" in asked and row.get("type") == "fee" and is_of_fill(row)
        else:
            edge.alters = lambda asked, row: {
                name: "0" if name in {"fee", "commission"} and is_of_fill(row) and "/v2/" not in asked else told
                for name, told in row.items()
            }
        findings, holes = at.found()
        at.fill()
        interval = around(at.sandbox.account, USD, lambda row: row.trade_id == fill.trade_id)
    told = messages(findings[code], USD)
    assert cause in told
    assert text_of(fill.fee) in told
    assert_located(holes, venue, USD, interval)


@venues
def test_a_fee_that_the_venue_first_told_wrongly_is_mended_by_its_later_word(book: Book, venue: str) -> None:  # noqa: F811
    first = "0" if book.settings.database.startswith("sqlite") else "1.25"  # none at all, and another one: one an engine
    edge = Edge()
    with scene(book, venue, edge) as at:
        fill = next(one for one in at.sandbox.account.fills[70:] if one.fee > 0 and one.money == USD)
        edge.alters = lambda asked, row: _with_fee(row, first) if _is_told_at(fill.occurred_at, asked, row) else row
        at.found()
        wrong = _fees(book, fill.occurred_at)
        edge.is_open = True
        night = at.sync(again=True)
        assert (night.outcomes[0].tally.revised, night.outcomes[0].tally.doubtful) == (1, 0)
        assert (night.exit_code, book.reconcile().findings, book.coverage_map().holes) == (0, (), ())
        assert "contradiction" not in {one.code for one in book.findings()}
    assert (set(wrong.values()), set(_fees(book, fill.occurred_at).values())) == ({Decimal(first)}, {fill.fee})
    with book.store.read() as reader:
        (event_id,) = wrong
        entries = [stored.entry for stored in reader.entries_of(event_id)]
    *_, before, reversal, after = entries
    assert (reversal.reverses, after.reverses) == (before.entry_id, None)
    assert reversal.postings == tuple(posting.reversed() for posting in before.postings)
    assert Severity.ERROR not in {one.severity for one in book.check()}
    assert book.rebuild_diff() == Changes()


def test_what_was_found_of_half_an_exchange_goes_when_the_other_half_is_told(book: Book) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, "kraken", edge) as at:
        fill = next(one for one in at.sandbox.account.fills[70:] if one.money == USD)
        refid = Identities(at.sandbox.account.seed).trade(fill)
        for number, lost in enumerate((True, False)):  # one half comes in one night, only the other in the next
            edge.hides = lambda _, row, lost=lost: row.get("refid") == refid and (row["asset"] == "ZUSD") is lost
            assert at.sync(again=bool(number)).exit_code == 1
            halves = [one.message for one in book.findings() if one.code == "unsupported-exchange"]
            assert len(halves) == 1 + number
            assert all(refid in message for message in halves)
        at.fill()
    assert not {"unsupported-exchange", "contradiction"} & {one.code for one in book.findings()}
    with book.store.read() as reader:
        lines = [line for wallet in reader.ledger_wallets(MAIN) for line in reader.ledger_lines(MAIN, wallet)]
        (told,) = [stored.event for stored in reader.events() if stored.event.source_id == refid]
    assert len([line for line in lines if line.explains == told.event_id]) == len({"base", "quote"})


def _is_told_at(instant: datetime, asked: str, row: Row) -> bool:
    told = instant_of(row)
    return told is not None and "/v2/" not in asked and abs(told - instant) < MOMENT


def _with_fee(row: Row, fee: str) -> Row:
    """Tell another fee; of Kraken's ledger in the row of money alone, whose running balance stays true, as do all later ones."""
    if "refid" in row and row.get("asset") != "ZUSD":
        return row
    return {name: fee if name in {"fee", "commission"} else told for name, told in row.items()}


def _fees(book: Book, instant: datetime) -> dict[EventId, Decimal]:  # noqa: F811
    with book.store.read() as reader:
        fills = [stored.event for stored in reader.events() if isinstance(stored.event, Fill)]
    near = [fill for fill in fills if abs(fill.occurred_at - instant) < MOMENT]
    return {fill.event_id: Decimal(0) if fill.fee is None else fill.fee.quantity for fill in near}


WINDOW = {
    "binance": ("balance-differs", "too little in the book"),
    "coinbase-advanced": ("balance-differs", "too little in the book"),
    "coinbase-exchange": ("ledger-begins-late", "what came earlier was not pulled"),
    "kraken": ("ledger-begins-late", "what came earlier was not pulled"),
}


@venues
def test_an_expired_window_is_found_before_what_can_still_be_fetched(book: Book, venue: str) -> None:  # noqa: F811
    code, cause = WINDOW[venue]
    edge = Edge()
    with scene(book, venue, edge) as at:
        first = at.sandbox.account.fills[60].occurred_at
        edge.hides = lambda asked, row: "/fiat/" not in asked and instant_of(row) < first - MOMENT
        findings, holes = at.found()
        at.fill()
    assert any(cause in one.message for one in findings[code])
    told = [one for one in holes if one.stream != "moves"]
    assert told
    assert all(one.from_at is None for one in told if one.stream == "ledger")


def test_what_a_venue_no_longer_gives_is_told_and_is_a_hole_only_where_balances_differ(book: Book) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, "binance", edge) as at:
        edge.hides = lambda asked, _: "/myTrades" in asked
        at.sync()
        moves = [one for one in book.coverage_map().holes if one.stream == "moves"]
        assert moves
        assert {one.why for one in moves} == {"the venue gives rows of the last 179 days only"}
        assert {one.mend for one in moves} == {"if anything was in it, book that from a lotwright-events file"}
        at.fill()
        told = book.coverage_map()
        assert {one.stream for one in told.gone} == {"moves"}
        (months,) = [dict(one.months) for one in told.streams if (one.stream, one.symbol) == ("moves", "MAIN_FUNDING")]
        assert (months["2024-03"], months["2025-09"]) == (MonthCover.GONE, MonthCover.FULL)
    gone = [month for month, cover in months.items() if cover is MonthCover.GONE]
    line = f"main moves {gone[0]} to {gone[-1]}: if anything was in it, book that from a lotwright-events file"
    assert_covers_tell(book, line)


def assert_covers_tell(book: Book, line: str) -> None:  # noqa: F811
    """A workbook has it on its cover; a file of CSV has none, so that it is said beside it."""
    written = book.settings.folder / "summary.xlsx"
    assert commanded(book, "report", "summary", "-o", str(written))[0] == 0
    with zipfile.ZipFile(written) as workbook:
        texts = "".join(workbook.read(name).decode() for name in workbook.namelist() if name.endswith(".xml"))
    assert "No longer given" in texts
    assert line in texts
    said = commanded(book, "report", "summary", "--format", "csv", "-o", str(written.with_suffix(".csv")))[1]
    assert f"no longer given: {line}" in said
    assert line.encode() not in written.with_suffix(".csv").read_bytes()


def test_without_a_ledger_the_last_balances_that_agreed_bound_what_is_missing(book: Book) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, "binance", edge) as at:
        assert at.sync().exit_code == 0
        agreed_at = START + timedelta(seconds=at.clock.seconds)
        at.clock.seconds += 86_400
        edge.alters = _with_more_dollars
        findings, holes = at.found()
    (one,) = findings["balance-differs"]
    assert "(when both agreed)" in one.message
    (hole,) = [one for one in holes if one.symbol == USD]
    assert hole.from_at is not None
    assert hole.from_at <= agreed_at < (hole.to_at or START)


def _with_more_dollars(_path: str, row: Row) -> Row:
    return row | {"free": f"9{row['free']}"} if row.get("asset") == USD and "free" in row else row


UNKNOWN = {"binance": ("/deposit/", {"status": 99}), "coinbase-advanced": ("/transactions", {"type": "mystery"})}


@pytest.mark.parametrize("venue", UNKNOWN)
def test_a_balance_that_differs_by_a_row_nobody_understood_says_so(book: Book, venue: str) -> None:  # noqa: F811
    path, strange = UNKNOWN[venue]

    def altered(asked: str, row: Row) -> Row:
        is_deposit = row.get("type") in {None, "send"} and "-" not in json.dumps(row.get("amount"))
        return row | strange if path in asked and "amount" in row and is_deposit else row

    with scene(book, venue, Edge(alters=altered)) as at:
        findings, holes = at.found()
        assert holes
        told = [one.message for one in findings["balance-differs"]]
        assert told
        assert all("of the venue's rows that nobody understood (`lotwright check` names them)" in one for one in told)
        assert "unknown-row" in {one.code for one in book.findings()}
        at.fill()


def test_a_balance_that_differs_by_a_trade_told_at_a_price_of_nothing_names_it(book: Book) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, "binance", edge) as at:
        fill = next(one for one in at.sandbox.account.fills[70:] if one.money == USD)
        edge.alters = lambda asked, row: row | {"quoteQty": "0.00000000"} if _is_told_at(fill.occurred_at, asked, row) else row
        findings, _ = at.found()
        (told,) = [one.message for one in findings["balance-differs"] if USD in one.subject]
        assert "likely cause: a trade told at a price of nothing: " in told
        at.fill()
