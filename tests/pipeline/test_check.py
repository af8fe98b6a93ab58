"""Checking a book: a clean one has no findings, and whatever was changed behind its back is found and named."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.domain.amount import Amount, AssetCode
from ledger.domain.event import BalanceSnapshot, SourceRank
from ledger.domain.ids import AccountId, EventId, Hash, SourceId, VenueName, content_hash, hash_of, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.time.instant import instant_of
from ledger.pipeline.interpret import Absorber

FACTS = ("book", "payload", "event", "evidence", "entry", "posting", "price", "coverage")
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough

Row = dict[str, str]


@pytest.fixture
def sample(book: Book, sample_files: tuple[Path, ...]) -> Book:
    book.import_files(sample_files)
    return book


def tamper(book: Book, *statements: str, **values: object) -> None:
    """Change facts as somebody does who owns the database: first the triggers go, then the rows."""
    backend = book.store._backend
    with backend.writing() as connection:
        for table in FACTS:
            if backend.engine.dialect.name == "sqlite":
                for change in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_refuses_{change}"))
            else:
                connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        for statement in statements:
            connection.execute(text(statement), values)


def codes(book: Book) -> list[str]:
    return [finding.code for finding in book.check()]


def entry_of(book: Book, source_id: str) -> tuple[int, str, EventId]:
    with book.store.read() as reader:
        event = next(stored.event for stored in reader.events() if stored.event.source_id == source_id)
        (entry,) = reader.entries_of(event.event_id)
    return entry.seq, entry.entry.entry_id, event.event_id


def test_a_clean_book_has_no_findings(sample: Book) -> None:
    assert sample.check() == ()


def test_an_empty_book_has_no_findings(book: Book) -> None:
    assert book.check() == ()


# --- facts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"not even packed", b"x\x9c\x4b\x4c\x04\x02\x00\x02\x49\x01\x24"])
def test_a_changed_payload_is_found(sample: Book, content: bytes) -> None:
    tamper(sample, "UPDATE payload SET content = :content WHERE seq = 2", content=content)
    (finding,) = sample.check()
    with sample.store.read() as reader:
        ident = [payload.payload_id for _, payload in reader.payloads()][1]
    assert (finding.code, finding.severity, finding.subject) == ("changed-payload", "error", ident)
    assert "behind Lotwright's back" in finding.mend


def test_a_changed_amount_of_an_event_is_found(sample: Book) -> None:
    _, _, event = entry_of(sample, "s1")
    tamper(sample, "UPDATE event SET body = replace(body, '9000', '9001') WHERE event_id = :event", event=event)
    found = [(finding.code, finding.subject) for finding in sample.check()]
    assert found == [("changed-event", event), ("lots-not-conserved", "BTC")]


@ON_SQLITE
@pytest.mark.parametrize("change", ["occurred_at = '2025-03-03T14:15:01.000000Z'", "source_id = 'other'", "note = 'x'", "order_id = 'x'"])
def test_a_changed_head_of_an_event_is_found(sample: Book, change: str) -> None:
    _, _, event = entry_of(sample, "s1")
    tamper(sample, f"UPDATE event SET {change} WHERE event_id = :event", event=event)  # noqa: S608  # changes of this test
    assert ("changed-event", event) in [(finding.code, finding.subject) for finding in sample.check()]


def test_an_event_that_was_changed_together_with_its_hash_breaks_the_chain(sample: Book) -> None:
    _, entry, event = entry_of(sample, "s1")
    tamper(sample, "UPDATE event SET facts = :facts WHERE event_id = :event", facts=Hash("0" * 64), event=event)
    assert [(finding.code, finding.subject) for finding in sample.check()] == [("chain-broken", entry), ("changed-event", event)]


def test_a_changed_telling_is_found_also_when_a_better_one_has_replaced_it(book: Book, tmp_path: Path) -> None:
    header = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit\n"
    path = tmp_path / "fills.csv"
    path.write_text(header + "main,7,ETH-USD,BUY,2025-03-01T12:00:00.000Z,1.00000000,ETH,2000,0,-2000,USD\n", encoding="utf-8")
    book.import_files([path])
    with book.store.write() as writer:
        (stored,) = writer.events()
        better = replace(stored.event, rank=SourceRank.VENUE, occurred_at=instant_of("2025-03-01T12:00:00.000123Z"))
        absorber = Absorber(writer, recorded_at=better.occurred_at)
        absorber.absorb([(better, "row 1")], 1)
    assert codes(book) == []
    tamper(book, "UPDATE event SET body = replace(body, '2000', '2001') WHERE revision = 0")
    assert [(finding.code, finding.subject) for finding in book.check()] == [("changed-event", better.event_id)]


# --- the journal -----------------------------------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize("change", ["amount = '0.3'", "debit = 'assets:other'", "credit = 'assets:other'", "asset = 'ETH'"])
def test_a_changed_posting_breaks_the_chain(sample: Book, change: str) -> None:
    seq, entry, _ = entry_of(sample, "b1")
    tamper(sample, f"UPDATE posting SET {change} WHERE entry_seq = {seq} AND line = 1")  # noqa: S608  # changes of this test
    assert ("chain-broken", entry) in [(finding.code, finding.subject) for finding in sample.check()]


def test_a_removed_posting_breaks_the_chain(sample: Book) -> None:
    seq, entry, _ = entry_of(sample, "b1")
    tamper(sample, f"DELETE FROM posting WHERE entry_seq = {seq} AND line = 3")  # noqa: S608  # a number of this test
    assert ("chain-broken", entry) in [(finding.code, finding.subject) for finding in sample.check()]


def test_a_removed_entry_breaks_the_chain_and_leaves_an_event_unbooked(sample: Book) -> None:
    seq, _, event = entry_of(sample, "b1")
    with sample.store.read() as reader:
        after = next(stored.entry.entry_id for stored in reader.entries() if stored.seq > seq)
    tamper(sample, f"DELETE FROM posting WHERE entry_seq = {seq}", f"DELETE FROM entry WHERE seq = {seq}")  # noqa: S608  # as above
    found = [(finding.code, finding.subject) for finding in sample.check()]
    assert ("chain-broken", after) in found
    assert ("not-one-live-entry", event) in found


def test_a_removed_last_entry_is_missed_by_its_event(sample: Book) -> None:
    with sample.store.read() as reader:
        *_, last = reader.entries()
    tamper(sample, f"DELETE FROM posting WHERE entry_seq = {last.seq}", f"DELETE FROM entry WHERE seq = {last.seq}")  # noqa: S608  # as above
    assert ("not-one-live-entry", last.entry.event_id) in [(finding.code, finding.subject) for finding in sample.check()]


def test_a_removed_event_is_missed_by_the_chain(sample: Book) -> None:
    seq, _, event = entry_of(sample, "b1")
    tamper(
        sample,
        f"DELETE FROM posting WHERE entry_seq = {seq}",  # noqa: S608  # as above
        f"DELETE FROM entry WHERE seq = {seq}",  # noqa: S608  # as above
        f"DELETE FROM evidence WHERE event_seq IN (SELECT seq FROM event WHERE event_id = '{event}')",  # noqa: S608  # as above
        f"DELETE FROM event WHERE event_id = '{event}'",  # noqa: S608  # as above
    )
    assert "chain-broken" in codes(sample)


def test_another_genesis_breaks_the_chain_at_its_first_entry(sample: Book) -> None:
    with sample.store.read() as reader:
        first = next(iter(reader.entries())).entry.entry_id
    tamper(sample, "UPDATE book SET genesis = :genesis", genesis=hash_of("another"))
    assert [(finding.code, finding.subject) for finding in sample.check()] == [("chain-broken", first)]


# --- lots ------------------------------------------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE lot SET quantity_open = '4' WHERE asset = 'USDT'", ["lots-differ-from-balance", "lots-not-conserved"]),
        ("UPDATE lot SET cost_open = '4' WHERE asset = 'USDT'", ["lots-not-conserved"]),
        ("DELETE FROM lot WHERE asset = 'USDT'", ["lots-differ-from-balance", "lots-not-conserved"]),
        ("UPDATE disposal SET proceeds = '1' WHERE asset = 'BNB' AND piece = 1", ["lots-not-conserved"]),
        ("UPDATE disposal SET cost_basis = '1' WHERE asset = 'BNB' AND piece = 1", ["lots-not-conserved"]),
        ("DELETE FROM disposal WHERE asset = 'BNB'", ["lots-not-conserved"]),
        ("UPDATE disposal SET acquired_at = '2030-01-01T00:00:00.000000Z' WHERE source_id = 's1'", ["lot-used-too-early"]),
    ],
)
def test_changed_lots_and_disposals_are_found_and_mended_by_matching_anew(sample: Book, change: str, expected: list[str]) -> None:
    with sample.store.write() as writer:
        writer._connection.execute(text(change))
    assert sorted(set(codes(sample))) == expected
    sample.rebuild()
    assert codes(sample) == []


# --- what the world says ---------------------------------------------------------------------------------------------


def test_half_a_transfer_is_a_warning_until_its_other_half_is_known_otherwise(
    book: Book, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    book.import_files([write(row("b1"), row("w1", time="2025-03-02T12:00:00Z", type="withdrawal", amount="0.4"))])
    (finding,) = book.check()
    assert (finding.code, finding.severity) == ("unpaired-withdrawal", "warning")
    assert "0.4 BTC left main (w1) and no arrival is known" in finding.message


def snapshot(asset: str, balance: str) -> BalanceSnapshot:
    return BalanceSnapshot(
        event_id=EventId(hash_of(asset, balance)[:32]),
        source_id=SourceId(f"{asset}@{balance}"),
        venue=VenueName("coinbase-exchange"),
        account=AccountId("main"),
        occurred_at=instant_of(f"2025-03-02T12:00:{len(balance):02d}Z"),
        rank=SourceRank.VENUE,
        balance=Amount(quantity=Decimal(balance), asset=AssetCode(asset)),
    )


def told(book: Book, *snapshots: BalanceSnapshot) -> None:
    content = repr(snapshots).encode()
    page = Payload(
        payload_id=payload_id(account=AccountId("main"), request="GET /accounts", content=content_hash(content)),
        kind=PayloadKind.PAGE,
        venue=VenueName("coinbase-exchange"),
        account=AccountId("main"),
        stream="balances",
        symbol="",
        request="GET /accounts",
        name="",
        content=content,
        content_hash=content_hash(content),
        fetched_at=snapshots[0].occurred_at,
    )
    with book.store.write() as writer:
        seq, _ = writer.add_payload(page)
        Absorber(writer, recorded_at=page.fetched_at).absorb([(one, "row 1") for one in snapshots], seq)


def test_a_balance_unlike_the_venue_s_is_found_until_the_venue_tells_the_same(
    book: Book, row: Callable[..., Row], write: Callable[..., Path]
) -> None:
    book.import_files([write(row("b1"))])
    told(book, snapshot("BTC", "0.9"), snapshot("USD", "-50000"))
    (finding,) = book.check()
    assert (finding.code, finding.severity, finding.subject) == ("balance-differs", "error", "main BTC")
    assert "the book holds 1, the venue 0.9 BTC: 0.1 too much in the book" in finding.message
    told(book, snapshot("BTC", "1.0000"))
    assert book.check() == ()


def test_findings_of_an_earlier_check_go_when_their_cause_is_gone(sample: Book) -> None:
    seq, _, _ = entry_of(sample, "b1")
    tamper(sample, f"UPDATE posting SET amount = '0.41' WHERE entry_seq = {seq} AND line = 1")  # noqa: S608  # a number of this test
    assert codes(sample) != []
    with sample.store.write() as writer:
        writer._connection.execute(text(f"UPDATE posting SET amount = '0.4' WHERE entry_seq = {seq} AND line = 1"))  # noqa: S608  # as above
    assert codes(sample) == []


@ON_SQLITE
def test_a_damaged_page_that_nothing_else_reads_is_found(sample: Book) -> None:
    backend = sample.store._backend
    with backend.reading() as connection:
        page = connection.execute(text("SELECT rootpage FROM sqlite_master WHERE name = 'ix_event_source_id'")).scalar_one()
        size = connection.execute(text("PRAGMA page_size")).scalar_one()
    with backend.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    backend.engine.dispose()
    (file,) = [path for path in backend.files if path.suffix == ".sqlite3"]
    content = bytearray(file.read_bytes())
    cells = slice(page * size - size // 4, page * size - 8)  # of the index's last rows
    content[cells] = bytes(255 - one for one in content[cells])
    file.write_bytes(content)
    found = [one for one in sample.check() if one.code == "book-damaged"]
    assert found
    assert all(one.mend.startswith("take the book back from a backup") for one in found)
