"""Any venue of ccxt as a connector: what an outsider could have written, with `ledger.ports` and the words of `ledger.domain`.

What it brings is marked as unverified: unified rows are thinner than a venue's own, and no walk by them proves that it is whole.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from ledger.connectors.ccxt import parse
from ledger.connectors.ccxt.client import ReaderClient, Reply, texts_of
from ledger.connectors.ccxt.recipes import Recipe, Rights, Walk, recipe_of
from ledger.connectors.ccxt.walk import MS_DAY, Ask, Leaf, TimeWalk, leaves_by_id, leaves_by_token
from ledger.domain.errors import InputError, TransientError
from ledger.domain.json_text import Row, object_of
from ledger.domain.payload import Payload, page_payload
from ledger.domain.time.instant import instant_of_micros, instant_of_millis, millis_of
from ledger.ports import CallCount, ConnectionTerms, CursorState, Interpretation, KeyReport, Page, PullWindow, StreamKey

_METHODS = {
    "transfers": "fetchDepositsWithdrawals",
    "deposits": "fetchDeposits",
    "withdrawals": "fetchWithdrawals",
    "ledger": "fetchLedger",
    "fills": "fetchMyTrades",
    "balances": "fetchBalance",
}
_DAYS_FILLS, _DAYS_OTHERS = 365, 90  # windows where neither venue nor user says more
_DAYS_MAX = 36_500
_OVERLAP_MS = {"fills": MS_DAY, "ledger": 3 * MS_DAY}
_OVERLAP_TRANSFERS_MS = 30 * MS_DAY  # a pending one may be slow
_ASSETS = "assets"  # in a cursor: the assets that were seen so far
_NO_RIGHTS = Rights(
    may_trade=None, may_withdraw=None, notes=("ccxt has no call that tells what this key may do: make one that can only view",)
)


class Ccxt:
    """One key at one venue of ccxt, for reading only."""

    venue = parse.VENUE
    option_names: ClassVar[tuple[str, ...]] = ("exchange", "python", "window_days")
    unverified = "read through ccxt's unified calls, which tell less than the venue does; only the balances speak for it being whole"

    def __init__(self, terms: ConnectionTerms) -> None:
        self._terms = terms
        self._exchange = _option(terms, "exchange")
        self._days = _days_of(terms)
        self._recipe = recipe_of(self._exchange)
        self._client = ReaderClient(python=_python_of(terms), login=_login_of(terms, self._recipe.options), deadline=terms.deadline)
        self._markets: dict[str, tuple[str, str]] = {}
        self._seen: set[str] = set()

    def streams(self) -> tuple[StreamKey, ...]:
        """Return transfers, ledgers, fills and balances, as far as ccxt has them for this venue.

        Where fills are told by market only, these are the markets between assets that were seen, and those that the user names.
        """
        told = self._client.open()
        has = texts_of(told.get("has"))
        if not self._markets:
            self._discover()
        return (
            *(StreamKey(stream=name) for name in _transfer_streams(has)),
            *(self._ledgers() if _METHODS["ledger"] in has and self._recipe.of("ledger").is_whole else ()),
            *(self._fills(by_market=told.get("symbol_required") is True) if _METHODS["fills"] in has else ()),
            StreamKey(stream="balances"),
        )

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        """Yield the pages that the cursor lacks; what is newer than it is always pulled whole.

        Raises:
            InputError: for a stream that there is not.
            TransientError, TerminalError, KeyRefused: as the port says.
        """
        if stream.stream not in _METHODS:
            raise InputError(f"{self.venue} has no stream {stream.stream!r}")
        state = cursor or {}
        self._seen |= set(str(state.get(_ASSETS) or "").split())
        if stream.stream == "balances":
            reply = replace(self._client.call(_METHODS["balances"]), request=f"{self._exchange} fetchBalance()")
            yield self._page(stream, Leaf(reply=reply, marks=(), state={}))
            return
        yield from self._walked(stream, state, window)

    @staticmethod
    def interpret(payload: Payload) -> Interpretation:
        """Read a stored page; pure."""
        return parse.interpret(payload)

    def check_key(self) -> KeyReport:
        """Ask for the time, for the balances and, where ccxt has a call for them, for the rights of the key."""
        has = texts_of(self._client.open().get("has"))
        skew = self._skew() if "fetchTime" in has else 0.0
        self._client.call(_METHODS["balances"])
        rights = self._rights()
        return KeyReport(
            venue=self.venue,
            account=self._terms.account,
            clock_skew_seconds=skew,
            may_read=True,
            may_trade=rights.may_trade,
            may_withdraw=rights.may_withdraw,
            notes=rights.notes,
        )

    def price_source(self) -> None:
        """Return no price source: prices come from elsewhere."""

    def call_count(self) -> CallCount:
        """Return calls of the reader so far; each may be more than one at the venue."""
        return self._client.call_count()

    def close(self) -> None:
        """End the reader."""
        self._client.close()

    # --- discovery ---------------------------------------------------------------------------------------------------

    def _discover(self) -> None:
        try:
            for row in self._client.call("markets", *self._terms.symbols).rows:
                market = object_of(row)
                self._markets[str(market["symbol"])] = (str(market["base"]), str(market["quote"]))
            self._seen |= parse.assets_held(self._client.call(_METHODS["balances"]).rows)
        except (InputError, KeyError) as unreadable:
            raise TransientError(f"{self._exchange}: markets or balances cannot be read: {unreadable}") from unreadable

    def _ledgers(self) -> tuple[StreamKey, ...]:
        assets = sorted(self._seen) if self._recipe.of("ledger").by_asset else [""]
        return tuple(StreamKey(stream="ledger", symbol=asset) for asset in assets)

    def _fills(self, *, by_market: bool) -> tuple[StreamKey, ...]:
        if not by_market:
            return (StreamKey(stream="fills"),)
        named = {symbol.partition("=")[0] for symbol in self._terms.symbols}
        traded = {symbol for symbol, legs in self._markets.items() if set(legs) <= self._seen}
        return tuple(StreamKey(stream="fills", symbol=symbol) for symbol in sorted(named | traded))

    # --- pages -------------------------------------------------------------------------------------------------------

    def _walked(self, stream: StreamKey, state: CursorState, window: PullWindow) -> Iterator[Page]:
        recipe = self._recipe.of(stream.stream)
        since = None if window.since is None else millis_of(window.since)
        overlap = _OVERLAP_MS.get(stream.stream, _OVERLAP_TRANSFERS_MS)
        ask = self._asker(stream, recipe)
        if recipe.walk is Walk.IDS:
            leaves = leaves_by_id(ask, state)
        elif recipe.walk is Walk.TOKEN:
            leaves = leaves_by_token(ask, state, since=since, overlap=overlap)
        else:
            now = int(time.time() * 1000)
            begin, span = millis_of(self._recipe.begin), self._window_days(stream, recipe) * MS_DAY
            walk = TimeWalk(ask=ask, begin=begin, now=now, span=span, overlap=overlap)
            leaves = walk.leaves(state, since=since)
        for leaf in leaves:
            self._seen |= parse.assets_named(leaf.reply.rows)
            yield self._page(stream, leaf)

    def _asker(self, stream: StreamKey, recipe: Recipe) -> Ask:
        def ask(*, since: int | None = None, until: int | None = None, mark: str | None = None) -> Reply:
            extra: Row = {} if until is None else {"until": until}
            extra |= {} if mark is None else {recipe.param: mark}
            method, symbol = _METHODS[stream.stream], stream.symbol or None
            reply = self._client.call(method, symbol, since, None, extra, token=recipe.token, seconds=recipe.seconds / self._terms.share)
            told = ", ".join(f"{name}={extra[name]}" for name in sorted(extra))
            return replace(reply, request=f"{self._exchange} {method}({symbol or ''}, since={since}, {told})")

        return ask

    def _window_days(self, stream: StreamKey, recipe: Recipe) -> int:
        told = self._client.open().get("until_days") if stream.stream == "fills" else None
        usual = _DAYS_FILLS if stream.stream == "fills" else _DAYS_OTHERS
        days = recipe.days or self._days or (told if isinstance(told, int) and told > 0 else usual)
        return min(days, _DAYS_MAX)

    def _page(self, stream: StreamKey, leaf: Leaf) -> Page:
        times = [instant_of_millis(mark.at) for mark in leaf.marks]
        since = leaf.state.get("since")
        state = {**leaf.state, _ASSETS: " ".join(sorted(self._seen))} if leaf.state else {}
        return Page(
            payload=self._payload(stream, leaf),
            cursor=state,
            rows=len(leaf.reply.rows),
            first_id=leaf.marks[0].row_id if leaf.marks else None,
            last_id=leaf.marks[-1].row_id if leaf.marks else None,
            from_at=min(times, default=None),
            to_at=max(times, default=None),
            since=instant_of_micros(since) if isinstance(since, int) else None,
        )

    def _payload(self, stream: StreamKey, leaf: Leaf) -> Payload:
        doubt = ((parse.DOUBT, leaf.doubt),) if leaf.doubt else ()
        return page_payload(
            leaf.reply.content,
            venue=self.venue,
            account=self._terms.account,
            stream=stream.stream,
            symbol=stream.symbol,
            request=leaf.reply.request,
            fetched_at=datetime.now(UTC),
            context=((parse.EXCHANGE, self._exchange), *doubt),
        )

    # --- the key -----------------------------------------------------------------------------------------------------

    def _skew(self) -> float:
        asked_at = time.time()
        told = self._client.call("fetchTime").rows
        midway = (asked_at + time.time()) / 2
        return told[0] / 1000 - midway if told and isinstance(told[0], int) else 0.0

    def _rights(self) -> Rights:
        if self._recipe.rights is None:
            return _NO_RIGHTS
        method, read = self._recipe.rights
        rows = self._client.call(method).rows
        return read(object_of(rows[0])) if rows else _NO_RIGHTS


def _transfer_streams(has: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one history of both directions where there is one: a page of it is not thinned out afterwards."""
    both = "transfers"
    return (both,) if _METHODS[both] in has else tuple(name for name in ("deposits", "withdrawals") if _METHODS[name] in has)


