"""Cells of this venue's rows that are objects of their own: amounts with their currency, and whatever else is nested."""

from ledger.domain.amount import Amount, asset_code, exact_decimal
from ledger.domain.errors import InputError
from ledger.domain.json_text import Row, cell_number, cell_text, object_of


def part_of(row: Row, key: str) -> Row:
    """Return a nested object, an empty one where a row has none.

    Raises:
        InputError: when there is something else.
    """
    part = row.get(key)
    return {} if part is None else object_of(part)


def amount_in(row: Row, key: str, *, number: str = "amount") -> Amount:
    """Read ``{"amount": "-0.5", "currency": "BTC"}`` under a key.

    Raises:
        InputError: when there is none.
    """
    told = part_of(row, key)
    if not told:
        raise InputError(f'"{key}" is missing')
    return Amount(quantity=cell_number(told, number), asset=asset_code(cell_text(told, "currency")))


def sum_of(one: Amount, other: Amount) -> Amount:
    """Add two amounts.

    Raises:
        InputError: when they are of two assets.
    """
    if one.asset != other.asset:
        raise InputError(f"{one} and {other} cannot be added")
    return Amount(quantity=exact_decimal((one + other).quantity), asset=one.asset)
