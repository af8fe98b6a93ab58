"""Writing a book's settings: new ones, and changes that keep the user's own comments and order."""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import tomlkit

from ledger.config.reading import load_settings, settings_of
from ledger.config.values import SETTINGS_NAME, BookSettings, ConnectionSettings, Custody
from ledger.domain.errors import InputError

_OWNER_ONLY_FILE = 0o600
_OWNER_ONLY_FOLDER = 0o700

_FIRST_SETTINGS = """\
# Settings of a Lotwright book. No secrets here: connections name where a secret is kept.

[book]
database  = {database}    # relative to this file; or postgresql+psycopg://user@host/name
currency  = {currency}    # reporting currency
time_zone = {time_zone}   # tax dates are taken in this zone; instants are kept in UTC
regime    = {regime}      # a tax regime plug-in; see `lotwright plugins`
method    = {method}      # for what no election covers
scope     = {scope}       # which accounts share one pool of lots
# year_start = "07-01"    # first day of a tax year, for a regime that leaves it to you (generic); else 1 January

# [transfers]                     # how far two halves may differ and still be one transfer; these are the usual values
# window_hours    = 24            # how long after its withdrawal a deposit may come
# skew_minutes    = 15            # how long before it, because clocks differ
# tolerance       = "0.00000001"  # how many units may be lost on the way,
# tolerance_share = "0.005"       # or which part of what was sent, if that is more
"""


def write_first_settings(folder: Path, values: Mapping[str, str]) -> BookSettings:
    """Write the settings of a new book, folder and file for the owner only, and return them as read back.

    `values` gives database, currency, time_zone, regime, method and scope.

    Raises:
        InputError: when the folder already has settings, cannot be written, or a value is impossible (nothing stays).
    """
    path = folder / SETTINGS_NAME
    if path.exists():
        raise InputError(f"{path} is there already", mend="use that book, or choose another folder")
    try:
        if not folder.exists():
            folder.mkdir(parents=True, mode=_OWNER_ONLY_FOLDER)
        text = _FIRST_SETTINGS.format(**{name: json.dumps(value, ensure_ascii=False) for name, value in values.items()})
        write_private(path, text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", mend="choose a folder that you may write to") from error
    try:
        return load_settings(folder)
    except InputError:
        path.unlink()
        raise


def add_connection(settings: BookSettings, connection: ConnectionSettings) -> BookSettings:
    """Write a new connection into the settings and return them as read back; the file's comments stay.

    Raises:
        InputError: when the name is taken or a value is impossible; the file is then as it was.
    """
    if any(one.name == connection.name for one in settings.connections):
        raise InputError(f"there is a connection named {connection.name!r} already", mend="choose another name, or remove it first")
    table = tomlkit.table()
    table["venue"] = str(connection.venue)
    for key in ("bot", "wallet", "secrets", "base_url", "tier", "broker_method"):
        if getattr(connection, key):
            table[key] = str(getattr(connection, key))
    table["share"] = connection.share
    if connection.custody is not Custody.BROKER:
        table["custody"] = connection.custody.value
    if connection.symbols:
        table["symbols"] = list(connection.symbols)
    if connection.options:
        table["options"] = dict(connection.options)

    def change(document: tomlkit.TOMLDocument) -> None:
        connections = document.setdefault("connections", tomlkit.table(is_super_table=True))
        connections[str(connection.name)] = table

    return _rewritten(settings.folder, change)


def remove_connection(settings: BookSettings, name: str) -> BookSettings:
    """Take a connection out of the settings; what was pulled through it stays in the book.

    Raises:
        InputError: when there is no such connection.
    """
    settings.connection(name)

    def change(document: tomlkit.TOMLDocument) -> None:
        connections = document["connections"]
        assert isinstance(connections, dict), connections
        del connections[name]

    return _rewritten(settings.folder, change)


def _rewritten(folder: Path, change: Callable[[tomlkit.TOMLDocument], None]) -> BookSettings:
    path = folder / SETTINGS_NAME
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        change(document)
        text = tomlkit.dumps(document)
        settings = settings_of(path, tomllib.loads(text))
        write_private(path, text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", mend="free some room, and check the rights of the folder") from error
    return settings


def write_private(path: Path, text: str) -> None:
    """Write a text file for the owner only, whole or not at all (a new file is renamed over the old one, or what it links to)."""
    path = path.resolve()
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY_FILE), "w", encoding="utf-8") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
