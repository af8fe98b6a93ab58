"""Lotwright's own price file, ``lotwright-prices``: ``time,asset,currency,price,source``; the source may be left out."""

from collections.abc import Iterator, Sequence
from functools import partial

from ledger.domain.errors import InputError
from ledger.domain.price import PriceQuote
from ledger.ports import PriceRow
from ledger.prices.cells import check_width, code_of, moment_of, price_of

_COLUMNS = ("time", "asset", "currency", "price")
_SOURCE = "source"
_SOURCE_CHARACTERS_MAX = 64


class LotwrightPrices:
    """Reads quotes one by one, columns in any order."""

    name = "lotwright-prices"
    title = "Lotwright's own prices"
    looks_like = "a header with time, asset, currency, price and perhaps source"

    def recognises(self, first: Sequence[str], file_name: str) -> bool:  # noqa: ARG002  # the port asks with the name
        """Tell by the header."""
        return {*first, _SOURCE} == {*_COLUMNS, _SOURCE} and len(first) == len(set(first))

    def read(self, rows: Iterator[tuple[int, list[str]]], file_name: str) -> Iterator[PriceRow]:  # noqa: ARG002  # as above
        """Yield one quote a row."""
        _, header = next(rows)
        for line, cells in rows:
            yield PriceRow.read(line, partial(_quotes, header, cells))


def _quotes(header: Sequence[str], cells: Sequence[str]) -> tuple[PriceQuote]:
    check_width(cells, header)
    row = dict(zip(header, cells, strict=True))
    if not all(row.get(column) for column in _COLUMNS):
        raise InputError(f"has no {next(column for column in _COLUMNS if not row.get(column))}", mend="fill the cell")
    source = row.get(_SOURCE) or LotwrightPrices.name
    if len(source) > _SOURCE_CHARACTERS_MAX or not source.isprintable():
        raise InputError("has a source that cannot be printed or is too long", mend=f"write at most {_SOURCE_CHARACTERS_MAX} characters")
    quote = PriceQuote(
        asset=code_of(row["asset"]),
        currency=code_of(row["currency"]),
        observed_at=moment_of(row["time"]),
        price=price_of(row["price"]),
        source=source,
    )
    return (quote,)
