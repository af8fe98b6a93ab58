"""What users decide about halves of transfers, and what links halves; which event carried a lot into its wallet."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.Text().with_variant(sa.Numeric(38, 18), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, what protects the decisions, and the index that finds transfers among fills."""
    op.create_table(
        "pair_decision",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("withdrawals", sa.Text(), nullable=False),
        sa.Column("deposits", sa.Text(), nullable=False),
        sa.Column("lost", NUMBER, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_pair_decision"),
    )
    op.create_table(
        "transfer_link",
        sa.Column("withdrawal", KEY, nullable=False),
        sa.Column("deposit", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("quantity", NUMBER, nullable=False),
        sa.Column("lost", NUMBER, nullable=False),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("evidence", KEY, nullable=False),
        sa.PrimaryKeyConstraint("withdrawal", "deposit", name="pk_transfer_link"),
    )
    op.create_index("ix_transfer_link_deposit", "transfer_link", ["deposit"])
    of_transfers = sa.text("kind = 'transfer'")
    op.create_index("ix_event_transfer", "event", ["occurred_at"], sqlite_where=of_transfers, postgresql_where=of_transfers)
    op.add_column("lot", sa.Column("carried_by", KEY, nullable=True))
    op.add_column("computation", sa.Column("pairing", sa.Text(), nullable=True))
    protect = {"sqlite": protect_on_sqlite, "postgresql": protect_on_postgresql}
    protect[op.get_bind().dialect.name]()


def downgrade() -> None:
    """Take it all away again; triggers go with their table."""
    op.drop_column("computation", "pairing")
    op.drop_column("lot", "carried_by")
    op.drop_index("ix_event_transfer", "event")
    op.drop_table("transfer_link")
    op.drop_table("pair_decision")


def protect_on_sqlite() -> None:
    """Refuse changes row by row."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER pair_decision_refuses_{change.lower()} BEFORE {change} ON pair_decision "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: pair_decision is append-only'); END",
        )


def protect_on_postgresql() -> None:
    """Refuse changes statement by statement, so that TRUNCATE is refused as well."""
    op.execute(
        "CREATE TRIGGER pair_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pair_decision "
        "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
    )
