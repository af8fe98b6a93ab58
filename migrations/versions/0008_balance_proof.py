"""The proof of balances: the lines of venues' ledgers (derived), and the comparisons that were made (facts)."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.Text().with_variant(sa.Numeric(38, 18), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make both tables and protect the comparisons."""
    op.create_table(
        "ledger_line",
        *(sa.Column(name, KEY, nullable=False) for name in ("account", "wallet", "line_id", "asset")),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("sequence", SEQ, nullable=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("amount", NUMBER, nullable=False),
        sa.Column("balance", NUMBER, nullable=True),
        sa.Column("explains", sa.Text(), nullable=False),
        sa.Column("payload_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("account", "wallet", "line_id", name="pk_ledger_line"),
        sa.ForeignKeyConstraint(["payload_seq"], ["payload.seq"], name="fk_ledger_line_payload_seq_payload"),
    )
    op.create_index("ix_ledger_line_account_wallet_occurred_at", "ledger_line", ["account", "wallet", "occurred_at"])
    op.create_index("ix_ledger_line_payload_seq", "ledger_line", ["payload_seq"])
    op.create_table(
        "assertion",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in ("account", "asset")),
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("balance_book", NUMBER, nullable=False),
        *(sa.Column(name, NUMBER, nullable=True) for name in ("balance_venue", "difference")),
        sa.Column("asserted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_assertion"),
    )
    op.create_index("ix_assertion_account_asset_observed_at", "assertion", ["account", "asset", "observed_at"])
    protect = {"sqlite": protect_on_sqlite, "postgresql": protect_on_postgresql}
    protect[op.get_bind().dialect.name]()


def downgrade() -> None:
    """Drop both; triggers go with their table."""
    op.drop_table("assertion")
    op.drop_table("ledger_line")


def protect_on_sqlite() -> None:
    """Refuse changes row by row."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER assertion_refuses_{change.lower()} BEFORE {change} ON assertion "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: assertion is append-only'); END",
        )


def protect_on_postgresql() -> None:
    """Refuse changes statement by statement, so that TRUNCATE is refused as well."""
    op.execute(
        "CREATE TRIGGER assertion_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assertion "
        "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
    )
