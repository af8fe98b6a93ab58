"""How domain values stand in columns, on both engines, without losing a digit or a microsecond.

SQLite has no exact decimal and no instant, so both are canonical text there; PostgreSQL keeps them as NUMERIC and
TIMESTAMPTZ. Reading is left to one lean function a column, because a million cells pass through it. On PostgreSQL the
driver itself is taught to give canonical values (see ``postgresql.py``), so nothing is left to do here.
"""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Date, DateTime, Dialect, Integer, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from ledger.domain.amount import DECIMALS_MAX, INTEGER_DIGITS_MAX, PLAIN_LENGTH_SAFE, exact_decimal, text_of
from ledger.domain.time.instant import instant_text

Json = str | int | bool | list["Json"] | dict[str, "Json"] | None

POSTGRESQL = "postgresql"

Seq = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is SQLite's own row number


def decimal_text(number: Decimal) -> str:
    """Return the canonical text of a number that a book can keep.

    Raises:
        NumberRefused: when it is not finite, or has more than 18 decimals or 20 integer digits.
    """
    return fitting(text_of(number))


def fitting(text: str) -> str:
    """Return the canonical text of a number after the checks of `decimal_text`.

    Raises:
        NumberRefused: as `decimal_text`.
    """
    if text[-1] > "9" or "N" in text or (len(text) > PLAIN_LENGTH_SAFE and not _fits(text)):
        exact_decimal(Decimal(text))  # says what is wrong
    return text


def decimal_text_or_none(number: Decimal | None) -> str | None:
    """Return `decimal_text`, or None for None."""
    return None if number is None else decimal_text(number)


def instant_text_or_none(instant: datetime | None) -> str | None:
    """Return `instant_text`, or None for None."""
    return None if instant is None else instant_text(instant)


def day_text_or_none(day: date | None) -> str | None:
    """Return the ISO text of a day, or None for None."""
    return None if day is None else day.isoformat()


def json_text(content: object) -> str:
    """Write plain JSON canonically: sorted keys, no spaces, characters as they are."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class ExactDecimal(TypeDecorator[Decimal]):
    """A number of at most 20 integer digits and 18 decimals: canonical text on SQLite, NUMERIC(38,18) on PostgreSQL.

    Gives back the number without trailing zeros. Binding a number that does not fit raises `NumberRefused`.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Decimal] | TypeEngine[str]:
        """Return the column type of an engine."""
        if dialect.name == POSTGRESQL:
            return Numeric(INTEGER_DIGITS_MAX + DECIMALS_MAX, DECIMALS_MAX)
        return Text()

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Write a number; both engines take its text."""
        return decimal_text_or_none(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Decimal | None] | None:  # noqa: ARG002  # SQLAlchemy's
        """Return the reader of one cell, None where the driver reads it."""
        return None if dialect.name == POSTGRESQL else _decimal_or_none


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC: fixed-width ISO text on SQLite (text order is time order), TIMESTAMPTZ on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Return the column type of an engine."""
        return DateTime(timezone=True) if dialect.name == POSTGRESQL else Text()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Write an instant; both engines take its text."""
        return instant_text_or_none(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], datetime | None] | None:  # noqa: ARG002  # SQLAlchemy's
        """Return the reader of one cell, None where the driver reads it."""
        return None if dialect.name == POSTGRESQL else _instant_or_none


class Day(TypeDecorator[date]):
    """A calendar date: ISO text on SQLite, DATE on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[date] | TypeEngine[str]:
        """Return the column type of an engine."""
        return Date() if dialect.name == POSTGRESQL else Text()

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Write a day; both engines take its text."""
        return day_text_or_none(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], date | None] | None:  # noqa: ARG002  # SQLAlchemy's
        """Return the reader of one cell, None where the driver reads it."""
        return None if dialect.name == POSTGRESQL else _day_or_none


class Key(TypeDecorator[str]):
    """Text that is compared and sorted by code point on both engines, whatever the locale of the server."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the column type of an engine; SQLite compares bytes by itself."""
        return Text(collation="C") if dialect.name == POSTGRESQL else Text()


class JsonText(TypeDecorator[Json]):
    """Plain JSON as canonical text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str:  # noqa: ARG002  # SQLAlchemy's signature
        """Write canonical text."""
        return json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:  # noqa: ARG002  # SQLAlchemy's signature
        """Read what was written."""
        assert value is not None
        content: Json = json.loads(value, parse_float=Decimal)
        return content


def _fits(text: str) -> bool:
    whole, _, decimals = text.partition(".")
    return len(decimals) <= DECIMALS_MAX and len(whole.lstrip("-")) <= INTEGER_DIGITS_MAX


def _decimal_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _instant_or_none(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _day_or_none(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
