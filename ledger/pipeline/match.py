"""Events -> lots and disposals: the timeline of each asset that has changed, swept anew.

What is derived here may be deleted and rebuilt at any time; the computation row says what it stands for. An asset is
rebuilt whole when it got a new event, a price it lacked or an election that means one of its events; all are when a setting
changed that the law looks at.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import partial
from itertools import chain

from ledger.config import BookSettings
from ledger.domain.amount import INTEGER_DIGITS_MAX, AssetCode, is_fiat, text_of
from ledger.domain.election import StandingOrder, words_of
from ledger.domain.errors import NumberRefused, UnsupportedCase
from ledger.domain.event import Event, Fill, assets_of
from ledger.domain.event_text import kind_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import Hash, hash_of
from ledger.domain.lot import Acquisition, Caveat, Departure, Disposal, Gap, Lot, LotOrigin, Movement, OwnTransfer
from ledger.domain.price import PricePolicy
from ledger.domain.time.instant import instant_text
from ledger.domain.transfers.pairing import PairingLimits
from ledger.journal.balances import balances_of
from ledger.journal.chart import CLEARING
from ledger.journal.checks import unexplained_clearing
from ledger.journal.pairing import Pairing
from ledger.lots.pools import ties_ordered
from ledger.pipeline.allocations.soundness import sound
from ledger.pipeline.bots.attribution import Attribution, attribute_anew
from ledger.pipeline.gains.statements import statement_findings
from ledger.pipeline.interpret import HeldEvents
from ledger.pipeline.prices.valuation import PriceBook
from ledger.pipeline.prices.worth import PriceNeed, missing_price, worth_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.terms import terms_of
from ledger.pipeline.transfers.pair import Routes, is_linked, pairing_of, pairing_text, renew_links, routes_of
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Computation, Reader, Writer

CHECK_ORIGIN = "check"
_CHUNK_ROWS = 10_000


class Rebuild(Enum):
    """Which assets to sweep anew: those that changed, also those that lack a price, or all."""

    CHANGED = auto()
    UNPRICED = auto()
    ALL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """What a rebuild left open: the prices that were lacking, and the events that the law or the book cannot take (findings).

    `relinked_since` is the earliest instant of the halves that are linked otherwise than before; None: there are none. `reattributed`:
    events have another bot than before.
    """

    lacking: tuple[PriceNeed, ...] = ()
    refused: tuple[Finding, ...] = ()
    relinked_since: datetime | None = None
    reattributed: bool = False


def match_into(
    writer: Writer,
    settings: BookSettings,
    regime: TaxRegime,
    *,
    now: datetime,
    progress: Progress,
    rebuild: Rebuild = Rebuild.CHANGED,
    held: HeldEvents | None = None,
    touched: Collection[AssetCode] = (),
) -> MatchResult:
    """Bring lots and disposals up to date with the book, inside the caller's transaction: a killed run leaves the lots of before.

    `held` saves reading back what the transaction has brought; `touched` are assets to sweep anew besides those that changed.

    Raises:
        InputError: when the regime does not allow the book's method or scope.
    """
    terms = terms_of(settings, writer.elections(), writer.allocations())
    rule = regime.rule(terms)
    wanted = _Wanted(regime=regime, options=options_text(terms), prices=terms.prices, limits=settings.transfers)
    gaps = Gaps()
    computed = writer.computation()
    linked = computed is not None and is_linked(writer, computed, settings.transfers) and rebuild is not Rebuild.ALL
    renewal = None if linked else renew_links(writer, settings.transfers)
    routes = routes_of(writer) if renewal is None else Routes.of_pairing(renewal.pairing)
    reattributed = attribute_anew(writer, Attribution.of_book(settings), whole=rebuild is Rebuild.ALL) | set(touched)
    assets = _stale_assets(writer, wanted, rebuild, {*reattributed, *(() if renewal is None else renewal.assets)})
    writer.clear_matches(assets)  # all before any is written: a new link may give the id of a disposal of one asset to another's
    for number, asset in enumerate(assets):
        progress.advance("match", number, len(assets))
        kept, found = _Kept(writer), Gaps()
        told = held.timeline(asset) if held is not None else None
        moved = partial(movements_of, writer, asset, regime, terms, told=told, routes=routes)
        own, unsound = sound(terms, regime, asset, moved)
        law = rule if own is terms else regime.rule(own)
        kept.take(law.match(ties_ordered(moved(gaps=found))))
        writer.replace_findings(f"match:{asset}", chain(kept.findings, kept.marked.values(), unsound, found.findings()), now)
        gaps.add(found)
    progress.advance("match", len(assets), len(assets))
    if assets or not linked:
        writer.put_computation(wanted.computation(writer, now))
        writer.replace_findings(CHECK_ORIGIN, [], now)  # what `lotwright check` found was found in another book
        pairing = pairing_of(writer, settings.transfers) if renewal is None else renewal.pairing
        writer.replace_findings("clearing", open_transfers(writer, pairing), now)
    writer.replace_findings("statements", statement_findings(writer, regime, terms), now)
    since = None if renewal is None else renewal.since
    return MatchResult(lacking=tuple(gaps.lacking), refused=tuple(gaps.refused), relinked_since=since, reattributed=bool(reattributed))


def open_transfers(reader: Reader, pairing: Pairing) -> list[Finding]:
    """Return what the clearing account has to say: transfers of which one half is unknown, and what else it holds."""
    return unexplained_clearing(balances_of(reader.postings(account=CLEARING)), pairing)


def is_current(reader: Reader, settings: BookSettings, regime: TaxRegime) -> bool:
    """Tell whether the stored lots stand for the whole book under the present settings."""
    computed = reader.computation()
    if computed is None:
        return reader.event_seq_last() == 0
    if reader.attributed_by() != Attribution.of_book(settings).text:
        return False
    terms = terms_of(settings, allocations=reader.allocations())
    wanted = _Wanted(regime=regime, options=options_text(terms), prices=settings.prices, limits=settings.transfers)
    linked = computed.pairing == pairing_text(reader, settings.transfers)
    return linked and wanted.matches(computed) and not _stale_assets(reader, wanted, Rebuild.CHANGED)


def options_text(terms: BookTerms) -> str:
    """Return everything of the settings that changes lots or gains, and the allocations, as canonical JSON; elections are no settings."""
    return json.dumps(
        {
            "allocations": [allocation.allocation_id for allocation in terms.allocations],
            "brokers": {wallet: method and method.value for wallet, method in sorted(terms.brokers.items())},
            "currency": terms.currency,
            "forms": {account: {str(year): form for year, form in forms.items()} for account, forms in terms.forms.items()},
            "law": dict(terms.law),
            "method": terms.method,
            "prices": str(terms.prices),
            "scope": terms.scope,
            "time_zone": str(terms.zone),
            "wallets": dict(sorted(terms.wallets.items())),
            "year_start": None if terms.year_start is None else str(terms.year_start),
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def inputs_hash(reader: Reader, *, regime: str, version: str, options: str, pairing: str) -> Hash:
    """Return what a computation over the whole book is cited by: law, settings, pairing, and all that is in the book.

    The head of the journal's chain seals the facts of every event that is booked; events without an entry, quotes and elections are only
    ever added, so that their last places name them all.
    """
    place, head = reader.chain_tip()
    places = (str(place), head, str(reader.event_seq_last()), str(reader.price_seq_last()), str(reader.election_seq_last()))
    return hash_of("inputs", regime, version, options, pairing, *places)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The computation that the settings ask for."""

    regime: TaxRegime
    options: str
    prices: PricePolicy
    limits: PairingLimits

    def computation(self, reader: Reader, computed_at: datetime) -> Computation:
        pairing = pairing_text(reader, self.limits)
        cited = inputs_hash(reader, regime=self.regime.name, version=self.regime.version, options=self.options, pairing=pairing)
        return Computation(
            regime=self.regime.name,
            version=self.regime.version,
            options=self.options,
            event_seq=reader.event_seq_last(),
            price_seq=reader.price_seq_last(),
            election_seq=reader.election_seq_last(),
            computed_at=computed_at,
            pairing=pairing,
            input_hash=cited,
        )

    def matches(self, computed: Computation) -> bool:
        return (computed.regime, computed.version, computed.options) == (self.regime.name, self.regime.version, self.options)


