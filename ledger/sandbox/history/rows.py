"""What happened in the sandbox's one account, in words that belong to no venue.

Every dialect serves these rows in its own spelling, and `truth` reckons with them. Instants are UTC with microseconds;
amounts are in the asset's own unit.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import AssetCode, multiplied
from ledger.domain.event import Side

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_of(microseconds: int) -> datetime:
    """Return the instant that lies so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(instant: datetime) -> int:
    """Return the microseconds since 1970, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant_text(instant: datetime) -> str:
    """Write an instant with all six decimals: ``2024-06-03T14:22:31.418273Z``."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06d}Z"


class LedgerKind(StrEnum):
    """Why a balance changed."""

    TRANSFER = "transfer"
    MATCH = "match"
    FEE = "fee"
    REBATE = "rebate"


class TransferKind(StrEnum):
    """Which way a transfer went."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFill:
    """One execution. `trade_id` is unique in its product, but for a self-trade, whose two rows share it.

    `fee` is in units of `money` and negative for a rebate. `money` is the asset that pays: the product's quote, or the
    asset that funds the order in its place.
    """

    trade_id: int
    product: str
    order_id: str
    client_order_id: str
    bot: str
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    money: AssetCode
    is_maker: bool
    occurred_at: datetime

    @property
    def money_amount(self) -> Decimal:
        """Return what was paid or received before fees, positive."""
        return multiplied(self.size, self.price)

    @property
    def base(self) -> AssetCode:
        """Return the asset that was bought or sold."""
        return AssetCode(self.product.rsplit("-", 1)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOrder:
    """One order, completely filled. `limit_price` is None for a market order; `executed_value` is before fees."""

    order_id: str
    client_order_id: str
    bot: str
    product: str
    side: Side
    is_maker: bool
    money: AssetCode
    limit_price: Decimal | None
    size: Decimal
    executed_value: Decimal
    fees: Decimal
    created_at: datetime
    done_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxTransfer:
    """Money or coins that came in or left. `amount` is positive and, for a withdrawal, includes the network `fee`.

    A deposit moves the balance at `completed_at`, a withdrawal at `created_at`; one with `canceled_at` never does.
    """

    transfer_id: str
    kind: TransferKind
    asset: AssetCode
    amount: Decimal
    fee: Decimal
    created_at: datetime
    completed_at: datetime | None
    canceled_at: datetime | None
    network: str
    address: str
    chain_hash: str

    @property
    def moved_at(self) -> datetime | None:
        """Return when the balance moved, or None when it never did."""
        if self.canceled_at is not None:
            return None
        return self.completed_at if self.kind is TransferKind.DEPOSIT else self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One change of one balance: `amount` signed, `balance` after it; `row_id` rises over all assets.

    A row of a fill names order, product and trade; a row of a transfer names the transfer.
    """

    row_id: int
    asset: AssetCode
    kind: LedgerKind
    amount: Decimal
    balance: Decimal
    occurred_at: datetime
    order_id: str | None = None
    product: str | None = None
    trade_id: int | None = None
    transfer_id: str | None = None
    transfer_kind: TransferKind | None = None
