"""Closing a year and adding whatever comes late, in whatever order, never changes a byte of what was filed."""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Book, Selection, exporter, exporter_names
from ledger.domain.amount import AssetCode, text_of
from ledger.domain.event import Event
from ledger.domain.price import PriceQuote
from ledger.pipeline.match import Rebuild
from ledger.pipeline.periods.derive import derive_book
from ledger.pipeline.progress import Silent

NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)
YEAR_END = datetime(2026, 1, 1, tzinfo=UTC)
ASSETS = ("BTC", "ETH")
ACCOUNTS = ("main", "vault")
REPORTS = ("gains", "summary", "income", "holdings", "lots", "bots")
COLUMNS = (
    *("id", "time", "type", "account", "to_account", "bot", "asset", "amount", "quote_asset", "quote_amount"),
    *("fee_asset", "fee_amount", "value", "fee_value", "kind", "acquired"),
)
METHODS = ("fifo", "lifo", "hifo", "lofo", "average")

Row = dict[str, str]

quantities = st.integers(1, 10**6).map(lambda units: text_of(Decimal(units).scaleb(-4)))
money = st.integers(1, 10**7).map(lambda cents: text_of(Decimal(cents).scaleb(-2)))


@st.composite
def rows(draw: st.DrawFn, number: int) -> Row:
    """A row of 2024, 2025 or 2026; exchanges and income may lack a price."""
    asset, account = draw(st.sampled_from(ASSETS)), draw(st.sampled_from(ACCOUNTS))
    kind = draw(st.sampled_from(["buy", "buy", "sell", "swap", "income", "transfer", "withdrawal", "deposit", "opening"]))
    when = YEAR_END + timedelta(hours=draw(st.integers(-366 * 24 - 5, 40 * 24)))
    row = {"id": f"r{number}", "time": when.isoformat(), "type": kind, "account": account, "asset": asset, "amount": draw(quantities)}
    row["bot"] = draw(st.sampled_from(["", "grid"]))
    perhaps = draw(st.just("") | money)
    match kind:
        case "buy" | "sell":
            return row | {"quote_asset": "USD", "quote_amount": draw(money), "fee_asset": "USD", "fee_amount": draw(money)}
        case "swap":
            other = ASSETS[1 - ASSETS.index(asset)]
            return row | {"type": "sell", "quote_asset": other, "quote_amount": draw(quantities), "value": perhaps}
        case "income":
            return row | {"kind": "staking", "value": perhaps}
        case "withdrawal" | "deposit":  # of few quantities at few moments, so that some are pairs
            near = YEAR_END + timedelta(minutes=draw(st.integers(-4, 4)) * 10)
            return row | {"time": near.isoformat(), "amount": draw(st.sampled_from(["1", "2"]))}
        case "transfer":
            return row | {"to_account": ACCOUNTS[1 - ACCOUNTS.index(account)]}
        case _:
            return row | {"acquired": "2023-05-04", "value": draw(money)}


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    return [draw(rows(number)) for number in range(draw(st.integers(2, 12)))]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an empty book, to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "book"
    Book.create(folder, time_zone="America/New_York", regime="generic").close()
    return folder


@contextmanager
def opened(folder: Path) -> Iterator[Book]:
    with Book.open(folder) as book:
        book._now = lambda: NOW
        yield book


def import_rows(book: Book, history: Sequence[Row], name: str) -> None:
    path = book.settings.folder.parent / name
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(history)
    book.import_files([path])


def add_prices(book: Book) -> None:
    """Let the moment of every event have a price: one of its hour."""
    quotes = [
        PriceQuote(asset=AssetCode(asset), currency=AssetCode("USD"), observed_at=moment, price=Decimal(100 + moment.hour), source="late")
        for asset in ASSETS
        for moment in sorted({event.occurred_at for event in events(book)})
    ]
    with book.store.write() as writer:
        writer.add_prices(quotes, None)
    derive_book(book.store, book.settings, book.regime, now=book._now, progress=Silent(), rebuild=Rebuild.UNPRICED)


