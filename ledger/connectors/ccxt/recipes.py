"""What of a venue ccxt's unified calls do not say: how its pages go on, and which call tells the rights of a key.

A venue that is not here is walked by time, which needs no more than ccxt's `since` and `until`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from ledger.domain.json_text import Row

# Of Kraken's permissions: those that can do more than read, and those that only read, beside all that begin with ``query``.
_WORDS_OF_MORE = ("withdraw", "modify", "add", "cancel", "close", "earn")
_READING_WORDS = frozenset({"export-data", "create-ws-token"})
_LETTERS = re.compile("[a-z]+")
_BINANCE_READING = frozenset({"enableReading", "enableFixReadOnly"})
_BINANCE_LEAVING = frozenset({"enableWithdrawals", "enableInternalTransfer"})
_FROM_ANYWHERE = "the key works from any address: bind it to yours"
_SECONDS_MAX = 32_503_680_000  # the year 3000
DAYS_ALL = 36_500  # one window for the whole history


class Walk(Enum):
    """How the pages of a stream follow each other."""

    TIME = "time"  # windows with both ends, narrowed until nothing new comes
    IDS = "ids"  # oldest first, from an id on
    TOKEN = "token"  # newest first, by what the last answer says  # noqa: S105  # no password


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one stream of a venue is read.

    `days` is the length of a window, None: as ccxt or the user has it. `param` is the venue's name for the mark to go on from, and
    `token` where its answer tells it. `by_asset`: the call wants an asset. `is_whole` False: the call tells nothing of a spot account.
    `seconds` are the least between two calls, where ccxt's own pace is too quick.
    """

    walk: Walk = Walk.TIME
    days: int | None = None
    param: str = ""
    token: tuple[str, ...] = ()
    by_asset: bool = False
    seconds: float = 0.0
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a key may do, None where the venue does not say; with what else its owner should know."""

    may_trade: bool | None
    may_withdraw: bool | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRecipe:
    """What is known of one venue.

    Nobody has rows older than `begin`. `options` are those of its ccxt class; `rights` is the call that tells of a key, and its reader.
    """

    begin: datetime = datetime(2010, 1, 1, tzinfo=UTC)
    streams: Mapping[str, Recipe] = field(default_factory=dict)
    options: Row = field(default_factory=dict)
    rights: tuple[str, Callable[[Row], Rights]] | None = None

    def of(self, stream: str) -> Recipe:
        """Return how a stream is read."""
        return self.streams.get(stream, _PLAIN)


def _kraken_rights(row: Row) -> Rights:
    """Read ``{"result": {"permissions": ["query-funds", ...], "ip_allowlist": [], "valid_until": "0"}}``."""
    told = row.get("result")
    told = told if isinstance(told, dict) else {}
    permissions = told.get("permissions")
    if not isinstance(permissions, list):
        return Rights(may_trade=None, may_withdraw=None)
    words = ["-".join(_LETTERS.findall(str(named).lower())) for named in permissions]
    more = [word for word in words if not _only_reads(word)]
    ends_at, notes = str(told.get("valid_until") or "0"), []
    if ends_at.isdigit() and 0 < int(ends_at) < _SECONDS_MAX:
        notes.append(f"the key expires at {datetime.fromtimestamp(int(ends_at), UTC):%Y-%m-%d %H:%M} UTC")
    if told.get("ip_allowlist") == []:
        notes.append(_FROM_ANYWHERE)
    return Rights(
        may_trade=any("withdraw" not in word for word in more),
        may_withdraw=any("withdraw" in word for word in more),
        notes=tuple(notes),
    )


def _only_reads(word: str) -> bool:
    """Tell whether a permission of Kraken is one of reading; one that nobody here knows is not."""
    first, *others = word.split("-")
    return word in _READING_WORDS or (first == "query" and not set(others) & set(_WORDS_OF_MORE))


def _binance_rights(row: Row) -> Rights:
    """Read ``{"ipRestrict": false, "enableReading": true, "enableWithdrawals": false, ...}``: all that is on but reading is more.

    A right that nobody here knows counts as one to trade.
    """
    told = {name: on for name, on in row.items() if name.startswith(("enable", "permits")) and name not in _BINANCE_READING}
    beyond = {name for name, on in told.items() if on not in (False, None)}
    leaving = beyond & _BINANCE_LEAVING
    anywhere = (_FROM_ANYWHERE,) if row.get("ipRestrict") is False else ()
    return Rights(
        may_trade=bool(beyond - _BINANCE_LEAVING) if told else None,
        may_withdraw=bool(leaving) if leaving or "enableWithdrawals" in told else None,
        notes=(*anywhere, *((f"the key may do more than read: {', '.join(sorted(beyond))}",) if beyond else ())),
    )


def _coinbase_rights(row: Row) -> Rights:
    """Read ``{"can_view": true, "can_trade": false, "can_transfer": false}``."""
    return Rights(may_trade=_told(row, "can_trade"), may_withdraw=_told(row, "can_transfer"))


def _told(row: Row, name: str) -> bool | None:
    told = row.get(name)
    return told if isinstance(told, bool) else None


_PLAIN = Recipe()
_WHOLE = Recipe(days=DAYS_ALL)
_QUARTER = Recipe(days=89)
_NO_SPOT = Recipe(is_whole=False)
_CB_AFTER = Recipe(walk=Walk.TOKEN, param="after", token=("header", "cb-after"))
_BINANCE = VenueRecipe(
    begin=datetime(2017, 7, 1, tzinfo=UTC),
    streams={
        "fills": Recipe(walk=Walk.IDS, param="fromId"),
        "deposits": _QUARTER,
        "withdrawals": Recipe(days=89, seconds=6.5),  # 18,000 of 180,000 a minute (weights of an account), read 2026
        "ledger": _NO_SPOT,
    },
    options={"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}},
    rights=("sapiGetAccountApiRestrictions", _binance_rights),
)
_NOTHING_KNOWN = VenueRecipe()

RECIPES: Mapping[str, VenueRecipe] = {
    "binance": _BINANCE,
    "binanceus": VenueRecipe(begin=_BINANCE.begin, streams=_BINANCE.streams, options=_BINANCE.options),
    "coinbase": VenueRecipe(
        streams={
            "fills": Recipe(walk=Walk.TOKEN, param="cursor", token=("body", "cursor")),
            "ledger": _NO_SPOT,
        },
        rights=("v3PrivateGetBrokerageKeyPermissions", _coinbase_rights),
    ),
    "coinbaseexchange": VenueRecipe(
        streams={
            "fills": _CB_AFTER,
            "transfers": _CB_AFTER,
            "ledger": Recipe(walk=Walk.TOKEN, param="after", token=("header", "cb-after"), by_asset=True),
        }
    ),
    "kraken": VenueRecipe(
        streams=dict.fromkeys(("fills", "ledger", "deposits", "withdrawals"), _WHOLE),
        rights=("privatePostGetApiKeyInfo", _kraken_rights),
    ),
}


def recipe_of(exchange: str) -> VenueRecipe:
    """Return what is known of a venue, by ccxt's id of it."""
    return RECIPES.get(exchange, _NOTHING_KNOWN)
