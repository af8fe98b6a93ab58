"""Binance and Binance.US as connectors: which streams there are, and how each is walked.

No call gives all trades: they are asked for by symbol. So everything that tells of assets comes first, then the search for symbols
(`_pull_symbols`), then the trades. Whoever pulls therefore asks `streams` again when all are pulled: it may have grown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import ClassVar

from ledger.connectors.binance import parse
from ledger.connectors.binance.client import OPENED_AT, BinanceClient, VenueRefusal
from ledger.connectors.binance.markets import Markets
from ledger.connectors.binance.money import US_FIAT_IN, US_FIAT_OUT
from ledger.connectors.binance.moves import SUB_MOVES_IN, SUB_MOVES_OUT
from ledger.connectors.binance.rights import KeyRights, key_rights_of
from ledger.connectors.binance.venues import BINANCE, BINANCE_US, Call, Venue
from ledger.domain.errors import InputError, TerminalError, TransientError
from ledger.domain.ids import VenueName
from ledger.domain.json_text import Json
from ledger.domain.payload import Payload
from ledger.domain.time.instant import instant_of_millis, millis_of
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
from ledger.transport.windows import IdAscent, IdLeaf, Sheaf, Turn, WindowWalk

_CLOCK_MARGIN = timedelta(minutes=1)  # so far a clock may be ahead of another one without being wrong
_DAY = 86_400_000  # milliseconds
_CANDLES_MAX = 1000
_FOREVER = 36_500 * _DAY
_ASSETS_KEY = "assets"  # in the cursor of a history: the assets that its rows have named
_WAITING_KEY = "waiting"  # the same: the time of its oldest row that waits to be done, in milliseconds
_WALLETS = ("FUNDING", "UMFUTURE", "CMFUTURE", "MARGIN", "OPTION")
_WALLETS_OF_SOME = ("PORTFOLIO_MARGIN", "ISOLATED_MARGIN")


def _moves_of(wallets: Iterable[str]) -> tuple[str, ...]:
    return tuple(kind for wallet in wallets for kind in (f"MAIN_{wallet}", f"{wallet}_MAIN"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """How a history is walked: the longest window, how much of the end is asked for again, how far back it reaches (milliseconds).

    `is_cut`: an answer that is full shows not all, and only a shorter window helps. `symbols` are values of the parameter `asked`;
    what is asked for by those `of_some` the venue does not give to every account.
    """

    longest: int
    margin: int
    reach: int = _FOREVER
    is_cut: bool = False
    asked: str = ""
    symbols: tuple[str, ...] = ("",)
    of_some: tuple[str, ...] = ()


_DUST_ROWS_MAX = 100
_DUST_SINCE = datetime(2020, 12, 1, tzinfo=UTC)

_NO_FILE = frozenset({"moves", parse.SUB_MOVES})  # of the wallets' own moves no export tells enough to book them

_WINDOWS: dict[str, _Window] = {
    "deposits": _Window(longest=89 * _DAY, margin=30 * _DAY),
    "withdrawals": _Window(longest=89 * _DAY, margin=30 * _DAY),
    "fiat": _Window(longest=_FOREVER, margin=30 * _DAY, asked="transactionType", symbols=("0", "1")),
    "payments": _Window(longest=_FOREVER, margin=30 * _DAY, asked="transactionType", symbols=("0", "1")),
    US_FIAT_IN: _Window(longest=89 * _DAY, margin=30 * _DAY, is_cut=True),
    US_FIAT_OUT: _Window(longest=89 * _DAY, margin=30 * _DAY, is_cut=True),
    "conversions": _Window(longest=29 * _DAY, margin=_DAY, is_cut=True),
    "dust": _Window(longest=_FOREVER, margin=_FOREVER),
    "dividends": _Window(longest=179 * _DAY, margin=14 * _DAY, is_cut=True),
    "rewards": _Window(longest=29 * _DAY, margin=3 * _DAY),
    "moves": _Window(
        longest=29 * _DAY,
        margin=3 * _DAY,
        reach=179 * _DAY,
        asked="type",
        symbols=_moves_of((*_WALLETS, *_WALLETS_OF_SOME)),
        of_some=_moves_of(_WALLETS_OF_SOME),
    ),
    parse.SUB_MOVES: _Window(
        longest=29 * _DAY,
        margin=3 * _DAY,
        is_cut=True,
        asked="type",
        symbols=(SUB_MOVES_IN, SUB_MOVES_OUT),
        of_some=(SUB_MOVES_IN, SUB_MOVES_OUT),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """An answer with the marks of its rows."""

    answer: Answer
    rows: int
    marks: tuple[parse.RowMark, ...]


class _Waiting:
    """The oldest row of a history that waits to be done: each walk begins with it, until it is done or given up."""

    def __init__(self, cursor: CursorState) -> None:
        self._before = cursor.get(_WAITING_KEY)
        self._high = cursor.get("high")
        self._now: int | None = None

    def margin(self, usual: int) -> int:
        """Return how much of the end is asked for again, in milliseconds."""
        if not isinstance(self._before, int) or not isinstance(self._high, int):
            return usual
        return max(usual, self._high - self._before)

    def seen(self, marks: Iterable[parse.RowMark], *, is_last: bool) -> dict[str, str | int | None]:
        """Return what the cursor keeps after a page; until the last one has come, what was known before stays."""
        times = [millis_of(mark.occurred_at) for mark in marks if mark.waits]
        self._now = min((one for one in (self._now, *times) if one is not None), default=None)
        known = [one for one in (self._now, None if is_last else self._before) if isinstance(one, int)]
        return {_WAITING_KEY: min(known)} if known else {}


class _Spot:
    """One key of one of the two venues, for reading only."""

    facts: Venue

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
        self._client = BinanceClient(self.facts, terms, budget=self._budget, rng=rng or SystemRandom(), timeouts=timeouts)
        self._payloads = Payloads(venue=self.facts.name, account=terms.account, clock=self._budget.clock)
        self._markets = Markets(venue=self.facts.name, wanted=terms.symbols)

    def streams(self) -> tuple[StreamKey, ...]:
        """Return histories by time, the search for symbols, fills by symbol, balances; asks the venue the first time only.

        A symbol has a fills stream when it is listed and both its assets were ever touched, when it is known to have fills, or when
        the user names it.
        """
        self._discover()
        histories = (StreamKey(stream=stream, symbol=symbol) for stream in self.facts.calls for symbol in _WINDOWS[stream].symbols)
        return (
            *histories,
            StreamKey(stream="symbols"),
            *(StreamKey(stream="fills", symbol=name) for name in self._markets.names()),
            StreamKey(stream="balances"),
        )

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        """Yield the pages that the cursor lacks.

        `window.since` limits how far back histories by time go, and a later pull with an earlier one goes on from there; fills are
        always pulled from the first. `window.until` is passed over: pages are kept as they come, and rows after it are no harm.

        Raises:
            InputError: for a stream that this venue does not have.
            TransientError, TerminalError, KeyRefused: as the port says.
        """
        if stream.stream in self.facts.calls:
            return self._pull_given(stream, cursor or {}, window)
        if stream.stream not in _PULLS:
            raise InputError(f"{self.facts.name} has no stream {stream.stream!r}")
        self._discover()
        return _PULLS[stream.stream](self, stream, cursor or {})

    @staticmethod
    def interpret(payload: Payload) -> Interpretation:
        """Read a stored page; pure."""
        return parse.interpret(payload)

    def check_key(self) -> KeyReport:
        """Ask for the time, for the account and, where the venue tells, for the key's rights."""
        skew = self._client.synchronise()
        self._client.account()
        rights = self._rights()
        return KeyReport(
            venue=self.facts.name,
            account=self._account,
            clock_skew_seconds=skew.total_seconds(),
            may_read=True if rights is None else rights.may_read,
            may_trade=None if rights is None else rights.may_trade,
            may_withdraw=None if rights is None else rights.may_withdraw,
            notes=tuple(_notes_of(rights)),
            facts=_told_of(rights),
        )

    def price_source(self) -> MinuteCandles:
        """Return the venue's candles of minutes."""
        name = str(self.facts.name)
        return MinuteCandles(
            name=name,
            separator="",
            rows_max=_CANDLES_MAX,
            fetch=self._candles,
            read=lambda answer, asset, currency: parse.quotes_of(answer, asset=asset, currency=currency, source=name),
            is_unknown=lambda refused: isinstance(refused, VenueRefusal) and refused.code == parse.UNKNOWN_SYMBOL,
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

    def _rights(self) -> KeyRights | None:
        if not self.facts.tells_rights:
            return None
        try:
            return key_rights_of(self._client.rights().json)
        except InputError as unreadable:
            raise TransientError(f"{self.facts.name}: the rights of the key cannot be read: {unreadable.message}") from unreadable

    def _discover(self) -> None:
        if self._markets.listed:
            return
        try:
            self._open_markets(parse.symbols_of(self._client.symbols().json))
            answer = self._client.account().json
            earn = {code for code, _ in parse.earn_balances(answer, listed=self._markets.assets)}
            self._markets.touch(asset.removeprefix("LD") if asset in earn else asset for asset in parse.held_assets(answer))
        except InputError as unreadable:
            raise TransientError(f"{self.facts.name}: the list of symbols or balances cannot be read: {unreadable.message}") from unreadable

    def _open_markets(self, listed: Iterable[parse.Symbol]) -> None:
        try:
            self._markets.open(listed)
        except InputError as unknown:
            raise TerminalError(f"connection {self._account}: {unknown.message}", mend=f"in its `symbols`: {unknown.mend}") from unknown

    # --- histories by time

    def _pull_given(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        """Pull a history, or keep the venue's word that this key does not get it: it is asked for again in the next run."""
        try:
            yield from self._pull_history(stream, cursor, window)
        except VenueRefusal as refused:
            if stream.symbol not in _WINDOWS[stream.stream].of_some:
                raise
            request = f"GET {self.facts.calls[stream.stream].path}?{_WINDOWS[stream.stream].asked}={stream.symbol}"
            answer = Answer(request=request, headers={}, content=refused.content, json=None)
            sheet = _Sheet(answer=answer, rows=0, marks=())
            yield self._page(stream, sheet, cursor, context=((parse.REFUSED, str(refused.code)),))

    def _pull_history(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        call, terms = self.facts.calls[stream.stream], _WINDOWS[stream.stream]
        clocks = [millis_of(at) for at in (self._client.now(), self._budget.clock.now())]  # either may be wrong; nothing is lost by that
        until = max(clocks)
        first = max(millis_of(OPENED_AT), min(clocks) - terms.reach)  # nothing is to be had from before
        since = first if window.since is None else max(millis_of(window.since), first)
        named = set(str(cursor.get(_ASSETS_KEY) or "").split())
        self._markets.touch(named)

        def fetch(turn: Turn) -> Sheaf[_Sheet]:
            asked = {terms.asked: stream.symbol} if terms.asked else {}
            may_refuse = stream.symbol in terms.of_some
            answer = self._client.history(call, turn.span, page=turn.page, offset=turn.offset, may_refuse=may_refuse, **asked)
            return self._sheaf(stream, call, terms, answer)

        waiting = _Waiting(cursor)
        walk = WindowWalk(fetch, place=self._place(stream), longest=terms.longest, margin=waiting.margin(terms.margin))
        sure = millis_of(self._budget.clock.now() + _CLOCK_MARGIN)
        for sheaf, reached in walk.leaves(cursor, since=since, until=until, sure=sure):
            named |= {asset for mark in sheaf.received.marks for asset in mark.assets}
            self._markets.touch(named)
            state = reached | ({_ASSETS_KEY: " ".join(sorted(named))} if named else {})
            state |= waiting.seen(sheaf.received.marks, is_last=reached["high"] == until)
            low = reached["low"]
            assert isinstance(low, int), reached
            since_at = instant_of_millis(low) if low > first else None
            yield self._page(stream, sheaf.received, state, since=since_at, short=sheaf.short)

    def _sheaf(self, stream: StreamKey, call: Call, terms: _Window, answer: Answer) -> Sheaf[_Sheet]:
        rows = self._rows(stream, answer)
        read = [parse.marks_of(stream.stream, [row]) for row in rows]
        marks = tuple(mark for found in read for mark in found)
        total = parse.total_of(answer.json) if stream.stream != "dust" else None
        is_full = len(rows) >= call.rows or (total is not None and total > len(rows))
        return Sheaf(
            received=_Sheet(answer=answer, rows=len(rows), marks=marks),
            ids=tuple(found[0].row_id if found else repr(row) for row, found in zip(rows, read, strict=True)),
            total=None if terms.is_cut else total,
            is_cut=parse.has_more(answer.json) or (terms.is_cut and is_full),
            is_full=is_full,
            is_whole=not call.paging,
        )

    def _rows(self, stream: StreamKey, answer: Answer) -> list[Json]:
        try:
            return parse.rows_of(stream.stream, answer.json)
        except InputError as unreadable:
            raise TransientError(f"{self._place(stream)}: the answer {unreadable.message}") from unreadable

    # --- trades

    def _pull_symbols(self, stream: StreamKey, cursor: CursorState) -> Iterator[Page]:
        """Ask each symbol that the account may have traded for its first trade; what has one gets a stream of its own."""
        for symbol, state in self._markets.search(cursor):
            try:
                answer = self._client.trades(symbol.name, from_id=0, rows=1)
            except VenueRefusal as refused:
                if refused.code != parse.UNKNOWN_SYMBOL:
                    raise
                if symbol.name in self._markets.listed:  # a name that was made up may be wrong; a listed one is out of reach
                    yield self._refused_page(stream, refused, state(), symbol)
                continue
            marks = parse.marks_of("fills", answer.rows())
            if answer.rows():
                self._markets.has_traded(symbol)
            sheet = _Sheet(answer=answer, rows=len(answer.rows()), marks=marks)
            yield self._page(stream, sheet, state(), symbol=symbol)

    def _pull_fills(self, stream: StreamKey, cursor: CursorState) -> Iterator[Page]:
        symbol = self._markets.symbol(stream.symbol)
        if cursor.get("unknown") and symbol.name not in self._markets.listed:
            return

        def fetch(from_id: int) -> IdLeaf[_Sheet]:
            answer = self._client.trades(symbol.name, from_id=from_id)
            marks = parse.marks_of("fills", answer.rows())
            sheet = _Sheet(answer=answer, rows=len(answer.rows()), marks=marks)
            return IdLeaf(received=sheet, rows=sheet.rows, ids=tuple(int(mark.row_id) for mark in marks))

        try:
            for leaf, state in IdAscent(fetch, place=self._place(stream)).leaves(cursor):
                if leaf.rows:
                    self._markets.has_traded(symbol)
                yield self._page(stream, leaf.received, state, symbol=symbol, short=leaf.short)
        except VenueRefusal as refused:
            if refused.code != parse.UNKNOWN_SYMBOL:
                raise
            yield self._refused_page(stream, refused, {**cursor, "unknown": 1}, symbol)

    def _refused_page(self, stream: StreamKey, refused: VenueRefusal, state: CursorState, symbol: parse.Symbol) -> Page:
        """Return the venue's word that it gives no trades of a symbol, as a page to keep."""
        answer = Answer(request=f"GET /api/v3/myTrades?symbol={symbol.name}", headers={}, content=refused.content, json=None)
        return self._page(stream, _Sheet(answer=answer, rows=0, marks=()), state, symbol=symbol)

    # --- balances

    def _pull_balances(self, stream: StreamKey, _cursor: CursorState) -> Iterator[Page]:
        answer = self._client.account()
        try:
            earn = parse.earn_balances(answer.json, listed=self._markets.assets)
        except InputError as unreadable:
            raise TransientError(f"{self._place(stream)}: the answer cannot be read: {unreadable.message}") from unreadable
        context = (*earn, ("touched", " ".join(sorted(self._markets.touched))))
        payload = self._payloads.of(answer, stream.stream, stream.symbol, context=context)
        rows = len(self._rows(stream, answer))
        yield Page(payload=payload, cursor={}, rows=rows, from_at=payload.fetched_at, to_at=payload.fetched_at)

    def _page(
        self,
        stream: StreamKey,
        sheet: _Sheet,
        state: CursorState,
        *,
        symbol: parse.Symbol | None = None,
        since: datetime | None = None,
        short: str | None = None,
        context: tuple[tuple[str, str], ...] = (),
    ) -> Page:
        marks = sheet.marks
        instants = [mark.occurred_at for mark in marks]
        market = () if symbol is None else (("base", symbol.base), ("quote", symbol.quote))
        context = (*context, *market, *(() if short is None else ((parse.SHORT, short),)))
        told = stream if symbol is None else StreamKey(stream=stream.stream, symbol=symbol.name)
        return Page(
            payload=self._payloads.of(sheet.answer, told.stream, told.symbol, context=context),
            cursor=state,
            rows=sheet.rows,
            first_id=marks[0].row_id if marks else None,
            last_id=marks[-1].row_id if marks else None,
            from_at=min(instants, default=None),
            to_at=max(instants, default=None),
            since=since,
        )

    def _place(self, stream: StreamKey) -> str:
        return f"{self.facts.name}: {stream.stream} {stream.symbol}".rstrip()


def _facts_of(streams: Iterable[str], *, fills: str, others: str) -> dict[str, StreamFacts]:
    """Return how far back the venue gives each stream: trades and most histories to the first row (its reference, asset endpoints)."""
    told = {stream: StreamFacts(export="" if stream in _NO_FILE else others, horizon=_horizon(_WINDOWS[stream])) for stream in streams}
    if "dust" in told:
        told["dust"] = StreamFacts(export=others, since=_DUST_SINCE, rows_max=_DUST_ROWS_MAX)
    return told | {"fills": StreamFacts(export=fills)}


def _horizon(window: _Window) -> timedelta | None:
    return None if window.reach == _FOREVER else timedelta(milliseconds=window.reach)


class Binance(_Spot):
    """One key of Binance, for reading only."""

    venue: VenueName = BINANCE.name
    facts = BINANCE
    stream_facts: ClassVar[Mapping[str, StreamFacts]] = _facts_of(
        BINANCE.calls,
        fills="Binance: Orders, Spot, Trade History (binance-trades)",
        others="Binance: Wallet, Transaction History, all statements (binance-statement)",
    )


class BinanceUs(_Spot):
    """One key of Binance.US, for reading only."""

    venue: VenueName = BINANCE_US.name
    facts = BINANCE_US
    stream_facts: ClassVar[Mapping[str, StreamFacts]] = _facts_of(
        BINANCE_US.calls, fills="Binance.US: Reports, Transactions (binance-us)", others="Binance.US: Reports, Transactions (binance-us)"
    )


_Pull = Callable[[_Spot, StreamKey, CursorState], Iterator[Page]]
_PULLS: dict[str, _Pull] = {
    "symbols": _Spot._pull_symbols,  # noqa: SLF001  # the table of this very class's streams
    "fills": _Spot._pull_fills,  # noqa: SLF001  # the same
    "balances": _Spot._pull_balances,  # noqa: SLF001  # the same
}


def _notes_of(rights: KeyRights | None) -> Iterable[str]:
    if rights is None:
        yield "the venue has no call that tells what a key may do: look at its web page, and let the key read only"
        return
    if not rights.is_bound_to_addresses:
        yield "the key works from any address: bind it to yours on the venue's web page"
    if rights.may_trade:
        yield f"the key can trade or move coins between wallets ({', '.join(rights.beyond)}): reading is all that is needed"
    if rights.unknown:
        yield f"nobody here knows what {', '.join(rights.unknown)} lets the key do: it counts as a right to trade"
    if rights.expires_at is not None:
        yield f"the key's right to trade ends at {rights.expires_at:%Y-%m-%d %H:%M} UTC"


def _told_of(rights: KeyRights | None) -> tuple[tuple[str, str], ...]:
    if rights is None:
        return ()
    ends_at = () if rights.expires_at is None else (("the right to trade ends at", f"{rights.expires_at:%Y-%m-%d %H:%M} UTC"),)
    return (("addresses", "bound" if rights.is_bound_to_addresses else "any"), *ends_at)
