"""What `lotwright.toml` says, as values; and which names and words may stand in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from ledger.domain.amount import AssetCode
from ledger.domain.election import PickOrder
from ledger.domain.errors import InputError, nearest
from ledger.domain.ids import IN_TRANSIT, AccountId, BotId, VenueName, WalletId
from ledger.domain.law.option import LawOption
from ledger.domain.price import USUAL_PRICES, PricePolicy
from ledger.domain.time.period import YearStart
from ledger.domain.transfers.pairing import USUAL_LIMITS, PairingLimits

SETTINGS_NAME = "lotwright.toml"
SHARE_DEFAULT = 0.5

_NAME_LENGTH_MAX = 64


class Custody(StrEnum):
    """Who holds the units of an account. An account without a connection is unhosted."""

    BROKER = "broker"
    UNHOSTED = "unhosted"


class MissingBasis(StrEnum):
    """What becomes of a gain on units whose basis nobody knows."""

    ZERO = "zero"  # they cost 0, and a finding says so
    STOP = "stop"  # no report shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """One API key at one venue. `name` is the account. `secrets` is a reference, never a value.

    `tier`, `symbols` and `options`: see `ConnectionTerms`. `forms` says which form on its sales the venue issued for a year, in the
    words of the book's regime. `custody` says who holds the units; `broker_method` is the only order of lots that a broker offers,
    None where it takes any.
    """

    name: AccountId
    venue: VenueName
    bot: BotId | None = None
    wallet: WalletId | None = None
    secrets: str | None = None
    share: float = SHARE_DEFAULT
    base_url: str | None = None
    tier: str = ""
    symbols: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[int, str] = field(default_factory=dict)
    custody: Custody = Custody.BROKER
    broker_method: PickOrder | None = None

    @property
    def pool(self) -> WalletId:
        """The wallet whose lots its account belongs to."""
        return self.wallet or WalletId(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRule:
    """Events to which all that is said applies are this bot's: account, shell patterns of the order's id and the bot's name for it."""

    name: BotId
    client_order_id: str | None = None
    order_id: str | None = None
    account: AccountId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSettings:
    """What `lotwright.toml` says. `database` is an absolute SQLAlchemy URL. `year_start` None: tax years begin as the regime has it.

    `law` holds options that only the regime knows, and it checks them. `transfers` says how far the halves of a transfer may differ.
    """

    folder: Path
    database: str
    currency: AssetCode
    time_zone: str = "UTC"
    regime: str = "us"
    method: str = "fifo"
    scope: str = "wallet"
    year_start: YearStart | None = None
    transfers: PairingLimits = USUAL_LIMITS
    connections: tuple[ConnectionSettings, ...] = ()
    bots: tuple[BotRule, ...] = ()
    prices: PricePolicy = USUAL_PRICES
    law: Mapping[str, LawOption] = field(default_factory=dict)
    missing_basis: MissingBasis = MissingBasis.ZERO

    @property
    def zone(self) -> ZoneInfo:
        """The book's time zone: tax dates are taken in it."""
        return ZoneInfo(self.time_zone)

    @property
    def wallets(self) -> dict[AccountId, WalletId]:
        """Which wallet pools the lots of which account."""
        return {one.name: one.wallet for one in self.connections if one.wallet is not None}

    @property
    def forms(self) -> dict[AccountId, Mapping[int, str]]:
        """Which form was issued on the sales of which account in which year; accounts without any are missing."""
        return {one.name: one.forms for one in self.connections if one.forms}

    @property
    def brokers(self) -> dict[WalletId, PickOrder | None]:
        """The wallets that a broker holds, with the one order of lots that it offers, None where it takes any."""
        return {one.pool: one.broker_method for one in self.connections if one.custody is Custody.BROKER}

    def connection(self, name: str) -> ConnectionSettings:
        """Return a connection by name.

        Raises:
            InputError: when there is none of that name.
        """
        for one in self.connections:
            if one.name == name:
                return one
        names = [str(one.name) for one in self.connections]
        raise InputError(
            f"no connection named {name!r} in {self.folder / SETTINGS_NAME}",
            mend=nearest(name, names) or "see `lotwright connect list`, or add one with `lotwright connect add`",
        )


def check_name(name: str, *, what: str) -> str:
    """Return a name of an account, a wallet or a bot when it is printable, at most 64 characters and without a colon.

    Raises:
        InputError: otherwise, and for the name that units on their way between wallets are kept under.
    """
    if name.startswith(IN_TRANSIT):
        raise InputError(f"{what} is {name!r}", mend="choose another name: this one is kept for units on their way between wallets")
    if not name or len(name) > _NAME_LENGTH_MAX or not name.isprintable() or ":" in name or name != name.strip():
        raise InputError(f"{what} is {name!r}", mend="use 1 to 64 printable characters without ':' and without space at the ends")
    return name
