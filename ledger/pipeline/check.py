"""Every invariant of the book, run in the order in which the book is built: bytes, events, chain, journal, lots, balances."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from ledger.config import BookSettings
from ledger.domain.amount import ZERO, AssetCode, added, is_fiat
from ledger.domain.entry import JournalEntry
from ledger.domain.event import BalanceSnapshot
from ledger.domain.event_text import body_text, facts_hash
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import WalletId, content_hash, is_in_transit
from ledger.domain.lot import LotOrigin
from ledger.journal.balances import Balances, balances_of
from ledger.journal.chart import account_of_assets
from ledger.journal.checks import broken_chain, broken_reversals, events_without_one_live_entry
from ledger.lots.checks import lots_unlike_balances, lots_used_too_early, unconserved
from ledger.pipeline.elections.register import broken_register
from ledger.pipeline.match import CHECK_ORIGIN, movements_of, open_transfers
from ledger.pipeline.periods.closed import broken_closings, differing_years, origin_of
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.balances import reconciliation
from ledger.pipeline.terms import terms_of
from ledger.pipeline.transfers.pair import pairing_of, routes_of
from ledger.ports import TaxRegime
from ledger.storage.store import Reader, Store


def check_book(
    store: Store,
    settings: BookSettings,
    regime: TaxRegime,
    *,
    now: Callable[[], datetime],
    progress: Progress,
) -> tuple[Finding, ...]:
    """Run every check, store what it finds, and return all open findings of the book by severity."""
    found: list[Finding] = []
    with store.read() as reader:
        inspection = _Inspection(reader, regime, settings)
        for number, check in enumerate(inspection.checks, start=1):
            found += check()
            progress.advance("check", number, len(inspection.checks))
        differing = differing_years(reader, settings, regime)
    with store.write() as writer:
        for year, findings in differing.items():
            writer.replace_findings(origin_of(year), findings, now())
        told = {(finding.code, finding.subject) for origin, finding in writer.findings() if origin != CHECK_ORIGIN}
        writer.replace_findings(CHECK_ORIGIN, [one for one in found if (one.code, one.subject) not in told], now())
    with store.read() as reader:
        return tuple(finding for _, finding in reader.findings())


class _Inspection:
    """One book under inspection: the checks in order, over one snapshot."""

    def __init__(self, reader: Reader, regime: TaxRegime, settings: BookSettings) -> None:
        self.reader = reader
        self.regime = regime
        self.terms = terms_of(settings)
        self.limits = settings.transfers
        self.balances: Balances = balances_of(reader.postings())
        self.checks: tuple[Callable[[], Iterable[Finding]], ...] = (
            self.damaged_files,
            self.changed_payloads,
            self.changed_events,
            self.chain,
            self.register,
            self.live_entries,
            self.reversals,
            self.clearing,
            self.conservation,
            self.lots_against_journal,
            self.lots_in_time,
            self.venue_balances,
            self.changed_closings,
        )

    def damaged_files(self) -> Iterator[Finding]:
        """Find what the database's own files lost, also where nothing else has to look."""
        for number, words in enumerate(self.reader.damage(), start=1):
            mend = "take the book back from a backup, or make a new one and sync and import again"
            yield Finding(code="book-damaged", severity=Severity.ERROR, subject=f"database {number}", message=words, mend=mend)

    def changed_payloads(self) -> Iterator[Finding]:
        """Find payloads whose bytes are no longer those received."""
        for _, payload in self.reader.payloads():
            if content_hash(payload.content) != payload.content_hash:
                yield _tampered("payload", payload.payload_id)

    def changed_events(self) -> Iterator[Finding]:
        """Find events whose facts are no longer those booked, replaced tellings among them."""
        for stored in self.reader.tellings():
            if facts_hash(stored.event, body_text(stored.event)) != stored.facts:
                yield _tampered("event", stored.event.event_id)

    def chain(self) -> list[Finding]:
        """Find the first broken link."""
        sealed = ((stored.entry, stored.facts, stored.hash) for stored in self.reader.entries())
        return broken_chain(sealed, self.reader.genesis())

    def register(self) -> list[Finding]:
        """Find the first election that is not as it was recorded."""
        return broken_register(self.reader)

    def live_entries(self) -> list[Finding]:
        """Find events that are not booked exactly once."""
        booked = (stored.event.event_id for stored in self.reader.events() if not isinstance(stored.event, BalanceSnapshot))
        return events_without_one_live_entry(booked, self._entries)

    def reversals(self) -> list[Finding]:
        """Find reversals that mirror nothing."""
        return broken_reversals(self._entries)

    def clearing(self) -> list[Finding]:
        """Find transfers of which one half is unknown, and what else the clearing account holds."""
        return open_transfers(self.reader, pairing_of(self.reader, self.limits))

    def conservation(self) -> Iterator[Finding]:
        """Find assets of which units or cost were lost or made."""
        routes = routes_of(self.reader)
        for asset in self._assets():
            movements = movements_of(self.reader, asset, self.regime, self.terms, routes=routes)
            lots = self.reader.lots(asset=asset, include_closed=True)
            yield from unconserved(movements, self.reader.disposals(asset=asset), lots)

    def lots_against_journal(self) -> list[Finding]:
        """Find wallets whose open lots are not what their accounts hold; where a basis is missing, that finding says it all."""
        short = {piece.asset for piece in self.reader.disposals() if piece.lot_id is None}
        short |= {lot.asset for lot in self.reader.lots(include_closed=True) if lot.origin is LotOrigin.UNKNOWN}
        held = (lot for lot in self.reader.lots() if not is_in_transit(lot.wallet) and lot.asset not in short)
        booked = {(wallet, asset): balance for (wallet, asset), balance in self._wallet_balances().items() if asset not in short}
        return lots_unlike_balances(held, booked)

    def lots_in_time(self) -> list[Finding]:
        """Find lots used before they existed."""
        return lots_used_too_early(self.reader.disposals())

    def venue_balances(self) -> tuple[Finding, ...]:
        """Find balances that are not the venue's."""
        return reconciliation(self.reader).findings

    def changed_closings(self) -> Iterator[Finding]:
        """Find closed years whose frozen figures are no longer those that were closed."""
        return broken_closings(self.reader)

    def _entries(self) -> Iterator[JournalEntry]:
        return (stored.entry for stored in self.reader.entries())

    def _assets(self) -> list[AssetCode]:
        return [AssetCode(code) for code in sorted(self.reader.changed_assets(after_event_seq=0)) if not is_fiat(AssetCode(code))]

    def _wallet_balances(self) -> Mapping[tuple[WalletId, AssetCode], Decimal]:
        held: dict[tuple[WalletId, AssetCode], Decimal] = {}
        for (name, asset), balance in self.balances.items():
            account = account_of_assets(name)
            if account is not None and not is_fiat(asset):
                place = (self.terms.wallet_of(account), asset)
                held[place] = added(held.get(place, ZERO), balance)
        return held


def _tampered(noun: str, ident: str) -> Finding:
    return Finding(
        code=f"changed-{noun}",
        severity=Severity.ERROR,
        subject=ident,
        message=f"{noun} {ident} is not what was stored: its content does not give its hash",
        mend="restore the database from a backup; the book was changed behind Lotwright's back",
    )
