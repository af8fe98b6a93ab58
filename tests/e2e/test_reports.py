"""Reports as users ask for them: every report in every format, to a file and into a pipe, cut by period, bot, asset and account."""

import io
import json
import os
import pty
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from .conftest import COMMAND, BookFolder, Ran

REPORTS = ("balances", "bots", "form-8949", "gains", "holdings", "income", "journal", "lots", "schedule-d", "summary")
WITHOUT_ROWS = ("compare", "elections", "missing-basis", "period-diff", "valuations")  # have tests of their own
ON_REQUEST = ("wash-sales",)  # refused until the settings ask for it
OF_OTHER_COUNTRIES = ("sa108", "uk-disposals")
FORMATS = {"csv": "csv", "html": "html", "json": "json", "table": "txt", "xlsx": "xlsx"}
COLOR = re.compile(r"\x1b\[[0-9;]*m")
EVENT_ID = re.compile(r"event ([0-9a-f]{32})\n")
PAYLOAD_ID = re.compile(r"payload (P-[0-9a-f]+)\n")


def gains(book: BookFolder, *options: str) -> list[dict[str, str]]:
    return book.run("report", "gains", "--format", "csv", *options).ok().rows()


# --- formats -----------------------------------------------------------------------------------------------------------


def test_a_report_command_without_a_name_lists_the_reports(synced: BookFolder) -> None:
    listed = synced.run("report").ok().out
    assert tuple(line.split()[0] for line in listed.splitlines()) == tuple(
        sorted((*REPORTS, *OF_OTHER_COUNTRIES, *ON_REQUEST, *WITHOUT_ROWS))
    )


def test_the_list_of_reports_tells_their_options_and_a_wrong_one_is_refused(synced: BookFolder) -> None:
    listed = synced.run("report").ok().out
    assert "Form 8949 (--set rows, amounts, exception_1, exception_2)\n" in listed
    told = synced.run("report", "form-8949", "--options").ok().out
    assert told.startswith("rows=piece|sale|order: one row for each lot of a sale, for each sale, or for each order and day\n")
    for asked, complaint in (
        (("row=sale",), "report form-8949 has no option 'row'\n  mend: did you mean 'rows'?"),
        (("rows=sales",), "report form-8949: option rows cannot be 'sales'\n  mend: did you mean 'sale'?"),
        (("rows",), "--set rows: option 'rows' has no choice"),
        (("rows=sale", "rows=order"), "--set rows=order: option 'rows' is asked for twice, with 'sale' and 'order'"),
    ):
        assert complaint in synced.run("report", "form-8949", *(part for one in asked for part in ("--set", one))).refused(2)


def test_the_analysis_of_wash_sales_is_refused_until_the_settings_ask_for_it(synced: BookFolder) -> None:
    refused = synced.run("report", "wash-sales").refused(2)
    assert "wash sales are not analysed in this book" in refused
    assert 'wash_sales = "analysis"' in refused


@pytest.mark.parametrize("name", REPORTS)
def test_every_format_of_a_report_is_told_by_the_file_and_has_the_same_rows(name: str, synced: BookFolder, tmp_path: Path) -> None:
    for suffix in FORMATS.values():
        target = tmp_path / f"report.{suffix}"
        ran = synced.run("report", name, "-o", target).ok()
        assert (ran.out, ran.err) == ("", f"wrote {target}\n")
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (first, *_) = document["tables"]
    csv_rows = (tmp_path / "report.csv").read_text(encoding="utf-8").splitlines()
    assert (document["schema"], document["name"]) == (1, name)
    assert csv_rows[0].split(",") == [column["name"] for column in first["columns"]]
    assert len(csv_rows) - 1 == len(first["rows"]) > 0
    assert len(sheet_rows((tmp_path / "report.xlsx").read_bytes(), first)) >= len(first["rows"])
    page, table = ((tmp_path / f"report.{suffix}").read_text(encoding="utf-8") for suffix in ("html", "txt"))
    for text in (page, table):
        assert document["title"] in text
    assert page.count("<tr") > len(first["rows"])
    assert table.count("\n") > len(first["rows"])


@pytest.mark.parametrize("name", OF_OTHER_COUNTRIES)
def test_a_report_of_another_country_is_refused_and_writes_nothing(name: str, synced: BookFolder, tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    ran = synced.run("report", name, "-o", target)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"lotwright: {name}: the book is matched under regime 'us 1'")
    assert not target.exists()


