"""What an API key of Binance may do, by the names of the rights that are on: any that is not known to read only is more than reading."""

from dataclasses import dataclass
from datetime import datetime

from ledger.connectors.binance.rows import instant_in
from ledger.domain.errors import InputError
from ledger.domain.json_text import Json, object_of

_PREFIXES = ("enable", "permits")
_READING = frozenset({"enableReading", "enableFixReadOnly"})
_LEAVING = frozenset({"enableWithdrawals", "enableInternalTransfer"})  # an internal transfer goes to any other account of the venue
_KNOWN = frozenset(
    {
        *_READING,
        *_LEAVING,
        "enableSpotAndMarginTrading",
        "enableMargin",
        "enableFutures",
        "enableVanillaOptions",
        "enableFixApiTrade",
        "enablePortfolioMarginTrading",
        "permitsUniversalTransfer",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What the venue says a key may do; `beyond` names the rights that are on and not for reading, `unknown` those of them without a rule.

    A right that nobody here knows counts as one to trade.
    """

    may_read: bool
    may_trade: bool
    may_withdraw: bool
    is_bound_to_addresses: bool
    expires_at: datetime | None
    beyond: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def key_rights_of(answer: Json) -> KeyRights:
    """Read what a key may do: ``{"ipRestrict": false, "enableReading": true, "enableWithdrawals": false, ...}``.

    A right that the venue does not name is not there, but those to read and to withdraw must be named.

    Raises:
        InputError: when the answer does not tell.
    """
    row = object_of(answer)
    for key in ("enableReading", "enableWithdrawals"):
        if not isinstance(row.get(key), bool):
            raise InputError(f'"{key}" is neither true nor false')
    until = row.get("tradingAuthorityExpirationTime")
    # Whatever is not clearly off is on: a right may come to be told by more than true and false.
    beyond = {name for name, on in row.items() if name.startswith(_PREFIXES) and on not in (False, None)} - _READING
    return KeyRights(
        may_read=row["enableReading"] is True,
        may_trade=bool(beyond - _LEAVING),
        may_withdraw=bool(beyond & _LEAVING),
        is_bound_to_addresses=row.get("ipRestrict") is True,
        expires_at=instant_in(row, "tradingAuthorityExpirationTime") if until not in (None, "", 0) else None,
        beyond=tuple(sorted(beyond)),
        unknown=tuple(sorted(beyond - _KNOWN)),
    )
