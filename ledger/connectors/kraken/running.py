"""What the running balances of an export of ledgers tell of rows that are not in it, and which rows wait for their booking."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from ledger.connectors.kraken.assets import wallet_of
from ledger.connectors.kraken.rows import KrakenRow
from ledger.domain.amount import subtracted, text_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId
from ledger.domain.time.instant import instant_text

_BOOKED_WITHIN = timedelta(days=14)  # between the row of a deposit or reward that waits and that of its booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A row and the wallet, in the venue's words, whose balance runs in it; empty where the export has no such column."""

    wallet: str
    row: KrakenRow

    @property
    def purse(self) -> tuple[str, str]:
        """Return what the balance is of."""
        return self.wallet, wallet_of(self.row.asset)

    @property
    def before(self) -> Decimal:
        """Return the balance that the row began from."""
        assert self.row.balance is not None, self
        return subtracted(self.row.balance, self.row.net)


def findings_of(booked: Sequence[Running], pending: Sequence[Running], account: AccountId) -> tuple[Finding, ...]:
    """Return what is missing: balances that began before the file, rows between two balances, bookings of rows that wait.

    The order of the rows does not matter.
    """
    purses: defaultdict[tuple[str, str], list[Running]] = defaultdict(list)
    for running in booked:
        purses[running.purse].append(running)
    found = [finding for purse in sorted(purses) for finding in _purse_findings(purses[purse], account)]
    return (*found, *unbooked_of(booked, pending, account))


def _purse_findings(rows: list[Running], account: AccountId) -> list[Finding]:
    ordered = _ordered(rows)
    first = ordered[0]
    found = [_opening(first, account)] if first.before else []
    found += [_break(one, other, account) for one, other in pairwise(ordered) if one.row.balance != other.before]
    return found


def _ordered(rows: list[Running]) -> list[Running]:
    """Return rows in order of time; those of one second so that each begins where the one before ended, as far as that goes."""
    by_time: defaultdict[object, list[Running]] = defaultdict(list)
    for running in rows:
        by_time[running.row.occurred_at].append(running)
    ordered: list[Running] = []
    for _, together in sorted(by_time.items(), key=lambda item: str(item[0])):
        waiting = sorted(together, key=lambda running: running.row.row_id)
        while waiting:
            ends = {running.row.balance for running in waiting}
            starts = [running for running in waiting if ordered and running.before == ordered[-1].row.balance]
            begins = starts or [running for running in waiting if running.before not in ends]
            ordered.append((begins or waiting)[0])
            waiting.remove(ordered[-1])
    return ordered


def _name(running: Running) -> str:
    wallet, asset = running.purse
    return f"{asset} ({wallet})" if wallet else asset


def _opening(first: Running, account: AccountId) -> Finding:
    row = first.row
    return Finding(
        code="opening-balance",
        severity=Severity.WARNING,
        subject=f"{account}/opening/{_name(first)}",
        message=f"{account} held {text_of(first.before)} {_name(first)} before the first row of the file, {row.row_id} of"
        f" {instant_text(row.occurred_at)}; how they came in is not in it",
        mend="import the export that goes back to the first day of the account, or an opening row; no harm if that is in the book already",
    )


def _break(one: Running, other: Running, account: AccountId) -> Finding:
    assert one.row.balance is not None, one
    return Finding(
        code="balance-break",
        severity=Severity.ERROR,
        subject=f"{account}/break/{other.row.row_id}",
        message=f"rows of {_name(other)} are missing in the file: {one.row.row_id} of {instant_text(one.row.occurred_at)} leaves"
        f" {text_of(one.row.balance)}, {other.row.row_id} of {instant_text(other.row.occurred_at)} begins from {text_of(other.before)}",
        mend="export all types and all assets of that time in one file, and import it too",
    )


def unbooked_of(booked: Sequence[Running], pending: Iterable[Running], account: AccountId) -> list[Finding]:
    """Return the rows that wait and have no twin: a booked row of the same asset and amount, soon after, each taken once."""
    free: defaultdict[tuple[str, Decimal], list[KrakenRow]] = defaultdict(list)
    for running in sorted(booked, key=lambda one: (one.row.occurred_at, one.row.row_id)):
        free[wallet_of(running.row.asset), running.row.amount].append(running.row)
    found = []
    for running in sorted(pending, key=lambda one: (one.row.occurred_at, one.row.refid)):
        row = running.row
        twins = free[wallet_of(row.asset), row.amount]
        soon = [twin for twin in twins if timedelta() <= twin.occurred_at - row.occurred_at <= _BOOKED_WITHIN]
        if soon:
            twins.remove(next((twin for twin in soon if twin.refid == row.refid), soon[0]))
        else:
            found.append(_unbooked(row, account))
    return found


def _unbooked(row: KrakenRow, account: AccountId) -> Finding:
    return Finding(
        code="pending-row",
        severity=Severity.WARNING,
        subject=f"{account}/pending/{row.refid}",
        message=f"{row.kind} of {text_of(row.amount)} {row.asset} at {instant_text(row.occurred_at)} ({row.refid}) waited to be booked when"
        " the file was made, and no later row books it; it is not in the book",
        mend="export again from that day on and import it; a deposit that failed is never booked",
    )
