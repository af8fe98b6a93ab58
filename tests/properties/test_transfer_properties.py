"""Books of halves: whatever arrives in whatever order and is decided on the way, what is brought up to date is what is built anew."""

import csv
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Book
from ledger.domain.errors import InputError

START = datetime(2025, 1, 31, 22, tzinfo=UTC)
ACCOUNTS = ("main", "vault", "cold")
COLUMNS = (
    "id",
    "time",
    "type",
    "account",
    "asset",
    "amount",
    "quote_asset",
    "quote_amount",
    "fee_asset",
    "fee_amount",
    "fee_value",
    "value",
)
EXPECTED = {"missing-basis", "missing-price", "unknown-acquisition", "unpaired-deposit", "unpaired-withdrawal"}
EXPECTED_OF_DECISIONS = {"dismissed-deposit", "dismissed-withdrawal"}

Row = dict[str, str]


@st.composite
def rows(draw: st.DrawFn, number: int) -> Row:
    """A purchase, a sale or a half, of few sizes and times, so that many halves fit."""
    kind = draw(st.sampled_from(["buy", "sell", "deposit", "deposit", "withdrawal", "withdrawal"]))
    row = {
        "id": f"r{number}",
        "time": (START + timedelta(minutes=10 * draw(st.integers(0, 8)))).isoformat(),
        "type": kind,
        "account": draw(st.sampled_from(ACCOUNTS)),
        "asset": draw(st.sampled_from(["BTC", "BTC", "ETH"])),
        "amount": draw(st.sampled_from(["1", "1", "0.997", "2.5"])),
    }
    if kind in {"buy", "sell"}:
        return row | {"quote_asset": "USD", "quote_amount": str(draw(st.integers(1, 999)))}
    fee = draw(st.sampled_from(["", "", "BTC", "ETH", "USD"]))
    return row | ({"fee_asset": fee, "fee_amount": "0.01", "fee_value": "3"} if fee else {})


Steps = list[tuple[str, int, int]]


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Row], list[int], Steps]:
    """A history, another order of it, and what a user decides about it: (verb, half, other half)."""
    history = [draw(rows(number)) for number in range(draw(st.integers(1, 12)))]
    order = draw(st.permutations(range(len(history))))
    verbs = st.tuples(st.sampled_from(["match", "split", "dismiss"]), st.integers(0, 11), st.integers(0, 11))
    return history, order, draw(st.lists(verbs, max_size=5))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an empty book, to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "book"
    Book.create(folder).close()
    return folder


def import_rows(book: Book, *pieces: Sequence[Row]) -> None:
    for number, piece in enumerate(pieces):
        path = book.settings.folder.parent / f"piece-{number}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(piece)
        book.import_files([path])


def decide(book: Book, history: Sequence[Row], steps: Steps) -> None:
    """Do what a user decides, as far as it is sensible."""
    names = [f"{row['account']}/{row['id']}" for row in history]
    for verb, one, other in steps:
        half, second = names[one % len(names)], names[other % len(names)]
        with suppress(InputError):
            match verb:
                case "match":
                    book.match_transfers(half, second, rest_is_fee=True)
                case "split":
                    book.split_transfer(half)
                case _:
                    book.dismiss_transfer(half)


def derived(book: Book) -> tuple[object, ...]:
    with book.store.read() as reader:
        lots = sorted(map(repr, reader.lots(include_closed=True)))
        return reader.transfer_links(), lots, sorted(map(repr, reader.disposals())), reader.findings()


@settings(deadline=None, max_examples=60)
@given(stories())
def test_what_is_brought_up_to_date_is_what_is_built_anew(empty: Path, story: tuple[list[Row], list[int], Steps]) -> None:
    history, order, steps = story
    with TemporaryDirectory() as place, ExitStack() as closing:
        whole, piecewise = (Book.open(Path(shutil.copytree(empty, Path(place) / name / "book"))) for name in ("whole", "piecewise"))
        closing.callback(whole.close)
        closing.callback(piecewise.close)
        import_rows(whole, history)
        import_rows(piecewise, *([history[number]] for number in order))
        assert derived(whole) == derived(piecewise)
        decide(whole, history, steps)
        decide(piecewise, history, steps)
        found = {finding.code for finding in whole.check()}
        assert found <= EXPECTED | EXPECTED_OF_DECISIONS
        piecewise.rebuild()
        with whole.store.write() as writer:
            writer.replace_findings("check", [], START)
        assert derived(whole) == derived(piecewise)