def _option(terms: ConnectionTerms, name: str) -> str:
    text = terms.options.get(name, "")
    if not text:
        raise InputError(
            f"connection {terms.account!r} has no option {name!r}",
            mend=f'set {name} under [connections.{terms.account}.options], such as exchange = "bitstamp", python = "ccxt-env/bin/python"',
        )
    return text


def _days_of(terms: ConnectionTerms) -> int | None:
    text = terms.options.get("window_days", "")
    if text and not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _DAYS_MAX):
        raise InputError(f"connection {terms.account!r}: the option window_days is {text!r}", mend=f"use whole days, 1 to {_DAYS_MAX}")
    return int(text) if text else None


def _python_of(terms: ConnectionTerms) -> str:
    """Return the other Python's path; a relative one begins at the book's folder.

    Raises:
        InputError: when there is no such file.
    """
    told = _option(terms, "python")
    path = Path(terms.folder or ".") / Path(told).expanduser()
    if not path.is_file():
        raise InputError(
            f"connection {terms.account!r}: the option python names {path}, which is no file",
            mend="make an environment (python3 -m venv DIR; DIR/bin/pip install ccxt) and name DIR/bin/python",
        )
    return str(path)


def _login_of(terms: ConnectionTerms, options: Row) -> Row:
    if terms.secrets is None:
        raise InputError(f"connection {terms.account!r} has no secrets", mend='set secrets = "env:PREFIX" or another reference')
    return {
        "do": "open",
        "exchange": terms.options["exchange"],
        "key": terms.secrets.key,
        "secret": terms.secrets.secret,
        "passphrase": terms.secrets.passphrase,
        "base_url": terms.base_url,
        "share": str(terms.share),
        "options": options,
    }
