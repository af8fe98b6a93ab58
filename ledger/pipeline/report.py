"""Lots, disposals and entries -> what reports are written from: tax-year facts, cut to a period and filters, lazily."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from heapq import merge
from itertools import chain, groupby, takewhile
from operator import attrgetter

from ledger.config import BookSettings
from ledger.domain.amount import Amount, AssetCode, is_fiat
from ledger.domain.errors import NumberRefused, UnsupportedCase
from ledger.domain.event import Event, Fill, Income, IncomeKind
from ledger.domain.facts import (
    BalanceRow,
    BookCover,
    BotActivity,
    BotResult,
    ElectionRow,
    FindingCount,
    GainRow,
    IncomeRow,
    JournalRow,
    ValuationRow,
)
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, BotId
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, Departure, Disposal, Gap, Lot, LotOrigin
from ledger.domain.period import ALL_TIME, Period, local_day, start_of_day
from ledger.domain.price import Worth
from ledger.journal.balances import balances_of
from ledger.lots.pools import ties_ordered
from ledger.pipeline.bots.activity import NO_BOT, activity_of, results_of
from ledger.pipeline.gains.law import GainsLaw
from ledger.pipeline.gains.statements import reported_law
from ledger.pipeline.match import movements_of
from ledger.pipeline.prices.valuation import PriceBook
from ledger.pipeline.prices.worth import valuations_of, worth_of
from ledger.pipeline.terms import terms_of
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Reader, StoredEvent

_VALUED_KINDS = _FEE_KINDS = ("fill", "transfer", "income", "charge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a report is asked for: a period, and None or one bot, asset or account. `NO_BOT` asks for what has no bot."""

    period: Period = ALL_TIME
    bot: BotId | None = None
    asset: AssetCode | None = None
    account: AccountId | None = None

    def takes(self, event: Event) -> bool:
        """Tell whether an event belongs to the account and bot asked for."""
        return self.account in (None, event.account) and (self.bot is None or self.bot == (event.bot or NO_BOT))

    def takes_piece(self, piece: Disposal) -> bool:
        """Tell whether a disposal piece is of the account, bot and asset asked for."""
        named = self.account in (None, piece.account) and self.asset in (None, piece.asset)
        return named and (self.bot is None or self.bot == (piece.bot or NO_BOT))

    def __str__(self) -> str:
        named = (("bot", self.bot), ("asset", self.asset), ("account", self.account))
        return ", ".join(f"{name} {value or '(none)'}" for name, value in named if value is not None) or "none"


