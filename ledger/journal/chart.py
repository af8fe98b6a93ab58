"""The chart of accounts: every name a posting may carry, in one place.

Names depend on nothing that a setting can change: an asset account is the account of the event and no more, so that
renaming a wallet or a bot never touches the journal. Debit increases assets and expenses, credit increases equity and
income.
"""

from functools import cache
from urllib.parse import unquote

from ledger.domain.entry import AccountName
from ledger.domain.event import ChargeKind, IncomeKind, OpeningKind
from ledger.domain.ids import AccountId

CLEARING = AccountName("equity:clearing:transfers")  # own units on the way; must come back to zero
FUNDING = AccountName("equity:funding")  # government money that came from or went to a bank
FEES_TRADING = AccountName("expenses:fees:trading")
FEES_TRANSFERS = AccountName("expenses:fees:transfers")
FEES_OTHER = AccountName("expenses:fees:other")

_ASSETS = "assets:"

_CHARGES = {
    ChargeKind.SPEND: AccountName("expenses:spending"),
    ChargeKind.FEE: FEES_OTHER,
    ChargeKind.GIFT_OUT: AccountName("equity:gifts:given"),
    ChargeKind.DONATION: AccountName("expenses:donations"),
    ChargeKind.LOST: AccountName("expenses:losses"),
}
_OPENINGS = {
    OpeningKind.OPENING: AccountName("equity:opening"),
    OpeningKind.GIFT_IN: AccountName("equity:gifts:received"),
}


@cache
def assets_of_account(account: AccountId) -> AccountName:
    """Return where an account's units stand: ``assets:`` and the account, in which ``:`` and ``%`` are percent-encoded.

    >>> assets_of_account(AccountId("main")), assets_of_account(AccountId("binance:spot"))
    ('assets:main', 'assets:binance%3Aspot')
    """
    return AccountName(_ASSETS + _encoded(account))


@cache
def trading_of_account(account: AccountId) -> AccountName:
    """Return what both legs of an account's fills pass through: ``equity:trading:`` and the account, encoded alike."""
    return AccountName("equity:trading:" + _encoded(account))


def account_of_assets(name: AccountName) -> AccountId | None:
    """Return whose units an account name stands for, None where it is no ``assets:`` account; undoes `assets_of_account`."""
    return AccountId(unquote(name.removeprefix(_ASSETS))) if name.startswith(_ASSETS) else None


def income_account(kind: IncomeKind) -> AccountName:
    """Return the account credited with income of a kind; fee rebates stand in ``income:rebate`` as well."""
    return AccountName(f"income:{kind}")


def charge_account(kind: ChargeKind) -> AccountName:
    """Return the account debited with units that left without being sold."""
    return _CHARGES[kind]


def opening_account(kind: OpeningKind) -> AccountName:
    """Return the account credited with units that have a basis from outside the book."""
    return _OPENINGS[kind]


def _encoded(account: AccountId) -> str:
    return account.replace("%", "%25").replace(":", "%3A")
