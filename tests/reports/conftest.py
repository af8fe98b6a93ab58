"""An invented book for the reports: a few rows in which everything happens that a report must cope with."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.entry import AccountName, JournalEntry, Posting
from ledger.domain.facts import BalanceRow, BookCover, BotActivity, BotResult, ElectionRow, FindingCount, GainRow, IncomeRow, JournalRow
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import IN_TRANSIT, AccountId, BotId, DisposalId, EntryId, EventId, LotId, OrderId, SourceId, WalletId
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Adjustment, DepartureKind, Disposal, Gap, HoldingTerm, Lot, LotOrigin
from ledger.domain.time.period import ALL_TIME, Period
from reports.us.form_8949 import Form8949
from reports.us.schedule_d import ScheduleD

GOLDEN = Path(__file__).parent / "golden"

COVER = BookCover(
    book="Invented & sons",
    currency=AssetCode("USD"),
    time_zone="America/New_York",
    regime="us 2025.1",
    method="fifo",
    scope="wallet",
    period="2024-01-01 to 2025-12-31",
    filters="",
    version="0.1.0",
    findings=(
        FindingCount(code="coverage-gap", severity="warning", count=1),
        FindingCount(code="missing-price", severity="error", count=1),
        FindingCount(code="missing-basis", severity="error", count=2),
    ),
)


FIRST_CHOICES = {option.name: option.choices[0] for report in (Form8949, ScheduleD) for option in report.options}


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedBook:
    """A ReportInput that holds its rows in tuples."""

    cover: BookCover = COVER
    period: Period = ALL_TIME
    gain_rows: tuple[GainRow, ...] = ()
    income_rows: tuple[IncomeRow, ...] = ()
    lot_rows: tuple[Lot, ...] = ()
    journal_rows: tuple[JournalRow, ...] = ()
    balance_rows: tuple[BalanceRow, ...] = ()
    bot_rows: tuple[BotActivity, ...] = ()
    result_rows: tuple[BotResult, ...] = ()
    finding_rows: tuple[Finding, ...] = field(default=())
    election_rows: tuple[ElectionRow, ...] = ()
    options: Mapping[str, str] = field(default_factory=lambda: FIRST_CHOICES)
    loss_rows: tuple[DeferredLoss, ...] = ()
    brokers: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[EventId, str] = field(default_factory=dict)
    what_if_rows: Mapping[str, tuple[GainRow, ...]] = field(default_factory=dict)
    sides: "tuple[InventedBook, InventedBook] | None" = None

    def broker(self, account: AccountId) -> str:
        return self.brokers.get(account, account)

    def gains(self) -> Iterator[GainRow]:
        return iter(self.gain_rows)

    def deferred_losses(self) -> Iterator[DeferredLoss]:
        return iter(self.loss_rows)

    def income(self) -> Iterator[IncomeRow]:
        return iter(self.income_rows)

    def lots(self) -> Iterator[Lot]:
        return iter(self.lot_rows)

    def basis_evidence(self) -> Mapping[EventId, str]:
        return self.evidence

    def elections(self) -> Iterator[ElectionRow]:
        return iter(self.election_rows)

    def entries(self) -> Iterator[JournalRow]:
        return iter(self.journal_rows)

    def balances(self) -> tuple[BalanceRow, ...]:
        return self.balance_rows

    def bot_activity(self) -> tuple[BotActivity, ...]:
        return self.bot_rows

    def bot_results(self) -> tuple[BotResult, ...]:
        return self.result_rows

    def findings(self) -> tuple[Finding, ...]:
        return self.finding_rows

    def what_ifs(self) -> Mapping[str, Iterator[GainRow]]:
        return {method: iter(rows) for method, rows in self.what_if_rows.items()}

    def closing(self) -> "tuple[InventedBook, InventedBook] | None":
        return self.sides


def _activity(bot: str | None, asset: str, fills: int, *, usd: str = "", fees: Mapping[str, str] | None = None) -> BotActivity:
    """What a bot did in May."""
    return BotActivity(
        bot=None if bot is None else BotId(bot),
        asset=AssetCode(asset),
        month="2025-05",
        fills=fills,
        volumes=((AssetCode("USD"), Decimal(usd)),) if usd else (),
        fees=tuple((AssetCode(code), Decimal(fee)) for code, fee in (fees or {}).items()),
    )


def _result(bot: str | None, asset: str, *, gain: str, not_bought: str = "0", proceeds: str = "0", without_price: int = 0) -> BotResult:
    """What a bot made in May."""
    return BotResult(
        bot=None if bot is None else BotId(bot),
        asset=AssetCode(asset),
        month="2025-05",
        gain=Decimal(gain),
        without_price=without_price,
        quantity_not_bought=Decimal(not_bought),
        proceeds_not_bought=Decimal(proceeds),
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def gain_row(
    source_id: str = "sale-1",
    *,
    quantity: str = "1",
    asset: str = "BTC",
    proceeds: str | None = "100",
    cost: str | None = "60",
    acquired: datetime | None = datetime(2025, 1, 2, 15, 0, tzinfo=UTC),
    disposed: datetime = datetime(2025, 3, 1, 12, 0, tzinfo=UTC),
    adjustment: tuple[str, str] | None = None,
    box: str = "I",
    bot: str | None = None,
    **disposal: str,
) -> GainRow:
    """A disposal piece; a row without `acquired` has a missing basis, one without `proceeds` or `cost` a missing price."""
    long = box in set("DEFJKL")
    number = disposal.get("number", "0000000000000001")
    change = Decimal(adjustment[1]) if adjustment else Decimal(0)
    unpriced = proceeds is None or cost is None
    gap = Gap.MISSING_BASIS if acquired is None else Gap.MISSING_PRICE if unpriced else None
    piece = Disposal(
        disposal_id=DisposalId(f"D-{number}-1"),
        piece=1,
        event_id=EventId(number * 2),
        source_id=SourceId(source_id),
        asset=AssetCode(asset),
        quantity=Decimal(quantity),
        account=AccountId(disposal.get("account", "main")),
        wallet=WalletId("coinbase"),
        bot=None if bot is None else BotId(bot),
        kind=DepartureKind.SALE,
        acquired_at=acquired,
        disposed_at=disposed,
        proceeds=_number(proceeds),
        cost_basis=_number(cost),
        lot_id=None if acquired is None else LotId("L-00000000000000aa-1"),
        lot_source_id=None if acquired is None else SourceId(disposal.get("lot_source_id", "buy-1")),
        matched_by="missing" if acquired is None else "fifo",
        gap=gap,
        order_id=OrderId(disposal["order"]) if "order" in disposal else None,
    )
    return GainRow(
        disposal=piece,
        date_acquired=None if acquired is None else acquired.date(),
        date_disposed=disposed.date(),
        year=disposed.year,
        term=None if not box else HoldingTerm.LONG if long else HoldingTerm.SHORT,
        box=box,
        adjustment=None if adjustment is None else Adjustment(codes=adjustment[0], amount=change),
        gain=None if unpriced else Decimal(proceeds) - Decimal(cost) + change,
        finding=gap.value if gap else "",
    )


def lot(
    *, asset: str = "BTC", wallet: str = "coinbase", quantity: str = "1", cost: str | None = "100", gap: Gap | None = None, part: int = 0
) -> Lot:
    return Lot(
        lot_id=LotId("L-00000000000000bb-1"),
        part=part,
        event_id=EventId("b" * 32),
        source_id=SourceId("buy-7"),
        asset=AssetCode(asset),
        account=AccountId("main"),
        wallet=WalletId(wallet),
        acquired_at=datetime(2025, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
        origin=LotOrigin.UNKNOWN if gap is Gap.MISSING_BASIS else LotOrigin.PURCHASE,
        quantity=Decimal(quantity),
        cost_basis=_number(cost),
        quantity_open=Decimal(quantity),
        cost_open=_number(cost),
        gap=gap,
    )


def _gain_rows() -> tuple[GainRow, ...]:
    may = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    june = datetime(2025, 6, 1, 12, tzinfo=UTC)
    early = datetime(2022, 4, 1, 9, 30, tzinfo=UTC)
    return (
        gain_row(
            "s-1", number="0000000000000001", disposed=may, acquired=datetime(2024, 1, 5, tzinfo=UTC), box="C", bot="grid-1", quantity="0.5"
        ),
        gain_row(
            "s-2", number="0000000000000002", disposed=may, acquired=early, box="F", proceeds="1234567.895", cost="0.005", quantity="12.5"
        ),
        gain_row("=1+1", number="0000000000000003", bot="grid-1", proceeds="0.00000022", cost="2.2E-7", asset="ETH", quantity="1E-8"),
        gain_row(
            "@SUM(A1)", number="0000000000000004", bot="@dca", proceeds="1.005", cost="2.004", asset="ETH", quantity="0.123456789012345678"
        ),
        gain_row('quote"d, with\nline', number="0000000000000005", proceeds="55.555", cost="0", acquired=None),
        gain_row("<b>bold</b>", number="0000000000000006", proceeds=None, cost="12.34", asset="DOGE", quantity="1000000"),
        gain_row(
            "s-7",
            number="0000000000000007",
            disposed=june,
            acquired=early,
            box="L",
            proceeds="1000",
            cost="900",
            adjustment=("B", "800"),
            account="-main",
            bot="grid-1",
            lot_source_id="+buy",
        ),
        gain_row("s-8", number="0000000000000008", disposed=june, proceeds="100.10", cost="333.333333333333333333", bot="grid-1"),
    )


def _income_row(source_id: str, *, kind: str, value: str | None, bot: str | None = None) -> IncomeRow:
    return IncomeRow(
        source_id=SourceId(source_id),
        occurred_at=datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC),
        day=date(2025, 2, 2),
        year=2025,
        kind=kind,
        asset=AssetCode("ETH"),
        quantity=Decimal("0.010"),
        account=AccountId("main"),
        bot=None if bot is None else BotId(bot),
        value=_number(value),
        finding="" if value is not None else "missing-price",
    )


def _journal_rows() -> tuple[JournalRow, ...]:
    main, trading = AccountName("assets:main"), AccountName("equity:trading:main")
    bought = JournalEntry(
        entry_id=EntryId("E-cccccccccccccccc-1"),
        event_id=EventId("c" * 32),
        occurred_at=datetime(2025, 1, 2, 15, 0, tzinfo=UTC),
        postings=(
            Posting(debit=main, credit=trading, amount=Amount(quantity=Decimal("0.10"), asset=AssetCode("BTC"))),
            Posting(debit=trading, credit=main, amount=Amount(quantity=Decimal(6000), asset=AssetCode("USDT"))),
        ),
    )
    undone = replace(
        bought,
        entry_id=EntryId("E-cccccccccccccccc-1r"),
        postings=tuple(posting.reversed() for posting in bought.postings),
        reverses=bought.entry_id,
    )
    first = JournalRow(entry=bought, source_id=SourceId("f-1"), kind="fill", account=AccountId("main"), bot=BotId("grid-1"), note="")
    return first, replace(first, entry=undone, bot=None, note="=cmd|' /C calc'!A0")


def _loss(*, lot_source_id: str, quantity: str) -> DeferredLoss:
    row = gain_row("s-8", number="0000000000000008", proceeds="100.10", cost="333.333333333333333333", bot="grid-1")
    return DeferredLoss(
        piece=row.disposal,
        date_disposed=row.date_disposed,
        quantity=Decimal(quantity),
        deferred=Decimal("77.744444444444444444"),
        earlier=Decimal("0.5"),
        lot_id=LotId("L-00000000000000cc-1"),
        lot_source_id=SourceId(lot_source_id),
        date_replaced=date(2025, 3, 20),
        held_since=date(2025, 1, 21),
    )


@pytest.fixture(scope="session")
def book() -> InventedBook:
    """The invented book in which everything happens."""
    return InventedBook(
        gain_rows=_gain_rows(),
        income_rows=(
            _income_row("i-1", kind="staking", value="25.005", bot="grid-1"),
            _income_row("i-2", kind="airdrop", value=None),
            _income_row("i-3", kind="staking", value="0.0049"),
        ),
        loss_rows=(_loss(lot_source_id="buy-8", quantity="0.5"), _loss(lot_source_id="=buy", quantity="0.25")),
        lot_rows=(
            lot(cost="20000", quantity="3"),
            lot(cost="0", quantity="1", gap=Gap.MISSING_BASIS, part=1),
            lot(wallet=IN_TRANSIT, cost="10", quantity="0.25"),
            lot(asset="SHIB", cost="0.00012", quantity="7"),
            lot(asset="XMR", cost=None, gap=Gap.MISSING_PRICE),
        ),
        journal_rows=_journal_rows(),
        balance_rows=(
            BalanceRow(account="assets:main", asset=AssetCode("BTC"), balance=Decimal("0.10")),
            BalanceRow(account="equity:trading:main", asset=AssetCode("BTC"), balance=Decimal("-0.10")),
        ),
        bot_rows=(
            _activity("grid-1", "BTC", 1204, usd="98765.4321", fees={"USD": "-0.25", "BNB": "0.00000022"}),
            _activity("idle", "BTC", 0),
            _activity(None, "ETH", 3, usd="15", fees={"USD": "1.5"}),
        ),
        result_rows=(
            _result("grid-1", "BTC", gain="650.005", not_bought="0.25", proceeds="17.5"),
            _result(None, "ETH", gain="-3", without_price=1),
        ),
        finding_rows=(Finding(code="missing-basis", severity=Severity.ERROR, subject="D-1", message="no lot", mend="import the purchase"),),
    )


@pytest.fixture(scope="session")
def gain() -> Callable[..., GainRow]:
    """Make a disposal piece."""
    return gain_row


@pytest.fixture(scope="session")
def open_lot() -> Callable[..., Lot]:
    """Make an open lot."""
    return lot


@pytest.fixture(scope="session")
def book_of() -> type[InventedBook]:
    """Make a book."""
    return InventedBook


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Find a program of the machine; where it is missing the test is skipped, but under CI it fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None and os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must look at what we write")
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find


@pytest.fixture(scope="session")
def golden() -> Callable[[str, bytes], None]:
    """Hold bytes against a golden file; LOTWRIGHT_RECORD=1 writes the file instead, except under CI."""

    def check(name: str, found: bytes) -> None:
        path = GOLDEN / name
        if os.environ.get("LOTWRIGHT_RECORD") == "1":
            assert os.environ.get("CI") is None, "goldens are never recorded in CI"
            path.write_bytes(found)
        assert found.decode() == path.read_bytes().decode()

    return check
