"""Sources of prices: venues that are asked for them, and files that tell of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, RowFault
from ledger.domain.payload import Payload
from ledger.domain.price import PriceQuote


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePage:
    """One answer of a price source, and the quotes in it in order of time."""

    payload: Payload
    quotes: tuple[PriceQuote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """What one row of a price file says: its quotes, or what is wrong with it. `line` counts from 1."""

    line: int
    quotes: tuple[PriceQuote, ...] = ()
    faults: tuple[RowFault, ...] = ()

    @classmethod
    def read(cls, line: int, quotes_of: Callable[[], Iterable[PriceQuote]]) -> Self:
        """Return the row that `quotes_of` reads; what it refuses becomes a fault, so that all bad rows can be listed."""
        try:
            return cls(line=line, quotes=tuple(quotes_of()))
        except InputError as error:
            return cls(line=line, faults=(RowFault(line=line, column="", message=error.message, mend=error.mend),))


class PriceFile(Protocol):
    """One format of price files. `looks_like` says in words how it is recognised."""

    name: str
    title: str
    looks_like: str

    def recognises(self, first: Sequence[str], file_name: str) -> bool:
        """Tell by the first row and the file's name whether a file is of this format."""
        ...

    def read(self, rows: Iterator[tuple[int, list[str]]], file_name: str) -> Iterator[PriceRow]:
        """Yield what the rows say, given as (line, cells) from the first on, in file order.

        Raises:
            InputError: for faults of the file as a whole.
        """
        ...


class PriceSource(Protocol):
    """Gives prices of an asset in a currency."""

    name: str

    def quotes(self, asset: AssetCode, currency: AssetCode, *, since: datetime, until: datetime) -> Iterator[PricePage]:
        """Yield pages of quotes with `since` <= observed_at < `until`; nothing where the source has no such price.

        Raises:
            TransientError: when the source may answer later (never to be taken for "no price").
        """
        ...
