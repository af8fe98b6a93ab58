"""What users bring as files, and what they are told: one message for each way to be wrong, exit 2, and a book as it was before."""

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

from ledger.plugins import file_formats

from .conftest import BookFolder, Shell, new_book

COLUMNS = ("id", "time", "type", "account", "asset", "amount", "quote_asset", "quote_amount")
GOOD = ("t1", "2025-03-01T12:00:00Z", "buy", "main", "BTC", "0.5", "USD", "20000")
HEADER = ",".join(COLUMNS)
GOOD_ROW = ",".join(GOOD)

SAVE = '\n  mend: save it as "CSV UTF-8 (comma delimited)"'
ENGLISH = "save it with commas between cells and points in numbers (language English in most spreadsheets)"
QUOTES = 'put a cell in quotes as a whole, and write " in it twice'
TWICE = "(give each event an id of its own, or take the wrong row out)"
NEAREST = "the header is of no known format; nearest is lotwright-events (Lotwright's own events):"
KNOWN = "\n  mend: correct the header or export the file again; known formats: " + ", ".join(one.name for one in file_formats())
ONE_BAD = ": 1 row is bad; nothing was imported\n  mend: correct the file and import it again\n  line "
NUMBER = "(write it like 1234.5678: at most 20 digits before the point and 18 after it)"
PLAIN = f"is not a plain number (digits with at most one decimal point, no separators) {NUMBER}"
CODE = "is not an asset code (1 to 32 characters of A-Z, 0-9, '.', '-', '_', '$')"
NEGATIVE = "'-1' is negative (write the amount without sign; the type of the row says which way it goes)"
TYPES = "buy, sell, transfer, deposit, withdrawal, income, spend, fee, gift_in, gift_out, donation, lost, opening"


RATES = b"Date,USD,JPY,GBP,\n2025-01-02,1.03,160,0.8,\n"


def row(**cells: str) -> str:
    return ",".join((dict(zip(COLUMNS, GOOD, strict=True)) | cells).values())


