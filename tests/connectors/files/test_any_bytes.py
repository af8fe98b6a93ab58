"""Whatever a file holds, the answer is events, faults or an `InputError`: never another exception."""

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.connectors.files.coinbase_pro_fills import CoinbaseProFills
from ledger.connectors.files.lotwright_events import LotwrightEvents
from ledger.domain.errors import InputError
from ledger.domain.event import Fill
from ledger.domain.event_text import body_text, facts_hash
from ledger.ports import FileRow

ReadFile = Callable[..., list[FileRow]]

NATIVE, PRO = LotwrightEvents.headers[0], CoinbaseProFills.headers[0]
HEADERS = tuple(",".join(header).encode() + b"\n" for header in (NATIVE, PRO))

number = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
instant = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,7})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?", fullmatch=True
    ),
)
word = st.sampled_from(["", "buy", "sell", "BUY", "SELL", "transfer", "income", "opening", "staking", "main", "BTC", "USD", "BTC-USD", "7"])
cell = st.one_of(word, number, instant, st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12))


def check(rows: list[FileRow]) -> None:
    for row in rows:
        assert (row.event is None) == bool(row.faults), row
        if row.event is not None:
            assert facts_hash(row.event, body_text(row.event))


def rows_or_refusal(read_file: ReadFile, content: bytes) -> None:
    try:
        rows = read_file(content)
    except InputError as error:
        refused = error
    else:
        check(rows)
        return
    assert refused.message.startswith(("my.csv", "the file has no column")), refused
    assert refused.mend, refused


@pytest.mark.fuzz
@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes, read_file: ReadFile) -> None:
    rows_or_refusal(read_file, content)


@pytest.mark.fuzz
@given(header=st.sampled_from(HEADERS), content=st.one_of(st.binary(max_size=300), st.text('",\n\r\t ;aé0-', max_size=200).map(str.encode)))
def test_any_bytes_after_a_known_header_are_read_or_refused(header: bytes, content: bytes, read_file: ReadFile) -> None:
    rows_or_refusal(read_file, header + content)


@given(columns=st.lists(st.one_of(st.sampled_from(NATIVE + PRO), st.text(max_size=8)), max_size=12))
def test_any_header_is_recognised_or_refused(columns: list[str], read_file: ReadFile) -> None:
    target = io.StringIO()
    csv.writer(target).writerow(columns)
    rows_or_refusal(read_file, target.getvalue().encode("utf-8", "replace"))


@given(cells=st.lists(cell, min_size=len(NATIVE), max_size=len(NATIVE)))
def test_any_native_row_is_an_event_or_has_faults(cells: list[str], read_file: ReadFile) -> None:
    check(read_file_of(NATIVE, cells, read_file))


@given(cells=st.lists(cell, min_size=len(PRO), max_size=len(PRO)))
def test_any_coinbase_row_is_an_event_or_has_faults(cells: list[str], read_file: ReadFile) -> None:
    check(read_file_of(PRO, cells, read_file))


def read_file_of(header: tuple[str, ...], cells: list[str], read_file: ReadFile) -> list[FileRow]:
    target = io.StringIO()
    csv.writer(target).writerows((header, cells))
    return read_file(target.getvalue())


positive = st.decimals(min_value="0.00000001", max_value="99999999.99999999", places=8)


@given(quantity=positive, paid=positive, fee=st.decimals(min_value=-9, max_value=9, places=8), side=st.sampled_from(["buy", "sell"]))
def test_a_good_fill_keeps_every_digit(quantity: object, paid: object, fee: object, side: str, read_file: ReadFile) -> None:
    header = "id,time,type,account,asset,amount,quote_asset,quote_amount,fee_asset,fee_amount"
    (row,) = read_file(f"{header}\nt1,2025-03-01T12:00:00Z,{side},main,BTC,{quantity:f},USD,{paid:f},USD,{fee:f}\n")
    assert isinstance(row.event, Fill), row.faults
    assert (row.event.base.quantity, row.event.quote.quantity) == (quantity, paid)
    assert (row.event.fee.quantity if row.event.fee else 0) == fee
