"""In which order open lots go: one function per order, from a lot to its entry in a heap, the smallest goes first.

What an order likes equally goes by instant of acquisition, then by place in the timeline (the venue's sequence, else the
natural order of its ids; see `ledger.lots.pools`), then by arrival of the part. Lots without a price are no candidates for
the highest or lowest cost: they go last.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ledger.domain.election import PickOrder
from ledger.domain.time.instant import micros_of
from ledger.lots.open_lots import OpenLot, rate_key

Entry = tuple[object, ...]  # unique before the lot, its last member, is reached

_LAST = 1 << 512  # above every rate of a cost below 10**38


def _fifo(opened: OpenLot) -> Entry:
    """Acquired first, wherever it was bought and whenever it came into the wallet. Source: 26 CFR 1.1012-1(j)(1) and (j)(3)."""
    return opened.source.acquired_at, opened.serial, opened.part, opened


def _lifo(opened: OpenLot) -> Entry:
    return -micros_of(opened.source.acquired_at), -opened.serial, opened.part, opened


def _hifo(opened: OpenLot) -> Entry:
    key = _LAST if opened.rate is None else -rate_key(opened.rate)
    return key, opened.source.acquired_at, opened.serial, opened.part, opened


def _lofo(opened: OpenLot) -> Entry:
    key = _LAST if opened.rate is None else rate_key(opened.rate)
    return key, opened.source.acquired_at, opened.serial, opened.part, opened


ENTRIES: Mapping[PickOrder, Callable[[OpenLot], Entry]] = MappingProxyType(
    {
        PickOrder.FIFO: _fifo,
        PickOrder.LIFO: _lifo,
        PickOrder.HIFO: _hifo,
        PickOrder.LOFO: _lofo,
    },
)
