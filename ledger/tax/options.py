"""Reading the options of a law out of a book's settings: each is read once, checked and typed, and unknown ones are refused."""

import re
from collections.abc import Mapping, Sequence

from ledger.domain.errors import InputError, UnsupportedCase, nearest
from ledger.ports import BookTerms

_YEAR = re.compile(r"[0-9]{4}", re.ASCII)


class LawReader:
    """The `law` table of one book, under a regime that knows the options named."""

    def __init__(self, terms: BookTerms, *, regime: str, known: Sequence[str]) -> None:
        self._told = terms.law
        self._regime = regime
        for name in terms.law:
            if name not in known:
                mend = nearest(name, known) or (f"it knows: {', '.join(known)}" if known else "take it out of lotwright.toml")
                raise InputError(f"regime {regime!r} has no option law.{name}", mend=mend)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false.

        Raises:
            InputError: for anything else.
        """
        told = self._told.get(name, default)
        if not isinstance(told, bool):
            raise InputError(f"law.{name} is {told!r}", mend=f"write {name} = true or {name} = false, without quotes")
        return told

    def text(self, name: str, *, default: str) -> str:
        """Return a text.

        Raises:
            InputError: for anything else.
        """
        told = self._told.get(name, default)
        if not isinstance(told, str):
            raise InputError(f"law.{name} is {told!r}", mend=f'write it as text in quotes, such as {name} = "{default}"')
        return told

    def by_year(self, name: str, *, choices: Sequence[str]) -> dict[int, str]:
        """Return the choice of each year that a table names.

        Raises:
            InputError: for anything else.
        """
        told = self._told.get(name, {})
        example = f'write a table such as {name} = {{ "2024" = "{choices[-1]}" }}; choices: {", ".join(choices)}'
        if not isinstance(told, Mapping):
            raise InputError(f"law.{name} is {told!r}", mend=example)
        for year, choice in told.items():
            if not _YEAR.fullmatch(year) or choice not in choices:
                raise InputError(f"law.{name} says {choice!r} of {year!r}", mend=example)
        return {int(year): choice for year, choice in told.items()}

    def by_name(self, name: str, *, known: Sequence[str]) -> dict[str, str]:
        """Return the texts of a table whose keys are known.

        Raises:
            InputError: for anything else.
        """
        told = self._told.get(name, {})
        if not isinstance(told, Mapping):
            raise InputError(f"law.{name} is {told!r}", mend=f'write a table such as {name} = {{ {known[0]} = "..." }}')
        for key in told:
            if key not in known:
                raise InputError(f"law.{name} has no {key!r}", mend=nearest(key, known) or f"it knows: {', '.join(known)}")
        return dict(told)

    def names(self, name: str) -> frozenset[str]:
        """Return the texts of a list.

        Raises:
            InputError: for anything else.
        """
        told = self._told.get(name, ())
        if not isinstance(told, tuple):
            raise InputError(f"law.{name} is {told!r}", mend=f'write a list such as {name} = ["SCAM"]')
        return frozenset(told)


def no_options(terms: BookTerms, *, regime: str) -> None:
    """Raise InputError where a book sets options, or forms of brokers, of a law that knows none."""
    LawReader(terms, regime=regime, known=())
    for account in terms.forms:
        raise InputError(f"regime {regime!r} knows no forms of brokers", mend=f"take [connections.{account}.forms] out of lotwright.toml")


def no_statements(regime: str) -> UnsupportedCase:
    """Return what a law says that knows no statements of brokers."""
    return UnsupportedCase(f"regime {regime!r} knows no statements of brokers", mend='they belong to a book with `regime = "us"`')


def no_allocations(regime: str) -> UnsupportedCase:
    """Return what a law says that knows no allocation of unused basis to wallets."""
    return UnsupportedCase(
        f"regime {regime!r} knows no allocation of unused basis", mend='it belongs to a book with `regime = "us"` (Rev. Proc. 2024-28)'
    )


def no_wash_sales(regime: str) -> UnsupportedCase:
    """Return what a law says that knows no wash sales."""
    return UnsupportedCase(f"regime {regime!r} knows no wash sales", mend='the analysis belongs to a book with `regime = "us"`')
