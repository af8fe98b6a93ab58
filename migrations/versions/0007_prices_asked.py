"""Which prices were asked for: a source is asked for a stretch of the past once, also where it had none."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "price_asked",
        *(sa.Column(name, KEY, nullable=False) for name in ("source", "asset", "currency")),
        *(sa.Column(name, INSTANT, nullable=False) for name in ("since", "until", "asked_at")),
        sa.PrimaryKeyConstraint("source", "asset", "currency", "since", "until", name="pk_price_asked"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("price_asked")
