"""Whatever a venue answers is read or refused with an `InputError`: what a walk asks of answers, beside the rows that are booked.

An answer that is right is spoilt in a few places, so that what lies deep in it is reached too.
"""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.connectors.binance import parse as binance
from ledger.connectors.binance.rights import key_rights_of as binance_key_rights_of
from ledger.connectors.ccxt import parse as ccxt
from ledger.connectors.coinbase_advanced import answers as coinbase_advanced
from ledger.connectors.coinbase_advanced.parse import rows_of as advanced_rows_of
from ledger.connectors.coinbase_exchange import parse as coinbase_exchange
from ledger.connectors.kraken import markets as kraken_markets
from ledger.connectors.kraken import parse as kraken
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.json_text import json_of

BTC, USD = AssetCode("BTC"), AssetCode("USD")
DAY = 86_400_000_000  # microseconds

# A reader of answers, and an answer that it reads.
Case = tuple[Callable[[Any], object], object]

KRAKEN_ROWS = {
    "L4UESK-KG3EQ-UFO4T5": {"refid": "TJKLXF-PGMUI-4NTLXU", "time": 1688464484.1787, "type": "trade", "subtype": "", "asset": "XXBT",
                            "amount": "-24.5000", "fee": "0.0490", "balance": "459567.9171"},
    "LMKZCZ-Z3GVL-CXKK4H": {"refid": "TBZIP2-F6QOU-TMB6FY", "time": 1688444262.8888, "type": "deposit", "asset": "ZUSD",
                            "amount": "0.9852", "fee": "0.0010", "balance": "52732.1132"},
}  # fmt: skip
KRAKEN_TRANSFERS = {"deposit": [{"method": "Bitcoin", "refid": "FTQcuak", "amount": "0.5", "time": 1688444262, "status": "Success"}],
                    "next_cursor": ""}  # fmt: skip
ADVANCED_FILL = {"entry_id": "e", "trade_id": "t", "order_id": "o", "trade_time": "2025-06-03T14:22:31Z", "price": "2", "size": "3",
                 "product_id": "ETH-USD", "sequence_timestamp": "2025-06-03T14:22:31.421020Z", "side": "BUY"}  # fmt: skip
WALLET_ROW = {"id": "i", "type": "advanced_trade_fill", "status": "completed", "created_at": "2025-06-03T14:22:31Z",
              "amount": {"amount": "1", "currency": "BTC"}, "advanced_trade_fill": {"order_id": "o"}}  # fmt: skip
