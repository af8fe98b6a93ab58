"""Closed tax years, only ever added, and the hash of what went into a computation."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.Text().with_variant(sa.Numeric(38, 18), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
DAY = sa.Text().with_variant(sa.Date(), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def keys(*names: str) -> tuple[sa.Column[str], ...]:
    """Return columns of text compared by code point."""
    return tuple(sa.Column(name, KEY, nullable=False) for name in names)


def upgrade() -> None:
    """Make the table, protect it, and let computations have a hash."""
    op.add_column("computation", sa.Column("input_hash", KEY, nullable=True))
    op.create_table(
        "closed_year",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_day", DAY, nullable=False),
        sa.Column("to_day", DAY, nullable=False),
        sa.Column("closed_at", INSTANT, nullable=False),
        *keys("software", "regime", "regime_version"),
        sa.Column("options", sa.Text(), nullable=False),
        *keys("input_hash"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("disposals", "receipts", "lots")),
        sa.Column("gain", NUMBER, nullable=False),
        *keys("gains_hash", "income_hash", "lots_hash", "content_hash"),
        sa.Column("amends", KEY, nullable=True),
        *keys("previous_hash", "hash"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_closed_year"),
        sa.UniqueConstraint("year", "version", name="uq_closed_year_year_version"),
    )
    protect = {"sqlite": protect_on_sqlite, "postgresql": protect_on_postgresql}
    protect[op.get_bind().dialect.name]()


def downgrade() -> None:
    """Drop the table, with what protects it, and the hash."""
    op.drop_table("closed_year")
    with op.batch_alter_table("computation") as batch:
        batch.drop_column("input_hash")


def protect_on_sqlite() -> None:
    """Refuse changes row by row."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER closed_year_refuses_{change.lower()} BEFORE {change} ON closed_year "
            "BEGIN SELECT RAISE(ABORT, 'lotwright: closed_year is append-only'); END",
        )


def protect_on_postgresql() -> None:
    """Refuse changes statement by statement, with the function that the first tables brought."""
    op.execute(
        "CREATE TRIGGER closed_year_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON closed_year "
        "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
    )
