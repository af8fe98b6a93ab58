"""What each kind of event does to the books: one function a kind, held in a table.

Postings need no price: they say which units moved between which accounts, per asset. Cost, value and gain belong to the
lot layer. A leg of zero units gives no posting.
"""

from collections.abc import Callable

from ledger.domain.amount import Amount, is_fiat
from ledger.domain.entry import AccountName, JournalEntry, Posting
from ledger.domain.event import BalanceSnapshot, Charge, Event, Fill, Income, IncomeKind, Opening, Transfer
from ledger.domain.ids import AccountId, EventId, entry_id
from ledger.journal.chart import (
    CLEARING,
    FEES_OTHER,
    FEES_TRADING,
    FEES_TRANSFERS,
    FUNDING,
    assets_of_account,
    charge_account,
    income_account,
    opening_account,
    trading_of_account,
)

_REBATES = income_account(IncomeKind.REBATE)


def postings_of(event: Event) -> tuple[Posting, ...]:
    """Return the postings of an event: what came in, what went out, then the fee; none for a balance snapshot."""
    return tuple(_RULES[type(event)](event))


def entry_of(event: Event, revision: int) -> JournalEntry | None:
    """Return the journal entry of one revision of an event (the first is 1), None for a balance snapshot."""
    if isinstance(event, BalanceSnapshot):
        return None
    return JournalEntry(
        entry_id=entry_id(event.event_id, revision=revision),
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        postings=postings_of(event),
    )


def reversal_of(entry: JournalEntry, event_id: EventId, revision: int) -> JournalEntry:
    """Return the entry that cancels `entry`: each posting the other way round, at the instant of the entry it names.

    `event_id` and `revision` give the reversal its own id: the event that made the entry void, and its revision then.
    """
    assert entry.reverses is None, entry
    return JournalEntry(
        entry_id=entry_id(event_id, revision=revision, reversal=True),
        event_id=event_id,
        occurred_at=entry.occurred_at,
        postings=tuple(posting.reversed() for posting in entry.postings),
        reverses=entry.entry_id,
    )


# --- one rule a kind -------------------------------------------------------------------------------------------------


def _fill_postings(event: Fill) -> list[Posting]:
    held, trading = assets_of_account(event.account), trading_of_account(event.account)
    return [
        *_moved(event.received, debit=held, credit=trading),
        *_moved(event.given, debit=trading, credit=held),
        *_fee(event.fee, expense=FEES_TRADING, account=event.account),
    ]


def _transfer_postings(event: Transfer) -> list[Posting]:
    sender, receiver = event.from_account, event.to_account
    payer = sender or receiver
    assert payer is not None, event
    between = CLEARING if sender and receiver else _counterpart_of_half(event.amount)
    return [
        *(_moved(event.amount, debit=between, credit=assets_of_account(sender)) if sender else ()),
        *(_moved(event.amount, debit=assets_of_account(receiver), credit=between) if receiver else ()),
        *_fee(event.fee, expense=FEES_TRANSFERS, account=payer),
    ]


def _counterpart_of_half(amount: Amount) -> AccountName:
    return FUNDING if is_fiat(amount.asset) else CLEARING


def _income_postings(event: Income) -> list[Posting]:
    held = assets_of_account(event.account)
    return [
        *_moved(event.amount, debit=held, credit=income_account(event.kind)),
        *_fee(event.fee, expense=FEES_OTHER, account=event.account),
    ]


def _charge_postings(event: Charge) -> list[Posting]:
    held = assets_of_account(event.account)
    return [
        *_moved(event.amount, debit=charge_account(event.kind), credit=held),
        *_fee(event.fee, expense=FEES_OTHER, account=event.account),
    ]


def _opening_postings(event: Opening) -> list[Posting]:
    return _moved(event.amount, debit=assets_of_account(event.account), credit=opening_account(event.kind))


def _no_postings(_: BalanceSnapshot) -> list[Posting]:
    return []


_RULES: dict[type, Callable[..., list[Posting]]] = {
    Fill: _fill_postings,
    Transfer: _transfer_postings,
    Income: _income_postings,
    Charge: _charge_postings,
    Opening: _opening_postings,
    BalanceSnapshot: _no_postings,
}


def _moved(amount: Amount, *, debit: AccountName, credit: AccountName) -> list[Posting]:
    return [Posting(debit=debit, credit=credit, amount=amount)] if amount.quantity else []


def _fee(fee: Amount | None, *, expense: AccountName, account: AccountId) -> list[Posting]:
    if fee is None:
        return []
    if fee.quantity < 0:
        return _moved(-fee, debit=assets_of_account(account), credit=_REBATES)
    return _moved(fee, debit=expense, credit=assets_of_account(account))