@dataclass(slots=True, kw_only=True)
class BookInput:
    """A book as reports see it; implements `ports.ReportInput` over one snapshot of the database."""

    reader: Reader
    settings: BookSettings
    regime: TaxRegime
    selection: Selection
    version: str
    options: Mapping[str, str] = field(default_factory=dict)
    _gains_law: GainsLaw | None = field(default=None, init=False)

    @property
    def period(self) -> Period:
        """The days asked for."""
        return self.selection.period

    @property
    def cover(self) -> BookCover:
        """What stands on the cover: nothing in it depends on when or in what order things arrived."""
        counts = Counter((finding.code, finding.severity.value) for finding in self.findings())
        return BookCover(
            book=self.settings.folder.name,
            currency=self.settings.currency,
            time_zone=self.settings.time_zone,
            regime=f"{self.regime.name} {self.regime.version}",
            method=self.settings.method,
            scope=self.settings.scope,
            period=str(self.period),
            filters=str(self.selection),
            version=self.version,
            findings=tuple(FindingCount(code=code, severity=severity, count=count) for (code, severity), count in sorted(counts.items())),
        )

    def broker(self, account: AccountId) -> str:
        """Return the venue of an account's connection, else the account's own name."""
        return next((str(one.venue) for one in self.settings.connections if one.name == account), str(account))

    def gains(self) -> Iterator[GainRow]:
        """Yield the taxable disposal pieces with dates, term and box."""
        law = self._law()
        kinds = tuple(sorted(self.regime.taxable))
        since, until = self._instants()
        chosen = self.selection
        disposals = self.reader.disposals(
            since=since,
            until=until,
            asset=chosen.asset,
            account=chosen.account,
            bot=chosen.bot,
            kinds=kinds,
        )
        return map(law.gain, disposals)

    def deferred_losses(self) -> Iterator[DeferredLoss]:
        """Return what a rule on wash sales would put off of the period's losses; whatever came before it counts."""
        chosen = self.selection
        assets = [chosen.asset] if chosen.asset else sorted(map(AssetCode, self.reader.changed_assets(after_event_seq=0)))
        found = [self._deferred(asset) for asset in assets if not is_fiat(asset)]
        return (loss for loss in chain.from_iterable(found) if self._shows(loss))

    def income(self) -> Iterator[IncomeRow]:
        """Yield income events with their value, and rebates that the law takes for income with theirs."""
        receipts = _Receipts(self.regime, terms_of(self.settings), self.reader)
        asset = self.selection.asset
        told = _in_order(self.reader.events(kinds=("income",), asset=asset))
        rebated = _in_order(self.reader.events(kinds=_FEE_KINDS, asset=asset, rebates_only=True))
        for row in merge(
            (receipts.told(event) for event in told if self._takes(event)),
            (receipt for event in rebated if self._takes(event) for receipt in receipts.rebated(event)),
            key=attrgetter("occurred_at", "source_id"),
        ):
            if asset in (None, row.asset):
                yield row

    def valuations(self) -> Iterator[ValuationRow]:
        """Yield what was valued by the book's prices."""
        terms = terms_of(self.settings)
        prices = PriceBook(reader=self.reader, currency=terms.currency, policy=terms.prices)
        for event in _in_order(self.reader.events(kinds=_VALUED_KINDS, asset=self.selection.asset)):
            if self._takes(event):
                yield from valuations_of(event, regime=self.regime, terms=terms, prices=prices)

    def lots(self) -> Iterator[Lot]:
        """Yield the lots that are open at the end of the period; without an end, at that of the book."""
        until = self._instants()[1]
        chosen = self.selection
        if until is None:
            return self.reader.lots(asset=chosen.asset, account=chosen.account)
        assets = [chosen.asset] if chosen.asset else sorted(map(AssetCode, self.reader.changed_assets(after_event_seq=0)))
        lots = chain.from_iterable(self._lots_before(until, asset) for asset in assets if not is_fiat(asset))
        return (lot for lot in lots if chosen.account in (None, lot.account))

    def elections(self) -> Iterator[ElectionRow]:
        """Yield the register, each election with what it decided of the period."""
        since, until = self._instants()
        decided: defaultdict[str, list[Disposal]] = defaultdict(list)
        for piece in self.reader.elected_disposals():
            inside = (since is None or since <= piece.disposed_at) and (until is None or piece.disposed_at < until)
            if inside and self.selection.takes_piece(piece):
                decided[piece.matched_by.partition(":")[2]].append(piece)
        for election in sorted(self.reader.elections(), key=attrgetter("recorded_at", "election_id")):
            yield ElectionRow(election=election, decided=tuple(decided[election.election_id]))

    def entries(self) -> Iterator[JournalRow]:
        """Yield the journal entries of the period."""
        since, until = self._instants()
        chosen = self.selection
        return self.reader.journal(since=since, until=until, asset=chosen.asset, account=chosen.account, bot=chosen.bot)

    def balances(self) -> Iterable[BalanceRow]:
        """Return the balances at the end of the period."""
        rows = self.reader.postings(until=self._instants()[1])
        for (account, asset), balance in balances_of(rows).items():
            if self.selection.asset in (None, asset):
                yield BalanceRow(account=account, asset=asset, balance=balance)

    def bot_activity(self) -> Iterable[BotActivity]:
        """Return fills, volume and fees by bot, asset and month, what has no bot last."""
        return activity_of(self._fills(), self.settings.zone)

    def bot_results(self) -> Iterator[BotResult]:
        """Yield the bots' own results by asset, bot and month; whatever came before the period counts as bought."""
        chosen, terms = self.selection, terms_of(self.settings)
        assets = [chosen.asset] if chosen.asset else sorted(map(AssetCode, self.reader.changed_assets(after_event_seq=0)))
        for asset in assets:
            if not is_fiat(asset):
                movements = ties_ordered(movements_of(self.reader, asset, self.regime, terms))
                yield from results_of(movements, self._shows_departure, frozenset(self.regime.taxable), self.settings.zone)

    def findings(self) -> Iterable[Finding]:
        """Return the book's open findings."""
        return tuple(finding for _, finding in self.reader.findings())

    def _deferred(self, asset: AssetCode) -> Iterator[DeferredLoss]:
        terms = terms_of(self.settings)
        movements = movements_of(self.reader, asset, self.regime, terms)
        came = (movement for movement in movements if isinstance(movement, Acquisition))
        return self.regime.deferred_losses(self.reader.disposals(asset=asset), came, terms)

    def _shows(self, loss: DeferredLoss) -> bool:
        piece, chosen = loss.piece, self.selection
        mine = chosen.account in (None, piece.account) and (chosen.bot is None or chosen.bot == (piece.bot or NO_BOT))
        return mine and loss.date_disposed in self.period

    def _shows_departure(self, departure: Departure) -> bool:
        chosen = self.selection
        mine = chosen.account in (None, departure.account) and (chosen.bot is None or chosen.bot == (departure.bot or NO_BOT))
        return mine and local_day(departure.occurred_at, self.settings.zone) in self.period

    def _law(self) -> GainsLaw:
        """Return the law, with what statements told; they are compared once for all tables of a report."""
        if self._gains_law is None:
            self._gains_law = reported_law(self.reader, self.regime, terms_of(self.settings))
        return self._gains_law

    def _lots_before(self, until: datetime, asset: AssetCode) -> list[Lot]:
        """Return the lots of an asset that were open at an instant, in the order in which stored ones are read."""
        terms = terms_of(self.settings, self.reader.elections())
        movements = movements_of(self.reader, asset, self.regime, terms)
        earlier = takewhile(lambda movement: movement.occurred_at < until, ties_ordered(movements))
        outcomes = self.regime.rule(terms).match(earlier)
        lots = [outcome for outcome in outcomes if isinstance(outcome, Lot) and outcome.quantity_open]
        return sorted(lots, key=attrgetter("wallet", "acquired_at", "lot_id", "part"))

    def _takes(self, event: Event) -> bool:
        return local_day(event.occurred_at, self.settings.zone) in self.period and self.selection.takes(event)

    def _fills(self) -> Iterator[Fill]:
        since, until = self._instants()
        for stored in self.reader.events(kinds=("fill",), asset=self.selection.asset):
            event = stored.event
            assert isinstance(event, Fill), event
            inside = (since is None or since <= event.occurred_at) and (until is None or event.occurred_at < until)
            if inside and self.selection.takes(event):
                yield event

    def _instants(self) -> tuple[datetime | None, datetime | None]:
        """Return the first instant of the period and the first after it."""
        zone, last = self.settings.zone, self.period.to_day
        return _start_of(self.period.from_day, zone), _start_of(None if last is None else last + timedelta(days=1), zone)


