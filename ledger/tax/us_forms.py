"""Form 8949 of one disposal: its box by the form that the broker issued, and what that form told otherwise than the books.

Source: Instructions for Form 8949 (2025): the boxes of parts I and II, columns (d) to (g); Instructions for Form 1099-DA (2026).
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from ledger.domain.amount import EXACT, ZERO, added, cents_half_up, subtracted
from ledger.domain.errors import InputError, nearest
from ledger.domain.law.statement import AsReported, BrokerForm, Told
from ledger.domain.lot import Adjustment, Disposal, HoldingTerm
from ledger.ports import BookTerms

NONE = "none"
_FIRST_YEAR_OF_DIGITAL_BOXES = 2025  # Form 8949 of that year is the first with boxes G to L

# What was issued -> the boxes of short and of long term.
_BOXES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        NONE: ("I", "L"),
        BrokerForm.DIGITAL: ("H", "K"),
        BrokerForm.DIGITAL_BASIS: ("G", "J"),
        BrokerForm.SECURITIES: ("B", "E"),
        BrokerForm.SECURITIES_BASIS: ("A", "D"),
    },
)
_BOXES_BEFORE = ("C", "F")
FORMS = tuple(map(str, _BOXES))


def check_forms(terms: BookTerms) -> None:
    """Raise InputError where the settings name a form that does not exist, or that did not yet exist in its year."""
    for account, forms in terms.forms.items():
        for year, form in forms.items():
            fault = _form_fault(form, year)
            if fault:
                raise InputError(f"connections.{account}.forms.{year} {fault[0]}", mend=fault[1])


def _form_fault(form: str, year: int) -> tuple[str, str] | None:
    """Return what is wrong with a form of a year, and how to mend it; None where nothing is."""
    if form not in _BOXES:
        return f"is {form!r}", nearest(form, FORMS) or f"write one of: {', '.join(FORMS)}"
    if form != NONE and year < (first := BrokerForm(form).first_year):
        return f"is {form!r}: there is no such form for sales before {first}", f"write {NONE} or a form 1099-b"
    return None


def box_of(*, term: HoldingTerm, year: int, form: str) -> str:
    """Return the box of Form 8949; `form` empty: none was issued. DECISIONS: us-box."""
    before = year < _FIRST_YEAR_OF_DIGITAL_BOXES and form in ("", NONE)
    short, long = _BOXES_BEFORE if before else _BOXES[form or NONE]
    return long if term is HoldingTerm.LONG else short


def as_reported(piece: Disposal, told: Told, *, term: HoldingTerm) -> AsReported:
    """Return columns (d) to (g) of a piece of which the broker's form tells. Exact; rounding is the form's.

    A figure of the form that is ours to the cent is ours. DECISIONS: us-codes.
    """
    proceeds, codes, change = _proceeds(piece, told)
    cost, basis_codes, basis_change = _cost_basis(piece, told)
    wrong_term = told.term is not None and told.term is not term
    named, named_change = _named(piece, told)
    letters = sorted({*codes, *basis_codes, *("T" if wrong_term else ""), *named})
    amount = added(change, basis_change, named_change)
    return AsReported(
        proceeds=proceeds,
        cost_basis=cost,
        adjustment=Adjustment(codes="".join(letters), amount=amount) if letters else None,
    )


_Change = tuple[Decimal | None, str, Decimal]  # the figure for the form, codes, part of column (g)


def _proceeds(piece: Disposal, told: Told) -> _Change:
    """Return column (d): what the form says; where it leaves selling costs out code E, where it differs otherwise code O."""
    own, costs = piece.proceeds, piece.selling_costs
    if own is None or _same_cents(own, told.proceeds):
        return own, "", ZERO
    gross = added(own, costs)
    if _same_cents(gross, told.proceeds):
        return gross, "E", EXACT.minus(costs)
    return told.proceeds, "O", subtracted(own, told.proceeds)


def _cost_basis(piece: Disposal, told: Told) -> _Change:
    """Return column (e): a wrong basis stays where the authority has it and is corrected in (g), and is ours where it has none."""
    own = piece.cost_basis
    if own is None or told.cost_basis is None or _same_cents(own, told.cost_basis):
        return own, "", ZERO
    if told.form.basis_reported:
        return told.cost_basis, "B", subtracted(told.cost_basis, own)
    return own, "B", ZERO


def _named(piece: Disposal, told: Told) -> tuple[str, Decimal]:
    """Return the code that the row itself names, with its amount; without one the whole loss does not count."""
    if not told.code:
        return "", ZERO
    if told.adjustment is not None:
        return told.code, told.adjustment
    if piece.proceeds is None or piece.cost_basis is None:
        return told.code, ZERO
    return told.code, max(ZERO, subtracted(piece.cost_basis, piece.proceeds))


def _same_cents(one: Decimal, other: Decimal) -> bool:
    return cents_half_up(one) == cents_half_up(other)
