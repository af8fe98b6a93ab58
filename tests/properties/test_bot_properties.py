"""Random books of several bots: however rules change, the book ends as if it had always had them."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Book, Selection, exporter
from ledger.domain.amount import ZERO, AssetCode, added
from ledger.domain.document import Cell
from ledger.domain.ids import AccountId, BotId
from ledger.domain.time.period import Period

REPORTS = ("gains", "summary", "lots", "journal", "bots")
EVERYTHING = Selection()
START = datetime(2025, 1, 1, tzinfo=UTC)
COLUMNS = (
    *("id", "time", "type", "account", "bot", "order_id", "asset", "amount", "quote_asset", "quote_amount"),
    *("fee_asset", "fee_amount", "fee_value"),
)

RULE = st.builds(
    '[[bots]]\nname = "{}"\n{} = "{}"\n'.format,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["order_id", "client_order_id"]),
    st.sampled_from(["o-*", "*1", "*[02]", "*"]),
)
RULES = st.lists(RULE, max_size=3).map("".join)
TRADE = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["buy", "buy", "sell"]),
        "asset": st.sampled_from(["BTC", "ETH"]),
        "order_id": st.sampled_from(["", "o-0", "o-1", "o-2", "p-1"]),
        "bot": st.sampled_from(["", "", "told"]),
        "amount": st.sampled_from(["1", "0.3", "0.000000000000000007", "2.5"]),
        "quote_amount": st.sampled_from(["100", "33.33", "0.01", "777"]),
        "fee": st.sampled_from([("", "", ""), ("USD", "0.07", ""), ("BNB", "0.001", "0.6"), ("USD", "-0.02", "")]),
    }
)


def trades_file(folder: Path, trades: list[dict[str, object]]) -> Path:
    path = folder / "trades.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        lines = csv.DictWriter(target, COLUMNS, restval="", lineterminator="\n")
        lines.writeheader()
        for number, trade in enumerate(trades):
            fee = dict(zip(("fee_asset", "fee_amount", "fee_value"), trade["fee"], strict=True))  # type: ignore[call-overload]  # a triple
            head = {"id": f"t{number}", "time": (START + timedelta(days=number * 20)).isoformat(), "account": "main", "quote_asset": "USD"}
            lines.writerow({**head, **{key: text for key, text in trade.items() if key != "fee"}, **fee})
    return path


@contextmanager
def with_rules(book: Book, rules: str) -> Iterator[Book]:
    path = Path(book.settings.folder) / "lotwright.toml"
    kept = path.read_text(encoding="utf-8").partition("[[bots]]")[0]
    path.write_text(kept + rules, encoding="utf-8")
    with Book.open(book.settings.folder) as opened:
        yield opened


def figures_of(book: Book) -> dict[str, bytes]:
    written = {}
    for name in REPORTS:
        target = io.BytesIO()
        with book.report(name) as document:
            exporter("csv").write(document, target)
        written[name] = target.getvalue()
    return written


@settings(max_examples=15, deadline=None)
@given(first=RULES, then=RULES, trades=st.lists(TRADE, min_size=1, max_size=10))
def test_any_change_of_rules_ends_in_the_book_of_a_full_rebuild(first: str, then: str, trades: list[dict[str, object]]) -> None:
    with TemporaryDirectory() as folder:
        path = trades_file(Path(folder), trades)
        with Book.create(Path(folder) / "changed" / "book") as made:
            with with_rules(made, first) as before:
                before.import_files([path])
            with with_rules(made, then) as changed:
                found = figures_of(changed)
                changed.rebuild()
                assert figures_of(changed) == found
        with Book.create(Path(folder) / "always" / "book") as fresh, with_rules(fresh, then) as always:
            always.import_files([path])
            assert figures_of(always) == found


def tables_of(book: Book, name: str, selection: Selection = EVERYTHING) -> dict[str, list[dict[str, Cell]]]:
    with book.report(name, selection) as document:
        return {
            table.name: [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows()]
            for table in document.tables
        }


def total(rows: list[dict[str, Cell]], column: str) -> Decimal:
    return added(ZERO, *(figure for row in rows if isinstance(figure := row[column], Decimal)))


@settings(max_examples=40, deadline=None)
@given(rules=RULES, trades=st.lists(TRADE, min_size=1, max_size=12))
def test_bots_add_up_to_the_summary_to_the_last_digit(rules: str, trades: list[dict[str, object]]) -> None:
    with TemporaryDirectory() as folder, Book.create(Path(folder) / "book") as made, with_rules(made, rules) as book:
        book.import_files([trades_file(Path(folder), trades)])
        bots = bots_that_add_up(book, EVERYTHING)
        assert sum(int(str(row["fills"])) for row in bots["bots"]) == len(trades)


def bots_that_add_up(book: Book, selection: Selection) -> dict[str, list[dict[str, Cell]]]:
    """Assert that the report of bots says what the summary says of the same part of a book; return its tables."""
    bots, summary = tables_of(book, "bots", selection), tables_of(book, "summary", selection)["summary"]
    for figure in ("proceeds", "cost_basis", "adjustment", "gain"):
        assert total(bots["bots"], figure) == total(summary, figure)
    for table in ("bot-own", "bot-months"):
        assert total(bots[table], "gain") == total(summary, "gain")
        assert added(total(bots[table], "own_result"), total(bots[table], "difference")) == total(summary, "gain")
    assert total(bots["bot-own"], "own_result") == total(bots["bot-months"], "own_result")
    for row in bots["bot-own"]:
        assert added(total([row], "proceeds_not_bought"), total([row], "other_lots")) == row["difference"]
    assert added(total(bots["bot-own"], "proceeds_not_bought")) == total(bots["bot-not-bought"], "proceeds")
    return bots


BOTS_RULES = '[[bots]]\nname = "a"\norder_id = "o-*"\n[[bots]]\nname = "b"\norder_id = "*-1"\naccount = "alt"\n'
ACCOUNT, MONTH = st.sampled_from(["main", "alt"]), st.integers(0, 23)
MOVE = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["buy", "buy", "sell"]),
            "quote_asset": st.sampled_from(["USD", "USDT"]),
            "quote_amount": st.sampled_from(["100", "33.33", "0.01"]),
            "value": st.sampled_from(["99.99", "99.99", ""]),
            "fee": st.sampled_from([("", "", ""), ("BNB", "0.001", "0.6"), ("BNB", "0.001", ""), ("USD", "-0.02", "")]),
            "order_id": st.sampled_from(["", "o-1", "p-1"]),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("transfer"), "fee": st.sampled_from([("", "", ""), ("BNB", "0.0001", ""), ("ETH", "0.0001", "")])}
    ),
    st.fixed_dictionaries({"type": st.just("income"), "kind": st.just("staking"), "value": st.sampled_from(["5", ""])}),
    st.fixed_dictionaries({"type": st.sampled_from(["spend", "gift_out", "fee"]), "value": st.sampled_from(["5", ""])}),
)
AMOUNT = st.sampled_from(["1", "0.3", "0.000000000000000007", "2.5"])
MOVES = st.lists(
    st.tuples(MOVE, ACCOUNT, st.sampled_from(["BTC", "ETH"]), AMOUNT, MONTH, st.sampled_from(["", "told"])), min_size=1, max_size=14
)
PARTS = (
    *(Selection(bot=BotId(bot)) for bot in ("a", "b", "told", "")),
    *(Selection(asset=AssetCode("ETH")), Selection(account=AccountId("alt"))),
    Selection(period=Period(from_day=date(2025, 6, 1), to_day=date(2026, 3, 31))),
    Selection(period=Period(from_day=date(2025, 6, 1)), bot=BotId("told"), asset=AssetCode("BTC"), account=AccountId("main")),
)


def moves_file(folder: Path, moves: list[tuple[dict[str, object], str, str, str, int, str]]) -> Path:
    path = folder / "moves.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        lines = csv.DictWriter(target, (*COLUMNS, "to_account", "value", "kind"), restval="", lineterminator="\n")
        lines.writeheader()
        for number, (move, account, asset, amount, month, bot) in enumerate(moves):
            cells: dict[str, object] = {"asset": asset, "amount": amount, "account": account, "bot": bot, **move}
            cells |= dict(zip(("fee_asset", "fee_amount", "fee_value"), cells.pop("fee", ()), strict=False))  # type: ignore[call-overload]
            cells |= {"id": f"m{number}", "time": (START + timedelta(days=month * 30, hours=number)).isoformat()}
            if move["type"] == "transfer":
                cells["to_account"] = "alt" if account == "main" else "main"
            if cells.get("quote_asset") == "USD":
                cells["value"] = ""
            lines.writerow(cells)
    return path


@settings(max_examples=12, deadline=None)
@given(moves=MOVES, method=st.sampled_from(["fifo", "hifo", "average"]))
def test_bots_of_every_part_of_a_book_add_up_to_its_summary_and_a_renamed_bot_keeps_its_figures(
    moves: list[tuple[dict[str, object], str, str, str, int, str]], method: str
) -> None:
    with TemporaryDirectory() as folder, Book.create(Path(folder) / "book", regime="generic", method=method) as made:
        with with_rules(made, BOTS_RULES) as book:
            book.import_files([moves_file(Path(folder), moves)])
            before = bots_that_add_up(book, EVERYTHING)
            for part in PARTS:
                bots_that_add_up(book, part)
        with with_rules(made, BOTS_RULES.replace('"a"', '"alpha"')) as renamed:
            now = bots_that_add_up(renamed, EVERYTHING)
    for name in ("bots", "bot-own", "bot-months"):
        assert by_bot(now[name]) == by_bot([{**row, "bot": "alpha" if row["bot"] == "a" else row["bot"]} for row in before[name]])


def by_bot(rows: list[dict[str, Cell]]) -> list[str]:
    return sorted(str(sorted((name, str(cell)) for name, cell in row.items())) for row in rows)


@settings(max_examples=20, deadline=None)
@given(trades=st.lists(TRADE, min_size=1, max_size=10))
def test_the_own_result_of_the_only_bot_is_the_tax_result_of_its_lots(trades: list[dict[str, object]]) -> None:
    alone = [{**trade, "bot": "told"} for trade in trades]
    with TemporaryDirectory() as folder, Book.create(Path(folder) / "book") as book:
        book.import_files([trades_file(Path(folder), alone)])
        bots = tables_of(book, "bots")
        assert total(bots["bot-own"], "difference") == total(bots["bot-not-bought"], "proceeds")
