"""A loss that a wash-sale rule would put off: what was sold, what was bought instead, and what that lot would carry."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ledger.domain.ids import LotId, SourceId
from ledger.domain.lot import Disposal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredLoss:
    """The part of one loss that falls on one lot bought instead.

    `quantity` are the units of the sale that were replaced out of that lot; `deferred` (positive) is their part of the loss, which
    would be added to the basis of as many units there. `earlier` is how much of it was put off before and came with the units sold.
    `held_since` is when those units would count as acquired: earlier than `date_replaced` by the days that the units sold were held.
    """

    piece: Disposal
    date_disposed: date
    quantity: Decimal
    deferred: Decimal
    earlier: Decimal
    lot_id: LotId
    lot_source_id: SourceId
    date_replaced: date
    held_since: date
