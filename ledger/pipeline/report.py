"""Lots, disposals and entries -> what reports are written from: tax-year facts, cut to a period and filters, lazily."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from ledger.config import BookSettings
from ledger.domain.amount import ZERO, AssetCode, added, subtracted
from ledger.domain.event import Event, Fill, Income
from ledger.domain.facts import BalanceRow, BookCover, BotActivity, FindingCount, GainRow, IncomeRow, JournalRow
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, BotId
from ledger.domain.lot import Disposal, Gap, HoldingTerm, Lot
from ledger.domain.period import ALL_TIME, Period
from ledger.journal.balances import balances_of
from ledger.pipeline.price import PriceBook, worth_of
from ledger.pipeline.terms import terms_of
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Reader, StoredEvent

NO_BOT = BotId("")  # the filter value that asks for what no bot did


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

    def gains(self) -> Iterator[GainRow]:
        """Yield the taxable disposal pieces with dates, term and box."""
        law = _Law(self.regime, terms_of(self.settings))
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

    def income(self) -> Iterator[IncomeRow]:
        """Yield income events with their value."""
        terms = terms_of(self.settings)
        prices = PriceBook(self.reader, terms.currency)
        for event in _in_order(self.reader.events(kinds=("income",), asset=self.selection.asset)):
            assert isinstance(event, Income), event
            day = event.occurred_at.astimezone(terms.zone).date()
            if day not in self.period or not self.selection.takes(event) or self.selection.asset not in (None, event.amount.asset):
                continue
            value = worth_of(event, regime=self.regime, terms=terms, prices=prices).value
            if event.amount.asset == terms.currency:
                value = event.amount.quantity
            yield _income_row(event, day, self.regime.year_of(day, terms), value)

    def lots(self) -> Iterator[Lot]:
        """Yield the lots that are open at the end of the book."""
        return self.reader.lots(asset=self.selection.asset, account=self.selection.account)

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
        """Return fills and fees by bot, what has no bot last."""
        fills: Counter[BotId] = Counter()
        fees: defaultdict[BotId, dict[AssetCode, Decimal]] = defaultdict(dict)
        for event in self._fills():
            bot = event.bot or NO_BOT
            fills[bot] += 1
            if event.fee is not None:
                by_asset = fees[bot]
                by_asset[event.fee.asset] = added(by_asset.get(event.fee.asset, ZERO), event.fee.quantity)
        for bot in sorted(fills, key=lambda one: (one == NO_BOT, one)):
            yield BotActivity(bot=bot or None, fills=fills[bot], fees=tuple(sorted(fees[bot].items())))

    def findings(self) -> Iterable[Finding]:
        """Return the book's open findings."""
        return tuple(finding for _, finding in self.reader.findings())

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


class _Law:
    """Applies a regime to disposals; remembers days and terms, of which there are few."""

    def __init__(self, regime: TaxRegime, terms: BookTerms) -> None:
        self._regime = regime
        self._terms = terms
        self._zone = terms.zone
        self._term = lru_cache(maxsize=65_536)(regime.term)
        self._box = lru_cache(maxsize=256)(self._box_of)

    def gain(self, disposal: Disposal) -> GainRow:
        disposed = disposal.disposed_at.astimezone(self._zone).date()
        acquired = None if disposal.acquired_at is None else disposal.acquired_at.astimezone(self._zone).date()
        year = self._regime.year_of(disposed, self._terms)
        # DECISIONS: units-without-lot: nobody knows how long such units were held, so the term is the shorter one
        term = self._term(acquired or disposed, disposed)
        proceeds, cost_basis = disposal.proceeds, disposal.cost_basis
        return GainRow(
            disposal=disposal,
            date_acquired=acquired,
            date_disposed=disposed,
            year=year,
            term=term,
            box=self._box(term, year),
            adjustment=None,
            gain=None if proceeds is None or cost_basis is None else subtracted(proceeds, cost_basis),
            finding=next((why.value for why in (disposal.gap, disposal.caveat) if why), ""),
        )

    def _box_of(self, term: HoldingTerm | None, year: int) -> str:
        return self._regime.box(term=term, year=year)


def _in_order(events: Iterable[StoredEvent]) -> Iterator[Event]:
    """Yield events that come by time, those of one instant by the source's id, whichever arrived first."""
    for _, tied in groupby((stored.event for stored in events), key=attrgetter("occurred_at")):
        yield from sorted(tied, key=attrgetter("source_id", "event_id"))


def _income_row(event: Income, day: date, year: int, value: Decimal | None) -> IncomeRow:
    return IncomeRow(
        source_id=event.source_id,
        occurred_at=event.occurred_at,
        day=day,
        year=year,
        kind=event.kind.value,
        asset=event.amount.asset,
        quantity=event.amount.quantity,
        account=event.account,
        bot=event.bot,
        value=value,
        finding=Gap.MISSING_PRICE.value if value is None else "",
    )


def _start_of(day: date | None, zone: tzinfo) -> datetime | None:
    """Return the first instant of a day in the book's zone."""
    return None if day is None else datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
