"""Coinbase Exchange as a connector: which streams there are, and how each is walked.

The ledgers of the accounts come first, because they name every product ever traded, also those that the venue has delisted.
Whoever pulls therefore asks `streams` again after the ledgers: only then is the list of fills streams complete.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import ClassVar

from ledger.connectors.coinbase_exchange import parse
from ledger.connectors.coinbase_exchange.client import CoinbaseExchangeClient
from ledger.connectors.coinbase_exchange.ids import VENUE
from ledger.domain.errors import InputError, TerminalError, TransientError
from ledger.domain.payload import Payload
from ledger.domain.time.instant import micros_of
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

_PAGE_ROWS_FULL = 100  # an answer of so many rows may be one of several, even without a cursor
_PRODUCTS_KEY = "products"  # in the cursor of a ledger: the products that its rows have named
_CLOCK_MARGIN = timedelta(minutes=1)  # so far a clock may be ahead of another one without being wrong
_TRANSFER_MARGIN = timedelta(days=3)  # a pending row may appear late, or out of order
_CANDLES_MAX = 300  # rows in one answer
_NOT_FOUND = 404
_ID = re.compile("[0-9]{1,19}")
_KEY_NOTES = (
    "the venue has no call that tells what a key may do: create it with the View permission only",
    "nor does it tell from where the key works, or until when: bind it to your address on the venue's web page",
    "a key belongs to one profile: another profile needs a connection of its own",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """An answer with the marks of its rows."""

    answer: Answer
    marks: tuple[parse.RowMark, ...]


class CoinbaseExchange:
    """One key of Coinbase Exchange, for reading only.

    `known_symbols` are products with fills: the ledger's rows add to it, and a caller may add those of fills streams pulled before.
    """

    venue = VENUE
    stream_facts: ClassVar[Mapping[str, StreamFacts]] = {
        "fills": StreamFacts(export="Coinbase Exchange: Statements, Fills (coinbase-pro-fills)"),
        "ledger": StreamFacts(export="Coinbase Exchange: Statements, Account"),
    }

    def __init__(
        self,
        terms: ConnectionTerms,
        *,
        clock: Clock | None = None,
        rng: Random | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.known_symbols: set[str] = set()
        self._account = terms.account
        self._budget = Budget(clock=clock or SystemClock(), deadline=terms.deadline)
        self._client = CoinbaseExchangeClient(terms, budget=self._budget, rng=rng or SystemRandom(), timeouts=timeouts)
        self._payloads = Payloads(venue=VENUE, account=terms.account, clock=self._budget.clock)
        self._held: tuple[parse.HeldAccount, ...] = ()
        self._listed: tuple[tuple[str, str, str], ...] = ()
        self._never_used: set[str] = set()

    def streams(self) -> tuple[StreamKey, ...]:
        """Return ledgers by account, fills by product, transfers, balances; asks the venue the first time only.

        A product has a fills stream when both its assets have an account that may have been used, or when it is known to have
        fills. An account is known as never used once its ledger was pulled and, like its balance, is empty.
        """
        self._discover()
        used = {held.currency for held in self._held} - self._never_used
        tradable = {product for product, base, quote in self._listed if base in used and quote in used}
        return (
            *(StreamKey(stream="ledger", symbol=held.currency) for held in self._held),
            *(StreamKey(stream="fills", symbol=product) for product in sorted(tradable | self.known_symbols)),
            StreamKey(stream="transfers"),
            StreamKey(stream="balances"),
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
        """Ask for the time and, signed, for the accounts."""
        skew = self._client.synchronise()
        self._client.accounts()
        return KeyReport(
            venue=self.venue,
            account=self._account,
            clock_skew_seconds=skew.total_seconds(),
            may_read=True,
            may_trade=None,
            may_withdraw=None,
            notes=_KEY_NOTES,
        )

    def price_source(self) -> MinuteCandles:
        """Return the venue's candles of minutes."""
        return MinuteCandles(
            name=str(self.venue),
            separator="-",
            rows_max=_CANDLES_MAX,
            fetch=self._candles,
            read=lambda answer, asset, currency: parse.quotes_of(answer, asset=asset, currency=currency),
            is_unknown=lambda refused: refused.status == _NOT_FOUND,
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

    def _discover(self) -> None:
        if self._held:
            return
        try:
            self._held = parse.accounts_of(self._client.accounts().rows())
            self._listed = parse.products_of(self._client.products().rows())
        except InputError as unreadable:
            raise TransientError(f"{self.venue}: the list of accounts or products cannot be read: {unreadable.message}") from unreadable

    def _held_account(self, currency: str) -> parse.HeldAccount:
        self._discover()
        for held in self._held:
            if held.currency == currency:
                return held
        raise TerminalError(f"{self.venue}: the profile of {self._account!r} has no account of {currency}")

    def _pull_ledger(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        held, trail = self._held_account(stream.symbol), trail_of(cursor)
        named = set(str(cursor.get(_PRODUCTS_KEY) or "").split())
        self.known_symbols |= named
        is_used = held.has_balance or trail.high is not None

        def fetch(ask: Ask) -> Leaf[_Sheet]:
            before, after = _id_cursors(ask)
            return _leaf_of("ledger", self._client.ledger(held.account_id, before=before, after=after))

        walker = Walker(fetch, place=self._place(stream), overlaps=True, expected=is_used)
        for leaf, reached in walker.leaves(trail, since=_micros(window.since)):
            named |= {mark.product for mark in leaf.received.marks if mark.product}
            self.known_symbols |= named
            is_used = is_used or leaf.rows > 0
            state = reached.state() | ({_PRODUCTS_KEY: " ".join(sorted(named))} if named else {})
            yield self._page(stream, leaf.received, state, context=(("asset", stream.symbol),))
        if not is_used:
            self._never_used.add(stream.symbol)

    def _pull_fills(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        def fetch(ask: Ask) -> Leaf[_Sheet]:
            before, after = _id_cursors(ask)
            return _leaf_of("fills", self._client.fills(stream.symbol, before=before, after=after))

        walker = Walker(fetch, place=self._place(stream), overlaps=True, expected=stream.symbol in self.known_symbols)
        return self._walked(walker, stream, cursor, window)

    def _pull_transfers(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        def fetch(ask: Ask) -> Leaf[_Sheet]:
            return _leaf_of("transfers", self._client.transfers(after=ask.after))

        margin, sure = _TRANSFER_MARGIN // timedelta(microseconds=1), micros_of(self._budget.clock.now() + _CLOCK_MARGIN)
        walker = Walker(fetch, place=self._place(stream), overlaps=False, margin=margin, sure=sure)
        return self._walked(walker, stream, cursor, window)

    def _walked(self, walker: Walker[_Sheet], stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        for leaf, reached in walker.leaves(trail_of(cursor), since=_micros(window.since)):
            yield self._page(stream, leaf.received, reached.state())

    def _pull_balances(self, stream: StreamKey, _cursor: CursorState, _window: PullWindow) -> Iterator[Page]:
        answer = self._client.accounts()
        payload = self._payloads.of(answer, stream.stream, stream.symbol)
        yield Page(payload=payload, cursor={}, rows=len(answer.rows()), from_at=payload.fetched_at, to_at=payload.fetched_at)

    def _page(
        self,
        stream: StreamKey,
        sheet: _Sheet,
        state: CursorState,
        *,
        context: tuple[tuple[str, str], ...] = (),
    ) -> Page:
        marks = sheet.marks
        instants = [mark.occurred_at for mark in marks]
        return Page(
            payload=self._payloads.of(sheet.answer, stream.stream, stream.symbol, context=context),
            cursor=state,
            rows=len(sheet.answer.rows()),
            first_id=marks[0].row_id if marks else None,
            last_id=marks[-1].row_id if marks else None,
            from_at=min(instants, default=None),
            to_at=max(instants, default=None),
            since=since_of(state),
        )

    def _place(self, stream: StreamKey) -> str:
        return f"{self.venue}: {stream.stream} {stream.symbol}".rstrip()


_Pull = Callable[[CoinbaseExchange, StreamKey, CursorState, PullWindow], Iterator[Page]]
_PULLS: dict[str, _Pull] = {
    "ledger": CoinbaseExchange._pull_ledger,  # noqa: SLF001  # the table of this very class's streams
    "fills": CoinbaseExchange._pull_fills,  # noqa: SLF001  # the same
    "transfers": CoinbaseExchange._pull_transfers,  # noqa: SLF001  # the same
    "balances": CoinbaseExchange._pull_balances,  # noqa: SLF001  # the same
}


def _id_cursors(ask: Ask) -> tuple[str | None, str | None]:
    """Return the query's `before` and `after`: at this venue `before` means newer. Neither end belongs to the answer."""
    before = None if ask.before is None else str(ask.before - (1 if ask.overlap else 0))
    if ask.overlap and ask.after is not None and _ID.fullmatch(ask.after):
        return before, str(int(ask.after) + 1)
    return before, ask.after


def _leaf_of(stream: str, answer: Answer) -> Leaf[_Sheet]:
    rows = answer.rows()
    read = [parse.marks_of(stream, [row]) for row in rows]
    marks = tuple(mark for found in read for mark in found)
    return Leaf(
        received=_Sheet(answer=answer, marks=marks),
        rows=len(rows),
        row_ids=tuple(found[0].row_id if found else repr(row) for row, found in zip(rows, read, strict=True)),
        positions=tuple(mark.position for mark in marks),
        changing=tuple(mark.position for mark in marks if mark.may_change),
        newest=max((micros_of(mark.occurred_at) for mark in marks), default=None),
        after=_next_cursor(stream, answer, marks),
    )


def _next_cursor(stream: str, answer: Answer, marks: tuple[parse.RowMark, ...]) -> str | None:
    """Return CB-AFTER, which of rows with ids is the lowest id of the page; None at the end, which is also a page without rows.

    There the rows are believed, not the header: a cursor of another page would walk in circles, and one that got lost on a full
    page would end the history.
    """
    if not answer.rows():
        return None
    told = answer.headers.get("cb-after") or None
    if stream not in _ID_STREAMS or not marks or (told is not None and not _ID.fullmatch(told)):
        return told
    is_last = told is None and len(answer.rows()) < _PAGE_ROWS_FULL
    return None if is_last else str(min(mark.position for mark in marks))


_ID_STREAMS = frozenset({"ledger", "fills"})


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else micros_of(instant)
