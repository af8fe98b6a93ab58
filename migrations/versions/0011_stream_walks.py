"""How far each stream of a connection is walked, which cursors told only in words of their connectors."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
NAMES = ("connection", "stream", "symbol")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Make the table, and fill it with what the cursors of pulled streams say."""
    made = op.create_table(
        "stream_walk",
        *(sa.Column(name, KEY, nullable=False) for name in NAMES),
        *(sa.Column(name, INSTANT, nullable=True) for name in ("since", "walked_at")),
        sa.Column("is_under_way", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(*NAMES, name="pk_stream_walk"),
    )
    names = ", ".join(f"c.{name}" for name in NAMES)
    same = " AND ".join(f"v.{name} = c.{name}" for name in NAMES)
    pulled = f"SELECT {names}, c.state, c.stored_at FROM cursor c WHERE EXISTS (SELECT 1 FROM coverage v WHERE {same})"  # noqa: S608  # names of ours
    for row in op.get_bind().execute(sa.text(pulled)).all():
        state = json.loads(row.state)
        is_under_way = any(name.startswith(("walk_", "window_")) for name in state)
        op.bulk_insert(
            made,
            [
                {
                    **{name: getattr(row, name) for name in NAMES},
                    "since": instant(state.get("since")),
                    "walked_at": None if is_under_way else row.stored_at,
                    "is_under_way": is_under_way,
                },
            ],
        )


def instant(micros: int | None) -> datetime | str | None:
    """Write microseconds since 1970 as the column has them."""
    if micros is None:
        return None
    told = EPOCH + timedelta(microseconds=micros)
    return told if op.get_bind().dialect.name == "postgresql" else told.isoformat("T", "microseconds")[:26] + "Z"


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("stream_walk")
