"""What venues told of API keys: rows that stay, so that a right that comes and goes between two nights is seen."""

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from ledger.storage.backend import Backend
from ledger.storage.nouns import KeyCheck
from ledger.storage.tables import key_check

_COLUMNS = [column for column in key_check.columns if column.name != "seq"]


class KeyReader:
    """Questions about keys; part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def key_checks(self, connection: str) -> list[KeyCheck]:
        """Return what was told of the key of a connection, in order."""
        told = select(*_COLUMNS).where(key_check.c.connection == connection).order_by(key_check.c.seq)
        rows = [dict(row._mapping) for row in self._connection.execute(told)]  # noqa: SLF001  # SQLAlchemy's public name
        return [KeyCheck(**row | {"facts": tuple((name, text) for name, text in row["facts"])}) for row in rows]


class KeyWriter(KeyReader):
    """Additions of what was told of keys; part of `Writer`."""

    def add_key_check(self, told: KeyCheck) -> None:
        """Store what a venue told of a key."""
        last: int = self._connection.execute(select(func.coalesce(func.max(key_check.c.seq), 0))).scalar_one()
        row: dict[str, str | bool | datetime | list[list[str]] | None] = {
            "connection": told.connection,
            "venue": told.venue,
            "checked_at": told.checked_at,
            "may_read": told.may_read,
            "may_trade": told.may_trade,
            "may_withdraw": told.may_withdraw,
            "facts": [list(pair) for pair in told.facts],
            "is_of_owner": told.is_of_owner,
            "allows_withdraw": told.allows_withdraw,
        }
        self._connection.execute(insert(key_check), {"seq": last + 1, **row})
