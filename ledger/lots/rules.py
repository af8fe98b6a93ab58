"""Matching rules that pick: each is a sort key over the open lots of a wallet, the smallest goes first.

A rule says only what it prefers. Lots that it likes equally go in the order in which they were acquired, which the sweep
knows; partial lots, transfers and conservation are the sweep's affair too.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from ledger.domain.lot import Lot
from ledger.ports import MatchingRule


class Fifo:
    """First in, first out: the lot acquired earliest, wherever it was bought and whenever it came into the wallet.

    Source: 26 CFR 1.1012-1(j)(1) and (j)(3): the date of a transfer into the wallet is disregarded.
    """

    name = "fifo"

    def key(self, lot: Lot) -> tuple[datetime]:
        """Return when the lot was acquired."""
        return (lot.acquired_at,)


_ALL: tuple[MatchingRule, ...] = (Fifo(),)

RULES: Mapping[str, MatchingRule] = MappingProxyType({rule.name: rule for rule in _ALL})
