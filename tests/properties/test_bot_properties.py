"""Random books of several bots: however rules change, the book ends as if it had always had them."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Book, exporter
from ledger.domain.amount import ZERO, added
from ledger.domain.document import Cell

REPORTS = ("gains", "summary", "lots", "journal", "bots")
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


def tables_of(book: Book, name: str) -> dict[str, list[dict[str, Cell]]]:
    with book.report(name) as document:
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
        bots, summary = tables_of(book, "bots"), tables_of(book, "summary")["summary"]
        for figure in ("proceeds", "cost_basis", "adjustment", "gain"):
            assert total(bots["bots"], figure) == total(summary, figure)
        for table in ("bot-own", "bot-months"):
            assert total(bots[table], "gain") == total(summary, "gain")
            assert added(total(bots[table], "own_result"), total(bots[table], "difference")) == total(summary, "gain")
        assert total(bots["bot-own"], "own_result") == total(bots["bot-months"], "own_result")
        for row in bots["bot-own"]:
            assert added(total([row], "proceeds_not_bought"), total([row], "other_lots")) == row["difference"]
        assert sum(int(str(row["fills"])) for row in bots["bots"]) == len(trades)
        assert added(total(bots["bot-own"], "proceeds_not_bought")) == total(bots["bot-not-bought"], "proceeds")


@settings(max_examples=20, deadline=None)
@given(trades=st.lists(TRADE, min_size=1, max_size=10))
def test_the_own_result_of_the_only_bot_is_the_tax_result_of_its_lots(trades: list[dict[str, object]]) -> None:
    alone = [{**trade, "bot": "told"} for trade in trades]
    with TemporaryDirectory() as folder, Book.create(Path(folder) / "book") as book:
        book.import_files([trades_file(Path(folder), alone)])
        bots = tables_of(book, "bots")
        assert total(bots["bot-own"], "difference") == total(bots["bot-not-bought"], "proceeds")
