"""Facts go in once and come out as they were, filtered and sorted as asked, alike on both engines."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.entry import JournalEntry
from ledger.domain.event import BalanceSnapshot, Fill, SourceRank
from ledger.domain.event_text import body_text, facts_hash
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import EntryId, EventId, PayloadId, SourceId, hash_of
from ledger.domain.law.statement import BrokerForm, StatementRow
from ledger.domain.lot import HoldingTerm
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.price import PriceQuote
from ledger.journal.chain import cells_of
from ledger.storage import tables
from ledger.storage.store import CoverageWindow, NewEntry, Reader, Store, StoredEvent

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(microseconds=1)
BTC, ETH, USD = AssetCode("BTC"), AssetCode("ETH"), AssetCode("USD")

Fills = Callable[..., Fill]
Stored = Callable[..., list[int]]


def source_ids(events: object) -> list[str]:
    """Return the sources' own ids of stored events."""
    return [one.event.source_id for one in events]  # type: ignore[attr-defined]  # any iterable of stored events


# --- payloads -------------------------------------------------------------------------------------------------------


def test_a_payload_comes_back_to_the_last_byte(store: Store, payload: Callable[..., Payload]) -> None:
    pages = [payload(bytes(range(256)) * 10), payload(b"", name="fills, été.csv", kind=PayloadKind.FILE, context=())]
    with store.write() as writer:
        assert [writer.add_payload(page) for page in pages] == [(1, True), (2, True)]
    with store.read() as reader:
        assert list(reader.payloads()) == [(1, pages[0]), (2, pages[1])]
        assert reader.payload(pages[1].payload_id) == pages[1]
        assert reader.payload(PayloadId("P-unknown")) is None


def test_the_same_payload_is_stored_once(store: Store, payload: Callable[..., Payload]) -> None:
    again = payload(fetched_at=LATER)
    with store.write() as writer:
        assert writer.add_payload(payload()) == (1, True)
        assert writer.add_payload(again) == (1, False)
    with store.write() as writer:
        assert writer.add_payload(again) == (1, False)
        assert [kept.fetched_at for _, kept in writer.payloads()] == [NOON]


# --- events ---------------------------------------------------------------------------------------------------------


def test_an_event_comes_back_as_it_was(store: Store, fill: Fills, stored: Stored) -> None:
    full = fill(
        sequence=2**62,
        order_id="o-1",
        client_order_id="grid-7",
        bot="grid-1",
        note="Zürich; 5%",
        provisional=True,
        rank=SourceRank.FILE,
        fee=Amount(quantity=Decimal("-0.25"), asset=AssetCode("BNB")),
        value=Decimal("0.000000000000000001"),
    )
    with store.write() as writer:
        assert stored(writer, full, fill(2)) == [1, 2]
    with store.read() as reader:
        body = body_text(full)
        assert reader.event(full.event_id) == StoredEvent(seq=1, revision=0, event=full, facts=facts_hash(full, body), recorded_at=NOON)
        assert reader.event(EventId("unknown")) is None
        assert reader.event_seq_last() == 2


def test_the_live_event_is_the_last_revision(store: Store, fill: Fills, stored: Stored) -> None:
    first, better = fill(1), fill(1, quote=Amount(quantity=Decimal(20001), asset=USD), bot="grid-1")
    with store.write() as writer:
        stored(writer, first, fill(2, occurred_at=LATER))
        stored(writer, better, revision=1)
    with store.read() as reader:
        live = reader.event(first.event_id)
        assert live is not None
        assert (live.seq, live.revision, live.event) == (3, 1, better)
        assert source_ids(reader.events()) == ["t-1", "t-2"]
        assert [one.event for one in reader.events(after_seq=2)] == [better]
        known = reader.known([first.event_id])[first.event_id]
        assert (known.seq, known.revision, known.facts) == (3, 1, live.facts)


def test_known_events_are_found_among_many(store: Store, fill: Fills, stored: Stored) -> None:
    fills = [fill(number, provisional=number == 7, rank=SourceRank.BOT_DATABASE) for number in range(6000)]
    with store.write() as writer:
        stored(writer, *fills)
    with store.read() as reader:
        known = reader.known([one.event_id for one in fills] + [EventId("unknown")])
        assert (len(known), EventId("unknown") in known, reader.known([])) == (6000, False, {})
        seventh = known[fills[7].event_id]
        assert (seventh.seq, seventh.rank, seventh.provisional) == (8, SourceRank.BOT_DATABASE, True)


def test_events_come_in_order_of_time_then_of_arrival(store: Store, fill: Fills, stored: Stored) -> None:
    with store.write() as writer:
        stored(writer, fill(3, occurred_at=LATER), fill(2), fill(1), fill(4, occurred_at=NOON - timedelta(days=400)))
    with store.read() as reader:
        assert source_ids(reader.events()) == ["t-4", "t-2", "t-1", "t-3"]


