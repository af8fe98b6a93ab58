"""Within what ids of ccxt are taken to be unique, as it does not say: of trades their market and side, of transfers their kind."""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.domain.ids import IdScope

ID_SCOPES: Mapping[str, IdScope] = MappingProxyType(
    {
        "trade": IdScope(kind="fill", within="{market}/{side}"),
        "transfer": IdScope(kind="transfer", within="{direction}"),
        "balance": IdScope(kind="balance"),  # ours: the asset and the instant of asking
    },
)
