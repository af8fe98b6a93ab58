"""The invariants of the journal: plain functions from what the book holds to findings, empty when all is well.

`lotwright check` runs them, a sync runs them, and so do the property tests. They read streams and keep little.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import ZERO, Amount, AssetCode, added, subtracted, text_of
from ledger.domain.entry import AccountName, JournalEntry
from ledger.domain.event import BalanceSnapshot, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EntryId, EventId, Hash
from ledger.domain.time.instant import instant_text
from ledger.domain.transfers.pairing import PairDecision
from ledger.journal.candidates import holder_of
from ledger.journal.chain import link
from ledger.journal.chart import CLEARING, account_of_assets
from ledger.journal.pairing import SHORT_DIGITS, Pairing, Waiting

Entries = Callable[[], Iterator[JournalEntry]]  # a fresh iterator at each call, in the order of the journal
SealedEntry = tuple[JournalEntry, Hash, Hash]  # an entry, the hash of its event's facts, the hash stored with it


_NAMED_MAX = 3  # of several that a message is about


def events_without_one_live_entry(event_ids: Iterable[EventId], entries: Entries) -> list[Finding]:
    """Find events (snapshots left out by the caller) that are booked never or more than once, and entries of unknown events.

    An entry is live when no reversal names it and it reverses nothing.
    """
    reversed_ids = {entry.reverses for entry in entries() if entry.reverses is not None}
    live = Counter(entry.event_id for entry in entries() if entry.reverses is None and entry.entry_id not in reversed_ids)
    found = []
    for event_id in event_ids:
        count = live.pop(event_id, 0)
        if count != 1:
            found.append(_not_one_live_entry(event_id, count))
    found += [_entry_without_event(event_id) for event_id in sorted(live)]
    return found


def broken_reversals(entries: Entries) -> list[Finding]:
    """Find reversals that do not mirror an earlier entry posting by posting, and entries that are reversed twice."""
    targets = Counter(entry.reverses for entry in entries() if entry.reverses is not None)
    found = [_reversed_twice(target) for target, count in targets.items() if count > 1]
    earlier: dict[EntryId, JournalEntry] = {}
    for entry in entries():
        if entry.reverses is not None and not _mirrors(entry, earlier.get(entry.reverses)):
            found.append(_not_mirrored(entry))
        if entry.entry_id in targets:
            earlier[entry.entry_id] = entry
    return found


def broken_chain(sealed: Iterable[SealedEntry], genesis: Hash) -> list[Finding]:
    """Find the first entry whose stored hash is not the one that its content and its predecessor give; the rest follow from it.

    `genesis` stands before the first entry.
    """
    previous = genesis
    for place, (entry, facts, stored) in enumerate(sealed, start=1):
        previous = link(previous, entry, facts)
        if previous != stored:
            return [_chain_broken(entry, place)]
    return []


def unexplained_clearing(balances: Mapping[tuple[AccountName, AssetCode], Decimal], pairing: Pairing) -> list[Finding]:
    """Find halves of transfers whose other half is not known, and what the clearing account holds beyond them.

    It holds what left with a half that waits or was dismissed, and of a pair what was lost on the way. DECISIONS: lost-on-the-way.
    """
    halves = [*(one.half for one in pairing.waiting), *pairing.dismissed, *(half for pair in pairing.pairs for half in pair.halves)]
    expected: defaultdict[AssetCode, Decimal] = defaultdict(lambda: ZERO)
    for transfer in halves:
        left = transfer.amount if transfer.to_account is None else -transfer.amount
        expected[left.asset] = added(expected[left.asset], left.quantity)
    found = [*map(_half_transfer, pairing.waiting), *map(_dismissed_half, pairing.dismissed), *map(_void_decision, pairing.void)]
    cleared = {asset: balance for (name, asset), balance in balances.items() if name == CLEARING}
    for asset in sorted({*cleared, *expected}):
        rest = subtracted(cleared.get(asset, ZERO), expected[asset])
        if rest:
            found.append(_clearing_not_zero(Amount(quantity=rest, asset=asset)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceComparison:
    """One account and asset: `balance_book` is ours, `balance_venue` the venue's at `observed_at`, None where it tells of none.

    `difference` = book less venue; None without a venue's balance. `agreed_at` is when both were last found equal, None: never.
    `short_at` is since when the book would hold less than nothing: what it lacks came in before; None: it never would.
    `apart_from` and `apart_until` are the first and last instants at which the venue's own ledger, where it has one, and the book
    moved apart. `unread` counts rows of the account that nobody understood; `for_nothing` names fills that cost or brought nothing
    of the asset.
    """

    account: AccountId
    asset: AssetCode
    balance_book: Decimal
    balance_venue: Decimal | None
    difference: Decimal | None
    observed_at: datetime | None
    agreed_at: datetime | None = None
    short_at: datetime | None = None
    apart_from: datetime | None = None
    apart_until: datetime | None = None
    unread: int = 0
    for_nothing: tuple[str, ...] = ()

    @property
    def since(self) -> datetime | None:
        """Return since when something is missing; None: since the beginning, for all that is known."""
        return self.apart_from or self.agreed_at

    @property
    def until(self) -> datetime | None:
        """Return by when what is missing had happened."""
        return self.apart_until or self.short_at or self.observed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Comparisons by account and asset, and what in them needs a look."""

    rows: tuple[BalanceComparison, ...]
    findings: tuple[Finding, ...]


