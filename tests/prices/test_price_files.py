"""Every format of price files: what it is recognised by, what it says, and what is refused."""

import io
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import plugins
from ledger.connectors.files.reading import read_rows
from ledger.domain.errors import InputError
from ledger.ports import PriceFile, PriceRow
from ledger.prices.cells import count_moment_of

BINANCE = "1735812000000000,95000,96000,94000,95500.5,1,1735812059999999,1,1,1,1,0"
BINANCE_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
KRAKEN = "1735812000,3400,3401,3399,3450.25,10,5"
ECB = "Date,USD,JPY,GBP,XAU,HRK,\n2025-01-02,1.0321,162.1,0.8,N/A,,\n2024-12-31,1.0389,,N/A,1,2,\n"
H10 = (
    '"Series Description","SPOT EXCHANGE RATE - EURO AREA ","NOMINAL INDEX","JAPAN -- SPOT EXCHANGE RATE"\n'
    '"Unit:","Currency:_Per_EUR","Index:_1997_Jan_100","Currency:_Per_USD"\n"Multiplier:","1","1","1"\n"Currency:","USD","NA","JPY"\n'
    '"Unique Identifier: ","H10/H10/RXI$US_N.B.EU","H10/H10/JRXWTFB_N.B","H10/H10/RXI_N.B.JA"\n'
    '"Time Period","RXI$US_N.B.EU","JRXWTFB_N.B","RXI_N.B.JA"\n2024-12-31,1.0351,128.1,157.37\n2025-01-01,ND,ND,ND\n'
)
NOON_MINUTE = "2025-01-02T10:00:00+00:00"


def recognised(text: str, name: str) -> PriceFile | None:
    _, first = next(read_rows(io.BytesIO(text.encode()), name=name)[1])
    found = [one for one in plugins.price_files() if one.recognises(first, name)]
    assert len(found) <= 1
    return found[0] if found else None


def rows(text: str, name: str) -> list[PriceRow]:
    price_file = recognised(text, name)
    assert price_file is not None
    return list(price_file.read(read_rows(io.BytesIO(text.encode()), name=name)[1], name))


def told(text: str, name: str) -> list[str]:
    return [
        f"{quote.asset}/{quote.currency} {quote.price} {quote.observed_at.isoformat()} {quote.source}"
        for row in rows(text, name)
        for quote in row.quotes
    ]


def faults(text: str, name: str) -> list[str]:
    return [str(fault) for row in rows(text, name) for fault in row.faults]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        pytest.param(
            "asset,price,time,currency\nBTC,60000.5,2025-01-02T05:00:00-05:00,USD\n",
            "mine.csv",
            [f"BTC/USD 60000.5 {NOON_MINUTE} lotwright-prices"],
            id="own, columns in any order",
        ),
        pytest.param(
            "time,asset,currency,price,source\n2025-01-02T10:00:00Z,BTC,USD,1,sheet of May\n",
            "mine.csv",
            [f"BTC/USD 1 {NOON_MINUTE} sheet of May"],
            id="own, with source",
        ),
        pytest.param(BINANCE, "BTCUSDT-1m-2025-01.csv", [f"BTC/USDT 95500.5 {NOON_MINUTE} binance-candles"], id="microseconds"),
        pytest.param(
            f"{BINANCE_HEADER}\n{BINANCE.replace('000000000,', '000000,', 1)}",
            "BTCFDUSD-1m-2024-01-02.csv",
            [f"BTC/FDUSD 95500.5 {NOON_MINUTE} binance-candles"],
            id="a header, milliseconds, a long second asset",
        ),
        pytest.param(KRAKEN, "XBTUSD_1.csv", [f"BTC/USD 3450.25 {NOON_MINUTE} kraken-candles"], id="old names of assets"),
        pytest.param(KRAKEN, "ETHXBT_1.csv", [f"ETH/BTC 3450.25 {NOON_MINUTE} kraken-candles"], id="quoted in bitcoin"),
        pytest.param(
            KRAKEN, "XBTUSD_60.csv", ["BTC/USD 3450.25 2025-01-02T10:59:00+00:00 kraken-candles"], id="an hour ends with its price"
        ),
        pytest.param(BINANCE, "BTCUSDT-5m-2025-01.csv", ["BTC/USDT 95500.5 2025-01-02T10:04:00+00:00 binance-candles"], id="five minutes"),
        pytest.param(BINANCE, "BTCUSDT-1s-2025-01.csv", [f"BTC/USDT 95500.5 {NOON_MINUTE} binance-candles-1s"], id="a second of its own"),
        pytest.param(
            ECB,
            "eurofxref-hist.csv",
            [
                "EUR/USD 1.0321 2025-01-02T00:00:00+00:00 ecb",
                "EUR/JPY 162.1 2025-01-02T00:00:00+00:00 ecb",
                "EUR/GBP 0.8 2025-01-02T00:00:00+00:00 ecb",
                "EUR/USD 1.0389 2024-12-31T00:00:00+00:00 ecb",
            ],
            id="ECB",
        ),
        pytest.param(
            H10,
            "FRB_H10.csv",
            ["EUR/USD 1.0351 2024-12-31T00:00:00+00:00 fed-h10", "USD/JPY 157.37 2024-12-31T00:00:00+00:00 fed-h10"],
            id="H.10, both directions",
        ),
    ],
)
def test_each_format_says_pair_price_moment_and_source(text: str, name: str, expected: list[str]) -> None:
    assert told(text, name) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a,b,c\n1,2,3\n", "x.csv"),
        (KRAKEN, "prices.csv"),
        (BINANCE, "BTCUSDT-1d-2025-01.csv"),
        ("1,2,3\n", "XBTUSD_1.csv"),
        ("Date,Close\n2025-01-01,1\n", "ecb.csv"),
        ("time,asset,currency,price,price\n2025-01-02T10:00:00Z,BTC,USD,95,96\n", "x.csv"),
    ],
)
def test_other_files_are_of_no_format(text: str, name: str) -> None:
    assert recognised(text, name) is None


