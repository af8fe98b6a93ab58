"""Settings -> the terms that the law looks at."""

from collections.abc import Iterable

from ledger.config import BookSettings
from ledger.domain.election import Election
from ledger.domain.law.allocation import Allocation
from ledger.ports import BookTerms


def terms_of(settings: BookSettings, elections: Iterable[Election] = (), allocations: Iterable[Allocation] = ()) -> BookTerms:
    """Return what a regime may know of a book. Who matches passes all elections and allocations; nothing else looks at them."""
    return BookTerms(
        currency=settings.currency,
        zone=settings.zone,
        method=settings.method,
        scope=settings.scope,
        wallets=settings.wallets,
        year_start=settings.year_start,
        law=settings.law,
        forms=settings.forms,
        elections=tuple(elections),
        brokers=settings.brokers,
        prices=settings.prices,
        allocations=tuple(allocations),
    )