def as_it_is(row: BalanceComparison) -> BalanceComparison:
    """Know nothing that would narrow the interval of a difference."""
    return row


def reconciled(
    balances: Mapping[tuple[AccountName, AssetCode], Decimal],
    snapshots: Iterable[BalanceSnapshot],
    narrowed: Callable[[BalanceComparison], BalanceComparison] = as_it_is,
    *,
    told_accounts: Collection[AccountId] = (),
) -> Reconciliation:
    """Compare the balances of asset accounts with the newest snapshot of each account and asset.

    `balances` are to be those of the snapshots' instant. `narrowed` adds what is known of when a difference came about.
    Accounts of which no snapshot exists are left out, unless they are among `told_accounts`, whose venues were asked; an asset that
    we hold and the venue's snapshots of that account do not name is a row without `balance_venue`.
    """
    told = _newest(snapshots)
    accounts = {*told_accounts, *(account for account, _ in told)}
    booked = {
        (account, asset): balance
        for (name, asset), balance in balances.items()
        if (account := account_of_assets(name)) is not None and account in accounts
    }
    rows = tuple(_compared(account, asset, booked, told) for account, asset in sorted({*told, *booked}))
    rows = tuple(narrowed(row) if row.difference else row for row in rows)
    return Reconciliation(rows=rows, findings=tuple(_unlike(row, rows) for row in rows if row.difference != 0))


def _newest(snapshots: Iterable[BalanceSnapshot]) -> dict[tuple[AccountId, AssetCode], BalanceSnapshot]:
    newest: dict[tuple[AccountId, AssetCode], BalanceSnapshot] = {}
    for snapshot in snapshots:
        place = (snapshot.account, snapshot.balance.asset)
        known = newest.get(place)
        if known is None or (known.occurred_at, known.event_id) < (snapshot.occurred_at, snapshot.event_id):
            newest[place] = snapshot
    return newest


def _compared(
    account: AccountId,
    asset: AssetCode,
    booked: Mapping[tuple[AccountId, AssetCode], Decimal],
    told: Mapping[tuple[AccountId, AssetCode], BalanceSnapshot],
) -> BalanceComparison:
    ours, snapshot = booked.get((account, asset), ZERO), told.get((account, asset))
    return BalanceComparison(
        account=account,
        asset=asset,
        balance_book=ours,
        balance_venue=None if snapshot is None else snapshot.balance.quantity,
        difference=None if snapshot is None else subtracted(ours, snapshot.balance.quantity),
        observed_at=None if snapshot is None else snapshot.occurred_at,
    )


