"""Within what ids of Coinbase Advanced Trade are unique: trades in their order and side, rows of wallets in the account.

`entry_id` names the row that told of a fill, not the fill: a row that takes it back has another one.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.domain.ids import AccountId, EventId, IdScope, VenueName

VENUE = VenueName("coinbase-advanced")
ID_SCOPES: Mapping[str, IdScope] = MappingProxyType(
    {
        "fill": IdScope(kind="fill", within="{order}/{side}"),
        "purchase": IdScope(kind="fill"),  # of wallets, and sales: the id of the `buy` or `sell`, not of its rows
        "payment": IdScope(kind="payment"),  # the money of it from or to a card or bank: that id too
        "conversion": IdScope(kind="conversion"),  # the id of the `trade`, which two wallets tell of
        "transfer": IdScope(kind="transfer"),
        "income": IdScope(kind="income"),
        "charge": IdScope(kind="charge"),
        "balance": IdScope(kind="balance"),  # ours: the currency and the instant of asking
    },
)


def id_of(record: str, *, account: AccountId, source_id: str, **parts: str) -> EventId:
    """Return the id of the event that a record of one of `ID_SCOPES` tells of; `parts` are those of its scope."""
    return ID_SCOPES[record].id_of(venue=VENUE, account=account, source_id=source_id, **parts)
