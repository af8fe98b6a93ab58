"""Units and where they came from: movements of a pool, lots, and disposals matched with lots.

A `Movement` is what the law makes of one leg of an event; `Lot` and `Disposal` are what matching makes of a timeline
of movements. Costs and proceeds are totals in the book's currency, never unit prices.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import ZERO, AssetCode
from ledger.domain.ids import AccountId, BotId, DisposalId, EventId, LotId, OrderId, SourceId, WalletId
from ledger.domain.values.quick import made_quickly


class LotOrigin(StrEnum):
    """How units came to be owned."""

    PURCHASE = "purchase"
    EXCHANGE = "exchange"
    INCOME = "income"
    OPENING = "opening"
    GIFT = "gift"
    REBATE = "rebate"
    UNKNOWN = "unknown"  # arrived without a known acquisition (an unpaired deposit)
    POOL = "pool"  # an average over many acquisitions: the row names the first of them


class DepartureKind(StrEnum):
    """Why units leave a pool."""

    SALE = "sale"
    EXCHANGE = "exchange"
    SPENDING = "spending"
    FEE = "fee"
    WITHHELD = "withheld"  # fee units kept back from the units just received: matched with that very lot
    GIFT = "gift"
    DONATION = "donation"
    LOSS = "loss"
    CARRIED = "carried"  # the fee of a move between own wallets whose cost the units moved took over: no disposal


class Gap(StrEnum):
    """Why a figure is not known; also the code of the finding that says so."""

    MISSING_BASIS = "missing-basis"
    MISSING_PRICE = "missing-price"


class Caveat(StrEnum):
    """Why the match of a piece is not what somebody asked for, or may still change; also the code of the finding that says so."""

    ELECTION_LATE = "election-late"  # a selection for this sale was recorded after it: void for it
    ELECTION_NOT_OPEN = "election-lots-not-open"  # its lots were not open in the wallet, or had too few units: void for this sale
    ELECTION_SHORT = "election-short"  # the selection named fewer units than were sold: this piece is of the rest
    ELECTION_NOT_WITH_BROKER = "election-not-with-broker"  # a broker holds the wallet, and only our own books know of the choice
    ELECTION_BEFORE_ALLOCATION = "election-before-allocation"  # lots were selected while a global allocation was not complete: void
    POOL_INCOMPLETE = "pool-incomplete"  # units without price or basis stand beside the pool: its average will change


# Matches of rules that may use units acquired after the disposal; a pool may be averaged at the end of the year.
LOOKING_AHEAD = frozenset({"same-day", "30-day", "pool"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementHead:
    """What every movement carries. `quantity` is positive. `leg` numbers the movements of one event from 1.

    `order_id` is the venue's order behind the event, `client_order_id` the bot's name for it: a selection of lots may name either.

    The order at one instant is the venue's `sequence`, else the natural order of `source_id`, then `event_id`, then `leg`;
    a regime numbers what comes in before what goes out. See `ledger.lots.pools.timeline_order`.
    """

    event_id: EventId
    source_id: SourceId
    leg: int
    sequence: int | None
    occurred_at: datetime
    asset: AssetCode
    quantity: Decimal
    account: AccountId
    wallet: WalletId
    bot: BotId | None = None
    order_id: OrderId | None = None
    client_order_id: OrderId | None = None


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition(MovementHead):
    """Units that enter a pool.

    `cost_basis` is the total cost; None together with `gap` says why it is not known. `acquired_at` starts the holding
    period and gives the place in the queue: mostly `occurred_at`, earlier for openings and gifts.
    """

    cost_basis: Decimal | None
    acquired_at: datetime
    origin: LotOrigin
    gap: Gap | None = None


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(MovementHead):
    """Units that leave a pool, before lots are found for them; `proceeds` net of costs, None with `gap` when unknown.

    `proceeds` of a departure that is not taxable (gift, donation, loss) is zero. `selling_costs` is what was taken off to
    make `proceeds` net, for forms that ask for both; negative where a rebate was added.
    """

    kind: DepartureKind
    proceeds: Decimal | None
    selling_costs: Decimal = ZERO
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTransfer(MovementHead):
    """Units that move from `account` and `wallet` to another account or wallet of the same owner, lots and all.

    `spent` further units of the same asset went on the way, and the units moved take over their cost; `cost_added` is cost that the
    units moved take up besides, None where there is no price. Only a rule that picks lots knows these two.
    """

    to_account: AccountId
    to_wallet: WalletId
    spent: Decimal = ZERO
    cost_added: Decimal | None = ZERO


Movement = Acquisition | Departure | OwnTransfer


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What is left, in one wallet, of units acquired together.

    `quantity` and `cost_basis` are what the lot had when it came into this wallet, `quantity_open` and `cost_open` what
    is left. A transfer carries part of a lot into another wallet under the same `lot_id`: ids are unique per wallet
    and `part`, which counts arrivals of one lot in one wallet from 0. `gap` says why a basis is not known; `cost_basis`
    is then 0 for `MISSING_BASIS` and None for `MISSING_PRICE`. `serial` is the place of the acquisition among those of the asset;
    `rate_key` orders open lots by their exact cost per unit (see `ledger.lots.open_lots.rate_key`), None where used up or without price.
    `carried_by` is the event that carried the units into this wallet; None: they were acquired here.
    """

    lot_id: LotId
    part: int
    event_id: EventId
    source_id: SourceId
    asset: AssetCode
    account: AccountId
    wallet: WalletId
    acquired_at: datetime
    origin: LotOrigin
    quantity: Decimal
    cost_basis: Decimal | None
    quantity_open: Decimal
    cost_open: Decimal | None
    gap: Gap | None = None
    serial: int = 0
    rate_key: int | None = None
    carried_by: EventId | None = None


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Disposal:
    """One piece of a disposal: units of one departure matched with one lot, or with none (`lot_id` None).

    It has none where nobody knows how the units were acquired; a lot of which only the cost is not known stays named, dated
    and marked with its gap.

    `disposal_id` is shared by the pieces of one departure, `piece` numbers them from 1 in the order of matching.
    `matched_by` is the name of the order in which lots went, ``withheld``, ``selection:ID``, ``order:ID``, ``pool``, ``same-day``,
    ``30-day`` or ``missing``. `proceeds` or `cost_basis` None: no price, see `gap`. Units with a missing basis have cost 0.
    `acquired_at` is None where units have no date: of a pool, or not known. `selling_costs` as in `Departure`: this piece's share.
    `order_id` is the venue's order behind the departure.
    `provisional_until` is the last day on which something that happens can still change the match; None: it is final.
    """

    disposal_id: DisposalId
    piece: int
    event_id: EventId
    source_id: SourceId
    asset: AssetCode
    quantity: Decimal
    account: AccountId
    wallet: WalletId
    bot: BotId | None
    kind: DepartureKind
    acquired_at: datetime | None
    disposed_at: datetime
    proceeds: Decimal | None
    cost_basis: Decimal | None
    lot_id: LotId | None
    lot_source_id: SourceId | None
    matched_by: str
    gap: Gap | None = None
    selling_costs: Decimal = ZERO
    provisional_until: date | None = None
    caveat: Caveat | None = None
    order_id: OrderId | None = None


Outcome = Disposal | Lot  # what matching gives out


class HoldingTerm(StrEnum):
    """Short or long, as the form says; a regime without terms gives none."""

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Columns (f) and (g) of Form 8949: codes in alphabetical order without separator, and the signed amount."""

    codes: str
    amount: Decimal
