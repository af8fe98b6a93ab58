"""Small invented facts to store, and a book that has a row in every table."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.election import EvidenceGrade, PickOrder, StandingOrder
from ledger.domain.entry import AccountName, JournalEntry, Posting
from ledger.domain.event import BalanceSnapshot, Event, EventHead, Fill, Side, SourceRank, assets_of
from ledger.domain.event_text import body_text, facts_hash, kind_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import (
    AccountId,
    AllocationId,
    BotId,
    DisposalId,
    ElectionId,
    EventId,
    Hash,
    LotId,
    PayloadId,
    SourceId,
    StatementRowId,
    VenueName,
    WalletId,
    content_hash,
    hash_of,
)
from ledger.domain.ids import entry_id as entry_id_of
from ledger.domain.law.allocation import Allocation, AllocationKind, Allotment
from ledger.domain.law.statement import BrokerForm, StatementRow
from ledger.domain.lot import DepartureKind, Disposal, Lot, LotOrigin
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.price import PriceQuote
from ledger.domain.transfers.pairing import DecisionKind, PairDecision, PairEvidence, TransferLink
from ledger.journal.chain import cells_of
from ledger.storage.store import (
    BalanceAssertion,
    BotOrder,
    ClosedYear,
    Computation,
    CoverageWindow,
    KeyCheck,
    NewEntry,
    NewEvent,
    PriceAsked,
    RegisteredElection,
    Store,
    StoredLine,
    StreamWalk,
    Writer,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
BTC, USD = AssetCode("BTC"), AssetCode("USD")


def _fill(number: int = 1, **changes: object) -> Fill:
    """A fill of half a bitcoin; event id and source id follow from `number`."""
    fill = Fill(
        event_id=EventId(f"{number:016x}".ljust(32, "0")),
        source_id=SourceId(f"t-{number}"),
        venue=VenueName("coinbase-exchange"),
        account=AccountId("main"),
        occurred_at=NOON,
        rank=SourceRank.VENUE,
        side=Side.BUY,
        base=Amount(quantity=Decimal("0.5"), asset=BTC),
        quote=Amount(quantity=Decimal(20000), asset=USD),
    )
    return replace(fill, **changes)  # type: ignore[arg-type]  # any field of a fill


def _snapshot(number: int, asset: str, **changes: object) -> BalanceSnapshot:
    """A balance of one unit."""
    head = {name: getattr(_fill(number), name) for name in EventHead.__dataclass_fields__}
    return replace(BalanceSnapshot(**head, balance=Amount(quantity=Decimal(1), asset=AssetCode(asset))), **changes)  # type: ignore[arg-type]  # as above


def _payload(content: bytes = b'[{"trade_id": 1}]', **changes: object) -> Payload:
    """One page of fills."""
    payload = Payload(
        payload_id=PayloadId(f"P-{content_hash(content)[:32]}"),
        kind=PayloadKind.PAGE,
        venue=VenueName("coinbase-exchange"),
        account=AccountId("main"),
        stream="fills",
        symbol="BTC-USD",
        request="GET /fills?product_id=BTC-USD",
        name="",
        content=content,
        content_hash=content_hash(content),
        fetched_at=NOON,
        context=(("zone", "UTC"), ("asset", "BTC")),
    )
    return replace(payload, **changes)  # type: ignore[arg-type]  # any field of a payload


def _lot(name: str = "L-1", **changes: object) -> Lot:
    """Half a bitcoin, bought and still there."""
    lot = Lot(
        lot_id=LotId(name),
        part=0,
        event_id=EventId("e-1"),
        source_id=SourceId("t-1"),
        asset=BTC,
        account=AccountId("main"),
        wallet=WalletId("coinbase"),
        acquired_at=NOON,
        origin=LotOrigin.PURCHASE,
        quantity=Decimal("0.5"),
        cost_basis=Decimal(20000),
        quantity_open=Decimal("0.5"),
        cost_open=Decimal(20000),
    )
    return replace(lot, **changes)  # type: ignore[arg-type]  # any field of a lot


def _disposal(name: str = "D-1", **changes: object) -> Disposal:
    """A tenth of a bitcoin, sold."""
    disposal = Disposal(
        disposal_id=DisposalId(name),
        piece=1,
        event_id=EventId("e-2"),
        source_id=SourceId("t-2"),
        asset=BTC,
        quantity=Decimal("0.1"),
        account=AccountId("main"),
        wallet=WalletId("coinbase"),
        bot=BotId("grid-1"),
        kind=DepartureKind.SALE,
        acquired_at=NOON,
        disposed_at=NOON,
        proceeds=Decimal(5000),
        cost_basis=Decimal(4000),
        lot_id=LotId("L-1"),
        lot_source_id=SourceId("t-1"),
        matched_by="fifo",
    )
    return replace(disposal, **changes)  # type: ignore[arg-type]  # any field of a disposal


def _statement_row(name: str = "S-1", **changes: object) -> StatementRow:
    """A tenth of a bitcoin on a broker's form."""
    row = StatementRow(
        row_id=StatementRowId(name),
        account=AccountId("main"),
        year=2025,
        form=BrokerForm.DIGITAL,
        asset=BTC,
        quantity=Decimal("0.1"),
        date_acquired=None,
        date_sold=NOON.date(),
        proceeds=Decimal(5000),
        cost_basis=None,
        term=None,
        sale=None,
        code="",
        adjustment=None,
        issued=None,
    )
    return replace(row, **changes)


