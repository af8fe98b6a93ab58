"""Which names of assets may be old ones of the venue that nobody here knows, and what is found of them: pure.

The old names are a closed list (`ledger.connectors.kraken.assets`), but an asset that left the venue long ago may be lacking in it, and
would be booked as an asset of its own beside its true one. New assets may be spelled alike by chance (``ZETA``): the venue's own list
of assets tells the two apart, by the other name that it gives.
"""

import re
from collections.abc import Iterable, Mapping

from ledger.connectors.kraken.assets import OLD_NAMES, base_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId

_OLD_SPELLING = re.compile("[XZ][A-Z]{3}", re.ASCII)


def doubtful_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, without sub-wallets, that are spelled as old ones are and are none that is known; sorted, each once.

    >>> doubtful_of(["XXBT", "ZETA", "XABC.S", "XABC", "XTZ", "SOL"])
    ('XABC', 'ZETA')
    """
    bases = {base_of(name) for name in names}
    return tuple(sorted(base for base in bases if _OLD_SPELLING.fullmatch(base) and base not in OLD_NAMES))


def findings_of_names(names: Iterable[str], *, listed: Mapping[str, str], account: AccountId) -> tuple[Finding, ...]:
    """Return what is found of names; `listed` gives the venue's other name of each that it lists, which may be the same."""
    return tuple(_unknown(name, listed.get(name), account) for name in doubtful_of(names) if listed.get(name) != name)


def _unknown(name: str, listed: str | None, account: AccountId) -> Finding:
    told = "the venue's list of assets was not asked, or lacks it" if listed is None else f"the venue lists it as {listed}"
    return Finding(
        code="unknown-asset",
        severity=Severity.WARNING if listed is None else Severity.ERROR,
        subject=f"{account}/asset/{name}",
        message=f"{name} is spelled like the old names of this venue, is none that is known, and is booked as an asset of its own: {told}",
        mend="none is needed if that is its true name; else ask for this name to be known: `rebuild` then reads what is kept anew",
    )
