"""What holds of every book: how its history arrived leaves no trace, its figures add up, and a naive model agrees."""

import csv
import io
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Book, exporter
from ledger.domain.amount import ZERO, AssetCode, added, subtracted, text_of
from ledger.domain.ids import IN_TRANSIT
from ledger.domain.lot import Acquisition, Departure, Disposal, Lot, LotOrigin
from ledger.pipeline.match import movements_of
from ledger.pipeline.terms import terms_of

START = datetime(2025, 1, 31, 22, tzinfo=UTC)
ACCOUNTS = ("main", "vault")
ASSETS = ("BTC", "ETH", "BNB")
TYPES = ("buy", "buy", "sell", "swap", "transfer", "income", "spend", "gift_out", "opening", "deposit", "withdrawal")
FIGURES = ("gains", "summary", "lots", "holdings", "journal", "balances", "income", "bots")
EXPECTED_OF_ANY_HISTORY = {
    *("missing-basis", "missing-price", "unknown-acquisition", "unknown-cost", "unpaired-deposit", "unpaired-withdrawal"),
}
COLUMNS = (
    *("id", "time", "type", "account", "to_account", "bot", "asset", "amount", "quote_asset", "quote_amount"),
    *("fee_asset", "fee_amount", "value", "fee_value", "kind", "acquired"),
)

Row = dict[str, str]

quantities = st.integers(1, 10**6).map(lambda units: text_of(Decimal(units).scaleb(-4)))
money = st.integers(1, 10**7).map(lambda cents: text_of(Decimal(cents).scaleb(-2)))
perhaps = st.just("") | money


# --- histories -------------------------------------------------------------------------------------------------------


@st.composite
def fees(draw: st.DrawFn, *, own: str) -> Row:
    """A fee, a rebate in dollars, or none; in the asset itself, in dollars or in a third asset."""
    asset = draw(st.sampled_from(["", "", "USD", "BNB", own]))
    if not asset:
        return {}
    sign = draw(st.sampled_from(["", "-"])) if asset == "USD" else ""
    return {"fee_asset": asset, "fee_amount": sign + draw(quantities), "fee_value": draw(perhaps)}


@st.composite
def native_rows(draw: st.DrawFn, number: int) -> Row:
    """A row of any type of the native format; a `swap` is a purchase or sale for another asset of the book."""
    asset, account = draw(st.sampled_from(ASSETS)), draw(st.sampled_from(ACCOUNTS))
    row = {
        "id": f"r{number}",
        "time": (START + timedelta(hours=draw(st.integers(0, 5)))).isoformat(),
        "type": draw(st.sampled_from(TYPES)),
        "account": account,
        "bot": draw(st.sampled_from(["", "grid", "dca"])),
        "asset": asset,
        "amount": draw(quantities),
    }
    match row["type"]:
        case "buy" | "sell":
            row |= {"quote_asset": "USD", "quote_amount": draw(money)}
        case "swap":
            row |= {"type": draw(st.sampled_from(["buy", "sell"])), "quote_amount": draw(quantities), "value": draw(perhaps)}
            row |= {"quote_asset": draw(st.sampled_from([code for code in ASSETS if code != asset]))}
        case "transfer":
            row |= {"to_account": ACCOUNTS[1 - ACCOUNTS.index(account)]}
        case "income":
            row |= {"kind": "staking", "value": draw(perhaps)}
        case "spend" | "gift_out":
            row |= {"value": draw(perhaps)}
        case "opening":
            return row | {"value": draw(perhaps), "acquired": draw(st.sampled_from(["2023-05-04", "2024-01-31"]))}
    return row | draw(fees(own=asset))


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    return [draw(native_rows(number)) for number in range(draw(st.integers(1, 14)))]


# --- books -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an empty book, to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "book"
    Book.create(folder, time_zone="America/New_York").close()
    return folder


@contextmanager
def books(empty: Path, number: int) -> Iterator[list[Book]]:
    """Give so many empty books of one name."""
    with TemporaryDirectory() as place:
        made = [Book.open(Path(shutil.copytree(empty, Path(place) / str(each) / "book"))) for each in range(number)]
        yield made
        for book in made:
            book.close()


def import_rows(book: Book, *pieces: Sequence[Row]) -> None:
    """Import each piece as a file of its own, by a command of its own."""
    for number, rows in enumerate(pieces):
        path = book.settings.folder.parent / f"piece-{number}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)
        book.import_files([path])


def written(book: Book, name: str, format_name: str = "csv") -> bytes:
    target = io.BytesIO()
    with book.report(name) as document:
        exporter(format_name).write(document, target)
    return target.getvalue()


