"""Moves between own wallets that change what the units moved cost: by the value of a fee, or by the cost of units spent on the way.

Units and cost are whole counts of 1e-18, shared out so that they add up exactly.
"""

from collections.abc import Sequence

from ledger.domain.amount import ZERO, decimal_of_units, units_of
from ledger.domain.lot import Departure, DepartureKind, Disposal, OwnTransfer
from ledger.lots.pieces import Piece, disposals_of, whole_shares


def costs_added(movement: OwnTransfer, moved: Sequence[Piece], spent: Sequence[Piece]) -> list[int | None]:
    """Return what each piece moved takes up, in proportion to its units; None where the value of the fee has no price."""
    if movement.cost_added is None:
        return [None] * len(moved)
    total = units_of(movement.cost_added) + sum(piece[2] or 0 for piece in spent)
    return [*whole_shares(total, [piece[1] for piece in moved])] if total else [0] * len(moved)


def carried_off(movement: OwnTransfer, spent: Sequence[Piece]) -> list[Disposal]:
    """Return the units spent as what it is: no disposal, without proceeds, their cost gone over to the units moved.

    What they cost is still not known where it was not known.
    """
    if not spent:
        return []
    departure = Departure(
        event_id=movement.event_id,
        source_id=movement.source_id,
        leg=movement.leg,
        sequence=movement.sequence,
        occurred_at=movement.occurred_at,
        asset=movement.asset,
        quantity=decimal_of_units(sum(piece[1] for piece in spent)),
        account=movement.account,
        wallet=movement.wallet,
        bot=movement.bot,
        order_id=movement.order_id,
        client_order_id=movement.client_order_id,
        kind=DepartureKind.CARRIED,
        proceeds=ZERO,
    )
    return disposals_of(departure, [(piece[0], piece[1], None if piece[2] is None else 0, *piece[3:]) for piece in spent])
