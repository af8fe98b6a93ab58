"""Elections: choosing lots before a sale, and seeing what each choice would mean."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

from ledger import __version__, config
from ledger.book.core import BookCore
from ledger.domain.amount import ZERO, AssetCode, asset_code, exact_decimal, market_value, text_of
from ledger.domain.election import LotPick, PickOrder
from ledger.domain.errors import BookBusy, InputError, NumberRefused
from ledger.domain.ids import BotId, ElectionId, OrderId, SourceId, WalletId
from ledger.pipeline.elections.own import LotChoice, StandingChoice, broker_caution, record, scope_caution
from ledger.pipeline.elections.preview import RulePreview, SaleAsked, preview
from ledger.pipeline.elections.proof import proof_of
from ledger.pipeline.terms import terms_of

_LABEL_CHARACTERS_MAX = 200  # as file formats read ids


class Elections(BookCore):
    """What a bot asks and says before it sends an order."""

    def elect(
        self,
        *,
        rule: str | None = None,
        effective_from: datetime | None = None,
        bot: str | None = None,
        lots: Mapping[str, Decimal] | None = None,
        sale: str | None = None,
        order: str | None = None,
        wallet: str | None = None,
        asset: str | None = None,
    ) -> ElectionId:
        """Record a choice of lots at this moment and return its id.

        A standing order: `rule` (fifo, lifo, hifo, lofo) for all sales to come, or those of a wallet, asset or bot, from
        `effective_from` (aware; None: now) on. A selection: `lots` (units by lot id, or by the source's id of what acquired them)
        for the `sale` or `order` of that id, which may be the bot's own name for an order that it has not sent yet.

        It waits for no other run, so that a bot can elect while a sync is under way. `book.elect(order="grid-7",
        lots={"L-0ded87115205eb7d-1": Decimal("0.5")})` takes some milliseconds.

        Raises:
            InputError: for a choice that could not count: an unknown lot, more units than are open, lots of several wallets, a
                sale that is booked, an instant in the past, what the register says already; nothing is written then.
        """
        choice = _choice(
            rule=rule,
            effective_from=effective_from,
            bot=bot,
            lots=lots,
            sale=sale,
            order=order,
            wallet=_wallet(wallet),
            asset=None if asset is None else _asset(asset),
        )
        if isinstance(choice, LotChoice):
            self._refresh_if_free()
        terms = terms_of(self.settings)
        with self.store.write() as writer:
            return record(writer, choice, terms=terms, rule=self.regime.rule(terms), now=self._now()).election_id

    def preview(
        self,
        asset: str,
        quantity: Decimal,
        *,
        wallet: str | None = None,
        proceeds: Decimal | None = None,
        price: Decimal | None = None,
        bot: str | None = None,
    ) -> tuple[RulePreview, ...]:
        """Return what a sale of so many units would come to now: by fifo, lifo, hifo and lofo, and by the elections in force.

        `proceeds` is what the sale would bring, net of costs, `price` the same for one unit; with neither there are no gains.
        Writes nothing and takes some milliseconds, whatever the length of the history.

        Raises:
            InputError: when nothing of the asset is open, it lies in several wallets and none is named, or a figure is impossible.
        """
        if proceeds is not None and price is not None:
            raise InputError("the proceeds of a sale and its price are both given", mend="give one of the two")
        quantity, proceeds, price = _exact(quantity), _exact_or_none(proceeds), _exact_or_none(price)
        if quantity <= 0 or min(proceeds or ZERO, price or ZERO) < 0:
            raise InputError("a sale is of more than zero units, for zero or more", mend="correct the quantity, the proceeds or the price")
        sale = SaleAsked(
            asset=_asset(asset),
            quantity=quantity,
            proceeds=proceeds if price is None else _value(price, quantity),
            wallet=_wallet(wallet),
            bot=_bot(bot),
        )
        self._refresh_if_free()
        with self.store.read() as reader:
            terms = terms_of(self.settings, reader.elections(subject=""))
            return preview(reader, sale, terms=terms, regime=self.regime, now=self._now())

    def election_caution(self, election_id: ElectionId) -> str:
        """Return why an election may not be enough by itself, empty where it is: a broker that holds the units must be told."""
        with self.store.read() as reader:
            found = reader.registered([election_id]).get(election_id)
        rule = self.regime.rule(terms_of(self.settings))
        return "" if found is None else broker_caution(found.election, rule)

    def election_scope_caution(self, election_id: ElectionId) -> str:
        """Return which wallet, asset or bot of a standing order the book does not know so far, empty where it knows all."""
        with self.store.read() as reader:
            found = reader.registered([election_id]).get(election_id)
            return "" if found is None else scope_caution(found.election, reader, self.settings)

    def election_proof(self) -> str:
        """Return the whole register as a dated JSON document with its hashes, what each election decided, and how to verify it."""
        self._refresh()
        with self.store.read() as reader:
            return proof_of(reader, book=self.settings.folder.name, version=__version__, made_at=self._now())

    def _refresh_if_free(self) -> None:
        """Match what is new; while another run holds the book, its lots stay as they were matched last."""
        with suppress(BookBusy):
            self._refresh()


def _choice(
    *,
    rule: str | None,
    effective_from: datetime | None,
    bot: str | None,
    lots: Mapping[str, Decimal] | None,
    sale: str | None,
    order: str | None,
    wallet: WalletId | None,
    asset: AssetCode | None,
) -> StandingChoice | LotChoice:
    if rule is not None and lots is None:
        _refuse(sale=sale, order=order, what="a standing order is for all sales of its scope")
        if effective_from is not None and effective_from.tzinfo is None:
            raise InputError(f"{effective_from} has no offset", mend="say in which zone: an instant such as 2027-01-01T00:00:00Z")
        started = None if effective_from is None else effective_from.astimezone(UTC)
        return StandingChoice(order=_order(rule), effective_from=started, bot=_bot(bot), wallet=wallet, asset=asset)
    if lots is not None and rule is None:
        _refuse(effective_from=effective_from, bot=bot, what="a selection is for one sale or order, from now on")
        if (sale is None) == (order is None):
            raise InputError("a selection is for one sale or for one order", mend="name one of the two")
        sold = None if sale is None else SourceId(_label(sale, "the sale's id"))
        ordered = None if order is None else OrderId(_label(order, "the order's id"))
        return LotChoice(picks=_picks(lots), sale=sold, order_id=ordered, wallet=wallet, asset=asset)
    raise InputError("an election is either a rule or a list of lots", mend="give a rule, or lots with the sale or order that they are for")


def _refuse(*, what: str, **given: object) -> None:
    for name, found in given.items():
        if found is not None:
            raise InputError(f"{what}: {name.replace('_', '-')} does not go with it", mend=f"leave {name.replace('_', '-')} out")


def _order(rule: str) -> PickOrder:
    try:
        return PickOrder(rule)
    except ValueError:
        raise InputError(f"{rule!r} is no rule for lots", mend=f"use one of {', '.join(PickOrder)}") from None


def _bot(name: str | None) -> BotId | None:
    return None if name is None else BotId(config.check_name(name, what="the bot"))


def _wallet(name: str | None) -> WalletId | None:
    return None if name is None else WalletId(config.check_name(name, what="the wallet"))


def _asset(code: str) -> AssetCode:
    try:
        return asset_code(code)
    except NumberRefused as refused:
        raise InputError(refused.message, mend="write the code as the venue does, like BTC") from refused


def _exact_or_none(number: Decimal | None) -> Decimal | None:
    return None if number is None else _exact(number)


def _exact(number: Decimal) -> Decimal:
    return _within_limits(lambda: exact_decimal(number))


def _value(price: Decimal, quantity: Decimal) -> Decimal:
    return _within_limits(lambda: market_value(price, quantity))


def _within_limits(compute: Callable[[], Decimal]) -> Decimal:
    try:
        return compute()
    except NumberRefused as refused:
        raise InputError(refused.message, mend="use at most 20 digits before the point and 18 after it") from refused


def _label(text: str, what: str) -> str:
    if not text or len(text) > _LABEL_CHARACTERS_MAX or not text.isprintable() or text != text.strip():
        raise InputError(f"{what} is {text[:_LABEL_CHARACTERS_MAX]!r}", mend="use 1 to 200 printable characters without space at the ends")
    return text


def _picks(lots: Mapping[str, Decimal]) -> tuple[LotPick, ...]:
    if not lots:
        raise InputError("a selection names no lot", mend="name at least one, with so many units of it")
    for lot, quantity in lots.items():
        _label(lot, "a lot's id")
        if _exact(quantity) <= 0:
            raise InputError(f"{text_of(quantity)} units of lot {lot!r} are none", mend="name more than zero")
    return tuple(LotPick(lot=lot, quantity=_exact(quantity)) for lot, quantity in lots.items())