def file_of(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "no byte": (b"", ": is empty, there is no header row\n  mend: export the file again"),
    "blank lines": (b"\n\n", ": is empty, there is no header row\n  mend: export the file again"),
    "Latin-1": (file_of(row(id="caf\u00e9")).decode().encode("latin-1"), f", line 2: byte 0xE9 at position 4 is not UTF-8{SAVE}"),
    "UTF-16": (file_of(GOOD_ROW).decode().encode("utf-16"), f": seems to be UTF-16 text, not CSV{SAVE}"),
    "UTF-16 without mark": (
        file_of(GOOD_ROW).decode().encode("utf-16-be"),
        f", line 1: has a NUL byte, so it is UTF-16 or no text at all{SAVE}",
    ),
    "random bytes": (bytes(range(256)), f", line 1: has a NUL byte, so it is UTF-16 or no text at all{SAVE}"),
    "a workbook": (
        b"PK\x03\x04" + bytes(100),
        ": is a damaged zip archive or workbook\n  mend: download it again, or unpack it and import the CSV file",
    ),
    "a web page": (b"<!DOCTYPE html><title>Log in</title>", ": seems to be HTML or XML, not CSV\n  mend: export it as CSV"),
    "semicolons": (
        file_of(GOOD_ROW).replace(b",", b";"),
        f", line 1: the cells seem to be separated by semicolons, not commas\n  mend: {ENGLISH}",
    ),
    "an open quote": (
        file_of('t1,"2025'),
        f", line 2: the row is not well-formed: quotes do not match, or a cell has more than 131,072 characters\n  mend: {QUOTES}",
    ),
    "a missing column": (
        file_of("t1,2025-03-01T12:00:00Z,buy,main,BTC,20000", header="id,time,type,account,asset,quote_amount"),
        f": {NEAREST} missing: 'amount'{KNOWN}",
    ),
    "an unknown column": (file_of(f"{GOOD_ROW},x", header=f"{HEADER},amont"), f": {NEAREST} unknown: 'amont' (nearest: 'amount'){KNOWN}"),
    "a column twice": (
        file_of(f"{GOOD_ROW},x", header=f"{HEADER},id"),
        ": the header is of no known format; nearest is lotwright-events (Lotwright's own events): unknown: 'id (2)' (nearest: 'id')"
        + KNOWN,
    ),
    "a short row": (file_of("t1,2025-03-01T12:00:00Z"), f"{ONE_BAD}2: has 2 cells, the header has 8 (fill up the row with commas)"),
    "separators of thousands": (file_of(row(amount='"1,000.5"')), f"{ONE_BAD}2, column amount: '1,000.5' {PLAIN}"),
    "a decimal comma": (file_of(row(amount='"1000,5"')), f"{ONE_BAD}2, column amount: '1000,5' {PLAIN}"),
    "two signs": (file_of(row(amount="--5")), f"{ONE_BAD}2, column amount: '--5' {PLAIN}"),
    "not a number": (file_of(row(amount="NaN")), f"{ONE_BAD}2, column amount: 'NaN' {PLAIN}"),
    "infinity": (file_of(row(quote_amount="Infinity")), f"{ONE_BAD}2, column quote_amount: 'Infinity' {PLAIN}"),
    "a huge exponent": (file_of(row(amount="1e400")), f"{ONE_BAD}2, column amount: '1e400' has more than 20 integer digits {NUMBER}"),
    "19 decimals": (
        file_of(row(amount="0.1234567890123456789")),
        f"{ONE_BAD}2, column amount: '0.1234567890123456789' has more than 18 decimals {NUMBER}",
    ),
    "a negative size": (file_of(row(amount="-1")), f"{ONE_BAD}2, column amount: {NEGATIVE}"),
    "a time without offset": (
        file_of(row(time="2025-03-01T12:00:00")),
        f"{ONE_BAD}2, column time: '2025-03-01T12:00:00' has no UTC offset (add Z for UTC, or the offset of the clock, like -05:00)",
    ),
    "an impossible date": (
        file_of(row(time="2025-02-30T12:00:00Z")),
        f"{ONE_BAD}2, column time: '2025-02-30T12:00:00Z' is not in the calendar (check day, hour and offset)",
    ),
    "an asset in small letters": (file_of(row(asset="btc")), f"{ONE_BAD}2, column asset: 'btc' {CODE} (did you mean BTC?)"),
    "no asset code": (file_of(row(asset="b!t")), f"{ONE_BAD}2, column asset: 'b!t' {CODE} (write the code as the venue does, like BTC)"),
    "an unknown type": (file_of(row(type="bought")), f"{ONE_BAD}2, column type: 'bought' is no type of row (write one of {TYPES})"),
    "an id twice, with other content": (
        file_of(GOOD_ROW, row(id="t2"), row(amount="0.6")),
        f"{ONE_BAD}4, column id: 't1' stands in this file twice with different content: base {TWICE}",
    ),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BookFolder]:
    """A book with one event; all the bad files of this module leave it as it is."""
    book = new_book(Shell(tmp_path_factory.mktemp("kept")))
    book.import_rows(row(id="t0"), header=HEADER).ok()
    before = book.run("status").ok()
    yield book
    assert book.run("status").ok().out == before.out


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_by_what_is_wrong_with_it(case: str, kept: BookFolder) -> None:
    content, told = BAD_FILES[case]
    path = kept.shell.home / "my.csv"
    path.write_bytes(content)
    before = kept.counts()
    assert kept.run("import", path, "--account", "main").refused(2) == f"lotwright: {path}{told}\n"
    assert kept.counts() == before


def test_the_first_20_bad_rows_are_shown_and_all_of_them_when_asked_for(kept: BookFolder) -> None:
    path = kept.shell.home / "many.csv"
    path.write_bytes(file_of(*(row(id=f"t{number}", amount="-1") for number in range(25))))
    head = f"lotwright: {path}: 25 rows are bad; nothing was imported\n  mend: correct the file and import it again\n"
    listed = [f"  line {line}, column amount: {NEGATIVE}\n" for line in range(2, 27)]
    assert kept.run("import", path).refused(2) == head + "".join(listed[:20]) + "  ... and 5 more; show them with --all\n"
    assert kept.run("import", path, "--all").refused(2) == head + "".join(listed)


def test_a_file_of_prices_is_told_apart_from_one_of_events(kept: BookFolder) -> None:
    path = kept.shell.home / "eurofxref-hist.csv"
    path.write_bytes(RATES)
    told = f"lotwright: {path}: holds prices (ecb), no events\n  mend: lotwright prices import {path}\n"
    assert kept.run("import", path, "--account", "main").refused(2) == told
    path.write_bytes(RATES.replace(b"GBP", b"GPB"))
    assert "column 5 of the header has no name" in kept.run("import", path, "--account", "main").refused(2)


def test_of_several_files_one_bad_row_keeps_all_of_them_out(kept: BookFolder) -> None:
    good, bad = kept.shell.home / "good.csv", kept.shell.home / "bad.csv"
    good.write_bytes(file_of(row(id="t8")))
    bad.write_bytes(file_of(row(id="t9", amount="0")))
    before = kept.counts()
    told = kept.run("import", good, bad).refused(2)
    assert told.startswith(f"lotwright: {bad}: 1 row is bad; nothing was imported\n")
    assert kept.counts() == before


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_what_is_no_file_is_refused(name: str, kept: BookFolder) -> None:
    path = kept.shell.home / name
    said = "is not a regular file" if path.is_dir() else "cannot be read (No such file or directory)"
    assert kept.run("import", path).refused(2).startswith(f"lotwright: {path}: {said}\n  mend: ")


