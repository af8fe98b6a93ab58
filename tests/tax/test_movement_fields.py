"""Every field of the movements that events become."""

from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.event import (
    Charge,
    ChargeKind,
    Income,
    IncomeKind,
    Transfer,
)
from ledger.domain.event_text import HeadFields
from ledger.domain.ids import AccountId, BotId, EventId, OrderId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Gap, LotOrigin, OwnTransfer

from .conftest import HEAD, MAIN, NOW, amount, movements, transfer

NAMED = HeadFields(**{**HEAD, "order_id": OrderId("O-1"), "client_order_id": OrderId("bot-1")})  # type: ignore[typeddict-item]  # as above


def test_an_acquisition_tells_its_event_in_full() -> None:
    (movement,) = movements(Income(kind=IncomeKind.STAKING, amount=amount("2 ETH"), value=Decimal(5), **NAMED))
    assert movement == Acquisition(
        event_id=EventId("0" * 32),
        source_id=SourceId("t1"),
        leg=1,
        sequence=7,
        occurred_at=NOW,
        asset=AssetCode("ETH"),
        quantity=Decimal(2),
        account=MAIN,
        wallet=WalletId("coinbase"),
        bot=BotId("grid-1"),
        order_id=OrderId("O-1"),
        client_order_id=OrderId("bot-1"),
        cost_basis=Decimal(5),
        acquired_at=NOW,
        origin=LotOrigin.INCOME,
        gap=None,
    )


def test_a_departure_tells_its_event_in_full() -> None:
    spent = Charge(kind=ChargeKind.SPEND, amount=amount("2 ETH"), value=Decimal(5), fee=amount("1 USD"), fee_value=None, **NAMED)
    (movement,) = movements(spent)
    assert movement == Departure(
        event_id=EventId("0" * 32),
        source_id=SourceId("t1"),
        leg=1,
        sequence=7,
        occurred_at=NOW,
        asset=AssetCode("ETH"),
        quantity=Decimal(2),
        account=MAIN,
        wallet=WalletId("coinbase"),
        bot=BotId("grid-1"),
        order_id=OrderId("O-1"),
        client_order_id=OrderId("bot-1"),
        kind=DepartureKind.SPENDING,
        proceeds=Decimal(4),
        selling_costs=Decimal(1),
        gap=None,
    )


def test_a_transfer_tells_its_event_and_both_places_in_full() -> None:
    sent = Transfer(
        from_account=AccountId("vault"), to_account=MAIN, amount=amount("2 ETH"), fee=amount("1 ETH"), fee_value=Decimal(9), **NAMED
    )
    carried, fee = movements(sent)
    assert carried == OwnTransfer(
        event_id=EventId("0" * 32),
        source_id=SourceId("t1"),
        leg=1,
        sequence=7,
        occurred_at=NOW,
        asset=AssetCode("ETH"),
        quantity=Decimal(2),
        account=AccountId("vault"),
        wallet=WalletId("vault"),
        bot=BotId("grid-1"),
        order_id=OrderId("O-1"),
        client_order_id=OrderId("bot-1"),
        to_account=MAIN,
        to_wallet=WalletId("coinbase"),
    )
    assert (fee.account, fee.wallet, fee.leg) == ("vault", "vault", 2)  # the sender pays


def test_what_arrives_from_nowhere_arrives_where_it_was_received_and_the_receiver_pays() -> None:
    arrived, fee = movements(transfer(None, "vault", "2 ETH", "1 ETH", "5"))
    assert isinstance(arrived, Acquisition)
    assert (arrived.account, arrived.gap, arrived.cost_basis) == ("vault", Gap.MISSING_BASIS, Decimal(0))
    assert (fee.account, fee.quantity) == ("vault", Decimal(1))
    rebate, _ = movements(transfer("vault", "main", "2 ETH", "-1 BNB", "3"))
    assert (rebate.account, rebate.leg) == ("vault", 1)
