"""The neutral table document between reports and file formats: N reports and M formats, never N x M.

A report says what a cell *is* (money, a quantity, a day); an exporter decides how that looks in its format.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from ledger.domain.errors import InputError, nearest

Cell = str | int | Decimal | date | datetime | None
Row = tuple[Cell, ...]


class CellKind(StrEnum):
    """What the cells of a column are. `OUTSIDE` is text that came from a file or a venue and is never trusted.

    `MONEY` is shown to the cent. `PRICE` is money for one unit or less than a cent: shown with as many decimals as it takes.
    """

    TEXT = "text"
    OUTSIDE = "outside"
    MONEY = "money"
    PRICE = "price"
    QUANTITY = "quantity"
    INTEGER = "integer"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`name` is the header in CSV and JSON, `title` the one for people. `total`: the column's sum means something."""

    name: str
    title: str
    kind: CellKind = CellKind.TEXT
    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns. `rows` gives a fresh iterator at each call, so that a million rows need no memory."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterator[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """One report. `cover` lists labelled facts (book, period, method, version, findings); the first table is the main one.

    `findings` says in one line each what a reader must know before trusting the figures; empty when the book is clean.
    """

    name: str
    title: str
    cover: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOption:
    """One way in which a report can be asked differently. The first of `choices` is what nobody has to ask for."""

    name: str
    title: str
    choices: tuple[str, ...]


def chosen_options(known: Sequence[ReportOption], asked: Mapping[str, str], *, of: str) -> dict[str, str]:
    """Return every known option with the choice asked for, else its first; `of` names the report.

    Raises:
        InputError: for an option or a choice that the report does not have; the message names the nearest.
    """
    choices = {option.name: option.choices for option in known}
    for name, choice in asked.items():
        if name not in choices:
            mend = nearest(name, list(choices)) or (f"it has: {', '.join(choices)}" if choices else "leave --set out")
            raise InputError(f"report {of} has no option {name!r}", mend=mend)
        if choice not in choices[name]:
            mend = nearest(choice, choices[name]) or f"choose one of: {', '.join(choices[name])}"
            raise InputError(f"report {of}: option {name} cannot be {choice!r}", mend=mend)
    return {option.name: asked.get(option.name, option.choices[0]) for option in known}
