"""Open lots -> what a sale would come to now under each rule; writes nothing and reads no more lots than the sale would take."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import AssetCode, added, subtracted
from ledger.domain.election import PickOrder
from ledger.domain.errors import InputError
from ledger.domain.ids import IN_TRANSIT, BotId, WalletId
from ledger.domain.lot import HoldingTerm
from ledger.domain.time.period import local_day
from ledger.lots.preview import PreviewPiece, pieces_of_sale, pool_in_order
from ledger.pipeline.elections.own import picking_of
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Reader

ELECTED = "elected"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleAsked:
    """A sale that nobody has made yet. `proceeds` are net of costs, None: not said. `wallet` None: the one that has the asset."""

    asset: AssetCode
    quantity: Decimal
    proceeds: Decimal | None = None
    wallet: WalletId | None = None
    bot: BotId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermedPiece:
    """A piece with its gain (None without proceeds or cost) and its term as of the day asked."""

    piece: PreviewPiece
    gain: Decimal | None
    term: HoldingTerm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePreview:
    """What the sale would come to by one rule. `rule` is fifo, lifo, hifo, lofo or ``elected``: what the book would do now.

    `matched_by` is what the disposal would cite. `cost_basis` and `gain` are None where a lot has no price or no proceeds are said.
    """

    rule: str
    matched_by: str
    pieces: tuple[TermedPiece, ...]

    @property
    def cost_basis(self) -> Decimal | None:
        """The cost of all pieces."""
        return _sum([one.piece.cost_basis for one in self.pieces])

    @property
    def gain(self) -> Decimal | None:
        """The gain of all pieces."""
        return _sum([one.gain for one in self.pieces])


def preview(reader: Reader, sale: SaleAsked, *, terms: BookTerms, regime: TaxRegime, now: datetime) -> tuple[RulePreview, ...]:
    """Return what a sale would come to now, by each rule and at last by the elections in force.

    `terms` are those with the elections of the register: standing orders suffice, as no selection is for a sale without a name.

    Raises:
        InputError: when the method picks no lots, nothing of the asset is open, or several wallets have it and none is named.
    """
    rule = picking_of(regime.rule(terms), terms)
    wallets = _pool_of(sale, reader.wallets_holding(sale.asset), by_wallet=rule.pools_by_wallet(now))
    choice = rule.choice_now(wallet=sale.wallet or wallets[0], asset=sale.asset, bot=sale.bot, instant=now)
    by_order = {order: _termed(_pieces(reader, sale, wallets, order), regime, terms, now) for order in PickOrder}
    views = [RulePreview(rule=order.value, matched_by=order.value, pieces=pieces) for order, pieces in by_order.items()]
    return *views, RulePreview(rule=ELECTED, matched_by=choice.matched_by, pieces=by_order[choice.order])


def _pieces(reader: Reader, sale: SaleAsked, wallets: Sequence[WalletId], order: PickOrder) -> tuple[PreviewPiece, ...]:
    with ExitStack() as streams:
        pools = [streams.enter_context(closing(reader.lots_in_order(order, asset=sale.asset, wallet=wallet))) for wallet in wallets]
        return pieces_of_sale(pool_in_order(order, pools), sale.quantity, sale.proceeds)


def _pool_of(sale: SaleAsked, holding: Sequence[str], *, by_wallet: bool) -> list[WalletId]:
    """Return the wallets whose open lots the sale may take."""
    wallets = [WalletId(name) for name in holding if name != IN_TRANSIT or not by_wallet]
    if not wallets:
        raise InputError(f"the book has no open lot of {sale.asset}", mend="see `lotwright lots list`; sync or import what brought it in")
    if not by_wallet:
        return wallets
    if sale.wallet is None and len(wallets) > 1:
        raise InputError(f"{sale.asset} lies in several wallets: {', '.join(wallets)}", mend="name the one that it will be sold out of")
    if sale.wallet is not None and sale.wallet not in wallets:
        raise InputError(f"wallet {sale.wallet!r} has no open lot of {sale.asset}", mend=f"it lies in: {', '.join(wallets)}")
    return wallets if sale.wallet is None else [sale.wallet]


def _termed(pieces: Sequence[PreviewPiece], regime: TaxRegime, terms: BookTerms, now: datetime) -> tuple[TermedPiece, ...]:
    today = local_day(now, terms.zone)
    days = [local_day(piece.lot.acquired_at, terms.zone) if piece.lot else today for piece in pieces]
    term_by_day = {day: regime.term(day, today, terms) for day in set(days)}
    return tuple(
        TermedPiece(
            piece=piece,
            gain=None if piece.proceeds is None or piece.cost_basis is None else subtracted(piece.proceeds, piece.cost_basis),
            term=term_by_day[day],
        )
        for piece, day in zip(pieces, days, strict=True)
    )


def _sum(figures: Sequence[Decimal | None]) -> Decimal | None:
    known = [figure for figure in figures if figure is not None]
    return added(*known) if len(known) == len(figures) else None