def sheets(workbook: bytes) -> list[list[tuple[str, ...]]]:
    """Return all sheets of a workbook as rows of text."""
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    return [[tuple(str(cell or "") for cell in row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]


def sheet_rows(workbook: bytes, table: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows below the heading of the sheet that holds a table."""
    titles = [column["title"] for column in table["columns"]]
    for rows in sheets(workbook):
        for number, row in enumerate(rows):
            if [cell.removesuffix(" (UTC)") for cell in row[: len(titles)]] == titles:
                return rows[number + 1 :]
    raise AssertionError(titles)


@pytest.mark.parametrize("format_name", FORMATS)
def test_what_goes_into_a_pipe_is_what_stands_in_the_file(format_name: str, synced: BookFolder, tmp_path: Path) -> None:
    target = tmp_path / f"gains.{FORMATS[format_name]}"
    synced.run("report", "gains", "--format", format_name, "-o", target).ok()
    piped = synced.run("report", "gains", "--format", format_name).ok()
    assert piped.err == ""
    assert piped.raw == target.read_bytes()


@pytest.mark.parametrize("format_name", ["csv", "table", "json"])
def test_a_reader_that_goes_away_is_no_fault(format_name: str, synced: BookFolder) -> None:
    with synced.running("report", "journal", "--format", format_name) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline()
        child.stdout.close()
        assert (child.wait(timeout=30), child.stderr.read()) == (0, "")


# --- selections --------------------------------------------------------------------------------------------------------


def test_the_years_part_the_gains(synced: BookFolder) -> None:
    everything = gains(synced)
    by_year = {year: gains(synced, "--year", year) for year in ("2023", "2024", "2025")}
    assert by_year["2023"] == []
    assert by_year["2024"] + by_year["2025"] == everything
    assert {row["date_disposed"][:4] for row in by_year["2025"]} == {"2025"}


def test_days_are_taken_in_the_zone_of_the_book_and_both_ends_belong_to_the_period(synced: BookFolder) -> None:
    everything = gains(synced)
    first, last = everything[20]["date_disposed"], everything[60]["date_disposed"]
    chosen = gains(synced, "--from", first, "--to", last)
    assert chosen == [row for row in everything if first <= row["date_disposed"] <= last]
    assert len(chosen) >= 41
    assert any(row["disposed_at"][:10] != row["date_disposed"] for row in everything), "no sale near midnight: the zone was not tested"


@pytest.mark.parametrize(
    ("option", "column", "chosen"),
    [("--bot", "bot", "main-bot"), ("--bot", "bot", ""), ("--asset", "asset", "BTC"), ("--account", "account", "cold")],
)
def test_a_filter_leaves_the_rows_that_it_names(option: str, column: str, chosen: str, synced: BookFolder) -> None:
    everything = gains(synced)
    left = gains(synced, option, chosen)
    assert left == [row for row in everything if row[column] == chosen]
    assert 0 < len(left) < len(everything)


def test_the_summary_is_the_exact_sum_of_the_gains(synced: BookFolder) -> None:
    rows, sums = gains(synced), synced.run("report", "summary", "--format", "csv").ok().rows()
    for name in ("proceeds", "cost_basis", "adjustment", "gain"):
        assert sum(Decimal(row[name]) for row in sums) == sum(Decimal(row[name]) for row in rows)
    for row in rows:
        assert Decimal(row["gain"]) == Decimal(row["proceeds"]) - Decimal(row["cost_basis"]) + Decimal(row["adjustment"])
        assert "E" not in row["quantity"] + row["proceeds"] + row["cost_basis"] + row["gain"]


def test_an_unknown_bot_or_account_gives_an_empty_report(synced: BookFolder) -> None:
    assert gains(synced, "--account", "nowhere") == []


# --- looking -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_id_is_explained_down_to_the_bytes_received(synced: BookFolder) -> None:
    row = next(row for row in gains(synced) if row["lot"] and row["account"] == "main")
    entry = synced.run("report", "journal", "--format", "csv").ok().rows()[0]["entry"]
    chain = synced.run("explain", row["disposal"]).ok().out
    assert chain.startswith(f"disposal {row['disposal']} piece ")
    for link in (f"lot {row['lot']}", f"source's id: {row['event']}", f"source's id: {row['lot_event']}", f"proceeds: {row['proceeds']}"):
        assert link in chain
    assert "from: GET /fills?product_id=" in chain
    assert f'"trade_id":{row["event"]}' in chain
    (event, *_), (payload, *_) = EVENT_ID.findall(chain), PAYLOAD_ID.findall(chain)
    for ident, kind in ((row["lot"], "lot"), (entry, "journal entry"), (payload, "payload")):
        assert synced.run("explain", ident).ok().out.startswith(f"{kind} {ident}\n")
    for ident in (event, event[:12], row["event"]):
        assert re.match(r"(fill|event|transfer) ", synced.run("explain", ident).ok().out), ident


def test_a_row_of_a_file_is_explained_by_its_line(synced: BookFolder) -> None:
    told = synced.run("explain", "g1").ok().out
    assert "from: file rows.csv" in told
    assert "line 4: g1,2025-06-30T15:00:00-04:00,sell,cold,,LTC,7.25,USD,725,USD,1.5,,,," in told


def test_the_list_of_lots_is_the_report_of_lots(synced: BookFolder) -> None:
    for format_name in ("table", "csv", "json"):
        listed = synced.run("lots", "list", "--format", format_name).ok()
        assert listed.out == synced.run("report", "lots", "--format", format_name).ok().out
    chosen = synced.run("lots", "list", "--asset", "LTC", "--account", "cold", "--format", "csv").ok().rows()
    assert {(row["asset"], row["account"]) for row in chosen} == {("LTC", "cold")}


def test_status_and_coverage_tell_what_the_book_holds(synced: BookFolder) -> None:
    rows = dict(line.split(maxsplit=1) for line in synced.run("status").ok().out.splitlines())
    counts = synced.counts()
    assert {name: int(rows[name]) for name in ("event", "entry", "payload", "lot", "disposal")} == {
        name: counts[name] for name in ("event", "entry", "payload", "lot", "disposal")
    }
    covered = synced.run("coverage").ok().out.splitlines()
    assert covered[0].split() == ["connection", "stream", "symbol", "windows", "rows", "oldest", "row", "newest", "row", "last", "pulled"]
    assert any(line.startswith("main        fills      BTC-USD") for line in covered)


def test_looking_changes_nothing(synced: BookFolder) -> None:
    before = synced.database.read_bytes()
    for command in (("status",), ("coverage",), ("reconcile",), ("report", "gains"), ("explain", "g1"), ("plugins",), ("connect", "list")):
        synced.run(*command).ok()
    assert synced.database.read_bytes() == before


def test_connections_are_added_listed_and_removed_and_the_comments_of_the_user_stay(book: BookFolder) -> None:
    settings = book.folder / "lotwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    before = settings.read_text(encoding="utf-8")
    add = ("connect", "add", "main", "--venue", "coinbase-exchange", "--bot", "grid-1", "--wallet", "coinbase", "--secrets", "env:MAIN")
    assert book.run(*add).ok().err == "added main; next: lotwright connect check main\n"
    assert book.run("connect", "list").ok().out == "main  coinbase-exchange  bot grid-1  wallet coinbase  secrets env:MAIN  share 0.5\n"
    again = book.run(*add).refused(2)
    assert again == "lotwright: there is a connection named 'main' already\n  mend: choose another name, or remove it first\n"
    assert "# mine\n" in settings.read_text(encoding="utf-8")
    book.run("connect", "remove", "main").ok()
    assert book.run("connect", "list").ok().out == ""
    assert settings.read_text(encoding="utf-8").strip().startswith(before.strip())


# --- the terminal ------------------------------------------------------------------------------------------------------


def on_a_terminal(book: BookFolder, *arguments: str, **environment: str) -> tuple[Ran, str]:
    """Run a command whose standard error is a terminal; return it and what the terminal showed."""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [COMMAND, "--book", str(book.folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(book.shell.home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
    )
    os.close(theirs)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    return Ran(code=done.returncode, raw=done.stdout, err="", seconds=0), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end is closed and all is read
        return b""


def test_progress_is_drawn_on_a_terminal_only_and_without_color_where_none_is_wanted(synced: BookFolder) -> None:
    ran, shown = on_a_terminal(synced, "check")
    plain, uncolored = on_a_terminal(synced, "check", NO_COLOR="1")
    quiet, nothing = on_a_terminal(synced, "-q", "check")
    assert ran.ok().out == plain.ok().out == quiet.ok().out == synced.run("check").ok().out
    assert COLOR.search(shown)
    assert "\x1b[3" not in uncolored
    assert nothing == ""
    assert "\x1b" not in ran.out
    assert "\x1b" not in synced.run("check").err


def test_a_workbook_is_not_written_to_a_terminal(synced: BookFolder) -> None:
    ours, theirs = pty.openpty()
    command = [COMMAND, "--book", str(synced.folder), "report", "gains", "--format", "xlsx"]
    ran = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(theirs)
    shown = _read(ours)
    os.close(ours)
    assert (ran.returncode, shown) == (2, b"")
    assert ran.stderr == "lotwright: xlsx is no format for a terminal\n  mend: name a file: -o gains.xlsx\n"
