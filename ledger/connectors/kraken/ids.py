"""Within what ids of Kraken are unique: all of them in the account. A refid names an exchange or a transfer, a txid one ledger row."""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.domain.ids import AccountId, EventId, IdScope, VenueName

VENUE = VenueName("kraken")
ID_SCOPES: Mapping[str, IdScope] = MappingProxyType(
    {
        "exchange": IdScope(kind="fill"),  # the txid of a trade, which is the refid of its ledger rows
        "transfer": IdScope(kind="transfer"),  # the refid; what came back of a withdrawal that failed tells of that very withdrawal
        "income": IdScope(kind="income"),  # the txid of the ledger row
        "charge": IdScope(kind="charge"),  # the same
        "balance": IdScope(kind="balance"),  # ours: the asset and the instant of asking
    },
)


def id_of(record: str, *, account: AccountId, source_id: str) -> EventId:
    """Return the id of the event that a record of one of `ID_SCOPES` tells of."""
    return ID_SCOPES[record].id_of(venue=VENUE, account=account, source_id=source_id)