@pytest.mark.parametrize(
    ("text", "name", "fault"),
    [
        ("time,asset,currency,price\n2025-01-02T10:00:00,BTC,USD,1\n", "x.csv", "no offset"),
        ("time,asset,currency,price\n2025-01-02T10:00:00Z,btc,USD,1\n", "x.csv", "is not an asset code"),
        ("time,asset,currency,price\n2025-01-02T10:00:00Z,BTC,USD,-1\n", "x.csv", "is negative"),
        ('time,asset,currency,price\n2025-01-02T10:00:00Z,BTC,USD,"1,5"\n', "x.csv", "is not a plain number"),
        ("time,asset,currency,price\n2025-01-02T10:00:00Z,BTC,USD,\n", "x.csv", "has no price"),
        (KRAKEN.replace("1735812000", "yesterday"), "XBTUSD_1.csv", "no count of seconds"),
        (f"{KRAKEN}\n{KRAKEN},9", "XBTUSD_1.csv", "has 8 cells instead of 7"),
        (BINANCE.replace("95500.5", "NaN"), "BTCUSDT-1m-2025-01.csv", "is not a plain number"),
        (ECB.replace("2025-01-02", "02.01.2025"), "e.csv", "is no date"),
        (ECB.replace("1.0321", "1,0321"), "e.csv", "has 8 cells instead of 7 (write numbers with a point"),
        (ECB.replace(",0.8,N/A,,", ",0.8"), "e.csv", "has 4 cells instead of 7"),
        (H10.replace("157.37", "157,37"), "h10.csv", "has 5 cells instead of 4"),
        (H10.replace(",ND,ND,ND", ",ND"), "h10.csv", "has 2 cells instead of 4"),
        ("time,asset,currency,price\n2025-01-02T10:00:00Z,BTC,USD,95,5\n", "x.csv", "has 5 cells instead of 4"),
    ],
)
def test_a_bad_row_is_a_fault_that_names_its_line(text: str, name: str, fault: str) -> None:
    (found,) = faults(text, name)
    assert fault in found
    assert found.startswith("line ")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (KRAKEN, "XBTUSD_1440.csv", "say nothing of a moment"),
        (BINANCE, "BTCUSDT-90m-2025-01.csv", "say nothing of a moment"),
        (KRAKEN, "FOOBAR_1.csv", "parts into two assets"),
        (H10.replace('"Currency:",', '"Money:",'), "h10.csv", "begins with 'Money:'"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_as_a_whole(text: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows(text, name)


@pytest.mark.fuzz
@given(st.text(alphabet="0123456789.,-:ZTeE\nabDUSate\"'", max_size=200))
def test_whatever_stands_in_a_price_file_is_read_or_refused(text: str) -> None:
    for name in ("XBTUSD_1.csv", "BTCUSDT-1m-2025-01.csv", "own.csv"):
        with suppress(InputError):
            first = next(read_rows(io.BytesIO(text.encode()), name=name)[1])
            if any(one.recognises(first[1], name) for one in plugins.price_files()):
                assert all(row.quotes or row.faults for row in rows(text, name))


@pytest.mark.fuzz
@given(
    sound=st.sampled_from(
        [(BINANCE, "BTCUSDT-1m-2025-01.csv"), (KRAKEN, "ETHUSD_1.csv"), (ECB, "eurofxref-hist.csv"), (H10, "FRB_H10.csv")]
    ),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.text(max_size=3)), min_size=1, max_size=5),
)
def test_a_price_file_of_which_something_was_spoilt_is_read_or_refused(sound: tuple[str, str], changes: list[tuple[int, str]]) -> None:
    text, name = sound
    for place, other in changes:
        at = place % (len(text) + 1)
        text = text[:at] + other + text[at + 1 :]
    with suppress(InputError):
        if recognised(text, name) is not None:
            assert all(quote.price > 0 for row in rows(text, name) for quote in row.quotes)


@given(st.integers(1_000_000_000, 4_000_000_000))
def test_counts_since_1970_are_told_apart_by_their_size(seconds: int) -> None:
    moments = {count_moment_of(str(seconds * scale)) for scale in (1, 1000, 1_000_000)}
    assert moments == {datetime.fromtimestamp(seconds, UTC)}
