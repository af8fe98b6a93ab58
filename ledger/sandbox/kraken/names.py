"""The names that Kraken gives to assets, pairs, trades, orders and rows.

Source: the venue's pages of assets and of asset pairs: old assets carry a prefix, X for coins and Z for money.
"""

from dataclasses import dataclass
from typing import Final

from ledger.domain.amount import AssetCode
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.chance import noise
from ledger.sandbox.history.market import PRODUCT_BY_NAME, Product
from ledger.sandbox.history.rows import SandboxFill

_SHORT: Final = {"BTC": "XBT"}
_PREFIXED: Final = {"BTC": "XXBT", "ETH": "XETH", "LTC": "XLTC", "USD": "ZUSD"}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def asset_name(asset: str) -> str:
    """Return the venue's name of an asset: ``XXBT``, ``SOL``."""
    return _PREFIXED.get(asset, asset)


def short_name(asset: str) -> str:
    """Return the name without a prefix: ``XBT``, ``SOL``."""
    return _SHORT.get(asset, asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One market: base and quote in the words of the account, and the product whose prices it has."""

    base: AssetCode
    quote: AssetCode
    product: Product

    @property
    def name(self) -> str:
        """Return the key under which it is listed; old assets keep their prefix among themselves."""
        is_old = self.base in _PREFIXED and self.quote in _PREFIXED
        return asset_name(self.base) + asset_name(self.quote) if is_old else self.altname

    @property
    def altname(self) -> str:
        """Return the plain name."""
        return short_name(self.base) + short_name(self.quote)

    @property
    def wsname(self) -> str:
        """Return the name with a slash."""
        return f"{short_name(self.base)}/{short_name(self.quote)}"

    @property
    def money_decimals(self) -> int:
        """Return to how many decimals cost and fee of a trade are told."""
        return 5 if self.quote in {"USD", "USDC"} else 10


def pair_of(fill: SandboxFill) -> Pair:
    """Return the pair on which a fill happened: that of its base and of the money that paid."""
    return Pair(base=fill.base, quote=fill.money, product=PRODUCT_BY_NAME[fill.product])


def pairs_of(account: SandboxAccount) -> tuple[Pair, ...]:
    """Return all pairs of the account's products and of the moneys that paid on them, delisted ones too."""
    listed = {(product.base, product.quote): product for product in account.products}
    listed |= {(fill.base, fill.money): PRODUCT_BY_NAME[fill.product] for fill in account.fills}
    return tuple(Pair(base=base, quote=quote, product=product) for (base, quote), product in sorted(listed.items()))


class Identities:
    """Ids in the venue's form, drawn from the account's seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def trade(self, fill: SandboxFill) -> str:
        """Return the txid of a fill; the two sides of a self-trade have one each."""
        return self._id("T", (5, 5, 6), "trade", fill.product, str(fill.trade_id), fill.side.value)

    def order(self, order_id: str) -> str:
        """Return the id of an order."""
        return self._id("O", (5, 5, 6), "order", order_id)

    def transfer(self, transfer_id: str) -> str:
        """Return the refid of a deposit or withdrawal."""
        return self._id("Q", (6, 6, 6), "transfer", transfer_id)

    def row(self, refid: str, asset: str) -> str:
        """Return the id of the row of the ledger that one asset has under a refid."""
        return self._id("L", (5, 5, 6), "row", refid, asset)

    def _id(self, first: str, sizes: tuple[int, ...], *parts: str) -> str:
        number = (noise(self._seed, *parts, "high", below=1 << 64) << 64) | noise(self._seed, *parts, "low", below=1 << 64)
        letters = "".join(_LETTERS[number >> (5 * place) & 31] for place in range(sum(sizes)))
        pieces, begin = [], 0
        for size in sizes:
            pieces.append(letters[begin : begin + size])
            begin += size
        return f"{first}{pieces[0]}-{'-'.join(pieces[1:])}"