def test_a_byte_order_mark_is_no_fault_and_a_dry_run_stores_nothing(kept: BookFolder) -> None:
    path = kept.shell.home / "my.csv"
    path.write_bytes(b"\xef\xbb\xbf" + file_of(row(id="t7")))
    before = kept.counts()
    told = kept.run("import", path, "--dry-run").ok().out
    assert told == f"{path}: lotwright-events, 1 rows: 1 new, 0 known, 0 revised, 0 doubtful (dry run: nothing stored)\n"
    assert kept.counts() == before


def test_a_row_known_with_other_content_is_a_finding_and_the_first_telling_stays(book: BookFolder) -> None:
    book.import_rows(row(), header=HEADER).ok()
    before = book.csv("journal")
    again = book.import_rows(row(), row(id="t2"), header=HEADER).ok()
    assert again.out.endswith("2 rows: 1 new, 1 known, 0 revised, 0 doubtful\n")
    other = book.import_rows(row(quote_amount="20001"), header=HEADER)
    assert other.code == 1
    assert other.out.endswith("1 rows: 0 new, 0 known, 0 revised, 1 doubtful\n")
    assert "error: contradiction: " in other.err
    assert "quote differ\n  mend: compare both with `lotwright explain " in other.err
    assert set(before["journal"].splitlines()) < set(book.csv("journal")["journal"].splitlines())
    assert book.run("check").code == 1


# --- without an end ---------------------------------------------------------------------------------------------------

DATA_BYTES_MAX = 96 * 1024 * 1024  # the program itself needs some 50 MB, of the files of 80 MB and more there is no room for one
PRICES = "time,asset,currency,price"


def endless_header(path: Path) -> None:
    path.touch()
    os.truncate(path, 400 * 1024 * 1024)  # a hole: takes no room on the disk


def endless_row(path: Path) -> None:
    path.write_text(f"{HEADER}\n{GOOD_ROW}\n", encoding="utf-8")
    os.truncate(path, 400 * 1024 * 1024)


def endless_cell(path: Path) -> None:
    path.write_text(f'{HEADER}\n{GOOD_ROW}\nt2,"' + "words of a cell\n" * 5_500_000, encoding="utf-8")


def endless_list(path: Path) -> None:
    path.write_text(f'{HEADER}\n{GOOD_ROW}\nt2,"' + f'{"w" * 1000}\n","' * 85_000, encoding="utf-8")


def endless_price(path: Path) -> None:
    path.write_text(f"{PRICES}\n", encoding="utf-8")
    os.truncate(path, 400 * 1024 * 1024)


def endless_json(path: Path) -> None:
    path.write_text("[", encoding="utf-8")
    os.truncate(path, 400 * 1024 * 1024)


def endless_member(path: Path) -> None:
    with ZipFile(path, "w", ZIP_STORED) as archive, archive.open("my.csv", "w") as member:
        for _ in range(85):
            member.write(b"1" * 1_000_000)


LONG = ": has more than 1,048,576 bytes\n"


@pytest.mark.parametrize(
    ("make", "command", "told"),
    [
        (endless_header, "import", f", line 1{LONG}"),
        (endless_row, "import", f", line 3{LONG}"),
        (endless_cell, "import", ", line 3: the row is not well-formed: quotes do not match, or a cell has more than 131,072 characters\n"),
        (endless_list, "import", ", line 3: the row that goes on to line 1047 has more than 1,048,576 bytes\n"),
        (endless_member, "import", f", line 1{LONG}"),
        (endless_header, "import --explain", f", line 1{LONG}"),
        (endless_price, "prices import", f", line 2{LONG}"),
        (endless_row, "bots import", f", line 3{LONG}"),
        (endless_json, "bots import", ": is JSON of 419,430,400 bytes, more than the 33,554,432 that are read as one\n"),
    ],
)
def test_what_has_no_end_is_refused_in_bounded_memory(make: Callable[[Path], None], command: str, told: str, kept: BookFolder) -> None:
    path = kept.shell.home / "endless.csv"
    make(path)
    account = () if command == "prices import" else ("--account", "main")
    before = kept.counts()
    refused = kept.run(*command.split(), path, *account, before=little_memory).refused(2)
    path.unlink()
    assert refused.startswith(f"lotwright: {path}{told}  mend: ")
    assert kept.counts() == before


def little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES_MAX, DATA_BYTES_MAX))
