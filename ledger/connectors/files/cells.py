"""One cell of a file -> one value, or what is wrong with it and how to mend it.

Every format reads its cells with these functions, so that a bad number is refused in the same words wherever it stands. Each
raises `InputError`; `CellReader` turns that into a fault of the row and goes on, so that a user sees all faults at once.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from ledger.domain.amount import ZERO, Amount, AssetCode, asset_code, decimal_of, is_fiat
from ledger.domain.errors import InputError, NumberRefused, RowFault
from ledger.domain.ids import IN_TRANSIT, AccountId, BotId
from ledger.domain.time.instant import EPOCH
from ledger.domain.time.period import start_of_day

Value = TypeVar("Value")

NAME_CHARACTERS_MAX = 64
LABEL_CHARACTERS_MAX = 200
NOTE_CHARACTERS_MAX = 2000
YEAR_MIN, YEAR_MAX = 1900, 2999  # outside lies a typing error, and no room to convert between time zones

_SHOWN_MAX = 60
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FRACTION_DIGITS_MAX = 6
_WRITE_INSTANT = "write it like 2025-03-01T12:00:00Z or 2025-03-01T12:00:00.123456-05:00"
_WRITE_NUMBER = "write it like 1234.5678: at most 20 digits before the point and 18 after it"

_ONE = Decimal(1)
_NO_ASSET = AssetCode("")


def shown(text: str) -> str:
    """Return text from outside as a message repeats it: quoted, control characters escaped, at most 60 characters.

    >>> shown("1,000.5")
    "'1,000.5'"
    """
    return repr(text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "...")


def number_of(text: str) -> Decimal:
    """Read a number of either sign, exactly as written.

    Raises:
        InputError: when the cell is empty, no plain number, or does not fit a book.
    """
    if not text:
        raise InputError("is empty", mend=_WRITE_NUMBER)
    try:
        return decimal_of(text)
    except NumberRefused as error:
        raise InputError(error.message, mend=_WRITE_NUMBER) from error


def positive_of(text: str) -> Decimal:
    """Read a number above zero.

    Raises:
        InputError: as `number_of`, and when it is zero or negative.
    """
    number = number_of(text)
    if number > 0:
        return number
    if number == 0:
        raise InputError(f"{shown(text)} is zero", mend="an amount is above zero; leave out rows that move nothing")
    raise _negative(text)


def money_of(text: str) -> Decimal:
    """Read an amount of money paid or received, zero or more.

    Raises:
        InputError: as `number_of`, and when it is negative.
    """
    number = number_of(text)
    if number < 0:
        raise _negative(text)
    return number or ZERO  # never "-0"


def _negative(text: str) -> InputError:
    return InputError(f"{shown(text)} is negative", mend="write the amount without sign; the type of the row says which way it goes")


def worth_of(text: str) -> Decimal:
    """Read a market value or cost, zero or more.

    Raises:
        InputError: as `number_of`, and when it is negative.
    """
    number = number_of(text)
    if number < 0:
        raise InputError(f"{shown(text)} is negative", mend="write a value of zero or more, or leave it empty if it is not known")
    return number


@lru_cache(maxsize=4096)
def asset_of(text: str) -> AssetCode:
    """Read an asset code.

    Raises:
        InputError: when the cell is empty or no asset code; for lower case it names the code that may be meant.
    """
    if not text:
        raise InputError("is empty", mend="write the code of the asset, like BTC")
    try:
        return asset_code(text)
    except NumberRefused as error:
        raise InputError(error.message, mend=_asset_meant(text)) from error


def _asset_meant(text: str) -> str:
    try:
        return f"did you mean {asset_code(text.upper())}?"
    except NumberRefused:
        return "write the code as the venue does, like BTC"


def instant_of(text: str) -> datetime:
    """Read an ISO 8601 date and time with offset or ``Z``, down to microseconds; returned in UTC.

    Raises:
        InputError: when it has no offset, more than six decimals of a second, is no such text or no time of the calendar.

    >>> instant_of("2025-03-01T12:00:00.5-05:00")
    datetime.datetime(2025, 3, 1, 17, 0, 0, 500000, tzinfo=datetime.timezone.utc)
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise InputError(_no_instant(text), mend=_WRITE_INSTANT)
    fraction, offset = match.groups()
    if offset is None:
        raise InputError(f"{shown(text)} has no UTC offset", mend="add Z for UTC, or the offset of the clock, like -05:00")
    if fraction is not None and len(fraction) > _FRACTION_DIGITS_MAX:
        raise InputError(f"{shown(text)} is finer than a microsecond", mend="write at most six decimals of a second")
    return _calendar_instant(text)


def _no_instant(text: str) -> str:
    if not text:
        return "is empty"
    return f"{shown(text)} is a day without a time" if _DAY.fullmatch(text) else f"{shown(text)} is not a date and time"


def instant_or_day_of(text: str, zone: tzinfo) -> datetime:
    """Read what `instant_of` reads, or a bare date: the start of that day in `zone`; returned in UTC.

    Raises:
        InputError: as `instant_of`.
    """
    return _calendar_instant(text, zone) if _DAY.fullmatch(text) else instant_of(text)


def bare_day_of(text: str) -> date | None:
    """Return the day of a cell that `instant_or_day_of` takes, where it is a bare date; None where it tells an instant."""
    return date.fromisoformat(text) if _DAY.fullmatch(text) else None


def _calendar_instant(text: str, zone: tzinfo | None = None) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{shown(text)} is not in the calendar", mend="check day, hour and offset") from error
    if not YEAR_MIN <= told.year <= YEAR_MAX:
        raise InputError(f"{shown(text)} lies outside the years {YEAR_MIN} to {YEAR_MAX}", mend="check the year")
    if zone is not None:
        return start_of_day(told.date(), zone)
    return told if told.tzinfo is UTC else told.astimezone(UTC)