def _allocation() -> Allocation:
    """A bitcoin of one purchase, put into cold storage by a rule."""
    return Allocation(
        allocation_id=AllocationId("AL-1"),
        asset=BTC,
        kind=AllocationKind.GLOBAL,
        recorded_at=NOON,
        described_at=NOON,
        evidence="a letter",
        allotments=(Allotment(wallet=WalletId("cold"), lot="b1", quantity=Decimal("1.50"), cost_basis=Decimal(9)),),
    )


def _registered(seq: int = 1, **changes: object) -> RegisteredElection:
    """A standing order recorded at noon."""
    election = StandingOrder(
        election_id=ElectionId(f"EL-{seq}"), recorded_at=NOON, grade=EvidenceGrade.OWN, order=PickOrder.HIFO, effective_from=NOON
    )
    link = {"previous_hash": Hash("0" * 64), "hash": Hash(f"{seq:064}")}
    row = RegisteredElection(seq=seq, election=election, payload_id=None, stored_at=NOON, **link)
    return replace(row, **changes)  # type: ignore[arg-type]  # any field of a row


def _entry(event: Event, *, revision: int = 0, reversal: bool = False) -> JournalEntry:
    assert isinstance(event, Fill)
    postings = (
        Posting(debit=AccountName("assets:main"), credit=AccountName("equity:trading"), amount=event.base),
        Posting(debit=AccountName("equity:trading"), credit=AccountName("assets:main"), amount=event.quote),
    )
    return JournalEntry(
        entry_id=entry_id_of(event.event_id, revision=revision, reversal=reversal),
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        postings=tuple(posting.reversed() for posting in postings) if reversal else postings,
        reverses=entry_id_of(event.event_id, revision=revision) if reversal else None,
    )


def _stored(writer: Writer, *events: Event, revision: int = 0) -> list[int]:
    """Store events without booking them; return their places."""
    first = writer.event_seq_last() + 1
    rows = [(seq, event, body_text(event)) for seq, event in enumerate(events, first)]
    writer.add_events(
        [
            NewEvent(
                seq=seq,
                revision=revision,
                event=event,
                assets=assets_of(event),
                kind=kind_of(event),
                body=body,
                facts=facts_hash(event, body),
            )
            for seq, event, body in rows
        ],
        NOON,
    )
    return [seq for seq, _, _ in rows]


def _booked(writer: Writer, *fills: Fill) -> None:
    """Store fills and book them."""
    for seq, fill in zip(_stored(writer, *fills), fills, strict=True):
        place, tip = writer.chain_tip()
        entry = _entry(fill)
        writer.add_entries(
            [
                NewEntry(
                    seq=place + 1, entry=entry, cells=cells_of(entry), event_seq=seq, previous_hash=tip, hash=hash_of(tip, entry.entry_id)
                )
            ],
            NOON,
        )


def _ledger_line(payload_seq: int, line_id: str = "1", balance: str = "0.5") -> StoredLine:
    return StoredLine(
        account=AccountId("main"),
        wallet="BTC",
        line_id=line_id,
        asset=BTC,
        occurred_at=NOON,
        sequence=int(line_id),
        kind="match",
        amount=Decimal("0.5"),
        balance=Decimal(balance),
        explains="E-1",
        payload_seq=payload_seq,
    )


def _key_check() -> KeyCheck:
    return KeyCheck(
        connection="main",
        venue=VenueName("kraken"),
        checked_at=NOON,
        may_read=True,
        may_trade=None,
        may_withdraw=False,
        facts=(("permissions", "query-funds"), ("addresses", "any")),
        is_of_owner=True,
        allows_withdraw=False,
    )


def _assertion(difference: str = "0") -> BalanceAssertion:
    return BalanceAssertion(
        account=AccountId("main"),
        asset=BTC,
        observed_at=NOON,
        balance_book=Decimal("0.5"),
        balance_venue=Decimal("0.5"),
        difference=Decimal(difference),
        asserted_at=NOON,
    )


@pytest.fixture
def fill() -> Callable[..., Fill]:
    return _fill


