"""When a balance came to differ: from earlier comparisons, from the venue's own ledger, and from what a book cannot hold."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from ledger.domain.amount import ZERO, AssetCode, added
from ledger.domain.ids import AccountId
from ledger.journal.chart import assets_of_account
from ledger.journal.checks import BalanceComparison
from ledger.storage.store import Reader

_CLOCKS_APART_MAX = timedelta(seconds=2)  # a fill and the line of it bear times of two clocks, or of two roundings

# What a sync finds of rows that came and were not booked.
NOT_READ = frozenset({"unknown-row", "unreadable-row", "unreadable-page", "unsupported-exchange", "margin-row"})

_Move = tuple[datetime, Decimal]


def narrowed(reader: Reader, row: BalanceComparison) -> BalanceComparison:
    """Return a comparison whose balances differ, with all that is known of when they came to."""
    agreed_at = reader.agreed_at(row.account, row.asset)
    is_short = row.difference is not None and row.difference < 0
    apart = _apart(reader, row.account, row.asset)
    return replace(
        row,
        agreed_at=agreed_at,
        short_at=_short_at(reader, row.account, row.asset, agreed_at) if is_short else None,
        apart_from=apart[0] if apart else None,
        apart_until=apart[-1] if apart else None,
        unread=sum(found.code in NOT_READ and found.subject.startswith(f"{row.account}/") for _, found in reader.findings()),
        for_nothing=tuple(reader.fills_for_nothing(row.account, row.asset)),
    )


def _short_at(reader: Reader, account: AccountId, asset: AssetCode, after: datetime | None) -> datetime | None:
    """Return since when, after an instant, the book holds less than nothing of an asset; None: it never does."""
    balance = ZERO
    for instant, moves in groupby(reader.moved(assets_of_account(account), asset), key=_instant):
        balance = added(balance, _sum(moves))
        if balance < 0 and (after is None or instant > after):
            return instant
    return None


def _apart(reader: Reader, account: AccountId, asset: AssetCode) -> list[datetime]:
    """Return the instants at which the venue's ledger and the book moved apart, in order; none where it has no ledger of the asset."""
    lines = list(_lines(reader, account, asset))
    if not lines:
        return []
    moves = [*lines, *((instant, -amount) for instant, amount in reader.moved(assets_of_account(account), asset))]
    moves.sort(key=_instant)
    return [together[0][0] for together in _together(moves) if _sum(together)]


def _lines(reader: Reader, account: AccountId, asset: AssetCode) -> Iterator[_Move]:
    for wallet in reader.ledger_wallets(account):
        for line in reader.ledger_lines(account, wallet):
            if line.asset == asset:
                yield line.occurred_at, line.amount


def _together(moves: list[_Move]) -> Iterator[list[_Move]]:
    """Yield runs of moves that follow each other within a moment."""
    run: list[_Move] = []
    for move in moves:
        if run and move[0] - run[-1][0] > _CLOCKS_APART_MAX:
            yield run
            run = []
        run.append(move)
    if run:
        yield run


def _instant(move: _Move) -> datetime:
    return move[0]


def _sum(moves: Iterator[_Move] | list[_Move]) -> Decimal:
    total = ZERO
    for _, amount in moves:
        total = added(total, amount)
    return total
