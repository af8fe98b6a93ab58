"""Every table of a book, in one `MetaData` with one naming convention.

Raw facts (payload, event, evidence, entry, posting, price, coverage, assertion, broker_statement, election, allocation, pair_decision,
key_check, book) and closed years only ever grow: triggers, made by the migrations, let the database itself refuse UPDATE and DELETE. Lots,
disposals, ledger lines and links of transfers are derived and may be built again.

Conditions of partial indexes are told for SQLite here; ``postgresql.py`` takes them over, so that a book in a file never loads what
SQLAlchemy knows of PostgreSQL.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from ledger.storage.columns import Day, ExactDecimal, Instant, JsonText, Key, Seq

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    },
)

book = Table(
    "book",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Instant, nullable=False),
    Column("version", Text, nullable=False),
    Column("currency", Key, nullable=False),  # of every value that sources told
    Column("genesis", Key, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

payload = Table(
    "payload",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("payload_id", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("venue", Key, nullable=False),
    Column("account", Key, nullable=False),
    Column("stream", Key, nullable=False),
    Column("symbol", Key, nullable=False),
    Column("request", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # zlib
    Column("content_hash", Key, nullable=False),
    Column("size", Integer, nullable=False),  # bytes before compression
    Column("fetched_at", Instant, nullable=False),
    Column("context", JsonText, nullable=False),
    UniqueConstraint("payload_id"),
)

event = Table(
    "event",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("event_id", Key, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("venue", Key, nullable=False),
    Column("account", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("source_id", Key, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("sequence", Seq, nullable=True),
    Column("order_id", Key, nullable=True),
    Column("client_order_id", Key, nullable=True),
    Column("bot", Key, nullable=True),
    Column("rank", Integer, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("note", Text, nullable=True),
    Column("assets", Key, nullable=False),  # " BTC USD ": every code between two spaces
    Column("body", Text, nullable=False),
    Column("facts", Key, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("event_id", "revision"),
    Index(None, "occurred_at", "seq"),
)
# The condition of an index is told as SQLite's: ``postgresql.py`` takes it over, for naming it here would load all of that dialect.
# Only balance snapshots pay for the index that finds the newest of each account and asset.
Index(
    "ix_event_balance",
    event.c.account,
    event.c.assets,
    event.c.occurred_at,
    sqlite_where=event.c.kind == "balance",
)

# Elections name sales and orders: whether one is booked already is asked before each order that a bot sends.
Index("ix_event_source_id", event.c.source_id)
for _name in ("order_id", "client_order_id"):
    _told = event.c[_name].is_not(None)
    Index(f"ix_event_{_name}", event.c[_name], sqlite_where=_told)
# Transfers are few among fills, and all of them are asked for at once.
Index("ix_event_transfer", event.c.occurred_at, sqlite_where=event.c.kind == "transfer")

evidence = Table(
    "evidence",
    METADATA,
    Column("event_seq", Seq, ForeignKey("event.seq"), primary_key=True, autoincrement=False),
    Column("payload_seq", Seq, ForeignKey("payload.seq"), primary_key=True, autoincrement=False),
    Column("locator", Key, primary_key=True),
    sqlite_with_rowid=False,
)

entry = Table(
    "entry",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # place in the hash chain, from 1
    Column("entry_id", Key, nullable=False),
    Column("event_seq", Seq, ForeignKey("event.seq"), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("reverses", Key, ForeignKey("entry.entry_id"), nullable=True),
    Column("previous_hash", Key, nullable=False),
    Column("hash", Key, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("entry_id"),
    Index(None, "event_seq"),
    Index(None, "occurred_at", "entry_id"),
)

posting = Table(
    "posting",
    METADATA,
    Column("entry_seq", Seq, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),  # from 1, in the order of the posting rule
    Column("debit", Key, nullable=False),
    Column("credit", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("amount", ExactDecimal, nullable=False),
    CheckConstraint("debit <> credit", name="two_accounts"),
    CheckConstraint("amount > 0 AND amount <> 'NaN'", name="amount_positive").ddl_if(dialect="postgresql"),
    CheckConstraint("amount GLOB '*[1-9]*' AND amount NOT GLOB '*[^0-9.]*'", name="amount_positive").ddl_if(dialect="sqlite"),
    sqlite_with_rowid=False,
)

cursor = Table(
    "cursor",
    METADATA,
    Column("connection", Key, primary_key=True),
    Column("stream", Key, primary_key=True),
    Column("symbol", Key, primary_key=True),
    Column("state", JsonText, nullable=False),
    Column("stored_at", Instant, nullable=False),
)

# How far each stream of a connection is walked; a stream that was never asked for has a row too.
stream_walk = Table(
    "stream_walk",
    METADATA,
    Column("connection", Key, primary_key=True),
    Column("stream", Key, primary_key=True),
    Column("symbol", Key, primary_key=True),
    Column("since", Instant, nullable=True),  # null: from the venue's first row
    Column("walked_at", Instant, nullable=True),  # null: no walk has come to its end
    Column("is_under_way", Boolean, nullable=False),
)

coverage = Table(
    "coverage",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("connection", Key, nullable=False),
    Column("stream", Key, nullable=False),
    Column("symbol", Key, nullable=False),
    Column("from_at", Instant, nullable=True),
    Column("to_at", Instant, nullable=True),
    Column("cursor", JsonText, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("first_id", Key, nullable=True),
    Column("last_id", Key, nullable=True),
    Column("payload_seq", Seq, ForeignKey("payload.seq"), nullable=False),
    Column("pulled_at", Instant, nullable=False),
    Index(None, "connection", "stream", "symbol", "seq"),
)

# What venues' own ledgers say moved: read again from the payloads whenever a parser reads them better.
ledger_line = Table(
    "ledger_line",
    METADATA,
    Column("account", Key, primary_key=True),
    Column("wallet", Key, primary_key=True),
    Column("line_id", Key, primary_key=True),
    Column("asset", Key, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("sequence", Seq, nullable=True),
    Column("kind", Key, nullable=False),
    Column("amount", ExactDecimal, nullable=False),
    Column("balance", ExactDecimal, nullable=True),
    Column("explains", Text, nullable=False),  # ids of the events that it may belong to, between spaces
    Column("payload_seq", Seq, ForeignKey("payload.seq"), nullable=False),
    Index(None, "account", "wallet", "occurred_at"),
    Index(None, "payload_seq"),
)

# That the book's balance was compared with a venue's: once a snapshot, whatever came of it.
assertion = Table(
    "assertion",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("account", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("balance_book", ExactDecimal, nullable=False),
    Column("balance_venue", ExactDecimal, nullable=True),
    Column("difference", ExactDecimal, nullable=True),
    Column("asserted_at", Instant, nullable=False),
    Index(None, "account", "asset", "observed_at"),
)

finding = Table(
    "finding",
    METADATA,
    Column("origin", Key, primary_key=True),
    Column("code", Key, primary_key=True),
    Column("subject", Key, primary_key=True),
    Column("severity", Key, nullable=False),
    Column("message", Text, nullable=False),
    Column("mend", Text, nullable=False),
    Column("found_at", Instant, nullable=False),
)

price = Table(
    "price",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("asset", Key, nullable=False),
    Column("currency", Key, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("price", ExactDecimal, nullable=False),
    Column("source", Key, nullable=False),
    Column("payload_seq", Seq, ForeignKey("payload.seq"), nullable=True),
    UniqueConstraint("asset", "currency", "observed_at", "source"),
)

price_asked = Table(
    "price_asked",
    METADATA,
    Column("source", Key, primary_key=True),
    Column("asset", Key, primary_key=True),
    Column("currency", Key, primary_key=True),
    Column("since", Instant, primary_key=True),
    Column("until", Instant, primary_key=True),
    Column("asked_at", Instant, nullable=False),
)

computation = Table(
    "computation",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("regime", Key, nullable=False),
    Column("version", Key, nullable=False),
    Column("options", Text, nullable=False),
    Column("event_seq", Seq, nullable=False),
    Column("price_seq", Seq, nullable=False),
    Column("election_seq", Seq, nullable=False),
    Column("computed_at", Instant, nullable=False),
    Column("pairing", Text, nullable=True),
    Column("input_hash", Key, nullable=True),  # none of computations before there were hashes
)

pair_decision = Table(
    "pair_decision",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("kind", Key, nullable=False),
    Column("withdrawals", JsonText, nullable=False),  # event ids
    Column("deposits", JsonText, nullable=False),
    Column("lost", ExactDecimal, nullable=False),
    Column("decided_at", Instant, nullable=False),
)

transfer_link = Table(
    "transfer_link",
    METADATA,
    Column("withdrawal", Key, primary_key=True),
    Column("deposit", Key, primary_key=True),
    Column("asset", Key, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("lost", ExactDecimal, nullable=False),
    Column("at_once", Boolean, nullable=False),
    Column("evidence", Key, nullable=False),
    Index(None, "deposit"),
)

closed_year = Table(
    "closed_year",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # place in the chain of closings, from 1
    Column("year", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # from 1; an amended return is the next
    Column("from_day", Day, nullable=False),
    Column("to_day", Day, nullable=False),
    Column("closed_at", Instant, nullable=False),
    Column("software", Key, nullable=False),
    Column("regime", Key, nullable=False),
    Column("regime_version", Key, nullable=False),
    Column("options", Text, nullable=False),
    Column("input_hash", Key, nullable=False),
    Column("disposals", Integer, nullable=False),
    Column("receipts", Integer, nullable=False),
    Column("lots", Integer, nullable=False),
    Column("gain", ExactDecimal, nullable=False),
    Column("gains_hash", Key, nullable=False),
    Column("income_hash", Key, nullable=False),
    Column("lots_hash", Key, nullable=False),
    Column("content_hash", Key, nullable=False),
    Column("amends", Key, nullable=True),
    Column("previous_hash", Key, nullable=False),
    Column("hash", Key, nullable=False),
    Column("content", LargeBinary, nullable=False),  # zlib
    UniqueConstraint("year", "version"),
)

election = Table(
    "election",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # place in the register's hash chain, from 1
    Column("election_id", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("subject", Key, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("grade", Key, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("payload_id", Key, ForeignKey("payload.payload_id"), nullable=True),
    Column("stored_at", Instant, nullable=False),
    Column("previous_hash", Key, nullable=False),
    Column("hash", Key, nullable=False),
    UniqueConstraint("election_id"),
    Index(None, "subject"),
)

allocation = Table(
    "allocation",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("allocation_id", Key, nullable=False),
    Column("asset", Key, nullable=False),  # made once for each, and never again
    Column("kind", Key, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("described_at", Instant, nullable=True),
    Column("evidence", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("payload_seq", Seq, ForeignKey("payload.seq"), nullable=False),
    Column("stored_at", Instant, nullable=False),
    UniqueConstraint("asset"),
)

lot = Table(
    "lot",
    METADATA,
    Column("lot_id", Key, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Key, nullable=False),
    Column("source_id", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("account", Key, nullable=False),
    Column("wallet", Key, primary_key=True),
    Column("acquired_at", Instant, nullable=False),
    Column("origin", Key, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("cost_basis", ExactDecimal, nullable=True),
    Column("quantity_open", ExactDecimal, nullable=False),
    Column("cost_open", ExactDecimal, nullable=True),
    Column("gap", Key, nullable=True),
    Column("serial", Integer, nullable=False),
    Column("lowest_first", LargeBinary, nullable=True),  # a sort key by exact cost per unit, of open lots only
    Column("highest_first", LargeBinary, nullable=True),  # the same the other way round
    Column("carried_by", Key, nullable=True),
    Index(None, "asset", "wallet", "acquired_at"),
)
# The open lots of a pool in each order in which they may go: a preview reads no more of them than a sale would take.
for _name, _keys in (("oldest", ()), ("lowest", ("lowest_first",)), ("highest", ("highest_first",))):
    _open = lot.c.lowest_first.is_not(None)
    _ordered = (lot.c[_key] for _key in ("asset", "wallet", *_keys, "acquired_at", "serial", "part"))
    Index(f"ix_lot_open_{_name}", *_ordered, sqlite_where=_open)

disposal = Table(
    "disposal",
    METADATA,
    Column("disposal_id", Key, primary_key=True),
    Column("piece", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Key, nullable=False),
    Column("source_id", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("account", Key, nullable=False),
    Column("wallet", Key, nullable=False),
    Column("bot", Key, nullable=True),
    Column("kind", Key, nullable=False),
    Column("acquired_at", Instant, nullable=True),
    Column("disposed_at", Instant, nullable=False),
    Column("proceeds", ExactDecimal, nullable=True),
    Column("cost_basis", ExactDecimal, nullable=True),
    Column("lot_id", Key, nullable=True),
    Column("lot_source_id", Key, nullable=True),
    Column("matched_by", Key, nullable=False),
    Column("gap", Key, nullable=True),
    Column("selling_costs", ExactDecimal, nullable=False),
    Column("provisional_until", Day, nullable=True),
    Column("caveat", Key, nullable=True),
    Column("order_id", Key, nullable=True),
    Index(None, "disposed_at", "disposal_id"),
)

broker_statement = Table(
    "broker_statement",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("row_id", Key, nullable=False),
    Column("payload_seq", Seq, ForeignKey("payload.seq"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("account", Key, nullable=False),
    Column("year", Integer, nullable=False),
    Column("form", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("date_acquired", Day, nullable=True),
    Column("date_sold", Day, nullable=False),
    Column("proceeds", ExactDecimal, nullable=False),
    Column("cost_basis", ExactDecimal, nullable=True),
    Column("term", Key, nullable=True),
    Column("sale", Key, nullable=True),
    Column("code", Key, nullable=False),
    Column("adjustment", ExactDecimal, nullable=True),
    Column("issued", Day, nullable=True),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("row_id"),
    Index(None, "account", "year"),
)

# What a venue told of an API key: by the night where it was new, and whenever its owner asked.
key_check = Table(
    "key_check",
    METADATA,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("connection", Key, nullable=False),
    Column("venue", Key, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Column("may_read", Boolean, nullable=False),
    Column("may_trade", Boolean, nullable=True),  # null: the venue does not tell
    Column("may_withdraw", Boolean, nullable=True),
    Column("facts", JsonText, nullable=False),  # pairs of what else it told: permissions, ends_at, addresses
    Column("is_of_owner", Boolean, nullable=False),
    Column("allows_withdraw", Boolean, nullable=False),
    Index(None, "connection", "seq"),
)

# Who decided an event, where its source does not say: derived from the settings and from `bot_order`.
attribution = Table(
    "attribution",
    METADATA,
    Column("event_seq", Seq, ForeignKey("event.seq"), primary_key=True, autoincrement=False),
    Column("bot", Key, nullable=False),
    Column("why", Key, nullable=False),
)

attributed = Table(
    "attributed",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rules", Text, nullable=False),  # those that `attribution` stands for
)

# What bots' databases say: derived from their payloads.
bot_order = Table(
    "bot_order",
    METADATA,
    Column("payload_seq", Seq, ForeignKey("payload.seq"), primary_key=True, autoincrement=False),
    Column("account", Key, primary_key=True),
    Column("subject", Key, primary_key=True),  # "order:ID" or "fill:ID"
    Column("bot", Key, nullable=False),
    Column("locator", Key, primary_key=True),
    Index(None, "subject"),
)
