"""What may differ between the keys of one venue: their kind, the pace that the user's tier allows, how orderly nonces must be."""

from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """The terms of a key; empty: the venue's usual ones.

    `nonce_window` is by how much a nonce may lie below the highest one so far, in the nonces' own unit.
    """

    kind: str = ""
    tier: str = ""
    nonce_window: int = 0


USUAL: Final = KeyTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChoices:
    """What a venue leaves open: its kinds of keys and its tiers, the usual one first, and whether its nonces may have a window."""

    kinds: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    has_nonce_window: bool = False

    def settled(self, terms: KeyTerms, venue: str) -> KeyTerms:
        """Return the terms with what is usual in place of what is empty.

        Raises:
            InputError: for terms that the venue does not know.
        """
        kind = _choice("kind of key", terms.kind, self.kinds, venue)
        tier = _choice("tier", terms.tier, self.tiers, venue)
        if terms.nonce_window and not self.has_nonce_window:
            raise InputError(f"the sandbox's {venue} has no nonces that could have a window", mend="leave the window away")
        return replace(terms, kind=kind, tier=tier)


def _choice(word: str, asked: str, known: tuple[str, ...], venue: str) -> str:
    if not asked:
        return known[0] if known else ""
    if asked.lower() not in known:
        mend = f"use one of: {', '.join(known)}" if known else f"leave the {word} away"
        raise InputError(f"the sandbox's {venue} has no {word} {asked!r}", mend=mend)
    return asked.lower()
