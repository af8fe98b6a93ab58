"""What Coinbase Advanced Trade tells in several rows: fills taken back and told again, and conversions told by two wallets.

Pages are composed as the venue sends them and read by the real parser.
"""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.connectors.coinbase_advanced import parse
from ledger.connectors.coinbase_advanced.ids import VENUE
from ledger.domain.event import Fill
from ledger.domain.ids import AccountId, content_hash, payload_id
from ledger.domain.json_text import Json
from ledger.domain.payload import Payload, PayloadKind
from ledger.journal.chart import assets_of_account
from ledger.pipeline.interpret import Absorber, Tally

MAIN = AccountId("main")
FETCHED_AT = datetime(2025, 6, 5, tzinfo=UTC)
ROWS = ("FILL", "REVERSAL", "CORRECTION")


def page_of(stream: str, number: int, *rows: dict[str, Json]) -> Payload:
    content, request = json.dumps({parse.ROWS_KEYS[stream]: rows}).encode(), f"GET /{stream}?page={number}"
    return Payload(
        payload_id=payload_id(account=MAIN, request=request, content=content_hash(content)),
        kind=PayloadKind.PAGE,
        venue=VENUE,
        account=MAIN,
        stream=stream,
        symbol="",
        request=request,
        name="",
        content=content,
        content_hash=content_hash(content),
        fetched_at=FETCHED_AT + timedelta(minutes=number),
    )


def tell(book: Book, payload: Payload) -> Tally:
    """Take a page into a book as a sync does."""
    said = parse.interpret(payload)
    assert said.findings == ()
    with book.store.write() as writer:
        seq, _ = writer.add_payload(payload)
        absorber = Absorber(writer, recorded_at=payload.fetched_at)
        absorber.absorb(said.events, seq)
    assert absorber.contradictions == []
    return absorber.tally


def fill_row(kind: str) -> dict[str, Json]:
    return {
        "entry_id": f"entry-{kind}",
        "trade_id": "6d1f2c33",
        "order_id": "0b5c1f7e",
        "trade_time": "2025-06-03T14:22:31.418273Z",
        "trade_type": kind,
        "price": "3000",
        "size": "0.25" if kind == "CORRECTION" else "0.75",
        "commission": "1.5",
        "product_id": "ETH-USD",
        "sequence_timestamp": f"2025-06-04T09:00:0{ROWS.index(kind)}Z",
        "side": "SELL",
    }


def leg_row(amount: str, currency: str) -> dict[str, Json]:
    return {
        "id": f"row-{currency}",
        "type": "trade",
        "status": "completed",
        "amount": {"amount": amount, "currency": currency},
        "created_at": "2025-06-03T14:22:31Z",
        "trade": {"id": "77ab", "fee": {"amount": "1.25", "currency": "USDC"}},
    }


@pytest.fixture
def bought(book: Book, row: Callable[..., dict[str, str]], write: Callable[..., Path]) -> Book:
    """A book that holds what these tests sell and convert."""
    time = "2025-01-02T03:04:05Z"
    file = write(
        row("b1", time=time, asset="ETH", amount="2", quote_amount="4000"),
        row("b2", time=time, asset="USDC", amount="900", quote_amount="900"),
        row("p1", time="2025-06-03T14:22:31Z", asset="BTC", amount="0.001", quote_amount="100", account="elsewhere"),
    )
    book.import_files([file])
    return book


def kept(book: Book) -> list[Fill]:
    with book.store.read() as reader:
        fills = [stored.event for stored in reader.events(kinds=("fill",)) if stored.event.venue == VENUE]
    assert all(isinstance(fill, Fill) for fill in fills)
    return fills  # type: ignore[return-value] # as asserted


def lines(report: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.decode())))


@pytest.mark.parametrize("order", list(permutations(ROWS)), ids="-".join)
def test_a_fill_taken_back_and_told_again_is_booked_as_told_last_in_whatever_order_rows_come(
    bought: Book, report_of: Callable[..., bytes], order: tuple[str, ...]
) -> None:
    tallies = [tell(bought, page_of("fills", number, fill_row(kind))) for number, kind in enumerate(order)]
    assert sum(tally.new for tally in tallies) == 1
    assert sum(tally.doubtful for tally in tallies) == 0
    (fill,) = kept(bought)
    assert (fill.source_id, fill.base.quantity, fill.quote.quantity) == ("entry-CORRECTION", Decimal("0.25"), Decimal(750))
    bought.rebuild()
    gains = [row for row in lines(report_of(bought, "gains")) if row["account"] == "main"]
    assert [(row["event"], row["quantity"], row["proceeds"], row["cost_basis"]) for row in gains] == [
        ("entry-CORRECTION", "0.25", "748.5", "500"),
    ]
    assert not [finding for finding in bought.check() if finding.severity == "error"]


