"""What each kind of event does to the pools: which units come in at what cost, which leave for what, which move house.

Shared by the regimes that treat an exchange as one disposal and one purchase at one value. Government money has no lots
and gives no movements. Legs are numbered from 1, what comes in before what goes out.
"""

from collections.abc import Callable
from datetime import datetime, tzinfo
from decimal import Decimal

from ledger.domain.amount import EXACT, ZERO, Amount, AssetCode, is_fiat
from ledger.domain.errors import UnsupportedCase
from ledger.domain.event import BalanceSnapshot, Charge, Event, Fill, Income, IncomeKind, Opening, OpeningKind, Transfer
from ledger.domain.ids import IN_TRANSIT, AccountId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Gap, LotOrigin, Movement, OwnTransfer
from ledger.domain.price import Worth
from ledger.domain.time.period import start_of_day
from ledger.ports import BookTerms
from ledger.tax.fees import FeeLeg, FeePlace, fee_leg, units_in, units_out
from ledger.tax.treatment import DEPARTURE_BY_CHARGE, USUAL, TransferFee, Treatment
from ledger.tax.worths import less, plus, told_or_priced, value_of_amount, value_of_fill

ACCOUNT_IN_TRANSIT = AccountId(IN_TRANSIT)

_OPENING_ORIGINS = {OpeningKind.OPENING: LotOrigin.OPENING, OpeningKind.GIFT_IN: LotOrigin.GIFT}


def movements_of(event: Event, worth: Worth, terms: BookTerms, treatment: Treatment = USUAL) -> tuple[Movement, ...]:
    """Return the movements of an event, of all its assets; none for money alone and for balance snapshots.

    `treatment` is the law's. A figure of `worth` counts only where the event does not tell it itself.

    Raises:
        UnsupportedCase: see `ledger.tax.fees.units_out`.
    """
    legs = _Legs(event, terms, treatment)
    _RULES[type(event)](event, worth, legs)
    return tuple(legs.written)


class _Legs:
    """The movements of one event while they are written: numbers them, fills in the wallet, leaves out money and nothings."""

    __slots__ = ("_event", "_terms", "currency", "treatment", "written", "zone")

    def __init__(self, event: Event, terms: BookTerms, treatment: Treatment) -> None:
        self._event = event
        self._terms = terms
        self.currency = terms.currency
        self.zone = terms.zone
        self.treatment = treatment
        self.written: list[Movement] = []

    def acquire(
        self,
        asset: AssetCode,
        quantity: Decimal,
        *,
        cost: Decimal | None,
        origin: LotOrigin,
        account: AccountId | None = None,
        acquired_at: datetime | None = None,
        gap: Gap | None = None,
    ) -> None:
        """Write units that come in; without a cost they have a missing price."""
        if is_fiat(asset) or not quantity:
            return
        event, account = self._event, account or self._event.account
        self.written.append(
            Acquisition(
                event_id=event.event_id,
                source_id=event.source_id,
                leg=len(self.written) + 1,
                sequence=event.sequence,
                occurred_at=event.occurred_at,
                asset=asset,
                quantity=quantity,
                account=account,
                wallet=self._terms.wallet_of(account),
                bot=event.bot,
                order_id=event.order_id,
                client_order_id=event.client_order_id,
                cost_basis=cost,
                acquired_at=acquired_at or event.occurred_at,
                origin=origin,
                gap=Gap.MISSING_PRICE if cost is None else gap,
            ),
        )

    def depart(
        self,
        asset: AssetCode,
        quantity: Decimal,
        *,
        kind: DepartureKind,
        proceeds: Decimal | None,
        selling_costs: Decimal | None = ZERO,
        account: AccountId | None = None,
    ) -> None:
        """Write units that leave; without proceeds they have a missing price. `selling_costs` were taken off these."""
        if is_fiat(asset) or not quantity:
            return
        event, account = self._event, account or self._event.account
        self.written.append(
            Departure(
                event_id=event.event_id,
                source_id=event.source_id,
                leg=len(self.written) + 1,
                sequence=event.sequence,
                occurred_at=event.occurred_at,
                asset=asset,
                quantity=quantity,
                account=account,
                wallet=self._terms.wallet_of(account),
                bot=event.bot,
                order_id=event.order_id,
                client_order_id=event.client_order_id,
                kind=kind,
                proceeds=proceeds,
                selling_costs=ZERO if proceeds is None or selling_costs is None else selling_costs,
                gap=Gap.MISSING_PRICE if proceeds is None else None,
            ),
        )

    def carry(self, amount: Amount, *, sender: AccountId, receiver: AccountId | None, spent: Decimal, cost_added: Decimal | None) -> None:
        """Write units that move to another account of the owner, or into transit where the other half is not known."""
        if is_fiat(amount.asset) or not amount.quantity:
            return
        event, terms = self._event, self._terms
        self.written.append(
            OwnTransfer(
                event_id=event.event_id,
                source_id=event.source_id,
                leg=len(self.written) + 1,
                sequence=event.sequence,
                occurred_at=event.occurred_at,
                asset=amount.asset,
                quantity=amount.quantity,
                account=sender,
                wallet=terms.wallet_of(sender),
                bot=event.bot,
                order_id=event.order_id,
                client_order_id=event.client_order_id,
                to_account=ACCOUNT_IN_TRANSIT if receiver is None else receiver,
                to_wallet=IN_TRANSIT if receiver is None else terms.wallet_of(receiver),
                spent=spent,
                cost_added=cost_added,
            ),
        )

    def receive_rebate(self, fee: FeeLeg | None, account: AccountId | None = None) -> None:
        """Write a rebate in a third asset: income at its value, and a lot at that cost. DECISIONS: rebate-third-asset."""
        if fee is not None and fee.place is FeePlace.THIRD and fee.is_rebate:
            quantity, cost = EXACT.minus(fee.amount.quantity), None if fee.worth is None else EXACT.minus(fee.worth)
            self.acquire(fee.amount.asset, quantity, cost=cost, origin=LotOrigin.REBATE, account=account)

    def pay_fee(self, fee: FeeLeg | None, account: AccountId | None = None) -> None:
        """Write the units of a fee that are a disposal of their own: a third asset's, or those withheld from the received."""
        if fee is None or fee.is_rebate:
            return
        kind = DepartureKind.FEE if fee.is_apart else _FEE_DEPARTURES.get(fee.place)
        if kind is not None:
            self.depart(fee.amount.asset, fee.amount.quantity, kind=kind, proceeds=fee.worth, account=account)


