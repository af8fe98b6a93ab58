"""The first tables, and the triggers that keep raw facts from being changed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("book", "payload", "event", "evidence", "entry", "posting", "price", "coverage")
NEWEST_FIRST = (
    "disposal",
    "lot",
    "computation",
    "price",
    "finding",
    "coverage",
    "cursor",
    "posting",
    "entry",
    "evidence",
    "event",
    "payload",
    "book",
)

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.Text().with_variant(sa.Numeric(38, 18), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
DAY = sa.Text().with_variant(sa.Date(), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def key(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column of text compared by code point."""
    return sa.Column(name, KEY, nullable=nullable)


def instant(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column of instants."""
    return sa.Column(name, INSTANT, nullable=nullable)


def number(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column of exact numbers."""
    return sa.Column(name, NUMBER, nullable=nullable)


def plain(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column of text that is never compared."""
    return sa.Column(name, sa.Text(), nullable=nullable)


def whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """Return a column of small integers."""
    return sa.Column(name, sa.Integer(), nullable=nullable)


def seq(name: str = "seq", *, nullable: bool = False) -> sa.Column[int]:
    """Return a column of places in an order."""
    return sa.Column(name, SEQ, autoincrement=False, nullable=nullable)


def reference(table: str, column: str, target: str, target_column: str = "seq") -> sa.ForeignKeyConstraint:
    """Return a foreign key, named as all of them are."""
    return sa.ForeignKeyConstraint([column], [f"{target}.{target_column}"], name=f"fk_{table}_{column}_{target}")


def primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """Return a primary key, named as all of them are."""
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """Return a unique constraint, named as all of them are."""
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def index(table: str, *columns: str) -> None:
    """Make an index, named as all of them are."""
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    """Make all tables, then what protects them."""
    create_sources()
    create_journal()
    create_progress()
    create_prices()
    create_matches()
    protect = {"sqlite": protect_on_sqlite, "postgresql": protect_on_postgresql}
    protect[op.get_bind().dialect.name]()


def downgrade() -> None:
    """Drop everything; triggers go with their tables."""
    for table in NEWEST_FIRST:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION lotwright_append_only()")


def create_sources() -> None:
    """Make the tables of what came in: payloads, events, and which tells which."""
    op.create_table(
        "book",
        whole("id"),
        instant("created_at"),
        plain("version"),
        key("currency"),
        key("genesis"),
        primary("book", "id"),
        sa.CheckConstraint("id = 1", name=op.f("ck_book_one_row")),
    )
    op.create_table(
        "payload",
        seq(),
        *(key(name) for name in ("payload_id", "kind", "venue", "account", "stream", "symbol")),
        plain("request"),
        plain("name"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        key("content_hash"),
        whole("size"),
        instant("fetched_at"),
        plain("context"),
        primary("payload", "seq"),
        unique("payload", "payload_id"),
    )
    create_events()
    op.create_table(
        "evidence",
        seq("event_seq"),
        seq("payload_seq"),
        key("locator"),
        primary("evidence", "event_seq", "payload_seq", "locator"),
        reference("evidence", "event_seq", "event"),
        reference("evidence", "payload_seq", "payload"),
        sqlite_with_rowid=False,
    )


def create_events() -> None:
    """Make the table of events and its indexes."""
    op.create_table(
        "event",
        seq(),
        key("event_id"),
        whole("revision"),
        *(key(name) for name in ("venue", "account", "kind", "source_id")),
        instant("occurred_at"),
        seq("sequence", nullable=True),
        *(key(name, nullable=True) for name in ("order_id", "client_order_id", "bot")),
        whole("rank"),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        plain("note", nullable=True),
        key("assets"),
        plain("body"),
        key("facts"),
        instant("recorded_at"),
        primary("event", "seq"),
        unique("event", "event_id", "revision"),
    )
    index("event", "occurred_at", "seq")
    balances = sa.text("kind = 'balance'")
    op.create_index("ix_event_balance", "event", ["account", "assets", "occurred_at"], sqlite_where=balances, postgresql_where=balances)


def create_journal() -> None:
    """Make the tables of the journal; the checks refuse what double entry cannot mean."""
    op.create_table(
        "entry",
        seq(),
        key("entry_id"),
        seq("event_seq"),
        instant("occurred_at"),
        key("reverses", nullable=True),
        key("previous_hash"),
        key("hash"),
        instant("recorded_at"),
        primary("entry", "seq"),
        unique("entry", "entry_id"),
        reference("entry", "event_seq", "event"),
        reference("entry", "reverses", "entry", "entry_id"),
    )
    index("entry", "event_seq")
    index("entry", "occurred_at", "entry_id")
    positive = {
        "sqlite": "amount GLOB '*[1-9]*' AND amount NOT GLOB '*[^0-9.]*'",
        "postgresql": "amount > 0 AND amount <> 'NaN'",
    }
    op.create_table(
        "posting",
        seq("entry_seq"),
        whole("line"),
        key("debit"),
        key("credit"),
        key("asset"),
        number("amount"),
        primary("posting", "entry_seq", "line"),
        reference("posting", "entry_seq", "entry"),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_posting_two_accounts")),
        sa.CheckConstraint(positive[op.get_bind().dialect.name], name=op.f("ck_posting_amount_positive")),
        sqlite_with_rowid=False,
    )


def create_progress() -> None:
    """Make the tables of how far pulling has come and what was noticed."""
    streams = ("connection", "stream", "symbol")
    op.create_table(
        "cursor",
        *(key(name) for name in streams),
        plain("state"),
        instant("stored_at"),
        primary("cursor", *streams),
    )
    op.create_table(
        "coverage",
        seq(),
        *(key(name) for name in streams),
        instant("from_at", nullable=True),
        instant("to_at", nullable=True),
        plain("cursor"),
        whole("rows"),
        key("first_id", nullable=True),
        key("last_id", nullable=True),
        seq("payload_seq"),
        instant("pulled_at"),
        primary("coverage", "seq"),
        reference("coverage", "payload_seq", "payload"),
    )
    index("coverage", *streams, "seq")
    op.create_table(
        "finding",
        *(key(name) for name in ("origin", "code", "subject", "severity")),
        plain("message"),
        plain("mend"),
        instant("found_at"),
        primary("finding", "origin", "code", "subject"),
    )


def create_prices() -> None:
    """Make the table of quotes."""
    op.create_table(
        "price",
        seq(),
        key("asset"),
        key("currency"),
        instant("observed_at"),
        number("price"),
        key("source"),
        seq("payload_seq", nullable=True),
        primary("price", "seq"),
        unique("price", "asset", "currency", "observed_at", "source"),
        reference("price", "payload_seq", "payload"),
    )


def create_matches() -> None:
    """Make the tables of what is derived: lots, disposals, and what they stand for."""
    op.create_table(
        "computation",
        seq(),
        key("regime"),
        key("version"),
        plain("options"),
        seq("event_seq"),
        seq("price_seq"),
        instant("computed_at"),
        primary("computation", "seq"),
    )
    op.create_table(
        "lot",
        key("lot_id"),
        whole("part"),
        *(key(name) for name in ("event_id", "source_id", "asset", "account", "wallet")),
        instant("acquired_at"),
        key("origin"),
        number("quantity"),
        number("cost_basis", nullable=True),
        number("quantity_open"),
        number("cost_open", nullable=True),
        key("gap", nullable=True),
        primary("lot", "lot_id", "part", "wallet"),
    )
    index("lot", "asset", "wallet", "acquired_at")
    op.create_table(
        "disposal",
        key("disposal_id"),
        whole("piece"),
        *(key(name) for name in ("event_id", "source_id", "asset")),
        number("quantity"),
        key("account"),
        key("wallet"),
        key("bot", nullable=True),
        key("kind"),
        instant("acquired_at", nullable=True),
        instant("disposed_at"),
        number("proceeds", nullable=True),
        number("cost_basis", nullable=True),
        key("lot_id", nullable=True),
        key("lot_source_id", nullable=True),
        key("matched_by"),
        key("gap", nullable=True),
        number("selling_costs"),
        sa.Column("provisional_until", DAY, nullable=True),
        key("caveat", nullable=True),
        primary("disposal", "disposal_id", "piece"),
    )
    index("disposal", "disposed_at", "disposal_id")


def protect_on_sqlite() -> None:
    """Refuse changes row by row."""
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'lotwright: {table} is append-only'); END",
            )


def protect_on_postgresql() -> None:
    """Refuse changes statement by statement, so that TRUNCATE is refused as well."""
    op.execute(
        "CREATE FUNCTION lotwright_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'lotwright: % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$",
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION lotwright_append_only()",
        )
