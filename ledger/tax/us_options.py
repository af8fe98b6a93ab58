"""What a book may choose within the law of the United States: the `law` table of its settings, parsed once.

A further option is a field of `UsOptions` and a line in `us_options`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

from ledger.domain.errors import InputError
from ledger.domain.event import IncomeKind
from ledger.ports import BookTerms
from ledger.tax.options import LawReader
from ledger.tax.treatment import TransferFee

_INCOME_LINE = "Schedule 1, line 8v"  # DECISIONS: us-income-line
_OFF, _ANALYSIS = "off", "analysis"
_ANALYSIS_FROM = re.compile(r"analysis-from-([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class WashSales:
    """Whether wash sales are analysed, and of losses from which day on (None: of all)."""

    analysed: bool
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsOptions:
    """`month_end`: what was acquired on the last day of a month is long from the first day of a month (Rev. Rul. 66-7).

    `transfer_fee`: what the fees of moves between own wallets are, by tax year; of other years a disposal. `spam` are tokens that nobody
    asked for: as income they are worth nothing. `income_lines` are the lines of the return by kind of income.
    """

    month_end: bool
    wash_sales: WashSales
    transfer_fee: Mapping[int, TransferFee]
    spam: frozenset[str]
    income_lines: Mapping[str, str]


def us_options(terms: BookTerms) -> UsOptions:
    """Return the options of a book.

    Raises:
        InputError: for an unknown option or an impossible choice.
    """
    told = LawReader(terms, regime="us", known=[option.name for option in fields(UsOptions)])
    return UsOptions(
        month_end=told.flag("month_end", default=False),
        wash_sales=_wash_sales(told.text("wash_sales", default=_OFF)),
        transfer_fee={year: TransferFee(choice) for year, choice in told.by_year("transfer_fee", choices=list(TransferFee)).items()},
        spam=told.names("spam"),
        income_lines={**dict.fromkeys(IncomeKind, _INCOME_LINE), **told.by_name("income_lines", known=list(IncomeKind))},
    )


def _wash_sales(text: str) -> WashSales:
    if text in (_OFF, _ANALYSIS):
        return WashSales(analysed=text == _ANALYSIS)
    day = _ANALYSIS_FROM.fullmatch(text)
    try:
        since = date.fromisoformat(day[1]) if day else None
    except ValueError:
        since = None
    if since is None:
        raise InputError(f"law.wash_sales is {text!r}", mend=f"write one of: {_OFF}, {_ANALYSIS}, {_ANALYSIS}-from-YYYY-MM-DD")
    return WashSales(analysed=True, since=since)
