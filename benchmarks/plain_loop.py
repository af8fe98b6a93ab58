"""What the benchmark compares with: the least code that stores as many rows as a book does, and writes a CSV.

One row for the event, one for the evidence, one for the entry, three postings, one lot or disposal: text into SQLite by
``executemany``, read back in order and written out. No checks, no hashes, no matching, floats nowhere either.
"""

import csv
import sqlite3
import sys
from collections.abc import Iterator
from itertools import islice

BATCH = 5_000


def main(source: str, database: str) -> None:
    """Store and write out."""
    connection = sqlite3.connect(database)
    connection.executescript(
        """
        PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
        CREATE TABLE event (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT);
        CREATE TABLE evidence (event INTEGER, payload INTEGER, place TEXT, PRIMARY KEY (event, payload)) WITHOUT ROWID;
        CREATE TABLE entry (seq INTEGER PRIMARY KEY, event INTEGER, at TEXT);
        CREATE TABLE posting (entry INTEGER, line INTEGER, debit TEXT, credit TEXT, asset TEXT, amount TEXT, PRIMARY KEY (entry, line));
        CREATE TABLE lot (seq INTEGER PRIMARY KEY, id TEXT, at TEXT, asset TEXT, quantity TEXT, cost TEXT);
        """,
    )
    with open(source, encoding="utf-8", newline="") as file, connection:  # noqa: PTH123  # the plainest way on purpose
        for batch in batches(csv.DictReader(file)):
            store(connection, batch)
    with open(database + ".csv", "w", encoding="utf-8", newline="") as target:  # noqa: PTH123  # as above
        csv.writer(target).writerows(connection.execute("SELECT * FROM lot ORDER BY at, id"))
    connection.close()


def batches(rows: Iterator[dict[str, str]]) -> Iterator[list[tuple[int, dict[str, str]]]]:
    """Yield numbered rows in batches."""
    numbered = enumerate(rows, start=1)
    while batch := list(islice(numbered, BATCH)):
        yield batch


def store(connection: sqlite3.Connection, batch: list[tuple[int, dict[str, str]]]) -> None:
    """Insert the rows of one batch."""
    connection.executemany("INSERT INTO event VALUES (?, ?, ?)", [(n, row["id"], ",".join(row.values())) for n, row in batch])
    connection.executemany("INSERT INTO evidence VALUES (?, 1, ?)", [(n, f"line {n + 1}") for n, _ in batch])
    connection.executemany("INSERT INTO entry VALUES (?, ?, ?)", [(n, n, row["time"]) for n, row in batch])
    connection.executemany(
        "INSERT INTO posting VALUES (?, ?, ?, ?, ?, ?)",
        [
            (n, line, debit, credit, row[asset], row[amount])
            for n, row in batch
            for line, (debit, credit, asset, amount) in enumerate(
                (
                    ("assets:main", "equity:trading:main", "asset", "amount"),
                    ("equity:trading:main", "assets:main", "quote_asset", "quote_amount"),
                    ("expenses:fees:trading", "assets:main", "fee_asset", "fee_amount"),
                ),
            )
        ],
    )
    lots = [(n, row["id"], row["time"], row["asset"], row["amount"], row["quote_amount"]) for n, row in batch]
    connection.executemany("INSERT INTO lot VALUES (?, ?, ?, ?, ?, ?)", lots)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