def _stale_assets(reader: Reader, wanted: _Wanted, rebuild: Rebuild, relinked: Collection[str] = ()) -> list[AssetCode]:
    computed = reader.computation()
    if rebuild is Rebuild.ALL or computed is None or not wanted.matches(computed):
        stale = reader.changed_assets(after_event_seq=0)
    else:
        stale = reader.changed_assets(after_event_seq=computed.event_seq)
        stale |= _elected_assets(reader, computed.election_seq)
        if rebuild is Rebuild.UNPRICED or reader.price_seq_last() > computed.price_seq:
            stale |= reader.assets_without_price()
        stale |= _newly_priced(reader, wanted.prices, computed.price_seq)
    stale |= set(relinked)
    return [AssetCode(asset) for asset in sorted(stale) if not is_fiat(AssetCode(asset))]


def _newly_priced(reader: Reader, policy: PricePolicy, price_seq: int) -> set[str]:
    """Return the assets of events that a quote which came after `price_seq` may value, or value otherwise than before."""
    span = reader.price_span(after_seq=price_seq)
    if span is None:
        return set()
    first, last = span
    return reader.assets_between(first, last + max(policy.gap, policy.gap_fiat) + timedelta(minutes=1))


def _elected_assets(reader: Reader, after_seq: int) -> set[str]:
    """Return the assets whose matches the elections since may change; a sale that is told later makes its asset stale by itself.

    A standing order decides nothing before it is recorded and effective; a selection nothing but the sale or order it names.
    """
    starts: dict[AssetCode | None, datetime] = {}
    subjects: set[str] = set()
    for election in reader.elections_to_weigh(after_seq=after_seq):
        if isinstance(election, StandingOrder):
            start = max(election.recorded_at, election.effective_from)
            starts[election.asset] = min(start, starts.get(election.asset, start))
        else:
            subjects.add(words_of(election).subject)
    stale: set[str] = {asset for _, asset in reader.booked(subjects)}
    for asset, start in starts.items():
        moved = reader.assets_moved_since(start)
        stale |= moved if asset is None else moved & {asset}
    return stale