def _mirrors(reversal: JournalEntry, target: JournalEntry | None) -> bool:
    if target is None or target.reverses is not None:
        return False
    return reversal.postings == tuple(posting.reversed() for posting in target.postings)


# --- wording ---------------------------------------------------------------------------------------------------------


def _not_one_live_entry(event_id: EventId, count: int) -> Finding:
    return Finding(
        code="not-one-live-entry",
        severity=Severity.ERROR,
        subject=event_id,
        message=f"the event has {count} live journal entries; exactly one is right",
        mend="run `lotwright sync`: posting again books what is missing and reverses what is double",
    )


def _entry_without_event(event_id: EventId) -> Finding:
    return Finding(
        code="entry-without-event",
        severity=Severity.ERROR,
        subject=event_id,
        message="the journal books an event that the book does not hold",
        mend="restore the book from a backup: events are never removed by Lotwright",
    )


def _reversed_twice(target: EntryId) -> Finding:
    return Finding(
        code="reversed-twice",
        severity=Severity.ERROR,
        subject=target,
        message="more than one entry reverses this entry",
        mend="restore the book from a backup: an entry is reversed once",
    )


def _not_mirrored(entry: JournalEntry) -> Finding:
    return Finding(
        code="reversal-not-mirrored",
        severity=Severity.ERROR,
        subject=entry.entry_id,
        message=f"the entry reverses {entry.reverses} but does not undo its postings, or that entry does not stand before it",
        mend="restore the book from a backup: reversals are written by Lotwright only",
    )


def _chain_broken(entry: JournalEntry, place: int) -> Finding:
    return Finding(
        code="chain-broken",
        severity=Severity.ERROR,
        subject=entry.entry_id,
        message=f"entry number {place} of the journal is not what was sealed: it, its event or its predecessor was changed",
        mend="restore the book from a backup and compare: whatever differs from this entry on was altered outside Lotwright",
    )


def _half_transfer(waiting: Waiting) -> Finding:
    transfer, fitting = waiting.half, [event_id[:SHORT_DIGITS] for event_id in waiting.candidates]
    sent = transfer.to_account is None
    several = f"; {', '.join(fitting)} would fit, and nothing tells which" if fitting else ""
    elsewhere = (
        f"sync or import the account where it arrived; if it went to nobody of yours: lotwright transfers dismiss {_short(transfer)}"
        if sent
        else f"sync or import the account that it came from; without one, {_basis_of(transfer)}"
    )
    return Finding(
        code="unpaired-withdrawal" if sent else "unpaired-deposit",
        severity=Severity.WARNING,
        subject=transfer.event_id,
        message=f"{_moved(transfer)} and no {'arrival' if sent else 'origin'} is known{several}",
        mend=f"say which: lotwright transfers match {_short(transfer)} {fitting[0]}" if fitting else elsewhere,
    )


def _dismissed_half(transfer: Transfer) -> Finding:
    sent = transfer.to_account is None
    back = f"take the dismissal back (lotwright transfers split {_short(transfer)}), then"
    told = (
        f"{back} import what became of it in an account of its own: a `deposit` of {transfer.amount} there, "
        "and the `spend`, `gift_out`, `sell` or `lost` that followed"
    )
    return Finding(
        code="dismissed-withdrawal" if sent else "dismissed-deposit",
        severity=Severity.WARNING,
        subject=transfer.event_id,
        message=f"{_moved(transfer)}, which was dismissed as no transfer of yours; "
        + ("what it was is not told: it counts as no sale, and its lots stay in transit" if sent else "how it was acquired is not told"),
        mend=told if sent else f"{back} {_basis_of(transfer)}",
    )


