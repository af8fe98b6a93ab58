"""Which symbols an account may have traded, at a venue that tells nobody: found from the assets that it ever touched.

Whoever trades gives away something that came in before: by a deposit, a conversion, a reward, or another trade. So every symbol is
probed once that has a touched asset on either side; each trade found widens the set, until nothing is new. Symbols that the venue
has delisted are not among the listed ones: their names are made of two touched assets.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ledger.connectors.binance.parse import Symbol
from ledger.domain.errors import InputError

State = dict[str, str | int | None]
Cursor = Mapping[str, str | int | None]
# Assets by which others were priced once: ETHBUSD is ETH/BUSD, though only USD is listed now.
_GONE_QUOTES = frozenset({"BUSD", "TUSD", "PAX", "USDP", "USDS", "UST", "DAI", "BIDR", "IDRT", "BKRW", "BVND", "VAI"})
_SEARCHES_MAX = 2  # a second one in one run means that the books did not agree after the first


class Markets:
    """What is known of assets and symbols in one run. `wanted` are the symbols that the user names, as BASE/QUOTE or in one word."""

    def __init__(self, *, venue: str, wanted: tuple[str, ...]) -> None:
        self._venue = venue
        self._wanted = wanted
        self._named: dict[str, Symbol] = {}
        self._traded: dict[str, Symbol] = {}
        self._searches = 0
        self.listed: dict[str, Symbol] = {}
        self.assets: frozenset[str] = frozenset()
        self.touched: set[str] = set()

    def open(self, listed: Iterable[Symbol]) -> None:
        """Take the symbols that are listed now.

        Raises:
            InputError: when a symbol that the user names cannot be split into two assets.
        """
        self.listed = {symbol.name: symbol for symbol in listed}
        self.assets = frozenset(asset for symbol in self.listed.values() for asset in (symbol.base, symbol.quote))
        self._named = {symbol.name: symbol for symbol in map(self._split, self._wanted)}

    def touch(self, assets: Iterable[str]) -> None:
        """Note assets that the account had at some time."""
        self.touched |= set(assets)

    def has_traded(self, symbol: Symbol) -> None:
        """Note a symbol that has trades of this account."""
        self._traded[symbol.name] = symbol
        self.touch((symbol.base, symbol.quote))

    def names(self) -> tuple[str, ...]:
        """Return the symbols to ask for trades, sorted."""
        likely = {name for name, symbol in self.listed.items() if {symbol.base, symbol.quote} <= self.touched}
        return tuple(sorted(likely | set(self._traded) | set(self._named)))

    def symbol(self, name: str) -> Symbol:
        """Return a symbol by name; of one that is no longer listed, its two assets as far as they are known."""
        known = self.listed.get(name) or self._traded.get(name) or self._named.get(name)
        return known or self._split(name)

    # --- the search

    def search(self, cursor: Cursor) -> Iterator[tuple[Symbol, Callable[[], State]]]:
        """Yield the symbols to probe, each with what gives the state to store after it.

        A search that was broken off goes on after its last symbol. One that is begun a second time in a run begins from nothing:
        the books did not agree, so an asset may have come and gone unseen.
        """
        for word in _words(cursor, "traded"):
            self.has_traded(self._split(word))
        self._searches += 1
        done = set() if self._searches == _SEARCHES_MAX else set(_words(cursor, "done"))
        self.touch(_words(cursor, "done"))
        goal, after = set(_words(cursor, "goal")), str(cursor.get("after") or "")
        while goal or self.touched - done:
            goal = goal or set(self.touched)
            yield from self._probes(done, goal, after)
            done, goal, after = done | goal, set(), ""

    def _probes(self, done: set[str], goal: set[str], after: str) -> Iterator[tuple[Symbol, Callable[[], State]]]:
        probes = self._candidates(goal - done, goal) or self._both_touched(goal)[:1]
        left = [symbol for symbol in probes if symbol.name > after]
        for number, symbol in enumerate(left, start=1):
            is_last = number == len(left)
            yield symbol, lambda symbol=symbol, is_last=is_last: self._state(done, goal, after="" if is_last else symbol.name)  # type: ignore[misc] # bound now

    def _state(self, done: set[str], goal: set[str], *, after: str) -> State:
        traded = " ".join(sorted(f"{symbol.base}/{symbol.quote}" for symbol in self._traded.values()))
        state: State = {"traded": traded, "done": " ".join(sorted(done if after else done | goal))}
        return state | ({"goal": " ".join(sorted(goal)), "after": after} if after else {})

    def _candidates(self, new: set[str], goal: set[str]) -> list[Symbol]:
        """Return, by name, listed symbols with one new asset and an untouched one, and names that old symbols may have had."""
        half = [symbol for symbol in self.listed.values() if {symbol.base, symbol.quote} & new and not {symbol.base, symbol.quote} <= goal]
        quotes = self._quotes() & goal
        pairs = ((base, quote) for base in goal for quote in quotes if base != quote and {base, quote} & new)
        gone = [Symbol(name=f"{base}{quote}", base=base, quote=quote) for base, quote in pairs]
        found = {symbol.name: symbol for symbol in (*gone, *half) if symbol.name not in self._traded}
        return [symbol for name, symbol in sorted(found.items()) if symbol in half or name not in self.listed]

    def _quotes(self) -> set[str]:
        return {symbol.quote for symbol in self.listed.values()} | _GONE_QUOTES

    def _both_touched(self, goal: set[str]) -> list[Symbol]:
        return [symbol for _, symbol in sorted(self.listed.items()) if {symbol.base, symbol.quote} <= goal]

    def _split(self, word: str) -> Symbol:
        """Read BASE/QUOTE, or one word that can be split into two assets in one way only.

        Raises:
            InputError: when it is no symbol, or may be two.
        """
        base, mark, quote = word.partition("/")
        if not mark and word in self.listed:
            return self.listed[word]
        splits = [(base, quote)] if mark else self._splits(word)
        if len(splits) != 1 or not all(splits[0]):
            told = f", but may be {' or '.join(map('/'.join, splits))}" if len(splits) > 1 else ""
            raise InputError(f"{word!r} is no symbol of {self._venue}{told}", mend="write it as BASE/QUOTE, such as LTC/BTC")
        base, quote = splits[0]
        return Symbol(name=f"{base}{quote}", base=base, quote=quote)

    def _splits(self, word: str) -> list[tuple[str, str]]:
        """Return how a word can be split before an asset by which others are or were priced; if known, only before a known asset."""
        splits = sorted((word.removesuffix(quote), quote) for quote in self._quotes() if word.endswith(quote) and word != quote)
        return [split for split in splits if split[0] in self.assets | self.touched] or splits


def _words(cursor: Cursor, name: str) -> list[str]:
    return str(cursor.get(name) or "").split()
