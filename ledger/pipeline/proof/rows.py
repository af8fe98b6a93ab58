"""The proof that a book is complete: the venue's own ledger row by row, and the book's balances against the venue's.

A row that is missing is located between the two rows that do not hold together without it; a fill that the book has otherwise than
the ledger, by its own rows; a balance that differs, between the newest comparison that agreed and the first that did not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice

from ledger.domain.amount import EXACT, ZERO, AssetCode, added, subtracted, text_of
from ledger.domain.event import Fill
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId
from ledger.domain.time.instant import instant_text
from ledger.journal.chart import assets_of_account
from ledger.journal.checks import BalanceComparison, Reconciliation
from ledger.journal.running import Gap, RunningRow, end_of, gaps_of
from ledger.pipeline.proof.narrowing import NOT_READ
from ledger.ports import LedgerLine
from ledger.storage.store import BalanceAssertion, Reader, StoredLine

# What a sync finds when rows or fills are missing, with the interval of each.
BREAKS = frozenset({"ledger-gap", "ledger-begins-late", "ledger-ends-early", "fill-unlike-ledger", "unexplained-ledger-line"})
_NEARBY = timedelta(seconds=2)  # a fill and the rows of the ledger that it moved bear times of two clocks
_KEYS = 500
_CAUSES_MAX = 5
_PULL_EARLIER = "pull it: lotwright sync {account} --again; what the venue no longer gives, import from its export file or as an opening"


def stored_lines(lines: Iterable[LedgerLine], payload_seq: int) -> list[StoredLine]:
    """Return lines of a venue's ledger as they are stored."""
    return [
        StoredLine(
            account=line.account,
            wallet=line.wallet or line.asset,
            line_id=line.line_id,
            asset=line.asset,
            occurred_at=line.occurred_at,
            sequence=line.sequence,
            kind=line.kind,
            amount=line.amount,
            balance=line.balance,
            explains=" ".join(line.event_ids),
            payload_seq=payload_seq,
        )
        for line in lines
    ]


# --- running balances ------------------------------------------------------------------------------------------------


def gaps_in_ledger(reader: Reader, account: AccountId, wallet: str) -> list[Finding]:
    """Find the places where rows of a venue's ledger of one wallet are missing, each with its smallest interval and likely cause."""
    search = _Search(reader=reader, account=account, wallet=wallet)
    last = reader.ledger_line_last(account, wallet)
    return [] if last is None else [search.told(gap, last.asset) for gap in ledger_gaps(reader, account, wallet)]


def ledger_gaps(reader: Reader, account: AccountId, wallet: str) -> list[Gap]:
    """Return the gaps in a venue's ledger of one wallet, without what the book held before its first row."""
    last = reader.ledger_line_last(account, wallet)
    if last is None:
        return []
    lines = reader.ledger_lines(account, wallet)
    gaps = list(gaps_of(_running(line, line.balance) for line in lines if line.balance is not None))
    return [
        gap for gap in gaps if gap.after is not None or _held_before(reader, account, last.asset, gap.before.occurred_at) != gap.missing
    ]


def _held_before(reader: Reader, account: AccountId, asset: AssetCode, instant: datetime) -> Decimal:
    until = instant - timedelta(microseconds=1)
    return _sum(amount for *_, amount in reader.moves(assets_of_account(account), asset=asset, until=until))