def figures(book: Book) -> dict[str, bytes]:
    return {name: written(book, name) for name in FIGURES} | {"summary.json": written(book, "summary", "json")}


def rows_of(book: Book, name: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(written(book, name).decode())))


def total(texts: Iterator[str]) -> Decimal:
    return added(*(Decimal(text) for text in texts if text))


# --- arrival ---------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(history=histories(), data=st.data())
def test_order_repetition_and_splits_of_arrival_leave_no_trace(empty: Path, history: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(history))
    again = data.draw(st.lists(st.sampled_from(history), max_size=4))
    cut = data.draw(st.integers(0, len(shuffled)))
    with books(empty, 2) as (whole, pieces):
        import_rows(whole, history)
        import_rows(pieces, shuffled[:cut], [*again, *shuffled[cut:]], again)
        expected = figures(whole)
        assert figures(pieces) == expected
        assert pieces.findings() == whole.findings()
        pieces.rebuild()
        assert figures(pieces) == expected
        assert pieces.findings() == whole.findings()


# --- sums ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(history=histories())
def test_checks_of_any_history_find_only_what_is_missing_from_it(empty: Path, history: list[Row]) -> None:
    with books(empty, 1) as (book,):
        import_rows(book, history)
        assert {finding.code for finding in book.check()} <= EXPECTED_OF_ANY_HISTORY


def held_by(history: list[Row]) -> dict[tuple[str, str], Decimal]:
    """Return what each account holds of each asset, straight from the rows."""
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)

    def move(account: str, asset: str, amount: str, sign: int) -> None:
        held[account, asset] = added(held[account, asset], Decimal(amount) * sign)

    for row in history:
        account, kind = row["account"], row["type"]
        comes_in = kind in {"buy", "income", "opening", "deposit"}
        move(account, row["asset"], row["amount"], 1 if comes_in else -1)
        if kind in {"buy", "sell"}:
            move(account, row["quote_asset"], row["quote_amount"], -1 if kind == "buy" else 1)
        if kind == "transfer":
            move(row["to_account"], row["asset"], row["amount"], 1)
        if "fee_asset" in row:
            move(account, row["fee_asset"], row["fee_amount"], -1)
    return {place: balance for place, balance in held.items() if balance}


@settings(deadline=None, max_examples=25)
@given(history=histories())
def test_balances_are_those_of_the_rows_and_open_lots_those_of_the_balances(empty: Path, history: list[Row]) -> None:
    with books(empty, 1) as (book,):
        import_rows(book, history)
        balances = {
            (row["account"].removeprefix("assets:"), row["asset"]): Decimal(row["balance"])
            for row in rows_of(book, "balances")
            if row["account"].startswith("assets:")
        }
        assert balances == held_by(history)
        lots, disposals = everything(book)
        short = {piece.asset for piece in disposals if piece.lot_id is None}
        short |= {lot.asset for lot in lots if lot.origin is LotOrigin.UNKNOWN}
        open_lots: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for lot in lots:
            if lot.wallet != IN_TRANSIT and lot.quantity_open:
                open_lots[lot.wallet, lot.asset] = added(open_lots[lot.wallet, lot.asset], lot.quantity_open)
        for asset in sorted(set(ASSETS) - short):
            in_lots = {wallet: units for (wallet, code), units in open_lots.items() if code == asset}
            assert in_lots == {account: units for (account, code), units in balances.items() if code == asset}


def everything(book: Book) -> tuple[list[Lot], list[Disposal]]:
    with book.store.read() as reader:
        return list(reader.lots(include_closed=True)), list(reader.disposals())


@settings(deadline=None, max_examples=25)
@given(history=histories())
def test_units_and_cost_acquired_are_those_disposed_of_and_open(empty: Path, history: list[Row]) -> None:
    with books(empty, 1) as (book,):
        import_rows(book, history)
        lots, disposals = everything(book)
        for asset in map(AssetCode, ASSETS):
            with book.store.read() as reader:
                movements = list(movements_of(reader, asset, book.regime, terms_of(book.settings)))
            came = [each for each in movements if isinstance(each, Acquisition) and each.origin is not LotOrigin.UNKNOWN]
            left = [each for each in movements if isinstance(each, Departure)]
            matched = [piece for piece in disposals if piece.asset == asset and piece.lot_id is not None]
            kept = [lot for lot in lots if lot.asset == asset and lot.origin is not LotOrigin.UNKNOWN]
            assert added(*(each.quantity for each in came)) == added(
                *(piece.quantity for piece in matched), *(lot.quantity_open for lot in kept)
            )
            assert added(*(each.cost_basis or ZERO for each in came)) == added(
                *(piece.cost_basis or ZERO for piece in matched), *(lot.cost_open or ZERO for lot in kept)
            )
            pieces = [piece for piece in disposals if piece.asset == asset]
            assert added(*(each.quantity for each in left)) == added(*(piece.quantity for piece in pieces))
            assert added(*(each.proceeds or ZERO for each in left)) == added(*(piece.proceeds or ZERO for piece in pieces))


