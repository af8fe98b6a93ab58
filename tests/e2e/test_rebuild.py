"""`lotwright rebuild`: what a newer program reads otherwise is shown first, then taken in."""

import sqlite3
from contextlib import closing

from ledger.sandbox.server import Sandbox

from .conftest import FILLS, BookFolder

FOUND = "SELECT code, subject FROM finding ORDER BY code"
OLD = """
    INSERT INTO finding (origin, code, severity, subject, message, mend, found_at)
    SELECT 'payload:' || payload_id, ?, 'error', 'main/ledger/USD/7', 'a row of the type ''gift''', 'wait', fetched_at
    FROM payload WHERE stream = 'ledger' AND symbol = 'USD' LIMIT 1
"""


def findings(book: BookFolder) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(book.database)) as connection:
        return connection.execute(FOUND).fetchall()


def test_what_is_read_now_is_no_finding_any_more(book: BookFolder) -> None:
    with Sandbox(seed=11, fills=FILLS) as sandbox:
        book.connect(sandbox)
        book.run("sync").ok()
    told = findings(book)
    assert book.run("rebuild", "--diff").ok().out == "nothing is read differently\n"
    with closing(sqlite3.connect(book.database)) as connection, connection:
        for code in ("contradiction", "unknown-row"):
            connection.execute(OLD, [code])
    planted = findings(book)
    shown = "finding gone: unknown-row main/ledger/USD/7: a row of the type 'gift'\n"
    assert book.run("rebuild", "--diff").ok().out == f"{shown}would be findings: 0 new, 0 changed, 1 gone\n"
    assert findings(book) == planted
    assert book.run("rebuild").ok().out == f"{shown}findings: 0 new, 0 changed, 1 gone\n"
    assert findings(book) == sorted([*told, ("contradiction", "main/ledger/USD/7")])
    assert book.run("rebuild").ok().out == "nothing is read differently\n"
