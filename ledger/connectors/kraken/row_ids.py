"""Ids of rows as the venue gives them, and what stands for an id that no cursor and no book can keep: pure.

A row with such an id is still walked over, and told as one that cannot be read: it costs itself, not its page.
"""

from ledger.domain.errors import InputError
from ledger.domain.ids import content_hash

_MARK = "\\"  # in no id of this venue, and in every stand-in
_LENGTH_MAX = 100
_SHOWN = 40
_HASH_DIGITS = 12


def kept_id(told: str) -> str:
    r"""Return an id as it is; of one that is empty, long, or holds a blank or what is not printable, a short stand-in of its own.

    >>> kept_id("L4UESK-KG3EQ-UFO4T5"), kept_id("A B")
    ('L4UESK-KG3EQ-UFO4T5', 'A\\x20B\\fea4c5ce720c')
    """
    if is_plain(told):
        return told
    spelled = ascii(told)[1:-1]
    return f"{spelled[:_SHOWN]}".replace(" ", "\\x20") + _MARK + content_hash(spelled.encode())[:_HASH_DIGITS]


def is_plain(told: str) -> bool:
    """Tell whether an id can be kept, put into a list and sent back."""
    return 0 < len(told) <= _LENGTH_MAX and told.isprintable() and " " not in told and _MARK not in told


def refuse_stand_in(row_id: str) -> None:
    """Refuse a row of which only a stand-in of its id is known.

    Raises:
        InputError: always for such a row.
    """
    if _MARK in row_id:
        raise InputError("its id is none that a book can keep")
