"""How Alembic runs our migrations: always on a connection that ``ledger.storage.migrate`` gives, inside its open write."""

from alembic import context

from ledger.storage.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=connection.dialect.name == "sqlite",  # SQLite changes a table by making it anew
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
