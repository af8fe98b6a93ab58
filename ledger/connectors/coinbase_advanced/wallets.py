"""What the rows of a wallet (Transactions, v2) say: transfers, income, charges, conversions and simple purchases.

One table leads from the type of a row to what it means. A row that mirrors a fill of v3 books nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypedDict

from ledger.connectors.coinbase_advanced.cells import amount_in, part_of, sum_of
from ledger.connectors.coinbase_advanced.ids import VENUE, id_of
from ledger.connectors.coinbase_advanced.rows import MEND_UNKNOWN, Place, Reading, error, unknown_row
from ledger.domain.amount import ZERO, Amount, is_fiat
from ledger.domain.errors import InputError
from ledger.domain.event import Charge, ChargeKind, Fill, Income, IncomeKind, Side, SourceRank, Transfer
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId, SourceId, VenueName
from ledger.domain.json_text import Row, cell_instant, cell_text, cell_text_or_none, shown
from ledger.domain.time.instant import instant_text
from ledger.ports import LedgerLine


class _Head(TypedDict):
    event_id: EventId
    source_id: SourceId
    venue: VenueName
    account: AccountId
    occurred_at: datetime
    rank: SourceRank


def wallet_row(row: Row, place: Place) -> Reading:
    """Read one movement of a wallet by the table of types; one that is not completed moved nothing and says nothing."""
    row_id, kind = cell_text(row, "id"), cell_text(row, "type")
    if kind not in _WALLET_TYPES:
        why, mend = _NO_RULE.get(kind, ("for which there is no rule", MEND_UNKNOWN))
        return unknown_row(place, row_id, f"a wallet's row of the type {kind!r}, {why}: {shown(row)}", mend=mend)
    status = cell_text(row, "status")
    if status in STATUS_OPEN or status in _STATUS_VOID:
        return Reading()
    if status != _STATUS_DONE:
        return unknown_row(place, row_id, f"a wallet's row of the unknown status {status!r}: {shown(row)}")
    amount = amount_in(row, "amount")
    said = _WALLET_TYPES[kind](row, amount, place)
    line = LedgerLine(
        line_id=row_id,
        account=place.account,
        asset=amount.asset,
        occurred_at=cell_instant(row, "created_at"),
        kind=kind,
        amount=amount.quantity,
        balance=None,
        event_ids=said.explained_by or tuple(event.event_id for event in said.events),
    )
    return replace(said, lines=(line,))


_EXCHANGE_DEPOSIT, _SEND = "exchange_deposit", "send"
_MIRRORED_WITHIN = timedelta(seconds=2)  # two records of one move may be made a moment apart
_STATUS_DONE = "completed"
STATUS_OPEN = frozenset({"pending", "created", "waiting_for_clearing", "waiting_for_signature"})
_STATUS_VOID = frozenset({"failed", "expired", "canceled", "cancelled"})


def _told_elsewhere(_row: Row, _amount: Amount, _place: Place) -> Reading:
    """Read a move whose other side stands in another wallet of this key: nothing came in and nothing left.

    {"id": "7be0...", "type": "staking_transfer", "status": "completed", "amount": {"amount": "-2", "currency": "ETH"}, ...}
    """
    return Reading()


def _fill_mirrored(row: Row, amount: Amount, place: Place) -> Reading:
    """Read a row that mirrors a fill (v3). A fill of ETH-USD may be settled in USDC, whose market is the same: v3 does not say so.

    The row names the order and no trade, so that it cannot be laid on one fill.

    {"id": "c3f1...", "type": "advanced_trade_fill", "status": "completed", "amount": {"amount": "0.75", "currency": "ETH"}, ...,
     "advanced_trade_fill": {"product_id": "ETH-USD", "order_id": "0b5c1f7e-...", "commission": "15.35", "order_side": "buy"}}
    """
    mirrored = part_of(row, "advanced_trade_fill")
    product = cell_text_or_none(mirrored, "product_id")
    if product is None or amount.asset in product.split("-"):
        return _told_elsewhere(row, amount, place)
    row_id, order_id = cell_text(row, "id"), cell_text_or_none(mirrored, "order_id")
    quote, (turn, moved) = product.rpartition("-")[2], ("sell", -amount) if amount.quantity < 0 else ("buy", amount)
    message = f"a fill of {product}, order {order_id}, moved {amount}, which is none of its two assets"
    mend = (
        f"look at that order at the venue: if it was settled in {amount.asset} and the book has its fills in {quote}, book `{turn}` "
        f"{moved} for as much {quote}, at {cell_text(row, 'created_at')}, from a lotwright-events file"
    )
    return Reading(findings=(error("settled-otherwise", place.subject(row_id), message, mend),))


def _transfer(row: Row, amount: Amount, place: Place) -> Reading:
    """Read one half of a transfer; `amount` of what leaves includes the network's fee.

    {"id": "a1794ecf-...", "type": "send", "status": "completed", "amount": {"amount": "-14.008308", "currency": "USDC"},
     "created_at": "2024-01-12T01:27:31Z", "network": {"status": "confirmed", "hash": "4f1e...", "transaction_fee":
     {"amount": "4.008308", "currency": "USDC"}}, "to": {"address": "0x9..."}}
    """
    network, is_outward = part_of(row, "network"), amount.quantity < 0
    fee = _network_fee(network, amount) if is_outward else None
    moved = -amount if is_outward else amount
    sent = moved if fee is None else moved - fee
    if sent.quantity <= 0:
        raise InputError(f'"amount" {amount} leaves nothing to move: {shown(row)}')
    if is_outward and part_of(network, "transaction_amount") and amount_in(network, "transaction_amount") != sent:
        raise InputError(f'"amount" {amount} and the fee {fee} do not leave the "transaction_amount": {shown(network)}')
    half = Transfer(
        **_head(row, place, record="transfer"),
        from_account=place.account if is_outward else None,
        to_account=None if is_outward else place.account,
        amount=sent,
        fee=fee,
        chain_hash=cell_text_or_none(network, "hash"),
        address=cell_text_or_none(part_of(row, "to" if is_outward else "from"), "address"),
    )
    return Reading(events=(half,))


def _network_fee(network: Row, amount: Amount) -> Amount | None:
    if network.get("transaction_fee") is None:
        return None
    fee = amount_in(network, "transaction_fee")
    if fee.asset != amount.asset or fee.quantity < 0:
        raise InputError(f'"transaction_fee" {fee} is no part of {amount}')
    return fee if fee.quantity else None


def deposits_unsent(place: Place, lines: Iterable[LedgerLine]) -> tuple[Finding, ...]:
    """Find moves to the venue's Exchange that no `send` of a page tells: a `send` is booked, and the row that repeats it never is.

    {"id": "e41b...", "type": "exchange_deposit", "status": "completed", "amount": {"amount": "-1", "currency": "BTC"}, ...}
    """
    told = list(lines)
    sends = [line for line in told if line.kind == _SEND]
    found = []
    for line in (line for line in told if line.kind == _EXCHANGE_DEPOSIT):
        send = next((one for one in sends if _repeats(line, one)), None)
        if send is None:
            found.append(_deposit_unsent(place, line))
        else:
            sends.remove(send)
    return tuple(found)


def _repeats(deposit: LedgerLine, send: LedgerLine) -> bool:
    is_near = abs(deposit.occurred_at - send.occurred_at) <= _MIRRORED_WITHIN
    return is_near and (deposit.asset, deposit.amount) == (send.asset, send.amount)


def _deposit_unsent(place: Place, line: LedgerLine) -> Finding:
    moved, at = Amount(quantity=line.amount, asset=line.asset), instant_text(line.occurred_at)
    turn, positive = ("withdrawal", -moved) if moved.quantity < 0 else ("deposit", moved)
    return error(
        "deposit-unsent",
        place.subject(line.line_id),
        f"{moved} went to the venue's Exchange at {at} ({line.kind} {line.line_id}) and no `send` of this page tells it: it is not booked, "
        "because such a row may repeat a `send`",
        f"if `lotwright reconcile` shows the balance of {line.asset} to differ by it, book `{turn}` {positive} at that instant from a "
        "lotwright-events file; if the balance agrees, nothing is missing",
    )


def _income(kind: IncomeKind) -> "_Rule":
    """Return the reader of income of one kind.

    {"id": "b2a1...", "type": "staking_reward", "status": "completed", "amount": {"amount": "0.00012", "currency": "ETH"},
     "native_amount": {"amount": "0.41", "currency": "USD"}, "created_at": "2024-06-03T00:00:00Z"}
    """

    def read(row: Row, amount: Amount, place: Place) -> Reading:
        if amount.quantity <= 0:
            raise InputError(f'"amount" {amount} of income did not come in')
        return Reading(events=(Income(**_head(row, place, record="income"), kind=kind, amount=amount),))

    return read


def _subscription(row: Row, amount: Amount, place: Place) -> Reading:
    """Read what the venue takes for membership.

    {"id": "5e7d...", "type": "subscription", "status": "completed", "amount": {"amount": "-29.99", "currency": "USD"}, ...}
    """
    if amount.quantity >= 0:
        raise InputError(f'"amount" {amount} of a subscription did not leave')
    return Reading(events=(Charge(**_head(row, place, record="charge"), kind=ChargeKind.FEE, amount=-amount),))


def _conversion(row: Row, amount: Amount, place: Place) -> Reading:
    """Read one leg of a conversion: the wallet of what was given has a row, and that of what was received, with one trade id.

    Each is half of one fill. The amounts are what the wallets lost and got, so that a fee is in them already.

    {"id": "9d0c...", "type": "trade", "status": "completed", "amount": {"amount": "-250", "currency": "USDC"},
     "created_at": "2024-06-03T14:22:31Z", "trade": {"id": "77ab...", "fee": {"amount": "1.25", "currency": "USDC"}}}
    """
    trade_id = cell_text(part_of(row, "trade"), "id")
    if not amount.quantity:
        raise InputError(f'"amount" of a conversion is nothing: {shown(row)}')
    none = Amount(quantity=ZERO, asset=amount.asset)
    is_received = amount.quantity > 0
    half = Fill(
        **_head(row, place, record="conversion", source_id=trade_id),
        side=Side.BUY,
        base=amount if is_received else none,
        quote=none if is_received else -amount,
        provisional=True,
    )
    return Reading(events=(half,))


def _purchase(row: Row, amount: Amount, place: Place) -> Reading:
    """Read a simple purchase or sale: the row of the wallet of coins tells of it, and that of the wallet of money that it paid.

    A purchase by card or bank has no row in a wallet of money. So the money comes in beside the fill, provisionally, until such a row
    says that a wallet paid.

    {"id": "57ff...", "type": "buy", "status": "completed", "amount": {"amount": "0.5", "currency": "BTC"}, "created_at": ...,
     "buy": {"id": "9e14...", "fee": {"amount": "1.49", "currency": "USD"}, "subtotal": {"amount": "98.51", "currency": "USD"},
     "total": {"amount": "100.00", "currency": "USD"}}}
    """
    side = Side(cell_text(row, "type"))
    told = part_of(row, side.value)
    subtotal, total, fee = amount_in(told, "subtotal"), amount_in(told, "total"), amount_in(told, "fee")
    head = _head(row, place, record="purchase", source_id=cell_text(told, "id"))
    if amount.asset == total.asset:
        rest = sum_of(total, amount if side is Side.BUY else -amount)
        return Reading(events=_paid_outside(row, side, place, rest, is_final=True), explained_by=(head["event_id"],))
    coins = amount if side is Side.BUY else -amount
    expected = sum_of(subtotal, fee if side is Side.BUY else -fee)
    if coins.quantity <= 0 or subtotal.quantity <= 0 or total != expected:
        raise InputError(f"amount {amount}, subtotal {subtotal}, fee {fee} and total {total} are no {side}")
    fill = Fill(**head, side=side, base=coins, quote=subtotal, fee=fee if fee.quantity else None)
    return Reading(events=(fill, *_paid_outside(row, side, place, total, is_final=False)), explained_by=(fill.event_id,))


def _paid_outside(row: Row, side: Side, place: Place, paid: Amount, *, is_final: bool) -> tuple[Transfer, ...]:
    """Return the money that came for a purchase from outside, or left after a sale; nothing for a coin, which comes by no card.

    `is_final`: it is what the wallet of money left to pay, none as a rule; that word stands, in whatever order the two rows come.
    """
    if not is_fiat(paid.asset):
        return ()
    if paid.quantity < 0:
        raise InputError(f"the wallet of money moved {-paid} more than the total: {shown(row)}")
    head = _head(row, place, record="payment", source_id=f"{cell_text(part_of(row, side.value), 'id')}/payment")
    head["rank"] = SourceRank.VENUE if is_final else SourceRank.VENUE_SUMMARY
    sender, receiver = (None, place.account) if side is Side.BUY else (place.account, None)
    return (Transfer(**head, from_account=sender, to_account=receiver, amount=paid, provisional=not is_final),)


_Rule = Callable[[Row, Amount, Place], Reading]
_WALLET_TYPES: dict[str, _Rule] = {
    "advanced_trade_fill": _fill_mirrored,
    "transfer": _told_elsewhere,
    "vault_withdrawal": _told_elsewhere,
    "staking_transfer": _told_elsewhere,
    "unstaking_transfer": _told_elsewhere,
    _SEND: _transfer,
    "receive": _transfer,
    "request": _transfer,
    "fiat_deposit": _transfer,
    "fiat_withdrawal": _transfer,
    _EXCHANGE_DEPOSIT: _told_elsewhere,
    "exchange_withdrawal": _transfer,
    "pro_deposit": _transfer,
    "pro_withdrawal": _transfer,
    "intx_deposit": _transfer,
    "intx_withdrawal": _transfer,
    "staking_reward": _income(IncomeKind.STAKING),
    "inflation_reward": _income(IncomeKind.STAKING),
    "interest": _income(IncomeKind.INTEREST),
    "earn_payout": _income(IncomeKind.REWARD),
    "incentives_rewards_payout": _income(IncomeKind.REWARD),
    "subscription_rebate": _income(IncomeKind.REBATE),
    "subscription": _subscription,
    "trade": _conversion,
    "buy": _purchase,
    "sell": _purchase,
}


# Types that the venue names and does not explain so far that they could be booked: why, and what their owner can do.
_NO_RULE: dict[str, tuple[str, str]] = {
    "retail_simple_dust": (
        "by which the venue sweeps a small rest away, without a word on what was given for it",
        (
            "look at the venue's page of that day: if something was given for it, book `sell` with that as the quote, if nothing, `lost`, "
            "from a lotwright-events file"
        ),
    ),
    "tx": (
        "which the venue itself leaves without a category",
        (
            "look it up at the venue by its time and amount, and book what it was (`deposit`, `withdrawal`, `income`, `fee`, ...) from a "
            "lotwright-events file"
        ),
    ),
    "derivatives_settlement": (
        "cash between spot and futures, in which gains, losses and fees of futures are mixed",
        (
            "book the move as `deposit` or `withdrawal` from a lotwright-events file, so that the balance holds; take the gains on futures "
            "from the venue's own statement: there is no rule for them here"
        ),
    ),
}


def _head(row: Row, place: Place, *, record: str, source_id: str | None = None) -> _Head:
    source_id = source_id or cell_text(row, "id")
    return _Head(
        event_id=id_of(record, account=place.account, source_id=source_id),
        source_id=SourceId(source_id),
        venue=VENUE,
        account=place.account,
        occurred_at=cell_instant(row, "created_at"),
        rank=SourceRank.VENUE,
    )
