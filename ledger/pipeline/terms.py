"""Settings -> the terms that the law looks at."""

from ledger.config import BookSettings
from ledger.ports import BookTerms


def terms_of(settings: BookSettings) -> BookTerms:
    """Return what a regime may know of a book."""
    return BookTerms(
        currency=settings.currency,
        zone=settings.zone,
        method=settings.method,
        scope=settings.scope,
        wallets=settings.wallets,
        year_start=settings.year_start,
        elections=(),
        law=settings.law,
        forms=settings.forms,
    )
