"""What Kraken says of assets, pairs, orders, its own permissions and public trades: pure, and no part of an account's history."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.connectors.kraken.assets import asset_of
from ledger.connectors.kraken.ids import VENUE
from ledger.connectors.kraken.parse import Rows, instant_in
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import content_hash
from ledger.domain.json_text import Json, Row, cell_positive, cell_text, cell_text_or_none, cell_whole, object_of, shown
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import instant_of_micros, instant_text

_PRICE_CELLS_MIN = 3
_MILLION = 1_000_000
_WITHDRAWAL_WORD = "withdraw"
_WORDS_OF_MORE = (_WITHDRAWAL_WORD, "modify", "add", "cancel", "close", "earn")
# Beside those that begin with ``query``: reports of one's own history, and the token without which nobody can listen.
_READING_WORDS = frozenset({"export-data", "create-ws-token"})
_LETTERS = re.compile("[a-z]+")
_ADDRESS_CELLS = ("iplist", "ipallowlist")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What the venue says that a key may do: withdraw, trade, until when, and what limits it, in sentences and as facts to compare."""

    may_withdraw: bool
    may_trade: bool
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    ends_at: datetime | None


def rights_of(result: Json) -> KeyRights:
    """Read what the venue tells of the key that asks.

    {"apiKeyName": "books", "permissions": ["query-funds", "query-closed-trades", "query-ledger"], "iplist": [],
     "validUntil": "0", "queryFrom": "0", "queryTo": "0"}

    Raises:
        InputError: when it does not tell the permissions.
    """
    # The reference shows no example: names of cells are taken with or without underscores and capitals.
    cells: Row = {name.replace("_", "").lower(): cell for name, cell in object_of(result).items()}
    permissions = cells.get("permissions")
    if not isinstance(permissions, list):
        raise InputError(f'"permissions" is no list but {shown(permissions)}')
    words = sorted(word if isinstance(word, str) and word.isprintable() else shown(word) for word in permissions)
    notes = [f"permissions: {', '.join(words)}"]
    facts = [("permissions", ", ".join(words)), ("addresses", _addresses(cells))]
    for key, said in (("validuntil", "the key expires at"), ("queryfrom", "no rows before"), ("queryto", "no rows after")):
        at = _moment(cells, key)
        if at is not None:
            notes.append(f"{said} {instant_text(at)}")
            facts.append((said, instant_text(at)))
    if any(name in cells and not cells[name] for name in _ADDRESS_CELLS):
        notes.append("the key works from any address: bind it to yours")
    more = [spelled for spelled in map(_spelled, words) if not _only_reads(spelled)]
    return KeyRights(
        may_withdraw=any(_WITHDRAWAL_WORD in word for word in more),
        may_trade=any(_WITHDRAWAL_WORD not in word for word in more),
        notes=tuple(notes),
        facts=tuple(facts),
        ends_at=_moment(cells, "validuntil"),
    )


def _spelled(word: str) -> str:
    """Return a permission in one spelling: ``Query Funds`` and ``query_funds`` are ``query-funds``."""
    return "-".join(_LETTERS.findall(word.lower()))


def _only_reads(word: str) -> bool:
    """Tell whether a permission is one of reading; one that nobody here knows is not."""
    first, *others = word.split("-")
    return word in _READING_WORDS or (first == "query" and not set(others) & set(_WORDS_OF_MORE))


def _addresses(cells: Row) -> str:
    """Return how many addresses a key is bound to, with a mark by which another list of as many is told from it."""
    listed = next((cells[name] for name in _ADDRESS_CELLS if isinstance(cells.get(name), list)), None)
    told = sorted(map(str, listed)) if isinstance(listed, list) else []
    return f"{len(told)} ({content_hash(' '.join(told).encode(errors='backslashreplace'))[:8]})" if told else "any"