WALLET = {"id": "w", "currency": {"code": "BTC"}, "balance": {"amount": "0", "currency": "BTC"},
          "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}  # fmt: skip
EXCHANGE_FILL = {"trade_id": 74, "product_id": "BTC-USD", "created_at": "2024-06-03T14:22:31.418Z", "settled": False}
EXCHANGE_LINE = {"id": "1001", "created_at": "2024-06-03T14:22:31.418Z", "details": {"product_id": "BTC-USD"}}
EXCHANGE_MOVE = {"id": "19ac", "type": "deposit", "created_at": "2024-05-02 09:14:55.120374+00", "completed_at": None}
BALANCES = {"balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}, {"asset": "LDBTC", "free": "2", "locked": "0"}]}
DUST = [{"transId": 45178372831, "operateTime": 1615985535000,
         "userAssetDribbletDetails": [{"transId": 4359321, "fromAsset": "ADA", "operateTime": 1615985535000}]}]  # fmt: skip

CASES: dict[str, Case] = {
    "kraken-rights": (
        kraken_markets.rights_of,
        {"permissions": ["query-funds", "query-ledger"], "ip_allowlist": ["192.0.2.1"], "validUntil": "1767225600", "queryFrom": "0",
         "queryTo": "0"},
    ),
    "kraken-pairs": (kraken_markets.pairs_of, {"XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD"}}),
    "kraken-orders": (kraken_markets.orders_of, {"O1": {"cl_ord_id": "grid-1", "userref": 7}, "O2": {"userref": 7}}),
    "kraken-assets": (lambda told: kraken_markets.assets_of(kraken.rows_of(told, "ledger")), {"ledger": KRAKEN_ROWS}),
    "kraken-quotes": (
        lambda told: list(kraken_markets.quotes_of(told, asset=BTC, currency=USD)),
        {"XXBTZUSD": [["68012.3", "0.00345000", 1718040012.3478456, "b", "l", "", 71523344]], "last": "1718040012347845600"},
    ),
    "kraken-last": (kraken_markets.last_of, {"last": "1718040012347845600"}),
    "kraken-count": (kraken.count_of, {"count": 2}),
    "kraken-times": (lambda told: kraken.times_of(kraken.rows_of(told, "ledger")), {"ledger": KRAKEN_ROWS}),
    "kraken-held-back": (lambda told: kraken.rows_held_back(kraken.rows_of(told, "ledger"), told_above=DAY), {"ledger": KRAKEN_ROWS}),
    "kraken-rows-text": (lambda told: kraken.text_of_rows(kraken.rows_of(told, "ledger")), {"ledger": KRAKEN_ROWS}),
    "kraken-transfers": (lambda told: kraken.list_of(kraken.result_of(told), "deposit"), {"error": [], "result": KRAKEN_TRANSFERS}),
    "binance-marks": (lambda told: binance.marks_of("fills", _listed(told)), [{"id": 28457, "time": 1499865549590, "symbol": "BNBBTC"}]),
    "binance-dust-marks": (lambda told: binance.marks_of("dust", _listed(told)), DUST),
    "binance-total": (binance.total_of, {"total": "12"}),
    "binance-more": (binance.has_more, {"moreData": True}),
    "binance-symbols": (binance.symbols_of, {"symbols": [{"symbol": "BNBBTC", "baseAsset": "BNB", "quoteAsset": "BTC"}]}),
    "binance-weight": (
        binance.minute_weight_of,
        {"rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]},
    ),
    "binance-held": (binance.held_assets, BALANCES),
    "binance-earn": (lambda told: binance.earn_balances(told, listed=frozenset({"BTC"})), BALANCES),
    "binance-rights": (
        binance_key_rights_of,
        {"ipRestrict": True, "enableReading": True, "enableWithdrawals": False, "tradingAuthorityExpirationTime": 1628985600000},
    ),
    "binance-clock": (binance.instant_of_venue, {"serverTime": 1499827319559}),
    "binance-quotes": (
        lambda told: binance.quotes_of(told, asset=BTC, currency=USD, source="binance"),
        [[1499040000000, "0.0163", "0.8", "0.0157", "0.0158", "148976.1", 1499644799999]],
    ),
    "coinbase-advanced-fill-marks": (
        lambda told: coinbase_advanced.marks_of("fills", advanced_rows_of("fills", told)),
        {"fills": [ADVANCED_FILL], "cursor": ""},
    ),
    "coinbase-advanced-wallet-marks": (
        lambda told: coinbase_advanced.marks_of("ledger", advanced_rows_of("ledger", told)),
        {"data": [WALLET_ROW], "pagination": {"next_uri": None}},
    ),
    "coinbase-advanced-wallets": (coinbase_advanced.wallets_of, {"data": [WALLET]}),
    "coinbase-advanced-rights": (coinbase_advanced.rights_of, {"can_view": True, "can_trade": False, "can_transfer": False}),
    "coinbase-advanced-orders": (coinbase_advanced.client_order_ids_of, {"orders": [{"order_id": "o", "client_order_id": "grid-1"}]}),
    "coinbase-advanced-clock": (coinbase_advanced.instant_of_venue, {"epochMillis": "1717424551418"}),
    "coinbase-advanced-quotes": (
        lambda told: coinbase_advanced.quotes_of(told, asset=BTC, currency=USD),
        {"candles": [{"start": "1710327600", "close": "73370.65", "volume": "1.5"}]},
    ),
    "coinbase-exchange-fill-marks": (lambda told: coinbase_exchange.marks_of("fills", _listed(told)), [EXCHANGE_FILL]),
    "coinbase-exchange-ledger-marks": (lambda told: coinbase_exchange.marks_of("ledger", _listed(told)), [EXCHANGE_LINE]),
    "coinbase-exchange-transfer-marks": (lambda told: coinbase_exchange.marks_of("transfers", _listed(told)), [EXCHANGE_MOVE]),
    "coinbase-exchange-accounts": (
        lambda told: coinbase_exchange.accounts_of(_listed(told)),
        [{"id": "a", "currency": "BTC", "balance": "1.5"}],
    ),
    "coinbase-exchange-products": (
        lambda told: coinbase_exchange.products_of(_listed(told)),
        [{"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD"}],
    ),
    "coinbase-exchange-clock": (coinbase_exchange.instant_of_venue, {"iso": "2024-06-03T14:22:31.418Z"}),
    "coinbase-exchange-quotes": (
        lambda told: coinbase_exchange.quotes_of(told, asset=BTC, currency=USD),
        [[1710327600, 73241.5, 73402.47, 73243.33, 73370.65, 1.56794406]],
    ),
    "ccxt-named": (lambda told: ccxt.assets_named(_listed(told)), [{"symbol": "BTC/USD", "currency": "ETH"}]),
    "ccxt-held": (lambda told: ccxt.assets_held(_listed(told)), [{"total": {"BTC": "1.5", "USD": "0", "XRP": None}}]),
}  # fmt: skip


def _listed(told: object) -> list[Any]:
    """Refuse what is no list, as the clients of these venues do before anybody reads it."""
    if not isinstance(told, list):
        raise InputError("no list")
    return told


CELLS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63 - 1, 10**30, -1, 0, "", "0", "-1", "1e999", "9" * 19, "²", "٣", "\x00", "BTC", "BTC/", "2025-01-01T00:00:00Z"])
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", 1e308, 5e-324, float("nan"), float("inf")])
    | st.floats()
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
GONE = object()


def _places(tree: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the paths to all parts of an answer, the whole among them."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, part in parts for place in _places(part, (*path, key)))]


def _spoilt(answer: object, number: int, cell: object) -> object:
    """Put a cell in the place of one part of an answer, or take the part away."""
    places = _places(answer)
    path = places[number % len(places)]
    if not path:
        return answer if cell is GONE else cell
    changed = copy.deepcopy(answer)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    if cell is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = cell
    return changed


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_is_right_is_read(name: str) -> None:
    reader, answer = CASES[name]
    reader(json_of(json.dumps(answer).encode()))


@pytest.mark.fuzz
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 60), CELLS | st.just(GONE)), min_size=1, max_size=3))
def test_an_answer_that_is_spoilt_is_read_or_refused(name: str, changes: list[tuple[int, object]]) -> None:
    reader, answer = CASES[name]
    for number, cell in changes:
        answer = _spoilt(answer, number, cell)
    told = json_of(json.dumps(answer).encode())
    with suppress(InputError):  # a message for a person, who sees where and what
        reader(told)
