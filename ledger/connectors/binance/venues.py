"""The two venues, Binance and Binance.US: their addresses, their weights, and the calls by which they give each history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ledger.connectors.binance.money import US_FIAT_IN, US_FIAT_OUT
from ledger.domain.ids import VenueName

PAGE_ROWS_MAX = 1000
_US_FIAT_ROWS = 20  # its reference does not say how many orders of dollars an answer holds: one of so many is asked for again in halves


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A history's endpoint: its path, its weight, whose allowance it draws on, and how its pages and windows are asked for.

    `since` and `until` are the names of the two ends of a window, `paging` is ``offset``, ``page`` (from 1) or empty; `size` is the
    name of the number of rows wanted, `rows` its most. `is_list`: an answer is the list of rows itself.
    """

    path: str
    weight: int = 1
    by_account: bool = False
    since: str = "startTime"
    until: str = "endTime"
    paging: str = ""
    page: str = ""
    size: str = ""
    rows: int = PAGE_ROWS_MAX
    fixed: tuple[tuple[str, str], ...] = ()
    is_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """What is different at one of the two venues: its address, its weights below ``/api``, and the histories that it gives."""

    name: VenueName
    base_url: str
    minute_weight: int
    trades_weight: int
    account_weight: int
    symbols_weight: int
    calls: Mapping[str, Call]
    tells_rights: bool
    has_microseconds: bool


_DEPOSITS = Call(path="/sapi/v1/capital/deposit/hisrec", paging="offset", page="offset", size="limit", is_list=True)
_WITHDRAWALS = Call(
    path="/sapi/v1/capital/withdraw/history", weight=18_000, by_account=True, paging="offset", page="offset", size="limit", is_list=True
)
_FIAT = Call(
    path="/sapi/v1/fiat/orders",
    weight=90_000,
    by_account=True,
    since="beginTime",
    paging="page",
    page="page",
    size="rows",
    rows=500,
)

BINANCE = Venue(
    name=VenueName("binance"),
    base_url="https://api.binance.com",
    minute_weight=6000,
    trades_weight=20,
    account_weight=20,
    symbols_weight=20,
    calls={
        "deposits": _DEPOSITS,
        "withdrawals": _WITHDRAWALS,
        "fiat": _FIAT,
        "payments": replace(_FIAT, path="/sapi/v1/fiat/payments", weight=1, by_account=False),
        "conversions": Call(path="/sapi/v1/convert/tradeFlow", weight=3000, by_account=True, size="limit"),
        "dust": Call(path="/sapi/v1/asset/dribblet", since="", until=""),
        "dividends": Call(path="/sapi/v1/asset/assetDividend", weight=10, size="limit", rows=500),
        "rewards": Call(
            path="/sapi/v1/simple-earn/flexible/history/rewardsRecord",
            weight=150,
            paging="page",
            page="current",
            size="size",
            rows=100,
            fixed=(("type", "REALTIME"),),
        ),
        "moves": Call(path="/sapi/v1/asset/transfer", paging="page", page="current", size="size", rows=100),
        "sub-moves": Call(path="/sapi/v1/sub-account/transfer/subUserHistory", size="limit", rows=200, is_list=True),
    },
    tells_rights=True,
    has_microseconds=True,
)
BINANCE_US = Venue(
    name=VenueName("binance-us"),
    base_url="https://api.binance.us",
    minute_weight=1200,
    trades_weight=10,
    account_weight=10,
    symbols_weight=10,
    calls={
        "deposits": _DEPOSITS,
        "withdrawals": replace(_WITHDRAWALS, weight=1, by_account=False),
        "conversions": Call(path="/sapi/v1/otc/orders", size="limit", rows=100),
        "dust": Call(path="/sapi/v1/asset/query/dust-logs"),
        "dividends": Call(path="/sapi/v1/asset/assetDistributionHistory", size="limit", rows=500),
        US_FIAT_IN: Call(path="/sapi/v1/fiatpayment/query/deposit/history", rows=_US_FIAT_ROWS),
        US_FIAT_OUT: Call(path="/sapi/v1/fiatpayment/query/withdraw/history", rows=_US_FIAT_ROWS),
    },
    tells_rights=False,
    has_microseconds=False,
)
