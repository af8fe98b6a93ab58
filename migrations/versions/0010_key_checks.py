"""What venues told of API keys, and what their owner allowed: facts."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table and protect it."""
    op.create_table(
        "key_check",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("connection", "venue")),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.Column("may_read", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=True) for name in ("may_trade", "may_withdraw")),
        sa.Column("facts", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("is_of_owner", "allows_withdraw")),
        sa.PrimaryKeyConstraint("seq", name="pk_key_check"),
    )
    op.create_index("ix_key_check_connection_seq", "key_check", ["connection", "seq"])
    protect = {"sqlite": protect_on_sqlite, "postgresql": protect_on_postgresql}
    protect[op.get_bind().dialect.name]()


def downgrade() -> None:
    """Drop the table; its triggers go with it."""
    op.drop_table("key_check")


def protect_on_sqlite() -> None:
    """Refuse changes row by row."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER key_check_refuses_{change.lower()} BEFORE {change} ON key_check "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: key_check is append-only'); END",
        )


def protect_on_postgresql() -> None:
    """Refuse changes statement by statement, so that TRUNCATE is refused as well."""
    op.execute(
        "CREATE TRIGGER key_check_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON key_check "
        "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
    )
