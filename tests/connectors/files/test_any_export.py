"""Whatever stands below a known header, every format answers with events, faults or an `InputError`."""

import csv
import io
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import plugins
from ledger.connectors.files.reading import read_table
from ledger.domain.errors import InputError
from ledger.domain.event_text import body_text, facts_hash
from ledger.domain.ids import AccountId
from ledger.ports import FileFormat, FileTerms

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


@pytest.mark.parametrize("known", plugins.file_formats(), ids=lambda one: one.name)
@given(data=st.data())
def test_any_row_is_an_event_or_has_faults(known: FileFormat, data: st.DataObject) -> None:
    header = data.draw(st.sampled_from(known.headers))
    rows = data.draw(st.lists(st.lists(cell, min_size=len(header), max_size=len(header)), min_size=1, max_size=3))
    target = io.StringIO()
    csv.writer(target).writerows([header, *rows])
    terms = FileTerms(account=data.draw(st.sampled_from([None, AccountId("main")])), bot=None, zone=UTC)
    try:
        table = read_table(io.BytesIO(target.getvalue().encode("utf-8", "replace")), name="my.csv")
        read = list(known.read(table.rows, table.header, terms)) if known.recognises(table.header) else []
    except InputError:
        return
    for row in read:
        assert row.event is None or (not row.faults and facts_hash(row.event, body_text(row.event)))
