"""What a broker's statement says of sales: rows of Forms 1099-DA and 1099-B, kept as told and compared with the books."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AccountId, SourceId, StatementRowId
from ledger.domain.lot import Adjustment, HoldingTerm


class BrokerForm(StrEnum):
    """Which form a broker issued on a sale, and whether it reported the basis to the authority."""

    DIGITAL = "1099-da"
    DIGITAL_BASIS = "1099-da-basis"
    SECURITIES = "1099-b"
    SECURITIES_BASIS = "1099-b-basis"

    @property
    def basis_reported(self) -> bool:
        """Tell whether the authority has the basis too."""
        return self in (BrokerForm.DIGITAL_BASIS, BrokerForm.SECURITIES_BASIS)

    @property
    def first_year(self) -> int:
        """The first year of which there are such forms; of securities it is before any book."""
        return 2025 if self in (BrokerForm.DIGITAL, BrokerForm.DIGITAL_BASIS) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One row of a broker's statement on an account's sales of a tax year.

    `issued` tells a corrected statement from the one before it: of one account and year the last issued counts, as a whole.
    `cost_basis`, `term`, `date_acquired` and `sale` (the id of the sale) are None where the row is silent. `code` is empty, or a
    letter that no comparison of figures can find: L, O or W; `adjustment` is its amount, signed as on the official form, None for
    the whole loss.
    """

    row_id: StatementRowId
    account: AccountId
    year: int
    form: BrokerForm
    asset: AssetCode
    quantity: Decimal
    date_acquired: date | None
    date_sold: date
    proceeds: Decimal
    cost_basis: Decimal | None
    term: HoldingTerm | None
    sale: SourceId | None
    code: str
    adjustment: Decimal | None
    issued: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The share of a statement that falls on one disposal piece: of proceeds, basis and adjustment; None where it is silent.

    `lots_differ`: it parts what was sold into other lots than the book, so that the basis that it tells is nobody's in particular.
    """

    form: BrokerForm
    proceeds: Decimal
    cost_basis: Decimal | None
    term: HoldingTerm | None
    code: str
    adjustment: Decimal | None
    date_acquired: date | None = None
    lots_differ: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AsReported:
    """The figures of a disposal piece as the official form has them: gain = proceeds - cost_basis + adjustment."""

    proceeds: Decimal | None
    cost_basis: Decimal | None
    adjustment: Adjustment | None
