"""Documents by which unused basis went into wallets, one an asset; they only grow."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table and protect it."""
    op.create_table(
        "allocation",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("allocation_id", "asset", "kind")),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("described_at", INSTANT, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("evidence", "body")),
        sa.Column("payload_seq", SEQ, nullable=False),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_allocation"),
        sa.UniqueConstraint("asset", name="uq_allocation_asset"),
        sa.ForeignKeyConstraint(["payload_seq"], ["payload.seq"], name="fk_allocation_payload_seq_payload"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER allocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation "
            "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER allocation_refuses_{change.lower()} BEFORE {change} ON allocation "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: allocation is append-only'); END",
        )


def downgrade() -> None:
    """Drop it; its triggers go with it."""
    op.drop_table("allocation")
