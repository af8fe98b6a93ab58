"""Lots made current, and closed years held against what the book says then, in one database transaction."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from ledger.config import BookSettings
from ledger.domain.amount import AssetCode
from ledger.domain.election import EvidenceGrade
from ledger.pipeline.interpret import HeldEvents
from ledger.pipeline.match import MatchResult, Rebuild, match_into
from ledger.pipeline.periods.closed import differing_years, origin_of
from ledger.pipeline.progress import Progress
from ledger.ports import TaxRegime
from ledger.storage.store import Computation, Store, Writer

_NEVER = datetime.max.replace(tzinfo=UTC)


def derive_book(
    store: Store,
    settings: BookSettings,
    regime: TaxRegime,
    *,
    now: Callable[[], datetime],
    progress: Progress,
    rebuild: Rebuild = Rebuild.CHANGED,
) -> MatchResult:
    """Do what `derive_into` does in a transaction of its own: a killed run leaves lots and findings of before.

    Raises:
        InputError: when the regime does not allow the book's method or scope.
    """
    with store.write() as writer:
        return derive_into(writer, settings, regime, now=now(), progress=progress, rebuild=rebuild)


def derive_into(
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
    """Match what changed and `touched`, and say of each closed year that this can touch whether the book still gives its figures."""
    before = writer.computation()
    result = match_into(writer, settings, regime, now=now, progress=progress, rebuild=rebuild, held=held, touched=touched)
    after = writer.computation()
    if after != before and writer.closed_years():
        since = None if rebuild is Rebuild.ALL or result.reattributed else _touched_since(writer, before, after, result.relinked_since)
        for year, findings in differing_years(writer, settings, regime, since=since).items():
            writer.replace_findings(origin_of(year), findings, now)
    return result


def _touched_since(
    writer: Writer, before: Computation | None, after: Computation | None, relinked_since: datetime | None
) -> datetime | None:
    """Return the earliest instant of what a computation saw for the first time or paired anew; None: its law or settings are others."""
    if before is None or after is None:
        return None
    if (before.regime, before.version, before.options) != (after.regime, after.version, after.options):
        return None
    elections = tuple(writer.elections_to_weigh(after_seq=before.election_seq))
    if any(election.grade is EvidenceGrade.IMPORTED for election in elections):
        return None  # one that came too late for a sale says so in that sale's row
    changed = writer.earliest_change(after_event_seq=before.event_seq, after_price_seq=before.price_seq)
    return min(changed or _NEVER, relinked_since or _NEVER, *(election.recorded_at for election in elections))