def test_events_of_an_asset_are_those_that_move_it(store: Store, fill: Fills, stored: Stored) -> None:
    one, fee = Decimal(1), Amount(quantity=Decimal(1), asset=AssetCode("BNB"))
    with store.write() as writer:
        stored(
            writer,
            fill(1),
            fill(2, base=Amount(quantity=one, asset=AssetCode("BTC.X")), fee=fee),
            fill(3, base=Amount(quantity=one, asset=AssetCode("B_C"))),
        )
    with store.read() as reader:
        found = {asset: source_ids(reader.events(asset=asset)) for asset in ("BTC", "USD", "BTC.X", "B_C", "B", "%", "BNB")}
    assert found == {"BTC": ["t-1"], "USD": ["t-1", "t-2", "t-3"], "BTC.X": ["t-2"], "B_C": ["t-3"], "B": [], "%": [], "BNB": ["t-2"]}


def test_events_of_a_kind_and_changed_assets(store: Store, fill: Fills, snapshot: Callable[..., BalanceSnapshot], stored: Stored) -> None:
    with store.write() as writer:
        stored(writer, fill(1), snapshot(2, "ETH"), snapshot(3, "SOL"))
    with store.read() as reader:
        assert source_ids(reader.events(kinds=["balance"], asset="ETH")) == ["t-2"]
        assert source_ids(reader.events(kinds=["fill", "charge"])) == ["t-1"]
        assert source_ids(reader.events(kinds=[])) == []
        assert reader.changed_assets(after_event_seq=0) == {"BTC", "USD", "ETH", "SOL"}
        assert reader.changed_assets(after_event_seq=2) == {"SOL"}
        assert reader.changed_assets(after_event_seq=3) == set()


def test_the_newest_balance_of_each_account_and_asset_counts(
    store: Store,
    fill: Fills,
    snapshot: Callable[..., BalanceSnapshot],
    stored: Stored,
) -> None:
    with store.write() as writer:
        stored(writer, snapshot(1, "ETH", occurred_at=LATER), snapshot(2, "ETH"), snapshot(3, "BTC"), snapshot(4, "BTC"))
        stored(writer, snapshot(5, "ETH", account="alt"), fill(6, occurred_at=LATER))
    with store.read() as reader:
        assert source_ids(reader.snapshots()) == ["t-5", "t-4", "t-1"]


def test_events_are_found_by_the_beginning_of_their_id_or_by_their_own_id(store: Store, fill: Fills, stored: Stored) -> None:
    with store.write() as writer:
        stored(writer, *(fill(number, event_id=EventId(f"{number:02}ab")) for number in range(30)))
    with store.read() as reader:
        assert reader.events_matching("07") == ["07ab"]
        assert reader.events_matching("t-12") == ["12ab"]
        assert reader.events_matching("t-1") == ["01ab"]
        assert reader.events_matching("2") == [f"{number}ab" for number in range(20, 30)]
        assert reader.events_matching("%") == reader.events_matching("") == []
    with store.write() as writer:
        stored(writer, *(fill(number, event_id=EventId(f"2-{number}")) for number in range(100, 130)))
        assert len(writer.events_matching("2")) == 20


def test_evidence_is_kept_of_all_revisions_and_once(store: Store, fill: Fills, stored: Stored, payload: Callable[..., Payload]) -> None:
    pages = [payload(b"one"), payload(b"two")]
    with store.write() as writer:
        seqs = [writer.add_payload(page)[0] for page in pages]
        stored(writer, fill(1), fill(2))
        stored(writer, fill(1, note="x"), revision=1)
        writer.add_evidence([(1, seqs[0], "row 2"), (2, seqs[0], "row 1")])
        writer.add_evidence([(3, seqs[1], "row 1"), (1, seqs[0], "row 2"), (3, seqs[0], "row 2")])
        writer.add_evidence([])
    with store.read() as reader:
        assert reader.evidence(fill(1).event_id) == [(pages[0].payload_id, "row 2"), (pages[1].payload_id, "row 1")]
        assert [reader.locators(fill(1).event_id, seq) for seq in seqs] == [["row 2"], ["row 1"]]
        assert reader.locators(fill(2).event_id, seqs[1]) == []
        assert reader.evidence(EventId("unknown")) == []


# --- the journal ----------------------------------------------------------------------------------------------------


