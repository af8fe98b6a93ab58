"""Kraken's names of assets and pairs in the names that the rest of the world uses: pure, and the same for API and export.

Old assets carry a prefix, X for coins and Z for money; new ones carry none, and some begin with X or Z by nature (XTZ, ZRX). So
nothing is stripped by rule: the old names are a closed list, because the venue has given no such name since 2018.
"""

import re

from ledger.domain.amount import AssetCode, asset_code
from ledger.domain.errors import InputError

OLD_NAMES = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "ETH2": "ETH",
    "XDAO": "DAO",
    "XETC": "ETC",
    "XETH": "ETH",
    "XICN": "ICN",
    "XLTC": "LTC",
    "XMLN": "MLN",
    "XNMC": "NMC",
    "XREP": "REP",
    "XXBT": "BTC",
    "XXDG": "DOGE",
    "XXLM": "XLM",
    "XXMR": "XMR",
    "XXRP": "XRP",
    "XXVN": "VEN",
    "XZEC": "ZEC",
    "ZAUD": "AUD",
    "ZCAD": "CAD",
    "ZEUR": "EUR",
    "ZGBP": "GBP",
    "ZJPY": "JPY",
    "ZKRW": "KRW",
    "ZUSD": "USD",
}
# Sub-wallets of one and the same asset: staked, rewarded, yielding, auto-earning, locked in an auction, on hold.
# `.T` is not among them: a tokenized asset is another thing than what it stands for.
_SUB_WALLETS = frozenset({"S", "M", "B", "F", "P", "HOLD"})
# Assets that were bonded for a number of days had it in their name.
_BONDED = re.compile(r"(ADA|ATOM|DOT|FLOW|GRT|KAVA|KSM|MATIC|SCRT|SOL|TRX)[0-9]{2}", re.ASCII)
# Tokenized shares end in a small x (``SPCXx``, ``AAPLx``); a book writes every asset in capitals.
_TOKENIZED = re.compile(r"[A-Z0-9.]{1,30}x", re.ASCII)
_QUOTES = (
    "USDT",
    "USDC",
    "USDG",
    "USDQ",
    "DAI",
    "PYUSD",
    "RLUSD",
    "USD",
    "EUR",
    "GBP",
    "CAD",
    "CHF",
    "AUD",
    "JPY",
    "XBT",
    "BTC",
    "ETH",
    "DOT",
)
_OLD_QUOTES = tuple(name for name in OLD_NAMES if len(name) == 4 and name not in {"ETH2", "XDAO", "XICN"})  # noqa: PLR2004 - prefix and three letters


def base_of(name: str) -> str:
    """Return a name without its sub-wallet, as the venue spells it.

    >>> base_of("XBT.M"), base_of("GOLD.T")
    ('XBT', 'GOLD.T')
    """
    base, _, wallet = name.rpartition(".")
    return base if base and wallet in _SUB_WALLETS else name


def asset_of(name: str) -> AssetCode:
    """Return the asset that a name of Kraken's stands for; of a sub-wallet the asset that lies in it.

    Raises:
        InputError: when it is no asset code.

    >>> asset_of("XXBT"), asset_of("XBT.M"), asset_of("XTZ"), asset_of("DOT28.S"), asset_of("SPCXx")
    ('BTC', 'BTC', 'XTZ', 'DOT', 'SPCXX')
    """
    base, _, wallet = name.rpartition(".")
    if not base or wallet not in _SUB_WALLETS:
        return _named(name)
    bonded = _BONDED.fullmatch(base)
    return asset_code(OLD_NAMES.get(base, bonded[1] if bonded else base))


def wallet_of(name: str) -> AssetCode:
    """Return asset and sub-wallet in today's spelling: that which a running balance of the ledger is of.

    >>> wallet_of("XXBT"), wallet_of("XBT.M")
    ('BTC', 'BTC.M')
    """
    base, _, wallet = name.rpartition(".")
    if not base or wallet not in _SUB_WALLETS:
        return _named(name)
    return asset_code(f"{OLD_NAMES.get(base, base)}.{wallet}")


def _named(name: str) -> AssetCode:
    return asset_code(name.upper() if _TOKENIZED.fullmatch(name) else OLD_NAMES.get(name, name))


def legs_of(pair: str) -> tuple[AssetCode, AssetCode]:
    """Return base and quote of a pair that the venue may have delisted: ``XXBTZUSD``, ``XBTUSD``, ``XBT/USD``.

    Raises:
        InputError: when the name ends in no money that is known as a quote.

    >>> legs_of("XXBTZUSD"), legs_of("XTZUSD"), legs_of("SOL/USD"), legs_of("USDTZUSD")
    (('BTC', 'USD'), ('XTZ', 'USD'), ('SOL', 'USD'), ('USDT', 'USD'))
    """
    if "/" in pair:
        base, _, quote = pair.partition("/")
        return asset_of(base), asset_of(quote)
    for quote in _OLD_QUOTES:
        base = pair.removesuffix(quote)
        if base != pair and (base in OLD_NAMES or base == "USDT"):
            return asset_of(base), asset_of(quote)
    for quote in _QUOTES:
        base = pair.removesuffix(quote)
        if base not in {"", pair}:
            return asset_of(base), asset_of(quote)
    raise InputError(f"{pair!r} is no pair whose two assets are known")


# Of two assets the one further to the front is the money. So an exchange has one direction, whether a trade, a ledger or an export
# tells of it: a ledger does not know the pair.
_MONEY = ("JPY", "CHF", "CAD", "USD", "AUD", "GBP", "EUR", "USDT", "USDC", "DAI", "BTC", "ETH", "DOT")
_MONEY_RANKS = {code: rank for rank, code in enumerate(_MONEY)}


def is_money_of(one: AssetCode, other: AssetCode) -> bool:
    """Tell whether `one` is the quote when it is exchanged with `other`.

    >>> is_money_of(asset_code("USD"), asset_code("BTC")), is_money_of(asset_code("ETH"), asset_code("BTC"))
    (True, False)
    """
    last = len(_MONEY)
    return (_MONEY_RANKS.get(one, last), one) < (_MONEY_RANKS.get(other, last), other)
