"""Bots' databases: joined with events by order, whichever came first; anything else is refused."""

import csv
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import permutations
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.cli.main import run
from ledger.domain.amount import text_of
from ledger.domain.errors import InputError
from ledger.sandbox.history.rows import SandboxFill
from ledger.sandbox.server import Sandbox

FILLS, EXPORTED = 504, 500  # an export of Coinbase Pro has no orders that another asset than the product's quote pays
PRO_COLUMNS = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit"
FILL_COLUMNS = ("exchange_trade_id", "config_file_path", "strategy", "market", "symbol", "order_id", "price", "amount")
Row = dict[str, str]
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)


def freqtrade(path: Path, orders: list[tuple[str, str]]) -> Path:
    """Write (order id, strategy) as freqtrade does, as far as we read it; amounts are floats there."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE trades (id INTEGER PRIMARY KEY, exchange TEXT, strategy TEXT, enter_tag TEXT, amount FLOAT)")
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, ft_trade_id INTEGER, order_id TEXT, filled FLOAT)")
        for number, (order, strategy) in enumerate(orders, 1):
            database.execute("INSERT INTO trades VALUES (?, 'coinbase', ?, 'tag', 0.1)", (number, strategy))
            database.execute("INSERT INTO orders VALUES (?, ?, ?, 0.1)", (number, number, order))
    return path


def hummingbot(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([FILL_COLUMNS, *rows])
    return path


def bots(book: Book) -> dict[str, str | None]:
    with book.store.read() as reader:
        return {stored.event.source_id: stored.event.bot for stored in reader.events(kinds=("fill",))}


# --- three tellings of one history ------------------------------------------------------------------------------------


def pro_row(fill: SandboxFill) -> str:
    sign = 1 if fill.side.value == "sell" else -1
    total = sign * fill.money_amount - fill.fee
    cells = ("main", fill.trade_id, fill.product, fill.side.value.upper(), fill.occurred_at.isoformat(timespec="milliseconds"))
    money = (text_of(fill.price), text_of(fill.fee), text_of(total), fill.money)
    return ",".join(map(str, (*cells, text_of(fill.size), fill.base, *money)))


@ON_SQLITE
@pytest.mark.parametrize("order", list(permutations(("page", "export", "database"))), ids="-".join)
def test_fills_told_by_pages_an_export_and_a_bot_s_database_are_one_event_each_with_three_evidences(
    order: tuple[str, ...], new_book: Callable[..., Book], tmp_path: Path
) -> None:
    book = new_book()
    with Sandbox(seed=7, fills=FILLS, faults="none") as sandbox:
        environment = {"K_KEY": sandbox.key, "K_SECRET": sandbox.secret, "K_PASSPHRASE": sandbox.passphrase}
        book.add_connection("main", venue="coinbase-exchange", secrets="env:K", base_url=sandbox.rest_url, share=1.0)
        fills = sandbox.account.fills
        export = tmp_path / "fills.csv"
        exported = [fill for fill in fills if fill.product.endswith(fill.money)]
        export.write_text("\n".join([PRO_COLUMNS, *map(pro_row, exported), ""]), encoding="utf-8")
        database = freqtrade(tmp_path / "trades.sqlite", sorted({(fill.order_id, fill.bot) for fill in fills}))
        steps = {
            "page": lambda: book.sync(environment=environment),
            "export": lambda: book.import_files([export], account="main"),
            "database": lambda: book.import_bots([database], account="main"),
        }
        for step in order:
            steps[step]()
    with book.store.read() as reader:
        told = [stored.event for stored in reader.events(kinds=("fill",))]
        assert len(told) == len(fills) == FILLS
        evidences = Counter(len(reader.evidence(event.event_id)) for event in told)
        assert evidences == {3: EXPORTED, 2: FILLS - EXPORTED}
        assert len(exported) == EXPORTED
        assert {(event.source_id, event.order_id, event.bot) for event in told} == {
            (str(fill.trade_id), fill.order_id, fill.bot) for fill in fills
        }
        assert book.waiting_orders(10) == ()
    assert [finding for finding in book.check() if finding.severity == "error"] == []


# --- joins ------------------------------------------------------------------------------------------------------------


def test_an_order_waits_for_its_event_and_a_name_of_all_orders_goes_before_those_in_the_file(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], tmp_path: Path
) -> None:
    database = freqtrade(tmp_path / "trades.sqlite", [("o-1", "Grid"), ("o-9", "Grid")])
    (outcome,) = book.import_bots([database], account="main", bot="mine")
    assert (outcome.format_name, outcome.rows, outcome.joined) == ("freqtrade", 2, 0)
    assert outcome.waiting == ("orders row 1: o-1", "orders row 2: o-9")
    book.import_files([write(row("b1", order_id="o-1"), row("b2", order_id="o-1", account="other"))])
    assert bots(book) == {"b1": "mine", "b2": None}
    assert book.waiting_orders(9) == (("main", "order:o-9", "mine"),)
    assert book.bot_databases() == (("trades.sqlite", "freqtrade", "main", "mine", 2),)
    assert "a bot's database, by order:o-1" in str(book.explain("b1"))
    (again,) = book.import_bots([database], account="main", bot="mine")
    assert (again.joined, again.waiting) == (1, ("orders row 2: o-9",))


def test_a_fill_is_joined_by_its_trade_in_its_own_market_only(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], tmp_path: Path
) -> None:
    book.import_files([write(row("7"), row("8", asset="ETH"), row("9", bot="told"))])
    rows = [(ident, "conf_1.yml", "pmm", "coinbase", "BTC-USD", f"HB{ident}", "1", "1") for ident in ("7", "8", "9")]
    (outcome,) = book.import_bots([hummingbot(tmp_path / "fills.csv", rows)], account="main")
    assert (outcome.joined, outcome.waiting) == (2, ("line 3: HB8 8",))
    assert bots(book) == {"7": "conf_1.yml", "8": None, "9": "told"}
    with book.store.read() as reader:
        assert len(reader.evidence(next(reader.events()).event.event_id)) == 2


def test_databases_that_disagree_give_one_bot_in_whatever_order_they_come(
    new_book: Callable[..., Book], row: Callable[..., Row], write: Callable[..., Path], tmp_path: Path
) -> None:
    events = write(row("b1", order_id="o-1"))
    files = [freqtrade(tmp_path / f"{name}.sqlite", [("o-1", name)]) for name in ("B", "A")]
    for paths in (files, files[::-1]):
        book = new_book()
        book.import_files([events])
        found = book.import_bots(paths, account="main")
        assert [one.disputed for one in found] == [(), ("order:o-1 by A and B; it counts as A's",)]
        assert bots(book) == {"b1": "A"}
        assert book.import_bots(files[:1], account="other")[0].disputed == ()


def test_hummingbot_s_sqlite_and_jesse_s_orders_are_read_too(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "hb.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE TradeFill ({', '.join(FILL_COLUMNS)})")
        database.execute("INSERT INTO TradeFill VALUES ('x', 'conf.yml', 's', 'm', 'BTC-USD', 'o-1', 1000000, 1)")
    named = tmp_path / "named.sqlite"
    with closing(sqlite3.connect(named)) as database, database:
        database.execute(f"CREATE TABLE TradeFill ({', '.join(FILL_COLUMNS)})")
        database.execute('CREATE TABLE "Order" (id, exchange_order_id)')
        database.execute(
            "INSERT INTO TradeFill VALUES ('y', 'conf.yml', 's', 'm', 'BTC-USD', 'HB4', 1, 1), ('z', 'c', 's', 'm', 'A-B', '?', 1, 1)"
        )
        database.execute("INSERT INTO \"Order\" VALUES ('HB4', 'o-4')")
    orders = tmp_path / "orders.csv"
    orders.write_text("id,exchange_id,symbol,strategy_name\nu-1,o-2,BTC-USD,Turtle\n", encoding="utf-8")
    listed = tmp_path / "orders.json"
    listed.write_text('{"orders": [{"id": "o-3", "exchange_id": null, "strategy_name": "Snail"}]}', encoding="utf-8")
    book.import_files([write(*(row(f"b{number}", order_id=f"o-{number}") for number in (1, 2, 3, 4)))])
    found = book.import_bots([path, orders, listed, named], account="main")
    names = ["hummingbot", "jesse-csv", "jesse-json", "hummingbot"]
    assert [(one.format_name, one.rows, one.joined) for one in found] == list(zip(names, (1, 1, 1, 2), (1, 1, 1, 1), strict=True))
    assert bots(book) == {"b1": "conf.yml", "b2": "Turtle", "b3": "Snail", "b4": "conf.yml"}


def test_orders_are_counted_once_whatever_they_are_called_and_however_often(book: Book, tmp_path: Path) -> None:
    rows = [
        (ident, "conf.yml", "pmm", "coinbase", "BTC-USD", order, "1", "1") for ident, order in (("7", "HB1"), ("8", "HB1"), ("9", "HB2"))
    ]
    orders = tmp_path / "orders.csv"
    cells = ("u-1,,Turtle", "u-1,v-1,Turtle", "v-2,,Turtle", "u-2,,Turtle", "u-2,v-2,Turtle", "u-3,v-3,Snail")
    orders.write_text("\n".join(["id,exchange_id,strategy_name,symbol", *(f"{one},BTC-USD" for one in cells), ""]), encoding="utf-8")
    theirs = [(ident, "other.yml", *rest) for ident, _, *rest in rows[:2]]
    book.import_bots([hummingbot(tmp_path / "fills.csv", rows), orders], account="main")
    (outcome,) = book.import_bots([hummingbot(tmp_path / "theirs.csv", theirs)], account="main")
    assert outcome.disputed == ("order:HB1 by conf.yml and other.yml; it counts as conf.yml's",)
    assert book.bot_databases() == (
        ("fills.csv", "hummingbot-csv", "main", "conf.yml", 2),
        ("orders.csv", "jesse-csv", "main", "Snail", 1),
        ("orders.csv", "jesse-csv", "main", "Turtle", 2),
        ("theirs.csv", "hummingbot-csv", "main", "other.yml", 1),
    )


# --- refusals ---------------------------------------------------------------------------------------------------------

HOSTILE = {
    "another database": "CREATE TABLE notes (id)",
    "a view in a table's place": "CREATE TABLE trades (id, strategy); "
    "CREATE VIEW orders AS SELECT 1 AS id, 1 AS ft_trade_id, 'x' AS order_id",
    "columns that are not there": "CREATE TABLE trades (id); CREATE TABLE orders (id, ft_trade_id, order_id)",
    "a column that is computed": "CREATE TABLE trades (id, strategy); "
    "CREATE TABLE orders (id, ft_trade_id, order_id TEXT GENERATED ALWAYS AS (hex(id)) VIRTUAL)",
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_database_of_another_make_is_refused_and_says_what_was_found(book: Book, schema: str, tmp_path: Path) -> None:
    path = tmp_path / "any.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(schema)
    with pytest.raises(InputError, match="no database of a bot that is known; its tables are") as refused:
        book.import_bots([path], account="main")
    assert "freqtrade (SQLite) with orders(id, ft_trade_id, order_id)" in refused.value.mend
    assert book.bot_databases() == ()


@pytest.mark.parametrize(
    "content", [b"SQLite format 3\x00" + b"\xff" * 5000, b"SQLite format 3\x00", b"", b"[1]", b"{", b"a,b\n1,2\n", b"\x00"]
)
def test_any_other_file_is_refused_and_nothing_is_stored(
    book: Book, content: bytes, tmp_path: Path, counts: Callable[[Book], dict[str, int]]
) -> None:
    path, before = tmp_path / "file", counts(book)
    path.write_bytes(content)
    with pytest.raises(InputError):
        book.import_bots([path], account="main")
    assert counts(book) == before


def test_a_damaged_database_and_a_bot_without_a_name_are_refused(book: Book, tmp_path: Path) -> None:
    path = freqtrade(tmp_path / "trades.sqlite", [(f"o-{number}", "") for number in range(500)])
    with pytest.raises(InputError, match=r"orders row 1: the bot is ''") as refused:
        book.import_bots([path], account="main")
    assert refused.value.mend == "name the bot of all its orders with --bot NAME"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as an SQLite database"):
        book.import_bots([path], account="main", bot="b")


def test_a_database_that_comes_again_with_another_bot_is_refused(
    book: Book, row: Callable[..., Row], write: Callable[..., Path], tmp_path: Path
) -> None:
    book.import_files([write(row("b1", order_id="o-1"))])
    path = freqtrade(tmp_path / "trades.sqlite", [("o-1", "Grid")])
    book.import_bots([path], account="main", bot="one")
    with pytest.raises(InputError, match="was taken in before with bot one, now with two") as refused:
        book.import_bots([path], account="main", bot="two")
    assert "a rule under [[bots]]" in refused.value.mend
    assert bots(book) == {"b1": "one"}


def test_a_database_whose_newest_rows_are_in_a_log_beside_it_is_refused(book: Book, tmp_path: Path) -> None:
    path = freqtrade(tmp_path / "trades.sqlite", [("o-1", "Grid")])
    with closing(sqlite3.connect(path)) as running:
        with running:
            running.execute("INSERT INTO orders VALUES (2, 1, 'o-2', 0.1)")
        with pytest.raises(InputError, match=r"its newest rows are in trades\.sqlite-wal beside it") as refused:
            book.import_bots([path], account="main")
        assert "stop the bot" in refused.value.mend
    assert book.import_bots([path], account="main")[0].rows == 2


# --- the command ------------------------------------------------------------------------------------------------------


@ON_SQLITE
def test_the_command_counts_joined_and_waiting_orders_and_refuses_other_files_with_2(
    new_book: Callable[..., Book],
    row: Callable[..., Row],
    write: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    book = new_book()
    book.import_files([write(row("b1", order_id="o-1"))])
    here = ["--book", str(book.settings.folder), "bots"]
    path = freqtrade(tmp_path / "trades.sqlite", [("o-1", "Grid"), ("o-2", "Grid")])
    assert run([*here, "import", str(path), "--account", "main"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{path}: freqtrade, 2 rows: 1 joined, 1 wait for their events\n"
    assert told.err == "  waits: orders row 2: o-2\n"
    assert run([*here, "list"]) == run([*here, "list", "--waiting"]) == 0
    assert capsys.readouterr().out == "trades.sqlite  freqtrade  main  Grid  2\nmain  order:o-2  Grid\n"
    assert run([*here, "import", str(write(row("b2"))), "--account", "main"]) == 2
    assert "is no table of a bot; its columns are" in capsys.readouterr().err
    other = freqtrade(tmp_path / "other.sqlite", [("o-2", "Snail")])
    assert run([*here, "import", str(other), "--account", "main"]) == 0
    claimed = "  claimed twice: order:o-2 by Grid and Snail; it counts as Grid's; a rule of [[bots]] goes before\n"
    assert capsys.readouterr().err.startswith(claimed)
    assert run([*here, "import", str(path), "--account", "mian"]) == 0
    assert "the book knows no account 'mian'; did you mean 'main'?" in capsys.readouterr().err