def events(book: Book) -> list[Event]:
    with book.store.read() as reader:
        return [stored.event for stored in reader.events()]


def written(book: Book, formats: Sequence[str], selection: Selection) -> dict[tuple[str, str], bytes]:
    found = {}
    for name in REPORTS:
        for form in formats:
            with book.report(name, selection) as document:
                exporter(form).write(document, target := io.BytesIO())
            found[name, form] = target.getvalue()
    return found


def year(book: Book, *, as_filed: bool | None) -> Selection:
    return Selection(period=book.period_of(2025), as_filed=as_filed)


@settings(deadline=None, max_examples=12)
@given(history=histories(), data=st.data())
def test_late_rows_prices_and_settings_change_no_byte_as_filed(empty: Path, history: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(history))
    cut = data.draw(st.integers(1, len(history)))
    pieces = [shuffled[cut:][start::2] for start in range(2)]
    method = data.draw(st.sampled_from(METHODS))
    with TemporaryDirectory() as place:
        folder = Path(shutil.copytree(empty, Path(place) / "book"))
        with opened(folder) as book:
            import_rows(book, shuffled[:cut], "first.csv")
            open_figures = written(book, ["csv"], year(book, as_filed=None))
            book.close_year(2025, with_findings=True)
            filed = written(book, exporter_names(), year(book, as_filed=True))
            assert {key: content for key, content in filed.items() if key[1] == "csv"} == open_figures
            for number, piece in enumerate(pieces):
                import_rows(book, piece, f"late-{number}.csv")
                assert written(book, exporter_names(), year(book, as_filed=True)) == filed
            add_prices(book)
            assert written(book, exporter_names(), year(book, as_filed=True)) == filed
            assert written(book, ["csv"], year(book, as_filed=None)) == open_figures
            now = written(book, ["csv"], year(book, as_filed=False))
            same = {name: now[name, "csv"] == open_figures[name, "csv"] for name in ("gains", "income", "lots")}
            differs = any(finding.code == "closed-year-differs" for finding in book.findings())
            assert differs or all(same[name] for name in ("income", "lots"))
            assert differs == any(finding.code == "closed-year-differs" for finding in book.check())
            with book.period_diff(2025) as document:
                gains, _, income, lots = (list(table.rows()) for table in document.tables)
            assert bool(gains or income or lots) is differs
        text = (folder / "lotwright.toml").read_text(encoding="utf-8")
        (folder / "lotwright.toml").write_text(
            text.replace('"fifo"', f'"{method}"', 1).replace("America/New_York", "Asia/Tokyo"), encoding="utf-8"
        )
        with opened(folder) as book:
            assert written(book, exporter_names(), year(book, as_filed=True)) == filed


@settings(deadline=None, max_examples=12)
@given(history=histories(), data=st.data())
def test_the_order_in_which_late_rows_arrive_leaves_no_trace_in_the_current_figures(
    empty: Path, history: list[Row], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(history))
    cut = data.draw(st.integers(1, len(history)))
    with TemporaryDirectory() as place:
        found = []
        for number, late in enumerate((shuffled[cut:], shuffled[cut:][::-1])):
            folder = Path(shutil.copytree(empty, Path(place) / str(number) / "book"))
            with opened(folder) as book:
                import_rows(book, shuffled[:cut], "first.csv")
                book.close_year(2025, with_findings=True)
                for each, row in enumerate(late):
                    import_rows(book, [row], f"late-{each}.csv")
                with book.period_diff(2025) as document:
                    differences = [list(table.rows()) for table in document.tables]
                codes = [(finding.code, finding.subject) for finding in book.findings()]
                found.append((written(book, ["csv"], year(book, as_filed=False)), differences, codes))
        assert found[0] == found[1]
