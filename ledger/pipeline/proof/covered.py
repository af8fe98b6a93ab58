"""What connections have told already, as far as their streams were walked: a file without ids must not tell it a second time."""

from collections import defaultdict
from collections.abc import Sequence

from ledger.domain.event import BalanceSnapshot, Charge, Event, Fill, Income, Opening, Transfer
from ledger.storage.store import Reader, StreamWalk

_FILLS = frozenset({"fills", "trades"})
_NO_PROOF = frozenset({"balances", "symbols", "moves"})  # of moves between wallets venues keep half a year at most


class Covered:
    """The walks of the book's connections at one moment."""

    def __init__(self, reader: Reader) -> None:
        self._walks: defaultdict[str, list[StreamWalk]] = defaultdict(list)
        for walk in reader.stream_walks():
            if walk.walked_at is not None and walk.stream not in _NO_PROOF:
                self._walks[walk.connection].append(walk)

    def stream_of(self, event: Event) -> str | None:
        """Return the stream that has told of such an event if it happened; None: no stream reaches it."""
        return next((walk.stream for walk in self._walks[event.account] if _reaches(walk, event)), None)


def _reaches(walk: StreamWalk, event: Event) -> bool:
    assert walk.walked_at is not None, walk
    if event.occurred_at > walk.walked_at or (walk.since is not None and event.occurred_at < walk.since):
        return False
    is_of_fills = walk.stream in _FILLS
    return is_of_fills == isinstance(event, Fill) and _is_of(walk.symbol, _assets_of(event), is_market=is_of_fills)


def _is_of(symbol: str, assets: Sequence[str], *, is_market: bool) -> bool:
    """Tell whether a stream of a symbol has to do with assets: a market with both of a fill, a wallet with the one that moves."""
    if not symbol:
        return True
    if is_market:
        spelled = "".join(letter for letter in symbol if letter.isalnum())
        return spelled in {"".join(assets), "".join(reversed(assets))}
    return symbol.partition("/")[0] in assets


def _assets_of(event: Event) -> tuple[str, ...]:
    match event:
        case Fill():
            return event.base.asset, event.quote.asset
        case Transfer() | Income() | Charge() | Opening():
            return (event.amount.asset,)
        case BalanceSnapshot():
            return (event.balance.asset,)
