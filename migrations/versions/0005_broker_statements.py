"""What brokers told of sales, and the order behind a disposal."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.Text().with_variant(sa.Numeric(38, 18), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
DAY = sa.Text().with_variant(sa.Date(), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of statements, protect it, and add the order to disposals (filled when they are derived anew)."""
    op.create_table(
        "broker_statement",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("row_id", KEY, nullable=False),
        sa.Column("payload_seq", SEQ, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", KEY, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("form", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("quantity", NUMBER, nullable=False),
        sa.Column("date_acquired", DAY, nullable=True),
        sa.Column("date_sold", DAY, nullable=False),
        sa.Column("proceeds", NUMBER, nullable=False),
        sa.Column("cost_basis", NUMBER, nullable=True),
        sa.Column("term", KEY, nullable=True),
        sa.Column("sale", KEY, nullable=True),
        sa.Column("code", KEY, nullable=False),
        sa.Column("adjustment", NUMBER, nullable=True),
        sa.Column("issued", DAY, nullable=True),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_broker_statement"),
        sa.UniqueConstraint("row_id", name="uq_broker_statement_row_id"),
        sa.ForeignKeyConstraint(["payload_seq"], ["payload.seq"], name="fk_broker_statement_payload_seq_payload"),
    )
    op.create_index("ix_broker_statement_account_year", "broker_statement", ["account", "year"])
    with op.batch_alter_table("disposal") as batch:
        batch.add_column(sa.Column("order_id", KEY, nullable=True))
    protect = {"sqlite": protect_on_sqlite, "postgresql": protect_on_postgresql}
    protect[op.get_bind().dialect.name]()


def downgrade() -> None:
    """Drop both; triggers go with their table."""
    with op.batch_alter_table("disposal") as batch:
        batch.drop_column("order_id")
    op.drop_table("broker_statement")


def protect_on_sqlite() -> None:
    """Refuse changes row by row."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER broker_statement_refuses_{change.lower()} BEFORE {change} ON broker_statement "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: broker_statement is append-only'); END",
        )


def protect_on_postgresql() -> None:
    """Refuse changes statement by statement, so that TRUNCATE is refused as well."""
    op.execute(
        "CREATE TRIGGER broker_statement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON broker_statement "
        "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
    )
