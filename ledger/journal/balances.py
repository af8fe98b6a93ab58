"""Balances from postings: exact sums, in one pass over however many rows."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO, AssetCode
from ledger.domain.entry import AccountName, JournalEntry

Balances = dict[tuple[AccountName, AssetCode], Decimal]
PostingRow = tuple[str, str, str, Decimal]  # debit, credit, asset, amount: what the hot loop reads instead of postings


def balances_of(postings: Iterable[PostingRow]) -> Balances:
    """Return what each account holds of each asset, debit positive, sorted by account and asset; zeros are left out.

    Rows are (debit account, credit account, asset, positive amount). The flow between two accounts is summed first and
    split afterwards: one addition a row instead of two.
    """
    add = EXACT.add
    flows: defaultdict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for debit, credit, asset, amount in postings:
        flow = (debit, credit, asset)
        flows[flow] = add(flows[flow], amount)
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for (debit, credit, asset), amount in flows.items():
        held[debit, asset] = add(held[debit, asset], amount)
        held[credit, asset] = EXACT.subtract(held[credit, asset], amount)
    return {(AccountName(name), AssetCode(asset)): balance for (name, asset), balance in sorted(held.items()) if balance}


def balances_of_entries(entries: Iterable[JournalEntry]) -> Balances:
    """Return the balances that journal entries, reversals among them, add up to; shaped like `balances_of`."""
    return balances_of((each.debit, each.credit, each.amount.asset, each.amount.quantity) for entry in entries for each in entry.postings)