@lru_cache(maxsize=1024)
def account_of(text: str) -> AccountId:
    """Read the name of an account: 1 to 64 printable characters, no colon (it parts the names of ledger accounts).

    Raises:
        InputError: when the text is no such name, or the one that units on their way between wallets are kept under.
    """
    if text.startswith(IN_TRANSIT):
        raise InputError(f"{shown(text)} is kept for units on their way between wallets", mend="choose another name")
    if ":" in text:
        raise InputError(f"{shown(text)} has a colon", mend="leave colons out of the names of accounts")
    return AccountId(_printable(text, characters_max=NAME_CHARACTERS_MAX))


@lru_cache(maxsize=1024)
def bot_of(text: str) -> BotId:
    """Read the name of a bot: 1 to 64 printable characters.

    Raises:
        InputError: when the text is no such name.
    """
    return BotId(_printable(text, characters_max=NAME_CHARACTERS_MAX))


def label_of(text: str) -> str:
    """Read an id as a source gives it: 1 to 200 printable characters.

    Raises:
        InputError: when the text is no such id.
    """
    return _printable(text, characters_max=LABEL_CHARACTERS_MAX)


def note_of(text: str) -> str:
    """Read a note: 1 to 2,000 characters, line breaks and tabs allowed, no other control characters.

    Raises:
        InputError: when the text is too long or has such characters.
    """
    _printable(text.translate({10: " ", 13: " ", 9: " "}), characters_max=NOTE_CHARACTERS_MAX)
    return text


def _printable(text: str, *, characters_max: int) -> str:
    if not text:
        raise InputError("is empty", mend="fill the cell")
    if len(text) > characters_max:
        raise InputError(f"{shown(text)} has {len(text):,} characters", mend=f"write at most {characters_max:,}")
    if not text.isprintable():
        raise InputError(f"{shown(text)} has characters that cannot be printed", mend="type the text again")
    return text


class CellReader:
    """Reads cells of one row after another; `faults` are those of the row begun last.

    A refused cell gives a stand-in, so that the other cells of its row are still checked: an event made of stand-ins must be
    thrown away, which `read_rows` does wherever there are faults.
    """

    __slots__ = ("_line", "_zone", "faults")

    def __init__(self, zone: tzinfo) -> None:
        self._line = 0
        self._zone = zone
        self.faults: list[RowFault] = []

    def begin(self, line: int) -> None:
        """Turn to the row that begins on `line`."""
        self._line = line
        self.faults = []

    def refuse(self, column: str, message: str, mend: str) -> None:
        """Note what is wrong in a column of the present row; an empty `column` means the row."""
        self.faults.append(RowFault(line=self._line, column=column, message=message, mend=mend))

    def take(self, read: Callable[[str], Value], text: str, *, column: str, stand_in: Value) -> Value:
        """Return what `read` makes of a cell, or `stand_in` after noting why it was refused."""
        try:
            return read(text)
        except InputError as error:
            self.refuse(column, error.message, error.mend)
            return stand_in

    def number(self, text: str, *, column: str) -> Decimal:
        """Return a number of either sign."""
        return self.take(number_of, text, column=column, stand_in=_ONE)

    def positive(self, text: str, *, column: str) -> Decimal:
        """Return a number above zero."""
        return self.take(positive_of, text, column=column, stand_in=_ONE)

    def consideration(self, quantity: str, asset: str, *, columns: tuple[str, str]) -> Amount:
        """Return what was paid or received: a positive amount, or nothing in government money (a token sold for 0 USD is gone)."""
        if not is_fiat(AssetCode(asset)):
            return self.amount(quantity, asset, columns=columns)
        return Amount(quantity=self.take(money_of, quantity, column=columns[0], stand_in=_ONE), asset=AssetCode(asset))

    def worth(self, text: str, *, column: str) -> Decimal | None:
        """Return a value of zero or more; None for an empty cell: not told, never zero."""
        return self.take(worth_of, text, column=column, stand_in=None) if text else None

    def asset(self, text: str, *, column: str) -> AssetCode:
        """Return an asset code."""
        return self.take(asset_of, text, column=column, stand_in=_NO_ASSET)

    def amount(self, quantity: str, asset: str, *, columns: tuple[str, str]) -> Amount:
        """Return a positive amount from two cells; `columns` names that of the quantity and that of the asset."""
        return Amount(quantity=self.positive(quantity, column=columns[0]), asset=self.asset(asset, column=columns[1]))

    def instant(self, text: str, *, column: str) -> datetime:
        """Return an instant in UTC."""
        return self.take(instant_of, text, column=column, stand_in=EPOCH)

    def instant_or_day(self, text: str, *, column: str) -> datetime:
        """Return an instant in UTC; of a bare date, the start of that day in the book's zone."""
        return self.take(lambda cell: instant_or_day_of(cell, self._zone), text, column=column, stand_in=EPOCH)

    def account(self, text: str, *, column: str) -> AccountId:
        """Return the name of an account."""
        return self.take(account_of, text, column=column, stand_in=AccountId(""))

    def bot(self, text: str, *, column: str) -> BotId | None:
        """Return the name of a bot; None for an empty cell."""
        return self.take(bot_of, text, column=column, stand_in=None) if text else None

    def label(self, text: str, *, column: str) -> str:
        """Return an id as the source gives it."""
        return self.take(label_of, text, column=column, stand_in="")

    def note(self, text: str, *, column: str) -> str | None:
        """Return a note; None for an empty cell."""
        return self.take(note_of, text, column=column, stand_in=None) if text else None
