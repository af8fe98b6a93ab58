"""Which box of Form 8949 a disposal belongs to: by the form that the broker issued for the account and the year.

Source: Instructions for Form 8949 (2025), parts I and II; Instructions for Form 1099-DA (2026).
"""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.domain.errors import InputError, nearest
from ledger.domain.lot import HoldingTerm
from ledger.ports import BookTerms

NONE = "none"
FIRST_YEAR_OF_DIGITAL_BOXES = 2025  # Form 8949 of that year is the first with boxes G to L, and Form 1099-DA begins with it
_DIGITAL = "1099-da"

# What was issued -> the boxes of short and of long term.
_BOXES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        NONE: ("I", "L"),
        "1099-da": ("H", "K"),
        "1099-da-basis": ("G", "J"),
        "1099-b": ("B", "E"),
        "1099-b-basis": ("A", "D"),
    },
)
_BOXES_BEFORE = ("C", "F")
FORMS = tuple(_BOXES)


def check_forms(terms: BookTerms) -> None:
    """Raise InputError where the settings name a form that does not exist, or that did not yet exist in its year."""
    for account, forms in terms.forms.items():
        for year, form in forms.items():
            fault = form_fault(form, year)
            if fault:
                raise InputError(f"connections.{account}.forms.{year} {fault[0]}", mend=fault[1])


def form_fault(form: str, year: int) -> tuple[str, str] | None:
    """Return what is wrong with a form of a year, and how to mend it; None where nothing is."""
    if form not in _BOXES:
        return f"is {form!r}", nearest(form, FORMS) or f"write one of: {', '.join(FORMS)}"
    if form.startswith(_DIGITAL) and year < FIRST_YEAR_OF_DIGITAL_BOXES:
        return f"is {form!r}: there is no such form for sales before {FIRST_YEAR_OF_DIGITAL_BOXES}", f"write {NONE} or a form 1099-b"
    return None


def box_of(*, term: HoldingTerm, year: int, form: str) -> str:
    """Return the box of Form 8949; `form` empty: none was issued. DECISIONS: us-box."""
    before = year < FIRST_YEAR_OF_DIGITAL_BOXES and form in ("", NONE)
    short, long = _BOXES_BEFORE if before else _BOXES[form or NONE]
    return long if term is HoldingTerm.LONG else short
