"""The schema's history: which revision a database has, and how it comes to the newest.

A revision is named by the number that its file begins with, so the newest is known without starting Alembic, which a
book at the newest schema never needs.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"  # beside `ledger` in a checkout as in the wheel


def revisions() -> tuple[str, ...]:
    """Return the names of all known revisions, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")))


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database; None where no book was ever made in it."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def is_empty(connection: Connection) -> bool:
    """Tell whether a database has no table at all."""
    return not inspect(connection).get_table_names()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to a revision, inside the connection's open write."""
    from alembic import command  # noqa: PLC0415  # takes as long to import as a whole run of a small command

    command.upgrade(config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take the schema back to a revision (``base``: to nothing), inside the connection's open write."""
    from alembic import command  # noqa: PLC0415  # as above

    command.downgrade(config(connection), revision)


def config(connection: Connection) -> "Config":
    """Return Alembic's settings for one connection; there is no file of settings."""
    from alembic.config import Config  # noqa: PLC0415  # as above

    settings = Config(attributes={"connection": connection}, stdout=sys.stdout)  # not the one of when Alembic was loaded
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings
