"""A row that nobody understands is a finding until the user books it under its id, and stays booked whatever is read again."""

from pathlib import Path

import pytest

from ledger.book import Book, Changes

from .test_holes import MAIN, book  # noqa: F401  # a fixture is used by its name
from .test_holes_at_the_edge import Edge, Row, scene

STRANGE = {"kraken": "nftcreatorfee", "coinbase-exchange": "ascension"}


def unknown(book: Book) -> list[str]:  # noqa: F811
    return [one.subject for one in book.findings() if one.code == "unknown-row"]


@pytest.mark.parametrize("venue", STRANGE)
def test_a_row_that_is_booked_by_hand_is_no_finding_any_more(book: Book, venue: str, tmp_path: Path) -> None:  # noqa: F811
    hit: list[object] = []

    def strange(asked: str, row: Row) -> Row:
        is_row = "balance" in row and row.get("type") in {"deposit", "transfer"} and "edger" in asked
        if not is_row or (hit and row != hit[0]):
            return row
        hit[:] = [row]
        return row | {"type": STRANGE[venue]}

    with scene(book, venue, Edge(alters=strange)) as at:
        at.sync()
        (subject,) = unknown(book)
        row_id = subject.rpartition("/")[2]
        head = "id,time,type,account,asset,amount,note"
        file = tmp_path / "by-hand.csv"
        file.write_text(f"{head}\n{row_id},2024-03-01T12:00:00Z,deposit,{MAIN},BTC,0.001,what the venue told\n")
        book.import_files([file])
        assert unknown(book) == []
        at.sync(again=True)
        assert unknown(book) == []
        assert book.rebuild_diff() == Changes()
