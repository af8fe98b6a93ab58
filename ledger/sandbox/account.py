"""The one account that every dialect of the sandbox serves: what happened in it, and what things cost meanwhile.

It is drawn from a seed alone: the same seed and number of fills give the same account, to the last byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ledger.domain.amount import ZERO, AssetCode
from ledger.sandbox.history.bots import traded
from ledger.sandbox.history.market import PRODUCTS, PricePath, Product
from ledger.sandbox.history.rows import LedgerRow, SandboxFill, SandboxOrder, SandboxTransfer


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAccount:
    """Fills and orders in order of time, transfers by creation, ledger rows by asset in order of time.

    Every change of a balance is a ledger row; no balance is ever negative. `ledger` has a key for every asset ever held.
    """

    seed: int
    fills: tuple[SandboxFill, ...]
    orders: tuple[SandboxOrder, ...]
    transfers: tuple[SandboxTransfer, ...]
    ledger: Mapping[AssetCode, tuple[LedgerRow, ...]]
    prices: PricePath
    products: tuple[Product, ...] = PRODUCTS

    @property
    def assets(self) -> tuple[AssetCode, ...]:
        """Return all assets that the account ever held, sorted."""
        return tuple(self.ledger)

    def balance(self, asset: AssetCode) -> Decimal:
        """Return what is there in the end, in the asset's own unit."""
        rows = self.ledger.get(asset, ())
        return rows[-1].balance if rows else ZERO

    def fills_of(self, product: str) -> tuple[SandboxFill, ...]:
        """Return the fills of one product in order of time."""
        return tuple(fill for fill in self.fills if fill.product == product)


def seeded_account(seed: int, fills: int, *, market: int | None = None) -> SandboxAccount:
    """Return the account that a seed stands for, with exactly `fills` fills from 2024-01-02 to 2025-10-31.

    `market` is the seed of the prices, so that several accounts can live in one market; None: the account's own seed.

    Raises:
        InputError: when `fills` is too small for the cases that every history holds.
    """
    prices = PricePath(seed if market is None else market)
    history = traded(seed, fills, prices)
    return SandboxAccount(
        seed=seed,
        fills=history.fills,
        orders=history.orders,
        transfers=history.transfers,
        ledger=history.ledger,
        prices=prices,
    )
