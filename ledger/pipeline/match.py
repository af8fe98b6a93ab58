"""Events -> lots and disposals: the timeline of each asset that has changed, swept anew.

What is derived here may be deleted and rebuilt at any time; the computation row says what it stands for. An asset is
rebuilt whole when it got a new event or a price it lacked; all are when a setting changed that the law looks at.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from ledger.config import BookSettings
from ledger.domain.amount import AssetCode, is_fiat, text_of
from ledger.domain.event_text import instant_text
from ledger.domain.finding import Finding, Severity
from ledger.domain.lot import Caveat, Disposal, Gap, Lot, Movement, OwnTransfer
from ledger.lots.pools import ties_ordered
from ledger.pipeline.price import PriceBook, PriceNeed, missing_price, worth_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.terms import terms_of
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Computation, Reader, Store, Writer

_CHUNK_ROWS = 10_000


class Rebuild(Enum):
    """Which assets to sweep anew: those that changed, also those that lack a price, or all."""

    CHANGED = auto()
    UNPRICED = auto()
    ALL = auto()


def match_book(
    store: Store,
    settings: BookSettings,
    regime: TaxRegime,
    *,
    now: Callable[[], datetime],
    progress: Progress,
    rebuild: Rebuild = Rebuild.CHANGED,
) -> tuple[PriceNeed, ...]:
    """Bring lots and disposals up to date with the book; return the prices that were lacking.

    All in one database transaction: a killed run leaves the lots of before.

    Raises:
        InputError: when the regime does not allow the book's method or scope.
    """
    terms = terms_of(settings)
    rule = regime.rule(terms)
    wanted = _Wanted(regime=regime, options=options_text(terms))
    lacking: list[PriceNeed] = []
    with store.write() as writer:
        assets = _stale_assets(writer, wanted, rebuild)
        for number, asset in enumerate(assets):
            progress.advance("match", number, len(assets))
            kept = _Kept(writer)
            needs: list[PriceNeed] = []
            writer.clear_matches([asset])
            kept.take(rule.match(ties_ordered(movements_of(writer, asset, regime, terms, needs))))
            findings = [*kept.findings, *kept.marked.values(), *map(missing_price, needs)]
            writer.replace_findings(f"match:{asset}", findings, now())
            lacking += needs
        progress.advance("match", len(assets), len(assets))
        if assets or writer.computation() is None:
            writer.put_computation(wanted.computation(writer, now()))
    return tuple(lacking)


def is_current(reader: Reader, settings: BookSettings, regime: TaxRegime) -> bool:
    """Tell whether the stored lots stand for the whole book under the present settings."""
    computed = reader.computation()
    if computed is None:
        return reader.event_seq_last() == 0
    wanted = _Wanted(regime=regime, options=options_text(terms_of(settings)))
    return wanted.matches(computed) and not _stale_assets(reader, wanted, Rebuild.CHANGED)


def options_text(terms: BookTerms) -> str:
    """Return everything of the settings that changes lots or gains, as canonical JSON."""
    return json.dumps(
        {
            "currency": terms.currency,
            "elections": sorted(election.election_id for election in terms.elections),
            "method": terms.method,
            "scope": terms.scope,
            "time_zone": str(terms.zone),
            "wallets": dict(sorted(terms.wallets.items())),
            "year_start": None if terms.year_start is None else str(terms.year_start),
        },
        sort_keys=True,
        separators=(",", ":"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The computation that the settings ask for."""

    regime: TaxRegime
    options: str

    def computation(self, reader: Reader, computed_at: datetime) -> Computation:
        return Computation(
            regime=self.regime.name,
            version=self.regime.version,
            options=self.options,
            event_seq=reader.event_seq_last(),
            price_seq=reader.price_seq_last(),
            computed_at=computed_at,
        )

    def matches(self, computed: Computation) -> bool:
        return (computed.regime, computed.version, computed.options) == (self.regime.name, self.regime.version, self.options)


def _stale_assets(reader: Reader, wanted: _Wanted, rebuild: Rebuild) -> list[AssetCode]:
    computed = reader.computation()
    if rebuild is Rebuild.ALL or computed is None or not wanted.matches(computed):
        stale = reader.changed_assets(after_event_seq=0)
    else:
        stale = reader.changed_assets(after_event_seq=computed.event_seq)
        if rebuild is Rebuild.UNPRICED or reader.price_seq_last() > computed.price_seq:
            stale |= reader.assets_without_price()
    return [AssetCode(asset) for asset in sorted(stale) if not is_fiat(AssetCode(asset))]


def movements_of(
    reader: Reader,
    asset: AssetCode,
    regime: TaxRegime,
    terms: BookTerms,
    needs: list[PriceNeed] | None = None,
) -> Iterator[Movement]:
    """Yield what all events do to the pools of one asset, by time (ties in no order); add lacking prices to `needs`."""
    prices, lacking = PriceBook(reader, terms.currency), [] if needs is None else needs
    for event in reader.timeline(asset):
        known = len(lacking)
        worth = worth_of(event, regime=regime, terms=terms, prices=prices, needs=lacking)
        movements = regime.movements(event, worth, terms)
        if len(lacking) > known and asset != _asset_to_complain(movements):
            del lacking[known:]
        for movement in movements:
            if movement.asset == asset:
                yield movement


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
    return Finding(
        code="missing-basis",
        severity=Severity.ERROR,
        subject=f"{piece.account}/{piece.source_id}/{piece.disposal_id}/{piece.piece}",
        message=f"{text_of(piece.quantity)} {piece.asset} left {piece.account} at {instant_text(piece.disposed_at)} "
        f"({piece.kind} {piece.source_id}, {proceeds}) without a known acquisition; their cost basis counts as 0",
        mend="import what brought them in: the missing history, or an `opening` row with their cost and date",
    )


def _unknown_lot(lot: Lot) -> Finding:
    return Finding(
        code="unknown-acquisition",
        severity=Severity.WARNING,
        subject=f"{lot.account}/{lot.source_id}/{lot.lot_id}/{lot.part}",
        message=f"{text_of(lot.quantity_open)} {lot.asset} came into {lot.account} at {instant_text(lot.acquired_at)} "
        f"({lot.source_id}) and nobody told how they were acquired; sold as they are they would have a cost basis of 0",
        mend="import the account that they came from, or an `opening` row with their cost and date",
    )


def _pool_incomplete(first: Disposal) -> Finding:
    return Finding(
        code=Caveat.POOL_INCOMPLETE.value,
        severity=Severity.ERROR,
        subject=first.asset,
        message=f"disposals of {first.asset} from {instant_text(first.disposed_at)} on ({first.kind} {first.source_id}) were matched "
        "while units without a price or a basis stood beside the pool; their cost will change when these get one",
        mend=f"mend the findings missing-price, missing-basis and unknown-acquisition of {first.asset}",
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


_CAVEATS: Mapping[Caveat, Callable[[Disposal], Finding]] = {
    Caveat.POOL_INCOMPLETE: _pool_incomplete,
    Caveat.ELECTION_LATE: _selection_late,
    Caveat.ELECTION_NOT_OPEN: _selection_not_open,
    Caveat.ELECTION_SHORT: _selection_short,
}
