"""One event told by several sources, or told again by the same one: which facts are booked, and what is kept as evidence.

Pages are composed as Coinbase Exchange sends them and read by the real connector.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.book import Book, Changes
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.domain.event import Event, Fill
from ledger.domain.ids import AccountId, coinbase_fill_id, content_hash, payload_id
from ledger.domain.json_text import Json
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.secrets import Secrets
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.interpret import Absorber, Tally
from ledger.ports import ConnectionTerms
from ledger.storage.store import StoredEvent

MAIN = AccountId("main")
FETCHED_AT = datetime(2025, 6, 4, tzinfo=UTC)
FILL_ID = coinbase_fill_id(account=MAIN, product="ETH-USD", side="sell", trade_id="74")
FILE_HEADER = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit\n"
FILE_ROW = "main,74,ETH-USD,SELL,2025-06-03T14:22:31.418Z,0.75000000,ETH,3412.55,6.39853125,2553.01396875,USD\n"
REPORTS = ("gains", "summary", "lots", "holdings", "balances", "bots")
ON_SQLITE = pytest.mark.parametrize("new_book", ["sqlite"], indirect=True)  # many cases of one rule: one engine is enough

Tell = Callable[..., Absorber]
Row = dict[str, str]


@pytest.fixture
def connector() -> Iterator[CoinbaseExchange]:
    secrets = Secrets(key="k", secret=base64.b64encode(b"s").decode(), passphrase="p")
    made = CoinbaseExchange(ConnectionTerms(account=MAIN, secrets=secrets))
    yield made
    made.close()


def api_row(**other: Json) -> dict[str, Json]:
    row: dict[str, Json] = {
        "trade_id": 74,
        "product_id": "ETH-USD",
        "order_id": "7c2f0e55-2a41-4c37-9a5e-0b6a4f6a2d10",
        "price": "3412.55000000",
        "size": "0.75000000",
        "fee": "6.3985312500000000",
        "side": "sell",
        "settled": True,
        "created_at": "2025-06-03T14:22:31.418273Z",
        "funding_currency": "USD",
    }
    return row | other


@pytest.fixture
def tell(connector: CoinbaseExchange) -> Tell:
    """Return what takes a page of fills into a book as a sync does: stored, interpreted, absorbed."""

    def told(book: Book, *rows: dict[str, Json], page: int = 1) -> Absorber:
        payload = page_of(json.dumps(rows).encode(), page)
        said = connector.interpret(payload)
        assert said.findings == ()
        with book.store.write() as writer:
            seq, _ = writer.add_payload(payload)
            absorber = Absorber(writer, recorded_at=payload.fetched_at, attribution=Attribution.of_book(book.settings))
            absorber.absorb(said.events, seq)
        return absorber

    return told


def page_of(content: bytes, page: int) -> Payload:
    request = f"GET /fills?product_id=ETH-USD&page={page}"
    return Payload(
        payload_id=payload_id(account=MAIN, request=request, content=content_hash(content)),
        kind=PayloadKind.PAGE,
        venue=CoinbaseExchange.venue,
        account=MAIN,
        stream="fills",
        symbol="ETH-USD",
        request=request,
        name="",
        content=content,
        content_hash=content_hash(content),
        fetched_at=FETCHED_AT + timedelta(minutes=page),
    )


@pytest.fixture
def fills_file(tmp_path: Path) -> Callable[..., Path]:
    def written(row: str = FILE_ROW) -> Path:
        path = tmp_path / f"fills-{len(list(tmp_path.glob('fills-*.csv')))}.csv"
        path.write_text(FILE_HEADER + row, encoding="utf-8")
        return path

    return written


@pytest.fixture
def bought(row: Callable[..., Row], write: Callable[..., Path]) -> Path:
    """A file with what the fills of these tests sell and spend."""
    return write(
        row("b1", time="2025-01-02T03:04:05Z", asset="ETH", amount="2", quote_amount="6000"),
        row("b2", time="2025-01-02T03:04:05Z", asset="USDC", amount="9000", quote_amount="9000"),
    )


def live(book: Book) -> StoredEvent:
    with book.store.read() as reader:
        stored = reader.event(FILL_ID)
    assert stored is not None
    return stored


def live_fill(book: Book) -> Fill:
    event: Event = live(book).event
    assert isinstance(event, Fill)
    return event


def figures(book: Book, report_of: Callable[..., bytes]) -> dict[str, bytes]:
    return {name: report_of(book, name) for name in REPORTS}


# --- a page and a file of one fill -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("file_bot", "connection_bot"), [(None, None), ("grid", None), (None, "dca"), ("grid", "dca")])
def test_a_fill_told_by_page_and_file_is_one_event_in_whatever_order_they_come(
    new_book: Callable[..., Book],
    bought: Path,
    fills_file: Callable[..., Path],
    tell: Tell,
    report_of: Callable[..., bytes],
    file_bot: str | None,
    connection_bot: str | None,
) -> None:
    path, page_first, file_first = fills_file(), new_book(), new_book()
    for book in (page_first, file_first):
        book.add_connection("main", venue=CoinbaseExchange.venue, bot=connection_bot)
        book.import_files([bought])
    assert tell(page_first, api_row()).tally == Tally(new=1)
    page_first.import_files([path], bot=file_bot)
    file_first.import_files([path], bot=file_bot)
    assert tell(file_first, api_row()).tally == Tally(revised=1)

    assert live(page_first).event == live(file_first).event
    assert live_fill(page_first).bot == (file_bot or connection_bot)
    assert live_fill(page_first).occurred_at.microsecond == 418273
    assert figures(page_first, report_of) == figures(file_first, report_of)
    for book in (page_first, file_first):
        with book.store.read() as reader:
            assert sorted(place for _, place in reader.evidence(FILL_ID)) == ["line 2", "row 1"]
        assert book.check() == ()
        says = [dict(link.says) for link in book.explain("74")[0].rests_on if link.kind == "payload"]
        rows = {text for said in says for name, text in said.items() if name in {"row 1", "line 2"}}
        assert rows == {json.dumps(api_row()), FILE_ROW.rstrip()}


def test_a_lower_telling_never_overrides_a_higher_one(
    book: Book, bought: Path, fills_file: Callable[..., Path], tell: Tell, report_of: Callable[..., bytes]
) -> None:
    book.import_files([bought])
    tell(book, api_row())
    before, reports = live(book), figures(book, report_of)
    (outcome,) = book.import_files([fills_file()])
    assert outcome.tally == Tally(known=1)
    assert (live(book), figures(book, report_of)) == (before, reports)


def test_a_file_that_contradicts_the_venue_is_a_finding_and_the_venue_stays(
    book: Book, bought: Path, fills_file: Callable[..., Path], tell: Tell
) -> None:
    book.import_files([bought])
    tell(book, api_row())
    before = live(book)
    (outcome,) = book.import_files([fills_file(FILE_ROW.replace("3412.55", "3412.65").replace("2553.01396875", "2553.08896875"))])
    assert outcome.tally == Tally(doubtful=1)
    assert live(book) == before
    (finding,) = book.findings()
    assert (finding.code, finding.subject) == ("contradiction", "main/74")
    assert finding.message.endswith("otherwise than the book has it: quote differ")


def test_a_page_that_contradicts_a_file_leaves_the_first_telling(
    book: Book, bought: Path, fills_file: Callable[..., Path], tell: Tell
) -> None:
    book.import_files([bought, fills_file()])
    before = live(book)
    absorber = tell(book, api_row(size="0.50000000"))
    assert [one.facts for one in absorber.contradictions] == [("base", "quote")]
    assert live(book) == before


def test_two_rows_of_one_page_that_contradict_each_other_keep_the_first(book: Book, tell: Tell) -> None:
    absorber = tell(book, api_row(), api_row(size="0.50000000"))
    assert absorber.tally == Tally(new=1, doubtful=1)
    (contradiction,) = absorber.contradictions
    assert (contradiction.locator, contradiction.same_payload) == ("row 2", True)


# --- what the venue tells otherwise later ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["0", "1.5"])
def test_a_later_page_corrects_what_an_earlier_one_told_by_a_reversal_and_a_new_entry(
    new_book: Callable[..., Book], bought: Path, tell: Tell, report_of: Callable[..., bytes], first: str
) -> None:
    book, plain = new_book(), new_book()
    for one in (book, plain):
        one.import_files([bought])
    tell(book, api_row(fee=first))
    book.rebuild()
    assert tell(book, api_row(), page=2).tally == Tally(revised=1)
    tell(plain, api_row())
    assert (live(book).revision, live(book).event) == (1, live(plain).event)
    with book.store.read() as reader:
        entry, reversal, again = (stored.entry for stored in reader.entries_of(FILL_ID))
    assert (reversal.reverses, again.reverses) == (entry.entry_id, None)
    assert reversal.postings == tuple(posting.reversed() for posting in entry.postings)
    assert figures(book, report_of) == figures(plain, report_of)
    assert (book.rebuild_diff(), book.check()) == (Changes(), ())


def test_a_later_word_about_a_closed_year_leaves_what_was_filed_and_says_so(book: Book, bought: Path, tell: Tell) -> None:
    book.import_files([bought])
    tell(book, api_row(fee="0"))
    book.rebuild()
    book._now = lambda: datetime(2026, 5, 1, tzinfo=UTC)
    book.close_year(2025)
    tell(book, api_row(), page=2)
    book.rebuild()
    (finding,) = book.findings()
    assert (finding.code, finding.severity, finding.subject) == ("closed-year-differs", "warning", "2025")


def test_the_newest_word_stands_and_an_older_one_that_comes_again_is_a_finding(book: Book, bought: Path, tell: Tell) -> None:
    book.import_files([bought])
    tell(book, api_row(fee="0"), page=2)
    tell(book, api_row(), page=3)
    before = live(book)
    assert tell(book, api_row(fee="0"), page=2).tally == Tally(doubtful=1)
    assert tell(book, api_row(fee="2"), page=1).tally == Tally(doubtful=1)
    assert live(book) == before


def test_a_later_page_with_another_instant_order_or_money_under_one_id_corrects_nothing(book: Book, bought: Path, tell: Tell) -> None:
    book.import_files([bought])
    tell(book, api_row())
    before = live(book)
    for page, other in enumerate(({"created_at": "2025-06-03T15:00:00Z"}, {"order_id": "another"}, {"funding_currency": "USDC"}), start=2):
        assert tell(book, api_row(fee="0", **other), page=page).tally == Tally(doubtful=1)
    assert live(book) == before


@ON_SQLITE
@pytest.mark.parametrize("file_first", [False, True])
def test_a_file_that_agreed_with_the_older_word_contradicts_the_newer_one_whenever_it_came(
    book: Book, bought: Path, fills_file: Callable[..., Path], tell: Tell, *, file_first: bool
) -> None:
    book.import_files([bought])
    path = fills_file()
    if file_first:
        book.import_files([path])
    tell(book, api_row())
    if not file_first:
        book.import_files([path])
    tell(book, api_row(fee="6.5"), page=2)
    said = [(one.code, one.subject, one.message.rpartition("otherwise")[2]) for one in book.findings()]
    assert said == [("contradiction", "main/74", " than the book has it: fee differ")]
    fee = live_fill(book).fee
    assert fee is not None
    assert str(fee.quantity) == "6.5"
    book.import_files([path])
    assert said == [(one.code, one.subject, one.message.rpartition("otherwise")[2]) for one in book.findings()]


def test_a_venue_that_repeats_what_contradicts_a_file_has_corrected_nothing(
    book: Book, bought: Path, fills_file: Callable[..., Path], tell: Tell
) -> None:
    book.import_files([bought, fills_file()])
    before = live(book)
    for page in (1, 2):
        assert tell(book, api_row(size="0.50000000"), page=page).tally == Tally(doubtful=1)
    assert live(book) == before


# --- what the venue itself may still change --------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize(
    "settled",
    [
        pytest.param({"fee": "7.6782375000000000"}, id="another fee"),
        pytest.param({"price": "3412.56000000"}, id="another price"),
        pytest.param({"created_at": "2025-06-03T14:22:32.000001Z"}, id="another time"),
    ],
)
def test_a_settled_fill_replaces_an_unsettled_one_and_the_journal_nets_to_it(
    new_book: Callable[..., Book], bought: Path, tell: Tell, report_of: Callable[..., bytes], settled: dict[str, Json]
) -> None:
    book, plain = new_book(), new_book()
    for one in (book, plain):
        one.import_files([bought])
    tell(book, api_row(settled=False))
    book.rebuild()
    assert live_fill(book).provisional
    assert tell(book, api_row(**settled), page=2).tally == Tally(revised=1)
    tell(plain, api_row(**settled))

    assert (live(book).revision, live(book).event) == (1, live(plain).event)
    with book.store.read() as reader:
        first, reversal, second = (stored.entry for stored in reader.entries_of(FILL_ID))
    assert (first.reverses, reversal.reverses, second.reverses) == (None, first.entry_id, None)
    assert reversal.postings == tuple(posting.reversed() for posting in first.postings)
    assert figures(book, report_of) == figures(plain, report_of)
    assert book.check() == ()


def test_a_settled_fill_in_other_money_leaves_nothing_of_the_first_money_behind(
    new_book: Callable[..., Book], bought: Path, tell: Tell, report_of: Callable[..., bytes]
) -> None:
    book, plain = new_book(), new_book()
    for one in (book, plain):
        one.import_files([bought])
    tell(book, api_row(settled=False, funding_currency="USDC", fee="6.39"))
    assert b"USDC" in report_of(book, "gains")
    tell(book, api_row(), page=2)
    tell(plain, api_row())
    assert figures(book, report_of) == figures(plain, report_of)
    assert book.check() == ()


def test_a_fill_that_settles_as_it_was_changes_nothing(book: Book, bought: Path, tell: Tell, report_of: Callable[..., bytes]) -> None:
    book.import_files([bought])
    tell(book, api_row(settled=False))
    before, reports = live(book), figures(book, report_of)
    assert tell(book, api_row(), page=2).tally == Tally(known=1)
    assert (live(book), figures(book, report_of)) == (before, reports)


def test_what_a_file_knew_of_an_unsettled_fill_is_not_lost_when_it_settles(
    book: Book, bought: Path, fills_file: Callable[..., Path], tell: Tell
) -> None:
    book.import_files([bought])
    book.import_files([fills_file()], bot="grid")
    tell(book, api_row(settled=False))
    tell(book, api_row(fee="7.6782375000000000"), page=2)
    assert live_fill(book).bot == "grid"


def test_a_page_pulled_again_is_known(book: Book, tell: Tell, counts: Callable[[Book], dict[str, int]]) -> None:
    rows = (api_row(), api_row(trade_id=75, created_at="2025-06-03T14:23:00Z"))
    assert tell(book, *rows).tally == Tally(new=2)
    before = counts(book)
    assert tell(book, *rows).tally == Tally(known=2)
    assert counts(book) == before


# --- who decided -----------------------------------------------------------------------------------------------------


def test_the_bot_of_a_connection_goes_before_an_order_pattern(new_book: Callable[..., Book], tell: Tell) -> None:
    made = new_book()
    settings = made.settings.folder / "lotwright.toml"
    rules = '[[bots]]\nname = "pattern"\nclient_order_id = "7c2f*"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + rules, encoding="utf-8")
    with Book.open(made.settings.folder) as book:
        tell(book, api_row())
        tell(book, api_row(trade_id=75, order_id="other", created_at="2025-06-03T14:23:00Z"))
        book.add_connection("main", venue=CoinbaseExchange.venue, bot="connection")
        tell(book, api_row(trade_id=76, created_at="2025-06-03T14:24:00Z"))
        with book.store.read() as reader:
            assert [stored.event.bot for stored in reader.events()] == ["pattern", None, "connection"]


def test_a_file_of_a_connection_s_account_belongs_to_its_bot_like_its_pages(
    book: Book, bought: Path, fills_file: Callable[..., Path]
) -> None:
    book.add_connection("main", venue=CoinbaseExchange.venue, bot="grid")
    book.import_files([bought, fills_file()])
    assert live_fill(book).bot == "grid"
