"""Within what ids of Coinbase Exchange are unique: of trades their product and side, of ledger rows their asset, else the account."""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.domain.ids import COINBASE_FILL, AccountId, EventId, IdScope, VenueName

VENUE = VenueName("coinbase-exchange")
ID_SCOPES: Mapping[str, IdScope] = MappingProxyType(
    {
        "fill": COINBASE_FILL,
        "transfer": IdScope(kind="transfer"),
        "rebate": IdScope(kind="income", within="{asset}"),  # the id of the ledger row
        "balance": IdScope(kind="balance"),  # ours: the asset and the instant of asking
    },
)


def id_of(record: str, *, account: AccountId, source_id: str, **parts: str) -> EventId:
    """Return the id of the event that a record of one of `ID_SCOPES` tells of; `parts` are those of its scope."""
    return ID_SCOPES[record].id_of(venue=VENUE, account=account, source_id=source_id, **parts)