def _void_decision(decision: PairDecision) -> Finding:
    halves = *decision.withdrawals, *decision.deposits
    short = [half[:SHORT_DIGITS] for half in halves]
    return Finding(
        code="pair-decision-void",
        severity=Severity.WARNING,
        subject=" ".join(halves),
        message=f"the match of {' and '.join(short)} holds no longer: a source has told one of them otherwise since",
        mend=f"look at them with `lotwright explain`, then match them again: lotwright transfers match {' '.join(short)}",
    )


def _basis_of(deposit: Transfer) -> str:
    """Say how units of a deposit get a cost and a date: by the account that they came from, even where it is only told of by hand."""
    return (
        f"import in an account of its own how they were acquired (`opening` with `value` and `acquired`, `buy`, `income` or `gift_in`) "
        f"and a `withdrawal` of {deposit.amount} at {instant_text(deposit.occurred_at)}, which will pair with it"
    )


def _moved(transfer: Transfer) -> str:
    sent = transfer.to_account is None
    return f"{transfer.amount} {'left' if sent else 'arrived in'} {holder_of(transfer)} ({transfer.source_id})"


def _short(transfer: Transfer) -> str:
    return transfer.event_id[:SHORT_DIGITS]


def _clearing_not_zero(rest: Amount) -> Finding:
    return Finding(
        code="clearing-not-zero",
        severity=Severity.ERROR,
        subject=f"{CLEARING} {rest.asset}",
        message=f"the clearing account holds {rest} that no transfer under way explains",
        mend="look at `lotwright report journal` for transfers of this asset whose halves do not match",
    )


def _interval(row: BalanceComparison) -> str:
    """Say between which instants it happened, and why it is known."""
    if row.until is None:
        return ""
    began = "the beginning" if row.since is None else instant_text(row.since)
    if row.apart_from is not None:
        return f"; it happened between {began} and {instant_text(row.until)}, when the venue's own ledger and the book moved apart"
    agreed = "" if row.agreed_at is None else " (when both agreed)"
    short = "" if row.short_at is None else " (when the book would hold less than nothing)"
    return f"; it happened between {began}{agreed} and {instant_text(row.until)}{short}"


def _likely(row: BalanceComparison, rows: Iterable[BalanceComparison]) -> str:
    """Say what is likely missing: what came and was not understood, else trades, where another asset differs the other way round."""
    assert row.difference is not None, row
    if row.unread:
        return f"{row.unread} of the venue's rows that nobody understood (`lotwright check` names them)"
    if row.for_nothing:
        return f"a trade told at a price of nothing: {', '.join(row.for_nothing[:_NAMED_MAX])}"
    others = [one.asset for one in rows if one.account == row.account and one.difference and (one.difference > 0) != (row.difference > 0)]
    if others:
        return f"missing trades with {', '.join(others)}"
    return "missing fee, withdrawal or trade" if row.difference > 0 else "missing deposit, income or trade"


def _unlike(row: BalanceComparison, rows: Iterable[BalanceComparison]) -> Finding:
    where = f"{row.account} {row.asset}"
    if row.balance_venue is None or row.difference is None:
        return Finding(
            code="balance-not-told",
            severity=Severity.WARNING,
            subject=where,
            message=f"the book holds {text_of(row.balance_book)} {row.asset}; the venue's balances do not name the asset",
            mend="if the venue lists only what it holds, history is missing: run `lotwright coverage`",
        )
    return Finding(
        code="balance-differs",
        severity=Severity.ERROR,
        subject=where,
        message=(
            f"the book holds {text_of(row.balance_book)}, the venue {text_of(row.balance_venue)} {row.asset}: "
            f"{text_of(row.difference.copy_abs())} too {'much' if row.difference > 0 else 'little'} in the book"
            f"{_interval(row)}; likely cause: {_likely(row, rows)}"
        ),
        mend=f"lotwright sync {row.account} --again; if it stays, import the venue's export file of that time (`lotwright coverage`)",
    )