def test_the_chain_goes_on_from_its_tip(store: Store, fill: Fills, booked: Callable[..., None]) -> None:
    with store.write() as writer:
        genesis = writer.chain_tip()[1]
        booked(writer, fill(2), fill(1))
    with store.read() as reader:
        first, second = reader.entries()
        assert (first.seq, first.event_seq, first.previous_hash) == (1, 1, genesis)
        assert (second.seq, second.previous_hash) == (2, first.hash)
        assert reader.chain_tip() == (2, second.hash)
        live = reader.event(fill(2).event_id)
        assert live is not None
        assert first.facts == live.facts


def test_entries_come_back_as_they_were(
    store: Store,
    fill: Fills,
    stored: Stored,
    booked: Callable[..., None],
    entry: Callable[..., JournalEntry],
) -> None:
    reversal = entry(fill(1), reversal=True)
    with store.write() as writer:
        booked(writer, fill(1), fill(2))
        stored(writer, fill(1, note="x"), revision=1)
        _, tip = writer.chain_tip()
        writer.add_entries(
            [NewEntry(seq=3, entry=reversal, cells=cells_of(reversal), event_seq=1, previous_hash=tip, hash=hash_of("3"))], NOON
        )
        again = entry(fill(1), revision=1)
        better = NewEntry(seq=4, entry=again, cells=cells_of(again), event_seq=3, previous_hash=hash_of("3"), hash=hash_of("4"))
        writer.add_entries([better], NOON)
    with store.read() as reader:
        assert [one.entry for one in reader.entries_of(fill(1).event_id)] == [entry(fill(1)), reversal, better.entry]
        found = reader.entry(reversal.entry_id)
        assert found is not None
        assert (found.seq, found.entry) == (3, reversal)
        assert reader.entry(EntryId("unknown")) is None


def test_the_journal_is_read_in_order_of_time_and_filtered(store: Store, fill: Fills, booked: Callable[..., None]) -> None:
    hour = timedelta(hours=1)
    with store.write() as writer:
        booked(writer, fill(3, occurred_at=NOON + hour, bot="grid-1", note="third"), fill(2, account="alt"), fill(1))
        booked(writer, fill(4, occurred_at=NOON + 2 * hour, base=Amount(quantity=Decimal(3), asset=ETH)))

    def found(reader: Reader, **filters: object) -> list[str]:
        return [row.source_id for row in reader.journal(**filters)]  # type: ignore[arg-type]  # any filter of the journal

    with store.read() as reader:
        assert found(reader) == ["t-1", "t-2", "t-3", "t-4"]
        assert found(reader, since=NOON + hour) == ["t-3", "t-4"]
        assert found(reader, until=NOON + hour) == ["t-1", "t-2"]
        assert found(reader, account="alt") == ["t-2"]
        assert found(reader, bot="grid-1") == ["t-3"]
        assert found(reader, asset="ETH") == ["t-4"]
        third = list(reader.journal())[2]
        assert (third.kind, third.account, third.bot, third.note) == ("fill", "main", "grid-1", "third")
        assert [posting.amount.quantity for posting in third.entry.postings] == [Decimal("0.5"), Decimal(20000)]
        assert next(reader.journal()).note == ""


def test_postings_for_balances_come_in_the_order_of_the_chain(store: Store, fill: Fills, booked: Callable[..., None]) -> None:
    with store.write() as writer:
        booked(writer, fill(2, occurred_at=LATER), fill(1))
    with store.read() as reader:
        one = [("assets:main", "equity:trading", "BTC", Decimal("0.5")), ("equity:trading", "assets:main", "USD", Decimal(20000))]
        assert list(reader.postings()) == one + one
        assert list(reader.postings(until=LATER)) == one
        assert list(reader.postings(until=NOON)) == []


# --- progress, findings, prices -------------------------------------------------------------------------------------


def test_a_cursor_is_the_last_one_put(store: Store) -> None:
    with store.write() as writer:
        writer.put_cursor("main", "fills", "BTC-USD", {"after": 1, "before": None}, NOON)
        writer.put_cursor("main", "fills", "", {"page": "Ω"}, NOON)
        writer.put_cursor("main", "fills", "BTC-USD", {"after": 2}, LATER)
    with store.read() as reader:
        assert reader.cursor("main", "fills", "BTC-USD") == {"after": 2}
        assert reader.cursor("main", "fills", "") == {"page": "Ω"}
        assert reader.cursor("alt", "fills", "") is None


