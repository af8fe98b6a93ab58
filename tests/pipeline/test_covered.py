"""A file without ids is not booked over what a connection has told: it would be booked twice, and nobody could see it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.book import Book
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId
from ledger.storage.store import StreamWalk

HEAD = "Date(UTC),Pair,Side,Price,Executed,Amount,Fee"
MAY = "2024-05-01 12:00:00,BTCUSDT,BUY,60000,0.0010000000BTC,60.00000000USDT,0.0000010000BTC"
JULY = MAY.replace("2024-05", "2024-07")
JUNE_1 = datetime(2024, 6, 1, tzinfo=UTC)


def walked(book: Book, stream: str, symbol: str = "", *, since: datetime | None = None, to: datetime | None = JUNE_1) -> None:
    """Let connection main have walked a stream as far as that."""
    with book.store.write() as writer:
        writer.put_stream_walk(StreamWalk(connection="main", stream=stream, symbol=symbol, since=since, walked_at=to))


def imported(book: Book, folder: Path, *rows: str) -> int:
    file = folder / f"trades-{len(rows)}.csv"
    file.write_text("\n".join([HEAD, *rows]) + "\n")
    (outcome,) = book.import_files([file], account=AccountId("main"))
    return outcome.tally.new


def test_a_row_without_id_of_a_time_that_a_connection_has_told_is_refused(book: Book, tmp_path: Path) -> None:
    walked(book, "fills", "BTCUSDT")
    with pytest.raises(InputError) as refused:
        imported(book, tmp_path, MAY, JULY)
    assert [fault.line for fault in refused.value.faults] == [2]
    assert "connection main has told all fills; the file has no ids of its rows" in str(refused.value.faults[0])
    assert imported(book, tmp_path, JULY) == 1


@pytest.mark.parametrize(
    ("stream", "symbol", "since"),
    [("fills", "ETHUSDT", None), ("deposits", "", None), ("moves", "", None), ("fills", "BTCUSDT", datetime(2024, 5, 2, tzinfo=UTC))],
)
def test_a_row_that_no_stream_reaches_is_taken(book: Book, tmp_path: Path, stream: str, symbol: str, since: datetime | None) -> None:
    walked(book, stream, symbol, since=since)
    assert imported(book, tmp_path, MAY) == 1


def test_a_stream_whose_walk_never_ended_covers_nothing(book: Book, tmp_path: Path) -> None:
    walked(book, "fills", "BTCUSDT", to=None)
    assert imported(book, tmp_path, MAY) == 1


def test_a_file_that_was_imported_before_the_connection_came_is_known_again(book: Book, tmp_path: Path) -> None:
    assert imported(book, tmp_path, MAY) == 1
    walked(book, "trades")
    assert imported(book, tmp_path, MAY) == 0