def _running(line: StoredLine, balance: Decimal) -> RunningRow:
    return RunningRow(
        line_id=line.line_id,
        kind=line.kind,
        occurred_at=line.occurred_at,
        sequence=line.sequence,
        amount=line.amount,
        balance=balance,
        explains=line.explains,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """Looks for what a gap may be."""

    reader: Reader
    account: AccountId
    wallet: str

    def told(self, gap: Gap, asset: AssetCode) -> Finding:
        """Return the finding of a gap."""
        if gap.after is None:
            return _begins_late(self.account, self.wallet, asset, gap)
        return _gap(self.account, self.wallet, asset, gap, gap.after, self._cause(gap, gap.after, asset))

    def _cause(self, gap: Gap, after: RunningRow, asset: AssetCode) -> str:
        lacking = self._lacking(after.occurred_at - _NEARBY, gap.before.occurred_at + _NEARBY, asset)
        one = {event_id: amount for event_id, amount in lacking.items() if amount == gap.missing}
        if lacking:
            return self._rows_of(one or lacking, asset)
        free = self._fill_without_fee(gap.before)
        if free is not None and gap.missing < 0:
            return f"likely cause: missing fee: that of fill {free.source_id}"
        begins = f"{self.account}/ledger/{self.wallet}/"
        unread = next((found for _, found in self.reader.findings() if found.code in NOT_READ and found.subject.startswith(begins)), None)
        if unread is not None:
            return f"likely cause: a row that nobody could read ({unread.code} {unread.subject})"
        return "likely cause: a trade, transfer or income of which nothing was pulled"

    def _fill_without_fee(self, row: RunningRow) -> Fill | None:
        """Return the fill that a row belongs to, if the book has no fee of it."""
        told = (self.reader.event(EventId(event_id)) for event_id in row.explains.split())
        fills = (stored.event for stored in told if stored is not None and isinstance(stored.event, Fill))
        return next((fill for fill in fills if fill.fee is None or not fill.fee.quantity), None)

    def _lacking(self, since: datetime, until: datetime, asset: AssetCode) -> dict[str, Decimal]:
        """Return the events of which the book has more, or less, than the rows of the ledger tell, by how much."""
        booked: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for event_id, _, _, amount in self.reader.moves(assets_of_account(self.account), asset=asset, since=since, until=until):
            booked[event_id] = added(booked[event_id], amount)
        for line in self.reader.ledger_lines(self.account, self.wallet, since=since, until=until):
            owner = next((event_id for event_id in line.explains.split() if event_id in booked), None)
            if owner is not None:
                booked[owner] = subtracted(booked[owner], line.amount)
        return {event_id: amount for event_id, amount in booked.items() if amount}

    def _rows_of(self, lacking: Mapping[str, Decimal], asset: AssetCode) -> str:
        shown = [self._rows_of_one(EventId(event_id), amount, asset) for event_id, amount in islice(lacking.items(), _CAUSES_MAX)]
        more = f" and {len(lacking) - len(shown)} more" if len(shown) < len(lacking) else ""
        return f"likely cause: {'; '.join(shown)}{more}"

    def _rows_of_one(self, event_id: EventId, amount: Decimal, asset: AssetCode) -> str:
        stored = self.reader.event(event_id)
        assert stored is not None, event_id
        event = stored.event
        if isinstance(event, Fill):
            is_fee = event.fee is not None and event.fee.asset == asset and -event.fee.quantity == amount
            return f"missing {'fee' if is_fee else 'trade'}: the rows of fill {event.source_id}"
        return f"the rows of {event.source_id}"


def _begins_late(account: AccountId, wallet: str, asset: AssetCode, gap: Gap) -> Finding:
    return Finding(
        code="ledger-begins-late",
        severity=Severity.ERROR,
        subject=f"{account}/{wallet}/{gap.before.line_id}",
        message=f"the venue's ledger of {wallet} in {account} begins before {_row(gap.before)} with {text_of(gap.missing)} {asset} there "
        "already: what came earlier was not pulled",
        mend=_PULL_EARLIER.format(account=account),
    )


def _gap(account: AccountId, wallet: str, asset: AssetCode, gap: Gap, after: RunningRow, cause: str) -> Finding:
    return Finding(
        code="ledger-gap",
        severity=Severity.ERROR,
        subject=f"{account}/{wallet}/{gap.before.line_id}",
        message=f"rows of the venue's ledger of {wallet} in {account} are missing after {_row(after)} and before {_row(gap.before)}: "
        f"{text_of(gap.missing)} {asset}; {cause}",
        mend=f"pull the history anew: lotwright sync {account} --again; if it stays, import the venue's export file of these days",
    )


def _row(row: RunningRow) -> str:
    return f"{row.kind} {row.line_id} of {instant_text(row.occurred_at)}"


# --- amounts ---------------------------------------------------------------------------------------------------------


def fills_unlike_ledger(reader: Reader, account: AccountId, *, after_payload_seq: int) -> list[Finding]:
    """Find fills that the book has with other amounts than the venue's ledger, among those that newer lines belong to."""
    groups = groupby(reader.lines_explaining(account, after_payload_seq=after_payload_seq), key=lambda line: line.explains)
    found: list[Finding] = []
    while batch := {explains: list(lines) for explains, lines in islice(groups, _KEYS)}:
        found += _unlike(reader, account, batch)
    return found


def _unlike(reader: Reader, account: AccountId, batch: Mapping[str, Sequence[StoredLine]]) -> list[Finding]:
    named = {event_id: explains for explains in batch for event_id in explains.split()}
    booked: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    filled = set()
    for event_id, kind, asset, amount in reader.moves(assets_of_account(account), event_ids=named):
        place = (named[event_id], asset)
        booked[place] = added(booked[place], amount)
        if kind == "fill":
            filled.add(named[event_id])
    found = []
    for explains in filled:
        for asset in sorted({line.asset for line in batch[explains]}):
            ours = booked[explains, asset]
            if _told(batch[explains], asset) != ours:
                found += _compared_whole(reader, account, batch[explains], asset, ours)
    return found


def _compared_whole(reader: Reader, account: AccountId, lines: Sequence[StoredLine], asset: AssetCode, ours: Decimal) -> list[Finding]:
    """Compare again with all lines of the fill, of which some may have been pulled before."""
    explains, at = lines[0].explains, lines[0].occurred_at
    wallets = {line.wallet for line in lines if line.asset == asset}
    near = [line for wallet in sorted(wallets) for line in reader.ledger_lines(account, wallet, since=at - _NEARBY, until=at + _NEARBY)]
    told = _told([line for line in near if line.explains == explains], asset)
    if told == ours:
        return []
    return [_unlike_ledger(account, lines[0], asset, told=told, ours=ours)]


def _told(lines: Iterable[StoredLine], asset: AssetCode) -> Decimal:
    return _sum(line.amount for line in lines if line.asset == asset)


def _unlike_ledger(account: AccountId, line: StoredLine, asset: AssetCode, *, told: Decimal, ours: Decimal) -> Finding:
    difference = subtracted(told, ours)
    return Finding(
        code="fill-unlike-ledger",
        severity=Severity.ERROR,
        subject=f"{account}/{asset}/{line.line_id}",
        message=f"the venue's ledger moves {text_of(told)} {asset} for the fill of {instant_text(line.occurred_at)} (line {line.line_id}), "
        f"the book {text_of(ours)}: {text_of(difference)} is missing in the book; likely cause: a fee or a part of the fill was not told",
        mend=f"pull the history anew: lotwright sync {account} --again; if it stays, compare with the venue's export file",
    )


# --- balances --------------------------------------------------------------------------------------------------------


def ends_unlike_balances(reader: Reader, account: AccountId, compared: Reconciliation) -> list[Finding]:
    """Find assets whose ledger ends with another balance than the venue told, where the ledger tells balances at all."""
    ended: defaultdict[AssetCode, list[tuple[StoredLine, Decimal | None]]] = defaultdict(list)
    for wallet in reader.ledger_wallets(account):
        last = reader.ledger_line_last(account, wallet)
        if last is not None:
            newest = reader.ledger_lines(account, wallet, since=last.occurred_at - _NEARBY)
            ended[last.asset].append((last, end_of([_running(line, line.balance) for line in newest if line.balance is not None])))
    found = []
    for row in compared.rows:
        ends = ended.get(row.asset, [])
        balances = [balance for _, balance in ends if balance is not None]
        if not ended or row.balance_venue is None or row.observed_at is None or len(balances) < len(ends):
            continue
        missing = subtracted(row.balance_venue, _sum(balances))
        if missing:
            last = max((line for line, _ in ends), key=lambda line: line.occurred_at, default=None)
            early = _nothing_seen(row, row.observed_at) if last is None else _ends_early(row, last, row.observed_at, missing)
            found.append(early)
    return found


def _nothing_seen(row: BalanceComparison, observed_at: datetime) -> Finding:
    account, asset = row.account, row.asset
    return Finding(
        code="ledger-begins-late",
        severity=Severity.ERROR,
        subject=f"{account}/{asset}",
        message=f"no row of the venue's ledger of {asset} in {account} was pulled, and the venue had {text_of(row.balance_venue or ZERO)} "
        f"{asset} at {instant_text(observed_at)}: what came earlier was not pulled",
        mend=_PULL_EARLIER.format(account=account),
    )


def _ends_early(row: BalanceComparison, last: StoredLine, observed_at: datetime, missing: Decimal) -> Finding:
    account = row.account
    return Finding(
        code="ledger-ends-early",
        severity=Severity.ERROR,
        subject=f"{account}/{row.asset}",
        message=f"rows of the venue's ledger of {row.asset} in {account} are missing after {last.kind} {last.line_id} of "
        f"{instant_text(last.occurred_at)} and before the balance of {instant_text(observed_at)}: {text_of(missing)} {row.asset}",
        mend=f"sync again; if it stays: lotwright sync {account} --again, or import the venue's export file of these days",
    )


def assertions_of(compared: Reconciliation, asserted_at: datetime) -> list[BalanceAssertion]:
    """Return a comparison as rows of the book, without assets that neither side has."""
    return [
        BalanceAssertion(
            account=row.account,
            asset=row.asset,
            observed_at=row.observed_at or asserted_at,
            balance_book=row.balance_book,
            balance_venue=row.balance_venue,
            difference=row.difference,
            asserted_at=asserted_at,
        )
        for row in compared.rows
        if row.balance_book or row.balance_venue
    ]


def _sum(quantities: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for quantity in quantities:
        total = EXACT.add(total, quantity)
    return total
