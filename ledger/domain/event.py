"""What happened, in our words: the closed union `Event`.

An event is a fact told by a source. It knows nothing of bookkeeping, lots or law. Instants are UTC with microseconds;
`Amount`s are positive unless a field says otherwise.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from ledger.domain.amount import Amount
from ledger.domain.ids import AccountId, BotId, EventId, OrderId, SourceId, VenueName
from ledger.domain.values.quick import made_quickly


class Side(StrEnum):
    """Which way a fill went, from the account's own view."""

    BUY = "buy"
    SELL = "sell"


class SourceRank(IntEnum):
    """How far a source is believed when two tell of one event: the higher wins a field."""

    BOT_DATABASE = 10
    FILE_SUMMARY = 14  # an export of such a list: its times are cut to the second besides
    VENUE_SUMMARY = 15  # what a venue's lists of trades and transfers say, rounded, of what its own ledger books
    FILE = 20  # also a venue's own ledger as a file
    VENUE = 30


class IncomeKind(StrEnum):
    """Why units came in without being bought (tax-form categories hang on it)."""

    STAKING = "staking"
    AIRDROP = "airdrop"
    FORK = "fork"
    MINING = "mining"
    INTEREST = "interest"
    REWARD = "reward"
    REFERRAL = "referral"
    REBATE = "rebate"


class ChargeKind(StrEnum):
    """Why units left without being sold."""

    SPEND = "spend"
    FEE = "fee"
    GIFT_OUT = "gift_out"
    DONATION = "donation"
    LOST = "lost"


class OpeningKind(StrEnum):
    """Where units with a basis from elsewhere come from."""

    OPENING = "opening"
    GIFT_IN = "gift_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHead:
    """The fields that every event has.

    `sequence` is the venue's own order among events of one product at one instant, where it gives one. `order_id` is the
    venue's order, `client_order_id` the bot's name for it. `bot` is what the source or the connection says; it is an
    attribution, not a part of the fact. `provisional` marks a row that the venue may still change.
    """

    event_id: EventId
    source_id: SourceId
    venue: VenueName
    account: AccountId
    occurred_at: datetime
    rank: SourceRank
    sequence: int | None = None
    order_id: OrderId | None = None
    client_order_id: OrderId | None = None
    bot: BotId | None = None
    note: str | None = None
    provisional: bool = False


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(EventHead):
    """One execution of an order at one price.

    `base` was bought or sold, `quote` is what was paid or received for it before fees. `fee` is a further debit of the
    account; negative is a rebate; its asset may be the base, the quote or a third asset. Where both legs are zero, the venue has
    taken the fill back. `value` is the fair market value
    in the book's currency of what was RECEIVED, `fee_value` that of the fee's absolute amount; None: look the price up.
    `is_amendment`: a row told it that changes a fill or takes it back, and no row has told that fill.
    """

    side: Side
    base: Amount
    quote: Amount
    fee: Amount | None = None
    value: Decimal | None = None
    fee_value: Decimal | None = None
    is_amendment: bool = False

    @property
    def is_half(self) -> bool:
        """Whether only one leg has been told yet: the other, of zero units for now, stands in another history of the venue."""
        return self.provisional and (not self.base.quantity) != (not self.quote.quantity)

    @property
    def is_taken_back(self) -> bool:
        """Whether the venue has taken the fill back: nothing moved."""
        return not self.base.quantity and not self.quote.quantity

    @property
    def received(self) -> Amount:
        """What came in, before fees."""
        return self.base if self.side is Side.BUY else self.quote

    @property
    def given(self) -> Amount:
        """What went out, before fees."""
        return self.quote if self.side is Side.BUY else self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(EventHead):
    """Own assets on the way between own accounts; one side is None until the other half is known.

    `amount` is what ARRIVES (of a withdrawal: what was sent on); zero: it turned out that nothing moved. `fee` is a further debit
    of the sending account (of a lone deposit: of the receiving one), `fee_value` its fair market value. `chain_hash` and `address`
    help to pair halves. From an account to itself: it did not go through, and came back.
    """

    from_account: AccountId | None
    to_account: AccountId | None
    amount: Amount
    fee: Amount | None = None
    fee_value: Decimal | None = None
    chain_hash: str | None = None
    address: str | None = None

    @property
    def has_come_back(self) -> bool:
        """Whether it came back to the account that it left."""
        return self.from_account is not None and self.from_account == self.to_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Income(EventHead):
    """Units received for nothing given: `value` is their fair market value when control began; None: look it up.

    `controlled_at` is when their owner could first sell or move them, None: when they came.
    """

    kind: IncomeKind
    amount: Amount
    value: Decimal | None = None
    fee: Amount | None = None
    fee_value: Decimal | None = None
    controlled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(EventHead):
    """Units that left: spent, paid as a fee, given away, donated or lost; `value` is their fair market value then."""

    kind: ChargeKind
    amount: Amount
    value: Decimal | None = None
    fee: Amount | None = None
    fee_value: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(EventHead):
    """Units with a basis from outside the book: `cost_basis` in total, `acquired_at` or `acquired_day` the original acquisition.

    `cost_basis` None: not known, so the units have a missing basis. A source tells an instant or a whole day, and a day stays
    a day: when it begins is for the book's zone to say. Neither of the two: not known. `occurred_day` is the day of the opening
    where only that was told; `occurred_at` is then its start in the zone of the import, and serves to order events.
    `evidence` says what proves cost and date.
    """

    kind: OpeningKind
    amount: Amount
    cost_basis: Decimal | None
    acquired_at: datetime | None
    acquired_day: date | None = None
    occurred_day: date | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSnapshot(EventHead):
    """What a venue says an account holds of one asset at `occurred_at`; booked nowhere, compared with the book."""

    balance: Amount


Event = Fill | Transfer | Income | Charge | Opening | BalanceSnapshot
EVENT_TYPES: tuple[type[Event], ...] = (Fill, Transfer, Income, Charge, Opening, BalanceSnapshot)


def moment_of(event: Event) -> datetime:
    """Return the instant whose prices and day count: of income that of control (Rev. Rul. 2023-14), else when it happened."""
    return event.controlled_at or event.occurred_at if isinstance(event, Income) else event.occurred_at


def assets_of(event: Event) -> tuple[str, ...]:
    """Return the codes of all assets that an event moves, sorted, each once."""
    match event:
        case Fill(base=base, quote=quote, fee=fee):
            found = {base.asset, quote.asset} | ({fee.asset} if fee else set())
        case Transfer(amount=amount, fee=fee) | Income(amount=amount, fee=fee) | Charge(amount=amount, fee=fee):
            found = {amount.asset} | ({fee.asset} if fee else set())
        case Opening(amount=amount) | BalanceSnapshot(balance=amount):
            found = {amount.asset}
    return tuple(sorted(found))
