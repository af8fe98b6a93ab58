"""What a regime says of a book's settings: which methods and scopes it allows, and what to choose instead."""

from ledger.domain.errors import InputError
from ledger.lots.rules import RULES
from ledger.ports import BookTerms, MatchingRule

SCOPES = ("wallet",)


def allowed_rule(terms: BookTerms, *, regime: str, methods: tuple[str, ...]) -> MatchingRule:
    """Return the matching rule of the book's method.

    Raises:
        InputError: when the regime does not know the method or the scope; the message lists what it knows.
    """
    if terms.method not in methods:
        raise InputError(
            f"regime {regime!r} has no method {terms.method!r}",
            mend=f"set `method` in lotwright.toml to one of: {', '.join(methods)}",
        )
    if terms.scope not in SCOPES:
        raise InputError(
            f"regime {regime!r} has no scope {terms.scope!r}",
            mend=f"set `scope` in lotwright.toml to one of: {', '.join(SCOPES)}",
        )
    return RULES[terms.method]