_FEE_DEPARTURES = {FeePlace.THIRD: DepartureKind.FEE, FeePlace.RECEIVED: DepartureKind.WITHHELD}


# --- one rule a kind -------------------------------------------------------------------------------------------------


def _fill(event: Fill, worth: Worth, legs: _Legs) -> None:
    if event.is_half:
        raise UnsupportedCase(
            "only one of its two legs has been told",
            mend="sync again; if the venue never tells the other leg, import its export file for that day",
        )
    received, given = event.received, event.given
    value = value_of_fill(event, worth, legs.currency)
    fee = fee_leg(
        event.fee,
        received=received,
        given=given,
        value=value,
        fee_value=told_or_priced(event.fee_value, worth.fee),
        currency=legs.currency,
        given_apart=legs.treatment.fee_given_apart,
    )
    bought = is_fiat(given.asset)
    cost = _cost_bought(value, fee) if bought else _cost_exchanged(value, fee)
    origin = LotOrigin.PURCHASE if bought else LotOrigin.EXCHANGE
    legs.acquire(received.asset, units_in(received, fee), cost=cost, origin=origin)
    legs.receive_rebate(fee)
    kind = DepartureKind.SALE if is_fiat(received.asset) else DepartureKind.EXCHANGE
    if not bought:
        legs.depart(given.asset, units_out(given, fee), kind=kind, proceeds=_net_proceeds(value, fee), selling_costs=_selling_costs(fee))
    legs.pay_fee(fee)


def _cost_bought(value: Decimal | None, fee: FeeLeg | None) -> Decimal | None:
    """Cost of units bought for money: price and fee. A rebate in the units themselves is more units for the same money."""
    if fee is None or (fee.place is FeePlace.RECEIVED and fee.is_rebate):
        return value
    return plus(value, fee.charged)


def _cost_exchanged(value: Decimal | None, fee: FeeLeg | None) -> Decimal | None:
    """Cost of units received for other units: their value, whatever the fee, which belongs to the units given up."""
    if fee is not None and fee.place is FeePlace.RECEIVED and fee.is_rebate:
        return less(value, fee.worth)
    return value


def _net_proceeds(value: Decimal | None, fee: FeeLeg | None) -> Decimal | None:
    return value if fee is None else less(value, fee.charged)


def _selling_costs(fee: FeeLeg | None) -> Decimal | None:
    return ZERO if fee is None else fee.charged


