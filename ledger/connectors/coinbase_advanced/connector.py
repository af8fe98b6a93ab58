"""Coinbase Advanced Trade as a connector: which streams there are, and how each is walked.

Fills of all products are one stream (v3), the history of each wallet is one (v2), and the accounts of the portfolio prove both. The
wallets come first: whether they tell of fills says whether there must be some.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random, SystemRandom
from typing import ClassVar, TypeVar

from ledger.connectors.coinbase_advanced import answers, parse
from ledger.connectors.coinbase_advanced.client import ORDERS_MAX, CoinbaseAdvancedClient, transactions_path
from ledger.connectors.coinbase_advanced.ids import VENUE
from ledger.domain.amount import text_of
from ledger.domain.errors import InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.event import BalanceSnapshot
from ledger.domain.json_text import Json, cell_text_or_none, object_of, shown
from ledger.domain.payload import Payload
from ledger.domain.time.instant import instant_of_micros, micros_of
from ledger.ports import (
    CallCount,
    ConnectionTerms,
    CursorState,
    Interpretation,
    KeyReport,
    Page,
    PullWindow,
    StreamFacts,
    StreamKey,
)
from ledger.ports.candles import CANDLES, MinuteCandles
from ledger.transport.pace import Budget, Clock, SystemClock
from ledger.transport.payloads import Payloads
from ledger.transport.reader import Answer, Timeouts
from ledger.transport.walk import Ask, Leaf, Walker, since_of, trail_of

_FILLS_MARGIN = timedelta(minutes=10)  # a row may be shown a little after one that was written later
_WALLET_MARGIN = timedelta(days=3)  # a pending row may appear late, or out of order
_UNUSED_ASKED = timedelta(days=7)  # a wallet that seems unused rests so long after it was asked: hundreds of them would be asked each night
_CLOCK_MARGIN = timedelta(minutes=1)  # so far a clock may be ahead of another one without being wrong
_CANDLES_MAX = 350  # rows in one answer
_MICROSECOND = timedelta(microseconds=1)
_ASKED_AT = "asked_at"  # in the cursor of a wallet without rows: when it was asked, in microseconds
_NOT_FOUND = 404
_BAD_REQUEST = 400
_PAGES_MAX = 1_000  # of wallets or accounts: 100,000 wallets are a cursor that leads nowhere
_KEY_NOTES = (
    "a key sees one portfolio only: another portfolio needs a connection of its own",
    "the venue does not tell from where the key works, or until when: bind it to your address on the venue's web page",
)


Said = TypeVar("Said")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """An answer with its rows and their marks."""

    answer: Answer
    rows: list[Json]
    marks: tuple[answers.RowMark, ...]


class CoinbaseAdvanced:
    """One key of Coinbase Advanced Trade, for reading only."""

    venue = VENUE
    stream_facts: ClassVar[Mapping[str, StreamFacts]] = {
        name: StreamFacts(export="Coinbase: Statements, Transaction history, CSV (coinbase)") for name in (parse.LEDGER, parse.FILLS)
    }

    def __init__(
        self,
        terms: ConnectionTerms,
        *,
        clock: Clock | None = None,
        rng: Random | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._account = terms.account
        self._budget = Budget(clock=clock or SystemClock(), deadline=terms.deadline)
        self._client = CoinbaseAdvancedClient(terms, budget=self._budget, rng=rng or SystemRandom(), timeouts=timeouts)
        self._payloads = Payloads(venue=VENUE, account=terms.account, clock=self._budget.clock)
        self._wallets: tuple[answers.HeldWallet, ...] = ()
        self._has_fills = False

    def streams(self) -> tuple[StreamKey, ...]:
        """Return the wallets, fills, balances; asks the venue the first time only.

        A wallet's symbol is its currency and its id, because a user may have several of one currency.
        """
        if not self._wallets:
            self._wallets = tuple(self._discovered())
        return (
            *(StreamKey(stream=parse.LEDGER, symbol=_symbol_of(wallet)) for wallet in self._wallets),
            StreamKey(stream=parse.FILLS),
            StreamKey(stream=parse.BALANCES),
        )

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        """Yield the pages that the cursor lacks.

        `window.since` limits how far back the first pull goes, and a later pull with an earlier one goes on from there; what is
        newer than the cursor is always pulled whole, so that no hole is left. `window.until` is passed over: pages are kept as
        they come, and rows after it are no harm.

        Raises:
            InputError: for a stream that this venue does not have.
            TransientError, TerminalError, KeyRefused: as the port says.
        """
        if stream.stream not in _PULLS:
            raise InputError(f"{self.venue} has no stream {stream.stream!r}")
        return _PULLS[stream.stream](self, stream, cursor or {}, window)

    @staticmethod
    def interpret(payload: Payload) -> Interpretation:
        """Read a stored page; pure."""
        return parse.interpret(payload)

    def check_key(self) -> KeyReport:
        """Ask for the time and, signed, for what the key may do."""
        skew = self._client.synchronise()
        rights = _read(answers.rights_of, self._client.permissions(), "the rights of the key")
        return KeyReport(
            venue=self.venue,
            account=self._account,
            clock_skew_seconds=skew.total_seconds(),
            may_read=rights.may_view,
            may_trade=rights.may_trade,
            may_withdraw=rights.may_transfer,
            notes=_KEY_NOTES,
        )

    def price_source(self) -> MinuteCandles:
        """Return the venue's candles of minutes."""
        return MinuteCandles(
            name=str(self.venue),
            separator="-",
            rows_max=_CANDLES_MAX,
            fetch=self._candles,
            read=lambda answer, asset, currency: answers.quotes_of(answer, asset=asset, currency=currency),
            is_unknown=_is_unknown_product,
        )

    def _candles(self, market: str, start: datetime, end: datetime) -> Payload:
        return self._payloads.of(self._client.candles(market, start=start, end=end), CANDLES, market)

    def call_count(self) -> CallCount:
        """Return calls and waits so far, of the price source too."""
        spent = self._budget
        return CallCount(requests=spent.requests, waits=spent.waits, retries=spent.retries, seconds_waited=spent.seconds_waited)

    def close(self) -> None:
        """Release the sockets."""
        self._client.close()

    def _discovered(self) -> Iterator[answers.HeldWallet]:
        """Ask for the wallets, each once, page by page; a page without rows, or one already seen, is asked for again."""
        seen: set[str] = set()
        next_uri: str | None = None
        for _ in range(_PAGES_MAX):
            found, after = self._wallet_page(next_uri)
            fresh = [wallet for wallet in found if wallet.wallet_id not in seen]
            if not fresh:  # a false page, or the end: once more tells
                found, after = self._wallet_page(next_uri)
                fresh = [wallet for wallet in found if wallet.wallet_id not in seen]
            seen |= {wallet.wallet_id for wallet in fresh}
            yield from fresh
            if after is None or not fresh:
                return
            next_uri = after
        raise TransientError(f"{self.venue}: the list of wallets does not end")

    def _wallet_page(self, next_uri: str | None) -> tuple[tuple[answers.HeldWallet, ...], str | None]:
        answer = self._client.wallets(next_uri)
        return _read(answers.wallets_of, answer, "the list of wallets"), _next_uri(answer, "/v2/accounts")

    # --- histories

    def _pull_wallet(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        wallet = self._wallet(stream)
        trail = trail_of(cursor)
        is_unseen = trail.high is None and trail.walk is None
        if is_unseen and self._rests(wallet, asked_at=cursor.get(_ASKED_AT)):
            return
        asked_at = {_ASKED_AT: micros_of(self._budget.clock.now())}

        def fetch(ask: Ask) -> Leaf[_Sheet]:
            answer = self._client.transactions(wallet.wallet_id, ask.after)
            return _leaf_of(parse.LEDGER, answer, after=_next_uri(answer, transactions_path(wallet.wallet_id)))

        margin = _WALLET_MARGIN // _MICROSECOND
        walker = Walker(fetch, place=self._place(stream), overlaps=False, margin=margin, expected=is_unseen, sure=self._sure())
        for leaf, reached in walker.leaves(trail, since=_micros(window.since)):
            self._has_fills = self._has_fills or any(mark.order_id for mark in leaf.received.marks)
            yield self._page(stream, leaf.received, reached.state() or asked_at)

    def _rests(self, wallet: answers.HeldWallet, *, asked_at: str | int | None) -> bool:
        """Tell whether a wallet without rows is left in peace: it was asked of late, is empty, and was not changed since it was made.

        Of a venue that says so of a wallet that holds something, that word is worth nothing.
        """
        was_asked = isinstance(asked_at, int) and self._budget.clock.now() - instant_of_micros(asked_at) < _UNUSED_ASKED
        is_untouched = wallet.is_empty and not wallet.is_changed
        return was_asked and is_untouched and all(one.is_empty or one.is_changed for one in self._wallets)

    def _pull_fills(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        def fetch(ask: Ask) -> Leaf[_Sheet]:
            cursor, start = _cursor_and_start(ask)
            answer = self._client.fills(cursor=cursor, since=None if start is None else instant_of_micros(start))
            after = _read(_told_cursor, answer, "a page of fills")
            leaf = _leaf_of(parse.FILLS, answer, after=after if after is None or start is None else f"{after} {start}")
            return leaf if leaf.rows else replace(leaf, after=None)  # a cursor may come with the last page: the end is one without fills

        margin = _FILLS_MARGIN // _MICROSECOND
        expected, sure = self._has_fills, self._sure()
        walker = Walker(fetch, place=self._place(stream), overlaps=False, margin=margin, expected=expected, sure=sure)
        for leaf, reached in walker.leaves(trail_of(cursor), since=_micros(window.since)):
            named = self._client_order_ids(leaf.received)
            context = ((parse.CLIENT_ORDER_IDS, json.dumps(named, sort_keys=True)),) if named else ()
            yield self._page(stream, leaf.received, reached.state(), context=context)

    def _client_order_ids(self, sheet: _Sheet) -> Mapping[str, str]:
        """Ask what the bot called the orders of a page of fills; a venue that does not tell leaves them without names."""
        order_ids = sorted({mark.order_id for mark in sheet.marks})
        named: dict[str, str] = {}
        try:
            for start in range(0, len(order_ids), ORDERS_MAX):
                answer = self._client.orders(order_ids[start : start + ORDERS_MAX])
                named |= _read(answers.client_order_ids_of, answer, "a page of orders")
        except KeyRefused:
            raise
        except TerminalError:
            return {}
        return {order_id: named[order_id] for order_id in order_ids if order_id in named}

    def _pull_balances(self, stream: StreamKey, _cursor: CursorState, _window: PullWindow) -> Iterator[Page]:
        cursor: str | None = None
        asked: set[str | None] = set()
        told: dict[str, str] = {}  # accounts of one currency may stand on several pages
        while cursor not in asked:
            asked.add(cursor)
            answer = self._client.accounts(cursor)
            rows = _read(partial(parse.rows_of, parse.BALANCES), answer, "the list of accounts")
            context = ((parse.EARLIER, json.dumps(told, sort_keys=True)),) if told else ()
            payload = self._payloads.of(answer, stream.stream, stream.symbol, context=context)
            balances = [event.balance for event, _ in parse.interpret(payload).events if isinstance(event, BalanceSnapshot)]
            told |= {balance.asset: text_of(balance.quantity) for balance in balances}
            yield Page(payload=payload, cursor={}, rows=len(rows), from_at=payload.fetched_at, to_at=payload.fetched_at)
            cursor = _read(_told_cursor, answer, "the list of accounts")
            if cursor is None or not object_of(answer.json).get("has_next"):
                return
        raise TransientError(f"{self.venue}: the list of accounts gives the same cursor again")

    def _page(self, stream: StreamKey, sheet: _Sheet, state: CursorState, *, context: tuple[tuple[str, str], ...] = ()) -> Page:
        marks = sheet.marks
        instants = [mark.occurred_at for mark in marks]
        return Page(
            payload=self._payloads.of(sheet.answer, stream.stream, stream.symbol, context=context),
            cursor=state,
            rows=len(sheet.rows),
            first_id=marks[0].row_id if marks else None,
            last_id=marks[-1].row_id if marks else None,
            from_at=min(instants, default=None),
            to_at=max(instants, default=None),
            since=since_of(state),
        )

    def _wallet(self, stream: StreamKey) -> answers.HeldWallet:
        self.streams()
        for wallet in self._wallets:
            if _symbol_of(wallet) == stream.symbol:
                return wallet
        raise TerminalError(f"{self.venue}: {self._account!r} has no wallet {stream.symbol}")

    def _sure(self) -> int:
        return micros_of(self._budget.clock.now() + _CLOCK_MARGIN)

    def _place(self, stream: StreamKey) -> str:
        return f"{self.venue}: {stream.stream} {stream.symbol}".rstrip()


_Pull = Callable[[CoinbaseAdvanced, StreamKey, CursorState, PullWindow], Iterator[Page]]
_PULLS: dict[str, _Pull] = {
    parse.LEDGER: CoinbaseAdvanced._pull_wallet,  # noqa: SLF001  # the table of this very class's streams
    parse.FILLS: CoinbaseAdvanced._pull_fills,  # noqa: SLF001  # the same
    parse.BALANCES: CoinbaseAdvanced._pull_balances,  # noqa: SLF001  # the same
}


def _read(reader: Callable[[Json], Said], answer: Answer, what: str) -> Said:
    """Read what the walk itself hangs on: an answer that cannot be read is a false one, and may be right the next time."""
    try:
        return reader(answer.json)
    except InputError as unreadable:
        raise TransientError(f"{VENUE}: {what} cannot be read: {unreadable.message}") from unreadable


def _leaf_of(stream: str, answer: Answer, *, after: str | None) -> Leaf[_Sheet]:
    rows = _read(partial(parse.rows_of, stream), answer, f"a page of {stream}")
    read = [answers.marks_of(stream, [row]) for row in rows]
    marks = tuple(mark for found in read for mark in found)
    return Leaf(
        received=_Sheet(answer=answer, rows=rows, marks=marks),
        rows=len(rows),
        row_ids=tuple(found[0].row_id if found else repr(row) for row, found in zip(rows, read, strict=True)),
        positions=tuple(mark.position for mark in marks),
        changing=tuple(mark.position for mark in marks if mark.may_change),
        newest=max((micros_of(mark.occurred_at) for mark in marks), default=None),
        after=after,
    )


def _told_cursor(answer: Json) -> str | None:
    """Return the cursor in an answer; empty is the end, but an answer without the field says nothing."""
    row = object_of(answer)
    if "cursor" not in row:
        raise InputError(f'has no "cursor": {shown(row)}')
    return cell_text_or_none(row, "cursor")


def _next_uri(answer: Answer, path: str) -> str | None:
    """Return the address of the next page, which is one of the same list; None at the end."""

    def told(said: Json) -> str | None:
        pagination = object_of(said).get("pagination")
        if not isinstance(pagination, dict) or "next_uri" not in pagination:
            raise InputError('has no "pagination" with a "next_uri"')
        next_uri = cell_text_or_none(pagination, "next_uri")
        if next_uri is not None and not (next_uri.startswith(f"{path}?") and next_uri.isascii()):
            raise InputError(f"goes on at another place: {shown(next_uri)}")
        return next_uri

    return _read(told, answer, "a page of a wallet")


def _cursor_and_start(ask: Ask) -> tuple[str | None, int | None]:
    """Return the query's cursor, and where its rows begin: a walk to a floor asks for no more than it lacks, on every page."""
    if ask.after is None:
        return None, ask.before
    cursor, _, start = ask.after.partition(" ")
    return cursor, int(start) if start else None


def _is_unknown_product(refused: TerminalError) -> bool:
    """Tell whether the venue has no such market; a bad request of another sort is a fault of ours, not a lack of prices."""
    is_named = "product_id" in refused.message or "ProductID" in refused.message
    return refused.status == _NOT_FOUND or (refused.status == _BAD_REQUEST and is_named)


def _symbol_of(wallet: answers.HeldWallet) -> str:
    return f"{wallet.currency}/{wallet.wallet_id}"


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else micros_of(instant)