class _Receipts:
    """Makes income rows of events."""

    def __init__(self, regime: TaxRegime, terms: BookTerms, reader: Reader) -> None:
        self._regime = regime
        self._terms = terms
        self._prices = PriceBook(reader=reader, currency=terms.currency, policy=terms.prices)

    def told(self, event: Event) -> IncomeRow:
        """Return what an income event says."""
        assert isinstance(event, Income), event
        value = event.amount.quantity if event.amount.asset == self._terms.currency else self._worth(event).value
        return self._row(event, event.kind, event.amount, event.account, value)

    def rebated(self, event: Event) -> Iterator[IncomeRow]:
        """Yield the lots that a negative fee brought, at their cost; which these are is the law's to say."""
        own = event.amount.asset if isinstance(event, Income) else None
        try:
            movements = self._regime.movements(event, self._worth(event), self._terms)
        except (UnsupportedCase, NumberRefused):
            return  # matching tells of it in a finding: such an event stands in no report
        for lot in movements:
            if isinstance(lot, Acquisition) and lot.origin is LotOrigin.REBATE and lot.asset != own:
                yield self._row(event, IncomeKind.REBATE, Amount(quantity=lot.quantity, asset=lot.asset), lot.account, lot.cost_basis)

    def _worth(self, event: Event) -> Worth:
        return worth_of(event, regime=self._regime, terms=self._terms, prices=self._prices)

    def _row(self, event: Event, kind: IncomeKind, amount: Amount, account: AccountId, value: Decimal | None) -> IncomeRow:
        day = local_day(event.occurred_at, self._terms.zone)
        return IncomeRow(
            source_id=event.source_id,
            occurred_at=event.occurred_at,
            day=day,
            year=self._regime.year_of(day, self._terms),
            kind=kind.value,
            asset=amount.asset,
            quantity=amount.quantity,
            account=account,
            bot=event.bot,
            value=value,
            finding=Gap.MISSING_PRICE.value if value is None else "",
        )


def _in_order(events: Iterable[StoredEvent]) -> Iterator[Event]:
    """Yield events that come by time, those of one instant by the source's id, whichever arrived first."""
    for _, tied in groupby((stored.event for stored in events), key=attrgetter("occurred_at")):
        yield from sorted(tied, key=attrgetter("source_id", "event_id"))


def _start_of(day: date | None, zone: tzinfo) -> datetime | None:
    return None if day is None else start_of_day(day, zone)
