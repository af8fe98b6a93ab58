"""Opening a connection: its connector with its secrets, and whether its venue wants to be asked at all."""

from collections.abc import Mapping
from pathlib import Path

from ledger.config import ConnectionSettings, resolve_secrets
from ledger.domain.errors import InputError
from ledger.domain.secrets import Secrets
from ledger.plugins import check_options
from ledger.ports import ConnectionTerms, Connector, ConnectorFactory
from ledger.transport.closures import Closures
from ledger.transport.pace import SystemClock


def closures_of(folder: Path) -> Closures:
    """Return until when venues asked the connections of the book in a folder to stay away."""
    return Closures(folder=folder, clock=SystemClock())


def secrets_of(settings: ConnectionSettings, *, folder: Path, environment: Mapping[str, str]) -> Secrets:
    """Return the secrets of a connection of the book in `folder`.

    Raises:
        InputError: when it has none, or they cannot be read.
    """
    secrets = resolve_secrets(settings, folder=folder, environment=environment)
    if secrets is None:
        raise InputError(
            f"connection {settings.name} has no secrets",
            mend='name where they are kept: secrets = "env:PREFIX", keyring:, file: or cmd:',
        )
    return secrets


def opened(settings: ConnectionSettings, factory: ConnectorFactory, secrets: Secrets, *, folder: Path, deadline: float | None) -> Connector:
    """Return the connector of a connection of the book in `folder`; no call starts after `deadline` (monotonic clock; None: no limit).

    Raises:
        InputError: when it has options that nobody reads, or the connector cannot use its settings.
    """
    check_options(factory, settings.options, where=f"connection {settings.name}")
    terms = ConnectionTerms(
        account=settings.name,
        secrets=secrets,
        share=settings.share,
        base_url=settings.base_url,
        deadline=deadline,
        tier=settings.tier,
        symbols=settings.symbols,
        options=settings.options,
        folder=folder,
    )
    return factory(terms)