def _moment(cells: Row, key: str) -> datetime | None:
    if cells.get(key) in (None, "", "0", 0):
        return None
    return instant_of_micros(cell_whole(cells, key) * _MILLION)


def pairs_of(result: Json) -> dict[str, str]:
    """Return base and quote, as the venue spells them with a space between, by every name of every pair that is listed.

    A pair that cannot be read is left out: its name tells its assets, or it is told as unknown where there are trades of it.

    Raises:
        InputError: when the answer is no list of pairs.
    """
    found: dict[str, str] = {}
    for name, pair in _readable(result):
        with suppress(InputError):
            legs = f"{cell_text(pair, 'base')} {cell_text(pair, 'quote')}"
            spellings = (name, cell_text_or_none(pair, "altname"), cell_text_or_none(pair, "wsname"))
            found |= {spelling: legs for spelling in spellings if spelling}
    return found


def names_of(result: Json) -> dict[str, str]:
    """Return the other name of each asset that is listed, by its name; without those that cannot be read, which are as if not listed.

    {"XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"}}

    Raises:
        InputError: when the answer is no list of assets.
    """
    found: dict[str, str] = {}
    for name, asset in _readable(result):
        with suppress(InputError):
            found[name] = cell_text(asset, "altname")
    return found


def orders_of(result: Json) -> dict[str, str]:
    """Return the client's own name of each order that has one: ``cl_ord_id``, else the number ``userref``.

    An order that cannot be read has no name.

    Raises:
        InputError: when the answer is no list of orders.
    """
    found: dict[str, str] = {}
    for order, cells in _readable(result):
        with suppress(InputError):
            reference = cells.get("userref")
            number = str(reference) if isinstance(reference, int) else cell_text_or_none(cells, "userref")
            name = cell_text_or_none(cells, "cl_ord_id") or number
            if name and name != "0":
                found[order] = name
    return found


def _readable(result: Json) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a list by their names, without those that are none: one of them must not cost all others."""
    return ((name, row) for name, row in object_of(result).items() if isinstance(row, dict))


def assets_of(rows: Rows) -> frozenset[AssetCode]:
    """Return the assets that rows of the ledger name, as far as they can be read."""
    named = set()
    for row in rows.values():
        try:
            named.add(asset_of(cell_text(object_of(row), "asset")))
        except InputError:
            continue  # interpreted, and reported, with its own page
    return frozenset(named)


def quotes_of(result: Json, *, asset: AssetCode, currency: AssetCode) -> Iterator[PriceQuote]:
    """Yield a quote for each minute of a page of public trades, in order of time: the price of its last trade.

    A row is ``["68012.3", "0.00345000", 1718040012.3478456, "b", "l", "", 71523344]``; numbers of ``last`` are nanoseconds.

    Raises:
        InputError: when a trade cannot be read; a price left out would look like a silent minute.
    """
    closes: dict[datetime, Decimal] = {}
    for _, rows in public_trades(result):
        for row in rows:
            if not isinstance(row, list) or len(row) < _PRICE_CELLS_MIN:
                raise InputError(f"a trade is no list of price, volume and time: {shown(row)}")
            cells: Row = {"price": row[0], "time": row[2]}
            closes[instant_in(cells, "time").replace(second=0, microsecond=0)] = cell_positive(cells, "price")
    for minute in sorted(closes):
        yield PriceQuote(asset=asset, currency=currency, observed_at=minute, price=closes[minute], source=VENUE)


def public_trades(result: Json) -> list[tuple[str, list[Json]]]:
    """Return the rows of public trades by pair, oldest first as the venue gives them.

    Raises:
        InputError: when the answer holds none.
    """
    return [(name, rows) for name, rows in object_of(result).items() if isinstance(rows, list)]


def last_of(result: Json) -> int:
    """Return the nanosecond at which a page of public trades goes on.

    Raises:
        InputError: when it does not say.
    """
    return cell_whole(object_of(result), "last")
