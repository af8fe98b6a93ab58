"""Elections recorded here, before the sale: they carry the instant of our own clock, which nobody can choose.

One that could not count is refused, because the law wants units identified by the time of the sale and nothing is picked again
for what came before. Source: 26 CFR 1.1012-1(j)(2), (j)(3)(ii).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ledger.config import BookSettings
from ledger.domain.amount import AssetCode, added, is_fiat, text_of
from ledger.domain.election import (
    SALE,
    Election,
    EvidenceGrade,
    LotPick,
    PickOrder,
    Selection,
    StandingOrder,
    own_election_id,
    words_of,
)
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId, ElectionId, OrderId, SourceId, WalletId
from ledger.domain.lot import Lot
from ledger.domain.time.instant import instant_text
from ledger.lots.matching import Picking
from ledger.pipeline.elections.register import append
from ledger.ports import BookTerms, MatchingRule
from ledger.storage.store import Reader, Writer

CLOCK_BACK_MAX = timedelta(minutes=1)  # the clocks of two machines that write into one book may differ by less
_DRAFT = ElectionId("")
_LOTS = "take lots from `lotwright lots list`; what brought them in must be synced or imported first"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChoice:
    """What a standing order shall say; `effective_from` None: from the moment of recording on."""

    order: PickOrder
    effective_from: datetime | None = None
    wallet: WalletId | None = None
    asset: AssetCode | None = None
    bot: BotId | None = None

    def drafted(self, recorded_at: datetime) -> StandingOrder:
        """Return the order as of an instant, without an id."""
        return StandingOrder(
            election_id=_DRAFT,
            recorded_at=recorded_at,
            grade=EvidenceGrade.OWN,
            order=self.order,
            effective_from=self.effective_from or recorded_at,
            wallet=self.wallet,
            asset=self.asset,
            bot=self.bot,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LotChoice:
    """What a selection shall say: units of named lots for one sale or one order, exactly one of them given."""

    picks: tuple[LotPick, ...]
    sale: SourceId | None = None
    order_id: OrderId | None = None
    wallet: WalletId | None = None
    asset: AssetCode | None = None

    def drafted(self, recorded_at: datetime) -> Selection:
        """Return the selection as of an instant, without an id."""
        return Selection(
            election_id=_DRAFT,
            recorded_at=recorded_at,
            grade=EvidenceGrade.OWN,
            picks=self.picks,
            sale=self.sale,
            order_id=self.order_id,
            wallet=self.wallet,
            asset=self.asset,
        )


def record(writer: Writer, choice: StandingChoice | LotChoice, *, terms: BookTerms, rule: MatchingRule, now: datetime) -> Election:
    """Write a choice into the register with the instant of our clock, and return it.

    Raises:
        InputError: when the choice could not count; nothing is written then.
    """
    picking = picking_of(rule, terms)
    _check_clock(writer, now)
    election = choice.drafted(now)
    if isinstance(election, StandingOrder):
        _check_order(writer, election)
    else:
        _check_selection(writer, election, terms=terms, by_wallet=picking.pools_by_wallet(now))
    election = replace(election, election_id=own_election_id(words_of(election), now))
    append(writer, [election], payload_id=None, stored_at=now)
    return election


def picking_of(rule: MatchingRule, terms: BookTerms) -> Picking:
    """Return a rule that picks lots.

    Raises:
        InputError: for any other rule: there an election would mean nothing.
    """
    if isinstance(rule, Picking):
        return rule
    raise InputError(
        f"method {terms.method!r} does not choose among lots, so there is nothing to elect",
        mend="elections are for a book whose method picks lots: regime `us`, or `generic` with fifo, lifo, hifo or lofo",
    )


def broker_caution(election: Election, rule: MatchingRule) -> str:
    """Return why an own election is not enough by itself, empty where it is: from an instant on the broker must be told."""
    brokers = rule.brokers if isinstance(rule, Picking) else None
    if brokers is None or election.grade is not EvidenceGrade.OWN or election.wallet not in {None, *brokers.methods} or not brokers.methods:
        return ""
    counts_from = election.effective_from if isinstance(election, StandingOrder) else election.recorded_at
    if counts_from < brokers.since:
        return ""
    held = sorted(brokers.methods) if election.wallet is None else [election.wallet]
    return (
        f"a broker holds wallet {', '.join(held)}: for sales from {instant_text(brokers.since)} on the broker itself must be told by the "
        "time of the sale (26 CFR 1.1012-1(j)(3)); give it the same order, and import what it confirmed as lotwright-elections"
    )


def scope_caution(election: Election, reader: Reader, settings: BookSettings) -> str:
    """Return which names of a standing order nothing in the book or its settings has, empty where all are known: a slip of the pen."""
    if not isinstance(election, StandingOrder):
        return ""
    accounts = reader.accounts() | {str(one.name) for one in settings.connections}
    wallets = {str(settings.wallets.get(AccountId(account), account)) for account in accounts}
    bots = reader.bots() | {str(one.bot) for one in settings.connections if one.bot} | {str(one.name) for one in settings.bots}
    asked = (("wallet", election.wallet, wallets), ("asset", election.asset, reader.assets()), ("bot", election.bot, bots))
    unknown = [f"{what} {name!r}" for what, name, known in asked if name is not None and name not in known]
    if not unknown:
        return ""
    return f"the book has no {' and no '.join(unknown)} so far: check the spelling, the order decides nothing else"


def _check_clock(reader: Reader, now: datetime) -> None:
    tip = reader.register_tip()
    if tip is not None and now < tip.stored_at - CLOCK_BACK_MAX:
        raise InputError(
            f"this machine's clock says {instant_text(now)}, but the newest election was recorded at {instant_text(tip.stored_at)}",
            mend="set the clock: an election is worth what its instant is worth",
        )


# --- standing orders ----------------------------------------------------------------------------------------------------


def _check_order(reader: Reader, order: StandingOrder) -> None:
    if order.effective_from < order.recorded_at:
        raise InputError(
            f"a standing order cannot take effect in the past: {instant_text(order.effective_from)} is before now, "
            f"{instant_text(order.recorded_at)}",
            mend="leave --effective-from out, or name an instant to come: lots of earlier sales are never picked again",
        )
    if order.asset is not None and is_fiat(order.asset):
        raise InputError(f"{order.asset} is money and has no lots", mend="name another asset, or none")
    same_scope = [one for one in reader.elections(subject="") if isinstance(one, StandingOrder) and _scope(one) == _scope(order)]
    newest = max(same_scope, key=lambda one: (one.recorded_at, one.effective_from, one.election_id), default=None)
    if newest is not None and newest.order is order.order and newest.effective_from <= order.effective_from:
        raise InputError(
            f"the register has this order already: {newest.election_id}, {newest.order} from {instant_text(newest.effective_from)} on",
            mend="nothing is to be done; see `lotwright lots elections`",
        )


def _scope(order: StandingOrder) -> tuple[WalletId | None, AssetCode | None, BotId | None]:
    return order.wallet, order.asset, order.bot


# --- selections ---------------------------------------------------------------------------------------------------------


def _check_selection(reader: Reader, selection: Selection, *, terms: BookTerms, by_wallet: bool) -> None:
    _check_not_booked(reader, selection, terms)
    before = [one for one in reader.elections(subject=words_of(selection).subject) if isinstance(one, Selection)]
    newest = max(before, key=lambda one: (one.recorded_at, one.election_id), default=None)
    if newest is not None and (newest.picks, newest.wallet, newest.asset) == (selection.picks, selection.wallet, selection.asset):
        raise InputError(
            f"the register has this selection already: {newest.election_id}", mend="nothing is to be done; see `lotwright lots elections`"
        )
    lots = {pick.lot: _lots_of(reader, pick, selection) for pick in selection.picks}
    _check_one_asset([lot for found in lots.values() for lot in found])
    if by_wallet:
        _check_wallets(selection, lots)
        return
    for pick in selection.picks:
        if shortage := _shortage(pick, lots[pick.lot], place=""):
            raise shortage


def _check_not_booked(reader: Reader, selection: Selection, terms: BookTerms) -> None:
    subject = words_of(selection).subject
    booked = [
        (account, asset)
        for account, asset in sorted(reader.booked([subject]))
        if selection.asset in (None, asset) and selection.wallet in (None, terms.wallet_of(account))
    ]
    if booked:
        kind, name = ("sale", selection.sale) if subject.startswith(SALE) else ("order", selection.order_id)
        account, asset = booked[0]
        raise InputError(
            f"{kind} {name!r} is in the book already ({asset} in account {account}): lots are chosen before a sale, never after",
            mend="its lots stay as they were picked; choose before the next one, or record a standing order for all to come",
        )


def _lots_of(reader: Reader, pick: LotPick, selection: Selection) -> list[Lot]:
    found = reader.lots_named(pick.lot)
    if not found:
        raise InputError(f"the book has no lot {pick.lot!r}", mend=_LOTS)
    right = [lot for lot in found if selection.asset in (None, lot.asset)]
    if not right:
        raise InputError(f"lot {pick.lot!r} is of {found[0].asset}, not of {selection.asset}", mend=_LOTS)
    return right


def _check_one_asset(lots: Sequence[Lot]) -> None:
    assets = sorted({lot.asset for lot in lots})
    if len(assets) > 1:
        raise InputError(
            f"the lots named are of {' and '.join(assets)}: a sale takes lots of one asset",
            mend="name the asset with --asset, or lots of one",
        )


def _check_wallets(selection: Selection, lots: Mapping[str, Sequence[Lot]]) -> None:
    """Check that one wallet, the one named or any, has all the lots with enough units."""
    homes = [{lot.wallet for lot in lots[pick.lot] if lot.quantity_open} for pick in selection.picks]
    wallets = [selection.wallet] if selection.wallet is not None else sorted(set.intersection(*homes))
    if not wallets:
        raise _no_one_wallet(selection.picks, homes)
    shortages = [_shortage_in(wallet, selection.picks, lots) for wallet in wallets]
    if all(shortages):
        raise next(shortage for shortage in shortages if shortage)


def _shortage_in(wallet: WalletId, picks: Sequence[LotPick], lots: Mapping[str, Sequence[Lot]]) -> InputError | None:
    for pick in picks:
        here = [lot for lot in lots[pick.lot] if lot.wallet == wallet]
        elsewhere = sorted({lot.wallet for lot in lots[pick.lot] if lot.quantity_open} - {wallet})
        if elsewhere and not any(lot.quantity_open for lot in here):
            return InputError(
                f"lot {pick.lot!r} is in wallet {', '.join(elsewhere)}, not in {wallet}",
                mend="a sale takes lots of its own wallet only (26 CFR 1.1012-1(j)): name one that is there",
            )
        if shortage := _shortage(pick, here, place=f" in wallet {wallet}"):
            return shortage
    return None


def _shortage(pick: LotPick, lots: Sequence[Lot], *, place: str) -> InputError | None:
    left = added(*(lot.quantity_open for lot in lots))
    if left >= pick.quantity:
        return None
    return InputError(f"{text_of(pick.quantity)} units of lot {pick.lot!r} are named, {text_of(left)} are open{place}", mend=_LOTS)


def _no_one_wallet(picks: Sequence[LotPick], homes: Sequence[set[WalletId]]) -> InputError:
    for pick, wallets in zip(picks, homes, strict=True):
        if not wallets:
            return InputError(f"nothing is left of lot {pick.lot!r}", mend=_LOTS)
    where = "; ".join(f"{pick.lot!r} in {', '.join(sorted(wallets))}" for pick, wallets in zip(picks, homes, strict=True))
    return InputError(
        f"no wallet has all the lots named: {where}", mend="a sale takes lots of its own wallet only: name lots that lie in one wallet"
    )