def test_coverage_is_remembered_page_by_page(store: Store, payload: Callable[..., Payload]) -> None:
    full = CoverageWindow(
        connection="main",
        stream="fills",
        symbol="BTC-USD",
        from_at=NOON,
        to_at=LATER,
        cursor={"after": 1},
        rows=100,
        first_id="1",
        last_id="100",
        payload_seq=1,
        pulled_at=LATER,
    )
    empty = CoverageWindow(
        connection="alt",
        stream="fills",
        symbol="",
        from_at=None,
        to_at=None,
        cursor={},
        rows=0,
        first_id=None,
        last_id=None,
        payload_seq=1,
        pulled_at=NOON,
    )
    with store.write() as writer:
        writer.add_payload(payload())
        writer.add_coverage([full, empty])
        writer.add_coverage([full])
    with store.read() as reader:
        assert list(reader.coverage()) == [empty, full, full]


def finding(code: str, subject: str, severity: Severity = Severity.ERROR) -> Finding:
    """Return a finding."""
    return Finding(code=code, severity=severity, subject=subject, message=f"{code} of {subject}", mend="look")


def test_findings_are_sorted_by_weight_and_kept_as_first_found(store: Store) -> None:
    note, warning = finding("a", "1", Severity.NOTE), finding("b", "1", Severity.WARNING)
    errors = [finding("d", "1"), finding("c", "2"), finding("c", "1")]
    with store.write() as writer:
        writer.add_findings("sync", [note, warning, *errors], NOON)
        writer.add_findings("match", [finding("c", "1")], NOON)
        writer.add_findings("sync", [finding("c", "1", Severity.NOTE)], LATER)
    with store.read() as reader:
        assert reader.findings() == [
            ("match", finding("c", "1")),
            ("sync", finding("c", "1")),
            ("sync", finding("c", "2")),
            ("sync", finding("d", "1")),
            ("sync", warning),
            ("sync", note),
        ]


def test_the_findings_of_an_origin_are_replaced_and_no_others(store: Store) -> None:
    table = tables.finding
    with store.write() as writer:
        writer.add_findings("sync", [finding("a", "1")], NOON)
        writer.add_findings("match", [finding("b", "1"), finding("b", "2")], NOON)
        writer.replace_findings("match", [finding("b", "2", Severity.NOTE), finding("b", "3")], LATER)
    with store.read() as reader:
        assert [(origin, found.subject, found.severity) for origin, found in reader.findings()] == [
            ("sync", "1", "error"),
            ("match", "3", "error"),
            ("match", "2", "note"),
        ]
        found_at = reader._connection.execute(select(table.c.subject, table.c.found_at).where(table.c.origin == "match")).all()
    assert {row.subject: row.found_at for row in found_at} == {"2": NOON, "3": LATER}


def quote(minute: int, price: int, source: str = "coinbase-exchange", asset: AssetCode = BTC) -> PriceQuote:
    """Return a quote in dollars, so many minutes after noon."""
    return PriceQuote(asset=asset, currency=USD, observed_at=NOON + timedelta(minutes=minute), price=Decimal(price), source=source)


def test_what_a_source_said_of_a_price_first_stays(store: Store) -> None:
    with store.write() as writer:
        writer.add_prices([quote(1, 10), quote(0, 9)], None)
        writer.add_prices([quote(1, 11), quote(1, 12, "other"), quote(2, 13)], None)
        assert writer.price_seq_last() == 5
    with store.read() as reader:
        assert reader.prices("BTC", "USD") == [quote(0, 9), quote(1, 10), quote(1, 12, "other"), quote(2, 13)]


def test_prices_are_looked_up_within_a_window(store: Store) -> None:
    with store.write() as writer:
        writer.add_prices([quote(0, 9), quote(5, 10, "b"), quote(5, 11, "a"), quote(10, 12), quote(5, 99, asset=ETH)], None)
    with store.read() as reader:
        minute = timedelta(minutes=1)
        assert reader.prices("BTC", "USD", since=NOON + 5 * minute, until=NOON + 10 * minute) == [quote(5, 11, "a"), quote(5, 10, "b")]


def test_rows_of_statements_come_back_as_they_were_and_are_kept_once(
    store: Store, payload: Callable[..., Payload], statement_row: Callable[..., StatementRow]
) -> None:
    bare = statement_row("S-1")
    full = statement_row(
        "S-2",
        form=BrokerForm.SECURITIES_BASIS,
        quantity=Decimal("0.123456789012345678"),
        date_acquired=date(2024, 2, 29),
        cost_basis=Decimal("0.01"),
        term=HoldingTerm.LONG,
        sale=SourceId("s-1"),
        code="O",
        adjustment=Decimal("-12.5"),
        issued=date(2026, 2, 15),
    )
    with store.write() as writer:
        payload_seq, _ = writer.add_payload(payload())
        assert writer.add_statement_rows([(2, full), (3, bare)], payload_seq, NOON) == 2
        assert writer.add_statement_rows([(2, bare), (3, full)], payload_seq, NOON) == 0
        assert writer.statement_rows() == [bare, full]
