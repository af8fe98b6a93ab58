"""Events of one account by short words, and what the United States make of them, as movements and as short lines."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.event import (
    Charge,
    ChargeKind,
    Event,
    Fill,
    Income,
    IncomeKind,
    Side,
    SourceRank,
    Transfer,
)
from ledger.domain.event_text import HeadFields
from ledger.domain.ids import AccountId, BotId, EventId, SourceId, VenueName, WalletId
from ledger.domain.lot import Acquisition, Departure, Movement, OwnTransfer
from ledger.domain.price import Worth
from ledger.ports import BookTerms
from ledger.tax.us import UnitedStates

US = UnitedStates()
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
MAIN = AccountId("main")
TERMS = BookTerms(currency=AssetCode("USD"), zone=ZoneInfo("UTC"), method="fifo", scope="wallet", wallets={MAIN: WalletId("coinbase")})
HEAD = HeadFields(
    event_id=EventId("0" * 32),
    source_id=SourceId("t1"),
    venue=VenueName("file"),
    account=MAIN,
    occurred_at=NOW,
    rank=SourceRank.FILE,
    sequence=7,
    order_id=None,
    client_order_id=None,
    bot=BotId("grid-1"),
    note=None,
    provisional=False,
)


def amount(text: str) -> Amount:
    quantity, asset = text.split()
    return Amount(quantity=Decimal(quantity), asset=AssetCode(asset))


def optional(text: str | None) -> Amount | None:
    return None if text is None else amount(text)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def buy(base: str, quote: str, fee: str | None = None, value: str | None = None, fee_value: str | None = None) -> Fill:
    return Fill(
        side=Side.BUY,
        base=amount(base),
        quote=amount(quote),
        fee=optional(fee),
        value=number(value),
        fee_value=number(fee_value),
        **HEAD,
    )


def sell(base: str, quote: str, fee: str | None = None, value: str | None = None, fee_value: str | None = None) -> Fill:
    return Fill(
        side=Side.SELL,
        base=amount(base),
        quote=amount(quote),
        fee=optional(fee),
        value=number(value),
        fee_value=number(fee_value),
        **HEAD,
    )


def charge(kind: ChargeKind, units: str, value: str | None = None, fee: str | None = None, fee_value: str | None = None) -> Charge:
    return Charge(kind=kind, amount=amount(units), value=number(value), fee=optional(fee), fee_value=number(fee_value), **HEAD)


def income(units: str, value: str | None = None, fee: str | None = None, fee_value: str | None = None) -> Income:
    return Income(
        kind=IncomeKind.STAKING, amount=amount(units), value=number(value), fee=optional(fee), fee_value=number(fee_value), **HEAD
    )


def transfer(sender: str | None, receiver: str | None, units: str, fee: str | None = None, fee_value: str | None = None) -> Transfer:
    return Transfer(
        from_account=None if sender is None else AccountId(sender),
        to_account=None if receiver is None else AccountId(receiver),
        amount=amount(units),
        fee=optional(fee),
        fee_value=number(fee_value),
        **HEAD,
    )


def movements(event: Event, worth: Worth | None = None) -> tuple[Movement, ...]:
    return US.movements(event, worth or Worth(), TERMS)


Line = tuple[str, str, str, str | None]  # what it is, asset, quantity, cost or proceeds


def lines(event: Event, worth: Worth | None = None) -> list[Line]:
    """Write movements as short lines: ``purchase`` and the like for what comes in, ``sale`` and the like for what leaves."""
    return [_line(movement) for movement in movements(event, worth)]


def _line(movement: Movement) -> Line:
    def text(figure: Decimal | None) -> str | None:
        return None if figure is None else format(figure.normalize(), "f")

    quantity = format(movement.quantity.normalize(), "f")
    match movement:
        case Acquisition():
            return f"+{movement.origin}", movement.asset, quantity, text(movement.cost_basis)
        case Departure():
            return f"-{movement.kind}", movement.asset, quantity, text(movement.proceeds)
        case OwnTransfer():
            return f">{movement.to_wallet}", movement.asset, quantity, None
