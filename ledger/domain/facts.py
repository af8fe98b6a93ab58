"""Tax-year facts: what a regime makes of disposals, and what reports are written from."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.election import Election
from ledger.domain.entry import JournalEntry
from ledger.domain.ids import AccountId, BotId, SourceId, WalletId
from ledger.domain.lot import Adjustment, Disposal, HoldingTerm
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
    """Units received as income on a day: `value` their fair market value, None when there is no price."""

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
    """What stands on the cover of every report."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletHolding:
    """What one wallet holds of one asset over all lots: `cost_basis` None when a price is missing in any of them."""

    wallet: WalletId
    asset: AssetCode
    quantity: Decimal
    cost_basis: Decimal | None
    quantity_missing_basis: Decimal
