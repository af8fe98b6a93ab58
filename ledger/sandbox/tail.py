"""The end of the account's history as a socket lives through it: what was before, and what happens one thing after the other.

The newest fills, and the transfers of that time, are yet to happen for a client that subscribes; at its end a socket has told
what the calls tell. Balances are reckoned back from those that the calls tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.domain.amount import ZERO, AssetCode, added, subtracted
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.chance import noise
from ledger.sandbox.history.rows import SandboxFill, SandboxOrder, SandboxTransfer, TransferKind

_PARTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An order comes into being."""

    order: SandboxOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A fill, and what its order has come to with it: size, value before fees, fees, number of fills."""

    fill: SandboxFill
    order: SandboxOrder
    size: Decimal
    value: Decimal
    fees: Decimal
    count: int

    @property
    def is_last(self) -> bool:
        """Tell whether the order is done."""
        return self.size == self.order.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A transfer moves a balance."""

    transfer: SandboxTransfer


Happening = Opened | Filled | Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A happening, how many seconds after a subscription it comes, and the balances that it leaves, of the assets it moved."""

    happening: Happening
    after_seconds: float
    balances: Mapping[AssetCode, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What a socket lives through: `earlier` fills and `balances` lie before, `open` are orders filled in part by then."""

    earlier: Sequence[Filled]
    open: Sequence[Filled]
    balances: Mapping[AssetCode, Decimal]
    steps: Sequence[Step]


def tail_of(account: SandboxAccount, *, fills: int, earlier: int, pause_seconds: float) -> Tail:
    """Return the newest `fills` fills and what goes with them, as things to come; and up to `earlier` fills before them.

    Pauses are drawn from the account's seed, from nothing to twice `pause_seconds`.
    """
    first = max(0, len(account.fills) - fills)
    oldest = max(0, first - earlier)
    told = _with_orders(account, oldest)
    before, coming = told[: first - oldest], told[first - oldest :]
    begun = {one.fill.order_id: one for one in before}
    happenings = [*_happenings(coming, _transfers(account, coming))]
    balances = {asset: account.balance(asset) for asset in account.assets}
    for happening in happenings:
        for asset, amount in moves_of(happening):
            balances[asset] = subtracted(balances[asset], amount)
    return Tail(
        earlier=before,
        open=[one for one in begun.values() if not one.is_last],
        balances=balances,
        steps=[*_steps(account.seed, happenings, dict(balances), pause_seconds)],
    )


def moves_of(happening: Happening) -> list[tuple[AssetCode, Decimal]]:
    """Return by how much balances change: signed, fees included, each asset once."""
    match happening:
        case Opened():
            return []
        case Filled(fill=fill):
            paid, fee = fill.money_amount, fill.fee
            if fill.side is Side.BUY:
                return [(fill.base, fill.size), (fill.money, subtracted(ZERO, added(paid, fee)))]
            return [(fill.base, subtracted(ZERO, fill.size)), (fill.money, subtracted(paid, fee))]
        case Moved(transfer=transfer):
            is_in = transfer.kind is TransferKind.DEPOSIT
            return [(transfer.asset, transfer.amount if is_in else subtracted(ZERO, transfer.amount))]


def _with_orders(account: SandboxAccount, first: int) -> list[Filled]:
    """Return the fills from a place on, each with what its order had come to."""
    orders = {order.order_id: order for order in account.orders}
    wanted = {fill.order_id for fill in account.fills[first:]}
    last: dict[str, Filled] = {}
    found = []
    for place, fill in enumerate(account.fills):
        if fill.order_id not in wanted:
            continue
        before = last.get(fill.order_id)
        last[fill.order_id] = Filled(
            fill=fill,
            order=orders[fill.order_id],
            size=added(fill.size, before.size if before else ZERO),
            value=added(fill.money_amount, before.value if before else ZERO),
            fees=added(fill.fee, before.fees if before else ZERO),
            count=1 + (before.count if before else 0),
        )
        if place >= first:
            found.append(last[fill.order_id])
    return found


def _transfers(account: SandboxAccount, coming: Sequence[Filled]) -> list[SandboxTransfer]:
    """Return the transfers that moved a balance no earlier than the first fill to come."""
    if not coming:
        return []
    moved = [(one.moved_at, one) for one in account.transfers if one.moved_at is not None]
    since = coming[0].fill.occurred_at
    return [one for at, one in sorted(moved, key=lambda pair: pair[0]) if at >= since]


def _happenings(coming: Sequence[Filled], transfers: Sequence[SandboxTransfer]) -> Iterator[Happening]:
    """Yield fills and transfers in order of time, each new order before its first fill."""
    rest = list(transfers)
    for filled in coming:
        while rest and _moved_at(rest[0]) < filled.fill.occurred_at:
            yield Moved(transfer=rest.pop(0))
        if filled.count == 1:
            yield Opened(order=filled.order)
        yield filled
    for transfer in rest:
        yield Moved(transfer=transfer)


def _moved_at(transfer: SandboxTransfer) -> datetime:
    assert transfer.moved_at is not None, transfer
    return transfer.moved_at


def _steps(seed: int, happenings: Sequence[Happening], balances: dict[AssetCode, Decimal], pause_seconds: float) -> Iterator[Step]:
    after = pause_seconds
    for number, happening in enumerate(happenings):
        after += pause_seconds * 2 * noise(seed, "pause", number, below=_PARTS) / _PARTS
        left = {}
        for asset, amount in moves_of(happening):
            balances[asset] = left[asset] = added(balances[asset], amount)
        yield Step(happening=happening, after_seconds=after, balances=left)
