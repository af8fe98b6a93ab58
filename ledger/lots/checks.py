"""The invariants of the lot layer: plain functions from movements, disposals and lots to findings, empty when all is well.

They look at results only, never at how these were reached, so that a fault of the sweep cannot hide from them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ledger.domain.amount import ZERO, AssetCode, added, subtracted, text_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import WalletId
from ledger.domain.lot import LOOKING_AHEAD, Acquisition, Departure, Disposal, Lot, LotOrigin, Movement


@dataclass(slots=True, kw_only=True)
class _Sums:
    """Sums of one asset: units with a known acquisition and their cost, all units and proceeds that left, units of unknown origin."""

    acquired: Decimal = ZERO
    acquired_cost: Decimal = ZERO
    acquired_unknown: Decimal = ZERO
    departed: Decimal = ZERO
    proceeds: Decimal = ZERO
    disposed: Decimal = ZERO
    disposed_cost: Decimal = ZERO
    disposed_without_lot: Decimal = ZERO
    disposed_proceeds: Decimal = ZERO
    open: Decimal = ZERO
    open_cost: Decimal = ZERO
    open_unknown: Decimal = ZERO
    has_cost_moved: bool = False  # a move between wallets took up cost; where a figure is lacking it cannot be followed
    is_cost_lacking: bool = False


def unconserved(movements: Iterable[Movement], disposals: Iterable[Disposal], lots: Iterable[Lot]) -> list[Finding]:
    """Find assets of which acquired is not disposed plus open, in units and in cost, to the last digit.

    Units with a known acquisition balance exactly; of units without one as many at least must be accounted for as arrived.
    What left must be there as disposal pieces, with all its proceeds. The three streams come in any order.
    """
    sums: defaultdict[AssetCode, _Sums] = defaultdict(_Sums)
    for movement in movements:
        _add_movement(sums[movement.asset], movement)
    for disposal in disposals:
        _add_disposal(sums[disposal.asset], disposal)
    for lot in lots:
        _add_lot(sums[lot.asset], lot)
    return [finding for asset in sorted(sums) for finding in _unbalanced(asset, sums[asset])]


def lots_unlike_balances(lots: Iterable[Lot], balances: Mapping[tuple[WalletId, AssetCode], Decimal]) -> list[Finding]:
    """Find wallets whose open lots are not what the journal holds in the accounts of that wallet, and name the difference.

    `balances` are sums over the ``assets:`` accounts of each wallet, assets with lots only. Lots in transit belong to no account and are
    to be left out or balanced by the clearing account. A wallet below zero has sold units of a pool of all wallets that stand in
    others: it is what is found of that asset, and the lots of the others are not compared.
    """
    held: defaultdict[tuple[WalletId, AssetCode], Decimal] = defaultdict(lambda: ZERO)
    for lot in lots:
        place = (lot.wallet, lot.asset)
        held[place] = added(held[place], lot.quantity_open)
    overdrawn = sorted(place for place, balance in balances.items() if balance < 0)
    found = [_overdrawn(place, balances[place]) for place in overdrawn]
    beyond = {asset for _, asset in overdrawn}
    places = sorted(place for place in {*held, *balances} if place[1] not in beyond)
    unlike = [(place, held.get(place, ZERO), balances.get(place, ZERO)) for place in places]
    return found + [_lots_differ(place, in_lots, booked) for place, in_lots, booked in unlike if in_lots != booked]


def lots_used_too_early(disposals: Iterable[Disposal]) -> list[Finding]:
    """Find disposal pieces that were matched with a lot which was not there yet, by a rule that does not look ahead."""
    return [
        _too_early(piece)
        for piece in disposals
        if piece.acquired_at is not None and piece.acquired_at > piece.disposed_at and piece.matched_by not in LOOKING_AHEAD
    ]


# --- sums ------------------------------------------------------------------------------------------------------------


def _add_movement(sums: _Sums, movement: Movement) -> None:
    if isinstance(movement, Acquisition):
        if movement.origin is LotOrigin.UNKNOWN:
            sums.acquired_unknown = added(sums.acquired_unknown, movement.quantity)
        else:
            sums.acquired = added(sums.acquired, movement.quantity)
            sums.acquired_cost = added(sums.acquired_cost, movement.cost_basis or ZERO)
    elif isinstance(movement, Departure):
        sums.departed = added(sums.departed, movement.quantity)
        sums.proceeds = added(sums.proceeds, movement.proceeds or ZERO)
    else:
        sums.departed = added(sums.departed, movement.spent)
        sums.acquired_cost = added(sums.acquired_cost, movement.cost_added or ZERO)
        sums.has_cost_moved |= bool(movement.spent) or movement.cost_added != ZERO


def _add_disposal(sums: _Sums, disposal: Disposal) -> None:
    if disposal.lot_id is None:
        sums.disposed_without_lot = added(sums.disposed_without_lot, disposal.quantity)
    else:
        sums.disposed = added(sums.disposed, disposal.quantity)
    sums.disposed_cost = added(sums.disposed_cost, disposal.cost_basis or ZERO)
    sums.disposed_proceeds = added(sums.disposed_proceeds, disposal.proceeds or ZERO)


def _add_lot(sums: _Sums, lot: Lot) -> None:
    if lot.origin is LotOrigin.UNKNOWN:
        sums.open_unknown = added(sums.open_unknown, lot.quantity_open)
    else:
        sums.open = added(sums.open, lot.quantity_open)
    sums.open_cost = added(sums.open_cost, lot.cost_open or ZERO)
    sums.is_cost_lacking |= lot.cost_basis is None


def _unbalanced(asset: AssetCode, sums: _Sums) -> list[Finding]:
    must_be_equal = [
        ("units acquired", sums.acquired, "units disposed of and open", added(sums.disposed, sums.open)),
        ("units that left", sums.departed, "units in disposals", added(sums.disposed, sums.disposed_without_lot)),
        ("proceeds", sums.proceeds, "proceeds in disposals", sums.disposed_proceeds),
    ]
    if not (sums.has_cost_moved and sums.is_cost_lacking):
        cost = added(sums.disposed_cost, sums.open_cost)
        must_be_equal.append(("cost acquired", sums.acquired_cost, "cost disposed of and open", cost))
    found = [_not_conserved(asset, one, left, other, right) for one, left, other, right in must_be_equal if left != right]
    accounted = added(sums.disposed_without_lot, sums.open_unknown)
    if accounted < sums.acquired_unknown:
        found.append(_not_conserved(asset, "units of unknown origin", sums.acquired_unknown, "of them found again", accounted))
    return found


# --- wording ---------------------------------------------------------------------------------------------------------


def _not_conserved(asset: AssetCode, one: str, left: Decimal, other: str, right: Decimal) -> Finding:
    return Finding(
        code="lots-not-conserved",
        severity=Severity.ERROR,
        subject=asset,
        message=f"{asset}: {one} {text_of(left)}, but {other} {text_of(right)}; difference {text_of(subtracted(left, right))}",
        mend="run `lotwright sync` to match again from zero; if it stays, this is a fault of ours: please report it",
    )


def _overdrawn(place: tuple[WalletId, AssetCode], booked: Decimal) -> Finding:
    wallet, asset = place
    return Finding(
        code="wallet-overdrawn",
        severity=Severity.ERROR,
        subject=f"{wallet} {asset}",
        message=(
            f"the accounts of wallet {wallet} hold {text_of(booked)} {asset}: more left them than came in, "
            "and lots of other wallets were used for it"
        ),
        mend=f"import what brought {asset} into {wallet}: a transfer from another wallet, a purchase or an opening",
    )


def _lots_differ(place: tuple[WalletId, AssetCode], in_lots: Decimal, booked: Decimal) -> Finding:
    wallet, asset = place
    return Finding(
        code="lots-differ-from-balance",
        severity=Severity.ERROR,
        subject=f"{wallet} {asset}",
        message=(
            f"the open lots of wallet {wallet} hold {text_of(in_lots)} {asset}, its accounts {text_of(booked)}: "
            f"{text_of(subtracted(in_lots, booked))} more in lots than booked"
        ),
        mend=(
            "units left that had never come in: look for findings `missing-basis` of this asset, or for a wallet that was overdrawn "
            "while all wallets were one pool, and import what is missing before that"
        ),
    )


def _too_early(piece: Disposal) -> Finding:
    return Finding(
        code="lot-used-too-early",
        severity=Severity.ERROR,
        subject=f"{piece.disposal_id}/{piece.piece}",
        message=f"{text_of(piece.quantity)} {piece.asset} were disposed of before their lot {piece.lot_id} was acquired",
        mend="correct the date of acquisition of that opening or gift; otherwise this is a fault of ours: please report it",
    )
