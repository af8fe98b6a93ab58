"""A book's settings: where it is, what it says, and how a secret is fetched from where it is kept.

`lotwright.toml` never holds a secret. It is read with the standard library and changed with a library that keeps the
user's own comments and order.
"""

from ledger.config.reading import find_book, load_settings
from ledger.config.secrets import check_reference, resolve_secrets, secrets_file
from ledger.config.values import SETTINGS_NAME, SHARE_DEFAULT, BookSettings, BotRule, ConnectionSettings, MissingBasis, check_name
from ledger.config.writing import add_connection, remove_connection, write_first_settings, write_private

__all__ = [
    "SETTINGS_NAME",
    "SHARE_DEFAULT",
    "BookSettings",
    "BotRule",
    "ConnectionSettings",
    "MissingBasis",
    "add_connection",
    "check_name",
    "check_reference",
    "find_book",
    "load_settings",
    "remove_connection",
    "resolve_secrets",
    "secrets_file",
    "write_first_settings",
    "write_private",
]