@pytest.fixture
def snapshot() -> Callable[..., BalanceSnapshot]:
    return _snapshot


@pytest.fixture
def payload() -> Callable[..., Payload]:
    return _payload


@pytest.fixture
def lot() -> Callable[..., Lot]:
    return _lot


@pytest.fixture
def disposal() -> Callable[..., Disposal]:
    return _disposal


@pytest.fixture
def statement_row() -> Callable[..., StatementRow]:
    return _statement_row


@pytest.fixture
def registered() -> Callable[..., RegisteredElection]:
    return _registered


@pytest.fixture
def entry() -> Callable[..., JournalEntry]:
    return _entry


@pytest.fixture
def stored() -> Callable[..., list[int]]:
    return _stored


@pytest.fixture
def booked() -> Callable[..., None]:
    return _booked


def _closed_year(**changes: object) -> ClosedYear:
    """The first closing of a book, of 2024; its hashes are made up."""
    plain: dict[str, object] = {
        "seq": 1,
        "year": 2024,
        "version": 1,
        "from_day": date(2024, 1, 1),
        "to_day": date(2024, 12, 31),
        "closed_at": NOON,
        "software": "0.1.0",
        "regime": "us",
        "regime_version": "1",
        "options": "{}",
        "disposals": 1,
        "receipts": 0,
        "lots": 2,
        "gain": Decimal("-1.5"),
        "amends": None,
        **{f"{name}_hash": hash_of(name) for name in ("input", "gains", "income", "lots", "content", "previous")},
        "hash": hash_of("whole"),
    }
    return ClosedYear(**{**plain, **changes})


@pytest.fixture
def closed_year() -> Callable[..., ClosedYear]:
    return _closed_year


@pytest.fixture
def ledger_line() -> Callable[..., StoredLine]:
    return _ledger_line


@pytest.fixture
def full_store(store: Store) -> Store:
    """A book with a row in every table."""
    with store.write() as writer:
        payload_seq, _ = writer.add_payload(_payload())
        _booked(writer, _fill())
        writer.add_evidence([(1, payload_seq, "row 1")])
        writer.put_cursor("main", "fills", "BTC-USD", {"after": 1}, NOON)
        writer.put_stream_walk(StreamWalk(connection="main", stream="fills", symbol="BTC-USD", walked_at=NOON))
        writer.add_coverage(
            [
                CoverageWindow(
                    connection="main",
                    stream="fills",
                    symbol="BTC-USD",
                    from_at=NOON,
                    to_at=NOON,
                    cursor={"after": 1},
                    rows=1,
                    first_id="1",
                    last_id="1",
                    payload_seq=payload_seq,
                    pulled_at=NOON,
                ),
            ],
        )
        writer.add_findings("sync", [Finding(code="hole", severity=Severity.ERROR, subject="main", message="m", mend="n")], NOON)
        writer.add_prices([PriceQuote(asset=BTC, currency=USD, observed_at=NOON, price=Decimal(40000), source="s")], payload_seq)
        writer.add_statement_rows([(2, _statement_row())], payload_seq, NOON)
        writer.add_lots([_lot()])
        writer.add_disposals([_disposal()])
        writer.add_price_asked(PriceAsked(source="s", asset=BTC, currency=USD, since=NOON, until=NOON), NOON)
        writer.put_computation(
            Computation(regime="us", version="1", options="{}", event_seq=1, price_seq=1, election_seq=1, computed_at=NOON)
        )
        writer.add_elections([_registered()])
        writer.add_pair_decision(
            PairDecision(
                kind=DecisionKind.MATCH,
                withdrawals=(EventId("e-3"),),
                deposits=(EventId("e-4"), EventId("e-5")),
                lost=Decimal("0.1"),
                decided_at=NOON,
            )
        )
        link = TransferLink(
            withdrawal=EventId("e-3"),
            deposit=EventId("e-4"),
            asset=BTC,
            quantity=Decimal("0.2"),
            lost=Decimal("0.1"),
            at_once=False,
            evidence=PairEvidence.HAND,
        )
        writer.replace_links([], [link])
        writer.add_closed_year(_closed_year(), b"content")
        writer.add_allocations([_allocation()], payload_seq=payload_seq, stored_at=NOON)
        writer.add_ledger_lines([_ledger_line(payload_seq)])
        writer.add_assertions([_assertion()])
        writer.add_attributions([(1, "grid-1", "rule 1 of [[bots]]")])
        writer.put_attributed_by("{}")
        told = BotOrder(payload_seq=payload_seq, account=AccountId("main"), subject="order:1", bot=BotId("grid-1"), locator="row 1")
        writer.add_bot_orders([told])
        writer.add_key_check(_key_check())
    return store
