"""Whatever stands below a known header, every format answers with events, faults or an `InputError`."""

import csv
import io
from collections import defaultdict
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import plugins
from ledger.connectors.files.reading import read_table
from ledger.domain.errors import InputError
from ledger.domain.event_text import body_text, facts_hash
from ledger.domain.ids import AccountId
from ledger.ports import FileFormat, FileTerms

from .composed import FILES

OWN = tuple(
    (path.stem, *path.read_text(encoding="utf-8").splitlines())
    for path in sorted((Path(__file__).parent / "golden" / "sound").glob("*.csv"))
)
Table = tuple[str, ...]

cell = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "0.5", "1e-8", "BTC", "USD", "BTCUSD", "BTC-USDT", "Buy", "BUY", "buy", "trade", "deposit", "Spot", "Trade"]
    ),
    st.sampled_from(
        ["2024-03-01 12:00:00", "2024-03-01T12:00:00Z", "Market", "Transaction Buy", "Withdraw", "0.5BTC", "60USDT", "$1,000.00"]
    ),
    st.sampled_from(
        ["Sold 1 ETH for 5 USDC on ETH-USDC at 5 USDC/ETH", "Converted 1 A to 2 B", "(1.5)", "99999999999999999999999", "Jan. 05, 2021"]
    ),
    st.text(max_size=8),
)
change = st.one_of(
    st.tuples(st.just("cell"), st.integers(0, 400), cell),
    st.tuples(st.just("swap"), st.integers(0, 400), st.integers(0, 400)),
    st.tuples(st.just("again"), st.integers(0, 400), st.integers(0, 400)),
    st.tuples(st.just("lost"), st.integers(0, 400), st.integers(0, 400)),
    st.tuples(st.just("byte"), st.integers(0, 4000), st.integers(0, 255)),
)


def sound_files() -> dict[str, list[Table]]:
    """Return the lines of files that are read without a fault, by format."""
    found: defaultdict[str, list[Table]] = defaultdict(list)
    for name, header, lines, _ in FILES:
        found[name].append((header, *lines))
    for name, *lines in OWN:
        found[name].append(tuple(lines))
    return found


SOUND = sound_files()


def read_or_refuse(known: FileFormat, content: bytes, account: AccountId | None) -> None:
    terms = FileTerms(account=account, bot=None, zone=UTC)
    try:
        table = read_table(io.BytesIO(content), name="my.csv", knows=known.recognises)
        read = list(known.read(table.rows, table.header, terms)) if known.recognises(table.header) else []
    except InputError as error:
        refused = error
    else:
        assert all(row.event is None or (not row.faults and facts_hash(row.event, body_text(row.event))) for row in read)
        return
    assert refused.mend, refused


def spoilt(lines: Table, changes: list[tuple[str, int, object]]) -> bytes:
    """Return a file with some of its cells, rows and bytes changed; numbers count beyond the end and begin anew."""
    rows = list(csv.reader(lines))
    for what, place, other in changes:
        row = rows[place % len(rows)]
        column = place // len(rows) % max(len(row), 1)
        if what == "cell" and row:
            row[column] = str(other)
        elif what == "swap" and row and isinstance(other, int):
            row[column], row[other % len(row)] = row[other % len(row)], row[column]
        elif what == "again":
            rows.append(list(row))
        elif what == "lost" and row:
            del row[column]
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    content = bytearray(target.getvalue().encode("utf-8", "replace"))
    for what, place, other in changes:
        if what == "byte" and isinstance(other, int):
            content[place % len(content)] = other
    return bytes(content)


def test_every_format_has_a_file_that_is_sound() -> None:
    assert set(SOUND) | {"binance-orders"} == {known.name for known in plugins.file_formats()}  # orders are refused as a whole


@pytest.mark.fuzz
@pytest.mark.parametrize("known", plugins.file_formats(), ids=lambda one: one.name)
@given(data=st.data())
def test_any_row_is_an_event_or_has_faults(known: FileFormat, data: st.DataObject) -> None:
    header = data.draw(st.sampled_from(known.headers))
    rows = data.draw(st.lists(st.lists(cell, min_size=len(header), max_size=len(header)), min_size=1, max_size=3))
    target = io.StringIO()
    csv.writer(target).writerows([header, *rows])
    read_or_refuse(known, target.getvalue().encode("utf-8", "replace"), data.draw(st.sampled_from([None, AccountId("main")])))


@pytest.mark.fuzz
@pytest.mark.parametrize("known", [one for one in plugins.file_formats() if one.name in SOUND], ids=lambda one: one.name)
@given(data=st.data())
def test_a_file_of_which_something_was_spoilt_is_read_or_refused(known: FileFormat, data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(SOUND[known.name]))
    changes = data.draw(st.lists(change, min_size=1, max_size=6))
    read_or_refuse(known, spoilt(lines, changes), data.draw(st.sampled_from([None, AccountId("main")])))


@pytest.mark.parametrize("known", [one for one in plugins.file_formats() if one.name in SOUND], ids=lambda one: one.name)
def test_the_sound_files_are_sound(known: FileFormat) -> None:
    for lines in SOUND[known.name]:
        table = read_table(io.BytesIO("\n".join(lines).encode()), name="my.csv", knows=known.recognises)
        names_accounts = known.name in {"koinly", "cointracker", "cointracking", "lotwright-events", "lotwright-1099"}
        terms = FileTerms(account=None if names_accounts else AccountId("main"), bot=None, zone=UTC)
        read = list(known.read(table.rows, table.header, terms))
        assert read
        assert [fault for row in read for fault in row.faults] == []
