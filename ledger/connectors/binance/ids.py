"""Within what ids of Binance and Binance.US are unique: trades in their symbol and side, all else in the list that tells of it."""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.domain.ids import IdScope

ID_SCOPES: Mapping[str, IdScope] = MappingProxyType(
    {
        "trade": IdScope(kind="fill", within="{symbol}/{side}"),  # a self-trade gives a row of each side under one id
        "payment": IdScope(kind="fill", within="payment"),
        "conversion": IdScope(kind="fill", within="convert"),
        "dust": IdScope(kind="fill", within="dust"),
        "deposit": IdScope(kind="transfer", within="deposit"),
        "withdrawal": IdScope(kind="transfer", within="withdrawal"),
        "fiat": IdScope(kind="transfer", within="fiat"),
        "payment-money": IdScope(kind="transfer", within="payment"),
        "move": IdScope(kind="transfer", within="move"),
        "sub-move": IdScope(kind="transfer", within="sub-move/{direction}"),
        "income": IdScope(kind="income", within="{stream}/{asset}"),
        "balance": IdScope(kind="balance"),  # ours: the asset and the instant of asking
    },
)
