"""Rates between currencies, one a day: the euro reference rates of the ECB, and the H.10 release of the Federal Reserve."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from ledger.domain.amount import AssetCode, is_fiat
from ledger.domain.errors import InputError
from ledger.domain.price import PriceQuote
from ledger.ports import PriceRow
from ledger.prices.cells import check_width, day_of, price_of

_EURO = AssetCode("EUR")
_NO_RATES = ("", "N/A", "ND", "NC")
_ECB_COLUMNS_MIN = 5
_UNIT = re.compile(r"Currency:_Per_([A-Z]{3})", re.ASCII)
_H10_LABELS = ("Series Description", "Unit:", "Multiplier:", "Currency:", "Unique Identifier:", "Time Period")


class EcbRates:
    """Reads ``eurofxref-hist.csv``: units of each currency for one euro; columns of currencies that we do not know are left out."""

    name = "ecb"
    title = "Euro reference rates of the ECB"
    looks_like = "a header with Date and codes of currencies"

    def recognises(self, first: Sequence[str], file_name: str) -> bool:  # noqa: ARG002  # the port asks with the name
        """Tell by the header."""
        return len(first) >= _ECB_COLUMNS_MIN and first[0] == "Date" and {"USD", "GBP", "JPY"} <= set(first)

    def read(self, rows: Iterator[tuple[int, list[str]]], file_name: str) -> Iterator[PriceRow]:  # noqa: ARG002  # as above
        """Yield the rates of one day a row."""
        _, header = next(rows)
        known = [(place, AssetCode(code)) for place, code in enumerate(header) if is_fiat(AssetCode(code))]
        for line, cells in rows:
            yield PriceRow.read(line, partial(_ecb_rates, header, cells, known))


def _ecb_rates(header: Sequence[str], cells: Sequence[str], known: Sequence[tuple[int, AssetCode]]) -> Iterator[PriceQuote]:
    check_width(cells, header)
    moment = day_of(cells[0])
    for place, code in known:
        if cells[place] not in _NO_RATES:
            yield PriceQuote(asset=_EURO, currency=code, observed_at=moment, price=price_of(cells[place]), source=EcbRates.name)


class FedH10:
    """Reads the CSV of the H.10 release, series in columns: which way a rate goes stands in its unit, not in its title."""

    name = "fed-h10"
    title = "Federal Reserve H.10"
    looks_like = "six rows that describe each series, from Series Description to Time Period"

    def recognises(self, first: Sequence[str], file_name: str) -> bool:  # noqa: ARG002  # the port asks with the name
        """Tell by the first cell."""
        return bool(first) and first[0].startswith(_H10_LABELS[0])

    def read(self, rows: Iterator[tuple[int, list[str]]], file_name: str) -> Iterator[PriceRow]:
        """Yield the rates of one day a row; indices are left out.

        Raises:
            InputError: when the rows that describe the series are not those of the release.
        """
        described = {}
        for label in _H10_LABELS:
            line, cells = next(rows, (0, [""]))
            if cells[0].rstrip() != label:
                raise InputError(f"{file_name}, line {line}: begins with {cells[0]!r}, not with {label!r}", mend="use series in columns")
            described[label] = cells
        series = list(_series(described["Unit:"], described["Currency:"], described["Multiplier:"]))
        for line, cells in rows:
            yield PriceRow.read(line, partial(_h10_rates, described[_H10_LABELS[-1]], cells, series))


def _series(units: Sequence[str], currencies: Sequence[str], multipliers: Sequence[str]) -> Iterator[tuple[int, AssetCode, AssetCode]]:
    """Yield the place of each series with the asset that it prices and the currency that it prices it in."""
    for place, (unit, currency, multiplier) in enumerate(zip(units, currencies, multipliers, strict=False)):
        priced = _UNIT.fullmatch(unit)
        if priced and multiplier == "1" and is_fiat(AssetCode(priced[1])) and is_fiat(AssetCode(currency)):
            yield place, AssetCode(priced[1]), AssetCode(currency)


def _h10_rates(header: Sequence[str], cells: Sequence[str], series: Sequence[tuple[int, AssetCode, AssetCode]]) -> Iterator[PriceQuote]:
    check_width(cells, header)
    moment = day_of(cells[0])
    for place, asset, currency in series:
        if cells[place] not in _NO_RATES:
            yield PriceQuote(asset=asset, currency=currency, observed_at=moment, price=price_of(cells[place]), source=FedH10.name)
