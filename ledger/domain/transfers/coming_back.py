"""Transfers that did not go through: what left an account came back to it, told in two rows that may be far apart.

A transfer from an account to itself says so, and moves nothing. The row of what left knows its instant and its fee, that of what came
back only what came: so both tell of one event, and what they come to is the same whichever is read first.
"""

from dataclasses import replace

from ledger.domain.amount import Amount
from ledger.domain.event import Transfer


def come_back(known: Transfer, told: Transfer) -> Transfer | None:
    """Return what two tellings come to, of which one says that the transfer came back; None where another amount came than left.

    With its fee it is as if nothing had happened; a fee that did not come back stays a fee. The instant is the earlier of the two.
    """
    returned, other = (known, told) if known.has_come_back else (told, known)
    assert returned.has_come_back, (known, told)
    if returned.from_account != other.from_account or other.to_account not in {None, returned.to_account}:
        return None
    came, left = returned.amount, other.amount
    if came != left and (other.has_come_back or came != _with_fee(left, other.fee)):
        return None
    return replace(
        returned,
        occurred_at=min(known.occurred_at, told.occurred_at),
        rank=max(known.rank, told.rank),
        fee=(returned.fee or other.fee) if came == left else returned.fee,
    )


def _with_fee(amount: Amount, fee: Amount | None) -> Amount:
    return amount + fee if fee is not None and fee.asset == amount.asset else amount
