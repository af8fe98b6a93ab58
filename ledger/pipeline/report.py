"""Lots, disposals and entries -> what reports are written from: tax-year facts, cut to a period and filters, lazily."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from heapq import merge
from itertools import chain, groupby, islice, takewhile
from operator import attrgetter

from ledger.config import BookSettings, MissingBasis
from ledger.domain.amount import Amount, AssetCode, is_fiat, text_of
from ledger.domain.election import PickOrder
from ledger.domain.errors import InputError, NumberRefused, UnsupportedCase
from ledger.domain.event import Event, Fill, Income, IncomeKind, Opening, moment_of
from ledger.domain.facts import (
    BalanceRow,
    BookCover,
    BotActivity,
    BotResult,
    ElectionRow,
    FillActivity,
    FindingCount,
    GainRow,
    IncomeRow,
    JournalRow,
    OwnResult,
    ValuationRow,
)
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, BotId, EventId
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, Departure, Disposal, Gap, Lot, LotOrigin
from ledger.domain.price import USUAL_PRICES, Worth
from ledger.domain.time.period import ALL_TIME, Period, local_day, start_of_day
from ledger.journal.balances import balances_of
from ledger.lots.pools import ties_ordered
from ledger.lots.rules import METHODS
from ledger.pipeline.allocations.soundness import sound
from ledger.pipeline.bots.activity import NO_BOT, activity_of, fill_activity, own_results, results_of
from ledger.pipeline.gains.law import GainsLaw
from ledger.pipeline.gains.statements import reported_law
from ledger.pipeline.match import movements_of
from ledger.pipeline.prices.valuation import PriceBook
from ledger.pipeline.prices.worth import valuations_of, worth_of
from ledger.pipeline.proof.coverage import coverage_line, gone_lines
from ledger.pipeline.terms import terms_of
from ledger.pipeline.transfers.pair import Routes, routes_of
from ledger.pipeline.unverified import unverified_accounts
from ledger.ports import BookTerms, MatchingRule, ReportInput, TaxRegime
from ledger.storage.store import Reader, StoredEvent

_VALUED_KINDS = _FEE_KINDS = ("fill", "transfer", "income", "charge")
WHAT_IF_METHODS = tuple(order.value for order in PickOrder)
_NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a report is asked for: a period, and None or one bot, asset or account. `NO_BOT` asks for what has no bot.

    `as_filed` asks for the figures of a closed year (True), for those of the book as it stands (False), or for those of closed years
    where there are any (None); `closing` for a certain one of several closings of a year. `methods` are those to compare.
    """

    period: Period = ALL_TIME
    bot: BotId | None = None
    asset: AssetCode | None = None
    account: AccountId | None = None
    as_filed: bool | None = None
    closing: int | None = None
    methods: tuple[str, ...] = ()

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
    """A book as reports see it; implements `ports.ReportInput` over one snapshot of the database. `figures` is for the cover."""

    reader: Reader
    settings: BookSettings
    regime: TaxRegime
    selection: Selection
    version: str
    options: Mapping[str, str] = field(default_factory=dict)
    figures: str = ""
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
            unverified=unverified_accounts(self.reader),
            figures=self.figures,
            prices=str(self.settings.prices),
            usual_prices=self.settings.prices == USUAL_PRICES,
            coverage=coverage_line(self.reader, [one.name for one in self.settings.connections]),
            gone=gone_lines(self.reader),
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
        routes = routes_of(self.reader)
        lots = chain.from_iterable(self._lots_before(until, asset, routes) for asset in self._assets())
        return (lot for lot in lots if chosen.account in (None, lot.account))

    def basis_evidence(self) -> Mapping[EventId, str]:
        """Return what proves the cost and date of openings and gifts."""
        openings = (stored.event for stored in self.reader.events(kinds=("opening",)))
        return {event.event_id: event.evidence for event in openings if isinstance(event, Opening) and event.evidence is not None}

    def refuse_missing_basis(self) -> None:
        """Raise InputError where the book stops at a missing basis and a gain of this report would hang on one."""
        if self.settings.missing_basis is MissingBasis.ZERO:
            return
        hanging = (row.disposal for row in self.gains() if row.disposal.gap is Gap.MISSING_BASIS)
        first = list(islice(hanging, _NAMED_MAX))
        if first:
            named = "; ".join(f"{text_of(one.quantity)} {one.asset} of {one.account}, {one.kind} {one.source_id}" for one in first)
            raise InputError(
                f"this report would show gains of units whose basis is missing: {named}",
                mend="see `lotwright report missing-basis` for what to import; "
                'or let such units cost 0: missing_basis = "zero" under [book] in lotwright.toml',
            )

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
        return activity_of(self.fill_activity())

    def bot_results(self) -> Iterator[BotResult]:
        """Return the bots' own results by bot, asset and month, what has no bot last."""
        return results_of(self.own_results())

    def fill_activity(self) -> Iterable[FillActivity]:
        """Return the fills of the period, those alike taken together."""
        return fill_activity(self.fills(), self.settings.zone)

    def own_results(self) -> Iterator[OwnResult]:
        """Yield the own results of the period by asset; whatever came before it counts as bought."""
        terms, routes = terms_of(self.settings), routes_of(self.reader)
        for asset in self._assets():
            movements = ties_ordered(movements_of(self.reader, asset, self.regime, terms, routes=routes))
            yield from own_results(movements, self._shows_departure, self.regime.taxable, self.settings.zone)

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

    def what_ifs(self) -> Mapping[str, Iterator[GainRow]]:
        """Return the gains under other orders of lots, without any election; nothing of it is stored."""
        terms, routes = terms_of(self.settings), routes_of(self.reader)
        rules = {method: what_if_rule(terms, method) for method in self.selection.methods or WHAT_IF_METHODS}
        return {method: self._gains_by(rule, terms, routes) for method, rule in rules.items()}

    def closing(self) -> "tuple[ReportInput, ReportInput] | None":
        """Return None: the figures of closed years are not looked at here."""
        return None

    def _gains_by(self, rule: MatchingRule, terms: BookTerms, routes: Routes) -> Iterator[GainRow]:
        law = GainsLaw(self.regime, terms)
        for asset in self._assets():
            movements = movements_of(self.reader, asset, self.regime, terms, routes=routes)
            for outcome in rule.match(ties_ordered(movements)):
                if isinstance(outcome, Disposal) and outcome.kind in self.regime.taxable and self.selection.takes_piece(outcome):
                    gain = law.gain(outcome)
                    if gain.date_disposed in self.period:
                        yield gain

    def _assets(self) -> list[AssetCode]:
        """Return the assets asked for that have lots."""
        chosen = self.selection.asset
        assets = [chosen] if chosen else sorted(map(AssetCode, self.reader.changed_assets(after_event_seq=0)))
        return [asset for asset in assets if not is_fiat(asset)]

    def _lots_before(self, until: datetime, asset: AssetCode, routes: Routes) -> list[Lot]:
        """Return the lots of an asset that were open at an instant, in the order in which stored ones are read."""
        terms = terms_of(self.settings, self.reader.elections(), self.reader.allocations())
        terms, _ = sound(terms, self.regime, asset, partial(movements_of, self.reader, asset, self.regime, terms, routes=routes))
        movements = movements_of(self.reader, asset, self.regime, terms, routes=routes)
        earlier = takewhile(lambda movement: movement.occurred_at < until, ties_ordered(movements))
        outcomes = self.regime.rule(terms).match(earlier)
        lots = [outcome for outcome in outcomes if isinstance(outcome, Lot) and outcome.quantity_open]
        return sorted(lots, key=attrgetter("wallet", "acquired_at", "lot_id", "part"))

    def _takes(self, event: Event) -> bool:
        return local_day(moment_of(event), self.settings.zone) in self.period and self.selection.takes(event)

    def fills(self) -> Iterator[Fill]:
        """Yield the fills of the period by time."""
        since, until = self._instants()
        for stored in self.reader.events(kinds=("fill",), asset=self.selection.asset):
            event = stored.event
            assert isinstance(event, Fill), event
            inside = (since is None or since <= event.occurred_at) and (until is None or event.occurred_at < until)
            if inside and not event.is_taken_back and self.selection.takes(event):
                yield event

    def _instants(self) -> tuple[datetime | None, datetime | None]:
        """Return the first instant of the period and the first after it."""
        zone, last = self.settings.zone, self.period.to_day
        return _start_of(self.period.from_day, zone), _start_of(None if last is None else last + timedelta(days=1), zone)


def what_if_rule(terms: BookTerms, method: str) -> MatchingRule:
    """Return the rule of a book if its lots always went in another order.

    Raises:
        InputError: when the method is no order of lots: an average leaves no choice that one could compare.
    """
    if method not in WHAT_IF_METHODS:
        raise InputError(f"lots cannot be compared by method {method!r}", mend=f"choose from: {', '.join(WHAT_IF_METHODS)}")
    return METHODS[method](replace(terms, method=method, elections=()))


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
        day = local_day(moment_of(event), self._terms.zone)
        receipt = self._regime.receipt(kind, amount.asset, value, self._terms)
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
            value=receipt.value,
            finding=Gap.MISSING_PRICE.value if receipt.value is None else "",
            line=receipt.line,
        )


def _in_order(events: Iterable[StoredEvent]) -> Iterator[Event]:
    """Yield events that come by time, those of one instant by the source's id, whichever arrived first."""
    for _, tied in groupby((stored.event for stored in events), key=attrgetter("occurred_at")):
        yield from sorted(tied, key=attrgetter("source_id", "event_id"))


def _start_of(day: date | None, zone: tzinfo) -> datetime | None:
    return None if day is None else start_of_day(day, zone)
