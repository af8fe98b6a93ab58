"""The register of elections: its chain, its proof, and who can see what it decided."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book

from .conftest import NOON, STANDING, D, GainsOf, NewBook, at


@pytest.fixture
def elected(held: Book, sell: Callable[..., None], write_elections: Callable[..., Path]) -> Book:
    """A book with an own order, an own selection, an imported order, and a sale decided by each of the own ones."""
    held.elect(rule="hifo", asset="BTC", bot="grid, the „first“")
    at(held, NOON + timedelta(minutes=1)).elect(order="o", lots={"middle": D("0.5"), "high": D("0.25")})
    held.import_files([write_elections(STANDING | {"evidence": "two\nlines"})])
    sell(held, "s1", "0.75", order_id="o")
    sell(held, "s2", "0.25", bot="grid, the „first“", time="2026-06-01T14:00:00Z")
    return held


def broken_links(document: dict[str, Any]) -> list[str]:
    """Do what the recipe in a proof says, with nothing of ours."""
    names = ("election", "kind", "subject", "recorded_at", "grade", "evidence", "body", "file", "stored_at")
    assert ", ".join(names) in " ".join(document["how_to_verify"])
    previous, broken = document["genesis"], []
    for one in document["elections"]:
        previous = hashlib.sha256("\x1f".join([previous, *(one[name] for name in names)]).encode("utf-8")).hexdigest()
        broken += [one["election"]] if previous != one["hash"] else []
    return broken + (["newest"] if previous != document["newest_hash"] else [])


def test_an_auditor_can_compute_the_hashes_of_a_proof_and_sees_the_time_before_the_sale(elected: Book) -> None:
    proof = json.loads(elected.election_proof())
    assert broken_links(proof) == []
    assert proof["made_at"] == "2026-06-01T12:01:00.000000Z"
    own_order, selection, imported = proof["elections"]
    assert [one["event"] for one in own_order["decided"]] == ["s2"]
    assert [(one["event"], one["lot_event"], one["quantity"]) for one in selection["decided"]] == [
        ("s1", "middle", "0.5"),
        ("s1", "high", "0.25"),
    ]
    assert all(one["disposed_at"] > selection["recorded_at"] for one in selection["decided"])
    assert selection["says"] == "selection for order o: 0.5 of lot middle, 0.25 of lot high"
    assert (imported["grade"], imported["evidence"], imported["decided"]) == ("imported", "two\nlines", [])
    assert imported["file"].startswith("P-")


@pytest.mark.parametrize("name", ["subject", "recorded_at", "body", "evidence", "stored_at", "grade"])
def test_a_proof_that_was_touched_gives_itself_away(elected: Book, name: str) -> None:
    proof = json.loads(elected.election_proof())
    proof["elections"][1][name] += " "
    assert broken_links(proof) == [proof["elections"][1]["election"]] + [one["election"] for one in proof["elections"][2:]] + ["newest"]


def test_the_chain_of_one_book_is_not_that_of_another(new_book: NewBook) -> None:
    proofs = []
    for _ in range(2):
        book = at(new_book(), NOON)
        book.elect(rule="hifo")
        proofs.append(json.loads(book.election_proof()))
    assert proofs[0]["elections"][0]["election"] == proofs[1]["elections"][0]["election"]
    assert proofs[0]["newest_hash"] != proofs[1]["newest_hash"]


CHANGES = (
    ("UPDATE election SET recorded_at = '2026-05-30 12:00:00+00' WHERE seq = 1", 1),
    ("UPDATE election SET body = replace(body, 'hifo', 'fifo') WHERE seq = 1", 1),
    ("UPDATE election SET subject = 'order:p' WHERE seq = 2", 2),
    ("UPDATE election SET evidence = 'x' WHERE seq = 3", 3),
    ("DELETE FROM election WHERE seq = 2", 3),
)


@pytest.mark.parametrize(("statement", "seq"), CHANGES, ids=[statement[:45] for statement, _ in CHANGES])
def test_a_register_that_was_changed_is_found(elected: Book, statement: str, seq: int) -> None:
    with elected.store.read() as reader:
        idents = {one.seq: one.election.election_id for one in reader.register()}
    tamper(elected, statement)
    found = [(finding.code, finding.severity, finding.subject) for finding in elected.check() if finding.code == "broken-register"]
    assert found == [("broken-register", "error", idents[seq])]


def test_a_register_that_lost_its_end_is_found(elected: Book) -> None:
    assert elected.check() == ()
    tamper(elected, "DELETE FROM election WHERE seq = 3")
    assert [finding.code for finding in elected.check()] == ["broken-register"]


def tamper(book: Book, statement: str) -> None:
    """Change the register as somebody does who owns the database: first the triggers go, then the rows."""
    backend = book.store._backend
    if backend.engine.dialect.name == "sqlite":
        statement = statement.replace("2026-05-30 12:00:00+00", "2026-05-30T12:00:00.000000Z")
    with backend.writing() as connection:
        if backend.engine.dialect.name == "sqlite":
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER election_refuses_{change}"))
        else:
            connection.execute(text("DROP TRIGGER election_append_only ON election"))
        connection.execute(text(statement))


def test_an_election_is_explained_and_explains_its_disposals(elected: Book, gains_of: GainsOf) -> None:
    piece = next(row for row in gains_of(elected) if row["event"] == "s2")
    (disposal,) = elected.explain(piece["disposal"])
    election = disposal.rests_on[0]
    assert (election.kind, f"order:{election.ident}") == ("election", piece["matched_by"])
    assert ("recorded", "2026-06-01T12:00:00.000000Z") in election.says
    (same,) = elected.explain(election.ident)
    assert (f"decided {piece['disposal']} piece 1", "0.25 BTC at 2026-06-01T14:00:00.000000Z") in same.says
    (imported,) = elected.explain("my-order")
    assert [below.kind for below in imported.rests_on] == ["payload"]


def test_the_report_lists_the_register_and_what_each_election_decided(elected: Book, report_of: Callable[..., bytes]) -> None:
    register, decided = json.loads(report_of(elected, "elections", "json"))["tables"]
    assert [(row["kind"], row["pieces"], row["grade"]) for row in register["rows"]] == [
        ("standing", 0, "imported"),
        ("standing", 1, "own"),
        ("selection", 2, "own"),
    ]
    assert sorted((row["event"], row["lot_event"]) for row in decided["rows"]) == [("s1", "high"), ("s1", "middle"), ("s2", "high")]
    assert all(row["recorded_at"] < row["disposed_at"] for row in decided["rows"])