def _income(event: Income, worth: Worth, legs: _Legs) -> None:
    amount = event.amount
    value = value_of_amount(amount, event, worth, legs.currency)
    fee = fee_leg(
        event.fee,
        received=amount,
        given=None,
        value=value,
        fee_value=told_or_priced(event.fee_value, worth.fee),
        currency=legs.currency,
    )
    origin = LotOrigin.REBATE if event.kind is IncomeKind.REBATE else LotOrigin.INCOME
    legs.acquire(amount.asset, units_in(amount, fee), cost=_cost_exchanged(value, fee), origin=origin, acquired_at=event.controlled_at)
    legs.receive_rebate(fee)
    legs.pay_fee(fee)


def _charge(event: Charge, worth: Worth, legs: _Legs) -> None:
    amount, kind = event.amount, DEPARTURE_BY_CHARGE[event.kind]
    untaxed = event.kind in legs.treatment.untaxed
    value = value_of_amount(amount, event, worth, legs.currency)
    fee = fee_leg(
        event.fee,
        received=None,
        given=None if untaxed else amount,
        value=value,
        fee_value=told_or_priced(event.fee_value, worth.fee),
        currency=legs.currency,
        given_apart=legs.treatment.fee_given_apart,
    )
    proceeds, costs = (ZERO, ZERO) if untaxed else (_net_proceeds(value, fee), _selling_costs(fee))
    legs.receive_rebate(fee)
    legs.depart(amount.asset, units_out(amount, fee), kind=kind, proceeds=proceeds, selling_costs=costs)
    legs.pay_fee(fee)


def _transfer(event: Transfer, worth: Worth, legs: _Legs) -> None:
    amount, sender, receiver = event.amount, event.from_account, event.to_account
    payer = sender or receiver
    assert payer is not None, event
    fee_value = told_or_priced(event.fee_value, worth.fee)
    fee = fee_leg(event.fee, received=None, given=None, value=None, fee_value=fee_value, currency=legs.currency)
    if sender is None:
        unknown, no_basis = LotOrigin.UNKNOWN, Gap.MISSING_BASIS
        legs.acquire(amount.asset, amount.quantity, cost=ZERO, origin=unknown, account=receiver, gap=no_basis)
    legs.receive_rebate(fee, payer)
    if sender is not None:
        spent = _spent_on_the_way(amount, fee, legs)
        legs.carry(amount, sender=sender, receiver=receiver, spent=spent, cost_added=_cost_of_moving(fee, legs))
        if spent:
            return
    legs.pay_fee(fee, payer)


def _spent_on_the_way(amount: Amount, fee: FeeLeg | None, legs: _Legs) -> Decimal:
    """Return the units of a fee that is no disposal: of the asset moved, where the policy says so. DECISIONS: us-transfer-fee-policy."""
    ignored = legs.treatment.transfer_fee is TransferFee.IGNORE and fee is not None and not fee.is_rebate
    return fee.amount.quantity if ignored and fee is not None and fee.amount.asset == amount.asset and not is_fiat(amount.asset) else ZERO


def _cost_of_moving(fee: FeeLeg | None, legs: _Legs) -> Decimal | None:
    """Return the value of a fee that adds to the cost of the units moved; None where it has no price."""
    added = legs.treatment.transfer_fee is TransferFee.BASIS and fee is not None and not fee.is_rebate
    return fee.worth if added and fee is not None else ZERO


def _opening(event: Opening, _: Worth, legs: _Legs) -> None:
    known = event.cost_basis is not None
    legs.acquire(
        event.amount.asset,
        event.amount.quantity,
        cost=event.cost_basis if known else ZERO,
        origin=_OPENING_ORIGINS[event.kind],
        acquired_at=_acquired_at(event, legs.zone),
        gap=None if known else Gap.MISSING_BASIS,
    )


def _acquired_at(event: Opening, zone: tzinfo) -> datetime | None:
    """Return what starts the holding period: as told, else the day of the opening; None: its instant. DECISIONS: bare-day."""
    day = event.acquired_day or event.occurred_day
    return event.acquired_at if event.acquired_at is not None or day is None else start_of_day(day, zone)


def _snapshot(_event: BalanceSnapshot, _worth: Worth, _legs: _Legs) -> None:
    """Write nothing: a balance moves nothing."""


_RULES: dict[type, Callable[..., None]] = {
    Fill: _fill,
    Transfer: _transfer,
    Income: _income,
    Charge: _charge,
    Opening: _opening,
    BalanceSnapshot: _snapshot,
}
