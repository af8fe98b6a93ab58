"""Kraken as a connector: which streams there are, and how each is walked.

Trades come first and the ledger after them: what a trade tells of an order is then there when the ledger books it, and where both
agree on the amounts nothing has to be booked anew.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import ClassVar

from ledger.connectors.kraken import parse
from ledger.connectors.kraken.client import ORDERS_MAX, TIERS, KrakenClient
from ledger.connectors.kraken.ids import VENUE
from ledger.connectors.kraken.markets import assets_of, names_of, orders_of, pairs_of, rights_of
from ledger.connectors.kraken.prices import KrakenTrades
from ledger.connectors.kraken.row_ids import is_plain
from ledger.connectors.kraken.spelling import doubtful_of
from ledger.connectors.kraken.walk import Leaf, OffsetWalker, Trail, Window, trail_of
from ledger.domain.errors import InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.json_text import Json, shown
from ledger.domain.payload import Payload
from ledger.domain.time.instant import instant_of_micros, micros_of
from ledger.ports import CallCount, ConnectionTerms, CursorState, Interpretation, KeyReport, Page, PullWindow, StreamFacts, StreamKey
from ledger.transport.pace import Budget, Clock, SystemClock
from ledger.transport.payloads import Payloads
from ledger.transport.reader import Answer, Timeouts
from ledger.transport.walk import since_of

_STREAMS = ("trades", "deposits", "withdrawals", "ledger", "balances")
_TRANSFER_MARGIN = timedelta(days=7) // timedelta(microseconds=1)  # a pending row may be done late
_ASSETS_KEY = "assets"  # in the cursor of the ledger: the assets that its rows have named
_CURSOR_PAGES_MAX = 10_000  # a list of transfers that goes on longer goes in circles


class Kraken:
    """One key of Kraken spot, for reading only."""

    venue = VENUE
    tiers: ClassVar[tuple[str, ...]] = tuple(TIERS)
    stream_facts: ClassVar[Mapping[str, StreamFacts]] = {
        "ledger": StreamFacts(export="Kraken: History, Export, Ledgers"),
        "trades": StreamFacts(export="Kraken: History, Export, Trades"),
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
        self._client = KrakenClient(terms, budget=self._budget, rng=rng or SystemRandom(), timeouts=timeouts)
        self._payloads = Payloads(venue=VENUE, account=terms.account, clock=self._budget.clock)
        self._pairs: dict[str, str] | None = None
        self._assets: dict[str, str] | None = None
        self._touched: set[str] = set()

    def streams(self) -> tuple[StreamKey, ...]:
        """Return trades, deposits, withdrawals, ledger, balances: each is of the whole account."""
        return tuple(StreamKey(stream=name) for name in _STREAMS)

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        """Yield the pages that the cursor lacks.

        `window.since` limits how far back the first pull goes, and a later pull with an earlier one goes on from there; what is
        newer than the cursor is always pulled whole, so that no hole is left. `window.until` is passed over: pages are kept as
        they come, and rows after it are no harm.

        Raises:
            InputError: for a stream that this venue does not have.
            TransientError, TerminalError, KeyRefused: as the port says.
        """
        if stream.stream not in _PULLS or stream.symbol:
            raise InputError(f"{self.venue} has no stream {stream.stream!r} {stream.symbol}".rstrip())
        return _PULLS[stream.stream](self, stream, cursor or {}, window)

    @staticmethod
    def interpret(payload: Payload) -> Interpretation:
        """Read a stored page; pure."""
        return parse.interpret(payload)

    def check_key(self) -> KeyReport:
        """Ask for the time and, signed, for what the key may do and what the account holds."""
        skew = self._client.skew()
        try:
            rights = rights_of(parse.result_of(self._client.key_rights().json))
        except InputError as unreadable:
            raise TransientError(f"{self.venue}: the key's rights cannot be read: {unreadable.message}") from unreadable
        self._client.balances()
        return KeyReport(
            venue=self.venue,
            account=self._account,
            clock_skew_seconds=skew.total_seconds(),
            may_read=True,
            may_trade=rights.may_trade,
            may_withdraw=rights.may_withdraw,
            notes=rights.notes,
            facts=rights.facts,
            ends_at=rights.ends_at,
        )

    def price_source(self) -> KrakenTrades:
        """Return the minutes of the venue's public trades."""
        return KrakenTrades(client=self._client, payloads=self._payloads)

    def call_count(self) -> CallCount:
        """Return calls and waits so far, of the price source too."""
        spent = self._budget
        return CallCount(requests=spent.requests, waits=spent.waits, retries=spent.retries, seconds_waited=spent.seconds_waited)

    def close(self) -> None:
        """Release the sockets."""
        self._client.close()

    # --- histories by offset

    def _pull_trades(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        def fetch(part: Window) -> Answer:
            return self._client.trades(start=_seconds(part.start), end=parse.seconds_text(part.end), offset=part.offset)

        walker = OffsetWalker(fetch, name="trades", place=f"{self.venue}: trades")
        for leaf, reached in walker.leaves(trail_of(cursor), since=_micros(window.since), now=self._now()):
            yield self._page(stream, leaf, reached.state(), {parse.PAIRS: self._pairs_in(leaf), **self._orders_in(leaf)})

    def _pull_ledger(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        def fetch(part: Window) -> Answer:
            return self._client.ledger(start=_seconds(part.start), end=parse.seconds_text(part.end), offset=part.offset)

        walker = OffsetWalker(fetch, name="ledger", place=f"{self.venue}: ledger")
        self._touched |= set(str(cursor.get(_ASSETS_KEY) or "").split())
        for leaf, reached in walker.leaves(trail_of(cursor), since=_micros(window.since), now=self._now()):
            self._touched |= assets_of(leaf.rows)
            state = {**reached.state(), _ASSETS_KEY: " ".join(sorted(self._touched))}
            bounds = {parse.KNOWN_ABOVE: leaf.known_above, parse.TOLD_ABOVE: leaf.told_above}
            context = {name: str(micros) for name, micros in bounds.items() if micros is not None}
            context |= {parse.CARRIED: leaf.carried, **self._listed_names(self._touched)}
            yield self._page(stream, leaf, state, context)

    def _now(self) -> int:
        return micros_of(self._client.now())

    def _pairs_in(self, leaf: Leaf) -> str:
        """Return base and quote of the pairs on a page that are listed; the others are left to their names."""
        if self._pairs is None:
            self._pairs = self._read(self._client.pairs(), pairs_of)
        named = {str(row["pair"]) for row in leaf.rows.values() if isinstance(row, dict) and "pair" in row}
        return json.dumps({pair: self._pairs[pair] for pair in sorted(named & set(self._pairs))})

    def _listed_names(self, names: Iterable[str]) -> dict[str, str]:
        """Return the venue's other names of assets whose spelling leaves a doubt, as context; its list is asked for once, if at all."""
        doubtful = doubtful_of(names)
        if not doubtful:
            return {}
        if self._assets is None:
            self._assets = self._read(self._client.assets(), names_of)
        return {parse.LISTED: json.dumps({name: self._assets[name] for name in doubtful if name in self._assets})}

    def _orders_in(self, leaf: Leaf) -> dict[str, str]:
        """Return the client's own names of the orders on a page as context; with the words of a refusal, which costs the names only.

        Raises:
            KeyRefused: when the key may not ask, which its owner can mend.
        """
        told = [row.get("ordertxid") for row in leaf.rows.values() if isinstance(row, dict)]
        ids = sorted({order for order in told if isinstance(order, str) and is_plain(order)})
        names: dict[str, str] = {}
        refused: dict[str, str] = {}
        for start in range(0, len(ids), ORDERS_MAX):
            try:
                names |= self._read(self._client.orders(ids[start : start + ORDERS_MAX]), orders_of)
            except KeyRefused:
                raise
            except TerminalError as refusal:
                refused = {parse.UNNAMED: refusal.message}
        return {parse.ORDERS: json.dumps({order: names[order] for order in sorted(names)}), **refused}

    def _read(self, answer: Answer, reader: Callable[[Json], dict[str, str]]) -> dict[str, str]:
        try:
            return reader(parse.result_of(answer.json))
        except InputError as unreadable:
            raise TransientError(f"{self.venue}: {answer.request}: cannot be read: {unreadable.message}") from unreadable

    def _page(self, stream: StreamKey, leaf: Leaf, state: CursorState, context: dict[str, str]) -> Page:
        told = {**context, **({parse.SHORT: leaf.short} if leaf.short else {})}
        ids, times = list(leaf.rows), leaf.times.values()
        return Page(
            payload=self._payloads.of(leaf.answer, stream.stream, stream.symbol, context=tuple(sorted(told.items()))),
            cursor=state,
            rows=len(ids),
            first_id=ids[0] if ids else None,
            last_id=ids[-1] if ids else None,
            from_at=instant_of_micros(min(times)) if times else None,
            to_at=instant_of_micros(max(times)) if times else None,
            since=since_of(state),
        )

    # --- lists by cursor

    def _pull_deposits(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        return self._listed(stream, "DepositStatus", "deposit", cursor=cursor, since=window.since)

    def _pull_withdrawals(self, stream: StreamKey, cursor: CursorState, window: PullWindow) -> Iterator[Page]:
        return self._listed(stream, "WithdrawStatus", "withdrawal", cursor=cursor, since=window.since)

    def _listed(self, stream: StreamKey, call: str, name: str, *, cursor: CursorState, since: datetime | None) -> Iterator[Page]:
        """Walk a list from its newest row until what is known for a week; a walk that was cut short begins anew, for lists are short."""
        known, wanted, now = trail_of(cursor), _micros(since), self._now()
        is_known = known.high is not None and (known.since is None or (wanted is not None and known.since <= wanted))
        high = None if known.high is None else min(known.high, now)
        floor = high - _TRANSFER_MARGIN if high is not None and is_known else wanted
        more, asked = None, set[str]()
        for _ in range(_CURSOR_PAGES_MAX):
            answer = self._client.transfers(call, cursor=more)
            rows, times, more = self._list_page(answer, name, asked)
            # A row that is dated after now says nothing of the rows before it.
            high = max([*(at for at in times if at <= now), *([] if high is None else [high])], default=None)
            is_last = more is None or (floor is not None and bool(times) and min(times) < floor)
            reached = Trail(high=high, since=known.since if is_known else wanted).state() if is_last else cursor
            yield self._list_of(stream, answer, rows, times, reached)
            if is_last:
                return
        raise TransientError(f"{self.venue}: {call}: the list has no end")

    def _list_page(self, answer: Answer, name: str, asked: set[str]) -> tuple[list[Json], list[int], str | None]:
        """Return rows, readable times and the cursor to what is older, noted in `asked`; one that leads back to a page is none."""
        try:
            result = parse.result_of(answer.json)
            rows = parse.list_of(result, name)
        except InputError as unreadable:
            raise TransientError(f"{self.venue}: {answer.request}: cannot be read: {unreadable.message}") from unreadable
        times = list(parse.times_of({str(number): row for number, row in enumerate(rows)}).values())
        more = result.get("next_cursor") if isinstance(result, dict) else None
        if isinstance(more, str) and not more.isprintable():
            raise TransientError(f"{self.venue}: {answer.request}: goes on at a cursor that cannot be sent: {shown(more)}")
        if not isinstance(more, str) or not more or more in asked:
            return rows, times, None
        asked.add(more)
        return rows, times, more

    def _list_of(self, stream: StreamKey, answer: Answer, rows: list[Json], times: list[int], state: CursorState) -> Page:
        ids = [refid for refid in map(parse.refid_of, rows) if refid]
        return Page(
            payload=self._payloads.of(answer, stream.stream, stream.symbol),
            cursor=state,
            rows=len(rows),
            first_id=ids[0] if ids else None,
            last_id=ids[-1] if ids else None,
            from_at=instant_of_micros(min(times)) if times else None,
            to_at=instant_of_micros(max(times)) if times else None,
            since=since_of(state),
        )

    def _pull_balances(self, stream: StreamKey, _cursor: CursorState, _window: PullWindow) -> Iterator[Page]:
        answer = self._client.balances()
        result = parse.result_of(answer.json)
        held = result if isinstance(result, dict) else {}
        context = self._listed_names({*held, *self._touched}) | ({parse.TOUCHED: " ".join(sorted(self._touched))} if self._touched else {})
        payload = self._payloads.of(answer, stream.stream, stream.symbol, context=tuple(sorted(context.items())))
        rows = len(held)
        yield Page(payload=payload, cursor={}, rows=rows, from_at=payload.fetched_at, to_at=payload.fetched_at)


_Pull = Callable[[Kraken, StreamKey, CursorState, PullWindow], Iterator[Page]]
_PULLS: dict[str, _Pull] = {
    "trades": Kraken._pull_trades,  # noqa: SLF001  # the table of this very class's streams
    "ledger": Kraken._pull_ledger,  # noqa: SLF001  # the same
    "deposits": Kraken._pull_deposits,  # noqa: SLF001  # the same
    "withdrawals": Kraken._pull_withdrawals,  # noqa: SLF001  # the same
    "balances": Kraken._pull_balances,  # noqa: SLF001  # the same
}


def _seconds(micros: int | None) -> str | None:
    return None if micros is None else parse.seconds_text(max(0, micros))


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else micros_of(instant.astimezone(UTC))
