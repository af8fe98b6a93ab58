"""Movements of one asset by short words: what came in, what left, what moved house; days are counted from the start of 2025."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AccountId, BotId, EventId, LotId, OrderId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Gap, LotOrigin, OwnTransfer

START = datetime(2025, 1, 1, tzinfo=UTC)
BTC = AssetCode("BTC")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def event_of(name: str) -> EventId:
    return EventId(f"{name:0>16}")


def lot_named(name: str, leg: int = 1) -> LotId:
    return LotId(f"L-{event_of(name)}-{leg}")


def got(
    name: str,
    on: int,
    units: str,
    cost: str | None,
    *,
    wallet: str = "w",
    account: str | None = None,
    gap: Gap | None = None,
    origin: LotOrigin = LotOrigin.PURCHASE,
    asset: AssetCode = BTC,
) -> Acquisition:
    """Return units that came in; `cost` None: without a price. An account is named like its wallet, unless told."""
    return Acquisition(
        event_id=event_of(name),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=day(on),
        asset=asset,
        quantity=Decimal(units),
        account=AccountId(account or wallet),
        wallet=WalletId(wallet),
        cost_basis=None if cost is None else Decimal(cost),
        acquired_at=day(on),
        origin=origin,
        gap=Gap.MISSING_PRICE if cost is None else gap,
    )


def without_basis(name: str, on: int, units: str, *, wallet: str = "w") -> Acquisition:
    """Return an opening of which nobody knows the cost."""
    return got(name, on, units, "0", wallet=wallet, gap=Gap.MISSING_BASIS, origin=LotOrigin.OPENING)


def left(
    name: str,
    on: int,
    units: str,
    proceeds: str | None = "0",
    *,
    wallet: str = "w",
    account: str | None = None,
    kind: DepartureKind = DepartureKind.SALE,
    costs: str = "0",
    bot: str | None = None,
    order: str | None = None,
    asset: AssetCode = BTC,
) -> Departure:
    """Return units that left."""
    return Departure(
        event_id=event_of(name),
        source_id=SourceId(name),
        leg=2,
        sequence=None,
        occurred_at=day(on),
        asset=asset,
        quantity=Decimal(units),
        account=AccountId(account or wallet),
        wallet=WalletId(wallet),
        bot=None if bot is None else BotId(bot),
        order_id=None if order is None else OrderId(order),
        kind=kind,
        proceeds=None if proceeds is None else Decimal(proceeds),
        selling_costs=Decimal(costs),
        gap=Gap.MISSING_PRICE if proceeds is None else None,
    )


def moved(name: str, on: int, units: str, sender: str, receiver: str) -> OwnTransfer:
    """Return units that moved between places, each a wallet or ``wallet/account``."""
    (wallet, account), (to_wallet, to_account) = _place(sender), _place(receiver)
    return OwnTransfer(
        event_id=event_of(name),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=day(on),
        asset=BTC,
        quantity=Decimal(units),
        account=account,
        wallet=wallet,
        to_account=to_account,
        to_wallet=to_wallet,
    )


def _place(text: str) -> tuple[WalletId, AccountId]:
    wallet, _, account = text.partition("/")
    return WalletId(wallet), AccountId(account or wallet)
