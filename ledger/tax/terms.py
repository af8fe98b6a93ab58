"""What a regime says of a book's settings: which methods and scopes it allows, and what to choose instead."""

from collections.abc import Mapping, Sequence

from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.time.period import YearStart
from ledger.lots.rules import ALL_WALLETS, METHODS, WALLET, switch_day
from ledger.ports import BookTerms, MatchingRule

ANY_SWITCH = "universal-until-YYYY-MM-DD"  # in a list of scopes: any day will do
_SCOPES_OF_AVERAGES: Mapping[str, Sequence[str]] = {"average": (WALLET, ALL_WALLETS), "total-average": (ALL_WALLETS,)}


def allowed_rule(
    terms: BookTerms,
    *,
    regime: str,
    methods: Sequence[str],
    scopes: Sequence[str],
    instead: Mapping[str, str] | None = None,
) -> MatchingRule:
    """Return the matching rule of the book's method and scope. `instead` says of a refused method what the law offers in its place.

    Raises:
        InputError: when the regime does not know the method or the scope; the message lists what it knows.
    """
    if terms.method not in methods:
        raise InputError(
            f"regime {regime!r} has no method {terms.method!r}",
            mend=(instead or {}).get(terms.method, f"set `method` in lotwright.toml to one of: {', '.join(methods)}"),
        )
    known = [scope for scope in scopes if scope in _SCOPES_OF_AVERAGES.get(terms.method, scopes)]
    if terms.scope not in known and not (ANY_SWITCH in known and switch_day(terms.scope)):
        raise InputError(
            f"regime {regime!r} has no scope {terms.scope!r} with method {terms.method!r}",
            mend=f"set `scope` in lotwright.toml to one of: {', '.join(known)}",
        )
    return METHODS[terms.method](terms)


def reckoned_in(terms: BookTerms, currency: AssetCode, *, regime: str) -> None:
    """Raise InputError when a book is not in the currency of the law."""
    if terms.currency != currency:
        raise InputError(
            f"regime {regime!r} reckons in {currency}, the book in {terms.currency}",
            mend=f'set `currency = "{currency}"` in lotwright.toml, or `regime = "generic"`',
        )


def years_begin(terms: BookTerms, law: YearStart, *, regime: str) -> None:
    """Raise InputError when a book begins its tax years on another day than the law."""
    if terms.year_start not in (None, law):
        raise InputError(
            f"regime {regime!r} begins tax years on {law}, the book on {terms.year_start}",
            mend='take `year_start` out of lotwright.toml, or set `regime = "generic"`',
        )