def test_a_fill_taken_back_leaves_no_trace_in_balances_lots_and_counts(bought: Book, report_of: Callable[..., bytes]) -> None:
    before = {name: report_of(bought, name) for name in ("balances", "lots", "gains")}
    tell(bought, page_of("fills", 1, fill_row("REVERSAL"), fill_row("FILL")))
    bought.rebuild()
    for name, told in before.items():
        assert report_of(bought, name).splitlines()[1:] == told.splitlines()[1:]
    assert sum(int(row["fills"]) for row in lines(report_of(bought, "bots"))) == 3  # the purchases of the file
    assert not [finding for finding in bought.check() if finding.severity == "error"]


@pytest.mark.parametrize("kind", ["REVERSAL", "CORRECTION"])
@pytest.mark.parametrize("other", [{"trade_id": "another"}, {"side": "BUY"}], ids=["trade", "side"])
def test_an_amendment_that_meets_no_fill_is_a_finding_until_a_row_tells_that_fill(bought: Book, kind: str, other: dict[str, Json]) -> None:
    tell(bought, page_of("fills", 1, fill_row(kind) | other))
    bought.rebuild()
    tell(bought, page_of("fills", 2, fill_row("FILL")))
    bought.rebuild()
    (found,) = (finding for finding in bought.check() if finding.code == "amendment-of-nothing")
    assert (found.severity, found.subject) == ("error", f"main/entry-{kind}")
    assert f"{'takes back' if kind == 'REVERSAL' else 'corrects'} a fill of order 0b5c1f7e" in found.message
    assert "lotwright sync main --again" in found.mend
    tell(bought, page_of("fills", 3, fill_row("FILL") | other | {"entry_id": "found-at-last"}))
    bought.rebuild()
    assert "amendment-of-nothing" not in {finding.code for finding in bought.check()}


@pytest.mark.parametrize("turned", [False, True])
def test_two_wallets_legs_of_a_conversion_are_one_exchange(bought: Book, report_of: Callable[..., bytes], *, turned: bool) -> None:
    legs = [leg_row("-250", "USDC"), leg_row("0.0025", "BTC")]
    first, second = reversed(legs) if turned else legs
    assert tell(bought, page_of("ledger", 1, first)).new == 1
    bought.rebuild()
    assert "unsupported-case" in {finding.code for finding in bought.check()}
    again = tell(bought, page_of("ledger", 2, second))
    assert (again.new, again.revised) == (0, 1)
    assert tell(bought, page_of("ledger", 3, first, second)).known == 2
    (fill,) = kept(bought)
    assert (fill.base.quantity, fill.base.asset, fill.quote.quantity, fill.quote.asset) == (Decimal("0.0025"), "BTC", Decimal(250), "USDC")
    assert not fill.provisional
    bought.rebuild()
    assert {finding.code for finding in bought.check() if finding.severity == "error"} == {"missing-price"}  # no exchange is asked here
    pieces = {(row["asset"], row["quantity"], row["cost_basis"]) for row in lines(report_of(bought, "gains"))}
    assert pieces == {("USDC", "250", "250")}


def purchase_row(amount: str, currency: str) -> dict[str, Json]:
    money: dict[str, Json] = {
        name: {"amount": figure, "currency": "USD"} for name, figure in (("subtotal", "98.51"), ("fee", "1.49"), ("total", "100"))
    }
    return leg_row(amount, currency) | {"type": "buy", "buy": {"id": "9e14", **money}}


COINS, MONEY = purchase_row("0.5", "BTC"), purchase_row("-100", "USD")


@pytest.mark.parametrize(
    ("pages", "dollars"),
    [([[COINS]], "0"), ([[COINS], [MONEY]], "-100"), ([[MONEY], [COINS]], "-100"), ([[COINS, MONEY], [MONEY], [COINS]], "-100")],
    ids=["by card", "coins first", "money first", "again and again"],
)
def test_a_purchase_is_paid_by_the_wallet_of_money_or_from_outside_and_never_twice(
    book: Book, report_of: Callable[..., bytes], pages: list[list[dict[str, Json]]], dollars: str
) -> None:
    for number, rows in enumerate(pages):
        tell(book, page_of("ledger", number, *rows))
    book.rebuild()
    held = {row["asset"]: row["balance"] for row in lines(report_of(book, "balances")) if row["account"] == assets_of_account(MAIN)}
    assert (held.get("USD", "0"), held["BTC"]) == (dollars, "0.5")
    assert not [finding for finding in book.check() if finding.severity == "error"]
