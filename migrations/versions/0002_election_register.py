"""The register of elections, which grows only; and what finds booked sales by name and open lots in the order in which they go.

Lots and disposals are derived: they are deleted here, and the next command that wants them matches anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

DERIVED = ("disposal", "lot", "computation")
OPEN_LOTS = {
    "ix_lot_open_oldest": ["asset", "wallet", "acquired_at", "serial", "part"],
    "ix_lot_open_lowest": ["asset", "wallet", "lowest_first", "acquired_at", "serial", "part"],
    "ix_lot_open_highest": ["asset", "wallet", "highest_first", "acquired_at", "serial", "part"],
}


def upgrade() -> None:
    """Make the register, and let lots carry their places in the orders."""
    create_register()
    protect_register()
    for table in DERIVED:
        op.execute(f"DELETE FROM {table}")  # noqa: S608  # names of our own tables
    with op.batch_alter_table("computation") as batch:
        batch.add_column(sa.Column("election_seq", SEQ, nullable=False))
    with op.batch_alter_table("lot") as batch:
        batch.add_column(sa.Column("serial", sa.Integer(), nullable=False))
        batch.add_column(sa.Column("lowest_first", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("highest_first", sa.LargeBinary(), nullable=True))
    is_open = sa.text("lowest_first IS NOT NULL")
    for name, columns in OPEN_LOTS.items():
        op.create_index(name, "lot", columns, sqlite_where=is_open, postgresql_where=is_open)
    op.create_index("ix_event_source_id", "event", ["source_id"])
    for name in ("order_id", "client_order_id"):
        told = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_event_{name}", "event", [name], sqlite_where=told, postgresql_where=told)


def downgrade() -> None:
    """Take it all back; the trigger goes with its table."""
    for name in ("source_id", "order_id", "client_order_id"):
        op.drop_index(f"ix_event_{name}", "event")
    for table in DERIVED:
        op.execute(f"DELETE FROM {table}")  # noqa: S608  # as above
    for name in OPEN_LOTS:
        op.drop_index(name, "lot")
    with op.batch_alter_table("lot") as batch:
        for name in ("serial", "lowest_first", "highest_first"):
            batch.drop_column(name)
    with op.batch_alter_table("computation") as batch:
        batch.drop_column("election_seq")
    op.drop_table("election")


def create_register() -> None:
    """Make the table of elections."""
    op.create_table(
        "election",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("election_id", "kind", "subject")),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("grade", KEY, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("evidence", "body")),
        sa.Column("payload_id", KEY, nullable=True),
        sa.Column("stored_at", INSTANT, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("previous_hash", "hash")),
        sa.PrimaryKeyConstraint("seq", name="pk_election"),
        sa.UniqueConstraint("election_id", name="uq_election_election_id"),
        sa.ForeignKeyConstraint(["payload_id"], ["payload.payload_id"], name="fk_election_payload_id_payload"),
    )
    op.create_index("ix_election_subject", "election", ["subject"])


def protect_register() -> None:
    """Refuse changes, as for all tables of facts."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER election_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON election "
            "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER election_refuses_{change.lower()} BEFORE {change} ON election "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: election is append-only'); END",
        )
