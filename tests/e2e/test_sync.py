"""`lotwright sync` against an exchange that misbehaves: everything arrives, once, and equals the exchange's own account."""

import pytest

from ledger.sandbox.server import Sandbox

from .conftest import FILLS, QUICK, BookFolder, true_pieces

SYNCS_MAX = 3  # what is unsettled or comes late at first reading is there at the next
KEYS = {"schema", "exit_code", "new", "known", "revised", "doubtful", "findings", "windows", "requests", "waits", "retries", "seconds"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_goes_wrong_the_book_equals_the_exchange_to_the_last_digit(seed: int, book: BookFolder) -> None:
    with Sandbox(seed=seed, fills=FILLS, faults="all", patience=QUICK) as sandbox:
        book.connect(sandbox)
        first = book.run("sync", "--json").ok().json()
        assert first["schema"] == 1
        assert set(first) >= KEYS
        assert (first["exit_code"], first["doubtful"]) == (0, 0)
        assert first["requests"] == len(sandbox.calls)
        syncs = 1
        while (last := book.run("sync", "--json").ok().json())["new"] or last["revised"]:
            syncs += 1
            assert syncs < SYNCS_MAX, last
        assert sandbox.fault_counts()
        assert sandbox.violations == []
        assert book.pieces() == true_pieces(sandbox)
    book.run("reconcile").ok()
    book.assert_whole()


def test_a_connection_named_twice_is_pulled_once_and_in_the_place_of_its_first_name(book: BookFolder) -> None:
    with Sandbox(seed=7, fills=FILLS) as one, Sandbox(seed=8, fills=FILLS) as other:
        book.connect(one, "main")
        book.connect(other, "spare")
        told = book.run("sync", "spare", "main", "spare", "main", "--json").ok().json()
    assert [each["name"] for each in told["connections"]] == ["spare", "main"]


def test_a_quiet_exchange_is_synced_once_and_the_second_sync_finds_nothing_new(book: BookFolder) -> None:
    with Sandbox(seed=7, fills=1200) as sandbox:
        book.connect(sandbox)
        first = book.run("sync", "--json").ok().json()
        before = book.counts()
        second = book.run("sync", "--json").ok().json()
        assert book.pieces() == true_pieces(sandbox)
        assert sandbox.violations == []
        fills = [fill.trade_id for fill in sandbox.account.fills]
    assert first["new"] == before["entry"]
    assert (first["known"], first["revised"], first["doubtful"]) == (0, 0, 0)
    assert (second["new"], second["revised"], second["doubtful"]) == (0, 0, 0)
    assert book.counts()["entry"] == before["entry"]
    bots = book.run("report", "bots", "--format", "csv").ok().rows()
    assert [int(row["fills"]) for row in bots] == [1200]
    assert book.counts()["entry"] == before["entry"] > len(fills)
