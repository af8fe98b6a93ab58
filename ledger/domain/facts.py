"""Tax-year facts: what a regime makes of disposals, and what reports are written from."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.election import Election
from ledger.domain.entry import JournalEntry
from ledger.domain.ids import AccountId, BotId, SourceId, WalletId
from ledger.domain.lot import Adjustment, Disposal, HoldingTerm, Lot
from ledger.domain.price import Valuation
from ledger.domain.values.quick import made_quickly


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class GainRow:
    """One disposal piece with what the law says of it.

    Dates are in the book's zone. `gain = proceeds - cost_basis + adjustment`; None where proceeds or basis are not known
    (no price). `year` is the tax year of the disposal, by the year in which it begins. `finding` is a finding's code, or empty.
    """

    disposal: Disposal
    date_acquired: date | None
    date_disposed: date
    year: int
    term: HoldingTerm | None
    box: str
    adjustment: Adjustment | None
    gain: Decimal | None
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRow:
    """Units received as income: `value` their fair market value, None when there is no price.

    `occurred_at` is when they came, `day` the day from which on their owner had control of them, in the book's zone. `line` is the
    line of the return, empty where the law names none.
    """

    source_id: SourceId
    occurred_at: datetime
    day: date
    year: int
    kind: str
    asset: AssetCode
    quantity: Decimal
    account: AccountId
    bot: BotId | None
    value: Decimal | None
    finding: str
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionRow:
    """An election, and the disposal pieces whose lots it picked, by time."""

    election: Election
    decided: tuple[Disposal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationRow:
    """What an event needed a price for (`role` ``value`` or ``fee``), and the valuation; None: the book has no price."""

    source_id: SourceId
    occurred_at: datetime
    account: AccountId
    bot: BotId | None
    role: str
    asset: AssetCode
    quantity: Decimal
    valuation: Valuation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A journal entry with what its event says: `source_id` and `kind` for the reader, `note` as the source has it."""

    entry: JournalEntry
    source_id: SourceId
    kind: str
    account: AccountId
    bot: BotId | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """The balance of one ledger account in one asset; debit positive."""

    account: str
    asset: AssetCode
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BotActivity:
    """What a bot did with an asset in a month (``2025-03``, in the book's zone), in the period asked for.

    `volumes` are what its fills paid or received before fees, by quote asset; `fees` what they cost, by fee asset (rebates negative).
    """

    bot: BotId | None
    asset: AssetCode
    month: str
    fills: int
    volumes: tuple[tuple[AssetCode, Decimal], ...]
    fees: tuple[tuple[AssetCode, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotResult:
    """A bot's own result with an asset in a month, as if it had a wallet of its own, first in, first out, before adjustments.

    `gain` is of the units that it had bought; `quantity_not_bought`, sold for `proceeds_not_bought`, came from elsewhere and stand in
    no own result. `without_price` counts departures whose result is not known.
    """

    bot: BotId | None
    asset: AssetCode
    month: str
    gain: Decimal
    without_price: int
    quantity_not_bought: Decimal
    proceeds_not_bought: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCount:
    """How many findings of one code and severity the book has."""

    code: str
    severity: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCover:
    """What stands on the cover of every report. `figures` says which of a closed year's figures they are; empty where none is closed."""

    book: str
    currency: AssetCode
    time_zone: str
    regime: str
    method: str
    scope: str
    period: str
    filters: str
    version: str
    findings: tuple[FindingCount, ...]
    unverified: tuple[str, ...] = ()  # accounts whose history nobody vouches for
    figures: str = ""
    prices: str = ""  # the policy by which quotes count, in words
    usual_prices: bool = True  # whether that policy is the one without any setting
    coverage: str = ""  # up to when all was pulled, or how many holes are known; empty: nothing was pulled
    gone: tuple[str, ...] = ()  # months that venues no longer give, by stream, with the export file that would fill them


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletHolding:
    """What one wallet holds of one asset over all lots: `cost_basis` None when a price is missing in any of them."""

    wallet: WalletId
    asset: AssetCode
    quantity: Decimal
    cost_basis: Decimal | None
    quantity_missing_basis: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FillActivity:
    """Fills of a day (in the book's zone) alike in bot, account, base asset and all assets that they move (`assets`, sorted).

    `volumes` are by quote asset, `fees` by fee asset (rebates negative), as in `BotActivity`.
    """

    bot: BotId | None
    account: AccountId
    assets: tuple[AssetCode, ...]
    asset: AssetCode
    day: date
    fills: int
    volumes: tuple[tuple[AssetCode, Decimal], ...]
    fees: tuple[tuple[AssetCode, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnResult:
    """A bot's own result with an asset in an account on a day (in the book's zone); figures as in `BotResult`."""

    bot: BotId | None
    account: AccountId
    asset: AssetCode
    day: date
    gain: Decimal
    without_price: int
    quantity_not_bought: Decimal
    proceeds_not_bought: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class YearTotal:
    """The sum of a closed year's gain rows of one term and box; what is not known of a row counts as 0."""

    term: HoldingTerm | None
    box: str
    disposals: int
    proceeds: Decimal
    cost_basis: Decimal
    adjustment: Decimal
    gain: Decimal


# --- which parts of a row are figures of a return: two rows that agree in these say the same ---------------------------------------

Figures = tuple[str | int | Decimal | date | datetime | None, ...]


def gain_figures(row: GainRow) -> Figures:
    """Return what a disposal piece says in a return: which units, when, by which lot, and all amounts with term and box."""
    piece, adjustment = row.disposal, row.adjustment
    return (
        piece.disposal_id,
        piece.lot_id,
        piece.asset,
        piece.quantity,
        piece.disposed_at,
        row.date_acquired,
        row.date_disposed,
        piece.proceeds,
        piece.cost_basis,
        adjustment.codes if adjustment else None,
        adjustment.amount if adjustment else None,
        row.gain,
        row.term,
        row.box,
    )


def income_figures(row: IncomeRow) -> Figures:
    """Return what a receipt says in a return."""
    return row.source_id, row.occurred_at, row.day, row.kind, row.asset, row.quantity, row.value


def lot_figures(lot: Lot) -> Figures:
    """Return what an open lot carries into the next year."""
    return lot.asset, lot.wallet, lot.acquired_at, lot.lot_id, lot.part, lot.quantity_open, lot.cost_open
