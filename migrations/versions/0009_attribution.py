"""Who decided what, apart from the facts: attributions, which may be derived again, and what bots' databases say of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "attribution",
        sa.Column("event_seq", SEQ, autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("bot", "why")),
        sa.ForeignKeyConstraint(["event_seq"], ["event.seq"], name="fk_attribution_event_seq_event"),
        sa.PrimaryKeyConstraint("event_seq", name="pk_attribution"),
    )
    op.create_table(
        "attributed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attributed"),
    )
    op.create_table(
        "bot_order",
        sa.Column("payload_seq", SEQ, autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("account", "subject", "bot", "locator")),
        sa.ForeignKeyConstraint(["payload_seq"], ["payload.seq"], name="fk_bot_order_payload_seq_payload"),
        sa.PrimaryKeyConstraint("payload_seq", "account", "subject", "locator", name="pk_bot_order"),
    )
    op.create_index("ix_bot_order_subject", "bot_order", ["subject"])


def downgrade() -> None:
    """Drop them."""
    for table in ("bot_order", "attributed", "attribution"):
        op.drop_table(table)
