"""The exit of every matching rule: units taken from somewhere become the pieces of a disposal.

Proceeds and selling costs of a departure are split over its pieces by cumulative floors: the parts add up exactly.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import count, repeat
from typing import Protocol

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.ids import DisposalId, LotId, SourceId, disposal_id
from ledger.domain.lot import Caveat, Departure, Disposal, Gap, Lot
from ledger.domain.values.quick import made_in_order
from ledger.lots.open_lots import OpenLot

MISSING = "missing"
_made = made_in_order(Disposal)  # a million pass here too


class Origin(Protocol):
    """What units can be taken from: a lot, a pool, the acquisitions of a day.

    `lot_id` is the id under which it stands among the lots; `source_id` the source's id of the acquiring event and `acquired_at`
    its instant, None where there is not one; `gap` says why the basis is not known. Of what `is_unknown` nobody told how it came to
    be owned: it is the same as nothing.
    """

    lot_id: LotId
    source_id: SourceId | None
    acquired_at: datetime | None
    gap: Gap | None
    is_unknown: bool


# What they were taken from (None: from nothing), units, cost (None: no price), matched by, caveat, provisional until.
# A plain tuple, because a million of them pass.
Piece = tuple[Origin | None, int, int | None, str, Caveat | None, date | None]


def disposals_of(movement: Departure, pieces: Sequence[Piece]) -> list[Disposal]:
    """Return the pieces of a departure as disposals, numbered from 1, with their shares of proceeds and selling costs."""
    disposed = disposal_id(movement.event_id, movement.leg)
    if len(pieces) == 1:
        return [_disposal(movement, disposed, pieces[0], 1, movement.quantity, movement.proceeds, movement.selling_costs)]
    weights = [piece[1] for piece in pieces]
    proceeds = repeat(None) if movement.proceeds is None else shares(movement.proceeds, weights)
    costs = shares(movement.selling_costs, weights) if movement.selling_costs else repeat(ZERO)
    quantities = map(decimal_of_units, weights)
    return [*map(_disposal, repeat(movement), repeat(disposed), pieces, count(1), quantities, proceeds, costs)]


def shares(total: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """Split a total in proportion to whole weights, by cumulative floors: the last takes the remainder."""
    return [*map(decimal_of_units, whole_shares(units_of(total), weights))]


def whole_shares(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number in the same way."""
    weight = sum(weights)
    seen = given = 0
    parts: list[int] = []
    for each in weights[:-1]:
        seen += each
        upto = total * seen // weight
        parts.append(upto - given)
        given = upto
    parts.append(total - given)
    return parts


def used_up(pieces: Sequence[Piece]) -> list[Lot]:
    """Return the lots of which these pieces took the last units, each once."""
    ended = [piece[0] for piece in pieces if isinstance(piece[0], OpenLot) and not piece[0].left]
    return [*map(OpenLot.as_lot, dict.fromkeys(ended) if len(ended) > 1 else ended)]


def _disposal(
    movement: Departure,
    disposed: DisposalId,
    piece: Piece,
    number: int,
    quantity: Decimal,
    proceeds: Decimal | None,
    selling_costs: Decimal,
) -> Disposal:
    origin, _, cost, matched_by, caveat, provisional_until = piece
    gap = Gap.MISSING_PRICE if proceeds is None or cost is None else None
    if origin is None or origin.is_unknown:
        origin, matched_by, gap = None, MISSING, Gap.MISSING_BASIS
    elif origin.gap is not None and origin.gap is Gap.MISSING_BASIS:
        gap = origin.gap
    return _made(
        disposed,
        number,
        movement.event_id,
        movement.source_id,
        movement.asset,
        quantity,
        movement.account,
        movement.wallet,
        movement.bot,
        movement.kind,
        None if origin is None else origin.acquired_at,
        movement.occurred_at,
        proceeds,
        None if cost is None else decimal_of_units(cost),
        None if origin is None else origin.lot_id,
        None if origin is None else origin.source_id,
        matched_by,
        gap,
        selling_costs,
        provisional_until,
        caveat,
        movement.order_id,
    )