def gain_of(proceeds: Decimal, cost: Decimal, adjustment: Decimal) -> Decimal:
    return added(subtracted(proceeds, cost), adjustment)


@settings(deadline=None, max_examples=25)
@given(history=histories())
def test_columns_of_gains_add_up_to_summary_and_bots_exactly(empty: Path, history: list[Row]) -> None:
    with books(empty, 1) as (book,):
        import_rows(book, history)
        gains = rows_of(book, "gains")
        for row in gains:
            told = [row[name] for name in ("proceeds", "cost_basis", "adjustment")]
            expected = text_of(gain_of(*map(Decimal, told))) if all(told) else ""
            assert row["gain"] == expected
        tables = json.loads(written(book, "summary", "json"))["tables"]
        for column in ("proceeds", "cost_basis", "adjustment", "gain"):
            expected_total = total(row[column] for row in gains)
            assert [total(row[column] for row in table["rows"]) for table in tables[:2]] == [expected_total] * 2
            assert total(row[column] for row in rows_of(book, "bots")) == expected_total
        by_term = Counter((int(row["date_disposed"][:4]), row["term"]) for row in gains)
        assert {(row["year"], row["term"]): row["disposals"] for row in tables[0]["rows"]} == by_term


# --- a naive model ---------------------------------------------------------------------------------------------------


@st.composite
def whole_unit_rows(draw: st.DrawFn, number: int) -> Row:
    """A row that moves whole bitcoins at whole dollars each; one row an hour."""
    kind = draw(st.sampled_from(["buy", "buy", "sell", "sell", "transfer", "opening"]))
    account, units, price = draw(st.sampled_from(ACCOUNTS)), draw(st.integers(1, 5)), draw(st.integers(1, 9))
    row = {"id": f"r{number}", "time": (START + timedelta(hours=number)).isoformat(), "type": kind, "account": account}
    row |= {"asset": "BTC", "amount": str(units)}
    match kind:
        case "transfer":
            return row | {"to_account": ACCOUNTS[1 - ACCOUNTS.index(account)]}
        case "opening":
            return row | {"value": str(units * price), "acquired": draw(st.sampled_from(["2023-05-04", "2024-01-31"]))}
        case _:
            return row | {"quote_asset": "USD", "quote_amount": str(units * price)}


@st.composite
def whole_unit_histories(draw: st.DrawFn) -> list[Row]:
    return [draw(whole_unit_rows(number)) for number in range(draw(st.integers(1, 25)))]


Unit = tuple[str, int, str, int]  # acquired, n-th acquisition, acquiring event or nothing, cost
Sold = Counter[tuple[str, str, str, int, int]]  # event, account, acquiring event, price and cost of one unit


def one_unit_at_a_time(history: list[Row]) -> Sold:
    """Sell bitcoin by bitcoin, each time the one that was acquired first of those in the account."""
    wallets: dict[str, list[Unit]] = {account: [] for account in ACCOUNTS}
    serials, sold = count(), Counter[tuple[str, str, str, int, int]]()
    for row in history:
        wallet, units, here = wallets[row["account"]], int(row["amount"]), next(serials)
        price = int(row.get("quote_amount") or row.get("value") or 0) // units
        for _ in range(units):
            if row["type"] in {"buy", "opening"}:
                heappush(wallet, (row.get("acquired", row["time"]), here, row["id"], price))
                continue
            unit = heappop(wallet) if wallet else (row["time"], here, "", 0)
            if row["type"] == "transfer":
                heappush(wallets[row["to_account"]], unit)
            else:
                sold[row["id"], row["account"], unit[2], price, unit[3]] += 1
    return sold


@settings(deadline=None, max_examples=40)
@given(history=whole_unit_histories(), data=st.data())
def test_gains_by_fifo_are_those_of_selling_one_unit_at_a_time(empty: Path, history: list[Row], data: st.DataObject) -> None:
    with books(empty, 1) as (book,):
        import_rows(book, data.draw(st.permutations(history)))
        found: Sold = Counter()
        for gain in rows_of(book, "gains"):
            units = int(gain["quantity"])
            price, cost = int(gain["proceeds"]) // units, int(gain["cost_basis"]) // units
            assert (price * units, cost * units) == (int(gain["proceeds"]), int(gain["cost_basis"]))
            found[gain["event"], gain["account"], gain["lot_event"], price, cost] += units
        assert found == one_unit_at_a_time(history)