@dataclass(slots=True)
class Gaps:
    """What a timeline lacks: prices, fills that are amended and not told, and events that cannot be turned into movements."""

    lacking: list[PriceNeed] = field(default_factory=list)
    untold: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)

    def add(self, other: "Gaps") -> None:
        """Take in what another timeline lacks."""
        self.lacking += other.lacking
        self.untold += other.untold
        self.refused += other.refused

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each gap."""
        return chain(map(missing_price, self.lacking), self.untold, self.refused)


def movements_of(
    reader: Reader,
    asset: AssetCode,
    regime: TaxRegime,
    terms: BookTerms,
    gaps: Gaps | None = None,
    *,
    told: Iterable[Event] | None = None,
    routes: Routes | None = None,
) -> Iterator[Movement]:
    """Yield what all events do to the pools of one asset, by time (ties in no order); add what is lacking to `gaps`.

    `told` are the events of `reader.timeline(asset)`, where they are at hand; `routes` None: those of the stored lots.
    An event for which the law or the book has no place yields nothing and stands in `gaps.refused`.
    """
    prices = PriceBook(reader=reader, currency=terms.currency, policy=terms.prices)
    gaps, routes = gaps or Gaps(), routes or routes_of(reader)
    lacking = gaps.lacking
    for event in reader.timeline(asset) if told is None else told:
        known = len(lacking)
        if isinstance(event, Fill) and event.is_amendment and asset == _first_asset(event):
            gaps.untold.append(_amends_nothing(event))
        try:
            told = routes.told(event)
            worths = [worth_of(one, regime=regime, terms=terms, prices=prices, needs=lacking) for one in told]
            movements = _as_one([regime.movements(one, worth, terms) for one, worth in zip(told, worths, strict=True)])
            _check_sizes(movements)
        except (UnsupportedCase, NumberRefused) as error:
            if asset == _first_asset(event):  # it is said once
                gaps.refused.append(_refused(event, error))
            continue
        if len(lacking) > known and asset != _asset_to_complain(movements):
            del lacking[known:]
        for movement in movements:
            if movement.asset == asset:
                yield movement


def _as_one(parts: Sequence[tuple[Movement, ...]]) -> tuple[Movement, ...]:
    """Return the movements of the parts of one event, legs numbered on."""
    if len(parts) == 1:
        return parts[0]
    return tuple(replace(movement, leg=leg) for leg, movement in enumerate(chain.from_iterable(parts), start=1))


def _check_sizes(movements: Iterable[Movement]) -> None:
    for movement in movements:
        figures: tuple[Decimal | None, ...] = (movement.quantity,)
        if isinstance(movement, Acquisition):
            figures = movement.quantity, movement.cost_basis
        elif isinstance(movement, Departure):
            figures = movement.quantity, movement.proceeds, movement.selling_costs
        for figure in figures:
            if figure is not None and figure.adjusted() >= INTEGER_DIGITS_MAX:
                raise NumberRefused(text_of(figure), f"has more than {INTEGER_DIGITS_MAX} integer digits")


def _first_asset(event: Event) -> str:
    return min(code for code in assets_of(event) if not is_fiat(AssetCode(code)))


def _amends_nothing(fill: Fill) -> Finding:
    does = "takes back" if fill.is_taken_back else "corrects"
    return Finding(
        code="amendment-of-nothing",
        severity=Severity.ERROR,
        subject=f"{fill.account}/{fill.source_id}",
        message=f"row {fill.source_id} of {fill.account} at {instant_text(fill.occurred_at)} {does} a fill of order {fill.order_id} "
        "that no row tells: if the book has it under another trade, or the other side of it, that fill still stands as it was",
        mend=f"pull the history anew: lotwright sync {fill.account} --again; if it stays, look at that order at the venue: of a fill that "
        "is in the book and should not be, book the opposite trade, at its instant and price, from a lotwright-events file",
    )


def _refused(event: Event, error: UnsupportedCase | NumberRefused) -> Finding:
    return Finding(
        code="unsupported-case",
        severity=Severity.ERROR,
        subject=f"{event.account}/{event.source_id}",
        message=f"{kind_of(event)} {event.source_id} of {event.account} at {instant_text(event.occurred_at)} "
        f"cannot be matched, so it stands in no lot and no gain: {error.message}",
        mend=error.mend or "correct the source; if it is right, report it, so that a rule can be written",
    )


def _asset_to_complain(movements: Iterable[Movement]) -> AssetCode | None:
    """Return the one asset, of those that an event moves, whose timeline tells of its lacking prices.

    It is one that is swept again when a price comes: its own lot or disposal is without a figure.
    """
    moved = (movement for movement in movements if not isinstance(movement, OwnTransfer))
    return min((movement.asset for movement in moved if movement.gap is Gap.MISSING_PRICE), default=None)


@dataclass(slots=True)
class _Kept:
    """Stores results chunk by chunk and collects what a person should look at."""

    writer: Writer
    findings: list[Finding] = field(default_factory=list)
    marked: dict[tuple[Caveat, str], Finding] = field(default_factory=dict)  # a caveat is told once of all that it is about

    def take(self, outcomes: Iterable[Disposal | Lot]) -> None:
        disposals: list[Disposal] = []
        lots: list[Lot] = []
        for outcome in outcomes:
            if isinstance(outcome, Disposal):
                disposals.append(outcome)
                if outcome.gap is Gap.MISSING_BASIS:
                    self.findings.append(_missing_basis(outcome))
                if outcome.caveat is not None:
                    told = _CAVEATS[outcome.caveat](outcome)
                    self.marked.setdefault((outcome.caveat, told.subject), told)
            else:
                lots.append(outcome)
                if outcome.gap is Gap.MISSING_BASIS and outcome.quantity_open:
                    self.findings.append(_unknown_lot(outcome))
            if len(disposals) + len(lots) >= _CHUNK_ROWS:
                self._store(disposals, lots)
                disposals, lots = [], []
        self._store(disposals, lots)

    def _store(self, disposals: list[Disposal], lots: list[Lot]) -> None:
        if disposals:
            self.writer.add_disposals(disposals)
        if lots:
            self.writer.add_lots(lots)


def _missing_basis(piece: Disposal) -> Finding:
    proceeds = "proceeds not known" if piece.proceeds is None else f"proceeds {text_of(piece.proceeds)}"
    why = "without a known acquisition" if piece.lot_id is None else f"out of {piece.lot_source_id}, whose cost nobody told"
    history = "import the history that brought them in; if there is none, an `opening` row dated before, with their cost and date"
    return Finding(
        code="missing-basis",
        severity=Severity.ERROR,
        subject=f"{piece.account}/{piece.source_id}/{piece.disposal_id}/{piece.piece}",
        message=f"{text_of(piece.quantity)} {piece.asset} left {piece.account} at {instant_text(piece.disposed_at)} "
        f"({piece.kind} {piece.source_id}, {proceeds}) {why}; their cost basis counts as 0",
        mend=history if piece.lot_id is None else f"import row {piece.lot_source_id} again with its total cost as `value`",
    )


def _unknown_lot(lot: Lot) -> Finding:
    unknown = lot.origin is LotOrigin.UNKNOWN
    halves = "sync or import the account that they came from; see which halves wait, and why: lotwright transfers list"
    return Finding(
        code="unknown-acquisition" if unknown else "unknown-cost",
        severity=Severity.WARNING,
        subject=f"{lot.account}/{lot.source_id}/{lot.lot_id}/{lot.part}",
        message=f"{text_of(lot.quantity_open)} {lot.asset} came into {lot.account} at {instant_text(lot.acquired_at)} ({lot.source_id}) "
        f"and nobody told {'how they were acquired' if unknown else 'what they cost'}; sold as they are they would have a cost basis of 0",
        mend=halves if unknown else f"import row {lot.source_id} again with its total cost as `value`",
    )


def _pool_incomplete(first: Disposal) -> Finding:
    return Finding(
        code=Caveat.POOL_INCOMPLETE.value,
        severity=Severity.ERROR,
        subject=first.asset,
        message=f"disposals of {first.asset} from {instant_text(first.disposed_at)} on ({first.kind} {first.source_id}) were matched "
        "while units without a price or a basis stood beside the pool; their cost will change when these get one",
        mend=f"mend what is found of {first.asset}: missing-price, missing-basis, unknown-acquisition, unknown-cost",
    )


def _selection_void(piece: Disposal, why: str, mend: str) -> Finding:
    assert piece.caveat is not None, piece
    return Finding(
        code=piece.caveat.value,
        severity=Severity.WARNING,
        subject=f"{piece.account}/{piece.source_id}/{piece.disposal_id}",
        message=f"{piece.asset} left {piece.account} at {instant_text(piece.disposed_at)} ({piece.kind} {piece.source_id}) "
        f"by {piece.matched_by}: {why}",
        mend=mend,
    )


def _selection_late(piece: Disposal) -> Finding:
    return _selection_void(
        piece, "the selection of its lots was recorded after it and does not count", "select lots before a sale, never after it"
    )


def _selection_not_open(piece: Disposal) -> Finding:
    why = "the lots selected for it were not open in that wallet with enough units, so the selection does not count"
    return _selection_void(piece, why, "look at the lots of that wallet before the sale: a lot may have been moved or sold")


def _selection_short(piece: Disposal) -> Finding:
    return _selection_void(
        piece,
        "the selection names fewer units than left; this is the rest",
        "name all units next time, where the order that took the rest is not the one wanted",
    )


def _before_allocation(piece: Disposal) -> Finding:
    return _selection_void(
        piece,
        "lots were selected for it while the global allocation of the asset was not complete; until then only standing orders count "
        "(Rev. Proc. 2024-28, sec. 5.02(5))",
        "complete an allocation before lots are selected",
    )


def _not_with_broker(first: Disposal) -> Finding:
    assert first.caveat is not None, first
    return Finding(
        code=first.caveat.value,
        severity=Severity.WARNING,
        subject=f"{first.wallet}/{first.asset}",
        message=f"lots of {first.asset} in wallet {first.wallet}, which a broker holds, were chosen in our own books from "
        f"{instant_text(first.disposed_at)} on ({first.kind} {first.source_id}, {first.matched_by}); from 2027 on the broker must be "
        "told by the time of the sale (26 CFR 1.1012-1(j)(3); Notice 2026-20 ends with 2026)",
        mend="give the order to the broker, and import what it confirmed (lotwright-elections, with the evidence); in lotwright.toml set "
        '`broker_method` if it offers one order only, or `custody = "unhosted"` if no broker holds this wallet',
    )


_CAVEATS: Mapping[Caveat, Callable[[Disposal], Finding]] = {
    Caveat.POOL_INCOMPLETE: _pool_incomplete,
    Caveat.ELECTION_LATE: _selection_late,
    Caveat.ELECTION_NOT_OPEN: _selection_not_open,
    Caveat.ELECTION_SHORT: _selection_short,
    Caveat.ELECTION_BEFORE_ALLOCATION: _before_allocation,
    Caveat.ELECTION_NOT_WITH_BROKER: _not_with_broker,
}
