"""JSON as venues send it, read without losing a digit, and the cells of its rows.

Parsers (pure) and transport (edge) both read venue answers; this is the one place that says how. Numbers with a point or an
exponent become ``Decimal``, whole numbers ``int`` of any size, and a float never exists. A cell is read by its key, and refused
with an `InputError` that names the key and shows what was found.
"""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias, cast

from ledger.domain.amount import EXACT, PLAIN_LENGTH_SAFE, exact_decimal, text_of
from ledger.domain.errors import InputError, NumberRefused

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"
Row: TypeAlias = "dict[str, Json]"

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_DIGITS_MAX = 80  # the precision of exact arithmetic
_MAGNITUDE_MAX = 100  # beyond any figure of a book, and safe to compute with
_TEXT_MAX = 500
_WHOLE_MAX = 2**63 - 1  # what a database keeps as a whole number
_SHOWN_MAX = 160


def json_of(content: bytes) -> Json:
    """Read UTF-8 JSON exactly as written.

    A number beyond reading, and the ``NaN`` and ``Infinity`` that some venues write, become a ``Decimal`` that is not finite: the
    cell is refused when it is read as a number, and the rest of the page is not lost with it.

    Raises:
        InputError: when the bytes are no JSON, or nested too deep.

    >>> json_of(b'[0.1, 1E-8, 9007199254740993]')
    [Decimal('0.1'), Decimal('1E-8'), 9007199254740993]
    """
    try:
        return cast("Json", json.loads(content.decode(), parse_float=_decimal, parse_int=_integer, parse_constant=Decimal))
    except (ValueError, RecursionError) as failure:
        raise InputError(f"is not readable as JSON ({type(failure).__name__} in {len(content)} bytes)") from failure


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("Infinity")


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < _TEXT_MAX else Decimal("Infinity")


def object_of(row: Json) -> Row:
    """Return a row as an object of named cells.

    Raises:
        InputError: when it is none.
    """
    if not isinstance(row, dict):
        raise InputError(f"it is no object but {shown(row)}")
    return row


def cell_text_or_none(row: Row, key: str) -> str | None:
    """Return a printable text of at most 500 characters; None when it is absent, null or empty.

    Raises:
        InputError: when there is something else.
    """
    raw = row.get(key)
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str) or not raw.isprintable() or len(raw) > _TEXT_MAX:
        raise InputError(f'"{key}" is no plain text: {shown(raw)}')
    return raw


def cell_text(row: Row, key: str) -> str:
    """Return a printable text.

    Raises:
        InputError: when it is absent, null, empty or something else.
    """
    text = cell_text_or_none(row, key)
    if text is None:
        raise _missing(key)
    return text


def cell_whole(row: Row, key: str) -> int:
    """Return a whole number from 0 to 2**63 - 1, given as a number or as text.

    Raises:
        InputError: when there is none.
    """
    raw = row.get(key)
    is_digits = isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < _TEXT_MAX
    whole = int(cast("str", raw)) if is_digits else raw
    if not isinstance(whole, int) or isinstance(whole, bool) or not 0 <= whole <= _WHOLE_MAX:
        raise InputError(f'"{key}" is no whole number of at most 63 bits: {shown(raw)}')
    return whole


def cell_number_or_none(row: Row, key: str) -> Decimal | None:
    """Return a number given as text or as a JSON number, exact and without padding; None when it is absent, null or empty.

    Raises:
        InputError: when there is something else, or a number that no book holds (18 decimals, 20 integer digits).
    """
    raw = row.get(key)
    if raw is None or raw == "":
        return None
    written = _NUMBER.fullmatch(raw) if isinstance(raw, str) and len(raw) < _TEXT_MAX else None
    if written is not None and written[1] is None and len(written[0]) <= PLAIN_LENGTH_SAFE:
        return Decimal(written[0]).normalize(EXACT)  # the usual case, which fits a book: nothing else has to be looked at
    if written is None and (isinstance(raw, bool) or not isinstance(raw, (int, Decimal))):
        raise InputError(f'"{key}" is no number: {shown(raw)}')
    number = Decimal(cast("str | int | Decimal", raw))
    is_short = written is not None and len(written[0]) <= _DIGITS_MAX  # then it has no more digits either
    if not (is_short or len(number.as_tuple().digits) <= _DIGITS_MAX) or abs(number.adjusted()) > _MAGNITUDE_MAX:
        raise NumberRefused(shown(raw), f'is out of range as "{key}"')
    return exact_decimal(number)


def cell_number(row: Row, key: str) -> Decimal:
    """Return a number, of either sign.

    Raises:
        InputError: as `cell_number_or_none`, and when it is absent.
    """
    number = cell_number_or_none(row, key)
    if number is None:
        raise _missing(key)
    return number


def cell_positive(row: Row, key: str) -> Decimal:
    """Return a number above zero.

    Raises:
        InputError: as `cell_number`, and when it is zero or less.
    """
    number = cell_number(row, key)
    if number <= 0:
        raise InputError(f'"{key}" is {text_of(number)}, not above zero')
    return number


def cell_instant(row: Row, key: str) -> datetime:
    """Return an ISO 8601 instant with its offset as UTC; a space may stand for the ``T`` and ``+00`` for ``+00:00``.

    Raises:
        InputError: when there is none, or one without an offset.

    >>> cell_instant({"at": "2024-05-02 09:14:55.120374+00"}, "at").isoformat()
    '2024-05-02T09:14:55.120374+00:00'
    """
    text = cell_text(row, key)
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError) as refused:
        raise InputError(f'"{key}" is no instant: {shown(text)}') from refused
    raise InputError(f'"{key}" has no time zone: {shown(text)}')


def shown(raw: Json) -> str:
    """Show a cell, or the plain cells of an object, in a message: short and printable whatever it holds.

    >>> shown({"type": "swap", "details": {"deep": [1]}, "amount": Decimal("1.50")})
    "amount: 1.50, details: {...}, type: 'swap'"
    """
    text = _shown_row(raw) if isinstance(raw, dict) else _shown_cell(raw)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."


def _shown_row(row: Row) -> str:
    return ", ".join(f"{ascii(key)[1:-1]}: {_shown_cell(row[key])}" for key in sorted(row))


def _shown_cell(raw: Json) -> str:
    if isinstance(raw, dict):
        return "{...}"
    if isinstance(raw, list):
        return "[...]"
    return str(raw) if isinstance(raw, Decimal) else ascii(raw)


def _missing(key: str) -> InputError:
    return InputError(f'"{key}" is missing or empty')
